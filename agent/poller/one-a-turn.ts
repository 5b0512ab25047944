/**
 * Work that can wait for the network: it begins when the rest of a burst has had time to answer, and goes on one piece a
 * turn of the event loop, so that what arrives meanwhile is heard in between. First come, first served.
 */
import type { Clock } from "../../shared/clock.js";

/** Ten devices on the same network answer within. */
const BURST_ANSWERS_MILLISECONDS = 5;

export class OneATurn {
	readonly #clock: Clock;
	readonly #waiting: (() => void)[] = [];

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Ends when the caller may work. */
	turn(): Promise<void> {
		return new Promise((resolve) => {
			this.#waiting.push(resolve);
			if (this.#waiting.length === 1) this.#clock.after(BURST_ANSWERS_MILLISECONDS, this.#next);
		});
	}

	readonly #next = (): void => {
		this.#waiting.shift()?.();
		if (this.#waiting.length > 0) this.#clock.soon(this.#next);
	};
}
