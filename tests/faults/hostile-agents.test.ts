/**
 * What peers of the agents' port may try, row by row against a live collector: strangers, thieves of a token, and
 * enrolled agents that turned. An honest agent talks through all of it, and after each row it is still connected,
 * its newest record settled, and what it sent is stored as it was.
 */
import { once } from "node:events";
import { createServer as createTcpServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { crc32 } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { loadTls } from "../../collector/access/certificates.js";
import { IngestServer } from "../../collector/ingest/server.js";
import { realClock } from "../../shared/clock.js";
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import { hashOfText } from "../../shared/wire/definition.js";
import { CLOSE, encodeDefinitionFrame, encodeRecordFrame, SUBPROTOCOL } from "../../shared/wire/messages.js";
import { encodeOutcomes } from "../../shared/wire/record.js";
import {
	type Agent,
	type Collector,
	ExampleLine,
	NOBODY_JOINS,
	UNHEARD,
} from "../collector/ingest/example-line.js";
import { deviceNamed, rowsOf, until } from "../collector/store/example-store.js";
import { deviceAt, exampleRecord, timeAt } from "../shared/wire/examples.js";
import { expectConserved } from "./conservation.js";
import { type BareSocket, bareSocket, frame, ProvenPeer, upgraded, upgradeText } from "./raw-peer.js";

const MEBIBYTE = 1_024 * 1_024;
const DEVICE = deviceAt("10.0.0.1:80", { serial: "S1" });
const BINARY = 0x82;
const TEXT = 0x81;
const start = Math.floor(Date.now() / 1_000) * 1_000 - 3_600_000;

const line = new ExampleLine();
let collector: Collector;
let honest: Agent;
let said = 0;
let slow: BareSocket;
let silent: BareSocket;
const bare: BareSocket[] = [];

async function opened(from?: string): Promise<BareSocket> {
	const one = await bareSocket(collector.port, from);
	bare.push(one);
	return one;
}

async function honestIsServed(): Promise<void> {
	said += 1;
	honest.say(start + said * 1_000, [{ device: DEVICE, terahashesPerSecond: said, watts: 3_000 }]);
	await line.drained(honest, said, 10);
	expect(honest.disconnected).toEqual([]);
}

function record(
	watts: number,
	more: { device?: typeof DEVICE; wall?: number; before?: number } = {},
): Buffer {
	const { device = deviceAt("10.9.0.1:80", { serial: "M1" }), wall = start, before = 0 } = more;
	return exampleRecord(wall, [{ device, terahashesPerSecond: 1, watts, before }]);
}

/** Bytes of a record changed, under a checksum that is right again. */
function remade(bytes: Buffer, change: (bytes: Buffer) => void): Buffer {
	const copy = Buffer.from(bytes);
	change(copy);
	copy.writeUInt32BE(crc32(copy.subarray(0, -4)), copy.length - 4);
	return copy;
}

async function answer(bytes: string): Promise<string> {
	const socket = await opened();
	socket.socket.write(bytes);
	await until(() => /^HTTP\/1\.1 \d{3}/.test(socket.text()) || socket.isClosed(), Boolean);
	return /^HTTP\/1\.1 (\d{3})/.exec(socket.text())?.[1] ?? "closed";
}

const grownMebibytes = (before: number) => (process.memoryUsage().rss - before) / MEBIBYTE;

beforeAll(async () => {
	collector = await line.collector();
	honest = await line.agent();
	await honestIsServed();
	slow = await opened("127.0.0.9");
	slow.socket.write("GET / HTTP/1.1\r\nHost: x\r\n");
	const drip = setInterval(() => slow.socket.write("X-A: b\r\n"), 500);
	slow.socket.once("close", () => clearInterval(drip));
	silent = await opened("127.0.0.8");
	silent.socket.write(upgradeText());
}, 30_000);
afterEach(honestIsServed);
afterAll(async () => {
	for (const { socket } of bare) socket.destroy();
	await line.end();
}, 30_000);

describe("a stranger", { timeout: 30_000 }, () => {
	it.each([
		["90 MB announced in one frame", frame(BINARY, Buffer.alloc(16), { length: 90_000_000 }), 1009],
		["a frame without a mask", frame(TEXT, Buffer.from("{}"), { isMasked: false }), 1002],
		["an opcode that does not exist", frame(0x83, Buffer.from("x")), 1002],
		["a reserved bit, as compression would set it", frame(0xc1, Buffer.from("x")), 1002],
		["text that is no UTF-8", frame(TEXT, Buffer.from([0xc3, 0x28])), 1007],
		["a close code that nobody may send", frame(0x88, Buffer.from([0x03, 0xed])), 1002],
		["a ping of more than 125 bytes", frame(0x89, Buffer.alloc(126)), 1002],
	])("G4, G9: sending %s is closed", async (_, bytes, code) => {
		const peer = await upgraded(collector.port);
		bare.push(peer);
		peer.socket.write(bytes);
		await until(
			() => peer.code(),
			(found) => found !== undefined,
		);
		expect(peer.code()).toBe(code);
	});

	it("G4: eight unfinished messages of 900 KiB cost no more than 32 MiB", async () => {
		const before = process.memoryUsage().rss;
		for (let count = 0; count < 8; count += 1) {
			const peer = await upgraded(collector.port);
			bare.push(peer);
			peer.socket.write(frame(BINARY, Buffer.alloc(900 * 1_024), { length: 1_000 * 1_024 }));
		}
		await honestIsServed();
		expect(grownMebibytes(before)).toBeLessThan(32);
	});

	it("G5: 300,000 fragments of one byte are cut after 64", async () => {
		const peer = await upgraded(collector.port);
		bare.push(peer);
		peer.socket.write(frame(0x02, Buffer.from("x")));
		const more = frame(0x00, Buffer.from("x"));
		for (let count = 0; count < 300 && !peer.isClosed(); count += 1)
			peer.socket.write(Buffer.concat(Array(1_000).fill(more)));
		await until(peer.isClosed, Boolean);
		expect(peer.code()).toBeDefined();
	});

	it("G6: compression is not spoken, whatever is offered", async () => {
		const peer = await opened();
		peer.socket.write(upgradeText({ "Sec-WebSocket-Extensions": "permessage-deflate" }));
		await until(() => peer.text().includes("\r\n\r\n"), Boolean);
		expect(peer.text()).toContain(" 101 ");
		expect(peer.text().toLowerCase()).not.toContain("permessage-deflate");
	});

	it("G7: 200,000 pings from a peer that never reads cost no more than 48 MiB", async () => {
		const before = process.memoryUsage().rss;
		const peer = await upgraded(collector.port);
		bare.push(peer);
		peer.socket.pause();
		const pings = Buffer.concat(Array(1_000).fill(frame(0x89, Buffer.alloc(100))));
		for (let count = 0; count < 200 && !peer.isClosed(); count += 1) {
			if (!peer.socket.write(pings)) await new Promise((done) => setTimeout(done, 10));
		}
		await honestIsServed();
		peer.socket.destroy();
		expect(grownMebibytes(before)).toBeLessThan(48);
	});

	it.each([
		[
			"G10: 2,000 headers",
			Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`X-${index}`, "a"])),
			"closed",
		],
		[
			"G11: 7 KiB of commas and blanks as a subprotocol",
			{ "Sec-WebSocket-Protocol": " ,".repeat(3_500) },
			"400",
		],
		["G12: an Origin, as a browser sends it", { Origin: "http://127.0.0.1" }, "403"],
	])("%s is over before it is a session", async (_, headers, status) => {
		const from = performance.now();
		expect(await answer(upgradeText(headers))).toBe(status);
		expect(performance.now() - from).toBeLessThan(5_000);
	});

	it.each(["/?token=fwt1.abc.def", "/join/fwj1.abc"])(
		"G13: a secret in the address %s is refused, and said why",
		async (path) => {
			const socket = await opened();
			socket.socket.write(upgradeText({}, path));
			await until(() => socket.text().includes("stands in the address"), Boolean);
			expect(socket.text()).toContain(" 400 ");
		},
	);

	it("G17: who plays back a captured session is refused, since the challenge is another", async () => {
		const epoch = "a".repeat(32);
		const victim = await ProvenPeer.open(collector.port, { agent: "victim", epoch });
		victim.socket.close();
		await victim.closed();
		const thief = new WebSocket(`ws://127.0.0.1:${collector.port}`, SUBPROTOCOL);
		await once(thief, "open");
		const closed = once(thief, "close");
		for (const message of victim.opening) thief.send(message);
		expect((await closed)[0]).toBe(CLOSE.unauthorized);
	});

	it("G26: tries of join codes end with 429 after ten a minute", async () => {
		const body = JSON.stringify({
			code: "fwj1.000000000000.AAAAAAAAAAAAAAAAAAAAAA.-",
			agent: "x",
			publicKey: "0".repeat(64),
			signature: "0".repeat(128),
		});
		const statuses = new Map<number, number>();
		for (let count = 0; count < 14; count += 1) {
			const { status } = await fetch(`http://127.0.0.1:${collector.port}/v1/join`, { method: "POST", body });
			statuses.set(status, (statuses.get(status) ?? 0) + 1);
		}
		expect(Object.fromEntries(statuses)).toEqual({ 403: 10, 429: 4 });
	});

	it("G3: with 1,000 sockets from 40 addresses gets 128 of them at a time, and an agent still comes in at once", async () => {
		const sockets = await Promise.all(
			Array.from({ length: 1_000 }, async (_, index) => {
				const one = await opened(`127.0.1.${1 + (index % 40)}`);
				one.socket.write(upgradeText());
				return one;
			}),
		);
		const inside = () => sockets.filter((one) => one.text().includes(" 101 ") && !one.isClosed()).length;
		await until(inside, (count) => count >= 100);
		const late = await line.agent({ name: "late" });
		late.say(start, [{ device: deviceAt("10.0.0.7:80"), terahashesPerSecond: 1, watts: 1 }]);
		await line.drained(late, 1);
		expect(inside()).toBeLessThanOrEqual(128);
		expect(late.connected).toHaveLength(1);
		expect(late.disconnected).toEqual([]);
		for (const { socket } of sockets) socket.destroy();
		await late.stop();
	});

	it("G1: with one header each half second is cut within 15 s", async () => {
		await until(slow.isClosed, Boolean, 20);
	});

	it("G2: that is silent after the upgrade is closed after 5 s", async () => {
		await until(() => silent.code() ?? silent.isClosed(), Boolean, 15);
		expect(silent.code()).toBe(CLOSE.protocolViolation);
	});
});

describe("an enrolled agent", { timeout: 30_000 }, () => {
	it("G8: that never reads what it is told is closed, and costs no more than 48 MiB", async () => {
		const before = process.memoryUsage().rss;
		const peer = await ProvenPeer.open(collector.port, { agent: "deaf" });
		peer.defineWhenAsked([deviceAt("10.9.0.1:80", { serial: "M1" })]);
		for (let number = 1; number <= 65; number += 2) peer.record(number, record(number));
		await until(
			() => peer.heard.filter(({ kind }) => kind === "ack").length,
			(count) => count > 0,
		);
		peer.socket.pause();
		const again = record(3);
		const isGone = () => collector.disconnected.some(({ agent }) => agent === "deaf");
		for (let count = 0; count < 100_000 && !isGone(); count += 1) {
			peer.record(3, again);
			if (count % 500 === 0) await new Promise((done) => setImmediate(done));
		}
		await until(isGone, Boolean, 20);
		expect(collector.disconnected.find(({ agent }) => agent === "deaf")?.reason).toContain("unread");
		peer.socket.terminate();
		expect(grownMebibytes(before)).toBeLessThan(48);
	});

	it("G14: that names another agent in its messages changes nothing of it", async () => {
		const before = collector.store.agents().get("austin/agent-1");
		const peer = await ProvenPeer.open(collector.port);
		peer.say({
			kind: "status",
			agent: "agent-1",
			site: "austin",
			backlogRecords: 999,
			backlogBytes: 1,
			wall: 1,
			monotonic: 1,
		});
		await until(
			() => collector.store.agents().get("austin/mallory")?.backlogRecords,
			(count) => count === 999,
		);
		const after = collector.store.agents().get("austin/agent-1");
		expect(after?.backlogRecords).toBe(before?.backlogRecords);
		peer.socket.close();
	});

	it("G15: of another site that claims a device of this one gets a device of its own", async () => {
		const peer = await ProvenPeer.open(collector.port, { site: "boden" });
		peer.defineWhenAsked([DEVICE]);
		peer.record(1, record(9, { device: DEVICE, wall: Date.now() }));
		await peer.settled(1);
		const device = deviceNamed(collector.store, "S1");
		expect({ site: device.site, agent: device.agent }).toEqual({ site: "austin", agent: "agent-1" });
		expect([...collector.store.devices().values()].filter(({ site }) => site === "boden")).toHaveLength(1);
		peer.socket.close();
	});

	it("G15: of the same site that claims a device gets one of its own, and by the device's own agent's name it would not", async () => {
		const device = deviceAt("10.7.0.7:80", { serial: "S7" });
		const claims = () =>
			[...collector.store.devices().values()].filter(({ description }) => description.serial === "S7");
		const wall = Date.now();
		for (const [agent, watts] of [
			["agent-7", 3_000],
			["agent-8", 9_000],
			["agent-7", 3_001],
		] as const) {
			const peer = await ProvenPeer.open(collector.port, { agent });
			peer.defineWhenAsked([device]);
			peer.record(1, record(watts, { device, wall: wall + watts }));
			await peer.settled(1);
			peer.socket.close();
		}
		expect(claims().map(({ key, agent, isClaim }) => [key, agent, isClaim])).toEqual([
			["S7", "agent-7", false],
			["austin-10.7.0.7:80", "agent-8", true],
		]);
		const read = async (key: string) =>
			(await rowsOf(collector.store, deviceNamed(collector.store, key).number, wall, wall + 60_000)).map(
				({ powerWatts }) => powerWatts,
			);
		expect(await read("S7")).toEqual([3_000, 3_001]);
		expect(await read("austin-10.7.0.7:80")).toEqual([9_000]);
	});

	it("G16, G22, G23: sends times that cannot be, records too long, and kinds unknown: each is settled, nothing blocks", async () => {
		const peer = await ProvenPeer.open(collector.port);
		peer.defineWhenAsked([deviceAt("10.9.0.1:80", { serial: "M1" })]);
		const good = record(1);
		const cases = [
			remade(good, (bytes) => bytes.writeDoubleBE(Number.NaN, 2)),
			remade(good, (bytes) => bytes.writeDoubleBE(Number.POSITIVE_INFINITY, 2)),
			record(1, { before: -10 * 60_000 * 60 }),
			Buffer.concat([good, Buffer.alloc(300 * 1_024)]),
			Buffer.from("no record at all, whatever it says"),
			good.subarray(0, good.length - 9),
		];
		for (const [index, bytes] of cases.entries()) peer.record(index + 1, bytes);
		const unknown = remade(good, (bytes) => bytes.writeUInt8(9, 1));
		peer.record(cases.length + 1, unknown);
		peer.record(cases.length + 2, record(77, { wall: Date.now() }));
		await peer.settled(cases.length + 2);
		const refused = peer.heard.flatMap(
			(one) => (one["rejected"] ?? []) as { readonly sequence: number; readonly code: string }[],
		);
		expect(refused.map(({ sequence, code }) => [sequence, code]).sort()).toEqual(
			cases.map((_, index) => [index + 1, "RECORD_MALFORMED"]),
		);
		const device = deviceNamed(collector.store, "M1");
		expect(device.lastAttemptAt).toBeLessThanOrEqual(Date.now() + 5 * 60_000);
		peer.socket.close();
	});

	it("G17: that sends an old number again is acknowledged and changes nothing", async () => {
		const peer = await ProvenPeer.open(collector.port, { agent: "twice" });
		peer.defineWhenAsked([deviceAt("10.9.0.2:80", { serial: "M2" })]);
		const bytes = record(5, { device: deviceAt("10.9.0.2:80", { serial: "M2" }) });
		peer.record(1, bytes);
		peer.record(2, record(6, { device: deviceAt("10.9.0.2:80", { serial: "M2" }), wall: start + 1_000 }));
		await peer.settled(2);
		const before = deviceNamed(collector.store, "M2").pollsByResult;
		for (let count = 0; count < 50; count += 1) peer.record(1, bytes);
		await honestIsServed();
		expect(deviceNamed(collector.store, "M2").pollsByResult).toEqual(before);
		peer.socket.close();
	});

	it("G18: that sends another record under the newest number is closed as a conflict, and the first is kept", async () => {
		const peer = await ProvenPeer.open(collector.port, { agent: "copy" });
		const device = deviceAt("10.9.0.3:80", { serial: "M3" });
		peer.defineWhenAsked([device]);
		peer.record(1, record(5, { device }));
		await peer.settled(1);
		peer.record(1, record(6, { device }));
		expect(await peer.closed()).toBe(CLOSE.recordConflict);
		expect(deviceNamed(collector.store, "M3").pollsByResult).toEqual({ ok: 1 });
		expect(collector.ingest.statistics().refusedByCode["RECORD_CONFLICT"]).toBe(1);
	});

	it.each([0, 2 ** 40, Number.MAX_SAFE_INTEGER])("G19: that jumps to number %d is closed", async (number) => {
		const peer = await ProvenPeer.open(collector.port);
		peer.record(number, record(1));
		expect(await peer.closed()).toBe(CLOSE.protocolViolation);
	});

	it("G20: that begins a new epoch each time may do so six times", async () => {
		const codes: (number | undefined)[] = [];
		for (let count = 0; count < 7; count += 1) {
			const peer = await ProvenPeer.open(collector.port, { agent: "restless" });
			codes.push(peer.closeCode);
			peer.socket.close();
		}
		expect(codes).toEqual([...Array(6).fill(undefined), CLOSE.tooManyEpochs]);
	});

	it("G20: a site's token speaks for 20,000 names; the next one is told to join, and who is known comes in", async () => {
		const since = quantity<UnixMilliseconds>(start);
		for (let count = 0; count < 20_000; count += 1)
			collector.store.setAgent({
				...{ agent: `name-${count}`, site: "boden", isConnected: false, since },
				...{ gapOutcomes: 0, gapsByReason: {} },
			});
		const before = collector.store.agents().size;
		const next = await ProvenPeer.open(collector.port, { site: "boden", agent: "name-20000" });
		expect(next.closeCode).toBe(CLOSE.unauthorized);
		expect(next.heard.at(-1)).toMatchObject({ kind: "refuse", code: "AGENT_UNAUTHORIZED" });
		const known = await ProvenPeer.open(collector.port, { site: "boden", agent: "name-7" });
		expect(known.closeCode).toBeUndefined();
		known.socket.close();
		expect(collector.store.agents().size).toBe(before);
	});

	it("G21: that defines 75 MiB at once has 64 MiB of it taken; what names the rest is settled as refused", async () => {
		const peer = await ProvenPeer.open(collector.port, { agent: "wordy" });
		const names = Array.from({ length: 300 }, (_, index) => `10.6.${index >> 8}.${index & 255}:80`);
		const texts = names.map((endpoint) =>
			JSON.stringify({ ...deviceAt(endpoint), junk: "x".repeat(256 * 1_024 - 200) }),
		);
		const byHash = new Map(texts.map((text) => [hashOfText(text), text]));
		peer.socket.on("message", (data) => {
			const { kind, hashes = [] } = JSON.parse(String(data)) as { kind: string; hashes?: readonly string[] };
			for (const hash of kind === "need" ? hashes : [])
				peer.socket.send(encodeDefinitionFrame(hash, byHash.get(hash) ?? ""));
		});
		const time = timeAt(start);
		const common = { measuredAt: time.monotonic, tookMilliseconds: 1, code: "DEVICE_TIMEOUT", what: "" };
		for (const [index, device] of [...byHash.keys()].entries())
			peer.record(
				index + 1,
				encodeOutcomes(time, [{ kind: "failure", device, ...common }], () => undefined),
			);
		await peer.settled(300);
		const refused = peer.heard.flatMap((one) => (one["rejected"] ?? []) as readonly { code: string }[]);
		expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(["DEFINITIONS_TOO_MANY"]));
		expect(refused.length).toBeGreaterThanOrEqual(40);
		expect(refused.length).toBeLessThan(60);
		expect(peer.closeCode).toBeUndefined();
		peer.socket.close();
	});

	it("G24: that sends ten times its credit at once is slowed by nothing but its acks, and loses nothing", async () => {
		const device = deviceAt("10.9.0.4:80", { serial: "M4" });
		const peer = await ProvenPeer.open(collector.port, { agent: "eager" });
		peer.define(device);
		peer.defineWhenAsked([device]);
		const wall = start;
		for (let number = 1; number <= 400; number += 1) {
			const outcomes = Array.from({ length: 300 }, (_, index) => ({
				device,
				terahashesPerSecond: Math.random() * 1e6,
				watts: index,
				before: index,
			}));
			peer.socket.send(encodeRecordFrame("live", number, exampleRecord(wall + number * 1_000, outcomes)));
		}
		await peer.settled(400);
		expect(peer.closeCode).toBeUndefined();
		peer.socket.close();
	});

	it("G25: whose right is taken away in mid-session is cut within two seconds, and nothing more is taken", async () => {
		const peer = await ProvenPeer.open(collector.port, { agent: "revoked" });
		line.revoked.add("revoked");
		const from = performance.now();
		expect(await peer.closed(5)).toBe(CLOSE.unauthorized);
		expect(performance.now() - from).toBeLessThan(2_500);
		const again = await ProvenPeer.open(collector.port, { agent: "revoked" });
		expect(again.closeCode).toBe(CLOSE.unauthorized);
	});

	it("G21: that makes up 3,000 devices gets what is left of the limit, and known devices go on", async () => {
		const devices = Array.from({ length: 3_000 }, (_, index) =>
			deviceAt(`10.7.${index >> 8}.${index & 255}:80`),
		);
		const peer = await ProvenPeer.open(collector.port, { agent: "many" });
		peer.defineWhenAsked(devices);
		const bytes = exampleRecord(
			start,
			devices.map((device) => ({ device, terahashesPerSecond: 1, watts: 1 })),
		);
		peer.record(1, bytes);
		await peer.settled(1);
		expect(collector.store.devices().size).toBe(1_000);
		peer.socket.close();
	});
});

describe("what is between agent and collector", { timeout: 30_000 }, () => {
	it("G27: TLS 1.2 and plain text do not get in where there is a certificate", async () => {
		const { certificate, key, pin } = loadTls(
			{ mode: "own", dataFolder: line.folder, names: ["localhost"] },
			realClock,
		);
		const ingest = new IngestServer({
			clock: realClock,
			store: collector.store,
			credentialOf: () => ({ kind: "none" }),
			joining: NOBODY_JOINS,
			listen: { address: "127.0.0.1", port: 0 },
			tls: { certificate, key, pin },
			events: UNHEARD,
		});
		const { port } = await ingest.start();
		const old = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, maxVersion: "TLSv1.2" });
		const [error] = (await once(old, "error")) as [Error];
		expect(error.message).toMatch(/version|alert/i);
		const plain = await bareSocket(port);
		plain.socket.write(upgradeText());
		await until(plain.isClosed, Boolean, 15);
		expect(plain.text()).not.toContain(" 101 ");
		await ingest.stop();
	});

	it.each([
		["2 MiB in one message", (socket: WebSocket) => socket.send(Buffer.alloc(2 * MEBIBYTE))],
		[
			"70 KiB of JSON",
			(socket: WebSocket) => socket.send(JSON.stringify({ kind: "challenge", nonce: "0".repeat(70_000) })),
		],
		["text that is no message", (socket: WebSocket) => socket.send('{"kind":"obey"}')],
		["an ack before any welcome", (socket: WebSocket) => socket.send('{"kind":"ack","base":9,"ranges":[]}')],
	])(
		"G28: a hostile collector that sends %s is left, and the outbox keeps everything",
		async (what, attack) => {
			const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: () => SUBPROTOCOL });
			await once(server, "listening");
			const bound = server.address();
			server.on("connection", attack);
			const agent = await line.agent({
				name: `betrayed-by-${what.length}`,
				port: typeof bound === "object" && bound !== null ? bound.port : 0,
			});
			agent.say(start, [{ device: DEVICE, terahashesPerSecond: 1, watts: 1 }]);
			await until(
				() => agent.disconnected.length,
				(count) => count > 0,
			);
			await until(
				() => agent.outbox.state.head,
				(head) => head === 1,
			);
			expect(agent.outbox.state).toMatchObject({ records: 1, outcomesUnaccounted: 0 });
			await agent.stop();
			for (const client of server.clients) client.terminate();
			server.close();
		},
	);

	it("G28: a hostile collector that gives no credit, ever, is sent nothing, and the outbox keeps everything", async () => {
		const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: () => SUBPROTOCOL });
		await once(server, "listening");
		const bound = server.address();
		let frames = 0;
		let statuses = 0;
		server.on("connection", (socket) => {
			const say = (message: object) => socket.send(JSON.stringify(message));
			socket.on("message", (data, isBinary) => {
				if (isBinary) frames += 1;
				const { kind } = isBinary ? { kind: "" } : (JSON.parse(String(data)) as { readonly kind: string });
				if (kind === "hello") say({ kind: "challenge", nonce: "0".repeat(64) });
				if (kind === "status") statuses += 1;
				if (kind !== "proof") return;
				const credit = { live: 0, backfill: 0 };
				say({ kind: "welcome", version: 1, session: "x", base: 0, ranges: [], credit, wall: Date.now() });
				for (let count = 0; count < 1_000; count += 1) say({ kind: "credit", ...credit });
			});
		});
		const agent = await line.agent({
			name: "starved",
			port: typeof bound === "object" && bound !== null ? bound.port : 0,
		});
		for (let number = 1; number <= 20; number += 1)
			agent.say(start + number, [{ device: DEVICE, terahashesPerSecond: 1, watts: 1 }]);
		await until(
			() => statuses,
			(count) => count >= 2,
			20,
		);
		expect([agent.connected.length, frames]).toEqual([1, 0]);
		expect(agent.outbox.state).toMatchObject({ head: 20, records: 20, outcomesUnaccounted: 0 });
		await agent.stop();
		for (const client of server.clients) client.terminate();
		server.close();
	});

	it("G28: a hostile collector that sends an answer without end before the upgrade is left", async () => {
		const server = createTcpServer((socket) => {
			socket.on("error", () => undefined);
			socket.write("HTTP/1.1 200 OK\r\n");
			const drip = setInterval(() => socket.write(`X: ${"a".repeat(1_000)}\r\n`), 5);
			socket.on("close", () => clearInterval(drip));
		});
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		const bound = server.address();
		const agent = await line.agent({
			name: "drowned",
			port: typeof bound === "object" && bound !== null ? bound.port : 0,
		});
		await until(
			() => agent.disconnected.length,
			(count) => count > 0,
			15,
		);
		await agent.stop();
		server.close();
	});
});

describe("after all of it", () => {
	it("every outcome of the honest agent is stored, once, by the counts of both sides", () => {
		expectConserved(collector.store, honest.outbox.state);
		expect(collector.store.tallyOf("agent-1", honest.outbox.state.epoch)).toEqual({
			stored: said,
			missing: 0,
			refused: 0,
		});
		expect(deviceNamed(collector.store, "S1").pollsByResult).toEqual({ ok: said });
	});
});
