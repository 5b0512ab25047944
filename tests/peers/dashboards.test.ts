/** Every query of every panel, rule and variable asked of a real Prometheus that scrapes a running demo. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALERTS, LIMIT_RECORDINGS, TREND_RECORDINGS } from "../../dashboards/alerts/table.js";
import { CHOICES, DASHBOARDS } from "../../dashboards/grafana/source/panels.js";
import { type DemoSite, startDemo } from "./demo-site.js";
import { hastyRules } from "./hasty-rules.js";
import { isMissing } from "./missing-programs.js";
import { program } from "./programs.js";
import { type PrometheusServer, startShippedPrometheus } from "./prometheus-server.js";
import { stopAll, until } from "./running-program.js";

const isSkipped = isMissing("prometheus");
const queries = DASHBOARDS.flatMap(({ name, panels }) =>
	panels.flatMap(({ title, queries: own }) => own.map(({ expr }) => ({ name, title, expr }))),
);
const signals = ALERTS.map(({ name, signal }) => ({ name, signal }));
const recordings = [...LIMIT_RECORDINGS, ...TREND_RECORDINGS];

/** As Grafana fills them in, with everything chosen. */
function filled(expr: string): string {
	return expr.replaceAll(/\$(site|rack|model|device)/g, ".*").replaceAll("$__rate_interval", "1m");
}

describe.skipIf(isSkipped)("Prometheus under the shipped configuration beside a demo", () => {
	const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-rules-"));
	let demo: DemoSite;
	let prometheus: PrometheusServer;
	const count = async (expr: string) => (await prometheus.query(expr)).length;

	beforeAll(async () => {
		demo = await startDemo({ miners: 12, gpuHosts: 1, options: ["--no-faults"] });
		prometheus = await startShippedPrometheus(program("prometheus") ?? "", {
			collector: demo.address,
			agent: demo.agentAddress,
			alertmanager: "127.0.0.1:9",
			rulesFile: hastyRules(folder),
		});
		await demo.allUp(90);
		await until("the slowest rule has a value", { seconds: 90 }, () =>
			count("device:fleetwatt_efficiency:week_ratio").then((found) => found >= 12),
		);
	}, 240_000);

	afterAll(async () => {
		await Promise.allSettled([prometheus?.stop(), demo?.stop()]);
		await stopAll();
		rmSync(folder, { recursive: true, force: true });
	}, 60_000);

	it.each(queries)("gives data for $name: $title", async ({ expr }) => {
		expect(await count(filled(expr))).toBeGreaterThan(0);
	});

	it.each(recordings)("records $record", async ({ record }) => {
		expect(await count(record)).toBeGreaterThan(0);
	});

	it.each(signals)("has the signal of $name, and it does not fire", async ({ name, signal }) => {
		expect(await count(signal)).toBeGreaterThan(0);
		expect(await count(`ALERTS{alertname="${name}"}`)).toBe(0);
	});

	it.each(Object.entries(CHOICES))("offers a choice for $%s", async (_, { query }) => {
		const selector = /label_values\((.*), \w+\)/.exec(query)?.[1] ?? "";
		expect((await prometheus.series(filled(selector))).length).toBeGreaterThan(0);
	});
});
