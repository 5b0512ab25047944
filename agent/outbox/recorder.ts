/**
 * Outcomes → records: gathers what the poller gives for a quarter of a second, packs it, hands it to the
 * outbox with the definitions it names.
 *
 * A device's shape only grows while its identity stays, so that a value that comes and goes costs one
 * byte and no new definition. What a device may have defined is bounded: beyond that it stays who it was, and values of
 * parts that were not there before are left out, with a fault.
 */
import { Allowance } from "../../shared/allowance.js";
import type { Clock } from "../../shared/clock.js";
import type { DeviceDescription } from "../../shared/device.js";
import type { FailureCode } from "../../shared/failures.js";
import type { MeasurementName } from "../../shared/measurements.js";
import { measurement } from "../../shared/measurements.js";
import type { Outcome, Reading, Values } from "../../shared/reading.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import { COLUMNS_MOST, definitionText, hashOfText, type WireColumn } from "../../shared/wire/definition.js";
import type { RecordOutcome } from "../../shared/wire/outcome.js";
import { encodeOutcomes, RECORD_LONGEST_BYTES, RECORD_TEXT_LONGEST } from "../../shared/wire/record.js";
import type { NewDefinition, NewRecord } from "./database.js";

export type PolledOutcome = {
	readonly outcome: Outcome;
	readonly description: DeviceDescription | undefined;
};

export const GATHER_MILLISECONDS = 250;
/**
 * A record is packed when its outcomes may need this many bytes. The rest is room for one outcome more,
 * the largest there can be: a record that is too long would be lost.
 */
const PACK_AT_BYTES = RECORD_LONGEST_BYTES * 0.75;
/** A column of two rows: its mode, base, step and width, and the numbers. */
const BYTES_PER_VALUE_MOST = 16;
const BYTES_PER_OUTCOME_MOST = 64;
const BYTES_PER_TEXT_MOST = 6;
const BYTES_PER_CHARACTER_MOST = 3;
const ERROR_CODES_MOST = 32;
const HELD_BACK: FailureCode = "DEVICE_CHANGES_TOO_OFTEN";

type Known = {
	readonly description: DeviceDescription;
	/** Of the device's definition. */
	readonly hash: string;
	shape: SharedShape;
	readonly allowance: Allowance;
	/** What it says now is not what is told of it. */
	isHeldBack: boolean;
};
/** Of one device: a host of sixteen GPUs may come up part by part. */
const DEFINED_MOST = { atOnceBytes: 256 * 1_024, anHourBytes: 16 * 1_024 };
/** Of shapes and definitions that nothing names any more so many are remembered, beside as many as there are devices. */
const UNUSED_KEPT = 256;

export class Recorder {
	private readonly clock: Clock;
	private readonly boot: string;
	private readonly append: (record: NewRecord, definitions: readonly NewDefinition[]) => void;
	private readonly known = new Map<string, Known>();
	private readonly shapes = new Shapes();
	/** Definitions that no record named before: they go to the outbox once. */
	private fresh: NewDefinition[] = [];
	private handedOver = new Set<string>();
	private gathered: RecordOutcome[] = [];
	private gatheredBytes = 0;
	private cancel: (() => void) | undefined;
	outcomesRecorded = 0;

	constructor(options: {
		clock: Clock;
		boot: string;
		append: (record: NewRecord, definitions: readonly NewDefinition[]) => void;
	}) {
		this.clock = options.clock;
		this.boot = options.boot;
		this.append = options.append;
	}

	add(batch: readonly PolledOutcome[]): void {
		for (const { outcome, description } of batch) {
			if (description === undefined) continue;
			this.gather(outcome, description);
			if (this.gatheredBytes >= PACK_AT_BYTES) this.pack();
		}
		if (this.gathered.length > 0) this.cancel ??= this.clock.after(GATHER_MILLISECONDS, () => this.pack());
	}

	/** Makes a record of what is gathered, now. */
	pack(): void {
		this.cancel?.();
		this.cancel = undefined;
		if (this.gathered.length === 0) return;
		const time = { wall: this.clock.now(), monotonic: this.clock.monotonic(), boot: this.boot };
		const bytes = encodeOutcomes(time, this.gathered, (hash) => this.shapes.get(hash));
		this.append({ bytes, outcomes: this.gathered.length, time }, this.fresh);
		this.outcomesRecorded += this.gathered.length;
		for (const outcome of this.gathered)
			if (outcome.kind === "reading") this.shapes.get(outcome.shape)?.spareRows.push(outcome.values);
		this.gathered = [];
		this.fresh = [];
		this.gatheredBytes = 0;
		this.forgetUnused();
	}

	private gather(outcome: Outcome, description: DeviceDescription): void {
		const known = this.knownAs(description);
		const common = {
			device: known.hash,
			measuredAt: outcome.measuredAt,
			tookMilliseconds: outcome.took * MILLISECONDS_PER_SECOND,
		};
		this.gatheredBytes += BYTES_PER_OUTCOME_MOST;
		if (outcome.kind === "failure") {
			this.gatheredBytes += textBytesMost([outcome.code, outcome.what]);
			this.gathered.push({ kind: "failure", ...common, code: outcome.code, what: outcome.what });
			return;
		}
		const values = this.valuesOf(known, outcome.reading);
		const errorCodes = outcome.reading.errorCodes.slice(0, ERROR_CODES_MOST);
		const faults = countedByCode(outcome.reading, known.isHeldBack);
		this.gatheredBytes += values.length * BYTES_PER_VALUE_MOST + textBytesMost(errorCodes);
		if (faults.length > 0) this.gatheredBytes += textBytesMost(faults.map(([code]) => code));
		this.gathered.push({
			kind: "reading",
			...common,
			shape: known.shape.hash,
			values,
			errorCodes,
			faults,
		});
	}

	private knownAs(description: DeviceDescription): Known {
		const before = this.known.get(description.endpoint);
		if (before !== undefined) before.isHeldBack = false;
		if (before !== undefined && before.description === description) return before;
		const text = definitionText({ kind: "device", device: description });
		const hash = hashOfText(text);
		const allowance = before?.allowance ?? new Allowance(DEFINED_MOST, this.clock.monotonic());
		if (!this.handsOver(hash, text, allowance) && before !== undefined) {
			before.isHeldBack = true;
			return before;
		}
		// A device that became another one may have other columns; the same one keeps its own.
		const shape = before?.hash === hash ? before.shape : this.shapes.none;
		const known: Known = { description, hash, shape, allowance, isHeldBack: false };
		this.known.set(description.endpoint, known);
		return known;
	}

	private valuesOf(known: Known, reading: Reading): Float64Array {
		const row = filledRow(known.shape, reading);
		if (row !== undefined) return row;
		const groups: readonly Group[] = [
			{ component: undefined, values: reading.values },
			...reading.components.map(({ part, key, values }) => ({ component: { part, key }, values })),
		];
		const missing = groups.flatMap((group) => missingColumns(known.shape, group));
		if (missing.length > 0) {
			const { columns, text, hash } = extended(known.shape, missing);
			if (this.handsOver(hash, text, known.allowance)) known.shape = this.shapes.of(columns, hash);
			else known.isHeldBack = true;
		}
		return filledRow(known.shape, reading, "as-far-as-known") ?? new Float64Array(0);
	}

	/** Whether the outbox has it, or gets it with the next record. */
	private handsOver(hash: string, text: string, allowance: Allowance): boolean {
		if (this.handedOver.has(hash)) return true;
		if (!allowance.takes(text.length, this.clock.monotonic())) return false;
		this.fresh.push({ hash, text });
		this.handedOver.add(hash);
		return true;
	}

	/** When nothing is gathered. What is used again is handed over again, which changes nothing. */
	private forgetUnused(): void {
		if (this.handedOver.size <= 2 * this.known.size + UNUSED_KEPT) return;
		const shapes = new Set([...this.known.values()].map(({ shape }) => shape));
		this.shapes.keepOnly(shapes);
		const hashes = [...this.known.values()].flatMap(({ hash, shape }) => [hash, shape.hash]);
		this.handedOver = new Set(hashes);
	}
}

/** The values of a device or of one of its parts. */
type Group = {
	readonly component: WireColumn["component"];
	readonly values: Values;
};

type SharedShape = {
	readonly hash: string;
	readonly columns: readonly WireColumn[];
	/** Measurement → place in the row: of the device, and of its parts by part and key. */
	readonly own: Places;
	readonly parts: ReadonlyMap<string, ReadonlyMap<string, Places>>;
	/** Of records that are made, at most as many as one holds: memory of typed arrays is dear to get and to give back. */
	readonly spareRows: Float64Array[];
};
type Places = ReadonlyMap<string, number>;

/** Shapes by content: a thousand machines of one model share one, and all shapes share their columns. */
class Shapes {
	readonly none: SharedShape;
	private readonly byHash = new Map<string, SharedShape>();
	private readonly columns = new Map<string, WireColumn>();

	constructor() {
		this.none = this.of([]);
	}

	get(hash: string): SharedShape | undefined {
		return this.byHash.get(hash);
	}

	of(columns: readonly WireColumn[], hash = hashOfText(textOf(columns))): SharedShape {
		const known = this.byHash.get(hash);
		if (known !== undefined) return known;
		const shared = columns.map((column) => this.shared(column));
		const shape = { hash, columns: shared, ...placesOf(shared), spareRows: [] };
		this.byHash.set(hash, shape);
		return shape;
	}

	keepOnly(shapes: ReadonlySet<SharedShape>): void {
		this.byHash.clear();
		this.columns.clear();
		for (const shape of [this.none, ...shapes]) {
			this.byHash.set(shape.hash, shape);
			for (const column of shape.columns) this.shared(column);
		}
	}

	private shared(column: WireColumn): WireColumn {
		const key = `${column.component?.part}\n${column.component?.key}\n${column.measurement}`;
		const known = this.columns.get(key) ?? column;
		this.columns.set(key, known);
		return known;
	}
}

const textOf = (columns: readonly WireColumn[]) => definitionText({ kind: "shape", columns });

function extended({ columns: before }: SharedShape, missing: readonly WireColumn[]) {
	const columns = [...before, ...missing].slice(0, COLUMNS_MOST);
	const text = textOf(columns);
	return { columns, text, hash: hashOfText(text) };
}

function placesOf(columns: readonly WireColumn[]): Pick<SharedShape, "own" | "parts"> {
	const own = new Map<string, number>();
	const parts = new Map<string, Map<string, Map<string, number>>>();
	for (const [index, { measurement: name, component }] of columns.entries()) {
		if (component === undefined) {
			own.set(name, index);
			continue;
		}
		const keys = parts.get(component.part) ?? new Map<string, Map<string, number>>();
		const places = keys.get(component.key) ?? new Map<string, number>();
		parts.set(component.part, keys.set(component.key, places.set(name, index)));
	}
	return { own, parts };
}

function missingColumns(
	{ own, parts, columns }: SharedShape,
	{ component, values }: Group,
): readonly WireColumn[] {
	const known = component === undefined ? own : parts.get(component.part)?.get(component.key);
	const names = Object.keys(values) as MeasurementName[];
	const missing = names.filter((name) => values[name] !== undefined && known?.has(name) !== true);
	if (columns.length >= COLUMNS_MOST) return [];
	return missing.map((name) => {
		const { decimals } = measurement(name);
		return component === undefined
			? { measurement: name, decimals }
			: { measurement: name, component, decimals };
	});
}

/** The reading's values by column; undefined where the shape lacks a column, unless that is allowed. */
function filledRow(
	{ own, parts, columns, spareRows }: SharedShape,
	{ values, components }: Reading,
	reach: "all" | "as-far-as-known" = "all",
): Float64Array | undefined {
	const row = (spareRows.pop() ?? new Float64Array(columns.length)).fill(Number.NaN);
	if (!fill(row, own, values) && reach === "all") return undefined;
	for (const { part, key, values: ofPart } of components) {
		if (!fill(row, parts.get(part)?.get(key), ofPart) && reach === "all") return undefined;
	}
	return row;
}

/** Whether every value has its column. */
function fill(row: Float64Array, places: Places | undefined, values: Values): boolean {
	let isWhole = true;
	for (const name in values) {
		const value = values[name as MeasurementName];
		if (value === undefined) continue;
		const place = places?.get(name);
		if (place === undefined) isWhole = false;
		else row[place] = value;
	}
	return isWhole;
}

function textBytesMost(texts: readonly string[]): number {
	return texts.reduce(
		(sum, text) =>
			sum + BYTES_PER_TEXT_MOST + Math.min(text.length, RECORD_TEXT_LONGEST) * BYTES_PER_CHARACTER_MOST,
		0,
	);
}

const NONE: readonly (readonly [string, number])[] = [];

function countedByCode({ faults }: Reading, isHeldBack: boolean): readonly (readonly [string, number])[] {
	if (faults.length === 0 && !isHeldBack) return NONE;
	const counts = new Map<string, number>();
	for (const { code } of faults) counts.set(code, (counts.get(code) ?? 0) + 1);
	if (isHeldBack) counts.set(HELD_BACK, 1);
	return [...counts];
}
