/** Replay: how many stored samples a second of processor time decodes, in one process, from merged chunks. */
import type { Context } from "../context.js";
import { type Figure, figure, type Pair } from "../figure.js";
import { samplesOf, storedByCollector, workOn } from "../fill.js";
import { STEP_SECONDS } from "../workload.js";

const MILLION = 1e6;
const SECONDS_PER_HOUR = 3_600;

export async function measureScan(context: Context): Promise<readonly Figure[]> {
	const history = { devices: context.devices, steps: context.steps };
	const folder = context.folder();
	const { dataFolder } = await storedByCollector(folder, history);
	const hours = Math.ceil((history.steps * STEP_SECONDS) / SECONDS_PER_HOUR) + 1;
	const rounds: Pair[] = [];
	let found = 0;
	let first = 0;
	for (let round = 0; round < context.rounds; round += 1) {
		const [cold, warm] = await workOn(dataFolder, "scan", String(hours));
		if (cold === undefined || warm === undefined) throw new Error("A scan has two passes.");
		rounds.push({ ours: warm.samples / warm.cpuSeconds / MILLION });
		found = warm.samples;
		first = cold.samples / cold.cpuSeconds / MILLION;
	}
	context.remove(folder);
	return [
		figure({
			name: "replay of stored samples",
			unit: "M samples/CPU-s",
			rounds,
			target: { goal: 30, floor: 20, of: "ours", better: "more" },
			note: `${found} of ${samplesOf(history)} samples found; all threads counted; the second pass, ${first.toFixed(1)} in the first, which compiles the program too`,
		}),
	];
}
