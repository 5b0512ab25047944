/**
 * Live messages → what the page knows now: the fleet's totals and every device by its key.
 *
 * A snapshot replaces everything, an update replaces what it names. Listeners hear once per message
 * which devices changed, so that a thousand cells are not redrawn for one. Never fetches, never draws.
 *
 * Invariant: `devices` holds the keys of the last snapshot and of all updates since, no others.
 */
import type { DeviceSummary, FleetAnswer, LiveMessage } from "../../collector/expose/answers.js";

/** The page stays usable up to here; what is above is counted in the totals and not drawn. */
export const DEVICES_SHOWN_MOST = 10_000;

export type StreamState =
	| { readonly kind: "connecting" }
	| { readonly kind: "live" }
	| { readonly kind: "waiting"; readonly retryAt: number };

/** `everything`: the set of devices may differ, lists are to be built anew. */
export type Change = { readonly everything: boolean; readonly devices: readonly DeviceSummary[] };

type Listener = (change: Change) => void;

export class FleetState {
	fleet: FleetAnswer | undefined;
	stream: StreamState = { kind: "connecting" };
	/** When the last message came, on this computer's clock. */
	heardAt: number | undefined;
	/** The collector's clock less this computer's, so that ages are right where clocks differ. */
	clockOffset = 0;
	devices: ReadonlyMap<string, DeviceSummary> = new Map();
	readonly #turn: (run: () => void) => void;
	/** Of a snapshot in pieces: devices still to come, and those known before that it has not named. */
	#toCome = 0;
	#unnamed: Set<string> = new Set();
	readonly #listeners = new Set<Listener>();
	readonly #streamListeners = new Set<() => void>();

	/** How many times all was told anew: the past that is played begins, or is sought. */
	beginnings = 0;
	/** The past that is played stands still where it is paused; the present goes on between messages. */
	readonly isPast: boolean;

	/** The fleet's time at this computer's time: what ages and stretches that end now are counted from. */
	time(at: number): number {
		return this.isPast ? (this.fleet?.at ?? at) : at + this.clockOffset;
	}

	/** @param turn runs what a listener does with a message; the page gives each a turn of its own */
	constructor(turn: (run: () => void) => void = (run) => run(), isPast = false) {
		this.#turn = turn;
		this.isPast = isPast;
	}

	hear(message: LiveMessage, heardAt: number): void {
		this.fleet = message.fleet;
		this.heardAt = heardAt;
		this.clockOffset = message.fleet.at - heardAt;
		if (message.kind === "snapshot") this.beginnings += 1;
		const change = message.kind === "snapshot" ? this.#renew(message) : this.#merge(message.devices);
		for (const listener of this.#listeners) this.#turn(() => listener(change));
	}

	setStream(stream: StreamState): void {
		this.stream = stream;
		for (const listener of this.#streamListeners) listener();
	}

	onChange(listener: Listener): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	onStream(listener: () => void): () => void {
		this.#streamListeners.add(listener);
		return () => this.#streamListeners.delete(listener);
	}

	/** A snapshot in pieces leaves what is known where it is until its last piece: nothing goes and comes back. */
	#renew({ devices, deviceCount = devices.length }: LiveMessage & { readonly kind: "snapshot" }): Change {
		this.#toCome = deviceCount - devices.length;
		if (this.#toCome <= 0) return this.#replaceAll(devices);
		this.#toCome = deviceCount;
		this.#unnamed = new Set(this.devices.keys());
		return this.#merge(devices);
	}

	/** Whether this was the last piece of a snapshot, so that what it did not name is gone. */
	#isRenewed(changed: readonly DeviceSummary[], devices: Map<string, DeviceSummary>): boolean {
		if (this.#toCome <= 0) return false;
		for (const { device } of changed) this.#unnamed.delete(device);
		this.#toCome -= changed.length;
		if (this.#toCome > 0) return false;
		for (const device of this.#unnamed) devices.delete(device);
		return this.#unnamed.size > 0;
	}

	#replaceAll(devices: readonly DeviceSummary[]): Change {
		const kept = devices.slice(0, DEVICES_SHOWN_MOST);
		this.devices = new Map(kept.map((device) => [device.device, device]));
		return { everything: true, devices: kept };
	}

	#merge(changed: readonly DeviceSummary[]): Change {
		const devices = new Map(this.devices);
		let everything = false;
		for (const device of changed) {
			const before = devices.get(device.device);
			if (before === undefined && devices.size >= DEVICES_SHOWN_MOST) continue;
			everything ||= before === undefined || !standsTogether(before, device);
			devices.set(device.device, device);
		}
		const hasLost = this.#isRenewed(changed, devices);
		this.devices = devices;
		return { everything: everything || hasLost, devices: changed };
	}
}

/** Same place, same words of its operator: lists and choices of filters stay as they are. */
export function standsTogether(one: DeviceSummary, other: DeviceSummary): boolean {
	return (
		one.site === other.site &&
		one.rack === other.rack &&
		one.position === other.position &&
		one.model === other.model &&
		one.owner === other.owner &&
		one.intent === other.intent
	);
}

/** A live message, or absent: checked at the door by its shape, the rest is the collector's own word. */
export function liveMessage(value: unknown): LiveMessage | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	if (!("kind" in value && "fleet" in value && "devices" in value)) return undefined;
	const isKnown = value.kind === "snapshot" || value.kind === "update";
	const isWhole = typeof value.fleet === "object" && value.fleet !== null && Array.isArray(value.devices);
	return isKnown && isWhole ? (value as LiveMessage) : undefined;
}
