/**
 * Antminer with Bitmain's own firmware, S9 (2016) to S21 (2026), altcoin models too: what to ask on port
 * 4028 and on the web interface, and where each value stands. Data and pure layout; no I/O.
 *
 * Three generations of one answer:
 *   format 1  stats: tempN (board), temp2_N (chip), chains 6 to 8 of 16 slots        S9, L3+, D3
 *   format 2  stats: temp_pcbN and temp_chipN lists such as "45-47-60-61"            S17, S19, S21
 *   web       stats.cgi: chain[] with lists, rate_unit, on newer firmware watt       S19 on
 *
 * "GHS" is GH/s for SHA-256 only: scrypt, X11 and Ethash models write MH/s in it, Equihash models Sol/s
 * or kSol/s. So the algorithm comes first, and other algorithms go to rows of their own.
 */

import { defineDriver, type Parsed, type Reads, SLOW_FACTS_SECONDS } from "./driver.js";
import { OUR_STATES, poolFacts, sensorReads, shareReads } from "./kit/cgminer.js";
import {
	type AnyRecord,
	at,
	columns,
	firstOf,
	numbered,
	numberOf,
	present,
	recordOf,
	recordsOf,
	textOf,
} from "./kit/reading.js";
import {
	celsius,
	hashesPerSecond,
	megahertz,
	otherHashesPerSecond,
	revolutionsPerMinute,
	seconds,
	watts,
} from "./kit/vendor-units.js";

const rateReads = {
	hashrateTerahashesPerSecond: { at: ["rates", "sha256", "now"], unit: hashesPerSecond },
	hashrateWindowSeconds: { at: ["rates", "sha256", "window"], unit: seconds },
	hashrateThirtyMinutesTerahashesPerSecond: {
		at: ["rates", "sha256", "thirtyMinutes"],
		unit: hashesPerSecond,
	},
	hashrateAverageTerahashesPerSecond: { at: ["rates", "sha256", "average"], unit: hashesPerSecond },
	hashrateNominalTerahashesPerSecond: {
		at: ["rates", "sha256", "ideal"],
		unit: hashesPerSecond,
		absent: [0],
	},
	hashrateNameplateTerahashesPerSecond: {
		at: ["rates", "sha256", "sale"],
		unit: hashesPerSecond,
		absent: [0],
	},
	otherAlgorithmHashrateHashesPerSecond: { at: ["rates", "other", "now"], unit: otherHashesPerSecond },
	otherAlgorithmHashrateAverageHashesPerSecond: {
		at: ["rates", "other", "average"],
		unit: otherHashesPerSecond,
	},
	otherAlgorithmHashrateNominalHashesPerSecond: {
		at: ["rates", "other", "ideal"],
		unit: otherHashesPerSecond,
		absent: [0],
	},
} as const satisfies Reads;

export const antminer = defineDriver({
	name: "antminer",
	kind: "miner",
	title: "Antminer, Bitmain firmware",
	makes: ["Bitmain"],
	models: [
		"S9",
		"S17",
		"S19",
		"S21",
		"T9 to T21",
		"L3+ to L9",
		"D3 to D9",
		"Z9 to Z15",
		"KS3 to KS7",
		"hydro and immersion variants",
	],
	firmwares: ["2016 to 2026"],
	source:
		"RPC and CGI answers of S9, L3+, S9k, S17, S17+, S19, S19j Pro, S21, S21 XP Hyd, S21 Pro+, S21j XP Hyd, KS5 Pro, KS7, Z15",
	grade: "recorded",
	requests: {
		stats: { over: "cgminer", port: 4028, send: '{"command":"stats"}', format: "json" },
		summary: {
			over: "cgminer",
			port: 4028,
			send: '{"command":"summary"}',
			format: "json",
			optional: true,
			everySeconds: SLOW_FACTS_SECONDS,
		},
		pools: {
			over: "cgminer",
			port: 4028,
			send: '{"command":"pools"}',
			format: "json",
			optional: true,
			everySeconds: SLOW_FACTS_SECONDS,
		},
		version: {
			over: "cgminer",
			port: 4028,
			send: '{"command":"version"}',
			format: "json",
			optional: true,
			rarely: true,
		},
		statsCgi: {
			over: "http",
			port: 80,
			path: "/cgi-bin/stats.cgi",
			login: "digest",
			format: "json",
			optional: true,
		},
		summaryCgi: {
			over: "http",
			port: 80,
			path: "/cgi-bin/summary.cgi",
			login: "digest",
			format: "json",
			optional: true,
			everySeconds: SLOW_FACTS_SECONDS,
		},
		minerConf: {
			over: "http",
			port: 80,
			path: "/cgi-bin/get_miner_conf.cgi",
			login: "digest",
			format: "json",
			optional: true,
			everySeconds: SLOW_FACTS_SECONDS,
		},
		systemInfo: {
			over: "http",
			port: 80,
			path: "/cgi-bin/get_system_info.cgi",
			login: "digest",
			format: "json",
			optional: true,
			rarely: true,
		},
		networkInfo: {
			over: "http",
			port: 80,
			path: "/cgi-bin/get_network_info.cgi",
			login: "digest",
			format: "json",
			optional: true,
			rarely: true,
		},
	},
	recognises: ({ rpc, web }) =>
		/"TYPE"\s*:\s*"ANTMINER/.test(rpc) ||
		/realm="?antMiner Configuration/i.test(web) ||
		/"GHS 5S"\s*:/.test(rpc),
	layOut: layOutAntminer,
	identity: {
		make: "Bitmain",
		model: { at: [["model"]] },
		firmware: {
			at: [
				["systemInfo", "system_filesystem_version"],
				["stats", "STATS", "*", "CompileTime"],
				["version", "VERSION", "*", "CompileTime"],
				["statsCgi", "INFO", "CompileTime"],
				["summaryCgi", "INFO", "CompileTime"],
			],
		},
		serial: {
			at: [
				["systemInfo", "serinum"],
				["systemInfo", "serial_no"],
			],
		},
		mac: {
			at: [
				["networkInfo", "macaddr"],
				["systemInfo", "macaddr"],
			],
		},
		hostname: {
			at: [
				["systemInfo", "hostname"],
				["networkInfo", "conf_hostname"],
			],
		},
		algorithm: { at: [["algorithm"]] },
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...rateReads,
		...shareReads,
		hardwareErrors: [
			{ at: ["summaryRecord", "Hardware Errors"] },
			{ at: ["summaryCgi", "SUMMARY", 0, "hw_all"] },
			{ at: ["values", "no_matching_work"] },
		],
		powerWatts: { at: ["web", "watt"], unit: watts, absent: [0] },
		ambientTemperatureCelsius: { at: ["web", "ambient_temp"], unit: celsius },
		minerUptimeSeconds: [
			{ at: ["values", "Elapsed"], unit: seconds },
			{ at: ["summaryRecord", "Elapsed"], unit: seconds },
			{ at: ["web", "elapsed"], unit: seconds },
			{ at: ["summaryCgi", "SUMMARY", 0, "elapsed"], unit: seconds },
		],
		operatingState: { at: ["state"], words: OUR_STATES },
		workMode: { at: ["minerConf", "bitmain-work-mode"] },
		boardCount: { at: ["boardCount"] },
		boardSlotCount: [{ at: ["values", "miner_count"] }, { at: ["web", "chain_num"] }],
		chipCount: { at: ["chipCount"] },
		frequencyMegahertz: [
			{ at: ["values", "total_freqavg"], unit: megahertz, absent: [0] },
			{ at: ["values", "frequency"], unit: megahertz, absent: [0] },
			{ at: ["boards", "*", "frequency"], unit: megahertz, of: "mean" },
		],
	},
	components: [
		{
			part: "board",
			each: ["boards"],
			key: ["slot"],
			reads: {
				hashrateTerahashesPerSecond: { at: ["rates", "sha256", "now"], unit: hashesPerSecond },
				hashrateNominalTerahashesPerSecond: {
					at: ["rates", "sha256", "ideal"],
					unit: hashesPerSecond,
					absent: [0],
				},
				otherAlgorithmHashrateHashesPerSecond: { at: ["rates", "other", "now"], unit: otherHashesPerSecond },
				otherAlgorithmHashrateNominalHashesPerSecond: {
					at: ["rates", "other", "ideal"],
					unit: otherHashesPerSecond,
					absent: [0],
				},
				chipCount: { at: ["chips"] },
				frequencyMegahertz: { at: ["frequency"], unit: megahertz },
				hardwareErrors: { at: ["hardwareErrors"] },
				chipTemperatureCelsius: { at: ["chipTemperatures", "*"], unit: celsius, of: "highest" },
				...sensorReads("chipSensor", "chipTemperatures"),
				boardTemperatureCelsius: { at: ["boardTemperatures", "*"], unit: celsius, of: "highest" },
				...sensorReads("boardSensor", "boardTemperatures"),
				inletTemperatureCelsius: { at: ["inlet", 0], unit: celsius },
				outletTemperatureCelsius: { at: ["outlet", 0], unit: celsius },
			},
		},
		{
			part: "fan",
			each: ["fans"],
			key: ["slot"],
			reads: { fanSpeedRevolutionsPerMinute: { at: ["speed"], unit: revolutionsPerMinute } },
		},
	],
	errorCodes: [["healthCodes", "*"]],
	caveats: [
		"Power only where stats.cgi has `watt` above 0 (2025 firmware on); 0 there means that the model does not measure it.",
		"Other algorithms than SHA-256 are kept apart; the unit of their rates follows the model and rate_unit.",
		"`devs` is not asked: its MHS fields hold 0 or GH/s on this firmware.",
		"A sleeping S19 says so only in get_miner_conf.cgi, which needs the web password.",
		"A fan slot at 0 rpm counts as empty unless fan_num says that a fan should turn there; hydro units have none.",
	],
});

function layOutAntminer(answers: Parsed): Parsed {
	const entries = recordsOf(at(answers, "stats", "STATS"));
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const values = entries.find((entry) => hasAny(entry, ["GHS 5s", "GHS av", "Elapsed"]));
	const isWebShape = (entry: AnyRecord) => Array.isArray(at(entry, "chain"));
	const web = recordsOf(at(answers, "statsCgi", "STATS"))[0] ?? entries.find(isWebShape);
	const webSummary = recordsOf(at(answers, "summaryCgi", "SUMMARY"))[0];
	const model = modelOf(answers, entries);
	const algorithm = algorithmOf(answers, model, summaryRecord);
	const rates = mergedRates(algorithm, [
		rpcRates(values, algorithm),
		rpcRates(summaryRecord, algorithm),
		webRates(web, algorithm),
		webRates(webSummary, algorithm),
	]);
	const boards = boardsOf(values, web, algorithm, rates);
	const chips = boards.map(({ chips: count }) => count);
	const knowsBoards = boards.length > 0 || hasChains(values) || Array.isArray(at(web, "chain"));
	return present({
		values,
		summaryRecord,
		web,
		model,
		algorithm: algorithm === UNKNOWN ? undefined : algorithm,
		rates: ratesByKind(algorithm, rates),
		boards,
		boardCount: knowsBoards ? boards.length : undefined,
		chipCount: knowsBoards ? chips.reduce((sum, count) => sum + count, 0) : undefined,
		fans: fansOf(values, web),
		state: stateOf(answers, values, rates, boards),
		healthCodes: healthCodes(webSummary),
		poolFacts: poolFacts(at(answers, "pools")),
	});
}

function hasAny(record: AnyRecord, keys: readonly string[]): boolean {
	return keys.some((key) => Object.hasOwn(record, key));
}

const CHAIN_CHIPS = "chain_acn";

function hasChains(values: AnyRecord | undefined): boolean {
	return values !== undefined && columns(values).has(CHAIN_CHIPS);
}

/** "Antminer S9\nV1.3.58", "Antminer S21 XP Hyd.", "Antminer S9 Pro (v5.1) "; a board's code is no model. */
function modelOf(answers: Parsed, entries: readonly AnyRecord[]): string | undefined {
	const said = firstOf([
		...entries.map((entry) => at(entry, "Type")),
		...recordsOf(at(answers, "version", "VERSION")).map((entry) => at(entry, "Type")),
		at(answers, "systemInfo", "minertype"),
		at(answers, "statsCgi", "INFO", "type"),
		at(answers, "summaryCgi", "INFO", "type"),
		at(answers, "stats", "INFO", "type"),
	]);
	const firstLine = textOf(said)?.split("\n")[0] ?? "";
	const model = firstLine
		.replace(/\(v[\d.]+\)/i, "")
		.replace(/[\s.]+$/, "")
		.replaceAll(/\s+/g, " ")
		.trim();
	return model === "" || /\bBHB\d/i.test(model) ? undefined : model;
}

const UNKNOWN = "unknown";

/** The first letters of the model's short name, longest first. */
const ALGORITHMS: readonly (readonly [RegExp, string])[] = [
	[/^(?:S|T|R)\d/, "sha256"],
	[/^L\d/, "scrypt"],
	[/^DR\d/, "blake256r14"],
	[/^D\d/, "x11"],
	[/^E\d/, "ethash"],
	[/^Z\d/, "equihash"],
	[/^KS\d/, "kheavyhash"],
	[/^KA\d/, "blake2s"],
	[/^K\d/, "eaglesong"],
	[/^HS\d/, "handshake"],
	[/^AL\d/, "blake3"],
	[/^A\d/, "blake2bsia"],
	[/^B\d/, "tensority"],
	[/^X\d/, "randomx"],
];

function algorithmOf(answers: Parsed, model: string | undefined, summary: AnyRecord | undefined): string {
	const said = textOf(at(answers, "systemInfo", "Algorithm"));
	if (said !== undefined) {
		const name = said.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
		return name.startsWith("sha256") ? "sha256" : name;
	}
	const short = model?.replace(/^antminer\s*/i, "").toUpperCase() ?? "";
	const known = ALGORITHMS.find(([pattern]) => pattern.test(short));
	if (known !== undefined) return known[1];
	return contradictsSha256(summary) ? UNKNOWN : "sha256";
}

/**
 * Without a model, the work counter tells: "Total MH" over "Elapsed" is a thousand times "GHS av" where
 * GHS means GH/s, and about once where it means MH/s or Sol/s.
 */
function contradictsSha256(summary: AnyRecord | undefined): boolean {
	const work = numberOf(at(summary, "Total MH"));
	const elapsed = numberOf(at(summary, "Elapsed"));
	const average = numberOf(at(summary, "GHS av"));
	if (!work || !elapsed || !average) return false;
	const ratio = work / elapsed / average;
	return ratio < 100 || ratio > 10_000;
}

type Rates = {
	readonly now?: number;
	readonly average?: number;
	readonly thirtyMinutes?: number;
	readonly ideal?: number;
	readonly sale?: number;
};

const RATE_UNITS: Readonly<Record<string, number>> = {
	H: 1,
	KH: 1e3,
	MH: 1e6,
	GH: 1e9,
	TH: 1e12,
	SOL: 1,
	KSOL: 1e3,
	MSOL: 1e6,
};

function statedUnit(record: AnyRecord | undefined): number | undefined {
	const name = textOf(at(record, "rate_unit"))?.toUpperCase().replace(/\/S$/, "");
	return name !== undefined && Object.hasOwn(RATE_UNITS, name) ? RATE_UNITS[name] : undefined;
}

/** No Equihash model reaches 5,000 kSol/s or falls below 5,000 Sol/s, so the size of a number tells its unit. */
const EQUIHASH_KILOSOLS_BELOW = 5_000;

function rpcUnit(algorithm: string, values: AnyRecord): number {
	if (algorithm === "sha256") return 1e9;
	const stated = statedUnit(values);
	if (stated !== undefined) return stated;
	if (algorithm === "scrypt" || algorithm === "x11" || algorithm === "ethash") return 1e6;
	if (algorithm !== "equihash") return 1e9;
	const size = Math.max(numberOf(at(values, "GHS 5s")) ?? 0, numberOf(at(values, "GHS av")) ?? 0);
	return size < EQUIHASH_KILOSOLS_BELOW ? 1e3 : 1;
}

function scaled(record: AnyRecord | undefined, keys: readonly string[], factor: number): number | undefined {
	const number = numberOf(firstOf(keys.map((key) => at(record, key))));
	return number === undefined ? undefined : number * factor;
}

function rpcRates(values: AnyRecord | undefined, algorithm: string): Rates {
	if (values === undefined) return {};
	const unit = rpcUnit(algorithm, values);
	return present({
		now: scaled(values, ["GHS 5s"], unit),
		average: scaled(values, ["GHS av"], unit),
		thirtyMinutes: scaled(values, ["rate_30m", "GHS 30m"], unit),
		ideal: scaled(values, ["total_rateideal"], unit),
	});
}

function webRates(web: AnyRecord | undefined, algorithm: string): Rates {
	if (web === undefined) return {};
	const unit = statedUnit(web) ?? rpcUnit(algorithm, web);
	return present({
		now: scaled(web, ["rate_5s"], unit),
		average: scaled(web, ["rate_avg"], unit),
		thirtyMinutes: scaled(web, ["rate_30m"], unit),
		ideal: scaled(web, ["rate_ideal"], unit),
		sale: scaled(web, ["rate_sale"], unit),
	});
}

/** The RPC answers were taken first; what they lack comes from the web interface. */
function mergedRates(algorithm: string, sources: readonly Rates[]): Rates {
	if (algorithm === UNKNOWN) return {};
	const first = (name: keyof Rates) => sources.find((rates) => rates[name] !== undefined)?.[name];
	return present({
		now: first("now"),
		average: first("average"),
		thirtyMinutes: first("thirtyMinutes"),
		ideal: first("ideal"),
		sale: first("sale"),
	});
}

/** Where the algorithm is unknown, the text under "now" becomes a counted fault instead of a wrong number. */
function ratesByKind(algorithm: string, rates: Rates | undefined): AnyRecord {
	if (algorithm === UNKNOWN) return { sha256: { now: "of an unknown algorithm" } };
	if (algorithm !== "sha256") return { other: rates };
	return { sha256: rates?.now === undefined ? rates : { ...rates, window: 5 } };
}

type Board = {
	readonly slot: string;
	readonly chips: number;
	readonly chipTemperatures: readonly unknown[];
} & AnyRecord;

/** Chains with chips, RPC and web joined by slot: the web counts from 0, the RPC from 1. */
function boardsOf(
	values: AnyRecord | undefined,
	web: AnyRecord | undefined,
	algorithm: string,
	total: Rates,
): readonly Board[] {
	const rpc = values === undefined ? new Map<number, AnyRecord>() : rpcBoards(values, algorithm, total);
	const joined = webBoards(web, algorithm);
	const slots = [...new Set([...rpc.keys(), ...joined.keys()])].sort((one, other) => one - other);
	return slots.flatMap((slot) => {
		const board: AnyRecord = {
			...present(joined.get(slot) ?? {}),
			...present(rpc.get(slot) ?? {}),
			...temperaturesOf(joined.get(slot), rpc.get(slot)),
			rates: joinedRates(joined.get(slot), rpc.get(slot)),
		};
		const chips = numberOf(at(board, "chips")) ?? 0;
		if (chips <= 0) return [];
		return [{ ...board, slot: String(slot), chips, chipTemperatures: listAt(board, "chipTemperatures") }];
	});
}

function listAt(record: AnyRecord, key: string): readonly unknown[] {
	const list = record[key];
	return Array.isArray(list) ? list : [];
}

/** The RPC's rate with the web's ideal, where each has only one. */
function joinedRates(web: AnyRecord | undefined, rpc: AnyRecord | undefined): AnyRecord {
	const kinds = ["sha256", "other"].map((kind) => [
		kind,
		{ ...recordOf(at(web, "rates", kind)), ...recordOf(at(rpc, "rates", kind)) },
	]);
	return Object.fromEntries(kinds);
}

/** The web interface shows every sensor, the RPC of some models a mixture: the web's list leads. */
function temperaturesOf(web: AnyRecord | undefined, rpc: AnyRecord | undefined): AnyRecord {
	const list = (key: string) => {
		const said = listAt(web ?? {}, key);
		return said.length > 0 ? said : listAt(rpc ?? {}, key);
	};
	return { chipTemperatures: list("chipTemperatures"), boardTemperatures: list("boardTemperatures") };
}

/** "45-47-60-61", with negatives "2--1-20-22"; "-" is an empty slot. */
function dashList(value: unknown): readonly number[] {
	if (typeof value !== "string") return [];
	return (value.slice(0, 256).match(/(?<=^|-)-?\d+(?:\.\d+)?(?=-|$)/g) ?? []).map(Number);
}

const NO_COLUMN: ReadonlyMap<number, unknown> = new Map();
/** With and without the underscore: firmwares differ. */
const CHIP_LISTS = ["temp_chip", "temp_in_chip", "temp_in_chip_", "temp_out_chip", "temp_out_chip_"];
const BOARD_LISTS = ["temp_pcb", "temp_in_pcb", "temp_in_pcb_", "temp_out_pcb", "temp_out_pcb_"];

function rpcBoards(values: AnyRecord, algorithm: string, total: Rates): Map<number, AnyRecord> {
	const rates = boardRates(values, algorithm, total);
	const boards = new Map<number, AnyRecord>();
	const byName = columns(values);
	const column = (name: string): ReadonlyMap<number, unknown> => byName.get(name) ?? NO_COLUMN;
	const ideal = column("chain_rateideal");
	const frequencies = [column("freq_avg"), column("freq")];
	const errors = column("chain_hw");
	const chipLists = CHIP_LISTS.map(column);
	const boardLists = BOARD_LISTS.map(column);
	const chipSingles = column("temp2_");
	const boardSingles = column("temp");
	const unit = rpcUnit(algorithm, values);
	for (const [slot, value] of column(CHAIN_CHIPS)) {
		const chipTemperatures = chipLists.flatMap((list) => sensors(list.get(slot)));
		const boardTemperatures = boardLists.flatMap((list) => sensors(list.get(slot)));
		const idealRate = numberOf(ideal.get(slot));
		boards.set(slot, {
			chips: value,
			rates: kindOfRates(algorithm, rates.get(slot), idealRate === undefined ? undefined : idealRate * unit),
			frequency: frequencies.map((found) => numberOf(found.get(slot))).find((number) => number),
			hardwareErrors: errors.get(slot),
			chipTemperatures: chipTemperatures.length > 0 ? chipTemperatures : sensors(chipSingles.get(slot)),
			boardTemperatures: boardTemperatures.length > 0 ? boardTemperatures : sensors(boardSingles.get(slot)),
		});
	}
	return boards;
}

/** One sensor or a dash list of them. */
function sensors(value: unknown): readonly unknown[] {
	const number = numberOf(value);
	return number === undefined ? dashList(value) : [number];
}

function kindOfRates(algorithm: string, now: number | undefined, ideal: number | undefined): AnyRecord {
	if (algorithm === UNKNOWN) return {};
	return { [algorithm === "sha256" ? "sha256" : "other"]: present({ now, ideal }) };
}

/**
 * Newer altcoin firmware writes the boards' rates in another thousandfold than the total; the total is
 * right, so the boards follow it.
 */
function boardRates(values: AnyRecord, algorithm: string, total: Rates): Map<number, number> {
	const unit = rpcUnit(algorithm, values);
	const rates = new Map<number, number>();
	for (const { slot, value } of numbered(values, /^chain_rate(\d+)$/)) {
		const rate = numberOf(value);
		if (rate !== undefined) rates.set(slot, rate * unit);
	}
	const sum = [...rates.values()].reduce((all, rate) => all + rate, 0);
	if (algorithm === "sha256" || sum <= 0 || !total.average) return rates;
	const steps = Math.round(Math.log10(total.average / sum) / 3);
	if (steps !== 0) for (const [slot, rate] of rates) rates.set(slot, rate * 1_000 ** steps);
	return rates;
}

function webBoards(web: AnyRecord | undefined, algorithm: string): Map<number, AnyRecord> {
	const unit = web === undefined ? 1 : (statedUnit(web) ?? rpcUnit(algorithm, web));
	const boards = new Map<number, AnyRecord>();
	for (const [place, chain] of recordsOf(at(web, "chain")).entries()) {
		const list = (key: string) => {
			const found = at(chain, key);
			return Array.isArray(found) ? (found as readonly unknown[]) : dashList(found);
		};
		boards.set((numberOf(at(chain, "index")) ?? place) + 1, {
			chips: at(chain, "asic_num"),
			rates: kindOfRates(algorithm, scaled(chain, ["rate_real"], unit), scaled(chain, ["rate_ideal"], unit)),
			frequency: numberOf(at(chain, "freq_avg")) || undefined,
			hardwareErrors: at(chain, "hw"),
			chipTemperatures: list("temp_chip"),
			boardTemperatures: list("temp_pcb"),
			inlet: list("temp_in"),
			outlet: list("temp_out"),
		});
	}
	return boards;
}

function fansOf(values: AnyRecord | undefined, web: AnyRecord | undefined): readonly AnyRecord[] {
	const rpc = values === undefined ? [] : numbered(values, /^fan(\d+)$/);
	const list = at(web, "fan");
	const fromWeb = Array.isArray(list)
		? list.map((value: unknown, index) => ({ slot: index + 1, value }))
		: [];
	const fans = rpc.length > 0 ? rpc : fromWeb;
	const turning = fans.filter(({ value }) => (numberOf(value) ?? 0) > 0);
	const stopped = fans.filter(({ value }) => numberOf(value) === 0);
	const expected = numberOf(at(rpc.length > 0 ? values : web, "fan_num")) ?? 0;
	const missing = turning.length > 0 ? Math.max(0, expected - turning.length) : 0;
	return [...turning, ...stopped.slice(0, missing)]
		.sort((one, other) => one.slot - other.slot)
		.map(({ slot, value }) => ({ slot: String(slot), speed: value }));
}

/** Mode 254 is sleep on x17; x19 and x21 say it in their configuration only. */
const SLEEP_MODE = 254;
/** A chip this hot that does not hash was stopped for it. */
const STOPPED_BY_HEAT_ABOVE_CELSIUS = 90;

function stateOf(
	answers: Parsed,
	values: AnyRecord | undefined,
	rates: Rates,
	boards: readonly Board[],
): string | undefined {
	const sleeps =
		numberOf(at(values, "Mode")) === SLEEP_MODE ||
		numberOf(at(answers, "minerConf", "bitmain-work-mode")) === 1;
	if (sleeps && !rates.now) return "sleeping";
	if (rates.now === undefined) return undefined;
	if (rates.now > 0) return "mining";
	const chips = boards.flatMap(({ chipTemperatures }) => chipTemperatures.map(numberOf));
	const isHot = chips.some(
		(chip) => chip !== undefined && chip >= STOPPED_BY_HEAT_ABOVE_CELSIUS && chip <= 150,
	);
	return isHot ? "overheated" : "idle";
}

/** "temp:3 over temperature": type and code as the web interface shows them, where not "s" (success). */
function healthCodes(webSummary: AnyRecord | undefined): readonly string[] {
	return recordsOf(at(webSummary, "status"))
		.filter((entry) => (textOf(at(entry, "status")) ?? "s").toLowerCase() !== "s")
		.map((entry) =>
			[
				`${textOf(at(entry, "type")) ?? "health"}:${textOf(at(entry, "code")) ?? ""}`,
				textOf(at(entry, "msg")),
			]
				.filter((text) => text !== undefined)
				.join(" "),
		);
}
