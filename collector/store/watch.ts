/**
 * Watches what is stored and keeps what happened, until the worker has it: events of devices by derive's watch.ts,
 * of agents by what is known of their connections.
 *
 * Takes outcomes in the order in which they arrive. Those that are late change no state here: they say from when on
 * their device's events are to be derived again. Lives beside the present, on the main thread.
 *
 * Invariants: what is pending is stored before, or with, the present that stands for it; an event that is derived
 * again has the id that it had.
 */
import type { DeviceDescription } from "../../shared/device.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../shared/units.js";
import { eventOf, type FleetEvent } from "../derive/events.js";
import type { TemperatureLimits } from "../derive/limits.js";
import { holdsAt, type InventoryEntry } from "../derive/placement.js";
import type { PowerOptions } from "../derive/power.js";
import { catalogueAllowedWatts } from "../derive/power-allowed.js";
import {
	newWatch,
	type WatchedOutcome,
	type WatchRules,
	type WatchState,
	watched,
	watchedSilence,
} from "../derive/watch.js";
import type { AgentState, DeviceState, LatestReading } from "./device-state.js";

const MILLISECONDS_PER_DAY = SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;
/** A connection that comes back at once is nobody's news. */
const DISCONNECTED_LEAST_MILLISECONDS = 10_000;
/** Agents send something every second or so; after so much silence nobody believes that one still runs. */
export const AGENT_SILENT_MILLISECONDS = 15_000;
/** A clock that moves by less was corrected, not set. */
const CLOCK_STEP_MILLISECONDS = 2_000;
/** Late outcomes come in thousands: their devices' events are derived again when no more come. */
const LATE_QUIET_MILLISECONDS = 5_000;
const LATE_LONGEST_MILLISECONDS = 60_000;
/** Events of outcomes that come later than this are not derived again: no marks are kept. */
export const MARK_DAYS = 14;
/** Events that wait for a disk that refuses: beyond it the oldest are dropped and counted. */
const PENDING_MOST = 100_000;

/** The state of a device's watch before its first outcome of a UTC day. */
export type WatchMark = { readonly device: number; readonly day: number; readonly state: WatchState };

export type PendingEvents = {
	readonly events: readonly FleetEvent[];
	/** Ids of events that turned out to be others. */
	readonly removed: readonly string[];
	readonly marks: readonly WatchMark[];
};

export type WatchOptions = {
	readonly limits: TemperatureLimits;
	readonly power: PowerOptions;
	/** What operators say of a device at a time. */
	readonly entryAt: (key: string, at: number) => InventoryEntry | undefined;
};

/** What a restart needs of one device's watch. */
export type StoredWatch = { readonly state: WatchState; readonly lateFrom?: number };

/** Outcomes of a device that are not in its events yet: the time of the first, and how many; made anew by each. */
export type Late = { readonly from: number; readonly outcomes: number };

type Outcome = Pick<WatchedOutcome, "latest" | "cameWith" | "watts" | "code">;

type AgentWatch = { silentSince?: number; device?: DeviceState };

export class Watch {
	private readonly options: WatchOptions;
	private readonly rules: WatchRules;
	private readonly states: (WatchState | undefined)[] = [];
	private readonly allowed: {
		readonly description: DeviceDescription;
		readonly watts: number | undefined;
	}[] = [];
	private readonly lateBy = new Map<number, Late>();
	private readonly agents = new Map<string, AgentWatch>();
	private pending: FleetEvent[] = [];
	private removed: string[] = [];
	private marks: WatchMark[] = [];
	/** Monotonic, of the first late outcome that is not dealt with. */
	private lateSince: number | undefined;
	/** How many there were at the last look, and when that number was seen first. */
	private lateSeen = 0;
	private lateAt = 0;
	private lateOutcomes = 0;
	/** Events that no disk took in time. */
	dropped = 0;

	constructor(options: WatchOptions) {
		this.options = options;
		const { limits } = options;
		this.rules = { limits, tell: (event) => this.add(event) };
	}

	restore({ number }: DeviceState, { state, lateFrom }: StoredWatch): void {
		this.states[number] = newWatch(state);
		if (lateFrom !== undefined) this.lateBy.set(number, { from: lateFrom, outcomes: 1 });
	}

	stored(number: number): StoredWatch {
		const lateFrom = this.lateBy.get(number)?.from;
		const state = this.states[number] ?? newWatch();
		return lateFrom === undefined ? { state } : { state, lateFrom };
	}

	/** A device's newest outcome: a reading with its effective power, or the code of a failure. */
	outcome(device: DeviceState, at: number, { latest, cameWith, watts, code }: Outcome): void {
		const { number, key, site, agent } = device;
		const state = this.stateOf(number);
		const day = dayOf(at);
		if (state.at > 0 && day > dayOf(state.at)) this.marks.push({ device: number, day, state: { ...state } });
		if (device.description.kind === "agent") this.agentOf(`${site}/${agent}`).device = device;
		const { inventory } = device;
		const entry =
			inventory !== undefined && holdsAt(inventory, at) ? inventory : this.options.entryAt(key, at);
		const allowedWatts = this.allowedWatts(device, latest);
		watched(state, { device, at, code, latest, cameWith, watts, allowedWatts, entry }, this.rules);
	}

	/** What a miner may draw is a matter of its description; found by number, since each reading asks. */
	private allowedWatts({ number, description }: DeviceState, latest?: LatestReading): number | undefined {
		if (latest === undefined) return undefined;
		const known = this.allowed[number];
		if (known?.description === description) return known.watts;
		const watts = catalogueAllowedWatts({ description, latest }, this.options.power);
		if (description.kind === "miner") this.allowed[number] = { description, watts };
		return watts;
	}

	/** An outcome that others, newer ones, came before. */
	late({ number, key, site }: DeviceState, at: number, firmware: string | undefined): void {
		const late = this.lateBy.get(number) ?? { from: at, outcomes: 0 };
		this.lateBy.set(number, { from: Math.min(at, late.from), outcomes: late.outcomes + 1 });
		this.lateOutcomes += 1;
		const state = this.states[number];
		const change = state?.firmware;
		if (state === undefined || change === undefined || firmware !== change.after || at >= change.at) return;
		// It had this firmware earlier than was thought.
		this.removed.push(firmwareEvent({ key, site }, change).id);
		state.firmware = { ...change, at };
		this.add(firmwareEvent({ key, site }, state.firmware));
	}

	firmware(device: DeviceState, change: { readonly at: number; before?: string; after?: string }): void {
		const { at, before, after } = change;
		if (before === undefined || after === undefined || before === after) return;
		const state = this.stateOf(device.number);
		state.firmware = { at, before, after };
		this.add(firmwareEvent(device, state.firmware));
	}

	add(event: FleetEvent): void {
		this.pending.push(event);
		if (this.pending.length <= PENDING_MOST) return;
		this.pending.shift();
		this.dropped += 1;
	}

	/** An agent as it is known now, in place of how it was known before. */
	agentChanged(before: AgentState | undefined, now: AgentState, at: number): void {
		const [was, is] = [before?.clockOffsetMilliseconds, now.clockOffsetMilliseconds];
		if (was === undefined || is === undefined || Math.abs(is - was) <= CLOCK_STEP_MILLISECONDS) return;
		const { site, agent } = now;
		this.add(eventOf({ at, kind: "clock-step", site, agent, before: String(was), after: String(is) }));
	}

	/** The collector's clock went back: what comes from now on is newer than all before. */
	turnBack(now: number): void {
		for (const state of this.states) {
			if (state === undefined || state.at <= now) continue;
			state.at = now;
			state.heardAt = Math.min(state.heardAt, now);
			state.speaksSince = Math.min(state.speaksSince, now);
			if (state.firmware !== undefined)
				state.firmware = { ...state.firmware, at: Math.min(state.firmware.at, now) };
		}
		for (const agent of this.agents.values())
			if (agent.silentSince !== undefined) agent.silentSince = Math.min(agent.silentSince, now);
	}

	/** Agents that were silent when the program ended: what is heard of them first is their return. */
	restoreSilent(silences: readonly FleetEvent[]): void {
		for (const { site, agent, at } of silences) this.agentOf(`${site}/${agent}`).silentSince = at;
	}

	/**
	 * What only the passing of time tells: agents and devices that fell silent.
	 *
	 * @param heldUpUntil when the disk kept the store from taking records last: nobody's silence began before
	 */
	tick(now: number, devices: Iterable<DeviceState>, agents: Iterable<AgentState>, heldUpUntil = 0): void {
		for (const agent of agents) this.tickAgent(agent, now, heldUpUntil);
		// Devices of one agent mostly stand together: what is known of it is looked up once for them.
		let [site, agent]: readonly (string | undefined)[] = [];
		let speech: WatchState | undefined;
		for (const device of devices) {
			const state = this.states[device.number];
			if (state === undefined || device.description.kind === "agent") continue;
			if (device.agent !== agent || device.site !== site) {
				[site, agent] = [device.site, device.agent];
				const own = this.agents.get(`${site}/${agent}`)?.device;
				speech = own === undefined ? undefined : this.states[own.number];
			}
			const event = watchedSilence(state, speech, device);
			if (event !== undefined) this.add(event);
		}
	}

	/** Since when an agent of "site/agent" is silent. */
	silentSince(key: string): number | undefined {
		return this.agents.get(key)?.silentSince;
	}

	private tickAgent(state: AgentState, now: number, heldUpUntil: number): void {
		const { site, agent, isConnected, since, lastRecordAt } = state;
		const watch = this.agentOf(`${site}/${agent}`);
		const quietSince = isConnected ? Math.max(since, lastRecordAt ?? since, heldUpUntil) : since;
		const longest = isConnected ? AGENT_SILENT_MILLISECONDS : DISCONNECTED_LEAST_MILLISECONDS;
		const isSilent = now > quietSince + longest;
		if (isSilent === (watch.silentSince !== undefined)) return;
		// One whose connection went just now is not back.
		if (!isSilent && !isConnected) return;
		if (isSilent) {
			watch.silentSince = quietSince;
			// A lost connection is noticed at once, silence on one that stands after this limit.
			const noticed = isConnected ? { limit: AGENT_SILENT_MILLISECONDS / 1_000, unit: "s" } : {};
			const reason = "AGENT_SILENT";
			this.add(eventOf({ at: quietSince, kind: "agent-silent", site, agent, reason, ...noticed }));
			return;
		}
		delete watch.silentSince;
		this.add(eventOf({ at: Math.max(since, lastRecordAt ?? since), kind: "agent-back", site, agent }));
	}

	/** What waits to be stored; it is the caller's from now on, who gives it back where that fails. */
	take(): PendingEvents {
		const gone = new Set(this.removed);
		const events = gone.size === 0 ? this.pending : this.pending.filter(({ id }) => !gone.has(id));
		const taken = { events, removed: this.removed, marks: this.marks };
		this.pending = [];
		this.removed = [];
		this.marks = [];
		return taken;
	}

	giveBack({ events, removed, marks }: PendingEvents): void {
		const all = [...events, ...this.pending];
		this.pending = all.slice(-PENDING_MOST);
		this.dropped += all.length - this.pending.length;
		this.removed = [...removed, ...this.removed];
		this.marks = [...marks, ...this.marks];
	}

	/** Devices whose events are to be derived again, when no more late outcomes come for a while. */
	dueAgain(monotonic: number): ReadonlyMap<number, Late> {
		if (this.lateBy.size === 0) {
			this.lateSince = undefined;
			return NOTHING_LATE;
		}
		this.lateSince ??= monotonic;
		if (this.lateSeen !== this.lateOutcomes) {
			this.lateSeen = this.lateOutcomes;
			this.lateAt = monotonic;
		}
		const isQuiet = monotonic - this.lateAt >= LATE_QUIET_MILLISECONDS;
		if (!isQuiet && monotonic - this.lateSince < LATE_LONGEST_MILLISECONDS) return NOTHING_LATE;
		this.lateSince = undefined;
		return new Map(this.lateBy);
	}

	/** When the newest outcome of a device was. */
	newestOf(number: number): number {
		return this.states[number]?.at ?? 0;
	}

	/**
	 * A device's state as its outcomes in order of time made it up to `to`. Where outcomes came meanwhile it is not
	 * taken, and is to be made again.
	 */
	again(
		number: number,
		late: Late,
		{ to, state }: { readonly to: number; readonly state: WatchState },
	): void {
		const known = this.states[number];
		if (known === undefined || known.at !== to || this.lateBy.get(number) !== late) return;
		// Of the agent's silence and of firmware, a device's outcomes alone do not tell.
		const { firmware, downFor } = known;
		const isSilent = downFor === "DEVICE_SILENT" && state.downFor === undefined;
		this.states[number] = {
			...state,
			...(firmware === undefined ? {} : { firmware }),
			...(isSilent ? { downFor } : {}),
		};
		this.lateBy.delete(number);
	}

	/** Late outcomes that no event is derived from. */
	leave(number: number, late: Late): void {
		if (this.lateBy.get(number) === late) this.lateBy.delete(number);
	}

	/** Of two devices that are one: it goes on as the second, and its events are derived again from `from` on. */
	joined(kept: number, gone: number, from: number): StoredWatch {
		const late = this.lateBy.get(kept)?.from ?? from;
		return { state: this.states[gone] ?? newWatch(), lateFrom: Math.min(from, late) };
	}

	join(kept: DeviceState, gone: number, stored: StoredWatch): void {
		this.restore(kept, stored);
		this.lateOutcomes += 1;
		this.states[gone] = undefined;
		this.lateBy.delete(gone);
	}

	/** The device by which an agent tells of itself. */
	agentDevice({ site, agent }: DeviceState): number | undefined {
		return this.agents.get(`${site}/${agent}`)?.device?.number;
	}

	private stateOf(number: number): WatchState {
		const state = this.states[number] ?? newWatch();
		this.states[number] = state;
		return state;
	}

	private agentOf(key: string): AgentWatch {
		const known = this.agents.get(key) ?? {};
		this.agents.set(key, known);
		return known;
	}
}

const NOTHING_LATE: ReadonlyMap<number, Late> = new Map();

export function dayOf(at: number): number {
	return Math.floor(at / MILLISECONDS_PER_DAY);
}

export function dayStart(day: number): number {
	return day * MILLISECONDS_PER_DAY;
}

function firmwareEvent(
	{ key, site }: Pick<DeviceState, "key" | "site">,
	change: { readonly at: number; readonly before: string; readonly after: string },
): FleetEvent {
	return eventOf({ kind: "firmware-changed", site, device: key, ...change });
}
