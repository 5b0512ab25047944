/** A recorded incident: a miner that goes down, restarts, overheats, loses a board and a pool, gets a firmware. */
import type { IncomingRecord } from "../../../collector/store/incoming.js";
import { definitionText, hashOf, type ShapeDefinition } from "../../../shared/wire/definition.js";
import type { RecordOutcome } from "../../../shared/wire/outcome.js";
import { encodeOutcomes } from "../../../shared/wire/record.js";
import { deviceAt, EPOCH, timeAt } from "../../shared/wire/examples.js";
import { NOON, SECOND } from "./example-store.js";

export const SHAPE: ShapeDefinition = {
	kind: "shape",
	columns: [
		{ measurement: "boardCount", decimals: 0 },
		{ measurement: "chipTemperatureCelsius", decimals: 4 },
		{ measurement: "hashrateTerahashesPerSecond", decimals: 6 },
		{ measurement: "operatingState", decimals: 0 },
		{ measurement: "poolState", decimals: 0 },
		{ measurement: "powerWatts", decimals: 3 },
		{ measurement: "uptimeSeconds", decimals: 0 },
	],
};
export const AGENT_SHAPE: ShapeDefinition = {
	kind: "shape",
	columns: [{ measurement: "residentMemoryBytes", decimals: 0 }],
};
export const MINER = deviceAt("10.0.0.1", { model: "Antminer S19", serial: "S-1", firmware: "1.0" });
export const UPDATED = deviceAt("10.0.0.1", { model: "Antminer S19", serial: "S-1", firmware: "1.1" });
export const AGENT = deviceAt("agent-1", { kind: "agent", driver: "agent" });

export type Told = {
	readonly at: number;
	readonly device?: typeof MINER;
} & (
	| { readonly code: string }
	| {
			readonly boards?: number;
			readonly celsius?: number;
			readonly state?: number;
			readonly pool?: number;
			readonly uptime?: number;
	  }
);

/** A record of one outcome, made when it was measured. */
export function recordOf(told: Told, sequence: number, receivedAt = told.at): IncomingRecord {
	const device = told.device ?? MINER;
	const common = { device: hashOf(device), measuredAt: timeAt(told.at).monotonic, tookMilliseconds: 10 };
	let outcome: RecordOutcome;
	if ("code" in told) outcome = { kind: "failure", ...common, code: told.code, what: "It failed." };
	else {
		const { boards = 3, celsius = 60, state = 0, pool = 0, uptime = (told.at - NOON) / SECOND + 1e6 } = told;
		const isAgent = device === AGENT;
		outcome = {
			kind: "reading",
			...common,
			shape: hashOf(isAgent ? AGENT_SHAPE : SHAPE),
			values: isAgent
				? Float64Array.of(8e7)
				: Float64Array.of(boards, celsius, 95, state, pool, 3_250, uptime),
			errorCodes: [],
			faults: [],
		};
	}
	const bytes = encodeOutcomes(timeAt(told.at), [outcome], (hash) =>
		hash === hashOf(SHAPE) ? SHAPE : hash === hashOf(AGENT_SHAPE) ? AGENT_SHAPE : undefined,
	);
	return { agent: "agent-1", site: "austin", epoch: EPOCH, sequence, receivedAt, offset: 0, bytes };
}

/** What a store must know before the records come. */
export const INCIDENT_DEFINITIONS = [SHAPE, AGENT_SHAPE, MINER, UPDATED, AGENT].map((definition) => ({
	hash: hashOf(definition),
	text: definitionText(definition),
	definition,
}));

/** Twenty minutes of a miner's life, a poll each 5 s. */
export const INCIDENT: readonly Told[] = Array.from({ length: 240 }, (_, index): Told => {
	const at = NOON + index * 5 * SECOND;
	if (index >= 20 && index < 30) return { at, code: "DEVICE_TIMEOUT" };
	const uptime = index < 30 ? 50_000 + index * 5 : (index - 30) * 5;
	const celsius = index >= 60 && index < 80 ? 91 : index >= 80 && index < 90 ? 88.5 : 70;
	const boards = index >= 100 && index < 110 ? 2 : 3;
	const state = index >= 120 && index < 125 ? 7 : 0;
	const pool = index >= 140 && index < 145 ? 1 : 0;
	return { at, uptime, celsius, boards, state, pool, device: index >= 200 ? UPDATED : MINER };
});
