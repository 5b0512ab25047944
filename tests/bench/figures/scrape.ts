/**
 * One scrape of about 120,000 series: processor time of the exporter and how long its event loop is held
 * up, ours against prom-client's gauges with the same series and no work between scrapes.
 *
 * Before each scrape of ours every device has a new reading, and what that costs is over: work that is
 * moved from the scrape into ingest is in the figures of ingest.
 */
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type EventLoopDelay, probed, startCollector, watchEventLoop } from "../collector-under-test.js";
import type { Context } from "../context.js";
import { type Figure, figure, type Pair } from "../figure.js";
import { fillCollector, sendSteps } from "../fill.js";
import { connection, timed } from "../http.js";
import { runSeconds } from "../processes.js";

/** Of one of our devices on /metrics, about: its series, its parts', its health. */
const SERIES_SHOWN = 24;
const SERIES_WANTED = 120_000;
const SCRAPES = 5;
const SETTLE_MILLISECONDS = 1_500;
const EXPORTER_SECONDS = 120;
const EXPORTER = path.join(import.meta.dirname, "..", "prom-client-exporter.js");

type Scraped = { readonly cpuSeconds: number; readonly delay: EventLoopDelay; readonly bytes: number };

export async function measureScrape(context: Context): Promise<readonly Figure[]> {
	const folder = context.folder();
	const devices = Math.min(context.fleetDevices, Math.round(SERIES_WANTED / SERIES_SHOWN));
	const collector = await startCollector(folder);
	const { agents, workload } = await fillCollector(collector, { devices, steps: 2 });
	const { pid } = collector.running;
	const refresh = async () => {
		workload.skipTo(Date.now());
		await sendSteps(agents, workload, 1);
		await sleep(SETTLE_MILLISECONDS);
	};
	await refresh();
	const url = `${collector.url}/metrics`;
	const probeFile = path.join(folder, "prom-client.json");
	const exporter = probed(probeFile, [EXPORTER, url]);
	const [, port, series] = (await exporter.says("listening", EXPORTER_SECONDS)).split(" ");
	context.say(`${series} series`);
	const ours = await scraped({ url, pid, before: refresh, watch: () => collector.watchEventLoop() });
	const theirs = await scraped({
		url: `http://127.0.0.1:${port}/metrics`,
		pid: exporter.pid,
		before: () => sleep(SETTLE_MILLISECONDS),
		watch: () => watchEventLoop(exporter, probeFile),
	});
	for (const agent of agents) agent.close();
	await exporter.stop();
	await collector.kill();
	context.remove(folder);
	const rounds = (read: (one: Scraped) => number): readonly Pair[] =>
		ours.map((one, index) => ({
			ours: read(one),
			...(theirs[index] === undefined ? {} : { anchor: read(theirs[index]) }),
		}));
	const note = `${series} series, ${ours[0]?.bytes ?? 0} bytes`;
	return [
		figure({
			name: "scrape, vs prom-client",
			unit: "CPU-ms",
			rounds: rounds(({ cpuSeconds }) => cpuSeconds * 1_000),
			target: { goal: 1 / 20, floor: 1 / 10, of: "ours / anchor", better: "less" },
			note,
		}),
		figure({
			name: "event loop held up by a scrape, vs prom-client",
			unit: "ms",
			rounds: rounds(({ delay }) => delay.most * 1_000),
			target: { goal: 5, floor: 50, of: "ours", better: "less" },
			note: "longest of each scrape; wall time",
		}),
	];
}

type Target = {
	readonly url: string;
	readonly pid: number;
	readonly before: () => Promise<void>;
	readonly watch: () => Promise<() => Promise<EventLoopDelay>>;
};

/** Twice as many scrapes: the watched ones cost more, so processor time is of the others. */
async function scraped({ url, pid, before, watch }: Target): Promise<readonly Scraped[]> {
	const agent = connection();
	const all: Scraped[] = [];
	await timed(url, agent);
	for (let scrape = 0; scrape < SCRAPES; scrape += 1) {
		await before();
		const from = runSeconds(pid);
		const { bytes } = await timed(url, agent);
		const cpuSeconds = runSeconds(pid) - from;
		await before();
		const watched = await watch();
		await timed(url, agent);
		all.push({ cpuSeconds, bytes, delay: await watched() });
	}
	agent.destroy();
	return all;
}
