/**
 * Brings what an earlier version stored to the form of this one, at start, without anybody's help.
 *
 * Schemas are numbered by `user_version` of fleetwatt.db: 1 (which had no number), then 2. Each step is
 * whole again when it is run again after a crash at any point of it.
 */
import type Database from "better-sqlite3";
import type { DayFiles } from "../day-files.js";
import type { MainDatabase } from "../main-database.js";
import { isSchema1, type LostBefore, migrateDays, migrateMain } from "./schema-1.js";

/** What was brought over. */
export type Migrated = {
	readonly fromSchema: number;
	readonly days: number;
	readonly chunks: number;
	readonly damaged: number;
};

export type MigrationRooms = {
	readonly folder: string;
	readonly days: DayFiles;
	readonly main: MainDatabase;
	readonly database: Database.Database;
	/** Unix ms. */
	readonly now: number;
};

/** Undefined where nothing was of an earlier form. */
export function migrate({ folder, days, main, database, now }: MigrationRooms): Migrated | undefined {
	const lost: LostBefore[] = [];
	// A day file of before may also come from a copy, long after the rest was brought over.
	const taken = migrateDays(folder, days, (one) => {
		main.addDamage([{ ...one, foundAt: now }]);
		lost.push(one);
	});
	const isBefore = isSchema1(database);
	if (isBefore) {
		const [first] = days.days();
		migrateMain(database, first === undefined ? undefined : Date.parse(`${first}T00:00:00Z`));
	}
	if (!isBefore && taken.days === 0) return undefined;
	return { fromSchema: 1, ...taken, damaged: lost.length };
}
