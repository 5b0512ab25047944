/**
 * A writer whose computer loses power: `outbox FOLDER` and `collector FOLDER` commit one record after another by
 * the product's own code; `normal FOLDER` and `off FOLDER` do as much by SQLite with less than synchronous=FULL.
 * Says each number once it is acknowledged. Runs until it is killed.
 */
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

const say = (number: number) => process.stdout.write(`durable ${number}\n`);
const wallOf = (number: number) => STREAM_START + number * 1_000;
/** Between two commits, so that what was said has left the process. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

const [role = "", folder = ""] = process.argv.slice(2);

if (role === "outbox") {
	const outbox = new OutboxDatabase(folder, PLENTY);
	for (let number = outbox.state().head + 1; ; number += 1) {
		const wall = wallOf(number);
		outbox.append(
			[{ bytes: exampleRecord(wall, outcomesOf(EPOCH, number)), outcomes: 3, time: timeAt(wall) }],
			[],
		);
		say(number);
		await turn();
	}
}
if (role === "collector") {
	const store = await openStore(folder);
	for (let number = store.settledOf("agent-1", EPOCH).base + 1; ; number += 1) {
		await arrive(store, [{ sequence: number, wall: wallOf(number), outcomes: outcomesOf(EPOCH, number) }]);
		say(number);
		if (number % SEAL_EVERY === 0) await store.seal({ all: true });
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
