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
const POLL_OK = 0;

export type RollupOptions = {
	readonly store: Store;
	readonly now: () => number;
	readonly power: PowerOptions;
};

export async function rollUp({ store, now, power }: RollupOptions): Promise<void> {
	const end = Math.floor((now() - CLOSED_AFTER) / MINUTE) * MINUTE;
	await store.rollUpMinutes(end);
	const rebuilt = await rebuildLate(store, power);
	const latest = Math.floor(end / INTERVAL_MILLISECONDS) * INTERVAL_MILLISECONDS;
	for (const from of new Set([latest - INTERVAL_MILLISECONDS, latest, ...rebuilt])) {
		await store.rollUpFiveMinutes(from, from + INTERVAL_MILLISECONDS);
	}
}

/** @returns the five-minute intervals that hold a rebuilt minute */
async function rebuildLate(store: Store, power: PowerOptions): Promise<ReadonlySet<number>> {
	const late = store.takeLateMinutes();
	const intervals = new Set<number>();
	try {
		for (const [minute, devices] of late) {
			const rows: IntervalSums[] = [];
			for (const number of devices) {
				const device = store.deviceByNumber(number);
				if (device !== undefined) rows.push(...(await minuteSums(store, device, minute, power)));
			}
			await store.putIntervals(SECONDS_PER_MINUTE, rows);
			intervals.add(Math.floor(minute / INTERVAL_MILLISECONDS) * INTERVAL_MILLISECONDS);
		}
	} catch (error) {
		store.returnLateMinutes(late);
		throw error;
	}
	return intervals;
}

async function minuteSums(store: Store, device: DeviceState, minute: number, power: PowerOptions) {
	const pieces: Columns[] = [];
	const failedAt: number[] = [];
	const from = minute - longestHoldMilliseconds(device.description.pollIntervalSeconds);
	const query = { deviceNumber: device.number, from, to: minute + MINUTE } as Parameters<Store["select"]>[0];
	for await (const piece of store.select(query)) {
		const { readings, failed } = apart(piece);
		pieces.push(readings);
		failedAt.push(...failed);
	}
	return intervalSums(
		device,
		pieces,
		{ from: minute, to: minute + MINUTE, intervalMilliseconds: MINUTE, failedAt },
		power,
	);
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
