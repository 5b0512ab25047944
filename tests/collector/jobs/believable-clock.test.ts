import { describe, expect, it } from "vitest";
import { BelievableClock } from "../../../collector/jobs/believable-clock.js";
import { type Clock, realClock } from "../../../shared/clock.js";
import { quantity } from "../../../shared/units.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 10, 22, 12);

function clocks(writtenAt: number | undefined) {
	const time = { wall: NOON, monotonic: 0 };
	const clock: Clock = {
		...realClock,
		now: () => quantity(time.wall),
		monotonic: () => quantity(time.monotonic),
	};
	const pass = (milliseconds: number) => {
		time.wall += milliseconds;
		time.monotonic += milliseconds;
	};
	return { time, pass, believable: new BelievableClock(clock, writtenAt) };
}

describe("a wall clock", () => {
	it("that runs, is corrected by days, or begins with an empty store is believed", () => {
		const { believable, pass, time } = clocks(undefined);
		for (let day = 0; day < 40; day += 1) {
			pass(DAY);
			believable.check();
		}
		time.wall += 6 * DAY;
		believable.check();
		time.wall -= 400 * DAY;
		believable.check();
	});

	it("that jumps 400 days ahead is not believed for a day, and at once when it is put right", () => {
		const { believable, pass, time } = clocks(NOON - HOUR);
		believable.check();
		time.wall += 400 * DAY;
		expect(() => believable.check()).toThrow("400 days ahead");
		pass(23 * HOUR);
		expect(() => believable.check()).toThrow("400 days ahead");
		time.wall -= 400 * DAY;
		believable.check();
		time.wall += 400 * DAY;
		expect(() => believable.check()).toThrow("400 days ahead");
		pass(DAY);
		believable.check();
	});

	it("that is 31 days after the store's newest reading at the start is believed a day later", () => {
		const { believable, pass } = clocks(NOON - 31 * DAY);
		expect(() => believable.check()).toThrow("31 days ahead of what the store knows");
		pass(DAY);
		believable.check();
	});
});
