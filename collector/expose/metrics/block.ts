/**
 * The bytes of one family's lines, patched in place and lent to scrapes.
 *
 * Takes bytes; gives them to write into or to send. What is lent never changes under its holder: a write
 * while a scrape still sends the bytes goes to a copy, and the scrape keeps the old ones. So a slow
 * reader costs one copy of what changed and can never see half a number.
 */

/** Given back by counting `holders` down, once for each scrape that is done with it. */
export type Lent = { readonly bytes: Buffer; holders: number };

export class Block {
	/** Bytes of each value's slot. */
	readonly width: number;
	/** Lines that stand in it as samples; the others are comments. */
	shown = 0;
	private current: Lent;

	constructor(bytes: Buffer, width: number) {
		this.current = { bytes, holders: 0 };
		this.width = width;
	}

	get bytes(): Buffer {
		return this.current.bytes;
	}

	writable(): Buffer {
		if (this.current.holders > 0) this.current = { bytes: copied(this.current.bytes), holders: 0 };
		return this.current.bytes;
	}

	lend(): Lent {
		this.current.holders += 1;
		return this.current;
	}
}

function copied(bytes: Buffer): Buffer {
	const copy = Buffer.allocUnsafeSlow(bytes.length);
	bytes.copy(copy);
	return copy;
}
