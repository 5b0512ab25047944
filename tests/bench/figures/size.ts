/** Bytes on disk a sample, all files, jittered and aligned times, once everything is sealed and merged. */
import type { Context } from "../context.js";
import { type Figure, figure } from "../figure.js";
import { fillPrometheus, fillVictoriaMetrics, type History, samplesOf, storedByCollector } from "../fill.js";
import { startPrometheusForWriting } from "../prometheus.js";
import { startVictoriaMetrics } from "../victoria-metrics.js";
import { JITTER_MILLISECONDS } from "../workload.js";

const CASES = [
	{ name: "jitter 15 ms", jitterMilliseconds: JITTER_MILLISECONDS, goal: 0.43, floor: 0.5 },
	{ name: "aligned", jitterMilliseconds: 0, goal: 0.4, floor: 0.45 },
] as const;

export async function measureSize(context: Context): Promise<readonly Figure[]> {
	const figures: Figure[] = [];
	for (const { name, jitterMilliseconds, goal, floor } of CASES) {
		const history = { devices: context.devices, steps: context.steps, jitterMilliseconds };
		const samples = samplesOf(history);
		const place = context.folder();
		const ours = await storedByCollector(place, history);
		context.remove(place);
		const victoria = await victoriaBytes(context, history);
		const prometheus = await prometheusBytes(context, history);
		context.say(
			`${name}: ours ${ours.diskBytes}, VictoriaMetrics ${victoria}, Prometheus ${prometheus} bytes`,
		);
		const round = (anchor: number | undefined) => [
			{ ours: ours.diskBytes / samples, ...(anchor === undefined ? {} : { anchor: anchor / samples }) },
		];
		figures.push(
			figure({
				name: `disk, ${name}, vs VictoriaMetrics`,
				unit: "B/sample",
				rounds: round(victoria),
				target: { goal, floor, of: "ours", better: "less" },
			}),
			figure({ name: `disk, ${name}, vs Prometheus`, unit: "B/sample", rounds: round(prometheus) }),
			figure({
				name: `disk, ${name}, files of chunks only`,
				unit: "B/sample",
				rounds: [{ ours: ours.chunkFileBytes / samples }],
			}),
		);
	}
	return figures;
}

async function victoriaBytes(context: Context, history: History): Promise<number | undefined> {
	if (context.victoriaMetrics === undefined) return undefined;
	const victoria = await startVictoriaMetrics(context.folder());
	await fillVictoriaMetrics(victoria, history);
	await victoria.merge();
	const bytes = victoria.diskBytes();
	await victoria.stop();
	return bytes;
}

async function prometheusBytes(context: Context, history: History): Promise<number | undefined> {
	if (context.prometheus === undefined) return undefined;
	const prometheus = await startPrometheusForWriting(context.folder());
	await fillPrometheus(prometheus, history);
	const bytes = await prometheus.snapshotBytes();
	await prometheus.stop();
	return bytes;
}
