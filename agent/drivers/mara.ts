/**
 * MARA firmware (MaraFW, "kaonsu") on Antminer hardware: HTTP with digest under /kaonsu/v1/. Data and pure layout.
 *
 * Rates are in `hashrate_unit`; builds without it write TH/s. `power_source` says whether the watts are the supply's
 * (boards alone: the fans' watts stand beside) or an estimate. Chip and board temperatures are the raw sensor plus 15
 * and 10, as the firmware shows them.
 */

import { antminerParts, longRateReads } from "./antminer.js";
import { defineDriver, type Parsed, type Parts, SLOW_FACTS_SECONDS } from "./driver.js";
import { algorithmOfModel, layOutAntminer } from "./kit/antminer-stats.js";
import { OUR_STATES, sensorReads } from "./kit/cgminer.js";
import { rateFactor } from "./kit/rate-units.js";
import { boardRateReads } from "./kit/rates.js";
import {
	type AnyRecord,
	at,
	firstOf,
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
	percent,
	revolutionsPerMinute,
	seconds,
	watts,
} from "./kit/vendor-units.js";

const web = (path: string) =>
	({
		over: "http",
		port: 80,
		path: `/kaonsu/v1/${path}`,
		login: "digest",
		format: "json",
		optional: true,
	}) as const;

/** Boards and fans as Bitmain's RPC has them. */
function rpcPart(part: Parts["part"]): Parts {
	const found = antminerParts.find((one) => one.part === part);
	return found ?? { part, each: [], reads: {} };
}

const BOARDS = { source: "estimated", boundary: "board" } as const;

export const mara = defineDriver({
	name: "mara",
	kind: "miner",
	title: "Antminer, MARA firmware",
	makes: ["Bitmain"],
	models: ["S19 to S21 and their variants", "KS5 Pro"],
	firmwares: ["MaraFW 2023 to 3.14"],
	source: "answers of a KS5 Pro on MaraFW 3.14",
	grade: "recorded",
	requests: {
		brief: web("brief"),
		/** Without a web password the RPC is all there is. */
		stats: {
			over: "cgminer",
			port: 4028,
			send: '{"command":"stats"}',
			format: "json",
			optional: true,
			everySeconds: SLOW_FACTS_SECONDS,
		},
		boards: web("hashboards"),
		/** Lists every chip too, so only where the boards' own page is missing. */
		details: { ...web("details"), unless: "boards" },
		fans: web("fans"),
		pools: { ...web("pools"), everySeconds: SLOW_FACTS_SECONDS },
		overview: { ...web("overview"), rarely: true },
		network: { ...web("network_config"), rarely: true },
	},
	atLeastOne: ["brief", "boards", "overview", "fans", "stats"],
	recognises: ({ rpc, web: root, page }) =>
		/KAONSU|MARAFW/.test(rpc) ||
		/MaraFW/i.test(root) ||
		["brief", "hashboards", "overview", "fans"].some((path) => /\{/.test(page(`/kaonsu/v1/${path}`))),
	layOut: layOutMara,
	identity: {
		make: "Bitmain",
		model: { at: [["model"]] },
		firmware: { at: [["overview", "version_firmware"]] },
		serial: {
			at: [
				["overview", "serial_number"],
				["overview", "serial"],
			],
		},
		mac: {
			at: [
				["overview", "mac"],
				["network", "mac"],
				["network", "mac_address"],
				["overview", "mac_address"],
			],
		},
		hostname: {
			at: [
				["network", "hostname"],
				["overview", "hostname"],
			],
		},
		algorithm: { at: [["algorithm"]] },
	},
	power: BOARDS,
	reads: {
		...longRateReads,
		hashrateOneHourTerahashesPerSecond: { at: ["rates", "sha256", "hour"], unit: hashesPerSecond },
		hashrateOneDayTerahashesPerSecond: { at: ["rates", "sha256", "day"], unit: hashesPerSecond },
		powerWatts: [
			{ at: ["measured"], unit: watts, power: { source: "reported", boundary: "board" } },
			{ at: ["estimated"], unit: watts, power: BOARDS },
		],
		fanDutyRatio: { at: ["fans", "percent"], unit: percent },
		frequencyMegahertz: { at: ["boards", "frequency_average"], unit: megahertz, absent: [0] },
		boardCount: { at: ["boardCount"] },
		boardSlotCount: { at: ["boards", "hashboard_num_ideal"] },
		minerUptimeSeconds: [
			{ at: ["brief", "elapsed"], unit: seconds },
			{ at: ["rpc", "values", "Elapsed"], unit: seconds },
		],
		sharesAccepted: { at: ["poolRecords", "*", "accepted"], of: "sum" },
		sharesRejected: { at: ["poolRecords", "*", "rejected"], of: "sum" },
		sharesStale: { at: ["poolRecords", "*", "stale"], of: "sum" },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		{
			part: "board",
			each: ["boardRecords"],
			key: ["index"],
			reads: {
				...boardRateReads,
				powerWatts: { at: ["power_consumption_estimated"], unit: watts, power: BOARDS },
				chipCount: { at: ["asic_num"] },
				frequencyMegahertz: { at: ["frequency_average"], unit: megahertz, absent: [0] },
				chipTemperatureCelsius: { at: ["temperature_chip", "*"], unit: celsius, of: "highest" },
				...sensorReads("chipSensor", "temperature_chip"),
				boardTemperatureCelsius: { at: ["temperature_pcb", "*"], unit: celsius, of: "highest" },
				...sensorReads("boardSensor", "temperature_pcb"),
			},
		},
		{ ...rpcPart("board"), each: ["rpcBoards"] },
		{ ...rpcPart("fan"), each: ["rpcFans"] },
		{
			part: "fan",
			each: ["fans", "fans"],
			key: ["index"],
			reads: {
				fanSpeedRevolutionsPerMinute: [
					{ at: ["current_speed"], unit: revolutionsPerMinute },
					{ at: ["rpm"], unit: revolutionsPerMinute },
				],
				powerWatts: { at: ["power_consumption"], unit: watts, power: BOARDS },
			},
		},
	],
	errorCodes: [["errors", "*"]],
	caveats: [
		"Power is of the boards alone, measured by the supply or estimated as `power_source` says; fans stand beside it.",
		"A board that is not present keeps its place in the answer and is left out.",
		"Chip and board temperatures are derived by the firmware: the sensor plus 15 and plus 10.",
	],
});

function layOutMara(answers: Parsed): Parsed {
	const brief = recordOf(at(answers, "brief"));
	const rpc = layOutAntminer(answers);
	const said = textOf(
		firstOf([at(answers, "overview", "model"), at(answers, "overview", "model_extended"), at(rpc, "model")]),
	);
	const model = said?.replace(/\s*\([^)]*\)$/, "").replace(/^(?=[A-Z]{1,2}\d)/i, "Antminer ");
	const algorithm = algorithmOfModel(model) ?? "sha256";
	const kind = algorithm === "sha256" ? "sha256" : "other";
	const unit = rateFactor(at(brief, "hashrate_unit")) ?? usualUnit(brief);
	const scaled = (record: AnyRecord | undefined, ...keys: readonly string[]) => {
		const key = keys.find((one) => numberOf(at(record, one)) !== undefined) ?? "";
		const number = numberOf(at(record, key));
		return number === undefined ? undefined : number * (rateFactor(at(record, `${key}_unit`)) ?? unit);
	};
	const isMeasured = /^psu$/i.test(textOf(at(brief, "power_source")) ?? "");
	const boards = recordsOf(
		firstOf([at(answers, "boards", "hashboards"), at(answers, "details", "hashboard_infos")]),
	);
	const working = boards.filter(isWorking);
	const isWebThere = brief !== undefined || boards.length > 0;
	return present({
		model,
		algorithm,
		rpc,
		rpcBoards: isWebThere ? undefined : at(rpc, "boards"),
		rpcFans: isWebThere ? undefined : at(rpc, "fans"),
		rates:
			brief === undefined
				? at(rpc, "rates")
				: {
						[kind]: present({
							now: scaled(brief, "hashrate_realtime", "hashrate_realtime_10m"),
							hour: scaled(brief, "hashrate_realtime_1h"),
							day: scaled(brief, "hashrate_realtime_1d"),
							average: scaled(brief, "hashrate_average"),
							nominal: scaled(brief, "hashrate_ideal"),
							sale: scaled(brief, "hashrate_sales", "hashrate_stock"),
						}),
					},
		[isMeasured ? "measured" : "estimated"]: firstOf([
			at(brief, "power_consumption_estimated"),
			at(brief, "power_consumption"),
		]),
		boardRecords: working.map((board) => ({
			...board,
			index: firstOf([at(board, "index"), at(board, "id")]),
			frequency_average: firstOf([at(board, "frequency_average"), at(board, "frequency_avg")]),
			rates: {
				[kind]: present({
					now: scaled(board, "hashrate_realtime", "hashrate_realtime_10m"),
					average: scaled(board, "hashrate_average", "hashrate_avg"),
					nominal: scaled(board, "hashrate_ideal"),
				}),
			},
		})),
		boardCount: boards.length > 0 ? working.length : undefined,
		poolRecords: recordsOf(firstOf([at(answers, "pools", "pools"), at(answers, "pools")])),
		state: stateOf(brief) ?? (isWebThere ? undefined : at(rpc, "state")),
		errors: errorsOf(answers, brief, boards),
	});
}

/** Builds that name no unit write TH/s, the newest of them GH/s: no machine reaches a thousand TH/s. */
const TERAHASHES_BELOW = 1_000;

function usualUnit(brief: AnyRecord | undefined): number {
	const keys = ["hashrate_ideal", "hashrate_sales", "hashrate_realtime", "hashrate_average"];
	const most = Math.max(0, ...keys.map((key) => numberOf(at(brief, key)) ?? 0));
	return most < TERAHASHES_BELOW ? 1e12 : 1e9;
}

function isWorking(board: AnyRecord): boolean {
	if (at(board, "present") === false) return false;
	const chips = numberOf(at(board, "asic_num"));
	return chips === undefined || chips > 0;
}

const STATES: readonly (readonly [RegExp, string])[] = [
	[/sleep|standby|idle.?mode/i, "sleeping"],
	[/tun/i, "tuning"],
	[/start|init|boot|warm/i, "starting"],
	[/overheat|over.?temp|too hot/i, "overheated"],
	[/stop|paus|shut|curtail|suspend/i, "stopped"],
	[/fail|error/i, "failed"],
	[/mining/i, "mining"],
	[/idle/i, "idle"],
];

function stateOf(brief: AnyRecord | undefined): string | undefined {
	const status = textOf(at(brief, "status"));
	return STATES.find(([pattern]) => status !== undefined && pattern.test(status))?.[1];
}

/** "Degraded: Hash board error", a fan fault and a board's, each with its words. */
function errorsOf(
	answers: Parsed,
	brief: AnyRecord | undefined,
	boards: readonly AnyRecord[],
): readonly string[] {
	const indicator = textOf(at(brief, "indicator"));
	const isWell = indicator === undefined || /fully functional|^ok$|good|healthy/i.test(indicator);
	const long = textOf(at(brief, "indicator_long"));
	const fans =
		at(answers, "fans", "error") === true ? textOf(at(answers, "fans", "error_description")) : undefined;
	return [
		...(isWell ? [] : [[indicator, long].filter((word) => word !== undefined).join(": ")]),
		...(at(answers, "fans", "error") === true ? [`fans: ${fans ?? "error"}`] : []),
		...boards.flatMap((board, place) => {
			const status = textOf(at(board, "status"));
			if (status === undefined || !/fail|critical|fatal|error/i.test(status)) return [];
			const name = textOf(firstOf([at(board, "index"), at(board, "id")])) ?? String(place);
			const why = textOf(at(board, "description"));
			return [`board ${name}: ${[status, why].filter((word) => word !== undefined).join(": ")}`];
		}),
	];
}
