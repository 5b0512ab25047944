/**
 * Looks at a collector's /metrics several times a second and keeps what must never be seen: an old value
 * in a gauge, a reading's time that goes back, a counter that falls. A collector that does not answer is
 * looked at again; it may be restarting.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Sample, samplesOf } from "./samples.js";

const LOOK_EVERY_MILLISECONDS = 250;
/** A rendering is up to a second old, and the agent's clock is known to a fraction of a second. */
const SLACK_SECONDS = 2;
const LAST_READING = "fleetwatt_device_last_reading_timestamp_seconds";
/** What stands on beside gauges while nothing new is known; the intent is the operator's word, no reading. */
const STAYS = /_total$|_info$|_up$|_intent$|_timestamp_seconds$/;

export type Watched = {
	/** Times it answered. */
	readonly looks: number;
	readonly complaints: readonly string[];
	/** Of each device, in the order seen. */
	readonly readingTimes: ReadonlyMap<string, readonly number[]>;
};

export type MetricsWatch = { stop(): Promise<Watched> };

/** @param holdSeconds three intervals: how long a reading may stand as a gauge */
export function watchMetrics(read: () => Promise<string>, holdSeconds: number): MetricsWatch {
	let isStopped = false;
	let looks = 0;
	const complaints = new Set<string>();
	const readingTimes = new Map<string, number[]>();
	const counters = new Map<string, number>();

	const look = (askedAt: number, samples: readonly Sample[]) => {
		const times = new Map<string, number>();
		for (const { name, labels, value } of samples)
			if (name === LAST_READING) times.set(labels["device"] ?? "", value);
		for (const [device, at] of times) {
			const seen = readingTimes.get(device) ?? [];
			const before = seen.at(-1) ?? 0;
			if (at < before) complaints.add(`${device}: the newest reading went back from ${before} to ${at}`);
			if (at !== before) readingTimes.set(device, [...seen, at]);
		}
		for (const sample of samples) judge(askedAt, sample, times);
	};
	const judge = (askedAt: number, { name, labels, value }: Sample, times: ReadonlyMap<string, number>) => {
		const { device } = labels;
		if (device === undefined || !/^fleetwatt_(device|component)_/.test(name)) return;
		if (name.endsWith("_total")) {
			const key = `${name} ${JSON.stringify(labels)}`;
			const before = counters.get(key) ?? 0;
			if (value < before) complaints.add(`${key} fell from ${before} to ${value}`);
			counters.set(key, value);
		} else if (!STAYS.test(name) && labels["rack"] !== "") {
			// The agent, which stands in no rack, reports itself in an interval of its own.
			const age = askedAt - (times.get(device) ?? 0);
			if (age > holdSeconds + SLACK_SECONDS)
				complaints.add(`${device}: ${name} shows a reading of ${age.toFixed(1)} s ago`);
		}
	};
	const run = async () => {
		while (!isStopped) {
			const askedAt = Date.now() / 1_000;
			const text = await read().catch(() => undefined);
			if (text !== undefined) {
				looks += 1;
				look(askedAt, samplesOf(text));
			}
			await sleep(LOOK_EVERY_MILLISECONDS);
		}
	};
	const running = run();
	return {
		async stop() {
			isStopped = true;
			await running;
			return { looks, complaints: [...complaints], readingTimes };
		},
	};
}
