/** A recorded incident of a real store, played: the same as it was live, at every speed. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import type {
	DeviceSummary,
	EventAnswer,
	ReplayCommand,
	ReplayMessage,
} from "../../../../collector/expose/answers.js";
import { ReplayClient } from "../../../../collector/expose/live/replay-client.js";
import { Player, type ReplayWish } from "../../../../collector/expose/replay/player.js";
import { type Expose, startExpose } from "../../../../collector/expose/start.js";
import { createView } from "../../../../collector/expose/view.js";
import { Store } from "../../../../collector/store/store.js";
import { type Clock, realClock } from "../../../../shared/clock.js";
import { quantity, type UnixMilliseconds } from "../../../../shared/units.js";
import { encodeGap } from "../../../../shared/wire/record.js";
import { EPOCH, timeAt } from "../../../shared/wire/examples.js";
import { AGENT, INCIDENT, INCIDENT_DEFINITIONS, recordOf } from "../../store/example-incident.js";
import { NOON, SECOND } from "../../store/example-store.js";
import { VIEW_OPTIONS } from "../fleet-fixture.js";

const STEP_SECONDS = 5;
const FROM = NOON + 60 * SECOND;
const TO = NOON + 1_150 * SECOND;
/** From then on another agent reads the same machine, too. */
const CLAIMED = NOON + 800 * SECOND;
const OPTIONS = { ...VIEW_OPTIONS, temperatureLimits: { chip: 90 } };

describe("a replay", () => {
	const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-replay-"));
	let store: Store;
	let now = NOON;
	const clock: Clock = { ...realClock, now: () => quantity<UnixMilliseconds>(now) };
	const live = new Map<number, readonly DeviceSummary[]>();

	beforeAll(async () => {
		store = await Store.open({
			folder,
			clock,
			maxDevices: 10,
			power: OPTIONS.power,
			temperatureLimits: { chip: 90 },
		});
		for (const { hash, text, definition } of INCIDENT_DEFINITIONS) store.define(hash, text, definition);
		const view = createView({ store, options: OPTIONS, clock });
		const since = quantity<UnixMilliseconds>(NOON - 1);
		for (const agent of ["agent-1", "agent-2"])
			store.setAgent({
				agent,
				site: "austin",
				isConnected: true,
				since,
				gapOutcomes: 0,
				gapsByReason: {},
			});
		let sequence = 0;
		for (const told of INCIDENT) {
			now = told.at;
			const both = [told, { at: told.at, device: AGENT }];
			await store.commit(both.map((one, index) => recordOf(one, sequence + index + 1)));
			sequence += both.length;
			if (now >= CLAIMED) await store.commit([{ ...recordOf(told, sequence), agent: "agent-2" }]);
			live.set(now, view.moment().summaries);
		}
		// Elsewhere, at the same time: no part of a replay of these devices.
		const gap = { from: NOON + 500 * SECOND, to: NOON + 510 * SECOND, reason: "OUTBOX_FULL", outcomes: 2 };
		const bytes = encodeGap(timeAt(now), gap);
		const whose = { agent: "agent-9", site: "reno", epoch: EPOCH, sequence: 1, receivedAt: now, offset: 0 };
		await store.commit([{ ...whose, bytes }]);
		await store.watchNow();
		await store.seal({ all: true });
		now = NOON + 3_600 * SECOND;
	}, 60_000);
	afterAll(async () => {
		await store.close();
		rmSync(folder, { recursive: true, force: true });
	});

	const wish = (more: Partial<ReplayWish> = {}): ReplayWish => ({
		from: FROM,
		to: TO,
		speed: 1,
		stepSeconds: STEP_SECONDS,
		devices: [...store.devices().values()],
		isPaused: false,
		inputs: "restated",
		...more,
	});

	/** Plays to the end under a clock whose timers fire at once; says how long it would have taken. */
	async function played(speed: number, commands: readonly (readonly [number, ReplayCommand])[] = []) {
		let monotonic = 0;
		const fast: Clock = {
			...clock,
			monotonic: () => quantity(monotonic),
			after: (milliseconds, run) => {
				const timer = setImmediate(() => {
					monotonic += milliseconds;
					run();
				});
				return () => clearImmediate(timer);
			},
		};
		const messages: ReplayMessage[] = [];
		const left = [...commands];
		const player: Player = new Player(
			{
				store,
				view: OPTIONS,
				perDevice: "all",
				clock: fast,
				session: "s",
				send: async (message) => {
					messages.push(message);
					if (left[0]?.[0] === messages.length) player.command(left.shift()?.[1] ?? { do: "play" });
					else if (message.kind === "update" && message.replay.state === "ended") player.close();
				},
			},
			wish({ speed }),
		);
		await player.run();
		return { messages, seconds: monotonic / SECOND };
	}

	const eventsIn = (messages: readonly ReplayMessage[]): readonly EventAnswer[] =>
		messages.flatMap((message) => (message.kind === "update" ? (message.events ?? []) : []));
	/** The devices as a viewer has them at each moment. */
	function screens(messages: readonly ReplayMessage[]): ReadonlyMap<number, readonly DeviceSummary[]> {
		const shown = new Map<string, DeviceSummary>();
		const found = new Map<number, readonly DeviceSummary[]>();
		for (const message of messages) {
			if (message.kind !== "snapshot" && message.kind !== "update") continue;
			if (message.kind === "snapshot") shown.clear();
			for (const device of message.devices) shown.set(device.device, device);
			found.set(message.replay.at, [...shown.values()]);
		}
		return found;
	}
	/** What the store does not keep. */
	const kept = (summaries: readonly DeviceSummary[] | undefined) =>
		summaries?.map(({ reason, ...rest }) => ({
			...rest,
			...(reason === undefined ? {} : { code: reason.code }),
		}));

	it("shows each moment as it was live: values, states, since when", async () => {
		const { messages } = await played(1_000);
		const shown = screens(messages);
		expect(shown.size).toBe((TO - FROM) / (STEP_SECONDS * SECOND) + 1);
		for (const [at, summaries] of shown) expect([at, kept(summaries)]).toEqual([at, kept(live.get(at))]);
	});

	it("takes for a claim what another agent says of the machine, from its first word on", async () => {
		const shown = screens((await played(1_000)).messages);
		const claims = (at: number) =>
			shown.get(at)?.flatMap(({ agent, isClaim }) => (isClaim === true ? [agent] : []));
		expect([claims(CLAIMED - 5 * SECOND), claims(CLAIMED)]).toEqual([[], ["agent-2"]]);
	});

	it("gives the same messages at 1, 60 and 1,000 times, in 1,090, 18.2 and 1.1 s", async () => {
		const [one, sixty, thousand] = [await played(1), await played(60), await played(1_000)];
		const bytes = (messages: readonly ReplayMessage[]) =>
			JSON.stringify(messages.map((message) => ({ ...message, replay: undefined })));
		expect(bytes(sixty.messages)).toBe(bytes(one.messages));
		expect(bytes(thousand.messages)).toBe(bytes(one.messages));
		expect(JSON.stringify(eventsIn(thousand.messages))).toBe(JSON.stringify(eventsIn(one.messages)));
		expect(one.seconds).toBeCloseTo(1_090, 3);
		expect(sixty.seconds).toBeCloseTo(1_090 / 60, 3);
		expect(thousand.seconds).toBeCloseTo(1.09, 3);
	});

	it("tells the events that the store has of its site, and no other", async () => {
		const { messages } = await played(60);
		const all = await store.events({
			from: quantity<UnixMilliseconds>(FROM + 1),
			to: quantity<UnixMilliseconds>(TO + 1),
			order: "oldest",
			limit: 100,
		});
		expect(all.map(({ site }) => site).sort()).toEqual([...new Array(15).fill("austin"), "reno"]);
		expect(eventsIn(messages)).toEqual(all.filter(({ site }) => site === "austin"));
	});

	it("goes on from a seek as if it had been played there; pauses and steps", async () => {
		const whole = screens((await played(1_000)).messages);
		const target = NOON + 600 * SECOND;
		const { messages } = await played(1_000, [
			[5, { do: "pause" }],
			[6, { do: "seek", at: target }],
			[7, { do: "step" }],
			[8, { do: "step" }],
			[9, { do: "play" }],
		]);
		expect(
			messages
				.slice(4, 10)
				.map((message) => [
					message.kind,
					"replay" in message && [message.replay.state, (message.replay.at - NOON) / SECOND],
				]),
		).toEqual([
			["update", ["playing", 80]],
			["position", ["paused", 80]],
			["snapshot", ["paused", 600]],
			["update", ["paused", 605]],
			["update", ["paused", 610]],
			["position", ["playing", 610]],
		]);
		for (const [at, summaries] of screens(messages)) expect([at, summaries]).toEqual([at, whole.get(at)]);
	});

	it("keeps 64 commands waiting and refuses more", () => {
		const send = () => Promise.resolve();
		const player = new Player(
			{ store, view: OPTIONS, perDevice: "all", clock, session: "s", send },
			wish({ isPaused: true }),
		);
		const refused = Array.from({ length: 65 }, () => player.command({ do: "step" }));
		expect(refused.findIndex((one) => one !== undefined)).toBe(64);
		expect(refused[64]).toBe("64 commands wait already.");
	});

	describe("over a WebSocket", () => {
		let expose: Expose;
		beforeAll(async () => {
			expose = await startExpose({
				store,
				view: OPTIONS,
				clock,
				listen: { address: "127.0.0.1", port: 0 },
				perDevice: "all",
				log: () => undefined,
			});
		});
		afterAll(() => expose.close());

		function viewer(query: string) {
			const socket = new WebSocket(`ws://127.0.0.1:${expose.address.port}/api/v1/replay?${query}`);
			onTestFinished(() => socket.terminate());
			const messages: ReplayMessage[] = [];
			const waiting: ((message: ReplayMessage) => void)[] = [];
			socket.on("message", (data) => {
				const message = JSON.parse(String(data)) as ReplayMessage;
				const wait = waiting.shift();
				if (wait === undefined) messages.push(message);
				else wait(message);
			});
			const next = (): Promise<ReplayMessage> => {
				const come = messages.shift();
				return come === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(come);
			};
			return { socket, next, say: (words: unknown) => socket.send(JSON.stringify(words)) };
		}

		async function metricsOf(message: ReplayMessage): Promise<string> {
			const session = "replay" in message ? message.replay.session : "";
			const url = `http://127.0.0.1:${expose.address.port}/api/v1/replay/${session}/metrics`;
			return await (await fetch(url)).text();
		}

		it("counts a machine that two agents read once on /metrics, as the present does", async () => {
			const { next } = viewer(`from=${CLAIMED + 60 * SECOND}&to=${TO}&paused=true`);
			const text = await metricsOf(await next());
			expect(text).toMatch(/^fleetwatt_fleet_power_watts\S* 3250$/m);
			expect(text.match(/^fleetwatt_device_power_watts\{.*/gm)).toHaveLength(1);
		});

		it("is stepped, and serves the moment that it shows as /metrics", async () => {
			const { next, say } = viewer(`from=${FROM}&to=${TO}&paused=true&step=30`);
			const first = await next();
			expect(first).toMatchObject({
				kind: "snapshot",
				replay: { state: "paused", at: FROM, stepSeconds: 30 },
			});
			const up = async () =>
				/^fleetwatt_device_up\{.*device="S-1".*\} (\d)$/m.exec(await metricsOf(first))?.[1];
			expect(await up()).toBe("1");
			say({ do: "step" });
			await next();
			say({ do: "step" });
			const third = await next();
			expect(third).toMatchObject({ kind: "update", events: [{ kind: "down", at: NOON + 100 * SECOND }] });
			expect(await up()).toBe("0");
		});

		it("is refused to 12 of 20 viewers with 429, while the live stream goes on; who leaves gives his place back", async () => {
			const live = new WebSocket(`ws://127.0.0.1:${expose.address.port}/api/v1/live`);
			onTestFinished(() => live.terminate());
			await once(live, "message");
			const asked = () => {
				const { socket, next } = viewer(`from=${FROM}&to=${TO}&speed=1000`);
				const refused = once(socket, "unexpected-response").then(([request, { statusCode, headers }]) => {
					socket.on("error", () => undefined);
					request.destroy();
					return `${statusCode}, again in ${headers["retry-after"]} s`;
				});
				return { socket, answer: Promise.race([next().then(({ kind }) => kind), refused]) };
			};
			const all = Array.from({ length: 20 }, asked);
			const answers = await Promise.all(all.map(({ answer }) => answer));
			expect(answers.filter((answer) => answer === "snapshot")).toHaveLength(8);
			expect(answers.filter((answer) => answer === "429, again in 60 s")).toHaveLength(12);
			await once(live, "message");
			const command = new ReplayClient({
				url: `http://127.0.0.1:${expose.address.port}`,
				query: { from: String(FROM), to: String(TO) },
			});
			await expect(command.next()).rejects.toThrow("Try again in 60 s");
			for (const { socket } of all) socket.terminate();
			while ((await asked().answer) !== "snapshot") await new Promise((resolve) => setTimeout(resolve, 20));
		});

		it.each([
			["from=1", "to is missing."],
			[`from=${TO}&to=${FROM}`, `from is ${TO} and to is ${FROM}; from must come before to.`],
			[`from=${FROM}&to=${TO}&speed=1001`, 'speed is "1001"; it must be a whole number from 1 to 1000.'],
			[`from=${FROM}&to=${TO}&devices=none`, 'There is no device "none".'],
			[`from=${FROM}&to=${TO}&site=none`, 'No device of the site "none" is known.'],
			[
				"from=2026-11-31&to=2026-12-02",
				'from is "2026-11-31"; it must be a time from 1970 to 2099 as 2026-11-22, 2026-11-22T12:00:00Z or Unix milliseconds.',
			],
		])("refuses %s", async (query, what) => {
			const { next, socket } = viewer(query);
			const closed = new Promise((resolve) => socket.on("close", resolve));
			expect(await next()).toEqual({ kind: "refused", what });
			expect(await closed).toBe(1008);
		});

		it("refuses a command that is none and goes on", async () => {
			const { next, say } = viewer(`from=${FROM}&to=${TO}&paused=true`);
			await next();
			say({ do: "seek", at: TO + 1 });
			expect(await next()).toMatchObject({ kind: "refused" });
			say({ do: "rm" });
			expect(await next()).toMatchObject({ kind: "refused" });
			say({ do: "speed", speed: 60 });
			expect(await next()).toMatchObject({ kind: "position", replay: { speed: 60 } });
		});
	});
});
