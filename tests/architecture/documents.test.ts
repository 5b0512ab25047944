/** The documents say what is so: tables that are made, links that lead somewhere, commands that exist. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { devicesDocument } from "../../agent/drivers/documents.js";
import { grafanaAlerting } from "../../dashboards/alerts/grafana-alerting.js";
import { prometheusRules } from "../../dashboards/alerts/prometheus-rules.js";
import { grafanaDashboard } from "../../dashboards/grafana/source/dashboard.js";
import { DASHBOARDS } from "../../dashboards/grafana/source/panels.js";
import { configText } from "../../shared/config/write.js";
import { FAILURE_CODES } from "../../shared/failures.js";
import { MEASUREMENT_NAMES, measurement } from "../../shared/measurements.js";
import { metricsDocument } from "../../shared/metrics-document.js";
import { documentedFamilies } from "./metric-families.js";
import { filesOf, ROOT } from "./tree.js";

const text = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
const documents = filesOf().filter((file) => file.endsWith(".md"));
const { scripts, version, bin } = JSON.parse(text("package.json")) as {
	readonly scripts: Readonly<Record<string, string>>;
	readonly version: string;
	readonly bin: Readonly<Record<string, string>>;
};

describe("made documents equal what makes them (npm run documents writes them)", () => {
	let metrics = "";
	beforeAll(async () => {
		metrics = metricsDocument(await documentedFamilies());
	});
	const rowOf = (word: string) =>
		metrics.split("\n").find((line) => line.startsWith(`| \`${word}\` |`)) ?? "";

	it("METRICS.md: what /metrics writes, the measurement table and the failure table", async () => {
		await expect(metrics).toMatchFileSnapshot(path.join(ROOT, "METRICS.md"));
	});

	it("DEVICES.md: the catalogue of drivers", async () => {
		await expect(devicesDocument()).toMatchFileSnapshot(path.join(ROOT, "DEVICES.md"));
	});

	const MADE = "Made by npm run documents from dashboards/alerts/table.ts: change it there.";

	it("dashboards/prometheus/rules.yml: the table of alerts for Prometheus", async () => {
		const file = path.join(ROOT, "dashboards/prometheus/rules.yml");
		await expect(configText(MADE, prometheusRules())).toMatchFileSnapshot(file);
	});

	it("dashboards/grafana/alerting/fleetwatt.yml: the table of alerts for Grafana", async () => {
		const file = path.join(ROOT, "dashboards/grafana/alerting/fleetwatt.yml");
		await expect(configText(MADE, grafanaAlerting())).toMatchFileSnapshot(file);
	});

	it.each(DASHBOARDS)("dashboards/grafana/dashboards/$name.json: a dashboard", async (row) => {
		const file = path.join(ROOT, `dashboards/grafana/dashboards/${row.name}.json`);
		await expect(`${JSON.stringify(grafanaDashboard(row), undefined, "\t")}\n`).toMatchFileSnapshot(file);
	});

	it.each(MEASUREMENT_NAMES)("METRICS.md names the measurement %s with its series", (name) => {
		expect(rowOf(name)).toContain(measurement(name).exposeAs);
	});

	it.each(FAILURE_CODES)("METRICS.md names the failure %s with what to do", (code) => {
		expect(rowOf(code).split(" | ").length).toBe(4);
	});
});

describe("README.md", () => {
	const readme = text("README.md");
	const OWN = new Set(["ci", "cit", "link"]);

	it("starts with `npm ci && npm start` and is checked with `npm cit`", () => {
		expect(readme).toContain("npm ci && npm start");
		expect(readme).toContain("npm cit");
		expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["start", "test", "build", "check"]));
	});

	it("names no script that package.json lacks", () => {
		const named = documents.flatMap((file) =>
			[...text(file).matchAll(/\bnpm (?:run )?(?:--silent )?([a-z][a-z:-]*)/g)].map(
				([, script = ""]) => script,
			),
		);
		expect(named.length).toBeGreaterThan(3);
		expect(named.filter((script) => !(script in scripts) && !OWN.has(script))).toEqual([]);
	});

	it("names no command that the program lacks", () => {
		expect(bin).toEqual({ fleetwatt: "dist/cli.js" });
		const known = [...text("cli.ts").matchAll(/\.command\("([a-z-]+)/g)].map(([, name]) => name);
		const named = documents.flatMap((file) =>
			[...text(file).matchAll(/`fleetwatt ([a-z-]+)[^`]*`|^fleetwatt ([a-z-]+)/gm)].map(
				([, inline, line]) => inline ?? line,
			),
		);
		expect(known.length).toBeGreaterThan(5);
		expect([...new Set(named)].filter((name) => !known.includes(name))).toEqual([]);
	});
});

describe("links", () => {
	it("between documents lead to a file, and to a heading where they name one", () => {
		const lost = documents.flatMap((file) =>
			linksOf(file)
				.filter((link) => !leads(file, link))
				.map((link) => `${file}: ${link}`),
		);
		expect(documents.length).toBeGreaterThan(8);
		expect(lost).toEqual([]);
	});

	it("to a file or heading that does not exist are found", () => {
		expect(leads("README.md", "nowhere.md")).toBe(false);
		expect(leads("README.md", "ARCHITECTURE.md#no-such-heading")).toBe(false);
		expect(leads("README.md", "ARCHITECTURE.md")).toBe(true);
	});
});

describe("CHANGELOG.md", () => {
	it("has an entry for the version of package.json", () => {
		expect(text("CHANGELOG.md")).toMatch(new RegExp(`^## ${version.replaceAll(".", "\\.")}( |$)`, "m"));
	});
});

/** Relative links of a document, pictures included; code is left out. */
function linksOf(file: string): readonly string[] {
	const prose = text(file)
		.replaceAll(/^```[\s\S]*?^```/gm, "")
		.replaceAll(/`[^`\n]*`/g, "");
	return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
		.map(([, link = ""]) => link)
		.filter((link) => !/^[a-z]+:/.test(link));
}

function leads(from: string, link: string): boolean {
	const [target = "", heading] = link.split("#");
	const file = target === "" ? from : path.posix.join(path.posix.dirname(from), target);
	const isThere =
		filesOf().includes(file) || filesOf().some((known) => known.startsWith(`${file.replace(/\/$/, "")}/`));
	if (!isThere || heading === undefined) return isThere;
	return text(file)
		.split("\n")
		.filter((line) => line.startsWith("#"))
		.some((line) => anchorOf(line) === heading);
}

function anchorOf(heading: string): string {
	return heading
		.replace(/^#+ /, "")
		.toLowerCase()
		.replaceAll(/[^\p{L}\p{N} _-]/gu, "")
		.replaceAll(" ", "-");
}
