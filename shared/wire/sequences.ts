/**
 * Which record numbers are settled: everything up to a base, and some ranges beyond it. Pure.
 *
 * Invariants: ranges are disjoint, sorted, never touch each other nor the base.
 */
import type { Range } from "./messages.js";

export type Settled = { readonly base: number; readonly ranges: readonly Range[] };

export const NOTHING_SETTLED: Settled = { base: 0, ranges: [] };

export function isSettled({ base, ranges }: Settled, sequence: number): boolean {
	return sequence <= base || ranges.some(([from, to]) => sequence >= from && sequence <= to);
}

/** Adds the numbers from..to and joins what touches. */
export function settle(settled: Settled, from: number, to: number): Settled {
	if (to < from || to <= settled.base) return settled;
	const merged: [number, number][] = [];
	let [low, high] = [from, to];
	for (const [start, end] of settled.ranges) {
		if (end < low - 1 || start > high + 1) {
			merged.push([start, end]);
			continue;
		}
		low = Math.min(low, start);
		high = Math.max(high, end);
	}
	merged.push([low, high]);
	merged.sort(([a], [b]) => a - b);
	return absorbed(settled.base, merged);
}

/** Numbers of [from, to] that are not settled yet, as ranges in rising order. */
export function unsettled({ base, ranges }: Settled, from: number, to: number): readonly Range[] {
	const open: Range[] = [];
	let next = Math.max(from, base + 1);
	for (const [start, end] of ranges) {
		if (start > to) break;
		if (start > next) open.push([next, Math.min(start - 1, to)]);
		next = Math.max(next, end + 1);
	}
	if (next <= to) open.push([next, to]);
	return open;
}

function absorbed(base: number, ranges: readonly Range[]): Settled {
	const [first, ...rest] = ranges;
	if (first !== undefined && first[0] <= base + 1) return absorbed(Math.max(base, first[1]), rest);
	return { base, ranges };
}
