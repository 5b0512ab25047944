/**
 * Prices of power from an operator's file or address into the book.
 *
 * Takes text and how it is written; gives rows to append, each with the hash of the text it came from. A text that
 * is the same as before gives none. Bad text changes nothing.
 */
import { createHash } from "node:crypto";
import type { MarketConfig } from "../../shared/config/collector.js";
import type { Failure } from "../../shared/failures.js";
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import type { StoredInput } from "../store/device-state.js";
import { exchangeName, type InputBook } from "./book.js";
import { parseSeries } from "./power/formats.js";
import { powerPriceRows } from "./power/rows.js";

export type PricesConfig = NonNullable<MarketConfig["powerPrices"]>;

export function sha256(text: string): string {
	return createHash("sha256").update(text).digest("hex");
}

export function importedRows(
	text: string,
	config: PricesConfig,
	{ book, now, name }: { readonly book: InputBook; readonly now: number; readonly name: string },
): readonly StoredInput[] | Failure {
	const { source, format, currency, unit, location } = config;
	const parsed = parseSeries(text, { name, format, currency, unit, location });
	if (!parsed.ok) return parsed.failure;
	const { series } = parsed;
	return powerPriceRows(book, {
		intervals: series.intervals,
		currency: series.currency,
		source,
		quality: series.quality,
		now,
		rawSha256: sha256(text),
	});
}

/** Exchange rates of the configuration, as rows; one that did not change gives none. */
export function exchangeRows(
	rates: Readonly<Record<string, number>>,
	{ book, observedAt, now }: { readonly book: InputBook; readonly observedAt: number; readonly now: number },
): readonly StoredInput[] {
	return Object.entries(rates).flatMap(([currency, value]): readonly StoredInput[] => {
		const name = exchangeName(currency);
		if (book.inForce(name, now)?.value === value) return [];
		return [
			{
				name,
				value,
				unit: "USD",
				source: "configuration",
				observedAt: quantity<UnixMilliseconds>(observedAt),
				// The first rate holds for all of the past, since a price without one has no value.
				validFrom: quantity<UnixMilliseconds>(book.inForce(name, now) === undefined ? 0 : observedAt),
				knownFrom: quantity<UnixMilliseconds>(now),
				isExample: false,
				quality: "assumed",
			},
		];
	});
}
