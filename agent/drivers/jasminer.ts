/**
 * Jasminer (Sunlune): one page of the web interface, behind digest, tells all but the address. Data and pure layout.
 *
 * Rates are text with their unit, "520.10 MH/s". Fans and chips are numbered keys: fan1, fan_percent1, asic0_temp.
 */
import { defineDriver, type Parsed, SLOW_FACTS_SECONDS } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, plainPoolFacts, sensorReads, shareReads } from "./kit/cgminer.js";
import { fanParts, fansOf } from "./kit/fans.js";
import { algorithmNamed, boardRateReads, plainRateReads, rateIn, ratesOf } from "./kit/rates.js";
import { at, firstOf, numbered, numberOf, present, recordOf, recordsOf, textOf } from "./kit/reading.js";
import { cgi, optionalCgi } from "./kit/requests.js";
import { celsius, megahertz, seconds } from "./kit/vendor-units.js";

export const jasminer = defineDriver({
	name: "jasminer",
	kind: "miner",
	title: "Jasminer",
	makes: ["Jasminer"],
	models: ["X4", "X16", "X44"],
	firmwares: ["2021 on"],
	source: "names of the answers from clients' sources",
	grade: "documented",
	requests: {
		status: { ...cgi("minerStatus_all"), optional: true },
		/** Older releases have the status under this name alone. */
		oldStatus: { ...optionalCgi("minerStatus"), unless: "status" },
		index: { ...optionalCgi("index"), rarely: true },
		settings: { ...optionalCgi("get_pools"), everySeconds: SLOW_FACTS_SECONDS, rarely: true },
	},
	atLeastOne: ["status", "oldStatus"],
	recognises: ({ page, web }) =>
		/"asic_stat"|"rejectRate"|"dag_time"/.test(
			page("/cgi-bin/minerStatus_all.cgi") + page("/cgi-bin/minerStatus.cgi"),
		) || /jasminer/i.test(web + page("/cgi-bin/index.cgi")),
	layOut,
	identity: {
		make: "Jasminer",
		model: {
			at: [
				["summary", "miner"],
				["index", "minertype"],
			],
		},
		firmware: {
			at: [
				["summary", "version"],
				["index", "fs_version"],
			],
		},
		serial: { at: [["summary", "machine_sn"]] },
		mac: { at: [["index", "macaddr"]] },
		algorithm: { at: [["algorithm"]] },
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...plainRateReads,
		sharesAccepted: { at: ["poolRecords", "*", "accept"], of: "sum" },
		sharesRejected: { at: ["poolRecords", "*", "reject"], of: "sum" },
		activePoolCount: shareReads.activePoolCount,
		poolState: shareReads.poolState,
		chipTemperatureCelsius: { at: ["summary", "temp_max"], unit: celsius, absent: [0] },
		chipTemperatureMinimumCelsius: { at: ["summary", "temp_min"], unit: celsius, absent: [0] },
		minerUptimeSeconds: { at: ["summary", "uptime"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			...boardRateReads,
			chipCount: { at: ["asics"] },
			frequencyMegahertz: { at: ["freq"], unit: megahertz, absent: [0] },
			boardTemperatureCelsius: { at: ["temp"], unit: celsius, absent: [0] },
			chipTemperatureCelsius: { at: ["chips", "*"], unit: celsius, absent: [0], of: "highest" },
			...sensorReads("chipSensor", "chips"),
		}),
		fanParts,
	],
	caveats: ["Read from clients' sources; not yet compared with a device.", "No Jasminer reports power."],
});

/** All of them compute Ethash or its like for other coins. */
function layOut(answers: Parsed): Parsed {
	const status = recordOf(firstOf([answers["status"], answers["oldStatus"]]));
	const summary = recordOf(at(status, "summary"));
	const boards = recordOf(at(status, "boards"));
	const algorithm = algorithmNamed(at(answers, "settings", "coin")) ?? "ethash";
	const now = rateIn(at(summary, "rt"), 1e6);
	const list = recordsOf(at(status, "pools", "pool"));
	const duty = new Map(
		numbered(boards ?? {}, /^fan_percent(\d+)$/).map(({ slot, value }) => [String(slot), value]),
	);
	return present({
		summary,
		algorithm,
		rates: ratesOf(algorithm, { now, average: rateIn(at(summary, "avg"), 1e6) }),
		boards: recordsOf(at(boards, "board")).map((board, place) => ({
			...board,
			slot: String(place),
			rates: ratesOf(algorithm, { now: rateIn(at(board, "rate"), 1e6) }),
			chips: numbered(board, /^asic(\d+)_temp$/).map(({ value }) => value),
		})),
		fans: fansOf(numbered(boards ?? {}, /^fan(\d+)$/), at(boards, "fan_num")).map((fan) => ({
			...fan,
			percent: duty.get(fan.slot),
		})),
		poolRecords: list,
		poolFacts: plainPoolFacts({
			list,
			isAlive: (pool) => /alive|active|connected/i.test(textOf(at(pool, "status")) ?? ""),
		}),
		state: numberOf(now) === undefined ? undefined : (now ?? 0) > 0 ? "mining" : "idle",
	});
}
