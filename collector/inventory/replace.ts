/**
 * A swapped control board → its machine: which two devices are one, or why they cannot be. Pure.
 *
 * Takes what an operator calls them and the devices that are known. The one that keeps its name must have been read
 * last before the other was read first: two that were read at the same time are two.
 */
import type { InventoryEntries } from "../derive/placement.js";
import type { DeviceState } from "../store/device-state.js";
import { knownDevices, theDevice } from "./known-devices.js";

export type ReplaceWords = { readonly device: string; readonly by: string };
export type Replacement =
	| { readonly ok: true; readonly kept: DeviceState; readonly gone: DeviceState }
	| { readonly ok: false; readonly what: string };

export function replacementOf({ device, by }: ReplaceWords, devices: Iterable<DeviceState>): Replacement {
	const known = knownDevices(devices);
	const [found, other] = [theDevice(known, device), theDevice(known, by)];
	if (!found.ok) return unclear(found.what);
	if (!other.ok) return unclear(other.what);
	const [kept, gone] = [found.value, other.value];
	if (kept === gone) return refused(`${kept.key} and ${JSON.stringify(by)} are one device already.`);
	if (kept.description.kind === "agent" || kept.description.kind !== gone.description.kind)
		return refused(
			`${kept.key} is of the kind ${kept.description.kind}, ${gone.key} of the kind ${gone.description.kind}.`,
		);
	if (kept.site !== gone.site)
		return refused(`${kept.key} is of the site ${kept.site}, ${gone.key} of ${gone.site}.`);
	const [last, first] = [kept.latest?.at ?? 0, gone.firstSeenAt];
	if (last >= first)
		return refused(
			`${kept.key} was read at ${timeText(last)}, after ${gone.key} was first read at ${timeText(first)}: they are two devices.`,
		);
	return { ok: true, kept, gone };
}

/** What is said of the one that keeps its name holds on; where nothing was, what is said of the other. */
export function joinedHistories(
	kept: InventoryEntries | undefined,
	gone: InventoryEntries | undefined,
	key: string,
): { readonly entries: InventoryEntries; readonly dropped: number } {
	if (kept !== undefined && kept.length > 0) return { entries: kept, dropped: gone?.length ?? 0 };
	return { entries: (gone ?? []).map((entry) => ({ ...entry, key })), dropped: 0 };
}

function unclear(what: string): { readonly ok: false; readonly what: string } {
	return refused(`The replacement names ${what} A new board is known once it was read.`);
}

function refused(what: string): { readonly ok: false; readonly what: string } {
	return { ok: false, what };
}

function timeText(at: number): string {
	return new Date(at).toISOString();
}
