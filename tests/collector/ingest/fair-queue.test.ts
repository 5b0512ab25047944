import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairQueue, type WaitingRecord } from "../../../collector/ingest/fair-queue.js";
import type { Lane } from "../../../shared/wire/messages.js";

const record = (agent: string, sequence: number, bytes = 1_000, epoch = "e"): WaitingRecord => ({
	agent,
	site: "austin",
	epoch,
	lane: "live",
	sequence,
	receivedAt: 0,
	offset: 0,
	bytes: Buffer.alloc(bytes),
});
const names = (batch: readonly WaitingRecord[]) => batch.map(({ agent, sequence }) => `${agent}${sequence}`);

describe("records that wait for their commit", () => {
	it("of an agent that comes behind 4 MB of another are in the next batch, first but for one", () => {
		const queue = new FairQueue();
		for (let sequence = 1; sequence <= 4_000; sequence += 1) queue.add(record("greedy", sequence));
		expect(names(queue.take())).toHaveLength(65);
		queue.add(record("honest", 1));
		queue.add(record("honest", 2));
		expect(names(queue.take()).slice(0, 5)).toEqual([
			"greedy66",
			"honest1",
			"greedy67",
			"honest2",
			"greedy68",
		]);
	});

	it("of two sites' agents of one name stand in lines of their own, and weigh on their own sender alone", () => {
		const queue = new FairQueue();
		for (let sequence = 1; sequence <= 4_000; sequence += 1) queue.add(record("hall-1", sequence));
		queue.add({ ...record("hall-1", 1), site: "west" });
		expect(queue.take().findIndex(({ site }) => site === "west")).toBe(1);
		expect(queue.bytesOf({ site: "west", agent: "hall-1" })).toBe(0);
		expect(queue.bytesOf({ site: "austin", agent: "hall-1" })).toBe((4_000 - 65) * 1_000);
	});

	const past = (agent: string, sequence: number, bytes = 1_000): WaitingRecord => ({
		...record(agent, sequence, bytes),
		lane: "backfill",
	});

	it("made now go before 4 MB of the past, their own agent's and others'", () => {
		const queue = new FairQueue();
		for (let sequence = 1; sequence <= 2_000; sequence += 1)
			for (const agent of ["a", "b"]) queue.add(past(agent, sequence));
		for (const agent of ["b", "c"]) queue.add(record(agent, 9_000));
		expect(names(queue.take()).slice(0, 4)).toEqual(["b9000", "c9000", "a1", "b1"]);
	});

	it("of the past begin one batch in eight where the present takes all there is", () => {
		const queue = new FairQueue();
		for (let sequence = 1; sequence <= 40; sequence += 1) {
			queue.add(record("busy", sequence, 250_000));
			queue.add(past("late", sequence, 250_000));
		}
		const first = Array.from({ length: 24 }, () => names(queue.take())[0]);
		expect(first.filter((name) => name?.startsWith("late"))).toEqual(["late1", "late2", "late3"]);
	});

	it("larger than an agent's part go one at a time, and their agent stands behind the others from then on", () => {
		const queue = new FairQueue();
		for (const sequence of [1, 2]) queue.add(record("large", sequence, 200_000));
		queue.add(record("small", 1, 100_000));
		expect(names(queue.take())).toEqual(["large1"]);
		expect(names(queue.take())).toEqual(["small1"]);
		expect(names(queue.take())).toEqual(["large2"]);
	});

	it("of both lanes that were put back stand in their own again", () => {
		const queue = new FairQueue();
		for (const sequence of [1, 2]) queue.add(past("a", sequence));
		queue.add(record("a", 3));
		queue.putBack(queue.take());
		queue.add(record("a", 4));
		queue.forget({ site: "austin", agent: "b" }, "e");
		expect(names(queue.take())).toEqual(["a3", "a4", "a1", "a2"]);
		queue.add(past("a", 5));
		queue.forget({ site: "austin", agent: "a" }, "e");
		expect([queue.size, queue.bytesOf({ site: "austin", agent: "a" })]).toEqual([0, 0]);
	});

	it("that were put back, or whose epoch is forgotten, keep the order of the rest", () => {
		const queue = new FairQueue();
		for (const sequence of [1, 2]) queue.add(record("a", sequence));
		for (const sequence of [1, 2]) queue.add(record("b", sequence, 1_000, `e${sequence}`));
		queue.putBack(queue.take());
		queue.add(record("a", 3));
		queue.forget({ site: "austin", agent: "b" }, "e1");
		expect(queue.size).toBe(4);
		expect(names(queue.take()).sort()).toEqual(["a1", "a2", "a3", "b2"]);
		expect([queue.size, queue.take()]).toEqual([0, []]);
	});

	it("all come, once, in the order of their agent's lane, within 256 KiB and 64 KiB of a lane, or alone", () => {
		const sizes = fc.array(
			fc.tuple(
				fc.constantFrom("a", "b", "c", "d"),
				fc.integer({ min: 1, max: 90_000 }),
				fc.constantFrom<Lane>("live", "backfill"),
			),
		);
		const lines = ["a", "b", "c", "d"].flatMap((agent) => [
			{ agent, lane: "live" },
			{ agent, lane: "backfill" },
		]);
		fc.assert(
			fc.property(sizes, (wanted) => {
				const queue = new FairQueue();
				for (const [sequence, [agent, bytes, lane]] of wanted.entries())
					queue.add({ ...record(agent, sequence, bytes), lane });
				const got: WaitingRecord[] = [];
				while (queue.size > 0) {
					const batch = queue.take();
					const bytesOf = (own: readonly WaitingRecord[]) =>
						own.reduce((sum, { bytes }) => sum + bytes.length, 0);
					expect(batch.length === 1 || bytesOf(batch) <= 256 * 1_024).toBe(true);
					for (const { agent, lane } of lines) {
						const own = batch.filter((one) => one.agent === agent && one.lane === lane);
						expect(own.length <= 1 || bytesOf(own) <= 64 * 1_024).toBe(true);
					}
					got.push(...batch);
				}
				for (const { agent, lane } of lines) {
					const sent = wanted.flatMap(([of, , on], sequence) =>
						of === agent && on === lane ? [sequence] : [],
					);
					const came = got.filter((one) => one.agent === agent && one.lane === lane);
					expect(came.map(({ sequence }) => sequence)).toEqual(sent);
				}
			}),
		);
	});
});
