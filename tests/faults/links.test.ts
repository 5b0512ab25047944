/**
 * Links that vanish, break off in the middle of a message, lose only acks, change bytes, are slow or flap: nothing is
 * lost, nothing stored twice.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SILENT_SECONDS } from "../../agent/uplink/session.js";
import { type Clock, realClock } from "../../shared/clock.js";
import { type MonotonicMilliseconds, quantity } from "../../shared/units.js";
import { type Agent, type Collector, ExampleLine } from "../collector/ingest/example-line.js";
import { deviceNamed, rowsOf, until } from "../collector/store/example-store.js";
import { deviceAt, randomOf } from "../shared/wire/examples.js";
import { expectConserved } from "./conservation.js";
import { LinkProxy } from "./link-proxy.js";

const SEED = 20_261_126;
const FASTER = 12;
const SPOILT = 12;
/** Of routers that translate addresses, the least patient. */
const FORGOTTEN_AFTER_SECONDS = 60;
const DEVICE = deviceAt("10.0.0.1:80", { serial: "S1" });
const start = Math.floor(Date.now() / 1_000) * 1_000 - 3_600_000;

const faster = (times: number): Clock => ({
	...realClock,
	monotonic: () => quantity<MonotonicMilliseconds>(realClock.monotonic() * times),
	after: (milliseconds, run) => realClock.after(milliseconds / times, run),
	every: (milliseconds, run) => realClock.every(milliseconds / times, run),
});
/** The agent's waits are over twelve times as soon: 35 s of silence are three. */
const hurried = faster(FASTER);

/** What a broken middlebox does to bytes: turns a bit, repeats, leaves out or swaps. */
function spoiler(random: () => number) {
	const spoilers: readonly ((data: Buffer, place: number) => Buffer)[] = [
		(data, place) => {
			const turned = Buffer.from(data);
			turned[place] = (data[place] ?? 0) ^ (1 << Math.floor(random() * 8));
			return turned;
		},
		(data, place) => Buffer.concat([data.subarray(0, place), data]),
		(data, place) => data.subarray(0, place),
		(data, place) => Buffer.concat([data.subarray(place), data.subarray(0, place)]),
	];
	return (data: Buffer) =>
		spoilers[Math.floor(random() * spoilers.length)]?.(data, 1 + Math.floor(random() * (data.length - 1))) ??
		data;
}

let line: ExampleLine;
let proxy: LinkProxy;
let collector: Collector;
beforeEach(async () => {
	line = new ExampleLine();
	collector = await line.collector();
	proxy = await LinkProxy.open(collector.port);
});
afterEach(async () => {
	proxy.close();
	await line.end();
});

function say(agent: Agent, from: number, to: number): void {
	for (let number = from; number <= to; number += 1)
		agent.say(start + number * 1_000, [{ device: DEVICE, terahashesPerSecond: number, watts: 3_000 }]);
}

async function expectAll(agent: Agent, count: number): Promise<void> {
	await line.drained(agent, count, 30);
	const { number, pollsByResult } = deviceNamed(collector.store, "S1");
	const rows = await rowsOf(collector.store, number, start, start + 3_600_000);
	expect(rows.map((row) => ({ at: row.at, value: row["hashrateTerahashesPerSecond"] }))).toEqual(
		Array.from({ length: count }, (_, index) => ({ at: start + (index + 1) * 1_000, value: index + 1 })),
	);
	expect(pollsByResult).toEqual({ ok: count });
	expectConserved(collector.store, agent.outbox.state);
}

describe("a link", { timeout: 60_000 }, () => {
	it(`that swallows everything and tells nobody is given up after ${SILENT_SECONDS} s, and all comes when it is back`, async () => {
		const agent = await line.agent({ port: proxy.port, clock: hurried });
		say(agent, 1, 20);
		await line.drained(agent, 20);
		const from = realClock.monotonic();
		proxy.isBlackhole = true;
		say(agent, 21, 40);
		await until(
			() => agent.disconnected.length,
			(count) => count === 1,
			15,
		);
		const took = ((realClock.monotonic() - from) * FASTER) / 1_000;
		expect(agent.disconnected[0]?.reason.what).toMatch(/said nothing for 35 s|unacknowledged for 30 s/);
		expect(took).toBeLessThan(SILENT_SECONDS + 15);
		proxy.isBlackhole = false;
		await expectAll(agent, 40);
	});

	it("that loses only acks: what was committed is sent again, dropped, and acknowledged", async () => {
		const agent = await line.agent({ port: proxy.port, clock: hurried });
		say(agent, 1, 10);
		await line.drained(agent, 10);
		proxy.swallowsAnswers = true;
		say(agent, 11, 30);
		await until(
			() => collector.store.statistics().recordsCommitted,
			(count) => count === 30,
		);
		expect(agent.outbox.state.records).toBe(20);
		await until(
			() => agent.disconnected.length,
			(count) => count > 0,
			15,
		);
		proxy.swallowsAnswers = false;
		await expectAll(agent, 30);
	});

	it(`that breaks off in the middle of a message again and again, seed ${SEED}`, async () => {
		const random = randomOf(SEED);
		const agent = await line.agent({ port: proxy.port });
		say(agent, 1, 400);
		for (let round = 0; round < 25; round += 1) {
			proxy.breaksAfterBytes = 500 + random() * 6_000;
			await until(
				() => proxy.connections,
				(count) => count > round,
				20,
			);
			say(agent, 401 + round * 8, 408 + round * 8);
		}
		proxy.breaksAfterBytes = Number.POSITIVE_INFINITY;
		await expectAll(agent, 600);
		expect(proxy.connections).toBeGreaterThan(10);
	});

	it("that is reset thirty times in mid-stream", async () => {
		const agent = await line.agent({ port: proxy.port });
		for (let round = 0; round < 30; round += 1) {
			say(agent, round * 10 + 1, round * 10 + 10);
			await new Promise((done) => setTimeout(done, 40));
			proxy.cut();
		}
		await expectAll(agent, 300);
	});

	it(`that changes bytes of either way is left by TLS each time, seed ${SEED}`, async () => {
		await collector.stop();
		collector = await line.collectorOverTls();
		const random = randomOf(SEED);
		const spoil = spoiler(random);
		let [spoilt, said, spoiltConnection] = [0, 0, 0];
		proxy.spoils = (data) => {
			if (spoilt === SPOILT || spoiltConnection === proxy.connections || random() > 0.2) return data;
			spoilt += 1;
			spoiltConnection = proxy.connections;
			return spoil(data);
		};
		const agent = await line.agent({ port: proxy.port, clock: hurried });
		for (; spoilt < SPOILT; said += 4) {
			say(agent, said + 1, said + 4);
			await new Promise((done) => setTimeout(done, 20));
		}
		await expectAll(agent, said);
		expect([...agent.rejected, ...collector.rejected]).toEqual([]);
	});

	it(`behind a router that forgets what is idle for ${FORGOTTEN_AFTER_SECONDS} s stays, though nothing is made for two minutes`, async () => {
		await collector.stop();
		const times = FASTER / 2;
		line.clockOfCollector = faster(times);
		collector = await line.collector();
		const agent = await line.agent({ port: proxy.port, clock: faster(times) });
		say(agent, 1, 10);
		await line.drained(agent, 10);
		const idle = (FORGOTTEN_AFTER_SECONDS * 1_000) / times;
		proxy.forgetsAfterMilliseconds = idle;
		await new Promise((done) => setTimeout(done, 2 * idle));
		say(agent, 11, 20);
		await expectAll(agent, 20);
		expect(agent.disconnected).toEqual([]);
		expect(proxy.connections).toBe(1);
	});

	it("of a satellite, whose answers take 600 ms, is taken for slow, not for dead, and does not starve the backlog", async () => {
		proxy.delayMilliseconds = 300;
		const agent = await line.agent({ port: proxy.port });
		say(agent, 1, 2_000);
		await expectAll(agent, 2_000);
		expect(agent.disconnected).toEqual([]);
	});

	it("that takes nearly a second each way moves no reading: no clock is wrong because its word comes late", async () => {
		proxy.delayMilliseconds = 900;
		const agent = await line.agent({ port: proxy.port });
		say(agent, 1, 20);
		await expectAll(agent, 20);
		expect(collector.store.agents().get("austin/agent-1")?.clockOffsetMilliseconds).toBe(0);
	});

	it("that comes and goes, with nothing to connect to in between, is tried again without being flooded", async () => {
		const agent = await line.agent({ port: proxy.port });
		for (let round = 0; round < 12; round += 1) {
			say(agent, round * 20 + 1, round * 20 + 20);
			await new Promise((done) => setTimeout(done, 60));
			proxy.isDown = !proxy.isDown;
			if (proxy.isDown) proxy.cut();
		}
		proxy.isDown = false;
		await expectAll(agent, 240);
		expect(agent.connected.length).toBeGreaterThan(1);
	});
});
