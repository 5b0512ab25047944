/**
 * Steps of the past: where intervals of time begin and end, and what readings rolled up into them are called.
 *
 * Pure. Takes instants in Unix ms; knows days of IANA zones, which have 23 to 25 hours.
 */
import { localTimeAt } from "./zone-time.js";

/** The interval that an instant lies in, Unix ms, its end not included. */
export type Edges = (at: number) => { readonly start: number; readonly end: number };

const SUFFIXES = ["count", "last", "max", "min", "sum"] as const;
export type Aggregate = (typeof SUFFIXES)[number];

const MILLISECONDS_PER_DAY = 86_400_000;
/** No zone is farther from UTC; a day of 25 hours begins and ends within. */
const ZONE_REACH_MILLISECONDS = 30 * 3_600_000;

/** What a rolled up column is called. */
export function rolledName(measurement: string, aggregate: Aggregate): string {
	return `${measurement}:${aggregate}`;
}

/** Undefined for a column that is a sum by its nature, as joules are. */
export function aggregateOf(measurement: string): Aggregate | undefined {
	const suffix = measurement.slice(measurement.lastIndexOf(":") + 1);
	return measurement.includes(":") ? SUFFIXES.find((each) => each === suffix) : undefined;
}

export function measurementOf(rolled: string): string {
	return aggregateOf(rolled) === undefined ? rolled : rolled.slice(0, rolled.lastIndexOf(":"));
}

/** Intervals of one length, counted from 1970. */
export function fixedEdges(milliseconds: number): Edges {
	return (at) => {
		const start = Math.floor(at / milliseconds) * milliseconds;
		return { start, end: start + milliseconds };
	};
}

/** Days of an IANA zone, `days` of them together, counted from 1970: of 23 to 25 hours where clocks change. */
export function zoneDayEdges(timeZone: string, days = 1): Edges {
	const format = new Intl.DateTimeFormat("sv-SE", {
		timeZone,
		calendar: "gregory",
		numberingSystem: "latn",
		year: "numeric",
		month: "2-digit",
		day: "2-digit",
	});
	const dayNumber = (at: number) => Date.parse(`${format.format(at)}T00:00:00Z`) / MILLISECONDS_PER_DAY;
	const starts = new Map<number, number>();
	const startOf = (day: number): number => {
		const known = starts.get(day);
		if (known !== undefined) return known;
		let low = day * MILLISECONDS_PER_DAY - ZONE_REACH_MILLISECONDS;
		let high = day * MILLISECONDS_PER_DAY + ZONE_REACH_MILLISECONDS;
		// The first second of the day, whatever the clock shows then.
		while (high - low > 1_000) {
			const middle = Math.floor((low + high) / 2_000) * 1_000;
			if (dayNumber(middle) < day) low = middle;
			else high = middle;
		}
		starts.set(day, high);
		return high;
	};
	let last = { start: 0, end: 0 };
	return (at) => {
		if (at >= last.start && at < last.end) return last;
		const first = Math.floor(dayNumber(at) / days) * days;
		last = { start: startOf(first), end: startOf(first + days) };
		return last;
	};
}

/** Calendar months of an IANA zone. */
export function zoneMonthEdges(timeZone: string): Edges {
	const days = zoneDayEdges(timeZone);
	const startOf = (year: number, month: number) => {
		const noon = Date.UTC(year, month, 1, 12);
		// The first of the month holds noon UTC, or the day beside it does where the zone is far from it.
		return [noon - MILLISECONDS_PER_DAY, noon, noon + MILLISECONDS_PER_DAY]
			.map((at) => days(at).start)
			.find((at) => localTimeAt(at, timeZone).day === 1) as number;
	};
	let last = { start: 0, end: 0 };
	return (at) => {
		if (at >= last.start && at < last.end) return last;
		const { year, month } = localTimeAt(at, timeZone);
		last = { start: startOf(year, month - 1), end: startOf(year, month) };
		return last;
	};
}

/** Days of the zone for steps of whole days; else intervals of one length. */
export function stepEdges(stepSeconds: number, timeZone: string): Edges {
	const milliseconds = stepSeconds * 1_000;
	return milliseconds % MILLISECONDS_PER_DAY === 0
		? zoneDayEdges(timeZone, milliseconds / MILLISECONDS_PER_DAY)
		: fixedEdges(milliseconds);
}
