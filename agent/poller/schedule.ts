/**
 * When each device is due. Pure: endpoint and interval in, instants of the monotonic clock out.
 *
 * A device is due at n × interval + offset for whole n. The offset comes from a stable hash of its endpoint,
 * so that polls are spread over the interval and a restart keeps each device's place; it is a multiple of
 * BURST_MILLISECONDS, so that polls happen in bursts: waking up costs more than asking. 1,000 devices at
 * 5 s make 100 bursts of 10, which are over before their garbage is old.
 *
 * Invariants: exactly one due instant in any interval-long stretch; no drift, since every instant is counted
 * from the clock's zero and not from the poll before.
 */
import { MILLISECONDS_PER_SECOND, type MonotonicMilliseconds, quantity } from "../../shared/units.js";

/** Divides a second, so that every interval of whole seconds is a whole number of bursts. */
export const BURST_MILLISECONDS = 50;

const FNV_OFFSET_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export type Rhythm = { readonly endpoint: string; readonly intervalSeconds: number };

/** @returns 0 ≤ offset < interval, a multiple of BURST_MILLISECONDS */
export function offsetMilliseconds({ endpoint, intervalSeconds }: Rhythm): number {
	const bursts = (intervalSeconds * MILLISECONDS_PER_SECOND) / BURST_MILLISECONDS;
	return (hash(endpoint) % bursts) * BURST_MILLISECONDS;
}

/** The first due instant later than `after`. */
export function dueAfter(rhythm: Rhythm, after: MonotonicMilliseconds): MonotonicMilliseconds {
	const interval = rhythm.intervalSeconds * MILLISECONDS_PER_SECOND;
	const offset = offsetMilliseconds(rhythm);
	const turns = Math.floor((after - offset) / interval) + 1;
	return quantity<MonotonicMilliseconds>(turns * interval + offset);
}

/** How many due instants lie after `due` and not after `now`: what a process that stood still has missed. */
export function missedTurns(
	{ intervalSeconds }: Rhythm,
	{ due, now }: { readonly due: MonotonicMilliseconds; readonly now: MonotonicMilliseconds },
): number {
	return Math.max(0, Math.floor((now - due) / (intervalSeconds * MILLISECONDS_PER_SECOND)));
}

/** The first burst later than `now`. */
export function nextBurst(now: MonotonicMilliseconds): MonotonicMilliseconds {
	return quantity<MonotonicMilliseconds>((Math.floor(now / BURST_MILLISECONDS) + 1) * BURST_MILLISECONDS);
}

/** FNV-1a, its halves folded: neighbouring addresses differ in their last characters only. */
function hash(text: string): number {
	let value = FNV_OFFSET_BASIS;
	for (const byte of Buffer.from(text, "utf8")) value = Math.imul(value ^ byte, FNV_PRIME);
	return (value ^ (value >>> 16)) >>> 0;
}
