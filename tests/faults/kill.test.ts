/** SIGKILL at random moments to either side: what the agent's disk had is in the store, once, as it was made. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execPath } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { deviceNamed, openStore, rowsOf, until } from "../collector/store/example-store.js";
import { randomOf } from "../shared/wire/examples.js";
import { expectConserved, outboxState } from "./conservation.js";
import { DEVICES, STREAM_START, valuesOf } from "./stream.js";

const PROGRAM = fileURLToPath(new URL("../../dist/tests/faults/delivery-process.js", import.meta.url));
const COLLECTOR_KILLS = Number(process.env["FLEETWATT_COLLECTOR_KILLS"] ?? 10);
const AGENT_KILLS = Number(process.env["FLEETWATT_AGENT_KILLS"] ?? 10);
const KILLS = COLLECTOR_KILLS + AGENT_KILLS;
/** So many that the stream goes on until the last kill. */
const RECORDS = 600 * KILLS;
const SEED = Number(process.env["FLEETWATT_SEED"] ?? 11);

type Side = { readonly process: ChildProcess; readonly said: string[] };
const running = new Set<Side>();
const folder = mkdtempSync(path.join(tmpdir(), "kill-"));
afterEach(async () => {
	for (const side of running) await kill(side);
	rmSync(folder, { recursive: true, force: true });
});

function start(...words: string[]): Side {
	const child = spawn(execPath, [PROGRAM, ...words], { stdio: ["ignore", "pipe", "inherit"] });
	const said: string[] = [];
	let rest = "";
	child.stdout.on("data", (data: Buffer) => {
		const lines = (rest + data.toString()).split("\n");
		rest = lines.pop() ?? "";
		said.push(...lines);
	});
	const side = { process: child, said };
	running.add(side);
	return side;
}

async function kill(side: Side): Promise<void> {
	running.delete(side);
	if (side.process.exitCode !== null || side.process.signalCode !== null) return;
	const ended = once(side.process, "exit");
	side.process.kill("SIGKILL");
	await ended;
}

async function word({ said }: Side, name: string): Promise<string> {
	const line = await until(
		() => said.find((one) => one.startsWith(name)),
		(one) => one !== undefined,
		20,
	);
	return line?.slice(name.length + 1) ?? "";
}

function newestDurable(sides: readonly Side[]): number {
	const lines = sides.flatMap(({ said }) => said.filter((one) => one.startsWith("durable ")));
	return Math.max(0, ...lines.map((one) => Number(one.slice(8))));
}

describe(`${COLLECTOR_KILLS} kills of the collector, then ${AGENT_KILLS} of the agent, while ${RECORDS} records are made, seed ${SEED}`, () => {
	it(
		"lose nothing that was on disk, store nothing twice, and need no hand",
		async () => {
			const random = randomOf(SEED);
			const [outboxFolder, storeFolder] = [path.join(folder, "agent"), path.join(folder, "collector")];
			let collector = start("collector", storeFolder, "0");
			const port = await word(collector, "listening");
			let agent = start("agent", outboxFolder, port, String(RECORDS));
			const agents = [agent];
			const collectors = [collector];
			const epoch = await word(agent, "epoch");
			for (let round = 0; round < COLLECTOR_KILLS; round += 1) {
				await sleep(random() * 500);
				await kill(collector);
				collector = start("collector", storeFolder, port);
				collectors.push(collector);
				await word(collector, "listening");
			}
			const afterCollector = newestDurable(agents);
			for (let round = 0; round < AGENT_KILLS; round += 1) {
				await sleep(random() * 400);
				await kill(agent);
				agent = start("agent", outboxFolder, port, String(RECORDS));
				agents.push(agent);
				expect(await word(agent, "epoch")).toBe(epoch);
			}
			// The kills came in mid-stream, or this proves nothing.
			expect(newestDurable(agents)).toBeGreaterThan(afterCollector);
			expect(afterCollector).toBeGreaterThan(100);
			await until(() => agent.said.includes("drained"), Boolean, 40 + KILLS);
			await kill(collector);
			await kill(agent);
			const complaints = [...agents, ...collectors].flatMap(({ said }) =>
				said.filter((one) => /^(rejected|refused|disk)/.test(one)),
			);
			expect(complaints).toEqual([]);
			await expectWhole(storeFolder, outboxFolder, epoch);
		},
		80_000 + KILLS * 4_000,
	);
});

async function expectWhole(storeFolder: string, outboxFolder: string, epoch: string): Promise<void> {
	const outbox = outboxState(outboxFolder);
	const { head, records, epoch: found } = outbox;
	expect({ head, records, found }).toEqual({ head: RECORDS, records: 0, found: epoch });
	const store = await openStore(storeFolder);
	expectConserved(store, outbox);
	expect(store.tallyOf("agent-1", epoch)?.stored).toBe(RECORDS * DEVICES.length);
	expect(store.settledOf("agent-1", epoch)).toEqual({ base: RECORDS, ranges: [] });
	for (const [index] of DEVICES.entries()) {
		const device = deviceNamed(store, `S${index}`);
		const rows = await rowsOf(store, device.number, STREAM_START, STREAM_START + 86_400_000);
		expect(rows.length).toBe(RECORDS);
		for (const [place, row] of rows.entries()) {
			const { terahashesPerSecond, watts } = valuesOf(epoch, place + 1, index);
			expect(row).toEqual({
				at: STREAM_START + (place + 1) * 1_000,
				hashrateTerahashesPerSecond: terahashesPerSecond,
				powerWatts: watts,
				pollResult: 0,
			});
		}
		// Each record moved the counters once, though it may have come more often.
		expect(device.pollsByResult).toEqual({ ok: RECORDS });
	}
	await store.close();
}
