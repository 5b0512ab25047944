/**
 * Difficulty, height and fees: from a node of one's own first, else from a mempool.space.
 *
 * Takes a fetch; gives what the chain says with exact sums, or a failure. The subsidy is never fetched. Difficulty
 * is computed from nBits and compared with what the source says; zeros with status 200, a tip that is hours old, a
 * node that still catches up are refused.
 */
import { type Failure, failure } from "../../../shared/failures.js";
import type { JsonValue } from "../../../shared/json.js";
import {
	difficultyFromBits,
	FEE_WINDOW_BLOCKS,
	SATOSHIS_PER_BITCOIN,
	supplySatoshis,
	TARGET_BLOCK_SECONDS,
} from "../../derive/chain.js";
import { at, jsonOf, listAt, numberAt, satoshisAt } from "./body.js";
import { type FeedFailure, type FeedFetch, failed } from "./http.js";

/** A block reorganised away within this many took its fees with it. */
const CONFIRMATIONS = 6;
/** No block for so long happens once in 10^7 blocks: the source stands still. */
const TIP_OLDEST_MILLISECONDS = 3 * 3_600_000;
/** The chain takes no block that is dated further ahead. */
const TIP_AHEAD_MILLISECONDS = 2 * 3_600_000;
const FIRST_BLOCK_AT = Date.UTC(2009, 0, 3, 18, 15, 5);
/** Heights by a block each ten minutes: blocks came 4 % faster on the whole. Far from it is another chain or field. */
const HEIGHT_RATIOS = { least: 0.5, most: 1.15 } as const;
/** Blocks by which the window of fees may trail the tip: sources count them apart. */
const WINDOW_BEHIND_MOST = 12;
/** Miners may claim less than they may, and nearly never do. */
const UNCLAIMED_RATIO = 0.001;
const AGREE_RATIO = 1e-6;
/** A block's fees beyond this are a mistake of its sender, and of the mean a small part; of a window, a unit that is wrong. */
const MOST_FEES_BITCOIN = 50;

export type ChainFacts = {
	readonly ok: true;
	readonly difficulty: number;
	readonly height: number;
	readonly feesBitcoinPerBlock: number;
	/** When the tip was mined, Unix ms. */
	readonly tipAt: number;
};

export async function mempoolFacts(
	fetch: FeedFetch,
	base: string,
	now: number,
): Promise<ChainFacts | FeedFailure> {
	const [blocks, rates, stats] = [
		await fetch({ url: `${base}/api/v1/blocks` }),
		await fetch({ url: `${base}/api/v1/mining/hashrate/3d` }),
		await fetch({ url: `${base}/api/v1/mining/reward-stats/${FEE_WINDOW_BLOCKS}` }),
	];
	for (const each of [blocks, rates, stats]) if (!each.ok) return each;
	if (!blocks.ok || !rates.ok || !stats.ok) return failed("FEED_UNREACHABLE", "The source does not answer.");
	const tip = tipOf(jsonOf(blocks.text), now);
	if ("code" in tip) return { ok: false, failure: tip };
	const stated = numberAt(jsonOf(rates.text), "currentDifficulty");
	if (stated === undefined) return malformed("currentDifficulty");
	// Its node is down: zeros come with status 200.
	if (stated <= 0)
		return failed("FEED_VALUE_REFUSED", `currentDifficulty is ${stated}: the source's node is down.`);
	if (Math.abs(stated / tip.difficulty - 1) > AGREE_RATIO)
		return failed(
			"FEED_VALUE_REFUSED",
			`currentDifficulty is ${stated}, and the tip's nBits say ${tip.difficulty}.`,
		);
	const fees = rewardStats(jsonOf(stats.text), tip.height);
	return "code" in fees ? { ok: false, failure: fees } : { ok: true, ...tip, ...fees };
}

function tipOf(
	blocks: JsonValue | undefined,
	now: number,
): Omit<ChainFacts, "ok" | "feesBitcoinPerBlock"> | Failure {
	const list = listAt(blocks) ?? [];
	let best: JsonValue | undefined;
	for (const block of list)
		if ((numberAt(block, "height") ?? -1) > (numberAt(best, "height") ?? -1)) best = block;
	const [height, bits, time] = [
		numberAt(best, "height"),
		numberAt(best, "bits"),
		numberAt(best, "timestamp"),
	];
	if (height === undefined || bits === undefined || time === undefined)
		return failure("FEED_ANSWER_MALFORMED", "There is no block with height, bits and timestamp in it.");
	const difficulty = difficultyFromBits(bits);
	if (difficulty === undefined) return failure("FEED_VALUE_REFUSED", `bits is ${bits}, which is no target.`);
	return tipProblem(height, time * 1_000, now) ?? { difficulty, height, tipAt: time * 1_000 };
}

/** What is wrong with the newest block: too old, of the future, or of a height that the chain cannot have by then. */
function tipProblem(height: number, tipAt: number, now: number): Failure | undefined {
	const minutes = Math.round((now - tipAt) / 60_000);
	if (now - tipAt > TIP_OLDEST_MILLISECONDS)
		return failure("FEED_STALE", `The newest block, ${height}, is ${minutes} minutes old.`);
	if (tipAt - now > TIP_AHEAD_MILLISECONDS)
		return failure("FEED_VALUE_REFUSED", `The newest block, ${height}, is ${-minutes} minutes ahead of now.`);
	const usual = (tipAt - FIRST_BLOCK_AT) / (TARGET_BLOCK_SECONDS * 1_000);
	const isPossible =
		Number.isSafeInteger(height) &&
		height >= usual * HEIGHT_RATIOS.least &&
		height <= usual * HEIGHT_RATIOS.most;
	return isPossible
		? undefined
		: failure(
				"FEED_VALUE_REFUSED",
				`Block ${height} cannot be the newest: about ${Math.round(usual)} is due.`,
			);
}

/** Sums over blocks as text; the total includes the fees. @param tip height of the newest block */
export function rewardStats(
	body: JsonValue | undefined,
	tip?: number,
): { readonly feesBitcoinPerBlock: number } | Failure {
	const [start, end] = [numberAt(body, "startBlock"), numberAt(body, "endBlock")];
	const [reward, fees] = [satoshisAt(body, "totalReward"), satoshisAt(body, "totalFee")];
	if (start === undefined || end === undefined || reward === undefined || fees === undefined)
		return failure(
			"FEED_ANSWER_MALFORMED",
			"reward-stats lacks startBlock, endBlock, totalReward or totalFee.",
		);
	if (tip !== undefined && Math.abs(tip - end) > WINDOW_BEHIND_MOST)
		return failure("FEED_STALE", `The fees are those up to block ${end}; the newest is ${tip}.`);
	return meanFees(fees, { start, end }, reward);
}

/** What is left of rewards without fees is the subsidies of these heights: else a unit, a window or a chain is another. */
function meanFees(
	total: bigint,
	{ start, end }: { readonly start: number; readonly end: number },
	reward: bigint,
): { readonly feesBitcoinPerBlock: number } | Failure {
	const blocks = end - start + 1;
	const isWindow = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && blocks > 0;
	const subsidies = isWindow ? supplySatoshis(end + 1) - supplySatoshis(start) : 0n;
	const unclaimed = Number(subsidies - (reward - total));
	if (!isWindow || total > reward || Math.abs(unclaimed) > Number(subsidies) * UNCLAIMED_RATIO)
		return failure(
			"FEED_VALUE_REFUSED",
			`${total} sat of fees in ${reward} sat of blocks ${start} to ${end} cannot be: their subsidies are ${subsidies} sat.`,
		);
	const mean = Number(total) / blocks / SATOSHIS_PER_BITCOIN;
	if (mean > MOST_FEES_BITCOIN)
		return failure("FEED_VALUE_REFUSED", `Mean fees of ${mean} BTC a block cannot be.`);
	return { feesBitcoinPerBlock: mean };
}

export type BitcoindOptions = { readonly url: string; readonly user: string; readonly password: string };

/** Fees of blocks do not change once buried: each is asked for once. */
export class BitcoindFeed {
	private readonly fees = new Map<number, { readonly fee: bigint; readonly subsidy: bigint }>();
	private readonly fetch: FeedFetch;
	private readonly options: BitcoindOptions;

	constructor(fetch: FeedFetch, options: BitcoindOptions) {
		this.fetch = fetch;
		this.options = options;
	}

	async facts(now: number): Promise<ChainFacts | FeedFailure> {
		const info = await this.call("getblockchaininfo", []);
		if (!info.ok) return info;
		const chain = at(info.result, "chain");
		if (chain !== undefined && chain !== "main")
			return failed(
				"FEED_VALUE_REFUSED",
				`The node is on the chain ${JSON.stringify(chain).slice(0, 40)}, not on main.`,
			);
		const [height, headers] = [numberAt(info.result, "blocks"), numberAt(info.result, "headers")];
		const hash = at(info.result, "bestblockhash");
		if (height === undefined || headers === undefined || typeof hash !== "string")
			return malformed("getblockchaininfo");
		if (at(info.result, "initialblockdownload") !== false || headers - height > 1)
			return failed("FEED_STALE", `The node still catches up: block ${height} of ${headers}.`);
		const header = await this.call("getblockheader", [hash]);
		if (!header.ok) return header;
		const bits = at(header.result, "bits");
		const time = numberAt(header.result, "time");
		const difficulty =
			typeof bits === "string" && /^[0-9a-f]{8}$/i.test(bits)
				? difficultyFromBits(Number.parseInt(bits, 16))
				: undefined;
		if (difficulty === undefined || time === undefined) return malformed("getblockheader");
		const tipAt = time * 1_000;
		const problem = tipProblem(height, tipAt, now);
		if (problem !== undefined) return { ok: false, failure: problem };
		const fees = await this.windowFees(height);
		return "ok" in fees ? fees : { ok: true, difficulty, height, tipAt, ...fees };
	}

	private async windowFees(height: number): Promise<{ readonly feesBitcoinPerBlock: number } | FeedFailure> {
		const last = height - CONFIRMATIONS;
		const first = last - FEE_WINDOW_BLOCKS + 1;
		let [total, reward] = [0n, 0n];
		for (let block = first; block <= last; block += 1) {
			const known = this.fees.get(block) ?? (await this.blockFees(block));
			if ("ok" in known) return known;
			this.fees.set(block, known);
			total += known.fee;
			reward += known.fee + known.subsidy;
		}
		for (const block of this.fees.keys()) if (block < first) this.fees.delete(block);
		const mean = meanFees(total, { start: first, end: last }, reward);
		return "code" in mean ? { ok: false, failure: mean } : mean;
	}

	private async blockFees(
		block: number,
	): Promise<{ readonly fee: bigint; readonly subsidy: bigint } | FeedFailure> {
		const stats = await this.call("getblockstats", [block, ["height", "subsidy", "totalfee", "time"]]);
		if (!stats.ok) return stats;
		const [fee, subsidy] = [satoshisAt(stats.result, "totalfee"), satoshisAt(stats.result, "subsidy")];
		const isAsked = numberAt(stats.result, "height") === block;
		return fee === undefined || subsidy === undefined || !isAsked
			? malformed("getblockstats")
			: { fee, subsidy };
	}

	private async call(
		method: string,
		params: readonly unknown[],
	): Promise<FeedFailure | { readonly ok: true; readonly result: JsonValue | undefined }> {
		const { url, user, password } = this.options;
		const answer = await this.fetch({
			url,
			method: "POST",
			headers: {
				"content-type": "application/json",
				authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
			},
			body: JSON.stringify({ jsonrpc: "1.0", id: method, method, params }),
		});
		if (!answer.ok) return answer;
		const body = jsonOf(answer.text);
		if (body === undefined) return malformed(method);
		const error = at(body, "error");
		if (error !== undefined && error !== null)
			return failed("FEED_VALUE_REFUSED", `${method}: ${JSON.stringify(error).slice(0, 120)}`);
		return { ok: true, result: at(body, "result") };
	}
}

function malformed(what: string): FeedFailure {
	return failed("FEED_ANSWER_MALFORMED", `${what} is not as documented.`);
}
