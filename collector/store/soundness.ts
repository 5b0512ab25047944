/**
 * Whether fleetwatt.db is what was written: its header, SQLite's own structure, and what of its rows proves itself.
 *
 * Takes a file or an open database; throws StoreDamaged, or what SQLite says. Changes nothing but the two words of the
 * header that tell the schema.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { deserialize } from "node:v8";
import type Database from "better-sqlite3";
import { parseJson } from "../../shared/json.js";
import { hashOfText, WIRE_JSON_LIMITS } from "../../shared/wire/definition.js";

const HEADER_BYTES = 100;
/** Of SQLite's header, by offset: versions for writing and reading, free space, the shares of a page, UTF-8. */
const HEADER_SOUND: readonly (readonly [number, readonly number[]])[] = [
	[18, [1, 2]],
	[19, [1, 2]],
	[20, [0]],
	[21, [64]],
	[22, [32]],
	[23, [32]],
	[59, [0, 1]],
];
/** "FW": the schema stands in the file's header twice, so that a bit that turned is no later version's store. */
const APPLICATION = 0x4657_0000;
const PRESENT_VERSION = 2;

/** What our own checks find where SQLite finds nothing. */
class StoreDamaged extends Error {
	readonly code = "SQLITE_CORRUPT";
}

type Row = Readonly<Record<string, unknown>>;

/** @throws StoreDamaged where what every SQLite file has is not there: SQLite takes some of it for a disk's refusal */
export function refuseUnsound(file: string): void {
	if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
	const header = Buffer.alloc(HEADER_BYTES);
	const handle = openSync(file, "r");
	try {
		readSync(handle, header, 0, HEADER_BYTES, 0);
	} finally {
		closeSync(handle);
	}
	for (const [offset, allowed] of HEADER_SOUND)
		if (!allowed.includes(header.readUInt8(offset)))
			throw new StoreDamaged(`Byte ${offset} of ${file} is ${header.readUInt8(offset)}.`);
}

/** @throws StoreDamaged where SQLite finds its own structure damaged, or the schema is told in two ways */
export function refuseDamaged(database: Database.Database): void {
	const told = Number(database.pragma("application_id", { simple: true }));
	const version = Number(database.pragma("user_version", { simple: true }));
	if (told !== 0 && told !== APPLICATION + version)
		throw new StoreDamaged(
			`Its schema is ${version} by one word of its header and ${told - APPLICATION} by another.`,
		);
	const found = database.pragma("integrity_check(1)", { simple: true });
	if (found !== "ok") throw new StoreDamaged(String(found));
}

/** Not written where it stands: a store must open on a full disk, too. */
export function noteSchema(database: Database.Database, version: number): void {
	if (database.pragma("user_version", { simple: true }) !== version)
		database.pragma(`user_version = ${version}`);
	if (database.pragma("application_id", { simple: true }) !== APPLICATION + version)
		database.pragma(`application_id = ${APPLICATION + version}`);
}

/** @throws StoreDamaged where a definition, a cursor or the present of a device is not what was written */
export function refuseTurned(database: Database.Database): void {
	const rows = (query: string) => database.prepare(query).iterate() as IterableIterator<Row>;
	for (const { hash, text } of rows("SELECT hash, text FROM definitions"))
		if (typeof text !== "string" || hashOfText(text) !== hash)
			throw new StoreDamaged(`Definition ${String(hash)} is not what its name says.`);
	for (const { agent, base, ranges, newest } of rows("SELECT agent, base, ranges, newest FROM cursors")) {
		const isBeyond = typeof newest === "number" && Number(base) > newest;
		if (!Number.isSafeInteger(base) || isBeyond || !parseJson(String(ranges), WIRE_JSON_LIMITS).ok)
			throw new StoreDamaged(`What of agent "${String(agent)}" is settled cannot be: ${String(base)}.`);
	}
	for (const { device, bytes } of rows("SELECT device, bytes FROM present"))
		if (!isPresent(bytes)) throw new StoreDamaged(`The present of device ${String(device)} cannot be read.`);
}

function isPresent(bytes: unknown): boolean {
	try {
		const stored = deserialize(bytes as Uint8Array) as { readonly version?: unknown } | undefined;
		return stored?.version === PRESENT_VERSION;
	} catch {
		return false;
	}
}
