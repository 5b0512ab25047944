/**
 * Devices that turned out to be others: a swapped control board under its machine's number.
 *
 * Takes a device that goes and the one that stays; renames in one transaction all that `fleetwatt.db` says of the
 * first, and remembers that its readings are still to be moved. Its number and key are never given again.
 */
import type Database from "better-sqlite3";
import { parseJson } from "../../shared/json.js";
import { WIRE_JSON_LIMITS } from "../../shared/wire/definition.js";
import { eventOf, type FleetEvent } from "../derive/events.js";

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS joins (
		gone INTEGER PRIMARY KEY, key TEXT NOT NULL, kept INTEGER NOT NULL, since INTEGER NOT NULL,
		at INTEGER NOT NULL, is_moved INTEGER NOT NULL
	);
`;

/** `since`: when the device that goes was first read; `at`: when it was joined. */
export type Join = {
	readonly gone: number;
	readonly key: string;
	readonly kept: number;
	readonly since: number;
	readonly at: number;
};

/** `device` and `present`: the rows of the one that stays. */
export type Joined = Join & {
	readonly device: {
		readonly number: number;
		readonly key: string;
		readonly site: string;
		readonly agent: string;
		readonly first_seen_at: number;
		readonly definition: string;
	};
	readonly present: { readonly inboxId: number; readonly bytes: Uint8Array };
};

export class JoinTable {
	private readonly database: Database.Database;

	constructor(database: Database.Database) {
		this.database = database;
		database.exec(SCHEMA);
	}

	all(): readonly Join[] {
		return this.database.prepare("SELECT gone, key, kept, since, at FROM joins").all() as Join[];
	}

	/** Those whose readings are not all moved: a crash came between. */
	unfinished(): readonly Join[] {
		return this.database
			.prepare("SELECT gone, key, kept, since, at FROM joins WHERE is_moved = 0")
			.all() as Join[];
	}

	finish(gone: number): void {
		this.database.prepare("UPDATE joins SET is_moved = 1 WHERE gone = ?").run(gone);
	}

	put({ gone, key, kept, since, at, device, present }: Joined): void {
		const run = (sql: string, ...values: readonly unknown[]) => this.database.prepare(sql).run(...values);
		this.database
			.transaction(() => {
				run(
					"INSERT INTO joins (gone, key, kept, since, at, is_moved) VALUES (?, ?, ?, ?, ?, 0)",
					gone,
					key,
					kept,
					since,
					at,
				);
				// What was joined to it before goes along.
				run("UPDATE joins SET kept = ? WHERE kept = ?", kept, gone);
				run("DELETE FROM aliases WHERE device = ? AND kind IN ('claim', 'apart')", gone);
				run("UPDATE aliases SET device = ? WHERE device = ?", kept, gone);
				run("DELETE FROM readers WHERE device = ?", gone);
				run("DELETE FROM devices WHERE number = ?", gone);
				const { number, site, agent, first_seen_at, definition } = device;
				run(
					"INSERT OR REPLACE INTO devices (number, key, site, agent, first_seen_at, definition) VALUES (?, ?, ?, ?, ?, ?)",
					...[number, device.key, site, agent, first_seen_at, definition],
				);
				run("DELETE FROM present WHERE device = ?", gone);
				run(
					"INSERT OR REPLACE INTO present (device, inbox_id, bytes) VALUES (?, ?, ?)",
					kept,
					present.inboxId,
					present.bytes,
				);
				run("UPDATE OR IGNORE damage SET device = ? WHERE device = ?", kept, gone);
				run("DELETE FROM watch_marks WHERE device = ?", gone);
				this.moveStatements(key, device.key);
				this.renameGaps(gone, kept);
				this.renameEvents(key, device.key);
			})
			.immediate();
	}

	/** What is said of the one that keeps its name holds on; where nothing is, what is said of the other. */
	private moveStatements(key: string, kept: string): void {
		const own = this.database.prepare("SELECT 1 FROM inventory WHERE kind = 'device' AND key = ?").get(kept);
		const move = "UPDATE inventory SET key = ? WHERE kind = 'device' AND key = ?";
		if (own === undefined) this.database.prepare(move).run(kept, key);
		this.database.prepare("DELETE FROM inventory WHERE kind = 'device' AND key = ?").run(key);
	}

	private renameGaps(gone: number, kept: number): void {
		const rows = this.database
			.prepare("SELECT id, devices FROM gaps WHERE devices LIKE ?")
			.all(`%[${gone},%`) as { readonly id: number; readonly devices: string }[];
		const put = this.database.prepare("UPDATE gaps SET devices = ? WHERE id = ?");
		for (const { id, devices } of rows) {
			const pairs = stored<readonly (readonly [number, number])[]>(devices) ?? [];
			const renamed = new Map<number, number>();
			for (const [number, outcomes] of pairs) {
				const name = number === gone ? kept : number;
				renamed.set(name, (renamed.get(name) ?? 0) + outcomes);
			}
			put.run(JSON.stringify([...renamed]), id);
		}
	}

	/** Ids and sentences name the device. */
	private renameEvents(key: string, device: string): void {
		const rows = this.database.prepare("SELECT id, body FROM events WHERE device = ?").all(key) as {
			readonly id: string;
			readonly body: string;
		}[];
		const erase = this.database.prepare("DELETE FROM events WHERE id = ?");
		const put = this.database.prepare(
			"INSERT OR IGNORE INTO events (id, kind, site, device, body) VALUES (?, ?, ?, ?, ?)",
		);
		for (const { id, body } of rows) {
			erase.run(id);
			const event = stored<FleetEvent>(body);
			if (event === undefined) continue;
			const { id: _, what: __, ...said } = event;
			const renamed = eventOf({ ...said, device });
			put.run(renamed.id, renamed.kind, renamed.site, device, JSON.stringify(renamed));
		}
	}
}

function stored<Value>(text: string): Value | undefined {
	const parsed = parseJson(text, WIRE_JSON_LIMITS);
	return parsed.ok ? (parsed.value as unknown as Value) : undefined;
}
