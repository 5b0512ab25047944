import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	BURST_MILLISECONDS,
	dueAfter,
	missedTurns,
	nextBurst,
	offsetMilliseconds,
} from "../../../agent/poller/schedule.js";
import { type MonotonicMilliseconds, quantity } from "../../../shared/units.js";

const at = (milliseconds: number) => quantity<MonotonicMilliseconds>(milliseconds);
const rhythms = fc.record({
	endpoint: fc.oneof(
		fc.ipV4().map((host) => `${host}:4028`),
		fc.string(),
	),
	intervalSeconds: fc.integer({ min: 1, max: 3_600 }),
});
const instants = fc.double({ min: 0, max: 1e10, noNaN: true });

describe("the schedule", () => {
	it("is due exactly once in any stretch as long as the interval, and never drifts", () => {
		fc.assert(
			fc.property(rhythms, instants, (rhythm, start) => {
				const interval = rhythm.intervalSeconds * 1_000;
				const first = dueAfter(rhythm, at(start));
				expect(first).toBeGreaterThan(start);
				expect(first - start).toBeLessThanOrEqual(interval);
				expect(dueAfter(rhythm, first)).toBe(first + interval);
				expect(dueAfter(rhythm, at(first + interval - 1))).toBe(first + interval);
			}),
		);
	});

	it("is due at bursts only", () => {
		fc.assert(
			fc.property(rhythms, instants, (rhythm, start) => {
				expect(dueAfter(rhythm, at(start)) % BURST_MILLISECONDS).toBe(0);
				const offset = offsetMilliseconds(rhythm);
				expect(offset).toBeGreaterThanOrEqual(0);
				expect(offset).toBeLessThan(rhythm.intervalSeconds * 1_000);
			}),
		);
	});

	it("keeps each device's place over restarts: 10.0.3.17:4028 at 5 s stands at a fixed offset", () => {
		const rhythm = { endpoint: "10.0.3.17:4028", intervalSeconds: 5 };
		expect(offsetMilliseconds(rhythm)).toBe(offsetMilliseconds({ ...rhythm }));
		expect(dueAfter(rhythm, at(0)) % 5_000).toBe(dueAfter(rhythm, at(123_456_789)) % 5_000);
	});

	it.each([
		[4_028, 5],
		[80, 10],
	])(
		"spreads 1,000 neighbouring addresses on port %d at %d s: each fifth of a second holds its share ± 75 %%",
		(port, intervalSeconds) => {
			const fifths = new Map<number, number>();
			for (let index = 0; index < 1_000; index++) {
				const endpoint = `10.0.${index >> 8}.${index & 255}:${port}`;
				const fifth = Math.floor(offsetMilliseconds({ endpoint, intervalSeconds }) / 200);
				fifths.set(fifth, (fifths.get(fifth) ?? 0) + 1);
			}
			const share = 1_000 / (intervalSeconds * 5);
			expect(fifths.size).toBe(intervalSeconds * 5);
			expect(Math.max(...fifths.values())).toBeLessThanOrEqual(share * 1.75);
			expect(Math.min(...fifths.values())).toBeGreaterThanOrEqual(share * 0.25);
		},
	);

	it.each([
		[10_000, 10_000, 0],
		[10_000, 14_999, 0],
		[10_000, 15_000, 1],
		[10_000, 60_000, 10],
	])("of a turn at %d ms and the time %d ms, at 5 s, %d turns were missed", (due, now, missed) => {
		const rhythm = { endpoint: "a", intervalSeconds: 5 };
		expect(missedTurns(rhythm, { due: at(due), now: at(now) })).toBe(missed);
	});

	it("has its next burst later than now, at most 50 ms", () => {
		expect(nextBurst(at(0))).toBe(50);
		expect(nextBurst(at(49.9))).toBe(50);
		expect(nextBurst(at(50))).toBe(100);
	});
});
