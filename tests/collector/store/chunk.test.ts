import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	ABSENT_SCALED,
	type ChunkRun,
	type ColumnValues,
	decodeScaled,
	encodeChunk,
	schemaText,
} from "../../../collector/store/chunk.js";
import type { Column, Columns } from "../../../collector/store/device-state.js";
import { cutRun, joinRuns } from "../../../collector/store/runs.js";
import { randomOf } from "../../shared/wire/examples.js";
import { decodeViews } from "./decode-views.js";
import { exampleReadings } from "./example-readings.js";

const PROPERTY_RUNS = 300;

const anyDouble = fc.oneof(
	fc.double({ noDefaultInfinity: true }),
	fc.integer({ min: -1_000_000, max: 1_000_000 }).map((number) => number / 1_000),
	fc.constantFrom(
		0,
		-0,
		5e-324,
		-5e-324,
		2 ** 31,
		-(2 ** 31),
		2 ** 50,
		2 ** 52,
		2 ** 53,
		0.1,
		1e300,
		Infinity,
	),
	fc.constant(Number.NaN),
);
const scaledNumber = fc.oneof(
	fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }),
	fc.integer({ min: -20, max: 20 }),
	fc.constant(ABSENT_SCALED),
);
/** Columns of one kind each, as real ones are: what a device reports does not jump between kinds. */
const kinds = (length: number): fc.Arbitrary<ColumnValues> => {
	const size = { minLength: length, maxLength: length };
	const numbers = (one: fc.Arbitrary<number>) => fc.array(one, size).map((all) => Int32Array.from(all));
	const walk = fc
		.tuple(fc.integer({ min: -(2 ** 30), max: 2 ** 30 }), fc.array(fc.integer({ min: -9, max: 9 }), size))
		.map(([first, steps]) => {
			let number = first;
			return Int32Array.from(steps, (step) => {
				number += step * 60;
				return number;
			});
		});
	const large = fc
		.tuple(
			fc.integer({ min: -(2 ** 51), max: 2 ** 51 }),
			fc.array(fc.integer({ min: 0, max: 2 ** 40 }), size),
		)
		.map(([first, all]) => Float64Array.from(all, (one) => first + one));
	return fc.oneof(
		fc.array(anyDouble, size).map((all) => Float64Array.from(all)),
		numbers(scaledNumber),
		numbers(fc.constant(ABSENT_SCALED)),
		fc.integer({ min: -9, max: 9 }).chain((one) => numbers(fc.constantFrom(one, ABSENT_SCALED))),
		walk,
		large,
	);
};
const run: fc.Arbitrary<ChunkRun> = fc
	.record({
		times: fc.oneof(
			fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 48 }), { minLength: 1, maxLength: 40 }),
			fc
				.uniqueArray(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 40 })
				.map((all) => all.map((one) => 1.8e12 + one * 60_000)),
		),
		decimals: fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 }),
	})
	.chain(({ times, decimals }) =>
		fc.record({
			columns: fc.constant(decimals.sort().map((one) => ({ measurement: `m${one}`, decimals: one }))),
			times: fc.constant(Float64Array.from(times).sort()),
			values: fc.tuple(...decimals.map(() => kinds(times.length))),
		}),
	);

/** One example with parts, constants, numbers, doubles and absences. */
const EXAMPLE: Columns = {
	columns: [
		{ measurement: "pollResult", decimals: 0 },
		{ measurement: "powerWatts", decimals: 3 },
		{ measurement: "powerWatts", component: { part: "psu", key: "0" }, decimals: 3 },
	],
	times: Float64Array.from({ length: 100 }, (_, index) => 1_800_000_000_000 + index * 5_003),
	values: [
		new Float64Array(100),
		Float64Array.from({ length: 100 }, (_, index) => 3_250 + index / 8),
		Float64Array.from({ length: 100 }, (_, index) => (index % 7 === 0 ? Number.NaN : Math.PI * index)),
	],
};

function asValues(values: ColumnValues, { decimals }: Pick<Column, "decimals">): Float64Array {
	return values instanceof Float64Array
		? values
		: Float64Array.from(values, (one) => (one === ABSENT_SCALED ? Number.NaN : one / 10 ** decimals));
}

function inFloats({ columns, times, values }: ChunkRun): Columns {
	return {
		columns,
		times,
		values: values.map((own, index) => asValues(own, columns[index] ?? { decimals: 0 })),
	};
}

/** Columns without any value are not there after decoding. */
function withValues({ columns, times, values }: Columns): Columns {
	const isKept = values.map((own) => own.some((one) => !Number.isNaN(one)));
	return {
		columns: columns.filter((_, index) => isKept[index]),
		times,
		values: values.filter((_, index) => isKept[index]),
	};
}

function sealed(body: Uint8Array, columns: readonly Column[]): Buffer {
	const bytes = Buffer.alloc(body.length + 4);
	bytes.set(body);
	bytes.writeUInt32BE(crc32(body, crc32(schemaText(columns))), body.length);
	return bytes;
}

describe("a chunk", () => {
	it("gives back every bit of any doubles and numbers, and every absence", () => {
		fc.assert(
			fc.property(run, (readings) => {
				expect(decodeViews(encodeChunk(readings), readings.columns)).toEqual({
					ok: true,
					columns: withValues(inFloats(readings)),
				});
			}),
			{ numRuns: PROPERTY_RUNS },
		);
	});

	it("has the same bytes whether its columns came as numbers or as values", () => {
		fc.assert(
			fc.property(run, (readings) => {
				expect(encodeChunk(inFloats(readings)).equals(encodeChunk(readings))).toBe(true);
			}),
			{ numRuns: PROPERTY_RUNS },
		);
	});

	it("gives numbers of 32 bits for merging, which encode to the same bytes again", () => {
		fc.assert(
			fc.property(run, (readings) => {
				const bytes = encodeChunk(readings);
				const decoded = decodeScaled(bytes, readings.columns);
				if (!decoded.ok) throw new Error(decoded.failure.what);
				expect(inFloats(decoded.run)).toEqual(withValues(inFloats(readings)));
				for (const [index, column] of decoded.run.columns.entries()) {
					const came = readings.values[readings.columns.indexOf(column)];
					if (came instanceof Int32Array) expect(decoded.run.values[index]).toBeInstanceOf(Int32Array);
				}
				const again = decodeScaled(encodeChunk(decoded.run), decoded.run.columns);
				expect(again).toEqual(decoded);
			}),
			{ numRuns: PROPERTY_RUNS },
		);
	});

	it("keeps the sign of zero among whole numbers", () => {
		const columns = [{ measurement: "m", decimals: 0 }];
		const bytes = encodeChunk({
			columns,
			times: Float64Array.of(1, 2, 3),
			values: [Float64Array.of(1, -0, 0)],
		});
		const decoded = decodeViews(bytes, columns);
		expect(decoded.ok && [...(decoded.columns.values[0] ?? [])]).toEqual([1, -0, 0]);
	});

	it.each([0, 1, 2])("of %d samples comes back", (samples) => {
		const readings = inFloats(exampleReadings({ samples, jitterMilliseconds: 15 }));
		const decoded = decodeViews(encodeChunk(readings), readings.columns);
		expect(decoded).toEqual({ ok: true, columns: withValues(readings) });
	});

	it("keeps missed polls, a late start, a jump of a month and polls every 1,000.5 ms", () => {
		const columns = [{ measurement: "m", decimals: 0 }];
		for (const steps of [
			[10_000, 10_013, 39_990, 10_002, 9_995],
			[1, 10_000, 10_000, 10_000],
			[10_000, 10_000, 2_678_400_000, 10_000, 10_000],
			[1_000, 1_001, 1_000, 1_001, 1_000, 1_001],
			[86_400_000, 82_800_000, 90_000_000, 86_400_000],
			[1, 2 ** 47],
		]) {
			let at = 1_000;
			const times = Float64Array.from([0, ...steps], (step) => {
				at += step;
				return at;
			});
			const values = [new Float64Array(times.length).fill(7)];
			const decoded = decodeViews(encodeChunk({ columns, times, values }), columns);
			expect(decoded).toEqual({ ok: true, columns: { columns, times, values } });
		}
	});

	it.each([[[1, 1]], [[2, 1]], [[0.5]], [[-1]], [[2 ** 48 + 2]]])(
		"is not made of the times %j: they are whole ms from 0 that rise",
		(times) => {
			const values = [new Float64Array(times.length)];
			const columns = [{ measurement: "m", decimals: 0 }];
			expect(() => encodeChunk({ columns, times: Float64Array.from(times), values })).toThrow("whole ms");
		},
	);

	it("is not made of columns out of order", () => {
		const columns = EXAMPLE.columns.toReversed();
		expect(() => encodeChunk({ ...EXAMPLE, columns })).toThrow("in the order of their names");
	});

	it("gives one column alone", () => {
		const bytes = encodeChunk(EXAMPLE);
		const decoded = decodeViews(bytes, EXAMPLE.columns, ({ component }) => component?.part === "psu");
		expect(decoded.ok && decoded.columns.columns).toEqual([EXAMPLE.columns[2]]);
		expect(decoded.ok && decoded.columns.values[0]).toEqual(EXAMPLE.values[2]);
	});

	it("has the same bytes whatever the order in which its readings arrived", () => {
		fc.assert(
			fc.property(run, fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), (any, places) => {
				const readings = inFloats(any);
				const parts = new Map<number, number[]>();
				for (const [row] of readings.times.entries()) {
					const part = (places[row] ?? 0) % 4;
					parts.set(part, [...(parts.get(part) ?? []), row]);
				}
				const pieces = [...parts.values()].map((rows) => ({
					columns: readings.columns.toReversed(),
					times: Float64Array.from(rows, (row) => readings.times[row] ?? 0),
					values: readings.values.toReversed().map((own) => Float64Array.from(rows, (row) => own[row] ?? 0)),
				}));
				const expected = encodeChunk(joinRuns([readings]));
				expect(encodeChunk(joinRuns(pieces)).equals(expected)).toBe(true);
				expect(encodeChunk(joinRuns(pieces.toReversed())).equals(expected)).toBe(true);
			}),
			{ numRuns: 200 },
		);
	});
});

describe("the size of a chunk of sixteen series", () => {
	it.each([
		{ samples: 360, jitterMilliseconds: 15, most: 0.415 },
		{ samples: 360, jitterMilliseconds: 0, most: 0.37 },
		{ samples: 60, jitterMilliseconds: 15, most: 0.62 },
	])(
		"is at most $most bytes a sample for $samples samples with $jitterMilliseconds ms of jitter",
		({ samples, jitterMilliseconds, most }) => {
			const readings = exampleReadings({ samples, jitterMilliseconds });
			expect(encodeChunk(readings).length / (samples * readings.columns.length)).toBeLessThanOrEqual(most);
		},
	);

	it("grows by less than a hundredth where three failed polls take a value from every column", () => {
		const readings = exampleReadings({ samples: 360, jitterMilliseconds: 15 });
		const holed = readings.values.map((own) =>
			own.map((one, row) => (row % 100 === 50 ? ABSENT_SCALED : one)),
		);
		const whole = encodeChunk(readings).length;
		expect(encodeChunk({ ...readings, values: holed }).length).toBeLessThan(whole * 1.01);
	});
});

describe("bytes that are no chunk of these columns", () => {
	it("are refused with one bit flipped, 1,000 of 1,000 times, and at every truncation", () => {
		const bytes = encodeChunk(EXAMPLE);
		const random = randomOf(3);
		let refused = 0;
		for (let count = 0; count < 1_000; count += 1) {
			const damaged = Buffer.from(bytes);
			const bit = Math.floor(random() * bytes.length * 8);
			damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
			if (!decodeViews(damaged, EXAMPLE.columns).ok) refused += 1;
		}
		expect(refused).toBe(1_000);
		for (let length = 0; length < bytes.length; length += 1)
			expect(decodeViews(bytes.subarray(0, length), EXAMPLE.columns).ok).toBe(false);
	});

	it("are refused where a name, the decimals or the number of columns differ", () => {
		const bytes = encodeChunk(EXAMPLE);
		const [first, second, third] = EXAMPLE.columns;
		if (first === undefined || second === undefined || third === undefined) throw new Error("three columns");
		for (const columns of [
			[first, { ...second, measurement: "powerWattz" }, third],
			[first, { ...second, decimals: 2 }, third],
			[first, second],
			[first, second, { ...third, component: { part: "psu" as const, key: "1" } }],
		])
			expect(decodeViews(bytes, columns)).toMatchObject({ ok: false, failure: { code: "CHUNK_DAMAGED" } });
	});

	it("are refused or read, and never more, where the checksum fits any bytes", () => {
		const seen = { read: 0, refused: 0 };
		const see = (body: Uint8Array, columns: readonly Column[]) => {
			const bytes = sealed(body, columns);
			const decoded = decodeViews(bytes, columns);
			seen[decoded.ok ? "read" : "refused"] += 1;
			expect(decodeScaled(bytes, columns).ok).toBe(decoded.ok);
			if (decoded.ok) expect(decoded.columns.times).toEqual(decoded.columns.times.toSorted());
		};
		fc.assert(
			fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), (noise) => {
				see(noise, EXAMPLE.columns);
				see(Uint8Array.of(2, ...noise), EXAMPLE.columns);
			}),
			{ numRuns: PROPERTY_RUNS },
		);
		fc.assert(
			fc.property(run, fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1 }), (readings, flips) => {
				const body = encodeChunk(readings).subarray(0, -4);
				for (const [at, bit] of flips) body[at % body.length] = (body[at % body.length] ?? 0) ^ (1 << bit);
				see(body, readings.columns);
			}),
			{ numRuns: PROPERTY_RUNS },
		);
		expect(seen.read).toBeGreaterThan(50);
		expect(seen.refused).toBeGreaterThan(500);
	});

	it("cannot make it hold more than 2^25 values: a million samples of constants in a few bytes", () => {
		const columns = Array.from({ length: 40 }, (_, index) => ({
			measurement: `m${10 + index}`,
			decimals: 0,
		}));
		const times = Float64Array.from({ length: 800_000 }, (_, index) => index);
		const constant = new Int32Array(times.length).fill(5);
		const bytes = encodeChunk({ columns, times, values: columns.map(() => constant) });
		expect(bytes.length).toBeLessThan(200);
		const body = bytes.subarray(0, -4);
		// The samples stand in the 20 bits after the format and their width.
		expect(body.readUInt32BE(1) >>> 6).toBe((20 << 20) | 800_000);
		body.writeUInt32BE((((20 << 20) | 1_000_000) << 6) | (body.readUInt32BE(1) & 63), 1);
		expect(decodeViews(sealed(body, columns), columns)).toMatchObject({
			failure: { what: expect.stringContaining("40000000 values") },
		});
	});
});

describe("runs", () => {
	it("that meet in an instant are one reading, where the later piece has the last word", () => {
		const piece = (value: number) => ({
			columns: [{ measurement: "m", decimals: 0 }],
			times: Float64Array.of(10),
			values: [Float64Array.of(value)],
		});
		expect(joinRuns([piece(1), piece(2), piece(Number.NaN)])).toMatchObject({
			times: Float64Array.of(10),
			values: [Float64Array.of(2)],
		});
	});

	it("keep the finer decimals of a column, whichever piece came first", () => {
		const piece = (at: number, decimals: number) => ({
			columns: [{ measurement: "m", decimals }],
			times: Float64Array.of(at),
			values: [Float64Array.of(1)],
		});
		for (const pieces of [
			[piece(1, 3), piece(2, 1)],
			[piece(2, 1), piece(1, 3)],
		])
			expect(joinRuns(pieces).columns).toEqual([{ measurement: "m", decimals: 3 }]);
	});

	it("are cut at [from, to)", () => {
		const cut = cutRun(EXAMPLE, EXAMPLE.times[10] ?? 0, EXAMPLE.times[20] ?? 0);
		expect([...cut.times]).toEqual([...EXAMPLE.times.slice(10, 20)]);
		expect(cut.values[1]).toEqual(EXAMPLE.values[1]?.slice(10, 20));
	});
});
