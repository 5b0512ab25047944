import { describe, expect, it } from "vitest";
import { sumsOver } from "../../../collector/derive/energy.js";
import { revenueOf } from "../../../collector/derive/revenue.js";
import { type Contribution, groupTotals } from "../../../collector/derive/totals.js";
import { INPUT_VALUES } from "../expose/fleet-fixture.js";

const miner = (
	terahashesPerSecond: number | undefined,
	watts: number | undefined,
	more = {},
): Contribution => ({
	kind: "miner",
	health: "up",
	isSha256Miner: true,
	...(terahashesPerSecond === undefined ? {} : { hashrateTerahashesPerSecond: terahashesPerSecond }),
	...(watts === undefined ? {} : { power: { watts, source: "reported" } }),
	sums: sumsOver(
		{
			...(watts === undefined ? {} : { watts }),
			...(terahashesPerSecond === undefined ? {} : { terahashesPerSecond }),
		},
		300,
	),
	revenue: revenueOf(
		{
			...(terahashesPerSecond === undefined ? {} : { hashrateTerahashesPerSecond: terahashesPerSecond }),
			...(watts === undefined ? {} : { powerWatts: watts }),
		},
		INPUT_VALUES,
		{ siteOverheadRatio: 1 },
	),
	...more,
});

const S21 = miner(200, 3_500);
const S9 = miner(14, 1_400);

describe("totals of a group", () => {
	it("make J/TH from sums: an S21 (200 TH/s, 3,500 W) and an S9 (14 TH/s, 1,400 W) are 22.9 J/TH", () => {
		const totals = groupTotals([S21, S9]);
		expect(totals.efficiencyJoulesPerTerahash).toBeCloseTo(22.9, 2);
		expect(totals).toMatchObject({ hashrateTerahashesPerSecond: 214, powerWatts: 4_900 });
	});

	it("leave a device without power out of both sides of J/TH, and in the hashrate", () => {
		const totals = groupTotals([S21, miner(100, undefined)]);
		expect(totals.efficiencyJoulesPerTerahash).toBeCloseTo(17.5, 9);
		expect(totals.hashrateTerahashesPerSecond).toBe(300);
		expect(totals.coverage).toMatchObject({ powerRatio: 0.5, hashrateRatio: 1 });
	});

	it("leave a device without hashrate out of both sides of J/TH, and in the power", () => {
		const totals = groupTotals([S21, miner(undefined, 3_000)]);
		expect(totals.efficiencyJoulesPerTerahash).toBeCloseTo(17.5, 9);
		expect(totals.powerWatts).toBe(6_500);
		expect(totals.coverage).toMatchObject({ powerRatio: 1, hashrateRatio: 0.5 });
	});

	it("count an idle machine's watts: 0 TH/s at 350 W beside an S21 is 19.25 J/TH", () => {
		expect(groupTotals([S21, miner(0, 350)]).efficiencyJoulesPerTerahash).toBeCloseTo(19.25, 9);
	});

	it("take nothing from devices that are down or unknown but their number", () => {
		const totals = groupTotals([S21, { ...S9, health: "down" }, { ...S9, health: "unknown" }]);
		expect(totals.devices).toEqual({ up: 1, down: 1, unknown: 1 });
		expect(totals).toMatchObject({ hashrateTerahashesPerSecond: 200, powerWatts: 3_500 });
		expect(totals.coverage.powerRatio).toBeCloseTo(1 / 3, 9);
	});

	it("of nothing are absent, not zero", () => {
		expect(groupTotals([])).toEqual({
			devices: { up: 0, down: 0, unknown: 0 },
			coverage: { powerRatio: 0, hashrateRatio: 0, powerBySource: {} },
		});
	});

	it("divide money by the energy of the same devices: an S21 earns 95.6 USD/MWh beside one without watts", () => {
		const alone = groupTotals([S21]).grossUsdPerMegawattHour;
		expect(alone).toBeCloseTo((40.97 * 0.98) / (0.024 * 17.5), 1);
		expect(groupTotals([S21, miner(100, undefined)]).grossUsdPerMegawattHour).toBeCloseTo(alone ?? 0, 9);
	});

	it("net is gross less cost, by energy: gross USD/MWh less the price of 50", () => {
		const totals = groupTotals([S21, S9]);
		expect(totals.netUsdPerMegawattHour).toBeCloseTo((totals.grossUsdPerMegawattHour ?? 0) - 50, 9);
	});

	it("have a capacity basis where watts are contracted: 8,760 × USD/h ÷ 10,000 W", () => {
		const totals = groupTotals([S21], 10_000);
		expect(totals.grossUsdPerWattYear).toBeCloseTo((totals.grossUsdPerHour ?? 0) * 0.876, 9);
		expect(groupTotals([S21])).not.toHaveProperty("grossUsdPerWattYear");
	});

	it("say where the watts come from: 3,500 W reported and 1,500 W by nameplate are 0.7 and 0.3", () => {
		const nameplate = miner(100, 1_500, { power: { watts: 1_500, source: "nameplate" } });
		expect(groupTotals([S21, nameplate]).coverage.powerBySource).toEqual({ reported: 0.7, nameplate: 0.3 });
	});

	it("mean the utilisation over GPUs, not over hosts: 8 at 1 and 2 at 0 are 0.8", () => {
		const host = (gpus: number, ratioSum: number): Contribution => ({
			kind: "gpu-host",
			health: "up",
			isSha256Miner: false,
			gpuCount: gpus,
			gpuUtilization: { gpus, ratioSum },
		});
		expect(groupTotals([host(8, 8), host(2, 0)])).toMatchObject({ gpuCount: 10, gpuUtilizationRatio: 0.8 });
	});
});
