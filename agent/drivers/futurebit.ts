/**
 * FutureBit Apollo: one GraphQL interface on port 5000, behind the password of its page. Data and pure layout.
 *
 * Rates are in GH/s; `int_0` is the latest interval, `int_30` the last 30 s. `boardsW` is what the hashing boards
 * draw, without the node's computer beside them.
 */
import { defineDriver, type Parsed } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES } from "./kit/cgminer.js";
import { fanSpeedParts, fansOf, inOrder } from "./kit/fans.js";
import { plainBoardRateReads, plainRateReads, rateIn, ratesOf } from "./kit/rates.js";
import { at, firstOf, numberOf, present, recordOf, recordsOf, textOf } from "./kit/reading.js";
import { celsius, seconds, watts } from "./kit/vendor-units.js";

const PATH = "/api/graphql";

/** Logs in by a query of its own, whose answer holds the token. */
const session = {
	method: "POST",
	path: PATH,
	body: '{"query":"query($input:AuthLoginInput!){Auth{login(input:$input){result{accessToken}error{message}}}}","variables":{"input":{"password":"{password}"}}}',
} as const;

const query = (text: string) =>
	({
		over: "http",
		method: "POST",
		port: 5000,
		path: PATH,
		body: `{"query":"${text}"}`,
		login: "session",
		session,
		format: "json",
	}) as const;

export const futurebit = defineDriver({
	name: "futurebit",
	kind: "miner",
	title: "FutureBit Apollo",
	makes: ["FutureBit"],
	models: ["Apollo BTC", "Apollo II"],
	firmwares: ["2.x"],
	source: "names of the answers from clients' sources",
	grade: "documented",
	requests: {
		stats: query(
			"{Miner{stats{result{stats{version versions{miner} master{upTime boardsW intervals{int_30{bySol}}} slots{int_0{chips pwrOn temperature temperature1 ghs}} fans{int_0{rpm}} slaves{uid} pool{intervals{int_0{sharesAccepted sharesRejected}}}}} error{message}} online{result{online{status}}}}}",
		),
		host: {
			...query("{Mcu{stats{result{stats{hostname network{name mac}}}}}}"),
			optional: true,
			rarely: true,
		},
	},
	recognises: ({ page, web }) =>
		/"Miner"\s*:\s*\{\s*"(?:stats|online)"/.test(page(PATH)) || /\blocation:\s*\S*\/overview\b/i.test(web),
	layOut,
	identity: {
		make: "FutureBit",
		model: { at: [["model"]] },
		firmware: { at: [["values", "versions", "miner"]] },
		serial: { at: [["values", "slaves", 0, "uid"]] },
		mac: { at: [["host", "data", "Mcu", "stats", "result", "stats", "network", "*", "mac"]] },
		hostname: { at: [["host", "data", "Mcu", "stats", "result", "stats", "hostname"]] },
		algorithm: "sha256",
	},
	power: { source: "reported", boundary: "board" },
	reads: {
		...plainRateReads,
		sharesAccepted: { at: ["values", "pool", "intervals", "int_0", "sharesAccepted"] },
		sharesRejected: { at: ["values", "pool", "intervals", "int_0", "sharesRejected"] },
		powerWatts: { at: ["values", "master", "boardsW"], unit: watts },
		minerUptimeSeconds: { at: ["values", "master", "upTime"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			...plainBoardRateReads,
			chipCount: { at: ["chips"] },
			boardTemperatureCelsius: { at: ["temperature"], unit: celsius, absent: [0] },
			chipTemperatureCelsius: { at: ["temperature1"], unit: celsius, absent: [0] },
		}),
		fanSpeedParts,
	],
	errorCodes: [["refusal"]],
	caveats: [
		"Needs the password of its page; what the computer beside the boards draws is in no number.",
		"Read from clients' sources; not yet compared with a device.",
	],
});

const MODELS: Readonly<Record<string, string>> = { v1: "Apollo BTC", v2: "Apollo II" };

function layOut(answers: Parsed): Parsed {
	const miner = ["stats", "data", "Miner"] as const;
	const values = recordsOf(at(answers, ...miner, "stats", "result", "stats"))[0];
	const slot = recordOf(at(values, "slots", "int_0"));
	const now = rateIn(firstOf([at(slot, "ghs"), at(values, "master", "intervals", "int_30", "bySol")]), 1e9);
	const rates = ratesOf("sha256", { now });
	const isOff = at(answers, ...miner, "online", "result", "online", "status") === false;
	const rpm = at(values, "fans", "int_0", "rpm");
	return present({
		values,
		model: values === undefined ? undefined : (MODELS[textOf(at(values, "version")) ?? ""] ?? "Apollo"),
		rates,
		boards: slot === undefined ? [] : [{ ...slot, slot: "0", rates }],
		fans: fansOf(inOrder((Array.isArray(rpm) ? rpm : [rpm]).map(numberOf))),
		state: isOff ? "stopped" : now === undefined ? undefined : now > 0 ? "mining" : "idle",
		refusal: at(answers, ...miner, "stats", "error", "message"),
	});
}
