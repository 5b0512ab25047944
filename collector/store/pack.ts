/**
 * Chunks of a few devices in one row of a day's file: eight devices share a row, which wastes less of
 * SQLite's pages than a row each.
 *
 *   varint  count
 *   per chunk: varint device, varint schema (number in the file's `schemas`), varint length
 *   u32     CRC-32 of all bytes so far
 *   chunks, one after another (CHUNK_FORMAT.md), each with a checksum of its own
 *
 * Pure. A damaged chunk leaves its neighbours readable; a damaged head costs the row.
 */
import { crc32 } from "node:zlib";
import { ByteReader, ByteWriter, OutOfBytes } from "../../shared/wire/bytes.js";

export const DEVICES_PER_GROUP = 8;
const CHUNKS_MOST = 64;

export type PackedChunk = { readonly device: number; readonly schema: number; readonly bytes: Buffer };

export function groupOf(device: number): number {
	return Math.floor(device / DEVICES_PER_GROUP);
}

export function devicesOf(group: number): readonly number[] {
	return Array.from({ length: DEVICES_PER_GROUP }, (_, index) => group * DEVICES_PER_GROUP + index);
}

/** @param chunks by device, rising */
export function pack(chunks: readonly PackedChunk[]): Buffer {
	const writer = new ByteWriter();
	writer.varint(chunks.length);
	for (const { device, schema, bytes } of chunks) {
		writer.varint(device);
		writer.varint(schema);
		writer.varint(bytes.length);
	}
	writer.u32(crc32(writer.view()));
	for (const { bytes } of chunks) writer.raw(bytes);
	return writer.finish();
}

/** Undefined where the head is damaged. */
export function unpack(row: Buffer): readonly PackedChunk[] | undefined {
	try {
		const reader = new ByteReader(row);
		const count = reader.varint();
		if (count > CHUNKS_MOST) return undefined;
		const heads = Array.from({ length: count }, () => ({
			device: reader.varint(),
			schema: reader.varint(),
			length: reader.varint(),
		}));
		const end = reader.at;
		if (crc32(row.subarray(0, end)) !== reader.u32()) return undefined;
		return heads.map(({ device, schema, length }) => ({ device, schema, bytes: reader.raw(length) }));
	} catch (error) {
		if (error instanceof OutOfBytes) return undefined;
		throw error;
	}
}
