/**
 * The outbox on disk: numbered records until the collector has them, in one SQLite file.
 *
 *   records      sequence (1, 2, 3 …, never reused), made_at (wall ms), outcomes, bytes, acked_at (by the
 *                wall clock of the newest record; NULL until the collector has settled it)
 *   definitions  hash, text: what the records name by hash
 *   facts        epoch: thirty-two hex digits, made with the file
 *
 * Invariants: a record is numbered in the transaction that stores it, with synchronous=FULL; what is
 * dropped unsent is followed by a gap record that says how many outcomes it held; what is settled stays
 * for a day, so that a collector restored from an older backup gets it again; the file belongs to one
 * process (exclusive locking).
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
	/** Not yet settled. */
	readonly records: number;
	readonly bytes: number;
	/** Of records that are settled and still kept. */
	readonly keptBytes: number;
	readonly outcomesDropped: number;
};

const JOURNAL_LONGEST_BYTES = 64 * 1_024 * 1_024;
const CACHE_KIBIBYTES = 1_024;
/** Settled records stay so long: a backup of the collector may be a day old. */
const KEPT_MILLISECONDS = 24 * 3_600 * MILLISECONDS_PER_SECOND;
/** Wall clocks that jump further between two records of one boot have been set. */
const STEP_MILLISECONDS = 60_000;
const EVICT_AT_ONCE = 500;
const EVICT_AHEAD_RATIO = 1 / 64;
const SYNCHRONOUS_FULL = 2;

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS records (
		sequence INTEGER PRIMARY KEY AUTOINCREMENT,
		made_at INTEGER NOT NULL,
		outcomes INTEGER NOT NULL,
		size INTEGER NOT NULL,
		bytes BLOB NOT NULL,
		acked_at INTEGER
	);
	CREATE TABLE IF NOT EXISTS definitions (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

/** Made after the column is there, in a file of an earlier version too. */
const INDEXES = `
	CREATE INDEX IF NOT EXISTS records_open ON records (sequence) WHERE acked_at IS NULL;
	CREATE INDEX IF NOT EXISTS records_acked ON records (acked_at) WHERE acked_at IS NOT NULL;
`;

/** `gap` is the record where it is one that tells of a gap. */
type Row = {
	sequence: number;
	made_at: number;
	outcomes: number;
	size: number;
	bytes: Buffer;
	acked_at: number | null;
	gap?: Buffer | null;
};
type Counts = { records: number; bytes: number; keptBytes: number; outcomesDropped: number };
type Sums = { readonly records: number; readonly bytes: number; readonly keptBytes: number };
type Opened = { readonly database: Database.Database; readonly epoch: string; readonly sums: Sums };

export class OutboxDatabase {
	private readonly database: Database.Database;
	private readonly limits: OutboxLimits;
	private ownEpoch: string;
	private counts: Counts;
	/** Of the newest record, and how far its wall clock was set forward since this file was opened. */
	private newest: RecordTime | undefined;
	private steppedForward = 0;
	private newestWall: number;

	/** @throws what SQLite throws where the folder cannot be written or another process has the file */
	constructor(folder: string, limits: OutboxLimits) {
		mkdirSync(folder, { recursive: true });
		this.limits = limits;
		const { database, epoch, sums } = openWhole(path.join(folder, "outbox.db"));
		this.database = database;
		this.ownEpoch = epoch;
		this.counts = { ...sums, outcomesDropped: 0 };
		this.newestWall = (
			this.database.prepare("SELECT coalesce(max(made_at), 0) AS wall FROM records").get() as {
				wall: number;
			}
		).wall;
	}

	get epoch(): string {
		return this.ownEpoch;
	}

	/**
	 * Begins a new epoch, since the collector knows numbers of this one that this file never gave: it is an
	 * older copy. What the collector has settled of the old numbers up to `upTo` is settled.
	 */
	renewEpoch(settled: Settled, upTo: number): void {
		this.settle({
			base: Math.min(settled.base, upTo),
			ranges: settled.ranges.filter(([from]) => from <= upTo).map(([from, to]) => [from, Math.min(to, upTo)]),
		});
		const epoch = randomBytes(16).toString("hex");
		this.changing(() => {
			this.database.prepare("DELETE FROM records WHERE acked_at IS NOT NULL").run();
			this.database.prepare("UPDATE facts SET value = ? WHERE name = 'epoch'").run(epoch);
			this.counts.keptBytes = 0;
		});
		this.ownEpoch = epoch;
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
			if (newest !== undefined) this.evict(this.aged(newest.time));
			return { first: last - records.length + 1, last };
		});
	}

	/** Records of [from, to] in rising order, until `mostBytes` are reached; a damaged one becomes a gap record at the head. */
	read({ from, to, mostBytes }: { from: number; to: number; mostBytes: number }): readonly StoredRecord[] {
		const found: StoredRecord[] = [];
		let bytes = 0;
		const rows = this.database
			.prepare(
				"SELECT sequence, made_at, outcomes, size, bytes, acked_at FROM records WHERE sequence BETWEEN ? AND ? ORDER BY sequence",
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

	/** What the collector has settled waits no longer; it is kept for a day. */
	settle({ base, ranges }: Settled): void {
		this.changing(() => {
			this.acknowledge(0, base);
			for (const [from, to] of ranges) this.acknowledge(from, to);
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

	private acknowledge(from: number, to: number): void {
		const open = this.database
			.prepare(
				"SELECT count(*) AS records, coalesce(sum(size), 0) AS bytes FROM records WHERE acked_at IS NULL AND sequence BETWEEN ? AND ?",
			)
			.get(from, to) as { records: number; bytes: number };
		if (open.records === 0) return;
		this.database
			.prepare("UPDATE records SET acked_at = ? WHERE acked_at IS NULL AND sequence BETWEEN ? AND ?")
			.run(this.newestWall, from, to);
		this.counts.records -= open.records;
		this.counts.bytes -= open.bytes;
		this.counts.keptBytes += open.bytes;
	}

	private remove({ sequence, size, acked_at }: Row): void {
		this.database.prepare("DELETE FROM records WHERE sequence = ?").run(sequence);
		if (acked_at !== null) {
			this.counts.keptBytes -= size;
			return;
		}
		this.counts.records -= 1;
		this.counts.bytes -= size;
	}

	/** A wall clock that is set forward makes no record old: its steps are taken out while this file is open. */
	private aged(time: RecordTime): RecordTime {
		const { newest } = this;
		if (newest !== undefined && newest.boot === time.boot) {
			const step = time.wall - newest.wall - (time.monotonic - newest.monotonic);
			if (step > STEP_MILLISECONDS) this.steppedForward += step;
			else if (step < -STEP_MILLISECONDS) this.steppedForward = Math.max(0, this.steppedForward + step);
		}
		this.newest = time;
		this.newestWall = Math.round(time.wall);
		return { ...time, wall: time.wall - this.steppedForward };
	}

	/** Settled records go first: after a day, or where their room is needed. */
	private dropKept(now: RecordTime, enoughBytes: number): void {
		const find = this.database.prepare(
			"SELECT sequence, made_at, outcomes, size, acked_at FROM records WHERE acked_at < ? ORDER BY acked_at LIMIT ?",
		);
		const { bytes, keptBytes } = this.counts;
		const isFull = bytes + keptBytes > this.limits.maxBytes;
		const before = isFull ? Number.MAX_SAFE_INTEGER : now.wall - KEPT_MILLISECONDS;
		let rows = find.all(before, EVICT_AT_ONCE) as Row[];
		while (rows.length > 0) {
			for (const row of rows) {
				if (isFull && this.counts.bytes + this.counts.keptBytes <= enoughBytes) return;
				this.remove(row);
			}
			if (!isFull) return;
			rows = find.all(before, EVICT_AT_ONCE) as Row[];
		}
	}

	private evict(now: RecordTime): void {
		const oldestAllowed = now.wall - this.limits.maxDays * SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;
		const tooOld = this.oldest().filter((row) => row.made_at < oldestAllowed);
		if (tooOld.length > 0) this.replaceByGap(tooOld, "expired", now);
		const { maxBytes } = this.limits;
		// Somewhat more than is needed, so that a full outbox does not make a gap record for each record.
		const enoughBytes = maxBytes * (1 - EVICT_AHEAD_RATIO);
		this.dropKept(now, enoughBytes);
		if (this.counts.bytes <= maxBytes) return;
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
				"SELECT sequence, made_at, outcomes, size, acked_at, CASE WHEN substr(bytes, 2, 1) = x'02' THEN bytes END AS gap FROM records WHERE acked_at IS NULL ORDER BY sequence LIMIT ?",
			)
			.all(EVICT_AT_ONCE) as Row[];
	}

	/** Drops rows and says so in a numbered record of its own; what a dropped gap record told stays told. */
	private replaceByGap(rows: readonly Row[], reason: string, now: RecordTime | undefined): void {
		const first = rows[0];
		const last = rows.at(-1);
		if (first === undefined || last === undefined) return;
		for (const row of rows) this.remove(row);
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
		const columns = database.pragma("table_info(records)") as { readonly name: string }[];
		if (!columns.some(({ name }) => name === "acked_at"))
			database.exec("ALTER TABLE records ADD COLUMN acked_at INTEGER");
		database.exec(INDEXES);
		const sums = database
			.prepare(
				"SELECT count(*) FILTER (WHERE acked_at IS NULL) AS records, coalesce(sum(size) FILTER (WHERE acked_at IS NULL), 0) AS bytes, coalesce(sum(size) FILTER (WHERE acked_at IS NOT NULL), 0) AS keptBytes FROM records",
			)
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
