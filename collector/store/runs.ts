/**
 * Runs of readings: pieces of one device's past, joined, ordered and cut. Pure.
 *
 * Where two readings have the same instant the later piece wins in each value it has.
 */
import type { Column, Columns } from "./device-state.js";

export function columnKey({ measurement, component }: Pick<Column, "measurement" | "component">): string {
	return component === undefined ? measurement : `${component.part}\n${component.key}\n${measurement}`;
}

/** Joins pieces into one run: columns by name in a fixed order, times rising strictly. */
export function joinRuns(pieces: readonly Columns[]): Columns {
	const [only] = pieces;
	if (only !== undefined && pieces.length === 1 && rises(only.times)) return inFixedOrder(only);
	const columns = new Map<string, Column>();
	for (const piece of pieces) {
		for (const column of piece.columns) {
			const key = columnKey(column);
			// The finer of two, whichever came first: the bytes do not depend on the order of arrival.
			if ((columns.get(key)?.decimals ?? -1) < column.decimals) columns.set(key, column);
		}
	}
	const keys = [...columns.keys()].sort();
	const times = Float64Array.from(new Set(pieces.flatMap((piece) => [...piece.times]))).sort();
	const places = new Map<number, number>();
	for (const [index, time] of times.entries()) places.set(time, index);
	const values = keys.map(() => new Float64Array(times.length).fill(Number.NaN));
	const targets = new Map(keys.map((key, index) => [key, values[index]]));
	for (const piece of pieces) {
		const rows = Array.from(piece.times, (time) => places.get(time) ?? 0);
		for (const [index, column] of piece.columns.entries()) {
			copyPresent(piece.values[index], rows, targets.get(columnKey(column)));
		}
	}
	return { columns: keys.map((key) => columns.get(key)).filter((one) => one !== undefined), times, values };
}

/** The readings of [from, to). */
export function cutRun(run: Columns, from: number, to: number): Columns {
	const low = lowerBound(run.times, from);
	const high = lowerBound(run.times, to);
	if (low === 0 && high === run.times.length) return run;
	return {
		columns: run.columns,
		times: run.times.slice(low, high),
		values: run.values.map((one) => one.slice(low, high)),
	};
}

export function onlyColumns(run: Columns, wanted: (column: Column) => boolean): Columns {
	const kept = run.columns.flatMap((column, index) => (wanted(column) ? [index] : []));
	return {
		columns: kept.map((index) => run.columns[index]).filter((one) => one !== undefined),
		times: run.times,
		values: kept.map((index) => run.values[index]).filter((one) => one !== undefined),
	};
}

/** Index of the first time that is not before `at`. */
function lowerBound(times: Float64Array, at: number): number {
	let low = 0;
	let high = times.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((times[middle] ?? 0) < at) low = middle + 1;
		else high = middle;
	}
	return low;
}

function rises(times: Float64Array): boolean {
	for (let index = 1; index < times.length; index += 1) {
		if ((times[index] ?? 0) <= (times[index - 1] ?? 0)) return false;
	}
	return true;
}

function inFixedOrder(run: Columns): Columns {
	const order = run.columns.map((column, index) => ({ key: columnKey(column), index }));
	order.sort((a, b) => (a.key < b.key ? -1 : 1));
	return {
		columns: order.map(({ index }) => run.columns[index]).filter((one) => one !== undefined),
		times: run.times,
		values: order.map(({ index }) => run.values[index]).filter((one) => one !== undefined),
	};
}

function copyPresent(
	from: Float64Array | undefined,
	rows: readonly number[],
	into: Float64Array | undefined,
): void {
	if (from === undefined || into === undefined) return;
	for (const [index, value] of from.entries()) {
		const row = rows[index];
		if (row !== undefined && !Number.isNaN(value)) into[row] = value;
	}
}
