/** What viewers get while the collector cannot keep up: the present as ever, of the past one clear refusal. */
import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { ReplayBroken, ReplayClient } from "../../../collector/expose/live/replay-client.js";
import { miner, NOW } from "./fleet-fixture.js";
import { raw, running } from "./server-fixture.js";

const HOUR = 3_600_000;
const SPAN = `from=${NOW - HOUR}&to=${NOW}`;
const WHAT = `Agents send more than is stored in time since ${new Date(NOW - 5_000).toISOString()}: the past is not shown meanwhile.`;

/** Overloaded from the start, until `end`. */
async function overloaded() {
	let since: number | undefined = NOW - 5_000;
	const up = await running({ devices: [miner("m1"), miner("m2")] }, { overloadedSince: () => since });
	const stoodBack = async (work: string) => {
		const { body } = await raw(up.port, { path: "/metrics" });
		return Number(
			new RegExp(`^fleetwatt_viewer_work_stood_back_total\\{work="${work}"\\} (\\d+)$`, "m").exec(body)?.[1],
		);
	};
	return {
		...up,
		stoodBack,
		begin: () => {
			since = NOW;
		},
		end: () => {
			since = undefined;
		},
	};
}

describe("under overload", () => {
	it.each([
		["query", `/api/v1/series?device=m1&measurement=powerWatts&${SPAN}`],
		["query", `/api/v1/series/fleet?${SPAN}`],
		["query", `/api/v1/money?${SPAN}`],
		["query", `/api/v1/gaps?${SPAN}`],
		["query", "/api/v1/events"],
		["query", "/api/v1/statement?month=2026-10"],
		["query", `/api/v1/what-if?${SPAN}`],
		["export", `/api/v1/export?format=csv&${SPAN}`],
	])(
		"a %s is refused with 503, when to come again and why, and answered once that is over: %s",
		async (work, path) => {
			const { port, stoodBack, end } = await overloaded();
			const refused = await raw(port, { path });
			expect(refused).toMatchObject({ status: 503, headers: { "retry-after": "3" } });
			expect((JSON.parse(refused.body) as { error: object }).error).toMatchObject({
				code: "OVERLOADED",
				what: WHAT,
			});
			expect(await stoodBack(work)).toBe(1);
			end();
			expect((await raw(port, { path })).status).toBe(200);
		},
	);

	it("a question that is wrong is told so all the same", async () => {
		const { port } = await overloaded();
		expect((await raw(port, { path: "/api/v1/series?device=m1" })).status).toBe(400);
	});

	it.each([
		"/-/healthy",
		"/-/ready",
		"/metrics",
		"/login",
		"/",
		"/api/v1/site",
		"/api/v1/fleet",
		"/api/v1/devices",
		"/api/v1/devices/m1",
		"/api/v1/latest?measurement=powerWatts",
		"/api/v1/top?by=powerWatts",
		"/api/v1/decisions",
		"/api/v1/inputs",
		"/api/v1/inventory",
	])("the present stays: %s", async (path) => {
		const { port } = await overloaded();
		expect((await raw(port, { path })).status).toBe(200);
	});

	it("the fleet says since when, and no longer once it is over", async () => {
		const { port, end, clock } = await overloaded();
		const fleet = async () => JSON.parse((await raw(port, { path: "/api/v1/fleet" })).body) as object;
		expect(await fleet()).toMatchObject({ overloadedSince: NOW - 5_000 });
		end();
		clock.set(NOW + 1_000);
		expect(await fleet()).not.toHaveProperty("overloadedSince");
	});

	it("a live stream goes on with one update in three, and what was left out is counted", async () => {
		const { port, clock, stoodBack } = await overloaded();
		const viewer = new WebSocket(`ws://127.0.0.1:${port}/api/v1/live`);
		onTestFinished(() => viewer.terminate());
		const kinds: string[] = [];
		viewer.on("message", (data) => kinds.push((JSON.parse(String(data)) as { kind: string }).kind));
		await once(viewer, "message");
		await once(viewer, "message");
		await once(viewer, "message");
		clock.set(NOW + 9_000);
		expect(kinds).toEqual(["snapshot", "update", "update"]);
		expect(await stoodBack("update")).toBeGreaterThanOrEqual(4);
	});

	it("a replay is refused with 503, when to come again and why", async () => {
		const { port, url, stoodBack } = await overloaded();
		const refused = await raw(port, {
			path: `/api/v1/replay?${SPAN}`,
			headers: {
				connection: "Upgrade",
				upgrade: "websocket",
				"sec-websocket-version": "13",
				"sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
			},
		});
		expect(refused).toMatchObject({ status: 503, headers: { "retry-after": "3" } });
		expect(refused.body).toContain(WHAT);
		const client = new ReplayClient({ url, query: { from: String(NOW - HOUR), to: String(NOW) } });
		await expect(client.next()).rejects.toThrow(
			"more from its agents than it stores in time. Try again in 3 s.",
		);
		expect(await stoodBack("replay")).toBe(2);
	});

	it("a replay that plays already ends with the reason", async () => {
		const { url, begin, end } = await overloaded();
		end();
		const client = new ReplayClient({
			url,
			query: { from: String(NOW - HOUR), to: String(NOW), paused: "true" },
		});
		expect((await client.next()).kind).toBe("snapshot");
		begin();
		client.say({ do: "step" });
		const broken = await client.next().catch((error: unknown) => error);
		expect(broken).toBeInstanceOf(ReplayBroken);
		expect(String(broken)).toContain("the past is not shown meanwhile");
	});
});
