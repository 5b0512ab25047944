/**
 * What goes when the store has more bytes than it may: the finest tier first, its oldest file first. Pure.
 *
 * The order is raw, one minute, five minutes, hour. What is of the day tier, the inbox and all else in
 * fleetwatt.db never goes, nor a file whose time has not been over for an hour, since it is still written.
 */
import { MILLISECONDS_PER_HOUR } from "./day-files.js";
import { bytesOf, type StoreFiles, type TierFile } from "./files.js";

const WRITTEN_AFTER_END_MILLISECONDS = MILLISECONDS_PER_HOUR;

export type Sacrifice = {
	readonly files: readonly TierFile[];
	/** Bytes above the budget that nothing more can go for. */
	readonly bytesOver: number;
};

export function sacrificeFor(files: StoreFiles, budgetBytes: number, now: number): Sacrifice {
	let over = bytesOf(files) - budgetBytes;
	const going: TierFile[] = [];
	// The files stand in the order in which they go.
	for (const file of files.tiers) {
		if (over <= 0) break;
		if (file.tier === "day" || file.to + WRITTEN_AFTER_END_MILLISECONDS > now) continue;
		going.push(file);
		over -= file.bytes;
	}
	return { files: going, bytesOver: Math.max(0, over) };
}
