/**
 * When something happens to a device: outcomes in order of time → events. Pure, but for the state, which is the
 * caller's and is changed in place: this runs for every reading of every device.
 *
 * The same outcomes in order of time give the same events, whenever and in whichever order they arrived: who gets
 * late ones starts again from an earlier state. Heat and power are judged as the alert rules do, with hysteresis.
 */
import { OPERATING_STATES, POOL_STATES } from "../../shared/measurements.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import type { DeviceState, LatestReading, ReadingsTogether, Shape } from "../store/device-state.js";
import { HOLD_AT_MOST_INTERVALS } from "./energy.js";
import { eventOf, type FleetEvent } from "./events.js";
import { ofShape, present, valueAt } from "./latest-values.js";
import { areAllCool, hottestSensor, shareOfLimit, type TemperatureLimits } from "./limits.js";
import type { InventoryEntry } from "./placement.js";

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

/** Of a time that has not been, and of a count that nothing can fall from. */
const NEVER = Number.NEGATIVE_INFINITY;

/**
 * Plain data, so that a snapshot can hold it. All fields are always there, and what counts milliseconds or seconds is
 * always a number: so a reading writes them in place and makes nothing new.
 */
export type WatchState = {
	/** Unix ms of the newest outcome. */
	at: number;
	/** Of the newest reading; minus infinity before the first. */
	heardAt: number;
	/** Of an agent: since when it tells of itself without a break; minus infinity before that. */
	speaksSince: number;
	/** Minus infinity before the first. */
	uptimeSeconds: number;
	/** Why it is down; absent while it answers. */
	downFor: string | undefined;
	throttledBy: string | undefined;
	isHot: boolean;
	isOverPower: boolean;
	boards: number | undefined;
	gpus: number | undefined;
	pool: number | undefined;
	/** The newest change of firmware. */
	firmware: { readonly at: number; readonly before: string; readonly after: string } | undefined;
};

/** JSON has no infinity, and stores of before leave out what they do not know. */
export type StoredWatchState = { readonly [Name in keyof WatchState]?: WatchState[Name] | null };

/** Whose outcomes are watched: its state is one. */
export type WatchedDevice = Pick<DeviceState, "key" | "site" | "description">;

export type WatchedOutcome = {
	readonly device: WatchedDevice;
	readonly at: number;
	/** Of a failure. */
	readonly code?: string | undefined;
	readonly latest?: LatestReading | undefined;
	/** Absent where the readings of the past are gone through one by one. */
	readonly cameWith?: ReadingsTogether | undefined;
	/** Effective power of the reading, and what it may be where operators say nothing. */
	readonly watts?: number | undefined;
	readonly allowedWatts?: number | undefined;
	/** What operators say of the device at that time. */
	readonly entry: InventoryEntry | undefined;
};

export type WatchRules = {
	readonly limits: TemperatureLimits;
	/** Takes what happened. */
	readonly tell: (event: FleetEvent) => void;
};

/** One that knows what a stored one knew. */
export function newWatch(stored: StoredWatchState = {}): WatchState {
	return {
		at: stored.at ?? 0,
		heardAt: stored.heardAt ?? NEVER,
		speaksSince: stored.speaksSince ?? NEVER,
		uptimeSeconds: stored.uptimeSeconds ?? NEVER,
		downFor: stored.downFor ?? undefined,
		throttledBy: stored.throttledBy ?? undefined,
		isHot: stored.isHot ?? false,
		isOverPower: stored.isOverPower ?? false,
		boards: stored.boards ?? undefined,
		gpus: stored.gpus ?? undefined,
		pool: stored.pool ?? undefined,
		firmware: stored.firmware ?? undefined,
	};
}

/** Takes an outcome that is newer than all before. It runs for every reading of every device. */
export function watched(state: WatchState, outcome: WatchedOutcome, rules: WatchRules): void {
	const { at, latest } = outcome;
	state.at = at;
	if (latest === undefined) {
		const reason = outcome.code ?? "";
		if (state.downFor === undefined) say(outcome, rules, "down", { reason });
		state.downFor = reason;
		return;
	}
	if (state.downFor !== undefined) {
		say(outcome, rules, "up", { reason: state.downFor });
		state.downFor = undefined;
	}
	const { kind, pollIntervalSeconds } = outcome.device.description;
	if (kind === "agent") heardAgain(state, at, pollIntervalSeconds);
	state.heardAt = at;
	if (kind !== "miner" && kind !== "gpu-host") return;
	const common = commonOf(latest, outcome.cameWith, rules);
	watchUptime(state, outcome, latest, rules, common);
	if (!isUnchanged(state, common)) watchParts(state, outcome, latest, rules, common);
	if (common.canThrottle || state.throttledBy !== undefined)
		watchThrottle(state, outcome, latest, rules, common);
	if (!common.areCool || state.isHot || outcome.entry?.temperatureLimitCelsius !== undefined)
		watchHeat(state, outcome, latest, rules, common);
	watchPower(state, outcome, latest, rules, common);
}

function say(
	{ at, device: { key: device, site } }: WatchedOutcome,
	{ tell }: WatchRules,
	kind: FleetEvent["kind"],
	more: Partial<FleetEvent>,
): void {
	tell(eventOf({ at, kind, site, device, ...more }));
}

/** When an agent told of itself last, and since when it does so without a break. */
export type AgentSpeech = Pick<WatchState, "heardAt" | "speaksSince">;

/** To be called before `heardAt` moves on to `at`. */
export function heardAgain(speech: WatchState, at: number, pollIntervalSeconds: number): void {
	if (at > silentFrom(speech.heardAt, pollIntervalSeconds)) speech.speaksSince = at;
}

/**
 * A device that nobody hears of while its agent speaks is down since its last reading no longer holds. An agent
 * that begins to speak again has as long to hear of its devices.
 */
export function watchedSilence(
	state: WatchState,
	agent: AgentSpeech | undefined,
	{ key: device, site, description }: WatchedDevice,
): FleetEvent | undefined {
	if (state.heardAt === NEVER || state.downFor !== undefined) return undefined;
	if (agent === undefined || agent.speaksSince === NEVER) return undefined;
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

/** What one kind of change is told by; the state is brought up to the reading. */
type Rule = (
	state: WatchState,
	outcome: WatchedOutcome,
	latest: LatestReading,
	rules: WatchRules,
	common: Common,
) => void;

/** What is so of all readings that came together: found once for them, so that most need no look of their own. */
type Common = {
	readonly with: ReadingsTogether | undefined;
	readonly shape: Shape;
	readonly limits: TemperatureLimits;
	readonly plan: Plan;
	/** Parts of which every reading says something; undefined where each has to be looked at. */
	readonly boards: number | undefined;
	readonly gpus: number | undefined;
	readonly canThrottle: boolean;
	readonly areCool: boolean;
};

let lastCommon: Common | undefined;

function commonOf(
	{ shape }: LatestReading,
	cameWith: ReadingsTogether | undefined,
	{ limits }: WatchRules,
): Common {
	const last = lastCommon;
	if (last !== undefined && last.with === cameWith && last.shape === shape && last.limits === limits)
		return last;
	const plan = planOf(shape);
	const { operatingState, boardCount, gpuCount, poolState, boards, gpus, throttles } = plan;
	const saysItself = operatingState >= 0 || boardCount >= 0 || gpuCount >= 0 || poolState >= 0;
	const allSeen = (parts: Plan["boards"]) =>
		!saysItself &&
		cameWith !== undefined &&
		parts.every((columns) => columns.some((index) => cameWith.isWholeAt(index)));
	lastCommon = {
		with: cameWith,
		shape,
		limits,
		plan,
		boards: allSeen(boards) ? boards.length : undefined,
		gpus: allSeen(gpus) ? gpus.length : undefined,
		canThrottle: operatingState >= 0 || throttles.length > 0,
		areCool: cameWith !== undefined && areAllCool(cameWith, shape, limits),
	};
	return lastCommon;
}

/** Whether as many boards and GPUs are seen as before. */
function isUnchanged({ boards, gpus }: WatchState, common: Common): boolean {
	return (
		common.boards !== undefined &&
		common.gpus !== undefined &&
		common.boards === (boards ?? 0) &&
		common.gpus === (gpus ?? 0)
	);
}

const watchUptime: Rule = (state, outcome, latest, rules, { plan }) => {
	const uptime = at(latest, plan.uptime);
	if (uptime === undefined) return;
	const before = state.uptimeSeconds;
	state.uptimeSeconds = uptime;
	if (uptime < before - RESTART_LEAST_SECONDS)
		say(outcome, rules, "reboot", { before: String(before), after: String(uptime) });
};

/** Boards are counted while the device works: one that starts has none yet. */
const watchParts: Rule = (state, outcome, latest, rules, { plan }) => {
	const works = (at(latest, plan.operatingState) ?? MINING) === MINING;
	const boards = works ? (at(latest, plan.boardCount) ?? counted(latest, plan.boards)) : undefined;
	if (boards !== undefined && boards !== state.boards) {
		sayCount(outcome, rules, state.boards, boards, { part: "board", reason: "boards" });
		state.boards = boards;
	}
	const gpus = at(latest, plan.gpuCount) ?? counted(latest, plan.gpus);
	if (gpus !== undefined && gpus !== state.gpus) {
		sayCount(outcome, rules, state.gpus, gpus, { part: "gpu", reason: "GPUs" });
		state.gpus = gpus;
	}
	const pool = at(latest, plan.poolState);
	if (pool === undefined || pool === state.pool) return;
	if (state.pool !== undefined)
		say(outcome, rules, "pool-changed", { before: poolWord(state.pool), after: poolWord(pool) });
	state.pool = pool;
};

function sayCount(
	outcome: WatchedOutcome,
	rules: WatchRules,
	before: number | undefined,
	now: number,
	named: { readonly part: string; readonly reason: string },
): void {
	if (before === undefined) return;
	const kind = now < before ? "board-lost" : "board-back";
	say(outcome, rules, kind, { ...named, before: String(before), after: String(now) });
}

const watchThrottle: Rule = (state, outcome, latest, rules, { plan }) => {
	const reason = throttledNow(latest, plan);
	const before = state.throttledBy;
	if (reason === before) return;
	state.throttledBy = reason;
	if (reason === undefined) say(outcome, rules, "unthrottled", { reason: before ?? "" });
	else if (before === undefined) say(outcome, rules, "throttled", { reason });
};

function throttledNow(latest: LatestReading, { operatingState, throttles }: Plan): string | undefined {
	if (at(latest, operatingState) === OVERHEATED) return "heat";
	for (let place = 0; place < throttles.length; place += 1) {
		const { index, word } = throttles[place] as Plan["throttles"][number];
		if (at(latest, index) === 1) return word;
	}
	return undefined;
}

const watchHeat: Rule = (state, outcome, latest, rules) => {
	const override = outcome.entry?.temperatureLimitCelsius;
	const share = shareOfLimit(latest, rules.limits, override);
	if (share === undefined) return;
	const now = isOver(state.isHot, share);
	if (now === state.isHot) return;
	state.isHot = now;
	const hottest = hottestSensor(latest, rules.limits, override);
	if (hottest?.limitCelsius === undefined) return;
	const { celsius: value, limitCelsius: limit, sensor } = hottest;
	const crossed = { value, limit, unit: "°C", reason: `temperature of ${sensor}` };
	say(outcome, rules, now ? "limit-crossed" : "limit-cleared", crossed);
};

const watchPower: Rule = (state, outcome, _, rules) => {
	const { watts, entry, allowedWatts } = outcome;
	const limit = entry?.powerLimitWatts ?? allowedWatts;
	if (watts === undefined || limit === undefined) return;
	const now = isOver(state.isOverPower, watts / limit);
	if (now === state.isOverPower) return;
	state.isOverPower = now;
	const rounded = { value: Math.round(watts), limit: Math.round(limit), unit: "W", reason: "power" };
	say(outcome, rules, now ? "limit-crossed" : "limit-cleared", rounded);
};

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

const planOf = ofShape(madePlan);

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
	for (const columns of parts) if (columns.some((index) => at(latest, index) !== undefined)) count += 1;
	return count === 0 ? undefined : count;
}

function at(latest: LatestReading, index: number): number | undefined {
	return index < 0 ? undefined : present(valueAt(latest, index));
}
