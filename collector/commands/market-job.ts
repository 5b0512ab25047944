/**
 * The market-refresh job: what the configuration says of prices, brought into the store once a minute.
 *
 * Reads the configuration anew, typed values, exchange rates, tariff and price file; says once per change what is
 * missing or cannot be. A file that cannot be read changes nothing.
 */
import { readFile, stat } from "node:fs/promises";
import { realClock } from "../../shared/clock.js";
import { configuredInputs, type MarketConfig, type MarketInputName } from "../../shared/config/collector.js";
import { describe, type Failure, failure } from "../../shared/failures.js";
import type { Log } from "../../shared/log.js";
import type { UnixMilliseconds } from "../../shared/units.js";
import { InputBook } from "../market/book.js";
import { configuredFeeds, type FeedKeys, type FeedsConfig, priceFeeds } from "../market/feeds/configured.js";
import { type FeedHealth, Feeds } from "../market/feeds/feeds.js";
import { exchangeRows, importedRows, type PricesConfig } from "../market/import.js";
import { POWER_PRICE } from "../market/power/rows.js";
import { TariffRows } from "../market/power/tariff-job.js";
import { refreshMarket } from "../market/refresh.js";
import { rentalRows } from "../market/rentals.js";
import type { StoredInput } from "../store/device-state.js";
import type { Store } from "../store/store.js";

const MOST_FILE_BYTES = 64 * 1_024 * 1_024;

export type MarketJobOptions = {
	readonly store: Store;
	readonly log: Log;
	readonly site: string;
	/** Undefined where the file cannot be read now. */
	readonly read: () => Promise<ReadMarket | undefined>;
	/** As named to the operator. */
	readonly configFile: string;
	readonly feeds: FeedsConfig | undefined;
	/** Fetched where it names an address. */
	readonly powerPrices: MarketConfig["powerPrices"];
	/** Contents of the files of keys that the feeds name. */
	readonly keys: FeedKeys;
};

export type ReadMarket = {
	readonly market: MarketConfig;
	readonly timeZone: string;
	readonly fileModifiedAt: UnixMilliseconds;
};

export type MarketJob = {
	readonly run: () => Promise<void>;
	readonly askFeeds: () => Promise<void>;
	readonly feedHealth: () => readonly FeedHealth[];
};

export function marketJob(options: MarketJobOptions): MarketJob {
	const { store, log, site } = options;
	const book = new InputBook(() => store.inputs());
	const tariff = new TariffRows();
	const prices = new WatchedFile();
	const rentals = new WatchedFile();
	const feeds = feedsOf(options, book);
	let said = "";
	const run = async () => {
		const found = await options.read();
		const failures: Failure[] = [];
		let recorded = 0;
		const record = async (rows: readonly StoredInput[]) => {
			await store.addInputs(rows);
			recorded += rows.length;
		};
		const typed = await refreshMarket({
			read: async () =>
				found === undefined
					? failure("INPUT_MISSING", `${options.configFile} cannot be read now; the inputs before stay.`)
					: configuredInputs(found.market, found.fileModifiedAt),
			stored: () => store.inputs(),
			record,
			clock: realClock,
			broughtElsewhere: found === undefined ? [] : broughtElsewhere(found.market),
		});
		failures.push(...typed.failures);
		if (found !== undefined) {
			const now = realClock.now();
			const { market, timeZone, fileModifiedAt } = found;
			await record(exchangeRows(market.usdPerCurrency ?? {}, { book, observedAt: fileModifiedAt, now }));
			if (market.tariff !== undefined) await record(tariff.next(market.tariff, timeZone, book, now));
			const { powerPrices, rentals: rented } = market;
			const files = [
				await prices.next("market.powerPrices.file", powerPrices, (text, name) =>
					importedRows(text, powerPrices ?? NO_PRICES, { book, now, name }),
				),
				await rentals.next("market.rentals.file", rented, (text, name) =>
					rentalRows(text, { book, now, name, source: rented?.source ?? "" }),
				),
			];
			for (const imported of files) {
				if ("code" in imported) failures.push(imported);
				else await record(imported);
			}
		}
		if (recorded > 0) log.info("inputs recorded", { recorded });
		const words = failures.map((one) => describe(one)).join("\n");
		if (words !== "" && words !== said)
			log.warn("inputs missing", { site, inputs: failures.map(({ what }) => what) });
		said = words;
	};
	return {
		run,
		askFeeds: () => feeds.run((rows) => store.addInputs(rows)),
		feedHealth: () => feeds.health(),
	};
}

const NO_PRICES: PricesConfig = { source: "" };

function feedsOf({ feeds = {}, powerPrices, keys, log }: MarketJobOptions, book: InputBook): Feeds {
	const what = (failed: Failure) => ({ code: failed.code, what: failed.what });
	const all = [...configuredFeeds(feeds, keys, book), ...priceFeeds(powerPrices, keys, book)];
	return new Feeds(all, realClock, {
		onFailed: (feed, failed) => log.warn("feed failed", { feed, ...what(failed) }),
		onRecovered: (feed) => log.info("feed works again", { feed }),
		onRemark: (feed, failed) => log.warn("feed left something out", { feed, ...what(failed) }),
	});
}

/** Inputs that nobody need type, since something else brings them. */
function broughtElsewhere({ tariff, powerPrices, feeds }: MarketConfig): readonly MarketInputName[] {
	const chain: readonly MarketInputName[] = ["bitcoinDifficulty", "blockHeight", "feesBitcoinPerBlock"];
	return [
		...((tariff ?? powerPrices ?? feeds?.power) === undefined ? [] : [POWER_PRICE as MarketInputName]),
		...((feeds?.bitcoind ?? feeds?.mempool) === undefined ? [] : chain),
		...(feeds?.bitcoinPrice === undefined ? [] : (["bitcoinPriceUsd"] as const)),
	];
}

type Parse = (text: string, name: string) => readonly StoredInput[] | Failure;

/** A file of inputs, read again when it, or what is said of it, changes. */
class WatchedFile {
	private seen = "";

	async next(
		key: string,
		config: { readonly file?: string } | undefined,
		parse: Parse,
	): Promise<readonly StoredInput[] | Failure> {
		const file = config?.file;
		if (file === undefined) return [];
		const facts = await stat(file).catch(() => undefined);
		if (facts === undefined || facts.size > MOST_FILE_BYTES)
			return failure(
				"INPUT_MISSING",
				`${key} ${file} cannot be read, or is beyond ${MOST_FILE_BYTES} bytes.`,
			);
		const mark = `${JSON.stringify(config)} ${facts.mtimeMs} ${facts.size}`;
		if (mark === this.seen) return [];
		const rows = parse(await readFile(file, "utf8"), file);
		if (!("code" in rows)) this.seen = mark;
		return rows;
	}
}
