/**
 * What can be said of one device now: its health, its effective power, its earning.
 *
 * Takes the device's state, its agent's state and the inputs in force; gives facts that metrics, API
 * and page share. Pure. A device that does not answer has no live numbers: old ones cannot look alive.
 */
import { FAILURES, isFailureCode } from "../../shared/failures.js";
import { type Joules, MILLISECONDS_PER_SECOND, quantity, type Terahashes } from "../../shared/units.js";
import type { Power } from "../derive/boundaries.js";
import { type Contract, contractOf } from "../derive/contracts.js";
import { joulesPerTerahashFromSums } from "../derive/efficiency.js";
import { HOLD_AT_MOST_INTERVALS, type TrailingSums, trailing } from "../derive/energy.js";
import { endpointKey } from "../derive/feeds.js";
import { componentValues, deviceValue, gpusListed } from "../derive/latest-values.js";
import { hottestSensor, type SensorReading, type TemperatureLimits } from "../derive/limits.js";
import { effectivePower, type PowerOptions } from "../derive/power.js";
import { catalogueAllowedWatts } from "../derive/power-allowed.js";
import {
	type EarningDevice,
	type MoneyInputs,
	type MoneyOptions,
	revenueOf,
	TOKENS_USE,
} from "../derive/revenue.js";
import { type TokenWork, tokenWork, trailingTokens } from "../derive/tokens.js";
import type { Contribution } from "../derive/totals.js";
import { type AgentState, type DeviceState, isHeard, type LatestReading } from "../store/device-state.js";
import type { DeviceReason } from "./answers.js";

/** A reading is on its way for this long before its device counts as down. */
const GRACE_MILLISECONDS = 5_000;

export type FactsOptions = {
	readonly power: PowerOptions;
	readonly money: MoneyOptions;
	readonly temperatureLimits: TemperatureLimits;
};

export type DeviceFacts = Contribution & {
	readonly state: DeviceState;
	readonly healthSince: number;
	readonly reason?: DeviceReason;
	/** The newest reading where it may stand as a gauge: at most three intervals old, its agent heard. */
	readonly gauges?: LatestReading;
	/** Effective power of the newest reading, however old. */
	readonly latestPower?: Power;
	/** Without a meter of its own. */
	readonly ownPower?: Power;
	/** Watts from which it draws too much. */
	readonly powerAllowedWatts?: number;
	/** In force over it: it earns by that alone. */
	readonly contract?: Contract;
	readonly efficiencyJoulesPerTerahash?: number;
	readonly hottest?: SensorReading;
	/** Of the trailing five minutes. */
	readonly tokenWork?: TokenWork | undefined;
};

export type FactsContext = {
	readonly now: number;
	readonly inputs: MoneyInputs;
	readonly options: FactsOptions;
	/** By endpointKey: what meters of single devices say now. */
	readonly metered?: ReadonlyMap<string, Power>;
	/** In force or not; few. */
	readonly contracts?: readonly Contract[];
};

/** Built up field by field: 10,000 devices a second come through here. */
type Building<T> = { -readonly [Key in keyof T]: T[Key] };

export function deviceFacts(
	state: DeviceState,
	agent: AgentState | undefined,
	context: FactsContext,
): DeviceFacts {
	const { now, options } = context;
	const { latest, description } = state;
	const { health, healthSince, reason } = healthOf(state, agent, now);
	const facts: Building<DeviceFacts> = {
		state,
		health,
		healthSince,
		kind: description.kind,
		isSha256Miner: description.kind === "miner" && (description.algorithm ?? "sha256") === "sha256",
	};
	if (reason !== undefined) facts.reason = reason;
	const intent = state.inventory?.intent ?? "in-service";
	if (intent !== "in-service") facts.isOutOfService = true;
	const contract = contractOver(state, context);
	if (contract !== undefined) facts.contract = contract;
	if (latest === undefined) return facts;
	const gauges = freshReading(state, agent, now);
	if (gauges !== undefined) facts.gauges = gauges;
	const own = effectivePower(state, options.power);
	if (own !== undefined) facts.ownPower = own;
	const power = context.metered?.get(endpointKey(state.site, description.endpoint)) ?? own;
	if (power !== undefined) facts.latestPower = power;
	const allowed = state.inventory?.powerLimitWatts ?? catalogueAllowedWatts(state, options.power);
	if (allowed !== undefined) facts.powerAllowedWatts = allowed;
	if (health === "up") addLive(facts, latest, context);
	return facts;
}

function contractOver({ description, inventory }: DeviceState, { contracts, now }: FactsContext) {
	if (contracts === undefined || contracts.length === 0) return undefined;
	return contractOf(contracts, { rack: description.rack, use: inventory?.use }, now);
}

/** The newest reading where it may stand as a gauge: at most three intervals old, its agent connected. */
export function freshReading(
	state: DeviceState,
	agent: AgentState | undefined,
	now: number,
): LatestReading | undefined {
	const { latest } = state;
	if (latest === undefined || !isHeard(agent)) return undefined;
	return now <= latest.at + holdMilliseconds(state) ? latest : undefined;
}

function addLive(facts: Building<DeviceFacts>, latest: LatestReading, context: FactsContext): void {
	const { now, options } = context;
	if (facts.latestPower !== undefined) facts.power = facts.latestPower;
	const hashrate = deviceValue(latest, "hashrateTerahashesPerSecond");
	if (hashrate !== undefined) facts.hashrateTerahashesPerSecond = hashrate;
	const override = facts.state.inventory?.temperatureLimitCelsius;
	const hottest = hottestSensor(latest, options.temperatureLimits, override);
	if (hottest !== undefined) facts.hottest = hottest;
	if (facts.kind === "gpu-host") addGpus(facts, latest);
	const sums = trailing(facts.state.meter, now);
	if (sums !== undefined) addSums(facts, sums);
	const tokens = facts.state.tokens && trailingTokens(facts.state.tokens, now);
	if (tokens !== undefined) {
		facts.tokens = tokens;
		facts.tokenWork = tokenWork(tokens);
	}
	facts.revenue = revenueOf(earningOf(facts), context.inputs, options.money);
}

function addGpus(facts: Building<DeviceFacts>, latest: LatestReading): void {
	facts.gpuCount = deviceValue(latest, "gpuCount") ?? gpusListed(latest);
	const utilization = gpuUtilizationOf(latest);
	if (utilization !== undefined) facts.gpuUtilization = utilization;
}

function addSums(facts: Building<DeviceFacts>, sums: TrailingSums): void {
	facts.sums = sums;
	const efficiency = joulesPerTerahashFromSums(
		quantity<Joules>(sums.joulesWithWork),
		quantity<Terahashes>(sums.terahashesWithPower),
	);
	if (efficiency !== undefined) facts.efficiencyJoulesPerTerahash = efficiency;
}

/** Means of the trailing five minutes; until two readings gave energy, the watts of the one there is. */
function earningOf({
	hashrateTerahashesPerSecond,
	power,
	gpuCount,
	sums,
	contract,
	tokens,
	state,
}: DeviceFacts): EarningDevice {
	const earning: Building<EarningDevice> = {};
	if (contract !== undefined) earning.contract = contract;
	if (gpuCount !== undefined) {
		earning.gpuCount = gpuCount;
		if (state.inventory?.use === TOKENS_USE) earning.isForTokens = true;
		if (tokens !== undefined) earning.tokensPerSecond = tokens.generatedTokens / tokens.seconds;
	}
	if (hashrateTerahashesPerSecond !== undefined && sums !== undefined && sums.secondsWithWork > 0) {
		earning.hashrateTerahashesPerSecond = sums.terahashes / sums.secondsWithWork;
	}
	if (power === undefined) return earning;
	const hasSums = sums !== undefined && sums.secondsWithPower > 0;
	earning.powerWatts = hasSums ? sums.joules / sums.secondsWithPower : power.watts;
	return earning;
}

type Health = Pick<DeviceFacts, "health" | "healthSince" | "reason">;

function healthOf(state: DeviceState, agent: AgentState | undefined, now: number): Health {
	if (agent === undefined || !isHeard(agent)) {
		const what = agent?.isConnected === true ? "says nothing" : "is not connected";
		return {
			health: "unknown",
			healthSince: agent?.silentSince ?? agent?.since ?? state.firstSeenAt,
			reason: reasonOf("AGENT_SILENT", `The agent ${state.agent} ${what}.`),
		};
	}
	if (!state.isAnswering && state.reason !== undefined) {
		const { code, what } = state.reason;
		return { health: "down", healthSince: state.answeringSince, reason: reasonOf(code, what) };
	}
	const heardAt = state.latest?.at ?? state.firstSeenAt;
	const silentFrom = heardAt + holdMilliseconds(state);
	if (now > silentFrom + GRACE_MILLISECONDS) {
		// Only an agent that was heard since knows that its device is silent; one that begins to speak needs a while.
		const agentHeardAt = agent.lastRecordAt ?? agent.since;
		const speaksSince = Math.max(agent.since, agent.speaksSince ?? 0);
		const isAsked = agentHeardAt > silentFrom + GRACE_MILLISECONDS;
		if (!isAsked || now <= speaksSince + holdMilliseconds(state) + GRACE_MILLISECONDS) {
			const what = `Nothing came from the agent ${state.agent} since the device was read last.`;
			return { health: "unknown", healthSince: silentFrom, reason: reasonOf("AGENT_SILENT", what) };
		}
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
