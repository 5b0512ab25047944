/**
 * One device's readings ⇄ the bytes of a chunk, as CHUNK_FORMAT.md lays them out. Pure.
 *
 * One time column is shared by all columns; a directory lets one column be read alone. The names of the
 * columns are not in the bytes: the caller keeps `schemaText` and gives the columns back, and bytes
 * that are read under other columns are refused.
 *
 * Invariants: times are whole ms and rise strictly; decoding gives back every bit of every value and
 * every absence; the same values give the same bytes, whichever form their columns came in.
 */
import { crc32 } from "node:zlib";
import { type Failure, failure } from "../../shared/failures.js";
import { invariant } from "../../shared/invariant.js";
import { OutOfBytes } from "../../shared/wire/bytes.js";
import { type BitReader, BitWriter, bitReader, widthOf } from "./chunk/bits.js";
import {
	type ColumnValues,
	type Place,
	readScaled,
	readValues,
	rowsOf,
	writeColumn,
} from "./chunk/column.js";
import { type Rows, readPattern, skipPattern, writePattern } from "./chunk/presence.js";
import { reserveRows } from "./chunk/scratch.js";
import { readTimes, writeTimes } from "./chunk/times.js";
import { columnKey, pickedColumns } from "./column-key.js";
import type { Column } from "./device-state.js";
import type { PackedColumns } from "./packed-columns.js";

export { ABSENT_SCALED, type ColumnValues } from "./chunk/column.js";

export const CHUNK_FORMAT = 2;
const CRC_BYTES = 4;
const BYTE_BITS = 8;
const SAMPLES_MOST = 1_000_000;
/** Values of one chunk, decoded: 256 MiB. */
const VALUES_MOST = 2 ** 25;
/** So that a place in bits fits 32 bits. */
const BYTES_MOST = 2 ** 27;
/** How many bits a body's length takes is written in so many. */
const LENGTH_WIDTH_BITS = 5;

/** Columns stand in the order of `columnKey`. */
export type ChunkRun = {
	readonly columns: readonly Column[];
	readonly times: Float64Array;
	readonly values: readonly ColumnValues[];
};

type Refused = { readonly ok: false; readonly failure: Failure };

/** The columns as JSON; parsing it gives the columns back. */
export function schemaText(columns: readonly Column[]): string {
	return JSON.stringify(
		columns.map(({ measurement, component, decimals }) =>
			component === undefined
				? { measurement, decimals }
				: { measurement, component: { part: component.part, key: component.key }, decimals },
		),
	);
}

const headWriter = new BitWriter();
const bodyWriter = new BitWriter();

export function encodeChunk({ columns, times, values }: ChunkRun): Buffer {
	const count = times.length;
	const seed = schemaSeed(columns);
	invariant(columns.length === values.length, "a chunk has values for each column");
	invariant(
		count <= SAMPLES_MOST && count * columns.length <= VALUES_MOST,
		"a chunk has at most so many values",
	);
	reserveRows(count);
	headWriter.clear();
	headWriter.put(CHUNK_FORMAT, BYTE_BITS);
	headWriter.putNumber(count);
	writeTimes(headWriter, times);
	const { patterns, places } = presenceOf(values, count);
	headWriter.putNumber(patterns.length);
	for (const rows of patterns) writePattern(headWriter, rows, count);
	writeLengths(headWriter, writeBodies({ columns, times, values }, patterns, places));
	return finished(seed);
}

/** Only columns that have a value, as doubles; `wanted` absent: all of them. Never throws on foreign bytes. */
export function decodeChunk(
	bytes: Buffer,
	columns: readonly Column[],
	wanted?: (column: Column) => boolean,
): { ok: true; packed: PackedColumns } | Refused {
	return decoded(bytes, { columns, wanted, begin: inOnePiece }, (packed) => ({ ok: true, packed }));
}

/** As decodeChunk, but whole numbers of a column's decimals wherever all of them fit 32 bits. */
export function decodeScaled(
	bytes: Buffer,
	columns: readonly Column[],
	wanted?: (column: Column) => boolean,
): { ok: true; run: ChunkRun } | Refused {
	return decoded(bytes, { columns, wanted, begin: inPieces }, (run) => ({ ok: true, run }));
}

function inPieces(times: Float64Array, columns: readonly Column[]): Filling<ChunkRun> {
	const values: ColumnValues[] = [];
	const put = (reader: BitReader, place: Place) => void values.push(readScaled(reader, place));
	return { put, filled: { columns, times, values } };
}

function inOnePiece(times: Float64Array, columns: readonly Column[]): Filling<PackedColumns> {
	const count = times.length;
	const all = new Float64Array(count * (columns.length + 1));
	all.set(times);
	let at = 0;
	const put = (reader: BitReader, place: Place) => {
		at += count;
		readValues(reader, place, all, at);
	};
	return { put, filled: { columns, all } };
}

/** Columns are shared by many chunks; their text is made once. */
const seeds = new WeakMap<readonly Column[], number>();

function schemaSeed(columns: readonly Column[]): number {
	const known = seeds.get(columns);
	if (known !== undefined) return known;
	const keys = columns.map(columnKey);
	invariant(
		keys.every((key, index) => index === 0 || (keys[index - 1] ?? "") < key),
		"the columns of a chunk stand in the order of their names, each once",
	);
	const seed = crc32(schemaText(columns));
	seeds.set(columns, seed);
	return seed;
}

const ALL = 0;
const NONE = -1;

/** Each pattern once; per column the place of its pattern from 1, 0 for all samples, -1 for none. */
function presenceOf(values: readonly ColumnValues[], count: number) {
	const patterns: Rows[] = [];
	const places = values.map((own) => {
		invariant(own.length === count, "a column of a chunk has a place for each time");
		const rows = rowsOf(own);
		if (rows === undefined) return count === 0 ? NONE : ALL;
		if (rows.length === 0) return NONE;
		const known = patterns.findIndex((pattern) => areEqual(pattern, rows));
		return known < 0 ? patterns.push(rows) : known + 1;
	});
	return { patterns, places };
}

function areEqual(left: Rows, right: Rows): boolean {
	if (left.length !== right.length) return false;
	for (let index = 0; index < left.length; index += 1) if (left[index] !== right[index]) return false;
	return true;
}

/** Gives the bits of each body; 0 for a column without a value. */
function writeBodies(
	{ columns, values }: ChunkRun,
	patterns: readonly Rows[],
	places: readonly number[],
): readonly number[] {
	const placeBits = widthOf(patterns.length);
	bodyWriter.clear();
	return columns.map(({ decimals }, index) => {
		const place = places[index] ?? NONE;
		const own = values[index];
		if (place === NONE || own === undefined) return 0;
		const before = bodyWriter.bitLength;
		bodyWriter.put(place, placeBits);
		writeColumn(bodyWriter, own, place === ALL ? undefined : patterns[place - 1], decimals);
		return bodyWriter.bitLength - before;
	});
}

function writeLengths(writer: BitWriter, lengths: readonly number[]): void {
	const width = widthOf(Math.max(0, ...lengths));
	writer.put(width, LENGTH_WIDTH_BITS);
	for (const length of lengths) {
		writer.put(length === 0 ? 0 : 1, 1);
		if (length > 0) writer.put(length, width);
	}
}

function finished(seed: number): Buffer {
	const head = headWriter.finish();
	const bodies = bodyWriter.finish();
	const end = head.length + bodies.length;
	invariant(end <= BYTES_MOST, `a chunk has at most ${BYTES_MOST} bytes, found ${end}`);
	const bytes = Buffer.allocUnsafeSlow(end + CRC_BYTES);
	bytes.set(head);
	bytes.set(bodies, head.length);
	bytes.writeUInt32BE(crc32(bytes.subarray(0, end), seed), end);
	return bytes;
}

/** Takes the values of one column after another. */
type Filling<Filled> = {
	readonly put: (reader: BitReader, place: Place) => void;
	readonly filled: Filled;
};
type Reading<Filled> = {
	readonly columns: readonly Column[];
	readonly wanted: ((column: Column) => boolean) | undefined;
	readonly begin: (times: Float64Array, columns: readonly Column[]) => Filling<Filled>;
};

function decoded<Filled, Answer>(
	bytes: Buffer,
	reading: Reading<Filled>,
	answer: (filled: Filled) => Answer,
): Answer | Refused {
	const end = bytes.length - CRC_BYTES;
	if (end < 1 || end > BYTES_MOST) return damaged(`${bytes.length} bytes`);
	const found = crc32(bytes.subarray(0, end), schemaSeed(reading.columns));
	if (found !== bytes.readUInt32BE(end)) return damaged("the checksum fits neither bytes nor columns");
	// Asked before the shared places are in use.
	const { wanted } = reading;
	const isWanted = reading.columns.map((column) => wanted === undefined || wanted(column));
	try {
		return answer(readChunk(bitReader(bytes.subarray(0, end)), reading, isWanted));
	} catch (error) {
		if (error instanceof OutOfBytes) return damaged(error.message);
		throw error;
	}
}

function readChunk<Filled>(
	reader: BitReader,
	{ columns, begin }: Reading<Filled>,
	isWanted: readonly boolean[],
): Filled {
	const format = reader.take(BYTE_BITS);
	if (format !== CHUNK_FORMAT) throw new OutOfBytes(`chunk format ${format}`);
	const count = reader.takeNumber();
	if (count > SAMPLES_MOST) throw new OutOfBytes(`${count} samples`);
	reserveRows(count);
	const times = readTimes(reader, count);
	const patternsAt = skipPatterns(reader, count, columns.length);
	const lengths = readLengths(reader, columns.length);
	const kept = lengths.flatMap((length, index) => (length > 0 && isWanted[index] === true ? [index] : []));
	if (count * kept.length > VALUES_MOST) throw new OutOfBytes(`${count * kept.length} values`);
	const starts = startsOf(reader, lengths);
	const placeBits = widthOf(patternsAt.length);
	const patterns = new Map<number, Rows>();
	const { put, filled } = begin(times, pickedColumns(columns, kept));
	for (const index of kept) {
		const from = starts[index] ?? 0;
		reader.window(from, from + (lengths[index] ?? 0));
		const place = reader.take(placeBits);
		const bodyAt = reader.at;
		const rows = place === ALL ? undefined : patternAt(place);
		reader.window(bodyAt, from + (lengths[index] ?? 0));
		put(reader, { count, rows, decimals: columns[index]?.decimals ?? 0 });
	}
	return filled;

	function patternAt(place: number): Rows {
		const known = patterns.get(place);
		if (known !== undefined) return known;
		const at = patternsAt[place - 1];
		if (at === undefined) throw new OutOfBytes(`pattern ${place} of ${patternsAt.length}`);
		reader.window(at, starts[0] ?? at);
		const rows = readPattern(reader, count);
		if (rows.length === 0) throw new OutOfBytes("a column without a value");
		patterns.set(place, rows);
		return rows;
	}
}

/** Where each pattern begins. */
function skipPatterns(reader: BitReader, count: number, columns: number): readonly number[] {
	const found = reader.takeNumber();
	if (found > columns) throw new OutOfBytes(`${found} patterns of ${columns} columns`);
	return Array.from({ length: found }, () => skipPattern(reader, count));
}

function readLengths(reader: BitReader, columns: number): readonly number[] {
	const width = reader.take(LENGTH_WIDTH_BITS);
	return Array.from({ length: columns }, () => (reader.take(1) === 0 ? 0 : reader.take(width)));
}

/** Bodies begin at the next byte and fill the rest. */
function startsOf(reader: BitReader, lengths: readonly number[]): readonly number[] {
	let next = Math.ceil(reader.at / BYTE_BITS) * BYTE_BITS;
	const end = reader.at + reader.left;
	const starts = lengths.map((length) => {
		next += length;
		return next - length;
	});
	if (next > end) throw new OutOfBytes(`columns of ${next} bits, where ${end} are left`);
	return starts;
}

function damaged(what: string): Refused {
	return { ok: false, failure: failure("CHUNK_DAMAGED", `A stored chunk is damaged: ${what}.`) };
}
