/**
 * A store of schema 1, written from its description with real SQLite: takes a folder, gives what stands in it.
 *
 * Ten devices, a reading a minute in four hours over two days: merged chunks, parts, one chunk that is
 * damaged, readings in the inbox of which the first were sealed already, a snapshot, sums.
 */
import path from "node:path";
import { serialize } from "node:v8";
import { crc32 } from "node:zlib";
import Database from "better-sqlite3";
import { PARTS } from "../../../../shared/device.js";
import { ByteWriter } from "../../../../shared/wire/bytes.js";
import { definitionsOf, deviceAt, EPOCH, exampleRecord, SHAPE_HASH } from "../../../shared/wire/examples.js";
import { HOUR, MINUTE, NOON, type Row } from "../example-store.js";

export const DEVICES = Array.from({ length: 10 }, (_, index) =>
	deviceAt(`10.0.0.${index}:80`, { serial: `S${index}`, pollIntervalSeconds: 60 }),
);
/** 22:00 and 23:00 of the day before, 00:00 and 11:00 of the day. */
const HOURS = [NOON - 14 * HOUR, NOON - 13 * HOUR, NOON - 12 * HOUR, NOON - HOUR].map((at) => at / HOUR);
const INBOX_RECORDS = 20;
const INBOX_SEALED = 5;
/** Device 10 of the last hour. */
export const DAMAGED = { device: 10, hour: HOURS[3] ?? 0 };
const MINUTES_PER_HOUR = 60;

type Run = {
	readonly columns: readonly {
		readonly measurement: string;
		readonly component?: { readonly part: (typeof PARTS)[number]; readonly key: string };
		readonly decimals: number;
	}[];
	readonly times: readonly number[];
	/** Undefined where absent. */
	readonly values: readonly (readonly (number | undefined)[])[];
};

/** Chunk format 1, as its description lays it out: whole numbers of the decimals as differences. */
export function chunkFormat1({ columns, times, values }: Run): Buffer {
	const writer = new ByteWriter();
	writer.u8(1);
	writeTimes(writer, times);
	writer.varint(columns.length);
	const bodies = columns.map(({ decimals }, index) => bodyFormat1(values[index] ?? [], 10 ** decimals));
	for (const [index, { measurement, component, decimals }] of columns.entries()) {
		writer.text(measurement);
		writer.u8(component === undefined ? 0 : PARTS.indexOf(component.part) + 1);
		if (component !== undefined) writer.text(component.key);
		writer.u8(decimals);
		writer.u8(bodies[index]?.mode ?? 0);
		writer.varint(bodies[index]?.bytes.length ?? 0);
	}
	for (const { bytes } of bodies) writer.raw(bytes);
	writer.u32(crc32(writer.view()));
	return writer.finish();
}

function writeTimes(writer: ByteWriter, times: readonly number[]): void {
	writer.varint(times.length);
	let before = 0;
	let stepBefore = 0;
	for (const [index, time] of times.entries()) {
		const step = index === 0 ? 0 : time - before;
		if (index === 0) writer.varint(time);
		else writer.zigzag(step - stepBefore);
		[before, stepBefore] = [time, step];
	}
}

function bodyFormat1(values: readonly (number | undefined)[], power: number) {
	const writer = new ByteWriter();
	const hasAbsent = values.includes(undefined);
	if (hasAbsent) {
		const bits = Buffer.alloc(Math.ceil(values.length / 8));
		for (const [index, value] of values.entries())
			if (value !== undefined) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
		writer.raw(bits);
	}
	let before = 0;
	for (const value of values) {
		if (value === undefined) continue;
		const number = Math.round(value * power);
		writer.zigzag(number - before);
		before = number;
	}
	return { mode: hasAbsent ? 0x82 : 2, bytes: writer.finish() };
}

export function wattsAt(device: number, at: number): number {
	return 3_000 + device * 10 + ((at / MINUTE) % 7);
}

function rowAt(device: number, at: number): Row {
	// Every tenth poll failed: only its result is known.
	if ((at / MINUTE) % 10 === 3) return { at, pollResult: 1 };
	return { at, hashrateTerahashesPerSecond: 100 + device, pollResult: 0, powerWatts: wattsAt(device, at) };
}

function runOf(rows: readonly Row[]): Run {
	const names = [
		["hashrateTerahashesPerSecond", 6],
		["pollResult", 0],
		["powerWatts", 3],
	] as const;
	return {
		columns: names.map(([measurement, decimals]) => ({ measurement, decimals })),
		times: rows.map(({ at }) => at),
		values: names.map(([name]) => rows.map((row) => row[name])),
	};
}

const SCHEMA = `
	CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
	CREATE TABLE cursors (
		agent TEXT NOT NULL, epoch TEXT NOT NULL, site TEXT NOT NULL, base INTEGER NOT NULL, ranges TEXT NOT NULL,
		PRIMARY KEY (agent, epoch)
	) WITHOUT ROWID;
	CREATE TABLE inbox (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		agent TEXT NOT NULL, site TEXT NOT NULL, epoch TEXT NOT NULL, sequence INTEGER NOT NULL,
		received_at INTEGER NOT NULL, offset REAL NOT NULL, bytes BLOB NOT NULL
	);
	CREATE UNIQUE INDEX inbox_by_number ON inbox (agent, epoch, sequence);
	CREATE TABLE definitions (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
	CREATE TABLE devices (
		number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, site TEXT NOT NULL, agent TEXT NOT NULL,
		first_seen_at INTEGER NOT NULL, definition TEXT NOT NULL
	);
	CREATE TABLE aliases (
		site TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, device INTEGER NOT NULL,
		PRIMARY KEY (site, kind, value)
	) WITHOUT ROWID;
	CREATE TABLE gaps (
		id INTEGER PRIMARY KEY, agent TEXT NOT NULL, site TEXT NOT NULL, from_at INTEGER NOT NULL,
		to_at INTEGER NOT NULL, reason TEXT NOT NULL, outcomes INTEGER NOT NULL
	);
	CREATE INDEX gaps_by_time ON gaps (to_at);
	CREATE TABLE dead_letters (
		id INTEGER PRIMARY KEY, agent TEXT NOT NULL, epoch TEXT NOT NULL, sequence INTEGER NOT NULL,
		at INTEGER NOT NULL, code TEXT NOT NULL, what TEXT NOT NULL, bytes BLOB NOT NULL
	);
	CREATE TABLE inputs (
		id INTEGER PRIMARY KEY, name TEXT NOT NULL, value REAL NOT NULL, unit TEXT NOT NULL, source TEXT NOT NULL,
		observed_at INTEGER NOT NULL, valid_from INTEGER NOT NULL, known_from INTEGER NOT NULL, is_example INTEGER NOT NULL
	);
	CREATE TABLE intervals (
		tier INTEGER NOT NULL, from_at INTEGER NOT NULL, device INTEGER NOT NULL,
		joules REAL NOT NULL, terahashes REAL NOT NULL, joules_with_work REAL NOT NULL, terahashes_with_power REAL NOT NULL,
		seconds_up REAL NOT NULL, seconds_down REAL NOT NULL, gpu_seconds REAL NOT NULL,
		PRIMARY KEY (tier, from_at, device)
	) WITHOUT ROWID;
`;
const DAY_SCHEMA = `
	CREATE TABLE chunks (
		device INTEGER NOT NULL, hour INTEGER NOT NULL, part INTEGER NOT NULL, first_at INTEGER NOT NULL,
		last_at INTEGER NOT NULL, samples INTEGER NOT NULL, bytes BLOB NOT NULL
	);
	CREATE UNIQUE INDEX chunks_by_device ON chunks (device, hour, part);
`;

/** Rows by device number, as every later version must give them. */
export type Expected = ReadonlyMap<number, readonly Row[]>;

export function writeSchema1Store(folder: string, { hasOldSums = false } = {}): Expected {
	const rowsOf = new Map(
		DEVICES.map((_, index) => [
			index + 1,
			HOURS.flatMap((hour) =>
				Array.from({ length: MINUTES_PER_HOUR }, (_, minute) =>
					rowAt(index + 1, hour * HOUR + minute * MINUTE),
				),
			),
		]),
	);
	const files = new Map<string, Database.Database>();
	for (const [device, rows] of rowsOf)
		for (const hour of HOURS)
			writeHour(folder, files, {
				device,
				hour,
				rows: rows.filter(({ at }) => Math.floor(at / HOUR) === hour),
			});
	for (const file of files.values()) file.close();
	writeMain(folder, hasOldSums);
	const fresh = Array.from({ length: INBOX_RECORDS - INBOX_SEALED }, (_, index) => index + INBOX_SEALED);
	return new Map(
		[...rowsOf].map(([device, rows]) => [
			device,
			[
				...rows.filter(({ at }) => device !== DAMAGED.device || Math.floor(at / HOUR) !== DAMAGED.hour),
				...(device === DAMAGED.device ? Array.from({ length: INBOX_SEALED }, (_, index) => index) : []).map(
					(index) => inboxRow(device, index),
				),
				...fresh.map((index) => inboxRow(device, index)),
			],
		]),
	);
}

/** The first ones are of the last hour, and in its chunk as well. */
function inboxAt(index: number): number {
	return NOON + (index - INBOX_SEALED) * MINUTE;
}

function inboxRow(device: number, index: number): Row {
	const at = inboxAt(index);
	return { at, hashrateTerahashesPerSecond: 100 + device, pollResult: 0, powerWatts: wattsAt(device, at) };
}

function writeHour(
	folder: string,
	files: Map<string, Database.Database>,
	{ device, hour, rows }: { device: number; hour: number; rows: readonly Row[] },
): void {
	const day = new Date(hour * HOUR).toISOString().slice(0, 10);
	let database = files.get(day);
	if (database === undefined) {
		database = new Database(path.join(folder, `chunks-${day}.db`));
		database.pragma("journal_mode = WAL");
		database.exec(DAY_SCHEMA);
		files.set(day, database);
	}
	const put = database.prepare("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)");
	const isLast = hour === HOURS.at(-1);
	// The last hour is not merged yet: two parts, the second begins in the middle of the first.
	const pieces = isLast ? [rows.slice(0, 30), rows.slice(20)] : [rows];
	for (const [index, piece] of pieces.entries()) {
		const bytes = chunkFormat1(runOf(piece));
		if (device === DAMAGED.device && hour === DAMAGED.hour) bytes[12] = (bytes[12] ?? 0) ^ 1;
		const part = isLast ? 100 * (index + 1) : 0;
		put.run(device, hour, part, piece[0]?.at, piece.at(-1)?.at, piece.length, bytes);
	}
}

function writeMain(folder: string, hasOldSums: boolean): void {
	const database = new Database(path.join(folder, "fleetwatt.db"));
	database.pragma("journal_mode = WAL");
	database.exec(SCHEMA);
	const define = database.prepare("INSERT INTO definitions VALUES (?, ?)");
	for (const { hash, text } of definitionsOf(DEVICES)) define.run(hash, text);
	const definitions = definitionsOf(DEVICES).slice(1);
	const states = definitions.map(({ hash }, index) => stateOf(index + 1, hash));
	for (const [index, { hash }] of definitions.entries()) {
		const [number, key] = [index + 1, `S${index}`];
		database
			.prepare("INSERT INTO devices VALUES (?, ?, 'austin', 'agent-1', ?, ?)")
			.run(number, key, HOURS[0], hash);
		const alias = database.prepare("INSERT INTO aliases VALUES ('austin', ?, ?, ?)");
		alias.run("serial", key, number);
		alias.run("endpoint", `10.0.0.${index}:80`, number);
	}
	database
		.prepare("INSERT INTO cursors VALUES ('agent-1', ?, 'austin', ?, '[]')")
		.run(EPOCH, 200 + INBOX_RECORDS - 1);
	const put = database.prepare(
		"INSERT INTO inbox (id, agent, site, epoch, sequence, received_at, offset, bytes) VALUES (?, 'agent-1', 'austin', ?, ?, ?, 0, ?)",
	);
	for (let index = 0; index < INBOX_RECORDS; index += 1) {
		const at = inboxAt(index);
		const outcomes = DEVICES.map((device, place) => ({
			device,
			terahashesPerSecond: 101 + place,
			watts: wattsAt(place + 1, at),
		}));
		put.run(500 + index, EPOCH, 200 + index, at, exampleRecord(at, outcomes));
	}
	const minutes = { handedOverUntil: 0, minutes: [] };
	const snapshot = { version: 1, inboxId: 500 + INBOX_SEALED - 1, late: [], minutes, devices: states };
	database.prepare("INSERT INTO facts VALUES ('snapshot', ?)").run(serialize(snapshot));
	const sum = database.prepare("INSERT INTO intervals VALUES (60, ?, 1, 60000, 6000, 60000, 6000, 60, 0, 0)");
	sum.run((HOURS[0] ?? 0) * HOUR);
	if (hasOldSums) sum.run(NOON - 40 * 24 * HOUR);
	database
		.prepare("INSERT INTO inputs VALUES (1, 'bitcoinUsd', 90000, 'USD', 'test', ?, ?, ?, 0)")
		.run(NOON, NOON, NOON);
	database
		.prepare("INSERT INTO gaps VALUES (1, 'agent-1', 'austin', ?, ?, 'evicted', 7)")
		.run(NOON - HOUR, NOON);
	database.close();
}

/** What the present knew of a device after the sealed part of the inbox. */
function stateOf(number: number, definition: string) {
	const at = inboxAt(INBOX_SEALED - 1);
	const values = Float64Array.of(100 + number, wattsAt(number, at));
	const held = { at, watts: wattsAt(number, at), terahashesPerSecond: 100 + number };
	const key = `S${number - 1}`;
	return {
		number,
		definition,
		known: {
			number,
			key,
			site: "austin",
			agent: "agent-1",
			firstSeenAt: (HOURS[0] ?? 0) * HOUR,
			definition,
			lastEndpoint: `10.0.0.${number - 1}:80`,
			lastSeenAt: at,
		},
		latest: { at, shape: SHAPE_HASH, values, errorCodes: [] },
		isAnswering: true,
		answeringSince: (HOURS[0] ?? 0) * HOUR,
		lastAttemptAt: at,
		meter: {
			joulesTotal: 1_000_000 + number,
			terahashesTotal: 50_000,
			held,
			slots: [[at / 30_000, 1, 1, 1, 1, 1, 1, 1]],
		},
		gpusHeld: undefined,
		pollsByResult: { ok: 216, DEVICE_TIMEOUT: 24 },
		faultsByCode: {},
	};
}
