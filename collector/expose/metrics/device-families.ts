/**
 * The families of single devices and their parts on /metrics.
 *
 * Takes facts of all devices; writes each family in one stretch, device by device. A gauge needs a
 * reading that is fresh; counters, identity and the time of the last reading stay. It is made for
 * 120,000 series a second: label sets are rendered once a device, the places of a family's columns are
 * found once a shape, and the loop pauses for others.
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
import type { DeviceState, LatestReading, Shape } from "../../store/device-state.js";
import type { DeviceFacts } from "../device-facts.js";
import type { Pause } from "./pause.js";
import {
	type FamilyKind,
	type Label,
	labelText,
	type RenderedFamily,
	rendered,
	type TextWriter,
} from "./text-writer.js";

/** How much of single devices is shown. "core" is what a rule or a dashboard cannot do without. */
export type PerDevice = "all" | "core" | "none";

const LINES_BETWEEN_PAUSES = 2_048;
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

/** Where rows share a family, what the family means. */
const LIMIT_HELP =
	"Temperature from which the sensor counts as too hot: as the device states it, else as configured.";
const SHARED_HELP: Readonly<Record<string, string>> = {
	temperature_celsius: "Temperature; the label sensor says where.",
	temperature_limit_celsius: LIMIT_HELP,
};

type ColumnFamily = RenderedFamily & { readonly key: string; readonly kind: FamilyKind };

type ColumnOfFamily = {
	readonly index: number;
	readonly tail: Buffer;
	readonly factor: number;
	readonly decimals: number;
	readonly isCounter: boolean;
	/** Series of another algorithm carry its name. */
	readonly hasAlgorithm: boolean;
};

type ShapePlan = ReadonlyMap<string, readonly ColumnOfFamily[]>;

const FAMILIES: readonly ColumnFamily[] = columnFamilies();

type Prepared = {
	readonly facts: DeviceFacts;
	readonly labelled: LabelledDevice;
	readonly head: Buffer;
	readonly latest: LatestReading | undefined;
};

/** What was rendered of a device, and of what: made anew when any of it changes. */
type LabelledDevice = {
	readonly description: DeviceState["description"];
	readonly site: string;
	readonly agent: string;
	readonly source: string | undefined;
	readonly boundary: string | undefined;
	readonly head: Buffer;
	readonly infoTail: Buffer;
	readonly algorithmTail: Buffer;
};

export class DeviceFamilies {
	private readonly perDevice: PerDevice;
	private readonly limits: TemperatureLimits;
	private readonly plans = new WeakMap<Shape, ShapePlan>();
	private labels = new Map<string, LabelledDevice>();

	constructor(options: { readonly perDevice: PerDevice; readonly limits: TemperatureLimits }) {
		this.perDevice = options.perDevice;
		this.limits = options.limits;
	}

	async write(writer: TextWriter, facts: readonly DeviceFacts[], pause: Pause): Promise<void> {
		if (this.perDevice === "none") return;
		const devices = this.prepare(facts);
		for (const family of FACT_FAMILIES) {
			await writeInTurns({ writer, devices, pause, family }, (device) =>
				family.of(device.facts, this.limits),
			);
		}
		await this.writeInfo(writer, devices, pause);
		const byShape = groupedByShape(devices);
		for (const family of FAMILIES) await this.writeColumns(writer, family, byShape, pause);
	}

	private prepare(facts: readonly DeviceFacts[]): readonly Prepared[] {
		const labels = new Map<string, LabelledDevice>();
		const devices = facts.map((device) => {
			const { key, latest } = device.state;
			const known = this.labels.get(key);
			const labelled = known !== undefined && isLabelled(known, device) ? known : labelledDevice(device);
			labels.set(key, labelled);
			return { facts: device, labelled, head: labelled.head, latest };
		});
		this.labels = labels;
		return devices;
	}

	private async writeInfo(writer: TextWriter, devices: readonly Prepared[], pause: Pause): Promise<void> {
		writer.bytes(INFO.header);
		let count = 0;
		for (const { head, labelled } of devices) {
			writer.sample(INFO, head, labelled.infoTail);
			writer.number(1);
			count += 1;
			if (count % LINES_BETWEEN_PAUSES === 0) await pause.ifDue();
		}
	}

	private async writeColumns(
		writer: TextWriter,
		family: ColumnFamily,
		byShape: ReadonlyMap<Shape, readonly Prepared[]>,
		pause: Pause,
	): Promise<void> {
		let isOpen = false;
		for (const [shape, devices] of byShape) {
			const columns = this.planOf(shape).get(family.key);
			if (columns === undefined) continue;
			if (!isOpen) writer.bytes(family.header);
			isOpen = true;
			for (let from = 0; from < devices.length; from += LINES_BETWEEN_PAUSES) {
				const until = Math.min(devices.length, from + LINES_BETWEEN_PAUSES);
				for (let at = from; at < until; at++) writeColumnsOf(writer, family, columns, devices[at]);
				await pause.ifDue();
			}
		}
	}

	private planOf(shape: Shape): ShapePlan {
		const known = this.plans.get(shape);
		if (known !== undefined) return known;
		const plan = planned(shape, this.perDevice);
		this.plans.set(shape, plan);
		return plan;
	}
}

function writeColumnsOf(
	writer: TextWriter,
	family: ColumnFamily,
	columns: readonly ColumnOfFamily[],
	device: Prepared | undefined,
): void {
	if (device?.latest === undefined) return;
	const isFresh = device.facts.gauges !== undefined;
	const { values } = device.latest;
	for (const column of columns) {
		const value = values[column.index];
		if (value === undefined || !Number.isFinite(value) || !(isFresh || column.isCounter)) continue;
		writer.sample(family, device.head, column.hasAlgorithm ? device.labelled.algorithmTail : column.tail);
		if (column.factor === 1) writer.decimal(value, column.decimals);
		else writer.decimal(value * column.factor, 0);
	}
}

type FactFamily = RenderedFamily & {
	readonly of: (facts: DeviceFacts, limits: TemperatureLimits) => number | readonly SensorValue[] | undefined;
	readonly decimals: number;
};

type SensorValue = { readonly tail: Buffer; readonly value: number };

type Turn = {
	readonly writer: TextWriter;
	readonly devices: readonly Prepared[];
	readonly pause: Pause;
	readonly family: FactFamily;
};

async function writeInTurns(
	{ writer, devices, pause, family }: Turn,
	of: (device: Prepared) => ReturnType<FactFamily["of"]>,
): Promise<void> {
	let isOpen = false;
	const write = (device: Prepared, tail: Buffer, value: number) => {
		if (!isOpen) writer.bytes(family.header);
		isOpen = true;
		writer.sample(family, device.head, tail);
		writer.decimal(value, family.decimals);
	};
	let count = 0;
	for (const device of devices) {
		const found = of(device);
		if (typeof found === "number") write(device, END, found);
		else if (found !== undefined) for (const { tail, value } of found) write(device, tail, value);
		count += 1;
		if (count % LINES_BETWEEN_PAUSES === 0) await pause.ifDue();
	}
}

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
		...gauge("efficiency_joules_per_terahash", "Energy over work of the trailing five minutes."),
		decimals: 4,
		of: ({ gauges, efficiencyJoulesPerTerahash }) => gauges && efficiencyJoulesPerTerahash,
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
	{
		...gauge("temperature_limit_celsius", LIMIT_HELP),
		decimals: 3,
		of: ({ gauges }, limits) => gauges && sensorValues(limitsBySensor(gauges, limits)),
	},
];

function gauge(name: string, help: string): RenderedFamily {
	return rendered({ name: `fleetwatt_device_${name}`, kind: "gauge", help });
}

function counter(name: string, help: string): RenderedFamily {
	return rendered({ name: `fleetwatt_device_${name}`, kind: "counter", help });
}

function wordIndex<Word extends string>(words: readonly Word[], word: Word | undefined): number | undefined {
	return word === undefined ? undefined : words.indexOf(word);
}

const SENSOR_VALUES = new WeakMap<ReadonlyMap<string, number>, readonly SensorValue[]>();

/** Devices of one shape share their limits, and so their lines but for the head. */
function sensorValues(bySensor: ReadonlyMap<string, number>): readonly SensorValue[] {
	const known = SENSOR_VALUES.get(bySensor);
	if (known !== undefined) return known;
	const made = [...bySensor].map(([sensor, value]) => ({ tail: sensorTail(sensor), value }));
	SENSOR_VALUES.set(bySensor, made);
	return made;
}

const SENSOR_TAILS = new Map<string, Buffer>();

/** Sensors are words of the measurement table, so this stays as small as the table. */
function sensorTail(sensor: string): Buffer {
	const known = SENSOR_TAILS.get(sensor);
	if (known !== undefined) return known;
	const made = Buffer.from(`,${labelText([["sensor", sensor]])}} `);
	SENSOR_TAILS.set(sensor, made);
	return made;
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
				kind,
				...rendered({ name: `fleetwatt_${key}`, kind, help: SHARED_HELP[exposeAs] ?? help }),
			});
		}
	}
	return [...families.values()];
}

/** Columns that this program does not know yet (a newer agent's) are stored and not shown. */
function planned(shape: Shape, perDevice: PerDevice): ShapePlan {
	const plan = new Map<string, ColumnOfFamily[]>();
	shape.columns.forEach(({ measurement: name, component }, index) => {
		if (!isMeasurementName(name)) return;
		if (component === undefined && FROM_FACTS.has(name)) return;
		if (perDevice === "core" && (component !== undefined || !CORE.has(name))) return;
		const { kind, factor, decimals, sensor, exposeAs } = measurement(name);
		const key = familyKey(name, component !== undefined);
		const columns = plan.get(key) ?? [];
		columns.push({
			index,
			tail: columnTail(component, sensor),
			factor,
			decimals,
			isCounter: kind === "counter",
			hasAlgorithm: component === undefined && exposeAs.startsWith("other_algorithm_"),
		});
		plan.set(key, columns);
	});
	return plan;
}

function columnTail(component: Component | undefined, sensor: string | undefined): Buffer {
	const labels: Label[] = [];
	if (component !== undefined) labels.push(["part", component.part], ["component", component.key]);
	if (sensor !== undefined) labels.push(["sensor", sensor]);
	return labels.length === 0 ? END : Buffer.from(`,${labelText(labels)}} `);
}

function groupedByShape(devices: readonly Prepared[]): ReadonlyMap<Shape, readonly Prepared[]> {
	const byShape = new Map<Shape, Prepared[]>();
	for (const device of devices) {
		const shape = device.latest?.shape;
		if (shape === undefined) continue;
		const known = byShape.get(shape);
		if (known === undefined) byShape.set(shape, [device]);
		else known.push(device);
	}
	return byShape;
}

function isLabelled(known: LabelledDevice, { state, latestPower }: DeviceFacts): boolean {
	return (
		known.description === state.description &&
		known.site === state.site &&
		known.agent === state.agent &&
		known.source === latestPower?.source &&
		known.boundary === latestPower?.boundary
	);
}

function labelledDevice(facts: DeviceFacts): LabelledDevice {
	const { site, agent, key, description } = facts.state;
	const { rack = "", model = "", algorithm = "" } = description;
	const text = labelText([
		["site", site],
		["rack", rack],
		["device", key],
		["model", model],
	]);
	return {
		description,
		site,
		agent,
		source: facts.latestPower?.source,
		boundary: facts.latestPower?.boundary,
		head: Buffer.from(`{${text}`),
		infoTail: Buffer.from(`${infoLabels(facts)}} `),
		algorithmTail: Buffer.from(`,${labelText([["algorithm", algorithm]])}} `),
	};
}

function infoLabels({ state, latestPower }: DeviceFacts): string {
	const { kind, driver, make, firmware, serial, mac, hostname, algorithm, endpoint, position } =
		state.description;
	const stated: readonly (readonly [string, string | undefined])[] = [
		["kind", kind],
		["driver", driver],
		["make", make],
		["firmware", firmware],
		["serial", serial],
		["mac", mac],
		["hostname", hostname],
		["algorithm", algorithm],
		["endpoint", endpoint],
		["position", position],
		["agent", state.agent],
		["power_source", latestPower?.source],
		["power_boundary", latestPower?.boundary],
	];
	const labels = stated.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
	return `,${labelText(labels)}`;
}
