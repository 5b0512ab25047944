/**
 * Whatsminers: API 2 (cgminer RPC with `cmd`, MH/s under every rate, watts metered at the input) and
 * API 3 (frames on 4433, kebab-case, TH/s). Takes the machine's view, gives answers; writes are
 * refused as a unit refuses them that has no token.
 */
import { type CgminerDialect, envelope, fixed, type Json, type JsonObject } from "../cgminer-protocol.js";
import type { BoardView, MinerView } from "../miner-view.js";
import type { MinerFamily } from "./family.js";

const DESCRIPTION = "btminer";
const V2_FIRMWARE = "20210109.22.REL";
const V3_FIRMWARE = "20251209.16.Rel2";
const API_REPLY = 131;
/** Makers' codes: 350 to 352 "temperature protecting", 530 to 532 "board not found", by board. */
const OVERHEAT_CODE = 350;
const BOARD_GONE_CODE = 530;
const INPUT_VOLTS = 224;
const OUTPUT_VOLTS = 12.88;
const SUPPLY_EFFICIENCY = 0.945;
/** Above the nameplate by the spread that a maker allows its units. */
const POWER_LIMIT_FACTOR = 1.12;

type ErrorCode = { readonly code: number; readonly reason: string };

function errorCodes(view: MinerView): readonly ErrorCode[] {
	return view.boards.flatMap((board) => {
		if (!board.isAlive)
			return [{ code: BOARD_GONE_CODE + board.index, reason: `SM${board.index} not found` }];
		const isHot = view.isOverheated && board.chipMaximumCelsius > view.model.chipLimitCelsius - 6;
		return isHot
			? [{ code: OVERHEAT_CODE + board.index, reason: `SM${board.index} temperature protecting` }]
			: [];
	});
}

function stamp(unixSeconds: number): string {
	return new Date(unixSeconds * 1_000).toISOString().slice(0, 19).replace("T", " ");
}

const hottest = (view: MinerView, of: (board: BoardView) => number) =>
	view.boards.filter(({ isAlive }) => isAlive).reduce((most, board) => Math.max(most, of(board)), 0);
const coolest = (view: MinerView, of: (board: BoardView) => number) =>
	view.boards.filter(({ isAlive }) => isAlive).reduce((least, board) => Math.min(least, of(board)), 200);

// API 2

const megahashes = (terahashesPerSecond: number) => fixed(terahashesPerSecond * 1e6, 2);

const v2: CgminerDialect<MinerView> = {
	keys: ["cmd", "command"],
	joins: true,
	invalidCommand: "invalid cmd",
	refuses: (view, code, message) => ({
		STATUS: "E",
		When: view.unixSeconds,
		Code: code,
		Msg: message,
		Description: "whatsminer v1.4.0",
	}),
	commands: {
		summary: (view) => envelope(status(view, 11, "Summary"), "SUMMARY", [summary(view)]),
		devs: boardRows,
		edevs: boardRows,
		pools,
		devdetails: (view) =>
			envelope(
				status(view, 69, "Device Details"),
				"DEVDETAILS",
				view.boards
					.filter(({ isAlive }) => isAlive)
					.map(({ index }) => ({
						DEVDETAILS: index,
						Name: "SM",
						ID: index,
						Driver: "bitmicro",
						Kernel: "",
						Model: view.model.model,
					})),
			),
		get_version: (view) =>
			apiReply(view, { api_ver: "2.0.3", fw_ver: V2_FIRMWARE, platform: "H6OS", chip: "K88Z347" }),
		get_miner_info: (view) =>
			apiReply(view, {
				ip: view.identity.host,
				proto: "dhcp",
				netmask: "255.255.255.0",
				mac: view.identity.mac.toUpperCase(),
				hostname: view.identity.hostname,
				ledstat: "auto",
				minersn: view.identity.serial,
			}),
		get_psu: (view) =>
			apiReply(view, {
				name: "P221B",
				hw_version: "V01.00",
				sw_version: "V01.00.V01.03",
				model: "P221B",
				iin: String(Math.round((view.watts / INPUT_VOLTS) * 1_000)),
				vin: String(INPUT_VOLTS * 100),
				fan_speed: String(psuFan(view)),
				version: "-1",
				serial_no: `A${view.identity.serial.slice(3, 15)}`,
				vender: "7",
			}),
		get_error_code: (view) =>
			apiReply(view, {
				error_code: errorCodes(view).map(({ code }) => ({ [String(code)]: stamp(view.unixSeconds) })),
			}),
		status: (view) =>
			apiReply(view, {
				btmineroff: "false",
				"Firmware Version": `'${V2_FIRMWARE}'`,
				power_mode: "Normal",
				hash_percent: "0",
			}),
	},
};

export const whatsminerV2: MinerFamily = { cgminer: v2 };

function status(view: MinerView, code: number, message: string) {
	return { when: view.unixSeconds, code, message, description: DESCRIPTION };
}

function apiReply(view: MinerView, message: JsonObject): JsonObject {
	return { STATUS: "S", When: view.unixSeconds, Code: API_REPLY, Msg: message, Description: "" };
}

function psuFan(view: MinerView): number {
	return Math.round((5_200 + 2_600 * (view.watts / view.model.nameplateWatts)) / 16) * 16;
}

function powerLimit(view: MinerView): number {
	return Math.ceil((view.model.nameplateWatts * POWER_LIMIT_FACTOR) / 100) * 100;
}

function summary(view: MinerView): JsonObject {
	const { accepted, rejected, stale } = view.shares;
	const difficulty = view.model.poolDifficulty;
	const errors = errorCodes(view);
	const errorFields: Record<string, Json> = {};
	for (const [index, { code }] of errors.entries()) {
		errorFields[`Error Code ${index}`] = code;
		errorFields[`Error ${index} Time`] = stamp(view.unixSeconds);
	}
	return {
		Elapsed: view.minerUptimeSeconds,
		"MHS av": megahashes(view.sinceStartTerahashesPerSecond),
		"MHS 5s": megahashes(view.terahashesPerSecond),
		"MHS 1m": megahashes(view.averages.oneMinute),
		"MHS 5m": megahashes(view.averages.fiveMinutes),
		"MHS 15m": megahashes(view.averages.fifteenMinutes),
		"HS RT": megahashes(view.terahashesPerSecond),
		"Found Blocks": 0,
		Getworks: Math.floor(view.minerUptimeSeconds / 21),
		Accepted: accepted,
		Rejected: rejected,
		"Hardware Errors": view.hardwareErrors,
		Utility: fixed((accepted * 60) / Math.max(view.minerUptimeSeconds, 1), 2),
		Discarded: 0,
		Stale: stale,
		"Get Failures": 0,
		"Local Work": Math.floor(view.terahashes),
		"Remote Failures": 0,
		"Network Blocks": Math.floor(view.minerUptimeSeconds / 600),
		"Total MH": Math.floor(view.terahashes * 1e6),
		"Work Utility": 0,
		"Difficulty Accepted": accepted * difficulty,
		"Difficulty Rejected": rejected * difficulty,
		"Difficulty Stale": stale * difficulty,
		"Best Share": 54_727_919_944,
		Temperature: fixed(
			hottest(view, ({ boardCelsius }) => boardCelsius),
			1,
		),
		freq_avg: Math.round(view.frequencyMegahertz),
		"Fan Speed In": view.fanRevolutionsPerMinute[0] ?? 0,
		"Fan Speed Out": view.fanRevolutionsPerMinute[1] ?? 0,
		Voltage: 1_288,
		Power: Math.round(view.watts),
		Power_RT: Math.round(view.watts),
		"Power Rate": fixed(view.watts / Math.max(view.averages.oneMinute, 0.001), 2),
		"Device Hardware%": 0,
		"Device Rejected%": 0,
		"Pool Rejected%": fixed((100 * rejected) / Math.max(accepted + rejected, 1), 4),
		"Pool Stale%": 0,
		"Last getwork": 0,
		Uptime: view.uptimeSeconds,
		"Power Current": fixed((view.watts * SUPPLY_EFFICIENCY) / OUTPUT_VOLTS, 6),
		"Power Fanspeed": psuFan(view),
		...errorFields,
		"Error Code Count": errors.length,
		"Factory Error Code Count": 0,
		"Security Mode": 0,
		"Liquid Cooling": false,
		"Hash Stable": view.minerUptimeSeconds > 1_800,
		"Hash Stable Cost Seconds": 1_780,
		"Hash Deviation%": fixed(
			100 * (view.terahashesPerSecond / Math.max(view.presentNominalTerahashesPerSecond, 0.001) - 1),
			4,
		),
		"Target Freq": view.model.frequencyMegahertz,
		"Target MHS": Math.round(view.nominalTerahashesPerSecond * 1e6),
		"Env Temp": fixed(view.ambientCelsius, 1),
		"Power Mode": "Normal",
		"Firmware Version": `'${V2_FIRMWARE}'`,
		"CB Platform": "ALLWINNER_H6",
		"CB Version": "V2",
		MAC: view.identity.mac.toUpperCase(),
		"Factory GHS": view.model.nameplateTerahashesPerSecond * 1_000,
		"Power Limit": powerLimit(view),
		"Power Voltage Input": INPUT_VOLTS,
		"Power Current Input": fixed(view.watts / INPUT_VOLTS, 2),
		"Chip Temp Min": fixed(
			coolest(view, ({ chipMinimumCelsius }) => chipMinimumCelsius),
			2,
		),
		"Chip Temp Max": fixed(
			hottest(view, ({ chipMaximumCelsius }) => chipMaximumCelsius),
			2,
		),
		"Chip Temp Avg": fixed(
			hottest(view, ({ chipAverageCelsius }) => chipAverageCelsius),
			2,
		),
		Debug: "-0.0_100.0_354",
		"Btminer Fast Boot": "disable",
	};
}

function boardRows(view: MinerView): JsonObject {
	const rows = view.boards.filter(({ isAlive }) => isAlive).map((board, row) => boardRow(view, board, row));
	return envelope(status(view, 9, `${rows.length} ASC(s)`), "DEVS", rows);
}

function boardRow(view: MinerView, board: BoardView, row: number): JsonObject {
	const share = board.terahashesPerSecond / Math.max(view.terahashesPerSecond, 1e-9);
	return {
		ASC: row,
		Name: "SM",
		ID: row,
		Slot: board.index,
		Enabled: "Y",
		Status: "Alive",
		Temperature: fixed(board.boardCelsius, 1),
		"Chip Frequency": Math.round(view.frequencyMegahertz),
		"Fan Speed In": view.fanRevolutionsPerMinute[0] ?? 0,
		"Fan Speed Out": view.fanRevolutionsPerMinute[1] ?? 0,
		"MHS av": megahashes(view.sinceStartTerahashesPerSecond * board.share),
		"MHS 5s": megahashes(board.terahashesPerSecond),
		"MHS 1m": megahashes(view.averages.oneMinute * share),
		"MHS 5m": megahashes(view.averages.fiveMinutes * share),
		"MHS 15m": megahashes(view.averages.fifteenMinutes * share),
		"HS RT": megahashes(board.terahashesPerSecond),
		"Factory GHS": Math.round((view.model.nameplateTerahashesPerSecond * 1_000) / view.boards.length),
		Accepted: Math.floor(view.shares.accepted * board.share),
		Rejected: Math.floor(view.shares.rejected * board.share),
		"Hardware Errors": Math.floor(view.hardwareErrors * board.share),
		"Last Share Pool": 0,
		"Last Share Time": view.unixSeconds - 4,
		"Total MH": Math.floor(view.terahashes * board.share * 1e6),
		"Device Hardware%": 0,
		"Device Rejected%": 0,
		"Device Elapsed": view.minerUptimeSeconds,
		"Upfreq Complete": view.minerUptimeSeconds > 80 ? 1 : 0,
		"Effective Chips": board.chips,
		"PCB SN": view.identity.boardSerials[board.index] ?? "",
		"Chip Data": "K88Z347-2039 BINV01-195001D",
		"Chip Temp Min": fixed(board.chipMinimumCelsius, 2),
		"Chip Temp Max": fixed(board.chipMaximumCelsius, 2),
		"Chip Temp Avg": fixed(board.chipAverageCelsius, 2),
		chip_vol_diff: 9,
	};
}

function pools(view: MinerView): JsonObject {
	const { accepted, rejected, stale } = view.shares;
	const difficulty = view.model.poolDifficulty;
	return envelope(status(view, 7, "1 Pool(s)"), "POOLS", [
		{
			POOL: 1,
			URL: "stratum+tcp://stratum.pool.example:700",
			Status: "Alive",
			Priority: 0,
			Quota: 1,
			"Long Poll": "N",
			Getworks: Math.floor(view.minerUptimeSeconds / 21),
			Accepted: accepted,
			Rejected: rejected,
			Works: Math.floor(view.terahashes),
			Discarded: 0,
			Stale: stale,
			"Get Failures": 0,
			"Remote Failures": 0,
			User: view.identity.poolUser,
			"Last Share Time": view.unixSeconds - 4,
			"Diff1 Shares": 0,
			"Proxy Type": "",
			Proxy: "",
			"Difficulty Accepted": accepted * difficulty,
			"Difficulty Rejected": rejected * difficulty,
			"Difficulty Stale": stale * difficulty,
			"Last Share Difficulty": difficulty,
			"Work Difficulty": difficulty,
			"Has Stratum": 1,
			"Stratum Active": true,
			"Stratum URL": "stratum.pool.example",
			"Stratum Difficulty": difficulty,
			"Best Share": 54_727_919_944,
			"Pool Rejected%": fixed((100 * rejected) / Math.max(accepted + rejected, 1), 4),
			"Pool Stale%": 0,
			"Bad Work": 0,
			"Current Block Height": 0,
			"Current Block Version": 536_870_912,
		},
	]);
}

// API 3

export const whatsminerV3: MinerFamily = { framed: v3 };

const V3_INVALID_COMMAND = -2;
const V3_INVALID_JSON = -3;
const V3_NO_PERMISSION = -4;

const INFO_PARTS: Readonly<Record<string, (view: MinerView) => Json>> = {
	network: ({ identity }) => ({
		ip: identity.host,
		proto: "dhcp",
		netmask: "255.255.255.0",
		dns: "",
		mac: identity.mac.toUpperCase(),
		gateway: "",
		hostname: identity.hostname,
	}),
	miner: minerPart,
	system: () => ({
		api: "3.0.2",
		platform: "H616",
		fwversion: V3_FIRMWARE,
		"control-board-version": "CB6V10",
		ledstatus: "auto",
		apiswitch: "1",
	}),
	power: (view) => ({
		type: "P221B",
		mode: "1",
		hwversion: "RT0159",
		swversion: "230224.220429",
		model: "P221B",
		iin: fixed(view.watts / INPUT_VOLTS, 3),
		vin: INPUT_VOLTS,
		vout: OUTPUT_VOLTS,
		pin: Math.round(view.watts),
		fanspeed: psuFan(view),
		temp0: fixed(view.ambientCelsius + 16, 1),
		sn: view.identity.serial.slice(0, 13),
		vendor: "1",
	}),
	salt: () => "BQ5hoXV9",
	"error-code": (view) =>
		errorCodes(view).map(({ code, reason }) => ({ [String(code)]: stamp(view.unixSeconds), reason })),
};

const STATUS_PARTS: Readonly<Record<string, (view: MinerView) => Json>> = {
	summary: v3Summary,
	pools: (view) =>
		[0, 1, 2].map((index) => ({
			url: `stratum+tcp://stratum${index === 0 ? "" : index + 1}.pool.example:3333`,
			account: view.identity.poolUser,
			status: "alive",
			"pool-priority": index,
			"stratum-active": index === 0,
			"reject-rate": 0,
			"last-share-time": view.unixSeconds - 4,
		})),
	edevs: (view) => view.boards.filter(({ isAlive }) => isAlive).map((board) => v3Board(view, board)),
};

function v3(text: string, view: MinerView): JsonObject {
	if (!/^\s*\{[\s\S]*\}\s*$/.test(text)) return v3Reply(view, V3_INVALID_JSON, "invalid json", "");
	const command = /"cmd"\s*:\s*"([^"]{1,64})"/.exec(text)?.[1];
	const wanted = /"param"\s*:\s*"([^"]{1,120})"/.exec(text)?.[1];
	if (command === "get.device.info") return v3Parts(view, command, INFO_PARTS, wanted?.split("+"));
	if (command === "get.miner.status") return v3Parts(view, command, STATUS_PARTS, wanted?.split("+") ?? []);
	if (command?.startsWith("set.")) return v3Reply(view, V3_NO_PERMISSION, "no permission", command);
	return v3Reply(view, V3_INVALID_COMMAND, "invalid command", command ?? "");
}

function v3Parts(
	view: MinerView,
	command: string,
	parts: Readonly<Record<string, (view: MinerView) => Json>>,
	wanted: readonly string[] = Object.keys(parts),
): JsonObject {
	const message: Record<string, Json> = {};
	for (const name of wanted) {
		const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
		if (part !== undefined) message[name] = part(view);
	}
	const isKnown = Object.keys(message).length > 0;
	return isKnown ? v3Reply(view, 0, message, command) : v3Reply(view, -1, "invalid param", command);
}

function v3Reply(view: MinerView, code: number, message: Json, description: string): JsonObject {
	return { code, when: view.unixSeconds, msg: message, desc: description };
}

function minerPart(view: MinerView): JsonObject {
	const values: Record<string, Json> = {
		working: "true",
		type: view.model.model,
		"hash-board": "K40",
		"detect-hash-rate": view.boards
			.map(({ nominalTerahashesPerSecond }) => Math.round(nominalTerahashesPerSecond * 1_000))
			.join(":"),
		"miner-sn": view.identity.serial,
		"board-num": String(view.boards.length),
		"hash-percent": "0",
		"fast-boot": "disable",
		"pool-strategy": "FAILOVER",
	};
	for (const { index } of view.boards) {
		values[`pcbsn${index}`] = view.identity.boardSerials[index] ?? "";
		values[`chipdata${index}`] = "K8EC374-2426 BINVE6-197806A";
	}
	return values;
}

function v3Summary(view: MinerView): JsonObject {
	const living = view.boards.filter(({ isAlive }) => isAlive);
	return {
		elapsed: view.minerUptimeSeconds,
		"bootup-time": view.uptimeSeconds,
		"freq-avg": Math.round(view.frequencyMegahertz),
		"target-freq": view.model.frequencyMegahertz,
		"factory-hash": view.model.nameplateTerahashesPerSecond,
		"hash-average": fixed(view.sinceStartTerahashesPerSecond, 3),
		"hash-1min": fixed(view.averages.oneMinute, 3),
		"hash-15min": fixed(view.averages.fifteenMinutes, 3),
		"hash-realtime": fixed(view.terahashesPerSecond, 3),
		"power-rate": fixed(view.watts / Math.max(view.averages.oneMinute, 0.001), 2),
		"power-5min": fixed(view.watts, 1),
		"power-realtime": fixed(view.watts, 1),
		"power-limit": powerLimit(view),
		"environment-temperature": fixed(view.ambientCelsius, 1),
		"board-temperature": living.map(({ boardCelsius }) => fixed(boardCelsius, 1)),
		"chip-temp-min": fixed(
			coolest(view, ({ chipMinimumCelsius }) => chipMinimumCelsius),
			1,
		),
		"chip-temp-avg": fixed(
			hottest(view, ({ chipAverageCelsius }) => chipAverageCelsius),
			1,
		),
		"chip-temp-max": fixed(
			hottest(view, ({ chipMaximumCelsius }) => chipMaximumCelsius),
			1,
		),
		"fan-speed-in": view.fanRevolutionsPerMinute[0] ?? 0,
		"fan-speed-out": view.fanRevolutionsPerMinute[1] ?? 0,
		"up-freq-finish": view.minerUptimeSeconds > 80 ? 1 : 0,
		Debug: "",
	};
}

function v3Board(view: MinerView, board: BoardView): JsonObject {
	return {
		id: board.index,
		slot: board.index,
		status: "alive",
		"hash-average": fixed(view.sinceStartTerahashesPerSecond * board.share, 3),
		"hash-realtime": fixed(board.terahashesPerSecond, 3),
		"factory-hash": fixed(view.model.nameplateTerahashesPerSecond / view.boards.length, 2),
		freq: fixed(view.frequencyMegahertz, 1),
		"effective-chips": board.chips,
		"chip-temp-min": fixed(board.chipMinimumCelsius, 1),
		"chip-temp-avg": fixed(board.chipAverageCelsius, 1),
		"chip-temp-max": fixed(board.chipMaximumCelsius, 1),
	};
}
