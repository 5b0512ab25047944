/**
 * A later version ran on a data folder and added columns and tables, as versions of one schema may; then the operator
 * went back to this one. Store, outbox and access open as they are, lose nothing, and go on.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OutboxDatabase } from "../../agent/outbox/database.js";
import { Access } from "../../collector/access/access.js";
import { realClock } from "../../shared/clock.js";
import {
	arrive,
	deviceNamed,
	HOUR,
	MINUTE,
	NOON,
	openStore,
	rowsOf,
} from "../collector/store/example-store.js";
import { definitionsOf, deviceAt, EPOCH, exampleRecord, timeAt } from "../shared/wire/examples.js";

const DEVICE = deviceAt("10.0.0.1:80", { serial: "S1", pollIntervalSeconds: 60 });
const PLENTY = { maxBytes: 64 * 1_024 * 1_024, maxDays: 100_000 };
const RECORDS = 40;

let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "rolled-back-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** To each table of each file a column with something in it, and a table of its own; gives how many tables there were. */
function addedTo(files: readonly string[]): number {
	let count = 0;
	for (const file of files) {
		const database = new Database(path.join(folder, file));
		const named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
		for (const name of database.prepare(named).pluck().all() as readonly string[]) {
			database.exec(`ALTER TABLE "${name}" ADD COLUMN of_later TEXT NOT NULL DEFAULT 'kept'`);
			count += 1;
		}
		database.exec("CREATE TABLE later (what TEXT)");
		database.close();
	}
	return count;
}

/** As a later version does with all columns that it has. */
function noteDigest(): void {
	const database = new Database(path.join(folder, "access.db"));
	const hash = createHash("sha256");
	for (const [table, order] of Object.entries({
		join_codes: "id",
		agents: "site, agent",
		tokens: "id",
		logins: "hash",
	}))
		for (const row of database.prepare(`SELECT * FROM ${table} ORDER BY ${order}`).raw().iterate())
			hash.update(JSON.stringify(row));
	database.prepare("UPDATE facts SET value = ? WHERE name = 'digest'").run(hash.digest("hex"));
	database.close();
}

const databases = () => readdirSync(folder).filter((name) => name.endsWith(".db"));

describe("a data folder to which a later version has added", () => {
	it("is a store of all its readings, stores more, seals, merges and drops them", async () => {
		const say = async (sequence: number) => {
			const outcomes = [{ device: DEVICE, terahashesPerSecond: 100, watts: 3_000 + sequence }];
			await arrive(store, [{ sequence, wall: NOON + sequence * MINUTE, outcomes }]);
		};
		const watts = async () =>
			(await rowsOf(store, deviceNamed(store, "S1").number)).map(({ powerWatts }) => powerWatts);
		const upTo = (count: number) => Array.from({ length: count }, (_, index) => 3_001 + index);
		let store = await openStore(folder);
		for (let sequence = 1; sequence <= RECORDS; sequence += 1) {
			await say(sequence);
			if (sequence === RECORDS / 2) await store.seal({ all: true });
		}
		await store.close();
		expect(addedTo(databases())).toBeGreaterThan(10);

		store = await openStore(folder);
		expect(await watts()).toEqual(upTo(RECORDS));
		expect(store.settledOf("agent-1", EPOCH).base).toBe(RECORDS);
		for (let sequence = RECORDS + 1; sequence <= 2 * RECORDS; sequence += 1) await say(sequence);
		await store.seal({ all: true });
		await store.merge();
		expect(await watts()).toEqual(upTo(2 * RECORDS));
		await store.retention.dropBefore({ raw: NOON + 48 * HOUR });
		expect(await watts()).toEqual([]);
		await store.close();
	});

	it("is an outbox of all its records under their epoch, which takes more and settles them", () => {
		const record = (wall: number) => ({
			bytes: exampleRecord(wall, [{ device: DEVICE, terahashesPerSecond: 1, watts: 1 }]),
			outcomes: 1,
			time: timeAt(wall),
		});
		let outbox = new OutboxDatabase(folder, PLENTY);
		const { epoch } = outbox;
		for (let count = 1; count <= RECORDS; count += 1)
			outbox.append([record(NOON + count)], count === 1 ? definitionsOf([DEVICE]) : []);
		outbox.close();
		expect(addedTo(databases())).toBeGreaterThan(2);

		outbox = new OutboxDatabase(folder, PLENTY);
		expect(outbox.epoch).toBe(epoch);
		expect(outbox.append([record(NOON + RECORDS + 1)], [])).toMatchObject({ first: RECORDS + 1 });
		expect(outbox.read({ from: 1, to: RECORDS + 1, mostBytes: 1e9 })).toHaveLength(RECORDS + 1);
		outbox.settle({ base: RECORDS + 1, ranges: [] });
		expect(outbox.state().records).toBe(0);
		outbox.close();
	});

	it("is an access.db by which the same may look, and others may be let in", () => {
		const wish = { name: "desk", scopes: ["read"], who: "test" };
		let access = new Access(folder, realClock, { isOwner: true });
		const token = access.createToken(wish);
		access.close();
		expect(addedTo(databases())).toBeGreaterThan(2);
		noteDigest();

		access = new Access(folder, realClock, { isOwner: true });
		expect(access.damaged).toBeUndefined();
		expect(access.callerOf(token)?.name).toBe("desk");
		const other = access.createToken({ ...wish, name: "other" });
		expect(access.callerOf(other)?.name).toBe("other");
		access.close();
	});
});
