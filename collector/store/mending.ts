/**
 * A damaged fleetwatt.db: it is set aside, never removed, and the store's own copy of it takes its place.
 *
 *   fleetwatt.db.copy      the newest whole copy: made once an hour, and soon after a new device
 *   fleetwatt.db.mending   a damaged file of which what can be read has not been taken over yet
 *   fleetwatt.db.damaged   one of which it has (.damaged-2 and so on beside it)
 *
 * Takes the folder; gives files in their places, and what can still be read of the one set aside. What came after
 * the copy and cannot be read the agents send again: they keep a day of what was acknowledged.
 * Each step is a rename or may be repeated, so that a crash between two of them is gone on from.
 */
import { copyFileSync, existsSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { type JsonLimits, parseJson } from "../../shared/json.js";
import { asBuffer } from "../../shared/thread.js";
import { hashOfText } from "../../shared/wire/definition.js";
import { checkRecord } from "../../shared/wire/record.js";
import { sync } from "./backup.js";
import { COPY, MAIN_FILE } from "./files.js";
import type { DefinitionRow, InboxRow } from "./main-database.js";

const MENDING = `${MAIN_FILE}.mending`;
const DAMAGED = `${MAIN_FILE}.damaged`;
/** The log first: one that is left beside another file would be played into it. */
const PARTS = ["-wal", "-shm", "-journal", ""];
const ROWS_AT_ONCE = 100;
/** Rows between two that can be read are asked for one by one. */
const ASKED_ONE_BY_ONE_MOST = 200_000;
/** What was typed in, or cannot be had from the agents. */
const TABLES = ["inventory", "inputs", "terms", "statements", "events"];

const BODY_LIMITS: JsonLimits = { bytes: 64 * 1_024 * 1_024, depth: 32, keys: 1_000_000 };
/** What was set aside at a start. */
export type Mended = {
	readonly aside: string;
	/** The copy that took its place has all up to then, Unix ms; absent where there was none. */
	readonly copiedAt?: number;
};

type Row = Readonly<Record<string, unknown>>;

function isDamage(error: unknown, file: string): boolean {
	const code = error instanceof Error && "code" in error ? String(error.code) : "";
	if (code !== "SQLITE_ERROR") return /^SQLITE_(NOTADB|CORRUPT|IOERR_SHORT_READ)/.test(code);
	// So a schema that cannot be read is called, and a mistake of ours, which must set no whole store aside.
	const database = openedToRead(file);
	try {
		return database?.pragma("integrity_check(1)", { simple: true }) !== "ok";
	} catch {
		return true;
	} finally {
		database?.close();
	}
}

/** Opens what is there, or what takes its place where that is damaged. */
export function openMended<Opened>(folder: string, open: () => Opened): Opened {
	const file = path.join(folder, MAIN_FILE);
	const isHalfAside =
		existsSync(path.join(folder, `${MENDING}-wal`)) && !existsSync(path.join(folder, MENDING));
	const isGone = sizeOf(file) === 0 && [COPY, MENDING].some((name) => existsSync(path.join(folder, name)));
	if (isHalfAside || isGone) replace(folder);
	try {
		return open();
	} catch (error) {
		if (!isDamage(error, file)) throw error;
	}
	replace(folder);
	try {
		return open();
	} catch (error) {
		if (!isDamage(error, file)) throw error;
	}
	// The copy is damaged too: what can be read of the first is all there is.
	for (const part of PARTS) rmSync(file + part, { force: true });
	renameSync(path.join(folder, COPY), freeName(folder, `${COPY}.damaged`));
	return open();
}

/** Sets fleetwatt.db aside, if it is there, and puts the copy in its place, if there is one. */
function replace(folder: string): void {
	const [file, mending, copy] = [MAIN_FILE, MENDING, COPY].map((name) => path.join(folder, name)) as [
		string,
		string,
		string,
	];
	const parts = PARTS.filter((part) => existsSync(file + part));
	// Another start broke off in the middle: what was not taken over of that one stays beside.
	if (parts.includes("") && existsSync(mending)) setAside(folder);
	for (const part of parts) renameSync(file + part, mending + part);
	sync(folder);
	if (!existsSync(copy)) return;
	const partial = `${file}.partial`;
	copyFileSync(copy, partial);
	sync(partial);
	renameSync(partial, file);
	sync(folder);
}

function setAside(folder: string): string {
	const aside = freeName(folder, DAMAGED);
	for (const part of PARTS) {
		const from = path.join(folder, MENDING + part);
		if (existsSync(from)) renameSync(from, aside + part);
	}
	sync(folder);
	return aside;
}

function freeName(folder: string, name: string): string {
	let free = path.join(folder, name);
	for (let count = 2; existsSync(free); count += 1) free = path.join(folder, `${name}-${count}`);
	return free;
}

function sizeOf(file: string): number {
	return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** What is still to be taken over of a damaged file; reads it, never writes to it. */
export class Mending {
	private readonly folder: string;
	private readonly database: Database.Database | undefined;
	private readonly records: Iterator<InboxRow>;

	private constructor(folder: string) {
		this.folder = folder;
		this.database = openedToRead(path.join(folder, MENDING));
		this.records = this.readable("inbox", "id", isRecord) as unknown as Iterator<InboxRow>;
	}

	/** Undefined where no file waits for it. */
	static of(folder: string): Mending | undefined {
		return existsSync(path.join(folder, MENDING)) ? new Mending(folder) : undefined;
	}

	definitions(): readonly DefinitionRow[] {
		const isWhole = ({ hash, text }: Row) => typeof text === "string" && hashOfText(text) === hash;
		return [...this.readable("definitions", "hash", isWhole)] as unknown as readonly DefinitionRow[];
	}

	nextRecords(): readonly InboxRow[] {
		const rows: InboxRow[] = [];
		while (rows.length < ROWS_AT_ONCE) {
			const { done, value } = this.records.next();
			if (done === true) break;
			rows.push(value);
		}
		return rows;
	}

	/** Into the store that took its place, all in one; what both have stays as it is there. */
	takeTables(into: Database.Database): void {
		const take = (table: string) => {
			const columns = into.pragma(`table_info(${table})`) as readonly { readonly name: string }[];
			const names = columns.map(({ name }) => name);
			const put = into.prepare(
				`INSERT OR IGNORE INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
			);
			for (const row of this.forward(table))
				if (row !== "end" && hasWholeBody(row)) put.run(names.map((name) => row[name] ?? null));
		};
		for (const table of TABLES) {
			try {
				into.transaction(() => take(table))();
			} catch {
				// A row that breaks a rule of its table was turned into another: the copy's stay.
			}
		}
	}

	/** All was taken over: gives where the file stays. */
	end(): Mended {
		this.database?.close();
		const copiedAt = statSync(path.join(this.folder, COPY), { throwIfNoEntry: false })?.mtimeMs;
		return { aside: setAside(this.folder), ...(copiedAt === undefined ? {} : { copiedAt }) };
	}

	private *forward(table: string): Generator<Row | "end"> {
		if (this.database !== undefined) yield* rowsUntilDamage(this.database, `SELECT * FROM ${table}`);
	}

	/** From the front to what is damaged, from the back to it, and between them one by one where keys are numbers. */
	private *readable(table: string, key: string, isGood: (row: Row) => boolean): Generator<Row> {
		const { database } = this;
		if (database === undefined) return;
		const [front, back] = [
			`SELECT * FROM ${table} ORDER BY ${key}`,
			`SELECT * FROM ${table} ORDER BY ${key} DESC`,
		];
		let last: unknown;
		for (const row of rowsUntilDamage(database, front)) {
			if (row === "end") return;
			last = row[key];
			if (isGood(row)) yield row;
		}
		let first: unknown;
		for (const row of rowsUntilDamage(database, back)) {
			if (row === "end" || (last !== undefined && (row[key] as number) <= (last as number))) break;
			first = row[key];
			if (isGood(row)) yield row;
		}
		if (typeof last !== "number" || typeof first !== "number") return;
		for (let id = last + 1; id < first && id - last < ASKED_ONE_BY_ONE_MOST; id += 1)
			for (const row of rowsUntilDamage(database, `SELECT * FROM ${table} WHERE ${key} = ${id}`))
				if (row !== "end" && isGood(row)) yield row;
	}
}

/** Of the store's own copy: the newest device that it has, and its age. One that cannot be read has none. */
export function copyOf(
	folder: string,
	now: number,
): { readonly device: number; readonly ageMilliseconds: number } {
	const file = path.join(folder, COPY);
	const written = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
	const database = written === undefined ? undefined : openedToRead(file);
	if (database === undefined || written === undefined) return { device: 0, ageMilliseconds: 0 };
	try {
		const device = Number(database.prepare("SELECT max(number) FROM devices").pluck().get());
		return { device, ageMilliseconds: Math.max(0, now - written) };
	} catch {
		return { device: 0, ageMilliseconds: 0 };
	} finally {
		database.close();
	}
}

function openedToRead(file: string): Database.Database | undefined {
	try {
		const database = new Database(file, { readonly: true });
		database.pragma("cell_size_check = ON");
		database.prepare("SELECT count(*) FROM sqlite_schema").get();
		return database;
	} catch {
		return undefined;
	}
}

function* rowsUntilDamage(database: Database.Database, query: string): Generator<Row | "end"> {
	try {
		for (const row of database.prepare(query).iterate()) yield row as Row;
		yield "end";
	} catch {
		// From here on it cannot be read.
	}
}

function hasWholeBody({ body }: Row): boolean {
	return body === undefined || (typeof body === "string" && parseJson(body, BODY_LIMITS).ok);
}

function isRecord(row: Row): boolean {
	const { id, agent, site, epoch, sequence, received_at, offset, bytes } = row;
	return (
		[agent, site, epoch].every((text) => typeof text === "string") &&
		[id, sequence, received_at].every((number) => Number.isSafeInteger(number)) &&
		typeof offset === "number" &&
		bytes instanceof Uint8Array &&
		checkRecord(asBuffer(bytes)) === undefined
	);
}
