/**
 * Bytes in order: a writer that grows and a reader that cannot run past its end.
 *
 * Integers are big-endian; a varint carries 0 to 2^53 - 1 in groups of seven bits, lowest first; a
 * zigzag varint carries whole numbers between -2^52 and 2^52. A reader throws OutOfBytes and
 * nothing else; codecs catch it at their edge and give a failure.
 */
import { invariant } from "../invariant.js";

export class OutOfBytes extends Error {
	override readonly name = "OutOfBytes";
}

const FIRST_SIZE = 1_024;
const VARINT_LONGEST = 8;

export class ByteWriter {
	private bytes = Buffer.allocUnsafe(FIRST_SIZE);
	private length = 0;

	get size(): number {
		return this.length;
	}

	/** A copy, so the writer can be reused. */
	finish(): Buffer {
		return Buffer.from(this.bytes.subarray(0, this.length));
	}

	/** The bytes so far without a copy; only valid until the next write. */
	view(): Buffer {
		return this.bytes.subarray(0, this.length);
	}

	reset(): void {
		this.length = 0;
	}

	u8(value: number): void {
		this.reserve(1);
		this.bytes[this.length] = value;
		this.length += 1;
	}

	u16(value: number): void {
		this.reserve(2);
		this.bytes.writeUInt16BE(value, this.length);
		this.length += 2;
	}

	u32(value: number): void {
		this.reserve(4);
		this.bytes.writeUInt32BE(value, this.length);
		this.length += 4;
	}

	f64(value: number): void {
		this.reserve(8);
		this.bytes.writeDoubleBE(value, this.length);
		this.length += 8;
	}

	varint(value: number): void {
		invariant(Number.isSafeInteger(value) && value >= 0, `a varint is a whole number from 0, found ${value}`);
		this.reserve(VARINT_LONGEST);
		let rest = value;
		while (rest >= 0x80) {
			this.bytes[this.length] = (rest % 0x80) | 0x80;
			this.length += 1;
			rest = Math.floor(rest / 0x80);
		}
		this.bytes[this.length] = rest;
		this.length += 1;
	}

	zigzag(value: number): void {
		this.varint(zigzagged(value));
	}

	raw(bytes: Uint8Array): void {
		this.reserve(bytes.length);
		this.bytes.set(bytes, this.length);
		this.length += bytes.length;
	}

	/** Length as varint, then UTF-8. */
	text(text: string): void {
		const bytes = Buffer.from(text, "utf8");
		this.varint(bytes.length);
		this.raw(bytes);
	}

	private reserve(count: number): void {
		if (this.length + count <= this.bytes.length) return;
		const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + count));
		this.bytes.copy(larger, 0, 0, this.length);
		this.bytes = larger;
	}
}

export class ByteReader {
	private readonly bytes: Buffer;
	private position: number;
	private readonly end: number;

	constructor(bytes: Buffer, from = 0, end = bytes.length) {
		this.bytes = bytes;
		this.position = from;
		this.end = end;
	}

	get at(): number {
		return this.position;
	}

	/** Another reader of the same bytes. */
	from(position: number): ByteReader {
		return new ByteReader(this.bytes, position, this.end);
	}

	get left(): number {
		return this.end - this.position;
	}

	u8(): number {
		this.need(1);
		const value = this.bytes[this.position] ?? 0;
		this.position += 1;
		return value;
	}

	u16(): number {
		this.need(2);
		this.position += 2;
		return this.bytes.readUInt16BE(this.position - 2);
	}

	u32(): number {
		this.need(4);
		this.position += 4;
		return this.bytes.readUInt32BE(this.position - 4);
	}

	f64(): number {
		this.need(8);
		this.position += 8;
		return this.bytes.readDoubleBE(this.position - 8);
	}

	varint(): number {
		let value = 0;
		let scale = 1;
		for (let count = 0; count < VARINT_LONGEST; count += 1) {
			const byte = this.u8();
			value += (byte & 0x7f) * scale;
			if (byte < 0x80) {
				if (value > Number.MAX_SAFE_INTEGER) break;
				return value;
			}
			scale *= 0x80;
		}
		throw new OutOfBytes("a varint of more than 53 bits");
	}

	zigzag(): number {
		return unzigzagged(this.varint());
	}

	/** A view, not a copy. */
	raw(count: number): Buffer {
		this.need(count);
		this.position += count;
		return this.bytes.subarray(this.position - count, this.position);
	}

	text(longest: number): string {
		const length = this.varint();
		if (length > longest) throw new OutOfBytes(`a text of ${length} bytes where ${longest} are allowed`);
		return this.raw(length).toString("utf8");
	}

	skip(count: number): void {
		this.need(count);
		this.position += count;
	}

	private need(count: number): void {
		if (count < 0 || this.position + count > this.end) {
			throw new OutOfBytes(`${count} bytes wanted, ${this.end - this.position} left`);
		}
	}
}

export function zigzagged(value: number): number {
	return value >= 0 ? value * 2 : -value * 2 - 1;
}

export function unzigzagged(value: number): number {
	return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** A count that foreign bytes claim. @throws OutOfBytes beyond `most` */
export function bounded(count: number, most: number): number {
	if (count > most) throw new OutOfBytes(`a count of ${count} where ${most} are allowed`);
	return count;
}

/** An entry of a table that foreign bytes name by its place. @throws OutOfBytes where there is none */
export function pick(list: readonly string[], index: number): string {
	const found = list[index];
	if (found === undefined) throw new OutOfBytes(`entry ${index} of a table of ${list.length}`);
	return found;
}
