import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	isSettled,
	NOTHING_SETTLED,
	type Settled,
	settle,
	unsettled,
} from "../../../shared/wire/sequences.js";

const MOST = 60;
const spans = fc.array(fc.tuple(fc.integer({ min: 1, max: MOST }), fc.integer({ min: -2, max: 8 })), {
	maxLength: 40,
});

function both(steps: readonly (readonly [number, number])[]): { settled: Settled; naive: Set<number> } {
	let settled = NOTHING_SETTLED;
	const naive = new Set<number>();
	for (const [from, length] of steps) {
		settled = settle(settled, from, from + length);
		for (let number = from; number <= from + length; number += 1) naive.add(number);
	}
	return { settled, naive };
}

describe("settled numbers", () => {
	it("are those of a plain set, whatever the order and overlap", () => {
		fc.assert(
			fc.property(spans, (steps) => {
				const { settled, naive } = both(steps);
				for (let number = 1; number <= MOST + 10; number += 1)
					expect(isSettled(settled, number)).toBe(naive.has(number));
			}),
			{ numRuns: 500 },
		);
	});

	it("keep ranges that are sorted and touch neither each other nor the base", () => {
		fc.assert(
			fc.property(spans, (steps) => {
				const { base, ranges } = both(steps).settled;
				let last = base;
				for (const [from, to] of ranges) {
					expect(from).toBeGreaterThan(last + 1);
					expect(to).toBeGreaterThanOrEqual(from);
					last = to;
				}
			}),
			{ numRuns: 500 },
		);
	});

	it("leave open exactly what a plain set lacks", () => {
		fc.assert(
			fc.property(
				spans,
				fc.integer({ min: 1, max: MOST }),
				fc.integer({ min: 0, max: 20 }),
				(steps, from, length) => {
					const { settled, naive } = both(steps);
					const expected: number[] = [];
					for (let number = from; number <= from + length; number += 1)
						if (!naive.has(number)) expected.push(number);
					const open = unsettled(settled, from, from + length).flatMap(([low, high]) =>
						Array.from({ length: high - low + 1 }, (_, index) => low + index),
					);
					expect(open).toEqual(expected);
				},
			),
			{ numRuns: 500 },
		);
	});

	it("join when the hole between them closes: 1 and 3 to 5, then 2, is a base of 5", () => {
		const holed = settle(settle(NOTHING_SETTLED, 1, 1), 3, 5);
		expect(holed).toEqual({ base: 1, ranges: [[3, 5]] });
		expect(settle(holed, 2, 2)).toEqual({ base: 5, ranges: [] });
	});
});
