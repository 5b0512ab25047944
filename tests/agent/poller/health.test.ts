import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { afterFailure, type FailedPoll, type Health, UNSEEN, UP } from "../../../agent/poller/health.js";
import { FAILURES, type FailureCode } from "../../../shared/failures.js";

const poll = { code: "DEVICE_TIMEOUT", intervalSeconds: 5, isListed: false, isPresent: false } as const;

/** The states and rests of so many failures in a row, with the longest rests that chance can draw. */
function failures(start: Health, count: number, over: Partial<FailedPoll> = {}) {
	const path: { state: string; restIntervals: number }[] = [];
	let health = start;
	for (let index = 0; index < count; index++) {
		const after = afterFailure(health, { ...poll, random: 0.999, ...over });
		health = after.health;
		path.push({ state: health.state, restIntervals: after.restIntervals });
	}
	return path;
}

describe("a device's health", () => {
	it("fails three times at the normal interval, then rests up to 2 and up to 3 intervals", () => {
		expect(failures(UP, 6)).toEqual([
			{ state: "failing", restIntervals: 1 },
			{ state: "failing", restIntervals: 1 },
			{ state: "failing", restIntervals: 1 },
			{ state: "backing-off", restIntervals: 2 },
			{ state: "backing-off", restIntervals: 3 },
			{ state: "backing-off", restIntervals: 3 },
		]);
	});

	it.each([
		[1, 3],
		[5, 15],
		[10, 30],
		[30, 60],
		[60, 60],
		[300, 300],
	])("at %d s rests %d s at most once it has answered", (intervalSeconds, seconds) => {
		const rests = failures(UP, 50, { intervalSeconds }).map(({ restIntervals }) => restIntervals);
		expect(Math.max(...rests) * intervalSeconds).toBe(seconds);
	});

	it("treats a listed address that never answered like one that did, though it stays unseen", () => {
		const path = failures(UNSEEN, 5, { isListed: true });
		expect(path.map(({ restIntervals }) => restIntervals)).toEqual([1, 1, 1, 2, 3]);
		expect(path.every(({ state }) => state === "unseen")).toBe(true);
	});

	it("lets an address of a range that never answered rest twice as long each time, up to ten minutes", () => {
		expect(failures(UNSEEN, 8).map(({ restIntervals }) => restIntervals * 5)).toEqual([
			10, 20, 40, 80, 160, 320, 600, 600,
		]);
	});

	it("counts an address of a range as seen once something answers, even if unreadable", () => {
		const code = "DEVICE_UNAUTHORIZED";
		expect(failures(UNSEEN, 1, { code, isPresent: true })).toEqual([{ state: "failing", restIntervals: 1 }]);
	});

	it("does not rest after an answer that could not be read: 20 failures, 20 normal intervals", () => {
		const path = failures(UP, 20, { code: "DEVICE_ANSWER_MALFORMED" });
		expect(path.every(({ restIntervals }) => restIntervals === 1)).toBe(true);
	});

	it("rests up to ten minutes after a failure that only the configuration can mend", () => {
		const path = failures(UP, 1, { code: "DEVICE_ADDRESS_NOT_ALLOWED" });
		expect(path).toEqual([{ state: "failing", restIntervals: 120 }]);
	});

	it("draws every rest at random between one interval and its limit", () => {
		const codes = Object.keys(FAILURES).filter((code): code is FailureCode => code.startsWith("DEVICE_"));
		fc.assert(
			fc.property(
				fc.record({
					code: fc.constantFrom(...codes),
					intervalSeconds: fc.integer({ min: 1, max: 3_600 }),
					isListed: fc.boolean(),
					isPresent: fc.boolean(),
					random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
				}),
				fc.constantFrom("unseen", "up", "failing", "backing-off"),
				fc.nat(1_000_000),
				(failed, state, count) => {
					const before: Health = { state, failures: count };
					const { health, restIntervals } = afterFailure(before, failed);
					expect(Number.isInteger(restIntervals)).toBe(true);
					expect(restIntervals).toBeGreaterThanOrEqual(1);
					expect((restIntervals - 1) * failed.intervalSeconds).toBeLessThan(600);
					expect(health.failures).toBe(count + 1);
					expect(afterFailure(before, { ...failed, random: 0 }).restIntervals).toBe(1);
				},
			),
		);
	});
});
