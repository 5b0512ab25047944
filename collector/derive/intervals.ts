/**
 * Interval sums of one device over a span of the past. Pure.
 *
 * Takes one device's readings as a run in order of time; gives rows of sums only, since ratios are made
 * from sums by whoever asks. Each reading holds until the next one and each poll's result until the next
 * poll, at most three poll intervals, split exactly at interval boundaries. Time of which nobody knows
 * counts neither as up nor as down. Tokens between two counters count when the second one was read, whole: so they
 * are whole numbers in whatever pieces the past is read.
 */

import { MILLISECONDS_PER_SECOND, quantity, type UnixMilliseconds } from "../../shared/units.js";
import { ABSENT_SCALED, type ColumnValues, POWERS_OF_TEN, valueIn } from "../../shared/wire/number-column.js";
import type { Column, IntervalSums, LatestReading } from "../store/device-state.js";
import { HOLD_AT_MOST_INTERVALS } from "./energy.js";
import { gpusListed } from "./latest-values.js";
import { effectiveRates, type PoweredDevice, type PowerOptions, plainWatts } from "./power.js";
import { served } from "./tokens.js";

export const MINUTE_MILLISECONDS = 60_000;
export const INTERVAL_MILLISECONDS = 300_000;

export type IntervalDevice = {
	readonly number: number;
	readonly description: PoweredDevice["description"] & { readonly pollIntervalSeconds: number };
	/** Watts at the wall by meters of its own, of a reading at a time; undefined where they are silent. */
	readonly meteredWatts?: ((at: number) => number | undefined) | undefined;
};

/** Readings with the results of their polls, failed ones too: times rise strictly. */
export type PolledRun = {
	readonly columns: readonly Column[];
	readonly times: Float64Array;
	readonly values: readonly ColumnValues[];
};

export type IntervalRange = {
	/** Multiples of the interval; rows for [from, to). */
	readonly from: number;
	readonly to: number;
	/** Five minutes where absent. */
	readonly intervalMilliseconds?: number;
};

/** Places of the sums of one interval; SUMS of them stand together. */
export const JOULES = 0;
export const TERAHASHES = 1;
export const JOULES_WITH_WORK = 2;
export const TERAHASHES_WITH_POWER = 3;
export const SECONDS_UP = 4;
export const SECONDS_DOWN = 5;
export const GPU_SECONDS = 6;
export const TOKENS = 7;
export const SUMS = 8;

/** Rows of the intervals in which anything was known. The run begins where the hold of its readings can still reach `from`. */
export function intervalSums(
	device: IntervalDevice,
	runs: Iterable<PolledRun>,
	range: IntervalRange,
	options: PowerOptions,
): readonly IntervalSums[] {
	const { from, intervalMilliseconds = INTERVAL_MILLISECONDS } = range;
	const sums = sumsOfRuns(device, runs, range, options);
	const rows: IntervalSums[] = [];
	for (let at = 0; at < sums.length; at += SUMS) {
		const row = sums.subarray(at, at + SUMS);
		if (row.some((sum) => sum !== 0))
			rows.push(sumsRow(device.number, from + (at / SUMS) * intervalMilliseconds, row));
	}
	return rows;
}

export function sumsRow(deviceNumber: number, from: number, sums: ArrayLike<number>): IntervalSums {
	return {
		deviceNumber,
		from: quantity<UnixMilliseconds>(from),
		joules: sums[JOULES] ?? 0,
		terahashes: sums[TERAHASHES] ?? 0,
		joulesWithWork: sums[JOULES_WITH_WORK] ?? 0,
		terahashesWithPower: sums[TERAHASHES_WITH_POWER] ?? 0,
		secondsUp: sums[SECONDS_UP] ?? 0,
		secondsDown: sums[SECONDS_DOWN] ?? 0,
		gpuSeconds: sums[GPU_SECONDS] ?? 0,
		tokens: sums[TOKENS] ?? 0,
	};
}

/**
 * The same as numbers in a row: SUMS for each interval of [from, to).
 *
 * @param held what an earlier span ended with; it is changed into what this one ends with
 */
export function sumsOfRuns(
	device: IntervalDevice,
	runs: Iterable<PolledRun>,
	{ from, to, intervalMilliseconds = INTERVAL_MILLISECONDS }: IntervalRange,
	options: PowerOptions,
	held: Held = nothingHeld(),
): Float64Array {
	const span: Span = {
		from,
		to,
		intervalMilliseconds,
		sums: new Float64Array(Math.ceil((to - from) / intervalMilliseconds) * SUMS),
	};
	const hold = longestHoldMilliseconds(device.description.pollIntervalSeconds);
	for (const run of runs) {
		const rates = ratesOf(device, run, options);
		const results = deviceColumn(run, "pollResult");
		for (let row = 0; row < run.times.length; row += 1) {
			const at = run.times[row] ?? Number.NaN;
			const isUp = results === undefined || results.values[row] === 0;
			releasePoll(span, held, Math.min(at, held.polledAt + hold));
			held.polledAt = at;
			held.isUp = isUp;
			if (!isUp) continue;
			releaseReading(span, held, Math.min(at, held.readAt + hold));
			const counted = held.tokens;
			const isHeld = at - held.readAt <= hold;
			held.readAt = at;
			rates(row, held);
			if (isHeld) addTokens(span, at, served(counted, held.tokens));
		}
	}
	releasePoll(span, held, Math.min(to, held.polledAt + hold));
	releaseReading(span, held, Math.min(to, held.readAt + hold));
	return span.sums;
}

/** How long before its first interval a span's readings still matter. */
export function longestHoldMilliseconds(pollIntervalSeconds: number): number {
	return HOLD_AT_MOST_INTERVALS * pollIntervalSeconds * MILLISECONDS_PER_SECOND;
}

type Span = {
	readonly from: number;
	readonly to: number;
	readonly intervalMilliseconds: number;
	readonly sums: Float64Array;
};

/** The newest poll and the newest reading, which hold; a time that is NaN is none. Watts or hashrate that are NaN are absent. */
export type Held = {
	polledAt: number;
	isUp: boolean;
	readAt: number;
	watts: number;
	terahashesPerSecond: number;
	gpus: number;
	/** The counter as it stood; NaN where there is none. */
	tokens: number;
};

export function nothingHeld(): Held {
	return heldCopy(NOTHING_HELD);
}
const NOTHING_HELD: Held = {
	polledAt: Number.NaN,
	isUp: false,
	readAt: Number.NaN,
	watts: Number.NaN,
	terahashesPerSecond: Number.NaN,
	gpus: 0,
	tokens: Number.NaN,
};

/** All are made here, alike, since a million readings go through them. */
export function heldCopy({ polledAt, isUp, readAt, watts, terahashesPerSecond, gpus, tokens }: Held): Held {
	return { polledAt, isUp, readAt, watts, terahashesPerSecond, gpus, tokens };
}

/** @param tokens NaN where they are not known */
function addTokens({ from, to, intervalMilliseconds, sums }: Span, at: number, tokens: number): void {
	if (Number.isNaN(tokens) || at < from || at >= to) return;
	const place = Math.floor((at - from) / intervalMilliseconds) * SUMS + TOKENS;
	sums[place] = (sums[place] as number) + tokens;
}

function releasePoll(
	{ from, to, intervalMilliseconds, sums }: Span,
	{ polledAt, isUp }: Held,
	until: number,
): void {
	const place = isUp ? SECONDS_UP : SECONDS_DOWN;
	const end = Math.min(until, to);
	for (let at = Math.max(polledAt, from); at < end; ) {
		const interval = Math.floor((at - from) / intervalMilliseconds);
		const next = Math.min(end, from + (interval + 1) * intervalMilliseconds);
		sums[interval * SUMS + place] =
			(sums[interval * SUMS + place] as number) + (next - at) / MILLISECONDS_PER_SECOND;
		at = next;
	}
}

function releaseReading({ from, to, intervalMilliseconds, sums }: Span, held: Held, until: number): void {
	const end = Math.min(until, to);
	for (let at = Math.max(held.readAt, from); at < end; ) {
		const interval = Math.floor((at - from) / intervalMilliseconds);
		const next = Math.min(end, from + (interval + 1) * intervalMilliseconds);
		addRates(sums, interval * SUMS, held, (next - at) / MILLISECONDS_PER_SECOND);
		at = next;
	}
}

function addRates(
	sums: Float64Array,
	first: number,
	{ watts, terahashesPerSecond, gpus }: Held,
	seconds: number,
): void {
	const add = (place: number, sum: number) => {
		sums[first + place] = (sums[first + place] as number) + sum;
	};
	const hasPower = !Number.isNaN(watts);
	const hasWork = !Number.isNaN(terahashesPerSecond);
	if (hasPower) add(JOULES, watts * seconds);
	if (hasWork) add(TERAHASHES, terahashesPerSecond * seconds);
	if (hasPower && hasWork) {
		add(JOULES_WITH_WORK, watts * seconds);
		add(TERAHASHES_WITH_POWER, terahashesPerSecond * seconds);
	}
	if (gpus > 0) add(GPU_SECONDS, gpus * seconds);
}

type DeviceColumn = { readonly values: ColumnValues; readonly decimals: number };

function deviceColumn({ columns, values }: PolledRun, name: string): DeviceColumn | undefined {
	const place = columns.findIndex(
		({ measurement, component }) => measurement === name && component === undefined,
	);
	const found = values[place];
	return found === undefined ? undefined : { values: found, decimals: columns[place]?.decimals ?? 0 };
}

/**
 * Puts a row's watts, hashrate and GPUs into `held`. A device that states its watts needs no more than its
 * own columns; anything else goes by the rules of power.ts.
 */
function ratesOf(
	{ description, meteredWatts }: IntervalDevice,
	run: PolledRun,
	options: PowerOptions,
): (row: number, held: Held) => void {
	const power = deviceColumn(run, "powerWatts");
	const boundary = description.kind === "meter" ? undefined : deviceColumn(run, "powerBoundary");
	const hashrate = deviceColumn(run, "hashrateTerahashesPerSecond");
	const gpuCount = deviceColumn(run, "gpuCount");
	const generated = deviceColumn(run, "generatedTokens");
	const shape = { hash: "", columns: run.columns };
	const gpus = gpusListed({
		shape,
		at: quantity<UnixMilliseconds>(0),
		values: new Float64Array(0),
		errorCodes: [],
	});
	return (row, held) => {
		const work = valueAt(hashrate, row);
		held.terahashesPerSecond = work;
		const counted = valueAt(gpuCount, row);
		held.gpus = Number.isNaN(counted) ? gpus : counted;
		held.tokens = valueAt(generated, row);
		const metered = meteredWatts?.(run.times[row] ?? Number.NaN);
		const plain =
			description.kind === "agent"
				? Number.NaN
				: plainWatts(valueAt(power, row), valueAt(boundary, row), work, options);
		held.watts = metered ?? (Number.isNaN(plain) ? wattsByRule(description, run, row, options) : plain);
	};
}

function wattsByRule(
	description: IntervalDevice["description"],
	{ columns, times, values }: PolledRun,
	row: number,
	options: PowerOptions,
): number {
	const latest: LatestReading = {
		at: quantity<UnixMilliseconds>(times[row] ?? Number.NaN),
		shape: { hash: "", columns },
		values: Float64Array.from(values, (column, index) => valueIn(column, row, columns[index]?.decimals ?? 0)),
		errorCodes: [],
	};
	return effectiveRates({ description, latest }, options).watts ?? Number.NaN;
}

function valueAt(column: DeviceColumn | undefined, row: number): number {
	if (column === undefined) return Number.NaN;
	const { values, decimals } = column;
	const found = values[row] as number;
	if (values instanceof Float64Array) return found;
	return found === ABSENT_SCALED ? Number.NaN : found / (POWERS_OF_TEN[decimals] as number);
}
