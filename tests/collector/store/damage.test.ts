/** What cannot be read any more is remembered over restarts, with the stretch that is lost. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../../collector/store/store.js";
import { deviceAt, randomOf } from "../../shared/wire/examples.js";
import { arrive, deviceNamed, HOUR, NOON, openStore, rowsOf } from "./example-store.js";

const DEVICES = [0, 1].map((index) => deviceAt(`10.0.0.${index}:80`, { serial: `S${index}` }));
const FILE = "raw-2026-11-22.db";
const HOUR_OF_NOON = { from: NOON, to: NOON + HOUR, file: FILE };

let folder = "";
beforeEach(async () => {
	folder = mkdtempSync(path.join(tmpdir(), "damage-"));
	const store = await openStore(folder);
	const outcomes = DEVICES.map((device) => ({ device, terahashesPerSecond: 100, watts: 3_000 }));
	await arrive(store, [{ sequence: 1, wall: NOON + 1_000, outcomes }]);
	await store.seal({ all: true });
	await store.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Changes a bit `fromEnd` bytes before the end of the one row, or at its `place`. */
function flip(place: (bytes: Buffer) => number): void {
	const database = new Database(path.join(folder, FILE));
	const bytes = database.prepare("SELECT bytes FROM hours").pluck().get() as Buffer;
	const at = place(bytes);
	bytes[at] = (bytes[at] ?? 0) ^ 1;
	database.prepare("UPDATE hours SET bytes = ?").run(bytes);
	database.close();
}

const lost = async (store: Store) =>
	(await store.losses({ from: NOON - HOUR, to: NOON + 2 * HOUR })).map(({ foundAt: _, ...one }) => one);

async function read(store: Store): Promise<readonly number[]> {
	const counts: number[] = [];
	for (const key of ["S0", "S1"]) counts.push((await rowsOf(store, deviceNamed(store, key).number)).length);
	return counts;
}

describe("a chunk that fails its checksum", () => {
	it("is lost for its device and hour, is told once however often it is read, and after a restart", async () => {
		flip((bytes) => bytes.length - 6);
		let store = await openStore(folder);
		expect(await lost(store)).toEqual([]);
		for (let round = 0; round < 3; round += 1) expect(await read(store)).toEqual([1, 0]);
		const found = [{ reason: "chunk_damaged", ...HOUR_OF_NOON, device: "S1" }];
		expect(await lost(store)).toEqual(found);
		await store.measureDisk();
		expect(store.statistics().damagedChunks).toBe(1);
		await store.close();
		store = await openStore(folder);
		expect(store.statistics().damagedChunks).toBe(1);
		expect(await read(store)).toEqual([1, 0]);
		expect(await lost(store)).toEqual(found);
		await store.close();
	});

	it("is no loss of the hours beside it", async () => {
		flip((bytes) => bytes.length - 6);
		const store = await openStore(folder);
		await read(store);
		expect(await store.losses({ from: NOON + HOUR, to: NOON + 2 * HOUR })).toEqual([]);
		expect(await store.losses({ from: NOON - HOUR, to: NOON })).toEqual([]);
		await store.close();
	});
});

describe("the head of a row that is damaged", () => {
	it("is lost for all devices of the row, so that none is named", async () => {
		flip(() => 1);
		const store = await openStore(folder);
		expect(await read(store)).toEqual([0, 0]);
		expect(await lost(store)).toEqual([{ reason: "chunk_damaged", ...HOUR_OF_NOON }]);
		await store.close();
	});
});

describe("a day file that is no database any more", () => {
	it("is set aside, and its whole day is lost", async () => {
		writeFileSync(path.join(folder, FILE), "no database at all, but long enough to be read as one or so");
		const store = await openStore(folder);
		expect(await read(store)).toEqual([0, 0]);
		const from = Date.UTC(2026, 10, 22);
		expect(await lost(store)).toEqual([{ reason: "chunk_damaged", from, to: from + 24 * HOUR, file: FILE }]);
		await store.close();
	});
});

describe("the inbox", () => {
	it("in which one bit of each of 1,000 records turned gives none of them, tells of 1,000, and keeps the 1,000 beside", async () => {
		const [device] = DEVICES;
		if (device === undefined) expect.fail("no device");
		const first = await openStore(folder);
		const arrivals = Array.from({ length: 2_000 }, (_, index) => {
			const outcomes = [{ device, terahashesPerSecond: index + 1, watts: 3_000 }];
			return { sequence: index + 2, wall: NOON + HOUR + index * 1_000, outcomes };
		});
		await arrive(first, arrivals);
		await first.close();
		const random = randomOf(7);
		const database = new Database(path.join(folder, "fleetwatt.db"));
		const put = database.prepare("UPDATE inbox SET bytes = ? WHERE id = ?");
		const rows = database.prepare("SELECT id, bytes FROM inbox ORDER BY id").all() as {
			readonly id: number;
			readonly bytes: Buffer;
		}[];
		expect(rows.length).toBe(2_000);
		for (const { id, bytes } of rows.filter((_, index) => index % 2 === 1)) {
			const bit = Math.floor(random() * bytes.length * 8);
			bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
			put.run(bytes, id);
		}
		database.close();
		const store = await openStore(folder);
		const range = { from: NOON + HOUR, to: NOON + 2 * HOUR };
		const expected = arrivals.filter((_, index) => index % 2 === 0).map(({ wall }) => wall);
		const times = async () =>
			(await rowsOf(store, deviceNamed(store, "S0").number, range.from, range.to)).map(({ at }) => at);
		expect(await times()).toEqual(expected);
		const lostNow = await store.losses({ from: NOON, to: NOON + 3 * HOUR });
		expect(lostNow.filter(({ file }) => file.startsWith("fleetwatt.db, inbox row ")).length).toBe(1_000);
		await store.seal({ all: true });
		expect(await times()).toEqual(expected);
		await store.close();
	});
});
