/**
 * Avalon A1566: the cgminer RPC of MM319 firmware. Takes the machine's view, gives answers: its state
 * is one string of `Key[value]` tokens under "MM ID0", with watts at the wall as the last of PS; the
 * clock of `When` counts from the start. Writes (`ascset`) are refused.
 */
import { type CgminerDialect, envelope, fixed, type JsonObject, statusRow } from "../cgminer-protocol.js";
import type { MinerView } from "../miner-view.js";
import type { MinerFamily } from "./family.js";

const DESCRIPTION = "cgminer 4.11.1";
const FIRMWARE = "24102401_25462b2_9ddf522";
const SUPPLY_EFFICIENCY = 0.945;
const OUTPUT_CENTIVOLTS = 1_187;
const POWER_LIMIT_MARGIN_WATTS = 95;
/** Error words of a board: 64 is too hot, 512 a failed core test. */
const TOO_HOT_WORD = 64;
const BOARD_FAILED_WORD = 512;

const dialect: CgminerDialect<MinerView> = {
	keys: ["command"],
	joins: true,
	invalidCommand: "Invalid command",
	refuses: (view, code, message) => ({ STATUS: [statusRow(status(view, code, message), "E")], id: 1 }),
	commands: {
		version: (view) =>
			envelope(status(view, 22, "CGMiner versions"), "VERSION", [
				{
					CGMiner: "4.11.1",
					API: "3.7",
					STM8: "20.08.01",
					PROD: `AvalonMiner ${view.model.model}`,
					MODEL: view.model.model,
					HWTYPE: "MM4v2_X3",
					SWTYPE: "MM319",
					VERSION: FIRMWARE,
					LOADER: "d0d779de.00",
					DNA: dna(view),
					MAC: view.identity.mac.replaceAll(":", ""),
					UPAPI: "2",
				},
			]),
		summary: (view) => envelope(status(view, 11, "Summary"), "SUMMARY", [summary(view)]),
		stats: (view) => envelope(status(view, 70, "CGMiner stats"), "STATS", statsRows(view)),
		estats: (view) => envelope(status(view, 70, "CGMiner stats"), "STATS", statsRows(view)),
		devs: (view) => envelope(status(view, 9, "1 ASC(s)"), "DEVS", [device(view)]),
		devdetails: (view) =>
			envelope(status(view, 69, "Device Details"), "DEVDETAILS", [
				{ DEVDETAILS: 0, Name: "AVA10", ID: 0, Driver: "avalon10", Kernel: "", Model: "", "Device Path": "" },
			]),
		pools: (view) =>
			envelope(
				status(view, 7, "3 Pool(s)"),
				"POOLS",
				[0, 1, 2].map((index) => pool(view, index)),
			),
		config: (view) =>
			envelope(status(view, 33, "CGMiner config"), "CONFIG", [
				{
					"ASC Count": 1,
					"PGA Count": 0,
					"Pool Count": 3,
					Strategy: "Failover",
					"Log Interval": 5,
					"Device Code": "AVALON",
					OS: "Linux",
					Hotplug: "None",
				},
			]),
		coin: (view) =>
			envelope(status(view, 78, "CGMiner coin"), "COIN", [
				{ "Hash Method": "sha256", "Current Block Time": view.minerUptimeSeconds, LP: true },
			]),
	},
};

export const avalon: MinerFamily = { cgminer: dialect };

function status(view: MinerView, code: number, message: string) {
	return { when: view.uptimeSeconds, code, message, description: DESCRIPTION };
}

function dna(view: MinerView): string {
	return view.identity.serial.slice(-14).toLowerCase().padStart(16, "0");
}

function summary(view: MinerView): JsonObject {
	const { accepted, rejected, stale } = view.shares;
	const difficulty = view.model.poolDifficulty;
	return {
		Elapsed: view.minerUptimeSeconds,
		...rates(view),
		"Found Blocks": 0,
		Getworks: Math.floor(view.minerUptimeSeconds / 36),
		Accepted: accepted,
		Rejected: rejected,
		"Hardware Errors": view.hardwareErrors,
		Utility: fixed((accepted * 60) / Math.max(view.minerUptimeSeconds, 1), 2),
		Discarded: 0,
		Stale: stale,
		"Get Failures": 0,
		"Local Work": Math.floor(view.terahashes / 20),
		"Remote Failures": 0,
		"Network Blocks": Math.floor(view.minerUptimeSeconds / 600),
		"Total MH": Math.floor(view.terahashes * 1e6),
		"Work Utility": fixed((view.averages.oneHour * 60 * 1e12) / 2 ** 32, 2),
		"Difficulty Accepted": accepted * difficulty,
		"Difficulty Rejected": rejected * difficulty,
		"Difficulty Stale": stale * difficulty,
		"Best Share": 19_649_871,
		"Device Hardware%": 0,
		"Device Rejected%": 0.6275,
		"Pool Rejected%": fixed((100 * rejected) / Math.max(accepted + rejected, 1), 4),
		"Pool Stale%": 0,
		"Last getwork": view.uptimeSeconds,
	};
}

function rates(view: MinerView): JsonObject {
	const megahashes = (terahashesPerSecond: number) => fixed(terahashesPerSecond * 1e6, 2);
	return {
		"MHS av": megahashes(view.sinceStartTerahashesPerSecond),
		"MHS 30s": megahashes(view.terahashesPerSecond * 0.3 + view.averages.oneMinute * 0.7),
		"MHS 1m": megahashes(view.averages.oneMinute),
		"MHS 5m": megahashes(view.averages.fiveMinutes),
		"MHS 15m": megahashes(view.averages.fifteenMinutes),
	};
}

function device(view: MinerView): JsonObject {
	return {
		ASC: 0,
		Name: "AVA10",
		ID: 0,
		Enabled: "Y",
		Status: "Alive",
		// No sensor behind this key.
		Temperature: -273,
		...rates(view),
		Accepted: view.shares.accepted,
		Rejected: view.shares.rejected,
		"Hardware Errors": view.hardwareErrors,
		Utility: fixed((view.shares.accepted * 60) / Math.max(view.minerUptimeSeconds, 1), 2),
		"Last Share Pool": 0,
		"Last Share Time": view.minerUptimeSeconds,
		"Total MH": Math.floor(view.terahashes * 1e6),
		"Diff1 Work": Math.floor((view.terahashes * 1e12) / 2 ** 32),
		"Difficulty Accepted": view.shares.accepted * view.model.poolDifficulty,
		"Difficulty Rejected": view.shares.rejected * view.model.poolDifficulty,
		"Last Share Difficulty": view.model.poolDifficulty,
		"Last Valid Work": view.uptimeSeconds,
		"Device Hardware%": 0,
		"Device Rejected%": 0.6275,
		"Device Elapsed": Math.max(0, view.minerUptimeSeconds - 51),
	};
}

function statsRows(view: MinerView): readonly JsonObject[] {
	const base = { Elapsed: view.minerUptimeSeconds, Calls: 0, Wait: 0, Max: 0, Min: 99_999_999 };
	return [
		{
			STATS: 0,
			ID: "AVA100",
			...base,
			"MM ID0": tokens(view),
			"MM Count": 1,
			"Smart Speed": 1,
			"Nonce Mask": 25,
		},
		...[1, 2, 3].map((row) => ({
			STATS: row,
			ID: `POOL${row - 1}`,
			...base,
			"Pool Calls": 0,
			"Pool Attempts": 0,
		})),
	];
}

/** The order and spelling of the firmware's own string. */
function tokens(view: MinerView): string {
	const gigahashes = (terahashesPerSecond: number) => (terahashesPerSecond * 1_000).toFixed(2);
	const living = view.boards.filter(({ isAlive }) => isAlive);
	const chips = (of: "chipMaximumCelsius" | "chipAverageCelsius") =>
		view.boards.map((board) => (board.isAlive ? Math.round(board[of]) : -273)).join(" ");
	const all = (of: "chipMaximumCelsius" | "chipAverageCelsius") =>
		Math.round(living.reduce((most, board) => Math.max(most, board[of]), 0));
	const output = Math.round(view.watts * SUPPLY_EFFICIENCY);
	const amperes = Math.round((output * 100) / OUTPUT_CENTIVOLTS);
	const wall = Math.round(view.watts);
	const fan = (index: number) => view.fanRevolutionsPerMinute[index] ?? 0;
	const errorWords = view.boards.map(({ isAlive }) => {
		if (!isAlive) return BOARD_FAILED_WORD;
		return view.isOverheated ? TOO_HOT_WORD : 0;
	});
	const pairs: readonly (readonly [string, string | number])[] = [
		["Ver", `${view.model.model}-${FIRMWARE}`],
		["DNA", dna(view)],
		["MEMFREE", "1392832.1381104"],
		["NETFAIL", "0 0 0 0 0 0 0 0"],
		["SYSTEMSTATU", `Work: In Work, Hash Board: ${living.length} `],
		["Elapsed", view.minerUptimeSeconds],
		["BOOTBY", "0x04.00000000"],
		["LW", Math.floor(view.terahashes / 20)],
		["MH", "0 0 0"],
		["DHW", 0],
		["HW", 0],
		["DH", "1.299%"],
		["Temp", Math.round(view.ambientCelsius)],
		["TMax", all("chipMaximumCelsius")],
		["TAvg", all("chipAverageCelsius")],
		["Fan1", fan(0)],
		["Fan2", fan(1)],
		["FanR", `${Math.round(view.fanDuty * 100)}%`],
		["Vo", 296],
		["PS", `0 1209 ${OUTPUT_CENTIVOLTS} ${amperes} ${output} ${OUTPUT_CENTIVOLTS + 1} ${wall}`],
		["WALLPOWER", wall],
		["GHSspd", gigahashes(view.terahashesPerSecond)],
		["DHspd", "1.299%"],
		["GHSmm", gigahashes(view.presentNominalTerahashesPerSecond)],
		["GHSavg", gigahashes(view.sinceStartTerahashesPerSecond)],
		["WU", fixed((view.averages.oneHour * 60 * 1e12) / 2 ** 32, 2)],
		["Freq", view.frequencyMegahertz.toFixed(2)],
		["Led", 0],
		["MGHS", view.boards.map(({ terahashesPerSecond }) => gigahashes(terahashesPerSecond)).join(" ")],
		["MTmax", chips("chipMaximumCelsius")],
		["MTavg", chips("chipAverageCelsius")],
		["MVavg", "285.7 286.3 285.8"],
		["TA", living.reduce((sum, board) => sum + board.chips, 0)],
		["Core", "A3197S"],
		["PING", 131],
		["POWS", 0],
		["EEPROM", "160 160 160"],
		["HASHS", "0 0 0"],
		["POOLS", 0],
		["SoftOFF", 0],
		["ECHU", errorWords.join(" ")],
		["ECMM", 0],
		["SF0", "300 318 339 360"],
		["SF1", "300 318 339 360"],
		["SF2", "300 318 339 360"],
		["MPO", view.model.nameplateWatts + POWER_LIMIT_MARGIN_WATTS],
		["ADJ", 1],
		["WORKMODE", 0],
	];
	return pairs.map(([key, value]) => `${key}[${value}]`).join(" ");
}

function pool(view: MinerView, index: number): JsonObject {
	const isActive = index === 0;
	const { accepted, rejected } = view.shares;
	const difficulty = view.model.poolDifficulty;
	return {
		POOL: index,
		URL: `stratum+tcp://stratum.pool.example:${3_333 + index}`,
		Status: "Alive",
		Priority: index,
		Quota: 1,
		"Long Poll": "N",
		Getworks: isActive ? Math.floor(view.minerUptimeSeconds / 36) : 1,
		Accepted: isActive ? accepted : 0,
		Rejected: isActive ? rejected : 0,
		Works: isActive ? Math.floor(view.terahashes / 20) : 0,
		Discarded: 0,
		Stale: isActive ? view.shares.stale : 0,
		"Get Failures": 0,
		"Remote Failures": 0,
		User: view.identity.poolUser,
		"Last Share Time": isActive ? view.minerUptimeSeconds : 0,
		"Diff1 Shares": isActive ? accepted * difficulty : 0,
		"Proxy Type": "",
		Proxy: "",
		"Difficulty Accepted": isActive ? accepted * difficulty : 0,
		"Difficulty Rejected": isActive ? rejected * difficulty : 0,
		"Difficulty Stale": 0,
		"Last Share Difficulty": isActive ? difficulty : 0,
		"Work Difficulty": isActive ? difficulty : 0,
		"Has Stratum": true,
		"Stratum Active": isActive,
		"Stratum URL": "stratum.pool.example",
		"Stratum Difficulty": isActive ? difficulty : 0,
		"Has Vmask": true,
		"Has GBT": false,
		"Best Share": isActive ? 19_649_871 : 0,
		"Pool Rejected%": isActive ? fixed((100 * rejected) / Math.max(accepted + rejected, 1), 4) : 0,
		"Pool Stale%": 0,
		"Bad Work": 0,
		"Current Block Height": 0,
		"Current Block Version": 536_870_912,
	};
}
