/**
 * Which of the agent's devices claim one identity, by serial or MAC. Pure bookkeeping; decides nothing.
 *
 * Invariant: a device stands under the identifiers of its last reading, and under no others.
 */
import type { Identity } from "../../shared/device.js";
import { identifiersOf } from "../../shared/identity.js";

export class Claims<Device extends object> {
	readonly #claimants = new Map<string, Set<Device>>();
	readonly #keys = new Map<Device, readonly string[]>();

	/** Gives the others that claim the same. */
	claim(device: Device, identity: Identity): readonly Device[] {
		this.withdraw(device);
		const keys = identifiersOf(identity).map(([kind, value]) => `${kind} ${value}`);
		this.#keys.set(device, keys);
		for (const key of keys) {
			const claimants = this.#claimants.get(key) ?? new Set();
			this.#claimants.set(key, claimants.add(device));
		}
		return this.others(device);
	}

	others(device: Device): readonly Device[] {
		const found = new Set<Device>();
		for (const key of this.#keys.get(device) ?? [])
			for (const other of this.#claimants.get(key) ?? []) if (other !== device) found.add(other);
		return [...found];
	}

	withdraw(device: Device): void {
		for (const key of this.#keys.get(device) ?? []) {
			const claimants = this.#claimants.get(key);
			claimants?.delete(device);
			if (claimants?.size === 0) this.#claimants.delete(key);
		}
		this.#keys.delete(device);
	}
}
