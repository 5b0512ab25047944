/**
 * What agents may have on their way, by how fast the disk takes it, and whether viewers are to stand back. Pure.
 *
 * Takes each second what was committed and what waits; gives each lane of each agent its credit. As long as little
 * waits, all have the most. Once more waits than the disk takes in a few seconds, all agents share those seconds, so that
 * what is made now waits no longer and memory is bounded, however many they are; and where even that is late, the
 * backfill has none, and viewers' work on the past stands back.
 */
const MEBIBYTE = 1_024 * 1_024;
export const CREDIT_MOST = { live: MEBIBYTE, backfill: MEBIBYTE } as const;
export type Credit = { readonly live: number; readonly backfill: number };

/** What one commit takes at most: with less the disk would wait for agents. */
const SHARED_LEAST_BYTES = MEBIBYTE / 4;
const SHARED_MOST_BYTES = 64 * MEBIBYTE;
const QUEUE_SECONDS = 4;
const RATE_SECONDS = 10;
/** What is made now comes first; if it waits so long all the same, nothing else may come. */
const PRESENT_LATE_MILLISECONDS = 2_000;
/** Once that was so: what the backfill sends too early waits longer than an agent waits for an ack. */
const PRESENT_ALONE_SECONDS = 15;
/** A person is refused by it, so neither one slow commit nor a fleet that comes up is a reason; ten seconds are. */
const PRESENT_SLOW_MILLISECONDS = 1_000;
const SLOW_SECONDS_LEAST = 10;
/** Once it is no longer so. */
const STANDS_BACK_SECONDS = 3;

export type Flow = {
	/** In each of the last seconds, since more waits than may. */
	readonly committedBytes: readonly number[];
	/** Of each lane, for all agents. */
	readonly sharedBytes: number;
	/** For so many seconds more the backfill has no credit. */
	readonly presentAloneSeconds: number;
	/** In a row, in which what is made now was slow. */
	readonly slowSeconds: number;
	/** For so many seconds more viewers' work on the past stands back. */
	readonly overloadedSeconds: number;
};

/** What happened in a second. */
export type FlowSecond = {
	readonly committedBytes: number;
	readonly waitingBytes: number;
	/** The longest that a record of the live lane has waited for its commit, or still waits. */
	readonly presentWaitedMilliseconds: number;
};

export const UNHINDERED: Flow = {
	committedBytes: [],
	sharedBytes: SHARED_MOST_BYTES,
	presentAloneSeconds: 0,
	slowSeconds: 0,
	overloadedSeconds: 0,
};

export function flowAfter(before: Flow, second: FlowSecond): Flow {
	const grown = Math.min(SHARED_MOST_BYTES, 2 * before.sharedBytes);
	const presentAloneSeconds = Math.max(0, before.presentAloneSeconds - 1);
	if (second.waitingBytes <= SHARED_LEAST_BYTES)
		return { committedBytes: [], sharedBytes: grown, presentAloneSeconds, ...loadAfter(before, false) };
	const committedBytes = [...before.committedBytes, second.committedBytes].slice(-RATE_SECONDS);
	const bytesASecond = committedBytes.reduce((sum, bytes) => sum + bytes, 0) / committedBytes.length;
	return {
		committedBytes,
		sharedBytes: Math.max(SHARED_LEAST_BYTES, Math.min(grown, bytesASecond * QUEUE_SECONDS)),
		presentAloneSeconds:
			second.presentWaitedMilliseconds > PRESENT_LATE_MILLISECONDS
				? PRESENT_ALONE_SECONDS
				: presentAloneSeconds,
		...loadAfter(before, second.presentWaitedMilliseconds > PRESENT_SLOW_MILLISECONDS),
	};
}

function loadAfter(before: Flow, isSlow: boolean): Pick<Flow, "slowSeconds" | "overloadedSeconds"> {
	const slowSeconds = isSlow ? before.slowSeconds + 1 : 0;
	const isOverload = slowSeconds >= SLOW_SECONDS_LEAST || (isSlow && before.overloadedSeconds > 0);
	return {
		slowSeconds,
		overloadedSeconds: isOverload ? STANDS_BACK_SECONDS : Math.max(0, before.overloadedSeconds - 1),
	};
}

export function creditOf({ sharedBytes, presentAloneSeconds }: Flow, agents: number): Credit {
	const each = Math.max(1, Math.floor(sharedBytes / Math.max(1, agents)));
	return {
		live: Math.min(CREDIT_MOST.live, each),
		backfill: presentAloneSeconds > 0 ? 0 : Math.min(CREDIT_MOST.backfill, each),
	};
}

/** Whether an agent is to be told: not of every small change. */
export function isOtherCredit(told: Credit, now: Credit): boolean {
	return (["live", "backfill"] as const).some(
		(lane) =>
			now[lane] < told[lane] / 2 ||
			now[lane] > told[lane] * 2 ||
			(now[lane] === CREDIT_MOST[lane] && told[lane] !== now[lane]),
	);
}
