/** Who may import whom: the rules hold, each can fail, and the checker saw every file. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { filesOf, ROOT } from "./tree.js";

const PLACES = ["agent", "collector", "shared", "dashboards", "tests", "cli.ts"];
const CONFIG = path.join(ROOT, ".dependency-cruiser.cjs");
const CRUISE_SECONDS = 180;
const OUTPUT_MOST_BYTES = 64 * 1_024 * 1_024;

type Rule = { readonly name: string; readonly comment: string };
type Violation = {
	readonly rule: { readonly name: string };
	readonly from: string;
	readonly to: string;
};
type Report = {
	readonly modules: readonly { readonly source: string }[];
	readonly summary: { readonly violations: readonly Violation[] };
};

const { forbidden: RULES } = createRequire(import.meta.url)(CONFIG) as {
	readonly forbidden: readonly Rule[];
};

/** Rule → an import that breaks it: [the file that imports, what it imports]. */
const BREAKS: Readonly<Record<string, readonly [from: string, to: string]>> = {
	"no-cycles": ["shared/one.ts", "shared/two.ts"],
	"no-unresolved": ["shared/lost.ts", "./nowhere.js"],
	"shared-is-the-floor": ["shared/wire/floor.ts", "agent/poller/poller.ts"],
	"agent-never-meets-collector": ["agent/uplink/meets.ts", "collector/store/store.ts"],
	"collector-never-meets-agent": ["collector/ingest/meets.ts", "agent/outbox/outbox.ts"],
	"product-never-imports-tests": ["collector/store/tested.ts", "tests/simulator/simulator.ts"],
	"command-loads-no-tests-but-the-simulator": ["cli.ts", "tests/agent/anything.ts"],
	"simulator-stands-on-shared": ["tests/simulator/agrees.ts", "agent/drivers/driver.ts"],
	"nobody-imports-the-command": ["collector/commands/turned.ts", "cli.ts"],
	"drivers-are-data": ["agent/drivers/talks.ts", "agent/transports/ask.ts"],
	"transports-carry-drivers-requests": ["agent/transports/knows.ts", "agent/drivers/bitaxe.ts"],
	"poller-knows-no-family": ["agent/poller/knows.ts", "agent/drivers/bitaxe.ts"],
	"outbox-keeps-what-it-is-given": ["agent/outbox/asks.ts", "agent/poller/poller.ts"],
	"uplink-sends-from-the-outbox": ["agent/uplink/jumps.ts", "agent/poller/poller.ts"],
	"agent-exposes-counts-only": ["agent/expose/shows.ts", "agent/drivers/bitaxe.ts"],
	"derive-is-pure": ["collector/derive/shows.ts", "collector/expose/view.ts"],
	"derive-takes-only-types-of-the-store": ["collector/derive/opens.ts", "collector/store/device-state.ts"],
	"store-knows-nobody-behind-it": ["collector/store/prices.ts", "collector/market/book.ts"],
	"ingest-ends-at-the-store": ["collector/ingest/counts.ts", "collector/derive/energy.ts"],
	"access-knows-no-room": ["collector/access/asks.ts", "collector/ingest/server.ts"],
	"market-feeds-the-store": ["collector/market/shows.ts", "collector/expose/view.ts"],
	"expose-reads-types-of-the-store": ["collector/expose/opens.ts", "collector/store/store.ts"],
	"answers-are-types": ["collector/expose/answers.ts", "collector/derive/energy.ts"],
	"page-knows-answers-only": ["dashboards/live/peeks.ts", "collector/expose/view.ts"],
	"page-takes-types-only": ["dashboards/live/takes.ts", "shared/units.ts"],
	"pure-does-no-io": ["collector/derive/reads.ts", "node:fs"],
	"pure-uses-no-shell": ["shared/wire/waits.ts", "shared/clock.ts"],
	"better-sqlite3-lives-in-one-room": ["collector/jobs/stores.ts", "better-sqlite3"],
	"prom-client-lives-in-one-room": ["agent/expose/counts.ts", "prom-client"],
	"node-cron-lives-in-one-room": ["collector/store/runs-by-clock.ts", "node-cron"],
	"ws-lives-in-one-room": ["collector/expose/speaks.ts", "ws"],
	"zod-lives-in-one-room": ["collector/store/checks.ts", "zod"],
	"yaml-lives-in-one-room": ["agent/commands/reads.ts", "yaml"],
	"hono-lives-in-one-room": ["collector/ingest/answers.ts", "hono"],
	"hono-node-server-lives-in-one-room": ["collector/ingest/serves.ts", "@hono/node-server"],
	"hyparquet-writer-lives-in-one-room": ["collector/store/packs.ts", "hyparquet-writer"],
	"pino-lives-in-one-room": ["agent/poller/logs.ts", "pino"],
	"net-snmp-lives-in-one-room": ["agent/poller/walks.ts", "net-snmp"],
	"modbus-serial-lives-in-one-room": ["agent/poller/registers.ts", "modbus-serial"],
	"koffi-lives-in-one-room": ["agent/poller/calls.ts", "koffi"],
	"ipaddr.js-lives-in-one-room": ["agent/poller/allows.ts", "ipaddr.js"],
	"fast-xml-parser-lives-in-one-room": ["agent/drivers/kit/parses.ts", "fast-xml-parser"],
	"commander-lives-in-one-room": ["collector/commands/parses.ts", "commander"],
	"preact-lives-in-one-room": ["collector/expose/draws.ts", "preact"],
	"uplot-lives-in-one-room": ["collector/expose/plots.ts", "uplot"],
	"grafana-grafana-foundation-sdk-lives-in-one-room": [
		"collector/expose/boards.ts",
		"@grafana/grafana-foundation-sdk/dashboard",
	],
};

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

describe("the rules of who may import whom", { timeout: CRUISE_SECONDS * 1_000 }, () => {
	it("hold for every import of agent, collector, shared, dashboards, tests and cli.ts", async () => {
		const { modules, summary } = await cruise(ROOT);
		const seen = new Set(modules.map(({ source }) => source));
		const files = filesOf(PLACES).filter((file) => /\.tsx?$/.test(file));
		expect(files.length).toBeGreaterThan(200);
		expect(files.filter((file) => !seen.has(file))).toEqual([]);
		expect(summary.violations.map(said)).toEqual([]);
	});

	it("each say why, in a sentence", () => {
		expect(RULES.filter(({ comment }) => !/^[A-Za-z].{20,}[^.]\.?$/.test(comment))).toEqual([]);
	});

	it("each fail when they are broken on purpose", async () => {
		const folder = await brokenTree();
		const { summary } = await cruise(folder);
		const reported = new Map(summary.violations.map((violation) => [violation.rule.name, violation]));
		expect(Object.keys(BREAKS).sort()).toEqual(RULES.map(({ name }) => name).sort());
		expect(RULES.map(({ name }) => name).filter((name) => !reported.has(name))).toEqual([]);
	});
});

function said({ rule: { name }, from, to }: Violation): string {
	return `${from} imports ${to}: ${RULES.find((rule) => rule.name === name)?.comment ?? name} [${name}]`;
}

async function cruise(folder: string): Promise<Report> {
	const program = path.join(ROOT, "node_modules", "dependency-cruiser", "bin", "dependency-cruise.mjs");
	const run = promisify(execFile);
	const options = { cwd: folder, maxBuffer: OUTPUT_MOST_BYTES };
	const { stdout } = await run(
		process.execPath,
		[program, "--config", CONFIG, "--output-type", "json", ...PLACES],
		options,
		// The program ends with the number of violations; what they are is in its output.
	).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? "" }));
	return JSON.parse(stdout) as Report;
}

/** A project in a temporary folder in which each rule is broken once. */
async function brokenTree(): Promise<string> {
	const folder = await mkdtemp(path.join(tmpdir(), "fleetwatt-layers-"));
	folders.push(folder);
	const files = new Map<string, string>([
		["tsconfig.json", JSON.stringify({ compilerOptions: { module: "NodeNext" } })],
		["package.json", JSON.stringify({ type: "module" })],
	]);
	const add = (file: string, text: string) => files.set(file, (files.get(file) ?? "") + text);
	for (const [from, to] of Object.values(BREAKS)) {
		const isOurs = /^[a-z]+\/|^cli\.ts$/.test(to);
		add(from, `import "${isOurs ? relative(from, to) : to}";\n`);
		if (isOurs) add(to, "export {};\n");
		else if (/^[@a-z]/.test(to) && !to.startsWith("node:")) {
			add(`node_modules/${to}/package.json`, JSON.stringify({ name: to, main: "index.js" }));
			add(`node_modules/${to}/index.js`, "");
		}
	}
	add("shared/two.ts", `import "./one.js";\n`);
	for (const place of PLACES)
		if (!place.endsWith(".ts")) await mkdir(path.join(folder, place), { recursive: true });
	for (const [file, text] of files) {
		await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
		await writeFile(path.join(folder, file), text);
	}
	return folder;
}

function relative(from: string, to: string): string {
	const found = path.relative(path.dirname(from), to).replace(/\.ts$/, ".js");
	return found.startsWith(".") ? found : `./${found}`;
}
