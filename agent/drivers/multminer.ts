/**
 * MultMiner M1, an FPGA miner: one page of lists without names. Data and pure layout.
 *
 *   bd[]  boards; ol 1 where one is connected; cs[] its chips: [1, celsius, …, "5.58GH/s | 743"]
 *   mt    "trb 2020/06/17 01:04:04 Hr:129.93 Pw:845": coin, time, hashrate in GH/s, watts
 *   ms[]  pools: [state, time, user, accepted, rejected, …]
 */
import { defineDriver, type Parsed } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, sensorReads } from "./kit/cgminer.js";
import { clockSeconds } from "./kit/durations.js";
import {
	algorithmNamed,
	boardRateReads,
	NOT_SHA256,
	rateIn,
	rateReads,
	ratesOf,
	sumOf,
} from "./kit/rates.js";
import { type AnyRecord, at, listOf, numberOf, present, recordsOf, textOf } from "./kit/reading.js";
import { celsius, seconds, watts } from "./kit/vendor-units.js";

export const multminer = defineDriver({
	name: "multminer",
	kind: "miner",
	title: "MultMiner M1",
	makes: ["MultMiner"],
	models: ["M1"],
	firmwares: ["2020"],
	source: "the page's answer of an M1",
	grade: "recorded",
	requests: {
		status: { over: "http", method: "POST", port: 80, path: "/gst.csp", body: "a=a", format: "json" },
	},
	recognises: ({ page, web }) => /"tphr"/.test(page("/gst.csp")) || /MultMiner/i.test(web),
	layOut,
	identity: { make: "MultMiner", model: "M1", algorithm: { at: [["algorithm"]] } },
	power: { source: "reported", boundary: "wall" },
	reads: {
		...rateReads,
		powerWatts: { at: ["watts"], unit: watts, absent: [0] },
		sharesAccepted: { at: ["status", "ms", "*", 3], of: "sum" },
		sharesRejected: { at: ["status", "ms", "*", 4], of: "sum" },
		minerUptimeSeconds: { at: ["uptime"], unit: seconds },
		boardSlotCount: { at: ["slotCount"] },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			...boardRateReads,
			chipCount: { at: ["chips"] },
			chipTemperatureCelsius: { at: ["chipTemperatures", "*"], unit: celsius, of: "highest" },
			...sensorReads("chipSensor", "chipTemperatures"),
		}),
	],
	caveats: [
		"The rate is the banner's `Hr`, which agrees with the chips' own GH/s; other software scales it down.",
	],
});

function layOut(answers: Parsed): Parsed {
	const status = answers["status"];
	const banner = textOf(at(status, "mt"))?.slice(0, 256) ?? "";
	const number = (name: string) => numberOf(new RegExp(`\\b${name}:\\s*([\\d.]+)`).exec(banner)?.[1]);
	const slots = recordsOf(at(status, "bd"));
	const boards = slots.flatMap((board, place) =>
		numberOf(at(board, "ol")) === 1 ? [boardOf(board, place)] : [],
	);
	const now = rateIn(number("Hr"), 1e9) ?? sumOf(boards.map((board) => board.now));
	return present({
		algorithm: algorithmNamed(/^\s*([A-Za-z][\w-]{0,31})/.exec(banner)?.[1]),
		rates: ratesOf(NOT_SHA256, { now }),
		watts: number("Pw"),
		boards,
		slotCount: slots.length === 0 ? undefined : slots.length,
		uptime: clockSeconds(at(status, "ms", 0, 1)),
		state: now === undefined ? undefined : now > 0 ? "mining" : "idle",
	});
}

const TEMPERATURE = 1;
const RATE = 7;

function boardOf(board: AnyRecord, place: number) {
	const chips = listOf(at(board, "cs")).filter((chip) => numberOf(at(chip, 0)) === 1);
	const now = sumOf(chips.map((chip) => rateIn(textOf(at(chip, RATE))?.split("|")[0]?.trim(), 1e9)));
	return {
		slot: String(place),
		now,
		rates: ratesOf(NOT_SHA256, { now }),
		chips: chips.length,
		chipTemperatures: chips.map((chip) => at(chip, TEMPERATURE)).filter((value) => numberOf(value) !== 0),
	};
}
