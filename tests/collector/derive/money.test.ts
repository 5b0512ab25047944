import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	addMoney,
	figuresOf,
	type MoneySums,
	noMoney,
	pricesOf,
	type WorkSums,
} from "../../../collector/derive/money.js";
import { MoneySteps } from "../../../collector/derive/money-steps.js";
import { INPUT_VALUES } from "../expose/fleet-fixture.js";

const OPTIONS = { siteOverheadRatio: 1 };
const MEGAWATT_FIVE_MINUTES = 1e6 * 300;

const sums = (more: Partial<WorkSums>): WorkSums => ({
	joules: 0,
	terahashes: 0,
	joulesWithWork: 0,
	terahashesWithPower: 0,
	secondsUp: 300,
	secondsDown: 0,
	gpuSeconds: 0,
	tokens: 0,
	isGpu: false,
	...more,
});
const miner = (joules: number, terahashes: number) =>
	sums({ joules, terahashes, joulesWithWork: joules, terahashesWithPower: terahashes });

function money(
	rows: readonly { readonly row: WorkSums; readonly price?: number; readonly share?: number }[],
) {
	const total = noMoney();
	for (const { row, price, share } of rows) {
		const { powerPriceUsdPerMegawattHour: _, ...rest } = INPUT_VALUES;
		const inputs = price === undefined ? rest : { ...rest, powerPriceUsdPerMegawattHour: price };
		addMoney(total, row, pricesOf(inputs, false), share === undefined ? OPTIONS : { ...OPTIONS, share });
	}
	return figuresOf(total);
}

describe("money from sums", () => {
	it("580 TH/s at 5,510 W for a day at 100 USD/MWh earns 23.29, costs 13.22 and leaves 10.06", () => {
		const { grossUsd, powerCostUsd, netUsd } = money([
			{ row: miner(5_510 * 86_400, 580 * 86_400), price: 100 },
		]);
		expect([grossUsd, powerCostUsd, netUsd].map((usd) => usd?.toFixed(2))).toEqual([
			"23.29",
			"13.22",
			"10.06",
		]);
	});

	it("eleven intervals at 25 and one at 600 cost 72.92 a MW, the sum of each, and not one price for the hour", () => {
		const prices = [...Array.from({ length: 11 }, () => 25), 600];
		const found = money(prices.map((price) => ({ row: miner(MEGAWATT_FIVE_MINUTES, 0), price })));
		expect(found.powerCostUsd).toBeCloseTo((11 * 25 + 600) / 12, 10);
		// All the energy in the dear interval costs 600, whatever the mean of the prices is.
		const spiky = prices.map((price) => ({ row: miner(price === 600 ? 3.6e9 : 0, 0), price }));
		expect(money(spiky).powerCostUsd).toBeCloseTo(600, 10);
	});

	it("two days at 100 USD/MWh are 100, not 200", () => {
		const day = { row: miner(1e6 * 86_400, 0), price: 100 };
		expect(money([day, day]).powerCostUsdPerMegawattHour).toBeCloseTo(100, 10);
	});

	it("without a price of power has no cost and no net, and says which share of the energy is priced", () => {
		const found = money([{ row: miner(100, 1), price: 50 }, { row: miner(300, 1) }]);
		expect(found.pricedRatio).toBe(0.25);
		expect(money([{ row: miner(300, 1) }])).not.toHaveProperty("netUsd");
	});

	it("takes negative prices: the grid pays, and the margin grows", () => {
		const found = money([{ row: miner(3.6e9, 0), price: -158 }]);
		expect(found.powerCostUsd).toBeCloseTo(-158, 10);
		expect(found.netUsd).toBeCloseTo(158, 10);
	});

	it("is additive: intervals, shares of intervals and devices in any order give the same dollars to 1e-9", () => {
		const amount = fc.double({ min: 0, max: 1e9, noNaN: true });
		const row = fc.record({
			joules: amount,
			terahashes: amount,
			price: fc.double({ min: -1_000, max: 5_000, noNaN: true }),
			cut: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
		});
		fc.assert(
			fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
				const whole = money(
					rows.map(({ joules, terahashes, price }) => ({ row: miner(joules, terahashes), price })),
				);
				const parts = money(
					[...rows].reverse().flatMap(({ joules, terahashes, price, cut }) => [
						{ row: miner(joules, terahashes), price, share: cut },
						{ row: miner(joules, terahashes), price, share: 1 - cut },
					]),
				);
				const size = rows.reduce(
					(sum, { joules, terahashes, price }) => sum + joules * Math.abs(price) + terahashes,
					1,
				);
				for (const name of ["grossUsd", "powerCostUsd", "netUsd", "energyMegawattHours"] as const)
					expect(Math.abs((whole[name] ?? 0) - (parts[name] ?? 0))).toBeLessThanOrEqual(
						1e-9 * Math.max(1, size / 3.6e9),
					);
			}),
			{ numRuns: 300 },
		);
	});
});

describe("money of many steps", () => {
	const numbered = (first: number) =>
		Object.fromEntries(
			Object.keys(noMoney()).map((name, index) => [name, first + index * index]),
		) as MoneySums;

	it("loses what two of four miners down for an hour would have earned, in steps of 5 minutes as in one of an hour", () => {
		const [watts, terahashesPerSecond, downPrice] = [3_500, 200, 600];
		const prices = (price: number) =>
			pricesOf({ ...INPUT_VALUES, powerPriceUsdPerMegawattHour: price }, false);
		const hour = (up: number, down: number) => ({
			...miner(watts * up, terahashesPerSecond * up),
			secondsUp: up,
			secondsDown: down,
		});
		const lostIn = (
			rows: readonly { readonly at: number; readonly row: WorkSums; readonly price: number }[],
		) => {
			const steps = new MoneySteps();
			for (const { at, row, price } of rows) addMoney(steps.at(at), row, prices(price), OPTIONS);
			steps.lose();
			return steps.total().lostOfflineUsd;
		};
		const usd = prices(0).usdPerTerahash ?? 0;
		const wanted = 2 * 3_600 * (terahashesPerSecond * usd - (watts / 3.6e9) * downPrice);
		// Two hours: all four up at 50, then two of them down at 600. Then the same as all down for half of the hour.
		const up = { at: 0, row: hour(4 * 3_600, 0), price: 50 };
		const some = lostIn([up, { at: 3_600, row: hour(2 * 3_600, 2 * 3_600), price: downPrice }]);
		const fine = Array.from({ length: 12 }, (_, index) => ({
			at: 3_600 + index * 300,
			row: index < 6 ? hour(0, 4 * 300) : hour(4 * 300, 0),
			price: downPrice,
		}));
		expect(some).toBeCloseTo(wanted, 9);
		expect(lostIn([up, ...fine])).toBeCloseTo(wanted, 9);
		expect(lostIn([{ at: 0, row: hour(0, 3_600), price: 50 }])).toBe(0);
	});

	it("keeps each of the sums of each step apart, adds step to step, and all to a total", () => {
		const steps = new MoneySteps();
		for (let step = 0; step < 100; step += 1) Object.assign(steps.at(step * 300), numbered(step));
		steps.at(600).grossUsd += 0.5;
		const other = new MoneySteps();
		Object.assign(other.at(900), numbered(1_000));
		Object.assign(other.at(-300), numbered(7));
		steps.add(other);
		expect(steps.known(300)).toEqual(numbered(1));
		expect(steps.known(600)).toEqual({ ...numbered(2), grossUsd: numbered(2).grossUsd + 0.5 });
		expect(steps.known(900)?.staleUsd).toBe(numbered(3).staleUsd + numbered(1_000).staleUsd);
		expect(steps.known(-300)).toEqual(numbered(7));
		expect(steps.known(30_000)).toBeUndefined();
		expect(steps.total().joules).toBe((99 * 100) / 2 + 1_000 + 7);
	});
});
