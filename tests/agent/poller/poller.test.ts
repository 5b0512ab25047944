import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PollTarget } from "../../../agent/poller/poll-target.js";
import { type PolledOutcome, Poller } from "../../../agent/poller/poller.js";
import { allowedAddresses } from "../../../agent/transports/allowed-addresses.js";
import {
	allowed,
	type Behaviour,
	catalogue,
	driver,
	type Question,
	simulatedClock,
	simulatedDevices,
	target,
} from "./simulated.js";

const fine: Behaviour = { says: "17 W" };

function site(
	targets: readonly PollTarget[],
	behave: (question: Question) => Behaviour,
	random?: () => number,
) {
	const clock = simulatedClock(random);
	const devices = simulatedDevices(behave);
	const outcomes: PolledOutcome[] = [];
	const poller = new Poller({
		clock,
		targets,
		allowed,
		drivers: catalogue(driver()),
		ask: devices.ask,
		onOutcome: (polled) => outcomes.push(polled),
	});
	const of = (endpoint: string) => outcomes.filter(({ outcome }) => outcome.endpoint === endpoint);
	const codes = (endpoint: string) =>
		of(endpoint).map(({ outcome }) => (outcome.kind === "failure" ? outcome.code : "ok"));
	return { clock, poller, outcomes, asked: devices.asked, of, codes };
}

/** due = ok + failed + overruns + abandoned + waiting + in flight */
function isConserved(poller: Poller): boolean {
	const { due, ok, failed, overruns, abandoned, waiting, inFlight } = poller.statistics();
	const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
	return due === ok + failures + overruns + abandoned + waiting + inFlight;
}

const named = (host: string, more: Partial<PollTarget> = {}) => target(host, { driver: "plain", ...more });

describe("the poller", () => {
	it("gives each of 100 devices one outcome per interval: 12 in a minute at 5 s, 5 s apart", async () => {
		const targets = Array.from({ length: 100 }, (_, index) => named(`10.0.3.${index}`));
		const { clock, poller, of } = site(targets, () => fine);
		poller.start();
		await clock.advance(60_400);
		for (const { endpoint } of targets) {
			const times = of(endpoint).map(({ outcome }) => outcome.measuredAt);
			expect(times.length).toBeGreaterThanOrEqual(12);
			expect(times.slice(1).every((time, index) => time - (times[index] ?? 0) === 5_000)).toBe(true);
		}
		expect(poller.statistics()).toMatchObject({ overruns: 0, seen: 100, targets: 100, failed: {} });
		expect(isConserved(poller)).toBe(true);
	});

	it("asks a device once at a time: a poll that lasts past the next turn makes one counted overrun", async () => {
		const at = named("10.0.3.1", { pollIntervalSeconds: 2 });
		let inFlight = 0;
		let most = 0;
		const { clock, poller } = site([at], () => {
			inFlight++;
			most = Math.max(most, inFlight);
			clock.after(3_000, () => inFlight--);
			return { says: "17 W", afterMilliseconds: 3_000 };
		});
		poller.start();
		await clock.advance(20_000);
		const { ok, overruns, due } = poller.statistics();
		expect(most).toBe(1);
		expect(overruns).toBeGreaterThanOrEqual(4);
		expect(due).toBeGreaterThanOrEqual(9);
		expect(Math.abs(ok - overruns)).toBeLessThanOrEqual(1);
		expect(isConserved(poller)).toBe(true);
	});

	it("loses no poll: whatever devices do, each due poll is an outcome, an overrun or under way", async () => {
		const behaviours = fc.constantFrom<Behaviour>(
			fine,
			"hangs",
			{ says: "garbled" },
			{ says: "17 W", afterMilliseconds: 1_700 },
			{ fails: "DEVICE_CONNECTION_REFUSED" },
			{ fails: "DEVICE_UNREACHABLE", afterMilliseconds: 2_000 },
		);
		await fc.assert(
			fc.asyncProperty(
				fc.array(
					fc.record({
						plan: fc.array(behaviours, { minLength: 1, maxLength: 6 }),
						seconds: fc.integer({ min: 1, max: 9 }),
					}),
					{ minLength: 1, maxLength: 90 },
				),
				fc.integer({ min: 0, max: 20_000 }),
				async (devices, frozenMilliseconds) => {
					const targets = devices.map(({ seconds }, index) =>
						named(`10.0.3.${index}`, { pollIntervalSeconds: seconds }),
					);
					const turns = new Map<string, number>();
					const { clock, poller, outcomes } = site(targets, ({ target: { host } }) => {
						const turn = turns.get(host) ?? 0;
						turns.set(host, turn + 1);
						const plan = devices[Number(host.split(".")[3])]?.plan ?? [];
						return plan[turn % plan.length] ?? fine;
					});
					poller.start();
					await clock.advance(15_000);
					expect(isConserved(poller)).toBe(true);
					clock.freeze(frozenMilliseconds);
					await clock.advance(15_000);
					expect(isConserved(poller)).toBe(true);
					const { inFlight } = poller.statistics();
					expect(inFlight).toBeLessThanOrEqual(64);
					const stopping = poller.stop();
					await clock.advance(1_000);
					await stopping;
					const { started, ok, failed, waiting, abandoned } = poller.statistics();
					const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
					expect(waiting).toBe(0);
					expect(isConserved(poller)).toBe(true);
					expect(outcomes).toHaveLength(ok + failures);
					expect(started).toBeLessThanOrEqual(ok + failures + abandoned);
				},
			),
			{ numRuns: 12 },
		);
	});

	it("counts the turns that passed while the process stood still as overruns: 60 s at 5 s are 12", async () => {
		const { clock, poller } = site([named("10.0.3.1")], () => fine);
		poller.start();
		await clock.advance(5_000);
		clock.freeze(60_000);
		await clock.advance(5_000);
		const { overruns, due } = poller.statistics();
		expect(due).toBe(14);
		expect(overruns).toBe(11);
		expect(isConserved(poller)).toBe(true);
	});

	it("polls 60 honest devices every time while 120 others hang from the start", async () => {
		const honest = Array.from({ length: 60 }, (_, index) => named(`10.0.1.${index}`));
		const hung = Array.from({ length: 120 }, (_, index) => named(`10.0.2.${index}`));
		const isHonest = (host: string) => host.startsWith("10.0.1.");
		const { clock, poller, of } = site([...hung, ...honest], ({ target: { host } }) =>
			isHonest(host) ? fine : "hangs",
		);
		poller.start();
		await clock.advance(40_000);
		const before = honest.map(({ endpoint }) => of(endpoint).length);
		await clock.advance(60_000);
		for (const [index, { endpoint }] of honest.entries()) {
			expect(of(endpoint).length - (before[index] ?? 0)).toBe(12);
		}
		expect(isConserved(poller)).toBe(true);
	});

	it("keeps honest devices on time when 200 devices that answered hang at one moment", async () => {
		const honest = Array.from({ length: 100 }, (_, index) => named(`10.0.1.${index}`));
		const failing = Array.from({ length: 200 }, (_, index) => named(`10.0.2.${index}`));
		let hasFailed = false;
		const { clock, poller, of } = site([...failing, ...honest], ({ target: { host } }) =>
			hasFailed && host.startsWith("10.0.2.") ? "hangs" : fine,
		);
		poller.start();
		await clock.advance(20_000);
		hasFailed = true;
		await clock.advance(60_000);
		for (const { endpoint } of honest) {
			const times = of(endpoint).map(({ outcome }) => outcome.measuredAt);
			const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
			expect(times.length).toBeGreaterThanOrEqual(15);
			expect(Math.max(...gaps)).toBeLessThanOrEqual(6_000);
		}
		expect(isConserved(poller)).toBe(true);
	});

	it("does not cut off devices that always need 1.5 s, though more of them wait than there are slots", async () => {
		const slow = Array.from({ length: 300 }, (_, index) => named(`10.0.${index >> 8}.${index & 255}`));
		const { clock, poller } = site(slow, () => ({ says: "17 W", afterMilliseconds: 1_500 }));
		poller.start();
		await clock.advance(60_000);
		const { failed, ok } = poller.statistics();
		expect(failed).toEqual({});
		expect(ok).toBeGreaterThanOrEqual(1_000);
		expect(isConserved(poller)).toBe(true);
	});

	it("still asks devices in doubt while slow devices could fill all 64 slots", async () => {
		const slow = Array.from({ length: 300 }, (_, index) => named(`10.0.${index >> 8}.${index & 255}`));
		const down = named("10.2.0.1");
		const { clock, poller, codes } = site([...slow, down], ({ target: { host } }) =>
			host === down.host
				? { fails: "DEVICE_CONNECTION_REFUSED" }
				: { says: "17 W", afterMilliseconds: 1_500 },
		);
		poller.start();
		await clock.advance(60_000);
		const before = codes(down.endpoint).length;
		await clock.advance(60_000);
		expect(codes(down.endpoint).length - before).toBeGreaterThanOrEqual(4);
	});

	it("has at most 64 polls under way, 32 to devices in doubt and 24 to addresses it searches", async () => {
		const up = Array.from({ length: 400 }, (_, index) => named(`10.0.${index >> 8}.${index & 255}`));
		const empty = Array.from({ length: 300 }, (_, index) =>
			target(`10.1.${index >> 8}.${index & 255}`, { isListed: false }),
		);
		const down = Array.from({ length: 100 }, (_, index) => named(`10.2.0.${index}`));
		const inFlight = { "10.0": 0, "10.1": 0, "10.2": 0 };
		const most = { all: 0, doubtful: 0, searched: 0 };
		const groupOf = (host: string) =>
			(["10.0", "10.1"] as const).find((group) => host.startsWith(group)) ?? "10.2";
		const { clock, poller } = site([...empty, ...down, ...up], ({ target: { host } }) => {
			const group = groupOf(host);
			const afterMilliseconds = group === "10.0" ? 300 : 1_000;
			inFlight[group]++;
			clock.after(afterMilliseconds - 1, () => inFlight[group]--);
			const doubtful = inFlight["10.1"] + inFlight["10.2"];
			most.all = Math.max(most.all, inFlight["10.0"] + doubtful);
			if (clock.monotonic() > settledAt) most.doubtful = Math.max(most.doubtful, doubtful);
			most.searched = Math.max(most.searched, inFlight["10.1"]);
			return group === "10.0"
				? { says: "17 W", afterMilliseconds }
				: { fails: "DEVICE_UNREACHABLE", afterMilliseconds };
		});
		const settledAt = clock.monotonic() + 30_000;
		poller.start();
		await clock.advance(60_000);
		expect(most).toEqual({ all: 64, doubtful: 32, searched: 24 });
	});

	it.each([0, 0.5, 0.999])(
		"shows a device as down within 15 s at 5 s, and as back within 15 s, when chance draws %d",
		async (drawn) => {
			const at = named("10.0.3.1");
			let isUp = true;
			const { clock, poller, of } = site(
				[at],
				() => (isUp ? fine : "hangs"),
				() => drawn,
			);
			poller.start();
			await clock.advance(20_000);
			isUp = false;
			const downAt = clock.monotonic();
			await clock.advance(300_000);
			isUp = true;
			const backAt = clock.monotonic();
			await clock.advance(30_000);
			const firstDown =
				of(at.endpoint).find(({ outcome }) => outcome.kind === "failure")?.outcome.measuredAt ?? 0;
			const firstBack = of(at.endpoint).find(
				({ outcome }) => outcome.kind === "reading" && outcome.measuredAt > backAt,
			)?.outcome.measuredAt;
			expect(firstDown - downAt).toBeLessThanOrEqual(15_000);
			expect((firstBack ?? Number.POSITIVE_INFINITY) - backAt).toBeLessThanOrEqual(20_000);
		},
	);

	it("reports a listed address that never answered, and an address of a range only once it answered", async () => {
		let isThere = false;
		const listed = named("10.0.3.1");
		const ranged = named("10.0.3.2", { isListed: false });
		const { clock, poller, codes } = site([listed, ranged], ({ target: { host } }) =>
			isThere && host === ranged.host ? fine : { fails: "DEVICE_UNREACHABLE" },
		);
		poller.start();
		await clock.advance(30_000);
		expect(codes(listed.endpoint).length).toBeGreaterThanOrEqual(3);
		expect(codes(ranged.endpoint)).toEqual([]);
		isThere = true;
		await clock.advance(1_200_000);
		expect(codes(ranged.endpoint)[0]).toBe("ok");
		isThere = false;
		await clock.advance(30_000);
		expect(codes(ranged.endpoint).at(-1)).toBe("DEVICE_UNREACHABLE");
	});

	it("reports an address of a range that asks for a password, although it never gave a reading", async () => {
		const ranged = target("10.0.3.2", { isListed: false });
		const { clock, poller, of } = site([ranged], ({ request }) =>
			"send" in request && request.send === "version" ? { says: "plain" } : { fails: "DEVICE_UNAUTHORIZED" },
		);
		poller.start();
		await clock.advance(10_000);
		expect(of(ranged.endpoint)[0]).toMatchObject({
			outcome: { kind: "failure", code: "DEVICE_UNAUTHORIZED" },
			description: { driver: "plain" },
		});
	});

	it("searches 1,000 empty addresses beside 50 devices without an overrun of either", async () => {
		const devices = Array.from({ length: 50 }, (_, index) => named(`10.0.1.${index}`));
		const empty = Array.from({ length: 1_000 }, (_, index) =>
			target(`10.1.${index >> 8}.${index & 255}`, { isListed: false }),
		);
		const { clock, poller, outcomes } = site([...empty, ...devices], ({ target: { host } }) =>
			host.startsWith("10.0.1.") ? fine : { fails: "DEVICE_UNREACHABLE", afterMilliseconds: 2_000 },
		);
		poller.start();
		await clock.advance(60_000);
		expect(poller.statistics().overruns).toBe(0);
		await clock.advance(60_000);
		expect(poller.statistics().overruns).toBe(0);
		expect(outcomes.every(({ outcome }) => outcome.kind === "reading")).toBe(true);
		expect(isConserved(poller)).toBe(true);
	});

	it("gives the same description object until something changes", async () => {
		let text = "17 W, firmware a";
		const { clock, poller, of } = site([named("10.0.3.1", { rack: "R07" })], () => ({ says: text }));
		poller.start();
		await clock.advance(10_000);
		text = "17 W, firmware b";
		await clock.advance(5_000);
		const [first, second, third] = of("10.0.3.1:4028").map(({ description }) => description);
		expect(first).toMatchObject({ firmware: "a", rack: "R07", driver: "plain" });
		expect(second).toBe(first);
		expect(third).toMatchObject({ firmware: "b" });
	});

	it("keeps unchanged targets, their health and driver, when the targets are replaced", async () => {
		const kept = target("10.0.3.1");
		const removed = target("10.0.3.2");
		const added = target("10.0.3.3");
		const { clock, poller, asked, of } = site([kept, removed], () => fine);
		poller.start();
		await clock.advance(10_000);
		const before = of(removed.endpoint).length;
		poller.replaceTargets([{ ...kept }, added]);
		await clock.advance(10_000);
		expect(of(removed.endpoint)).toHaveLength(before);
		expect(of(added.endpoint).length).toBeGreaterThanOrEqual(2);
		const probed = asked.filter(({ request }) => "send" in request && request.send === "version");
		expect(probed.map(({ target: { host } }) => host).filter((host) => host === kept.host)).toHaveLength(1);
		const times = of(kept.endpoint).map(({ outcome }) => outcome.measuredAt);
		expect(times.slice(2).every((time, index) => time - (times[index + 1] ?? 0) === 5_000)).toBe(true);
		expect(isConserved(poller)).toBe(true);
	});

	it("takes a target's new interval, rack and driver at once", async () => {
		const at = target("10.0.3.1");
		const { clock, poller, of } = site([at], () => fine);
		poller.start();
		await clock.advance(10_000);
		const before = of(at.endpoint).length;
		poller.replaceTargets([{ ...at, pollIntervalSeconds: 1, rack: "R08", driver: "plain" }]);
		await clock.advance(10_000);
		expect(of(at.endpoint).length - before).toBe(10);
		expect(of(at.endpoint).at(-1)?.description).toMatchObject({ rack: "R08", pollIntervalSeconds: 1 });
	});

	it("abandons the poll under way of a target that is removed, and counts it", async () => {
		const at = named("10.0.3.1");
		const { clock, poller, outcomes } = site([at], () => "hangs");
		poller.start();
		while (poller.statistics().inFlight === 0) await clock.advance(200);
		poller.replaceTargets([], allowedAddresses([]).allowed);
		await clock.advance(10_000);
		expect(outcomes).toEqual([]);
		expect(poller.statistics()).toMatchObject({ abandoned: 1, inFlight: 0, targets: 0 });
		expect(isConserved(poller)).toBe(true);
	});

	it("waits 1 s for polls under way when it stops, gives their outcomes, and asks nothing more", async () => {
		const quick = named("10.0.3.1");
		const hung = named("10.0.3.2");
		const { clock, poller, outcomes, asked } = site([quick, hung], ({ target: { host } }) =>
			host === hung.host ? "hangs" : { says: "17 W", afterMilliseconds: 800 },
		);
		poller.start();
		await clock.advance(200);
		while (poller.statistics().inFlight === 0) await clock.advance(200);
		const questions = asked.length;
		let hasStopped = false;
		const stopping = poller.stop().then(() => {
			hasStopped = true;
		});
		await clock.advance(1_000);
		await stopping;
		expect(hasStopped).toBe(true);
		await clock.advance(60_000);
		expect(asked).toHaveLength(questions);
		expect(poller.statistics()).toMatchObject({ inFlight: 0, waiting: 0 });
		expect(outcomes.length + poller.statistics().abandoned).toBe(questions);
		expect(isConserved(poller)).toBe(true);
	});

	it("counts durations in buckets: of polls of 20 ms none took at most 10 ms, all at most 25 ms", async () => {
		const { clock, poller } = site([named("10.0.3.1")], () => ({ says: "17 W", afterMilliseconds: 20 }));
		poller.start();
		await clock.advance(30_000);
		const { duration, ok } = poller.statistics();
		expect(duration.count).toBe(ok);
		expect(duration.sumSeconds).toBeCloseTo(ok * 0.02, 6);
		expect(duration.buckets.find(({ upToSeconds }) => upToSeconds === 0.01)?.count).toBe(0);
		expect(duration.buckets.find(({ upToSeconds }) => upToSeconds === 0.025)?.count).toBe(ok);
	});

	it("counts a poll's time to its last byte: 20 ms, though its answer waits 40 ms to be decoded", async () => {
		const clock = simulatedClock();
		const known = catalogue(driver());
		const outcomes: PolledOutcome[] = [];
		const poller = new Poller({
			clock,
			targets: [named("10.0.3.1")],
			allowed,
			drivers: {
				...known,
				decode(by, answers) {
					clock.freeze(40);
					return known.decode(by, answers);
				},
			},
			ask: simulatedDevices(() => ({ says: "17 W", afterMilliseconds: 20 })).ask,
			onOutcome: (polled) => outcomes.push(polled),
		});
		poller.start();
		await clock.advance(5_000);
		expect(outcomes.map(({ outcome }) => outcome.took)).toEqual([expect.closeTo(0.02, 9)]);
		expect(poller.statistics().duration.sumSeconds).toBeCloseTo(0.02, 9);
	});
});
