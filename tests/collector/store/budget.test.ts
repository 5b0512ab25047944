/** The byte budget: what goes, in which order, what never goes, and what is remembered of it. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { roomFamilies } from "../../../collector/commands/own-families.js";
import { sacrificeFor } from "../../../collector/store/budget.js";
import { bytesOf, growthBytesPerDay, storeFiles } from "../../../collector/store/files.js";
import { Store } from "../../../collector/store/store.js";
import { realClock } from "../../../shared/clock.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { deviceAt } from "../../shared/wire/examples.js";
import { arrive, deviceNamed, HOUR, MINUTE, NOON, rowsOf } from "./example-store.js";

const KILOBYTE = 1_000;
let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "budget-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, bytes = KILOBYTE): void {
	writeFileSync(path.join(folder, name), Buffer.alloc(bytes));
}

const names = (budgetBytes: number, now = NOON) =>
	sacrificeFor(storeFiles(folder), budgetBytes, now).files.map(({ name }) => name);

describe("the order of sacrifice", () => {
	beforeEach(() => {
		for (const name of [
			"fleetwatt.db",
			"hour-2025.db",
			"hour-2026.db",
			"day-2025.db",
			"five-minute-2026-09.db",
			"five-minute-2026-11.db",
			"minute-2026-11-19.db",
			"minute-2026-11-20.db",
			"minute-2026-11-22.db",
			"raw-2026-11-21.db",
			"raw-2026-11-20.db",
			"raw-2026-11-22.db",
			"raw-2026-11-20.db.damaged",
		])
			write(name);
	});

	it("is nothing while all fits: 13 files of 1,000 bytes in 13,000", () => {
		expect(names(13_000)).toEqual([]);
	});

	it("begins with the oldest raw day, which 12,999 bytes are enough for", () => {
		expect(names(12_999)).toEqual(["raw-2026-11-20.db"]);
	});

	it("goes on with one minute, five minutes and hours, and spares today's files, the day tier and the inbox", () => {
		expect(names(0)).toEqual([
			"raw-2026-11-20.db",
			"raw-2026-11-21.db",
			"minute-2026-11-19.db",
			"minute-2026-11-20.db",
			"five-minute-2026-09.db",
			"hour-2025.db",
		]);
		expect(sacrificeFor(storeFiles(folder), 0, NOON).bytesOver).toBe(7_000);
	});

	it("spares a day for one hour after its end, while late readings are sealed into it", () => {
		expect(names(12_999, Date.UTC(2026, 10, 21, 0, 59))).toEqual(["minute-2026-11-19.db"]);
		expect(names(12_999, Date.UTC(2026, 10, 21, 1))).toEqual(["raw-2026-11-20.db"]);
	});

	it("counts what SQLite keeps beside a file with it", () => {
		write("raw-2026-11-20.db-journal", 500);
		expect(names(12_500)).toEqual(["raw-2026-11-20.db"]);
	});
});

describe("growth", () => {
	it("is the mean of the complete days of each tier: 3,000 and 1,000 bytes raw, 2,800 in a leap year's hours", () => {
		write("raw-2026-11-20.db", 3_000);
		write("raw-2026-11-21.db", 1_000);
		write("raw-2026-11-22.db", 90);
		write("hour-2024.db", 3_660);
		expect(growthBytesPerDay(storeFiles(folder), NOON)).toBe(2_000 + 10);
	});

	it("is absent before a day is complete", () => {
		write("raw-2026-11-22.db", 90);
		expect(growthBytesPerDay(storeFiles(folder), NOON)).toBeUndefined();
	});
});

describe("a store over its budget", () => {
	const now = NOON + 30 * HOUR;
	const sacrificed: string[][] = [];
	const open = (budgetBytes?: number) =>
		Store.open({
			folder,
			clock: { ...realClock, now: () => quantity<UnixMilliseconds>(now) },
			maxDevices: 10,
			power: { hostOverheadRatio: 1.2, hostOverheadWatts: 0 },
			onSacrificed: (files) => sacrificed.push([...files]),
			...(budgetBytes === undefined ? {} : { budgetBytes }),
		});
	const device = deviceAt("10.0.0.1:80", { serial: "S0" });
	const WALLS = [NOON - 24 * HOUR, NOON, now - HOUR];

	it("removes its oldest raw day when it seals, says so, remembers it as lost, and keeps the rest", async () => {
		const first = await open();
		for (const [index, wall] of WALLS.entries())
			await arrive(first, [
				{ sequence: index + 1, wall, outcomes: [{ device, terahashesPerSecond: 100, watts: 3_000 }] },
			]);
		await first.seal({ all: true });
		await first.close();
		const bytes = bytesOf(storeFiles(folder));
		expect(sacrificed).toEqual([]);

		const store = await open(bytes - 1);
		await store.seal();
		expect(sacrificed).toEqual([["raw-2026-11-21.db"]]);
		expect(readdirSync(folder).filter((name) => /^raw.*db$/.test(name))).toEqual([
			"raw-2026-11-22.db",
			"raw-2026-11-23.db",
		]);
		const rows = await rowsOf(store, deviceNamed(store, "S0").number, NOON - 48 * HOUR, now);
		expect(rows.map(({ at }) => at)).toEqual(WALLS.slice(1));
		expect(await store.losses({ from: NOON - 24 * HOUR, to: NOON })).toEqual([
			{
				reason: "budget",
				from: Date.UTC(2026, 10, 21),
				to: Date.UTC(2026, 10, 22),
				file: "raw-2026-11-21.db",
				foundAt: now,
			},
		]);
		expect(await store.losses({ from: NOON, to: now })).toEqual([]);
		await store.measureDisk();
		expect(store.retention.room).toMatchObject({
			filesSacrificed: 1,
			bytesOverBudget: 0,
			budgetBytes: bytes - 1,
		});
		const values = new Map(roomFamilies(store.retention.room).map(({ name, samples }) => [name, samples]));
		expect(values.get("fleetwatt_store_files_sacrificed")).toEqual([{ labels: [], value: 1 }]);
		expect(values.get("fleetwatt_store_room_days")?.map(({ labels }) => labels)).toEqual([
			[["limit", "disk"]],
			[["limit", "budget"]],
		]);
		await store.close();
	});

	it("says by how much it is over where nothing more may go", async () => {
		const store = await open(1);
		await arrive(store, [
			{
				sequence: 1,
				wall: now - MINUTE,
				outcomes: [{ device, terahashesPerSecond: 100, watts: 3_000 }],
			},
		]);
		await store.seal({ all: true });
		await store.measureDisk();
		expect(store.retention.room?.bytesOverBudget).toBeGreaterThan(50_000);
		expect(readdirSync(folder)).toContain("raw-2026-11-23.db");
		await store.close();
	});
});
