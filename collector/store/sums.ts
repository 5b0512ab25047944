/**
 * One-minute sums of one device and hour ⇄ a chunk. Pure.
 *
 * What was spent without work and done without power is kept instead of what was with it: that is
 * nearly always nothing and costs nothing. Minutes in which nothing was known are left out.
 */

import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import {
	GPU_SECONDS,
	JOULES,
	JOULES_WITH_WORK,
	MINUTE_MILLISECONDS,
	SECONDS_DOWN,
	SECONDS_UP,
	SUMS,
	sumsRow,
	TERAHASHES,
	TERAHASHES_WITH_POWER,
	TOKENS,
} from "../derive/intervals.js";
import { ABSENT_SCALED, type ChunkRun, type ColumnValues, decodeScaled, encodeChunk } from "./chunk.js";
import { hourOf, MILLISECONDS_PER_HOUR } from "./day-files.js";
import type { Column, IntervalSums } from "./device-state.js";
import type { DeviceChunk } from "./pack-files.js";

export const MINUTES_PER_HOUR = 60;

/**
 * In the fixed order of names. Readings are milliseconds apart: tenths of a watt and thousandths of a terahash per
 * second for so long are whole numbers of these decimals, so the sums are exact, and money from them too.
 */
export const SUM_COLUMNS: readonly Column[] = [
	...sumColumns({ joules: 5, terahashes: 6 }),
	{ measurement: "tokens", decimals: 0 },
];
/** Of files that were made before, newest first: without tokens, and coarser. */
export const FORMER_SUM_COLUMNS = [
	sumColumns({ joules: 5, terahashes: 6 }),
	sumColumns({ joules: 1, terahashes: 3 }),
] as const;

function sumColumns({
	joules,
	terahashes,
}: Readonly<Record<"joules" | "terahashes", number>>): readonly Column[] {
	return [
		{ measurement: "gpuSeconds", decimals: 3 },
		{ measurement: "joules", decimals: joules },
		{ measurement: "joulesWithoutWork", decimals: joules },
		{ measurement: "secondsDown", decimals: 3 },
		{ measurement: "secondsUp", decimals: 3 },
		{ measurement: "terahashes", decimals: terahashes },
		{ measurement: "terahashesWithoutPower", decimals: terahashes },
	];
}

/** @param sums of the hour's sixty minutes */
export function encodeSums(hour: number, sums: Float64Array): Buffer {
	return encodeChunk(sumsRun({ from: hour * MILLISECONDS_PER_HOUR, step: MINUTE_MILLISECONDS }, sums));
}

/** Where each column goes: what was spent without work comes off what was with it. */
const PLACES: Readonly<Record<string, readonly (readonly [place: number, sign: 1 | -1])[]>> = {
	gpuSeconds: [[GPU_SECONDS, 1]],
	joules: [
		[JOULES, 1],
		[JOULES_WITH_WORK, 1],
	],
	joulesWithoutWork: [[JOULES_WITH_WORK, -1]],
	secondsDown: [[SECONDS_DOWN, 1]],
	secondsUp: [[SECONDS_UP, 1]],
	terahashes: [
		[TERAHASHES, 1],
		[TERAHASHES_WITH_POWER, 1],
	],
	terahashesWithoutPower: [[TERAHASHES_WITH_POWER, -1]],
	tokens: [[TOKENS, 1]],
};

/** SUMS numbers for each time. */
export type SumsRows = { readonly times: Float64Array; readonly sums: Float64Array };

export function sumsRows(run: ChunkRun): SumsRows {
	const sums = new Float64Array(run.times.length * SUMS);
	addSums(run, { low: 0, high: run.times.length }, sums);
	return { times: run.times, sums };
}

/** Adds the sums of some rows of a run with SUM_COLUMNS, column by column: a month of the fleet is 200,000 rows. */
export function addSums(
	{ columns, values }: ChunkRun,
	rows: { readonly low: number; readonly high: number },
	into: Float64Array,
): void {
	for (const [index, { measurement, decimals }] of columns.entries())
		for (const [place, sign] of PLACES[measurement] ?? []) {
			const column = values[index] as ColumnValues;
			const target = { into, place };
			if (column instanceof Float64Array) addValues(column.subarray(rows.low, rows.high), target, sign);
			else addNumbers(column.subarray(rows.low, rows.high), target, sign * 10 ** decimals);
		}
}

type Target = { readonly into: Float64Array; readonly place: number };

/** No sum is below zero, so none is the number that stands for absent. */
function addNumbers(column: Int32Array, { into, place }: Target, power: number): void {
	for (let row = 0, at = place; row < column.length; row += 1, at += SUMS) {
		const found = column[row] as number;
		if (found !== ABSENT_SCALED) into[at] = (into[at] as number) + found / power;
	}
}

function addValues(column: Float64Array, { into, place }: Target, sign: number): void {
	for (let row = 0, at = place; row < column.length; row += 1, at += SUMS) {
		const found = column[row] as number;
		if (!Number.isNaN(found)) into[at] = (into[at] as number) + found * sign;
	}
}

/** Of an hour's sixty minutes; undefined where the chunk is damaged. */
export function decodeSums(
	hour: number,
	chunk: Pick<DeviceChunk, "columns" | "bytes">,
): Float64Array | undefined {
	const decoded = decodeScaled(chunk.bytes, chunk.columns);
	if (!decoded.ok) return undefined;
	const rows = sumsRows(decoded.run);
	const sums = new Float64Array(MINUTES_PER_HOUR * SUMS);
	const start = hour * MILLISECONDS_PER_HOUR;
	for (const [row, at] of rows.times.entries()) {
		const minute = Math.floor((at - start) / MINUTE_MILLISECONDS);
		sums.set(rows.sums.subarray(row * SUMS, (row + 1) * SUMS), minute * SUMS);
	}
	return sums;
}

/** Rows of one device in [from, to): whole intervals of the tier, those in which nothing was known left out. */
export function intervalRows(
	device: number,
	{ from, to, tierSeconds }: { readonly from: number; readonly to: number; readonly tierSeconds: number },
	sumsOf: (hour: number) => Float64Array,
): readonly IntervalSums[] {
	const tier = tierSeconds * MILLISECONDS_PER_SECOND;
	const rows: IntervalSums[] = [];
	let known: { readonly hour: number; readonly sums: Float64Array } | undefined;
	for (let at = Math.ceil(from / tier) * tier; at < to; at += tier) {
		const hour = hourOf(at);
		if (known?.hour !== hour) known = { hour, sums: sumsOf(hour) };
		const row = added(
			known.sums,
			(at - hour * MILLISECONDS_PER_HOUR) / MINUTE_MILLISECONDS,
			tier / MINUTE_MILLISECONDS,
		);
		if (row.some((sum) => sum !== 0)) rows.push(sumsRow(device, at, row));
	}
	return rows;
}

function added(sums: Float64Array, firstMinute: number, minutes: number): Float64Array {
	const row = new Float64Array(SUMS);
	for (let minute = firstMinute; minute < firstMinute + minutes; minute += 1)
		for (let sum = 0; sum < SUMS; sum += 1)
			row[sum] = (row[sum] as number) + (sums[minute * SUMS + sum] ?? 0);
	return row;
}

const POWERS = SUM_COLUMNS.map(({ decimals }) => 10 ** decimals);

/** Sums of intervals from `from` on, each `step` ms long; those in which nothing was known are left out. */
export function sumsRun(
	{ from, step }: { readonly from: number; readonly step: number },
	sums: Float64Array,
): ChunkRun {
	const intervals: number[] = [];
	for (let interval = 0; interval < sums.length / SUMS; interval += 1) {
		if (isKnown(sums, interval * SUMS)) intervals.push(interval);
	}
	const columns = SUM_COLUMNS.map(() => new Float64Array(intervals.length));
	for (const [row, interval] of intervals.entries()) {
		const first = interval * SUMS;
		const joules = sums[first + JOULES] as number;
		const terahashes = sums[first + TERAHASHES] as number;
		const values = [
			sums[first + GPU_SECONDS] as number,
			joules,
			joules - (sums[first + JOULES_WITH_WORK] as number),
			sums[first + SECONDS_DOWN] as number,
			sums[first + SECONDS_UP] as number,
			terahashes,
			terahashes - (sums[first + TERAHASHES_WITH_POWER] as number),
			sums[first + TOKENS] as number,
		];
		for (const [place, column] of columns.entries()) {
			const power = POWERS[place] as number;
			column[row] = Math.round((values[place] as number) * power) / power + 0;
		}
	}
	const times = Float64Array.from(intervals.map((interval) => from + interval * step));
	return { columns: SUM_COLUMNS, times, values: columns };
}

function isKnown(sums: Float64Array, first: number): boolean {
	for (let at = first; at < first + SUMS; at += 1) if (sums[at] !== 0) return true;
	return false;
}
