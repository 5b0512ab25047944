/**
 * Innosilicon and DragonMint: the web interface's API, and port 4028 of older units. Data and pure layout.
 *
 * "MHS" is MH/s, except on Equihash units (A9), which write Sol/s or, newer, millions of Sol/s into it, and on Ethash
 * ones (A10, A11), which write H/s. Fans are known by their duty only. Old units write STATS0, STATS1, … where others
 * have a list.
 */
import { type Driver, defineDriver, type Parsed, SLOW_FACTS_SECONDS } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, poolFacts, shareReads } from "./kit/cgminer.js";
import { fanParts, fansOf } from "./kit/fans.js";
import { boardRateReads, NOT_SHA256, rateIn, rateReads, ratesOf, sumOf } from "./kit/rates.js";
import {
	type AnyRecord,
	at,
	firstOf,
	numbered,
	numberOf,
	present,
	recordOf,
	recordsOf,
	textOf,
} from "./kit/reading.js";
import { optionalRpc, rareRpc, slowRpc } from "./kit/requests.js";
import { celsius, megahertz, millivolts, percent, seconds, watts } from "./kit/vendor-units.js";

const SESSION = { method: "POST", path: "/api/auth", body: "username={user}&password={password}" } as const;

const api = (method: "GET" | "POST", path: string) =>
	({
		over: "http",
		method,
		port: 80,
		path: `/api/${path}`,
		...(method === "POST" ? ({ body: "" } as const) : {}),
		login: "session",
		session: SESSION,
		format: "json",
		optional: true,
	}) as const;

const boardReads = {
	...boardRateReads,
	boardTemperatureCelsius: { at: ["boardTemperature"], unit: celsius, absent: [0] },
	chipTemperatureCelsius: { at: ["chipTemperature"], unit: celsius, absent: [0] },
	chipCount: { at: ["chips"] },
	sharesAccepted: { at: ["Accepted"] },
	sharesRejected: { at: ["Rejected"] },
	hardwareErrors: { at: ["Hardware Errors"] },
	frequencyMegahertz: { at: ["frequency"], unit: megahertz, absent: [0] },
	coreVoltageVolts: { at: ["Voltage Avg"], unit: millivolts, absent: [0] },
} as const;

const reads = {
	...rateReads,
	sharesAccepted: { at: ["poolList", "*", "Accepted"], of: "sum" },
	sharesRejected: { at: ["poolList", "*", "Rejected"], of: "sum" },
	sharesStale: { at: ["poolList", "*", "Stale"], of: "sum" },
	activePoolCount: shareReads.activePoolCount,
	poolState: shareReads.poolState,
	hardwareErrors: { at: ["boards", "*", "Hardware Errors"], of: "sum" },
	powerWatts: { at: ["power"], unit: watts, absent: [0] },
	fanDutyRatio: { at: ["fanDuty"], unit: percent },
	minerUptimeSeconds: { at: ["uptime"], unit: seconds },
	operatingState: { at: ["state"], words: OUR_STATES },
} as const;

const shared = {
	kind: "miner",
	grade: "recorded",
	power: { source: "reported", boundary: "wall" },
} as const;

export const innosilicon = defineDriver({
	...shared,
	name: "innosilicon",
	title: "Innosilicon and DragonMint, web",
	makes: ["Innosilicon", "DragonMint"],
	models: ["T1 to T3+", "A4 to A11", "S11", "D9"],
	firmwares: ["2018 to 2022"],
	source: "the API's answers of DragonMint T1; names of getAll from clients' sources",
	requests: {
		summary: api("POST", "summary"),
		all: api("POST", "getAll"),
		/** As the first DragonMints were asked. */
		summaryRead: { ...api("GET", "summary") },
		overview: { ...api("POST", "overview"), rarely: true },
		errors: { ...api("POST", "getErrorDetail"), everySeconds: SLOW_FACTS_SECONDS },
	},
	atLeastOne: ["summary", "summaryRead", "all"],
	recognises: ({ page, web }) =>
		/DragonMint|innosilicon|Innominer/i.test(web) ||
		(/"DEVS"/.test(page("/api/summary")) && /"HARDWARE"|"hashrates"/.test(page("/api/summary"))) ||
		/"total_hash"/.test(page("/api/getAll")),
	layOut: layOutWeb,
	identity: {
		make: { at: [["make"]] },
		model: { at: [["model"]] },
		firmware: {
			at: [
				["overview", "version", "build_date"],
				["overview", "version", "platform_v"],
				["all", "all", "version"],
			],
		},
		mac: {
			at: [
				["all", "all", "mac"],
				["overview", "version", "ethaddr"],
			],
		},
		algorithm: { at: [["algorithm"]] },
	},
	reads,
	components: [boardParts(boardReads), fanParts],
	errorCodes: [["errorCode"]],
	caveats: [
		"Power only on firmware whose `getAll` has it.",
		"Fans are known by their duty only, never by their speed.",
	],
});

/** By the first letters of the model. */
const ALGORITHMS: readonly (readonly [RegExp, string])[] = [
	[/^(?:D?T\d|TERMINATOR)/, "sha256"],
	[/^(?:A4|A6|LTC)/, "scrypt"],
	[/^A5/, "x11"],
	[/^A8/, "cryptonight"],
	[/^A9/, "equihash"],
	[/^A1[01]/, "ethash"],
	[/^D9/, "blake256r14"],
	[/^S11/, "blake2bsia"],
	[/^G32/, "cuckatoo32"],
];

function algorithmOf(model: string | undefined): string | undefined {
	const short = model?.toUpperCase().replace(/^(?:INNOSILICON|DRAGONMINT)[\s_-]*/, "");
	return ALGORITHMS.find(([pattern]) => pattern.test(short ?? ""))?.[1];
}

/** No A9 reaches 1,000 MSol/s or falls below 1,000 Sol/s, so the size of a number tells its unit. */
const EQUIHASH_SOLS_FROM = 1_000;
/** Beside "Hash Rate H", in H/s, a number of MH/s is a millionth; above a thousandth it is H/s too (A10, A11). */
const HASHES_BESIDE = 1e3;

function megahashes(
	record: AnyRecord | undefined,
	key: string,
	algorithm: string | undefined,
): number | undefined {
	const number = numberOf(at(record, key));
	if (number === undefined) return undefined;
	const inHashes = numberOf(at(record, "Hash Rate H")) ?? 0;
	const isInHashes =
		(inHashes > 0 && number * HASHES_BESIDE > inHashes) ||
		(algorithm === "equihash" && number >= EQUIHASH_SOLS_FROM);
	return isInHashes ? number : rateIn(number, 1e6);
}

function ratesIn(record: AnyRecord | undefined, algorithm: string | undefined) {
	const rate = (key: string) => megahashes(record, key, algorithm);
	const inHashes = rateIn(at(record, "Hash Rate H"), 1);
	const now = rate("MHS 5s");
	const minute = now ?? inHashes ?? rate("Hash Rate") ?? rate("MHS 1m");
	return {
		now: minute,
		window: now !== undefined ? 5 : inHashes === undefined && rate("MHS 1m") === minute ? 60 : undefined,
		oneMinute: rate("MHS 1m"),
		fiveMinutes: rate("MHS 5m"),
		fifteenMinutes: rate("MHS 15m"),
		average: rate("MHS av"),
	};
}

/** What the chains of the A9 to A11 are called, none of which mines Bitcoin; no model. */
const HLT = /^HLT\d*$/i;

function layOutWeb(answers: Parsed): Parsed {
	const summary = recordOf(answers["summary"]) ?? recordOf(answers["summaryRead"]);
	const all = recordOf(at(answers, "all", "all")) ?? recordOf(answers["all"]);
	const devs = recordsOf(firstOf([at(summary, "DEVS"), at(all, "chain")]));
	const chain = textOf(at(devs[0], "Name"));
	const isHlt = chain !== undefined && HLT.test(chain);
	const model = textOf(
		firstOf([
			at(answers, "overview", "type"),
			at(all, "type"),
			isHlt ? undefined : chain,
			at(summary, "type"),
		]),
	);
	const algorithm = algorithmOf(model);
	const kind = algorithm ?? (isHlt ? NOT_SHA256 : undefined);
	const list = devs.map((dev) => ratesIn(dev, algorithm));
	const total = ratesIn(recordOf(at(all, "total_hash")), algorithm);
	const sum = (key: keyof typeof total) => sumOf(list.map((rates) => rates[key]));
	const now = sum("now") ?? total.now;
	const error = numberOf(at(answers, "errors", "code"));
	return present({
		make: /^DT1/.test(model ?? "") ? "DragonMint" : "Innosilicon",
		model: model?.replace(/^DT1$/, "T1"),
		algorithm,
		rates: ratesOf(kind, {
			now,
			window: list[0]?.window,
			oneMinute: sum("oneMinute"),
			fiveMinutes: sum("fiveMinutes"),
			fifteenMinutes: sum("fifteenMinutes"),
			average: sum("average") ?? total.average,
		}),
		boards: devs.map((dev, place) => ({
			...dev,
			slot: textOf(firstOf([at(dev, "ASC"), at(dev, "ID")])) ?? String(place),
			rates: ratesOf(kind, list[place] ?? {}),
			boardTemperature: firstOf([at(dev, "Temperature"), at(dev, "Temp min"), at(dev, "Temp")]),
			chipTemperature: at(dev, "Temp max"),
			chips: at(dev, "Num active chips"),
			frequency: at(dev, "PLL"),
		})),
		poolList: recordsOf(firstOf([at(summary, "POOLS"), at(all, "pools")])),
		poolFacts: poolFacts(summary),
		power: at(all, "power"),
		fanDuty: firstOf([at(summary, "HARDWARE", "Fan duty"), at(all, "fansSpeed")]),
		uptime: firstOf([at(devs[0], "Device Elapsed"), at(all, "uptime")]),
		state: now === undefined ? undefined : now > 0 ? "mining" : "idle",
		errorCode: error === undefined || error === 0 ? undefined : String(error),
	});
}

export const innosiliconRpc = defineDriver({
	...shared,
	name: "innosilicon-rpc",
	title: "Innosilicon, RPC",
	makes: ["Innosilicon"],
	models: ["A4 to A10", "T1 to T3"],
	firmwares: ["sgminer 4.4.2", "cgminer 4.10", "innominer"],
	source: "RPC answers of an A9; names of newer replies from clients' sources",
	requests: {
		stats: optionalRpc("stats"),
		summary: optionalRpc("summary"),
		devs: optionalRpc("devs"),
		pools: slowRpc("pools"),
		version: rareRpc("version"),
		/** The supply's watts stand on the web interface alone. */
		all: api("POST", "getAll"),
	},
	atLeastOne: ["stats", "summary", "devs"],
	recognises: ({ rpc }) =>
		/INNOMINER|INNOSILICON/.test(rpc) || /"STATS0"\s*:\s*\[|"NUM ACTIVE CHIPS"/.test(rpc),
	layOut: layOutRpc,
	identity: {
		make: "Innosilicon",
		model: { at: [["model"]] },
		firmware: { at: [["firmware"]] },
		algorithm: { at: [["algorithm"]] },
	},
	reads,
	components: [boardParts(boardReads), fanParts],
	caveats: [
		"Equihash units write Sol/s into the MHS fields; a number from 1,000 on is taken as that.",
		"A unit whose answers hold STATS0, STATS1, … and name no model is an A9.",
	],
});

/** Others' boards on the same firmware; no answer tells the two makes apart. */
export const honorKnight: Driver = {
	...innosiliconRpc,
	name: "honorknight",
	title: "Honor Knight and Aixin",
	makes: ["Honor Knight", "Aixin"],
	models: ["Honor Knight K1, K3", "Aixin A1"],
	firmwares: ["cgminer 4.10"],
	source: "names of the answers from clients' sources",
	grade: "documented",
	recognises: ({ rpc }) => /"ID"\s*:\s*"IT1\d"/.test(rpc),
	identity: { firmware: { at: [["firmware"]] }, algorithm: { at: [["algorithm"]] } },
	caveats: ["No make is claimed: both write the same answers.", "No power."],
};

/** What only the web interface says of a chain, its rate and heat, under the same number. */
function withChain(entry: AnyRecord, place: number, chains: readonly AnyRecord[]): AnyRecord {
	const slot = slotOf(entry, place);
	return { ...chains.find((chain, index) => slotOf(chain, index) === slot), ...entry };
}

/** STATS as a list, or STATS0, STATS1, … each with a list of one. */
function gathered(answer: unknown, name: string): readonly AnyRecord[] {
	const record = recordOf(answer);
	if (record === undefined) return [];
	return Object.keys(record)
		.filter((key) => key.startsWith(name) && /^\d*$/.test(key.slice(name.length)))
		.flatMap((key) => recordsOf(record[key]));
}

function saidBy(answers: Parsed, name: string): unknown {
	return at(answers, name, "STATUS", 0, "Description");
}

/** What the driver calls its chains, or the firmware itself, where no answer names the model: "HLT0", "a9-1.2.0". */
const A9 = /^(?:HLT\d|A9-)/i;
/** Chains of Aixin A1 and Honor Knight, which both mine Bitcoin. */
const IT1 = /^IT1\d$/;

/** An A9 of newer firmware writes what its chains could do; where their sum is far from the total, it is left out. */
const BOARDS_TIMES_MOST = 3;

type Rates = ReturnType<typeof ratesIn>;

function boardRates(boards: readonly Rates[], total: Rates): readonly Rates[] {
	const sum = sumOf(boards.map(({ now, average }) => now ?? average)) ?? 0;
	const whole = total.now ?? total.average ?? 0;
	return whole > 0 && sum > BOARDS_TIMES_MOST * whole ? [] : boards;
}

/** By their speed where it is told, else by how hard each board drives its own. */
function fansIn(boards: readonly AnyRecord[]): readonly AnyRecord[] {
	const turning = fansOf(numbered(boards[0] ?? {}, /^Fan(\d+) rpm$/));
	if (turning.length > 0) return turning.map((fan) => ({ ...fan, percent: at(boards[0], "Fan duty") }));
	return boards
		.map((board, place) => ({ slot: slotOf(board, place), percent: at(board, "Fan duty") }))
		.filter(({ percent: duty }) => duty !== undefined);
}

function slotOf(board: AnyRecord, place: number): string {
	return textOf(firstOf([at(board, "Chain ID"), at(board, "ASC"), at(board, "STATS")])) ?? String(place);
}

function layOutRpc(answers: Parsed): Parsed {
	const stats = gathered(answers["stats"], "STATS");
	const devs = gathered(answers["devs"], "DEVS");
	const version = gathered(answers["version"], "VERSION")[0];
	const summary = gathered(answers["summary"], "SUMMARY")[0];
	const pools = ["POOL", "POOLS"]
		.flatMap((name) => gathered(answers["pools"], name))
		.filter((pool) => at(pool, "URL") !== undefined);
	const software = textOf(firstOf(["stats", "summary", "devs"].map((name) => saidBy(answers, name)))) ?? "";
	const isOld = recordOf(answers["stats"]) !== undefined && at(answers, "stats", "STATS0") !== undefined;
	const chain = textOf(at(stats[0], "ID")) ?? "";
	const isA9 = isOld || [chain, textOf(at(version, "CGMiner")) ?? ""].some((word) => A9.test(word));
	const model = textOf(firstOf([at(version, "Type"), at(devs[0], "Name")])) ?? (isA9 ? "A9" : undefined);
	const algorithm = algorithmOf(model) ?? (IT1.test(chain) ? "sha256" : undefined);
	const kind = algorithm ?? (isOld || /^sgminer/i.test(software) ? NOT_SHA256 : undefined);
	const found = stats.filter((entry) =>
		["Num chips", "Chain ID"].some((key) => at(entry, key) !== undefined),
	);
	const all = recordOf(at(answers, "all", "all")) ?? recordOf(answers["all"]);
	const chains = recordsOf(at(all, "chain"));
	const list = (found.length > 0 ? found : devs).map((entry, place) => withChain(entry, place, chains));
	const total = {
		...ratesIn(recordOf(at(all, "total_hash")), algorithm),
		...present(ratesIn(summary, algorithm)),
	};
	const rates = boardRates(
		list.map((entry) => ratesIn(entry, algorithm)),
		total,
	);
	const sum = (key: keyof typeof total) => total[key] ?? sumOf(rates.map((one) => one[key]));
	const now = sum("now");
	return present({
		model,
		algorithm,
		firmware: firstOf([at(version, "Miner"), software]),
		rates: ratesOf(kind, {
			now,
			window: total.window ?? rates[0]?.window,
			oneMinute: sum("oneMinute"),
			fiveMinutes: sum("fiveMinutes"),
			average: sum("average"),
		}),
		boards: list.map((entry, place) => ({
			...entry,
			slot: slotOf(entry, place),
			rates: ratesOf(kind, rates[place] ?? {}),
			boardTemperature: firstOf(["Temp", "Temperature", "temp", "Temp min"].map((name) => at(entry, name))),
			chipTemperature: at(entry, "Temp max"),
			chips: firstOf([at(entry, "Num active chips"), at(entry, "Num chips")]),
			frequency: at(entry, "PLL"),
		})),
		power: sumOf(list.map((entry) => numberOf(at(entry, "power")))) ?? at(all, "power"),
		fanDuty: firstOf([at(list[0], "Fan duty"), at(all, "fansSpeed")]),
		fans: fansIn(list),
		uptime: firstOf([at(summary, "Elapsed"), at(stats[0], "Elapsed")]),
		poolList: pools,
		poolFacts: poolFacts({ POOLS: pools }),
		state: now === undefined ? undefined : now > 0 ? "mining" : "idle",
	});
}
