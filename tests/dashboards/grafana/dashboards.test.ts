/** The dashboards by the rules of Grafana's own dashboard linter, and what their files say of each other. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { DATASOURCE_UID } from "../../../dashboards/alerts/grafana-alerting.js";
import { DASHBOARDS } from "../../../dashboards/grafana/source/panels.js";
import { ROOT } from "../../architecture/tree.js";

type Target = {
	readonly expr: string;
	readonly refId: string;
	readonly datasource: { readonly uid: string };
};
type Panel = {
	readonly title: string;
	readonly description: string;
	readonly type: string;
	readonly targets: readonly Target[];
	readonly datasource: { readonly uid: string };
	readonly fieldConfig: { readonly defaults: { readonly unit?: string } };
	readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
};
type Variable = {
	readonly name: string;
	readonly type: string;
	readonly refresh?: number;
	readonly query: unknown;
};
type Dashboard = {
	readonly uid: string;
	readonly title: string;
	readonly editable: boolean;
	readonly schemaVersion: number;
	readonly panels: readonly Panel[];
	readonly templating: { readonly list: readonly Variable[] };
};

const text = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
const dashboards = DASHBOARDS.map(
	({ name }) => JSON.parse(text(`dashboards/grafana/dashboards/${name}.json`)) as Dashboard,
);
const QUERY_ON_TIME = 2;
/** A counter is asked for its rate. */
const COUNTER = /\b\w+_total\b/g;

describe.each(dashboards)("$title", ({ editable, panels, templating, schemaVersion }) => {
	it("cannot be edited where it would be overwritten, and is in a form that Grafana 10 to 13 read", () => {
		expect(editable).toBe(false);
		expect(schemaVersion).toBeGreaterThanOrEqual(39);
	});

	it("lets the data source be chosen first, and asks variables again when the time range changes", () => {
		expect(templating.list[0]).toMatchObject({ name: "datasource", type: "datasource", query: "prometheus" });
		const queried = templating.list.filter(({ type }) => type === "query");
		expect(queried.length).toBeGreaterThan(0);
		for (const variable of queried) expect(variable.refresh).toBe(QUERY_ON_TIME);
	});

	it.each(panels)("$title has a title, a description, a unit, queries and $datasource", (panel) => {
		expect(panel.title).not.toBe("");
		expect(panel.description.length).toBeGreaterThan(10);
		expect(panel.fieldConfig.defaults.unit).toBeDefined();
		expect(panel.targets.length).toBeGreaterThan(0);
		expect(panel.datasource.uid).toBe("$datasource");
		for (const { datasource } of panel.targets) expect(datasource.uid).toBe("$datasource");
	});

	it.each(panels)("$title asks counters for their rate, over $__rate_interval", ({ targets }) => {
		for (const { expr } of targets) {
			for (const [counter] of expr.matchAll(COUNTER))
				expect(expr).toMatch(new RegExp(`(rate|increase)\\(${counter}[^)]*\\[\\$__rate_interval\\]`));
			if (/\[/.test(expr)) expect(expr).toContain("[$__rate_interval]");
		}
	});

	it("uses every variable that it offers", () => {
		const asked = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join("\n");
		const queries = templating.list.map(({ query }) => JSON.stringify(query)).join("\n");
		for (const { name } of templating.list)
			if (name !== "datasource") expect(`${asked}\n${queries}`).toContain(`$${name}`);
	});

	it("puts no panel over another", () => {
		const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
			Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
		);
		expect(new Set(cells).size).toBe(cells.length);
	});
});

describe("the provisioning", () => {
	it("names the data source that the alerts ask", () => {
		const { datasources } = parse(text("dashboards/grafana/provisioning/datasources/fleetwatt.yml")) as {
			readonly datasources: readonly { readonly uid: string }[];
		};
		expect(datasources.map(({ uid }) => uid)).toContain(DATASOURCE_UID);
	});

	it("mounts in docker-compose.yml what it names", () => {
		const compose = parse(text("docker-compose.yml")) as {
			readonly services: Readonly<Record<string, { readonly volumes?: readonly string[] }>>;
		};
		const { path: folder } = (
			parse(text("dashboards/grafana/provisioning/dashboards/fleetwatt.yml")) as {
				readonly providers: readonly { readonly options: { readonly path: string } }[];
			}
		).providers[0]?.options ?? { path: "" };
		expect(compose.services["grafana"]?.volumes?.some((one) => one.includes(`:${folder}:`))).toBe(true);
		expect(compose.services["alertmanager"]?.volumes?.[0]).toContain("dashboards/alertmanager");
	});
});
