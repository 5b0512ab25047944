import { describe, expect, it } from "vitest";
import { PriceLine } from "../../../../collector/expose/api/price-line.js";
import { spanSlices } from "../../../../collector/expose/api/span-slices.js";
import { InputBook } from "../../../../collector/market/book.js";
import type { StoredInput } from "../../../../collector/store/device-state.js";
import { ms, storedInput } from "../fleet-fixture.js";

const START = Date.parse("2026-11-02T00:00:00Z");
const FIVE = 300_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const price = (id: number, value: number, from: number, to: number): StoredInput =>
	storedInput("powerPriceUsdPerMegawattHour", value, {
		id,
		unit: "USD/MWh",
		validFrom: ms(from),
		validTo: ms(to),
		observedAt: ms(START),
	});

function lineOf(inputs: readonly StoredInput[], more = {}) {
	const span = { from: START, to: START + DAY, settlementSeconds: 300 };
	return new PriceLine(new InputBook(() => inputs), { ...span, ...more });
}

function slicesOf(line: PriceLine, stepSeconds: number) {
	const span = { from: START, to: START + DAY, stepSeconds, tierSeconds: 300, timeZone: "UTC" } as const;
	return [...spanSlices(span, (start, end) => line.isAlike(start, end))].map(({ from, to, tierSeconds }) => [
		tierSeconds,
		(from - START) / HOUR,
		(to - START) / HOUR,
	]);
}

describe("a line of prices", () => {
	it("is one stretch over 288 rows that all say 40: a day is read as one, and all rows are named", () => {
		const rows = Array.from({ length: 288 }, (_, index) =>
			price(index + 1, 40, START + index * FIVE, START + (index + 1) * FIVE),
		);
		const line = lineOf(rows);
		expect(slicesOf(line, 86_400)).toEqual([[86_400, 0, 24]]);
		expect(line.at(START + HOUR).prices.usdPerMegawattHour).toBe(40);
		expect(line.usedInputs()).toEqual([{ name: "powerPriceUsdPerMegawattHour", rows: "1-288" }]);
	});

	it("breaks where a price differs: hours around, five minutes in the one hour in which 600 holds for five", () => {
		const spike = START + 6 * HOUR + 10 * 60_000;
		const line = lineOf([price(1, 40, START, START + DAY), price(2, 600, spike, spike + FIVE)]);
		expect(slicesOf(line, 3_600)).toEqual([
			[3_600, 0, 6],
			[300, 6, 7],
			[3_600, 7, 24],
		]);
		expect(line.at(spike).prices.usdPerMegawattHour).toBe(600);
		expect(line.at(spike + FIVE).prices.usdPerMegawattHour).toBe(40);
		expect(line.at(spike - 1).prices.usdPerMegawattHour).toBe(40);
	});

	it("gives a settlement interval the price of its beginning, where one changes within", () => {
		const line = lineOf([
			price(1, 40, START, START + HOUR + 1_000),
			price(2, 90, START + HOUR + 1_000, START + DAY),
		]);
		expect(line.at(START + HOUR).prices.usdPerMegawattHour).toBe(40);
		expect(line.at(START + HOUR + FIVE).prices.usdPerMegawattHour).toBe(90);
		expect(slicesOf(line, 3_600)[1]).toEqual([300, 1, 2]);
	});

	it("breaks where an input grows old, and where the exchange rate changes", () => {
		const typed = storedInput("powerPriceUsdPerMegawattHour", 40, {
			unit: "USD/MWh",
			validFrom: ms(0),
			observedAt: ms(START),
		});
		const staleAfterSeconds = { powerPriceUsdPerMegawattHour: 5 * 3_600 + 60 };
		expect(slicesOf(lineOf([typed], { staleAfterSeconds }), 3_600)[1]).toEqual([300, 5, 6]);
		const rate = (value: number, from: number) =>
			storedInput("usdPerEUR", value, { unit: "USD", validFrom: ms(from), observedAt: ms(START) });
		const euros = lineOf([typed, rate(1.25, 0), rate(1.6, START + 12 * HOUR)], { currency: "EUR" });
		expect(slicesOf(euros, 86_400)).toEqual([[3_600, 0, 24]]);
		expect(euros.at(START).prices.usdPerMegawattHour).toBe(32);
		expect(euros.at(START + 12 * HOUR).prices.usdPerMegawattHour).toBe(25);
	});

	it("reads no more than 1,024 intervals of five minutes at a time, and each of them once", () => {
		const span = { from: START, to: START + 30 * DAY, tierSeconds: 300, timeZone: "UTC" } as const;
		const slices = [...spanSlices({ ...span, stepSeconds: 3_600 }, () => false)];
		expect(Math.max(...slices.map(({ from, to }) => to - from))).toBeLessThanOrEqual(1_024 * FIVE);
		expect(slices[0]?.from).toBe(START);
		expect(slices.at(-1)?.to).toBe(START + 30 * DAY);
		for (const [index, { from }] of slices.entries()) if (index > 0) expect(from).toBe(slices[index - 1]?.to);
	});
});
