/**
 * Bitcoin's own arithmetic: subsidy, difficulty, retargets, and what a petahash per second earns in a day.
 *
 * Takes heights, compact targets, satoshi and prices; gives exact fractions and whole satoshi, from which
 * doubles are made once. Pure. It never uses an observed network hashrate: revenue follows from difficulty.
 */
import {
	quantity,
	type Satoshis,
	type UnitedStatesDollars,
	type UsdPerPetahashPerSecondDay,
} from "../../shared/units.js";
import { exactly, over, plus, type Rational, rational, times, toNumber } from "./rational.js";

/** Named in every answer that money is made from: a change of a formula is a new version. */
export const CHAIN_FORMULAS = "chain-2";

export const SATOSHIS_PER_BITCOIN = 1e8;
/**
 * Hashes expected per unit of difficulty, the convention of every published hashprice. The chain's
 * own expectation is 15.26 ppm higher (2^48 / 65,535).
 */
export const HASHES_PER_DIFFICULTY = 2 ** 32;
/** Blocks whose fees are averaged: a day at ten minutes. */
export const FEE_WINDOW_BLOCKS = 144;
export const BLOCKS_PER_EPOCH = 2_016;
export const TARGET_BLOCK_SECONDS = 600;
export const BLOCKS_PER_HALVING = 210_000;

const FIRST_SUBSIDY_SATOSHIS = 5_000_000_000n;
const HALVINGS_UNTIL_ZERO = 64;
const EPOCH_SECONDS = BLOCKS_PER_EPOCH * TARGET_BLOCK_SECONDS;
/** A retarget moves the target by at most this factor, either way. */
export const MOST_RETARGET_FACTOR = 4;

const HASHES_PER_DIFFICULTY_EXACT = rational(1n << 32n);
const SECONDS_PER_DAY_EXACT = rational(86_400n);
const HASHES_PER_TERAHASH = rational(10n ** 12n);
/** 86,400 s × 10^15 hashes over 2^32: (S + F) × 20,599,365,234,375 / (1,024 × D). */
const HASHVALUE_FACTOR = rational(20_599_365_234_375n, 1_024n);

/** New coins of the block at `height`, in satoshi. */
export function subsidySatoshis(height: number): bigint {
	const halvings = Math.floor(height / BLOCKS_PER_HALVING);
	return halvings >= HALVINGS_UNTIL_ZERO ? 0n : FIRST_SUBSIDY_SATOSHIS >> BigInt(halvings);
}

/** All coins of the blocks below `height`, each block's subsidy counted by its own height. */
export function supplySatoshis(height: number): bigint {
	let sum = 0n;
	for (let from = 0; from < height && subsidySatoshis(from) > 0n; from += BLOCKS_PER_HALVING) {
		sum += subsidySatoshis(from) * BigInt(Math.min(height, from + BLOCKS_PER_HALVING) - from);
	}
	return sum;
}

const DIFFICULTY_ONE_TARGET = 0xffffn << 208n;
const MANTISSA_MASK = 0x7fffff;
const SIGN_BIT = 0x800000;
const MOST_TARGET = (1n << 256n) - 1n;

/** The target that a header's nBits stand for; undefined where they stand for none from 1 to 2^256 − 1. */
export function targetFromBits(bits: number): bigint | undefined {
	if (!Number.isInteger(bits) || bits < 0 || bits > 0xffffffff || (bits & SIGN_BIT) !== 0) return undefined;
	const mantissa = BigInt(bits & MANTISSA_MASK);
	const shift = 8n * (BigInt(bits >>> 24) - 3n);
	const target = shift >= 0n ? mantissa << shift : mantissa >> -shift;
	return target > 0n && target <= MOST_TARGET ? target : undefined;
}

/** Difficulty of a header as the exact fraction it is. */
export function exactDifficultyFromBits(bits: number): Rational | undefined {
	const target = targetFromBits(bits);
	return target === undefined ? undefined : rational(DIFFICULTY_ONE_TARGET, target);
}

/** The same, rounded once, to the nearest double. */
export function difficultyFromBits(bits: number): number | undefined {
	const difficulty = exactDifficultyFromBits(bits);
	return difficulty === undefined ? undefined : toNumber(difficulty);
}

export type Epoch = {
	readonly blocksSinceRetarget: number;
	readonly progressRatio: number;
	readonly remainingBlocks: number;
	readonly nextRetargetHeight: number;
	readonly nextHalvingHeight: number;
};

/** Where a height stands in its difficulty epoch and its halving. */
export function epochAt(height: number): Epoch {
	const since = height % BLOCKS_PER_EPOCH;
	return {
		blocksSinceRetarget: since,
		progressRatio: since / BLOCKS_PER_EPOCH,
		remainingBlocks: BLOCKS_PER_EPOCH - since,
		nextRetargetHeight: height + BLOCKS_PER_EPOCH - since,
		nextHalvingHeight: (Math.floor(height / BLOCKS_PER_HALVING) + 1) * BLOCKS_PER_HALVING,
	};
}

/** New over old difficulty after an epoch that took so many seconds (of 2,015 intervals), clamped as the chain does. */
export function retargetFactor(epochSeconds: number): Rational {
	const seconds = Math.min(
		EPOCH_SECONDS * MOST_RETARGET_FACTOR,
		Math.max(EPOCH_SECONDS / MOST_RETARGET_FACTOR, epochSeconds),
	);
	return over(exactly(EPOCH_SECONDS), exactly(seconds));
}

/** What the chain can do to difficulty between two heights: nothing within an epoch, a factor of four at each retarget. */
export function canDifficultyChange(
	before: { readonly height: number; readonly difficulty: number },
	after: { readonly height: number; readonly difficulty: number },
): boolean {
	const retargets = Math.abs(
		Math.floor(after.height / BLOCKS_PER_EPOCH) - Math.floor(before.height / BLOCKS_PER_EPOCH),
	);
	const factor = after.difficulty / before.difficulty;
	// A double of JSON and one made from nBits may differ in their last digits.
	if (retargets === 0) return Math.abs(factor - 1) < 1e-9;
	const most = MOST_RETARGET_FACTOR ** Math.min(retargets, 16) * (1 + 1e-9);
	return factor <= most && factor >= 1 / most;
}

/** Satoshi that 1 PH/s is expected to earn in a day, at a block reward with fees. */
export function exactHashvalue(rewardSatoshis: Rational, difficulty: Rational): Rational {
	return over(times(rewardSatoshis, HASHVALUE_FACTOR), difficulty);
}

export function hashvalueSatoshisPerPetahashPerSecondDay(reward: Satoshis, difficulty: number): Satoshis {
	return quantity<Satoshis>(toNumber(exactHashvalue(exactly(reward), exactly(difficulty))));
}

/** Dollars a day of 1 PH/s at a hashvalue. */
export function exactHashprice(hashvalueSatoshis: Rational, bitcoinPriceUsd: Rational): Rational {
	return over(times(hashvalueSatoshis, bitcoinPriceUsd), exactly(SATOSHIS_PER_BITCOIN));
}

export function hashpriceUsdPerPetahashPerSecondDay(
	hashvalue: Satoshis,
	bitcoinPrice: UnitedStatesDollars,
): UsdPerPetahashPerSecondDay {
	return quantity<UsdPerPetahashPerSecondDay>(
		toNumber(exactHashprice(exactly(hashvalue), exactly(bitcoinPrice))),
	);
}

/** A halving takes half of the subsidy and leaves the fees: HP × (S/2 + F) / (S + F). */
export function hashpriceAfterHalving(hashprice: Rational, subsidy: Rational, fees: Rational): Rational {
	const half = over(subsidy, rational(2n));
	return times(hashprice, over(plus(half, fees), plus(subsidy, fees)));
}

/** Hashes per second that a difficulty stands for at a block every so many seconds. */
export function impliedNetworkHashrate(difficulty: Rational, blockSeconds: Rational): Rational {
	return over(times(difficulty, HASHES_PER_DIFFICULTY_EXACT), blockSeconds);
}

/** The same seen from blocks found in a window: noisy by 1/√blocks, for display only. */
export function observedNetworkHashrate(
	difficulty: Rational,
	blocks: Rational,
	windowSeconds: Rational,
): Rational {
	return over(times(difficulty, HASHES_PER_DIFFICULTY_EXACT, blocks), windowSeconds);
}

/** Blocks a day that a hashrate is expected to find; their number is Poisson, its standard deviation the root. */
export function expectedBlocksPerDay(hashrateTerahashesPerSecond: Rational, difficulty: Rational): Rational {
	return over(
		times(hashrateTerahashesPerSecond, HASHES_PER_TERAHASH, SECONDS_PER_DAY_EXACT),
		times(difficulty, HASHES_PER_DIFFICULTY_EXACT),
	);
}

/** What one share of a pool is worth under FPPS before the fee, in satoshi. */
export function shareValueSatoshis(
	shareDifficulty: Rational,
	difficulty: Rational,
	rewardSatoshis: Rational,
): Rational {
	return times(over(shareDifficulty, difficulty), rewardSatoshis);
}
