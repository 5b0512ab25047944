/**
 * Remembers what of the past was found to be unreadable, once each, over restarts.
 *
 * Takes what a read or a merge met; writes it when it is told to. A disk that refuses costs no read: what is
 * not written waits, and is found again by the next read after a restart.
 */
import type { DamageRow } from "./main-database.js";

/** What is remembered at most; a store that has more needs a backup, not a list. */
const REMEMBERED_MOST = 10_000;

export class DamageLog {
	private readonly known = new Set<string>();
	private waiting: DamageRow[] = [];

	/** What stands in the store already. */
	load(rows: readonly DamageRow[]): void {
		for (const row of rows) this.known.add(keyOf(row));
	}

	get count(): number {
		return this.known.size;
	}

	note(row: DamageRow): void {
		const key = keyOf(row);
		if (this.known.has(key) || this.known.size >= REMEMBERED_MOST) return;
		this.known.add(key);
		this.waiting.push(row);
	}

	flush(write: (rows: readonly DamageRow[]) => void): void {
		if (this.waiting.length === 0) return;
		try {
			write(this.waiting);
			this.waiting = [];
		} catch {
			// The disk refuses; the next time is soon.
		}
	}
}

function keyOf({ file, device, from }: DamageRow): string {
	return `${file} ${device ?? ""} ${from}`;
}
