import { describe, expect, it } from "vitest";
import { joulesPerTerahash, joulesPerTerahashFromSums } from "../../../collector/derive/efficiency.js";
import {
	type Joules,
	quantity,
	type Terahashes,
	type TerahashesPerSecond,
	type Watts,
} from "../../../shared/units.js";

const W = quantity<Watts>;
const THs = quantity<TerahashesPerSecond>;

describe("joules per terahash", () => {
	it("is watts over terahashes per second: 3,250 W at 110 TH/s is 29.545 J/TH", () => {
		expect(joulesPerTerahash(W(3_250), THs(110))).toBeCloseTo(29.545, 3);
	});

	it.each([0, 0.0009, Number.NaN])("is absent while the device is idle at %d TH/s", (rate) => {
		expect(joulesPerTerahash(W(3_250), THs(rate))).toBeUndefined();
	});

	it("is made from sums: 1,050,000 J over 60,000 TH is 17.5 J/TH", () => {
		expect(joulesPerTerahashFromSums(quantity<Joules>(1_050_000), quantity<Terahashes>(60_000))).toBe(17.5);
	});

	it.each([
		[0, 60_000],
		[1_050_000, 0],
	])("is absent where one side of the sums is nothing: %d J over %d TH", (joules, terahashes) => {
		expect(
			joulesPerTerahashFromSums(quantity<Joules>(joules), quantity<Terahashes>(terahashes)),
		).toBeUndefined();
	});
});
