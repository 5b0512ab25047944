/**
 * Bitfury B8 and its like with OpenMiner: one page tells all. Data and pure layout.
 *
 * Numbers are text. A slot's watts are its voltage times its current, which is also what its rate times
 * wattPerGHs gives; without boards "slots" is an empty list instead of an object.
 */
import { defineDriver, type Parsed } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, sensorReads } from "./kit/cgminer.js";
import { fanParts, fansOf, inOrder } from "./kit/fans.js";
import { boardRateReads, rateIn, rateReads, ratesOf, sumOf } from "./kit/rates.js";
import {
	type AnyRecord,
	at,
	firstOf,
	numberOf,
	present,
	recordOf,
	recordsOf,
	textOf,
} from "./kit/reading.js";
import {
	amperes,
	celsius,
	millivolts,
	revolutionsPerMinute,
	seconds,
	volts,
	watts,
} from "./kit/vendor-units.js";

export const bitfury = defineDriver({
	name: "bitfury",
	kind: "miner",
	title: "Bitfury, OpenMiner",
	makes: ["Bitfury"],
	models: ["B8", "Tardis"],
	firmwares: ["OpenMiner 1.3"],
	source: "the page's answer of a B8 without boards; the reference's account of slots",
	grade: "recorded",
	requests: {
		agg: {
			over: "http",
			port: 80,
			path: "/api/om/miner/stat/agg",
			login: "session",
			session: { method: "POST", path: "/api/login", body: '{"username":"{user}","password":"{password}"}' },
			format: "json",
		},
	},
	recognises: ({ page, web }) =>
		/"fansRpm"/.test(page("/api/om/miner/stat/agg")) || /OpenMiner|Bitfury/i.test(web),
	layOut,
	identity: {
		make: "Bitfury",
		model: "B8",
		firmware: {
			at: [
				["agg", "versions", "softwareVersion"],
				["agg", "versions", "miner"],
			],
		},
		mac: {
			at: [
				["agg", "mac"],
				["agg", "master", "hwAddr"],
			],
		},
		hostname: { at: [["agg", "hostname"]] },
		algorithm: "sha256",
	},
	power: { source: "reported", boundary: "board" },
	reads: {
		...rateReads,
		powerWatts: { at: ["watts"], unit: watts, absent: [0] },
		boardCount: { at: ["boardCount"] },
		chipCount: { at: ["chipCount"] },
		sharesAccepted: { at: ["agg", "pool", "intervals", "0", "sharesAccepted"] },
		sharesRejected: { at: ["agg", "pool", "intervals", "0", "sharesRejected"] },
		sharesStale: { at: ["agg", "pool", "intervals", "0", "staleJobShares"] },
		minerUptimeSeconds: { at: ["agg", "master", "upTime"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			...boardRateReads,
			powerWatts: { at: ["watts"], unit: watts, absent: [0] },
			chipCount: { at: ["chips"] },
			coreVoltageVolts: { at: ["voltage"], unit: millivolts, absent: [0] },
			boardTemperatureCelsius: { at: ["temperatures", "*"], unit: celsius, of: "highest" },
			...sensorReads("boardSensor", "temperatures"),
		}),
		fanParts,
		{
			part: "psu",
			each: ["supplies"],
			key: ["id"],
			reads: {
				powerWatts: { at: ["pOut"], unit: watts, absent: [0] },
				inputVoltageVolts: { at: ["vIn"], unit: volts, absent: [0] },
				outputVoltageVolts: { at: ["vOut"], unit: volts, absent: [0] },
				outputCurrentAmperes: { at: ["iOut"], unit: amperes, absent: [0] },
				psuTemperatureCelsius: { at: ["tIn"], unit: celsius, absent: [0] },
				fanSpeedRevolutionsPerMinute: { at: ["fs"], unit: revolutionsPerMinute, absent: [0] },
			},
		},
	],
	caveats: ["The watts are the boards' sum, without fans and the supplies' loss."],
});

/** "0.0" and "0000…" stand for a supply that does not answer. */
function answers(supply: AnyRecord): boolean {
	return ["vIn", "vOut", "pOut"].some((key) => (numberOf(at(supply, key)) ?? 0) !== 0);
}

function layOut(parsed: Parsed): Parsed {
	const agg = recordOf(parsed["agg"]);
	const slots = recordOf(at(agg, "slots")) ?? {};
	const listed = Array.isArray(at(agg, "slots")) ? recordsOf(at(agg, "slots")) : [];
	const all = [...Object.entries(slots), ...listed.map((slot, place) => [String(place), slot] as const)];
	const boards = all.flatMap(([key, value]) => {
		const slot = recordOf(value);
		return slot === undefined ? [] : [boardOf(key, slot)];
	});
	const now = sumOf(boards.map(({ now: rate }) => rate)) ?? (agg === undefined ? undefined : 0);
	const chips = boards.map((board) => numberOf(board.chips));
	return present({
		boards,
		boardCount: at(agg, "slots") === undefined ? undefined : boards.length,
		chipCount: chips.includes(undefined) ? undefined : (sumOf(chips) ?? 0),
		rates: ratesOf("sha256", { now }),
		watts: sumOf(boards.map((board) => board.watts)),
		fans: fansOf(inOrder(at(agg, "fansRpm"))),
		supplies: recordsOf(at(agg, "psu")).filter(answers),
		state: now === undefined ? undefined : now > 0 ? "mining" : stateOf(at(agg, "pwr", "state")),
	});
}

function stateOf(power: unknown): string {
	return /^INITIAL/.test(textOf(power) ?? "") ? "starting" : "idle";
}

const PER_MILLION = 1e-6;

function boardOf(key: string, slot: AnyRecord) {
	const gigahashes = numberOf(at(slot, "ghs"));
	const perGigahash = numberOf(at(slot, "wattPerGHs"));
	const voltage = numberOf(firstOf([at(slot, "voltage"), at(slot, "u")]));
	const current = numberOf(firstOf([at(slot, "current"), at(slot, "i")]));
	const byRate = gigahashes === undefined || perGigahash === undefined ? undefined : gigahashes * perGigahash;
	const byVolts =
		voltage === undefined || current === undefined ? undefined : voltage * current * PER_MILLION;
	const now = rateIn(gigahashes, 1e9);
	return {
		slot: key,
		now,
		rates: ratesOf("sha256", { now }),
		watts: byRate ?? byVolts,
		voltage,
		chips: firstOf([at(slot, "chips"), at(slot, "chipsCount")]),
		temperatures: [at(slot, "temperature"), at(slot, "temperature1")].filter(
			(value) => (numberOf(value) ?? 0) !== 0,
		),
	};
}
