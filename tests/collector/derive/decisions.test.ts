import { describe, expect, it } from "vitest";
import { curtailmentAdvice } from "../../../collector/derive/curtailment.js";
import {
	type DecisionDevice,
	driftOf,
	type LostRevenue,
	LostRevenueSums,
	rankedWatts,
} from "../../../collector/derive/decisions.js";
import { pricesOf } from "../../../collector/derive/money.js";
import { hashprice } from "../../../collector/derive/revenue.js";
import { INPUT_VALUES } from "../expose/fleet-fixture.js";

const PRICES = pricesOf({ ...INPUT_VALUES, poolFeeRatio: 0 }, false);
const HASHPRICE = hashprice(INPUT_VALUES)?.hashpriceUsdPerPetahashPerSecondDay ?? Number.NaN;

const miner = (more: Partial<DecisionDevice> = {}): DecisionDevice => ({
	device: "m",
	site: "west",
	use: "mining",
	health: "up",
	intent: "in-service",
	isThrottled: false,
	hashrateTerahashesPerSecond: 200,
	targetTerahashesPerSecond: 200,
	powerWatts: 3_500,
	targetWatts: 3_500,
	...more,
});

const WALL = { siteOverheadRatio: 1 };

function lostRevenue(devices: readonly DecisionDevice[], prices = PRICES): readonly LostRevenue[] {
	const sums = new LostRevenueSums(prices, WALL);
	for (const one of devices) sums.add(one);
	return sums.all();
}

describe("lost revenue by cause", () => {
	it("of an S21 that is down at hashprice 40.97 and 50 USD/MWh is 0.341 − 0.175 = 0.166 an hour", () => {
		const [lost] = lostRevenue([miner({ health: "down" })]);
		expect(lost).toMatchObject({ cause: "offline", devices: 1 });
		expect(lost?.usdPerHour).toBeCloseTo((200 * HASHPRICE) / 24_000 - 0.175, 9);
		expect(lost?.usdPerHour).toBeCloseTo(0.166, 3);
	});

	it.each([
		["unknown", { health: "unknown" }],
		["planned", { health: "down", intent: "maintenance" }],
		["curtailed", { health: "down", intent: "curtailed" }],
		["throttled", { hashrateTerahashesPerSecond: 100, isThrottled: true }],
		["degraded", { hashrateTerahashesPerSecond: 100 }],
		["rejected", { rejectedRatio: 0.01 }],
		["idleGpu", { use: "ai", gpuCount: 8, rentedRatio: 0.8, targetTerahashesPerSecond: undefined }],
	] as const)("tells %s apart", (cause, more) => {
		expect(lostRevenue([miner(more as Partial<DecisionDevice>)]).map((lost) => lost.cause)).toEqual([cause]);
	});

	it("is nothing of what is retired, of what runs at 96 %, of what says no hashrate and of what is paid anyway", () => {
		const { hashrateTerahashesPerSecond: _, ...silent } = miner();
		const fine = [
			miner({ intent: "retired", health: "down" }),
			miner({ hashrateTerahashesPerSecond: 192 }),
			silent,
			miner({ isPaidAnyway: true, health: "down" }),
		];
		expect(lostRevenue(fine)).toEqual([]);
	});

	it("counts a device that never answered, of which nobody knows a target, and says that the dollars are a lower bound", () => {
		const { targetTerahashesPerSecond: _, ...unnamed } = miner({ health: "down" });
		expect(lostRevenue([unnamed, miner({ health: "down" })])).toMatchObject([
			{ cause: "offline", devices: 2, devicesWithoutTarget: 1 },
		]);
	});

	it("values eight GPUs at 2 USD an hour, 80 % rented, at 3.20 USD an hour idle", () => {
		const [lost] = lostRevenue(
			[miner({ use: "ai", gpuCount: 8, rentedRatio: 0.8 })],
			pricesOf({ ...INPUT_VALUES, gpuHourPriceUsd: 2, gpuRentedRatio: 0.8 }, false),
		);
		expect(lost?.usdPerHour).toBeCloseTo(8 * 2 * 0.2, 10);
	});
});

describe("the watts that earn least", () => {
	it("stand first, miners and GPU hosts on one scale of USD per MWh at the meter", () => {
		const ranked = [
			miner({ device: "gpu", use: "ai", powerWatts: 10_000, grossUsdPerHour: 13 }),
			miner({ device: "s19", powerWatts: 3_250, grossUsdPerHour: 0.17 }),
			miner({ device: "s21", powerWatts: 3_500, grossUsdPerHour: 0.34 }),
			miner({ device: "off", health: "down", grossUsdPerHour: 0 }),
		]
			.flatMap((one) => rankedWatts(one, PRICES, { siteOverheadRatio: 1.05 }) ?? [])
			.sort((one, other) => one.marginalUsdPerMegawattHour - other.marginalUsdPerMegawattHour)
			.slice(0, 2);
		expect(ranked.map(({ device }) => device)).toEqual(["s19", "s21"]);
		expect(ranked[0]?.marginalUsdPerMegawattHour).toBeCloseTo(0.17 / (0.003_25 * 1.05), 9);
	});
});

describe("drift from nameplate", () => {
	it("of 250 W too much and 10 TH/s too little is priced a day: 0.30 of energy at 50 USD/MWh, and the work", () => {
		const drift = driftOf(
			miner({ hashrateTerahashesPerSecond: 190, powerWatts: 190 * 17.5 + 250 }),
			PRICES,
			WALL,
		);
		expect(drift?.energyUsdPerDay).toBeCloseTo(0.25 * 24 * 0.05, 10);
		expect(drift?.workUsdPerDay).toBeCloseTo((10 * HASHPRICE) / 1_000, 9);
	});

	it.each([{ isThrottled: true }, { intent: "curtailed" }, { health: "down" }] as const)(
		"is no drift of a device that is meant to do less: %j",
		(more) => {
			expect(driftOf(miner({ ...more, hashrateTerahashesPerSecond: 100 }), PRICES, WALL)).toBeUndefined();
		},
	);
});

describe("curtailment advice", () => {
	const ask = (price: number | undefined, isCurtailed: boolean, hoursInState = 10, restartCostUsd = 0) =>
		curtailmentAdvice({
			marginalRevenueUsdPerMegawattHour: 90,
			effectivePriceUsdPerMegawattHour: price,
			megawatts: 2,
			rules: {
				hysteresisUsdPerMegawattHour: 5,
				restartCostUsd,
				expectedHours: 1,
				leastOffHours: 0.5,
				leastOnHours: 0.25,
			},
			state: { isCurtailed, hoursInState },
		});

	it.each([
		[94, false, "run", "WITHIN_HYSTERESIS"],
		[96, false, "curtail", "PRICE_ABOVE_REVENUE"],
		[86, true, "curtail", "WITHIN_HYSTERESIS"],
		[84, true, "run", "REVENUE_ABOVE_PRICE"],
		[-20, true, "run", "REVENUE_ABOVE_PRICE"],
		[undefined, true, "curtail", "PRICE_UNKNOWN"],
		[undefined, false, "run", "PRICE_UNKNOWN"],
	] as const)("at %s USD/MWh with 90 earned, off: %s, is %s: %s", (price, isCurtailed, advice, reason) => {
		expect(ask(price, isCurtailed)).toMatchObject({ advice, reason });
	});

	it("does not stop for a spell that does not pay for starting again: 200 USD at 20 USD an hour are 10 hours", () => {
		expect(ask(100, false, 10, 200)).toMatchObject({
			advice: "run",
			reason: "SPELL_TOO_SHORT",
			restartBreakevenHours: 10,
		});
		expect(ask(600, false, 10, 200)).toMatchObject({ advice: "curtail" });
	});

	it("waits for the least time on or off", () => {
		expect(ask(600, false, 0.1)).toMatchObject({ advice: "run", reason: "LEAST_TIME_NOT_OVER" });
	});
});
