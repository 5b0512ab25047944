/**
 * The series store measured beside VictoriaMetrics and Prometheus, where they are installed:
 *
 *   npm run bench                                   all figures, ten minutes and more on a slow store
 *   npm run bench -- --quick                        small, about a minute: shapes, not figures to keep
 *   npm run bench -- --figures ingest,size --devices 1000 --steps 1080 --rounds 5
 *
 * Prints a table and, as the last line, one JSON object with every round; progress goes to the error
 * stream. Asserts nothing. Processor seconds can be trusted on a shared computer; wall times cannot.
 * Ours is the collector of the command line, spoken to as PROTOCOL.md says. Comparisons are of protocols
 * too: the others take any labels with any sample, ours does not.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { arch, cpus, release, tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import type { Context, Measure } from "./context.js";
import { type Figure, table } from "./figure.js";
import { measureAgent } from "./figures/agent.js";
import { measureFleet } from "./figures/fleet.js";
import { measureGrowth } from "./figures/growth.js";
import { measureIngest } from "./figures/ingest.js";
import { measureLimits } from "./figures/limits.js";
import { measurePaced } from "./figures/paced.js";
import { measureScan } from "./figures/scan.js";
import { measureScrape } from "./figures/scrape.js";
import { measureSeries } from "./figures/series.js";
import { measureSize } from "./figures/size.js";
import { measureStall } from "./figures/stall.js";
import { measureStart } from "./figures/start.js";
import { prometheusVersion } from "./prometheus.js";
import { victoriaMetricsVersion } from "./victoria-metrics.js";

/** By the word of --figures, in the order they are measured; those of one history are measured together. */
const FIGURES: Readonly<Record<string, Measure>> = {
	limits: measureLimits,
	ingest: measureIngest,
	size: measureSize,
	paced: measurePaced,
	memory: measureFleet,
	fleet: measureFleet,
	last: measureFleet,
	series: measureSeries,
	scan: measureScan,
	scrape: measureScrape,
	stall: measureStall,
	start: measureStart,
	agent: measureAgent,
	"agent-saturated": measureAgent,
	"agent-hung": measureAgent,
	growth: measureGrowth,
};
/** 100,000 devices take their time. */
const ON_DEMAND: readonly string[] = ["growth"];
/** Those that need neither a real-time load nor the collector's own clock of jobs. */
const QUICK: readonly string[] = ["limits", "ingest", "memory", "last", "series", "scan", "stall"];

const { values: words } = parseArgs({
	options: {
		figures: { type: "string" },
		quick: { type: "boolean", default: false },
		devices: { type: "string" },
		steps: { type: "string" },
		"fleet-devices": { type: "string" },
		"fleet-steps": { type: "string" },
		"paced-seconds": { type: "string" },
		rounds: { type: "string" },
		folder: { type: "string", default: tmpdir() },
	},
});

const SIZES = words.quick
	? { devices: 500, steps: 30, fleetDevices: 1_000, fleetSteps: 30, pacedSeconds: 5, rounds: 1 }
	: { devices: 1_000, steps: 1_080, fleetDevices: 10_000, fleetSteps: 360, pacedSeconds: 20, rounds: 3 };

function size(word: string | undefined, otherwise: number): number {
	return word === undefined ? otherwise : Number(word);
}

const WHOLE = Object.keys(FIGURES).filter((name) => !ON_DEMAND.includes(name));
const asked = words.figures?.split(",") ?? (words.quick ? QUICK : WHOLE);
const unknown = asked.filter((name) => FIGURES[name] === undefined);
if (unknown.length > 0)
	throw new Error(`No figures ${unknown.join(", ")}; there are ${Object.keys(FIGURES).join(", ")}.`);

const figures: Figure[] = [];
const root = mkdtempSync(path.join(words.folder, "fleetwatt-bench-"));
let folders = 0;
const startedAt = performance.now();
const context: Context = {
	devices: size(words.devices, SIZES.devices),
	steps: size(words.steps, SIZES.steps),
	fleetDevices: size(words["fleet-devices"], SIZES.fleetDevices),
	fleetSteps: size(words["fleet-steps"], SIZES.fleetSteps),
	pacedSeconds: size(words["paced-seconds"], SIZES.pacedSeconds),
	rounds: size(words.rounds, SIZES.rounds),
	victoriaMetrics: victoriaMetricsVersion(),
	prometheus: prometheusVersion(),
	isAsked: (name) => asked.includes(name),
	folder() {
		folders += 1;
		return mkdtempSync(path.join(root, `${folders}-`));
	},
	remove: (folder) => rmSync(folder, { recursive: true, force: true }),
	say: (line) => {
		const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
		process.stderr.write(`${seconds.padStart(5)} s  ${line}\n`);
	},
};

process.once("exit", () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
	process.once(signal, () => {
		report();
		process.exit(1);
	});
}

for (const measure of new Set(Object.values(FIGURES))) {
	const names = asked.filter((name) => FIGURES[name] === measure);
	if (names.length === 0) continue;
	context.say(`${names.join(", ")} …`);
	figures.push(...(await measure(context)));
}
report();

/** All that is measured so far: also what a run gives that is ended early. */
function report(): void {
	const { victoriaMetrics = "not installed", prometheus = "not installed" } = context;
	const { devices, steps, fleetDevices, fleetSteps, pacedSeconds, rounds } = context;
	const computer = `${cpus().length} × ${cpus()[0]?.model ?? "?"}, Linux ${release()} ${arch()}`;
	const versions = { node: process.versions.node, victoriaMetrics, prometheus };
	process.stdout.write(
		`${[
			`Node ${versions.node}, VictoriaMetrics ${victoriaMetrics}, Prometheus ${prometheus}; ${computer}`,
			`saturated ${devices} devices × ${steps} steps, fleet ${fleetDevices} × ${fleetSteps}, medians of ${rounds} rounds`,
			"",
			table(figures),
			"",
			JSON.stringify({
				at: new Date().toISOString(),
				computer,
				versions,
				sizes: { devices, steps, fleetDevices, fleetSteps, pacedSeconds, rounds },
				seconds: (performance.now() - startedAt) / 1_000,
				figures,
			}),
		].join("\n")}\n`,
	);
}
