/**
 * What an operator says of a device, a rack or a site, and when it holds. Pure.
 *
 * Takes the statements about one thing; gives the one in force at a time, and a device's description with its
 * place by the inventory, which goes before what its agent was told.
 */
import type { DeviceDescription } from "../../shared/device.js";

/** In the order of fleetwatt_device_intent. */
export const INTENTS = ["in-service", "maintenance", "curtailed", "retired"] as const;
export type Intent = (typeof INTENTS)[number];

export const INVENTORY_KINDS = ["device", "rack", "site"] as const;
export type InventoryKind = (typeof INVENTORY_KINDS)[number];

/** One statement, whole in itself: what it leaves out is not said. Holds in [validFrom, validTo). */
export type InventoryEntry = {
	readonly kind: InventoryKind;
	/** A device's key, "site/rack" or a site. */
	readonly key: string;
	/** Unix ms. */
	readonly validFrom: number;
	/** Absent: until further notice. */
	readonly validTo?: number;
	readonly name?: string;
	readonly rack?: string;
	readonly position?: string;
	readonly owner?: string;
	/** What its power is used for, in the operator's words. */
	readonly use?: string;
	readonly powerLimitWatts?: number;
	readonly temperatureLimitCelsius?: number;
	readonly intent: Intent;
};

/** Sorted by validFrom, not overlapping. */
export type InventoryEntries = readonly InventoryEntry[];

export function inventoryKey({ kind, key }: Pick<InventoryEntry, "kind" | "key">): string {
	return `${kind} ${key}`;
}

export function entryAt(entries: InventoryEntries | undefined, at: number): InventoryEntry | undefined {
	return entries?.findLast((entry) => holdsAt(entry, at));
}

export function holdsAt({ validFrom, validTo }: InventoryEntry, at: number): boolean {
	return validFrom <= at && (validTo === undefined || at < validTo);
}

/** Says the same of everything but when. */
export function saysTheSame(one: InventoryEntry, other: InventoryEntry): boolean {
	const words = ({ validFrom, validTo, ...rest }: InventoryEntry) => rest;
	const [a, b] = [words(one) as Record<string, unknown>, words(other) as Record<string, unknown>];
	return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => a[name] === b[name]);
}

export function placedDescription(
	description: DeviceDescription,
	entry: InventoryEntry | undefined,
): DeviceDescription {
	if (entry?.rack === undefined && entry?.position === undefined) return description;
	const { rack, position } = entry;
	// A device in another rack does not stand in the position that it had in its own.
	const { position: before, ...rest } = description;
	const own = rack === undefined || rack === description.rack ? before : undefined;
	const stands = position ?? own;
	return {
		...rest,
		...(rack === undefined ? {} : { rack }),
		...(stands === undefined ? {} : { position: stands }),
	};
}

/** From the first to the last instant at which two histories say another rack, owner or use; undefined where none. */
export function changedSpan(
	before: InventoryEntries,
	after: InventoryEntries,
): { readonly from: number; readonly to: number } | undefined {
	const cuts = [...before, ...after].flatMap(({ validFrom, validTo }) => [
		validFrom,
		validTo ?? Number.POSITIVE_INFINITY,
	]);
	const sorted = [...new Set(cuts)].sort((one, other) => one - other);
	const differing = sorted.slice(0, -1).filter((at) => {
		const [one, other] = [entryAt(before, at), entryAt(after, at)];
		return one?.rack !== other?.rack || one?.owner !== other?.owner || one?.use !== other?.use;
	});
	const [first, last] = [differing[0], differing.at(-1)];
	if (first === undefined || last === undefined) return undefined;
	return { from: first, to: sorted[sorted.indexOf(last) + 1] ?? Number.POSITIVE_INFINITY };
}

/**
 * The statements after a new one was made: it holds for its whole time, older ones give way where it does.
 * Neighbours that say the same become one.
 */
export function withEntry(entries: InventoryEntries, entry: InventoryEntry): InventoryEntries {
	const end = entry.validTo ?? Number.POSITIVE_INFINITY;
	const kept = entries.flatMap((before): InventoryEntry[] => {
		const until = before.validTo ?? Number.POSITIVE_INFINITY;
		if (until <= entry.validFrom || before.validFrom >= end) return [before];
		const parts: InventoryEntry[] = [];
		if (before.validFrom < entry.validFrom) parts.push({ ...before, validTo: entry.validFrom });
		if (until > end) parts.push({ ...before, validFrom: end });
		return parts;
	});
	const sorted = [...kept, entry].sort((one, other) => one.validFrom - other.validFrom);
	return joined(sorted);
}

function joined(sorted: InventoryEntries): InventoryEntries {
	const found: InventoryEntry[] = [];
	for (const entry of sorted) {
		const last = found.at(-1);
		if (last === undefined || last.validTo !== entry.validFrom || !saysTheSame(last, entry)) {
			found.push(entry);
			continue;
		}
		const { validTo: _, ...rest } = last;
		found[found.length - 1] = entry.validTo === undefined ? rest : { ...rest, validTo: entry.validTo };
	}
	return found;
}
