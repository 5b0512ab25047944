/**
 * When something happens to a device: outcomes in order of time → events. Pure, but for the state, which is the
 * caller's and is changed in place: this runs for every reading of every device.
 *
 * The same outcomes in order of time give the same events, whenever and in whichever order they arrived: who gets
 * late ones starts again from an earlier state. Heat and power are judged as the alert rules do, with hysteresis.
 */
import type { DeviceDescription } from "../../shared/device.js";
import { OPERATING_STATES, POOL_STATES } from "../../shared/measurements.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import type { LatestReading, Shape } from "../store/device-state.js";
import { HOLD_AT_MOST_INTERVALS } from "./energy.js";
import { eventOf, type FleetEvent } from "./events.js";
import { present, valueAt } from "./latest-values.js";
import { hottestSensor, type TemperatureLimits } from "./limits.js";
import type { InventoryEntry } from "./placement.js";
import type { PowerOptions } from "./power.js";
import { catalogueAllowedWatts } from "./power-allowed.js";

/** What crossed a limit is back only below this share of it; as the alert rules have it. */
const CLEARS_AT_SHARE = 0.97;
/** A reading is on its way for so long before its device counts as silent. */
const SILENCE_GRACE_MILLISECONDS = 5_000;
/** An uptime that fell by less is a clock that was set. */
const RESTART_LEAST_SECONDS = 5;
/** What holds a device down against its will; a power cap and clocks set by hand are wishes. */
const THROTTLES: Readonly<Record<string, string>> = {
	throttled: "power or heat",
	throttledByHeat: "heat",
	throttledByHardware: "hardware",
	throttledByHardwareHeat: "heat",
	throttledByPowerBrake: "power brake",
};
const OVERHEATED = OPERATING_STATES.indexOf("overheated");
const MINING = OPERATING_STATES.indexOf("mining");

/** Plain data, so that a snapshot can hold it. */
export type WatchState = {
	/** Unix ms of the newest outcome. */
	at: number;
	/** Of the newest reading. */
	heardAt?: number;
	/** Of an agent: since when it tells of itself without a break. */
	speaksSince?: number;
	/** Why it is down; absent while it answers. */
	downFor?: string;
	throttledBy?: string;
	isHot?: boolean;
	isOverPower?: boolean;
	uptimeSeconds?: number;
	boards?: number;
	gpus?: number;
	pool?: number;
	/** The newest change of firmware. */
	firmware?: { readonly at: number; readonly before: string; readonly after: string };
};

export type WatchedOutcome = {
	readonly at: number;
	/** Of a failure. */
	readonly code?: string;
	readonly latest?: LatestReading;
	/** Effective power of the reading. */
	readonly watts?: number | undefined;
};

export type WatchContext = {
	/** Its key. */
	readonly device: string;
	readonly site: string;
	readonly description: DeviceDescription;
	/** What operators say of it at that time. */
	readonly entry: InventoryEntry | undefined;
	readonly limits: TemperatureLimits;
	readonly power: PowerOptions;
};

export function newWatch(): WatchState {
	return { at: 0 };
}

/** Takes an outcome that is newer than all before. */
export function watched(state: WatchState, outcome: WatchedOutcome, context: WatchContext): FleetEvent[] {
	const events: FleetEvent[] = [];
	const { at, code, latest } = outcome;
	const say: Say = (kind, more = {}) =>
		events.push(eventOf({ at, kind, site: context.site, device: context.device, ...more }));
	state.at = at;
	if (latest === undefined) {
		if (state.downFor === undefined) say("down", { reason: code ?? "" });
		state.downFor = code ?? "";
		return events;
	}
	if (state.downFor !== undefined) say("up", { reason: state.downFor });
	delete state.downFor;
	const { kind, pollIntervalSeconds } = context.description;
	if (kind === "agent") heardAgain(state, at, pollIntervalSeconds);
	state.heardAt = at;
	if (kind !== "miner" && kind !== "gpu-host") return events;
	const plan = planOf(latest.shape);
	watchUptime(state, latest, plan, say);
	watchParts(state, latest, plan, say);
	watchThrottle(state, latest, plan, say);
	watchHeat(state, latest, context, say);
	watchPower(state, outcome, context, say);
	return events;
}

/** When an agent told of itself last, and since when it does so without a break. */
export type AgentSpeech = Pick<WatchState, "heardAt" | "speaksSince">;

/** To be called before `heardAt` moves on to `at`. */
export function heardAgain(speech: AgentSpeech & WatchState, at: number, pollIntervalSeconds: number): void {
	const { heardAt } = speech;
	if (heardAt === undefined || at > silentFrom(heardAt, pollIntervalSeconds)) speech.speaksSince = at;
}

/**
 * A device that nobody hears of while its agent speaks is down since its last reading no longer holds. An agent
 * that begins to speak again has as long to hear of its devices.
 */
export function watchedSilence(
	state: WatchState,
	agent: AgentSpeech | undefined,
	{ device, site, description }: Pick<WatchContext, "device" | "site" | "description">,
): FleetEvent | undefined {
	if (state.heardAt === undefined || state.downFor !== undefined) return undefined;
	if (agent?.heardAt === undefined || agent.speaksSince === undefined) return undefined;
	const { pollIntervalSeconds } = description;
	const at = silentFrom(state.heardAt, pollIntervalSeconds);
	const since = Math.max(at, silentFrom(agent.speaksSince, pollIntervalSeconds));
	if (agent.heardAt <= since + SILENCE_GRACE_MILLISECONDS) return undefined;
	state.downFor = "DEVICE_SILENT";
	return eventOf({ at, kind: "down", site, device, reason: "DEVICE_SILENT" });
}

export function silentFrom(heardAt: number, pollIntervalSeconds: number): number {
	return heardAt + HOLD_AT_MOST_INTERVALS * pollIntervalSeconds * MILLISECONDS_PER_SECOND;
}

type Say = (kind: FleetEvent["kind"], more?: Partial<FleetEvent>) => void;

function watchUptime(state: WatchState, latest: LatestReading, plan: Plan, say: Say): void {
	const uptime = at(latest, plan.uptime);
	if (uptime === undefined) return;
	const before = state.uptimeSeconds;
	state.uptimeSeconds = uptime;
	if (before !== undefined && uptime < before - RESTART_LEAST_SECONDS)
		say("reboot", { before: String(before), after: String(uptime) });
}

/** Boards are counted while the device works: one that starts has none yet. */
function watchParts(state: WatchState, latest: LatestReading, plan: Plan, say: Say): void {
	const works = (at(latest, plan.operatingState) ?? MINING) === MINING;
	const boards = works ? (at(latest, plan.boardCount) ?? counted(latest, plan.boards)) : undefined;
	if (boards !== undefined) {
		watchCount(state.boards, boards, { part: "board", reason: "boards" }, say);
		state.boards = boards;
	}
	const gpus = at(latest, plan.gpuCount) ?? counted(latest, plan.gpus);
	if (gpus !== undefined) {
		watchCount(state.gpus, gpus, { part: "gpu", reason: "GPUs" }, say);
		state.gpus = gpus;
	}
	const pool = at(latest, plan.poolState);
	if (pool === undefined) return;
	if (state.pool !== undefined && state.pool !== pool)
		say("pool-changed", { before: poolWord(state.pool), after: poolWord(pool) });
	state.pool = pool;
}

function watchCount(
	before: number | undefined,
	now: number,
	named: { readonly part: string; readonly reason: string },
	say: Say,
): void {
	if (before === undefined || before === now) return;
	say(now < before ? "board-lost" : "board-back", { ...named, before: String(before), after: String(now) });
}

function watchThrottle(state: WatchState, latest: LatestReading, plan: Plan, say: Say): void {
	let reason = at(latest, plan.operatingState) === OVERHEATED ? "heat" : undefined;
	for (const { index, word } of plan.throttles) {
		if (reason !== undefined) break;
		if (at(latest, index) === 1) reason = word;
	}
	const before = state.throttledBy;
	if (reason === before) return;
	if (reason === undefined) {
		delete state.throttledBy;
		say("unthrottled", { reason: before ?? "" });
		return;
	}
	state.throttledBy = reason;
	if (before === undefined) say("throttled", { reason });
}

function watchHeat(state: WatchState, latest: LatestReading, context: WatchContext, say: Say): void {
	const hottest = hottestSensor(latest, context.limits, context.entry?.temperatureLimitCelsius);
	if (hottest?.limitCelsius === undefined) return;
	const { celsius: value, limitCelsius: limit, sensor } = hottest;
	const crossed = { value, limit, unit: "°C", reason: `temperature of ${sensor}` };
	const now = isOver(state.isHot === true, value / limit);
	if (now === (state.isHot === true)) return;
	state.isHot = now;
	say(now ? "limit-crossed" : "limit-cleared", crossed);
}

function watchPower(
	state: WatchState,
	{ latest, watts }: WatchedOutcome,
	{ description, entry, power }: WatchContext,
	say: Say,
): void {
	if (watts === undefined || latest === undefined) return;
	const limit = entry?.powerLimitWatts ?? catalogueAllowedWatts({ description, latest }, power);
	if (limit === undefined) return;
	const now = isOver(state.isOverPower === true, watts / limit);
	if (now === (state.isOverPower === true)) return;
	state.isOverPower = now;
	const rounded = { value: Math.round(watts), limit: Math.round(limit), unit: "W", reason: "power" };
	say(now ? "limit-crossed" : "limit-cleared", rounded);
}

function isOver(wasOver: boolean, share: number): boolean {
	return share > (wasOver ? CLEARS_AT_SHARE : 1);
}

function poolWord(state: number): string {
	return POOL_STATES[state] ?? String(state);
}

/** Where in a reading stands what is watched; −1 where it is not there. */
type Plan = {
	readonly uptime: number;
	readonly operatingState: number;
	readonly boardCount: number;
	readonly gpuCount: number;
	readonly poolState: number;
	readonly boards: readonly (readonly number[])[];
	readonly gpus: readonly (readonly number[])[];
	readonly throttles: readonly { readonly index: number; readonly word: string }[];
};

const PLANS = new WeakMap<Shape, Plan>();

function planOf(shape: Shape): Plan {
	const known = PLANS.get(shape);
	if (known !== undefined) return known;
	const made = madePlan(shape);
	PLANS.set(shape, made);
	return made;
}

function madePlan({ columns }: Shape): Plan {
	const own = (name: string) =>
		columns.findIndex(({ measurement, component }) => component === undefined && measurement === name);
	const uptime = own("uptimeSeconds");
	return {
		uptime: uptime < 0 ? own("minerUptimeSeconds") : uptime,
		operatingState: own("operatingState"),
		boardCount: own("boardCount"),
		gpuCount: own("gpuCount"),
		poolState: own("poolState"),
		boards: partsOf(columns, "board"),
		gpus: partsOf(columns, "gpu"),
		throttles: columns.flatMap(({ measurement }, index) => {
			const word = Object.hasOwn(THROTTLES, measurement) ? THROTTLES[measurement] : undefined;
			return word === undefined ? [] : [{ index, word }];
		}),
	};
}

/** The columns of each part of a kind. */
function partsOf(columns: Shape["columns"], part: string): readonly (readonly number[])[] {
	const byKey = new Map<string, number[]>();
	for (const [index, { component }] of columns.entries()) {
		if (component?.part !== part) continue;
		const own = byKey.get(component.key) ?? [];
		own.push(index);
		byKey.set(component.key, own);
	}
	return [...byKey.values()];
}

/** Parts that say anything; undefined where none does, which is no statement about their number. */
function counted(latest: LatestReading, parts: readonly (readonly number[])[]): number | undefined {
	let count = 0;
	for (const own of parts) if (own.some((index) => at(latest, index) !== undefined)) count += 1;
	return count === 0 ? undefined : count;
}

function at(latest: LatestReading, index: number): number | undefined {
	return index < 0 ? undefined : present(valueAt(latest, index));
}
