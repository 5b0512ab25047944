/**
 * Energy and work by integration over real time stamps: step-hold, capped at three poll intervals.
 *
 * Takes one device's readings in order of time; keeps the running totals and thirty ten-second slots
 * of the trailing five minutes. Reads no clock, stores nothing.
 *
 * Watts and hashrate may each be absent for a while. So every sum keeps the seconds it rests on, and
 * J/TH is made only from the time in which both were known.
 */
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";

export const HOLD_AT_MOST_INTERVALS = 3;
export const TRAILING_SECONDS = 300;
const SLOT_MILLISECONDS = 10_000;
const SLOTS = (TRAILING_SECONDS * MILLISECONDS_PER_SECOND) / SLOT_MILLISECONDS;

/**
 * [slot number, joules, terahashes, joules while work was known, seconds, terahashes while power was
 * known, seconds with power, seconds with work]
 */
export type MeterSlot = [number, number, number, number, number, number, number, number];

/** Plain data, so that a snapshot can hold it. */
export type EnergyMeter = {
	joulesTotal: number;
	terahashesTotal: number;
	/** The reading that is being held: absent before the first. */
	held?: { at: number; watts?: number; terahashesPerSecond?: number };
	slots: MeterSlot[];
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
	/** The partner of joulesWithWork in J/TH. */
	readonly terahashesWithPower: number;
	readonly secondsWithPower: number;
	readonly secondsWithWork: number;
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
	const to = Math.min(
		until,
		held.at + HOLD_AT_MOST_INTERVALS * pollIntervalSeconds * MILLISECONDS_PER_SECOND,
	);
	return { from: held.at, to, ...sumsOver(held, Math.max(0, to - held.at) / MILLISECONDS_PER_SECOND) };
}

/** The sums of one reading that holds for `seconds`. */
export function sumsOver(
	{ watts, terahashesPerSecond }: Pick<MeterReading, "watts" | "terahashesPerSecond">,
	seconds: number,
): TrailingSums {
	const hasPower = watts !== undefined;
	const hasWork = terahashesPerSecond !== undefined;
	const joules = (watts ?? 0) * seconds;
	const terahashes = (terahashesPerSecond ?? 0) * seconds;
	return {
		seconds,
		joules,
		terahashes,
		joulesWithWork: hasWork ? joules : 0,
		terahashesWithPower: hasPower ? terahashes : 0,
		secondsWithPower: hasPower ? seconds : 0,
		secondsWithWork: hasWork ? seconds : 0,
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
	const newest = Math.floor(now / SLOT_MILLISECONDS);
	let joules = 0;
	let terahashes = 0;
	let joulesWithWork = 0;
	let seconds = 0;
	let terahashesWithPower = 0;
	let secondsWithPower = 0;
	let secondsWithWork = 0;
	for (const slot of meter.slots) {
		if (slot[0] <= newest - SLOTS) continue;
		joules += slot[1];
		terahashes += slot[2];
		joulesWithWork += slot[3];
		seconds += slot[4];
		terahashesWithPower += slot[5];
		secondsWithPower += slot[6];
		secondsWithWork += slot[7];
	}
	if (seconds <= 0) return undefined;
	return {
		joules,
		terahashes,
		joulesWithWork,
		seconds,
		terahashesWithPower,
		secondsWithPower,
		secondsWithWork,
	};
}

function addToSlot(meter: EnergyMeter, at: number, sums: TrailingSums): void {
	const number = Math.floor(at / SLOT_MILLISECONDS);
	const last = meter.slots.at(-1);
	if (last?.[0] === number) {
		last[1] += sums.joules;
		last[2] += sums.terahashes;
		last[3] += sums.joulesWithWork;
		last[4] += sums.seconds;
		last[5] += sums.terahashesWithPower;
		last[6] += sums.secondsWithPower;
		last[7] += sums.secondsWithWork;
		return;
	}
	meter.slots.push([
		number,
		sums.joules,
		sums.terahashes,
		sums.joulesWithWork,
		sums.seconds,
		sums.terahashesWithPower,
		sums.secondsWithPower,
		sums.secondsWithWork,
	]);
	while (meter.slots.length > SLOTS) meter.slots.shift();
}
