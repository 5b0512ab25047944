/** What devices remember, as their vendors write it → values by moment; and what no vendor writes → nothing. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { driverByName } from "../../../agent/drivers/catalog.js";
import type { Driver } from "../../../agent/drivers/driver.js";
import { recalled } from "../../../agent/drivers/recalled.js";

const driverOf = (name: string): Driver => {
	const driver = driverByName(name);
	if (driver === undefined) throw new Error(`There is no driver ${name}.`);
	return driver;
};
const NOW = 1_700_000_130;
const asked = { stretch: { from: NOW - 7_200, to: NOW }, polled: {} };
const read = (name: string, answer: unknown) =>
	recalled(driverOf(name), { text: JSON.stringify(answer) }, asked);
const from = (name: string, answer: unknown) => {
	const moments = read(name, answer);
	if ("code" in moments) throw new Error(`${moments.code}: ${moments.what}`);
	return moments;
};

const AXEOS = {
	currentTimestamp: 100_000,
	labels: ["hashrate", "asicTemp", "power", "timestamp"],
	statistics: [
		[1_072.24, 60.5, 18.75, 30_000],
		[0, -1, 0.5, 60_000],
		[1_068, 61, 18.8, 90_000],
	],
};
const rows = (row: readonly number[]) => ({
	...AXEOS,
	statistics: [30_000, 60_000, 90_000].map((time) => [...row, time]),
});
const luxos = (stamp: (minute: number) => unknown, key = "Timestamp") => ({
	STATUS: [{ STATUS: "S", When: NOW, Msg: "Metrics" }],
	METRICS: [0, 1, 2].map((minute) => ({ HashrateMHS: 95e6, Power: 3_000 + minute, [key]: stamp(minute) })),
});
const STAMP = (minute: number) => 1_700_000_000 + minute * 60;

describe("what a device remembers", () => {
	it("is read from AxeOS: 1,072.24 GH/s and 18.75 W 70 s ago, which stood for 30 s", () => {
		const moments = from("bitaxe", AXEOS);
		expect(moments.map(({ agoMilliseconds }) => agoMilliseconds)).toEqual([70_000, 40_000, 10_000]);
		expect(moments[0]?.values).toMatchObject({
			powerWatts: 18.75,
			chipTemperatureCelsius: 60.5,
			recalledSeconds: 30,
		});
		expect(moments[0]?.values.hashrateTerahashesPerSecond).toBeCloseTo(1.07224, 6);
		expect(moments[1]?.values).toMatchObject({ hashrateTerahashesPerSecond: 0, powerWatts: 0.5 });
		expect(moments[1]?.values).not.toHaveProperty("chipTemperatureCelsius");
	});

	it.each([STAMP, (minute: number) => new Date(STAMP(minute) * 1_000).toISOString()])(
		"is read from LuxOS: 95 TH/s and 3,000 W in the minute that began 130 s ago, by the firmware's model",
		(stamp) => {
			const moments = from("luxos", luxos(stamp));
			expect(moments.map(({ agoMilliseconds }) => agoMilliseconds)).toEqual([130_000, 70_000, 10_000]);
			expect(moments[0]?.values).toEqual({
				hashrateTerahashesPerSecond: 95,
				powerWatts: 3_000,
				powerSource: 2,
				powerBoundary: 4,
				recalledSeconds: 60,
			});
		},
	);

	it.each([
		["an empty list", "luxos", { ...luxos(STAMP), METRICS: [] }],
		["no row yet", "bitaxe", { ...AXEOS, statistics: [] }],
		["a single row", "bitaxe", { ...AXEOS, statistics: AXEOS.statistics.slice(0, 1) }],
	])("is nothing where there is %s", (_, name, answer) => {
		expect(read(name, answer)).toEqual([]);
	});

	it.each([
		[
			"a fork's labels, which count in other units",
			"bitaxe",
			{ ...AXEOS, labels: ["hashRate", "temp", "power", "timestamp"] },
			"MALFORMED",
		],
		["rows without a time", "bitaxe", { ...AXEOS, labels: ["hashrate", "asicTemp", "power"] }, "MALFORMED"],
		["minutes in ms", "luxos", luxos((minute) => STAMP(minute) * 1_000), "MALFORMED"],
		["minutes of last year", "luxos", luxos((minute) => STAMP(minute) - 365 * 86_400), "MALFORMED"],
		["minutes without a time", "luxos", luxos(STAMP, "At"), "MALFORMED"],
		["hashes in MH/s for GH/s", "bitaxe", rows([1e6, 55, 18.75]), "IMPLAUSIBLE"],
		["a supply of half a watt", "bitaxe", rows([1_000, 55, 0.5]), "IMPLAUSIBLE"],
	])("is a failure with a code where there are %s", (_, name, answer, code) => {
		expect(read(name, answer)).toMatchObject({ code: `DEVICE_ANSWER_${code}` });
	});

	it("is a failure where the firmware refuses the question", () => {
		expect(read("luxos", { STATUS: [{ STATUS: "E", Msg: "Invalid command" }] })).toMatchObject({
			code: "DEVICE_REQUEST_REFUSED",
		});
	});

	it("is bounded and in range, whatever stands there", () => {
		const row = fc.array(fc.oneof(fc.double(), fc.jsonValue()), { maxLength: 5 });
		const answers = fc.oneof(
			fc.jsonValue(),
			fc.record({
				currentTimestamp: fc.oneof(fc.double(), fc.jsonValue()),
				labels: fc.constant(AXEOS.labels),
				statistics: fc.array(row, { maxLength: 20 }),
			}),
			fc.record({
				STATUS: fc.constant([{ STATUS: "S", When: 1_700_000_130 }]),
				METRICS: fc.array(
					fc.record({ HashrateMHS: fc.jsonValue(), Timestamp: fc.oneof(fc.double(), fc.jsonValue()) }),
				),
			}),
		);
		fc.assert(
			fc.property(fc.constantFrom("bitaxe", "luxos"), answers, (name, answer) => {
				const moments = read(name, answer);
				for (const { agoMilliseconds, values } of "code" in moments ? [] : moments) {
					expect(agoMilliseconds).toBeGreaterThanOrEqual(0);
					expect(values.recalledSeconds).toBeGreaterThan(0);
					expect(values.recalledSeconds).toBeLessThanOrEqual(600);
					expect(Object.values(values).every(Number.isFinite)).toBe(true);
				}
			}),
		);
	});
});
