/**
 * A fleet's hour in memory and over HTTP: resident memory at all its series, the fleet's sum and J/TH at
 * steps of 60 s, the last value of every device, against VictoriaMetrics with the same readings.
 *
 * Requests alternate. VictoriaMetrics is asked without its cache of results; ours answers from its sums of
 * a minute, once its own job has made them. The last values are not the same bytes: ours names a device
 * by its key, VictoriaMetrics by all labels. Both sizes are told.
 */
import type { Agent } from "node:http";
import type { FleetSeriesAnswer, LatestAnswer } from "../../../collector/expose/answers.js";
import { until } from "../../peers/running-program.js";
import { startCollector } from "../collector-under-test.js";
import type { Context } from "../context.js";
import { type Figure, figure, type Pair, type Target } from "../figure.js";
import { type FilledCollector, fillByHttp, fillCollector, influxTarget, sendSteps } from "../fill.js";
import { ask, connection, timed } from "../http.js";
import { residentMegabytes, untilQuiet } from "../processes.js";
import { startVictoriaMetrics, type VictoriaMetrics } from "../victoria-metrics.js";
import { STEP_SECONDS, type Workload } from "../workload.js";

const REQUESTS = 9;
const QUIET_MOST_SECONDS = 60;
const SUMS_MOST_SECONDS = 300;
const LOOK_MILLISECONDS = 2_000;
const MINUTE_MILLISECONDS = 60_000;
const VALUES_SHARE = 0.99;

type Both = {
	readonly ours: FilledCollector;
	readonly victoria: VictoriaMetrics | undefined;
	readonly workload: Workload | undefined;
};

export async function measureFleet(context: Context): Promise<readonly Figure[]> {
	const history = { devices: context.fleetDevices, steps: context.fleetSteps };
	const folder = context.folder();
	const ours = await fillCollector(await startCollector(folder), history);
	context.say(`ours filled, ${ours.live.cpuSeconds.toFixed(1)} CPU-s`);
	const victoria =
		context.victoriaMetrics === undefined ? undefined : await startVictoriaMetrics(context.folder());
	const filled = victoria === undefined ? undefined : await fillByHttp(influxTarget(victoria), history);
	context.say("VictoriaMetrics filled");
	const both: Both = { ours, victoria, workload: filled?.workload };
	const figures: Figure[] = [];
	if (context.isAsked("memory")) figures.push(await memory(context, both));
	if (context.isAsked("fleet")) figures.push(...(await sums(context, both)));
	if (context.isAsked("last")) figures.push(await lastValues(context, both));
	for (const agent of ours.agents) agent.close();
	await ours.collector.kill();
	await victoria?.stop();
	context.remove(folder);
	return figures;
}

async function memory(context: Context, { ours, victoria }: Both): Promise<Figure> {
	await untilQuiet(ours.collector.running.pid, QUIET_MOST_SECONDS);
	const anchor = victoria === undefined ? undefined : residentMegabytes(victoria.running.pid);
	const found = residentMegabytes(ours.collector.running.pid);
	context.say(`memory ${found.toFixed(0)} MB, VictoriaMetrics ${anchor?.toFixed(0)} MB`);
	return figure({
		name: "resident memory, all series active",
		unit: "MB",
		rounds: [{ ours: found, ...(anchor === undefined ? {} : { anchor }) }],
		anchorName: "VictoriaMetrics",
		target: { goal: 0.6, floor: 1, of: "ours / anchor", better: "less" },
		note: `${context.fleetDevices} devices × 16, after a saturated history`,
	});
}

async function sums(context: Context, { ours, victoria }: Both): Promise<readonly Figure[]> {
	const { firstAt } = ours.workload;
	const from = Math.ceil(firstAt / MINUTE_MILLISECONDS) * MINUTE_MILLISECONDS;
	const end = firstAt + context.fleetSteps * STEP_SECONDS * 1_000;
	const to = Math.floor(end / MINUTE_MILLISECONDS) * MINUTE_MILLISECONDS;
	if (to <= from) return [];
	const own = `${ours.collector.url}/api/v1/series/fleet?from=${from}&to=${to}&step=60`;
	await untilSummed(own, context.fleetDevices);
	context.say("sums of all minutes are made");
	const target: Target = { goal: 1 / 5, floor: 1 / 3, of: "ours / anchor", better: "less" };
	const range = { start: String(from / 1_000), end: String(to / 1_000), step: "60", nocache: "1" };
	const figures: Figure[] = [];
	for (const { name, query } of [
		{ name: "fleet sum over HTTP", query: "sum(miner_power_watts)" },
		{ name: "fleet J/TH over HTTP", query: "sum(miner_power_watts)/sum(miner_hashrate_ths)" },
	]) {
		const words = new URLSearchParams({ query, ...range });
		const other = victoria === undefined ? undefined : `${victoria.url}/api/v1/query_range?${words}`;
		figures.push(
			figure({
				name,
				unit: "ms",
				rounds: await alternating(own, other),
				anchorName: "VictoriaMetrics",
				target,
				note: `${context.fleetDevices} devices, ${(to - from) / MINUTE_MILLISECONDS} min at 60 s`,
			}),
		);
	}
	return figures;
}

/** Minutes are summed by a job of the collector, once a minute. */
async function untilSummed(url: string, devices: number): Promise<void> {
	const wait = { seconds: SUMS_MOST_SECONDS, everyMilliseconds: LOOK_MILLISECONDS };
	await until("the sums of all minutes", wait, async () => {
		const { devicesUp } = JSON.parse((await ask(url)).toString("utf8")) as FleetSeriesAnswer;
		// The first minute has no reading before it to hold.
		return devicesUp.slice(1).every((up) => up !== null && up > devices * VALUES_SHARE);
	});
}

async function lastValues(context: Context, both: Both): Promise<Figure> {
	const { ours, victoria, workload } = both;
	await freshen(both);
	const own = `${ours.collector.url}/api/v1/latest?measurement=hashrateTerahashesPerSecond`;
	const words = new URLSearchParams({ query: "miner_hashrate_ths", nocache: "1" });
	const other = victoria === undefined ? undefined : `${victoria.url}/api/v1/query?${words}`;
	const { values } = JSON.parse((await ask(own)).toString("utf8")) as LatestAnswer;
	const rounds = await alternating(own, other);
	const bytes = (await ask(own)).length;
	const anchorBytes = other === undefined || workload === undefined ? 0 : (await ask(other)).length;
	return figure({
		name: "last value of every device over HTTP",
		unit: "ms",
		rounds,
		anchorName: "VictoriaMetrics",
		target: { goal: 1 / 10, floor: 1 / 5, of: "ours / anchor", better: "less" },
		note: `${values.length} of ${context.fleetDevices} devices fresh; ${bytes} bytes, theirs ${anchorBytes}`,
	});
}

/** One more step of every device, now. */
async function freshen({ ours, victoria, workload }: Both): Promise<void> {
	if (victoria !== undefined && workload !== undefined) {
		workload.skipTo(Date.now());
		await fillByHttp(influxTarget(victoria), { devices: workload.devices, steps: 1 }, workload);
		await ask(`${victoria.url}/internal/force_flush`);
	}
	ours.workload.skipTo(Date.now());
	await sendSteps(ours.agents, ours.workload, 1);
}

async function alternating(own: string, other: string | undefined): Promise<readonly Pair[]> {
	const agents: readonly [Agent, Agent] = [connection(), connection()];
	const pairs: Pair[] = [];
	for (let request = 0; request < REQUESTS; request += 1) {
		const ours = (await timed(own, agents[0])).milliseconds;
		const anchor = other === undefined ? undefined : (await timed(other, agents[1])).milliseconds;
		pairs.push({ ours, ...(anchor === undefined ? {} : { anchor }) });
	}
	for (const agent of agents) agent.destroy();
	// The first is warming up.
	return pairs.slice(1);
}
