/**
 * A whole site under load: simulator, agent and collector as in real use, watched from outside.
 *
 * Prints one JSON line: polls due and lost, ages of the values on the live stream, processor time and
 * memory of agent and collector. Asserts nothing: figures belong into notes, with this command:
 *
 *   node dist/tests/bench/site.js --miners 1000 --minutes 10
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import type { DeviceSummary, LiveMessage } from "../../collector/expose/answers.js";
import { parseJson } from "../../shared/json.js";
import { cpuSeconds, quantile, residentMegabytes } from "./processes.js";

const LIMITS = { bytes: 64 * 1_024 * 1_024, depth: 16, keys: 10_000_000 };
const WARM_UP_SECONDS = 30;

const { values: words } = parseArgs({
	options: {
		miners: { type: "string", default: "1000" },
		"gpu-hosts": { type: "string", default: "0" },
		minutes: { type: "string", default: "10" },
		port: { type: "string", default: "29480" },
	},
});
const port = Number(words.port);
const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-bench-"));
const demo = spawn(
	process.execPath,
	[
		path.join(import.meta.dirname, "../../cli.js"),
		"demo",
		...["--miners", words.miners, "--gpu-hosts", words["gpu-hosts"], "--no-faults", "--data", folder],
		...["--port", String(port), "--ingest-port", String(port + 1), "--agent-port", String(port + 2)],
	],
	{ stdio: "inherit" },
);
process.once("exit", () => demo.kill("SIGKILL"));

const wait = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
const text = async (url: string) => (await fetch(url)).text();

async function ready(): Promise<void> {
	for (;;) {
		const answer = await fetch(`http://127.0.0.1:${port + 2}/-/ready`).catch(() => undefined);
		if (answer?.ok === true) return;
		await wait(0.2);
	}
}

function childOf(name: string): number {
	for (const entry of readdirSync("/proc")) {
		if (!/^\d+$/.test(entry)) continue;
		const command = commandOf(entry);
		if (command.includes(` ${name} --config ${folder}`)) return Number(entry);
	}
	throw new Error(`no process of the ${name}`);
}

function commandOf(entry: string): string {
	try {
		return readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ");
	} catch {
		return "";
	}
}

async function agentCounts(): Promise<Record<string, number>> {
	const counts: Record<string, number> = {};
	for (const line of (await text(`http://127.0.0.1:${port + 2}/metrics`)).split("\n")) {
		const match = /^fleetwatt_agent_(\w+?)(?:_total)?(\{[^}]*\})? (\S+)$/.exec(line);
		if (match?.[1] !== undefined) counts[match[1] + (match[2] ?? "")] = Number(match[3]);
	}
	return counts;
}

await ready();
await wait(WARM_UP_SECONDS);
const pids = { agent: childOf("agent"), collector: childOf("collector") };
const devices = new Map<string, DeviceSummary>();
const ages: number[] = [];
const resident: Record<keyof typeof pids, number[]> = { agent: [], collector: [] };
const before = {
	agent: cpuSeconds(pids.agent),
	collector: cpuSeconds(pids.collector),
	counts: await agentCounts(),
	at: Date.now(),
};
const stream = new WebSocket(`ws://127.0.0.1:${port}/api/v1/live`);
stream.on("message", (data: Buffer) => {
	const now = Date.now();
	const parsed = parseJson(data.toString("utf8"), LIMITS);
	if (!parsed.ok) return;
	for (const device of (parsed.value as unknown as LiveMessage).devices) devices.set(device.device, device);
	for (const { kind, lastReadingAt } of devices.values()) {
		if (kind !== "agent" && lastReadingAt !== undefined) ages.push((now - lastReadingAt) / 1_000);
	}
});
for (let second = 0; second < Number(words.minutes) * 60; second += 5) {
	await wait(5);
	for (const name of ["agent", "collector"] as const) resident[name].push(residentMegabytes(pids[name]));
}
stream.close();
const counts = await agentCounts();
const seconds = (Date.now() - before.at) / 1_000;
const sorted = Float64Array.from(ages).sort();
const difference = (name: string) => (counts[name] ?? 0) - (before.counts[name] ?? 0);
const failed = Object.keys(counts).filter((name) => name.startsWith("polls_failed"));
process.stdout.write(
	`${JSON.stringify({
		devices: devices.size,
		seconds,
		polls: {
			due: difference("polls_due"),
			ok: difference("polls_ok"),
			overrun: difference("polls_overrun"),
			abandoned: difference("polls_abandoned"),
			failed: Object.fromEntries(failed.map((name) => [name, difference(name)])),
		},
		liveAgeSeconds: {
			p50: quantile(sorted, 0.5),
			p99: quantile(sorted, 0.99),
			most: sorted.at(-1),
			values: sorted.length,
		},
		cpuPercentOfACore: {
			agent: (100 * (cpuSeconds(pids.agent) - before.agent)) / seconds,
			collector: (100 * (cpuSeconds(pids.collector) - before.collector)) / seconds,
		},
		residentMegabytes: {
			agent: { last: resident.agent.at(-1), most: Math.max(...resident.agent) },
			collector: { last: resident.collector.at(-1), most: Math.max(...resident.collector) },
		},
	})}\n`,
);
demo.kill("SIGINT");
await new Promise((resolve) => demo.once("exit", resolve));
rmSync(folder, { recursive: true, force: true });
