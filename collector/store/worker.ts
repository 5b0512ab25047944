/**
 * The store's thread: owns every SQLite file, so that the main thread never waits for a disk.
 *
 * Commits batches and remembers what of them is not sealed; seals closed hours, merges parts, reads the past.
 */
import { existsSync, mkdirSync, statfsSync, statSync } from "node:fs";
import path from "node:path";
import { realClock } from "../../shared/clock.js";
import { asBuffer, serve, threadData } from "../../shared/thread.js";
import { type Definition, storedDefinition } from "../../shared/wire/definition.js";
import { checkRecord, decodeRecord } from "../../shared/wire/record.js";
import type { TemperatureLimits } from "../derive/limits.js";
import { changedSpan, entryAt, type InventoryEntries, type InventoryEntry } from "../derive/placement.js";
import type { PowerOptions } from "../derive/power.js";
import { Archive, type Damage } from "./archive.js";
import { copySlice, type SliceWish, tierNames } from "./backup.js";
import { sacrificeFor } from "./budget.js";
import { CLAIM } from "./catalogue.js";
import { columnKey } from "./column-key.js";
import { DamageLog } from "./damage-log.js";
import { DayFiles, dayOf, hourOf, MILLISECONDS_PER_HOUR } from "./day-files.js";
import { dayWithoutReadings, moveReadings } from "./device-join.js";
import type {
	Column,
	DevicesQuery,
	EventsQuery,
	FleetSumsQuery,
	IntervalSums,
	StoredInput,
	StoredStatement,
	StoredTerms,
} from "./device-state.js";
import { type ArmedFailPoint, armFailPoint, reach } from "./fail-point.js";
import { growthBytesPerDay, MAIN_FILE, storeFiles, type TierFile } from "./files.js";
import type { FleetTrack } from "./fleet-rows.js";
import { FleetSums } from "./fleet-sums.js";
import type { Fetched } from "./hour-readings.js";
import type { Join, Joined } from "./join-table.js";
import {
	type Batch,
	type InboxRow,
	type InventoryThing,
	MainDatabase,
	type PresentRow,
} from "./main-database.js";
import { copyOf, type Mended, Mending, openMended } from "./mending.js";
import type { NamedDevice } from "./metered-past.js";
import { type Migrated, migrate } from "./migrations/migrate.js";
import { groupOf } from "./pack.js";
import type { PackedColumns } from "./packed-columns.js";
import { type Refolded, type RefoldWish, refold } from "./refold.js";
import { Sealing } from "./sealing.js";
import { intervalRows } from "./sums.js";
import { type Tier, TierFiles } from "./tier-files.js";
import { type StepQuery, Tiers } from "./tiers.js";
import { type RecordExtent, Unsealed } from "./unsealed.js";
import type { PendingEvents } from "./watch.js";

export type WorkerData = {
	readonly folder: string;
	readonly power: PowerOptions;
	readonly temperatureLimits: TemperatureLimits;
	/** Of tests alone. */
	readonly failPoint?: ArmedFailPoint;
	/** Where the site's days begin: an IANA name. */
	readonly timeZone: string;
};

const { folder, power, temperatureLimits, timeZone, failPoint } = threadData<WorkerData>();
armFailPoint(failPoint);
/** A slice of closing or reading; what it has begun it ends, which takes no longer than this again. */
const SLICE_MILLISECONDS = 25;
/** Rows that one transaction of sealing or merging writes: sixteen devices each. */
const GROUPS_AT_ONCE = 8;
/** Values that one slice of an answer has about: 4 MB of them. */
const VALUES_AT_ONCE = 500_000;
const HOURS_PER_DAY = 24;
const DAY_MILLISECONDS = HOURS_PER_DAY * MILLISECONDS_PER_HOUR;
/** A copy is made where so many would have room. */
const COPY_LEAVES_TIMES = 3;
const SHRINK_PAGES_AT_ONCE = 1_000;
/** So many free pages are not worth a file that is cut and grows again. */
const FREE_PAGES_KEPT = 256;
const UNKNOWN_LABEL = "";

const definitions = new Map<string, Definition>();
/** Definition and site by device. */
const described = new Map<
	number,
	{ readonly definition: string; readonly site: string; readonly key: string }
>();
/** Devices that are an agent's word of another's: they draw nothing beside it. */
const claims = new Set<number>();
/** What operators say of devices, by key. */
const placed = new Map<string, InventoryEntries>();
const damage = new DamageLog();
/** A record that came at once holds outcomes of so long before. */
const INBOX_DAMAGE_MILLISECONDS = 60_000;

type Rooms = {
	readonly main: MainDatabase;
	readonly days: DayFiles;
	readonly unsealed: Unsealed;
	readonly sealing: Sealing;
	readonly archive: Archive;
	readonly tierFiles: TierFiles;
	readonly tiers: Tiers;
	readonly fleet: FleetSums;
};

let opened: Rooms | undefined;
let migrated: Migrated | undefined;
let mending: Mending | undefined;

/** Opened by the first call, so that what a disk refuses is that call's answer. */
function rooms(): Rooms {
	opened ??= openRooms();
	return opened;
}

function openRooms(): Rooms {
	mkdirSync(folder, { recursive: true });
	const days = new DayFiles(folder, (day, what) => {
		const from = Date.parse(`${day}T00:00:00Z`);
		const file = rawName(day);
		damage.note({
			from,
			to: from + HOURS_PER_DAY * MILLISECONDS_PER_HOUR,
			foundAt: realClock.now(),
			file,
			what,
		});
	});
	const main = openMended(
		folder,
		() =>
			new MainDatabase(folder, (open, database) => {
				migrated = migrate({ folder, days, main: open, database, now: realClock.now() });
				mending = Mending.of(folder);
				mending?.takeTables(database);
			}),
	);
	damage.load(main.damage());
	const unsealed = new Unsealed();
	const archive = new Archive({
		days,
		unsealed,
		fetch: (id) => fetched(main, id),
		power,
		describe: (device) => descriptionOf(device),
		devices: namedDevices,
		onDamaged,
		onChange: (places) => tiers.touched(places),
	});
	const tierFiles = new TierFiles(folder);
	const monotonic = () => realClock.monotonic();
	const sealing = new Sealing({ archive, unsealed, monotonic });
	const parts = { archive, days, unsealed, labelsOf, timeZone, monotonic };
	const tiers = new Tiers({ ...parts, files: tierFiles, main });
	const fleet = new FleetSums({ ...parts, tiers });
	return { main, days, unsealed, sealing, archive, tierFiles, tiers, fleet };
}

function onDamaged({ hour, ...what }: Damage): void {
	const from = hour * MILLISECONDS_PER_HOUR;
	const file = rawName(dayOf(from));
	damage.note({ ...what, from, to: from + MILLISECONDS_PER_HOUR, foundAt: realClock.now(), file });
}

function rawName(day: string): string {
	return `raw-${day}.db`;
}

/** Where the device stood at that time, by the inventory; else where its agent has it now. */
function labelsOf(device: number, at: number) {
	const known = described.get(device);
	if (known === undefined || claims.has(device)) return undefined;
	const { kind, rack = UNKNOWN_LABEL, model = UNKNOWN_LABEL } = descriptionOf(device) ?? {};
	// An agent draws nothing of the site's; what a meter measures is drawn by others, and would count twice.
	if (kind === "agent" || kind === "meter") return undefined;
	const stated = entryAt(placed.get(known.key), at);
	const { owner = UNKNOWN_LABEL, use = UNKNOWN_LABEL } = stated ?? {};
	return { site: known.site, rack: stated?.rack ?? rack, model, owner, use };
}

function learnInventory(entries: readonly InventoryEntry[]): readonly InventoryEntry[] {
	for (const entry of entries)
		if (entry.kind === "device") placed.set(entry.key, [...(placed.get(entry.key) ?? []), entry]);
	return entries;
}

/** The rows of what changed are forgotten, then put; sums by rack of the present are made anew. */
function putInventory(
	histories: readonly { readonly thing: InventoryThing; readonly entries: InventoryEntries }[],
) {
	const things = histories.map(({ thing }) => thing);
	rooms().main.putInventory(
		histories.map(({ entries }) => entries),
		things,
	);
	for (const { thing, entries } of histories) {
		if (thing.kind !== "device") continue;
		const span = changedSpan(placed.get(thing.key) ?? [], entries);
		if (span !== undefined) rooms().tiers.relabelled(span);
		placed.set(thing.key, entries);
	}
	rooms().fleet.touched(0, Number.POSITIVE_INFINITY);
}

function descriptionOf(device: number) {
	const known = described.get(device);
	const found = known === undefined ? undefined : definitions.get(known.definition);
	return found?.kind === "device" ? found.device : undefined;
}

function* namedDevices(): Generator<NamedDevice> {
	for (const [number, { site }] of described) {
		const description = descriptionOf(number);
		if (description !== undefined) yield { ...description, number, site };
	}
}

function learn(hash: string, text: string): void {
	definitions.set(hash, storedDefinition(text));
}

function describeDevices(rows: Batch["devices"]): void {
	for (const { number: device, definition, site, key } of rows)
		described.set(device, { definition, site, key });
}

function learnClaims(rows: Batch["aliases"]): void {
	for (const { kind, device } of rows) if (kind === CLAIM) claims.add(device);
}

function open() {
	for (const join of rooms().main.joins.unfinished()) finishJoin(join);
	for (const { hash, text } of rooms().main.definitions()) learn(hash, text);
	const devices = rooms().main.devices();
	describeDevices(devices);
	const aliases = rooms().main.aliases();
	learnClaims(aliases);
	return {
		isMending: mending !== undefined,
		devices,
		aliases,
		readers: rooms().main.readers(),
		joins: rooms().main.joins.all(),
		definitions: rooms().main.definitions(),
		cursors: rooms().main.allCursors(),
		gapTotals: rooms().main.gapTotals(),
		inputs: rooms().main.inputs(),
		inventory: learnInventory(rooms().main.inventory()),
		migrated,
		copy: copyOf(folder, realClock.now()),
	};
}

function joinDevices(joined: Joined): void {
	rooms().main.joins.put(joined);
	described.delete(joined.gone);
	describeDevices([joined.device]);
	finishJoin(joined);
}

function finishJoin(join: Join): void {
	reach("join: names stored");
	moveReadings(rooms(), join);
	reach("join: readings moved");
	rooms().main.joins.finish(join.gone);
}

/** A record of the inbox; what does not decode was refused before it got there, and a row that rots since is left out. */
function fetched(main: MainDatabase, id: number): Fetched | undefined {
	const row = main.inboxRow(id);
	if (row === undefined) return undefined;
	const bytes = asBuffer(row.bytes);
	if (checkRecord(bytes) !== undefined) {
		inboxDamaged(row);
		return undefined;
	}
	const found = decodeRecord(bytes, (hash) => {
		const known = definitions.get(hash);
		return known?.kind === "shape" ? known : undefined;
	});
	return found.ok ? { record: found.record, offset: row.offset } : undefined;
}

/** When its outcomes were is not known any more: about when it came, if it was not late. */
function inboxDamaged({ id, agent, site, sequence, received_at }: InboxRow): void {
	damage.note({
		from: received_at - INBOX_DAMAGE_MILLISECONDS,
		to: received_at + 1,
		foundAt: realClock.now(),
		file: `${MAIN_FILE}, inbox row ${id}`,
		what: `Record ${sequence} of agent "${agent}" of site "${site}" is damaged.`,
	});
}

/** What can be read of a damaged file, a slice at a time; with nothing left it is done with, and told. */
function salvage(isFirst: boolean) {
	const definitions = isFirst ? (mending?.definitions() ?? []) : [];
	return { definitions, records: mending?.nextRecords() ?? [] };
}

/** Leaves room for what comes: on a disk that is nearly full the copy of before stays. */
async function keepCopy(): Promise<void> {
	const { bavail, bsize } = statfsSync(folder);
	if (bavail * bsize < COPY_LEAVES_TIMES * storeFiles(folder).mainBytes) return;
	await rooms().main.keepCopy();
}

function endMending(records: number): Mended | undefined {
	const ended = mending?.end();
	mending = undefined;
	if (ended === undefined) return undefined;
	const foundAt = realClock.now();
	const file = path.basename(ended.aside);
	const what = `It was set aside; ${records} records that were not sealed yet could be read.`;
	damage.note({ from: ended.copiedAt ?? foundAt - DAY_MILLISECONDS, to: foundAt, foundAt, file, what });
	return ended;
}

type Told = { readonly id: number; readonly agent: string; readonly extent: RecordExtent };

/** What of the inbox is not sealed, in its order, and what of it cannot be read any more. */
function unsealed({
	told,
	damaged,
}: {
	readonly told: readonly Told[];
	readonly damaged: readonly number[];
}) {
	const { main, unsealed: waiting } = rooms();
	for (const { id, agent, extent } of told) waiting.add(id, agent, extent);
	for (const id of damaged) {
		const row = main.inboxRow(id);
		if (row !== undefined) inboxDamaged(row);
	}
}

function commit(batch: Batch) {
	const { main, unsealed: waiting, fleet } = rooms();
	const { ids, cursors } = main.commit(batch);
	for (const { hash, text } of batch.definitions) learn(hash, text);
	describeDevices(batch.devices);
	learnClaims(batch.aliases);
	for (const [index, { extent, site, agent }] of batch.rows.entries()) {
		const id = ids[index] ?? 0;
		if (id === 0 || extent === undefined) continue;
		waiting.add(id, `${site}/${agent}`, extent);
		fleet.touched(extent.from, extent.to);
	}
	return { ids, cursors, mayBeDue: waiting.mayBeDue };
}

/** Seals for a while what is over by its agents' own readings. */
function sealDue() {
	return rooms().sealing.due(SLICE_MILLISECONDS);
}

/** Seals for a while what is of hours before `until`; hours that end after `openFrom` become parts. */
function seal(wish: { readonly until: number; readonly openFrom: number }) {
	return rooms().sealing.before(wish, SLICE_MILLISECONDS);
}

/** Forgets inbox rows up to `upTo` that are sealed; gives how many rows stay. */
function trim(upTo: number): { inboxRecords: number; inboxBytes: number } {
	reach("trim: presents stored");
	const first = rooms().unsealed.firstId();
	const last = first === undefined ? upTo : Math.min(upTo, first - 1);
	if (last > 0) rooms().main.trim(last);
	const { count, bytes } = rooms().main.inboxSpan();
	return { inboxRecords: count, inboxBytes: bytes };
}

/** Gives pages that the inbox left free back to the disk, about 4 MiB at a time. */
function shrink(): { isDone: boolean } {
	const { main } = rooms();
	const before = main.shrink(0);
	const after = before <= FREE_PAGES_KEPT ? before : main.shrink(SHRINK_PAGES_AT_ONCE);
	const isDone = after <= FREE_PAGES_KEPT || after >= before;
	if (isDone) main.emptyLog();
	return { isDone };
}

function merge(before: number): { merged: number } {
	return { merged: rooms().archive.merge(before, GROUPS_AT_ONCE) };
}

type Select = DevicesQuery & {
	/** Where the slice before ended. */
	readonly after?: SelectedUntil | undefined;
};

/** Up to which time which devices' readings were given; `place` is the first of a group's in the list. */
export type SelectedUntil = { readonly place: number; readonly at: number };

type SelectedPiece = PackedColumns & { readonly deviceNumber: number };

export type SelectSlice = {
	readonly pieces: readonly SelectedPiece[];
	readonly next: SelectedUntil | undefined;
};

/** Pieces of an answer, group by group and hour by hour, and where the rest begins. */
function select({ deviceNumbers, from, to, columns, after }: Select): SelectSlice {
	const keys = columns === undefined ? undefined : new Set(columns.map(columnKey));
	const wanted = keys === undefined ? undefined : (column: Column) => keys.has(columnKey(column));
	const end = realClock.monotonic() + SLICE_MILLISECONDS;
	const pieces: SelectedPiece[] = [];
	let values = 0;
	let { place, at } = after ?? { place: 0, at: from as number };
	while (place < deviceNumbers.length) {
		const behind = groupEnd(deviceNumbers, place);
		const devices = deviceNumbers.slice(place, behind);
		while (at < to) {
			const until = Math.min(to, (hourOf(at) + 1) * MILLISECONDS_PER_HOUR);
			for (const [deviceNumber, found] of rooms().archive.columns(devices, { from: at, to: until }, wanted)) {
				if (found.all.length === 0) continue;
				pieces.push({ deviceNumber, ...found });
				values += found.all.length;
			}
			at = until;
			if (values > VALUES_AT_ONCE || realClock.monotonic() > end) return { pieces, next: { place, at } };
		}
		place = behind;
		at = from;
	}
	return { pieces, next: undefined };
}

/** Behind the devices that share a row with the one at `place`. */
function groupEnd(devices: readonly number[], place: number): number {
	const group = groupOf(devices[place] ?? 0);
	let end = place + 1;
	while (end < devices.length && groupOf(devices[end] ?? 0) === group) end += 1;
	return end;
}

function selectSteps({ query, after }: { query: StepQuery; after: number | undefined }) {
	return rooms().tiers.steps(query, after, SLICE_MILLISECONDS);
}

/** Sums of single devices, from their readings as they are now. */
function intervals(query: {
	readonly tierSeconds: number;
	readonly from: number;
	readonly to: number;
	readonly deviceNumbers?: readonly number[];
}): readonly IntervalSums[] {
	const devices = query.deviceNumbers ?? [...described.keys()];
	const rows = devices.flatMap((device) => intervalRows(device, query, (hour) => sumsOf(device, hour)));
	return rows.sort((one, other) => one.from - other.from || one.deviceNumber - other.deviceNumber);
}

function sumsOf(device: number, hour: number): Float64Array {
	const stored = rooms().archive.storedSums({ hour, group: groupOf(device) });
	return stored?.find((one) => one.device === device)?.sums ?? rooms().archive.sums(device, hour);
}

/** Derives a device's events again; undefined for a device that is not known. */
function refoldEvents(wish: RefoldWish): Refolded | undefined {
	const known = described.get(wish.device);
	const description = descriptionOf(wish.device);
	if (known === undefined || description === undefined) return undefined;
	const { archive, main } = rooms();
	const entries = placed.get(known.key);
	const agentIntervalSeconds = descriptionOf(wish.agentDevice ?? 0)?.pollIntervalSeconds;
	const about = {
		key: known.key,
		site: known.site,
		description,
		...(entries === undefined ? {} : { entries }),
		...(agentIntervalSeconds === undefined ? {} : { agentIntervalSeconds }),
	};
	return refold({ archive, events: main.events, limits: temperatureLimits, power }, about, wish);
}

/** Removes files until the folder fits its budget again; gives what went and how much is still too much. */
function sacrifice({ budgetBytes, now }: { budgetBytes: number; now: number }) {
	const { files, bytesOver } = sacrificeFor(storeFiles(folder), budgetBytes, now);
	for (const file of files) {
		remember(file, now);
		// A day whose rollups are made is marked so; the budget is hard for one that has none yet, too.
		if (!rooms().tiers.dropFile(file.name)) rooms().days.dropDay(dayOf(file.from));
	}
	// A disk that was full has room now.
	for (const file of unremembered.splice(0)) remember(file, now);
	return { files: files.map(({ name }) => name), bytesOver };
}

/** Sacrifices that the disk refused to note. */
const unremembered: TierFile[] = [];

function remember(file: TierFile, now: number): void {
	try {
		rooms().main.addSacrifice(file, now);
	} catch {
		unremembered.push(file);
	}
}

function room(now: number) {
	const files = storeFiles(folder);
	const { bavail, bsize } = statfsSync(folder);
	const growth = growthBytesPerDay(files, now);
	const tierBytes: Record<string, number> = { main: files.mainBytes };
	for (const { tier, bytes } of files.tiers) tierBytes[tier] = (tierBytes[tier] ?? 0) + bytes;
	return {
		tierBytes,
		otherBytes: files.otherBytes,
		diskFreeBytes: bavail * bsize,
		filesSacrificed: rooms().main.sacrifices(),
		damaged: damage.count,
		...(growth === undefined ? {} : { growthBytesPerDay: growth }),
	};
}

function size() {
	flushDamage();
	const { main, days, tierFiles } = rooms();
	const { file } = main;
	const ownBytes = [file, `${file}-wal`].reduce(
		(sum, name) => sum + (existsSync(name) ? statSync(name).size : 0),
		0,
	);
	return {
		fileBytes: ownBytes + tierFiles.list().reduce((sum, { bytes }) => sum + bytes, 0),
		chunks: days.rows(),
		damagedChunks: damage.count,
		inboxRecords: main.inboxSpan().count,
	};
}

function flushDamage(): void {
	damage.flush((rows) => opened?.main.addDamage(rows));
}

const operations = {
	open,
	unsealed,
	inboxAfter: ({ id, most }: { id: number; most: number }) => rooms().main.inboxAfter(id, most),
	commit,
	sealDue,
	seal,
	trim,
	shrink,
	merge,
	select,
	size,
	copyMain: (to: string) => rooms().main.copyTo(to),
	tierNames: () => tierNames(folder),
	copySlice: (wish: SliceWish) => copySlice(wish),
	present: ({ after, most }: { after: number; most: number }) => rooms().main.present(after, most),
	putEvents: (pending: PendingEvents) => rooms().main.events.put(pending),
	events: (query: EventsQuery) => rooms().main.events.select(query),
	silences: () => rooms().main.events.silences(),
	dropEventsBefore: ({ at, now }: { at: number; now: number }) => rooms().main.events.dropBefore(at, now),
	refoldEvents,
	putPresent: (rows: readonly PresentRow[]) => {
		rooms().main.putPresent(rows);
		reach("trim: between presents");
	},
	gaps: ({ from, to }: { from: number; to: number }) => rooms().main.gaps(from, to),
	losses: ({ from, to }: { from: number; to: number }) => {
		flushDamage();
		return rooms().main.losses(from, to);
	},
	sacrifice,
	room,
	addInputs: (inputs: readonly StoredInput[]) => rooms().main.addInputs(inputs),
	putInventory,
	joinDevices,
	dayWithoutReadings: ({ device, ...range }: { device: number; from: number; to: number }) =>
		dayWithoutReadings(rooms(), device, range),
	keepCopy,
	salvage,
	endMending,
	statement: (month: string) => rooms().main.monthStatement(month),
	terms: () => rooms().main.terms(),
	addTerms: (terms: StoredTerms) => rooms().main.addTerms(terms),
	putStatement: (statement: StoredStatement) => rooms().main.putStatement(statement),
	intervals,
	fleetSums: ({ query, after }: { query: FleetSumsQuery; after: number | undefined }) =>
		rooms().fleet.read(query, after, SLICE_MILLISECONDS),
	selectSteps,
	closeTiers: (before: number) => rooms().tiers.close(before, SLICE_MILLISECONDS),
	dropDaysBefore: (before: number) => rooms().tiers.dropDaysBefore(before),
	dropTierBefore: ({ tier, before }: { tier: Tier; before: number }) =>
		rooms().tiers.dropTierBefore(tier, before),
	tierFiles: () => rooms().tiers.list(),
	dropFile: (name: string) => rooms().tiers.dropFile(name),
};

export type StoreOperations = typeof operations;

/** The columns of an answer were made for it. */
function columnsIn(result: unknown): readonly ArrayBuffer[] {
	if (typeof result !== "object" || result === null) return [];
	if ("tracks" in result) {
		const [track] = result.tracks as readonly FleetTrack[];
		// All tracks are pieces of one.
		return track === undefined ? [] : [track.times.buffer as ArrayBuffer];
	}
	if (!("pieces" in result)) return [];
	return (result as SelectSlice).pieces.map(({ all }) => all.buffer as ArrayBuffer);
}

const close = () => {
	flushDamage();
	opened?.days.close();
	opened?.tierFiles.close();
	opened?.main.close();
};
serve(operations, close, columnsIn);
