/**
 * Stops the process when our own code is wrong: exit 70, with what must hold and what was found.
 *
 * Only for what no device, agent or operator can cause: those get a failure with a code
 * (see failures.ts).
 */
export function invariant(holds: boolean, message: string): asserts holds {
	if (!holds) throw new Bug(message);
}

/** Marks a fault of our own, so that the command at the top can tell it from everything else. */
export class Bug extends Error {
	override readonly name = "Bug";

	constructor(message: string) {
		super(`BUG: ${message}`);
	}
}
