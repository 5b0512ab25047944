/** A store of schema 1 is brought to schema 2 at start: every reading, the present, once, after any crash. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FAIL_POINTS } from "../../../../collector/store/fail-point.js";
import { decodeChunkFormat1 } from "../../../../collector/store/migrations/chunk-format-1.js";
import { deviceNamed, HOUR, NOON, openStore, rowsOf } from "../example-store.js";
import { chunkFormat1, DAMAGED, type Expected, wattsAt, writeSchema1Store } from "./schema-1-store.js";

const PROGRAM = fileURLToPath(new URL("../../../../dist/tests/faults/store-process.js", import.meta.url));

let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "schema-1-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function expectReadings(at: string, expected: Expected): Promise<void> {
	const store = await openStore(at);
	for (const [device, rows] of expected) expect(await rowsOf(store, device)).toEqual(rows);
	await store.close();
}

function filesIn(at: string): readonly string[] {
	return readdirSync(at)
		.filter((name) => !/-(wal|shm|journal)$/.test(name))
		.sort();
}

/** Every row of the day files, in order: the same migration gives the same bytes. */
function hoursOf(at: string): readonly unknown[] {
	return filesIn(at)
		.filter((name) => name.startsWith("raw-"))
		.map((name) => {
			const database = new Database(path.join(at, name));
			const rows = [
				database.prepare("SELECT * FROM hours ORDER BY key").all(),
				database.prepare("SELECT * FROM damaged ORDER BY key, device, bytes").all(),
				database.prepare("SELECT count(*) FROM parts").all(),
			];
			database.close();
			return [name, rows];
		});
}

function schemaOf(at: string) {
	const database = new Database(path.join(at, "fleetwatt.db"));
	const tables = database
		.prepare(
			"SELECT name FROM sqlite_schema WHERE name IN ('facts', 'intervals', 'intervals_before', 'inbox_by_number')",
		)
		.pluck()
		.all();
	const version = database.pragma("user_version", { simple: true });
	database.close();
	return { version, tables };
}

describe("the encoder of format 1 that these tests use", () => {
	it("gives what the decoder of format 1 reads", () => {
		const columns = [
			{ measurement: "fanDutyRatio", component: { part: "fan" as const, key: "0" }, decimals: 4 },
		];
		const bytes = chunkFormat1({ columns, times: [1_000, 2_000, 3_001], values: [[0.5, undefined, 0.25]] });
		expect(decodeChunkFormat1(bytes)).toEqual({
			ok: true,
			columns: {
				columns,
				times: Float64Array.of(1_000, 2_000, 3_001),
				values: [Float64Array.of(0.5, Number.NaN, 0.25)],
			},
		});
	});
});

describe("a store of schema 1 with ten devices, two days and an inbox", () => {
	it("gives every reading after the start, from raw files alone, and again after another start", async () => {
		const expected = writeSchema1Store(folder);
		expect([...expected.values()].reduce((sum, rows) => sum + rows.length, 0)).toBeGreaterThan(2_400);
		await expectReadings(folder, expected);
		expect(filesIn(folder)).toEqual(["fleetwatt.db", "raw-2026-11-21.db", "raw-2026-11-22.db"]);
		expect(schemaOf(folder)).toEqual({ version: 2, tables: [] });
		await expectReadings(folder, expected);
	});

	it("keeps the present: counters go on from where they stood, and the inbox moves them once", async () => {
		writeSchema1Store(folder);
		const store = await openStore(folder);
		const { meter, pollsByResult, lastAttemptAt, latest } = deviceNamed(store, "S0");
		// Fifteen readings of the inbox came after the snapshot, each held for a minute.
		const joules = Array.from({ length: 15 }, (_, index) => wattsAt(1, NOON + (index - 1) * 60_000) * 60);
		expect(meter.joulesTotal).toBeCloseTo(1_000_001 + joules.reduce((sum, one) => sum + one, 0), 6);
		expect(pollsByResult).toEqual({ ok: 216 + 15, DEVICE_TIMEOUT: 24 });
		expect([lastAttemptAt, latest?.at]).toEqual([NOON + 14 * 60_000, NOON + 14 * 60_000]);
		expect(store.settledOf("agent-1", "e".repeat(32))).toEqual({ base: 219, ranges: [] });
		expect(store.inputs().map(({ name, value }) => [name, value])).toEqual([["bitcoinUsd", 90_000]]);
		expect(store.migrated).toEqual({ fromSchema: 1, days: 2, chunks: 50, damaged: 2 });
		await store.close();
	});

	it("makes the sums from the readings: an hour of 1 device is 3,600 s up or down", async () => {
		writeSchema1Store(folder);
		const store = await openStore(folder);
		const [from, to] = [NOON - 12 * HOUR, NOON - 11 * HOUR];
		const sums = await store.intervalSums({ from, to, deviceNumbers: [1], tierSeconds: 300 });
		expect(sums.length).toBe(12);
		expect(sums.reduce((sum, one) => sum + one.secondsUp + one.secondsDown, 0)).toBe(3_600);
		expect(sums.every(({ joules }) => joules > 0)).toBe(true);
		await store.close();
	});

	it("keeps what cannot be read aside and says which device and hour are lost", async () => {
		writeSchema1Store(folder);
		const store = await openStore(folder);
		await store.close();
		const database = new Database(path.join(folder, "fleetwatt.db"));
		expect(database.prepare("SELECT device, from_at, to_at, file FROM damage").all()).toEqual([
			{
				device: DAMAGED.device,
				from_at: DAMAGED.hour * HOUR,
				to_at: (DAMAGED.hour + 1) * HOUR,
				file: "chunks-2026-11-22.db",
			},
		]);
		database.close();
		const day = new Database(path.join(folder, "raw-2026-11-22.db"));
		expect(day.prepare("SELECT device FROM damaged").pluck().all()).toEqual([DAMAGED.device, DAMAGED.device]);
		day.close();
	});

	it("keeps sums from before its oldest reading as the table intervals_before", async () => {
		writeSchema1Store(folder, { hasOldSums: true });
		await (await openStore(folder)).close();
		expect(schemaOf(folder)).toEqual({ version: 2, tables: ["intervals_before"] });
	});

	it("sets a day file aside that is no database, and starts", async () => {
		writeSchema1Store(folder);
		writeFileSync(
			path.join(folder, "chunks-2026-11-20.db"),
			"no database at all, but long enough to be read",
		);
		const store = await openStore(folder);
		expect(store.migrated?.damaged).toBe(3);
		await store.close();
		expect(filesIn(folder)).toContain("chunks-2026-11-20.db.damaged");
	});

	const points = FAIL_POINTS.filter((point) => point.startsWith("migration"));
	it.each(
		points
			.flatMap((point) => [0, 1].map((passes) => [point, passes] as const))
			.filter(([point, passes]) => passes === 0 || !point.includes("last transaction")),
	)("killed at “%s” after %d passes comes out the same", async (point, passes) => {
		const [whole, killed] = [path.join(folder, "whole"), path.join(folder, "killed")];
		for (const one of [whole, killed]) mkdirSync(one);
		const expected = writeSchema1Store(killed);
		writeSchema1Store(whole);
		await (await openStore(whole)).close();
		const ended = spawnSync(execPath, [PROGRAM, "open", killed, point, String(passes)], { encoding: "utf8" });
		expect([ended.signal, ended.stdout]).toEqual(["SIGKILL", ""]);
		await expectReadings(killed, expected);
		expect(hoursOf(killed)).toEqual(hoursOf(whole));
		expect(filesIn(killed)).toEqual(filesIn(whole));
		expect(schemaOf(killed)).toEqual({ version: 2, tables: [] });
	});
});

describe("a store of schema 3", () => {
	it("is refused with what was found, what is read and what to do, and stays as it is", async () => {
		await (await openStore(folder)).close();
		const file = path.join(folder, "fleetwatt.db");
		const database = new Database(file);
		database.pragma("user_version = 3");
		database.pragma(`application_id = ${0x4657_0003}`);
		database.close();
		const before = readFileSync(file);
		await expect(openStore(folder)).rejects.toMatchObject({
			code: "STORE_NEWER",
			message: `The store in ${folder} has schema 3; this version reads schemas 1 to 2. Run the version that wrote it, or restore a backup from before.`,
		});
		expect(readFileSync(file).equals(before)).toBe(true);
	});
});
