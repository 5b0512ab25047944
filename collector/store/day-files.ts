/**
 * Sealed readings on disk: one SQLite file a UTC day, so that retention is an unlink.
 *
 *   schemas  number, text: the columns that chunks of this file have; a file needs no other to be read
 *   hours    key (hour of the day × 2^24 + group), bytes: the chunks of sixteen devices (pack.ts)
 *   parts    id, key, bytes: what came for an hour beside its row, until they are merged
 *   sums     key, bytes: one-minute sums of those devices; absent where an hour has to be summed anew
 *   damaged  key, device, bytes: chunks whose checksum does not fit, kept apart for a restore
 *
 * Invariants: synchronous=FULL; an hour's row and sums replace its parts in one transaction; the same
 * readings give the same rows. A rollback journal, not a WAL: rows are written once and rarely changed,
 * and a WAL would write each of them twice.
 */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { invariant } from "../../shared/invariant.js";
import { parseJson } from "../../shared/json.js";
import { asBuffer } from "../../shared/thread.js";
import { WIRE_JSON_LIMITS } from "../../shared/wire/definition.js";
import { schemaText } from "./chunk.js";
import type { Column } from "./device-state.js";
import { reach } from "./fail-point.js";
import { groupOf, type PackedChunk, pack, unpack } from "./pack.js";

export const MILLISECONDS_PER_HOUR = 3_600_000;
const HOURS_PER_DAY = 24;
const GROUPS_MOST = 2 ** 24;
/** Day files kept open at once; the rest is opened when asked. */
const OPEN_MOST = 8;
const SYNCHRONOUS_FULL = 2;
/** Rows of 35 KB fill whole pages of this size nearly to the end; larger pages leave a tenth empty. */
const PAGE_BYTES = 4_096;
const CACHE_KIBIBYTES = 2_048;
const FILE_NAME = /^raw-(\d{4}-\d{2}-\d{2})\.db$/;

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS schemas (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
	CREATE TABLE IF NOT EXISTS hours (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
	CREATE TABLE IF NOT EXISTS parts (id INTEGER PRIMARY KEY, key INTEGER NOT NULL, bytes BLOB NOT NULL);
	CREATE INDEX IF NOT EXISTS parts_by_key ON parts (key);
	CREATE TABLE IF NOT EXISTS sums (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
	CREATE TABLE IF NOT EXISTS damaged (
		key INTEGER NOT NULL, device INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (key, device, bytes)
	) WITHOUT ROWID;
`;

/** One device's chunk and what its columns are. */
export type DeviceChunk = {
	readonly device: number;
	readonly columns: readonly Column[];
	readonly bytes: Buffer;
};
export type GroupHour = { readonly hour: number; readonly group: number };
export type HourRow = GroupHour & {
	readonly chunks: readonly DeviceChunk[];
	/** Absent: they have to be made from the readings. */
	readonly sums?: readonly DeviceChunk[];
	/** Chunks of this hour that no longer can be read. */
	readonly damaged?: readonly DeviceChunk[];
};
export type PartRow = GroupHour & { readonly chunks: readonly DeviceChunk[] };

/** What a row's head that is damaged stands for: all its devices, unknown which. */
export type StoredHour = {
	readonly chunks: readonly DeviceChunk[];
	readonly hasRow: boolean;
	readonly hasParts: boolean;
	readonly rowsDamaged: number;
};

export function hourOf(at: number): number {
	return Math.floor(at / MILLISECONDS_PER_HOUR);
}

type DayFile = {
	readonly database: Database.Database;
	readonly numbers: Map<string, number>;
	readonly columns: Map<number, readonly Column[]>;
	/** The same by list: a text is made once a list. */
	numberOf: WeakMap<readonly Column[], number>;
	readonly statements: Map<string, Database.Statement>;
};

export class DayFiles {
	private readonly folder: string;
	private readonly open = new Map<string, DayFile>();
	/** Days that were looked through and have no parts: a month of files is not opened for nothing. */
	private readonly withoutParts = new Set<string>();
	/** Rows by day. */
	private readonly counted = new Map<string, number>();
	private readonly onSetAside: (day: string, what: string) => void;

	constructor(folder: string, onSetAside: (day: string, what: string) => void = () => undefined) {
		this.folder = folder;
		this.onSetAside = onSetAside;
	}

	/** Stores rows of hours and parts, each in the file of its day, one transaction a file. */
	put(rows: readonly HourRow[], parts: readonly PartRow[]): void {
		const days = new Set([...rows, ...parts].map(({ hour }) => dayOfHour(hour)));
		for (const day of days) {
			const file = this.file(day, true);
			invariant(file !== undefined, "a day file that may be made exists");
			const write = () => {
				for (const row of rows) if (dayOfHour(row.hour) === day) writeHour(file, row);
				for (const part of parts) if (dayOfHour(part.hour) === day) writePart(file, part);
			};
			this.counted.delete(day);
			this.withoutParts.delete(day);
			this.changed(file, write);
		}
	}

	/** Everything stored of a group's hour: its row, then its parts. */
	hour({ hour, group }: GroupHour): StoredHour {
		const file = this.file(dayOfHour(hour), false);
		if (file === undefined) return { chunks: [], hasRow: false, hasParts: false, rowsDamaged: 0 };
		const key = keyOf(hour, group);
		const row = statement(file, "SELECT bytes FROM hours WHERE key = ?").get(key) as Bytes | undefined;
		const parts = statement(file, "SELECT bytes FROM parts WHERE key = ? ORDER BY id").all(key) as Bytes[];
		const unpacked = [...(row === undefined ? [] : [row]), ...parts].map(({ bytes }) =>
			unpack(asBuffer(bytes)),
		);
		return {
			chunks: unpacked.flatMap((chunks) => named(file, chunks ?? [])),
			hasRow: row !== undefined,
			hasParts: parts.length > 0,
			rowsDamaged: unpacked.filter((chunks) => chunks === undefined).length,
		};
	}

	/** Whether a group's hour has a row or parts. */
	holds({ hour, group }: GroupHour): boolean {
		const file = this.file(dayOfHour(hour), false);
		if (file === undefined) return false;
		const key = keyOf(hour, group);
		return (
			statement(file, "SELECT 1 FROM hours WHERE key = ?").get(key) !== undefined ||
			statement(file, "SELECT 1 FROM parts WHERE key = ?").get(key) !== undefined
		);
	}

	/** The sums of a group's hour; undefined where they have to be made. */
	sums({ hour, group }: GroupHour): readonly DeviceChunk[] | undefined {
		const file = this.file(dayOfHour(hour), false);
		if (file === undefined) return undefined;
		const row = statement(file, "SELECT bytes FROM sums WHERE key = ?").get(keyOf(hour, group)) as
			| Bytes
			| undefined;
		const chunks = row === undefined ? undefined : unpack(asBuffer(row.bytes));
		return chunks === undefined ? undefined : named(file, chunks);
	}

	/** Forgets sums that no longer hold, so that they are made anew. */
	dropSums({ hour, group }: GroupHour): void {
		const file = this.file(dayOfHour(hour), false);
		if (file === undefined) return;
		this.changed(file, () => statement(file, "DELETE FROM sums WHERE key = ?").run(keyOf(hour, group)));
	}

	putSums({ hour, group }: GroupHour, sums: readonly DeviceChunk[]): void {
		const file = this.file(dayOfHour(hour), false);
		if (file === undefined) return;
		this.changed(file, () => writePacked(file, { table: "sums", key: keyOf(hour, group), chunks: sums }));
	}

	/** Groups that have anything of an hour. */
	groupsOf(hour: number): readonly number[] {
		const file = this.file(dayOfHour(hour), false);
		if (file === undefined) return [];
		const [first, last] = [keyOf(hour, 0), keyOf(hour, GROUPS_MOST - 1)];
		const keys = statement(
			file,
			"SELECT key FROM hours WHERE key BETWEEN ? AND ? UNION SELECT key FROM parts WHERE key BETWEEN ? AND ? ORDER BY 1",
		).all(first, last, first, last) as { key: number }[];
		return keys.map(({ key }) => key % GROUPS_MOST);
	}

	/** Hours before `before` that have parts, oldest first, at most `most` of them with their groups. */
	unmerged(before: number, most: number): readonly GroupHour[] {
		const found: GroupHour[] = [];
		for (const day of this.days()) {
			const firstHour = hourOf(Date.parse(`${day}T00:00:00Z`));
			if (firstHour >= before) break;
			if (this.withoutParts.has(day)) continue;
			const file = this.file(day, false);
			if (file === undefined) continue;
			const last = Math.min(HOURS_PER_DAY, before - firstHour) * GROUPS_MOST - 1;
			const keys = statement(file, "SELECT DISTINCT key FROM parts WHERE key <= ? ORDER BY key LIMIT ?").all(
				last,
				most - found.length,
			) as { key: number }[];
			for (const { key } of keys)
				found.push({ hour: firstHour + Math.floor(key / GROUPS_MOST), group: key % GROUPS_MOST });
			if (keys.length === 0 && firstHour + HOURS_PER_DAY <= before) this.withoutParts.add(day);
			if (found.length >= most) break;
		}
		return found;
	}

	/** Removes whole days before the day of `before`; gives their names. */
	dropDaysBefore(before: number): readonly string[] {
		const first = dayOf(before);
		const dropped = this.days().filter((day) => day < first);
		for (const day of dropped) this.dropDay(day);
		return dropped;
	}

	dropDay(day: string): void {
		this.counted.delete(day);
		this.open.get(day)?.database.close();
		this.open.delete(day);
		// The database last: what is left of it after a crash is dropped again.
		for (const suffix of [...SUFFIXES].reverse()) {
			rmSync(this.fileName(day) + suffix, { force: true });
			reach("drop: between files");
		}
	}

	/** Bytes of each day's files, oldest first. */
	sizes(): readonly { readonly day: string; readonly bytes: number }[] {
		return this.days().map((day) => ({
			day,
			bytes: SUFFIXES.reduce((sum, suffix) => sum + sizeOf(this.fileName(day) + suffix), 0),
		}));
	}

	/** Rows stored in all days, parts counted with them; a day is counted again only after it changed. */
	rows(): number {
		return this.days().reduce((sum, day) => sum + this.rowsOf(day), 0);
	}

	private rowsOf(day: string): number {
		const known = this.counted.get(day);
		if (known !== undefined) return known;
		const file = this.file(day, false);
		if (file === undefined) return 0;
		const { count } = statement(
			file,
			"SELECT (SELECT count(*) FROM hours) + (SELECT count(*) FROM parts) AS count",
		).get() as { count: number };
		this.counted.set(day, count);
		return count;
	}

	close(): void {
		for (const { database } of this.open.values()) database.close();
		this.open.clear();
	}

	days(): readonly string[] {
		return readdirSync(this.folder)
			.map((name) => FILE_NAME.exec(name)?.[1])
			.filter((day) => day !== undefined)
			.sort();
	}

	private changed(file: DayFile, write: () => void): void {
		try {
			file.database.transaction(write).immediate();
		} catch (error) {
			// Numbers of schemas that were not stored must not be used.
			loadSchemas(file);
			throw error;
		}
	}

	private fileName(day: string): string {
		return path.join(this.folder, `raw-${day}.db`);
	}

	private file(day: string, mayMake: boolean): DayFile | undefined {
		const known = this.open.get(day);
		if (known !== undefined) {
			this.open.delete(day);
			this.open.set(day, known);
			return known;
		}
		// A full disk leaves a file without a byte: nothing was stored in it.
		if (!mayMake && sizeOf(this.fileName(day)) === 0) return undefined;
		const file = this.openWhole(day, mayMake);
		if (file === undefined) return undefined;
		this.open.set(day, file);
		this.closeOldest();
		return file;
	}

	/** A file that is no database any more is set aside, so that one bad day stops neither the start nor the sealing. */
	private openWhole(day: string, mayMake: boolean): DayFile | undefined {
		const name = this.fileName(day);
		try {
			return openFile(name);
		} catch (error) {
			const code = error instanceof Error && "code" in error ? error.code : undefined;
			if (code !== "SQLITE_NOTADB" && code !== "SQLITE_CORRUPT") throw error;
			setAside(name);
			this.onSetAside(day, error instanceof Error ? error.message : "");
			return mayMake ? openFile(name) : undefined;
		}
	}

	private closeOldest(): void {
		if (this.open.size <= OPEN_MOST) return;
		const [oldest] = this.open.entries();
		if (oldest === undefined) return;
		oldest[1].database.close();
		this.open.delete(oldest[0]);
	}
}

type Bytes = { readonly bytes: Buffer };
const SUFFIXES = ["", "-journal", "-wal", "-shm"] as const;

function statement(file: DayFile, sql: string): Database.Statement {
	const known = file.statements.get(sql);
	if (known !== undefined) return known;
	const made = file.database.prepare(sql);
	file.statements.set(sql, made);
	return made;
}

function writeHour(file: DayFile, { hour, group, chunks, sums, damaged = [] }: HourRow): void {
	const key = keyOf(hour, group);
	for (const { device, bytes } of damaged)
		statement(file, "INSERT OR IGNORE INTO damaged (key, device, bytes) VALUES (?, ?, ?)").run(
			key,
			device,
			bytes,
		);
	writePacked(file, { table: "hours", key, chunks });
	if (sums === undefined) statement(file, "DELETE FROM sums WHERE key = ?").run(key);
	else writePacked(file, { table: "sums", key, chunks: sums });
	statement(file, "DELETE FROM parts WHERE key = ?").run(key);
}

function writePart(file: DayFile, { hour, group, chunks }: PartRow): void {
	const key = keyOf(hour, group);
	const bytes = packed(file, chunks);
	statement(file, "INSERT INTO parts (key, bytes) VALUES (?, ?)").run(key, bytes);
	statement(file, "DELETE FROM sums WHERE key = ?").run(key);
}

function writePacked(
	file: DayFile,
	row: { readonly table: "hours" | "sums"; readonly key: number; readonly chunks: readonly DeviceChunk[] },
): void {
	const { table, key, chunks } = row;
	statement(file, `INSERT OR REPLACE INTO ${table} (key, bytes) VALUES (?, ?)`).run(
		key,
		packed(file, chunks),
	);
}

function packed(file: DayFile, chunks: readonly DeviceChunk[]): Buffer {
	const numbered = chunks.map(
		({ device, columns, bytes }): PackedChunk => ({ device, schema: schemaNumber(file, columns), bytes }),
	);
	return pack(numbered.sort((one, other) => one.device - other.device));
}

function schemaNumber(file: DayFile, columns: readonly Column[]): number {
	const seen = file.numberOf.get(columns);
	if (seen !== undefined) return seen;
	const text = schemaText(columns);
	const known = file.numbers.get(text);
	if (known !== undefined) {
		file.numberOf.set(columns, known);
		return known;
	}
	const { lastInsertRowid } = statement(file, "INSERT INTO schemas (text) VALUES (?)").run(text);
	const number = Number(lastInsertRowid);
	file.numbers.set(text, number);
	file.columns.set(number, columns);
	return number;
}

function named(file: DayFile, chunks: readonly PackedChunk[]): readonly DeviceChunk[] {
	return chunks.flatMap(({ device, schema, bytes }) => {
		const columns = file.columns.get(schema);
		return columns === undefined ? [] : [{ device, columns, bytes }];
	});
}

function loadSchemas(file: DayFile): void {
	file.numbers.clear();
	file.columns.clear();
	file.numberOf = new WeakMap();
	const rows = statement(file, "SELECT number, text FROM schemas").all() as {
		number: number;
		text: string;
	}[];
	for (const { number, text } of rows) {
		file.numbers.set(text, number);
		const parsed = parseJson(text, WIRE_JSON_LIMITS);
		invariant(parsed.ok, "a stored schema is JSON");
		file.columns.set(number, parsed.value as unknown as readonly Column[]);
	}
}

function keyOf(hour: number, group: number): number {
	return (hour % HOURS_PER_DAY) * GROUPS_MOST + group;
}

export function groupHour(device: number, hour: number): GroupHour {
	return { hour, group: groupOf(device) };
}

function setAside(name: string): void {
	let aside = `${name}.damaged`;
	for (let count = 2; existsSync(aside); count += 1) aside = `${name}.damaged-${count}`;
	for (const suffix of SUFFIXES) if (existsSync(name + suffix)) renameSync(name + suffix, aside + suffix);
}

function openFile(name: string): DayFile {
	const database = new Database(name);
	try {
		database.pragma(`page_size = ${PAGE_BYTES}`);
		database.pragma("locking_mode = EXCLUSIVE");
		database.pragma("journal_mode = TRUNCATE");
		database.pragma("synchronous = FULL");
		database.pragma(`cache_size = -${CACHE_KIBIBYTES}`);
		invariant(
			database.pragma("synchronous", { simple: true }) === SYNCHRONOUS_FULL,
			"SQLite keeps synchronous=FULL",
		);
		database.transaction(() => database.exec(SCHEMA))();
		const file: DayFile = {
			database,
			numbers: new Map(),
			columns: new Map(),
			numberOf: new WeakMap(),
			statements: new Map(),
		};
		loadSchemas(file);
		return file;
	} catch (error) {
		database.close();
		throw error;
	}
}

function sizeOf(name: string): number {
	return existsSync(name) ? statSync(name).size : 0;
}

export function dayOf(at: number): string {
	return new Date(at).toISOString().slice(0, 10);
}

function dayOfHour(hour: number): string {
	return dayOf(hour * MILLISECONDS_PER_HOUR);
}
