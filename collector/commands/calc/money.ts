/** Calculations of money as such: margins, sites, credits, capital, the two bases, comparisons, confidence. */
import {
	capacityBasis,
	capitalChargeUsdPerYear,
	capitalRecoveryFactor,
	ECONOMICS_FORMULAS,
	energyBasis,
	usdPerWattYearOf,
} from "../../derive/basis.js";
import { confidence } from "../../derive/confidence.js";
import { agreement } from "../../derive/consistency.js";
import { usdPerMegawattHour, usdPerWattYear } from "../../derive/revenue.js";
import type { CalcOption, Calculation } from "./options.js";

const margin: Calculation = {
	name: "margin",
	about: "margin of a revenue over its power, and both per bitcoin; a margin may be negative",
	options: [
		{ flag: "revenue-usd", is: "Revenue, USD.", above: 0, example: "14985000", required: true },
		{
			flag: "power-cost-usd",
			is: "Power, USD; negative where credits exceed it.",
			example: "7341000",
			required: true,
		},
		{ flag: "btc", is: "Bitcoin mined.", above: 0, example: "245" },
	],
	run: (given) => {
		const [revenue, cost, bitcoin] = [
			given.need("revenue-usd"),
			given.need("power-cost-usd"),
			given.number("btc"),
		];
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			netUsd: revenue - cost,
			marginRatio: 1 - cost / revenue,
			marginPercent: (1 - cost / revenue) * 100,
			revenueUsdPerBitcoin: bitcoin === undefined ? undefined : revenue / bitcoin,
			powerCostUsdPerBitcoin: bitcoin === undefined ? undefined : cost / bitcoin,
		};
	},
};

const site: Calculation = {
	name: "site",
	about: "a site's period: J/TH at the meter, USD/MWh, USD/W-yr and USD per GPU-hour, as ratios of sums",
	options: [
		{ flag: "hours", is: "Hours of the period.", above: 0, example: "744", required: true },
		{
			flag: "megawatts",
			is: "Mean power at the utility's meter, MW.",
			above: 0,
			example: "246",
			required: true,
		},
		{ flag: "revenue-usd", is: "Revenue of mining, USD.", example: "14985000" },
		{ flag: "power-cost-usd", is: "Power, USD.", example: "7341000" },
		{ flag: "hashrate-ths", is: "Mean hashrate, TH/s.", above: 0, example: "10940000" },
		{ flag: "gpus", is: "GPUs.", above: 0, example: "816" },
		{ flag: "gpu-revenue-usd", is: "Revenue of GPUs, USD.", example: "1290000" },
		{
			flag: "contracted-megawatts",
			is: "Power under contract, MW; the metered power where absent.",
			above: 0,
			example: "260",
		},
	],
	run: (given) => {
		const [hours, watts] = [given.need("hours"), given.need("megawatts") * 1e6];
		const contracted = (given.number("contracted-megawatts") ?? given.need("megawatts")) * 1e6;
		const hashrate = given.number("hashrate-ths");
		const revenue = given.number("revenue-usd");
		const cost = given.number("power-cost-usd");
		const gpuRevenue = given.number("gpu-revenue-usd");
		const gpus = given.number("gpus");
		const perHour = (usd: number | undefined) => (usd === undefined ? undefined : usd / hours);
		const megawattHour = (usd: number | undefined) =>
			usd === undefined ? undefined : usdPerMegawattHour(usd / hours, watts);
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			boundary: "utility",
			energyMegawattHours: (watts / 1e6) * hours,
			efficiencyJoulesPerTerahash: hashrate === undefined ? undefined : watts / hashrate,
			revenueUsdPerHour: perHour(revenue),
			revenueUsdPerMegawattHour: megawattHour(revenue),
			powerCostUsdPerMegawattHour: megawattHour(cost),
			netUsdPerMegawattHour:
				revenue === undefined || cost === undefined ? undefined : megawattHour(revenue - cost),
			revenueUsdPerWattYear: revenue === undefined ? undefined : usdPerWattYear(revenue / hours, contracted),
			capacityFactor: watts / contracted,
			gpuRevenueUsdPerGpuHour:
				gpuRevenue === undefined || gpus === undefined ? undefined : gpuRevenue / (gpus * hours),
		};
	},
};

const credits: Calculation = {
	name: "credits",
	about: "credits of a site, each its own ledger, and what power costs after them",
	options: [
		{ flag: "power-credits-usd", is: "Power sold back, USD.", otherwise: "0", example: "5700000" },
		{
			flag: "demand-response-usd",
			is: "Demand response and ancillary services, USD.",
			otherwise: "0",
			example: "700000",
		},
		{ flag: "avoided-4cp-usd", is: "Transmission charges avoided, USD.", otherwise: "0", example: "100000" },
		{ flag: "power-cost-usd", is: "Power before credits, USD.", example: "12000000" },
		{ flag: "energy-mwh", is: "Energy, MWh, for the price after credits.", above: 0, example: "200000" },
	],
	run: (given) => {
		const total =
			given.need("power-credits-usd") + given.need("demand-response-usd") + given.need("avoided-4cp-usd");
		const cost = given.number("power-cost-usd");
		const energy = given.number("energy-mwh");
		const net = cost === undefined ? undefined : cost - total;
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			creditsUsd: total,
			netPowerCostUsd: net,
			netPowerCostUsdPerMegawattHour: net === undefined || energy === undefined ? undefined : net / energy,
			netPowerCostUsdPerKilowattHour:
				net === undefined || energy === undefined ? undefined : net / energy / 1_000,
		};
	},
};

const capital: Calculation = {
	name: "capital",
	about: "yearly charge for capital: i / (1 − (1 + i)^−n)",
	options: [
		{
			flag: "capex-usd",
			is: "Capital, USD, of whatever the charge is wanted for.",
			from: 0,
			example: "29",
			required: true,
		},
		{ flag: "discount-rate", is: "Yearly interest.", kind: "ratio", to: 10, example: "0.10", required: true },
		{ flag: "capital-years", is: "Years.", above: 0, to: 100, example: "5", required: true },
		{ flag: "watts", is: "Watts it pays for.", above: 0, example: "1000000" },
	],
	run: (given) => {
		const terms = { discountRate: given.need("discount-rate"), years: given.need("capital-years") };
		const charge = capitalChargeUsdPerYear({ capexUsd: given.need("capex-usd"), ...terms });
		const watts = given.number("watts");
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			capitalRecoveryFactor: capitalRecoveryFactor(terms.discountRate, terms.years),
			capitalChargeUsdPerYear: charge,
			capitalChargeUsdPerHour: charge / 8_760,
			capitalChargeUsdPerWattYear: watts === undefined ? undefined : charge / watts,
		};
	},
};

const CONVERTED: readonly (CalcOption & { readonly kilowattHours: number })[] = [
	{ flag: "usd-per-kwh", is: "USD/kWh.", example: "0.0975", kilowattHours: 1 },
	{ flag: "usd-per-mwh", is: "USD/MWh.", example: "97.5", kilowattHours: 1 / 1_000 },
	{
		flag: "usd-per-watt-year",
		is: "USD per watt-year, at the capacity factor.",
		example: "0.855",
		kilowattHours: 1 / 8.76,
	},
	{ flag: "usd-per-watt-day", is: "USD per watt-day.", example: "0.00234", kilowattHours: 1 / 0.024 },
	{ flag: "usd-per-kw-month", is: "USD per kilowatt-month.", example: "121", kilowattHours: 1 / 730 },
	{ flag: "usd-per-mw-year", is: "USD per megawatt-year.", example: "1450000", kilowattHours: 1 / 8.76e6 },
];

const convert: Calculation = {
	name: "convert",
	about: "one number on both bases; the capacity factor joins them",
	options: [
		...CONVERTED.map(({ kilowattHours: _, ...option }) => option),
		{
			flag: "capacity-factor",
			is: "Metered energy over contracted watts × hours.",
			kind: "ratio",
			above: 0,
			otherwise: "1",
			example: "0.95",
		},
	],
	run: (given) => {
		const stated = CONVERTED.filter(({ flag }) => given.has(flag));
		const [only] = stated;
		if (only === undefined) throw given.missing(CONVERTED.map(({ flag }) => flag));
		if (stated.length > 1)
			throw given.refused("More than one amount is given", { allowed: "Give one: the others follow" });
		const factor = given.need("capacity-factor");
		const isEnergy = only.flag.endsWith("wh");
		const perKilowattHour = given.need(only.flag) * only.kilowattHours * (isEnergy ? 1 : 1 / factor);
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			...energyBasis(perKilowattHour),
			...capacityBasis(usdPerWattYearOf(perKilowattHour, factor)),
		};
	},
};

const check: Calculation = {
	name: "check",
	about: "whether a published number follows from ours: an alarm, never a correction",
	options: [
		{ flag: "computed", is: "Our number.", example: "0.00042636", required: true },
		{ flag: "published", is: "The published one.", example: "0.00043143", required: true },
		{
			flag: "tolerance",
			is: "Disagreement that is no alarm.",
			kind: "ratio",
			otherwise: "0.02",
			example: "0.01",
		},
	],
	run: (given) => {
		const published = given.need("published");
		if (published === 0)
			throw given.refused("--published is 0", { allowed: "A ratio needs a number other than 0" });
		const found = agreement(given.need("computed"), published, given.need("tolerance"));
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			...found,
			alarms: found.isMismatch ? ["PUBLISHED_DISAGREES"] : [],
		};
	},
};

const band: Calculation = {
	name: "confidence",
	about: "the band of a result from the relative errors of its inputs, and the worst of them",
	options: [
		{ flag: "value", is: "The result.", example: "97.5", required: true },
		...["hashrate", "watts", "price", "difficulty", "fees"].map((name) => ({
			flag: `${name}-error`,
			is: `One standard deviation of the ${name}, relative.`,
			kind: "ratio" as const,
			otherwise: "0",
			example: name === "watts" ? "0.05" : "0.001",
		})),
	],
	run: (given) => {
		const errors = Object.fromEntries(
			["hashrate", "watts", "price", "difficulty", "fees"].map((name) => [name, given.need(`${name}-error`)]),
		);
		return { formulaVersion: ECONOMICS_FORMULAS, ...confidence(given.need("value"), errors) };
	},
};

export const MONEY_CALCULATIONS: readonly Calculation[] = [
	margin,
	site,
	credits,
	capital,
	convert,
	check,
	band,
];
