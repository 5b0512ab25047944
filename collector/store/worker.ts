/**
 * The store's thread: owns every SQLite file, so that the main thread never waits for a disk.
 *
 * Commits batches, seals the inbox into chunks, merges closed hours, reads the past.
 */
import { existsSync, mkdirSync, statSync } from "node:fs";
import { parseJson } from "../../shared/json.js";
import { asBuffer, serve, threadData } from "../../shared/thread.js";
import { type Definition, storedDefinition } from "../../shared/wire/definition.js";
import { hashIn } from "./catalogue.js";
import { decodeChunk, encodeChunk, schemaText } from "./chunk.js";
import { type ChunkRow, DayFiles, hourOf } from "./day-files.js";
import type { Column, Columns, IntervalSums, StoredInput } from "./device-state.js";
import { type Batch, type InboxRow, MainDatabase } from "./main-database.js";
import { columnKey, cutRun, joinRuns, onlyColumns } from "./runs.js";
import { piecesByDevice } from "./sealing.js";

const { folder } = threadData<{ folder: string }>();
const MILLISECONDS_PER_HOUR = 3_600_000;
const READ_ROWS_AT_ONCE = 200;
const SCHEMA_LENGTH_BYTES = 2;
const SCHEMA_LIMITS = { bytes: 65_536, depth: 4, keys: 10_000 };
/** What is sealed at once: memory for a slice of the inbox, decoded. */
const SEAL_ROWS_MOST = 500;
const SEAL_BYTES_MOST = 4 * 1_024 * 1_024;

let main: MainDatabase | undefined;
let days: DayFiles | undefined;
const definitions = new Map<string, Definition>();
/** Which device a device's definition stands for, by `sighted`. */
const numbers = new Map<string, number>();
let damagedChunks = 0;

function mainDatabase(): MainDatabase {
	if (main === undefined) {
		mkdirSync(folder, { recursive: true });
		main = new MainDatabase(folder);
		days = new DayFiles(folder);
		for (const { hash, text } of main.definitions()) learn(hash, text);
	}
	return main;
}

function dayFiles(): DayFiles {
	mainDatabase();
	days ??= new DayFiles(folder);
	return days;
}

function learn(hash: string, text: string): void {
	definitions.set(hash, storedDefinition(text));
}

function open() {
	const database = mainDatabase();
	return {
		snapshot: database.fact("snapshot"),
		devices: database.devices(),
		aliases: database.aliases(),
		definitions: database.definitions(),
		cursors: database.allCursors(),
		gapTotals: database.gapTotals(),
		inputs: database.inputs(),
	};
}

function commit({
	batch,
	deviceNumbers,
}: {
	batch: Batch;
	deviceNumbers: readonly (readonly [string, number])[];
}) {
	const { ids, cursors } = mainDatabase().commit(batch);
	for (const { hash, text } of batch.definitions) learn(hash, text);
	for (const [name, number] of deviceNumbers) numbers.set(name, number);
	return { ids, cursors };
}

/**
 * Moves the inbox up to `upTo` into chunks, one slice: chunks first, then the trim with its snapshot,
 * which may stand for rows of later slices already.
 */
function seal({ upTo, snapshot }: { upTo: number; snapshot: Uint8Array }) {
	const rows = mainDatabase().inboxSlice({ upTo, rows: SEAL_ROWS_MOST, bytes: SEAL_BYTES_MOST });
	const [first] = rows;
	const last = rows.at(-1);
	if (first === undefined || last === undefined) {
		mainDatabase().trim(upTo, snapshot);
		return { chunks: 0, isDone: true };
	}
	const chunks = chunksOf(rows, first.id);
	dayFiles().put(chunks);
	mainDatabase().trim(last.id, snapshot);
	return { chunks: chunks.length, isDone: last.id >= upTo };
}

function chunksOf(rows: readonly InboxRow[], part: number): readonly ChunkRow[] {
	const byNumber = new Map<number, Columns[]>();
	for (const [name, pieces] of piecesByDevice(rows, (hash) => definitions.get(hash))) {
		const number = numbers.get(name);
		if (number === undefined) continue;
		byNumber.set(number, [...(byNumber.get(number) ?? []), ...pieces]);
	}
	return [...byNumber].flatMap(([device, pieces]) => chunksByHour(device, part, joinRuns(pieces)));
}

function chunksByHour(device: number, part: number, run: Columns): readonly ChunkRow[] {
	const hours = new Set(Array.from(run.times, hourOf));
	return [...hours].map((hour) => {
		const own = cutRun(run, hour * MILLISECONDS_PER_HOUR, (hour + 1) * MILLISECONDS_PER_HOUR);
		return chunkRow(device, hour, part, own);
	});
}

function chunkRow(device: number, hour: number, part: number, run: Columns): ChunkRow {
	return {
		device,
		hour,
		part,
		first_at: run.times[0] ?? 0,
		last_at: run.times.at(-1) ?? 0,
		samples: run.times.length,
		bytes: withSchema(run),
	};
}

/** Joins the parts of some devices of a closed hour; gives how many it joined and whether more are left. */
function merge({ hour, mostDevices }: { hour: number; mostDevices: number }) {
	const waiting = dayFiles().unmerged(hour, mostDevices + 1);
	let merged = 0;
	for (const device of waiting.slice(0, mostDevices)) {
		const rows = dayFiles().ofHour(device, hour);
		const runs = rows.map((row) => decoded(row));
		// A damaged part stays where it is, for a restore; merging would lose it for good.
		if (runs.some((run) => run === undefined)) continue;
		dayFiles().replaceHour(chunkRow(device, hour, 0, joinRuns(runs.filter((run) => run !== undefined))));
		merged += 1;
	}
	return { merged, left: Math.max(0, waiting.length - mostDevices) };
}

type Select = {
	readonly deviceNumber: number;
	readonly from: number;
	readonly to: number;
	readonly columns?: readonly Pick<Column, "measurement" | "component">[];
};

/** The part of an answer that lies within one hour. */
function selectHour({ deviceNumber, from, to, columns }: Select): Columns | undefined {
	const keys = columns === undefined ? undefined : new Set(columns.map(columnKey));
	const wanted = (column: Column) => keys === undefined || keys.has(columnKey(column));
	const sealed = dayFiles()
		.ofHour(deviceNumber, hourOf(from))
		.filter((row) => row.first_at < to && row.last_at >= from)
		.map((row) => decoded(row, wanted))
		.filter((run) => run !== undefined);
	const pieces = [...sealed, ...newest(deviceNumber).map((piece) => onlyColumns(piece, wanted))];
	if (pieces.length === 0) return undefined;
	const run = cutRun(joinRuns(pieces), from, to);
	return run.times.length === 0 ? undefined : run;
}

/** The newest readings asked for last: the hours of one question share them. */
let newestAsked: { readonly key: string; readonly pieces: readonly Columns[] } | undefined;

/** Readings that still lie in the inbox. */
function newest(deviceNumber: number): readonly Columns[] {
	const { first, last } = mainDatabase().inboxSpan();
	const key = `${deviceNumber} ${first} ${last}`;
	if (newestAsked?.key !== key) newestAsked = { key, pieces: fromInbox(deviceNumber) };
	return newestAsked.pieces;
}

function fromInbox(deviceNumber: number): readonly Columns[] {
	const names = new Set([...numbers].filter(([, number]) => number === deviceNumber).map(([name]) => name));
	const hashes = new Set([...names].map(hashIn));
	const found: Columns[] = [];
	let after = 0;
	for (;;) {
		const rows = mainDatabase().inboxAfter(after, READ_ROWS_AT_ONCE);
		const last = rows.at(-1);
		if (last === undefined) return found;
		for (const [name, pieces] of piecesByDevice(rows, (hash) => definitions.get(hash), hashes)) {
			if (names.has(name)) found.push(...pieces);
		}
		after = last.id;
	}
}

/** Until day files keep schemas of their own: the length of the schema's text (u16), the text, the chunk. */
function withSchema(run: Columns): Buffer {
	const text = Buffer.from(schemaText(run.columns));
	const length = Buffer.alloc(SCHEMA_LENGTH_BYTES);
	length.writeUInt16BE(text.length);
	return Buffer.concat([length, text, encodeChunk(run)]);
}

function decoded(row: ChunkRow, wanted?: (column: Column) => boolean): Columns | undefined {
	const bytes = asBuffer(row.bytes);
	const chunkAt = SCHEMA_LENGTH_BYTES + (bytes.length < SCHEMA_LENGTH_BYTES ? 0 : bytes.readUInt16BE());
	const schema = parseJson(bytes.toString("utf8", SCHEMA_LENGTH_BYTES, chunkAt), SCHEMA_LIMITS);
	const columns = schema.ok && Array.isArray(schema.value) ? (schema.value as readonly Column[]) : [];
	const result = decodeChunk(bytes.subarray(chunkAt), columns, wanted);
	if (result.ok) return result.columns;
	damagedChunks += 1;
	return undefined;
}

function size() {
	const { bytes, chunks } = dayFiles().size();
	const file = mainDatabase().file;
	const ownBytes = [file, `${file}-wal`].reduce(
		(sum, name) => sum + (existsSync(name) ? statSync(name).size : 0),
		0,
	);
	return {
		fileBytes: bytes + ownBytes,
		chunks,
		damagedChunks: damagedChunks + dayFiles().damagedFiles,
		inboxRecords: mainDatabase().inboxSpan().count,
	};
}

const operations = {
	open,
	setDeviceNumbers: (pairs: readonly (readonly [string, number])[]) => {
		for (const [name, number] of pairs) numbers.set(name, number);
	},
	inboxAfter: ({ id, most }: { id: number; most: number }) => mainDatabase().inboxAfter(id, most),
	commit,
	seal,
	merge,
	selectHour,
	size,
	gaps: ({ from, to }: { from: number; to: number }) => mainDatabase().gaps(from, to),
	addInput: (input: StoredInput) => mainDatabase().addInput(input),
	putIntervals: ({ tierSeconds, rows }: { tierSeconds: number; rows: readonly IntervalSums[] }) =>
		mainDatabase().putIntervals(tierSeconds, rows),
	aggregateIntervals: ({ from, to }: { from: number; to: number }) =>
		mainDatabase().aggregateIntervals(from, to),
	intervals: (query: { tierSeconds: number; from: number; to: number; deviceNumbers?: readonly number[] }) =>
		mainDatabase().intervals(query),
	dropIntervalsBefore: ({ tierSeconds, before }: { tierSeconds: number; before: number }) =>
		mainDatabase().dropIntervalsBefore(tierSeconds, before),
	dropDaysBefore: (before: number) => dayFiles().dropDaysBefore(before),
};

export type StoreOperations = typeof operations;

serve(operations, () => {
	days?.close();
	main?.close();
});
