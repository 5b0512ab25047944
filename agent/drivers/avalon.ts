/**
 * Avalon (Canaan), 7xx to A15, and the home models Q, Nano and Mini. Data and pure layout.
 *
 * Nearly all telemetry stands in strings `MM ID0`, `MM ID1`, … of the stats, each a machine of its own
 * behind one controller, spread over one STATS entry a bus. PS[0 1214 1316 242 3189 1320 3504] is: error
 * bits, control V ×100, hash V ×100, hash A, hash-board output W, set V ×100, and only in the form of
 * seven the AC input W. The fifth is below the wall, the sixth no power at all. The Nano 3 has its own order
 * (`NANO3_SUPPLY`), the Nano 3S writes its input in millivolts as the third number.
 *
 * @see https://github.com/Canaan-Creative/avalon10-docs and https://github.com/Canaan-Creative/Avalon_Nano3s
 *
 * Averages (GHSavg, MGHS, "MHS av") keep their last value while the machine idles.
 */
import {
	type Driver,
	defineDriver,
	type Parsed,
	type Reads,
	type Request,
	SLOW_FACTS_SECONDS,
} from "./driver.js";
import { bracketTokens, words } from "./kit/bracket-tokens.js";
import { OUR_STATES, poolFacts, sensorReads, shareReads } from "./kit/cgminer.js";
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
import {
	amperes,
	celsius,
	gigahashesPerSecond,
	megahashesPerSecond,
	megahertz,
	percent,
	revolutionsPerMinute,
	seconds,
	volts,
	watts,
} from "./kit/vendor-units.js";

/** Where no sensor is, the firmware writes absolute zero. */
const NO_SENSOR = [-273];

const ask = (command: string) =>
	({ over: "cgminer", port: 4028, send: `{"command":"${command}"}`, format: "json" }) as const;

const minerInfo = {
	over: "http",
	port: 80,
	path: "/get_minerinfo.cgi",
	format: "jsonp",
	optional: true,
	rarely: true,
} as const satisfies Request;

/** The Nanos have their supply outside and tell what comes from it. */
const SUPPLIED = { source: "reported", boundary: "host" } as const;

const moduleReads = {
	hashrateTerahashesPerSecond: { at: ["GHSspd"], unit: gigahashesPerSecond },
	hashrateAverageTerahashesPerSecond: { at: ["GHSavg"], unit: gigahashesPerSecond },
	hashrateNominalTerahashesPerSecond: { at: ["GHSmm"], unit: gigahashesPerSecond, absent: [0] },
	powerWatts: [
		{ at: ["wallWatts"], unit: watts },
		{ at: ["suppliedWatts"], unit: watts, power: SUPPLIED },
	],
	hashboardOutputPowerWatts: { at: ["outputWatts"], unit: watts },
	powerLimitWatts: { at: ["MPO"], unit: watts, absent: [0] },
	inletTemperatureCelsius: [
		{ at: ["Temp"], unit: celsius, absent: NO_SENSOR },
		{ at: ["ITemp"], unit: celsius, absent: NO_SENSOR },
	],
	outletTemperatureCelsius: { at: ["OTemp"], unit: celsius, absent: NO_SENSOR },
	chipTemperatureCelsius: { at: ["TMax"], unit: celsius, absent: NO_SENSOR },
	chipTemperatureAverageCelsius: { at: ["TAvg"], unit: celsius, absent: NO_SENSOR },
	fanDutyRatio: { at: ["FanR"], unit: percent },
	frequencyMegahertz: { at: ["Freq"], unit: megahertz, absent: [0] },
	chipCount: { at: ["TA"] },
	minerUptimeSeconds: { at: ["Elapsed"], unit: seconds },
	workMode: { at: ["WORKMODE"] },
	workLevel: { at: ["WORKLEVEL"] },
} as const satisfies Reads;

const common = {
	kind: "miner",
	makes: ["Canaan"],
	layOut: layOutAvalon,
	identity: {
		make: "Canaan",
		model: { at: [["model"]] },
		firmware: { at: [["firmware"]] },
		serial: { at: [["serial"]] },
		mac: {
			at: [
				["versionRecord", "MAC"],
				["minerInfo", "mac"],
			],
		},
		algorithm: "sha256",
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...shareReads,
		hashrateTerahashesPerSecond: [
			{ at: ["sums", "GHSspd"], unit: gigahashesPerSecond },
			{ at: ["summaryRecord", "MHS 5s"], unit: megahashesPerSecond },
			{ at: ["summaryRecord", "MHS 30s"], unit: megahashesPerSecond },
			{ at: ["summaryRecord", "MHS 1m"], unit: megahashesPerSecond },
		],
		hashrateWindowSeconds: { at: ["window"], unit: seconds },
		hashrateOneMinuteTerahashesPerSecond: { at: ["summaryRecord", "MHS 1m"], unit: megahashesPerSecond },
		hashrateFiveMinutesTerahashesPerSecond: { at: ["summaryRecord", "MHS 5m"], unit: megahashesPerSecond },
		hashrateFifteenMinutesTerahashesPerSecond: {
			at: ["summaryRecord", "MHS 15m"],
			unit: megahashesPerSecond,
		},
		hashrateAverageTerahashesPerSecond: [
			{ at: ["averageWhereCurrentIsKnown"], unit: gigahashesPerSecond },
			{ at: ["summaryRecord", "MHS av"], unit: megahashesPerSecond },
			{ at: ["sums", "GHSavg"], unit: gigahashesPerSecond },
		],
		hashrateNominalTerahashesPerSecond: { at: ["sums", "GHSmm"], unit: gigahashesPerSecond, absent: [0] },
		hardwareErrors: { at: ["summaryRecord", "Hardware Errors"] },
		powerWatts: [
			{ at: ["sums", "wallWatts"], unit: watts },
			{ at: ["sums", "suppliedWatts"], unit: watts, power: SUPPLIED },
		],
		hashboardOutputPowerWatts: { at: ["sums", "outputWatts"], unit: watts },
		powerLimitWatts: { at: ["sums", "MPO"], unit: watts, absent: [0] },
		inletTemperatureCelsius: [
			{ at: ["modules", "*", "Temp"], unit: celsius, absent: NO_SENSOR, of: "highest" },
			{ at: ["modules", "*", "ITemp"], unit: celsius, absent: NO_SENSOR, of: "highest" },
		],
		outletTemperatureCelsius: {
			at: ["modules", "*", "OTemp"],
			unit: celsius,
			absent: NO_SENSOR,
			of: "highest",
		},
		chipTemperatureCelsius: { at: ["modules", "*", "TMax"], unit: celsius, absent: NO_SENSOR, of: "highest" },
		chipTemperatureAverageCelsius: {
			at: ["modules", "*", "TAvg"],
			unit: celsius,
			absent: NO_SENSOR,
			of: "mean",
		},
		fanDutyRatio: { at: ["modules", "*", "FanR"], unit: percent, of: "highest" },
		frequencyMegahertz: { at: ["modules", "*", "Freq"], unit: megahertz, absent: [0], of: "mean" },
		chipCount: { at: ["sums", "TA"] },
		minerUptimeSeconds: [
			{ at: ["liteElapsed"], unit: seconds },
			{ at: ["summaryRecord", "Elapsed"], unit: seconds },
			{ at: ["stats", "STATS", 0, "Elapsed"], unit: seconds },
			{ at: ["modules", 0, "Elapsed"], unit: seconds },
		],
		workMode: { at: ["modules", "*", "WORKMODE"] },
		workLevel: { at: ["modules", "*", "WORKLEVEL"] },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		{ part: "module", each: ["modules"], key: ["key"], reads: moduleReads },
		{
			part: "board",
			each: ["boards"],
			key: ["key"],
			reads: {
				hashrateAverageTerahashesPerSecond: { at: ["rate"], unit: gigahashesPerSecond },
				chipTemperatureCelsius: { at: ["chipMost"], unit: celsius, absent: NO_SENSOR },
				chipTemperatureAverageCelsius: { at: ["chipMean"], unit: celsius, absent: NO_SENSOR },
				boardTemperatureCelsius: { at: ["sensors", "*"], unit: celsius, absent: NO_SENSOR, of: "highest" },
				...sensorReads("boardSensor", "sensors"),
			},
		},
		{
			part: "fan",
			each: ["fans"],
			key: ["key"],
			reads: { fanSpeedRevolutionsPerMinute: { at: ["speed"], unit: revolutionsPerMinute } },
		},
		{
			part: "psu",
			each: ["supplies"],
			key: ["key"],
			reads: {
				outputVoltageVolts: { at: ["volts"], unit: volts },
				outputCurrentAmperes: { at: ["amperes"], unit: amperes },
			},
		},
	],
	errorCodes: [["errorWords", "*"]],
} as const satisfies Partial<Driver>;

const caveats = [
	"Wall power is PS[6], else WALLPOWER; A10 and older report the hash boards' output only, kept as hashboardOutputPowerWatts.",
	"Several machines behind one controller are modules; sums over them stand at the device only where every module reports.",
	"ECHU words (512 on healthy units too) are passed on as written.",
	"A Nano 3 or 3S has its supply outside: its watts are what it takes at 28 V.",
];

export const avalon = defineDriver({
	...common,
	name: "avalon",
	title: "Avalon",
	models: ["6xx to 9xx chains", "A10 to A16", "Nano 3"],
	firmwares: ["2017 to 2025"],
	source: "Canaan's API manual; answers of 741 and 841 chains, 1047, 1246, A1566",
	grade: "recorded",
	requests: {
		stats: ask("stats"),
		summary: { ...ask("summary"), optional: true },
		pools: { ...ask("pools"), optional: true, everySeconds: SLOW_FACTS_SECONDS },
		version: { ...ask("version"), optional: true, rarely: true },
		minerInfo,
	},
	recognises: ({ rpc, page }) =>
		/AVALON|\bMM ID\d/.test(rpc) || /minerinfoCallback|"hwtype"/i.test(page("/get_minerinfo.cgi")),
	caveats,
});

/** Asks for litestats: the full stats of these models carry every chip. */
export const avalonHome = defineDriver({
	...common,
	name: "avalon-home",
	title: "Avalon Q, Nano, Mini",
	models: ["Q", "Nano 3S", "Mini 3"],
	firmwares: ["2025"],
	source: "Canaan's published firmware of the Nano 3S; answers of an Avalon Q",
	grade: "recorded",
	requests: { ...avalon.requests, stats: ask("litestats") },
	recognises: ({ rpc, page }) =>
		/"?PROD"?\s*[:=]\s*"?AVALON\s*(?:Q|NANO\s*3S|MINI)|"MM ID\d+:SUMMARY"/.test(rpc) ||
		/"hwtype"\s*:\s*"[^"]*(?:Nano ?3s|Mini|Avalon ?Q)/i.test(page("/get_minerinfo.cgi")),
	caveats: [...caveats, "While idle the supply still draws power, which is reported."],
});

const askInText = (command: string) =>
	({ over: "cgminer", port: 4028, send: `${command}\n`, format: "keyValueText" }) as const;

export const avalonText = defineDriver({
	...common,
	name: "avalon-text",
	title: "Avalon, text answers",
	models: ["1066", "older 10xx"],
	firmwares: ["2019"],
	source: "Canaan's API manual for the 1066",
	grade: "documented",
	requests: {
		stats: askInText("estats"),
		summary: { ...askInText("summary"), optional: true },
		pools: { ...askInText("pools"), optional: true },
		version: { ...askInText("version"), optional: true, rarely: true },
		minerInfo,
	},
	recognises: ({ rpc }) => /^\s*STATUS=.*(?:AVALON|\bMM ID\d)/s.test(rpc),
	caveats,
});

type Module = AnyRecord & { readonly key: string };

function layOutAvalon(answers: Parsed): Parsed {
	const modules = modulesOf(answers);
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const versionRecord = recordsOf(at(answers, "version", "VERSION"))[0];
	const sums = sumsOver(modules);
	const knowsCurrent = sums["GHSspd"] !== undefined;
	const hasEntryTime = at(answers, "stats", "STATS", 0, "Elapsed") !== undefined;
	return present({
		modules,
		summaryRecord,
		versionRecord,
		sums,
		averageWhereCurrentIsKnown: knowsCurrent ? sums["GHSavg"] : undefined,
		window: knowsCurrent ? undefined : windowOf(summaryRecord),
		liteElapsed: hasEntryTime ? undefined : at(modules[0], "Elapsed"),
		state: stateOf(modules, numberOf(firstOf([sums["GHSspd"], at(summaryRecord, "MHS 5s")]))),
		boards: modules.flatMap((module) => boardsOf(module, modules.length > 1)),
		fans: modules.flatMap((module) => fansOf(module, modules.length > 1)),
		supplies: modules.flatMap(suppliesOf),
		errorWords: modules.flatMap(errorWordsOf),
		model: modelOf(versionRecord, recordOf(at(answers, "minerInfo")), modules),
		firmware: firmwareOf(versionRecord, recordOf(at(answers, "minerInfo")), modules),
		serial: serialOf(versionRecord, modules),
		poolFacts: poolFacts(at(answers, "pools")),
	});
}

const MODULE_KEY = /^MM ID(\d+)(?::Summary)?$/;

/** A module is named by its DNA, which moves with it; by bus and number where that is not told. */
function modulesOf(answers: Parsed): readonly Module[] {
	return recordsOf(at(answers, "stats", "STATS")).flatMap((entry, bus) =>
		numbered(entry, MODULE_KEY).flatMap(({ slot, value }) => {
			if (typeof value !== "string") return [];
			const tokens = bracketTokens(value);
			const dna = dnaOf(tokens["DNA"]) ?? dnaOf(tokens["HDNA"]);
			return [{ ...averageOf(tokens), ...tokens, ...supplyOf(tokens), dna, key: dna ?? `${bus}-${slot}` }];
		}),
	);
}

/** 2^32 hashes a share of difficulty 1, in a minute: what is GHSavg from the 8xx on stood only as WU before. */
const GIGAHASHES_PER_WORK = 2 ** 32 / 60 / 1e9;

function averageOf(tokens: Readonly<Record<string, string>>): AnyRecord {
	const work = numberOf(tokens["WU"]);
	return work === undefined ? {} : { GHSavg: work * GIGAHASHES_PER_WORK };
}

/** The Nano 3 has a DNA of zeros, and its own under HDNA. */
function dnaOf(text: unknown): string | undefined {
	const dna = textOf(text);
	return dna !== undefined && /^(?!0+$)[0-9a-f]{8,64}$/i.test(dna) ? dna : undefined;
}

/** Where in PS a supply's numbers stand. */
const SUPPLY = { volts: 2, amperes: 3, outputWatts: 4, inputWatts: 6 } as const;
const NANO3_SUPPLY = { volts: 4, amperes: 3, outputWatts: undefined, inputWatts: 5 } as const;

/** No supply gives 100 V to hash boards: what is larger in hundredths is in thousandths. */
const HUNDREDTHS_MOST = 10_000;

/** A supply of zeros is one that does not report. */
function supplyOf(tokens: Readonly<Record<string, string>>): AnyRecord {
	const supply = words(tokens["PS"]).map(Number);
	const [, nano] = /^nano3(s?)-/i.exec(tokens["Ver"] ?? "") ?? [];
	const place = nano === "" ? NANO3_SUPPLY : SUPPLY;
	const reports = supply.some((value) => value > 0);
	const input = [supply[place.inputWatts], Number(tokens["WALLPOWER"])].find((value) => (value ?? 0) > 0);
	const output = place.outputWatts === undefined ? undefined : supply[place.outputWatts];
	const isHashing = Number(tokens["GHSspd"]) > 0;
	const written = supply[place.volts] ?? 0;
	const hasCurrent = written > 0 && supply[place.amperes] !== undefined;
	return present({
		[nano === undefined ? "wallWatts" : "suppliedWatts"]: input,
		outputWatts: reports && !(isHashing && output === 0) ? output : undefined,
		supplyVolts: hasCurrent ? written / (written > HUNDREDTHS_MOST ? 1_000 : 100) : undefined,
		supplyAmperes: hasCurrent ? supply[place.amperes] : undefined,
	});
}

const SUMMED = [
	"GHSspd",
	"GHSavg",
	"GHSmm",
	"wallWatts",
	"suppliedWatts",
	"outputWatts",
	"MPO",
	"TA",
] as const;

/** A sum with a module missing would be a wrong number, so it is absent. */
function sumsOver(modules: readonly Module[]): AnyRecord {
	const sum = (name: string) => {
		const numbers = modules.map((module) => numberOf(module[name]));
		const isWhole = numbers.length > 0 && numbers.every((number) => number !== undefined);
		return isWhole ? numbers.reduce((all: number, number) => all + (number ?? 0), 0) : undefined;
	};
	return present(Object.fromEntries(SUMMED.map((name) => [name, sum(name)])));
}

function windowOf(summary: AnyRecord | undefined): number | undefined {
	const windows = [
		["MHS 5s", 5],
		["MHS 30s", 30],
		["MHS 1m", 60],
	] as const;
	return windows.find(([name]) => at(summary, name) !== undefined)?.[1];
}

function stateOf(modules: readonly Module[], rate: number | undefined): string | undefined {
	const said = modules.map((module) => textOf(at(module, "SYSTEMSTATU")) ?? "").join(" ");
	if (/In Work/i.test(said)) return "mining";
	if (/In Init/i.test(said)) return "starting";
	if (/In (?:Standby|Sleep)/i.test(said)) return "sleeping";
	if (/In (?:Idle|Stop)/i.test(said)) return "idle";
	if (rate === undefined) return undefined;
	const isOff = modules.length > 0 && modules.every((module) => (numberOf(at(module, "SoftOFF")) ?? 0) > 0);
	return rate > 0 ? "mining" : isOff ? "sleeping" : "idle";
}

function partKey(module: Module, hasSeveral: boolean, key: string): string {
	return hasSeveral ? `${module.key}/${key}` : key;
}

function boardsOf(module: Module, hasSeveral: boolean): readonly AnyRecord[] {
	const column = (name: string) => words(textOf(at(module, name)));
	const rates = column("MGHS");
	const most = column("MTmax");
	const means = column("MTavg");
	const sensors = ["HBITemp", "HBOTemp", "HBTemp"]
		.map((name) => at(module, name))
		.filter((value) => value !== undefined && !NO_SENSOR.includes(numberOf(value) ?? 0));
	const boardCount = Math.max(rates.length, most.length, means.length);
	return Array.from({ length: boardCount }, (_, index) =>
		present({
			key: partKey(module, hasSeveral, String(index)),
			rate: rates[index],
			chipMost: most[index],
			chipMean: means[index],
			sensors: boardCount === 1 && sensors.length > 0 ? sensors : undefined,
		}),
	);
}

/** "Fan" on modules with one, "Fan1" and on elsewhere; a standing fan is written as 0. */
function fansOf(module: Module, hasSeveral: boolean): readonly AnyRecord[] {
	return Object.keys(module)
		.flatMap((name) => {
			const match = /^Fan(\d{0,2})$/.exec(name);
			return match === null ? [] : [{ slot: Number(match[1] || 1), speed: module[name] }];
		})
		.sort((one, other) => one.slot - other.slot)
		.map(({ slot, speed }) => ({ key: partKey(module, hasSeveral, String(slot)), speed }));
}

function suppliesOf(module: Module): readonly AnyRecord[] {
	const amperes = at(module, "supplyAmperes");
	return amperes === undefined ? [] : [{ key: module.key, volts: at(module, "supplyVolts"), amperes }];
}

/** Of PS only the first number is of errors: 1 input too low, 16 primary current, 2048 fan, and so on, added up. */
function errorWordsOf(module: Module): readonly string[] {
	const said = (name: string) => words(textOf(at(module, name)));
	const named = (name: string, list: readonly string[]) =>
		list.filter((word) => word !== "0").map((word) => `${name}:${word}`);
	return [
		...named("ECHU", said("ECHU")),
		...named("ECMM", said("ECMM")),
		...named("PS", said("PS").slice(0, 1)),
	];
}

/** "1246-83-21072802_…" is model, bin and build; "7411706-3162860" a 741; the Nano 3 is an "Avalonnano". */
function modelOf(
	version: AnyRecord | undefined,
	minerInfo: AnyRecord | undefined,
	modules: readonly Module[],
): string | undefined {
	const said = textOf(firstOf([at(version, "PROD"), at(minerInfo, "hwtype")]));
	if (said !== undefined && !/xx$|^Avalonnano$/i.test(said)) return said;
	const models = new Set(
		modules.flatMap((module) => {
			const build = textOf(at(module, "Ver")) ?? "";
			const short = /^(\d{3})\d{4}-/.exec(build)?.[1] ?? /^(.{1,16}?)-\d{8}/.exec(build)?.[1];
			if (short === undefined) return [];
			const name = short.replace(/^nano(?=\d)/i, "Nano ");
			return [`${/^\d/.test(name) ? "AvalonMiner" : "Avalon"} ${name}`];
		}),
	);
	return models.size === 0 ? said : [...models].join(" + ");
}

function firmwareOf(
	version: AnyRecord | undefined,
	minerInfo: AnyRecord | undefined,
	modules: readonly Module[],
): string | undefined {
	const names = ["VERSION", "LVERSION", "CGVERSION"].map((name) => at(version, name));
	const build = textOf(at(modules[0], "Ver"));
	return textOf(firstOf([...names, at(minerInfo, "version"), /\d{8}_\S+$/.exec(build ?? "")?.[0] ?? build]));
}

function serialOf(version: AnyRecord | undefined, modules: readonly Module[]): string | undefined {
	const own = modules.length === 1 ? textOf(at(modules[0], "dna")) : undefined;
	return dnaOf(at(version, "DNA")) ?? own;
}
