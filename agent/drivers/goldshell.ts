/**
 * Goldshell: the web interface's `/mcb/…` pages, and on newer firmware port 4028. Data and pure layout.
 *
 * Rates are MH/s in both. Fans and temperatures are text on the web ("83.0 °C / 73.8 °C", the degree sign broken
 * on some firmwares); every board repeats the fans of the whole machine. 0.0 °C is a sensor that is not fitted.
 */
import { defineDriver, type Parsed, SLOW_FACTS_SECONDS } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, plainPoolFacts, poolFacts, sensorReads, shareReads } from "./kit/cgminer.js";
import { fanParts, fansOf, inOrder } from "./kit/fans.js";
import { boardRateReads, NOT_SHA256, rateIn, rateReads, ratesOf, sumOf } from "./kit/rates.js";
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
import { optionalRpc, rareRpc, rpc, slowRpc } from "./kit/requests.js";
import { celsius, megahertz, millivolts, seconds } from "./kit/vendor-units.js";

/** Open on most firmwares; behind a login on the rest. */
const page = (path: string) =>
	({
		over: "http",
		port: 80,
		path: `/mcb/${path}`,
		login: "session",
		session: { method: "GET", path: "/user/login?username={user}&password={password}&cipher=false" },
		format: "json",
	}) as const;

const mcb = (path: string) => ({ ...page(path), optional: true }) as const;

const MODELS = ["CK5", "CK6", "HS5", "KD5", "LT5", "LT6", "SC5 Pro", "CK-BOX", "KA-BOX", "LT Lite", "AE-BOX"];

const shared = {
	kind: "miner",
	makes: ["Goldshell"],
	models: MODELS,
	grade: "recorded",
	identity: {
		make: "Goldshell",
		model: { at: [["model"]] },
		firmware: {
			at: [
				["status", "firmware"],
				["version", "VERSION", "*", "CGMiner"],
			],
		},
		mac: { at: [["setting", "name"]] },
		algorithm: { at: [["algorithm"]] },
	},
	power: { source: "reported", boundary: "wall" },
} as const;

const boardReads = {
	...boardRateReads,
	chipCount: { at: ["chips"] },
	hardwareErrors: { at: ["hardwareErrors"] },
	sharesAccepted: { at: ["accepted"] },
	sharesRejected: { at: ["rejected"] },
	frequencyMegahertz: { at: ["clock"], unit: megahertz, absent: [0] },
	inputVoltageVolts: { at: ["voltage"], unit: millivolts, absent: [0] },
	boardTemperatureCelsius: { at: ["temperatures", "*"], unit: celsius, of: "highest", absent: [0] },
	...sensorReads("boardSensor", "temperatures"),
} as const;

const caveats = ["No Goldshell reports power.", "0.0 °C is a sensor that is not fitted."];

export const goldshell = defineDriver({
	...shared,
	name: "goldshell",
	title: "Goldshell, web",
	firmwares: ["2.0 to 2.2"],
	source: "web answers of CK5 and LT5",
	requests: {
		devs: page("cgminer?cgminercmd=devs"),
		pools: { ...mcb("pools"), everySeconds: SLOW_FACTS_SECONDS },
		status: { ...mcb("status"), rarely: true },
		setting: { ...mcb("setting"), rarely: true },
	},
	recognises: ({ page: said, web }) =>
		/"hwerr_ration"|"minerstatus"/.test(said("/mcb/cgminer")) ||
		/Goldshell/i.test(said("/mcb/status")) ||
		/cloud-box/i.test(web),
	layOut: layOutWeb,
	reads: {
		...rateReads,
		sharesAccepted: { at: ["boards", "*", "accepted"], of: "sum" },
		sharesRejected: { at: ["boards", "*", "rejected"], of: "sum" },
		hardwareErrors: { at: ["boards", "*", "hardwareErrors"], of: "sum" },
		activePoolCount: shareReads.activePoolCount,
		poolState: shareReads.poolState,
		minerUptimeSeconds: { at: ["boards", "*", "time"], unit: seconds, of: "highest" },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [boardParts(boardReads), fanParts],
	caveats,
});

/** By the first letters of the model's short name. */
const ALGORITHMS: readonly (readonly [RegExp, string])[] = [
	[/^CK/, "eaglesong"],
	[/^HS/, "handshake"],
	[/^KD/, "blake2s"],
	[/^(?:LT|DG|MINI-?DOGE)/, "scrypt"],
	[/^SC/, "blake2bsia"],
	[/^KA/, "kheavyhash"],
	[/^LB/, "lbry"],
	[/^AL/, "blake3"],
	[/^AE/, "zksnark"],
	[/^ST/, "cryptonight"],
];

/** "Goldshell-SC5Pro": SC5Pro, and what it mines. */
function whoIs(answers: Parsed): AnyRecord {
	const said = textOf(firstOf([at(answers, "status", "model"), at(answers, "setting", "model")]));
	const model = said?.replace(/^goldshell[-\s_]*/i, "");
	// "E-KA1M" is a KA for the home.
	const letters = model?.toUpperCase().replace(/^E-/, "") ?? "";
	const algorithm = ALGORITHMS.find(([pattern]) => pattern.test(letters))?.[1];
	return present({ model, algorithm });
}

function layOutWeb(answers: Parsed): Parsed {
	const list = recordsOf(at(answers, "devs", "data"));
	const boards = list.map((dev, place) => ({
		slot: textOf(at(dev, "id")) ?? String(place),
		rates: ratesOf(NOT_SHA256, {
			now: rateIn(at(dev, "hashrate"), 1e6),
			average: rateIn(at(dev, "av_hashrate"), 1e6),
		}),
		chips: at(dev, "chips"),
		accepted: at(dev, "accepted"),
		rejected: at(dev, "rejected"),
		hardwareErrors: at(dev, "hwerrors"),
		time: at(dev, "time"),
		temperatures: temperaturesOf(dev),
	}));
	const now = sumOf(list.map((dev) => rateIn(at(dev, "hashrate"), 1e6)));
	const average = sumOf(list.map((dev) => rateIn(at(dev, "av_hashrate"), 1e6)));
	const pools = recordsOf(answers["pools"]);
	return present({
		...whoIs(answers),
		boards,
		rates: ratesOf(NOT_SHA256, { now, average }),
		fans: fansOf(inOrder(numbersIn(at(list[0], "fanspeed")))),
		poolFacts: plainPoolFacts({ list: pools, isAlive: (pool) => at(pool, "active") === true }),
		state: now === undefined ? undefined : now > 0 ? "mining" : "idle",
	});
}

const SIDES = ["r_temp", "l_temp", "t_temp", "m_temp"] as const;

function temperaturesOf(dev: AnyRecord): readonly number[] {
	const together = numbersIn(at(dev, "temp"));
	const found = together.length > 0 ? together : SIDES.flatMap((side) => numbersIn(at(dev, side)));
	return found.filter((number) => number !== 0);
}

/** "2940 rpm / 2940 rpm" or one number. */
function numbersIn(value: unknown): readonly number[] {
	const text = textOf(value)?.slice(0, 256) ?? "";
	return (text.match(/-?\d+(?:\.\d+)?/g) ?? []).map(Number);
}

export const goldshellRpc = defineDriver({
	...shared,
	name: "goldshell-rpc",
	title: "Goldshell, RPC",
	firmwares: ["2.2 and later"],
	source: "RPC answers of SC5 Pro on 2.2.0",
	requests: {
		devs: rpc("devs"),
		summary: optionalRpc("summary"),
		pools: slowRpc("pools"),
		/** Where firmware does not write the fans beside the boards. */
		stats: slowRpc("stats"),
		devdetails: rareRpc("devdetails"),
		version: rareRpc("version"),
		status: { ...mcb("status"), rarely: true },
		setting: { ...mcb("setting"), rarely: true },
	},
	recognises: ({ rpc: said }) => /"TSTEMP-\d"|KDAMINER|INTCHAINS|"CHIPS-NR"|GOLDSHELL/.test(said),
	layOut: layOutRpc,
	reads: {
		...rateReads,
		...shareReads,
		boardCount: { at: ["boardCount"] },
		hardwareErrors: { at: ["summaryRecord", "Hardware Errors"] },
		minerUptimeSeconds: { at: ["summaryRecord", "Elapsed"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [boardParts(boardReads), fanParts],
	caveats: [...caveats, "The boards' sum and the summary's rate are over different windows."],
});

const WINDOWS = [
	["MHS 20s", 20],
	["MHS 5s", 5],
	["MHS 1m", 60],
] as const;

function nowOf(record: AnyRecord | undefined): { readonly now?: number; readonly window?: number } {
	for (const [key, window] of WINDOWS) {
		const now = rateIn(at(record, key), 1e6);
		if (now !== undefined) return { now, window };
	}
	return {};
}

function layOutRpc(answers: Parsed): Parsed {
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const devs = recordsOf(at(answers, "devs", "DEVS"));
	const details = recordsOf(
		firstOf([at(answers, "devdetails", "DEVDETAILS"), at(answers, "devdetails", "DEVS")]),
	);
	const chipsOf = (id: string) =>
		at(
			details.find((one) => textOf(at(one, "ID")) === id),
			"chips-nr",
		);
	const boards = devs.map((dev, place) => {
		const slot = textOf(firstOf([at(dev, "ID"), at(dev, "PGA"), at(dev, "ASC")])) ?? String(place);
		return {
			...dev,
			slot,
			rates: ratesOf(NOT_SHA256, { now: nowOf(dev).now, average: rateIn(at(dev, "MHS av"), 1e6) }),
			chips: firstOf([chipsOf(slot), at(dev, "chips-nr")]),
			accepted: at(dev, "Accepted"),
			rejected: at(dev, "Rejected"),
			hardwareErrors: at(dev, "Hardware Errors"),
			temperatures: numbered(dev, /^tstemp-(\d+)$/)
				.map(({ value }) => numberOf(value))
				.filter((number) => number !== undefined && number !== 0),
		};
	});
	const total = nowOf(summaryRecord);
	const now = total.now ?? sumOf(devs.map((dev) => nowOf(dev).now));
	return present({
		...whoIs(answers),
		summaryRecord,
		boards,
		rates: ratesOf(NOT_SHA256, { now, average: rateIn(at(summaryRecord, "MHS av"), 1e6) }),
		boardCount: boards.filter(({ chips }) => numberOf(chips) !== 0).length,
		fans: fansOf(
			[devs[0], ...recordsOf(at(answers, "stats", "STATS"))]
				.map((record) => numbered(record ?? {}, /^fan(\d+)$/))
				.find((found) => found.length > 0) ?? [],
		),
		poolFacts: poolFacts(answers["pools"]),
		state: now === undefined ? undefined : now > 0 ? "mining" : "idle",
	});
}
