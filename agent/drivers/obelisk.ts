/**
 * Obelisk SC1 and DCR1, of both generations: one page of the web interface, behind a login that gives a cookie. Data
 * and pure layout.
 *
 * Rates are MH/s. The first generation counts an average since its start, the second one of five minutes; fans are
 * among the facts of the system, in turns of the first and in percent of the second.
 */
import { defineDriver, type Parsed } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_POOL_STATES, OUR_STATES, plainPoolFacts, sensorReads } from "./kit/cgminer.js";
import { fanParts } from "./kit/fans.js";
import { boardRateReads, NOT_SHA256, rateReads, ratesOf } from "./kit/rates.js";
import { type AnyRecord, at, numberOf, present, recordsOf, textOf } from "./kit/reading.js";
import { celsius } from "./kit/vendor-units.js";

export const obelisk = defineDriver({
	name: "obelisk",
	kind: "miner",
	title: "Obelisk SC1 and DCR1",
	makes: ["Obelisk"],
	models: ["SC1", "SC1 Dual", "SC1 Slim", "SC1 Immersion", "DCR1", "DCR1 Slim"],
	firmwares: ["generations 1 and 2"],
	source: "the pages of the web interface, as others' programs read them",
	grade: "documented",
	requests: {
		dashboard: {
			over: "http",
			port: 80,
			path: "/api/status/dashboard",
			login: "session",
			session: {
				method: "POST",
				path: "/api/login",
				body: '{"username":"{user}","password":"{password}"}',
			},
			format: "json",
		},
		info: { over: "http", port: 80, path: "/api/info", format: "json", optional: true, rarely: true },
	},
	recognises: ({ page, web }) =>
		/"vendor"\s*:\s*"Obelisk"/i.test(page("/api/info")) ||
		/"hashboardStatus"/.test(page("/api/status/dashboard")) ||
		/\bObelisk\b/i.test(web),
	layOut,
	identity: {
		make: "Obelisk",
		model: { at: [["info", "model"]] },
		mac: { at: [["info", "macAddress"]] },
		algorithm: { at: [["algorithm"]] },
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...rateReads,
		sharesAccepted: { at: ["dashboard", "poolStatus", "*", "accepted"], of: "sum" },
		sharesRejected: { at: ["dashboard", "poolStatus", "*", "rejected"], of: "sum" },
		activePoolCount: { at: ["pools", "alive"] },
		poolState: { at: ["pools", "state"], words: OUR_POOL_STATES },
		boardCount: { at: ["boardCount"] },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			...boardRateReads,
			sharesAccepted: { at: ["accepted"] },
			sharesRejected: { at: ["rejected"] },
			chipTemperatureCelsius: { at: ["chipTemp"], unit: celsius, absent: [0] },
			boardTemperatureCelsius: { at: ["temperatures", "*"], unit: celsius, of: "highest", absent: [0] },
			...sensorReads("boardSensor", "temperatures"),
		}),
		fanParts,
	],
	caveats: [
		"No Obelisk reports power.",
		"The second generation tells the temperatures of the air that enters and leaves a board, and none of its chips.",
	],
});

function layOut(answers: Parsed): Parsed {
	const algorithm = algorithmOf(textOf(at(answers, "info", "model")));
	const dashboard = at(answers, "dashboard");
	const listed = recordsOf(at(dashboard, "hashboardStatus"));
	const sum = (key: string) => {
		const rates = listed.flatMap((board) => rateOf(board, key) ?? []);
		return rates.length === 0 ? undefined : rates.reduce((all, one) => all + one, 0);
	};
	const average = sum("mhsAvg");
	const fiveMinutes = sum("hashrate5min");
	const rate = fiveMinutes ?? average;
	return present({
		algorithm,
		rates: ratesOf(algorithm ?? NOT_SHA256, {
			now: fiveMinutes,
			window: fiveMinutes === undefined ? undefined : 300,
			average,
		}),
		boards: listed.map((board, place) => ({
			slot: String(place),
			rates: ratesOf(algorithm ?? NOT_SHA256, {
				now: rateOf(board, "hashrate5min"),
				average: rateOf(board, "mhsAvg"),
			}),
			accepted: at(board, "accepted"),
			rejected: at(board, "rejected"),
			chipTemp: at(board, "chipTemp"),
			temperatures: ["boardTemp", "intakeTemp", "exhaustTemp"]
				.map((name) => at(board, name))
				.filter((temperature) => temperature !== undefined),
		})),
		boardCount: listed.length > 0 ? listed.filter((board) => hasRate(board)).length : undefined,
		fans: fansIn(recordsOf(at(dashboard, "systemInfo"))),
		pools: plainPoolFacts({
			list: recordsOf(at(dashboard, "poolStatus")).filter((pool) => textOf(at(pool, "url")) !== undefined),
			isAlive: (pool) => /^alive$/i.test(textOf(at(pool, "status")) ?? ""),
		}),
		state: rate === undefined ? undefined : rate > 0 ? "mining" : "idle",
	});
}

function algorithmOf(model: string | undefined): string | undefined {
	if (model === undefined) return undefined;
	if (/^SC/i.test(model)) return "blake2bsia";
	return /^DCR/i.test(model) ? "blake256r14" : undefined;
}

function rateOf(board: AnyRecord, key: string): number | undefined {
	const number = numberOf(at(board, key));
	return number === undefined ? undefined : number * 1e6;
}

function hasRate(board: AnyRecord): boolean {
	return (rateOf(board, "hashrate5min") ?? rateOf(board, "mhsAvg") ?? 0) > 0;
}

/** "Fan 1 Speed" in turns, "Fan Speed" in percent; as a number, or with its unit behind it. */
function fansIn(facts: readonly AnyRecord[]): readonly AnyRecord[] {
	return facts.flatMap((fact, place) => {
		const name = /^Fan\s*(\d*)\s*Speed/i.exec(textOf(at(fact, "name")) ?? "");
		const said = textOf(at(fact, "value")) ?? "";
		const value = numberOf(/^[\d.,]+/.exec(said)?.[0]);
		if (name === null || value === undefined) return [];
		const slot = name[1] || String(place);
		const isPercent = said.endsWith("%") || (name[1] === "" && value <= 100);
		return [isPercent ? { slot, percent: value } : { slot, speed: value }];
	});
}
