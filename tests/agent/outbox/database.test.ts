import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OutboxDatabase, type OutboxLimits } from "../../../agent/outbox/database.js";
import type { Gap } from "../../../shared/wire/gap.js";
import { checkRecord, decodeRecord, encodeGap } from "../../../shared/wire/record.js";
import { deviceAt, exampleRecord, timeAt } from "../../shared/wire/examples.js";

const AT = 1_800_000_000_000;
const DAY = 86_400_000;
const PLENTY: OutboxLimits = { maxBytes: 64 * 1_024 * 1_024, maxDays: 14 };
const DEVICE = deviceAt("10.0.0.1:80");

let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "outbox-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function record(wall: number, outcomes = 1) {
	const bytes = exampleRecord(
		wall,
		Array.from({ length: outcomes }, (_, index) => ({
			device: DEVICE,
			terahashesPerSecond: index,
			watts: wall % 977,
		})),
	);
	return { bytes, outcomes, time: timeAt(wall) };
}

/** Of one boot, whose monotonic clock goes with the wall clock. */
function aged(wall: number, outcomes = 1) {
	const made = record(wall, outcomes);
	return { ...made, time: { ...made.time, monotonic: wall - AT } };
}

function withSql<Result>(use: (database: Database.Database) => Result): Result {
	const database = new Database(path.join(folder, "outbox.db"));
	try {
		return use(database);
	} finally {
		database.close();
	}
}

function gapsIn(outbox: OutboxDatabase): readonly (Gap & { number: number })[] {
	const { head } = outbox.state();
	return outbox
		.read({ from: 1, to: head, mostBytes: Number.MAX_SAFE_INTEGER })
		.flatMap(({ sequence, bytes }) => {
			const decoded = decodeRecord(Buffer.from(bytes), () => ({
				columns: [{ decimals: 6 }, { decimals: 3 }],
			}));
			return decoded.ok && decoded.record.kind === "gap" ? [{ ...decoded.record.gap, number: sequence }] : [];
		});
}

function numbersIn(outbox: OutboxDatabase): readonly number[] {
	return outbox.read({ from: 1, to: outbox.state().head, mostBytes: 1e12 }).map(({ sequence }) => sequence);
}

describe("the outbox's file", () => {
	it("numbers records 1, 2, 3 … and goes on there after it was opened again", () => {
		const first = new OutboxDatabase(folder, PLENTY);
		expect(first.append([record(AT), record(AT + 1)], [])).toEqual({ first: 1, last: 2 });
		const { epoch } = first;
		first.close();
		const second = new OutboxDatabase(folder, PLENTY);
		expect(second.epoch).toBe(epoch);
		expect(second.append([record(AT + 2)], [])).toEqual({ first: 3, last: 3 });
		expect(second.state()).toMatchObject({ tail: 1, head: 3, records: 3 });
		second.close();
	});

	it("never gives a number twice, though all before it are settled", () => {
		const outbox = new OutboxDatabase(folder, PLENTY);
		outbox.append([record(AT), record(AT), record(AT)], []);
		outbox.settle({ base: 3, ranges: [] });
		expect(outbox.state()).toMatchObject({ tail: 1, head: 3, records: 0, bytes: 0 });
		outbox.close();
		const again = new OutboxDatabase(folder, PLENTY);
		expect(again.append([record(AT)], [])).toEqual({ first: 4, last: 4 });
		again.close();
	});

	it("settles a base and ranges, and keeps for 26 hours what is settled", () => {
		const outbox = new OutboxDatabase(folder, PLENTY);
		outbox.append(
			Array.from({ length: 10 }, () => record(AT)),
			[],
		);
		outbox.settle({
			base: 2,
			ranges: [
				[5, 6],
				[9, 12],
			],
		});
		expect(outbox.state()).toMatchObject({ records: 4, tail: 1 });
		expect(numbersIn(outbox)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
		outbox.append([record(AT + (26 * DAY) / 24)], []);
		expect(numbersIn(outbox)).toHaveLength(11);
		outbox.append([record(AT + (26 * DAY) / 24 + 1)], []);
		expect(numbersIn(outbox)).toEqual([3, 4, 7, 8, 11, 12]);
		expect(outbox.state()).toMatchObject({ records: 6, keptBytes: 0 });
		outbox.close();
	});

	it("gives up what is settled before it drops anything that is not", () => {
		const outbox = new OutboxDatabase(folder, { maxBytes: 20_000, maxDays: 14 });
		for (let count = 0; count < 400; count += 1) {
			outbox.append([record(AT + count)], []);
			if (count < 300) outbox.settle({ base: count, ranges: [] });
		}
		const { bytes, keptBytes, outcomesDropped } = outbox.state();
		expect(bytes + keptBytes).toBeLessThanOrEqual(20_000);
		expect(keptBytes).toBeGreaterThan(0);
		// Made = settled + held + dropped.
		const { outcomes, outcomesSettled } = outbox.state();
		expect({ outcomes, outcomesSettled }).toEqual({ outcomes: 101, outcomesSettled: 299 });
		expect(outcomesDropped).toBe(0);
		outbox.close();
	});

	it("that is a copy from before begins a new epoch, and keeps what was made since it was opened", () => {
		const outbox = new OutboxDatabase(folder, PLENTY);
		outbox.append([record(AT), record(AT)], []);
		const { epoch } = outbox;
		outbox.append([record(AT)], []);
		outbox.renewEpoch({ base: 9, ranges: [] }, 2);
		expect(outbox.epoch).not.toBe(epoch);
		expect(outbox.state()).toMatchObject({ records: 1, tail: 3, head: 3, epoch: outbox.epoch });
		outbox.close();
		const again = new OutboxDatabase(folder, PLENTY);
		expect(again.epoch).toBe(outbox.epoch);
		again.close();
	});

	it("of a version that forgot at once is read, and keeps from then on", () => {
		withSql((database) => {
			database.exec(
				"CREATE TABLE records (sequence INTEGER PRIMARY KEY AUTOINCREMENT, made_at INTEGER NOT NULL, outcomes INTEGER NOT NULL, size INTEGER NOT NULL, bytes BLOB NOT NULL)",
			);
			const { bytes } = record(AT);
			const insert = database.prepare(
				"INSERT INTO records (made_at, outcomes, size, bytes) VALUES (?, 1, ?, ?)",
			);
			for (let count = 0; count < 3; count += 1) insert.run(AT, bytes.length, bytes);
		});
		const outbox = new OutboxDatabase(folder, PLENTY);
		expect(outbox.state()).toMatchObject({ tail: 1, head: 3, records: 3 });
		outbox.settle({ base: 3, ranges: [] });
		expect(numbersIn(outbox)).toEqual([1, 2, 3]);
		outbox.close();
	});

	it("of a version that did not count what its gaps tell of counts it, so that the sums come out even", () => {
		const time = timeAt(AT);
		const gap = encodeGap(time, { reason: "outbox_full", from: AT, to: AT, outcomes: 7 });
		const { bytes } = record(AT);
		withSql((database) => {
			database.exec(
				"CREATE TABLE records (sequence INTEGER PRIMARY KEY AUTOINCREMENT, made_at INTEGER NOT NULL, outcomes INTEGER NOT NULL, size INTEGER NOT NULL, bytes BLOB NOT NULL, acked_at INTEGER)",
			);
			const insert = database.prepare(
				"INSERT INTO records (made_at, outcomes, size, bytes) VALUES (?, ?, ?, ?)",
			);
			insert.run(AT, 0, gap.length, gap);
			insert.run(AT, 1, bytes.length, bytes);
		});
		const outbox = new OutboxDatabase(folder, { maxBytes: 64, maxDays: 14 });
		expect(outbox.state()).toMatchObject({ outcomes: 8, outcomesUnaccounted: 0 });
		for (let index = 1; index <= 20; index += 1) outbox.append([record(AT + index)], []);
		expect(gapsIn(outbox).length).toBeGreaterThan(0);
		expect(outbox.state()).toMatchObject({ outcomes: 28, outcomesUnaccounted: 0 });
		outbox.close();
	});

	it("reads until the bytes asked for are reached, at least one record", () => {
		const outbox = new OutboxDatabase(folder, PLENTY);
		const one = record(AT);
		outbox.append([one, one, one], []);
		const size = one.bytes.length;
		expect(outbox.read({ from: 1, to: 3, mostBytes: 1 }).length).toBe(1);
		expect(outbox.read({ from: 1, to: 3, mostBytes: 2 * size }).length).toBe(2);
		outbox.close();
	});

	it("keeps definitions by their hash", () => {
		const outbox = new OutboxDatabase(folder, PLENTY);
		outbox.append([record(AT)], [{ hash: "a".repeat(16), text: "{}" }]);
		expect(outbox.definitions(["a".repeat(16), "b".repeat(16)])).toEqual([
			{ hash: "a".repeat(16), text: "{}" },
		]);
		outbox.close();
	});

	it("is refused to a second program with SQLITE_BUSY", async () => {
		const outbox = new OutboxDatabase(folder, PLENTY);
		const script = `import D from "better-sqlite3"; const d = new D(${JSON.stringify(path.join(folder, "outbox.db"))}, { timeout: 50 }); try { d.pragma("journal_mode = WAL"); d.exec("BEGIN EXCLUSIVE"); console.log("opened"); } catch (error) { console.log(error.code); }`;
		const other = spawn("node", ["--input-type=module", "-e", script], {
			stdio: ["ignore", "pipe", "inherit"],
		});
		let said = "";
		other.stdout.on("data", (data: Buffer) => {
			said += data.toString();
		});
		await once(other, "close");
		expect(said.trim()).toBe("SQLITE_BUSY");
		expect(() => new OutboxDatabase(folder, PLENTY)).toThrow("locked");
		outbox.close();
	});
});

describe("an outbox that is full", () => {
	it("drops the oldest and tells how many outcomes and which numbers, exactly", () => {
		const size = record(AT, 4).bytes.length;
		const outbox = new OutboxDatabase(folder, { maxBytes: 10 * size, maxDays: 14 });
		for (let index = 0; index < 40; index += 1) outbox.append([record(AT + index, 4)], []);
		const gaps = gapsIn(outbox);
		const kept = numbersIn(outbox);
		const keptRecords = kept.length - gaps.length;
		expect(gaps.every(({ reason }) => reason === "outbox_full")).toBe(true);
		expect(gaps.reduce((sum, { outcomes }) => sum + outcomes, 0)).toBe((40 - keptRecords) * 4);
		expect(outbox.state().outcomesDropped).toBe((40 - keptRecords) * 4);
		expect(outbox.state().bytes).toBeLessThanOrEqual(10 * size + 2 * 200);
		// Every number is kept or told of.
		const told = new Set(kept);
		for (const { sequences } of gaps)
			for (let number = sequences?.from ?? 1; number <= (sequences?.to ?? 0); number += 1) told.add(number);
		expect(told.size).toBe(outbox.state().head);
		outbox.close();
	});

	it("for so long that gap records are dropped, too, still tells of every outcome", () => {
		const outbox = new OutboxDatabase(folder, { maxBytes: 3_000, maxDays: 14 });
		for (let index = 0; index < 300; index += 1) outbox.append([record(AT + index, 2)], []);
		const gaps = gapsIn(outbox);
		const keptRecords = numbersIn(outbox).length - gaps.length;
		expect(gaps.reduce((sum, { outcomes }) => sum + outcomes, 0)).toBe((300 - keptRecords) * 2);
		expect(Math.min(...gaps.map(({ sequences }) => sequences?.from ?? 0))).toBe(1);
		expect(Math.min(...gaps.map(({ from }) => from))).toBe(AT);
		outbox.close();
	});

	it("comes to an end where even one record exceeds the limit", () => {
		const outbox = new OutboxDatabase(folder, { maxBytes: 50, maxDays: 14 });
		for (let index = 0; index < 5; index += 1) outbox.append([record(AT + index)], []);
		expect(gapsIn(outbox).length).toBeGreaterThan(0);
		outbox.close();
	});

	it("by age drops what is older than 14 days, with its reason and count", () => {
		const outbox = new OutboxDatabase(folder, PLENTY);
		outbox.append([aged(AT, 3), aged(AT + DAY, 5)], []);
		outbox.append([aged(AT + 14.5 * DAY, 1)], []);
		expect(gapsIn(outbox)).toMatchObject([
			{ reason: "expired", outcomes: 3, from: AT, to: AT, sequences: { from: 1, to: 1 }, number: 4 },
		]);
		expect(numbersIn(outbox)).toEqual([2, 3, 4]);
		outbox.close();
	});

	it.each([400, 3, -1])("drops nothing when the wall clock is set by %d days", (days) => {
		const outbox = new OutboxDatabase(folder, PLENTY);
		outbox.append([aged(AT), aged(AT + 1_000)], []);
		const stepped = { ...aged(AT + 2_000), time: { ...aged(AT + 2_000).time, wall: AT + days * DAY } };
		outbox.append([stepped], []);
		expect(gapsIn(outbox)).toEqual([]);
		expect(outbox.state().records).toBe(3);
		outbox.close();
	});
});

describe("a record that was damaged on disk", () => {
	it("becomes a gap of its own, and whole records between two damaged ones are read", () => {
		const outbox = new OutboxDatabase(folder, PLENTY);
		outbox.append(
			Array.from({ length: 8 }, (_, index) => record(AT + index, index + 1)),
			[],
		);
		outbox.close();
		withSql((database) => {
			for (const sequence of [3, 4, 7]) {
				const row = database.prepare("SELECT bytes FROM records WHERE sequence = ?").get(sequence) as {
					bytes: Buffer;
				};
				row.bytes[40] = (row.bytes[40] ?? 0) ^ 1;
				expect(checkRecord(row.bytes)).toBeDefined();
				database.prepare("UPDATE records SET bytes = ? WHERE sequence = ?").run(row.bytes, sequence);
			}
		});
		const again = new OutboxDatabase(folder, PLENTY);
		expect(numbersIn(again)).toEqual([1, 2, 5, 6, 8]);
		expect(gapsIn(again)).toMatchObject([
			{ reason: "corrupt", outcomes: 4 + 3, sequences: { from: 3, to: 4 }, number: 9 },
			{ reason: "corrupt", outcomes: 7, sequences: { from: 7, to: 7 }, number: 10 },
		]);
		again.close();
	});
});

describe("a file that is no outbox any more", () => {
	it.each([
		["no database at all", () => Buffer.from("this is not a database, it never was one ".repeat(200))],
		["zeros behind its first page", undefined],
	])("%s is set aside, and a new epoch begins", (_, content) => {
		const first = new OutboxDatabase(folder, PLENTY);
		first.append(
			Array.from({ length: 50 }, () => record(AT, 50)),
			[],
		);
		const { epoch } = first;
		first.close();
		const file = path.join(folder, "outbox.db");
		if (content !== undefined) writeFileSync(file, content());
		else {
			const whole = withSql((database) => database.serialize());
			writeFileSync(file, Buffer.concat([whole.subarray(0, 4_096), Buffer.alloc(whole.length - 4_096)]));
		}
		for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
		const second = new OutboxDatabase(folder, PLENTY);
		expect(second.epoch).not.toBe(epoch);
		expect(gapsIn(second)).toMatchObject([{ reason: "corrupt", outcomes: 0, number: 1 }]);
		expect(second.append([record(AT)], [])).toEqual({ first: 2, last: 2 });
		expect(existsSync(`${file}.damaged`)).toBe(true);
		second.close();
	});
});

describe("a disk that refuses", () => {
	it("leaves the counts as they were, so that nothing is dropped for bytes that were never stored", () => {
		const outbox = new OutboxDatabase(folder, PLENTY);
		outbox.append([record(AT)], []);
		const before = outbox.state();
		const tooLarge = { ...record(AT), bytes: null as unknown as Buffer };
		expect(() => outbox.append([record(AT), tooLarge], [])).toThrow();
		expect(outbox.state()).toEqual(before);
		outbox.close();
	});
});
