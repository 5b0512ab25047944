/**
 * Agents that make many times what the collector can take: strace holds up each of its fsyncs, so that it commits about
 * 170 KB/s on any computer, in 512 MiB of memory. What it shows stays young, nobody is thrown out, and once the disk answers,
 * all that was made is there. FLEETWATT_OVERLOAD_SECONDS says for how long.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import process, { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { peakResidentMegabytes } from "../bench/processes.js";
import { ownSite } from "../peers/own-site.js";
import { FLEETWATT, RunningProgram, stopAll, until } from "../peers/running-program.js";
import { samplesOf } from "../peers/samples.js";
import { MemoryGroup, memoryGroupsWork } from "./control-groups.js";

const PROGRAM = fileURLToPath(new URL("../../dist/tests/faults/overload-process.js", import.meta.url));
const AGENTS = 8;
const DEVICES = 24_000;
const SECONDS = Number(process.env["FLEETWATT_OVERLOAD_SECONDS"] ?? 45);
const FSYNC_MICROSECONDS = 1_500_000;
const AGE_SECONDS_MOST = 30;
const MEBIBYTES_MOST = 512;
const HOLDS_UP = ["-f", "-qqq", "-o", "/dev/null", "-e", "trace=fsync", "-e"];
const straceWorks = spawnSync("strace", [...HOLDS_UP, "inject=fsync:delay_enter=1", "true"]).status === 0;

const site = await ownSite();
afterAll(async () => {
	await stopAll();
	site.remove();
}, 60_000);

const within = `in ${MEBIBYTES_MOST} MiB${memoryGroupsWork ? "" : " (NOT LIMITED: no root or no cgroup v1)"}`;
const whyNot = straceWorks ? "" : ": NOT TESTED, since strace is missing or may not trace";

describe.skipIf(!straceWorks)(`many times what the collector can take${whyNot}`, () => {
	it(`for ${SECONDS} s, ${within}: what it shows is ${AGE_SECONDS_MOST} s old at most, and all comes once it can`, {
		timeout: SECONDS * 3_000 + 300_000,
	}, async () => {
		site.writeCollector({ limits: { maxDevices: 2 * DEVICES }, metrics: { perDevice: "none" } });
		const group = memoryGroupsWork ? new MemoryGroup("overload", MEBIBYTES_MOST * 1_024 ** 2) : undefined;
		const program = [execPath, FLEETWATT, "collector", "--config", site.collectorFile];
		const [command = "", ...argv] = group?.starting(...program) ?? program;
		const collector = new RunningProgram(command, argv);
		await collector.says("collector started", 60);
		const agents = new RunningProgram(execPath, [
			PROGRAM,
			path.join(site.folder, "agents"),
			`ws://127.0.0.1:${site.places.ingestPort}`,
			site.places.tokenFile,
			...[AGENTS, DEVICES, SECONDS].map(String),
		]);
		try {
			await agents.says(/^ready/, 180);
			const words = [`inject=fsync:delay_enter=${FSYNC_MICROSECONDS}`, "-p", String(collector.pid)];
			const slow = new RunningProgram("strace", [...HOLDS_UP, ...words]);
			agents.signal("SIGUSR2");
			const told = async (name: string) => samplesOf(await site.metrics()).filter((one) => one.name === name);
			await until("the collector says how much agents hold", { seconds: SECONDS }, async () =>
				(await told("fleetwatt_agent_backlog_records")).some(({ value }) => value > 5),
			);
			const made = factsIn(await agents.says(/^made/, SECONDS * 3));
			await slow.stop();
			const drained = factsIn(await agents.says(/^drained/, 200));
			const figures = { ...made, ...drained, collectorMegabytes: peakResidentMegabytes(collector.pid) };
			process.stdout.write(`${JSON.stringify(figures)}\n`);
			// It was too much indeed.
			expect(made["held"]).toBeGreaterThan(0.6 * (made["outcomes"] ?? 0));
			expect(made["ageSecondsMost"]).toBeLessThan(AGE_SECONDS_MOST);
			expect(agents.lines().filter((line) => /^(disconnected|rejected|refused)/.test(line))).toEqual([]);
			const sum = async (name: string) => (await told(name)).reduce((total, { value }) => total + value, 0);
			await until(
				"all that was made is stored",
				{ seconds: 30 },
				async () => (await sum("fleetwatt_agent_outcomes_stored")) === drained["outcomes"],
			);
			expect(await sum("fleetwatt_agent_outcomes_unaccounted")).toBe(0);
			expect(figures.collectorMegabytes * 1e6).toBeLessThan(MEBIBYTES_MOST * 1_024 ** 2);
			expect(group?.killed ?? 0).toBe(0);
		} finally {
			await stopAll();
			group?.remove();
		}
	});
});

function factsIn(line: string): Readonly<Record<string, number>> {
	return JSON.parse(line.slice(line.indexOf("{"))) as Readonly<Record<string, number>>;
}
