import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedEdges, zoneDayEdges } from "../../../collector/derive/steps.js";
import {
	ABSENT_SCALED,
	type ChunkRun,
	type ColumnValues,
	decodeScaled,
	encodeChunk,
} from "../../../collector/store/chunk.js";
import { rollUp } from "../../../collector/store/rollup.js";

const HOUR = 3_600_000;
const COLUMNS = [
	{ measurement: "hash", decimals: 0 },
	{ measurement: "power", decimals: 3 },
];

const anyRun: fc.Arbitrary<ChunkRun> = fc
	.uniqueArray(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 40 })
	.chain((times) => {
		const size = { minLength: times.length, maxLength: times.length };
		return fc.record({
			columns: fc.constant(COLUMNS),
			times: fc.constant(Float64Array.from(times).sort()),
			values: fc.tuple(
				fc
					.array(fc.oneof(fc.double(), fc.integer(), fc.constant(Number.NaN)), size)
					.map((all) => Float64Array.from(all, (one) => (Object.is(one, -0) ? 0 : one))),
				fc
					.array(
						fc.oneof(fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }), fc.constant(ABSENT_SCALED)),
						size,
					)
					.map((all) => Int32Array.from(all)),
			),
		});
	});

function inValues(values: ColumnValues | undefined, decimals: number): readonly number[] {
	if (values instanceof Float64Array) return [...values];
	return [...(values ?? [])].map((one) => (one === ABSENT_SCALED ? Number.NaN : one / 10 ** decimals));
}

/** What a reader would write first: values of an interval, picked and folded one by one. */
function naive({ times, values }: ChunkRun, place: number, interval: number) {
	const decimals = COLUMNS[place]?.decimals ?? 0;
	const all = inValues(values[place], decimals);
	const own = all.filter((one, row) => Math.floor((times[row] ?? 0) / 60) === interval && !Number.isNaN(one));
	if (own.length === 0)
		return { sum: Number.NaN, count: Number.NaN, min: Number.NaN, max: Number.NaN, last: Number.NaN };
	const scaled = own.map((one) => Math.round(one * 10 ** decimals));
	const isExact = own.every(
		(one, row) => (scaled[row] ?? 0) / 10 ** decimals === one && Math.abs(scaled[row] ?? 0) < 2 ** 52,
	);
	const exact = scaled.reduce((sum, one) => sum + one, 0) / 10 ** decimals;
	return {
		sum: isExact ? exact : own.reduce((sum, one) => sum + one, 0),
		count: own.length,
		min: own.reduce((least, one) => Math.min(least, one)),
		max: own.reduce((most, one) => Math.max(most, one)),
		last: own.at(-1),
	};
}

describe("rolling up", () => {
	it("gives what adding and comparing one by one gives, for each interval with a sample", () => {
		fc.assert(
			fc.property(anyRun, (run) => {
				const rolled = rollUp(run, fixedEdges(60));
				const intervals = [...new Set(Array.from(run.times, (at) => Math.floor(at / 60)))];
				expect([...rolled.times]).toEqual(intervals.map((one) => one * 60));
				for (const [place, column] of COLUMNS.entries()) {
					const expected = intervals.map((interval) => naive(run, place, interval));
					for (const name of ["sum", "count", "min", "max", "last"] as const) {
						const at = rolled.columns.findIndex(
							({ measurement }) => measurement === `${column.measurement}:${name}`,
						);
						const found = inValues(rolled.values[at], rolled.columns[at]?.decimals ?? 0);
						expect(found).toEqual(expected.map((one) => one[name]));
					}
				}
			}),
			{ numRuns: 500 },
		);
	});

	it("gives rows whose bytes are the same again when made from a chunk", () => {
		fc.assert(
			fc.property(anyRun, (run) => {
				const decoded = decodeScaled(encodeChunk(run), run.columns);
				if (!decoded.ok) throw new Error(decoded.failure.what);
				// A column without any value is not in a chunk.
				fc.pre(decoded.run.columns.length === run.columns.length);
				const rows = encodeChunk(rollUp(run, fixedEdges(60)));
				const again = rollUp({ ...decoded.run, columns: run.columns }, fixedEdges(60));
				expect(encodeChunk(again).equals(rows)).toBe(true);
			}),
		);
	});

	it("keeps sums exact: 0.1 W and 0.2 W are 0.3 W, and a day of 8,640 readings of 0.001 W is 8.64 W", () => {
		const columns = [{ measurement: "power", decimals: 3 }];
		const sumOf = (values: Float64Array) => {
			const times = Float64Array.from(values, (_, index) => index);
			const rolled = rollUp({ columns, times, values: [values] }, fixedEdges(HOUR));
			const at = rolled.columns.findIndex(({ measurement }) => measurement === "power:sum");
			return inValues(rolled.values[at], 3);
		};
		expect(sumOf(Float64Array.of(0.1, 0.2))).toEqual([0.3]);
		expect(sumOf(new Float64Array(8_640).fill(0.001))).toEqual([8.64]);
	});
});

describe("days of a time zone", () => {
	it.each([
		["UTC", "2026-03-29T12:00:00Z", "2026-03-29T00:00:00Z", 24],
		["Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", 23],
		["Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z", 25],
		["America/Chicago", "2026-11-01T05:00:00Z", "2026-11-01T05:00:00Z", 25],
		["Asia/Kolkata", "2026-06-01T18:29:59Z", "2026-05-31T18:30:00Z", 24],
		["Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", 23],
	])("in %s the day of %s begins at %s and has %d hours", (zone, at, start, hours) => {
		const edges = zoneDayEdges(zone);
		const first = Date.parse(start);
		const day = { start: first, end: first + hours * HOUR };
		expect(edges(Date.parse(at))).toEqual(day);
		expect(edges(day.start)).toEqual(day);
		expect(edges(day.end - 1)).toEqual(day);
		expect(edges(day.end).start).toBe(day.end);
	});
});
