/**
 * Energy and work by integration over real time stamps: step-hold, capped at three poll intervals.
 *
 * Takes one device's readings in order of time; keeps the running totals and thirty ten-second slots
 * of the trailing five minutes. Reads no clock, stores nothing.
 */
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";

export const HOLD_AT_MOST_INTERVALS = 3;
export const TRAILING_SECONDS = 300;
const SLOT_MILLISECONDS = 10_000;
const SLOTS = (TRAILING_SECONDS * MILLISECONDS_PER_SECOND) / SLOT_MILLISECONDS;

/** Plain data, so that a snapshot can hold it. Slots: [slot number, joules, terahashes, joules while work was known, seconds]. */
export type EnergyMeter = {
	joulesTotal: number;
	terahashesTotal: number;
	/** The reading that is being held: absent before the first. */
	held?: { at: number; watts?: number; terahashesPerSecond?: number };
	slots: [number, number, number, number, number][];
};

export type MeterReading = {
	/** Unix ms. */
	readonly at: number;
	readonly watts?: number;
	readonly terahashesPerSecond?: number;
};

export type TrailingSums = {
	readonly joules: number;
	readonly terahashes: number;
	readonly joulesWithWork: number;
	readonly seconds: number;
};

export function createMeter(): EnergyMeter {
	return { joulesTotal: 0, terahashesTotal: 0, slots: [] };
}

/** The sums of holding one reading until `until`, at most three intervals; none for time that does not advance. */
export function hold(
	held: MeterReading,
	until: number,
	pollIntervalSeconds: number,
): TrailingSums & { readonly from: number; readonly to: number } {
	const to = Math.min(until, held.at + HOLD_AT_MOST_INTERVALS * pollIntervalSeconds * MILLISECONDS_PER_SECOND);
	const seconds = Math.max(0, to - held.at) / MILLISECONDS_PER_SECOND;
	const joules = (held.watts ?? 0) * seconds;
	const hasWork = held.terahashesPerSecond !== undefined && held.watts !== undefined;
	return {
		from: held.at,
		to,
		seconds,
		joules,
		terahashes: (held.terahashesPerSecond ?? 0) * seconds,
		joulesWithWork: hasWork ? joules : 0,
	};
}

/** Adds the time since the reading before. A reading that is older than the one held changes nothing: late data corrects rollups, not counters. */
export function advance(meter: EnergyMeter, reading: MeterReading, pollIntervalSeconds: number): void {
	const { held } = meter;
	if (held !== undefined) {
		if (reading.at <= held.at) return;
		const sums = hold(held, reading.at, pollIntervalSeconds);
		meter.joulesTotal += sums.joules;
		meter.terahashesTotal += sums.terahashes;
		addToSlot(meter, reading.at, sums);
	}
	meter.held = { ...reading };
}

/** The sums of the last five minutes before `now`; undefined where nothing was measured. */
export function trailing(meter: EnergyMeter, now: number): TrailingSums | undefined {
	const oldest = Math.floor(now / SLOT_MILLISECONDS) - SLOTS;
	let joules = 0;
	let terahashes = 0;
	let joulesWithWork = 0;
	let seconds = 0;
	for (const [slot, j, t, w, s] of meter.slots) {
		if (slot <= oldest) continue;
		joules += j;
		terahashes += t;
		joulesWithWork += w;
		seconds += s;
	}
	return seconds > 0 ? { joules, terahashes, joulesWithWork, seconds } : undefined;
}

function addToSlot(meter: EnergyMeter, at: number, sums: TrailingSums): void {
	const slot = Math.floor(at / SLOT_MILLISECONDS);
	const last = meter.slots.at(-1);
	if (last !== undefined && last[0] === slot) {
		last[1] += sums.joules;
		last[2] += sums.terahashes;
		last[3] += sums.joulesWithWork;
		last[4] += sums.seconds;
		return;
	}
	meter.slots.push([slot, sums.joules, sums.terahashes, sums.joulesWithWork, sums.seconds]);
	while (meter.slots.length > SLOTS) meter.slots.shift();
}
