/**
 * `fleetwatt report --site west --month 2026-11 --by use,model`: a month's statement, as CSV or a page to print.
 *
 * Takes a month; asks the running collector for its money by day and group; gives energy, work, revenue, cost, margin,
 * coverage and inputs. Days are the site's. A month that is over is frozen: it is stated with the inputs known five
 * days after its end, and what they were restated to since stands beside as a difference. Payouts, invoices and rented
 * GPU-hours of an operator's CSV are set against it. Never opens the store.
 */
import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { instantsOf } from "../derive/zone-time.js";
import type { MoneyAnswer, MoneyFigures, SiteAnswer } from "../expose/answers.js";
import { askCollector } from "./ask-collector.js";
import { type Imported, parseImports, reconciled } from "./reconcile.js";
import { csvStatement, htmlStatement, type Statement, type StatementRow } from "./statement.js";

const FROZEN_AFTER_MILLISECONDS = 5 * 86_400_000;
const DAY_SECONDS = 86_400;

export type ReportOptions = {
	readonly url: string;
	readonly site?: string;
	readonly month: string;
	readonly by: string;
	readonly format: "csv" | "html" | "json";
	readonly output?: string;
	/** CSV of payouts, invoices and rented GPU-hours. */
	readonly imports?: string;
};

const WORDS = ["use", "model", "rack", "site", "owner"] as const;

export async function runReport(options: ReportOptions): Promise<void> {
	const statement = await statementOf(options);
	const text = {
		csv: () => csvStatement(statement),
		html: () => htmlStatement(statement),
		json: () => `${JSON.stringify(statement, undefined, "\t")}\n`,
	}[options.format]();
	if (options.output === undefined) process.stdout.write(text);
	else
		await writeFile(options.output, text).catch((error: Error) => {
			throw new StartProblem(EXIT.input, [`${options.output} cannot be written: ${error.message}.`]);
		});
}

async function statementOf(options: ReportOptions): Promise<Statement> {
	const { url, month } = options;
	const groups = groupsOf(options.by);
	const imports = options.imports === undefined ? [] : await importsOf(options.imports);
	const site = await askCollector<SiteAnswer>(url, "/site");
	if (options.site !== undefined && options.site !== site.site)
		throw new StartProblem(EXIT.usage, [
			`--site is ${options.site}; the collector at ${url} is of ${site.site}. Set --url to the collector of ${options.site}.`,
		]);
	const { from, to } = monthSpan(month, site.timeZone);
	const now = realClock.now();
	const isFrozen = now >= to + FROZEN_AFTER_MILLISECONDS;
	const knownAt = isFrozen ? to + FROZEN_AFTER_MILLISECONDS : undefined;
	const ask = (by: string | undefined, known: number | undefined) =>
		askCollector<MoneyAnswer>(url, "/money", { from, to, step: DAY_SECONDS, by, knownAt: known });
	const whole = await ask(undefined, knownAt);
	const restated = isFrozen ? await ask(undefined, undefined) : undefined;
	const rows: StatementRow[] = [
		rowOf("all", "", whole.total, restated?.total),
		...daysOf(whole, site.timeZone).map(({ day, figures }) => ({ by: "all", label: "", day, figures })),
	];
	for (const by of groups) {
		const [found, since] = [await ask(by, knownAt), isFrozen ? await ask(by, undefined) : undefined];
		for (const group of found.groups ?? [])
			rows.push(
				rowOf(by, group.label, group.total, since?.groups?.find(({ label }) => label === group.label)?.total),
			);
	}
	const { gaps } = await askCollector<{ readonly gaps: Statement["gaps"] }>(url, "/gaps", { from, to });
	return {
		site: site.site,
		month,
		timeZone: site.timeZone,
		currency: "USD",
		boundary: whole.boundary,
		formulaVersion: whole.formulaVersion,
		asOf: whole.asOf,
		isFrozen,
		isComplete: now >= to,
		inputs: whole.inputs,
		rows,
		gaps: gaps.map(({ from: start, to: end, reason }) => ({ from: start, to: end, reason })),
		reconciled: reconciled(imports, whole.total, { from, to }),
	};
}

function rowOf(
	by: string,
	label: string,
	figures: MoneyFigures,
	restated: MoneyFigures | undefined,
): StatementRow {
	const differs = restated !== undefined && JSON.stringify(restated) !== JSON.stringify(figures);
	return { by, label, figures, ...(differs ? { restated } : {}) };
}

function daysOf(
	answer: MoneyAnswer,
	timeZone: string,
): readonly { readonly day: string; readonly figures: MoneyFigures }[] {
	const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" });
	const of = (column: readonly (number | null)[], index: number) => column[index] ?? undefined;
	return answer.times.flatMap((at, index) => {
		const energy = of(answer.energyMegawattHours, index);
		if (energy === undefined) return [];
		const found = {
			energyMegawattHours: energy,
			workTerahashes: 0,
			gpuHours: 0,
			grossUsd: of(answer.grossUsd, index),
			powerCostUsd: of(answer.powerCostUsd, index),
			netUsd: of(answer.netUsd, index),
			netAfterCapitalUsd: of(answer.netAfterCapitalUsd, index),
			grossUsdPerMegawattHour: of(answer.grossUsdPerMegawattHour, index),
			powerCostUsdPerMegawattHour: of(answer.powerCostUsdPerMegawattHour, index),
			netUsdPerMegawattHour: of(answer.netUsdPerMegawattHour, index),
			staleRatio: of(answer.staleRatio, index),
		};
		const figures = Object.fromEntries(
			Object.entries(found).filter(
				([name, value]) => value !== undefined && name !== "workTerahashes" && name !== "gpuHours",
			),
		);
		return [{ day: format.format(at), figures: figures as unknown as MoneyFigures }];
	});
}

function groupsOf(by: string): readonly string[] {
	const groups = by
		.split(",")
		.map((word) => word.trim())
		.filter((word) => word !== "");
	const wrong = groups.find((word) => !(WORDS as readonly string[]).includes(word));
	if (wrong === undefined) return groups;
	throw new StartProblem(EXIT.usage, [
		`--by has "${wrong}". Use ${WORDS.join(", ")}, for example --by use,model.`,
	]);
}

/** The month in the site's own time. */
export function monthSpan(month: string, timeZone: string): { readonly from: number; readonly to: number } {
	const found = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month);
	if (found === null)
		throw new StartProblem(EXIT.usage, [
			`--month is "${month}". Use year and month, for example --month 2026-11.`,
		]);
	const [year, number] = [Number(found[1]), Number(found[2])];
	const start = (y: number, m: number) =>
		instantsOf({ year: y, month: m, day: 1, hour: 0, minute: 0 }, timeZone)[0] ?? Date.UTC(y, m - 1, 1);
	return { from: start(year, number), to: number === 12 ? start(year + 1, 1) : start(year, number + 1) };
}

async function importsOf(file: string): Promise<readonly Imported[]> {
	const text = await readFile(file, "utf8").catch((error: Error) => {
		throw new StartProblem(EXIT.input, [`--imports ${file} cannot be read: ${error.message}.`]);
	});
	const parsed = parseImports(text, file);
	if (!parsed.ok) throw new StartProblem(EXIT.usage, parsed.problems);
	return parsed.rows;
}
