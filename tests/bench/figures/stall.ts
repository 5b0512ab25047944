/** How long the collector's main thread is held up while a history pours in as fast as credit lets it. */
import { startCollector } from "../collector-under-test.js";
import type { Context } from "../context.js";
import { type Figure, figure } from "../figure.js";
import { fillCollector } from "../fill.js";

export async function measureStall(context: Context): Promise<readonly Figure[]> {
	const folder = context.folder();
	const collector = await startCollector(folder);
	const watched = await collector.watchEventLoop();
	const { agents } = await fillCollector(collector, { devices: context.devices, steps: context.steps });
	const { p50, p99, p999, most } = await watched();
	for (const agent of agents) agent.close();
	await collector.kill();
	context.remove(folder);
	const milliseconds = (seconds: number) => (seconds * 1_000).toFixed(1);
	return [
		figure({
			name: "event loop held up, saturated, p99.9",
			unit: "ms",
			rounds: [{ ours: p999 * 1_000 }],
			target: { goal: 20, floor: 50, of: "ours", better: "less" },
			note: `p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}, most ${milliseconds(most)}; wall time`,
		}),
	];
}
