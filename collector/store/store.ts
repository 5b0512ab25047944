/**
 * The store as the rest of the collector sees it: commit, select, latest.
 *
 * The main thread decodes and keeps the present (heads.ts); a worker owns the disk. A commit resolves
 * when its records are fsynced; only then do they move the present. A restart takes the snapshot,
 * then the records after it, and loses nothing that was acknowledged.
 */
import type { Clock } from "../../shared/clock.js";
import { type Failure, failure } from "../../shared/failures.js";
import { invariant } from "../../shared/invariant.js";
import { asBuffer, compiledWorker, Thread } from "../../shared/thread.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR } from "../../shared/units.js";
import { type Definition, storedDefinition } from "../../shared/wire/definition.js";
import { type DecodedRecord, decodeRecord, wallOf } from "../../shared/wire/record.js";
import { NOTHING_SETTLED, type Settled } from "../../shared/wire/sequences.js";
import { Catalogue } from "./catalogue.js";
import type {
	AgentState,
	Columns,
	DeviceState,
	GapEntry,
	IntervalSums,
	SeriesQuery,
	SeriesStore,
	StoredInput,
	StoreStatistics,
} from "./device-state.js";
import { type EffectiveRates, Heads } from "./heads.js";
import type { Batch, NewGap } from "./main-database.js";
import type { StoreOperations } from "./worker.js";

const MINUTE_SECONDS = 60;
const REPLAY_ROWS_AT_ONCE = 500;
const MILLISECONDS_PER_HOUR = SECONDS_PER_HOUR * MILLISECONDS_PER_SECOND;
const MERGE_DEVICES_AT_ONCE = 20;
/** A merge touches hours that closed so long ago, so that late records of a short outage are in. */
const MERGE_AFTER_MILLISECONDS = 10 * 60 * 1_000;
const MERGE_HOURS_BACK = 26;
/** A backlog fills the inbox faster than the job that seals it comes round. */
const SEAL_AT_BYTES = 64 * 1_024 * 1_024;
/** Of what is later than this nobody knows when it was: it must not become the present. */
const AHEAD_MOST_MILLISECONDS = 5 * 60 * 1_000;

export type IncomingRecord = {
	readonly agent: string;
	readonly site: string;
	readonly epoch: string;
	readonly sequence: number;
	readonly receivedAt: number;
	readonly offset: number;
	readonly bytes: Buffer;
	/** Refused at the door; goes to the dead letters and counts as settled. */
	readonly rejected?: Failure;
};

export type CommitResult = {
	readonly sequence: number;
	readonly agent: string;
	readonly site: string;
	readonly epoch: string;
	/** Where the store refused the record for good. */
	readonly rejected?: Failure;
};

export type StoreOptions = {
	readonly folder: string;
	readonly clock: Clock;
	readonly maxDevices: number;
	readonly rates: EffectiveRates;
};

type Decoded = {
	readonly incoming: IncomingRecord;
	readonly record?: DecodedRecord;
	readonly rejected?: Failure;
};

export class Store implements SeriesStore {
	private readonly thread: Thread<StoreOperations>;
	private readonly clock: Clock;
	private readonly catalogue: Catalogue;
	private readonly heads: Heads;
	private readonly settledBy = new Map<string, Settled>();
	private readonly agentStates = new Map<string, AgentState>();
	private storedInputs: StoredInput[] = [];
	private readonly counts = { records: 0, duplicates: 0, rejected: 0, commits: 0, commitSeconds: 0 };
	private disk = { fileBytes: 0, chunks: 0, damagedChunks: 0, inboxRecords: 0 };
	private isWriteBlocked = false;
	private inboxBytes = 0;
	private isSealing = false;
	private busy: Promise<unknown> = Promise.resolve();

	private constructor(options: StoreOptions, thread: Thread<StoreOperations>) {
		this.thread = thread;
		this.clock = options.clock;
		this.catalogue = new Catalogue({ maxDevices: options.maxDevices });
		this.heads = new Heads({ catalogue: this.catalogue, rates: options.rates });
	}

	/** @throws ThreadError with SQLite's or the system's code where the folder cannot be used */
	static async open(options: StoreOptions): Promise<Store> {
		const thread = new Thread<StoreOperations>(compiledWorker(import.meta.url, "worker.js"), {
			folder: options.folder,
		});
		const store = new Store(options, thread);
		try {
			await store.load();
			return store;
		} catch (error) {
			await thread.close();
			throw error;
		}
	}

	devices(): ReadonlyMap<string, DeviceState> {
		return this.heads.devices();
	}

	agents(): ReadonlyMap<string, AgentState> {
		return this.agentStates;
	}

	inputs(): readonly StoredInput[] {
		return this.storedInputs;
	}

	statistics(): StoreStatistics {
		return {
			...this.disk,
			recordsCommitted: this.counts.records,
			outcomesCommitted: this.heads.outcomesApplied,
			samplesCommitted: this.heads.samplesApplied,
			duplicatesIgnored: this.counts.duplicates,
			recordsRejected: this.counts.rejected,
			commits: this.counts.commits,
			commitSeconds: this.counts.commitSeconds,
			isWriteBlocked: this.isWriteBlocked,
		};
	}

	knowsDefinition(hash: string): boolean {
		return this.catalogue.knows(hash);
	}

	define(hash: string, text: string, definition: Definition): void {
		this.catalogue.define(hash, text, definition);
	}

	settledOf(agent: string, epoch: string): Settled {
		return this.settledBy.get(`${agent}\n${epoch}`) ?? NOTHING_SETTLED;
	}

	setAgent(state: AgentState): void {
		this.agentStates.set(`${state.site}/${state.agent}`, state);
	}

	/**
	 * Stores records in one transaction and gives what became of each.
	 *
	 * @throws ThreadError where the disk refuses; nothing is stored then, and nothing may be acknowledged
	 */
	commit(records: readonly IncomingRecord[]): Promise<readonly CommitResult[]> {
		return this.inTurn(() => this.commitNow(records));
	}

	/** Moves the inbox into chunks and keeps a snapshot of the present with it. */
	async seal(): Promise<{ chunks: number }> {
		const upTo = this.heads.appliedInboxId;
		this.inboxBytes = 0;
		this.isSealing = true;
		try {
			let chunks = 0;
			for (;;) {
				const sealed = await this.inTurn(() =>
					this.thread.call("seal", { upTo, snapshot: this.heads.snapshot() }),
				);
				chunks += sealed.chunks;
				if (sealed.isDone) return { chunks };
			}
		} finally {
			this.isSealing = false;
		}
	}

	/** Joins the parts of closed hours, a few devices at a time. */
	async merge(): Promise<void> {
		const newest = Math.floor((this.clock.now() - MERGE_AFTER_MILLISECONDS) / MILLISECONDS_PER_HOUR) - 1;
		for (let hour = newest; hour > newest - MERGE_HOURS_BACK; hour -= 1) {
			let isMoreLeft = true;
			while (isMoreLeft) {
				const { merged, left } = await this.thread.call("merge", {
					hour,
					mostDevices: MERGE_DEVICES_AT_ONCE,
				});
				isMoreLeft = merged > 0 && left > 0;
			}
		}
	}

	async *select(query: SeriesQuery): AsyncIterable<Columns> {
		const firstHour = Math.floor(query.from / MILLISECONDS_PER_HOUR);
		const lastHour = Math.floor((query.to - 1) / MILLISECONDS_PER_HOUR);
		for (let hour = firstHour; hour <= lastHour; hour += 1) {
			const piece = await this.thread.call("selectHour", {
				deviceNumber: query.deviceNumber,
				from: Math.max(query.from, hour * MILLISECONDS_PER_HOUR),
				to: Math.min(query.to, (hour + 1) * MILLISECONDS_PER_HOUR),
				...(query.columns === undefined ? {} : { columns: query.columns }),
			});
			if (piece !== undefined) yield piece;
		}
	}

	intervalSums(query: {
		readonly from: number;
		readonly to: number;
		readonly deviceNumbers?: readonly number[];
		readonly tierSeconds?: number;
	}): Promise<readonly IntervalSums[]> {
		const { tierSeconds = 300, ...rest } = query;
		return this.thread.call("intervals", { tierSeconds, ...rest });
	}

	putIntervals(tierSeconds: number, rows: readonly IntervalSums[]): Promise<void> {
		return this.thread.call("putIntervals", { tierSeconds, rows });
	}

	gaps(query: { readonly from: number; readonly to: number }): Promise<readonly GapEntry[]> {
		return this.thread.call("gaps", query);
	}

	async addInput(input: StoredInput): Promise<void> {
		await this.thread.call("addInput", input);
		this.storedInputs = [...this.storedInputs, input];
	}

	/** Stores the sums of all minutes that closed before `end`. */
	rollUpMinutes(end: number): Promise<number> {
		return this.inTurn(async () => {
			const rows = this.heads.handOverMinutes(end);
			if (rows.length === 0) return 0;
			try {
				await this.thread.call("putIntervals", { tierSeconds: MINUTE_SECONDS, rows });
			} catch (error) {
				// The readings are stored: the minutes are made anew from them once the disk accepts.
				this.heads.markLateRows(rows);
				throw error;
			}
			return rows.length;
		});
	}

	/** Makes the five-minute rows of [from, to) anew from the one-minute rows. */
	rollUpFiveMinutes(from: number, to: number): Promise<void> {
		return this.thread.call("aggregateIntervals", { from, to });
	}

	/** Minutes to make anew, by device; a snapshot keeps them until `lateMinutesRebuilt` says they were. */
	takeLateMinutes(): ReadonlyMap<number, ReadonlySet<number>> {
		return this.heads.takeLate();
	}

	lateMinutesRebuilt(deviceNumber: number): void {
		this.heads.lateRebuilt(deviceNumber);
	}

	returnLateMinutes(): void {
		this.heads.returnTaken();
	}

	deviceByNumber(number: number): DeviceState | undefined {
		return this.heads.byDeviceNumber(number);
	}

	dropBefore(times: {
		readonly raw: number;
		readonly tiers: Readonly<Record<number, number>>;
	}): Promise<readonly string[]> {
		return this.inTurn(async () => {
			for (const [tierSeconds, before] of Object.entries(times.tiers)) {
				await this.thread.call("dropIntervalsBefore", { tierSeconds: Number(tierSeconds), before });
			}
			return this.thread.call("dropDaysBefore", times.raw);
		});
	}

	async measureDisk(): Promise<void> {
		this.disk = await this.thread.call("size", undefined);
	}

	async close(): Promise<void> {
		await this.busy.catch(() => undefined);
		await this.thread.close();
	}

	private async load(): Promise<void> {
		const stored = await this.thread.call("open", undefined);
		const definitions = stored.definitions.map(({ hash, text }) => ({
			hash,
			definition: storedDefinition(text),
		}));
		this.catalogue.load({ definitions, devices: stored.devices, aliases: stored.aliases });
		for (const { agent, epoch, settled } of stored.cursors) this.settledBy.set(`${agent}\n${epoch}`, settled);
		this.storedInputs = [...stored.inputs];
		if (stored.snapshot !== undefined) this.heads.restore(asBuffer(stored.snapshot));
		await this.replay();
		await this.thread.call("setDeviceNumbers", this.catalogue.allNumbers());
		const lost = new Map(stored.gapTotals.map((one) => [`${one.site}/${one.agent}`, one.outcomes]));
		for (const { agent, site } of stored.cursors)
			this.markSilent(agent, site, lost.get(`${site}/${agent}`) ?? 0);
		await this.measureDisk();
	}

	/** An agent that is known from before and has not connected yet. */
	private markSilent(agent: string, site: string, gapOutcomes: number): void {
		this.setAgent({ agent, site, isConnected: false, since: this.clock.now(), gapOutcomes });
	}

	private async replay(): Promise<void> {
		const appliedBefore = this.heads.appliedInboxId;
		let rows = await this.thread.call("inboxAfter", { id: 0, most: REPLAY_ROWS_AT_ONCE });
		while (rows.length > 0) {
			for (const row of rows) {
				const decoded = this.decode(asBuffer(row.bytes));
				this.inboxBytes += row.bytes.length;
				if (!decoded.ok) continue;
				// What the snapshot holds already still has to be sealed, and needs its devices' numbers.
				if (row.id <= appliedBefore) this.resolveAll(decoded.record, row);
				else this.heads.apply(decoded.record, row, row.id);
			}
			rows = await this.thread.call("inboxAfter", { id: rows.at(-1)?.id ?? 0, most: REPLAY_ROWS_AT_ONCE });
		}
	}

	private decode(bytes: Buffer) {
		return decodeRecord(bytes, (hash) => this.catalogue.shape(hash));
	}

	private async commitNow(records: readonly IncomingRecord[]): Promise<readonly CommitResult[]> {
		const decoded = records.map((incoming) => this.examined(incoming));
		for (const { incoming, record } of decoded) if (record !== undefined) this.resolveAll(record, incoming);
		const changes = this.catalogue.changes();
		const accepted = decoded.filter((one) => one.rejected === undefined);
		const batch: Batch = {
			rows: accepted.map(({ incoming }) => incoming),
			deadLetters: decoded.flatMap(({ incoming, rejected }) =>
				rejected === undefined
					? []
					: [{ ...incoming, at: incoming.receivedAt, code: rejected.code, what: rejected.what }],
			),
			gaps: accepted.flatMap((one, row) => gapOf(one, row)),
			...changes,
		};
		const started = this.clock.monotonic();
		const { ids, cursors } = await this.written(batch, changes.deviceNumbers);
		this.counts.commits += 1;
		this.counts.commitSeconds += (this.clock.monotonic() - started) / MILLISECONDS_PER_SECOND;
		this.catalogue.stored(changes);
		for (const { agent, epoch, settled } of cursors) this.settledBy.set(`${agent}\n${epoch}`, settled);
		for (const [index, { incoming, record }] of accepted.entries())
			this.applied(incoming, record, ids[index] ?? 0);
		this.counts.rejected += decoded.length - accepted.length;
		// Its failure is the sealing job's to tell, which tries again.
		if (this.inboxBytes > SEAL_AT_BYTES && !this.isSealing) void this.seal().catch(() => undefined);
		return decoded.map(({ incoming: { sequence, agent, site, epoch }, rejected }) =>
			rejected === undefined ? { sequence, agent, site, epoch } : { sequence, agent, site, epoch, rejected },
		);
	}

	private async written(batch: Batch, deviceNumbers: readonly (readonly [string, number])[]) {
		try {
			const answer = await this.thread.call("commit", { batch, deviceNumbers });
			this.isWriteBlocked = false;
			return answer;
		} catch (error) {
			this.isWriteBlocked = true;
			throw error;
		}
	}

	private examined(incoming: IncomingRecord): Decoded {
		if (incoming.rejected !== undefined) return { incoming, rejected: incoming.rejected };
		const decoded = this.decode(incoming.bytes);
		if (!decoded.ok) return { incoming, rejected: decoded.failure };
		const wrong = unbelievable(decoded.record, incoming);
		return wrong === undefined
			? { incoming, record: decoded.record }
			: { incoming, rejected: failure("RECORD_MALFORMED", wrong) };
	}

	/** Gives every device in the record its number before the record is stored, so that both are stored together. */
	private resolveAll(
		record: DecodedRecord,
		{ agent, site, offset }: Pick<IncomingRecord, "agent" | "site" | "offset">,
	): void {
		if (record.kind !== "outcomes") return;
		for (const outcome of record.outcomes) {
			this.catalogue.resolve({
				hash: outcome.device,
				site,
				agent,
				at: wallOf(record.time, outcome.measuredAt) + offset,
				isReading: outcome.kind === "reading",
			});
		}
	}

	private applied(incoming: IncomingRecord, record: DecodedRecord | undefined, id: number): void {
		if (id === 0) {
			this.counts.duplicates += 1;
			return;
		}
		this.counts.records += 1;
		this.inboxBytes += incoming.bytes.length;
		this.disk = { ...this.disk, inboxRecords: this.disk.inboxRecords + 1 };
		invariant(record !== undefined, "an accepted record was decoded");
		this.heads.apply(record, incoming, id);
		const key = `${incoming.site}/${incoming.agent}`;
		const agent = this.agentStates.get(key);
		if (agent === undefined) return;
		const gapOutcomes = agent.gapOutcomes + (record.kind === "gap" ? record.gap.outcomes : 0);
		this.agentStates.set(key, { ...agent, lastRecordAt: this.clock.now(), gapOutcomes });
	}

	/** One after another: what moves the cursor, the inbox or the snapshot. */
	private inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
		const next = this.busy.then(run, run);
		this.busy = next.catch(() => undefined);
		return next;
	}
}

function gapOf({ incoming, record }: Decoded, row: number): readonly NewGap[] {
	if (record?.kind !== "gap") return [];
	const { agent, epoch, site, offset } = incoming;
	const { from, to, reason, outcomes, sequences } = record.gap;
	const gap = { row, agent, epoch, site, from: from + offset, to: to + offset, reason, outcomes };
	return [sequences === undefined ? gap : { ...gap, sequences }] as NewGap[];
}

/** What no honest agent says: a time that nobody can place, a gap that reaches beyond its own record. */
function unbelievable(
	record: DecodedRecord,
	{ sequence, receivedAt, offset }: IncomingRecord,
): string | undefined {
	if (record.kind === "gap") {
		const { sequences } = record.gap;
		return sequences !== undefined && sequences.to >= sequence
			? `A gap up to record ${sequences.to} came as record ${sequence}.`
			: undefined;
	}
	if (record.kind !== "outcomes") return undefined;
	const latest = receivedAt + AHEAD_MOST_MILLISECONDS;
	for (const { measuredAt } of record.outcomes) {
		const at = wallOf(record.time, measuredAt) + offset;
		if (!(at >= 0 && at <= latest)) return `A reading of ${at} ms came at ${receivedAt} ms.`;
	}
	return undefined;
}

/** For messages: what a disk that refuses means. */
export function writeFailure(error: unknown): Failure {
	return failure(
		"STORE_WRITE_FAILED",
		`The disk refused a commit: ${error instanceof Error ? error.message : String(error)}.`,
	);
}
