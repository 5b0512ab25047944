/**
 * Prices of power over intervals, as exchanges and operators publish them.
 *
 * Gives the one form that all parsers of this folder end in, with currency and unit as published, and what is
 * wrong with a series as a whole. Never converts a currency and never fills a gap.
 */
import { type Failure, failure } from "../../../shared/failures.js";

export type PriceInterval = {
	/** Unix ms. */
	readonly from: number;
	readonly to: number;
	/** In the series' currency per MWh; negative and cap-level prices are valid. */
	readonly pricePerMegawattHour: number;
};

export type PriceSeries = {
	/** ISO 4217: "USD", "EUR". */
	readonly currency: string;
	/** In order of time, without overlaps. */
	readonly intervals: readonly PriceInterval[];
	/** Revised later (unverified, preliminary) or not. */
	readonly quality: "final" | "preliminary";
	/** Grows with each restatement, where the publisher numbers them. */
	readonly revision?: number;
};

export type ParsedSeries =
	| { readonly ok: true; readonly series: PriceSeries }
	| { readonly ok: false; readonly failure: Failure };

/** No market is dearer: beyond it the unit is another one. */
const MOST_PER_MEGAWATT_HOUR = 100_000;
const MOST_INTERVALS = 200_000;

export function refusedSeries(what: string): ParsedSeries {
	return { ok: false, failure: failure("FEED_ANSWER_MALFORMED", what) };
}

/** Sorts and checks what a parser found; an interval that overlaps another or is no interval refuses the series. */
export function seriesOf(found: PriceSeries): ParsedSeries {
	if (found.intervals.length === 0) return refusedSeries("There are no prices in it.");
	if (found.intervals.length > MOST_INTERVALS)
		return refusedSeries(`There are ${found.intervals.length} prices; ${MOST_INTERVALS} are allowed.`);
	const intervals = [...found.intervals].sort((a, b) => a.from - b.from);
	for (const [index, { from, to, pricePerMegawattHour }] of intervals.entries()) {
		const at = instantText(from);
		if (!(to > from)) return refusedSeries(`The interval from ${at} does not end after it began.`);
		if (!(Math.abs(pricePerMegawattHour) <= MOST_PER_MEGAWATT_HOUR))
			return refusedSeries(`The price at ${at} is ${pricePerMegawattHour}: that is no price per MWh.`);
		const next = intervals[index + 1];
		if (next !== undefined && next.from < to)
			return refusedSeries(`The interval from ${at} overlaps the one from ${instantText(next.from)}.`);
	}
	return { ok: true, series: { ...found, intervals } };
}

/** Stretches without a price between the first and the last. */
export function holesOf({
	intervals,
}: PriceSeries): readonly { readonly from: number; readonly to: number }[] {
	return intervals.flatMap(({ to }, index) => {
		const next = intervals[index + 1];
		return next === undefined || next.from === to ? [] : [{ from: to, to: next.from }];
	});
}

export function instantText(at: number): string {
	return Number.isFinite(at) ? new Date(at).toISOString() : String(at);
}

const WITH_ZONE = /(?:Z|[+-]\d{2}:?\d{2})$/i;

/** A time with its zone, Unix ms; undefined without zone, since local time alone says nothing. */
export function instantFrom(text: unknown): number | undefined {
	if (typeof text !== "string" || !WITH_ZONE.test(text)) return undefined;
	const at = Date.parse(text);
	return Number.isFinite(at) ? at : undefined;
}
