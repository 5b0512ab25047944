/**
 * Saturated ingest: processor seconds a million samples, ours acknowledged after fsync, against what
 * VictoriaMetrics and Prometheus take for the same readings; bytes written and bytes on the wire beside it.
 *
 * Fresh processes and folders each time, in turn: the order moves by one from round to round. "Settled"
 * is ours until the running collector has sealed every hour that is over and has ended, VictoriaMetrics' until its
 * flush and the merging that it does by itself, Prometheus' until it is quiet. The anchors' ratios are made from settled
 * of both. The history is of three hours and three minutes' end, so that what an hour in the making and the end itself
 * cost weigh as little as in life; sealing those minutes in a cold process is a line of its own.
 */
import type { Context } from "../context.js";
import { type Figure, figure, type Pair, type Target } from "../figure.js";
import {
	type Filled,
	fillPrometheus,
	fillVictoriaMetrics,
	importNative,
	justAfterAnHour,
	nativeBlocks,
	type StoredHistory,
	storedByCollector,
} from "../fill.js";
import { startPrometheusForWriting } from "../prometheus.js";
import { startVictoriaMetrics } from "../victoria-metrics.js";
import { diskFigures, JITTERED } from "./size.js";

const MILLION = 1e6;

export async function measureIngest(context: Context): Promise<readonly Figure[]> {
	const { devices, steps, folder, remove, say } = context;
	const history = { devices, steps, endsAt: justAfterAnHour() };
	const blocks = context.victoriaMetrics === undefined ? [] : await nativeBlocks(folder(), history);
	const ours: StoredHistory[] = [];
	const line: Filled[] = [];
	const native: Filled[] = [];
	const remote: Filled[] = [];
	const sizes: { victoria?: number; prometheus?: number } = {};
	const isLast = ({ length }: readonly Filled[]) => length === context.rounds && context.isAsked("size");
	const runs: (() => Promise<void>)[] = [
		async () => {
			const place = folder();
			ours.push(await storedByCollector(place, history));
			remove(place);
			say(`ours ${perMillion(ours.at(-1))} CPU-s/M`);
		},
	];
	if (context.victoriaMetrics !== undefined) {
		runs.push(async () => {
			const victoria = await startVictoriaMetrics(folder());
			line.push(await fillVictoriaMetrics(victoria, history));
			if (isLast(line)) {
				await victoria.merge();
				sizes.victoria = victoria.diskBytes();
			}
			await victoria.stop();
			say(`VictoriaMetrics, lines ${perMillion(line.at(-1))} CPU-s/M`);
		});
		runs.push(async () => {
			const victoria = await startVictoriaMetrics(folder());
			native.push(await importNative(victoria, history, blocks));
			await victoria.stop();
			say(`VictoriaMetrics, native ${perMillion(native.at(-1))} CPU-s/M`);
		});
	}
	if (context.prometheus !== undefined) {
		runs.push(async () => {
			const prometheus = await startPrometheusForWriting(folder());
			remote.push(await fillPrometheus(prometheus, history));
			if (isLast(remote)) sizes.prometheus = await prometheus.snapshotBytes();
			await prometheus.stop();
			say(`Prometheus ${perMillion(remote.at(-1))} CPU-s/M`);
		});
	}
	for (let round = 0; round < context.rounds; round += 1) {
		for (let turn = 0; turn < runs.length; turn += 1) await runs[(round + turn) % runs.length]?.();
	}
	const last = ours.at(-1);
	const { victoria, prometheus } = sizes;
	const isSized = context.isAsked("size") && last !== undefined;
	return [
		...(isSized ? diskFigures(JITTERED, { ours: last, victoria, prometheus }) : []),
		against("ingest, vs VictoriaMetrics lines", ours, line, { goal: 12, floor: 8 }),
		against("ingest, vs Prometheus remote write", ours, remote, { goal: 40, floor: 25 }),
		against("ingest, vs VictoriaMetrics native", ours, native, { goal: 6, floor: 4 }),
		...parts(ours, { line, remote }),
		...bytes(ours, line, remote),
	];
}

function perMillion(filled: Filled | undefined): string {
	if (filled === undefined) return "?";
	return ((filled.settledCpuSeconds / filled.samples) * MILLION).toFixed(3);
}

function settled({ settledCpuSeconds, samples }: Filled): number {
	return (settledCpuSeconds / samples) * MILLION;
}

function against(
	name: string,
	ours: readonly Filled[],
	anchors: readonly Filled[],
	{ goal, floor }: { readonly goal: number; readonly floor: number },
): Figure {
	const target: Target = { goal, floor, of: "anchor / ours", better: "more" };
	const rounds = ours.map((one, round) => pair(one, anchors[round], settled));
	return figure({ name, unit: "CPU-s/M settled", rounds, target });
}

function pair(ours: Filled, anchor: Filled | undefined, read: (filled: Filled) => number): Pair {
	return { ours: read(ours), ...(anchor === undefined ? {} : { anchor: read(anchor) }) };
}

/** Where the processor time goes, without a target of its own. */
function parts(
	ours: readonly StoredHistory[],
	{ line, remote }: { readonly line: readonly Filled[]; readonly remote: readonly Filled[] },
): readonly Figure[] {
	const live = ({ liveCpuSeconds, samples }: Filled) => (liveCpuSeconds / samples) * MILLION;
	return [
		figure({
			name: "ingest, until the last answer, vs lines",
			unit: "CPU-s/M live",
			rounds: ours.map((one, round) => pair(one, line[round], live)),
		}),
		figure({
			name: "ingest, until the last answer, vs remote write",
			unit: "CPU-s/M live",
			rounds: ours.map((one, round) => pair(one, remote[round], live)),
		}),
		figure({
			name: "ingest, sealing the rest of it",
			unit: "CPU-s/M",
			rounds: ours.map(({ mergeCpuSeconds, samples }) => ({ ours: (mergeCpuSeconds / samples) * MILLION })),
			note: "beside it: the last minutes, after the end, in a cold process of its own",
		}),
		figure({
			name: "ingest, most resident memory, vs lines",
			unit: "MB",
			rounds: ours.map((one, round) => pair(one, line[round], ({ peakMegabytes }) => peakMegabytes)),
		}),
	];
}

function bytes(
	ours: readonly Filled[],
	line: readonly Filled[],
	remote: readonly Filled[],
): readonly Figure[] {
	const written = ({ writtenBytes, samples }: Filled) => writtenBytes / samples;
	const wire = ({ wireBytes, samples }: Filled) => wireBytes / samples;
	return [
		figure({
			name: "written to disk, vs VictoriaMetrics lines",
			unit: "B/sample",
			rounds: ours.map((one, round) => pair(one, line[round], written)),
			target: { goal: 2.5, floor: 4, of: "ours", better: "less" },
			note: "ours without the merging after its end",
		}),
		figure({
			name: "written to disk, vs Prometheus",
			unit: "B/sample",
			rounds: ours.map((one, round) => pair(one, remote[round], written)),
		}),
		figure({
			name: "wire, vs Influx lines",
			unit: "B/sample",
			rounds: ours.map((one, round) => pair(one, line[round], wire)),
			target: { goal: 2, floor: 2.5, of: "ours", better: "less" },
		}),
	];
}
