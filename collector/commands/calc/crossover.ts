/** The switch point between mining and an AI use of the same watt, in three tiers, with sensitivities. */
import { capitalRecoveryFactor, ECONOMICS_FORMULAS, usdPerWattYearOf } from "../../derive/basis.js";
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
import { gpuPowerChain, POWER_BEARERS } from "../../derive/rental.js";
import { CHAIN_OPTIONS } from "./chain.js";
import { GPU_OPTIONS, GPU_WATTS_OPTION } from "./gpu.js";
import { CAPEX_PER_WATT_OPTION, LEASE_OPTIONS, leaseOf } from "./lease.js";
import {
	AVAILABILITY_OPTION,
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
import type { Answer, CalcOption, Calculation, Given } from "./options.js";

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

export const crossover: Calculation = {
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
		crossoverHashpriceUsdPerPetahashPerSecondDayInTiers: points,
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
