import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { ask } from "../../../agent/transports/ask.js";
import { ANSWER_BYTES_MAX } from "../../../agent/transports/transport.js";
import { realClock } from "../../../shared/clock.js";
import { answering, device, dripping, type FakeDevice, fastClock, LOOPBACK, poll } from "./devices.js";

const summary = { over: "cgminer", send: '{"command":"summary"}', format: "json" } as const;
const started: FakeDevice[] = [];

async function serving(serve: Parameters<typeof device>[0]) {
	const miner = await device(serve);
	started.push(miner);
	return { host: LOOPBACK, port: miner.port };
}

afterEach(() => {
	for (const miner of started.splice(0)) miner.close();
});

describe("the cgminer transport", () => {
	it("sends the request as the table has it and gives the text before the NUL", async () => {
		let received = "";
		const target = await serving((socket) => {
			socket.once("data", (bytes) => {
				received = bytes.toString();
				socket.end('{"SUMMARY":[{"GHS 5s":100}]}\0');
			});
		});
		const asked = await ask(summary, target, poll());
		expect(received).toBe('{"command":"summary"}');
		expect(asked).toMatchObject({ ok: true, answer: { text: '{"SUMMARY":[{"GHS 5s":100}]}' } });
	});

	it("ends at the NUL although the device keeps the connection open", async () => {
		const target = await serving((socket) => socket.write('{"a":1}\0'));
		expect(await ask(summary, target, poll())).toMatchObject({ ok: true, answer: { text: '{"a":1}' } });
	});

	it("reads no second document after the NUL", async () => {
		const target = await serving(answering('{"a":1}\0{"b":2}\0'));
		expect(await ask(summary, target, poll())).toMatchObject({ ok: true, answer: { text: '{"a":1}' } });
	});

	it("ends when the device closes without a NUL", async () => {
		const target = await serving(answering('{"a":1}\n'));
		expect(await ask(summary, target, poll())).toMatchObject({ ok: true, answer: { text: '{"a":1}\n' } });
	});

	it("strips a byte order mark and NULs before the first byte", async () => {
		const target = await serving(answering('\0\0\uFEFF{"a":1}\0\0'));
		expect(await ask(summary, target, poll())).toMatchObject({ ok: true, answer: { text: '{"a":1}' } });
	});

	it("gives 46 KB that come in segments, with characters of several bytes cut anywhere between them", async () => {
		const text = `{"Type":"${"Antminer 矿机 ⛏ é ".repeat(2_000)}"}`;
		const bytes = Buffer.from(`${text}\0`);
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 5 }),
				async (cuts) => {
					const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
					const target = await serving((socket) => {
						void (async () => {
							for (const [index, edge] of edges.slice(1).entries()) {
								socket.write(bytes.subarray(edges[index], edge));
								await new Promise((resolve) => setImmediate(resolve));
							}
							socket.end();
						})();
					});
					const asked = await ask(summary, target, poll());
					expect(asked.ok && asked.answer.text).toBe(text);
				},
			),
			{ numRuns: 15 },
		);
	});

	it("replaces bytes that are no UTF-8 with U+FFFD", async () => {
		const target = await serving(answering(Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x7d, 0])));
		expect(await ask(summary, target, poll())).toMatchObject({ answer: { text: '{"\uFFFD\uFFFD"}' } });
	});

	it.each([
		["DEVICE_ANSWER_TRUNCATED", "closes without a byte", ""],
		["DEVICE_ANSWER_TRUNCATED", "sends one NUL alone", "\0"],
		["DEVICE_ANSWER_TRUNCATED", "closes in the middle of its JSON", '{"SUMMARY":[{"GHS 5s":10'],
		["DEVICE_ANSWER_TOO_LARGE", "sends one byte more than 256 KiB", "x".repeat(ANSWER_BYTES_MAX + 1)],
	])("fails with %s when the device %s", async (code, _when, reply) => {
		const target = await serving(answering(reply));
		expect(await ask(summary, target, poll())).toMatchObject({ ok: false, failure: { code } });
	});

	it("takes an answer of exactly 256 KiB", async () => {
		const reply = `"${"x".repeat(ANSWER_BYTES_MAX - 2)}"`;
		const target = await serving(answering(`${reply}\0`));
		expect(await ask(summary, target, poll())).toMatchObject({ ok: true, answer: { text: reply } });
	});

	it("stops reading an endless answer shortly after 256 KiB", async () => {
		let written = 0;
		const target = await serving((socket) => {
			const block = Buffer.alloc(64 * 1_024, "x");
			const pump = () => {
				while (!socket.destroyed && socket.write(block)) written += block.length;
			};
			socket.on("drain", pump);
			pump();
		});
		const asked = await ask(summary, target, poll());
		expect(asked).toMatchObject({ ok: false, failure: { code: "DEVICE_ANSWER_TOO_LARGE" } });
		expect(written).toBeLessThan(16 * 1_024 * 1_024);
	});

	it("gives the legacy text form as it is, also without closing braces", async () => {
		const text = "STATUS=S,When=1,Code=11|SUMMARY,Elapsed=5|";
		const target = await serving(answering(`${text}\0`));
		const request = { over: "cgminer", send: "summary\n", format: "keyValueText" } as const;
		expect(await ask(request, target, poll())).toMatchObject({ ok: true, answer: { text } });
	});

	it("fails with DEVICE_CONNECTION_RESET when the device resets after accepting", async () => {
		const target = await serving((socket) => socket.once("data", () => socket.resetAndDestroy()));
		expect(await ask(summary, target, poll())).toMatchObject({
			ok: false,
			failure: { code: "DEVICE_CONNECTION_RESET" },
		});
	});

	it("fails with DEVICE_CONNECTION_REFUSED when nothing listens", async () => {
		const miner = await device(() => {});
		miner.close();
		await new Promise((resolve) => setTimeout(resolve, 20));
		expect(await ask(summary, { host: LOOPBACK, port: miner.port }, poll())).toMatchObject({
			ok: false,
			failure: { code: "DEVICE_CONNECTION_REFUSED" },
		});
	});

	it.each([
		["accepts and never answers", () => {}],
		["sends one byte each 200 ms", dripping("x", 10)],
	])("ends after 5 s in all with DEVICE_TIMEOUT when the device %s", async (_when, serve) => {
		const clock = fastClock(20);
		const target = await serving(serve);
		const startedAt = clock.monotonic();
		const asked = await ask(summary, target, poll({ clock }));
		const took = clock.monotonic() - startedAt;
		expect(asked).toMatchObject({ ok: false, failure: { code: "DEVICE_TIMEOUT" } });
		expect(took).toBeGreaterThanOrEqual(4_950);
	});

	// A timer may fire a millisecond early, which is much on a clock that runs twenty times as fast.
	it("shares the poll's time among all its requests", async () => {
		const target = await serving(() => {});
		const context = poll({ milliseconds: 500 });
		await ask(summary, target, context);
		const asked = await ask(summary, target, context);
		expect(asked).toMatchObject({ ok: false, failure: { code: "DEVICE_TIMEOUT" } });
		expect(started[0]?.connections()).toBe(1);
	});

	it("ends at once with DEVICE_TIMEOUT when the poll is given up", async () => {
		const target = await serving(() => {});
		const abort = new AbortController();
		const asking = ask(summary, target, poll({ signal: abort.signal, milliseconds: 600_000 }));
		setTimeout(() => abort.abort(), 20);
		expect(await asking).toMatchObject({ ok: false, failure: { code: "DEVICE_TIMEOUT" } });
	});

	it("says when the last byte arrived", async () => {
		const target = await serving((socket) => setTimeout(() => socket.end("{}\0"), 100));
		const before = realClock.monotonic();
		const asked = await ask(summary, target, poll());
		expect(asked.ok && asked.receivedAt - before).toBeGreaterThanOrEqual(95);
	});
});
