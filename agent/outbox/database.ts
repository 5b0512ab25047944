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
import type { RecordTime } from "../../shared/wire/outcome.js";
import { checkRecord, decodeRecord, encodeGap, type Gap } from "../../shared/wire/record.js";
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
const CACHE_KIBIBYTES = 1_024;
const EVICT_AT_ONCE = 500;
const EVICT_AHEAD_RATIO = 1 / 64;
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

/** `gap` is the record where it is one that tells of a gap. */
type Row = {
	sequence: number;
	made_at: number;
	outcomes: number;
	size: number;
	bytes: Buffer;
	gap?: Buffer | null;
};
type Counts = { records: number; bytes: number; outcomesDropped: number };
type Sums = { readonly records: number; readonly bytes: number };
type Opened = { readonly database: Database.Database; readonly epoch: string; readonly sums: Sums };

export class OutboxDatabase {
	private readonly database: Database.Database;
	private readonly limits: OutboxLimits;
	readonly epoch: string;
	private counts: Counts;

	/** @throws what SQLite throws where the folder cannot be written or another process has the file */
	constructor(folder: string, limits: OutboxLimits) {
		mkdirSync(folder, { recursive: true });
		this.limits = limits;
		const { database, epoch, sums } = openWhole(path.join(folder, "outbox.db"));
		this.database = database;
		this.epoch = epoch;
		this.counts = { ...sums, outcomesDropped: 0 };
	}

	/** Numbers and stores in one transaction; evicts the oldest where a limit is met. */
	append(
		records: readonly NewRecord[],
		definitions: readonly NewDefinition[],
	): { first: number; last: number } {
		invariant(records.length > 0, "append needs a record");
		return this.changing(() => {
			const define = this.database.prepare("INSERT OR IGNORE INTO definitions (hash, text) VALUES (?, ?)");
			for (const { hash, text } of definitions) define.run(hash, text);
			let last = 0;
			for (const record of records) last = this.insert(record);
			const newest = records.at(-1);
			if (newest !== undefined) this.evict(newest.time);
			return { first: last - records.length + 1, last };
		});
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
		if (damaged.length > 0) {
			this.changing(() => {
				// A gap tells of numbers that follow each other: whole records between two damaged ones stay.
				for (const rows of followingEachOther(damaged)) this.replaceByGap(rows, "corrupt", undefined);
			});
		}
		return found;
	}

	/** Forgets what the collector has settled. */
	settle({ base, ranges }: Settled): void {
		this.changing(() => {
			this.forget(0, base);
			for (const [from, to] of ranges) this.forget(from, to);
		});
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
			...this.counts,
		};
	}

	close(): void {
		this.database.close();
	}

	/** One transaction; where the disk refuses it, the counts stay as they were, too. */
	private changing<Result>(change: () => Result): Result {
		const before = { ...this.counts };
		try {
			return this.database.transaction(change).immediate();
		} catch (error) {
			this.counts = before;
			throw error;
		}
	}

	private insert({ bytes, outcomes, time }: NewRecord): number {
		const { lastInsertRowid } = this.database
			.prepare("INSERT INTO records (made_at, outcomes, size, bytes) VALUES (?, ?, ?, ?)")
			.run(Math.round(time.wall), outcomes, bytes.length, bytes);
		this.counts.records += 1;
		this.counts.bytes += bytes.length;
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
		this.counts.records -= gone.records;
		this.counts.bytes -= gone.bytes;
	}

	private evict(now: RecordTime): void {
		const oldestAllowed = now.wall - this.limits.maxDays * SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;
		const tooOld = this.oldest().filter((row) => row.made_at < oldestAllowed);
		if (tooOld.length > 0) this.replaceByGap(tooOld, "expired", now);
		const { maxBytes } = this.limits;
		if (this.counts.bytes <= maxBytes) return;
		// Somewhat more than is needed, so that a full outbox does not make a gap record for each record.
		const enoughBytes = maxBytes * (1 - EVICT_AHEAD_RATIO);
		let bytesBefore = Number.POSITIVE_INFINITY;
		while (this.counts.bytes > enoughBytes && this.counts.bytes < bytesBefore) {
			bytesBefore = this.counts.bytes;
			const surplus = this.counts.bytes - enoughBytes;
			this.replaceByGap(enough(this.oldest().slice(0, -1), surplus), "outbox_full", now);
		}
	}

	private oldest(): Row[] {
		return this.database
			.prepare(
				"SELECT sequence, made_at, outcomes, size, CASE WHEN substr(bytes, 2, 1) = x'02' THEN bytes END AS gap FROM records ORDER BY sequence LIMIT ?",
			)
			.all(EVICT_AT_ONCE) as Row[];
	}

	/** Drops rows and says so in a numbered record of its own; what a dropped gap record told stays told. */
	private replaceByGap(rows: readonly Row[], reason: string, now: RecordTime | undefined): void {
		const first = rows[0];
		const last = rows.at(-1);
		if (first === undefined || last === undefined) return;
		for (const row of rows) this.forget(row.sequence, row.sequence);
		const dropped = rows.reduce((sum, row) => sum + row.outcomes, 0);
		this.counts.outcomesDropped += dropped;
		const told = rows.map(gapIn).filter((one) => one !== undefined);
		const swallowed = told.flatMap(({ sequences }) => (sequences === undefined ? [] : [sequences.from]));
		const gap: Gap = {
			reason,
			from: Math.min(first.made_at, ...told.map(({ from }) => from)),
			to: last.made_at,
			outcomes: told.reduce((sum, one) => sum + one.outcomes, dropped),
			sequences: { from: Math.min(first.sequence, ...swallowed), to: last.sequence },
		};
		const time = now ?? { wall: last.made_at, monotonic: 0, boot: "0".repeat(32) };
		this.insert({ bytes: encodeGap(time, gap), outcomes: 0, time });
	}
}

function gapIn({ gap }: Row): Gap | undefined {
	if (gap === undefined || gap === null || checkRecord(gap) !== undefined) return undefined;
	const decoded = decodeRecord(gap, () => undefined);
	return decoded.ok && decoded.record.kind === "gap" ? decoded.record.gap : undefined;
}

/** Rows in groups without a number between them. */
function followingEachOther(rows: readonly Row[]): readonly (readonly Row[])[] {
	const groups: Row[][] = [];
	for (const row of rows) {
		const last = groups.at(-1);
		if (last?.at(-1)?.sequence === row.sequence - 1) last.push(row);
		else groups.push([row]);
	}
	return groups;
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
function openWhole(file: string): Opened {
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

function open(file: string): Opened {
	const database = new Database(file, { timeout: 1_000 });
	try {
		database.pragma("locking_mode = EXCLUSIVE");
		database.pragma("journal_mode = WAL");
		database.pragma("synchronous = FULL");
		database.pragma(`cache_size = -${CACHE_KIBIBYTES}`);
		database.pragma(`journal_size_limit = ${JOURNAL_LONGEST_BYTES}`);
		invariant(
			database.pragma("synchronous", { simple: true }) === SYNCHRONOUS_FULL,
			"SQLite keeps synchronous=FULL",
		);
		// Takes the exclusive lock now, so that a second process fails here and not later.
		database.exec("BEGIN EXCLUSIVE; COMMIT");
		database.exec(SCHEMA);
		const sums = database
			.prepare("SELECT count(*) AS records, coalesce(sum(size), 0) AS bytes FROM records")
			.get() as Sums;
		return { database, epoch: epochOf(database), sums };
	} catch (error) {
		database.close();
		throw error;
	}
}

function epochOf(database: Database.Database): string {
	const known = database.prepare("SELECT value FROM facts WHERE name = 'epoch'").get() as
		| { value: string }
		| undefined;
	if (known !== undefined) return known.value;
	const epoch = randomBytes(16).toString("hex");
	database.prepare("INSERT INTO facts (name, value) VALUES ('epoch', ?)").run(epoch);
	return epoch;
}
