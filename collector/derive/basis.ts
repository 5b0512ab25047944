/**
 * The two bases on which a watt's earnings stand, and what capital costs.
 *
 * Energy basis: dollars earned over energy metered in the same time, comparable with the price of power.
 * Capacity basis: dollars earned in calendar time over watts under contract, comparable between uses of one
 * interconnect. Takes one, gives the same number in the trade's units. Pure. The two meet only through a
 * stated capacity factor: metered energy over contracted watts × hours.
 */
import { HOURS_PER_YEAR } from "../../shared/units.js";

export const ECONOMICS_FORMULAS = "economics-1";
export const HOURS_PER_DAY = 24;
export const WATTS_PER_KILOWATT = 1_000;
export const MONTHS_PER_YEAR = 12;

/** Gross, net of power, net of power and capital: always side by side, since gross alone says "buy GPUs". */
export const TIERS = ["gross", "netOfPower", "netOfPowerAndCapital"] as const;
export type Tier = (typeof TIERS)[number];

export type EnergyBasis = {
	readonly usdPerKilowattHour: number;
	readonly usdPerMegawattHour: number;
	readonly centsPerKilowattHour: number;
};

export type CapacityBasis = {
	readonly usdPerWattDay: number;
	readonly usdPerWattYear: number;
	readonly usdPerKilowattMonth: number;
	readonly usdPerMegawattYear: number;
};

export function energyBasis(usdPerKilowattHour: number): EnergyBasis {
	return {
		usdPerKilowattHour,
		usdPerMegawattHour: usdPerKilowattHour * 1_000,
		centsPerKilowattHour: usdPerKilowattHour * 100,
	};
}

export function capacityBasis(usdPerWattYear: number): CapacityBasis {
	return {
		usdPerWattDay: (usdPerWattYear * HOURS_PER_DAY) / HOURS_PER_YEAR,
		usdPerWattYear,
		usdPerKilowattMonth: (usdPerWattYear * WATTS_PER_KILOWATT) / MONTHS_PER_YEAR,
		usdPerMegawattYear: usdPerWattYear * 1e6,
	};
}

/** USD per watt-year of an energy flow that runs this share of the year: 1 USD/kWh is 8.76 USD/W-yr. */
export function usdPerWattYearOf(usdPerKilowattHour: number, capacityFactor = 1): number {
	return (usdPerKilowattHour * HOURS_PER_YEAR * capacityFactor) / WATTS_PER_KILOWATT;
}

/** Yearly charge per unit of capital: i / (1 − (1 + i)^−n), a straight line at no interest. */
export function capitalRecoveryFactor(discountRate: number, years: number): number {
	if (discountRate === 0) return 1 / years;
	return discountRate / -Math.expm1(-years * Math.log1p(discountRate));
}

export type Capital = {
	readonly capexUsd: number;
	readonly discountRate: number;
	readonly years: number;
};

export function capitalChargeUsdPerYear({ capexUsd, discountRate, years }: Capital): number {
	return capexUsd * capitalRecoveryFactor(discountRate, years);
}

export type Tiered<Value> = { readonly [Key in Tier]?: Value };

/**
 * Money of one flow in three tiers; a tier whose input nobody stated is absent, never equal to the one before.
 *
 * @param energyKilowattHours at the boundary the energy basis divides by
 */
export function tiers({
	grossUsd,
	powerUsd,
	capitalUsd,
}: {
	readonly grossUsd: number;
	readonly powerUsd?: number | undefined;
	readonly capitalUsd?: number | undefined;
}): Tiered<number> {
	if (powerUsd === undefined) return { gross: grossUsd };
	const netOfPower = grossUsd - powerUsd;
	if (capitalUsd === undefined) return { gross: grossUsd, netOfPower };
	return { gross: grossUsd, netOfPower, netOfPowerAndCapital: netOfPower - capitalUsd };
}
