/** Calculations of power: prices by component, cost over intervals, curtailment, marginal watts. */
import { readFile } from "node:fs/promises";
import { EXIT, StartProblem } from "../../../shared/exit.js";
import { ECONOMICS_FORMULAS } from "../../derive/basis.js";
import { agreement } from "../../derive/consistency.js";
import { curtailmentAdvice, effectivePrice, marginalRevenues } from "../../derive/curtailment.js";
import { usdPerTerahashAt } from "../../derive/mining.js";
import { parseSeries, SERIES_FORMATS } from "../../market/power/formats.js";
import { holesOf, instantText } from "../../market/power/price-series.js";
import { HASHPRICE_OPTION } from "./mining.js";
import { type Calculation, fromAll } from "./options.js";

const lmp: Calculation = {
	name: "lmp",
	about: "a locational price as the sum of its components",
	options: [
		{ flag: "energy", is: "Energy component, USD/MWh; may be negative.", example: "17.94", required: true },
		{ flag: "congestion", is: "Congestion component, USD/MWh.", otherwise: "0", example: "0.005357" },
		{ flag: "loss", is: "Loss component, USD/MWh.", otherwise: "0", example: "0.011552" },
		{
			flag: "other",
			is: "Other components, USD/MWh, with commas: greenhouse gas, ancillary.",
			kind: "numbers",
			otherwise: "0",
			example: "0.5",
		},
		{ flag: "published", is: "The published total, to compare with.", example: "17.956076" },
		{
			flag: "tolerance-usd",
			is: "Disagreement that is no alarm, USD/MWh.",
			from: 0,
			otherwise: "0.005",
			example: "0.01",
		},
	],
	run: (given) => {
		const others = (given.numbers("other") ?? []).reduce((total, value) => total + value, 0);
		const total = given.need("energy") + given.need("congestion") + given.need("loss") + others;
		const published = given.number("published");
		const isMismatch =
			published === undefined ? undefined : Math.abs(total - published) > given.need("tolerance-usd");
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			priceUsdPerMegawattHour: total,
			priceUsdPerKilowattHour: total / 1_000,
			disagreementRatio:
				published === undefined ? undefined : agreement(total, published, 0).disagreementRatio,
			isMismatch,
			alarms: isMismatch === undefined ? undefined : isMismatch ? ["PRICE_DISAGREES"] : [],
		};
	},
};

const energyCost: Calculation = {
	name: "energy-cost",
	about: "what energy costs over intervals: the sum of each interval's kWh × its price, never a mean price",
	options: [
		{
			flag: "prices-usd-per-mwh",
			is: "Price of each interval, USD/MWh, with commas; may be negative.",
			kind: "numbers",
			example: "25,25,600",
			required: true,
		},
		{
			flag: "kwh",
			is: "Energy of each interval, kWh: one for all, or as many as prices.",
			kind: "numbers",
			from: 0,
			example: "83.3",
		},
		{
			flag: "megawatts",
			is: "Power in each interval, MW: one for all, or as many, instead of kwh.",
			kind: "numbers",
			from: 0,
			example: "1",
		},
		{
			flag: "interval-minutes",
			is: "Minutes of an interval, beside megawatts.",
			above: 0,
			to: 1_440,
			otherwise: "5",
			example: "15",
		},
		{ flag: "strike-usd-per-mwh", is: "Price above which nothing is bought.", example: "90" },
	],
	run: (given) => {
		const prices = given.numbers("prices-usd-per-mwh") ?? [];
		const power = given.numbers("megawatts");
		const stated =
			power?.map((megawatts) => (megawatts * 1_000 * given.need("interval-minutes")) / 60) ??
			given.numbers("kwh");
		if (stated === undefined) throw given.missing(["kwh", "megawatts"]);
		if (stated.length !== 1 && stated.length !== prices.length)
			throw given.refused(`There are ${prices.length} prices and ${stated.length} amounts of energy`, {
				allowed: "Give one amount, or one for each price",
			});
		const strike = given.number("strike-usd-per-mwh");
		const intervals = prices.map((price, index) => ({
			price,
			kilowattHours: stated[stated.length === 1 ? 0 : index] ?? 0,
		}));
		const bought = intervals.filter(({ price }) => strike === undefined || price <= strike);
		const costOf = (some: typeof intervals) =>
			some.reduce((sum, { price, kilowattHours }) => sum + (kilowattHours * price) / 1_000, 0);
		const energyOf = (some: typeof intervals) =>
			some.reduce((sum, { kilowattHours }) => sum + kilowattHours, 0);
		const [cost, energy] = [costOf(bought), energyOf(bought)];
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			intervals: prices.length,
			energyKilowattHours: energy,
			powerCostUsd: cost,
			meanPricePaidUsdPerMegawattHour: energy === 0 ? undefined : (cost / energy) * 1_000,
			meanOfPricesUsdPerMegawattHour: prices.reduce((sum, price) => sum + price, 0) / prices.length,
			curtailedIntervals: strike === undefined ? undefined : intervals.length - bought.length,
			avoidedCostUsd: strike === undefined ? undefined : costOf(intervals) - cost,
		};
	},
};

const curtail: Calculation = {
	name: "curtail",
	about:
		"what a power price says to do with some watts: advice, with hysteresis and the cost of starting again",
	options: [
		{
			flag: "lmp-usd-per-mwh",
			is: "Price of power, USD/MWh; no advice to change where absent.",
			example: "120",
		},
		{ flag: "loss-factor", is: "Losses to the meter.", from: 0.5, to: 2, otherwise: "1", example: "1.02" },
		{ flag: "adders-usd-per-mwh", is: "Charges that come with each MWh.", otherwise: "0", example: "5" },
		{
			flag: "4cp-probability",
			is: "Probability that this interval is a coincident peak.",
			kind: "ratio",
			otherwise: "0",
			example: "0.1",
		},
		{
			flag: "avoided-charge-usd-per-mwh",
			is: "Charge that a coincident peak would avoid, per MWh not drawn.",
			otherwise: "0",
			example: "5000",
		},
		{
			flag: "ancillary-usd-per-mwh",
			is: "Ancillary value forgone by running.",
			otherwise: "0",
			example: "3",
		},
		{
			flag: "revenue-usd-per-mwh",
			is: "Marginal revenue of these watts, USD/MWh.",
			example: "97.5",
			required: true,
		},
		{ flag: "megawatts", is: "Megawatts in question.", above: 0, otherwise: "1", example: "10" },
		{
			flag: "restart-cost-usd",
			is: "What stopping and starting costs.",
			from: 0,
			otherwise: "0",
			example: "200",
		},
		{
			flag: "expected-hours",
			is: "Hours that the price is expected to last.",
			from: 0,
			otherwise: "1",
			example: "2",
		},
		{
			flag: "hysteresis-usd-per-mwh",
			is: "By how much the price must pass the revenue, either way.",
			from: 0,
			otherwise: "0",
			example: "5",
		},
		{ flag: "least-off-hours", is: "Least time off.", from: 0, otherwise: "0", example: "0.5" },
		{ flag: "least-on-hours", is: "Least time on.", from: 0, otherwise: "0", example: "0.5" },
		{ flag: "curtailed", is: "They are off now.", kind: "switch", example: "" },
		{
			flag: "hours-in-state",
			is: "Hours since they went on or off.",
			from: 0,
			otherwise: "1000",
			example: "3",
		},
	],
	run: (given) => {
		const price = given.number("lmp-usd-per-mwh");
		const effective =
			price === undefined
				? undefined
				: effectivePrice({
						lmpUsdPerMegawattHour: price,
						lossFactor: given.need("loss-factor"),
						addersUsdPerMegawattHour: given.need("adders-usd-per-mwh"),
						coincidentPeakProbability: given.need("4cp-probability"),
						avoidedChargeUsdPerMegawattHour: given.need("avoided-charge-usd-per-mwh"),
						ancillaryValueForgoneUsdPerMegawattHour: given.need("ancillary-usd-per-mwh"),
					});
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			effectivePriceUsdPerMegawattHour: effective,
			...curtailmentAdvice({
				marginalRevenueUsdPerMegawattHour: given.need("revenue-usd-per-mwh"),
				effectivePriceUsdPerMegawattHour: effective,
				megawatts: given.need("megawatts"),
				rules: {
					hysteresisUsdPerMegawattHour: given.need("hysteresis-usd-per-mwh"),
					restartCostUsd: given.need("restart-cost-usd"),
					expectedHours: given.need("expected-hours"),
					leastOffHours: given.need("least-off-hours"),
					leastOnHours: given.need("least-on-hours"),
				},
				state: { isCurtailed: given.isOn("curtailed"), hoursInState: given.need("hours-in-state") },
			}),
		};
	},
};

const marginal: Calculation = {
	name: "marginal",
	about: "what the last watts of each power mode of a miner earn, USD/MWh",
	options: [
		{
			flag: "hashrate-ths",
			is: "Hashrate of each mode, TH/s, from the lowest.",
			kind: "numbers",
			above: 0,
			example: "160,200,230",
			required: true,
		},
		{
			flag: "watts",
			is: "Watts of each mode, as many, rising.",
			kind: "numbers",
			above: 0,
			example: "2500,3500,4500",
			required: true,
		},
		{ ...HASHPRICE_OPTION, required: true },
		{
			flag: "pool-fee",
			is: "Share of the revenue the pool keeps.",
			kind: "ratio",
			otherwise: "0",
			example: "0.02",
		},
	],
	run: (given) => {
		const [rates, watts] = [given.numbers("hashrate-ths") ?? [], given.numbers("watts") ?? []];
		const isRising = watts.every((value, index) => value > (watts[index - 1] ?? 0));
		if (rates.length !== watts.length || !isRising)
			throw given.refused("--hashrate-ths and --watts do not go together", {
				allowed: "Give as many of each, with watts rising, for example 160,200 and 2500,3500",
			});
		const terms = { poolFeeRatio: given.need("pool-fee"), acceptedRatio: 1 };
		const usdPerTerahash = usdPerTerahashAt(given.need("hashprice-usd-per-ph-day"), terms);
		const modes = rates.map((rate, index) => ({
			usdPerHour: rate * 3_600 * usdPerTerahash,
			watts: watts[index] ?? 0,
		}));
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			averageRevenueUsdPerMegawattHour: modes.map(({ usdPerHour, watts: each }) => (usdPerHour / each) * 1e6),
			marginalRevenueUsdPerMegawattHour: marginalRevenues(modes),
		};
	},
};

const powerSeries: Calculation = {
	name: "power-series",
	about: "a file of power prices as the product reads it: how many, least, most, mean, holes",
	options: [
		{ flag: "file", is: "The file.", kind: "text", example: "prices.csv", required: true },
		{
			flag: "format",
			is: "How it is written; by its name where absent.",
			of: SERIES_FORMATS,
			example: "csv",
		},
		{ flag: "currency", is: "Currency of a CSV without a column of it.", kind: "text", example: "USD" },
		{ flag: "unit", is: "Unit of a CSV without a column of it.", of: ["MWh", "kWh"], example: "MWh" },
		{
			flag: "usd-per-currency",
			is: "Dollars per unit of the file's currency, unless it is USD.",
			above: 0,
			example: "1.09",
		},
	],
	run: async (given) => {
		const file = given.text("file") ?? "";
		const text = await readFile(file, "utf8").catch((error: Error) => {
			throw given.refused(`--file ${file} cannot be read: ${error.message}`, {
				allowed: "Name a file, for example --file prices.csv",
			});
		});
		const parsed = parseSeries(text, {
			name: file,
			format: given.text("format"),
			currency: given.text("currency"),
			unit: given.text("unit"),
		});
		if (!parsed.ok) throw new StartProblem(EXIT.usage, [`${file}: ${parsed.failure.what}`]);
		const { series } = parsed;
		const prices = series.intervals.map(({ pricePerMegawattHour }) => pricePerMegawattHour);
		const hours = series.intervals.map(({ from, to }) => (to - from) / 3_600_000);
		const exchange = series.currency === "USD" ? 1 : given.number("usd-per-currency");
		const place = (price: number) => series.intervals[prices.indexOf(price)];
		const [least, most] = [Math.min(...prices), Math.max(...prices)];
		const total = hours.reduce((sum, hour) => sum + hour, 0);
		const mean = prices.reduce((sum, price, index) => sum + price * (hours[index] ?? 0), 0) / total;
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			currency: series.currency,
			unit: `${series.currency}/MWh`,
			points: prices.length,
			from: instantText(series.intervals[0]?.from ?? Number.NaN),
			to: instantText(series.intervals.at(-1)?.to ?? Number.NaN),
			hours: total,
			leastPricePerMegawattHour: least,
			leastPosition: prices.indexOf(least) + 1,
			leastAt: instantText(place(least)?.from ?? Number.NaN),
			mostPricePerMegawattHour: most,
			mostPosition: prices.indexOf(most) + 1,
			mostAt: instantText(place(most)?.from ?? Number.NaN),
			meanPricePerMegawattHour: mean,
			leastUsdPerMegawattHour: fromAll((rate) => least * rate, exchange),
			mostUsdPerMegawattHour: fromAll((rate) => most * rate, exchange),
			meanUsdPerMegawattHour: fromAll((rate) => mean * rate, exchange),
			holes: holesOf(series).map(({ from, to }) => `${instantText(from)} to ${instantText(to)}`),
			quality: series.quality,
			revision: series.revision,
		};
	},
};

export const POWER_CALCULATIONS: readonly Calculation[] = [powerSeries, lmp, energyCost, curtail, marginal];
