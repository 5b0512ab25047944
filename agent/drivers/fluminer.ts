/**
 * FluMiner: two open pages of the web interface. Data and pure layout.
 *
 * All values are text, rates in GH/s. "31|38" is the board's temperature and the chips', "3524|3583|…" the fans.
 */
import { defineDriver, type Parsed } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_POOL_STATES, OUR_STATES } from "./kit/cgminer.js";
import { fanSpeedParts, fansOf, inOrder } from "./kit/fans.js";
import { plainBoardRateReads, plainRateReads, rateIn, ratesOf } from "./kit/rates.js";
import { at, firstOf, numberOf, present, recordsOf, textOf } from "./kit/reading.js";
import { celsius, seconds, volts, watts } from "./kit/vendor-units.js";

const page = (name: string) => ({ over: "http", port: 80, path: `/api/${name}`, format: "json" }) as const;

export const fluminer = defineDriver({
	name: "fluminer",
	kind: "miner",
	title: "FluMiner",
	makes: ["FluMiner"],
	models: ["T3", "L1 to L3"],
	firmwares: ["V1.12"],
	source: "names of the answers from clients' sources",
	grade: "documented",
	requests: { summary: page("summary"), overview: { ...page("overview"), rarely: true } },
	recognises: ({ page: said, web }) =>
		/"poolAlive"/.test(said("/api/summary")) ||
		/"minerInfo"/.test(said("/api/overview")) ||
		/fluminer/i.test(web),
	layOut,
	identity: {
		make: "FluMiner",
		model: { at: [["model"]] },
		firmware: { at: [["overview", "data", "minerInfo", "minerVersion"]] },
		serial: { at: [["overview", "data", "minerInfo", "sn"]] },
		mac: {
			at: [
				["overview", "data", "minerInfo", "macAddress"],
				["overview", "data", "minerInfo", "wifiMacAddress"],
			],
		},
		algorithm: { at: [["algorithm"]] },
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...plainRateReads,
		sharesAccepted: { at: ["values", "acc"] },
		sharesRejected: { at: ["values", "rej"] },
		poolState: { at: ["poolState"], words: OUR_POOL_STATES },
		powerWatts: { at: ["values", "power"], unit: watts },
		minerUptimeSeconds: { at: ["values", "uptime"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			...plainBoardRateReads,
			inputVoltageVolts: { at: ["voltage"], unit: volts, absent: [0] },
			boardTemperatureCelsius: { at: ["temperatures", 0], unit: celsius, absent: [0] },
			chipTemperatureCelsius: { at: ["temperatures", 1], unit: celsius, absent: [0] },
		}),
		fanSpeedParts,
	],
	errorCodes: [["errors", "*"]],
	caveats: ["Read from clients' sources; not yet compared with a device."],
});

function layOut(answers: Parsed): Parsed {
	const values = recordsOf(at(answers, "summary", "data", "summary"))[0];
	const model = textOf(firstOf([at(answers, "overview", "data", "minerInfo", "model"), at(values, "model")]));
	const algorithm = model === undefined ? undefined : /^L/i.test(model) ? "scrypt" : "sha256";
	const now = rateIn(at(values, "hrt"), 1e9);
	const status = textOf(at(values, "status"));
	const isWell = status === undefined || /^ok$/i.test(status);
	const rates = ratesOf(algorithm, { now });
	const list = (key: string) => (textOf(at(values, key)) ?? "").slice(0, 256).split("|").map(numberOf);
	return present({
		values,
		model,
		algorithm,
		rates,
		boards:
			values === undefined
				? []
				: [{ slot: "0", rates, voltage: at(values, "voltage"), temperatures: list("temp") }],
		fans: fansOf(inOrder(list("fan"))),
		poolState: stateOfPool(at(values, "poolAlive")),
		state: now === undefined ? undefined : now > 0 ? "mining" : isWell ? "idle" : "failed",
		errors: isWell ? [] : [status],
	});
}

function stateOfPool(isAlive: unknown): string | undefined {
	const number = numberOf(isAlive);
	return number === undefined ? undefined : number === 1 ? "alive" : "dead";
}
