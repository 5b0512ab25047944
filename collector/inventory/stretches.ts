/**
 * Stretches of time that do not overlap, each with what it is of. Pure but for itself.
 *
 * Takes a stretch; gives what it would overlap, or takes it in. Found by halves, so that a long table is no slower a
 * row than a short one.
 */
import { endOf, type InventoryEntry } from "../derive/placement.js";

type Stretch<Of> = { readonly from: number; readonly to: number; readonly of: Of };

export class Stretches<Of> {
	/** Sorted, not overlapping. */
	private readonly taken: Stretch<Of>[] = [];

	/** @returns what stands there already; undefined where the stretch was free and is taken now */
	put(entry: InventoryEntry, of: Of): Of | undefined {
		const stretch = { from: entry.validFrom, to: endOf(entry), of };
		const index = this.firstEndingAfter(stretch.from);
		const next = this.taken[index];
		if (next !== undefined && next.from < stretch.to) return next.of;
		this.taken.splice(index, 0, stretch);
		return undefined;
	}

	private firstEndingAfter(at: number): number {
		let [low, high] = [0, this.taken.length];
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((this.taken[middle]?.to ?? Number.POSITIVE_INFINITY) <= at) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}
