import { describe, expect, it } from "vitest";
import {
	CREDIT_MOST,
	creditOf,
	type Flow,
	type FlowSecond,
	flowAfter,
	isOtherCredit,
	UNHINDERED,
} from "../../../collector/ingest/credit.js";

const KIBIBYTE = 1_024;
const MEBIBYTE = KIBIBYTE * KIBIBYTE;

function flowOf(seconds: number, second: Partial<FlowSecond>, before: Flow = UNHINDERED): Flow {
	let flow = before;
	for (let count = 0; count < seconds; count += 1)
		flow = flowAfter(flow, { committedBytes: 0, waitingBytes: 0, presentWaitedMilliseconds: 0, ...second });
	return flow;
}

describe("credit", () => {
	it("is 1 MiB a lane while little waits, for up to 64 agents; more share 64 MiB", () => {
		expect(creditOf(UNHINDERED, 64)).toEqual(CREDIT_MOST);
		expect(creditOf(UNHINDERED, 0)).toEqual(CREDIT_MOST);
		expect(creditOf(UNHINDERED, 6_400)).toMatchObject({ live: Math.floor(MEBIBYTE / 100) });
	});

	it("is what the disk takes in four seconds, shared by all, once more waits than a commit takes", () => {
		const flow = flowOf(10, { committedBytes: 2 * MEBIBYTE, waitingBytes: 30 * MEBIBYTE });
		expect(creditOf(flow, 16)).toEqual({ live: MEBIBYTE / 2, backfill: MEBIBYTE / 2 });
	});

	it("of a disk that takes nothing is one commit's worth in all", () => {
		const flow = flowOf(1, { waitingBytes: 30 * MEBIBYTE });
		expect(creditOf(flow, 16).live).toBe(16 * KIBIBYTE);
	});

	it("of the backfill is none while what is made now waits longer than 2 s, and for 15 s after", () => {
		const late = { committedBytes: MEBIBYTE, waitingBytes: 30 * MEBIBYTE, presentWaitedMilliseconds: 2_001 };
		expect(creditOf(flowOf(1, late), 16)).toEqual({ live: MEBIBYTE / 4, backfill: 0 });
		expect(creditOf(flowOf(1, { ...late, presentWaitedMilliseconds: 1_999 }), 16).backfill).toBe(
			MEBIBYTE / 4,
		);
	});

	it("of the backfill comes back when the present was in time for 15 s", () => {
		const late = flowOf(1, { waitingBytes: 30 * MEBIBYTE, presentWaitedMilliseconds: 2_001 });
		expect(creditOf(flowOf(14, {}, late), 16).backfill).toBe(0);
		expect(creditOf(flowOf(15, {}, late), 16)).toEqual(CREDIT_MOST);
	});

	it("comes back within seconds, doubling each", () => {
		const least = flowOf(1, { waitingBytes: 30 * MEBIBYTE });
		expect(creditOf(flowOf(3, {}, least), 16).live).toBe(128 * KIBIBYTE);
		expect(creditOf(flowOf(8, {}, least), 16)).toEqual(CREDIT_MOST);
	});

	describe("sends viewers away", () => {
		const slow = { waitingBytes: MEBIBYTE, presentWaitedMilliseconds: 1_001 };

		it("once what is made now waits longer than 1 s in ten seconds running", () => {
			expect(flowOf(9, slow).overloadedSeconds).toBe(0);
			expect(flowOf(10, slow).overloadedSeconds).toBeGreaterThan(0);
			expect(creditOf(flowOf(3, slow), 16).backfill).toBeGreaterThan(0);
		});

		it.each([
			["one commit in two was slow", { ...slow, presentWaitedMilliseconds: 1_000 }],
			["no more waits than a commit takes", { ...slow, waitingBytes: MEBIBYTE / 4 }],
		])("never where %s", (_, second) => {
			let flow = UNHINDERED;
			for (let turn = 0; turn < 50; turn += 1) flow = flowOf(1, second, flowOf(1, slow, flow));
			expect(flow.overloadedSeconds).toBe(0);
		});

		it("until what is made now was in time for 3 s: a second that is slow again begins them anew", () => {
			const overloaded = flowOf(10, slow);
			const again = flowOf(1, slow, flowOf(2, {}, overloaded));
			expect(flowOf(2, {}, again).overloadedSeconds).toBe(1);
			expect(flowOf(3, {}, again).overloadedSeconds).toBe(0);
		});
	});

	it("is told where it is half, double, or whole again", () => {
		const told = { live: 1_000, backfill: 0 };
		expect(isOtherCredit(told, { live: 501, backfill: 0 })).toBe(false);
		expect(isOtherCredit(told, { live: 499, backfill: 0 })).toBe(true);
		expect(isOtherCredit(told, { live: 1_000, backfill: 1 })).toBe(true);
		expect(isOtherCredit({ ...CREDIT_MOST, live: MEBIBYTE - 1 }, CREDIT_MOST)).toBe(true);
		expect(isOtherCredit(CREDIT_MOST, CREDIT_MOST)).toBe(false);
	});
});
