import { describe, expect, it } from "vitest";
import {
	newestTold,
	offsetOf,
	recordOffset,
	type ToldTime,
	toldAt,
} from "../../../collector/ingest/agent-time.js";

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;
const BOOT = "b".repeat(32);
const OTHER_BOOT = "c".repeat(32);
const told = (more: Partial<ToldTime> = {}): ToldTime => ({
	at: NOW,
	wall: NOW,
	monotonic: 500_000,
	boot: BOOT,
	...more,
});

describe("an agent's clock", () => {
	it.each([
		[0, 0],
		[1_900, 0],
		[-1_900, 0],
		[2_100, -2_100],
		[-3_600_000, 3_600_000],
	])("that is %d ms ahead is corrected by %d ms", (ahead, offset) => {
		expect(offsetOf(told({ wall: NOW + ahead }))).toBe(offset);
	});

	it.each([
		["right", 0, 0],
		["3 s behind", -3_000, 0],
		["60 s behind", -60_000, 55_000],
		["60 s ahead", 60_000, -60_000],
	])(
		"that is %s, and told 5 s after the link was opened, lacks what it must lack at least",
		(_, ahead, offset) => {
			const wall = NOW + ahead;
			const at = toldAt(wall, { openedAt: NOW - 5_000, heardAt: NOW });
			expect(offsetOf({ at, wall })).toBe(offset);
		},
	);

	it("is taken as told first while messages come late by seconds, and anew when it moves by more than a minute", () => {
		const first = told();
		const late = told({ at: NOW + 35_000, wall: NOW + 5_000, monotonic: 505_000 });
		expect(newestTold(first, late)).toBe(first);
		const stepped = told({ at: NOW + 5_000, wall: NOW + 400 * DAY, monotonic: 505_000 });
		expect(newestTold(first, stepped)).toBe(stepped);
	});
});

describe("a record of the same boot", () => {
	const at = (wall: number, monotonic: number) => ({ wall, monotonic, boot: BOOT });

	it("is taken as it is while the clock is right", () => {
		expect(recordOffset(told(), at(NOW - 60_000, 440_000), NOW)).toBe(0);
	});

	it("made in 1970, before the clock was set, gets the time at which it was made", () => {
		expect(recordOffset(told(), at(10_000, 490_000), NOW)).toBe(NOW - 10_000 - 10_000);
	});

	it("made after the clock stepped 400 days ahead gets the time at which it was made, before and after the agent tells of the step", () => {
		const record = at(NOW + 5_000 + 400 * DAY, 505_000);
		expect(recordOffset(told(), record, NOW + 5_000)).toBe(-400 * DAY);
		const toldAnew = told({ at: NOW + 5_000, wall: NOW + 5_000 + 400 * DAY, monotonic: 505_000 });
		expect(recordOffset(toldAnew, record, NOW + 6_000)).toBe(-400 * DAY);
		expect(recordOffset(toldAnew, at(NOW, 500_000), NOW + 6_000)).toBe(0);
	});

	it("of two weeks ago is left alone though the clocks drifted apart by a minute", () => {
		expect(recordOffset(told({ monotonic: 14 * DAY }), at(NOW - 14 * DAY - 60_000, 0), NOW)).toBe(0);
	});

	it("is never later than its arrival, whatever the collector's clock did", () => {
		expect(recordOffset(told(), at(NOW + 5_000, 505_000), NOW - 3_600_000)).toBe(-3_605_000);
	});
});

describe("a record of another boot", () => {
	it("is corrected by what the agent's clock lacks now", () => {
		const record = { wall: NOW - DAY, monotonic: 1, boot: OTHER_BOOT };
		expect(recordOffset(told(), record, NOW)).toBe(0);
		expect(recordOffset(told({ wall: NOW - 10_000 }), record, NOW)).toBe(10_000);
	});
});
