/**
 * What an agent costs beside its devices: 1,000 at five seconds, as many polls as it can make beside a blocking
 * poller in C, and 5,000 at ten seconds of which one in a hundred hangs. Devices are asked one thing a poll, as the
 * poller in C does; the mixed site of `site.js` asks more of some families and stands in notes beside these.
 *
 * The figures are of the whole agent: polls, decoding, outbox on the disk, uplink to a real collector.
 */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
	type AgentCounts,
	type AgentUnderTest,
	type AgentWish,
	FLEET_PORT,
	startAgent,
	startFleet,
} from "../agent-under-test.js";
import { type CollectorUnderTest, startCollector } from "../collector-under-test.js";
import type { Context } from "../context.js";
import { type Figure, figure, type Pair } from "../figure.js";
import { compiled } from "../native-programs.js";
import { peakResidentMegabytes, runSeconds } from "../processes.js";

/** All facts have been asked once, interfaces that are missing rest, and the code is compiled: V8 takes two minutes. */
const WARM_UP_SECONDS = 120;
const PACED: AgentWish = { devices: 1_000, pollIntervalSeconds: 5 };
/** More than one core can poll in a second, and so few that each has been polled often before it is measured. */
const SATURATED: AgentWish = { devices: 4_000, pollIntervalSeconds: 1 };
const SATURATED_SECONDS = 10;
const MANY: AgentWish = { devices: 5_000, pollIntervalSeconds: 10 };
const HUNG_PERCENT = 1;
const ANCHOR_POLLS = 20_000;
const ANCHOR_DEVICES = 1_000;
const ANCHOR_NAME = "C poller";

export async function measureAgent(context: Context): Promise<readonly Figure[]> {
	const folder = context.folder();
	const poller = compiled("blocking-poller", folder);
	const collector = await startCollector(path.join(folder, "collector"));
	const figures: Figure[] = [];
	try {
		const fleet = await startFleet(folder);
		if (context.isAsked("agent")) figures.push(...(await paced(context, collector)));
		if (context.isAsked("agent-saturated")) figures.push(await saturated(context, collector, poller));
		await fleet.stop();
		if (context.isAsked("agent-hung")) figures.push(...(await hung(context, collector, folder)));
	} finally {
		await collector.kill();
	}
	return figures;
}

type Watched = {
	readonly seconds: number;
	readonly cpuSeconds: number;
	readonly peakMegabytes: number;
	readonly before: AgentCounts;
	readonly after: AgentCounts;
};

async function watched(agent: AgentUnderTest, seconds: number): Promise<Watched> {
	const { pid } = agent.running;
	const before = await agent.counts();
	const cpuBefore = runSeconds(pid);
	const startedAt = performance.now();
	await sleep(seconds * 1_000);
	return {
		seconds: (performance.now() - startedAt) / 1_000,
		cpuSeconds: runSeconds(pid) - cpuBefore,
		peakMegabytes: peakResidentMegabytes(pid),
		before,
		after: await agent.counts(),
	};
}

async function withAgent<Result>(
	context: Context,
	wish: AgentWish,
	collector: CollectorUnderTest,
	run: (agent: AgentUnderTest) => Promise<Result>,
): Promise<Result> {
	const agent = await startAgent(context.folder(), wish, collector);
	try {
		await sleep(WARM_UP_SECONDS * 1_000);
		return await run(agent);
	} finally {
		await agent.running.stop();
	}
}

async function paced(context: Context, collector: CollectorUnderTest): Promise<readonly Figure[]> {
	const rounds: Watched[] = [];
	await withAgent(context, PACED, collector, async (agent) => {
		for (let round = 0; round < context.rounds; round += 1) {
			context.say(`agent, 1,000 devices at 5 s, round ${round + 1}`);
			rounds.push(await watched(agent, context.pacedSeconds));
		}
	});
	const of = (measure: (round: Watched) => number): readonly Pair[] =>
		rounds.map((round) => ({ ours: measure(round) }));
	return [
		figure({
			name: "agent, 1,000 devices at 5 s",
			unit: "% of a core",
			rounds: of(({ cpuSeconds, seconds }) => (100 * cpuSeconds) / seconds),
			target: { goal: 5, floor: 10, of: "ours", better: "less" },
			note: rounds.map(said).at(-1) ?? "",
		}),
		figure({
			name: "agent, resident memory at its peak",
			unit: "MB",
			rounds: of(({ peakMegabytes }) => peakMegabytes),
			target: { goal: 80, floor: 100, of: "ours", better: "less" },
		}),
		figure({
			name: "agent, a poll's time, p99",
			unit: "ms",
			rounds: of((round) => 1_000 * durationQuantile(round, 0.99)),
			target: { goal: 10, floor: 10, of: "ours", better: "less" },
		}),
	];
}

async function saturated(context: Context, collector: CollectorUnderTest, poller: string): Promise<Figure> {
	const rounds = await withAgent(context, SATURATED, collector, async (agent) => {
		const pairs: Pair[] = [];
		for (let round = 0; round < context.rounds; round += 1) {
			context.say(`agent, saturated, round ${round + 1}`);
			const { cpuSeconds, before, after } = await watched(agent, SATURATED_SECONDS);
			agent.running.signal("SIGSTOP");
			pairs.push({ ours: (1e6 * cpuSeconds) / (after.ok - before.ok), anchor: anchored(poller) });
			agent.running.signal("SIGCONT");
			await sleep(1_000);
		}
		return pairs;
	});
	return figure({
		name: "agent, saturated",
		unit: "CPU µs/poll",
		rounds,
		anchorName: ANCHOR_NAME,
		target: { goal: 2.2, floor: 2.5, of: "ours / anchor", better: "less" },
		note: "ours decodes, stores and sends; the anchor throws away",
	});
}

function anchored(poller: string): number {
	const words = [FLEET_PORT, ANCHOR_POLLS, ANCHOR_DEVICES].map(String);
	return Number(execFileSync(poller, words, { encoding: "utf8" }));
}

async function hung(
	context: Context,
	collector: CollectorUnderTest,
	folder: string,
): Promise<readonly Figure[]> {
	const fleet = await startFleet(folder, HUNG_PERCENT);
	const found = await withAgent(context, MANY, collector, (agent) =>
		watched(agent, Math.max(context.pacedSeconds, 2 * MANY.pollIntervalSeconds)),
	);
	await fleet.stop();
	const { cpuSeconds, seconds, before, after, peakMegabytes } = found;
	const note = said(found);
	const few = { goal: 0, floor: 0, of: "ours", better: "less" } as const;
	return [
		figure({
			name: "agent, 5,000 devices at 10 s, 1 % hung: late or left out",
			unit: "polls",
			rounds: [{ ours: after.late - before.late + after.overruns - before.overruns }],
			target: few,
			note,
		}),
		figure({
			name: "agent, 5,000 devices at 10 s, 1 % hung",
			unit: "% of a core",
			rounds: [{ ours: (100 * cpuSeconds) / seconds }],
			note: `${peakMegabytes.toFixed(0)} MB at its peak`,
		}),
	];
}

function said({ before, after, seconds }: Watched): string {
	const count = (name: "due" | "ok" | "failed") => after[name] - before[name];
	return `${count("due")} polls due in ${seconds.toFixed(0)} s, ${count("ok")} read, ${count("failed")} failed`;
}

/** Within its bucket, spread evenly. */
function durationQuantile({ before, after }: Watched, share: number): number {
	const counts = after.durations.map(
		([upTo, count], index) => [upTo, count - (before.durations[index]?.[1] ?? 0)] as const,
	);
	const wanted = share * (counts.at(-1)?.[1] ?? Number.NaN);
	let least = 0;
	let below = 0;
	for (const [upTo, count] of counts) {
		if (count >= wanted) return least + ((upTo - least) * (wanted - below)) / (count - below);
		least = upTo;
		below = count;
	}
	return Number.NaN;
}
