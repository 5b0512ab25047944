/**
 * The real programs, halted for seconds as by a sleeping computer or a host that is short of everything, and without a
 * file handle to spare: they end nothing, make nothing up, and go on by themselves.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DevicesAnswer, FleetAnswer, SeriesAnswer } from "../../collector/expose/answers.js";
import { antminerRanges, type OwnSite, ownSite, startAntminers } from "../peers/own-site.js";
import { type RunningProgram, stopAll, until } from "../peers/running-program.js";
import { samplesOf, sampleValue } from "../peers/samples.js";
import type { Simulator } from "../simulator/simulator.js";

const MINERS = 3;
/** Shorter than the 35 s of silence after which a side gives the other up. */
const HALT_MILLISECONDS = 8_000;
const PLENTY = 4_096;
const canLimit = spawnSync("prlimit", ["--version"]).status === 0;

let simulator: Simulator;
let site: OwnSite;
let collector: RunningProgram;
let agent: RunningProgram;

const inSeconds = { seconds: 30 };
const upNow = async () => (await site.api<FleetAnswer>("/fleet")).total.devices.up;
const minersUp = (count: number) =>
	until(`${count} miners are up`, inSeconds, async () => (await upNow()) === count);

async function ofAgent(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
	return sampleValue(samplesOf(await site.agentMetrics()), `fleetwatt_agent_${name}`, labels) ?? 0;
}

/** What is made is on its way for a moment: looked at until nothing is. */
const nothingLost = () =>
	until("nothing is unaccounted for", inSeconds, async () => {
		const name = "fleetwatt_agent_outcomes_unaccounted";
		const told = samplesOf(await site.metrics()).filter((one) => one.name === name);
		return told.length === 1 && told[0]?.value === 0 && (await ofAgent("outcomes_unaccounted")) === 0;
	});

/** Of each miner, in order. */
async function readingTimes(from: number): Promise<readonly (readonly number[])[]> {
	const { devices } = await site.api<DevicesAnswer>("/devices");
	const miners = devices.filter(({ kind }) => kind === "miner");
	return await Promise.all(
		miners.map(async ({ device }) => {
			const asked = `device=${encodeURIComponent(device)}&measurement=hashrateTerahashesPerSecond&from=${from}&to=${Date.now()}`;
			const { series } = await site.api<SeriesAnswer>(`/series?${asked}`);
			return series[0]?.times ?? [];
		}),
	);
}

async function halted(program: RunningProgram): Promise<void> {
	program.signal("SIGSTOP");
	await sleep(HALT_MILLISECONDS);
	program.signal("SIGCONT");
}

beforeAll(async () => {
	simulator = await startAntminers(MINERS);
	site = await ownSite(1);
	site.writeCollector();
	site.writeAgent(antminerRanges(simulator));
	collector = await site.readyCollector();
	agent = await site.readyAgent();
	await minersUp(MINERS);
}, 60_000);
afterAll(async () => {
	await stopAll();
	await simulator.stop();
	site.remove();
}, 60_000);

describe("halted for 8 s", { timeout: 60_000 }, () => {
	it("a collector keeps its agents, and has all they read meanwhile", async () => {
		const from = Date.now();
		const connections = await ofAgent("uplink_connections_total");
		await halted(collector);
		const to = Date.now();
		await until("what was read meanwhile is stored", inSeconds, async () =>
			(await readingTimes(from)).every((times) => (times.at(-1) ?? 0) > to),
		);
		for (const times of await readingTimes(from)) {
			const longest = Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? at)));
			expect(longest).toBeLessThan(HALT_MILLISECONDS / 2);
		}
		expect(await ofAgent("uplink_connections_total")).toBe(connections);
		await nothingLost();
	});

	it("an agent makes up no reading of the time, counts what it missed, and does not make up for it in a burst", async () => {
		const from = Date.now();
		const missed = await ofAgent("polls_overrun_total");
		await halted(agent);
		const to = Date.now();
		await until("it reads again", inSeconds, async () =>
			(await readingTimes(from)).every((times) => (times.at(-1) ?? 0) > to + 2_000),
		);
		for (const times of await readingTimes(from)) {
			expect(times.filter((at) => at > from + 1_000 && at < to - 100)).toEqual([]);
			const after = times.filter((at) => at >= to - 100 && at < to + 2_000);
			expect(after.length).toBeLessThanOrEqual(4);
			expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
		}
		expect(await ofAgent("polls_overrun_total")).toBeGreaterThanOrEqual(missed + MINERS * 5);
		await nothingLost();
	});
});

function limitFiles({ pid }: RunningProgram, most: number): void {
	execFileSync("prlimit", ["--pid", String(pid), `--nofile=${most}:${PLENTY}`]);
}

/** None is left, for a socket or a file, but for those that are open at this moment and closed the next. */
function limitToWhatIsOpen(program: RunningProgram): void {
	const open = new Set(readdirSync(`/proc/${program.pid}/fd`).map(Number));
	let free = 0;
	while (open.has(free)) free += 1;
	limitFiles(program, free);
}

describe.skipIf(!canLimit)(
	`without a file handle to spare${canLimit ? "" : ": NOT TESTED, since prlimit is missing"}`,
	{ timeout: 60_000 },
	() => {
		it("an agent's polls fail under their name, and it polls again when there are some", async () => {
			await until("no miner is up", inSeconds, async () => {
				limitToWhatIsOpen(agent);
				return (await upNow()) === 0;
			});
			limitFiles(agent, PLENTY);
			await minersUp(MINERS);
			expect(agent.isRunning).toBe(true);
			expect(await ofAgent("polls_failed_total", { code: "DEVICE_UNREACHABLE" })).toBeGreaterThan(0);
			await nothingLost();
		});

		it("a collector keeps its agents and what they send, and answers again when there are some", async () => {
			const from = Date.now();
			limitToWhatIsOpen(collector);
			await sleep(3_000);
			limitFiles(collector, PLENTY);
			await until("it answers", inSeconds, async () => (await readingTimes(from)).length === MINERS);
			expect(collector.isRunning).toBe(true);
			await minersUp(MINERS);
			await nothingLost();
		});
	},
);
