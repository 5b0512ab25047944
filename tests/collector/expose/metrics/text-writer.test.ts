import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { labelText, rendered, TextWriter } from "../../../../collector/expose/metrics/text-writer.js";

const FAMILY = rendered({ name: "fleetwatt_test", kind: "gauge", help: "A test." });
const BLANK = Buffer.from(" ");
const NOTHING = Buffer.alloc(0);

function written(write: (writer: TextWriter) => void): string {
	const writer = new TextWriter();
	write(writer);
	return Buffer.concat(writer.finish()).toString();
}

const decimal = (value: number, decimals: number) =>
	written((writer) => {
		writer.sample(FAMILY, BLANK, NOTHING);
		writer.decimal(value, decimals);
	});

const number = (value: number) =>
	written((writer) => {
		writer.sample(FAMILY, BLANK, NOTHING);
		writer.number(value);
	});

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
		expect(decimal(value, decimals)).toBe(`fleetwatt_test ${text}\n`);
	});

	it("reads back as the value that was kept, for any value with up to six decimals", () => {
		fc.assert(
			fc.property(
				fc.integer({ min: -(2 ** 49), max: 2 ** 49 }),
				fc.integer({ min: 0, max: 6 }),
				(scaled, decimals) => {
					const value = scaled / 10 ** decimals;
					const text = decimal(value, decimals).slice("fleetwatt_test ".length, -1);
					expect(Math.round(Number(text) * 10 ** decimals)).toBe(Math.round(value * 10 ** decimals));
					expect(text).toMatch(/^-?\d+(\.\d*[1-9])?$/);
				},
			),
		);
	});
});

describe("a number", () => {
	it.each([
		[29.545454545454547, "29.545454545454547"],
		[1e21, "1e+21"],
		[-3, "-3"],
	])("%d is written %s", (value, text) => {
		expect(number(value)).toBe(`fleetwatt_test ${text}\n`);
	});

	it("is a fault of ours where it is not finite", () => {
		expect(() => number(Number.NaN)).toThrow("BUG");
	});
});

describe("the writer", () => {
	it("escapes labels: a backslash, a quote and a line feed", () => {
		expect(labelText([["model", 'S21 "Pro"\\\n']])).toBe('model="S21 \\"Pro\\"\\\\\\n"');
	});

	it("keeps every line whole over slices of 64 KiB: 5,000 lines in several slices", () => {
		const writer = new TextWriter();
		const head = Buffer.from(`{device="${"x".repeat(100)}"} `);
		for (let line = 0; line < 5_000; line++) {
			writer.sample(FAMILY, head, NOTHING);
			writer.number(line);
		}
		const slices = writer.finish();
		expect(slices.length).toBeGreaterThan(5);
		const lines = Buffer.concat(slices).toString().trimEnd().split("\n");
		expect(lines.map((line) => Number(line.split(" ")[1]))).toEqual([...Array(5_000).keys()]);
	});

	it("takes a label set that is longer than a slice: 200 KB", () => {
		const head = Buffer.from(`{device="${"x".repeat(200_000)}"} `);
		const text = written((writer) => {
			writer.sample(FAMILY, head, NOTHING);
			writer.number(1);
		});
		expect(text).toHaveLength(200_000 + 'fleetwatt_test{device=""} 1\n'.length);
	});
});
