/**
 * The present: the newest reading, health and meter of every device, in memory.
 *
 * A function of the records in the order of the inbox and nothing else, so that a restart that takes
 * what is stored of each device and the records after it arrives at the same state. Late outcomes move no
 * gauge and no energy.
 */
import { deserialize, serialize } from "node:v8";
import type { DeviceDescription } from "../../shared/device.js";
import { visible } from "../../shared/foreign-text.js";
import { invariant } from "../../shared/invariant.js";
import { MILLISECONDS_PER_SECOND, quantity, type UnixMilliseconds } from "../../shared/units.js";
import {
	type DecodedRecord,
	deviceIn,
	type FailureGroup,
	type OutcomeGroup,
	type ReadingGroup,
} from "../../shared/wire/record.js";
import { advance, createMeter, HOLD_AT_MOST_INTERVALS, meterOf, type StoredMeter } from "../derive/energy.js";
import { endpointKey, FeedIndex, feedKey } from "../derive/feeds.js";
import { deviceValue } from "../derive/latest-values.js";
import { type HeldWord, meterPower, suppliedWatts } from "../derive/metering.js";
import {
	entryAt,
	type InventoryEntries,
	type InventoryEntry,
	inventoryKey,
	placedDescription,
} from "../derive/placement.js";
import { effectiveRates, type PowerOptions } from "../derive/power.js";
import { attempted, heard, type MutableState as KnownState } from "../derive/progress.js";
import { advanceTokens, createTokenMeter, type TokenMeter } from "../derive/tokens.js";
import type { Catalogue, Known } from "./catalogue.js";
import type { DeviceState, LatestReading } from "./device-state.js";
import { GroupReadings, NewestReading } from "./group-readings.js";
import type { PresentRow } from "./main-database.js";
import type { StoredWatch, Watch } from "./watch.js";

type MutableState = KnownState & {
	/** What the meters of a device said last, by feedKey; only of devices with meters of their own. */
	held?: Record<string, HeldWord> | undefined;
};

/** What a restart needs of one device, as stored. */
type StoredState = {
	readonly version: 2;
	readonly definition: string;
	readonly known: Known;
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
	readonly meter: StoredMeter;
	readonly pollsByResult: Record<string, number>;
	/** Absent in stores of before. */
	readonly backfilledByResult?: Record<string, number>;
	readonly faultsByCode: Record<string, number>;
	/** Absent in stores of before. */
	readonly watch?: StoredWatch;
	readonly held?: Record<string, HeldWord>;
	readonly tokens?: TokenMeter;
};

/** Devices of an outcome group, by row, undefined where the catalogue has no place for one; and the wall ms of each row. */
export type PlacedRows = { readonly devices: readonly (Known | undefined)[]; readonly times: Float64Array };

/** Of a stored record: its number in the inbox and when it came, Unix ms. */
type Row = { readonly id: number; readonly receivedAt: number };

/** An outcome that came later than this after its poll waited for a link. */
const LIVE_MILLISECONDS = 30_000;

export class Present {
	private readonly catalogue: Catalogue;
	private readonly watch: Watch;
	private readonly byKey = new Map<string, MutableState>();
	/** By the device's number, which are given without holes. */
	private readonly states: (MutableState | undefined)[] = [];
	private readonly definitions: (string | undefined)[] = [];
	private readonly knowns: (Known | undefined)[] = [];
	private readonly newest: (NewestReading | undefined)[] = [];
	/** Inbox row that each restored device stands for: what is older is in it already. */
	private readonly restoredAt = new Map<number, number>();
	private inboxId = 0;
	/** Outcomes of before this, of the record that is applied, are brought from an outbox. */
	private liveSince = 0;
	private inventory: ReadonlyMap<string, InventoryEntries> = new Map();
	private placedAt = 0;
	private readonly power: PowerOptions;
	private readonly feeds: FeedIndex;
	/** Devices that meters feed, by endpointKey. */
	private readonly fed = new Map<string, MutableState>();
	samplesApplied = 0;
	outcomesApplied = 0;

	constructor(options: { catalogue: Catalogue; power: PowerOptions; watch: Watch }) {
		this.catalogue = options.catalogue;
		this.watch = options.watch;
		this.power = options.power;
		this.feeds = new FeedIndex(options.power.feeds ?? []);
	}

	devices(): ReadonlyMap<string, DeviceState> {
		return this.byKey;
	}

	numbered(number: number): DeviceState | undefined {
		return this.states[number];
	}

	/** Puts in force what operators say at this time. */
	place(inventory: ReadonlyMap<string, InventoryEntries>, now: number): void {
		this.inventory = inventory;
		this.placedAt = now;
		for (const state of this.byKey.values()) {
			const entry = this.entryOf(state.key);
			if (entry === state.inventory) continue;
			const description = this.catalogue.descriptionOf(this.definitions[state.number] ?? "");
			this.describe(state, description ?? state.description);
		}
	}

	private entryOf(key: string): InventoryEntry | undefined {
		return this.inventory.size === 0
			? undefined
			: entryAt(this.inventory.get(inventoryKey({ kind: "device", key })), this.placedAt);
	}

	private describe(state: MutableState, description: DeviceDescription): void {
		const entry = this.entryOf(state.key);
		if (this.feeds.ofDevice.size > 0) this.locate(state, description);
		state.description = placedDescription(description, entry);
		state.ownDescription = state.description === description ? undefined : description;
		state.inventory = entry;
	}

	/** Meters name devices by their endpoints, which may change. */
	private locate(state: MutableState, { endpoint }: DeviceDescription): void {
		const before = endpointKey(state.site, state.description.endpoint);
		if (this.fed.get(before) === state) this.fed.delete(before);
		const key = endpointKey(state.site, endpoint);
		if (this.feeds.ofDevice.has(key)) this.fed.set(key, state);
	}

	get appliedInboxId(): number {
		return this.inboxId;
	}

	/** Takes one stored record, in the order of the inbox, with the devices and times of each of its groups. */
	apply(record: DecodedRecord, placed: readonly PlacedRows[], { id: inboxId, receivedAt }: Row): void {
		this.inboxId = Math.max(this.inboxId, inboxId);
		this.liveSince = receivedAt - LIVE_MILLISECONDS;
		if (record.kind !== "outcomes") return;
		for (let index = 0; index < record.groups.length; index += 1) {
			const group = record.groups[index] as OutcomeGroup;
			const { devices, times } = placed[index] as PlacedRows;
			if (group.kind === "failures") this.applyFailures(group, devices, times, inboxId);
			else this.applyReadings(group, devices, times, inboxId);
		}
	}

	private applyFailures(
		group: FailureGroup,
		devices: PlacedRows["devices"],
		times: Float64Array,
		inboxId: number,
	): void {
		for (let row = 0; row < group.count; row += 1) {
			const known = devices[row];
			if (known === undefined || this.standsFor(known, inboxId)) continue;
			this.fail(known, group, row, times[row] as number);
		}
	}

	private applyReadings(
		group: ReadingGroup,
		devices: PlacedRows["devices"],
		times: Float64Array,
		inboxId: number,
	): void {
		const shape = this.catalogue.shape(group.shape);
		if (shape === undefined) return;
		const came = new GroupReadings(group, shape, this.power);
		for (let row = 0; row < group.count; row += 1) {
			const known = devices[row];
			if (known === undefined) continue;
			const at = times[row] as number;
			if (this.feeds.ofMeter.size > 0) this.feed(known, came, row, { at, inboxId });
			if (!this.standsFor(known, inboxId)) this.take(known, came, row, at);
		}
	}

	/**
	 * Tells the devices on a meter what it says. A device's watts are a function of its own records and its meters',
	 * so that a restart counts the same energy: what the meter's own state stands for does not matter here.
	 */
	private feed(
		{ site, number }: Known,
		came: GroupReadings,
		row: number,
		{ at, inboxId }: { readonly at: number; readonly inboxId: number },
	): void {
		const endpoint = this.catalogue.descriptionOf(deviceIn(came.group, row))?.endpoint;
		const feeds = endpoint && this.feeds.ofMeter.get(endpointKey(site, endpoint));
		if (feeds === undefined || feeds === "") return;
		const latest = new NewestReading(at, came, row);
		const intervalSeconds = this.states[number]?.description.pollIntervalSeconds ?? 10;
		for (const feed of feeds) {
			const state = this.fed.get(endpointKey(site, feed.device));
			const power = meterPower(latest, feed.outlet);
			if (state === undefined || power === undefined || this.standsFor(state, inboxId)) continue;
			const key = feedKey(feed);
			state.held ??= {};
			if (at < (state.held[key]?.at ?? 0)) continue;
			const holdMilliseconds = HOLD_AT_MOST_INTERVALS * intervalSeconds * MILLISECONDS_PER_SECOND;
			state.held[key] = { at, power, holdMilliseconds };
		}
	}

	private meteredWatts({ site, description, held = {} }: MutableState, at: number): number | undefined {
		const feeds = this.feeds.ofDevice.get(endpointKey(site, description.endpoint));
		if (feeds === undefined) return undefined;
		return suppliedWatts(
			feeds.map((feed) => held[feedKey(feed)]),
			at,
			this.power,
		);
	}

	/** Whether a restored device's state holds this inbox row already. */
	private standsFor({ number }: Pick<Known, "number">, inboxId: number): boolean {
		return this.restoredAt.size > 0 && inboxId <= (this.restoredAt.get(number) ?? 0);
	}

	/**
	 * The collector's clock went back: what it took for later is now as of this moment. Else nothing that comes would
	 * be news, and the last that came would pass for the present until the clock is there again.
	 *
	 * @returns whether there was anything later; it is to be stored then, since the records alone no longer lead to it
	 */
	turnBack(now: UnixMilliseconds): boolean {
		let isTurned = false;
		const untilNow = (at: UnixMilliseconds) => (at < now ? at : now);
		for (const state of this.byKey.values()) {
			const { meter, tokens, latest, held = {} } = state;
			if (state.lastAttemptAt <= now) continue;
			isTurned = true;
			state.lastAttemptAt = now;
			state.answeringSince = untilNow(state.answeringSince);
			meter.heldAt = Math.min(meter.heldAt, now);
			if (tokens?.held !== undefined) tokens.held = { ...tokens.held, at: Math.min(tokens.held.at, now) };
			for (const [key, word] of Object.entries(held)) held[key] = { ...word, at: Math.min(word.at, now) };
			const newest = this.newest[state.number];
			if (newest !== undefined) newest.at = untilNow(newest.at);
			else if (latest !== undefined) state.latest = { ...latest, at: untilNow(latest.at) };
		}
		return isTurned;
	}

	/** All that was stored before the start is taken: what comes from now on is new. */
	replayed(): void {
		this.restoredAt.clear();
	}

	/** Some devices as they are stored, from the place `from` in their order on. */
	stored(from: number, most: number): readonly PresentRow[] {
		const rows: PresentRow[] = [];
		let place = 0;
		for (const state of this.byKey.values()) {
			if (place >= from + most) break;
			if (place >= from)
				rows.push({ device: state.number, inboxId: this.inboxId, bytes: this.storedState(state) });
			place += 1;
		}
		return rows;
	}

	/** Two devices as one: the first, as the second is now, with the counters of both, which never fall. */
	private joinedState(kept: number, gone: number): MutableState {
		const [state, other] = [this.states[kept], this.states[gone]];
		invariant(state !== undefined && other !== undefined, "devices that are joined were read");
		const { number, key, firstSeenAt, isClaim } = state;
		// What it drew last is held on, as it would have been had the other's first reading been its own.
		const meter = structuredClone(state.meter);
		advance(meter, other.firstSeenAt, {}, state.description.pollIntervalSeconds);
		return {
			...other,
			...{ number, key, firstSeenAt, isClaim },
			description: other.ownDescription ?? other.description,
			pollsByResult: added(state.pollsByResult, other.pollsByResult),
			backfilledByResult: added(state.backfilledByResult, other.backfilledByResult),
			faultsByCode: added(state.faultsByCode, other.faultsByCode),
			meter: {
				...other.meter,
				joulesTotal: meter.joulesTotal + other.meter.joulesTotal,
				terahashesTotal: meter.terahashesTotal + other.meter.terahashesTotal,
			},
		};
	}

	/** The two as one, as it is to be stored before it is in force. */
	joinedRow(kept: number, gone: number, also: Pick<StoredState, "known" | "watch">): PresentRow {
		const state = this.joinedState(kept, gone);
		const definition = this.definitions[gone] ?? "";
		return { device: kept, inboxId: this.inboxId, bytes: storedBytes(state, { ...also, definition }) };
	}

	join(kept: number, gone: number): void {
		const joined = this.joinedState(kept, gone);
		const [state, other] = [this.states[kept], this.states[gone]];
		if (state === undefined || other === undefined) return;
		Object.assign(state, joined);
		this.byKey.delete(other.key);
		this.definitions[kept] = this.definitions[gone];
		this.newest[kept] = this.newest[gone];
		for (const list of [this.states, this.definitions, this.knowns, this.newest]) list[gone] = undefined;
		this.describe(state, state.description);
	}

	restore({ device, inboxId, bytes }: PresentRow): void {
		const stored = deserialize(bytes) as StoredState;
		const description = this.catalogue.descriptionOf(stored.definition);
		if (description === undefined) return;
		const shape = stored.latest === undefined ? undefined : this.catalogue.shape(stored.latest.shape);
		// The catalogue's own entry goes on from here; the stored one is a copy of its past.
		const known = this.catalogue.sawBefore(stored.known) ?? stored.known;
		const { number, key, site, agent, firstSeenAt } = stored.known;
		const { isClaim } = known;
		const { isAnswering, answeringSince, lastAttemptAt, meter, pollsByResult, faultsByCode, reason, latest } =
			stored;
		const state: MutableState = {
			...newState({ number, key, site, agent, firstSeenAt, isClaim }, description, answeringSince),
			isAnswering,
			lastAttemptAt: quantity<UnixMilliseconds>(lastAttemptAt),
			meter: meterOf(meter),
			pollsByResult,
			backfilledByResult: stored.backfilledByResult ?? {},
			faultsByCode,
			reason,
			held: stored.held,
			tokens: stored.tokens,
		};
		if (latest !== undefined && shape !== undefined)
			state.latest = { ...latest, at: quantity<UnixMilliseconds>(latest.at), shape };
		this.restoredAt.set(device, inboxId);
		this.add(state, stored.definition, known);
		if (stored.watch !== undefined) this.watch.restore(state, stored.watch);
	}

	private storedState(state: MutableState): Uint8Array {
		const known = this.knowns[state.number];
		invariant(known !== undefined, "a device that is stored is known");
		const definition = this.definitions[state.number] ?? "";
		return storedBytes(state, { definition, known, watch: this.watch.stored(state.number) });
	}

	private stateOf(known: Known, hash: string, isReading: boolean, at: number): MutableState | undefined {
		const state = this.states[known.number];
		if (state === undefined) {
			const description = this.catalogue.descriptionOf(hash);
			return description === undefined ? undefined : this.add(newState(known, description, at), hash, known);
		}
		const isOld = this.definitions[known.number] === hash && state.agent === known.agent;
		if (isReading && at >= state.lastAttemptAt && !isOld) {
			const description = this.catalogue.descriptionOf(hash);
			if (description === undefined) return undefined;
			this.watch.firmware(state, { at, ...firmwares(state.description, description) });
			this.describe(state, description);
			state.agent = known.agent;
			this.definitions[known.number] = hash;
		}
		return state;
	}

	private add(state: MutableState, definition: string, known: Known): MutableState {
		this.describe(state, state.description);
		this.byKey.set(state.key, state);
		this.states[state.number] = state;
		this.definitions[state.number] = definition;
		this.knowns[state.number] = known;
		return state;
	}

	private fail(known: Known, group: FailureGroup, row: number, at: number): void {
		const state = this.stateOf(known, deviceIn(group, row), false, at);
		if (state === undefined) return;
		this.outcomesApplied += 1;
		const code = group.codes[row] ?? "";
		countOne(state.pollsByResult, code);
		if (at < this.liveSince) countOne(state.backfilledByResult, code);
		if (at < state.lastAttemptAt) {
			this.watch.late(state, at, undefined);
			return;
		}
		attempted(state, at, { code, what: visible(group.whats[row] ?? "") });
		this.watch.outcome(state, at, { code });
	}

	/** Makes next to nothing: it runs for every reading of every device. */
	private take(known: Known, came: GroupReadings, row: number, at: number): void {
		const { group } = came;
		const state = this.stateOf(known, deviceIn(group, row), true, at);
		if (state === undefined) return;
		this.outcomesApplied += 1;
		this.samplesApplied += group.values.length;
		const polls = state.pollsByResult as { ok?: number };
		polls.ok = (polls.ok ?? 0) + 1;
		if (at < this.liveSince) countOne(state.backfilledByResult, "ok");
		if (group.faults.size > 0) countFaults(state, group, row);
		if (at < state.lastAttemptAt) {
			this.watch.late(state, at, this.catalogue.descriptionOf(deviceIn(group, row))?.firmware);
			return;
		}
		attempted(state, at);
		const latest = this.newestOf(state.number, came, row, at);
		const watts = this.wattsOf(state, latest, came, row);
		heard(state, latest, { watts, terahashesPerSecond: came.terahashesPerSecond[row] });
		if (state.description.kind === "gpu-host") countTokens(state, latest, watts);
		this.watch.outcome(state, at, { latest, cameWith: came, watts });
	}

	private newestOf(number: number, came: GroupReadings, row: number, at: number): NewestReading {
		const known = this.newest[number];
		if (known !== undefined) {
			known.become(at, came, row);
			return known;
		}
		const made = new NewestReading(at, came, row);
		this.newest[number] = made;
		return made;
	}

	private wattsOf(
		state: MutableState,
		latest: LatestReading,
		{ plainWatts }: GroupReadings,
		row: number,
	): number | undefined {
		const { description } = state;
		const { kind } = description;
		const meteredWatts = this.feeds.ofDevice.size === 0 ? undefined : this.meteredWatts(state, latest.at);
		const plain = plainWatts[row] as number;
		if (meteredWatts === undefined && !Number.isNaN(plain) && (kind === "miner" || kind === "gpu-host"))
			return plain;
		return effectiveRates({ description, latest, meteredWatts }, this.power).watts;
	}
}

function countOne(counts: Readonly<Record<string, number>>, word: string): void {
	(counts as Record<string, number>)[word] = (counts[word] ?? 0) + 1;
}

function countFaults(state: MutableState, { faults }: ReadingGroup, row: number): void {
	const byCode = state.faultsByCode as Record<string, number>;
	for (const [code, count] of faults.get(row) ?? []) byCode[code] = (byCode[code] ?? 0) + count;
}

function countTokens(state: MutableState, latest: LatestReading, watts: number | undefined): void {
	const prompt = deviceValue(latest, "promptTokens");
	const generated = deviceValue(latest, "generatedTokens");
	if (prompt === undefined && generated === undefined && state.tokens === undefined) return;
	const tokens = state.tokens ?? createTokenMeter();
	state.tokens = tokens;
	advanceTokens(tokens, { at: latest.at, prompt, generated, watts }, state.description.pollIntervalSeconds);
}

function added(
	one: Readonly<Record<string, number>>,
	other: Readonly<Record<string, number>>,
): Record<string, number> {
	const sum: Record<string, number> = { ...one };
	for (const [name, count] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + count;
	return sum;
}

type AlsoStored = Pick<StoredState, "definition" | "known" | "watch">;

function storedBytes(state: MutableState, also: AlsoStored): Uint8Array {
	const { isAnswering, answeringSince, lastAttemptAt, meter, pollsByResult, faultsByCode } = state;
	const { backfilledByResult, latest, reason, held, tokens } = state;
	return serialize({
		version: 2,
		...also,
		isAnswering,
		answeringSince,
		lastAttemptAt,
		meter,
		pollsByResult,
		backfilledByResult,
		faultsByCode,
		...(reason === undefined ? {} : { reason }),
		...(held === undefined ? {} : { held }),
		...(tokens === undefined ? {} : { tokens }),
		...(latest === undefined
			? {}
			: {
					latest: {
						at: latest.at,
						shape: latest.shape.hash,
						values: latest.values,
						errorCodes: latest.errorCodes,
					},
				}),
	});
}

function firmwares(before: DeviceDescription, now: DeviceDescription) {
	return {
		...(before.firmware === undefined ? {} : { before: before.firmware }),
		...(now.firmware === undefined ? {} : { after: now.firmware }),
	};
}

/** All are made here, with all their fields, so that they are alike. */
function newState(
	known: Pick<Known, "number" | "key" | "site" | "agent" | "firstSeenAt" | "isClaim">,
	description: DeviceDescription,
	at: number,
): MutableState {
	return {
		number: known.number,
		key: known.key,
		site: known.site,
		agent: known.agent,
		isClaim: known.isClaim,
		description,
		firstSeenAt: quantity<UnixMilliseconds>(known.firstSeenAt),
		isAnswering: false,
		answeringSince: quantity<UnixMilliseconds>(at),
		lastAttemptAt: quantity<UnixMilliseconds>(0),
		meter: createMeter(),
		pollsByResult: {},
		backfilledByResult: {},
		faultsByCode: {},
		latest: undefined,
		reason: undefined,
		held: undefined,
		tokens: undefined,
		inventory: undefined,
		ownDescription: undefined,
	};
}
