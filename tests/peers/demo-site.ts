/**
 * The demonstration as an operator starts it: `fleetwatt demo` with ports and a folder of its own, what
 * it answers, and the faults its simulated devices can be given. Stops all of it, whatever happened.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { DeviceSummary, DevicesAnswer, FleetAnswer } from "../../collector/expose/answers.js";
import { fleetwatt, freePorts, type RunningProgram, type RunWish, until } from "./running-program.js";

const START_SECONDS = 60;
const ASK_SECONDS = 10;
/** Each simulated device takes one to three. */
const PORTS_A_DEVICE = 3;

export type DemoWish = RunWish & {
	readonly miners: number;
	readonly gpuHosts: number;
	/** At the feeder; it is no machine, and stands in no sum. */
	readonly hasMeter?: true;
	/** Further words of the command line. */
	readonly options?: readonly string[];
	/** Words before ours, to start it as another user; the whole command line follows. */
	readonly as?: (argv: readonly string[]) => RunningProgram;
	readonly dataFolder?: string;
};

/** A simulated device, as the simulator itself tells of it. */
export type ControlledDevice = {
	readonly index: number;
	readonly endpoint: string;
	readonly kind: string;
	readonly model: string;
	readonly faults: readonly string[];
};

export type DemoSite = {
	readonly program: RunningProgram;
	readonly folder: string;
	/** "http://127.0.0.1:PORT" of page, API and /metrics. */
	readonly url: string;
	/** "127.0.0.1:PORT" for a scraper. */
	readonly address: string;
	readonly agentAddress: string;
	readonly devices: number;
	api<Answer>(path: string): Promise<Answer>;
	metrics(): Promise<string>;
	controlled(): Promise<readonly ControlledDevice[]>;
	fault(index: number, fault: string): Promise<void>;
	clear(index: number): Promise<void>;
	/** Waits until all devices answer. */
	allUp(seconds: number): Promise<readonly DeviceSummary[]>;
	/** To the agent's process, as kill does. */
	signalAgent(signal: NodeJS.Signals): void;
	stop(): Promise<number | NodeJS.Signals>;
};

export async function startDemo(wish: DemoWish): Promise<DemoSite> {
	const { miners, gpuHosts, options = [] } = wish;
	const folder = wish.dataFolder ?? mkdtempSync(path.join(tmpdir(), "fleetwatt-demo-"));
	const ports = await freePorts(5 + (miners + gpuHosts) * PORTS_A_DEVICE);
	const [page = 0, ingest = 0, agentPort = 0, control = 0, base = 0] = ports;
	const argv = [
		"demo",
		...["--miners", String(miners), "--gpu-hosts", String(gpuHosts), "--data", folder],
		...["--port", String(page), "--ingest-port", String(ingest), "--agent-port", String(agentPort)],
		...["--control-port", String(control), "--base-port", String(base), ...options],
		...(wish.hasMeter === true ? [] : ["--no-meter"]),
	];
	const program = wish.as === undefined ? fleetwatt(argv, wish) : wish.as(argv);
	const url = `http://127.0.0.1:${page}`;
	const controlUrl = `http://127.0.0.1:${control}/devices`;
	const site: DemoSite = {
		program,
		folder,
		url,
		address: `127.0.0.1:${page}`,
		agentAddress: `127.0.0.1:${agentPort}`,
		devices: miners + gpuHosts,
		api: (asked) => json(`${url}/api/v1${asked}`),
		metrics: async () => await (await answered(`${url}/metrics`)).text(),
		controlled: async () => {
			const { devices } = await json<{ readonly devices: readonly ControlledDevice[] }>(controlUrl);
			return devices;
		},
		fault: async (index, fault) => {
			await answered(`${controlUrl}/${index}/fault`, { method: "POST", body: JSON.stringify({ fault }) });
		},
		clear: async (index) => {
			await answered(`${controlUrl}/${index}/fault`, { method: "DELETE" });
		},
		allUp: (seconds) =>
			until(`${miners + gpuHosts} devices are up`, { seconds }, async () => {
				const { total } = await site.api<FleetAnswer>("/fleet");
				const { up } = total.devices;
				if (up !== miners + gpuHosts) throw new Error(`${up} are up.`);
				const { devices } = await site.api<DevicesAnswer>("/devices");
				return devices.filter(({ kind }) => kind !== "agent");
			}),
		signalAgent: (signal) => process.kill(agentOf(program.pid), signal),
		stop: () => stopDemo(program, wish.dataFolder === undefined ? folder : undefined),
	};
	try {
		await until("the demo says where to look", { seconds: START_SECONDS }, () => {
			if (!program.isRunning) throw new Error(`It ended: ${program.err}`);
			return program.out.includes("Ctrl-C stops everything.");
		});
		return site;
	} catch (error) {
		await site.stop();
		throw error;
	}
}

async function answered(url: string, init: RequestInit = {}): Promise<Response> {
	const response = await fetch(url, { ...init, signal: AbortSignal.timeout(ASK_SECONDS * 1_000) });
	if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
	return response;
}

async function json<Answer>(url: string): Promise<Answer> {
	return (await (await answered(url)).json()) as Answer;
}

type Process = { readonly pid: number; readonly parent: number; readonly words: string };

function processes(): readonly Process[] {
	const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" });
	return stdout.split("\n").flatMap((line) => {
		const [, pid, parent, words = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
		return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), words }];
	});
}

/** The demo's own processes, also where a shell or another program stands between. */
function descendants(pid: number): readonly Process[] {
	const all = processes();
	const found: Process[] = [];
	let parents = new Set([pid]);
	while (parents.size > 0) {
		const children = all.filter(({ parent }) => parents.has(parent));
		found.push(...children);
		parents = new Set(children.map((child) => child.pid));
	}
	return found;
}

function agentOf(demo: number): number {
	const agent = descendants(demo).find(({ words }) => words.includes("cli.js agent "));
	if (agent === undefined) throw new Error("The demo has no agent process.");
	return agent.pid;
}

/** A part that a test stopped is let run again first; what SIGTERM did not end is killed. */
async function stopDemo(
	program: RunningProgram,
	temporary: string | undefined,
): Promise<number | NodeJS.Signals> {
	const parts = descendants(program.pid);
	for (const { pid } of parts) killed(pid, "SIGCONT");
	const end = await program.stop();
	for (const { pid } of parts) killed(pid, "SIGKILL");
	if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
	return end;
}

function killed(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(pid, signal);
	} catch {
		// It has ended already.
	}
}
