import { describe, expect, it } from "vitest";
import { type Tariff, tariffIntervals } from "../../../collector/derive/tariff.js";

const CHICAGO: Tariff = {
	timeZone: "America/Chicago",
	holidays: ["2026-11-26"],
	periods: [
		{ name: "night", fromMinute: 0, toMinute: 360, pricePerMegawattHour: 20 },
		{ name: "peak", days: ["workdays"], fromMinute: 360, toMinute: 1_320, pricePerMegawattHour: 65 },
		{
			name: "off",
			days: ["weekends", "holidays"],
			fromMinute: 360,
			toMinute: 1_320,
			pricePerMegawattHour: 30,
		},
		{ name: "late", fromMinute: 1_320, toMinute: 1_440, pricePerMegawattHour: -5 },
	],
};

const HOUR = 3_600_000;
const at = (text: string) => Date.parse(text);
const hoursOf = (intervals: ReturnType<typeof tariffIntervals>, name: string) =>
	intervals
		.filter(({ period }) => period === name)
		.reduce((sum, { from, to }) => sum + (to - from) / HOUR, 0);

describe("a time-of-use tariff", () => {
	it("has 6 h of night, 16 h of peak and 2 h of late on a workday, in the zone's own time", () => {
		const day = tariffIntervals(CHICAGO, at("2026-11-24T06:00:00Z"), at("2026-11-25T06:00:00Z"));
		expect(day).toEqual([
			{
				from: at("2026-11-24T06:00:00Z"),
				to: at("2026-11-24T12:00:00Z"),
				pricePerMegawattHour: 20,
				period: "night",
			},
			{
				from: at("2026-11-24T12:00:00Z"),
				to: at("2026-11-25T04:00:00Z"),
				pricePerMegawattHour: 65,
				period: "peak",
			},
			{
				from: at("2026-11-25T04:00:00Z"),
				to: at("2026-11-25T06:00:00Z"),
				pricePerMegawattHour: -5,
				period: "late",
			},
		]);
	});

	it.each([
		["a holiday on a Thursday", "2026-11-26T06:00:00Z", "2026-11-27T06:00:00Z", { off: 16, peak: 0 }],
		[
			"the spring day of 23 hours: the night has 5",
			"2026-03-08T06:00:00Z",
			"2026-03-09T05:00:00Z",
			{ night: 5, off: 16, late: 2 },
		],
		[
			"the autumn day of 25 hours: the night has 7",
			"2026-11-01T05:00:00Z",
			"2026-11-02T06:00:00Z",
			{ night: 7, off: 16, late: 2 },
		],
	])("counts %s", (_, from, to, hours) => {
		const intervals = tariffIntervals(CHICAGO, at(from), at(to));
		for (const [name, expected] of Object.entries(hours)) expect(hoursOf(intervals, name)).toBe(expected);
	});

	it("is without holes and overlaps over a whole year, 8,760 hours of it", () => {
		const intervals = tariffIntervals(CHICAGO, at("2026-01-01T06:00:00Z"), at("2027-01-01T06:00:00Z"));
		for (const [index, { to }] of intervals.entries()) expect(intervals[index + 1]?.from ?? to).toBe(to);
		expect(intervals.reduce((sum, { from, to }) => sum + (to - from) / HOUR, 0)).toBe(8_760);
	});

	it("ends a period in the skipped hour where the clocks jump", () => {
		const tariff: Tariff = {
			timeZone: "America/Chicago",
			holidays: [],
			periods: [
				{ name: "early", fromMinute: 0, toMinute: 150, pricePerMegawattHour: 10 },
				{ name: "rest", fromMinute: 150, toMinute: 1_440, pricePerMegawattHour: 40 },
			],
		};
		const day = tariffIntervals(tariff, at("2026-03-08T06:00:00Z"), at("2026-03-09T05:00:00Z"));
		expect(day.map(({ from, period }) => [new Date(from).toISOString(), period])).toEqual([
			["2026-03-08T06:00:00.000Z", "early"],
			["2026-03-08T08:00:00.000Z", "rest"],
		]);
	});
});
