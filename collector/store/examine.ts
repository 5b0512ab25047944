/**
 * Reads a store that nobody runs on, or a backup, file by file, and says what is in it and what is damaged.
 *
 * Takes a folder; gives a report. Opens everything for reading only; changes nothing.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { parseJson } from "../../shared/json.js";
import { asBuffer } from "../../shared/thread.js";
import { WIRE_JSON_LIMITS } from "../../shared/wire/definition.js";
import { checkRecord } from "../../shared/wire/record.js";
import { ABSENT_SCALED, decodeScaled } from "./chunk.js";
import { MILLISECONDS_PER_HOUR } from "./day-files.js";
import type { Column } from "./device-state.js";
import { MAIN_FILE, storeFiles, type TierFile } from "./files.js";
import { DEVICES_PER_GROUP, unpack } from "./pack.js";

const GROUPS_MOST = 2 ** 24;
const PROBLEMS_MOST = 1_000;

export type FoundDamage = {
	readonly file: string;
	/** Absent where it cannot be told, or all are. */
	readonly device?: number;
	readonly from?: number;
	readonly to?: number;
	readonly what: string;
};

export type DayReport = {
	readonly file: string;
	readonly bytes: number;
	/** Rows of hours and parts. */
	readonly rows: number;
	readonly chunks: number;
	/** Instants of devices. */
	readonly readings: number;
	/** Values that are there. */
	readonly samples: number;
	/** Hours of which something is there, Unix ms of their starts. */
	readonly hours: readonly number[];
};

export type MainReport = {
	readonly schema: number;
	readonly devices: number;
	readonly inboxRecords: number;
	readonly deadLetters: number;
	readonly gaps: number;
};

export type StoreReport = {
	readonly main?: MainReport;
	readonly days: readonly DayReport[];
	readonly otherFiles: readonly string[];
	readonly damage: readonly FoundDamage[];
	readonly chunks: number;
	readonly readings: number;
	readonly samples: number;
	/** Hours between the first and the last of which no device has anything. */
	readonly emptyHours: readonly { readonly from: number; readonly to: number }[];
};

/** @throws what SQLite throws where a file may not be read: SQLITE_BUSY while a collector runs on it */
export function examineStore(folder: string): StoreReport {
	const damage: FoundDamage[] = [];
	const found = (one: FoundDamage) => {
		if (damage.length < PROBLEMS_MOST) damage.push(one);
	};
	const main = existsSync(path.join(folder, MAIN_FILE))
		? opened(folder, MAIN_FILE, found, (database) => examineMain(database, found))
		: undefined;
	const { tiers } = storeFiles(folder);
	const days = tiers
		.filter(({ tier }) => tier === "raw")
		.flatMap(
			(file) => opened(folder, file.name, found, (database) => examineDay(database, file, found)) ?? [],
		);
	const others = tiers.filter(({ tier }) => tier !== "raw");
	for (const { name } of others) opened(folder, name, found, () => undefined);
	const sum = (of: (day: DayReport) => number) => days.reduce((total, day) => total + of(day), 0);
	return {
		...(main === undefined ? {} : { main }),
		days,
		otherFiles: others.map(({ name }) => name),
		damage,
		chunks: sum(({ chunks }) => chunks),
		readings: sum(({ readings }) => readings),
		samples: sum(({ samples }) => samples),
		emptyHours: emptyHours(days.flatMap(({ hours }) => hours)),
	};
}

/** Opens, checks SQLite's own structure, examines, closes; undefined where the file is no database any more. */
function opened<Report>(
	folder: string,
	name: string,
	found: (damage: FoundDamage) => void,
	examine: (database: Database.Database) => Report,
): Report | undefined {
	let database: Database.Database | undefined;
	try {
		database = new Database(path.join(folder, name), { readonly: true, timeout: 1_000 });
		const said = database.pragma("integrity_check(10)", { simple: false }) as {
			readonly integrity_check: string;
		}[];
		for (const { integrity_check: what } of said) if (what !== "ok") found({ file: name, what });
		return examine(database);
	} catch (error) {
		const code = error instanceof Error && "code" in error ? String(error.code) : "";
		if (!/^SQLITE_(NOTADB|CORRUPT|ERROR)/.test(code)) throw error;
		found({ file: name, what: error instanceof Error ? error.message : code });
		return undefined;
	} finally {
		database?.close();
	}
}

function examineMain(database: Database.Database, found: (damage: FoundDamage) => void): MainReport {
	const count = (table: string) => Number(database.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
	const rows = database.prepare("SELECT id, bytes FROM inbox ORDER BY id").iterate() as IterableIterator<{
		readonly id: number;
		readonly bytes: Buffer;
	}>;
	for (const { id, bytes } of rows) {
		const wrong = checkRecord(asBuffer(bytes));
		if (wrong !== undefined) found({ file: MAIN_FILE, what: `Inbox row ${id}: ${wrong.what}` });
	}
	return {
		schema: Number(database.pragma("user_version", { simple: true })),
		devices: count("devices"),
		inboxRecords: count("inbox"),
		deadLetters: count("dead_letters"),
		gaps: count("gaps"),
	};
}

type PackedRow = { readonly key: number; readonly bytes: Buffer };
type Counts = { chunks: number; readings: number; samples: number };

function examineDay(
	database: Database.Database,
	{ name, from: dayFrom, bytes }: TierFile,
	found: (damage: FoundDamage) => void,
): DayReport {
	const schemas = schemasOf(database, name, found);
	const counts: Counts = { chunks: 0, readings: 0, samples: 0 };
	const hours = new Set<number>();
	let rows = 0;
	for (const table of ["hours", "parts", "sums"]) {
		const all = database.prepare(`SELECT key, bytes FROM ${table}`).iterate() as IterableIterator<PackedRow>;
		for (const row of all) {
			const from = dayFrom + Math.floor(row.key / GROUPS_MOST) * MILLISECONDS_PER_HOUR;
			const place = { file: name, from, to: from + MILLISECONDS_PER_HOUR };
			const own = examineRow(row, schemas, (one) => found({ ...place, ...one }));
			if (table === "sums") continue;
			rows += 1;
			hours.add(from);
			counts.chunks += own.chunks;
			counts.readings += own.readings;
			counts.samples += own.samples;
		}
	}
	return { file: name, bytes, rows, ...counts, hours: [...hours].sort((a, b) => a - b) };
}

function examineRow(
	{ key, bytes }: PackedRow,
	schemas: ReadonlyMap<number, readonly Column[]>,
	found: (damage: Pick<FoundDamage, "device" | "what">) => void,
): Counts {
	const counts: Counts = { chunks: 0, readings: 0, samples: 0 };
	const chunks = unpack(asBuffer(bytes));
	if (chunks === undefined) {
		const first = (key % GROUPS_MOST) * DEVICES_PER_GROUP;
		found({ what: `The head of a row of devices ${first} to ${first + DEVICES_PER_GROUP - 1} is damaged.` });
		return counts;
	}
	for (const { device, schema, bytes: chunk } of chunks) {
		const columns = schemas.get(schema);
		const decoded = columns === undefined ? undefined : decodeScaled(chunk, columns);
		if (decoded?.ok !== true) {
			found({ device, what: decoded?.failure.what ?? `Schema ${schema} is missing.` });
			continue;
		}
		counts.chunks += 1;
		counts.readings += decoded.run.times.length;
		for (const values of decoded.run.values)
			for (const value of values)
				if (values instanceof Int32Array ? value !== ABSENT_SCALED : !Number.isNaN(value))
					counts.samples += 1;
	}
	return counts;
}

function schemasOf(
	database: Database.Database,
	file: string,
	found: (damage: FoundDamage) => void,
): ReadonlyMap<number, readonly Column[]> {
	const schemas = new Map<number, readonly Column[]>();
	const rows = database.prepare("SELECT number, text FROM schemas").all() as {
		readonly number: number;
		readonly text: string;
	}[];
	for (const { number, text } of rows) {
		const parsed = parseJson(text, WIRE_JSON_LIMITS);
		if (parsed.ok) schemas.set(number, parsed.value as unknown as readonly Column[]);
		else found({ file, what: `Schema ${number} is no JSON.` });
	}
	return schemas;
}

function emptyHours(hours: readonly number[]): readonly { readonly from: number; readonly to: number }[] {
	const sorted = [...new Set(hours)].sort((a, b) => a - b);
	return sorted.flatMap((hour, index) => {
		const from = (sorted[index - 1] ?? hour - MILLISECONDS_PER_HOUR) + MILLISECONDS_PER_HOUR;
		return from < hour ? [{ from, to: hour }] : [];
	});
}
