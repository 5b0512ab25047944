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
import type { DeviceChunk } from "./pack-files.js";

export const MINUTES_PER_HOUR = 60;

/**
 * In the fixed order of names. Readings are milliseconds apart: tenths of a watt and thousandths of a terahash per
 * second for so long are whole numbers of these decimals, so the sums are exact, and money from them too.
 */
export const SUM_COLUMNS = sumColumns({ joules: 5, terahashes: 6 });
/** Of files that were made before. */
export const COARSE_SUM_COLUMNS = sumColumns({ joules: 1, terahashes: 3 });

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

/** What each column adds to a minute; what was spent without work comes off what was with it. */
const PUTS: Readonly<Record<string, (sums: Float64Array, first: number, value: number) => void>> = {
	gpuSeconds: (sums, first, value) => add(sums, first + GPU_SECONDS, value),
	joules: (sums, first, value) => {
		add(sums, first + JOULES, value);
		add(sums, first + JOULES_WITH_WORK, value);
	},
	joulesWithoutWork: (sums, first, value) => add(sums, first + JOULES_WITH_WORK, -value),
	secondsDown: (sums, first, value) => add(sums, first + SECONDS_DOWN, value),
	secondsUp: (sums, first, value) => add(sums, first + SECONDS_UP, value),
	terahashes: (sums, first, value) => {
		add(sums, first + TERAHASHES, value);
		add(sums, first + TERAHASHES_WITH_POWER, value);
	},
	terahashesWithoutPower: (sums, first, value) => add(sums, first + TERAHASHES_WITH_POWER, -value),
};

function add(sums: Float64Array, place: number, value: number): void {
	sums[place] = (sums[place] as number) + value;
}

/** Undefined where the chunk is damaged. */
export function decodeSums(
	hour: number,
	chunk: Pick<DeviceChunk, "columns" | "bytes">,
): Float64Array | undefined {
	const decoded = decodeChunk(chunk.bytes, chunk.columns);
	if (!decoded.ok) return undefined;
	const { columns, times, values } = decoded.columns;
	const sums = new Float64Array(MINUTES_PER_HOUR * SUMS);
	const start = hour * MILLISECONDS_PER_HOUR;
	for (const [index, column] of values.entries()) {
		const put = PUTS[columns[index]?.measurement ?? ""];
		if (put === undefined) continue;
		for (let row = 0; row < times.length; row += 1) {
			const first = Math.floor(((times[row] as number) - start) / MINUTE_MILLISECONDS) * SUMS;
			put(sums, first, column[row] as number);
		}
	}
	return sums;
}

/** The sums of each row of a run with SUM_COLUMNS, SUMS numbers in their places. */
export function sumsRows({ columns, times, values }: Columns): {
	readonly times: Float64Array;
	readonly row: (index: number) => Float64Array;
} {
	const named = (name: string) => values[columns.findIndex(({ measurement }) => measurement === name)];
	const columnOf = (name: string) => {
		const column = named(name);
		return (row: number) => {
			const found = column?.[row] ?? 0;
			return Number.isNaN(found) ? 0 : found;
		};
	};
	const [joulesOf, terahashesOf] = [columnOf("joules"), columnOf("terahashes")];
	const [joulesAlone, terahashesAlone] = [columnOf("joulesWithoutWork"), columnOf("terahashesWithoutPower")];
	const [upOf, downOf, gpuOf] = [columnOf("secondsUp"), columnOf("secondsDown"), columnOf("gpuSeconds")];
	const sums = new Float64Array(SUMS);
	const at = (row: number) => {
		const [joules, terahashes] = [joulesOf(row), terahashesOf(row)];
		sums[JOULES] = joules;
		sums[TERAHASHES] = terahashes;
		sums[JOULES_WITH_WORK] = joules - joulesAlone(row);
		sums[TERAHASHES_WITH_POWER] = terahashes - terahashesAlone(row);
		sums[SECONDS_UP] = upOf(row);
		sums[SECONDS_DOWN] = downOf(row);
		sums[GPU_SECONDS] = gpuOf(row);
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
