/**
 * A start after kill -9: until /-/ready, with a history that was never sealed and with one that was.
 * Wall seconds and processor seconds of the new process.
 */
import { startCollector } from "../collector-under-test.js";
import type { Context } from "../context.js";
import { type Figure, figure } from "../figure.js";
import { fillCollector } from "../fill.js";
import { cpuSeconds, folderBytes } from "../processes.js";

export async function measureStart(context: Context): Promise<readonly Figure[]> {
	const folder = context.folder();
	const history = { devices: context.devices, steps: context.steps };
	const filled = await fillCollector(await startCollector(folder), history);
	for (const agent of filled.agents) agent.close();
	await filled.collector.kill();
	const megabytes = folderBytes(filled.collector.dataFolder) / 1e6;
	const replayed = await startCollector(folder);
	const replayedCpu = cpuSeconds(replayed.running.pid);
	await replayed.stop();
	const sealed = await startCollector(folder);
	const sealedCpu = cpuSeconds(sealed.running.pid);
	await sealed.kill();
	context.remove(folder);
	const note = `${context.devices} devices × ${context.steps}, ${megabytes.toFixed(0)} MB`;
	return [
		one("start after kill -9, until ready", "s", replayed.readyAfterSeconds, note),
		one("start after kill -9, processor time", "CPU-s", replayedCpu, note),
		one("start of the sealed store, until ready", "s", sealed.readyAfterSeconds),
		one("start of the sealed store, processor time", "CPU-s", sealedCpu),
	];
}

function one(name: string, unit: string, ours: number, note?: string): Figure {
	return figure({ name, unit, rounds: [{ ours }], ...(note === undefined ? {} : { note }) });
}
