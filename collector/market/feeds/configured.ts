/**
 * The feeds that a configuration names, as rows for the book.
 *
 * Takes the configuration, keys and the book; gives feeds to run. What the chain cannot do (difficulty that changes
 * between retargets) is refused and the value before stays; what did not change is recorded again once an hour, so
 * that its age stays true.
 */
import type { MarketConfig, MarketInputName } from "../../../shared/config/collector.js";
import { MARKET_INPUTS } from "../../../shared/config/collector.js";
import { type Failure, failure } from "../../../shared/failures.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { canDifficultyChange } from "../../derive/chain.js";
import type { InputQuality, StoredInput } from "../../store/device-state.js";
import type { InputBook } from "../book.js";
import { importedRows } from "../import.js";
import { powerPriceRows } from "../power/rows.js";
import { bitcoinPrice, type Venue } from "./bitcoin-price.js";
import { BitcoindFeed, type ChainFacts, mempoolFacts } from "./chain.js";
import type { Feed, FeedResult } from "./feeds.js";
import { type GpuSource, gpuPrices } from "./gpu-price.js";
import { type FeedFailure, feedFetch } from "./http.js";
import { powerPrices } from "./power.js";

export type FeedsConfig = NonNullable<MarketConfig["feeds"]>;
/** Contents of the key files, by their paths. */
export type FeedKeys = ReadonlyMap<string, string>;

const CHAIN_SECONDS = 300;
const PRICE_SECONDS = 120;
const POWER_SECONDS = 300;
const GPU_SECONDS = 3_600;
/** A price that moved by more is held back for so long. */
const JUMP_RATIO = 0.2;
const JUMP_HELD_MILLISECONDS = 3_600_000;
/** A real-time market whose newest price ended so long ago stands still. */
const POWER_OLDEST_MILLISECONDS = 2 * 3_600_000;
/** What stays the same is said again so often. */
const SAID_AGAIN_MILLISECONDS = 3_600_000;

export function configuredFeeds(config: FeedsConfig, keys: FeedKeys, book: InputBook): readonly Feed[] {
	return [
		...chainFeeds(config, keys, book),
		...bitcoinPriceFeed(config, book),
		...powerFeed(config, keys, book),
		...gpuFeeds(config, keys, book),
	];
}

type Ask = (now: number) => Promise<ChainFacts | FeedFailure>;

/** One's own node first; the other source only while that fails. */
function chainFeeds({ bitcoind, mempool }: FeedsConfig, keys: FeedKeys, book: InputBook): readonly Feed[] {
	const sources: { readonly name: string; readonly ask: Ask }[] = [];
	if (bitcoind !== undefined) {
		const { url, user, passwordFile } = bitcoind;
		const node = new BitcoindFeed(feedFetch(), { url, user, password: keys.get(passwordFile) ?? "" });
		sources.push({ name: "bitcoind", ask: (now) => node.facts(now) });
	}
	if (mempool !== undefined) {
		const fetch = feedFetch();
		sources.push({
			name: `mempool ${new URL(mempool.url).host}`,
			ask: (now) => mempoolFacts(fetch, mempool.url, now),
		});
	}
	if (sources.length === 0) return [];
	return [
		{
			name: "chain",
			intervalSeconds: CHAIN_SECONDS,
			ask: async (now) => {
				let failed: FeedFailure | undefined;
				for (const { name, ask } of sources) {
					const facts = await ask(now);
					if (facts.ok) return chainRows(facts, { source: name, book, now, before: failed });
					failed ??= facts;
				}
				return failed ?? { ok: true, rows: [] };
			},
		},
	];
}

type ChainRows = {
	readonly source: string;
	readonly book: InputBook;
	readonly now: number;
	readonly before: FeedFailure | undefined;
};

export function chainRows(facts: ChainFacts, { source, book, now, before }: ChainRows): FeedResult {
	const remarks = before === undefined ? [] : [before.failure];
	const [known, height] = [book.inForce("bitcoinDifficulty", now), book.inForce("blockHeight", now)];
	// Typed values are an operator's belief; only what a feed said itself can say that the chain jumped.
	const isFed = known?.quality === "final" && height?.quality === "final";
	const isPossible =
		!isFed ||
		canDifficultyChange(
			{ height: height.value, difficulty: known.value },
			{ height: facts.height, difficulty: facts.difficulty },
		);
	if (!isPossible)
		return {
			ok: false,
			failure: failure(
				"DIFFICULTY_JUMPED",
				`${source} says ${facts.difficulty} at block ${facts.height}; it was ${known?.value} at ${height?.value}.`,
			),
		};
	const row = (name: MarketInputName, value: number) =>
		inputRow(book, { name, value, source, now, quality: "final" });
	return {
		ok: true,
		rows: [
			...row("bitcoinDifficulty", facts.difficulty),
			...row("blockHeight", facts.height),
			...row("feesBitcoinPerBlock", facts.feesBitcoinPerBlock),
		],
		remarks,
	};
}

function bitcoinPriceFeed({ bitcoinPrice: config }: FeedsConfig, book: InputBook): readonly Feed[] {
	if (config === undefined) return [];
	const fetch = feedFetch();
	return [
		{
			name: "bitcoin-price",
			intervalSeconds: PRICE_SECONDS,
			ask: async (now) => {
				const price = await bitcoinPrice(
					fetch,
					config.venues as readonly Venue[],
					config.urls ?? {},
					() => now,
				);
				if (!price.ok) return price;
				const jumped = priceJump(book, price.price, now);
				if (jumped !== undefined) return { ok: false, failure: jumped };
				return {
					ok: true,
					rows: inputRow(book, {
						name: "bitcoinPriceUsd",
						value: price.price,
						source: `median of ${price.venues.join(", ")}`,
						now,
						observedAt: price.at,
						quality: "final",
					}),
					remarks: price.dropped.map((what) => failure("FEED_VALUE_REFUSED", what)),
				};
			},
		},
	];
}

/** Venues that agree may be wrong alike: a unit, a page of another coin. What is true stays true for longer. */
function priceJump(book: InputBook, price: number, now: number): Failure | undefined {
	const before = book.inForce("bitcoinPriceUsd", now);
	if (before?.quality !== "final" || now - before.observedAt > JUMP_HELD_MILLISECONDS) return undefined;
	if (Math.abs(price / before.value - 1) <= JUMP_RATIO) return undefined;
	return failure(
		"FEED_VALUE_REFUSED",
		`The venues agree on ${price} USD; it was ${before.value} within the hour. It is taken when it lasts.`,
	);
}

function powerFeed({ power }: FeedsConfig, keys: FeedKeys, book: InputBook): readonly Feed[] {
	if (power === undefined) return [];
	const fetch = feedFetch();
	const { market, location, url, keyFile, tokenFile } = power;
	const options = {
		market,
		location,
		base: url,
		key: keyFile === undefined ? undefined : keys.get(keyFile),
		token: tokenFile === undefined ? undefined : keys.get(tokenFile),
	};
	return [
		{
			name: `power-${market}`,
			intervalSeconds: POWER_SECONDS,
			ask: async (now) => {
				const found = await powerPrices(fetch, options, now);
				if (!found.ok) return found;
				const { intervals, currency, quality } = found.series;
				const minutes = Math.round((now - (intervals.at(-1)?.to ?? now)) / 60_000);
				const isOld = minutes * 60_000 > POWER_OLDEST_MILLISECONDS;
				return {
					ok: true,
					rows: powerPriceRows(book, { intervals, currency, quality, source: `${market} ${location}`, now }),
					remarks: isOld
						? [failure("FEED_STALE", `The newest price of ${location} ended ${minutes} minutes ago.`)]
						: [],
				};
			},
		},
	];
}

const PRICES_MINUTES = 15;

/** A file of prices at an address: whatever form it has, it ends as rows with the hash of the body. */
export function priceFeeds(
	config: MarketConfig["powerPrices"],
	keys: FeedKeys,
	book: InputBook,
): readonly Feed[] {
	const url = config?.url;
	if (config === undefined || url === undefined) return [];
	const fetch = feedFetch();
	const { everyMinutes = PRICES_MINUTES, tokenFile } = config;
	const token = tokenFile === undefined ? undefined : keys.get(tokenFile);
	// An address may hold a key: only host and path are ever said.
	const { host, pathname } = new URL(url);
	const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
	return [
		{
			name: "power-prices",
			intervalSeconds: everyMinutes * 60,
			ask: async (now) => {
				const found = await fetch({ url, headers });
				if (!found.ok) return found;
				if (found.isUnchanged) return { ok: true, rows: [] };
				const rows = importedRows(found.text, config, { book, now, name: `${host}${pathname}` });
				return "code" in rows ? { ok: false, failure: rows } : { ok: true, rows };
			},
		},
	];
}

function gpuFeeds({ gpuPrices: config }: FeedsConfig, keys: FeedKeys, book: InputBook): readonly Feed[] {
	if (config === undefined) return [];
	const { model, sources, urls = {}, lambdaKeyFile } = config;
	return sources.map((source: GpuSource) => {
		const fetch = feedFetch();
		const key = source === "lambda" && lambdaKeyFile !== undefined ? keys.get(lambdaKeyFile) : undefined;
		return {
			name: `gpu-${source}`,
			intervalSeconds: GPU_SECONDS,
			ask: async (now: number): Promise<FeedResult> => {
				const found = await gpuPrices(fetch, source, { model, base: urls[source], key });
				if (!found.ok) return found;
				const rows = found.prices.flatMap(({ kind, usdPerGpuHour }) =>
					inputRow(book, {
						name: `gpuHour${kind[0]?.toUpperCase()}${kind.slice(1)}Usd:${source}:${model}`,
						value: usdPerGpuHour,
						source,
						now,
						quality: "preliminary",
					}),
				);
				return { ok: true, rows };
			},
		};
	});
}

type NewRow = {
	readonly name: string;
	readonly value: number;
	readonly source: string;
	readonly now: number;
	readonly observedAt?: number;
	readonly quality: InputQuality;
};

/** One row, or none where the same was said within the hour. */
function inputRow(
	book: InputBook,
	{ name, value, source, now, observedAt = now, quality }: NewRow,
): readonly StoredInput[] {
	const before = book.inForce(name, now);
	const isSaid =
		before?.value === value && before.source === source && now - before.knownFrom < SAID_AGAIN_MILLISECONDS;
	if (isSaid) return [];
	const unit = name in MARKET_INPUTS ? MARKET_INPUTS[name as MarketInputName].unit : "USD/h";
	return [
		{
			name,
			value,
			unit,
			source,
			observedAt: quantity<UnixMilliseconds>(observedAt),
			validFrom: quantity<UnixMilliseconds>(now),
			knownFrom: quantity<UnixMilliseconds>(now),
			isExample: false,
			quality,
		},
	];
}
