/** Calculations of the chain: difficulty, subsidy, epochs, network hashrate, hashvalue and hashprice. */
import {
	BLOCKS_PER_EPOCH,
	CHAIN_FORMULAS,
	canDifficultyChange,
	epochAt,
	exactDifficultyFromBits,
	exactHashprice,
	exactHashvalue,
	FEE_WINDOW_BLOCKS,
	hashpriceAfterHalving,
	impliedNetworkHashrate,
	observedNetworkHashrate,
	retargetFactor,
	SATOSHIS_PER_BITCOIN,
	shareValueSatoshis,
	subsidySatoshis,
	supplySatoshis,
	TARGET_BLOCK_SECONDS,
	targetFromBits,
} from "../../derive/chain.js";
import { agreement, HASHPRICE_TOLERANCE_RATIO, HASHVALUE_TOLERANCE_RATIO } from "../../derive/consistency.js";
import {
	exactly,
	minus,
	over,
	plus,
	type Rational,
	rational,
	times,
	toNumber,
} from "../../derive/rational.js";
import type { Answer, CalcOption, Calculation, Given } from "./options.js";

const SATOSHIS = exactly(SATOSHIS_PER_BITCOIN);
const THOUSAND = rational(1_000n);
/** A double counts blocks exactly up to here, and what follows this one; the subsidy has ended long before. */
const MOST_HEIGHT = 9_000_000_000_000_000;

/** The chain measures an epoch from its first block to its last, which leaves one interval out. */
const INTERVALS_OF_AN_EPOCH = BLOCKS_PER_EPOCH - 1;

const HEIGHT = { kind: "whole", from: 0, to: MOST_HEIGHT, example: "840000" } as const;
const POSITIVE = { above: 0 } as const;

const NBITS = { flag: "nbits", also: ["bits", "nBits"], kind: "bits", example: "386008708" } as const;
const DIFFICULTY_OPTIONS: readonly CalcOption[] = [
	{ flag: "difficulty", is: "Mining difficulty.", ...POSITIVE, example: "132716002350731.3" },
	{ ...NBITS, is: "The header's nBits, instead of difficulty.", from: 1, to: 0xffffffff },
];

export const CHAIN_OPTIONS: readonly CalcOption[] = [
	...DIFFICULTY_OPTIONS,
	{
		flag: "block-reward-btc",
		also: ["reward-btc"],
		is: "Reward of a block with its fees, BTC.",
		from: 0,
		to: 1_000,
		example: "3.14437788",
	},
	{ flag: "height", is: "Height of the chain: the subsidy is computed from it.", ...HEIGHT },
	{
		flag: "subsidy-btc",
		is: "Subsidy of a block, BTC, instead of the height.",
		from: 0,
		to: 50,
		example: "3.125",
	},
	{
		flag: "fees-btc",
		also: ["fee-btc"],
		is: "Mean fees of a block, BTC.",
		from: 0,
		to: 1_000,
		example: "0.02",
	},
	{
		flag: "total-fees-sats",
		is: "Sum of the fees of --fee-blocks blocks, sat, instead of fees-btc.",
		kind: "whole",
		from: 0,
		example: "288000000",
	},
	{
		flag: "fee-blocks",
		is: "Blocks that total-fees-sats sums over.",
		kind: "whole",
		from: 1,
		to: 1e6,
		otherwise: String(FEE_WINDOW_BLOCKS),
		example: "144",
	},
	{
		flag: "fee-share",
		is: "Fees over the whole reward, instead of fees-btc.",
		kind: "ratio",
		to: 0.999999,
		example: "0.0062",
	},
	{
		flag: "btc-usd",
		also: ["btc-price-usd"],
		is: "Price of one bitcoin, USD.",
		...POSITIVE,
		to: 1e12,
		example: "85956.45",
	},
];

export function difficultyOf(given: Given): Rational | undefined {
	const difficulty = given.exact("difficulty");
	if (difficulty !== undefined && given.has("nbits"))
		throw given.refused("--difficulty and --nbits are both given", { allowed: "Give one of them" });
	const bits = given.number("nbits");
	if (bits === undefined) return difficulty;
	const exact = exactDifficultyFromBits(bits);
	if (exact === undefined)
		throw given.refused(`--nbits is ${given.text("nbits")}, which stands for no target from 1 to 2^256 − 1`, {
			allowed: "Use the nBits of a block's header, for example --nbits 386008708",
		});
	return exact;
}

type Reward = { readonly subsidy?: Rational; readonly fees?: Rational; readonly reward: Rational };

/** Of a block, in satoshi, from whichever way it is stated. */
export function rewardOf(given: Given): Reward | undefined {
	const whole = given.exact("block-reward-btc");
	const height = given.number("height");
	if (whole !== undefined && (height !== undefined || given.has("subsidy-btc") || given.has("fees-btc")))
		throw given.refused("--block-reward-btc stands beside --height, --subsidy-btc or --fees-btc", {
			allowed: "Give the whole reward, or its parts: --height 925000 --fees-btc 0.02",
		});
	if (whole !== undefined) return { reward: times(whole, SATOSHIS) };
	const stated = given.exact("subsidy-btc");
	if (stated === undefined && height === undefined) return undefined;
	if (stated !== undefined && height !== undefined)
		throw given.refused("--height and --subsidy-btc are both given", { allowed: "Give one of them" });
	const subsidy = stated === undefined ? rational(subsidySatoshis(height ?? 0)) : times(stated, SATOSHIS);
	const fees = feesOf(given, subsidy);
	if (fees === undefined)
		throw given.missing(["fees-btc", "fee-share", "total-fees-sats"], "beside the subsidy");
	return { subsidy, fees, reward: plus(subsidy, fees) };
}

function feesOf(given: Given, subsidy: Rational): Rational | undefined {
	const share = given.exact("fee-share");
	const total = given.exact("total-fees-sats");
	const each = given.exact("fees-btc");
	if ([share, total, each].filter((one) => one !== undefined).length > 1)
		throw given.refused("Fees are given in more than one way", {
			allowed: "Give one of --fees-btc, --fee-share and --total-fees-sats",
		});
	if (each !== undefined) return times(each, SATOSHIS);
	if (total !== undefined) return over(total, given.needExact("fee-blocks"));
	return share === undefined ? undefined : minus(over(subsidy, minus(rational(1n), share)), subsidy);
}

const hashprice: Calculation = {
	name: "hashprice",
	about: "what 1 PH/s is expected to earn in a day, in sat and USD, before any pool fee",
	options: [
		...CHAIN_OPTIONS,
		{
			flag: "published-hashvalue-btc",
			is: "A published BTC per PH/s and day to compare with.",
			...POSITIVE,
			example: "0.00043143",
		},
		{
			flag: "published-hashprice-usd",
			is: "A published USD per PH/s and day to compare with.",
			...POSITIVE,
			example: "43.33",
		},
		{
			flag: "tolerance",
			is: "Disagreement that is no alarm: 1 % of a hashvalue, 2 % of a hashprice where absent.",
			kind: "ratio",
			example: "0.01",
		},
	],
	run: (given) => {
		const difficulty = difficultyOf(given);
		if (difficulty === undefined) throw given.missing(["difficulty", "nbits"]);
		const reward = rewardOf(given);
		if (reward === undefined) throw given.missing(["block-reward-btc", "height"]);
		return { formulaVersion: CHAIN_FORMULAS, ...hashpriceAnswer(given, difficulty, reward) };
	},
};

function hashpriceAnswer(given: Given, difficulty: Rational, { reward, subsidy, fees }: Reward): Answer {
	const value = exactHashvalue(reward, difficulty);
	const bitcoin = over(value, SATOSHIS);
	const price = given.exact("btc-usd");
	const usd = price === undefined ? undefined : exactHashprice(value, price);
	const hashes = impliedNetworkHashrate(difficulty, exactly(TARGET_BLOCK_SECONDS));
	return {
		difficulty: toNumber(difficulty),
		blockRewardSats: toNumber(reward),
		blockRewardBitcoin: toNumber(over(reward, SATOSHIS)),
		subsidySats: numberOf(subsidy),
		feesSatsPerBlock: numberOf(fees),
		feeShareRatio: fees === undefined || reward.numerator === 0n ? undefined : toNumber(over(fees, reward)),
		hashvalueSatsPerPetahashPerSecondDay: toNumber(value),
		hashvalueBitcoinPerPetahashPerSecondDay: toNumber(bitcoin),
		hashvalueBitcoinPerTerahashPerSecondDay: toNumber(over(bitcoin, THOUSAND)),
		hashvalueBitcoinPerHashPerSecondHour: toNumber(over(bitcoin, exactly(24e15))),
		hashpriceUsdPerPetahashPerSecondDay: numberOf(usd),
		hashpriceUsdPerTerahashPerSecondDay: usd === undefined ? undefined : toNumber(over(usd, THOUSAND)),
		impliedNetworkHashrateExahashesPerSecond: toNumber(over(hashes, exactly(1e18))),
		...alarmsAnswer(given, toNumber(bitcoin), numberOf(usd)),
	};
}

function alarmsAnswer(given: Given, bitcoin: number, usd: number | undefined): Answer {
	const tolerance = given.number("tolerance");
	const compared = [
		{
			code: "HASHVALUE_DISAGREES",
			computed: bitcoin,
			flag: "published-hashvalue-btc",
			otherwise: HASHVALUE_TOLERANCE_RATIO,
		},
		{
			code: "HASHPRICE_DISAGREES",
			computed: usd,
			flag: "published-hashprice-usd",
			otherwise: HASHPRICE_TOLERANCE_RATIO,
		},
	].flatMap(({ code, computed, flag, otherwise }) => {
		const published = given.number(flag);
		if (published === undefined) return [];
		if (computed === undefined) throw given.missing(["btc-usd"], `to compare with --${flag}`);
		return [{ code, ...agreement(computed, published, tolerance ?? otherwise) }];
	});
	return compared.length === 0
		? {}
		: {
				comparisons: compared,
				alarms: compared.filter(({ isMismatch }) => isMismatch).map(({ code }) => code),
			};
}

const difficulty: Calculation = {
	name: "difficulty",
	about: "difficulty and target of a header's nBits",
	options: [
		{
			...NBITS,
			is: "The header's nBits: decimal, 0x…, or its eight hexadecimal digits.",
			from: 1,
			to: 0xffffffff,
			required: true,
		},
	],
	run: (given) => {
		const exact = difficultyOf(given) ?? rational(0n);
		const hashes = impliedNetworkHashrate(exact, exactly(TARGET_BLOCK_SECONDS));
		return {
			formulaVersion: CHAIN_FORMULAS,
			nBits: given.number("nbits"),
			nBitsHex: given.need("nbits").toString(16).padStart(8, "0"),
			difficulty: toNumber(exact),
			targetHex: (targetFromBits(given.need("nbits")) ?? 0n).toString(16).padStart(64, "0"),
			impliedNetworkHashrateHashesPerSecond: toNumber(hashes),
			impliedNetworkHashrateExahashesPerSecond: toNumber(over(hashes, exactly(1e18))),
		};
	},
};

const HEIGHTS_TO_COMPARE: CalcOption = {
	...HEIGHT,
	flag: "height",
	is: "Height of a block; several with commas.",
	kind: "wholes",
};
const HEIGHTS: CalcOption = { ...HEIGHTS_TO_COMPARE, isEachAlone: true, required: true };

/** One alone, or a list where several were asked, be it that only one of them could be answered. */
function oneOrAll<Value>(values: readonly Value[], leftOut = 0): Value | readonly Value[] | undefined {
	return values.length + leftOut === 1 ? values[0] : values;
}

const subsidy: Calculation = {
	name: "subsidy",
	about: "new coins of the block at a height",
	options: [HEIGHTS],
	run: (given) => {
		const heights = given.numbers("height") ?? [];
		const subsidies = heights.map(subsidySatoshis);
		const all = <Value>(values: readonly Value[]) => oneOrAll(values, given.leftOut.length);
		return {
			formulaVersion: CHAIN_FORMULAS,
			height: all(heights),
			subsidySats: all(subsidies),
			subsidyBitcoin: all(subsidies.map((sats) => Number(sats) / SATOSHIS_PER_BITCOIN)),
			nextHalvingHeight: all(heights.map((height) => epochAt(height).nextHalvingHeight)),
		};
	},
};

const supply: Calculation = {
	name: "supply",
	about: "all new coins of the blocks below a height",
	options: [
		{ flag: "height", is: "First height that does not count.", ...HEIGHT, required: true },
		{
			flag: "step",
			is: "Counts every so many heights, each for so many blocks.",
			kind: "whole",
			from: 1,
			to: 210_000,
			otherwise: "1",
			example: "1000",
		},
	],
	run: (given) => {
		const [height, step] = [given.need("height"), given.need("step")];
		let sum = 0n;
		if (step === 1) sum = supplySatoshis(height);
		else {
			for (let at = 0; at < height && subsidySatoshis(at) > 0n; at += step)
				sum += subsidySatoshis(at) * BigInt(step);
		}
		return {
			formulaVersion: CHAIN_FORMULAS,
			supplySats: sum,
			supplyBitcoin: toNumber(over(rational(sum), SATOSHIS)),
		};
	},
};

const blockReward: Calculation = {
	name: "block-reward",
	about: "whether rewards less fees are the subsidies of their heights",
	options: [
		{
			flag: "reward-sats",
			is: "Reward with fees, sat; several with commas.",
			kind: "numbers",
			from: 0,
			example: "635081690",
			required: true,
		},
		{
			flag: "fees-sats",
			is: "Fees, sat, as many as rewards.",
			kind: "numbers",
			from: 0,
			example: "10081690",
			required: true,
		},
		HEIGHTS_TO_COMPARE,
		{
			flag: "blocks",
			is: "Blocks that each reward sums over.",
			kind: "whole",
			from: 1,
			to: 1e6,
			otherwise: "1",
			example: "100",
		},
	],
	run: (given) => {
		const [rewards, fees] = [given.exacts("reward-sats") ?? [], given.exacts("fees-sats") ?? []];
		const heights = given.numbers("height") ?? [];
		if (rewards.length !== fees.length || (heights.length > 0 && heights.length !== rewards.length))
			throw given.refused(
				`There are ${rewards.length} rewards, ${fees.length} fees and ${heights.length} heights`,
				{
					allowed: "Give as many of each",
				},
			);
		const found = rewards.map((reward, index) => toNumber(minus(reward, fees[index] ?? rational(0n))));
		const blocks = given.need("blocks");
		const expected = heights.map((height) => Number(subsidySatoshis(height)) * blocks);
		const wrong = heights.filter((_, index) => found[index] !== expected[index]);
		return {
			formulaVersion: CHAIN_FORMULAS,
			subsidySats: oneOrAll(found),
			meanFeeSats: oneOrAll(fees.map((fee) => toNumber(over(fee, exactly(blocks))))),
			expectedSubsidySats: heights.length === 0 ? undefined : oneOrAll(expected),
			isMismatch: heights.length === 0 ? undefined : wrong.length > 0,
			alarms: heights.length === 0 ? undefined : wrong.map((height) => `SUBSIDY_DISAGREES at ${height}`),
		};
	},
};

const epoch: Calculation = {
	name: "epoch",
	about: "where a height stands in its difficulty epoch",
	options: [
		{ flag: "height", is: "Height of the tip.", ...HEIGHT, required: true },
		{
			flag: "epoch-seconds",
			is: "Seconds since the epoch's first block, for the change to expect.",
			...POSITIVE,
			example: "900000",
		},
	],
	run: (given) => {
		const at = epochAt(given.need("height"));
		const seconds = given.number("epoch-seconds");
		const projected =
			seconds === undefined || at.blocksSinceRetarget === 0
				? undefined
				: toNumber(retargetFactor((seconds / at.blocksSinceRetarget) * INTERVALS_OF_AN_EPOCH));
		return {
			formulaVersion: CHAIN_FORMULAS,
			...at,
			progressPercent: at.progressRatio * 100,
			expectedRetargetFactor: projected,
			expectedDifficultyChangePercent: projected === undefined ? undefined : (projected - 1) * 100,
		};
	},
};

const retarget: Calculation = {
	name: "retarget",
	about: "the factor between two difficulties, or the one an epoch's length gives",
	options: [
		{
			flag: "from-difficulty",
			is: "Difficulty before.",
			...POSITIVE,
			example: "67305906902031.39",
			required: true,
		},
		{ flag: "to-difficulty", is: "Difficulty after.", ...POSITIVE, example: "72006146478567.1" },
		{
			flag: "epoch-seconds",
			is: "Seconds between first and last block of the epoch, instead of the difficulty after.",
			...POSITIVE,
			example: "1130000",
		},
		{ flag: "from-height", is: "Height of the difficulty before.", ...HEIGHT },
		{ flag: "to-height", is: "Height of the difficulty after.", ...HEIGHT },
	],
	run: (given) => {
		const before = given.needExact("from-difficulty");
		const stated = given.exact("to-difficulty");
		const seconds = given.number("epoch-seconds");
		if (stated === undefined && seconds === undefined)
			throw given.missing(["to-difficulty", "epoch-seconds"]);
		const factor = stated === undefined ? retargetFactor(seconds ?? 0) : over(stated, before);
		const [from, to] = [given.number("from-height"), given.number("to-height")];
		const isPossible =
			from === undefined || to === undefined
				? undefined
				: canDifficultyChange(
						{ height: from, difficulty: toNumber(before) },
						{ height: to, difficulty: toNumber(times(before, factor)) },
					);
		return {
			formulaVersion: CHAIN_FORMULAS,
			retargetFactor: toNumber(factor),
			difficultyChangePercent: toNumber(minus(factor, rational(1n))) * 100,
			difficultyAfter: toNumber(times(before, factor)),
			isPossible,
			alarms: isPossible === undefined ? undefined : isPossible ? [] : ["DIFFICULTY_JUMPED"],
		};
	},
};

const networkHashrate: Calculation = {
	name: "network-hashrate",
	about:
		"hashes per second that a difficulty stands for, or that blocks found show (for display: revenue never uses it)",
	options: [
		...DIFFICULTY_OPTIONS,
		{
			flag: "block-seconds",
			is: "Seconds between blocks.",
			...POSITIVE,
			to: 1e6,
			otherwise: String(TARGET_BLOCK_SECONDS),
			example: "512",
		},
		{
			flag: "blocks",
			is: "Blocks found in --window-hours: the observed hashrate.",
			kind: "whole",
			from: 1,
			to: 1e6,
			example: "164",
		},
		{
			flag: "window-hours",
			is: "Hours in which the blocks were found.",
			...POSITIVE,
			otherwise: "24",
			example: "24",
		},
	],
	run: (given) => {
		const exact = difficultyOf(given);
		if (exact === undefined) throw given.missing(["difficulty", "nbits"]);
		const blocks = given.exact("blocks");
		const hashes =
			blocks === undefined
				? impliedNetworkHashrate(exact, given.needExact("block-seconds"))
				: observedNetworkHashrate(exact, blocks, times(given.needExact("window-hours"), rational(3_600n)));
		return {
			formulaVersion: CHAIN_FORMULAS,
			networkHashrateHashesPerSecond: toNumber(hashes),
			networkHashrateGigahashesPerSecond: toNumber(over(hashes, exactly(1e9))),
			networkHashrateTerahashesPerSecond: toNumber(over(hashes, exactly(1e12))),
			networkHashrateExahashesPerSecond: toNumber(over(hashes, exactly(1e18))),
			standardDeviationRatio: blocks === undefined ? undefined : 1 / Math.sqrt(toNumber(blocks)),
		};
	},
};

const halving: Calculation = {
	name: "halving",
	about: "hashprice after the next halving: the fees stay, so it is more than half",
	options: [
		{
			flag: "hashprice-usd-per-ph-day",
			is: "Hashprice before, USD per PH/s and day.",
			...POSITIVE,
			example: "108.6",
			required: true,
		},
		{ flag: "subsidy-btc", is: "Subsidy before, BTC.", above: 0, to: 50, example: "6.25", required: true },
		{
			flag: "fees-btc",
			is: "Mean fees of a block, BTC.",
			from: 0,
			to: 1_000,
			example: "0.136",
			required: true,
		},
	],
	run: (given) => ({
		formulaVersion: CHAIN_FORMULAS,
		hashpriceUsdPerPetahashPerSecondDay: toNumber(
			hashpriceAfterHalving(
				given.needExact("hashprice-usd-per-ph-day"),
				given.needExact("subsidy-btc"),
				given.needExact("fees-btc"),
			),
		),
		halfOfHashpriceUsdPerPetahashPerSecondDay: given.need("hashprice-usd-per-ph-day") / 2,
	}),
};

const feeShare: Calculation = {
	name: "fee-share",
	about: "share of a block's reward that is fees",
	options: CHAIN_OPTIONS.filter(({ flag }) =>
		["height", "subsidy-btc", "fees-btc", "total-fees-sats", "fee-blocks", "fee-share"].includes(flag),
	),
	run: (given) => {
		const reward = rewardOf(given);
		if (reward?.fees === undefined) throw given.missing(["height", "subsidy-btc"]);
		if (reward.reward.numerator === 0n)
			throw given.refused("There is neither a subsidy nor a fee", {
				allowed: "A share needs a reward, for example --fees-btc 0.02",
			});
		const ratio = toNumber(over(reward.fees, reward.reward));
		return {
			formulaVersion: CHAIN_FORMULAS,
			feeShareRatio: ratio,
			feeSharePercent: ratio * 100,
			feesSatsPerBlock: toNumber(reward.fees),
			blockRewardBitcoin: toNumber(over(reward.reward, SATOSHIS)),
		};
	},
};

const share: Calculation = {
	name: "share",
	about: "what one share of a pool is worth under FPPS",
	options: [
		...CHAIN_OPTIONS,
		{
			flag: "share-difficulty",
			is: "Difficulty of the share.",
			...POSITIVE,
			example: "1000000",
			required: true,
		},
		{
			flag: "pool-fee",
			is: "Share of the revenue the pool keeps.",
			kind: "ratio",
			otherwise: "0",
			example: "0.02",
		},
	],
	run: (given) => {
		const exact = difficultyOf(given);
		const reward = rewardOf(given);
		if (exact === undefined) throw given.missing(["difficulty", "nbits"]);
		if (reward === undefined) throw given.missing(["block-reward-btc", "height"]);
		const gross = shareValueSatoshis(given.needExact("share-difficulty"), exact, reward.reward);
		const net = times(gross, minus(rational(1n), given.needExact("pool-fee")));
		const price = given.exact("btc-usd");
		return {
			formulaVersion: CHAIN_FORMULAS,
			shareValueSats: toNumber(net),
			shareValueUsd: price === undefined ? undefined : toNumber(over(times(net, price), SATOSHIS)),
			shareValueBeforeFeeSats: toNumber(gross),
		};
	},
};

function numberOf(value: Rational | undefined): number | undefined {
	return value === undefined ? undefined : toNumber(value);
}

export const CHAIN_CALCULATIONS: readonly Calculation[] = [
	hashprice,
	difficulty,
	subsidy,
	supply,
	blockReward,
	epoch,
	retarget,
	networkHashrate,
	halving,
	feeShare,
	share,
];
