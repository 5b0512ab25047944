/**
 * A day of one series over HTTP, 8,640 native points: ours from its stored chunks after a restart, beside
 * VictoriaMetrics' raw samples of the same day. Requests go from device to device, so that none is cached.
 */
import type { DevicesAnswer, SeriesAnswer } from "../../../collector/expose/answers.js";
import { startCollector } from "../collector-under-test.js";
import type { Context } from "../context.js";
import { type Figure, figure, type Pair } from "../figure.js";
import { fillByHttp, fillCollector, influxTarget } from "../fill.js";
import { ask, connection, timed } from "../http.js";
import { startVictoriaMetrics } from "../victoria-metrics.js";
import { labelsOf, STEP_SECONDS } from "../workload.js";

const DEVICES = 12;
const DAY_SECONDS = 86_400;
const STEPS = DAY_SECONDS / STEP_SECONDS;
/** Of a quick run. */
const SHARE_STEPS = 24;

export async function measureSeries(context: Context): Promise<readonly Figure[]> {
	const isWhole = context.steps >= STEPS / SHARE_STEPS;
	const history = { devices: DEVICES, steps: isWhole ? STEPS : context.steps };
	const folder = context.folder();
	const filled = await fillCollector(await startCollector(folder), history);
	for (const agent of filled.agents) agent.close();
	await filled.collector.stop();
	const collector = await startCollector(folder);
	const victoria =
		context.victoriaMetrics === undefined ? undefined : await startVictoriaMetrics(context.folder());
	if (victoria !== undefined) {
		await fillByHttp(influxTarget(victoria), history);
		await victoria.flush();
	}
	const { devices } = JSON.parse(
		(await ask(`${collector.url}/api/v1/devices`)).toString("utf8"),
	) as DevicesAnswer;
	const from = filled.workload.firstAt - STEP_SECONDS * 1_000;
	const to = from + (history.steps + 2) * STEP_SECONDS * 1_000;
	const agents = [connection(), connection()] as const;
	const rounds: Pair[] = [];
	let points = 0;
	for (const [index, { device }] of devices.entries()) {
		const words = `device=${encodeURIComponent(device)}&measurement=hashrateTerahashesPerSecond&from=${from}&to=${to}`;
		const ours = await timed(`${collector.url}/api/v1/series?${words}`, agents[0]);
		const answer = JSON.parse(ours.body.toString("utf8")) as SeriesAnswer;
		points = answer.series[0]?.times.length ?? 0;
		const query = `miner_hashrate_ths{device="${labelsOf(index % DEVICES).device}"}[25h]`;
		const theirs =
			victoria === undefined
				? undefined
				: await timed(`${victoria.url}/api/v1/query?${new URLSearchParams({ query })}`, agents[1]);
		rounds.push({
			ours: ours.milliseconds,
			...(theirs === undefined ? {} : { anchor: theirs.milliseconds }),
		});
	}
	for (const agent of agents) agent.destroy();
	await victoria?.stop();
	await collector.kill();
	context.remove(folder);
	return [
		figure({
			name: "one series of a day over HTTP",
			unit: "ms",
			rounds: rounds.slice(1),
			anchorName: "VictoriaMetrics",
			target: { goal: 3, floor: 8, of: "ours", better: "less" },
			note: `${points} points of ${history.steps} polls`,
		}),
	];
}
