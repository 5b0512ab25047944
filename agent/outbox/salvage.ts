/**
 * What of a damaged outbox can still be read: its records from both ends up to the damage, and its definitions.
 *
 * Takes the file that was set aside; gives each whole record that was not settled, oldest first, and between which
 * times there may have been others. Never writes a record; what cannot be read is left out.
 */
import Database from "better-sqlite3";
import { hashOfText } from "../../shared/wire/definition.js";
import { checkRecord } from "../../shared/wire/record.js";

type SalvagedRecord = {
	readonly sequence: number;
	readonly made_at: number;
	readonly outcomes: number;
	readonly missing: number;
	readonly thinned: number;
	readonly bytes: Buffer;
};
type Salvager = {
	readonly record: (record: SalvagedRecord) => void;
	readonly definition: (definition: { readonly hash: string; readonly text: string }) => void;
};
/** Wall ms; absent where nothing could be read. */
type Damaged = { readonly from: number; readonly to: number } | undefined;

const OPEN = "FROM records WHERE acked_at IS NULL";
const COLUMNS = "sequence, made_at, outcomes, missing, thinned, bytes";

/** @throws what taking throws */
export function salvage(file: string, take: Salvager): Damaged {
	const database = opened(file);
	if (database === undefined) return undefined;
	try {
		definitionsOf(database, take);
		return recordsOf(database, take);
	} finally {
		database.close();
	}
}

/** Undefined where nothing of it is a database. */
function opened(file: string): Database.Database | undefined {
	const database = new Database(file, { timeout: 1_000 });
	try {
		database.pragma("locking_mode = EXCLUSIVE");
		database.prepare("SELECT count(*) FROM sqlite_master").get();
		return database;
	} catch {
		database.close();
		return undefined;
	}
}

function recordsOf(database: Database.Database, take: Salvager): Damaged {
	const ends: number[] = [];
	let last = 0;
	for (const row of untilDamage<SalvagedRecord>(database, `SELECT ${COLUMNS} ${OPEN} ORDER BY sequence`)) {
		last = row.sequence;
		if (isWhole(row)) take.record(row);
		ends[0] = row.made_at;
	}
	const behind: number[] = [];
	const falling = `SELECT sequence, made_at ${OPEN} ORDER BY sequence DESC`;
	for (const row of untilDamage<Pick<SalvagedRecord, "sequence" | "made_at">>(database, falling)) {
		if (row.sequence <= last) break;
		behind.push(row.sequence);
		ends[1] = row.made_at;
	}
	const one = `SELECT ${COLUMNS} FROM records WHERE sequence = ?`;
	for (const sequence of behind.reverse())
		for (const row of untilDamage<SalvagedRecord>(database, one, sequence))
			if (isWhole(row)) take.record(row);
	const [from, to] = ends;
	const known = from ?? to;
	return known === undefined ? undefined : { from: from ?? known, to: Math.max(from ?? known, to ?? known) };
}

function definitionsOf(database: Database.Database, take: Salvager): void {
	const all = "SELECT hash, text FROM definitions";
	for (const one of untilDamage<{ hash: string; text: string }>(database, all))
		if (typeof one.text === "string" && hashOfText(one.text) === one.hash) take.definition(one);
}

function* untilDamage<Row>(
	database: Database.Database,
	query: string,
	...parameters: readonly number[]
): Generator<Row> {
	try {
		yield* database.prepare(query).iterate(...parameters) as IterableIterator<Row>;
	} catch {
		// What follows cannot be read this way.
	}
}

function isWhole({ bytes, made_at, outcomes, missing }: SalvagedRecord): boolean {
	return (
		Buffer.isBuffer(bytes) &&
		[made_at, outcomes, missing].every((number) => Number.isSafeInteger(number) && number >= 0) &&
		checkRecord(bytes) === undefined
	);
}
