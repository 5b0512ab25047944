import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, OutOfBytes } from "../../../shared/wire/bytes.js";

const MOST = Number.MAX_SAFE_INTEGER;

function written(write: (writer: ByteWriter) => void): ByteReader {
	const writer = new ByteWriter();
	write(writer);
	return new ByteReader(writer.finish());
}

describe("a varint", () => {
	it.each([
		[0, 1],
		[127, 1],
		[128, 2],
		[16_383, 2],
		[16_384, 3],
		[2 ** 32, 5],
		[MOST, 8],
	])("carries %d in %d bytes", (value, bytes) => {
		const reader = written((writer) => writer.varint(value));
		expect(reader.left).toBe(bytes);
		expect(reader.varint()).toBe(value);
	});

	it("carries any whole number from 0 to 2^53 − 1", () => {
		fc.assert(
			fc.property(fc.nat({ max: MOST }), (value) => {
				expect(written((writer) => writer.varint(value)).varint()).toBe(value);
			}),
		);
	});

	it.each([-1, 0.5, 2 ** 53, Number.NaN])("is never made of %d: that is a bug of ours", (value) => {
		expect(() => new ByteWriter().varint(value)).toThrow("a varint is a whole number");
	});

	it("is refused where it goes on for nine bytes or exceeds 2^53 − 1", () => {
		expect(() => new ByteReader(Buffer.alloc(9, 0x80)).varint()).toThrow(OutOfBytes);
		expect(() => new ByteReader(Buffer.alloc(8, 0x7f + 0x80 - 1).fill(0x7f, 7)).varint()).toThrow(OutOfBytes);
	});
});

describe("a zigzag varint", () => {
	it("carries any whole number from −2^52 to 2^52 − 1", () => {
		fc.assert(
			fc.property(fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }), (value) => {
				expect(written((writer) => writer.zigzag(value)).zigzag()).toBe(value);
			}),
			{ examples: [[-(2 ** 52)], [2 ** 52 - 1], [0], [-1]] },
		);
	});
});

describe("a writer", () => {
	it("gives back what was written, in order, over any growth", () => {
		const text = fc.string({ unit: "grapheme", maxLength: 3_000 });
		fc.assert(
			fc.property(
				fc.array(fc.tuple(text, fc.double(), fc.nat({ max: 0xffff_ffff })), { maxLength: 20 }),
				(rows) => {
					const reader = written((writer) => {
						for (const [word, double, number] of rows) {
							writer.text(word);
							writer.f64(double);
							writer.u32(number);
						}
					});
					for (const [word, double, number] of rows) {
						expect(reader.text(100_000)).toBe(word);
						expect(reader.f64()).toBe(double);
						expect(reader.u32()).toBe(number);
					}
					expect(reader.left).toBe(0);
				},
			),
			{ numRuns: 50 },
		);
	});
});

describe("a reader", () => {
	it.each(["u8", "u16", "u32", "f64", "varint"] as const)("of no bytes refuses %s", (name) => {
		expect(() => new ByteReader(Buffer.alloc(0))[name]()).toThrow(OutOfBytes);
	});

	it("refuses a text of 2^50 bytes without reserving them", () => {
		const reader = written((writer) => writer.varint(2 ** 50));
		expect(() => reader.text(1_024)).toThrow("1024 are allowed");
	});

	it("never runs past the end it was given", () => {
		const reader = new ByteReader(Buffer.from([1, 2, 3, 4]), 1, 3);
		expect(reader.u16()).toBe(0x0203);
		expect(() => reader.u8()).toThrow(OutOfBytes);
		expect(() => reader.skip(-1)).toThrow(OutOfBytes);
	});
});
