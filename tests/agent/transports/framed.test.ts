import { afterEach, describe, expect, it } from "vitest";
import { ask } from "../../../agent/transports/ask.js";
import { device, type FakeDevice, LOOPBACK, poll } from "./devices.js";

const request = { over: "framed", send: '{"cmd":"get.device.info"}', format: "json" } as const;
const started: FakeDevice[] = [];

async function serving(serve: Parameters<typeof device>[0]) {
	const miner = await device(serve);
	started.push(miner);
	return { host: LOOPBACK, port: miner.port };
}

function frame(text: string, claimed = Buffer.byteLength(text)): Buffer {
	const length = Buffer.alloc(4);
	length.writeUInt32LE(claimed);
	return Buffer.concat([length, Buffer.from(text)]);
}

const reply = '{"code":0,"msg":{"miner":{"type":"M60S_VK40"}},"desc":"矿机"}';

afterEach(() => {
	for (const miner of started.splice(0)) miner.close();
});

describe("the framed transport", () => {
	it("sends four bytes little-endian length and the JSON", async () => {
		let received: Buffer = Buffer.alloc(0);
		const target = await serving((socket) => {
			socket.once("data", (bytes: Buffer) => {
				received = bytes;
				socket.write(frame(reply));
			});
		});
		expect(await ask(request, target, poll())).toMatchObject({ ok: true, answer: { text: reply } });
		expect(received.subarray(0, 4)).toEqual(Buffer.from([25, 0, 0, 0]));
		expect(received.subarray(4).toString()).toBe('{"cmd":"get.device.info"}');
	});

	it("takes a frame that comes byte by byte, after a heartbeat of four zero bytes", async () => {
		const bytes = Buffer.concat([Buffer.alloc(4), frame(reply)]);
		const target = await serving((socket) => {
			void (async () => {
				for (const byte of bytes) {
					socket.write(Buffer.from([byte]));
					await new Promise((resolve) => setImmediate(resolve));
				}
			})();
		});
		expect(await ask(request, target, poll())).toMatchObject({ ok: true, answer: { text: reply } });
	});

	it.each([
		["DEVICE_ANSWER_TOO_LARGE", "announces 4 GiB", frame("{}", 0xffff_ffff)],
		["DEVICE_ANSWER_TOO_LARGE", "announces one byte more than 256 KiB", frame("{}", 256 * 1_024 + 1)],
		["DEVICE_ANSWER_TOO_LARGE", "sends 300 KB of heartbeats", Buffer.alloc(300_000)],
		["DEVICE_ANSWER_TRUNCATED", "announces more than it sends", frame(reply, 5_000)],
		["DEVICE_ANSWER_TRUNCATED", "announces less than its JSON", frame(reply, 20)],
		["DEVICE_ANSWER_TRUNCATED", "closes within the length", Buffer.from([1, 0])],
		["DEVICE_ANSWER_TRUNCATED", "closes without a byte", Buffer.alloc(0)],
	])("fails with %s when the device %s", async (code, _when, bytes) => {
		const target = await serving((socket) => socket.end(bytes));
		expect(await ask(request, target, poll())).toMatchObject({ ok: false, failure: { code } });
	});
});
