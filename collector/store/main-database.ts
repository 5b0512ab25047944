/**
 * Everything of the store but the chunks, in one SQLite file (STORE_FORMAT.md).
 *
 * Invariants: synchronous=FULL, read back; a record is in the inbox exactly once by (agent, epoch,
 * sequence); the cursor moves in the transaction that stores the record; one process has the file.
 */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { invariant } from "../../shared/invariant.js";
import { type JsonLimits, parseJson } from "../../shared/json.js";
import { WIRE_JSON_LIMITS } from "../../shared/wire/definition.js";
import { countedReason } from "../../shared/wire/gap.js";
import { recordCrc } from "../../shared/wire/record.js";
import { isSettled, NOTHING_SETTLED, type Settled, settle } from "../../shared/wire/sequences.js";
import type { InventoryEntries, InventoryEntry } from "../derive/placement.js";
import { copyMain } from "./backup.js";
import {
	type DeliveryTally,
	GAPS_MOST,
	type GapEntry,
	type LossEntry,
	type NewestRecord,
	type StoredInput,
	type StoredStatement,
	type StoredTerms,
} from "./device-state.js";
import { EventTable } from "./event-table.js";
import { reach } from "./fail-point.js";
import { COPY, type TierFile } from "./files.js";
import { JoinTable } from "./join-table.js";
import { widenDelivery } from "./migrations/delivery.js";
import { widenInputs } from "./migrations/inputs.js";
import type { Turn, Turns } from "./readers.js";
import { noteSchema, refuseDamaged, refuseTurned, refuseUnsound } from "./soundness.js";
import type { RecordExtent } from "./unsealed.js";

const CACHE_KIBIBYTES = 4_096;
const JOURNAL_LONGEST_BYTES = 64 * 1_024 * 1_024;
/** 56 MiB: what is sealed before a checkpoint is never written a second time; with one commit it stays below 64. */
const CHECKPOINT_PAGES = 14_336;
const SYNCHRONOUS_FULL = 2;
const DEAD_LETTER_BYTES_MOST = 16 * 1_024 * 1_024;
/** What a row takes beside its bytes, roughly, so that many empty letters are bounded, too. */
const DEAD_LETTER_ROW_BYTES = 512;
/** Gaps that are remembered one by one; totals by agent and reason are kept for good. */
const GAPS_KEPT_MOST = 100_000;
const GAP_DEVICES_LIMITS: JsonLimits = { bytes: 1_024 * 1_024, depth: 3, keys: 1 };
const NOTHING_COUNTED: DeliveryTally = { stored: 0, missing: 0, refused: 0 };

/** Kept as `user_version`; what comes before it is brought here by migrations/. */
const SCHEMA_VERSION = 2;
/** Damage that is remembered; what is beyond it is still counted. */
const DAMAGE_MOST = 10_000;

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS cursors (
		agent TEXT NOT NULL, epoch TEXT NOT NULL, site TEXT NOT NULL, base INTEGER NOT NULL, ranges TEXT NOT NULL,
		stored INTEGER, missing INTEGER, refused INTEGER, newest INTEGER, newest_crc INTEGER,
		PRIMARY KEY (agent, epoch)
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS inbox (
		id INTEGER PRIMARY KEY,
		agent TEXT NOT NULL, site TEXT NOT NULL, epoch TEXT NOT NULL, sequence INTEGER NOT NULL,
		received_at INTEGER NOT NULL, offset REAL NOT NULL, bytes BLOB NOT NULL
	);
	DROP INDEX IF EXISTS inbox_by_number;
	CREATE TABLE IF NOT EXISTS present (device INTEGER PRIMARY KEY, inbox_id INTEGER NOT NULL, bytes BLOB NOT NULL);
	CREATE TABLE IF NOT EXISTS definitions (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS devices (
		number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, site TEXT NOT NULL, agent TEXT NOT NULL,
		first_seen_at INTEGER NOT NULL, definition TEXT NOT NULL
	);
	CREATE TABLE IF NOT EXISTS aliases (
		site TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, device INTEGER NOT NULL,
		PRIMARY KEY (site, kind, value)
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS readers (
		device INTEGER NOT NULL, since INTEGER NOT NULL, agent TEXT NOT NULL, PRIMARY KEY (device, since)
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS gaps (
		id INTEGER PRIMARY KEY, agent TEXT NOT NULL, site TEXT NOT NULL, from_at INTEGER NOT NULL,
		to_at INTEGER NOT NULL, reason TEXT NOT NULL, outcomes INTEGER NOT NULL, devices TEXT
	);
	CREATE INDEX IF NOT EXISTS gaps_by_time ON gaps (to_at);
	CREATE TABLE IF NOT EXISTS gap_totals (
		site TEXT NOT NULL, agent TEXT NOT NULL, reason TEXT NOT NULL, gaps INTEGER NOT NULL, outcomes INTEGER NOT NULL,
		PRIMARY KEY (site, agent, reason)
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS dead_letters (
		id INTEGER PRIMARY KEY, agent TEXT NOT NULL, epoch TEXT NOT NULL, sequence INTEGER NOT NULL,
		at INTEGER NOT NULL, code TEXT NOT NULL, what TEXT NOT NULL, bytes BLOB NOT NULL
	);
	CREATE TABLE IF NOT EXISTS inputs (
		id INTEGER PRIMARY KEY, name TEXT NOT NULL, value REAL NOT NULL, unit TEXT NOT NULL, source TEXT NOT NULL,
		observed_at INTEGER NOT NULL, valid_from INTEGER NOT NULL, known_from INTEGER NOT NULL, is_example INTEGER NOT NULL,
		valid_to INTEGER, quality TEXT, raw_sha256 TEXT, supersedes INTEGER
	);
	CREATE TABLE IF NOT EXISTS damage (
		id INTEGER PRIMARY KEY, device INTEGER, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL,
		found_at INTEGER NOT NULL, file TEXT NOT NULL, what TEXT NOT NULL
	);
	CREATE UNIQUE INDEX IF NOT EXISTS damage_once ON damage (file, from_at, coalesce(device, 0));
	CREATE TABLE IF NOT EXISTS sacrifices (
		id INTEGER PRIMARY KEY, file TEXT NOT NULL UNIQUE, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL,
		bytes INTEGER NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL
	);
	CREATE TABLE IF NOT EXISTS inventory (
		kind TEXT NOT NULL, key TEXT NOT NULL, valid_from INTEGER NOT NULL, valid_to INTEGER, name TEXT, rack TEXT,
		position TEXT, owner TEXT, purpose TEXT, power_limit_watts REAL, temperature_limit_celsius REAL,
		intent TEXT NOT NULL, PRIMARY KEY (kind, key, valid_from)
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS statements (
		month TEXT PRIMARY KEY, frozen_at INTEGER NOT NULL, sha256 TEXT NOT NULL, body TEXT NOT NULL
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS terms (
		id INTEGER PRIMARY KEY, known_from INTEGER NOT NULL, sha256 TEXT NOT NULL, body TEXT NOT NULL
	);
	CREATE TABLE IF NOT EXISTS tiers_done (
		day INTEGER NOT NULL, device_group INTEGER NOT NULL, PRIMARY KEY (day, device_group)
	) WITHOUT ROWID;
`;

export type InboxRow = {
	readonly id: number;
	readonly agent: string;
	readonly site: string;
	readonly epoch: string;
	readonly sequence: number;
	readonly received_at: number;
	readonly offset: number;
	readonly bytes: Buffer;
};

export type NewInboxRow = {
	readonly agent: string;
	readonly site: string;
	readonly epoch: string;
	readonly sequence: number;
	readonly receivedAt: number;
	/** What to add to the agent's wall clock, ms; 0 where it is right within two seconds. */
	readonly offset: number;
	readonly bytes: Uint8Array;
	/** Absent where the record tells of no device; not stored. */
	readonly extent?: RecordExtent;
	/** In the record; not stored but in the cursor's count. */
	readonly outcomes: number;
};

export type DeadLetter = {
	readonly agent: string;
	readonly site: string;
	readonly epoch: string;
	readonly sequence: number;
	readonly at: number;
	readonly code: string;
	readonly what: string;
	readonly bytes: Uint8Array;
	/** In the record, as far as it could be read. */
	readonly outcomes: number;
};

export type NewGap = Omit<GapEntry, "devices"> & {
	/** Number of a device and how many outcomes were its own. */
	readonly devices: readonly (readonly [number: number, outcomes: number])[];
	/** Place of its record in the batch: a record that was there already tells nothing new. */
	readonly row: number;
	readonly epoch: string;
	readonly sequence: number;
	readonly sequences?: { readonly from: number; readonly to: number };
};

/** Devices by number. */
export type StoredGap = Omit<GapEntry, "devices"> & Pick<NewGap, "devices">;

export type GapTotal = {
	readonly site: string;
	readonly agent: string;
	readonly reason: string;
	readonly gaps: number;
	readonly outcomes: number;
};

export type DeviceRow = {
	readonly number: number;
	readonly key: string;
	readonly site: string;
	readonly agent: string;
	readonly first_seen_at: number;
	readonly definition: string;
};
export type AliasRow = {
	readonly site: string;
	readonly kind: string;
	readonly value: string;
	readonly device: number;
};
/** Which agents read a device in turn, where it has passed on. */
export type ReadersRow = { readonly device: number; readonly turns: Turns };
export type DefinitionRow = { readonly hash: string; readonly text: string };

export type Batch = {
	readonly rows: readonly NewInboxRow[];
	readonly deadLetters: readonly DeadLetter[];
	readonly gaps: readonly NewGap[];
	readonly definitions: readonly DefinitionRow[];
	readonly devices: readonly DeviceRow[];
	readonly aliases: readonly AliasRow[];
	readonly readers: readonly ReadersRow[];
};

export type PresentRow = { readonly device: number; readonly inboxId: number; readonly bytes: Uint8Array };

/** A UTC day, counted from 1970, and a group of devices, or what tiers.ts says of the whole day. */
export type TierMark = { readonly day: number; readonly deviceGroup: number };

export type CursorRow = {
	readonly agent: string;
	readonly epoch: string;
	readonly site: string;
	readonly settled: Settled;
	/** Absent where the epoch began under a version that did not count. */
	readonly tally?: DeliveryTally;
	/** The highest number that came, and the checksum of its record. */
	readonly newest?: NewestRecord;
};

/** What of the past can no longer be read. */
export type DamageRow = {
	/** Absent: all devices of the file's rows. */
	readonly device?: number;
	readonly from: number;
	readonly to: number;
	readonly foundAt: number;
	readonly file: string;
	readonly what: string;
};

/** A store that a later version of the program wrote: it may hold what this one would lose. */
class NewerStore extends Error {
	readonly code = "STORE_NEWER";
}

function refuseNewer(database: Database.Database, folder: string): void {
	const found = Number(database.pragma("user_version", { simple: true }));
	if (found <= SCHEMA_VERSION) return;
	throw new NewerStore(
		`The store in ${folder} has schema ${found}; this version reads schemas 1 to ${SCHEMA_VERSION}. Run the version that wrote it, or restore a backup from before.`,
	);
}

export type InventoryThing = Pick<InventoryEntry, "kind" | "key">;

type InventoryRow = {
	readonly kind: InventoryEntry["kind"];
	readonly key: string;
	readonly valid_from: number;
	readonly valid_to: number | null;
	readonly name: string | null;
	readonly rack: string | null;
	readonly position: string | null;
	readonly owner: string | null;
	readonly purpose: string | null;
	readonly power_limit_watts: number | null;
	readonly temperature_limit_celsius: number | null;
	readonly intent: InventoryEntry["intent"];
};

function entryOf(row: InventoryRow): InventoryEntry {
	const { kind, key, intent } = row;
	const stated = {
		validTo: row.valid_to,
		name: row.name,
		rack: row.rack,
		position: row.position,
		owner: row.owner,
		use: row.purpose,
		powerLimitWatts: row.power_limit_watts,
		temperatureLimitCelsius: row.temperature_limit_celsius,
	};
	const present = Object.fromEntries(Object.entries(stated).filter(([, value]) => value !== null));
	return { kind, key, validFrom: row.valid_from, ...present, intent };
}

function inventoryValues(entry: InventoryEntry): readonly unknown[] {
	const { kind, key, validFrom, validTo, name, rack, position, owner, use, intent } = entry;
	const { powerLimitWatts, temperatureLimitCelsius } = entry;
	const optional = [validTo, name, rack, position, owner, use, powerLimitWatts, temperatureLimitCelsius];
	return [kind, key, validFrom, ...optional.map((value) => value ?? null), intent];
}

const nothing = () => undefined;

export class MainDatabase {
	private readonly database: Database.Database;
	private readonly statements = new Map<string, Database.Statement>();
	private readonly cursors = new Map<string, CursorRow>();
	private deadLetterBytes = 0;
	/**
	 * Ids rise and none is given twice, although the inbox is emptied: what is trimmed is in the stored
	 * present, which remembers how far it reaches. SQLite's own counter would be one page more a commit.
	 */
	private nextId = 1;
	readonly file: string;
	readonly events: EventTable;
	readonly joins: JoinTable;

	/**
	 * @param migrate brings a store of an earlier schema to this one, while nobody else can open it
	 * @throws what SQLite throws: SQLITE_BUSY where another program has the file, SQLITE_CANTOPEN where the
	 * folder is closed to us; STORE_NEWER where a later version wrote it
	 */
	constructor(folder: string, migrate: (open: MainDatabase, database: Database.Database) => void = nothing) {
		this.file = path.join(folder, "fleetwatt.db");
		const isNew = !existsSync(this.file) || statSync(this.file).size === 0;
		refuseUnsound(this.file);
		this.database = new Database(this.file, { timeout: 1_000 });
		try {
			this.database.pragma("locking_mode = EXCLUSIVE");
			// What the inbox leaves free goes back to the disk; a file that is there keeps what it was made with.
			if (isNew) this.database.pragma("auto_vacuum = INCREMENTAL");
			this.database.pragma("journal_mode = WAL");
			this.database.pragma("synchronous = FULL");
			this.database.pragma(`cache_size = -${CACHE_KIBIBYTES}`);
			this.database.pragma(`journal_size_limit = ${JOURNAL_LONGEST_BYTES}`);
			this.database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
			invariant(
				this.database.pragma("synchronous", { simple: true }) === SYNCHRONOUS_FULL,
				"SQLite keeps synchronous=FULL",
			);
			this.database.exec("BEGIN EXCLUSIVE; COMMIT");
			if (!isNew) refuseDamaged(this.database);
			refuseNewer(this.database, folder);
			this.database.exec(SCHEMA);
			widenInputs(this.database);
			widenDelivery(this.database);
			this.events = new EventTable(this.database);
			this.joins = new JoinTable(this.database);
			migrate(this, this.database);
			noteSchema(this.database, SCHEMA_VERSION);
			refuseTurned(this.database);
		} catch (error) {
			this.database.close();
			throw error;
		}
		for (const cursor of this.readCursors()) this.cursors.set(`${cursor.agent}\n${cursor.epoch}`, cursor);
		this.deadLetterBytes = this.measureDeadLetters();
		this.nextId = this.firstFreeId();
	}

	/** Stores all or nothing; gives the inbox id of each row that was new, 0 for one that was there, and the cursors it moved. */
	commit(batch: Batch): { ids: readonly number[]; cursors: readonly CursorRow[] } {
		const moved = new Map<string, CursorRow>();
		const before = new Map<string, CursorRow | undefined>();
		const { deadLetterBytes } = this;
		for (const { agent, epoch } of [...batch.rows, ...batch.deadLetters]) {
			const key = `${agent}\n${epoch}`;
			before.set(key, this.cursors.get(key));
		}
		const run = this.database.transaction(() => {
			this.storeNames(batch);
			const ids = batch.rows.map((row) => this.insertRow(row, moved));
			for (const letter of batch.deadLetters) this.insertDeadLetter(letter, moved);
			for (const gap of batch.gaps) if ((ids[gap.row] ?? 0) > 0) this.insertGap(gap, moved);
			this.dropOldDeadLetters();
			for (const cursor of moved.values()) this.writeCursor(cursor);
			reach("commit: in the transaction");
			return ids;
		});
		try {
			const ids = run.immediate();
			reach("commit: stored, not told");
			return { ids, cursors: [...moved.values()] };
		} catch (error) {
			this.deadLetterBytes = deadLetterBytes;
			for (const [key, cursor] of before) {
				if (cursor === undefined) this.cursors.delete(key);
				else this.cursors.set(key, cursor);
			}
			throw error;
		}
	}

	allCursors(): readonly CursorRow[] {
		return [...this.cursors.values()];
	}

	inboxAfter(id: number, most: number): readonly InboxRow[] {
		return this.statement("SELECT * FROM inbox WHERE id > ? ORDER BY id LIMIT ?").all(id, most) as InboxRow[];
	}

	/** Undefined where it is no longer there. */
	inboxRow(id: number): InboxRow | undefined {
		return this.statement("SELECT * FROM inbox WHERE id = ?").get(id) as InboxRow | undefined;
	}

	/** Rows of the inbox and their bytes. */
	inboxSpan(): { count: number; bytes: number } {
		return this.statement(
			"SELECT count(*) AS count, coalesce(sum(length(bytes)), 0) AS bytes FROM inbox",
		).get() as {
			count: number;
			bytes: number;
		};
	}

	/** Forgets rows that are sealed and that the stored present stands for. */
	trim(upTo: number): void {
		this.statement("DELETE FROM inbox WHERE id <= ?").run(upTo);
	}

	/** Gives some of the free pages back to the disk; says how many are left. */
	shrink(pages: number): number {
		if (pages > 0) this.database.pragma(`incremental_vacuum(${pages})`);
		return this.database.pragma("freelist_count", { simple: true }) as number;
	}

	/** Takes what the write-ahead log still holds into the file and cuts the log off: little, after a trim. */
	emptyLog(): void {
		this.database.pragma("wal_checkpoint(TRUNCATE)");
	}

	/** Stores what is known of some devices now, each up to the inbox row that it stands for. */
	putPresent(rows: readonly PresentRow[]): void {
		const put = this.statement("INSERT OR REPLACE INTO present (device, inbox_id, bytes) VALUES (?, ?, ?)");
		this.database
			.transaction(() => {
				for (const { device, inboxId, bytes } of rows) put.run(device, inboxId, bytes);
			})
			.immediate();
	}

	present(after: number, most: number): readonly PresentRow[] {
		return this.statement(
			"SELECT device, inbox_id AS inboxId, bytes FROM present WHERE device > ? ORDER BY device LIMIT ?",
		).all(after, most) as PresentRow[];
	}

	devices(): readonly DeviceRow[] {
		return this.statement("SELECT * FROM devices ORDER BY number").all() as DeviceRow[];
	}

	aliases(): readonly AliasRow[] {
		return this.statement("SELECT * FROM aliases").all() as AliasRow[];
	}

	readers(): readonly ReadersRow[] {
		const rows = this.statement("SELECT device, since, agent FROM readers ORDER BY device, since").all();
		const turns = new Map<number, Turn[]>();
		for (const { device, ...turn } of rows as ({ readonly device: number } & Turn)[])
			turns.set(device, [...(turns.get(device) ?? []), turn]);
		return [...turns].map(([device, own]) => ({ device, turns: own }));
	}

	definitions(): readonly DefinitionRow[] {
		return this.statement("SELECT * FROM definitions").all() as DefinitionRow[];
	}

	gaps(from: number, to: number): readonly StoredGap[] {
		const rows = this.statement(
			'SELECT agent, site, from_at AS "from", to_at AS "to", reason, outcomes, devices FROM gaps WHERE to_at >= ? AND from_at < ? ORDER BY from_at LIMIT ?',
		).all(from, to, GAPS_MOST) as (Omit<StoredGap, "devices"> & { readonly devices: string | null })[];
		return rows.map(({ devices, ...gap }) => ({ ...gap, devices: devices === null ? [] : pairsIn(devices) }));
	}

	/** Gaps of each agent by reason, and the outcomes that they tell of. */
	gapTotals(): readonly GapTotal[] {
		return this.statement("SELECT site, agent, reason, gaps, outcomes FROM gap_totals").all() as GapTotal[];
	}

	/** Remembers what cannot be read; the same stretch is remembered once. */
	addDamage(rows: readonly DamageRow[]): void {
		const put = this.statement(
			"INSERT OR IGNORE INTO damage (device, from_at, to_at, found_at, file, what) SELECT ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM damage) < ?",
		);
		this.database
			.transaction(() => {
				for (const { device = null, from, to, foundAt, file, what } of rows)
					put.run(device, from, to, foundAt, file, what, DAMAGE_MOST);
			})
			.immediate();
	}

	damage(): readonly DamageRow[] {
		const rows = this.statement(
			'SELECT device, from_at AS "from", to_at AS "to", found_at AS foundAt, file, what FROM damage ORDER BY id',
		).all() as (Omit<DamageRow, "device"> & { readonly device: number | null })[];
		return rows.map(({ device, ...row }) => (device === null ? row : { ...row, device }));
	}

	/** A file that goes for the byte budget; one that was made again and goes again is told once. */
	addSacrifice({ name, from, to, bytes }: TierFile, at: number): void {
		this.statement(
			"INSERT OR REPLACE INTO sacrifices (file, from_at, to_at, bytes, at, reason) VALUES (?, ?, ?, ?, ?, 'budget')",
		).run(name, from, to, bytes, at);
	}

	/** Files that went for the byte budget. */
	sacrifices(): number {
		return (this.statement("SELECT count(*) AS count FROM sacrifices").get() as { count: number }).count;
	}

	/** What was stored in [from, to) and no longer is: damaged, or gone for the budget. */
	losses(from: number, to: number): readonly LossEntry[] {
		const rows = this.statement(
			`SELECT CASE WHEN file LIKE 'fleetwatt.db.damaged%' THEN 'database_damaged' ELSE 'chunk_damaged' END AS reason, from_at AS "from", to_at AS "to", file, devices.key AS device, found_at AS foundAt
			FROM damage LEFT JOIN devices ON devices.number = damage.device WHERE to_at > @from AND from_at < @to
			UNION ALL SELECT reason, from_at, to_at, file, NULL, at FROM sacrifices WHERE to_at > @from AND from_at < @to
			ORDER BY 2 LIMIT @most`,
		).all({ from, to, most: GAPS_MOST }) as (Omit<LossEntry, "device"> & {
			readonly device: string | null;
		})[];
		return rows.map(({ device, ...row }) => (device === null ? row : { ...row, device }));
	}

	inputs(): readonly StoredInput[] {
		return (this.statement("SELECT * FROM inputs ORDER BY id").all() as InputRow[]).map(storedInput);
	}

	/** As it was frozen. */
	monthStatement(month: string): StoredStatement | undefined {
		return this.statement(
			"SELECT month, frozen_at AS frozenAt, sha256, body FROM statements WHERE month = ?",
		).get(month) as StoredStatement | undefined;
	}

	putStatement({ month, frozenAt, sha256, body }: StoredStatement): void {
		this.statement(
			"INSERT OR IGNORE INTO statements (month, frozen_at, sha256, body) VALUES (?, ?, ?, ?)",
		).run(month, frozenAt, sha256, body);
	}

	/** In the order in which they came to be known. */
	terms(): readonly StoredTerms[] {
		return this.statement(
			"SELECT known_from AS knownFrom, sha256, body FROM terms ORDER BY id",
		).all() as StoredTerms[];
	}

	addTerms({ knownFrom, sha256, body }: StoredTerms): void {
		this.statement("INSERT INTO terms (known_from, sha256, body) VALUES (?, ?, ?)").run(
			knownFrom,
			sha256,
			body,
		);
	}

	/** Appends in one transaction; gives the numbers of the rows. */
	addInputs(inputs: readonly StoredInput[]): readonly number[] {
		const insert = this.statement(
			`INSERT INTO inputs (name, value, unit, source, observed_at, valid_from, valid_to, known_from, is_example,
			quality, raw_sha256, supersedes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		);
		return this.database.transaction(() =>
			inputs.map((input) =>
				Number(
					insert.run(
						input.name,
						input.value,
						input.unit,
						input.source,
						input.observedAt,
						input.validFrom,
						input.validTo ?? null,
						input.knownFrom,
						input.isExample ? 1 : 0,
						input.quality ?? null,
						input.rawSha256 ?? null,
						input.supersedes ?? null,
					).lastInsertRowid,
				),
			),
		)();
	}

	inventory(): readonly InventoryEntry[] {
		const rows = this.statement("SELECT * FROM inventory ORDER BY kind, key, valid_from").all();
		return (rows as InventoryRow[]).map(entryOf);
	}

	/** Replaces all statements about each of these things. */
	putInventory(histories: readonly InventoryEntries[], things: readonly InventoryThing[]): void {
		const forget = this.statement("DELETE FROM inventory WHERE kind = ? AND key = ?");
		const put =
			this.statement(`INSERT INTO inventory (kind, key, valid_from, valid_to, name, rack, position, owner, purpose,
			power_limit_watts, temperature_limit_celsius, intent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
		this.database
			.transaction(() => {
				for (const { kind, key } of things) forget.run(kind, key);
				for (const entry of histories.flat()) put.run(...inventoryValues(entry));
			})
			.immediate();
	}

	/** Copies itself into a folder, a few pages at a time; commits come between. */
	copyTo(folder: string): Promise<void> {
		return copyMain(this.database, folder);
	}

	/** Beside itself, for the day when it is damaged. */
	keepCopy(): Promise<void> {
		return copyMain(this.database, path.dirname(this.file), COPY);
	}

	tiersDone(): readonly TierMark[] {
		return this.statement("SELECT day, device_group AS deviceGroup FROM tiers_done").all() as TierMark[];
	}

	/** Changes which days of groups have their rollups, in one transaction. */
	markTiers({
		add,
		remove,
	}: {
		readonly add: readonly TierMark[];
		readonly remove: readonly TierMark[];
	}): void {
		const insert = this.statement("INSERT OR IGNORE INTO tiers_done (day, device_group) VALUES (?, ?)");
		const erase = this.statement("DELETE FROM tiers_done WHERE day = ? AND device_group = ?");
		this.database
			.transaction(() => {
				for (const { day, deviceGroup } of remove) erase.run(day, deviceGroup);
				for (const { day, deviceGroup } of add) insert.run(day, deviceGroup);
			})
			.immediate();
	}

	/** Prepared once: preparing costs as much as running. */
	private statement(sql: string): Database.Statement {
		const known = this.statements.get(sql);
		if (known !== undefined) return known;
		const made = this.database.prepare(sql);
		this.statements.set(sql, made);
		return made;
	}

	close(): void {
		this.database.close();
	}

	private storeNames({ definitions, devices, aliases, readers }: Batch): void {
		const define = this.statement("INSERT OR IGNORE INTO definitions (hash, text) VALUES (?, ?)");
		for (const { hash, text } of definitions) define.run(hash, text);
		const device = this.statement(
			"INSERT OR REPLACE INTO devices (number, key, site, agent, first_seen_at, definition) VALUES (?, ?, ?, ?, ?, ?)",
		);
		for (const one of devices)
			device.run(one.number, one.key, one.site, one.agent, one.first_seen_at, one.definition);
		const alias = this.statement(
			"INSERT OR REPLACE INTO aliases (site, kind, value, device) VALUES (?, ?, ?, ?)",
		);
		for (const one of aliases) alias.run(one.site, one.kind, one.value, one.device);
		const forget = this.statement("DELETE FROM readers WHERE device = ?");
		const turn = this.statement("INSERT INTO readers (device, since, agent) VALUES (?, ?, ?)");
		for (const { device: number, turns } of readers) {
			forget.run(number);
			for (const { since, agent } of turns) turn.run(number, since, agent);
		}
	}

	private insertRow(row: NewInboxRow, moved: Map<string, CursorRow>): number {
		const cursor = newestOf(counted(this.cursorOf(row), "stored", row.outcomes), row);
		if (isSettled(cursor.settled, row.sequence)) return 0;
		const id = this.nextId;
		this.statement(
			"INSERT INTO inbox (id, agent, site, epoch, sequence, received_at, offset, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		).run(id, row.agent, row.site, row.epoch, row.sequence, row.receivedAt, row.offset, row.bytes);
		this.nextId += 1;
		this.move(cursor, row.sequence, row.sequence, moved);
		return id;
	}

	private insertDeadLetter(letter: DeadLetter, moved: Map<string, CursorRow>): void {
		const cursor = this.cursorOf(letter);
		if (isSettled(cursor.settled, letter.sequence)) return;
		this.statement(
			"INSERT INTO dead_letters (agent, epoch, sequence, at, code, what, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)",
		).run(letter.agent, letter.epoch, letter.sequence, letter.at, letter.code, letter.what, letter.bytes);
		this.deadLetterBytes += letter.bytes.length + DEAD_LETTER_ROW_BYTES;
		this.move(
			newestOf(counted(cursor, "refused", letter.outcomes), letter),
			letter.sequence,
			letter.sequence,
			moved,
		);
	}

	/** The newest stay: half of the limit, so that this runs seldom. */
	private dropOldDeadLetters(): void {
		if (this.deadLetterBytes <= DEAD_LETTER_BYTES_MOST) return;
		this.statement(
			"DELETE FROM dead_letters WHERE id NOT IN (SELECT id FROM (SELECT id, sum(length(bytes) + ?) OVER (ORDER BY id DESC) AS total FROM dead_letters) WHERE total <= ?)",
		).run(DEAD_LETTER_ROW_BYTES, DEAD_LETTER_BYTES_MOST / 2);
		this.deadLetterBytes = this.measureDeadLetters();
	}

	private firstFreeId(): number {
		const row = this.statement(
			"SELECT max(coalesce((SELECT max(id) FROM inbox), 0), coalesce((SELECT max(inbox_id) FROM present), 0)) AS last",
		).get() as { last: number };
		return row.last + 1;
	}

	private measureDeadLetters(): number {
		const row = this.statement("SELECT coalesce(sum(length(bytes) + ?), 0) AS bytes FROM dead_letters").get(
			DEAD_LETTER_ROW_BYTES,
		) as { bytes: number };
		return row.bytes;
	}

	private insertGap(gap: NewGap, moved: Map<string, CursorRow>): void {
		const { agent, site, reason, outcomes, devices } = gap;
		const names = devices.length === 0 ? null : JSON.stringify(devices);
		const { lastInsertRowid } = this.statement(
			"INSERT INTO gaps (agent, site, from_at, to_at, reason, outcomes, devices) VALUES (?, ?, ?, ?, ?, ?, ?)",
		).run(agent, site, Math.round(gap.from), Math.round(gap.to), reason, outcomes, names);
		this.statement("DELETE FROM gaps WHERE id <= ?").run(Number(lastInsertRowid) - GAPS_KEPT_MOST);
		this.statement(
			`INSERT INTO gap_totals (site, agent, reason, gaps, outcomes) VALUES (?, ?, ?, 1, ?)
			ON CONFLICT DO UPDATE SET gaps = gaps + 1, outcomes = outcomes + excluded.outcomes`,
		).run(site, agent, countedReason(reason), outcomes);
		const cursor = counted(this.cursorOf(gap), "missing", outcomes);
		const { from, to } = gap.sequences ?? { from: gap.sequence, to: gap.sequence };
		this.move(cursor, from, to, moved);
	}

	private cursorOf({ agent, epoch, site }: { agent: string; epoch: string; site: string }): CursorRow {
		return (
			this.cursors.get(`${agent}\n${epoch}`) ?? {
				agent,
				epoch,
				site,
				settled: NOTHING_SETTLED,
				tally: NOTHING_COUNTED,
			}
		);
	}

	private move(cursor: CursorRow, from: number, to: number, moved: Map<string, CursorRow>): void {
		const next = { ...cursor, settled: settle(cursor.settled, from, to) };
		const key = `${cursor.agent}\n${cursor.epoch}`;
		this.cursors.set(key, next);
		moved.set(key, next);
	}

	private writeCursor({ agent, epoch, site, settled, tally, newest }: CursorRow): void {
		this.statement(
			`INSERT OR REPLACE INTO cursors (agent, epoch, site, base, ranges, stored, missing, refused, newest, newest_crc)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		).run(
			agent,
			epoch,
			site,
			settled.base,
			JSON.stringify(settled.ranges),
			tally?.stored ?? null,
			tally?.missing ?? null,
			tally?.refused ?? null,
			newest?.sequence ?? null,
			newest?.crc ?? null,
		);
	}

	private readCursors(): readonly CursorRow[] {
		const rows = this.statement("SELECT * FROM cursors").all() as {
			agent: string;
			epoch: string;
			site: string;
			base: number;
			ranges: string;
			stored: number | null;
			missing: number | null;
			refused: number | null;
			newest: number | null;
			newest_crc: number | null;
		}[];
		return rows.map(
			({ agent, epoch, site, base, ranges, stored, missing, refused, newest, newest_crc: crc }) => {
				const parsed = parseJson(ranges, WIRE_JSON_LIMITS);
				invariant(parsed.ok, "the cursors that we wrote are JSON");
				const isCounted = stored !== null && missing !== null && refused !== null;
				return {
					agent,
					epoch,
					site,
					settled: { base, ranges: parsed.value as Settled["ranges"] },
					...(isCounted ? { tally: { stored, missing, refused } } : {}),
					...(newest !== null && crc !== null ? { newest: { sequence: newest, crc } } : {}),
				};
			},
		);
	}
}

function counted(cursor: CursorRow, what: keyof DeliveryTally, outcomes: number): CursorRow {
	const { tally } = cursor;
	return tally === undefined ? cursor : { ...cursor, tally: { ...tally, [what]: tally[what] + outcomes } };
}

function newestOf(
	cursor: CursorRow,
	row: { readonly sequence: number; readonly bytes: Uint8Array },
): CursorRow {
	const { sequence } = row;
	if (cursor.newest !== undefined && sequence < cursor.newest.sequence) return cursor;
	return { ...cursor, newest: { sequence, crc: recordCrc(row.bytes) } };
}

function pairsIn(text: string): StoredGap["devices"] {
	const parsed = parseJson(text, GAP_DEVICES_LIMITS);
	invariant(parsed.ok, "the devices of a gap that we wrote are JSON");
	return parsed.value as unknown as StoredGap["devices"];
}

type InputRow = {
	readonly id: number;
	readonly name: string;
	readonly value: number;
	readonly unit: string;
	readonly source: string;
	readonly observed_at: number;
	readonly valid_from: number;
	readonly valid_to: number | null;
	readonly known_from: number;
	readonly is_example: number;
	readonly quality: string | null;
	readonly raw_sha256: string | null;
	readonly supersedes: number | null;
};

function storedInput(row: InputRow): StoredInput {
	return {
		id: row.id,
		name: row.name,
		value: row.value,
		unit: row.unit,
		source: row.source,
		observedAt: row.observed_at,
		validFrom: row.valid_from,
		knownFrom: row.known_from,
		isExample: row.is_example === 1,
		...(row.valid_to === null ? {} : { validTo: row.valid_to }),
		...(row.quality === null ? {} : { quality: row.quality }),
		...(row.raw_sha256 === null ? {} : { rawSha256: row.raw_sha256 }),
		...(row.supersedes === null ? {} : { supersedes: row.supersedes }),
	} as StoredInput;
}
