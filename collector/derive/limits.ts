/**
 * How hot is too hot, sensor by sensor: what the device states, else what the configuration says.
 *
 * Takes a reading and the configured limits; gives each sensor's limit and the sensor nearest to its
 * own. Pure. A sensor without any limit is never judged.
 */
import { MEASUREMENT_NAMES, type MeasurementName, measurement } from "../../shared/measurements.js";
import type { LatestReading, ReadingsTogether, Shape } from "../store/device-state.js";
import { ofShape, present, valueAt } from "./latest-values.js";

/**
 * Limits in °C as the configuration names sensors ("chip", "gpu", "voltageRegulator"); a numbered
 * sensor ("chip_2") falls back on its kind.
 */
export type TemperatureLimits = Readonly<Record<string, number>>;

export type SensorReading = {
	readonly sensor: string;
	readonly celsius: number;
	readonly limitCelsius?: number;
};

type TemperatureColumn = {
	readonly index: number;
	readonly sensor: string;
	/** The configuration's word for sensors of this kind. */
	readonly limitName: string;
	/** Columns of limits that apply, the component's own first. */
	readonly limitIndexes: readonly number[];
};

const AIR_SENSORS: ReadonlySet<string> = new Set(["inlet", "outlet", "ambient"]);
const TEMPERATURE_FAMILY = "temperature_celsius";
const LIMIT_FAMILY = "temperature_limit_celsius";

const SENSOR_OF: ReadonlyMap<string, string> = sensorsOf(TEMPERATURE_FAMILY);
const LIMITED_SENSOR_OF: ReadonlyMap<string, string> = sensorsOf(LIMIT_FAMILY);

/** The sensor with the largest share of its limit, as the heat map colours it; without any limit, the hottest. */
export function hottestSensor(
	latest: LatestReading,
	limits: TemperatureLimits,
	override?: number,
): SensorReading | undefined {
	let worst: SensorReading | undefined;
	for (const column of columnsOf(latest.shape)) {
		const celsius = present(valueAt(latest, column.index));
		if (celsius === undefined) continue;
		const limitCelsius = overridden(column, override) ?? limitOf(latest, column, limits);
		if (worst === undefined || isWorse({ celsius, limitCelsius }, worst)) {
			worst = { sensor: column.sensor, celsius, ...(limitCelsius === undefined ? {} : { limitCelsius }) };
		}
	}
	return worst;
}

/** Of the hottest sensor, by its limit; undefined where no sensor has one. Makes nothing: it is asked for every reading. */
export function shareOfLimit(
	latest: LatestReading,
	limits: TemperatureLimits,
	override?: number,
): number | undefined {
	let most: number | undefined;
	const columns = columnsOf(latest.shape);
	for (let place = 0; place < columns.length; place += 1) {
		const column = columns[place] as TemperatureColumn;
		const celsius = present(valueAt(latest, column.index));
		if (celsius === undefined) continue;
		const limit = overridden(column, override) ?? limitOf(latest, column, limits);
		if (limit === undefined) continue;
		const share = celsius / limit;
		if (most === undefined || share > most) most = share;
	}
	return most;
}

/** Whether none of the readings that came together has a sensor beyond its limit; false where one may have. */
export function areAllCool(together: ReadingsTogether, shape: Shape, limits: TemperatureLimits): boolean {
	return columnsOf(shape).every(({ index, limitIndexes, limitName }) => {
		const limit = limits[limitName];
		if (limitIndexes.length > 0) return false;
		return limit === undefined || together.mostAt(index) <= limit;
	});
}

type ConfiguredOnly = { readonly limits: TemperatureLimits; readonly bySensor: ReadonlyMap<string, number> };

/** Where a shape has no column of limits, all its devices have the same ones. */
const CONFIGURED_ONLY = new WeakMap<Shape, ConfiguredOnly>();

/** The limit of every sensor word of the device, the lowest where its parts differ. */
export function limitsBySensor(
	latest: LatestReading,
	limits: TemperatureLimits,
	override?: number,
): ReadonlyMap<string, number> {
	if (override !== undefined) return gatheredLimits(latest, limits, override);
	const known = CONFIGURED_ONLY.get(latest.shape);
	if (known?.limits === limits) return known.bySensor;
	const bySensor = gatheredLimits(latest, limits);
	const isConfiguredOnly = columnsOf(latest.shape).every(({ limitIndexes }) => limitIndexes.length === 0);
	if (isConfiguredOnly) CONFIGURED_ONLY.set(latest.shape, { limits, bySensor });
	return bySensor;
}

function gatheredLimits(
	latest: LatestReading,
	limits: TemperatureLimits,
	override?: number,
): ReadonlyMap<string, number> {
	const bySensor = new Map<string, number>();
	for (const column of columnsOf(latest.shape)) {
		const limit = overridden(column, override) ?? limitOf(latest, column, limits);
		if (limit === undefined) continue;
		const known = bySensor.get(column.sensor);
		if (known === undefined || limit < known) bySensor.set(column.sensor, limit);
	}
	return bySensor;
}

/** What an operator set for a device is the limit of its chips, or of its GPUs. */
function overridden({ limitName }: TemperatureColumn, override: number | undefined): number | undefined {
	return limitName === "chip" || limitName === "gpu" ? override : undefined;
}

function limitOf(
	latest: LatestReading,
	column: TemperatureColumn,
	limits: TemperatureLimits,
): number | undefined {
	const { limitIndexes, limitName } = column;
	for (let place = 0; place < limitIndexes.length; place += 1) {
		const stated = present(valueAt(latest, limitIndexes[place] as number));
		if (stated !== undefined) return stated;
	}
	return limits[limitName];
}

/** "chip_2", "chip_average" and "chip" share one limit. */
function kindOf(sensor: string): string {
	return sensor.replace(/_(?:\d+|average|minimum)$/, "");
}

function configurationName(sensor: string): string {
	return kindOf(sensor).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function isWorse(
	one: { readonly celsius: number; readonly limitCelsius: number | undefined },
	other: SensorReading,
): boolean {
	if (one.limitCelsius === undefined) return other.limitCelsius === undefined && one.celsius > other.celsius;
	if (other.limitCelsius === undefined) return true;
	return one.celsius / one.limitCelsius > other.celsius / other.limitCelsius;
}

const columnsOf = ofShape(temperatureColumns);

function temperatureColumns(shape: Shape): readonly TemperatureColumn[] {
	const made: TemperatureColumn[] = [];
	shape.columns.forEach(({ measurement: name, component }, index) => {
		const sensor = SENSOR_OF.get(name);
		if (sensor === undefined) return;
		const places = component === undefined ? [undefined] : [component, undefined];
		const limitIndexes = places
			.map((place) =>
				shape.columns.findIndex(
					(column) =>
						LIMITED_SENSOR_OF.get(column.measurement) === kindOf(sensor) &&
						column.component?.part === place?.part &&
						column.component?.key === place?.key,
				),
			)
			.filter((found) => found >= 0);
		// Air sensors on a board sit behind its chips; the configuration means the air of the room.
		const isInside = component !== undefined && AIR_SENSORS.has(kindOf(sensor));
		made.push({ index, sensor, limitName: isInside ? "" : configurationName(sensor), limitIndexes });
	});
	return made;
}

function sensorsOf(family: string): Map<MeasurementName, string> {
	const sensors = new Map<MeasurementName, string>();
	for (const name of MEASUREMENT_NAMES) {
		const { exposeAs, sensor } = measurement(name);
		if (exposeAs === family && sensor !== undefined) sensors.set(name, sensor);
	}
	return sensors;
}
