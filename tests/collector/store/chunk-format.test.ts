/** The worked example of CHUNK_FORMAT.md is what the codec writes and reads. */
import { describe, expect, it } from "vitest";
import { decodeChunk, encodeChunk } from "../../../collector/store/chunk.js";
import type { Columns } from "../../../collector/store/device-state.js";
import { exampleBytes } from "../../architecture/hex-example.js";

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
const example = exampleBytes("collector/store/CHUNK_FORMAT.md");

describe("the example of CHUNK_FORMAT.md", () => {
	it("is what the three readings encode to, byte for byte", () => {
		expect(encodeChunk(READINGS).toString("hex")).toBe(example.toString("hex"));
	});

	it("decodes to the three readings, the absent one absent", () => {
		expect(decodeChunk(example)).toEqual({ ok: true, columns: READINGS });
	});

	it("gives one column alone where one is asked for", () => {
		const decoded = decodeChunk(example, ({ measurement }) => measurement === "powerWatts");
		expect(decoded.ok ? decoded.columns.values : undefined).toEqual([READINGS.values[2]]);
	});

	it("is damaged where one bit differs", () => {
		const damaged = Buffer.from(example);
		damaged[40] = (damaged[40] ?? 0) ^ 1;
		expect(decodeChunk(damaged)).toMatchObject({ ok: false, failure: { code: "CHUNK_DAMAGED" } });
	});
});
