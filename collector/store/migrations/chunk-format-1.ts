/**
 * Bytes of a chunk of format 1 → readings, for files that older versions wrote. Pure; nothing writes it.
 *
 * Big-endian, varint, zigzag and text as in RECORD_FORMAT.md:
 *
 *   u8       format, 1
 *   varint   samples, at most 1,000,000
 *   times    the first as a varint of Unix ms; then the zigzag of the difference of differences
 *   varint   columns; per column: measurement (text); u8, 0 or 1 + the part's place; the part's key
 *            (text) where there is a part; u8 decimals; u8 mode; varint length of its body
 *   bodies   where 0x80 is in the mode a bit a sample, lowest first; then what is there: mode 1 one f64
 *            for all, 2 zigzag differences of whole numbers of the decimals, 3 an f64 each
 *   u32      CRC-32 of all bytes before it
 */
import { crc32 } from "node:zlib";
import { PARTS } from "../../../shared/device.js";
import { type Failure, failure } from "../../../shared/failures.js";
import { ByteReader, OutOfBytes } from "../../../shared/wire/bytes.js";
import type { Column, Columns } from "../device-state.js";

const FORMAT = 1;
const CRC_BYTES = 4;
const TEXT_LONGEST = 256;
const KEY_LONGEST = 1_024;
const SAMPLES_MOST = 1_000_000;

const MODE_CONSTANT = 1;
const MODE_DIFFERENCES = 2;
const MODE_DOUBLES = 3;
const HAS_ABSENT = 0x80;

/** @returns a failure where the checksum does not fit or the bytes run out: never throws on foreign bytes */
export function decodeChunkFormat1(
	bytes: Buffer,
): { ok: true; columns: Columns } | { ok: false; failure: Failure } {
	if (bytes.length < CRC_BYTES + 1) return damaged(`${bytes.length} bytes`);
	const end = bytes.length - CRC_BYTES;
	if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) return damaged("the checksum does not fit");
	try {
		return { ok: true, columns: readChunk(new ByteReader(bytes, 0, end)) };
	} catch (error) {
		if (error instanceof OutOfBytes) return damaged(error.message);
		throw error;
	}
}

function readChunk(reader: ByteReader): Columns {
	const format = reader.u8();
	if (format !== FORMAT) throw new OutOfBytes(`chunk format ${format}`);
	const count = reader.varint();
	if (count > SAMPLES_MOST) throw new OutOfBytes(`${count} samples`);
	const times = readTimes(reader, count);
	const heads: { column: Column; mode: number; length: number }[] = [];
	for (let left = reader.varint(); left > 0; left -= 1) {
		heads.push({ column: readColumnHead(reader), mode: reader.u8(), length: reader.varint() });
	}
	const values = heads.map(({ column, mode, length }) =>
		readColumn(new ByteReader(reader.raw(length)), { mode, count, power: 10 ** column.decimals }),
	);
	return { columns: heads.map(({ column }) => column), times, values };
}

function readTimes(reader: ByteReader, count: number): Float64Array {
	const times = new Float64Array(count);
	let step = 0;
	for (let index = 0; index < count; index += 1) {
		if (index > 0) step += reader.zigzag();
		times[index] = index === 0 ? reader.varint() : (times[index - 1] ?? 0) + step;
	}
	return times;
}

function readColumnHead(reader: ByteReader): Column {
	const measurement = reader.text(TEXT_LONGEST);
	const partNumber = reader.u8();
	const part = PARTS[partNumber - 1];
	if (partNumber > 0 && part === undefined) throw new OutOfBytes(`part ${partNumber}`);
	const component = part === undefined ? undefined : { part, key: reader.text(KEY_LONGEST) };
	const decimals = reader.u8();
	return component === undefined ? { measurement, decimals } : { measurement, component, decimals };
}

type Body = { readonly mode: number; readonly count: number; readonly power: number };

function readColumn(reader: ByteReader, { mode: modeByte, count, power }: Body): Float64Array {
	const mode = modeByte & ~HAS_ABSENT;
	if (mode < MODE_CONSTANT || mode > MODE_DOUBLES) throw new OutOfBytes(`column mode ${mode}`);
	const presence = (modeByte & HAS_ABSENT) === 0 ? undefined : reader.raw(Math.ceil(count / 8));
	const values = new Float64Array(count).fill(Number.NaN);
	const constant = mode === MODE_CONSTANT ? reader.f64() : 0;
	let number = 0;
	for (let index = 0; index < count; index += 1) {
		if (presence !== undefined && (((presence[index >> 3] ?? 0) >> (index & 7)) & 1) === 0) continue;
		if (mode === MODE_DIFFERENCES) number += reader.zigzag();
		values[index] =
			mode === MODE_CONSTANT ? constant : mode === MODE_DIFFERENCES ? number / power : reader.f64();
	}
	return values;
}

function damaged(what: string): { ok: false; failure: Failure } {
	return { ok: false, failure: failure("CHUNK_DAMAGED", `A stored chunk is damaged: ${what}.`) };
}
