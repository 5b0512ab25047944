/**
 * What a device earns and costs in an hour at the inputs in force.
 *
 * Takes work, watts, GPUs and inputs; gives dollars per hour and per megawatt-hour, and the names of
 * the inputs each result rests on. Pure. An input that is missing leaves the result absent; nothing is
 * clamped: power prices and margins may be negative.
 */
import type { MarketInputName } from "../../shared/config/collector.js";
import {
	HOURS_PER_YEAR,
	quantity,
	type Satoshis,
	SECONDS_PER_DAY,
	SECONDS_PER_HOUR,
	TERAHASHES_PER_PETAHASH,
	type UnitedStatesDollars,
	WATTS_PER_MEGAWATT,
} from "../../shared/units.js";
import {
	hashpriceUsdPerPetahashPerSecondDay,
	hashvalueSatoshisPerPetahashPerSecondDay,
	SATOSHIS_PER_BITCOIN,
	subsidySatoshis,
} from "./chain.js";

/** The prices, tariffs and chain facts that money is made from; absent where nobody stated them. */
export type MoneyInputs = Readonly<Partial<Record<MarketInputName, number>>>;

export type Hashprice = {
	readonly hashvalueSatoshisPerPetahashPerSecondDay: number;
	/** Absent without a Bitcoin price. */
	readonly hashpriceUsdPerPetahashPerSecondDay?: number;
};

export type EarningDevice = {
	/** SHA-256 hashrate over the trailing five minutes; 0 is a statement, absent is not. */
	readonly hashrateTerahashesPerSecond?: number;
	/** GPUs that answer; absent for a miner. */
	readonly gpuCount?: number;
	/** Power over the trailing five minutes, at the device. */
	readonly powerWatts?: number;
	/** Paid by the token while a price of tokens is in force: its use, as the inventory says. */
	readonly isForTokens?: boolean;
	/** Generated, over the trailing five minutes. */
	readonly tokensPerSecond?: number;
	/** Under a contract that is paid whatever it does: it earns nothing of its own, and who bears its power. */
	readonly contract?: { readonly powerBorneBy: "operator" | "tenant" };
};

export type MoneyOptions = {
	/** Watts at the site's meter per watt at the devices: transformers, cooling, offices. 1 or more. */
	readonly siteOverheadRatio: number;
	/** The same by use, where it is told apart. */
	readonly overheadRatioByUse?: { readonly mining?: number; readonly ai?: number };
};

export type PowerUse = "mining" | "ai";

export function overheadRatioOf(
	{ siteOverheadRatio, overheadRatioByUse }: MoneyOptions,
	use: PowerUse,
): number {
	return overheadRatioByUse?.[use] ?? siteOverheadRatio;
}

export type Revenue = {
	readonly grossUsdPerHour?: number;
	readonly powerCostUsdPerHour?: number;
	readonly netUsdPerHour?: number;
	/** Charge for the capital in these watts, where the inputs state one. */
	readonly capitalUsdPerHour?: number;
	/** Energy basis, at the site's meter. */
	readonly grossUsdPerMegawattHour?: number;
	/** Megawatt-hours an hour at the site's meter: what the energy basis divides by. */
	readonly siteMegawatts?: number;
	/** Of grossUsdPerHour, where it is earned by tokens. */
	readonly tokenUsdPerHour?: number;
	/** Of grossUsdPerHour, where a contract pays it. */
	readonly contractUsdPerHour?: number;
	readonly inputs: readonly MarketInputName[];
};

/** What a petahash per second earns in a day at these inputs, before the pool's fee. */
export function hashprice(inputs: MoneyInputs): Hashprice | undefined {
	const { bitcoinDifficulty, blockHeight, feesBitcoinPerBlock, bitcoinPriceUsd } = inputs;
	if (bitcoinDifficulty === undefined || blockHeight === undefined || feesBitcoinPerBlock === undefined) {
		return undefined;
	}
	const fees = Math.round(feesBitcoinPerBlock * SATOSHIS_PER_BITCOIN);
	const reward = quantity<Satoshis>(Number(subsidySatoshis(blockHeight)) + fees);
	const hashvalue = hashvalueSatoshisPerPetahashPerSecondDay(reward, bitcoinDifficulty);
	if (bitcoinPriceUsd === undefined) return { hashvalueSatoshisPerPetahashPerSecondDay: hashvalue };
	return {
		hashvalueSatoshisPerPetahashPerSecondDay: hashvalue,
		hashpriceUsdPerPetahashPerSecondDay: hashpriceUsdPerPetahashPerSecondDay(
			hashvalue,
			quantity<UnitedStatesDollars>(bitcoinPriceUsd),
		),
	};
}

const MINING_INPUTS: readonly MarketInputName[] = [
	"bitcoinDifficulty",
	"blockHeight",
	"feesBitcoinPerBlock",
	"bitcoinPriceUsd",
	"poolFeeRatio",
];

/** One set of inputs values thousands of devices, and prices of power change far more often than what hashes earn. */
let lastTerahash: { readonly inputs: MoneyInputs; readonly usd: number | undefined } | undefined;

/** Dollars that one terahash earns after the pool's fee: additive over any span in which the inputs hold. */
export function usdPerTerahash(inputs: MoneyInputs): number | undefined {
	const last = lastTerahash;
	if (last?.inputs === inputs) return last.usd;
	const isKnown = last !== undefined && MINING_INPUTS.every((name) => last.inputs[name] === inputs[name]);
	lastTerahash = { inputs, usd: isKnown ? last.usd : terahashPrice(inputs) };
	return lastTerahash.usd;
}

function terahashPrice(inputs: MoneyInputs): number | undefined {
	const price = hashprice(inputs)?.hashpriceUsdPerPetahashPerSecondDay;
	if (price === undefined || inputs.poolFeeRatio === undefined) return undefined;
	return (price * (1 - inputs.poolFeeRatio)) / (TERAHASHES_PER_PETAHASH * SECONDS_PER_DAY);
}

/** Dollars that one GPU earns in an hour, rented or not, after the marketplace's cut. */
export function usdPerGpuHour({
	gpuHourPriceUsd,
	gpuRentedRatio,
	gpuMarketplaceCutRatio = 0,
}: MoneyInputs): number | undefined {
	if (gpuHourPriceUsd === undefined || gpuRentedRatio === undefined) return undefined;
	return gpuHourPriceUsd * gpuRentedRatio * (1 - gpuMarketplaceCutRatio);
}

/** The inventory's word for hosts that are paid by the token. */
export const TOKENS_USE = "tokens";

/** Dollars that one generated token earns. */
export function usdPerToken({ usdPerMillionTokens }: MoneyInputs): number | undefined {
	return usdPerMillionTokens === undefined ? undefined : usdPerMillionTokens / 1e6;
}

const TOKEN_INPUTS: readonly MarketInputName[] = ["usdPerMillionTokens"];
const GPU_INPUTS: readonly MarketInputName[] = ["gpuHourPriceUsd", "gpuRentedRatio"];
const POWER_INPUTS: readonly MarketInputName[] = ["powerPriceUsdPerMegawattHour"];

/** Built up field by field: 10,000 devices a second come through here. */
type Building<T> = { -readonly [Key in keyof T]: T[Key] };

export function revenueOf(device: EarningDevice, inputs: MoneyInputs, options: MoneyOptions): Revenue {
	const { contract } = device;
	const gross = contract === undefined ? grossUsdPerHour(device, inputs) : undefined;
	const revenue: Building<Revenue> = { inputs: gross?.inputs ?? [] };
	if (gross !== undefined) revenue.grossUsdPerHour = gross.usdPerHour;
	if (gross?.inputs === TOKEN_INPUTS) revenue.tokenUsdPerHour = gross.usdPerHour;
	if (device.powerWatts === undefined) return revenue;
	const overhead = overheadRatioOf(options, device.gpuCount === undefined ? "mining" : "ai");
	const siteMegawatts = (device.powerWatts * overhead) / WATTS_PER_MEGAWATT;
	revenue.siteMegawatts = siteMegawatts;
	if (gross !== undefined && siteMegawatts > 0) {
		revenue.grossUsdPerMegawattHour = gross.usdPerHour / siteMegawatts;
	}
	const capital =
		device.gpuCount === undefined
			? inputs.miningCapitalCostUsdPerWattYear
			: inputs.aiCapitalCostUsdPerWattYear;
	if (capital !== undefined)
		revenue.capitalUsdPerHour = (capital * siteMegawatts * WATTS_PER_MEGAWATT) / HOURS_PER_YEAR;
	const price = inputs.powerPriceUsdPerMegawattHour;
	if (price === undefined) return revenue;
	revenue.powerCostUsdPerHour = contract?.powerBorneBy === "tenant" ? 0 : siteMegawatts * price;
	if (gross !== undefined) revenue.netUsdPerHour = gross.usdPerHour - revenue.powerCostUsdPerHour;
	revenue.inputs = [...revenue.inputs, ...POWER_INPUTS];
	return revenue;
}

type Gross = { readonly usdPerHour: number; readonly inputs: readonly MarketInputName[] };

function grossUsdPerHour(
	{ hashrateTerahashesPerSecond, gpuCount, isForTokens, tokensPerSecond }: EarningDevice,
	inputs: MoneyInputs,
): Gross | undefined {
	if (hashrateTerahashesPerSecond !== undefined) {
		const price = usdPerTerahash(inputs);
		if (price === undefined) return undefined;
		return { usdPerHour: hashrateTerahashesPerSecond * SECONDS_PER_HOUR * price, inputs: MINING_INPUTS };
	}
	const tokenPrice = isForTokens === true && gpuCount !== undefined ? usdPerToken(inputs) : undefined;
	if (tokenPrice !== undefined) {
		if (tokensPerSecond === undefined) return undefined;
		return { usdPerHour: tokensPerSecond * SECONDS_PER_HOUR * tokenPrice, inputs: TOKEN_INPUTS };
	}
	const price = usdPerGpuHour(inputs);
	if (gpuCount === undefined || price === undefined) return undefined;
	return { usdPerHour: gpuCount * price, inputs: GPU_INPUTS };
}

/** Energy basis: dollars an hour over the watts drawn in that hour. Absent where nothing is drawn. */
export function usdPerMegawattHour(usdPerHour: number, watts: number): number | undefined {
	return watts > 0 ? usdPerHour / (watts / WATTS_PER_MEGAWATT) : undefined;
}

/** Capacity basis: dollars an hour, for a year of 8,760 hours, over the watts contracted. */
export function usdPerWattYear(usdPerHour: number, contractedWatts: number): number | undefined {
	return contractedWatts > 0 ? (usdPerHour * HOURS_PER_YEAR) / contractedWatts : undefined;
}
