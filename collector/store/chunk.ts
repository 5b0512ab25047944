/**
 * One device's readings ⇄ the bytes of a chunk, as CHUNK_FORMAT.md lays them out. Pure.
 *
 * One time column is shared by all columns. A column is constant, whole numbers of its decimals as
 * differences, or raw doubles where a value does not fit; a directory lets one column be read alone.
 *
 * Invariants: times rise strictly; decoding gives back every bit of every value and every absence;
 * the same readings give the same bytes, in whatever order they arrived.
 */
import { crc32 } from "node:zlib";
import { PARTS } from "../../shared/device.js";
import { type Failure, failure } from "../../shared/failures.js";
import { invariant } from "../../shared/invariant.js";
import { ByteReader, ByteWriter, OutOfBytes } from "../../shared/wire/bytes.js";
import type { Column, Columns } from "./device-state.js";

export const CHUNK_FORMAT = 1;
const CRC_BYTES = 4;
const TEXT_LONGEST = 256;
const SAMPLES_MOST = 1_000_000;
const SCALED_MOST = 2 ** 50;

const MODE_CONSTANT = 1;
const MODE_DIFFERENCES = 2;
const MODE_DOUBLES = 3;
const HAS_ABSENT = 0x80;

export function encodeChunk({ columns, times, values }: Columns): Buffer {
	invariant(columns.length === values.length, "a chunk has values for each column");
	const writer = new ByteWriter();
	writer.u8(CHUNK_FORMAT);
	writer.varint(times.length);
	writeTimes(writer, times);
	const used = columns
		.map((column, index) => ({ column, values: values[index] ?? new Float64Array(0) }))
		.filter((one) => one.values.some((value) => !Number.isNaN(value)));
	writer.varint(used.length);
	const bodies = used.map(({ column, values: own }) => encodeColumn(own, column.decimals));
	for (const [index, { column }] of used.entries()) {
		writeColumnHead(writer, column);
		const body = bodies[index];
		invariant(body !== undefined, "each column has a body");
		writer.u8(body.mode);
		writer.varint(body.bytes.length);
	}
	for (const { bytes } of bodies) writer.raw(bytes);
	writer.u32(crc32(writer.view()));
	return writer.finish();
}

/**
 * @param wanted which columns; absent: all
 * @returns a failure where the checksum does not fit or the bytes run out: never throws on foreign bytes
 */
export function decodeChunk(
	bytes: Buffer,
	wanted?: (column: Column) => boolean,
): { ok: true; columns: Columns } | { ok: false; failure: Failure } {
	if (bytes.length < CRC_BYTES + 1) return damaged(`${bytes.length} bytes`);
	const end = bytes.length - CRC_BYTES;
	if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) return damaged("the checksum does not fit");
	try {
		return { ok: true, columns: readChunk(new ByteReader(bytes, 0, end), wanted) };
	} catch (error) {
		if (error instanceof OutOfBytes) return damaged(error.message);
		throw error;
	}
}

function readChunk(reader: ByteReader, wanted: ((column: Column) => boolean) | undefined): Columns {
	const format = reader.u8();
	if (format !== CHUNK_FORMAT) throw new OutOfBytes(`chunk format ${format}`);
	const count = reader.varint();
	if (count > SAMPLES_MOST) throw new OutOfBytes(`${count} samples`);
	const times = readTimes(reader, count);
	const heads: { column: Column; mode: number; length: number }[] = [];
	for (let left = reader.varint(); left > 0; left -= 1) {
		heads.push({ column: readColumnHead(reader), mode: reader.u8(), length: reader.varint() });
	}
	const columns: Column[] = [];
	const values: Float64Array[] = [];
	for (const { column, mode, length } of heads) {
		if (wanted === undefined || wanted(column)) {
			columns.push(column);
			values.push(decodeColumn(new ByteReader(reader.raw(length)), mode, count, column.decimals));
		} else reader.skip(length);
	}
	return { columns, times, values };
}

function writeTimes(writer: ByteWriter, times: Float64Array): void {
	let before = 0;
	let stepBefore = 0;
	for (const [index, time] of times.entries()) {
		invariant(index === 0 || time > before, "the times of a chunk rise strictly");
		if (index === 0) writer.varint(time);
		else {
			const step = time - before;
			writer.zigzag(step - stepBefore);
			stepBefore = step;
		}
		before = time;
	}
}

function readTimes(reader: ByteReader, count: number): Float64Array {
	const times = new Float64Array(count);
	let step = 0;
	for (let index = 0; index < count; index += 1) {
		if (index === 0) {
			times[0] = reader.varint();
			continue;
		}
		step += reader.zigzag();
		times[index] = (times[index - 1] ?? 0) + step;
	}
	return times;
}

function writeColumnHead(writer: ByteWriter, { measurement, component, decimals }: Column): void {
	writer.text(measurement);
	writer.u8(component === undefined ? 0 : PARTS.indexOf(component.part) + 1);
	if (component !== undefined) writer.text(component.key);
	writer.u8(decimals);
}

function readColumnHead(reader: ByteReader): Column {
	const measurement = reader.text(TEXT_LONGEST);
	const partNumber = reader.u8();
	const part = PARTS[partNumber - 1];
	if (partNumber > 0 && part === undefined) throw new OutOfBytes(`part ${partNumber}`);
	const component = part === undefined ? undefined : { part, key: reader.text(TEXT_LONGEST * 4) };
	const decimals = reader.u8();
	return component === undefined ? { measurement, decimals } : { measurement, component, decimals };
}

function encodeColumn(values: Float64Array, decimals: number): { mode: number; bytes: Buffer } {
	const writer = new ByteWriter();
	const hasAbsent = values.some((value) => Number.isNaN(value));
	if (hasAbsent) writePresence(writer, values);
	const present = hasAbsent ? values.filter((value) => !Number.isNaN(value)) : values;
	const mode = writePresent(writer, present, 10 ** decimals);
	return { mode: hasAbsent ? mode | HAS_ABSENT : mode, bytes: writer.finish() };
}

function writePresent(writer: ByteWriter, present: Float64Array, power: number): number {
	const first = present[0] ?? 0;
	if (present.every((value) => Object.is(value, first))) {
		writer.f64(first);
		return MODE_CONSTANT;
	}
	const scaled = new Float64Array(present.length);
	for (const [index, value] of present.entries()) {
		const number = Math.round(value * power);
		// A difference has no sign of zero, so −0 is no whole number here.
		if (Math.abs(number) > SCALED_MOST || Object.is(number, -0) || !Object.is(number / power, value)) {
			for (const one of present) writer.f64(one);
			return MODE_DOUBLES;
		}
		scaled[index] = number;
	}
	let before = 0;
	for (const number of scaled) {
		writer.zigzag(number - before);
		before = number;
	}
	return MODE_DIFFERENCES;
}

function decodeColumn(reader: ByteReader, modeByte: number, count: number, decimals: number): Float64Array {
	const mode = modeByte & ~HAS_ABSENT;
	const presence = (modeByte & HAS_ABSENT) === 0 ? undefined : reader.raw(Math.ceil(count / 8));
	const power = 10 ** decimals;
	const values = new Float64Array(count).fill(Number.NaN);
	const constant = mode === MODE_CONSTANT ? reader.f64() : 0;
	if (mode !== MODE_CONSTANT && mode !== MODE_DIFFERENCES && mode !== MODE_DOUBLES)
		throw new OutOfBytes(`column mode ${mode}`);
	let number = 0;
	for (let index = 0; index < count; index += 1) {
		if (presence !== undefined && (((presence[index >> 3] ?? 0) >> (index & 7)) & 1) === 0) continue;
		if (mode === MODE_CONSTANT) values[index] = constant;
		else if (mode === MODE_DOUBLES) values[index] = reader.f64();
		else {
			number += reader.zigzag();
			values[index] = number / power;
		}
	}
	return values;
}

function writePresence(writer: ByteWriter, values: Float64Array): void {
	const bits = Buffer.alloc(Math.ceil(values.length / 8));
	for (const [index, value] of values.entries()) {
		if (!Number.isNaN(value)) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
	}
	writer.raw(bits);
}

function damaged(what: string): { ok: false; failure: Failure } {
	return { ok: false, failure: failure("CHUNK_DAMAGED", `A stored chunk is damaged: ${what}.`) };
}
