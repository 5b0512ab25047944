import { describe, expect, it } from "vitest";
import { InputBook } from "../../../collector/market/book.js";
import type { StoredInput } from "../../../collector/store/device-state.js";
import { ms, NOW, storedInput } from "../expose/fleet-fixture.js";

const HOUR = 3_600_000;
const bookOf = (stored: readonly StoredInput[]) => new InputBook(() => stored);
const price = (value: number, validFrom: number, knownFrom = validFrom) =>
	storedInput("bitcoinPriceUsd", value, {
		validFrom: ms(validFrom),
		knownFrom: ms(knownFrom),
		observedAt: ms(validFrom),
	});

describe("the input in force", () => {
	it("is the newest validity before the instant: yesterday is valued at yesterday's price", () => {
		const stored = [price(86_000, NOW), price(80_000, NOW - 24 * HOUR), price(70_000, NOW - 48 * HOUR)];
		expect(bookOf(stored).inForce("bitcoinPriceUsd", NOW - HOUR)?.value).toBe(80_000);
		expect(bookOf(stored).inForce("bitcoinPriceUsd", NOW)?.value).toBe(86_000);
	});

	it("is the newest knowledge of a validity: a correction wins whatever its place", () => {
		const stored = [price(81_000, NOW - HOUR, NOW), price(80_000, NOW - HOUR)];
		expect(bookOf(stored).inForce("bitcoinPriceUsd", NOW)?.value).toBe(81_000);
	});

	it("is absent before the first validity, never today's for yesterday's", () => {
		expect(bookOf([price(86_000, NOW)]).inForce("bitcoinPriceUsd", NOW - 1)).toBeUndefined();
	});

	it.each([0, -5, Number.NaN, Number.POSITIVE_INFINITY])("is never a Bitcoin price of %d", (value) => {
		expect(bookOf([price(value, NOW)]).inForce("bitcoinPriceUsd", NOW)).toBeUndefined();
	});

	it("may be a negative price of power: -158 USD/MWh", () => {
		const stored = [storedInput("powerPriceUsdPerMegawattHour", -158)];
		expect(bookOf(stored).money(NOW).inputs).toEqual({ powerPriceUsdPerMegawattHour: -158 });
	});
});

describe("current inputs", () => {
	it("carry their age, and are stale past the limit: a price of 25 h at 24 h", () => {
		expect(bookOf([price(86_000, NOW - 25 * HOUR)]).current(NOW)).toEqual([
			{
				name: "bitcoinPriceUsd",
				value: 86_000,
				unit: "",
				source: "test",
				observedAt: NOW - 25 * HOUR,
				ageSeconds: 90_000,
				isStale: true,
				isExample: false,
			},
		]);
	});

	it("are stale by the configured limit where one is stated: 25 h at 48 h is not", () => {
		const stale = { bitcoinPriceUsd: 48 * 3_600 };
		expect(bookOf([price(86_000, NOW - 25 * HOUR)]).current(NOW, stale)[0]?.isStale).toBe(false);
	});

	it("leave out what nobody stated", () => {
		expect(bookOf([]).current(NOW)).toEqual([]);
	});
});
