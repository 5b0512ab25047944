/**
 * A table of inputs from before they had an end, a quality, a body's hash and what they restate → with these.
 *
 * In place, at every start; whole again when it is run again. The columns may be empty, so that an earlier
 * version still reads and writes the table: the schema keeps its number.
 */
import type Database from "better-sqlite3";

const ADDED = { valid_to: "INTEGER", quality: "TEXT", raw_sha256: "TEXT", supersedes: "INTEGER" } as const;

export function widenInputs(database: Database.Database): void {
	const columns = database.pragma("table_info(inputs)") as readonly { readonly name: string }[];
	const known = new Set(columns.map(({ name }) => name));
	for (const [name, type] of Object.entries(ADDED))
		if (!known.has(name)) database.exec(`ALTER TABLE inputs ADD COLUMN ${name} ${type}`);
}
