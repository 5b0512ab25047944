/**
 * The present: the newest reading, health and meter of every device, in memory.
 *
 * A function of the records in the order of the inbox and nothing else, so that a restart that takes a
 * snapshot and the records after it arrives at the same state. Late outcomes move no gauge and no
 * counter; they only mark their intervals for the rollup.
 */
import { deserialize, serialize } from "node:v8";
import type { DeviceDescription } from "../../shared/device.js";
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import { type DecodedRecord, type RecordOutcome, wallOf } from "../../shared/wire/record.js";
import { advance, createMeter, type EnergyMeter, HOLD_AT_MOST_INTERVALS } from "../derive/energy.js";
import type { Catalogue, Known } from "./catalogue.js";
import type { DeviceState, LatestReading } from "./device-state.js";

export const ROLLUP_SECONDS = 60;
const ROLLUP_MILLISECONDS = ROLLUP_SECONDS * 1_000;
/** Intervals that wait for the rollup; beyond it the oldest are rolled up by a rebuild instead. */
const DIRTY_MOST = 2_000_000;

/** Watts and terahashes per second of a reading, by the rules of derive. */
export type EffectiveRates = (state: {
	readonly description: DeviceDescription;
	readonly latest: LatestReading;
}) => { readonly watts?: number; readonly terahashesPerSecond?: number };

type MutableState = { -readonly [Name in keyof DeviceState]: DeviceState[Name] };

/** Where a record came from; `offset` is what its agent's wall clock lacks, ms. */
export type RecordOrigin = { readonly agent: string; readonly site: string; readonly offset: number };

type Snapshot = {
	readonly version: 1;
	readonly inboxId: number;
	readonly dirty: readonly (readonly [number, readonly number[]])[];
	readonly devices: readonly {
		readonly number: number;
		readonly definition: string;
		readonly latest?: {
			readonly at: number;
			readonly shape: string;
			readonly values: Float64Array;
			readonly errorCodes: readonly string[];
		};
		readonly isAnswering: boolean;
		readonly answeringSince: number;
		readonly lastAttemptAt: number;
		readonly reason?: { readonly code: string; readonly what: string };
		readonly meter: EnergyMeter;
		readonly pollsByResult: Record<string, number>;
		readonly faultsByCode: Record<string, number>;
		readonly known: Known;
	}[];
};

export class Heads {
	private readonly catalogue: Catalogue;
	private readonly rates: EffectiveRates;
	private readonly byKey = new Map<string, MutableState>();
	private readonly byNumber = new Map<number, MutableState>();
	private readonly definitions = new Map<number, string>();
	private readonly knowns = new Map<number, Known>();
	private readonly dirty = new Map<number, Set<number>>();
	private dirtyCount = 0;
	private inboxId = 0;
	samplesApplied = 0;
	outcomesApplied = 0;

	constructor(options: { catalogue: Catalogue; rates: EffectiveRates }) {
		this.catalogue = options.catalogue;
		this.rates = options.rates;
	}

	devices(): ReadonlyMap<string, DeviceState> {
		return this.byKey;
	}

	byDeviceNumber(number: number): DeviceState | undefined {
		return this.byNumber.get(number);
	}

	get appliedInboxId(): number {
		return this.inboxId;
	}

	/** Takes one stored record, in the order of the inbox. */
	apply(record: DecodedRecord, origin: RecordOrigin, inboxId: number): void {
		this.inboxId = Math.max(this.inboxId, inboxId);
		if (record.kind !== "outcomes") return;
		for (const outcome of record.outcomes) {
			const at = wallOf(record.time, outcome.measuredAt) + origin.offset;
			const state = this.stateOf(outcome, origin, at);
			if (state === undefined) continue;
			this.outcomesApplied += 1;
			this.take(state, outcome, at);
		}
	}

	/** Intervals with outcomes that no rollup has seen, older than `before`, and forgets them. */
	takeDirty(before: number): ReadonlyMap<number, ReadonlySet<number>> {
		const taken = new Map<number, ReadonlySet<number>>();
		for (const [from, devices] of this.dirty) {
			if (from + ROLLUP_MILLISECONDS > before) continue;
			taken.set(from, devices);
			this.dirty.delete(from);
			this.dirtyCount -= devices.size;
		}
		return taken;
	}

	/** Puts back what could not be rolled up. */
	returnDirty(taken: ReadonlyMap<number, ReadonlySet<number>>): void {
		for (const [from, devices] of taken) for (const device of devices) this.mark(device, from);
	}

	snapshot(): Uint8Array {
		const devices = [...this.byNumber.values()].map((state) => {
			const definition = this.definitions.get(state.number) ?? "";
			const known = this.knowns.get(state.number);
			const { number, isAnswering, answeringSince, lastAttemptAt, meter, pollsByResult, faultsByCode } =
				state;
			return {
				number,
				definition,
				known,
				isAnswering,
				answeringSince,
				lastAttemptAt,
				meter,
				pollsByResult,
				faultsByCode,
				...(state.reason === undefined ? {} : { reason: state.reason }),
				...(state.latest === undefined
					? {}
					: {
							latest: {
								at: state.latest.at,
								shape: state.latest.shape.hash,
								values: state.latest.values,
								errorCodes: state.latest.errorCodes,
							},
						}),
			};
		});
		const dirty = [...this.dirty].map(([from, own]) => [from, [...own]] as const);
		return serialize({ version: 1, inboxId: this.inboxId, dirty, devices });
	}

	restore(bytes: Uint8Array): void {
		const snapshot = deserialize(bytes) as Snapshot;
		this.inboxId = snapshot.inboxId;
		for (const [from, devices] of snapshot.dirty) for (const device of devices) this.mark(device, from);
		for (const stored of snapshot.devices) {
			const description = this.catalogue.descriptionOf(stored.definition);
			if (description === undefined) continue;
			const shape = stored.latest === undefined ? undefined : this.catalogue.shape(stored.latest.shape);
			const state: MutableState = {
				...stored.known,
				firstSeenAt: quantity<UnixMilliseconds>(stored.known.firstSeenAt),
				description,
				isAnswering: stored.isAnswering,
				answeringSince: quantity<UnixMilliseconds>(stored.answeringSince),
				lastAttemptAt: quantity<UnixMilliseconds>(stored.lastAttemptAt),
				meter: stored.meter,
				pollsByResult: stored.pollsByResult,
				faultsByCode: stored.faultsByCode,
				...(stored.reason === undefined ? {} : { reason: stored.reason }),
				...(stored.latest === undefined || shape === undefined
					? {}
					: { latest: { ...stored.latest, at: quantity<UnixMilliseconds>(stored.latest.at), shape } }),
			};
			this.add(state, stored.definition, stored.known);
		}
	}

	private stateOf(
		{ device: hash, kind }: RecordOutcome,
		{ agent, site }: RecordOrigin,
		at: number,
	): MutableState | undefined {
		const known = this.catalogue.resolve({ hash, site, agent, at, isReading: kind === "reading" });
		const description = this.catalogue.descriptionOf(hash);
		if (known === undefined || description === undefined) return undefined;
		const state = this.byNumber.get(known.number);
		if (state === undefined) return this.add(newState(known, description, at), hash, known);
		if (at >= state.lastAttemptAt && this.definitions.get(known.number) !== hash) {
			state.description = description;
			state.agent = agent;
			this.definitions.set(known.number, hash);
		}
		return state;
	}

	private add(state: MutableState, definition: string, known: Known): MutableState {
		this.byKey.set(state.key, state);
		this.byNumber.set(state.number, state);
		this.definitions.set(state.number, definition);
		this.knowns.set(state.number, known);
		return state;
	}

	private take(state: MutableState, outcome: RecordOutcome, at: number): void {
		this.markAround(state, at);
		const result = outcome.kind === "reading" ? "ok" : outcome.code;
		(state.pollsByResult as Record<string, number>)[result] = (state.pollsByResult[result] ?? 0) + 1;
		if (outcome.kind === "reading") {
			for (const [code, count] of outcome.faults) {
				(state.faultsByCode as Record<string, number>)[code] = (state.faultsByCode[code] ?? 0) + count;
			}
			this.samplesApplied += outcome.values.length;
		}
		if (at < state.lastAttemptAt) return;
		const wasAnswering = state.isAnswering;
		state.lastAttemptAt = quantity<UnixMilliseconds>(at);
		state.isAnswering = outcome.kind === "reading";
		if (wasAnswering !== state.isAnswering) state.answeringSince = quantity<UnixMilliseconds>(at);
		if (outcome.kind === "failure") {
			state.reason = { code: outcome.code, what: outcome.what };
			return;
		}
		delete state.reason;
		const shape = this.catalogue.shape(outcome.shape);
		if (shape === undefined) return;
		state.latest = {
			at: quantity<UnixMilliseconds>(at),
			shape,
			values: outcome.values,
			errorCodes: outcome.errorCodes,
		};
		const rates = this.rates({ description: state.description, latest: state.latest });
		advance(state.meter, { at, ...rates }, state.description.pollIntervalSeconds);
	}

	/** The outcome's interval, and each that its value may be held into. */
	private markAround(state: MutableState, at: number): void {
		const first = Math.floor(at / ROLLUP_MILLISECONDS) * ROLLUP_MILLISECONDS;
		const holdsUntil = at + HOLD_AT_MOST_INTERVALS * state.description.pollIntervalSeconds * 1_000;
		for (let from = first; from < holdsUntil; from += ROLLUP_MILLISECONDS) this.mark(state.number, from);
	}

	private mark(device: number, from: number): void {
		const own = this.dirty.get(from) ?? new Set<number>();
		this.dirty.set(from, own);
		if (own.has(device) || this.dirtyCount >= DIRTY_MOST) return;
		own.add(device);
		this.dirtyCount += 1;
	}
}

function newState(known: Known, description: DeviceDescription, at: number): MutableState {
	return {
		number: known.number,
		key: known.key,
		site: known.site,
		agent: known.agent,
		description,
		firstSeenAt: quantity<UnixMilliseconds>(known.firstSeenAt),
		isAnswering: false,
		answeringSince: quantity<UnixMilliseconds>(at),
		lastAttemptAt: quantity<UnixMilliseconds>(0),
		meter: createMeter(),
		pollsByResult: {},
		faultsByCode: {},
	};
}
