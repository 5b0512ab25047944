/**
 * The past of the whole fleet: sums of intervals, each valued at the inputs of its time.
 *
 * Takes a checked span; gives columns of one length. Only intervals that are over are summed, so the
 * newest point never looks like an outage. Ratios are made from sums last. Hours and days are read where
 * no price changed within them, else five minutes, the settlement interval. Where only coarser sums are
 * left, steps are as long as those, and the answer says so.
 */
import {
	JOULES_PER_MEGAWATT_HOUR,
	MILLISECONDS_PER_SECOND,
	quantity,
	SECONDS_PER_DAY,
	SECONDS_PER_HOUR,
	type UnixMilliseconds,
} from "../../../shared/units.js";
import { type MoneyInputs, usdPerGpuHour, usdPerTerahash } from "../../derive/revenue.js";
import { stepEdges } from "../../derive/steps.js";
import { InputBook } from "../../market/book.js";
import type { FleetSumsQuery, FleetSumsRow, SeriesStore, SumLabel } from "../../store/device-state.js";
import type { FleetGroup, FleetSeriesAnswer, Stretch } from "../answers.js";
import { nearestStepSeconds, POINTS_MOST } from "./budget.js";
import { answered, type Reply, refused } from "./reply.js";

/** Steps are made of these; the coarser one is taken wherever the step is a multiple of it. */
export const TIER_SECONDS = [60, 300] as const;
export const STEP_SECONDS_LEAST = TIER_SECONDS[0];
/** Read instead, coarsest first, where they fit and nothing is valued otherwise by it. */
const COARSER_SECONDS = [SECONDS_PER_DAY, SECONDS_PER_HOUR] as const;
/** One-minute or five-minute intervals that are in memory at a time, and sums of devices that one query may read. */
const INTERVALS_AT_ONCE = 8_928;
const ROWS_MOST = 10_000_000;
/** So much of the newest past has no sums over the fleet yet: they are made from those of its devices. */
const UNSUMMED_MILLISECONDS = 2 * SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;

export type FleetSeriesRequest = {
	readonly from: number;
	readonly to: number;
	/** A multiple of 60. */
	readonly stepSeconds: number;
	readonly now: number;
	readonly siteOverheadRatio: number;
	/** Where days begin. */
	readonly timeZone: string;
	/** Also one by one for each value of this label. */
	readonly by?: SumLabel;
};

type StepSums = {
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
	const { stepSeconds, timeZone, by } = request;
	const tierSeconds = stepSeconds % TIER_SECONDS[1] === 0 ? TIER_SECONDS[1] : TIER_SECONDS[0];
	const tier = tierSeconds * MILLISECONDS_PER_SECOND;
	const from = Math.floor(request.from / tier) * tier;
	const to = Math.max(from, Math.floor(Math.min(request.to, request.now) / tier) * tier);
	const span: SumsSpan = { from, to, stepSeconds, tierSeconds, timeZone };
	const complaint = complaintOf(store, span);
	if (complaint !== undefined) return refused("QUERY_REFUSED", complaint);
	const edges = stepEdges(stepSeconds, timeZone);
	const sums = new Map<number, StepSums>();
	const byLabel = new Map<string, Map<number, StepSums>>();
	const coarse = new Map<number, Step>();
	const prices = pricesByInterval(store);
	for (const slice of spanSlices(store, span)) {
		for (const row of await store.fleetSums(by === undefined ? slice : { ...slice, by })) {
			const isCoarse = row.tierSeconds > stepSeconds;
			const at = isCoarse ? row.from : edges(row.from).start;
			if (isCoarse) coarse.set(at, coarseStep(row, timeZone));
			const valued = prices(row.from);
			addRow(stepAt(sums, at), row, valued, request.siteOverheadRatio);
			if (by !== undefined)
				addRow(stepAt(groupOf(byLabel, row.label), at), row, valued, request.siteOverheadRatio);
		}
	}
	const { steps, stretches } = stepsOf(span, coarse);
	const coarser = stretches.length === 0 ? {} : { stretches };
	const columns = { times: steps.map(({ start }) => start), ...columnsOf(steps, sums) };
	const groups = [...byLabel]
		.sort(([one], [other]) => (one < other ? -1 : 1))
		.map(([label, own]) => ({ label, ...columnsOf(steps, own) }));
	return answered({ from, to, stepSeconds, ...columns, ...(by === undefined ? {} : { groups }), ...coarser });
}

function groupOf(byLabel: Map<string, Map<number, StepSums>>, label: string): Map<number, StepSums> {
	const own = byLabel.get(label) ?? new Map<number, StepSums>();
	byLabel.set(label, own);
	return own;
}

function stepAt(sums: Map<number, StepSums>, at: number): StepSums {
	const step = sums.get(at) ?? { ...NOTHING };
	sums.set(at, step);
	return step;
}

export type SumsSpan = {
	readonly from: number;
	readonly to: number;
	readonly stepSeconds: number;
	/** The finest that is read. */
	readonly tierSeconds: 60 | 300;
	readonly timeZone: string;
};

function complaintOf(
	store: SeriesStore,
	{ from, to, stepSeconds, tierSeconds }: SumsSpan,
): string | undefined {
	if ((to - from) / MILLISECONDS_PER_SECOND / stepSeconds > POINTS_MOST) {
		const nearest = nearestStepSeconds({ from, to }, STEP_SECONDS_LEAST);
		return `More than ${POINTS_MOST} points; the nearest allowed step is ${nearest} s.`;
	}
	const summed = tierSeconds === TIER_SECONDS[0] ? to - from : Math.min(to - from, UNSUMMED_MILLISECONDS);
	const rows = (summed / (tierSeconds * MILLISECONDS_PER_SECOND)) * store.devices().size;
	if (rows > ROWS_MOST)
		return `About ${rows} sums would be read; ${ROWS_MOST} are allowed. Ask for a shorter range.`;
	return undefined;
}

/** A step of the answer: where it stands, its part of the span, and its length where that is longer than asked. */
type Step = { readonly start: number; readonly end: number; readonly coarseSeconds?: number };

function coarseStep({ from, tierSeconds }: FleetSumsRow, timeZone: string): Step {
	return { start: from, end: stepEdges(tierSeconds, timeZone)(from).end, coarseSeconds: tierSeconds };
}

function stepsOf({ from, to, stepSeconds, timeZone }: SumsSpan, coarse: ReadonlyMap<number, Step>) {
	const edges = stepEdges(stepSeconds, timeZone);
	const longer = [...coarse.values()].sort((one, other) => one.start - other.start);
	const steps: (Step & { readonly seconds: number })[] = [];
	const stretches: Stretch[] = [];
	const begin = Math.min(from, longer[0]?.start ?? from);
	for (let at = begin, next = 0; at < to; ) {
		const one = longer[next];
		if (one === undefined || one.start > at) {
			const { start, end } = edges(at);
			const until = Math.min(end, to, one?.start ?? end);
			steps.push({ start, end: until, seconds: (until - at) / MILLISECONDS_PER_SECOND });
			at = until;
			continue;
		}
		next += 1;
		steps.push({ ...one, seconds: (one.end - one.start) / MILLISECONDS_PER_SECOND });
		const stretch = { from: one.start, to: one.end, stepSeconds: one.coarseSeconds ?? stepSeconds };
		const before = stretches.at(-1);
		if (before?.to === stretch.from && before.stepSeconds === stretch.stepSeconds)
			stretches[stretches.length - 1] = { ...before, to: stretch.to };
		else stretches.push(stretch);
		at = Math.max(at, one.end);
	}
	return { steps, stretches };
}

const NOTHING: StepSums = {
	joules: 0,
	terahashes: 0,
	joulesWithWork: 0,
	terahashesWithPower: 0,
	secondsUp: 0,
	grossUsd: 0,
	megawattHoursPriced: 0,
};

/** The span in pieces of one tier each: the coarsest whose intervals fit and are valued alike from end to end. */
export function* spanSlices(store: SeriesStore, span: SumsSpan): Generator<FleetSumsQuery> {
	const { from, to, stepSeconds, tierSeconds, timeZone } = span;
	const changes = [
		...new Set(
			store
				.inputs()
				.flatMap(({ validFrom, validTo }) => [validFrom, ...(validTo === undefined ? [] : [validTo])]),
		),
	].sort((a, b) => a - b);
	const coarser = COARSER_SECONDS.filter((seconds) => stepSeconds % seconds === 0).map((seconds) => ({
		seconds,
		edges: stepEdges(seconds, timeZone),
	}));
	const base = { seconds: tierSeconds, edges: stepEdges(tierSeconds, timeZone) };
	const bestAt = (at: number) =>
		coarser.find(({ edges }) => {
			const { start, end } = edges(at);
			return start === at && end <= to && !(firstAfter(changes, start) < end);
		}) ?? base;
	for (let at = from; at < to; ) {
		const start = at;
		const { seconds } = bestAt(at);
		for (let count = 0; at < to && count < INTERVALS_AT_ONCE; count += 1) {
			const best = bestAt(at);
			if (best.seconds !== seconds) break;
			at = best.edges(at).end;
		}
		yield {
			from: quantity<UnixMilliseconds>(start),
			to: quantity<UnixMilliseconds>(Math.min(at, to)),
			tierSeconds: seconds,
		};
	}
}

function firstAfter(sorted: readonly number[], at: number): number {
	let [low, high] = [0, sorted.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((sorted[middle] ?? 0) > at) high = middle;
		else low = middle + 1;
	}
	return sorted[low] ?? Number.POSITIVE_INFINITY;
}

type Prices = { readonly usdPerTerahash?: number; readonly usdPerGpuHour?: number };

/** Rows come in order of time, so one remembered interval is enough. */
function pricesByInterval(store: SeriesStore): (at: number) => Prices {
	const book = new InputBook(() => store.inputs());
	let known: { readonly at: number; readonly prices: Prices } | undefined;
	return (at) => {
		if (known?.at !== at) known = { at, prices: pricesOf(book.money(at).inputs) };
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

type FleetColumns = Omit<FleetGroup, "label">;

function columnsOf(
	steps: readonly (Step & { readonly seconds: number })[],
	sums: ReadonlyMap<number, StepSums>,
): FleetColumns {
	const column = (of: (step: StepSums, seconds: number) => number | null) =>
		steps.map(({ start, seconds }) => {
			const found = sums.get(start);
			return found === undefined ? null : of(found, seconds);
		});
	return {
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
