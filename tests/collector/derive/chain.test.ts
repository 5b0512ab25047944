import { describe, expect, it } from "vitest";
import {
	difficultyFromBits,
	hashpriceUsdPerPetahashPerSecondDay,
	hashvalueSatoshisPerPetahashPerSecondDay,
	subsidySatoshis,
	targetFromBits,
} from "../../../collector/derive/chain.js";
import { quantity, type Satoshis, type UnitedStatesDollars } from "../../../shared/units.js";

describe("the subsidy", () => {
	it.each([
		[0, 5_000_000_000n],
		[209_999, 5_000_000_000n],
		[210_000, 2_500_000_000n],
		[840_000, 312_500_000n],
		[1_050_000, 156_250_000n],
		[33 * 210_000, 0n],
		[64 * 210_000, 0n],
	])("at height %d is %d sat", (height, satoshis) => {
		expect(subsidySatoshis(height)).toBe(satoshis);
	});
});

describe("difficulty from nBits", () => {
	it.each([
		[0x1d00ffff, 1],
		[0x1b0404cb, 16_307.420938523983],
		[386_008_708, 138_966_872_071_213.2],
	])("of %d is %d", (bits, difficulty) => {
		expect(difficultyFromBits(bits)).toBe(difficulty);
	});

	it("gives the target itself exactly: 0x1b0404cb is 0x0404cb shifted by 24 bytes", () => {
		expect(targetFromBits(0x1b0404cb)).toBe(0x0404cbn << 192n);
	});

	it.each([
		["a negative target", 0x1d80ffff],
		["a zero target", 0x1d000000],
		["a target that vanishes", 0x01003456],
		["no whole number", 1.5],
	])("is absent for %s", (_, bits) => {
		expect(difficultyFromBits(bits)).toBeUndefined();
	});
});

describe("hashvalue and hashprice", () => {
	it("at difficulty 132,716,002,350,731.3, 3.14437788 BTC and 85,956.45 USD are 47,661 sat and 40.97 USD", () => {
		const value = hashvalueSatoshisPerPetahashPerSecondDay(
			quantity<Satoshis>(314_437_788),
			132_716_002_350_731.3,
		);
		expect(Math.round(value)).toBe(47_661);
		const price = hashpriceUsdPerPetahashPerSecondDay(value, quantity<UnitedStatesDollars>(85_956.45));
		expect(price.toFixed(2)).toBe("40.97");
	});
});
