/**
 * The rollup job: closed minutes as they were gathered, late minutes made anew from the readings, and
 * the five-minute rows above both.
 */
import { MILLISECONDS_PER_SECOND, SECONDS_PER_MINUTE } from "../../shared/units.js";
import { INTERVAL_MILLISECONDS, intervalSums, longestHoldMilliseconds } from "../derive/intervals.js";
import type { PowerOptions } from "../derive/power.js";
import type { Columns, DeviceState, IntervalSums } from "../store/device-state.js";
import type { Store } from "../store/store.js";

const MINUTE = SECONDS_PER_MINUTE * MILLISECONDS_PER_SECOND;
/** A minute is closed when a value of the slowest usual rhythm can no longer be held into it. */
const CLOSED_AFTER = 45 * MILLISECONDS_PER_SECOND;
/** Leaves the worker's time to commits and questions, and ends before the job is due again. */
const REBUILD_AT_MOST = 20 * MILLISECONDS_PER_SECOND;
const SPAN_GAP = 10 * MINUTE;
const SPAN_MOST = 6 * 60 * MINUTE;
const POLL_OK = 0;

export type RollupOptions = {
	readonly store: Store;
	readonly now: () => number;
	readonly power: PowerOptions;
};

export async function rollUp({ store, now, power }: RollupOptions): Promise<void> {
	const end = Math.floor((now() - CLOSED_AFTER) / MINUTE) * MINUTE;
	await store.rollUpMinutes(end);
	const rebuilt = await rebuildLate({ store, now, power });
	const latest = Math.floor(end / INTERVAL_MILLISECONDS) * INTERVAL_MILLISECONDS;
	for (const from of new Set([latest - INTERVAL_MILLISECONDS, latest, ...rebuilt])) {
		await store.rollUpFiveMinutes(from, from + INTERVAL_MILLISECONDS);
	}
}

/**
 * Makes late minutes anew from the readings, one device after another, for a bounded time: a backlog of
 * days takes several runs. What is not done stays late.
 *
 * @returns the five-minute intervals that hold a rebuilt minute
 */
async function rebuildLate({ store, power, now }: RollupOptions): Promise<ReadonlySet<number>> {
	const intervals = new Set<number>();
	const late = store.takeLateMinutes();
	if (late.size === 0) return intervals;
	const until = now() + REBUILD_AT_MOST;
	try {
		// Chunks are found by device; the inbox would be read from end to end for each of them.
		await store.seal();
		for (const [number, minutes] of late) {
			if (now() > until) break;
			const device = store.deviceByNumber(number);
			for (const [from, to] of device === undefined ? [] : spansOf(minutes)) {
				const rows = device === undefined ? [] : await minuteSums(store, device, { from, to }, power);
				const wanted = rows.filter((row) => minutes.has(row.from));
				await store.putIntervals(SECONDS_PER_MINUTE, wanted);
			}
			store.lateMinutesRebuilt(number);
			for (const minute of minutes)
				intervals.add(Math.floor(minute / INTERVAL_MILLISECONDS) * INTERVAL_MILLISECONDS);
		}
	} finally {
		store.returnLateMinutes();
	}
	return intervals;
}

/** Minutes in spans: those that lie near each other are read together. */
function spansOf(minutes: ReadonlySet<number>): readonly (readonly [from: number, to: number])[] {
	const spans: [number, number][] = [];
	for (const minute of [...minutes].sort((a, b) => a - b)) {
		const last = spans.at(-1);
		const isNear = last !== undefined && minute - last[1] < SPAN_GAP && minute - last[0] < SPAN_MOST;
		if (isNear) last[1] = minute + MINUTE;
		else spans.push([minute, minute + MINUTE]);
	}
	return spans;
}

async function minuteSums(
	store: Store,
	device: DeviceState,
	span: { readonly from: number; readonly to: number },
	power: PowerOptions,
): Promise<readonly IntervalSums[]> {
	const pieces: Columns[] = [];
	const failedAt: number[] = [];
	const from = span.from - longestHoldMilliseconds(device.description.pollIntervalSeconds);
	const query = { deviceNumber: device.number, from, to: span.to } as Parameters<Store["select"]>[0];
	for await (const piece of store.select(query)) {
		const { readings, failed } = apart(piece);
		pieces.push(readings);
		failedAt.push(...failed);
	}
	return intervalSums(device, pieces, { ...span, intervalMilliseconds: MINUTE, failedAt }, power);
}

/** Readings and failed polls share a run; only readings hold a value. */
function apart(piece: Columns): { readings: Columns; failed: readonly number[] } {
	const place = piece.columns.findIndex(
		({ measurement: name, component }) => name === "pollResult" && component === undefined,
	);
	const results = piece.values[place];
	if (results === undefined) return { readings: piece, failed: [] };
	const kept: number[] = [];
	const failed: number[] = [];
	for (const [row, result] of results.entries()) {
		if (result === POLL_OK) kept.push(row);
		else failed.push(piece.times[row] ?? 0);
	}
	if (failed.length === 0) return { readings: piece, failed };
	const pick = (column: Float64Array) => Float64Array.from(kept, (row) => column[row] ?? Number.NaN);
	return {
		readings: { columns: piece.columns, times: pick(piece.times), values: piece.values.map(pick) },
		failed,
	};
}
