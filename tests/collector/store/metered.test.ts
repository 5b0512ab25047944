/** A device with a meter of its own: its energy is the meter's, in counters and in the past, through restarts and late data. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { trailing } from "../../../collector/derive/energy.js";
import { seriesAnswer } from "../../../collector/expose/api/series.js";
import { Store } from "../../../collector/store/store.js";
import { realClock } from "../../../shared/clock.js";
import { type MonotonicMilliseconds, quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { deviceAt, type ExampleOutcome } from "../../shared/wire/examples.js";
import { type Arrival, arrive, deviceNamed, HOUR, MINUTE, NOON, present, SECOND } from "./example-store.js";

let folder = "";
let store: Store | undefined;
let monotonic = 0;
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "metered-"));
});
afterEach(async () => {
	await store?.close();
	store = undefined;
	rmSync(folder, { recursive: true, force: true });
});

const POWER = {
	hostOverheadRatio: 1.2,
	hostOverheadWatts: 0,
	feeds: [{ site: "austin", meter: "10.0.9.5", to: "device" as const, device: "10.0.0.1:80" }],
};

async function opened(now = NOON + 2 * HOUR): Promise<Store> {
	await store?.close();
	const clock = {
		...realClock,
		now: () => quantity<UnixMilliseconds>(now),
		monotonic: () => quantity<MonotonicMilliseconds>(monotonic),
	};
	store = await Store.open({ folder, clock, maxDevices: 10, power: POWER });
	return store;
}

const MINER = deviceAt("10.0.0.1:80", { serial: "A1", rack: "r1", model: "S21", pollIntervalSeconds: 10 });
const METER = deviceAt("10.0.9.5", { kind: "meter", serial: "M1", pollIntervalSeconds: 10 });

const miner: ExampleOutcome = { device: MINER, terahashesPerSecond: 200, watts: 3_600 };
const meter = (watts: number): ExampleOutcome => ({
	device: METER,
	terahashesPerSecond: Number.NaN,
	watts,
	before: 3_000,
});

/** Every ten seconds from `from` on. */
function readings(
	count: number,
	from: number,
	outcomes: readonly ExampleOutcome[],
	more: Partial<Arrival> = {},
): Arrival[] {
	const { sequence = 1 } = more;
	return Array.from({ length: count }, (_, index) => ({
		...more,
		sequence: sequence + index,
		wall: from + index * 10 * SECOND,
		outcomes,
	}));
}

async function minutes(from: number, to: number): Promise<readonly number[]> {
	const span = { from: quantity<UnixMilliseconds>(from), to: quantity<UnixMilliseconds>(to) };
	const rows = await store?.fleetSums({ ...span, tierSeconds: 60 });
	return Array.from(rows ?? [], ({ joules }) => Math.round(joules));
}

const OWN_MINUTE = 216_000;
const METERED_MINUTE = 240_000;

describe("a miner that says 3,600 W and draws 4,000 W by its meter", () => {
	it("has used 2,396,000 J after ten minutes, the first ten seconds by its own word, and does 200 TH/s at 20 J/TH", async () => {
		const open = await opened();
		await arrive(open, readings(61, NOON, [meter(4_000), miner]));
		const { meter: energy } = deviceNamed(open, "A1");
		expect(energy.joulesTotal).toBeCloseTo(2_396_000, 0);
		const sums = trailing(energy, NOON + 10 * MINUTE);
		expect((sums?.joulesWithWork ?? 0) / (sums?.terahashesWithPower ?? 1)).toBeCloseTo(20, 6);
	});

	it("has 240,000 J a minute in the past, the meter's own not added, whether the hour runs, is sealed, merged or read after a restart", async () => {
		const open = await opened();
		await arrive(open, readings(360, NOON, [meter(4_000), miner]));
		const seen = () => minutes(NOON, NOON + HOUR);
		const running = await seen();
		expect(running.slice(0, 59)).toEqual(new Array(59).fill(METERED_MINUTE));
		await open.seal({ all: true });
		expect(await seen()).toEqual(running);
		await open.merge();
		expect(await seen()).toEqual(running);
		await opened();
		expect(await seen()).toEqual(running);
	});

	it("counts with its own word again when the meter has been silent for more than three intervals", async () => {
		const open = await opened();
		await arrive(open, readings(30, NOON, [meter(4_000), miner]));
		await arrive(open, readings(30, NOON + 5 * MINUTE, [miner], { sequence: 31 }));
		expect(await minutes(NOON, NOON + 10 * MINUTE)).toEqual([
			...new Array(5).fill(METERED_MINUTE),
			// 20 s at the meter's 4,000 W, then 3,600 W.
			20 * 4_000 + 40 * 3_600,
			...new Array(3).fill(OWN_MINUTE),
			expect.any(Number),
		]);
	});

	it("is counted anew when the meter's readings come hours late, by another agent, after the hour was sealed", async () => {
		const open = await opened();
		await arrive(open, readings(360, NOON, [miner]));
		await open.seal({ all: true });
		expect((await minutes(NOON, NOON + 50 * MINUTE)).every((joules) => joules === OWN_MINUTE)).toBe(true);
		await arrive(open, readings(360, NOON, [meter(4_000)], { agent: "agent-2" }));
		const metered = new Array(50).fill(METERED_MINUTE);
		expect(await minutes(NOON, NOON + 50 * MINUTE)).toEqual(metered);
		await open.seal({ all: true });
		await open.merge();
		expect(await minutes(NOON, NOON + 50 * MINUTE)).toEqual(metered);
		await opened();
		expect(await minutes(NOON, NOON + 50 * MINUTE)).toEqual(metered);
	});

	it("has crossed its limit by the meter's 4,400 W, also when one of its readings comes late", async () => {
		const open = await opened();
		await arrive(open, readings(6, NOON, [meter(3_000), miner]));
		await arrive(open, readings(6, NOON + MINUTE, [meter(4_400), miner], { sequence: 7 }));
		const told = async () => {
			await open.watchNow();
			monotonic += 10 * SECOND;
			await open.watchNow();
			const span = { from: quantity<UnixMilliseconds>(NOON), to: quantity<UnixMilliseconds>(NOON + HOUR) };
			const found = await open.events({ ...span, limit: 10 });
			return found.map(({ at, kind, value }) => [(at - NOON) / SECOND, kind, value]);
		};
		expect(await told()).toEqual([[60, "limit-crossed", 4_400]]);
		await arrive(open, [{ sequence: 13, wall: NOON + 75 * SECOND, outcomes: [miner] }]);
		expect(await told()).toEqual([[60, "limit-crossed", 4_400]]);
	});

	it("shows 20 J/TH reading by reading in the API too, not the 18 of its own word", async () => {
		const open = await opened();
		await arrive(open, readings(12, NOON, [meter(4_000), miner]));
		const request = {
			devices: [deviceNamed(open, "A1")],
			measurements: ["efficiencyJoulesPerTerahash" as const],
			from: NOON,
			to: NOON + 2 * MINUTE,
		};
		const reply = await seriesAnswer(open, request, { power: POWER, timeZone: "UTC" });
		const values = "answer" in reply ? reply.answer.series[0]?.values : undefined;
		expect([...(values ?? [])]).toEqual(new Array(12).fill(20));
	});

	it("arrives at the same counters after a restart that reads the inbox again", async () => {
		const open = await opened();
		await arrive(open, readings(60, NOON, [meter(4_000), miner]));
		await open.seal();
		const more = readings(60, NOON + 10 * MINUTE, [meter(4_200), miner], { sequence: 61 });
		await arrive(open, more);
		const before = present(open);
		expect(present(await opened())).toEqual(before);
	});
});
