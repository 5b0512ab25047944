/**
 * What a miner earns, costs and is worth: FPPS less the pool's fee and rejected shares, per watt on both bases.
 *
 * Takes hashrate, watts, hashprice and prices; gives dollars a day, break-evens and tiers. Pure. Nothing is
 * clamped: power prices, break-evens and margins may be negative.
 */
import { HOURS_PER_YEAR, TERAHASHES_PER_PETAHASH } from "../../shared/units.js";
import { HOURS_PER_DAY, WATTS_PER_KILOWATT } from "./basis.js";
import { HASHES_PER_DIFFICULTY, SATOSHIS_PER_BITCOIN } from "./chain.js";

const DAYS_PER_YEAR = HOURS_PER_YEAR / HOURS_PER_DAY;

/** Of the pool: what it keeps, and what of the shares it takes. */
export type PoolTerms = {
	readonly poolFeeRatio: number;
	/** Accepted shares over submitted ones: rejected and stale shares earn nothing. */
	readonly acceptedRatio: number;
};

/** Share of FPPS that reaches the miner. */
export function paidRatio({ poolFeeRatio, acceptedRatio }: PoolTerms): number {
	return (1 - poolFeeRatio) * acceptedRatio;
}

/** Dollars that one terahash earns: additive over any span in which the inputs hold. */
export function usdPerTerahashAt(hashpriceUsdPerPetahashPerSecondDay: number, terms: PoolTerms): number {
	return (hashpriceUsdPerPetahashPerSecondDay * paidRatio(terms)) / (TERAHASHES_PER_PETAHASH * 86_400);
}

/** Bitcoin a day of a hashrate at a hashvalue: what reaches the miner, and what the pool keeps. */
export function bitcoinPerDay(
	hashrateTerahashesPerSecond: number,
	hashvalueSatoshis: number,
	terms: PoolTerms,
): { readonly net: number; readonly poolFee: number } {
	const accepted =
		(hashvalueSatoshis / SATOSHIS_PER_BITCOIN) *
		(hashrateTerahashesPerSecond / TERAHASHES_PER_PETAHASH) *
		terms.acceptedRatio;
	return { net: accepted * (1 - terms.poolFeeRatio), poolFee: accepted * terms.poolFeeRatio };
}

/**
 * Price of power at the utility's meter at which revenue is gone; the same number as the revenue of a kWh there:
 * HP(1−f)/(24 η o).
 */
export function breakevenUsdPerKilowattHour(miner: MinerTerms): number {
	const { hashprice, efficiencyJoulesPerTerahash, overheadRatio } = miner;
	return (hashprice * paidRatio(miner)) / (HOURS_PER_DAY * efficiencyJoulesPerTerahash * overheadRatio);
}

export type MinerTerms = PoolTerms & {
	/** USD per PH/s and day. */
	readonly hashprice: number;
	/** At the wall. */
	readonly efficiencyJoulesPerTerahash: number;
	/** Watts at the utility's meter per watt at the wall, 1 or more. */
	readonly overheadRatio: number;
};

/** USD/W-yr = 0.365 HP (1−f) / (η o), for a year without a stop. */
export function revenueUsdPerWattYear(miner: MinerTerms): number {
	return (
		(miner.hashprice * paidRatio(miner) * DAYS_PER_YEAR) /
		(TERAHASHES_PER_PETAHASH * miner.efficiencyJoulesPerTerahash * miner.overheadRatio)
	);
}

export type Hashcost = {
	readonly hashcostUsdPerPetahashPerSecondDay: number;
	readonly breakevenJoulesPerTerahash?: number;
	readonly breakevenBitcoinPriceUsd?: number;
	readonly costToMineOneBitcoinUsd?: number;
};

/** The cost side at a power price; what divides by a price of zero or less is absent. */
export function hashcost(
	miner: MinerTerms & {
		readonly powerUsdPerKilowattHour: number;
		readonly hashvalueSatoshis?: number | undefined;
		readonly bitcoinPriceUsd?: number | undefined;
	},
): Hashcost {
	const { efficiencyJoulesPerTerahash, overheadRatio, powerUsdPerKilowattHour, hashvalueSatoshis } = miner;
	const energyUsd = HOURS_PER_DAY * efficiencyJoulesPerTerahash * overheadRatio * powerUsdPerKilowattHour;
	const paidBitcoin =
		hashvalueSatoshis === undefined
			? undefined
			: (hashvalueSatoshis / SATOSHIS_PER_BITCOIN) * paidRatio(miner);
	const breakeven = breakevenUsdPerKilowattHour(miner);
	return {
		hashcostUsdPerPetahashPerSecondDay: energyUsd,
		...(powerUsdPerKilowattHour > 0
			? {
					breakevenJoulesPerTerahash:
						(miner.hashprice * paidRatio(miner)) / (HOURS_PER_DAY * powerUsdPerKilowattHour * overheadRatio),
				}
			: {}),
		...(miner.bitcoinPriceUsd === undefined || breakeven <= 0
			? {}
			: { breakevenBitcoinPriceUsd: (miner.bitcoinPriceUsd * powerUsdPerKilowattHour) / breakeven }),
		...(paidBitcoin === undefined || paidBitcoin <= 0
			? {}
			: { costToMineOneBitcoinUsd: energyUsd / paidBitcoin }),
	};
}

/** What an hour without a miner costs: what it would have earned less the energy not bought. */
export function downtimeUsdPerHour({
	missingTerahashesPerSecond,
	watts,
	powerUsdPerKilowattHour,
	...miner
}: PoolTerms & {
	readonly missingTerahashesPerSecond: number;
	/** Not drawn meanwhile, at the utility's meter. */
	readonly watts: number;
	readonly hashprice: number;
	readonly powerUsdPerKilowattHour: number;
}): { readonly lostRevenueUsdPerHour: number; readonly energyNotBoughtUsdPerHour: number } {
	return {
		lostRevenueUsdPerHour:
			(missingTerahashesPerSecond * miner.hashprice * paidRatio(miner)) /
			(HOURS_PER_DAY * TERAHASHES_PER_PETAHASH),
		energyNotBoughtUsdPerHour: (watts / WATTS_PER_KILOWATT) * powerUsdPerKilowattHour,
	};
}

export type PoolCheck = {
	readonly poolTerahashesPerSecond: number;
	/** Pool over self-reported, less one. */
	readonly deviationRatio: number;
	/** One standard deviation of the share count, relative. */
	readonly standardDeviationRatio: number;
	/** What the deviation may be before it is said: three standard deviations and 1 %. */
	readonly allowedRatio: number;
	readonly isSuspicious: boolean;
};

const HASHES_PER_TERAHASH = 1e12;
const ALLOWED_STANDARD_DEVIATIONS = 3;
const ALLOWED_BEYOND_RATIO = 0.01;

/** The hashrate that a pool saw against what machines say, with the error bar of share statistics. */
export function poolCheck({
	shareDifficultySum,
	shares,
	seconds,
	selfTerahashesPerSecond,
}: {
	readonly shareDifficultySum: number;
	readonly shares: number;
	readonly seconds: number;
	readonly selfTerahashesPerSecond: number;
}): PoolCheck {
	const pool = (shareDifficultySum * HASHES_PER_DIFFICULTY) / seconds / HASHES_PER_TERAHASH;
	const deviationRatio = pool / selfTerahashesPerSecond - 1;
	const standardDeviationRatio = 1 / Math.sqrt(shares);
	const allowedRatio = ALLOWED_STANDARD_DEVIATIONS * standardDeviationRatio + ALLOWED_BEYOND_RATIO;
	return {
		poolTerahashesPerSecond: pool,
		deviationRatio,
		standardDeviationRatio,
		allowedRatio,
		isSuspicious: Math.abs(deviationRatio) > allowedRatio,
	};
}
