/**
 * Time, timers and randomness for the whole program, so that a simulation can own all three.
 *
 * Gives the real clock; tests pass another. Nothing else in the product calls Date.now,
 * performance.now, setTimeout or Math.random.
 */
import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { type MonotonicMilliseconds, quantity, type UnixMilliseconds } from "./units.js";

export type Cancel = () => void;

export type Clock = {
	/** Wall time; may step. */
	now(): UnixMilliseconds;
	/** Never steps back; its zero is arbitrary. */
	monotonic(): MonotonicMilliseconds;
	/** Runs once, never before `milliseconds` of `monotonic` are over. */
	after(milliseconds: number, run: () => void): Cancel;
	every(milliseconds: number, run: () => void): Cancel;
	/** Once everything that has arrived from outside was handled. */
	soon(run: () => void): void;
	/** 0 ≤ value < 1, for jitter. */
	random(): number;
	/** For nonces and epochs: unpredictable in the real clock. */
	randomBytes(count: number): Buffer;
};

export const realClock: Clock = {
	now: () => quantity<UnixMilliseconds>(Date.now()),
	monotonic: () => quantity<MonotonicMilliseconds>(performance.now()),
	after(milliseconds, run) {
		const due = performance.now() + milliseconds;
		// Node counts whole milliseconds and is up to two early: who then looks at the time finds some left.
		const runWhenDue = () => {
			const left = due - performance.now();
			if (left > 0) timer = setTimeout(runWhenDue, left);
			else run();
		};
		let timer = setTimeout(runWhenDue, milliseconds);
		return () => clearTimeout(timer);
	},
	every(milliseconds, run) {
		const timer = setInterval(run, milliseconds);
		return () => clearInterval(timer);
	},
	soon: (run) => void setImmediate(run),
	random: () => Math.random(),
	randomBytes: (count) => randomBytes(count),
};
