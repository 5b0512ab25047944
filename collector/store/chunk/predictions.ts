/**
 * Whole numbers ⇄ what a prediction missed. Pure; works in the places of `scratch`.
 *
 * The numbers are counted from the first, which is 0, and lie within 2^27 of it, so that everything
 * here fits 32 bits.
 *
 *   bit 0, step (signed): the number before, plus the step; the step of a counter, or 0
 *   bit 1, mean (signed), share (4 bits): mean + floor(share × (number before − mean) / 16), for what
 *          swings about a mean, like a hashrate
 *   then the residuals: zigzag of the number less the prediction, from the second number on
 */
import type { BitReader, BitWriter } from "./bits.js";
import { aboutBits, readResiduals, writeResiduals } from "./residuals.js";
import { scratch } from "./scratch.js";

/** Numbers of a column that are predicted are nearer to its first than this. */
export const DISTANCE_BELOW = 2 ** 27;

const SHARES_BITS = 4;
const SHARES = 2 ** SHARES_BITS;
const LOW_SHARES = SHARES - 1;
/** Steps looked at for a typical one, where a restart of a counter spoils the mean. */
const TYPICAL_STEPS = 15;
const FAR_NEARER = 2;
const someSteps = new Int32Array(TYPICAL_STEPS);

type Damped = { readonly mean: number; readonly share: number };
/** About how many bits the residuals take, and their sum. */
type Miss = { readonly bits: number; readonly sum: number };

/** Writes the first `count` of `scratch.numbers`, two at least. */
export function writePredicted(writer: BitWriter, count: number): void {
	const { numbers, residuals } = scratch;
	const damped = dampedAboutMean(numbers, count);
	const dampedMiss = damped === undefined ? undefined : missedByMean(numbers, residuals, count, damped);
	const step = stepOf(numbers, count);
	const stepMiss = missedByStep(numbers, residuals, count, step);
	if (damped === undefined || dampedMiss === undefined || stepMiss.bits <= dampedMiss.bits) {
		writer.put(0, 1);
		writer.putSigned(step);
		writeResiduals(writer, count - 1, stepMiss.sum);
		return;
	}
	missedByMean(numbers, residuals, count, damped);
	writer.put(1, 1);
	writer.putSigned(damped.mean);
	writer.put(damped.share, SHARES_BITS);
	writeResiduals(writer, count - 1, dampedMiss.sum);
}

/** Reads `count` numbers, one at least, into the first places of `scratch.numbers`. */
export function readPredicted(reader: BitReader, count: number): void {
	const isStep = reader.take(1) === 0;
	const offset = reader.takeSigned() | 0;
	const share = isStep ? 0 : reader.take(SHARES_BITS);
	readResiduals(reader, count - 1);
	const { numbers, residuals } = scratch;
	numbers[0] = 0;
	if (isStep) addSteps(numbers, residuals, count, offset);
	else addMeans(numbers, residuals, count, { mean: offset, share });
}

function addSteps(numbers: Int32Array, residuals: Int32Array, count: number, step: number): void {
	let number = 0;
	for (let index = 1; index < count; index += 1) {
		const residual = residuals[index - 1] ?? 0;
		number = (number + step + ((residual >>> 1) ^ -(residual & 1))) | 0;
		numbers[index] = number;
	}
}

function addMeans(numbers: Int32Array, residuals: Int32Array, count: number, { mean, share }: Damped): void {
	let away = -mean | 0;
	for (let index = 1; index < count; index += 1) {
		const residual = residuals[index - 1] ?? 0;
		away = (shareOf(away, share) + ((residual >>> 1) ^ -(residual & 1))) | 0;
		numbers[index] = (away + mean) | 0;
	}
}

/** floor(share × away / 16) without leaving 32 bits. */
function shareOf(away: number, share: number): number {
	return (Math.imul(away >> SHARES_BITS, share) + (Math.imul(away & LOW_SHARES, share) >> SHARES_BITS)) | 0;
}

/** The share is how much of a distance from the mean is still there one sample later. */
function dampedAboutMean(numbers: Int32Array, count: number): Damped | undefined {
	let sum = 0;
	let squares = 0;
	let products = 0;
	let before = 0;
	for (let index = 0; index < count; index += 1) {
		const number = numbers[index] ?? 0;
		sum += number;
		squares += number * number;
		products += number * before;
		before = number;
	}
	const last = numbers[count - 1] ?? 0;
	const mean = Math.round(sum / count);
	const centred = (count - 1) * mean * mean;
	const together = products - mean * (sum + sum - last) + centred;
	const alone = squares - last * last - 2 * mean * (sum - last) + centred;
	const share = Math.max(0, Math.round((SHARES * together) / alone));
	return share < SHARES ? { mean, share } : undefined;
}

/**
 * The mean step, which the noise of a counter hides least; 0 where that is as near; a typical one where
 * it is far nearer, since a counter that began anew spoils the mean.
 */
function stepOf(numbers: Int32Array, count: number): number {
	const apart = Math.ceil((count - 1) / TYPICAL_STEPS);
	let found = 0;
	for (let index = 1; index < count; index += apart) {
		someSteps[found] = (numbers[index] ?? 0) - (numbers[index - 1] ?? 0);
		found += 1;
	}
	sortSome(found);
	const mean = Math.round((numbers[count - 1] ?? 0) / (count - 1));
	const typical = someSteps[found >> 1] ?? 0;
	const even = awayFrom(mean, found) < awayFrom(0, found) ? mean : 0;
	return awayFrom(typical, found) * FAR_NEARER < awayFrom(even, found) ? typical : even;
}

function awayFrom(step: number, count: number): number {
	let sum = 0;
	for (let index = 0; index < count; index += 1) sum += Math.abs((someSteps[index] ?? 0) - step);
	return sum;
}

/** By insertion: they are few, and this runs once a column. */
function sortSome(count: number): void {
	for (let index = 1; index < count; index += 1) {
		const step = someSteps[index] ?? 0;
		let place = index;
		for (; place > 0 && (someSteps[place - 1] ?? 0) > step; place -= 1) {
			someSteps[place] = someSteps[place - 1] ?? 0;
		}
		someSteps[place] = step;
	}
}

function missedByStep(numbers: Int32Array, residuals: Int32Array, count: number, step: number): Miss {
	let sum = 0;
	let zeros = 0;
	let before = 0;
	for (let index = 1; index < count; index += 1) {
		const number = numbers[index] ?? 0;
		const missing = (number - before - step) | 0;
		const residual = (missing << 1) ^ (missing >> 31);
		residuals[index - 1] = residual;
		sum += residual;
		// 1 for 0 alone: a residual is below 2^30.
		zeros += (residual - 1) >>> 31;
		before = number;
	}
	return { bits: aboutBits(count - 1, sum, count - 1 - zeros), sum };
}

function missedByMean(
	numbers: Int32Array,
	residuals: Int32Array,
	count: number,
	{ mean, share }: Damped,
): Miss {
	let sum = 0;
	let zeros = 0;
	let away = -mean | 0;
	for (let index = 1; index < count; index += 1) {
		const next = ((numbers[index] ?? 0) - mean) | 0;
		const missing = (next - shareOf(away, share)) | 0;
		const residual = (missing << 1) ^ (missing >> 31);
		residuals[index - 1] = residual;
		sum += residual;
		zeros += (residual - 1) >>> 31;
		away = next;
	}
	return { bits: aboutBits(count - 1, sum, count - 1 - zeros), sum };
}
