/**
 * What the collector knows of one device now, and how the rest of the collector asks for the past.
 *
 * The store keeps these states (present.ts); derive and expose read them and never change them.
 */
import type { Component, DeviceDescription } from "../../shared/device.js";
import type { UnixMilliseconds } from "../../shared/units.js";
import type { EnergyMeter } from "../derive/energy.js";
import type { EventKind, FleetEvent } from "../derive/events.js";
import type { InventoryEntries, InventoryEntry } from "../derive/placement.js";
import type { TokenMeter } from "../derive/tokens.js";

/** One column of a device's readings. `measurement` may be a name that a newer agent knows and we do not. */
export type Column = {
	readonly measurement: string;
	/** Absent: the device as a whole. */
	readonly component?: Component;
	readonly decimals: number;
};

/** The columns of a reading; shared by all devices alike, named by the hash of its content. */
export type Shape = { readonly hash: string; readonly columns: readonly Column[] };

/**
 * The newest reading. `values[i]` belongs to `shape.columns[i]`; NaN marks an absent value inside the array only.
 * A device's is one object, which becomes its next reading: who keeps it sees that one then.
 */
export type LatestReading = {
	readonly at: UnixMilliseconds;
	readonly shape: Shape;
	readonly values: Float64Array;
	/** One value without the others being put together; where absent, `values` has it. */
	readonly numberAt?: (index: number) => number;
	readonly errorCodes: readonly string[];
};

/** Readings of one shape that came together, which many rules judge at once. */
export type ReadingsTogether = {
	/** The largest value of a column; minus infinity where all are absent. */
	readonly mostAt: (index: number) => number;
	/** Whether none is absent. */
	readonly isWholeAt: (index: number) => boolean;
};

export type DeviceState = {
	/** Our permanent number and key; the key is the `device` label. */
	readonly number: number;
	readonly key: string;
	readonly site: string;
	readonly agent: string;
	/** An agent's word of a device that another agent reads: shown, and counted in no sum. */
	readonly isClaim: boolean;
	/** Its place by the inventory, where that says one. */
	readonly description: DeviceDescription;
	/** As its agent has it; absent where the inventory changes nothing of it. */
	readonly ownDescription?: DeviceDescription | undefined;
	/** What an operator says of it now. */
	readonly inventory?: InventoryEntry | undefined;
	readonly firstSeenAt: UnixMilliseconds;
	/** Absent until the first reading on the live stream or from the backlog. */
	readonly latest?: LatestReading | undefined;
	/** Result of the newest poll; a silent agent is told by AgentState, not here. */
	readonly isAnswering: boolean;
	/** When isAnswering last changed. */
	readonly answeringSince: UnixMilliseconds;
	readonly lastAttemptAt: UnixMilliseconds;
	/** Why it does not answer. */
	readonly reason?: { readonly code: string; readonly what: string } | undefined;
	/** Energy and work so far, and of the trailing five minutes. */
	readonly meter: EnergyMeter;
	/** Of a host whose inference servers are read. */
	readonly tokens?: TokenMeter | undefined;
	readonly pollsByResult: Readonly<Record<string, number>>;
	/** Of these, those that an agent brought from its outbox long after: they tell nothing of now. */
	readonly backfilledByResult: Readonly<Record<string, number>>;
	readonly faultsByCode: Readonly<Record<string, number>>;
};

export type AgentState = {
	readonly agent: string;
	readonly site: string;
	readonly isConnected: boolean;
	/** When isConnected last changed. */
	readonly since: UnixMilliseconds;
	/** Of the newest record that was committed. */
	readonly lastRecordAt?: UnixMilliseconds;
	/** Since when nothing came on a connection that stands, where that is too long for an agent that runs. */
	readonly silentSince?: number;
	/** When a record came after a silence. */
	readonly speaksSince?: UnixMilliseconds;
	readonly backlogRecords?: number;
	readonly clockOffsetMilliseconds?: number;
	readonly software?: string;
	/** Outcomes lost on the agent's side, from gap records. */
	readonly gapOutcomes: number;
	/** By reason: gap records, and the outcomes they tell of. */
	readonly gapsByReason: Readonly<Record<string, { readonly gaps: number; readonly outcomes: number }>>;
	/** Of the epoch of its session, as it told last; absent where it does not count. */
	readonly conservation?: Conservation;
};

/** Outcomes of one agent's epoch that are here: stored, told missing by gaps, refused for good. */
export type DeliveryTally = { readonly stored: number; readonly missing: number; readonly refused: number };

/** made = stored + missing + refused + held + unaccounted, but for what is on its way. */
export type Conservation = DeliveryTally & {
	readonly made: number;
	readonly held: number;
	readonly unaccounted: number;
};

export type NewestRecord = { readonly sequence: number; readonly crc: number };

/** Connected and not silent: only then does anybody know how its devices are. */
export function isHeard(agent: AgentState | undefined): boolean {
	return agent?.isConnected === true && agent.silentSince === undefined;
}

export function agentKey({ site, agent }: Pick<DeviceState, "site" | "agent">): string {
	return `${site}/${agent}`;
}

/** Asks for the columns of one device over [from, to); `columns` absent: all of them. */
export type SeriesQuery = {
	readonly deviceNumber: number;
	readonly from: UnixMilliseconds;
	readonly to: UnixMilliseconds;
	readonly columns?: readonly Pick<Column, "measurement" | "component">[];
};

/** A piece of an answer: one shared time column, values by column; NaN marks an absent value. Times rise strictly, pieces follow in time. */
export type Columns = {
	readonly columns: readonly Column[];
	readonly times: Float64Array;
	readonly values: readonly Float64Array[];
};

/** The same of many devices: their numbers rise. */
export type DevicesQuery = Omit<SeriesQuery, "deviceNumber"> & { readonly deviceNumbers: readonly number[] };

/** A piece of an answer about many. */
export type DeviceColumns = Columns & { readonly deviceNumber: number };

/** Asks for steps of one device; steps of whole days are days of the site's zone. Whole steps: those that `from` and `to` lie in. */
export type StepsQuery = SeriesQuery & { readonly stepSeconds: number };

/**
 * A piece of an answer by steps, at the starts of those that have anything: `powerWatts:sum`, `:count`,
 * `:min`, `:max` and `:last` for a measurement; `joules` and the other sums by their own names.
 */
export type StepColumns = Columns & {
	/** How long each step is: as asked, or longer where nothing finer is left. */
	readonly tierSeconds: number;
};

/** Sums of one device over one interval of a minute or of five, the settlement interval. Additive, so any group and span is a sum of rows. */
export type IntervalSums = {
	readonly deviceNumber: number;
	/** Start, a multiple of the interval, Unix ms. */
	readonly from: UnixMilliseconds;
	readonly joules: number;
	readonly terahashes: number;
	/** Joules spent while the hashrate was known: the denominator's partner in J/TH. */
	readonly joulesWithWork: number;
	readonly secondsUp: number;
	readonly secondsDown: number;
	/** Work done while the power was known: the partner of joulesWithWork. */
	readonly terahashesWithPower: number;
	/** GPU-seconds present, for rented hours. */
	readonly gpuSeconds: number;
	/** Generated, by the host's own counter. */
	readonly tokens: number;
};

export type SumLabel = "site" | "rack" | "model" | "owner" | "use";

/** Of a device; "" where it has none. Owner and use are the inventory's words. */
export type Labels = Readonly<Record<SumLabel, string>>;

export type FleetSumsQuery = {
	readonly from: UnixMilliseconds;
	readonly to: UnixMilliseconds;
	/** Of 86,400 seconds are the days of the site's zone. */
	readonly tierSeconds: 60 | 300 | 3_600 | 86_400;
	/** Absent: the whole fleet in one. */
	readonly by?: SumLabel;
	/** Further labels that keep rows apart. */
	readonly apart?: readonly SumLabel[];
	/** Rows of one label in order of time, then those of the next; absent: all in order of time. */
	readonly isByTrack?: boolean;
};

/** Sums of all devices of one use, and one label where asked, over one interval. */
export type FleetSumsRow = Omit<IntervalSums, "deviceNumber"> & {
	/** Value of the label asked for; "" for the whole fleet and for devices without it. */
	readonly label: string;
	/** Those asked for by `apart`. */
	readonly labels?: Readonly<Partial<Labels>>;
	/** Whether the devices are GPU hosts: what they do is priced otherwise. */
	readonly isGpu: boolean;
	/** How long the interval is: as asked, or longer where nothing finer is left. */
	readonly tierSeconds: number;
};

/** Gaps that one question is answered with. */
export const GAPS_MOST = 10_000;

export type GapEntry = {
	readonly agent: string;
	readonly site: string;
	readonly from: UnixMilliseconds;
	readonly to: UnixMilliseconds;
	/** One of GAP_REASONS, or of a later agent. */
	readonly reason: string;
	/** Exactly so many outcomes are missing. */
	readonly outcomes: number;
	/** Whose they were, as far as it is known, by key. */
	readonly devices: readonly { readonly device: string; readonly outcomes: number }[];
};

/** What was stored once and can no longer be given. */
export type LossEntry = {
	readonly reason: "chunk_damaged" | "database_damaged" | "budget";
	readonly from: UnixMilliseconds;
	readonly to: UnixMilliseconds;
	readonly file: string;
	/** Key; absent where all devices of the file's rows are meant. */
	readonly device?: string;
	readonly foundAt: UnixMilliseconds;
};

/** How much room the store takes and has. */
export type StoreRoom = {
	readonly tierBytes: Readonly<Record<string, number>>;
	readonly otherBytes: number;
	/** Absent before a day is complete. */
	readonly growthBytesPerDay?: number;
	readonly diskFreeBytes: number;
	readonly budgetBytes?: number;
	/** Above the budget, and nothing is left that may go. */
	readonly bytesOverBudget?: number;
	readonly filesSacrificed: number;
	readonly damaged: number;
};

/** How far an input can be believed: typed by an operator, preliminary until its publisher restates it, or final. */
export type InputQuality = "assumed" | "preliminary" | "final";

/** An input as stored: append-only and bitemporal. Which row holds when: derive/timeline.ts. */
export type StoredInput = {
	/** Its row; absent before it is stored. */
	readonly id?: number;
	readonly name: string;
	readonly value: number;
	readonly unit: string;
	readonly source: string;
	readonly observedAt: UnixMilliseconds;
	readonly validFrom: UnixMilliseconds;
	/** Absent: until another begins. */
	readonly validTo?: UnixMilliseconds;
	readonly knownFrom: UnixMilliseconds;
	readonly isExample: boolean;
	readonly quality?: InputQuality;
	/** SHA-256 of the body it was read from, in hexadecimal. */
	readonly rawSha256?: string;
	/** The row that it restates. */
	readonly supersedes?: number;
};

export type EventsQuery = {
	readonly from: UnixMilliseconds;
	readonly to: UnixMilliseconds;
	/** Key. */
	readonly device?: string;
	readonly site?: string;
	readonly kinds?: readonly EventKind[];
	/** The id of the last event of the page before. */
	readonly after?: string;
	/** The newest first where absent. */
	readonly order?: "newest" | "oldest";
	readonly limit: number;
};

/** What happened since somebody asked last. */
export type NewEvents = {
	/** To ask with next time. */
	readonly mark: number;
	readonly events: readonly FleetEvent[];
	/** Unix ms: late outcomes changed what is known of the time from then on. */
	readonly changedFrom?: number;
};

/** How many events of a kind a site had since the program started; not those that were found late. */
export type EventCount = { readonly site: string; readonly kind: EventKind; readonly count: number };

/** What a month came to when it was frozen: JSON, with its hash. */
export type StoredStatement = {
	/** "2026-11" */
	readonly month: string;
	readonly frozenAt: number;
	readonly sha256: string;
	readonly body: string;
};

/** Contracts as the configuration stated them from then on: JSON, with its hash. Never changed, never removed. */
export type StoredTerms = {
	readonly knownFrom: number;
	readonly sha256: string;
	readonly body: string;
};

export type StoreStatistics = {
	readonly inboxRecords: number;
	readonly recordsCommitted: number;
	readonly outcomesCommitted: number;
	readonly samplesCommitted: number;
	readonly duplicatesIgnored: number;
	readonly recordsRejected: number;
	/** That waited for a disk for too long. */
	readonly eventsDropped: number;
	readonly commits: number;
	readonly commitSeconds: number;
	readonly fileBytes: number;
	readonly chunks: number;
	readonly damagedChunks: number;
	/** True while the disk refuses writes: nothing is acknowledged. */
	readonly isWriteBlocked: boolean;
};

/** Keys of two devices that are one: the second's readings become the first's. */
export type JoinWish = { readonly kept: string; readonly gone: string; readonly isDryRun: boolean };

/** What the rest of the collector may ask of the store. Everything but the synchronous reads goes to its worker. */
export type SeriesStore = {
	devices(): ReadonlyMap<string, DeviceState>;
	/** By "site/agent": an agent's name is its site's own. */
	agents(): ReadonlyMap<string, AgentState>;
	statistics(): StoreStatistics;
	select(query: SeriesQuery): AsyncIterable<Columns>;
	/** Of many devices in far less than one after another: each device's pieces follow in time, the devices' in no order. */
	selectDevices(query: DevicesQuery): AsyncIterable<DeviceColumns>;
	/** The same rolled up: all of the past that any tier still has, in order of time. */
	selectSteps(query: StepsQuery): AsyncIterable<StepColumns>;
	/** Sums in [from, to), ordered by time; `deviceNumbers` absent: all; five-minute rows unless said. */
	intervalSums(query: {
		readonly tierSeconds?: 60 | 300;
		readonly from: UnixMilliseconds;
		readonly to: UnixMilliseconds;
		readonly deviceNumbers?: readonly number[];
	}): Promise<readonly IntervalSums[]>;
	/** The same over the whole fleet, in order of time. A row is good until the next is asked for. */
	fleetSums(query: FleetSumsQuery): Promise<Iterable<FleetSumsRow>>;
	gaps(query: {
		readonly from: UnixMilliseconds;
		readonly to: UnixMilliseconds;
	}): Promise<readonly GapEntry[]>;
	losses(query: {
		readonly from: UnixMilliseconds;
		readonly to: UnixMilliseconds;
	}): Promise<readonly LossEntry[]>;
	events(query: EventsQuery): Promise<readonly FleetEvent[]>;
	/** Those that were stored after a mark; a mark of nobody gives none and the mark of now. */
	newEvents(mark?: number): NewEvents;
	eventCounts(): readonly EventCount[];
	inputs(): readonly StoredInput[];
	/** All statements about each device, rack and site, by inventoryKey. */
	inventory(): ReadonlyMap<string, InventoryEntries>;
	/** A month as it was frozen. */
	statement(month: string): Promise<StoredStatement | undefined>;
	/** What contracts were stated, in the order in which they came to be known. */
	terms(): Promise<readonly StoredTerms[]>;
	/** Keeps a month for good: one that is there stays as it is. */
	putStatement(statement: StoredStatement): Promise<void>;
	/** Replaces the statements about some things; those without any are forgotten. */
	putInventory(histories: ReadonlyMap<string, InventoryEntries>): Promise<void>;
};
