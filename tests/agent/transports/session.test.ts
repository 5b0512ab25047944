import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { askHttp } from "../../../agent/transports/http.js";
import { isLoggedOut, sessionProof, sessionRequest } from "../../../agent/transports/session.js";
import { LOOPBACK, poll } from "./devices.js";

const servers: Server[] = [];
afterEach(() => {
	for (const server of servers.splice(0)) server.close();
});

type Seen = { readonly path: string; readonly cookie: string; readonly authorization: string; body: string };

/** A device that gives `proof` for the right password, and a login page to strangers. */
async function deviceWithLogin(proof: (response: ServerResponse) => void, isKnown: (seen: Seen) => boolean) {
	const seen: Seen[] = [];
	const server = createServer((request: IncomingMessage, response) => {
		const { cookie = "", authorization = "" } = request.headers;
		const one: Seen = { path: request.url ?? "", cookie, authorization, body: "" };
		seen.push(one);
		request.on("data", (part: Buffer) => {
			one.body += part.toString();
		});
		request.on("end", () => {
			if (one.path.startsWith("/login")) proof(response);
			else response.end(isKnown(one) ? '{"rate":7}' : "<html>please log in</html>");
		});
	});
	servers.push(server);
	await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
	const address = server.address();
	return { seen, port: typeof address === "object" && address !== null ? address.port : 0 };
}

const credentials = { user: "admin", password: 'p&"ss' };
const request = {
	over: "http",
	path: "/status",
	login: "session",
	session: { method: "POST", path: "/login", body: "username={user}&password={password}" },
	format: "json",
} as const;

describe("a login by a page of the device's own", () => {
	it("sends the form once, then the cookie with every page, and logs in anew when it is forgotten", async () => {
		let isForgotten = false;
		const { seen, port } = await deviceWithLogin(
			(response) => response.setHeader("set-cookie", "sid=7; Path=/; HttpOnly").end("ok"),
			({ cookie }) => cookie === "sid=7" && !isForgotten,
		);
		const target = { host: LOOPBACK, port, credentials };
		const polls = poll();
		expect((await askHttp(request, target, polls)).ok).toBe(true);
		expect((await askHttp(request, target, polls)).ok).toBe(true);
		expect(seen.map(({ path }) => path)).toEqual(["/login", "/status", "/status"]);
		expect(seen[0]?.body).toBe("username=admin&password=p%26%22ss");
		isForgotten = true;
		const asked = await askHttp(request, target, { ...polls, authentication: { isRefused: false } });
		expect(asked).toMatchObject({ ok: false, failure: { code: "DEVICE_UNAUTHORIZED" } });
		expect(seen.slice(3).map(({ path }) => path)).toEqual(["/status", "/login", "/status"]);
	});

	it("sends a token of the answer as a bearer, and asks without one where no credentials are configured", async () => {
		const { seen, port } = await deviceWithLogin(
			(response) => response.end('{"JWT Token":"abc.def"}'),
			({ authorization }) => authorization === "Bearer abc.def",
		);
		expect((await askHttp(request, { host: LOOPBACK, port, credentials }, poll())).ok).toBe(true);
		expect(seen.at(-1)?.authorization).toBe("Bearer abc.def");
		await askHttp(request, { host: LOOPBACK, port }, poll());
		expect(seen.at(-1)).toMatchObject({ path: "/status", cookie: "", authorization: "" });
	});

	it("writes credentials into a path, a form and JSON so that none can break out of its place", () => {
		const into = (session: { path: string; body?: string }) =>
			sessionRequest({ method: "POST", ...session }, credentials);
		expect(into({ path: "/l?u={user}&p={password}" }).path).toBe("/l?u=admin&p=p%26%22ss");
		expect(into({ path: "/l", body: '{"password":"{password}"}' }).body).toBe('{"password":"p&\\"ss"}');
	});

	it("takes every cookie of an answer without its attributes, commas of dates included", () => {
		const headers = { "set-cookie": "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT, b=2; Path=/" };
		expect(sessionProof({ text: "", headers })).toBe("Cookie a=1; b=2");
		expect(sessionProof({ text: "{}" })).toBeUndefined();
		expect(isLoggedOut({ text: "\n<html>", status: 200 })).toBe(true);
		expect(isLoggedOut({ text: "{}", status: 200 })).toBe(false);
	});
});
