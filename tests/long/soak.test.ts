/**
 * The real agent and collector for twenty minutes, polling every second where sites poll every ten or twenty: what they
 * hold of memory, files and threads does not grow. FLEETWATT_SOAK_MINUTES says for how long; a third of it is for warming up.
 */
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import type { FleetAnswer } from "../../collector/expose/answers.js";
import { median, residentMegabytes } from "../bench/processes.js";
import { antminerRanges, ownSite, startAntminers } from "../peers/own-site.js";
import { type RunningProgram, stopAll, until } from "../peers/running-program.js";
import { samplesOf } from "../peers/samples.js";

const MINUTES = Number(process.env["FLEETWATT_SOAK_MINUTES"] ?? 20);
const MINERS = 40;
const LOOK_MILLISECONDS = 2_000;
/** In hours of a site that polls every twenty seconds. */
const TIMES_LIFE = 20;
const MEGABYTES_PER_HOUR_MOST = 1;
const LOG_MEGABYTES_MOST = 64;
/** A log that is rotated or a connection that is made anew may be open at one look. */
const MORE_FILES_MOST = 3;

const site = await ownSite(1);
afterAll(async () => {
	await stopAll();
	site.remove();
}, 60_000);

type Look = {
	readonly hours: number;
	readonly megabytes: number;
	readonly files: number;
	readonly threads: number;
};

function lookAt({ pid }: RunningProgram, hours: number): Look {
	const count = (what: string) => readdirSync(`/proc/${pid}/${what}`).length;
	return { hours, megabytes: residentMegabytes(pid), files: count("fd"), threads: count("task") };
}

/** Theil–Sen: the median of the slopes of all pairs, which a few looks in mid-collection do not bend. */
function slope(looks: readonly Look[]): number {
	const slopes = looks.flatMap((one, index) =>
		looks.slice(index + 1).map((other) => (other.megabytes - one.megabytes) / (other.hours - one.hours)),
	);
	return median(slopes);
}

function logMegabytes(folder: string): number {
	const logs = readdirSync(folder).filter((name) => name.endsWith("-wal"));
	return logs.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0) / 1e6;
}

it(`holds no more after ${MINUTES} minutes than after a third of them`, {
	timeout: MINUTES * 60_000 + 180_000,
}, async () => {
	const simulator = await startAntminers(MINERS);
	site.writeCollector();
	site.writeAgent(antminerRanges(simulator));
	const programs = { collector: await site.readyCollector(), agent: await site.readyAgent() };
	await until("all miners are up", { seconds: 60 }, async () => {
		const { total } = await site.api<FleetAnswer>("/fleet");
		return total.devices.up === MINERS;
	});
	const looks: { collector: Look[]; agent: Look[] } = { collector: [], agent: [] };
	let logs = 0;
	const startedAt = performance.now();
	for (let passed = 0; passed < MINUTES * 60_000; passed = performance.now() - startedAt) {
		await sleep(LOOK_MILLISECONDS);
		// As Prometheus and a viewer would.
		await site.metrics();
		await site.api<FleetAnswer>("/fleet");
		logs = Math.max(logs, ...[site.places.collectorFolder, site.places.agentFolder].map(logMegabytes));
		if (passed < (MINUTES * 60_000) / 3) continue;
		const hours = (passed / 3_600_000) * TIMES_LIFE;
		looks.collector.push(lookAt(programs.collector, hours));
		looks.agent.push(lookAt(programs.agent, hours));
	}
	for (const name of ["collector", "agent"] as const) {
		const [first, last] = [looks[name][0], looks[name].at(-1)];
		const said = { name, slope: slope(looks[name]), first, last, logs };
		process.stdout.write(`${JSON.stringify(said)}\n`);
		expect(said.slope).toBeLessThan(MEGABYTES_PER_HOUR_MOST);
		expect((last?.files ?? 0) - (first?.files ?? 0)).toBeLessThanOrEqual(MORE_FILES_MOST);
		expect(last?.threads).toBe(first?.threads);
	}
	expect(logs).toBeLessThan(LOG_MEGABYTES_MOST);
	const told = [...samplesOf(await site.metrics()), ...samplesOf(await site.agentMetrics())];
	const unaccounted = told.filter(({ name }) => name === "fleetwatt_agent_outcomes_unaccounted");
	expect(unaccounted.length).toBeGreaterThan(0);
	expect(unaccounted.filter(({ value }) => value !== 0)).toEqual([]);
	const refused = told.filter(
		({ name, value }) =>
			!name.startsWith("fleetwatt_device_") && /_(dropped|rejected|refused)_total$/.test(name) && value > 0,
	);
	expect(refused).toEqual([]);
	await stopAll();
	await simulator.stop();
});
