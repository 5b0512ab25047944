/**
 * The past of single devices: native samples, or the mean of each step.
 *
 * Takes a checked query; reads the store in pieces and gives columns. J/TH is made from the sums of
 * watts and hashrate of a step, never from a mean of ratios; a state or a counter is the step's last.
 */
import type { Component } from "../../../shared/device.js";
import { isMeasurementName, type MeasurementName, measurement } from "../../../shared/measurements.js";
import { MILLISECONDS_PER_SECOND, quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { IDLE_BELOW } from "../../derive/efficiency.js";
import { effectiveRates, type PowerOptions } from "../../derive/power.js";
import type {
	Column,
	Columns,
	DeviceState,
	SeriesQuery,
	SeriesStore,
	Shape,
} from "../../store/device-state.js";
import type { SeriesAnswer } from "../answers.js";
import { nearestStepSeconds, POINTS_MOST, READINGS_MOST, SERIES_MOST } from "./budget.js";
import { answered, type Reply, refused } from "./reply.js";

export const EFFICIENCY = "efficiencyJoulesPerTerahash";
const EFFICIENCY_UNIT = "J/TH";

/** What effective power and hashrate are found from. */
const EFFICIENCY_COLUMNS: readonly MeasurementName[] = [
	"powerWatts",
	"powerSource",
	"powerBoundary",
	"hashrateTerahashesPerSecond",
	"hashrateNominalTerahashesPerSecond",
	"hashrateNameplateTerahashesPerSecond",
	"otherAlgorithmHashrateHashesPerSecond",
];

export type SeriesRequest = {
	readonly devices: readonly DeviceState[];
	readonly measurements: readonly (MeasurementName | typeof EFFICIENCY)[];
	/** Absent: of the device as a whole. */
	readonly component?: Component;
	readonly from: number;
	readonly to: number;
	readonly stepSeconds?: number;
};

export async function seriesAnswer(
	store: SeriesStore,
	request: SeriesRequest,
	options: PowerOptions,
): Promise<Reply<SeriesAnswer>> {
	const complaint = complaintOf(request);
	if (complaint !== undefined) return refused("QUERY_REFUSED", complaint);
	const { from, to, stepSeconds } = request;
	const series: SeriesAnswer["series"][number][] = [];
	for (const device of request.devices) {
		const gathered = await gather(store, device, request, options);
		if (gathered === undefined) return refused("QUERY_REFUSED", tooManyPoints(request));
		series.push(...gathered);
	}
	return answered({ from, to, ...(stepSeconds === undefined ? {} : { stepSeconds }), series });
}

function complaintOf(request: SeriesRequest): string | undefined {
	const { devices, measurements, from, to, stepSeconds } = request;
	const count = devices.length * measurements.length;
	if (count > SERIES_MOST) return `${count} series are asked for; ${SERIES_MOST} are allowed.`;
	const seconds = (to - from) / MILLISECONDS_PER_SECOND;
	const readings = devices.map(({ description }) => seconds / description.pollIntervalSeconds);
	const points = stepSeconds === undefined ? Math.max(...readings) : seconds / stepSeconds;
	if (points > POINTS_MOST) return tooManyPoints(request);
	const sum = readings.reduce((all, some) => all + some, 0);
	if (sum > READINGS_MOST) {
		return `About ${Math.round(sum)} readings would be read; ${READINGS_MOST} are allowed. Ask for a shorter range or fewer devices.`;
	}
	return undefined;
}

function tooManyPoints(request: SeriesRequest): string {
	return `More than ${POINTS_MOST} points a series; the nearest allowed step is ${nearestStepSeconds(request)} s.`;
}

/** Undefined: more native points than allowed came. */
async function gather(
	store: SeriesStore,
	device: DeviceState,
	request: SeriesRequest,
	options: PowerOptions,
): Promise<readonly SeriesAnswer["series"][number][] | undefined> {
	const { measurements, component, stepSeconds } = request;
	const gatherers = measurements.map((name) => ({
		name,
		points:
			stepSeconds === undefined ? new NativePoints() : new StepPoints(request, stepSeconds, isLast(name)),
	}));
	for await (const piece of store.select(selection(device, request))) {
		for (const { name, points } of gatherers) {
			if (name === EFFICIENCY) addEfficiency(points, device, piece, options);
			else addColumn(points, piece, { measurement: name, ...(component === undefined ? {} : { component }) });
			if (points.count > POINTS_MOST + 1) return undefined;
		}
	}
	return gatherers.map(({ name, points }) => ({
		device: device.key,
		measurement: name,
		...(component === undefined || name === EFFICIENCY
			? {}
			: { part: component.part, component: component.key }),
		unit: isMeasurementName(name) ? measurement(name).unit : EFFICIENCY_UNIT,
		...points.columns(),
	}));
}

function selection(device: DeviceState, { measurements, component, from, to }: SeriesRequest): SeriesQuery {
	const columns = new Map<string, Pick<Column, "measurement" | "component">>();
	for (const name of measurements) {
		if (name === EFFICIENCY) {
			for (const each of EFFICIENCY_COLUMNS) columns.set(each, { measurement: each });
		} else if (component === undefined) {
			columns.set(name, { measurement: name });
		} else {
			columns.set(`${name} ${component.part} ${component.key}`, { measurement: name, component });
		}
	}
	return {
		deviceNumber: device.number,
		from: quantity<UnixMilliseconds>(from),
		to: quantity<UnixMilliseconds>(to),
		columns: [...columns.values()],
	};
}

function isLast(name: SeriesRequest["measurements"][number]): boolean {
	return name !== EFFICIENCY && measurement(name).kind !== "gauge";
}

/** `weight` is what a value is divided by: 1, or the hashrate under a power. Absent is NaN. */
type Points = {
	readonly count: number;
	add(at: number, value: number, weight: number): void;
	columns(): { readonly times: readonly number[]; readonly values: readonly (number | null)[] };
};

class NativePoints implements Points {
	private readonly times: number[] = [];
	private readonly values: (number | null)[] = [];

	get count(): number {
		return this.times.length;
	}

	add(at: number, value: number, weight: number): void {
		this.times.push(at);
		this.values.push(Number.isNaN(value) || Number.isNaN(weight) ? null : value / weight);
	}

	columns() {
		return { times: this.times, values: this.values };
	}
}

/** Steps start at multiples of the step; one without a value stays in its place. */
class StepPoints implements Points {
	readonly count = 0;
	private readonly stepMilliseconds: number;
	private readonly first: number;
	private readonly sums: Float64Array;
	private readonly weights: Float64Array;
	private readonly isLast: boolean;

	constructor({ from, to }: SeriesRequest, stepSeconds: number, keepsLast: boolean) {
		this.stepMilliseconds = stepSeconds * MILLISECONDS_PER_SECOND;
		this.first = Math.floor(from / this.stepMilliseconds);
		const steps = Math.ceil(to / this.stepMilliseconds) - this.first;
		this.sums = new Float64Array(steps);
		this.weights = new Float64Array(steps);
		this.isLast = keepsLast;
	}

	add(at: number, value: number, weight: number): void {
		if (Number.isNaN(value) || Number.isNaN(weight)) return;
		const step = Math.floor(at / this.stepMilliseconds) - this.first;
		this.sums[step] = this.isLast ? value : (this.sums[step] ?? 0) + value;
		this.weights[step] = this.isLast ? weight : (this.weights[step] ?? 0) + weight;
	}

	columns() {
		const times = Array.from(this.sums, (_, step) => (this.first + step) * this.stepMilliseconds);
		const values = Array.from(this.sums, (sum, step) => {
			const weight = this.weights[step] ?? 0;
			return weight > 0 ? sum / weight : null;
		});
		return { times, values };
	}
}

function addColumn(points: Points, piece: Columns, wanted: Pick<Column, "measurement" | "component">): void {
	const index = piece.columns.findIndex(
		({ measurement: name, component }) =>
			name === wanted.measurement &&
			component?.part === wanted.component?.part &&
			component?.key === wanted.component?.key,
	);
	const values = piece.values[index];
	if (values === undefined) return;
	for (const [row, at] of piece.times.entries()) points.add(at, values[row] ?? Number.NaN, 1);
}

function addEfficiency(points: Points, device: DeviceState, piece: Columns, options: PowerOptions): void {
	const shape: Shape = { hash: "", columns: piece.columns };
	for (const [row, at] of piece.times.entries()) {
		const latest = {
			at: quantity<UnixMilliseconds>(at),
			shape,
			values: Float64Array.from(piece.values, (column) => column[row] ?? Number.NaN),
			errorCodes: [],
		};
		const { watts = Number.NaN, terahashesPerSecond = Number.NaN } = effectiveRates(
			{ description: device.description, latest },
			options,
		);
		points.add(at, watts, terahashesPerSecond >= IDLE_BELOW ? terahashesPerSecond : Number.NaN);
	}
}
