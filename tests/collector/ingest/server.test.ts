import { once } from "node:events";
import { cpSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { quantity } from "../../../shared/units.js";
import { definitionText, hashOf } from "../../../shared/wire/definition.js";
import { CLOSE, encodeDefinitionFrame, encodeRecordFrame, proofOf } from "../../../shared/wire/messages.js";
import { expectConserved } from "../../faults/conservation.js";
import { BOOT, deviceAt, EPOCH, exampleRecord, SHAPE_HASH, timeAt } from "../../shared/wire/examples.js";
import { deviceNamed, present, rowsOf, SECOND, until } from "../store/example-store.js";
import { type Agent, type Collector, ExampleLine, TOKEN } from "./example-line.js";

const DEVICES = Array.from({ length: 5 }, (_, index) =>
	deviceAt(`10.0.0.${index}:80`, { serial: `S${index}` }),
);

let line: ExampleLine;
let start = 0;
beforeEach(() => {
	line = new ExampleLine();
	start = Math.floor(Date.now() / 1_000) * 1_000 - 3_600_000;
});
afterEach(() => line.end());

/** Records from..to of a stream in which everything follows from the number. */
function say(agent: Agent, from: number, to: number): void {
	for (let number = from; number <= to; number += 1) {
		agent.say(
			start + number * SECOND,
			DEVICES.map((device, index) => ({
				device,
				terahashesPerSecond: number,
				watts: 1_000 * index + number,
			})),
		);
	}
}

async function expectStream({ store }: Collector, to: number): Promise<void> {
	for (const [index] of DEVICES.entries()) {
		const rows = await rowsOf(store, deviceNamed(store, `S${index}`).number, start, start + 3_600_000);
		expect(rows).toEqual(
			Array.from({ length: to }, (_, place) => ({
				at: start + (place + 1) * SECOND,
				hashrateTerahashesPerSecond: place + 1,
				powerWatts: 1_000 * index + place + 1,
				pollResult: 0,
			})),
		);
	}
}

async function closeCode(socket: WebSocket): Promise<number> {
	socket.on("error", () => undefined);
	const [code] = (await once(socket, "close")) as [number];
	return code;
}

/** The folder "copy" is the outbox after record 20; the first goes on until `to`, and stops. Gives their epoch. */
async function copiedAt20(to: number): Promise<string> {
	const before = await line.agent();
	say(before, 1, 20);
	await line.drained(before, 20);
	await before.stop();
	cpSync(path.join(line.folder, "agent-1"), path.join(line.folder, "copy"), { recursive: true });
	const agent = await line.agent();
	say(agent, 21, to);
	await line.drained(agent, to);
	const { epoch } = agent.outbox.state;
	await agent.stop();
	return epoch;
}

/** An honest neighbour stays connected and served through whatever another peer does. */
async function withNeighbour(trouble: (collector: Collector) => Promise<void>): Promise<Collector> {
	const collector = await line.collector();
	const agent = await line.agent();
	say(agent, 1, 20);
	await line.drained(agent, 20);
	await trouble(collector);
	say(agent, 21, 40);
	await line.drained(agent, 40);
	expect(agent.disconnected).toEqual([]);
	await expectStream(collector, 40);
	expectConserved(collector.store, agent.outbox.state);
	return collector;
}

describe("records", () => {
	it("go from outbox to store, live and as backlog, and leave the outbox", async () => {
		const before = await line.agent();
		say(before, 1, 300);
		await until(
			() => before.outbox.state.head,
			(head) => head === 300,
		);
		await before.stop();
		const collector = await line.collector();
		const agent = await line.agent();
		await until(
			() => agent.connected.length,
			(count) => count === 1,
		);
		say(agent, 301, 500);
		await line.drained(agent, 500);
		expect(agent.connected).toEqual([{ session: expect.any(String), backlogRecords: 300 }]);
		await expectStream(collector, 500);
		expect(collector.store.settledOf("agent-1", agent.outbox.state.epoch)).toEqual({ base: 500, ranges: [] });
		expect(agent.uplink.statistics()).toMatchObject({
			recordsSent: 500,
			recordsRejected: 0,
			backlogRecords: 0,
		});
	});

	it("of a collector that restarts five times in mid-stream are stored once each, and its present is that of one that never stopped", async () => {
		let collector = await line.collector();
		const agent = await line.agent();
		for (let round = 0; round < 5; round += 1) {
			say(agent, round * 100 + 1, round * 100 + 100);
			await until(
				() => collector.store.statistics().recordsCommitted,
				(count) => count > 10,
			);
			if (round % 2 === 0) await collector.store.seal();
			await collector.stop();
			collector = await line.collector();
			await until(
				() => collector.ingest.statistics().sessions,
				(count) => count === 1,
				15,
			);
		}
		await line.drained(agent, 500);
		await expectStream(collector, 500);
		const found = present(collector.store) as {
			number: number;
			latest: { at: number };
			lastAttemptAt: number;
		}[];
		await collector.stop();
		const again = await line.collector();
		expect(present(again.store)).toEqual(found);
		expect(found.map(({ lastAttemptAt }) => lastAttemptAt)).toEqual(DEVICES.map(() => start + 500 * SECOND));
	}, 60_000);

	it("find a collector that lost its folder: definitions and what is of the last day are sent again", async () => {
		const first = await line.collector("collector-1");
		const agent = await line.agent();
		say(agent, 1, 20);
		await line.drained(agent, 20);
		await first.stop();
		const second = await line.collector("collector-2");
		say(agent, 21, 60);
		await line.drained(agent, 60);
		const rows = await rowsOf(second.store, deviceNamed(second.store, "S0").number, start, start + 3_600_000);
		expect(rows.map(({ at }) => at)).toEqual(
			Array.from({ length: 60 }, (_, index) => start + (1 + index) * SECOND),
		);
		expect(agent.uplink.statistics()).toMatchObject({ isConnected: true, backlogRecords: 0 });
	});

	it("of a collector restored from a backup of before are sent again: no hole, nothing twice", async () => {
		const first = await line.collector();
		const agent = await line.agent();
		say(agent, 1, 30);
		await line.drained(agent, 30);
		await first.store.copyTo(path.join(line.folder, "backup"));
		say(agent, 31, 80);
		await line.drained(agent, 80);
		await first.stop();
		const restored = await line.collector("backup");
		say(agent, 81, 90);
		await until(
			() => restored.store.settledOf("agent-1", agent.outbox.state.epoch).base,
			(base) => base === 90,
		);
		await expectStream(restored, 90);
	});

	it("of a collector restored from a backup of a day and an hour ago are sent again: no hole", async () => {
		const first = await line.collector();
		const agent = await line.agent();
		const [device] = DEVICES;
		if (device === undefined) throw new Error("There are no devices.");
		const tell = async (hour: number) => {
			agent.say(start + (hour - 30) * 3_600 * SECOND, [{ device, terahashesPerSecond: hour, watts: 3_000 }]);
			await line.drained(agent, hour + 1);
		};
		await tell(0);
		await first.store.copyTo(path.join(line.folder, "backup"));
		for (let hour = 1; hour <= 25; hour += 1) await tell(hour);
		await first.stop();
		const { store } = await line.collector("backup");
		await tell(26);
		const { epoch } = agent.outbox.state;
		await until(
			() => store.tallyOf("agent-1", epoch)?.stored,
			(stored) => stored === 27,
		);
		expect(store.settledOf("agent-1", epoch).base).toBe(27);
	});

	it("of an outbox restored from an older copy go on in a new epoch: none is lost for a number used twice", async () => {
		const collector = await line.collector();
		const epoch = await copiedAt20(40);
		const restored = await line.agent({ folder: "copy" });
		// Fewer than the collector has of the first, and some before it is heard.
		say(restored, 41, 50);
		await until(
			() => restored.disconnected.length,
			(count) => count > 0,
		);
		say(restored, 51, 60);
		await until(
			() => restored.outbox.state,
			(state) => state.epoch !== epoch && state.head >= 40 && state.records === 0,
		);
		expect(restored.disconnected.map(({ reason }) => reason.code)).toEqual(["OUTBOX_COPIED"]);
		await expectStream(collector, 60);
	});

	it("of two outboxes that are copies of one, under the same numbers, are all stored: the second begins a new epoch", async () => {
		const first = await line.collector();
		const epoch = await copiedAt20(30);
		await first.stop();
		const copy = await line.agent({ folder: "copy" });
		say(copy, 31, 45);
		await until(
			() => copy.outbox.state.head,
			(head) => head === 35,
		);
		const collector = await line.collector();
		await until(
			() => copy.outbox.state,
			(state) => state.epoch !== epoch && state.records === 0,
		);
		expect(copy.disconnected.map(({ reason }) => reason.code)).toContain("RECORD_CONFLICT");
		await expectStream(collector, 45);
		expectConserved(collector.store, copy.outbox.state);
		expect(collector.store.tallyOf("agent-1", epoch)?.stored).toBe(30 * DEVICES.length);
	});

	it("that were dropped are told of, by device, in the ledger and by the counts of both sides", async () => {
		const gap = { reason: "outbox_full", from: start, to: start + SECOND, outcomes: 7 };
		const devices = new Map([[hashOf(deviceAt("10.0.0.1:80", { serial: "S1" })), 5]]);
		const collector = await line.collector();
		const agent = await line.agent();
		say(agent, 1, 5);
		agent.outbox.tellGap(timeAt(start), { ...gap, devices });
		await line.drained(agent, 6);
		const found = await collector.store.gaps({ from: quantity(start), to: quantity(start + SECOND) });
		expect(found).toEqual([
			{ ...gap, site: "austin", agent: "agent-1", devices: [{ device: "S1", outcomes: 5 }] },
		]);
		expectConserved(collector.store, agent.outbox.state);
		const told = await until(
			() => collector.store.agents().get("austin/agent-1"),
			(one) => one?.conservation !== undefined && one.conservation.held === 0,
			15,
		);
		expect(told).toMatchObject({
			gapOutcomes: 7,
			gapsByReason: { outbox_full: { gaps: 1, outcomes: 7 } },
			conservation: { made: 32, held: 0, stored: 25, missing: 7, refused: 0, unaccounted: 0 },
		});
	});

	it("of 1,500 devices, whose 1,501 definitions nobody knows yet, come through at once", async () => {
		const collector = await line.collector();
		const agent = await line.agent();
		const many = Array.from({ length: 1_500 }, (_, index) =>
			deviceAt(`10.1.${index >> 8}.${index & 255}:80`),
		);
		agent.say(
			start,
			many.slice(0, 1_500).map((device) => ({ device, terahashesPerSecond: 1, watts: 1 })),
		);
		await line.drained(agent, 1, 10);
		// The limit of devices is 1,000.
		expect(collector.store.devices().size).toBe(1_000);
		expect(agent.disconnected).toEqual([]);
	});

	it("that nobody can read go to the dead letters and do not hold up those behind them", async () => {
		const collector = await line.collector();
		const agent = await line.agent();
		say(agent, 1, 5);
		const poison = exampleRecord(start, [{ device: DEVICES[0] ?? deviceAt("x"), code: "X" }]);
		const cut = Buffer.from(poison);
		cut.writeDoubleBE(1e300, 2);
		const { crc32 } = await import("node:zlib");
		cut.writeUInt32BE(crc32(cut.subarray(0, -4)), cut.length - 4);
		agent.sayBytes(start, cut);
		say(agent, 6, 10);
		await line.drained(agent, 11);
		expect(agent.rejected).toEqual([6]);
		expect(collector.rejected).toMatchObject([{ sequence: 6, failure: { code: "RECORD_MALFORMED" } }]);
		await expectStream(collector, 10);
	});
});

describe("an agent that may not speak", () => {
	it.each([
		["with a wrong token", { token: "another token" }],
		["of a site that nobody knows", { site: "paris" }],
	])("%s is told so once and waits before it asks again", async (_, more) => {
		const collector = await line.collector();
		const agent = await line.agent({ ...more, isQuick: false });
		await until(
			() => agent.disconnected.length,
			(count) => count === 1,
		);
		const [{ reason, retryInSeconds }] = agent.disconnected as [Agent["disconnected"][number]];
		expect(reason.code).toBe("AGENT_UNAUTHORIZED");
		expect(reason.what).toContain("did not prove");
		expect(retryInSeconds).toBeGreaterThanOrEqual(1);
		expect(collector.refused).toMatchObject([{ failure: { code: "AGENT_UNAUTHORIZED" } }]);
		expect(collector.ingest.statistics().refusedByCode).toEqual({ AGENT_UNAUTHORIZED: 1 });
		expect(collector.store.agents().size).toBe(0);
	});
});

describe("a newer session of an agent", () => {
	it("replaces the older, which is told why", async () => {
		const collector = await line.collector();
		const first = await line.agent({ isQuick: false });
		await until(
			() => first.connected.length,
			(count) => count === 1,
		);
		const second = await line.agent({ folder: "copied", isQuick: false });
		await until(
			() => first.disconnected.length,
			(count) => count === 1,
		);
		expect(first.disconnected[0]?.reason.code).toBe("SESSION_REPLACED");
		expect(second.disconnected).toEqual([]);
		expect(collector.ingest.statistics().sessions).toBe(1);
		expect(collector.store.agents().get("austin/agent-1")?.isConnected).toBe(true);
	});
});

describe("a bad peer costs itself only:", () => {
	it.each([
		["text that is no JSON", (socket: WebSocket) => socket.send("{{{"), CLOSE.protocolViolation],
		[
			"a status before hello",
			(socket: WebSocket) =>
				socket.send('{"kind":"status","backlogRecords":1,"backlogBytes":1,"wall":1,"monotonic":1}'),
			CLOSE.protocolViolation,
		],
		[
			"a proof before hello",
			(socket: WebSocket) => socket.send(`{"kind":"proof","method":"token-hmac","mac":"${"0".repeat(64)}"}`),
			CLOSE.protocolViolation,
		],
		[
			"a record before welcome",
			(socket: WebSocket) => socket.send(encodeRecordFrame("live", 1, Buffer.alloc(100))),
			CLOSE.protocolViolation,
		],
		[
			"a definition before welcome",
			(socket: WebSocket) => socket.send(encodeDefinitionFrame(SHAPE_HASH, "{}")),
			CLOSE.protocolViolation,
		],
		["binary junk", (socket: WebSocket) => socket.send(Buffer.alloc(3, 0xee)), CLOSE.protocolViolation],
		["2 MiB in one message", (socket: WebSocket) => socket.send(Buffer.alloc(2 * 1_024 * 1_024)), 1009],
		["nothing at all for 5 s", () => undefined, CLOSE.protocolViolation],
	])("%s", async (_, speak, code) => {
		await withNeighbour(async () => {
			const socket = new WebSocket(line.url, line.subprotocol);
			await once(socket, "open");
			speak(socket);
			expect(await closeCode(socket)).toBe(code);
		});
	});

	it("20 peers that send garbage without end", async () => {
		await withNeighbour(async (collector) => {
			const sockets = Array.from({ length: 20 }, () => new WebSocket(line.url, line.subprotocol));
			await Promise.all(sockets.map((socket) => once(socket, "open")));
			const closed = sockets.map(closeCode);
			for (const socket of sockets)
				for (let count = 0; count < 50; count += 1) socket.send(Buffer.alloc(1_000, 0xff));
			expect(await Promise.all(closed)).toEqual(sockets.map(() => CLOSE.protocolViolation));
			expect(collector.ingest.statistics().refusedByCode).toEqual({ PROTOCOL_VIOLATION: 20 });
		});
	});

	it.each([
		["another subprotocol", {}, "chat", 400],
		["none", {}, undefined, 400],
		["an Origin, as browsers send it", { origin: "https://example.com" }, "fleetwatt.v1", 403],
	])("%s is refused before it is a session", async (_, headers, protocol, status) => {
		await withNeighbour(async () => {
			const socket =
				protocol === undefined
					? new WebSocket(line.url, { headers })
					: new WebSocket(line.url, protocol, { headers });
			const [, response] = (await once(socket, "unexpected-response")) as [unknown, { statusCode: number }];
			expect(response.statusCode).toBe(status);
		});
	});

	it("raw bytes, and refused peers that reset before they read the refusal", async () => {
		await withNeighbour(async () => {
			const port = Number(new URL(line.url).port);
			const garbage = connect(port, "127.0.0.1");
			garbage.on("error", () => undefined);
			garbage.write(Buffer.alloc(20_000, 0x81));
			await once(garbage, "close");
			for (let count = 0; count < 50; count += 1) {
				const socket = connect(port, "127.0.0.1");
				socket.on("error", () => undefined);
				await once(socket, "connect");
				socket.write(
					"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: x\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
					() => socket.resetAndDestroy(),
				);
				await once(socket, "close");
			}
		});
	});

	it("a proven agent that jumps to a number out of reach, or sends definitions that nobody asked for", async () => {
		const collector = await withNeighbour(async ({ store }) => {
			const socket = new WebSocket(line.url, line.subprotocol);
			await once(socket, "open");
			const said: { kind: string; nonce?: string }[] = [];
			socket.on("message", (data: Buffer) => said.push(JSON.parse(data.toString()) as (typeof said)[number]));
			const hello = { agent: "agent-2", site: "austin", epoch: EPOCH, boot: BOOT, software: "x" };
			socket.send(
				JSON.stringify({
					kind: "hello",
					versions: [1],
					tail: 0,
					head: 0,
					wall: Date.now(),
					monotonic: 0,
					...hello,
				}),
			);
			await until(
				() => said.length,
				(count) => count === 1,
			);
			const mac = proofOf(TOKEN, { ...hello, nonce: said[0]?.nonce ?? "" });
			socket.send(JSON.stringify({ kind: "proof", method: "token-hmac", mac }));
			await until(
				() => said.length,
				(count) => count === 2,
			);
			expect(said[1]?.kind).toBe("welcome");
			const unasked = deviceAt("10.9.9.9:80");
			socket.send(encodeDefinitionFrame(hashOf(unasked), definitionText(unasked)));
			socket.send(encodeRecordFrame("live", 2 ** 45, exampleRecord(start, [])));
			expect(await closeCode(socket)).toBe(CLOSE.protocolViolation);
			expect(store.unknownDefinitions([hashOf(unasked)])).toEqual([hashOf(unasked)]);
		});
		expect(collector.store.agents().get("austin/agent-2")?.isConnected).toBe(false);
	});
});

describe("a mistake of the collector's own", () => {
	it("ends the session in which it is made, is counted, and harms nobody else", async () => {
		const collector = await line.collector();
		const [healthy, hurt] = [await line.agent(), await line.agent({ name: "agent-2" })];
		const isConnected = (name: string) => collector.store.agents().get(`austin/${name}`)?.isConnected;
		const settledBase = (name: string, agent: Agent) =>
			collector.store.settledOf(name, agent.outbox.state.epoch).base;
		await until(
			() => isConnected("agent-1") === true && isConnected("agent-2") === true,
			(areConnected) => areConnected,
		);
		line.mistaken.add("agent-2");
		await until(
			() => collector.ingest.statistics().refusedByCode["SESSION_BROKEN"] ?? 0,
			(count) => count > 1,
		);
		expect(isConnected("agent-2")).toBe(false);
		say(healthy, 1, 3);
		say(hurt, 1, 3);
		await until(
			() => settledBase("agent-1", healthy),
			(base) => base === 3,
		);
		expect(healthy.disconnected).toEqual([]);
		line.mistaken.clear();
		await until(
			() => settledBase("agent-2", hurt),
			(base) => base === 3,
		);
	});
});

describe("one name", () => {
	it("begins six epochs an hour at most, and is told why", async () => {
		await line.collector();
		for (let count = 1; count <= 6; count += 1) {
			const agent = await line.agent({ folder: `epoch-${count}` });
			await until(
				() => agent.connected.length,
				(connected) => connected === 1,
			);
			await agent.stop();
		}
		const seventh = await line.agent({ folder: "epoch-7" });
		await until(
			() => seventh.disconnected[0]?.reason.code,
			(code) => code === "EPOCHS_TOO_MANY",
		);
		expect(seventh.connected).toEqual([]);
	}, 30_000);

	it("of two agents that replace each other is told as a clash, and each waits longer and longer", async () => {
		const collector = await line.collector();
		const one = await line.agent();
		await until(
			() => one.connected.length,
			(count) => count === 1,
		);
		const other = await line.agent({ folder: "clone" });
		await until(
			() => collector.ingest.statistics().refusedByCode["IDENTITY_CLASH"] ?? 0,
			(count) => count > 0,
			40,
		);
		expect(collector.clashes.map(({ agent }) => agent)).toEqual(["agent-1"]);
		const waits = [...one.disconnected, ...other.disconnected].filter(
			({ reason }) => reason.code === "SESSION_REPLACED",
		);
		expect(waits.length).toBeGreaterThan(0);
	}, 60_000);
});

describe("stopping", () => {
	it("with agents connected and records under way ends within 5 s, and the agents come back to the next", async () => {
		const collector = await line.collector();
		const agents = await Promise.all(["agent-1", "agent-2", "agent-3"].map((name) => line.agent({ name })));
		for (const agent of agents) say(agent, 1, 200);
		await until(
			() => collector.store.statistics().recordsCommitted,
			(count) => count > 0,
		);
		const began = performance.now();
		await collector.stop();
		expect(performance.now() - began).toBeLessThan(5_000);
		expect(agents.map(({ disconnected }) => disconnected[0]?.reason.what)).toEqual(
			agents.map(() => "The collector restarts."),
		);
		await line.collector();
		for (const agent of agents) await line.drained(agent, 200);
	});
});
