/**
 * Bitaxe with AxeOS, and its forks (NerdAxe, NerdQAxe, Lucky miner): one HTTP answer tells all. Data and
 * pure layout.
 *
 * `power` is measured at the DC input. `voltage` times `current` is not the power on a Bitaxe: the voltage
 * is the input's, the current the chip's rail.
 *
 * @see https://github.com/bitaxeorg/ESP-Miner/blob/master/main/http_server/openapi.yaml
 */
import { defineDriver, type Parsed, type Remembered } from "./driver.js";
import { OUR_POOL_STATES, OUR_STATES, plainPoolFacts, sensorReads } from "./kit/cgminer.js";
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
import { usualSeconds } from "./kit/recall.js";
import {
	celsius,
	gigahashesPerSecond,
	megahertz,
	millivolts,
	percent,
	revolutionsPerMinute,
	seconds,
	watts,
} from "./kit/vendor-units.js";

/** −1 and 0 stand for a sensor that is not fitted. */
const NO_SENSOR = [-1, 0];
const REMEMBERED_MOST = 720;

export const bitaxe = defineDriver({
	name: "bitaxe",
	kind: "miner",
	title: "Bitaxe, NerdAxe (AxeOS)",
	makes: ["Bitaxe", "NerdAxe", "Lucky Miner"],
	models: [
		"Max",
		"Ultra",
		"Supra",
		"Gamma",
		"Hex",
		"GT",
		"Gamma Duo",
		"Supra Hex",
		"NerdAxe",
		"NerdOctAxe",
		"NerdQAxe+",
		"NerdQAxe++",
		"LV06 to LV08",
	],
	firmwares: ["AxeOS 2.0 to 2.15", "NerdOS 1.0 to 1.2"],
	source: "ESP-Miner's OpenAPI document; answers of Supra 401, Gamma 601 and NerdQAxe++",
	grade: "recorded",
	requests: {
		info: { over: "http", port: 80, path: "/api/system/info", format: "json" },
		asic: { over: "http", port: 80, path: "/api/system/asic", format: "json", optional: true, rarely: true },
	},
	recognises: ({ page, web }) =>
		/"(?:ASICModel|asicCount|axeOSVersion|coreVoltageActual|deviceModel)"/.test(
			page("/api/system/info") + page("/api/system/asic"),
		) || /AxeOS|NerdOS|Nerd\w*Axe|Lucky ?miner/i.test(web),
	layOut: layOutBitaxe,
	identity: {
		make: { at: [["make"]] },
		model: { at: [["model"]] },
		firmware: {
			at: [
				["info", "version"],
				["info", "axeOSVersion"],
			],
		},
		mac: { at: [["info", "macAddr"]] },
		hostname: { at: [["info", "hostname"]] },
		algorithm: "sha256",
	},
	power: { source: "reported", boundary: "board" },
	reads: {
		hashrateTerahashesPerSecond: { at: ["info", "hashRate"], unit: gigahashesPerSecond },
		hashrateOneMinuteTerahashesPerSecond: { at: ["info", "hashRate_1m"], unit: gigahashesPerSecond },
		hashrateOneHourTerahashesPerSecond: { at: ["info", "hashRate_1h"], unit: gigahashesPerSecond },
		hashrateOneDayTerahashesPerSecond: { at: ["info", "hashRate_1d"], unit: gigahashesPerSecond },
		hashrateNominalTerahashesPerSecond: {
			at: ["info", "expectedHashrate"],
			unit: gigahashesPerSecond,
			absent: [0],
		},
		powerWatts: { at: ["info", "power"], unit: watts },
		powerLimitMaximumWatts: { at: ["info", "maxPower"], unit: watts, absent: [0] },
		inputVoltageVolts: { at: ["info", "voltage"], unit: millivolts },
		coreVoltageVolts: [
			{ at: ["info", "coreVoltageActual"], unit: millivolts, absent: [0] },
			{ at: ["info", "coreVoltage"], unit: millivolts, absent: [0] },
		],
		chipTemperatureCelsius: {
			at: ["chipTemperatures", "*"],
			unit: celsius,
			absent: NO_SENSOR,
			of: "highest",
		},
		...sensorReads("chipSensor", "chipTemperatures"),
		voltageRegulatorTemperatureCelsius: { at: ["info", "vrTemp"], unit: celsius, absent: NO_SENSOR },
		chipTemperatureLimitCelsius: { at: ["info", "overheat_temp"], unit: celsius, absent: NO_SENSOR },
		frequencyMegahertz: [
			{ at: ["info", "actualFrequency"], unit: megahertz, absent: [0] },
			{ at: ["info", "frequency"], unit: megahertz, absent: [0] },
		],
		sharesAccepted: { at: ["info", "sharesAccepted"] },
		sharesRejected: { at: ["info", "sharesRejected"] },
		uptimeSeconds: { at: ["info", "uptimeSeconds"], unit: seconds },
		sharesStale: { at: ["info", "sharesStale"] },
		hardwareErrors: { at: ["info", "hashrateMonitor", "asics", "*", "errorCount"], of: "sum" },
		chipCount: [{ at: ["info", "asicCount"] }, { at: ["asic", "asicCount"] }, { at: ["chipCount"] }],
		activePoolCount: { at: ["pools", "alive"] },
		poolState: { at: ["pools", "state"], words: OUR_POOL_STATES },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		{
			part: "fan",
			each: ["fans"],
			key: ["slot"],
			reads: {
				fanSpeedRevolutionsPerMinute: { at: ["speed"], unit: revolutionsPerMinute },
				fanDutyRatio: { at: ["duty"], unit: percent },
			},
		},
	],
	errorCodes: [["errors", "*"]],
	recall: {
		request: () => ({
			over: "http",
			port: 80,
			path: "/api/system/statistics?columns=hashrate,power,asicTemp,vrTemp",
			format: "json",
		}),
		layOut: rememberedBy,
		reads: {
			hashrateTerahashesPerSecond: { at: ["hashrate"], unit: gigahashesPerSecond },
			powerWatts: { at: ["power"], unit: watts },
			chipTemperatureCelsius: { at: ["asicTemp"], unit: celsius, absent: NO_SENSOR },
			voltageRegulatorTemperatureCelsius: { at: ["vrTemp"], unit: celsius, absent: NO_SENSOR },
		},
	},
	caveats: [
		"Power is measured at the DC input; the loss of the plug supply is not in it.",
		"From outside private address ranges the firmware answers 401.",
		"It remembers its last 720 moments, one each `statsFrequency` seconds, where that is set: they fill the time in which the agent was down.",
		"`hashRate` is noisy; the averages of one minute and one hour exist from AxeOS 2.12.",
	],
});

function layOutBitaxe(answers: Parsed): Parsed {
	const info = recordOf(at(answers, "info")) ?? {};
	const device = textOf(firstOf([at(info, "deviceModel"), at(answers, "asic", "deviceModel")]));
	const isNerd = /nerd/i.test(device ?? "");
	const isLucky = /lucky|^lv\d/i.test(device ?? "");
	return present({
		make: isNerd ? "NerdAxe" : isLucky ? "Lucky Miner" : "Bitaxe",
		model: modelOf(info, device, isNerd || isLucky),
		chipTemperatures: chipTemperatures(info),
		fans: fansOf(info),
		chipCount: [at(info, "asicTemps"), at(info, "hashrateMonitor", "asics")].find(isFilled)?.length,
		pools: poolsOf(info),
		state: stateOf(info),
		errors: errorsOf(info),
	});
}

/**
 * Rows of numbers under labels, the last of which is the time in ms since the board started; forks with other labels
 * count it in other units, and are left alone.
 */
function rememberedBy(answer: unknown): Remembered | undefined {
	const labels = at(answer, "labels");
	const rows = at(answer, "statistics");
	const now = numberOf(at(answer, "currentTimestamp"));
	if (!Array.isArray(labels) || !Array.isArray(rows) || now === undefined) return undefined;
	if (!labels.includes("timestamp") || !labels.includes("hashrate")) return undefined;
	const moments = rows.slice(0, REMEMBERED_MOST).flatMap((row: unknown) => {
		const said = Object.fromEntries(labels.map((label, place) => [String(label), at(row, place)]));
		const time = numberOf(said["timestamp"]);
		return time === undefined || time > now ? [] : [{ agoMilliseconds: now - time, said }];
	});
	return { seconds: usualSeconds(moments), moments };
}

/** Boards are numbered by generation: 2xx Ultra, 4xx Supra, 6xx Gamma, and their larger sisters. */
const GENERATIONS: readonly (readonly [RegExp, string])[] = [
	[/^(?:1|2\.)/, "Max"],
	[/^(?:2|0\.11)/, "Ultra"],
	[/^3/, "Hex"],
	[/^4/, "Supra"],
	[/^65/, "Gamma Duo"],
	[/^6/, "Gamma"],
	[/^7/, "Supra Hex"],
	[/^8/, "Gamma Turbo"],
];

/** A fork's own name is whole; a Bitaxe is named by its generation and board. */
function modelOf(info: AnyRecord, device: string | undefined, isFork: boolean): string | undefined {
	if (isFork) return device;
	const board = textOf(at(info, "boardVersion"));
	const name = device ?? GENERATIONS.find(([pattern]) => pattern.test(board ?? ""))?.[1];
	const words = ["Bitaxe", name ?? textOf(at(info, "ASICModel")), board].filter((word) => word !== undefined);
	return words.length === 1 ? undefined : words.join(" ");
}

function isFilled(list: unknown): list is readonly unknown[] {
	return Array.isArray(list) && list.length > 0;
}

/** The chips' own sensors where there are any, else the one beside the chip. */
function chipTemperatures(info: AnyRecord): readonly number[] {
	const fitted = (values: readonly unknown[]) =>
		values.flatMap((value) => numberOf(value) ?? []).filter((value) => !NO_SENSOR.includes(value));
	const list = at(info, "asicTemps");
	const own = Array.isArray(list) ? fitted(list) : [];
	return own.length > 0 ? own : fitted([at(info, "temp"), at(info, "temp2")]);
}

/** A second fan at 0 rpm is not fitted; the first is always there. */
function fansOf(info: AnyRecord): readonly AnyRecord[] {
	const list = recordsOf(at(info, "fans"));
	if (list.length > 0)
		return list.map((fan, index) => ({
			slot: String(index),
			speed: at(fan, "rpm"),
			duty: at(fan, "speedPerc"),
		}));
	const said = firstOf(["fanspeed", "fanSpeed", "fanspeedpercent"].map((name) => at(info, name)));
	const speeds = ["fanrpm", "fanRpm"].map((name) => at(info, name)).find(isFilled);
	if (speeds !== undefined) return speeds.map((speed, index) => ({ slot: String(index), speed, duty: said }));
	const first = {
		slot: "0",
		speed: firstOf(["fanrpm", "fanRpm", "fanRPM", "fanSpeedRpm"].map((name) => at(info, name))),
		duty: said,
	};
	const others = [...numbered(info, /^fan(\d)rpm$/), ...numbered(info, /^fanrpm(\d)$/)]
		.filter(({ value }) => (numberOf(value) ?? 0) > 0)
		.map(({ slot, value }) => ({ slot: String(slot - 1), speed: value }));
	return first.speed === undefined && first.duty === undefined ? others : [first, ...others];
}

/** NerdOS lists its pools; AxeOS says in words how it is connected to the one in use: "IPv4 (TLS)", "Not Connected". */
function poolsOf(info: AnyRecord): AnyRecord | undefined {
	const list = recordsOf(at(info, "stratum", "pools"));
	if (list.length > 0) return plainPoolFacts({ list, isAlive: (pool) => isOn(at(pool, "connected")) });
	const said = textOf(at(info, "poolConnectionInfo"));
	return said === undefined ? undefined : { state: /^not\b|disconnect/i.test(said) ? "dead" : "alive" };
}

function isOn(value: unknown): boolean {
	return /^(?:true|1)$/.test(textOf(value) ?? "");
}

/** The firmware's own alarms: heat, a fault of the supply or the board, and mining for the pool that was meant as a spare. */
function errorsOf(info: AnyRecord): readonly string[] {
	const alarms = ["overheat_mode", "isUsingFallbackStratum"].filter((name) => isOn(at(info, name)));
	const faults = [
		["power_fault", textOf(firstOf([at(info, "power_fault"), at(info, "powerFault")]))],
		["hardware_fault", textOf(firstOf([at(info, "hardware_fault"), at(info, "hardwareFault")]))],
	] as const;
	const isFault = (word: string | undefined) => word !== undefined && !/^(?:0|false|none|ok)$/i.test(word);
	return [...alarms, ...faults.flatMap(([name, word]) => (isFault(word) ? [`${name}:${word}`] : []))];
}

function stateOf(info: AnyRecord): string | undefined {
	if (isOn(at(info, "overheat_mode"))) return "overheated";
	if (isOn(at(info, "shutdown")) || isOn(at(info, "miningPaused"))) return "stopped";
	const rate = numberOf(at(info, "hashRate"));
	if (rate === undefined) return undefined;
	return rate > 0 ? "mining" : "idle";
}
