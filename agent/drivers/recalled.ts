/**
 * A device's answer about its own past → values by moment, in our units, or why there are none. Pure, never throws: a
 * moment that cannot be dated, or of which a single value cannot be, is left out.
 */
import { type Failure, failure } from "../../shared/failures.js";
import { DEVICE_POWER_WATTS_MOST, JOULES_PER_TERAHASH_LEAST } from "../../shared/measurements.js";
import type { Fault, Values } from "../../shared/reading.js";
import { digest } from "./decode.js";
import type { Answer, Driver, Recall, Remembered, Stretch } from "./driver.js";
import { readValues } from "./read-values.js";

const MOMENTS_MOST = 2_000;
/** Longer than this a value of one moment says nothing of the next. */
const SECONDS_MOST = 600;
/** A machine hashes no more than this many times what its maker says; above, the number is in another unit. */
const NAMEPLATES_MOST = 3;
/** More than any machine ever took; above, the hashrate is in another unit. */
const JOULES_PER_TERAHASH_MOST = 10_000;

export type RecalledMoment = {
	readonly agoMilliseconds: number;
	/** With `recalledSeconds`, by which everybody knows it from what was polled. */
	readonly values: Values;
};

export type RecallAsked = {
	readonly stretch: Stretch;
	/** What the device said of itself just now. */
	readonly polled: Values;
};

/** The oldest first; none where the device remembers nothing of the stretch. */
export function recalled(
	{ recall, power }: Driver,
	answer: Answer,
	{ stretch, polled }: RecallAsked,
): readonly RecalledMoment[] | Failure {
	if (recall === undefined) return [];
	const { reply } = digest("recall", recall.request(stretch), answer);
	if (reply === undefined) return [];
	if ("code" in reply) return failure(reply.code, reply.what);
	const remembered = laidOut(recall, reply.value, stretch);
	if (remembered === undefined)
		return failure("DEVICE_ANSWER_MALFORMED", "What the device remembers has a shape that no driver knows.");
	if (!(remembered.seconds > 0)) return [];
	const recalledSeconds = Math.min(remembered.seconds, SECONDS_MOST);
	const said = remembered.moments.slice(0, MOMENTS_MOST);
	const moments = said.flatMap(({ agoMilliseconds, said: row }) => {
		const faults: Fault[] = [];
		const reading = { power, powerWattsMost: DEVICE_POWER_WATTS_MOST, where: "recall.", faults };
		const values = readValues(recall.reads, row, reading);
		const isDated = Number.isFinite(agoMilliseconds) && agoMilliseconds >= 0;
		const says = isDated && Object.keys(values).length > 0 && faults.length === 0;
		return says && isPossible(values, polled)
			? [{ agoMilliseconds, values: { ...values, recalledSeconds } }]
			: [];
	});
	if (said.length > 0 && moments.length === 0)
		return failure("DEVICE_ANSWER_IMPLAUSIBLE", `None of ${said.length} remembered moments is possible.`);
	return moments.sort((a, b) => b.agoMilliseconds - a.agoMilliseconds);
}

/** In which unit a history is written nobody says but the numbers themselves, beside those of the machine's status. */
function isPossible({ hashrateTerahashesPerSecond: rate = 0, powerWatts }: Values, polled: Values): boolean {
	const nameplate = polled.hashrateNameplateTerahashesPerSecond ?? polled.hashrateNominalTerahashesPerSecond;
	if (nameplate !== undefined && rate > NAMEPLATES_MOST * nameplate) return false;
	if (rate <= 0 || powerWatts === undefined) return true;
	return powerWatts >= rate * JOULES_PER_TERAHASH_LEAST && powerWatts <= rate * JOULES_PER_TERAHASH_MOST;
}

/** As in decode.ts: that a device could make a layout throw must not stop the agent. */
function laidOut(recall: Recall, value: unknown, stretch: Stretch): Remembered | undefined {
	try {
		return recall.layOut(value, stretch);
	} catch {
		return undefined;
	}
}
