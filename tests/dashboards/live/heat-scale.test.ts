/** Which colour a device's cell has, and what the legend prints beside it. */
import { describe, expect, it } from "vitest";
import {
	HEAT_LEVELS,
	heatLevel,
	heatScale,
	heatValue,
	isSameScale,
	netUsdPerMegawattHour,
} from "../../../dashboards/live/heat-scale.js";
import { device } from "./devices.js";

function levelOf(metric: "temperature" | "efficiency" | "earning", values: readonly object[]) {
	const devices = values.map((value, index) => device({ device: `d${index}`, ...value }));
	const scale = heatScale(metric, devices);
	return devices.map((one) => heatLevel(scale, heatValue(metric, one)));
}

describe("temperature", () => {
	it("counts relative to the device's own limit: 60 °C is calm below 95 and the last level at 60", () => {
		expect(
			levelOf("temperature", [
				{ temperatureCelsius: 60, temperatureLimitCelsius: 95 },
				{ temperatureCelsius: 60, temperatureLimitCelsius: 60 },
			]),
		).toEqual([0, HEAT_LEVELS - 1]);
	});

	it("takes 90 °C for the limit where none is stated: 89 °C is just below the last level", () => {
		expect(levelOf("temperature", [{ temperatureCelsius: 89 }, { temperatureCelsius: 90 }])).toEqual([5, 6]);
	});

	it("has no level for a device that is down or says no temperature", () => {
		expect(levelOf("temperature", [{ temperatureCelsius: 60, health: "down" }, {}])).toEqual([
			undefined,
			undefined,
		]);
	});
});

describe("efficiency", () => {
	it("gives the wasteful device a higher level: 30 J/TH over 17.5 J/TH", () => {
		const [thrifty, wasteful] = levelOf("efficiency", [
			{ efficiencyJoulesPerTerahash: 17.5 },
			{ efficiencyJoulesPerTerahash: 30 },
		]);
		expect(thrifty).toBe(0);
		expect(wasteful).toBeGreaterThanOrEqual(4);
	});

	it("does not colour noise: 17.50, 17.55 and 17.60 J/TH share a level", () => {
		const levels = levelOf(
			"efficiency",
			[17.5, 17.55, 17.6].map((efficiencyJoulesPerTerahash) => ({ efficiencyJoulesPerTerahash })),
		);
		expect(new Set(levels).size).toBe(1);
	});

	it("prints six ascending breaks, also for a fleet without any value", () => {
		const { breaks, ticks } = heatScale("efficiency", []);
		expect(ticks).toHaveLength(6);
		expect([...breaks].sort((one, other) => one - other)).toEqual(breaks);
	});
});

describe("earning", () => {
	const earning = (net: number) => ({
		grossUsdPerHour: net + 0.1,
		netUsdPerHour: net,
		grossUsdPerMegawattHour: (net + 0.1) * 1_000,
	});

	it("keeps the last level for a device that loses money, whatever the others earn", () => {
		const levels = levelOf("earning", [earning(-0.01), earning(0.1), earning(0.2), earning(5)]);
		expect(levels[0]).toBe(6);
		expect(levels.slice(1).every((level) => level !== undefined && level < 6)).toBe(true);
	});

	it("gives the best earner level 0 beside a miner that earns a fiftieth", () => {
		const levels = levelOf("earning", [
			...Array.from({ length: 8 }, () => earning(0.1)),
			earning(5),
			earning(5),
		]);
		expect(levels.at(-1)).toBe(0);
		expect(levels[0]).toBeGreaterThan(0);
	});

	it("is net over the same sums as gross: 88 USD/MWh with 0.3 of 0.6 USD an hour left is 44 USD/MWh", () => {
		const one = device({
			device: "a",
			grossUsdPerHour: 0.6,
			netUsdPerHour: 0.3,
			grossUsdPerMegawattHour: 88,
		});
		expect(netUsdPerMegawattHour(one)).toBeCloseTo(44, 9);
	});

	it("shows what an idle device burns: −0.09 USD an hour at 2,000 W is −45 USD/MWh", () => {
		const idle = device({ device: "a", grossUsdPerHour: 0, netUsdPerHour: -0.09, powerWatts: 2_000 });
		expect(netUsdPerMegawattHour(idle)).toBeCloseTo(-45, 9);
	});

	it("is absent where no price is known", () => {
		expect(netUsdPerMegawattHour(device({ device: "a", powerWatts: 3_000 }))).toBeUndefined();
	});
});

it("knows two scales with the same breaks as one, so that nothing is painted twice", () => {
	const scale = (efficiencyJoulesPerTerahash: number) =>
		heatScale("efficiency", [device({ device: "a", efficiencyJoulesPerTerahash })]);
	expect(isSameScale(scale(17.5), scale(17.6))).toBe(true);
	expect(isSameScale(scale(17.5), scale(30))).toBe(false);
});
