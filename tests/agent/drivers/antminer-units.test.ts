/** Bitmain's one field in many units, and forms of its answers that differ from release to release. */
import { describe, expect, it } from "vitest";
import { driverByName } from "../../../agent/drivers/catalog.js";
import { decode } from "../../../agent/drivers/decode.js";
import type { Answers } from "../../../agent/drivers/driver.js";
import type { Reading } from "../../../shared/reading.js";

function read(answers: Readonly<Record<string, unknown>>): Reading {
	const driver = driverByName("antminer") ?? expect.fail("no antminer");
	const texts = Object.entries(answers).map(
		([name, value]) => [name, { text: JSON.stringify(value) }] as const,
	);
	const decoded = decode(driver, Object.fromEntries(texts) satisfies Answers);
	return decoded.kind === "reading" ? decoded.reading : expect.fail(decoded.what);
}

const stats = (type: string, values: object) => ({
	stats: { STATUS: [{ STATUS: "S" }], STATS: [{ Type: type }, { Elapsed: 60, chain_acn1: 10, ...values }] },
});

describe('the unit of "GHS 5s"', () => {
	it.each([
		["an L7's is MH/s", "Antminer L7", 9_500, 9.5e9],
		["an L9's is MH/s", "Antminer L9", 16_000, 16e9],
		["a D7's is MH/s", "Antminer D7", 1_286_000, 1.286e12],
		["an E9's is MH/s", "Antminer E9", 2_400, 2.4e9],
		["a Z15's is kSol/s where it is 420", "Antminer Z15", 420, 420e3],
		["a Z15's is Sol/s where it is 420,000", "Antminer Z15", 420_000, 420e3],
		["an X3's is kH/s", "Antminer X3", 220, 220e3],
		["a KS5's is GH/s", "Antminer KS5", 20_000, 20e12],
		["a KS5's is TH/s where 20 could be nothing else", "Antminer KS5", 20, 20e12],
		["a K7's is GH/s", "Antminer K7", 63_500, 63.5e12],
	])("%s", (_, model, rate, expected) => {
		const { values } = read(stats(model, { "GHS 5s": rate, "GHS av": rate }));
		expect(values.otherAlgorithmHashrateHashesPerSecond).toBeCloseTo(expected, 0);
		expect(values).not.toHaveProperty("hashrateTerahashesPerSecond");
	});
});

describe("forms of its answers", () => {
	it.each([
		["Antminer S9\nV1.3.58", "Antminer S9"],
		["Antminer S21 XP Hyd.", "Antminer S21 XP Hyd"],
		["Antminer S9 Pro (v5.1) ", "Antminer S9 Pro"],
		["S7", "Antminer S7"],
		["ANTMINER BHB42XXX", undefined],
	])("takes %j for the model %s", (type, model) => {
		expect(read(stats(type, { "GHS 5s": 1 })).identity.model).toBe(model);
	});

	it("reads the web page of the S9's years: 13,500.5 GH/s with its comma, a board at 75 °C, two fans", () => {
		const reading = read({
			minerStatus: {
				summary: { elapsed: "100", ghs5s: "13,500.5", ghsav: "13,400.0", hw: "12" },
				pools: [{ url: "x", status: "Alive", accepted: "12", rejected: "1", stale: "0" }],
				devs: [
					{
						index: "6",
						chain_acn: "63",
						temp: "60",
						temp2: "75",
						rate: "4,500.1",
						fan1: "4000",
						fan2: "4100",
					},
				],
			},
			systemInfo: { minertype: "Antminer S9" },
		});
		expect(reading.values).toMatchObject({
			hashrateTerahashesPerSecond: 13.5005,
			sharesAccepted: 12,
			poolState: 0,
		});
		expect(reading.components.map(({ part, key }) => `${part} ${key}`)).toEqual([
			"board 6",
			"fan 1",
			"fan 2",
		]);
	});

	it("reads the second pair of an older altcoin model: chips at temp2 and temp4, boards at temp and temp3", () => {
		const reading = read(
			stats("Antminer E3", { "GHS 5s": 190, temp1: 50, temp2_1: 70, temp3_1: 55, temp4_1: 75 }),
		);
		expect(reading.components[0]?.values).toMatchObject({
			chipTemperatureCelsius: 75,
			boardTemperatureCelsius: 55,
		});
	});

	it("counts 0 W of a hashing machine as a fault, and takes 3,499 W", () => {
		const web = (watt: number) => ({
			statsCgi: { STATS: [{ rate_5s: 250_000, rate_unit: "GH/s", watt, chain: [] }] },
		});
		const none = read({ ...stats("Antminer S21 Pro", { "GHS 5s": 250_000 }), ...web(0) });
		expect(none.values).not.toHaveProperty("powerWatts");
		expect(none.faults).toContainEqual({ code: "DEVICE_ANSWER_IMPLAUSIBLE", at: "web.watt (powerWatts)" });
		expect(
			read({ ...stats("Antminer S21 Pro", { "GHS 5s": 250_000 }), ...web(3_499) }).values.powerWatts,
		).toBe(3_499);
	});
});
