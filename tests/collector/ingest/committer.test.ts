import { describe, expect, it, onTestFinished } from "vitest";
import { Committer } from "../../../collector/ingest/committer.js";
import type { WaitingRecord } from "../../../collector/ingest/fair-queue.js";
import type { CommitResult } from "../../../collector/store/store.js";
import { realClock } from "../../../shared/clock.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";

const record = (sequence: number, lane: WaitingRecord["lane"] = "live"): WaitingRecord => ({
	agent: "a",
	site: "austin",
	epoch: "e",
	lane,
	sequence,
	receivedAt: 0,
	offset: 0,
	bytes: Buffer.alloc(300 * 1_024),
});

/** A disk that answers when it is told to; records came at 0. */
function committer() {
	let now = 0;
	let answer: ((error?: Error) => void) | undefined;
	let asked: (() => void) | undefined;
	const made = new Committer({
		clock: { ...realClock, now: () => quantity<UnixMilliseconds>(now) },
		commit: () =>
			new Promise<readonly CommitResult[]>((resolve, reject) => {
				answer = (error) => (error === undefined ? resolve([]) : reject(error));
				asked?.();
			}),
		onCommitted: () => undefined,
		onRefused: () => undefined,
		onAccepted: () => undefined,
	});
	const isAsked = () =>
		new Promise<void>((resolve) => {
			asked = resolve;
		});
	onTestFinished(() => answer?.());
	return {
		made,
		isAsked,
		answer: (error?: Error) => answer?.(error),
		at: (milliseconds: number) => {
			now = milliseconds;
		},
	};
}

describe("how long what is made now has waited", () => {
	it("is told while it still waits: a disk that takes 9 s is no news after 9 s only", async () => {
		const { made, isAsked, answer, at } = committer();
		const first = isAsked();
		made.add(record(1));
		await first;
		made.add(record(2));
		at(4_000);
		expect(made.takeSecond()).toMatchObject({ presentWaitedMilliseconds: 4_000, committedBytes: 0 });
		at(9_000);
		const second = isAsked();
		answer();
		await second;
		expect(made.takeSecond()).toMatchObject({ presentWaitedMilliseconds: 9_000, waitingBytes: 300 * 1_024 });
	});

	it("is not what the backfill has", async () => {
		const { made, isAsked, at } = committer();
		const first = isAsked();
		made.add(record(1, "backfill"));
		await first;
		made.add(record(2, "backfill"));
		at(60_000);
		expect(made.takeSecond().presentWaitedMilliseconds).toBe(0);
	});

	it("is not told of a disk that refuses, which is no load", async () => {
		const { made, isAsked, answer, at } = committer();
		const first = isAsked();
		made.add(record(1));
		await first;
		const again = isAsked();
		answer(new Error("database or disk is full"));
		await again;
		at(60_000);
		expect(made.takeSecond()).toMatchObject({ presentWaitedMilliseconds: 0, waitingBytes: 300 * 1_024 });
	});
});
