/**
 * Readings that still stand in the inbox, put together device by device.
 *
 * Takes records and the devices that are wanted; gives runs. A record has one column for all its devices: each
 * number goes straight from there to its device's place in one large piece of memory, and the others are passed over.
 * Pure but for the bytes, which the caller fetches.
 */
import { FAILURE_CODES } from "../../shared/failures.js";
import { invariant } from "../../shared/invariant.js";
import { ABSENT_SCALED, POWERS_OF_TEN, type Scatter } from "../../shared/wire/number-column.js";
import {
	type ColumnList,
	type DecodedRecord,
	type FailureGroup,
	type ReadingGroup,
	wallOf,
} from "../../shared/wire/record.js";
import type { ChunkRun } from "./chunk.js";
import { columnKey } from "./column-key.js";
import type { Column } from "./device-state.js";
import type { UnsealedRecord } from "./unsealed.js";

const POLL_RESULT: Column = { measurement: "pollResult", decimals: 0 };
/**
 * Records between two places where the caller may stop. Their columns are put in place one after another: the
 * lines of memory that a column of all devices begins in stay at hand meanwhile.
 */
const RECORDS_AT_ONCE = 32;

/** How readings of one shape stand in a chunk: columns in the fixed order, and where each comes from. */
type Schema = {
	readonly columns: readonly Column[];
	/** Column of the shape → column here; −1 where it is not wanted. */
	readonly places: Int32Array;
	/** −1 where it is not wanted. */
	readonly resultPlace: number;
};

export type Fetched = { readonly record: DecodedRecord; readonly offset: number };

export type ReadingsWish = {
	/** Rising. */
	readonly devices: readonly number[];
	/** Unix ms; `to` is not in. */
	readonly from: number;
	readonly to: number;
	/** All columns where absent. */
	readonly wanted?: ((column: Column) => boolean) | undefined;
	/** For what is gathered; the runs are views of it. Absent: memory of its own. */
	readonly memory?: TableMemory;
};

/**
 * Memory for one gathering after another, handed out piece by piece: as large as the largest, whatever number of
 * shapes its devices are of.
 */
export class TableMemory {
	private usedNumbers = 0;
	private usedTimes = 0;
	private usedWide = 0;
	/** Change when they grow: what is kept are places in them. */
	numbers = new Int32Array(0);
	times = new Float64Array(0);
	/** Values that are no small whole numbers. */
	wide = new Float64Array(0);

	/** All of it is free again. */
	clear(): void {
		this.usedNumbers = 0;
		this.usedTimes = 0;
		this.usedWide = 0;
	}

	/** The first place of so many; what they hold is of before. */
	takeNumbers(count: number): number {
		const at = this.usedNumbers;
		this.usedNumbers += count;
		if (this.usedNumbers > this.numbers.length) {
			const larger = new Int32Array(Math.ceil(this.usedNumbers * GROWTH));
			larger.set(this.numbers.subarray(0, at));
			this.numbers = larger;
		}
		return at;
	}

	takeTimes(count: number): number {
		const at = this.usedTimes;
		this.usedTimes += count;
		if (this.usedTimes > this.times.length) this.times = grown(this.times, at, this.usedTimes);
		return at;
	}

	takeWide(count: number): number {
		const at = this.usedWide;
		this.usedWide += count;
		if (this.usedWide > this.wide.length) this.wide = grown(this.wide, at, this.usedWide);
		return at;
	}
}

const GROWTH = 1.25;

function grown(values: Float64Array, used: number, needed: number) {
	const larger = new Float64Array(Math.ceil(needed * GROWTH));
	larger.set(values.subarray(0, used));
	return larger;
}

/** A code that a newer agent knows and we do not counts as the last one we know. */
function pollResultOf(code: string): number {
	const place = (FAILURE_CODES as readonly string[]).indexOf(code);
	return place < 0 ? FAILURE_CODES.length : place + 1;
}

/**
 * The outcomes of the devices in [from, to), in the order of their arrival; a device may have several runs.
 *
 * @param fetch undefined for a record that can no longer be read
 */
export function* gathered(
	records: readonly UnsealedRecord[],
	wish: ReadingsWish,
	fetch: (id: number) => Fetched | undefined,
): Generator<void, ReadonlyMap<number, readonly ChunkRun[]>> {
	const slots = new Slots(wish.devices);
	const meant = records.filter((record) => slots.meets(record));
	for (const record of meant) slots.makeRoom(record);
	const tables = new Tables(slots, wish);
	let since = 0;
	for (const record of meant) {
		const fetched = fetch(record.id);
		if (fetched !== undefined) tables.add(fetched, record.numbers);
		since += 1;
		if (since % RECORDS_AT_ONCE > 0) continue;
		tables.fill();
		yield;
	}
	tables.fill();
	return tables.runs();
}

/** The same at once. */
export function readings(...given: Parameters<typeof gathered>): ReadonlyMap<number, readonly ChunkRun[]> {
	const steps = gathered(...given);
	for (;;) {
		const step = steps.next();
		if (step.done === true) return step.value;
	}
}

/** Devices → slots, and how many rows each may need. */
class Slots {
	readonly devices: readonly number[];
	readonly room: Int32Array;
	private readonly first: number;
	private readonly last: number;
	private readonly byDevice: Int32Array;

	constructor(devices: readonly number[]) {
		this.devices = devices;
		this.first = devices[0] ?? 0;
		this.last = devices.at(-1) ?? -1;
		this.room = new Int32Array(devices.length);
		this.byDevice = new Int32Array(this.last - this.first + 1).fill(-1);
		for (const [slot, device] of devices.entries()) this.byDevice[device - this.first] = slot;
	}

	meets({ least, most, numbers }: UnsealedRecord): boolean {
		if (most < this.first || least > this.last) return false;
		return this.devices.length > 1 || numbers.includes(this.first);
	}

	slotOf(device: number): number {
		return device < this.first || device > this.last ? -1 : (this.byDevice[device - this.first] as number);
	}

	makeRoom({ numbers, rowsADevice }: UnsealedRecord): void {
		for (const device of numbers) {
			const slot = this.slotOf(device);
			if (slot >= 0) this.room[slot] = (this.room[slot] as number) + rowsADevice;
		}
	}
}

/** One table a schema. */
class Tables {
	private readonly slots: Slots;
	private readonly wish: ReadingsWish;
	private readonly byShape = new Map<string, Table>();
	/** Which table each slot used last: a failed poll is a row of it. */
	private readonly last: (Table | undefined)[];
	private readonly memory: TableMemory;

	constructor(slots: Slots, wish: ReadingsWish) {
		this.slots = slots;
		this.wish = wish;
		this.last = new Array<Table | undefined>(slots.devices.length).fill(undefined);
		this.memory = wish.memory ?? new TableMemory();
		this.memory.clear();
	}

	add({ record, offset }: Fetched, numbers: Int32Array): void {
		if (record.kind !== "outcomes") return;
		for (const group of record.groups) {
			const times = group.measuredAt.map((at) => wallOf(record.time, at) + offset);
			if (group.kind === "readings") this.addReadings(group, times, numbers);
			else this.addFailures(group, times, numbers);
		}
	}

	/** Puts what was added in place. */
	fill(): void {
		for (const table of this.byShape.values()) table.fill();
		usedScratches = 0;
	}

	runs(): ReadonlyMap<number, readonly ChunkRun[]> {
		const found = new Map<number, ChunkRun[]>();
		for (const table of this.byShape.values()) {
			for (const [slot, device] of this.slots.devices.entries()) {
				const run = table.run(slot);
				if (run === undefined) continue;
				const own = found.get(device);
				if (own === undefined) found.set(device, [run]);
				else own.push(run);
			}
		}
		return found;
	}

	private addReadings(group: ReadingGroup, times: Float64Array, numbers: Int32Array): void {
		const table = this.table(group.shape, group.columns as readonly Column[]);
		const { from, to } = this.wish;
		const scatter = scratchOf(group.count);
		let used = 0;
		for (let row = 0; row < group.count; row += 1) {
			const slot = this.slots.slotOf(numbers[group.places[row] as number] as number);
			const at = times[row] as number;
			if (slot < 0 || at < from || at >= to) continue;
			scatter.rows[used] = row;
			scatter.slots[used] = slot;
			table.begin(slot, at, scatter, used);
			this.last[slot] = table;
			used += 1;
		}
		scatter.used = used;
		if (used > 0) table.waiting.push({ values: group.values, scatter });
	}

	private addFailures(group: FailureGroup, times: Float64Array, numbers: Int32Array): void {
		const { from, to } = this.wish;
		for (let row = 0; row < group.count; row += 1) {
			const slot = this.slots.slotOf(numbers[group.places[row] as number] as number);
			const at = times[row] as number;
			if (slot < 0 || at < from || at >= to) continue;
			const table = this.last[slot] ?? this.table("", []);
			table.fail(slot, at, pollResultOf(group.codes[row] ?? ""));
		}
	}

	private table(shape: string, columns: readonly Column[]): Table {
		const known = this.byShape.get(shape);
		if (known !== undefined) return known;
		const schema = schemaOf(shape, columns, this.wish.wanted);
		const made = new Table(schema, this.slots.room, this.memory);
		this.byShape.set(shape, made);
		return made;
	}
}

/** Rows of one schema. A slot's columns stand one after another, with room for all its rows each. */
class Table {
	private readonly schema: Schema;
	private readonly rooms: Int32Array;
	private readonly memory: TableMemory;
	private readonly counts: Int32Array;
	/** Where a slot's rows begin in the memory's numbers and times. */
	private readonly bases: Int32Array;
	private readonly timeBases: Int32Array;
	/** Of columns that have values that are no small whole numbers: where each slot's begin; −1 where it has none. */
	private readonly wideBases = new Map<number, Int32Array>();
	/** Columns whose rows have begun and are not filled yet. */
	readonly waiting: { readonly values: ColumnList; readonly scatter: Scratch }[] = [];

	constructor(schema: Schema, rooms: Int32Array, memory: TableMemory) {
		this.schema = schema;
		this.rooms = rooms;
		this.memory = memory;
		this.counts = new Int32Array(rooms.length);
		this.bases = new Int32Array(rooms.length);
		this.timeBases = new Int32Array(rooms.length);
	}

	/** A new row, remembered as the scatter's `index`-th. */
	begin(slot: number, at: number, scatter: Scratch, index: number): void {
		const { memory } = this;
		const row = this.counts[slot] as number;
		const room = this.rooms[slot] as number;
		invariant(row < room, "a device has as many rows as were counted");
		if (row === 0) {
			this.bases[slot] = memory.takeNumbers(room * this.schema.columns.length);
			this.timeBases[slot] = memory.takeTimes(room);
		}
		memory.times[(this.timeBases[slot] as number) + row] = at;
		this.counts[slot] = row + 1;
		scatter.inSlot[index] = row;
		scatter.bases[index] = (this.bases[slot] as number) + row;
		scatter.rooms[index] = room;
	}

	fill(): void {
		const { places, resultPlace } = this.schema;
		for (let column = 0; column < places.length; column += 1) {
			const place = places[column] as number;
			if (place < 0) continue;
			for (const { values, scatter } of this.waiting)
				if (column < values.length) this.fillColumn(values, column, place, scatter);
		}
		if (resultPlace >= 0) {
			for (const { scatter } of this.waiting) {
				aim(resultPlace, scatter);
				for (let index = 0; index < scatter.used; index += 1)
					this.memory.numbers[scatter.targets[index] as number] = 0;
			}
		}
		this.waiting.length = 0;
	}

	/** A row whose only value is its poll's result. */
	fail(slot: number, at: number, result: number): void {
		const one = oneRow;
		this.begin(slot, at, one, 0);
		one.used = 1;
		const { columns, resultPlace } = this.schema;
		for (let place = 0; place < columns.length; place += 1) {
			aim(place, one);
			this.memory.numbers[one.targets[0] as number] = place === resultPlace ? result : ABSENT_SCALED;
			const wide = this.wideBases.get(place)?.[slot] ?? -1;
			if (wide >= 0) this.memory.wide[wide + (one.inSlot[0] as number)] = Number.NaN;
		}
	}

	run(slot: number): ChunkRun | undefined {
		const count = this.counts[slot] as number;
		if (count === 0) return undefined;
		const start = this.timeBases[slot] as number;
		const { numbers, times, wide } = this.memory;
		const { columns } = this.schema;
		return {
			columns,
			times: times.subarray(start, start + count),
			values: columns.map((_, place) => {
				const from = this.placeOf(slot, place);
				const wideFrom = this.wideBases.get(place)?.[slot] ?? -1;
				return wideFrom < 0
					? numbers.subarray(from, from + count)
					: wide.subarray(wideFrom, wideFrom + count);
			}),
		};
	}

	private placeOf(slot: number, place: number): number {
		return (this.bases[slot] as number) + place * (this.rooms[slot] as number);
	}

	private fillColumn(values: ColumnList, column: number, place: number, scatter: Scratch): void {
		aim(place, scatter);
		const { used, rows, targets } = scatter;
		const { numbers } = this.memory;
		const found = values.scatter === undefined ? values.at(column) : values.scatter(column, scatter, numbers);
		if (found instanceof Int32Array) {
			for (let index = 0; index < used; index += 1)
				numbers[targets[index] as number] = found[rows[index] as number] as number;
		}
		if (found instanceof Float64Array) this.fillWide(found, place, scatter);
		else if (this.wideBases.has(place)) this.fillWide(undefined, place, scatter);
	}

	/** @param found absent: the rows' numbers are in place already */
	private fillWide(found: Float64Array | undefined, place: number, scatter: Scratch): void {
		const { used, rows, slots, inSlot, targets } = scatter;
		const bases = this.wideBases.get(place) ?? new Int32Array(this.counts.length).fill(-1);
		this.wideBases.set(place, bases);
		const power = POWERS_OF_TEN[this.schema.columns[place]?.decimals ?? 0] ?? 1;
		for (let index = 0; index < used; index += 1) {
			const slot = slots[index] as number;
			if (bases[slot] === -1) {
				if (found === undefined) continue;
				bases[slot] = this.widened(slot, place, power);
			}
			const value =
				found === undefined
					? unscaled(this.memory.numbers[targets[index] as number] as number, power)
					: (found[rows[index] as number] as number);
			this.memory.wide[(bases[slot] as number) + (inSlot[index] as number)] = value;
		}
	}

	/** Where a slot's column stands as values from now on, with what it had so far. */
	private widened(slot: number, place: number, power: number): number {
		const at = this.memory.takeWide(this.rooms[slot] as number);
		const { numbers, wide } = this.memory;
		const from = this.placeOf(slot, place);
		for (let row = 0; row < (this.counts[slot] as number); row += 1)
			wide[at + row] = unscaled(numbers[from + row] as number, power);
		return at;
	}
}

function unscaled(number: number, power: number): number {
	return number === ABSENT_SCALED ? Number.NaN : number / power;
}

/** Where the places of rows of one record's group are in a table. */
type Scratch = Scatter & {
	/** Whose they are, and the how many-th of it. */
	readonly slots: Int32Array;
	readonly inSlot: Int32Array;
	/** In `numbers`, of the first column, and how far it is to the next one. */
	readonly bases: Int32Array;
	readonly rooms: Int32Array;
};

function aim(place: number, { used, bases, rooms, targets }: Scratch): void {
	for (let index = 0; index < used; index += 1)
		targets[index] = (bases[index] as number) + place * (rooms[index] as number);
}

/** Of the records that wait to be put in place. */
const scratches: Scratch[] = [];
let usedScratches = 0;
const oneRow = newScratch(1);

function newScratch(rows: number): Scratch {
	return {
		used: 0,
		rows: new Int32Array(rows),
		targets: new Int32Array(rows),
		slots: new Int32Array(rows),
		inSlot: new Int32Array(rows),
		bases: new Int32Array(rows),
		rooms: new Int32Array(rows),
	};
}

function scratchOf(rows: number): Scratch {
	const known = scratches[usedScratches];
	const fit = known !== undefined && known.rows.length >= rows ? known : newScratch(Math.max(rows, 64));
	scratches[usedScratches] = fit;
	usedScratches += 1;
	return fit;
}

/** Lists of columns are shared by all chunks of a shape: much is kept by list. */
const schemas = new Map<string, Schema>();
const SCHEMAS_KEPT_MOST = 4_096;

function schemaOf(
	shape: string,
	columns: readonly Column[],
	wanted: ((column: Column) => boolean) | undefined,
): Schema {
	if (wanted !== undefined) return madeSchema(columns, wanted);
	const known = schemas.get(shape);
	if (known !== undefined) return known;
	if (schemas.size >= SCHEMAS_KEPT_MOST) schemas.clear();
	const made = madeSchema(columns, () => true);
	schemas.set(shape, made);
	return made;
}

function madeSchema(shape: readonly Column[], wanted: (column: Column) => boolean): Schema {
	const byKey = new Map<string, Column>();
	for (const column of [POLL_RESULT, ...shape]) if (wanted(column)) byKey.set(columnKey(column), column);
	const keys = [...byKey.keys()].sort();
	const placeOf = new Map(keys.map((key, place) => [key, place]));
	return {
		columns: keys.map((key) => byKey.get(key) ?? POLL_RESULT),
		places: Int32Array.from(shape, (column) => placeOf.get(columnKey(column)) ?? -1),
		resultPlace: placeOf.get(columnKey(POLL_RESULT)) ?? -1,
	};
}
