/** How sure each use's earning is: by its own watts and its own prices, not by the other's. */
import { expect, it } from "vitest";
import type { FleetAnswer } from "../../../collector/expose/answers.js";
import { confidenceByUse, fleetConfidence } from "../../../collector/expose/fleet-confidence.js";
import { moneyFamilies } from "../../../collector/expose/metrics/money-families.js";

type Sources = Parameters<typeof confidenceByUse>[0];

/** Of a megawatt. */
const group = (
	grossUsdPerMegawattHour: number | undefined,
	powerBySource: FleetAnswer["total"]["coverage"]["powerBySource"],
	more: object = {},
) => ({
	grossUsdPerMegawattHour,
	grossUsdPerHour: grossUsdPerMegawattHour,
	coverage: { powerRatio: 0.9, powerBySource },
	...more,
});
const input = (name: string, quality: string, isStale = false) => ({ name, quality, isStale });

const sources = (ai: unknown, inputs: readonly object[] = []) =>
	({
		total: group(500, { reported: 1 }),
		mining: group(80, { reported: 0.5, nameplate: 0.5 }, { hashrateTerahashesPerSecond: 200 }),
		ai,
		inputs,
	}) as unknown as Sources;

it("mining by 10 % of watts, 3 % of hashrate, 0.5 % of fees and an assumed price; AI by meters and its rent", () => {
	const found = confidenceByUse(sources(group(2_500, { metered: 1 })));
	expect(found?.mining?.relativeStandardDeviation).toBeCloseTo(
		Math.sqrt(0.1 ** 2 + 0.03 ** 2 + 0.005 ** 2 + 0.02 ** 2),
		12,
	);
	expect(found?.mining).toMatchObject({ value: 80, worstInput: "watts", coveredPowerRatio: 0.9 });
	expect(found?.ai?.relativeStandardDeviation).toBeCloseTo(Math.sqrt(0.01 ** 2 + 0.02 ** 2 + 0.02 ** 2), 12);
	expect(found?.ai?.worstInput).toBe("gpuHourPrice");
	expect(found?.ai?.high).toBeCloseTo(2_500 * 1.03, 9);
});

it("realised rents that are not old make AI as sure as its meters; an old one does not", () => {
	const band = (isStale: boolean) =>
		confidenceByUse(
			sources(group(2_500, { metered: 1 }), [
				input("gpuHourPriceUsd", "final", isStale),
				input("gpuRentedRatio", "final"),
			]),
		)?.ai;
	expect(band(false)).toMatchObject({ worstInput: "watts" });
	expect(band(true)).toMatchObject({ worstInput: "gpuHourPrice" });
});

it("a use that earns nothing has no band, and the fleet keeps its own", () => {
	const alone = sources(group(undefined, {}));
	expect(Object.keys(confidenceByUse(alone) ?? {})).toEqual(["mining"]);
	expect(fleetConfidence(alone)).toMatchObject({ value: 500, worstInput: "watts" });
});

it("an input moves the fleet's by the share that is earned with it: 80 of 500 USD by hashes, the rest by GPU-hours", () => {
	const found = fleetConfidence(sources(group(420, { metered: 1 })));
	expect(found?.relativeStandardDeviation).toBeCloseTo(
		Math.hypot(0.05, 0.16 * 0.03, 0.16 * 0.005, 0.16 * 0.02, 0.84 * 0.02, 0.84 * 0.02),
		12,
	);
});

it("on /metrics each use has its band with its worst input, and a use without a band has none", () => {
	const samplesOf = (ai: unknown) => {
		const byUse = confidenceByUse(sources(ai));
		const fleet = { inputs: [], ...(byUse === undefined ? {} : { confidenceByUse: byUse }) };
		const { samples = [] } =
			moneyFamilies(fleet as unknown as FleetAnswer).find(({ name }) =>
				name.startsWith("fleetwatt_use_gross"),
			) ?? {};
		return samples.map(({ labels, value }) => [...labels.map(([, label]) => label), value?.toFixed(4)]);
	};
	expect(samplesOf(group(2_500, { metered: 1 }))).toEqual([
		["mining", "watts", "0.1064"],
		["ai", "gpuHourPrice", "0.0300"],
	]);
	expect(samplesOf(group(undefined, {}))).toEqual([["mining", "watts", "0.1064"]]);
});
