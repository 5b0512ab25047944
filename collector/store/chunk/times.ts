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
 *   foretold = floor((step − late + 8) / 16);   residual = zigzag(found − foretold)
 *   late    += 16 × found − step, less whole steps where it is more than half a step (a poll was missed)
 *   late    −= floor(late × pull / 16)
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
const GRID_STEP_MOST = 2 ** 26;
/** Sixteenths of the lateness by which the grid moves: all of it is the difference to the step before. */
const PULLS = [0, 1, 4, 16] as const;
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
	if (count > 0) reader.need(count === 1 ? 1 : WIDTH_BITS);
	const times = new Float64Array(count);
	if (count === 0) return times;
	times[0] = reader.takeNumber();
	if (count === 1) return times;
	const unit = reader.takeNumber();
	if (reader.take(1) === 0) readGrid(reader, times, unit);
	else {
		const width = reader.take(WIDTH_BITS);
		reader.need(width * (count - 1));
		for (let index = 1; index < count; index += 1) {
			times[index] = (times[index - 1] ?? 0) + reader.takeLong(width) * unit;
		}
	}
	for (let index = 1; index < count; index += 1) {
		if ((times[index] ?? 0) <= (times[index - 1] ?? 0)) throw new OutOfBytes("the times do not rise");
	}
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
	const step = gridStep(times, unit);
	let best = 0;
	let leastSum = Number.POSITIVE_INFINITY;
	for (const [place, pull] of PULLS.entries()) {
		const sum = gridResiduals(times, { unit, step, pull });
		if (sum < leastSum) {
			leastSum = sum;
			best = place;
		}
	}
	gridResiduals(times, { unit, step, pull: PULLS[best] ?? 0 });
	writer.putNumber(step);
	writer.put(best, PULL_BITS);
	writeResiduals(writer, times.length - 1);
}

/** The step that carries from the first time to the last, in 1/16 unit; missed polls are counted by a typical step. */
function gridStep(times: Float64Array, unit: number): number {
	const apart = Math.max(1, Math.floor((times.length - 1) / GUESS_STEPS));
	const some: number[] = [];
	for (let index = 1; index < times.length; index += apart) some.push(stepAt(times, index));
	some.sort((a, b) => a - b);
	const typical = some[some.length >> 1] ?? 1;
	let steps = 0;
	for (let index = 1; index < times.length; index += 1) {
		steps += Math.max(1, Math.round(stepAt(times, index) / typical));
	}
	const span = ((times[times.length - 1] ?? 0) - (times[0] ?? 0)) / unit;
	return Math.max(1, Math.round((FRACTIONS * span) / steps));
}

type Grid = { readonly unit: number; readonly step: number; readonly pull: number };

/** Fills `scratch.residuals`; gives their sum. */
function gridResiduals(times: Float64Array, { unit, step, pull }: Grid): number {
	const { residuals } = scratch;
	let late = 0;
	let sum = 0;
	for (let index = 1; index < times.length; index += 1) {
		const found = stepAt(times, index) / unit;
		const missed = found - Math.floor((step - late + HALF) / FRACTIONS);
		const residual = missed >= 0 ? missed * 2 : -missed * 2 - 1;
		residuals[index - 1] = residual;
		sum += residual;
		late = nextLate(late + FRACTIONS * found - step, step, pull);
	}
	return sum;
}

function readGrid(reader: BitReader, times: Float64Array, unit: number): void {
	const step = reader.takeNumber();
	const pull = PULLS[reader.take(PULL_BITS)] ?? 0;
	if (step < 1 || step > FRACTIONS * GRID_STEP_MOST) throw new OutOfBytes(`a grid of ${step} / 16`);
	readResiduals(reader, times.length - 1);
	const { residuals } = scratch;
	let late = 0;
	let time = times[0] ?? 0;
	for (let index = 1; index < times.length; index += 1) {
		const residual = residuals[index - 1] ?? 0;
		const found = ((residual >>> 1) ^ -(residual & 1)) + Math.floor((step - late + HALF) / FRACTIONS);
		time += found * unit;
		times[index] = time;
		late = nextLate(late + FRACTIONS * found - step, step, pull);
	}
}

function nextLate(late: number, step: number, pull: number): number {
	if (pull === FRACTIONS) return 0;
	const own = late * 2 > step || late * 2 < -step ? late - step * Math.round(late / step) : late;
	return own - Math.floor((own * pull) / FRACTIONS);
}
