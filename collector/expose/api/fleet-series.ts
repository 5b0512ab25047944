/**
 * The past of the whole fleet: sums of five-minute intervals, each valued at the inputs of its time.
 *
 * Takes a checked span; gives columns of one length. Only intervals that are over are summed, so the
 * newest point never looks like an outage. Ratios are made from sums last.
 */
import {
	JOULES_PER_MEGAWATT_HOUR,
	MILLISECONDS_PER_SECOND,
	quantity,
	SECONDS_PER_HOUR,
	type UnixMilliseconds,
} from "../../../shared/units.js";
import { INTERVAL_MILLISECONDS } from "../../derive/intervals.js";
import { type MoneyInputs, usdPerGpuHour, usdPerTerahash } from "../../derive/revenue.js";
import { moneyInputsAt } from "../../market/inputs.js";
import type { IntervalSums, SeriesStore } from "../../store/device-state.js";
import type { FleetSeriesAnswer } from "../answers.js";
import { nearestStepSeconds, POINTS_MOST } from "./budget.js";
import { answered, type Reply, refused } from "./reply.js";

export const INTERVAL_SECONDS = INTERVAL_MILLISECONDS / MILLISECONDS_PER_SECOND;
/** Rows of the store that are in memory at a time, and that one query may read. */
const ROWS_AT_ONCE = 200_000;
const ROWS_MOST = 10_000_000;

export type FleetSeriesRequest = {
	readonly from: number;
	readonly to: number;
	/** A multiple of 300. */
	readonly stepSeconds: number;
	readonly now: number;
	readonly siteOverheadRatio: number;
};

type StepSums = {
	intervals: number;
	hasRows: boolean;
	joules: number;
	terahashes: number;
	joulesWithWork: number;
	terahashesWithPower: number;
	secondsUp: number;
	grossUsd: number;
	megawattHoursPriced: number;
};

export async function fleetSeriesAnswer(
	store: SeriesStore,
	request: FleetSeriesRequest,
): Promise<Reply<FleetSeriesAnswer>> {
	const { stepSeconds } = request;
	const from = Math.floor(request.from / INTERVAL_MILLISECONDS) * INTERVAL_MILLISECONDS;
	const to = Math.max(
		from,
		Math.floor(Math.min(request.to, request.now) / INTERVAL_MILLISECONDS) * INTERVAL_MILLISECONDS,
	);
	const complaint = complaintOf(store, { from, to, stepSeconds });
	if (complaint !== undefined) return refused("QUERY_REFUSED", complaint);
	const steps = emptySteps(from, to, stepSeconds);
	const prices = pricesByInterval(store);
	for (const slice of slices(store, from, to)) {
		for (const row of await store.intervalSums(slice)) {
			const step = steps.get(stepOf(row.from, stepSeconds));
			if (step !== undefined) addRow(step, row, prices(row.from), request.siteOverheadRatio);
		}
	}
	return answered({ from, to, stepSeconds, ...columnsOf(steps) });
}

function complaintOf(
	store: SeriesStore,
	{ from, to, stepSeconds }: { readonly from: number; readonly to: number; readonly stepSeconds: number },
): string | undefined {
	if ((to - from) / MILLISECONDS_PER_SECOND / stepSeconds > POINTS_MOST) {
		const nearest = nearestStepSeconds({ from, to }, INTERVAL_SECONDS);
		return `More than ${POINTS_MOST} points; the nearest allowed step is ${nearest} s.`;
	}
	const rows = ((to - from) / INTERVAL_MILLISECONDS) * store.devices().size;
	if (rows > ROWS_MOST)
		return `About ${rows} sums would be read; ${ROWS_MOST} are allowed. Ask for a shorter range.`;
	return undefined;
}

function stepOf(at: number, stepSeconds: number): number {
	const stepMilliseconds = stepSeconds * MILLISECONDS_PER_SECOND;
	return Math.floor(at / stepMilliseconds) * stepMilliseconds;
}

function emptySteps(from: number, to: number, stepSeconds: number): Map<number, StepSums> {
	const steps = new Map<number, StepSums>();
	for (let at = from; at < to; at += INTERVAL_MILLISECONDS) {
		const start = stepOf(at, stepSeconds);
		const step = steps.get(start);
		if (step === undefined) steps.set(start, { ...NOTHING, intervals: 1 });
		else step.intervals += 1;
	}
	return steps;
}

const NOTHING: StepSums = {
	intervals: 0,
	hasRows: false,
	joules: 0,
	terahashes: 0,
	joulesWithWork: 0,
	terahashesWithPower: 0,
	secondsUp: 0,
	grossUsd: 0,
	megawattHoursPriced: 0,
};

function* slices(
	store: SeriesStore,
	from: number,
	to: number,
): Generator<{ readonly from: UnixMilliseconds; readonly to: UnixMilliseconds }> {
	const intervals = Math.max(1, Math.floor(ROWS_AT_ONCE / Math.max(1, store.devices().size)));
	for (let at = from; at < to; at += intervals * INTERVAL_MILLISECONDS) {
		yield {
			from: quantity<UnixMilliseconds>(at),
			to: quantity<UnixMilliseconds>(Math.min(to, at + intervals * INTERVAL_MILLISECONDS)),
		};
	}
}

type Prices = { readonly usdPerTerahash?: number; readonly usdPerGpuHour?: number };

/** Rows come in order of time, so one remembered interval is enough. */
function pricesByInterval(store: SeriesStore): (at: number) => Prices {
	const stored = store.inputs();
	let known: { readonly at: number; readonly prices: Prices } | undefined;
	return (at) => {
		if (known?.at !== at) known = { at, prices: pricesOf(moneyInputsAt(stored, at)) };
		return known.prices;
	};
}

function pricesOf(inputs: MoneyInputs): Prices {
	const [terahash, gpuHour] = [usdPerTerahash(inputs), usdPerGpuHour(inputs)];
	return {
		...(terahash === undefined ? {} : { usdPerTerahash: terahash }),
		...(gpuHour === undefined ? {} : { usdPerGpuHour: gpuHour }),
	};
}

function addRow(step: StepSums, row: IntervalSums, prices: Prices, siteOverheadRatio: number): void {
	step.hasRows = true;
	step.joules += row.joules;
	step.terahashes += row.terahashes;
	step.secondsUp += row.secondsUp;
	if (row.joulesWithWork > 0) {
		step.joulesWithWork += row.joulesWithWork;
		step.terahashesWithPower += row.terahashes;
	}
	const gross = grossUsd(row, prices);
	if (gross === undefined || row.joules <= 0) return;
	step.grossUsd += gross;
	step.megawattHoursPriced += (row.joules * siteOverheadRatio) / JOULES_PER_MEGAWATT_HOUR;
}

/** Absent where nothing is known that could earn, or its price is not. */
function grossUsd(row: IntervalSums, prices: Prices): number | undefined {
	if (row.gpuSeconds > 0) {
		if (prices.usdPerGpuHour === undefined) return undefined;
		return (row.gpuSeconds / SECONDS_PER_HOUR) * prices.usdPerGpuHour;
	}
	const hasWork = row.terahashes > 0 || row.joulesWithWork > 0;
	if (!hasWork || prices.usdPerTerahash === undefined) return undefined;
	return row.terahashes * prices.usdPerTerahash;
}

type FleetColumns = Omit<FleetSeriesAnswer, "from" | "to" | "stepSeconds">;

function columnsOf(steps: ReadonlyMap<number, StepSums>): FleetColumns {
	const sums = [...steps.values()];
	const column = (of: (step: StepSums, seconds: number) => number | null) =>
		sums.map((step) => (step.hasRows ? of(step, step.intervals * INTERVAL_SECONDS) : null));
	return {
		times: [...steps.keys()],
		powerWatts: column(({ joules }, seconds) => (joules > 0 ? joules / seconds : null)),
		hashrateTerahashesPerSecond: column(({ terahashes, joulesWithWork }, seconds) =>
			terahashes > 0 || joulesWithWork > 0 ? terahashes / seconds : null,
		),
		efficiencyJoulesPerTerahash: column(({ joulesWithWork, terahashesWithPower }) =>
			terahashesWithPower > 0 ? joulesWithWork / terahashesWithPower : null,
		),
		grossUsdPerMegawattHour: column(({ grossUsd: gross, megawattHoursPriced }) =>
			megawattHoursPriced > 0 ? gross / megawattHoursPriced : null,
		),
		devicesUp: column(({ secondsUp }, seconds) => secondsUp / seconds),
	};
}
