import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BitemporalRow, timelineOf } from "../../../collector/derive/timeline.js";

type Row = BitemporalRow & { readonly value: number };

const open = (value: number, validFrom: number, knownFrom = validFrom): Row => ({
	value,
	validFrom,
	knownFrom,
});
const bounded = (value: number, validFrom: number, validTo: number, knownFrom = validTo): Row => ({
	value,
	validFrom,
	validTo,
	knownFrom,
});

/** The rules of the file, one instant at a time and without cleverness. */
function naive(rows: readonly Row[], at: number, knownAt: number): number | undefined {
	const begun = rows.filter((row) => row.knownFrom <= knownAt && row.validFrom <= at);
	const order = (one: Row, other: Row) => one.validFrom - other.validFrom || one.knownFrom - other.knownFrom;
	const newest = [...begun].sort(order).at(-1);
	if (newest === undefined || newest.validTo === undefined) return newest?.value;
	return begun
		.filter((row) => row.validTo !== undefined && row.validTo > at)
		.sort((one, other) => one.knownFrom - other.knownFrom || one.validFrom - other.validFrom)
		.at(-1)?.value;
}

describe("a timeline of bitemporal rows", () => {
	it("leaves an interval without a price unknown, and does not fill it with the constant of before", () => {
		const timeline = timelineOf([open(45, 0), bounded(30, 100, 200), bounded(31, 300, 400)]);
		expect([50, 150, 250, 350, 450].map((at) => timeline.at(at)?.value)).toEqual([
			45,
			30,
			undefined,
			31,
			undefined,
		]);
	});

	it("gives what was known then, and what is known since: a price of 30 restated to 90", () => {
		const rows = [bounded(30, 100, 200, 200), bounded(90, 100, 200, 5_000)];
		expect(timelineOf(rows, 4_999).at(150)?.value).toBe(30);
		expect(timelineOf(rows).at(150)?.value).toBe(90);
		expect(timelineOf(rows, 199).at(150)).toBeUndefined();
	});

	it("takes a restated tariff whose periods begin at other hours", () => {
		const rows = [
			bounded(20, 0, 60, 1),
			bounded(50, 60, 240, 1),
			bounded(25, 0, 120, 9),
			bounded(50, 120, 240, 9),
		];
		expect([30, 90, 150].map((at) => timelineOf(rows).at(at)?.value)).toEqual([25, 25, 50]);
	});

	it("is what the rules say of each instant alone, in whatever order it is asked", () => {
		const instant = fc.integer({ min: 0, max: 60 });
		const row = fc
			.record({
				from: instant,
				length: fc.option(fc.integer({ min: 1, max: 20 })),
				known: instant,
				value: fc.nat(9),
			})
			.map(({ from, length, known, value }) =>
				length === null ? open(value, from, known) : bounded(value, from, from + length, known),
			);
		// Two rows that are known at the same instant for the same beginning contradict each other without an order.
		const rows = fc.uniqueArray(row, { maxLength: 12, selector: ({ knownFrom }) => knownFrom });
		fc.assert(
			fc.property(rows, fc.array(instant, { maxLength: 30 }), instant, (some, asked, knownAt) => {
				const timeline = timelineOf(some, knownAt);
				for (const at of asked) expect(timeline.at(at)?.value).toBe(naive(some, at, knownAt));
			}),
			{ numRuns: 2_000 },
		);
	});
});
