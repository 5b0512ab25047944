import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../../shared/wire/bytes.js";
import { roundToDecimals } from "../../../shared/wire/number-column.js";
import type { RecordOutcome } from "../../../shared/wire/outcome.js";
import {
	checkRecord,
	decodeRecord,
	encodeGap,
	encodeOutcomes,
	hashesIn,
	OUTCOMES_MOST,
	outcomesOf,
	RECORD_FORMAT,
	timeOf,
	wallOf,
} from "../../../shared/wire/record.js";
import { deviceAt, exampleRecord, randomOf, timeAt } from "./examples.js";

const TIME = timeAt(1_800_000_000_000);
const SHAPE = "5a".repeat(8);
const value = fc.oneof(
	fc.constant(Number.NaN),
	fc.double({ noNaN: true, noDefaultInfinity: true }),
	fc.integer({ min: -1_000_000, max: 1_000_000 }),
);
const outcome = (columns: number): fc.Arbitrary<RecordOutcome> => {
	const common = {
		device: fc.stringMatching(/^[0-9a-f]{16}$/),
		measuredAt: fc.integer({ min: 0, max: TIME.monotonic }),
		tookMilliseconds: fc.nat({ max: 100_000 }),
	};
	return fc.oneof(
		fc.record({
			kind: fc.constant("failure" as const),
			...common,
			code: fc.string(),
			what: fc.string({ maxLength: 200 }),
		}),
		fc.record({
			kind: fc.constant("reading" as const),
			...common,
			shape: fc.constant(SHAPE),
			values: fc
				.array(value, { minLength: columns, maxLength: columns })
				.map((all) => Float64Array.from(all)),
			errorCodes: fc.array(fc.string({ maxLength: 8 }), { maxLength: 32 }),
			faults: fc.array(fc.tuple(fc.string({ maxLength: 8 }), fc.nat({ max: 9 })), { maxLength: 8 }),
		}),
	);
};
const shaped = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 12 }).chain((decimals) =>
	fc.record({
		columns: fc.constant(decimals.map((one) => ({ decimals: one }))),
		outcomes: fc.array(outcome(decimals.length), { maxLength: 20 }),
	}),
);

function sealed(write: (writer: ByteWriter) => void, kind = 1): Buffer {
	const writer = new ByteWriter();
	writer.u8(RECORD_FORMAT);
	writer.u8(kind);
	writer.f64(1_800_000_000_000);
	writer.f64(5_000);
	writer.raw(Buffer.alloc(16));
	write(writer);
	writer.u32(crc32(writer.view()));
	return writer.finish();
}

function varints(writer: ByteWriter, ...counts: readonly number[]): void {
	for (const count of counts) writer.varint(count);
}

describe("a record of outcomes", () => {
	it("gives back every outcome, each value rounded to its column's decimals", () => {
		fc.assert(
			fc.property(shaped, ({ columns, outcomes }) => {
				const lookUp = () => ({ columns });
				const bytes = encodeOutcomes(TIME, outcomes, lookUp);
				expect(checkRecord(bytes)).toBeUndefined();
				const decoded = decodeRecord(bytes, lookUp);
				if (!decoded.ok || decoded.record.kind !== "outcomes") throw new Error("it does not decode");
				expect(decoded.record.time).toEqual(TIME);
				expect(timeOf(bytes)).toEqual(TIME);
				const expected = outcomes.map((one) =>
					one.kind === "failure"
						? one
						: {
								...one,
								values: one.values.map((number, index) => {
									const decimals = columns[index]?.decimals ?? 0;
									// A zero has no sign on the wire.
									return Number.isNaN(number) ? number : roundToDecimals(number, decimals) + 0;
								}),
							},
				);
				// Readings stand together by shape, failures after them.
				const [readings, failures] = ["reading", "failure"].map((kind) =>
					expected.filter((one) => one.kind === kind),
				);
				expect(outcomesOf(decoded.record.groups)).toEqual([...(readings ?? []), ...(failures ?? [])]);
			}),
			{ numRuns: 300 },
		);
	});

	it("keeps 0.1 TH/s at six decimals, 2^51 raw, and an absent value absent", () => {
		const values = Float64Array.of(0.1, 2 ** 51 + 0.5, Number.NaN);
		const columns = [{ decimals: 6 }, { decimals: 3 }, { decimals: 0 }];
		const reading: RecordOutcome = {
			kind: "reading",
			device: "d1".repeat(8),
			measuredAt: TIME.monotonic - 100,
			tookMilliseconds: 1,
			shape: SHAPE,
			values,
			errorCodes: [],
			faults: [],
		};
		const decoded = decodeRecord(
			encodeOutcomes(TIME, [reading], () => ({ columns })),
			() => ({ columns }),
		);
		expect(decoded.ok && decoded.record.kind === "outcomes" && outcomesOf(decoded.record.groups)).toEqual([
			reading,
		]);
		expect(wallOf(TIME, reading.measuredAt)).toBe(1_799_999_999_900);
	});

	it("names the definitions that it needs, each once", () => {
		const [a, b] = [deviceAt("a:1"), deviceAt("b:1")];
		const record = exampleRecord(1e12, [
			{ device: a, terahashesPerSecond: 1, watts: 2 },
			{ device: b, code: "DEVICE_TIMEOUT" },
			{ device: a, terahashesPerSecond: 3, watts: 4 },
		]);
		const named = hashesIn(record);
		expect(named.ok && named.hashes.length).toBe(3);
	});

	it("is refused as malformed where its shape is not known", () => {
		const record = exampleRecord(1e12, [{ device: deviceAt("a:1"), terahashesPerSecond: 1, watts: 2 }]);
		const decoded = decodeRecord(record, () => undefined);
		expect(!decoded.ok && decoded.failure.code).toBe("RECORD_MALFORMED");
	});
});

describe("a gap", () => {
	const gap = { reason: "outbox_full", from: 1_000, to: 2_000, outcomes: 12, sequences: { from: 3, to: 9 } };

	it("comes back with its reason, times, count and numbers", () => {
		const decoded = decodeRecord(encodeGap(TIME, gap), () => undefined);
		expect(decoded.ok && decoded.record.kind === "gap" && { ...decoded.record.gap }).toMatchObject({
			...gap,
			sequences: { from: 3, to: 9 },
		});
	});

	it.each([
		{ ...gap, outcomes: -1 },
		{ ...gap, outcomes: 1.5 },
		{ ...gap, from: "then" },
		{ ...gap, reason: 7 },
		{ ...gap, sequences: { from: 0, to: 9 } },
		{ ...gap, sequences: { from: 9, to: 3 } },
		{ ...gap, sequences: { from: "1", to: 3 } },
		{ ...gap, sequences: null },
		null,
		[],
	])("of %j is refused", (wrong) => {
		const bytes = sealed((writer) => writer.text(JSON.stringify(wrong)), 2);
		expect(decodeRecord(bytes, () => undefined).ok).toBe(false);
	});
});

describe("a record of a kind that this version does not know", () => {
	it("is kept by its number", () => {
		const bytes = sealed((writer) => writer.text("later"), 77);
		expect(checkRecord(bytes)).toBeUndefined();
		expect(hashesIn(bytes)).toEqual({ ok: true, hashes: [] });
		expect(decodeRecord(bytes, () => undefined)).toMatchObject({
			ok: true,
			record: { kind: "unknown", number: 77 },
		});
	});
});

describe("damaged bytes", () => {
	const devices = Array.from({ length: 20 }, (_, index) => deviceAt(`10.0.0.${index}:80`));
	const record = exampleRecord(
		1_800_000_000_000,
		devices.map((device, index) => ({ device, terahashesPerSecond: index * 1.5, watts: 3_000 + index })),
	);

	it("cut anywhere are refused", () => {
		for (let length = 0; length < record.length; length += 1)
			expect(checkRecord(record.subarray(0, length))?.code).toBe("RECORD_MALFORMED");
	});

	it("with one bit flipped are refused, 1,000 of 1,000 times", () => {
		const random = randomOf(1);
		let refused = 0;
		for (let count = 0; count < 1_000; count += 1) {
			const damaged = Buffer.from(record);
			const bit = Math.floor(random() * record.length * 8);
			damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
			if (checkRecord(damaged) !== undefined) refused += 1;
		}
		expect(refused).toBe(1_000);
	});

	it("under a right checksum decode or are refused, and never throw", () => {
		const columns = [{ decimals: 6 }, { decimals: 3 }];
		const random = randomOf(2);
		for (let count = 0; count < 3_000; count += 1) {
			const damaged = Buffer.from(record.subarray(0, record.length - 4));
			for (let flips = 1 + random() * 4; flips > 0; flips -= 1)
				damaged[2 + Math.floor(random() * (damaged.length - 2))] = Math.floor(random() * 256);
			const end = Buffer.alloc(4);
			end.writeUInt32BE(crc32(damaged));
			const whole = Buffer.concat([damaged, end]);
			hashesIn(whole);
			timeOf(whole);
			const decoded = decodeRecord(whole, () => ({ columns }));
			if (!decoded.ok || decoded.record.kind !== "outcomes") continue;
			for (const one of outcomesOf(decoded.record.groups))
				if (one.kind === "reading")
					expect([...one.values].every((number) => Math.abs(number) !== Infinity)).toBe(true);
		}
	});

	it.each([
		["texts", (writer: ByteWriter) => writer.varint(2 ** 40)],
		["hashes", (writer: ByteWriter) => varints(writer, 0, 2 ** 40)],
		["groups", (writer: ByteWriter) => varints(writer, 0, 0, OUTCOMES_MOST + 1)],
		["outcomes", (writer: ByteWriter) => varints(writer, 0, 0, 1, 1, OUTCOMES_MOST + 1)],
	])("that claim too many %s are refused before anything is reserved", (_, write) => {
		expect(decodeRecord(sealed(write), () => undefined).ok).toBe(false);
	});

	it("longer than 256 KiB, or of another format, are refused", () => {
		expect(checkRecord(Buffer.alloc(256 * 1_024 + 1))?.what).toContain("262144 are allowed");
		const later = sealed((writer) => writer.varint(0));
		later[0] = 3;
		later.writeUInt32BE(crc32(later.subarray(0, later.length - 4)), later.length - 4);
		expect(checkRecord(later)?.what).toBe("Record format 3; this version reads 1 and 2.");
	});
});

describe("a record of the format before", () => {
	it("is read as it was written: one reading, one failure", () => {
		const bytes = Buffer.from(
			"0101427a3185c500000040b3880000000000000102030405060708090a0b0c0d0e0f04033230350852455041495245440e4445564943455f54494d454f5554114e6f20616e7377657220696e203520732e03d1d1d1d1d1d1d1d15a5a5a5a5a5a5a5ad2d2d2d2d2d2d2d2021500c801780101c28c9bbf0100a2dd8c03010001010107021488270202032e7f0311",
			"hex",
		);
		expect(checkRecord(bytes)).toBeUndefined();
		const decoded = decodeRecord(bytes, () => ({
			columns: [{ decimals: 6 }, { decimals: 3 }, { decimals: 3 }],
		}));
		if (!decoded.ok || decoded.record.kind !== "outcomes") throw new Error("it does not decode");
		expect(outcomesOf(decoded.record.groups)).toEqual([
			{
				kind: "reading",
				device: "d1".repeat(8),
				measuredAt: 4_900,
				tookMilliseconds: 120,
				shape: "5a".repeat(8),
				values: Float64Array.of(200.5, Number.NaN, 3_250),
				errorCodes: ["205"],
				faults: [["REPAIRED", 1]],
			},
			{
				kind: "failure",
				device: "d2".repeat(8),
				measuredAt: 4_990,
				tookMilliseconds: 5_000,
				code: "DEVICE_TIMEOUT",
				what: "No answer in 5 s.",
			},
		]);
	});
});
