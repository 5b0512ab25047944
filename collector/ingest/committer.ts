/**
 * Gathers records of all sessions for a moment and commits them together, so that one fsync carries
 * many. While the disk refuses, records wait here; credit bounds them, since nothing is acknowledged.
 */
import type { Clock } from "../../shared/clock.js";
import type { CommitResult, IncomingRecord } from "../store/store.js";

export const GATHER_MILLISECONDS = 25;
const RETRY_MILLISECONDS = 500;
const RECORDS_AT_ONCE = 1_000;

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
	private isCommitting = false;
	private isRefused = false;
	private idle: Promise<void> = Promise.resolve();

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

	/** Resolves when what waits now has been committed or refused. */
	async settle(): Promise<void> {
		await this.idle;
	}

	private schedule(milliseconds: number): void {
		if (this.isCommitting) return;
		this.isCommitting = true;
		this.idle = new Promise((resolve) => {
			this.options.clock.after(milliseconds, () => {
				void this.commit().then((isRefused) => {
					this.isCommitting = false;
					resolve();
					if (this.waiting.length > 0) this.schedule(isRefused ? RETRY_MILLISECONDS : 0);
				});
			});
		});
	}

	private async commit(): Promise<boolean> {
		const batch = this.waiting.slice(0, RECORDS_AT_ONCE);
		if (batch.length === 0) return false;
		this.waiting = this.waiting.slice(batch.length);
		try {
			const results = await this.options.commit(batch);
			if (this.isRefused) this.options.onAccepted();
			this.isRefused = false;
			this.options.onCommitted(results);
			return false;
		} catch (error) {
			this.waiting = [...batch, ...this.waiting];
			if (!this.isRefused) this.options.onRefused(error, this.waiting.length);
			this.isRefused = true;
			return true;
		}
	}
}
