/**
 * Agents that could not reach their collector for hours: `FOLDER URL TOKENFILE AGENTS DEVICES HOURS`. Each fills its
 * outbox with polls of so many devices every 30 s and says so; at the line "go" they connect, poll on, and once the
 * backlog is settled it prints how long that took and how late the live records were. Ends at the line "end".
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Outbox } from "../../agent/outbox/outbox.js";
import { realClock } from "../../shared/clock.js";
import { isSettled, type Settled } from "../../shared/wire/sequences.js";
import { encodePolls, SHAPE_DEFINED } from "../bench/agent-client.js";
import { defined, deviceDefinition, Workload } from "../bench/workload.js";
import { BOOT, type OutboxWithUplink, outboxWithUplink } from "../faults/outbox-uplink.js";

const [folder = "", url = "", tokenFile = "", ...counts] = process.argv.slice(2);
const [agents = 0, devices = 0, hours = 0] = counts.map(Number);
const STEP_SECONDS = 30;
const WAITING_BYTES_MOST = 4e6;
const startedAt = Date.now();
const token = readFileSync(tokenFile, "utf8").trim();
const words = createInterface({ input: process.stdin });
const told = async (word: string) => {
	for (;;) if (String(await once(words, "line")) === word) return;
};

class OutageAgent {
	readonly name: string;
	readonly outbox: Outbox;
	private readonly workload: Workload;
	/** From when it was made until it was settled, of each live record, ms. */
	readonly lags: number[] = [];
	private readonly live = new Map<number, number>();
	private settledUpTo = 0;
	private readonly link: OutboxWithUplink;
	private readonly polled: readonly { readonly number: number; readonly hash: string }[];
	private readonly definitions: readonly { readonly hash: string; readonly text: string }[];

	private constructor(name: string, link: OutboxWithUplink, workload: Workload) {
		this.name = name;
		this.link = link;
		this.outbox = link.outbox;
		this.workload = workload;
		const all = Array.from({ length: workload.devices }, (_, index) => firstDevice(name) + index);
		const described = all.map((number) => defined(deviceDefinition(number, STEP_SECONDS)));
		this.definitions = [SHAPE_DEFINED, ...described];
		this.polled = described.map(({ hash }, number) => ({ number, hash }));
	}

	static async open(number: number): Promise<OutageAgent> {
		const name = `agent-${number}`;
		const firstAt = startedAt - hours * 3_600_000;
		const workload = new Workload({
			devices: devices / agents,
			firstAt,
			stepSeconds: STEP_SECONDS,
			seed: number,
		});
		const link = await outboxWithUplink({
			folder,
			url,
			agent: name,
			token,
			onSettled: (settled) => self?.settled(settled),
		});
		const self: OutageAgent | undefined = new OutageAgent(name, link, workload);
		return self;
	}

	async fill(): Promise<void> {
		for (let step = 0; step < (hours * 3_600) / STEP_SECONDS; step += 1) {
			this.poll(step === 0 ? this.definitions : []);
			while (this.outbox.bytesWaiting > WAITING_BYTES_MOST) await sleep(1);
			if (step % 16 === 0) await sleep(0);
		}
		while (this.outbox.bytesWaiting > 0) await sleep(5);
	}

	connect(): void {
		this.link.connect();
		this.workload.skipTo(Date.now());
	}

	private settled(settled: Settled): void {
		this.settledUpTo = settled.base;
		const now = performance.now();
		for (const [sequence, at] of this.live) {
			if (!isSettled(settled, sequence)) continue;
			this.lags.push(now - at);
			this.live.delete(sequence);
		}
	}

	sayLive(): void {
		this.live.set(this.outbox.state.head + 1, performance.now());
		this.poll([]);
	}

	isBackfilled(head: number): boolean {
		return this.settledUpTo >= head;
	}

	get liveWaiting(): number {
		return this.live.size;
	}

	private poll(definitions: OutageAgent["definitions"]): void {
		const { bytes, time } = encodePolls(this.workload, this.polled, BOOT);
		this.outbox.append({ bytes, outcomes: this.polled.length, time }, definitions);
	}
}

function firstDevice(name: string): number {
	return (Number(name.slice("agent-".length)) * devices) / agents;
}

const all: OutageAgent[] = [];
for (let number = 0; number < agents; number += 1) {
	const agent = await OutageAgent.open(number);
	await agent.fill();
	all.push(agent);
}
const heads = all.map(({ outbox }) => outbox.state.head);
const sum = (read: (agent: OutageAgent) => number) => all.reduce((total, agent) => total + read(agent), 0);
const bytes = sum(({ outbox }) => outbox.state.bytes);
process.stdout.write(
	`made ${JSON.stringify({ bytes, outcomes: sum(({ outbox }) => outbox.state.made ?? 0) })}\n`,
);
await told("go");

const from = performance.now();
for (const agent of all) agent.connect();
let turn = 0;
const polling = realClock.every((STEP_SECONDS * 1_000) / agents, () => {
	all[turn % agents]?.sayLive();
	turn += 1;
});
while (!all.every((agent, index) => agent.isBackfilled(heads[index] ?? 0))) await sleep(50);
const seconds = (performance.now() - from) / 1_000;
polling();
while (sum(({ liveWaiting }) => liveWaiting) > 0) await sleep(50);
const lags = all.flatMap((agent) => agent.lags).sort((a, b) => a - b);
const liveMilliseconds = {
	count: lags.length,
	p50: lags[lags.length >> 1] ?? 0,
	p99: lags[Math.floor(lags.length * 0.99)] ?? 0,
	most: lags.at(-1) ?? 0,
};
const made = sum(({ outbox }) => outbox.state.made ?? 0);
process.stdout.write(`backfilled ${JSON.stringify({ seconds, liveMilliseconds, made })}\n`);
await told("end");
process.exit(0);
