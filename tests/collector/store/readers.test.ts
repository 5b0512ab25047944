/** Two agents of one site name one machine: whose word its history is, beside every honest way in which that comes about. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Store } from "../../../collector/store/store.js";
import { realClock } from "../../../shared/clock.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { deviceAt, type ExampleOutcome, randomOf } from "../../shared/wire/examples.js";
import { arrive, deviceNamed, HOUR, MINUTE, NOON, rowsOf, SECOND } from "./example-store.js";

const STEP = 10 * SECOND;
const DAY = 24 * HOUR;
const HERE = deviceAt("10.0.0.1:4028", { serial: "S1", pollIntervalSeconds: 10 });
const THERE = deviceAt("10.9.9.9:4028", { serial: "S1", pollIntervalSeconds: 10 });
const NAMELESS = deviceAt("10.0.0.1:4028", { pollIntervalSeconds: 10 });
const RANGE = {
	from: quantity<UnixMilliseconds>(NOON - HOUR),
	to: quantity<UnixMilliseconds>(NOON + 5 * DAY),
};
const FAILURE = { code: "DEVICE_TIMEOUT" };
/** What an agent says of itself, whatever its devices do. */
const self = (agent: string) => deviceAt(agent, { kind: "agent", driver: "agent", pollIntervalSeconds: 10 });

let folder = "";
let store: Store;
let now = NOON;
const revoked = new Set<string>();
const sequences = new Map<string, number>();

async function open(): Promise<Store> {
	const clock = { ...realClock, now: () => quantity<UnixMilliseconds>(now) };
	const power = { hostOverheadRatio: 1.2, hostOverheadWatts: 0 };
	const isRevoked = (_site: string, agent: string) => revoked.has(agent);
	return await Store.open({ folder, clock, maxDevices: 100, power, isRevoked });
}

beforeEach(async () => {
	folder = mkdtempSync(path.join(tmpdir(), "readers-"));
	[now] = [NOON];
	revoked.clear();
	sequences.clear();
	store = await open();
});
afterEach(async () => {
	await store.close();
	rmSync(folder, { recursive: true, force: true });
});

async function restarted(): Promise<void> {
	await store.close();
	store = await open();
}

type Said = { readonly device?: typeof HERE; readonly watts?: number };

/** One record of an agent: what it says of itself, and of the machine where it says anything of it. */
async function say(agent: string, at: number, { device, watts }: Said = {}): Promise<void> {
	now = Math.max(now, at);
	const sequence = (sequences.get(agent) ?? 0) + 1;
	sequences.set(agent, sequence);
	const outcomes: ExampleOutcome[] = [{ device: self(agent), terahashesPerSecond: 0, watts: 0 }];
	if (device !== undefined)
		outcomes.push(watts === undefined ? { device, ...FAILURE } : { device, terahashesPerSecond: 100, watts });
	const epoch = agent.padEnd(32, "0");
	const [result] = await arrive(store, [{ agent, epoch, sequence, wall: at, receivedAt: now, outcomes }]);
	expect(result?.rejected).toBeUndefined();
}

/** From `from` to `to`, each ten seconds, by each of these agents. */
async function lasting(from: number, to: number, said: Readonly<Record<string, Said>>): Promise<void> {
	for (let at = from; at < to; at += STEP)
		for (const [index, [agent, what]] of Object.entries(said).entries()) await say(agent, at + index, what);
}

const machines = () =>
	[...store.devices().values()].filter(({ description }) => description.kind === "miner");
const wattsOf = async (key: string) =>
	(await rowsOf(store, deviceNamed(store, key).number, RANGE.from, RANGE.to)).flatMap(
		({ powerWatts }) => powerWatts ?? [],
	);
/** How often each device was read with which watts: 1,000 by hall-a, 2,000 by hall-b. */
async function told(): Promise<{ readonly S1?: string; readonly [key: string]: string | undefined }> {
	const found: { S1?: string; [key: string]: string | undefined } = {};
	for (const { key } of machines()) {
		const counts = new Map<number, number>();
		for (const watts of await wattsOf(key)) counts.set(watts, (counts.get(watts) ?? 0) + 1);
		found[key] = [...counts].map(([watts, count]) => `${count} × ${watts}`).join(", ");
	}
	return found;
}
const clashes = async () =>
	(await store.events({ ...RANGE, limit: 1_000 }))
		.filter(({ kind }) => kind === "identity-clash")
		.map(({ what }) => what);

const A = { device: HERE, watts: 1_000 };
const B = { device: HERE, watts: 2_000 };
const FAR_B = { device: THERE, watts: 2_000 };

describe("an agent that names a machine which another agent of its site reads", () => {
	it.each([
		["endpoint and serial", HERE],
		["the serial at an endpoint of its own", THERE],
		["the endpoint alone", NAMELESS],
	])("by %s has a device of its own: 60 readings of each, one clash told", async (_, device) => {
		await lasting(NOON, NOON + 10 * MINUTE, { "hall-a": A, "hall-b": { device, watts: 2_000 } });
		await store.watchNow();
		const found = await told();
		expect(found.S1).toBe("60 × 1000");
		expect(Object.values(found).sort()).toEqual(["60 × 1000", "60 × 2000"]);
		expect(await clashes()).toEqual(["S1 is read by hall-a; what hall-b says of it is kept apart."]);
		expect(deviceNamed(store, "S1").agent).toBe("hall-a");
	});

	it("cannot make it look down, or its agent's failures its own", async () => {
		await lasting(NOON, NOON + MINUTE, { "hall-a": A, "hall-b": { device: HERE } });
		expect(machines().map(({ key, isAnswering }) => [key, isAnswering])).toEqual([["S1", true]]);
		await lasting(NOON + MINUTE, NOON + 2 * MINUTE, { "hall-a": { device: HERE }, "hall-b": B });
		expect(deviceNamed(store, "S1")).toMatchObject({ isAnswering: false, agent: "hall-a" });
	});

	it("counts in no sum where it names the endpoint, and in all where another machine has a like serial", async () => {
		await lasting(NOON, NOON + 10 * MINUTE, { "hall-a": A, "hall-b": B, "hall-c": FAR_B });
		const end = quantity<UnixMilliseconds>(NOON + 10 * MINUTE);
		const rows = await store.fleetSums({ ...RANGE, to: end, tierSeconds: 300 });
		const joules = Array.from(rows, (row) => row.joules).reduce((sum, own) => sum + own, 0);
		expect(joules / (10 * 60)).toBeCloseTo(3_000, -2);
		expect(machines().map(({ key, isClaim }) => [key, isClaim])).toEqual([
			["S1", false],
			["austin-10.0.0.1:4028", true],
			["austin-10.9.9.9:4028", false],
		]);
	});

	it("has its own machine where private addresses are given twice and the serials differ", async () => {
		const other = deviceAt("10.0.0.1:4028", { serial: "S2", pollIntervalSeconds: 10 });
		await lasting(NOON, NOON + 2 * MINUTE, { "hall-a": A, "hall-b": { device: other, watts: 2_000 } });
		await lasting(NOON + 2 * MINUTE, NOON + 4 * MINUTE, { "hall-a": A, "hall-b": { device: other } });
		await store.watchNow();
		expect(await told()).toEqual({ S1: "24 × 1000", S2: "12 × 2000" });
		expect(machines().map(({ isAnswering, isClaim }) => [isAnswering, isClaim])).toEqual([
			[true, false],
			[false, false],
		]);
		expect(await clashes()).toEqual([]);
	});

	it("is the machine's agent again by its own name: what says the same under it is one history", async () => {
		await lasting(NOON, NOON + MINUTE, { "hall-a": A });
		await lasting(NOON + MINUTE, NOON + 2 * MINUTE, { "hall-a": B });
		expect(await told()).toEqual({ S1: "6 × 1000, 6 × 2000" });
	});
});

describe("a machine passes to another agent that reads it", () => {
	it("at once where its own was heard for ten minutes without a reading: it was carried to another hall", async () => {
		await lasting(NOON, NOON + MINUTE, { "hall-a": A });
		await lasting(NOON + MINUTE, NOON + 12 * MINUTE, { "hall-a": { device: HERE }, "hall-b": {} });
		await lasting(NOON + 12 * MINUTE, NOON + 14 * MINUTE, { "hall-a": { device: HERE }, "hall-b": FAR_B });
		expect(await told()).toEqual({ S1: "6 × 1000, 12 × 2000" });
		expect(deviceNamed(store, "S1")).toMatchObject({ agent: "hall-b", isAnswering: true });
		await store.watchNow();
		expect(await clashes()).toEqual([]);
		await restarted();
		expect(await told()).toEqual({ S1: "6 × 1000, 12 × 2000" });
	});

	it.each([
		["had its address changed within a minute", FAR_B],
		["is in a range that went to the other agent", B],
	])("after ten minutes where it %s, with what it said meanwhile", async (_, b) => {
		await lasting(NOON, NOON + MINUTE, { "hall-a": A, "hall-b": {} });
		await lasting(NOON + 2 * MINUTE, NOON + 15 * MINUTE, { "hall-a": {}, "hall-b": b });
		for (let look = 0; look < 3; look += 1) await store.watchNow();
		await lasting(NOON + 15 * MINUTE, NOON + 16 * MINUTE, { "hall-a": {}, "hall-b": b });
		expect(await told()).toEqual({ S1: `6 × 1000, ${6 * 14} × 2000` });
		await restarted();
		expect(await told()).toEqual({ S1: `6 × 1000, ${6 * 14} × 2000` });
		expect(deviceNamed(store, "S1")).toMatchObject({ agent: "hall-b", isClaim: false });
	});

	it("and looks down where that cannot reach it any more", async () => {
		await lasting(NOON, NOON + MINUTE, { "hall-a": A, "hall-b": B });
		await lasting(NOON + 2 * MINUTE, NOON + 15 * MINUTE, { "hall-a": {}, "hall-b": B });
		await lasting(NOON + 15 * MINUTE, NOON + 16 * MINUTE, { "hall-a": {}, "hall-b": { device: HERE } });
		expect(deviceNamed(store, "S1")).toMatchObject({ agent: "hall-b", isAnswering: false });
	});

	it("at once where its own was revoked: a computer set up anew under another name", async () => {
		await lasting(NOON, NOON + MINUTE, { "hall-a": A });
		revoked.add("hall-a");
		await lasting(NOON + MINUTE, NOON + 2 * MINUTE, { "hall-b": B });
		expect(await told()).toEqual({ S1: "6 × 1000, 6 × 2000" });
	});

	it("after a day of silence, with what was said in that day", async () => {
		await lasting(NOON, NOON + MINUTE, { "hall-a": A });
		for (let hours = 1; hours < 24; hours += 1) await say("hall-b", NOON + hours * HOUR, B);
		expect(machines()).toHaveLength(2);
		await say("hall-b", NOON + DAY + 2 * MINUTE, B);
		for (let look = 0; look < 3; look += 1) await store.watchNow();
		expect(await told()).toEqual({ S1: "6 × 1000, 24 × 2000" });
	});

	it("and back with the next reading of who read it first", async () => {
		await lasting(NOON, NOON + MINUTE, { "hall-a": A });
		await lasting(NOON + MINUTE, NOON + 12 * MINUTE, { "hall-a": { device: HERE } });
		await lasting(NOON + 12 * MINUTE, NOON + 13 * MINUTE, { "hall-a": { device: HERE }, "hall-b": FAR_B });
		await lasting(NOON + 13 * MINUTE, NOON + 14 * MINUTE, { "hall-a": A, "hall-b": FAR_B });
		expect(await told()).toMatchObject({ S1: "12 × 1000, 6 × 2000" });
		expect(deviceNamed(store, "S1").agent).toBe("hall-a");
		await store.watchNow();
		expect(await clashes()).toEqual(["S1 is read by hall-a; what hall-b says of it is kept apart."]);
	});
});

describe("a machine does not pass", () => {
	it("while its agent restarts, has no link for three hours, and comes back with what is new before its backlog", async () => {
		await lasting(NOON, NOON + MINUTE, { "hall-a": A });
		for (let minutes = 1; minutes < 180; minutes += 1) await say("hall-b", NOON + minutes * MINUTE, B);
		await say("hall-a", NOON + 180 * MINUTE);
		await say("hall-b", NOON + 180 * MINUTE + 1, B);
		await say("hall-a", NOON + 180 * MINUTE + 2, A);
		for (let minutes = 179; minutes >= 1; minutes -= 1)
			await say("hall-a", NOON + minutes * MINUTE + 30_000, A);
		expect(Object.values(await told()).sort()).toEqual(["180 × 2000", "186 × 1000"]);
		expect(deviceNamed(store, "S1").agent).toBe("hall-a");
	});

	it("to readings dated five minutes ahead", async () => {
		for (let at = NOON; at < NOON + 20 * MINUTE; at += STEP) {
			await say("hall-a", at, A);
			await say("hall-b", at + 5 * MINUTE - SECOND, B);
		}
		expect((await told()).S1).toBe("120 × 1000");
	});

	it.each(Array.from({ length: 6 }, (_, index) => index + 1))(
		"whatever two others say in whatever order, also over restarts and sealing: seed %d",
		async (seed) => {
			const random = randomOf(seed);
			const pick = <Value>(values: readonly Value[]) => values[Math.floor(random() * values.length)] as Value;
			const names = [HERE, NAMELESS, THERE];
			let others = 0;
			for (let step = 0; step < 40; step += 1) {
				await say("hall-a", NOON + step * STEP, { device: HERE, watts: 1_000 + step });
				const isReading = random() < 0.7;
				const said = isReading ? { device: pick(names), watts: 2_000 + step } : { device: pick(names) };
				await say(pick(["hall-b", "hall-c"]), NOON + Math.floor(random() * 40) * STEP + 1 + step, said);
				if (isReading) others += 1;
				if (random() < 0.05) await restarted();
				if (random() < 0.05) await store.seal({ all: true });
			}
			expect(await wattsOf("S1")).toEqual(Array.from({ length: 40 }, (_, step) => 1_000 + step));
			const apart = await Promise.all(machines().flatMap(({ key }) => (key === "S1" ? [] : [wattsOf(key)])));
			expect(apart.flat()).toHaveLength(others);
		},
	);
});
