/**
 * Our own evaluation of rules, held against the cases that Prometheus' own tool passes (dashboards/prometheus/tests),
 * so that a back-test says what Prometheus would have said.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { readRules } from "../../../collector/commands/backtest.js";
import { answersOf } from "../../../collector/commands/real-prometheus.js";
import { type AlertChange, namesAsked, RuleRun } from "../../../collector/derive/rules/alert-rules.js";
import { evaluate, type Labels, type Sample, type Vector } from "../../../collector/derive/rules/evaluate.js";
import {
	apartFromAlerts,
	durationMilliseconds,
	parseExpression,
} from "../../../collector/derive/rules/expression.js";
import { scrapedSamples } from "../../../collector/derive/rules/scraped.js";
import { writtenOut } from "../../../collector/derive/rules/written-out.js";
import { parseRuleFile } from "../../../shared/config/alert-rules.js";
import { ROOT } from "../../architecture/tree.js";
import { isMissing } from "../../peers/missing-programs.js";

const FOLDER = path.join(ROOT, "dashboards/prometheus");
const RULES = readFileSync(path.join(FOLDER, "rules.yml"), "utf8");
const STEP_MILLISECONDS = 5_000;

type Case = {
	readonly name: string;
	readonly interval: string;
	readonly input_series: readonly { readonly series: string; readonly values: string }[];
	readonly alert_rule_test?: readonly {
		readonly eval_time: string;
		readonly alertname: string;
		readonly exp_alerts: readonly { readonly exp_labels: Readonly<Record<string, string>> }[];
	}[];
};

const CASES = readdirSync(path.join(FOLDER, "tests"))
	.flatMap(
		(file) =>
			(parse(readFileSync(path.join(FOLDER, "tests", file), "utf8")) as { tests: readonly Case[] }).tests,
	)
	.filter((one) => one.interval === "5s");

/** "1 0x3 2+1x2": a value, a value repeated, a value that grows; `_` is none. */
function valuesOf(text: string): readonly (number | undefined)[] {
	return text.split(/\s+/).flatMap((word) => {
		if (word === "_") return [undefined];
		const [, first = "", step = "0", more = "0"] = /^(-?[\d.e]+)([+-][\d.e]+)?(?:x(\d+))?$/.exec(word) ?? [];
		return Array.from({ length: Number(more) + 1 }, (_, index) => Number(first) + index * Number(step));
	});
}

function shippedRules() {
	const parsed = parseRuleFile("rules.yml", RULES);
	if (!parsed.ok) throw new Error(parsed.lines.join("\n"));
	return readRules(parsed.file);
}

function scrapes({ input_series }: Case): readonly ReadonlyMap<string, Vector>[] {
	const series = input_series.map(({ series: text, values }) => {
		const name = /^[\w:]+/.exec(text)?.[0] ?? "";
		const [sample] = scrapedSamples(`${text} 1`, new Set([name]), new Map()).get(name) ?? [];
		return { name, labels: sample?.labels ?? new Map<string, string>(), values: valuesOf(values) };
	});
	const longest = Math.max(...series.map(({ values }) => values.length));
	return Array.from({ length: longest }, (_, index) => {
		const found = new Map<string, Sample[]>();
		for (const { name, labels, values } of series) {
			const value = values[Math.min(index, values.length - 1)];
			if (value === undefined) continue;
			found.set(name, [...(found.get(name) ?? []), { labels, value }]);
		}
		return found;
	});
}

describe("the shipped limit rules under our own evaluation", () => {
	const { rules, leftOut } = shippedRules();

	it("are all read, but for those that creep, which ask for rates", () => {
		expect(leftOut.map((line) => line.split(" ")[0])).toEqual([
			"device:fleetwatt_efficiency_joules_per_terahash:rate1h",
			"device:fleetwatt_efficiency_joules_per_terahash:avg1w",
			"device:fleetwatt_efficiency:week_ratio",
			"FleetwattEfficiencyDrift",
		]);
		expect(leftOut[0]).toContain("rate()");
	});

	it.each(CASES)("$name: as promtool has it", (one) => {
		const run = new RuleRun(rules);
		const changes: AlertChange[] = [];
		const firing = new Map<number, ReadonlySet<string>>();
		const now = new Set<string>();
		for (const [index, scraped] of scrapes(one).entries()) {
			for (const change of run.at(index * STEP_MILLISECONDS, scraped)) {
				changes.push(change);
				const key = JSON.stringify([change.alert, Object.entries(change.labels).sort()]);
				if (change.change === "fires") now.add(key);
				else now.delete(key);
			}
			firing.set(index * STEP_MILLISECONDS, new Set(now));
		}
		expect([...run.problems]).toEqual([]);
		for (const { eval_time, alertname, exp_alerts } of one.alert_rule_test ?? []) {
			const at = Math.floor((durationMilliseconds(eval_time) ?? 0) / STEP_MILLISECONDS) * STEP_MILLISECONDS;
			const found = [...(firing.get(at) ?? [])].filter((key) => key.startsWith(`["${alertname}"`)).sort();
			const wanted = exp_alerts.map(({ exp_labels }) =>
				JSON.stringify([alertname, Object.entries(exp_labels).sort()]),
			);
			expect([eval_time, found]).toEqual([eval_time, wanted.sort()]);
		}
	});
});

describe.skipIf(isMissing("prometheus", "promtool"))("the shipped rules under a real Prometheus", () => {
	/** All cases one after another, with ten minutes of nothing between, and rates of what creeps. */
	function* timeline() {
		let at = Date.UTC(2026, 10, 20);
		const target: Labels = new Map([["instance", "c:9480"]]);
		for (const one of CASES) {
			for (const samples of [...scrapes(one), ...Array.from({ length: 120 }, () => new Map())]) {
				const joules = { labels: target, value: (at - Date.UTC(2026, 10, 20)) * 3 };
				yield { at, samples: new Map(samples).set("energy_total", [joules]) };
				at += STEP_MILLISECONDS;
			}
		}
	}
	const RATE =
		'groups: [{name: more, interval: 5s, rules: [{alert: Rate, expr: "rate(energy_total[1m]) > 2900"}]}]';
	const more = parseRuleFile("more.yml", RATE);
	const shipped = parseRuleFile("rules.yml", RULES);
	const groups = [shipped, more].flatMap((one) => (one.ok ? one.file.groups : []));

	it("fire and clear as under our own evaluation, in all cases of the rules, and rules with rate() too", async () => {
		const own = new RuleRun(shippedRules().rules);
		const wanted = [...timeline()].flatMap(({ at, samples }) => own.at(at, samples));
		const { rules, leftOut } = readRules({ groups }, true);
		expect(leftOut).toEqual([]);
		const queries = [...namesAsked(rules)].filter((query) => query !== "ALERTS");
		const refused: string[] = [];
		const run = new RuleRun(rules);
		const changes: AlertChange[] = [];
		const moments = (async function* () {
			yield* timeline();
		})();
		const answers = answersOf(moments, {
			program: "prometheus",
			queries,
			intervalMilliseconds: STEP_MILLISECONDS,
			onRefused: (query, what) => refused.push(`${query}: ${what}`),
		});
		for await (const { at, samples } of answers) changes.push(...run.at(at, samples));
		expect(refused).toEqual([]);
		const rounded = (all: readonly AlertChange[]) =>
			all.map(({ value, ...one }) => ({ ...one, value: Number(value.toPrecision(12)) }));
		const [creeping, limits] = [changes.filter(isRate), changes.filter((one) => !isRate(one))];
		expect(wanted.length).toBeGreaterThan(20);
		expect(rounded(limits)).toEqual(rounded(wanted));
		expect(creeping).toMatchObject([{ change: "fires", value: 3_000 }]);
	}, 120_000);
	const isRate = ({ alert }: AlertChange) => alert === "Rate";
});

describe("an expression, apart from the alerts it asks for", () => {
	const RECORDED = new Map([["a:b:sum", { text: "sum(rate(c[1m]))", interval: "5m" }]]);
	it.each([
		["rate(a[5m] offset 1h) > 2", ["rate(a[5m] offset 1h) > 2"]],
		[
			'(topk by (x) (3, a{b="ALERTS("}) > 1 or a > 0.5 and on (x) ALERTS{alertname="A"}) * on (x) group_left (y) b @ 5',
			['topk by (x) (3, a{b="ALERTS("}) > 1', "a > 0.5", "ALERTS", "b @ 5"],
		],
		[
			"avg_over_time(a:b:sum[1w]) / a:b:sum",
			["avg_over_time((sum(rate(c[1m])))[1w:5m]) / (sum(rate(c[1m])))"],
		],
	])("%s asks Prometheus for its parts", (text, wanted) => {
		const parsed = apartFromAlerts(writtenOut(text, RECORDED));
		if (!parsed.ok) throw new Error(parsed.what);
		const rule = { kind: "record", name: "x", expression: parsed.value, labels: new Map() } as const;
		expect([...namesAsked([rule])]).toEqual(wanted);
	});

	it("is refused where a function that only Prometheus knows asks for alerts", () => {
		expect(apartFromAlerts("a and changes(ALERTS[5m]) > 1")).toEqual({
			ok: false,
			what: "asks for changes(), which only a real Prometheus evaluates",
		});
	});
});

describe("an expression", () => {
	const samples = {
		of: (name: string): Vector =>
			name === "a"
				? [
						{ labels: new Map([["device", "x"]]), value: 3 },
						{ labels: new Map([["device", "y"]]), value: 5 },
					]
				: [
						{
							labels: new Map([
								["device", "x"],
								["site", "west"],
							]),
							value: 2,
						},
					],
		over: () => [],
	};
	it.each([
		["1 + 2 * 3", 7],
		["(1 + 2) * 3", 9],
		["a > 4", [["y", 5]]],
		["a / on (device) b", [["x", 1.5]]],
		["a unless on (device) b", [["y", 5]]],
		[
			"a > 4 or a < 4 and on (device) b",
			[
				["y", 5],
				["x", 3],
			],
		],
		['a{device=~"x|z"}', [["x", 3]]],
		["sum(a)", [[undefined, 8]]],
		["absent(a)", []],
		["absent(a > 9)", [[undefined, 1]]],
		['absent(a{device="z",site=~"w.*"})', [["z", 1]]],
		[
			"a == bool 3",
			[
				["x", 1],
				["y", 0],
			],
		],
	])("%s", (text, wanted) => {
		const parsed = parseExpression(text);
		if (!parsed.ok) throw new Error(parsed.what);
		const found = evaluate(parsed.value, samples);
		expect(
			typeof found === "number" ? found : found.map(({ labels, value }) => [labels.get("device"), value]),
		).toEqual(wanted);
	});

	it("takes the most of 200,000 series, more than a call has arguments", () => {
		const many = Array.from({ length: 200_000 }, (_, value) => ({
			labels: new Map<string, string>(),
			value,
		}));
		const parsed = parseExpression("max(a)");
		if (!parsed.ok) throw new Error(parsed.what);
		expect(evaluate(parsed.value, { of: () => many, over: () => [] })).toEqual([
			{ labels: new Map(), value: 199_999 },
		]);
	});

	it.each([
		["rate(a[1h])", "asks for rate(), which only a real Prometheus evaluates"],
		["a offset 1h", "asks for an offset of a, which only a real Prometheus evaluates"],
		['a{device=~"("}', 'has the pattern "(", which cannot be read here; only a real Prometheus might'],
		["a >", "ends where a value should be"],
		["a ! b", 'cannot be read at "! b"'],
		["a) > 1", 'goes on with ")"'],
	])("%s is refused", (text, what) => {
		expect(parseExpression(text)).toEqual({ ok: false, what });
	});
});
