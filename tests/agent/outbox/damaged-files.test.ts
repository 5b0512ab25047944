/** Bit rot: what of an outbox can no longer be read is found, each time, and told; no damaged file needs a hand. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OutboxDatabase } from "../../../agent/outbox/database.js";
import { decodeRecord } from "../../../shared/wire/record.js";
import { deviceAt, exampleRecord, randomOf, timeAt } from "../../shared/wire/examples.js";

const AT = 1_800_000_000_000;
const PLENTY = { maxBytes: 1e9, maxDays: 14 };
const DEVICE = deviceAt("10.0.0.1:80");
const PAGE = 4_096;
const SEED = 7;

/** What is written here need not outlive anything. */
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(MEMORY, "rot-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function record(number: number) {
	const wall = AT + number * 1_000;
	const bytes = exampleRecord(wall, [{ device: DEVICE, terahashesPerSecond: number, watts: 3_000 }]);
	return { bytes, outcomes: 1, time: timeAt(wall) };
}

function filled(count: number): void {
	const outbox = new OutboxDatabase(folder, PLENTY);
	outbox.append(
		Array.from({ length: count }, (_, index) => record(index + 1)),
		[],
	);
	outbox.close();
}

function flipped(bytes: Buffer, random: () => number): Buffer {
	const bit = Math.floor(random() * bytes.length * 8);
	const changed = Buffer.from(bytes);
	changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
	return changed;
}

const DAMAGE: readonly ((bytes: Buffer, random: () => number) => Buffer)[] = [
	flipped,
	(bytes, random) => bytes.subarray(0, Math.floor(random() * bytes.length)),
	(bytes, random) => {
		const page = Math.floor((random() * bytes.length) / PAGE) * PAGE;
		return Buffer.concat([bytes.subarray(0, page), Buffer.alloc(PAGE), bytes.subarray(page + PAGE)]);
	},
	(bytes, random) => {
		const changed = Buffer.from(bytes);
		const from = Math.floor(random() * bytes.length);
		for (let at = from; at < Math.min(bytes.length, from + 512); at += 1)
			changed[at] = Math.floor(random() * 256);
		return changed;
	},
];

describe("an outbox in which bits have turned", { timeout: 120_000 }, () => {
	it("finds 1,000 of 1,000 records with one flipped bit, tells of each, and reads the 1,000 beside them", () => {
		filled(2_000);
		const random = randomOf(SEED);
		const database = new Database(path.join(folder, "outbox.db"));
		const find = database.prepare("SELECT bytes FROM records WHERE sequence = ?").pluck();
		const put = database.prepare("UPDATE records SET bytes = ? WHERE sequence = ?");
		database.transaction(() => {
			for (let number = 1; number <= 2_000; number += 2)
				put.run(flipped(find.get(number) as Buffer, random), number);
		})();
		database.close();
		const outbox = new OutboxDatabase(folder, PLENTY);
		const whole = outbox.read({ from: 1, to: 2_000, mostBytes: 1e9 });
		expect(whole.map(({ sequence }) => sequence)).toEqual(
			Array.from({ length: 1_000 }, (_, index) => 2 * (index + 1)),
		);
		const { head, outcomes, outcomesUnaccounted } = outbox.state();
		const gaps = outbox
			.read({ from: 2_001, to: head, mostBytes: 1e9 })
			.map(({ bytes }) => decodeRecord(Buffer.from(bytes), () => undefined));
		const told = gaps.map((one) => (one.ok && one.record.kind === "gap" ? one.record.gap : undefined));
		expect(told.reduce((sum, gap) => sum + (gap?.outcomes ?? 0), 0)).toBe(1_000);
		expect(new Set(told.map((gap) => gap?.reason))).toEqual(new Set(["corrupt"]));
		expect({ outcomes, outcomesUnaccounted }).toEqual({ outcomes: 2_000, outcomesUnaccounted: 0 });
		outbox.close();
	});

	it("starts unaided from 200 of 200 damaged files, takes records, and gives none that was not made", () => {
		filled(300);
		const made = new Set(Array.from({ length: 310 }, (_, index) => record(index + 1).bytes.toString("hex")));
		const whole = readFileSync(path.join(folder, "outbox.db"));
		const random = randomOf(SEED);
		const failed: string[] = [];
		for (let file = 0; file < 200; file += 1) {
			const own = path.join(folder, String(file));
			mkdirSync(own);
			const damage = DAMAGE[file % DAMAGE.length];
			writeFileSync(path.join(own, "outbox.db"), damage?.(whole, random) ?? whole);
			try {
				for (const number of [301, 302]) {
					const outbox = new OutboxDatabase(own, PLENTY);
					const { last } = outbox.append([record(number)], []);
					const read = outbox.read({ from: 1, to: last + 1_000, mostBytes: 1e9 });
					const strange = read.filter(
						({ bytes }) => bytes[1] === 1 && !made.has(Buffer.from(bytes).toString("hex")),
					);
					if (strange.length > 0) failed.push(`${file}: ${strange.length} records that were never made`);
					if (!read.some(({ sequence }) => sequence === last))
						failed.push(`${file}: the new record is not there`);
					outbox.settle({ base: last, ranges: [] });
					outbox.close();
				}
			} catch (error) {
				failed.push(`${file}: ${error}`);
			}
			rmSync(own, { recursive: true });
		}
		expect(failed).toEqual([]);
	});
});
