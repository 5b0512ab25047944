/**
 * Where mining and an AI use of the same watt earn the same: the switch point, in three tiers.
 *
 * Takes both uses on the capacity basis at the utility's meter; gives the hashprice at which mining catches
 * up, the GPU price at which rented GPUs do, and how far each moves with its inputs. Pure.
 */
import { HOURS_PER_YEAR } from "../../shared/units.js";
import { TIERS, type Tier, type Tiered, usdPerWattYearOf, WATTS_PER_KILOWATT } from "./basis.js";
import { type MinerTerms, paidRatio } from "./mining.js";
import { tokensUsdPerKilowattHour } from "./rental.js";

/** USD per utility watt-year, as the capacity basis counts. */
export type CapacityMoney = {
	readonly revenueUsdPerWattYear: number;
	/** Power it pays for itself; zero where a tenant bears it, or where it is inside the margin already. */
	readonly powerUsdPerWattYear: number;
	/** Running the hall beside power: staff, upkeep, fees. */
	readonly operatingUsdPerWattYear: number;
	readonly capitalUsdPerWattYear: number;
};

export type MiningUse = Omit<MinerTerms, "hashprice"> & {
	readonly availabilityRatio: number;
	readonly powerUsdPerKilowattHour: number;
	/** Zero for machines that are paid for: sunk capital decides nothing. */
	readonly capitalUsdPerWattYear: number;
};

export function tierValue(money: CapacityMoney, tier: Tier): number {
	if (tier === "gross") return money.revenueUsdPerWattYear;
	const net = money.revenueUsdPerWattYear - money.powerUsdPerWattYear - money.operatingUsdPerWattYear;
	return tier === "netOfPower" ? net : net - money.capitalUsdPerWattYear;
}

/** Mining at a hashprice: M(HP) = a × (0.365 HP (1−f)/(η o) − 8.76 p), less capital. */
export function miningMoney(mining: MiningUse, hashprice: number): CapacityMoney {
	return {
		revenueUsdPerWattYear: mining.availabilityRatio * hashprice * wattYearsOfHashprice(mining),
		powerUsdPerWattYear: mining.availabilityRatio * usdPerWattYearOf(mining.powerUsdPerKilowattHour),
		operatingUsdPerWattYear: 0,
		capitalUsdPerWattYear: mining.capitalUsdPerWattYear,
	};
}

/** USD/W-yr of one USD/PH/day: 0.365 (1−f) / (η o). */
function wattYearsOfHashprice(mining: MiningUse): number {
	const { efficiencyJoulesPerTerahash, overheadRatio } = mining;
	return (0.365 * paidRatio(mining)) / (efficiencyJoulesPerTerahash * overheadRatio);
}

/** HP* = η o (C/a + 8.76 p) / (0.365 (1−f)), with the tier's own parts of C, power and capital. */
export function crossoverHashprice(mining: MiningUse, other: CapacityMoney, tier: Tier): number {
	const atZero = tierValue(miningMoney(mining, 0), tier);
	const perDollar = mining.availabilityRatio * wattYearsOfHashprice(mining);
	return (tierValue(other, tier) - atZero) / perDollar;
}

export type GpuUse = {
	readonly usdPerGpuHour: number;
	readonly utilizationRatio: number;
	readonly marketplaceCutRatio: number;
	/** At the utility's meter. */
	readonly kilowattsPerGpu: number;
	readonly powerUsdPerKilowattHour: number;
	readonly capitalUsdPerWattYear: number;
};

export function gpuMoney(gpu: GpuUse): CapacityMoney {
	const { usdPerGpuHour, utilizationRatio, marketplaceCutRatio, kilowattsPerGpu } = gpu;
	const usdPerKilowattHour = (usdPerGpuHour * utilizationRatio * (1 - marketplaceCutRatio)) / kilowattsPerGpu;
	return {
		revenueUsdPerWattYear: usdPerWattYearOf(usdPerKilowattHour),
		powerUsdPerWattYear: usdPerWattYearOf(gpu.powerUsdPerKilowattHour),
		operatingUsdPerWattYear: 0,
		capitalUsdPerWattYear: gpu.capitalUsdPerWattYear,
	};
}

/** g* = k (M + 8.76 p + capital) / (8.76 u (1−c)): the rent at which GPUs earn what mining does. */
export function crossoverGpuPrice(gpu: GpuUse, mining: CapacityMoney, tier: Tier): number {
	const without = tierValue(gpuMoney({ ...gpu, usdPerGpuHour: 0 }), tier);
	const perDollar =
		(HOURS_PER_YEAR / WATTS_PER_KILOWATT / gpu.kilowattsPerGpu) *
		gpu.utilizationRatio *
		(1 - gpu.marketplaceCutRatio);
	return (tierValue(mining, tier) - without) / perDollar;
}

export type TokenUse = {
	readonly usdPerMillionTokens: number;
	/** Generated, over the energy at the utility's meter. */
	readonly tokensPerJoule: number;
	readonly powerUsdPerKilowattHour: number;
	readonly capitalUsdPerWattYear: number;
};

export function tokenMoney(tokens: TokenUse): CapacityMoney {
	const { usdPerMillionTokens, tokensPerJoule } = tokens;
	return {
		revenueUsdPerWattYear: usdPerWattYearOf(tokensUsdPerKilowattHour(usdPerMillionTokens, tokensPerJoule)),
		powerUsdPerWattYear: usdPerWattYearOf(tokens.powerUsdPerKilowattHour),
		operatingUsdPerWattYear: 0,
		capitalUsdPerWattYear: tokens.capitalUsdPerWattYear,
	};
}

/** t* = (M + 8.76 p + capital) / (8.76 × 3.6 × tokens per joule): the price at which a million tokens earn what mining does. */
export function crossoverTokenPrice(tokens: TokenUse, mining: CapacityMoney, tier: Tier): number {
	const without = tierValue(tokenMoney({ ...tokens, usdPerMillionTokens: 0 }), tier);
	const perDollar = usdPerWattYearOf(tokensUsdPerKilowattHour(1, tokens.tokensPerJoule));
	return (tierValue(mining, tier) - without) / perDollar;
}

/** A lease on the capacity basis: what is left of its rent after power and running, per gross watt-year. */
export function leaseUse({
	usdPerGrossWattYear,
	noiMarginRatio,
	operatorPowerUsdPerWattYear,
	capitalUsdPerWattYear,
}: {
	readonly usdPerGrossWattYear: number;
	readonly noiMarginRatio: number;
	/** Zero where the tenant bears the power. */
	readonly operatorPowerUsdPerWattYear: number;
	readonly capitalUsdPerWattYear: number;
}): CapacityMoney {
	const costs = usdPerGrossWattYear * (1 - noiMarginRatio);
	return {
		revenueUsdPerWattYear: usdPerGrossWattYear,
		powerUsdPerWattYear: operatorPowerUsdPerWattYear,
		// The margin has all running costs inside, power too where the operator bears it.
		operatingUsdPerWattYear: costs - operatorPowerUsdPerWattYear,
		capitalUsdPerWattYear,
	};
}

export function inTiers(value: (tier: Tier) => number): Tiered<number> {
	return Object.fromEntries(TIERS.map((tier) => [tier, value(tier)]));
}

/** How a result moves when each input alone is one per cent larger: the inputs that decide stand out. */
export function sensitivities<Inputs extends Readonly<Record<string, number>>>(
	inputs: Inputs,
	result: (inputs: Inputs) => number,
): Readonly<Record<string, number>> {
	const base = result(inputs);
	return Object.fromEntries(
		Object.entries(inputs).flatMap(([name, value]) => {
			const change = result({ ...inputs, [name]: value * 1.01 }) - base;
			return Number.isFinite(change) ? [[name, change]] : [];
		}),
	);
}
