/**
 * One-minute sums of every device, gathered as readings arrive: the finest rollup.
 *
 * A span is split exactly at minutes. A minute is handed over once, when it closes; what comes for it
 * later is late data, and its caller marks the minute for a rebuild from the readings. Sums only:
 * ratios are made by whoever asks.
 */
import { MILLISECONDS_PER_SECOND, quantity, type UnixMilliseconds } from "../../shared/units.js";
import type { IntervalSums } from "./device-state.js";

export const MINUTE_MILLISECONDS = 60_000;

/** What one second of a span adds. */
export type PerSecond = {
	readonly watts?: number;
	readonly terahashesPerSecond?: number;
	readonly gpus?: number;
	readonly isUp?: boolean;
};

const JOULES = 0;
const TERAHASHES = 1;
const JOULES_WITH_WORK = 2;
const SECONDS_UP = 3;
const SECONDS_DOWN = 4;
const GPU_SECONDS = 5;
const TERAHASHES_WITH_POWER = 6;
const SUMS = 7;

export type StoredMinutes = {
	readonly handedOverUntil: number;
	readonly minutes: readonly (readonly [number, readonly (readonly [number, Float64Array])[]])[];
};

export class MinuteSums {
	private readonly minutes = new Map<number, Map<number, Float64Array>>();
	private handedOverUntil = 0;

	/** @returns minutes of the span that are handed over already: they need a rebuild */
	add(device: number, from: number, to: number, perSecond: PerSecond): readonly number[] {
		const late: number[] = [];
		for (let at = from; at < to; ) {
			const minute = Math.floor(at / MINUTE_MILLISECONDS) * MINUTE_MILLISECONDS;
			const until = Math.min(to, minute + MINUTE_MILLISECONDS);
			if (minute < this.handedOverUntil) late.push(minute);
			else addTo(this.rowOf(minute, device), (until - at) / MILLISECONDS_PER_SECOND, perSecond);
			at = until;
		}
		return late;
	}

	isHandedOver(at: number): boolean {
		return at < this.handedOverUntil;
	}

	/** The rows of all minutes that end at or before `end`, in order of time. */
	handOver(end: number): readonly IntervalSums[] {
		const until = Math.floor(end / MINUTE_MILLISECONDS) * MINUTE_MILLISECONDS;
		if (until <= this.handedOverUntil) return [];
		this.handedOverUntil = until;
		const closed = [...this.minutes].filter(([minute]) => minute < until).sort(([a], [b]) => a - b);
		for (const [minute] of closed) this.minutes.delete(minute);
		return closed.flatMap(([minute, rows]) =>
			[...rows].map(([device, sums]) => intervalOf(device, minute, sums)),
		);
	}

	stored(): StoredMinutes {
		return {
			handedOverUntil: this.handedOverUntil,
			minutes: [...this.minutes].map(([minute, rows]) => [minute, [...rows]] as const),
		};
	}

	restore({ handedOverUntil, minutes }: StoredMinutes): void {
		this.handedOverUntil = handedOverUntil;
		for (const [minute, rows] of minutes) this.minutes.set(minute, new Map(rows));
	}

	private rowOf(minute: number, device: number): Float64Array {
		const rows = this.minutes.get(minute) ?? new Map<number, Float64Array>();
		this.minutes.set(minute, rows);
		const row = rows.get(device) ?? new Float64Array(SUMS);
		rows.set(device, row);
		return row;
	}
}

function addTo(
	row: Float64Array,
	seconds: number,
	{ watts, terahashesPerSecond, gpus, isUp }: PerSecond,
): void {
	const joules = (watts ?? 0) * seconds;
	row[JOULES] = (row[JOULES] ?? 0) + joules;
	const terahashes = (terahashesPerSecond ?? 0) * seconds;
	row[TERAHASHES] = (row[TERAHASHES] ?? 0) + terahashes;
	if (watts !== undefined && terahashesPerSecond !== undefined) {
		row[JOULES_WITH_WORK] = (row[JOULES_WITH_WORK] ?? 0) + joules;
		row[TERAHASHES_WITH_POWER] = (row[TERAHASHES_WITH_POWER] ?? 0) + terahashes;
	}
	row[GPU_SECONDS] = (row[GPU_SECONDS] ?? 0) + (gpus ?? 0) * seconds;
	if (isUp === true) row[SECONDS_UP] = (row[SECONDS_UP] ?? 0) + seconds;
	if (isUp === false) row[SECONDS_DOWN] = (row[SECONDS_DOWN] ?? 0) + seconds;
}

function intervalOf(deviceNumber: number, from: number, sums: Float64Array): IntervalSums {
	return {
		deviceNumber,
		from: quantity<UnixMilliseconds>(from),
		joules: sums[JOULES] ?? 0,
		terahashes: sums[TERAHASHES] ?? 0,
		joulesWithWork: sums[JOULES_WITH_WORK] ?? 0,
		terahashesWithPower: sums[TERAHASHES_WITH_POWER] ?? 0,
		secondsUp: sums[SECONDS_UP] ?? 0,
		secondsDown: sums[SECONDS_DOWN] ?? 0,
		gpuSeconds: sums[GPU_SECONDS] ?? 0,
	};
}
