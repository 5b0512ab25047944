/**
 * Gathers records of all sessions for a moment and commits them together, so that one fsync carries
 * many. While the disk refuses, records wait here; credit bounds them, since nothing is acknowledged.
 */
import type { Cancel, Clock } from "../../shared/clock.js";
import type { IncomingRecord } from "../store/incoming.js";
import type { CommitResult } from "../store/store.js";

/** With the commit itself, an acknowledgement comes within 50 ms on a disk that is not busy. */
const GATHER_MILLISECONDS = 40;
const RETRY_MILLISECONDS = 500;
const RECORDS_AT_ONCE = 1_000;
/** What is decoded and applied between two looks at the sockets: about 8 ms of work. */
const BYTES_AT_ONCE = 256 * 1_024;

export type CommitterOptions = {
	readonly clock: Clock;
	readonly commit: (records: readonly IncomingRecord[]) => Promise<readonly CommitResult[]>;
	readonly onCommitted: (results: readonly CommitResult[]) => void;
	readonly onRefused: (error: unknown, recordsWaiting: number) => void;
	readonly onAccepted: () => void;
};

export class Committer {
	private readonly options: CommitterOptions;
	private waiting: IncomingRecord[] = [];
	private cancel: Cancel | undefined;
	private committing: Promise<void> | undefined;
	private isRefused = false;
	private isStopped = false;

	constructor(options: CommitterOptions) {
		this.options = options;
	}

	get recordsWaiting(): number {
		return this.waiting.length;
	}

	add(record: IncomingRecord): void {
		this.waiting.push(record);
		this.schedule(GATHER_MILLISECONDS);
	}

	/** Forgets what a replaced session has not yet had committed: its successor sends it again. */
	forget(agent: string, epoch: string): void {
		this.waiting = this.waiting.filter((record) => record.agent !== agent || record.epoch !== epoch);
	}

	/** Commits what waits, unless the disk refuses it; nothing is committed afterwards. */
	async stop(): Promise<void> {
		this.isStopped = true;
		this.cancel?.();
		await this.committing;
		while (this.waiting.length > 0 && !this.isRefused) await this.commit();
	}

	private schedule(milliseconds: number): void {
		if (this.isStopped || this.cancel !== undefined || this.committing !== undefined) return;
		this.cancel = this.options.clock.after(milliseconds, () => {
			this.cancel = undefined;
			this.committing = this.commit().finally(() => {
				this.committing = undefined;
				if (this.waiting.length > 0) this.schedule(this.isRefused ? RETRY_MILLISECONDS : 0);
			});
		});
	}

	private async commit(): Promise<void> {
		const batch = this.waiting.slice(0, countWithin(this.waiting));
		if (batch.length === 0) return;
		this.waiting = this.waiting.slice(batch.length);
		const results = await this.options.commit(batch).catch((error: unknown) => {
			this.waiting = [...batch, ...this.waiting];
			if (!this.isRefused) this.options.onRefused(error, this.waiting.length);
			this.isRefused = true;
		});
		if (results === undefined) return;
		if (this.isRefused) this.options.onAccepted();
		this.isRefused = false;
		this.options.onCommitted(results);
	}
}

/** Records from the front that make one batch; at least one where there is one. */
function countWithin(waiting: readonly IncomingRecord[]): number {
	let bytes = 0;
	let count = 0;
	for (const record of waiting) {
		bytes += record.bytes.length;
		if (count > 0 && (bytes > BYTES_AT_ONCE || count >= RECORDS_AT_ONCE)) break;
		count += 1;
	}
	return count;
}
