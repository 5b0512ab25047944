/**
 * One collector and one agent as an operator sets them up by hand: configurations written into a folder,
 * each program started and stopped on its own. Gives what both answer; starts nothing by itself.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { configText } from "../../shared/config/write.js";
import {
	agentConfiguration,
	collectorConfiguration,
	type DemoPlaces,
} from "../simulator/demo/configurations.js";
import { type Simulator, startSimulator } from "../simulator/simulator.js";
import { fleetwatt, freePorts, type RunningProgram, until } from "./running-program.js";

const START_SECONDS = 30;
const ASK_SECONDS = 10;
const TODAY = "2026-11-22";
const PRIVATE = 0o600;

export type Changes = Readonly<Record<string, unknown>>;

export type OwnSite = {
	readonly folder: string;
	readonly places: DemoPlaces;
	readonly collectorFile: string;
	readonly agentFile: string;
	writeCollector(changes?: Changes): void;
	writeAgent(ranges: readonly unknown[], changes?: Changes): void;
	/** Started, not yet ready. */
	collector(): RunningProgram;
	agent(): RunningProgram;
	/** Started, and waited for. */
	readyCollector(): Promise<RunningProgram>;
	readyAgent(): Promise<RunningProgram>;
	api<Answer>(path: string): Promise<Answer>;
	metrics(): Promise<string>;
	agentMetrics(): Promise<string>;
	remove(): void;
};

export async function ownSite(pollIntervalSeconds = 1): Promise<OwnSite> {
	const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-site-"));
	const [pagePort = 0, ingestPort = 0, agentMetricsPort = 0] = await freePorts(3);
	const inFolder = (name: string) => path.join(folder, name);
	const places: DemoPlaces = {
		site: "west",
		collectorFolder: inFolder("collector"),
		agentFolder: inFolder("agent"),
		tokenFile: inFolder("token"),
		passwordFile: inFolder("password"),
		pagePort,
		ingestPort,
		agentMetricsPort,
		pollIntervalSeconds,
	};
	mkdirSync(folder, { recursive: true });
	writeFileSync(places.tokenFile, `${"0123456789abcdef".repeat(4)}\n`, { mode: PRIVATE });
	writeFileSync(places.passwordFile, "root\n", { mode: PRIVATE });
	const [collectorFile, agentFile] = [inFolder("collector.yaml"), inFolder("agent.yaml")];
	const write = (file: string, values: unknown, changes: Changes) =>
		writeFileSync(file, configText("Written by a test.", { ...(values as Changes), ...changes }));
	const url = `http://127.0.0.1:${pagePort}`;
	const collector = () => fleetwatt(["collector", "--config", collectorFile]);
	const agent = () => fleetwatt(["agent", "--config", agentFile]);
	return {
		folder,
		places,
		collectorFile,
		agentFile,
		writeCollector: (changes = {}) => write(collectorFile, collectorConfiguration(places, TODAY), changes),
		writeAgent: (ranges, changes = {}) => write(agentFile, agentConfiguration(places, ranges), changes),
		collector,
		agent,
		readyCollector: () => started(collector(), "collector started"),
		readyAgent: () => started(agent(), "agent started"),
		api: async <Answer>(asked: string) => JSON.parse(await text(`${url}/api/v1${asked}`)) as Answer,
		metrics: () => text(`${url}/metrics`),
		agentMetrics: () => text(`http://127.0.0.1:${agentMetricsPort}/metrics`),
		remove: () => rmSync(folder, { recursive: true, force: true }),
	};
}

async function started(program: RunningProgram, words: string): Promise<RunningProgram> {
	await until(words, { seconds: START_SECONDS }, () => {
		if (!program.isRunning) throw new Error(`It ended: ${program.err}`);
		return program.out.includes(words);
	});
	return program;
}

async function text(url: string): Promise<string> {
	const response = await fetch(url, { signal: AbortSignal.timeout(ASK_SECONDS * 1_000) });
	if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
	return await response.text();
}

/** Antminers of one model on high ports. */
export function startAntminers(miners: number): Promise<Simulator> {
	const place = { addressPlan: "high-ports", basePort: 0 } as const;
	return startSimulator({ miners, gpuHosts: 0, models: ["antminerS19jPro"], ...place });
}

/** Such Antminers as an agent's configuration lists them. */
export function antminerRanges({ devices }: Simulator): readonly unknown[] {
	return devices.map(({ ports: { cgminer = 0 } }) => ({
		addresses: `127.0.0.1:${cgminer}`,
		rack: "A1",
		driver: "antminer",
		ports: { cgminer },
	}));
}
