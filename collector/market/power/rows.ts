/**
 * Prices of power as rows of the store: what is new or restated of a series, and nothing else.
 *
 * Takes intervals with their prices and what the book has; gives rows to append. Each restatement is a row of its
 * own that names the one it supersedes; a price that is the same already gives none.
 */
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import type { InputQuality, StoredInput } from "../../store/device-state.js";
import type { InputBook } from "../book.js";

export const POWER_PRICE = "powerPriceUsdPerMegawattHour" as const;

export type PricedInterval = {
	readonly from: number;
	readonly to: number;
	readonly pricePerMegawattHour: number;
};

export type RowsOf = {
	readonly intervals: readonly PricedInterval[];
	readonly currency: string;
	readonly source: string;
	readonly quality: InputQuality;
	readonly now: number;
	readonly rawSha256?: string;
	readonly isExample?: boolean;
};

export function powerPriceRows(
	book: InputBook,
	{ currency, intervals, ...series }: RowsOf,
): readonly StoredInput[] {
	const values = intervals.map(({ from, to, pricePerMegawattHour: value }) => ({ from, to, value }));
	return intervalRows(book, { ...series, name: POWER_PRICE, unit: `${currency}/MWh`, values });
}

export type IntervalsOf = Omit<RowsOf, "intervals" | "currency"> & {
	readonly name: string;
	readonly unit: string;
	readonly values: readonly { readonly from: number; readonly to: number; readonly value: number }[];
};

/** The same of any input that holds for intervals. */
export function intervalRows(book: InputBook, series: IntervalsOf): readonly StoredInput[] {
	const { now, name, unit, source, quality, rawSha256, isExample = false } = series;
	return series.values.flatMap(({ from, to, value }) => {
		const before = book.inForce(name, from);
		const isSame =
			before?.validFrom === from &&
			before.validTo === to &&
			before.value === value &&
			before.unit === unit &&
			before.quality === quality;
		if (isSame) return [];
		const isRestated = before !== undefined && before.validTo !== undefined && before.id !== undefined;
		return [
			{
				name,
				value,
				unit,
				source,
				observedAt: quantity<UnixMilliseconds>(now),
				validFrom: quantity<UnixMilliseconds>(from),
				validTo: quantity<UnixMilliseconds>(to),
				knownFrom: quantity<UnixMilliseconds>(now),
				isExample,
				quality,
				...(rawSha256 === undefined ? {} : { rawSha256 }),
				...(isRestated ? { supersedes: before.id } : {}),
			} as StoredInput,
		];
	});
}
