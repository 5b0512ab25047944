import { describe, expect, it } from "vitest";
import { advance, createMeter, trailing } from "../../../collector/derive/energy.js";

const START = 1_800_000_000_000;

describe("the energy meter", () => {
	it("holds 3,500 W and 200 TH/s over 10 s: 35,000 J and 2,000 TH", () => {
		const meter = createMeter();
		advance(meter, START, { watts: 3_500, terahashesPerSecond: 200 }, 10);
		advance(meter, START + 10_000, { watts: 1, terahashesPerSecond: 1 }, 10);
		expect(meter.joulesTotal).toBe(35_000);
		expect(meter.terahashesTotal).toBe(2_000);
	});

	it("holds a reading for at most three intervals: of 100 s of silence at 10 s, 30 s count", () => {
		const meter = createMeter();
		advance(meter, START, { watts: 1_000 }, 10);
		advance(meter, START + 100_000, { watts: 1_000 }, 10);
		expect(meter.joulesTotal).toBe(30_000);
	});

	it("keeps apart the time in which power was known: 100 TH/s for 20 s, 1,750 W for the first 10 s", () => {
		const meter = createMeter();
		advance(meter, START, { watts: 1_750, terahashesPerSecond: 100 }, 10);
		advance(meter, START + 10_000, { terahashesPerSecond: 100 }, 10);
		advance(meter, START + 20_000, { watts: 1_750, terahashesPerSecond: 100 }, 10);
		const sums = trailing(meter, START + 20_000);
		expect(sums).toMatchObject({ joules: 17_500, terahashes: 2_000, seconds: 20 });
		expect(sums).toMatchObject({ joulesWithWork: 17_500, terahashesWithPower: 1_000, secondsWithPower: 10 });
	});

	it("forgets what is older than five minutes, and the totals do not", () => {
		const meter = createMeter();
		for (let at = START; at <= START + 600_000; at += 10_000) advance(meter, at, { watts: 100 }, 10);
		expect(meter.joulesTotal).toBe(60_000);
		// Slots of half a minute: the newest has just begun, so nine and a bit of the ten hold 280 s.
		expect(trailing(meter, START + 600_000)?.joules).toBe(28_000);
		expect(trailing(meter, START + 901_000)).toBeUndefined();
	});

	it("ignores a reading that is older than the one it holds", () => {
		const meter = createMeter();
		advance(meter, START, { watts: 100 }, 10);
		advance(meter, START - 5_000, { watts: 9_999 }, 10);
		advance(meter, START + 10_000, { watts: 100 }, 10);
		expect(meter.joulesTotal).toBe(1_000);
	});
});
