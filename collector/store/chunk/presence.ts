/**
 * Which samples of a column are there ⇄ bits. Pure.
 *
 * A failed poll takes values from all columns alike, and what is asked every third poll comes together:
 * so a chunk lists each pattern once and columns name theirs.
 *
 *   bit 0: a bit a sample, 1 where it is there
 *   bit 1: whether the first sample is there (1 bit), then the lengths of the runs in turn, each as
 *          (its bits − 1) zeros and its bits
 */
import { OutOfBytes } from "../../../shared/wire/bytes.js";
import { type BitReader, type BitWriter, widthOf } from "./bits.js";

/** Rows of the samples that are there, rising. */
export type Rows = Int32Array;

export function writePattern(writer: BitWriter, rows: Rows, count: number): void {
	const lengths = runLengths(rows, count);
	const runBits = lengths.reduce((sum, length) => sum + 2 * widthOf(length) - 1, 1);
	if (runBits < count) {
		writer.put(1, 1);
		writer.put(rows[0] === 0 ? 1 : 0, 1);
		for (const length of lengths) {
			const width = widthOf(length);
			writer.put(0, width - 1);
			writer.put(length, width);
		}
		return;
	}
	writer.put(0, 1);
	let place = 0;
	for (let row = 0; row < count; row += 1) {
		const isThere = rows[place] === row;
		writer.put(isThere ? 1 : 0, 1);
		if (isThere) place += 1;
	}
}

/** Skips a pattern; gives where it began. */
export function skipPattern(reader: BitReader, count: number): number {
	const from = reader.at;
	if (reader.take(1) === 0) {
		reader.need(count);
		reader.window(reader.at + count, reader.at + reader.left);
		return from;
	}
	reader.take(1);
	for (let left = count; left > 0; ) left -= takeLength(reader, left);
	return from;
}

/** Reads the pattern at the reader. */
export function readPattern(reader: BitReader, count: number): Rows {
	const rows = new Int32Array(count);
	let found = 0;
	if (reader.take(1) === 0) {
		for (let row = 0; row < count; row += 1) {
			if (reader.take(1) === 0) continue;
			rows[found] = row;
			found += 1;
		}
		return rows.subarray(0, found);
	}
	let isThere = reader.take(1) === 1;
	for (let row = 0; row < count; ) {
		const end = row + takeLength(reader, count - row);
		for (; row < end; row += 1) {
			if (!isThere) continue;
			rows[found] = row;
			found += 1;
		}
		isThere = !isThere;
	}
	return rows.subarray(0, found);
}

function takeLength(reader: BitReader, most: number): number {
	let width = 1;
	while (reader.take(1) === 0) width += 1;
	if (width > widthOf(most)) throw new OutOfBytes(`a run of ${width} bits`);
	const length = 2 ** (width - 1) + reader.take(width - 1);
	if (length > most) throw new OutOfBytes(`a run of ${length} of ${most} samples`);
	return length;
}

function runLengths(rows: Rows, count: number): readonly number[] {
	const lengths: number[] = [];
	let next = 0;
	for (let place = 0; place < rows.length; ) {
		const first = rows[place] ?? 0;
		if (first > next) lengths.push(first - next);
		let end = first;
		while (rows[place] === end) {
			place += 1;
			end += 1;
		}
		lengths.push(end - first);
		next = end;
	}
	if (next < count) lengths.push(count - next);
	return lengths;
}
