/** Whether cost is linear in samples: the same number of them from 1,000, 10,000 and 100,000 devices. Ours only. */
import type { Context } from "../context.js";
import { type Figure, figure } from "../figure.js";
import { samplesOf, storedByCollector } from "../fill.js";

const DEVICES = [1_000, 10_000, 100_000] as const;
const STEPS_LEAST = 2;
const MILLION = 1e6;

export async function measureGrowth(context: Context): Promise<readonly Figure[]> {
	const figures: Figure[] = [];
	for (const devices of DEVICES) {
		const steps = Math.max(STEPS_LEAST, Math.round((context.devices * context.steps) / devices));
		const folder = context.folder();
		const stored = await storedByCollector(folder, { devices, steps });
		context.remove(folder);
		const millions = samplesOf({ devices, steps }) / MILLION;
		const note = `${devices} devices × ${steps}`;
		const one = (name: string, unit: string, ours: number) =>
			figure({ name: `${name}, ${devices} devices`, unit, rounds: [{ ours }], note });
		figures.push(
			one("growth, live", "CPU-s/M", stored.liveCpuSeconds / millions),
			one("growth, settled", "CPU-s/M", (stored.settledCpuSeconds + stored.mergeCpuSeconds) / millions),
			one("growth, most resident memory", "MB", stored.peakMegabytes),
		);
		context.say(note);
	}
	return figures;
}
