/**
 * Fans of a device from a numbered record or a list. A slot at 0 rpm is an empty one, unless the device says that
 * more fans should turn than do. Pure; never throws.
 */
import type { Parts } from "../driver.js";
import { isWordForAbsent } from "../read-values.js";
import { numberOf, textOf } from "./reading.js";
import { percent, revolutionsPerMinute } from "./vendor-units.js";

type Fan = { readonly slot: string; readonly speed?: unknown; readonly percent?: unknown };

/** Where nothing tells how hard the fans are driven. */
export const fanSpeedParts: Parts = {
	part: "fan",
	each: ["fans"],
	key: ["slot"],
	reads: { fanSpeedRevolutionsPerMinute: { at: ["speed"], unit: revolutionsPerMinute } },
};

/** For layouts that give `fansOf()` under "fans". */
export const fanParts: Parts = {
	part: "fan",
	each: ["fans"],
	key: ["slot"],
	reads: {
		fanSpeedRevolutionsPerMinute: { at: ["speed"], unit: revolutionsPerMinute },
		fanDutyRatio: { at: ["percent"], unit: percent },
	},
};

type Slot = { readonly slot: number; readonly value: unknown };

/** From `numbered()`, or from `inOrder()`. */
export function fansOf(found: readonly Slot[], expected?: unknown): readonly Fan[] {
	const fitted = found.filter(({ value }) => !isWordForAbsent(textOf(value) ?? ""));
	const turning = fitted.filter(({ value }) => numberOf(value) !== 0);
	const stopped = fitted.filter(({ value }) => numberOf(value) === 0);
	const missing = turning.length > 0 ? Math.max(0, (numberOf(expected) ?? 0) - turning.length) : 0;
	return [...turning, ...stopped.slice(0, missing)]
		.sort((one, other) => one.slot - other.slot)
		.map(({ slot, value }) => ({ slot: String(slot), speed: value }));
}

/**
 * Of a unit without fans that writes 0 rpm for each: nothing. That it has none is told by liquid that cools it, or seen
 * by its hashing, since no unit hashes long with all its fans standing still.
 */
export function unlessNoneIsFitted<Listed extends { readonly speed?: unknown }>(
	fans: readonly Listed[],
	hasNone: boolean,
): readonly Listed[] {
	return hasNone && fans.every(({ speed }) => numberOf(speed) === 0) ? [] : fans;
}

/** A list as slots from 1. */
export function inOrder(list: unknown): readonly Slot[] {
	return Array.isArray(list) ? list.map((value: unknown, index) => ({ slot: index + 1, value })) : [];
}
