/** Sums of the fleet are those of its devices' readings: sealed, unsealed, late, merged, and after a restart. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../../collector/store/store.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { deviceAt } from "../../shared/wire/examples.js";
import { type Arrival, arrive, HOUR, MINUTE, NOON, openStore, SECOND } from "./example-store.js";

let folder = "";
let store: Store | undefined;
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "fleet-sums-"));
});
afterEach(async () => {
	await store?.close();
	store = undefined;
	rmSync(folder, { recursive: true, force: true });
});

async function opened(now = NOON + 20 * MINUTE): Promise<Store> {
	await store?.close();
	store = await openStore(folder, { now: () => now });
	return store;
}

const A = deviceAt("10.0.0.1:80", { serial: "A1", rack: "r1", model: "S21" });
const B = deviceAt("10.0.0.2:80", { serial: "B1", rack: "r2", model: "S19" });

/** A draws 3,600 W for 200 TH/s, B 1,800 W for 60 TH/s, every ten seconds from `from` on. */
function steady(count: number, from: number, firstSequence = 1): Arrival[] {
	return Array.from({ length: count }, (_, index) => ({
		sequence: firstSequence + index,
		wall: from + index * 10 * SECOND,
		outcomes: [
			{ device: A, terahashesPerSecond: 200, watts: 3_600 },
			{ device: B, terahashesPerSecond: 60, watts: 1_800 },
		],
	}));
}

async function minutes(from: number, to: number, by?: "rack" | "site" | "model") {
	const span = { from: quantity<UnixMilliseconds>(from), to: quantity<UnixMilliseconds>(to) };
	const rows = await store?.fleetSums({ ...span, tierSeconds: 60, ...(by === undefined ? {} : { by }) });
	return Array.from(rows ?? [], (row) => ({ ...row }));
}

describe("a minute of 5,400 W and 260 TH/s", () => {
	const whole = {
		joules: 324_000,
		terahashes: 15_600,
		joulesWithWork: 324_000,
		secondsUp: 120,
		isGpu: false,
	};

	it("is 324,000 J and 15,600 TH, whether its hour runs, is sealed, merged, or read after a restart", async () => {
		const open = await opened();
		await arrive(open, steady(480, NOON - HOUR));
		const seen = async () => (await minutes(NOON - HOUR, NOON + 20 * MINUTE)).map((row) => ({ ...row }));
		const running = await seen();
		expect(running.length).toBe(80);
		expect(running[70]).toMatchObject({ ...whole, from: NOON + 10 * MINUTE });
		expect(running.slice(0, 79).every(({ joules }) => joules === 324_000)).toBe(true);
		await open.seal({ all: true });
		expect(await seen()).toEqual(running);
		await open.merge();
		expect(await seen()).toEqual(running);
		await opened();
		expect(await seen()).toEqual(running);
	});

	it("stands apart by rack, each with the devices that are in it", async () => {
		await arrive(await opened(), steady(12, NOON - HOUR));
		const rows = await minutes(NOON - HOUR, NOON - HOUR + MINUTE, "rack");
		expect(rows.map(({ label, joules }) => [label, joules]).sort()).toEqual([
			["r1", 216_000],
			["r2", 108_000],
		]);
	});
});

describe("late readings", () => {
	it("of a sealed hour change its minutes and, where they hold into it, the next hour's first", async () => {
		const open = await opened();
		// Ten minutes are missing around the full hour.
		const all = steady(480, NOON - HOUR);
		const late = all.slice(330, 390);
		await arrive(open, [...all.slice(0, 330), ...all.slice(390)]);
		await open.seal({ all: true });
		const before = await minutes(NOON - 6 * MINUTE, NOON + 6 * MINUTE);
		expect(before.map(({ joules }) => joules)).not.toContain(0);
		expect(before.length).toBeLessThan(12);
		await arrive(open, late);
		const full = await minutes(NOON - 6 * MINUTE, NOON + 6 * MINUTE);
		expect(full.map(({ joules }) => joules)).toEqual(new Array(12).fill(324_000));
		await open.seal({ all: true });
		await open.merge();
		await opened();
		expect(await minutes(NOON - 6 * MINUTE, NOON + 6 * MINUTE)).toEqual(full);
	});

	it("give the same file bytes as the same readings in time", async () => {
		const all = steady(900, NOON - 3 * HOUR);
		const inTime = await opened();
		await arrive(inTime, all);
		await inTime.seal({ all: true });
		await inTime.merge();
		const expected = await everything();
		expect(expected.hours.length).toBe(3);
		rmSync(folder, { recursive: true });
		const scattered = await opened();
		for (let part = 0; part < 4; part += 1) {
			await arrive(
				scattered,
				all.filter((_, index) => index % 4 === 3 - part),
			);
			await scattered.seal({ all: true });
		}
		await scattered.merge();
		expect(await everything()).toEqual(expected);
	});
});

/** Closes the store and reads what it left on disk. */
async function everything() {
	await minutes(NOON - 4 * HOUR, NOON);
	await store?.close();
	store = undefined;
	const database = new Database(path.join(folder, "raw-2026-11-22.db"), { readonly: true });
	const all = (table: string) => database.prepare(`SELECT * FROM ${table} ORDER BY 1`).all() as unknown[];
	const found = { hours: all("hours"), sums: all("sums"), parts: all("parts"), schemas: all("schemas") };
	database.close();
	return found;
}
