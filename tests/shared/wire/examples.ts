/** Small true records, definitions and clocks for tests of delivery: takes what matters, gives the rest. */
import type { DeviceDescription } from "../../../shared/device.js";
import {
	type DeviceDefinition,
	definitionText,
	hashOf,
	type ShapeDefinition,
} from "../../../shared/wire/definition.js";
import type { RecordOutcome, RecordTime } from "../../../shared/wire/outcome.js";
import { encodeOutcomes } from "../../../shared/wire/record.js";

export const BOOT = "0123456789abcdef".repeat(2);
export const EPOCH = "e".repeat(32);

export const HASH_AND_WATTS: ShapeDefinition = {
	kind: "shape",
	columns: [
		{ measurement: "hashrateTerahashesPerSecond", decimals: 6 },
		{ measurement: "powerWatts", decimals: 3 },
	],
};
export const SHAPE_HASH = hashOf(HASH_AND_WATTS);

export function deviceAt(endpoint: string, more: Partial<DeviceDescription> = {}): DeviceDefinition {
	return {
		kind: "device",
		device: { endpoint, kind: "miner", driver: "bitaxe", pollIntervalSeconds: 5, ...more },
	};
}

export type ExampleOutcome = {
	readonly device: DeviceDefinition;
	/** Milliseconds before the record's making. */
	readonly before?: number;
} & (
	| { readonly terahashesPerSecond: number; readonly watts: number }
	| { readonly code: string; readonly what?: string }
);

export function timeAt(wall: number): RecordTime {
	return { wall, monotonic: wall % 1e9, boot: BOOT };
}

export function exampleRecord(wall: number, outcomes: readonly ExampleOutcome[]): Buffer {
	const time = timeAt(wall);
	const encoded = outcomes.map((one): RecordOutcome => {
		const common = {
			device: hashOf(one.device),
			measuredAt: time.monotonic - (one.before ?? 0),
			tookMilliseconds: 12,
		};
		if ("code" in one) return { kind: "failure", ...common, code: one.code, what: one.what ?? "It failed." };
		const values = Float64Array.of(one.terahashesPerSecond, one.watts);
		return { kind: "reading", ...common, shape: SHAPE_HASH, values, errorCodes: [], faults: [] };
	});
	return encodeOutcomes(time, encoded, (hash) => (hash === SHAPE_HASH ? HASH_AND_WATTS : undefined));
}

export function definitionsOf(devices: readonly DeviceDefinition[]) {
	return [HASH_AND_WATTS, ...devices].map((one) => ({
		hash: hashOf(one),
		text: definitionText(one),
		definition: one,
	}));
}

/** Mulberry32: the same numbers for the same seed. */
export function randomOf(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = state;
		mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
}
