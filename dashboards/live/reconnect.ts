/**
 * How long to wait before the next attempt to reach the collector. Pure.
 *
 * Doubles from half a second to half a minute; the random half keeps a hundred pages from coming back
 * in the same instant after a restart.
 */
const FIRST_WAIT_MILLISECONDS = 500;
const LONGEST_WAIT_MILLISECONDS = 30_000;

/** @param attempt 0 for the first retry. @param random 0 ≤ value < 1. */
export function waitMilliseconds(attempt: number, random: number): number {
	const full = Math.min(LONGEST_WAIT_MILLISECONDS, FIRST_WAIT_MILLISECONDS * 2 ** Math.min(attempt, 16));
	return full * (0.5 + random / 2);
}
