/** The alerts as files: what Prometheus' and Alertmanager's own tools say of them, and what stands beside them. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { grafanaAlerting } from "../../../dashboards/alerts/grafana-alerting.js";
import { ALERTS, KEYS } from "../../../dashboards/alerts/table.js";
import { ROOT } from "../../architecture/tree.js";
import { isMissing } from "../../peers/missing-programs.js";
import { type ProgramName, program } from "../../peers/programs.js";

const FOLDER = path.join(ROOT, "dashboards/prometheus");
const RULES = path.join(FOLDER, "rules.yml");
const text = (file: string) => readFileSync(path.join(ROOT, file), "utf8");

function run(name: ProgramName, argv: readonly string[]) {
	const { status, stdout, stderr } = spawnSync(program(name) ?? "", [...argv], { encoding: "utf8" });
	return { status, said: `${stdout}${stderr}` };
}

const isSkipped = isMissing("promtool", "amtool");

describe.skipIf(isSkipped)("Prometheus' and Alertmanager's own tools", () => {
	it("find nothing in the rules, the strictest lint included", () => {
		const { status, said } = run("promtool", ["check", "rules", "--lint-fatal", RULES]);
		expect(said).toContain("SUCCESS");
		expect(status).toBe(0);
	});

	it("accept prometheus.yml with its rules", () => {
		expect(run("promtool", ["check", "config", path.join(FOLDER, "prometheus.yml")]).status).toBe(0);
	});

	it("see each alert fire, hold, clear and keep quiet as the cases beside the rules say", () => {
		const cases = readdirSync(path.join(FOLDER, "tests")).map((file) => path.join(FOLDER, "tests", file));
		const { status, said } = run("promtool", ["test", "rules", ...cases]);
		expect(said.match(/SUCCESS/g)).toHaveLength(cases.length);
		expect(status).toBe(0);
	});

	it("accept alertmanager.yml with its inhibitions", () => {
		const { status, said } = run("amtool", [
			"check-config",
			path.join(ROOT, "dashboards/alertmanager/alertmanager.yml"),
		]);
		expect(said).toContain("2 inhibit rules");
		expect(status).toBe(0);
	});
});

describe("each alert", () => {
	const headings = [...text("dashboards/RUNBOOKS.md").matchAll(/^## (\w+)$/gm)].map(([, name]) => name);

	it("has one runbook, and each runbook an alert", () => {
		expect(headings).toEqual([...new Set(headings)]);
		expect([...headings].sort()).toEqual(ALERTS.map(({ name }) => name).sort());
	});

	it.each(ALERTS)("$name has a runbook with its four parts, and leads there", ({ name }) => {
		const entry = text("dashboards/RUNBOOKS.md")
			.split(/^## /m)
			.find((part) => part.startsWith(`${name}\n`));
		for (const part of ["**Means.**", "**Look first.**", "**Likely causes.**", "**Do.**"])
			expect(entry).toContain(part);
		expect(text("dashboards/prometheus/rules.yml")).toContain(
			`/dashboards/RUNBOOKS.md#${name.toLowerCase()}`,
		);
	});

	it.each(ALERTS)("$name has a case that sees it fire", ({ name }) => {
		const cases = readdirSync(path.join(FOLDER, "tests")).map((file) =>
			readFileSync(path.join(FOLDER, "tests", file), "utf8"),
		);
		expect(cases.join("\n")).toMatch(
			new RegExp(`alertname: ${name}\\n\\s+exp_alerts:(?: &\\w+)?\\n\\s+- exp_labels`),
		);
	});
});

describe("the same table for Grafana", () => {
	const { groups } = grafanaAlerting();
	const rules = groups.flatMap((group) => group.rules);

	it("has the same alerts, each with a name of its own that Grafana takes", () => {
		expect(rules.map(({ title }) => title)).toEqual(ALERTS.map(({ name }) => name));
		expect(new Set(rules.map(({ uid }) => uid)).size).toBe(rules.length);
		for (const { uid } of rules) expect(uid).toMatch(/^[a-z0-9_-]{1,40}$/);
	});

	it("asks the signals that the rules for Prometheus compare", () => {
		const { groups: prometheus } = parse(text("dashboards/prometheus/rules.yml")) as {
			readonly groups: readonly {
				readonly rules: readonly { readonly alert?: string; readonly expr: string; readonly for?: string }[];
			}[];
		};
		const all = prometheus.flatMap((group) => group.rules);
		for (const [index, { signal, level }] of ALERTS.entries()) {
			const [asked, decided] = rules[index]?.data ?? [];
			expect(asked?.model).toMatchObject({ expr: expect.stringContaining(signal), instant: true });
			expect(decided?.model).toMatchObject({ type: "threshold", expression: "A" });
			const same = all.find(({ alert }) => alert === ALERTS[index]?.name);
			expect(same?.expr).toContain(signal);
			expect(rules[index]?.for).toBe(same?.for);
			for (const key of KEYS[level]) if (level === "device") expect(same?.expr).toContain(key);
		}
	});

	it("clears at the table's threshold, on the other side of the one where it fires", () => {
		for (const [index, { fires, clears }] of ALERTS.entries()) {
			const model = rules[index]?.data[1]?.model;
			const [condition] = model !== undefined && "conditions" in model ? model.conditions : [];
			const [above, below] = [
				"above" in fires ? fires.above : undefined,
				"below" in fires ? fires.below : undefined,
			];
			expect(condition).toEqual({
				evaluator: above === undefined ? { type: "lt", params: [below] } : { type: "gt", params: [above] },
				...(clears === undefined ? {} : { unloadEvaluator: { type: "lt", params: [clears] } }),
			});
		}
	});
});
