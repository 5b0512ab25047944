/**
 * How much a query may cost, before anything is read: points, readings, and queries at a time.
 *
 * Takes a query's size; gives leave or the nearest step that would be allowed.
 */
import { MILLISECONDS_PER_SECOND } from "../../../shared/units.js";

export const SERIES_MOST = 20;
export const POINTS_MOST = 20_000;
/** Points of all groups of an answer together: half a thousand racks by the hour for a month, about 70 MB. */
export const GROUP_POINTS_MOST = 400_000;
/** Readings that one query may read from the store, all devices together. */
export const READINGS_MOST = 2_000_000;
const QUERIES_AT_ONCE = 4;
const QUERIES_WAITING = 16;

/** Steps that people read well, in seconds. */
const STEPS = [
	1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400,
	604_800, 2_592_000,
];

export type Span = { readonly from: number; readonly to: number };

/** The smallest common step with which a span has at most so many points. */
export function nearestStepSeconds({ from, to }: Span, leastSeconds = 1): number {
	const needed = Math.max(leastSeconds, (to - from) / MILLISECONDS_PER_SECOND / POINTS_MOST);
	return STEPS.find((step) => step >= needed && step % leastSeconds === 0) ?? Math.ceil(needed);
}

/** Lets four run and sixteen wait; who comes then is told at once. */
export class Gate {
	private running = 0;
	private readonly waiting: (() => void)[] = [];

	async pass<Result>(run: () => Promise<Result>): Promise<Result | undefined> {
		if (this.running >= QUERIES_AT_ONCE) {
			if (this.waiting.length >= QUERIES_WAITING) return undefined;
			await new Promise<void>((resolve) => this.waiting.push(resolve));
		} else {
			this.running += 1;
		}
		try {
			return await run();
		} finally {
			const next = this.waiting.shift();
			if (next === undefined) this.running -= 1;
			else next();
		}
	}
}
