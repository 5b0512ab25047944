/**
 * The past of the whole fleet: sums of intervals, each valued at the inputs of its time or by its contract.
 *
 * Takes a checked span; gives columns of one length. Only intervals that are over are summed, so the
 * newest point never looks like an outage, and a step of which only a part was heard has no totals, beside
 * how many devices were known in it. Ratios are made from sums last. Where only coarser sums are left, steps are
 * as long as those, and the answer says so.
 */
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../../shared/units.js";
import type { Contract } from "../../derive/contracts.js";
import { type MoneySums, noMoney, ratio, type WorkSums } from "../../derive/money.js";
import type { MoneyOptions } from "../../derive/revenue.js";
import { stepEdges } from "../../derive/steps.js";
import type { InputBook } from "../../market/book.js";
import { contractsFor } from "../../market/terms.js";
import type { SeriesStore, SumLabel } from "../../store/device-state.js";
import type { FleetGroup, FleetSeriesAnswer, Stretch } from "../answers.js";
import { nearestStepSeconds, POINTS_MOST } from "./budget.js";
import { PriceLine } from "./price-line.js";
import { answered, type Reply, refused } from "./reply.js";
import type { SumsSpan } from "./span-slices.js";
import { availabilityOf, fleetRows, type MoneyRow, Valuation, type Whose } from "./valuation.js";

/** Steps are made of these; the coarser one is taken wherever the step is a multiple of it. */
export const TIER_SECONDS = [60, 300] as const;
export const STEP_SECONDS_LEAST = TIER_SECONDS[0];
/** Sums of devices that one query may read. */
const ROWS_MOST = 10_000_000;
/** So much of the newest past has no sums over the fleet yet: they are made from those of its devices. */
const UNSUMMED_MILLISECONDS = 2 * SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;

export type FleetSeriesRequest = MoneyOptions & {
	readonly from: number;
	readonly to: number;
	/** A multiple of 60. */
	readonly stepSeconds: number;
	readonly now: number;
	readonly contracts: readonly Contract[];
	/** Where days begin. */
	readonly timeZone: string;
	/** Also one by one for each value of this label. */
	readonly by?: SumLabel;
	/** Valued by what was known then; as restated since where absent. */
	readonly knownAt?: number;
};

/** Money of a step, and the work and energy that are each other's partners. */
type StepSums = MoneySums & { joulesWithWork: number; terahashesWithPower: number };

export async function fleetSeriesAnswer(
	store: SeriesStore,
	book: InputBook,
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
	const known = request.knownAt === undefined ? {} : { knownAt: request.knownAt };
	const contracts = await contractsFor(store, request);
	const edges = stepEdges(stepSeconds, timeZone);
	const sums = new Map<number, StepSums>();
	const byLabel = new Map<string, Map<number, StepSums>>();
	const coarse = new Map<number, Step>();
	const startOf = (at: number) => (coarse.has(at) ? at : edges(at).start);
	const into = ({ label = "" }: Whose, at: number): readonly StepSums[] => {
		const start = startOf(at);
		return by === undefined
			? [stepAt(sums, start)]
			: [stepAt(sums, start), stepAt(groupOf(byLabel, label), start)];
	};
	const line = new PriceLine(book, { ...span, ...known, settlementSeconds: tierSeconds });
	const valuation = new Valuation({
		...span,
		line,
		money: request,
		contracts,
		isPaid: true,
		availability: await availabilityOf(store, { ...request, contracts }, { from, to }),
		settlementSeconds: tierSeconds,
		edges,
		into,
	});
	for await (const rows of fleetRows(store, { ...span, by, contracts, line }))
		for (const row of rows) {
			if (row.tierSeconds > stepSeconds) coarse.set(row.from, coarseStep(row, timeZone));
			valuation.add(row);
			for (const step of into(row, row.from)) addPartners(step, row);
		}
	valuation.close();
	const { steps, stretches } = stepsOf(span, coarse);
	const coarser = stretches.length === 0 ? {} : { stretches };
	const firstSeenAt = firstSeenOf(store);
	const columns = { times: steps.map(({ start }) => start), ...columnsOf(steps, sums, firstSeenAt) };
	const groups = [...byLabel]
		.sort(([one], [other]) => (one < other ? -1 : 1))
		.map(([label, own]) => ({ label, ...columnsOf(steps, own, firstSeenAt) }));
	return answered({ from, to, stepSeconds, ...columns, ...(by === undefined ? {} : { groups }), ...coarser });
}

function groupOf(byLabel: Map<string, Map<number, StepSums>>, label: string): Map<number, StepSums> {
	const own = byLabel.get(label) ?? new Map<number, StepSums>();
	byLabel.set(label, own);
	return own;
}

function stepAt(sums: Map<number, StepSums>, at: number): StepSums {
	const step = sums.get(at) ?? { ...noMoney(), joulesWithWork: 0, terahashesWithPower: 0 };
	sums.set(at, step);
	return step;
}

function addPartners(step: StepSums, { joulesWithWork, terahashesWithPower }: WorkSums): void {
	step.joulesWithWork += joulesWithWork;
	step.terahashesWithPower += terahashesWithPower;
}

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

function coarseStep({ from, tierSeconds }: MoneyRow, timeZone: string): Step {
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

type FleetColumns = Omit<FleetGroup, "label">;

/** When the first device was seen; Infinity where there is none. */
function firstSeenOf(store: SeriesStore): number {
	let first = Number.POSITIVE_INFINITY;
	for (const { firstSeenAt } of store.devices().values()) first = Math.min(first, firstSeenAt);
	return first;
}

/**
 * Below so much of what both its neighbours knew, or of its own seconds where it stands alone, a step was heard in
 * part; agents that start need a few seconds.
 */
const HEARD_LEAST_RATIO = 0.95;

function columnsOf(
	steps: readonly (Step & { readonly seconds: number })[],
	sums: ReadonlyMap<number, StepSums>,
	firstSeenAt: number,
): FleetColumns {
	const column = (of: (step: StepSums, seconds: number) => number | null) =>
		steps.map(({ start, seconds }) => {
			const found = sums.get(start);
			return found === undefined ? null : of(found, seconds);
		});
	const known = column(({ secondsUp, secondsDown }, seconds) => (secondsUp + secondsDown) / seconds);
	const heardRatios = steps.map(
		({ end, seconds }) => (end - firstSeenAt) / MILLISECONDS_PER_SECOND / seconds,
	);
	const total = (of: (step: StepSums, seconds: number) => number | null) =>
		column(of).map((value, index) => (isHeardInPart(known, index, heardRatios[index] ?? 0) ? null : value));
	return {
		powerWatts: total(({ joules }, seconds) => (joules > 0 ? joules / seconds : null)),
		hashrateTerahashesPerSecond: total(({ terahashes, joulesWithWork }, seconds) =>
			terahashes > 0 || joulesWithWork > 0 ? terahashes / seconds : null,
		),
		efficiencyJoulesPerTerahash: column(({ joulesWithWork, terahashesWithPower }) =>
			terahashesWithPower > 0 ? joulesWithWork / terahashesWithPower : null,
		),
		grossUsdPerMegawattHour: column(
			({ grossUsdWithEnergy, megawattHoursWithGross }) =>
				ratio(grossUsdWithEnergy, megawattHoursWithGross) ?? null,
		),
		devicesUp: total(({ secondsUp }, seconds) => secondsUp / seconds),
		devicesKnown: known,
	};
}

/**
 * Whether less was known than in both steps beside it, or in the one beside it that has anything: a collector
 * that starts within a minute, or seconds that were lost. Where less is known from then on, that is how it is.
 * A step that stands alone is judged by the share of it since the first device was seen, above 1 where that was before.
 */
function isHeardInPart(known: readonly (number | null)[], index: number, heardRatio: number): boolean {
	const own = known[index];
	if (typeof own !== "number") return false;
	const beside = [known[index - 1], known[index + 1]].filter((one) => typeof one === "number");
	if (beside.length === 0) return heardRatio < HEARD_LEAST_RATIO;
	return own < HEARD_LEAST_RATIO * Math.min(...beside);
}
