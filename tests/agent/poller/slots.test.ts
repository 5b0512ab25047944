import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	DOUBTFUL_IN_FLIGHT_MAX,
	type Lane,
	POLLS_IN_FLIGHT_MAX,
	SEARCHES_IN_FLIGHT_MAX,
	Slots,
} from "../../../agent/poller/slots.js";

function filled(waiting: Readonly<Record<Lane, number>>): Slots<string> {
	const slots = new Slots<string>();
	for (const lane of ["search", "suspect", "trusted"] as const) {
		for (let index = 0; index < waiting[lane]; index++) slots.wait(`${lane} ${index}`, lane);
	}
	return slots;
}

function takenOf(slots: Slots<string>): Record<Lane, number> {
	const taken = { trusted: 0, suspect: 0, search: 0 };
	for (let turn = slots.take(); turn !== undefined; turn = slots.take()) taken[turn.lane]++;
	return taken;
}

describe("slots", () => {
	it.each([
		[
			{ trusted: 100, suspect: 0, search: 0 },
			{ trusted: 64, suspect: 0, search: 0 },
		],
		[
			{ trusted: 0, suspect: 100, search: 0 },
			{ trusted: 0, suspect: 32, search: 0 },
		],
		[
			{ trusted: 0, suspect: 0, search: 100 },
			{ trusted: 0, suspect: 0, search: 24 },
		],
		[
			{ trusted: 0, suspect: 100, search: 100 },
			{ trusted: 0, suspect: 32, search: 0 },
		],
		[
			{ trusted: 0, suspect: 5, search: 100 },
			{ trusted: 0, suspect: 5, search: 24 },
		],
		[
			{ trusted: 100, suspect: 100, search: 100 },
			{ trusted: 56, suspect: 8, search: 0 },
		],
		[
			{ trusted: 10, suspect: 100, search: 100 },
			{ trusted: 10, suspect: 32, search: 0 },
		],
		[
			{ trusted: 100, suspect: 3, search: 0 },
			{ trusted: 61, suspect: 3, search: 0 },
		],
	])("of those that wait, %o, gives slots to %o", (waiting, taken) => {
		expect(takenOf(filled(waiting))).toEqual(taken);
	});

	it("serves each lane in the order of arrival", () => {
		const slots = filled({ trusted: 3, suspect: 0, search: 0 });
		expect([slots.take(), slots.take(), slots.take()].map((turn) => turn?.item)).toEqual([
			"trusted 0",
			"trusted 1",
			"trusted 2",
		]);
	});

	it("keeps its limits and loses nobody, whatever comes and goes", () => {
		const steps = fc.array(fc.constantFrom("trusted", "suspect", "search", "take", "release"), {
			maxLength: 600,
		});
		fc.assert(
			fc.property(steps, (plan) => {
				const slots = new Slots<number>();
				const taken: Lane[] = [];
				let waiting = 0;
				const perform = {
					take: () => {
						const turn = slots.take();
						if (turn === undefined) return;
						taken.push(turn.lane);
						waiting--;
					},
					release: () => {
						const lane = taken.shift();
						if (lane !== undefined) slots.release(lane);
					},
				};
				const wait = (index: number, lane: Lane) => {
					slots.wait(index, lane);
					waiting++;
				};
				for (const [index, step] of plan.entries()) {
					if (step === "take" || step === "release") perform[step]();
					else wait(index, step);
					const of = (lane: Lane) => taken.filter((one) => one === lane).length;
					expect(slots.waiting).toBe(waiting);
					expect(taken.length).toBeLessThanOrEqual(POLLS_IN_FLIGHT_MAX);
					expect(of("suspect") + of("search")).toBeLessThanOrEqual(DOUBTFUL_IN_FLIGHT_MAX);
					expect(of("search")).toBeLessThanOrEqual(SEARCHES_IN_FLIGHT_MAX);
				}
			}),
		);
	});
});
