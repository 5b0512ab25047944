/** What an outbox does when it is full: one reading each five minutes stays of what is old, and every outcome is accounted for. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type NewRecord, OutboxDatabase, type StoredRecord } from "../../../agent/outbox/database.js";
import { thinned } from "../../../agent/outbox/thinning.js";
import { hashOf } from "../../../shared/wire/definition.js";
import type { Gap } from "../../../shared/wire/gap.js";
import { checkRecord, decodeRecord, outcomesOf, wallOf } from "../../../shared/wire/record.js";
import {
	definitionsOf,
	deviceAt,
	exampleRecord,
	HASH_AND_WATTS,
	SHAPE_HASH,
	timeAt,
} from "../../shared/wire/examples.js";

/** 2026-01-01, 00:00 UTC. */
const START = Date.UTC(2026, 0, 1);
const POLL = 30_000;
const SLOT = 300_000;
const DEVICES = Array.from({ length: 8 }, (_, index) => deviceAt(`10.0.0.${index}:80`));
const DEFINITIONS = definitionsOf(DEVICES);

/** What is written here need not outlive anything. */
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(MEMORY, "thinning-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function polled(number: number): NewRecord {
	const wall = START + number * POLL;
	const outcomes = DEVICES.map((device, index) => ({
		device,
		terahashesPerSecond: number % 997,
		watts: (number * 31 + index) % 4_096,
	}));
	const time = { ...timeAt(wall), monotonic: number * POLL };
	return { bytes: exampleRecord(wall, outcomes), outcomes: DEVICES.length, time };
}

type Found = {
	readonly numbers: readonly number[];
	/** Device and wall time of each outcome that is there. */
	readonly outcomes: readonly { readonly device: string; readonly at: number }[];
	readonly gaps: readonly Gap[];
};

function contents(outbox: OutboxDatabase): Found {
	const rows = outbox.read({ from: 1, to: outbox.state().head, mostBytes: Number.MAX_SAFE_INTEGER });
	const found = { numbers: [] as number[], outcomes: [] as Found["outcomes"][number][], gaps: [] as Gap[] };
	for (const { sequence, bytes } of rows) {
		const decoded = decodeRecord(Buffer.from(bytes), (hash) =>
			hash === SHAPE_HASH ? HASH_AND_WATTS : undefined,
		);
		if (!decoded.ok) throw new Error(decoded.failure.what);
		found.numbers.push(sequence);
		const { record } = decoded;
		if (record.kind === "gap") found.gaps.push(record.gap);
		if (record.kind === "outcomes")
			for (const { device, measuredAt } of outcomesOf(record.groups))
				found.outcomes.push({ device, at: wallOf(record.time, measuredAt) });
	}
	return found;
}

function gapsOf(rows: readonly StoredRecord[]): readonly Gap[] {
	return rows.flatMap(({ bytes }) => {
		const decoded = decodeRecord(Buffer.from(bytes), () => undefined);
		return decoded.ok && decoded.record.kind === "gap" ? [decoded.record.gap] : [];
	});
}

const missing = (gaps: readonly Gap[]) => gaps.reduce((sum, { outcomes }) => sum + outcomes, 0);

function byDevice(gaps: readonly Gap[]): ReadonlyMap<string, number> {
	const sums = new Map<string, number>();
	for (const { devices } of gaps)
		for (const [device, count] of devices ?? []) sums.set(device, (sums.get(device) ?? 0) + count);
	return sums;
}

describe("an outbox that is full", () => {
	it("keeps a reading of each device each five minutes of ten hours before it drops any time as a whole", () => {
		const polls = 1_200;
		const size = polled(1).bytes.length;
		const outbox = new OutboxDatabase(folder, { maxBytes: size * polls * 0.7, maxDays: 14 });
		for (let number = 0; number < polls; number += 1) outbox.append([polled(number)], DEFINITIONS);
		const { outcomes, gaps } = contents(outbox);
		expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(["thinned"]));
		for (const device of DEVICES.map(hashOf)) {
			const slots = new Set(
				outcomes.flatMap((one) => (one.device === device ? [Math.floor(one.at / SLOT)] : [])),
			);
			expect(slots.size).toBe((polls * POLL) / SLOT);
		}
		expect(outcomes.length + missing(gaps)).toBe(polls * DEVICES.length);
		const own = DEVICES.map((device) => byDevice(gaps).get(hashOf(device)));
		expect(own).toEqual(DEVICES.map(() => missing(gaps) / DEVICES.length));
		expect(outbox.state()).toMatchObject({
			outcomesDropped: 0,
			outcomesThinned: missing(gaps),
			outcomesUnaccounted: 0,
		});
		// What was not thinned is as it was: the newest hour is there poll by poll.
		const hour = outcomes.filter(({ at }) => at > START + (polls - 120) * POLL);
		expect(hour.length).toBe(119 * DEVICES.length);
		outbox.close();
	});

	it("drops what was thinned first when that is not enough, and says of each device how much", () => {
		const polls = 3_000;
		const size = polled(1).bytes.length;
		const outbox = new OutboxDatabase(folder, { maxBytes: size * 200, maxDays: 14 });
		for (let number = 0; number < polls; number += 1) outbox.append([polled(number)], DEFINITIONS);
		const { outcomes, gaps, numbers } = contents(outbox);
		const reasons = gaps.map(({ reason }) => reason);
		expect(new Set(reasons)).toEqual(new Set(["thinned", "outbox_full"]));
		expect(outcomes.length + missing(gaps)).toBe(polls * DEVICES.length);
		expect([...byDevice(gaps).values()].reduce((sum, count) => sum + count, 0)).toBe(missing(gaps));
		expect(outbox.state().bytes).toBeLessThanOrEqual(size * 201);
		// Every number is there or told of, so that a collector's cursor has no hole.
		const told = new Set(numbers);
		for (const { sequences } of gaps)
			for (let at = sequences?.from ?? 1; at <= (sequences?.to ?? 0); at += 1) told.add(at);
		expect(told.size).toBe(outbox.state().head);
		// Nothing that is still there is told to be missing.
		const spans = gaps.map(({ sequences }) => sequences);
		const lost = numbers.filter((at) =>
			spans.some((span) => span !== undefined && at >= span.from && at <= span.to),
		);
		expect(lost).toEqual([]);
		outbox.close();
	});

	it("keeps one reading of a device each five minutes though a thinning spans a few minutes only", () => {
		const [device] = DEVICES;
		if (device === undefined) expect.fail("no device");
		const second = (number: number): NewRecord => {
			const wall = START + number * 1_000;
			const bytes = exampleRecord(wall, [{ device, terahashesPerSecond: number % 997, watts: 1 }]);
			return { bytes, outcomes: 1, time: { ...timeAt(wall), monotonic: number * 1_000 } };
		};
		// So few that nothing thinned comes to the front again.
		const polls = 1_700;
		const size = second(1).bytes.length;
		const outbox = new OutboxDatabase(folder, { maxBytes: size * 900, maxDays: 14 });
		for (let number = 0; number < polls; number += 1) outbox.append([second(number)], DEFINITIONS);
		const { outcomes, gaps } = contents(outbox);
		expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(["thinned"]));
		const slots = new Map<number, number>();
		for (const { at } of outcomes) {
			const slot = (Math.floor(at / SLOT) * SLOT - START) / SLOT;
			slots.set(slot, (slots.get(slot) ?? 0) + 1);
		}
		expect(slots.size).toBe(6);
		// A thinning takes an eighth of it, less than two minutes; the last quarter of an hour may be whole.
		expect([slots.get(0), slots.get(1)]).toEqual([1, 1]);
		expect(outcomes.length + missing(gaps)).toBe(polls);
		outbox.close();
	});

	it("makes records no longer than may be of what stays, though that is the long part of each", () => {
		const shapes = (hash: string) => (hash === SHAPE_HASH ? HASH_AND_WATTS : undefined);
		const records = Array.from({ length: 480 }, (_, index) => {
			const failed = deviceAt(`10.0.${1 + (index >> 8)}.${index & 255}:80`);
			const readings = DEVICES.map((device) => ({ device, terahashesPerSecond: 1, watts: 1 }));
			const bytes = exampleRecord(START + index * 500, [
				...Array.from({ length: 12 }, () => readings).flat(),
				{ device: failed, code: "DEVICE_TIMEOUT", what: `${index} ${"€".repeat(240)}` },
			]);
			const decoded = decodeRecord(bytes, shapes);
			return decoded.ok && decoded.record.kind === "outcomes" ? decoded.record : expect.fail("no record");
		});
		const { records: fewer, dropped } = thinned(records, shapes, undefined);
		expect(fewer.map(({ bytes }) => checkRecord(bytes))).toEqual(fewer.map(() => undefined));
		const kept = fewer.reduce((sum, { outcomes }) => sum + outcomes, 0);
		expect(kept).toBe(480 + DEVICES.length);
		expect(kept + dropped).toBe(480 * (12 * DEVICES.length + 1));
	});

	it("by age drops what was thinned, too, though it stands behind younger records", () => {
		const size = polled(1).bytes.length;
		const outbox = new OutboxDatabase(folder, { maxBytes: size * 2_000, maxDays: 1 });
		for (let number = 0; number < 2_300; number += 1) outbox.append([polled(number)], DEFINITIONS);
		expect(contents(outbox).gaps.map(({ reason }) => reason)).toContain("thinned");
		const later = 2_300 + 2_880;
		outbox.append([polled(later)], DEFINITIONS);
		for (let extra = 1; extra < 12; extra += 1) outbox.append([polled(later + extra)], DEFINITIONS);
		const { outcomes, gaps } = contents(outbox);
		expect(Math.min(...outcomes.map(({ at }) => at))).toBeGreaterThan(START + 2_299 * POLL);
		expect(outcomes.length + missing(gaps)).toBe(2_312 * DEVICES.length);
		outbox.close();
	});
});

describe("whatever happens to an outbox,", () => {
	it("made = settled + held, held is what its records hold or tell of, and no number is without either", () => {
		const step = fc.oneof(
			fc.record({ kind: fc.constant("append" as const), count: fc.integer({ min: 1, max: 12 }) }),
			fc.record({
				kind: fc.constant("settle" as const),
				base: fc.integer({ min: 0, max: 40 }),
				from: fc.integer({ min: 1, max: 120 }),
				length: fc.integer({ min: 0, max: 30 }),
			}),
			fc.record({ kind: fc.constant("wait" as const), hours: fc.integer({ min: 1, max: 20 }) }),
			fc.record({ kind: fc.constant("open again" as const) }),
		);
		fc.assert(
			fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
				const own = mkdtempSync(path.join(folder, "run-"));
				const limits = { maxBytes: polled(1).bytes.length * 20, maxDays: 2 };
				let outbox = new OutboxDatabase(own, limits);
				let number = 0;
				let made = 0;
				const settled = new Set<number>();
				for (const one of steps) {
					if (one.kind === "wait") number += one.hours * 120;
					if (one.kind === "open again") {
						outbox.close();
						outbox = new OutboxDatabase(own, limits);
					}
					if (one.kind === "settle") {
						const { head } = outbox.state();
						if (head === 0) continue;
						const ranges: [number, number][] = [
							[Math.min(one.from, head), Math.min(one.from + one.length, head)],
						];
						const base = Math.min(one.base, head);
						const told = outbox.read({ from: 1, to: head, mostBytes: Number.MAX_SAFE_INTEGER });
						outbox.settle({ base, ranges });
						for (const [from, to] of [[1, base] as const, ...ranges]) {
							for (let at = from; at <= to; at += 1) settled.add(at);
							// What a gap told is known, though its record may make room once it is settled.
							for (const { sequences } of gapsOf(told.filter(({ sequence: at }) => at >= from && at <= to)))
								for (let at = sequences?.from ?? 1; at <= (sequences?.to ?? 0); at += 1) settled.add(at);
						}
					}
					if (one.kind !== "append") continue;
					for (let count = 0; count < one.count; count += 1, number += 1) {
						outbox.append([polled(number)], DEFINITIONS);
						made += DEVICES.length;
					}
				}
				const { outcomes, outcomesUnaccounted, made: counted, head } = outbox.state();
				expect({ outcomesUnaccounted, counted }).toEqual({ outcomesUnaccounted: 0, counted: made });
				const { numbers, gaps } = contents(outbox);
				const known = new Set([...settled, ...numbers]);
				for (const { sequences } of gaps)
					for (let at = sequences?.from ?? 1; at <= (sequences?.to ?? 0); at += 1) known.add(at);
				expect(known.size).toBe(head);
				expect(outcomes).toBeLessThanOrEqual(made);
				outbox.close();
			}),
			{ numRuns: 60 },
		);
	});
});
