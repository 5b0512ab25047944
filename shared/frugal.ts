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
}

/**
 * A function must run 15 times as long as usual before V8 optimises it. What really is hot still becomes
 * fast; the compiler's work on code that runs at start only, which leaves its memory in pieces, falls away.
 * For a program that makes few polls a second of much code: 4 MB of an agent with 1,000 miners, at the same
 * processor time a poll. Set before the program's libraries are loaded.
 */
export function optimiseLate(): void {
	setFlagsFromString("--interrupt-budget=1000000");
}

/** Limits of a worker thread's heap, MB; past the first a worker ends, so it is far above what is used. */
export const WORKER_LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 1 } as const;
