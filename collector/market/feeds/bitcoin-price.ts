/**
 * The price of bitcoin: the median of venues that are fresh and agree.
 *
 * Takes bodies of venues; gives one price with what it rests on, or a failure. A venue without a time, older than
 * five minutes or more than 1 % off the median is dropped; with fewer than two left there is no new price.
 */

import { at, decimalAt, jsonOf, numberAt } from "./body.js";
import { type FeedBody, type FeedFailure, type FeedFetch, failed } from "./http.js";

const FRESH_MILLISECONDS = 5 * 60_000;
const OFF_RATIO = 0.01;
const FEWEST_VENUES = 2;

export const VENUES = {
	coinbase: {
		base: "https://api.coinbase.com",
		path: "/v2/prices/BTC-USD/spot",
		read: (text: string) => {
			const body = jsonOf(text);
			const isRight = at(body, "data", "base") === "BTC" && at(body, "data", "currency") === "USD";
			return { price: isRight ? decimalAt(body, "data", "amount") : undefined };
		},
	},
	kraken: {
		base: "https://api.kraken.com",
		path: "/0/public/Ticker?pair=XBTUSD",
		// Errors come with status 200, and then there is no result.
		read: (text: string) => ({ price: decimalAt(jsonOf(text), "result", "XXBTZUSD", "c", 0) }),
	},
	coingecko: {
		base: "https://api.coingecko.com",
		path: "/api/v3/simple/price?ids=bitcoin&vs_currencies=usd&include_last_updated_at=true",
		read: (text: string) => {
			const body = jsonOf(text);
			return {
				price: numberAt(body, "bitcoin", "usd"),
				seconds: numberAt(body, "bitcoin", "last_updated_at"),
			};
		},
	},
	mempool: {
		base: "https://mempool.space",
		path: "/api/v1/prices",
		read: (text: string) => ({
			price: numberAt(jsonOf(text), "USD"),
			seconds: numberAt(jsonOf(text), "time"),
		}),
	},
} as const satisfies Record<
	string,
	{
		base: string;
		path: string;
		read: (text: string) => { price: number | undefined; seconds?: number | undefined };
	}
>;

export type Venue = keyof typeof VENUES;

export type Quote = { readonly venue: Venue; readonly price: number; readonly at: number };

export type BitcoinPrice = {
	readonly ok: true;
	readonly price: number;
	readonly venues: readonly Venue[];
	/** The oldest quote it rests on. */
	readonly at: number;
	readonly dropped: readonly string[];
};

/** By its own time, else by the server's; a quote without either is none. */
function quoteOf(venue: Venue, body: FeedBody): Quote | string {
	const found: { readonly price: number | undefined; readonly seconds?: number | undefined } = VENUES[
		venue
	].read(body.text);
	const { price, seconds } = found;
	const time = seconds === undefined ? body.serverTime : seconds * 1_000;
	if (price === undefined) return `${venue}: no price in its answer`;
	if (!(price > 0)) return `${venue}: a price of ${price}`;
	return time === undefined ? `${venue}: no time with its price` : { venue, price, at: time };
}

export function medianPrice(
	quotes: readonly Quote[],
	now: number,
	before: readonly string[] = [],
): BitcoinPrice | FeedFailure {
	const dropped = [...before];
	const fresh = quotes.filter(({ venue, at: time }) => {
		const isFresh = Math.abs(now - time) <= FRESH_MILLISECONDS;
		if (!isFresh) dropped.push(`${venue}: ${Math.round((now - time) / 1_000)} s old`);
		return isFresh;
	});
	const middle = median(fresh.map(({ price }) => price));
	const near = fresh.filter(({ venue, price }) => {
		const isNear = middle !== undefined && Math.abs(price / middle - 1) <= OFF_RATIO;
		if (!isNear) dropped.push(`${venue}: ${price} against a median of ${middle}`);
		return isNear;
	});
	const price = median(near.map((quote) => quote.price));
	if (near.length < FEWEST_VENUES || price === undefined)
		return failed(
			"FEED_STALE",
			`${near.length} venues are fresh and agree; ${FEWEST_VENUES} are needed. ${dropped.join("; ")}`,
		);
	return {
		ok: true,
		price,
		venues: near.map(({ venue }) => venue),
		at: Math.min(...near.map((quote) => quote.at)),
		dropped,
	};
}

function median(values: readonly number[]): number | undefined {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	const upper = sorted[middle];
	if (upper === undefined) return undefined;
	return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export async function bitcoinPrice(
	fetch: FeedFetch,
	venues: readonly Venue[],
	urls: Readonly<Partial<Record<Venue, string>>>,
	now: () => number,
): Promise<BitcoinPrice | FeedFailure> {
	const quotes: Quote[] = [];
	const dropped: string[] = [];
	let throttled: FeedFailure | undefined;
	for (const venue of venues) {
		const answer = await fetch({ url: `${urls[venue] ?? VENUES[venue].base}${VENUES[venue].path}` });
		if (!answer.ok) {
			dropped.push(`${venue}: ${answer.failure.what}`);
			if (answer.failure.code === "FEED_THROTTLED") throttled = answer;
			continue;
		}
		const quote = quoteOf(venue, answer);
		if (typeof quote === "string") dropped.push(quote);
		else quotes.push(quote);
	}
	const price = medianPrice(quotes, now(), dropped);
	return price.ok || throttled === undefined ? price : throttled;
}
