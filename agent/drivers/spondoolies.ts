/**
 * Spondoolies SPx36: a JSON document stands as text within the stats, with the power of each board. Data and pure
 * layout.
 */
import { parseDeviceJson } from "../../shared/json.js";
import { defineDriver, type Parsed } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, poolFacts, sensorReads, shareReads } from "./kit/cgminer.js";
import { fanParts, fansOf, inOrder } from "./kit/fans.js";
import { boardRateReads, rateIn, rateReads, ratesOf, sumOf } from "./kit/rates.js";
import { type AnyRecord, at, numberOf, present, recordOf, recordsOf } from "./kit/reading.js";
import { optionalRpc, rpc, slowRpc } from "./kit/requests.js";
import { celsius, percent, seconds, watts } from "./kit/vendor-units.js";

export const spondoolies = defineDriver({
	name: "spondoolies",
	kind: "miner",
	title: "Spondoolies SPx36",
	makes: ["Spondoolies"],
	models: ["SPx36"],
	firmwares: ["cgminer 4.10.0-spx"],
	source: "RPC answers of an SPx36",
	grade: "recorded",
	requests: { stats: rpc("stats"), summary: optionalRpc("summary"), pools: slowRpc("pools") },
	recognises: ({ rpc: said }) => /"JSON-STATS"|CGMINER [\d.]+-SPX/.test(said),
	layOut,
	identity: { make: "Spondoolies", model: "SPx36", algorithm: "x11" },
	power: { source: "reported", boundary: "board" },
	reads: {
		...rateReads,
		...shareReads,
		hardwareErrors: { at: ["summaryRecord", "Hardware Errors"] },
		powerWatts: { at: ["watts"], unit: watts, absent: [0] },
		fanDutyRatio: { at: ["inner", "fan-percent"], unit: percent },
		minerUptimeSeconds: { at: ["summaryRecord", "Elapsed"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			...boardRateReads,
			powerWatts: { at: ["power"], unit: watts, absent: [0] },
			chipCount: { at: ["working-asics"] },
			chipTemperatureCelsius: { at: ["max-temp"], unit: celsius, absent: [0] },
			chipTemperatureMinimumCelsius: { at: ["min-temp"], unit: celsius, absent: [0] },
			psuTemperatureCelsius: { at: ["psu-temp"], unit: celsius, absent: [0] },
			boardTemperatureCelsius: { at: ["temperatures", "*"], unit: celsius, of: "highest", absent: [0] },
			...sensorReads("boardSensor", "temperatures"),
		}),
		fanParts,
	],
	caveats: [
		"The watts are the two boards' sum as their supplies state it.",
		"Board sensors 1 to 3 are front, rear and the board's supply.",
	],
});

function layOut(answers: Parsed): Parsed {
	const inner = innerDocument(at(answers, "stats", "STATS", 0, "json-stats"));
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const boards = Object.keys(inner ?? {})
		.filter((key) => key.endsWith("-board"))
		.flatMap((slot) => {
			const board = recordOf(at(inner, slot));
			return board === undefined ? [] : [boardOf(slot.replace(/-board$/, ""), board)];
		});
	const now = rateIn(at(summaryRecord, "MHS 5s"), 1e6);
	return present({
		inner,
		summaryRecord,
		boards,
		rates: ratesOf("x11", {
			now: now ?? sumOf(boards.map((board) => rateIn(at(board, "reported-hashrate"), 1e6))),
			average: rateIn(at(summaryRecord, "MHS av"), 1e6),
		}),
		watts: sumOf(boards.map((board) => numberOf(at(board, "power")))),
		fans: fansOf(inOrder(at(inner, "fan-speeds"))),
		poolFacts: poolFacts(answers["pools"]),
		state: now === undefined ? undefined : now > 0 ? "mining" : "idle",
	});
}

function innerDocument(text: unknown): AnyRecord | undefined {
	if (typeof text !== "string") return recordOf(text);
	const parsed = parseDeviceJson(text);
	return parsed.ok ? recordOf(parsed.value) : undefined;
}

function boardOf(slot: string, board: AnyRecord): AnyRecord {
	return {
		...board,
		slot,
		rates: ratesOf("x11", {
			now: rateIn(at(board, "reported-hashrate"), 1e6),
			average: rateIn(at(board, "avg-hashrate"), 1e6),
		}),
		temperatures: [at(board, "front-temp"), at(board, "rear-temp"), at(board, "psu-temp")],
	};
}
