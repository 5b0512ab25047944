/**
 * SealMiner (Bitdeer) with bdminer: RPC on 4028. Data and pure layout.
 *
 * Rates are MH/s as named. "MHS 5s" of the summary spikes to nonsense after a start, so the rate is the process's
 * average while the sampled rate says that the machine hashes. Keys of boards and fans begin with their number.
 */
import { defineDriver, type Parsed } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { fittedSensors, OUR_STATES, poolFacts, sensorReads, shareReads } from "./kit/cgminer.js";
import { fanSpeedParts, unlessNoneIsFitted } from "./kit/fans.js";
import {
	type AnyRecord,
	at,
	firstOf,
	numbered,
	numberOf,
	present,
	recordsOf,
	textOf,
} from "./kit/reading.js";
import { optionalRpc, rareRpc, slowRpc } from "./kit/requests.js";
import {
	amperes,
	celsius,
	megahashesPerSecond,
	megahertz,
	revolutionsPerMinute,
	seconds,
	volts,
	watts,
} from "./kit/vendor-units.js";

const MODES = {
	normal: "normal",
	"low power": "low",
	low: "low",
	"high performance": "high",
	"high power": "high",
	high: "high",
} as const;

export const sealminer = defineDriver({
	name: "sealminer",
	kind: "miner",
	title: "SealMiner, bdminer",
	makes: ["Bitdeer"],
	models: ["A2", "A2 Pro", "A2 Hyd", "A3"],
	firmwares: ["2025"],
	source: "answers of an A2 on 2025091001",
	grade: "recorded",
	requests: {
		stats: optionalRpc("stats"),
		summary: optionalRpc("summary"),
		pools: slowRpc("pools"),
		version: rareRpc("version"),
	},
	atLeastOne: ["stats", "summary"],
	recognises: ({ rpc, web, page }) =>
		/BDMINER/.test(rpc) || /amazeui/i.test(web) || /sealminer/i.test(page("/cgi-bin/get_system_info.php")),
	layOut: layOutSealminer,
	identity: {
		make: "Bitdeer",
		model: { at: [["model"]] },
		firmware: {
			at: [
				["values", "Firmware"],
				["version", "VERSION", 0, "BDMiner"],
			],
		},
		serial: { at: [["values", "Ctrl Board SN"]] },
		mac: { at: [["values", "MAC"]] },
		algorithm: "sha256",
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...shareReads,
		hashrateTerahashesPerSecond: [
			{ at: ["rate"], unit: megahashesPerSecond },
			{ at: ["values", "MHS(Sample)"], unit: megahashesPerSecond },
		],
		hashrateWindowSeconds: { at: ["window"], unit: seconds },
		hashrateOneMinuteTerahashesPerSecond: [
			{ at: ["values", "MHS(1m)"], unit: megahashesPerSecond },
			{ at: ["summaryRecord", "MHS 1m"], unit: megahashesPerSecond },
		],
		hashrateFiveMinutesTerahashesPerSecond: [
			{ at: ["values", "MHS(5m)"], unit: megahashesPerSecond },
			{ at: ["summaryRecord", "MHS 5m"], unit: megahashesPerSecond },
		],
		hashrateFifteenMinutesTerahashesPerSecond: [
			{ at: ["values", "MHS(15m)"], unit: megahashesPerSecond },
			{ at: ["summaryRecord", "MHS 15m"], unit: megahashesPerSecond },
		],
		hashrateThirtyMinutesTerahashesPerSecond: { at: ["values", "MHS(30m)"], unit: megahashesPerSecond },
		hashrateAverageTerahashesPerSecond: [
			{ at: ["summaryRecord", "MHS av"], unit: megahashesPerSecond },
			{ at: ["values", "MHS(Avg)"], unit: megahashesPerSecond },
		],
		hashrateNominalTerahashesPerSecond: {
			at: ["values", "MHS(Ideal)"],
			unit: megahashesPerSecond,
			absent: [0],
		},
		hashrateNameplateTerahashesPerSecond: {
			at: ["values", "MHS(Rated)"],
			unit: megahashesPerSecond,
			absent: [0],
		},
		hardwareErrors: { at: ["summaryRecord", "Hardware Errors"] },
		powerWatts: { at: ["values", "PSU Input Power"], unit: watts },
		hashboardOutputPowerWatts: { at: ["values", "PSU Output Power"], unit: watts },
		powerLimitWatts: { at: ["values", "Power Limit"], unit: watts, absent: [0] },
		boardTemperatureCelsius: [
			{ at: ["boards", "*", "sensors", "*"], unit: celsius, of: "highest" },
			{ at: ["values", "Temp"], unit: celsius },
		],
		boardSlotCount: { at: ["values", "Board Count"] },
		chipCount: { at: ["values", "Chip Count"] },
		failedChipCount: { at: ["values", "Bad Chip Count"] },
		powerMode: { at: ["values", "Mining Mode"], words: MODES },
		frequencyMegahertz: { at: ["values", "Freq"], unit: megahertz, absent: [0] },
		minerUptimeSeconds: [
			{ at: ["values", "Elapsed"], unit: seconds },
			{ at: ["summaryRecord", "Elapsed"], unit: seconds },
		],
		uptimeSeconds: { at: ["values", "System Uptime"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			hashrateTerahashesPerSecond: { at: ["MHS(Sample)"], unit: megahashesPerSecond },
			hashrateNominalTerahashesPerSecond: { at: ["MHS(Ideal)"], unit: megahashesPerSecond, absent: [0] },
			chipCount: { at: ["Chip Count"] },
			failedChipCount: { at: ["Bad Chip Count"] },
			frequencyMegahertz: { at: ["Freq"], unit: megahertz, absent: [0] },
			boardTemperatureCelsius: { at: ["sensors", "*"], unit: celsius, of: "highest" },
			...sensorReads("boardSensor", "sensors"),
		}),
		fanSpeedParts,
		{
			part: "psu",
			each: ["supply"],
			reads: {
				powerWatts: { at: ["PSU Input Power"], unit: watts },
				fanSpeedRevolutionsPerMinute: { at: ["PSU Fan Speed"], unit: revolutionsPerMinute },
				psuTemperatureCelsius: { at: ["PSU Temp AMB"], unit: celsius },
				inputVoltageVolts: { at: ["PSU Input Voltage"], unit: volts, absent: [0] },
				outputVoltageVolts: { at: ["PSU Output Voltage"], unit: volts },
				outputCurrentAmperes: { at: ["PSU Output Current"], unit: amperes },
			},
		},
	],
	errorCodes: [["errors", "*"]],
	caveats: [
		'"MHS 5s" is left out: it shows several times the rate after a start.',
		"The rate is the average since the process started; the sampled rate stands on the boards.",
	],
});

function layOutSealminer(answers: Parsed): Parsed {
	const values = recordsOf(at(answers, "stats", "STATS")).find((entry) => at(entry, "Elapsed") !== undefined);
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const sample = numberOf(at(values, "MHS(Sample)"));
	const average = numberOf(firstOf([at(summaryRecord, "MHS av"), at(values, "MHS(Avg)")]));
	const rate = sample === 0 ? 0 : average;
	const parts = partsByNumber(values ?? {});
	const model = textOf(at(values, "Model"));
	return present({
		values,
		summaryRecord,
		supply: values,
		rate,
		window: rate === undefined ? undefined : at(values, "Elapsed"),
		model: model === undefined ? undefined : `SealMiner ${model.replace(/^sealminer\s*/i, "")}`,
		boards: parts
			.filter(({ record }) => (numberOf(at(record, "Chip Count")) ?? 0) > 0 && at(record, "Online") !== false)
			.map(({ slot, record }) => ({
				...record,
				slot: String(slot),
				sensors: fittedSensors(numbered(record, /^Temp (\d+)$/).map(({ value }) => value)),
			})),
		fans: unlessNoneIsFitted(
			parts
				.filter(({ record }) => at(record, "Speed") !== undefined)
				.map(({ slot, record }) => ({ slot: String(slot), speed: at(record, "Speed") })),
			(rate ?? 0) > 0,
		),
		state: stateOf(values, rate),
		errors: errorsOf(values),
		poolFacts: poolFacts(at(answers, "pools")),
	});
}

/** "0 Chip Count" and "0 Temp 1" are of part 0. */
function partsByNumber(values: AnyRecord): readonly { readonly slot: number; readonly record: AnyRecord }[] {
	const parts = new Map<number, Record<string, unknown>>();
	for (const [key, value] of Object.entries(values)) {
		const match = /^(\d{1,2}) (.+)$/.exec(key);
		if (match === null) continue;
		const [, slot = "", name = ""] = match;
		const record: Record<string, unknown> = parts.get(Number(slot)) ?? Object.create(null);
		record[name] = value;
		parts.set(Number(slot), record);
	}
	return [...parts].map(([slot, record]) => ({ slot, record })).sort((one, other) => one.slot - other.slot);
}

function stateOf(values: AnyRecord | undefined, rate: number | undefined): string | undefined {
	const power = textOf(at(values, "PM State")) ?? "";
	const tuning = textOf(at(values, "Tune Status")) ?? "";
	if (/sleep|standby|suspend/i.test(power)) return "sleeping";
	if (/error|fault|fail/i.test(power)) return "failed";
	if (/stop/i.test(power)) return "stopped";
	if (/tuning/i.test(tuning) && !/done|finish|complete/i.test(tuning)) return "tuning";
	return rate === undefined ? undefined : rate > 0 ? "mining" : "idle";
}

/** "Error Code" lists words with blanks or commas; the supply's is a bit field. */
function errorsOf(values: AnyRecord | undefined): readonly string[] {
	const own = (textOf(at(values, "Error Code")) ?? "")
		.split(/[\s,;]+/)
		.filter((word) => !/^(?:0x)?0*$/.test(word));
	const psu = textOf(at(values, "PSU Error")) ?? "";
	return /^(?:0x)?0*$/i.test(psu) ? own : [...own, `PSU:${psu}`];
}
