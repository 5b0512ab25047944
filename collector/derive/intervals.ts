/**
 * Five-minute sums of one device: the settlement intervals that every later sum of energy, work and
 * money is made from.
 *
 * Takes the device's readings as columns, in order of time; gives one row an interval. Pure. A reading
 * holds until the next one and at most three poll intervals, split exactly at interval boundaries.
 * Time in which nobody knows counts neither as up nor as down.
 */
import { MILLISECONDS_PER_SECOND, quantity, type UnixMilliseconds } from "../../shared/units.js";
import type { Columns, IntervalSums, LatestReading, Shape } from "../store/device-state.js";
import { HOLD_AT_MOST_INTERVALS, type MeterReading, sumsOver } from "./energy.js";
import { deviceValue, gpusListed } from "./latest-values.js";
import { effectiveRates, type PoweredDevice, type PowerOptions } from "./power.js";

export const INTERVAL_MILLISECONDS = 300_000;

export type IntervalDevice = {
	readonly number: number;
	readonly description: PoweredDevice["description"] & { readonly pollIntervalSeconds: number };
};

export type IntervalRange = {
	/** Multiples of the interval; rows for [from, to). */
	readonly from: number;
	readonly to: number;
	/** Five minutes where absent. */
	readonly intervalMilliseconds?: number;
	/** Times of failed polls, rising: each counts as down until the next poll. */
	readonly failedAt?: readonly number[];
};

type MutableSums = { -readonly [Key in keyof IntervalSums]: IntervalSums[Key] };

/**
 * Rows of the intervals in which anything was known.
 *
 * @param pieces readings from `holdMilliseconds` before `from` up to `to`, so that a reading of the
 *               interval before can hold into the first
 */
export function intervalSums(
	device: IntervalDevice,
	pieces: Iterable<Columns>,
	{ from, to, intervalMilliseconds = INTERVAL_MILLISECONDS, failedAt = [] }: IntervalRange,
	options: PowerOptions,
): readonly IntervalSums[] {
	const rows = new Map<number, MutableSums>();
	const holdMilliseconds = longestHoldMilliseconds(device.description.pollIntervalSeconds);
	const add = (start: number, end: number, addTo: (row: MutableSums, seconds: number) => void) => {
		const [first, last] = [Math.max(start, from), Math.min(end, to)];
		for (let at = first; at < last; ) {
			const interval = Math.floor(at / intervalMilliseconds) * intervalMilliseconds;
			const until = Math.min(last, interval + intervalMilliseconds);
			addTo(rowOf(rows, device.number, interval), (until - at) / MILLISECONDS_PER_SECOND);
			at = until;
		}
	};

	const readAt: number[] = [];
	let held: HeldReading | undefined;
	const release = (until: number) => {
		if (held === undefined) return;
		const { reading, gpuCount } = held;
		add(reading.at, Math.min(until, reading.at + holdMilliseconds), (row, seconds) => {
			const sums = sumsOver(reading, seconds);
			row.joules += sums.joules;
			row.terahashes += sums.terahashes;
			row.joulesWithWork += sums.joulesWithWork;
			row.terahashesWithPower += sums.terahashesWithPower;
			row.gpuSeconds += gpuCount * seconds;
		});
	};
	for (const reading of readingsOf(device, pieces, options)) {
		release(reading.reading.at);
		held = reading;
		readAt.push(reading.reading.at);
	}
	release(to);
	addStates({ readAt, failedAt, holdMilliseconds, end: to }, add);
	return [...rows.values()].sort((one, other) => one.from - other.from);
}

/** How long before its first interval a span's readings still matter. */
export function longestHoldMilliseconds(pollIntervalSeconds: number): number {
	return HOLD_AT_MOST_INTERVALS * pollIntervalSeconds * MILLISECONDS_PER_SECOND;
}

type HeldReading = { readonly reading: MeterReading; readonly gpuCount: number };

function* readingsOf(
	{ description }: IntervalDevice,
	pieces: Iterable<Columns>,
	options: PowerOptions,
): Generator<HeldReading> {
	for (const { columns, times, values } of pieces) {
		const shape: Shape = { hash: "", columns };
		for (let row = 0; row < times.length; row++) {
			const latest: LatestReading = {
				at: quantity<UnixMilliseconds>(times[row] ?? Number.NaN),
				shape,
				values: Float64Array.from(values, (column) => column[row] ?? Number.NaN),
				errorCodes: [],
			};
			yield {
				reading: { at: latest.at, ...effectiveRates({ description, latest }, options) },
				gpuCount: deviceValue(latest, "gpuCount") ?? gpusListed(latest),
			};
		}
	}
}

type Polls = {
	readonly readAt: readonly number[];
	readonly failedAt: readonly number[];
	readonly holdMilliseconds: number;
	readonly end: number;
};

/** Each poll's result counts until the next poll, at most three intervals. */
function addStates(
	{ readAt, failedAt, holdMilliseconds, end }: Polls,
	add: (start: number, end: number, addTo: (row: MutableSums, seconds: number) => void) => void,
): void {
	const polls = [
		...readAt.map((at) => ({ at, isUp: true })),
		...failedAt.map((at) => ({ at, isUp: false })),
	].sort((one, other) => one.at - other.at);
	polls.forEach(({ at, isUp }, index) => {
		const next = polls[index + 1]?.at ?? end;
		add(at, Math.min(next, at + holdMilliseconds), (row, seconds) => {
			if (isUp) row.secondsUp += seconds;
			else row.secondsDown += seconds;
		});
	});
}

function rowOf(rows: Map<number, MutableSums>, deviceNumber: number, from: number): MutableSums {
	const known = rows.get(from);
	if (known !== undefined) return known;
	const made: MutableSums = {
		deviceNumber,
		from: quantity<UnixMilliseconds>(from),
		joules: 0,
		terahashes: 0,
		joulesWithWork: 0,
		terahashesWithPower: 0,
		secondsUp: 0,
		secondsDown: 0,
		gpuSeconds: 0,
	};
	rows.set(from, made);
	return made;
}
