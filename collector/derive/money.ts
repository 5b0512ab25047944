/**
 * Money of a stretch of time from sums of work, energy and time, each interval at the inputs valid then. Pure.
 *
 * Takes sums of an interval and the inputs in force; gives sums of dollars that may be added up over intervals,
 * devices and uses, and ratios made from such sums last. No rate is ever stored or averaged. What has no price
 * stays out of the dollars and is counted, so that a partial sum says that it is a lower bound.
 */
import { HOURS_PER_YEAR, JOULES_PER_MEGAWATT_HOUR, SECONDS_PER_HOUR } from "../../shared/units.js";
import type { IntervalSums } from "../store/device-state.js";
import {
	type MoneyInputs,
	type MoneyOptions,
	overheadRatioOf,
	usdPerGpuHour,
	usdPerTerahash,
	usdPerToken,
} from "./revenue.js";

/** Named in every answer: the same inputs by the same version give the same bytes. */
export const MONEY_FORMULAS = "money-4";

const WATT_HOURS_PER_MEGAWATT_HOUR = 1e6;

export type WorkSums = Omit<IntervalSums, "deviceNumber" | "from"> & { readonly isGpu: boolean };

/** Additive over time, devices and uses. Dollars of which an input is missing are in none of them. */
export type MoneySums = {
	joules: number;
	terahashes: number;
	gpuSeconds: number;
	secondsUp: number;
	secondsDown: number;
	/** At the site's meter. */
	megawattHours: number;
	grossUsd: number;
	powerUsd: number;
	/** Of intervals in which both earning and cost were known. */
	netUsd: number;
	capitalUsd: number;
	/** Earned where the energy it took was known, and that energy: the energy basis. */
	grossUsdWithEnergy: number;
	netUsdWithEnergy: number;
	/** Of grossUsd, what contracts pay, after credits. */
	contractUsd: number;
	/** Credited for missed availability: taken off contractUsd already. */
	slaCreditUsd: number;
	/** What tenants pay for the power that they bear: in no other sum. */
	tenantPowerUsd: number;
	megawattHoursWithGross: number;
	megawattHoursWithPrice: number;
	megawattHoursWithNet: number;
	megawattHoursWithCapital: number;
	/** Of grossUsd and powerUsd, what rests on an input that was old. */
	staleUsd: number;
	/** What devices that were down would have earned, less the energy not bought: made of the rest, last. */
	lostOfflineUsd: number;
	/** Of intervals in which earning and cost were known, without contracts: time up, with its work and energy. */
	secondsUpPriced: number;
	workPriced: number;
	megawattHoursPriced: number;
	/** Seconds down, each at the price of a unit of work, and of a megawatt-hour, of its time. */
	secondsDownWorkUsd: number;
	secondsDownPowerUsd: number;
	/** Generated, whoever is paid for them. */
	tokens: number;
	/** Of hosts that earn by tokens: what these earned, is in grossUsd; the tokens and their joules. */
	tokenUsd: number;
	tokensSold: number;
	joulesOfTokens: number;
};

export function noMoney(): MoneySums {
	return {
		joules: 0,
		terahashes: 0,
		gpuSeconds: 0,
		secondsUp: 0,
		secondsDown: 0,
		megawattHours: 0,
		grossUsd: 0,
		powerUsd: 0,
		netUsd: 0,
		capitalUsd: 0,
		grossUsdWithEnergy: 0,
		netUsdWithEnergy: 0,
		contractUsd: 0,
		slaCreditUsd: 0,
		tenantPowerUsd: 0,
		megawattHoursWithGross: 0,
		megawattHoursWithPrice: 0,
		megawattHoursWithNet: 0,
		megawattHoursWithCapital: 0,
		staleUsd: 0,
		lostOfflineUsd: 0,
		secondsUpPriced: 0,
		workPriced: 0,
		megawattHoursPriced: 0,
		secondsDownWorkUsd: 0,
		secondsDownPowerUsd: 0,
		tokens: 0,
		tokenUsd: 0,
		tokensSold: 0,
		joulesOfTokens: 0,
	};
}

/**
 * What devices of one kind would have earned while they were down: at the prices of that time, with the work and
 * energy a second that those up had over the whole stretch. So it is the same whatever steps and tiers it is made of,
 * and known where all were down at once; 0 where none was up at all.
 */
export function lostOfflineUsd(
	{ secondsDownWorkUsd, secondsDownPowerUsd }: Readonly<MoneySums>,
	{ workPriced, megawattHoursPriced, secondsUpPriced }: Readonly<MoneySums>,
): number {
	if (secondsUpPriced <= 0) return 0;
	return (workPriced * secondsDownWorkUsd - megawattHoursPriced * secondsDownPowerUsd) / secondsUpPriced;
}

/** What a terahash, a GPU-hour, a token, a megawatt-hour and a year of a watt are worth while inputs hold. */
export type Prices = {
	readonly usdPerTerahash: number | undefined;
	readonly usdPerGpuHour: number | undefined;
	/** While it is known, hosts whose use is tokens earn by it and not by GPU-hours. */
	readonly usdPerToken: number | undefined;
	readonly usdPerMegawattHour: number | undefined;
	readonly capitalUsdPerWattYear: { readonly mining: number | undefined; readonly ai: number | undefined };
	readonly isStale: boolean;
};

export function pricesOf(inputs: MoneyInputs, isStale: boolean): Prices {
	return {
		usdPerTerahash: usdPerTerahash(inputs),
		usdPerGpuHour: usdPerGpuHour(inputs),
		usdPerToken: usdPerToken(inputs),
		usdPerMegawattHour: inputs.powerPriceUsdPerMegawattHour,
		capitalUsdPerWattYear: {
			mining: inputs.miningCapitalCostUsdPerWattYear,
			ai: inputs.aiCapitalCostUsdPerWattYear,
		},
		isStale,
	};
}

export type Counted = MoneyOptions & {
	/** Of an interval whose inputs changed within. */
	readonly share?: number;
	/** Of GPU hosts: what earns is their tokens, not their hours. */
	readonly isByTokens?: boolean;
};

/** The same prices in another currency. */
export function pricesIn(prices: Prices, usdPerUnit: number): Prices {
	const one = (usd: number | undefined) => (usd === undefined ? undefined : usd / usdPerUnit);
	const { mining, ai } = prices.capitalUsdPerWattYear;
	return {
		...prices,
		usdPerTerahash: one(prices.usdPerTerahash),
		usdPerGpuHour: one(prices.usdPerGpuHour),
		usdPerToken: one(prices.usdPerToken),
		usdPerMegawattHour: one(prices.usdPerMegawattHour),
		capitalUsdPerWattYear: { mining: one(mining), ai: one(ai) },
	};
}

/**
 * Adds an interval of devices under a contract: they cost power, unless a tenant bears it, and earn by the contract.
 * Gives the energy at the site's meter.
 */
export function addCovered(
	sums: MoneySums,
	row: WorkSums,
	prices: Prices,
	counted: Counted & { readonly isTenants: boolean },
): number {
	const { isTenants } = counted;
	const energy = addWork(sums, row, counted);
	sums.megawattHoursWithGross += energy;
	const cost = prices.usdPerMegawattHour === undefined ? undefined : energy * prices.usdPerMegawattHour;
	if (isTenants) sums.tenantPowerUsd += cost ?? 0;
	const own = isTenants ? 0 : cost;
	if (own === undefined) return energy;
	sums.powerUsd += own;
	sums.netUsd -= own;
	sums.netUsdWithEnergy -= own;
	sums.megawattHoursWithPrice += energy;
	sums.megawattHoursWithNet += energy;
	if (prices.isStale) sums.staleUsd += Math.abs(own);
	return energy;
}

/** Adds what a contract pays for a while, and takes off what is credited. */
export function addPay(
	sums: MoneySums,
	{
		usd,
		creditUsd,
		hasEnergy,
	}: { readonly usd: number; readonly creditUsd: number; readonly hasEnergy: boolean },
): void {
	const paid = usd - creditUsd;
	sums.contractUsd += paid;
	sums.slaCreditUsd += creditUsd;
	sums.grossUsd += paid;
	sums.netUsd += paid;
	if (!hasEnergy) return;
	sums.grossUsdWithEnergy += paid;
	sums.netUsdWithEnergy += paid;
}

/** Adds work, energy and time; gives the megawatt-hours at the site's meter. */
function addWork(sums: MoneySums, row: WorkSums, counted: Counted): number {
	const { share = 1 } = counted;
	const overhead = overheadRatioOf(counted, row.isGpu ? "ai" : "mining");
	const energy = (row.joules * share * overhead) / JOULES_PER_MEGAWATT_HOUR;
	sums.joules += row.joules * share;
	sums.terahashes += row.terahashes * share;
	sums.gpuSeconds += row.gpuSeconds * share;
	sums.tokens += row.tokens * share;
	sums.secondsUp += row.secondsUp * share;
	sums.secondsDown += row.secondsDown * share;
	sums.megawattHours += energy;
	return energy;
}

/** Adds an interval, or its share of one whose inputs changed within. A month has a million: nothing is made here. */
export function addMoney(sums: MoneySums, row: WorkSums, prices: Prices, counted: Counted): void {
	const { share = 1, isByTokens = false } = counted;
	const use = row.isGpu ? "ai" : "mining";
	const energy = addWork(sums, row, counted);
	const price = isByTokens ? prices.usdPerToken : row.isGpu ? prices.usdPerGpuHour : prices.usdPerTerahash;
	const powerPrice = prices.usdPerMegawattHour;
	const cost = powerPrice === undefined ? undefined : energy * powerPrice;
	const work = isByTokens ? row.tokens : workOf(row);
	const usd = price === undefined ? undefined : work * price;
	if (price !== undefined && usd !== undefined) {
		sums.grossUsd += usd * share;
		if (isByTokens) {
			sums.tokenUsd += usd * share;
			sums.tokensSold += row.tokens * share;
			sums.joulesOfTokens += row.joules * share;
		}
		// Of miners, work done while power was known is the partner of energy spent while work was.
		const joules = row.isGpu ? row.joules : row.joulesWithWork;
		const megawattHours = (joules * share * overheadRatioOf(counted, use)) / JOULES_PER_MEGAWATT_HOUR;
		if (megawattHours > 0) {
			sums.grossUsdWithEnergy += earnedWithEnergyUsd(row, usd, price) * share;
			sums.megawattHoursWithGross += megawattHours;
		}
	}
	if (cost !== undefined) {
		sums.powerUsd += cost;
		sums.megawattHoursWithPrice += energy;
	}
	if (price !== undefined && usd !== undefined && cost !== undefined && powerPrice !== undefined) {
		// Work whose energy nobody knows has no cost and so no net; energy without known work is a cost all the same.
		if (energy > 0) {
			const net = earnedWithEnergyUsd(row, usd, price) * share - cost;
			sums.netUsd += net;
			sums.netUsdWithEnergy += net;
		}
		sums.megawattHoursWithNet += energy;
		sums.secondsUpPriced += row.secondsUp * share;
		sums.workPriced += work * share;
		sums.megawattHoursPriced += energy;
		sums.secondsDownWorkUsd += row.secondsDown * share * price;
		sums.secondsDownPowerUsd += row.secondsDown * share * powerPrice;
	}
	const capital = prices.capitalUsdPerWattYear[use];
	if (capital !== undefined) {
		sums.capitalUsd += (capital * energy * WATT_HOURS_PER_MEGAWATT_HOUR) / HOURS_PER_YEAR;
		sums.megawattHoursWithCapital += energy;
	}
	if (prices.isStale) sums.staleUsd += Math.abs(usd ?? 0) * share + Math.abs(cost ?? 0);
}

/** GPU-hours, or terahashes. */
function workOf(row: WorkSums): number {
	return row.isGpu ? row.gpuSeconds / SECONDS_PER_HOUR : row.terahashes;
}

function earnedWithEnergyUsd(row: WorkSums, usd: number, price: number): number {
	if (row.isGpu) return row.joules > 0 ? usd : 0;
	return row.terahashesWithPower * price;
}

/** The part of a ratio where both sides are known; absent where the divisor is nothing. */
export function ratio(usd: number, megawattHours: number): number | undefined {
	return megawattHours > 0 ? usd / megawattHours : undefined;
}

export type MoneyFigures = {
	readonly energyMegawattHours: number;
	readonly workTerahashes: number;
	readonly gpuHours: number;
	readonly grossUsd?: number;
	readonly powerCostUsd?: number;
	readonly netUsd?: number;
	readonly capitalUsd?: number;
	readonly netAfterCapitalUsd?: number;
	readonly grossUsdPerMegawattHour?: number;
	readonly powerCostUsdPerMegawattHour?: number;
	readonly netUsdPerMegawattHour?: number;
	readonly netAfterCapitalUsdPerMegawattHour?: number;
	readonly efficiencyJoulesPerTerahash?: number;
	readonly lostOfflineUsd?: number;
	/** Share of known time in which devices answered. */
	readonly upRatio?: number;
	/** Share of the energy that has a price: below 1 the cost is a lower bound. */
	readonly pricedRatio?: number;
	readonly earningRatio?: number;
	/** Share of the dollars that rest on old inputs. */
	readonly staleRatio?: number;
	readonly contractUsd?: number;
	readonly slaCreditUsd?: number;
	readonly tenantPowerUsd?: number;
	/** Generated, whoever is paid for them. */
	readonly generatedTokens?: number;
	/** Of grossUsd, what hosts earned that are paid by the token. */
	readonly tokenUsd?: number;
	/** Of these hosts, at the devices. */
	readonly generatedTokensPerJoule?: number;
};

/** Those that are known. */
export function figuresOf(sums: MoneySums): MoneyFigures {
	const known = Object.entries(everyFigureOf(sums)).filter(([, value]) => value !== undefined);
	return Object.fromEntries(known) as MoneyFigures;
}

/** All by name, undefined where unknown: cheap, since columns have ten thousand of them. */
export function everyFigureOf(sums: MoneySums): Readonly<Record<keyof MoneyFigures, number | undefined>> {
	const hasGross = sums.megawattHoursWithGross > 0 || sums.grossUsd !== 0;
	const hasPrice = sums.megawattHoursWithPrice > 0;
	const hasContract = sums.contractUsd !== 0 || sums.slaCreditUsd !== 0;
	const hasNet = sums.megawattHoursWithNet > 0 || hasContract;
	const hasCapital = sums.megawattHoursWithCapital > 0;
	const known = sums.secondsUp + sums.secondsDown;
	const dollars = Math.abs(sums.grossUsd) + Math.abs(sums.powerUsd);
	const after = hasNet && hasCapital ? sums.netUsd - sums.capitalUsd : undefined;
	return {
		energyMegawattHours: sums.megawattHours,
		workTerahashes: sums.terahashes,
		gpuHours: sums.gpuSeconds / SECONDS_PER_HOUR,
		grossUsd: hasGross ? sums.grossUsd : undefined,
		powerCostUsd: hasPrice ? sums.powerUsd : undefined,
		netUsd: hasNet ? sums.netUsd : undefined,
		capitalUsd: hasCapital ? sums.capitalUsd : undefined,
		netAfterCapitalUsd: after,
		grossUsdPerMegawattHour: ratio(sums.grossUsdWithEnergy, sums.megawattHoursWithGross),
		powerCostUsdPerMegawattHour: ratio(sums.powerUsd, sums.megawattHoursWithPrice),
		netUsdPerMegawattHour: ratio(sums.netUsdWithEnergy, sums.megawattHoursWithNet),
		netAfterCapitalUsdPerMegawattHour:
			after === undefined
				? undefined
				: ratio(sums.netUsdWithEnergy - sums.capitalUsd, sums.megawattHoursWithNet),
		efficiencyJoulesPerTerahash: sums.terahashes > 0 ? sums.joules / sums.terahashes : undefined,
		lostOfflineUsd: hasNet ? sums.lostOfflineUsd : undefined,
		upRatio: known > 0 ? sums.secondsUp / known : undefined,
		pricedRatio: sums.megawattHours > 0 ? sums.megawattHoursWithPrice / sums.megawattHours : undefined,
		earningRatio: sums.megawattHours > 0 ? sums.megawattHoursWithGross / sums.megawattHours : undefined,
		staleRatio: dollars > 0 ? sums.staleUsd / dollars : undefined,
		contractUsd: hasContract ? sums.contractUsd : undefined,
		slaCreditUsd: hasContract ? sums.slaCreditUsd : undefined,
		tenantPowerUsd: sums.tenantPowerUsd === 0 ? undefined : sums.tenantPowerUsd,
		generatedTokens: sums.tokens > 0 ? sums.tokens : undefined,
		tokenUsd: sums.tokensSold > 0 ? sums.tokenUsd : undefined,
		generatedTokensPerJoule: sums.tokensSold > 0 ? ratio(sums.tokensSold, sums.joulesOfTokens) : undefined,
	};
}
