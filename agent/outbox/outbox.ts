/**
 * The outbox as the agent sees it: append, read, settle; SQLite works in a thread of its own.
 *
 * Gives promises that resolve when the disk has said yes. Appends are grouped while one is under way.
 * While the disk refuses, records wait in memory up to a limit; what does not fit is counted, and a
 * gap record says so once the disk accepts again.
 */
import { asBuffer, compiledWorker, Thread } from "../../shared/thread.js";
import type { Gap } from "../../shared/wire/gap.js";
import type { RecordTime } from "../../shared/wire/outcome.js";
import { encodeGap } from "../../shared/wire/record.js";
import type { Settled } from "../../shared/wire/sequences.js";
import type { NewDefinition, NewRecord, OutboxLimits, OutboxState } from "./database.js";
import type { OutboxOperations } from "./worker.js";

/** What waits for the disk: about a minute of a large site. */
export const WAITING_BYTES_MOST = 16 * 1_024 * 1_024;

export type Appended = { readonly first: number; readonly records: readonly Buffer[] };
export type OutboxEvents = {
	readonly onAppended: (appended: Appended) => void;
	readonly onWriteFailed: (what: string) => void;
};

/** What did not fit into memory while the disk refused. */
type Lost = { readonly from: number; readonly to: number; readonly outcomes: number };
type Waiting = { readonly record: NewRecord; readonly definitions: readonly NewDefinition[] };

export class Outbox {
	private readonly thread: Thread<OutboxOperations>;
	private readonly events: OutboxEvents;
	private current: OutboxState;
	private waiting: Waiting[] = [];
	private waitingBytes = 0;
	private waitingOutcomes = 0;
	/** Of records that were lost; bounded by the shapes and devices there are. */
	private definitionsLeft: NewDefinition[] = [];
	private isWriting = false;
	private lost: Lost | undefined;
	private writing: Promise<void> = Promise.resolve();

	/** The newest number that was there when it was opened. */
	private readonly openedAt: number;

	private constructor(thread: Thread<OutboxOperations>, state: OutboxState, events: OutboxEvents) {
		this.thread = thread;
		this.current = state;
		this.openedAt = state.head;
		this.events = events;
	}

	/** @throws ThreadError with SQLite's or the system's code where the folder cannot be used */
	static async open(options: {
		folder: string;
		limits: OutboxLimits;
		events: OutboxEvents;
	}): Promise<Outbox> {
		const thread = new Thread<OutboxOperations>(compiledWorker(import.meta.url, "worker.js"), {
			folder: options.folder,
			limits: options.limits,
		});
		try {
			return new Outbox(thread, await thread.call("open", undefined), options.events);
		} catch (error) {
			await thread.close();
			throw error;
		}
	}

	get state(): OutboxState {
		return this.current;
	}

	/** Bytes that wait for the disk. */
	get bytesWaiting(): number {
		return this.waitingBytes;
	}

	/** Outcomes that wait for the disk, and those that did not fit: a gap record will tell of them. */
	get outcomesWaiting(): number {
		return this.waitingOutcomes;
	}

	/** Tells of outcomes that were never made. */
	tellGap(time: RecordTime, gap: Gap): void {
		this.append({ bytes: encodeGap(time, gap), outcomes: 0, missing: gap.outcomes, time }, []);
	}

	append(record: NewRecord, definitions: readonly NewDefinition[]): void {
		if (this.waitingBytes + record.bytes.length > WAITING_BYTES_MOST) {
			// Later records name these definitions, though this one is lost.
			this.definitionsLeft.push(...definitions);
			this.lose(record);
			return;
		}
		this.waiting.push({ record, definitions });
		this.waitingBytes += record.bytes.length;
		this.waitingOutcomes += countIn(record);
		this.write();
	}

	async read(range: {
		from: number;
		to: number;
		mostBytes: number;
	}): Promise<readonly { sequence: number; bytes: Buffer }[]> {
		const rows = await this.thread.call("read", range);
		return rows.map(({ sequence, bytes }) => ({ sequence, bytes: asBuffer(bytes) }));
	}

	async settle(settled: Settled): Promise<void> {
		this.current = await this.thread.call("settle", settled);
	}

	/** The collector knows numbers that were never given here: this file is an older copy, and begins anew. */
	async renewEpoch(settled: Settled): Promise<void> {
		this.current = await this.thread.call("renewEpoch", { settled, upTo: this.openedAt });
	}

	definitions(hashes: readonly string[]): Promise<readonly NewDefinition[]> {
		return this.thread.call("definitions", hashes);
	}

	/** Resolves when everything appended so far has been written or refused once. */
	async close(): Promise<void> {
		this.write();
		await this.writing;
		await this.thread.close();
	}

	private write(): void {
		if (this.isWriting || this.waiting.length === 0) return;
		this.isWriting = true;
		this.writing = this.writeAll().finally(() => {
			this.isWriting = false;
		});
	}

	private async writeAll(): Promise<void> {
		while (this.waiting.length > 0) {
			const batch = this.waiting;
			const { lost } = this;
			const records = [...gapFirst(lost, batch), ...batch.map(({ record }) => record)];
			this.waiting = [];
			this.lost = undefined;
			const left = this.definitionsLeft;
			this.definitionsLeft = [];
			const written = await this.store(records, [...left, ...batch.flatMap((one) => one.definitions)]);
			if (written === undefined) {
				this.definitionsLeft = [...left, ...this.definitionsLeft];
				this.waiting = [...batch, ...this.waiting];
				this.lost = joined(lost, this.lost);
				return;
			}
			this.current = written.state;
			this.waitingBytes -= batch.reduce((sum, { record }) => sum + record.bytes.length, 0);
			this.waitingOutcomes -= records.reduce((sum, record) => sum + countIn(record), 0);
			this.events.onAppended({ first: written.first, records: records.map(({ bytes }) => asBuffer(bytes)) });
		}
	}

	private async store(records: readonly NewRecord[], definitions: readonly NewDefinition[]) {
		try {
			return await this.thread.call("append", { records, definitions });
		} catch (error) {
			this.events.onWriteFailed(error instanceof Error ? error.message : String(error));
			return undefined;
		}
	}

	private lose(record: NewRecord): void {
		const at = Math.round(record.time.wall);
		this.waitingOutcomes += countIn(record);
		this.lost = joined(this.lost, { from: at, to: at, outcomes: countIn(record) });
		this.write();
	}
}

function countIn({ outcomes, missing = 0 }: NewRecord): number {
	return outcomes + missing;
}

function joined(before: Lost | undefined, after: Lost | undefined): Lost | undefined {
	if (before === undefined || after === undefined) return before ?? after;
	return { from: before.from, to: after.to, outcomes: before.outcomes + after.outcomes };
}

function gapFirst(lost: Lost | undefined, batch: readonly Waiting[]): readonly NewRecord[] {
	const time: RecordTime | undefined = batch[0]?.record.time;
	if (lost === undefined || time === undefined) return [];
	const bytes = encodeGap(time, { reason: "disk_error", ...lost });
	return [{ bytes, outcomes: 0, missing: lost.outcomes, time }];
}
