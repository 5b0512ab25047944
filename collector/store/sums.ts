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
import type { Column, IntervalSums } from "./device-state.js";

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
	return encodeChunk(sumsRun(hour, sums));
}

/** Undefined where the chunk is damaged. */
export function decodeSums(hour: number, bytes: Buffer): Float64Array | undefined {
	const decoded = decodeChunk(bytes, SUM_COLUMNS);
	if (!decoded.ok) return undefined;
	const { columns, times, values } = decoded.columns;
	const byName = new Map(columns.map(({ measurement }, index) => [measurement, values[index]]));
	const sums = new Float64Array(MINUTES_PER_HOUR * SUMS);
	for (const [row, at] of times.entries()) {
		const first = Math.floor((at - hour * MILLISECONDS_PER_HOUR) / MINUTE_MILLISECONDS) * SUMS;
		const value = (name: string) => {
			const found = byName.get(name)?.[row] ?? 0;
			return Number.isNaN(found) ? 0 : found;
		};
		const [joules, terahashes] = [value("joules"), value("terahashes")];
		sums[first + JOULES] = joules;
		sums[first + TERAHASHES] = terahashes;
		sums[first + JOULES_WITH_WORK] = joules - value("joulesWithoutWork");
		sums[first + TERAHASHES_WITH_POWER] = terahashes - value("terahashesWithoutPower");
		sums[first + SECONDS_UP] = value("secondsUp");
		sums[first + SECONDS_DOWN] = value("secondsDown");
		sums[first + GPU_SECONDS] = value("gpuSeconds");
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

function sumsRun(hour: number, sums: Float64Array): ChunkRun {
	const minutes: number[] = [];
	for (let minute = 0; minute < MINUTES_PER_HOUR; minute += 1) {
		if (isKnown(sums, minute * SUMS)) minutes.push(minute);
	}
	const columns = SUM_COLUMNS.map(() => new Float64Array(minutes.length));
	for (const [row, minute] of minutes.entries()) {
		const first = minute * SUMS;
		const joules = sums[first + JOULES] as number;
		const terahashes = sums[first + TERAHASHES] as number;
		const values = [
			thousandths(sums[first + GPU_SECONDS] as number),
			thousandths(joules),
			thousandths(joules - (sums[first + JOULES_WITH_WORK] as number)),
			thousandths(sums[first + SECONDS_DOWN] as number),
			thousandths(sums[first + SECONDS_UP] as number),
			millionths(terahashes),
			millionths(terahashes - (sums[first + TERAHASHES_WITH_POWER] as number)),
		];
		for (const [place, column] of columns.entries()) column[row] = values[place] as number;
	}
	const start = hour * MILLISECONDS_PER_HOUR;
	const times = Float64Array.from(minutes.map((minute) => start + minute * MINUTE_MILLISECONDS));
	return { columns: SUM_COLUMNS, times, values: columns };
}

function isKnown(sums: Float64Array, first: number): boolean {
	for (let at = first; at < first + SUMS; at += 1) if (sums[at] !== 0) return true;
	return false;
}

function thousandths(value: number): number {
	return Math.round(value * 1e3) / 1e3 + 0;
}

function millionths(value: number): number {
	return Math.round(value * 1e6) / 1e6 + 0;
}
