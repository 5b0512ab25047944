/** Bytes on disk a sample, all files, jittered and aligned times, once everything is sealed and merged. */
import type { Context } from "../context.js";
import { type Figure, figure } from "../figure.js";
import {
	fillPrometheus,
	fillVictoriaMetrics,
	type History,
	type StoredHistory,
	storedByCollector,
} from "../fill.js";
import { startPrometheusForWriting } from "../prometheus.js";
import { startVictoriaMetrics } from "../victoria-metrics.js";
import { JITTER_MILLISECONDS } from "../workload.js";

export type SizeCase = {
	readonly name: string;
	readonly jitterMilliseconds: number;
	readonly goal: number;
	readonly floor: number;
};
export const JITTERED: SizeCase = {
	name: "jitter 15 ms",
	jitterMilliseconds: JITTER_MILLISECONDS,
	goal: 0.43,
	floor: 0.5,
};
const ALIGNED: SizeCase = { name: "aligned", jitterMilliseconds: 0, goal: 0.4, floor: 0.45 };

export type Sizes = {
	readonly ours: StoredHistory;
	readonly victoria: number | undefined;
	readonly prometheus: number | undefined;
};

export async function measureSize(context: Context): Promise<readonly Figure[]> {
	const figures: Figure[] = [];
	// The histories of ingest are jittered: where they are measured, they are not made again.
	for (const one of context.isAsked("ingest") ? [ALIGNED] : [JITTERED, ALIGNED]) {
		const { devices, steps } = context;
		const history = { devices, steps, jitterMilliseconds: one.jitterMilliseconds };
		const place = context.folder();
		const ours = await storedByCollector(place, history);
		context.remove(place);
		const victoria = await victoriaBytes(context, history);
		const prometheus = await prometheusBytes(context, history);
		context.say(
			`${one.name}: ours ${ours.diskBytes}, VictoriaMetrics ${victoria}, Prometheus ${prometheus} bytes`,
		);
		figures.push(...diskFigures(one, { ours, victoria, prometheus }));
	}
	return figures;
}

export function diskFigures(
	{ name, goal, floor }: SizeCase,
	{ ours, victoria, prometheus }: Sizes,
): readonly Figure[] {
	const { samples } = ours;
	const round = (anchor: number | undefined) => [
		{ ours: ours.diskBytes / samples, ...(anchor === undefined ? {} : { anchor: anchor / samples }) },
	];
	return [
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
	];
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
