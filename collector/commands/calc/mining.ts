/** Calculations of mining: a device, an efficiency, expected production, pool checks, downtime. */
import {
	capacityBasis,
	capitalChargeUsdPerYear,
	ECONOMICS_FORMULAS,
	energyBasis,
	HOURS_PER_DAY,
	tiers,
	WATTS_PER_KILOWATT,
} from "../../derive/basis.js";
import {
	exactHashprice,
	exactHashvalue,
	expectedBlocksPerDay,
	SATOSHIS_PER_BITCOIN,
} from "../../derive/chain.js";
import {
	bitcoinPerDay,
	breakevenUsdPerKilowattHour,
	downtimeUsdPerHour,
	hashcost,
	type PoolTerms,
	paidRatio,
	poolCheck,
	revenueUsdPerWattYear,
	usdPerTerahashAt,
} from "../../derive/mining.js";
import { exactly, over, type Rational, rational, times, toNumber } from "../../derive/rational.js";
import { CHAIN_OPTIONS, difficultyOf, rewardOf } from "./chain.js";
import { type Answer, type CalcOption, type Calculation, fromAll, type Given } from "./options.js";

const DAYS_PER_YEAR = 365;
const SECONDS_PER_DAY = 86_400;

export const HASHPRICE_OPTION: CalcOption = {
	flag: "hashprice-usd-per-ph-day",
	also: ["hashprice", "hashprice-usd"],
	is: "Hashprice, USD per PH/s and day, instead of chain data and price.",
	from: 0,
	example: "40.97",
};

export const POOL_OPTIONS: readonly CalcOption[] = [
	{
		flag: "pool-fee",
		also: ["fee"],
		is: "Share of the revenue the pool keeps.",
		kind: "ratio",
		otherwise: "0",
		example: "0.02",
	},
	{
		flag: "rejected",
		also: ["rejected-share", "reject-rate"],
		is: "Share of the submitted shares that the pool rejects.",
		kind: "ratio",
		example: "0.005",
	},
	{ flag: "accepted-shares", is: "Accepted shares, instead of rejected.", from: 0, example: "99500" },
	{ flag: "submitted-shares", is: "Submitted shares, beside accepted-shares.", above: 0, example: "100000" },
];

export const POWER_PRICE_OPTIONS: readonly CalcOption[] = [
	{
		flag: "power-usd-per-kwh",
		also: ["usd-per-kwh"],
		is: "Price of power at the utility's meter, USD/kWh; may be negative.",
		example: "0.05",
	},
	{ flag: "power-usd-per-mwh", also: ["usd-per-mwh"], is: "The same, USD/MWh, instead.", example: "50" },
	{ flag: "power-per-kwh", is: "The same in --currency, instead.", example: "0.09" },
	{ flag: "power-per-mwh", is: "The same in --currency, instead.", example: "90" },
	{ flag: "currency", is: "Currency of power-per-kwh.", kind: "text", example: "EUR" },
	{ flag: "usd-per-currency", is: "Dollars for one of it.", above: 0, to: 1e6, example: "1.08" },
];

export const OVERHEAD_OPTION: CalcOption = {
	flag: "overhead",
	also: ["overhead-ratio"],
	is: "Watts at the utility's meter over watts at the wall, 1 or more.",
	from: 1,
	to: 10,
	otherwise: "1",
	example: "1.05",
};

export const CAPITAL_OPTIONS: readonly CalcOption[] = [
	{
		flag: "capex-usd",
		is: "Capital, USD, for the third tier; 0 where it is paid for.",
		from: 0,
		example: "3500",
	},
	{ flag: "discount-rate", is: "Yearly interest on capital.", kind: "ratio", to: 10, example: "0.10" },
	{
		flag: "capital-years",
		also: ["horizon-years"],
		is: "Years in which capital is paid back.",
		above: 0,
		to: 100,
		example: "4",
	},
];

export const AVAILABILITY_OPTION: CalcOption = {
	flag: "availability",
	also: ["uptime"],
	is: "Share of the time it runs; power is drawn in that share only.",
	kind: "ratio",
	otherwise: "1",
	example: "0.97",
};

export const EFFICIENCY_OPTION: CalcOption = {
	flag: "efficiency-j-per-th",
	also: ["efficiency", "joules-per-terahash"],
	is: "J/TH at the wall, instead of watts or hashrate.",
	above: 0,
	to: 1e6,
	example: "17.5",
};

/** USD/kWh at the utility's meter; absent where no way is given. */
export function powerPriceOf(given: Given): number | undefined {
	const ways = ["power-usd-per-kwh", "power-usd-per-mwh", "power-per-kwh", "power-per-mwh"].filter((flag) =>
		given.has(flag),
	);
	const [way] = ways;
	if (way === undefined) return undefined;
	if (ways.length > 1)
		throw given.refused(`${ways.map((flag) => `--${flag}`).join(" and ")} are both given`, {
			allowed: "Give one of them",
		});
	const price = way.endsWith("mwh") ? given.need(way) / 1_000 : given.need(way);
	return way.startsWith("power-usd") ? price : price * usdPerCurrencyOf(given, way);
}

/** A price without its currency is no price, and one of another currency needs its rate. */
function usdPerCurrencyOf(given: Given, way: string): number {
	const currency = given.text("currency");
	if (currency === undefined) throw given.missing(["currency"], `beside --${way}`);
	if (!/^[A-Z]{3}$/.test(currency))
		throw given.refused(`--currency is "${currency}"`, {
			allowed: "Use its three letters, for example --currency EUR",
		});
	return currency === "USD" ? 1 : given.need("usd-per-currency", `beside --currency ${currency}`);
}

/** USD a year; absent where no capital is stated. */
export function capitalOf(given: Given): number | undefined {
	const capexUsd = given.number("capex-usd");
	if (capexUsd === undefined) return undefined;
	if (capexUsd === 0) {
		// What is paid for bears no interest, whatever the terms are.
		for (const term of ["discount-rate", "capital-years"]) given.number(term);
		return 0;
	}
	return capitalChargeUsdPerYear({
		capexUsd,
		discountRate: given.need("discount-rate", "beside --capex-usd"),
		years: given.need("capital-years", "beside --capex-usd"),
	});
}

function acceptedRatioOf(given: Given): number {
	const [accepted, submitted] = [given.number("accepted-shares"), given.number("submitted-shares")];
	if (accepted === undefined && submitted === undefined) return 1 - (given.number("rejected") ?? 0);
	if (given.has("rejected"))
		throw given.refused("--rejected stands beside counted shares", { allowed: "Give one of them" });
	if (accepted === undefined) throw given.missing(["accepted-shares"]);
	if (submitted === undefined) throw given.missing(["submitted-shares"]);
	if (accepted > submitted)
		throw given.refused(`--accepted-shares is ${accepted}, more than the ${submitted} submitted`, {
			allowed: "Accepted shares are at most the submitted ones",
		});
	return accepted / submitted;
}

type Price = {
	readonly hashprice: number;
	readonly hashvalueSatoshis?: number;
	readonly bitcoinPriceUsd?: number;
};

/** From chain data and a price, or as stated; absent where neither is complete. */
export function priceOf(given: Given): Price | undefined {
	const stated = given.number("hashprice-usd-per-ph-day");
	const bitcoin = given.exact("btc-usd");
	if (stated !== undefined) {
		if (given.has("difficulty") || given.has("nbits"))
			throw given.refused("--hashprice-usd-per-ph-day stands beside a difficulty", {
				allowed: "Give one of them",
			});
		if (bitcoin === undefined) return { hashprice: stated };
		const price = toNumber(bitcoin);
		return {
			hashprice: stated,
			hashvalueSatoshis: (stated / price) * SATOSHIS_PER_BITCOIN,
			bitcoinPriceUsd: price,
		};
	}
	const difficulty = difficultyOf(given);
	const reward = rewardOf(given);
	if (difficulty === undefined) throw given.missing(["difficulty", "nbits", "hashprice-usd-per-ph-day"]);
	if (reward === undefined) throw given.missing(["block-reward-btc", "height"], "beside the difficulty");
	const value = exactHashvalue(reward.reward, difficulty);
	if (bitcoin === undefined) throw given.missing(["btc-usd"], "beside the difficulty");
	return {
		hashprice: toNumber(exactHashprice(value, bitcoin)),
		hashvalueSatoshis: toNumber(value),
		bitcoinPriceUsd: toNumber(bitcoin),
	};
}

type Machine = { readonly hashrate?: number; readonly watts?: number; readonly efficiency?: number };

/** Two of hashrate, watts and J/TH give the third. */
export function machineOf(given: Given, wattsFlag = "watts"): Machine {
	const hashrate = given.number("hashrate-ths");
	const watts = given.number(wattsFlag);
	const efficiency = given.number("efficiency-j-per-th");
	if (hashrate !== undefined && watts !== undefined && efficiency !== undefined)
		throw given.refused(`--hashrate-ths, --${wattsFlag} and --efficiency-j-per-th are all given`, {
			allowed: "Give two of them: the third follows",
		});
	if (efficiency !== undefined)
		return {
			efficiency,
			...(hashrate !== undefined ? { hashrate, watts: hashrate * efficiency } : {}),
			...(watts !== undefined ? { watts, hashrate: watts / efficiency } : {}),
		};
	if (hashrate === undefined) throw given.missing(["hashrate-ths", "efficiency-j-per-th"]);
	if (watts === undefined) return { hashrate };
	return { hashrate, watts, ...(hashrate > 0 ? { efficiency: watts / hashrate } : {}) };
}

const device: Calculation = {
	name: "device",
	about: "what a miner earns, costs and leaves, on both bases and in three tiers, and its break-evens",
	options: [
		{ flag: "hashrate-ths", is: "Hashrate, TH/s.", from: 0, to: 1e12, example: "580" },
		{ flag: "watts", is: "Power at the wall, W.", from: 0, to: 1e12, example: "5510" },
		EFFICIENCY_OPTION,
		HASHPRICE_OPTION,
		...CHAIN_OPTIONS,
		...POOL_OPTIONS,
		...POWER_PRICE_OPTIONS,
		OVERHEAD_OPTION,
		AVAILABILITY_OPTION,
		...CAPITAL_OPTIONS,
	],
	run: (given) => {
		const machine = machineOf(given);
		const price = priceOf(given);
		if (price === undefined) throw given.missing(["hashprice-usd-per-ph-day", "difficulty"]);
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			boundary: given.need("overhead") === 1 ? "wall" : "utility",
			hashpriceUsdPerPetahashPerSecondDay: price.hashprice,
			hashvalueSatsPerPetahashPerSecondDay: price.hashvalueSatoshis,
			...perDay(given, machine, price),
			...perWatt(given, machine, price),
		};
	},
};

export function termsOf(given: Given) {
	return { poolFeeRatio: given.need("pool-fee"), acceptedRatio: acceptedRatioOf(given) };
}

function perDay(given: Given, { hashrate, watts }: Machine, price: Price): Answer {
	if (hashrate === undefined) return {};
	const terms = termsOf(given);
	const availability = given.need("availability");
	const revenue = usdPerTerahashAt(price.hashprice, terms) * hashrate * SECONDS_PER_DAY * availability;
	const utilityWatts = fromAll((wall, ratio) => wall * ratio, watts, given.number("overhead"));
	const kilowattHours = fromAll(
		(utility) => (utility / WATTS_PER_KILOWATT) * HOURS_PER_DAY * availability,
		utilityWatts,
	);
	const cost = fromAll((energy, usd) => energy * usd, kilowattHours, powerPriceOf(given));
	const capital = fromAll((perYear) => perYear / DAYS_PER_YEAR, capitalOf(given));
	const net = fromAll((usd) => revenue - usd, cost);
	return {
		hashrateTerahashesPerSecond: hashrate,
		powerWatts: watts,
		utilityWatts,
		...bitcoinAnswer(hashrate * availability, price, terms),
		revenueUsdPerDay: revenue,
		energyKilowattHoursPerDay: kilowattHours,
		powerCostUsdPerDay: cost,
		capitalUsdPerDay: capital,
		profitUsdPerDay: net,
		profitAfterCapitalUsdPerDay: fromAll((a, b) => a - b, net, capital),
		marginPercent: revenue === 0 ? undefined : fromAll((usd) => (1 - usd / revenue) * 100, cost),
		revenueUsdPerHour: revenue / HOURS_PER_DAY,
		powerCostUsdPerHour: fromAll((usd) => usd / HOURS_PER_DAY, cost),
		netUsdPerHour: fromAll((usd) => usd / HOURS_PER_DAY, net),
		...blocksAnswer(hashrate * availability, difficultyOf(given)),
	};
}

function bitcoinAnswer(hashrate: number, { hashvalueSatoshis }: Price, terms: PoolTerms): Answer {
	if (hashvalueSatoshis === undefined) return {};
	const { net, poolFee } = bitcoinPerDay(hashrate, hashvalueSatoshis, terms);
	return { bitcoinPerDay: net, poolFeeBitcoinPerDay: poolFee, satsPerDay: net * SATOSHIS_PER_BITCOIN };
}

function blocksAnswer(hashrate: number, difficulty: Rational | undefined): Answer {
	if (difficulty === undefined) return {};
	const blocks = toNumber(expectedBlocksPerDay(exactly(hashrate), difficulty));
	return { expectedBlocksPerDay: blocks, expectedBlocksPerDayStandardDeviation: Math.sqrt(blocks) };
}

function perWatt(given: Given, { efficiency, watts }: Machine, price: Price): Answer {
	if (efficiency === undefined || efficiency === 0) return { efficiencyJoulesPerTerahash: efficiency };
	const overheadRatio = given.need("overhead");
	const miner = { ...termsOf(given), ...price, efficiencyJoulesPerTerahash: efficiency, overheadRatio };
	const perKilowattHour = breakevenUsdPerKilowattHour(miner);
	const usdPerKilowattHour = powerPriceOf(given);
	const availability = given.need("availability");
	const capital = capitalOf(given);
	const energy = (usd: number | undefined) =>
		usd === undefined ? undefined : energyBasis(usd).usdPerMegawattHour;
	const utilityWatts = watts === undefined ? undefined : watts * overheadRatio;
	const capitalPerWattYear =
		capital === undefined || utilityWatts === undefined || utilityWatts === 0
			? undefined
			: capital / utilityWatts;
	const capitalPerKilowattHour =
		capitalPerWattYear === undefined || availability === 0
			? undefined
			: (capitalPerWattYear * WATTS_PER_KILOWATT) / (HOURS_PER_DAY * DAYS_PER_YEAR * availability);
	const onEnergy = tiers({
		grossUsd: perKilowattHour,
		powerUsd: usdPerKilowattHour,
		capitalUsd: capitalPerKilowattHour,
	});
	const onCapacity = tiers({
		grossUsd: revenueUsdPerWattYear(miner) * availability,
		powerUsd:
			usdPerKilowattHour === undefined
				? undefined
				: (usdPerKilowattHour * HOURS_PER_DAY * DAYS_PER_YEAR * availability) / WATTS_PER_KILOWATT,
		capitalUsd: capitalPerWattYear,
	});
	return {
		efficiencyJoulesPerTerahash: efficiency,
		utilityEfficiencyJoulesPerTerahash: efficiency * overheadRatio,
		revenueUsdPerMegawattHour: energy(onEnergy.gross),
		netUsdPerMegawattHour: energy(onEnergy.netOfPower),
		netAfterCapitalUsdPerMegawattHour: energy(onEnergy.netOfPowerAndCapital),
		breakevenUsdPerKilowattHour: perKilowattHour,
		breakevenUsdPerMegawattHour: perKilowattHour * 1_000,
		revenueUsdPerWattDay: onCapacity.gross === undefined ? undefined : onCapacity.gross / DAYS_PER_YEAR,
		revenueUsdPerWattYear: onCapacity.gross,
		netUsdPerWattYear: onCapacity.netOfPower,
		netAfterCapitalUsdPerWattYear: onCapacity.netOfPowerAndCapital,
		revenueUsdPerKilowattMonth:
			onCapacity.gross === undefined ? undefined : capacityBasis(onCapacity.gross).usdPerKilowattMonth,
		...(usdPerKilowattHour === undefined
			? {}
			: hashcost({ ...miner, powerUsdPerKilowattHour: usdPerKilowattHour })),
	};
}

const efficiency: Calculation = {
	name: "efficiency",
	about: "J/TH of machines together, as a ratio of sums",
	options: [
		{
			flag: "hashrate-ths",
			is: "Hashrates, TH/s, with commas.",
			kind: "numbers",
			above: 0,
			example: "200,100",
			required: true,
		},
		{
			flag: "watts",
			is: "Their watts at the wall, as many.",
			kind: "numbers",
			above: 0,
			example: "3500,3250",
		},
		{ flag: "utility-megawatts", is: "The utility's meter, instead of watts.", above: 0, example: "246" },
		OVERHEAD_OPTION,
	],
	run: (given) => {
		const hashrates = given.numbers("hashrate-ths") ?? [];
		const megawatts = given.number("utility-megawatts");
		const watts = megawatts === undefined ? given.numbers("watts") : [megawatts * 1e6];
		if (watts === undefined) throw given.missing(["watts", "utility-megawatts"]);
		if (megawatts === undefined && watts.length !== hashrates.length)
			throw given.refused(`There are ${hashrates.length} hashrates and ${watts.length} watts`, {
				allowed: "Give as many of each",
			});
		const ratio = sum(watts) / sum(hashrates);
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			boundary: megawatts === undefined ? "wall" : "utility",
			efficiencyJoulesPerTerahash: ratio,
			utilityEfficiencyJoulesPerTerahash: megawatts === undefined ? ratio * given.need("overhead") : ratio,
			hashrateTerahashesPerSecond: sum(hashrates),
			powerWatts: sum(watts),
		};
	},
};

const production: Calculation = {
	name: "production",
	about: "bitcoin that a hashrate is expected to mine in some days, with the luck to expect",
	options: [
		{ flag: "hashrate-ths", is: "Mean hashrate, TH/s.", above: 0, example: "14500000", required: true },
		{ flag: "days", is: "Days.", above: 0, to: 36_500, otherwise: "1", example: "31" },
		...CHAIN_OPTIONS.filter(({ flag }) => flag !== "btc-usd"),
		...POOL_OPTIONS,
		{ flag: "produced-btc", is: "What was produced, BTC, to compare with.", above: 0, example: "322" },
		{
			flag: "tolerance",
			is: "Disagreement that is no alarm, beside three standard deviations of luck where a share of blocks is solo.",
			kind: "ratio",
			otherwise: "0.10",
			example: "0.05",
		},
	],
	run: (given) => {
		const difficulty = difficultyOf(given);
		const reward = rewardOf(given);
		if (difficulty === undefined) throw given.missing(["difficulty", "nbits"]);
		if (reward === undefined) throw given.missing(["block-reward-btc", "height"]);
		const days = given.needExact("days");
		const blocks = times(expectedBlocksPerDay(given.needExact("hashrate-ths"), difficulty), days);
		const gross = toNumber(over(times(blocks, reward.reward), rational(BigInt(SATOSHIS_PER_BITCOIN))));
		const net = gross * paidRatio(termsOf(given));
		const produced = given.number("produced-btc");
		const deviation = produced === undefined ? undefined : produced / net - 1;
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			expectedBitcoin: net,
			expectedBitcoinPerDay: net / toNumber(days),
			expectedBlocks: toNumber(blocks),
			expectedBlocksStandardDeviation: Math.sqrt(toNumber(blocks)),
			producedOverExpectedRatio: produced === undefined ? undefined : produced / net,
			alarms:
				deviation === undefined
					? undefined
					: Math.abs(deviation) > given.need("tolerance")
						? ["PRODUCTION_DISAGREES"]
						: [],
		};
	},
};

const networkShare: Calculation = {
	name: "network-share",
	about:
		"revenue by share of an observed network hashrate, as simple calculators do; noisy, for comparison only",
	options: [
		{ flag: "hashrate-ths", is: "Hashrate, TH/s.", above: 0, example: "234", required: true },
		{ flag: "network-ehs", is: "Network hashrate, EH/s.", above: 0, example: "750", required: true },
		{
			flag: "network-btc-per-day",
			is: "Bitcoin that the whole network earns a day.",
			above: 0,
			otherwise: "450",
			example: "450",
		},
		{ flag: "watts", is: "Power at the wall, W.", from: 0, example: "3510" },
		{ flag: "btc-usd", is: "Price of one bitcoin, USD.", above: 0, example: "72000" },
		...POWER_PRICE_OPTIONS,
		OVERHEAD_OPTION,
	],
	run: (given) => {
		const bitcoin =
			(given.need("hashrate-ths") / (given.need("network-ehs") * 1e6)) * given.need("network-btc-per-day");
		const price = given.number("btc-usd");
		const watts = given.number("watts");
		const kilowattHours =
			watts === undefined ? undefined : ((watts * given.need("overhead")) / 1_000) * HOURS_PER_DAY;
		const usdPerKilowattHour = powerPriceOf(given);
		const cost =
			kilowattHours === undefined || usdPerKilowattHour === undefined
				? undefined
				: kilowattHours * usdPerKilowattHour;
		const revenue = price === undefined ? undefined : bitcoin * price;
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			bitcoinPerDay: bitcoin,
			revenueUsdPerDay: revenue,
			energyKilowattHoursPerDay: kilowattHours,
			powerCostUsdPerDay: cost,
			profitUsdPerDay: revenue === undefined || cost === undefined ? undefined : revenue - cost,
		};
	},
};

const poolVerification: Calculation = {
	name: "pool-check",
	about: "the hashrate a pool saw against what machines say, with the error bar of share statistics",
	options: [
		{
			flag: "share-difficulty",
			is: "Difficulty of one share.",
			above: 0,
			example: "1000000",
			required: true,
		},
		{ flag: "shares", is: "Accepted shares.", kind: "whole", from: 1, example: "5000", required: true },
		{ flag: "seconds", is: "Seconds in which they came.", above: 0, example: "3600", required: true },
		{ flag: "hashrate-ths", is: "What the machines say, TH/s.", above: 0, example: "6000", required: true },
	],
	run: (given) => {
		const shares = given.need("shares");
		const check = poolCheck({
			shareDifficultySum: given.need("share-difficulty") * shares,
			shares,
			seconds: given.need("seconds"),
			selfTerahashesPerSecond: given.need("hashrate-ths"),
		});
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			...check,
			alarms: check.isSuspicious ? ["POOL_DISAGREES"] : [],
		};
	},
};

const downtime: Calculation = {
	name: "downtime",
	about: "what an hour without hashrate costs: revenue lost less energy not bought",
	options: [
		{ flag: "hashrate-ths", is: "Missing hashrate, TH/s.", from: 0, example: "200", required: true },
		{
			flag: "watts",
			is: "Watts not drawn meanwhile, at the wall.",
			from: 0,
			example: "3500",
			required: true,
		},
		{ flag: "hours", is: "Hours.", above: 0, otherwise: "1", example: "1" },
		HASHPRICE_OPTION,
		...CHAIN_OPTIONS,
		...POOL_OPTIONS,
		...POWER_PRICE_OPTIONS,
		OVERHEAD_OPTION,
	],
	run: (given) => {
		const price = priceOf(given);
		const power = powerPriceOf(given);
		if (price === undefined) throw given.missing(["hashprice-usd-per-ph-day", "difficulty"]);
		if (power === undefined) throw given.missing(["power-usd-per-kwh", "power-usd-per-mwh"]);
		const lost = downtimeUsdPerHour({
			...termsOf(given),
			missingTerahashesPerSecond: given.need("hashrate-ths"),
			watts: given.need("watts") * given.need("overhead"),
			hashprice: price.hashprice,
			powerUsdPerKilowattHour: power,
		});
		const netUsdPerHour = lost.lostRevenueUsdPerHour - lost.energyNotBoughtUsdPerHour;
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			...lost,
			lostNetUsdPerHour: netUsdPerHour,
			lostNetUsd: netUsdPerHour * given.need("hours"),
		};
	},
};

function sum(values: readonly number[]): number {
	return values.reduce((total, value) => total + value, 0);
}

export const MINING_CALCULATIONS: readonly Calculation[] = [
	device,
	efficiency,
	production,
	networkShare,
	poolVerification,
	downtime,
];
