/**
 * How much the uplink may send now: caps in kbit/s and in MB a day, and a backfill that yields. Pure.
 *
 * A cap is a bucket that fills evenly: of a second's cap it holds a tenth of a second, of a day's cap an hour, and
 * no 24 hours see more than the day's cap. A bucket may go below nothing by one message, which is whole or not sent.
 * Half of each bucket is for the live lane alone. The backfill's window shrinks while a round trip takes longer than
 * the shortest of late, since then somebody waits in the queue of the link, and is nothing while it stays so.
 */
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../shared/units.js";

export type UplinkCaps = { readonly kilobitsPerSecond?: number; readonly megabytesPerDay?: number };
export type Allowance = { readonly live: number; readonly backfill: number };

export const NO_CAP: Allowance = { live: Number.POSITIVE_INFINITY, backfill: Number.POSITIVE_INFINITY };

const BYTES_PER_KILOBIT = 125;
const BYTES_PER_MEGABYTE = 1e6;
const SECONDS_HELD_OF_RATE = 0.1;
const HOURS_PER_DAY = 24;
/** At a start, of the hour's share of a day: enough to say where one stands. */
const BYTES_AT_START_MOST = 64 * 1_024;
const LIVE_ALONE_RATIO = 0.5;

type Bucket = { readonly bytesPerMillisecond: number; readonly depth: number; readonly level: number };
export type Pace = { readonly buckets: readonly Bucket[]; readonly filledAt: number };

/** @param at monotonic ms */
export function newPace({ kilobitsPerSecond, megabytesPerDay }: UplinkCaps, at: number): Pace {
	const buckets: Bucket[] = [];
	if (kilobitsPerSecond !== undefined) {
		const bytesPerSecond = kilobitsPerSecond * BYTES_PER_KILOBIT;
		const depth = bytesPerSecond * SECONDS_HELD_OF_RATE;
		buckets.push({ bytesPerMillisecond: bytesPerSecond / MILLISECONDS_PER_SECOND, depth, level: depth });
	}
	if (megabytesPerDay !== undefined) {
		const bytes = megabytesPerDay * BYTES_PER_MEGABYTE;
		const depth = bytes / HOURS_PER_DAY;
		const bytesPerMillisecond = (bytes - depth) / (SECONDS_PER_DAY * MILLISECONDS_PER_SECOND);
		buckets.push({ bytesPerMillisecond, depth, level: Math.min(depth, BYTES_AT_START_MOST) });
	}
	return { buckets, filledAt: at };
}

export function isCapped({ buckets }: Pace): boolean {
	return buckets.length > 0;
}

export function filled({ buckets, filledAt }: Pace, at: number): Pace {
	const took = Math.max(0, at - filledAt);
	return {
		buckets: buckets.map((bucket) => ({
			...bucket,
			level: Math.min(bucket.depth, bucket.level + took * bucket.bytesPerMillisecond),
		})),
		filledAt: at,
	};
}

export function spent({ buckets, filledAt }: Pace, bytes: number): Pace {
	return { buckets: buckets.map((bucket) => ({ ...bucket, level: bucket.level - bytes })), filledAt };
}

/** A lane may begin a message where its number is above 0. */
export function allowanceOf({ buckets }: Pace): Allowance {
	if (buckets.length === 0) return NO_CAP;
	const live = Math.min(...buckets.map(({ level }) => level));
	const backfill = Math.min(...buckets.map(({ level, depth }) => level - depth * LIVE_ALONE_RATIO));
	return { live, backfill };
}

/** A round trip that takes so much longer than the shortest means a queue. */
const QUEUE_MILLISECONDS = 60;
const WINDOW_FIRST_BYTES = 64 * 1_024;
const WINDOW_STEP_BYTES = 32 * 1_024;
/** Below this it is nothing: a record is about as long. */
const WINDOW_LEAST_BYTES = 4 * 1_024;
export const WINDOW_MOST_BYTES = 1_024 * 1_024;
/** The shortest round trip is forgotten after this, since links change. */
const SHORTEST_KEPT_MILLISECONDS = 10 * 60 * MILLISECONDS_PER_SECOND;

/** Shortest round trips of the stretch that runs and of the one before it. */
export type Yielding = {
	readonly windowBytes: number;
	readonly shortest: number;
	readonly shortestBefore: number;
	readonly since: number;
};

export function newYielding(at: number): Yielding {
	const unknown = Number.POSITIVE_INFINITY;
	return { windowBytes: WINDOW_FIRST_BYTES, shortest: unknown, shortestBefore: unknown, since: at };
}

/** Whether a round trip that has taken so long already means a queue. */
export function isLate({ shortest, shortestBefore }: Yielding, milliseconds: number): boolean {
	return milliseconds - Math.min(shortest, shortestBefore) > QUEUE_MILLISECONDS;
}

/** @param milliseconds of a round trip, or how long one that is under way has taken so far */
export function afterRoundTrip(before: Yielding, milliseconds: number, at: number): Yielding {
	const isOver = at - before.since > SHORTEST_KEPT_MILLISECONDS / 2;
	const shortest = isOver ? milliseconds : Math.min(before.shortest, milliseconds);
	const shortestBefore = isOver ? before.shortest : before.shortestBefore;
	const queued = milliseconds - Math.min(shortest, shortestBefore);
	return {
		windowBytes: queued > QUEUE_MILLISECONDS ? halved(before.windowBytes) : grown(before.windowBytes),
		shortest,
		shortestBefore,
		since: isOver ? at : before.since,
	};
}

function halved(bytes: number): number {
	return bytes / 2 < WINDOW_LEAST_BYTES ? 0 : bytes / 2;
}

function grown(bytes: number): number {
	return Math.min(WINDOW_MOST_BYTES, bytes + WINDOW_STEP_BYTES);
}
