/**
 * A month's statement as CSV and as a page to print. Pure.
 *
 * Takes a statement; gives text. CSV has full precision and a row for each day and group; the page is rounded half to
 * even and stands alone: no script, nothing fetched.
 */
import { exactly, toDecimalText } from "../derive/rational.js";
import type { MoneyAnswer, MoneyFigures } from "../expose/answers.js";
import type { Reconciled } from "./reconcile.js";

export type StatementRow = {
	readonly by: string;
	readonly label: string;
	/** Local date, or the whole month. */
	readonly day?: string;
	readonly figures: MoneyFigures;
	/** As restated since the month was frozen, where that differs. */
	readonly restated?: MoneyFigures;
};

export type Statement = {
	readonly site: string;
	readonly month: string;
	readonly timeZone: string;
	readonly currency: "USD";
	readonly boundary: string;
	readonly formulaVersion: string;
	/** Unix ms: the inputs known then. */
	readonly asOf: number;
	readonly isFrozen: boolean;
	readonly isComplete: boolean;
	readonly inputs: MoneyAnswer["inputs"];
	readonly rows: readonly StatementRow[];
	readonly gaps: readonly { readonly from: number; readonly to: number; readonly reason: string }[];
	readonly reconciled: readonly Reconciled[];
};

const COLUMNS = [
	["energyMegawattHours", "MWh", 3],
	["workTerahashes", "TH", 0],
	["gpuHours", "GPU-h", 1],
	["grossUsd", "revenue USD", 2],
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

export function csvStatement(statement: Statement): string {
	const head = [
		"site",
		"month",
		"by",
		"label",
		"day",
		"asOf",
		"frozen",
		...COLUMNS.map(([name]) => name),
		"restatedNetUsdDifference",
	];
	const lines = statement.rows.map((row) =>
		[
			statement.site,
			statement.month,
			row.by,
			row.label,
			row.day ?? "",
			new Date(statement.asOf).toISOString(),
			String(statement.isFrozen),
			...COLUMNS.map(([name]) => numberText(row.figures[name])),
			numberText(differenceOf(row)),
		].map(cell),
	);
	const imports = statement.reconciled.map(({ kind, stated, computed, difference, unit }) =>
		[
			statement.site,
			statement.month,
			"reconciled",
			`${kind} (${unit})`,
			"",
			"",
			"",
			numberText(stated),
			numberText(computed),
			numberText(difference),
		].map(cell),
	);
	return `${[head, ...lines, ...imports].map((line) => line.join(",")).join("\n")}\n`;
}

function numberText(value: number | undefined): string {
	return value === undefined ? "" : String(value);
}

/** A label may begin as a formula does; a spreadsheet must not run it. */
function cell(text: string): string {
	const safe = /^[=+@]/.test(text) ? `'${text}` : text;
	return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function differenceOf({ figures, restated }: StatementRow): number | undefined {
	if (restated?.netUsd === undefined || figures.netUsd === undefined) return undefined;
	return restated.netUsd - figures.netUsd;
}

export function htmlStatement(statement: Statement): string {
	const { site, month, timeZone, isFrozen, isComplete, asOf, rows } = statement;
	const wholes = rows.filter(({ day }) => day === undefined);
	const days = rows.filter(({ day }) => day !== undefined);
	const state = isFrozen ? "frozen" : isComplete ? "over, not yet frozen" : "still runs";
	return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(`${site} ${month}`)}</title><style>
body{font:14px/1.4 system-ui,sans-serif;margin:2rem;color:#111}table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{padding:.25rem .5rem;border-bottom:1px solid #ccc;text-align:right;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}caption{text-align:left;font-weight:600}@media print{body{margin:0}}
</style></head><body>
<h1>${escaped(site)}, ${escaped(month)}</h1>
<p>Days of ${escaped(timeZone)}; US dollars; energy at the ${escaped(statement.boundary)}; the month is ${state}; inputs as known at ${new Date(asOf).toISOString()}; formulas ${escaped(statement.formulaVersion)}.
A share below 1 under “energy priced” or “energy earning” makes the dollars beside it a lower bound.</p>
${table("By group", wholes, (row) => `${row.by} ${row.label}`)}
${table("By day", days, ({ day }) => day ?? "")}
${restatedTable(wholes)}
${reconciledTable(statement)}
${gapsTable(statement)}
<p>Rows of inputs: ${statement.inputs.map(({ name, rows: used }) => escaped(`${name} ${used}`)).join("; ")}.</p>
</body></html>
`;
}

function table(caption: string, rows: readonly StatementRow[], name: (row: StatementRow) => string): string {
	if (rows.length === 0) return "";
	const shown = COLUMNS.filter(([column]) => rows.some(({ figures }) => figures[column] !== undefined));
	const head = shown.map(([, unit]) => `<th>${escaped(unit)}</th>`).join("");
	const body = rows.map(
		(row) =>
			`<tr><td>${escaped(name(row))}</td>${shown.map(([column, , places]) => `<td>${rounded(row.figures[column], places)}</td>`).join("")}</tr>`,
	);
	return `<table><caption>${caption}</caption><thead><tr><th></th>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}

function restatedTable(rows: readonly StatementRow[]): string {
	const differing = rows.filter((row) => differenceOf(row) !== undefined && differenceOf(row) !== 0);
	if (differing.length === 0) return "";
	const body = differing.map(
		(row) =>
			`<tr><td>${escaped(`${row.by} ${row.label}`)}</td><td>${rounded(row.figures.netUsd, 2)}</td><td>${rounded(row.restated?.netUsd, 2)}</td><td>${rounded(differenceOf(row), 2)}</td></tr>`,
	);
	return `<table><caption>Restated since</caption><thead><tr><th></th><th>net as frozen</th><th>as restated</th><th>difference</th></tr></thead><tbody>${body.join("\n")}</tbody></table>`;
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

function rounded(value: number | undefined, places: number): string {
	return value === undefined ? "" : toDecimalText(exactly(value), places);
}

function escaped(text: string): string {
	return text.replace(
		/[&<>"]/g,
		(found) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[found] ?? found,
	);
}
