/**
 * An operator's own price file: CSV with a header line.
 *
 * Takes text with the columns `from,to,price` (times with zone) and, unless stated apart, `currency` and `unit`
 * (MWh or kWh); gives a price series, or every line that cannot be: what was found, what is allowed, an
 * example. It never guesses a currency, a unit or a zone.
 */
import { failure } from "../../../shared/failures.js";
import { instantFrom, type ParsedSeries, type PriceInterval, seriesOf } from "./price-series.js";

const UNITS: Readonly<Record<string, number>> = { mwh: 1, kwh: 1_000 };
const MOST_CHARACTERS = 32 * 1_024 * 1_024;
const MOST_PROBLEMS = 20;
const COLUMNS = ["from", "to", "price", "currency", "unit"] as const;
const EXAMPLE = "2026-11-01T00:00:00-05:00,2026-11-01T00:15:00-05:00,41.27,USD,MWh";

export type CsvOptions = {
	/** As named to the operator: "prices.csv". */
	readonly name: string;
	/** For files without a column of it. */
	readonly currency?: string | undefined;
	readonly unit?: string | undefined;
};

export function parsePriceCsv(text: string, { name, currency, unit }: CsvOptions): ParsedSeries {
	const lines = text.slice(0, MOST_CHARACTERS + 1).split(/\r?\n/);
	const header = (lines[0] ?? "").split(",").map((word) => word.trim().toLowerCase());
	const problems: string[] = [];
	if (text.length > MOST_CHARACTERS) problems.push(`${name} is longer than ${MOST_CHARACTERS} characters.`);
	for (const needed of ["from", "to", "price"]) {
		if (!header.includes(needed))
			problems.push(
				`${name}:1 has no column ${needed}. The header is ${COLUMNS.join(",")}, for example\n${EXAMPLE}`,
			);
	}
	const lacks = (column: string, stated: string | undefined) =>
		!header.includes(column) && stated === undefined;
	if (lacks("currency", currency))
		problems.push(
			`${name}:1 has no column currency and none is stated. Add it, or state it, for example USD.`,
		);
	if (lacks("unit", unit))
		problems.push(`${name}:1 has no column unit and none is stated. Add it, or state it: MWh or kWh.`);
	if (problems.length > 0) return refused(problems);
	const intervals: PriceInterval[] = [];
	const currencies = new Set<string>();
	for (const [index, line] of lines.entries()) {
		if (index === 0 || line.trim() === "" || problems.length >= MOST_PROBLEMS) continue;
		const cells = line.split(",").map((cell) => cell.trim());
		const of = (column: string) => cells[header.indexOf(column)];
		const row = rowOf({
			from: of("from"),
			to: of("to"),
			price: of("price"),
			currency: of("currency") ?? currency,
			unit: of("unit") ?? unit,
		});
		if (typeof row === "string") problems.push(`${name}:${index + 1} ${row}`);
		else {
			intervals.push(row.interval);
			currencies.add(row.currency);
		}
	}
	if (currencies.size > 1)
		problems.push(`${name} has prices in ${[...currencies].join(" and ")}. Give each currency a file.`);
	if (problems.length > 0) return refused(problems);
	return seriesOf({ currency: [...currencies][0] ?? currency ?? "", intervals, quality: "final" });
}

type Row = { readonly [Column in (typeof COLUMNS)[number]]: string | undefined };

function rowOf(row: Row): { readonly interval: PriceInterval; readonly currency: string } | string {
	const [from, to] = [instantFrom(row.from), instantFrom(row.to)];
	if (from === undefined) return notTime("from", row.from);
	if (to === undefined) return notTime("to", row.to);
	if (row.price === undefined || !/^-?\d+(\.\d+)?$/.test(row.price))
		return `price is ${JSON.stringify(row.price ?? "")}. Use a number with a point, for example 41.27.`;
	if (row.currency === undefined || !/^[A-Z]{3}$/.test(row.currency))
		return `currency is ${JSON.stringify(row.currency ?? "")}. Use three capital letters, for example USD.`;
	const factor = UNITS[(row.unit ?? "").toLowerCase()];
	if (factor === undefined) return `unit is ${JSON.stringify(row.unit ?? "")}. Use MWh or kWh.`;
	return { interval: { from, to, pricePerMegawattHour: Number(row.price) * factor }, currency: row.currency };
}

function notTime(column: string, found: string | undefined): string {
	return `${column} is ${JSON.stringify(found ?? "")}. Use a time with its zone, for example 2026-11-01T00:00:00-05:00.`;
}

function refused(problems: readonly string[]): ParsedSeries {
	return { ok: false, failure: failure("FEED_ANSWER_MALFORMED", problems.join("\n")) };
}
