/**
 * `fleetwatt report --site west --month 2026-11 --by use,model,owner`: a month's statement, as CSV or a page to print.
 *
 * Takes a month; asks the running collector for its statement, in the site's days and currency, frozen once the month
 * is over. Payouts, invoices and rented GPU-hours of an operator's CSV are set against it. Never opens the store.
 */
import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { EXIT, StartProblem } from "../../shared/exit.js";
import type { SiteAnswer } from "../expose/answers.js";
import type { StatementAnswer } from "../expose/money-answers.js";
import { askCollector, instantOf } from "./ask-collector.js";
import type { Reach } from "./reach.js";
import { type Imported, parseImports, reconciled } from "./reconcile.js";
import { csvStatement, htmlStatement, type Statement } from "./statement.js";

export type ReportOptions = Reach & {
	readonly site?: string;
	readonly month: string;
	readonly by: string;
	readonly format: "csv" | "html" | "json";
	readonly output?: string;
	/** With the inputs known then. */
	readonly knownAt?: string;
	/** CSV of payouts, invoices and rented GPU-hours. */
	readonly imports?: string;
};

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
	const { url, month, by } = options;
	const imports = options.imports === undefined ? [] : await importsOf(options.imports);
	const site = await askCollector<SiteAnswer>(options, "/site");
	if (options.site !== undefined && options.site !== site.site)
		throw new StartProblem(EXIT.usage, [
			`--site is ${options.site}; the collector at ${url} is of ${site.site}. Set --url to the collector of ${options.site}.`,
		]);
	// Payouts are set against what mining earned, so the uses are wanted anyway.
	const wanted = imports.length === 0 || by.split(",").includes("use") ? by : `use,${by}`;
	const answer = await askCollector<StatementAnswer>(options, "/statement", {
		month,
		by: wanted,
		knownAt: options.knownAt === undefined ? undefined : instantOf("--known-at", options.knownAt),
	});
	const found = reconciled(imports, answer);
	if (typeof found === "string") throw new StartProblem(EXIT.usage, [found]);
	return { ...answer, reconciled: found };
}

async function importsOf(file: string): Promise<readonly Imported[]> {
	const text = await readFile(file, "utf8").catch((error: Error) => {
		throw new StartProblem(EXIT.input, [`--imports ${file} cannot be read: ${error.message}.`]);
	});
	const parsed = parseImports(text, file);
	if (!parsed.ok) throw new StartProblem(EXIT.usage, parsed.problems);
	return parsed.rows;
}
