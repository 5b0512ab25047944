/**
 * The dashboards drawn with Grafana's own components in Chromium, from the answers of a Prometheus
 * that scrapes a demo: each panel has data, a unit and names, in dark and in light; pictures to look at are left in the
 * folder that FLEETWATT_PICTURES names. Grafana's packages (450 MB) are installed by hand: `npm ci` in
 * tests/peers/grafana.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grafanaDashboard } from "../../dashboards/grafana/source/dashboard.js";
import { DASHBOARDS, type PanelRow, type Query } from "../../dashboards/grafana/source/panels.js";
import { ROOT } from "../architecture/tree.js";
import { type DemoSite, startDemo } from "../peers/demo-site.js";
import { hastyRules } from "../peers/hasty-rules.js";
import { isMissing } from "../peers/missing-programs.js";
import { program } from "../peers/programs.js";
import { type PrometheusServer, startShippedPrometheus } from "../peers/prometheus-server.js";
import { stopAll, until } from "../peers/running-program.js";

const FOLDER = path.join(ROOT, "tests/peers/grafana");
const PICTURES = process.env["FLEETWATT_PICTURES"];
const SECONDS = 120;
const SIZE = { width: 1_460, height: 1_400 };
type Answered = {
	readonly name: string;
	readonly labels: Readonly<Record<string, string>>;
	readonly times: readonly number[];
	readonly values: readonly number[];
};
const isInstalled = existsSync(path.join(FOLDER, "node_modules"));
if (!isInstalled)
	it("NOT DRAWN: Grafana's components are not installed; run npm ci in tests/peers/grafana", () => {
		expect(isInstalled).toBe(false);
	});

describe.skipIf(!isInstalled || isMissing("prometheus", "chromium"))(
	"a dashboard in Grafana's components",
	() => {
		const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-grafana-"));
		let demo: DemoSite;
		let prometheus: PrometheusServer;
		let browser: Browser;

		beforeAll(async () => {
			demo = await startDemo({ miners: 36, gpuHosts: 4, hasMeter: true, options: ["--no-faults"] });
			prometheus = await startShippedPrometheus(program("prometheus") ?? "", {
				collector: demo.address,
				agent: demo.agentAddress,
				alertmanager: "127.0.0.1:9",
				rulesFile: hastyRules(folder),
			});
			browser = await chromium.launch({ executablePath: program("chromium") ?? "", args: ["--no-sandbox"] });
			await build({
				root: FOLDER,
				base: "./",
				logLevel: "error",
				define: { "process.env.NODE_ENV": '"production"' },
				build: { outDir: folder, emptyOutDir: false, minify: false, reportCompressedSize: false },
			});
			await demo.allUp(90);
			await demo.fault(3, "off");
			await sleep((SECONDS * 1_000) / 2);
			await demo.clear(3);
			await sleep((SECONDS * 1_000) / 2);
		}, 600_000);

		afterAll(async () => {
			await Promise.allSettled([browser?.close(), prometheus?.stop(), demo?.stop()]);
			await stopAll();
			rmSync(folder, { recursive: true, force: true });
		}, 60_000);

		it.each([
			["fleet", "dark"],
			["fleet", "light"],
			["site", "dark"],
			["site", "light"],
			["device", "dark"],
			["economics", "light"],
		])(
			"%s, %s: every panel has data, its values a unit, its lines names, its tables heads",
			async (name, theme) => {
				const row = DASHBOARDS.find((one) => one.name === name);
				if (row === undefined) throw new Error(`There is no dashboard ${name}.`);
				const to = await prometheus.lastScrape();
				const range = { from: to - SECONDS, to };
				const answers: Record<string, readonly Answered[]> = {};
				for (const { title, queries } of row.panels)
					answers[title] = (await Promise.all(queries.map((query) => answered(query, range)))).flat();
				const page = await drawn({ dashboard: grafanaDashboard(row), answers, theme, range });
				if (PICTURES !== undefined) {
					mkdirSync(PICTURES, { recursive: true });
					await page.screenshot({
						path: path.join(PICTURES, `grafana-${name}-${theme}.png`),
						fullPage: true,
					});
				}
				for (const panel of row.panels) await expectDrawn(page, panel, answers[panel.title] ?? []);
				await page.close();
			},
			120_000,
		);

		async function expectDrawn(page: Page, row: PanelRow, answers: readonly Answered[]) {
			const { title, kind, columns = {} } = row;
			const panel = page.locator(`[data-title="${title}"]`);
			const words = await panel.innerText();
			expect([title, words]).toEqual([title, expect.not.stringContaining("No data")]);
			if (kind === "stat") expect([title, words]).toEqual([title, expect.stringMatching(/\d/)]);
			if (kind === "timeseries") expect([title, await panel.locator("canvas").count()]).toEqual([title, 1]);
			if (kind === "table") {
				const said = new Set(["Value", ...answers.flatMap(({ labels }) => Object.keys(labels))]);
				const heads = Object.entries(columns).flatMap(([name, head]) => (said.has(name) ? [head] : []));
				const inSight = await panel.getByRole("columnheader").allInnerTexts();
				expect([title, inSight]).toEqual([title, heads.slice(0, Math.max(inSight.length, 2))]);
			}
			if (kind === "timeseries")
				for (const { name } of answers)
					expect([title, words]).toEqual([title, expect.stringContaining(name)]);
		}

		async function answered(
			{ expr, legend }: Query,
			range: { readonly from: number; readonly to: number },
		): Promise<readonly Answered[]> {
			const filled = expr
				.replaceAll(/\$(site|rack|model|device)/g, ".*")
				.replaceAll("$__rate_interval", "1m");
			return (await prometheus.range(filled, range)).map(({ metric, values = [] }) => ({
				name:
					legend === ""
						? "value"
						: legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ""),
				labels: metric,
				times: values.map(([seconds]) => seconds * 1_000),
				values: values.map(([, value]) => Number(value)),
			}));
		}

		async function drawn(input: {
			readonly dashboard: unknown;
			readonly answers: unknown;
			readonly theme: string;
			readonly range: { readonly from: number; readonly to: number };
		}): Promise<Page> {
			const page = await browser.newPage({ viewport: SIZE });
			const complaints: string[] = [];
			page.on("pageerror", (error) => complaints.push(error.message));
			await page.route("**/*", async (route) => {
				const file = path.join(folder, new URL(route.request().url()).pathname);
				await (existsSync(file) ? route.fulfill({ path: file }) : route.abort());
			});
			await page.goto("http://grafana.invalid/index.html");
			const { dashboard, answers, theme, range } = input;
			const words = JSON.stringify({
				dashboard,
				answers,
				theme,
				from: range.from * 1_000,
				to: range.to * 1_000,
			});
			await page.evaluate(`window.drawDashboard(${words})`);
			await until(
				"it is drawn",
				{ seconds: 60 },
				async () => (await page.evaluate("window.isDrawn")) === true,
			);
			expect(complaints).toEqual([]);
			return page;
		}
	},
);
