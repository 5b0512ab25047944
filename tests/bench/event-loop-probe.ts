/**
 * Loaded into a collector before its own program (`node --import`): how long its main thread was held up.
 *
 * The first SIGUSR2 begins, the second ends and writes the distribution between them to the file that
 * BENCH_EVENT_LOOP_FILE names, as one JSON object in seconds; the beginning writes it too, empty. While it
 * watches it wakes the thread every millisecond, so no processor time is measured meanwhile.
 */
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import process from "node:process";

const RESOLUTION_MILLISECONDS = 1;
const NANOSECONDS = 1e9;

const file = process.env["BENCH_EVENT_LOOP_FILE"];
if (file !== undefined) {
	const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MILLISECONDS });
	let isWatching = false;
	// What is seen is the time between two wakings; the resolution of it was meant.
	const seconds = (nanoseconds: number) =>
		Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MILLISECONDS / 1_000);
	process.on("SIGUSR2", () => {
		if (!isWatching) {
			delay.reset();
			delay.enable();
		} else delay.disable();
		isWatching = !isWatching;
		const p = (percent: number) => seconds(delay.percentile(percent));
		const said = { p50: p(50), p99: p(99), p999: p(99.9), most: seconds(delay.max), count: delay.count };
		writeFileSync(file, JSON.stringify(said));
	});
}
