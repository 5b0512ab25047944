import { describe, expect, it } from "vitest";
import {
	hashprice,
	revenueOf,
	usdPerMegawattHour,
	usdPerWattYear,
} from "../../../collector/derive/revenue.js";
import { INPUT_VALUES } from "../expose/fleet-fixture.js";

const WALL = { siteOverheadRatio: 1 };

describe("the revenue of a miner", () => {
	it("of 580 TH/s and 5,510 W at 40.97 USD/PH/day, 2 % fee and 100 USD/MWh is 23.29 - 13.22 = 10.06 USD a day", () => {
		const inputs = { ...INPUT_VALUES, powerPriceUsdPerMegawattHour: 100 };
		const revenue = revenueOf({ hashrateTerahashesPerSecond: 580, powerWatts: 5_510 }, inputs, WALL);
		expect(((revenue.grossUsdPerHour ?? 0) * 24).toFixed(2)).toBe("23.29");
		expect(((revenue.powerCostUsdPerHour ?? 0) * 24).toFixed(2)).toBe("13.22");
		expect(((revenue.netUsdPerHour ?? 0) * 24).toFixed(2)).toBe("10.06");
	});

	it("names the inputs it rests on", () => {
		const { inputs } = revenueOf({ hashrateTerahashesPerSecond: 1, powerWatts: 30 }, INPUT_VALUES, WALL);
		expect(inputs).toEqual([
			"bitcoinDifficulty",
			"blockHeight",
			"feesBitcoinPerBlock",
			"bitcoinPriceUsd",
			"poolFeeRatio",
			"powerPriceUsdPerMegawattHour",
		]);
	});

	it.each([
		"bitcoinDifficulty",
		"blockHeight",
		"feesBitcoinPerBlock",
		"bitcoinPriceUsd",
		"poolFeeRatio",
	] as const)("is absent without %s, and the cost of power is not", (name) => {
		const { [name]: _, ...inputs } = INPUT_VALUES;
		const revenue = revenueOf({ hashrateTerahashesPerSecond: 200, powerWatts: 3_500 }, inputs, WALL);
		expect(revenue.grossUsdPerHour).toBeUndefined();
		expect(revenue.netUsdPerHour).toBeUndefined();
		expect(revenue.powerCostUsdPerHour).toBeCloseTo(0.175, 9);
	});

	it("has a gross without watts, and neither net nor an energy basis", () => {
		const revenue = revenueOf({ hashrateTerahashesPerSecond: 200 }, INPUT_VALUES, WALL);
		expect(revenue.grossUsdPerHour).toBeGreaterThan(0);
		expect(revenue).not.toHaveProperty("netUsdPerHour");
		expect(revenue).not.toHaveProperty("grossUsdPerMegawattHour");
	});

	it("at a power price of -158 USD/MWh gains from what it draws: 1 MW costs -158 USD/h", () => {
		const inputs = { ...INPUT_VALUES, powerPriceUsdPerMegawattHour: -158 };
		const revenue = revenueOf({ hashrateTerahashesPerSecond: 0, powerWatts: 1e6 }, inputs, WALL);
		expect(revenue).toMatchObject({ grossUsdPerHour: 0, powerCostUsdPerHour: -158, netUsdPerHour: 158 });
	});

	it("pays for the site's overhead: 1 MW at 1.05 and 50 USD/MWh costs 52.50 USD/h", () => {
		const revenue = revenueOf({ powerWatts: 1e6 }, INPUT_VALUES, { siteOverheadRatio: 1.05 });
		expect(revenue.powerCostUsdPerHour).toBeCloseTo(52.5, 9);
		expect(revenue.inputs).toEqual(["powerPriceUsdPerMegawattHour"]);
	});
});

describe("the revenue of a GPU host", () => {
	it("of 8 GPUs, 80 % rented at 2 USD, is 12.80 USD/h gross and 12.29 net at 10.2 kW and 50 USD/MWh", () => {
		const revenue = revenueOf({ gpuCount: 8, powerWatts: 10_200 }, INPUT_VALUES, WALL);
		expect(revenue.grossUsdPerHour).toBeCloseTo(12.8, 9);
		expect(revenue.netUsdPerHour).toBeCloseTo(12.29, 9);
		expect(revenue.inputs).toEqual(["gpuHourPriceUsd", "gpuRentedRatio", "powerPriceUsdPerMegawattHour"]);
	});
});

describe("the revenue of a host that is paid by the token", () => {
	const host = { gpuCount: 8, powerWatts: 10_200, isForTokens: true } as const;
	const PRICED = { ...INPUT_VALUES, usdPerMillionTokens: 0.6 };

	it("of 9,000 tokens/s at 0.60 USD a million is 19.44 USD/h, and nothing by its GPU-hours", () => {
		const revenue = revenueOf({ ...host, tokensPerSecond: 9_000 }, PRICED, WALL);
		expect(revenue.grossUsdPerHour).toBeCloseTo(19.44, 9);
		expect(revenue.tokenUsdPerHour).toBeCloseTo(19.44, 9);
		expect(revenue.inputs).toEqual(["usdPerMillionTokens", "powerPriceUsdPerMegawattHour"]);
	});

	it("is absent while nobody counts its tokens, and costs power all the same", () => {
		const revenue = revenueOf(host, PRICED, WALL);
		expect(revenue).not.toHaveProperty("grossUsdPerHour");
		expect(revenue.powerCostUsdPerHour).toBeCloseTo(0.51, 9);
	});

	it("is by GPU-hours while tokens have no price, and for hosts of another use whatever they generate", () => {
		const { isForTokens: _, ...other } = host;
		expect(revenueOf({ ...host, tokensPerSecond: 9_000 }, INPUT_VALUES, WALL).grossUsdPerHour).toBeCloseTo(
			12.8,
			9,
		);
		expect(revenueOf({ ...other, tokensPerSecond: 9_000 }, PRICED, WALL).grossUsdPerHour).toBeCloseTo(
			12.8,
			9,
		);
	});
});

describe("hashprice", () => {
	it("has the hashvalue in satoshi even without a price", () => {
		const { bitcoinPriceUsd: _, ...inputs } = INPUT_VALUES;
		const answer = hashprice(inputs);
		expect(Math.round(answer?.hashvalueSatoshisPerPetahashPerSecondDay ?? 0)).toBe(47_661);
		expect(answer).not.toHaveProperty("hashpriceUsdPerPetahashPerSecondDay");
	});
});

describe("the two bases", () => {
	it("1 USD/kWh is 1,000 USD/MWh and, at full use, 8.76 USD/W-yr", () => {
		const usdPerHour = 1;
		expect(usdPerMegawattHour(usdPerHour, 1_000)).toBeCloseTo(1_000, 9);
		expect(usdPerWattYear(usdPerHour, 1_000)).toBeCloseTo(8.76, 9);
	});

	it("are absent over no watts", () => {
		expect(usdPerMegawattHour(1, 0)).toBeUndefined();
		expect(usdPerWattYear(1, 0)).toBeUndefined();
	});
});
