/**
 * SQLite files of packed chunks, kept open a few at a time: what day files and the files of tiers have in
 * common.
 *
 * Takes a folder and the tables of its files; gives files by name. Each has a table `schemas` (number,
 * text) of the columns that its chunks have, and needs no other file to be read. A schema's number comes
 * from its text, so that the same readings give the same bytes in whatever order they came.
 *
 * Invariants: synchronous=FULL. A rollback journal, not a WAL: rows are written once and rarely changed,
 * and a WAL would write each of them twice.
 */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import Database from "better-sqlite3";
import { invariant } from "../../shared/invariant.js";
import { parseJson } from "../../shared/json.js";
import { WIRE_JSON_LIMITS } from "../../shared/wire/definition.js";
import { schemaText } from "./chunk.js";
import type { Column } from "./device-state.js";
import { reach } from "./fail-point.js";
import { type PackedChunk, pack } from "./pack.js";

/** Files kept open at once; the rest is opened when asked. */
const OPEN_MOST = 8;
const SYNCHRONOUS_FULL = 2;
/** Rows of 35 KB fill whole pages of this size nearly to the end; larger pages leave a tenth empty. */
const PAGE_BYTES = 4_096;
const CACHE_KIBIBYTES = 2_048;
const SCHEMAS = "CREATE TABLE IF NOT EXISTS schemas (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);";
/** A tier has five columns a measurement. */
const SCHEMA_JSON_LIMITS = {
	...WIRE_JSON_LIMITS,
	bytes: WIRE_JSON_LIMITS.bytes * 6,
	keys: WIRE_JSON_LIMITS.keys * 6,
};
const SUFFIXES = ["", "-journal", "-wal", "-shm"] as const;

/** One device's chunk and what its columns are. */
export type DeviceChunk = {
	readonly device: number;
	readonly columns: readonly Column[];
	readonly bytes: Buffer;
};

export type PackFile = {
	readonly database: Database.Database;
	readonly numbers: Map<string, number>;
	readonly columns: Map<number, readonly Column[]>;
	/** The same by list: a text is made once a list. */
	numberOf: WeakMap<readonly Column[], number>;
	readonly statements: Map<string, Database.Statement>;
};

export type Bytes = { readonly bytes: Buffer };

export class PackFiles {
	private readonly folder: string;
	private readonly tables: string;
	private readonly open = new Map<string, PackFile>();
	private readonly onSetAside: (name: string, what: string) => void;

	/** @param onSetAside is told of a file that is no database any more */
	constructor(folder: string, tables: string, onSetAside: (name: string, what: string) => void) {
		this.folder = folder;
		this.tables = tables;
		this.onSetAside = onSetAside;
	}

	/** Names of the files in the folder that fit, in their order. */
	names(pattern: RegExp): readonly string[] {
		return readdirSync(this.folder)
			.filter((name) => pattern.test(name))
			.sort();
	}

	/** The file of that name; undefined where there is none and none may be made. */
	file(name: string, mayMake: false): PackFile | undefined;
	file(name: string, mayMake: true): PackFile;
	file(name: string, mayMake: boolean): PackFile | undefined {
		const known = this.open.get(name);
		if (known !== undefined) {
			this.open.delete(name);
			this.open.set(name, known);
			return known;
		}
		if (!mayMake && !this.exists(name)) return undefined;
		const file = this.openWhole(name, mayMake);
		if (file === undefined) return undefined;
		this.open.set(name, file);
		this.closeOldest();
		return file;
	}

	/** A full disk leaves a file without a byte: nothing was stored in it. */
	exists(name: string): boolean {
		return sizeOf(path.join(this.folder, name)) > 0;
	}

	/** Writes all or nothing. */
	changed(file: PackFile, write: () => void): void {
		try {
			file.database.transaction(write).immediate();
		} catch (error) {
			// Numbers of schemas that were not stored must not be used.
			loadSchemas(file);
			throw error;
		}
	}

	drop(name: string): void {
		this.open.get(name)?.database.close();
		this.open.delete(name);
		// The database last: what is left of it after a crash is dropped again.
		for (const suffix of [...SUFFIXES].reverse()) {
			rmSync(path.join(this.folder, name) + suffix, { force: true });
			reach("drop: between files");
		}
	}

	close(): void {
		for (const { database } of this.open.values()) database.close();
		this.open.clear();
	}

	/** A file that is no database any more is set aside, so that one bad day stops neither the start nor the sealing. */
	private openWhole(name: string, mayMake: boolean): PackFile | undefined {
		const place = path.join(this.folder, name);
		try {
			return openFile(place, this.tables);
		} catch (error) {
			const code = error instanceof Error && "code" in error ? error.code : undefined;
			if (code !== "SQLITE_NOTADB" && code !== "SQLITE_CORRUPT") throw error;
			setAside(place);
			this.onSetAside(name, error instanceof Error ? error.message : "");
			return mayMake ? openFile(place, this.tables) : undefined;
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

/** Bytes of a file and what SQLite keeps beside it. */
export function bytesOf(place: string): number {
	return SUFFIXES.reduce((sum, suffix) => sum + sizeOf(place + suffix), 0);
}

export function statement(file: PackFile, sql: string): Database.Statement {
	const known = file.statements.get(sql);
	if (known !== undefined) return known;
	const made = file.database.prepare(sql);
	file.statements.set(sql, made);
	return made;
}

export function packed(file: PackFile, chunks: readonly DeviceChunk[]): Buffer {
	const numbered = chunks.map(
		({ device, columns, bytes }): PackedChunk => ({ device, schema: schemaNumber(file, columns), bytes }),
	);
	return pack(numbered.sort((one, other) => one.device - other.device));
}

/** Chunks with their columns. */
export function named(file: PackFile, chunks: readonly PackedChunk[]): readonly DeviceChunk[] {
	return chunks.flatMap(({ device, schema, bytes }) => {
		const columns = file.columns.get(schema);
		return columns === undefined ? [] : [{ device, columns, bytes }];
	});
}

function schemaNumber(file: PackFile, columns: readonly Column[]): number {
	const seen = file.numberOf.get(columns);
	if (seen !== undefined) return seen;
	const text = schemaText(columns);
	const known = file.numbers.get(text);
	if (known !== undefined) {
		file.numberOf.set(columns, known);
		return known;
	}
	let number = crc32(text);
	while (file.columns.has(number)) number += 1;
	statement(file, "INSERT INTO schemas (number, text) VALUES (?, ?)").run(number, text);
	file.numbers.set(text, number);
	file.columns.set(number, columns);
	return number;
}

function loadSchemas(file: PackFile): void {
	file.numbers.clear();
	file.columns.clear();
	file.numberOf = new WeakMap();
	const rows = statement(file, "SELECT number, text FROM schemas").all() as {
		number: number;
		text: string;
	}[];
	for (const { number, text } of rows) {
		file.numbers.set(text, number);
		const parsed = parseJson(text, SCHEMA_JSON_LIMITS);
		invariant(parsed.ok, "a stored schema is JSON");
		file.columns.set(number, parsed.value as unknown as readonly Column[]);
	}
}

function setAside(name: string): void {
	let aside = `${name}.damaged`;
	for (let count = 2; existsSync(aside); count += 1) aside = `${name}.damaged-${count}`;
	for (const suffix of SUFFIXES) if (existsSync(name + suffix)) renameSync(name + suffix, aside + suffix);
}

function openFile(name: string, tables: string): PackFile {
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
		database.transaction(() => database.exec(SCHEMAS + tables))();
		const file: PackFile = {
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

function sizeOf(place: string): number {
	return existsSync(place) ? statSync(place).size : 0;
}
