/**
 * Energy and work by integration over real time stamps: step-hold, capped at three poll intervals.
 *
 * Takes one device's readings in order of time; keeps the running totals and ten slots of half a
 * minute for the trailing five minutes. Reads no clock, stores nothing.
 *
 * Watts and hashrate may each be absent for a while. So every sum keeps the seconds it rests on, and
 * J/TH is made only from the time in which both were known.
 */
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";

export const HOLD_AT_MOST_INTERVALS = 3;
export const TRAILING_SECONDS = 300;
/** The trailing sums forget in steps of half a minute: ten slots a device are what 10,000 devices can afford. */
const SLOT_MILLISECONDS = 30_000;
const SLOTS = (TRAILING_SECONDS * MILLISECONDS_PER_SECOND) / SLOT_MILLISECONDS;

/** Places of the sums in a slot. */
const NUMBER = 0;
const JOULES = 1;
const TERAHASHES = 2;
const JOULES_WITH_WORK = 3;
const SECONDS = 4;
const TERAHASHES_WITH_POWER = 5;
const SECONDS_WITH_POWER = 6;
const SECONDS_WITH_WORK = 7;
const SLOT_FIELDS = 8;

/** Plain data, so that a snapshot can hold it. */
export type EnergyMeter = {
	joulesTotal: number;
	terahashesTotal: number;
	/** The reading that is being held, changed in place: Unix ms, NaN before the first; NaN for what it does not say. */
	heldAt: number;
	heldWatts: number;
	heldTerahashesPerSecond: number;
	/** A ring of SLOTS slots, SLOT_FIELDS numbers each: the slot's number and its sums. */
	slots: Float64Array;
};

/** As stores of before have it. */
export type StoredMeter = Pick<EnergyMeter, "joulesTotal" | "terahashesTotal" | "slots"> &
	Partial<EnergyMeter> & { readonly held?: MeterReading };

export type MeterReading = {
	/** Unix ms. */
	readonly at: number;
	readonly watts?: number | undefined;
	readonly terahashesPerSecond?: number | undefined;
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
	return meterOf({ joulesTotal: 0, terahashesTotal: 0, slots: new Float64Array(SLOTS * SLOT_FIELDS) });
}

/** One that goes on where a stored one was. All are made here, alike, since every reading goes through one. */
export function meterOf({ joulesTotal, terahashesTotal, held, slots, ...now }: StoredMeter): EnergyMeter {
	return {
		joulesTotal,
		terahashesTotal,
		heldAt: now.heldAt ?? held?.at ?? Number.NaN,
		heldWatts: now.heldWatts ?? held?.watts ?? Number.NaN,
		heldTerahashesPerSecond: now.heldTerahashesPerSecond ?? held?.terahashesPerSecond ?? Number.NaN,
		slots,
	};
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
export function advance(
	meter: EnergyMeter,
	at: number,
	{ watts = Number.NaN, terahashesPerSecond = Number.NaN }: Omit<MeterReading, "at">,
	pollIntervalSeconds: number,
): void {
	if (at <= meter.heldAt) return;
	const longest = HOLD_AT_MOST_INTERVALS * pollIntervalSeconds * MILLISECONDS_PER_SECOND;
	if (meter.heldAt > 0) addHeld(meter, at, Math.min(at - meter.heldAt, longest) / MILLISECONDS_PER_SECOND);
	meter.heldAt = at;
	meter.heldWatts = watts;
	meter.heldTerahashesPerSecond = terahashesPerSecond;
}

/** In place and without making anything: this runs for every reading of every device. */
function addHeld(meter: EnergyMeter, time: number, seconds: number): void {
	const { slots, heldWatts, heldTerahashesPerSecond } = meter;
	const number = Math.floor(time / SLOT_MILLISECONDS);
	const at = (number % SLOTS) * SLOT_FIELDS;
	if (slots[at + NUMBER] !== number) {
		for (let field = 1; field < SLOT_FIELDS; field += 1) slots[at + field] = 0;
		slots[at + NUMBER] = number;
	}
	const hasPower = !Number.isNaN(heldWatts);
	const hasWork = !Number.isNaN(heldTerahashesPerSecond);
	slots[at + SECONDS] = (slots[at + SECONDS] as number) + seconds;
	if (hasPower) {
		const joules = heldWatts * seconds;
		meter.joulesTotal += joules;
		slots[at + JOULES] = (slots[at + JOULES] as number) + joules;
		slots[at + SECONDS_WITH_POWER] = (slots[at + SECONDS_WITH_POWER] as number) + seconds;
		if (hasWork) slots[at + JOULES_WITH_WORK] = (slots[at + JOULES_WITH_WORK] as number) + joules;
	}
	if (hasWork) {
		const terahashes = heldTerahashesPerSecond * seconds;
		meter.terahashesTotal += terahashes;
		slots[at + TERAHASHES] = (slots[at + TERAHASHES] as number) + terahashes;
		slots[at + SECONDS_WITH_WORK] = (slots[at + SECONDS_WITH_WORK] as number) + seconds;
		if (hasPower)
			slots[at + TERAHASHES_WITH_POWER] = (slots[at + TERAHASHES_WITH_POWER] as number) + terahashes;
	}
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
	const { slots } = meter;
	for (let at = 0; at < slots.length; at += SLOT_FIELDS) {
		if ((slots[at + NUMBER] ?? 0) <= newest - SLOTS) continue;
		joules += slots[at + JOULES] ?? 0;
		terahashes += slots[at + TERAHASHES] ?? 0;
		joulesWithWork += slots[at + JOULES_WITH_WORK] ?? 0;
		seconds += slots[at + SECONDS] ?? 0;
		terahashesWithPower += slots[at + TERAHASHES_WITH_POWER] ?? 0;
		secondsWithPower += slots[at + SECONDS_WITH_POWER] ?? 0;
		secondsWithWork += slots[at + SECONDS_WITH_WORK] ?? 0;
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
