/**
 * The families of single devices and their parts on /metrics: which lines a device has, and their values.
 *
 * Takes a device's shape and how much is to be shown; gives its lines in the order of the families, and
 * reads their values from the device's facts. A gauge needs a reading that is fresh; counters,
 * identity and the time of the last reading stay. Pure; shapes alike share one plan.
 */
import type { Component } from "../../../shared/device.js";
import {
	isMeasurementName,
	MEASUREMENT_NAMES,
	type MeasurementName,
	measurement,
	POWER_BOUNDARIES,
	POWER_SOURCES,
} from "../../../shared/measurements.js";
import { MILLISECONDS_PER_SECOND } from "../../../shared/units.js";
import { limitsBySensor, type TemperatureLimits } from "../../derive/limits.js";
import { INTENTS } from "../../derive/placement.js";
import type { Column, Shape } from "../../store/device-state.js";
import type { DeviceFacts } from "../device-facts.js";
import { type Label, labelText, type RenderedFamily, rendered } from "./text-writer.js";

/** How much of single devices is shown. "core" is what a rule or a dashboard cannot do without. */
export type PerDevice = "all" | "core" | "none";

/** What stands between a device's own labels and the value: bytes, or words that are the device's own. */
export type Tail = Buffer | "info" | "algorithm";

export type DeviceLine = {
	/** Index in DEVICE_FAMILIES. */
	readonly family: number;
	readonly tail: Tail;
	readonly decimals: number;
	readonly source: ValueSource;
	/** Of the fact or the column, by source. */
	readonly index: number;
	readonly factor: number;
	/** Stays when the reading is old. */
	readonly isCounter: boolean;
	/** Of a limit. */
	readonly sensor: string;
};

/** Plain words in place of a function for each line: 120,000 values are read for a scrape. */
export type ValueSource = "fact" | "column" | "limit" | "one";

/** In the order of the families. */
export type DeviceLines = readonly DeviceLine[];

const WIDTH_LEAST = 1;
const HASHES_PER_TERAHASH = 1e12;
const END = Buffer.from("} ");

/** Rows whose device-level family is written from facts instead of the raw column. */
const FROM_FACTS: ReadonlySet<MeasurementName> = new Set<MeasurementName>([
	"powerWatts",
	"powerSource",
	"powerBoundary",
	"chipTemperatureLimitCelsius",
	"gpuTemperatureLimitCelsius",
]);

const CORE: ReadonlySet<MeasurementName> = new Set<MeasurementName>([
	"hashrateTerahashesPerSecond",
	"chipTemperatureCelsius",
	"gpuTemperatureCelsius",
	"operatingState",
	"gpuCount",
]);

const NO_LIMITS: ReadonlyMap<string, number> = new Map();
const TEMPERATURE_FAMILY = "temperature_celsius";

/** Where rows share a family, what the family means. */
const LIMIT_HELP =
	"Temperature from which the sensor counts as too hot: as the inventory says, else the device, else the configuration.";
const SHARED_HELP: Readonly<Record<string, string>> = {
	[TEMPERATURE_FAMILY]: "Temperature; the label sensor says where.",
	temperature_limit_celsius: LIMIT_HELP,
};

type FactFamily = RenderedFamily & {
	readonly of: (facts: DeviceFacts) => number | undefined;
	readonly decimals: number;
};

const INFO = rendered({
	name: "fleetwatt_device_info",
	kind: "gauge",
	help: "Who a device is and where its watts come from; always 1. Join it by the label device.",
});

const FACT_FAMILIES: readonly FactFamily[] = [
	{
		...gauge("up", "Whether the newest poll of the device gave a reading; absent while its agent is silent."),
		decimals: 0,
		of: ({ health }) => (health === "unknown" ? undefined : health === "up" ? 1 : 0),
	},
	{
		...gauge(
			"intent",
			"What its operator means it to do: 0 in service, 1 maintenance, 2 curtailed, 3 retired. Alerts are quiet above 0.",
		),
		decimals: 0,
		of: ({ state }) => wordIndex(INTENTS, state.inventory?.intent ?? "in-service"),
	},
	{
		...gauge("last_reading_timestamp_seconds", "When the newest reading was taken."),
		decimals: 3,
		of: ({ state }) => (state.latest === undefined ? undefined : state.latest.at / MILLISECONDS_PER_SECOND),
	},
	{
		...gauge("power_watts", "Power to count with; fleetwatt_device_info says where it comes from."),
		decimals: 3,
		of: ({ gauges, latestPower }) => (gauges === undefined ? undefined : latestPower?.watts),
	},
	{
		...gauge(
			"power_allowed_watts",
			"Watts from which the device draws too much: as the inventory says, else by its nameplate or its GPUs' caps.",
		),
		decimals: 3,
		of: ({ gauges, powerAllowedWatts }) => gauges && powerAllowedWatts,
	},
	{
		...gauge("power_source", measurement("powerSource").help),
		decimals: 0,
		of: ({ gauges, latestPower }) => wordIndex(POWER_SOURCES, gauges && latestPower?.source),
	},
	{
		...gauge("power_boundary", measurement("powerBoundary").help),
		decimals: 0,
		of: ({ gauges, latestPower }) => wordIndex(POWER_BOUNDARIES, gauges && latestPower?.boundary),
	},
	{
		...gauge(
			"power_error_ratio",
			"What watts that are an estimate may be off by, as a share of them; absent for measured ones.",
		),
		decimals: 3,
		of: ({ gauges, latestPower }) => gauges && latestPower?.errorRatio,
	},
	{
		...gauge("efficiency_joules_per_terahash", "Energy over work of the trailing five minutes."),
		decimals: 4,
		of: ({ gauges, efficiencyJoulesPerTerahash }) => gauges && efficiencyJoulesPerTerahash,
	},
	{
		...gauge("prompt_tokens_per_second", "Tokens of prompts that are read, over the trailing five minutes."),
		decimals: 6,
		of: ({ gauges, tokenWork }) => gauges && tokenWork?.promptTokensPerSecond,
	},
	{
		...gauge("generated_tokens_per_second", "Tokens that are generated, over the trailing five minutes."),
		decimals: 6,
		of: ({ gauges, tokenWork }) => gauges && tokenWork?.generatedTokensPerSecond,
	},
	{
		...gauge(
			"generated_tokens_per_joule",
			"Generated tokens over all energy of the host, of the trailing five minutes.",
		),
		decimals: 6,
		of: ({ gauges, tokenWork }) => gauges && tokenWork?.generatedTokensPerJoule,
	},
	{
		...gauge(
			"tokens_per_joule",
			"Prompt and generated tokens over all energy of the host, of the trailing five minutes.",
		),
		decimals: 6,
		of: ({ gauges, tokenWork }) => gauges && tokenWork?.tokensPerJoule,
	},
	{
		...counter("energy_joules_total", "Energy from the watts to count with, over real time stamps."),
		decimals: 0,
		of: ({ state }) => (state.meter.joulesTotal > 0 ? state.meter.joulesTotal : undefined),
	},
	{
		...counter("work_hashes_total", "SHA-256 hashes from the hashrate, over real time stamps."),
		decimals: 0,
		of: ({ state }) =>
			state.meter.terahashesTotal > 0 ? state.meter.terahashesTotal * HASHES_PER_TERAHASH : undefined,
	},
	{
		...gauge("gross_usd_per_hour", "Earning at the inputs in force, from the trailing five minutes."),
		decimals: 6,
		of: ({ gauges, revenue }) => gauges && revenue?.grossUsdPerHour,
	},
	{
		...gauge("net_usd_per_hour", "Earning less the cost of power, from the trailing five minutes."),
		decimals: 6,
		of: ({ gauges, revenue }) => gauges && revenue?.netUsdPerHour,
	},
];

const LIMITS = gauge("temperature_limit_celsius", LIMIT_HELP);

type ColumnFamily = RenderedFamily & { readonly key: string };

const COLUMN_FAMILIES: readonly ColumnFamily[] = columnFamilies();

/** In the order in which they stand on /metrics. */
export const DEVICE_FAMILIES: readonly RenderedFamily[] = [
	...FACT_FAMILIES,
	LIMITS,
	INFO,
	...COLUMN_FAMILIES,
];

const COLUMN_FAMILY_INDEXES: ReadonlyMap<string, number> = new Map(
	COLUMN_FAMILIES.map((family) => [family.key, DEVICE_FAMILIES.indexOf(family)]),
);

export type DevicePlans = {
	/** The lines of a device whose newest reading has this shape; undefined: that never gave one. */
	linesOf(shape: Shape | undefined): DeviceLines;
	/** By family, the widest slot that any of its numbers needed: new lines start with it. */
	readonly widths: Uint8Array;
	/** Writes the value of each line in order, NaN where the line is not to be shown. */
	read(lines: DeviceLines, facts: DeviceFacts, values: Float64Array): void;
};

export function createDevicePlans(options: {
	readonly perDevice: PerDevice;
	readonly limits: TemperatureLimits;
}): DevicePlans {
	const plans = new WeakMap<Shape, DeviceLines>();
	const withoutShape = planned(undefined, options);
	return {
		linesOf(shape) {
			if (shape === undefined) return withoutShape;
			const known = plans.get(shape);
			if (known !== undefined) return known;
			const lines = planned(shape, options);
			plans.set(shape, lines);
			return lines;
		},
		widths: new Uint8Array(DEVICE_FAMILIES.length).fill(WIDTH_LEAST),
		read: (lines, facts, values) => readValues(lines, { facts, limits: options.limits }, values),
	};
}

function readValues(
	lines: DeviceLines,
	{ facts, limits }: { readonly facts: DeviceFacts; readonly limits: TemperatureLimits },
	values: Float64Array,
): void {
	const fresh = facts.gauges?.values;
	const newest = fresh ?? facts.state.latest?.values;
	let bySensor: ReadonlyMap<string, number> | undefined;
	for (let at = 0; at < lines.length; at++) {
		const line = lines[at];
		if (line === undefined) continue;
		if (line.source === "column") {
			values[at] = ((line.isCounter ? newest : fresh)?.[line.index] ?? Number.NaN) * line.factor;
			continue;
		}
		if (line.source === "limit") bySensor ??= limitsOf(facts, limits);
		values[at] = spokenValue(line, facts, bySensor) ?? Number.NaN;
	}
}

/** Of a line that is no column: a fact, a limit of the sensor, or 1. */
function spokenValue(
	{ source, index, sensor }: DeviceLine,
	facts: DeviceFacts,
	bySensor: ReadonlyMap<string, number> | undefined,
): number | undefined {
	if (source === "fact") return FACT_FAMILIES[index]?.of(facts);
	return source === "limit" ? bySensor?.get(sensor) : 1;
}

function limitsOf({ gauges, state }: DeviceFacts, limits: TemperatureLimits): ReadonlyMap<string, number> {
	if (gauges === undefined) return NO_LIMITS;
	return limitsBySensor(gauges, limits, state.inventory?.temperatureLimitCelsius);
}

type PlanOptions = Parameters<typeof createDevicePlans>[0];

function planned(shape: Shape | undefined, { perDevice }: PlanOptions): DeviceLines {
	if (perDevice === "none") return [];
	const columns = shape?.columns ?? [];
	return [
		...FACT_FAMILIES.map(({ decimals }, index) =>
			deviceLine({ family: index, tail: END, source: "fact", index, decimals }),
		),
		...limitLines(columns),
		deviceLine({ family: DEVICE_FAMILIES.indexOf(INFO), tail: "info", source: "one" }),
		...columnLines(columns, perDevice),
	];
}

function deviceLine(line: Pick<DeviceLine, "family" | "tail" | "source"> & Partial<DeviceLine>): DeviceLine {
	return { decimals: 0, index: -1, factor: 1, isCounter: false, sensor: "", ...line };
}

/** One line for each sensor word of the shape, whichever of its parts states the limit. */
function limitLines(columns: readonly Column[]): DeviceLines {
	const sensors = new Set(columns.flatMap(({ measurement: name }) => sensorOf(name) ?? []));
	return [...sensors].map((sensor) =>
		deviceLine({
			family: DEVICE_FAMILIES.indexOf(LIMITS),
			tail: columnTail(undefined, sensor),
			source: "limit",
			decimals: 3,
			sensor,
		}),
	);
}

function sensorOf(name: string): string | undefined {
	if (!isMeasurementName(name)) return undefined;
	const { exposeAs, sensor } = measurement(name);
	return exposeAs === TEMPERATURE_FAMILY ? sensor : undefined;
}

/** Columns that this program does not know yet (a newer agent's) are stored and not shown. */
function columnLines(columns: readonly Column[], perDevice: PerDevice): DeviceLines {
	const lines = columns.flatMap(({ measurement: name, component }, index): DeviceLines => {
		if (!isMeasurementName(name)) return [];
		if (component === undefined && FROM_FACTS.has(name)) return [];
		if (perDevice === "core" && (component !== undefined || !CORE.has(name))) return [];
		const family = COLUMN_FAMILY_INDEXES.get(familyKey(name, component !== undefined));
		return family === undefined ? [] : [columnLine({ name, component, index, family })];
	});
	return lines.sort((one, other) => one.family - other.family);
}

function columnLine({
	name,
	component,
	index,
	family,
}: {
	readonly name: MeasurementName;
	readonly component: Component | undefined;
	readonly index: number;
	readonly family: number;
}): DeviceLine {
	const { kind, factor, decimals, sensor, exposeAs } = measurement(name);
	/** Series of another algorithm carry its name. */
	const hasAlgorithm = component === undefined && exposeAs.startsWith("other_algorithm_");
	return deviceLine({
		family,
		tail: hasAlgorithm ? "algorithm" : columnTail(component, sensor),
		source: "column",
		index,
		decimals: factor === 1 ? decimals : 0,
		factor,
		isCounter: kind === "counter",
	});
}

function columnTail(component: Component | undefined, sensor: string | undefined): Buffer {
	const labels: Label[] = [];
	if (component !== undefined) labels.push(["part", component.part], ["component", component.key]);
	if (sensor !== undefined) labels.push(["sensor", sensor]);
	return labels.length === 0 ? END : Buffer.from(`,${labelText(labels)}} `);
}

function familyKey(name: MeasurementName, isComponent: boolean): string {
	return `${isComponent ? "component" : "device"}_${measurement(name).exposeAs}`;
}

function columnFamilies(): readonly ColumnFamily[] {
	const families = new Map<string, ColumnFamily>();
	for (const isComponent of [false, true]) {
		for (const name of MEASUREMENT_NAMES) {
			const key = familyKey(name, isComponent);
			if (families.has(key) || (!isComponent && FROM_FACTS.has(name))) continue;
			const { exposeAs, help, kind: measured } = measurement(name);
			const kind = measured === "counter" ? "counter" : "gauge";
			families.set(key, {
				key,
				...rendered({ name: `fleetwatt_${key}`, kind, help: SHARED_HELP[exposeAs] ?? help }),
			});
		}
	}
	return [...families.values()];
}

function gauge(name: string, help: string): RenderedFamily {
	return rendered({ name: `fleetwatt_device_${name}`, kind: "gauge", help });
}

function counter(name: string, help: string): RenderedFamily {
	return rendered({ name: `fleetwatt_device_${name}`, kind: "counter", help });
}

function wordIndex<Word extends string>(words: readonly Word[], word: Word | undefined): number | undefined {
	return word === undefined ? undefined : words.indexOf(word);
}
