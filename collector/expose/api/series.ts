/**
 * The past of single devices: native samples, or the mean of each step.
 *
 * Takes a checked query; reads the store in pieces and gives columns of numbers, NaN where absent;
 * series-form.ts writes them down. J/TH is made from the sums of watts and hashrate of a step, never
 * from a mean of ratios; a state or a counter is the step's last.
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

export type OneSeries = {
	readonly device: string;
	readonly measurement: string;
	readonly component?: Component;
	readonly unit: string;
	readonly times: Float64Array;
	/** NaN marks an absent value. */
	readonly values: Float64Array;
};

/** What SeriesAnswer says, in columns. */
export type SeriesColumns = {
	readonly from: number;
	readonly to: number;
	readonly stepSeconds?: number;
	readonly series: readonly OneSeries[];
};

export async function seriesAnswer(
	store: SeriesStore,
	request: SeriesRequest,
	options: PowerOptions,
): Promise<Reply<SeriesColumns>> {
	const complaint = complaintOf(request);
	if (complaint !== undefined) return refused("QUERY_REFUSED", complaint);
	const { from, to, stepSeconds } = request;
	const series: OneSeries[] = [];
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
): Promise<readonly OneSeries[] | undefined> {
	const { measurements, component, stepSeconds } = request;
	const shared = new SharedTimes();
	const gatherers = measurements.map((name) => ({
		name,
		points:
			stepSeconds === undefined
				? new NativePoints(shared)
				: new StepPoints(request, stepSeconds, isLast(name)),
	}));
	for await (const piece of store.select(selection(device, request))) {
		for (const { name, points } of gatherers) {
			if (name === EFFICIENCY) points.add(piece.times, ...efficiencyColumns(device, piece, options));
			else addColumn(points, piece, { measurement: name, ...(component === undefined ? {} : { component }) });
			if (points.count > POINTS_MOST + 1) return undefined;
		}
	}
	return gatherers.map(({ name, points }) => ({
		device: device.key,
		measurement: name,
		...(component === undefined || name === EFFICIENCY ? {} : { component }),
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

type Points = {
	readonly count: number;
	/** `weights` are what values are divided by, row by row: 1 where they are not given. Absent is NaN. */
	add(times: Float64Array, values: Float64Array, weights?: Float64Array): void;
	columns(): Pick<OneSeries, "times" | "values">;
};

/** The time columns of a device's series: put together once where several series have the same pieces. */
class SharedTimes {
	private readonly known: { readonly pieces: readonly Float64Array[]; readonly times: Float64Array }[] = [];

	of(pieces: readonly Float64Array[]): Float64Array {
		const same = this.known.find(
			(one) =>
				one.pieces.length === pieces.length && one.pieces.every((piece, index) => piece === pieces[index]),
		);
		if (same !== undefined) return same.times;
		const times = joined(pieces);
		this.known.push({ pieces, times });
		return times;
	}
}

class NativePoints implements Points {
	private readonly shared: SharedTimes;
	private readonly times: Float64Array[] = [];
	private readonly values: Float64Array[] = [];
	private points = 0;

	constructor(shared: SharedTimes) {
		this.shared = shared;
	}

	get count(): number {
		return this.points;
	}

	add(times: Float64Array, values: Float64Array, weights?: Float64Array): void {
		this.times.push(times);
		this.values.push(
			weights === undefined ? values : values.map((value, row) => value / (weights[row] ?? Number.NaN)),
		);
		this.points += times.length;
	}

	columns() {
		return { times: this.shared.of(this.times), values: joined(this.values) };
	}
}

function joined(pieces: readonly Float64Array[]): Float64Array {
	const all = new Float64Array(pieces.reduce((sum, { length }) => sum + length, 0));
	let at = 0;
	for (const piece of pieces) {
		all.set(piece, at);
		at += piece.length;
	}
	return all;
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

	add(times: Float64Array, values: Float64Array, weights?: Float64Array): void {
		const { sums, weights: weightSums, stepMilliseconds, first } = this;
		for (let row = 0; row < times.length; row++) {
			const value = values[row] ?? Number.NaN;
			const weight = weights === undefined ? 1 : (weights[row] ?? Number.NaN);
			if (Number.isNaN(value) || Number.isNaN(weight)) continue;
			const step = Math.floor((times[row] ?? 0) / stepMilliseconds) - first;
			sums[step] = this.isLast ? value : (sums[step] ?? 0) + value;
			weightSums[step] = this.isLast ? weight : (weightSums[step] ?? 0) + weight;
		}
	}

	columns() {
		const times = this.sums.map((_, step) => (this.first + step) * this.stepMilliseconds);
		const values = this.sums.map((sum, step) => {
			const weight = this.weights[step] ?? 0;
			return weight > 0 ? sum / weight : Number.NaN;
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
	if (values !== undefined) points.add(piece.times, values);
}

/** Watts, and the hashrate they are divided by. */
function efficiencyColumns(
	{ description }: DeviceState,
	piece: Columns,
	options: PowerOptions,
): readonly [watts: Float64Array, terahashesPerSecond: Float64Array] {
	const shape: Shape = { hash: "", columns: piece.columns };
	const watts = new Float64Array(piece.times.length).fill(Number.NaN);
	const work = new Float64Array(piece.times.length).fill(Number.NaN);
	for (const [row, at] of piece.times.entries()) {
		const values = Float64Array.from(piece.values, (column) => column[row] ?? Number.NaN);
		const latest = { at: quantity<UnixMilliseconds>(at), shape, values, errorCodes: [] };
		const rates = effectiveRates({ description, latest }, options);
		watts[row] = rates.watts ?? Number.NaN;
		const terahashesPerSecond = rates.terahashesPerSecond ?? Number.NaN;
		if (terahashesPerSecond >= IDLE_BELOW) work[row] = terahashesPerSecond;
	}
	return [watts, work];
}
