/**
 * Prices over a stretch of the past: one walk through the inputs, so that each row finds its prices and each reader
 * where nothing changes.
 *
 * Takes the book of inputs and a span; gives stretches in which all prices are the same, whatever rows were added
 * meanwhile that say what held already, and the rows behind the stretches that were asked for. Prices of a settlement
 * interval are those of its beginning: stretches begin and end with one.
 */
import { MARKET_INPUT_NAMES, type MarketInputName } from "../../../shared/config/collector.js";
import { MILLISECONDS_PER_SECOND } from "../../../shared/units.js";
import { type Prices, pricesIn, pricesOf } from "../../derive/money.js";
import { freshUntil, type InputBook, type MoneyMoment, type StaleLimits } from "../../market/book.js";
import type { StoredInput } from "../../store/device-state.js";

/** Prices are known from so long before the span: a row of a coarse tier may begin there, at most a day of 25 hours. */
export const PRICED_BEFORE_MILLISECONDS = 26 * 3_600_000;

export type PriceLineOptions = {
	readonly from: number;
	readonly to: number;
	readonly settlementSeconds: number;
	/** USD where absent. */
	readonly currency?: string;
	/** What was known then; as restated since where absent. */
	readonly knownAt?: number;
	readonly staleAfterSeconds?: StaleLimits;
	/** Stands instead of inputs until the moment it gives is over: a what-if. */
	readonly instead?: (moment: MoneyMoment, at: number) => MoneyMoment;
};

export type PriceStretch = {
	readonly from: number;
	to: number;
	readonly prices: Prices;
	/** Units of the currency for a dollar; undefined where nobody said. */
	readonly perUsd: number | undefined;
	/** Of each moment in it: rows alone, since there are thousands of moments and their values are done with. */
	readonly rows: (readonly StoredInput[])[];
	readonly rates: StoredInput[];
	/** Whether anything was valued in it. */
	isUsed: boolean;
};

export class PriceLine {
	/** Whether tokens have a price anywhere in it: then hosts that serve them are read apart. */
	readonly pricesTokens: boolean;
	private readonly stretches: readonly PriceStretch[];
	private readonly usedRates = new Set<PriceStretch>();
	private place = 0;
	private last: PriceStretch | undefined;

	constructor(book: InputBook, options: PriceLineOptions) {
		this.stretches = stretchesOf(book, options);
		this.pricesTokens = this.stretches.some(({ prices }) => prices.usdPerToken !== undefined);
	}

	/** The stretch of an instant; its inputs count as used. All rows of an instant ask for the same one. */
	at(instant: number): PriceStretch {
		const { last } = this;
		if (last !== undefined && instant >= last.from && instant < last.to) return last;
		const stretch = this.find(instant);
		stretch.isUsed = true;
		this.last = stretch;
		return stretch;
	}

	/** Whether prices are the same from one instant to another. */
	isAlike(start: number, end: number): boolean {
		return this.find(start).to >= end;
	}

	perUsd(instant: number): number | undefined {
		const stretch = this.find(instant);
		this.usedRates.add(stretch);
		return stretch.perUsd;
	}

	usedInputs(): readonly { readonly name: string; readonly rows: string }[] {
		const byName = new Map<string, Set<number>>();
		const note = ({ id, name }: StoredInput) => {
			const ids = byName.get(name) ?? new Set();
			byName.set(name, ids);
			if (id !== undefined) ids.add(id);
		};
		let before: readonly StoredInput[] = [];
		const used = this.stretches.filter(({ isUsed }) => isUsed);
		for (const { rows } of used)
			for (const inForce of rows) {
				for (let place = 0; place < inForce.length; place += 1) {
					const row = inForce[place] as StoredInput;
					if (before[place] !== row) note(row);
				}
				before = inForce;
			}
		for (const { rates } of [...used, ...this.usedRates]) for (const rate of rates) note(rate);
		return [...byName].map(([name, ids]) => ({ name, rows: rangesText([...ids]) }));
	}

	/** Askers go forward in time, so the last place and the next are tried first. */
	private find(instant: number): PriceStretch {
		const { stretches, place } = this;
		for (let next = place; next <= place + 1; next += 1) {
			const stretch = stretches[next];
			if (stretch === undefined || instant < stretch.from || instant >= stretch.to) continue;
			this.place = next;
			return stretch;
		}
		let [low, high] = [0, stretches.length - 1];
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if ((stretches[middle]?.from ?? 0) <= instant) low = middle;
			else high = middle - 1;
		}
		this.place = low;
		return stretches[low] ?? NOTHING;
	}
}

/** Where a currency has no rate. */
const UNPRICED: Prices = pricesOf({}, false);
const NOTHING: PriceStretch = {
	from: Number.NEGATIVE_INFINITY,
	to: Number.POSITIVE_INFINITY,
	prices: UNPRICED,
	perUsd: undefined,
	rows: [],
	rates: [],
	isUsed: false,
};

function stretchesOf(book: InputBook, options: PriceLineOptions): readonly PriceStretch[] {
	const { from, to, settlementSeconds, currency = "USD", knownAt, staleAfterSeconds, instead } = options;
	const settlement = settlementSeconds * MILLISECONDS_PER_SECOND;
	const found: PriceStretch[] = [];
	let last: PriceStretch | undefined;
	const freshUntilOf = freshness(staleAfterSeconds);
	for (let at = Math.floor((from - PRICED_BEFORE_MILLISECONDS) / settlement) * settlement; at < to; ) {
		const stored = book.money(at, knownAt);
		const moment = instead?.(stored, at) ?? stored;
		const rate = currency === "USD" ? undefined : book.exchangeOf(currency, at, knownAt);
		const perUsd = currency === "USD" ? 1 : rate?.row === undefined ? undefined : 1 / rate.row.value;
		const fresh = freshUntilOf(stored.rows);
		const isStale = at > fresh;
		const until = Math.min(stored.to, moment.to, rate?.until ?? stored.to, isStale ? stored.to : fresh + 1);
		const end = Math.max(at + settlement, Math.ceil(until / settlement) * settlement);
		const inDollars = pricesOf(moment.inputs, isStale);
		const prices =
			perUsd === 1 ? inDollars : perUsd === undefined ? UNPRICED : pricesIn(inDollars, 1 / perUsd);
		if (last === undefined || last.perUsd !== perUsd || !isSame(last.prices, prices)) {
			last = { from: at, to: end, prices, perUsd, rows: [], rates: [], isUsed: false };
			found.push(last);
		}
		last.to = end;
		if (last.rows.at(-1) !== stored.rows) last.rows.push(stored.rows);
		if (rate?.row !== undefined && last.rates.at(-1) !== rate.row) last.rates.push(rate.row);
		at = end;
	}
	return found;
}

/** Until when none of some rows is old; what it found out of a row it knows as long as the row stays in its place. */
function freshness(limits: StaleLimits | undefined): (rows: readonly StoredInput[]) => number {
	const known: { row: StoredInput; until: number }[] = [];
	return (rows) => {
		let least = Number.POSITIVE_INFINITY;
		for (let place = 0; place < rows.length; place += 1) {
			const row = rows[place] as StoredInput;
			let one = known[place];
			if (one?.row !== row) {
				const until = isInputName(row.name) ? freshUntil(row, row.name, limits) : Number.POSITIVE_INFINITY;
				known[place] = one = { row, until };
			}
			if (one.until < least) least = one.until;
		}
		return least;
	};
}

function isSame(one: Prices, other: Prices): boolean {
	return (
		one.usdPerMegawattHour === other.usdPerMegawattHour &&
		one.usdPerTerahash === other.usdPerTerahash &&
		one.usdPerGpuHour === other.usdPerGpuHour &&
		one.usdPerToken === other.usdPerToken &&
		one.isStale === other.isStale &&
		one.capitalUsdPerWattYear.mining === other.capitalUsdPerWattYear.mining &&
		one.capitalUsdPerWattYear.ai === other.capitalUsdPerWattYear.ai
	);
}

const INPUT_NAMES: ReadonlySet<string> = new Set(MARKET_INPUT_NAMES);

function isInputName(name: string): name is MarketInputName {
	return INPUT_NAMES.has(name);
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
