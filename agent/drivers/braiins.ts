/**
 * Braiins OS on Antminer hardware, three interfaces of one firmware line: RPC on 4028 (BOSminer, until
 * about 2021), GraphQL (21.x to 25.03) and REST (from 25.05). Data and pure layout.
 *
 * All watts are the tuner's estimate for the whole machine, within a few percent when tuned.
 *
 * @see https://developer.braiins-os.com/
 */
import { defineDriver, type Parsed, type Reads, SLOW_FACTS_SECONDS } from "./driver.js";
import { OUR_STATES, poolFacts, shareReads } from "./kit/cgminer.js";
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
import { optionalRpc, rareRpc } from "./kit/requests.js";
import {
	celsius,
	gigahashesPerSecond,
	hertz,
	megahashesPerSecond,
	megahertz,
	percent,
	ratio,
	revolutionsPerMinute,
	seconds,
	volts,
	watts,
} from "./kit/vendor-units.js";

const power = { source: "estimated", boundary: "wall" } as const;
const CAVEATS = [
	"Power is the tuner's estimate, never measured; it can exceed the limit.",
	"A fan slot at 0 rpm counts as not fitted: the firmware always lists four.",
];

const fanReads = {
	fanSpeedRevolutionsPerMinute: { at: ["speed"], unit: revolutionsPerMinute },
	fanDutyRatio: [
		{ at: ["percent"], unit: percent },
		{ at: ["ratio"], unit: ratio },
	],
} as const satisfies Reads;

export const braiinsRpc = defineDriver({
	name: "braiins-rpc",
	kind: "miner",
	title: "Braiins OS, RPC",
	makes: ["Bitmain"],
	models: ["Antminer S9", "S17"],
	firmwares: ["BOSminer, 2019 to 2021"],
	source: "Braiins' BOSminer API document; answers of an S9",
	grade: "recorded",
	requests: {
		summary: optionalRpc("summary"),
		devs: optionalRpc("devs"),
		temps: optionalRpc("temps"),
		fans: optionalRpc("fans"),
		tuner: optionalRpc("tunerstatus"),
		pools: optionalRpc("pools"),
		details: rareRpc("devdetails"),
		limits: rareRpc("tempctrl"),
		version: rareRpc("version"),
	},
	atLeastOne: ["summary", "devs", "temps", "fans", "tuner"],
	/** Newer releases (BOSer) have it beside GraphQL, whose table comes first. */
	recognises: ({ rpc }) => /BOSMINER|BOSER/.test(rpc),
	layOut: layOutRpc,
	identity: {
		make: "Bitmain",
		model: { at: [["details", "DEVDETAILS", "*", "Model"]] },
		firmware: {
			at: [
				["version", "VERSION", 0, "BOSer"],
				["version", "VERSION", 0, "BOSminer+"],
				["version", "VERSION", 0, "BOSminer"],
				["firmware"],
			],
		},
		algorithm: "sha256",
	},
	power,
	reads: {
		...shareReads,
		hashrateTerahashesPerSecond: [
			{ at: ["summaryRecord", "MHS 5s"], unit: megahashesPerSecond },
			{ at: ["devs", "DEVS", "*", "MHS 5s"], unit: megahashesPerSecond, of: "sum" },
		],
		hashrateWindowSeconds: { at: ["window"], unit: seconds },
		hashrateOneMinuteTerahashesPerSecond: { at: ["summaryRecord", "MHS 1m"], unit: megahashesPerSecond },
		hashrateFiveMinutesTerahashesPerSecond: { at: ["summaryRecord", "MHS 5m"], unit: megahashesPerSecond },
		hashrateFifteenMinutesTerahashesPerSecond: {
			at: ["summaryRecord", "MHS 15m"],
			unit: megahashesPerSecond,
		},
		hashrateOneDayTerahashesPerSecond: { at: ["summaryRecord", "MHS 24h"], unit: megahashesPerSecond },
		hashrateAverageTerahashesPerSecond: { at: ["summaryRecord", "MHS av"], unit: megahashesPerSecond },
		hashrateNominalTerahashesPerSecond: {
			at: ["devs", "DEVS", "*", "Nominal MHS"],
			unit: megahashesPerSecond,
			of: "sum",
		},
		hardwareErrors: { at: ["summaryRecord", "Hardware Errors"] },
		powerWatts: { at: ["tunerRecord", "ApproximateMinerPowerConsumption"], unit: watts, absent: [0] },
		hashboardOutputPowerWatts: {
			at: ["tunerRecord", "ApproximateChainPowerConsumption"],
			unit: watts,
			absent: [0],
		},
		powerLimitWatts: { at: ["tunerRecord", "PowerLimit"], unit: watts, absent: [0] },
		chipTemperatureLimitCelsius: { at: ["limits", "TEMPCTRL", 0, "Dangerous"], unit: celsius, absent: [0] },
		minerUptimeSeconds: { at: ["summaryRecord", "Elapsed"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		{
			part: "board",
			each: ["boards"],
			key: ["ID"],
			reads: {
				hashrateTerahashesPerSecond: { at: ["MHS 5s"], unit: megahashesPerSecond },
				hashrateAverageTerahashesPerSecond: { at: ["MHS av"], unit: megahashesPerSecond },
				hashrateNominalTerahashesPerSecond: { at: ["Nominal MHS"], unit: megahashesPerSecond },
				boardTemperatureCelsius: { at: ["Board"], unit: celsius, absent: [0] },
				chipTemperatureCelsius: { at: ["Chip"], unit: celsius, absent: [0] },
				chipCount: { at: ["Chips"] },
				frequencyMegahertz: { at: ["Frequency"], unit: hertz, absent: [0] },
				coreVoltageVolts: { at: ["Voltage"], unit: volts, absent: [0] },
				powerWatts: {
					at: ["watts"],
					unit: watts,
					absent: [0],
					power: { source: "estimated", boundary: "board" },
				},
				hardwareErrors: { at: ["Hardware Errors"] },
			},
		},
		{ part: "fan", each: ["fanRecords"], key: ["slot"], reads: fanReads },
	],
	caveats: [...CAVEATS, "A chip temperature of 0.0 means that the board has no chip sensor."],
});

function layOutRpc(answers: Parsed): Parsed {
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const rate = numberOf(at(summaryRecord, "MHS 5s"));
	const tunerRecord = recordsOf(at(answers, "tuner", "TUNERSTATUS"))[0];
	const tunedChains = recordsOf(at(tunerRecord, "TunerChainStatus"));
	const said = tunedChains.flatMap((chain) => textOf(at(chain, "Status")) ?? []);
	return present({
		summaryRecord,
		tunerRecord,
		boards: joinedById([
			...recordsOf(at(answers, "devs", "DEVS")),
			...recordsOf(at(answers, "temps", "TEMPS")),
			...recordsOf(at(answers, "details", "DEVDETAILS")),
			...tunedChains.map((chain) => ({
				ID: at(chain, "HashchainIndex"),
				watts: at(chain, "ApproximatePowerConsumptionWatt"),
			})),
		]),
		fanRecords: fitted(
			recordsOf(at(answers, "fans", "FANS")).map((fan) => ({
				slot: at(fan, "ID"),
				speed: at(fan, "RPM"),
				percent: at(fan, "Speed"),
			})),
		),
		window: rate === undefined ? undefined : 5,
		firmware: textOf(at(answers, "summary", "STATUS", 0, "Description")),
		state: stateAt(
			rate,
			said.some((status) => TUNES.test(status)),
		),
		poolFacts: poolFacts(at(answers, "pools")),
	});
}

/** "Tuning individual chips", "Testing performance profile"; "Stable" when it is done. */
const TUNES = /^(?:tuning|testing)\b/i;

function stateAt(rate: number | undefined, isTuning: boolean): string | undefined {
	if (rate === undefined) return undefined;
	if (rate <= 0) return "idle";
	return isTuning ? "tuning" : "mining";
}

/** One board's facts stand in several lists, under the same ID. */
function joinedById(records: readonly AnyRecord[]): readonly AnyRecord[] {
	const boards = new Map<string, AnyRecord>();
	for (const record of records) {
		const id = textOf(at(record, "ID"));
		if (id !== undefined) boards.set(id, { ...boards.get(id), ...record });
	}
	return [...boards.values()];
}

function fitted(fans: readonly AnyRecord[]): readonly AnyRecord[] {
	return fans.filter((fan) => (numberOf(at(fan, "speed")) ?? 0) > 0);
}

const query = (text: string, isOptional: boolean) =>
	({
		over: "http",
		method: "POST",
		port: 80,
		path: "/graphql",
		body: `{"query":"${text}"}`,
		format: "json",
		...(isOptional ? ({ optional: true } as const) : {}),
	}) as const;

export const braiinsGraphql = defineDriver({
	name: "braiins-graphql",
	kind: "miner",
	title: "Braiins OS, GraphQL",
	makes: ["Bitmain"],
	models: ["Antminer S9", "S17", "S19", "S21", "S21+"],
	firmwares: ["21.09 to 25.03"],
	source: "answers of S9 on 22.08, S21 on 24.09, S21+ on 25.03",
	grade: "recorded",
	requests: {
		system: query(
			"{bos{hostname faultLight uptime{durationS} info{version{full}}} bosminer{info{modelName fans{name rpm speed} summary{power{approxConsumptionW limitW}} workSolver{nominalMhs realHashrate{mhs5S}}}}}",
			false,
		),
		boards: query(
			"{bosminer{info{workSolver{childSolvers{name nominalMhs realHashrate{mhs5S} hwDetails{chips frequencyMhz voltageV} temperatures{name degreesC}}}}}}",
			true,
		),
		pools: query(
			"{bosminer{info{poolGroups{name pools{status active shares{acceptedSolutions rejectedSolutions}}}}}}",
			true,
		),
		tuning: query("{bosminer{config{autotuning{mode powerTarget hashrateTarget}}}}", true),
		/** The only place of the MAC; needs a session of the old web interface where one is set. */
		lan: {
			over: "http",
			port: 80,
			path: "/cgi-bin/luci/admin/network/iface_status/lan",
			format: "json",
			optional: true,
			rarely: true,
		},
	},
	atLeastOne: ["system", "boards"],
	recognises: ({ rpc, web, page }) =>
		/BOSER/.test(rpc) || /Braiins OS/i.test(web) || /"(?:bosminer|bos)"\s*:/.test(page("/graphql")),
	layOut: layOutGraphql,
	identity: {
		make: "Bitmain",
		model: { at: [["info", "modelName"]] },
		firmware: { at: [["system", "data", "bos", "info", "version", "full"]] },
		mac: { at: [["lan", "*", "macaddr"]] },
		hostname: { at: [["system", "data", "bos", "hostname"]] },
		algorithm: "sha256",
	},
	power,
	reads: {
		hashrateTerahashesPerSecond: {
			at: ["info", "workSolver", "realHashrate", "mhs5S"],
			unit: megahashesPerSecond,
		},
		hashrateWindowSeconds: { at: ["window"], unit: seconds },
		hashrateNominalTerahashesPerSecond: {
			at: ["info", "workSolver", "nominalMhs"],
			unit: megahashesPerSecond,
			absent: [0],
		},
		powerWatts: { at: ["info", "summary", "power", "approxConsumptionW"], unit: watts, absent: [0] },
		powerLimitWatts: { at: ["info", "summary", "power", "limitW"], unit: watts, absent: [0] },
		powerTargetWatts: {
			at: ["tuning", "data", "bosminer", "config", "autotuning", "powerTarget"],
			unit: watts,
			absent: [0],
		},
		uptimeSeconds: { at: ["system", "data", "bos", "uptime", "durationS"], unit: seconds },
		sharesAccepted: { at: ["poolRecords", "*", "shares", "acceptedSolutions"], of: "sum" },
		sharesRejected: { at: ["poolRecords", "*", "shares", "rejectedSolutions"], of: "sum" },
		activePoolCount: { at: ["alivePools"] },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		{
			part: "board",
			each: ["boardRecords"],
			key: ["name"],
			reads: {
				hashrateTerahashesPerSecond: { at: ["realHashrate", "mhs5S"], unit: megahashesPerSecond },
				hashrateNominalTerahashesPerSecond: { at: ["nominalMhs"], unit: megahashesPerSecond },
				chipCount: { at: ["hwDetails", "chips"] },
				frequencyMegahertz: { at: ["hwDetails", "frequencyMhz"], unit: megahertz, absent: [0] },
				coreVoltageVolts: { at: ["hwDetails", "voltageV"], unit: volts, absent: [0] },
				boardTemperatureCelsius: { at: ["sensors", "board"], unit: celsius, absent: [0] },
				chipTemperatureCelsius: { at: ["sensors", "chip"], unit: celsius, absent: [0] },
				inletTemperatureCelsius: [
					{ at: ["sensors", "water inlet"], unit: celsius, absent: [0] },
					{ at: ["sensors", "inlet"], unit: celsius, absent: [0] },
				],
				outletTemperatureCelsius: [
					{ at: ["sensors", "water outlet"], unit: celsius, absent: [0] },
					{ at: ["sensors", "outlet"], unit: celsius, absent: [0] },
				],
			},
		},
		{ part: "fan", each: ["fanRecords"], key: ["slot"], reads: fanReads },
	],
	caveats: CAVEATS,
});

function layOutGraphql(answers: Parsed): Parsed {
	const info = recordOf(at(answers, "system", "data", "bosminer", "info"));
	const rate = numberOf(at(info, "workSolver", "realHashrate", "mhs5S"));
	const groups = recordsOf(at(answers, "pools", "data", "bosminer", "info", "poolGroups"));
	const poolRecords = groups.flatMap((group) => recordsOf(at(group, "pools")));
	const boards = recordsOf(at(answers, "boards", "data", "bosminer", "info", "workSolver", "childSolvers"));
	const isAlive = (pool: AnyRecord) => textOf(at(pool, "status"))?.toUpperCase() === "ALIVE";
	return present({
		info,
		window: rate === undefined ? undefined : 5,
		state: stateAt(rate, false),
		poolRecords,
		alivePools: poolRecords.length === 0 ? undefined : poolRecords.filter(isAlive).length,
		boardRecords: boards.map((board) => ({ ...board, sensors: sensorsByName(at(board, "temperatures")) })),
		fanRecords: fitted(
			recordsOf(at(info, "fans")).map((fan) => ({
				slot: at(fan, "name"),
				speed: at(fan, "rpm"),
				percent: at(fan, "speed"),
			})),
		),
	});
}

/** "Board", later "Max Board", later "MAX_BOARD": one sensor through the firmware's years. */
function sensorsByName(list: unknown): AnyRecord {
	return Object.fromEntries(
		recordsOf(list).map((sensor) => [
			(textOf(at(sensor, "name")) ?? "")
				.toLowerCase()
				.replaceAll("_", " ")
				.replace(/^max\s*/, ""),
			at(sensor, "degreesC"),
		]),
	);
}

const rest = (path: string) =>
	({ over: "http", port: 80, path: `/api/v1/${path}`, login: "bearer", format: "json" }) as const;

const REST_RATE = ["stats", "miner_stats", "real_hashrate"] as const;

export const braiinsRest = defineDriver({
	name: "braiins-rest",
	kind: "miner",
	title: "Braiins OS, REST",
	makes: ["Bitmain"],
	models: ["Antminer S19 XP", "S19", "S21"],
	firmwares: ["25.07 to 25.11"],
	source: "Braiins' public REST API document; answers of S19 XP on 25.07 and 25.11",
	grade: "recorded",
	requests: {
		stats: rest("miner/stats"),
		boards: { ...rest("miner/hw/hashboards"), optional: true },
		cooling: { ...rest("cooling/state"), optional: true },
		tuner: { ...rest("performance/tuner-state"), optional: true, everySeconds: SLOW_FACTS_SECONDS },
		details: { ...rest("miner/details"), optional: true, everySeconds: SLOW_FACTS_SECONDS },
		errors: { ...rest("miner/errors"), optional: true, everySeconds: SLOW_FACTS_SECONDS },
		pools: { ...rest("pools/"), optional: true, everySeconds: SLOW_FACTS_SECONDS },
		network: { ...rest("network/"), optional: true, rarely: true },
		configuration: { ...rest("configuration/miner"), optional: true, rarely: true },
	},
	recognises: ({ page }) =>
		/"major"\s*:\s*\d/.test(page("/api/v1/version/")) ||
		/"(?:bos_version|bos_mode|miner_stats)"\s*:/.test(
			page("/api/v1/miner/details") + page("/api/v1/miner/stats"),
		),
	layOut: layOutRest,
	identity: {
		make: "Bitmain",
		model: {
			at: [
				["details", "miner_identity", "miner_model"],
				["details", "miner_identity", "name"],
			],
		},
		firmware: { at: [["details", "bos_version", "current"]] },
		serial: { at: [["details", "serial_number"]] },
		mac: {
			at: [
				["details", "mac_address"],
				["network", "mac_address"],
			],
		},
		hostname: {
			at: [
				["details", "hostname"],
				["network", "hostname"],
			],
		},
		algorithm: "sha256",
	},
	power,
	reads: {
		hashrateTerahashesPerSecond: {
			at: [...REST_RATE, "last_5s", "gigahash_per_second"],
			unit: gigahashesPerSecond,
		},
		hashrateWindowSeconds: { at: ["window"], unit: seconds },
		hashrateOneMinuteTerahashesPerSecond: {
			at: [...REST_RATE, "last_1m", "gigahash_per_second"],
			unit: gigahashesPerSecond,
		},
		hashrateFiveMinutesTerahashesPerSecond: {
			at: [...REST_RATE, "last_5m", "gigahash_per_second"],
			unit: gigahashesPerSecond,
		},
		hashrateFifteenMinutesTerahashesPerSecond: {
			at: [...REST_RATE, "last_15m", "gigahash_per_second"],
			unit: gigahashesPerSecond,
		},
		hashrateThirtyMinutesTerahashesPerSecond: {
			at: [...REST_RATE, "last_30m", "gigahash_per_second"],
			unit: gigahashesPerSecond,
		},
		hashrateOneHourTerahashesPerSecond: {
			at: [...REST_RATE, "last_1h", "gigahash_per_second"],
			unit: gigahashesPerSecond,
		},
		hashrateOneDayTerahashesPerSecond: {
			at: [...REST_RATE, "last_24h", "gigahash_per_second"],
			unit: gigahashesPerSecond,
		},
		hashrateAverageTerahashesPerSecond: {
			at: [...REST_RATE, "since_restart", "gigahash_per_second"],
			unit: gigahashesPerSecond,
		},
		hashrateNominalTerahashesPerSecond: {
			at: ["stats", "miner_stats", "nominal_hashrate", "gigahash_per_second"],
			unit: gigahashesPerSecond,
			absent: [0],
		},
		hashrateNameplateTerahashesPerSecond: {
			at: ["details", "sticker_hashrate", "gigahash_per_second"],
			unit: gigahashesPerSecond,
			absent: [0],
		},
		powerWatts: {
			at: ["stats", "power_stats", "approximated_consumption", "watt"],
			unit: watts,
			absent: [0],
		},
		powerTargetWatts: [
			{ at: ["tuner", "mode_state", "*", "profile", "target", "watt"], unit: watts },
			{ at: ["configuration", "tuner", "power_target", "watt"], unit: watts },
		],
		powerTargetCurrentWatts: { at: ["tuner", "mode_state", "*", "current_target", "watt"], unit: watts },
		uptimeSeconds: [
			{ at: ["details", "system_uptime_s"], unit: seconds },
			{ at: ["details", "system_uptime"], unit: seconds },
		],
		minerUptimeSeconds: { at: ["details", "bosminer_uptime_s"], unit: seconds },
		sharesAccepted: [
			{ at: ["stats", "pool_stats", "accepted_shares"] },
			{ at: ["poolRecords", "*", "stats", "accepted_shares"], of: "sum" },
		],
		sharesRejected: [
			{ at: ["stats", "pool_stats", "rejected_shares"] },
			{ at: ["poolRecords", "*", "stats", "rejected_shares"], of: "sum" },
		],
		sharesStale: { at: ["stats", "pool_stats", "stale_shares"] },
		activePoolCount: { at: ["alivePools"] },
		chipTemperatureCelsius: {
			at: ["boards", "hashboards", "*", "highest_chip_temp", "temperature", "degree_c"],
			unit: celsius,
			of: "highest",
		},
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		{
			part: "board",
			each: ["boards", "hashboards"],
			key: ["id"],
			reads: {
				hashrateTerahashesPerSecond: {
					at: ["stats", "real_hashrate", "last_5s", "gigahash_per_second"],
					unit: gigahashesPerSecond,
				},
				hashrateAverageTerahashesPerSecond: {
					at: ["stats", "real_hashrate", "since_restart", "gigahash_per_second"],
					unit: gigahashesPerSecond,
				},
				hashrateNominalTerahashesPerSecond: {
					at: ["stats", "nominal_hashrate", "gigahash_per_second"],
					unit: gigahashesPerSecond,
				},
				chipCount: { at: ["chips_count"] },
				frequencyMegahertz: { at: ["current_frequency", "hertz"], unit: hertz, absent: [0] },
				coreVoltageVolts: { at: ["current_voltage", "volt"], unit: volts, absent: [0] },
				boardTemperatureCelsius: { at: ["board_temp", "degree_c"], unit: celsius },
				chipTemperatureCelsius: { at: ["highest_chip_temp", "temperature", "degree_c"], unit: celsius },
				inletTemperatureCelsius: { at: ["lowest_inlet_temp", "degree_c"], unit: celsius },
				outletTemperatureCelsius: { at: ["highest_outlet_temp", "degree_c"], unit: celsius },
			},
		},
		{ part: "fan", each: ["fanRecords"], key: ["slot"], reads: fanReads },
	],
	errorCodes: [["errors", "errors", "*", "error_codes", "*", "code"]],
	caveats: [
		...CAVEATS,
		"Efficiency as the firmware states it divides by the average of one minute; ours by the trailing five minutes.",
		"While power scaling is active, the current target lies below the target.",
	],
});

/** miner/details, as a number or as "MINER_STATUS_PAUSED": why nothing is hashed. Others are left to the hashrate. */
const STANDING: Readonly<Record<string, string>> = {
	"1": "stopped",
	not_started: "stopped",
	"3": "sleeping",
	paused: "sleeping",
	"4": "failed",
	suspended: "failed",
};
const TUNER_TUNES = new Set(["3", "tuning"]);

const enumerated = (said: unknown) =>
	textOf(said)
		?.toLowerCase()
		.replace(/^(?:miner_status|tuner_state)_/, "") ?? "";

function layOutRest(answers: Parsed): Parsed {
	const rate = numberOf(
		at(answers, "stats", "miner_stats", "real_hashrate", "last_5s", "gigahash_per_second"),
	);
	const poolRecords = recordsOf(at(answers, "pools")).flatMap((group) => recordsOf(at(group, "pools")));
	const standing = STANDING[enumerated(at(answers, "details", "status"))];
	const isTuning = TUNER_TUNES.has(enumerated(at(answers, "tuner", "overall_tuner_state")));
	return present({
		window: rate === undefined ? undefined : 5,
		state: rate ? stateAt(rate, isTuning) : (standing ?? stateAt(rate, false)),
		poolRecords,
		alivePools:
			poolRecords.length === 0 ? undefined : poolRecords.filter((pool) => at(pool, "alive") === true).length,
		fanRecords: fitted(
			recordsOf(at(answers, "cooling", "fans")).map((fan) => ({
				slot: firstOf([at(fan, "position")]),
				speed: at(fan, "rpm"),
				ratio: at(fan, "target_speed_ratio"),
			})),
		),
	});
}
