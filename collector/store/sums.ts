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
} from "../derive/intervals.js";
import { type ChunkRun, decodeChunk, encodeChunk } from "./chunk.js";
import { hourOf, MILLISECONDS_PER_HOUR } from "./day-files.js";
import type { Column, Columns, IntervalSums } from "./device-state.js";

export const MINUTES_PER_HOUR = 60;

/** In the fixed order of names. */
export const SUM_COLUMNS: readonly Column[] = [
	{ measurement: "gpuSeconds", decimals: 3 },
	{ measurement: "joules", decimals: 3 },
	{ measurement: "joulesWithoutWork", decimals: 3 },
	{ measurement: "secondsDown", decimals: 3 },
	{ measurement: "secondsUp", decimals: 3 },
	{ measurement: "terahashes", decimals: 6 },
	{ measurement: "terahashesWithoutPower", decimals: 6 },
];

/** @param sums of the hour's sixty minutes */
export function encodeSums(hour: number, sums: Float64Array): Buffer {
	return encodeChunk(sumsRun({ from: hour * MILLISECONDS_PER_HOUR, step: MINUTE_MILLISECONDS }, sums));
}

/** Undefined where the chunk is damaged. */
export function decodeSums(hour: number, bytes: Buffer): Float64Array | undefined {
	const decoded = decodeChunk(bytes, SUM_COLUMNS);
	if (!decoded.ok) return undefined;
	const sums = new Float64Array(MINUTES_PER_HOUR * SUMS);
	const { times, row } = sumsRows(decoded.columns);
	for (const [index, at] of times.entries())
		sums.set(row(index), Math.floor((at - hour * MILLISECONDS_PER_HOUR) / MINUTE_MILLISECONDS) * SUMS);
	return sums;
}

/** The sums of each row of a run with SUM_COLUMNS, SUMS numbers in their places. */
export function sumsRows({ columns, times, values }: Columns): {
	readonly times: Float64Array;
	readonly row: (index: number) => Float64Array;
} {
	const byName = new Map(columns.map(({ measurement }, index) => [measurement, values[index]]));
	const sums = new Float64Array(SUMS);
	const at = (row: number) => {
		const value = (name: string) => {
			const found = byName.get(name)?.[row] ?? 0;
			return Number.isNaN(found) ? 0 : found;
		};
		const [joules, terahashes] = [value("joules"), value("terahashes")];
		sums[JOULES] = joules;
		sums[TERAHASHES] = terahashes;
		sums[JOULES_WITH_WORK] = joules - value("joulesWithoutWork");
		sums[TERAHASHES_WITH_POWER] = terahashes - value("terahashesWithoutPower");
		sums[SECONDS_UP] = value("secondsUp");
		sums[SECONDS_DOWN] = value("secondsDown");
		sums[GPU_SECONDS] = value("gpuSeconds");
		return sums;
	};
	return { times, row: at };
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

/** Sums of intervals from `from` on, each `step` ms long; those in which nothing was known are left out. */
export function sumsRun(
	{ from, step }: { readonly from: number; readonly step: number },
	sums: Float64Array,
): ChunkRun {
	const rows: number[] = [];
	for (let row = 0; row < sums.length / SUMS; row += 1) {
		if (sums.subarray(row * SUMS, (row + 1) * SUMS).some((sum) => sum !== 0)) rows.push(row);
	}
	const column = (of: (first: number) => number, decimals: number) =>
		Float64Array.from(rows, (row) => rounded(of(row * SUMS), decimals));
	const sum = (place: number) => (first: number) => sums[first + place] ?? 0;
	const without = (all: number, some: number) => (first: number) =>
		(sums[first + all] ?? 0) - (sums[first + some] ?? 0);
	return {
		columns: SUM_COLUMNS,
		times: Float64Array.from(rows, (row) => from + row * step),
		values: [
			column(sum(GPU_SECONDS), 3),
			column(sum(JOULES), 3),
			column(without(JOULES, JOULES_WITH_WORK), 3),
			column(sum(SECONDS_DOWN), 3),
			column(sum(SECONDS_UP), 3),
			column(sum(TERAHASHES), 6),
			column(without(TERAHASHES, TERAHASHES_WITH_POWER), 6),
		],
	};
}

function rounded(value: number, decimals: number): number {
	const power = 10 ** decimals;
	return Math.round(value * power) / power + 0;
}
