/**
 * What AI uses of a watt earn: rented GPUs, leased halls, tokens; and credits for missed availability.
 *
 * Takes prices, watts and shares; gives dollars and the watts they stand on. Pure. Take-or-pay revenue rises
 * per MWh while the tenant idles, so leases are compared on the capacity basis alone.
 */
import { MONTHS_PER_YEAR, WATTS_PER_KILOWATT } from "./basis.js";

export type GpuPowerChain = {
	/** Kilowatts of the GPUs alone. */
	readonly gpuKilowatts: number;
	/** With processors, fans and supplies of their hosts. */
	readonly itKilowatts: number;
	/** With cooling and losses of the hall, at the utility's meter. */
	readonly facilityKilowatts: number;
	/** Of one GPU, at the utility's meter. */
	readonly kilowattsPerGpu: number;
};

export function gpuPowerChain({
	gpus,
	wattsPerGpu,
	serverOverheadRatio,
	pueRatio,
}: {
	readonly gpus: number;
	readonly wattsPerGpu: number;
	readonly serverOverheadRatio: number;
	readonly pueRatio: number;
}): GpuPowerChain {
	const gpuKilowatts = (gpus * wattsPerGpu) / WATTS_PER_KILOWATT;
	const itKilowatts = gpuKilowatts * serverOverheadRatio;
	const facilityKilowatts = itKilowatts * pueRatio;
	return { gpuKilowatts, itKilowatts, facilityKilowatts, kilowattsPerGpu: facilityKilowatts / gpus };
}

/** Revenue accrues on GPU-hours really rented, less the marketplace's cut. */
export function rentedUsdPerHour({
	gpus,
	usdPerGpuHour,
	utilizationRatio,
	marketplaceCutRatio,
}: {
	readonly gpus: number;
	readonly usdPerGpuHour: number;
	readonly utilizationRatio: number;
	readonly marketplaceCutRatio: number;
}): number {
	return gpus * usdPerGpuHour * utilizationRatio * (1 - marketplaceCutRatio);
}

export const POWER_BEARERS = ["operator", "tenant"] as const;
export type PowerBearer = (typeof POWER_BEARERS)[number];

export type Lease = {
	/** Reserved critical-IT watts: paid whatever is drawn. */
	readonly criticalItWatts: number;
	/** Watts of the interconnect that the lease takes: gross over critical IT is a contract ratio, no PUE. */
	readonly grossWatts: number;
	readonly revenueUsdPerYear: number;
	/** Without it, leases cannot be compared: a gross lease has power inside, another has not. */
	readonly powerBorneBy: PowerBearer;
	/** Net operating income over revenue; what is left after power, where the operator bears it, and running the hall. */
	readonly noiMarginRatio?: number | undefined;
};

export type LeaseMoney = {
	readonly usdPerItWattYear: number;
	readonly usdPerItKilowattMonth: number;
	readonly grossFactor: number;
	readonly usdPerGrossWattYear: number;
	readonly noiUsdPerYear?: number;
	readonly noiUsdPerGrossWattYear?: number;
};

export function leaseMoney({
	criticalItWatts,
	grossWatts,
	revenueUsdPerYear,
	noiMarginRatio,
}: Lease): LeaseMoney {
	const usdPerItWattYear = revenueUsdPerYear / criticalItWatts;
	const noi = noiMarginRatio === undefined ? undefined : revenueUsdPerYear * noiMarginRatio;
	return {
		usdPerItWattYear,
		usdPerItKilowattMonth: (usdPerItWattYear * WATTS_PER_KILOWATT) / MONTHS_PER_YEAR,
		grossFactor: grossWatts / criticalItWatts,
		usdPerGrossWattYear: revenueUsdPerYear / grossWatts,
		...(noi === undefined ? {} : { noiUsdPerYear: noi, noiUsdPerGrossWattYear: noi / grossWatts }),
	};
}

/** Dollars that a kilowatt-hour of tokens earns: 3.6 × (USD per million tokens) × (tokens per joule). */
export function tokensUsdPerKilowattHour(usdPerMillionTokens: number, tokensPerJoule: number): number {
	return 3.6 * usdPerMillionTokens * tokensPerJoule;
}

/** One step of a service level: what is credited in a month whose availability is below. */
export type SlaStep = { readonly availabilityBelow: number; readonly creditRatio: number };

/** The largest credit of the steps that a month's availability falls below; none at or above all. */
export function slaCreditRatio(steps: readonly SlaStep[], availability: number): number {
	let credit = 0;
	for (const { availabilityBelow, creditRatio } of steps) {
		if (availability < availabilityBelow) credit = Math.max(credit, creditRatio);
	}
	return credit;
}
