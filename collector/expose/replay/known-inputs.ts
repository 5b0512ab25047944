/**
 * Inputs as they were known at a moment that moves: what came to be known later is not there yet. Pure.
 *
 * Takes the store's inputs and the moment; gives the same list for as long as nothing more comes to be known, since
 * whoever reads it keeps what was worked out of a list.
 */
import type { StoredInput } from "../../store/device-state.js";

export function knownInputs(
	read: () => readonly StoredInput[],
	moment: () => number,
): () => readonly StoredInput[] {
	let all: readonly StoredInput[] = [];
	let known: readonly StoredInput[] = [];
	let [from, until] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
	return () => {
		const [at, rows] = [moment(), read()];
		if (rows === all && at >= from && at < until) return known;
		all = rows;
		known = rows.filter(({ knownFrom }) => knownFrom <= at);
		from = at;
		until = rows.reduce(
			(least, { knownFrom }) => (knownFrom > at && knownFrom < least ? knownFrom : least),
			Number.POSITIVE_INFINITY,
		);
		return known;
	};
}
