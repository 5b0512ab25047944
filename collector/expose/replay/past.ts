/**
 * The fleet at a moment of the past, moved on in time: stored readings through the code that the present goes through.
 *
 * Takes the store, devices and a start; gives a store whose present is that moment, for view and /metrics. Reads ahead
 * window by window, so that memory is bounded however long the past is. The moment depends on its time alone, not on
 * the steps by which it was reached.
 *
 * Not kept by the store, so not there: the words of a failure, error words of a device. Not made here: metered watts in
 * a device's trailing sums, tokens. Energy counters begin at 0.
 */
import { MILLISECONDS_PER_SECOND, quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { createMeter, TRAILING_SECONDS } from "../../derive/energy.js";
import type { FleetEvent } from "../../derive/events.js";
import { type PastOutcome, pastReadings } from "../../derive/past-readings.js";
import { entryAt, inventoryKey, placedDescription } from "../../derive/placement.js";
import { effectiveRates, type PowerOptions } from "../../derive/power.js";
import { attempted, heard, type MutableState } from "../../derive/progress.js";
import {
	type AgentState,
	agentKey,
	type Columns,
	type DeviceState,
	type SeriesStore,
} from "../../store/device-state.js";
import type { Pause } from "../metrics/pause.js";

/** Readings before the start that the start's sums and states rest on: five minutes, and one that is held over them. */
const LOOK_BACK_MILLISECONDS = (TRAILING_SECONDS + 60) * MILLISECONDS_PER_SECOND;
const WINDOW_FIRST_MILLISECONDS = 60_000;
const WINDOW_MOST_MILLISECONDS = 3_600_000;
const WINDOW_LEAST_MILLISECONDS = 15_000;
/** Of readings that wait to be played. */
const HELD_BYTES_WANTED = 64 * 1_024 * 1_024;
const EVENTS_AT_ONCE = 5_000;
/** States that began longer before are shown as beginning with the replay. */
const STATES_DAYS = 30;

export type PastOptions = {
	readonly store: SeriesStore;
	readonly power: PowerOptions;
	readonly devices: readonly DeviceState[];
	/** Unix ms. */
	readonly from: number;
	/** Nothing is read beyond. */
	readonly to: number;
	readonly pause: Pause;
};

type Track = {
	readonly state: MutableState;
	readonly known: DeviceState;
	/** Agents are heard, whether they are asked for or not: by them silence is told from a silent device. */
	readonly isShown: boolean;
	/** Changes of its firmware, in order of time. */
	readonly firmwares: readonly FleetEvent[];
	outcomes: Iterator<PastOutcome>;
	next: PastOutcome | undefined;
};

type EventsBy = ReadonlyMap<string, readonly FleetEvent[]>;
type MutableEventsBy = Map<string, FleetEvent[]>;

export class Past {
	private readonly options: PastOptions;
	private readonly tracks: readonly Track[];
	private readonly keys: ReadonlySet<string>;
	/** Of the devices: what happens to agents elsewhere is not told. */
	private readonly sites: ReadonlySet<string>;
	private readonly shown = new Map<string, DeviceState>();
	private readonly agentStates = new Map<string, AgentState>();
	/** By agentKey, in order of time. */
	private readonly links: EventsBy;
	private events: readonly FleetEvent[] = [];
	private eventsUntil = 0;
	private readUntil: number;
	private windowMilliseconds = WINDOW_FIRST_MILLISECONDS;
	private at: number;
	/** The store as it was. */
	readonly store: SeriesStore;

	private constructor(
		options: PastOptions,
		{ changes, links }: { readonly changes: EventsBy; readonly links: EventsBy },
	) {
		this.options = options;
		this.links = links;
		this.at = options.from;
		this.readUntil = options.from - LOOK_BACK_MILLISECONDS;
		const wanted = new Set(options.devices.map(({ key }) => key));
		this.keys = wanted;
		this.sites = new Set(options.devices.map(({ site }) => site));
		const agents = [...options.store.devices().values()].filter(
			({ key, description }) => description.kind === "agent" && !wanted.has(key),
		);
		this.tracks = [...options.devices, ...agents].map((known) => ({
			...trackOf(known, changes, options.from),
			isShown: wanted.has(known.key),
		}));
		this.store = {
			...delegated(options.store),
			devices: () => this.shown,
			agents: () => this.agentStates,
		};
	}

	static async open(options: PastOptions): Promise<Past> {
		const { store, from, to } = options;
		const keys = new Set(options.devices.map(({ key }) => key));
		const since = from - STATES_DAYS * 86_400 * MILLISECONDS_PER_SECOND;
		const changes: MutableEventsBy = new Map();
		const links: MutableEventsBy = new Map();
		const states = new Map<string, FleetEvent>();
		const put = (events: MutableEventsBy, key: string, event: FleetEvent) => {
			const own = events.get(key);
			if (own === undefined) events.set(key, [event]);
			else own.push(event);
		};
		const ever = { from: since, to: Number.MAX_SAFE_INTEGER };
		for await (const event of eventsIn(store, { ...ever, kinds: ["firmware-changed"] }))
			if (keys.has(event.device ?? "")) put(changes, event.device ?? "", event);
		for await (const event of eventsIn(store, { from: since, to: from + 1, kinds: ["down", "up"] }))
			states.set(event.device ?? "", event);
		for await (const event of eventsIn(store, {
			from: since,
			to: to + 1,
			kinds: ["agent-silent", "agent-back"],
		}))
			put(links, agentKey({ site: event.site, agent: event.agent ?? "" }), event);
		const past = new Past(options, { changes, links });
		await past.move(from);
		past.begun(states);
		past.eventsUntil = from + 1;
		return past;
	}

	get position(): number {
		return this.at;
	}

	/** Moves on; gives what happened meanwhile, in order of time. */
	async advanceTo(at: number): Promise<readonly FleetEvent[]> {
		await this.move(at);
		const happened = await this.eventsTo(at);
		return happened.filter(({ device, site }) =>
			device === undefined ? this.sites.has(site) : this.keys.has(device),
		);
	}

	private async move(at: number): Promise<void> {
		while (this.readUntil <= at && this.readUntil <= this.options.to) {
			await this.take(Math.min(at, this.readUntil - 1));
			await this.readOn();
		}
		await this.take(at);
		this.at = at;
		this.show();
	}

	/** All outcomes up to a time, device by device. */
	private async take(at: number): Promise<void> {
		for (const track of this.tracks) {
			if (track.next === undefined || track.next.at > at) continue;
			await this.options.pause.ifDue();
			for (; track.next !== undefined && track.next.at <= at; track.next = nextOf(track.outcomes)) {
				const { code, latest } = track.next;
				const polls = track.state.pollsByResult as Record<string, number>;
				polls[code ?? "ok"] = (polls[code ?? "ok"] ?? 0) + 1;
				attempted(track.state, track.next.at, code === undefined ? undefined : { code, what: "" });
				if (latest === undefined) continue;
				const { description } = track.state;
				heard(track.state, latest, effectiveRates({ description, latest }, this.options.power));
			}
		}
	}

	private async readOn(): Promise<void> {
		const from = this.readUntil;
		const to = Math.min(from + this.windowMilliseconds, this.options.to + 1);
		let bytes = 0;
		const pieces = new Map<number, Columns[]>(this.tracks.map(({ state }) => [state.number, []]));
		const deviceNumbers = [...pieces.keys()].sort((one, other) => one - other);
		const range = { from: quantity<UnixMilliseconds>(from), to: quantity<UnixMilliseconds>(to) };
		for await (const piece of this.options.store.selectDevices({ deviceNumbers, ...range })) {
			bytes += piece.times.byteLength * (piece.values.length + 1);
			pieces.get(piece.deviceNumber)?.push(piece);
		}
		for (const track of this.tracks) {
			track.outcomes = outcomesIn(pieces.get(track.state.number) ?? []);
			track.next = nextOf(track.outcomes);
		}
		this.readUntil = to;
		const fitting = this.windowMilliseconds * (HELD_BYTES_WANTED / Math.max(bytes, 1));
		this.windowMilliseconds = Math.round(
			Math.min(
				WINDOW_MOST_MILLISECONDS,
				Math.max(WINDOW_LEAST_MILLISECONDS, Math.min(fitting, this.windowMilliseconds * 4)),
			),
		);
	}

	/** Puts in force what held at the moment: inventory, firmware, who was connected. */
	private show(): void {
		const inventory = this.options.store.inventory();
		this.showAgents();
		for (const { state, known, firmwares, isShown } of this.tracks) {
			if (!isShown) continue;
			if (known.firstSeenAt > this.at && state.lastAttemptAt === 0) continue;
			const entry = entryAt(inventory.get(inventoryKey({ kind: "device", key: known.key })), this.at);
			const own = known.ownDescription ?? known.description;
			const firmware = firmwareAt(firmwares, this.at) ?? own.firmware;
			if (entry !== state.inventory || firmware !== state.description.firmware) {
				const then = firmware === undefined ? own : { ...own, firmware };
				state.description = placedDescription(then, entry);
				if (entry === undefined) delete state.inventory;
				else state.inventory = entry;
			}
			this.shown.set(known.key, state);
		}
	}

	private showAgents(): void {
		const heard = new Map<string, number>();
		const first = new Map<string, number>();
		for (const { state } of this.tracks) {
			const key = agentKey(state);
			first.set(key, Math.min(first.get(key) ?? this.at, state.firstSeenAt));
			heard.set(key, Math.max(heard.get(key) ?? 0, state.lastAttemptAt));
		}
		for (const [key, known] of this.options.store.agents()) {
			const link = this.links.get(key)?.findLast((event) => noticedAt(event) <= this.at);
			const heardAt = heard.get(key) ?? 0;
			this.agentStates.set(key, {
				agent: known.agent,
				site: known.site,
				isConnected: link?.kind !== "agent-silent",
				since: quantity<UnixMilliseconds>(link?.at ?? first.get(key) ?? this.at),
				gapOutcomes: 0,
				gapsByReason: {},
				...(heardAt > 0 ? { lastRecordAt: quantity<UnixMilliseconds>(heardAt) } : {}),
			});
		}
	}

	/** Since when devices answer or do not, where that began before the first reading that was read. */
	private begun(states: ReadonlyMap<string, FleetEvent>): void {
		for (const { state } of this.tracks) {
			const event = states.get(state.key);
			const since = event === undefined ? state.firstSeenAt : event.at;
			const isOther = event !== undefined && (event.kind === "up") !== state.isAnswering;
			if (!isOther && state.lastAttemptAt > 0)
				state.answeringSince = quantity<UnixMilliseconds>(Math.min(since, state.answeringSince));
		}
	}

	private async eventsTo(at: number): Promise<readonly FleetEvent[]> {
		if (at >= this.eventsUntil && this.events.length === 0) {
			// As far as readings are read, so that the store is asked seldom.
			const until = Math.max(at + 1, Math.min(this.readUntil, this.options.to + 1));
			const events: FleetEvent[] = [];
			for await (const event of eventsIn(this.options.store, { from: this.eventsUntil, to: until }))
				events.push(event);
			this.events = events;
			this.eventsUntil = until;
		}
		const due = this.events.filter((event) => event.at <= at);
		this.events = this.events.slice(due.length);
		return at >= this.eventsUntil ? [...due, ...(await this.eventsTo(at))] : due;
	}
}

/** From when on the present took an agent for silent: its silence began before. */
function noticedAt({ at, limit = 0 }: FleetEvent): number {
	return at + limit * MILLISECONDS_PER_SECOND;
}

function trackOf(known: DeviceState, changes: EventsBy, from: number): Omit<Track, "isShown"> {
	const { number, key, site, agent, firstSeenAt, isClaim } = known;
	return {
		known,
		firmwares: changes.get(key) ?? [],
		outcomes: outcomesIn([]),
		next: undefined,
		state: {
			number,
			key,
			site,
			agent,
			firstSeenAt,
			isClaim,
			description: known.ownDescription ?? known.description,
			isAnswering: false,
			answeringSince: quantity<UnixMilliseconds>(from),
			lastAttemptAt: quantity<UnixMilliseconds>(0),
			meter: createMeter(),
			pollsByResult: {},
			backfilledByResult: {},
			faultsByCode: {},
		},
	};
}

function firmwareAt(changes: readonly FleetEvent[], at: number): string | undefined {
	return changes.findLast((change) => change.at <= at)?.after ?? changes[0]?.before;
}

function* outcomesIn(pieces: readonly Columns[]): Generator<PastOutcome, undefined> {
	for (const piece of pieces) yield* pastReadings(piece);
	return undefined;
}

function nextOf(outcomes: Iterator<PastOutcome>): PastOutcome | undefined {
	const { done, value } = outcomes.next();
	return done === true ? undefined : value;
}

type EventRange = {
	readonly from: number;
	readonly to: number;
	readonly kinds?: readonly FleetEvent["kind"][];
};

/** In order of time, a page at a time. */
async function* eventsIn(
	store: SeriesStore,
	{ from, to, kinds }: EventRange,
): AsyncGenerator<FleetEvent, undefined> {
	for (let after: string | undefined; ; ) {
		const page = await store.events({
			from: quantity<UnixMilliseconds>(from),
			to: quantity<UnixMilliseconds>(to),
			order: "oldest",
			limit: EVENTS_AT_ONCE,
			...(kinds === undefined ? {} : { kinds }),
			...(after === undefined ? {} : { after }),
		});
		yield* page;
		after = page.at(-1)?.id;
		if (page.length < EVENTS_AT_ONCE) return undefined;
	}
}

/** What is asked of the past is the same now. */
function delegated(store: SeriesStore): SeriesStore {
	return {
		devices: () => store.devices(),
		agents: () => store.agents(),
		statistics: () => store.statistics(),
		select: (query) => store.select(query),
		selectDevices: (query) => store.selectDevices(query),
		selectSteps: (query) => store.selectSteps(query),
		intervalSums: (query) => store.intervalSums(query),
		fleetSums: (query) => store.fleetSums(query),
		gaps: (query) => store.gaps(query),
		losses: (query) => store.losses(query),
		events: (query) => store.events(query),
		newEvents: (mark) => store.newEvents(mark),
		eventCounts: () => [],
		inputs: () => store.inputs(),
		inventory: () => store.inventory(),
		statement: (month) => store.statement(month),
		terms: () => store.terms(),
		putStatement: () => Promise.reject(new Error("The past is not changed.")),
		putInventory: () => Promise.reject(new Error("The past is not changed.")),
	};
}
