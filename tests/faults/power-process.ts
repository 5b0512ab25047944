/**
 * A writer whose computer loses power: `outbox FOLDER` and `collector FOLDER` commit one record after another by
 * the product's own code, and again what the disk refused; `normal FOLDER` and `off FOLDER` do as much by SQLite with less
 * than synchronous=FULL, `again FOLDER` by a file that is synced until the disk says yes. Says each number once it is
 * acknowledged. Runs until it is killed.
 */
import { fsyncSync, openSync, writeSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import Database from "better-sqlite3";
import { OutboxDatabase } from "../../agent/outbox/database.js";
import { arrive, openStore } from "../collector/store/example-store.js";
import { EPOCH, exampleRecord, timeAt } from "../shared/wire/examples.js";
import { outcomesOf, STREAM_START } from "./stream.js";

const PLENTY = { maxBytes: 1e9, maxDays: 100_000 };
const SEAL_EVERY = 25;
const ROW = Buffer.alloc(500, 7);
/** Enough for a dozen syncs that fail; each costs the replay a copy of the file. */
const CONTROL_ROWS = 100;

const say = (number: number) => process.stdout.write(`durable ${number}\n`);
const wallOf = (number: number) => STREAM_START + number * 1_000;
/** Between two commits, so that what was said has left the process. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** As outbox and committer do: what was refused is tried again, whole. */
async function insisting(run: () => unknown): Promise<void> {
	for (;;) {
		try {
			await run();
			return;
		} catch {
			await turn();
		}
	}
}

const [role = "", folder = ""] = process.argv.slice(2);

if (role === "outbox") {
	const outbox = new OutboxDatabase(folder, PLENTY);
	for (let number = outbox.state().head + 1; ; number += 1) {
		const wall = wallOf(number);
		const record = { bytes: exampleRecord(wall, outcomesOf(EPOCH, number)), outcomes: 3, time: timeAt(wall) };
		await insisting(() => outbox.append([record], []));
		say(number);
		await turn();
	}
}
if (role === "collector") {
	const store = await openStore(folder);
	for (let number = store.settledOf("agent-1", EPOCH).base + 1; ; number += 1) {
		const arrival = { sequence: number, wall: wallOf(number), outcomes: outcomesOf(EPOCH, number) };
		await insisting(() => arrive(store, [arrival]));
		say(number);
		if (number % SEAL_EVERY === 0) await insisting(() => store.seal({ all: true }));
	}
}
if (role === "normal" || role === "off") {
	const database = new Database(path.join(folder, "control.db"));
	database.pragma("journal_mode = WAL");
	database.pragma(`synchronous = ${role}`);
	database.exec("CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY, bytes BLOB)");
	const insert = database.prepare("INSERT INTO records VALUES (?, ?)");
	for (let number = 1; ; number += 1) {
		insert.run(number, ROW);
		say(number);
		await turn();
	}
}
if (role === "again") {
	const file = openSync(path.join(folder, "control.bin"), "a");
	for (let number = 1; number <= CONTROL_ROWS; number += 1) {
		writeSync(file, ROW);
		await insisting(() => fsyncSync(file));
		say(number);
		await turn();
	}
	setInterval(() => undefined, 1_000);
}
