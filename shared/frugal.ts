/**
 * Tells V8 that memory matters more than the last percent of speed: a heap that stays near what is used.
 *
 * Left alone, V8 lets the heap of a program that makes much garbage grow to several times its live size
 * on a computer with much memory. Set at start, before the heap has grown.
 */
import { setFlagsFromString } from "node:v8";

export function keepMemorySmall(): void {
	setFlagsFromString("--optimize-for-size");
	setFlagsFromString("--semi-space-growth-factor=1");
	// What lives through a small collection is little: four threads cost more to wake than they save.
	setFlagsFromString("--no-parallel-scavenge");
	// Compiled late: optimised code, and what it needs to be undone, is memory too. Costs no time in sum.
	setFlagsFromString("--interrupt-budget=400000");
}

/** For a program beside 1,000 machines on a small box: memory is collected at a quarter of the room that V8 gives it. */
export function keepMemorySmallest(): void {
	keepMemorySmall();
	setFlagsFromString("--incremental-marking-hard-trigger=25");
	// What seldom dies young in the first minute is made old from then on, and a poll's garbage is then collected
	// with everything else, every two seconds: 1.3 MB a second grows old instead of 2.7.
	setFlagsFromString("--no-allocation-site-pretenuring");
	// Giants are not optimised at all: their code would be the largest.
	setFlagsFromString("--max-optimized-bytecode-size=800");
}

/** Limits of a worker thread's heap, MB; past the first a worker ends, so it is far above what is used. */
export const WORKER_LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 1 } as const;
