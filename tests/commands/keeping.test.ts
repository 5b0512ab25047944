/** backup, restore and doctor as an operator types them, beside a collector that runs and one that is stopped. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
	arrive,
	deviceNamed,
	HOUR,
	MINUTE,
	NOON,
	openStore,
	rowsOf,
} from "../collector/store/example-store.js";
import { type OwnSite, ownSite } from "../peers/own-site.js";
import { fleetwatt, stopAll } from "../peers/running-program.js";
import { deviceAt } from "../shared/wire/examples.js";

/** Two groups. */
const DEVICES = Array.from({ length: 10 }, (_, index) =>
	deviceAt(`10.0.0.${index}:80`, { serial: `S${index}` }),
);
const RECORDS = 90;
const WORKS = { timeout: 60_000 };

let site: OwnSite;
let data = "";
beforeEach(async () => {
	site = await ownSite();
	site.writeCollector();
	data = site.places.collectorFolder;
});
afterEach(async () => {
	await stopAll();
	site.remove();
}, 40_000);

function inSite(name: string): string {
	return path.join(site.folder, name);
}

/** A reading a minute: an hour sealed, half an hour in the inbox. */
async function fill(): Promise<void> {
	const store = await openStore(data, { now: () => NOON + 100 * HOUR });
	const at = (number: number) => NOON + number * MINUTE;
	const outcomes = (number: number) =>
		DEVICES.map((device, index) => ({ device, terahashesPerSecond: 100 + index, watts: 3_000 + number }));
	for (let number = 0; number < RECORDS; number += 1) {
		if (number === 60) await store.seal({ all: true });
		await arrive(store, [{ sequence: number + 1, wall: at(number), outcomes: outcomes(number) }]);
	}
	await store.close();
}

async function expectFilled(folder: string): Promise<void> {
	const store = await openStore(folder);
	for (const key of ["S0", "S7", "S9"]) {
		const rows = await rowsOf(store, deviceNamed(store, key).number);
		expect(rows.map(({ at, powerWatts }) => [at, powerWatts])).toEqual(
			Array.from({ length: RECORDS }, (_, number) => [NOON + number * MINUTE, 3_000 + number]),
		);
		expect(deviceNamed(store, key).pollsByResult).toEqual({ ok: RECORDS });
	}
	await store.close();
}

async function run(...words: string[]) {
	const program = fleetwatt(words);
	const code = await program.ended;
	return { code, out: program.out, err: program.err };
}

const backup = (to: string) => run("backup", "--config", site.collectorFile, "--to", to);
const restore = (from: string, to: string) => run("restore", "--from", from, "--to", to);

/** Changes one bit in the middle of a chunk of the sealed hour. */
function damage(folder: string): void {
	const [name = ""] = readdirSync(folder).filter((one) => /^raw-.*\.db$/.test(one));
	const database = new Database(path.join(folder, name));
	const { key, bytes } = database.prepare("SELECT key, bytes FROM hours ORDER BY key LIMIT 1").get() as {
		key: number;
		bytes: Buffer;
	};
	bytes[bytes.length - 10] = (bytes[bytes.length - 10] ?? 0) ^ 4;
	database.prepare("UPDATE hours SET bytes = ? WHERE key = ?").run(bytes, key);
	database.close();
}

describe("fleetwatt backup and fleetwatt restore", WORKS, () => {
	it("copy a stopped store and make a data folder of it again, with every reading", async () => {
		await fill();
		const made = await backup(inSite("copy"));
		expect(made).toMatchObject({ code: 0, err: "" });
		expect(made.out).toMatch(
			/copy is a backup: 2 files, \d+ bytes, 1 days, 10 chunks of 600 readings, 30 records in the inbox; all read back\.\n$/,
		);
		expect(readdirSync(inSite("copy")).sort()).toEqual(["backup.json", "fleetwatt.db", "raw-2026-11-22.db"]);
		expect(await restore(inSite("copy"), inSite("again"))).toMatchObject({ code: 0, err: "" });
		await expectFilled(inSite("again"));
		await expectFilled(data);
	});

	it("copy the store of a running collector, which goes on", async () => {
		await fill();
		const collector = await site.readyCollector();
		const made = await backup(inSite("copy"));
		expect(made).toMatchObject({ code: 0, err: "" });
		expect(made.out).toContain("all read back");
		expect(collector.isRunning).toBe(true);
		expect(readdirSync(data).filter((name) => name.startsWith("backup."))).toEqual([]);
		expect(await backup(inSite("copy"))).toMatchObject({
			code: 74,
			err: `${inSite("copy")} is not empty. Name a folder that is not there yet; nothing is overwritten.\n`,
		});
		expect(collector.isRunning).toBe(true);
		expect(await restore(inSite("copy"), inSite("again"))).toMatchObject({ code: 0, err: "" });
		await expectFilled(inSite("again"));
	});

	it("refuse a folder within the store, and one that holds anything", async () => {
		await fill();
		expect(await backup(path.join(data, "copy"))).toMatchObject({ code: 74 });
		expect(existsSync(path.join(data, "copy"))).toBe(false);
		await backup(inSite("copy"));
		mkdirSync(inSite("full"));
		writeFileSync(path.join(inSite("full"), "mine"), "kept");
		expect(await restore(inSite("copy"), inSite("full"))).toMatchObject({
			code: 74,
			err: `${inSite("full")} is not empty. Name a folder that is not there yet; nothing is overwritten.\n`,
		});
		expect(readdirSync(inSite("full"))).toEqual(["mine"]);
	});

	it("refuse a backup that was not finished, one with a bit that differs, and one that lacks a file", async () => {
		await fill();
		await backup(inSite("copy"));
		const day = path.join(inSite("copy"), "raw-2026-11-22.db");
		const bytes = readFileSync(day);
		bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
		writeFileSync(day, bytes);
		expect(await restore(inSite("copy"), inSite("again"))).toEqual({
			code: 65,
			out: "",
			err: `raw-2026-11-22.db in ${inSite("copy")} is not as it was when the backup was made.\nUse another backup.\n`,
		});
		rmSync(day);
		expect(await restore(inSite("copy"), inSite("again"))).toMatchObject({ code: 65 });
		rmSync(path.join(inSite("copy"), "backup.json"));
		expect(await restore(inSite("copy"), inSite("again"))).toMatchObject({ code: 74 });
		expect(existsSync(inSite("again"))).toBe(false);
	});

	it("say that a store is damaged, with exit 65, and write no backup.json", async () => {
		await fill();
		damage(data);
		expect(await backup(inSite("copy"))).toMatchObject({ code: 65 });
		expect(existsSync(path.join(inSite("copy"), "backup.json"))).toBe(false);
	});
});

describe("fleetwatt doctor", WORKS, () => {
	// SQLite leaves an empty -wal and -shm where it reads a file in WAL mode.
	const contents = () =>
		readdirSync(data)
			.filter((name) => !/-(wal|shm)$/.test(name))
			.map((name) => [name, crc32(readFileSync(path.join(data, name)))]);

	it("counts what a whole store has and ends with 0, changing nothing", async () => {
		await fill();
		const before = contents();
		const said = await run("doctor", "--config", site.collectorFile);
		expect(said).toMatchObject({ code: 0, err: "" });
		// Three values a reading: hashrate, watts, the poll's result.
		expect(said.out).toMatch(/raw-2026-11-22\.db: \d+ bytes, 1 hours, 10 chunks, 600 readings, 1800 samples/);
		expect(said.out).toContain("10 devices, 30 records in the inbox, 0 dead letters, 0 gaps");
		expect(said.out).toContain("Every checksum fits.");
		expect(contents()).toEqual(before);
	});

	it("names the device and hour of a chunk that is damaged and ends with 65", async () => {
		await fill();
		damage(data);
		const said = await run("doctor", "--config", site.collectorFile, "--json");
		expect(said.code).toBe(65);
		const { damage: found, readings } = JSON.parse(said.out);
		// The last chunk of the first row: devices 1 to 10.
		expect(found).toMatchObject([{ file: "raw-2026-11-22.db", device: 10, from: NOON, to: NOON + HOUR }]);
		expect(readings).toBe(540);
	});

	it("tells what retention and the budget would remove and removes nothing", async () => {
		await fill();
		writeFileSync(path.join(data, "raw-2020-01-01.db"), readFileSync(path.join(data, "raw-2026-11-22.db")));
		writeFileSync(path.join(data, "hour-2019.db"), "");
		site.writeCollector({ retention: { rawDays: 3_000, budgetGigabytes: 0.1 } });
		const said = await run("doctor", "--config", site.collectorFile, "--json");
		expect(JSON.parse(said.out)).toMatchObject({ retentionWouldRemove: [], budgetWouldRemove: [] });
		site.writeCollector({ retention: { rawDays: 30 } });
		const less = await run("doctor", "--config", site.collectorFile, "--json");
		expect(JSON.parse(less.out)).toMatchObject({ retentionWouldRemove: ["raw-2020-01-01.db"] });
		expect(JSON.parse(less.out)).not.toHaveProperty("budgetWouldRemove");
		expect(existsSync(path.join(data, "raw-2020-01-01.db"))).toBe(true);
	});

	it("refuses a store on which a collector runs, and a folder without one, with 74", async () => {
		await fill();
		await site.readyCollector();
		expect(await run("doctor", "--config", site.collectorFile)).toMatchObject({
			code: 74,
			err: `${data} is in use by another Fleetwatt program. Stop it, or set another dataFolder.\n`,
		});
		expect(await run("doctor", "--folder", site.folder)).toMatchObject({ code: 74 });
	});
});
