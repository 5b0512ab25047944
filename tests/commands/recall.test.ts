/**
 * An agent that was down for an hour, beside a miner that remembers it: a real HTTP server in AxeOS' own words, the real
 * agent and a real collector. What it remembers fills the hour, and says so.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { afterAll, describe, expect, it } from "vitest";
import { loadAgent } from "../../agent/commands/load.js";
import { type AgentRuntime, startAgentRuntime } from "../../agent/commands/runtime.js";
import { type Clock, realClock } from "../../shared/clock.js";
import { createLog } from "../../shared/log.js";
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import { ownSite } from "../peers/own-site.js";
import { stopAll, until } from "../peers/running-program.js";

const HOUR = 3_600_000;
const MINUTE = 60_000;
const POLL_SECONDS = 5;
const bootedAt = Date.now() - 3 * HOUR;

const INFO = {
	ASICModel: "BM1370",
	deviceModel: "Gamma",
	boardVersion: "601",
	version: "v2.12.2",
	macAddr: "02:00:00:00:00:07",
	hashRate: 1_000,
	power: 17,
	temp: 55,
};

/** A minute apart, by the board's own clock: 15 W in even minutes, 16 W in odd ones. */
function statistics(now: number) {
	const first = Math.ceil((now - bootedAt - 2 * HOUR) / MINUTE);
	const last = Math.floor((now - bootedAt) / MINUTE);
	const minutes = Array.from({ length: last - first + 1 }, (_, index) => first + index);
	return {
		currentTimestamp: now - bootedAt,
		labels: ["hashrate", "asicTemp", "vrTemp", "power", "timestamp"],
		statistics: minutes.map((minute) => [900, 52.5, 48, 15 + (minute % 2), minute * MINUTE]),
	};
}

const asked: string[] = [];
const server: Server = createServer(({ url = "" }, response) => {
	asked.push(url);
	const [path = ""] = url.split("?");
	const answers: Record<string, () => unknown> = {
		"/api/system/info": () => INFO,
		"/api/system/statistics": () => statistics(Date.now()),
	};
	const answer = answers[path];
	response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
	response.end(answer === undefined ? "" : JSON.stringify(answer()));
});
afterAll(async () => {
	await stopAll();
	server.close();
}, 30_000);

type SeriesAnswer = { readonly series: readonly { readonly times: number[]; readonly values: number[] }[] };

describe("an agent that was down for an hour", () => {
	it("fills it with what the miner remembers, marked, and shows none of it as the present", async () => {
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		const address = server.address();
		const port = typeof address === "object" && address !== null ? address.port : 0;
		const site = await ownSite(POLL_SECONDS);
		site.writeCollector();
		site.writeAgent([{ addresses: `127.0.0.1:${port}`, driver: "bitaxe" }]);
		const run = async (clock: Clock): Promise<AgentRuntime> =>
			startAgentRuntime({
				clock,
				...(await loadAgent(site.agentFile)),
				dataFolder: site.places.agentFolder,
				version: "0",
				log: createLog({ role: "agent", level: "error" }),
				residentBytes: () => 0,
			});
		try {
			const before = await run({
				...realClock,
				now: () => quantity<UnixMilliseconds>(realClock.now() - HOUR),
			});
			await until("a poll is kept", { seconds: 20 }, () => before.statistics().polls.ok > 0);
			await before.stop();
			expect(asked.filter((url) => url.includes("statistics"))).toEqual([]);
			const down = Date.now() - HOUR;
			await site.readyCollector();
			const agent = await run(realClock);
			const back = Date.now();
			const readings = await until(
				"it is recalled",
				{ seconds: 20 },
				() => agent.statistics().readingsRecalled || undefined,
			);
			expect(readings).toBeGreaterThan(350);
			expect(readings).toBeLessThanOrEqual(420);
			await until(
				"all is settled",
				{ seconds: 20 },
				() => agent.statistics().outbox.outcomesSettled > readings,
			);
			const [device = ""] = (
				await site.api<{ devices: { device: string; kind: string }[] }>("/devices")
			).devices
				.filter(({ kind }) => kind === "miner")
				.map((one) => one.device);
			const series = async (measurement: string) => {
				const span = `from=${down + 2 * MINUTE}&to=${back - 2 * MINUTE}&step=60`;
				return (await site.api<SeriesAnswer>(`/series?device=${device}&measurement=${measurement}&${span}`))
					.series[0];
			};
			const power = await series("powerWatts");
			expect(power?.times.length).toBeGreaterThanOrEqual(56);
			// By the board's own minutes, which need not begin where the clock's do.
			expect(power?.values.every((watts) => watts >= 15 && watts <= 16)).toBe(true);
			expect(mean(power?.values ?? [])).toBeCloseTo(15.5, 1);
			expect(new Set((await series("recalledSeconds"))?.values)).toEqual(new Set([60]));
			const hour = await site.api<{ devicesKnown: readonly number[] }>(
				`/series/fleet?from=${down + 2 * MINUTE}&to=${back - 2 * MINUTE}&step=60`,
			);
			// What holds over the end of an hour that was late is added when the hour is joined.
			expect(mean(hour.devicesKnown)).toBeGreaterThan(0.99);
			expect(await site.api(`/gaps?from=${down}&to=${back}`)).toMatchObject({
				gaps: [{ reason: "agent_down", outcomes: 0 }],
			});
			expect(await site.metrics()).not.toContain("recalled_seconds{");
			expect(await site.metrics()).toMatch(/^fleetwatt_device_temperature_celsius\{.*sensor="chip"\} 55$/m);
			expect(asked.filter((url) => url.includes("statistics"))).toHaveLength(1);
			await agent.stop();
		} finally {
			await stopAll();
			site.remove();
		}
	}, 90_000);
});

function mean(values: readonly number[]): number {
	return values.reduce((sum, value) => sum + value, 0) / values.length;
}
