import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rollUp } from "../../../collector/jobs/rollup.js";
import type { IntervalSums } from "../../../collector/store/device-state.js";
import type { Store } from "../../../collector/store/store.js";
import { deviceAt } from "../../shared/wire/examples.js";
import { type Arrival, arrive, MINUTE, NOON, openStore, SECOND } from "../store/example-store.js";

const POWER = { hostOverheadRatio: 0, hostOverheadWatts: 0 };
const DEVICE = deviceAt("10.0.0.1:80", { serial: "A1" });
const OTHER = deviceAt("10.0.0.2:80", { serial: "B1" });
const START = NOON - 30 * MINUTE;
const MINUTES = 10;
const COUNT = (MINUTES * MINUTE) / (5 * SECOND);

let folder = "";
const open: Store[] = [];
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "rollup-"));
});
afterEach(async () => {
	for (const store of open.splice(0)) await store.close();
	rmSync(folder, { recursive: true, force: true });
});

async function opened(name: string): Promise<Store> {
	const store = await openStore(path.join(folder, name), { now: () => NOON });
	open.push(store);
	return store;
}

/** 5 s readings of two devices for ten minutes; every ninth poll fails. */
const ARRIVALS: readonly Arrival[] = Array.from({ length: COUNT }, (_, index) => ({
	sequence: index + 1,
	wall: START + index * 5 * SECOND + 700,
	outcomes: [
		index % 9 === 8
			? { device: DEVICE, code: "DEVICE_TIMEOUT" }
			: { device: DEVICE, terahashesPerSecond: 100 + (index % 13), watts: 3_000 + index },
		{ device: OTHER, terahashesPerSecond: 50, watts: 1_000 },
	],
}));

async function rolled(store: Store, tierSeconds: 60 | 300): Promise<readonly IntervalSums[]> {
	// The last minutes depend on what came after them.
	const to = START + (MINUTES - 1) * MINUTE;
	return store.intervalSums({
		from: START as never,
		to: (tierSeconds === 60 ? to : START + 5 * MINUTE) as never,
		tierSeconds,
	});
}

function expectSame(found: readonly IntervalSums[], expected: readonly IntervalSums[]): void {
	expect(found.map(({ deviceNumber, from }) => [deviceNumber, from])).toEqual(
		expected.map(({ deviceNumber, from }) => [deviceNumber, from]),
	);
	for (const [index, row] of found.entries())
		for (const [name, value] of Object.entries(row))
			expect(value, `${name} of row ${index}`).toBeCloseTo(
				expected[index]?.[name as keyof IntervalSums] ?? Number.NaN,
				6,
			);
}

async function inOrder(): Promise<Store> {
	const store = await opened("in-order");
	await arrive(store, ARRIVALS);
	await rollUp({ store, now: () => NOON, power: POWER });
	await store.rollUpFiveMinutes(START, START + 5 * MINUTE);
	return store;
}

describe("the sums of minutes", () => {
	it("of a device at 1,000 W and 50 TH/s are 60,000 J and 3,000 TH", async () => {
		const store = await inOrder();
		const rows = (await rolled(store, 60)).filter(({ deviceNumber }) => deviceNumber === 2);
		expect(rows.length).toBe(MINUTES - 1);
		expect(rows[4]).toMatchObject({
			joules: 60_000,
			terahashes: 3_000,
			joulesWithWork: 60_000,
			secondsUp: 60,
			secondsDown: 0,
		});
	});

	it.each([
		["one late stretch of three minutes", (index: number) => index >= 30 && index < 66],
		["every other record late", (index: number) => index % 2 === 1],
		["all but the last late", (index: number) => index < COUNT - 1],
	])("with %s equal those of records in order, and so do the five minutes above them", async (_, isLate) => {
		const straight = await inOrder();
		const store = await opened("late");
		await arrive(
			store,
			ARRIVALS.filter((_one, index) => !isLate(index)),
		);
		await rollUp({ store, now: () => NOON, power: POWER });
		await store.seal();
		await arrive(
			store,
			ARRIVALS.filter((_one, index) => isLate(index)),
		);
		await rollUp({ store, now: () => NOON, power: POWER });
		expectSame(await rolled(store, 60), await rolled(straight, 60));
		expectSame(await rolled(store, 300), await rolled(straight, 300));
	});

	it("that are late are still rebuilt when the collector falls in mid-rebuild and comes back", async () => {
		const straight = await inOrder();
		const store = await opened("fallen");
		await arrive(
			store,
			ARRIVALS.filter((_one, index) => index < 30 || index >= 66),
		);
		await rollUp({ store, now: () => NOON, power: POWER });
		await arrive(store, ARRIVALS.slice(30, 66));
		expect(store.takeLateMinutes().size).toBe(2);
		await store.seal();
		await store.close();
		const again = await opened("fallen");
		open.splice(open.indexOf(store), 1);
		await rollUp({ store: again, now: () => NOON, power: POWER });
		expectSame(await rolled(again, 60), await rolled(straight, 60));
	});

	it("that do not fit into one run are rebuilt by the next ones", async () => {
		const straight = await inOrder();
		const store = await opened("slow");
		await arrive(
			store,
			ARRIVALS.filter((_one, index) => index % 2 === 0),
		);
		await rollUp({ store, now: () => NOON, power: POWER });
		await arrive(
			store,
			ARRIVALS.filter((_one, index) => index % 2 === 1),
		);
		let now = NOON - 40 * SECOND;
		let runs = 0;
		// Each look at the clock takes 15 s: one device a run.
		const slow = () => {
			now += 15 * SECOND;
			return now;
		};
		do {
			await rollUp({ store, now: slow, power: POWER });
			runs += 1;
		} while (await isStillLate(store));
		expect(runs).toBe(2);
		expectSame(await rolled(store, 60), await rolled(straight, 60));
	});
});

async function isStillLate(store: Store): Promise<boolean> {
	const { size } = store.takeLateMinutes();
	store.returnLateMinutes();
	return size > 0;
}
