/**
 * What others say of a month against what was computed: pool payouts, power invoices, rented GPU-hours. Pure.
 *
 * Takes a CSV (`kind,from,to,amount,unit`) and a month's figures; gives each kind's sum beside ours and the
 * difference. A row whose days lie outside the month refuses nothing: it is counted apart.
 */
import type { MoneyFigures } from "../expose/answers.js";
import { instantFrom } from "../market/power/price-series.js";

const KINDS = { payout: "USD", invoice: "USD", "gpu-hours": "h" } as const;
export type ImportKind = keyof typeof KINDS;

export type Imported = {
	readonly kind: ImportKind;
	readonly from: number;
	readonly to: number;
	readonly amount: number;
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
		else rows.push(row);
	}
	return problems.length === 0 ? { ok: true, rows } : { ok: false, problems };
}

function importOf(line: string): Imported | string {
	const [kind = "", from, to, amount = "", unit = ""] = line.split(",").map((cell) => cell.trim());
	if (!(kind in KINDS))
		return `kind is "${kind}". Use ${Object.keys(KINDS).join(", ")}, for example ${EXAMPLE}`;
	const known = kind as ImportKind;
	const [start, end] = [instantFrom(from), instantFrom(to)];
	if (start === undefined || end === undefined || end <= start)
		return `from and to are "${from}" and "${to}". Use times with their zone, from before to, for example ${EXAMPLE}`;
	if (!/^-?\d+(\.\d+)?$/.test(amount))
		return `amount is "${amount}". Use a number with a point, for example 1234.56`;
	if (unit !== KINDS[known])
		return `unit is "${unit}". A ${kind} is in ${KINDS[known]}, for example ${EXAMPLE}`;
	return { kind: known, from: start, to: end, amount: Number(amount) };
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

export function reconciled(
	imports: readonly Imported[],
	{ grossUsd, powerCostUsd, gpuHours }: MoneyFigures,
	{ from, to }: { readonly from: number; readonly to: number },
): readonly Reconciled[] {
	const computedOf: Readonly<Record<ImportKind, number | undefined>> = {
		payout: grossUsd,
		invoice: powerCostUsd,
		"gpu-hours": gpuHours,
	};
	return (Object.keys(KINDS) as ImportKind[]).flatMap((kind) => {
		const own = imports.filter((row) => row.kind === kind);
		if (own.length === 0) return [];
		const inside = own.filter((row) => row.from >= from && row.to <= to);
		const stated = inside.reduce((sum, { amount }) => sum + amount, 0);
		const computed = computedOf[kind];
		return [
			{
				kind,
				unit: KINDS[kind],
				stated,
				rows: inside.length,
				rowsOutside: own.length - inside.length,
				...(computed === undefined ? {} : { computed, difference: stated - computed }),
				...(computed === undefined || computed === 0 ? {} : { differenceRatio: stated / computed - 1 }),
			},
		];
	});
}
