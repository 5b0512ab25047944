/**
 * What write-log.c noted → the files as a power cut at any of its entries may have left them. Pure but for reading the
 * log and writing the files.
 *
 * What a file was synced with is there; of what came after, any writes may be, in any order, and one in three of them torn
 * at 512 bytes. Where a sync fails, what it should have written is gone for good, as Linux leaves it: its pages count as
 * written, and the next sync says so. Names are there from the sync of their file or folder on; of later ones a random beginning.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const HEAD_BYTES = 17;
const SECTOR_BYTES = 512;
const TORN = 0.3;

type Write = { readonly offset: number; readonly bytes: Buffer } | { readonly length: number };
type Entry = {
	readonly kind: string;
	readonly file: number;
	readonly offset: number;
	readonly bytes: Buffer;
};
type Names = Map<string, Content>;

/** Which syncs a disk obeys: all, those that SQLite makes with NORMAL, none. */
export type Obeys = (file: string) => boolean;

export function logEntries(file: string): readonly Entry[] {
	const log = readFileSync(file);
	const entries: Entry[] = [];
	for (let at = 0; at + HEAD_BYTES <= log.length; ) {
		const size = log.readUInt32LE(at + 13);
		entries.push({
			kind: String.fromCharCode(log.readUInt8(at)),
			file: log.readInt32LE(at + 1),
			offset: Number(log.readBigInt64LE(at + 5)),
			bytes: log.subarray(at + HEAD_BYTES, at + HEAD_BYTES + size),
		});
		at += HEAD_BYTES + size;
	}
	return entries;
}

class Content {
	private durable: Buffer = Buffer.alloc(0);
	private pending: Write[] = [];

	write(write: Write): void {
		this.pending.push(write);
	}

	sync(): void {
		for (const write of this.pending) this.durable = applied(this.durable, write);
		this.pending = [];
	}

	syncFailed(): void {
		this.pending = this.pending.filter((write) => "length" in write);
	}

	afterCut(random: () => number): Buffer {
		let bytes: Buffer = Buffer.from(this.durable);
		for (const write of this.pending) {
			if (random() < 0.5) continue;
			const isTorn = "bytes" in write && random() < TORN;
			const sectors = isTorn ? Math.floor((random() * write.bytes.length) / SECTOR_BYTES) : 0;
			bytes = applied(
				bytes,
				isTorn ? { ...write, bytes: write.bytes.subarray(0, sectors * SECTOR_BYTES) } : write,
			);
		}
		return bytes;
	}
}

function applied(bytes: Buffer, write: Write): Buffer {
	if ("length" in write)
		return write.length <= bytes.length
			? Buffer.from(bytes.subarray(0, write.length))
			: Buffer.concat([bytes, Buffer.alloc(write.length - bytes.length)]);
	const end = write.offset + write.bytes.length;
	const grown = end <= bytes.length ? bytes : Buffer.concat([bytes, Buffer.alloc(end - bytes.length)]);
	write.bytes.copy(grown, write.offset);
	return grown;
}

/** The disk while the log is played. */
export class CutDisk {
	private readonly folder: string;
	private readonly obeys: Obeys;
	private readonly open = new Map<number, { readonly name: string; readonly content: Content | undefined }>();
	private readonly names: Names = new Map();
	private readonly durableNames: Names = new Map();
	private pendingNames: ((names: Names) => void)[] = [];
	private said = "";

	constructor(folder: string, obeys: Obeys) {
		this.folder = folder;
		this.obeys = obeys;
	}

	/** The newest number that the writer had said was durable. */
	get newest(): number {
		return Number(/durable (\d+)\n[^\n]*$/.exec(this.said)?.[1] ?? 0);
	}

	play({ kind, file, offset, bytes }: Entry): void {
		const known = this.open.get(file);
		if (kind === "A") this.said = (this.said + bytes.toString()).slice(-200);
		if (kind === "O") this.opened(file, bytes.toString());
		if (kind === "C") this.open.delete(file);
		if (kind === "W") known?.content?.write({ offset, bytes });
		if (kind === "T") known?.content?.write({ length: offset });
		if (kind === "S" && known !== undefined) this.synced(known);
		if (kind === "F") known?.content?.syncFailed();
		if (kind === "U") this.renamed((names) => names.delete(bytes.toString()));
		if (kind === "R") {
			const [from = "", to = ""] = bytes.toString().split("\0");
			this.renamed((names) => {
				const content = names.get(from);
				if (content === undefined) return;
				names.delete(from);
				names.set(to, content);
			});
		}
	}

	/** Writes what is left into another folder. */
	cut(random: () => number, into: string): void {
		mkdirSync(into, { recursive: true });
		const names = new Map(this.durableNames);
		const count = Math.floor(random() * (this.pendingNames.length + 1));
		for (const change of this.pendingNames.slice(0, count)) change(names);
		for (const [name, content] of names)
			writeFileSync(path.join(into, path.relative(this.folder, name)), content.afterCut(random));
	}

	private opened(file: number, name: string): void {
		if (path.relative(this.folder, name) === "") {
			this.open.set(file, { name, content: undefined });
			return;
		}
		const content = this.names.get(name) ?? new Content();
		if (!this.names.has(name)) this.renamed((names) => names.set(name, content));
		this.open.set(file, { name, content });
	}

	private synced({ name, content }: { readonly name: string; readonly content: Content | undefined }): void {
		if (!this.obeys(name)) return;
		content?.sync();
		// A journaling file system writes all earlier names with any of them.
		for (const change of this.pendingNames) change(this.durableNames);
		this.pendingNames = [];
	}

	private renamed(change: (names: Names) => void): void {
		change(this.names);
		this.pendingNames.push(change);
	}
}
