/**
 * Records ⇄ bytes, as RECORD_FORMAT.md lays them out. Pure.
 *
 * A record is the unit of delivery: a batch of outcomes, or a gap. It decodes alone;
 * devices and shapes stand in it by the hash of their definition. Readings of one shape stand
 * together, column by column: that is smaller than one after another and decodes in loops over numbers.
 *
 * Invariants: what decodes has a right checksum; encoding what was decoded gives the same values;
 * a kind that this version does not know is kept as bytes.
 */
import { crc32 } from "node:zlib";
import { type Failure, failure } from "../failures.js";
import { ByteReader, ByteWriter, bounded, OutOfBytes, pick } from "./bytes.js";
import { HASH_BYTES } from "./definition.js";
import { devicesInGap, type Gap, readGap, writeGap } from "./gap.js";
import {
	type ColumnValues,
	readNumbers,
	readValues,
	type Scatter,
	scatterValues,
	skipValues,
	valueIn,
	writeNumbers,
	writeValues,
} from "./number-column.js";
import type { RecordOutcome, RecordTables, RecordTime, ShapeLookup } from "./outcome.js";
import { readOutcomesFormat1 } from "./record-format-1.js";

export const RECORD_FORMAT = 2;
/** Of the version before, whose records may still lie in an outbox. */
const RECORD_FORMAT_BEFORE = 1;
export const RECORD_LONGEST_BYTES = 256 * 1_024;
export const OUTCOMES_MOST = 10_000;
/** A constant column costs three bytes however many rows it has, so values are bounded by themselves. */
export const RECORD_VALUES_MOST = 1_000_000;
const BOOT_ID_BYTES = 16;
const TEXT_LONGEST = 1_024;
/** Characters of a text that a record keeps. */
export const RECORD_TEXT_LONGEST = TEXT_LONGEST / 4;
const NOTES_A_ROW_MOST = 64;
const CRC_BYTES = 4;
const HEAD_BYTES = 2 + 8 + 8 + BOOT_ID_BYTES;

const KIND_OUTCOMES = 1;
const KIND_GAP = 2;
const GROUP_READINGS = 1;
const GROUP_FAILURES = 2;

/** Columns of values, each decoded when it is asked for. */
export type ColumnList = {
	readonly length: number;
	at(index: number): ColumnValues | undefined;
	/** As scatterValues. */
	readonly scatter?: (index: number, scatter: Scatter, into: Int32Array) => Float64Array | undefined;
};

type Rows = {
	readonly count: number;
	/** Definitions that the record names; the same list for records that name the same ones. */
	readonly table: readonly string[];
	/** Definition of the device, by row: its place in `table`. */
	readonly places: ColumnValues;
	/** Monotonic ms of the agent, by row. */
	readonly measuredAt: Float64Array;
	/** By row. */
	readonly tookMilliseconds: () => ColumnValues;
};

/** Readings of one shape; a column has a place for each row. */
export type ReadingGroup = Rows & {
	readonly kind: "readings";
	readonly shape: string;
	readonly columns: readonly { readonly decimals: number }[];
	readonly values: ColumnList;
	/** By row; absent where a device shows none. */
	readonly errorCodes: ReadonlyMap<number, readonly string[]>;
	readonly faults: ReadonlyMap<number, readonly (readonly [string, number])[]>;
};
export type FailureGroup = Rows & {
	readonly kind: "failures";
	readonly codes: readonly string[];
	readonly whats: readonly string[];
};
export type OutcomeGroup = ReadingGroup | FailureGroup;

export type DecodedRecord = { readonly time: RecordTime; readonly bytes: number } & (
	| { readonly kind: "outcomes"; readonly groups: readonly OutcomeGroup[] }
	| { readonly kind: "gap"; readonly gap: Gap }
	| { readonly kind: "unknown"; readonly number: number }
);

export function encodeOutcomes(
	time: RecordTime,
	outcomes: readonly RecordOutcome[],
	shapes: ShapeLookup,
): Buffer {
	const body = new ByteWriter();
	const tables = { texts: new Numbered(), hashes: new Numbered() };
	const groups = grouped(outcomes);
	body.varint(groups.length);
	for (const group of groups) writeGroup(body, group, { time, ...tables, shapes });
	const writer = startRecord(KIND_OUTCOMES, time);
	writer.varint(tables.texts.list.length);
	for (const text of tables.texts.list) writer.text(text.slice(0, RECORD_TEXT_LONGEST));
	writer.varint(tables.hashes.list.length);
	for (const hash of tables.hashes.list) writer.raw(Buffer.from(hash, "hex"));
	writer.raw(body.view());
	return finishRecord(writer);
}

export function encodeGap(time: RecordTime, gap: Gap): Buffer {
	const writer = startRecord(KIND_GAP, time);
	writeGap(writer, gap);
	return finishRecord(writer);
}

/** The checksum that stands at a record's end: its fingerprint under a used number. */
export function recordCrc(bytes: Uint8Array): number {
	const { buffer, byteOffset, length } = bytes;
	return length < CRC_BYTES ? 0 : new DataView(buffer, byteOffset, length).getUint32(length - CRC_BYTES);
}

/** Outcomes in a decoded record; a gap has none of its own. */
export function outcomeCount(record: DecodedRecord): number {
	if (record.kind !== "outcomes") return 0;
	return record.groups.reduce((sum, { count }) => sum + count, 0);
}

/** Whether the bytes are whole: format known, checksum right. */
export function checkRecord(bytes: Buffer): Failure | undefined {
	if (bytes.length < HEAD_BYTES + CRC_BYTES)
		return failure("RECORD_MALFORMED", `A record of ${bytes.length} bytes is too short.`);
	if (bytes.length > RECORD_LONGEST_BYTES) {
		return failure(
			"RECORD_MALFORMED",
			`A record of ${bytes.length} bytes, ${RECORD_LONGEST_BYTES} are allowed.`,
		);
	}
	const found = crc32(bytes.subarray(0, bytes.length - CRC_BYTES));
	if (found !== recordCrc(bytes))
		return failure("RECORD_MALFORMED", "The record's checksum does not fit its bytes.");
	if (bytes[0] !== RECORD_FORMAT && bytes[0] !== RECORD_FORMAT_BEFORE)
		return failure(
			"RECORD_MALFORMED",
			`Record format ${bytes[0]}; this version reads ${RECORD_FORMAT_BEFORE} and ${RECORD_FORMAT}.`,
		);
	return undefined;
}

/** When a checked record was made, by its agent's clocks; undefined where it does not say. */
export function timeOf(bytes: Buffer): RecordTime | undefined {
	const read = atEdge(() => ({
		ok: true as const,
		time: readHead(new ByteReader(bytes, 0, bytes.length - CRC_BYTES)).time,
	}));
	return read.ok ? read.time : undefined;
}

/** Hashes of all definitions that a record names, without decoding its readings. */
export function hashesIn(
	bytes: Buffer,
): { ok: true; hashes: readonly string[] } | { ok: false; failure: Failure } {
	return atEdge(() => {
		const reader = new ByteReader(bytes, 0, bytes.length - CRC_BYTES);
		const { kind } = readHead(reader);
		if (kind === KIND_GAP) return { ok: true, hashes: devicesInGap(reader) };
		if (kind !== KIND_OUTCOMES) return { ok: true, hashes: [] };
		readTexts(reader);
		return { ok: true, hashes: readHashes(reader) };
	});
}

/** Decodes a checked record. */
export function decodeRecord(
	bytes: Buffer,
	shapes: ShapeLookup,
): { ok: true; record: DecodedRecord } | { ok: false; failure: Failure } {
	return atEdge(() => {
		const reader = new ByteReader(bytes, 0, bytes.length - CRC_BYTES);
		const { kind, time } = readHead(reader);
		if (kind === KIND_GAP)
			return { ok: true, record: { kind: "gap", gap: readGap(reader), time, bytes: bytes.length } };
		if (kind !== KIND_OUTCOMES)
			return { ok: true, record: { kind: "unknown", number: kind, time, bytes: bytes.length } };
		const tables = { texts: readTexts(reader), hashes: readHashes(reader) };
		const groups =
			bytes[0] === RECORD_FORMAT_BEFORE
				? ofColumns(readOutcomesFormat1(reader, { time, tables, shapes }), tables.hashes, shapes)
				: readGroups(reader, { time, tables, shapes });
		return { ok: true, record: { kind: "outcomes", groups, time, bytes: bytes.length } };
	});
}

/** Wall time of something measured on the record's monotonic clock. */
export function wallOf(time: RecordTime, measuredAt: number): number {
	return Math.round(time.wall - (time.monotonic - measuredAt));
}

/** Outcomes one by one, group after group: for readers who look at few. */
export function outcomesOf(groups: readonly OutcomeGroup[]): readonly RecordOutcome[] {
	return groups.flatMap((group) => Array.from(group.places, (_, row) => outcomeIn(group, row)));
}

/** The definition of a row's device. */
export function deviceIn({ table, places }: Pick<Rows, "table" | "places">, row: number): string {
	return table[places[row] as number] as string;
}

function outcomeIn(group: OutcomeGroup, row: number): RecordOutcome {
	const common = {
		device: deviceIn(group, row),
		measuredAt: group.measuredAt[row] ?? 0,
		tookMilliseconds: group.tookMilliseconds()[row] ?? 0,
	};
	if (group.kind === "failures")
		return { kind: "failure", ...common, code: group.codes[row] ?? "", what: group.whats[row] ?? "" };
	return {
		kind: "reading",
		...common,
		shape: group.shape,
		values: Float64Array.from(group.columns, ({ decimals }, index) => {
			const column = group.values.at(index);
			return column === undefined ? Number.NaN : valueIn(column, row, decimals);
		}),
		errorCodes: group.errorCodes.get(row) ?? [],
		faults: group.faults.get(row) ?? [],
	};
}

type ReadingOutcome = RecordOutcome & { readonly kind: "reading" };
type FailureOutcome = RecordOutcome & { readonly kind: "failure" };
type Together =
	| { readonly kind: "readings"; readonly shape: string; readonly outcomes: ReadingOutcome[] }
	| { readonly kind: "failures"; readonly outcomes: FailureOutcome[] };

/** Readings by shape in the order in which the shapes first come, failures last. */
function grouped(outcomes: readonly RecordOutcome[]): readonly Together[] {
	const byShape = new Map<string, ReadingOutcome[]>();
	const failures: FailureOutcome[] = [];
	for (const outcome of outcomes) {
		if (outcome.kind === "failure") {
			failures.push(outcome);
			continue;
		}
		const own = byShape.get(outcome.shape);
		if (own === undefined) byShape.set(outcome.shape, [outcome]);
		else own.push(outcome);
	}
	const readings = [...byShape].map(([shape, own]) => ({ kind: "readings" as const, shape, outcomes: own }));
	return failures.length === 0 ? readings : [...readings, { kind: "failures", outcomes: failures }];
}

/** The same outcomes as groups of columns, where they were read one by one. */
function ofColumns(
	outcomes: readonly RecordOutcome[],
	table: readonly string[],
	shapes: ShapeLookup,
): readonly OutcomeGroup[] {
	const placeOf = new Map(table.map((hash, place) => [hash, place]));
	return grouped(outcomes).map((group) => {
		const all: readonly RecordOutcome[] = group.outcomes;
		const rows: Rows = {
			count: all.length,
			table,
			places: Int32Array.from(all, ({ device }) => placeOf.get(device) ?? 0),
			measuredAt: Float64Array.from(all, ({ measuredAt }) => measuredAt),
			tookMilliseconds: () => Float64Array.from(all, ({ tookMilliseconds }) => tookMilliseconds),
		};
		if (group.kind === "failures") {
			const own = group.outcomes;
			return {
				kind: "failures",
				...rows,
				codes: own.map(({ code }) => code),
				whats: own.map(({ what }) => what),
			};
		}
		const columns = shapes(group.shape)?.columns ?? [];
		const own = group.outcomes;
		return {
			kind: "readings",
			...rows,
			shape: group.shape,
			columns,
			values: columns.map((_, index) => Float64Array.from(own, ({ values }) => values[index] ?? Number.NaN)),
			errorCodes: new Map([...own.entries()].map(([row, { errorCodes }]) => [row, errorCodes])),
			faults: new Map([...own.entries()].map(([row, { faults }]) => [row, faults])),
		};
	});
}

type Writing = {
	readonly time: RecordTime;
	readonly texts: Numbered;
	readonly hashes: Numbered;
	readonly shapes: ShapeLookup;
};

function writeGroup(writer: ByteWriter, group: Together, { time, texts, hashes, shapes }: Writing): void {
	const outcomes: readonly RecordOutcome[] = group.outcomes;
	// One column after another in the same memory: fifty outcomes of a hundred columns are four records a second.
	const column = new Float64Array(outcomes.length);
	const writeColumn = (number: (outcome: RecordOutcome) => number) => {
		for (let row = 0; row < outcomes.length; row += 1) column[row] = number(outcomes[row] as RecordOutcome);
		writeNumbers(writer, column);
	};
	writer.u8(group.kind === "readings" ? GROUP_READINGS : GROUP_FAILURES);
	writer.varint(outcomes.length);
	writeColumn(({ device }) => hashes.number(device));
	writeColumn(({ measuredAt }) => Math.round(time.monotonic - measuredAt));
	writeColumn(({ tookMilliseconds }) => Math.max(0, Math.round(tookMilliseconds)));
	if (group.kind === "failures") {
		for (const [row, { code }] of group.outcomes.entries()) column[row] = texts.number(code);
		writeNumbers(writer, column);
		for (const [row, { what }] of group.outcomes.entries()) column[row] = texts.number(what);
		writeNumbers(writer, column);
		return;
	}
	writer.varint(hashes.number(group.shape));
	const rows = group.outcomes.map(({ values }) => values);
	for (const [index, { decimals }] of (shapes(group.shape)?.columns ?? []).entries()) {
		for (let row = 0; row < rows.length; row += 1) column[row] = rows[row]?.[index] ?? Number.NaN;
		writeValues(writer, column, decimals);
	}
	const codes = group.outcomes.flatMap(({ errorCodes }, row) =>
		errorCodes.map((code) => [row, code] as const),
	);
	writer.varint(codes.length);
	for (const [row, code] of codes) {
		writer.varint(row);
		writer.varint(texts.number(code));
	}
	const faults = group.outcomes.flatMap(({ faults: own }, row) => own.map((fault) => [row, fault] as const));
	writer.varint(faults.length);
	for (const [row, [code, count]] of faults) {
		writer.varint(row);
		writer.varint(texts.number(code));
		writer.varint(count);
	}
}

type Reading = { readonly time: RecordTime; readonly tables: RecordTables; readonly shapes: ShapeLookup };

function readGroups(reader: ByteReader, context: Reading): readonly OutcomeGroup[] {
	const groups: OutcomeGroup[] = [];
	const left = { outcomes: OUTCOMES_MOST, values: RECORD_VALUES_MOST };
	for (let count = bounded(reader.varint(), OUTCOMES_MOST); count > 0; count -= 1)
		groups.push(readGroup(reader, context, left));
	return groups;
}

function readGroup(
	reader: ByteReader,
	{ time, tables: { texts, hashes }, shapes }: Reading,
	left: { outcomes: number; values: number },
): OutcomeGroup {
	const type = reader.u8();
	if (type !== GROUP_READINGS && type !== GROUP_FAILURES) throw new OutOfBytes(`outcomes of type ${type}`);
	const count = reader.varint();
	if (count < 1 || count > left.outcomes)
		throw new OutOfBytes(`${count} outcomes where ${left.outcomes} are allowed`);
	left.outcomes -= count;
	const places = readNumbers(reader, count);
	const ages = readNumbers(reader, count);
	for (let row = 0; row < count; row += 1) pick(hashes, places[row] as number);
	const tookAt = reader.at;
	skipValues(reader, count);
	const rows = {
		count,
		table: hashes,
		places,
		measuredAt: before(time.monotonic, ages),
		/** Seldom asked for. */
		tookMilliseconds: () => readNumbers(reader.from(tookAt), count),
	};
	if (type === GROUP_FAILURES) {
		const codes = pickedAll(texts, readNumbers(reader, count));
		const whats = pickedAll(texts, readNumbers(reader, count));
		return { kind: "failures", ...rows, codes, whats };
	}
	const shape = pick(hashes, reader.varint());
	const columns = shapes(shape)?.columns;
	if (columns === undefined) throw new OutOfBytes(`the shape ${shape} is not known`);
	left.values -= count * columns.length;
	if (left.values < 0) throw new OutOfBytes(`more than ${RECORD_VALUES_MOST} values in one record`);
	const values = new PackedColumns(reader, count, columns);
	const errorCodes = readNotes(reader, count, () => pick(texts, reader.varint()));
	const faults = readNotes(reader, count, () => [pick(texts, reader.varint()), reader.varint()] as const);
	return { kind: "readings", ...rows, shape, columns, values, errorCodes, faults };
}

/**
 * The columns of a group as they stand in the record. All are looked at when the record is read, so that a
 * fault shows at the door; a column is decoded when somebody wants it, since most are wanted once an hour.
 */
class PackedColumns implements ColumnList {
	readonly length: number;
	private readonly reader: ByteReader;
	private readonly count: number;
	private readonly columns: readonly { readonly decimals: number }[];
	private readonly starts: Int32Array;
	private readonly decoded: (ColumnValues | undefined)[];

	/** @throws OutOfBytes */
	constructor(reader: ByteReader, count: number, columns: readonly { readonly decimals: number }[]) {
		this.reader = reader;
		this.count = count;
		this.columns = columns;
		this.length = columns.length;
		this.decoded = new Array<ColumnValues | undefined>(columns.length).fill(undefined);
		this.starts = new Int32Array(columns.length);
		for (let index = 0; index < columns.length; index += 1) {
			this.starts[index] = reader.at;
			skipValues(reader, count);
		}
	}

	at(index: number): ColumnValues | undefined {
		const known = this.decoded[index];
		const column = this.columns[index];
		if (known !== undefined || column === undefined) return known;
		const values = readValues(this.reader.from(this.starts[index] as number), this.count, column.decimals);
		this.decoded[index] = values;
		return values;
	}

	scatter(index: number, scatter: Scatter, into: Int32Array): Float64Array | undefined {
		const reader = this.reader.from(this.starts[index] as number);
		return scatterValues(
			reader,
			{ count: this.count, decimals: this.columns[index]?.decimals ?? 0 },
			scatter,
			into,
		);
	}
}

/** What some rows have beside their values. */
function readNotes<Note>(
	reader: ByteReader,
	count: number,
	read: () => Note,
): ReadonlyMap<number, readonly Note[]> {
	const notes = new Map<number, Note[]>();
	for (let left = bounded(reader.varint(), count * NOTES_A_ROW_MOST); left > 0; left -= 1) {
		const row = bounded(reader.varint(), count - 1);
		const own = notes.get(row) ?? [];
		own.push(read());
		notes.set(row, own);
	}
	return notes;
}

function startRecord(kind: number, time: RecordTime): ByteWriter {
	const writer = new ByteWriter();
	writer.u8(RECORD_FORMAT);
	writer.u8(kind);
	writer.f64(time.wall);
	writer.f64(time.monotonic);
	writer.raw(Buffer.from(time.boot.padEnd(BOOT_ID_BYTES * 2, "0").slice(0, BOOT_ID_BYTES * 2), "hex"));
	return writer;
}

function finishRecord(writer: ByteWriter): Buffer {
	writer.u32(crc32(writer.view()));
	return writer.finish();
}

function readHead(reader: ByteReader): { kind: number; time: RecordTime } {
	reader.u8();
	const kind = reader.u8();
	const wall = reader.f64();
	const monotonic = reader.f64();
	if (!Number.isFinite(wall) || !Number.isFinite(monotonic)) throw new OutOfBytes("a time that is no number");
	return { kind, time: { wall, monotonic, boot: reader.raw(BOOT_ID_BYTES).toString("hex") } };
}

function readTexts(reader: ByteReader): readonly string[] {
	const texts: string[] = [];
	for (let left = bounded(reader.varint(), OUTCOMES_MOST * 2); left > 0; left -= 1)
		texts.push(reader.text(TEXT_LONGEST));
	return texts;
}

/**
 * An agent's records name the same devices again and again, so that their hashes are put into words once.
 * Bounded by what 20,000 devices need; beyond it, it starts anew.
 */
const HASHES_KEPT_MOST = 20_000;
const hashTables = new Map<string, readonly string[]>();
let hashesKept = 0;

function readHashes(reader: ByteReader): readonly string[] {
	const count = bounded(reader.varint(), OUTCOMES_MOST * 2);
	const bytes = reader.raw(count * HASH_BYTES);
	const key = bytes.toString("latin1");
	const known = hashTables.get(key);
	if (known !== undefined) return known;
	const words = bytes.toString("hex");
	const hashes: string[] = [];
	for (let at = 0; at < words.length; at += HASH_BYTES * 2) hashes.push(words.slice(at, at + HASH_BYTES * 2));
	if (hashesKept + count > HASHES_KEPT_MOST) {
		hashTables.clear();
		hashesKept = 0;
	}
	hashTables.set(key, hashes);
	hashesKept += count;
	return hashes;
}

function pickedAll(list: readonly string[], places: ColumnValues): readonly string[] {
	const found: string[] = [];
	for (let row = 0; row < places.length; row += 1) found.push(pick(list, places[row] as number));
	return found;
}

function before(monotonic: number, ages: ColumnValues): Float64Array {
	const measuredAt = new Float64Array(ages.length);
	for (let row = 0; row < ages.length; row += 1) measuredAt[row] = monotonic - (ages[row] as number);
	return measuredAt;
}

/** Turns what a reader throws on foreign bytes into a failure; anything else is a BUG and passes. */
function atEdge<Result>(run: () => Result): Result | { ok: false; failure: Failure } {
	try {
		return run();
	} catch (error) {
		if (error instanceof OutOfBytes)
			return {
				ok: false,
				failure: failure("RECORD_MALFORMED", `The record does not decode: ${error.message}.`),
			};
		throw error;
	}
}

class Numbered {
	readonly list: string[] = [];
	private readonly numbers = new Map<string, number>();

	number(text: string): number {
		const known = this.numbers.get(text);
		if (known !== undefined) return known;
		this.numbers.set(text, this.list.length);
		this.list.push(text);
		return this.list.length - 1;
	}
}
