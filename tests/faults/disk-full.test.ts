/** The disk of the collector's store is full: nothing more is acknowledged, all can be read, and it goes on by itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { isHeard } from "../../collector/store/device-state.js";
import type { Store } from "../../collector/store/store.js";
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import { exposed } from "../collector/expose/exposed-store.js";
import { ExampleLine } from "../collector/ingest/example-line.js";
import { arrive, deviceNamed, NOON, openStore, rowsOf, until } from "../collector/store/example-store.js";
import { deviceAt, randomOf } from "../shared/wire/examples.js";
import { expectConserved } from "./conservation.js";
import { mountSmallDisk, type SmallDisk } from "./small-disk.js";

const MEBIBYTE = 1_024 * 1_024;
const DEVICES = Array.from({ length: 200 }, (_, index) =>
	deviceAt(`10.0.0.${index}:80`, { serial: `S${index}` }),
);
const NO_DISK = "A full disk needs root and tmpfs: not tested here.";
const RECORDS = 60;

let disk: SmallDisk | undefined;
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
	disk?.empty();
	disk?.unmount();
	disk = undefined;
	for (const end of ends.splice(0).reverse()) await end();
});

function outcomes(number: number) {
	const random = randomOf(number);
	return DEVICES.map((device) => ({
		device,
		terahashesPerSecond: Math.round(random() * 1e8) / 1e6,
		watts: Math.round(random() * 5e6) / 1e3,
	}));
}

function expectedRows(device: number, count: number) {
	return Array.from({ length: count }, (_, place) => {
		const { terahashesPerSecond, watts } = outcomes(place + 1)[device] ?? {
			terahashesPerSecond: 0,
			watts: 0,
		};
		return {
			at: NOON + (place + 1) * 1_000,
			hashrateTerahashesPerSecond: terahashesPerSecond,
			pollResult: 0,
			powerWatts: watts,
		};
	});
}

async function expectAll(store: Store, count: number): Promise<void> {
	for (const device of [0, 7, 8, 100, 199]) {
		const { number } = deviceNamed(store, `S${device}`);
		expect(await rowsOf(store, number)).toEqual(expectedRows(device, count));
	}
}

async function shown(store: Store) {
	const expose = await exposed(store, { perDevice: "none" });
	ends.push(() => expose.close());
	const url = `http://127.0.0.1:${expose.address.port}`;
	return {
		ready: async () => {
			const answer = await fetch(`${url}/-/ready`);
			return { status: answer.status, text: await answer.text() };
		},
		blocked: async () =>
			/^fleetwatt_store_write_blocked (\d)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1],
	};
}

describe("a collector whose disk is full", { timeout: 60_000 }, () => {
	it("acknowledges nothing more, answers all reads, says so, and goes on by itself within 10 s of space", async ({
		skip,
	}) => {
		const line = new ExampleLine();
		ends.push(() => line.end());
		disk = mountSmallDisk(path.join(line.folder, "collector"), 16 * MEBIBYTE);
		if (disk === undefined) skip(NO_DISK);
		const { store } = await line.collector();
		const agent = await line.agent();
		const { ready, blocked } = await shown(store);
		const say = (number: number) => agent.say(NOON + number * 1_000, outcomes(number));
		for (let number = 1; number <= RECORDS; number += 1) say(number);
		await line.drained(agent, RECORDS);
		expect([await ready(), await blocked()]).toMatchObject([{ status: 200 }, "0"]);

		disk?.fill(0);
		let said = RECORDS;
		await until(
			() => {
				if (agent.outbox.state.records < 200) {
					said += 1;
					say(said);
				}
				return store.statistics().isWriteBlocked;
			},
			Boolean,
			20,
		);
		const { base } = store.settledOf("agent-1", agent.outbox.state.epoch);
		expect(base).toBeLessThan(said);
		await until(
			() => agent.outbox.state,
			({ head }) => head === said,
		);
		expect(await ready()).toEqual({
			status: 503,
			text: "not ready\nThe disk refuses writes; nothing is acknowledged.\n",
		});
		await vi.waitFor(async () => expect(await blocked()).toBe("1"), { timeout: 5_000 });
		await expectAll(store, base);
		// Nothing was told to be stored that is not.
		expect(agent.outbox.state.tail).toBeLessThanOrEqual(base + 1);
		expect(agent.outbox.state.records).toBeGreaterThanOrEqual(said - base);

		disk?.empty();
		await line.drained(agent, said, 10);
		expect(await ready()).toMatchObject({ status: 200 });
		await vi.waitFor(async () => expect(await blocked()).toBe("0"), { timeout: 5_000 });
		await expectAll(store, said);
		expectConserved(store, agent.outbox.state);
		expect(store.statistics().duplicatesIgnored).toBe(0);
	});

	it("takes no agent for silent while the disk refuses, and the one that says nothing 15 s after there is space", async ({
		skip,
	}) => {
		const folder = mkdtempSync(path.join(tmpdir(), "small-"));
		ends.push(async () => rmSync(folder, { recursive: true, force: true }));
		disk = mountSmallDisk(folder, 16 * MEBIBYTE);
		if (disk === undefined) skip(NO_DISK);
		let now = NOON;
		const store = await openStore(folder, { now: () => now });
		ends.push(() => store.close());
		for (const agent of ["agent-1", "agent-2"])
			store.setAgent({
				...{ agent, site: "austin", isConnected: true, gapOutcomes: 0, gapsByReason: {} },
				since: quantity<UnixMilliseconds>(NOON),
			});
		let sequence = 0;
		const say = async (agent: string) => {
			sequence += 1;
			await arrive(store, [{ sequence, wall: now, agent, site: "austin", outcomes: outcomes(sequence) }]);
		};
		const heard = async () => {
			await store.watchNow().catch(() => undefined);
			return [...store.agents().values()].map((agent) => isHeard(agent));
		};
		for (const agent of ["agent-1", "agent-2"]) await say(agent);
		disk?.fill(0);
		for (; now < NOON + 60_000; now += 500) {
			await say("agent-1").catch(() => undefined);
			if (store.statistics().isWriteBlocked) expect(await heard()).toEqual([true, true]);
		}
		expect(store.statistics().isWriteBlocked).toBe(true);
		disk?.empty();
		for (; now < NOON + 74_000; now += 500) await say("agent-1");
		expect(await heard()).toEqual([true, true]);
		for (; now < NOON + 76_000; now += 500) await say("agent-1");
		expect(await heard()).toEqual([true, false]);
		const { from, to } = { from: quantity<UnixMilliseconds>(NOON), to: quantity<UnixMilliseconds>(now) };
		const events = await store.events({ from, to, kinds: ["agent-silent"], limit: 100 });
		expect(events).toMatchObject([{ agent: "agent-2" }]);
	});

	it.for([0, 96 * 1_024, 400 * 1_024])(
		"in the middle of sealing, with %d bytes left, loses nothing, and seals all when there is space",
		async (bytesLeft, { skip }) => {
			const folder = mkdtempSync(path.join(tmpdir(), "small-"));
			ends.push(async () => rmSync(folder, { recursive: true, force: true }));
			disk = mountSmallDisk(folder, 24 * MEBIBYTE);
			if (disk === undefined) skip(NO_DISK);
			let store = await openStore(folder);
			ends.push(() => store.close());
			for (let number = 1; number <= RECORDS; number += 1)
				await arrive(store, [{ sequence: number, wall: NOON + number * 1_000, outcomes: outcomes(number) }]);
			disk?.fill(bytesLeft);
			await expect(store.seal({ all: true })).rejects.toMatchObject({ code: "SQLITE_FULL" });
			await expectAll(store, RECORDS);
			await store.close();
			// It starts on a full disk, too.
			store = await openStore(folder);
			await expectAll(store, RECORDS);
			disk?.empty();
			expect((await store.seal({ all: true })).chunks).toBeGreaterThan(0);
			await store.merge();
			expect(store.statistics().inboxRecords).toBe(0);
			await expectAll(store, RECORDS);
			expect(deviceNamed(store, "S0").pollsByResult).toEqual({ ok: RECORDS });
		},
	);
});
