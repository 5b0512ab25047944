import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import type { LiveMessage } from "../../../../collector/expose/answers.js";
import { VIEWERS_MOST } from "../../../../collector/expose/live/live-stream.js";
import { miner, NOW } from "../fleet-fixture.js";
import { running } from "../server-fixture.js";

type Viewer = {
	readonly socket: WebSocket;
	next(): Promise<LiveMessage>;
	readonly closed: Promise<number>;
};

function viewer(
	port: number,
	options: { readonly path?: string; readonly headers?: Record<string, string> } = {},
): Viewer {
	const { path = "/api/v1/live", headers = {} } = options;
	const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
	onTestFinished(() => socket.terminate());
	const messages: LiveMessage[] = [];
	const waiting: ((message: LiveMessage) => void)[] = [];
	socket.on("message", (data) => {
		const message = JSON.parse(String(data)) as LiveMessage;
		const wait = waiting.shift();
		if (wait === undefined) messages.push(message);
		else wait(message);
	});
	return {
		socket,
		next: () => {
			const come = messages.shift();
			return come === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(come);
		},
		closed: new Promise((resolve) => socket.on("close", resolve)),
	};
}

function refusal(port: number, options: Parameters<typeof viewer>[1]): Promise<number> {
	const { socket } = viewer(port, options);
	return new Promise((resolve) => {
		socket.on("unexpected-response", (request, response) => {
			resolve(response.statusCode ?? 0);
			request.destroy();
		});
		socket.on("error", () => undefined);
	});
}

describe("the live stream", () => {
	it("begins with the whole fleet", async () => {
		const { port } = await running({ devices: [miner("m1"), miner("m2")] });
		const message = await viewer(port).next();
		expect(message.kind).toBe("snapshot");
		expect(message.devices.map(({ device }) => device)).toEqual(["m1", "m2"]);
		expect(message.fleet.total.powerWatts).toBe(7_000);
	});

	it("names at most 2,000 devices a message: 4,500 come as a snapshot and two updates", async () => {
		const devices = Array.from({ length: 4_500 }, (_, index) => miner(`m${index}`));
		const { port } = await running({ devices });
		const { next } = viewer(port);
		const messages = [await next(), await next(), await next()];
		expect(messages.map(({ kind, devices: named }) => `${kind} ${named.length}`)).toEqual([
			"snapshot 2000",
			"update 2000",
			"update 500",
		]);
		expect(new Set(messages.flatMap((one) => one.devices.map(({ device }) => device))).size).toBe(4_500);
	});

	it("then sends each second only the devices that changed", async () => {
		const { port, store, clock } = await running({ devices: [miner("m1"), miner("m2")] });
		const { next } = viewer(port);
		await next();
		store.put(miner("m2", { values: { hashrateTerahashesPerSecond: 100, powerWatts: 1_800 } }));
		clock.set(NOW + 1_000);
		const message = await next();
		expect(message.kind).toBe("update");
		expect(message.devices.map(({ device }) => device)).toEqual(["m2"]);
		expect(message.fleet.total.powerWatts).toBe(5_300);
	});

	it("sends the whole fleet anew when a device is gone", async () => {
		const { port, store, clock } = await running({ devices: [miner("m1"), miner("m2")] });
		const { next } = viewer(port);
		await next();
		store.remove("m2");
		clock.set(NOW + 1_000);
		const message = await next();
		expect(message.kind).toBe("snapshot");
		expect(message.devices.map(({ device }) => device)).toEqual(["m1"]);
	});

	it("closes who says anything, with 1008", async () => {
		const { port } = await running();
		const { socket, next, closed } = viewer(port);
		await next();
		socket.send("hello");
		expect(await closed).toBe(1008);
	});

	it("closes who says more than 1 KiB, with 1009", async () => {
		const { port } = await running();
		const { socket, next, closed } = viewer(port);
		await next();
		socket.send("x".repeat(1_025));
		expect(await closed).toBe(1009);
	});

	it("takes 64 viewers and refuses the next with 503 until one leaves", async () => {
		const { port } = await running();
		const viewers = Array.from({ length: VIEWERS_MOST }, () => viewer(port));
		await Promise.all(viewers.map(({ next }) => next()));
		expect(await refusal(port, {})).toBe(503);
		viewers[0]?.socket.close();
		await viewers[0]?.closed;
		expect((await viewer(port).next()).kind).toBe("snapshot");
	});

	it.each([
		[403, "a page of another origin", { headers: { origin: "http://evil.example" } }],
		[421, "another name", { headers: { host: "evil.example", origin: "http://evil.example" } }],
		[404, "another path", { path: "/api/v1/live/more" }],
	])("refuses with %d %s", async (status, _, options) => {
		const { port } = await running();
		expect(await refusal(port, options)).toBe(status);
	});

	it("takes a page of its own origin", async () => {
		const { port } = await running();
		const headers = { origin: `http://127.0.0.1:${port}` };
		expect((await viewer(port, { headers }).next()).kind).toBe("snapshot");
	});

	it("says goodbye with 1001 when the collector stops", async () => {
		const { port, close } = await running();
		const { next, closed } = viewer(port);
		await next();
		await close();
		expect(await closed).toBe(1001);
	});

	/** A fleet of 32 MB as text: more than the kernel takes on the way to a viewer that does not read. */
	const heavy = () =>
		Array.from({ length: 160 }, (_, index) =>
			miner(`m${index}`, { description: { firmware: "x".repeat(200_000) } }),
		);

	async function stalled() {
		const up = await running({ devices: heavy() });
		const seen = viewer(up.port);
		await new Promise((resolve) => seen.socket.on("open", resolve));
		seen.socket.pause();
		return { ...up, ...seen };
	}

	const ticks = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1_000 + 500));

	it("sends a viewer that does not read no updates, and the fleet anew when it has caught up", async () => {
		const { clock, socket, next } = await stalled();
		await ticks(2);
		clock.set(NOW + 3_000);
		socket.resume();
		expect((await next()).kind).toBe("snapshot");
		const second = await next();
		expect(second.kind).toBe("snapshot");
		expect(second.fleet.at).toBe(NOW + 3_000);
	});

	it("closes a viewer that has not read for 30 s", async () => {
		const { clock, socket, closed } = await stalled();
		await ticks(1);
		clock.push(30_000);
		await ticks(2);
		socket.resume();
		// The close frame waits behind what was not read; after a second the socket is cut.
		expect([4008, 1006]).toContain(await closed);
	});
});
