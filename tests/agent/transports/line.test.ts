import { afterEach, describe, expect, it } from "vitest";
import { ask } from "../../../agent/transports/ask.js";
import { transportMemory } from "../../../agent/transports/transport.js";
import { answering, device, type FakeDevice, fastClock, LOOPBACK, poll } from "./devices.js";

const stats = { over: "cgminer", send: '{"command":"stats"}', format: "json" } as const;
const page = { over: "http", path: "/", format: "json" } as const;
const started: FakeDevice[] = [];

async function serving(serve: Parameters<typeof device>[0]) {
	const found = await device(serve);
	started.push(found);
	return { host: LOOPBACK, port: found.port };
}

afterEach(() => {
	for (const found of started.splice(0)) found.close();
});

describe("socket objects that serve one connection after another", () => {
	it("give each of 200 polls the answer of its own device, 20 at once, whatever the others do", async () => {
		const memory = transportMemory();
		const honest = await Promise.all(
			Array.from({ length: 10 }, (_, index) =>
				serving((socket) => {
					socket.once("data", () => {
						socket.write(`{"device":${index},"rest":"${"x".repeat(index * 9_000)}`);
						setImmediate(() => socket.end('"}\0'));
					});
				}),
			),
		);
		const wrong = await Promise.all([
			serving((socket) => socket.resetAndDestroy()),
			serving((socket) => socket.end()),
			serving(answering("{}\0 and more that nobody reads")),
			serving(answering("x".repeat(300_000))),
			serving(() => {}),
			serving(answering("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")),
		]);
		const refusing = await device(() => {});
		refusing.close();
		const clock = fastClock(10);
		for (let round = 0; round < 20; round++) {
			const disturbing = [...wrong, { host: LOOPBACK, port: refusing.port }].map((target, index) =>
				ask(index % 2 === 0 ? stats : page, target, poll({ memory, clock, milliseconds: 1_000 })),
			);
			const asked = await Promise.all(honest.map((target) => ask(stats, target, poll({ memory }))));
			const said = asked.map((one) => (one.ok ? one.answer.text.slice(0, 12) : one.failure.what));
			expect(said).toEqual(honest.map((_, index) => `{"device":${index},`.slice(0, 12)));
			await Promise.all(disturbing);
		}
	});
});
