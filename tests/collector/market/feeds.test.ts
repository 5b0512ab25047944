/** Feeds against local servers that play what sources send: recorded bodies where they lie beside the project, and every failure. */
import { existsSync, readFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { InputBook } from "../../../collector/market/book.js";
import { bitcoinPrice, type Venue } from "../../../collector/market/feeds/bitcoin-price.js";
import { BitcoindFeed, mempoolFacts } from "../../../collector/market/feeds/chain.js";
import { chainRows, configuredFeeds } from "../../../collector/market/feeds/configured.js";
import { type Feed, type FeedEvents, Feeds } from "../../../collector/market/feeds/feeds.js";
import { gpuPrices } from "../../../collector/market/feeds/gpu-price.js";
import { feedFetch } from "../../../collector/market/feeds/http.js";
import { powerPrices } from "../../../collector/market/feeds/power.js";
import type { StoredInput } from "../../../collector/store/device-state.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";

type Played = {
	readonly status?: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string | Buffer;
};
type Play =
	| Played
	| ((request: {
			readonly url: string;
			readonly body: string;
			readonly headers: http.IncomingHttpHeaders;
	  }) => Played);

const plays = new Map<string, Play>();
const asked: string[] = [];
const server = http.createServer((request, response) => {
	const chunks: Buffer[] = [];
	request.on("data", (chunk: Buffer) => chunks.push(chunk));
	request.on("end", () => {
		const url = request.url ?? "";
		asked.push(url);
		const play = [...plays].find(([start]) => url.startsWith(start))?.[1];
		const body = Buffer.concat(chunks).toString();
		const played =
			typeof play === "function" ? play({ url, body, headers: request.headers }) : (play ?? { status: 404 });
		response.writeHead(played.status ?? 200, played.headers);
		response.end(played.body);
	});
});
await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
const BASE = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
afterAll(() => void server.close());
beforeEach(() => {
	plays.clear();
	asked.length = 0;
});

const NOW = Date.parse("2026-04-08T19:00:00Z");
const BITS = 386_008_708;
const DIFFICULTY = 138_966_872_071_213.2;
const json = (value: unknown): Played => ({ body: JSON.stringify(value) });
const HTML: Played = {
	headers: { "content-type": "text/html" },
	body: "<html><body>Rate limit exceeded</body></html>",
};

const block = (more: object = {}) => ({
	height: 944_232,
	bits: BITS,
	timestamp: NOW / 1_000 - 600,
	difficulty: DIFFICULTY,
	...more,
});
const stats = (more: object = {}) => ({
	startBlock: 944_089,
	endBlock: 944_232,
	totalReward: "45288000000",
	totalFee: "288000000",
	...more,
});

function playMempool(more: Readonly<Record<string, Play>> = {}): void {
	plays.set("/api/v1/blocks", json([block(), block({ height: 944_231 })]));
	plays.set("/api/v1/mining/hashrate/3d", {
		body: `{"currentHashrate":1001233247355212300000,"currentDifficulty":${DIFFICULTY}}`,
	});
	plays.set("/api/v1/mining/reward-stats/144", json(stats()));
	for (const [start, play] of Object.entries(more)) plays.set(start, play);
}

const mempool = () => mempoolFacts(feedFetch(), BASE, NOW);

describe("a mempool.space", () => {
	it("gives difficulty from nBits, height and the mean fee: 288,000,000 sat over 144 blocks are 0.02 BTC", async () => {
		playMempool();
		expect(await mempool()).toEqual({
			ok: true,
			difficulty: DIFFICULTY,
			height: 944_232,
			tipAt: NOW - 600_000,
			feesBitcoinPerBlock: 0.02,
		});
	});

	it.each<[string, Readonly<Record<string, Play>>, string]>([
		[
			"zeros with status 200",
			{ "/api/v1/mining/hashrate/3d": json({ currentHashrate: 0, currentDifficulty: 0 }) },
			"FEED_VALUE_REFUSED",
		],
		["HTML with status 200", { "/api/v1/blocks": HTML }, "FEED_ANSWER_MALFORMED"],
		["HTML for the fees", { "/api/v1/mining/reward-stats/144": HTML }, "FEED_ANSWER_MALFORMED"],
		[
			"a tip of four hours ago",
			{ "/api/v1/blocks": json([block({ timestamp: NOW / 1_000 - 14_400 })]) },
			"FEED_STALE",
		],
		[
			"a difficulty that the tip's nBits deny",
			{ "/api/v1/mining/hashrate/3d": json({ currentDifficulty: 86e12 }) },
			"FEED_VALUE_REFUSED",
		],
		[
			"fees larger than the rewards",
			{ "/api/v1/mining/reward-stats/144": json(stats({ totalFee: "45288000001" })) },
			"FEED_VALUE_REFUSED",
		],
		[
			"fees in bitcoin instead of satoshi",
			{ "/api/v1/mining/reward-stats/144": json(stats({ totalFee: "2.88" })) },
			"FEED_ANSWER_MALFORMED",
		],
		[
			"fees a thousand times too large",
			{
				"/api/v1/mining/reward-stats/144": json(
					stats({ totalReward: "945000000000000", totalFee: "900000000000000" }),
				),
			},
			"FEED_VALUE_REFUSED",
		],
		["a tip in milliseconds", { "/api/v1/blocks": json([block({ timestamp: NOW })]) }, "FEED_VALUE_REFUSED"],
		[
			"a height of another field",
			{ "/api/v1/blocks": json([block({ height: 9_442_320 })]) },
			"FEED_VALUE_REFUSED",
		],
		["half a block", { "/api/v1/blocks": json([block({ height: 944_232.5 })]) }, "FEED_VALUE_REFUSED"],
		["a test chain's height", { "/api/v1/blocks": json([block({ height: 110_000 })]) }, "FEED_VALUE_REFUSED"],
		[
			"fees of last week",
			{ "/api/v1/mining/reward-stats/144": json(stats({ startBlock: 943_081, endBlock: 943_224 })) },
			"FEED_STALE",
		],
		[
			"rewards without fees that are not the subsidies of their blocks",
			{ "/api/v1/mining/reward-stats/144": json(stats({ totalReward: "90288000000" })) },
			"FEED_VALUE_REFUSED",
		],
		["429", { "/api/v1/blocks": { status: 429, headers: { "retry-after": "120" } } }, "FEED_THROTTLED"],
		["500", { "/api/v1/blocks": { status: 500 } }, "FEED_UNREACHABLE"],
		[
			"a redirect",
			{ "/api/v1/blocks": { status: 302, headers: { location: `${BASE}/api/v1/prices` } } },
			"FEED_UNREACHABLE",
		],
	])("gives no number for %s", async (_, more, code) => {
		playMempool(more);
		expect(await mempool()).toMatchObject({ ok: false, failure: { code } });
	});

	it("does not answer: a failure, no exception", async () => {
		expect(await mempoolFacts(feedFetch(), "http://127.0.0.1:1", NOW)).toMatchObject({
			ok: false,
			failure: { code: "FEED_UNREACHABLE" },
		});
	});

	it("keeps validators: 304 gives the body of before", async () => {
		playMempool({
			"/api/v1/mining/reward-stats/144": ({ headers }) =>
				headers["if-none-match"] === '"one"'
					? { status: 304 }
					: { ...json(stats()), headers: { etag: '"one"' } },
		});
		const fetch = feedFetch();
		const first = await mempoolFacts(fetch, BASE, NOW);
		expect(await mempoolFacts(fetch, BASE, NOW)).toEqual(first);
	});
});

describe("a node of one's own", () => {
	const rpc =
		(more: Readonly<Record<string, (params: readonly unknown[]) => unknown>> = {}): Play =>
		({ body, headers }) => {
			if (headers.authorization !== `Basic ${Buffer.from("fleetwatt:secret").toString("base64")}`)
				return { status: 401 };
			const { method, params } = JSON.parse(body) as {
				readonly method: string;
				readonly params: readonly unknown[];
			};
			const answers: Readonly<Record<string, (params: readonly unknown[]) => unknown>> = {
				getblockchaininfo: () => ({
					blocks: 944_232,
					headers: 944_232,
					bestblockhash: "00ab",
					initialblockdownload: false,
				}),
				getblockheader: () => ({ bits: BITS.toString(16), time: NOW / 1_000 - 300 }),
				getblockstats: ([height]) => ({
					height,
					subsidy: 312_500_000,
					totalfee: 2_000_000 + Number(height) - 944_083,
					time: 1,
				}),
				...more,
			};
			return json({ result: answers[method]?.(params) ?? null, error: null, id: method });
		};
	const node = (password = "secret") =>
		new BitcoindFeed(feedFetch(), { url: BASE, user: "fleetwatt", password });

	it("sums fees of the 144 blocks that have six confirmations: 944,083 to 944,226", async () => {
		plays.set("/", rpc());
		const facts = await node().facts(NOW);
		expect(facts).toMatchObject({ ok: true, difficulty: DIFFICULTY, height: 944_232 });
		expect(facts.ok && facts.feesBitcoinPerBlock).toBeCloseTo((2_000_000 + 143 / 2) / 1e8, 12);
	});

	it("is asked for each block's fees once: 146 requests, then 2", async () => {
		plays.set("/", rpc());
		const feed = node();
		await feed.facts(NOW);
		expect(asked).toHaveLength(146);
		await feed.facts(NOW);
		expect(asked).toHaveLength(148);
	});

	it.each<[string, Play, string]>([
		[
			"that still downloads",
			rpc({
				getblockchaininfo: () => ({
					blocks: 5,
					headers: 944_232,
					bestblockhash: "00",
					initialblockdownload: true,
				}),
			}),
			"FEED_STALE",
		],
		[
			"two blocks behind its headers",
			rpc({
				getblockchaininfo: () => ({
					blocks: 944_230,
					headers: 944_232,
					bestblockhash: "00",
					initialblockdownload: false,
				}),
			}),
			"FEED_STALE",
		],
		[
			"with a pruned block",
			({ body }) =>
				body.includes("getblockstats")
					? json({ result: null, error: { code: -1, message: "Block not available (pruned data)" } })
					: (rpc() as (request: never) => Played)({
							body,
							headers: { authorization: `Basic ${Buffer.from("fleetwatt:secret").toString("base64")}` },
						} as never),
			"FEED_VALUE_REFUSED",
		],
		[
			"of a test network",
			rpc({
				getblockchaininfo: () => ({
					chain: "test",
					blocks: 944_232,
					headers: 944_232,
					bestblockhash: "00",
					initialblockdownload: false,
				}),
			}),
			"FEED_VALUE_REFUSED",
		],
		[
			"that answers with another block",
			rpc({ getblockstats: () => ({ height: 5, subsidy: 312_500_000, totalfee: 1 }) }),
			"FEED_ANSWER_MALFORMED",
		],
		["that sends HTML", HTML, "FEED_ANSWER_MALFORMED"],
	])("%s gives no number", async (_, play, code) => {
		plays.set("/", play);
		expect(await node().facts(NOW)).toMatchObject({ ok: false, failure: { code } });
	});

	it("refuses a wrong password", async () => {
		plays.set("/", rpc());
		expect(await node("wrong").facts(NOW)).toMatchObject({
			ok: false,
			failure: { code: "FEED_UNAUTHORIZED" },
		});
	});
});

describe("the price of bitcoin", () => {
	const VENUES: readonly Venue[] = ["coinbase", "kraken", "coingecko"];
	const urls = { coinbase: BASE, kraken: BASE, coingecko: BASE, mempool: BASE };
	const date = (at: number) => ({ date: new Date(at).toUTCString() });
	const play = ({ coinbase = 65_000, kraken = 65_010, coingecko = 65_020, at = NOW } = {}) => {
		plays.set("/v2/prices", {
			headers: date(at),
			body: JSON.stringify({ data: { amount: String(coinbase), base: "BTC", currency: "USD" } }),
		});
		plays.set("/0/public/Ticker", {
			headers: date(at),
			body: JSON.stringify({ error: [], result: { XXBTZUSD: { c: [String(kraken), "0.1"] } } }),
		});
		plays.set("/api/v3/simple/price", json({ bitcoin: { usd: coingecko, last_updated_at: at / 1_000 } }));
	};
	const price = (venues = VENUES) => bitcoinPrice(feedFetch(), venues, urls, () => NOW);

	it("holds back a fall by half for an hour, though all venues agree, and takes it when it lasts", async () => {
		let [now, stored]: [number, readonly StoredInput[]] = [NOW, []];
		const book = new InputBook(() => stored);
		const urlsOf = { bitcoinPrice: { venues: [...VENUES], urls } };
		const [feed] = configuredFeeds(urlsOf as never, new Map(), book);
		const ask = async (price: number, at: number) => {
			now = at;
			play({ coinbase: price, kraken: price, coingecko: price, at: now });
			const found = await feed?.ask(now);
			if (found?.ok === true) stored = [...stored, ...found.rows.map((row, id) => ({ ...row, id }))];
			return found?.ok === true ? "taken" : found?.failure.code;
		};
		expect(await ask(65_000, NOW)).toBe("taken");
		expect(await ask(32_500, NOW + 120_000)).toBe("FEED_VALUE_REFUSED");
		expect(await ask(60_000, NOW + 240_000)).toBe("taken");
		expect(await ask(30_000, NOW + 240_000 + 3_600_001)).toBe("taken");
	});

	it("is the median of three venues: 65,010", async () => {
		play();
		expect(await price()).toMatchObject({ ok: true, price: 65_010, venues: VENUES, dropped: [] });
	});

	it("drops a venue that is 8 % off and says so", async () => {
		play({ kraken: 70_000 });
		expect(await price()).toMatchObject({
			ok: true,
			price: 65_010,
			venues: ["coinbase", "coingecko"],
			dropped: [expect.stringMatching(/^kraken: 70000/)],
		});
	});

	it("drops an error with status 200, and {} for an unknown name", async () => {
		play();
		plays.set("/0/public/Ticker", json({ error: ["EQuery:Unknown asset pair"] }));
		expect(await price()).toMatchObject({ ok: true, venues: ["coinbase", "coingecko"] });
		plays.set("/api/v3/simple/price", json({}));
		expect(await price()).toMatchObject({ ok: false, failure: { code: "FEED_STALE" } });
	});

	it("drops quotes of six minutes ago: with none left there is no price", async () => {
		play({ at: NOW - 360_000 });
		expect(await price()).toMatchObject({ ok: false, failure: { code: "FEED_STALE" } });
	});

	it("is none where venues are throttled and one is left, and asks to wait as long as the venue says", async () => {
		play();
		for (const path of ["/v2/prices", "/0/public/Ticker"])
			plays.set(path, { status: 429, headers: { "retry-after": "77" } });
		expect(await price()).toMatchObject({
			ok: false,
			failure: { code: "FEED_THROTTLED" },
			retryAfterSeconds: 77,
		});
	});

	it.each([0, -5])("is never %d", async (wrong) => {
		play({ coinbase: wrong, kraken: wrong, coingecko: wrong });
		expect(await price()).toMatchObject({ ok: false });
	});
});

describe("prices of GPU-hours", () => {
	const prices = (source: "vast" | "runpod" | "lambda", body: unknown) => {
		plays.set("/", json(body));
		return gpuPrices(feedFetch(), source, { model: "H100", base: BASE });
	};

	it("vast.ai: dph_total is for the whole box: 16 USD for eight are 2 each, and the median of asks counts", async () => {
		const offer = (gpus: number, total: number, name = "H100 SXM") => ({
			gpu_name: name,
			num_gpus: gpus,
			dph_total: total,
		});
		const found = await prices("vast", {
			offers: [offer(8, 16), offer(1, 1.87), offer(4, 8.53), offer(1, 0.4, "RTX 4090")],
		});
		expect(found).toEqual({ ok: true, prices: [{ kind: "ask", usdPerGpuHour: 2 }] });
	});

	it("RunPod: list and spot are kept apart, null is not sold; errors with status 200 are errors", async () => {
		const type = {
			displayName: "H100 80GB HBM3",
			securePrice: 2.79,
			communityPrice: null,
			secureSpotPrice: 1.5,
		};
		expect(await prices("runpod", { data: { gpuTypes: [type] } })).toEqual({
			ok: true,
			prices: [
				{ kind: "list", usdPerGpuHour: 2.79 },
				{ kind: "spot", usdPerGpuHour: 1.5 },
			],
		});
		expect(await prices("runpod", { errors: [{ message: "no" }] })).toMatchObject({
			ok: false,
			failure: { code: "FEED_ANSWER_MALFORMED" },
		});
	});

	it("Lambda: cents per instance-hour: 3,432 for eight are 4.29 each, and without capacity a list price only", async () => {
		const shape = (gpus: number, cents: number, regions: readonly object[]) => ({
			instance_type: { name: "gpu_8x_h100_sxm5", price_cents_per_hour: cents, specs: { gpus } },
			regions_with_capacity_available: regions,
		});
		expect(await prices("lambda", { data: { a: shape(8, 3_432, []) } })).toEqual({
			ok: true,
			prices: [{ kind: "listOnly", usdPerGpuHour: 4.29 }],
		});
		expect(await prices("lambda", { data: { a: shape(8, 3_432, [{ name: "us-east-1" }]) } })).toEqual({
			ok: true,
			prices: [{ kind: "list", usdPerGpuHour: 4.29 }],
		});
	});

	it("are refused where they are cents: 187 USD for a GPU-hour is none", async () => {
		const cents = { offers: [{ gpu_name: "H100", num_gpus: 1, dph_total: 187 }] };
		expect(await prices("vast", cents)).toMatchObject({
			ok: false,
			failure: { code: "FEED_VALUE_REFUSED" },
		});
	});

	it("are refused where a price is 0", async () => {
		expect(await prices("vast", { offers: [{ gpu_name: "H100", num_gpus: 1, dph_total: 0 }] })).toMatchObject(
			{ ok: false, failure: { code: "FEED_VALUE_REFUSED" } },
		);
	});
});

describe("prices of power", () => {
	const CSV =
		"INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,NODE,LMP_TYPE,VALUE\n2026-04-08T18:00:00-00:00,2026-04-08T18:05:00-00:00,N1,LMP,-3.5\n";
	const caiso = () => powerPrices(feedFetch(), { market: "caiso", location: "N1", base: BASE }, NOW);

	it("CAISO: reads the CSV of a ZIP", async () => {
		plays.set("/oasisapi", { body: zipped("x.csv", CSV) });
		expect(await caiso()).toMatchObject({
			ok: true,
			series: { intervals: [{ pricePerMegawattHour: -3.5 }] },
		});
	});

	it.each<[string, Played, string]>([
		["HTML with status 200", HTML, "FEED_ANSWER_MALFORMED"],
		["429", { status: 429 }, "FEED_THROTTLED"],
		[
			"an error inside the ZIP",
			{
				body: zipped(
					"x.xml",
					"<m:ERROR><m:ERR_CODE>1000</m:ERR_CODE><m:ERR_DESC>No data</m:ERR_DESC></m:ERROR>",
				),
			},
			"FEED_ANSWER_MALFORMED",
		],
	])("CAISO: %s is a failure", async (_, played, code) => {
		plays.set("/oasisapi", played);
		expect(await caiso()).toMatchObject({ ok: false, failure: { code } });
	});

	it("ERCOT: sends subscription and token, and takes an expired one for what it is", async () => {
		plays.set("/api/public-reports", ({ headers }) =>
			headers.authorization === "Bearer t" && headers["ocp-apim-subscription-key"] === "k"
				? json({
						fields: [
							"deliveryDate",
							"deliveryHour",
							"deliveryInterval",
							"settlementPoint",
							"settlementPointPrice",
							"DSTFlag",
						].map((name) => ({ name })),
						data: [["2026-04-08", 13, 1, "LZ_WEST", 5_000, false]],
					})
				: { status: 401 },
		);
		const ask = (token: string) =>
			powerPrices(feedFetch(), { market: "ercot", location: "LZ_WEST", base: BASE, key: "k", token }, NOW);
		expect(await ask("t")).toMatchObject({
			ok: true,
			series: { intervals: [{ from: Date.parse("2026-04-08T17:00:00Z"), pricePerMegawattHour: 5_000 }] },
		});
		expect(await ask("old")).toMatchObject({ ok: false, failure: { code: "FEED_UNAUTHORIZED" } });
	});
});

describe("a difficulty that the chain cannot have", () => {
	const fed = (name: string, value: number): StoredInput => ({
		name,
		value,
		unit: "",
		source: "bitcoind",
		observedAt: ms(NOW - 1),
		validFrom: ms(NOW - 1),
		knownFrom: ms(NOW - 1),
		isExample: false,
		quality: "final",
	});
	const rows = (difficulty: number, height: number) => {
		const book = new InputBook(() => [fed("bitcoinDifficulty", DIFFICULTY), fed("blockHeight", 944_232)]);
		const facts = { ok: true, difficulty, height, feesBitcoinPerBlock: 0.02, tipAt: NOW } as const;
		return chainRows(facts, { source: "x", book, now: NOW, before: undefined });
	};

	it.each([
		["within an epoch", DIFFICULTY * 1.01, 944_240, false],
		["at a retarget, by 4 %", DIFFICULTY * 1.04, 945_504, true],
		["at a retarget, five times as much", DIFFICULTY * 5, 945_504, false],
		["unchanged", DIFFICULTY, 944_233, true],
	])("%s: %d at block %d is taken: %s", (_, difficulty, height, isTaken) => {
		const found = rows(difficulty, height);
		expect(found.ok).toBe(isTaken);
		if (!found.ok) expect(found.failure.code).toBe("DIFFICULTY_JUMPED");
	});
});

describe("feeds", () => {
	const quiet: FeedEvents = {
		onFailed: () => undefined,
		onRecovered: () => undefined,
		onRemark: () => undefined,
	};

	it("double their waiting while a source fails, wait as long as it says, and say a change once", async () => {
		let now = NOW;
		const said: string[] = [];
		let answer: Awaited<ReturnType<Feed["ask"]>> = {
			ok: false,
			failure: { code: "FEED_THROTTLED", what: "429" },
			retryAfterSeconds: 500,
		};
		const feeds = new Feeds(
			[{ name: "x", intervalSeconds: 100, ask: async () => answer }],
			{ now: () => ms(now), random: () => 0 },
			{
				...quiet,
				onFailed: (feed, { code }) => said.push(`${feed} ${code}`),
				onRecovered: (feed) => said.push(`${feed} works`),
			},
		);
		const run = () => feeds.run(async () => undefined);
		const waits = async () => {
			await run();
			return ((feeds.health()[0]?.nextAt ?? 0) - now) / 1_000;
		};
		expect(await waits()).toBe(500);
		answer = { ok: false, failure: { code: "FEED_THROTTLED", what: "429" } };
		now += 500_000;
		expect(await waits()).toBe(200);
		now += 200_000;
		expect(await waits()).toBe(400);
		answer = { ok: true, rows: [] };
		now += 400_000;
		expect(await waits()).toBe(100);
		expect(said).toEqual(["x FEED_THROTTLED", "x works"]);
		expect(feeds.health()[0]).toMatchObject({ lastSuccessAt: now, failuresByCode: { FEED_THROTTLED: 3 } });
	});

	it("take the other source while one's own node fails, and say that it does", async () => {
		playMempool();
		let stored: readonly StoredInput[] = [];
		const book = new InputBook(() => stored);
		const config = {
			bitcoind: { url: "http://127.0.0.1:1", user: "u", passwordFile: "p" },
			mempool: { url: BASE },
		};
		const remarks: string[] = [];
		const feeds = new Feeds(
			configuredFeeds(config, new Map([["p", "x"]]), book),
			{ now: () => ms(NOW), random: () => 0 },
			{ ...quiet, onRemark: (_, { code }) => remarks.push(code) },
		);
		await feeds.run(async (rows) => {
			stored = [...stored, ...rows];
		});
		expect(stored.map(({ name, value }) => [name, value])).toEqual([
			["bitcoinDifficulty", DIFFICULTY],
			["blockHeight", 944_232],
			["feesBitcoinPerBlock", 0.02],
		]);
		expect(remarks).toEqual(["FEED_UNREACHABLE"]);
	});
});

const RECORDED = path.join(import.meta.dirname, "../../../../shared/data/economics/feeds");
const recorded = (file: string) => readFileSync(path.join(RECORDED, file), "utf8");

describe.skipIf(!existsSync(RECORDED))("recorded bodies", () => {
	it("mempool.space: the rewards of 100 blocks of 2022 have 13,117,482.54 sat of fees each; its hashrate beyond 2^53 disturbs nothing", async () => {
		const tip = NOW - 60_000;
		playMempool({
			"/api/v1/blocks": json([{ height: 736_655, bits: 386_466_234, timestamp: tip / 1_000 }]),
			"/api/v1/mining/hashrate/3d": { body: recorded("mempool.space/mining-hashrate-3d.json") },
			"/api/v1/mining/reward-stats/144": { body: recorded("mempool.space/mining-reward-stats-100.json") },
		});
		const facts = await mempool();
		expect(facts).toMatchObject({ ok: true, difficulty: expect.closeTo(31_251_101_365_711.12, 1) });
		expect(facts.ok && facts.feesBitcoinPerBlock).toBeCloseTo(0.131_174_825_4, 12);
	});

	it("venues: a spot without its own time takes the server's; the price of 2023 is stale", async () => {
		plays.set("/v2/prices", {
			headers: { date: new Date(NOW).toUTCString() },
			body: recorded("coinbase/spot-BTC-USD.json"),
		});
		plays.set("/0/public/Ticker", {
			headers: { date: new Date(NOW).toUTCString() },
			body: recorded("kraken/ticker-XBTUSD.shape.json"),
		});
		plays.set("/api/v1/prices", { body: recorded("mempool.space/prices.json") });
		const found = await bitcoinPrice(
			feedFetch(),
			["coinbase", "kraken", "mempool"],
			{ coinbase: BASE, kraken: BASE, mempool: BASE },
			() => NOW,
		);
		expect(found).toMatchObject({
			ok: true,
			price: (65_000.126 + 64_999.9) / 2,
			venues: ["coinbase", "kraken"],
		});
	});

	it.each([
		["vast", "vast.ai/bundles-offer.shape.json", "RTX 6000 Ada", [{ kind: "ask", usdPerGpuHour: 0.7 }]],
		[
			"runpod",
			"runpod/gpuTypes.shape.json",
			"RTX 4090",
			[
				{ kind: "list", usdPerGpuHour: 0.89 },
				{ kind: "spot", usdPerGpuHour: 0.52 },
			],
		],
		[
			"lambda",
			"lambda/instance-types-2026-08-15.trimmed.json",
			"h100",
			[{ kind: "listOnly", usdPerGpuHour: 4.29 }],
		],
		[
			"lambda",
			"lambda/instance-types-2026-08-15.trimmed.json",
			"a100",
			[{ kind: "list", usdPerGpuHour: 1.99 }],
		],
	] as const)("%s: %s", async (source, file, model, prices) => {
		plays.set("/", { body: recorded(file) });
		expect(await gpuPrices(feedFetch(), source, { model, base: BASE })).toEqual({ ok: true, prices });
	});

	it("PJM: the hour of 2024-02-20T05:00Z costs 17.956076 USD/MWh at PJM-RTO", async () => {
		plays.set("/api/v1/", { body: recorded("pjm/rt_hrl_lmps-2024-02-20.json") });
		const found = await powerPrices(feedFetch(), { market: "pjm", location: "PJM-RTO", base: BASE }, NOW);
		expect(found).toMatchObject({
			ok: true,
			series: {
				intervals: [
					{
						from: Date.parse("2024-02-20T05:00:00Z"),
						to: Date.parse("2024-02-20T06:00:00Z"),
						pricePerMegawattHour: 17.956_076,
					},
				],
			},
		});
	});

	it("ERCOT: hour 13, interval 4 of 2024-01-18 begins at 12:45 in Texas", async () => {
		plays.set("/api/public-reports", { body: recorded("ercot/np6-905-cd-2024-01-18.reconstructed.json") });
		const found = await powerPrices(feedFetch(), { market: "ercot", location: "X443ESRN", base: BASE }, NOW);
		expect(found).toMatchObject({
			ok: true,
			series: { intervals: [{ from: Date.parse("2024-01-18T18:45:00Z"), pricePerMegawattHour: 11.08 }] },
		});
	});

	it("CAISO: the day-ahead price stands in the column MW; no data is error 1000", async () => {
		plays.set("/oasisapi", { body: zipped("a.csv", recorded("caiso/prc_lmp-dam-rows.csv")) });
		const ask = () =>
			powerPrices(feedFetch(), { market: "caiso", location: "0096WD_7_N001", base: BASE }, NOW);
		expect(await ask()).toMatchObject({ ok: true, series: { intervals: [{ pricePerMegawattHour: 74.63 }] } });
		plays.set("/oasisapi", { body: zipped("a.xml", recorded("caiso/error-1000.xml")) });
		expect(await ask()).toMatchObject({ ok: false });
	});
});

describe.runIf(!existsSync(RECORDED))("NOT CHECKED against recorded bodies", () => {
	it("because there is no folder of them beside the project", () => {
		expect(existsSync(RECORDED)).toBe(false);
	});
});

function ms(at: number): UnixMilliseconds {
	return quantity<UnixMilliseconds>(at);
}

/** A ZIP of one deflated file, as OASIS sends it. */
function zipped(name: string, text: string): Buffer {
	const packed = deflateRawSync(Buffer.from(text));
	const local = Buffer.alloc(30);
	local.writeUInt32LE(0x04034b50, 0);
	local.writeUInt16LE(8, 8);
	local.writeUInt32LE(packed.length, 18);
	local.writeUInt16LE(name.length, 26);
	const central = Buffer.alloc(46);
	central.writeUInt32LE(0x02014b50, 0);
	central.writeUInt16LE(8, 10);
	central.writeUInt32LE(packed.length, 20);
	central.writeUInt16LE(name.length, 28);
	const start = local.length + name.length + packed.length;
	const end = Buffer.alloc(22);
	end.writeUInt32LE(0x06054b50, 0);
	end.writeUInt32LE(start, 16);
	return Buffer.concat([local, Buffer.from(name), packed, central, Buffer.from(name), end]);
}
