import { expect, it } from "vitest";
import { realClock } from "../../shared/clock.js";

it("never runs a timer before its time is over", async () => {
	const early: number[] = [];
	const waits = Array.from({ length: 300 }, (_, index) => 1 + (index % 40) * 1.37);
	await Promise.all(
		waits.map(async (milliseconds, index) => {
			// Begun all over the millisecond: that is what decides whether Node is early.
			await new Promise<void>((resolve) => setTimeout(resolve, index / 3));
			const due = realClock.monotonic() + milliseconds;
			await new Promise<void>((resolve) => void realClock.after(milliseconds, resolve));
			if (realClock.monotonic() < due) early.push(milliseconds);
		}),
	);
	expect(early).toEqual([]);
});

it("runs nothing that was cancelled, not even while it waits the rest", async () => {
	let runs = 0;
	const cancels = Array.from({ length: 50 }, () => realClock.after(5, () => runs++));
	for (const cancel of cancels) cancel();
	await new Promise<void>((resolve) => void realClock.after(20, resolve));
	expect(runs).toBe(0);
});
