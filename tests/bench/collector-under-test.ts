/**
 * A real collector in a process of its own, configured as an operator would, in a temporary folder.
 * Gives where to speak to it and what it cost; knows nothing of what is sent.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { configText } from "../../shared/config/write.js";
import { FLEETWATT, freePorts, RunningProgram, until } from "../peers/running-program.js";
import { collectorConfiguration } from "../simulator/demo/configurations.js";
import { AgentClient } from "./agent-client.js";
import { ask } from "./http.js";
import { type Ended, endedBySigterm } from "./processes.js";
import { SITE } from "./workload.js";

const START_SECONDS = 600;
const START_LOOK_MILLISECONDS = 10;
const PROBE_SECONDS = 60;
const TOKEN = "0123456789abcdef".repeat(4);
const PRIVATE = 0o600;
const DEVICES_MOST = 100_000;
const PROBE = path.join(import.meta.dirname, "event-loop-probe.js");

/** Seconds by which the main thread was late. */
export type EventLoopDelay = {
	readonly p50: number;
	readonly p99: number;
	readonly p999: number;
	readonly most: number;
};

export type CollectorUnderTest = {
	readonly running: RunningProgram;
	/** Page, API, /metrics. */
	readonly url: string;
	readonly dataFolder: string;
	/** What an agent's configuration says of it. */
	readonly uplink: { readonly url: string; readonly tokenFile: string; readonly site: string };
	/** From the start of the process until /-/ready. */
	readonly readyAfterSeconds: number;
	/** So many agents, the devices shared out in runs of consecutive numbers. */
	agents(wish: AgentsWish): Promise<readonly AgentClient[]>;
	metric(name: string): Promise<number>;
	/** Begins to watch; what it gives ends it. */
	watchEventLoop(): Promise<() => Promise<EventLoopDelay>>;
	/** By SIGTERM: seals what it accepted, then ends. */
	stop(): Promise<Ended>;
	kill(): Promise<void>;
};

export type AgentsWish = {
	readonly count: number;
	readonly devices: number;
	readonly pollIntervalSeconds?: number;
};

export async function startCollector(folder: string): Promise<CollectorUnderTest> {
	const { file, places, probeFile } = await configured(folder);
	const startedAt = performance.now();
	const running = probed(probeFile, [FLEETWATT, "collector", "--config", file]);
	const url = `http://127.0.0.1:${places.pagePort}`;
	const wait = { seconds: START_SECONDS, everyMilliseconds: START_LOOK_MILLISECONDS };
	await until("the collector is ready", wait, async () => {
		if (!running.isRunning) throw new Error(`It ended: ${running.err}${running.out}`);
		return (await ask(`${url}/-/ready`)).length > 0;
	});
	return {
		running,
		url,
		dataFolder: places.collectorFolder,
		uplink: {
			url: `ws://127.0.0.1:${places.ingestPort}`,
			tokenFile: places.tokenFile,
			site: places.site,
		},
		readyAfterSeconds: (performance.now() - startedAt) / 1_000,
		agents: (wish) => connected(`ws://127.0.0.1:${places.ingestPort}`, wish),
		async metric(name) {
			const text = (await ask(`${url}/metrics`)).toString("utf8");
			return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
		},
		watchEventLoop: () => watchEventLoop(running, probeFile),
		stop: () => endedBySigterm(running),
		async kill() {
			running.signal("SIGKILL");
			await running.ended;
		},
	};
}

/** A Node program with event-loop-probe.ts loaded first. */
export function probed(probeFile: string, argv: readonly string[]): RunningProgram {
	return new RunningProgram(process.execPath, ["--import", pathToFileURL(PROBE).href, ...argv], {
		environment: { ...process.env, BENCH_EVENT_LOOP_FILE: probeFile },
	});
}

export async function watchEventLoop(
	running: RunningProgram,
	probeFile: string,
): Promise<() => Promise<EventLoopDelay>> {
	await signalled(running, probeFile);
	return () => signalled(running, probeFile);
}

async function signalled(running: RunningProgram, probeFile: string): Promise<EventLoopDelay> {
	rmSync(probeFile, { force: true });
	running.signal("SIGUSR2");
	return await until("the event loop's delay is told", { seconds: PROBE_SECONDS }, () =>
		existsSync(probeFile) ? (JSON.parse(readFileSync(probeFile, "utf8")) as EventLoopDelay) : undefined,
	);
}

/** The same folder may be configured again, for a second start. */
async function configured(folder: string) {
	mkdirSync(folder, { recursive: true });
	const [pagePort = 0, ingestPort = 0, agentMetricsPort = 0] = await freePorts(3);
	const places = {
		site: SITE,
		collectorFolder: path.join(folder, "collector"),
		agentFolder: path.join(folder, "agent"),
		tokenFile: path.join(folder, "token"),
		passwordFile: path.join(folder, "password"),
		pagePort,
		ingestPort,
		agentMetricsPort,
		pollIntervalSeconds: 10,
	};
	const file = path.join(folder, "collector.yaml");
	const today = new Date().toISOString().slice(0, 10);
	const values = collectorConfiguration(places, today) as Readonly<Record<string, unknown>>;
	writeFileSync(places.tokenFile, `${TOKEN}\n`, { mode: PRIVATE });
	writeFileSync(
		file,
		configText("Written for a measurement.", { ...values, limits: { maxDevices: DEVICES_MOST } }),
	);
	return { file, places, probeFile: path.join(folder, "event-loop.json") };
}

async function connected(
	url: string,
	{ count, devices, pollIntervalSeconds }: AgentsWish,
): Promise<readonly AgentClient[]> {
	const each = Math.ceil(devices / count);
	const clients: AgentClient[] = [];
	for (let agent = 0; agent * each < devices; agent += 1) {
		const length = Math.min(each, devices - agent * each);
		clients.push(
			await AgentClient.connect({
				url,
				token: TOKEN,
				name: `bench-${agent}`,
				devices: Array.from({ length }, (_, index) => agent * each + index),
				...(pollIntervalSeconds === undefined ? {} : { pollIntervalSeconds }),
			}),
		);
	}
	return clients;
}
