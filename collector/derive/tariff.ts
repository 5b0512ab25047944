/**
 * Time-of-use tariffs: which price of power holds when, in wall-clock time of a zone.
 *
 * Takes a tariff and a span; gives intervals in UTC with their prices. Pure. Holidays count as their own kind
 * of day; days have 23 or 25 hours where clocks change: a period's local times decide, so that the skipped hour
 * costs nothing and the repeated one costs twice.
 */
import type { DayKind, TariffPeriod } from "../../shared/config/tariff.js";
import { instantsOf, localTimeAt, nextOffsetChange } from "./zone-time.js";

export type Tariff = {
	readonly timeZone: string;
	/** Local dates "2026-12-25". */
	readonly holidays: readonly string[];
	readonly periods: readonly TariffPeriod[];
};

const MINUTES_PER_DAY = 1_440;
const MINUTE = 60_000;
const DAY = 86_400_000;

function holdsOn({ days, months }: TariffPeriod, kind: DayKind, month: number): boolean {
	return (days === undefined || days.includes(kind)) && (months === undefined || months.includes(month));
}

export type TariffInterval = {
	readonly from: number;
	readonly to: number;
	readonly pricePerMegawattHour: number;
	readonly period: string;
};

/** Prices over [from, to), in order and without holes where the tariff has none. */
export function tariffIntervals(tariff: Tariff, from: number, to: number): readonly TariffInterval[] {
	const intervals: TariffInterval[] = [];
	for (let at = from; at < to; ) {
		const { period, until } = periodAt(tariff, at);
		const end = Math.min(until, to);
		const before = intervals.at(-1);
		if (period !== undefined) {
			if (
				before?.to === at &&
				before.period === period.name &&
				before.pricePerMegawattHour === period.pricePerMegawattHour
			)
				intervals[intervals.length - 1] = { ...before, to: end };
			else
				intervals.push({
					from: at,
					to: end,
					pricePerMegawattHour: period.pricePerMegawattHour,
					period: period.name,
				});
		}
		at = end;
	}
	return intervals;
}

/** The period of an instant, and when another may begin: its end, midnight, or the next change of clocks. */
function periodAt(
	tariff: Tariff,
	at: number,
): { readonly period: TariffPeriod | undefined; readonly until: number } {
	const { timeZone } = tariff;
	const local = localTimeAt(at, timeZone);
	const minute = local.hour * 60 + local.minute;
	const kind = dayKind(tariff, local);
	const period = tariff.periods.find(
		(one) => holdsOn(one, kind, local.month) && one.fromMinute <= minute && minute < one.toMinute,
	);
	const next = tariff.periods
		.filter((one) => holdsOn(one, kind, local.month) && one.fromMinute > minute)
		.reduce((least, one) => Math.min(least, one.fromMinute), MINUTES_PER_DAY);
	const endMinute = period === undefined ? next : period.toMinute;
	const end =
		endMinute >= MINUTES_PER_DAY
			? startOfNextDay(local, timeZone, at)
			: firstAfter({ ...local, hour: Math.floor(endMinute / 60), minute: endMinute % 60 }, timeZone, at);
	const change = nextOffsetChange(at, end, timeZone);
	return { period, until: Math.max(at + MINUTE, change === undefined ? end : Math.min(end, change)) };
}

function dayKind(
	{ holidays }: Tariff,
	{ year, month, day }: { year: number; month: number; day: number },
): DayKind {
	const pad = (value: number) => String(value).padStart(2, "0");
	if (holidays.includes(`${year}-${pad(month)}-${pad(day)}`)) return "holidays";
	const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
	return weekday === 0 || weekday === 6 ? "weekends" : "workdays";
}

type Local = Parameters<typeof instantsOf>[0];

/** The first instant after `at` that shows a local time; where clocks skip it, an hour on. */
function firstAfter(local: Local, timeZone: string, at: number): number {
	const found = instantsOf(local, timeZone).find((instant) => instant > at);
	return (
		found ??
		Date.UTC(local.year, local.month - 1, local.day, local.hour + 1, local.minute) -
			offsetNear(local, timeZone)
	);
}

function startOfNextDay({ year, month, day }: Local, timeZone: string, at: number): number {
	const next = new Date(Date.UTC(year, month - 1, day) + DAY);
	const local = {
		year: next.getUTCFullYear(),
		month: next.getUTCMonth() + 1,
		day: next.getUTCDate(),
		hour: 0,
		minute: 0,
	};
	return firstAfter(local, timeZone, at);
}

function offsetNear(local: Local, timeZone: string): number {
	const noon = { ...local, hour: 12, minute: 0 };
	const [instant] = instantsOf(noon, timeZone);
	return instant === undefined ? 0 : Date.UTC(noon.year, noon.month - 1, noon.day, 12) - instant;
}
