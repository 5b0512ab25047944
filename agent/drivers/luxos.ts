/**
 * LuxOS (LUXminer) on Antminer hardware: RPC on 4028, reads without a session. Data and pure layout.
 *
 * `power` is of the supply where its `PSU` is true, else the firmware's model. Summary and stats are in GH/s, `devs`
 * in MH/s as named.
 *
 * @see https://docs.luxor.tech/firmware/api
 */
import { antminerReads } from "./antminer.js";
import { defineDriver, type Parsed, type Remembered } from "./driver.js";
import { layOutAntminer } from "./kit/antminer-stats.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, sensorReads } from "./kit/cgminer.js";
import { type AnyRecord, at, firstOf, numberOf, present, recordsOf, textOf } from "./kit/reading.js";
import { usualSeconds } from "./kit/recall.js";
import { optionalRpc, rareRpc, slowRpc } from "./kit/requests.js";
import {
	celsius,
	gigahashesPerSecond,
	hashesPerSecond,
	megahashesPerSecond,
	megahertz,
	percent,
	revolutionsPerMinute,
	terahashesPerSecond,
	volts,
	watts,
} from "./kit/vendor-units.js";

const voltageOf = (board: number) =>
	({
		...optionalRpc("voltageget"),
		send: `{"command":"voltageget","parameter":"${board}"}`,
		rarely: true,
	}) as const;

const ESTIMATED = { source: "estimated", boundary: "wall" } as const;

export const luxos = defineDriver({
	name: "luxos",
	kind: "miner",
	title: "Antminer, LuxOS",
	makes: ["Bitmain"],
	models: ["S9", "S17", "S19 to S21 and their variants", "T19", "T21"],
	firmwares: ["LuxOS 2022 to 2026"],
	source: "Luxor's API document; answers of an S19k Pro on 2025.4.8",
	grade: "recorded",
	requests: {
		summary: optionalRpc("summary"),
		power: optionalRpc("power"),
		devs: optionalRpc("devs"),
		temps: optionalRpc("temps"),
		fans: optionalRpc("fans"),
		stats: optionalRpc("stats"),
		/** For recordings without the stats: chips, clock and voltage of each board. */
		details: { ...optionalRpc("devdetails"), unless: "stats" },
		config: slowRpc("config"),
		pools: slowRpc("pools"),
		events: slowRpc("events"),
		profiles: rareRpc("profiles"),
		version: rareRpc("version"),
		voltage0: voltageOf(0),
		voltage1: voltageOf(1),
		voltage2: voltageOf(2),
	},
	atLeastOne: ["summary", "stats", "devs", "power", "config"],
	recognises: ({ rpc, web }) => /LUXMINER|LUXOS/.test(rpc) || /Luxor Firmware|LuxOS/i.test(web),
	layOut: layOutLuxos,
	identity: {
		make: "Bitmain",
		model: { at: [["configRecord", "Model"], ["model"]] },
		firmware: {
			at: [["version", "VERSION", 0, "LUXminer"], ["version", "VERSION", 0, "Miner"], ["described"]],
		},
		serial: { at: [["configRecord", "SerialNumber"]] },
		mac: { at: [["configRecord", "MACAddr"]] },
		hostname: { at: [["configRecord", "Hostname"]] },
		algorithm: { at: [["algorithm"]] },
	},
	power: ESTIMATED,
	reads: {
		...antminerReads,
		hashrateTerahashesPerSecond: [
			{ at: ["summaryRecord", "GHS 5s"], unit: gigahashesPerSecond },
			antminerReads.hashrateTerahashesPerSecond,
			{ at: ["devs", "DEVS", "*", "MHS 5s"], unit: megahashesPerSecond, of: "sum" },
		],
		hashrateOneMinuteTerahashesPerSecond: { at: ["summaryRecord", "GHS 1m"], unit: gigahashesPerSecond },
		hashrateFiveMinutesTerahashesPerSecond: { at: ["summaryRecord", "GHS 5m"], unit: gigahashesPerSecond },
		hashrateFifteenMinutesTerahashesPerSecond: {
			at: ["summaryRecord", "GHS 15m"],
			unit: gigahashesPerSecond,
		},
		hashrateThirtyMinutesTerahashesPerSecond: { at: ["summaryRecord", "GHS 30m"], unit: gigahashesPerSecond },
		hashrateOneDayTerahashesPerSecond: { at: ["summaryRecord", "GHS 24h"], unit: gigahashesPerSecond },
		hashrateNominalTerahashesPerSecond: [
			{ at: ["devs", "DEVS", "*", "Nominal MHS"], unit: megahashesPerSecond, of: "sum", absent: [0] },
			antminerReads.hashrateNominalTerahashesPerSecond,
		],
		hashrateNameplateTerahashesPerSecond: {
			at: ["configRecord", "NameplateTHS"],
			unit: terahashesPerSecond,
			absent: [0],
		},
		powerWatts: [
			{ at: ["measured"], unit: watts, power: { source: "reported", boundary: "wall" } },
			{ at: ["estimated"], unit: watts, power: ESTIMATED },
		],
		powerTargetWatts: { at: ["profileWatts"], unit: watts, absent: [0] },
		boardSlotCount: [{ at: ["configRecord", "ASC Count"] }, ...antminerReads.boardSlotCount],
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			hashrateTerahashesPerSecond: [
				{ at: ["MHS 5s"], unit: megahashesPerSecond },
				{ at: ["rates", "sha256", "now"], unit: hashesPerSecond },
			],
			hashrateOneMinuteTerahashesPerSecond: { at: ["MHS 1m"], unit: megahashesPerSecond },
			hashrateFiveMinutesTerahashesPerSecond: { at: ["MHS 5m"], unit: megahashesPerSecond },
			hashrateAverageTerahashesPerSecond: { at: ["MHS av"], unit: megahashesPerSecond },
			hashrateNominalTerahashesPerSecond: { at: ["Nominal MHS"], unit: megahashesPerSecond, absent: [0] },
			chipCount: { at: ["chips"] },
			frequencyMegahertz: { at: ["frequency"], unit: megahertz },
			coreVoltageVolts: { at: ["volts"], unit: volts, absent: [0] },
			hardwareErrors: { at: ["Hardware Errors"] },
			boardTemperatureCelsius: [
				{ at: ["sensors", "*"], unit: celsius, absent: [0], of: "highest" },
				{ at: ["Temperature"], unit: celsius, absent: [0] },
			],
			...sensorReads("boardSensor", "sensors"),
			chipTemperatureCelsius: { at: ["chipSensors", "*"], unit: celsius, absent: [0], of: "highest" },
			inletTemperatureCelsius: { at: ["intake", "*"], unit: celsius, absent: [0], of: "mean" },
			outletTemperatureCelsius: { at: ["exhaust", "*"], unit: celsius, absent: [0], of: "mean" },
		}),
		{
			part: "fan",
			each: ["fanRecords"],
			key: ["slot"],
			reads: {
				fanSpeedRevolutionsPerMinute: { at: ["speed"], unit: revolutionsPerMinute },
				fanDutyRatio: { at: ["percent"], unit: percent },
			},
		},
	],
	errorCodes: [["errors", "*"]],
	recall: {
		request: () => ({
			over: "cgminer",
			send: '{"command":"metrics","parameter":"bucket=1m,window=6h"}',
			format: "json",
		}),
		layOut: rememberedBy,
		reads: {
			hashrateTerahashesPerSecond: { at: ["HashrateMHS"], unit: megahashesPerSecond },
			powerWatts: { at: ["Power"], unit: watts, absent: [0] },
		},
	},
	caveats: [
		"It remembers the means of its last 360 minutes: they fill the time in which the agent was down. Known by the vendor's document alone; what cannot be dated is left out.",
		"Power is measured only where the firmware says that the supply tells it (`PSU` true).",
		"Which board sensors are intake and exhaust is taken from the answer's own labels.",
		"A fan slot at 0 rpm counts as not fitted.",
	],
});

function layOutLuxos(answers: Parsed): Parsed {
	const rpc = layOutAntminer(answers);
	const configRecord = recordsOf(at(answers, "config", "CONFIG"))[0];
	const power = recordsOf(at(answers, "power", "POWER"))[0];
	const isMeasured = /^(?:true|1)$/i.test(textOf(at(power, "PSU")) ?? "");
	const boards = boardsOf(answers, rpc);
	return present({
		...rpc,
		configRecord,
		described: textOf(at(answers, "summary", "STATUS", 0, "Description"))?.replace(/^LUXminer\s*/i, ""),
		algorithm: firstOf([at(rpc, "algorithm"), "sha256"]),
		[isMeasured ? "measured" : "estimated"]: at(power, "Watts"),
		profileWatts: profileWatts(answers, textOf(at(configRecord, "Profile"))),
		boards,
		boardCount: boards.length > 0 ? boards.length : at(rpc, "boardCount"),
		fanRecords: fansOf(answers, rpc),
		state: stateOf(configRecord, boards) ?? at(rpc, "state"),
		errors: errorsOf(answers, configRecord),
	});
}

function profileWatts(answers: Parsed, name: string | undefined): unknown {
	const profiles = recordsOf(at(answers, "profiles", "PROFILES"));
	return at(
		profiles.find((profile) => name !== undefined && at(profile, "Profile Name") === name),
		"Watts",
	);
}

/** Boards by ID; the stats count chains from 1. */
function boardsOf(answers: Parsed, rpc: Parsed): readonly AnyRecord[] {
	const byId = (list: unknown) =>
		new Map(recordsOf(list).map((record) => [numberOf(at(record, "ID")) ?? -1, record] as const));
	const devs = byId(at(answers, "devs", "DEVS"));
	const temps = byId(at(answers, "temps", "TEMPS"));
	const details = byId(at(answers, "details", "DEVDETAILS"));
	const chains = new Map(
		recordsOf(at(rpc, "boards")).map((board) => [(numberOf(at(board, "slot")) ?? 0) - 1, board] as const),
	);
	const labels = recordsOf(at(answers, "temps", "METADATA"))[0];
	const voltages = new Map(
		["voltage0", "voltage1", "voltage2"]
			.flatMap((name) => recordsOf(at(answers, name, "VOLTAGE")))
			.map((record) => [numberOf(at(record, "Board")) ?? -1, at(record, "Voltage")] as const),
	);
	const ids = [...new Set([...devs.keys(), ...temps.keys(), ...chains.keys()])].sort(
		(one, other) => one - other,
	);
	return ids.map((id) => {
		const chain = chains.get(id);
		const corners = namedSensors(temps.get(id), BOARD_SENSOR);
		const sensors = corners.filter(({ name }) => !/water/i.test(labelOf(labels, name)));
		const chips = namedSensors(temps.get(id), CHIP_SENSOR).map(({ value }) => value);
		return present({
			...devs.get(id),
			slot: String(id),
			chips: firstOf([at(chain, "chips"), at(details.get(id), "Chips")]),
			frequency: firstOf([at(chain, "frequency"), at(details.get(id), "Frequency")]),
			rates: at(chain, "rates"),
			volts: firstOf([voltages.get(id), at(details.get(id), "Voltage")]),
			sensors: sensors.length > 0 ? sensors.map(({ value }) => value) : at(chain, "boardTemperatures"),
			chipSensors: chips.length > 0 ? chips : sensors.length > 0 ? undefined : at(chain, "chipTemperatures"),
			...airOf(corners, labels),
		});
	});
}

type Sensor = { readonly name: string; readonly value: unknown };

/** The corners of a board, named so or with "Board" before it; the S9 has one sensor. */
const BOARD_SENSOR = /^(?:Board|(?:Board)?(?:Top|Bottom)(?:Left|Right))$/;
const CHIP_SENSOR = /^Chip(?:(?:Top|Bottom)(?:Left|Right))?$/;

/** As they lie on the board, row by row, in whatever order the answer holds them. */
const CORNERS = ["TopLeft", "TopRight", "BottomLeft", "BottomRight"];
const placeOf = ({ name }: Sensor) => CORNERS.findIndex((corner) => name.endsWith(corner));

function namedSensors(record: AnyRecord | undefined, pattern: RegExp): readonly Sensor[] {
	return Object.entries(record ?? {})
		.filter(([name]) => pattern.test(name))
		.map(([name, value]) => ({ name, value }))
		.sort((one, other) => placeOf(one) - placeOf(other));
}

function labelOf(labels: AnyRecord | undefined, name: string): string {
	return textOf(at(labels, name, "Label")) ?? "";
}

/** What enters and leaves: of a hydro model its water, though the boards' sensors are called inlet and outlet too. */
function airOf(sensors: readonly Sensor[], labels: AnyRecord | undefined): AnyRecord {
	const hasWater = sensors.some(({ name }) => /water/i.test(labelOf(labels, name)));
	const labelled = (pattern: RegExp) =>
		sensors
			.filter(({ name }) => pattern.test(labelOf(labels, name)))
			.filter(({ name }) => !hasWater || /water/i.test(labelOf(labels, name)))
			.map(({ value }) => value);
	return { intake: labelled(/intake|inlet/i), exhaust: labelled(/exhaust|outlet/i) };
}

function fansOf(answers: Parsed, rpc: Parsed): unknown {
	const fans = recordsOf(at(answers, "fans", "FANS"));
	if (fans.length === 0) return at(rpc, "fans");
	return fans
		.filter((fan) => (numberOf(at(fan, "RPM")) ?? 0) > 0)
		.map((fan) => ({
			slot: firstOf([at(fan, "FAN"), at(fan, "ID")]),
			speed: at(fan, "RPM"),
			percent: at(fan, "Speed"),
		}));
}

function stateOf(config: AnyRecord | undefined, boards: readonly AnyRecord[]): string | undefined {
	const isOn = (value: unknown) => /^(?:true|1|y|yes)$/i.test(textOf(value) ?? "");
	const isOff = /^(?:false|0|n|no)$/i.test(textOf(at(config, "IsPowerSupplyOn")) ?? "");
	const curtails = textOf(at(config, "CurtailMode"))?.toLowerCase() ?? "none";
	if (/sleep|^curtail/.test(curtails)) return "sleeping";
	const isShutDown = boards.length > 0 && boards.every((board) => isOn(at(board, "IsUserShutdown")));
	return isOff || isShutDown ? "stopped" : undefined;
}

/** Events that stand, and a status other than normal. */
function errorsOf(answers: Parsed, config: AnyRecord | undefined): readonly string[] {
	const events = recordsOf(at(answers, "events", "EVENTS")).flatMap(
		(event) => textOf(at(event, "Code")) ?? [],
	);
	const status = textOf(at(config, "SystemStatus"));
	return status === undefined || /^normal$/i.test(status) ? events : [`status:${status}`, ...events];
}

const BUCKET_SECONDS = 60;
const REMEMBERED_MOST = 360;

/**
 * Means of whole minutes, dated by the miner's own clock, which may be wrong: the same clock dates the answer. They are
 * taken only where they stand a minute apart and end just now, so that a time in another unit is no time.
 */
function rememberedBy(answer: unknown): Remembered | undefined {
	const now = numberOf(at(answer, "STATUS", 0, "When"));
	if (now === undefined) return undefined;
	const metrics = at(answer, "METRICS");
	if (Array.isArray(metrics) && metrics.length === 0) return { seconds: BUCKET_SECONDS, moments: [] };
	const moments = recordsOf(metrics)
		.slice(-REMEMBERED_MOST)
		.flatMap((said) => {
			const time = secondsOf(firstOf([at(said, "Timestamp"), at(said, "Time")]));
			return time === undefined ? [] : [{ agoMilliseconds: (now - time) * 1_000, said }];
		});
	const newest = Math.min(...moments.map(({ agoMilliseconds }) => agoMilliseconds));
	const isDated =
		usualSeconds(moments) === BUCKET_SECONDS && newest >= 0 && newest <= 3 * BUCKET_SECONDS * 1_000;
	return isDated ? { seconds: BUCKET_SECONDS, moments } : undefined;
}

/** Seconds since 1970, or the same as ISO 8601 writes it. */
function secondsOf(value: unknown): number | undefined {
	const number = numberOf(value);
	if (number !== undefined) return number;
	const parsed = Date.parse(textOf(value) ?? "");
	return Number.isNaN(parsed) ? undefined : parsed / 1_000;
}
