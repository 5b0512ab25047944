/**
 * Work that can wait for the network: it begins when the rest of a burst has had time to answer, and goes on a few
 * pieces a turn of the event loop, so that what arrives meanwhile is heard in between. First come, first served.
 */
import type { Clock } from "../../shared/clock.js";

/** Ten devices, on a busy computer, on the same network answer within. */
const BURST_ANSWERS_MILLISECONDS = 10;

/** A millisecond of decoding: the second of them finds the caches warm, and what arrives waits no longer than that. */
const PIECES_A_TURN = 5;

export class FewATurn {
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
		for (const begin of this.#waiting.splice(0, PIECES_A_TURN)) begin();
		if (this.#waiting.length > 0) this.#clock.soon(this.#next);
	};
}
