/**
 * How much a device may make the agent define: every other identity or part that it names is a definition, kept by outbox
 * and collector for good, so one that names others at each poll would fill both.
 *
 * Takes bytes and the monotonic time; says whether they may be. Enough for a host of sixteen GPUs to come up part by part.
 */
import type { MonotonicMilliseconds } from "../../shared/units.js";

const AT_ONCE_BYTES = 256 * 1_024;
const AN_HOUR_BYTES = 16 * 1_024;
const MILLISECONDS_PER_HOUR = 3_600_000;

export class DefinitionAllowance {
	private left = AT_ONCE_BYTES;
	private seenAt: MonotonicMilliseconds;

	constructor(now: MonotonicMilliseconds) {
		this.seenAt = now;
	}

	/** What is refused costs nothing. */
	takes(bytes: number, now: MonotonicMilliseconds): boolean {
		const grown = ((now - this.seenAt) / MILLISECONDS_PER_HOUR) * AN_HOUR_BYTES;
		this.left = Math.min(AT_ONCE_BYTES, this.left + grown);
		this.seenAt = now;
		if (bytes > this.left) return false;
		this.left -= bytes;
		return true;
	}
}
