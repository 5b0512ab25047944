import { describe, expect, it } from "vitest";
import { CALCULATIONS, calculate } from "../../../collector/commands/calc/calc.js";
import type { GivenTexts } from "../../../collector/commands/calc/options.js";
import { jsonText, wordsText } from "../../../collector/commands/calc/print.js";
import { StartProblem } from "../../../shared/exit.js";

async function calc(name: string, texts: GivenTexts) {
	const calculation = CALCULATIONS.find((each) => each.name === name);
	if (calculation === undefined) throw new Error(name);
	return (await calculate(calculation, texts)).answer;
}

async function refusal(name: string, texts: GivenTexts): Promise<string> {
	const error = await calc(name, texts).then(
		() => undefined,
		(thrown: unknown) => thrown,
	);
	if (!(error instanceof StartProblem)) throw new Error(`${name} took ${JSON.stringify(texts)}`);
	return error.problems.join("\n");
}

const DEVICE = {
	"hashrate-ths": "580",
	watts: "5510",
	"pool-fee": "0.02",
	"power-usd-per-kwh": "0.10",
	difficulty: "132716002350731.3",
	"block-reward-btc": "3.14437788",
	"btc-usd": "85956.45",
};

describe("fleetwatt calc", () => {
	it("values 580 TH/s at 5,510 W at 23.29 − 13.22 = 10.06 USD a day, rounded from unrounded parts", async () => {
		const text = wordsText(await calc("device", DEVICE));
		expect(text).toMatch(/revenueUsdPerDay +23\.29\n/);
		expect(text).toMatch(/powerCostUsdPerDay +13\.22\n/);
		expect(text).toMatch(/profitUsdPerDay +10\.06\n/);
	});

	it("gives JSON in full precision with units in its keys", async () => {
		const answer = JSON.parse(jsonText(await calc("hashprice", DEVICE_CHAIN)));
		expect(answer.hashvalueSatsPerPetahashPerSecondDay).toBeCloseTo(47_661.238_358, 5);
		expect(answer.hashpriceUsdPerPetahashPerSecondDay).toBeCloseTo(40.967_908_518_67, 9);
	});

	it("takes eleven five-minute prices of 25 and one of 600 for what they cost: 72.9 an hour a MW, and 22.9 below a strike of 90", async () => {
		const prices = [...Array<number>(11).fill(25), 600].join();
		const whole = await calc("energy-cost", { "prices-usd-per-mwh": prices, megawatts: "1" });
		expect(whole["powerCostUsd"]).toBeCloseTo((11 * 25 + 600) / 12, 10);
		const below = await calc("energy-cost", {
			"prices-usd-per-mwh": prices,
			megawatts: "1",
			"strike-usd-per-mwh": "90",
		});
		expect(below["powerCostUsd"]).toBeCloseTo((11 * 25) / 12, 10);
		expect(below["avoidedCostUsd"]).toBeCloseTo(50, 10);
	});

	it("does not halve hashprice at a halving: 108.6 with fees of 0.136 BTC becomes 55.46", async () => {
		const answer = await calc("halving", {
			"hashprice-usd-per-ph-day": "108.6",
			"subsidy-btc": "6.25",
			"fees-btc": "0.1360176425",
		});
		expect(answer["hashpriceUsdPerPetahashPerSecondDay"]).toBeCloseTo(55.456_55, 4);
	});

	it("takes a negative price of power: break-even and margin stay valid", async () => {
		const answer = await calc("device", { ...DEVICE, "power-usd-per-kwh": "-0.158" });
		expect(answer["powerCostUsdPerDay"]).toBeCloseTo(-0.158 * 132.24, 10);
		expect(answer["breakevenUsdPerKilowattHour"]).toBeCloseTo(0.176_09, 4);
	});

	it("takes terms of capital beside machines that are paid for: the third tier is the second", async () => {
		const terms = { "capex-usd": "0", "discount-rate": "10%", "capital-years": "4" };
		const answer = await calc("device", { ...DEVICE, ...terms });
		expect(answer["profitAfterCapitalUsdPerDay"]).toBe(answer["profitUsdPerDay"]);
		expect(answer["profitUsdPerDay"]).toBeCloseTo(10.06, 2);
	});

	it.each([
		[9.5, "1.85", "1.25", "0.85", undefined, 47],
		[13.5, "1.85", "1.25", "0.85", undefined, 66],
		[9.5, "1.85", "1.25", "0.85", "9", 20],
		[21.5, "1.85", "1.25", "0.85", "9", 45],
		[17.5, "1.45", "1.43", "0.80", undefined, 63],
	])(
		"puts the switch point of %d J/TH against a lease of %s USD/W-yr at %d",
		async (eta, rent, gross, noi, capex, expected) => {
			const answer = await calc("crossover", {
				"efficiency-j-per-th": String(eta),
				overhead: "1.05",
				"pool-fee": "1%",
				availability: "0.97",
				"power-usd-per-kwh": "0.045",
				"usd-per-it-watt-year": rent,
				"gross-factor": gross,
				"noi-margin": noi,
				"power-borne-by": "tenant",
				...(capex === undefined
					? {}
					: { "capex-usd-per-it-watt": capex, "discount-rate": "0.10", "capital-years": "15" }),
			});
			expect(answer["crossoverHashpriceUsdPerPetahashPerSecondDay"]).toBeCloseTo(expected, -0.3);
			expect(Math.round(Number(answer["crossoverHashpriceUsdPerPetahashPerSecondDay"]))).toBe(expected);
		},
	);

	it("gives a GPU price at which the hashprice it came from is the switch point again", async () => {
		const common = {
			"efficiency-j-per-th": "17.5",
			"power-usd-per-kwh": "0.05",
			"hashprice-usd-per-ph-day": "40.97",
			"kw-per-gpu": "1.66",
			utilization: "0.8",
			"marketplace-cut": "0.2",
			"gpu-capital-usd-per-watt-year": "7.65",
		};
		const there = await calc("crossover", common);
		const rent = (there["crossoverUsdPerGpuHour"] as { readonly netOfPowerAndCapital: number })
			.netOfPowerAndCapital;
		const back = await calc("crossover", { ...common, "usd-per-gpu-hour": String(rent) });
		expect(back["crossoverHashpriceUsdPerPetahashPerSecondDay"]).toBeCloseTo(40.97, 9);
	});

	it.each([
		[
			"device",
			{ ...DEVICE, "hashrate-ths": "-5" },
			/--hashrate-ths is "-5"\. Use a number from 0 .*example --hashrate-ths 580/,
		],
		[
			"gpu",
			{ watts: "700", pue: "0.9" },
			/--pue is "0\.9"\. Use a number from 1 to 10, for example --pue 1\.3/,
		],
		["device", { ...DEVICE, "pool-fee": "2" }, /--pool-fee is "2"\. Use a fraction/],
		["colocation", { "usd-per-kw-month": "121" }, /--power-borne-by is missing/],
		["hashprice", { difficulty: "0", "block-reward-btc": "3" }, /--difficulty is "0"\. Use a number above 0/],
		["hashprice", { "block-reward-btc": "3" }, /--difficulty or --nbits is missing/],
		[
			"hashprice",
			{ difficulty: "1e14", height: "925000" },
			/--fees-btc or --fee-share or --total-fees-sats is missing/,
		],
		[
			"subsidy",
			{ height: "1.5" },
			/--height is "1\.5"\. Use whole numbers separated by commas, each from 0 to/,
		],
		["device", { ...DEVICE, overhead: "0.5" }, /--overhead is "0\.5"\. Use a number from 1 to 10/],
		["difficulty", { nbits: "0x1d800001" }, /stands for no target from 1 to 2\^256 − 1/],
		["difficulty", { nbits: "0xff123456" }, /--nbits is 0xff123456, which stands for no target/],
		["difficulty", { nbits: "0x23000001" }, /stands for no target/],
		["difficulty", { nbits: "0x1d00ffffff" }, /--nbits is "0x1d00ffffff"/],
		["gpu", { gpus: "8", watts: "10200" }, /above 0 to 4000.*--host-watts 10200 --gpus-per-host 8/],
		["device", { ...DEVICE, fee: "0.01" }, /--pool-fee 0\.02 and --fee 0\.01 are one input\. Give it once/],
		[
			"device",
			{ ...DEVICE, watts: ["3500", "3600"] },
			/--watts 3500 and --watts 3600 are one input\. Give it once/,
		],
		[
			"marginal",
			{ "hashrate-ths": ["160", "200"], watts: "2500,3500", "hashprice-usd-per-ph-day": "40" },
			/one input\. Give it once, several values with commas, for example --hashrate-ths 160,200,230/,
		],
		[
			"device",
			{ ...DEVICE, difficulty: "1e308" },
			/--difficulty is "1e308"\. Use a number above 0 to 1e\+30/,
		],
		[
			"device",
			{ ...DEVICE, "power-usd-per-kwh": "-1e308" },
			/"-1e308"\. Use a number from -1e\+30 to 1e\+30, for example/,
		],
		[
			"device",
			{ ...DEVICE, "power-usd-per-kwh": "a" },
			/is "a"\. Use a number, for example --power-usd-per-kwh 0\.05/,
		],
		[
			"device",
			{ "hashrate-ths": "1", "hashprice-usd-per-ph-day": "40", "power-per-kwh": "0.09" },
			/--currency is missing beside --power-per-kwh/,
		],
		[
			"device",
			{ "hashrate-ths": "1", "hashprice-usd-per-ph-day": "40", "power-per-kwh": "0.09", currency: "EUR" },
			/--usd-per-currency is missing beside --currency EUR/,
		],
		[
			"gpu",
			{ "host-watts": "10200", "gpus-per-host": "8", "server-overhead": "1.3" },
			/--server-overhead takes no part in this answer/,
		],
		[
			"colocation",
			{ "usd-per-kw-month": "121", "power-borne-by": "operator", "power-usd-per-kwh": "0.05" },
			/--gross-factor or --gross-mw is missing beside --power-usd-per-kwh/,
		],
		["fee-share", { height: "6930000", "fees-btc": "0" }, /neither a subsidy nor a fee/],
	])("refuses %s %j, saying what was found, what is allowed and an example", async (name, texts, said) => {
		expect(await refusal(name, texts as GivenTexts)).toMatch(said);
	});

	it("answers the heights of a list around a bad one, which is said for itself", async () => {
		const given = CALCULATIONS.find(({ name }) => name === "subsidy");
		if (given === undefined) throw new Error("subsidy");
		const { answer, leftOut } = await calculate(given, { height: "209999,x,210000,-1,5000000000" });
		expect(answer).toMatchObject({
			height: [209_999, 210_000, 5_000_000_000],
			subsidySats: [5_000_000_000n, 2_500_000_000n, 0n],
		});
		expect((await calculate(given, { height: "x,840000" })).answer["height"]).toEqual([840_000]);
		expect((await calculate(given, { height: "840000" })).answer["height"]).toBe(840_000);
		expect(leftOut).toHaveLength(2);
		expect(leftOut[0]).toMatch(/--height is "x"\./);
		expect(leftOut[1]).toMatch(/--height is "-1"\..*from 0 to 9000000000000000/);
		expect(await refusal("subsidy", { height: "x,y" })).toMatch(/"x"\..*\n.*"y"\./);
		expect(await refusal("energy-cost", { "prices-usd-per-mwh": "25,x,600", megawatts: "1" })).toMatch(/"x"/);
	});

	it("prints 134.4 for what binary makes 134.39999999999998, and a third with all of its digits", async () => {
		const gpu = { "usd-per-gpu-hour": "2", gpus: "8", watts: "700", "power-usd-per-kwh": "0.05" };
		const answer = await calc("gpu", gpu);
		expect(answer["energyKilowattHoursPerDay"]).toBe(134.39999999999998);
		const printed = jsonText({ ...answer, third: 1 / 3, height: 1_000_000_000_000_001 });
		expect(JSON.parse(printed)).toMatchObject({
			energyKilowattHoursPerDay: 134.4,
			third: 1 / 3,
			height: 1_000_000_000_000_001,
		});
	});

	it("gives no share of fees where a block earns nothing at all, after the last halving", async () => {
		const answer = await calc("hashprice", { difficulty: "1e14", height: "6930000", "fees-btc": "0" });
		expect(answer["hashvalueSatsPerPetahashPerSecondDay"]).toBe(0);
		expect(answer["feeShareRatio"]).toBeUndefined();
	});

	it("knows each option by one meaning: no two of a calculation share a name", () => {
		for (const { name, options } of CALCULATIONS) {
			const names = options.flatMap(({ flag, also = [] }) => [flag, ...also]);
			expect([name, ...names]).toEqual([name, ...new Set(names)]);
		}
	});

	it("says every problem of the options at once", async () => {
		const said = await refusal("device", { ...DEVICE, "hashrate-ths": "-5", overhead: "0", "pool-fee": "x" });
		expect(said.split("\n")).toHaveLength(3);
	});
});

const DEVICE_CHAIN = {
	difficulty: "132716002350731.3",
	"block-reward-btc": "3.14437788",
	"btc-usd": "85956.45",
};
