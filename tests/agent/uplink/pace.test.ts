import { describe, expect, it } from "vitest";
import {
	afterRoundTrip,
	allowanceOf,
	filled,
	isLate,
	NO_CAP,
	newPace,
	newYielding,
	spent,
	type UplinkCaps,
	type Yielding,
} from "../../../agent/uplink/pace.js";
import { randomOf } from "../../shared/wire/examples.js";

const HOUR = 3_600_000;

/** Sends records whenever the live lane may; gives the bytes of each step. */
function sentBy(caps: UplinkCaps, milliseconds: number, stepMilliseconds: number, sizes: () => number) {
	let pace = newPace(caps, 0);
	const steps: number[] = [];
	for (let at = 0; at < milliseconds; at += stepMilliseconds) {
		pace = filled(pace, at);
		let bytes = 0;
		while (allowanceOf(pace).live > 0) {
			const size = sizes();
			bytes += size;
			pace = spent(pace, size);
		}
		steps.push(bytes);
	}
	return steps;
}

const total = (steps: readonly number[]) => steps.reduce((sum, one) => sum + one, 0);

describe("a cap of", () => {
	it.each([64, 512, 2_000])(
		"%d kbit/s holds over ten seconds to a tenth of a second and one record",
		(kilobits) => {
			const random = randomOf(kilobits);
			const steps = sentBy({ kilobitsPerSecond: kilobits }, 10_000, 50, () => 500 + random() * 20_000);
			const cap = kilobits * 125 * 10;
			expect(total(steps)).toBeGreaterThan(cap * 0.95);
			expect(total(steps)).toBeLessThanOrEqual(cap + kilobits * 12.5 + 20_500);
		},
	);

	it("100 MB a day holds in every 24 hours of three days to one record, and never goes silent for an hour", () => {
		const random = randomOf(7);
		const steps = sentBy({ megabytesPerDay: 100 }, 72 * HOUR, 2_000, () => 2_000 + random() * 30_000);
		const day = (24 * HOUR) / 2_000;
		const hour = HOUR / 2_000;
		for (let from = 0; from + day <= steps.length; from += hour) {
			const sent = total(steps.slice(from, from + day));
			expect(sent).toBeLessThanOrEqual(100e6 + 32_000);
			expect(sent).toBeGreaterThan(90e6);
			expect(total(steps.slice(from, from + hour))).toBeGreaterThan(0);
		}
	});

	it("both kinds obeys the tighter", () => {
		const steps = sentBy({ kilobitsPerSecond: 1_000, megabytesPerDay: 24 }, 10 * HOUR, 500, () => 5_000);
		expect(total(steps)).toBeLessThanOrEqual(10e6 + 1e6);
	});

	it("anything leaves half of its bucket to the live lane", () => {
		const pace = newPace({ kilobitsPerSecond: 800 }, 0);
		expect(allowanceOf(pace)).toEqual({ live: 10_000, backfill: 5_000 });
		expect(allowanceOf(spent(pace, 6_000))).toEqual({ live: 4_000, backfill: -1_000 });
	});

	it("none is no limit", () => {
		expect(allowanceOf(spent(newPace({}, 0), 1e12))).toEqual(NO_CAP);
	});
});

describe("the backfill's window", () => {
	const measured = (yielding: Yielding, roundTrips: readonly number[], from = 0) =>
		roundTrips.reduce((state, one, index) => afterRoundTrip(state, one, from + index * 200), yielding);

	it("grows to 1 MiB while round trips stay as short as the shortest", () => {
		expect(measured(newYielding(0), Array(40).fill(20)).windowBytes).toBe(1_024 * 1_024);
	});

	it("is nothing after nine round trips with 100 ms of queue, and opens again when the queue is gone", () => {
		const open = measured(newYielding(0), Array(40).fill(20));
		const shut = measured(open, Array(9).fill(120), 8_000);
		expect(shut.windowBytes).toBe(0);
		expect(measured(shut, [25], 10_000).windowBytes).toBe(32 * 1_024);
	});

	it("takes a satellite's 600 ms with 40 ms of jitter for its round trip, not for a queue", () => {
		const random = randomOf(3);
		const trips = Array.from({ length: 200 }, () => 600 + random() * 40);
		expect(measured(newYielding(0), trips).windowBytes).toBe(1_024 * 1_024);
	});

	it("learns within ten minutes that the link became longer", () => {
		const near = measured(newYielding(0), Array(40).fill(20));
		const far = measured(near, Array(3_100).fill(300), 8_000);
		expect(far.windowBytes).toBe(1_024 * 1_024);
		expect(isLate(far, 310)).toBe(false);
		expect(isLate(far, 400)).toBe(true);
	});
});
