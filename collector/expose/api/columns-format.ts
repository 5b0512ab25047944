/**
 * Columns of numbers as bytes: what /series and /latest answer to who asks for no text.
 *
 * Takes a head and the columns it names; gives slices in order, the columns themselves uncopied.
 * Layout, byte by byte: COLUMNS_FORMAT.md. Absent is NaN, in columns only.
 */
import type { ByteText } from "./byte-text.js";

export const COLUMNS_CONTENT_TYPE = "application/vnd.fleetwatt.columns";

const MAGIC = Buffer.from("FWCOLS\0\x01", "latin1");
const LENGTHS_BYTES = 8;
const ALIGNMENT = 8;
const BLANK = 0x20;
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Hands out places: columns are numbered in the order in which they were first named. */
export class ColumnPlaces {
	private readonly places = new Map<Float64Array, number>();

	place(column: Float64Array): number {
		const known = this.places.get(column);
		if (known !== undefined) return known;
		this.places.set(column, this.places.size);
		return this.places.size - 1;
	}

	columns(): readonly Float64Array[] {
		return [...this.places.keys()];
	}
}

/** `head` is JSON text; whoever wrote it names columns by their places. */
export function columnsBytes(head: ByteText, columns: readonly Float64Array[]): readonly Uint8Array[] {
	const headLength = head.length;
	const padding = (ALIGNMENT - (headLength % ALIGNMENT)) % ALIGNMENT;
	const lengths = Buffer.alloc(LENGTHS_BYTES);
	lengths.writeUInt32LE(headLength + padding, 0);
	lengths.writeUInt32LE(columns.length, 4);
	const rows = Buffer.alloc(columns.length * 8);
	columns.forEach(({ length }, index) => {
		rows.writeDoubleLE(length, index * 8);
	});
	return [
		Buffer.concat([MAGIC, lengths]),
		...head.take(),
		Buffer.alloc(padding, BLANK),
		rows,
		...columns.map(littleEndian),
	];
}

function littleEndian(column: Float64Array): Uint8Array {
	const bytes = Buffer.from(column.buffer, column.byteOffset, column.byteLength);
	return IS_LITTLE_ENDIAN ? bytes : Buffer.from(bytes).swap64();
}
