/**
 * Work that can wait for the network, one piece a turn of the event loop: what arrived meanwhile is heard in between,
 * so the answers of a burst are taken at once and none waits until all before it are decoded. First come, first served.
 */
import type { Clock } from "../../shared/clock.js";

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
			if (this.#waiting.length === 1) this.#clock.soon(this.#next);
		});
	}

	readonly #next = (): void => {
		this.#waiting.shift()?.();
		if (this.#waiting.length > 0) this.#clock.soon(this.#next);
	};
}
