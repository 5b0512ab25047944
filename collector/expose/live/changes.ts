/** Which devices an update must name: those of which anything differs from what was sent before. Pure. */
import type { DeviceSummary } from "../answers.js";
import type { Moment } from "../view.js";

export function byDevice({ summaries }: Moment): ReadonlyMap<string, DeviceSummary> {
	return new Map(summaries.map((device) => [device.device, device]));
}

export function isSame(before: DeviceSummary | undefined, now: DeviceSummary): boolean {
	if (before === undefined) return false;
	if (before === now) return true;
	const keys = Object.keys(now) as (keyof DeviceSummary)[];
	if (keys.length !== Object.keys(before).length) return false;
	return keys.every((key) => isSameValue(before[key], now[key]));
}

/** Reasons and error codes are made anew each time; everything else is a plain word or number. */
function isSameValue(before: unknown, now: unknown): boolean {
	if (before === now) return true;
	if (typeof before !== "object" || typeof now !== "object") return false;
	return JSON.stringify(before) === JSON.stringify(now);
}
