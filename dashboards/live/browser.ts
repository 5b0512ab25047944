/**
 * The page's one edge to the browser: time, timers, randomness, JSON, what is remembered between
 * visits. Nothing else in this folder calls Date.now, setTimeout, Math.random, JSON.parse or
 * localStorage. Never throws: a browser that forbids storage simply remembers nothing.
 */

export type Cancel = () => void;

export function now(): number {
	return Date.now();
}

/** Milliseconds of a clock that never steps; only differences mean anything. */
export function monotonic(): number {
	return performance.now();
}

export function after(milliseconds: number, run: () => void): Cancel {
	const timer = setTimeout(run, milliseconds);
	return () => clearTimeout(timer);
}

export function every(milliseconds: number, run: () => void): Cancel {
	const timer = setInterval(run, milliseconds);
	return () => clearInterval(timer);
}

/** So long may work that waits hold the main thread before input and drawing get their turn. */
const TURN_MILLISECONDS = 8;
const waiting: (() => void)[] = [];
const turns = new MessageChannel();
turns.port1.onmessage = () => {
	const until = monotonic() + TURN_MILLISECONDS;
	while (waiting.length > 0 && monotonic() < until) waiting.shift()?.();
	if (waiting.length > 0) turns.port2.postMessage(undefined);
};

/** Runs it soon, in order, in turns of some milliseconds. */
export function soon(run: () => void): void {
	waiting.push(run);
	if (waiting.length === 1) turns.port2.postMessage(undefined);
}

/** 0 ≤ value < 1, for jitter. */
export function random(): number {
	return Math.random();
}

/** The text as a value; absent where it is no JSON. */
export function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

export function remembered(name: string): string | undefined {
	try {
		return localStorage.getItem(`fleetwatt.${name}`) ?? undefined;
	} catch {
		return undefined;
	}
}

/** Keeps one word between visits; absent forgets it. */
export function remember(name: string, value: string | undefined): void {
	try {
		if (value === undefined) localStorage.removeItem(`fleetwatt.${name}`);
		else localStorage.setItem(`fleetwatt.${name}`, value);
	} catch {
		// Storage is a comfort: without it the page starts from the system's preference each time.
	}
}
