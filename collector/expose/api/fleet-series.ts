/**
 * The past of the whole fleet: sums of one-minute or five-minute intervals, each valued at the inputs of its time.
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
import { type MoneyInputs, usdPerGpuHour, usdPerTerahash } from "../../derive/revenue.js";
import { moneyInputsAt } from "../../market/inputs.js";
import type { FleetSumsRow, SeriesStore } from "../../store/device-state.js";
import type { FleetSeriesAnswer } from "../answers.js";
import { nearestStepSeconds, POINTS_MOST } from "./budget.js";
import { answered, type Reply, refused } from "./reply.js";

/** Steps are made of these; the coarser tier is taken wherever the step is a multiple of it. */
export const TIER_SECONDS = [60, 300] as const;
export const STEP_SECONDS_LEAST = TIER_SECONDS[0];
/** Rows of the store that are in memory at a time, and that one query may read. */
const ROWS_AT_ONCE = 200_000;
const ROWS_MOST = 10_000_000;

export type FleetSeriesRequest = {
	readonly from: number;
	readonly to: number;
	/** A multiple of 60. */
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
	const tierSeconds = stepSeconds % TIER_SECONDS[1] === 0 ? TIER_SECONDS[1] : TIER_SECONDS[0];
	const tier = tierSeconds * MILLISECONDS_PER_SECOND;
	const from = Math.floor(request.from / tier) * tier;
	const to = Math.max(from, Math.floor(Math.min(request.to, request.now) / tier) * tier);
	const span = { from, to, stepSeconds, tier };
	const complaint = complaintOf(store, span);
	if (complaint !== undefined) return refused("QUERY_REFUSED", complaint);
	const steps = emptySteps(span);
	const prices = pricesByInterval(store);
	for (const slice of slices(store, span)) {
		for (const row of await store.fleetSums({ ...slice, tierSeconds })) {
			const step = steps.get(stepOf(row.from, stepSeconds));
			if (step !== undefined) addRow(step, row, prices(row.from), request.siteOverheadRatio);
		}
	}
	return answered({ from, to, stepSeconds, ...columnsOf(steps, tierSeconds) });
}

type Span = {
	readonly from: number;
	readonly to: number;
	readonly stepSeconds: number;
	/** Milliseconds of the tier that is read. */
	readonly tier: number;
};

function complaintOf(store: SeriesStore, { from, to, stepSeconds, tier }: Span): string | undefined {
	if ((to - from) / MILLISECONDS_PER_SECOND / stepSeconds > POINTS_MOST) {
		const nearest = nearestStepSeconds({ from, to }, STEP_SECONDS_LEAST);
		return `More than ${POINTS_MOST} points; the nearest allowed step is ${nearest} s.`;
	}
	const rows = ((to - from) / tier) * store.devices().size;
	if (rows > ROWS_MOST)
		return `About ${rows} sums would be read; ${ROWS_MOST} are allowed. Ask for a shorter range.`;
	return undefined;
}

function stepOf(at: number, stepSeconds: number): number {
	const stepMilliseconds = stepSeconds * MILLISECONDS_PER_SECOND;
	return Math.floor(at / stepMilliseconds) * stepMilliseconds;
}

function emptySteps({ from, to, stepSeconds, tier }: Span): Map<number, StepSums> {
	const steps = new Map<number, StepSums>();
	for (let at = from; at < to; at += tier) {
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
	{ from, to, tier }: Span,
): Generator<{ readonly from: UnixMilliseconds; readonly to: UnixMilliseconds }> {
	const intervals = Math.max(1, Math.floor(ROWS_AT_ONCE / Math.max(1, store.devices().size)));
	for (let at = from; at < to; at += intervals * tier) {
		yield {
			from: quantity<UnixMilliseconds>(at),
			to: quantity<UnixMilliseconds>(Math.min(to, at + intervals * tier)),
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

function addRow(step: StepSums, row: FleetSumsRow, prices: Prices, siteOverheadRatio: number): void {
	step.hasRows = true;
	step.joules += row.joules;
	step.terahashes += row.terahashes;
	step.secondsUp += row.secondsUp;
	step.joulesWithWork += row.joulesWithWork;
	step.terahashesWithPower += row.terahashesWithPower;
	const priced = pricedSums(row, prices);
	if (priced === undefined || priced.joules <= 0) return;
	step.grossUsd += priced.grossUsd;
	step.megawattHoursPriced += (priced.joules * siteOverheadRatio) / JOULES_PER_MEGAWATT_HOUR;
}

/**
 * What was earned and the energy that it was earned with: of miners where both work and power were known,
 * so that one is the other's partner. Absent where nothing is known that could earn, or its price is not.
 */
function pricedSums(
	{ isGpu, gpuSeconds, joules, joulesWithWork, terahashesWithPower }: FleetSumsRow,
	{ usdPerGpuHour: gpuHour, usdPerTerahash: terahash }: Prices,
): { readonly grossUsd: number; readonly joules: number } | undefined {
	if (isGpu)
		return gpuHour === undefined
			? undefined
			: { grossUsd: (gpuSeconds / SECONDS_PER_HOUR) * gpuHour, joules };
	return terahash === undefined
		? undefined
		: { grossUsd: terahashesWithPower * terahash, joules: joulesWithWork };
}

type FleetColumns = Omit<FleetSeriesAnswer, "from" | "to" | "stepSeconds">;

function columnsOf(steps: ReadonlyMap<number, StepSums>, tierSeconds: number): FleetColumns {
	const sums = [...steps.values()];
	const column = (of: (step: StepSums, seconds: number) => number | null) =>
		sums.map((step) => (step.hasRows ? of(step, step.intervals * tierSeconds) : null));
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
