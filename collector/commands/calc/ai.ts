/** Calculations of AI uses: GPUs, leases, tokens, service levels; and the switch point to mining. */
import {
	capacityBasis,
	capitalRecoveryFactor,
	ECONOMICS_FORMULAS,
	usdPerWattYearOf,
	WATTS_PER_KILOWATT,
} from "../../derive/basis.js";
import {
	type CapacityMoney,
	crossoverGpuPrice,
	crossoverHashprice,
	type GpuUse,
	gpuMoney,
	inTiers,
	leaseUse,
	type MiningUse,
	miningMoney,
	sensitivities,
	tierValue,
} from "../../derive/crossover.js";
import {
	gpuPowerChain,
	type LeaseMoney,
	leaseMoney,
	POWER_BEARERS,
	rentedUsdPerHour,
	type SlaStep,
	slaCreditRatio,
	tokensUsdPerKilowattHour,
} from "../../derive/rental.js";
import { CHAIN_OPTIONS } from "./chain.js";
import {
	AVAILABILITY_OPTION,
	CAPITAL_OPTIONS,
	capitalOf,
	EFFICIENCY_OPTION,
	HASHPRICE_OPTION,
	machineOf,
	OVERHEAD_OPTION,
	POOL_OPTIONS,
	POWER_PRICE_OPTIONS,
	powerPriceOf,
	priceOf,
	termsOf,
} from "./mining.js";
import { type Answer, type CalcOption, type Calculation, fromAll, type Given } from "./options.js";

const HOURS_PER_YEAR = 8_760;

const GPU_OPTIONS: readonly CalcOption[] = [
	{ flag: "usd-per-gpu-hour", is: "What one rented GPU earns in an hour, USD.", from: 0, example: "2.10" },
	{
		flag: "utilization",
		also: ["utilisation"],
		is: "GPU-hours rented or committed over all.",
		kind: "ratio",
		otherwise: "1",
		example: "0.85",
	},
	{
		flag: "marketplace-cut",
		is: "Share of the rent that a marketplace keeps.",
		kind: "ratio",
		otherwise: "0",
		example: "0.25",
	},
	{
		flag: "server-overhead",
		is: "Watts of a host over the watts of its GPUs, 1 or more.",
		from: 1,
		to: 10,
		otherwise: "1",
		example: "1.3",
	},
	{
		flag: "pue",
		is: "Watts of the hall at the utility's meter over its IT watts, 1 or more.",
		from: 1,
		to: 10,
		otherwise: "1",
		example: "1.3",
	},
];

/** No card draws more: such a number is a whole host's, and the money of a watt would be wrong by its GPUs. */
const MOST_GPU_WATTS = 4_000;

const GPU_WATTS_OPTION: CalcOption = {
	flag: "watts",
	also: ["watts-per-gpu", "gpu-watts"],
	is: `Watts of one GPU, at most ${MOST_GPU_WATTS}.`,
	above: 0,
	to: MOST_GPU_WATTS,
	example: "700",
};

const SLA_OPTIONS: readonly CalcOption[] = [
	{
		flag: "sla",
		is: "Steps of a service level: availability below → credit, as 0.999:0.1,0.99:0.25.",
		kind: "text",
		example: "0.999:0.1,0.99:0.25",
	},
	{
		flag: "month-availability",
		is: "Availability of the month that the service level is applied to.",
		kind: "ratio",
		example: "0.995",
	},
];

/** "0.999:0.1,0.99:0.25"; absent where none is given. */
function slaStepsOf(given: Given): readonly SlaStep[] | undefined {
	const text = given.text("sla");
	if (text === undefined) return undefined;
	return text.split(",").map((step) => {
		const [availabilityBelow = Number.NaN, creditRatio = Number.NaN] = step.split(":").map(ratioOf);
		const isRatio = (value: number) => value >= 0 && value <= 1;
		if (isRatio(availabilityBelow) && isRatio(creditRatio)) return { availabilityBelow, creditRatio };
		throw given.refused(`--sla has the step "${step}"`, {
			allowed: "Write each as availability:credit, fractions or per cent, for example 0.999:0.1 or 99.9%:10%",
		});
	});
}

function ratioOf(text: string): number {
	return text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
}

function slaCreditOf(given: Given): number | undefined {
	const steps = slaStepsOf(given);
	if (steps === undefined) return undefined;
	return slaCreditRatio(steps, given.need("month-availability", "beside --sla"));
}

const gpu: Calculation = {
	name: "gpu",
	about: "what owned GPUs earn, draw and leave, with the chain of watts from chip to utility",
	options: [
		{ ...(GPU_OPTIONS[0] as CalcOption) },
		{
			flag: "usd-per-host-hour",
			is: "Price of a whole host, USD/h, instead of per GPU.",
			from: 0,
			example: "16.8",
		},
		{
			flag: "cents-per-host-hour",
			is: "Price of a whole host, US cents/h, instead of per GPU.",
			from: 0,
			example: "1680",
		},
		{
			flag: "gpus-per-host",
			is: "GPUs of the host that a host's price is for.",
			kind: "whole",
			from: 1,
			to: 1_024,
			example: "8",
		},
		{
			flag: "contract-usd-per-year",
			is: "Take-or-pay for committed GPU-hours, USD a year, instead of a price.",
			from: 0,
			example: "10000000",
		},
		{ flag: "gpus", is: "GPUs.", kind: "whole", from: 1, to: 1e9, otherwise: "1", example: "8" },
		{ ...GPU_WATTS_OPTION, example: "700, or a whole host's --host-watts 10200 --gpus-per-host 8" },
		{
			flag: "host-watts",
			also: ["watts-per-host"],
			is: "Watts of a whole host of gpus-per-host, instead of watts and server overhead.",
			above: 0,
			to: 1e7,
			example: "10200",
		},
		...GPU_OPTIONS.slice(1),
		...POWER_PRICE_OPTIONS,
		...CAPITAL_OPTIONS,
		...SLA_OPTIONS,
	],
	run: (given) => ({ formulaVersion: ECONOMICS_FORMULAS, boundary: "utility", ...gpuAnswer(given) }),
};

function gpuPriceOf(given: Given): number | undefined {
	const ways = ["usd-per-gpu-hour", "usd-per-host-hour", "cents-per-host-hour", "contract-usd-per-year"];
	const stated = ways.filter((flag) => given.has(flag));
	if (stated.length > 1)
		throw given.refused(`${stated.map((flag) => `--${flag}`).join(" and ")} are both given`, {
			allowed: "Give one of them",
		});
	const [flag] = stated;
	if (flag === undefined) return undefined;
	const amount = given.need(flag);
	if (flag === "usd-per-gpu-hour") return amount;
	if (flag === "contract-usd-per-year") return amount / (given.need("gpus") * HOURS_PER_YEAR);
	const perHost = flag === "cents-per-host-hour" ? amount / 100 : amount;
	return perHost / given.need("gpus-per-host", `beside --${flag}`);
}

function gpuAnswer(given: Given): Answer {
	const gpus = given.need("gpus");
	const chain = gpuChainOf(given, gpus);
	const price = gpuPriceOf(given);
	const credit = slaCreditOf(given);
	const utilizationRatio = given.has("contract-usd-per-year") ? 1 : given.need("utilization");
	const marketplaceCutRatio = given.need("marketplace-cut");
	const gross = fromAll(
		(usdPerGpuHour) =>
			rentedUsdPerHour({ gpus, usdPerGpuHour, utilizationRatio, marketplaceCutRatio }) * (1 - (credit ?? 0)),
		price,
	);
	const kilowatts = chain?.facilityKilowatts;
	const cost = fromAll((kw, usd) => kw * usd, kilowatts, powerPriceOf(given));
	const capital = fromAll((perYear) => perYear / HOURS_PER_YEAR, capitalOf(given));
	const net = fromAll((a, b) => a - b, gross, cost);
	const after = fromAll((a, b) => a - b, net, capital);
	return {
		usdPerGpuHour: price,
		earnedUsdPerGpuHour: fromAll((usd) => usd / gpus, gross),
		gpuHoursRentedPerDay: gpus * utilizationRatio * 24,
		slaCreditRatio: credit,
		...chain,
		...energyAnswer(kilowatts, cost),
		revenueUsdPerHour: gross,
		revenueUsdPerDay: perDay(gross),
		powerCostUsdPerHour: cost,
		powerCostUsdPerDay: perDay(cost),
		capitalUsdPerHour: capital,
		netUsdPerHour: net,
		profitUsdPerDay: perDay(net),
		netAfterCapitalUsdPerHour: after,
		profitAfterCapitalUsdPerDay: perDay(after),
		powerShareOfRevenuePercent: fromAll((usd, of) => (usd / of) * 100, cost, gross),
		...gpuWatts(kilowatts, { gross, net, after }),
		...breakevenRent(gpus * utilizationRatio * (1 - marketplaceCutRatio), cost, capital),
	};
}

function perDay(usdPerHour: number | undefined): number | undefined {
	return fromAll((usd) => usd * 24, usdPerHour);
}

function energyAnswer(kilowatts: number | undefined, usdPerHour: number | undefined): Answer {
	return {
		facilityMegawatts: fromAll((kw) => kw / 1_000, kilowatts),
		energyKilowattHoursPerDay: perDay(kilowatts),
		energyGigawattHoursPerYear: fromAll((kw) => (kw * HOURS_PER_YEAR) / 1e6, kilowatts),
		powerCostUsdPerYear: fromAll((usd) => usd * HOURS_PER_YEAR, usdPerHour),
		powerCostMillionUsdPerYear: fromAll((usd) => (usd * HOURS_PER_YEAR) / 1e6, usdPerHour),
	};
}

type Money = {
	readonly gross: number | undefined;
	readonly net: number | undefined;
	readonly after: number | undefined;
};

/** Dollars an hour over the kilowatts at the utility's meter, on both bases. */
function gpuWatts(kilowatts: number | undefined, { gross, net, after }: Money): Answer {
	const megawattHour = (usd: number | undefined) => fromAll((a, kw) => (a / kw) * 1_000, usd, kilowatts);
	const wattYear = (usd: number | undefined) => fromAll((a, kw) => usdPerWattYearOf(a / kw), usd, kilowatts);
	return {
		revenueUsdPerMegawattHour: megawattHour(gross),
		netUsdPerMegawattHour: megawattHour(net),
		netAfterCapitalUsdPerMegawattHour: megawattHour(after),
		breakevenUsdPerKilowattHour: fromAll((usd, kw) => usd / kw, gross, kilowatts),
		revenueUsdPerWattYear: wattYear(gross),
		netUsdPerWattYear: wattYear(net),
		netAfterCapitalUsdPerWattYear: wattYear(after),
	};
}

/** The rent at which nothing is left, from the GPU-hours that are paid for in an hour. */
function breakevenRent(paid: number, usdPerHour: number | undefined, capital: number | undefined): Answer {
	if (paid === 0) return {};
	return {
		breakevenUsdPerGpuHour: fromAll((usd) => usd / paid, usdPerHour),
		breakevenAfterCapitalUsdPerGpuHour: fromAll((usd, more) => (usd + more) / paid, usdPerHour, capital),
	};
}

function gpuChainOf(given: Given, gpus: number) {
	const hostWatts = given.number("host-watts");
	const watts = given.number("watts");
	if (hostWatts !== undefined && watts !== undefined)
		throw given.refused("--watts and --host-watts are both given", { allowed: "Give one of them" });
	const pueRatio = given.need("pue");
	if (hostWatts !== undefined) {
		const each = hostWatts / given.need("gpus-per-host", "beside --host-watts");
		return gpuPowerChain({ gpus, wattsPerGpu: each, serverOverheadRatio: 1, pueRatio });
	}
	if (watts === undefined) return undefined;
	return gpuPowerChain({
		gpus,
		wattsPerGpu: watts,
		serverOverheadRatio: given.need("server-overhead"),
		pueRatio,
	});
}

const LEASE_OPTIONS: readonly CalcOption[] = [
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

const CAPEX_PER_WATT_OPTION: CalcOption = {
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

function leaseOf(given: Given): LeaseGiven | undefined {
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

const colocation: Calculation = {
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

const tokens: Calculation = {
	name: "tokens",
	about: "what a watt of tokens earns: USD per million tokens × tokens per joule",
	options: [
		{
			flag: "usd-per-million-tokens",
			is: "Price of a million tokens, USD.",
			from: 0,
			example: "0.60",
			required: true,
		},
		{ flag: "tokens-per-joule", is: "Tokens per joule at the boundary meant.", above: 0, example: "0.5" },
		{ flag: "tokens-per-second", is: "Tokens a second, beside watts.", above: 0, example: "2500" },
		{ flag: "watts", is: "Watts that make these tokens.", above: 0, example: "5600" },
		{
			flag: "pue",
			is: "Watts at the utility's meter over these, 1 or more.",
			from: 1,
			to: 10,
			otherwise: "1",
			example: "1.3",
		},
		...POWER_PRICE_OPTIONS,
	],
	run: (given) => {
		const stated = given.number("tokens-per-joule");
		const perSecond = given.number("tokens-per-second");
		if (stated === undefined && perSecond === undefined)
			throw given.missing(["tokens-per-joule", "tokens-per-second"]);
		const pue = given.need("pue");
		const atDevice = stated ?? (perSecond ?? 0) / given.need("watts", "beside --tokens-per-second");
		const perJoule = atDevice / pue;
		const perKilowattHour = tokensUsdPerKilowattHour(given.need("usd-per-million-tokens"), perJoule);
		const power = powerPriceOf(given);
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			tokensPerJoule: perJoule,
			joulesPerToken: 1 / perJoule,
			tokensPerKilowattHour: perJoule * 3.6e6,
			revenueUsdPerKilowattHour: perKilowattHour,
			revenueUsdPerMegawattHour: perKilowattHour * 1_000,
			revenueUsdPerHour:
				perSecond === undefined
					? undefined
					: (perSecond * 3_600 * given.need("usd-per-million-tokens")) / 1e6,
			breakevenUsdPerKilowattHour: perKilowattHour,
			breakevenUsdPerMillionTokens: power === undefined ? undefined : power / (3.6 * perJoule),
			netUsdPerMegawattHour: power === undefined ? undefined : (perKilowattHour - power) * 1_000,
			revenueUsdPerWattYear: usdPerWattYearOf(perKilowattHour),
		};
	},
};

const sla: Calculation = {
	name: "sla",
	about: "the credit that a month's availability costs, by the contract's steps",
	options: [
		...SLA_OPTIONS.map((option) => ({ ...option, required: true as const })),
		{ flag: "contract-usd-per-month", is: "What the month is worth, USD.", from: 0, example: "1000000" },
	],
	run: (given) => {
		const credit = slaCreditOf(given) ?? 0;
		const month = given.number("contract-usd-per-month");
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			slaCreditRatio: credit,
			slaCreditUsd: month === undefined ? undefined : month * credit,
			revenueUsd: month === undefined ? undefined : month * (1 - credit),
		};
	},
};

const overhead: Calculation = {
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

const CROSSOVER_OPTIONS: readonly CalcOption[] = [
	{ ...EFFICIENCY_OPTION, is: "J/TH of the miners at the wall." },
	{ flag: "hashrate-ths", is: "Hashrate of a miner, beside miner-watts.", above: 0, example: "200" },
	{ flag: "miner-watts", is: "Its watts at the wall, instead of J/TH.", above: 0, example: "3500" },
	OVERHEAD_OPTION,
	...POOL_OPTIONS,
	{ ...AVAILABILITY_OPTION, is: "Share of the time that miners run.", above: 0 },
	{
		...HASHPRICE_OPTION,
		is: "Hashprice now, or chain data and price: gives the GPU price to match, and who is ahead.",
	},
	...CHAIN_OPTIONS,
	{
		flag: "mining-capital-usd-per-watt-year",
		is: "Capital charge of miners; 0 where they are paid for.",
		from: 0,
		otherwise: "0",
		example: "0.4",
	},
	...POWER_PRICE_OPTIONS,
	...GPU_OPTIONS,
	{ ...GPU_WATTS_OPTION, example: "700, or with all overheads --kw-per-gpu 1.66" },
	{
		flag: "kw-per-gpu",
		is: "Kilowatts of one GPU at the utility's meter, instead of watts, server overhead and PUE.",
		above: 0,
		to: 1e3,
		example: "1.66",
	},
	{
		flag: "gpu-capital-usd-per-watt-year",
		is: "Capital charge of GPUs and hall per utility watt, USD/W-yr.",
		from: 0,
		otherwise: "0",
		example: "7.65",
	},
	...LEASE_OPTIONS,
	{
		flag: "power-borne-by",
		is: "Who pays for the power of the lease.",
		of: POWER_BEARERS,
		example: "tenant",
	},
	{
		flag: "lease-capital-usd-per-watt-year",
		is: "Capital charge of the hall per gross watt, USD/W-yr; 0 where it stands.",
		from: 0,
		example: "0.95",
	},
	CAPEX_PER_WATT_OPTION,
	{ flag: "discount-rate", is: "Yearly interest on that capital.", kind: "ratio", to: 10, example: "0.10" },
	{ flag: "capital-years", is: "Years in which it is paid back.", above: 0, to: 100, example: "15" },
];

const crossover: Calculation = {
	name: "crossover",
	about:
		"the hashprice at which mining earns what an AI use of the same watt does, in three tiers, with sensitivities",
	options: CROSSOVER_OPTIONS,
	run: (given) => {
		const power = powerPriceOf(given);
		if (power === undefined) throw given.missing(["power-usd-per-kwh", "power-usd-per-mwh"]);
		const { efficiency } = machineOf(given, "miner-watts");
		if (efficiency === undefined)
			throw given.missing(["efficiency-j-per-th", "miner-watts"], "beside --hashrate-ths");
		const mining: MiningUse = {
			efficiencyJoulesPerTerahash: efficiency,
			overheadRatio: given.need("overhead"),
			...termsOf(given),
			availabilityRatio: given.need("availability"),
			powerUsdPerKilowattHour: power,
			capitalUsdPerWattYear: given.need("mining-capital-usd-per-watt-year"),
		};
		const hashprice = hashpriceNowOf(given);
		const gpuAnswerOf = gpuCrossover(given, mining, power, hashprice);
		const leaseAnswerOf = leaseCrossover(given, mining, power, hashprice);
		if (gpuAnswerOf === undefined && leaseAnswerOf === undefined)
			throw given.missing(
				["usd-per-gpu-hour", "usd-per-it-watt-year", "usd-per-kw-month"],
				"as the use to compare with",
			);
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			boundary: "utility",
			...(leaseAnswerOf ?? gpuAnswerOf),
			...(gpuAnswerOf === undefined || leaseAnswerOf === undefined
				? {}
				: { lease: leaseAnswerOf, gpu: gpuAnswerOf }),
		};
	},
};

/** A switch point needs none; who is ahead does. */
function hashpriceNowOf(given: Given): number | undefined {
	const isStated = ["hashprice-usd-per-ph-day", "difficulty", "nbits"].some((flag) => given.has(flag));
	return isStated ? priceOf(given)?.hashprice : undefined;
}

function gpuCrossover(
	given: Given,
	mining: MiningUse,
	power: number,
	hashprice: number | undefined,
): Answer | undefined {
	const stated = given.number("usd-per-gpu-hour");
	if (stated === undefined && !given.has("watts") && !given.has("kw-per-gpu")) return undefined;
	const watts = given.number("watts");
	const kilowattsPerGpu =
		given.number("kw-per-gpu") ??
		(watts === undefined
			? undefined
			: gpuPowerChain({
					gpus: 1,
					wattsPerGpu: watts,
					serverOverheadRatio: given.need("server-overhead"),
					pueRatio: given.need("pue"),
				}).kilowattsPerGpu);
	if (kilowattsPerGpu === undefined)
		throw given.missing(["watts", "kw-per-gpu"], "beside --usd-per-gpu-hour");
	const use: GpuUse = {
		usdPerGpuHour: stated ?? 0,
		utilizationRatio: given.need("utilization"),
		marketplaceCutRatio: given.need("marketplace-cut"),
		kilowattsPerGpu,
		powerUsdPerKilowattHour: power,
		capitalUsdPerWattYear: given.need("gpu-capital-usd-per-watt-year"),
	};
	if (use.utilizationRatio === 0 || use.marketplaceCutRatio === 1)
		throw given.refused("No GPU-hour is paid for", {
			allowed: "--utilization above 0 and --marketplace-cut below 1 are needed",
		});
	const inputs = { ...mining, ...prefixed(use) };
	return {
		...(stated === undefined ? {} : against(mining, gpuMoney(use), hashprice)),
		crossoverUsdPerGpuHour:
			hashprice === undefined
				? undefined
				: inTiers((tier) => crossoverGpuPrice(use, miningMoney(mining, hashprice), tier)),
		sensitivityUsdPerPetahashPerSecondDayPerPercent:
			stated === undefined
				? undefined
				: sensitivities(inputs, (changed) =>
						crossoverHashprice(miningOf(changed), gpuMoney(gpuOf(changed)), "netOfPowerAndCapital"),
					),
		sensitivityUsdPerGpuHourPerPercent:
			hashprice === undefined
				? undefined
				: sensitivities({ ...inputs, hashprice }, (changed) =>
						crossoverGpuPrice(
							gpuOf(changed),
							miningMoney(miningOf(changed), changed.hashprice),
							"netOfPowerAndCapital",
						),
					),
	};
}

type GpuInputs = { readonly [Key in keyof GpuUse as `gpu${Capitalize<Key>}`]: number };

/** The power price is one input of both uses: it moves both. */
function prefixed(use: GpuUse): Omit<GpuInputs, "gpuPowerUsdPerKilowattHour"> {
	return {
		gpuUsdPerGpuHour: use.usdPerGpuHour,
		gpuUtilizationRatio: use.utilizationRatio,
		gpuMarketplaceCutRatio: use.marketplaceCutRatio,
		gpuKilowattsPerGpu: use.kilowattsPerGpu,
		gpuCapitalUsdPerWattYear: use.capitalUsdPerWattYear,
	};
}

function gpuOf(
	inputs: Omit<GpuInputs, "gpuPowerUsdPerKilowattHour"> & { readonly powerUsdPerKilowattHour: number },
): GpuUse {
	return {
		usdPerGpuHour: inputs.gpuUsdPerGpuHour,
		utilizationRatio: inputs.gpuUtilizationRatio,
		marketplaceCutRatio: inputs.gpuMarketplaceCutRatio,
		kilowattsPerGpu: inputs.gpuKilowattsPerGpu,
		powerUsdPerKilowattHour: inputs.powerUsdPerKilowattHour,
		capitalUsdPerWattYear: inputs.gpuCapitalUsdPerWattYear,
	};
}

function miningOf(inputs: MiningUse): MiningUse {
	return inputs;
}

function leaseCrossover(
	given: Given,
	mining: MiningUse,
	power: number,
	hashprice: number | undefined,
): Answer | undefined {
	const lease = leaseOf(given);
	if (lease === undefined) return undefined;
	const bearer = given.text("power-borne-by");
	if (bearer === undefined) throw given.missing(["power-borne-by"], "beside a lease");
	const grossFactor = lease.grossFactor;
	if (grossFactor === undefined) throw given.missing(["gross-factor", "gross-mw"], "beside a lease");
	const perItWatt = given.number("capex-usd-per-it-watt");
	const capital =
		given.number("lease-capital-usd-per-watt-year") ??
		(perItWatt === undefined
			? 0
			: (perItWatt / grossFactor) *
				capitalRecoveryFactor(
					given.need("discount-rate", "beside --capex-usd-per-it-watt"),
					given.need("capital-years", "beside --capex-usd-per-it-watt"),
				));
	const noiMarginRatio = given.number("noi-margin");
	const inputs = {
		...mining,
		leaseUsdPerItWattYear: lease.usdPerItWattYear,
		leaseNoiMarginRatio: noiMarginRatio ?? Number.NaN,
		leaseGrossFactor: grossFactor,
		leaseCapitalUsdPerWattYear: capital,
	};
	const moneyOf = (changed: typeof inputs): CapacityMoney => {
		const operatorPower = bearer === "operator" ? usdPerWattYearOf(changed.powerUsdPerKilowattHour) : 0;
		const usdPerGrossWattYear = changed.leaseUsdPerItWattYear / changed.leaseGrossFactor;
		return leaseUse({
			usdPerGrossWattYear,
			// Without a margin, power is the only cost that is known.
			noiMarginRatio: Number.isNaN(changed.leaseNoiMarginRatio)
				? 1 - operatorPower / usdPerGrossWattYear
				: changed.leaseNoiMarginRatio,
			operatorPowerUsdPerWattYear: operatorPower,
			capitalUsdPerWattYear: changed.leaseCapitalUsdPerWattYear,
		});
	};
	return {
		...against(mining, moneyOf({ ...inputs, powerUsdPerKilowattHour: power }), hashprice),
		sensitivityUsdPerPetahashPerSecondDayPerPercent: sensitivities(inputs, (changed) =>
			crossoverHashprice(changed, moneyOf(changed), "netOfPowerAndCapital"),
		),
	};
}

/** The switch point, and where hashprice is known, who is ahead now and by how much. */
function against(mining: MiningUse, other: CapacityMoney, hashprice: number | undefined): Answer {
	const now = hashprice === undefined ? undefined : miningMoney(mining, hashprice);
	const points = inTiers((tier) => crossoverHashprice(mining, other, tier));
	return {
		crossoverHashpriceUsdPerPetahashPerSecondDay: points.netOfPowerAndCapital,
		crossoverHashpriceInTiers: points,
		alternativeUsdPerWattYear: inTiers((tier) => tierValue(other, tier)),
		miningUsdPerWattYear: now === undefined ? undefined : inTiers((tier) => tierValue(now, tier)),
		miningAheadUsdPerWattYear:
			now === undefined ? undefined : inTiers((tier) => tierValue(now, tier) - tierValue(other, tier)),
		ahead:
			now === undefined
				? undefined
				: inTiersOfWords((tier) =>
						tierValue(now, tier) >= tierValue(other, tier) ? "mining" : "alternative",
					),
	};
}

function inTiersOfWords(word: (tier: Parameters<typeof tierValue>[1]) => string): Answer {
	return {
		gross: word("gross"),
		netOfPower: word("netOfPower"),
		netOfPowerAndCapital: word("netOfPowerAndCapital"),
	};
}

export const AI_CALCULATIONS: readonly Calculation[] = [gpu, colocation, tokens, sla, overhead, crossover];
