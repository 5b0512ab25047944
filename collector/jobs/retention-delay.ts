/**
 * How long what is stored is kept, where the configuration says less than before: a mistake of one digit must not delete
 * years within the hour. What was kept until now stays in force for a day.
 *
 * Takes what the configuration says and what is remembered; gives what is in force, and what to remember. Pure.
 */
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../shared/units.js";

/** Days by tier. */
export type Kept = Readonly<Record<string, number>>;
export type Remembered = { readonly inForce: Kept; readonly shorterSince?: number };

const STANDS_MILLISECONDS = SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;

/** @param before undefined at the first start: then the configuration holds at once */
export function retentionNow(wished: Kept, before: Remembered | undefined, now: number): Remembered {
	const inForce = before?.inForce ?? wished;
	const longer = Object.fromEntries(
		Object.entries(wished).map(([tier, days]) => [tier, Math.max(days, inForce[tier] ?? days)]),
	);
	const isShorter = Object.entries(wished).some(([tier, days]) => days < (longer[tier] ?? days));
	if (!isShorter) return { inForce: wished };
	// A clock that was set back counts the day anew.
	const since = Math.min(before?.shorterSince ?? now, now);
	return now - since >= STANDS_MILLISECONDS ? { inForce: wished } : { inForce: longer, shorterSince: since };
}
