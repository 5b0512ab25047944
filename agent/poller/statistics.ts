/**
 * What the poller counted since it started, for the agent's own /metrics. Keeps state; bounded by the failure
 * table and the bucket list.
 *
 * Invariant: due = ok + failed + overruns + abandoned + waiting + in flight. No poll is lost uncounted.
 */
import type { FailureCode } from "../../shared/failures.js";
import { quantity, type Seconds } from "../../shared/units.js";

/** Upper bounds, inclusive; what is longer stands in `count` alone. */
const DURATION_BUCKETS_SECONDS = [
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
] as const;

export const LATE_MILLISECONDS = 1_000;

export type PollStatistics = {
	readonly due: number;
	readonly started: number;
	readonly ok: number;
	readonly failed: Readonly<Partial<Record<FailureCode, number>>>;
	/** Due while the poll before was still under way or waiting, or while the process stood still. */
	readonly overruns: number;
	/** Of those started, how many began more than LATE_MILLISECONDS after they were due. */
	readonly late: number;
	/** Ended by stop() or by the target's removal. */
	readonly abandoned: number;
	readonly waiting: number;
	readonly inFlight: number;
	readonly targets: number;
	/** Targets that answered at least once. */
	readonly seen: number;
	readonly duration: {
		/** Cumulative: polls that took at most so long. */
		readonly buckets: readonly { readonly upToSeconds: number; readonly count: number }[];
		readonly sumSeconds: Seconds;
		readonly count: number;
	};
};

export class PollCounters {
	due = 0;
	started = 0;
	ok = 0;
	overruns = 0;
	late = 0;
	abandoned = 0;
	readonly #failed: Partial<Record<FailureCode, number>> = {};
	readonly #buckets = DURATION_BUCKETS_SECONDS.map((upToSeconds) => ({ upToSeconds, count: 0 }));
	#durationCount = 0;
	#durationSumSeconds = 0;

	finished(code: FailureCode | undefined, took: Seconds): void {
		if (code === undefined) this.ok++;
		else this.#failed[code] = (this.#failed[code] ?? 0) + 1;
		this.#durationCount++;
		this.#durationSumSeconds += took;
		for (const bucket of this.#buckets) if (took <= bucket.upToSeconds) bucket.count++;
	}

	snapshot(now: Pick<PollStatistics, "waiting" | "inFlight" | "targets" | "seen">): PollStatistics {
		const { due, started, ok, overruns, late, abandoned } = this;
		const duration = {
			buckets: this.#buckets.map((bucket) => ({ ...bucket })),
			sumSeconds: quantity<Seconds>(this.#durationSumSeconds),
			count: this.#durationCount,
		};
		return { due, started, ok, failed: { ...this.#failed }, overruns, late, abandoned, ...now, duration };
	}
}
