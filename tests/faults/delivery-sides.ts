/**
 * The two sides of delivery as programs (delivery-process.ts), to be hurt: starts them, hears what they say, and looks
 * at the end whether what the agent's disk had is in the store, once, as it was made.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import process, { execPath } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { deviceNamed, openStore, rowsOf, until } from "../collector/store/example-store.js";
import { expectConserved, outboxState } from "./conservation.js";
import { DEVICES, STREAM_START, valuesOf } from "./stream.js";

const PROGRAM = fileURLToPath(new URL("../../dist/tests/faults/delivery-process.js", import.meta.url));
/** What starts a program; others go before it to hurt it. */
const NODE: readonly string[] = [execPath];
const STREAM_MILLISECONDS = 1_500;

const running = new Set<ChildProcess>();
export function killAll(): void {
	for (const child of running) killGroup(child);
}

function killGroup({ pid }: ChildProcess): void {
	if (pid !== undefined) process.kill(-pid, "SIGKILL");
}

/** One run of a side: loaded when it is made, so that the next begins as soon as this one is killed. */
export class Life {
	readonly said: string[] = [];
	private readonly child: ChildProcess;

	constructor(words: readonly string[], starter = NODE) {
		const [command = "", ...more] = starter;
		const child = spawn(command, [...more, PROGRAM, ...words], {
			stdio: ["pipe", "pipe", "inherit"],
			// With what goes before it, which must not outlive it.
			detached: true,
		});
		let rest = "";
		child.stdout.on("data", (data: Buffer) => {
			const lines = (rest + data.toString()).split("\n");
			rest = lines.pop() ?? "";
			this.said.push(...lines);
		});
		child.once("exit", () => running.delete(child));
		running.add(child);
		this.child = child;
	}

	tell(word: "go" | "stop"): void {
		this.child.stdin?.write(`${word}\n`);
	}

	async kill(): Promise<void> {
		const { child } = this;
		if (child.exitCode !== null) throw new Error(`It ended by itself with exit code ${child.exitCode}.`);
		const ended = once(child, "close");
		killGroup(child);
		await ended;
	}

	/** It kills itself. */
	async killed(): Promise<void> {
		await until(
			() => this.child.signalCode,
			(signal) => signal === "SIGKILL",
			30,
		);
	}

	/** What follows the word in the last line that begins with it; empty where none does. */
	last(word: string): string {
		return this.said.findLast((line) => line.startsWith(word))?.slice(word.length + 1) ?? "";
	}

	heard(word: string): readonly string[] {
		return this.said.filter((line) => line.startsWith(word));
	}
}

export async function freePort(folder: string): Promise<string> {
	const probe = new Life(["collector", folder, "0"]);
	probe.tell("go");
	await until(() => probe.last("listening"), Boolean);
	await probe.kill();
	return probe.last("listening");
}

export type Hurt = {
	/** What starts each side, in place of node alone. */
	readonly collector?: readonly string[];
	readonly agent?: readonly string[];
	readonly makes?: number;
	/** The collector begins once so many are made: they wait as a backlog. */
	readonly isCollectorLate?: boolean;
	/** For what is left once nothing more is made. */
	readonly drainSeconds?: number;
};

/** A stream through both sides, to its end; gives what each said of its disk. */
export async function streamedIn(
	folder: string,
	{
		collector: hurtCollector,
		agent: hurtAgent,
		makes = 300,
		isCollectorLate = false,
		drainSeconds = 60,
	}: Hurt,
) {
	const [outboxFolder, storeFolder] = [path.join(folder, "agent"), path.join(folder, "collector")];
	const port = await freePort(path.join(folder, "probe"));
	const collector = new Life(["collector", storeFolder, port], hurtCollector);
	const agent = new Life(["agent", outboxFolder, port], hurtAgent);
	if (!isCollectorLate) collector.tell("go");
	agent.tell("go");
	await until(() => Number(agent.last("durable")) >= makes, Boolean, 60);
	collector.tell("go");
	await sleep(STREAM_MILLISECONDS);
	agent.tell("stop");
	await until(() => agent.last("drained"), Boolean, drainSeconds);
	await collector.kill();
	expect([...agent.heard("rejected"), ...collector.heard("rejected")]).toEqual([]);
	const records = Number(agent.last("drained"));
	await expectWhole({ storeFolder, outboxFolder, epoch: agent.last("epoch"), records });
	return { collector: collector.heard("disk"), agent: agent.heard("refused"), records };
}

export async function expectWhole(made: {
	storeFolder: string;
	outboxFolder: string;
	epoch: string;
	records: number;
}): Promise<void> {
	const { epoch, records } = made;
	const outbox = outboxState(made.outboxFolder);
	expect(outbox).toMatchObject({ head: records, records: 0, epoch });
	const store = await openStore(made.storeFolder);
	expectConserved(store, outbox);
	expect(store.tallyOf("agent-1", epoch)?.stored).toBe(records * DEVICES.length);
	expect(store.settledOf("agent-1", epoch)).toEqual({ base: records, ranges: [] });
	for (const [index] of DEVICES.entries()) {
		const device = deviceNamed(store, `S${index}`);
		const rows = await rowsOf(store, device.number, STREAM_START, STREAM_START + (records + 1) * 1_000);
		expect(rows.length).toBe(records);
		const wrong = rows.findIndex((row, place) => {
			const { terahashesPerSecond, watts } = valuesOf(epoch, place + 1, index);
			return (
				row.at !== STREAM_START + (place + 1) * 1_000 ||
				row["hashrateTerahashesPerSecond"] !== terahashesPerSecond ||
				row["powerWatts"] !== watts ||
				row["pollResult"] !== 0
			);
		});
		expect({ wrong, row: rows[wrong] }).toEqual({ wrong: -1, row: undefined });
		// Each record moved the counters once, though it may have come more often.
		expect(device.pollsByResult).toEqual({ ok: records });
	}
	await store.close();
}
