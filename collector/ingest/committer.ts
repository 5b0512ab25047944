/**
 * Gathers records of all sessions for a moment and commits them together, so that one fsync carries
 * many. While the disk refuses, records wait here; credit bounds them, since nothing is acknowledged. Which of them come
 * first is the queue's to say.
 */
import type { Cancel, Clock } from "../../shared/clock.js";
import type { Hello } from "../../shared/wire/from-agent.js";
import type { IncomingRecord } from "../store/incoming.js";
import type { CommitResult } from "../store/store.js";

import type { FlowSecond } from "./credit.js";
import { FairQueue, type WaitingRecord } from "./fair-queue.js";

/** With the commit itself, an acknowledgement comes within 50 ms on a disk that is not busy. */
const GATHER_MILLISECONDS = 40;
const RETRY_MILLISECONDS = 500;

export type CommitterOptions = {
	readonly clock: Clock;
	readonly commit: (records: readonly IncomingRecord[]) => Promise<readonly CommitResult[]>;
	readonly onCommitted: (results: readonly CommitResult[]) => void;
	readonly onRefused: (error: unknown, recordsWaiting: number) => void;
	readonly onAccepted: () => void;
};

export class Committer {
	private readonly options: CommitterOptions;
	private readonly waiting = new FairQueue();
	private cancel: Cancel | undefined;
	private committing: Promise<void> | undefined;
	private underWay: readonly WaitingRecord[] = [];
	private isRefused = false;
	private isStopped = false;
	private waitingBytes = 0;
	private committedBytes = 0;
	private presentWaitedMilliseconds = 0;

	constructor(options: CommitterOptions) {
		this.options = options;
	}

	get recordsWaiting(): number {
		return this.waiting.size;
	}

	bytesWaiting(hello: Hello): number {
		return this.waiting.bytesOf(hello);
	}

	/** What happened since it was asked last. */
	takeSecond(): FlowSecond {
		const { committedBytes, waitingBytes } = this;
		const presentWaitedMilliseconds = Math.max(this.presentWaitedMilliseconds, this.presentWaits());
		this.committedBytes = 0;
		this.presentWaitedMilliseconds = 0;
		return { committedBytes, waitingBytes, presentWaitedMilliseconds };
	}

	add(record: WaitingRecord): void {
		this.waiting.add(record);
		this.waitingBytes += record.bytes.length;
		this.schedule(GATHER_MILLISECONDS);
	}

	/** Forgets what a replaced session has not yet had committed: its successor sends it again. */
	forget(hello: Hello): void {
		const before = this.waiting.bytesOf(hello);
		this.waiting.forget(hello, hello.epoch);
		this.waitingBytes -= before - this.waiting.bytesOf(hello);
	}

	/** Commits what waits, unless the disk refuses it; nothing is committed afterwards. */
	async stop(): Promise<void> {
		this.isStopped = true;
		this.cancel?.();
		await this.committing;
		while (this.waiting.size > 0 && !this.isRefused) await this.commit();
	}

	/** A disk that refuses is not slow: what waits for it is told of otherwise. */
	private presentWaits(): number {
		if (this.isRefused) return 0;
		const now = this.options.clock.now();
		return Math.max(longestLive(this.underWay, now), now - (this.waiting.oldestAt("live") ?? now));
	}

	private schedule(milliseconds: number): void {
		if (this.isStopped || this.cancel !== undefined || this.committing !== undefined) return;
		this.cancel = this.options.clock.after(milliseconds, () => {
			this.cancel = undefined;
			this.committing = this.commit().finally(() => {
				this.committing = undefined;
				if (this.waiting.size > 0) this.schedule(this.isRefused ? RETRY_MILLISECONDS : 0);
			});
		});
	}

	private async commit(): Promise<void> {
		const batch = this.waiting.take();
		if (batch.length === 0) return;
		this.underWay = batch;
		const results = await this.options.commit(batch).catch((error: unknown) => {
			this.waiting.putBack(batch);
			if (!this.isRefused) this.options.onRefused(error, this.waiting.size);
			this.isRefused = true;
		});
		this.underWay = [];
		if (results === undefined) return;
		if (this.isRefused) this.options.onAccepted();
		this.isRefused = false;
		this.measure(batch);
		this.options.onCommitted(results);
	}

	private measure(batch: readonly WaitingRecord[]): void {
		const bytes = batch.reduce((sum, record) => sum + record.bytes.length, 0);
		this.waitingBytes -= bytes;
		this.committedBytes += bytes;
		const waited = longestLive(batch, this.options.clock.now());
		this.presentWaitedMilliseconds = Math.max(this.presentWaitedMilliseconds, waited);
	}
}

/** Of the live lane's records, ms since the oldest of them came. */
function longestLive(records: readonly WaitingRecord[], now: number): number {
	let longest = 0;
	for (const { lane, receivedAt } of records)
		if (lane === "live") longest = Math.max(longest, now - receivedAt);
	return longest;
}
