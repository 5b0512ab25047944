import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeChunk, encodeChunk } from "../../../collector/store/chunk.js";
import type { Columns } from "../../../collector/store/device-state.js";
import { cutRun, joinRuns } from "../../../collector/store/runs.js";
import { randomOf } from "../../shared/wire/examples.js";

const anyDouble = fc.oneof(
	fc.double({ noDefaultInfinity: true }),
	fc.integer({ min: -1_000_000, max: 1_000_000 }).map((number) => number / 1_000),
	fc.constantFrom(0, -0, 5e-324, -5e-324, 2 ** 50, 2 ** 51, 2 ** 53, 0.1, 1e300, Number.NaN, Infinity),
);
const run: fc.Arbitrary<Columns> = fc
	.record({
		times: fc.uniqueArray(fc.integer({ min: 1, max: 4e12 }), { minLength: 1, maxLength: 40 }),
		decimals: fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 }),
	})
	.chain(({ times, decimals }) =>
		fc.record({
			columns: fc.constant(decimals.map((one) => ({ measurement: `m${one}`, decimals: one }))),
			times: fc.constant(Float64Array.from(times).sort()),
			values: fc.tuple(
				...decimals.map(() =>
					fc
						.array(anyDouble, { minLength: times.length, maxLength: times.length })
						.map((all) => Float64Array.from(all)),
				),
			),
		}),
	);

/** One example with parts, constants, differences, doubles and absences. */
const EXAMPLE: Columns = {
	columns: [
		{ measurement: "powerWatts", decimals: 3 },
		{ measurement: "powerWatts", component: { part: "psu", key: "0" }, decimals: 3 },
		{ measurement: "pollResult", decimals: 0 },
	],
	times: Float64Array.from({ length: 100 }, (_, index) => 1_800_000_000_000 + index * 5_003),
	values: [
		Float64Array.from({ length: 100 }, (_, index) => 3_250 + index / 8),
		Float64Array.from({ length: 100 }, (_, index) => (index % 7 === 0 ? Number.NaN : Math.PI * index)),
		new Float64Array(100),
	],
};

function isPresent(values: Float64Array): boolean {
	return values.some((one) => !Number.isNaN(one));
}

describe("a chunk", () => {
	it("gives back every bit of any doubles, and every absence", () => {
		fc.assert(
			fc.property(run, (readings) => {
				const decoded = decodeChunk(encodeChunk(readings));
				if (!decoded.ok) throw new Error(decoded.failure.what);
				expect([...decoded.columns.times]).toEqual([...readings.times]);
				const kept = readings.values.filter(isPresent);
				expect(decoded.columns.values.length).toBe(kept.length);
				for (const [index, values] of decoded.columns.values.entries())
					for (const [row, value] of values.entries()) expect(value).toBe(kept[index]?.[row]);
			}),
			{ numRuns: 500 },
		);
	});

	it("keeps the sign of zero among whole numbers", () => {
		const columns = [{ measurement: "m", decimals: 0 }];
		const decoded = decodeChunk(
			encodeChunk({ columns, times: Float64Array.of(1, 2, 3), values: [Float64Array.of(1, -0, 0)] }),
		);
		expect(decoded.ok && [...(decoded.columns.values[0] ?? [])]).toEqual([1, -0, 0]);
	});

	it("with one bit flipped is refused, 1,000 of 1,000 times, and so is every truncation", () => {
		const bytes = encodeChunk(EXAMPLE);
		const random = randomOf(3);
		let refused = 0;
		for (let count = 0; count < 1_000; count += 1) {
			const damaged = Buffer.from(bytes);
			const bit = Math.floor(random() * bytes.length * 8);
			damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
			if (!decodeChunk(damaged).ok) refused += 1;
		}
		expect(refused).toBe(1_000);
		for (let length = 0; length < bytes.length; length += 1)
			expect(decodeChunk(bytes.subarray(0, length)).ok).toBe(false);
	});

	it("gives one column alone", () => {
		const decoded = decodeChunk(encodeChunk(EXAMPLE), ({ component }) => component?.part === "psu");
		expect(decoded.ok && decoded.columns.columns).toEqual([EXAMPLE.columns[1]]);
		expect(decoded.ok && decoded.columns.values[0]).toEqual(EXAMPLE.values[1]);
	});

	it("has the same bytes whatever the order in which its readings arrived", () => {
		fc.assert(
			fc.property(run, fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), (readings, places) => {
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
		expect(cut.values[0]).toEqual(EXAMPLE.values[0]?.slice(10, 20));
	});
});
