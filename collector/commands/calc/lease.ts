/** What leases earn per watt of critical IT and of the interconnect, and what lies between the two. */
import {
	capacityBasis,
	capitalRecoveryFactor,
	ECONOMICS_FORMULAS,
	usdPerWattYearOf,
	WATTS_PER_KILOWATT,
} from "../../derive/basis.js";
import { type LeaseMoney, leaseMoney, POWER_BEARERS } from "../../derive/rental.js";
import { CAPITAL_OPTIONS, capitalOf, POWER_PRICE_OPTIONS, powerPriceOf } from "./mining.js";
import { type Answer, type CalcOption, type Calculation, fromAll, type Given } from "./options.js";
import { SLA_OPTIONS, slaCreditOf } from "./service-level.js";

export const LEASE_OPTIONS: readonly CalcOption[] = [
	{ flag: "usd-per-kw-month", is: "Rent of a critical-IT kilowatt a month, USD.", from: 0, example: "121" },
	{
		flag: "usd-per-it-watt-year",
		is: "Rent of a critical-IT watt a year, USD, instead.",
		from: 0,
		example: "1.45",
	},
	{ flag: "contract-usd", is: "Whole contract, USD, instead.", from: 0, example: "8.7e9" },
	{
		flag: "contract-years",
		also: ["years"],
		is: "Years of the whole contract.",
		above: 0,
		to: 100,
		example: "12",
	},
	{
		flag: "critical-it-mw",
		also: ["reserved-mw"],
		is: "Reserved critical-IT megawatts, paid whatever is drawn.",
		above: 0,
		to: 1e6,
		example: "500",
	},
	{
		flag: "critical-it-kw",
		also: ["reserved-kw"],
		is: "The same in kilowatts, instead.",
		above: 0,
		to: 1e9,
		example: "500000",
	},
	{
		flag: "gross-mw",
		is: "Megawatts of the interconnect that the lease takes.",
		above: 0,
		to: 1e6,
		example: "715",
	},
	{
		flag: "gross-factor",
		is: "Gross over critical-IT megawatts, instead, 1 or more.",
		from: 1,
		to: 10,
		example: "1.43",
	},
	{ flag: "noi-margin", is: "Net operating income over rent.", kind: "ratio", from: -10, example: "0.85" },
];

export const CAPEX_PER_WATT_OPTION: CalcOption = {
	flag: "capex-usd-per-it-watt",
	is: "Building cost per critical-IT watt, USD, instead of all capital.",
	from: 0,
	example: "9",
};

type LeaseGiven = {
	readonly usdPerItWattYear: number;
	readonly itWatts: number | undefined;
	readonly grossFactor: number | undefined;
};

export function leaseOf(given: Given): LeaseGiven | undefined {
	const megawatts = given.number("critical-it-mw");
	const kilowatts = given.number("critical-it-kw");
	if (megawatts !== undefined && kilowatts !== undefined)
		throw given.refused("--critical-it-mw and --critical-it-kw are both given", {
			allowed: "Give one of them",
		});
	const itWatts =
		megawatts !== undefined ? megawatts * 1e6 : kilowatts !== undefined ? kilowatts * 1e3 : undefined;
	const gross = given.number("gross-mw");
	if (gross !== undefined && itWatts === undefined)
		throw given.missing(["critical-it-mw", "critical-it-kw"], "beside --gross-mw");
	const grossFactor =
		gross === undefined || itWatts === undefined ? given.number("gross-factor") : (gross * 1e6) / itWatts;
	if (grossFactor !== undefined && grossFactor < 1)
		throw given.refused(`--gross-mw is ${gross}, less than the critical-IT megawatts`, {
			allowed:
				"The gross megawatts hold the critical-IT ones, for example --critical-it-mw 168 --gross-mw 244",
		});
	const rent = rentOf(given, itWatts);
	return rent === undefined ? undefined : { usdPerItWattYear: rent, itWatts, grossFactor };
}

function rentOf(given: Given, itWatts: number | undefined): number | undefined {
	const ways = ["usd-per-kw-month", "usd-per-it-watt-year", "contract-usd"].filter((flag) => given.has(flag));
	if (ways.length > 1)
		throw given.refused(`${ways.map((flag) => `--${flag}`).join(" and ")} are both given`, {
			allowed: "Give one of them",
		});
	const perMonth = given.number("usd-per-kw-month");
	if (perMonth !== undefined) return (perMonth * 12) / WATTS_PER_KILOWATT;
	const contract = given.number("contract-usd");
	if (contract === undefined) return given.number("usd-per-it-watt-year");
	if (itWatts === undefined) throw given.missing(["critical-it-mw"], "beside --contract-usd");
	return contract / given.need("contract-years", "beside --contract-usd") / itWatts;
}

export const colocation: Calculation = {
	name: "colocation",
	about: "what a take-or-pay lease earns per critical-IT watt and per gross watt of the interconnect",
	options: [
		...LEASE_OPTIONS.map((option) =>
			option.flag === "gross-factor" ? { ...option, also: ["pue"] } : option,
		),
		{
			flag: "power-borne-by",
			is: "Who pays for the power: without it leases cannot be compared.",
			of: POWER_BEARERS,
			example: "tenant",
			required: true,
		},
		{
			flag: "load-factor",
			is: "Mean draw over the reserved watts, for power that the operator bears.",
			kind: "ratio",
			otherwise: "1",
			example: "0.8",
		},
		...POWER_PRICE_OPTIONS,
		...CAPITAL_OPTIONS,
		CAPEX_PER_WATT_OPTION,
		...SLA_OPTIONS,
	],
	run: (given) => {
		const lease = leaseOf(given);
		if (lease === undefined)
			throw given.missing(["usd-per-kw-month", "usd-per-it-watt-year", "contract-usd"]);
		return { formulaVersion: ECONOMICS_FORMULAS, ...leaseAnswer(given, lease) };
	},
};

function leaseAnswer(given: Given, { usdPerItWattYear, itWatts, grossFactor }: LeaseGiven): Answer {
	// A tenant's power costs the operator nothing, whatever its price.
	const costs = given.text("power-borne-by") === "tenant" ? [] : POWER_PRICE_OPTIONS;
	const perGrossWatt = [...costs, ...CAPITAL_OPTIONS, CAPEX_PER_WATT_OPTION].find(({ flag }) =>
		given.has(flag),
	);
	if (grossFactor === undefined && perGrossWatt !== undefined)
		throw given.missing(["gross-factor", "gross-mw"], `beside --${perGrossWatt.flag}`);
	const credit = slaCreditOf(given) ?? 0;
	// Without reserved watts the answer is per watt; totals need them.
	const criticalItWatts = itWatts ?? 1;
	const powerBorneBy = given.text("power-borne-by") === "operator" ? "operator" : "tenant";
	const money = leaseMoney({
		criticalItWatts,
		grossWatts: criticalItWatts * (grossFactor ?? 1),
		revenueUsdPerYear: usdPerItWattYear * criticalItWatts * (1 - credit),
		powerBorneBy,
		noiMarginRatio: given.number("noi-margin"),
	});
	const total = fromAll((watts) => money.usdPerItWattYear * watts, itWatts);
	const noiPerItWatt = fromAll((noi) => noi / criticalItWatts, money.noiUsdPerYear);
	const noi = fromAll((each, watts) => each * watts, noiPerItWatt, itWatts);
	return {
		powerBorneBy,
		contractRevenueUsdPerYear: total,
		contractRevenueMillionUsdPerYear: millions(total),
		slaCreditRatio: given.has("sla") ? credit : undefined,
		revenueUsdPerItWattYear: money.usdPerItWattYear,
		revenueUsdPerItKilowattMonth: money.usdPerItKilowattMonth,
		revenueUsdPerItMegawattYear: money.usdPerItWattYear * 1e6,
		noiUsdPerYear: noi,
		noiMillionUsdPerYear: millions(noi),
		noiUsdPerItWattYear: noiPerItWatt,
		...(grossFactor === undefined ? {} : grossWattAnswer(given, { money, grossFactor, criticalItWatts })),
	};
}

function millions(usd: number | undefined): number | undefined {
	return fromAll((value) => value / 1e6, usd);
}

/** Per watt of the interconnect: what is comparable with other uses of it. */
function grossWattAnswer(
	given: Given,
	parts: {
		readonly money: LeaseMoney;
		readonly grossFactor: number;
		readonly criticalItWatts: number;
	},
): Answer {
	const { money, grossFactor, criticalItWatts } = parts;
	const isTenants = given.text("power-borne-by") === "tenant";
	const asked = fromAll(
		(price, load) => usdPerWattYearOf(price, load),
		powerPriceOf(given),
		given.need("load-factor"),
	);
	const power = isTenants ? 0 : asked;
	const capital = fromAll(
		(perYear) => perYear / (criticalItWatts * grossFactor),
		leaseCapitalOf(given, criticalItWatts),
	);
	const net = money.noiUsdPerGrossWattYear ?? fromAll((cost) => money.usdPerGrossWattYear - cost, power);
	return {
		grossFactor,
		revenueUsdPerGrossWattYear: money.usdPerGrossWattYear,
		revenueUsdPerWattYear: money.usdPerGrossWattYear,
		revenueUsdPerGrossKilowattMonth: capacityBasis(money.usdPerGrossWattYear).usdPerKilowattMonth,
		noiUsdPerGrossWattYear: money.noiUsdPerGrossWattYear,
		powerCostUsdPerGrossWattYear: power,
		netUsdPerGrossWattYear: net,
		capitalUsdPerGrossWattYear: capital,
		netAfterCapitalUsdPerGrossWattYear: fromAll((a, b) => a - b, net, capital),
	};
}

function leaseCapitalOf(given: Given, itWatts: number): number | undefined {
	const perWatt = given.number("capex-usd-per-it-watt");
	if (perWatt === undefined) return capitalOf(given);
	return (
		perWatt *
		itWatts *
		capitalRecoveryFactor(
			given.need("discount-rate", "beside --capex-usd-per-it-watt"),
			given.need("capital-years", "beside --capex-usd-per-it-watt"),
		)
	);
}

export const overhead: Calculation = {
	name: "overhead",
	about: "gross over critical-IT megawatts of contracts, or a meter over its devices and the residual in USD",
	options: [
		{
			flag: "gross-mw",
			is: "Gross megawatts, or the utility's meter; several with commas.",
			kind: "numbers",
			above: 0,
			example: "244",
			required: true,
		},
		{
			flag: "critical-it-mw",
			is: "Critical-IT megawatts, or the sum at the devices, as many.",
			kind: "numbers",
			above: 0,
			example: "168",
			required: true,
		},
		{ flag: "metered-overhead-mw", is: "Overhead that has a meter of its own, MW.", from: 0, example: "20" },
		...POWER_PRICE_OPTIONS,
	],
	run: (given) => {
		const [gross, critical] = [given.numbers("gross-mw") ?? [], given.numbers("critical-it-mw") ?? []];
		if (gross.length !== critical.length)
			throw given.refused(`There are ${gross.length} gross and ${critical.length} critical-IT megawatts`, {
				allowed: "Give as many of each",
			});
		const factors = gross.map((value, index) => value / (critical[index] ?? Number.NaN));
		const metered = given.number("metered-overhead-mw");
		const price = powerPriceOf(given);
		const residual =
			metered === undefined || gross.length !== 1
				? undefined
				: (gross[0] ?? 0) - (critical[0] ?? 0) - metered;
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			grossFactor: factors.length === 1 ? factors[0] : factors,
			residualMegawatts: residual,
			residualUsdPerHour:
				residual === undefined || price === undefined ? undefined : residual * price * 1_000,
		};
	},
};
