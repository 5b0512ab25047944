/**
 * The unsealed readings of one device, as whole numbers row by row, in the order of their arrival.
 *
 * Takes rows as they are committed; gives them back as runs, hour by hour. Rows beyond what memory allows
 * are packed into chunk bytes meanwhile. Memory goes with the number of columns and the open hour, never
 * with history.
 */
import { FAILURE_CODES } from "../../shared/failures.js";
import { ABSENT_SCALED, type ColumnValues, valueIn } from "../../shared/wire/number-column.js";
import { type ChunkRun, decodeScaled, encodeChunk } from "./chunk.js";
import { columnKey } from "./column-key.js";
import type { Column } from "./device-state.js";
import { cutRun, rises } from "./runs.js";

/** An hour is sealed so long after its end, so that what was under way is in. */
export const GRACE_MILLISECONDS = 2 * 60 * 1_000;
const FIRST_ROWS = 16;
/** Fewer rows than this are not worth the columns' heads when packed. */
export const PACK_ROWS_LEAST = 60;
const MILLISECONDS_PER_HOUR = 3_600_000;
const POLL_RESULT: Column = { measurement: "pollResult", decimals: 0 };
const BYTES_PER_ROW_BESIDE = 16;

/** How readings of one shape stand in a head: columns in the fixed order, and where each comes from. */
export type HeadSchema = {
	readonly columns: readonly Column[];
	/** Column of the shape → column here. */
	readonly places: Int32Array;
	readonly resultPlace: number;
};

export function headSchema(shape: readonly Column[]): HeadSchema {
	const byKey = new Map<string, Column>([[columnKey(POLL_RESULT), POLL_RESULT]]);
	for (const column of shape) byKey.set(columnKey(column), column);
	const keys = [...byKey.keys()].sort();
	const placeOf = new Map(keys.map((key, place) => [key, place]));
	return {
		columns: keys.map((key) => byKey.get(key) ?? POLL_RESULT),
		places: Int32Array.from(shape, (column) => placeOf.get(columnKey(column)) ?? 0),
		resultPlace: placeOf.get(columnKey(POLL_RESULT)) ?? 0,
	};
}

/** A code that a newer agent knows and we do not counts as the last one we know. */
export function pollResultOf(code: string): number {
	const place = (FAILURE_CODES as readonly string[]).indexOf(code);
	return place < 0 ? FAILURE_CODES.length : place + 1;
}

/** Rows of one schema. */
export class Block {
	readonly schema: HeadSchema;
	count = 0;
	times = new Float64Array(FIRST_ROWS);
	/** Inbox row that each reading came in. */
	ids = new Float64Array(FIRST_ROWS);
	numbers: Int32Array;
	/** Columns whose values are no small whole numbers, as values. */
	readonly wide = new Map<number, Float64Array>();

	constructor(schema: HeadSchema) {
		this.schema = schema;
		this.numbers = new Int32Array(FIRST_ROWS * schema.columns.length);
	}

	get bytes(): number {
		return this.times.length * (BYTES_PER_ROW_BESIDE + this.schema.columns.length * 4 + this.wide.size * 8);
	}

	get isFull(): boolean {
		return this.count === this.times.length;
	}

	/** A new row with nothing in it but its poll's result; the block has room for it. */
	add(at: number, id: number, result: number): number {
		const row = this.count;
		const width = this.schema.columns.length;
		this.times[row] = at;
		this.ids[row] = id;
		this.numbers.fill(ABSENT_SCALED, row * width, (row + 1) * width);
		for (const values of this.wide.values()) values[row] = Number.NaN;
		this.set(row, this.schema.resultPlace, result);
		this.count += 1;
		return row;
	}

	set(row: number, place: number, number: number): void {
		const values = this.wide.size === 0 ? undefined : this.wide.get(place);
		if (values === undefined) this.numbers[row * this.schema.columns.length + place] = number;
		else values[row] = this.asValue(place, number);
	}

	setValue(row: number, place: number, value: number): void {
		const values = this.wide.get(place) ?? this.widened(place);
		values[row] = value;
	}

	column(place: number, from: number, to: number): ColumnValues {
		const values = this.wide.get(place);
		if (values !== undefined) return values.slice(from, to);
		const width = this.schema.columns.length;
		const column = new Int32Array(to - from);
		for (let row = from, at = from * width + place; row < to; row += 1, at += width)
			column[row - from] = this.numbers[at] as number;
		return column;
	}

	run(from: number, to: number): ChunkRun {
		const { columns } = this.schema;
		return {
			columns,
			times: this.times.slice(from, to),
			values: columns.map((_, place) => this.column(place, from, to)),
		};
	}

	/** Rows of [from, to) as runs: one where they stand together, else one for each stretch. */
	between(from: number, to: number): readonly ChunkRun[] {
		const runs: ChunkRun[] = [];
		let start = -1;
		for (let row = 0; row <= this.count; row += 1) {
			const at = row < this.count ? (this.times[row] as number) : Number.NaN;
			const isIn = at >= from && at < to;
			if (isIn && start < 0) start = row;
			if (isIn || start < 0) continue;
			runs.push(this.run(start, row));
			start = -1;
		}
		return runs;
	}

	dropBefore(until: number): void {
		const width = this.schema.columns.length;
		let kept = 0;
		for (let row = 0; row < this.count; row += 1) {
			if ((this.times[row] as number) < until) continue;
			if (kept !== row) {
				this.times[kept] = this.times[row] as number;
				this.ids[kept] = this.ids[row] as number;
				this.numbers.copyWithin(kept * width, row * width, (row + 1) * width);
				for (const values of this.wide.values()) values[kept] = values[row] as number;
			}
			kept += 1;
		}
		this.count = kept;
		if (kept <= this.times.length / 4) this.shrink();
	}

	/** A new row for a reading, its small whole numbers filled in; anything else follows by `setValue`. */
	fill(row: number, columns: readonly ColumnValues[], from: number): void {
		const { places, columns: own } = this.schema;
		const base = row * own.length;
		for (let column = 0; column < columns.length; column += 1) {
			const values = columns[column] as ColumnValues;
			const place = places[column] as number;
			if (values instanceof Float64Array) {
				const value = values[from] as number;
				if (!Number.isNaN(value)) this.setValue(row, place, value);
			} else if (this.wide.size === 0) this.numbers[base + place] = values[from] as number;
			else this.set(row, place, values[from] as number);
		}
	}

	private widened(place: number): Float64Array {
		const values = new Float64Array(this.times.length);
		const width = this.schema.columns.length;
		for (let row = 0; row < this.count; row += 1)
			values[row] = this.asValue(place, this.numbers[row * width + place] ?? ABSENT_SCALED);
		this.wide.set(place, values);
		return values;
	}

	private asValue(place: number, number: number): number {
		return valueIn(Int32Array.of(number), 0, this.schema.columns[place]?.decimals ?? 0);
	}

	private shrink(): void {
		if (this.times.length <= FIRST_ROWS) return;
		let rows = FIRST_ROWS;
		while (rows < this.count) rows *= 2;
		this.times = this.times.slice(0, rows);
		this.ids = this.ids.slice(0, rows);
		this.numbers = this.numbers.slice(0, rows * this.schema.columns.length);
		for (const [place, values] of this.wide) this.wide.set(place, values.slice(0, rows));
	}

	/** Makes room for as many rows again; gives the bytes that it took. */
	grow(): number {
		const before = this.bytes;
		const rows = this.times.length * 2;
		this.times = grown(this.times, new Float64Array(rows));
		this.ids = grown(this.ids, new Float64Array(rows));
		this.numbers = grown(this.numbers, new Int32Array(rows * this.schema.columns.length));
		for (const [place, values] of this.wide) this.wide.set(place, grown(values, new Float64Array(rows)));
		return this.bytes - before;
	}
}

function grown<Numbers extends Float64Array | Int32Array>(from: Numbers, into: Numbers): Numbers {
	into.set(from);
	return into;
}

/** Rows packed into chunk bytes; they wait in memory like any others. */
type Packed = {
	readonly schema: HeadSchema;
	readonly bytes: Buffer;
	readonly firstId: number;
	readonly firstAt: number;
	readonly lastAt: number;
};

export class Head {
	private packed: Packed[] = [];
	private blocks: Block[] = [];
	/** The block that takes rows now. */
	private open: Block | undefined;
	newestAt = Number.NEGATIVE_INFINITY;
	oldestAt = Number.POSITIVE_INFINITY;
	/** A reading of this time or later says that the oldest one's hour is over. */
	closesAt = Number.POSITIVE_INFINITY;
	bytes = 0;

	/** Adds row `row` of a record's columns as a reading. */
	addReading(
		schema: HeadSchema,
		at: number,
		id: number,
		columns: readonly ColumnValues[],
		row: number,
	): void {
		const block = this.blockOf(schema);
		block.fill(this.addRow(block, at, id, 0), columns, row);
	}

	/** A failed poll is a row whose only value is its result. */
	addFailure(code: string, at: number, id: number): void {
		this.addRow(this.blockOf(this.open?.schema ?? NO_COLUMNS), at, id, pollResultOf(code));
	}

	/** The inbox row of the oldest reading that is not sealed; undefined where there is none. */
	firstId(): number | undefined {
		let first: number | undefined;
		for (const { firstId } of this.packed) first = Math.min(first ?? firstId, firstId);
		for (const block of this.blocks)
			for (let row = 0; row < block.count; row += 1) {
				const id = block.ids[row] ?? 0;
				first = Math.min(first ?? id, id);
			}
		return first;
	}

	get rowsUnpacked(): number {
		return this.blocks.reduce((sum, { count }) => sum + count, 0);
	}

	/** Rows of [from, to), in the order of arrival; they stay. */
	rows(from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY): readonly ChunkRun[] {
		const packed = this.packed
			.filter(({ firstAt, lastAt }) => firstAt < to && lastAt >= from)
			.map((one) => cutRun(unpacked(one), from, to));
		return [...packed, ...this.blocks.flatMap((block) => block.between(from, to))];
	}

	/** Forgets rows of before `until`: they are sealed. */
	drop(until: number): void {
		this.packed = this.packed.flatMap((one) => {
			if (one.lastAt < until) return [];
			if (one.firstAt >= until) return [one];
			const rest = cutRun(unpacked(one), until, Number.POSITIVE_INFINITY);
			return [{ ...one, bytes: encodeChunk(rest), firstAt: rest.times[0] ?? one.lastAt }];
		});
		for (const block of this.blocks) block.dropBefore(until);
		this.blocks = this.blocks.filter((block) => block === this.open || block.count > 0);
		this.measure();
	}

	/** Packs rows that came in the order of time into chunk bytes, about a tenth of their size. */
	pack(): void {
		for (const block of this.blocks) {
			if (block.count < PACK_ROWS_LEAST || !rises(block.times.subarray(0, block.count))) continue;
			this.packed.push({
				schema: block.schema,
				bytes: encodeChunk(block.run(0, block.count)),
				firstId: block.ids.subarray(0, block.count).reduce((least, id) => Math.min(least, id)),
				firstAt: block.times[0] ?? 0,
				lastAt: block.times[block.count - 1] ?? 0,
			});
			block.dropBefore(Number.POSITIVE_INFINITY);
		}
		this.blocks = this.blocks.filter((block) => block === this.open || block.count > 0);
		this.measure();
	}

	private blockOf(schema: HeadSchema): Block {
		if (this.open?.schema === schema) return this.open;
		const found = this.blocks.find((block) => block.schema === schema);
		const block = found ?? new Block(schema);
		if (found === undefined) {
			this.blocks.push(block);
			this.bytes += block.bytes;
		}
		this.open = block;
		return block;
	}

	private addRow(block: Block, at: number, id: number, result: number): number {
		if (block.isFull) this.bytes += block.grow();
		if (at > this.newestAt) this.newestAt = at;
		if (at < this.oldestAt) this.setOldest(at);
		return block.add(at, id, result);
	}

	private measure(): void {
		this.bytes = 0;
		let oldest = Number.POSITIVE_INFINITY;
		for (const { bytes, firstAt } of this.packed) {
			this.bytes += bytes.length;
			oldest = Math.min(oldest, firstAt);
		}
		for (const block of this.blocks) {
			this.bytes += block.bytes;
			for (let row = 0; row < block.count; row += 1) oldest = Math.min(oldest, block.times[row] as number);
		}
		this.setOldest(oldest);
	}

	private setOldest(at: number): void {
		this.oldestAt = at;
		this.closesAt = (Math.floor(at / MILLISECONDS_PER_HOUR) + 1) * MILLISECONDS_PER_HOUR + GRACE_MILLISECONDS;
	}
}

const NO_COLUMNS = headSchema([]);

function unpacked({ bytes, schema }: Packed): ChunkRun {
	const decoded = decodeScaled(bytes, schema.columns);
	// Memory that rots is nothing a program can mend; the readings stand in the inbox still.
	return decoded.ok ? decoded.run : { columns: schema.columns, times: new Float64Array(0), values: [] };
}
