/**
 * The outbox on disk: numbered records until the collector has them, in one SQLite file.
 *
 *   records      sequence (1, 2, 3 …, never reused), made_at (wall ms), outcomes, missing (those that a gap
 *                record tells of), bytes, acked_at (by the wall clock of the newest record; NULL until the
 *                collector has settled it), thinned (1: a reading each five minutes), made (outcomes of the
 *                epoch up to it, for conservation)
 *   definitions  hash, text: what the records name by hash
 *   facts        epoch: thirty-two hex digits, made with the file; made: outcomes that the epoch began with
 *
 * Invariants: a record is numbered in the transaction that stores it, with synchronous=FULL; what is
 * dropped unsent is followed by a gap record that says how many outcomes it held; what is settled stays
 * for 26 hours, so that a collector restored from an older backup gets it again; the file belongs to one
 * process (exclusive locking).
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import type Database from "better-sqlite3";
import { invariant } from "../../shared/invariant.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../shared/units.js";
import { storedDefinition } from "../../shared/wire/definition.js";
import type { Gap, GapReason } from "../../shared/wire/gap.js";
import type { RecordTime, ShapeLookup } from "../../shared/wire/outcome.js";
import { checkRecord, type DecodedRecord, decodeRecord, encodeGap } from "../../shared/wire/record.js";
import type { Settled } from "../../shared/wire/sequences.js";
import { type LostRow, lossesOf } from "./loss.js";
import { newEpoch, openOutboxFile } from "./outbox-file.js";
import { salvage } from "./salvage.js";
import { type KeptInSlot, type OutcomesRecord, thinned } from "./thinning.js";

export type OutboxLimits = { readonly maxBytes: number; readonly maxDays: number };
export type NewRecord = {
	readonly bytes: Uint8Array;
	readonly outcomes: number;
	/** Of a gap record: outcomes that it tells of. */
	readonly missing?: number;
	readonly time: RecordTime;
};
export type NewDefinition = { readonly hash: string; readonly text: string };
export type StoredRecord = { readonly sequence: number; readonly bytes: Uint8Array };
export type OutboxState = {
	readonly epoch: string;
	/** Oldest record kept and newest ever made; 0 where there is none. */
	readonly tail: number;
	readonly head: number;
	/** Not yet settled. */
	readonly records: number;
	readonly bytes: number;
	/** Of records that are settled and still kept. */
	readonly keptBytes: number;
	/**
	 * Outcomes in records not yet settled, with what their gap records tell of. What was there when the file was
	 * opened + taken = settled + these, less those that were settled and then found damaged.
	 */
	readonly outcomes: number;
	/** Since it was opened; what gap records tell of counts, too. */
	readonly outcomesTaken: number;
	readonly outcomesSettled: number;
	readonly outcomesDropped: number;
	readonly outcomesThinned: number;
	/** By which the law above does not hold: 0, or there is a fault. */
	readonly outcomesUnaccounted: number;
	/** Outcomes of this epoch so far; absent where the epoch began under a version that did not count. */
	readonly made?: number;
	/** Wall ms of the newest record; 0 where none was made. */
	readonly newestWall: number;
};

/** Settled records stay so long: a backup of the collector may be a day old, and takes some time to be made and put back. */
const KEPT_MILLISECONDS = 26 * 3_600 * MILLISECONDS_PER_SECOND;
/** Wall clocks that jump further between two records of one boot have been set. */
const STEP_MILLISECONDS = 60_000;
const EVICT_AT_ONCE = 500;
const EVICT_BYTES_AT_ONCE = 4 * 1_024 * 1_024;
const EVICT_AHEAD_RATIO = 1 / 64;
/** Of an outbox: what spans many times five minutes, and leaves the newest as it is. */
const THIN_AT_ONCE_RATIO = 1 / 8;

type Row = LostRow & {
	readonly size: number;
	readonly acked_at: number | null;
	readonly thinned: number;
};
type Counts = {
	records: number;
	bytes: number;
	keptBytes: number;
	outcomes: number;
	outcomesTaken: number;
	outcomesSettled: number;
	outcomesDropped: number;
	outcomesThinned: number;
	/** Settled, and then found to be damaged. */
	outcomesReopened: number;
	made: number | undefined;
};
/** Of no boot that there is. */
const NO_TIME = { monotonic: 0, boot: "0".repeat(32) };
const COLUMNS = "sequence, made_at, outcomes, missing, size, bytes, acked_at, thinned";

export class OutboxDatabase {
	private readonly database: Database.Database;
	private readonly limits: OutboxLimits;
	private ownEpoch: string;
	private counts: Counts;
	/** Of the newest record, and how far its wall clock was set forward since this file was opened. */
	private newest: RecordTime | undefined;
	private steppedForward = 0;
	private newestWall: number;
	private readonly outcomesAtOpening: number;
	private readonly shapes = new Map<string, ReturnType<ShapeLookup>>();
	/** Of the records that were thinned last. */
	private newestKept: KeptInSlot | undefined;

	/** @throws what SQLite throws where the folder cannot be written or another process has the file */
	constructor(folder: string, limits: OutboxLimits) {
		mkdirSync(folder, { recursive: true });
		this.limits = limits;
		const { database, epoch, sums, aside } = openOutboxFile(path.join(folder, "outbox.db"));
		this.database = database;
		this.ownEpoch = epoch;
		const { newestWall, made, ...held } = sums;
		this.counts = {
			...held,
			outcomesTaken: 0,
			outcomesSettled: 0,
			outcomesDropped: 0,
			outcomesThinned: 0,
			outcomesReopened: 0,
			made,
		};
		this.outcomesAtOpening = held.outcomes;
		this.newestWall = newestWall;
		if (aside !== undefined) this.takeOver(aside);
	}

	get epoch(): string {
		return this.ownEpoch;
	}

	/**
	 * Begins a new epoch, since the collector knows numbers of this one that this file never gave: it is an
	 * older copy. What the collector has settled of the old numbers up to `upTo` is settled.
	 */
	renewEpoch(settled: Settled, upTo: number): void {
		this.settle({
			base: Math.min(settled.base, upTo),
			ranges: settled.ranges.filter(([from]) => from <= upTo).map(([from, to]) => [from, Math.min(to, upTo)]),
		});
		const epoch = newEpoch();
		this.changing(() => {
			this.database.prepare("DELETE FROM records WHERE acked_at IS NOT NULL").run();
			const put = this.database.prepare("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)");
			put.run("epoch", epoch);
			// What is taken along is what the new epoch has made so far.
			put.run("made", String(this.counts.outcomes));
			this.database.prepare("UPDATE records SET made = NULL").run();
			this.counts.made = this.counts.outcomes;
			this.counts.keptBytes = 0;
		});
		this.ownEpoch = epoch;
	}

	/** Numbers and stores in one transaction; evicts the oldest where a limit is met. */
	append(
		records: readonly NewRecord[],
		definitions: readonly NewDefinition[],
	): { first: number; last: number } {
		invariant(records.length > 0, "append needs a record");
		return this.changing(() => {
			const define = this.database.prepare("INSERT OR IGNORE INTO definitions (hash, text) VALUES (?, ?)");
			for (const { hash, text } of definitions) define.run(hash, text);
			let last = 0;
			for (const record of records) {
				const { outcomes, missing = 0 } = record;
				if (this.counts.made !== undefined) this.counts.made += outcomes + missing;
				this.counts.outcomesTaken += outcomes + missing;
				last = this.insert(record);
			}
			const newest = records.at(-1);
			if (newest !== undefined) this.evict(this.aged(newest.time));
			return { first: last - records.length + 1, last };
		});
	}

	/** Records of [from, to] in rising order, until `mostBytes` are reached; a damaged one becomes a gap record at the head. */
	read({ from, to, mostBytes }: { from: number; to: number; mostBytes: number }): readonly StoredRecord[] {
		const found: StoredRecord[] = [];
		let bytes = 0;
		const rows = this.database
			.prepare(`SELECT ${COLUMNS} FROM records WHERE sequence BETWEEN ? AND ? ORDER BY sequence`)
			.iterate(from, to) as IterableIterator<Row>;
		const damaged: Row[] = [];
		for (const row of rows) {
			if (checkRecord(row.bytes) !== undefined) {
				damaged.push(row);
				continue;
			}
			found.push({ sequence: row.sequence, bytes: row.bytes });
			bytes += row.bytes.length;
			if (bytes >= mostBytes) break;
		}
		if (damaged.length > 0) {
			this.changing(() => {
				// A gap tells of numbers that follow each other: whole records between two damaged ones stay.
				for (const rows of followingEachOther(damaged)) this.replaceByGap(rows, "corrupt", undefined);
			});
		}
		return found;
	}

	/** What the collector has settled waits no longer; it is kept for 26 hours. */
	settle({ base, ranges }: Settled): void {
		this.changing(() => {
			this.acknowledge(0, base);
			for (const [from, to] of ranges) this.acknowledge(from, to);
		});
	}

	definitions(hashes: readonly string[]): readonly NewDefinition[] {
		const find = this.database.prepare("SELECT hash, text FROM definitions WHERE hash = ?");
		return hashes
			.map((hash) => find.get(hash) as NewDefinition | undefined)
			.filter((one) => one !== undefined);
	}

	state(): OutboxState {
		const tail = this.database.prepare("SELECT min(sequence) AS tail FROM records").get() as {
			tail: number | null;
		};
		const head = this.database
			.prepare("SELECT seq AS head FROM sqlite_sequence WHERE name = 'records'")
			.get() as { head: number } | undefined;
		return {
			epoch: this.epoch,
			tail: tail.tail ?? 0,
			head: head?.head ?? 0,
			...this.told(),
			newestWall: this.newestWall,
		};
	}

	close(): void {
		this.database.close();
	}

	/** What of a damaged file can be read goes on here, in the new epoch; a gap of unknown count tells of the rest. */
	private takeOver(aside: string): void {
		this.changing(() => {
			const define = this.database.prepare("INSERT OR IGNORE INTO definitions (hash, text) VALUES (?, ?)");
			const found = salvage(aside, {
				definition: ({ hash, text }) => define.run(hash, text),
				record: ({ bytes, outcomes, missing, made_at, thinned }) => {
					if (this.counts.made !== undefined) this.counts.made += outcomes + missing;
					this.counts.outcomesTaken += outcomes + missing;
					this.newestWall = Math.max(this.newestWall, made_at);
					this.insert({ bytes, outcomes, missing, time: { ...NO_TIME, wall: made_at } }, thinned === 1);
				},
			});
			const { from, to } = found ?? { from: this.newestWall, to: this.newestWall };
			const time = { ...NO_TIME, wall: to };
			this.insert({
				bytes: encodeGap(time, { reason: "corrupt", from, to, outcomes: 0 }),
				outcomes: 0,
				time,
			});
		});
	}

	private told() {
		const { outcomesReopened, made, ...counts } = this.counts;
		const { outcomes, outcomesTaken, outcomesSettled } = counts;
		const came = this.outcomesAtOpening + outcomesTaken + outcomesReopened;
		return {
			...counts,
			outcomesUnaccounted: came - outcomesSettled - outcomes,
			...(made === undefined ? {} : { made }),
		};
	}

	/** One transaction; where the disk refuses it, the counts stay as they were, too. */
	private changing<Result>(change: () => Result): Result {
		const before = { ...this.counts };
		const { newestKept } = this;
		try {
			return this.database.transaction(change).immediate();
		} catch (error) {
			this.counts = before;
			this.newestKept = newestKept;
			throw error;
		}
	}

	private insert({ bytes, outcomes, missing = 0, time }: NewRecord, isThinned = false): number {
		const { lastInsertRowid } = this.database
			.prepare(
				"INSERT INTO records (made_at, outcomes, missing, size, bytes, thinned, made) VALUES (?, ?, ?, ?, ?, ?, ?)",
			)
			.run(
				Math.round(time.wall),
				outcomes,
				missing,
				bytes.length,
				bytes,
				isThinned ? 1 : 0,
				this.counts.made ?? null,
			);
		this.counts.records += 1;
		this.counts.bytes += bytes.length;
		this.counts.outcomes += outcomes + missing;
		return Number(lastInsertRowid);
	}

	private acknowledge(from: number, to: number): void {
		const open = this.database
			.prepare(
				"SELECT count(*) AS records, coalesce(sum(size), 0) AS bytes, coalesce(sum(outcomes + missing), 0) AS outcomes FROM records WHERE acked_at IS NULL AND sequence BETWEEN ? AND ?",
			)
			.get(from, to) as { records: number; bytes: number; outcomes: number };
		if (open.records === 0) return;
		this.database
			.prepare("UPDATE records SET acked_at = ? WHERE acked_at IS NULL AND sequence BETWEEN ? AND ?")
			.run(this.newestWall, from, to);
		this.counts.records -= open.records;
		this.counts.bytes -= open.bytes;
		this.counts.keptBytes += open.bytes;
		this.counts.outcomes -= open.outcomes;
		this.counts.outcomesSettled += open.outcomes;
	}

	private remove({
		sequence,
		size,
		outcomes,
		missing,
		acked_at,
	}: Pick<Row, "sequence" | "size" | "outcomes" | "missing" | "acked_at">): void {
		this.database.prepare("DELETE FROM records WHERE sequence = ?").run(sequence);
		if (acked_at !== null) {
			this.counts.keptBytes -= size;
			return;
		}
		this.counts.records -= 1;
		this.counts.bytes -= size;
		this.counts.outcomes -= outcomes + missing;
	}

	/** A wall clock that is set forward makes no record old: its steps are taken out while this file is open. */
	private aged(time: RecordTime): RecordTime {
		const { newest } = this;
		if (newest !== undefined && newest.boot === time.boot) {
			const step = time.wall - newest.wall - (time.monotonic - newest.monotonic);
			if (step > STEP_MILLISECONDS) this.steppedForward += step;
			else if (step < -STEP_MILLISECONDS) this.steppedForward = Math.max(0, this.steppedForward + step);
		}
		this.newest = time;
		this.newestWall = Math.round(time.wall);
		return { ...time, wall: time.wall - this.steppedForward };
	}

	/** Settled records go first: after 26 hours, or where their room is needed. */
	private dropKept(now: RecordTime, enoughBytes: number): void {
		const find = this.database.prepare(
			"SELECT sequence, outcomes, missing, size, acked_at FROM records WHERE acked_at < ? ORDER BY acked_at LIMIT ?",
		);
		const { bytes, keptBytes } = this.counts;
		const isFull = bytes + keptBytes > this.limits.maxBytes;
		const before = isFull ? Number.MAX_SAFE_INTEGER : now.wall - KEPT_MILLISECONDS;
		let rows = find.all(before, EVICT_AT_ONCE) as Row[];
		while (rows.length > 0) {
			for (const row of rows) {
				if (isFull && this.counts.bytes + this.counts.keptBytes <= enoughBytes) return;
				this.remove(row);
			}
			if (!isFull) return;
			rows = find.all(before, EVICT_AT_ONCE) as Row[];
		}
	}

	/** By age, then what is settled, then thins and drops from the front until there is room. */
	private evict(now: RecordTime): void {
		const oldestAllowed = now.wall - this.limits.maxDays * SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;
		this.dropOlder(oldestAllowed, now);
		const { maxBytes } = this.limits;
		// Somewhat more than is needed, so that a full outbox does not make a gap record for each record.
		const enoughBytes = maxBytes * (1 - EVICT_AHEAD_RATIO);
		this.dropKept(now, enoughBytes);
		if (this.counts.bytes <= maxBytes) return;
		let bytesBefore = Number.POSITIVE_INFINITY;
		while (this.counts.bytes > enoughBytes && this.counts.bytes < bytesBefore) {
			bytesBefore = this.counts.bytes;
			this.makeRoom(this.counts.bytes - enoughBytes, now);
		}
	}

	/** What was thinned stands behind newer records, though it is older. */
	private dropOlder(oldestAllowed: number, now: RecordTime): void {
		const [first] = this.front(1);
		if (first !== undefined && first.made_at < oldestAllowed) {
			const rows = this.front(EVICT_AT_ONCE);
			const young = rows.findIndex(({ made_at }) => made_at >= oldestAllowed);
			this.replaceByGap(young === -1 ? rows : rows.slice(0, young), "expired", now);
		}
		const old = this.database
			.prepare(
				`SELECT ${COLUMNS} FROM records WHERE thinned = 1 AND acked_at IS NULL AND made_at < ? ORDER BY made_at LIMIT ?`,
			)
			.iterate(oldestAllowed, EVICT_AT_ONCE) as IterableIterator<Row>;
		const rising = notMany(old).sort((a, b) => a.sequence - b.sequence);
		for (const rows of followingEachOther(rising)) this.replaceByGap(rows, "expired", now);
	}

	/**
	 * Thins the front, or drops it where it was thinned before: what is thinned goes to the end of the line, so that
	 * everything is thinned once before anything is dropped. The newest record stays.
	 */
	private makeRoom(surplus: number, now: RecordTime): void {
		const rows = this.front(EVICT_AT_ONCE).slice(0, -1);
		const wasThinned = rows.findIndex((row) => row.thinned === 1);
		const raw = wasThinned === -1 ? rows : rows.slice(0, wasThinned);
		const share = enough(raw, Math.max(surplus, this.limits.maxBytes * THIN_AT_ONCE_RATIO));
		if (share.length > 0 && this.thin(share, now)) return;
		this.replaceByGap(enough(rows, surplus), "outbox_full", now);
	}

	/** Whether it could: what was damaged or is in nobody's shape cannot be read. */
	private thin(rows: readonly Row[], now: RecordTime): boolean {
		const records = rows.map(({ bytes }) => this.decoded(bytes));
		const outcomes = records.filter((one): one is OutcomesRecord => one?.kind === "outcomes");
		const isReadable = records.every((one) => one?.kind === "outcomes" || one?.kind === "gap");
		if (outcomes.length === 0 || !isReadable) return false;
		const {
			records: fewer,
			dropped,
			devices,
			newest,
		} = thinned(outcomes, (hash) => this.shapeOf(hash), this.newestKept);
		this.newestKept = newest;
		this.replaceByGap(rows, "thinned", now, { outcomes: dropped, devices });
		for (const record of fewer) this.insert(record, true);
		return true;
	}

	private decoded(bytes: Buffer): DecodedRecord | undefined {
		if (checkRecord(bytes) !== undefined) return undefined;
		const decoded = decodeRecord(bytes, (hash) => this.shapeOf(hash));
		return decoded.ok ? decoded.record : undefined;
	}

	private shapeOf(hash: string): ReturnType<ShapeLookup> {
		const known = this.shapes.get(hash);
		if (known !== undefined) return known;
		const [found] = this.definitions([hash]);
		const definition = found === undefined ? undefined : storedDefinition(found.text);
		if (definition?.kind !== "shape") return undefined;
		this.shapes.set(hash, definition);
		return definition;
	}

	/** The oldest numbers not yet settled, at most `most` and not many bytes of them. */
	private front(most: number): Row[] {
		return notMany(
			this.database
				.prepare(`SELECT ${COLUMNS} FROM records WHERE acked_at IS NULL ORDER BY sequence LIMIT ?`)
				.iterate(most) as IterableIterator<Row>,
		);
	}

	/**
	 * Takes rows away and says so in a numbered record of its own; what a gap record among them told stays told.
	 * Of rows that are thinned, `left` is what is not made again.
	 */
	private replaceByGap(
		rows: readonly Row[],
		reason: GapReason,
		now: RecordTime | undefined,
		left?: Pick<Required<Gap>, "outcomes" | "devices">,
	): void {
		const last = rows.at(-1);
		if (last === undefined) return;
		for (const row of rows) {
			this.remove(row);
			if (row.acked_at !== null) this.counts.outcomesReopened += row.outcomes + row.missing;
		}
		const dropped = left?.outcomes ?? rows.reduce((sum, { outcomes }) => sum + outcomes, 0);
		if (reason === "thinned") this.counts.outcomesThinned += dropped;
		else this.counts.outcomesDropped += dropped;
		const time = now ?? { ...NO_TIME, wall: last.made_at };
		for (const gap of lossesOf(rows, { reason, left, decoded: (bytes) => this.decoded(bytes) }))
			this.insert({ bytes: encodeGap(time, gap), outcomes: 0, missing: gap.outcomes, time });
	}
}

/** Rows from the front until they are as many bytes as are looked at at once. */
function notMany(found: Iterable<Row>): Row[] {
	const rows: Row[] = [];
	let bytes = 0;
	for (const row of found) {
		rows.push(row);
		bytes += row.size;
		if (bytes >= EVICT_BYTES_AT_ONCE && rows.length > 1) break;
	}
	return rows;
}

/** Rows in groups without a number between them. */
function followingEachOther(rows: readonly Row[]): readonly (readonly Row[])[] {
	const groups: Row[][] = [];
	for (const row of rows) {
		const last = groups.at(-1);
		if (last?.at(-1)?.sequence === row.sequence - 1) last.push(row);
		else groups.push([row]);
	}
	return groups;
}

/** Rows from the front whose sizes reach the surplus. */
function enough(rows: readonly Row[], surplus: number): readonly Row[] {
	let bytes = 0;
	const found: Row[] = [];
	for (const row of rows) {
		found.push(row);
		bytes += row.size;
		if (bytes >= surplus) break;
	}
	return found;
}
