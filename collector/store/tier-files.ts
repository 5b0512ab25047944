/**
 * Rollups on disk: what remains of a reading when its day file is gone.
 *
 *   minute-2026-11-22.db    a UTC day          five-minute-2026-11.db  a month
 *   hour-2026.db            a year             day-2026.db             a year of the site's days
 *
 *   rows   key, bytes: five columns a measurement (rollup.ts) of sixteen devices, as chunks
 *   sums   key, bytes: joules, work and seconds of the same devices, as chunks (sums.ts)
 *   fleet  key, labels, bytes: the same sums over all devices of one site, rack, model and use
 *
 * Key = UTC day within the file × 2^24 + group; in day files the group alone, a row being a year.
 * Invariants: those of pack-files.ts.
 */
import { readdirSync } from "node:fs";
import path from "node:path";
import { asBuffer } from "../../shared/thread.js";
import { unpack } from "./pack.js";
import {
	type Bytes,
	bytesOf,
	type DeviceChunk,
	named,
	type PackFile,
	PackFiles,
	packed,
	statement,
} from "./pack-files.js";

export const MILLISECONDS_PER_DAY = 86_400_000;
const GROUPS_MOST = 2 ** 24;
const FILE_NAME = /^(raw|minute|five-minute|hour|day)-(\d{4})(?:-(\d\d))?(?:-(\d\d))?\.db$/;

const TABLES = `
	CREATE TABLE IF NOT EXISTS rows (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
	CREATE TABLE IF NOT EXISTS sums (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
	CREATE TABLE IF NOT EXISTS fleet (
		key INTEGER NOT NULL, labels TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (key, labels)
	) WITHOUT ROWID;
`;

export type Tier = "minute" | "five-minute" | "hour" | "day";
/** Finest first. */
export const TIERS: readonly { readonly tier: Tier; readonly seconds: number }[] = [
	{ tier: "minute", seconds: 60 },
	{ tier: "five-minute", seconds: 300 },
	{ tier: "hour", seconds: 3_600 },
	{ tier: "day", seconds: 86_400 },
];

export type TierFile = {
	readonly name: string;
	readonly tier: Tier | "raw";
	/** Unix ms of the UTC time that its name says, end not included. */
	readonly from: number;
	readonly to: number;
	readonly bytes: number;
};

/** Where the rows of a group stand. */
export type TierPlace = { readonly name: string; readonly day: number; readonly group: number };

/** Files of readings and rollups, oldest first; of one age the finest first. */
export function tierFiles(folder: string): readonly TierFile[] {
	const files = readdirSync(folder).flatMap((name) => {
		const span = spanOf(name);
		return span === undefined ? [] : [{ name, ...span, bytes: bytesOf(path.join(folder, name)) }];
	});
	return files.sort((one, other) => one.to - other.to || one.from - other.from);
}

/** @param day days since 1970, UTC; of the day tier a day of the right year */
export function tierPlace(tier: Tier, day: number, group: number): TierPlace {
	const date = dateText(day);
	const [year, month] = [date.slice(0, 4), date.slice(0, 7)];
	if (tier === "minute") return { name: `minute-${date}.db`, day: 0, group };
	if (tier === "five-minute")
		return { name: `five-minute-${month}.db`, day: day - dayNumber(`${month}-01`), group };
	if (tier === "hour") return { name: `hour-${year}.db`, day: day - dayNumber(`${year}-01-01`), group };
	return { name: `day-${year}.db`, day: 0, group };
}

export function dateText(day: number): string {
	return new Date(day * MILLISECONDS_PER_DAY).toISOString().slice(0, 10);
}

export function dayNumber(date: string): number {
	return Date.parse(`${date}T00:00:00Z`) / MILLISECONDS_PER_DAY;
}

export class TierFiles {
	private readonly folder: string;
	private readonly files: PackFiles;

	/** @param onSetAside is told of a file that is no database any more */
	constructor(folder: string, onSetAside: (name: string, what: string) => void = () => undefined) {
		this.folder = folder;
		this.files = new PackFiles(folder, TABLES, onSetAside);
	}

	exists({ name }: Pick<TierPlace, "name">): boolean {
		return this.files.exists(name);
	}

	/** The chunks of a group; none where there is no row. */
	read(table: "rows" | "sums", place: TierPlace): readonly DeviceChunk[] {
		const file = this.files.file(place.name, false);
		if (file === undefined) return [];
		const row = statement(file, `SELECT bytes FROM ${table} WHERE key = ?`).get(keyOf(place)) as
			| Bytes
			| undefined;
		const chunks = row === undefined ? undefined : unpack(asBuffer(row.bytes));
		return chunks === undefined ? [] : named(file, chunks);
	}

	/** Replaces what a group has. */
	write(
		place: TierPlace,
		{ rows, sums }: { readonly rows: readonly DeviceChunk[]; readonly sums: readonly DeviceChunk[] },
	): void {
		const file = this.files.file(place.name, true);
		this.files.changed(file, () => {
			put(file, { table: "rows", key: keyOf(place), chunks: rows });
			put(file, { table: "sums", key: keyOf(place), chunks: sums });
		});
	}

	/** Groups that have sums of a day. */
	groups(place: Omit<TierPlace, "group">): readonly number[] {
		const file = this.files.file(place.name, false);
		if (file === undefined) return [];
		const [first, last] = [keyOf({ ...place, group: 0 }), keyOf({ ...place, group: GROUPS_MOST - 1 })];
		const keys = statement(file, "SELECT key FROM sums WHERE key BETWEEN ? AND ? ORDER BY key").all(
			first,
			last,
		) as { key: number }[];
		return keys.map(({ key }) => key % GROUPS_MOST);
	}

	/** Chunks of sums by labels; of those alone whose text begins so. */
	fleet({ name, day }: Omit<TierPlace, "group">, beginning = ""): ReadonlyMap<string, Buffer> {
		const file = this.files.file(name, false);
		if (file === undefined) return new Map();
		const rows = statement(
			file,
			"SELECT labels, bytes FROM fleet WHERE key = ? AND labels >= ? AND labels < ? ORDER BY labels",
		).all(day, beginning, `${beginning}\u{10ffff}`) as (Bytes & { readonly labels: string })[];
		return new Map(rows.map(({ labels, bytes }) => [labels, asBuffer(bytes)]));
	}

	/** Replaces a day's fleet sums; of the day tier a year's. */
	writeFleet({ name, day }: Omit<TierPlace, "group">, rows: ReadonlyMap<string, Buffer>): void {
		const file = this.files.file(name, true);
		this.files.changed(file, () => {
			statement(file, "DELETE FROM fleet WHERE key = ?").run(day);
			for (const [labels, bytes] of rows)
				statement(file, "INSERT INTO fleet (key, labels, bytes) VALUES (?, ?, ?)").run(day, labels, bytes);
		});
	}

	list(): readonly TierFile[] {
		return tierFiles(this.folder);
	}

	drop(name: string): void {
		this.files.drop(name);
	}

	close(): void {
		this.files.close();
	}
}

function put(
	file: PackFile,
	{
		table,
		key,
		chunks,
	}: {
		readonly table: "rows" | "sums";
		readonly key: number;
		readonly chunks: readonly DeviceChunk[];
	},
): void {
	if (chunks.length === 0) statement(file, `DELETE FROM ${table} WHERE key = ?`).run(key);
	else
		statement(file, `INSERT OR REPLACE INTO ${table} (key, bytes) VALUES (?, ?)`).run(
			key,
			packed(file, chunks),
		);
}

function keyOf({ day, group }: TierPlace): number {
	return day * GROUPS_MOST + group;
}

function spanOf(name: string): Pick<TierFile, "tier" | "from" | "to"> | undefined {
	const [, tier, year, month, day] = FILE_NAME.exec(name) ?? [];
	if (tier === undefined || year === undefined) return undefined;
	const [y, m, d] = [Number(year), Number(month ?? 1) - 1, Number(day ?? 1)];
	const to =
		day !== undefined ? Date.UTC(y, m, d + 1) : month !== undefined ? Date.UTC(y, m + 1) : Date.UTC(y + 1, 0);
	return { tier: tier as TierFile["tier"], from: Date.UTC(y, m, d), to };
}
