/**
 * What viewers, scrapers and operators may try, row by row against a live collector with a real store: each costs
 * itself alone, and the readings of an honest agent go on being stored beside it.
 */
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exposed } from "../collector/expose/exposed-store.js";
import { type Agent, type Collector, ExampleLine } from "../collector/ingest/example-line.js";
import { deviceAt, randomOf } from "../shared/wire/examples.js";

const MEBIBYTE = 1_024 * 1_024;
const DEVICES = Array.from({ length: 40 }, (_, index) =>
	deviceAt(`10.0.0.${index}:80`, { serial: `S${index}` }),
);
const POLLS = 360;
const now = Math.floor(Date.now() / 1_000) * 1_000;
const from = now - POLLS * 10_000;

const SEED = 20_261_128;
const PATHS = [
	"devices",
	"fleet",
	"top",
	"series",
	"series/fleet",
	"gaps",
	"events",
	"latest",
	"devices/S1",
	"money",
];
const NAMES = [
	"device",
	"measurement",
	"from",
	"to",
	"step",
	"by",
	"limit",
	"site",
	"rack",
	"format",
	"kind",
	"%00",
];
const WORDS: readonly ((random: () => number) => string)[] = [
	() => "S1",
	() => "powerWatts",
	() => String(from),
	() => String(now),
	() => "60",
	() => "model",
	() => "",
	() => "-1",
	() => "1e999",
	() => "NaN",
	() => "%ff%fe",
	() => "%",
	() => "__proto__",
	() => "%0d%0aX:1",
	(random) => String(Math.floor(random() * 2 ** 53)),
	(random) => String(random()),
	(random) => "a".repeat(Math.floor(random() * 2_000)),
];

const line = new ExampleLine();
let collector: Collector;
let agent: Agent;
let url = "";
let close: () => Promise<void>;
let said = 0;

function say(wall: number): void {
	said += 1;
	agent.say(
		wall,
		DEVICES.map((device) => ({ device, terahashesPerSecond: said % 200, watts: 3_000 })),
	);
}

beforeAll(async () => {
	collector = await line.collector();
	agent = await line.agent();
	for (let poll = 0; poll < POLLS; poll += 1) say(from + poll * 10_000);
	await line.drained(agent, said, 30);
	await collector.store.seal({ all: true });
	const expose = await exposed(collector.store);
	close = () => expose.close();
	url = `http://127.0.0.1:${expose.address.port}`;
}, 60_000);
afterAll(async () => {
	await close?.();
	await line.end();
}, 30_000);

/** As it is written, not as a URL library would tidy it. */
function raw(
	path: string,
	headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: string }> {
	const { hostname, port } = new URL(url);
	return new Promise((resolve, reject) => {
		request({ hostname, port, path, headers }, (response) => {
			const chunks: Buffer[] = [];
			response.on("data", (chunk: Buffer) => chunks.push(chunk));
			response.on("end", () =>
				resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
			);
		})
			.on("error", reject)
			.end();
	});
}

async function honestIsServed(): Promise<void> {
	say(now);
	await line.drained(agent, said, 10);
	expect(agent.disconnected).toEqual([]);
}

describe("a viewer", { timeout: 60_000 }, () => {
	it("V2: that asks for ten years second by second is told the nearest step", async () => {
		const span = `from=${now - 10 * 365 * 86_400_000}&to=${now}`;
		const { status, body } = await raw(`/api/v1/series?device=S1&measurement=powerWatts&${span}&step=1`);
		expect(status).toBe(422);
		expect(body).toMatch(/step/);
		await honestIsServed();
	});

	it("V3: two hundred heavy questions at once: some are answered, the rest told to come again, ingest goes on", async () => {
		const ask = `/api/v1/series/fleet?from=${from}&to=${now}&step=60&by=model`;
		const asked = Array.from({ length: 200 }, () => raw(ask));
		await honestIsServed();
		const statuses = (await Promise.all(asked)).map(({ status }) => status);
		const count = (wanted: number) => statuses.filter((one) => one === wanted).length;
		expect(count(200)).toBeGreaterThanOrEqual(20);
		expect(count(200) + count(429)).toBe(200);
	});

	it("V4: ten exports that nobody reads cost no more than 48 MiB and hold up nothing", async () => {
		const before = process.memoryUsage().rss;
		const { hostname, port } = new URL(url);
		const stalled = Array.from({ length: 10 }, () => {
			const asked = request(
				{ hostname, port, path: `/api/v1/export?from=${from}&to=${now}&format=csv` },
				(response) => response.pause(),
			);
			asked.on("error", () => undefined);
			asked.end();
			return asked;
		});
		await honestIsServed();
		expect((await raw("/-/healthy")).status).toBe(200);
		expect((process.memoryUsage().rss - before) / MEBIBYTE).toBeLessThan(48);
		for (const one of stalled) one.destroy();
	});

	it.each([
		["/api/v1/devices/%27%20OR%201=1%20--", 404],
		["/api/v1/top?by=powerWatts%3BDROP%20TABLE%20devices", 400],
		["/api/v1/series?device=S1&measurement=powerWatts%27--&from=0&to=1", 400],
		["/api/v1/gaps?from=0&to=1%20OR%201=1", 400],
		["/api/v1/devices?limit=-1", 400],
	])("V5: injection in %s", async (path, status) => {
		expect((await raw(path)).status).toBe(status);
		expect(collector.store.devices().size).toBe(DEVICES.length);
	});

	it.each([
		"/../../etc/passwd",
		"/%2e%2e/%2e%2e/etc/passwd",
		"/assets/..%2f..%2f..%2fetc/passwd",
		"/..%5c..%5cetc",
		"/index.html%00.js",
		"/dist/cli.js",
		"/fleetwatt.db",
		"/.git/config",
	])("V6, V12: %s is no file of the page", async (path) => {
		const { status, body } = await raw(path);
		expect([400, 404]).toContain(status);
		expect(body).not.toMatch(/:x:0:0:|SQLite|\[core\]/);
	});

	it.each(["/config", "/debug", "/debug/pprof", "/api/v1/config", "/env", "/api/v1/tokens"])(
		"V12: %s does not exist",
		async (path) => {
			expect((await raw(path)).status).toBe(404);
		},
	);

	it(`that asks 400 questions of random words, seed ${SEED}, is answered or refused each time, never by a fault of ours`, async () => {
		const random = randomOf(SEED);
		const oneOf = <Word>(words: readonly Word[]) => words[Math.floor(random() * words.length)] as Word;
		const value = () => oneOf(WORDS)(random);
		const statuses = new Map<number, string>();
		for (let count = 0; count < 400; count += 1) {
			const asked = Array.from({ length: 1 + Math.floor(random() * 5) }, () => `${oneOf(NAMES)}=${value()}`);
			const path = `/api/v1/${oneOf(PATHS)}?${asked.join("&")}`;
			statuses.set((await raw(path)).status, path);
		}
		const allowed = [200, 400, 404, 422, 429];
		expect([...statuses].filter(([status]) => !allowed.includes(status))).toEqual([]);
		expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 400]));
		await honestIsServed();
	});

	it("V7: under another name, as a rebound DNS answer has it, gets nothing", async () => {
		for (const path of ["/", "/metrics", "/api/v1/devices", "/api/v1/live"])
			expect((await raw(path, { host: "attacker.example" })).status).toBe(421);
	});

	it("V8: three hundred scrapes at once are all answered, whole, and ingest goes on", async () => {
		const scrapes = Array.from({ length: 300 }, () => raw("/metrics"));
		await honestIsServed();
		const answers = await Promise.all(scrapes);
		expect(answers.every(({ status, body }) => status === 200 && body.endsWith("\n"))).toBe(true);
		expect(Math.max(...answers.map(({ body }) => body.length))).toBeLessThan(8 * MEBIBYTE);
	});
});
