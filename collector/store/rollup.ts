/**
 * Readings → rows of a tier: sum, count, least, most and last of each column by interval. Pure.
 *
 * A row is an interval with a sample; a column without a value in it is absent in all five. Sums are
 * exact while they are whole numbers of the column's decimals up to 2^53, so they do not depend on where
 * runs were cut; what is no such number is added in the order of time. Readings of one interval must
 * come in one run. The same readings give the same rows.
 */

import { isWholeOf, powerOfTen } from "./chunk/column.js";
import { ABSENT_SCALED, type ChunkRun, type ColumnValues } from "./chunk.js";
import { columnKey } from "./column-key.js";
import type { Column } from "./device-state.js";

/** [start, end), Unix ms; the interval that `at` lies in. */
export type Interval = { readonly start: number; readonly end: number };
export type Edges = (at: number) => Interval;

const NARROW_MOST = 2 ** 31 - 1;
const MILLISECONDS_PER_HOUR = 3_600_000;
/** The longest local day has 25 hours, the longest ever had 48. */
const DAY_LONGEST = 49 * MILLISECONDS_PER_HOUR;
const HOURS_KEPT_MOST = 10_000;

export function rollUp({ columns, times, values }: ChunkRun, edges: Edges): ChunkRun {
	const { starts, firstRows } = intervalsOf(times, edges);
	const rolled = columns.flatMap(({ decimals }, index) => {
		const own = values[index] ?? new Float64Array(times.length).fill(Number.NaN);
		const power = powerOfTen(decimals);
		const five = own instanceof Int32Array ? rollNumbers(own, firstRows) : rollValues(own, firstRows, power);
		return [scaledOrValues(five.sum, power), five.count, five.least, five.most, five.last];
	});
	const tier = tierOf(columns);
	return {
		columns: tier.columns,
		times: starts,
		values: tier.order.map((place) => rolled[place]).filter((one) => one !== undefined),
	};
}

/** Intervals of so many ms from 1970 on. */
export function everyMilliseconds(length: number): Edges {
	return (at) => {
		const start = Math.floor(at / length) * length;
		return { start, end: start + length };
	};
}

/**
 * Days of an IANA time zone: 23 or 25 hours long where its clocks change.
 *
 * @throws RangeError where the runtime knows no such zone
 */
export function localDays(timeZone: string): Edges {
	const format = new Intl.DateTimeFormat("en-CA", {
		timeZone,
		year: "numeric",
		month: "2-digit",
		day: "2-digit",
	});
	const byHour = new Map<number, Interval>();
	return (at) => {
		const hour = Math.floor(at / MILLISECONDS_PER_HOUR);
		const known = byHour.get(hour);
		if (known !== undefined && known.start <= at && at < known.end) return known;
		const date = format.format(at);
		const isDay = (other: number) => format.format(other) === date;
		const day = {
			start: firstWhere(at - DAY_LONGEST, at, isDay),
			end: firstWhere(at, at + DAY_LONGEST, (other) => !isDay(other)),
		};
		if (byHour.size >= HOURS_KEPT_MOST) byHour.clear();
		byHour.set(hour, day);
		return day;
	};
}

/** The first ms above `below` at which it holds; it does not hold at `below`, holds at `at`, and changes once. */
function firstWhere(below: number, at: number, holds: (at: number) => boolean): number {
	let low = below;
	let high = at;
	while (high - low > 1) {
		const middle = Math.floor((low + high) / 2);
		if (holds(middle)) high = middle;
		else low = middle;
	}
	return high;
}

/** The start of each interval, and its first row; one row more at the end. */
function intervalsOf(times: Float64Array, edges: Edges) {
	const starts: number[] = [];
	const firstRows: number[] = [];
	let end = Number.NEGATIVE_INFINITY;
	for (let row = 0; row < times.length; row += 1) {
		const at = times[row] ?? 0;
		if (at < end) continue;
		const interval = edges(at);
		starts.push(interval.start);
		firstRows.push(row);
		end = interval.end;
	}
	firstRows.push(times.length);
	return { starts: Float64Array.from(starts), firstRows };
}

const SUFFIXES = ["sum", "count", "min", "max", "last"] as const;
type Tier = { readonly columns: readonly Column[]; readonly order: readonly number[] };
/** Columns are shared by many runs; their tier's are made once, so that their schema is too. */
const tiers = new WeakMap<readonly Column[], Tier>();

function tierOf(columns: readonly Column[]): Tier {
	const known = tiers.get(columns);
	if (known !== undefined) return known;
	const all = columns.flatMap((column) =>
		SUFFIXES.map((suffix) => ({
			...column,
			measurement: `${column.measurement}:${suffix}`,
			decimals: suffix === "count" ? 0 : column.decimals,
		})),
	);
	const placed = all.map((column, place) => ({ column, place, key: columnKey(column) }));
	placed.sort((a, b) => (a.key < b.key ? -1 : 1));
	const tier = { columns: placed.map(({ column }) => column), order: placed.map(({ place }) => place) };
	tiers.set(columns, tier);
	return tier;
}

type Five<Values> = {
	/** Scaled where `isScaled` of its row, else a value. */
	readonly sum: { readonly sums: Float64Array; readonly isScaled: Uint8Array };
	readonly count: Int32Array;
	readonly least: Values;
	readonly most: Values;
	readonly last: Values;
};

function rollNumbers(numbers: Int32Array, firstRows: readonly number[]): Five<Int32Array> {
	const intervals = firstRows.length - 1;
	const sums = new Float64Array(intervals).fill(Number.NaN);
	const isScaled = new Uint8Array(intervals).fill(1);
	// One block for all four: a hundred small ones a device would cost more than the adding.
	const block = new Int32Array(intervals * 4).fill(ABSENT_SCALED);
	const [count, least, most, last] = fourOf((part) =>
		block.subarray(part * intervals, (part + 1) * intervals),
	);
	for (let place = 0; place < intervals; place += 1) {
		const end = firstRows[place + 1] ?? 0;
		let found = 0;
		let sum = 0;
		let low = NARROW_MOST;
		let high = ABSENT_SCALED;
		let newest = ABSENT_SCALED;
		for (let row = firstRows[place] ?? 0; row < end; row += 1) {
			const number = numbers[row] ?? 0;
			if (number === ABSENT_SCALED) continue;
			found += 1;
			sum += number;
			if (number < low) low = number;
			if (number > high) high = number;
			newest = number;
		}
		if (found === 0) continue;
		sums[place] = sum;
		count[place] = found;
		least[place] = low;
		most[place] = high;
		last[place] = newest;
	}
	return { sum: { sums, isScaled }, count, least, most, last };
}

function rollValues(values: Float64Array, firstRows: readonly number[], power: number): Five<Float64Array> {
	const intervals = firstRows.length - 1;
	const sums = new Float64Array(intervals).fill(Number.NaN);
	const isScaled = new Uint8Array(intervals);
	const count = new Int32Array(intervals).fill(ABSENT_SCALED);
	const block = new Float64Array(intervals * 4).fill(Number.NaN);
	const [least, most, last] = fourOf((part) => block.subarray(part * intervals, (part + 1) * intervals));
	for (let place = 0; place < intervals; place += 1) {
		const end = firstRows[place + 1] ?? 0;
		const scaledSum = { sum: 0, isExact: true };
		let found = 0;
		let sum = 0;
		for (let row = firstRows[place] ?? 0; row < end; row += 1) {
			const value = values[row] ?? Number.NaN;
			if (Number.isNaN(value)) continue;
			if (found === 0 || value < (least[place] ?? 0)) least[place] = value;
			if (found === 0 || value > (most[place] ?? 0)) most[place] = value;
			last[place] = value;
			found += 1;
			sum += value;
			addExactly(scaledSum, value, power);
		}
		if (found === 0) continue;
		count[place] = found;
		sums[place] = scaledSum.isExact ? scaledSum.sum : sum;
		isScaled[place] = scaledSum.isExact ? 1 : 0;
	}
	return { sum: { sums, isScaled }, count, least, most, last };
}

function addExactly(total: { sum: number; isExact: boolean }, value: number, power: number): void {
	if (!total.isExact) return;
	total.sum += Math.round(value * power);
	total.isExact = isWholeOf(value, power) && Number.isSafeInteger(total.sum);
}

function fourOf<Values>(make: (part: number) => Values): [Values, Values, Values, Values] {
	return [make(0), make(1), make(2), make(3)];
}

/** Sums as numbers where all of them fit 32 bits. */
function scaledOrValues({ sums, isScaled }: Five<unknown>["sum"], power: number): ColumnValues {
	const numbers = new Int32Array(sums.length);
	let isNarrow = true;
	for (let place = 0; place < sums.length && isNarrow; place += 1) {
		const sum = sums[place] ?? Number.NaN;
		const isAbsent = Number.isNaN(sum);
		isNarrow = isAbsent || (isScaled[place] === 1 && sum <= NARROW_MOST && sum >= -NARROW_MOST);
		numbers[place] = isAbsent ? ABSENT_SCALED : sum;
	}
	if (isNarrow) return numbers;
	return sums.map((sum, place) => (isScaled[place] === 1 ? sum / power : sum));
}
