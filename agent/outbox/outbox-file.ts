/**
 * The outbox's file: opens it, or sets aside what is no database any more; brings one of an earlier version up.
 *
 * Takes its path; gives SQLite with synchronous=FULL, read back, and what the file holds. Looks whether the file is
 * whole, at about a second for some hundred megabytes. Reads no record but the gaps of a version before, once.
 */
import { randomBytes } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import Database from "better-sqlite3";
import { invariant } from "../../shared/invariant.js";
import { checkRecord, decodeRecord } from "../../shared/wire/record.js";

const JOURNAL_LONGEST_BYTES = 64 * 1_024 * 1_024;
const CACHE_KIBIBYTES = 1_024;
const SYNCHRONOUS_FULL = 2;

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS records (
		sequence INTEGER PRIMARY KEY AUTOINCREMENT,
		made_at INTEGER NOT NULL,
		outcomes INTEGER NOT NULL,
		size INTEGER NOT NULL,
		bytes BLOB NOT NULL,
		acked_at INTEGER,
		missing INTEGER NOT NULL DEFAULT 0,
		thinned INTEGER NOT NULL DEFAULT 0,
		made INTEGER
	);
	CREATE TABLE IF NOT EXISTS definitions (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

/** Columns that versions before did not have. */
const ADDED = {
	acked_at: "INTEGER",
	missing: "INTEGER NOT NULL DEFAULT 0",
	thinned: "INTEGER NOT NULL DEFAULT 0",
	made: "INTEGER",
} as const;

/** Made after the columns are there, in a file of an earlier version too. */
const INDEXES = `
	CREATE INDEX IF NOT EXISTS records_open ON records (sequence) WHERE acked_at IS NULL;
	CREATE INDEX IF NOT EXISTS records_acked ON records (acked_at) WHERE acked_at IS NOT NULL;
	CREATE INDEX IF NOT EXISTS records_thinned ON records (made_at) WHERE thinned = 1 AND acked_at IS NULL;
`;

export type OutboxSums = {
	readonly records: number;
	readonly bytes: number;
	readonly keptBytes: number;
	/** In records not yet settled, and told of by their gap records. */
	readonly outcomes: number;
	readonly newestWall: number;
	/** Outcomes of this epoch so far; absent where the epoch began under a version that did not count. */
	readonly made?: number;
};
export type OpenedOutbox = {
	/** The file that stood here and could not be used; absent where it could. */
	readonly aside?: string;
	readonly database: Database.Database;
	readonly epoch: string;
	readonly sums: OutboxSums;
};

/** @throws what SQLite throws where the file cannot be used; one that is no database any more is set aside */
export function openOutboxFile(file: string): OpenedOutbox {
	try {
		return open(file);
	} catch (error) {
		if (!isDamage(error) || !existsSync(file)) throw error;
		let aside = `${file}.damaged`;
		for (let count = 2; existsSync(aside); count += 1) aside = `${file}.damaged-${count}`;
		renameSync(file, aside);
		for (const suffix of ["-wal", "-shm"])
			if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
		return { ...open(file), aside };
	}
}

class DamagedOutbox extends Error {}

/** SQLITE_ERROR is what a file format is called that no version ever had, and a schema that cannot be read. */
function isDamage(error: unknown): boolean {
	if (error instanceof DamagedOutbox) return true;
	const code = error instanceof Error && "code" in error ? String(error.code) : "";
	return /^SQLITE_(NOTADB|CORRUPT|ERROR)/.test(code);
}

/** Pages and indexes have no checksums: a file that holds what cannot be would fail in the middle of its work. */
function checkWhole(database: Database.Database): void {
	const found = database.pragma("integrity_check(1)", { simple: true });
	if (found !== "ok") throw new DamagedOutbox(String(found));
}

export function newEpoch(): string {
	return randomBytes(16).toString("hex");
}

function open(file: string): OpenedOutbox {
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
		checkWhole(database);
		database.exec(SCHEMA);
		const columns = database.pragma("table_info(records)") as { readonly name: string }[];
		const known = new Set(columns.map(({ name }) => name));
		database.transaction(() => {
			for (const [name, type] of Object.entries(ADDED))
				if (!known.has(name)) database.exec(`ALTER TABLE records ADD COLUMN ${name} ${type}`);
			if (!known.has("missing")) countMissing(database);
		})();
		database.exec(INDEXES);
		const epoch = epochOf(database);
		return { database, epoch, sums: sumsOf(database) };
	} catch (error) {
		database.close();
		throw error;
	}
}

/** Gap records of versions that did not count what they tell of. */
function countMissing(database: Database.Database): void {
	const gaps = database
		.prepare("SELECT sequence, bytes FROM records WHERE substr(bytes, 2, 1) = x'02'")
		.all() as { readonly sequence: number; readonly bytes: Buffer }[];
	const put = database.prepare("UPDATE records SET missing = ? WHERE sequence = ?");
	for (const { sequence, bytes } of gaps) {
		if (checkRecord(bytes) !== undefined) continue;
		const decoded = decodeRecord(bytes, () => undefined);
		if (decoded.ok && decoded.record.kind === "gap") put.run(decoded.record.gap.outcomes, sequence);
	}
}

function sumsOf(database: Database.Database): OutboxSums {
	const { newestMade, ...sums } = database
		.prepare(
			`SELECT count(*) FILTER (WHERE acked_at IS NULL) AS records,
			coalesce(sum(size) FILTER (WHERE acked_at IS NULL), 0) AS bytes,
			coalesce(sum(size) FILTER (WHERE acked_at IS NOT NULL), 0) AS keptBytes,
			coalesce(sum(outcomes + missing) FILTER (WHERE acked_at IS NULL), 0) AS outcomes,
			coalesce(max(made_at), 0) AS newestWall,
			(SELECT made FROM records ORDER BY sequence DESC LIMIT 1) AS newestMade FROM records`,
		)
		.get() as Omit<OutboxSums, "made"> & { readonly newestMade: number | null };
	const began = factOf(database, "made");
	const made = newestMade ?? (began === undefined ? undefined : Number(began));
	return made === undefined ? sums : { ...sums, made };
}

function epochOf(database: Database.Database): string {
	const known = factOf(database, "epoch");
	if (known !== undefined) return known;
	const epoch = newEpoch();
	const put = database.prepare("INSERT INTO facts (name, value) VALUES (?, ?)");
	put.run("epoch", epoch);
	const { records } = database.prepare("SELECT count(*) AS records FROM records").get() as {
		records: number;
	};
	if (records === 0) put.run("made", "0");
	return epoch;
}

function factOf(database: Database.Database, name: string): string | undefined {
	const found = database.prepare("SELECT value FROM facts WHERE name = ?").get(name);
	return (found as { readonly value: string } | undefined)?.value;
}
