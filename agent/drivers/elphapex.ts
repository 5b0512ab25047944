/**
 * Elphapex, its own firmware: the web interface of an Antminer with other names (digest realm "Daoge…"). Data and
 * pure layout.
 *
 * Chip temperatures are text in thousandths of a degree, those of the boards plain degrees; the supply's are
 * tenths. Every slot is listed, those without chips too.
 */
import { defineDriver, type Parsed, SLOW_FACTS_SECONDS } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, plainPoolFacts, sensorReads, shareReads } from "./kit/cgminer.js";
import { fanParts, fansOf, inOrder } from "./kit/fans.js";
import { algorithmNamed, boardRateReads, rateIn, rateReads, ratesOf, rateUnit } from "./kit/rates.js";
import { type AnyRecord, at, firstOf, numberOf, present, recordsOf, textOf } from "./kit/reading.js";
import { cgi, optionalCgi } from "./kit/requests.js";
import { celsius, megahertz, seconds, watts } from "./kit/vendor-units.js";

const MODES = { "0": "normal", "2": "high", "3": "low" };

export const elphapex = defineDriver({
	name: "elphapex",
	kind: "miner",
	title: "Elphapex",
	makes: ["Elphapex"],
	models: ["DG1", "DG1+", "DG1 Lite", "DG2", "DG-Home1"],
	firmwares: ["1.0"],
	source: "CGI answers of DG-Home1 and DG1+",
	grade: "recorded",
	requests: {
		stats: cgi("stats"),
		summary: { ...optionalCgi("summary"), everySeconds: SLOW_FACTS_SECONDS },
		power: optionalCgi("get_power"),
		pools: { ...optionalCgi("pools"), everySeconds: SLOW_FACTS_SECONDS },
		minerConf: { ...optionalCgi("get_miner_conf"), rarely: true },
		systemInfo: { ...optionalCgi("get_system_info"), rarely: true },
		networkInfo: { ...optionalCgi("get_network_info"), rarely: true },
	},
	recognises: ({ web, page }) =>
		/realm="?Daoge/i.test(web) ||
		/"(?:minertype|type)"\s*:\s*"(?:Elphapex|DG-?[A-Z]*\d)/i.test(page("/cgi-bin/get_system_info.cgi")) ||
		/"type"\s*:\s*"(?:Elphapex|DG-?[A-Z]*\d)/i.test(page("/cgi-bin/stats.cgi")),
	layOut,
	identity: {
		make: "Elphapex",
		model: {
			at: [
				["systemInfo", "minertype"],
				["stats", "INFO", "type"],
				["summary", "INFO", "type"],
			],
		},
		firmware: {
			at: [
				["systemInfo", "system_filesystem_version"],
				["stats", "INFO", "miner_version"],
			],
		},
		serial: {
			at: [
				["stats", "INFO", "dev_sn"],
				["summary", "INFO", "dev_sn"],
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
	power: { source: "reported", boundary: "host" },
	reads: {
		...rateReads,
		...shareReads,
		sharesAccepted: { at: ["poolRecords", "*", "accepted"], of: "sum" },
		sharesRejected: { at: ["poolRecords", "*", "rejected"], of: "sum" },
		sharesStale: { at: ["poolRecords", "*", "stale"], of: "sum" },
		hardwareErrors: { at: ["hardwareErrors"] },
		powerWatts: { at: ["power", "power_output"], unit: watts, absent: [0] },
		psuTemperatureCelsius: { at: ["supplyTemperature"], unit: celsius },
		minerUptimeSeconds: [
			{ at: ["values", "elapsed"], unit: seconds },
			{ at: ["summary", "SUMMARY", 0, "elapsed"], unit: seconds },
		],
		boardCount: { at: ["boardCount"] },
		boardSlotCount: { at: ["values", "chain_num"], absent: [0] },
		workMode: { at: ["minerConf", "fc-work-mode"] },
		powerMode: { at: ["minerConf", "fc-work-mode"], words: MODES },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			...boardRateReads,
			chipCount: { at: ["asic_num"] },
			frequencyMegahertz: { at: ["frequency"], unit: megahertz, absent: [0] },
			hardwareErrors: { at: ["errorsCounted"] },
			chipTemperatureCelsius: { at: ["chipTemperatures", "*"], unit: celsius, of: "highest" },
			...sensorReads("chipSensor", "chipTemperatures"),
			boardTemperatureCelsius: { at: ["boardTemperatures", "*"], unit: celsius, of: "highest" },
			...sensorReads("boardSensor", "boardTemperatures"),
		}),
		fanParts,
	],
	errorCodes: [["healthCodes", "*"]],
	caveats: [
		"Power is what the supply gives to the machine (`power_output`), without the supply's own loss.",
		"Error counters that repeat the number of chips (`hw`) or the rate (`hw_all`) are left out; board temperatures are the same on every machine seen.",
		"A slot without chips is no board, though the firmware lists temperatures for it.",
	],
});

/** A chip temperature above this is in thousandths. */
const CELSIUS_MOST = 200;

function layOut(answers: Parsed): Parsed {
	const values = recordsOf(at(answers, "stats", "STATS"))[0];
	const summary = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const algorithm =
		algorithmNamed(at(answers, "systemInfo", "Algorithm")) ??
		algorithmNamed(at(answers, "minerConf", "algo")) ??
		"scrypt";
	const source = [values, summary].find((record) => at(record, "rate_5s") !== undefined);
	const unit = rateUnit(at(source, "rate_unit")) ?? 1e6;
	const now = rateIn(at(source, "rate_5s"), unit);
	const list = recordsOf(at(answers, "pools", "POOLS"));
	const chains = recordsOf(at(values, "chain")).filter((chain) => (numberOf(at(chain, "asic_num")) ?? 0) > 0);
	return present({
		values,
		algorithm,
		rates: ratesOf(algorithm, {
			now,
			window: 5,
			fifteenMinutes: rateIn(at(source, "rate_15m"), unit),
			average: rateIn(at(source, "rate_avg"), unit),
			nominal: rateIn(firstOf([at(source, "rate_ideal"), at(source, "total_rateideal")]), unit),
		}),
		hardwareErrors: unlessSame(at(summary, "hw_all"), at(summary, "rate_avg")),
		boards: chains.map((chain, place) => ({
			...chain,
			slot: textOf(at(chain, "index")) ?? String(place),
			rates: ratesOf(algorithm, {
				now: rateIn(at(chain, "rate_real"), unit),
				nominal: rateIn(at(chain, "rate_ideal"), unit),
			}),
			frequency: frequencyOf(at(chain, "freq_avg")),
			errorsCounted: unlessSame(at(chain, "hw"), at(chain, "asic_num")),
			chipTemperatures: [at(chain, "temp_chip")].flat().flatMap(degrees),
			boardTemperatures: firstOf([at(chain, "temp_pcb"), at(chain, "temp_pic")]),
		})),
		boardCount:
			Array.isArray(at(values, "chain")) && !(now && chains.length === 0) ? chains.length : undefined,
		fans: fansOf(inOrder(at(values, "fan")), at(values, "fan_num")),
		supplyTemperature: supplyDegrees(at(answers, "power", "power_temp")),
		poolRecords: list,
		poolFacts: plainPoolFacts({ list, isAlive: (pool) => /alive/i.test(textOf(at(pool, "status")) ?? "") }),
		state: stateOf(now, at(answers, "minerConf", "fc-work-mode")),
		healthCodes: healthCodes(summary),
	});
}

/** Counters that repeat another field, the chips or the rate, count nothing. */
function unlessSame(value: unknown, other: unknown): unknown {
	const count = numberOf(value);
	return count !== 0 && count === numberOf(other) ? undefined : count;
}

/** Mode 1 of the settings is sleep; 0, 2 and 3 are normal, high and low. */
function stateOf(now: number | undefined, mode: unknown): string | undefined {
	if (now === undefined) return undefined;
	return now > 0 ? "mining" : numberOf(mode) === 1 ? "sleeping" : "idle";
}

function degrees(value: unknown): readonly number[] {
	const number = numberOf(value);
	if (number === undefined || number === 0) return [];
	return [Math.abs(number) > CELSIUS_MOST ? number / 1_000 : number];
}

/** In tenths, or in thousandths as the chips' are. */
function supplyDegrees(value: unknown): number | undefined {
	const number = numberOf(value);
	if (number === undefined || number === 0) return undefined;
	if (number > 10 * CELSIUS_MOST) return number / 1_000;
	return number > CELSIUS_MOST / 2 ? number / 10 : number;
}

/** Some firmwares write kilohertz. */
function frequencyOf(value: unknown): number | undefined {
	const number = numberOf(value);
	return number !== undefined && number > 10_000 ? number / 1_000 : number;
}

function healthCodes(summary: AnyRecord | undefined): readonly string[] {
	return recordsOf(at(summary, "status"))
		.filter((entry) => {
			const said = (textOf(at(entry, "status")) ?? "s").toLowerCase();
			return said !== "s" || (numberOf(at(entry, "code")) ?? 0) !== 0;
		})
		.map((entry) => {
			const kind = `${textOf(at(entry, "type")) ?? "health"}:${textOf(at(entry, "code")) ?? ""}`;
			return textOf(firstOf([at(entry, "msg")])) === undefined ? kind : `${kind} ${textOf(at(entry, "msg"))}`;
		});
}
