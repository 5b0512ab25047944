/**
 * The past of single devices: native samples, or one value of each step.
 *
 * Takes a checked query; reads the store in pieces and gives columns of numbers, NaN where absent;
 * series-form.ts writes them down. A step is a mean, a sum over a count; of a state or a counter it is the
 * last; J/TH is made from the step's joules and terahashes, never from a mean of ratios. Where the store
 * has only coarser steps left they stand in the answer, which says so: nothing is cut off.
 */
import type { Component } from "../../../shared/device.js";
import { isMeasurementName, type MeasurementName, measurement } from "../../../shared/measurements.js";
import {
	MILLISECONDS_PER_SECOND,
	quantity,
	SECONDS_PER_DAY,
	SECONDS_PER_HOUR,
	type UnixMilliseconds,
} from "../../../shared/units.js";
import { IDLE_BELOW } from "../../derive/efficiency.js";
import { endpointKey, FeedIndex } from "../../derive/feeds.js";
import { longestHoldMilliseconds } from "../../derive/intervals.js";
import { lastWords, suppliedWatts } from "../../derive/metering.js";
import { effectiveRates, type PowerOptions, RATE_MEASUREMENTS } from "../../derive/power.js";
import { type Aggregate, rolledName, stepEdges } from "../../derive/steps.js";
import type {
	Column,
	Columns,
	DeviceState,
	SeriesQuery,
	SeriesStore,
	Shape,
	StepColumns,
} from "../../store/device-state.js";
import type { Stretch } from "../answers.js";
import { nearestStepSeconds, POINTS_MOST, READINGS_MOST, SERIES_MOST } from "./budget.js";
import { answered, type Reply, refused } from "./reply.js";

export const EFFICIENCY = "efficiencyJoulesPerTerahash";
const EFFICIENCY_UNIT = "J/TH";

export type SeriesRequest = {
	readonly devices: readonly DeviceState[];
	readonly measurements: readonly (MeasurementName | typeof EFFICIENCY)[];
	/** Absent: of the device as a whole. */
	readonly component?: Component;
	readonly from: number;
	readonly to: number;
	readonly stepSeconds?: number;
	/** Of a step; absent: what suits the measurement. */
	readonly aggregate?: SeriesAggregate;
};

export const SERIES_AGGREGATES = ["mean", "min", "max", "last", "sum"] as const;
export type SeriesAggregate = (typeof SERIES_AGGREGATES)[number];

export type SeriesOptions = {
	readonly power: PowerOptions;
	/** Where the days of steps of whole days begin. */
	readonly timeZone: string;
};

export type OneSeries = {
	readonly device: string;
	readonly measurement: string;
	readonly component?: Component;
	readonly unit: string;
	readonly times: Float64Array;
	/** NaN marks an absent value. */
	readonly values: Float64Array;
	readonly stretches?: readonly Stretch[];
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
	{ power, timeZone }: SeriesOptions,
): Promise<Reply<SeriesColumns>> {
	const complaint = complaintOf(request);
	if (complaint !== undefined) return refused("QUERY_REFUSED", complaint);
	const { from, to, stepSeconds } = request;
	const series: OneSeries[] = [];
	for (const device of request.devices) {
		const gathered =
			stepSeconds === undefined
				? await gather(store, device, request, power)
				: await gatherSteps(store, device, { ...request, stepSeconds, timeZone });
		if (gathered === undefined) return refused("QUERY_REFUSED", tooManyPoints(request));
		series.push(...gathered);
	}
	return answered({ from, to, ...(stepSeconds === undefined ? {} : { stepSeconds }), series });
}

type MeteredDevice = {
	readonly device: DeviceState;
	readonly meteredWatts: ((at: number) => number | undefined) | undefined;
};

function complaintOf(request: SeriesRequest): string | undefined {
	const { devices, measurements, from, to, stepSeconds } = request;
	const count = devices.length * measurements.length;
	if (count > SERIES_MOST) return `${count} series are asked for; ${SERIES_MOST} are allowed.`;
	const seconds = (to - from) / MILLISECONDS_PER_SECOND;
	const stored = stepSeconds === undefined ? 1 : storedSeconds(stepSeconds);
	const readings = devices.map(
		({ description }) => seconds / Math.max(stored, description.pollIntervalSeconds),
	);
	const points = stepSeconds === undefined ? Math.max(...readings) : seconds / stepSeconds;
	if (points > POINTS_MOST) return tooManyPoints(request);
	const sum = readings.reduce((all, some) => all + some, 0);
	if (sum > READINGS_MOST) {
		return `About ${Math.round(sum)} readings would be read; ${READINGS_MOST} are allowed. Ask for a shorter range or fewer devices.`;
	}
	return undefined;
}

/** How long the rows are that a step is made from, where the tiers have them. */
function storedSeconds(stepSeconds: number): number {
	return [SECONDS_PER_DAY, SECONDS_PER_HOUR, 300, 60].find((length) => stepSeconds % length === 0) ?? 1;
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
	const { measurements, component } = request;
	const shared = new SharedTimes();
	const gatherers = measurements.map((name) => ({
		name,
		points: new NativePoints(shared),
	}));
	const meteredWatts = measurements.includes(EFFICIENCY)
		? await meteredPast(store, device, request, options)
		: undefined;
	for await (const piece of store.select(selection(device, request))) {
		for (const { name, points } of gatherers) {
			if (name === EFFICIENCY)
				points.add(piece.times, ...efficiencyColumns({ device, meteredWatts }, piece, options));
			else addColumn(points, piece, { measurement: name, ...(component === undefined ? {} : { component }) });
			if (points.count > POINTS_MOST + 1) return undefined;
		}
	}
	return gatherers.map(({ name, points }) => ({ ...named(device, name, component), ...points.columns() }));
}

function named(device: DeviceState, name: SeriesRequest["measurements"][number], component?: Component) {
	return {
		device: device.key,
		measurement: name,
		...(component === undefined || name === EFFICIENCY ? {} : { component }),
		unit: isMeasurementName(name) ? measurement(name).unit : EFFICIENCY_UNIT,
	};
}

type StepRequest = SeriesRequest & { readonly stepSeconds: number; readonly timeZone: string };

async function gatherSteps(
	store: SeriesStore,
	device: DeviceState,
	request: StepRequest,
): Promise<readonly OneSeries[]> {
	const { measurements, component, aggregate, stepSeconds, timeZone } = request;
	const pieces: StepColumns[] = [];
	const columns = measurements.flatMap((name): readonly Pick<Column, "measurement" | "component">[] =>
		name === EFFICIENCY
			? EFFICIENCY_SUMS.map((sum) => ({ measurement: sum }))
			: [{ measurement: name, ...(component === undefined ? {} : { component }) }],
	);
	for await (const piece of store.selectSteps({ ...selection(device, request), columns, stepSeconds }))
		pieces.push(piece);
	const { times, stretches } = stepGrid(request, pieces, timeZone);
	const places = new Map<number, number>();
	for (const [place, at] of times.entries()) places.set(at, place);
	return measurements.map((name) => {
		const values = new Float64Array(times.length).fill(Number.NaN);
		for (const piece of pieces) {
			const valueAt =
				name === EFFICIENCY ? efficiencyOf(piece) : aggregated(piece, name, component, aggregate);
			for (const [row, at] of piece.times.entries()) {
				const place = places.get(at);
				if (place !== undefined) values[place] = valueAt(row);
			}
		}
		const coarser = stretches.length === 0 ? {} : { stretches };
		return { ...named(device, name, component), times, values, ...coarser };
	});
}

const EFFICIENCY_SUMS = ["joules", "joulesWithoutWork", "terahashes", "terahashesWithoutPower"] as const;

/** All steps that the span has a part of; where the store has only longer ones left, those in their place. */
function stepGrid(
	{ from, to, stepSeconds }: StepRequest,
	pieces: readonly StepColumns[],
	timeZone: string,
): { readonly times: Float64Array; readonly stretches: readonly Stretch[] } {
	const edges = stepEdges(stepSeconds, timeZone);
	const coarse = pieces
		.filter(({ tierSeconds }) => tierSeconds > stepSeconds)
		.flatMap(({ times, tierSeconds }) => {
			const own = stepEdges(tierSeconds, timeZone);
			return Array.from(times, (at) => ({ from: at, to: own(at).end, stepSeconds: tierSeconds }));
		});
	const times: number[] = [];
	const stretches: Stretch[] = [];
	let next = 0;
	for (let at = Math.min(edges(from).start, coarse[0]?.from ?? Number.POSITIVE_INFINITY); at < to; ) {
		const one = coarse[next];
		if (one === undefined || one.from > at) {
			const { start, end } = edges(at);
			// A step of which a longer one takes the end still stands for its beginning.
			if (start >= at || times.length === 0) times.push(start);
			at = one === undefined ? end : Math.min(end, Math.max(one.from, at + 1));
			continue;
		}
		next += 1;
		times.push(one.from);
		at = Math.max(at, one.to);
		const before = stretches.at(-1);
		if (before?.to === one.from && before.stepSeconds === one.stepSeconds)
			stretches[stretches.length - 1] = { ...before, to: one.to };
		else stretches.push(one);
	}
	return { times: Float64Array.from(times), stretches };
}

/** The value of a step: of a gauge the mean, of a state or a counter the last, where nothing else is asked. */
function aggregated(
	piece: StepColumns,
	name: MeasurementName,
	component: Component | undefined,
	asked: SeriesAggregate | undefined,
): (row: number) => number {
	const aggregate = asked ?? (measurement(name).kind === "gauge" ? "mean" : "last");
	const column = (of: Aggregate) => {
		const wanted = { measurement: rolledName(name, of), ...(component === undefined ? {} : { component }) };
		return valuesOf(piece, wanted);
	};
	if (aggregate !== "mean") {
		const values = column(aggregate);
		return (row) => values?.[row] ?? Number.NaN;
	}
	const [sum, count] = [column("sum"), column("count")];
	return (row) => (sum?.[row] ?? Number.NaN) / (count?.[row] ?? Number.NaN);
}

/** Joules spent while work was known, over the work done while power was. */
function efficiencyOf(piece: StepColumns): (row: number) => number {
	const [joules, joulesWithoutWork, terahashes, terahashesWithoutPower] = EFFICIENCY_SUMS.map((name) =>
		valuesOf(piece, { measurement: name }),
	);
	const known = (values: Float64Array | undefined, row: number) => {
		const value = values?.[row] ?? 0;
		return Number.isNaN(value) ? 0 : value;
	};
	return (row) => {
		const work = known(terahashes, row) - known(terahashesWithoutPower, row);
		return work > 0 ? (known(joules, row) - known(joulesWithoutWork, row)) / work : Number.NaN;
	};
}

function selection(device: DeviceState, { measurements, component, from, to }: SeriesRequest): SeriesQuery {
	const columns = new Map<string, Pick<Column, "measurement" | "component">>();
	for (const name of measurements) {
		if (name === EFFICIENCY) {
			for (const each of RATE_MEASUREMENTS) columns.set(each, { measurement: each });
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

function addColumn(points: Points, piece: Columns, wanted: Pick<Column, "measurement" | "component">): void {
	const values = valuesOf(piece, wanted);
	if (values !== undefined) points.add(piece.times, values);
}

function valuesOf(
	{ columns, values }: Columns,
	wanted: Pick<Column, "measurement" | "component">,
): Float64Array | undefined {
	const place = columns.findIndex(
		({ measurement: name, component }) =>
			name === wanted.measurement &&
			component?.part === wanted.component?.part &&
			component?.key === wanted.component?.key,
	);
	return values[place];
}

/** Watts of a device by meters of its own; undefined where it has none. */
async function meteredPast(
	store: SeriesStore,
	{ site, description: { endpoint } }: DeviceState,
	{ from, to }: SeriesRequest,
	options: PowerOptions,
): Promise<((at: number) => number | undefined) | undefined> {
	const feeds = new FeedIndex(options.feeds ?? []).ofDevice.get(endpointKey(site, endpoint));
	if (feeds === undefined) return undefined;
	const words = await Promise.all(
		feeds.map(async ({ meter, outlet }) => {
			const named = [...store.devices().values()].find(
				(one) => endpointKey(one.site, one.description.endpoint) === endpointKey(site, meter),
			);
			if (named === undefined) return () => undefined;
			const holdMilliseconds = longestHoldMilliseconds(named.description.pollIntervalSeconds);
			const pieces: Columns[] = [];
			const span = {
				from: quantity<UnixMilliseconds>(from - holdMilliseconds),
				to: quantity<UnixMilliseconds>(to),
			};
			for await (const piece of store.select({ deviceNumber: named.number, ...span })) pieces.push(piece);
			return lastWords(pieces, { outlet, holdMilliseconds });
		}),
	);
	return (at) =>
		suppliedWatts(
			words.map((lastBefore) => lastBefore(at)),
			at,
			options,
		);
}

/** Watts, and the hashrate they are divided by. */
function efficiencyColumns(
	{ device: { description }, meteredWatts }: MeteredDevice,
	piece: Columns,
	options: PowerOptions,
): readonly [watts: Float64Array, terahashesPerSecond: Float64Array] {
	const shape: Shape = { hash: "", columns: piece.columns };
	const watts = new Float64Array(piece.times.length).fill(Number.NaN);
	const work = new Float64Array(piece.times.length).fill(Number.NaN);
	for (const [row, at] of piece.times.entries()) {
		const values = Float64Array.from(piece.values, (column) => column[row] ?? Number.NaN);
		const latest = { at: quantity<UnixMilliseconds>(at), shape, values, errorCodes: [] };
		const rates = effectiveRates({ description, latest, meteredWatts: meteredWatts?.(at) }, options);
		watts[row] = rates.watts ?? Number.NaN;
		const terahashesPerSecond = rates.terahashesPerSecond ?? Number.NaN;
		if (terahashesPerSecond >= IDLE_BELOW) work[row] = terahashesPerSecond;
	}
	return [watts, work];
}
