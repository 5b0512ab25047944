/**
 * One column of whole numbers ⇄ bytes, as RECORD_FORMAT.md lays it out. Pure.
 *
 * A column is all absent, one number, numbers packed into as many bits as their range needs, or raw
 * doubles. Decoded whole numbers stay whole in an Int32Array where they fit: nothing downstream divides
 * by a power of ten before somebody wants to read the value.
 */
import { type ByteReader, type ByteWriter, OutOfBytes } from "./bytes.js";

/** Marks absence among scaled numbers. */
export const ABSENT_SCALED = -(2 ** 31);
/** Int32Array: numbers of 10^-decimals, ABSENT_SCALED is absent. Float64Array: values, NaN is absent. */
export type ColumnValues = Int32Array | Float64Array;

export const POWERS_OF_TEN = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9] as const;
/** Beyond it a scaled number leaves the exact range of a zigzag varint. */
const SCALED_MOST = 2 ** 50;

/** By bits: a power is dear where a column is read in a microsecond. */
const POWERS_OF_TWO = Float64Array.from({ length: 54 }, (_, bits) => 2 ** bits);

function powerOfTwo(bits: number): number {
	return POWERS_OF_TWO[bits] as number;
}

const MODE_ABSENT = 0;
const MODE_CONSTANT = 1;
const MODE_PACKED = 2;
const MODE_DOUBLES = 3;
const HAS_ABSENT = 0x80;
const WIDTH_MOST = 52;
/** A number of so many bits lies within four bytes wherever in a byte it begins. */
const WIDTH_OF_ONE_WORD = 25;
/** Numbers are packed in words of so many bits: with seven bits held they stay within 32. */
const WORD_BITS = 24;
const WORD = 2 ** WORD_BITS;
const INT32_LEAST = -(2 ** 31) + 1;
const INT32_MOST = 2 ** 31 - 1;

/** The value as whole number of 10^-decimals, or NaN where it is absent or too large for one. A zero has no sign. */
function scaledOf(value: number, decimals: number): number {
	const scaled = Math.round(value * (POWERS_OF_TEN[decimals] ?? 1)) + 0;
	return Math.abs(scaled) <= SCALED_MOST ? scaled : Number.NaN;
}

export function roundToDecimals(value: number, decimals: number): number {
	const scaled = scaledOf(value, decimals);
	return Number.isNaN(scaled) ? value : scaled / (POWERS_OF_TEN[decimals] ?? 1);
}

/** What stands in a decoded column, as value; NaN marks an absent one. */
export function valueIn(values: ColumnValues, row: number, decimals: number): number {
	const found = values[row] ?? Number.NaN;
	if (values instanceof Float64Array) return found;
	return found === ABSENT_SCALED ? Number.NaN : found / (POWERS_OF_TEN[decimals] ?? 1);
}

/** A column's scaled numbers while it is written; nothing is kept in it between two calls. */
let scratch = new Float64Array(0);

/** @param values finite, or not finite where absent */
export function writeValues(writer: ByteWriter, values: Float64Array, decimals: number): void {
	if (scratch.length < values.length) scratch = new Float64Array(values.length);
	const numbers = scratch;
	let isWhole = true;
	let count = 0;
	for (let row = 0; row < values.length; row += 1) {
		const value = values[row] as number;
		if (!Number.isFinite(value)) continue;
		const scaled = scaledOf(value, decimals);
		if (Number.isNaN(scaled)) isWhole = false;
		numbers[count] = scaled;
		count += 1;
	}
	const hasAbsent = count < values.length && count > 0;
	const flag = hasAbsent ? HAS_ABSENT : 0;
	if (isWhole) {
		writePacked(writer, numbers.subarray(0, count), flag, hasAbsent ? values : undefined);
		return;
	}
	writer.u8(MODE_DOUBLES | flag);
	if (hasAbsent) writePresence(writer, values);
	for (const value of values) if (Number.isFinite(value)) writer.f64(roundToDecimals(value, decimals));
}

/** Whole numbers, none absent, at most 2^50 either way. */
export function writeNumbers(writer: ByteWriter, numbers: Float64Array): void {
	writePacked(writer, numbers, 0, undefined);
}

function writePacked(
	writer: ByteWriter,
	numbers: Float64Array,
	flag: number,
	presence: Float64Array | undefined,
): void {
	const { base, most, step } = rangeOf(numbers);
	const mode = numbers.length === 0 ? MODE_ABSENT : most === base ? MODE_CONSTANT : MODE_PACKED;
	writer.u8(mode | flag);
	if (presence !== undefined) writePresence(writer, presence);
	if (mode === MODE_ABSENT) return;
	writer.zigzag(base);
	if (mode === MODE_CONSTANT) return;
	const width = bitsOf((most - base) / step);
	writer.varint(step);
	writer.u8(width);
	writer.raw(packed(numbers, { base, step, width }));
}

function rangeOf(numbers: Float64Array): { base: number; most: number; step: number } {
	let base = numbers[0] ?? 0;
	let most = base;
	for (let row = 1; row < numbers.length; row += 1) {
		const number = numbers[row] as number;
		if (number < base) base = number;
		if (number > most) most = number;
	}
	let step = 0;
	for (let row = 0; row < numbers.length && step !== 1; row += 1) {
		step = greatestCommonDivisor((numbers[row] as number) - base, step);
	}
	return { base: base + 0, most, step };
}

function greatestCommonDivisor(one: number, other: number): number {
	let a = one;
	let b = other;
	while (b !== 0) {
		const rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

function bitsOf(most: number): number {
	let width = 1;
	while (2 ** width <= most) width += 1;
	return width;
}

type Packing = { readonly base: number; readonly step: number; readonly width: number };

/** Lowest bits first, from the lowest bit of the first byte; the last byte is filled with zeros. */
function packed(numbers: Float64Array, { base, step, width }: Packing): Uint8Array {
	const bytes = new Uint8Array(Math.ceil((numbers.length * width) / 8));
	let at = 0;
	// Bits that wait for their byte: fewer than eight, before the next number is put above them.
	let held = 0;
	let heldBits = 0;
	for (let row = 0; row < numbers.length; row += 1) {
		let rest = ((numbers[row] as number) - base) / step;
		for (let bits = width; bits > 0; bits -= WORD_BITS) {
			const word = bits > WORD_BITS ? rest % WORD : rest;
			if (bits > WORD_BITS) rest = Math.floor(rest / WORD);
			held |= word << heldBits;
			heldBits += Math.min(bits, WORD_BITS);
			while (heldBits >= 8) {
				bytes[at] = held;
				at += 1;
				held >>>= 8;
				heldBits -= 8;
			}
		}
	}
	if (heldBits > 0) bytes[at] = held;
	return bytes;
}

function writePresence(writer: ByteWriter, values: Float64Array): void {
	const bits = new Uint8Array(Math.ceil(values.length / 8));
	for (const [index, value] of values.entries()) {
		if (Number.isFinite(value)) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
	}
	writer.raw(bits);
}

/**
 * Reads a column of `count` rows.
 *
 * @throws OutOfBytes on bytes that are no column
 */
export function readValues(reader: ByteReader, count: number, decimals: number): ColumnValues {
	const byte = reader.u8();
	const mode = byte & ~HAS_ABSENT;
	if (mode === MODE_ABSENT) return new Int32Array(count).fill(ABSENT_SCALED);
	const presence = (byte & HAS_ABSENT) === 0 ? undefined : reader.raw(Math.ceil(count / 8));
	const present = presence === undefined ? count : countBits(presence, count);
	const dense = readDense(reader, mode, present, decimals);
	return presence === undefined ? dense : spread(dense, presence, count);
}

/**
 * Passes over a column of `count` rows and looks at all of it: what is passed over decodes without a fault.
 *
 * @throws OutOfBytes where readValues would
 */
export function skipValues(reader: ByteReader, count: number): void {
	const byte = reader.u8();
	const mode = byte & ~HAS_ABSENT;
	if (mode === MODE_ABSENT) return;
	const presence = (byte & HAS_ABSENT) === 0 ? undefined : reader.raw(Math.ceil(count / 8));
	const present = presence === undefined ? count : countBits(presence, count);
	if (mode === MODE_DOUBLES) {
		readDoubles(reader, present);
		return;
	}
	if (mode !== MODE_CONSTANT && mode !== MODE_PACKED) throw new OutOfBytes(`a column of mode ${mode}`);
	const base = reader.zigzag();
	if (mode === MODE_CONSTANT) return;
	const packing = readPacking(reader, base);
	const bytes = reader.raw(Math.ceil((present * packing.width) / 8));
	const most = base + packing.step * (powerOfTwo(packing.width) - 1);
	// Beyond what any of them can be, all are exact; else each is looked at.
	if (base < -SCALED_MOST || most > SCALED_MOST) unpackedDoubles(bytes, present, packing, 0);
}

/** Where some rows of a column belong in a larger table of numbers. */
export type Scatter = {
	/** How many of the rows below are meant. */
	used: number;
	/** Rows of the record, and the place of each in `into`. */
	readonly rows: Int32Array;
	readonly targets: Int32Array;
};

/**
 * Puts some rows of a checked column straight into a table, without the others being decoded.
 *
 * @returns undefined where that is done; else the column, whose values are no small whole numbers
 */
export function scatterValues(
	reader: ByteReader,
	{ count, decimals }: { readonly count: number; readonly decimals: number },
	{ used, rows, targets }: Scatter,
	into: Int32Array,
): Float64Array | undefined {
	const start = reader.at;
	const mode = reader.u8();
	if (mode === MODE_ABSENT || mode === MODE_CONSTANT) {
		const number = mode === MODE_ABSENT ? ABSENT_SCALED : reader.zigzag();
		if (mode === MODE_ABSENT || fitsInt32(number, number)) {
			for (let index = 0; index < used; index += 1) into[targets[index] as number] = number;
			return undefined;
		}
	} else if (mode === MODE_PACKED) {
		const base = reader.zigzag();
		const { step, width } = readPacking(reader, base);
		if (width <= WIDTH_OF_ONE_WORD && fitsInt32(base, base + step * (powerOfTwo(width) - 1))) {
			const bytes = reader.raw(Math.ceil((count * width) / 8));
			const whole = Math.max(0, Math.floor(((bytes.length - 4) * 8) / width));
			const mask = powerOfTwo(width) - 1;
			for (let index = 0; index < used; index += 1) {
				const row = rows[index] as number;
				const bit = row * width;
				const at = bit >>> 3;
				const number =
					row < whole
						? (((bytes[at] as number) |
								((bytes[at + 1] as number) << 8) |
								((bytes[at + 2] as number) << 16) |
								((bytes[at + 3] as number) << 24)) >>>
								(bit & 7)) &
							mask
						: bitsAt(bytes, bit, width);
				into[targets[index] as number] = base + number * step;
			}
			return undefined;
		}
	}
	const values = readValues(reader.from(start), count, decimals);
	if (values instanceof Float64Array) return values;
	for (let index = 0; index < used; index += 1)
		into[targets[index] as number] = values[rows[index] as number] as number;
	return undefined;
}

/** Reads a column of places or milliseconds: whole numbers, none absent. @throws OutOfBytes */
export function readNumbers(reader: ByteReader, count: number): ColumnValues {
	const byte = reader.u8();
	if (byte !== MODE_CONSTANT && byte !== MODE_PACKED && !(byte === MODE_ABSENT && count === 0))
		throw new OutOfBytes(`a column of whole numbers of mode ${byte}`);
	return readDense(reader, byte, count, 0);
}

function readDense(reader: ByteReader, mode: number, count: number, decimals: number): ColumnValues {
	if (mode === MODE_DOUBLES) return readDoubles(reader, count);
	if (mode === MODE_ABSENT) return new Int32Array(0);
	if (mode !== MODE_CONSTANT && mode !== MODE_PACKED) throw new OutOfBytes(`a column of mode ${mode}`);
	const base = reader.zigzag();
	if (mode === MODE_CONSTANT) {
		return fitsInt32(base, base)
			? new Int32Array(count).fill(base)
			: new Float64Array(count).fill(base / (POWERS_OF_TEN[decimals] ?? 1));
	}
	const packing = readPacking(reader, base);
	const { step, width } = packing;
	const bytes = reader.raw(Math.ceil((count * width) / 8));
	const most = base + step * (powerOfTwo(width) - 1);
	if (width <= WIDTH_OF_ONE_WORD && fitsInt32(base, most)) return unpacked(bytes, count, packing);
	return unpackedDoubles(bytes, count, packing, decimals);
}

function readPacking(reader: ByteReader, base: number): Packing {
	const step = reader.varint();
	const width = reader.u8();
	if (width < 1 || width > WIDTH_MOST) throw new OutOfBytes(`numbers of ${width} bits`);
	return { base, step, width };
}

function fitsInt32(least: number, most: number): boolean {
	return least >= INT32_LEAST && most <= INT32_MOST;
}

function unpacked(bytes: Uint8Array, count: number, { base, step, width }: Packing): Int32Array {
	const numbers = new Int32Array(count);
	const mask = powerOfTwo(width) - 1;
	// Four bytes may be read from where a number begins, up to here.
	const whole = Math.max(0, Math.min(count, Math.floor(((bytes.length - 4) * 8) / width)));
	let bit = 0;
	for (let row = 0; row < whole; row += 1) {
		const at = bit >>> 3;
		const word =
			(bytes[at] as number) |
			((bytes[at + 1] as number) << 8) |
			((bytes[at + 2] as number) << 16) |
			((bytes[at + 3] as number) << 24);
		numbers[row] = base + ((word >>> (bit & 7)) & mask) * step;
		bit += width;
	}
	for (let row = whole; row < count; row += 1) numbers[row] = base + bitsAt(bytes, row * width, width) * step;
	return numbers;
}

function unpackedDoubles(
	bytes: Uint8Array,
	count: number,
	{ base, step, width }: Packing,
	decimals: number,
): ColumnValues {
	const numbers = new Float64Array(count);
	let least = Number.POSITIVE_INFINITY;
	let most = Number.NEGATIVE_INFINITY;
	for (let row = 0; row < count; row += 1) {
		const number = base + bitsAt(bytes, row * width, width) * step;
		if (!(Math.abs(number) <= SCALED_MOST)) throw new OutOfBytes("a number beyond 2^50");
		numbers[row] = number;
		least = Math.min(least, number);
		most = Math.max(most, number);
	}
	if (fitsInt32(least, most)) return Int32Array.from(numbers);
	const power = POWERS_OF_TEN[decimals] ?? 1;
	return numbers.map((number) => number / power);
}

function bitsAt(bytes: Uint8Array, from: number, width: number): number {
	let value = 0;
	let scale = 1;
	for (let bit = from; bit < from + width; ) {
		const inByte = bit & 7;
		const taken = Math.min(8 - inByte, from + width - bit);
		value += (((bytes[bit >>> 3] ?? 0) >> inByte) & (powerOfTwo(taken) - 1)) * scale;
		scale *= powerOfTwo(taken);
		bit += taken;
	}
	return value;
}

function readDoubles(reader: ByteReader, count: number): Float64Array {
	const values = new Float64Array(count);
	for (let row = 0; row < count; row += 1) {
		const value = reader.f64();
		if (!Number.isFinite(value)) throw new OutOfBytes("a value that is no number");
		values[row] = value;
	}
	return values;
}

function countBits(bits: Uint8Array, count: number): number {
	let found = 0;
	for (let row = 0; row < count; row += 1) found += ((bits[row >> 3] ?? 0) >> (row & 7)) & 1;
	return found;
}

function spread(dense: ColumnValues, presence: Uint8Array, count: number): ColumnValues {
	const isWhole = dense instanceof Int32Array;
	const values = isWhole
		? new Int32Array(count).fill(ABSENT_SCALED)
		: new Float64Array(count).fill(Number.NaN);
	let next = 0;
	for (let row = 0; row < count; row += 1) {
		if ((((presence[row >> 3] ?? 0) >> (row & 7)) & 1) === 0) continue;
		values[row] = dense[next] ?? 0;
		next += 1;
	}
	return values;
}
