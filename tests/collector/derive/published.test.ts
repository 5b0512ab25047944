/**
 * Our arithmetic against numbers that others printed: chain data, calculators, weekly posts, filings.
 *
 * A file of such points lies beside the project, or FLEETWATT_VALIDATION_POINTS names one. Each point is put to
 * `fleetwatt calc`, that is, to the functions that value the fleet, and held to the tolerance that its source's
 * rounding allows. A point of a kind that no rule here knows fails: it would otherwise go unchecked.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { CALCULATIONS, calculate } from "../../../collector/commands/calc/calc.js";
import type { Answer, GivenTexts } from "../../../collector/commands/calc/options.js";

type Inputs = Readonly<Record<string, unknown>>;
type Point = {
	readonly id: string;
	readonly inputs: Inputs;
	readonly kind: "value" | "range" | "mismatch";
	readonly expected: unknown;
	readonly tolerance: { readonly abs?: string; readonly rel?: string };
};

const BESIDE = path.join(import.meta.dirname, "../../../../shared/data/economics/validation.json");
const FILE = process.env["FLEETWATT_VALIDATION_POINTS"] ?? BESIDE;
const POINTS: readonly Point[] = existsSync(FILE) ? JSON.parse(readFileSync(FILE, "utf8")).points : [];

async function calc(name: string, options: Readonly<Record<string, unknown>>): Promise<Answer> {
	const calculation = CALCULATIONS.find((each) => each.name === name);
	if (calculation === undefined) throw new Error(`There is no calculation ${name}.`);
	const texts = Object.entries(options).filter(([, value]) => value !== undefined);
	const given: GivenTexts = Object.fromEntries(texts.map(([flag, value]) => [flag, String(value)]));
	return (await calculate(calculation, given)).answer;
}

const pick = (answer: Answer, ...keys: readonly string[]): readonly number[] =>
	keys.flatMap((key) => [answer[key]].flat()).map(Number);

const list = (value: unknown): readonly unknown[] => value as readonly unknown[];
/** The first number of "155973032196071.94 (chain, height 921745)". */
const first = (value: unknown) => /-?[\d.]+(e\d+)?/.exec(String(value))?.[0];

type Rule = (inputs: Inputs, point: Point) => Promise<readonly number[]>;

/** By the point's name without what follows its number. */
const RULES: Readonly<Record<string, Rule>> = {
	A01: async ({ nBits }) => pick(await calc("difficulty", { nbits: nBits }), "difficulty"),
	A03: async ({ heights }) => pick(await calc("subsidy", { height: list(heights).join() }), "subsidySats"),
	A05: async ({ to, step }) => pick(await calc("supply", { height: to, step }), "supplySats"),
	A06: async ({ blocks }) => {
		const rows = list(blocks).map(list);
		const answer = await calc("block-reward", {
			height: rows.map((row) => row[0]).join(),
			"reward-sats": rows.map((row) => row[1]).join(),
			"fees-sats": rows.map((row) => row[2]).join(),
		});
		expect(answer["alarms"]).toEqual([]);
		return pick(answer, "subsidySats");
	},
	A07: async ({ totalReward, totalFee, blocks }) =>
		pick(
			await calc("block-reward", { "reward-sats": totalReward, "fees-sats": totalFee, blocks }),
			"subsidySats",
		),
	A08: async ({ d1, d2, heights }) => {
		const [from, to] = list(heights);
		const answer = await calc("retarget", {
			"from-difficulty": d1,
			"to-difficulty": d2,
			"from-height": from,
			"to-height": to,
		});
		expect(answer["isPossible"]).toBe(true);
		return pick(answer, "retargetFactor");
	},
	A10: async ({ tipHeight }) =>
		pick(
			await calc("epoch", { height: tipHeight }),
			"progressPercent",
			"remainingBlocks",
			"nextRetargetHeight",
		),
	A11: async ({ difficulty }) =>
		pick(await calc("network-hashrate", { difficulty }), "networkHashrateExahashesPerSecond"),
	A13: async ({ n_blocks_mined, difficulty }) =>
		pick(
			await calc("network-hashrate", { difficulty, blocks: n_blocks_mined }),
			"networkHashrateGigahashesPerSecond",
		),
	A20: async ({ difficulty, block_time }) =>
		pick(
			await calc("network-hashrate", { difficulty, "block-seconds": block_time }),
			"networkHashrateHashesPerSecond",
		),
	B01: async ({ difficulty, reward_btc_incl_fees, hashrate_TH, pool_fee }) =>
		pick(
			await calc("device", {
				difficulty,
				"block-reward-btc": reward_btc_incl_fees,
				"hashrate-ths": hashrate_TH,
				"pool-fee": pool_fee,
				"btc-usd": 1,
			}),
			"bitcoinPerDay",
			"poolFeeBitcoinPerDay",
		),
	B02: async ({ price, watts, usd_per_kwh }) =>
		pick(
			await calc("device", {
				difficulty: "132716002350731.3",
				"block-reward-btc": "3.1443778833333336",
				"hashrate-ths": 580,
				"pool-fee": "2%",
				"btc-usd": price,
				watts,
				"power-usd-per-kwh": usd_per_kwh,
			}),
			"revenueUsdPerDay",
			"powerCostUsdPerDay",
			"profitUsdPerDay",
		),
	B05: async ({ difficulty, subsidy, avg_fee_btc_8_blocks, price }) =>
		pick(
			await calc("hashprice", {
				difficulty,
				"subsidy-btc": subsidy,
				"fees-btc": avg_fee_btc_8_blocks,
				"btc-usd": price,
			}),
			"hashpriceUsdPerPetahashPerSecondDay",
		),
	B07: async ({ difficulty, price }, { expected }) => {
		const floor = pick(
			await calc("hashprice", { difficulty, "block-reward-btc": 3.125, "btc-usd": price }),
			"hashpriceUsdPerPetahashPerSecondDay",
		);
		expect(Number(expected)).toBeGreaterThanOrEqual(floor[0] ?? Number.NaN);
		expect(Number(expected)).toBeLessThanOrEqual((floor[0] ?? Number.NaN) * 1.05);
		return floor;
	},
	B08: async ({ difficulty, block_reward_24h, price }) =>
		pick(
			await calc("hashprice", { difficulty, "block-reward-btc": block_reward_24h, "btc-usd": price }),
			"hashpriceUsdPerPetahashPerSecondDay",
		),
	B11: async ({ difficulty, fee_share, price }) =>
		pick(
			await calc("hashprice", {
				difficulty: first(difficulty),
				"subsidy-btc": 3.125,
				"fee-share": first(fee_share),
				"btc-usd": price,
			}),
			"hashvalueBitcoinPerPetahashPerSecondDay",
			"hashpriceUsdPerPetahashPerSecondDay",
		),
	B12: async ({ stated_difficulty, fee_share, published_btc_hashprice }, { tolerance }) => {
		const answer = await calc("hashprice", {
			difficulty: stated_difficulty,
			"subsidy-btc": 3.125,
			"fee-share": fee_share,
			"published-hashvalue-btc": published_btc_hashprice,
			tolerance: tolerance.rel,
		});
		expect(answer["alarms"]).toEqual(["HASHVALUE_DISAGREES"]);
		return pick(answer, "hashvalueBitcoinPerPetahashPerSecondDay");
	},
	B13: async ({ fee_share }) =>
		pick(
			await calc("hashprice", {
				difficulty: 148.26e12 * 0.988,
				"subsidy-btc": 3.125,
				"fee-share": fee_share,
			}),
			"hashvalueBitcoinPerPetahashPerSecondDay",
		),
	B14: async ({ difficulty, price, published_hashprice_usd_per_TH }, { tolerance }) => {
		const published = Number(published_hashprice_usd_per_TH) * 1_000;
		const answer = await calc("hashprice", {
			difficulty,
			"block-reward-btc": 3.125,
			"btc-usd": price,
			"published-hashprice-usd": published,
			tolerance: tolerance.rel,
		});
		expect(answer["alarms"]).toEqual(["HASHPRICE_DISAGREES"]);
		return pick(answer, "hashpriceUsdPerTerahashPerSecondDay");
	},
	B15: async ({ difficulty, mean_fee_sat_5_blocks }) =>
		pick(
			await calc("hashprice", {
				difficulty,
				"subsidy-btc": 3.125,
				"fees-btc": Number(mean_fee_sat_5_blocks) / 1e8,
			}),
			"hashvalueBitcoinPerPetahashPerSecondDay",
		),
	B17: async (inputs) => {
		const [bitcoin = 0, price = 0] = ["btc_sum/count", "price_sum/count"].map((key) => {
			const [sum, count] = String(inputs[key]).split("/").map(Number);
			return (sum ?? 0) / (count ?? 1);
		});
		// Sat per 100 TH/s and day, and dollars, each times 1e8: the mean hashvalue at the mean price.
		const answer = await calc("device", {
			"hashrate-ths": 100,
			"hashprice-usd-per-ph-day": ((bitcoin * 10) / 1e16) * (price / 1e8),
		});
		return [pick(answer, "revenueUsdPerDay")[0] ?? Number.NaN];
	},
	B19: async ({ avg_fees_per_block }) =>
		pick(
			await calc("fee-share", { "subsidy-btc": 3.125, "fees-btc": avg_fees_per_block }),
			"feeSharePercent",
		),
	B21: async ({ TH, network_EH, btc_per_day, watts, usd_per_kwh, price }) =>
		pick(
			await calc("network-share", {
				"hashrate-ths": TH,
				"network-ehs": network_EH,
				"network-btc-per-day": btc_per_day,
				watts,
				"power-usd-per-kwh": usd_per_kwh,
				"btc-usd": price,
			}),
			"bitcoinPerDay",
			"energyKilowattHoursPerDay",
			"powerCostUsdPerDay",
			"revenueUsdPerDay",
		),
	C01: async ({ hashprice, eta_J_per_TH }) =>
		pick(
			await calc("device", { "hashprice-usd-per-ph-day": hashprice, "efficiency-j-per-th": eta_J_per_TH }),
			"revenueUsdPerMegawattHour",
		),
	C02: async ({ hashprice, eta_J_per_TH }) =>
		pick(
			await calc("device", { "hashprice-usd-per-ph-day": hashprice, "efficiency-j-per-th": eta_J_per_TH }),
			"breakevenUsdPerKilowattHour",
		),
	C03: async ({ subsidy, fee, hashprice }) =>
		pick(
			await calc("halving", {
				"subsidy-btc": subsidy,
				"fees-btc": fee,
				"hashprice-usd-per-ph-day": hashprice,
			}),
			"hashpriceUsdPerPetahashPerSecondDay",
		),
	D01: async ({ revenue_kUSD, electricity_kUSD, ai_revenue_kUSD, ai_electricity_kUSD }) => [
		...pick(
			await calc("margin", { "revenue-usd": revenue_kUSD, "power-cost-usd": electricity_kUSD }),
			"marginPercent",
		),
		...pick(
			await calc("margin", { "revenue-usd": ai_revenue_kUSD, "power-cost-usd": ai_electricity_kUSD }),
			"marginPercent",
		),
	],
	D02: async ({ revenue_kUSD, electricity_kUSD, btc }) =>
		pick(
			await calc("margin", {
				"revenue-usd": Number(revenue_kUSD) * 1_000,
				"power-cost-usd": Number(electricity_kUSD) * 1_000,
				btc,
			}),
			"revenueUsdPerBitcoin",
			"powerCostUsdPerBitcoin",
		),
	D03: async ({ PH, MW, hours, rev_kUSD, el_kUSD, gpus, ai_kUSD }) =>
		pick(
			await calc("site", {
				"hashrate-ths": Number(PH) * 1_000,
				megawatts: MW,
				hours,
				"revenue-usd": Number(rev_kUSD) * 1_000,
				"power-cost-usd": Number(el_kUSD) * 1_000,
				gpus,
				"gpu-revenue-usd": Number(ai_kUSD) * 1_000,
			}),
			"efficiencyJoulesPerTerahash",
			"revenueUsdPerMegawattHour",
			"gpuRevenueUsdPerGpuHour",
			"revenueUsdPerWattYear",
		),
	D05: async ({ avg_EH, days, difficulty_low, difficulty_high, reward }) => {
		const [least, most] = String(reward).split("..");
		const hashrate = Number(avg_EH) * 1e6;
		return [
			...pick(
				await calc("production", {
					"hashrate-ths": hashrate,
					days,
					difficulty: difficulty_high,
					"block-reward-btc": least,
				}),
				"expectedBitcoin",
			),
			...pick(
				await calc("production", {
					"hashrate-ths": hashrate,
					days,
					difficulty: difficulty_low,
					"block-reward-btc": most,
				}),
				"expectedBitcoin",
			),
		];
	},
	D06: async ({ power_credits_musd, demand_response_musd }) =>
		pick(
			await calc("credits", {
				"power-credits-usd": power_credits_musd,
				"demand-response-usd": demand_response_musd,
			}),
			"creditsUsd",
		),
	E01: lease,
	E04: lease,
	E06: lease,
	E08: lease,
	E09: async ({ contract_usd, years, noi_margin }) =>
		pick(
			await calc("colocation", {
				"contract-usd": contract_usd,
				years,
				"critical-it-mw": 200,
				"noi-margin": noi_margin,
				"power-borne-by": "tenant",
			}),
			"noiMillionUsdPerYear",
		),
	E11: async ({ pairs }) => {
		const rows = Object.values(pairs as Readonly<Record<string, readonly number[]>>);
		return pick(
			await calc("overhead", {
				"gross-mw": rows.map((row) => row[0]).join(),
				"critical-it-mw": rows.map((row) => row[1]).join(),
			}),
			"grossFactor",
		);
	},
	E13: async ({ gpus, W, server_overhead, pue, usd_per_kwh }) =>
		pick(
			await calc("gpu", {
				gpus,
				watts: W,
				"server-overhead": server_overhead,
				pue,
				"power-usd-per-kwh": usd_per_kwh,
			}),
			"gpuKilowatts",
			"itKilowatts",
			"facilityMegawatts",
			"energyGigawattHoursPerYear",
			"powerCostMillionUsdPerYear",
		),
	F01: async ({ energy, congestion, loss }) =>
		pick(await calc("lmp", { energy, congestion, loss }), "priceUsdPerMegawattHour"),
	F03: async ({ file }) => {
		const answer = await calc("power-series", { file: path.join(path.dirname(FILE), String(file)) });
		expect(pick(answer, "leastPosition", "mostPosition")).toEqual([15, 8]);
		return pick(answer, "points", "leastPricePerMegawattHour", "mostPricePerMegawattHour");
	},
};

async function lease({ contract_usd, years, critical_IT_MW }: Inputs): Promise<readonly number[]> {
	const options = {
		"contract-usd": contract_usd,
		years,
		"critical-it-mw": critical_IT_MW,
		"power-borne-by": "tenant",
	};
	return pick(await calc("colocation", options), "revenueUsdPerItWattYear");
}

describe.skipIf(POINTS.length === 0)("a published number", () => {
	it("stands in the file 48 times or more", () => {
		expect(POINTS.length).toBeGreaterThanOrEqual(48);
	});

	it.each(POINTS.map((point) => [point.id, point] as const))("%s is what calc gives", async (id, point) => {
		const rule = RULES[id.slice(0, 3)];
		expect(rule, `no rule puts ${id} to calc`).toBeDefined();
		const found = (await rule?.(point.inputs, point)) ?? [];
		const expected = [point.expected].flat().map(Number);
		if (point.kind === "range") return expectWithin(found, expected, id);
		expect(found).toHaveLength(expected.length);
		for (const [index, value] of expected.entries()) {
			const off = Math.abs((found[index] ?? Number.NaN) - value);
			const allowed = Math.max(
				Number(point.tolerance.abs ?? 0),
				Number(point.tolerance.rel ?? 0) * Math.abs(value),
			);
			if (point.kind === "mismatch") expect(off).toBeGreaterThan(allowed);
			else expect(off).toBeLessThanOrEqual(allowed);
		}
	});
});

/** A value within a day's range give or take 0.2 %; or a range that brackets what was produced. */
function expectWithin(
	found: readonly number[],
	[low = Number.NaN, high = Number.NaN]: readonly number[],
	id: string,
): void {
	const slack = id.startsWith("B15") ? 0.002 : 0;
	for (const value of found) {
		expect(value).toBeGreaterThanOrEqual(low * (1 - slack));
		expect(value).toBeLessThanOrEqual(high * (1 + slack));
	}
	if (!id.startsWith("D05")) return;
	expect(found[0]).toBeLessThan(322);
	expect(found[1]).toBeGreaterThan(322);
}

describe.runIf(POINTS.length === 0)("NOT CHECKED against published numbers", () => {
	it(`because there is no file of points at ${path.basename(FILE)}; set FLEETWATT_VALIDATION_POINTS`, () => {
		expect(Object.keys(RULES).length).toBeGreaterThan(30);
	});
});
