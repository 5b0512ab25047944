import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteText } from "../../../../collector/expose/api/byte-text.js";
import { ColumnPlaces, columnsBytes } from "../../../../collector/expose/api/columns-format.js";
import { seriesBytes } from "../../../../collector/expose/api/series-form.js";
import { readColumns } from "./columns.js";

const FIRST = 1_800_000_000_000;

/** A buffer of its own, as an answer arrives. */
function asArrived(slices: readonly Uint8Array[]): ArrayBuffer {
	const all = Buffer.concat(slices);
	return all.buffer.slice(all.byteOffset, all.byteOffset + all.length);
}

describe("columns", () => {
	it("of the documented example are exactly these bytes", () => {
		const bytes = seriesBytes({
			from: FIRST,
			to: FIRST + 10_000,
			series: [
				{
					device: "m1",
					measurement: "powerWatts",
					unit: "W",
					times: Float64Array.of(FIRST, FIRST + 5_000),
					values: Float64Array.of(3_250.5, Number.NaN),
				},
			],
		});
		const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
		const head =
			'{"from":1800000000000,"to":1800000010000,"series":[{"device":"m1","measurement":"powerWatts","unit":"W","times":0,"values":1}]} ';
		const expected = Buffer.concat([
			hex("46 57 43 4f 4c 53 00 01"),
			hex("80 00 00 00  02 00 00 00"),
			Buffer.from(head),
			hex("00 00 00 00 00 00 00 40  00 00 00 00 00 00 00 40"),
			hex("00 00 00 c5 85 31 7a 42  00 80 38 c6 85 31 7a 42"),
			hex("00 00 00 00 00 65 a9 40  00 00 00 00 00 00 f8 7f"),
		]);
		expect(Buffer.concat(bytes).toString("hex")).toBe(expected.toString("hex"));
	});

	it("give every bit back, with any head and any columns", () => {
		const column = fc.float64Array({ maxLength: 50 });
		fc.assert(
			fc.property(fc.string(), fc.array(column, { maxLength: 6 }), (name, columns) => {
				const head = new ByteText();
				head.text(JSON.stringify({ name }));
				const read = readColumns(asArrived(columnsBytes(head, columns)));
				expect(read.head).toEqual({ name });
				expect(read.columns).toEqual(columns);
			}),
		);
	});

	it("that two series share stand once", () => {
		const [times, values] = [Float64Array.of(1), Float64Array.of(2)];
		const places = new ColumnPlaces();
		expect([times, values, times].map((one) => places.place(one))).toEqual([0, 1, 0]);
		expect(places.columns()).toEqual([times, values]);
	});
});
