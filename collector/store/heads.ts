/**
 * The present: the newest reading, health and meter of every device, in memory.
 *
 * A function of the records in the order of the inbox and nothing else, so that a restart that takes a
 * snapshot and the records after it arrives at the same state. Late outcomes move no gauge and no
 * counter; they only mark their minutes for a rebuild.
 */
import { deserialize, serialize } from "node:v8";
import type { DeviceDescription } from "../../shared/device.js";
import { MILLISECONDS_PER_SECOND, quantity, type UnixMilliseconds } from "../../shared/units.js";
import { type DecodedRecord, type RecordOutcome, wallOf } from "../../shared/wire/record.js";
import { advance, createMeter, type EnergyMeter, HOLD_AT_MOST_INTERVALS } from "../derive/energy.js";
import type { Catalogue, Known } from "./catalogue.js";
import type { DeviceState, IntervalSums, LatestReading } from "./device-state.js";
import { MINUTE_MILLISECONDS, MinuteSums, type PerSecond, type StoredMinutes } from "./minutes.js";

/** Minutes of devices that wait for a rebuild: three days of a thousand devices; what is beyond it keeps its sums. */
const LATE_MOST = 5_000_000;

/** Watts, terahashes per second and GPUs of a reading, by the rules of derive. */
export type EffectiveRates = (state: {
	readonly description: DeviceDescription;
	readonly latest: LatestReading;
}) => { readonly watts?: number; readonly terahashesPerSecond?: number; readonly gpus?: number };

type MutableState = { -readonly [Name in keyof DeviceState]: DeviceState[Name] };

/** Where a record came from; `offset` is what its agent's wall clock lacks, ms. */
export type RecordOrigin = { readonly agent: string; readonly site: string; readonly offset: number };

type Snapshot = {
	readonly version: 1;
	readonly inboxId: number;
	readonly late: readonly (readonly [number, readonly number[]])[];
	readonly minutes: StoredMinutes;
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
		readonly gpusHeld?: number;
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
	private readonly minutes = new MinuteSums();
	/** GPUs of the reading that each device's meter holds. */
	private readonly gpusHeld = new Map<number, number>();
	/** By device. */
	private readonly late = new Map<number, Set<number>>();
	private lateCount = 0;
	/** Late minutes that are being rebuilt, by device. */
	private taken = new Map<number, Set<number>>();
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

	/** One-minute sums of all minutes that end at or before `end`. */
	handOverMinutes(end: number): readonly IntervalSums[] {
		return this.minutes.handOver(end);
	}

	/** By device, the minutes that late data changed after they were handed over. */
	takeLate(): ReadonlyMap<number, ReadonlySet<number>> {
		this.returnTaken();
		this.taken = new Map(this.late);
		this.late.clear();
		this.lateCount = 0;
		return new Map(this.taken);
	}

	lateRebuilt(device: number): void {
		this.taken.delete(device);
	}

	/** Puts back what was taken and not rebuilt. */
	returnTaken(): void {
		const { taken } = this;
		this.taken = new Map();
		for (const [device, minutes] of taken) for (const minute of minutes) this.markLate(device, minute);
	}

	/** Minutes that were handed over and could not be stored. */
	markLateRows(rows: readonly IntervalSums[]): void {
		for (const { from, deviceNumber } of rows) this.markLate(deviceNumber, from);
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
				gpusHeld: this.gpusHeld.get(number),
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
		const late = [...this.late, ...this.taken].map(([device, own]) => [device, [...own]] as const);
		return serialize({ version: 1, inboxId: this.inboxId, late, minutes: this.minutes.stored(), devices });
	}

	restore(bytes: Uint8Array): void {
		const snapshot = deserialize(bytes) as Snapshot;
		this.inboxId = snapshot.inboxId;
		this.minutes.restore(snapshot.minutes);
		for (const [device, minutes] of snapshot.late)
			for (const minute of minutes) this.markLate(device, minute);
		for (const stored of snapshot.devices) {
			const description = this.catalogue.descriptionOf(stored.definition);
			if (description === undefined) continue;
			const shape = stored.latest === undefined ? undefined : this.catalogue.shape(stored.latest.shape);
			// The catalogue's own entry goes on from here; the stored one is a copy of its past.
			const known = this.catalogue.sawBefore(stored.known) ?? stored.known;
			const { number, key, site, agent } = stored.known;
			const state: MutableState = {
				number,
				key,
				site,
				agent,
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
			if (stored.gpusHeld !== undefined) this.gpusHeld.set(state.number, stored.gpusHeld);
			this.add(state, stored.definition, known);
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
		if (kind === "reading" && at >= state.lastAttemptAt && this.definitions.get(known.number) !== hash) {
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
		this.count(state, outcome);
		if (at < state.lastAttemptAt) {
			this.markLateAround(state, at);
			return;
		}
		this.addStateSeconds(state, at);
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
		const latest = {
			at: quantity<UnixMilliseconds>(at),
			shape,
			values: outcome.values,
			errorCodes: outcome.errorCodes,
		};
		state.latest = latest;
		this.advanceMeter(state, latest);
	}

	private count(state: MutableState, outcome: RecordOutcome): void {
		const result = outcome.kind === "reading" ? "ok" : outcome.code;
		const polls = state.pollsByResult as Record<string, number>;
		polls[result] = (polls[result] ?? 0) + 1;
		if (outcome.kind === "failure") return;
		const faults = state.faultsByCode as Record<string, number>;
		for (const [code, count] of outcome.faults) faults[code] = (faults[code] ?? 0) + count;
		this.samplesApplied += outcome.values.length;
	}

	/** The time since the poll before was up or down, as that poll said, at most three intervals long. */
	private addStateSeconds(state: MutableState, at: number): void {
		if (state.lastAttemptAt === 0) return;
		const until = Math.min(at, state.lastAttemptAt + holdMilliseconds(state));
		this.addMinutes(state.number, state.lastAttemptAt, until, { isUp: state.isAnswering });
	}

	private advanceMeter(state: MutableState, latest: LatestReading): void {
		const { held } = state.meter;
		if (held !== undefined && latest.at > held.at) {
			const gpus = this.gpusHeld.get(state.number) ?? 0;
			this.addMinutes(state.number, held.at, Math.min(latest.at, held.at + holdMilliseconds(state)), {
				...held,
				gpus,
			});
		}
		const { gpus, ...rates } = this.rates({ description: state.description, latest });
		advance(state.meter, { at: latest.at, ...rates }, state.description.pollIntervalSeconds);
		if (gpus === undefined) this.gpusHeld.delete(state.number);
		else this.gpusHeld.set(state.number, gpus);
	}

	private addMinutes(device: number, from: number, to: number, perSecond: PerSecond): void {
		for (const minute of this.minutes.add(device, from, to, perSecond)) this.markLate(device, minute);
	}

	/** The outcome's minute, and each that its value may be held into. */
	private markLateAround(state: MutableState, at: number): void {
		const first = Math.floor(at / MINUTE_MILLISECONDS) * MINUTE_MILLISECONDS;
		for (let minute = first; minute < at + holdMilliseconds(state); minute += MINUTE_MILLISECONDS) {
			this.markLate(state.number, minute);
		}
	}

	private markLate(device: number, minute: number): void {
		if (this.lateCount >= LATE_MOST) return;
		const own = this.late.get(device) ?? new Set<number>();
		this.late.set(device, own);
		if (own.has(minute)) return;
		own.add(minute);
		this.lateCount += 1;
	}
}

function holdMilliseconds({ description }: Pick<DeviceState, "description">): number {
	return HOLD_AT_MOST_INTERVALS * description.pollIntervalSeconds * MILLISECONDS_PER_SECOND;
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
