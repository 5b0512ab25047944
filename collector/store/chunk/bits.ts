/**
 * Bits in order, highest first: a writer that grows and a reader that cannot run past its end. Pure.
 *
 *   number   6 bits: how many bits follow, 0 to 53; then the bits of a whole number from 0
 *   signed   number of the zigzag of a whole number: 0, -1, 1, -2 … are 0, 1, 2, 3 …
 *   Rice k   a number n from 0 below 2^31: n >> k zeros, a one, the lowest k bits of n; from 24 zeros
 *            on instead 24 zeros and the 32 bits of n
 *
 * A reader throws OutOfBytes and nothing else; the codec catches it at its edge and gives a failure.
 * The loops over many values keep the state in locals: 5,760 of them are a device's hour.
 */
import { invariant } from "../../../shared/invariant.js";
import { OutOfBytes, unzigzagged, zigzagged } from "../../../shared/wire/bytes.js";

const FIRST_BYTES = 65_536;
const WORD_BITS = 32;
const WORD_BYTES = 4;
const TWO_TO_32 = 2 ** 32;
const WIDTH_BITS = 6;
const WIDTH_MOST = 53;
const ESCAPE_ZEROS = 24;
/** What one Rice code takes at most: the zeros of an escape and the number. */
const RICE_BYTES_MOST = (ESCAPE_ZEROS + WORD_BITS) / 8;
const SPARE_BYTES = 2 * WORD_BYTES;
/** A word read at any bit has at least this many bits that count. */
const WINDOW_BITS = 25;
/** Bytes after the end that a reader may touch before it sees that it ran past. */
const MARGIN_BYTES = 16;

/** A Rice parameter is below this: numbers are below 2^31. */
export const RICE_PARAMETER_BITS = 5;
const RICE_PARAMETER_MOST = 30;

const doubleView = new DataView(new ArrayBuffer(8));

export function widthOf(value: number): number {
	return value < TWO_TO_32
		? WORD_BITS - Math.clz32(value)
		: 2 * WORD_BITS - Math.clz32(Math.floor(value / TWO_TO_32));
}

export class BitWriter {
	private bytes = new Uint8Array(FIRST_BYTES);
	private view = new DataView(this.bytes.buffer);
	/** Bytes of whole words written. */
	private at = 0;
	private word = 0;
	private free = WORD_BITS;

	get bitLength(): number {
		return this.at * 8 + WORD_BITS - this.free;
	}

	clear(): void {
		this.at = 0;
		this.word = 0;
		this.free = WORD_BITS;
	}

	/** The lowest `bits` of a whole number below 2^32, 0 to 32 of them; higher ones must be 0. */
	put(value: number, bits: number): void {
		if (bits === 0) return;
		this.reserve(WORD_BYTES);
		this.free -= bits;
		if (this.free > 0) {
			this.word |= value << this.free;
			return;
		}
		this.view.setUint32(this.at, this.word | (value >>> -this.free));
		this.at += WORD_BYTES;
		this.free += WORD_BITS;
		this.word = this.free === WORD_BITS ? 0 : value << this.free;
	}

	/** As `put`, for whole numbers up to 2^53. */
	putLong(value: number, bits: number): void {
		if (bits > WORD_BITS) this.put(Math.floor(value / TWO_TO_32), bits - WORD_BITS);
		this.put(value % TWO_TO_32, Math.min(bits, WORD_BITS));
	}

	putNumber(value: number): void {
		const bits = widthOf(value);
		invariant(bits <= WIDTH_MOST, `a number of a chunk has at most 53 bits, found ${value}`);
		this.put(bits, WIDTH_BITS);
		this.putLong(value, bits);
	}

	putSigned(value: number): void {
		this.putNumber(zigzagged(value));
	}

	putDouble(value: number): void {
		doubleView.setFloat64(0, value);
		this.put(doubleView.getUint32(0), WORD_BITS);
		this.put(doubleView.getUint32(WORD_BYTES), WORD_BITS);
	}

	/** The first `count` values as Rice codes. */
	putRice(values: Int32Array, count: number, parameter: number): void {
		this.reserve(count * RICE_BYTES_MOST);
		const view = this.view;
		const one = 1 << parameter;
		const mask = one - 1;
		let at = this.at;
		let word = this.word;
		let free = this.free;
		for (let index = 0; index < count; index += 1) {
			const value = values[index] ?? 0;
			const zeros = value >>> parameter;
			let code = (value & mask) | one;
			let length = zeros + parameter + 1;
			if (zeros >= ESCAPE_ZEROS || length > WORD_BITS) {
				// The zeros by themselves; what is left fits a word.
				const alone = Math.min(zeros, ESCAPE_ZEROS);
				free -= alone;
				if (free <= 0) {
					view.setUint32(at, word);
					at += WORD_BYTES;
					word = 0;
					free += WORD_BITS;
				}
				code = zeros >= ESCAPE_ZEROS ? value : code;
				length = zeros >= ESCAPE_ZEROS ? WORD_BITS : parameter + 1;
			}
			free -= length;
			if (free > 0) word |= code << free;
			else {
				view.setUint32(at, word | (code >>> -free));
				at += WORD_BYTES;
				free += WORD_BITS;
				word = free === WORD_BITS ? 0 : code << free;
			}
		}
		this.at = at;
		this.word = word;
		this.free = free;
	}

	/** What was written, filled up with zeros to a byte; a view that the next `clear` gives up. */
	finish(): Uint8Array {
		this.reserve(WORD_BYTES);
		this.view.setUint32(this.at, this.word);
		return this.bytes.subarray(0, Math.ceil(this.bitLength / 8));
	}

	private reserve(count: number): void {
		const needed = this.at + count + SPARE_BYTES;
		if (needed <= this.bytes.length) return;
		const larger = new Uint8Array(Math.max(this.bytes.length * 2, needed));
		larger.set(this.bytes.subarray(0, this.at));
		this.bytes = larger;
		this.view = new DataView(larger.buffer);
	}
}

/** Where chunks are read from: a copy with a margin, so that no loop must look how many bytes are left. */
let margined = new Uint8Array(FIRST_BYTES);
let marginedView = new DataView(margined.buffer);

/** A reader of all of `bytes`; gives up the reader before it. */
export function bitReader(bytes: Uint8Array): BitReader {
	const needed = bytes.length + MARGIN_BYTES;
	if (needed > margined.length) {
		margined = new Uint8Array(Math.max(margined.length * 2, needed));
		marginedView = new DataView(margined.buffer);
	}
	margined.set(bytes);
	margined.fill(0, bytes.length, needed);
	return new BitReader(marginedView, bytes.length * 8);
}

export class BitReader {
	private readonly view: DataView;
	private end: number;
	private position = 0;

	constructor(view: DataView, end: number) {
		this.view = view;
		this.end = end;
	}

	get at(): number {
		return this.position;
	}

	get left(): number {
		return this.end - this.position;
	}

	/** Goes on at bit `from` and ends at bit `to`, both within what it was made for. */
	window(from: number, to: number): void {
		this.position = from;
		this.end = to;
	}

	take(bits: number): number {
		if (bits === 0) return 0;
		this.need(bits);
		const byte = this.position >>> 3;
		const shift = this.position & 7;
		this.position += bits;
		const word =
			(this.view.getUint32(byte) << shift) | (this.view.getUint8(byte + WORD_BYTES) >>> (8 - shift));
		return word >>> (WORD_BITS - bits);
	}

	takeLong(bits: number): number {
		if (bits <= WORD_BITS) return this.take(bits);
		return this.take(bits - WORD_BITS) * TWO_TO_32 + this.take(WORD_BITS);
	}

	takeNumber(): number {
		const bits = this.take(WIDTH_BITS);
		if (bits > WIDTH_MOST) throw new OutOfBytes(`a number of ${bits} bits`);
		return this.takeLong(bits);
	}

	takeSigned(): number {
		return unzigzagged(this.takeNumber());
	}

	takeDouble(): number {
		doubleView.setUint32(0, this.take(WORD_BITS));
		doubleView.setUint32(WORD_BYTES, this.take(WORD_BITS));
		return doubleView.getFloat64(0);
	}

	/** Reads `count` Rice codes into the first places. */
	takeRice(into: Int32Array, count: number, parameter: number): void {
		if (parameter > RICE_PARAMETER_MOST) throw new OutOfBytes(`a Rice parameter of ${parameter}`);
		// A code is never shorter, so the count is checked before the loop begins.
		this.need(count * (parameter + 1));
		const { view, end } = this;
		let position = this.position;
		for (let index = 0; index < count; index += 1) {
			if (position >= end) throw new OutOfBytes("the bits of a column run out");
			const word = view.getUint32(position >>> 3) << (position & 7);
			const zeros = Math.clz32(word);
			const length = zeros + 1 + parameter;
			if (length <= WINDOW_BITS) {
				into[index] = (word >>> (WORD_BITS - length)) + ((zeros - 1) << parameter);
				position += length;
			} else {
				this.position = position;
				into[index] = this.takeLongRice(zeros, parameter);
				position = this.position;
			}
		}
		if (position > end) throw new OutOfBytes("the bits of a column run out");
		this.position = position;
	}

	need(bits: number): void {
		if (this.position + bits > this.end) {
			throw new OutOfBytes(`${bits} bits wanted, ${this.end - this.position} left`);
		}
	}

	/** A code that does not fit the window; `zeros` are right up to the escape. */
	private takeLongRice(zeros: number, parameter: number): number {
		if (zeros >= ESCAPE_ZEROS) {
			this.need(ESCAPE_ZEROS);
			this.position += ESCAPE_ZEROS;
			return this.take(WORD_BITS);
		}
		this.need(zeros + 1);
		this.position += zeros + 1;
		return zeros * (1 << parameter) + this.take(parameter);
	}
}
