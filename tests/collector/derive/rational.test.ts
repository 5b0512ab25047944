import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	exactly,
	minus,
	over,
	parseRational,
	plus,
	rational,
	times,
	toDecimalText,
	toNumber,
} from "../../../collector/derive/rational.js";

describe("an exact fraction", () => {
	it("gives back every double it was made from", () => {
		fc.assert(
			fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
				expect(toNumber(exactly(value)) === value).toBe(true);
			}),
			{ numRuns: 2_000 },
		);
	});

	it("gives back doubles below the smallest normal one, and rounds to these once", () => {
		const below = fc.double({ noNaN: true, min: -(2 ** -1020), max: 2 ** -1020 });
		fc.assert(
			fc.property(below, (value) => {
				expect(toNumber(exactly(value)) === value).toBe(true);
			}),
			{ numRuns: 2_000, examples: [[-6.22870861045286e-309], [5e-324], [2.225073858507201e-308]] },
		);
		const finest = (numerator: bigint, bits: bigint) => toNumber(rational(numerator, 2n ** (1_074n + bits)));
		expect([1n, 2n, 3n].map((numerator) => finest(numerator, 1n))).toEqual([0, 5e-324, 1e-323]);
		expect([1n, 2n, 3n, 5n, 6n, 7n].map((numerator) => finest(numerator, 2n))).toEqual([
			0, 0, 5e-324, 5e-324, 1e-323, 1e-323,
		]);
		expect(toNumber(rational(2n ** 54n - 1n, 2n ** 1_076n))).toBe(2 ** -1022);
		// Just above half of the smallest, by a part that no 64 bits hold.
		expect(finest(2n ** 100n + 1n, 101n)).toBe(5e-324);
	});

	it("rounds a quotient of whole numbers once: as the double of a division of doubles that are exact", () => {
		const whole = fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n });
		fc.assert(
			fc.property(whole, fc.bigInt({ min: 1n, max: 2n ** 53n }), (top, bottom) => {
				expect(toNumber(rational(top, bottom))).toBe(Number(top) / Number(bottom) + 0);
			}),
			{ numRuns: 2_000 },
		);
	});

	it("adds and multiplies without rounding: 0.1 + 0.2 is 0.3, and 1/3 × 3 is 1", () => {
		expect(toNumber(minus(plus(exactly(0.1), exactly(0.2)), exactly(0.3)))).toBe(0);
		const third = over(rational(1n), rational(3n));
		expect(toNumber(minus(times(third, rational(3n)), rational(1n)))).toBe(0);
	});

	it.each([
		["13.224", 2, "13.22"],
		["0.125", 2, "0.12"],
		["0.135", 2, "0.14"],
		["-0.001", 2, "0.00"],
		["-2.5", 0, "-2"],
		["92.67e12", 0, "92670000000000"],
	])("prints %s with %d decimals as %s, half to even", (text, places, shown) => {
		expect(toDecimalText(parseRational(text) ?? rational(0n), places)).toBe(shown);
	});

	it.each(["", ".", "-", "1e", "0x10", "1,5", "NaN", "Infinity", "1e500"])("is not what %j says", (text) => {
		expect(parseRational(text)).toBeUndefined();
	});
});
