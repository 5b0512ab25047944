/** When faults hold, and the script of the demo. */
import { describe, expect, it } from "vitest";
import {
	demoFaultScript,
	faultsAt,
	isDark,
	NO_FAULTS,
	TIMELINE_LIMIT,
	withFault,
	withoutFaultsAt,
} from "../simulator/faults.js";

describe("a timeline", () => {
	it("holds a fault from its second until its duration is over: 10 s from 5 is 5 to 15", () => {
		const timeline = withFault(NO_FAULTS, { fault: "hung", from: 5, forSeconds: 10, seed: 1 });
		expect([4.9, 5, 14.9, 15].map((second) => faultsAt(timeline, second).length)).toEqual([0, 1, 1, 0]);
	});

	it("holds a fault without a duration for ever, until it is cleared", () => {
		const timeline = withFault(NO_FAULTS, { fault: "off", from: 0, seed: 1 });
		expect(isDark(timeline, 1e9)).toBe(true);
		expect(isDark(withoutFaultsAt(timeline, 50), 50)).toBe(false);
		expect(isDark(withoutFaultsAt(timeline, 50), 49)).toBe(true);
	});

	it("clears what holds now and keeps what is to come", () => {
		const now = withFault(NO_FAULTS, { fault: "hung", from: 0, seed: 1 });
		const both = withFault(now, { fault: "garbage", from: 100, forSeconds: 5, seed: 1 });
		expect(faultsAt(withoutFaultsAt(both, 10), 101)).toEqual(["garbage"]);
	});

	it.each([1, 2, 3, 99])("lets a reboot last 60 to 90 s, whatever was asked (seed %i)", (seed) => {
		const timeline = withFault(NO_FAULTS, { fault: "reboot", from: 0, forSeconds: 1, seed });
		expect(isDark(timeline, 59.9)).toBe(true);
		expect(isDark(timeline, 90)).toBe(false);
	});

	it("keeps its newest 256 entries", () => {
		let timeline = NO_FAULTS;
		for (let second = 0; second < 300; second += 1) {
			timeline = withFault(timeline, { fault: "garbage", from: second, forSeconds: 1, seed: 1 });
		}
		expect(timeline).toHaveLength(TIMELINE_LIMIT);
		expect(faultsAt(timeline, 299)).toEqual(["garbage"]);
	});
});

describe("the demo's script", () => {
	const script = demoFaultScript({ miners: 120, gpuHosts: 4, seed: 2_026 });

	it("has three of 120 machines off from the start", () => {
		const off = script.filter(({ atSeconds, fault }) => atSeconds === 0 && fault === "off");
		expect(off).toHaveLength(3);
	});

	it("shows an overheating machine, a lost board and a hung one within the first minute", () => {
		const early = script.filter(({ atSeconds }) => atSeconds < 60).map(({ fault }) => fault);
		expect(early).toEqual(expect.arrayContaining(["overheating", "lost-board", "hung"]));
	});

	it("goes on for a day: something new at least every 150 s", () => {
		const times = [...new Set(script.map(({ atSeconds }) => atSeconds))].sort((one, other) => one - other);
		const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
		expect(Math.max(...pauses)).toBeLessThanOrEqual(150);
		expect(times.at(-1)).toBeGreaterThan(86_400 - 300);
	});

	it("is the same for the same seed and names only devices of the site", () => {
		expect(demoFaultScript({ miners: 120, gpuHosts: 4, seed: 2_026 })).toEqual(script);
		expect(script.every(({ device }) => Number(device) < 124)).toBe(true);
	});

	it.each([0, 1, 3])("is valid for a site of %i miners", (miners) => {
		const small = demoFaultScript({ miners, gpuHosts: 1, seed: 1 });
		expect(small.every(({ device }) => Number(device) <= miners)).toBe(true);
	});
});
