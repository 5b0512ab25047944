/**
 * Readings rolled up into intervals. Pure.
 *
 * Takes a run of one device and says where intervals begin and end; gives five columns a measurement,
 * `powerWatts:sum`, `:count`, `:min`, `:max` and `:last`, at the starts of the intervals that have any
 * reading. Never a mean: that is sum over count, made by whoever asks. What is whole stays whole, so that
 * five minutes of minutes are five minutes of readings, to the last bit.
 */
import { ABSENT_SCALED, type ColumnValues } from "../../shared/wire/number-column.js";
import { type Aggregate, aggregateOf, type Edges, rolledName } from "../derive/steps.js";
import type { ChunkRun } from "./chunk.js";
import { columnKey } from "./column-key.js";
import type { Column } from "./device-state.js";

const WHOLE_MOST = 2 ** 52;
const INT32_MOST = 2 ** 31 - 1;

function rolledColumn(column: Column, aggregate: Aggregate): Column {
	const decimals = aggregate === "count" ? 0 : column.decimals;
	return { ...column, measurement: rolledName(column.measurement, aggregate), decimals };
}

/** @param run times rise strictly */
export function rollUp(run: ChunkRun, edges: Edges): ChunkRun {
	const { starts, slots } = slotsOf(run.times, edges);
	const columns = run.columns.flatMap((column, index) => {
		const values = run.values[index];
		return values === undefined ? [] : rolled(column, values, slots, starts.length);
	});
	return inOrder(Float64Array.from(starts), columns);
}

/**
 * Joins what was rolled up already into intervals as long or longer. Columns without a suffix are sums.
 *
 * @param pieces an interval may have rows in several of them: the last is that of the latest in the list
 */
export function rollUpAgain(pieces: readonly ChunkRun[], edges: Edges): ChunkRun {
	const { starts, slots } = slotsTogether(
		pieces.map(({ times }) => times),
		edges,
	);
	const named = new Map<string, Column>();
	for (const { columns } of pieces)
		for (const column of columns) {
			const key = columnKey(column);
			// The finer of two, whichever came first.
			if ((named.get(key)?.decimals ?? -1) < column.decimals) named.set(key, column);
		}
	const places = pieces.map(({ columns }) => new Map(columns.map((one, index) => [columnKey(one), index])));
	const columns = [...named].map(([key, column]) => {
		const parts = pieces.flatMap((piece, index) => {
			const place = places[index]?.get(key);
			const values = place === undefined ? undefined : piece.values[place];
			const own = slots[index];
			if (place === undefined || values === undefined || own === undefined) return [];
			return [{ values, decimals: piece.columns[place]?.decimals ?? 0, slots: own }];
		});
		return { column, values: joined(column, parts, starts.length) };
	});
	return inOrder(Float64Array.from(starts), columns);
}

/** Which interval each row belongs to, by its place among those that have rows. */
function slotsOf(times: Float64Array, edges: Edges) {
	const starts: number[] = [];
	const slots = new Int32Array(times.length);
	let end = Number.NEGATIVE_INFINITY;
	for (let row = 0; row < times.length; row += 1) {
		const at = times[row] as number;
		if (at >= end) {
			const found = edges(at);
			end = found.end;
			starts.push(found.start);
		}
		slots[row] = starts.length - 1;
	}
	return { starts, slots };
}

function slotsTogether(times: readonly Float64Array[], edges: Edges) {
	const each = times.map((own) => slotsOf(own, edges));
	const starts = [...new Set(each.flatMap((own) => own.starts))].sort((one, other) => one - other);
	const places = new Map(starts.map((start, place) => [start, place]));
	const slots = each.map((own) => own.slots.map((slot) => places.get(own.starts[slot] ?? 0) ?? 0));
	return { starts, slots };
}

type NamedValues = { readonly column: Column; readonly values: ColumnValues };

function rolled(
	column: Column,
	values: ColumnValues,
	slots: Int32Array,
	length: number,
): readonly NamedValues[] {
	const { numbers: found, isWhole } = numbersOf(values, column.decimals);
	// One kind of array, so that the loop is compiled for it.
	const numbers = found instanceof Int32Array ? wide(found) : found;
	const [sum, count] = [new Float64Array(length), new Int32Array(length)];
	const [min, max, last] = [new Float64Array(length), new Float64Array(length), new Float64Array(length)];
	for (let row = 0; row < numbers.length; row += 1) {
		const number = numbers[row] as number;
		if (Number.isNaN(number)) continue;
		const slot = slots[row] as number;
		if (count[slot] === 0) {
			min[slot] = number;
			max[slot] = number;
		} else {
			if (number < (min[slot] as number)) min[slot] = number;
			if (number > (max[slot] as number)) max[slot] = number;
		}
		(sum[slot] as number) += number;
		last[slot] = number;
		(count[slot] as number) += 1;
	}
	for (let slot = 0; slot < length; slot += 1) {
		if (count[slot] !== 0) continue;
		for (const each of [sum, min, max, last]) each[slot] = Number.NaN;
		count[slot] = ABSENT_SCALED;
	}
	const own = (aggregate: Aggregate, each: Float64Array): NamedValues => ({
		column: rolledColumn(column, aggregate),
		values: valuesOf(each, isWhole, column.decimals),
	});
	return [
		{ column: rolledColumn(column, "count"), values: count },
		own("last", last),
		own("max", max),
		own("min", min),
		own("sum", sum),
	];
}

type Part = { readonly values: ColumnValues; readonly decimals: number; readonly slots: Int32Array };

function joined({ measurement, decimals }: Column, parts: readonly Part[], length: number): ColumnValues {
	const exact = parts.map(({ values, decimals: own }) => numbersOf(values, own));
	const isWhole = exact.every((each) => each.isWhole);
	const into = new Float64Array(length).fill(Number.NaN);
	const aggregate = aggregateOf(measurement) ?? "sum";
	for (const [index, { values, decimals: own, slots }] of parts.entries()) {
		const numbers = isWhole ? (exact[index]?.numbers ?? values) : doubles(values, own);
		join(into, numbers instanceof Int32Array ? wide(numbers) : numbers, {
			slots,
			factor: isWhole ? 10 ** (decimals - own) : 1,
			aggregate,
		});
	}
	return valuesOf(into, isWhole, decimals);
}

type Joining = { readonly slots: Int32Array; readonly factor: number; readonly aggregate: Aggregate };

function join(into: Float64Array, numbers: Float64Array, { slots, factor, aggregate }: Joining): void {
	const isSum = aggregate === "sum" || aggregate === "count";
	const sign = aggregate === "min" ? -1 : 1;
	for (let row = 0; row < numbers.length; row += 1) {
		const number = (numbers[row] as number) * factor;
		if (Number.isNaN(number)) continue;
		const slot = slots[row] as number;
		const before = into[slot] as number;
		if (Number.isNaN(before) || aggregate === "last") into[slot] = number;
		else if (isSum) into[slot] = before + number;
		else if (number * sign > before * sign) into[slot] = number;
	}
}

function wide(numbers: Int32Array): Float64Array {
	const values = new Float64Array(numbers.length);
	for (let row = 0; row < numbers.length; row += 1) {
		const number = numbers[row] as number;
		values[row] = number === ABSENT_SCALED ? Number.NaN : number;
	}
	return values;
}

/** Whole numbers of 10^-decimals where all values are some; else the values. */
function numbersOf(
	values: ColumnValues,
	decimals: number,
): { readonly numbers: ColumnValues; readonly isWhole: boolean } {
	if (values instanceof Int32Array) return { numbers: values, isWhole: true };
	const power = 10 ** decimals;
	const numbers = new Float64Array(values.length);
	for (let row = 0; row < values.length; row += 1) {
		const value = values[row] as number;
		const number = Math.round(value * power) + 0;
		numbers[row] = number;
		if (Number.isNaN(value)) continue;
		if (Math.abs(number) >= WHOLE_MOST || number / power !== value)
			return { numbers: values, isWhole: false };
	}
	return { numbers, isWhole: true };
}

function doubles(values: ColumnValues, decimals: number): Float64Array {
	if (values instanceof Float64Array) return values;
	const power = 10 ** decimals;
	return Float64Array.from(values, (number) => (number === ABSENT_SCALED ? Number.NaN : number / power));
}

/** Numbers as a column: in 32 bits where all of them fit. */
function valuesOf(numbers: Float64Array, isWhole: boolean, decimals: number): ColumnValues {
	if (!isWhole) return numbers;
	const scaled = new Int32Array(numbers.length);
	for (let row = 0; row < numbers.length; row += 1) {
		const number = numbers[row] as number;
		if (Math.abs(number) > INT32_MOST) return numbers.map((each) => each / 10 ** decimals);
		scaled[row] = Number.isNaN(number) ? ABSENT_SCALED : number;
	}
	return scaled;
}

function inOrder(times: Float64Array, columns: readonly NamedValues[]): ChunkRun {
	const sorted = columns
		.map((one) => ({ key: columnKey(one.column), ...one }))
		.sort((one, other) => (one.key < other.key ? -1 : 1));
	return {
		columns: sorted.map(({ column }) => column),
		times,
		values: sorted.map(({ values }) => values),
	};
}
