/**
 * Runs of readings: pieces of one device's past, joined, ordered and cut. Pure.
 *
 * What comes out does not depend on the order in which pieces came: columns stand in a fixed order, and
 * where two readings have the same instant the larger value stays (of two poll results the better one).
 */
import { ABSENT_SCALED, type ColumnValues, POWERS_OF_TEN } from "../../shared/wire/number-column.js";
import type { ChunkRun } from "./chunk.js";
import { columnKey, pickedColumns } from "./column-key.js";
import type { Column, Columns } from "./device-state.js";
import { type PackedColumns, viewsOf } from "./packed-columns.js";

/** Joins pieces into one run: columns by name in a fixed order, times rising strictly, no column without a value. */
export function joinRuns(pieces: readonly ChunkRun[]): ChunkRun {
	const filled = pieces.filter(({ times }) => times.length > 0);
	return withoutEmpty(follow(filled) ? chained(filled) : interleaved(filled));
}

/** The same run with values instead of scaled numbers. */
export function packedRun({ columns, times, values }: ChunkRun): PackedColumns {
	const count = times.length;
	const all = new Float64Array(count * (values.length + 1));
	all.set(times);
	for (const [index, one] of values.entries()) {
		const place = (index + 1) * count;
		if (one instanceof Float64Array) all.set(one, place);
		else putValues(one, columns[index]?.decimals ?? 0, all.subarray(place, place + count));
	}
	return { columns, all };
}

export function asColumns(run: ChunkRun): Columns {
	return viewsOf(packedRun(run));
}

/** The readings of [from, to). */
export function cutRun<Run extends ChunkRun>(run: Run, from: number, to: number): Run {
	const low = lowerBound(run.times, from);
	const high = lowerBound(run.times, to);
	if (low === 0 && high === run.times.length) return run;
	return { ...run, times: run.times.slice(low, high), values: run.values.map((one) => one.slice(low, high)) };
}

export function onlyColumns(run: ChunkRun, wanted: (column: Column) => boolean): ChunkRun {
	return pickColumns(
		run,
		run.columns.flatMap((column, index) => (wanted(column) ? [index] : [])),
	);
}

export function rises(times: Float64Array): boolean {
	for (let index = 1; index < times.length; index += 1) {
		if ((times[index] as number) <= (times[index - 1] as number)) return false;
	}
	return true;
}

/** Index of the first time that is not before `at`. */
export function lowerBound(times: Float64Array, at: number): number {
	let low = 0;
	let high = times.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((times[middle] ?? 0) < at) low = middle + 1;
		else high = middle;
	}
	return low;
}

/** Whether the pieces have the same columns and each begins after the one before has ended. */
function follow(pieces: readonly ChunkRun[]): boolean {
	return pieces.every((piece, index) => {
		const before = pieces[index - 1];
		if (!rises(piece.times)) return false;
		if (before === undefined) return isOrdered(piece.columns);
		return sameColumns(before.columns, piece.columns) && (before.times.at(-1) ?? 0) < (piece.times[0] ?? 0);
	});
}

/** Lists of columns are shared by thousands of runs: each is looked at once. */
const ORDERED = new WeakSet<readonly Column[]>();

function isOrdered(columns: readonly Column[]): boolean {
	if (ORDERED.has(columns)) return true;
	const areOrdered = columns.every((column, index) => {
		const before = columns[index - 1];
		return before === undefined || columnKey(before) < columnKey(column);
	});
	if (areOrdered) ORDERED.add(columns);
	return areOrdered;
}

function sameColumns(one: readonly Column[], other: readonly Column[]): boolean {
	if (one === other) return true;
	return (
		one.length === other.length &&
		one.every((column, index) => {
			const against = other[index];
			return (
				against !== undefined &&
				columnKey(column) === columnKey(against) &&
				column.decimals === against.decimals
			);
		})
	);
}

function chained(pieces: readonly ChunkRun[]): ChunkRun {
	const [first] = pieces;
	if (first === undefined) return { columns: [], times: new Float64Array(0), values: [] };
	if (pieces.length === 1) return first;
	const count = pieces.reduce((sum, { times }) => sum + times.length, 0);
	const times = new Float64Array(count);
	let at = 0;
	for (const piece of pieces) {
		times.set(piece.times, at);
		at += piece.times.length;
	}
	const values = first.columns.map(({ decimals }, index) =>
		concatenated(
			pieces.map((piece) => piece.values[index] ?? new Int32Array(piece.times.length).fill(ABSENT_SCALED)),
			{ count, decimals },
		),
	);
	return { columns: first.columns, times, values };
}

function concatenated(
	parts: readonly ColumnValues[],
	{ count, decimals }: { readonly count: number; readonly decimals: number },
): ColumnValues {
	const areWhole = parts.every((part) => part instanceof Int32Array);
	const joined = areWhole ? new Int32Array(count) : new Float64Array(count);
	let at = 0;
	for (const part of parts) {
		joined.set(areWhole ? part : asValues(part, decimals), at);
		at += part.length;
	}
	return joined;
}

function interleaved(pieces: readonly ChunkRun[]): ChunkRun {
	const columns = new Map<string, Column>();
	for (const piece of pieces) {
		for (const column of piece.columns) {
			const key = columnKey(column);
			// The finer of two, whichever came first.
			if ((columns.get(key)?.decimals ?? -1) < column.decimals) columns.set(key, column);
		}
	}
	const keys = [...columns.keys()].sort();
	const times = Float64Array.from(new Set(pieces.flatMap((piece) => [...piece.times]))).sort();
	const places = new Map<number, number>();
	for (const [index, time] of times.entries()) places.set(time, index);
	const values = new Map(keys.map((key) => [key, new Float64Array(times.length).fill(Number.NaN)]));
	for (const piece of pieces) {
		const rows = Array.from(piece.times, (time) => places.get(time) ?? 0);
		for (const [index, column] of piece.columns.entries()) {
			const from = piece.values[index];
			const into = values.get(columnKey(column));
			if (from !== undefined && into !== undefined)
				copyPresent(asValues(from, column.decimals), rows, into, column);
		}
	}
	return {
		columns: keys.map((key) => columns.get(key)).filter((one) => one !== undefined),
		times,
		values: keys.map((key) => values.get(key)).filter((one) => one !== undefined),
	};
}

function copyPresent(
	from: Float64Array,
	rows: readonly number[],
	into: Float64Array,
	{ measurement, component }: Column,
): void {
	const isBetter =
		measurement === "pollResult" && component === undefined
			? (value: number, before: number) => value < before
			: (value: number, before: number) => value > before || (value === before && Object.is(before, -0));
	for (const [index, value] of from.entries()) {
		const row = rows[index] ?? 0;
		const before = into[row] ?? Number.NaN;
		if (!Number.isNaN(value) && (Number.isNaN(before) || isBetter(value, before))) into[row] = value;
	}
}

function withoutEmpty(run: ChunkRun): ChunkRun {
	const filled = run.columns.flatMap((_, index) => (hasValue(run.values[index]) ? [index] : []));
	return filled.length === run.columns.length ? run : pickColumns(run, filled);
}

function hasValue(values: ColumnValues | undefined): boolean {
	if (values === undefined) return false;
	return values instanceof Float64Array
		? values.some((value) => !Number.isNaN(value))
		: values.some((number) => number !== ABSENT_SCALED);
}

function pickColumns(run: ChunkRun, places: readonly number[]): ChunkRun {
	return {
		columns: pickedColumns(run.columns, places),
		times: run.times,
		values: places.map((place) => run.values[place]).filter((one) => one !== undefined),
	};
}

/** Values of whole numbers of 10^-decimals. */
export function asValues(values: ColumnValues, decimals: number): Float64Array {
	if (values instanceof Float64Array) return values;
	const found = new Float64Array(values.length);
	putValues(values, decimals, found);
	return found;
}

function putValues(numbers: Int32Array, decimals: number, into: Float64Array): void {
	const power = POWERS_OF_TEN[decimals] ?? 1;
	for (let row = 0; row < numbers.length; row += 1) {
		const number = numbers[row] as number;
		into[row] = number === ABSENT_SCALED ? Number.NaN : number / power;
	}
}
