/**
 * The decisions of the moment: which watts earn least, what is lost and why, where mining and AI switch, what the
 * price of power says, and how sure all that is.
 *
 * Takes the facts of a moment and the inputs in force; gives one answer for API, page and metrics. Keeps, for the
 * hysteresis of its advice, since when each model is advised to run or to curtail; controls nothing.
 */
import { SECONDS_PER_HOUR } from "../../shared/units.js";
import {
	crossoverGpuPrice,
	crossoverHashprice,
	type GpuUse,
	gpuMoney,
	inTiers,
	type MiningUse,
	miningMoney,
} from "../derive/crossover.js";
import { type Advice, curtailmentAdvice } from "../derive/curtailment.js";
import { type DecisionDevice, driftFromNameplate, leastEarning, lostRevenue } from "../derive/decisions.js";
import { deviceValue } from "../derive/latest-values.js";
import { type Prices, pricesOf } from "../derive/money.js";
import { nameplateOf } from "../derive/nameplates.js";
import { hashprice, type MoneyInputs } from "../derive/revenue.js";
import type { DecisionsAnswer, FleetAnswer, GroupTotals } from "./answers.js";
import type { DeviceFacts } from "./device-facts.js";

const MOST_RANKED = 50;
/** Advice changes when the price passes the revenue by so much, and not more often than this. */
const RULES = {
	hysteresisUsdPerMegawattHour: 5,
	restartCostUsd: 0,
	expectedHours: 1,
	leastOffHours: 0.5,
	leastOnHours: 0.25,
} as const;
const HOUR_MILLISECONDS = SECONDS_PER_HOUR * 1_000;
const MODELS_MOST = 1_000;
/** Ten thousand devices are looked through at most this often, however many ask. */
const KEPT_MILLISECONDS = 5_000;

/** What is looked at: everything at one instant. */
type Moment = {
	readonly at: number;
	readonly facts: readonly DeviceFacts[];
	readonly fleet: FleetAnswer;
};

type Advised = { readonly isCurtailed: boolean; readonly since: number };

export type DecisionsOptions = { readonly siteOverheadRatio: number };

export class Decisions {
	private readonly advised = new Map<string, Advised>();
	private readonly options: DecisionsOptions;
	private made: { readonly at: number; readonly answer: DecisionsAnswer } | undefined;

	constructor(options: DecisionsOptions) {
		this.options = options;
	}

	/** @param moment is asked for only where an answer is made */
	at(now: number, moment: () => Moment, inputs: MoneyInputs): DecisionsAnswer {
		const age = this.made === undefined ? Number.POSITIVE_INFINITY : now - this.made.at;
		if (this.made === undefined || age < 0 || age >= KEPT_MILLISECONDS)
			this.made = { at: now, answer: this.answer(moment(), inputs) };
		return this.made.answer;
	}

	private answer({ at, facts, fleet }: Moment, inputs: MoneyInputs): DecisionsAnswer {
		const prices = pricesOf(inputs, false);
		const devices = facts
			.filter(({ kind }) => kind === "miner" || kind === "gpu-host")
			.map((one) => decisionDevice(one, inputs));
		const { siteOverheadRatio } = this.options;
		const limits = { siteOverheadRatio, most: MOST_RANKED };
		return {
			at,
			leastEarning: leastEarning(devices, prices, limits),
			lostRevenue: lostRevenue(devices, prices, siteOverheadRatio),
			drift: driftFromNameplate(devices, prices, limits),
			...breakevens(fleet),
			switchPoint: switchPoint(fleet, inputs, siteOverheadRatio),
			curtailment: this.curtailment(at, fleet, prices),
			confidence: fleet.confidence,
		};
	}

	private curtailment(
		at: number,
		{ models, total }: FleetAnswer,
		prices: Prices,
	): DecisionsAnswer["curtailment"] {
		if (this.advised.size > MODELS_MOST) this.advised.clear();
		const groups = Object.entries(models).concat([["all", total]]);
		return groups.flatMap(([model, group]) => {
			const revenue = group.grossUsdPerMegawattHour;
			const megawatts = ((group.powerWatts ?? 0) * this.options.siteOverheadRatio) / 1e6;
			if (revenue === undefined || megawatts <= 0) return [];
			const before = this.advised.get(model) ?? { isCurtailed: false, since: at - HOUR_MILLISECONDS };
			const advice: Advice = curtailmentAdvice({
				marginalRevenueUsdPerMegawattHour: revenue,
				effectivePriceUsdPerMegawattHour: prices.usdPerMegawattHour,
				megawatts,
				rules: RULES,
				state: { isCurtailed: before.isCurtailed, hoursInState: (at - before.since) / HOUR_MILLISECONDS },
			});
			const isCurtailed = advice.advice === "curtail";
			if (isCurtailed !== before.isCurtailed || !this.advised.has(model))
				this.advised.set(model, {
					isCurtailed,
					since: isCurtailed === before.isCurtailed ? before.since : at,
				});
			return [{ model, megawatts, marginalUsdPerMegawattHour: revenue, ...advice }];
		});
	}
}

function decisionDevice(facts: DeviceFacts, inputs: MoneyInputs): DecisionDevice {
	const { state, kind, health, revenue, power, gpuCount } = facts;
	const { description, latest, site } = state;
	const { rack, model } = description;
	const stated =
		latest === undefined
			? undefined
			: (deviceValue(latest, "hashrateNominalTerahashesPerSecond") ??
				deviceValue(latest, "hashrateNameplateTerahashesPerSecond"));
	const nameplate = model === undefined ? undefined : plateOf(model, stated);
	const target = facts.isSha256Miner ? (stated ?? nameplate?.terahashesPerSecond) : undefined;
	const watts = nameplate?.watts ?? facts.latestPower?.watts;
	const values: { -readonly [Key in keyof DecisionDevice]: DecisionDevice[Key] } = {
		device: state.key,
		site,
		use: kind === "gpu-host" ? "ai" : "mining",
		health,
		intent: intentOf(facts),
		isThrottled: isThrottled(facts),
	};
	if (rack !== undefined) values.rack = rack;
	if (model !== undefined) values.model = model;
	if (facts.hashrateTerahashesPerSecond !== undefined)
		values.hashrateTerahashesPerSecond = facts.hashrateTerahashesPerSecond;
	if (target !== undefined && target > 0) values.targetTerahashesPerSecond = target;
	const rejected = rejectedRatio(facts);
	if (rejected !== undefined) values.rejectedRatio = rejected;
	const gpus = gpuCount ?? (latest === undefined ? undefined : deviceValue(latest, "gpuCount"));
	if (gpus !== undefined) values.gpuCount = gpus;
	if (inputs.gpuRentedRatio !== undefined) values.rentedRatio = inputs.gpuRentedRatio;
	if (power !== undefined) values.powerWatts = power.watts;
	if (watts !== undefined) values.targetWatts = watts;
	if (revenue?.grossUsdPerHour !== undefined) values.grossUsdPerHour = revenue.grossUsdPerHour;
	return values;
}

/** Names of models repeat ten thousand times; telling one takes microseconds each. */
const PLATES = new Map<string, ReturnType<typeof nameplateOf>>();

function plateOf(model: string, stated: number | undefined): ReturnType<typeof nameplateOf> {
	const key = `${model} ${stated}`;
	if (PLATES.has(key)) return PLATES.get(key);
	if (PLATES.size >= MODELS_MOST) PLATES.clear();
	const found = nameplateOf(model, stated);
	PLATES.set(key, found);
	return found;
}

/** A device that sleeps or stands still because it was told to says so; what the operator says goes first. */
function intentOf(_facts: DeviceFacts): DecisionDevice["intent"] {
	return "in-service";
}

/** Places of OPERATING_STATES: sleeping, stopped, overheated; low and eco power modes. */
const HELD_BACK_STATES: ReadonlySet<number> = new Set([2, 4, 7]);
const HELD_BACK_MODES: ReadonlySet<number> = new Set([0, 3]);

function isThrottled({ gauges }: DeviceFacts): boolean {
	if (gauges === undefined) return false;
	const [state, mode] = [deviceValue(gauges, "operatingState"), deviceValue(gauges, "powerMode")];
	return (
		(state !== undefined && HELD_BACK_STATES.has(state)) || (mode !== undefined && HELD_BACK_MODES.has(mode))
	);
}

/** Since the device's start; too few shares say nothing. */
const FEWEST_SHARES = 100;

function rejectedRatio({ gauges }: DeviceFacts): number | undefined {
	if (gauges === undefined) return undefined;
	const [accepted, rejected] = [deviceValue(gauges, "sharesAccepted"), deviceValue(gauges, "sharesRejected")];
	if (accepted === undefined || rejected === undefined || accepted + rejected < FEWEST_SHARES)
		return undefined;
	return rejected / (accepted + rejected);
}

function breakevens({ models }: FleetAnswer): Pick<DecisionsAnswer, "breakevens"> {
	return {
		breakevens: Object.entries(models).flatMap(([model, group]) => {
			const gross = group.grossUsdPerMegawattHour;
			if (gross === undefined) return [];
			const { efficiencyJoulesPerTerahash } = group;
			return [
				{
					model,
					breakevenUsdPerKilowattHour: gross / 1_000,
					...(efficiencyJoulesPerTerahash === undefined ? {} : { efficiencyJoulesPerTerahash }),
				},
			];
		}),
	};
}

/** Of the fleet's own efficiency and its own GPUs' watts, at the inputs in force. */
function switchPoint(
	{ mining, ai }: FleetAnswer,
	inputs: MoneyInputs,
	siteOverheadRatio: number,
): DecisionsAnswer["switchPoint"] {
	const now = hashprice(inputs)?.hashpriceUsdPerPetahashPerSecondDay;
	const { poolFeeRatio, powerPriceUsdPerMegawattHour: power, gpuHourPriceUsd, gpuRentedRatio } = inputs;
	const efficiency = mining.efficiencyJoulesPerTerahash;
	const kilowattsPerGpu = perGpu(ai, siteOverheadRatio);
	if (now === undefined || poolFeeRatio === undefined || power === undefined || efficiency === undefined)
		return undefined;
	if (gpuHourPriceUsd === undefined || gpuRentedRatio === undefined || gpuRentedRatio === 0) return undefined;
	if (kilowattsPerGpu === undefined) return undefined;
	const powerUsdPerKilowattHour = power / 1_000;
	const miner: MiningUse = {
		efficiencyJoulesPerTerahash: efficiency,
		overheadRatio: siteOverheadRatio,
		poolFeeRatio,
		acceptedRatio: 1,
		availabilityRatio: 1,
		powerUsdPerKilowattHour,
		capitalUsdPerWattYear: inputs.miningCapitalCostUsdPerWattYear ?? 0,
	};
	const gpu: GpuUse = {
		usdPerGpuHour: gpuHourPriceUsd,
		utilizationRatio: gpuRentedRatio,
		marketplaceCutRatio: 0,
		kilowattsPerGpu,
		powerUsdPerKilowattHour,
		capitalUsdPerWattYear: inputs.aiCapitalCostUsdPerWattYear ?? 0,
	};
	return {
		hashpriceUsdPerPetahashPerSecondDay: now,
		gpuHourPriceUsd,
		kilowattsPerGpu,
		crossoverHashpriceUsdPerPetahashPerSecondDay: inTiers((tier) =>
			crossoverHashprice(miner, gpuMoney(gpu), tier),
		),
		crossoverUsdPerGpuHour: inTiers((tier) => crossoverGpuPrice(gpu, miningMoney(miner, now), tier)),
	};
}

function perGpu({ powerWatts, gpuCount }: GroupTotals, siteOverheadRatio: number): number | undefined {
	if (powerWatts === undefined || gpuCount === undefined || gpuCount <= 0) return undefined;
	return (powerWatts * siteOverheadRatio) / gpuCount / 1_000;
}
