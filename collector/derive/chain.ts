/**
 * Bitcoin's own arithmetic: subsidy, difficulty, and what a petahash per second earns in a day.
 *
 * Takes heights, compact targets, satoshi and prices; gives exact integers where the chain is exact.
 * Pure. It never uses an observed network hashrate: revenue follows from difficulty.
 */
import {
	quantity,
	type Satoshis,
	SECONDS_PER_DAY,
	type UnitedStatesDollars,
	type UsdPerPetahashPerSecondDay,
} from "../../shared/units.js";

export const SATOSHIS_PER_BITCOIN = 1e8;
/**
 * Hashes expected per unit of difficulty, the convention of every published hashprice. The chain's
 * own expectation is 15.26 ppm higher (2^48 / 65,535).
 */
export const HASHES_PER_DIFFICULTY = 2 ** 32;
const HASHES_PER_PETAHASH = 1e15;

const FIRST_SUBSIDY_SATOSHIS = 5_000_000_000n;
const BLOCKS_PER_HALVING = 210_000;
const HALVINGS_UNTIL_ZERO = 64;

/** New coins of the block at `height`, in satoshi. */
export function subsidySatoshis(height: number): bigint {
	const halvings = Math.floor(height / BLOCKS_PER_HALVING);
	return halvings >= HALVINGS_UNTIL_ZERO ? 0n : FIRST_SUBSIDY_SATOSHIS >> BigInt(halvings);
}

const DIFFICULTY_ONE_TARGET = 0xffffn << 208n;
const FRACTION_BITS = 64n;
const MANTISSA_MASK = 0x7fffff;
const SIGN_BIT = 0x800000;

/** The target that a header's nBits stand for; undefined where they stand for none above zero. */
export function targetFromBits(bits: number): bigint | undefined {
	if (!Number.isInteger(bits) || bits < 0 || bits > 0xffffffff || (bits & SIGN_BIT) !== 0) return undefined;
	const mantissa = BigInt(bits & MANTISSA_MASK);
	const shift = 8n * (BigInt(bits >>> 24) - 3n);
	const target = shift >= 0n ? mantissa << shift : mantissa >> -shift;
	return target > 0n ? target : undefined;
}

/** Difficulty of a header: an exact division, rounded once, to the nearest double. */
export function difficultyFromBits(bits: number): number | undefined {
	const target = targetFromBits(bits);
	if (target === undefined) return undefined;
	return Number((DIFFICULTY_ONE_TARGET << FRACTION_BITS) / target) / 2 ** Number(FRACTION_BITS);
}

/** What 1 PH/s is expected to earn in a day, in satoshi, at a block reward with fees. */
export function hashvalueSatoshisPerPetahashPerSecondDay(reward: Satoshis, difficulty: number): Satoshis {
	const hashesPerDay = SECONDS_PER_DAY * HASHES_PER_PETAHASH;
	return quantity<Satoshis>((hashesPerDay * reward) / (difficulty * HASHES_PER_DIFFICULTY));
}

/** The same in dollars. */
export function hashpriceUsdPerPetahashPerSecondDay(
	hashvalue: Satoshis,
	bitcoinPrice: UnitedStatesDollars,
): UsdPerPetahashPerSecondDay {
	return quantity<UsdPerPetahashPerSecondDay>((hashvalue / SATOSHIS_PER_BITCOIN) * bitcoinPrice);
}
