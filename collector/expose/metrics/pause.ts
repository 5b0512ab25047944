/**
 * Lets others have the event loop while a long rendering is under way.
 *
 * Takes a clock; says when enough was done in one go and waits a turn. Never waits for time itself.
 */
import type { Clock } from "../../../shared/clock.js";

/** The loop is kept for about this long at a time; what the runtime's memory needs comes on top. */
const TURN_MILLISECONDS = 2;

export type Pause = {
	/** Resolves at once, or after others had their turn. */
	ifDue(): Promise<void> | undefined;
};

export function createPause(clock: Pick<Clock, "monotonic" | "after">): Pause {
	let startedAt = clock.monotonic();
	return {
		ifDue() {
			if (clock.monotonic() - startedAt < TURN_MILLISECONDS) return undefined;
			return new Promise((resolve) => {
				clock.after(0, () => {
					startedAt = clock.monotonic();
					resolve();
				});
			});
		},
	};
}
