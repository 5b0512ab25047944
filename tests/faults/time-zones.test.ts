/** The same stream, wherever the collector stands: days are UTC's, also where summer time begins or no time zone can be read. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { env, execPath } from "node:process";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { afterAll, beforeAll, expect, it } from "vitest";

const PROGRAM = fileURLToPath(new URL("../../dist/tests/faults/store-process.js", import.meta.url));
const root = mkdtempSync(path.join(tmpdir(), "time-zones-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What a day holds, without what SQLite notes of its own work. */
function contentOf(file: string): string {
	const database = new Database(file, { readonly: true });
	const hash = createHash("sha256");
	const named = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
	for (const name of database.prepare(named).pluck().all() as readonly string[])
		for (const row of database.prepare(`SELECT * FROM "${name}"`).raw().iterate() as Iterable<unknown[]>)
			for (const value of row) hash.update(Buffer.isBuffer(value) ? value : String(value));
	database.close();
	return hash.digest("hex");
}

function daysUnder(zone: string): Readonly<Record<string, string>> {
	const folder = mkdtempSync(path.join(root, "store-"));
	const { status } = spawnSync(execPath, [PROGRAM, "fill", folder], {
		env: { ...env, TZ: zone },
		stdio: ["ignore", "ignore", "inherit"],
	});
	expect(status).toBe(0);
	const days = readdirSync(folder).filter((name) => /^raw-.*\.db$/.test(name));
	return Object.fromEntries(days.sort().map((name) => [name, contentOf(path.join(folder, name))]));
}

let inUtc: Readonly<Record<string, string>> = {};
beforeAll(() => {
	inUtc = daysUnder("UTC");
	expect(Object.keys(inUtc)).toEqual(["raw-2024-01-01.db", "raw-2024-01-02.db"]);
}, 60_000);

it.each([
	"Asia/Kathmandu",
	"Pacific/Kiritimati",
	"America/St_Johns",
	"right/UTC",
	":/no/such/file",
	"XYZ-13XYS,1,365",
])(
	"under TZ=%s the same days hold the same readings",
	(zone) => {
		expect(daysUnder(zone)).toEqual(inUtc);
	},
	60_000,
);
