import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ListenProblem, startExpose } from "../../../collector/expose/start.js";
import { until } from "../../peers/running-program.js";
import { miner, NOW, plainStore, VIEW_OPTIONS } from "./fleet-fixture.js";
import { raw, running, wallClock } from "./server-fixture.js";

async function folder(): Promise<string> {
	const path = await mkdtemp(join(tmpdir(), "fleetwatt-page-"));
	onTestFinished(() => rm(path, { recursive: true }));
	return path;
}

async function builtPage(): Promise<string> {
	const top = await folder();
	const page = join(top, "live");
	await mkdir(join(page, "assets"), { recursive: true });
	await writeFile(join(top, "secret.txt"), "secret");
	await writeFile(join(page, "index.html"), "<!doctype html><title>Page</title>");
	await writeFile(join(page, "assets", "main-Ab12Cd34.js"), "export {};");
	await writeFile(join(page, "notes.unknown"), "not served");
	await symlink(join(top, "secret.txt"), join(page, "link.txt"));
	return page;
}

describe("who may ask", () => {
	it.each(["localhost", "localhost:9480", "127.0.0.1", "127.8.9.10:80", "[::1]:9480"])(
		"answers under the loopback name %s",
		async (host) => {
			const { port } = await running();
			expect((await raw(port, { path: "/-/healthy", headers: { host } })).status).toBe(200);
		},
	);

	it.each([
		"evil.example",
		"evil.example:9480",
		"127.0.0.1.evil.example",
		"10.0.0.1",
		"a b",
		"localhost@evil.example",
	])("answers 421 under the name %j", async (host) => {
		const { port } = await running();
		for (const path of ["/", "/metrics", "/api/v1/fleet"]) {
			expect((await raw(port, { path, headers: { host } })).status).toBe(421);
		}
	});

	it("answers 421 to who names no host: HTTP/1.0 without a Host header", async () => {
		const { port } = await running();
		const socket = connect(port, "127.0.0.1");
		socket.write("GET /metrics HTTP/1.0\r\n\r\n");
		const chunks: Buffer[] = [];
		socket.on("data", (chunk: Buffer) => chunks.push(chunk));
		await new Promise((resolve) => socket.on("close", resolve));
		expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 421 /);
	});

	it("answers under a name that the operator allows", async () => {
		const { port } = await running({}, { allowedHosts: ["collector"] });
		expect((await raw(port, { path: "/-/healthy", headers: { host: "Collector:9480" } })).status).toBe(200);
	});

	it.each(["POST", "PUT", "DELETE", "OPTIONS"])("refuses %s with 405: it is read-only", async (method) => {
		const { port } = await running();
		const reply = await raw(port, { path: "/api/v1/fleet", method });
		expect(reply.status).toBe(405);
		expect(reply.headers["allow"]).toBe("GET, HEAD");
	});
});

describe("every answer", () => {
	it.each(["/", "/metrics", "/-/healthy", "/api/v1/fleet", "/none"])(
		"of %s says how little a browser may do with it",
		async (path) => {
			const { port } = await running();
			expect((await raw(port, { path })).headers).toMatchObject({
				"content-security-policy":
					"default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
				"x-content-type-options": "nosniff",
				"referrer-policy": "no-referrer",
			});
		},
	);
});

describe("the page", () => {
	it("that is built stands at /, not cached, and its hashed files for good", async () => {
		const { port } = await running({}, { pageDirectory: await builtPage() });
		const index = await raw(port);
		expect(index.body).toContain("<title>Page</title>");
		expect(index.headers).toMatchObject({
			"content-type": "text/html; charset=utf-8",
			"cache-control": "no-cache",
		});
		const asset = await raw(port, { path: "/assets/main-Ab12Cd34.js" });
		expect(asset.headers).toMatchObject({
			"content-type": "text/javascript; charset=utf-8",
			"cache-control": "public, max-age=31536000, immutable",
		});
	});

	it("is not sent again to who has it: 304", async () => {
		const { port } = await running({}, { pageDirectory: await builtPage() });
		const { headers } = await raw(port);
		const again = await raw(port, { headers: { "if-none-match": String(headers["etag"]) } });
		expect(again).toMatchObject({ status: 304, body: "" });
	});

	it.each([
		"/../secret.txt",
		"/%2e%2e/secret.txt",
		"/..%2fsecret.txt",
		"/assets/../../secret.txt",
		"/assets/..\\..\\secret.txt",
		"/link.txt",
		"/notes.unknown",
		"//secret.txt",
		"/index.html%00.js",
		"/assets",
		"/assets/",
	])("is a fixed list: %s is 404", async (path) => {
		const { port } = await running({}, { pageDirectory: await builtPage() });
		const reply = await raw(port, { path });
		expect(reply.status).toBe(404);
		expect(reply.body).not.toContain("secret");
	});

	it.each([undefined, "/nowhere/at/all"])(
		"that is not built (%s) has a landing page in its place",
		async (pageDirectory) => {
			const { port } = await running({}, pageDirectory === undefined ? {} : { pageDirectory });
			const { status, body } = await raw(port);
			expect(status).toBe(200);
			for (const path of ["/metrics", "/api/v1/fleet", "/-/ready"]) expect(body).toContain(`href="${path}"`);
		},
	);
});

describe("health", () => {
	it("is healthy as soon as it listens, and ready when nothing speaks against it", async () => {
		const { port } = await running();
		expect(await raw(port, { path: "/-/healthy" })).toMatchObject({ status: 200, body: "healthy\n" });
		expect(await raw(port, { path: "/-/ready" })).toMatchObject({ status: 200, body: "ready\n" });
	});

	it("is not ready, with the reason, while the collector starts", async () => {
		const reasons = ["The store is being read."];
		const { port } = await running({}, { notReady: () => reasons });
		expect(await raw(port, { path: "/-/ready" })).toMatchObject({
			status: 503,
			body: "not ready\nThe store is being read.\n",
		});
		reasons.length = 0;
		expect((await raw(port, { path: "/-/ready" })).status).toBe(200);
	});

	it("stays ready under overload, since the present is taken in and shown, and says since when", async () => {
		let since: number | undefined;
		const { port } = await running({}, { overloadedSince: () => since });
		expect((await raw(port, { path: "/-/ready" })).body).toBe("ready\n");
		since = NOW;
		expect(await raw(port, { path: "/-/ready" })).toMatchObject({
			status: 200,
			body: `ready\noverloaded: Agents send more than is stored in time since ${new Date(NOW).toISOString()}: the past is not shown meanwhile.\n`,
		});
		expect(await raw(port, { path: "/-/healthy" })).toMatchObject({ status: 200, body: "healthy\n" });
	});

	it("is not ready while the disk refuses writes", async () => {
		const { port, store } = await running();
		store.set({ isWriteBlocked: true });
		const reply = await raw(port, { path: "/-/ready" });
		expect(reply.status).toBe(503);
		expect(reply.body).toContain("The disk refuses writes");
	});
});

describe("/metrics", () => {
	it("is the text format 0.0.4, whole: its length is as announced", async () => {
		const devices = Array.from({ length: 300 }, (_, index) => miner(`m${index}`));
		const { port } = await running({ devices });
		const { headers, body } = await raw(port, { path: "/metrics" });
		expect(headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
		expect(Number(headers["content-length"])).toBe(Buffer.byteLength(body));
		expect(body.match(/^fleetwatt_device_up\{/gm)).toHaveLength(300);
		expect(body.endsWith("\n")).toBe(true);
	});

	it("answers HEAD without a body", async () => {
		const { port } = await running({ devices: [miner("m1")] });
		const reply = await raw(port, { path: "/metrics", method: "HEAD" });
		expect(reply).toMatchObject({ status: 200, body: "" });
		expect(Number(reply.headers["content-length"])).toBeGreaterThan(1_000);
	});

	it("gives each device on one shard of three, and the fleet's and its own families on the first alone", async () => {
		const devices = Array.from({ length: 60 }, (_, index) => miner(`m${index}`));
		const { port } = await running({ devices });
		const shards = await Promise.all(
			[1, 2, 3].map(async (shard) => (await raw(port, { path: `/metrics?shard=${shard}&of=3` })).body),
		);
		const keys = shards.flatMap((body) =>
			[...body.matchAll(/^fleetwatt_device_up\{.*device="(\w+)"/gm)].map(([, key]) => key),
		);
		expect(keys.sort()).toEqual(devices.map(({ key }) => key).sort());
		for (const family of [
			"fleetwatt_fleet_power_watts 210000",
			"process_cpu_seconds_total",
			"fleetwatt_build_info",
		])
			expect(shards.map((body) => body.includes(family))).toEqual([true, false, false]);
	});

	it("gives the devices of one site, and 400 with one line where the query cannot be met", async () => {
		const { port } = await running({ devices: [miner("m1"), miner("m2", { state: { site: "east" } })] });
		const { body } = await raw(port, { path: "/metrics?site=west" });
		expect(body).toContain('device="m1"');
		expect(body).not.toContain('device="m2"');
		expect(await raw(port, { path: "/metrics?shard=4&of=3" })).toMatchObject({
			status: 400,
			body: "shard: say shard=1 to of, and of=1 to 64, for example ?shard=2&of=8.\n",
		});
		expect((await raw(port, { path: "/metrics?site=nowhere" })).status).toBe(400);
	});

	it("tears no number for a reader that stops in between: each is of one instant", async () => {
		const fleet = (round: number) =>
			Array.from({ length: 3_000 }, (_, index) =>
				miner(`m${index}`, { values: { powerWatts: round % 2 === 0 ? 1_111 : 88_888.888 } }),
			);
		const { port, store, clock } = await running({ devices: fleet(0) });
		const socket = connect(port, "127.0.0.1");
		onTestFinished(() => void socket.destroy());
		socket.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
		await new Promise((resolve) => socket.once("readable", resolve));
		// It reads nothing while others scrape a fleet whose numbers change their lengths.
		for (const round of [1, 2, 3]) {
			for (const device of fleet(round)) store.put(device);
			clock.push(1_100);
			clock.set(clock.now() + 300);
			const { body } = await raw(port, { path: "/metrics" });
			const expected = round % 2 === 0 ? "1111" : "88888.888";
			expect(
				body.match(new RegExp(`^fleetwatt_device_power_watts\\{.*\\} +${expected}$`, "gm")),
			).toHaveLength(3_000);
		}
		const chunks: Buffer[] = [];
		for await (const chunk of socket) chunks.push(chunk as Buffer);
		const [head = "", body = ""] = Buffer.concat(chunks).toString().split("\r\n\r\n");
		expect(Buffer.byteLength(body)).toBe(Number(/content-length: (\d+)/i.exec(head)?.[1]));
		const watts = [...body.matchAll(/^fleetwatt_device_power_watts\{.*\} +(\S+)$/gm)].map(
			([, value]) => value,
		);
		expect(watts).toEqual(Array.from({ length: 3_000 }, () => "1111"));
	});

	it("counts what was asked, by route and status", async () => {
		const { port, clock } = await running();
		await raw(port, { path: "/api/v1/devices/none" });
		clock.set(clock.now() + 1_000);
		const { body } = await raw(port, { path: "/metrics" });
		expect(body).toContain('fleetwatt_http_requests_total{route="api/devices/{device}",status="404"} 1');
	});
});

async function idleSocket(port: number): Promise<Socket> {
	const socket = connect(port, "127.0.0.1");
	socket.on("error", () => undefined);
	socket.resume();
	onTestFinished(() => void socket.destroy());
	await once(socket, "connect");
	return socket;
}

describe("what is too much", () => {
	it("a head that comes a line each half second is cut within 15 s, and 600 sockets are 512 at most", async () => {
		const up = await running();
		const held = await Promise.all(Array.from({ length: 600 }, () => idleSocket(up.port)));
		const open = () => held.filter((socket) => !socket.destroyed).length;
		await until("all above 512 are cut", { seconds: 10 }, () => open() <= 512);
		expect(open()).toBeGreaterThan(400);
		for (const socket of held.slice(1)) socket.destroy();
		const [slow] = held;
		slow?.write("GET / HTTP/1.1\r\nHost: localhost\r\n");
		const drip = setInterval(() => slow?.write("X-A: b\r\n"), 500);
		await until("the slow one is cut", { seconds: 20 }, () => slow?.destroyed === true);
		clearInterval(drip);
		expect((await raw(up.port, { path: "/-/healthy" })).status).toBe(200);
	}, 40_000);

	it("a head of more than 8 KiB is 431", async () => {
		const { port } = await running();
		expect((await raw(port, { headers: { cookie: "x".repeat(9_000) } })).status).toBe(431);
	});

	it("a request that is no HTTP is 400 and the socket is closed", async () => {
		const { port } = await running();
		const socket = connect(port, "127.0.0.1");
		socket.write("\u0000\u0001\u0002 nonsense\r\n\r\n");
		const chunks: Buffer[] = [];
		socket.on("data", (chunk: Buffer) => chunks.push(chunk));
		await new Promise((resolve) => socket.on("close", resolve));
		expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 400 /);
	});
});

describe("starting", () => {
	it("on a port that is taken fails with what to do", async () => {
		const { port } = await running();
		const second = startExpose({
			store: plainStore(),
			view: VIEW_OPTIONS,
			clock: wallClock(),
			listen: { address: "127.0.0.1", port },
			perDevice: "none",
			log: () => undefined,
		});
		await expect(second).rejects.toMatchObject({
			reason: "in-use",
			message: `listen: 127.0.0.1:${port} is taken by another program. Is a collector running already? Else choose another listen.port.`,
		});
		await expect(second).rejects.toBeInstanceOf(ListenProblem);
	});

	it("on an address of another computer fails with what to do", async () => {
		await expect(running({}, { listen: { address: "192.0.2.1", port: 0 } })).rejects.toMatchObject({
			reason: "no-such-address",
		});
	});

	it("says where it listens and whether the page is there", async () => {
		const { events, port } = await running();
		expect(events).toEqual([{ kind: "exposeListening", address: "127.0.0.1", port, hasPage: false }]);
	});

	it("and closing frees the port", async () => {
		const { port, close } = await running();
		await close();
		const again = await running({}, { listen: { address: "127.0.0.1", port } });
		expect(again.port).toBe(port);
	});
});
