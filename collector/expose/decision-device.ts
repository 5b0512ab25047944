/**
 * A device as decisions look at it: what it does and should do, what it draws, what it is meant to do.
 *
 * Takes the facts of a device and the inputs in force; gives plain values. Pure. What it should do is what it states
 * itself, else its nameplate; what it is meant to do is what the inventory says.
 */
import type { DecisionDevice } from "../derive/decisions.js";
import { deviceValue } from "../derive/latest-values.js";
import { nameplateOf } from "../derive/nameplates.js";
import { type MoneyInputs, TOKENS_USE } from "../derive/revenue.js";
import type { DeviceFacts } from "./device-facts.js";

const MODELS_MOST = 1_000;

export function decisionDevice(facts: DeviceFacts, inputs: MoneyInputs): DecisionDevice {
	const { state, kind, health, revenue, gpuCount } = facts;
	const { description, latest, site } = state;
	const { rack, model } = description;
	const stated =
		latest === undefined
			? undefined
			: (deviceValue(latest, "hashrateNominalTerahashesPerSecond") ??
				deviceValue(latest, "hashrateNameplateTerahashesPerSecond"));
	const nameplate = model === undefined ? undefined : plateOf(model, stated);
	const should = facts.isSha256Miner ? (stated ?? nameplate?.terahashesPerSecond) : undefined;
	const target = should !== undefined && should > 0 ? should : undefined;
	// A machine that states another rate than the bin's is meant to draw accordingly.
	const load = target === undefined || nameplate === undefined ? 1 : target / nameplate.terahashesPerSecond;
	const watts = nameplate === undefined ? facts.latestPower?.watts : nameplate.watts * load;
	const values: { -readonly [Key in keyof DecisionDevice]: DecisionDevice[Key] } = {
		device: state.key,
		site,
		use: kind === "gpu-host" ? "ai" : "mining",
		health,
		intent: state.inventory?.intent ?? "in-service",
		isThrottled: isThrottled(facts),
	};
	if (rack !== undefined) values.rack = rack;
	if (model !== undefined) values.model = model;
	const { rate, drawn } = trailingRates(facts);
	if (rate !== undefined) values.hashrateTerahashesPerSecond = rate;
	if (target !== undefined) values.targetTerahashesPerSecond = target;
	const rejected = rejectedRatio(facts);
	if (rejected !== undefined) values.rejectedRatio = rejected;
	const gpus = gpuCount ?? (latest === undefined ? undefined : deviceValue(latest, "gpuCount"));
	// Of hosts that are paid by the token nobody knows what they would sell: no GPU-hours.
	const isByTokens = inputs.usdPerMillionTokens !== undefined && state.inventory?.use === TOKENS_USE;
	if (gpus !== undefined && !isByTokens) values.gpuCount = gpus;
	if (inputs.gpuRentedRatio !== undefined) values.rentedRatio = inputs.gpuRentedRatio;
	if (drawn !== undefined) values.powerWatts = drawn;
	if (watts !== undefined) values.targetWatts = watts;
	if (facts.contract !== undefined) values.isPaidAnyway = true;
	if (revenue?.grossUsdPerHour !== undefined) values.grossUsdPerHour = revenue.grossUsdPerHour;
	return values;
}

/** Of five minutes, as its earning is: one reading alone is noise. Metered watts outrank a device's own sums. */
function trailingRates({ sums, power, hashrateTerahashesPerSecond }: DeviceFacts): {
	readonly rate: number | undefined;
	readonly drawn: number | undefined;
} {
	const hasWork = sums !== undefined && sums.secondsWithWork > 0 && hashrateTerahashesPerSecond !== undefined;
	const hasPower = sums !== undefined && sums.secondsWithPower > 0 && power?.source !== "metered";
	return {
		rate: hasWork ? sums.terahashes / sums.secondsWithWork : hashrateTerahashesPerSecond,
		drawn: power === undefined ? undefined : hasPower ? sums.joules / sums.secondsWithPower : power.watts,
	};
}

type Plate = ReturnType<typeof nameplateOf>;

/** Names of models repeat ten thousand times; telling one takes microseconds each, and so does a key made of both. */
const PLATES = new Map<string, Map<number | undefined, Plate>>();

function plateOf(model: string, stated: number | undefined): Plate {
	const ofModel = PLATES.get(model);
	const known = ofModel?.get(stated);
	if (known !== undefined || ofModel?.has(stated) === true) return known;
	const found = nameplateOf(model, stated);
	if (PLATES.size >= MODELS_MOST) PLATES.clear();
	const isFull = ofModel === undefined || ofModel.size >= MODELS_MOST;
	PLATES.set(model, (isFull ? new Map<number | undefined, Plate>() : ofModel).set(stated, found));
	return found;
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
