/**
 * The shared time column ⇄ bits: whole ms that rise strictly. Pure.
 *
 *   first time (number); where there is more than one:
 *   unit (number): all steps are multiples of so many ms; below, steps are counted in units
 *   bit 0: step of the grid (number, in 1/16), pull (2 bits), residuals
 *   bit 1: width (6 bits), then each step in so many bits, where a step is 2^26 units or longer
 *
 * A poller asks at the points of a grid, some ms late or early each time. So a time is foretold from
 * its grid, not from the time before, whose own lateness would count twice. `late` is how far the time
 * before lies after its grid point; a part of it, the pull, moves the grid, which follows a slow clock:
 *
 *   foretold = (step − late + 8) >> 4;   residual = zigzag(found − foretold)
 *   late    += 16 × found − step, less whole steps where it is more than half a step (a poll was missed)
 *   late    −= nothing, late >> 4, late >> 2 or all of it, by the pull 0, 1, 2 or 3
 */
import { invariant } from "../../../shared/invariant.js";
import { OutOfBytes } from "../../../shared/wire/bytes.js";
import { type BitReader, type BitWriter, widthOf } from "./bits.js";
import { readResiduals, writeResiduals } from "./residuals.js";
import { scratch } from "./scratch.js";

/** The year 10889. */
const TIME_MOST = 2 ** 48;
const FRACTIONS = 16;
const HALF = FRACTIONS / 2;
const FRACTION_BITS = 4;
const GRID_STEP_MOST = 2 ** 26;
const PULL_NONE = 0;
/** Each of the others takes the lateness shifted by so many bits; all of it is the difference to the step before. */
const PULL_SHIFTS = [31, 4, 2, 0] as const;
const PULL_BITS = 2;
const WIDTH_BITS = 6;
/** Steps looked at for a first guess of the grid. */
const GUESS_STEPS = 31;

export function writeTimes(writer: BitWriter, times: Float64Array): void {
	const [first] = times;
	if (first === undefined) return;
	const longest = checkTimes(times);
	writer.putNumber(first);
	if (times.length === 1) return;
	const unit = commonUnit(times);
	writer.putNumber(unit);
	if (longest / unit < GRID_STEP_MOST) {
		writer.put(0, 1);
		writeGrid(writer, times, unit);
		return;
	}
	writer.put(1, 1);
	const width = widthOf(longest / unit);
	writer.put(width, WIDTH_BITS);
	for (let index = 1; index < times.length; index += 1) writer.putLong(stepAt(times, index) / unit, width);
}

/** @throws OutOfBytes where the bits run out or say no rising times */
export function readTimes(reader: BitReader, count: number): Float64Array {
	const times = new Float64Array(count);
	if (count === 0) return times;
	times[0] = reader.takeNumber();
	if (count === 1) return times;
	const unit = reader.takeNumber();
	const rises = reader.take(1) === 0 ? readGrid(reader, times, unit) : readSteps(reader, times, unit);
	if (!rises || unit < 1) throw new OutOfBytes("the times do not rise");
	if ((times[count - 1] ?? 0) > TIME_MOST) throw new OutOfBytes("a time after the year 10889");
	return times;
}

function checkTimes(times: Float64Array): number {
	let longest = 0;
	let before = -1;
	let areWhole = true;
	for (let index = 0; index < times.length; index += 1) {
		const time = times[index] ?? 0;
		if (Math.floor(time) !== time || time <= before) areWhole = false;
		if (index > 0 && time - before > longest) longest = time - before;
		before = time;
	}
	invariant(areWhole && before <= TIME_MOST, "the times of a chunk are whole ms from 0 and rise strictly");
	return longest;
}

function stepAt(times: Float64Array, index: number): number {
	return (times[index] ?? 0) - (times[index - 1] ?? 0);
}

function commonUnit(times: Float64Array): number {
	let unit = 0;
	for (let index = 1; index < times.length && unit !== 1; index += 1) {
		let other = stepAt(times, index);
		while (other !== 0) {
			const rest = unit % other;
			unit = other;
			other = rest;
		}
	}
	return unit;
}

function writeGrid(writer: BitWriter, times: Float64Array, unit: number): void {
	const count = times.length - 1;
	const { numbers: steps } = scratch;
	for (let index = 0; index < count; index += 1) steps[index] = stepAt(times, index + 1) / unit;
	const step = gridStep(steps, count);
	let best = PULL_NONE;
	let leastSum = Number.POSITIVE_INFINITY;
	for (let pull = 0; pull < PULL_SHIFTS.length; pull += 1) {
		const sum = gridResiduals(steps, count, step, pull);
		if (sum >= leastSum) continue;
		leastSum = sum;
		best = pull;
	}
	gridResiduals(steps, count, step, best);
	writer.putNumber(step);
	writer.put(best, PULL_BITS);
	writeResiduals(writer, count, leastSum);
}

/** The step that carries from the first time to the last, in 1/16 unit; missed polls are counted by a typical step. */
function gridStep(steps: Int32Array, count: number): number {
	const apart = Math.ceil(count / GUESS_STEPS);
	const some = new Int32Array(Math.ceil(count / apart)).map((_, index) => steps[index * apart] ?? 0).sort();
	const typical = some[some.length >> 1] ?? 1;
	let whole = 0;
	let span = 0;
	for (let index = 0; index < count; index += 1) {
		const found = steps[index] ?? 0;
		span += found;
		whole += found * 2 < typical * 3 ? 1 : Math.round(found / typical);
	}
	return Math.max(1, Math.round((FRACTIONS * span) / whole));
}

/** Fills `scratch.residuals`; gives their sum. */
function gridResiduals(steps: Int32Array, count: number, step: number, pull: number): number {
	const { residuals } = scratch;
	const shift = PULL_SHIFTS[pull] ?? 0;
	let late = 0;
	let sum = 0;
	for (let index = 0; index < count; index += 1) {
		const found = steps[index] ?? 0;
		const missed = (found - ((step - late + HALF) >> FRACTION_BITS)) | 0;
		const residual = (missed << 1) ^ (missed >> 31);
		residuals[index] = residual;
		sum += residual;
		late = sinceGrid((late + (found << FRACTION_BITS) - step) | 0, step);
		if (pull !== PULL_NONE) late -= late >> shift;
	}
	return sum;
}

/** False where a step is not at least 1. */
function readGrid(reader: BitReader, times: Float64Array, unit: number): boolean {
	const step = reader.takeNumber();
	const pull = reader.take(PULL_BITS);
	if (step < 1 || step > FRACTIONS * GRID_STEP_MOST) throw new OutOfBytes(`a grid of ${step} / 16`);
	readResiduals(reader, times.length - 1);
	const { residuals } = scratch;
	const shift = PULL_SHIFTS[pull] ?? 0;
	let late = 0;
	let time = times[0] ?? 0;
	let least = 1;
	for (let index = 1; index < times.length; index += 1) {
		const residual = residuals[index - 1] ?? 0;
		const missed = (residual >>> 1) ^ -(residual & 1);
		const found = (missed + ((step - late + HALF) >> FRACTION_BITS)) | 0;
		if (found < least) least = found;
		time += found * unit;
		times[index] = time;
		late = sinceGrid((late + (found << FRACTION_BITS) - step) | 0, step);
		if (pull !== PULL_NONE) late = (late - (late >> shift)) | 0;
	}
	return least >= 1;
}

function readSteps(reader: BitReader, times: Float64Array, unit: number): boolean {
	const width = reader.take(WIDTH_BITS);
	reader.need(width * (times.length - 1));
	let least = 1;
	for (let index = 1; index < times.length; index += 1) {
		const found = reader.takeLong(width);
		if (found < least) least = found;
		times[index] = (times[index - 1] ?? 0) + found * unit;
	}
	return least >= 1;
}

/** How late after the nearest point of the grid. */
function sinceGrid(late: number, step: number): number {
	return late * 2 > step || late * 2 < -step ? (late - step * Math.round(late / step)) | 0 : late;
}
