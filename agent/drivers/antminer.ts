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

import { defineDriver, type Parts, type Reads, SLOW_FACTS_SECONDS } from "./driver.js";
import { layOutAntminer } from "./kit/antminer-stats.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, sensorReads, shareReads } from "./kit/cgminer.js";
import { fanSpeedParts } from "./kit/fans.js";
import { plainBoardRateReads, plainRateReads } from "./kit/rates.js";
import { optionalCgi as cgi, rareRpc, rpc, slowRpc } from "./kit/requests.js";
import { celsius, hashesPerSecond, megahertz, percent, seconds, volts, watts } from "./kit/vendor-units.js";

export const longRateReads = {
	...plainRateReads,
	hashrateThirtyMinutesTerahashesPerSecond: {
		at: ["rates", "sha256", "thirtyMinutes"],
		unit: hashesPerSecond,
	},
	hashrateNameplateTerahashesPerSecond: {
		at: ["rates", "sha256", "sale"],
		unit: hashesPerSecond,
		absent: [0],
	},
} as const satisfies Reads;

/** Where a firmware gives watts of its boards, they are its model: no Antminer before 2025 has a meter. */
const estimateOfBoards = { source: "estimated", boundary: "board" } as const;

export const antminerReads = {
	...longRateReads,
	...shareReads,
	sharesAccepted: [...shareReads.sharesAccepted, { at: ["webPools", "*", "accepted"], of: "sum" }],
	sharesRejected: [...shareReads.sharesRejected, { at: ["webPools", "*", "rejected"], of: "sum" }],
	sharesStale: [...shareReads.sharesStale, { at: ["webPools", "*", "stale"], of: "sum" }],
	hardwareErrors: [
		{ at: ["summaryRecord", "Hardware Errors"] },
		{ at: ["summaryCgi", "SUMMARY", 0, "hw_all"] },
		{ at: ["summaryRecord", "hw_all"] },
		{ at: ["values", "no_matching_work"] },
		{ at: ["oldWeb", "hw"] },
	],
	powerWatts: [
		{ at: ["web", "watt"], unit: watts, absent: [0] },
		{ at: ["web", "power"], unit: watts, absent: [0] },
		{ at: ["power", "estimate"], unit: watts, power: estimateOfBoards },
		{ at: ["web", "chain_power"], unit: watts, absent: [0], power: estimateOfBoards },
	],
	ambientTemperatureCelsius: { at: ["web", "ambient_temp"], unit: celsius },
	minerUptimeSeconds: [
		{ at: ["values", "Elapsed"], unit: seconds },
		{ at: ["summaryRecord", "Elapsed"], unit: seconds },
		{ at: ["web", "elapsed"], unit: seconds },
		{ at: ["summaryCgi", "SUMMARY", 0, "elapsed"], unit: seconds },
		{ at: ["oldWeb", "elapsed"], unit: seconds },
	],
	operatingState: { at: ["state"], words: OUR_STATES },
	workMode: { at: ["minerConf", "bitmain-work-mode"] },
	boardCount: { at: ["boardCount"] },
	boardSlotCount: [{ at: ["slotCount"] }],
	fanDutyRatio: { at: ["values", "fan_pwm"], unit: percent },
	chipCount: { at: ["chipCount"] },
	failedChipCount: { at: ["boards", "*", "failedChips"], of: "sum" },
	frequencyMegahertz: [
		{ at: ["values", "total_freqavg"], unit: megahertz, absent: [0] },
		{ at: ["values", "frequency"], unit: megahertz, absent: [0] },
		{ at: ["boards", "*", "frequency"], unit: megahertz, absent: [0], of: "mean" },
	],
} as const satisfies Reads;

export const antminerParts: readonly Parts[] = [
	boardParts({
		...plainBoardRateReads,
		powerWatts: { at: ["watts"], unit: watts, power: estimateOfBoards },
		coreVoltageVolts: { at: ["voltage"], unit: volts },
		chipCount: { at: ["chips"] },
		failedChipCount: { at: ["failedChips"] },
		frequencyMegahertz: { at: ["frequency"], unit: megahertz },
		hardwareErrors: { at: ["hardwareErrors"] },
		chipTemperatureCelsius: { at: ["chipTemperatures", "*"], unit: celsius, of: "highest" },
		...sensorReads("chipSensor", "chipTemperatures"),
		boardTemperatureCelsius: { at: ["boardTemperatures", "*"], unit: celsius, of: "highest" },
		...sensorReads("boardSensor", "boardTemperatures"),
		inletTemperatureCelsius: { at: ["inlet", 0], unit: celsius },
		outletTemperatureCelsius: { at: ["outlet", 0], unit: celsius },
	}),
	fanSpeedParts,
];

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
		"S23",
		"T9 to T21",
		"L3+ to L11",
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
		stats: rpc("stats"),
		summary: slowRpc("summary"),
		pools: slowRpc("pools"),
		version: rareRpc("version"),
		statsCgi: cgi("stats"),
		poolsCgi: { ...cgi("pools"), rarely: true },
		minerStatus: { ...cgi("get_miner_status"), everySeconds: SLOW_FACTS_SECONDS },
		minerType: { ...cgi("miner_type"), rarely: true },
		summaryCgi: { ...cgi("summary"), everySeconds: SLOW_FACTS_SECONDS },
		minerConf: { ...cgi("get_miner_conf"), everySeconds: SLOW_FACTS_SECONDS },
		systemInfo: { ...cgi("get_system_info"), rarely: true },
		networkInfo: { ...cgi("get_network_info"), rarely: true },
	},
	recognises: ({ rpc, web }) =>
		/"TYPE"\s*:\s*"ANTMINER/.test(rpc) ||
		/realm="?antMiner Configuration/i.test(web) ||
		(/"GHS 5S"\s*:/.test(rpc) &&
			/BMMINER|JANSSON|"TYPE"\s*:\s*"[STLD]\d|CGMINER (?:1\.0|4\.[6-9])/.test(rpc)),
	layOut: layOutAntminer,
	identity: {
		make: "Bitmain",
		model: { at: [["model"]] },
		firmware: {
			at: [
				["systemInfo", "system_filesystem_version"],
				["stats", "STATS", "*", "CompileTime"],
				["stats", "INFO", "CompileTime"],
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
	reads: antminerReads,
	components: antminerParts,
	errorCodes: [["healthCodes", "*"]],
	caveats: [
		"Power only where stats.cgi has `watt` above 0 (2025 firmware on); 0 there means that the model does not measure it.",
		"Other algorithms than SHA-256 are kept apart; the unit of their rates follows the model and rate_unit.",
		"`devs` is not asked: its MHS fields hold 0 or GH/s on this firmware.",
		"A sleeping S19 says so only in get_miner_conf.cgi, which needs the web password.",
		"A fan slot at 0 rpm counts as empty unless fan_num says that a fan should turn there; hydro units have none.",
	],
});
