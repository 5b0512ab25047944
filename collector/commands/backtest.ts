/**
 * `fleetwatt backtest RULES --from --to`: when the rules of a file would have fired and cleared on stored data.
 *
 * Plays the past of a running collector step by step and evaluates the rules on the /metrics of each moment, as
 * Prometheus would; with --prometheus a real one answers all that does not depend on which alerts fire. Gives a line
 * a change, in order of time; the same range gives the same lines. Without, rules that ask for more than a moment
 * (rate, offset) are named and left out.
 */
import { readFile } from "node:fs/promises";
import process from "node:process";
import { parseRuleFile, type RuleFile } from "../../shared/config/alert-rules.js";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import { type AlertChange, namesAsked, type Rule, RuleRun } from "../derive/rules/alert-rules.js";
import {
	apartFromAlerts,
	durationMilliseconds,
	type Expression,
	type Parsed,
	parseExpression,
} from "../derive/rules/expression.js";
import { scrapedSamples } from "../derive/rules/scraped.js";
import { labelled, type Recorded, wordsOf, writtenOut } from "../derive/rules/written-out.js";
import { answersOf, type Moment } from "./real-prometheus.js";
import { momentMetrics } from "./replay-metrics.js";
import { beginReplay, nextOf, type PastOptions } from "./replay-source.js";

const INTERVAL_MOST_SECONDS = 3_600;

export type BacktestOptions = PastOptions & {
	/** As Prometheus scrapes and evaluates. */
	readonly interval: string;
	readonly json?: true;
	/** The program, or true: the one that is installed. */
	readonly prometheus?: string | true;
};

export type ReadRules = { readonly rules: readonly Rule[]; readonly leftOut: readonly string[] };

/** @returns exit code 0, or 64 where a rule could not be evaluated */
export async function runBacktest(file: string, options: BacktestOptions): Promise<number> {
	const { interval } = options;
	if (!/^\d{1,4}$/.test(interval) || Number(interval) < 1 || Number(interval) > INTERVAL_MOST_SECONDS)
		throw new StartProblem(EXIT.usage, [
			`--interval is ${interval}; it must be a whole number of seconds from 1 to ${INTERVAL_MOST_SECONDS}.`,
		]);
	const text = await readFile(file, "utf8").catch((error: Error) => {
		throw new StartProblem(EXIT.input, [`${file} cannot be read: ${error.message}.`]);
	});
	const parsed = parseRuleFile(file, text);
	if (!parsed.ok) throw new StartProblem(EXIT.usage, parsed.lines);
	const { prometheus } = options;
	const { rules, leftOut } = readRules(parsed.file, prometheus !== undefined);
	for (const line of leftOut) process.stderr.write(`${line}\n`);
	if (prometheus === undefined && leftOut.length > 0)
		process.stderr.write("With --prometheus a Prometheus that is installed evaluates all of them.\n");
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
	const asked = namesAsked(rules);
	const { prometheus, interval } = options;
	if (prometheus === undefined) {
		for await (const { at, samples } of moments(asked, options)) yield* run.at(at, samples);
		return;
	}
	const queries = [...asked].filter((query) => query !== "ALERTS");
	const answers = answersOf(moments(new Set(queries.flatMap(wordsOf)), options), {
		program: prometheus === true ? "prometheus" : prometheus,
		queries,
		intervalMilliseconds: Number(interval) * MILLISECONDS_PER_SECOND,
		onRefused: (query, what) => run.problems.set(query, what),
	});
	for await (const { at, samples } of answers) yield* run.at(at, samples);
}

/** What would have been scraped of these names. */
async function* moments(names: ReadonlySet<string>, options: BacktestOptions): AsyncGenerator<Moment> {
	const { interval: step, url } = options;
	const begun = await beginReplay(options, { step, speed: "1000", paused: "true" });
	const { client, credentials, position } = begun;
	const moment = { url, session: position.session, credentials };
	const target = new Map([
		["instance", new URL(url).host],
		["job", "fleetwatt"],
	]);
	const up = [{ labels: target, value: 1 }];
	const intervalMilliseconds = Math.round(Number(step) * MILLISECONDS_PER_SECOND);
	try {
		for (let { at, state } = position; ; ) {
			// The replay ends at --to, which may lie between two evaluations.
			if ((at - position.at) % intervalMilliseconds > 0) return;
			const samples = new Map(scrapedSamples(await momentMetrics(moment), names, target));
			samples.set("up", up);
			yield { at, samples };
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

/**
 * In the file's order, as Prometheus evaluates the rules of a group.
 *
 * @param isReal for a real Prometheus: recorded series are written out, and parts of expressions are names
 */
export function readRules({ groups }: RuleFile, isReal = false): ReadRules {
	const rules: Rule[] = [];
	const leftOut: string[] = [];
	const missing = new Set<string>();
	const recorded = new Map<string, Recorded>();
	for (const { name: group, interval = "1m", rules: own } of groups) {
		for (const one of own) {
			const read = isReal ? realRule(one, interval, recorded) : ownRule(one, missing);
			if (typeof read !== "string") rules.push(...read);
			else {
				leftOut.push(`${one.alert ?? one.record ?? ""} of ${group} is left out: it ${read}.`);
				if (one.record !== undefined) missing.add(one.record);
			}
		}
	}
	return { rules, leftOut };
}

type FileRule = RuleFile["groups"][number]["rules"][number];

/** Or why it cannot be. */
function ownRule(one: FileRule, missing: ReadonlySet<string>): readonly Rule[] | string {
	const read = ruleOf(one, parseExpression(one.expr));
	if (typeof read === "string") return read;
	const absent = [...namesAsked([read])].find((asked) => missing.has(asked));
	return absent === undefined ? [read] : `asks for ${absent}, which is left out`;
}

/** A recorded series is no rule any more. */
function realRule(
	one: FileRule,
	interval: string,
	recorded: Map<string, Recorded>,
): readonly Rule[] | string {
	const text = writtenOut(one.expr, recorded);
	const read = ruleOf(one, apartFromAlerts(text));
	if (typeof read === "string") return read;
	if (read.kind === "alert") return [read];
	recorded.set(read.name, { text: labelled(text, one.labels ?? {}), interval });
	return [];
}

function ruleOf(one: FileRule, parsed: Parsed<Expression>): Rule | string {
	if ((one.alert === undefined) === (one.record === undefined)) return "is neither an alert nor a record";
	if (!parsed.ok) return parsed.what;
	const [held, kept] = [durationOf(one.for), durationOf(one.keep_firing_for)];
	if (held === undefined || kept === undefined) return "has a duration that is none, such as 15s";
	const labels = new Map(Object.entries(one.labels ?? {}));
	const base = { name: one.alert ?? one.record ?? "", expression: parsed.value, labels };
	if (one.record !== undefined) return { kind: "record", ...base };
	return { kind: "alert", ...base, forMilliseconds: held, keepMilliseconds: kept };
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
