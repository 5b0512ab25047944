/** Events as a real store derives, keeps and corrects them: in time, late, over restarts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EVENT_KINDS, type FleetEvent } from "../../../collector/derive/events.js";
import type { IncomingRecord } from "../../../collector/store/incoming.js";
import { Store } from "../../../collector/store/store.js";
import { type Clock, realClock } from "../../../shared/clock.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { definitionText, hashOf } from "../../../shared/wire/definition.js";
import { encodeGap } from "../../../shared/wire/record.js";
import { deviceAt, EPOCH, randomOf, timeAt } from "../../shared/wire/examples.js";
import { AGENT, INCIDENT, INCIDENT_DEFINITIONS, recordOf, type Told } from "./example-incident.js";
import { HOUR, MINUTE, NOON, SECOND } from "./example-store.js";

describe("events of a store", () => {
	let folder: string;
	let store: Store;
	let now = NOON;
	let monotonic = 0;
	const clock: Clock = {
		...realClock,
		now: () => quantity<UnixMilliseconds>(now),
		monotonic: () => quantity(monotonic),
	};
	const open = async () => {
		const power = { hostOverheadRatio: 1.2, hostOverheadWatts: 0 };
		store = await Store.open({ folder, clock, maxDevices: 100, power, temperatureLimits: { chip: 90 } });
		for (const { hash, text, definition } of INCIDENT_DEFINITIONS) store.define(hash, text, definition);
	};
	const commit = (records: readonly IncomingRecord[]) => store.commit(records);
	/** As the collector's job does each second; twice, so that what is late counts as quiet. */
	const look = async () => {
		await store.watchNow();
		monotonic += 10 * SECOND;
		await store.watchNow();
	};
	const kept = (from = NOON - HOUR, to = NOON + 100 * HOUR): Promise<readonly FleetEvent[]> =>
		store.events({
			from: quantity<UnixMilliseconds>(from),
			to: quantity<UnixMilliseconds>(to),
			order: "oldest",
			limit: 1_000,
		});
	const words = (events: readonly FleetEvent[]) =>
		events.map(
			({ at, kind, reason }) => `${(at - NOON) / SECOND} ${kind}${reason === undefined ? "" : ` ${reason}`}`,
		);

	beforeEach(async () => {
		folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-events-"));
		now = NOON;
		monotonic = 0;
		await open();
	});
	afterEach(async () => {
		await store.close();
		rmSync(folder, { recursive: true, force: true });
	});

	const LIFE = [
		"100 down DEVICE_TIMEOUT",
		"150 reboot",
		"150 up DEVICE_TIMEOUT",
		// 91 °C is above 90 °C; 88.5 °C is not yet below 97 % of it; 70 °C is.
		"300 limit-crossed temperature of chip",
		"450 limit-cleared temperature of chip",
		"500 board-lost boards",
		"550 board-back boards",
		"600 throttled heat",
		"625 unthrottled heat",
		"700 pool-changed",
		"725 pool-changed",
		"1000 firmware-changed",
	];

	it("are what happened, with time and reason", async () => {
		await commit(INCIDENT.map((told, index) => recordOf(told, index + 1)));
		await look();
		expect(words(await kept())).toEqual(LIFE);
		const [down] = await kept();
		expect(down).toMatchObject({ device: "S-1", site: "austin", kind: "down" });
		const since = quantity<UnixMilliseconds>(NOON);
		const agent = { agent: "agent-1", site: "austin", isConnected: true, since, gapOutcomes: 0 };
		store.setAgent({ ...agent, gapsByReason: {} });
		expect(store.eventCounts()).toContainEqual({ site: "austin", kind: "down", count: 1 });
		// Of what did not happen yet, too: a counter that begins at 1 hides its first event.
		expect(store.eventCounts()).toContainEqual({ site: "austin", kind: "gap", count: 0 });
		expect(store.eventCounts().length).toBe(EVENT_KINDS.length);
	});

	it.each([1, 2, 3])(
		"are the same when a link was lost and the backlog came in blocks, the newest first (seed %d)",
		async (seed) => {
			const random = randomOf(seed);
			const records = INCIDENT.map((told, index) => recordOf(told, index + 1));
			const [lost, back] = [10 + Math.floor(random() * 100), 150 + Math.floor(random() * 80)];
			await commit(records.slice(0, lost));
			await look();
			await commit(records.slice(back, back + 5));
			await look();
			const backlog = records.slice(lost, back);
			while (backlog.length > 0) {
				await commit(backlog.splice(-Math.ceil(random() * 20)));
				if (random() < 0.3) await look();
				if (random() < 0.2) await store.seal({ all: true });
			}
			await commit(records.slice(back + 5));
			await look();
			expect(words(await kept())).toEqual(LIFE);
		},
	);

	it("tell a firmware once, by the first of two late blocks that have it", async () => {
		const records = INCIDENT.map((told, index) => recordOf(told, index + 1));
		await commit(records.slice(0, 195));
		await commit(records.slice(235));
		await look();
		await commit(records.slice(215, 235));
		await commit(records.slice(195, 215));
		await look();
		expect(words(await kept())).toEqual(LIFE);
	});

	it("are right where all outcomes of a day came late, in two pieces: what was before is known", async () => {
		let sequence = 0;
		const say = async (told: readonly Told[]) => {
			for (const one of told) {
				sequence += 1;
				await commit([recordOf(one, sequence)]);
			}
			await look();
		};
		const down = (hours: number) => ({ at: NOON + hours * HOUR, code: "DEVICE_TIMEOUT" });
		now = NOON + 49 * HOUR;
		await say([{ at: NOON }, down(1), down(48)]);
		await say([down(24), down(25)]);
		expect(words(await kept())).toEqual(["3600 down DEVICE_TIMEOUT"]);
		await say([{ at: NOON + 26 * HOUR }]);
		expect(words(await kept())).toEqual([
			"3600 down DEVICE_TIMEOUT",
			"93600 up DEVICE_TIMEOUT",
			"172800 down DEVICE_TIMEOUT",
		]);
	});

	it("stay as they are when an outcome comes from 1970: half a century is not read again", async () => {
		await commit(INCIDENT.map((told, index) => recordOf(told, index + 1)));
		await look();
		await commit([recordOf({ at: 10 * SECOND, code: "DEVICE_TIMEOUT" }, 1_000)]);
		await look();
		expect(words(await kept(0))).toEqual(LIFE);
	});

	it("survive a restart, and are not told twice by it", async () => {
		const records = INCIDENT.map((told, index) => recordOf(told, index + 1));
		await commit(records.slice(0, 90));
		await look();
		await commit(records.slice(90, 115));
		// Not stored yet: the restart derives them from the inbox.
		await store.close();
		await open();
		await commit(records.slice(115));
		await look();
		expect(words(await kept())).toEqual(LIFE);
	});

	it("tell of a device that nobody hears of while its agent speaks, and of none while the agent is silent", async () => {
		const agent = (at: number): Told => ({ at, device: AGENT });
		const both = (seconds: number) => [{ at: NOON + seconds * SECOND }, agent(NOON + seconds * SECOND)];
		let sequence = 0;
		const say = async (told: readonly Told[]) => {
			await commit(told.map((one, index) => recordOf(one, sequence + index + 1)));
			sequence += told.length;
			now = told.at(-1)?.at ?? now;
			await look();
		};
		for (let seconds = 0; seconds <= 60; seconds += 5) await say(both(seconds));
		now += 120 * SECOND;
		await look();
		expect(words(await kept())).toEqual([]);
		// It speaks again, and asks all its devices.
		for (let seconds = 180; seconds <= 200; seconds += 5) await say(both(seconds));
		for (let seconds = 205; seconds <= 240; seconds += 5) await say([agent(NOON + seconds * SECOND)]);
		expect(words(await kept())).toEqual(["215 down DEVICE_SILENT"]);
		// What was on its way all the time proves the contrary.
		await say([...Array.from({ length: 7 }, (_, index) => ({ at: NOON + (245 + index * 5) * SECOND }))]);
		await commit(
			Array.from({ length: 8 }, (_, index) =>
				recordOf({ at: NOON + (205 + index * 5) * SECOND }, 1_000 + index),
			),
		);
		await look();
		expect(words(await kept())).toEqual([]);
	});

	it("tell of an agent that is silent for 10 s and comes back, of its lost outcomes and of its clock", async () => {
		const agent = { agent: "agent-1", site: "austin", gapOutcomes: 0, gapsByReason: {} };
		const since = (at: number) => quantity<UnixMilliseconds>(at);
		store.setAgent({ ...agent, isConnected: true, since: since(NOON), clockOffsetMilliseconds: 3 });
		now = NOON + 5 * SECOND;
		store.setAgent({ ...agent, isConnected: false, since: since(now), clockOffsetMilliseconds: 3 });
		await look();
		now = NOON + 16 * SECOND;
		await look();
		now = NOON + 30 * SECOND;
		store.setAgent({ ...agent, isConnected: true, since: since(now), clockOffsetMilliseconds: 90_000 });
		const gap = { from: NOON, to: NOON + MINUTE, reason: "OUTBOX_FULL", outcomes: 12 };
		const bytes = encodeGap(timeAt(now), gap);
		await commit([
			{ agent: "agent-1", site: "austin", epoch: EPOCH, sequence: 1, receivedAt: now, offset: 0, bytes },
		]);
		await look();
		expect(words(await kept())).toEqual([
			"0 gap OUTBOX_FULL",
			"5 agent-silent AGENT_SILENT",
			"30 agent-back",
			"30 clock-step",
		]);
	});

	it("tell that an agent is back which was silent before a restart, and not because it hung up", async () => {
		const agent = { agent: "agent-1", site: "austin", gapOutcomes: 0, gapsByReason: {} };
		const connected = (isConnected: boolean) =>
			store.setAgent({ ...agent, isConnected, since: quantity<UnixMilliseconds>(now) });
		connected(true);
		await commit([recordOf({ at: NOON }, 1)]);
		now = NOON + 20 * SECOND;
		await look();
		connected(false);
		now += 2 * SECOND;
		await look();
		await store.close();
		await open();
		now += 3 * SECOND;
		await look();
		expect(words(await kept())).toEqual(["0 agent-silent AGENT_SILENT"]);
		connected(true);
		await look();
		expect(words(await kept())).toEqual(["0 agent-silent AGENT_SILENT", "25 agent-back"]);
	});

	it("tell of two devices that claim one serial", async () => {
		const copy = deviceAt("10.0.0.2", { serial: "S-1", model: "Antminer S19", firmware: "1.0" });
		store.define(hashOf(copy), definitionText(copy), copy);
		await commit([recordOf({ at: NOON }, 1), recordOf({ at: NOON + SECOND, device: copy }, 2)]);
		await look();
		expect((await kept()).map(({ kind, device, after }) => [kind, device, after])).toEqual([
			["identity-clash", "S-1", "10.0.0.2"],
		]);
	});

	it("go when they are too old", async () => {
		await commit(INCIDENT.map((told, index) => recordOf(told, index + 1)));
		await look();
		await store.retention.dropEventsBefore(NOON + 600 * SECOND);
		expect(words(await kept())).toEqual(LIFE.slice(7));
	});
});
