/**
 * Outcomes → records: gathers what the poller gives for a quarter of a second, packs it, hands it to the
 * outbox with the definitions it names.
 *
 * A device's shape only grows while its identity stays, so that a value that comes and goes costs one
 * byte and no new definition.
 */
import type { Clock } from "../../shared/clock.js";
import type { DeviceDescription } from "../../shared/device.js";
import type { MeasurementName } from "../../shared/measurements.js";
import { measurement } from "../../shared/measurements.js";
import type { Outcome, Reading } from "../../shared/reading.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import { COLUMNS_MOST, definitionText, hashOfText, type WireColumn } from "../../shared/wire/definition.js";
import {
	encodeOutcomes,
	RECORD_LONGEST_BYTES,
	RECORD_TEXT_LONGEST,
	type RecordOutcome,
} from "../../shared/wire/record.js";
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
const BYTES_PER_VALUE_MOST = 9;
const BYTES_PER_OUTCOME_MOST = 64;
const BYTES_PER_TEXT_MOST = 6;
const BYTES_PER_CHARACTER_MOST = 3;
const ERROR_CODES_MOST = 32;

type Known = {
	readonly description: DeviceDescription;
	readonly device: NewDefinition;
	columns: WireColumn[];
	places: Map<string, number>;
	shape: NewDefinition;
};

export class Recorder {
	private readonly clock: Clock;
	private readonly boot: string;
	private readonly append: (record: NewRecord, definitions: readonly NewDefinition[]) => void;
	private readonly known = new Map<string, Known>();
	private gathered: RecordOutcome[] = [];
	private used = new Map<string, NewDefinition>();
	private shapes = new Map<string, { readonly columns: readonly WireColumn[] }>();
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
		this.append({ bytes, outcomes: this.gathered.length, time }, [...this.used.values()]);
		this.outcomesRecorded += this.gathered.length;
		this.gathered = [];
		this.used = new Map();
		this.shapes = new Map();
		this.gatheredBytes = 0;
	}

	private gather(outcome: Outcome, description: DeviceDescription): void {
		const known = this.knownAs(description);
		this.used.set(known.device.hash, known.device);
		const common = {
			device: known.device.hash,
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
		this.used.set(known.shape.hash, known.shape);
		this.shapes.set(known.shape.hash, { columns: known.columns });
		const errorCodes = outcome.reading.errorCodes.slice(0, ERROR_CODES_MOST);
		const faults = countedByCode(outcome.reading);
		this.gatheredBytes +=
			values.length * BYTES_PER_VALUE_MOST + textBytesMost([...errorCodes, ...faults.map(([code]) => code)]);
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
		if (before !== undefined && before.description === description) return before;
		const text = definitionText({ kind: "device", device: description });
		const device = { hash: hashOfText(text), text };
		if (before !== undefined && before.device.hash === device.hash) {
			const same = { ...before, description };
			this.known.set(description.endpoint, same);
			return same;
		}
		const fresh: Known = { description, device, columns: [], places: new Map(), shape: shapeDefinition([]) };
		this.known.set(description.endpoint, fresh);
		return fresh;
	}

	private valuesOf(known: Known, reading: Reading): Float64Array {
		const places: [number, number][] = [];
		const columnsBefore = known.columns.length;
		const take = (
			name: string,
			value: number | undefined,
			component?: { part: Reading["components"][number]["part"]; key: string },
		) => {
			if (value === undefined) return;
			const place = placeOf(known, name as MeasurementName, component);
			if (place !== undefined) places.push([place, value]);
		};
		for (const [name, value] of Object.entries(reading.values)) take(name, value);
		for (const { part, key, values } of reading.components) {
			for (const [name, value] of Object.entries(values)) take(name, value, { part, key });
		}
		if (known.columns.length !== columnsBefore) known.shape = shapeDefinition(known.columns);
		const row = new Float64Array(known.columns.length).fill(Number.NaN);
		for (const [place, value] of places) row[place] = value;
		return row;
	}
}

function placeOf(
	known: Known,
	name: MeasurementName,
	component?: WireColumn["component"],
): number | undefined {
	const key = component === undefined ? name : `${component.part}\n${component.key}\n${name}`;
	const before = known.places.get(key);
	if (before !== undefined) return before;
	if (known.columns.length >= COLUMNS_MOST) return undefined;
	const { decimals } = measurement(name);
	// A new array, not a push: shapes of records being packed keep the old one.
	known.columns = [
		...known.columns,
		component === undefined ? { measurement: name, decimals } : { measurement: name, component, decimals },
	];
	known.places.set(key, known.columns.length - 1);
	return known.columns.length - 1;
}

function textBytesMost(texts: readonly string[]): number {
	return texts.reduce(
		(sum, text) =>
			sum + BYTES_PER_TEXT_MOST + Math.min(text.length, RECORD_TEXT_LONGEST) * BYTES_PER_CHARACTER_MOST,
		0,
	);
}

function shapeDefinition(columns: readonly WireColumn[]): NewDefinition {
	const text = definitionText({ kind: "shape", columns });
	return { hash: hashOfText(text), text };
}

function countedByCode({ faults }: Reading): readonly (readonly [string, number])[] {
	const counts = new Map<string, number>();
	for (const { code } of faults) counts.set(code, (counts.get(code) ?? 0) + 1);
	return [...counts];
}
