/** Who may look: tokens with scopes and expiry, the page's login and cookie, the audit log; over real sockets. */
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Access, LOGIN_HOURS } from "../../../collector/access/access.js";
import { Scrapers } from "../../../collector/access/scrapers.js";
import type { Keeper } from "../../../collector/expose/door.js";
import { miner } from "./fleet-fixture.js";
import { type RawReply, raw, running, wallClock } from "./server-fixture.js";

const HOUR = 3_600_000;

async function guarded({
	isOpen = false,
	users = {},
}: {
	isOpen?: boolean;
	users?: Record<string, string>;
} = {}) {
	const folder = mkdtempSync(path.join(tmpdir(), "door-"));
	const clock = wallClock();
	const access = new Access(folder, clock);
	onTestFinished(() => {
		access.close();
		rmSync(folder, { recursive: true, force: true });
	});
	const keeper: Keeper = {
		callerOf: (token) => access.callerOf(token),
		callerOfCookie: (cookie) => access.callerOfCookie(cookie),
		logIn: (token, address) => access.logIn(token, address),
		logOut: (cookie, address) => access.logOut(cookie, address),
		noted: (done) => access.audit(done),
		auditLog: (most) => access.auditLog(most),
	};
	const scrapers = new Scrapers(clock);
	scrapers.use(new Map(Object.entries(users)));
	const server = await running(
		{ devices: [miner("m1"), miner("m2")] },
		{ clock, access: { keeper, isOpen, loginHours: LOGIN_HOURS, scrapers } },
	);
	const token = (...scopes: readonly string[]) =>
		access.createToken({ name: "somebody", scopes, who: "test", expiresAt: clock.now() + HOUR });
	const get = (asked: string, headers: Record<string, string> = {}, localAddress = "127.0.0.1") =>
		raw(server.port, { path: asked, headers: { host: "localhost", ...headers }, localAddress });
	return { access, clock, server, scrapers, token, get };
}

type Guarded = Awaited<ReturnType<typeof guarded>>;

const basic = (user: string, password: string) => ({
	authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
});
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function post(port: number, asked: string, body: string, headers: Record<string, string>): Promise<RawReply> {
	return new Promise((resolve, reject) => {
		const request = httpRequest(
			{
				host: "127.0.0.1",
				port,
				path: asked,
				method: "POST",
				agent: false,
				headers: { host: "localhost", ...headers },
			},
			(response) => {
				let text = "";
				response.on("data", (data: Buffer) => {
					text += data.toString();
				});
				response.on("end", () =>
					resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
				);
			},
		);
		request.on("error", reject);
		request.end(body);
	});
}

async function formKey({ get }: Guarded): Promise<string> {
	return /name="form" value="([^"]+)"/.exec((await get("/login")).body)?.[1] ?? "";
}

async function logIn(
	site: Guarded,
	token: string,
	headers: Record<string, string> = { origin: "http://localhost" },
) {
	const form = new URLSearchParams({ form: await formKey(site), token });
	return post(site.server.port, "/login", form.toString(), headers);
}

describe("a collector that is not open", () => {
	it("leads a browser to the login, tells a program what to send, and answers health to all", async () => {
		const { get } = await guarded();
		expect(await get("/")).toMatchObject({ status: 303, headers: { location: "/login" } });
		expect(await get("/api/v1/fleet")).toMatchObject({ status: 401 });
		expect((await get("/api/v1/fleet")).body).toContain("NOT_LOGGED_IN");
		expect(await get("/metrics")).toMatchObject({
			status: 401,
			headers: { "www-authenticate": 'Bearer realm="fleetwatt", Basic realm="fleetwatt"' },
		});
		expect(await get("/-/healthy")).toMatchObject({ status: 200 });
		expect(await get("/api/v1/live")).toMatchObject({ status: 401 });
	});

	it.each([
		["read", { "/": 200, "/api/v1/fleet": 200, "/metrics": 200, "/api/v1/audit": 403 }],
		["metrics", { "/": 403, "/api/v1/fleet": 403, "/metrics": 200, "/api/v1/audit": 403 }],
		["admin", { "/": 200, "/api/v1/fleet": 200, "/metrics": 200, "/api/v1/audit": 200 }],
		[
			"read:site=austin",
			{
				"/": 403,
				"/api/v1/fleet": 403,
				"/api/v1/devices": 200,
				"/metrics": 403,
				"/api/v1/gaps?from=0&to=1": 200,
				"/api/v1/inputs": 403,
			},
		],
	])("answers a token of scope %s as far as it reaches", async (scope, expected) => {
		const { token, get } = await guarded();
		const headers = bearer(token(scope));
		for (const [asked, status] of Object.entries(expected))
			expect([asked, (await get(asked, headers)).status]).toEqual([asked, status]);
	});

	it("takes a token as the password of basic authentication, as Prometheus sends it", async () => {
		const { token, get } = await guarded();
		const basic = Buffer.from(`prometheus:${token("metrics")}`).toString("base64");
		expect(await get("/metrics", { authorization: `Basic ${basic}` })).toMatchObject({ status: 200 });
		expect(
			await get("/metrics", { authorization: `Basic ${Buffer.from("a:b").toString("base64")}` }),
		).toMatchObject({ status: 401 });
	});

	it("narrows a token of one site to its devices", async () => {
		const { token, get, server } = await guarded();
		const site = [...server.store.devices().values()][0]?.site ?? "";
		const all = JSON.parse((await get("/api/v1/devices", bearer(token("read")))).body);
		const own = JSON.parse(
			(await get("/api/v1/devices?site=other", bearer(token(`read:site=${site}`)))).body,
		);
		const none = JSON.parse((await get("/api/v1/devices", bearer(token("read:site=nowhere")))).body);
		expect(own.total).toBe(all.devices.filter((one: { site: string }) => one.site === site).length);
		expect(none.total).toBe(0);
		const key = encodeURIComponent(all.devices[0].device);
		expect(await get(`/api/v1/devices/${key}`, bearer(token("read:site=nowhere")))).toMatchObject({
			status: 403,
		});
	});

	it("refuses a token once it has expired or was revoked, and logins that it made", async () => {
		const site = await guarded();
		const { access, clock, token, get } = site;
		const first = token("read");
		const second = token("read");
		const login = await logIn(site, second);
		const cookie = String(login.headers["set-cookie"]).split(";")[0] ?? "";
		expect(await get("/api/v1/fleet", { cookie })).toMatchObject({ status: 200 });
		access.revokeToken(second.split(".")[1] ?? "", "test");
		expect(await get("/api/v1/fleet", { cookie })).toMatchObject({ status: 401 });
		expect(await get("/api/v1/fleet", bearer(second))).toMatchObject({ status: 401 });
		expect(await get("/api/v1/fleet", bearer(first))).toMatchObject({ status: 200 });
		clock.set(clock.now() + HOUR + 1);
		expect(await get("/api/v1/fleet", bearer(first))).toMatchObject({ status: 401 });
	});

	it("refuses a token in the address, and says why", async () => {
		const { token, get } = await guarded();
		const reply = await get(`/api/v1/fleet?token=${token("read")}`);
		expect(reply.status).toBe(400);
		expect(reply.body).toContain("where logs keep it");
	});
});

describe("the login", () => {
	it("gives a cookie that scripts cannot read and other sites cannot send, and ends it at logout", async () => {
		const site = await guarded();
		const { token, get, server, access } = site;
		const reply = await logIn(site, token("read"));
		expect(reply).toMatchObject({ status: 303, headers: { location: "/" } });
		const set = String(reply.headers["set-cookie"]);
		expect(set).toMatch(/^fleetwatt_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
		const cookie = set.split(";")[0] ?? "";
		expect(await get("/", { cookie })).toMatchObject({ status: 200 });
		const form = new URLSearchParams({ form: await formKey(site) }).toString();
		await post(server.port, "/logout", form, { origin: "http://localhost", cookie });
		expect(await get("/api/v1/fleet", { cookie })).toMatchObject({ status: 401 });
		expect(access.auditLog(10).map(({ what }) => what)).toEqual(["logout", "login", "token_created"]);
	});

	it.each([
		["from another site's page", { origin: "http://evil.example" }, 403],
		["without an origin", {}, 403],
	])("is refused %s", async (_, headers, status) => {
		const site = await guarded();
		expect((await logIn(site, site.token("read"), headers as Record<string, string>)).status).toBe(status);
	});

	it("is refused without a form of ours, or with one of half an hour ago", async () => {
		const site = await guarded();
		const { token, server, clock } = site;
		const old = await formKey(site);
		const send = (form: string) =>
			post(server.port, "/login", new URLSearchParams({ form, token: token("read") }).toString(), {
				origin: "http://localhost",
			});
		expect((await send("")).status).toBe(400);
		expect((await send(`${old}x`)).status).toBe(400);
		clock.push(31 * 60_000);
		expect((await send(old)).status).toBe(400);
	});

	it("may be tried five times a minute, and shows nothing of what was sent", async () => {
		const site = await guarded();
		const statuses: number[] = [];
		for (let count = 0; count < 7; count += 1) {
			const reply = await logIn(site, "<script>alert(1)</script>");
			expect(reply.body).not.toContain("alert(1)");
			statuses.push(reply.status);
		}
		expect(statuses).toEqual([403, 403, 403, 403, 403, 429, 429]);
	});
});

describe("an open collector", () => {
	it("answers whoever asks, but the audit log only an administrator", async () => {
		const { get, token } = await guarded({ isOpen: true });
		expect(await get("/api/v1/fleet")).toMatchObject({ status: 200 });
		expect(await get("/metrics")).toMatchObject({ status: 200 });
		expect(await get("/api/v1/audit")).toMatchObject({ status: 403 });
		expect(await get("/api/v1/audit", bearer(token("admin")))).toMatchObject({ status: 200 });
	});

	it("notes exports in the audit log", async () => {
		const { get, access } = await guarded({ isOpen: true });
		expect(await get("/api/v1/export?format=csv&from=2026-11-01&to=2026-11-02")).toMatchObject({
			status: 200,
		});
		expect(access.auditLog(5)).toMatchObject([
			{ what: "export", detail: expect.stringContaining("format=csv") },
		]);
	});
});

describe("users in the manner of Prometheus' web configuration", () => {
	/** Of "scrape me", cost 4. */
	const prometheus = "$2b$04$CWXfLi6gQqtvPV9Iv9pCf.wx.pzNCA5Dlvj07FS5jjOFl8NMV9xnu";
	/** Of "another". */
	const another = "$2b$04$yCWUv8mbB/84H8ylTSD4OO6Sadbg5Pc4YNUGZUA0NxHS9Oeu4s8CC";

	it.each([false, true])(
		"alone scrape, by their password or a token, and see nothing else, also where the collector is open: %s",
		async (isOpen) => {
			const { get, token } = await guarded({ isOpen, users: { prometheus } });
			const statusOf = async (asked: string, headers: Record<string, string>) =>
				(await get(asked, headers)).status;
			expect(await statusOf("/metrics", basic("prometheus", "scrape me"))).toBe(200);
			expect(await statusOf("/metrics", basic("prometheus", "scrape you"))).toBe(401);
			expect(await statusOf("/metrics", basic("grafana", "scrape me"))).toBe(401);
			expect(await statusOf("/metrics", {})).toBe(401);
			expect(await statusOf("/metrics", bearer(token("metrics")))).toBe(200);
			if (!isOpen) expect(await statusOf("/api/v1/fleet", basic("prometheus", "scrape me"))).toBe(401);
		},
	);

	it("tries a wrong password ten times a minute, and lets who is known by scrape on", async () => {
		const { get, clock } = await guarded({ users: { prometheus } });
		expect(await get("/metrics", basic("prometheus", "scrape me"))).toMatchObject({ status: 200 });
		const statuses: number[] = [];
		for (let attempt = 0; attempt < 12; attempt += 1)
			statuses.push((await get("/metrics", basic("prometheus", `guess ${attempt}`))).status);
		expect(statuses).toEqual([...Array(9).fill(401), 429, 429, 429]);
		expect(await get("/metrics", basic("prometheus", "scrape me"))).toMatchObject({ status: 200 });
		clock.push(60_000);
		expect(await get("/metrics", basic("prometheus", "guess"))).toMatchObject({ status: 401 });
	});

	it("forgets who was known when his password changes, and nobody else", async () => {
		const { get, scrapers } = await guarded({ users: { prometheus, grafana: another } });
		const statusOf = async (user: string, password: string) =>
			(await get("/metrics", basic(user, password))).status;
		expect(await statusOf("prometheus", "scrape me")).toBe(200);
		expect(await statusOf("grafana", "another")).toBe(200);
		for (let attempt = 0; attempt < 9; attempt += 1) await statusOf("prometheus", `guess ${attempt}`);
		scrapers.use(
			new Map([
				["prometheus", another],
				["grafana", another],
			]),
		);
		expect(await statusOf("grafana", "another")).toBe(200);
		expect(await statusOf("prometheus", "scrape me")).toBe(429);
		scrapers.use(new Map([["grafana", another]]));
		expect(await statusOf("grafana", "another")).toBe(200);
	});

	it("never makes a scraper miss while 200 addresses guess: whose password has changed goes before them", async () => {
		const { get, scrapers, clock } = await guarded({ users: { prometheus } });
		const scrape = async (password: string) =>
			(await get("/metrics", basic("prometheus", password), "127.0.1.1")).status;
		expect(await scrape("scrape me")).toBe(200);
		clock.push(23 * HOUR);
		const answered: number[] = [];
		const flood = Array.from({ length: 200 }, async (_, index) => {
			const stranger = `127.0.2.${index + 1}`;
			const { status } = await get("/metrics", basic("prometheus", `guess ${index}`), stranger);
			answered.push(status);
		});
		while (!answered.includes(401)) await new Promise((resolve) => setImmediate(resolve));
		expect(await scrape("scrape me")).toBe(200);
		scrapers.use(new Map([["prometheus", another]]));
		expect(await scrape("another")).toBe(200);
		expect(answered.filter((status) => status === 401).length).toBeLessThan(16);
		await Promise.all(flood);
		expect(new Set(answered)).toEqual(new Set([401, 429]));
		expect((await get("/metrics", basic("prometheus", "a guess"), "127.0.1.1")).status).toBe(401);
	});
});
