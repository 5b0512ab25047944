/**
 * The outbox on disk: numbered records until the collector has them, in one SQLite file.
 *
 *   records      sequence (1, 2, 3 …, never reused), made_at (wall ms), outcomes, bytes
 *   definitions  hash, text: what the records name by hash
 *   facts        epoch: thirty-two hex digits, made with the file
 *
 * Invariants: a record is numbered in the transaction that stores it, with synchronous=FULL; what is
 * dropped unsent is followed by a gap record that says how many outcomes it held; the file belongs
 * to one process (exclusive locking).
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { invariant } from "../../shared/invariant.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../shared/units.js";
import { checkRecord, encodeGap, type Gap, type RecordTime } from "../../shared/wire/record.js";
import type { Settled } from "../../shared/wire/sequences.js";

export type OutboxLimits = { readonly maxBytes: number; readonly maxDays: number };
export type NewRecord = { readonly bytes: Uint8Array; readonly outcomes: number; readonly time: RecordTime };
export type NewDefinition = { readonly hash: string; readonly text: string };
export type StoredRecord = { readonly sequence: number; readonly bytes: Uint8Array };
export type OutboxState = {
	readonly epoch: string;
	/** Oldest record kept and newest ever made; 0 where there is none. */
	readonly tail: number;
	readonly head: number;
	readonly records: number;
	readonly bytes: number;
	readonly outcomesDropped: number;
};

const JOURNAL_LONGEST_BYTES = 64 * 1_024 * 1_024;
const EVICT_AT_ONCE = 500;
const SYNCHRONOUS_FULL = 2;

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS records (
		sequence INTEGER PRIMARY KEY AUTOINCREMENT,
		made_at INTEGER NOT NULL,
		outcomes INTEGER NOT NULL,
		size INTEGER NOT NULL,
		bytes BLOB NOT NULL
	);
	CREATE TABLE IF NOT EXISTS definitions (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

type Row = { sequence: number; made_at: number; outcomes: number; size: number; bytes: Buffer };

export class OutboxDatabase {
	private readonly database: Database.Database;
	private readonly limits: OutboxLimits;
	readonly epoch: string;
	private records = 0;
	private bytes = 0;
	private outcomesDropped = 0;

	/** @throws what SQLite throws where the folder cannot be written or another process has the file */
	constructor(folder: string, limits: OutboxLimits) {
		mkdirSync(folder, { recursive: true });
		this.limits = limits;
		const file = path.join(folder, "outbox.db");
		this.database = openWhole(file);
		this.database.exec(SCHEMA);
		this.epoch = this.readEpoch();
		const sums = this.database
			.prepare("SELECT count(*) AS records, coalesce(sum(size), 0) AS bytes FROM records")
			.get() as {
			records: number;
			bytes: number;
		};
		this.records = sums.records;
		this.bytes = sums.bytes;
	}

	/** Numbers and stores in one transaction; evicts the oldest where a limit is met. */
	append(
		records: readonly NewRecord[],
		definitions: readonly NewDefinition[],
	): { first: number; last: number } {
		invariant(records.length > 0, "append needs a record");
		const run = this.database.transaction(() => {
			const define = this.database.prepare("INSERT OR IGNORE INTO definitions (hash, text) VALUES (?, ?)");
			for (const { hash, text } of definitions) define.run(hash, text);
			let last = 0;
			for (const record of records) last = this.insert(record);
			const newest = records.at(-1);
			if (newest !== undefined) this.evict(newest.time);
			return { first: last - records.length + 1, last };
		});
		return run.immediate();
	}

	/** Records of [from, to] in rising order, until `mostBytes` are reached; a damaged one becomes a gap record at the head. */
	read({ from, to, mostBytes }: { from: number; to: number; mostBytes: number }): readonly StoredRecord[] {
		const found: StoredRecord[] = [];
		let bytes = 0;
		const rows = this.database
			.prepare(
				"SELECT sequence, made_at, outcomes, size, bytes FROM records WHERE sequence BETWEEN ? AND ? ORDER BY sequence",
			)
			.iterate(from, to) as IterableIterator<Row>;
		const damaged: Row[] = [];
		for (const row of rows) {
			if (checkRecord(row.bytes) !== undefined) {
				damaged.push(row);
				continue;
			}
			found.push({ sequence: row.sequence, bytes: row.bytes });
			bytes += row.bytes.length;
			if (bytes >= mostBytes) break;
		}
		if (damaged.length > 0)
			this.database.transaction(() => this.replaceByGap(damaged, "corrupt", undefined)).immediate();
		return found;
	}

	/** Forgets what the collector has settled. */
	settle({ base, ranges }: Settled): void {
		const run = this.database.transaction(() => {
			this.forget(0, base);
			for (const [from, to] of ranges) this.forget(from, to);
		});
		run.immediate();
	}

	definitions(hashes: readonly string[]): readonly NewDefinition[] {
		const find = this.database.prepare("SELECT hash, text FROM definitions WHERE hash = ?");
		return hashes
			.map((hash) => find.get(hash) as NewDefinition | undefined)
			.filter((one) => one !== undefined);
	}

	state(): OutboxState {
		const tail = this.database.prepare("SELECT min(sequence) AS tail FROM records").get() as {
			tail: number | null;
		};
		const head = this.database
			.prepare("SELECT seq AS head FROM sqlite_sequence WHERE name = 'records'")
			.get() as { head: number } | undefined;
		return {
			epoch: this.epoch,
			tail: tail.tail ?? 0,
			head: head?.head ?? 0,
			records: this.records,
			bytes: this.bytes,
			outcomesDropped: this.outcomesDropped,
		};
	}

	close(): void {
		this.database.close();
	}

	private insert({ bytes, outcomes, time }: NewRecord): number {
		const { lastInsertRowid } = this.database
			.prepare("INSERT INTO records (made_at, outcomes, size, bytes) VALUES (?, ?, ?, ?)")
			.run(Math.round(time.wall), outcomes, bytes.length, bytes);
		this.records += 1;
		this.bytes += bytes.length;
		return Number(lastInsertRowid);
	}

	private forget(from: number, to: number): void {
		const gone = this.database
			.prepare(
				"SELECT count(*) AS records, coalesce(sum(size), 0) AS bytes FROM records WHERE sequence BETWEEN ? AND ?",
			)
			.get(from, to) as { records: number; bytes: number };
		if (gone.records === 0) return;
		this.database.prepare("DELETE FROM records WHERE sequence BETWEEN ? AND ?").run(from, to);
		this.records -= gone.records;
		this.bytes -= gone.bytes;
	}

	private evict(now: RecordTime): void {
		const oldestAllowed = now.wall - this.limits.maxDays * SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;
		const tooOld = this.oldest().filter((row) => row.made_at < oldestAllowed);
		if (tooOld.length > 0) this.replaceByGap(tooOld, "expired", now);
		while (this.bytes > this.limits.maxBytes && this.records > 1) {
			const surplus = this.bytes - this.limits.maxBytes;
			this.replaceByGap(enough(this.oldest().slice(0, -1), surplus), "outbox_full", now);
		}
	}

	private oldest(): Row[] {
		return this.database
			.prepare("SELECT sequence, made_at, outcomes, size FROM records ORDER BY sequence LIMIT ?")
			.all(EVICT_AT_ONCE) as Row[];
	}

	/** Drops rows and says so in a numbered record of its own. */
	private replaceByGap(rows: readonly Row[], reason: string, now: RecordTime | undefined): void {
		const first = rows[0];
		const last = rows.at(-1);
		if (first === undefined || last === undefined) return;
		for (const row of rows) this.forget(row.sequence, row.sequence);
		const outcomes = rows.reduce((sum, row) => sum + row.outcomes, 0);
		this.outcomesDropped += outcomes;
		const gap: Gap = {
			reason,
			from: first.made_at,
			to: last.made_at,
			outcomes,
			sequences: { from: first.sequence, to: last.sequence },
		};
		const time = now ?? { wall: last.made_at, monotonic: 0, boot: "0".repeat(32) };
		this.insert({ bytes: encodeGap(time, gap), outcomes: 0, time });
	}

	private readEpoch(): string {
		const known = this.database.prepare("SELECT value FROM facts WHERE name = 'epoch'").get() as
			| { value: string }
			| undefined;
		if (known !== undefined) return known.value;
		const epoch = randomBytes(16).toString("hex");
		this.database.prepare("INSERT INTO facts (name, value) VALUES ('epoch', ?)").run(epoch);
		return epoch;
	}
}

/** Rows from the front whose sizes reach the surplus. */
function enough(rows: readonly Row[], surplus: number): readonly Row[] {
	let bytes = 0;
	const found: Row[] = [];
	for (const row of rows) {
		found.push(row);
		bytes += row.size;
		if (bytes >= surplus) break;
	}
	return found;
}

/** Opens the file; one that is no database any more is set aside, and a new epoch begins. */
function openWhole(file: string): Database.Database {
	try {
		return open(file);
	} catch (error) {
		const code = error instanceof Error && "code" in error ? error.code : undefined;
		if ((code !== "SQLITE_NOTADB" && code !== "SQLITE_CORRUPT") || !existsSync(file)) throw error;
		let aside = `${file}.damaged`;
		for (let count = 2; existsSync(aside); count += 1) aside = `${file}.damaged-${count}`;
		renameSync(file, aside);
		for (const suffix of ["-wal", "-shm"])
			if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
		return open(file);
	}
}

function open(file: string): Database.Database {
	const database = new Database(file, { timeout: 1_000 });
	try {
		database.pragma("locking_mode = EXCLUSIVE");
		database.pragma("journal_mode = WAL");
		database.pragma("synchronous = FULL");
		database.pragma(`journal_size_limit = ${JOURNAL_LONGEST_BYTES}`);
		invariant(
			database.pragma("synchronous", { simple: true }) === SYNCHRONOUS_FULL,
			"SQLite keeps synchronous=FULL",
		);
		// Takes the exclusive lock now, so that a second process fails here and not later.
		database.exec("BEGIN EXCLUSIVE; COMMIT");
		return database;
	} catch (error) {
		database.close();
		throw error;
	}
}
