/**
 * ePIC firmware (PowerPlay, UMC) on Antminer and its own hardware: HTTP on port 4028, reads without a password. Data
 * and pure layout.
 *
 * Rates are MH/s; a board's `Hashrate` is [MH/s, percent of target, percent of errors]. Watts are the supply's input,
 * else the boards' DC input.
 */
import { defineDriver, type Parsed } from "./driver.js";
import { OUR_POOL_STATES, OUR_STATES, sensorReads } from "./kit/cgminer.js";
import { fanSpeedParts, unlessNoneIsFitted } from "./kit/fans.js";
import { algorithmNamed, plainBoardRateReads, plainRateReads, rateIn, ratesOf } from "./kit/rates.js";
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
	megahertz,
	percent,
	seconds,
	terahashesPerSecond,
	volts,
	watts,
} from "./kit/vendor-units.js";

const web = (path: string) => ({ over: "http", port: 4028, path, format: "json", optional: true }) as const;

const WALL = { source: "reported", boundary: "wall" } as const;
const CALCULATED = { source: "estimated", boundary: "wall" } as const;
const BOARDS = { source: "reported", boundary: "board" } as const;

export const epic = defineDriver({
	name: "epic",
	kind: "miner",
	title: "ePIC firmware (PowerPlay, UMC)",
	makes: ["Bitmain", "ePIC"],
	models: ["Antminer S17 to S21 and their variants", "BlockMiner", "SC200"],
	firmwares: ["PowerPlay 1.0 to 1.38"],
	source: "ePIC's API documents, 1.38.3 the newest; answers of an S19 XP on PowerPlay-BMS 1.5.13",
	grade: "recorded",
	requests: {
		summary: { over: "http", port: 4028, path: "/summary", format: "json" },
		temps: web("/temps"),
		chipTemps: { ...web("/temps/chip"), everySeconds: 30 },
		capabilities: { ...web("/capabilities"), rarely: true },
		network: { ...web("/network"), rarely: true },
	},
	recognises: ({ web: root, page }) =>
		/Miner Web Dashboard/i.test(root) ||
		/"(?:HBs|HBStatus|Fans Rpm|Power Supply Stats|StratumConfigs)"/.test(page("/summary")) ||
		/"(?:Max HBs|Psu Info|Chips Per Bank)"/.test(page("/capabilities")),
	layOut: layOutEpic,
	identity: {
		make: { at: [["make"]] },
		model: { at: [["model"]] },
		firmware: { at: [["summary", "Software"]] },
		serial: {
			at: [
				["capabilities", "Serial Number"],
				["capabilities", "Miner Serial Number"],
				["capabilities", "Control Board Version", "cpuSerial"],
			],
		},
		mac: { at: [["network", "*", "mac_address"]] },
		hostname: {
			at: [
				["summary", "Hostname"],
				["summary", "Network", "Hostname"],
			],
		},
		algorithm: { at: [["algorithm"]] },
	},
	power: WALL,
	reads: {
		...plainRateReads,
		hashrateNameplateTerahashesPerSecond: {
			at: ["capabilities", "Default Hashrate"],
			unit: terahashesPerSecond,
			absent: [0],
		},
		powerWatts: [
			{ at: ["supplyRecord", "Input Power"], unit: watts, absent: [0] },
			{ at: ["calculatedWatts"], unit: watts, absent: [0], power: CALCULATED },
			{ at: ["boardWatts"], unit: watts, power: BOARDS },
		],
		hashboardOutputPowerWatts: { at: ["supplyRecord", "Output Power"], unit: watts, absent: [0] },
		powerTargetWatts: { at: ["summary", "PresetInfo", "Target Power"], unit: watts, absent: [0] },
		fanDutyRatio: { at: ["summary", "Fans", "Fans Speed"], unit: percent },
		boardCount: { at: ["summary", "Session", "Active HBs"] },
		boardSlotCount: { at: ["capabilities", "Max HBs"] },
		frequencyMegahertz: { at: ["boards", "*", "Core Clock Avg"], unit: megahertz, absent: [0], of: "mean" },
		minerUptimeSeconds: { at: ["summary", "Session", "Uptime"], unit: seconds },
		sharesAccepted: { at: ["summary", "Session", "Accepted"] },
		sharesRejected: { at: ["summary", "Session", "Rejected"] },
		poolState: { at: ["poolState"], words: OUR_POOL_STATES },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		{
			part: "board",
			each: ["boards"],
			key: ["Index"],
			reads: {
				...plainBoardRateReads,
				powerWatts: { at: ["Input Power"], unit: watts, absent: [0], power: BOARDS },
				coreVoltageVolts: [
					{ at: ["Output Voltage"], unit: volts, absent: [0] },
					{ at: ["Input Voltage"], unit: volts, absent: [0] },
				],
				inputCurrentAmperes: { at: ["Input Current"], unit: amperes, absent: [0] },
				frequencyMegahertz: { at: ["Core Clock Avg"], unit: megahertz, absent: [0] },
				boardTemperatureCelsius: [
					{ at: ["Temperature"], unit: celsius, absent: [0] },
					{ at: ["sensors", "*"], unit: celsius, absent: [0], of: "highest" },
				],
				...sensorReads("boardSensor", "sensors"),
				chipTemperatureCelsius: { at: ["chipSensors", "*"], unit: celsius, absent: [0], of: "highest" },
			},
		},
		fanSpeedParts,
		{
			part: "psu",
			each: ["supply"],
			reads: {
				inputVoltageVolts: { at: ["Input Voltage"], unit: volts, absent: [0] },
				inputCurrentAmperes: { at: ["Input Current"], unit: amperes, absent: [0] },
				outputVoltageVolts: { at: ["Output Voltage"], unit: volts, absent: [0] },
				outputCurrentAmperes: { at: ["Output Current"], unit: amperes, absent: [0] },
				psuTemperatureCelsius: { at: ["Temperature", "*"], unit: celsius, absent: [0], of: "highest" },
			},
		},
	],
	errorCodes: [["errors", "*"]],
	caveats: [
		"Where the firmware says that the supply has no meter (`True Power`), its input watts are the firmware's calculation.",
		"Port 4028 speaks HTTP here, not the cgminer protocol.",
		"Supplies without a meter leave the boards' DC input as the only watts, and some boards none.",
		"A fan at 0 rpm stands still; a slot without a fan is not listed.",
		"No boards listed is a rate of zero where the miner says it rests, and else a rate not told.",
	],
});

const MEGA = 1e6;

function layOutEpic(answers: Parsed): Parsed {
	const summary = recordOf(at(answers, "summary"));
	const boards = recordsOf(at(summary, "HBs"));
	const supplyRecord = recordOf(at(summary, "Power Supply Stats"));
	const sensors = byIndex(at(answers, "temps"));
	const chips = byIndex(at(answers, "chipTemps"));
	const sum = (read: (board: AnyRecord) => unknown) => {
		const found = boards.flatMap((board) => numberOf(read(board)) ?? []);
		return found.length === 0 ? undefined : found.reduce((all, one) => all + one, 0);
	};
	const boardWatts = sum((board) => at(board, "Input Power"));
	const errors = [
		errorNamed(at(summary, "Status", "Last Error")),
		errorNamed(at(summary, "Last License Error")),
		errorNamed(at(summary, "Last Devfee Error")),
	].filter((error) => error !== undefined);
	const said = saidState(summary, errors[0]);
	const isCalculated = at(answers, "capabilities", "Psu Info", "True Power") === false;
	const isAtRest = said === "idle" || said === "stopped" || said === "overheated";
	const megahashes =
		sum((board) => at(board, "Hashrate", 0)) ?? (boards.length === 0 && isAtRest ? 0 : undefined);
	const model = modelOf(answers);
	const algorithm = algorithmOf(at(summary, "Mining", "Algorithm"));
	return present({
		make: model === undefined || /^antminer/i.test(model) ? "Bitmain" : "ePIC",
		model,
		algorithm,
		rates: ratesOf(algorithm, {
			now: rateIn(megahashes, MEGA),
			average: rateIn(at(summary, "Session", "Average MHs"), MEGA),
		}),
		boardWatts: boardWatts === 0 ? undefined : boardWatts,
		supplyRecord: isCalculated ? undefined : supplyRecord,
		calculatedWatts: isCalculated ? at(supplyRecord, "Input Power") : undefined,
		supply: supplyRecord,
		boards: boards.map((board) => {
			const index = numberOf(at(board, "Index")) ?? -1;
			const rates = ratesOf(algorithm, { now: rateIn(at(board, "Hashrate", 0), MEGA) });
			return present({ ...board, rates, sensors: sensors.get(index), chipSensors: chips.get(index) });
		}),
		fans: unlessNoneIsFitted(
			numbered(recordOf(at(summary, "Fans Rpm")) ?? {}, /(\d+)$/)
				.filter(({ value }) => numberOf(value) !== undefined)
				.map(({ slot, value }) => ({ slot: String(slot), speed: value })),
			(megahashes ?? 0) > 0,
		),
		poolState: poolStateOf(at(summary, "Stratum", "IsPoolConnected")),
		state: said ?? (megahashes === undefined ? undefined : megahashes > 0 ? "mining" : "idle"),
		errors,
	});
}

function byIndex(list: unknown): ReadonlyMap<number, unknown> {
	return new Map(recordsOf(list).map((record) => [numberOf(at(record, "Index")) ?? -1, at(record, "Data")]));
}

/** "AntMiner S19 XP" is written Antminer by everyone else. */
function modelOf(answers: Parsed): string | undefined {
	return textOf(firstOf([at(answers, "capabilities", "Model"), at(answers, "summary", "Model")]))?.replace(
		/^antminer/i,
		"Antminer",
	);
}

/** Most are of SHA-256 and say nothing of it. */
function algorithmOf(said: unknown): string {
	return algorithmNamed(said) ?? "sha256";
}

function poolStateOf(isConnected: unknown): string | undefined {
	return typeof isConnected === "boolean" ? (isConnected ? "alive" : "dead") : undefined;
}

/** "NoHashboardsConnected", or the same word with what belongs to it: `{ "HbChipDetectError": [0, 2] }`. */
function errorNamed(error: unknown): string | undefined {
	const [name] = Object.entries(recordOf(error) ?? {});
	if (name === undefined) return textOf(error);
	const detail = [name[1]].flat(2).flatMap((one) => textOf(one) ?? []);
	return detail.length === 0 ? name[0] : `${name[0]} ${detail.join(" ")}`;
}

const STATES: readonly (readonly [RegExp, string])[] = [
	[/^mining/, "mining"],
	[/^idl/, "idle"],
	[/tun|adjust|benchmark|calibrat|^test/, "tuning"],
	[/error|fail|fault/, "failed"],
	[/shut|stop|off$/, "stopped"],
	[/init|boot|start|power|loading|updat/, "starting"],
];

/** It idles after it became too hot as it does when told to: the error says why. */
function saidState(summary: AnyRecord | undefined, error: string | undefined): string | undefined {
	const said = textOf(at(summary, "Status", "Operating State"))?.toLowerCase() ?? "";
	const state = STATES.find(([pattern]) => pattern.test(said))?.[1];
	return state === "idle" && /TempReached/.test(error ?? "") ? "overheated" : state;
}
