/**
 * `fleetwatt demo`: a whole site on one computer. Starts the simulator, a collector and an agent as the
 * processes they are in real use, with configurations that it writes; says where to look; stops all of
 * them. With addresses of real devices it starts no simulator.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { configText } from "../../../shared/config/write.js";
import { EXIT, StartProblem } from "../../../shared/exit.js";
import { parseJson } from "../../../shared/json.js";
import { Child, type ChildEnd } from "./child.js";
import {
	agentConfiguration,
	collectorConfiguration,
	type DemoDevice,
	type DemoPlaces,
	realRanges,
	simulatedRanges,
} from "./configurations.js";

export type DemoOptions = {
	/** dist/, where the compiled programs lie. */
	readonly programFolder: string;
	readonly dataFolder: string;
	readonly miners: number;
	readonly gpuHosts: number;
	/** Addresses of real devices; the simulator stays out then. */
	readonly devices?: readonly string[];
	readonly port: number;
	readonly ingestPort: number;
	readonly agentPort: number;
	readonly pollIntervalSeconds: number;
	readonly addressPlan: string;
	readonly basePort: number;
	readonly controlPort?: number;
	/** Lets things go wrong by script. */
	readonly faults: boolean;
	/** A meter at the feeder of the simulated site. */
	readonly meter: boolean;
	/** Adds this computer as a GPU host, read through a program that answers as nvidia-smi does. */
	readonly localGpus: boolean;
};

const USER = "root";
const PASSWORD = "root";
const READY_MILLISECONDS = 60_000;
const ASK_EVERY_MILLISECONDS = 200;
const READY_LINE_LIMITS = { bytes: 16 * 1_024 * 1_024, depth: 8, keys: 1_000_000 };
const WATTS_A_SIMULATED_MINER = 3_600;
const WATTS_A_SIMULATED_GPU_HOST = 7_500;
const PRIVATE = 0o600;
const IMPATIENT_SIGNALS = 3;

/** Runs until Ctrl-C. @throws StartProblem where a part cannot start */
export async function runDemo(options: DemoOptions): Promise<void> {
	const children: Child[] = [];
	let signals = 0;
	const stopped = new Promise<"stopped">((resolve) => {
		for (const signal of ["SIGINT", "SIGTERM"] as const) {
			process.on(signal, () => {
				signals += 1;
				// One who presses Ctrl-C again and again will not wait: nothing is left behind all the same.
				if (signals >= IMPATIENT_SIGNALS) process.exit(EXIT.ok);
				resolve("stopped");
			});
		}
	});
	let tellEnd: (end: ChildEnd) => void = () => undefined;
	const partHasEnded = new Promise<ChildEnd>((resolve) => {
		tellEnd = resolve;
	});
	process.once("exit", () => {
		for (const child of children) child.kill();
	});
	const start = (name: string, argv: readonly string[]): Child => {
		const child = new Child(name, argv, path.join(options.dataFolder, `${name}.log`));
		children.push(child);
		void child.ended.then(tellEnd);
		return child;
	};
	try {
		await mkdir(options.dataFolder, { recursive: true }).catch((error: unknown) => {
			throw new StartProblem(EXIT.input, [`${options.dataFolder} cannot be made: ${String(error)}`]);
		});
		const outcome = await Promise.race([startAll(options, start), stopped, partHasEnded]);
		if (outcome === "started") process.stdout.write(welcome(options));
		const end = outcome === "started" ? await Promise.race([stopped, partHasEnded]) : outcome;
		if (end !== "stopped") throw partEnded(end);
		process.stdout.write("\nStopping …\n");
	} finally {
		for (const child of [...children].reverse()) await child.stop();
	}
	process.stdout.write("Stopped. The data stays; the next start goes on from it.\n");
}

async function startAll(
	options: DemoOptions,
	start: (name: string, argv: readonly string[]) => Child,
): Promise<"started"> {
	const places = await prepare(options);
	const program = path.join(options.programFolder, "cli.js");
	const collectorFile = path.join(options.dataFolder, "collector.yaml");
	const agentFile = path.join(options.dataFolder, "agent.yaml");
	const today = new Date().toISOString().slice(0, 10);
	const isSimulated = options.devices === undefined;
	const contracted = options.miners * WATTS_A_SIMULATED_MINER + options.gpuHosts * WATTS_A_SIMULATED_GPU_HOST;
	const devices = options.devices === undefined ? await simulated(options, start) : [];
	const meters = devices.filter(({ kind }) => kind === "meter").map(({ endpoint }) => endpoint);
	await writeFile(
		collectorFile,
		configText(
			"Written by the demo at each start.",
			collectorConfiguration(
				places,
				today,
				isSimulated ? { contractedWatts: contracted, meters } : undefined,
			),
		),
	);
	const collector = start("collector", [
		program,
		"collector",
		"--config",
		collectorFile,
		"--end-with-stdin",
		...(isSimulated ? ["--demo"] : []),
	]);
	const ranges =
		options.devices === undefined ? simulatedRanges(devices, places, USER) : realRanges(options.devices);
	await writeFile(
		agentFile,
		configText("Written by the demo at each start.", agentConfiguration(places, ranges)),
	);
	await isReady(collector);
	start("agent", [program, "agent", "--config", agentFile, "--end-with-stdin"]);
	return "started";
}

async function simulated(
	options: DemoOptions,
	start: (name: string, argv: readonly string[]) => Child,
): Promise<readonly DemoDevice[]> {
	const optionsFile = path.join(options.dataFolder, "simulator.json");
	const { miners, gpuHosts, addressPlan, basePort, controlPort } = options;
	const wanted = {
		miners,
		gpuHosts,
		addressPlan,
		basePort,
		meter: options.meter,
		credentials: { user: USER, password: PASSWORD },
		...(options.faults ? { faultScript: "demo" } : {}),
		...(controlPort === undefined ? {} : { controlPort }),
	};
	await writeFile(optionsFile, JSON.stringify(wanted));
	const simulator = start("simulator", [
		path.join(options.programFolder, "tests/simulator/main.js"),
		optionsFile,
		"--end-with-stdin",
	]);
	const line = await Promise.race([
		simulator.firstLine(),
		simulator.ended.then((end) => Promise.reject(partEnded(end))),
	]);
	const parsed = parseJson(line, READY_LINE_LIMITS);
	if (!parsed.ok) throw new StartProblem(EXIT.input, [`The simulator said: ${line.slice(0, 500)}`]);
	const ready = parsed.value as unknown as { devices: readonly DemoDevice[]; addressPlan: string };
	if (ready.addressPlan === "high-ports") {
		process.stdout.write(
			`Ports below 1024 or addresses 127.0.x.y cannot be had here: the devices listen on 127.0.0.1 from port ${basePort} up.\n`,
		);
	}
	return ready.devices;
}

async function prepare(options: DemoOptions): Promise<DemoPlaces> {
	const inFolder = (name: string) => path.resolve(options.dataFolder, name);
	const tokenFile = inFolder("token");
	const passwordFile = inFolder("device-password");
	if (!existsSync(tokenFile))
		await writeFile(tokenFile, `${randomBytes(32).toString("hex")}\n`, { mode: PRIVATE });
	await writeFile(passwordFile, `${PASSWORD}\n`, { mode: PRIVATE });
	await chmod(passwordFile, PRIVATE);
	const kind = options.devices === undefined ? "" : "-devices";
	return {
		site: options.devices === undefined ? "demo" : "my-site",
		collectorFolder: inFolder(`collector${kind}`),
		agentFolder: inFolder(`agent${kind}`),
		tokenFile,
		passwordFile,
		pagePort: options.port,
		ingestPort: options.ingestPort,
		agentMetricsPort: options.agentPort,
		pollIntervalSeconds: options.pollIntervalSeconds,
		...(options.localGpus
			? { nvidiaSmi: path.resolve(options.programFolder, "../tests/simulator/fake-nvidia-smi.mjs") }
			: {}),
	};
}

/** By its own word: on its port another program may answer. */
async function isReady(collector: Child): Promise<void> {
	let hasEnded = false;
	void collector.ended.then(() => {
		hasEnded = true;
	});
	for (let waited = 0; waited < READY_MILLISECONDS && !hasEnded; waited += ASK_EVERY_MILLISECONDS) {
		if (collector.hasSaid('"collector started"')) return;
		await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MILLISECONDS));
	}
	throw hasEnded
		? partEnded(await collector.ended)
		: new StartProblem(EXIT.input, [
				`The collector is not ready after ${READY_MILLISECONDS / 1_000} s; see its log in the data folder.`,
			]);
}

function partEnded({ name, code, lastWords }: ChildEnd): StartProblem {
	const words = lastWords === "" ? "It said nothing." : lastWords;
	return new StartProblem(code === null || code === 0 ? EXIT.input : code, [
		`The ${name} ended with code ${code}:\n${words}`,
	]);
}

function welcome({ devices, miners, gpuHosts, port, dataFolder }: DemoOptions): string {
	const what =
		devices === undefined
			? `A simulated site of ${miners} miners and ${gpuHosts} GPU hosts is running; their prices are examples.`
			: `${devices.length} devices are asked every few seconds; the prices are examples, yours belong into ${dataFolder}/collector.yaml's market section.`;
	return [
		"",
		what,
		"",
		`  Page     http://127.0.0.1:${port}/`,
		`  API      http://127.0.0.1:${port}/api/v1/fleet`,
		`  Metrics  http://127.0.0.1:${port}/metrics`,
		"",
		`Data and logs are in ${dataFolder}. Ctrl-C stops everything.`,
		"",
	].join("\n");
}
