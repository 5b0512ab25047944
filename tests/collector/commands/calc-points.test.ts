/**
 * What `fleetwatt calc … --json` answers to lines as a desk types them, against numbers worked out apart: with
 * exact fractions, from the definitions, by none of this project's code.
 */
import { describe, expect, it } from "vitest";
import { CALCULATIONS, calculate } from "../../../collector/commands/calc/calc.js";
import { jsonText } from "../../../collector/commands/calc/print.js";

type Point = readonly [line: string, expected: Readonly<Record<string, number>>];

async function calc(line: string): Promise<Readonly<Record<string, unknown>>> {
	const [name, ...words] = line.split(" ");
	const calculation = CALCULATIONS.find((each) => each.name === name);
	if (calculation === undefined) throw new Error(line);
	const texts: Record<string, string> = {};
	for (let at = 0; at < words.length; at += 2) texts[(words[at] ?? "").slice(2)] = words[at + 1] ?? "";
	return JSON.parse(jsonText((await calculate(calculation, texts)).answer));
}

const POINTS: readonly Point[] = [
	[
		"share --difficulty 132716002350731.3 --block-reward-btc 3.14437788 --share-difficulty 65536 --pool-fee 0.02 --btc-usd 85956.45",
		{ shareValueSats: 0.1521659379364915, shareValueUsd: 0.00013079643835941135 },
	],
	[
		"hashprice --height 840000 --fees-btc 37.6256 --difficulty 86388558925171.02 --btc-usd 64000",
		{ hashvalueSatsPerPetahashPerSecondDay: 948924.4991656612 },
	],
	[
		"tokens --usd-per-million-tokens 0.60 --tokens-per-second 2500 --watts 5600 --pue 1.3",
		{
			tokensPerJoule: 0.3434065934065934,
			tokensPerJouleBeforeOverhead: 0.44642857142857145,
			joulesPerTokenBeforeOverhead: 2.24,
			revenueUsdPerKilowattHour: 0.7417582417582418,
		},
	],
	[
		"downtime --hashrate-ths 200 --watts 3500 --hours 24 --hashprice-usd-per-ph-day 40.97 --power-usd-per-kwh 0.05 --pool-fee 1% --overhead 1.05",
		{ lostNetUsd: 3.70206 },
	],
	["difficulty --nbits 0x1d00ffff", { difficulty: 1, nBits: 486_604_799 }],
	["difficulty --nbits 1b0404cb", { difficulty: 16307.420938523983, nBits: 453_248_203 }],
	["difficulty --nbits 17034219", { difficulty: 86388558925171.02, nBits: 386_089_497 }],
	["difficulty --nbits 386008708", { difficulty: 138966872071213.2, nBits: 386_008_708 }],
	["difficulty --nbits 0x170331DB", { difficulty: 88104191118793.16, nBits: 386_085_339 }],
	["difficulty --nbits 0x207fffff", { difficulty: 4.6565423739069247e-10, nBits: 545_259_519 }],
	["difficulty --nbits 0x1903a30c", { difficulty: 1180923195.2580261, nBits: 419_668_748 }],
	["difficulty --nbits 0x03000001", { difficulty: 2.695953529101131e67, nBits: 50_331_649 }],
	["subsidy --height 0", { subsidySats: 5_000_000_000 }],
	["subsidy --height 209999", { subsidySats: 5_000_000_000 }],
	["subsidy --height 210000", { subsidySats: 2_500_000_000 }],
	["subsidy --height 420000", { subsidySats: 1_250_000_000 }],
	["subsidy --height 839999", { subsidySats: 625_000_000 }],
	["subsidy --height 840000", { subsidySats: 312_500_000 }],
	["subsidy --height 1050000", { subsidySats: 156_250_000 }],
	["subsidy --height 6929999", { subsidySats: 1 }],
	["subsidy --height 6930000", { subsidySats: 0 }],
	["subsidy --height 13439999", { subsidySats: 0 }],
	["subsidy --height 13440000", { subsidySats: 0 }],
	// At an epoch's last block the projection is what the chain then does: 1,209,600 over the seconds it took.
	["epoch --height 842687 --epoch-seconds 1209600", { expectedRetargetFactor: 1, remainingBlocks: 1 }],
	["epoch --height 841679 --epoch-seconds 700000", { expectedRetargetFactor: 0.8635712158808933 }],
	["subsidy --height 4294967295", { subsidySats: 0 }],
	[
		"hashprice --difficulty 1 --block-reward-btc 50 --btc-usd 1",
		{
			hashvalueSatsPerPetahashPerSecondDay: 1.0058283805847169e20,
			hashpriceUsdPerPetahashPerSecondDay: 1005828380584.7168,
		},
	],
	[
		"hashprice --difficulty 109782075598905.16 --height 890000 --fees-btc 0.0412 --btc-usd 83123.77",
		{
			hashvalueSatsPerPetahashPerSecondDay: 58017.73743543778,
			hashpriceUsdPerPetahashPerSecondDay: 48.2265306250372,
		},
	],
	[
		"hashprice --nbits 0x17034219 --height 839999 --total-fees-sats 1966080123 --fee-blocks 144 --btc-usd 70000",
		{
			hashvalueSatsPerPetahashPerSecondDay: 148717.76005368098,
			hashpriceUsdPerPetahashPerSecondDay: 104.10243203757668,
		},
	],
	[
		"hashprice --difficulty 155973032196071.94000000000000001 --subsidy-btc 3.125 --fee-share 0.62% --btc-usd 106935",
		{
			hashvalueSatsPerPetahashPerSecondDay: 40556.02623854441,
			hashpriceUsdPerPetahashPerSecondDay: 43.36858665818746,
		},
	],
	[
		"hashprice --difficulty 123456789012345678901234567890.123456789 --block-reward-btc 3.2 --btc-usd 100000",
		{
			hashvalueSatsPerPetahashPerSecondDay: 5.214214371879101e-11,
			hashpriceUsdPerPetahashPerSecondDay: 5.2142143718791015e-14,
		},
	],
	[
		"hashprice --difficulty 1.5e14 --height 6930000 --fees-btc 0.9 --btc-usd 1250000.5",
		{
			hashvalueSatsPerPetahashPerSecondDay: 12069.940567016602,
			hashpriceUsdPerPetahashPerSecondDay: 150.87431743741035,
		},
	],
	[
		"device --hashrate-ths 200 --watts 3500 --hashprice-usd-per-ph-day 40.97 --power-usd-per-kwh 0.05",
		{
			revenueUsdPerDay: 8.194,
			breakevenUsdPerKilowattHour: 0.09754761904761905,
			revenueUsdPerMegawattHour: 97.54761904761905,
			revenueUsdPerWattYear: 0.8545171428571429,
			powerCostUsdPerDay: 4.2,
			profitUsdPerDay: 3.994,
			netUsdPerMegawattHour: 47.54761904761905,
			hashcostUsdPerPetahashPerSecondDay: 21,
			breakevenJoulesPerTerahash: 34.141666666666666,
		},
	],
	[
		"device --hashrate-ths 200 --watts 3500 --hashprice 40.97 --pool-fee 1.5% --rejected 0.4% --power-usd-per-mwh 62.5 --overhead 1.08 --availability 0.93",
		{
			revenueUsdPerDay: 7.4760892452,
			breakevenUsdPerKilowattHour: 0.08861117328042328,
			revenueUsdPerMegawattHour: 88.61117328042329,
			revenueUsdPerWattYear: 0.7218975064809524,
			powerCostUsdPerDay: 5.2731,
			profitUsdPerDay: 2.2029892452,
			netUsdPerMegawattHour: 26.11117328042328,
			hashcostUsdPerPetahashPerSecondDay: 28.35,
			breakevenJoulesPerTerahash: 24.81112851851852,
		},
	],
	[
		"device --hashrate-ths 110 --watts 3250 --hashprice-usd-per-ph-day 55.97 --pool-fee 0.02 --power-usd-per-kwh -0.158",
		{
			revenueUsdPerDay: 6.033566,
			breakevenUsdPerKilowattHour: 0.07735341025641025,
			revenueUsdPerMegawattHour: 77.35341025641026,
			revenueUsdPerWattYear: 0.6776158738461538,
			powerCostUsdPerDay: -12.324,
			profitUsdPerDay: 18.357566,
			netUsdPerMegawattHour: 235.35341025641026,
			hashcostUsdPerPetahashPerSecondDay: -112.03636363636363,
		},
	],
	[
		"device --hashrate-ths 335 --efficiency-j-per-th 16 --hashprice-usd-per-ph-day 38 --uptime 97% --power-per-kwh 0.09 --currency EUR --usd-per-currency 1.08",
		{
			revenueUsdPerDay: 12.3481,
			breakevenUsdPerKilowattHour: 0.09895833333333333,
			revenueUsdPerMegawattHour: 98.95833333333333,
			revenueUsdPerWattYear: 0.84086875,
			powerCostUsdPerDay: 12.12869376,
			profitUsdPerDay: 0.21940624,
			netUsdPerMegawattHour: 1.7583333333333333,
			hashcostUsdPerPetahashPerSecondDay: 37.3248,
			breakevenJoulesPerTerahash: 16.289437585733882,
		},
	],
	[
		"device --hashrate-ths 580 --watts 5510 --pool-fee 0.02 --power-usd-per-kwh 0.10 --difficulty 132716002350731.3 --block-reward-btc 3.14437788 --btc-usd 85956.45",
		{
			revenueUsdPerDay: 23.286159202011525,
			breakevenUsdPerKilowattHour: 0.17609013310656021,
			revenueUsdPerMegawattHour: 176.09013310656022,
			revenueUsdPerWattYear: 1.5425495660134676,
			powerCostUsdPerDay: 13.224,
			profitUsdPerDay: 10.062159202011525,
			netUsdPerMegawattHour: 76.09013310656023,
			hashcostUsdPerPetahashPerSecondDay: 22.8,
			breakevenJoulesPerTerahash: 16.728562645123223,
		},
	],
	[
		"device --hashrate-ths 150 --watts 3010 --hashprice-usd-per-ph-day 45 --power-usd-per-kwh 0.055 --capex-usd 1900 --discount-rate 12% --capital-years 3",
		{
			revenueUsdPerDay: 6.75,
			breakevenUsdPerKilowattHour: 0.09343853820598007,
			revenueUsdPerMegawattHour: 93.43853820598007,
			revenueUsdPerWattYear: 0.8185215946843853,
			powerCostUsdPerDay: 3.9732,
			profitUsdPerDay: 2.7768,
			netUsdPerMegawattHour: 38.438538205980066,
			hashcostUsdPerPetahashPerSecondDay: 26.488,
			breakevenJoulesPerTerahash: 34.09090909090909,
			capitalUsdPerDay: 2.1672960631864724,
			profitAfterCapitalUsdPerDay: 0.6095039368135278,
		},
	],
	[
		"device --hashrate-ths 100 --watts 2000 --hashprice-usd-per-ph-day 50 --accepted-shares 99500 --submitted-shares 100000 --power-usd-per-kwh 0",
		{
			revenueUsdPerDay: 4.975,
			breakevenUsdPerKilowattHour: 0.10364583333333334,
			revenueUsdPerMegawattHour: 103.64583333333333,
			revenueUsdPerWattYear: 0.9079375,
			powerCostUsdPerDay: 0,
			profitUsdPerDay: 4.975,
			netUsdPerMegawattHour: 103.64583333333333,
			hashcostUsdPerPetahashPerSecondDay: 0,
		},
	],
	[
		"gpu --usd-per-gpu-hour 2.10 --gpus 8 --watts 700 --utilization 0.85 --pue 1.3 --power-usd-per-kwh 0.045",
		{
			revenueUsdPerHour: 14.28,
			facilityKilowatts: 7.28,
			revenueUsdPerMegawattHour: 1961.5384615384614,
			breakevenUsdPerKilowattHour: 1.9615384615384615,
			revenueUsdPerWattYear: 17.18307692307692,
			powerCostUsdPerHour: 0.3276,
			netUsdPerHour: 13.9524,
			netUsdPerMegawattHour: 1916.5384615384614,
			breakevenUsdPerGpuHour: 0.04817647058823529,
		},
	],
	[
		"gpu --usd-per-gpu-hour 1.87 --gpus 8 --host-watts 10200 --gpus-per-host 8 --utilization 72% --pue 1.3 --marketplace-cut 25% --power-usd-per-mwh 45",
		{
			revenueUsdPerHour: 8.0784,
			facilityKilowatts: 13.26,
			revenueUsdPerMegawattHour: 609.2307692307693,
			breakevenUsdPerKilowattHour: 0.6092307692307692,
			revenueUsdPerWattYear: 5.336861538461538,
			powerCostUsdPerHour: 0.5967,
			netUsdPerHour: 7.4817,
			netUsdPerMegawattHour: 564.2307692307693,
			breakevenUsdPerGpuHour: 0.138125,
		},
	],
	[
		"gpu --usd-per-host-hour 34.32 --gpus-per-host 8 --gpus 816 --watts 700 --server-overhead 1.3 --pue 1.12 --utilisation 0.5 --power-usd-per-kwh -0.01",
		{
			revenueUsdPerHour: 1750.32,
			facilityKilowatts: 831.6672,
			revenueUsdPerMegawattHour: 2104.591836734694,
			breakevenUsdPerKilowattHour: 2.104591836734694,
			revenueUsdPerWattYear: 18.43622448979592,
			powerCostUsdPerHour: -8.316672,
			netUsdPerHour: 1758.636672,
			netUsdPerMegawattHour: 2114.591836734694,
			breakevenUsdPerGpuHour: -0.020384,
		},
	],
	[
		"gpu --cents-per-host-hour 1680 --gpus-per-host 8 --gpus 16 --watts 1000 --pue 1",
		{
			revenueUsdPerHour: 33.6,
			facilityKilowatts: 16,
			revenueUsdPerMegawattHour: 2100,
			breakevenUsdPerKilowattHour: 2.1,
			revenueUsdPerWattYear: 18.396,
		},
	],
	[
		"gpu --contract-usd-per-year 1940000000 --gpus 100000 --watts 1000 --server-overhead 1.4 --pue 1.25",
		{
			revenueUsdPerHour: 221461.18721461188,
			facilityKilowatts: 175_000,
			revenueUsdPerMegawattHour: 1265.4924983692108,
			breakevenUsdPerKilowattHour: 1.2654924983692106,
			revenueUsdPerWattYear: 11.085714285714285,
		},
	],
	[
		"gpu --usd-per-gpu-hour 2 --gpus 1 --watts 700 --sla 0.999:0.1,0.99:0.25 --month-availability 0.985",
		{ revenueUsdPerHour: 1.5, slaCreditRatio: 0.25 },
	],
	[
		"colocation --contract-usd 8.7e9 --contract-years 12 --critical-it-mw 500 --power-borne-by tenant",
		{
			contractRevenueUsdPerYear: 725_000_000,
			revenueUsdPerItWattYear: 1.45,
			revenueUsdPerItKilowattMonth: 120.83333333333333,
		},
	],
	[
		"colocation --contract-usd 3e9 --years 10 --critical-it-mw 168 --gross-mw 244 --noi-margin 82.5% --power-borne-by tenant",
		{
			revenueUsdPerItWattYear: 1.7857142857142858,
			revenueUsdPerItKilowattMonth: 148.8095238095238,
			revenueUsdPerGrossWattYear: 1.2295081967213115,
			noiUsdPerItWattYear: 1.4732142857142858,
			netUsdPerGrossWattYear: 1.014344262295082,
		},
	],
	[
		"colocation --usd-per-kw-month 121 --reserved-kw 500 --gross-factor 1.43 --power-borne-by operator --power-usd-per-kwh 0.045 --load-factor 0.8",
		{
			contractRevenueUsdPerYear: 726_000,
			revenueUsdPerItWattYear: 1.452,
			revenueUsdPerItKilowattMonth: 121,
			revenueUsdPerGrossWattYear: 1.0153846153846153,
			powerCostUsdPerGrossWattYear: 0.31536,
			netUsdPerGrossWattYear: 0.7000246153846154,
		},
	],
	[
		"colocation --usd-per-it-watt-year 1.85 --critical-it-mw 200 --gross-mw 250 --power-borne-by tenant --power-usd-per-kwh 0.06",
		{
			netUsdPerGrossWattYear: 1.48,
			powerCostUsdPerGrossWattYear: 0,
			revenueUsdPerItWattYear: 1.85,
			revenueUsdPerItKilowattMonth: 154.16666666666666,
			revenueUsdPerGrossWattYear: 1.48,
		},
	],
	[
		"colocation --usd-per-kw-month 150 --critical-it-mw 10 --power-borne-by tenant --sla 0.9999:5%,0.999:0.1 --month-availability 0.9995",
		{ contractRevenueUsdPerYear: 17_100_000 },
	],
	[
		"crossover --efficiency-j-per-th 17.5 --overhead 1.05 --pool-fee 1% --availability 0.97 --power-usd-per-kwh 0.045 --usd-per-it-watt-year 1.7857 --gross-factor 1.45 --noi-margin 0.85 --power-borne-by tenant",
		{ crossoverHashpriceUsdPerPetahashPerSecondDay: 74.92202683177804 },
	],
	[
		"crossover --hashrate-ths 200 --miner-watts 4300 --power-usd-per-mwh -5 --usd-per-kw-month 121 --gross-factor 1.43 --power-borne-by tenant",
		{ crossoverHashpriceUsdPerPetahashPerSecondDay: 57.230326659641726 },
	],
	[
		"crossover --efficiency-j-per-th 13.5 --power-usd-per-kwh 0.05 --usd-per-gpu-hour 2.10 --kw-per-gpu 1.66 --utilization 0.85 --marketplace-cut 0.2 --gpu-capital-usd-per-watt-year 7.65",
		{ crossoverHashpriceUsdPerPetahashPerSecondDay: -4.2271331902954286 },
	],
	[
		"crossover --efficiency-j-per-th 15 --power-usd-per-kwh 0.04 --usd-per-it-watt-year 1.45 --gross-factor 1.43 --power-borne-by operator",
		{ crossoverHashpriceUsdPerPetahashPerSecondDay: 41.670658109014276 },
	],
	[
		"tokens --usd-per-million-tokens 0.60 --tokens-per-second 2500 --watts 5600 --pue 1.3 --power-usd-per-kwh 0.05",
		{ breakevenUsdPerKilowattHour: 0.7417582417582418, revenueUsdPerHour: 5.4 },
	],
	[
		"convert --usd-per-kwh 0.0975",
		{ usdPerMegawattHour: 97.5, usdPerWattYear: 0.8541, usdPerKilowattMonth: 71.175 },
	],
	[
		"downtime --hashrate-ths 200 --watts 3500 --hashprice-usd-per-ph-day 40.97 --power-usd-per-kwh 0.05",
		{ lostRevenueUsdPerHour: 0.34141666666666665, energyNotBoughtUsdPerHour: 0.175 },
	],
	[
		"energy-cost --prices-usd-per-mwh 25,25,25,25,25,25,25,25,25,25,25,600 --megawatts 1",
		{ powerCostUsd: 72.91666666666667 },
	],
	[
		"energy-cost --prices-usd-per-mwh 100,100 --kwh 24000,24000",
		{ powerCostUsd: 4800, meanPricePaidUsdPerMegawattHour: 100 },
	],
	["efficiency --hashrate-ths 200,100 --watts 3500,3250", { efficiencyJoulesPerTerahash: 22.5 }],
	[
		"halving --hashprice-usd-per-ph-day 108.6 --subsidy-btc 6.25 --fees-btc 0.1360176425",
		{ hashpriceUsdPerPetahashPerSecondDay: 55.456551453694175 },
	],
];

describe("fleetwatt calc, against numbers worked out apart", () => {
	it.each(POINTS)("%s", async (line, expected) => {
		const answer = await calc(line);
		for (const [name, value] of Object.entries(expected)) {
			const found = answer[name];
			// 1e-13 is what a few operations on doubles may cost; capital's powers are doubles on both sides.
			const isNear = typeof found === "number" && Math.abs(found - value) <= Math.abs(value) * 1e-13;
			expect(isNear, `${name} is ${found}, expected ${value}`).toBe(true);
		}
	});
});
