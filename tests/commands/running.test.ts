/** What running programs do with what goes wrong around them: strangers, wrong secrets, bad files, restarts. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DevicesAnswer, FleetAnswer, SeriesAnswer } from "../../collector/expose/answers.js";
import { type OwnSite, ownSite } from "../peers/own-site.js";
import { type RunningProgram, stopAll, until } from "../peers/running-program.js";
import { samplesOf, sampleValue } from "../peers/samples.js";
import { type Simulator, startSimulator } from "../simulator/simulator.js";

const STOP_MILLISECONDS = 5_000;
const SITE_SECONDS = { timeout: 60_000 };

let simulator: Simulator;
const sites: OwnSite[] = [];

beforeAll(async () => {
	simulator = await startSimulator({
		miners: 2,
		gpuHosts: 0,
		models: ["antminerS19jPro"],
		addressPlan: "high-ports",
		basePort: 0,
	});
}, 30_000);
afterAll(async () => {
	await stopAll();
	await simulator.stop();
	for (const site of sites) site.remove();
}, 60_000);

async function newSite(): Promise<OwnSite> {
	const site = await ownSite(1);
	sites.push(site);
	return site;
}

function ranges(miners: number): readonly unknown[] {
	return simulator.devices.slice(0, miners).map(({ ports: { cgminer = 0 } }) => ({
		addresses: `127.0.0.1:${cgminer}`,
		rack: "A1",
		driver: "antminer",
		ports: { cgminer },
	}));
}

function up(site: OwnSite, miners: number, seconds = 30): Promise<FleetAnswer> {
	return until(`${miners} miners are up`, { seconds }, async () => {
		const fleet = await site.api<FleetAnswer>("/fleet");
		return fleet.total.devices.up === miners ? fleet : undefined;
	});
}

const newestReading = async (site: OwnSite) => {
	const { devices } = await site.api<DevicesAnswer>("/devices");
	return Math.max(...devices.filter(({ kind }) => kind === "miner").map((one) => one.lastReadingAt ?? 0));
};

const energy = async (site: OwnSite) =>
	samplesOf(await site.metrics())
		.filter(({ name }) => name === "fleetwatt_device_energy_joules_total")
		.reduce((sum, { value }) => sum + value, 0);

describe("a collector and its agent", { timeout: 60_000 }, () => {
	let site: OwnSite;
	let collector: RunningProgram;
	let agent: RunningProgram;

	beforeAll(async () => {
		site = await newSite();
		site.writeCollector();
		site.writeAgent(ranges(1));
		collector = await site.readyCollector();
		agent = await site.readyAgent();
		await up(site, 1);
	}, 60_000);

	const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
	const UPGRADE = `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n`;
	const GARBAGE: readonly (readonly [string, Buffer])[] = [
		["64 KiB of random bytes", randomBytes(64 * 1_024)],
		["half a request", Buffer.from("GET /metrics HT")],
		["a request without an end", Buffer.from("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n")],
		[
			"a header of 1 MiB",
			Buffer.from(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${"x".repeat(1_048_576)}\r\n\r\n`),
		],
		["10,000 headers", Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${"A: b\r\n".repeat(10_000)}\r\n`)],
		[
			"a body that is longer than it says",
			Buffer.from(`POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n\r\n${"x".repeat(99_999)}`),
		],
		[
			"a WebSocket whose frames are garbage",
			Buffer.concat([
				Buffer.from(`${UPGRADE}Sec-WebSocket-Protocol: fleetwatt.v1\r\n\r\n`),
				randomBytes(4_096),
			]),
		],
		["a hello of TLS", Buffer.from("16030100c8010000c40303", "hex")],
	];

	/** Sends, waits a moment for what comes back, closes. */
	function strange(port: number, bytes: Buffer): Promise<void> {
		return new Promise((resolve) => {
			const socket = connect({ host: "127.0.0.1", port });
			const timer = setTimeout(() => socket.destroy(), 300);
			socket.on("error", () => undefined);
			socket.on("close", () => {
				clearTimeout(timer);
				resolve();
			});
			socket.on("data", () => undefined);
			socket.write(bytes);
		});
	}

	it.each(GARBAGE)("go on with honest traffic after %s on each of their ports", async (_, bytes) => {
		const { pagePort, ingestPort, agentMetricsPort } = site.places;
		const before = await newestReading(site);
		await Promise.all(
			[pagePort, ingestPort, agentMetricsPort].flatMap((port) => [
				strange(port, bytes),
				strange(port, bytes),
				strange(port, bytes),
			]),
		);
		await until("newer readings", { seconds: 10 }, async () => (await newestReading(site)) > before + 1_000);
		expect(await site.agentMetrics()).toContain("fleetwatt_agent_uplink_connected 1");
		expect({ collector: collector.isRunning, agent: agent.isRunning }).toEqual({
			collector: true,
			agent: true,
		});
	});

	it("reload agent.yaml on SIGHUP: a bad file changes nothing and is said, a good one adds a device", async () => {
		writeFileSync(site.agentFile, "ranges: [\n");
		agent.signal("SIGHUP");
		await agent.says("configuration refused", 10);
		const current = async () =>
			sampleValue(samplesOf(await site.agentMetrics()), "fleetwatt_agent_configuration_current");
		expect(await current()).toBe(0);
		const before = await newestReading(site);
		await until(
			"the old target is polled on",
			{ seconds: 10 },
			async () => (await newestReading(site)) > before + 1_000,
		);

		site.writeAgent(ranges(2));
		agent.signal("SIGHUP");
		await agent.says("configuration reloaded", 10);
		await up(site, 2);
		expect(await current()).toBe(1);
	});

	it("end within 5 s of SIGTERM with code 0, and go on from what was stored", async () => {
		const [counted, devices] = [await energy(site), await site.api<DevicesAnswer>("/devices")];
		expect(counted).toBeGreaterThan(0);
		const from = Date.now();
		const took = async (program: RunningProgram) => {
			const at = performance.now();
			return { code: await program.stop(), isQuick: performance.now() - at < STOP_MILLISECONDS };
		};
		expect(await took(agent)).toEqual({ code: 0, isQuick: true });
		expect(await took(collector)).toEqual({ code: 0, isQuick: true });
		collector = await site.readyCollector();
		const after = await site.api<DevicesAnswer>("/devices");
		expect(after.devices.map(({ device }) => device).sort()).toEqual(
			devices.devices.map(({ device }) => device).sort(),
		);
		expect(await energy(site)).toBeGreaterThanOrEqual(counted);
		agent = await site.readyAgent();
		await up(site, 2);
		await until("it counts on", { seconds: 15 }, async () => (await energy(site)) > counted);
		await until(
			"readings are newer than the stop",
			{ seconds: 15 },
			async () => (await newestReading(site)) > from,
		);
	});
});

describe("an agent that the collector does not take", SITE_SECONDS, () => {
	const refusals = (agent: RunningProgram) =>
		agent.lines().filter((line) => line.includes("AGENT_UNAUTHORIZED"));

	it("for its token keeps running, says so once, keeps its readings and delivers them when the token is right", async () => {
		const site = await newSite();
		site.writeAgent(ranges(2));
		const other = `${site.folder}/other-token`;
		writeFileSync(other, `${"f".repeat(64)}\n`, { mode: 0o600 });
		const { ingestPort, tokenFile } = site.places;
		const ingest = (file: string) => ({
			ingest: { address: "127.0.0.1", port: ingestPort, tokens: [{ site: "west", tokenFile: file }] },
		});
		site.writeCollector(ingest(other));
		const strict = await site.readyCollector();
		const agent = await site.readyAgent();
		await agent.says("AGENT_UNAUTHORIZED", 15);
		const refusedFrom = Date.now();
		await until("it tried again", { seconds: 20 }, async () => {
			const text = await site.metrics();
			return samplesOf(text).some(({ name, value }) => /refus/.test(name) && value >= 2);
		});
		expect(refusals(agent)).toHaveLength(1);
		expect((await site.api<FleetAnswer>("/fleet")).agents).toEqual([]);
		const kept = await until("more than two records wait", { seconds: 15 }, async () => {
			const found = samplesOf(await site.agentMetrics());
			return (sampleValue(found, "fleetwatt_agent_outbox_records") ?? 0) > 2 && found;
		});
		expect(sampleValue(kept, "fleetwatt_agent_outcomes_dropped_total")).toBe(0);

		await strict.stop();
		site.writeCollector(ingest(tokenFile));
		await site.readyCollector();
		const restartedAt = Date.now();
		await up(site, 2, 45);
		const { devices } = await site.api<DevicesAnswer>("/devices");
		const miner = devices.find(({ kind }) => kind === "miner")?.device;
		const path = `/series?device=${miner}&measurement=hashrateTerahashesPerSecond&from=${refusedFrom}&to=${restartedAt}`;
		const polls = (restartedAt - refusedFrom) / 1_000;
		await until("the readings of that time", { seconds: 20 }, async () => {
			const { series } = await site.api<SeriesAnswer>(path);
			return (series[0]?.values.length ?? 0) > 0.7 * polls;
		});
		expect(agent.isRunning).toBe(true);
	});

	it("for its site keeps running and says so once; the collector names neither site nor agent as its own", async () => {
		const site = await newSite();
		site.writeCollector();
		site.writeAgent(ranges(1), { agent: { name: "hall-9", site: "east" } });
		const collector = await site.readyCollector();
		const agent = await site.readyAgent();
		await agent.says("AGENT_UNAUTHORIZED", 15);
		await collector.says("AGENT_UNAUTHORIZED", 15);
		expect(refusals(agent)).toHaveLength(1);
		expect(agent.isRunning && collector.isRunning).toBe(true);
		const fleet = await site.api<FleetAnswer>("/fleet");
		expect({ agents: fleet.agents, sites: fleet.sites }).toEqual({ agents: [], sites: {} });
	});
});
