import { describe, expect, it } from "vitest";
import { MissedPolls } from "../../../agent/outbox/missed-polls.js";
import type { Gap } from "../../../shared/wire/gap.js";
import { timeAt } from "../../shared/wire/examples.js";

const AT = 1_800_000_000_000;

function missing() {
	const told: Gap[] = [];
	const clock = { now: AT };
	const missed = new MissedPolls({ timeNow: () => timeAt(clock.now), tell: (_, gap) => told.push(gap) });
	return { told, clock, missed };
}

describe("polls that were never made", () => {
	it("are an agent_down of unknown count where the newest record is a minute old; 59 s are none", () => {
		const { told, missed } = missing();
		missed.started(AT - 59_000);
		missed.started(0);
		expect(told).toEqual([]);
		missed.started(AT - 60_000);
		expect(told).toEqual([{ reason: "agent_down", from: AT - 60_000, to: AT, outcomes: 0 }]);
	});

	it("are told once each: 5 overruns, then 2 more, and nothing where there were none", () => {
		const { told, clock, missed } = missing();
		for (const overruns of [5, 5, 7]) {
			clock.now += 600_000;
			missed.counted(overruns);
		}
		expect(told).toEqual([
			{ reason: "poll_overrun", from: AT, to: AT + 600_000, outcomes: 5 },
			{ reason: "poll_overrun", from: AT + 1_200_000, to: AT + 1_800_000, outcomes: 2 },
		]);
		expect(missed.told).toBe(7);
	});

	it("end no sooner than they began, though the wall clock was set back by an hour", () => {
		const { told, clock, missed } = missing();
		clock.now -= 3_600_000;
		missed.counted(1);
		expect(told).toMatchObject([{ from: AT - 3_600_000, to: AT - 3_600_000 }]);
	});
});
