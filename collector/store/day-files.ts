/**
 * Sealed readings on disk: one SQLite file a UTC day, so that retention is an unlink.
 *
 *   schemas  number, text: the columns that chunks of this file have; a file needs no other to be read
 *   hours    key (hour of the day × 2^24 + group), bytes: the chunks of sixteen devices (pack.ts)
 *   parts    id, key, bytes: what came for an hour beside its row, until they are merged
 *   sums     key, bytes: one-minute sums of those devices; absent where an hour has to be summed anew
 *   damaged  key, device, bytes: chunks whose checksum does not fit, kept apart for a restore
 *
 * Invariants: those of pack-files.ts; an hour's row and sums replace its parts in one transaction; the
 * same readings give the same rows.
 */
import { asBuffer } from "../../shared/thread.js";
import { groupOf, unpack } from "./pack.js";
import {
	type Bytes,
	type DeviceChunk,
	named,
	type PackFile,
	PackFiles,
	packed,
	statement,
} from "./pack-files.js";

export const MILLISECONDS_PER_HOUR = 3_600_000;
const HOURS_PER_DAY = 24;
const GROUPS_MOST = 2 ** 24;
const FILE_NAME = /^raw-(\d{4}-\d{2}-\d{2})\.db$/;

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS hours (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
	CREATE INDEX IF NOT EXISTS hours_by_key ON hours (key);
	CREATE TABLE IF NOT EXISTS parts (id INTEGER PRIMARY KEY, key INTEGER NOT NULL, bytes BLOB NOT NULL);
	CREATE INDEX IF NOT EXISTS parts_by_key ON parts (key);
	CREATE TABLE IF NOT EXISTS sums (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
	CREATE TABLE IF NOT EXISTS damaged (
		key INTEGER NOT NULL, device INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (key, device, bytes)
	) WITHOUT ROWID;
`;

export type GroupHour = { readonly hour: number; readonly group: number };
export type HourRow = GroupHour & {
	readonly chunks: readonly DeviceChunk[];
	/** Absent: to be made when they are asked for. */
	readonly sums?: readonly DeviceChunk[];
	/** Chunks of this hour that no longer can be read. */
	readonly damaged?: readonly DeviceChunk[];
};
export type PartRow = GroupHour & { readonly chunks: readonly DeviceChunk[] };

/** What a row's head that is damaged stands for: all its devices, unknown which. */
export type StoredHour = {
	readonly chunks: readonly DeviceChunk[];
	readonly hasRow: boolean;
	readonly hasParts: boolean;
	readonly rowsDamaged: number;
};

export function hourOf(at: number): number {
	return Math.floor(at / MILLISECONDS_PER_HOUR);
}

export class DayFiles {
	private readonly files: PackFiles;
	/** Days that were looked through and have no parts: a month of files is not opened for nothing. */
	private readonly withoutParts = new Set<string>();
	/** Rows by day. */
	private readonly counted = new Map<string, number>();

	/** @param onSetAside is told of a day whose file is no database any more */
	constructor(folder: string, onSetAside: (day: string, what: string) => void = () => undefined) {
		this.files = new PackFiles(folder, SCHEMA, (name, what) =>
			onSetAside(FILE_NAME.exec(name)?.[1] ?? "", what),
		);
	}

	/** Stores rows of hours and parts, each in the file of its day, one transaction a file. */
	put(rows: readonly HourRow[], parts: readonly PartRow[]): void {
		const days = new Set([...rows, ...parts].map(({ hour }) => dayOfHour(hour)));
		for (const day of days) {
			const file = this.files.file(fileName(day), true);
			const write = () => {
				for (const row of rows) if (dayOfHour(row.hour) === day) writeHour(file, row);
				for (const part of parts) if (dayOfHour(part.hour) === day) writePart(file, part);
			};
			this.counted.delete(day);
			this.withoutParts.delete(day);
			this.files.changed(file, write);
		}
	}

	/** Everything stored of a group's hour: its row, then its parts. */
	hour({ hour, group }: GroupHour): StoredHour {
		const file = this.file(dayOfHour(hour));
		if (file === undefined) return { chunks: [], hasRow: false, hasParts: false, rowsDamaged: 0 };
		const key = keyOf(hour, group);
		const row = statement(file, "SELECT bytes FROM hours WHERE key = ?").get(key) as Bytes | undefined;
		const parts = statement(file, "SELECT bytes FROM parts WHERE key = ? ORDER BY id").all(key) as Bytes[];
		const unpacked = [...(row === undefined ? [] : [row]), ...parts].map(({ bytes }) =>
			unpack(asBuffer(bytes)),
		);
		return {
			chunks: unpacked.flatMap((chunks) => named(file, chunks ?? [])),
			hasRow: row !== undefined,
			hasParts: parts.length > 0,
			rowsDamaged: unpacked.filter((chunks) => chunks === undefined).length,
		};
	}

	/** Whether a group's hour has a row or parts. */
	holds({ hour, group }: GroupHour): boolean {
		const file = this.file(dayOfHour(hour));
		if (file === undefined) return false;
		const key = keyOf(hour, group);
		return (
			statement(file, "SELECT 1 FROM hours WHERE key = ?").get(key) !== undefined ||
			statement(file, "SELECT 1 FROM parts WHERE key = ?").get(key) !== undefined
		);
	}

	/** The sums of a group's hour; undefined where they have to be made. */
	sums({ hour, group }: GroupHour): readonly DeviceChunk[] | undefined {
		const file = this.file(dayOfHour(hour));
		if (file === undefined) return undefined;
		const row = statement(file, "SELECT bytes FROM sums WHERE key = ?").get(keyOf(hour, group)) as
			| Bytes
			| undefined;
		const chunks = row === undefined ? undefined : unpack(asBuffer(row.bytes));
		return chunks === undefined ? undefined : named(file, chunks);
	}

	/** Forgets sums that no longer hold, so that they are made anew. */
	dropSums({ hour, group }: GroupHour): void {
		const file = this.file(dayOfHour(hour));
		if (file === undefined) return;
		this.files.changed(file, () => statement(file, "DELETE FROM sums WHERE key = ?").run(keyOf(hour, group)));
	}

	putSums({ hour, group }: GroupHour, sums: readonly DeviceChunk[]): void {
		const file = this.file(dayOfHour(hour));
		if (file === undefined) return;
		this.files.changed(file, () =>
			writePacked(file, { table: "sums", key: keyOf(hour, group), chunks: sums }),
		);
	}

	/** Groups that have anything of an hour. */
	groupsOf(hour: number): readonly number[] {
		const file = this.file(dayOfHour(hour));
		if (file === undefined) return [];
		const [first, last] = [keyOf(hour, 0), keyOf(hour, GROUPS_MOST - 1)];
		const keys = statement(
			file,
			"SELECT key FROM hours WHERE key BETWEEN ? AND ? UNION SELECT key FROM parts WHERE key BETWEEN ? AND ? ORDER BY 1",
		).all(first, last, first, last) as { key: number }[];
		return keys.map(({ key }) => key % GROUPS_MOST);
	}

	/** Groups that have anything of a day. */
	groupsOfDay(day: string): readonly number[] {
		const file = this.file(day);
		if (file === undefined) return [];
		const keys = statement(file, "SELECT key FROM hours UNION SELECT key FROM parts").all() as {
			key: number;
		}[];
		return [...new Set(keys.map(({ key }) => key % GROUPS_MOST))].sort((one, other) => one - other);
	}

	/** Removes what is stored of a group's day. */
	dropGroup(day: string, group: number): void {
		const file = this.file(day);
		if (file === undefined) return;
		this.counted.delete(day);
		const keys = Array.from({ length: HOURS_PER_DAY }, (_, hour) => keyOf(hour, group));
		this.files.changed(file, () => {
			for (const table of ["hours", "parts", "sums"])
				for (const key of keys) statement(file, `DELETE FROM ${table} WHERE key = ?`).run(key);
		});
	}

	/**
	 * Puts what a day has of one device beside what it has of another, as parts; gives the hours that had any. A row
	 * that is left empty stays, so that its group's tiers are made anew.
	 */
	moveDevice(day: string, from: number, into: number): readonly number[] {
		const file = this.file(day);
		if (file === undefined) return [];
		const moved: number[] = [];
		this.counted.delete(day);
		this.withoutParts.delete(day);
		this.files.changed(file, () => {
			const first = hourOf(Date.parse(`${day}T00:00:00Z`));
			for (let hour = first; hour < first + HOURS_PER_DAY; hour += 1) {
				const taken = takeDevice(file, keyOf(hour, groupOf(from)), from);
				if (taken.length === 0) continue;
				for (const chunk of taken)
					writePart(file, { hour, group: groupOf(into), chunks: [{ ...chunk, device: into }] });
				moved.push(hour);
			}
		});
		return moved;
	}

	/** Hours before `before` that have parts, oldest first, at most `most` of them with their groups. */
	unmerged(before: number, most: number): readonly GroupHour[] {
		const found: GroupHour[] = [];
		for (const day of this.days()) {
			const firstHour = hourOf(Date.parse(`${day}T00:00:00Z`));
			if (firstHour >= before) break;
			if (this.withoutParts.has(day)) continue;
			const file = this.file(day);
			if (file === undefined) continue;
			const last = Math.min(HOURS_PER_DAY, before - firstHour) * GROUPS_MOST - 1;
			const keys = statement(file, "SELECT DISTINCT key FROM parts WHERE key <= ? ORDER BY key LIMIT ?").all(
				last,
				most - found.length,
			) as { key: number }[];
			for (const { key } of keys)
				found.push({ hour: firstHour + Math.floor(key / GROUPS_MOST), group: key % GROUPS_MOST });
			if (keys.length === 0 && firstHour + HOURS_PER_DAY <= before) this.withoutParts.add(day);
			if (found.length >= most) break;
		}
		return found;
	}

	dropDay(day: string): void {
		this.counted.delete(day);
		this.files.drop(fileName(day));
	}

	hasDay(day: string): boolean {
		return this.files.exists(fileName(day));
	}

	/** Rows stored in all days, parts counted with them; a day is counted again only after it changed. */
	rows(): number {
		return this.days().reduce((sum, day) => sum + this.rowsOf(day), 0);
	}

	private rowsOf(day: string): number {
		const known = this.counted.get(day);
		if (known !== undefined) return known;
		const file = this.file(day);
		if (file === undefined) return 0;
		const { count } = statement(
			file,
			"SELECT (SELECT count(*) FROM hours) + (SELECT count(*) FROM parts) AS count",
		).get() as { count: number };
		this.counted.set(day, count);
		return count;
	}

	close(): void {
		this.files.close();
	}

	days(): readonly string[] {
		return this.files.names(FILE_NAME).flatMap((name) => FILE_NAME.exec(name)?.[1] ?? []);
	}

	private file(day: string): PackFile | undefined {
		return this.files.file(fileName(day), false);
	}
}

function fileName(day: string): string {
	return `raw-${day}.db`;
}

function writeHour(file: PackFile, { hour, group, chunks, sums, damaged = [] }: HourRow): void {
	const key = keyOf(hour, group);
	for (const { device, bytes } of damaged)
		statement(file, "INSERT OR IGNORE INTO damaged (key, device, bytes) VALUES (?, ?, ?)").run(
			key,
			device,
			bytes,
		);
	writePacked(file, { table: "hours", key, chunks });
	if (sums === undefined) statement(file, "DELETE FROM sums WHERE key = ?").run(key);
	else writePacked(file, { table: "sums", key, chunks: sums });
	statement(file, "DELETE FROM parts WHERE key = ?").run(key);
}

function writePart(file: PackFile, { hour, group, chunks }: PartRow): void {
	const key = keyOf(hour, group);
	const bytes = packed(file, chunks);
	statement(file, "INSERT INTO parts (key, bytes) VALUES (?, ?)").run(key, bytes);
	statement(file, "DELETE FROM sums WHERE key = ?").run(key);
}

/** Takes a device's chunks out of its row and parts. */
function takeDevice(file: PackFile, key: number, device: number): readonly DeviceChunk[] {
	const taken: DeviceChunk[] = [];
	for (const { table, id } of [
		{ table: "hours", id: "key" },
		{ table: "parts", id: "id" },
	]) {
		const rows = statement(file, `SELECT ${id} AS id, bytes FROM ${table} WHERE key = ?`).all(
			key,
		) as (Bytes & {
			readonly id: number;
		})[];
		for (const { id: row, bytes } of rows) {
			const chunks = named(file, unpack(asBuffer(bytes)) ?? []);
			const own = chunks.filter((chunk) => chunk.device === device);
			if (own.length === 0) continue;
			const others = packed(
				file,
				chunks.filter((chunk) => chunk.device !== device),
			);
			statement(file, `UPDATE ${table} SET bytes = ? WHERE ${id} = ?`).run(others, row);
			taken.push(...own);
		}
	}
	if (taken.length > 0) statement(file, "DELETE FROM sums WHERE key = ?").run(key);
	return taken;
}

function writePacked(
	file: PackFile,
	row: { readonly table: "hours" | "sums"; readonly key: number; readonly chunks: readonly DeviceChunk[] },
): void {
	const { table, key, chunks } = row;
	statement(file, `INSERT OR REPLACE INTO ${table} (key, bytes) VALUES (?, ?)`).run(
		key,
		packed(file, chunks),
	);
}

function keyOf(hour: number, group: number): number {
	return (hour % HOURS_PER_DAY) * GROUPS_MOST + group;
}

export function dayOf(at: number): string {
	return new Date(at).toISOString().slice(0, 10);
}

function dayOfHour(hour: number): string {
	return dayOf(hour * MILLISECONDS_PER_HOUR);
}
