/**
 * Whatsminer (MicroBT): the older APIs on port 4028 and the framed one on 4433. Data and pure layout.
 *
 * Facts that the field names hide: "HS RT" is MH/s, the device's own current rate; "MHS 5s" swings by a
 * fifth from a handful of nonces, so it is not taken as the rate. "Factory GHS" is GH/s. "Uptime" is the
 * system's, "Elapsed" the miner process's. "Power Current" is in mA on firmware of May 2020, else in A.
 * Error codes: "Error Code N" are active, "Factory Error Code N" were there when the unit was sold.
 */
import { defineDriver, type Parsed, type Reads, SLOW_FACTS_SECONDS } from "./driver.js";
import { OUR_STATES, poolFacts, sensorReads, shareReads } from "./kit/cgminer.js";
import { fanSpeedParts, unlessNoneIsFitted } from "./kit/fans.js";
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
	revolutionsPerMinute,
	seconds,
	terahashesPerSecond,
	volts,
	watts,
} from "./kit/vendor-units.js";
import { framedHistory } from "./whatsminer-history.js";

/** Both keys: API 1 knows "command" only, API 2 prefers "cmd"; each ignores the other. */
const ask = (command: string) =>
	({
		over: "cgminer",
		port: 4028,
		send: `{"cmd":"${command}","command":"${command}"}`,
		format: "json",
		optional: true,
	}) as const;

const MODES = { low: "low", normal: "normal", high: "high", "0": "low", "1": "normal", "2": "high" };

const boardReads = {
	chipCount: { at: ["Effective Chips"] },
	frequencyMegahertz: { at: ["Chip Frequency"], unit: megahertz, absent: [0] },
	hashrateTerahashesPerSecond: [
		{ at: ["HS RT"], unit: megahashesPerSecond },
		{ at: ["MHS 1m"], unit: megahashesPerSecond },
		{ at: ["MHS 5s"], unit: megahashesPerSecond },
	],
	hashrateAverageTerahashesPerSecond: { at: ["MHS av"], unit: megahashesPerSecond },
	hashrateNameplateTerahashesPerSecond: { at: ["Factory GHS"], unit: gigahashesPerSecond, absent: [0] },
	boardTemperatureCelsius: { at: ["Temperature"], unit: celsius },
	boardSensor1TemperatureCelsius: { at: ["Temperature"], unit: celsius },
	chipTemperatureCelsius: { at: ["Chip Temp Max"], unit: celsius, absent: [0] },
	chipTemperatureAverageCelsius: { at: ["Chip Temp Avg"], unit: celsius, absent: [0] },
	chipTemperatureMinimumCelsius: { at: ["Chip Temp Min"], unit: celsius, absent: [0] },
	hardwareErrors: { at: ["Hardware Errors"] },
} as const satisfies Reads;

export const whatsminer = defineDriver({
	name: "whatsminer",
	kind: "miner",
	title: "Whatsminer, API 1 and 2",
	makes: ["MicroBT"],
	models: ["M3", "M20S", "M21S", "M30S", "M31S", "M50S", "M60S", "immersion and hydro variants"],
	firmwares: ["2018 to 2024", "BiXBiT"],
	source: "MicroBT API 2 document; RPC answers of M3, M20S, M30S, M30S+, M31S",
	grade: "recorded",
	requests: {
		summary: ask("summary"),
		boards: ask("edevs"),
		/** Of firmwares that leave edevs without an answer, and of recordings that hold this form. */
		plainBoards: { ...ask("devs"), unless: "boards" },
		pools: { ...ask("pools"), everySeconds: SLOW_FACTS_SECONDS },
		status: ask("status"),
		psu: { ...ask("get_psu"), everySeconds: SLOW_FACTS_SECONDS },
		errors: { ...ask("get_error_code"), everySeconds: SLOW_FACTS_SECONDS },
		version: { ...ask("get_version"), rarely: true },
		/** BiXBiT's own version; other firmware refuses the question. */
		customVersion: { ...ask("get_firmware_version"), rarely: true, unless: "version" },
		minerInfo: { ...ask("get_miner_info"), rarely: true },
		details: { ...ask("devdetails"), rarely: true },
	},
	atLeastOne: ["summary", "status"],
	recognises: ({ rpc }) =>
		/BTMINER|BITMICRO|WHATSMINER/.test(rpc) ||
		/"(?:FAN SPEED IN|FACTORY GHS|UPFREQ COMPLETE|EFFECTIVE CHIPS|POWER FANSPEED)"\s*:/.test(rpc),
	layOut: layOutWhatsminer,
	identity: {
		make: "MicroBT",
		model: { at: [["model"]] },
		firmware: { at: [["firmware"]] },
		serial: {
			at: [
				["minerInfoRecord", "minersn"],
				["minerInfoRecord", "miner-sn"],
			],
		},
		mac: {
			at: [
				["summaryRecord", "MAC"],
				["minerInfoRecord", "mac"],
			],
		},
		hostname: { at: [["minerInfoRecord", "hostname"]] },
		algorithm: "sha256",
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...shareReads,
		hashrateTerahashesPerSecond: [
			{ at: ["rates", "HS RT"], unit: megahashesPerSecond },
			{ at: ["rates", "MHS 1m"], unit: megahashesPerSecond },
			{ at: ["rates", "MHS 5s"], unit: megahashesPerSecond },
			{ at: ["whenAsleep"], unit: terahashesPerSecond },
		],
		hashrateWindowSeconds: { at: ["rates", "window"], unit: seconds },
		hashrateOneMinuteTerahashesPerSecond: { at: ["rates", "MHS 1m"], unit: megahashesPerSecond },
		hashrateFiveMinutesTerahashesPerSecond: { at: ["rates", "MHS 5m"], unit: megahashesPerSecond },
		hashrateFifteenMinutesTerahashesPerSecond: { at: ["rates", "MHS 15m"], unit: megahashesPerSecond },
		hashrateAverageTerahashesPerSecond: { at: ["rates", "MHS av"], unit: megahashesPerSecond },
		hashrateNominalTerahashesPerSecond: {
			at: ["summaryRecord", "Target MHS"],
			unit: megahashesPerSecond,
			absent: [0],
		},
		hashrateNameplateTerahashesPerSecond: {
			at: ["summaryRecord", "Factory GHS"],
			unit: gigahashesPerSecond,
			absent: [0],
		},
		hardwareErrors: { at: ["summaryRecord", "Hardware Errors"] },
		powerWatts: [
			{ at: ["summaryRecord", "Power"], unit: watts, absent: [0] },
			{ at: ["summaryRecord", "Power_RT"], unit: watts, absent: [0] },
			{ at: ["summaryRecord", "Power Realtime"], unit: watts, absent: [0] },
			{ at: ["asleepWatts"], unit: watts, absent: [0] },
		],
		powerLimitWatts: { at: ["summaryRecord", "Power Limit"], unit: watts, absent: [0] },
		powerMode: [
			{ at: ["summaryRecord", "Power Mode"], words: MODES },
			{ at: ["statusRecord", "power_mode"], words: MODES },
		],
		boardTemperatureCelsius: { at: ["summaryRecord", "Temperature"], unit: celsius },
		chipTemperatureCelsius: { at: ["summaryRecord", "Chip Temp Max"], unit: celsius, absent: [0] },
		chipTemperatureAverageCelsius: { at: ["summaryRecord", "Chip Temp Avg"], unit: celsius, absent: [0] },
		chipTemperatureMinimumCelsius: { at: ["summaryRecord", "Chip Temp Min"], unit: celsius, absent: [0] },
		ambientTemperatureCelsius: { at: ["summaryRecord", "Env Temp"], unit: celsius },
		frequencyMegahertz: { at: ["summaryRecord", "freq_avg"], unit: megahertz, absent: [0] },
		uptimeSeconds: { at: ["summaryRecord", "Uptime"], unit: seconds },
		minerUptimeSeconds: { at: ["summaryRecord", "Elapsed"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		{ part: "board", each: ["boardRecords"], key: ["Slot"], reads: boardReads },
		fanSpeedParts,
		{
			part: "psu",
			each: ["supply"],
			reads: {
				fanSpeedRevolutionsPerMinute: { at: ["fan"], unit: revolutionsPerMinute },
				inputVoltageVolts: { at: ["inputVolts"], unit: volts },
				inputCurrentAmperes: { at: ["inputAmperes"], unit: amperes },
				outputCurrentAmperes: { at: ["outputAmperes"], unit: amperes },
				psuTemperatureCelsius: { at: ["temperature"], unit: celsius, absent: [0] },
			},
		},
	],
	errorCodes: [["errorWords", "*"]],
	caveats: [
		"M3 and M20S of 2019 report no power.",
		"A sleeping unit answers no `summary`: its power is then what its supply takes in, where that says so.",
		'The rate is "HS RT", else the average of one minute; "MHS 5s" is too noisy to be the rate.',
		'"Device Rejected%" is left out: values over 100 % were seen.',
		'Units under water or oil have no fans, though they write 0 rpm; "Env Temp" is then the coolant.',
	],
});

function layOutWhatsminer(answers: Parsed): Parsed {
	const summaryRecord = contentOf(at(answers, "summary"), "SUMMARY");
	const statusRecord = contentOf(at(answers, "status"), "STATUS_INFO");
	const minerInfoRecord = contentOf(at(answers, "minerInfo"), "MINER_INFO");
	const psu = contentOf(at(answers, "psu"), "PSU");
	const rates = summaryRecord === undefined ? undefined : ratesOf(summaryRecord);
	const boardRecords = boardsOf(answers);
	const model = modelOf(answers, minerInfoRecord, summaryRecord);
	const isTuning = isRaisingClocks(
		at(summaryRecord, "Hash Stable"),
		boardRecords.map((board) => at(board, "Upfreq Complete")),
	);
	const state = stateOf(rates, isTuning);
	const isOff = [at(statusRecord, "btmineroff"), at(statusRecord, "mineroff")].some(isTrue);
	return present({
		summaryRecord,
		statusRecord,
		minerInfoRecord,
		rates,
		whenAsleep: isOff ? 0 : undefined,
		asleepWatts: isOff ? asleepWatts(psu) : undefined,
		state: isOff ? "sleeping" : state,
		boardRecords,
		fans: fansOf(at(summaryRecord, "Fan Speed In"), at(summaryRecord, "Fan Speed Out"), {
			isLiquidCooled: isTrue(at(summaryRecord, "Liquid Cooling")) || LIQUID_COOLED.test(model ?? ""),
			state,
		}),
		supply: supplyOf(summaryRecord, psu),
		errorWords: errorWords(summaryRecord, at(contentOf(at(answers, "errors"), "ERRORS"), "error_code")),
		model,
		firmware: firmwareOf(answers, summaryRecord, statusRecord),
		poolFacts: poolFacts(at(answers, "pools")),
	});
}

/** The content stands in a list under its own name, flat in Msg, or nested in STATUS[0].Msg. */
function contentOf(answer: unknown, section: string): AnyRecord | undefined {
	return (
		recordOf(at(answer, section, 0)) ??
		recordOf(at(answer, "Msg")) ??
		recordOf(at(answer, "STATUS", 0, "Msg"))
	);
}

/** An edevs that is there and refused leaves no list; API 2 may nest it in Msg as it does the summary. */
function boardsOf(answers: Parsed): readonly AnyRecord[] {
	for (const name of ["boards", "plainBoards"])
		for (const place of [
			at(answers, name, "DEVS"),
			at(answers, name, "Msg", "DEVS"),
			at(answers, name, "Msg"),
		]) {
			const boards = Array.isArray(place) ? recordsOf(place) : [];
			if (boards.length > 0) return boards;
		}
	return [];
}

function isTrue(value: unknown): boolean {
	return /^(?:true|1)$/i.test(textOf(value) ?? "");
}

const RATE_KEYS = ["HS RT", "MHS 5s", "MHS 1m", "MHS 5m", "MHS 15m", "MHS av"] as const;
const MEGA_PER_TERA = 1e6;

/**
 * A few builds write TH/s in the MHS fields: seen by a hashing unit whose "megahashes" are under a
 * hundredth of its nameplate in gigahashes, which no true reading can be.
 */
function ratesOf(summary: AnyRecord): AnyRecord {
	const nameplate = numberOf(at(summary, "Factory GHS")) ?? 0;
	const rates = RATE_KEYS.map((key) => {
		const rate = numberOf(at(summary, key));
		const isTera = rate !== undefined && rate > 0 && rate < nameplate / 100;
		return [key, isTera ? rate * MEGA_PER_TERA : at(summary, key)] as const;
	});
	const record = present(Object.fromEntries(rates));
	if (Object.hasOwn(record, "HS RT")) return record;
	return { ...record, ...(Object.hasOwn(record, "MHS 1m") ? { window: 60 } : {}) };
}

function stateOf(rates: AnyRecord | undefined, isTuning: boolean): string | undefined {
	return stateAt(numberOf(firstOf(["HS RT", "MHS 1m", "MHS 5s"].map((key) => at(rates, key)))), isTuning);
}

function stateAt(now: number | undefined, isTuning: boolean): string | undefined {
	if (now === undefined) return undefined;
	if (now <= 0) return "idle";
	return isTuning ? "tuning" : "mining";
}

/** Boards of a unit that hashes steadily may say 0 for hours: where the firmware states whether it is steady, that leads. */
function isRaisingClocks(isSteady: unknown, completed: readonly unknown[]): boolean {
	if (isSteady !== undefined) return !isTrue(isSteady);
	return completed.length > 0 && completed.every((said) => numberOf(said) === 0);
}

/** M33, M36, M53, M63, M66, …: under water or oil, without fans. */
const LIQUID_COOLED = /\bM[3-9][3-9]/i;

type Cooled = { readonly isLiquidCooled: boolean; readonly state: string | undefined };

function fansOf(inlet: unknown, outlet: unknown, { isLiquidCooled, state }: Cooled): readonly AnyRecord[] {
	const fans = [
		{ slot: "in", speed: inlet },
		{ slot: "out", speed: outlet },
	].filter(({ speed }) => speed !== undefined);
	return unlessNoneIsFitted(fans, isLiquidCooled || state === "mining" || state === "tuning");
}

/** No supply of a miner takes 1,000 V or 100 A: above, the number is in 10 mV or in mA. */
const VOLTS_BELOW = 1_000;
const INPUT_AMPERES_BELOW = 100;
const OUTPUT_AMPERES_BELOW = 2_000;

function supplyOf(summary: AnyRecord | undefined, psu: AnyRecord | undefined): readonly AnyRecord[] {
	const first = (...values: readonly unknown[]) => numberOf(firstOf(values));
	const scaled = (value: number | undefined, below: number, divisor: number) =>
		value === undefined || Math.abs(value) < below ? value : value / divisor;
	const supply = present({
		fan: firstOf([at(summary, "Power Fanspeed"), at(psu, "fan_speed")]),
		inputVolts: scaled(first(at(psu, "vin"), at(summary, "Power Voltage Input")), VOLTS_BELOW, 100),
		inputAmperes: scaled(
			first(at(psu, "iin"), at(summary, "Power Current Input")),
			INPUT_AMPERES_BELOW,
			1_000,
		),
		outputAmperes: scaled(first(at(summary, "Power Current")), OUTPUT_AMPERES_BELOW, 1_000),
		temperature: firstOf([at(psu, "temp0"), at(psu, "temp")]),
	});
	return Object.keys(supply).length === 0 ? [] : [supply];
}

/** The supply is asked more rarely than the status: more watts than a control board takes are those from before. */
const ASLEEP_WATTS_MOST = 200;

function asleepWatts(psu: AnyRecord | undefined): number | undefined {
	const taken = numberOf(at(psu, "pin"));
	return taken !== undefined && taken <= ASLEEP_WATTS_MOST ? taken : undefined;
}

const ACTIVE_ERROR = /^Error Code (\d+)$/;

function errorWords(summary: AnyRecord | undefined, reported: unknown): readonly string[] {
	const active = numbered(summary ?? {}, ACTIVE_ERROR).flatMap(({ value }) => textOf(value) ?? []);
	return [...new Set([...active, ...reportedErrors(reported)])].filter((code) => !NO_ERROR.test(code));
}

/** What stands in an entry without an error. */
const NO_ERROR = /^0*$/;

/**
 * Error lists as firmwares write them: ["329", "2022-01-17 …", …] flat, [{"218": "2024-…"}],
 * [{"264": "2026-…", "reason": "…"}], bare numbers, or a sentence, in the list or instead of it.
 */
function reportedErrors(reported: unknown): readonly string[] {
	if (typeof reported === "string") return reported.trim() === "" ? [] : [reported];
	if (!Array.isArray(reported)) return [];
	return reported.flatMap((entry: unknown) => {
		const record = recordOf(entry);
		if (record !== undefined) return Object.keys(record).filter((key) => /^\d+$/.test(key));
		const text = textOf(entry) ?? "";
		return text === "" || /^\d{4}-\d/.test(text) || /^\d{8,}$/.test(text) ? [] : [text];
	});
}

function modelOf(
	answers: Parsed,
	minerInfo: AnyRecord | undefined,
	summary: AnyRecord | undefined,
): string | undefined {
	const said = textOf(
		firstOf([
			at(answers, "details", "DEVDETAILS", 0, "Model"),
			at(minerInfo, "minertype"),
			at(minerInfo, "miner_type"),
			at(contentOf(at(answers, "version"), "VERSION"), "miner_type"),
			at(summary, "Miner Type"),
		]),
	);
	return said === undefined ? undefined : `Whatsminer ${said.replace(/^whatsminer\s*/i, "")}`;
}

/** Older firmware writes the quotation marks into the text: "'20210109.22.REL'". */
function firmwareOf(
	answers: Parsed,
	summary: AnyRecord | undefined,
	status: AnyRecord | undefined,
): string | undefined {
	const custom = contentOf(at(answers, "customVersion"), "VERSION");
	const bixbit = textOf(at(custom, "custom_version"));
	if (bixbit !== undefined) return `BiXBiT ${bixbit.replace(/^bixbit\s*/i, "")}`;
	const said = firstOf([
		at(custom, "firmware_version"),
		at(contentOf(at(answers, "version"), "VERSION"), "fw_ver"),
		at(summary, "Firmware Version"),
		at(status, "Firmware Version"),
		at(status, "FirmwareVersion"),
	]);
	return textOf(said)?.replaceAll("'", "");
}

const framed = (send: string) => ({ over: "framed", port: 4433, send, format: "json" }) as const;

export const whatsminerFramed = defineDriver({
	name: "whatsminer-v3",
	kind: "miner",
	title: "Whatsminer, API 3",
	makes: ["MicroBT"],
	models: ["M50S", "M60S", "M63S", "M66S"],
	firmwares: ["2024-07 on"],
	source: "MicroBT API 3 document; answers of an M60S",
	grade: "recorded",
	requests: {
		deviceInfo: framed('{"cmd":"get.device.info"}'),
		summary: { ...framed('{"cmd":"get.miner.status","param":"summary"}'), optional: true },
		boards: { ...framed('{"cmd":"get.miner.status","param":"edevs"}'), optional: true },
		pools: {
			...framed('{"cmd":"get.miner.status","param":"pools"}'),
			optional: true,
			everySeconds: SLOW_FACTS_SECONDS,
		},
	},
	recognises: ({ framed }) => /"(?:desc|code)"\s*:/.test(framed),
	layOut: layOutFramed,
	identity: {
		make: "MicroBT",
		model: { at: [["device", "miner", "type"]] },
		firmware: { at: [["device", "system", "fwversion"]] },
		serial: { at: [["device", "miner", "miner-sn"]] },
		mac: { at: [["device", "network", "mac"]] },
		hostname: { at: [["device", "network", "hostname"]] },
		algorithm: "sha256",
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		hashrateTerahashesPerSecond: [
			{ at: ["now", "hash-realtime"], unit: terahashesPerSecond },
			{ at: ["now", "hash-1min"], unit: terahashesPerSecond },
			{ at: ["whenAsleep"], unit: terahashesPerSecond },
		],
		hashrateOneMinuteTerahashesPerSecond: { at: ["now", "hash-1min"], unit: terahashesPerSecond },
		hashrateFifteenMinutesTerahashesPerSecond: { at: ["now", "hash-15min"], unit: terahashesPerSecond },
		hashrateAverageTerahashesPerSecond: { at: ["now", "hash-average"], unit: terahashesPerSecond },
		hashrateNameplateTerahashesPerSecond: {
			at: ["now", "factory-hash"],
			unit: terahashesPerSecond,
			absent: [0],
		},
		hashrateNominalTerahashesPerSecond: {
			at: ["now", "target-hash"],
			unit: terahashesPerSecond,
			absent: [0],
		},
		powerWatts: [
			{ at: ["now", "power-realtime"], unit: watts, absent: [0] },
			{ at: ["device", "power", "pin"], unit: watts, absent: [0] },
		],
		powerAverageWatts: { at: ["now", "power-5min"], unit: watts, absent: [0] },
		powerLimitWatts: { at: ["now", "power-limit"], unit: watts, absent: [0] },
		powerMode: { at: ["device", "power", "mode"], words: MODES },
		boardTemperatureCelsius: { at: ["now", "board-temperature", "*"], unit: celsius, of: "highest" },
		chipTemperatureCelsius: { at: ["now", "chip-temp-max"], unit: celsius, absent: [0] },
		chipTemperatureAverageCelsius: { at: ["now", "chip-temp-avg"], unit: celsius, absent: [0] },
		chipTemperatureMinimumCelsius: { at: ["now", "chip-temp-min"], unit: celsius, absent: [0] },
		ambientTemperatureCelsius: { at: ["now", "environment-temperature"], unit: celsius },
		frequencyMegahertz: { at: ["now", "freq-avg"], unit: megahertz, absent: [0] },
		uptimeSeconds: { at: ["now", "bootup-time"], unit: seconds },
		minerUptimeSeconds: { at: ["now", "elapsed"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
		boardSlotCount: { at: ["device", "miner", "board-num"] },
		sharesAccepted: { at: ["poolRecords", "*", "accepted"], of: "sum" },
		sharesRejected: { at: ["poolRecords", "*", "rejected"], of: "sum" },
		activePoolCount: { at: ["alivePools"] },
	},
	components: [
		{
			part: "board",
			each: ["boardRecords"],
			key: ["slot"],
			reads: {
				chipCount: { at: ["effective-chips"] },
				frequencyMegahertz: { at: ["freq"], unit: megahertz, absent: [0] },
				hashrateTerahashesPerSecond: { at: ["hash-realtime"], unit: terahashesPerSecond },
				hashrateAverageTerahashesPerSecond: { at: ["hash-average"], unit: terahashesPerSecond },
				hashrateNameplateTerahashesPerSecond: {
					at: ["factory-hash"],
					unit: terahashesPerSecond,
					absent: [0],
				},
				chipTemperatureCelsius: { at: ["chip-temp-max"], unit: celsius, absent: [0] },
				chipTemperatureAverageCelsius: { at: ["chip-temp-avg"], unit: celsius, absent: [0] },
				chipTemperatureMinimumCelsius: { at: ["chip-temp-min"], unit: celsius, absent: [0] },
				boardTemperatureCelsius: { at: ["temperatures", "*"], unit: celsius, of: "highest" },
				...sensorReads("boardSensor", "temperatures"),
			},
		},
		fanSpeedParts,
		{
			part: "psu",
			each: ["supply"],
			reads: {
				fanSpeedRevolutionsPerMinute: { at: ["fanspeed"], unit: revolutionsPerMinute },
				inputVoltageVolts: { at: ["vin"], unit: volts },
				inputCurrentAmperes: { at: ["iin"], unit: amperes },
				outputVoltageVolts: { at: ["vout"], unit: volts },
				psuTemperatureCelsius: { at: ["temp0"], unit: celsius },
			},
		},
	],
	errorCodes: [["errorWords", "*"]],
	recall: framedHistory,
	caveats: [
		"It is asked for its history of the time in which the agent was down. No answer of a real device is known and the vendor's document does not say what one holds, so only one that describes itself is taken: rows with a time and values under the names of its status. Any other fills nothing and is told of; `fleetwatt capture` writes it down for a report.",
		"Only device information is asked for where the miner sleeps: it answers no status then.",
		"Pools carry no share counters in the answers seen.",
	],
});

function layOutFramed(answers: Parsed): Parsed {
	const device = recordOf(at(answers, "deviceInfo", "msg"));
	const now = recordOf(at(answers, "summary", "msg", "summary"));
	const rate = numberOf(firstOf([at(now, "hash-realtime"), at(now, "hash-1min")]));
	const isOff = /^(?:false|0)$/i.test(textOf(at(device, "miner", "working")) ?? "");
	const temperatures = at(now, "board-temperature");
	const boards = recordsOf(at(answers, "boards", "msg", "edevs"));
	const poolRecords = recordsOf(at(answers, "pools", "msg", "pools"));
	const isLiquidCooled = LIQUID_COOLED.test(textOf(at(device, "miner", "type")) ?? "");
	const state = stateAt(rate, isRaisingClocks(undefined, [at(now, "up-freq-finish")]));
	return present({
		device,
		now,
		whenAsleep: isOff ? 0 : undefined,
		state: isOff ? "sleeping" : state,
		boardRecords: framedBoards(boards, Array.isArray(temperatures) ? temperatures : []),
		fans: fansOf(at(now, "fan-speed-in"), at(now, "fan-speed-out"), { isLiquidCooled, state }),
		supply: recordsOf(at(device, "power")).map((supply) => ({
			...supply,
			vin: inputVolts(at(supply, "vin")),
			vout: outputVolts(at(supply, "vout")),
		})),
		errorWords: errorWords(undefined, at(device, "error-code")),
		poolRecords,
		alivePools:
			poolRecords.length === 0
				? undefined
				: poolRecords.filter((pool) => textOf(at(pool, "status"))?.toLowerCase() === "alive").length,
	});
}

/** Some supplies write their output in 10 mV; none gives a hundred volts. */
const OUTPUT_VOLTS_BELOW = 100;

function outputVolts(said: unknown): number | undefined {
	const volt = numberOf(said);
	return volt === undefined || volt < OUTPUT_VOLTS_BELOW ? volt : volt / 100;
}

function inputVolts(said: unknown): number | undefined {
	const volt = numberOf(said);
	return volt === undefined || volt < VOLTS_BELOW ? volt : volt / 100;
}

/** Board temperatures stand in the summary, in the order of the boards. */
function framedBoards(boards: readonly AnyRecord[], temperatures: readonly unknown[]): readonly AnyRecord[] {
	if (boards.length === 0)
		return temperatures.map((value, index) => ({ slot: String(index), temperatures: [value] }));
	return boards.map((board, index) => ({
		...board,
		slot: textOf(firstOf([at(board, "slot"), at(board, "id")])) ?? String(index),
		temperatures: temperatures[index] === undefined ? [] : [temperatures[index]],
	}));
}
