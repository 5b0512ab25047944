/** The worked example of RECORD_FORMAT.md is what the codec writes and reads. */
import { describe, expect, it } from "vitest";
import type { RecordOutcome } from "../../../shared/wire/outcome.js";
import { decodeRecord, encodeOutcomes, outcomesOf, wallOf } from "../../../shared/wire/record.js";
import { exampleBytes } from "../../architecture/hex-example.js";

const TIME = { wall: 1_800_000_000_000, monotonic: 5_000, boot: "000102030405060708090a0b0c0d0e0f" };
const SHAPES = () => ({ columns: [{ decimals: 6 }, { decimals: 3 }, { decimals: 3 }] });
const OUTCOMES: readonly RecordOutcome[] = [
	{
		kind: "reading",
		device: "d1".repeat(8),
		measuredAt: 4_900,
		tookMilliseconds: 120,
		shape: "5a".repeat(8),
		values: Float64Array.of(200.5, Number.NaN, 3_250),
		errorCodes: ["205"],
		faults: [["REPAIRED", 1]],
	},
	{
		kind: "reading",
		device: "d3".repeat(8),
		measuredAt: 4_890,
		tookMilliseconds: 120,
		shape: "5a".repeat(8),
		values: Float64Array.of(198.25, 64.5, 3_248),
		errorCodes: [],
		faults: [],
	},
	{
		kind: "failure",
		device: "d2".repeat(8),
		measuredAt: 4_990,
		tookMilliseconds: 5_000,
		code: "DEVICE_TIMEOUT",
		what: "No answer in 5 s.",
	},
];
const example = exampleBytes("shared/wire/RECORD_FORMAT.md");

describe("the example of RECORD_FORMAT.md", () => {
	it("is what the three outcomes encode to, byte for byte", () => {
		expect(encodeOutcomes(TIME, OUTCOMES, SHAPES).toString("hex")).toBe(example.toString("hex"));
	});

	it("decodes to the three outcomes", () => {
		const decoded = decodeRecord(example, SHAPES);
		if (!decoded.ok || decoded.record.kind !== "outcomes") throw new Error("it does not decode");
		expect(decoded.record).toMatchObject({ time: TIME, bytes: example.length });
		expect(outcomesOf(decoded.record.groups)).toEqual(OUTCOMES);
	});

	it("gives the reading the wall time 100 ms before the record's", () => {
		expect(wallOf(TIME, 4_900)).toBe(1_799_999_999_900);
	});
});
