/** Every figure of the page as an operator reads it: scale, rounding, absence, zones. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	axisTicks,
	celsius,
	counted,
	dateWithYear,
	decimal,
	duration,
	efficiency,
	energy,
	hashrate,
	inputValue,
	isSmallFleet,
	label,
	measured,
	multiple,
	percent,
	power,
	type Shown,
	share,
	tick,
	timeOfDay,
	usd,
	usdPerDay,
	usdPerMegawattHour,
	usdPerWattYear,
	work,
	zoneName,
} from "../../../dashboards/live/format.js";

/** Number and unit as one text, with plain spaces. */
function text({ number, unit }: Shown): string {
	return (unit === "" ? number : `${number} ${unit}`).replaceAll("\u202f", " ");
}

describe("hashrate", () => {
	it.each([
		[0, "0.000 GH/s"],
		[0.4823, "482.3 GH/s"],
		[1.2084, "1.208 TH/s"],
		[110.04, "110.0 TH/s"],
		[19_874, "19.87 PH/s"],
		[12_410_000, "12.41 EH/s"],
	])("of %d TH/s reads %s", (terahashes, expected) => {
		expect(text(hashrate(terahashes))).toBe(expected);
	});

	it("takes the next unit once rounding reaches it: 999.96 TH/s is 1.000 PH/s, 999.94 TH/s is 999.9 TH/s", () => {
		expect(text(hashrate(999.96))).toBe("1.000 PH/s");
		expect(text(hashrate(999.94))).toBe("999.9 TH/s");
	});

	it("keeps four digits when rounding adds one: 99.996 TH/s is 100.0 TH/s", () => {
		expect(text(hashrate(99.996))).toBe("100.0 TH/s");
	});

	it("never shows more than four digits before the largest unit, whatever the number", () => {
		fc.assert(
			fc.property(fc.double({ min: 1e-3, max: 9e11, noNaN: true }), (terahashes) => {
				const { number } = hashrate(terahashes);
				expect(number.replace(/\D/g, "")).toMatch(/^\d{4}$/);
			}),
		);
	});
});

describe("power and energy", () => {
	it.each([
		[18.3, "18.30 W"],
		[3_469, "3.469 kW"],
		[441_912, "441.9 kW"],
		[7_231_000, "7.231 MW"],
		[246e6, "246.0 MW"],
	])("%d W reads %s", (watts, expected) => {
		expect(text(power(watts))).toBe(expected);
	});

	it("writes 3.6e9 J as 1.000 MWh and 1.8e4 J as 5.000 Wh", () => {
		expect(text(energy(3.6e9))).toBe("1.000 MWh");
		expect(text(energy(1.8e4))).toBe("5.000 Wh");
	});

	it("writes 1.83e10 TH of work as 18.30 ZH", () => {
		expect(text(work(1.83e10))).toBe("18.30 ZH");
	});
});

describe("absent", () => {
	it.each([
		["hashrate", hashrate(undefined)],
		["power", power(undefined)],
		["efficiency", efficiency(undefined)],
		["temperature", celsius(undefined)],
		["USD per MWh", usdPerMegawattHour(undefined)],
		["USD per watt-year", usdPerWattYear(undefined)],
		["USD a day", usdPerDay(undefined)],
		["share in percent", percent(undefined)],
		["energy", energy(undefined)],
		["work", work(undefined)],
		["not a number", power(Number.NaN)],
		["infinite", hashrate(Number.POSITIVE_INFINITY)],
	])("%s is an en dash, never 0", (_what, shown) => {
		expect(shown.number).toBe("–");
	});

	it("is an en dash for shares, durations, multiples and times too", () => {
		expect([share(undefined), duration(undefined), multiple(undefined), timeOfDay(undefined, "UTC")]).toEqual(
			["–", "–", "–", "–"],
		);
	});
});

describe("money", () => {
	it.each([
		[0.04951, "$0.0495"],
		[0.1624, "$0.162"],
		[12.38, "$12.38"],
		[2_846.205, "$2,846.20"],
		[36_877.4, "$36,877"],
		[-11.71, "−$11.71"],
		[-0.00001, "$0.0000"],
		[0, "$0.00"],
	])("%d USD reads %s", (value, expected) => {
		expect(usd(value)).toBe(expected);
	});

	it("keeps two decimals per MWh, three per watt-year, and never clamps a loss", () => {
		expect(text(usdPerMegawattHour(-3.456))).toBe("−$3.46 /MWh");
		expect(text(usdPerWattYear(0.7126))).toBe("$0.713 /W-yr");
	});

	it("makes a day of 24 hours: 0.002 USD an hour is $0.0480 a day", () => {
		expect(text(usdPerDay(0.002))).toBe("$0.0480 a day");
	});

	it("rounds half to even: 0.125 is 0.12, 0.375 is 0.38", () => {
		expect([decimal(0.125, 2), decimal(0.375, 2)]).toEqual(["0.12", "0.38"]);
	});

	it("counts a fleet as small below 10 kW, and not where its power is unknown", () => {
		expect([isSmallFleet(9_999), isSmallFleet(10_000), isSmallFleet(undefined)]).toEqual([
			true,
			false,
			false,
		]);
	});
});

describe("shares, of which only the whole says 100 %", () => {
	it.each([
		[0, "0 %"],
		[0.0004, "< 0.1 %"],
		[0.9684, "96.8 %"],
		[0.9996, "99.9 %"],
		[1, "100 %"],
	])("%d reads %s", (ratio, expected) => {
		expect(share(ratio).replaceAll("\u202f", " ")).toBe(expected);
	});

	it("writes multiples with a decimal below ten: 1.54 is 1.5×, 31.4 is 31×", () => {
		expect([multiple(1.54), multiple(31.4)]).toEqual(["1.5×", "31×"]);
	});
});

describe("time", () => {
	it("of what may have begun in another year has its year", () => {
		expect(dateWithYear(Date.UTC(2024, 11, 31, 23, 30), "Europe/Oslo")).toBe("01 Jan 2025, 00:30");
		expect(dateWithYear(undefined, "UTC")).toBe("–");
	});

	it.each([
		[-3, "0 s"],
		[59.9, "59 s"],
		[60, "1 min"],
		[15_000, "4 h 10 min"],
		[7_200, "2 h"],
		[273_600, "3 d 4 h"],
		[86_400 * 400, "400 d"],
	])("%d s reads %s", (seconds, expected) => {
		expect(duration(seconds)).toBe(expected);
	});

	it("is told in the site's zone: 2024-11-22T20:03:27Z is 14:03:27 in Chicago and 21:03:27 in Berlin", () => {
		const at = Date.UTC(2024, 10, 22, 20, 3, 27);
		expect([timeOfDay(at, "America/Chicago"), timeOfDay(at, "Europe/Berlin")]).toEqual([
			"14:03:27",
			"21:03:27",
		]);
	});

	it("shows midnight as 00 and names the zone", () => {
		const at = Date.UTC(2024, 10, 22, 0, 0, 5);
		expect(timeOfDay(at, "UTC")).toBe("00:00:05");
		expect(zoneName(at, "UTC")).toBe("UTC");
	});
});

describe("names and measured values", () => {
	it.each([
		["chipTemperatureCelsius", "Chip temperature"],
		["gpuUtilizationRatio", "GPU utilization"],
		["fanSpeedRevolutionsPerMinute", "Fan speed"],
		["boardSensor2TemperatureCelsius", "Board sensor 2 temperature"],
		["powerPriceUsdPerMegawattHour", "Power price"],
		["gpuHourPriceUsd", "GPU hour price"],
		["aiCapitalCostUsdPerWattYear", "AI capital cost"],
		["feesBitcoinPerBlock", "Fees bitcoin per block"],
		["power_price", "Power price"],
		["Ratio", "Ratio"],
	])("%s is labelled %s", (name, expected) => {
		expect(label(name)).toBe(expected);
	});

	it.each([
		[{ measurement: "gpuUtilizationRatio", unit: "", value: 0.823 }, "82.3 %"],
		[{ measurement: "operatingState", unit: "", value: 1, word: "idle" }, "idle"],
		[{ measurement: "memoryUsedBytes", unit: "B", value: 61_000_000_000 }, "56.8 GiB"],
		[{ measurement: "uptimeSeconds", unit: "s", value: 93_784 }, "1 d 2 h"],
		[{ measurement: "sharesAccepted", unit: "", value: 184_211 }, "184,211"],
		[{ measurement: "frequencyMegahertz", unit: "MHz", value: 547.5 }, "547.50 MHz"],
		[{ measurement: "powerWatts", unit: "W", value: 18.34 }, "18.3 W"],
		[{ measurement: "coreVoltageVolts", unit: "V", value: 1.152 }, "1.15 V"],
	])("%o reads %s", (value, expected) => {
		expect(text(measured(value))).toBe(expected);
	});

	it.each([
		[{ name: "bitcoinPrice", value: 85_956.45, unit: "USD/BTC" }, "$85,956.45 /BTC"],
		[{ name: "powerPrice", value: 0.045, unit: "USD/kWh" }, "$0.0450 /kWh"],
		[{ name: "powerPrice", value: -15.8, unit: "USD/MWh" }, "−$15.80 /MWh"],
		[{ name: "miningCapitalCost", value: 0.4, unit: "USD/W-yr" }, "$0.400 /W-yr"],
		[{ name: "difficulty", value: 132_716_002_350_731.3, unit: "" }, "132.7 T"],
		[{ name: "blockFees", value: 1_937_788, unit: "sat" }, "1,937,788 sat"],
		[{ name: "poolFeeRatio", value: 0.01, unit: "" }, "1.0 %"],
	])("input %o reads %s", (input, expected) => {
		expect(text(inputValue(input))).toBe(expected);
	});

	it("counts in the singular and plural: 1 problem, 2,000 problems", () => {
		expect([counted(1, "problem"), counted(2_000, "problem")]).toEqual(["1 problem", "2,000 problems"]);
	});
});

describe("axes", () => {
	it("share one unit, the largest value's: 19,000 to 20,000 TH/s are 19.0, 19.5, 20.0 PH/s", () => {
		expect(axisTicks([19_000, 19_500, 20_000], hashrate)).toEqual(["19.0", "19.5", "20.0"]);
	});

	it("carry the dollar and the minus: −5, 0, 5 USD/MWh", () => {
		expect(axisTicks([-5, 0, 5], usdPerMegawattHour)).toEqual(["−$5", "$0", "$5"]);
	});

	it("write shares as percent: 0.75 and 0.8 are 75 and 80", () => {
		expect(axisTicks([0.75, 0.8], percent)).toEqual(["75", "80"]);
	});

	it("write the breaks of a scale short: 0, 17.5, 1,427", () => {
		expect([tick(0), tick(17.5), tick(1_427)]).toEqual(["0", "17.5", "1,427"]);
	});
});
