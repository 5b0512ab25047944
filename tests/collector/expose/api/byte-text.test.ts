import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteText } from "../../../../collector/expose/api/byte-text.js";

function written(write: (text: ByteText) => void): string {
	const text = new ByteText();
	write(text);
	return Buffer.concat(text.take()).toString();
}

describe("a number", () => {
	it.each([
		0,
		-0,
		1,
		-1,
		0.1,
		-0.5,
		3_250.5,
		71.0625,
		110.123456,
		1e-7,
		1.5e-9,
		123_456_789.123456,
		1e15,
		2 ** 53,
		1e21,
		1.7976931348623157e308,
		5e-324,
		0.1 + 0.2,
		999_999_999,
		1_000_000_000,
		1_000_000_001,
		1_795_345_200_000,
	])("%d is written as JavaScript writes it", (value) => {
		expect(written((text) => text.number(value))).toBe(String(value));
	});

	it("is written as JavaScript writes it, whatever it is", () => {
		const decimals = fc
			.tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 9 }))
			.map(([whole, places]) => whole / 10 ** places);
		const any = fc.oneof(decimals, fc.double({ noNaN: true, noDefaultInfinity: true }));
		fc.assert(
			fc.property(any, (value) => {
				expect(written((text) => text.number(value))).toBe(String(value));
			}),
			{ numRuns: 5_000 },
		);
	});

	it.each([Number.NaN, Number.POSITIVE_INFINITY])("that is none (%d) is our own bug", (value) => {
		expect(() => new ByteText().number(value)).toThrow("a number is finite");
	});
});

describe("text", () => {
	it("of any length stands in order across slices, and its length is counted", () => {
		const piece = fc.oneof(fc.string({ unit: "binary" }), fc.constant("°C".repeat(40_000)));
		fc.assert(
			fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
				const text = new ByteText();
				for (const [index, one] of pieces.entries()) {
					if (index % 2 === 0) text.text(one);
					else text.bytes(Buffer.from(one));
				}
				const expected = Buffer.from(pieces.map((one) => Buffer.from(one).toString()).join(""));
				expect(text.length).toBe(expected.length);
				expect(Buffer.concat(text.take()).equals(expected)).toBe(true);
				expect(text.length).toBe(0);
			}),
		);
	});

	it("that was taken is not changed by what is written later", () => {
		const text = new ByteText();
		text.text("first");
		const taken = text.take();
		text.text("second");
		expect(Buffer.concat(taken).toString()).toBe("first");
		expect(Buffer.concat(text.take()).toString()).toBe("second");
	});
});
