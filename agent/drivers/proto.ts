/**
 * Proto Rig (ProtoOS): REST under /api/v1, reads without a login. Data and pure layout.
 *
 * Telemetry gives each value with its unit; a supply's are {input, output}. Top-level keys carry hyphens
 * ("mining-status"); what differs between releases is looked for under either spelling.
 */
import { defineDriver, type Parsed, SLOW_FACTS_SECONDS } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES } from "./kit/cgminer.js";
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
	amperes,
	celsius,
	gigahashesPerSecond,
	percent,
	revolutionsPerMinute,
	seconds,
	terahashesPerSecond,
	volts,
	watts,
} from "./kit/vendor-units.js";

const web = (path: string) =>
	({ over: "http", port: 80, path: `/api/v1/${path}`, format: "json", optional: true }) as const;

const BOARD = { source: "reported", boundary: "board" } as const;
const WALL = { source: "reported", boundary: "wall" } as const;

export const proto = defineDriver({
	name: "proto",
	kind: "miner",
	title: "Proto Rig",
	makes: ["Proto"],
	models: ["Rig"],
	firmwares: ["ProtoOS 1.x"],
	source: "answers of the vendor's simulator, 1.8.0",
	grade: "documented",
	requests: {
		mining: web("mining"),
		telemetry: web("telemetry?level=miner,hashboard,psu"),
		cooling: web("cooling"),
		pools: { ...web("pools"), everySeconds: SLOW_FACTS_SECONDS },
		errors: { ...web("errors"), everySeconds: SLOW_FACTS_SECONDS },
		hardware: { ...web("hardware"), rarely: true },
		system: { ...web("system"), rarely: true },
		network: { ...web("network"), rarely: true },
	},
	atLeastOne: ["mining", "telemetry", "system"],
	recognises: ({ web: root, page }) =>
		/Proto OS|ProtoOS/i.test(root) ||
		/"system-info"|ProtoOS/.test(page("/api/v1/system")) ||
		/"(?:mining|cooling)-status"/.test(page("/api/v1/mining") + page("/api/v1/cooling")),
	layOut: layOutProto,
	identity: {
		make: "Proto",
		model: {
			at: [
				["systemRecord", "product_name"],
				["systemRecord", "model"],
			],
		},
		firmware: {
			at: [
				["systemRecord", "os", "version"],
				["systemRecord", "sw_update_status", "current_version"],
			],
		},
		serial: {
			at: [
				["systemRecord", "cb_sn"],
				["hardwareRecord", "cb-info", "serial_number"],
			],
		},
		mac: {
			at: [
				["networkRecord", "mac"],
				["networkRecord", "mac_address"],
			],
		},
		hostname: {
			at: [
				["networkRecord", "hostname"],
				["systemRecord", "os", "hostname"],
			],
		},
		algorithm: "sha256",
	},
	power: WALL,
	reads: {
		hashrateTerahashesPerSecond: [
			{ at: ["now", "hashrate_ghs"], unit: gigahashesPerSecond },
			{ at: ["whole", "hashrate", "value"], unit: terahashesPerSecond },
		],
		hashrateAverageTerahashesPerSecond: { at: ["now", "average_hashrate_ghs"], unit: gigahashesPerSecond },
		hashrateNominalTerahashesPerSecond: {
			at: ["now", "ideal_hashrate_ghs"],
			unit: gigahashesPerSecond,
			absent: [0],
		},
		hardwareErrors: { at: ["now", "hw_errors"] },
		powerWatts: [
			{ at: ["now", "power_usage_watts"], unit: watts },
			{ at: ["whole", "power", "value"], unit: watts },
		],
		powerTargetWatts: { at: ["now", "power_target_watts"], unit: watts, absent: [0] },
		chipTemperatureAverageCelsius: { at: ["now", "average_asic_temp_c"], unit: celsius, absent: [0] },
		fanDutyRatio: { at: ["coolingRecord", "speed_percentage"], unit: percent },
		boardCount: { at: ["now", "hashboards_mining"] },
		boardSlotCount: { at: ["now", "hashboards_installed"] },
		minerUptimeSeconds: { at: ["now", "mining_uptime_s"], unit: seconds },
		uptimeSeconds: [
			{ at: ["now", "reboot_uptime_s"], unit: seconds },
			{ at: ["systemRecord", "uptime_seconds"], unit: seconds },
		],
		sharesAccepted: { at: ["poolRecords", "*", "accepted"], of: "sum" },
		sharesRejected: { at: ["poolRecords", "*", "rejected"], of: "sum" },
		activePoolCount: { at: ["alivePools"] },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			hashrateTerahashesPerSecond: [
				{ at: ["hashrate", "value"], unit: terahashesPerSecond },
				{ at: ["hashrate_ghs"], unit: gigahashesPerSecond },
			],
			powerWatts: [
				{ at: ["power", "value"], unit: watts, power: BOARD },
				{ at: ["power_usage_watts"], unit: watts, power: BOARD },
			],
			coreVoltageVolts: { at: ["voltage", "value"], unit: volts, absent: [0] },
			inputCurrentAmperes: { at: ["current", "value"], unit: amperes },
			boardTemperatureCelsius: [
				{ at: ["temperature", "average"], unit: celsius },
				{ at: ["temperature", "value"], unit: celsius },
			],
			inletTemperatureCelsius: { at: ["temperature", "inlet"], unit: celsius },
			outletTemperatureCelsius: { at: ["temperature", "outlet"], unit: celsius },
			chipCount: { at: ["chips"] },
		}),
		{
			part: "fan",
			each: ["coolingRecord", "fans"],
			key: ["slot"],
			reads: {
				fanSpeedRevolutionsPerMinute: { at: ["rpm"], unit: revolutionsPerMinute },
				fanDutyRatio: { at: ["speed_percentage"], unit: percent },
			},
		},
		{
			part: "psu",
			each: ["telemetry", "psus"],
			key: ["index"],
			reads: {
				powerWatts: { at: ["power", "input"], unit: watts, power: WALL },
				inputVoltageVolts: { at: ["voltage", "input"], unit: volts },
				inputCurrentAmperes: { at: ["current", "input"], unit: amperes },
				outputVoltageVolts: { at: ["voltage", "output"], unit: volts },
				outputCurrentAmperes: { at: ["current", "output"], unit: amperes },
				psuTemperatureCelsius: [
					{ at: ["temperature", "hotspot"], unit: celsius },
					{ at: ["temperature", "average"], unit: celsius },
				],
			},
		},
	],
	errorCodes: [["errorWords", "*"]],
	caveats: ["Compared with the vendor's simulator only: shapes are real, values were made."],
});

function layOutProto(answers: Parsed): Parsed {
	const content = (request: string, name: string) =>
		recordOf(firstOf([name, name.replaceAll("-", "_")].map((key) => at(answers, request, key)))) ??
		recordOf(at(answers, request));
	const now = content("mining", "mining-status");
	const hardwareRecord = content("hardware", "hardware-info");
	const poolRecords = recordsOf(firstOf([at(answers, "pools", "pools"), at(answers, "pools")])).map(
		(pool) => ({
			...pool,
			accepted: firstOf([at(pool, "accepted"), at(pool, "accepted_shares")]),
			rejected: firstOf([at(pool, "rejected"), at(pool, "rejected_shares")]),
		}),
	);
	return present({
		now,
		whole: recordOf(at(answers, "telemetry", "miner")),
		coolingRecord: content("cooling", "cooling-status"),
		systemRecord: content("system", "system-info"),
		networkRecord: content("network", "network-info"),
		hardwareRecord,
		boards: boardsOf(answers, hardwareRecord),
		poolRecords,
		alivePools: poolRecords.length === 0 ? undefined : poolRecords.filter(isAlive).length,
		state: stateOf(now),
		errorWords: errorsOf(at(answers, "errors")),
	});
}

function isAlive(pool: AnyRecord): boolean {
	const status = textOf(firstOf([at(pool, "connection_status"), at(pool, "status")])) ?? "";
	return /^(?:active|alive|connected)$/i.test(status);
}

/** Telemetry's boards with their chips, told by serial number, else by place; without telemetry, what is built in. */
function boardsOf(answers: Parsed, hardware: AnyRecord | undefined): readonly AnyRecord[] {
	const built = recordsOf(firstOf([at(hardware, "hashboards-info"), at(hardware, "hashboards_info")]));
	const measured = recordsOf(at(answers, "telemetry", "hashboards"));
	if (measured.length === 0)
		return built.map((board, place) => ({
			slot: (numberOf(at(board, "slot")) ?? place + 1) - 1,
			chips: at(board, "mining_asic_count"),
		}));
	return measured.map((board, place) => {
		const serial = textOf(at(board, "serial_number"));
		const own =
			built.find((one) => serial !== undefined && textOf(at(one, "hb_sn")) === serial) ?? built[place];
		return present({
			...board,
			slot: firstOf([at(board, "index"), place]),
			chips: at(own, "mining_asic_count"),
		});
	});
}

const STATES: readonly (readonly [RegExp, string])[] = [
	[/degraded|^mining/i, "mining"],
	[/poweringon|power.?on|start|init|boot/i, "starting"],
	[/tun/i, "tuning"],
	[/sleep|curtail/i, "sleeping"],
	[/poweringoff|stop|paus|off/i, "stopped"],
	[/error|fail|fault/i, "failed"],
	[/nopool|idle/i, "idle"],
];

function stateOf(now: AnyRecord | undefined): string | undefined {
	const status = textOf(at(now, "status"));
	if (status !== undefined) return STATES.find(([pattern]) => pattern.test(status))?.[1];
	const rate = numberOf(at(now, "hashrate_ghs"));
	return rate === undefined ? undefined : rate > 0 ? "mining" : "idle";
}

/** A list of errors, bare or under "errors": the code, else the words. */
function errorsOf(answer: unknown): readonly string[] {
	const list = Array.isArray(answer) ? answer : at(answer, "errors");
	if (!Array.isArray(list)) return [];
	return list.flatMap((entry: unknown) => {
		const said = ["error_code", "code", "message", "description"].map((key) => at(entry, key));
		return textOf(entry) ?? textOf(firstOf(said)) ?? [];
	});
}
