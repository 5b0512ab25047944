/**
 * What can be said of one device now: its health, its effective power, its earning.
 *
 * Takes the device's state, its agent's state and the inputs in force; gives facts that metrics, API
 * and page share. Pure. A device that does not answer has no live numbers: old ones cannot look alive.
 */
import { FAILURES, isFailureCode } from "../../shared/failures.js";
import { type Joules, MILLISECONDS_PER_SECOND, quantity, type Terahashes } from "../../shared/units.js";
import { joulesPerTerahashFromSums } from "../derive/efficiency.js";
import { HOLD_AT_MOST_INTERVALS, type TrailingSums, trailing } from "../derive/energy.js";
import { componentValues, deviceValue, gpusListed } from "../derive/latest-values.js";
import { hottestSensor, type SensorReading, type TemperatureLimits } from "../derive/limits.js";
import { effectivePower, type Power, type PowerOptions } from "../derive/power.js";
import { type MoneyInputs, type MoneyOptions, revenueOf } from "../derive/revenue.js";
import type { Contribution } from "../derive/totals.js";
import type { AgentState, DeviceState, LatestReading } from "../store/device-state.js";
import type { DeviceReason } from "./answers.js";

/** A reading is on its way for this long before its device counts as down. */
const HEALTH_GRACE_SECONDS = 5;

export type FactsOptions = {
	readonly power: PowerOptions;
	readonly money: MoneyOptions;
	readonly temperatureLimits: TemperatureLimits;
};

export type DeviceFacts = Contribution & {
	readonly state: DeviceState;
	readonly healthSince: number;
	readonly reason?: DeviceReason;
	/** The newest reading where it may stand as a gauge: at most three intervals old, its agent connected. */
	readonly gauges?: LatestReading;
	/** Effective power of the newest reading, however old. */
	readonly latestPower?: Power;
	readonly efficiencyJoulesPerTerahash?: number;
	readonly hottest?: SensorReading;
};

export type FactsContext = {
	readonly now: number;
	readonly inputs: MoneyInputs;
	readonly options: FactsOptions;
};

export function deviceFacts(
	state: DeviceState,
	agent: AgentState | undefined,
	context: FactsContext,
): DeviceFacts {
	const { now } = context;
	const health = healthOf(state, agent, now);
	const { latest, description } = state;
	const isFresh =
		agent?.isConnected === true && latest !== undefined && now <= latest.at + holdMilliseconds(state);
	const latestPower = effectivePower(state, context.options.power);
	return {
		state,
		...health,
		kind: description.kind,
		isSha256Miner: description.kind === "miner" && (description.algorithm ?? "sha256") === "sha256",
		...(isFresh ? { gauges: latest } : {}),
		...(latestPower === undefined ? {} : { latestPower }),
		...(latest === undefined || health.health !== "up"
			? {}
			: liveFacts({ state, latest, power: latestPower }, context)),
	};
}

type LiveFacts = Pick<
	DeviceFacts,
	| "hashrateTerahashesPerSecond"
	| "power"
	| "sums"
	| "revenue"
	| "gpuCount"
	| "gpuUtilization"
	| "efficiencyJoulesPerTerahash"
	| "hottest"
>;

type LiveDevice = {
	readonly state: DeviceState;
	readonly latest: LatestReading;
	readonly power: Power | undefined;
};

function liveFacts({ state, latest, power }: LiveDevice, { now, inputs, options }: FactsContext): LiveFacts {
	const hashrate = deviceValue(latest, "hashrateTerahashesPerSecond");
	const sums = trailing(state.meter, now);
	const gpuCount = gpuCountOf(state, latest);
	const gpuUtilization = gpuUtilizationOf(latest);
	const efficiency = sums === undefined ? undefined : efficiencyOf(sums);
	const hottest = hottestSensor(latest, options.temperatureLimits);
	const earning = {
		...(hashrate === undefined ? {} : meanHashrate(sums)),
		...(power === undefined ? {} : meanPower(sums, power)),
		...(gpuCount === undefined ? {} : { gpuCount }),
	};
	return {
		revenue: revenueOf(earning, inputs, options.money),
		...(hashrate === undefined ? {} : { hashrateTerahashesPerSecond: hashrate }),
		...(power === undefined ? {} : { power }),
		...(sums === undefined ? {} : { sums }),
		...(gpuCount === undefined ? {} : { gpuCount }),
		...(gpuUtilization === undefined ? {} : { gpuUtilization }),
		...(efficiency === undefined ? {} : { efficiencyJoulesPerTerahash: efficiency }),
		...(hottest === undefined ? {} : { hottest }),
	};
}

type Health = Pick<DeviceFacts, "health" | "healthSince" | "reason">;

function healthOf(state: DeviceState, agent: AgentState | undefined, now: number): Health {
	if (agent === undefined || !agent.isConnected) {
		return {
			health: "unknown",
			healthSince: agent?.since ?? state.firstSeenAt,
			reason: reasonOf("AGENT_SILENT", `The agent ${state.agent} is not connected.`),
		};
	}
	if (!state.isAnswering && state.reason !== undefined) {
		const { code, what } = state.reason;
		return { health: "down", healthSince: state.answeringSince, reason: reasonOf(code, what) };
	}
	const heardAt = state.latest?.at ?? state.firstSeenAt;
	const silentFrom = heardAt + holdMilliseconds(state);
	if (now > silentFrom + HEALTH_GRACE_SECONDS * MILLISECONDS_PER_SECOND) {
		const seconds = HOLD_AT_MOST_INTERVALS * state.description.pollIntervalSeconds;
		const reason = reasonOf("DEVICE_SILENT", `No reading for more than ${seconds} s.`);
		return { health: "down", healthSince: silentFrom, reason };
	}
	if (state.latest === undefined) {
		return {
			health: "unknown",
			healthSince: state.firstSeenAt,
			reason: reasonOf("DEVICE_SILENT", "No reading yet."),
		};
	}
	return { health: "up", healthSince: Math.max(state.answeringSince, agent.since) };
}

function holdMilliseconds(state: DeviceState): number {
	return HOLD_AT_MOST_INTERVALS * state.description.pollIntervalSeconds * MILLISECONDS_PER_SECOND;
}

function reasonOf(code: string, what: string): DeviceReason {
	return { code, what, hint: isFailureCode(code) ? FAILURES[code].hint : "" };
}

function efficiencyOf(sums: TrailingSums): number | undefined {
	return joulesPerTerahashFromSums(
		quantity<Joules>(sums.joulesWithWork),
		quantity<Terahashes>(sums.terahashesWithPower),
	);
}

function meanHashrate(sums: TrailingSums | undefined): { readonly hashrateTerahashesPerSecond?: number } {
	if (sums === undefined || sums.secondsWithWork <= 0) return {};
	return { hashrateTerahashesPerSecond: sums.terahashes / sums.secondsWithWork };
}

/** Until two readings gave energy, the one there is. */
function meanPower(sums: TrailingSums | undefined, power: Power): { readonly powerWatts: number } {
	if (sums === undefined || sums.secondsWithPower <= 0) return { powerWatts: power.watts };
	return { powerWatts: sums.joules / sums.secondsWithPower };
}

function gpuCountOf({ description }: DeviceState, latest: LatestReading): number | undefined {
	if (description.kind !== "gpu-host") return undefined;
	return deviceValue(latest, "gpuCount") ?? gpusListed(latest);
}

function gpuUtilizationOf(latest: LatestReading): DeviceFacts["gpuUtilization"] {
	let ratioSum = 0;
	let gpus = 0;
	for (const { component, value } of componentValues(latest, "gpuUtilizationRatio")) {
		if (component.part !== "gpu" || value === undefined) continue;
		ratioSum += value;
		gpus += 1;
	}
	return gpus === 0 ? undefined : { ratioSum, gpus };
}
