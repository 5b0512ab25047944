/**
 * The inputs of money as a book: what held at an instant, as known then or as restated since.
 *
 * Takes the stored inputs; gives values, their rows, and everything money is computed from at an instant, with
 * the instant until which nothing of it changes. It converts prices of power by the exchange rate of their time,
 * fills nothing, and takes nothing implausible.
 */
import { MARKET_INPUT_NAMES, MARKET_INPUTS, type MarketInputName } from "../../shared/config/collector.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR } from "../../shared/units.js";
import type { MoneyInputs } from "../derive/revenue.js";
import { Timeline, timelineOf } from "../derive/timeline.js";
import type { InputAnswer } from "../expose/money-answers.js";
import type { StoredInput } from "../store/device-state.js";

/** Seconds after which an input is marked; the table's own limit where the configuration states none. */
export type StaleLimits = Readonly<Partial<Record<MarketInputName, number>>>;

/** Values brought by feeds come often: one that stays away is old after this, whatever typed values may do. */
const FEED_STALE_SECONDS: Readonly<Partial<Record<MarketInputName, number>>> = {
	bitcoinDifficulty: 3 * SECONDS_PER_HOUR,
	blockHeight: 3 * SECONDS_PER_HOUR,
	feesBitcoinPerBlock: 3 * SECONDS_PER_HOUR,
	bitcoinPriceUsd: 15 * 60,
};

/** One state of the book: what money is computed from, and where it comes from. */
export type MoneyMoment = {
	readonly inputs: MoneyInputs;
	readonly rows: readonly StoredInput[];
	/** From when to when nothing of it changes. */
	readonly from: number;
	readonly to: number;
};

/** The series of an exchange rate: dollars for one unit. */
export function exchangeName(currency: string): string {
	return `usdPer${currency}`;
}

/** Series of what really was, which stand instead of typed values in their own time and nowhere else. */
const REALISED: Readonly<Partial<Record<MarketInputName, string>>> = {
	gpuRentedRatio: "gpuRentedRatioRealised",
	gpuHourPriceUsd: "gpuHourPriceRealisedUsd",
};

const KNOWN_AT_MOST = 4;

type Found = {
	readonly value: number | undefined;
	readonly rows: readonly StoredInput[];
	readonly until: number;
};

type Reading = {
	readonly timelines: Map<string, Timeline<StoredInput>>;
	/** What the moment is made of, in the order of names. */
	readonly values: (Found & { readonly from: number })[];
	moment?: MoneyMoment;
};

export class InputBook {
	private readonly read: () => readonly StoredInput[];
	private stored: readonly StoredInput[] = [];
	private byName = new Map<string, StoredInput[]>();
	private readonly readings = new Map<number, Reading>();

	constructor(read: () => readonly StoredInput[]) {
		this.read = read;
	}

	/** Everything that money needs at an instant; the same object for as long as nothing changes. */
	money(at: number, knownAt = Number.POSITIVE_INFINITY): MoneyMoment {
		const reading = this.readingAt(knownAt);
		const before = reading.moment;
		if (before !== undefined && before.from <= at && at < before.to) return before;
		// Made in one order of names, so that all moments have one shape: copied or deleted from, they are ten times as dear.
		const inputs: Partial<Record<MarketInputName, number>> = {};
		const rows: StoredInput[] = [];
		let to = Number.POSITIVE_INFINITY;
		for (let place = 0; place < MARKET_INPUT_NAMES.length; place += 1) {
			const name = MARKET_INPUT_NAMES[place] as MarketInputName;
			let found = reading.values[place];
			if (found === undefined || at < found.from || at >= found.until) {
				found = { ...this.valueAt(reading, name, at), from: at };
				reading.values[place] = found;
			}
			if (found.value !== undefined) inputs[name] = found.value;
			to = Math.min(to, found.until);
			for (const row of found.rows) rows.push(row);
		}
		reading.moment = { inputs, rows, from: at, to };
		return reading.moment;
	}

	/** The row in force, plausible and in dollars or not. */
	inForce(name: string, at: number, knownAt = Number.POSITIVE_INFINITY): StoredInput | undefined {
		return this.timeline(this.readingAt(knownAt), name).at(at);
	}

	/** An input alone, in dollars, and until when it holds; does not disturb what `money` remembers. */
	valueOf(name: MarketInputName, at: number): { readonly value: number | undefined; readonly until: number } {
		const { value, until } = this.valueAt(this.readingAt(Number.POSITIVE_INFINITY), name, at);
		return { value, until };
	}

	/** Dollars for one unit of a currency then, with its row; undefined where nobody said. */
	exchangeAt(currency: string, at: number, knownAt = Number.POSITIVE_INFINITY): StoredInput | undefined {
		return this.inForce(exchangeName(currency), at, knownAt);
	}

	/** The same with until when it holds. */
	exchangeOf(
		currency: string,
		at: number,
		knownAt = Number.POSITIVE_INFINITY,
	): { readonly row: StoredInput | undefined; readonly until: number } {
		const timeline = this.timeline(this.readingAt(knownAt), exchangeName(currency));
		return { row: timeline.at(at), until: timeline.endAt(at) };
	}

	/** What is in force now with its age; what nobody stated is not in the list. */
	current(now: number, staleAfterSeconds: StaleLimits = {}): readonly InputAnswer[] {
		const reading = this.readingAt(Number.POSITIVE_INFINITY);
		return MARKET_INPUT_NAMES.flatMap((name) => {
			const { value, rows } = this.valueAt(reading, name, now);
			const [input] = rows;
			if (value === undefined || input === undefined) return [];
			const { source, observedAt, isExample, quality } = input;
			const ageSeconds = Math.max(0, (now - observedAt) / MILLISECONDS_PER_SECOND);
			const isStale = isStaleAt(input, name, now, staleAfterSeconds);
			// Converted by an exchange rate, it is in dollars.
			const unit = rows.length > 1 ? MARKET_INPUTS[name].unit : input.unit;
			return [
				{
					name,
					value,
					unit,
					source,
					observedAt,
					ageSeconds,
					isStale,
					isExample,
					...(quality === undefined ? {} : { quality }),
				},
			];
		});
	}

	private readingAt(knownAt: number): Reading {
		const stored = this.read();
		if (stored !== this.stored) this.take(stored);
		const known = this.readings.get(knownAt);
		if (known !== undefined) return known;
		if (this.readings.size >= KNOWN_AT_MOST) this.readings.clear();
		const made: Reading = { timelines: new Map(), values: [] };
		this.readings.set(knownAt, made);
		for (const name of this.byName.keys())
			made.timelines.set(name, timelineOf(this.byName.get(name) ?? [], knownAt));
		return made;
	}

	private take(stored: readonly StoredInput[]): void {
		this.stored = stored;
		this.readings.clear();
		this.byName = new Map();
		for (const input of stored) {
			const rows = this.byName.get(input.name);
			if (rows === undefined) this.byName.set(input.name, [input]);
			else rows.push(input);
		}
		for (const name of MARKET_INPUT_NAMES) {
			for (const series of [name, REALISED[name]]) {
				const plausible = this.byName.get(series ?? "")?.filter(({ value }) => isPlausibleInput(name, value));
				if (plausible !== undefined) this.byName.set(series ?? "", plausible);
			}
		}
	}

	private timeline(reading: Reading, name: string): Timeline<StoredInput> {
		return reading.timelines.get(name) ?? NOTHING;
	}

	private valueAt(reading: Reading, name: MarketInputName, at: number): Found {
		const realised = REALISED[name];
		const stands = realised === undefined ? NOTHING : this.timeline(reading, realised);
		const isRealised = stands.at(at) !== undefined;
		const timeline = isRealised ? stands : this.timeline(reading, name);
		const row = timeline.at(at);
		// A typed value holds only until something realised begins.
		const until = isRealised ? stands.endAt(at) : Math.min(timeline.endAt(at), stands.endAt(at));
		if (row === undefined) return { value: undefined, rows: [], until };
		const currency = currencyOf(row.unit);
		if (currency === undefined || currency === "USD") return { value: row.value, rows: [row], until };
		const exchange = this.timeline(reading, exchangeName(currency));
		const rate = exchange.at(at);
		const both = Math.min(until, exchange.endAt(at));
		return rate === undefined
			? { value: undefined, rows: [], until: both }
			: { value: row.value * rate.value, rows: [row, rate], until: both };
	}
}

const NOTHING = new Timeline<StoredInput>([], []);

/** "EUR" of "EUR/MWh"; undefined of units that are no price of power. */
function currencyOf(unit: string): string | undefined {
	return /^([A-Z]{3})\/MWh$/.exec(unit)?.[1];
}

export function isPlausibleInput(name: MarketInputName, value: number): boolean {
	const { from, to } = MARKET_INPUTS[name];
	return value >= from && value <= to;
}

/** After which instant a result that uses the row is marked. A bounded price holds for its interval and is never old. */
export function freshUntil(
	input: StoredInput,
	name: MarketInputName,
	staleAfterSeconds: StaleLimits = {},
): number {
	if (input.validTo !== undefined) return Number.POSITIVE_INFINITY;
	const typed = staleAfterSeconds[name] ?? MARKET_INPUTS[name].staleAfterHours * SECONDS_PER_HOUR;
	const isFed = input.quality !== undefined && input.quality !== "assumed";
	const limit = isFed ? Math.min(typed, FEED_STALE_SECONDS[name] ?? typed) : typed;
	return input.observedAt + limit * MILLISECONDS_PER_SECOND;
}

export function isStaleAt(
	input: StoredInput,
	name: MarketInputName,
	at: number,
	staleAfterSeconds: StaleLimits = {},
): boolean {
	return at > freshUntil(input, name, staleAfterSeconds);
}
