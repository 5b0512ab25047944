/** A chunk of format 1, as older versions wrote it, reads as it did. */
import { describe, expect, it } from "vitest";
import { decodeChunkFormat1 } from "../../../../collector/store/migrations/chunk-format-1.js";

/** Three readings five seconds apart, the last one 1 ms late; fan 0 is missing in the second. */
const CHUNK = Buffer.from(
	[
		"01",
		"03",
		"80a0f1c2b134",
		"904e",
		"02",
		"03",
		"0c66616e44757479526174696f",
		"02",
		"0130",
		"04",
		"82",
		"05",
		"0a706f6c6c526573756c74",
		"00",
		"00",
		"01",
		"08",
		"0a706f7765725761747473",
		"00",
		"03",
		"02",
		"08",
		"05",
		"904e",
		"9003",
		"0000000000000000",
		"a0dd8c03",
		"e807",
		"b717",
		"78d981f6",
	].join(""),
	"hex",
);

describe("a chunk of format 1", () => {
	it("gives its three readings with every absence", () => {
		expect(decodeChunkFormat1(CHUNK)).toEqual({
			ok: true,
			columns: {
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
			},
		});
	});

	it("is refused where any one bit differs, and where it is cut", () => {
		const kept: number[] = [];
		for (let bit = 0; bit < CHUNK.length * 8; bit += 1) {
			const damaged = Buffer.from(CHUNK);
			damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
			if (decodeChunkFormat1(damaged).ok) kept.push(bit);
		}
		expect(kept).toEqual([]);
		for (let length = 0; length < CHUNK.length; length += 1)
			expect(decodeChunkFormat1(CHUNK.subarray(0, length))).toMatchObject({
				ok: false,
				failure: { code: "CHUNK_DAMAGED" },
			});
	});
});
