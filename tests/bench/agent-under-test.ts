/**
 * A real agent in a process of its own that polls a fleet of the C programs' devices. Gives what it counted and
 * what it cost; the fleet's answers are those of simulated Antminers, which are asked one thing a poll.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { configText } from "../../shared/config/write.js";
import { FLEETWATT, fleetwatt, freePort, RunningProgram, until } from "../peers/running-program.js";
import { minerMachine } from "../simulator/machine.js";
import { MINER_MODELS } from "../simulator/models.js";
import type { CollectorUnderTest } from "./collector-under-test.js";
import { ask } from "./http.js";
import { compiled } from "./native-programs.js";

export const FLEET_PORT = 4_028;
const COMMANDS = ["stats", "summary", "pools", "version"] as const;
/** Answers differ, so that records hold real columns. */
const VARIANTS = 64;
const SECONDS_BETWEEN_VARIANTS = 5;
const FIRST_SECOND = 1_000;
const START_SECONDS = 60;
const ADDRESSES_A_BLOCK = 250;
const BLOCKS_A_RANGE = 200;

/** Devices at 127.1.0.1 … 127.1.0.250, 127.1.1.1 …, of which so many per cent accept and never answer. */
export async function startFleet(folder: string, hungPercent = 0): Promise<RunningProgram> {
	const answers = path.join(folder, "answers");
	mkdirSync(answers, { recursive: true });
	for (let variant = 0; variant < VARIANTS; variant += 1) writeAnswers(answers, variant);
	const fleet = new RunningProgram(compiled("device-fleet", folder), [
		String(FLEET_PORT),
		answers,
		String(hungPercent),
	]);
	await fleet.says("ready", START_SECONDS);
	return fleet;
}

function writeAnswers(folder: string, variant: number): void {
	const machine = minerMachine(MINER_MODELS.antminerS19jPro, {
		index: variant,
		host: "127.1.0.1",
		siteSeed: 1,
		ambientOffsetCelsius: 0,
		startUnixSeconds: Math.floor(Date.now() / 1_000),
	});
	machine.advance(FIRST_SECOND + SECONDS_BETWEEN_VARIANTS * variant, []);
	for (const command of COMMANDS) {
		const answer = machine.cgminer(JSON.stringify({ command })) ?? "";
		writeFileSync(path.join(folder, `${command}.${variant}`), answer.replace(/\0$/, ""));
	}
}

export type AgentUnderTest = {
	readonly running: RunningProgram;
	counts(): Promise<AgentCounts>;
};

export type AgentCounts = {
	readonly due: number;
	readonly ok: number;
	readonly failed: number;
	readonly overruns: number;
	readonly late: number;
	/** Cumulative, by upper bound in seconds; the last is +Inf. */
	readonly durations: readonly (readonly [upTo: number, count: number])[];
};

export type AgentWish = { readonly devices: number; readonly pollIntervalSeconds: number };

export async function startAgent(
	folder: string,
	{ devices, pollIntervalSeconds }: AgentWish,
	{ uplink }: CollectorUnderTest,
): Promise<AgentUnderTest> {
	const port = await freePort();
	const file = path.join(folder, "agent.yaml");
	mkdirSync(folder, { recursive: true });
	const configuration = {
		agent: { name: "bench", site: uplink.site },
		dataFolder: path.join(folder, "agent"),
		collector: { url: uplink.url, tokenFile: uplink.tokenFile },
		pollIntervalSeconds,
		ranges: rangesOf(devices),
		listen: { address: "127.0.0.1", port },
	};
	writeFileSync(file, configText("Written for a measurement.", configuration));
	const running = fleetwatt(["agent", "--config", file]);
	const url = `http://127.0.0.1:${port}`;
	await until(`the agent of ${FLEETWATT} is ready`, { seconds: START_SECONDS }, async () => {
		if (!running.isRunning) throw new Error(`It ended: ${running.err}${running.out}`);
		return (await ask(`${url}/-/ready`)).length > 0;
	});
	return { running, counts: async () => countsIn((await ask(`${url}/metrics`)).toString("utf8")) };
}

/** Listed one by one, as devices that must answer; a rack for each block of 250. */
function rangesOf(devices: number): readonly unknown[] {
	const blocks = Math.ceil(devices / ADDRESSES_A_BLOCK);
	return Array.from({ length: blocks }, (_, block) => {
		const count = Math.min(ADDRESSES_A_BLOCK, devices - block * ADDRESSES_A_BLOCK);
		const network = `127.${1 + Math.floor(block / BLOCKS_A_RANGE)}.${block % BLOCKS_A_RANGE}`;
		return {
			addresses: Array.from({ length: count }, (__, index) => `${network}.${index + 1}`),
			rack: `R${block + 1}`,
			driver: "antminer",
		};
	});
}

function countsIn(text: string): AgentCounts {
	const read = (name: string) => Number(new RegExp(`^fleetwatt_agent_${name} (\\S+)$`, "m").exec(text)?.[1]);
	const failed = [...text.matchAll(/^fleetwatt_agent_polls_failed_total\{[^}]*\} (\S+)$/gm)];
	const buckets = [
		...text.matchAll(/^fleetwatt_agent_poll_duration_seconds_bucket\{le="([^"]+)"\} (\S+)$/gm),
	];
	return {
		due: read("polls_due_total"),
		ok: read("polls_ok_total"),
		failed: failed.reduce((sum, [, count]) => sum + Number(count), 0),
		overruns: read("polls_overrun_total"),
		late: read("polls_late_total"),
		durations: buckets.map(([, upTo, count]) => [
			upTo === "+Inf" ? Number.POSITIVE_INFINITY : Number(upTo),
			Number(count),
		]),
	};
}
