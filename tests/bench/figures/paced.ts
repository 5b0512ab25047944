/**
 * Real-time load: 10,000 devices of 16 series every ten seconds, by 100 agents with one message a second
 * each, spread evenly over the second. Per cent of one core while it runs, after a first round of all
 * devices. Measured in turn, not side by side. Ours does not hold a sealing unless the clock brings one;
 * what the sealing of all that came costs at the end is told beside it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type CollectorUnderTest, startCollector } from "../collector-under-test.js";
import type { Context } from "../context.js";
import { type Figure, figure } from "../figure.js";
import { batchesOf, type HttpTarget, influxTarget, remoteWriteTarget } from "../fill.js";
import { ask, connection } from "../http.js";
import { cpuSeconds, median, residentMegabytes } from "../processes.js";
import { startPrometheusForWriting } from "../prometheus.js";
import { startVictoriaMetrics } from "../victoria-metrics.js";
import { STEP_SECONDS, Workload } from "../workload.js";

const AGENTS = 100;
const WARM_UP_SECONDS = STEP_SECONDS + 2;
const STALL_TARGET = { goal: 20, floor: 50, of: "ours", better: "less" } as const;

type Paced = { readonly percent: number; readonly megabytes: number };
type Ours = Paced & { readonly stallMilliseconds: number; readonly settledPercent: number };

export async function measurePaced(context: Context): Promise<readonly Figure[]> {
	const { pacedSeconds, say } = context;
	const ours = await pacedCollector(context);
	say(`ours ${ours.percent.toFixed(2)} %`);
	const line = context.victoriaMetrics === undefined ? undefined : await pacedVictoriaMetrics(context);
	say(`VictoriaMetrics ${line?.percent.toFixed(2)} %`);
	const remote = context.prometheus === undefined ? undefined : await pacedPrometheus(context);
	say(`Prometheus ${remote?.percent.toFixed(2)} %`);
	const round = (read: (paced: Paced) => number, anchor: Paced | undefined) => [
		{ ours: read(ours), ...(anchor === undefined ? {} : { anchor: read(anchor) }) },
	];
	const percent = (paced: Paced) => paced.percent;
	const note = `${context.fleetDevices} devices, ${pacedSeconds} s`;
	return [
		figure({
			name: "paced, vs VictoriaMetrics lines",
			unit: "% of a core",
			rounds: round(percent, line),
			target: { goal: 1 / 5, floor: 1 / 3, of: "ours / anchor", better: "less" },
			note,
		}),
		figure({
			name: "paced, vs Prometheus remote write",
			unit: "% of a core",
			rounds: round(percent, remote),
			target: { goal: 1 / 10, floor: 1 / 6, of: "ours / anchor", better: "less" },
			note,
		}),
		figure({
			name: "paced, with the sealing of all that came",
			unit: "% of a core",
			rounds: [{ ours: ours.settledPercent }],
		}),
		figure({
			name: "paced, resident memory, vs VictoriaMetrics",
			unit: "MB",
			rounds: round(({ megabytes }) => megabytes, line),
		}),
		figure({
			name: "event loop held up, paced, p99.9",
			unit: "ms",
			rounds: [{ ours: ours.stallMilliseconds }],
			target: STALL_TARGET,
		}),
	];
}

/** Calls each sender once a second for so long; `second` counts from 0. */
async function everySecond(
	seconds: number,
	from: number,
	send: (agent: number, second: number) => Promise<unknown>,
): Promise<void> {
	const startedAt = performance.now();
	const failures: unknown[] = [];
	for (let turn = 0; turn < seconds * AGENTS; turn += 1) {
		const due = startedAt + (turn * 1_000) / AGENTS;
		const early = due - performance.now();
		if (early > 0) await sleep(early);
		send(turn % AGENTS, from + Math.floor(turn / AGENTS)).catch((error: unknown) => failures.push(error));
	}
	if (failures.length > 0) throw failures[0];
}

async function measured(
	pid: number,
	seconds: number,
	send: (agent: number, second: number) => Promise<unknown>,
): Promise<Paced> {
	await everySecond(WARM_UP_SECONDS, 0, send);
	const before = cpuSeconds(pid);
	const startedAt = performance.now();
	const megabytes: number[] = [];
	const look = setInterval(() => megabytes.push(residentMegabytes(pid)), 1_000);
	await everySecond(seconds, WARM_UP_SECONDS, send);
	clearInterval(look);
	const passed = (performance.now() - startedAt) / 1_000;
	return { percent: (100 * (cpuSeconds(pid) - before)) / passed, megabytes: median(megabytes) };
}

function part(second: number, devices: number): { readonly from: number; readonly to: number } {
	const each = Math.ceil(devices / STEP_SECONDS);
	const from = (second % STEP_SECONDS) * each;
	return { from: Math.min(from, devices), to: Math.min(from + each, devices) };
}

async function pacedCollector(context: Context): Promise<Ours> {
	const { fleetDevices, pacedSeconds } = context;
	const folder = context.folder();
	const collector = await startCollector(folder);
	const agents = await collector.agents({ count: AGENTS, devices: fleetDevices });
	const workload = new Workload({ devices: fleetDevices, firstAt: Date.now() });
	const send = async (agent: number, second: number) => {
		const own = agents[agent];
		if (own !== undefined) await own.send(own.encode(workload, part(second, own.deviceCount)));
	};
	const { pid } = collector.running;
	const before = cpuSeconds(pid);
	const startedAt = performance.now();
	const paced = await measured(pid, pacedSeconds, send);
	const seconds = (performance.now() - startedAt) / 1_000;
	const live = cpuSeconds(pid) - before;
	const stallMilliseconds = await stalled(collector, () =>
		everySecond(pacedSeconds, WARM_UP_SECONDS + pacedSeconds, send),
	);
	const atStop = cpuSeconds(pid);
	for (const agent of agents) agent.close();
	const ended = await collector.stop();
	context.remove(folder);
	// What the watched part brought is sealed too: its share is left out.
	const sealing = ((ended.cpuSeconds - atStop) * seconds) / (seconds + pacedSeconds);
	return { ...paced, stallMilliseconds, settledPercent: (100 * (live + sealing)) / seconds };
}

async function stalled(collector: CollectorUnderTest, run: () => Promise<void>): Promise<number> {
	const watched = await collector.watchEventLoop();
	await run();
	return (await watched()).p999 * 1_000;
}

async function pacedByHttp(context: Context, target: HttpTarget): Promise<Paced> {
	const { fleetDevices, pacedSeconds } = context;
	const workload = new Workload({ devices: fleetDevices, firstAt: Date.now() });
	const senders = batchesOf(fleetDevices, Math.ceil(fleetDevices / AGENTS)).map((devices) => ({
		connection: connection(),
		bodies: Array.from({ length: STEP_SECONDS }, (_, second) => {
			const { from, to } = part(second, devices.length);
			return target.bodyOf(devices.slice(from, to));
		}),
	}));
	const paced = await measured(target.pid, pacedSeconds, async (agent, second) => {
		const sender = senders[agent];
		const body = sender?.bodies[second % STEP_SECONDS]?.(workload);
		if (sender === undefined || body === undefined || body.length === 0) return;
		await ask(target.url, {
			method: "POST",
			body,
			agent: sender.connection,
			...(target.headers === undefined ? {} : { headers: target.headers }),
		});
	});
	for (const { connection: one } of senders) one.destroy();
	return paced;
}

async function pacedVictoriaMetrics(context: Context): Promise<Paced> {
	const victoria = await startVictoriaMetrics(context.folder());
	const paced = await pacedByHttp(context, influxTarget(victoria));
	await victoria.stop();
	return paced;
}

async function pacedPrometheus(context: Context): Promise<Paced> {
	const prometheus = await startPrometheusForWriting(context.folder());
	const paced = await pacedByHttp(context, remoteWriteTarget(prometheus));
	await prometheus.stop();
	return paced;
}
