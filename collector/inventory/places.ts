/**
 * Rows that put a device where another stands at that time. Pure.
 *
 * Takes what a table states of devices, the inventory as it stands and the devices that are known; gives the rows
 * that give way: to what is stored, where no row moves it away, else to the earlier line. A row that gives way gives
 * its device its former place back, which may be another row's aim: only such places are looked at again.
 */
import { grouped } from "../../shared/grouped.js";
import { givingWay, type InventoryEntries, type InventoryEntry, inventoryKey } from "../derive/placement.js";
import type { KnownDevices } from "./known-devices.js";
import type { Refusal, Stated } from "./statements.js";
import { Stretches } from "./stretches.js";

/** By inventoryKey. */
type Inventory = ReadonlyMap<string, InventoryEntries>;
/** Without a line: stored already. */
type Standing = { readonly entry: InventoryEntry; readonly line?: number };

export function occupiedTwice(
	stated: readonly Stated[],
	inventory: Inventory,
	known: KnownDevices,
): readonly Refusal[] {
	const ofThing = grouped(stated, ({ entry }) => inventoryKey(entry));
	const ofLine = grouped(stated, ({ line }) => String(line));
	const refused = new Map<number, Refusal>();
	const standing = (thing: string): readonly Standing[] => {
		const own = (ofThing.get(thing) ?? []).filter(({ line }) => !refused.has(line));
		const left = givingWay(
			inventory.get(thing) ?? [],
			own.map(({ entry }) => entry),
		);
		return [...left.map((entry) => ({ entry })), ...own];
	};
	const floor = new Floor(known);
	for (const thing of new Set([...inventory.keys(), ...ofThing.keys()])) floor.stand(thing, standing(thing));
	let looked = new Set(stated.flatMap(({ entry }) => floor.placeOf(entry) ?? []));
	while (looked.size > 0) {
		const found = [...looked].flatMap((place) => floor.crowdedAt(place));
		for (const one of found) refused.set(one.line, one);
		const moved = new Set(
			found.flatMap(({ line }) => (ofLine.get(String(line)) ?? []).map(({ entry }) => inventoryKey(entry))),
		);
		looked = new Set([...moved].flatMap((thing) => floor.stand(thing, standing(thing))));
	}
	return [...refused.values()];
}

/** Who stands where, and when. */
class Floor {
	private readonly known: KnownDevices;
	private readonly places = new Map<string, Map<string, readonly Standing[]>>();
	private readonly placesOf = new Map<string, readonly string[]>();

	constructor(known: KnownDevices) {
		this.known = known;
	}

	/** In place of where the thing stood before. @returns its places now */
	stand(thing: string, standing: readonly Standing[]): readonly string[] {
		for (const place of this.placesOf.get(thing) ?? []) this.places.get(place)?.delete(thing);
		const byPlace = new Map<string, Standing[]>();
		for (const one of standing) {
			const place = this.placeOf(one.entry);
			if (place === undefined) continue;
			const there = byPlace.get(place);
			if (there === undefined) byPlace.set(place, [one]);
			else there.push(one);
		}
		for (const [place, there] of byPlace) {
			const all = this.places.get(place) ?? new Map<string, readonly Standing[]>();
			this.places.set(place, all.set(thing, there));
		}
		const places = [...byPlace.keys()];
		this.placesOf.set(thing, places);
		return places;
	}

	/** A device without a rack of its own stands in its agent's. */
	placeOf(entry: InventoryEntry): string | undefined {
		const { kind, key, position, intent, rack } = entry;
		if (kind !== "device" || position === undefined || intent === "retired") return undefined;
		const device = this.known.byKey(key);
		const own = device?.ownDescription ?? device?.description;
		return `${device?.site ?? ""}\n${rack ?? own?.rack ?? ""}\n${position}`;
	}

	crowdedAt(place: string): readonly Refusal[] {
		const there = this.places.get(place);
		if (there === undefined || there.size < 2) return [];
		const sorted = [...there.values()].flat().sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
		const taken = new Stretches<InventoryEntry>();
		return sorted.flatMap(({ entry, line }) => {
			const other = taken.put(entry, entry);
			if (other === undefined || line === undefined) return [];
			const rack = entry.rack === undefined ? "" : `rack ${entry.rack}, `;
			const at = `${rack}position ${entry.position}`;
			return { line, what: `puts ${entry.key} in ${at}, where ${other.key} stands at that time.` };
		});
	}
}
