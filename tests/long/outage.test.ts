/**
 * The collector was out of reach of 5,000 devices for 72 hours: ten real outboxes, each of 500 devices polled every 30 s,
 * backfill at once into a real collector while they poll on. FLEETWATT_OUTAGE_HOURS and FLEETWATT_OUTAGE_DEVICES make it
 * smaller. Takes two minutes to make its outboxes, 2 GB of disk.
 */
import { spawn } from "node:child_process";
import path from "node:path";
import process, { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { cpuSeconds, peakResidentMegabytes } from "../bench/processes.js";
import { ownSite } from "../peers/own-site.js";
import { stopAll, until } from "../peers/running-program.js";
import { samplesOf } from "../peers/samples.js";

const PROGRAM = fileURLToPath(new URL("../../dist/tests/long/outage-process.js", import.meta.url));
const HOURS = Number(process.env["FLEETWATT_OUTAGE_HOURS"] ?? 72);
const DEVICES = Number(process.env["FLEETWATT_OUTAGE_DEVICES"] ?? 5_000);
const AGENTS = 10;
const BACKFILL_SECONDS_MOST = 600;
const LIVE_LAG_MILLISECONDS_MOST = 5_000;
const BYTES_A_READING_MOST = 35;
const MEGABYTES_MOST = 400;

const site = await ownSite();
afterAll(async () => {
	await stopAll();
	site.remove();
}, 60_000);

it(`${HOURS} h of ${DEVICES} devices come within ten minutes, and what is made meanwhile within five seconds`, {
	timeout: 1_800_000,
}, async () => {
	site.writeCollector({ limits: { maxDevices: 2 * DEVICES } });
	const collector = await site.readyCollector();
	const url = `ws://127.0.0.1:${site.places.ingestPort}`;
	const words = [path.join(site.folder, "agents"), url, site.places.tokenFile, AGENTS, DEVICES, HOURS].map(
		String,
	);
	const agents = spawn(execPath, [PROGRAM, ...words], { stdio: ["pipe", "pipe", "inherit"] });
	let said = "";
	agents.stdout.on("data", (data: Buffer) => {
		said += data.toString();
	});
	const heard = async (word: string, seconds: number) => {
		const line = await until(word, { seconds }, () => {
			if (agents.exitCode !== null) throw new Error(`The agents ended: ${said}`);
			return said.split("\n").find((one) => one.startsWith(`${word} {`));
		});
		return JSON.parse(line.slice(word.length + 1)) as unknown;
	};
	try {
		const made = (await heard("made", 900)) as { readonly bytes: number; readonly outcomes: number };
		expect(made.outcomes).toBe((HOURS * 3_600 * DEVICES) / 30);
		expect(made.bytes / made.outcomes).toBeLessThan(BYTES_A_READING_MOST);
		const before = cpuSeconds(collector.pid);
		agents.stdin.write("go\n");
		const told = (await heard("backfilled", 900)) as {
			readonly seconds: number;
			readonly made: number;
			readonly liveMilliseconds: { readonly count: number; readonly p99: number };
		};
		const figures = {
			...told,
			bytesAReading: made.bytes / made.outcomes,
			collectorCpuSeconds: cpuSeconds(collector.pid) - before,
			collectorMegabytesMost: peakResidentMegabytes(collector.pid),
		};
		process.stdout.write(`${JSON.stringify(figures)}\n`);
		expect(said).not.toMatch(/^(refused|rejected|disconnected)/m);
		await until("all that was made is stored", { seconds: 30 }, async () => {
			const stored = samplesOf(await site.metrics())
				.filter(({ name }) => name === "fleetwatt_agent_outcomes_stored")
				.reduce((sum, { value }) => sum + value, 0);
			return stored === told.made;
		});
		expect(told.seconds).toBeLessThan(BACKFILL_SECONDS_MOST);
		expect(told.liveMilliseconds.count).toBeGreaterThan(0);
		expect(told.liveMilliseconds.p99).toBeLessThan(LIVE_LAG_MILLISECONDS_MOST);
		expect(figures.collectorMegabytesMost).toBeLessThan(MEGABYTES_MOST);
	} finally {
		agents.kill("SIGKILL");
	}
});
