/**
 * Places at which a test has the process kill itself, as a power cut would, to see what the next start finds.
 *
 * Armed only by what opens the store in a test (`StoreOptions.failPoint`); no configuration, argument or
 * environment of a user reaches it. Unarmed, a place costs one comparison.
 */
import process from "node:process";

export const FAIL_POINTS = [
	"commit: in the transaction",
	"commit: stored, not told",
	"seal: day files stored",
	"trim: between presents",
	"trim: presents stored",
	"merge: before the row",
	"merge: row stored",
	"drop: between files",
	"join: names stored",
	"join: readings moved",
	"migration: rows stored",
	"migration: day stored",
	"migration: day removed",
	"migration: in the last transaction",
	"migration: last transaction done",
] as const;

export type FailPoint = (typeof FAIL_POINTS)[number];
/** Which place, and how often it is passed before it kills. */
export type ArmedFailPoint = { readonly at: FailPoint; readonly passes: number };

let armed: FailPoint | undefined;
let passesLeft = 0;

/** Arms this thread. */
export function armFailPoint(point: ArmedFailPoint | undefined): void {
	armed = point?.at;
	passesLeft = point?.passes ?? 0;
}

export function reach(point: FailPoint): void {
	if (armed !== point) return;
	if (passesLeft === 0) process.kill(process.pid, "SIGKILL");
	passesLeft -= 1;
}
