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
	const [saidBefore, saidAfter] = [heldAlong(before), heldAlong(after)];
	const differing = sorted.slice(0, -1).filter((at) => {
		const [one, other] = [saidBefore(at), saidAfter(at)];
		return one?.rack !== other?.rack || one?.owner !== other?.owner || one?.use !== other?.use;
	});
	const [first, last] = [differing[0], differing.at(-1)];
	if (first === undefined || last === undefined) return undefined;
	return { from: first, to: sorted[sorted.indexOf(last) + 1] ?? Number.POSITIVE_INFINITY };
}

/** Asked with times that do not fall, so that a long history is walked through once. */
function heldAlong(entries: InventoryEntries): (at: number) => InventoryEntry | undefined {
	let index = 0;
	return (at) => {
		while ((entries[index + 1]?.validFrom ?? Number.POSITIVE_INFINITY) <= at) index += 1;
		const entry = entries[index];
		return entry !== undefined && holdsAt(entry, at) ? entry : undefined;
	};
}

/**
 * The statements after new ones were made, which do not overlap: each holds for its whole time, older ones give way
 * where they do. Neighbours that say the same become one.
 */
export function withEntries(entries: InventoryEntries, added: InventoryEntries): InventoryEntries {
	return joined([...givingWay(entries, added), ...added].sort(byBegin));
}

/** What is left of statements beside others that do not overlap, in any order. */
export function givingWay(entries: InventoryEntries, others: InventoryEntries): InventoryEntries {
	const sorted = [...others].sort(byBegin);
	let next = 0;
	return entries.flatMap((entry) => {
		while (next < sorted.length && endOf(sorted[next]) <= entry.validFrom) next += 1;
		const parts: InventoryEntry[] = [];
		let from = entry.validFrom;
		for (let index = next; ; index += 1) {
			const other = sorted[index];
			if (other === undefined || other.validFrom >= endOf(entry)) break;
			if (from < other.validFrom) parts.push({ ...entry, validFrom: from, validTo: other.validFrom });
			from = endOf(other);
		}
		if (from < endOf(entry)) parts.push({ ...entry, validFrom: from });
		return parts;
	});
}

function byBegin(one: InventoryEntry, other: InventoryEntry): number {
	return one.validFrom - other.validFrom;
}

/** Infinite: until further notice. */
export function endOf(entry: InventoryEntry | undefined): number {
	return entry?.validTo ?? Number.POSITIVE_INFINITY;
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
