/**
 * Money of any past range: sums of five minutes, each at the inputs valid then, over the site, its parts, uses
 * and devices; as known at an instant or as restated since.
 *
 * Takes a checked request; gives columns of figures, one a step, and totals. Ratios are made from sums last. Hours
 * and days are read only where no input changed within; where nothing finer is left, an interval in which inputs
 * changed is shared out by time, and the answer says so.
 */
import { MILLISECONDS_PER_SECOND, quantity, type UnixMilliseconds } from "../../../shared/units.js";
import type { Contract } from "../../derive/contracts.js";
import { everyFigureOf, figuresOf, MONEY_FORMULAS, type MoneySums } from "../../derive/money.js";
import { MoneySteps, StepPlaces } from "../../derive/money-steps.js";
import { type MoneyOptions, usdPerWattYear } from "../../derive/revenue.js";
import { type Edges, stepEdges } from "../../derive/steps.js";
import type { InputBook, MoneyMoment, StaleLimits } from "../../market/book.js";
import { contractsFor } from "../../market/terms.js";
import type { Labels, SeriesStore, SumLabel } from "../../store/device-state.js";
import { MONEY_COLUMNS, type MoneyAnswer, type MoneyGroup } from "../money-answers.js";
import { GROUP_POINTS_MOST, nearestStepSeconds, POINTS_MOST } from "./budget.js";
import { PriceLine } from "./price-line.js";
import { answered, type Reply, refused } from "./reply.js";
import {
	availabilityOf,
	fleetRows,
	type MoneyRow,
	SETTLEMENT_SECONDS,
	Valuation,
	type Whose,
} from "./valuation.js";

const SETTLEMENT = SETTLEMENT_SECONDS * MILLISECONDS_PER_SECOND;

export type MoneyBy = SumLabel;

export type MoneyRequest = MoneyOptions & {
	readonly from: number;
	readonly to: number;
	/** A multiple of 300. */
	readonly stepSeconds: number;
	readonly now: number;
	readonly timeZone: string;
	readonly by?: MoneyBy;
	/** Number of one device; the whole fleet where absent. */
	readonly device?: { readonly number: number; readonly isGpu: boolean; readonly labels?: Partial<Labels> };
	/** Paid whatever is drawn, as stated now; with knownAt those of the store that were known then stand instead. */
	readonly contracts?: readonly Contract[];
	readonly contractedWatts?: number;
	/** USD where absent. */
	readonly currency?: string;
	/** Rows no longer than this: where two answers are to differ by nothing but prices. */
	readonly rowSeconds?: number;
	/** What was known then; as restated since where absent. */
	readonly knownAt?: number;
	readonly staleAfterSeconds?: StaleLimits;
	/** Stands instead of inputs until the moment it gives is over: a what-if. */
	readonly instead?: (moment: MoneyMoment, at: number) => MoneyMoment;
};

/** Whole settlement intervals that are over. */
function settledSpan({ from, to, now }: MoneyRequest): Span {
	const start = Math.floor(from / SETTLEMENT) * SETTLEMENT;
	return { from: start, to: Math.max(start, Math.floor(Math.min(to, now) / SETTLEMENT) * SETTLEMENT) };
}

/** The prices of a request: several that differ by nothing but `by` can share them. */
export function pricesFor(book: InputBook, request: MoneyRequest): PriceLine {
	return new PriceLine(book, {
		...request,
		...settledSpan(request),
		settlementSeconds: SETTLEMENT_SECONDS,
	});
}

export async function moneyAnswer(
	store: SeriesStore,
	book: InputBook,
	request: MoneyRequest,
	prices?: PriceLine,
): Promise<Reply<MoneyAnswer>> {
	const { stepSeconds, by } = request;
	const { from, to } = settledSpan(request);
	if ((to - from) / MILLISECONDS_PER_SECOND / stepSeconds > POINTS_MOST) {
		const nearest = nearestStepSeconds({ from, to }, SETTLEMENT_SECONDS);
		return refused(
			"QUERY_REFUSED",
			`More than ${POINTS_MOST} points; the nearest allowed step is ${nearest} s.`,
		);
	}
	const { timeZone, device } = request;
	const contracts = await contractsFor(store, request);
	const edges = stepEdges(stepSeconds, timeZone);
	// Each row is added once, to the step of its group and kind; groups and totals are added up from these.
	const kinds = {
		ai: new Map<string, GroupSteps>(),
		mining: new Map<string, GroupSteps>(),
		tokens: new Map<string, GroupSteps>(),
	};
	const places = new StepPlaces();
	// Rows of one label come together: its group is at hand.
	let last:
		| { readonly groups: Map<string, GroupSteps>; readonly label: string; group: GroupSteps }
		| undefined;
	const into = (whose: Whose, at: number): readonly MoneySums[] => {
		const label = by === undefined ? "" : groupLabel(by, whose);
		const groups = whose.isByTokens === true ? kinds.tokens : whose.isGpu === true ? kinds.ai : kinds.mining;
		if (last?.groups === groups && last.label === label) return last.group.at(at);
		const group = groups.get(label) ?? new GroupSteps(edges, places);
		groups.set(label, group);
		last = { groups, label, group };
		return group.at(at);
	};
	const span = { from, to, stepSeconds, timeZone, tierSeconds: SETTLEMENT_SECONDS } as const;
	const line = prices ?? pricesFor(book, request);
	const valuation = new Valuation({
		...span,
		line,
		money: request,
		contracts,
		isPaid: device === undefined,
		availability:
			device === undefined ? await availabilityOf(store, { ...request, contracts }, { from, to }) : new Map(),
		settlementSeconds: SETTLEMENT_SECONDS,
		edges,
		into,
	});
	if (device !== undefined) for (const row of await deviceRows(store, device, span)) valuation.add(row);
	else {
		const { rowSeconds = stepSeconds } = request;
		const slices = fleetRows(store, { ...span, stepSeconds: rowSeconds, by, contracts, line });
		for await (const rows of slices) for (const row of rows) valuation.add(row);
	}
	const paid = valuation.close();
	const groups = new Map<string, MoneySteps>();
	for (const [label, { steps }] of [...kinds.mining, ...kinds.ai, ...kinds.tokens]) {
		steps.lose();
		const known = groups.get(label);
		if (known === undefined) groups.set(label, steps);
		else known.add(steps);
	}
	const labelled = [...groups]
		.map(([label, steps]) => ({ label, steps }))
		.sort((one, other) => (one.label < other.label ? -1 : 1));
	const all = new MoneySteps(places);
	for (const { steps } of labelled) all.add(steps);
	const total = all.total();
	const times: number[] = [];
	for (let at = from; at < to; at = edges(at).end) times.push(edges(at).start);
	if (by !== undefined && labelled.length * times.length > GROUP_POINTS_MOST)
		return refused(
			"QUERY_REFUSED",
			`${labelled.length} groups of ${times.length} points are more than ${GROUP_POINTS_MOST} points; ask for a longer step or a shorter range.`,
		);
	return answered({
		from,
		to,
		stepSeconds,
		formulaVersion: MONEY_FORMULAS,
		boundary:
			request.siteOverheadRatio === 1 && request.overheadRatioByUse === undefined ? "wall" : "utility",
		currency: request.currency ?? "USD",
		...capacityOf(request, total, { from, to }),
		...(paid === undefined ? {} : { contracts: paid }),
		asOf: request.knownAt ?? request.now,
		isRestated: request.knownAt === undefined,
		inputs: line.usedInputs(),
		sharedOutIntervals: valuation.sharedOut,
		times,
		...groupOf(times, all, total),
		...(by === undefined
			? {}
			: {
					groups: labelled.map(({ label, steps }) => ({ label, ...groupOf(times, steps, steps.total()) })),
				}),
	});
}

type Span = { readonly from: number; readonly to: number };

const HOUR_MILLISECONDS = 3_600_000;

/** Capacity basis: of all the time of the range, whatever ran in it. */
function capacityOf(
	{ contractedWatts, device }: MoneyRequest,
	total: MoneySums,
	{ from, to }: Span,
): Pick<MoneyAnswer, "capacity"> {
	if (contractedWatts === undefined || device !== undefined || to <= from) return {};
	const { grossUsd, netUsd, netAfterCapitalUsd } = figuresOf(total);
	const hours = (to - from) / HOUR_MILLISECONDS;
	const perWattYear = (usd: number | undefined, name: string) =>
		usd === undefined ? {} : { [name]: usdPerWattYear(usd / hours, contractedWatts) };
	return {
		capacity: {
			contractedWatts,
			...perWattYear(grossUsd, "grossUsdPerWattYear"),
			...perWattYear(netUsd, "netUsdPerWattYear"),
			...perWattYear(netAfterCapitalUsd, "netAfterCapitalUsdPerWattYear"),
		},
	};
}

/** Of a label: what an inventory calls a use goes first, then the contract's kind. */
function groupLabel(by: MoneyBy, { label = "", contract, isGpu }: Whose): string {
	if (by !== "use" || label !== "") return label;
	return contract?.kind ?? (isGpu === true ? "ai" : "mining");
}

async function deviceRows(
	store: SeriesStore,
	{ number, isGpu, labels }: NonNullable<MoneyRequest["device"]>,
	{ from, to }: Span,
): Promise<readonly MoneyRow[]> {
	const query = { from: quantity<UnixMilliseconds>(from), to: quantity<UnixMilliseconds>(to) };
	const rows = await store.intervalSums({
		...query,
		deviceNumbers: [number],
		tierSeconds: SETTLEMENT_SECONDS,
	});
	return rows.map((row) => ({
		...row,
		label: "",
		...(labels === undefined ? {} : { labels }),
		isGpu,
		tierSeconds: SETTLEMENT_SECONDS,
	}));
}

/** One group's sums. Rows come in order of time, so the step of the row before is nearly always that of the next. */
class GroupSteps {
	readonly steps: MoneySteps;
	private readonly edges: Edges;
	private step: { readonly start: number; readonly end: number } = { start: 0, end: 0 };
	private sums: readonly MoneySums[] = [];

	constructor(edges: Edges, places: StepPlaces) {
		this.edges = edges;
		this.steps = new MoneySteps(places);
	}

	at(at: number): readonly MoneySums[] {
		if (at < this.step.start || at >= this.step.end) {
			this.step = this.edges(at);
			this.sums = [this.steps.at(this.step.start)];
		}
		return this.sums;
	}
}

/** Of ten thousand steps of hundreds of groups: numbers that lie in a row, and no objects of their own. */
function groupOf(times: readonly number[], steps: MoneySteps, total: MoneySums): Omit<MoneyGroup, "label"> {
	const columns = MONEY_COLUMNS.map((name) => ({
		name,
		values: new Float64Array(times.length).fill(Number.NaN),
	}));
	for (const [index, at] of times.entries()) {
		const sums = steps.known(at);
		if (sums === undefined) continue;
		const figures = everyFigureOf(sums);
		for (const { name, values } of columns) values[index] = figures[name] ?? Number.NaN;
	}
	const byName = Object.fromEntries(columns.map(({ name, values }) => [name, withNulls(values)]));
	return { total: figuresOf(total), ...byName } as Omit<MoneyGroup, "label">;
}

function withNulls(values: Float64Array): readonly (number | null)[] {
	if (!values.some(Number.isNaN)) return Array.from(values);
	return Array.from(values, (value) => (Number.isNaN(value) ? null : value));
}
