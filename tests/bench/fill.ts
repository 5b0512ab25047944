/**
 * The same simulated history put into each database over its own wire, and what that cost the receiver.
 *
 * A batch is a run of devices whose next step goes out in one request or record; batches are shared out
 * to connections, so that each device's steps stay in order. Bodies are made before they are sent, in
 * slices that fit into memory; what the sender costs is in no figure.
 */
import { spawn } from "node:child_process";
import path from "node:path";
import process from "node:process";
import type { AgentClient } from "./agent-client.js";
import { influxLines, remoteWriteBody } from "./bodies.js";
import { type CollectorUnderTest, startCollector } from "./collector-under-test.js";
import { ask, connection } from "./http.js";
import {
	cpuSeconds,
	folderBytes,
	peakResidentMegabytes,
	residentMegabytes,
	untilQuiet,
	writtenBytes,
} from "./processes.js";
import type { Prometheus } from "./prometheus.js";
import type { Worked } from "./stored-folder.js";
import { startVictoriaMetrics, type VictoriaMetrics } from "./victoria-metrics.js";
import { labelsOf, SERIES_A_DEVICE, STEP_SECONDS, Workload } from "./workload.js";

export const BATCH_DEVICES = 500;
const CONNECTIONS_MOST = 4;
/** Of encoded bodies that wait in memory. */
const SLICE_BYTES = 150e6;
const QUIET_MOST_SECONDS = 20;
const NATIVE_BLOCK_DEVICES = 40;
const HOUR = 3_600_000;
const SEALED_AFTER = 3 * 60_000;
const STORED_FOLDER = path.join(import.meta.dirname, "stored-folder.js");

export type History = {
	readonly devices: number;
	readonly steps: number;
	readonly jitterMilliseconds?: number;
	/** Unix ms; now where absent, so that every reading is believable and the last is fresh. */
	readonly endsAt?: number;
};

/** What one database paid for one history. Seconds are of its own processes. */
export type Filled = {
	readonly samples: number;
	/** Between the first request and the last answer. */
	readonly liveCpuSeconds: number;
	/** Until everything accepted is also sealed, flushed or merged as the database does by itself. */
	readonly settledCpuSeconds: number;
	readonly wallSeconds: number;
	readonly peakMegabytes: number;
	readonly residentMegabytes: number;
	readonly writtenBytes: number;
	readonly wireBytes: number;
};

export function samplesOf({ devices, steps }: History): number {
	return devices * steps * SERIES_A_DEVICE;
}

/** Just so long after the last full hour that the collector seals it by itself, as in life. */
export function justAfterAnHour(): number {
	return Math.floor((Date.now() - SEALED_AFTER) / HOUR) * HOUR + SEALED_AFTER;
}

export function workloadOf({ devices, steps, jitterMilliseconds, endsAt = Date.now() }: History): Workload {
	const end = Math.floor(endsAt / 1_000) * 1_000;
	return new Workload({
		devices,
		firstAt: end - steps * STEP_SECONDS * 1_000,
		...(jitterMilliseconds === undefined ? {} : { jitterMilliseconds }),
	});
}

/** Runs of consecutive devices. */
export function batchesOf(devices: number, size = BATCH_DEVICES): readonly (readonly number[])[] {
	return Array.from({ length: Math.ceil(devices / size) }, (_, batch) =>
		Array.from({ length: Math.min(size, devices - batch * size) }, (_one, index) => batch * size + index),
	);
}

type Cost = { cpuSeconds: number; written: number; startedAt: number; wireBytes: number };

function costFrom(pid: number): Cost {
	return {
		cpuSeconds: cpuSeconds(pid),
		written: writtenBytes(pid),
		startedAt: performance.now(),
		wireBytes: 0,
	};
}

/** Lanes of work, each in its own order, side by side. */
async function shared<Item>(
	items: readonly Item[],
	lanes: number,
	run: (item: Item, lane: number) => Promise<void>,
): Promise<void> {
	await Promise.all(
		Array.from({ length: lanes }, async (_, lane) => {
			for (let index = lane; index < items.length; index += lanes) {
				const item = items[index];
				if (item !== undefined) await run(item, lane);
			}
		}),
	);
}

/** How many steps of all devices are encoded at a time. */
function sliceSteps({ devices }: { readonly devices: number }, bytesASample: number): number {
	return Math.max(1, Math.floor(SLICE_BYTES / (devices * SERIES_A_DEVICE * bytesASample)));
}

// Ours.

const RECORD_BYTES_A_SAMPLE = 4;

export type FilledCollector = {
	readonly collector: CollectorUnderTest;
	readonly agents: readonly AgentClient[];
	readonly workload: Workload;
	readonly before: Cost;
	readonly live: { readonly cpuSeconds: number; readonly wallSeconds: number; readonly wireBytes: number };
};

/** Everything is acknowledged; the collector still runs. */
export async function fillCollector(
	collector: CollectorUnderTest,
	history: History,
	pollIntervalSeconds = STEP_SECONDS,
): Promise<FilledCollector> {
	const workload = workloadOf(history);
	const count = Math.min(CONNECTIONS_MOST, Math.ceil(history.devices / BATCH_DEVICES));
	const agents = await collector.agents({ count, devices: history.devices, pollIntervalSeconds });
	const { pid } = collector.running;
	const before = costFrom(pid);
	await sendHistory(agents, workload, history);
	const live = {
		cpuSeconds: cpuSeconds(pid) - before.cpuSeconds,
		wallSeconds: (performance.now() - before.startedAt) / 1_000,
		wireBytes: agents.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
	};
	return { collector, agents, workload, before, live };
}

async function sendHistory(
	agents: readonly AgentClient[],
	workload: Workload,
	history: History,
): Promise<void> {
	const slice = sliceSteps(history, RECORD_BYTES_A_SAMPLE);
	for (let step = 0; step < history.steps; step += slice)
		await sendSteps(agents, workload, Math.min(slice, history.steps - step));
}

/** The next steps of all devices, encoded first, then sent and settled. */
export async function sendSteps(
	agents: readonly AgentClient[],
	workload: Workload,
	steps: number,
): Promise<void> {
	const encoded = agents.map((agent) => ({ agent, records: recordsOf(agent, workload, steps) }));
	await Promise.all(
		encoded.map(async ({ agent, records }) => {
			for (const record of records) await agent.send(record);
			await agent.settled();
		}),
	);
}

function recordsOf(agent: AgentClient, workload: Workload, steps: number): readonly Buffer[] {
	const records: Buffer[] = [];
	for (let step = 0; step < steps; step += 1) {
		for (let from = 0; from < agent.deviceCount; from += BATCH_DEVICES) {
			records.push(agent.encode(workload, { from, to: Math.min(from + BATCH_DEVICES, agent.deviceCount) }));
		}
	}
	return records;
}

export type StoredHistory = Filled & {
	readonly diskBytes: number;
	readonly chunkFileBytes: number;
	/** Beside `settledCpuSeconds`: sealing, after the collector's end, the minutes of the hour that was not over. */
	readonly mergeCpuSeconds: number;
	readonly dataFolder: string;
};

/** Fills a new collector, waits until it has sealed what is over, ends it, seals and merges the rest; the folder stays. */
export async function storedByCollector(folder: string, history: History): Promise<StoredHistory> {
	const collector = await startCollector(folder);
	const { agents, before, live } = await fillCollector(collector, history);
	const { pid } = collector.running;
	const peak = peakResidentMegabytes(pid);
	const resident = residentMegabytes(pid);
	await untilQuiet(pid, QUIET_MOST_SECONDS);
	for (const agent of agents) agent.close();
	const ended = await collector.stop();
	const [merged] = await workOn(collector.dataFolder, "merge");
	return {
		samples: samplesOf(history),
		liveCpuSeconds: live.cpuSeconds,
		settledCpuSeconds: ended.cpuSeconds - before.cpuSeconds,
		mergeCpuSeconds: merged?.cpuSeconds ?? 0,
		wallSeconds: live.wallSeconds,
		peakMegabytes: peak,
		residentMegabytes: resident,
		writtenBytes: ended.writtenBytes - before.written,
		wireBytes: live.wireBytes,
		diskBytes: folderBytes(collector.dataFolder),
		chunkFileBytes: folderBytes(collector.dataFolder, (file) => file.startsWith("raw-")),
		dataFolder: collector.dataFolder,
	};
}

/** Runs stored-folder.ts. */
export async function workOn(
	folder: string,
	verb: "merge" | "scan",
	...more: readonly string[]
): Promise<readonly Worked[]> {
	const child = spawn(process.execPath, [STORED_FOLDER, verb, folder, ...more], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	const kill = () => child.kill("SIGKILL");
	process.once("exit", kill);
	let said = "";
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		said += text;
	});
	const code = await new Promise((resolve) => child.once("close", resolve));
	process.off("exit", kill);
	if (code !== 0) throw new Error(`${verb} of ${folder} ended with ${code}.`);
	return said
		.trim()
		.split("\n")
		.map((pass) => JSON.parse(pass) as Worked);
}

// The others.

export type Body = (workload: Workload) => Buffer;

export type HttpTarget = {
	readonly pid: number;
	readonly url: string;
	readonly headers?: Readonly<Record<string, string>>;
	/** Bodies of one batch, a step each; whether one may be sent later than the next is made. */
	readonly bodyOf: (devices: readonly number[]) => Body;
	readonly bytesASample: number;
	readonly isReused: boolean;
};

/** Sends a history by HTTP; gives what it cost until the last answer. */
export async function fillByHttp(target: HttpTarget, history: History, workload = workloadOf(history)) {
	const batches = batchesOf(history.devices).map((devices) => ({ body: target.bodyOf(devices) }));
	const lanes = Math.min(CONNECTIONS_MOST, batches.length);
	const agents = Array.from({ length: lanes }, connection);
	const before = costFrom(target.pid);
	const slice = target.isReused ? 1 : sliceSteps(history, target.bytesASample);
	for (let step = 0; step < history.steps; ) {
		const steps = Math.min(slice, history.steps - step);
		const bodies = batches.map(({ body }) => Array.from({ length: steps }, () => body(workload)));
		await shared(bodies, lanes, async (own, lane) => {
			for (const one of own) {
				before.wireBytes += one.length;
				await ask(target.url, {
					method: "POST",
					body: one,
					...(target.headers === undefined ? {} : { headers: target.headers }),
					...(agents[lane] === undefined ? {} : { agent: agents[lane] }),
				});
			}
		});
		step += steps;
	}
	for (const agent of agents) agent.destroy();
	return {
		before,
		workload,
		liveCpuSeconds: cpuSeconds(target.pid) - before.cpuSeconds,
		wallSeconds: (performance.now() - before.startedAt) / 1_000,
	};
}

export function influxTarget({ url, running }: VictoriaMetrics): HttpTarget {
	return {
		pid: running.pid,
		url: `${url}/write?precision=ms`,
		bodyOf: (devices) => (workload) => influxLines(workload, devices),
		bytesASample: 30,
		isReused: false,
	};
}

export function remoteWriteTarget({ url, running }: Prometheus): HttpTarget {
	return {
		pid: running.pid,
		url: `${url}/api/v1/write`,
		headers: {
			"content-encoding": "snappy",
			"content-type": "application/x-protobuf",
			"x-prometheus-remote-write-version": "0.1.0",
		},
		bodyOf: (devices) => {
			const body = remoteWriteBody(devices);
			return (workload) => body.next(workload);
		},
		bytesASample: 150,
		isReused: true,
	};
}

type Live = Awaited<ReturnType<typeof fillByHttp>>;

/** Measured as it stands; the server still runs. */
function filled(pid: number, history: History, { before, liveCpuSeconds, wallSeconds }: Live): Filled {
	return {
		samples: samplesOf(history),
		liveCpuSeconds,
		settledCpuSeconds: cpuSeconds(pid) - before.cpuSeconds,
		wallSeconds,
		peakMegabytes: peakResidentMegabytes(pid),
		residentMegabytes: residentMegabytes(pid),
		writtenBytes: writtenBytes(pid) - before.written,
		wireBytes: before.wireBytes,
	};
}

export async function fillVictoriaMetrics(victoria: VictoriaMetrics, history: History): Promise<Filled> {
	const live = await fillByHttp(influxTarget(victoria), history);
	await victoria.flush();
	return filled(victoria.running.pid, history, live);
}

export async function fillPrometheus(prometheus: Prometheus, history: History): Promise<Filled> {
	const live = await fillByHttp(remoteWriteTarget(prometheus), history);
	await untilQuiet(prometheus.running.pid, QUIET_MOST_SECONDS);
	return filled(prometheus.running.pid, history, live);
}

/** A filled database in its own format, some devices a body. */
export async function nativeBlocks(folder: string, history: History): Promise<readonly Buffer[]> {
	const victoria = await startVictoriaMetrics(folder);
	await fillVictoriaMetrics(victoria, history);
	const blocks: Buffer[] = [];
	for (const devices of batchesOf(history.devices, NATIVE_BLOCK_DEVICES)) {
		const names = devices.map((device) => labelsOf(device).device).join("|");
		const words = new URLSearchParams({ "match[]": `{device=~"${names}"}` });
		blocks.push(await ask(`${victoria.url}/api/v1/export/native?${words}`));
	}
	await victoria.stop();
	return blocks;
}

export async function importNative(
	victoria: VictoriaMetrics,
	history: History,
	blocks: readonly Buffer[],
): Promise<Filled> {
	const { pid } = victoria.running;
	const agents = Array.from({ length: CONNECTIONS_MOST }, connection);
	const before = costFrom(pid);
	await shared(blocks, CONNECTIONS_MOST, async (body, lane) => {
		before.wireBytes += body.length;
		const agent = agents[lane];
		const url = `${victoria.url}/api/v1/import/native`;
		await ask(url, { method: "POST", body, ...(agent === undefined ? {} : { agent }) });
	});
	for (const agent of agents) agent.destroy();
	const liveCpuSeconds = cpuSeconds(pid) - before.cpuSeconds;
	const wallSeconds = (performance.now() - before.startedAt) / 1_000;
	await victoria.flush();
	return filled(pid, history, { before, liveCpuSeconds, wallSeconds, workload: workloadOf(history) });
}
