/**
 * `fleetwatt backtest RULES --from --to`: when the rules of a file would have fired and cleared on stored data.
 *
 * Plays the past of a running collector step by step and evaluates the rules on the /metrics of each moment, as
 * Prometheus would. Gives a line a change, in order of time; the same range gives the same lines. Rules that ask for
 * more than a moment (rate, offset) are named and left out.
 */
import { readFile } from "node:fs/promises";
import process from "node:process";
import { parseRuleFile, type RuleFile } from "../../shared/config/alert-rules.js";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import { type AlertChange, namesAsked, type Rule, RuleRun } from "../derive/rules/alert-rules.js";
import { durationMilliseconds, parseExpression } from "../derive/rules/expression.js";
import { scrapedSamples } from "../derive/rules/scraped.js";
import { momentMetrics } from "./replay-metrics.js";
import { beginReplay, nextOf, type PastOptions } from "./replay-source.js";

export type BacktestOptions = PastOptions & {
	/** As Prometheus scrapes and evaluates. */
	readonly interval: string;
	readonly json?: true;
};

export type ReadRules = { readonly rules: readonly Rule[]; readonly leftOut: readonly string[] };

/** @returns exit code 0, or 64 where a rule could not be evaluated */
export async function runBacktest(file: string, options: BacktestOptions): Promise<number> {
	const text = await readFile(file, "utf8").catch((error: Error) => {
		throw new StartProblem(EXIT.input, [`${file} cannot be read: ${error.message}.`]);
	});
	const parsed = parseRuleFile(file, text);
	if (!parsed.ok) throw new StartProblem(EXIT.usage, parsed.lines);
	const { rules, leftOut } = readRules(parsed.file);
	for (const line of leftOut) process.stderr.write(`${line}\n`);
	const run = new RuleRun(rules);
	let [fired, cleared] = [0, 0];
	for await (const change of changes(rules, run, options)) {
		if (change.change === "fires") fired += 1;
		else cleared += 1;
		process.stdout.write(`${options.json === true ? JSON.stringify(change) : lineOf(change)}\n`);
	}
	for (const [name, what] of run.problems) process.stderr.write(`${name}: ${what}.\n`);
	if (options.json !== true)
		process.stdout.write(`${fired} fired, ${cleared} cleared, by ${rules.length} rules of ${file}.\n`);
	return leftOut.length + run.problems.size === 0 ? 0 : EXIT.usage;
}

async function* changes(
	rules: readonly Rule[],
	run: RuleRun,
	options: BacktestOptions,
): AsyncGenerator<AlertChange> {
	const names = namesAsked(rules);
	const { interval: step, url } = options;
	const begun = await beginReplay(options, { step, speed: "1000", paused: "true" });
	const { client, credentials, position } = begun;
	const moment = { url, session: position.session, credentials };
	const target = new Map([
		["instance", new URL(url).host],
		["job", "fleetwatt"],
	]);
	const up = [{ labels: target, value: 1 }];
	try {
		for (let { at, state } = position; ; ) {
			const scraped = new Map(scrapedSamples(await momentMetrics(moment), names, target));
			scraped.set("up", up);
			yield* run.at(at, scraped);
			if (state === "ended") return;
			client.say({ do: "step" });
			const message = await nextOf(client, url);
			if (message.kind !== "update") throw new StartProblem(EXIT.input, ["The replay broke off."]);
			({ at, state } = message.replay);
		}
	} finally {
		client.close();
	}
}

/** In the file's order, as Prometheus evaluates the rules of a group. */
export function readRules({ groups }: RuleFile): ReadRules {
	const rules: Rule[] = [];
	const leftOut: string[] = [];
	const recorded = new Set<string>();
	for (const group of groups) {
		for (const one of group.rules) {
			const name = one.alert ?? one.record ?? "";
			const problem = (what: string) => leftOut.push(`${name} of ${group.name} is left out: it ${what}.`);
			const parsed = parseExpression(one.expr);
			const [held, kept] = [durationOf(one.for), durationOf(one.keep_firing_for)];
			if ((one.alert === undefined) === (one.record === undefined))
				problem("is neither an alert nor a record");
			else if (!parsed.ok) {
				problem(parsed.what);
				if (one.record !== undefined) recorded.add(one.record);
			} else if (held === undefined || kept === undefined)
				problem("has a duration that is none, such as 15s");
			else {
				const labels = new Map(Object.entries(one.labels ?? {}));
				const base = { name, expression: parsed.value, labels };
				const missing = [...namesAsked([{ kind: "record", ...base }])].find((asked) => recorded.has(asked));
				if (missing !== undefined) {
					problem(`asks for ${missing}, which is left out`);
					if (one.record !== undefined) recorded.add(one.record);
				} else if (one.record !== undefined) rules.push({ kind: "record", ...base });
				else rules.push({ kind: "alert", ...base, forMilliseconds: held, keepMilliseconds: kept });
			}
		}
	}
	return { rules, leftOut };
}

function durationOf(text: string | undefined): number | undefined {
	return text === undefined ? 0 : durationMilliseconds(text);
}

function lineOf({ at, alert, change, labels, value }: AlertChange): string {
	const about = ["device", "rack", "site", "agent"].flatMap((name) => {
		const word = labels[name];
		return word === undefined ? [] : [`${name}=${word}`];
	});
	const seconds = Math.round(at / MILLISECONDS_PER_SECOND) * MILLISECONDS_PER_SECOND;
	const digits = Number(value.toPrecision(6));
	return `${new Date(seconds).toISOString()} ${change.padEnd(6)} ${alert} ${about.join(" ")} (${digits})`;
}
