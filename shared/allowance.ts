/**
 * So many bytes at once and so many an hour: what another may have defined, since definitions are kept for good.
 *
 * Takes bytes and the monotonic time; says whether they may be. Pure but for its memory.
 */
import type { MonotonicMilliseconds } from "./units.js";

const MILLISECONDS_PER_HOUR = 3_600_000;

export type AllowedBytes = { readonly atOnceBytes: number; readonly anHourBytes: number };

export class Allowance {
	private readonly allowed: AllowedBytes;
	private left: number;
	private seenAt: MonotonicMilliseconds;

	constructor(allowed: AllowedBytes, now: MonotonicMilliseconds) {
		this.allowed = allowed;
		this.left = allowed.atOnceBytes;
		this.seenAt = now;
	}

	/** What is refused costs nothing. */
	takes(bytes: number, now: MonotonicMilliseconds): boolean {
		const { atOnceBytes, anHourBytes } = this.allowed;
		const hours = (now - this.seenAt) / MILLISECONDS_PER_HOUR;
		this.left = Math.min(atOnceBytes, this.left + hours * anHourBytes);
		this.seenAt = now;
		if (bytes > this.left) return false;
		this.left -= bytes;
		return true;
	}
}
