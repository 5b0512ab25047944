/**
 * Whole numbers ⇄ what a prediction missed. Pure; works in the places of `scratch`.
 *
 * The numbers are counted from the first, which is 0, and lie within 2^28 of each other, so that
 * everything here fits 32 bits.
 *
 *   bit 0, step (signed): the number before, plus the step; the step of a counter, or 0
 *   bit 1, mean (signed), share (4 bits): mean + floor(share × (number before − mean) / 16), for what
 *          swings about a mean, like a hashrate
 *   then the residuals: zigzag of the number less the prediction, from the second number on
 */
import type { BitReader, BitWriter } from "./bits.js";
import { aboutBits, readResiduals, writeResiduals } from "./residuals.js";
import { scratch } from "./scratch.js";

/** Largest distance of two numbers of a column that are predicted. */
export const SPAN_MOST = 2 ** 28;

const SHARES_BITS = 4;
const SHARES = 2 ** SHARES_BITS;
const LOW_SHARES = SHARES - 1;
/** Steps looked at for a typical one, where a restart of a counter spoils the mean. */
const TYPICAL_STEPS = 15;

type Prediction =
	| { readonly kind: "step"; readonly step: number }
	| { readonly kind: "mean"; readonly mean: number; readonly share: number };

/** Writes the first `count` of `scratch.numbers`, two at least. */
export function writePredicted(writer: BitWriter, count: number): void {
	const { numbers } = scratch;
	let best: Prediction = { kind: "step", step: 0 };
	let last: Prediction = best;
	let leastBits = Number.POSITIVE_INFINITY;
	for (const prediction of candidates(numbers, count)) {
		last = prediction;
		const bits = missed(numbers, count, prediction);
		if (bits < leastBits) {
			leastBits = bits;
			best = prediction;
		}
	}
	if (best !== last) missed(numbers, count, best);
	if (best.kind === "step") {
		writer.put(0, 1);
		writer.putSigned(best.step);
	} else {
		writer.put(1, 1);
		writer.putSigned(best.mean);
		writer.put(best.share, SHARES_BITS);
	}
	writeResiduals(writer, count - 1);
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

function addMeans(
	numbers: Int32Array,
	residuals: Int32Array,
	count: number,
	{ mean, share }: { readonly mean: number; readonly share: number },
): void {
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

function candidates(numbers: Int32Array, count: number): readonly Prediction[] {
	const found: Prediction[] = [];
	const damped = dampedAboutMean(numbers, count);
	if (damped !== undefined) found.push(damped);
	const meanStep = Math.round((numbers[count - 1] ?? 0) / (count - 1));
	const typical = typicalStep(numbers, count);
	found.push({ kind: "step", step: 0 });
	if (meanStep !== 0) found.push({ kind: "step", step: meanStep });
	if (typical !== 0 && typical !== meanStep) found.push({ kind: "step", step: typical });
	return found;
}

/** The share is how much of a distance from the mean is still there one sample later. */
function dampedAboutMean(numbers: Int32Array, count: number): Prediction | undefined {
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
	return share < SHARES ? { kind: "mean", mean, share } : undefined;
}

function typicalStep(numbers: Int32Array, count: number): number {
	const apart = Math.max(1, Math.floor((count - 1) / TYPICAL_STEPS));
	const steps: number[] = [];
	for (let index = 1; index < count; index += apart) {
		steps.push((numbers[index] ?? 0) - (numbers[index - 1] ?? 0));
	}
	steps.sort((a, b) => a - b);
	return steps[steps.length >> 1] ?? 0;
}

/** Fills `scratch.residuals`; gives about how many bits they take. */
function missed(numbers: Int32Array, count: number, prediction: Prediction): number {
	const { residuals } = scratch;
	return prediction.kind === "step"
		? missedByStep(numbers, residuals, count, prediction.step)
		: missedByMean(numbers, residuals, count, prediction);
}

function missedByStep(numbers: Int32Array, residuals: Int32Array, count: number, step: number): number {
	let sum = 0;
	let found = 0;
	let before = 0;
	for (let index = 1; index < count; index += 1) {
		const number = numbers[index] ?? 0;
		const missing = (number - before - step) | 0;
		const residual = (missing << 1) ^ (missing >> 31);
		residuals[index - 1] = residual;
		sum += residual;
		found += residual === 0 ? 0 : 1;
		before = number;
	}
	return aboutBits(count - 1, sum, found);
}

function missedByMean(
	numbers: Int32Array,
	residuals: Int32Array,
	count: number,
	{ mean, share }: { readonly mean: number; readonly share: number },
): number {
	let sum = 0;
	let found = 0;
	let away = -mean | 0;
	for (let index = 1; index < count; index += 1) {
		const next = ((numbers[index] ?? 0) - mean) | 0;
		const missing = (next - shareOf(away, share)) | 0;
		const residual = (missing << 1) ^ (missing >> 31);
		residuals[index - 1] = residual;
		sum += residual;
		found += residual === 0 ? 0 : 1;
		away = next;
	}
	return aboutBits(count - 1, sum, found);
}
