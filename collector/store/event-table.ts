/**
 * Events as rows of the main database, and the watch's state at the start of each UTC day of each device.
 *
 * Takes events and ids that are to go; gives pages of them, newest or oldest first. Bounded: the oldest go.
 */
import type Database from "better-sqlite3";
import { parseJson } from "../../shared/json.js";
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import { WIRE_JSON_LIMITS } from "../../shared/wire/definition.js";
import { DERIVED_KINDS, type FleetEvent, idOfTime } from "../derive/events.js";
import type { StoredWatchState } from "../derive/watch.js";
import type { EventsQuery } from "./device-state.js";
import { dayOf, dayStart, MARK_DAYS, type PendingEvents, type WatchMark } from "./watch.js";

const EVENTS_MOST = 1_000_000;
/** So many are removed at once when there are too many, so that this runs seldom. */
const EVENTS_DROPPED_AT_ONCE = 10_000;

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS events (
		id TEXT PRIMARY KEY, kind TEXT NOT NULL, site TEXT NOT NULL, device TEXT, body TEXT NOT NULL
	) WITHOUT ROWID;
	CREATE INDEX IF NOT EXISTS events_by_device ON events (device, id);
	CREATE TABLE IF NOT EXISTS watch_marks (
		device INTEGER NOT NULL, day INTEGER NOT NULL, state TEXT NOT NULL, PRIMARY KEY (device, day)
	) WITHOUT ROWID;
`;

export class EventTable {
	private readonly database: Database.Database;
	private count: number;

	constructor(database: Database.Database) {
		this.database = database;
		database.exec(SCHEMA);
		this.count = this.measured();
	}

	/** Stores in one transaction; gives the events that were not there. */
	put({ events, removed, marks }: PendingEvents): readonly FleetEvent[] {
		const insert = this.database.prepare(
			"INSERT OR IGNORE INTO events (id, kind, site, device, body) VALUES (?, ?, ?, ?, ?)",
		);
		const erase = this.database.prepare("DELETE FROM events WHERE id = ?");
		const run = this.database.transaction(() => {
			this.putMarks(marks);
			for (const id of removed) this.count -= erase.run(id).changes;
			const isNew = (event: FleetEvent) =>
				insert.run(event.id, event.kind, event.site, event.device ?? null, JSON.stringify(event)).changes > 0;
			return events.filter(isNew);
		});
		try {
			const added = run.immediate();
			this.count += added.length;
			this.dropBeyond();
			return added;
		} catch (error) {
			this.count = this.measured();
			throw error;
		}
	}

	/** In order of their ids: the newest first, or the oldest where asked. */
	select(query: EventsQuery): readonly FleetEvent[] {
		const { from, to, device, site, kinds, after, order = "newest", limit } = query;
		const newest = order === "newest";
		const conditions = ["id >= ?", "id < ?"];
		const values: unknown[] = [idOfTime(from), idOfTime(to)];
		const also = (condition: string, ...more: readonly unknown[]) => {
			conditions.push(condition);
			values.push(...more);
		};
		if (after !== undefined) also(newest ? "id < ?" : "id > ?", after);
		if (device !== undefined) also("device = ?", device);
		if (site !== undefined) also("site = ?", site);
		if (kinds !== undefined) also(`kind IN (${kinds.map(() => "?").join(", ")})`, ...kinds);
		const sql = `SELECT body FROM events WHERE ${conditions.join(" AND ")} ORDER BY id ${newest ? "DESC" : "ASC"} LIMIT ?`;
		const rows = this.database.prepare(sql).all(...values, limit) as { readonly body: string }[];
		return rows.flatMap(({ body }) => storedJson<FleetEvent>(body) ?? []);
	}

	/** Puts the derived events of a device in a stretch in place of those that are there. */
	replace(
		device: string,
		{ from, to }: { readonly from: number; readonly to: number },
		events: readonly FleetEvent[],
		marks: readonly WatchMark[],
	): { readonly added: readonly FleetEvent[]; readonly removed: number } {
		const kinds = DERIVED_KINDS;
		const range = { from: quantity<UnixMilliseconds>(from), to: quantity<UnixMilliseconds>(to) };
		const before = this.select({ ...range, device, kinds, limit: EVENTS_MOST });
		const now = new Set(events.map(({ id }) => id));
		const removed = before.filter(({ id }) => !now.has(id)).map(({ id }) => id);
		return { added: this.put({ events, removed, marks }), removed: removed.length };
	}

	/**
	 * The watch's state before a device's first outcome of a day; undefined where none is kept. Of a day whose
	 * outcomes are all late it is the one before the next outcome, as long as nothing lies between.
	 */
	mark(device: number, day: number): StoredWatchState | undefined {
		const row = this.database
			.prepare("SELECT state FROM watch_marks WHERE device = ? AND day >= ? ORDER BY day LIMIT 1")
			.get(device, day) as { readonly state: string } | undefined;
		const state = row === undefined ? undefined : storedJson<StoredWatchState>(row.state);
		return state !== undefined && (state.at ?? 0) < dayStart(day) ? state : undefined;
	}

	/** Agents of which nothing was heard again: when each fell silent. */
	silences(): readonly FleetEvent[] {
		const rows = this.database
			.prepare(
				`SELECT kind, body, max(id) FROM events WHERE device IS NULL AND kind IN ('agent-silent', 'agent-back')
				GROUP BY site, json_extract(body, '$.agent')`,
			)
			.all() as { readonly kind: string; readonly body: string }[];
		return rows.flatMap(({ kind, body }) =>
			kind === "agent-silent" ? (storedJson<FleetEvent>(body) ?? []) : [],
		);
	}

	dropBefore(at: number, now: number): void {
		this.database
			.transaction(() => {
				this.count -= this.database.prepare("DELETE FROM events WHERE id < ?").run(idOfTime(at)).changes;
				this.database.prepare("DELETE FROM watch_marks WHERE day < ?").run(dayOf(now) - MARK_DAYS);
			})
			.immediate();
	}

	private putMarks(marks: readonly WatchMark[]): void {
		const put = this.database.prepare(
			"INSERT OR REPLACE INTO watch_marks (device, day, state) VALUES (?, ?, ?)",
		);
		for (const { device, day, state } of marks) put.run(device, day, JSON.stringify(state));
	}

	private dropBeyond(): void {
		if (this.count <= EVENTS_MOST) return;
		this.database
			.prepare("DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?)")
			.run(EVENTS_DROPPED_AT_ONCE);
		this.count = this.measured();
	}

	private measured(): number {
		return (this.database.prepare("SELECT count(*) AS count FROM events").get() as { count: number }).count;
	}
}

/** A row that rots is left out. */
function storedJson<Value>(text: string): Value | undefined {
	const parsed = parseJson(text, WIRE_JSON_LIMITS);
	return parsed.ok ? (parsed.value as unknown as Value) : undefined;
}
