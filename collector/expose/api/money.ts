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
import {
	addMoney,
	figuresOf,
	MONEY_FORMULAS,
	type MoneyFigures,
	type MoneySums,
	noMoney,
	type Prices,
	pricesOf,
	type WorkSums,
} from "../../derive/money.js";
import { stepEdges } from "../../derive/steps.js";
import { type InputBook, isStaleAt, type MoneyMoment, type StaleLimits } from "../../market/book.js";
import type { SeriesStore, SumLabel } from "../../store/device-state.js";
import type { MoneyAnswer, MoneyGroup } from "../answers.js";
import { nearestStepSeconds, POINTS_MOST } from "./budget.js";
import { spanSlices } from "./fleet-series.js";
import { answered, type Reply, refused } from "./reply.js";

/** The settlement interval: what money is summed over. */
export const SETTLEMENT_SECONDS = 300;
const SETTLEMENT = SETTLEMENT_SECONDS * MILLISECONDS_PER_SECOND;

export type MoneyBy = SumLabel | "use";

export type MoneyRequest = {
	readonly from: number;
	readonly to: number;
	/** A multiple of 300. */
	readonly stepSeconds: number;
	readonly now: number;
	readonly siteOverheadRatio: number;
	readonly timeZone: string;
	readonly by?: MoneyBy;
	/** Number of one device; the whole fleet where absent. */
	readonly device?: { readonly number: number; readonly isGpu: boolean };
	/** What was known then; as restated since where absent. */
	readonly knownAt?: number;
	readonly staleAfterSeconds?: StaleLimits;
	/** Stands instead of inputs: a what-if. */
	readonly instead?: (moment: MoneyMoment) => MoneyMoment;
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
	for await (const row of rowsOf(store, request, { from, to })) {
		const at = edges(row.from).start;
		valuation.add([stepAt(all, at), all.total], row);
		if (by === undefined) continue;
		const label = by === "use" ? (row.isGpu ? "ai" : "mining") : row.label;
		const group = groups.get(label) ?? { steps: new Map(), total: noMoney() };
		groups.set(label, group);
		valuation.add([stepAt(group, at), group.total], row);
	}
	const times: number[] = [];
	for (let at = from; at < to; at = edges(at).end) times.push(edges(at).start);
	return answered({
		from,
		to,
		stepSeconds,
		formulaVersion: MONEY_FORMULAS,
		boundary: request.siteOverheadRatio === 1 ? "wall" : "utility",
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

type MoneyRow = WorkSums & { readonly from: number; readonly label: string; readonly tierSeconds: number };

async function* rowsOf(
	store: SeriesStore,
	{ device, by, stepSeconds, timeZone }: MoneyRequest,
	{ from, to }: { readonly from: number; readonly to: number },
): AsyncGenerator<MoneyRow> {
	if (device !== undefined) {
		const query = { from: quantity<UnixMilliseconds>(from), to: quantity<UnixMilliseconds>(to) };
		for (const row of await store.intervalSums({
			...query,
			deviceNumbers: [device.number],
			tierSeconds: 300,
		}))
			yield { ...row, label: "", isGpu: device.isGpu, tierSeconds: SETTLEMENT_SECONDS };
		return;
	}
	for (const slice of spanSlices(store, { from, to, stepSeconds, tierSeconds: SETTLEMENT_SECONDS, timeZone }))
		yield* await store.fleetSums(by === undefined || by === "use" ? slice : { ...slice, by });
}

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
		| { readonly moment: MoneyMoment; readonly prices: Prices; readonly staleFrom: number }
		| undefined;

	constructor(book: InputBook, request: MoneyRequest) {
		this.book = book;
		this.request = request;
	}

	add(into: readonly MoneySums[], row: MoneyRow): void {
		const { siteOverheadRatio } = this.request;
		const end = row.from + row.tierSeconds * MILLISECONDS_PER_SECOND;
		const whole = row.tierSeconds === SETTLEMENT_SECONDS || this.moment(row.from).to >= end;
		if (whole) {
			const prices = this.prices(row.from);
			for (const sums of into) addMoney(sums, row, prices, { siteOverheadRatio });
			return;
		}
		this.sharedOut += 1;
		for (let at = row.from; at < end; ) {
			const next = Math.min(end, this.moment(at).to);
			const share = (next - at) / (end - row.from);
			const prices = this.prices(at);
			for (const sums of into) addMoney(sums, row, prices, { siteOverheadRatio, share });
			at = next;
		}
	}

	usedInputs(): MoneyAnswer["inputs"] {
		const byName = new Map<string, number[]>();
		for (const [id, name] of this.used) byName.set(name, [...(byName.get(name) ?? []), id]);
		for (const name of this.unnumbered) if (!byName.has(name)) byName.set(name, []);
		return [...byName].map(([name, ids]) => ({ name, rows: rangesText(ids) }));
	}

	private moment(at: number): MoneyMoment {
		return this.book.money(at, this.request.knownAt);
	}

	private prices(at: number): Prices {
		const stored = this.moment(at);
		if (this.last?.moment === stored && at < this.last.staleFrom) return this.last.prices;
		const moment = this.request.instead?.(stored) ?? stored;
		const stale = stored.rows.some(
			(input) => isInputName(input.name) && isStaleAt(input, input.name, at, this.request.staleAfterSeconds),
		);
		for (const { id, name } of stored.rows) {
			if (id === undefined) this.unnumbered.add(name);
			else this.used.set(id, name);
		}
		const prices = pricesOf(moment.inputs, stale);
		// A moment grows old within itself; an hour is as fine as ages are.
		this.last = { moment: stored, prices, staleFrom: at + 3_600_000 };
		return prices;
	}
}

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

const COLUMNS = [
	"energyMegawattHours",
	"grossUsd",
	"powerCostUsd",
	"netUsd",
	"netAfterCapitalUsd",
	"grossUsdPerMegawattHour",
	"powerCostUsdPerMegawattHour",
	"netUsdPerMegawattHour",
	"staleRatio",
] as const satisfies readonly (keyof MoneyFigures)[];

function groupOf(times: readonly number[], { steps, total }: Sums): Omit<MoneyGroup, "label"> {
	const figures = times.map((at) => {
		const sums = steps.get(at);
		return sums === undefined ? undefined : figuresOf(sums);
	});
	const columns = COLUMNS.map((name) => [name, figures.map((step) => step?.[name] ?? null)] as const);
	return { total: figuresOf(total), ...Object.fromEntries(columns) } as Omit<MoneyGroup, "label">;
}
