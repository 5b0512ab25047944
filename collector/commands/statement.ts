/**
 * A month's statement as CSV and as a page to print. Pure.
 *
 * Takes a statement; gives text. CSV has full precision and a row for each day and group; the page is rounded half to
 * even and stands alone: no script, nothing fetched.
 */
import { exactly, toDecimalText } from "../derive/rational.js";
import type { MoneyFigures, StatementAnswer } from "../expose/money-answers.js";
import type { Reconciled } from "./reconcile.js";

export type Statement = StatementAnswer & { readonly reconciled: readonly Reconciled[] };
type Row = StatementAnswer["rows"][number];
type Named = Readonly<Record<string, number | undefined>>;

const COLUMNS = [
	["energyMegawattHours", "MWh", 3],
	["workTerahashes", "TH", 0],
	["gpuHours", "GPU-h", 1],
	["grossUsd", "revenue USD", 2],
	["contractUsd", "of contracts USD", 2],
	["slaCreditUsd", "credited USD", 2],
	["generatedTokens", "tokens", 0],
	["tokenUsd", "of tokens USD", 2],
	["generatedTokensPerJoule", "tokens/J", 3],
	["powerCostUsd", "power USD", 2],
	["netUsd", "net USD", 2],
	["capitalUsd", "capital USD", 2],
	["netAfterCapitalUsd", "net of capital USD", 2],
	["grossUsdPerMegawattHour", "USD/MWh", 2],
	["powerCostUsdPerMegawattHour", "power USD/MWh", 2],
	["netUsdPerMegawattHour", "net USD/MWh", 2],
	["lostOfflineUsd", "lost offline USD", 2],
	["upRatio", "up", 4],
	["pricedRatio", "energy priced", 4],
	["earningRatio", "energy earning", 4],
	["staleRatio", "on old inputs", 4],
] as const satisfies readonly (readonly [keyof MoneyFigures, string, number])[];

/** What a restatement changes, each as a column of its own. */
const RESTATED = ["energyMegawattHours", "grossUsd", "powerCostUsd", "netUsd"] as const;

/** In another currency, keys and words name that: grossEur. */
function inCurrency(text: string, currency: string): string {
	if (currency === "USD") return text;
	return text.replace("Usd", `${currency[0]}${currency.slice(1).toLowerCase()}`).replace("USD", currency);
}

function figure(figures: MoneyFigures | undefined, name: string, currency: string): number | undefined {
	return (figures as Named | undefined)?.[inCurrency(name, currency)];
}

export function csvStatement(statement: Statement): string {
	const { site, month, currency } = statement;
	const head = [
		"site",
		"month",
		"by",
		"label",
		"day",
		"currency",
		"asOf",
		"frozen",
		...COLUMNS.map(([name]) => inCurrency(name, currency)),
		...RESTATED.map((name) => `${inCurrency(name, currency)}RestatedBy`),
	];
	const lines = statement.rows.map((row) =>
		[
			site,
			month,
			row.by,
			row.label,
			row.day ?? "",
			currency,
			new Date(statement.asOf).toISOString(),
			String(statement.isFrozen),
			...COLUMNS.map(([name]) => numberText(figure(row.figures, name, currency))),
			...RESTATED.map((name) => numberText(differenceOf(row, name, currency))),
		].map(cell),
	);
	const notes = [
		...statement.reconciled.map(({ kind, unit, stated, computed, difference, rowsOutside }) => [
			"# reconciled",
			kind,
			unit,
			"stated",
			stated,
			"computed",
			computed,
			"difference",
			difference,
			"rows outside the month",
			rowsOutside,
		]),
		...(statement.contracts ?? []).map((one) => [
			"# contract",
			one.name,
			one.kind,
			one.covers,
			"power borne by",
			one.powerBorneBy,
		]),
		...statement.gaps.map(({ agent, from, to, reason }) => [
			"# gap",
			agent,
			instant(from),
			instant(to),
			reason,
		]),
		...statement.inputs.map(({ name, rows }) => ["# input", name, `rows ${rows}`]),
	].map((note) => note.map((one) => cell(one === undefined ? "" : String(one))));
	return `${[head, ...lines, ...notes].map((line) => line.join(",")).join("\n")}\n`;
}

function instant(at: number): string {
	return new Date(at).toISOString();
}

function numberText(value: number | undefined): string {
	return value === undefined ? "" : String(value);
}

/** A label may begin as a formula does; a spreadsheet must not run it. */
function cell(text: string): string {
	const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
	return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** What became of a figure since the month was frozen; absent where nothing did. */
function differenceOf({ figures, restated }: Row, name: string, currency: string): number | undefined {
	if (restated === undefined) return undefined;
	const [before, since] = [figure(figures, name, currency), figure(restated, name, currency)];
	if (before === undefined && since === undefined) return undefined;
	return (since ?? 0) - (before ?? 0);
}

export function htmlStatement(statement: Statement): string {
	const { site, month, timeZone, currency, isFrozen, isComplete, asOf, rows } = statement;
	const groups = [...new Set(rows.map(({ by }) => by))];
	const days = rows.filter(({ day }) => day !== undefined);
	const state = isFrozen ? "is frozen" : isComplete ? "is over, not yet frozen" : "still runs";
	return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(`${site} ${month}`)}</title><style>
@page{size:landscape;margin:12mm}body{font:12px/1.35 system-ui,sans-serif;margin:2rem;color:#111}table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{padding:.25rem .5rem;border-bottom:1px solid #ccc;text-align:right;font-variant-numeric:tabular-nums}
th{vertical-align:bottom}th:first-child,td:first-child{text-align:left}td{white-space:nowrap}caption{text-align:left;font-weight:600}@media print{body{margin:0;font-size:10px}th,td{padding:.2rem .35rem}}
</style></head><body>
<h1>${escaped(site)}, ${escaped(month)}</h1>
<p>Days of ${escaped(timeZone)}; ${escaped(currency)}; energy at the ${escaped(statement.boundary)}; the month ${state}; made from what was known at ${instant(asOf)}; formulas ${escaped(statement.formulaVersion)}.
A share below 1 under “energy priced” or “energy earning” makes the dollars beside it a lower bound.</p>
${groups.map((by) => groupTable(statement, by)).join("\n")}
${table("By day", currency, days, ({ day }) => day ?? "")}
${restatedTable(rows, currency)}
${contractTable(statement)}
${reconciledTable(statement)}
${gapsTable(statement)}
${inputsNote(statement)}
</body></html>
`;
}

function inputsNote({ inputs }: Statement): string {
	if (inputs.length === 0)
		return "<p>No input was used: of this month nothing is known that could be valued.</p>";
	return `<p>Rows of inputs: ${inputs.map(({ name, rows: used }) => escaped(`${name} ${used}`)).join("; ")}.</p>`;
}

function groupTable({ site, rows, currency }: Statement, by: Row["by"]): string {
	const own = rows.filter((row) => row.by === by && row.day === undefined);
	const name = ({ label }: Row) => (by === "all" ? site : label === "" ? "nothing said" : label);
	return table(by === "all" ? "The whole month" : `By ${by}`, currency, own, name);
}

function table(caption: string, currency: string, rows: readonly Row[], name: (row: Row) => string): string {
	if (rows.length === 0) return "";
	const shown = COLUMNS.filter(([column]) =>
		rows.some(({ figures }) => figure(figures, column, currency) !== undefined),
	);
	const head = shown.map(([, unit]) => `<th>${escaped(inCurrency(unit, currency))}</th>`).join("");
	const body = rows.map((row) => {
		const cells = shown.map(
			([column, , places]) => `<td>${rounded(figure(row.figures, column, currency), places)}</td>`,
		);
		return `<tr><td>${escaped(name(row))}</td>${cells.join("")}</tr>`;
	});
	return `<table><caption>${caption}</caption><thead><tr><th></th>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}

function restatedTable(rows: readonly Row[], currency: string): string {
	const differing = rows.filter(({ restated }) => restated !== undefined);
	if (differing.length === 0) return "";
	const head = RESTATED.map((name) => `<th>${escaped(inCurrency(name, currency))}</th>`).join("");
	const body = differing.map((row) => {
		const cells = RESTATED.map((name) => `<td>${rounded(differenceOf(row, name, currency), 2)}</td>`);
		return `<tr><td>${escaped(`${row.day ?? ""} ${row.by} ${row.label}`)}</td>${cells.join("")}</tr>`;
	});
	return `<table><caption>Differences since it was frozen</caption><thead><tr><th></th>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}

function contractTable({ contracts = [], currency }: Statement): string {
	if (contracts.length === 0) return "";
	const body = contracts.map((one) => {
		const { usd, slaCreditUsd } = one;
		const [paid, credited] = [
			["usd", usd],
			["slaCreditUsd", slaCreditUsd],
		].map(([name, value]) => {
			const key = inCurrency(String(name), currency).replace(/^usd$/, currency.toLowerCase());
			return rounded((one as unknown as Named)[key] ?? (value as number | undefined), 2);
		});
		return `<tr><td>${escaped(`${one.name} (${one.kind}, ${one.covers})`)}</td><td>${paid}</td><td>${credited}</td><td>${one.powerBorneBy}</td></tr>`;
	});
	return `<table><caption>Contracts</caption><thead><tr><th></th><th>paid</th><th>credited</th><th>power borne by</th></tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}

function reconciledTable({ reconciled }: Statement): string {
	if (reconciled.length === 0) return "";
	const body = reconciled.map(
		({ kind, unit, stated, computed, difference }) =>
			`<tr><td>${kind}, ${unit}</td><td>${rounded(stated, 2)}</td><td>${rounded(computed, 2)}</td><td>${rounded(difference, 2)}</td></tr>`,
	);
	return `<table><caption>Against what others say</caption><thead><tr><th></th><th>stated</th><th>computed</th><th>difference</th></tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}

function gapsTable({ gaps }: Statement): string {
	if (gaps.length === 0) return "<p>No gap is known in this month.</p>";
	const body = gaps
		.slice(0, 50)
		.map(
			({ from, to, reason }) =>
				`<tr><td>${new Date(from).toISOString()}</td><td>${new Date(to).toISOString()}</td><td>${escaped(reason)}</td></tr>`,
		);
	return `<table><caption>Gaps (${gaps.length})</caption><tbody>${body.join("\n")}</tbody></table>`;
}

/** With a comma before each three digits of the whole part. */
function rounded(value: number | undefined, places: number): string {
	if (value === undefined) return "";
	const [whole = "", ...decimals] = toDecimalText(exactly(value), places).split(".");
	return [whole.replace(/\B(?=(\d{3})+$)/g, ","), ...decimals].join(".");
}

function escaped(text: string): string {
	return text.replace(
		/[&<>"]/g,
		(found) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[found] ?? found,
	);
}
