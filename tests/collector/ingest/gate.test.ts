import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Gate, peerOf } from "../../../collector/ingest/gate.js";
import { until } from "../store/example-store.js";

let server: Server;
let gate: Gate;
let now = 0;
let cut = 0;
let arrived = 0;
/** In the order in which they were let in. */
let begun: Socket[] = [];
let visitors: Socket[] = [];

beforeEach(async () => {
	[now, cut, arrived, begun, visitors] = [0, 0, 0, [], []];
	gate = new Gate({ monotonic: () => now, begin: (socket) => begun.push(socket), onCut: () => (cut += 1) });
	server = createServer({ pauseOnConnect: true }, (socket) => {
		arrived += 1;
		gate.arrived(socket);
	});
	await once(server.listen(0, "127.0.0.1"), "listening");
});
afterEach(async () => {
	gate.close();
	for (const socket of [...begun, ...visitors]) socket.destroy();
	await new Promise((done) => server.close(done));
});

async function visit(count: number, host: number): Promise<void> {
	const { port } = server.address() as AddressInfo;
	for (let visitor = 0; visitor < count; visitor += 1)
		visitors.push(
			connect({ port, host: "127.0.0.1", localAddress: `127.0.3.${host}` }).on("error", () => undefined),
		);
	await until(
		() => arrived,
		(all) => all === visitors.length,
	);
}

const begunOf = (host: number) =>
	begun.filter(({ remoteAddress }) => remoteAddress === `127.0.3.${host}`).length;

/** As if an agent had proven itself there: from then on the address is no stranger's. */
async function makeKnown(host: number): Promise<void> {
	await visit(1, host);
	const socket = begun.find(({ remoteAddress }) => remoteAddress === `127.0.3.${host}`);
	gate.proven(peerOf(socket as Socket));
}

it("lets 32 strangers of an address in, and the next as soon as one has gone", async () => {
	await visit(40, 1);
	expect(begunOf(1)).toBe(32);
	begun[0]?.destroy();
	await until(
		() => begunOf(1),
		(count) => count === 33,
	);
	await visit(1, 2);
	expect(begunOf(2)).toBe(1);
});

it("lets the rest of an address in once one of them has proven itself, and 256 at most", async () => {
	await visit(300, 1);
	gate.proven(peerOf(begun[0] as Socket));
	expect(begunOf(1)).toBe(1 + 256);
	gate.proven(peerOf(begun[1] as Socket));
	expect(begunOf(1)).toBe(2 + 256);
});

it("lets an agent of a known address in at once while 128 strangers are inside and 72 wait", async () => {
	await makeKnown(9);
	for (let host = 1; host <= 8; host += 1) await visit(25, host);
	expect(begun.length).toBe(1 + 128);
	await visit(1, 9);
	expect(begunOf(9)).toBe(2);
});

it("takes addresses in turn: 1 that comes behind 96 of two other addresses is the next of the third", async () => {
	for (let host = 1; host <= 4; host += 1) await visit(64, host);
	await visit(1, 5);
	expect([begun.length, begunOf(5)]).toEqual([128, 0]);
	for (const socket of begun) if (socket.remoteAddress === "127.0.3.4") socket.destroy();
	await until(
		() => begunOf(5),
		(count) => count === 1,
	);
});

it("cuts who is inside for more than 10 s, and who has waited for more than 30 s", async () => {
	await visit(33, 1);
	now = 9_000;
	await visit(1, 2);
	now = 10_001;
	gate.tick();
	expect(cut).toBe(32);
	await until(
		() => begunOf(1),
		(count) => count === 33,
	);
	gate.tick();
	expect(cut, "who has waited for 10 s and is inside since now").toBe(32);
	await visit(40, 1);
	now = 10_001 + 30_001;
	gate.tick();
	expect(cut).toBe(32 + 1 + 32 + 9);
});
