/**
 * What a record's wall clock lacks, so that readings carry the collector's time. Pure.
 *
 * An agent's wall clock may be wrong, and may step; its monotonic clock does neither. So the pair of
 * both, as the agent told it last, is what other records of the same boot are measured by: one that
 * was made before or after a step is moved by the step.
 */
import type { RecordTime } from "../../shared/wire/outcome.js";

/** An agent's wall clock that is off by less is taken as it is. */
const OFFSET_IGNORED_MILLISECONDS = 2_000;
/** A clock is taken to have stepped when it moves by more than a message can be delayed. */
const STEP_MILLISECONDS = 60_000;
/** How far wall and monotonic clock drift apart while the wall clock is disciplined. */
const DRIFT_RATIO = 1e-4;

/** `at` is the collector's wall clock when the agent told its own two. */
export type ToldTime = {
	readonly at: number;
	readonly wall: number;
	readonly monotonic: number;
	readonly boot: string;
};

/**
 * When an agent told its clock, by the collector's: after its link was opened and before it was heard. Of these moments
 * it is the one nearest to the agent's own clock, so that a link which is seconds late makes no clock wrong.
 */
export function toldAt(
	wall: number,
	{ openedAt, heardAt }: { readonly openedAt: number; readonly heardAt: number },
): number {
	return Math.min(Math.max(wall, openedAt), heardAt);
}

/** What the agent's wall clock lacks, ms. */
export function offsetOf({ at, wall }: Pick<ToldTime, "at" | "wall">): number {
	const offset = Math.round(at - wall);
	return Math.abs(offset) <= OFFSET_IGNORED_MILLISECONDS ? 0 : offset;
}

/** Keeps the first told time, whose delay is bounded best, until a clock steps. */
export function newestTold(before: ToldTime, now: ToldTime): ToldTime {
	const moved = now.at - now.wall - (before.at - before.wall);
	return Math.abs(moved) > STEP_MILLISECONDS ? now : before;
}

/** What to add to the wall time of a record that came at `receivedAt`, ms. */
export function recordOffset(told: ToldTime, record: RecordTime, receivedAt: number): number {
	const offset = offsetOf(told);
	if (record.boot !== told.boot) return offset;
	const stepped = told.wall - told.monotonic - (record.wall - record.monotonic);
	const drift = Math.abs(told.monotonic - record.monotonic) * DRIFT_RATIO;
	const isStep = Math.abs(stepped) > OFFSET_IGNORED_MILLISECONDS + drift;
	const corrected = offset + (isStep ? Math.round(stepped) : 0);
	// It was made before it came, whatever the clocks say.
	const isAhead = record.wall + corrected > receivedAt + OFFSET_IGNORED_MILLISECONDS;
	return isAhead ? Math.round(receivedAt - record.wall) : corrected;
}
