import { describe, expect, it } from "vitest";
import { effectivePower, effectiveRates } from "../../../collector/derive/power.js";
import { POWER_BOUNDARIES, POWER_MODES, POWER_SOURCES } from "../../../shared/measurements.js";
import { NOW, type Part, reading, type Values } from "../expose/fleet-fixture.js";

const OPTIONS = { hostOverheadRatio: 1.25, hostOverheadWatts: 100 };
const METERED = POWER_SOURCES.indexOf("metered");
const WALL = POWER_BOUNDARIES.indexOf("wall");

const miner = (values: Values, model = "Antminer S21") => ({
	description: { kind: "miner" as const, model },
	latest: reading(NOW, values),
});
const host = (values: Values, gpus: readonly Values[]) => ({
	description: { kind: "gpu-host" as const },
	latest: reading(
		NOW,
		values,
		gpus.map((own, index): Part => ({ part: "gpu", key: `GPU-${index}`, values: own })),
	),
});

describe("effective power of a miner", () => {
	it("is its own 3,480 W, metered at the wall", () => {
		const values = {
			powerWatts: 3_480,
			powerSource: METERED,
			powerBoundary: WALL,
			hashrateTerahashesPerSecond: 200,
		};
		expect(effectivePower(miner(values), OPTIONS)).toEqual({
			watts: 3_480,
			source: "metered",
			boundary: "wall",
		});
	});

	it("without watts is the nameplate at the present hashrate: an S21 at 100 TH/s is 1,750 W, give or take 34 %", () => {
		const power = effectivePower(miner({ hashrateTerahashesPerSecond: 100 }), OPTIONS);
		expect(power).toMatchObject({ watts: 1_750, source: "nameplate", boundary: "wall" });
		// 15 % of any nameplate, and what half the load would do to J/TH if it were a lower clock: 1 − 0.5^0.3.
		expect(power?.errorRatio).toBeCloseTo(0.15 + 1 - 0.5 ** 0.3, 6);
	});

	it("without watts at its printed rate is the nameplate, give or take 15 %", () => {
		const power = effectivePower(miner({ hashrateTerahashesPerSecond: 200 }), OPTIONS);
		expect(power).toMatchObject({ watts: 3_500, errorRatio: 0.15 });
	});

	it("with two of three boards, each at its printed rate, is 4 % fixed and two thirds of the rest: 2,380 W, give or take 10 %", () => {
		const values = { hashrateTerahashesPerSecond: 400 / 3, boardCount: 2, boardSlotCount: 3 };
		const power = effectivePower(miner(values), OPTIONS);
		expect(power).toMatchObject({ source: "estimated", boundary: "wall" });
		expect(power?.watts).toBeCloseTo(3_500 * (0.04 + (0.96 * 2) / 3), 6);
		expect(power?.errorRatio).toBeCloseTo(0.1, 6);
	});

	it("in low mode draws less a terahash: 140 TH/s of an S21 are 2,254 W, 16.1 J/TH instead of 17.5", () => {
		const low = POWER_MODES.indexOf("low");
		const values = { hashrateTerahashesPerSecond: 140, powerMode: low, boardCount: 3, boardSlotCount: 3 };
		const power = effectivePower(miner(values), OPTIONS);
		expect(power?.watts).toBeCloseTo(3_500 * (0.04 + 0.96 * 0.7 * 0.7 ** 0.3), 6);
		expect(power?.errorRatio).toBeCloseTo(0.1, 6);
	});

	it("of a name that is sold in several bins is surer when the device says which one it is", () => {
		const unknown = effectivePower(miner({ hashrateTerahashesPerSecond: 120 }, "Antminer S19k Pro"), OPTIONS);
		const known = effectivePower(
			miner(
				{ hashrateTerahashesPerSecond: 120, hashrateNameplateTerahashesPerSecond: 120 },
				"Antminer S19k Pro",
			),
			OPTIONS,
		);
		expect(known).toMatchObject({ watts: 2_760, errorRatio: 0.15 });
		expect(unknown?.errorRatio).toBeGreaterThan(0.2);
	});

	it("of another algorithm is its own nameplate's: an L7 at 9.5 GH/s is 3,425 W", () => {
		const values = { otherAlgorithmHashrateHashesPerSecond: 9.5e9 };
		expect(effectivePower(miner(values, "Antminer L7"), OPTIONS)).toMatchObject({
			watts: 3_425,
			source: "nameplate",
		});
	});

	it("whose rate is in another unit than its nameplate's is absent, not thousands of watts", () => {
		const values = { otherAlgorithmHashrateHashesPerSecond: 9.5e12 };
		expect(effectivePower(miner(values, "Antminer L7"), OPTIONS)).toBeUndefined();
	});

	it("that says 400 W at 200 TH/s, 2 J/TH, says something else than watts: the estimate stands", () => {
		const values = { powerWatts: 400, powerBoundary: WALL, hashrateTerahashesPerSecond: 200 };
		expect(effectivePower(miner(values), OPTIONS)).toMatchObject({ watts: 3_500, source: "nameplate" });
		expect(effectiveRates(miner(values), OPTIONS).watts).toBe(3_500);
	});

	it("measured on the boards is brought to the wall by the stated ratio: 3,000 W × 1.087 are 3,261 W, estimated", () => {
		const values = {
			powerWatts: 3_000,
			powerSource: POWER_SOURCES.indexOf("reported"),
			powerBoundary: POWER_BOUNDARIES.indexOf("board"),
			hashrateTerahashesPerSecond: 200,
		};
		const power = effectivePower(miner(values), OPTIONS);
		expect(power).toMatchObject({
			source: "estimated",
			boundary: "wall",
			convertedFrom: "board",
			errorRatio: 0.05,
		});
		expect(power?.watts).toBeCloseTo(3_261, 6);
		expect(effectiveRates(miner(values), OPTIONS).watts).toBeCloseTo(3_261, 6);
		const conversions = { chipToBoardRatio: 1, boardToWallRatio: 1.1, wallToFeederRatio: 1 };
		expect(effectiveRates(miner(values), { ...OPTIONS, conversions }).watts).toBeCloseTo(3_300, 6);
	});

	it("of an Avalon that says only its supply's 2,000 W output is 2,174 W at the wall, estimated", () => {
		const values = { hashboardOutputPowerWatts: 2_000, hashrateTerahashesPerSecond: 50 };
		const power = effectivePower(miner(values, "AvalonMiner 1066"), OPTIONS);
		expect(power).toMatchObject({ source: "estimated", boundary: "wall", convertedFrom: "board" });
		expect(power?.watts).toBeCloseTo(2_174, 6);
	});

	it("that says 0 W while it hashes is the nameplate: the sensor is at fault", () => {
		const values = { powerWatts: 0, hashrateTerahashesPerSecond: 200 };
		expect(effectivePower(miner(values), OPTIONS)).toMatchObject({ watts: 3_500, source: "nameplate" });
	});

	it("that says 0 W and does not hash is 0 W, reported", () => {
		const values = { powerWatts: 0, hashrateTerahashesPerSecond: 0 };
		expect(effectivePower(miner(values), OPTIONS)).toEqual({ watts: 0, source: "reported" });
	});

	it("that is idle and says no watts is absent, not zero", () => {
		expect(effectivePower(miner({ hashrateTerahashesPerSecond: 0 }), OPTIONS)).toBeUndefined();
	});

	it("of an unknown model without watts is absent", () => {
		expect(effectivePower(miner({ hashrateTerahashesPerSecond: 9 }, "Foo 1"), OPTIONS)).toBeUndefined();
	});
});

describe("effective power of a GPU host", () => {
	it("without a meter is the sum of its GPUs with the stated overhead: (600 + 400) × 1.25 + 100 = 1,350 W", () => {
		expect(effectivePower(host({}, [{ powerWatts: 600 }, { powerWatts: 400 }]), OPTIONS)).toEqual({
			watts: 1_350,
			source: "estimated",
			boundary: "host",
			convertedFrom: "gpu",
			errorRatio: 0.15,
		});
	});

	it("with a meter is the meter", () => {
		const metered = host({ powerWatts: 2_000, powerSource: METERED, powerBoundary: WALL }, [
			{ powerWatts: 600 },
		]);
		expect(effectivePower(metered, OPTIONS)).toMatchObject({ watts: 2_000, source: "metered" });
	});

	it("is absent while one GPU says no watts: a part of the sum would read as the whole", () => {
		const partly = host({}, [{ powerWatts: 600 }, { gpuTemperatureCelsius: 50 }]);
		expect(effectivePower(partly, OPTIONS)).toBeUndefined();
		const notANumber = host({}, [{ powerWatts: 600 }, { powerWatts: Number.NaN }]);
		expect(effectivePower(notANumber, OPTIONS)).toBeUndefined();
	});
});

describe("effective rates", () => {
	it("are what the meter counts: estimated watts and SHA-256 hashrate", () => {
		expect(effectiveRates(miner({ hashrateTerahashesPerSecond: 100 }), OPTIONS)).toEqual({
			watts: 1_750,
			terahashesPerSecond: 100,
		});
	});

	it("leave out what is absent", () => {
		expect(effectiveRates(host({ gpuCount: 8 }, []), OPTIONS)).toEqual({});
	});
});
