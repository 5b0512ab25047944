/**
 * The store's thread: owns every SQLite file, so that the main thread never waits for a disk.
 *
 * Commits batches and keeps what they hold in heads; seals closed hours, merges parts, reads the past.
 */
import { existsSync, mkdirSync, statSync } from "node:fs";
import { realClock } from "../../shared/clock.js";
import { asBuffer, serve, threadData } from "../../shared/thread.js";
import { type Definition, storedDefinition } from "../../shared/wire/definition.js";
import { decodeRecord } from "../../shared/wire/record.js";
import type { PowerOptions } from "../derive/power.js";
import { Archive, type Damage } from "./archive.js";
import { columnKey } from "./column-key.js";
import { DayFiles, hourOf, MILLISECONDS_PER_HOUR } from "./day-files.js";
import type { Column, Columns, FleetSumsQuery, IntervalSums, StoredInput } from "./device-state.js";
import { FleetSums } from "./fleet-sums.js";
import { Heads } from "./heads.js";
import { type Batch, type InboxRow, MainDatabase, type PresentRow } from "./main-database.js";
import { groupOf } from "./pack.js";
import { asColumns } from "./runs.js";
import { intervalRows } from "./sums.js";
import { type Tier, TierFiles } from "./tier-files.js";
import { type StepQuery, Tiers } from "./tiers.js";

export type WorkerData = {
	readonly folder: string;
	readonly power: PowerOptions;
	/** Where the site's days begin: an IANA name. */
	readonly timeZone: string;
};

const { folder, power, timeZone } = threadData<WorkerData>();
/** A slice of closing or reading; what it has begun it ends, which takes no longer than this again. */
const SLICE_MILLISECONDS = 25;
/** Rows that one transaction of sealing or merging writes: eight devices each. */
const GROUPS_AT_ONCE = 8;
const REPLAY_ROWS_AT_ONCE = 500;
/** Hours that one question reads at once. */
const HOURS_AT_ONCE = 6;
const UNKNOWN_LABEL = "";

const definitions = new Map<string, Definition>();
/** Which device a device's definition stands for, by site and hash. */
const numbers = new Map<string, Map<string, number>>();
/** Definition and site by device. */
const described = new Map<number, { readonly definition: string; readonly site: string }>();
const damage = new Map<string, Damage>();

type Rooms = {
	readonly main: MainDatabase;
	readonly days: DayFiles;
	readonly heads: Heads;
	readonly archive: Archive;
	readonly tierFiles: TierFiles;
	readonly tiers: Tiers;
	readonly fleet: FleetSums;
};

let opened: Rooms | undefined;

/** Opened by the first call, so that what a disk refuses is that call's answer. */
function rooms(): Rooms {
	opened ??= openRooms();
	return opened;
}

function openRooms(): Rooms {
	mkdirSync(folder, { recursive: true });
	const main = new MainDatabase(folder);
	const days = new DayFiles(folder);
	const heads = new Heads();
	const archive = new Archive({
		days,
		heads,
		power,
		describe: (device) => descriptionOf(device),
		onDamaged: (one) => damage.set(`${one.device} ${one.hour}`, one),
		onChange: (places) => tiers.touched(places),
	});
	const tierFiles = new TierFiles(folder);
	const monotonic = () => realClock.monotonic();
	const parts = { archive, days, heads, labelsOf, timeZone, monotonic };
	const tiers = new Tiers({ ...parts, files: tierFiles, main });
	const fleet = new FleetSums({ ...parts, tiers });
	return { main, days, heads, archive, tierFiles, tiers, fleet };
}

function labelsOf(device: number) {
	const known = described.get(device);
	if (known === undefined) return undefined;
	const { rack = UNKNOWN_LABEL, model = UNKNOWN_LABEL } = descriptionOf(device) ?? {};
	return { site: known.site, rack, model };
}

function descriptionOf(device: number) {
	const known = described.get(device);
	const found = known === undefined ? undefined : definitions.get(known.definition);
	return found?.kind === "device" ? found.device : undefined;
}

function learn(hash: string, text: string): void {
	definitions.set(hash, storedDefinition(text));
}

function number(pairs: readonly (readonly [string, number])[]): void {
	for (const [name, device] of pairs) {
		const end = name.indexOf("\n");
		const site = name.slice(0, end);
		const own = numbers.get(site) ?? new Map<string, number>();
		numbers.set(site, own.set(name.slice(end + 1), device));
	}
}

function describeDevices(rows: Batch["devices"]): void {
	for (const { number: device, definition, site } of rows) described.set(device, { definition, site });
}

const NAMES = {
	numberOf: (site: string, hash: string) => numbers.get(site)?.get(hash),
	onTime: (from: number, to: number) => rooms().fleet.touched(from, to),
};

function open() {
	for (const { hash, text } of rooms().main.definitions()) learn(hash, text);
	const devices = rooms().main.devices();
	describeDevices(devices);
	return {
		devices,
		aliases: rooms().main.aliases(),
		definitions: rooms().main.definitions(),
		cursors: rooms().main.allCursors(),
		gapTotals: rooms().main.gapTotals(),
		inputs: rooms().main.inputs(),
	};
}

/** Fills the heads from the inbox, once the main thread has said which devices its definitions stand for. */
function fillHeads(pairs: readonly (readonly [string, number])[]): void {
	number(pairs);
	let after = 0;
	for (;;) {
		const rows = rooms().main.inboxAfter(after, REPLAY_ROWS_AT_ONCE);
		const last = rows.at(-1);
		if (last === undefined) return;
		for (const row of rows) addToHeads(row.id, row.bytes, row);
		after = last.id;
	}
}

function addToHeads(
	id: number,
	bytes: Uint8Array,
	{ site, offset }: Pick<InboxRow, "site" | "offset">,
): void {
	const decoded = decodeRecord(asBuffer(bytes), (hash) => {
		const found = definitions.get(hash);
		return found?.kind === "shape" ? found : undefined;
	});
	// What does not decode was refused before it reached the inbox; a row that rots since then is left out.
	if (decoded.ok) rooms().heads.append(decoded.record, { id, site, offset }, NAMES);
}

function commit({
	batch,
	deviceNumbers,
}: {
	batch: Batch;
	deviceNumbers: readonly (readonly [string, number])[];
}) {
	const { ids, cursors } = rooms().main.commit(batch);
	for (const { hash, text } of batch.definitions) learn(hash, text);
	describeDevices(batch.devices);
	number(deviceNumbers);
	for (const [index, row] of batch.rows.entries()) {
		const id = ids[index] ?? 0;
		if (id > 0) addToHeads(id, row.bytes, row);
	}
	return { ids, cursors, groupsDue: rooms().heads.groupsDue };
}

/** Seals a few groups whose hour is over by their own readings. */
function sealDue() {
	const groups = rooms().heads.takeDue(GROUPS_AT_ONCE);
	return { chunks: sealed(groups, Number.POSITIVE_INFINITY), groupsDue: rooms().heads.groupsDue };
}

/** Seals a few groups that hold anything of before `until`; hours that end after `openFrom` become parts. */
function seal({ until, openFrom }: { until: number; openFrom: number }) {
	const groups = rooms().heads.groupsBefore(until);
	const now = groups.slice(0, GROUPS_AT_ONCE).map((group) => ({ group, until }));
	return { chunks: sealed(now, openFrom), left: groups.length - now.length };
}

function sealed(
	groups: readonly { readonly group: number; readonly until: number }[],
	openFrom: number,
): number {
	try {
		return rooms().archive.seal(groups, openFrom);
	} catch (error) {
		for (const { group } of groups) rooms().heads.putBack(group);
		throw error;
	}
}

/** Forgets inbox rows up to `upTo` that are sealed; gives how many rows stay. */
function trim(upTo: number): { inboxRecords: number; inboxBytes: number } {
	const first = rooms().heads.firstId();
	const last = first === undefined ? upTo : Math.min(upTo, first - 1);
	if (last > 0) rooms().main.trim(last);
	const { count, bytes } = rooms().main.inboxSpan();
	return { inboxRecords: count, inboxBytes: bytes };
}

function merge(before: number): { merged: number } {
	return { merged: rooms().archive.merge(before, GROUPS_AT_ONCE) };
}

type Select = {
	readonly deviceNumber: number;
	readonly from: number;
	readonly to: number;
	readonly columns?: readonly Pick<Column, "measurement" | "component">[];
};

/** The pieces of an answer from its first few hours on, and where the rest begins. */
function select({ deviceNumber, from, to, columns }: Select): { pieces: readonly Columns[]; next: number } {
	const keys = columns === undefined ? undefined : new Set(columns.map(columnKey));
	const wanted = keys === undefined ? undefined : (column: Column) => keys.has(columnKey(column));
	const pieces: Columns[] = [];
	let at = from;
	for (let hours = 0; at < to && hours < HOURS_AT_ONCE; hours += 1) {
		const end = Math.min(to, (hourOf(at) + 1) * MILLISECONDS_PER_HOUR);
		const run = rooms().archive.run(deviceNumber, { from: at, to: end }, wanted);
		if (run.times.length > 0) pieces.push(asColumns(run));
		at = end;
	}
	return { pieces, next: at };
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

function size() {
	const { main, days, tierFiles } = rooms();
	const { file } = main;
	const ownBytes = [file, `${file}-wal`].reduce(
		(sum, name) => sum + (existsSync(name) ? statSync(name).size : 0),
		0,
	);
	return {
		fileBytes: ownBytes + tierFiles.list().reduce((sum, { bytes }) => sum + bytes, 0),
		chunks: days.rows(),
		damagedChunks: damage.size + days.damagedFiles + tierFiles.damagedFiles,
		inboxRecords: main.inboxSpan().count,
	};
}

const operations = {
	open,
	fillHeads,
	inboxAfter: ({ id, most }: { id: number; most: number }) => rooms().main.inboxAfter(id, most),
	commit,
	sealDue,
	seal,
	trim,
	merge,
	select,
	size,
	present: ({ after, most }: { after: number; most: number }) => rooms().main.present(after, most),
	putPresent: (rows: readonly PresentRow[]) => rooms().main.putPresent(rows),
	gaps: ({ from, to }: { from: number; to: number }) => rooms().main.gaps(from, to),
	addInput: (input: StoredInput) => rooms().main.addInput(input),
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

serve(operations, () => {
	opened?.days.close();
	opened?.tierFiles.close();
	opened?.main.close();
});
