/** What every question of the API has at hand, and how it is refused. */
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import type { SeriesStore } from "../../store/device-state.js";
import type { Door } from "../door.js";
import type { InventoryDesk } from "../inventory-desk.js";
import type { Replays } from "../live/replay-stream.js";
import type { Overload } from "../overload.js";
import type { View, ViewOptions } from "../view.js";
import type { Parameters } from "./parameters.js";
import { type Reply, refused } from "./reply.js";

export type ApiContext = {
	readonly view: View;
	readonly store: SeriesStore;
	readonly options: ViewOptions;
	readonly now: () => number;
	readonly door: Door;
	readonly replays: Replays;
	readonly overload: Overload;
	/** Absent: this collector's inventory cannot be changed. */
	readonly inventory?: InventoryDesk;
};

/** What was posted. */
export type Posted = { readonly contentType: string; readonly text: string };

export function noDevice(key: string): Reply<never> {
	return refused("NOT_FOUND", `There is no device ${JSON.stringify(key)}.`);
}

export type Found<Value> =
	| { readonly ok: true; readonly value: Value }
	| { readonly ok: false; readonly reply: Reply<never> };

export function spanOf(
	parameters: Parameters,
): Found<{ readonly from: UnixMilliseconds; readonly to: UnixMilliseconds }> {
	const from = parameters.integer("from") ?? 0;
	const to = parameters.integer("to") ?? 0;
	if (from >= to) return invalid(`from is ${from} and to is ${to}; from must come before to.`);
	return { ok: true, value: { from: quantity<UnixMilliseconds>(from), to: quantity<UnixMilliseconds>(to) } };
}

export function invalid(what: string): { readonly ok: false; readonly reply: Reply<never> } {
	return { ok: false, reply: refused("REQUEST_INVALID", what) };
}
