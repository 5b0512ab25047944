/**
 * The real agent with a tenth of a core, beside more devices than that can poll: each is polled more seldom, none is left
 * out, and what was missed is counted. Needs root and cgroup v1; is skipped loudly without.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import type { DevicesAnswer, SeriesAnswer } from "../../collector/expose/answers.js";
import { antminerRanges, ownSite, startAntminers } from "../peers/own-site.js";
import { stopAll, until } from "../peers/running-program.js";
import { type Sample, samplesOf } from "../peers/samples.js";
import { CpuGroup, cpuGroupsWork } from "./control-groups.js";

const MINERS = 200;
const CORE_SHARE = 0.1;
const SECONDS = 20;
/** Readings that one miner may have more than another. */
const EVENLY_WITHIN = 3;
/** What was begun with a whole core is over. */
const SETTLING_MILLISECONDS = 5_000;

const site = await ownSite(1);
afterAll(async () => {
	await stopAll();
	site.remove();
}, 60_000);

const sum = (samples: readonly Sample[], name: string) =>
	samples.filter((one) => one.name === name).reduce((total, { value }) => total + value, 0);

it.skipIf(!cpuGroupsWork)(
	`with ${CORE_SHARE} of a core polls ${MINERS} miners evenly, and counts what it misses${cpuGroupsWork ? "" : ": NOT TESTED, since this user is not root or there is no cgroup v1"}`,
	{ timeout: 240_000 },
	async () => {
		const simulator = await startAntminers(MINERS);
		site.writeCollector();
		site.writeAgent(antminerRanges(simulator));
		await site.readyCollector();
		const agent = await site.readyAgent();
		const miners = async () => {
			const { devices } = await site.api<DevicesAnswer>("/devices");
			return devices.filter(({ kind }) => kind === "miner");
		};
		await until("all miners are known", { seconds: 60 }, async () => (await miners()).length === MINERS);
		/** Readings of each miner. */
		const readings = async (from: number, to: number) => {
			const counts: number[] = [];
			for (const { device } of await miners()) {
				const asked = `device=${encodeURIComponent(device)}&measurement=hashrateTerahashesPerSecond&from=${from}&to=${to}`;
				const { series } = await site.api<SeriesAnswer>(`/series?${asked}`);
				counts.push(series[0]?.times.length ?? 0);
			}
			return counts;
		};
		const missed = async () =>
			sum(samplesOf(await site.agentMetrics()), "fleetwatt_agent_polls_overrun_total");
		const group = new CpuGroup("agent", CORE_SHARE);
		try {
			group.take(agent.pid);
			await sleep(SETTLING_MILLISECONDS);
			const [from, missedBefore] = [Date.now(), await missed()];
			await sleep(SECONDS * 1_000);
			const [to, missedAfter] = [Date.now(), await missed()];
			group.lift();
			await until("all that was made is stored, but what is on its way", { seconds: 60 }, async () => {
				const told = samplesOf(await site.agentMetrics());
				return sum(told, "fleetwatt_agent_outbox_records") <= 2;
			});
			const counts = await readings(from, to);
			const missedNow = missedAfter - missedBefore;
			expect(counts).toHaveLength(MINERS);
			expect(missedNow).toBeGreaterThan(MINERS);
			expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(EVENLY_WITHIN);
			const read = counts.reduce((total, count) => total + count, 0);
			// Polls of the first and the last seconds may be under way at either look.
			expect(read + missedNow).toBeGreaterThan(MINERS * (SECONDS - 4));
		} finally {
			group.lift();
			await stopAll();
			group.remove();
			await simulator.stop();
		}
	},
);
