import { describe, expect, it } from "vitest";
import { hottestSensor, limitsBySensor } from "../../../collector/derive/limits.js";
import { NOW, reading } from "../expose/fleet-fixture.js";

const LIMITS = { chip: 95, board: 85, voltageRegulator: 105 };

describe("the hottest sensor", () => {
	it("is the one nearest to its limit: a board at 80 of 85 °C before a chip at 84 of 95 °C", () => {
		const latest = reading(NOW, { chipTemperatureCelsius: 84, boardTemperatureCelsius: 80 });
		expect(hottestSensor(latest, LIMITS)).toEqual({ sensor: "board", celsius: 80, limitCelsius: 85 });
	});

	it("goes by the device's own limit first: a chip at 84 of its 88 °C", () => {
		const latest = reading(NOW, {
			chipTemperatureCelsius: 84,
			chipTemperatureLimitCelsius: 88,
			boardTemperatureCelsius: 80,
		});
		expect(hottestSensor(latest, LIMITS)).toEqual({ sensor: "chip", celsius: 84, limitCelsius: 88 });
	});

	it("is looked for in the parts too, with a part's own limit", () => {
		const latest = reading(NOW, { chipTemperatureCelsius: 70 }, [
			{ part: "board", key: "0", values: { chipTemperatureCelsius: 70, chipTemperatureLimitCelsius: 71 } },
		]);
		expect(hottestSensor(latest, LIMITS)).toEqual({ sensor: "chip", celsius: 70, limitCelsius: 71 });
	});

	it("without any limit is the hottest, and carries none", () => {
		const latest = reading(NOW, { inletTemperatureCelsius: 30, ambientTemperatureCelsius: 31 });
		expect(hottestSensor(latest, {})).toEqual({ sensor: "ambient", celsius: 31 });
	});

	it("is absent where no temperature is", () => {
		expect(hottestSensor(reading(NOW, { powerWatts: 5 }), LIMITS)).toBeUndefined();
	});
});

describe("limits by sensor", () => {
	it("fall back on the kind of a numbered sensor, and name the configuration's way: chip_2 95, voltage_regulator 105", () => {
		const latest = reading(NOW, {
			chipSensor2TemperatureCelsius: 60,
			voltageRegulatorTemperatureCelsius: 61,
		});
		expect([...limitsBySensor(latest, LIMITS)]).toEqual([
			["chip_2", 95],
			["voltage_regulator", 105],
		]);
	});
});
