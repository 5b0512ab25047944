/**
 * Places for one column at a time, kept from chunk to chunk: sealing 10,000 devices makes no garbage of them.
 *
 * Nothing here outlives a call; who needs more rows reserves them first.
 */
const FIRST_ROWS = 4_096;

export const scratch = {
	/** The numbers of a column that are there, without its gaps. */
	picked: new Int32Array(FIRST_ROWS),
	/** The same from the first, in units. */
	numbers: new Int32Array(FIRST_ROWS),
	/** Numbers that do not fit 32 bits, and doubles. */
	wide: new Float64Array(FIRST_ROWS),
	/** Zigzag of what the prediction missed. */
	residuals: new Int32Array(FIRST_ROWS),
	/** How many residuals of 0 stand before each other one, and that one less 1. */
	runs: new Int32Array(FIRST_ROWS),
	others: new Int32Array(FIRST_ROWS),
};

export function reserveRows(count: number): void {
	if (scratch.numbers.length >= count) return;
	const rows = Math.max(count, scratch.numbers.length * 2);
	scratch.picked = new Int32Array(rows);
	scratch.numbers = new Int32Array(rows);
	scratch.wide = new Float64Array(rows);
	scratch.residuals = new Int32Array(rows);
	scratch.runs = new Int32Array(rows);
	scratch.others = new Int32Array(rows);
}
