/**
 * The store as the rest of the collector sees it: commit, select, latest.
 *
 * The main thread decodes and keeps the present (present.ts); a worker owns the disk. A
 * commit resolves when its records are fsynced; only then do they move the present. A restart takes what
 * is stored of the present, then the records after it, and loses nothing that was acknowledged.
 */
import type { Clock } from "../../shared/clock.js";
import { type Failure, failure } from "../../shared/failures.js";
import { grouped } from "../../shared/grouped.js";
import { invariant } from "../../shared/invariant.js";
import { asBuffer, compiledWorker, Thread } from "../../shared/thread.js";
import { MILLISECONDS_PER_SECOND, type UnixMilliseconds } from "../../shared/units.js";
import { type Definition, storedDefinition } from "../../shared/wire/definition.js";
import { countedReason, type Gap } from "../../shared/wire/gap.js";
import { RANGES_MOST } from "../../shared/wire/messages.js";
import { checkRecord, type DecodedRecord, decodeRecord } from "../../shared/wire/record.js";
import { NOTHING_SETTLED, type Settled } from "../../shared/wire/sequences.js";
import { eventOf, type FleetEvent } from "../derive/events.js";
import type { TemperatureLimits } from "../derive/limits.js";
import { entryAt, INVENTORY_KINDS, type InventoryEntries, inventoryKey } from "../derive/placement.js";
import type { PowerOptions } from "../derive/power.js";
import { stepEdges } from "../derive/steps.js";
import { copyStore } from "./backup.js";
import { Catalogue, type SightedDevice } from "./catalogue.js";
import type {
	AgentState,
	Columns,
	DeliveryTally,
	DeviceColumns,
	DeviceState,
	DevicesQuery,
	EventCount,
	EventsQuery,
	FleetSumsQuery,
	FleetSumsRow,
	GapEntry,
	IntervalSums,
	JoinWish,
	LossEntry,
	NewEvents,
	NewestRecord,
	SeriesQuery,
	SeriesStore,
	StepColumns,
	StepsQuery,
	StoredInput,
	StoredStatement,
	StoredTerms,
	StoreStatistics,
} from "./device-state.js";
import { EventFeed } from "./event-feed.js";
import type { ArmedFailPoint } from "./fail-point.js";
import { FleetRows } from "./fleet-rows.js";
import type { FleetSumsSlice } from "./fleet-sums.js";
import {
	batchOf,
	type Examined,
	examined,
	type IncomingRecord,
	memoryOf,
	tableOf,
	unbelievable,
} from "./incoming.js";
import type { Batch, CursorRow, DeviceRow, GapTotal, InventoryThing, PresentRow } from "./main-database.js";
import type { Mended } from "./mending.js";
import type { Migrated } from "./migrations/migrate.js";
import { viewsOf } from "./packed-columns.js";
import { extentOf, placedRecord } from "./placed-record.js";
import { Present } from "./present.js";
import { Retention } from "./retention.js";
import { rollUpAgain } from "./rollup.js";
import { asColumns } from "./runs.js";
import type { StepRun, Steps } from "./tiers.js";
import { PRESENT_ROWS_AT_ONCE, Upkeep } from "./upkeep.js";
import { AGENT_SILENT_MILLISECONDS, dayOf, dayStart, type Late, MARK_DAYS, Watch } from "./watch.js";
import type { SelectedUntil, SelectSlice, StoreOperations, WorkerData } from "./worker.js";

const REPLAY_ROWS_AT_ONCE = 100;
/** Of deriving events anew in one go: who falls silent meanwhile is told in time. */
const DERIVE_AGAIN_MILLISECONDS = 500;
/** A commit that waits for longer makes agents look silent that are not. */
const HELD_UP_MILLISECONDS = 5_000;
/** A clock that is disciplined goes back by less. */
const CLOCK_BACK_MILLISECONDS = 2_000;
/** A file that is being sealed into has a moment to come to rest. */
const COPY_AGAIN_MILLISECONDS = 500;
export type CommitResult = {
	readonly sequence: number;
	readonly agent: string;
	readonly site: string;
	readonly epoch: string;
	/** Where the store refused the record for good. */
	readonly rejected?: Failure;
};

export type StoreOptions = {
	readonly folder: string;
	readonly clock: Clock;
	readonly maxDevices: number;
	/** How the watts of a device are found, where it does not say them. */
	readonly power: PowerOptions;
	/** Above which a sensor is too hot, where the device does not say. */
	readonly temperatureLimits?: TemperatureLimits;
	/** The most that the folder may hold; absent: no limit. */
	readonly budgetBytes?: number;
	/** Is told the files that went for the budget. */
	readonly onSacrificed?: (files: readonly string[]) => void;
	/** Of tests alone: where the process kills itself. */
	readonly failPoint?: ArmedFailPoint;
	/** Where the site's days begin: an IANA name, UTC where absent. */
	readonly timeZone?: string;
	/** Whether an agent may no longer speak: its devices pass to who reads them. */
	readonly isRevoked?: (site: string, agent: string) => boolean;
};

const NOTHING_COUNTED: DeliveryTally = { stored: 0, missing: 0, refused: 0 };

export class Store implements SeriesStore {
	private readonly thread: Thread<StoreOperations>;
	private readonly clock: Clock;
	private readonly folder: string;
	private readonly timeZone: string;
	private readonly catalogue: Catalogue;
	private readonly present: Present;
	private readonly watch: Watch;
	private readonly feed = new EventFeed();
	private readonly cursors = new Map<string, CursorRow>();
	private readonly agentStates = new Map<string, AgentState>();
	private storedInputs: StoredInput[] = [];
	private storedInventory: ReadonlyMap<string, InventoryEntries> = new Map();
	/** The clock at the last look. */
	private lookedAt = 0;
	private readonly counts = { records: 0, duplicates: 0, rejected: 0, commits: 0, commitSeconds: 0 };
	private disk = { fileBytes: 0, chunks: 0, damagedChunks: 0 };
	private isWriteBlocked = false;
	/** When a commit last ended that failed, or took so long that agents seemed silent meanwhile. */
	private heldUpUntil = 0;
	private readonly upkeep: Upkeep;
	private busy: Promise<unknown> = Promise.resolve();
	/** What is let go, by age, budget or name. */
	readonly retention: Retention;
	/** What this start brought over from an earlier version; absent where there was nothing. */
	migrated: Migrated | undefined;
	/** The damaged fleetwatt.db that this start set aside; absent where it was whole. */
	mended: Mended | undefined;

	private constructor(options: StoreOptions, thread: Thread<StoreOperations>) {
		this.thread = thread;
		this.clock = options.clock;
		this.folder = options.folder;
		this.timeZone = options.timeZone ?? "UTC";
		this.watch = new Watch({
			limits: options.temperatureLimits ?? {},
			power: options.power,
			entryAt: (key, at) =>
				this.storedInventory.size === 0
					? undefined
					: entryAt(this.storedInventory.get(inventoryKey({ kind: "device", key })), at),
		});
		this.catalogue = new Catalogue({
			maxDevices: options.maxDevices,
			onClash: (clash) => this.watch.add(eventOf({ kind: "identity-clash", ...clash })),
			...(options.isRevoked === undefined ? {} : { isRevoked: options.isRevoked }),
		});
		this.present = new Present({
			watch: this.watch,
			catalogue: this.catalogue,
			power: options.power,
		});
		const worker = {
			thread,
			clock: options.clock,
			inTurn: <Result>(run: () => Promise<Result>) => this.inTurn(run),
		};
		this.retention = new Retention({
			...worker,
			budgetBytes: options.budgetBytes,
			onSacrificed: options.onSacrificed ?? (() => undefined),
		});
		this.upkeep = new Upkeep({
			...worker,
			present: this.present,
			storeEvents: () => this.storeEvents(),
			keepBudget: () => this.retention.keepBudget(),
		});
	}

	/** @throws ThreadError with SQLite's or the system's code where the folder cannot be used */
	static async open(options: StoreOptions): Promise<Store> {
		const thread = new Thread<StoreOperations>(compiledWorker(import.meta.url, "worker.js"), {
			folder: options.folder,
			power: options.power,
			temperatureLimits: options.temperatureLimits ?? {},
			...(options.failPoint === undefined ? {} : { failPoint: options.failPoint }),
			timeZone: options.timeZone ?? "UTC",
		} satisfies WorkerData);
		const store = new Store(options, thread);
		try {
			await store.load();
			return store;
		} catch (error) {
			await thread.close();
			throw error;
		}
	}

	devices(): ReadonlyMap<string, DeviceState> {
		return this.present.devices();
	}

	agents(): ReadonlyMap<string, AgentState> {
		return this.agentStates;
	}

	inputs(): readonly StoredInput[] {
		return this.storedInputs;
	}

	inventory(): ReadonlyMap<string, InventoryEntries> {
		return this.storedInventory;
	}

	async putInventory(histories: ReadonlyMap<string, InventoryEntries>): Promise<void> {
		const rows = [...histories].map(([key, entries]) => ({ thing: thingOf(key), entries }));
		await this.inTurn(() => this.thread.call("putInventory", rows));
		const all = new Map(this.storedInventory);
		for (const [key, entries] of histories) {
			if (entries.length > 0) all.set(key, entries);
			else all.delete(key);
		}
		this.storedInventory = all;
		this.present.place(all, this.clock.now());
	}

	/**
	 * What was read of a device is of another, which goes on as the first is now: a swapped control board. All that
	 * is not sealed is sealed before, so that the readings stand in one place each when they are moved.
	 *
	 * @returns why it cannot be; undefined where it was done, or could be where it is a dry run
	 */
	async joinDevices(wish: JoinWish): Promise<string | undefined> {
		const { kept, gone, isDryRun } = wish;
		if (!isDryRun) await this.seal({ all: true });
		return await this.inTurn(async () => {
			const [state, other] = [this.present.devices().get(kept), this.present.devices().get(gone)];
			if (state === undefined || other === undefined) return "One of them is not known any more.";
			const [at, since] = [this.clock.now(), other.firstSeenAt];
			const lost = await this.thread.call("dayWithoutReadings", {
				device: other.number,
				from: since,
				to: at,
			});
			if (lost !== undefined)
				return `Of ${gone} the readings of ${lost} are dropped already, only sums are left; they cannot be joined.`;
			if (isDryRun) return undefined;
			await this.upkeep.sealInTurn();
			await this.storeEvents();
			const numbers = [state.number, other.number] as const;
			const known = this.catalogue.joined(...numbers);
			// From its last outcome on, so that its being down ends with the other's first reading.
			const from = Math.min(since, Math.max(state.lastAttemptAt, state.firstSeenAt));
			const watch = this.watch.joined(...numbers, from);
			const present = this.present.joinedRow(...numbers, { known, watch });
			const join = { gone: other.number, key: gone, kept: state.number, since, at };
			await this.thread.call("joinDevices", { ...join, device: deviceRow(known), present });
			this.catalogue.join(...numbers);
			this.present.join(...numbers);
			this.watch.join(state, other.number, watch);
			this.feed.addLate([], since);
			return undefined;
		});
	}

	statement(month: string): Promise<StoredStatement | undefined> {
		return this.thread.call("statement", month);
	}

	async putStatement(statement: StoredStatement): Promise<void> {
		await this.inTurn(() => this.thread.call("putStatement", statement));
	}

	terms(): Promise<readonly StoredTerms[]> {
		return this.thread.call("terms", undefined);
	}

	async addTerms(terms: StoredTerms): Promise<void> {
		await this.inTurn(() => this.thread.call("addTerms", terms));
	}

	/** Puts in force what the inventory says from now on; asked once a minute, since statements may begin later. */
	placeDevices(): void {
		this.present.place(this.storedInventory, this.clock.now());
	}

	statistics(): StoreStatistics {
		return {
			...this.disk,
			inboxRecords: this.upkeep.inbox.records,
			recordsCommitted: this.counts.records,
			outcomesCommitted: this.present.outcomesApplied,
			samplesCommitted: this.present.samplesApplied,
			duplicatesIgnored: this.counts.duplicates,
			recordsRejected: this.counts.rejected,
			eventsDropped: this.watch.dropped,
			commits: this.counts.commits,
			commitSeconds: this.counts.commitSeconds,
			isWriteBlocked: this.isWriteBlocked,
		};
	}

	/** Definitions of a record's table that are not known. */
	unknownDefinitions(table: readonly string[]): readonly string[] {
		return this.catalogue.unknown(table);
	}

	define(hash: string, text: string, definition: Definition): void {
		this.catalogue.define(hash, text, definition);
	}

	settledOf(agent: string, epoch: string): Settled {
		return this.cursors.get(`${agent}\n${epoch}`)?.settled ?? NOTHING_SETTLED;
	}

	/** What of an agent's epoch is here; undefined where a version before did not count. */
	tallyOf(agent: string, epoch: string): DeliveryTally | undefined {
		const cursor = this.cursors.get(`${agent}\n${epoch}`);
		return cursor === undefined ? NOTHING_COUNTED : cursor.tally;
	}

	/** The highest number that came of an epoch. */
	newestOf(agent: string, epoch: string): NewestRecord | undefined {
		return this.cursors.get(`${agent}\n${epoch}`)?.newest;
	}

	setAgent(state: AgentState): void {
		const before = this.agentStates.get(`${state.site}/${state.agent}`);
		this.watch.agentChanged(before, state, this.clock.now());
		this.agentStates.set(`${state.site}/${state.agent}`, state);
	}

	/**
	 * Stores records in one transaction and gives what became of each.
	 *
	 * @throws ThreadError where the disk refuses; nothing is stored then, and nothing may be acknowledged
	 */
	async commit(records: readonly IncomingRecord[]): Promise<readonly CommitResult[]> {
		const began = this.clock.monotonic();
		try {
			return await this.inTurn(() => this.commitNow(records));
		} finally {
			const tookLong = this.clock.monotonic() - began > HELD_UP_MILLISECONDS;
			if (tookLong || this.isWriteBlocked) this.heldUpUntil = this.clock.now();
		}
	}

	/** Seals every hour that is over, and all there is where `all` says so; then forgets what of the inbox is sealed. */
	seal(wish: { readonly all?: boolean } = {}): Promise<{ chunks: number }> {
		return this.upkeep.seal(wish);
	}

	/** Joins the parts of closed hours, a few rows at a time. */
	merge(): Promise<void> {
		return this.upkeep.merge();
	}

	select({ deviceNumber, ...query }: SeriesQuery): AsyncIterable<Columns> {
		return this.selectDevices({ ...query, deviceNumbers: [deviceNumber] });
	}

	async *selectDevices(query: DevicesQuery): AsyncIterable<DeviceColumns> {
		let after: SelectedUntil | undefined;
		do {
			const { pieces, next }: SelectSlice = await this.thread.call("select", { ...query, after });
			for (const piece of pieces) yield { deviceNumber: piece.deviceNumber, ...viewsOf(piece) };
			after = next;
		} while (after !== undefined);
	}

	intervalSums(query: {
		readonly from: number;
		readonly to: number;
		readonly deviceNumbers?: readonly number[];
		readonly tierSeconds?: number;
	}): Promise<readonly IntervalSums[]> {
		const { tierSeconds = 300, ...rest } = query;
		return this.thread.call("intervals", { tierSeconds, ...rest });
	}

	events(query: EventsQuery): Promise<readonly FleetEvent[]> {
		return this.thread.call("events", query);
	}

	newEvents(mark?: number): NewEvents {
		return this.feed.after(mark);
	}

	eventCounts(): readonly EventCount[] {
		return this.feed.counted(new Set([...this.agentStates.values()].map(({ site }) => site)));
	}

	/** Two agents prove one name in turn. */
	agentsClash(site: string, agent: string): void {
		const after = "another agent of the same name";
		this.watch.add(eventOf({ at: this.clock.now(), kind: "identity-clash", site, agent, after }));
	}

	/**
	 * Looks who fell silent, stores what happened since the last look, and derives anew what late outcomes changed;
	 * asked once a second.
	 */
	async watchNow(): Promise<void> {
		const isBack = this.clock.now() < this.lookedAt - CLOCK_BACK_MILLISECONDS;
		this.lookedAt = this.clock.now();
		if (isBack) await this.turnBack();
		this.lookWhoIsSilent();
		await this.inTurn(() => this.storeEvents());
		await this.joinRightful();
		const end = this.clock.monotonic() + DERIVE_AGAIN_MILLISECONDS;
		for (const [device, late] of this.watch.dueAgain(this.clock.monotonic())) {
			await this.deriveAgain(device, late);
			if (this.clock.monotonic() > end) return;
		}
	}

	/** What is known of devices and agents is of now at the latest, wherever the clock stood when it came. */
	private async turnBack(): Promise<void> {
		const now = this.clock.now();
		const isTurned = this.present.turnBack(now);
		this.watch.turnBack(now);
		const untilNow = (at: UnixMilliseconds) => (at < now ? at : now);
		for (const [key, { lastRecordAt, speaksSince, ...state }] of this.agentStates)
			this.agentStates.set(key, {
				...state,
				since: untilNow(state.since),
				...(lastRecordAt === undefined ? {} : { lastRecordAt: untilNow(lastRecordAt) }),
				...(speaksSince === undefined ? {} : { speaksSince: untilNow(speaksSince) }),
			});
		if (isTurned) await this.upkeep.trim();
	}

	/** One device a look, so that a whole range that passes to another agent holds nobody up. */
	private async joinRightful(): Promise<void> {
		const rightful = this.catalogue.takeRightful();
		if (rightful === undefined) return;
		const refused = await this.joinDevices({ ...rightful, isDryRun: false });
		if (refused !== undefined) this.catalogue.leaveApart(rightful);
	}

	private lookWhoIsSilent(): void {
		const { watch, heldUpUntil, agentStates } = this;
		watch.tick(this.clock.now(), this.present.devices().values(), agentStates.values(), heldUpUntil);
		for (const [key, state] of agentStates) {
			const silentSince = watch.silentSince(key);
			if (silentSince === state.silentSince) continue;
			const { silentSince: _before, ...rest } = state;
			agentStates.set(key, silentSince === undefined ? rest : { ...rest, silentSince });
		}
	}

	private async storeEvents(): Promise<void> {
		const pending = this.watch.take();
		const { events, removed, marks } = pending;
		if (events.length + removed.length + marks.length === 0) return;
		try {
			const added = await this.thread.call("putEvents", pending);
			this.feed.add(added);
		} catch (error) {
			this.watch.giveBack(pending);
			throw error;
		}
	}

	private async deriveAgain(device: number, late: Late): Promise<void> {
		const state = this.present.numbered(device);
		if (state === undefined) return;
		const agentDevice = this.watch.agentDevice(state);
		await this.inTurn(async () => {
			// What is pending of it would come back after it was replaced.
			await this.storeEvents();
			const to = this.watch.newestOf(device);
			// Before that no state is kept to begin with, and a clock that began in 1970 would read half a century.
			const from = Math.max(late.from, dayStart(dayOf(this.clock.now()) - MARK_DAYS));
			if (from > to) {
				this.watch.leave(device, late);
				return;
			}
			const wish = { device, from, to, ...(agentDevice === undefined ? {} : { agentDevice }) };
			const found = await this.thread.call("refoldEvents", wish);
			if (found === undefined) return;
			this.watch.again(device, late, { to, state: found.state });
			if (found.added.length + found.removed > 0) this.feed.addLate(found.added, from);
		});
	}

	/** In slices, so that commits come between. */
	async *selectSteps(query: StepsQuery): AsyncIterable<StepColumns> {
		let held: StepRun[] = [];
		let after: number | undefined;
		do {
			const { runs, next }: Steps = await this.thread.call("selectSteps", { query, after });
			for (const run of runs) {
				if (held[0] !== undefined && held[0].tierSeconds !== run.tierSeconds) {
					yield this.joinedSteps(held);
					held = [];
				}
				held.push(run);
			}
			after = next;
		} while (after !== undefined);
		if (held.length > 0) yield this.joinedSteps(held);
	}

	async fleetSums(query: FleetSumsQuery): Promise<Iterable<FleetSumsRow>> {
		const rows = new FleetRows(query);
		let after: number | undefined;
		do {
			const { tracks, next }: FleetSumsSlice = await this.thread.call("fleetSums", { query, after });
			for (const track of tracks) rows.addTrack(track);
			after = next;
		} while (after !== undefined);
		return rows.rows();
	}

	async gaps(query: { readonly from: number; readonly to: number }): Promise<readonly GapEntry[]> {
		const keys = new Map([...this.present.devices().values()].map(({ number, key }) => [number, key]));
		const found = await this.thread.call("gaps", query);
		return found.map(({ devices, ...gap }) => ({
			...gap,
			devices: devices.flatMap(([number, outcomes]) => {
				const device = keys.get(number);
				return device === undefined ? [] : [{ device, outcomes }];
			}),
		}));
	}

	losses(query: { readonly from: number; readonly to: number }): Promise<readonly LossEntry[]> {
		return this.thread.call("losses", query);
	}

	/** Appends in one transaction. */
	async addInputs(inputs: readonly StoredInput[]): Promise<void> {
		if (inputs.length === 0) return;
		const ids = await this.thread.call("addInputs", inputs);
		this.storedInputs = [
			...this.storedInputs,
			...inputs.map((input, index) => {
				const id = ids[index];
				return id === undefined ? input : { ...input, id };
			}),
		];
	}

	/**
	 * Copies the store into a folder that is empty or not there yet; commits and reads go on.
	 *
	 * @throws CopyRefused, or what the disk says
	 */
	copyTo(to: string, onFile?: (name: string, of: number) => void): Promise<readonly string[]> {
		const pause = () => new Promise<void>((resolve) => this.clock.after(COPY_AGAIN_MILLISECONDS, resolve));
		return copyStore(
			{ from: this.folder, to },
			{
				main: (folder) => this.thread.call("copyMain", folder),
				names: () => this.thread.call("tierNames", undefined),
				slice: (wish) => this.thread.call("copySlice", wish),
				pause,
			},
			onFile,
		);
	}

	async measureDisk(): Promise<void> {
		const { inboxRecords, ...disk } = await this.thread.call("size", undefined);
		this.disk = disk;
		this.upkeep.inbox.records = inboxRecords;
		await this.retention.measureRoom();
	}

	async close(): Promise<void> {
		await this.busy.catch(() => undefined);
		await this.upkeep.end();
		await this.thread.close();
	}

	private async load(): Promise<void> {
		const stored = await this.thread.call("open", undefined);
		this.migrated = stored.migrated;
		if (stored.migrated === undefined) this.upkeep.copyFound(stored.copy);
		const definitions = stored.definitions.map(({ hash, text }) => ({
			hash,
			definition: storedDefinition(text),
		}));
		for (const { number } of stored.devices) this.upkeep.deviceStored(number);
		this.catalogue.load({
			definitions,
			devices: stored.devices,
			aliases: stored.aliases,
			readers: stored.readers,
			joins: stored.joins,
		});
		for (const cursor of stored.cursors) this.cursors.set(`${cursor.agent}\n${cursor.epoch}`, cursor);
		this.storedInputs = [...stored.inputs];
		this.storedInventory = grouped(stored.inventory, inventoryKey);
		this.present.place(this.storedInventory, this.clock.now());
		await this.restorePresent();
		await this.replay();
		this.present.replayed();
		if (stored.isMending) await this.takeOver();
		for (const { agent, site } of stored.cursors)
			this.markSilent(
				agent,
				site,
				stored.gapTotals.filter((one) => one.site === site && one.agent === agent),
			);
		this.watch.restoreSilent(await this.thread.call("silences", undefined));
		await this.turnBack();
		await this.measureDisk();
	}

	private joinedSteps(runs: readonly StepRun[]): StepColumns {
		const tierSeconds = runs[0]?.tierSeconds ?? 0;
		const edges = stepEdges(tierSeconds, this.timeZone);
		return {
			...asColumns(
				rollUpAgain(
					runs.map(({ run }) => run),
					edges,
				),
			),
			tierSeconds,
		};
	}

	/** An agent that is known from before and has not connected yet. */
	private markSilent(agent: string, site: string, gaps: readonly GapTotal[]): void {
		this.setAgent({
			agent,
			site,
			isConnected: false,
			since: this.clock.now(),
			gapOutcomes: gaps.reduce((sum, { outcomes }) => sum + outcomes, 0),
			gapsByReason: Object.fromEntries(
				gaps.map(({ reason, gaps: count, outcomes }) => [reason, { gaps: count, outcomes }]),
			),
		});
	}

	private async restorePresent(): Promise<void> {
		let rows: readonly PresentRow[] = [];
		do {
			const after = rows.at(-1)?.device ?? 0;
			rows = await this.thread.call("present", { after, most: PRESENT_ROWS_AT_ONCE });
			for (const row of rows) this.present.restore(row);
		} while (rows.length > 0);
	}

	/** Reads the inbox again; the worker is told what each record tells of. */
	private async replay(): Promise<void> {
		for (let after = 0; ; ) {
			const rows = await this.thread.call("inboxAfter", { id: after, most: REPLAY_ROWS_AT_ONCE });
			if (rows.length === 0) return;
			const damaged: number[] = [];
			const told = rows.flatMap((row) => {
				this.upkeep.inbox.bytes += row.bytes.length;
				const bytes = asBuffer(row.bytes);
				if (checkRecord(bytes) !== undefined) {
					damaged.push(row.id);
					return [];
				}
				const decoded = this.decode(bytes);
				if (!decoded.ok) return [];
				const placed = placedRecord(decoded.record, row, this.catalogue);
				this.present.apply(placed.record, placed.groups, { id: row.id, receivedAt: row.received_at });
				this.noteGap(placed.record, row);
				const extent = extentOf(placed);
				return extent === undefined ? [] : [{ id: row.id, agent: `${row.site}/${row.agent}`, extent }];
			});
			await this.thread.call("unsealed", { told, damaged });
			after = rows.at(-1)?.id ?? after;
		}
	}

	private decode(bytes: Buffer) {
		return decodeRecord(bytes, (hash) => this.catalogue.shape(hash));
	}

	private async commitNow(records: readonly IncomingRecord[]): Promise<readonly CommitResult[]> {
		const decoded = records.map((incoming) => examined(incoming, this.catalogue));
		const changes = this.catalogue.changes();
		const accepted = decoded.filter((one) => one.rejected === undefined);
		const batch: Batch = { ...batchOf(decoded, accepted), ...changes };
		const started = this.clock.monotonic();
		const { ids, cursors, mayBeDue } = await this.written(batch);
		this.counts.commits += 1;
		this.counts.commitSeconds += (this.clock.monotonic() - started) / MILLISECONDS_PER_SECOND;
		this.catalogue.stored(changes);
		for (const { number } of changes.devices) this.upkeep.deviceStored(number);
		for (const cursor of cursors) this.cursors.set(`${cursor.agent}\n${cursor.epoch}`, cursor);
		for (const [index, one] of accepted.entries()) this.applied(one, ids[index] ?? 0);
		this.counts.rejected += decoded.length - accepted.length;
		this.upkeep.committed(mayBeDue);
		return decoded.map(({ incoming: { sequence, agent, site, epoch }, rejected }) =>
			rejected === undefined ? { sequence, agent, site, epoch } : { sequence, agent, site, epoch, rejected },
		);
	}

	private async written(batch: Batch) {
		try {
			const answer = await this.thread.call("commit", batch, memoryOf(batch));
			this.isWriteBlocked = false;
			return answer;
		} catch (error) {
			this.isWriteBlocked = true;
			throw error;
		}
	}

	private applied({ incoming, placed }: Examined, id: number): void {
		if (id === 0) {
			this.counts.duplicates += 1;
			return;
		}
		this.counts.records += 1;
		this.upkeep.inbox.bytes += incoming.bytes.length;
		this.upkeep.inbox.records += 1;
		invariant(placed !== undefined, "an accepted record was decoded");
		const { record, groups } = placed;
		this.present.apply(record, groups, { id, receivedAt: incoming.receivedAt });
		this.noteGap(record, incoming);
		const key = `${incoming.site}/${incoming.agent}`;
		const agent = this.agentStates.get(key);
		if (agent === undefined) return;
		const told = record.kind === "gap" ? withGap(agent, record.gap) : agent;
		const now = this.clock.now();
		const isSpeaking =
			agent.lastRecordAt !== undefined && now - agent.lastRecordAt <= AGENT_SILENT_MILLISECONDS;
		const speaks = isSpeaking ? {} : { speaksSince: now };
		this.agentStates.set(key, { ...told, ...speaks, lastRecordAt: now });
	}

	private noteGap(
		record: DecodedRecord,
		{ site, agent, offset }: Pick<IncomingRecord, "site" | "agent" | "offset">,
	) {
		if (record.kind !== "gap") return;
		const { from, to, reason, outcomes: count } = record.gap;
		const [at, until] = [Math.round(from + offset), Math.round(to + offset)];
		this.watch.add(eventOf({ at, kind: "gap", site, agent, reason, until, count }));
	}

	/**
	 * Takes what can be read of a damaged fleetwatt.db as if it came again. What cannot be decoded is left to its agent,
	 * which sends it again: as a dead letter it would be settled.
	 */
	private async takeOver(): Promise<void> {
		let taken = 0;
		for (let isFirst = true; ; isFirst = false) {
			const { definitions, records } = await this.thread.call("salvage", isFirst);
			for (const { hash, text } of definitions) this.define(hash, text, storedDefinition(text));
			if (records.length === 0) break;
			const whole = records.flatMap(({ received_at: receivedAt, bytes, ...row }) => {
				const incoming = { ...row, receivedAt, bytes: asBuffer(bytes) };
				const decoded = this.decode(incoming.bytes);
				const isKnown =
					decoded.ok &&
					unbelievable(decoded.record, incoming) === undefined &&
					this.unknownDefinitions(tableOf(decoded.record)).length === 0;
				const { ranges } = this.settledOf(row.agent, row.epoch);
				return isKnown && ranges.length < RANGES_MOST ? [incoming] : [];
			});
			await this.commit(whole);
			taken += whole.length;
		}
		this.mended = await this.thread.call("endMending", taken);
	}

	/** One after another: what moves the cursor, the inbox or the snapshot. */
	private inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
		const next = this.busy.then(run, run);
		this.busy = next.catch(() => undefined);
		return next;
	}
}

function thingOf(key: string): InventoryThing {
	const blank = key.indexOf(" ");
	const kind = INVENTORY_KINDS.find((one) => one === key.slice(0, blank));
	invariant(kind !== undefined, "a key of the inventory begins with its kind");
	return { kind, key: key.slice(blank + 1) };
}

function deviceRow({ number, key, site, agent, firstSeenAt, definition }: SightedDevice): DeviceRow {
	return { number, key, site, agent, first_seen_at: firstSeenAt, definition };
}

function withGap(agent: AgentState, { reason: told, outcomes }: Gap): AgentState {
	const reason = countedReason(told);
	const { gaps, outcomes: before } = agent.gapsByReason[reason] ?? { gaps: 0, outcomes: 0 };
	return {
		...agent,
		gapOutcomes: agent.gapOutcomes + outcomes,
		gapsByReason: { ...agent.gapsByReason, [reason]: { gaps: gaps + 1, outcomes: before + outcomes } },
	};
}

/** For messages: what a disk that refuses means. */
export function writeFailure(error: unknown): Failure {
	return failure(
		"STORE_WRITE_FAILED",
		`The disk refused a commit: ${error instanceof Error ? error.message : String(error)}.`,
	);
}
