/** Blocks that every family on the cgminer protocol shares: pools, shares, states. Pure; never throws. */
import { OPERATING_STATES, POOL_STATES } from "../../../shared/measurements.js";
import type { Reads } from "../driver.js";
import { type AnyRecord, at, firstOf, numberOf, recordsOf, textOf } from "./reading.js";

const same = (words: readonly string[]): Readonly<Record<string, string>> =>
	Object.fromEntries(words.map((word) => [word, word]));

/** For layouts that already give our own words. */
export const OUR_STATES = same(OPERATING_STATES);
export const OUR_POOL_STATES = same(POOL_STATES);

/** "Status", "status": the RPC's spelling and the web interfaces'. */
function said(pool: AnyRecord, ...names: readonly string[]): string | undefined {
	return textOf(firstOf(names.map((name) => at(pool, name))));
}

/** How many pools live, and the state of the one in use. Names, users and addresses are never looked at. */
export function poolFacts(answer: unknown): AnyRecord {
	const all = recordsOf(firstOf([at(answer, "POOLS"), at(answer, "POOL")]));
	if (all.length === 0) return {};
	const pools = all.filter((pool) => said(pool, "URL", "url", "Stratum URL") !== undefined);
	const isAlive = (pool: AnyRecord) => said(pool, "Status", "status")?.toLowerCase() === "alive";
	const marks = pools.map((pool) => said(pool, "Stratum Active", "stratum-active", "stratum_active"));
	const inUse = pools.find((_, place) => /^(?:true|1)$/i.test(marks[place] ?? ""));
	// Where no answer marks the pool in use, it is the first that lives.
	const isMarked = marks.some((mark) => mark !== undefined);
	const state = (isMarked ? inUse !== undefined && isAlive(inUse) : pools.some(isAlive)) ? "alive" : "dead";
	return { alive: pools.filter(isAlive).length, state: pools.length === 0 ? "none" : state };
}

/** Shares as the summary counts them, else summed over the pools; `poolFacts` stands under "poolFacts". */
export const shareReads = {
	sharesAccepted: [
		{ at: ["summaryRecord", "Accepted"] },
		{ at: ["pools", "POOLS", "*", "Accepted"], of: "sum" },
	],
	sharesRejected: [
		{ at: ["summaryRecord", "Rejected"] },
		{ at: ["pools", "POOLS", "*", "Rejected"], of: "sum" },
	],
	shareDifficultyAccepted: [
		{ at: ["summaryRecord", "Difficulty Accepted"] },
		{ at: ["pools", "POOLS", "*", "Difficulty Accepted"], of: "sum" },
	],
	sharesStale: [{ at: ["summaryRecord", "Stale"] }, { at: ["pools", "POOLS", "*", "Stale"], of: "sum" }],
	activePoolCount: { at: ["poolFacts", "alive"] },
	poolState: { at: ["poolFacts", "state"], words: OUR_POOL_STATES },
} as const satisfies Reads;

/** A family that writes pools in its own words. */
export type PoolWords = {
	readonly list: readonly AnyRecord[];
	readonly isAlive: (pool: AnyRecord) => boolean;
};

/** As `poolFacts`, where a pool in use is not told apart: alive when one is. */
export function plainPoolFacts({ list, isAlive }: PoolWords): AnyRecord {
	if (list.length === 0) return {};
	const alive = list.filter(isAlive).length;
	return { alive, state: alive > 0 ? "alive" : "dead" };
}

/** Sensors 1 to 8 of a part from a list. */
export function sensorReads(kind: "chipSensor" | "boardSensor", ...list: readonly string[]): Reads {
	const reads: Record<string, { readonly at: readonly (string | number)[] }> = {};
	for (let sensor = 0; sensor < SENSORS_KEPT; sensor++)
		reads[`${kind}${sensor + 1}TemperatureCelsius`] = { at: [...list, sensor] };
	return reads;
}

const SENSORS_KEPT = 8;

/** Beside sensors this warm, one at exactly 0 is none. */
const WARM_FROM_CELSIUS = 20;

export function fittedSensors(list: readonly unknown[]): readonly unknown[] {
	let isWarm = false;
	let hasNone = false;
	for (const value of list) {
		const number = numberOf(value) ?? Number.NaN;
		if (number === 0) hasNone = true;
		else if (number >= WARM_FROM_CELSIUS) isWarm = true;
	}
	return isWarm && hasNone ? list.map((value) => (numberOf(value) === 0 ? null : value)) : list;
}
