/**
 * Our arithmetic against numbers that others printed: chain data, calculators, weekly posts, filings.
 *
 * Each point names its source. Where a file of such points lies beside the project, or
 * FLEETWATT_VALIDATION_POINTS names one, the expected numbers here are held against that file too.
 */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import {
	difficultyFromBits,
	HASHES_PER_DIFFICULTY,
	hashpriceUsdPerPetahashPerSecondDay,
	hashvalueSatoshisPerPetahashPerSecondDay,
	SATOSHIS_PER_BITCOIN,
	subsidySatoshis,
} from "../../../collector/derive/chain.js";
import { revenueOf, usdPerMegawattHour, usdPerWattYear } from "../../../collector/derive/revenue.js";
import { quantity, type Satoshis, type UnitedStatesDollars } from "../../../shared/units.js";

/** BTC per PH/s and day. */
const hashvalue = (difficulty: number, rewardBitcoin: number) =>
	hashvalueSatoshisPerPetahashPerSecondDay(
		quantity<Satoshis>(rewardBitcoin * SATOSHIS_PER_BITCOIN),
		difficulty,
	) / SATOSHIS_PER_BITCOIN;

const hashprice = (difficulty: number, rewardBitcoin: number, price: number) =>
	hashpriceUsdPerPetahashPerSecondDay(
		quantity<Satoshis>(hashvalue(difficulty, rewardBitcoin) * SATOSHIS_PER_BITCOIN),
		quantity<UnitedStatesDollars>(price),
	);

/** Dollars per MWh of one PH/s at so many J/TH, at a hashprice: kilowatts per PH/s are J/TH. */
const usdPerMegawattHourAt = (price: number, joulesPerTerahash: number) =>
	usdPerMegawattHour(price / 24, joulesPerTerahash * 1_000) ?? Number.NaN;

const calculator = () => {
	const inputs = {
		bitcoinDifficulty: 132_716_002_350_731.3,
		blockHeight: 925_000,
		feesBitcoinPerBlock: 3.1443778833333336 - 3.125,
		bitcoinPriceUsd: 85_956.45,
		poolFeeRatio: 0.02,
		powerPriceUsdPerMegawattHour: 100,
	};
	return revenueOf({ hashrateTerahashesPerSecond: 580, powerWatts: 5_510 }, inputs, { siteOverheadRatio: 1 });
};

type Point = {
	readonly id: string;
	readonly what: string;
	readonly computed: () => readonly number[];
	readonly expected: readonly number[];
	readonly relative?: number;
	readonly absolute?: number;
};

const POINTS: readonly Point[] = [
	{
		id: "A01-nbits-difficulty",
		what: "block 944,228, nBits 386,008,708",
		computed: () => [difficultyFromBits(386_008_708) ?? Number.NaN],
		expected: [138_966_872_071_213.2],
		relative: 1e-14,
	},
	{
		id: "A03-subsidy-heights",
		what: "getblockstats of heights 587,123, 837,043 and 944,228",
		computed: () => [587_123, 837_043, 944_228].map((height) => Number(subsidySatoshis(height))),
		expected: [1_250_000_000, 625_000_000, 312_500_000],
		absolute: 0,
	},
	{
		id: "A06-reward-minus-fees",
		what: "rewards less fees of blocks 837,043 to 837,050",
		computed: () => Array.from({ length: 8 }, (_, index) => Number(subsidySatoshis(837_043 + index))),
		expected: [
			635_081_690 - 10_081_690,
			636_442_248 - 11_442_248,
			650_142_949 - 25_142_949,
			641_586_175 - 16_586_175,
			637_535_865 - 12_535_865,
			636_119_622 - 11_119_622,
			635_976_151 - 10_976_151,
			635_929_414 - 10_929_414,
		],
		absolute: 0,
	},
	{
		id: "A07-reward-stats",
		what: "rewards of blocks 736,556 to 736,655 less their fees",
		computed: () => [100 * Number(subsidySatoshis(736_556))],
		expected: [63_811_748_254 - 1_311_748_254],
		absolute: 0,
	},
	{
		id: "A11-implied-network-hashrate",
		what: "EH/s that difficulty 31,251,101,365,711.12 stands for",
		computed: () => [(31_251_101_365_711.12 * HASHES_PER_DIFFICULTY) / 600 / 1e18],
		expected: [223.704],
		relative: 1e-5,
	},
	{
		id: "A13-bci-hashrate",
		what: "GH/s of 164 blocks in a day",
		computed: () => [((164 / 144) * 225_832_872_179 * HASHES_PER_DIFFICULTY) / 600 / 1e9],
		expected: [1_841_098_926.6292908],
		relative: 1e-12,
	},
	{
		id: "A20-wtm-nethash",
		what: "network hashrate at 512 s a block",
		computed: () => [(132_716_002_350_731.3 * HASHES_PER_DIFFICULTY) / 512],
		expected: [Number("1113302519047363281250")],
		relative: 1e-15,
	},
	{
		id: "B01-wtm-btc",
		what: "BTC a day of 580 TH/s at 2 %",
		computed: () => [((calculator().grossUsdPerHour ?? Number.NaN) * 24) / 85_956.45],
		expected: [0.00027091],
		absolute: 6e-9,
	},
	{
		id: "B02-wtm-usd",
		what: "revenue, cost and profit a day of 580 TH/s at 5,510 W",
		computed: () => {
			const { grossUsdPerHour, powerCostUsdPerHour, netUsdPerHour } = calculator();
			return [grossUsdPerHour, powerCostUsdPerHour, netUsdPerHour].map((usd) => (usd ?? Number.NaN) * 24);
		},
		expected: [23.29, 13.22, 10.06],
		absolute: 0.005,
	},
	{
		id: "B05-hashrateindex-2024-04-01",
		what: "hashprice before the halving of 2024",
		computed: () => [hashprice(83_126_997_340_024.61, 6.25 + 0.1360176425, 69_880)],
		expected: [108.6],
		relative: 0.02,
	},
	{
		id: "B08-hashrateindex-2024-11-12",
		what: "hashprice at a mean reward of 3.28 BTC",
		computed: () => [hashprice(101.65e12, 3.28, 87_235)],
		expected: [55.97],
		relative: 0.02,
	},
	{
		id: "B11-hashrateindex-2025-11-03",
		what: "hashvalue (BTC) at a fee share of 0.62 %",
		computed: () => [hashvalue(155_973_032_196_071.94, 3.125 / (1 - 0.0062))],
		expected: [0.00040577],
		relative: 0.002,
	},
	{
		id: "B13-consistent-difficulty-2026-01-12",
		what: "hashvalue (BTC) after a retarget of -1.2 %",
		computed: () => [hashvalue(148.26e12 * 0.988, 3.125 / (1 - 0.0055))],
		expected: [0.00043143],
		relative: 0.002,
	},
	{
		id: "C01-usd-per-mwh-17",
		what: "USD/MWh at hashprice 39.53 and 17 J/TH",
		computed: () => [usdPerMegawattHourAt(39.53, 17)],
		expected: [97],
		absolute: 0.5,
	},
	{
		id: "C01-usd-per-mwh-22",
		what: "USD/MWh at hashprice 39.53 and 22 J/TH",
		computed: () => [usdPerMegawattHourAt(39.53, 22)],
		expected: [75],
		absolute: 0.5,
	},
	{
		id: "C01-usd-per-mwh-32",
		what: "USD/MWh at hashprice 39.53 and 32 J/TH",
		computed: () => [usdPerMegawattHourAt(39.53, 32)],
		expected: [51],
		absolute: 0.5,
	},
	{
		id: "C02-breakeven-S21",
		what: "break-even USD/kWh of an S21 at hashprice 54.3",
		computed: () => [usdPerMegawattHourAt(54.3, 17.5) / 1_000],
		expected: [0.13],
		absolute: 0.005,
	},
	{
		id: "C02-breakeven-S19XP",
		what: "break-even USD/kWh of an S19 XP at hashprice 54.3",
		computed: () => [usdPerMegawattHourAt(54.3, 21.5) / 1_000],
		expected: [0.1],
		absolute: 0.006,
	},
	{
		id: "C02-breakeven-S19jPro",
		what: "break-even USD/kWh of an S19j Pro at hashprice 54.3",
		computed: () => [usdPerMegawattHourAt(54.3, 30) / 1_000],
		expected: [0.075],
		absolute: 0.001,
	},
	{
		id: "C03-halving-shortcut",
		what: "hashprice after a halving keeps the fees: 6.25 to 3.125 BTC with 0.136 BTC of fees",
		computed: () => [
			(108.6 * hashvalue(83e12, 3.125 + 0.1360176425)) / hashvalue(83e12, 6.25 + 0.1360176425),
		],
		expected: [54.3],
		relative: 0.03,
	},
	{
		id: "D03-iren-site-economics-Aug-24",
		what: "USD/MWh and USD/W-yr of 246 MW that earn 14,985 kUSD in 744 h",
		computed: () => {
			const usdPerHour = 14_985_000 / 744;
			return [usdPerMegawattHour(usdPerHour, 246e6), usdPerWattYear(usdPerHour, 246e6)].map(
				(value) => value ?? Number.NaN,
			);
		},
		expected: [81.87, 0.7172],
		relative: 0.001,
	},
];

describe("published numbers", () => {
	it.each(POINTS)("$id: $what", ({ computed, expected, relative = 0, absolute = 0 }) => {
		const found = computed();
		expect(found).toHaveLength(expected.length);
		for (const [index, value] of expected.entries()) {
			const tolerance = Math.max(absolute, relative * Math.abs(value));
			expect(Math.abs((found[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(tolerance);
		}
	});

	it("A05-supply: subsidies of every thousandth height up to 14,000,000, times 1,000, are 2,099,999,997,690,000 sat", () => {
		let sum = 0n;
		for (let height = 0; height < 14_000_000; height += 1_000) sum += subsidySatoshis(height) * 1_000n;
		expect(sum).toBe(2_099_999_997_690_000n);
	});

	it("B07: a published 39.87 lies between the hashprice without fees and 5 % above it", () => {
		const floor = hashprice(92.67e12, 3.125, 58_000);
		expect(39.87).toBeGreaterThanOrEqual(floor);
		expect(39.87).toBeLessThanOrEqual(floor * 1.05);
	});

	it("B12: a post that prints the previous difficulty disagrees by more than 1 %", () => {
		expect(Math.abs(hashvalue(148.26e12, 3.125 / (1 - 0.0055)) / 0.00043143 - 1)).toBeGreaterThan(0.01);
	});

	it("B14: a page whose hashprice does not follow from its own inputs disagrees by more than 5 %", () => {
		const usdPerTerahashDay = hashprice(141.67e12, 3.125, 83_625) / 1_000;
		expect(Math.abs(usdPerTerahashDay / 0.0416 - 1)).toBeGreaterThan(0.05);
	});

	it("B15: the hashvalue of block 944,228 lies within its day", () => {
		const value = hashvalue(138_966_872_071_213.2, 3.125 + 0.018611386);
		expect(value).toBeGreaterThan(0.000453818389192236 * 0.998);
		expect(value).toBeLessThan(0.00045599059427682 * 1.002);
	});
});

const BESIDE = path.join(import.meta.dirname, "../../../../shared/data/economics/validation.json");
const FILE = process.env["FLEETWATT_VALIDATION_POINTS"] ?? BESIDE;

describe.skipIf(!existsSync(FILE))("the file of validation points", () => {
	type FilePoint = { readonly id: string; readonly expected: unknown };
	const points: readonly FilePoint[] = existsSync(FILE) ? JSON.parse(readFileSync(FILE, "utf8")).points : [];

	it.each(POINTS.map(({ id, expected }) => ({ id, expected })))(
		"expects of $id what stands here",
		({ id, expected }) => {
			const point = points.find((each) => each.id === id);
			const theirs = [point?.expected].flat().map(Number);
			for (const value of expected) {
				expect(theirs.some((each) => Math.abs(each - value) <= 1e-9 * Math.abs(value))).toBe(true);
			}
		},
	);
});

describe.runIf(!existsSync(FILE))("NOT CHECKED against a file of validation points", () => {
	it("because there is none beside the project: the numbers above stand alone", () => {
		expect(POINTS.length).toBeGreaterThan(20);
	});
});
