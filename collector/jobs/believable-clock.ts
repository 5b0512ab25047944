/**
 * Whether the wall clock may decide what is deleted and which month is over: one that was set far ahead by mistake would
 * let years of readings go. Takes a clock and when the store was written last; starts nothing.
 */
import type { Clock } from "../../shared/clock.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../shared/units.js";

const DAY = SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;
/** A step ahead by less costs at most so many days of the oldest readings. */
const JUMP_MOST_MILLISECONDS = 7 * DAY;
/** What was set stays set so long, or is put right. */
const STANDS_MILLISECONDS = DAY;

export class BelievableClock {
	private readonly clock: Clock;
	/** Wall beside monotonic time, as believed last. */
	private ahead: number;
	private jumpedAt: number | undefined;

	/** @param writtenAt Unix ms; undefined where the store is empty */
	constructor(clock: Clock, writtenAt: number | undefined) {
		this.clock = clock;
		this.ahead = Math.min(clock.now(), writtenAt ?? Number.POSITIVE_INFINITY) - clock.monotonic();
	}

	/** @throws Error that says how far it jumped and until when that is not believed */
	check(): void {
		const { clock } = this;
		const ahead = clock.now() - clock.monotonic();
		const jump = ahead - this.ahead;
		const isJump = jump > JUMP_MOST_MILLISECONDS;
		if (isJump) this.jumpedAt ??= clock.monotonic();
		if (!isJump || clock.monotonic() - (this.jumpedAt ?? 0) >= STANDS_MILLISECONDS) {
			this.ahead = ahead;
			this.jumpedAt = undefined;
			return;
		}
		throw new Error(
			`The clock is ${Math.round(jump / DAY)} days ahead of what the store knows. Nothing is deleted and no month closed until it has stood for a day; set it right if it is wrong.`,
		);
	}
}
