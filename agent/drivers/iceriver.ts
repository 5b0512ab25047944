/**
 * IceRiver: one page of the web interface tells all. Data and pure layout.
 *
 * "rtpow" and "avgpow" are hashrates, not electrical power: "14762G" is 14.762 TH/s. `powstate` is a switch. The
 * page is behind a login that gives a cookie.
 */
import { defineDriver, type Parsed } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, plainPoolFacts, sensorReads, shareReads } from "./kit/cgminer.js";
import { clockSeconds } from "./kit/durations.js";
import { fanParts, fansOf, inOrder } from "./kit/fans.js";
import {
	algorithmNamed,
	boardRateReads,
	NOT_SHA256,
	rateIn,
	rateReads,
	ratesOf,
	rateUnit,
} from "./kit/rates.js";
import { at, firstOf, numberOf, present, recordOf, recordsOf, textOf } from "./kit/reading.js";
import { celsius, megahertz, seconds } from "./kit/vendor-units.js";

export const iceriver = defineDriver({
	name: "iceriver",
	kind: "miner",
	title: "IceRiver",
	makes: ["IceRiver"],
	models: ["KS0 to KS7", "AL0 to AL3", "AE0 to AE3", "RX0"],
	firmwares: ["2023 to 2026"],
	source: "the web page's answers of AL3",
	grade: "recorded",
	requests: {
		panel: {
			over: "http",
			method: "POST",
			port: 80,
			path: "/user/userpanel?post=4",
			body: "",
			login: "session",
			session: { method: "POST", path: "/user/loginpost?post=6&user={user}&pwd={password}" },
			format: "json",
		},
	},
	recognises: ({ page, web }) =>
		/"(?:rtpow|avgpow)"/.test(page("/user/userpanel")) || /<TITLE>用户界面<\/TITLE>|IceRiver/i.test(web),
	layOut,
	identity: {
		make: "IceRiver",
		model: { at: [["model"]] },
		firmware: { at: [["firmware"]] },
		mac: { at: [["mac"]] },
		hostname: { at: [["data", "host"]] },
		algorithm: { at: [["algorithm"]] },
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...rateReads,
		sharesAccepted: { at: ["poolRecords", "*", "accepted"], of: "sum" },
		sharesRejected: { at: ["poolRecords", "*", "rejected"], of: "sum" },
		activePoolCount: shareReads.activePoolCount,
		poolState: shareReads.poolState,
		minerUptimeSeconds: { at: ["uptime"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			...boardRateReads,
			chipCount: { at: ["chipnum"] },
			frequencyMegahertz: { at: ["freq"], unit: megahertz, absent: [0] },
			boardTemperatureCelsius: { at: ["temperatures", "*"], unit: celsius, of: "highest" },
			...sensorReads("boardSensor", "temperatures"),
		}),
		fanParts,
	],
	caveats: [
		"No IceRiver reports power: `rtpow` and `avgpow` are hashrates.",
		"Some firmwares name neither model nor algorithm; the rate then counts as of another algorithm than SHA-256.",
	],
});

/** By the letters of the model, which the firmware's name begins with too ("ks0", "AL3"). */
const ALGORITHMS: readonly (readonly [RegExp, string])[] = [
	[/\bKS\d/i, "kheavyhash"],
	[/\bAL\d/i, "blake3"],
	[/\bAE\d/i, "zksnark"],
	[/\bRX\d/i, "randomx"],
];

function layOut(answers: Parsed): Parsed {
	const data = recordOf(at(answers, "panel", "data")) ?? recordOf(answers["panel"]);
	const said = textOf(at(data, "model"));
	const model = said === undefined || said.toLowerCase() === "none" ? modelIn(at(data, "softver1")) : said;
	const algorithm =
		algorithmNamed(at(data, "algo")) ?? ALGORITHMS.find(([pattern]) => pattern.test(model ?? ""))?.[1];
	const unit = rateUnit(at(data, "unit"));
	const now = rateIn(at(data, "rtpow"), unit);
	const pools = recordsOf(at(data, "pools")).filter((pool) => textOf(at(pool, "addr")) !== undefined);
	const isAlive = (value: unknown) => value === true || numberOf(value) === 1;
	return present({
		data,
		model,
		algorithm,
		firmware: textOf(at(data, "softver1"))?.replace(/_(?:miner|bg)$/, ""),
		mac: textOf(at(data, "mac"))?.replaceAll("-", ":"),
		rates: ratesOf(NOT_SHA256, { now, average: rateIn(at(data, "avgpow"), unit) }),
		boards: recordsOf(at(data, "boards")).map((board, place) => ({
			...board,
			slot: textOf(at(board, "no")) ?? String(place + 1),
			rates: ratesOf(NOT_SHA256, {
				now: rateIn(at(board, "rtpow"), unit),
				average: rateIn(at(board, "avgpow"), unit),
				nominal: rateIn(at(board, "idealpow"), unit),
			}),
			temperatures: [at(board, "intmp"), at(board, "outtmp")].filter((one) => (numberOf(one) ?? 0) !== 0),
		})),
		fans: fansOf(inOrder(at(data, "fans"))),
		uptime: clockSeconds(at(data, "runtime")),
		poolRecords: pools,
		poolFacts: plainPoolFacts({
			list: pools,
			isAlive: (pool) => isAlive(firstOf([at(pool, "state"), at(pool, "connect")])),
		}),
		state: now === undefined ? undefined : now > 0 ? "mining" : "idle",
	});
}

/** A number stands in the software's name where no model does. */
const MODELS_BY_NUMBER: readonly (readonly [RegExp, string])[] = [[/_10306(?:_|$)/, "AL3"]];

/** The software's name writes "ks5L" where the case says KS5L. */
function modelIn(softwareName: unknown): string | undefined {
	const numbered = MODELS_BY_NUMBER.find(([pattern]) => pattern.test(textOf(softwareName) ?? ""))?.[1];
	if (numbered !== undefined) return numbered;
	const found = /(?:^|[^A-Za-z])((?:KS|AL|AE|RX)\d[A-Za-z0-9]{0,8})/i.exec(textOf(softwareName) ?? "")?.[1];
	return found?.replace(/^(?:[a-z]+\d+[a-z]?$|[a-z]+)/i, (letters) => letters.toUpperCase());
}
