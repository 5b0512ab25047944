/**
 * ENTSO-E transparency platform, documentType A44: day-ahead prices as XML.
 *
 * Takes the document's text; gives a price series in its currency. Curve type A03 leaves out a position whose
 * price is the one before: it is filled within its period. An acknowledgement is an error, whatever the status.
 */
import { XMLParser } from "fast-xml-parser";
import {
	instantFrom,
	type ParsedSeries,
	type PriceInterval,
	refusedSeries,
	seriesOf,
} from "./price-series.js";

const PARSER = new XMLParser({
	parseTagValue: false,
	processEntities: false,
	ignoreDeclaration: true,
	ignoreAttributes: true,
	isArray: (name) => name === "TimeSeries" || name === "Period" || name === "Point" || name === "Reason",
});

const MINUTES: Readonly<Record<string, number>> = { PT15M: 15, PT30M: 30, PT60M: 60, P1D: 1_440 };
const MOST_CHARACTERS = 4 * 1_024 * 1_024;
const MINUTE = 60_000;

type Period = {
	readonly timeInterval?: { readonly start?: string; readonly end?: string };
	readonly resolution?: string;
	readonly Point?: readonly { readonly position?: string; readonly "price.amount"?: string }[];
};
type Series = {
	readonly "currency_Unit.name"?: string;
	readonly "price_Measure_Unit.name"?: string;
	readonly curveType?: string;
	readonly Period?: readonly Period[];
};
type Document = {
	readonly Publication_MarketDocument?: {
		readonly revisionNumber?: string;
		readonly TimeSeries?: readonly Series[];
	};
	readonly Acknowledgement_MarketDocument?: {
		readonly Reason?: readonly { readonly code?: string; readonly text?: string }[];
	};
};

export function parseEntsoe(text: string): ParsedSeries {
	if (text.length > MOST_CHARACTERS) return refusedSeries(`It is longer than ${MOST_CHARACTERS} characters.`);
	const document = parsed(text);
	if (document === undefined)
		return refusedSeries(`Expected XML; found ${JSON.stringify(text.slice(0, 60))}.`);
	const refused = document.Acknowledgement_MarketDocument;
	if (refused !== undefined) {
		const [reason] = refused.Reason ?? [];
		return refusedSeries(`The platform refused: ${reason?.code ?? "no code"} ${reason?.text ?? ""}`.trim());
	}
	const found = document.Publication_MarketDocument;
	if (found === undefined) return refusedSeries("It is no Publication_MarketDocument.");
	const all = found.TimeSeries ?? [];
	const currencies = [...new Set(all.map((series) => series["currency_Unit.name"] ?? ""))];
	const [currency = ""] = currencies;
	if (currencies.length !== 1 || currency === "") return refusedSeries("It does not name one currency.");
	if (all.some((series) => series["price_Measure_Unit.name"] !== "MWH"))
		return refusedSeries("A price is not per MWH.");
	const intervals: PriceInterval[] = [];
	for (const series of all) {
		for (const period of series.Period ?? []) {
			const own = intervalsOf(period, series.curveType === "A03");
			if (typeof own === "string") return refusedSeries(own);
			intervals.push(...own);
		}
	}
	return seriesOf({ currency, intervals, quality: "final", revision: Number(found.revisionNumber ?? 1) });
}

function parsed(text: string): Document | undefined {
	try {
		const value: unknown = PARSER.parse(text);
		return typeof value === "object" && value !== null ? value : undefined;
	} catch {
		return undefined;
	}
}

function intervalsOf(
	{ timeInterval, resolution = "", Point = [] }: Period,
	fills: boolean,
): readonly PriceInterval[] | string {
	const minutes = MINUTES[resolution];
	const start = instantFrom(timeInterval?.start);
	const end = instantFrom(timeInterval?.end);
	if (minutes === undefined) return `The resolution ${JSON.stringify(resolution)} is not known.`;
	if (start === undefined || end === undefined) return "A period has no beginning or no end.";
	const step = minutes * MINUTE;
	const prices = new Map<number, number>();
	for (const { position, "price.amount": amount } of Point) {
		const [place, price] = [Number(position), Number(amount)];
		if (!Number.isInteger(place) || place < 1 || amount === undefined || !Number.isFinite(price))
			return `The point ${JSON.stringify({ position, amount })} cannot be read.`;
		prices.set(place, price);
	}
	const intervals: PriceInterval[] = [];
	let last: number | undefined;
	for (let place = 1, from = start; from < end; place += 1, from += step) {
		const price = prices.get(place) ?? (fills ? last : undefined);
		last = price;
		if (price !== undefined) intervals.push({ from, to: from + step, pricePerMegawattHour: price });
	}
	return intervals;
}
