/**
 * Auradine Teraflux (FluxOS, GCMiner): RPC on 4028, or the same commands as pages on 8080. Data and pure layout.
 *
 * Rates are MH/s as named; values of the supply carry their unit ("58.94W", "245.00V"). Boards count from 1; entry 0 of
 * `temperature` is the control board.
 *
 * @see Auradine's miner API document
 */
import { type Driver, defineDriver, type Parsed, type Request, SLOW_FACTS_SECONDS } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, poolFacts, sensorReads, shareReads } from "./kit/cgminer.js";
import { type AnyRecord, at, firstOf, numberOf, present, recordsOf, textOf } from "./kit/reading.js";
import { optionalRpc } from "./kit/requests.js";
import {
	amperes,
	celsius,
	megahashesPerSecond,
	megahertz,
	revolutionsPerMinute,
	seconds,
	terahashesPerSecond,
	volts,
	watts,
} from "./kit/vendor-units.js";

const MODES = { eco: "eco", normal: "normal", turbo: "super", custom: "custom", low: "low", high: "high" };

/** What is asked, over whichever of its two interfaces. */
const requestsBy = (ask: (command: string) => Request) =>
	({
		summary: ask("summary"),
		psu: ask("psu"),
		devs: ask("devs"),
		temperature: ask("temperature"),
		fan: ask("fan"),
		mode: { ...ask("mode"), everySeconds: SLOW_FACTS_SECONDS },
		frequency: { ...ask("frequency"), everySeconds: SLOW_FACTS_SECONDS },
		voltage: { ...ask("voltage"), everySeconds: SLOW_FACTS_SECONDS },
		pools: { ...ask("pools"), everySeconds: SLOW_FACTS_SECONDS },
		led: { ...ask("led"), everySeconds: SLOW_FACTS_SECONDS },
		count: { ...ask("asccount"), rarely: true },
		report: { ...ask("ipreport"), rarely: true },
		version: { ...ask("version"), rarely: true },
	}) as const;

const page = (command: string): Request => ({
	over: "http",
	port: 8080,
	path: `/${command}`,
	login: "session",
	session: {
		method: "POST",
		path: "/token",
		body: '{"command":"token","user":"{user}","password":"{password}"}',
		sentAs: "token",
	},
	format: "json",
	optional: true,
});

export const auradine = defineDriver({
	name: "auradine",
	kind: "miner",
	title: "Auradine Teraflux (FluxOS)",
	makes: ["Auradine"],
	models: ["AT1500", "AT2880", "AI2500", "AI3680", "AD2500", "AD3500"],
	firmwares: ["GCMiner 2022 on", "FluxOS 2023 to 2026"],
	source: "Auradine's API document, examples of an AT1500",
	grade: "documented",
	requests: requestsBy(optionalRpc),
	atLeastOne: ["summary", "psu", "devs", "mode"],
	recognises: ({ rpc, web }) => /GCMINER|FLUXOS/.test(rpc) || /FluxOS|Auradine|Miner UI/i.test(web),
	layOut: layOutAuradine,
	identity: {
		make: "Auradine",
		model: { at: [["model"]] },
		firmware: { at: [["reportRecord", "version"], ["firmware"]] },
		serial: {
			at: [
				["reportRecord", "SerialNo"],
				["reportRecord", "CBSerialNo"],
			],
		},
		mac: { at: [["reportRecord", "mac"]] },
		hostname: { at: [["reportRecord", "hostname"]] },
		algorithm: "sha256",
	},
	power: { source: "reported", boundary: "wall" },
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
		hashrateAverageTerahashesPerSecond: { at: ["summaryRecord", "MHS av"], unit: megahashesPerSecond },
		hashrateNominalTerahashesPerSecond: [
			{ at: ["summaryRecord", "ThsThrottle"], unit: terahashesPerSecond, absent: [0] },
			{ at: ["modeRecord", "Ths"], unit: terahashesPerSecond, absent: [0] },
		],
		hardwareErrors: { at: ["summaryRecord", "Hardware Errors"] },
		powerWatts: [
			{ at: ["summaryRecord", "Wattage"], unit: watts, absent: [0] },
			{ at: ["psus", "*", "PowerIn"], unit: watts, of: "sum" },
		],
		hashboardOutputPowerWatts: { at: ["psus", "*", "PowerOut"], unit: watts, of: "sum" },
		powerTargetWatts: { at: ["modeRecord", "Power"], unit: watts, absent: [0] },
		powerMode: { at: ["modeRecord", "Mode"], words: MODES },
		boardSlotCount: { at: ["count", "ASCCount", 0, "BoardCount"] },
		chipCount: { at: ["count", "ASCCount", 0, "AsicCount"] },
		frequencyMegahertz: { at: ["boards", "*", "frequencies", "*"], unit: megahertz, absent: [0], of: "mean" },
		ambientTemperatureCelsius: { at: ["summaryRecord", "Ambient"], unit: celsius },
		minerUptimeSeconds: { at: ["summaryRecord", "Elapsed"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			hashrateTerahashesPerSecond: { at: ["MHS 5s"], unit: megahashesPerSecond },
			hashrateAverageTerahashesPerSecond: { at: ["MHS av"], unit: megahashesPerSecond },
			frequencyMegahertz: { at: ["frequencies", "*"], unit: megahertz, absent: [0], of: "mean" },
			coreVoltageVolts: { at: ["voltages", "*"], unit: volts, absent: [0], of: "mean" },
			hardwareErrors: { at: ["Hardware Errors"] },
			boardTemperatureCelsius: [
				{ at: ["boardSensors", "*"], unit: celsius, of: "highest" },
				{ at: ["Temperature"], unit: celsius },
			],
			...sensorReads("boardSensor", "boardSensors"),
			chipTemperatureCelsius: { at: ["chipSensors", "*"], unit: celsius, of: "highest" },
			...sensorReads("chipSensor", "chipSensors"),
		}),
		{
			part: "fan",
			each: ["fans"],
			key: ["ID"],
			reads: { fanSpeedRevolutionsPerMinute: { at: ["Speed"], unit: revolutionsPerMinute } },
		},
		{
			part: "psu",
			each: ["psus"],
			reads: {
				powerWatts: { at: ["PowerIn"], unit: watts },
				fanSpeedRevolutionsPerMinute: [
					{ at: ["FanSpeed1"], unit: revolutionsPerMinute },
					{ at: ["FanSpeed2"], unit: revolutionsPerMinute },
				],
				inputVoltageVolts: { at: ["Vin"], unit: volts },
				inputCurrentAmperes: { at: ["Iin"], unit: amperes },
				outputVoltageVolts: { at: ["Vout"], unit: volts },
				outputCurrentAmperes: { at: ["Iout"], unit: amperes },
				psuTemperatureCelsius: { at: ["Temperature"], unit: celsius },
			},
		},
	],
	errorCodes: [["errors", "*"]],
	caveats: [
		"Read from the vendor's examples, which stem from several releases; not yet compared under load.",
		"Of a supply's two fans the first is kept.",
	],
});

/** Where the RPC is closed: the same answers, behind the web password. */
export const auradineWeb: Driver = {
	...auradine,
	name: "auradine-web",
	title: "Auradine Teraflux (FluxOS), web",
	requests: requestsBy(page),
	recognises: ({ page: said }) =>
		["/summary", "/psu", "/mode", "/ipreport", "/version"].some((path) => /GCMiner|FluxOS/i.test(said(path))),
};

function layOutAuradine(answers: Parsed): Parsed {
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const modeRecord = recordsOf(at(answers, "mode", "Mode"))[0];
	const reportRecord = recordsOf(at(answers, "report", "IPReport"))[0];
	const boards = boardsOf(answers);
	const rate = numberOf(at(summaryRecord, "MHS 5s"));
	const model = textOf(at(reportRecord, "model"));
	return present({
		summaryRecord,
		modeRecord,
		reportRecord,
		model: model === undefined || /^teraflux/i.test(model) ? model : `Teraflux ${model}`,
		firmware: textOf(
			firstOf(["version", "summary"].map((name) => at(answers, name, "STATUS", 0, "Description"))),
		),
		window: rate === undefined ? undefined : 5,
		boards,
		fans: recordsOf(at(answers, "fan", "Fan")),
		psus: recordsOf(at(answers, "psu", "PSU")),
		state: stateOf(modeRecord, rate),
		errors: recordsOf(at(answers, "led", "LED")).flatMap(ledError),
		poolFacts: poolFacts(at(answers, "pools")),
	});
}

/** Boards stand in several lists under one ID; 0 is the control board. */
function boardsOf(answers: Parsed): readonly AnyRecord[] {
	const byId = (list: unknown) =>
		new Map(recordsOf(list).map((record) => [numberOf(at(record, "ID")) ?? 0, record] as const));
	const devs = byId(at(answers, "devs", "DEVS"));
	const temperatures = byId(at(answers, "temperature", "Temperature"));
	const frequencies = byId(at(answers, "frequency", "Frequency"));
	const voltages = byId(at(answers, "voltage", "Voltage"));
	const ids = new Set([devs, temperatures, frequencies, voltages].flatMap((list) => [...list.keys()]));
	const each = (record: AnyRecord | undefined, list: string, key: string) =>
		recordsOf(at(record, list)).map((entry) => at(entry, key));
	return [...ids]
		.filter((id) => id > 0)
		.sort((one, other) => one - other)
		.map((id) => ({
			...devs.get(id),
			slot: String(id),
			boardSensors: each(temperatures.get(id), "BoardTemp", "Temperature"),
			chipSensors: each(temperatures.get(id), "ChipTemp", "Temperature"),
			frequencies: each(frequencies.get(id), "ChipFrequency", "Frequency"),
			voltages: each(voltages.get(id), "ChipVoltage", "Voltage"),
		}));
}

function stateOf(mode: AnyRecord | undefined, rate: number | undefined): string | undefined {
	if (/^(?:on|true|1)$/i.test(textOf(at(mode, "Sleep")) ?? "")) return "sleeping";
	return rate === undefined ? undefined : rate > 0 ? "mining" : "idle";
}

/** The code that the lights show while somebody looks for the machine. */
const LOCATE = 3;

/** The lights' code and words, where they do not say that all is well. */
function ledError(led: AnyRecord): readonly string[] {
	const message = textOf(at(led, "Msg")) ?? "normal";
	const isNone =
		numberOf(at(led, "Code")) === LOCATE || /normal|mining|sleep|\bok\b|locat|identif/i.test(message);
	return isNone ? [] : [`LED:${textOf(at(led, "Code")) ?? ""} ${message}`];
}
