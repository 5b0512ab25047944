import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairQueue } from "../../../collector/ingest/fair-queue.js";
import type { IncomingRecord } from "../../../collector/store/incoming.js";

const record = (agent: string, sequence: number, bytes = 1_000, epoch = "e"): IncomingRecord => ({
	agent,
	site: "austin",
	epoch,
	sequence,
	receivedAt: 0,
	offset: 0,
	bytes: Buffer.alloc(bytes),
});
const names = (batch: readonly IncomingRecord[]) => batch.map(({ agent, sequence }) => `${agent}${sequence}`);

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

	it("larger than an agent's part go one at a time, and their agent stands behind the others from then on", () => {
		const queue = new FairQueue();
		for (const sequence of [1, 2]) queue.add(record("large", sequence, 200_000));
		queue.add(record("small", 1, 100_000));
		expect(names(queue.take())).toEqual(["large1"]);
		expect(names(queue.take())).toEqual(["small1"]);
		expect(names(queue.take())).toEqual(["large2"]);
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

	it("all come, once, in their agent's order, within 256 KiB and 64 KiB of an agent, or alone", () => {
		const sizes = fc.array(
			fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.integer({ min: 1, max: 90_000 })),
		);
		fc.assert(
			fc.property(sizes, (wanted) => {
				const queue = new FairQueue();
				for (const [sequence, [agent, bytes]] of wanted.entries()) queue.add(record(agent, sequence, bytes));
				const got: string[] = [];
				while (queue.size > 0) {
					const batch = queue.take();
					const bytesOf = (own: readonly IncomingRecord[]) =>
						own.reduce((sum, { bytes }) => sum + bytes.length, 0);
					expect(batch.length === 1 || bytesOf(batch) <= 256 * 1_024).toBe(true);
					for (const agent of ["a", "b", "c", "d"]) {
						const own = batch.filter((one) => one.agent === agent);
						expect(own.length <= 1 || bytesOf(own) <= 64 * 1_024).toBe(true);
					}
					got.push(...names(batch));
				}
				for (const agent of ["a", "b", "c", "d"]) {
					const sent = wanted.flatMap(([of], sequence) => (of === agent ? [`${agent}${sequence}`] : []));
					expect(got.filter((name) => name.startsWith(agent))).toEqual(sent);
				}
			}),
		);
	});
});
