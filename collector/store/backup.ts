/**
 * Copies a store into another folder, consistent and fsynced, while its owner goes on or while nobody runs on it.
 *
 * fleetwatt.db goes first, by SQLite's online copy: it has every record that is not sealed at that moment.
 * Tier files follow; what is sealed meanwhile is in both, which a merge makes one again. A tier file is copied
 * in slices and begun again where it was written meanwhile: between two calls no transaction is open, so a
 * file that stayed as it was is whole.
 *
 * Never overwrites: the folder it makes must not be there, or be empty.
 */
import {
	closeSync,
	existsSync,
	fsyncSync,
	mkdirSync,
	openSync,
	readdirSync,
	readSync,
	renameSync,
	rmSync,
	statSync,
	writeSync,
} from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import Database from "better-sqlite3";
import { MAIN_FILE, storeFiles } from "./files.js";

/** What one step copies: a commit waits no longer than this takes. */
const SLICE_BYTES = 4 * 1_024 * 1_024;
const PAGES_AT_ONCE = 256;
const TRIES_MOST = 20;
const PARTIAL = ".partial";

/** A folder that a copy must not touch, or a file that never holds still; in words for an operator. */
export class CopyRefused extends Error {
	readonly code = "COPY_REFUSED";
}

export type SliceWish = {
	readonly from: string;
	readonly to: string;
	readonly name: string;
	readonly offset: number;
	/** What the file looked like when its copy began; absent at the start. */
	readonly stamp?: string;
};

export type Slice =
	| { readonly kind: "more"; readonly next: number; readonly stamp: string }
	| { readonly kind: "done" }
	/** It was written meanwhile: begin again. */
	| { readonly kind: "changed" }
	/** Retention took it meanwhile. */
	| { readonly kind: "gone" };

/** How an owner of a store copies its parts. */
export type CopyParts = {
	readonly main: (to: string) => Promise<void>;
	readonly names: () => Promise<readonly string[]>;
	readonly slice: (wish: SliceWish) => Promise<Slice>;
	/** Before a file is tried again. */
	readonly pause: () => Promise<void>;
};

/** @throws CopyRefused; what the system or SQLite throws where the disk refuses */
export async function copyStore(
	folders: { readonly from: string; readonly to: string },
	parts: CopyParts,
	onFile: (name: string, of: number) => void = () => undefined,
): Promise<readonly string[]> {
	const { from, to } = folders;
	makeEmpty(to, from);
	await parts.main(to);
	const names = await parts.names();
	onFile(MAIN_FILE, names.length + 1);
	const copied = [MAIN_FILE];
	for (const name of names) {
		if (await copyFile({ from, to, name }, parts)) copied.push(name);
		onFile(name, names.length + 1);
	}
	sync(to);
	return copied;
}

async function copyFile(
	place: Pick<SliceWish, "from" | "to" | "name">,
	{ slice, pause }: CopyParts,
): Promise<boolean> {
	for (let tries = 0; tries < TRIES_MOST; tries += 1) {
		let done: Slice = await slice({ ...place, offset: 0 });
		while (done.kind === "more") done = await slice({ ...place, offset: done.next, stamp: done.stamp });
		if (done.kind === "done") return true;
		rmSync(path.join(place.to, place.name) + PARTIAL, { force: true });
		if (done.kind === "gone") return false;
		await pause();
	}
	throw new CopyRefused(`${place.name} was written again and again while it was copied. Try again later.`);
}

/** @throws CopyRefused where a copy would meet something */
export function makeEmpty(to: string, from: string): void {
	const isWithin = !path.relative(from, to).startsWith("..") || path.resolve(from) === path.resolve(to);
	if (isWithin) throw new CopyRefused(`${to} lies in the store itself. Name a folder outside of ${from}.`);
	mkdirSync(to, { recursive: true });
	if (readdirSync(to).length > 0)
		throw new CopyRefused(`${to} is not empty. Name a folder that is not there yet; nothing is overwritten.`);
}

/** Copies fleetwatt.db page by page; its owner may write meanwhile, through the same connection. */
export async function copyMain(database: Database.Database, to: string, name = MAIN_FILE): Promise<void> {
	const partial = path.join(to, name) + PARTIAL;
	try {
		await database.backup(partial, { progress: () => PAGES_AT_ONCE });
	} catch (error) {
		rmSync(partial, { force: true });
		throw error;
	}
	// One file without a -wal beside it, which opens for reading alone.
	const copy = new Database(partial);
	copy.pragma("journal_mode = DELETE");
	copy.close();
	sync(partial);
	renameSync(partial, path.join(to, name));
	sync(to);
}

export function copySlice({ from, to, name, offset, stamp }: SliceWish): Slice {
	const file = path.join(from, name);
	if (offset === 0) recover(file);
	const now = stampOf(file);
	if (now === undefined) return { kind: "gone" };
	if (stamp !== undefined && stamp !== now.text) return { kind: "changed" };
	const partial = path.join(to, name) + PARTIAL;
	const length = copyBytes(file, partial, offset);
	if (length > 0) return { kind: "more", next: offset + length, stamp: now.text };
	sync(partial);
	renameSync(partial, path.join(to, name));
	return { kind: "done" };
}

/** What a crash left beside a file belongs into it: opening it does that. */
function recover(file: string): void {
	const isWhole = ["-journal", "-wal"].every(
		(suffix) => (statSync(file + suffix, { throwIfNoEntry: false })?.size ?? 0) === 0,
	);
	if (isWhole || !existsSync(file)) return;
	const database = new Database(file);
	database.pragma("schema_version");
	database.close();
}

function copyBytes(file: string, partial: string, offset: number): number {
	const source = openSync(file, "r");
	const target = openSync(partial, offset === 0 ? "w" : "r+");
	try {
		const bytes = Buffer.allocUnsafe(SLICE_BYTES);
		const length = readSync(source, bytes, 0, SLICE_BYTES, offset);
		for (let written = 0; written < length; )
			written += writeSync(target, bytes, written, length - written, offset + written);
		return length;
	} finally {
		closeSync(source);
		closeSync(target);
	}
}

function stampOf(file: string): { readonly text: string } | undefined {
	const found = statSync(file, { bigint: true, throwIfNoEntry: false });
	return found === undefined ? undefined : { text: `${found.size} ${found.mtimeNs} ${found.ino}` };
}

export function tierNames(folder: string): readonly string[] {
	return storeFiles(folder).tiers.map(({ name }) => name);
}

/** CRC-32 of a whole file. */
export function fileCrc(file: string): number {
	const source = openSync(file, "r");
	try {
		const bytes = Buffer.allocUnsafe(SLICE_BYTES);
		let crc = 0;
		for (let offset = 0; ; ) {
			const length = readSync(source, bytes, 0, SLICE_BYTES, offset);
			if (length === 0) return crc;
			crc = crc32(bytes.subarray(0, length), crc);
			offset += length;
		}
	} finally {
		closeSync(source);
	}
}

export function sync(file: string): void {
	const handle = openSync(file, "r");
	try {
		fsyncSync(handle);
	} finally {
		closeSync(handle);
	}
}

/**
 * Copies a store that nobody runs on.
 *
 * @throws SQLITE_BUSY where a collector runs on it
 */
export async function copyStopped(from: string, to: string): Promise<readonly string[]> {
	const database = new Database(path.join(from, MAIN_FILE), { fileMustExist: true, timeout: 1_000 });
	try {
		database.pragma("locking_mode = EXCLUSIVE");
		// Holds the store until it is closed, so that no collector starts on it meanwhile.
		database.exec("BEGIN EXCLUSIVE; COMMIT");
		return await copyStore(
			{ from, to },
			{
				main: (folder) => copyMain(database, folder),
				names: async () => tierNames(from),
				slice: async (wish) => copySlice(wish),
				pause: async () => undefined,
			},
		);
	} finally {
		database.close();
	}
}
