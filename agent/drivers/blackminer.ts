/**
 * Blackminer, Hammer and VolcMiner: three makes on one firmware ("ccminer", realm "blackMiner Configuration"). Data
 * and pure layout.
 *
 *   RPC  stats: chain_acnN, chain_rateN, tempN (Hammer repeats the key for every sensor), chipTempN in text
 *   web  get_miner_status.cgi: summary, devs, pools; numbers as text with thousands commas; "ghs5s" is MH/s
 *
 * "Accepted" of the summary repeats "Rejected": shares are summed over the pools. Text behind the last real chip
 * sensor is whatever the memory held: 6300255232.00 °C.
 */
import { type Driver, defineDriver, type Parsed, type Signs, SLOW_FACTS_SECONDS } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, plainPoolFacts, poolFacts, sensorReads, shareReads } from "./kit/cgminer.js";
import { fanParts, fansOf } from "./kit/fans.js";
import { algorithmNamed, boardRateReads, NOT_SHA256, rateIn, rateReads, ratesOf } from "./kit/rates.js";
import {
	type AnyRecord,
	at,
	columns,
	firstOf,
	inSlot,
	numbered,
	numberOf,
	present,
	recordOf,
	recordsOf,
	textOf,
} from "./kit/reading.js";
import { optionalCgi as cgi } from "./kit/requests.js";
import { celsius, megahertz, seconds } from "./kit/vendor-units.js";

const rpc = (command: string) =>
	({
		over: "cgminer",
		port: 4028,
		send: `{"command":"${command}"}`,
		format: "jsonRepeating",
		optional: true,
	}) as const;

type Make = {
	readonly name: string;
	readonly make: string;
	readonly models: readonly string[];
	readonly firmwares: readonly string[];
	readonly source: string;
	/** The whole family's algorithm; a Blackminer is an FPGA and says which coin it mines. */
	readonly algorithm?: string;
	/** Which of the two answers' rates its own page shows. */
	readonly ratesFrom: "stats" | "summary";
	readonly recognises: (signs: Signs) => boolean;
};

const isType = (signs: Signs, type: RegExp) => type.test(signs.rpc) || type.test(signs.web);

function ccminer(make: Make): Driver {
	return defineDriver({
		name: make.name,
		kind: "miner",
		title: `${make.make}, its own firmware`,
		makes: [make.make],
		models: make.models,
		firmwares: make.firmwares,
		source: make.source,
		grade: "recorded",
		requests: {
			stats: rpc("stats"),
			summary: rpc("summary"),
			pools: { ...rpc("pools"), everySeconds: SLOW_FACTS_SECONDS },
			status: cgi("get_miner_status"),
			version: { ...rpc("version"), rarely: true },
			systemInfo: { ...cgi("get_system_info"), rarely: true },
			minerConf: { ...cgi("get_miner_conf"), rarely: true },
		},
		atLeastOne: ["stats", "summary", "status"],
		recognises: make.recognises,
		layOut: (answers) => layOut(answers, make),
		identity: {
			make: make.make,
			model: { at: [["model"]] },
			firmware: {
				at: [
					["identityRecord", "CompileTime"],
					["version", "VERSION", "*", "CompileTime"],
					["systemInfo", "system_filesystem_version"],
				],
			},
			mac: { at: [["systemInfo", "macaddr"]] },
			hostname: { at: [["systemInfo", "hostname"]] },
			algorithm: { at: [["algorithm"]] },
		},
		power: { source: "reported", boundary: "wall" },
		reads: {
			...rateReads,
			...shareReads,
			sharesAccepted: { at: ["poolRecords", "*", "accepted"], of: "sum" },
			sharesRejected: { at: ["poolRecords", "*", "rejected"], of: "sum" },
			sharesStale: { at: ["poolRecords", "*", "stale"], of: "sum" },
			hardwareErrors: [{ at: ["values", "no_matching_work"] }, { at: ["summaryRecord", "Hardware Errors"] }],
			boardTemperatureCelsius: { at: ["values", "temp_max"], unit: celsius, absent: [0] },
			minerUptimeSeconds: [
				{ at: ["values", "Elapsed"], unit: seconds },
				{ at: ["summaryRecord", "Elapsed"], unit: seconds },
				{ at: ["status", "summary", "elapsed"], unit: seconds },
			],
			frequencyMegahertz: [
				{ at: ["values", "frequency"], unit: megahertz, absent: [0] },
				{ at: ["boards", "*", "frequency"], unit: megahertz, of: "mean", absent: [0] },
			],
			boardCount: { at: ["boardCount"] },
			boardSlotCount: { at: ["values", "miner_count"], absent: [0] },
			operatingState: { at: ["state"], words: OUR_STATES },
		},
		components: [
			boardParts({
				...boardRateReads,
				chipCount: { at: ["chips"] },
				hardwareErrors: { at: ["hardwareErrors"] },
				frequencyMegahertz: { at: ["frequency"], unit: megahertz, absent: [0] },
				boardTemperatureCelsius: {
					at: ["boardTemperatures", "*"],
					unit: celsius,
					of: "highest",
					absent: [0],
				},
				...sensorReads("boardSensor", "boardTemperatures"),
				chipTemperatureCelsius: { at: ["chipTemperatures", "*"], unit: celsius, of: "highest" },
				...sensorReads("chipSensor", "chipTemperatures"),
			}),
			fanParts,
		],
		caveats: [
			"No firmware of this family reports power.",
			"Shares are the pools' sums: the summary writes its rejected shares under both names.",
			"The web status is asked too, since some units close port 4028; it needs the web password.",
		],
	});
}

export const volcminer = ccminer({
	name: "volcminer",
	make: "VolcMiner",
	models: ["D1", "D1 Lite", "D1 Mini", "D3"],
	firmwares: ["2025"],
	source: "RPC and CGI answers of D1",
	algorithm: "scrypt",
	ratesFrom: "summary",
	recognises: (signs) => isType(signs, /VOLCMINER|VolcMiner/),
});

export const hammer = ccminer({
	name: "hammer",
	make: "Hammer",
	models: ["D10", "D16"],
	firmwares: ["2022 to 2023"],
	source: "RPC and CGI answers of D10",
	algorithm: "scrypt",
	ratesFrom: "stats",
	recognises: (signs) => isType(signs, /"TYPE"\s*:\s*"HAMMER|HAMMER D\d|Hammer D\d/),
});

/** The wider one: what has the realm and says no other make. */
export const blackminer = ccminer({
	name: "blackminer",
	make: "HashAltcoin",
	models: ["Blackminer F1", "F1 Mini", "F1+", "F2"],
	firmwares: ["2018 to 2020"],
	source: "RPC and CGI answers of F1 Mini",
	ratesFrom: "stats",
	recognises: (signs) => isType(signs, /BLACKMINER|blackMiner Configuration|Blackminer F\d/),
});

function layOut(answers: Parsed, make: Make): Parsed {
	const entries = recordsOf(at(answers, "stats", "STATS"));
	const values = entries.find((entry) => hasChains(entry) || at(entry, "Elapsed") !== undefined);
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const status = recordOf(answers["status"]);
	const model = modelOf(answers, entries);
	const algorithm = make.algorithm ?? algorithmNamed(at(answers, "minerConf", "coin-type"));
	const kind = algorithm ?? NOT_SHA256;
	const rates = [
		rpcRates(make.ratesFrom === "stats" ? values : summaryRecord),
		rpcRates(make.ratesFrom === "stats" ? summaryRecord : values),
		webRates(recordOf(at(status, "summary"))),
	].find(({ now, average }) => now !== undefined || average !== undefined);
	const rpcBoards = values === undefined ? [] : boardsOf(values, kind);
	const boards = rpcBoards.length > 0 ? rpcBoards : webBoards(status, kind);
	const knowsBoards = values !== undefined ? hasChains(values) : Array.isArray(at(status, "devs"));
	return present({
		values,
		summaryRecord,
		identityRecord: entries.find((entry) => at(entry, "Type") !== undefined),
		model,
		algorithm,
		rates: ratesOf(kind, rates ?? {}),
		boards,
		boardCount: knowsBoards ? boards.length : undefined,
		fans: fansOf(
			numbered(values ?? status ?? {}, /^fan(\d+)$/),
			firstOf([at(values, "fan_num"), at(status, "fan_num")]),
		),
		...poolsOf(answers, status),
		state: rates?.now === undefined ? undefined : rates.now > 0 ? "mining" : "idle",
	});
}

function hasChains(entry: AnyRecord): boolean {
	return columns(entry).has("chain_acn");
}

function modelOf(answers: Parsed, entries: readonly AnyRecord[]): string | undefined {
	const said = firstOf([
		...entries.map((entry) => at(entry, "Type")),
		...recordsOf(at(answers, "version", "VERSION")).map((entry) => at(entry, "Type")),
		at(answers, "systemInfo", "minertype"),
		at(answers, "systemInfo", "hostname"),
	]);
	return textOf(said);
}

/** "MHS" and "GHS" mean what they say on this firmware. */
const RPC_RATES = [
	["MHS 5s", "MHS av", 1e6],
	["GHS 5s", "GHS av", 1e9],
	["KHS 5s", "KHS av", 1e3],
] as const;

type Found = { readonly now?: number | undefined; readonly average?: number | undefined };

function rpcRates(record: AnyRecord | undefined): Found & { readonly window?: number } {
	for (const [now, average, unit] of RPC_RATES) {
		const found = { now: rateIn(at(record, now), unit), average: rateIn(at(record, average), unit) };
		if (found.now !== undefined || found.average !== undefined) return { ...found, window: 5 };
	}
	return {};
}

function webRates(summary: AnyRecord | undefined): Found {
	return { now: rateIn(at(summary, "ghs5s"), 1e6), average: rateIn(at(summary, "ghsav"), 1e6) };
}

function boardsOf(values: AnyRecord, kind: string): readonly AnyRecord[] {
	const byName = columns(values);
	const unit = RPC_RATES.find(([now, average]) =>
		[now, average].some((key) => at(values, key) !== undefined),
	);
	const said = (name: string, slot: number) => inSlot(values, byName.get(name), slot);
	return numbered(values, /^chain_acn(\d+)$/)
		.filter(({ value }) => (numberOf(value) ?? 0) > 0)
		.map(({ slot, value: chips }) => ({
			slot: String(slot),
			chips,
			rates: ratesOf(kind, { now: rateIn(said("chain_rate", slot), unit?.[2] ?? 1e6) }),
			hardwareErrors: said("chain_hw", slot),
			frequency: said("freq", slot),
			boardTemperatures: repeated(values, `temp${slot}`).filter((value) => numberOf(value) !== 0),
			chipTemperatures: chipList(at(values, `chipTemp${slot}`)),
		}));
}

const SENSORS_MOST = 16;

/** Every value of a key that is repeated, in the order written. */
function repeated(values: AnyRecord, key: string): readonly unknown[] {
	const found: unknown[] = [];
	for (let count = 1; count <= SENSORS_MOST; count++) {
		const value = at(values, count === 1 ? key : `${key}#${count}`);
		if (value === undefined) break;
		found.push(value);
	}
	return found;
}

const CHIP_CELSIUS_MOST = 150;

/** "[67.30, 0.00, 0.00]": up to the first 0; what could be no temperature stays, to be counted. */
function chipList(value: unknown): readonly number[] {
	if (typeof value !== "string") return [];
	const numbers = (value.slice(0, 512).match(/-?\d+(?:\.\d+)?/g) ?? []).slice(0, SENSORS_MOST).map(Number);
	const end = numbers.findIndex((number) => number === 0);
	const real = end < 0 ? numbers : numbers.slice(0, end);
	return [...real, ...numbers.slice(real.length).filter((number) => Math.abs(number) > CHIP_CELSIUS_MOST)];
}

function webBoards(status: AnyRecord | undefined, kind: string): readonly AnyRecord[] {
	return recordsOf(at(status, "devs"))
		.filter((dev) => (numberOf(at(dev, "chain_acn")) ?? 0) > 0)
		.map((dev, place) => {
			const temperatures = [at(dev, "temp"), at(dev, "temp2")].flat().map(numberOf);
			return {
				slot: textOf(at(dev, "index")) ?? String(place + 1),
				chips: at(dev, "chain_acn"),
				frequency: at(dev, "freq"),
				hardwareErrors: at(dev, "hw"),
				rates: ratesOf(kind, { now: rateIn(firstOf([at(dev, "rate"), at(dev, "chain_rate")]), 1e6) }),
				boardTemperatures: temperatures.filter((number) => number !== undefined && number !== 0),
				chipTemperatures: [],
			};
		});
}

function poolsOf(answers: Parsed, status: AnyRecord | undefined): AnyRecord {
	const overRpc = recordsOf(at(answers, "pools", "POOLS"));
	if (overRpc.length > 0)
		return {
			poolFacts: poolFacts(answers["pools"]),
			poolRecords: overRpc.map((pool) => ({
				accepted: at(pool, "Accepted"),
				rejected: at(pool, "Rejected"),
				stale: at(pool, "Stale"),
			})),
		};
	const list = recordsOf(at(status, "pools"));
	const isAlive = (pool: AnyRecord) => textOf(at(pool, "status"))?.toLowerCase() === "alive";
	return { poolRecords: list, poolFacts: plainPoolFacts({ list, isAlive }) };
}
