/**
 * Money of any past range: sums of five minutes, each at the inputs valid then, over the site, its parts, uses
 * and devices; as known at an instant or as restated since.
 *
 * Takes a checked request; gives columns of figures, one a step, and totals. Ratios are made from sums last. Hours
 * and days are read only where no input changed within; where nothing finer is left, an interval in which inputs
 * changed is shared out by time, and the answer says so.
 */
import { MARKET_INPUT_NAMES, type MarketInputName } from "../../../shared/config/collector.js";
import { MILLISECONDS_PER_SECOND, quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { type Contract, contractOf } from "../../derive/contracts.js";
import {
	addCovered,
	addMoney,
	figuresOf,
	MONEY_FORMULAS,
	type MoneySums,
	noMoney,
	type Prices,
	pricesIn,
	pricesOf,
	type WorkSums,
} from "../../derive/money.js";
import { type MoneyOptions, usdPerWattYear } from "../../derive/revenue.js";
import { stepEdges, zoneMonthEdges } from "../../derive/steps.js";
import { freshUntil, type InputBook, type MoneyMoment, type StaleLimits } from "../../market/book.js";
import type { Labels, SeriesStore, SumLabel } from "../../store/device-state.js";
import { MONEY_COLUMNS, type MoneyAnswer, type MoneyGroup } from "../answers.js";
import { nearestStepSeconds, POINTS_MOST } from "./budget.js";
import { type Availability, availabilityKey, ContractLedger } from "./contract-ledger.js";
import { spanSlices } from "./fleet-series.js";
import { answered, type Reply, refused } from "./reply.js";

/** The settlement interval: what money is summed over. */
export const SETTLEMENT_SECONDS = 300;
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
	/** Rows no longer than this, since prices change within steps: of a what-if's tariff. */
	readonly rowSeconds?: number;
	/** What was known then; as restated since where absent. */
	readonly knownAt?: number;
	readonly staleAfterSeconds?: StaleLimits;
	/** Stands instead of inputs: a what-if. */
	readonly instead?: (moment: MoneyMoment, at: number) => MoneyMoment;
};

type Sums = { readonly steps: Map<number, MoneySums>; readonly total: MoneySums };

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
	const edges = stepEdges(stepSeconds, request.timeZone);
	const all: Sums = { steps: new Map(), total: noMoney() };
	const groups = new Map<string, Sums>();
	const valuation = new Valuation(book, request);
	const into = (label: string | undefined, at: number): readonly MoneySums[] => {
		const step = edges(at).start;
		const sums = [stepAt(all, step), all.total];
		if (by === undefined || label === undefined) return sums;
		const group = groups.get(label) ?? { steps: new Map(), total: noMoney() };
		groups.set(label, group);
		return [...sums, stepAt(group, step), group.total];
	};
	const { contracts = [], timeZone } = request;
	const ledger = new ContractLedger({
		contracts: request.device === undefined ? contracts : [],
		timeZone,
		from,
		to,
		availability: await availabilityOf(store, { ...request, contracts }, { from, to }),
		perUsd: (at) => valuation.perUsd(at),
		edges,
		into: ({ kind }, label, at) => into(label ?? (by === "use" ? kind : ""), at),
	});
	const isCoveredApart = contracts.length > 0;
	for await (const row of rowsOf(store, { ...request, isCoveredApart }, { from, to })) {
		const contract = isCoveredApart
			? contractOf(contracts, { rack: row.labels?.rack, use: row.labels?.use }, row.from)
			: undefined;
		const label = by === "use" ? row.label || (contract?.kind ?? (row.isGpu ? "ai" : "mining")) : row.label;
		const sums = into(label, row.from);
		if (contract === undefined) valuation.add(sums, row);
		else {
			const before = all.total.megawattHours;
			valuation.addCovered(sums, row, contract.powerBorneBy === "tenant");
			ledger.cover(contract, {
				from: row.from,
				end: row.from + row.tierSeconds * MILLISECONDS_PER_SECOND,
				label,
				joules: row.joules,
				seconds: row.secondsUp + row.secondsDown,
				megawattHours: all.total.megawattHours - before,
			});
		}
	}
	const paid = ledger.close();
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
		...capacityOf(request, all.total, { from, to }),
		...(paid === undefined ? {} : { contracts: paid }),
		asOf: request.knownAt ?? request.now,
		isRestated: request.knownAt === undefined,
		inputs: valuation.usedInputs(),
		sharedOutIntervals: valuation.sharedOut,
		times,
		...groupOf(times, all),
		...(by === undefined
			? {}
			: {
					groups: [...groups]
						.sort(([one], [other]) => (one < other ? -1 : 1))
						.map(([label, sums]) => ({ label, ...groupOf(times, sums) })),
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

/** How long the devices of contracts with a service level answered, month by month, each month as a whole. */
async function availabilityOf(
	store: SeriesStore,
	request: MoneyRequest & { readonly contracts: readonly Contract[] },
	{ from, to }: Span,
): Promise<Availability> {
	const found: Availability = new Map();
	const { contracts } = request;
	const isAnyCredited = contracts.some((one) => one.sla.length > 0 && one.from < to && one.to > from);
	if (!isAnyCredited || request.device !== undefined) return found;
	const months = zoneMonthEdges(request.timeZone);
	const last = Math.floor(Math.min(months(to - 1).end, request.now) / SETTLEMENT) * SETTLEMENT;
	const days = { ...request, stepSeconds: DAY_SECONDS, by: undefined, isCoveredApart: true };
	for await (const row of rowsOf(store, days, { from: months(from).start, to: last })) {
		const contract = contractOf(contracts, { rack: row.labels?.rack, use: row.labels?.use }, row.from);
		if (contract === undefined || contract.sla.length === 0) continue;
		const key = availabilityKey(contract, months(row.from).start);
		const known = found.get(key) ?? { secondsUp: 0, secondsDown: 0 };
		found.set(key, known);
		known.secondsUp += row.secondsUp;
		known.secondsDown += row.secondsDown;
	}
	return found;
}

const DAY_SECONDS = 86_400;

type MoneyRow = WorkSums & {
	readonly from: number;
	readonly label: string;
	readonly labels?: Partial<Labels>;
	readonly tierSeconds: number;
};

async function* rowsOf(
	store: SeriesStore,
	{
		device,
		by,
		stepSeconds,
		timeZone,
		rowSeconds = stepSeconds,
		isCoveredApart,
	}: Omit<MoneyRequest, "by"> & { readonly by?: MoneyBy | undefined; readonly isCoveredApart: boolean },
	{ from, to }: Span,
): AsyncGenerator<MoneyRow> {
	if (device !== undefined) {
		const query = { from: quantity<UnixMilliseconds>(from), to: quantity<UnixMilliseconds>(to) };
		for (const row of await store.intervalSums({
			...query,
			deviceNumbers: [device.number],
			tierSeconds: 300,
		}))
			yield {
				...row,
				label: "",
				...(device.labels === undefined ? {} : { labels: device.labels }),
				isGpu: device.isGpu,
				tierSeconds: SETTLEMENT_SECONDS,
			};
		return;
	}
	const span = { from, to, stepSeconds: rowSeconds, tierSeconds: SETTLEMENT_SECONDS, timeZone } as const;
	const labels = { ...(by === undefined ? {} : { by }), ...(isCoveredApart ? { apart: COVERING } : {}) };
	for (const slice of spanSlices(store, span)) yield* await store.fleetSums({ ...slice, ...labels });
}

/** What a contract may cover. */
const COVERING = ["rack", "use"] as const;

function stepAt({ steps }: Sums, at: number): MoneySums {
	const known = steps.get(at);
	if (known !== undefined) return known;
	const made = noMoney();
	steps.set(at, made);
	return made;
}

/** Values rows at the inputs of their time, and remembers which inputs that took. */
class Valuation {
	sharedOut = 0;
	private readonly book: InputBook;
	private readonly request: MoneyRequest;
	private readonly used = new Map<number, string>();
	private readonly unnumbered = new Set<string>();
	private last:
		| {
				readonly moment: MoneyMoment;
				readonly perUsd: number | undefined;
				readonly prices: Prices;
				readonly freshUntil: number;
		  }
		| undefined;
	private readonly money: MoneyOptions;

	constructor(book: InputBook, request: MoneyRequest) {
		this.book = book;
		this.request = request;
		const { siteOverheadRatio, overheadRatioByUse } = request;
		this.money = { siteOverheadRatio, ...(overheadRatioByUse === undefined ? {} : { overheadRatioByUse }) };
	}

	add(into: readonly MoneySums[], row: MoneyRow): void {
		this.split(row, (prices, share) => {
			const counted = share === 1 ? this.money : { ...this.money, share };
			for (const sums of into) addMoney(sums, row, prices, counted);
		});
	}

	/** Of devices under a contract. */
	addCovered(into: readonly MoneySums[], row: MoneyRow, isTenants: boolean): void {
		this.split(row, (prices, share) => {
			const counted = { ...this.money, share, isTenants };
			for (const sums of into) addCovered(sums, row, prices, counted);
		});
	}

	/** Units of the answer's currency for a dollar; undefined where nobody said. */
	perUsd(at: number): number | undefined {
		const { currency = "USD", knownAt } = this.request;
		if (currency === "USD") return 1;
		const rate = this.book.exchangeAt(currency, at, knownAt);
		if (rate === undefined) return undefined;
		if (rate.id !== undefined) this.used.set(rate.id, rate.name);
		return 1 / rate.value;
	}

	/** The row's shares, each at prices that hold for it. */
	private split(row: MoneyRow, add: (prices: Prices, share: number) => void): void {
		const end = row.from + row.tierSeconds * MILLISECONDS_PER_SECOND;
		const whole = row.tierSeconds === SETTLEMENT_SECONDS || this.moment(row.from).to >= end;
		if (whole) {
			add(this.prices(row.from), 1);
			return;
		}
		this.sharedOut += 1;
		for (let at = row.from; at < end; ) {
			const next = Math.min(end, this.moment(at).to);
			add(this.prices(at), (next - at) / (end - row.from));
			at = next;
		}
	}

	usedInputs(): MoneyAnswer["inputs"] {
		const byName = new Map<string, number[]>();
		for (const [id, name] of this.used) {
			const ids = byName.get(name);
			if (ids === undefined) byName.set(name, [id]);
			else ids.push(id);
		}
		for (const name of this.unnumbered) if (!byName.has(name)) byName.set(name, []);
		return [...byName].map(([name, ids]) => ({ name, rows: rangesText(ids) }));
	}

	private moment(at: number): MoneyMoment {
		return this.book.money(at, this.request.knownAt);
	}

	private prices(at: number): Prices {
		const stored = this.moment(at);
		const perUsd = this.perUsd(at);
		const known = this.last;
		const isKnown =
			known?.moment === stored && known.perUsd === perUsd && at > known.freshUntil === known.prices.isStale;
		if (isKnown && this.request.instead === undefined) return known.prices;
		const moment = this.request.instead?.(stored, at) ?? stored;
		const fresh = stored.rows.map((input) =>
			isInputName(input.name)
				? freshUntil(input, input.name, this.request.staleAfterSeconds)
				: Number.POSITIVE_INFINITY,
		);
		const until = Math.min(...fresh);
		for (const { id, name } of stored.rows) {
			if (id === undefined) this.unnumbered.add(name);
			else this.used.set(id, name);
		}
		const inDollars = pricesOf(moment.inputs, at > until);
		const prices =
			perUsd === 1 ? inDollars : perUsd === undefined ? UNPRICED : pricesIn(inDollars, 1 / perUsd);
		// A moment grows old within itself.
		this.last = { moment: stored, perUsd, prices, freshUntil: until };
		return prices;
	}
}

/** Where a currency has no rate. */
const UNPRICED: Prices = pricesOf({}, false);

function isInputName(name: string): name is MarketInputName {
	return (MARKET_INPUT_NAMES as readonly string[]).includes(name);
}

/** "1-40,57": numbers of rows, however many. */
function rangesText(ids: readonly number[]): string {
	const sorted = [...ids].sort((a, b) => a - b);
	const ranges: string[] = [];
	for (let first = 0; first < sorted.length; ) {
		let last = first;
		while (sorted[last + 1] === (sorted[last] ?? 0) + 1) last += 1;
		ranges.push(first === last ? `${sorted[first]}` : `${sorted[first]}-${sorted[last]}`);
		first = last + 1;
	}
	return ranges.join(",");
}

function groupOf(times: readonly number[], { steps, total }: Sums): Omit<MoneyGroup, "label"> {
	const figures = times.map((at) => {
		const sums = steps.get(at);
		return sums === undefined ? undefined : figuresOf(sums);
	});
	const columns = MONEY_COLUMNS.map((name) => [name, figures.map((step) => step?.[name] ?? null)] as const);
	return { total: figuresOf(total), ...Object.fromEntries(columns) } as Omit<MoneyGroup, "label">;
}
