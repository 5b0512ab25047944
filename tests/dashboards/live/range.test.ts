/** Which stretch of time the charts show, and what a clock of the site's zone means. */
import { describe, expect, it } from "vitest";
import { customWords, fieldText, instantOf, rangeOf, stretchOf } from "../../../dashboards/live/range.js";

describe("the stretch of the charts", () => {
	it.each([
		["15m", 900, undefined],
		["1h", 3_600, 30],
		["24h", 86_400, 300],
		["7d", 604_800, 1_800],
		["30d", 2_592_000, 7_200],
	])("%s is %d s in steps of %s s", (range, seconds, stepSeconds) => {
		expect(rangeOf({ range })).toMatchObject({
			seconds,
			...(stepSeconds === undefined ? {} : { stepSeconds }),
		});
		if (stepSeconds === undefined) expect(rangeOf({ range })).not.toHaveProperty("stepSeconds");
	});

	it("is an hour where the address says nothing, or an end before its start", () => {
		expect(rangeOf({}).name).toBe("1h");
		expect(rangeOf({ range: "custom", from: "2000", to: "1000" }).name).toBe("1h");
		expect(rangeOf({ range: "custom", from: "x", to: "y" }).name).toBe("1h");
		expect(rangeOf({ range: "custom", from: "0", to: "Infinity" }).name).toBe("1h");
		expect(rangeOf({ range: "custom", from: "0", to: "1e16" }).name).toBe("1h");
	});

	it("of its own stays where it is: three days in steps of 30 min", () => {
		const range = rangeOf(customWords(1_000_000, 1_000_000 + 3 * 86_400_000));
		expect(stretchOf(range, 5)).toEqual({ from: 1_000_000, to: 260_200_000 });
		expect(range.stepSeconds).toBe(1_800);
	});
});

describe("a clock of the site's zone", () => {
	it("shows 14:03 in Chicago at 20:03 UTC in winter, and is read back", () => {
		const at = Date.UTC(2026, 10, 22, 20, 3);
		expect(fieldText(at, "America/Chicago")).toBe("2026-11-22T14:03");
		expect(instantOf("2026-11-22T14:03", "America/Chicago")).toBe(at);
	});

	it.each([
		["the hour that comes twice is the first", "2026-11-01T01:30", Date.UTC(2026, 10, 1, 6, 30)],
		["the hour that is left out counts by the clock before", "2026-03-08T02:30", Date.UTC(2026, 2, 8, 8, 30)],
	])("on the days of change: %s", (_, text, at) => {
		expect(instantOf(text, "America/Chicago")).toBe(at);
	});

	it("means nothing where it is no time", () => {
		expect(instantOf("", "UTC")).toBeUndefined();
	});
});
