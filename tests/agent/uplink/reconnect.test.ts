import { describe, expect, it } from "vitest";
import { reconnectSeconds } from "../../../agent/uplink/reconnect.js";

describe("the wait before the next attempt", () => {
	it.each([
		[1, 2],
		[2, 4],
		[5, 32],
		[6, 60],
		[1_000, 60],
	])("is anything up to a limit: after attempt %d at most %d s", (attempt, most) => {
		expect(reconnectSeconds({ attempt, code: "COLLECTOR_UNREACHABLE", random: 0 })).toBe(0);
		expect(reconnectSeconds({ attempt, code: "COLLECTOR_UNREACHABLE", random: 0.999999 })).toBeCloseTo(
			most,
			3,
		);
	});

	it.each([
		[1, 1, 2],
		[8, 128, 256],
		[9, 150, 300],
		[1_000, 150, 300],
	])("after refusal %d of the credentials lies between %d and %d s", (attempt, least, most) => {
		expect(reconnectSeconds({ attempt, code: "AGENT_UNAUTHORIZED", random: 0 })).toBe(least);
		expect(reconnectSeconds({ attempt, code: "AGENT_UNAUTHORIZED", random: 0.999999 })).toBeCloseTo(most, 2);
	});
});
