/**
 * What a prediction missed ⇄ bits: small numbers from 0 below 2^31, most of them near 0. Pure.
 *
 *   bit 0, parameter (5 bits), a Rice code each
 *   bit 1, how many are not 0 (number); where any: parameter of the runs (5 bits), parameter of the
 *          others (5 bits), per other how many 0 stand before it (Rice), per other itself less 1 (Rice)
 *
 * The cheaper of the two is written: Rice takes at least a bit each, runs less where nearly all are 0.
 */
import { OutOfBytes } from "../../../shared/wire/bytes.js";
import { type BitReader, type BitWriter, RICE_PARAMETER_BITS, widthOf } from "./bits.js";
import { scratch } from "./scratch.js";

const RICE_PARAMETER_LARGEST = 30;
/** What the zeros of a Rice code may cost before it is written as an escape. */
const ZEROS_COUNTED_MOST = 56;
const NUMBER_WIDTH_BITS = 6;
/** Runs are not tried where more than one of so many residuals is not 0: a run takes a bit too. */
const SPARSE_SHARE = 2;

/** Writes the first `count` of `scratch.residuals`, whose sum is `sum`. */
export function writeResiduals(writer: BitWriter, count: number, sum: number): void {
	const { residuals, runs, others } = scratch;
	const plain = bestRice(residuals, count, sum);
	const found = gatherRuns(residuals, count);
	const isDense = found * SPARSE_SHARE > count;
	const runsRice = bestRice(runs, isDense ? 0 : found, count - found);
	const othersRice = bestRice(others, isDense ? 0 : found, sum - found);
	const parameterBits = found === 0 ? 0 : 2 * RICE_PARAMETER_BITS;
	const sparseBits = NUMBER_WIDTH_BITS + widthOf(found) + parameterBits + runsRice.bits + othersRice.bits;
	if (isDense || RICE_PARAMETER_BITS + plain.bits <= sparseBits) {
		writer.put(0, 1);
		writer.put(plain.parameter, RICE_PARAMETER_BITS);
		writer.putRice(residuals, count, plain.parameter);
		return;
	}
	writer.put(1, 1);
	writer.putNumber(found);
	if (found === 0) return;
	writer.put(runsRice.parameter, RICE_PARAMETER_BITS);
	writer.put(othersRice.parameter, RICE_PARAMETER_BITS);
	writer.putRice(runs, found, runsRice.parameter);
	writer.putRice(others, found, othersRice.parameter);
}

/** Reads `count` into the first places of `scratch.residuals`. */
export function readResiduals(reader: BitReader, count: number): void {
	const { residuals, runs, others } = scratch;
	if (reader.take(1) === 0) {
		reader.takeRice(residuals, count, reader.take(RICE_PARAMETER_BITS));
		return;
	}
	residuals.fill(0, 0, count);
	const found = reader.takeNumber();
	if (found === 0) return;
	if (found > count) throw new OutOfBytes(`${found} of ${count} residuals`);
	const runsParameter = reader.take(RICE_PARAMETER_BITS);
	const othersParameter = reader.take(RICE_PARAMETER_BITS);
	reader.takeRice(runs, found, runsParameter);
	reader.takeRice(others, found, othersParameter);
	let place = -1;
	for (let index = 0; index < found; index += 1) {
		place += 1 + ((runs[index] ?? 0) >>> 0);
		if (place >= count) throw new OutOfBytes(`a residual at ${place} of ${count}`);
		residuals[place] = (others[index] ?? 0) + 1;
	}
}

/** What residuals of this sum and so many not 0 cost about, bits: to choose a prediction by. */
export function aboutBits(count: number, sum: number, found: number): number {
	const sparse = aboutRiceBits(found, count - found) + aboutRiceBits(found, sum - found);
	return Math.min(aboutRiceBits(count, sum), sparse);
}

function aboutRiceBits(count: number, sum: number): number {
	if (count === 0) return 0;
	const parameter = parameterAbout(count, sum);
	return count * (parameter + 1) + sum / 2 ** parameter;
}

function parameterAbout(count: number, sum: number): number {
	return Math.max(0, Math.min(RICE_PARAMETER_LARGEST, widthOf(Math.floor(sum / count)) - 1));
}

/** Goes downhill from the parameter that the mean suggests: a few large values may have spoiled the mean. */
function bestRice(
	values: Int32Array,
	count: number,
	sum: number,
): { readonly parameter: number; readonly bits: number } {
	if (count === 0) return { parameter: 0, bits: 0 };
	let parameter = parameterAbout(count, sum);
	let bits = riceBits(values, count, parameter);
	let direction = -1;
	for (;;) {
		const next = parameter + direction;
		const isIn = next >= 0 && next <= RICE_PARAMETER_LARGEST;
		const nextBits = isIn ? riceBits(values, count, next) : Number.POSITIVE_INFINITY;
		if (nextBits < bits) {
			parameter = next;
			bits = nextBits;
		} else if (direction < 0 && parameter === parameterAbout(count, sum)) direction = 1;
		else return { parameter, bits };
	}
}

function riceBits(values: Int32Array, count: number, parameter: number): number {
	let zeros = 0;
	for (let index = 0; index < count; index += 1) {
		const own = (values[index] ?? 0) >>> parameter;
		zeros += own > ZEROS_COUNTED_MOST ? ZEROS_COUNTED_MOST : own;
	}
	return zeros + count * (parameter + 1);
}

/** Gives how many are not 0, and stops where they are too many. */
function gatherRuns(residuals: Int32Array, count: number): number {
	const { runs, others } = scratch;
	let found = 0;
	let before = -1;
	for (let index = 0; index < count && found * SPARSE_SHARE <= count; index += 1) {
		const residual = residuals[index] ?? 0;
		if (residual === 0) continue;
		runs[found] = index - before - 1;
		others[found] = residual - 1;
		before = index;
		found += 1;
	}
	return found;
}
