/** STORE_FORMAT.md names every table and column that stands on disk. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DayFiles, hourOf } from "../../../collector/store/day-files.js";
import { MainDatabase } from "../../../collector/store/main-database.js";

const FILE = path.join(import.meta.dirname, "../../../collector/store/STORE_FORMAT.md");
const DAY = Date.UTC(2026, 10, 22);

describe("STORE_FORMAT.md", () => {
	const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-store-format-"));
	const lines = readFileSync(FILE, "utf8").split("\n");
	afterAll(() => rmSync(folder, { recursive: true }));

	beforeAll(() => {
		new MainDatabase(folder).close();
		const days = new DayFiles(folder);
		const hour = hourOf(DAY);
		days.put([{ hour, group: 0, chunks: [], sums: [] }], []);
		days.close();
	});

	it("names the columns of every table of fleetwatt.db, in their order", () => {
		const tables = tablesIn(path.join(folder, "fleetwatt.db"));
		expect(tables.size).toBeGreaterThan(5);
		for (const [table, columns] of tables) {
			const row = lines.find((line) => line.startsWith(`| \`${table}\` |`)) ?? "";
			expect([table, row.split("|")[2]?.trim()]).toEqual([table, columns.join(", ")]);
		}
	});

	it("names the columns of every table of raw-2026-11-22.db, in their order", () => {
		const tables = tablesIn(path.join(folder, "raw-2026-11-22.db"));
		expect([...tables.keys()].sort()).toEqual(["damaged", "hours", "parts", "schemas", "sums"]);
		for (const [table, columns] of tables) {
			const row = lines.find((line) => line.startsWith(`| \`${table}\` |`)) ?? "";
			expect([table, row.split("|")[2]?.trim()]).toEqual([table, columns.join(", ")]);
		}
	});
});

function tablesIn(file: string): ReadonlyMap<string, readonly string[]> {
	const database = new Database(file, { readonly: true });
	const names = database
		.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
		.pluck()
		.all() as string[];
	const tables = names
		.filter((name) => !name.startsWith("sqlite_"))
		.map((name) => {
			const rows = database.pragma(`table_info(${name})`) as readonly { readonly name: string }[];
			return [name, rows.map((row) => row.name)] as const;
		});
	database.close();
	return new Map(tables);
}
