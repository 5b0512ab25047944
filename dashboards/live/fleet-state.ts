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
	readonly #listeners = new Set<Listener>();
	readonly #streamListeners = new Set<() => void>();

	hear(message: LiveMessage, heardAt: number): void {
		this.fleet = message.fleet;
		this.heardAt = heardAt;
		this.clockOffset = message.fleet.at - heardAt;
		const change =
			message.kind === "snapshot" ? this.#replaceAll(message.devices) : this.#merge(message.devices);
		for (const listener of this.#listeners) listener(change);
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
		this.devices = devices;
		return { everything, devices: changed };
	}
}

function standsTogether(one: DeviceSummary, other: DeviceSummary): boolean {
	return one.site === other.site && one.rack === other.rack && one.position === other.position;
}

/** A live message, or absent: checked at the door by its shape, the rest is the collector's own word. */
export function liveMessage(value: unknown): LiveMessage | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	if (!("kind" in value && "fleet" in value && "devices" in value)) return undefined;
	const isKnown = value.kind === "snapshot" || value.kind === "update";
	const isWhole = typeof value.fleet === "object" && value.fleet !== null && Array.isArray(value.devices);
	return isKnown && isWhole ? (value as LiveMessage) : undefined;
}
