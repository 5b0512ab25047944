/**
 * How Bitmain's stats look, on its own firmware and on others' that keep their form: RPC of format 1 and 2 and
 * the web interface's lists, laid out as one. Pure; never throws.
 *
 * "GHS" is GH/s for SHA-256 only: scrypt, X11 and Ethash models write MH/s in it, Equihash models Sol/s
 * or kSol/s. So the algorithm comes first, and other algorithms go to rows of their own.
 */
import { JOULES_PER_TERAHASH_LEAST } from "../../../shared/measurements.js";
import type { Parsed } from "../driver.js";
import {
	boardTemperaturesOf,
	chainsOf,
	chipTemperaturesOf,
	dashList,
	failedChips,
	frequencyOf,
	voltageOf,
} from "./antminer-chains.js";
import { fittedSensors, poolFacts } from "./cgminer.js";
import { rateFactor } from "./rate-units.js";
import { algorithmNamed } from "./rates.js";
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
	remembered,
	textOf,
} from "./reading.js";

export function layOutAntminer(answers: Parsed): Parsed {
	const entries = recordsOf(at(answers, "stats", "STATS"));
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const values = entries.find((entry) => hasAny(entry, ["GHS 5s", "GHS av", "Elapsed"]));
	const isWebShape = (entry: AnyRecord) => Array.isArray(at(entry, "chain"));
	const web = recordsOf(at(answers, "statsCgi", "STATS"))[0] ?? entries.find(isWebShape);
	const webSummary =
		recordsOf(at(answers, "summaryCgi", "SUMMARY"))[0] ??
		(at(summaryRecord, "rate_5s") === undefined ? undefined : summaryRecord);
	const oldWeb = recordOf(at(answers, "minerStatus"));
	const model = modelOf(answers, entries);
	const algorithm = algorithmOf(answers, model, summaryRecord);
	const kind = { algorithm, model };
	const rates = mergedRates(algorithm, [
		rpcRates(values, kind),
		rpcRates(summaryRecord, kind),
		webRates(web, kind),
		webRates(webSummary, kind),
		oldWebRates(oldWeb, kind),
	]);
	const found = withWater(boardsOf(values, web ?? oldWebShape(oldWeb), kind, rates), model, values);
	const power = powerOf(values, rates, algorithm);
	const isPlausible = at(power, "estimate") !== IMPLAUSIBLE;
	const boards = found.map((board) => {
		const watts = isPlausible ? boardWatts(values, board) : undefined;
		return watts === undefined ? board : { ...board, watts };
	});
	const chips = boards.map(({ chips: count }) => count);
	const knowsBoards = boards.length > 0 || hasChains(values) || Array.isArray(at(web, "chain"));
	return {
		values,
		summaryRecord,
		web,
		model,
		algorithm: algorithm === UNKNOWN ? undefined : algorithm,
		rates: ratesByKind(algorithm, rates),
		boards,
		boardCount: knowsBoards ? boards.length : undefined,
		slotCount: slotsOf(firstOf([at(values, "miner_count"), at(web, "chain_num")]), boards.length),
		chipCount: knowsBoards ? chips.reduce((sum, count) => sum + count, 0) : undefined,
		fans: fansOf(values, web ?? oldWebShape(oldWeb)),
		state: stateOf({ answers, values, web, rates, boards }),
		healthCodes: healthCodes(webSummary),
		power,
		oldWeb: recordOf(at(oldWeb, "summary")),
		webPools: recordsOf(
			firstOf([at(answers, "poolsCgi", "POOLS"), at(oldWeb, "pools"), at(answers, "pools", "POOLS")]),
		),
		poolFacts: poolFacts(firstOf([at(answers, "pools"), at(answers, "poolsCgi"), oldPools(oldWeb)])),
	};
}

/** An E3 counts three boards and lists nine chains, three to a board. */
function slotsOf(said: unknown, boards: number): unknown {
	return (numberOf(said) ?? boards) < boards ? undefined : said;
}

function oldPools(oldWeb: AnyRecord | undefined): AnyRecord | undefined {
	const pools = at(oldWeb, "pools");
	return pools === undefined ? undefined : { POOLS: pools };
}

function hasAny(record: AnyRecord, keys: readonly string[]): boolean {
	return keys.some((key) => Object.hasOwn(record, key));
}

function hasChains(values: AnyRecord | undefined): boolean {
	return values !== undefined && chainsOf(values).length > 0;
}

/** What other firmwares and board makers write behind a model's name. */
const BEHIND_MODEL =
	/[\s,;([]*\b(?:hiveon|vnish|blissz|asicseer|mskminer|msk|nicehash|chipless|braiins|luxos|hashmaster|pitbit|bitfufu)\b.*$|\s*[([]?\bv\.?\s?\d[\d.]*.*$|\s*\([^()]*\s\d+\.\d[^()]*\)$/i;

/** "Antminer S9\nV1.3.58", "Antminer S21 XP Hyd.", "S19-88 v.2.6.0.39 ", "Antminer S9 (vnish 3.8.6)", "Antminer T21 (Name 1.2)", "ANTMINER S21 EX"; a board's code is no model. */
function modelOf(answers: Parsed, entries: readonly AnyRecord[]): string | undefined {
	const said = firstOf([
		...entries.map((entry) => at(entry, "Type")),
		...recordsOf(at(answers, "version", "VERSION")).map((entry) => at(entry, "Type")),
		at(answers, "systemInfo", "minertype"),
		at(answers, "minerType", "miner_type"),
		at(answers, "statsCgi", "INFO", "type"),
		at(answers, "summaryCgi", "INFO", "type"),
		at(answers, "stats", "INFO", "type"),
	]);
	return modelIn(textOf(said) ?? "");
}

const modelIn = remembered((said: string): string | undefined => {
	const firstLine = said.split("\n")[0] ?? "";
	const model = firstLine
		.replace(BEHIND_MODEL, "")
		.replace(/^ANTMINER (.*?)(?: EX)?$/, "Antminer $1")
		.replace(/[\s.]+$/, "")
		.replaceAll(/\s+/g, " ")
		.trim();
	if (model === "" || /\bBHB\d/i.test(model)) return undefined;
	return /^[A-Z]{1,2}\d/i.test(model) ? `Antminer ${model}` : model;
});

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

/** Undefined where the name tells nothing. */
export function algorithmOfModel(model: string | undefined): string | undefined {
	return model === undefined ? undefined : algorithmIn(model);
}

const algorithmIn = remembered((model) => {
	const short = model.replace(/^antminer\s*/i, "").toUpperCase();
	return ALGORITHMS.find(([pattern]) => pattern.test(short))?.[1];
});

function algorithmOf(answers: Parsed, model: string | undefined, summary: AnyRecord | undefined): string {
	const said = algorithmNamed(at(answers, "systemInfo", "Algorithm"));
	if (said !== undefined) return said;
	const known = algorithmOfModel(model);
	if (known !== undefined) return known;
	if (/sol\/s$/i.test(textOf(at(summary, "RT HASHRATE")) ?? "")) return "equihash";
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
	readonly now?: number | undefined;
	readonly average?: number | undefined;
	readonly thirtyMinutes?: number | undefined;
	readonly nominal?: number | undefined;
	readonly sale?: number | undefined;
};

function statedUnit(record: AnyRecord | undefined): number | undefined {
	return rateFactor(at(record, "rate_unit"));
}

/** Sold rates of models of other algorithms, in H/s or Sol/s, the longer name first. */
const SOLD_RATES: readonly (readonly [RegExp, number])[] = [
	[/^L3\+\+/, 5.8e8],
	[/^L3/, 5.04e8],
	[/^L5/, 1.1e9],
	[/^L7/, 9.5e9],
	[/^L9/, 1.6e10],
	[/^L11/, 2e10],
	[/^D3/, 1.93e10],
	[/^D5/, 1.19e11],
	[/^D7/, 1.286e12],
	[/^D9/, 1.77e12],
	[/^E3/, 1.9e8],
	[/^E9 PRO/, 3.68e9],
	[/^E9/, 2.4e9],
	[/^E11/, 9e9],
	[/^Z9 MINI/, 1e4],
	[/^Z9/, 4.2e4],
	[/^Z11/, 1.35e5],
	[/^Z15 PRO/, 8.4e5],
	[/^Z15/, 4.2e5],
	[/^X3/, 2.2e5],
	[/^X5/, 2.12e5],
	[/^B3/, 780],
	[/^B7/, 9.6e4],
	[/^A3/, 8.15e11],
	[/^DR3/, 7.8e12],
	[/^DR5/, 3.5e13],
	[/^K5/, 1.13e12],
	[/^K7/, 6.35e13],
	[/^KA3/, 1.66e14],
	[/^HS3/, 9e12],
	[/^KS3/, 9.4e12],
	[/^KS5/, 2e13],
	[/^KS7/, 4e13],
	[/^AL1/, 1.56e13],
];

/**
 * Firmwares of one model write the same field in units a thousandfold apart. Where the usual unit gives a rate that the
 * model cannot have and another one gives about what it was sold with, it is the other.
 */
function fittedUnit(unit: number, values: AnyRecord, model: string | undefined): number {
	const short = model?.replace(/^antminer\s*/i, "").toUpperCase() ?? "";
	const sold = SOLD_RATES.find(([pattern]) => pattern.test(short))?.[1];
	const rate = Math.max(...["GHS 5s", "GHS av"].map((key) => numberOf(at(values, key)) ?? 0));
	if (sold === undefined || rate <= 0) return unit;
	const share = (candidate: number) => (rate * candidate) / sold;
	if (share(unit) > 0.01 && share(unit) < 3) return unit;
	const others = [1e-6, 1e-3, 1e3, 1e6].map((step) => unit * step);
	return others.find((candidate) => share(candidate) > 0.3 && share(candidate) < 1.5) ?? unit;
}

/** No Equihash model reaches 5,000 kSol/s or falls below 5,000 Sol/s, so the size of a number tells its unit. */
const EQUIHASH_KILOSOLS_BELOW = 5_000;

type Kind = { readonly algorithm: string; readonly model: string | undefined };

function rpcUnit({ algorithm, model }: Kind, values: AnyRecord): number {
	if (algorithm === "sha256") return 1e9;
	return fittedUnit(statedUnit(values) ?? usualUnit(algorithm, values), values, model);
}

const USUAL_UNITS: Readonly<Record<string, number>> = {
	scrypt: 1e6,
	x11: 1e6,
	ethash: 1e6,
	randomx: 1e3,
	tensority: 1,
};

function usualUnit(algorithm: string, values: AnyRecord): number {
	if (algorithm !== "equihash") return USUAL_UNITS[algorithm] ?? 1e9;
	const size = Math.max(numberOf(at(values, "GHS 5s")) ?? 0, numberOf(at(values, "GHS av")) ?? 0);
	return size < EQUIHASH_KILOSOLS_BELOW ? 1e3 : 1;
}

function scaled(record: AnyRecord | undefined, keys: readonly string[], factor: number): number | undefined {
	for (const key of keys) {
		const said = at(record, key);
		if (said === undefined || said === null || said === "") continue;
		const number = numberOf(said);
		return number === undefined ? undefined : number * factor;
	}
	return undefined;
}

function rpcRates(values: AnyRecord | undefined, kind: Kind): Rates {
	if (values === undefined) return {};
	const unit = rpcUnit(kind, values);
	return {
		now: scaled(values, ["GHS 5s"], unit),
		average: scaled(values, ["GHS av"], unit),
		thirtyMinutes: scaled(values, ["rate_30m", "GHS 30m"], unit),
		nominal: scaled(values, ["total_rateideal", "rate_ideal"], unit),
	};
}

/** The web interface states its unit; the oldest page does not. */
function webUnit(web: AnyRecord, kind: Kind): number {
	return statedUnit(web) ?? rpcUnit(kind, { "GHS 5s": at(web, "rate_5s"), "GHS av": at(web, "rate_avg") });
}

function webRates(web: AnyRecord | undefined, kind: Kind): Rates {
	if (web === undefined) return {};
	const unit = webUnit(web, kind);
	return present({
		now: scaled(web, ["rate_5s"], unit),
		average: scaled(web, ["rate_avg"], unit),
		thirtyMinutes: scaled(web, ["rate_30m"], unit),
		nominal: scaled(web, ["rate_ideal"], unit),
		sale: scaled(web, ["rate_sale"], unit),
	});
}

/** The web page of the S9 and S17 years: numbers as text, with thousands separators. */
function oldWebRates(oldWeb: AnyRecord | undefined, kind: Kind): Rates {
	const summary = recordOf(at(oldWeb, "summary"));
	if (summary === undefined) return {};
	const unit = rpcUnit(kind, { "GHS 5s": at(summary, "ghs5s"), "GHS av": at(summary, "ghsav") });
	return present({ now: scaled(summary, ["ghs5s"], unit), average: scaled(summary, ["ghsav"], unit) });
}

/** That page's boards and fans in the form of the newer one. */
function oldWebShape(oldWeb: AnyRecord | undefined): AnyRecord | undefined {
	const devs = recordsOf(at(oldWeb, "devs"));
	if (oldWeb === undefined || devs.length === 0) return undefined;
	const fans = numbered({ ...devs[0], ...oldWeb }, /^fan(\d+)$/).map(({ value }) => value);
	return {
		fan: fans,
		chain: devs.map((board, place) => ({
			index: (numberOf(at(board, "index")) ?? place + 1) - 1,
			asic_num: at(board, "chain_acn"),
			asic: at(board, "chain_acs"),
			freq_avg: firstOf([at(board, "freqavg"), at(board, "freq")]),
			rate_real: at(board, "rate"),
			hw: at(board, "hw"),
			temp_chip: oneOrMore(at(board, "temp2")),
			temp_pcb: oneOrMore(at(board, "temp")),
		})),
	};
}

function oneOrMore(value: unknown): unknown {
	return numberOf(value) === undefined ? value : [value];
}

/**
 * Hydro models of the S21 tell water among their sensors. An S21+ Hyd: first and third of the board's, where the water
 * enters and leaves; its chip is the first of temp_pic, the others there are of the board. The others, of which none
 * tells a chip: the water under the chip's name, in, out and two zeros.
 */
function withWater(
	boards: readonly Board[],
	model: string | undefined,
	values: AnyRecord | undefined,
): readonly Board[] {
	if (model === undefined || !/S21.{0,6}Hyd/i.test(model)) return boards;
	const isPlus = /S21\+ ?Hyd/i.test(model);
	return boards.map((board) => {
		const own = listAt(board, "pic");
		const pic = own.length > 0 ? own : dashList(at(values, `temp_pic${board.slot}`));
		const pcb = listAt(board, "boardTemperatures");
		const chips = board.chipTemperatures.map(numberOf);
		const hasChips = chips.some((chip) => chip);
		if (isPlus && !hasChips && pcb.length === 4 && pic.length === 4)
			return {
				...board,
				chipTemperatures: [pic[0]],
				boardTemperatures: [pcb[1], pcb[3], ...pic.slice(1)],
				inlet: [pcb[0]],
				outlet: [pcb[2]],
			};
		const [inlet, outlet, ...others] = chips;
		const isWater = chips.length === 4 && inlet && outlet && !others.some((chip) => chip);
		return isWater ? { ...board, chipTemperatures: [], inlet: [inlet], outlet: [outlet] } : board;
	});
}

/** The RPC answers were taken first; what they lack comes from the web interface. */
function mergedRates(algorithm: string, sources: readonly Rates[]): Rates {
	if (algorithm === UNKNOWN) return {};
	const first = (name: keyof Rates) => sources.find((rates) => rates[name] !== undefined)?.[name];
	return {
		now: first("now"),
		average: first("average"),
		thirtyMinutes: first("thirtyMinutes"),
		nominal: first("nominal"),
		sale: first("sale"),
	};
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
	kind: Kind,
	total: Rates,
): readonly Board[] {
	const rpc = values === undefined ? new Map<number, AnyRecord>() : rpcBoards(values, kind, total);
	if (web === undefined) return boardsInOrder(rpc);
	const joined = webBoards(web, kind, total);
	const slots = [...new Set([...rpc.keys(), ...joined.keys()])].sort((one, other) => one - other);
	return slots.flatMap((slot) => {
		const board: AnyRecord = {
			...present(joined.get(slot) ?? {}),
			...present(rpc.get(slot) ?? {}),
			...temperaturesOf(joined.get(slot), rpc.get(slot)),
			rates: joinedRates(joined.get(slot), rpc.get(slot)),
		};
		return asBoard(slot, board);
	});
}

/** A chain with chips, though none of them may work. Completes the record, which this layout made: no copy a board. */
function asBoard(slot: number, board: AnyRecord): readonly Board[] {
	const chips = numberOf(at(board, "chips")) ?? 0;
	if (chips <= 0) return [];
	const chipTemperatures = fittedSensors(listAt(board, "chipTemperatures"));
	const boardTemperatures = fittedSensors(listAt(board, "boardTemperatures"));
	return [Object.assign(board, { slot: String(slot), chips, chipTemperatures, boardTemperatures })];
}

/** Of the RPC alone: what most polls of most firmwares have. */
function boardsInOrder(boards: ReadonlyMap<number, AnyRecord>): readonly Board[] {
	return [...boards].sort(([one], [other]) => one - other).flatMap(([slot, board]) => asBoard(slot, board));
}

function listAt(record: AnyRecord, key: string): readonly unknown[] {
	const list = record[key];
	return Array.isArray(list) ? list : [];
}

/** The RPC's rate with the web's nominal one, where each has only one. */
function joinedRates(web: AnyRecord | undefined, rpc: AnyRecord | undefined): AnyRecord {
	const kinds = ["sha256", "other"].map((kind) => [
		kind,
		{ ...recordOf(at(web, "rates", kind)), ...present(recordOf(at(rpc, "rates", kind)) ?? {}) },
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

function rpcBoards(values: AnyRecord, kind: Kind, total: Rates): Map<number, AnyRecord> {
	const boards = new Map<number, AnyRecord>();
	const chains = chainsOf(values);
	if (chains.length === 0) return boards;
	const rates = boardRates(values, kind, total);
	const isHashing = (total.now ?? 0) > 0;
	const unit = rpcUnit(kind, values);
	for (const chain of chains) {
		const { slot, ideal, errors, map } = chain;
		const chips = values[chain.chips];
		if (!((numberOf(chips) ?? 0) > 0)) {
			boards.set(slot, { chips });
			continue;
		}
		const nominal = ideal === undefined ? undefined : numberOf(values[ideal]);
		boards.set(slot, {
			chips,
			failedChips: isHashing && map !== undefined ? failedChips(values[map], chips) : undefined,
			rates: kindOfRates(kind.algorithm, rates.get(slot), nominal && nominal * unit),
			frequency: frequencyOf(values, chain),
			hardwareErrors: errors === undefined ? undefined : values[errors],
			voltage: voltageOf(values, chain),
			chipTemperatures: chipTemperaturesOf(values, chain),
			boardTemperatures: boardTemperaturesOf(values, chain),
		});
	}
	return boards;
}

/** Names of the boards' watts, by firmware. */
const WATTS_OF_A_BOARD = ["chain_consumption", "chain_power"];

function boardWatts(values: AnyRecord | undefined, { slot }: Board): number | undefined {
	if (values === undefined) return undefined;
	for (const name of WATTS_OF_A_BOARD) {
		const watts = numberOf(inSlot(values, columns(values).get(name), Number(slot)));
		if (watts) return watts;
	}
	return undefined;
}

/** A number that no range allows, so that the value is left out and counted. */
const IMPLAUSIBLE = -1;

/**
 * What other firmwares say of watts: "chain_power": "3250 W" or "34.65 (AB)", total_power, or the boards' own. All
 * of it is their model of the boards, 0 where they have none.
 */
function powerOf(values: AnyRecord | undefined, rates: Rates, algorithm: string): AnyRecord {
	const leading = (value: unknown) =>
		value === undefined ? undefined : numberOf(/^\s*[-\d.,]+/.exec(textOf(value) ?? "")?.[0]);
	const sums = WATTS_OF_A_BOARD.map((name) => sumOfColumn(values ?? {}, name));
	const watts = [leading(at(values, "total_power")), leading(at(values, "chain_power")), ...sums].find(
		(value) => value,
	);
	if (watts === undefined) return {};
	const terahashes = algorithm === "sha256" ? (rates.now ?? 0) / 1e12 : 0;
	return { estimate: watts < terahashes * JOULES_PER_TERAHASH_LEAST ? IMPLAUSIBLE : watts };
}

function sumOfColumn(values: AnyRecord, name: string): number {
	let sum = 0;
	for (const key of columns(values).get(name)?.values() ?? []) sum += numberOf(values[key]) ?? 0;
	return sum;
}

function kindOfRates(algorithm: string, now: number | undefined, nominal: number | undefined): AnyRecord {
	if (algorithm === UNKNOWN) return {};
	return algorithm === "sha256" ? { sha256: { now, nominal } } : { other: { now, nominal } };
}

/**
 * Newer altcoin firmware writes the boards' rates in another thousandfold than the total; the total is
 * right, so the boards follow it.
 */
function boardRates(values: AnyRecord, kind: Kind, total: Rates): Map<number, number> {
	const unit = rpcUnit(kind, values);
	const rates = new Map<number, number>();
	for (const { slot, value } of numbered(values, /^chain_rate(\d+)$/)) {
		const rate = numberOf(value);
		if (rate !== undefined) rates.set(slot, rate * unit);
	}
	const sum = [...rates.values()].reduce((all, rate) => all + rate, 0);
	if (kind.algorithm === "sha256" || sum <= 0 || !total.average) return rates;
	const steps = Math.round(Math.log10(total.average / sum) / 3);
	if (steps !== 0) for (const [slot, rate] of rates) rates.set(slot, rate * 1_000 ** steps);
	return rates;
}

function webBoards(web: AnyRecord | undefined, kind: Kind, total: Rates): Map<number, AnyRecord> {
	const isHashing = (total.now ?? 0) > 0;
	const unit = web === undefined ? 1 : webUnit(web, kind);
	const boards = new Map<number, AnyRecord>();
	for (const [place, chain] of recordsOf(at(web, "chain")).entries()) {
		const list = (key: string) => {
			const found = at(chain, key);
			return Array.isArray(found) ? (found as readonly unknown[]) : dashList(found);
		};
		boards.set((numberOf(at(chain, "index")) ?? place) + 1, {
			chips: at(chain, "asic_num"),
			failedChips: isHashing ? failedChips(at(chain, "asic"), at(chain, "asic_num")) : undefined,
			rates: kindOfRates(
				kind.algorithm,
				scaled(chain, ["rate_real"], unit),
				scaled(chain, ["rate_ideal"], unit),
			),
			frequency: numberOf(at(chain, "freq_avg")) || undefined,
			hardwareErrors: at(chain, "hw"),
			chipTemperatures: list("temp_chip"),
			boardTemperatures: list("temp_pcb"),
			inlet: list("temp_in"),
			outlet: list("temp_out"),
			pic: list("temp_pic"),
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

type Seen = {
	readonly answers: Parsed;
	readonly values: AnyRecord | undefined;
	readonly web: AnyRecord | undefined;
	readonly rates: Rates;
	readonly boards: readonly Board[];
};

function stateOf({ answers, values, web, rates, boards }: Seen): string | undefined {
	const sleeps =
		numberOf(at(values, "Mode")) === SLEEP_MODE ||
		numberOf(at(answers, "minerConf", "bitmain-work-mode")) === 1 ||
		numberOf(at(web, "miner-mode")) === 1;
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
