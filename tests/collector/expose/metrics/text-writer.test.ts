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

const number = (value: number) =>
	written((writer) => {
		writer.sample(FAMILY, BLANK, NOTHING);
		writer.number(value);
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
