import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { ask } from "../../../agent/transports/ask.js";
import { transportMemory } from "../../../agent/transports/transport.js";
import { answering, device, dripping, type FakeDevice, fastClock, LOOPBACK, poll } from "./devices.js";

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const info = { over: "http", path: "/api/system/info", format: "json" } as const;
const credentials = { user: "root", password: "s3cret" };
const closers: (() => void)[] = [];

afterEach(() => {
	for (const close of closers.splice(0)) close();
});

async function web(handler: Handler) {
	const server = createServer((request, response) => {
		let body = "";
		request.on("data", (part) => {
			body += part;
		});
		request.on("end", () => handler(request, response, body));
	});
	await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
	closers.push(() => {
		server.closeAllConnections();
		server.close();
	});
	const address = server.address();
	return { host: LOOPBACK, port: typeof address === "object" && address !== null ? address.port : 0 };
}

async function raw(serve: Parameters<typeof device>[0]) {
	const miner: FakeDevice = await device(serve);
	closers.push(miner.close);
	return { host: LOOPBACK, port: miner.port };
}

function drippingAfter(start: string): Parameters<typeof device>[0] {
	return (socket) => {
		socket.write(start);
		dripping("x", 10)(socket);
	};
}

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

/** A CGI behind digest: checks the response as lighttpd does, with one nonce and a rising count. */
function digestDevice({ password = credentials.password, nonceUses = Number.POSITIVE_INFINITY } = {}) {
	const seen: string[] = [];
	let nonce = 1;
	let count = 0;
	const handler: Handler = (request, response) => {
		const header = request.headers.authorization ?? "";
		seen.push(header);
		const field = (name: string) => new RegExp(`${name}="?([^",]+)`).exec(header)?.[1] ?? "";
		const secret = md5(`root:antMiner Configuration:${password}`);
		const expected = md5(
			`${secret}:n${nonce}:${field("nc")}:${field("cnonce")}:auth:${md5(`${request.method}:${request.url}`)}`,
		);
		const uses = Number.parseInt(field("nc"), 16);
		if (field("response") === expected && uses > count && uses <= nonceUses) {
			count = uses;
			response.end('{"ok":true}');
			return;
		}
		if (header !== "") nonce++;
		count = 0;
		const challenge = `Digest realm="antMiner Configuration", nonce="n${nonce}", qop="auth"`;
		response.writeHead(401, { "www-authenticate": challenge }).end("401 Unauthorized");
	};
	return { handler, seen };
}

describe("the HTTP transport", () => {
	it("asks with GET, without compression, on a connection of its own, and gives status, headers and text", async () => {
		let request: IncomingMessage | undefined;
		const target = await web((received, response) => {
			request = received;
			response.setHeader("X-Firmware", "2.9");
			response.end('\uFEFF{"power":17.5}');
		});
		expect(await ask(info, target, poll())).toMatchObject({
			ok: true,
			answer: { text: '{"power":17.5}', status: 200, headers: { "x-firmware": "2.9" } },
		});
		expect(request?.method).toBe("GET");
		expect(request?.url).toBe("/api/system/info");
		expect(request?.headers["accept-encoding"]).toBe("identity");
		expect(request?.headers.connection).toBe("close");
	});

	it("posts the body of the table", async () => {
		const target = await web((request, response, body) => response.end(`${request.method} ${body}`));
		const post = { ...info, method: "POST", body: '{"query":"{ bos }"}' } as const;
		expect(await ask(post, target, poll())).toMatchObject({ answer: { text: 'POST {"query":"{ bos }"}' } });
	});

	it.each([
		[400, "DEVICE_REQUEST_REFUSED"],
		[404, "DEVICE_REQUEST_REFUSED"],
		[503, "DEVICE_REQUEST_REFUSED"],
		[401, "DEVICE_UNAUTHORIZED"],
		[403, "DEVICE_UNAUTHORIZED"],
	])("takes status %d for %s, and for an answer where any status is one", async (status, code) => {
		const target = await web((_request, response) => response.writeHead(status).end("page"));
		expect(await ask(info, target, poll())).toMatchObject({ ok: false, failure: { code } });
		expect(await ask({ ...info, anyStatus: true }, target, poll())).toMatchObject({
			ok: true,
			answer: { status, text: "page" },
		});
	});

	it.each([301, 302, 303, 307, 308])("never follows a redirect with status %d", async (status) => {
		let visits = 0;
		const elsewhere = await web((_request, response) => {
			visits++;
			response.end("{}");
		});
		const location = `http://${LOOPBACK}:${elsewhere.port}/`;
		const target = await web((_request, response) => response.writeHead(status, { location }).end());
		const asked = await ask({ ...info, login: "basic" }, { ...target, credentials }, poll());
		expect(asked).toMatchObject({ ok: false, failure: { code: "DEVICE_REQUEST_REFUSED" } });
		expect(await ask({ ...info, anyStatus: true }, target, poll())).toMatchObject({
			answer: { status, headers: { location } },
		});
		expect(visits).toBe(0);
	});

	it.each([
		["DEVICE_ANSWER_TOO_LARGE", "sends a body of 300 KB", `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(300_000)}`],
		[
			"DEVICE_ANSWER_TOO_LARGE",
			"sends 1 MB of headers",
			`HTTP/1.1 200 OK\r\n${`X-A: ${"x".repeat(1_000)}\r\n`.repeat(1_000)}\r\n{}`,
		],
		[
			"DEVICE_ANSWER_TOO_LARGE",
			"sends one header of 20 KB",
			`HTTP/1.1 200 OK\r\nX-A: ${"x".repeat(20_000)}\r\n\r\n{}`,
		],
		["DEVICE_ANSWER_TRUNCATED", "closes before it answers", ""],
		["DEVICE_ANSWER_TRUNCATED", "closes within the headers", "HTTP/1.1 200 OK\r\nContent-"],
		[
			"DEVICE_ANSWER_TRUNCATED",
			"sends less than it announced",
			"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
		],
		["DEVICE_ANSWER_TRUNCATED", "closes in mid-JSON without a length", 'HTTP/1.0 200 OK\r\n\r\n{"a":'],
		["DEVICE_ANSWER_MALFORMED", "speaks another protocol", '{"STATUS":"E"}\0'],
		[
			"DEVICE_ANSWER_MALFORMED",
			"announces two lengths",
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		],
	])("fails with %s when the device %s", async (code, _when, reply) => {
		const target = await raw(answering(reply));
		expect(await ask(info, target, poll())).toMatchObject({ ok: false, failure: { code } });
	});

	it("reads an answer of HTTP/1.0 that ends with the connection", async () => {
		const target = await raw(answering('HTTP/1.0 200 OK\r\nServer: old\r\n\r\n{"a":1}\n\0'));
		expect(await ask(info, target, poll())).toMatchObject({ ok: true, answer: { text: '{"a":1}\n' } });
	});

	it("does not unpack a compressed answer: DEVICE_ANSWER_MALFORMED", async () => {
		const bomb = gzipSync(Buffer.alloc(10_000_000));
		const target = await web((_request, response) => {
			response.writeHead(200, { "content-encoding": "gzip" }).end(bomb);
		});
		expect(await ask(info, target, poll())).toMatchObject({ failure: { code: "DEVICE_ANSWER_MALFORMED" } });
	});

	it.each([
		["never answers", () => {}],
		["drips its headers", drippingAfter("HTTP/1.1 200 OK\r\nX-Slow: ")],
		["drips its body", drippingAfter("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")],
	])("ends after 5 s in all with DEVICE_TIMEOUT when the device %s", async (_when, serve) => {
		const clock = fastClock(20);
		const target = await raw(serve);
		const startedAt = clock.monotonic();
		const asked = await ask(info, target, poll({ clock }));
		expect(asked).toMatchObject({ ok: false, failure: { code: "DEVICE_TIMEOUT" } });
		expect(clock.monotonic() - startedAt).toBeGreaterThanOrEqual(4_950);
	});

	it("fails with DEVICE_CONNECTION_RESET when the device resets", async () => {
		const target = await raw((socket) => socket.once("data", () => socket.resetAndDestroy()));
		expect(await ask(info, target, poll())).toMatchObject({ failure: { code: "DEVICE_CONNECTION_RESET" } });
	});

	it("fails with DEVICE_CONNECTION_REFUSED when nothing listens", async () => {
		const miner = await device(() => {});
		miner.close();
		await new Promise((resolve) => setTimeout(resolve, 20));
		const asked = await ask(info, { host: LOOPBACK, port: miner.port }, poll());
		expect(asked).toMatchObject({ failure: { code: "DEVICE_CONNECTION_REFUSED" } });
	});
});

describe("digest over HTTP", () => {
	const cgi = { ...info, path: "/cgi-bin/stats.cgi", login: "digest" } as const;

	it("asks twice at first and once from then on, counting uses of the nonce over polls", async () => {
		const { handler, seen } = digestDevice();
		const target = { ...(await web(handler)), credentials };
		const memory = transportMemory();
		for (const _poll of [1, 2, 3]) {
			expect(await ask(cgi, target, poll({ memory }))).toMatchObject({
				ok: true,
				answer: { text: '{"ok":true}' },
			});
		}
		expect(seen.map((header) => /nc=(\w+)/.exec(header)?.[1] ?? "none")).toEqual([
			"none",
			"00000001",
			"00000002",
			"00000003",
		]);
		expect(seen.join()).not.toContain(credentials.password);
	});

	it("takes a new nonce when the device lets the old one go", async () => {
		const { handler } = digestDevice({ nonceUses: 2 });
		const target = { ...(await web(handler)), credentials };
		const memory = transportMemory();
		for (const _poll of [1, 2, 3, 4, 5]) {
			expect(await ask(cgi, target, poll({ memory }))).toMatchObject({ ok: true });
		}
	});

	it("sends wrong credentials once per poll, whatever the number of requests", async () => {
		const { handler, seen } = digestDevice({ password: "another" });
		const target = { ...(await web(handler)), credentials };
		const context = poll();
		for (const _request of [1, 2, 3]) {
			expect(await ask(cgi, target, context)).toMatchObject({ failure: { code: "DEVICE_UNAUTHORIZED" } });
		}
		expect(seen.filter((header) => header !== "")).toHaveLength(1);
	});

	it("sends nothing without credentials: there are no default passwords", async () => {
		const { handler, seen } = digestDevice();
		const asked = await ask(cgi, await web(handler), poll());
		expect(asked).toMatchObject({ failure: { code: "DEVICE_UNAUTHORIZED" } });
		expect(seen).toEqual([""]);
	});

	it("does not hand the password to a device that asks for Basic instead", async () => {
		const seen: (string | undefined)[] = [];
		const target = await web((request, response) => {
			seen.push(request.headers.authorization);
			response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
		});
		const asked = await ask(cgi, { ...target, credentials }, poll());
		expect(asked).toMatchObject({ failure: { code: "DEVICE_UNAUTHORIZED" } });
		expect(seen).toEqual([undefined]);
	});

	it("works with a device that asks for no password at all", async () => {
		const target = await web((_request, response) => response.end("{}"));
		expect(await ask(cgi, { ...target, credentials }, poll())).toMatchObject({ ok: true });
	});

	it("sends no login of one device to another", async () => {
		const first = digestDevice();
		const second = digestDevice();
		const memory = transportMemory();
		await ask(cgi, { ...(await web(first.handler)), credentials }, poll({ memory }));
		await ask(cgi, await web(second.handler), poll({ memory }));
		expect(second.seen).toEqual([""]);
	});
});

describe("basic and token logins over HTTP", () => {
	it("sends Basic credentials once, and not again in the same poll after a refusal", async () => {
		const seen: (string | undefined)[] = [];
		const target = await web((request, response) => {
			seen.push(request.headers.authorization);
			response.writeHead(401).end();
		});
		const context = poll();
		for (const _request of [1, 2]) {
			const asked = await ask({ ...info, login: "basic" }, { ...target, credentials }, context);
			expect(asked).toMatchObject({ failure: { code: "DEVICE_UNAUTHORIZED" } });
		}
		expect(seen).toEqual([`Basic ${Buffer.from("root:s3cret").toString("base64")}`]);
	});

	function tokenDevice(password = credentials.password) {
		const logins: string[] = [];
		let token = "none yet";
		const handler: Handler = (request, response, body) => {
			if (request.url === "/api/v1/auth/login") {
				logins.push(body);
				token = `t${logins.length}`;
				const isRight = body === JSON.stringify({ username: "root", password });
				response
					.writeHead(isRight ? 200 : 401)
					.end(isRight ? JSON.stringify({ token, timeout_s: 3600 }) : "{}");
			} else if (request.headers.authorization === token) response.end('{"ok":true}');
			else response.writeHead(401).end();
		};
		return { handler, logins, expire: () => (token = "none yet") };
	}
	const details = { ...info, path: "/api/v1/miner/details", login: "bearer" } as const;

	it("logs in once, keeps the token over polls, and logs in again when it has expired", async () => {
		const { handler, logins, expire } = tokenDevice();
		const target = { ...(await web(handler)), credentials };
		const memory = transportMemory();
		await ask(details, target, poll({ memory }));
		expect(await ask(details, target, poll({ memory }))).toMatchObject({ ok: true });
		expect(logins).toHaveLength(1);
		expire();
		expect(await ask(details, target, poll({ memory }))).toMatchObject({ ok: true });
		expect(logins).toHaveLength(2);
	});

	it("tries a wrong password once per poll", async () => {
		const { handler, logins } = tokenDevice("another");
		const target = { ...(await web(handler)), credentials };
		const context = poll();
		for (const _request of [1, 2]) {
			expect(await ask(details, target, context)).toMatchObject({ failure: { code: "DEVICE_UNAUTHORIZED" } });
		}
		expect(logins).toHaveLength(1);
	});
});
