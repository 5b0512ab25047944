import { describe, expect, it } from "vitest";
import { effectivePower, effectiveRates } from "../../../collector/derive/power.js";
import { POWER_BOUNDARIES, POWER_SOURCES } from "../../../shared/measurements.js";
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

	it("without watts is the nameplate at the present hashrate: an S21 at 100 TH/s is 1,750 W", () => {
		expect(effectivePower(miner({ hashrateTerahashesPerSecond: 100 }), OPTIONS)).toEqual({
			watts: 1_750,
			source: "nameplate",
			boundary: "wall",
		});
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
