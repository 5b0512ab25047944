/**
 * What a scrape of many series costs: our exposition beside prom-client's gauges of the same number.
 *
 * In each round every number of every device changes; then a reader in a process of its own scrapes each
 * server once over loopback. CPU is this process's alone. Ours is all of it: facts and sums of the fleet,
 * patching, sending; prom-client's is setting the gauges, writing and sending. A stall is the longest time
 * in which the event loop stood still, with what the machine's other work adds. Asserts nothing; figures
 * belong into notes, with this command:
 *
 *   node --expose-gc dist/tests/bench/scrape.js --devices 10000 --rounds 10
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Gauge, Registry } from "prom-client";
import { advance } from "../../collector/derive/energy.js";
import { effectiveRates } from "../../collector/derive/power.js";
import { startExpose } from "../../collector/expose/start.js";
import type { DeviceState } from "../../collector/store/device-state.js";
import { realClock } from "../../shared/clock.js";
import { type MonotonicMilliseconds, quantity } from "../../shared/units.js";
import {
	device,
	ms,
	NOW,
	plainStore,
	reading,
	STORED_INPUTS,
	storedInput,
	VIEW_OPTIONS,
} from "../collector/expose/fleet-fixture.js";

const SERIES_A_DEVICE = 12;
const POLL_MILLISECONDS = 10_000;
const LOOP_RESOLUTION_MILLISECONDS = 1;
/** Compiled code and widened slots come with the first rounds. */
const WARM_UP_ROUNDS = 3;
const NANOSECONDS_PER_MILLISECOND = 1e6;

export type ScrapeOptions = { readonly devices: number; readonly rounds: number };

type Cost = {
	/** Median over the rounds. */
	readonly cpuMilliseconds: number;
	/** By the clock, with what the machine's other work adds. */
	readonly stallMilliseconds: { readonly median: number; readonly longest: number };
	/** By processor time of the process between two looks a millisecond apart: what a stall is on an idle machine, at most. */
	readonly turnCpuMilliseconds: { readonly median: number; readonly longest: number };
	/** From request to last byte, median. */
	readonly wallMilliseconds: number;
};

export type ScrapeFigures = {
	readonly devices: number;
	readonly rounds: number;
	readonly node: string;
	/** As the reader counted. */
	readonly series: { readonly ours: number; readonly promClient: number };
	readonly bodyBytes: { readonly ours: number; readonly promClient: number };
	/** Every number changed since the scrape before. */
	readonly ours: Cost;
	/** Nothing changed: facts, sums and sending alone. */
	readonly oursUnchanged: Cost;
	/** The sums of the fleet without any series of single devices. */
	readonly fleetAlone: Cost;
	/** ours less oursUnchanged: writing every number. */
	readonly patchCpuMilliseconds: number;
	readonly promClient: Cost;
	/** promClient's CPU over ours. */
	readonly cpuRatio: number;
	/** The same with facts and sums of the fleet, which prom-client does not make, left out. */
	readonly cpuRatioOfSeries: number;
	/** What the exposition keeps: bytes outside the heap and in it, after garbage collection; absent without --expose-gc. */
	readonly keptBytesPerSeries?: number;
};

type Scraped = { readonly bytes: number; readonly series: number };
type Round = {
	readonly cpu: number;
	readonly stall: number;
	readonly turn: number;
	readonly wall: number;
	readonly scraped: Scraped;
};

export async function measureScrape({ devices, rounds }: ScrapeOptions): Promise<ScrapeFigures> {
	const fleet = movingFleet(devices);
	const reader = startReader();
	const gauges = await startPromClient(devices);
	const before = keptBytes();
	const full = await startOurs(fleet, "all");
	const sums = await startOurs(fleet, "none");
	const measured = {
		ours: [] as Round[],
		unchanged: [] as Round[],
		alone: [] as Round[],
		gauges: [] as Round[],
	};
	let kept = 0;
	for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
		fleet.poll();
		const ours = await measure(() => reader.scrape(full.port));
		if (round === -1) kept = keptBytes() - before;
		fleet.pass(2_000);
		const unchanged = await measure(() => reader.scrape(full.port));
		const alone = await measure(() => reader.scrape(sums.port));
		const others = await measure(() => {
			gauges.set(round);
			return reader.scrape(gauges.port);
		});
		if (round < 0) continue;
		measured.ours.push(ours);
		measured.unchanged.push(unchanged);
		measured.alone.push(alone);
		measured.gauges.push(others);
	}
	reader.stop();
	await Promise.all([full.close(), sums.close(), gauges.close()]);
	return figures({ devices, rounds, measured, kept });
}

function figures({
	devices,
	rounds,
	measured,
	kept,
}: ScrapeOptions & {
	readonly measured: Readonly<Record<"ours" | "unchanged" | "alone" | "gauges", readonly Round[]>>;
	readonly kept: number;
}): ScrapeFigures {
	const [ours, unchanged, alone, promClient] = [
		costOf(measured.ours),
		costOf(measured.unchanged),
		costOf(measured.alone),
		costOf(measured.gauges),
	];
	const [own, other] = [lastScraped(measured.ours), lastScraped(measured.gauges)];
	return {
		devices,
		rounds,
		node: process.version,
		series: { ours: own.series, promClient: other.series },
		bodyBytes: { ours: own.bytes, promClient: other.bytes },
		ours,
		oursUnchanged: unchanged,
		fleetAlone: alone,
		patchCpuMilliseconds: rounded(ours.cpuMilliseconds - unchanged.cpuMilliseconds),
		promClient,
		cpuRatio: rounded(promClient.cpuMilliseconds / ours.cpuMilliseconds),
		cpuRatioOfSeries: rounded(promClient.cpuMilliseconds / (ours.cpuMilliseconds - alone.cpuMilliseconds)),
		...(globalThis.gc === undefined ? {} : { keptBytesPerSeries: rounded(kept / own.series) }),
	};
}

async function measure(scrape: () => Promise<Scraped>): Promise<Round> {
	globalThis.gc?.();
	await sleep(50);
	const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MILLISECONDS });
	delay.enable();
	await sleep(5);
	delay.reset();
	const cpu = process.cpuUsage();
	const turns = watchTurns();
	const startedAt = performance.now();
	const scraped = await scrape();
	const wall = performance.now() - startedAt;
	const { user, system } = process.cpuUsage(cpu);
	const turn = turns.stop();
	// The loop's last turn is counted when its timer comes.
	await sleep(5);
	delay.disable();
	const stall = Math.max(0, delay.max / NANOSECONDS_PER_MILLISECOND - LOOP_RESOLUTION_MILLISECONDS);
	return { cpu: (user + system) / 1_000, stall, turn, wall, scraped };
}

function watchTurns() {
	let longest = 0;
	let last = process.cpuUsage();
	const look = () => {
		const spent = process.cpuUsage(last);
		last = process.cpuUsage();
		longest = Math.max(longest, (spent.user + spent.system) / 1_000);
	};
	const timer = setInterval(look, 1);
	return {
		stop() {
			look();
			clearInterval(timer);
			return longest;
		},
	};
}

function costOf(rounds: readonly Round[]): Cost {
	const stalls = rounds.map(({ stall }) => stall);
	const turns = rounds.map(({ turn }) => turn);
	return {
		cpuMilliseconds: rounded(median(rounds.map(({ cpu }) => cpu))),
		stallMilliseconds: { median: rounded(median(stalls)), longest: rounded(Math.max(...stalls)) },
		turnCpuMilliseconds: { median: rounded(median(turns)), longest: rounded(Math.max(...turns)) },
		wallMilliseconds: rounded(median(rounds.map(({ wall }) => wall))),
	};
}

function lastScraped(rounds: readonly Round[]): Scraped {
	return rounds.at(-1)?.scraped ?? { bytes: 0, series: 0 };
}

function median(values: readonly number[]): number {
	const sorted = [...values].sort((one, other) => one - other);
	return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function rounded(value: number): number {
	return Math.round(value * 100) / 100;
}

function keptBytes(): number {
	globalThis.gc?.();
	const { heapUsed, external } = process.memoryUsage();
	return heapUsed + external;
}

type MovingFleet = {
	readonly store: ReturnType<typeof plainStore>;
	readonly now: () => number;
	/** Time passes and every device has a new reading of other numbers. */
	poll(): void;
	pass(milliseconds: number): void;
};

/** Twelve series of each device, as its newest reading and five minutes of meter give them. */
function movingFleet(count: number): MovingFleet {
	let now = NOW;
	let polls = 0;
	const values = (index: number) => ({
		hashrateTerahashesPerSecond: 195 + ((index * 7 + polls * 13) % 1_000) / 100,
		powerWatts: 3_400 + ((index * 11 + polls * 17) % 2_000) / 10,
		operatingState: polls % 2,
	});
	const devices = Array.from({ length: count }, (_, index) =>
		device({
			key: `02:00:00:${hex(index >> 16)}:${hex(index >> 8)}:${hex(index)}`,
			description: { rack: `R${Math.floor(index / 50)}`, position: `${1 + (index % 50)}` },
			values: values(index),
		}),
	);
	const store = plainStore({
		devices,
		inputs: STORED_INPUTS.map(({ name, value }) => storedInput(name, value)),
	});
	return {
		store,
		now: () => now,
		pass: (milliseconds) => {
			now += milliseconds;
		},
		poll() {
			now += POLL_MILLISECONDS;
			polls += 1;
			devices.forEach((state, index) => {
				const latest = reading(now - 100, values(index));
				(state as { latest?: DeviceState["latest"] }).latest = latest;
				const rates = effectiveRates({ description: state.description, latest }, VIEW_OPTIONS.power);
				advance(state.meter, latest.at, rates, state.description.pollIntervalSeconds);
			});
		},
	};
}

function hex(byte: number): string {
	return (byte & 0xff).toString(16).padStart(2, "0");
}

async function startOurs(fleet: MovingFleet, perDevice: "all" | "none") {
	const expose = await startExpose({
		store: fleet.store,
		view: VIEW_OPTIONS,
		// Time that passed in the fleet has passed for sharing a rendering too.
		clock: {
			...realClock,
			now: () => ms(fleet.now()),
			monotonic: () => quantity<MonotonicMilliseconds>(realClock.monotonic() + fleet.now() - NOW),
		},
		listen: { address: "127.0.0.1", port: 0 },
		perDevice,
		log: () => undefined,
	});
	return { port: expose.address.port, close: () => expose.close() };
}

async function startPromClient(devices: number) {
	const registry = new Registry();
	const gauges = Array.from(
		{ length: SERIES_A_DEVICE },
		(_, index) =>
			new Gauge({
				name: `fleetwatt_device_gauge_${index}`,
				help: "A gauge of a device.",
				labelNames: ["site", "rack", "device", "model"],
				registers: [registry],
			}),
	);
	const labels = Array.from({ length: devices }, (_, index) => ({
		site: "west",
		rack: `R${Math.floor(index / 50)}`,
		device: `02:00:00:${hex(index >> 16)}:${hex(index >> 8)}:${hex(index)}`,
		model: "Antminer S21",
	}));
	const server = createServer((_, response) => {
		void registry.metrics().then((text) => {
			response.writeHead(200, { "content-type": registry.contentType });
			response.end(text);
		});
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		port: (server.address() as AddressInfo).port,
		set(round: number) {
			gauges.forEach((gauge, family) => {
				for (const [index, own] of labels.entries())
					gauge.set(own, 3_400 + ((index * 11 + round * 17 + family) % 2_000) / 10);
			});
		},
		close: () => new Promise<void>((resolve) => server.close(() => resolve())),
	};
}

const READER = `
import { createInterface } from "node:readline";
for await (const port of createInterface({ input: process.stdin })) {
	const text = await (await fetch("http://127.0.0.1:" + port + "/metrics", { headers: { connection: "close" } })).text();
	const series = text.split("\\n").filter((line) => /^fleetwatt_device_/.test(line)).length;
	process.stdout.write(JSON.stringify({ bytes: Buffer.byteLength(text), series }) + "\\n");
}`;

/** Reads in a process of its own, so that its work is not counted. */
function startReader() {
	const child: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", READER], {
		stdio: ["pipe", "pipe", "inherit"],
	});
	return {
		async scrape(port: number): Promise<Scraped> {
			child.stdin?.write(`${port}\n`);
			let line = "";
			while (!line.endsWith("\n")) {
				const [chunk] = (await once(child.stdout ?? child, "data")) as [Buffer];
				line += chunk.toString();
			}
			return JSON.parse(line) as Scraped;
		},
		stop: () => void child.stdin?.end(),
	};
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const { values: words } = parseArgs({
		options: {
			devices: { type: "string", default: "10000" },
			rounds: { type: "string", default: "10" },
		},
	});
	const measured = await measureScrape({ devices: Number(words.devices), rounds: Number(words.rounds) });
	process.stdout.write(`${JSON.stringify(measured, undefined, "\t")}\n`);
}
