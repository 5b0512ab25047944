/**
 * A device's answer about its own past → values by moment, in our units. Pure, never throws: what cannot be read or
 * dated is nothing.
 */
import { DEVICE_POWER_WATTS_MOST } from "../../shared/measurements.js";
import type { Values } from "../../shared/reading.js";
import { digest } from "./decode.js";
import type { Answer, Driver, Remembered } from "./driver.js";
import { readValues } from "./read-values.js";

const MOMENTS_MOST = 2_000;
/** Longer than this a value of one moment says nothing of the next. */
const SECONDS_MOST = 600;

export type RecalledMoment = {
	readonly agoMilliseconds: number;
	/** With `recalledSeconds`, by which everybody knows it from what was polled. */
	readonly values: Values;
};

/** The oldest first. */
export function recalled({ recall, power }: Driver, answer: Answer): readonly RecalledMoment[] {
	if (recall === undefined) return [];
	const { reply } = digest("recall", recall.request, answer);
	const remembered = reply === undefined || "code" in reply ? undefined : laidOut(recall, reply.value);
	if (remembered === undefined || !(remembered.seconds > 0)) return [];
	const recalledSeconds = Math.min(remembered.seconds, SECONDS_MOST);
	const moments = remembered.moments.slice(0, MOMENTS_MOST).flatMap(({ agoMilliseconds, said }) => {
		const reading = { power, powerWattsMost: DEVICE_POWER_WATTS_MOST, where: "recall.", faults: [] };
		const values = readValues(recall.reads, said, reading);
		const says = Number.isFinite(agoMilliseconds) && agoMilliseconds >= 0 && Object.keys(values).length > 0;
		return says ? [{ agoMilliseconds, values: { ...values, recalledSeconds } }] : [];
	});
	return moments.sort((a, b) => b.agoMilliseconds - a.agoMilliseconds);
}

/** As in decode.ts: that a device could make a layout throw must not stop the agent. */
function laidOut(recall: NonNullable<Driver["recall"]>, value: unknown): Remembered | undefined {
	try {
		return recall.layOut(value);
	} catch {
		return undefined;
	}
}
