/**
 * The program's own metrics: process, build, scrapes, requests, viewers.
 *
 * Gives a registry of prom-client's, one for each server, and the few things to count with. Nothing of
 * the fleet stands here: a registry writes 0 for a gauge that was never set, and absent is not zero.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { STANDING_BACK, type StandingBack } from "../overload.js";

export type OwnMetrics = {
	text(): Promise<string>;
	countRequest(route: string, status: number): void;
	observeScrape(seconds: number, samples: number): void;
	setViewers(viewers: number): void;
	countStoodBack(work: StandingBack, times: number): void;
};

/** Gauges of the runtime's library whose names break the format's own rules. */
const MISNAMED = [
	"nodejs_active_handles_total",
	"nodejs_active_requests_total",
	"nodejs_active_resources_total",
];

const SCRAPE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export function createOwnMetrics(version: string): OwnMetrics {
	const registry = new Registry();
	collectDefaultMetrics({ register: registry });
	for (const name of MISNAMED) registry.removeSingleMetric(name);
	const registers = [registry];
	new Gauge({
		name: "fleetwatt_build_info",
		help: "Version of this program; always 1.",
		labelNames: ["version", "role"],
		registers,
	}).set({ version, role: "collector" }, 1);
	const requests = new Counter({
		name: "fleetwatt_http_requests_total",
		help: "Requests answered, by route and status.",
		labelNames: ["route", "status"],
		registers,
	});
	const scrapes = new Histogram({
		name: "fleetwatt_scrape_duration_seconds",
		help: "Time to render /metrics, pauses for others included.",
		buckets: SCRAPE_SECONDS,
		registers,
	});
	const samples = new Gauge({
		name: "fleetwatt_scrape_series",
		help: "Series in the newest rendering of /metrics, without the process's own.",
		registers,
	});
	const viewers = new Gauge({
		name: "fleetwatt_live_viewers",
		help: "Open live streams.",
		registers,
	});
	const stoodBack = new Counter({
		name: "fleetwatt_viewer_work_stood_back_total",
		help: "Under overload: queries, exports and replays that were refused or ended, updates of live streams that were left out.",
		labelNames: ["work"],
		registers,
	});
	for (const work of STANDING_BACK) stoodBack.inc({ work }, 0);
	return {
		text: () => registry.metrics(),
		countRequest: (route, status) => requests.inc({ route, status }),
		observeScrape(seconds, count) {
			scrapes.observe(seconds);
			samples.set(count);
		},
		countStoodBack: (work, times) => stoodBack.inc({ work }, times),
		setViewers: (count) => viewers.set(count),
	};
}
