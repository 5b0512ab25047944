/**
 * A machine whose control board was swapped, and that was joined to its history: beside one that never was, in whatever
 * state the store is, over a restart and a crash.
 */
import { copyFileSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, describe, expect, it } from "vitest";
import { Store } from "../../../collector/store/store.js";
import { realClock } from "../../../shared/clock.js";
import { type MonotonicMilliseconds, quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { deviceAt, type ExampleOutcome } from "../../shared/wire/examples.js";
import { type Arrival, arrive, deviceNamed, HOUR, MINUTE, NOON, rowsOf, SECOND } from "./example-store.js";

const DAY = 24 * HOUR;
const STEP = 5 * MINUTE;
const START = NOON - 36 * HOUR;
/** Twenty minutes past an hour the board dies; it is swapped forty minutes later. */
const DIED = NOON - 14 * HOUR + 20 * MINUTE;
const SWAPPED = DIED + 40 * MINUTE;
const END = NOON + 20 * MINUTE;
const OLD = deviceAt("10.0.0.1", { serial: "A", rack: "r1", pollIntervalSeconds: 300 });
const NEW = deviceAt("10.0.0.1", { serial: "B", rack: "r1", pollIntervalSeconds: 300 });
/** Of a day's file they share no row with the first. */
const OTHERS = Array.from({ length: 16 }, (_, index) =>
	deviceAt(`10.0.1.${index}`, { serial: `X${index}`, rack: "r2", pollIntervalSeconds: 300 }),
);

let monotonic = 0;
let now = END;
const opened: { readonly store: Store; readonly folder: string }[] = [];
afterEach(async () => {
	for (const { store, folder } of opened.splice(0)) {
		await store.close();
		rmSync(folder, { recursive: true, force: true });
	}
});

async function open(folder = mkdtempSync(path.join(tmpdir(), "join-"))) {
	const clock = {
		...realClock,
		now: () => quantity<UnixMilliseconds>(now),
		monotonic: () => quantity<MonotonicMilliseconds>(monotonic),
	};
	const power = { hostOverheadRatio: 1.2, hostOverheadWatts: 0 };
	const store = await Store.open({ folder, clock, maxDevices: 100, power, timeZone: "UTC" });
	opened.push({ store, folder });
	return { store, folder };
}

async function restarted({ store, folder }: { store: Store; folder: string }) {
	await store.close();
	opened.splice(0, opened.length, ...opened.filter((one) => one.store !== store));
	return await open(folder);
}

/** A reading each five minutes, none between the board's death and its successor's first. */
function life(board: typeof NEW, others: number): readonly Arrival[] {
	const arrivals: Arrival[] = [];
	for (let at = START; at < END; at += STEP) {
		const isDead = at >= DIED && at < SWAPPED;
		const values = { terahashesPerSecond: 100 + ((at / STEP) % 7), watts: 3_000 + ((at / STEP) % 13) };
		const device = at < SWAPPED ? OLD : board;
		const own: ExampleOutcome = isDead ? { device, code: "DEVICE_TIMEOUT" } : { device, ...values };
		const also = OTHERS.slice(0, others).map((other): ExampleOutcome => ({ device: other, ...values }));
		arrivals.push({ sequence: arrivals.length + 1, wall: at, outcomes: [own, ...also] });
	}
	return arrivals;
}

async function look(store: Store) {
	for (let times = 0; times < 3; times += 1) {
		await store.watchNow();
		monotonic += 10 * SECOND;
	}
}

/** All that a store says of a device and of the fleet. */
async function told(store: Store, key: string) {
	const { number, latest, meter, firstSeenAt, pollsByResult } = deviceNamed(store, key);
	const from = quantity<UnixMilliseconds>(START - DAY);
	const to = quantity<UnixMilliseconds>(NOON + DAY);
	const steps: unknown[] = [];
	for (const stepSeconds of [300, 3_600, 86_400])
		for await (const { columns, times, values, tierSeconds } of store.selectSteps({
			deviceNumber: number,
			...{ from, to, stepSeconds },
		}))
			steps.push({ names: columns.map(({ measurement }) => measurement), times, values, tierSeconds });
	const sums = await store.intervalSums({ from, to, deviceNumbers: [number] });
	const events = await store.events({ from, to, device: key, order: "oldest", limit: 100 });
	return {
		rows: await rowsOf(store, number, from, to),
		steps,
		sums: sums.map(({ deviceNumber: _, ...own }) => own),
		fleet: new Set(
			Array.from(await store.fleetSums({ from, to, tierSeconds: 3_600, by: "rack" }), (row) => ({ ...row })),
		),
		events: events.map(({ at, kind, what }) => [(at - NOON) / MINUTE, kind, what]),
		now: [latest?.at, latest?.values, firstSeenAt, pollsByResult],
		joules: Math.round(meter.joulesTotal),
	};
}

const seals = async (store: Store) => {
	await store.seal();
	await store.merge();
	await store.retention.closeTiers();
};

describe("a device that replaces another", () => {
	it.each([
		["in one row of a day's file, nothing sealed", 0, async () => undefined],
		["in another row, all closed hours sealed and the days rolled up", 16, seals],
		["in another row, the running hour in parts", 16, (store: Store) => store.seal({ all: true })],
	])(
		"has one history, as if it had never been swapped: %s",
		async (_, others, before) => {
			const [never, swapped] = [await open(), await open()];
			await arrive(never.store, life(OLD, others));
			await arrive(swapped.store, life(NEW, others));
			for (const { store } of [never, swapped]) {
				await look(store);
				await before(store);
			}
			const wish = { kept: "A", gone: "B", isDryRun: false };
			expect(swapped.store.devices().has("B")).toBe(true);
			expect(await swapped.store.joinDevices({ ...wish, isDryRun: true })).toBeUndefined();
			expect(swapped.store.devices().has("B")).toBe(true);
			expect(await swapped.store.joinDevices(wish)).toBeUndefined();
			expect([...swapped.store.devices().keys()]).not.toContain("B");
			expect(deviceNamed(swapped.store, "A").description.serial).toBe("B");
			await look(swapped.store);
			const expected = await told(never.store, "A");
			expect(expected.rows.length).toBe((END - START) / STEP);
			expect(expected.events).toEqual([
				[(DIED - NOON) / MINUTE, "down", expect.stringContaining("A does not answer")],
				[(SWAPPED - NOON) / MINUTE, "up", "A answers again."],
			]);
			expect(await told(swapped.store, "A")).toEqual(expected);

			for (const { store } of [never, swapped]) await seals(store);
			const again = await restarted(swapped);
			expect(await told(again.store, "A")).toEqual(await told(never.store, "A"));

			// What the new board says from now on, and what comes late of both, is the machine's.
			const [at, late] = [END + MINUTE, SWAPPED + 30 * SECOND];
			now = END + 2 * MINUTE;
			const more = (board: typeof NEW): readonly Arrival[] => [
				{ sequence: 10_001, wall: at, outcomes: [{ device: board, terahashesPerSecond: 90, watts: 2_900 }] },
				{
					sequence: 10_002,
					wall: late,
					outcomes: [{ device: board, terahashesPerSecond: 90, watts: 2_900 }],
				},
				{
					sequence: 10_003,
					wall: START + 10 * SECOND,
					outcomes: [{ device: OLD, terahashesPerSecond: 90, watts: 2_900 }],
				},
			];
			await arrive(never.store, more(OLD));
			await arrive(again.store, more(NEW));
			for (const store of [never.store, again.store]) {
				await look(store);
				await store.seal({ all: true });
				await seals(store);
			}
			expect(await told(again.store, "A")).toEqual(await told(never.store, "A"));
			expect(again.store.devices().size).toBe(never.store.devices().size);
		},
		60_000,
	);

	it("gives its number to no other device, also after a restart", async () => {
		const first = await open();
		await arrive(first.store, life(NEW, 0));
		const gone = deviceNamed(first.store, "B").number;
		await first.store.joinDevices({ kept: "A", gone: "B", isDryRun: false });
		const { store } = await restarted(first);
		const other = deviceAt("10.0.0.9", { serial: "C" });
		await arrive(store, [
			{ sequence: 20_000, wall: END, outcomes: [{ device: other, terahashesPerSecond: 1, watts: 1 }] },
		]);
		expect(deviceNamed(store, "C").number).toBe(gone + 1);
	});

	it("is moved to its end by the next start where the program fell after the names were stored", async () => {
		const [never, swapped] = [await open(), await open()];
		await arrive(never.store, life(OLD, 16));
		await arrive(swapped.store, life(NEW, 16));
		for (const { store } of [never, swapped]) await store.seal({ all: true });
		const { number: gone } = deviceNamed(swapped.store, "B");
		const { number: kept } = deviceNamed(swapped.store, "A");
		const sealed = await restarted(swapped);
		await sealed.store.close();
		const days = readdirSync(sealed.folder).filter((name) => name.startsWith("raw-"));
		for (const name of days)
			copyFileSync(path.join(sealed.folder, name), path.join(sealed.folder, `${name}.was`));
		const joining = await restarted(sealed);
		await joining.store.joinDevices({ kept: "A", gone: "B", isDryRun: false });
		await joining.store.close();
		// As if the program had fallen before it reached the day files: they are as they were.
		for (const name of days)
			renameSync(path.join(sealed.folder, `${name}.was`), path.join(sealed.folder, name));
		const main = new Database(path.join(swapped.folder, "fleetwatt.db"));
		expect(main.prepare("SELECT gone, kept, is_moved FROM joins").all()).toEqual([
			{ gone, kept, is_moved: 1 },
		]);
		main.exec("UPDATE joins SET is_moved = 0");
		main.close();
		const { store } = await restarted(joining);
		expect(await rowsOf(store, kept)).toEqual(
			await rowsOf(never.store, deviceNamed(never.store, "A").number),
		);
		await store.close();
		const again = new Database(path.join(swapped.folder, "fleetwatt.db"));
		expect(again.prepare("SELECT is_moved FROM joins").get()).toEqual({ is_moved: 1 });
		again.close();
	});
});
