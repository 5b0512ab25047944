/**
 * The newest value of all devices: of one measurement, or of several with the labels of each device.
 *
 * Takes the store's present; gives an answer, JSON or binary columns. Only fresh readings count: a
 * device that fell silent has no newest value. Made for 10,000 devices at once: what a device's labels
 * look like is kept, the places of columns are found once a shape, numbers go straight into bytes.
 */
import type { Component } from "../../../shared/device.js";
import { type MeasurementName, measurement } from "../../../shared/measurements.js";
import { componentValues, deviceValue } from "../../derive/latest-values.js";
import {
	type AgentState,
	agentKey,
	type DeviceState,
	type LatestReading,
	type SeriesStore,
	type Shape,
} from "../../store/device-state.js";
import type { LatestAnswer } from "../answers.js";
import { freshReading } from "../device-facts.js";
import { ByteText } from "./byte-text.js";
import { ColumnPlaces, columnsBytes } from "./columns-format.js";

export type Present = {
	readonly store: SeriesStore;
	readonly now: number;
	/** Only devices of this site. */
	readonly site?: string;
};

type Fresh = { readonly state: DeviceState; readonly reading: LatestReading };

/** Devices that are asked about, and of these the fresh readings. */
function present({ store, now, site }: Present): {
	readonly deviceCount: number;
	readonly fresh: readonly Fresh[];
} {
	const agents = store.agents();
	const fresh: Fresh[] = [];
	let deviceCount = 0;
	// Devices of one agent mostly follow one another.
	let last: DeviceState | undefined;
	let agent: AgentState | undefined;
	for (const state of store.devices().values()) {
		if (site !== undefined && state.site !== site) continue;
		deviceCount += 1;
		if (last?.agent !== state.agent || last.site !== state.site) agent = agents.get(agentKey(state));
		last = state;
		const reading = freshReading(state, agent, now);
		if (reading !== undefined) fresh.push({ state, reading });
	}
	return { deviceCount, fresh };
}

export function latestOfOne(sources: Present, name: MeasurementName): LatestAnswer {
	const { unit, words } = measurement(name);
	const values = present(sources).fresh.flatMap(({ state, reading }) => {
		const own = deviceValue(reading, name);
		const parts = componentValues(reading, name).map(({ component, value }) => ({
			value,
			place: { part: component.part, component: component.key },
		}));
		return [{ value: own, place: {} }, ...parts].flatMap(({ value, place }) => {
			if (value === undefined) return [];
			const word = words?.[value];
			const stated = word === undefined ? {} : { word };
			return [{ device: state.key, ...place, measuredAt: reading.at, value, ...stated }];
		});
	});
	return { at: sources.now, measurement: name, unit, values };
}

/** What FleetLatestAnswer says, as JSON in bytes. */
export function fleetLatestJson(sources: Present, names: readonly MeasurementName[]): readonly Uint8Array[] {
	const { deviceCount, fresh } = present(sources);
	const text = new ByteText();
	const units = names.map((name) => ({ measurement: name, unit: measurement(name).unit }));
	text.text(
		`{"at":${sources.now},"deviceCount":${deviceCount},"measurements":${JSON.stringify(units)},"devices":[`,
	);
	const planOf = plans(names);
	let isFirst = true;
	for (const { state, reading } of fresh) {
		const plan = planOf(reading.shape);
		if (!hasValue(plan, reading.values)) continue;
		if (!isFirst) text.bytes(COMMA);
		isFirst = false;
		text.bytes(labelsOf(state));
		text.number(reading.at);
		text.bytes(VALUES);
		writeCells(text, plan.own, reading.values);
		writeParts(text, plan.parts, reading.values);
		text.bytes(END);
	}
	text.text("]}");
	return text.take();
}

/** The same as columns: a row a device or part that has a value (COLUMNS_FORMAT.md). */
export function fleetLatestBytes(sources: Present, names: readonly MeasurementName[]): readonly Uint8Array[] {
	const { deviceCount, fresh } = present(sources);
	const planOf = plans(names);
	const rows: Row[] = [];
	for (const { state, reading } of fresh) {
		const { own, parts } = planOf(reading.shape);
		if (hasCell(own, reading.values)) rows.push({ state, reading, cells: own, place: EMPTY });
		for (const { cells, place } of parts) {
			if (hasCell(cells, reading.values)) rows.push({ state, reading, cells, place });
		}
	}
	const measuredAt = Float64Array.from(rows, ({ reading }) => reading.at);
	const columns = names.map(() => new Float64Array(rows.length).fill(Number.NaN));
	rows.forEach(({ reading, cells }, row) => {
		for (const { name, index } of cells) {
			const column = columns[name];
			if (column !== undefined) column[row] = reading.values[index] ?? Number.NaN;
		}
	});
	const places = new ColumnPlaces();
	const head = new ByteText();
	head.text(`{"at":${sources.now},"deviceCount":${deviceCount},"measuredAt":${places.place(measuredAt)},`);
	const named = names.map((name, index) => ({
		measurement: name,
		unit: measurement(name).unit,
		values: places.place(columns[index] ?? new Float64Array()),
	}));
	head.text(`"measurements":${JSON.stringify(named)},"places":[`);
	rows.forEach(({ state, place }, index) => {
		if (index > 0) head.bytes(COMMA);
		const labels = labelsOf(state);
		head.bytes(labels.subarray(0, labels.length - MEASURED_AT.length));
		head.bytes(place);
		head.bytes(CLOSE);
	});
	head.text("]}");
	return columnsBytes(head, places.columns());
}

type Row = {
	readonly state: DeviceState;
	readonly reading: LatestReading;
	readonly cells: readonly Cell[];
	readonly place: Buffer;
};

const COMMA = Buffer.from(",");
const CLOSE = Buffer.from("}");
const END = CLOSE;
const EMPTY = Buffer.alloc(0);
const MEASURED_AT = ',"measuredAt":';
const VALUES = Buffer.from(',"values":{');
const PARTS = Buffer.from(',"parts":[');
const CLOSE_LIST = Buffer.from("]");

/** Where a measurement stands in a shape; `key` is its name as JSON with the colon. */
type Cell = { readonly name: number; readonly index: number; readonly key: Buffer };
type PartPlan = { readonly head: Buffer; readonly place: Buffer; readonly cells: readonly Cell[] };
type Plan = { readonly own: readonly Cell[]; readonly parts: readonly PartPlan[] };

/** Shapes are shared by thousands of devices: each is looked through once an answer. */
function plans(names: readonly MeasurementName[]): (shape: Shape) => Plan {
	const known = new Map<Shape, Plan>();
	const keys = names.map((name) => Buffer.from(`${JSON.stringify(name)}:`));
	return (shape) => {
		const before = known.get(shape);
		if (before !== undefined) return before;
		const plan = planned(shape, names, keys);
		known.set(shape, plan);
		return plan;
	};
}

function planned(shape: Shape, names: readonly string[], keys: readonly Buffer[]): Plan {
	const own: Cell[] = [];
	const parts = new Map<string, { readonly component: Component; readonly cells: Cell[] }>();
	names.forEach((wanted, name) => {
		shape.columns.forEach(({ measurement: found, component }, index) => {
			if (found !== wanted) return;
			const cell = { name, index, key: keys[name] ?? EMPTY };
			if (component === undefined) {
				own.push(cell);
				return;
			}
			const place = `${component.part} ${component.key}`;
			const part = parts.get(place) ?? { component, cells: [] };
			parts.set(place, part);
			part.cells.push(cell);
		});
	});
	return { own, parts: [...parts.values()].map(partPlan) };
}

function partPlan({
	component,
	cells,
}: {
	readonly component: Component;
	readonly cells: readonly Cell[];
}): PartPlan {
	const named = JSON.stringify({ part: component.part, component: component.key }).slice(1, -1);
	return { head: Buffer.from(`{${named},"values":{`), place: Buffer.from(`,${named}`), cells };
}

function hasValue({ own, parts }: Plan, values: Float64Array): boolean {
	return hasCell(own, values) || parts.some(({ cells }) => hasCell(cells, values));
}

function hasCell(cells: readonly Cell[], values: Float64Array): boolean {
	for (const { index } of cells) if (!Number.isNaN(values[index] ?? Number.NaN)) return true;
	return false;
}

/** The rest of an object that was opened, and its end. */
function writeCells(text: ByteText, cells: readonly Cell[], values: Float64Array): void {
	let isFirst = true;
	for (const { index, key } of cells) {
		const value = values[index] ?? Number.NaN;
		if (Number.isNaN(value)) continue;
		if (!isFirst) text.bytes(COMMA);
		isFirst = false;
		text.bytes(key);
		text.number(value);
	}
	text.bytes(CLOSE);
}

function writeParts(text: ByteText, parts: readonly PartPlan[], values: Float64Array): void {
	let isFirst = true;
	for (const { head, cells } of parts) {
		if (!hasCell(cells, values)) continue;
		text.bytes(isFirst ? PARTS : COMMA);
		isFirst = false;
		text.bytes(head);
		writeCells(text, cells, values);
		text.bytes(END);
	}
	if (!isFirst) text.bytes(CLOSE_LIST);
}

type Labels = Pick<DeviceState, "key" | "site" | "description"> & { readonly bytes: Buffer };

/** What was rendered of a device, by its number, and of what: made anew when any of it changes. */
const LABELS = new Map<number, Labels>();
const LABELS_MOST = 20_000;

/** An object's beginning, up to the value of measuredAt. */
function labelsOf({ number, description, key, site }: DeviceState): Buffer {
	const known = LABELS.get(number);
	if (known?.description === description && known.key === key && known.site === site) return known.bytes;
	const { rack, model } = description;
	const named = JSON.stringify({ device: key, site, rack, model });
	const bytes = Buffer.from(`${named.slice(0, -1)}${MEASURED_AT}`);
	if (LABELS.size >= LABELS_MOST) LABELS.clear();
	LABELS.set(number, { key, site, description, bytes });
	return bytes;
}
