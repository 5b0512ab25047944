/** The worked example of CHUNK_FORMAT.md is what the codec writes and reads. */

import { describe, expect, it } from "vitest";
import { ABSENT_SCALED, decodeScaled, encodeChunk, schemaText } from "../../../collector/store/chunk.js";
import type { Columns } from "../../../collector/store/device-state.js";
import { exampleBits, exampleBytes, exampleText } from "../../architecture/hex-example.js";
import { decodeViews } from "./decode-views.js";

const DOCUMENT = "collector/store/CHUNK_FORMAT.md";
const READINGS: Columns = {
	columns: [
		{ measurement: "fanDutyRatio", decimals: 4, component: { part: "fan", key: "0" } },
		{ measurement: "pollResult", decimals: 0 },
		{ measurement: "powerWatts", decimals: 3 },
	],
	times: Float64Array.of(1_800_000_000_000, 1_800_000_005_000, 1_800_000_010_001),
	values: [
		Float64Array.of(0.5, Number.NaN, 0.52),
		Float64Array.of(0, 0, 0),
		Float64Array.of(3_250, 3_250.5, 3_249),
	],
};
const example = exampleBytes(DOCUMENT);

describe("the example of CHUNK_FORMAT.md", () => {
	it("is what the three readings encode to, byte for byte", () => {
		expect(encodeChunk(READINGS).toString("hex")).toBe(example.toString("hex"));
	});

	it("is the same bit by bit", () => {
		const bits = [...example.subarray(0, -4)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
		expect(exampleBits(DOCUMENT)).toBe(bits);
	});

	it("names the schema's text", () => {
		expect(exampleText(DOCUMENT)).toContain(`\`${schemaText(READINGS.columns)}\``);
	});

	it("decodes to the three readings, the absent one absent", () => {
		expect(decodeViews(example, READINGS.columns)).toEqual({ ok: true, columns: READINGS });
	});

	it("decodes to whole numbers of the decimals for merging", () => {
		expect(decodeScaled(example, READINGS.columns)).toEqual({
			ok: true,
			run: {
				...READINGS,
				values: [
					Int32Array.of(5_000, ABSENT_SCALED, 5_200),
					Int32Array.of(0, 0, 0),
					Int32Array.of(3_250_000, 3_250_500, 3_249_000),
				],
			},
		});
	});

	it("gives one column alone where one is asked for", () => {
		const decoded = decodeViews(example, READINGS.columns, ({ measurement }) => measurement === "powerWatts");
		expect(decoded.ok ? decoded.columns.values : undefined).toEqual([READINGS.values[2]]);
	});

	it("is damaged where one bit differs", () => {
		const damaged = Buffer.from(example);
		damaged[30] = (damaged[30] ?? 0) ^ 1;
		expect(decodeViews(damaged, READINGS.columns)).toMatchObject({
			ok: false,
			failure: { code: "CHUNK_DAMAGED" },
		});
	});
});
