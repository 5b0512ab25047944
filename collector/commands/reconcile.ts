/**
 * What others say of a month against what was computed: pool payouts, power invoices, rented GPU-hours. Pure.
 *
 * Takes a CSV (`kind,from,to,amount,unit`) and a month's statement; gives each kind's sum beside ours and the
 * difference: payouts beside what mining earned, invoices beside the cost of power, rented GPU-hours beside those that
 * GPUs were there. A row whose days lie outside the month refuses nothing: it is counted apart.
 */
import type { StatementAnswer } from "../expose/money-answers.js";
import { instantFrom } from "../market/power/price-series.js";

/** Units; money is in three letters. */
const KINDS = { payout: /^[A-Z]{3}$/, invoice: /^[A-Z]{3}$/, "gpu-hours": /^h$/ } as const;
export type ImportKind = keyof typeof KINDS;

export type Imported = {
	readonly kind: ImportKind;
	readonly from: number;
	readonly to: number;
	readonly amount: number;
	readonly unit: string;
	/** "imports.csv:7" */
	readonly place: string;
};

export type Imports =
	| { readonly ok: true; readonly rows: readonly Imported[] }
	| { readonly ok: false; readonly problems: readonly string[] };

const HEADER = "kind,from,to,amount,unit";
const EXAMPLE = "payout,2026-11-01T00:00:00Z,2026-11-02T00:00:00Z,1234.56,USD";

export function parseImports(text: string, name: string): Imports {
	const [head = "", ...lines] = text.split(/\r?\n/);
	if (head.trim().toLowerCase() !== HEADER)
		return {
			ok: false,
			problems: [`${name}:1 is "${head.slice(0, 60)}". Use the header ${HEADER}, for example\n${EXAMPLE}`],
		};
	const rows: Imported[] = [];
	const problems: string[] = [];
	for (const [index, line] of lines.entries()) {
		if (line.trim() === "") continue;
		const row = importOf(line);
		if (typeof row === "string") problems.push(`${name}:${index + 2} ${row}`);
		else rows.push({ ...row, place: `${name}:${index + 2}` });
	}
	problems.push(...overlaps(rows));
	return problems.length === 0 ? { ok: true, rows } : { ok: false, problems };
}

/** The same time said twice would count twice. */
function overlaps(rows: readonly Imported[]): readonly string[] {
	const sorted = [...rows].sort((one, other) => one.from - other.from);
	return sorted.flatMap((row, index) => {
		const before = sorted.slice(0, index).find((one) => one.kind === row.kind && one.to > row.from);
		if (before === undefined) return [];
		return [
			`${row.place} (${row.kind}) begins before ${before.place} ends. Let one end before the other begins, or add them up.`,
		];
	});
}

function importOf(line: string): Omit<Imported, "place"> | string {
	const [kind = "", from, to, amount = "", unit = ""] = line.split(",").map((cell) => cell.trim());
	if (!(kind in KINDS))
		return `kind is "${kind}". Use ${Object.keys(KINDS).join(", ")}, for example ${EXAMPLE}`;
	const known = kind as ImportKind;
	const [start, end] = [instantFrom(from), instantFrom(to)];
	if (start === undefined || end === undefined || end <= start)
		return `from and to are "${from}" and "${to}". Use times with their zone, from before to, for example ${EXAMPLE}`;
	if (!/^-?\d+(\.\d+)?$/.test(amount))
		return `amount is "${amount}". Use a number with a point, for example 1234.56`;
	if (!KINDS[known].test(unit))
		return `unit is "${unit}". Use ${known === "gpu-hours" ? "h" : "the statement's currency"}, for example ${EXAMPLE}`;
	return { kind: known, from: start, to: end, amount: Number(amount), unit };
}

export type Reconciled = {
	readonly kind: ImportKind;
	readonly unit: string;
	readonly stated: number;
	/** Absent where nothing could be computed. */
	readonly computed?: number;
	readonly difference?: number;
	readonly differenceRatio?: number;
	readonly rows: number;
	readonly rowsOutside: number;
};

/** @throws never; what is in another currency than the statement is a problem, told as text */
export function reconciled(
	imports: readonly Imported[],
	statement: StatementAnswer,
): readonly Reconciled[] | string {
	const { from, to, currency, rows } = statement;
	const foreign = imports.find(({ kind, unit }) => kind !== "gpu-hours" && unit !== currency);
	if (foreign !== undefined)
		return `${foreign.place} is in ${foreign.unit}; the statement is in ${currency}. Convert it, for example 1234.56,${currency}.`;
	const word = currency === "USD" ? "Usd" : `${currency[0]}${currency.slice(1).toLowerCase()}`;
	const figures = (by: string, label: string): Readonly<Record<string, number>> =>
		(rows.find((row) => row.by === by && row.label === label && row.day === undefined)?.figures ??
			{}) as Readonly<Record<string, number>>;
	const computedOf: Readonly<Record<ImportKind, number | undefined>> = {
		payout: figures("use", "mining")[`gross${word}`],
		invoice: figures("all", "")[`powerCost${word}`],
		"gpu-hours": figures("all", "")["gpuHours"],
	};
	return (Object.keys(KINDS) as ImportKind[]).flatMap((kind) => {
		const own = imports.filter((row) => row.kind === kind);
		const [first] = own;
		if (first === undefined) return [];
		const inside = own.filter((row) => row.from >= from && row.to <= to);
		const stated = inside.reduce((sum, { amount }) => sum + amount, 0);
		const computed = computedOf[kind];
		return [
			{
				kind,
				unit: first.unit,
				stated,
				rows: inside.length,
				rowsOutside: own.length - inside.length,
				...(computed === undefined ? {} : { computed, difference: stated - computed }),
				...(computed === undefined || computed === 0 ? {} : { differenceRatio: stated / computed - 1 }),
			},
		];
	});
}
