/**
 * A store of schema 1, as version 0.1 of before wrote it → schema 2, in place, at start.
 *
 * Schema 1 had no `user_version`: it is known by its table `facts`. Its day files are `chunks-DAY.db`
 * (chunk format 1: device, hour, part, first_at, last_at, samples, bytes), its present is one value
 * `snapshot` in `facts`, its sums are rows of `intervals`.
 *
 * Day by day: what a day file holds is written into `raw-DAY.db`, a few groups a transaction, then the old
 * file goes. The last step is one transaction of `fleetwatt.db`. A crash anywhere repeats what it fell
 * into: rows are joined with what stands in the new file, and the same readings give the same bytes.
 *
 * Sums are not carried over: they are made from readings. Where there are sums from before the oldest
 * reading, the table stays as it was under the name `intervals_before`; else it goes.
 */
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { deserialize, serialize } from "node:v8";
import Database from "better-sqlite3";
import { asBuffer } from "../../../shared/thread.js";
import { createMeter, meterOf, type StoredMeter } from "../../derive/energy.js";
import { type ChunkRun, decodeScaled, encodeChunk } from "../chunk.js";
import { type DayFiles, type HourRow, MILLISECONDS_PER_HOUR } from "../day-files.js";
import { reach } from "../fail-point.js";
import { DEVICES_PER_GROUP } from "../pack.js";
import type { DeviceChunk } from "../pack-files.js";
import { joinRuns } from "../runs.js";
import { decodeChunkFormat1 } from "./chunk-format-1.js";

const FILE_NAME = /^chunks-(\d{4}-\d{2}-\d{2})\.db$/;
const LEFTOVER = /^(chunks-\d{4}-\d{2}-\d{2}\.db)-(wal|shm)$/;
/** Groups whose chunks are in memory at once, and that one transaction writes. */
const GROUPS_AT_ONCE = 8;
const HOURS_PER_DAY = 24;

/** What could not be read: a chunk, or a whole file where no device is named. */
export type LostBefore = {
	readonly file: string;
	readonly device?: number;
	readonly from: number;
	readonly to: number;
	readonly what: string;
};

export type MigrationResult = { readonly days: number; readonly chunks: number };

/** Whether a database is of schema 1. */
export function isSchema1(database: Database.Database): boolean {
	return (
		database.pragma("user_version", { simple: true }) === 0 &&
		database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'facts'").get() !==
			undefined
	);
}

/**
 * Takes every day file of schema 1 in the folder into the day files of schema 2.
 *
 * @throws what SQLite throws where the disk refuses; another start goes on from there
 */
export function migrateDays(
	folder: string,
	days: DayFiles,
	onLost: (lost: LostBefore) => void,
): MigrationResult {
	let chunks = 0;
	const names = readdirSync(folder)
		.filter((name) => FILE_NAME.test(name))
		.sort();
	for (const name of names) {
		chunks += migrateDay(path.join(folder, name), days, onLost);
		reach("migration: day stored");
		for (const suffix of ["-shm", "", "-wal"]) rmSync(path.join(folder, name) + suffix, { force: true });
		reach("migration: day removed");
	}
	for (const name of readdirSync(folder)) {
		const whose = LEFTOVER.exec(name)?.[1];
		if (whose !== undefined && !existsSync(path.join(folder, whose))) rmSync(path.join(folder, name));
	}
	return { days: names.length, chunks };
}

type OldChunk = { readonly device: number; readonly hour: number; readonly bytes: Buffer };
type Place = { readonly hour: number; readonly group: number };

function migrateDay(file: string, days: DayFiles, onLost: (lost: LostBefore) => void): number {
	const old = openOld(file, onLost);
	if (old === undefined) return 0;
	try {
		const places = old
			.prepare(`SELECT DISTINCT hour, device / ${DEVICES_PER_GROUP} AS "group" FROM chunks ORDER BY 1, 2`)
			.all() as Place[];
		const own = old.prepare(
			"SELECT device, hour, bytes FROM chunks WHERE device BETWEEN ? AND ? AND hour = ? ORDER BY device, part",
		);
		let chunks = 0;
		for (let at = 0; at < places.length; at += GROUPS_AT_ONCE) {
			const rows = places.slice(at, at + GROUPS_AT_ONCE).map((place) => {
				const first = place.group * DEVICES_PER_GROUP;
				const found = own.all(first, first + DEVICES_PER_GROUP - 1, place.hour) as OldChunk[];
				chunks += found.length;
				return rowOf(place, found, days, (one) => onLost({ file: path.basename(file), ...one }));
			});
			days.put(rows, []);
			reach("migration: rows stored");
		}
		return chunks;
	} finally {
		old.close();
	}
}

/** A file that is no database any more is set aside for a restore, as in schema 1. */
function openOld(file: string, onLost: (lost: LostBefore) => void): Database.Database | undefined {
	const database = new Database(file);
	try {
		database.pragma("locking_mode = EXCLUSIVE");
		database.prepare("SELECT count(*) FROM chunks").get();
		return database;
	} catch (error) {
		database.close();
		const code = error instanceof Error && "code" in error ? error.code : undefined;
		if (code !== "SQLITE_NOTADB" && code !== "SQLITE_CORRUPT" && code !== "SQLITE_ERROR") throw error;
		const name = path.basename(file);
		const from = Date.parse(`${FILE_NAME.exec(name)?.[1]}T00:00:00Z`);
		const what = error instanceof Error ? error.message : "";
		onLost({ file: name, from, to: from + HOURS_PER_DAY * MILLISECONDS_PER_HOUR, what });
		renameSync(file, `${file}.damaged`);
		return undefined;
	}
}

function rowOf(
	place: Place,
	found: readonly OldChunk[],
	days: DayFiles,
	onLost: (lost: Omit<LostBefore, "file">) => void,
): HourRow {
	const byDevice = new Map<number, ChunkRun[]>();
	const damaged: DeviceChunk[] = [];
	const add = (device: number, run: ChunkRun) => byDevice.set(device, [...(byDevice.get(device) ?? []), run]);
	for (const chunk of days.hour(place).chunks) {
		const decoded = decodeScaled(asBuffer(chunk.bytes), chunk.columns);
		if (decoded.ok) add(chunk.device, decoded.run);
		else damaged.push(chunk);
	}
	for (const { device, bytes } of found) {
		const decoded = decodeChunkFormat1(asBuffer(bytes));
		if (decoded.ok) {
			add(device, decoded.columns);
			continue;
		}
		const from = place.hour * MILLISECONDS_PER_HOUR;
		onLost({ device, from, to: from + MILLISECONDS_PER_HOUR, what: decoded.failure.what });
		damaged.push({ device, columns: [], bytes });
	}
	const chunks = [...byDevice].map(([device, runs]) => {
		const run = joinRuns(runs);
		return { device, columns: run.columns, bytes: encodeChunk(run) };
	});
	return { ...place, chunks, damaged };
}

type OldMeter = Pick<StoredMeter, "joulesTotal" | "terahashesTotal" | "held">;
type OldState = {
	readonly number: number;
	readonly meter: OldMeter;
	readonly gpusHeld?: number;
};

/** The last step, in one transaction: the snapshot becomes rows of `present`, what schema 2 has no use for goes. */
export function migrateMain(database: Database.Database, firstRawAt: number | undefined): void {
	database
		.transaction(() => {
			const snapshot = database.prepare("SELECT value FROM facts WHERE name = 'snapshot'").pluck().get() as
				| Buffer
				| undefined;
			const put = database.prepare(
				"INSERT OR REPLACE INTO present (device, inbox_id, bytes) VALUES (?, ?, ?)",
			);
			if (snapshot !== undefined) {
				const { inboxId, devices } = deserialize(snapshot) as {
					readonly inboxId: number;
					readonly devices: readonly OldState[];
				};
				for (const state of devices) put.run(state.number, inboxId, presentOf(state));
			}
			const isOlder = database
				.prepare("SELECT 1 FROM intervals WHERE tier IN (60, 300) AND from_at < ? LIMIT 1")
				.get(firstRawAt ?? Number.MAX_SAFE_INTEGER);
			database.exec(
				isOlder === undefined ? "DROP TABLE intervals" : "ALTER TABLE intervals RENAME TO intervals_before",
			);
			database.exec("DROP TABLE facts");
			reach("migration: in the last transaction");
			database.pragma("user_version = 2");
		})
		.immediate();
	reach("migration: last transaction done");
}

/** The trailing five minutes begin anew: their slots had another form. */
function presentOf({ number: _, gpusHeld: __, meter, ...state }: OldState): Buffer {
	const { joulesTotal, terahashesTotal, held } = meter;
	const { slots } = createMeter();
	return serialize({
		...state,
		version: 2,
		meter: meterOf({ joulesTotal, terahashesTotal, slots, ...(held === undefined ? {} : { held }) }),
	});
}
