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
import { addSums, figuresOf, MONEY_FORMULAS, type MoneySums, noMoney } from "../../derive/money.js";
import { type MoneyOptions, usdPerWattYear } from "../../derive/revenue.js";
import { stepEdges } from "../../derive/steps.js";
import type { InputBook, MoneyMoment, StaleLimits } from "../../market/book.js";
import type { Labels, SeriesStore, SumLabel } from "../../store/device-state.js";
import { MONEY_COLUMNS, type MoneyAnswer, type MoneyGroup } from "../answers.js";
import { nearestStepSeconds, POINTS_MOST } from "./budget.js";
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
	/** Paid whatever is drawn. */
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

/** Sums by the beginning of their step. */
type Steps = Map<number, MoneySums>;

export async function moneyAnswer(
	store: SeriesStore,
	book: InputBook,
	request: MoneyRequest,
): Promise<Reply<MoneyAnswer>> {
	const { stepSeconds, by } = request;
	const from = Math.floor(request.from / SETTLEMENT) * SETTLEMENT;
	const to = Math.max(from, Math.floor(Math.min(request.to, request.now) / SETTLEMENT) * SETTLEMENT);
	if ((to - from) / MILLISECONDS_PER_SECOND / stepSeconds > POINTS_MOST) {
		const nearest = nearestStepSeconds({ from, to }, SETTLEMENT_SECONDS);
		return refused(
			"QUERY_REFUSED",
			`More than ${POINTS_MOST} points; the nearest allowed step is ${nearest} s.`,
		);
	}
	const { contracts = [], timeZone, device } = request;
	const edges = stepEdges(stepSeconds, timeZone);
	// Each row is added once, to the step of its group; groups and totals are added up from these.
	const groups = new Map<string, Steps>();
	const into = (whose: Whose, at: number): readonly MoneySums[] => {
		const label = by === undefined ? "" : groupLabel(by, whose);
		const group: Steps = groups.get(label) ?? new Map();
		groups.set(label, group);
		return [stepAt(group, edges(at).start)];
	};
	const span = { from, to, stepSeconds, timeZone, tierSeconds: SETTLEMENT_SECONDS } as const;
	const line = new PriceLine(book, { ...request, ...span, settlementSeconds: SETTLEMENT_SECONDS });
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
	const labelled = [...groups].sort(([one], [other]) => (one < other ? -1 : 1));
	const all: Steps = new Map();
	for (const [, group] of labelled) for (const [at, sums] of group) addSums(stepAt(all, at), sums);
	const total = totalOf(all);
	const times: number[] = [];
	for (let at = from; at < to; at = edges(at).end) times.push(edges(at).start);
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
					groups: labelled.map(([label, steps]) => ({ label, ...groupOf(times, steps, totalOf(steps)) })),
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

function totalOf(steps: Steps): MoneySums {
	const total = noMoney();
	for (const sums of steps.values()) addSums(total, sums);
	return total;
}

function stepAt(steps: Steps, at: number): MoneySums {
	const known = steps.get(at);
	if (known !== undefined) return known;
	const made = noMoney();
	steps.set(at, made);
	return made;
}

function groupOf(times: readonly number[], steps: Steps, total: MoneySums): Omit<MoneyGroup, "label"> {
	const figures = times.map((at) => {
		const sums = steps.get(at);
		return sums === undefined ? undefined : figuresOf(sums);
	});
	const columns = MONEY_COLUMNS.map((name) => [name, figures.map((step) => step?.[name] ?? null)] as const);
	return { total: figuresOf(total), ...Object.fromEntries(columns) } as Omit<MoneyGroup, "label">;
}
