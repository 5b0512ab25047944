/** What owned GPUs earn, draw and leave, from chip to the utility's meter. */
import { ECONOMICS_FORMULAS, usdPerWattYearOf } from "../../derive/basis.js";
import { gpuPowerChain, rentedUsdPerHour } from "../../derive/rental.js";
import { CAPITAL_OPTIONS, capitalOf, POWER_PRICE_OPTIONS, powerPriceOf } from "./mining.js";
import { type Answer, type CalcOption, type Calculation, fromAll, type Given } from "./options.js";
import { SLA_OPTIONS, slaCreditOf } from "./service-level.js";

const HOURS_PER_YEAR = 8_760;

export const GPU_OPTIONS: readonly CalcOption[] = [
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

export const GPU_WATTS_OPTION: CalcOption = {
	flag: "watts",
	also: ["watts-per-gpu", "gpu-watts"],
	is: `Watts of one GPU, at most ${MOST_GPU_WATTS}.`,
	above: 0,
	to: MOST_GPU_WATTS,
	example: "700",
};

export const gpu: Calculation = {
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
