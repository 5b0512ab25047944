import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NumberText } from "../../../../collector/expose/metrics/number-text.js";

const numbers = new NumberText();

function decimal(value: number, decimals: number): string {
	return numbers.bytes.subarray(numbers.decimal(value, decimals)).toString();
}

describe("a decimal", () => {
	it.each([
		[0, 3, "0"],
		[-0.0001, 3, "0"],
		[490.125, 3, "490.125"],
		[71.5, 3, "71.5"],
		[100, 3, "100"],
		[0.05, 4, "0.05"],
		[-12.25, 3, "-12.25"],
		[0.001, 3, "0.001"],
		[2 ** 52, 0, "4503599627370496"],
		[1_000_000_000, 0, "1000000000"],
		[1_000_000_001.5, 1, "1000000001.5"],
		[999_999_999_000_000_000, 3, "999999999000000000"],
	])("%d kept with %d decimals is written %s", (value, decimals, text) => {
		expect(decimal(value, decimals)).toBe(text);
	});

	it("reads back as the value that was kept, for any value with up to six decimals", () => {
		fc.assert(
			fc.property(
				fc.integer({ min: -(2 ** 49), max: 2 ** 49 }),
				fc.integer({ min: 0, max: 6 }),
				(scaled, decimals) => {
					const value = scaled / 10 ** decimals;
					const text = decimal(value, decimals);
					expect(Math.round(Number(text) * 10 ** decimals)).toBe(Math.round(value * 10 ** decimals));
					expect(text).toMatch(/^-?\d+(\.\d*[1-9])?$/);
				},
			),
		);
	});
});
