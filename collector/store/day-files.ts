/**
 * Chunks on disk: one SQLite file a UTC day, so that retention is an unlink.
 *
 *   chunks   device, hour (Unix hours), part (first inbox id of the sealing; 0 once merged),
 *            first_at, last_at (Unix ms), samples, bytes (CHUNK_FORMAT.md)
 *
 * Invariants: synchronous=FULL; a device's merged hour replaces its parts in one transaction; sealing
 * the same inbox range again replaces the same rows.
 */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { invariant } from "../../shared/invariant.js";

const MILLISECONDS_PER_HOUR = 3_600_000;
const HOURS_PER_DAY = 24;
/** Day files kept open at once; the rest is opened when asked. */
const OPEN_MOST = 8;
const SYNCHRONOUS_FULL = 2;
const PAGE_BYTES = 8_192;
const CACHE_KIBIBYTES = 4_096;
const JOURNAL_LONGEST_BYTES = 16 * 1_024 * 1_024;
const FILE_NAME = /^chunks-(\d{4}-\d{2}-\d{2})\.db$/;

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS chunks (
		device INTEGER NOT NULL,
		hour INTEGER NOT NULL,
		part INTEGER NOT NULL,
		first_at INTEGER NOT NULL,
		last_at INTEGER NOT NULL,
		samples INTEGER NOT NULL,
		bytes BLOB NOT NULL
	);
	CREATE UNIQUE INDEX IF NOT EXISTS chunks_by_device ON chunks (device, hour, part);
`;

export type ChunkRow = {
	readonly device: number;
	readonly hour: number;
	readonly part: number;
	readonly first_at: number;
	readonly last_at: number;
	readonly samples: number;
	readonly bytes: Buffer;
};

export function hourOf(at: number): number {
	return Math.floor(at / MILLISECONDS_PER_HOUR);
}

export class DayFiles {
	private readonly folder: string;
	private readonly open = new Map<string, Database.Database>();
	/** Files set aside since the start. */
	damagedFiles = 0;

	constructor(folder: string) {
		this.folder = folder;
	}

	/** Stores rows, each in the file of its day, one transaction a file. */
	put(rows: readonly ChunkRow[]): void {
		const byDay = groupByDay(rows);
		for (const [day, own] of byDay) {
			const database = this.file(day, true);
			invariant(database !== undefined, "a day file that may be made exists");
			const insert = database.prepare(
				"INSERT OR REPLACE INTO chunks (device, hour, part, first_at, last_at, samples, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)",
			);
			database
				.transaction(() => {
					for (const { device, hour, part, first_at, last_at, samples, bytes } of own) {
						insert.run(device, hour, part, first_at, last_at, samples, bytes);
					}
				})
				.immediate();
		}
	}

	/** Chunks of one device and hour, parts in order of sealing after what is merged. */
	ofHour(device: number, hour: number): readonly ChunkRow[] {
		const database = this.file(dayOfHour(hour), false);
		if (database === undefined) return [];
		return database
			.prepare("SELECT * FROM chunks WHERE device = ? AND hour = ? ORDER BY part")
			.all(device, hour) as ChunkRow[];
	}

	/** Devices with more than one chunk in an hour, at most `most`. */
	unmerged(hour: number, most: number): readonly number[] {
		const database = this.file(dayOfHour(hour), false);
		if (database === undefined) return [];
		const rows = database
			.prepare("SELECT device FROM chunks WHERE hour = ? GROUP BY device HAVING count(*) > 1 LIMIT ?")
			.all(hour, most) as { device: number }[];
		return rows.map(({ device }) => device);
	}

	/** Puts one chunk in the place of all of that device and hour. */
	replaceHour(row: ChunkRow): void {
		const database = this.file(dayOfHour(row.hour), true);
		invariant(database !== undefined, "a day file that may be made exists");
		database
			.transaction(() => {
				database.prepare("DELETE FROM chunks WHERE device = ? AND hour = ?").run(row.device, row.hour);
				this.put([row]);
			})
			.immediate();
	}

	/** Removes whole days before the day of `before`; gives their names. */
	dropDaysBefore(before: number): readonly string[] {
		const first = dayOf(before);
		const dropped = this.days().filter((day) => day < first);
		for (const day of dropped) {
			this.open.get(day)?.close();
			this.open.delete(day);
			for (const suffix of ["", "-wal", "-shm"]) rmSync(this.fileName(day) + suffix, { force: true });
		}
		return dropped;
	}

	/** Bytes on disk and chunks stored. */
	size(): { bytes: number; chunks: number } {
		let bytes = 0;
		let chunks = 0;
		for (const day of this.days()) {
			const fileBytes = statSync(this.fileName(day)).size;
			const counted = this.file(day, false)?.prepare("SELECT count(*) AS count FROM chunks").get() as
				| { count: number }
				| undefined;
			if (counted !== undefined) bytes += fileBytes;
			chunks += counted?.count ?? 0;
		}
		return { bytes, chunks };
	}

	close(): void {
		for (const database of this.open.values()) database.close();
		this.open.clear();
	}

	private days(): readonly string[] {
		return readdirSync(this.folder)
			.map((name) => FILE_NAME.exec(name)?.[1])
			.filter((day) => day !== undefined)
			.sort();
	}

	private fileName(day: string): string {
		return path.join(this.folder, `chunks-${day}.db`);
	}

	private file(day: string, mayMake: boolean): Database.Database | undefined {
		const known = this.open.get(day);
		if (known !== undefined) return known;
		if (!mayMake && !this.days().includes(day)) return undefined;
		const database = this.openWhole(day, mayMake);
		if (database === undefined) return undefined;
		this.open.set(day, database);
		this.closeOldest();
		return database;
	}

	/** A file that is no database any more is set aside, so that one bad day stops neither the start nor the sealing. */
	private openWhole(day: string, mayMake: boolean): Database.Database | undefined {
		const name = this.fileName(day);
		try {
			return openDatabase(name);
		} catch (error) {
			const code = error instanceof Error && "code" in error ? error.code : undefined;
			if (code !== "SQLITE_NOTADB" && code !== "SQLITE_CORRUPT") throw error;
			setAside(name);
			this.damagedFiles += 1;
			return mayMake ? openDatabase(name) : undefined;
		}
	}

	private closeOldest(): void {
		if (this.open.size <= OPEN_MOST) return;
		const [oldest] = this.open.entries();
		if (oldest === undefined) return;
		oldest[1].close();
		this.open.delete(oldest[0]);
	}
}

function setAside(name: string): void {
	let aside = `${name}.damaged`;
	for (let count = 2; existsSync(aside); count += 1) aside = `${name}.damaged-${count}`;
	for (const suffix of ["", "-wal", "-shm"])
		if (existsSync(name + suffix)) renameSync(name + suffix, aside + suffix);
}

function openDatabase(name: string): Database.Database {
	const database = new Database(name);
	try {
		database.pragma(`page_size = ${PAGE_BYTES}`);
		database.pragma("locking_mode = EXCLUSIVE");
		database.pragma("journal_mode = WAL");
		database.pragma("synchronous = FULL");
		database.pragma(`cache_size = -${CACHE_KIBIBYTES}`);
		database.pragma(`journal_size_limit = ${JOURNAL_LONGEST_BYTES}`);
		invariant(
			database.pragma("synchronous", { simple: true }) === SYNCHRONOUS_FULL,
			"SQLite keeps synchronous=FULL",
		);
		database.exec(SCHEMA);
		return database;
	} catch (error) {
		database.close();
		throw error;
	}
}

function dayOf(at: number): string {
	return new Date(at).toISOString().slice(0, 10);
}

function dayOfHour(hour: number): string {
	return dayOf(Math.floor(hour / HOURS_PER_DAY) * HOURS_PER_DAY * MILLISECONDS_PER_HOUR);
}

function groupByDay(rows: readonly ChunkRow[]): Map<string, ChunkRow[]> {
	const byDay = new Map<string, ChunkRow[]>();
	for (const row of rows) {
		const day = dayOfHour(row.hour);
		const own = byDay.get(day);
		if (own === undefined) byDay.set(day, [row]);
		else own.push(row);
	}
	return byDay;
}
