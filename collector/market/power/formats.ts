/**
 * Every way in which a file or feed of power prices is written, by name.
 *
 * Takes text and a format's name, or a file's name to tell it from; gives the price series that its parser
 * finds. Never looks at what is outside the text.
 */
import { parsePriceCsv } from "./csv.js";
import { parseEntsoe } from "./entsoe.js";
import { parseCaiso, parseErcot, parseNordPool, parseOctopus, parsePjm } from "./markets.js";
import { type ParsedSeries, refusedSeries } from "./price-series.js";

export const SERIES_FORMATS = ["csv", "entsoe", "ercot", "pjm", "caiso", "nordpool", "octopus"] as const;

export type SeriesOptions = {
	readonly name: string;
	readonly format?: string | undefined;
	readonly currency?: string | undefined;
	readonly unit?: string | undefined;
	/** Node, zone or hub of a body that holds several. */
	readonly location?: string | undefined;
};

export function parseSeries(text: string, options: SeriesOptions): ParsedSeries {
	const where = options.location === undefined ? {} : { location: options.location };
	switch (options.format ?? guessed(text, options.name)) {
		case "entsoe":
			return parseEntsoe(text);
		case "ercot":
			return parseErcot(text, where);
		case "pjm":
			return parsePjm(text, where);
		case "caiso":
			return parseCaiso(text, where);
		case "nordpool":
			return parseNordPool(text, where);
		case "octopus":
			return parseOctopus(text);
		case "csv":
			return parsePriceCsv(text, options);
		default:
			return refusedSeries(`Its form is not known. State one of ${SERIES_FORMATS.join(", ")}.`);
	}
}

/** By what only one of them holds. */
function guessed(text: string, name: string): string | undefined {
	const start = text.slice(0, 4_000);
	if (/_MarketDocument/.test(start)) return "entsoe";
	if (/INTERVALSTARTTIME_GMT/.test(start) || /<m:ERROR>/.test(start)) return "caiso";
	if (/"settlementPoint"/.test(start)) return "ercot";
	if (/"datetime_beginning_utc"/.test(start)) return "pjm";
	if (/"deliveryDateCET"/.test(start)) return "nordpool";
	if (/"value_exc_vat"/.test(start)) return "octopus";
	return /\.csv$/i.test(name) ? "csv" : undefined;
}
