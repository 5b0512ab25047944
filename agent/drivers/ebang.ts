/**
 * Ebang Ebit: three pages of the web interface, behind a login that gives a cookie. Data and pure layout.
 *
 * Rates are text with a letter ("12.44T"). A control board carries two temperatures a hash board:
 * "60,55|55,51" is two boards.
 */
import { defineDriver, type Parsed, SLOW_FACTS_SECONDS } from "./driver.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, sensorReads } from "./kit/cgminer.js";
import { clockSeconds } from "./kit/durations.js";
import { fanParts, fansOf } from "./kit/fans.js";
import { rateIn, rateReads, ratesOf } from "./kit/rates.js";
import { at, numbered, numberOf, present, recordOf, textOf } from "./kit/reading.js";
import { celsius, seconds } from "./kit/vendor-units.js";

const page = (path: string) =>
	({
		over: "http",
		port: 80,
		path,
		login: "session",
		session: { method: "POST", path: "/user/login", body: "username={user}&word={password}" },
		format: "json",
	}) as const;

export const ebang = defineDriver({
	name: "ebang",
	kind: "miner",
	title: "Ebang Ebit",
	makes: ["Ebang"],
	models: ["Ebit E9 to E12"],
	firmwares: ["soft 9.1"],
	source: "web answers of an Ebit (DWM_BTC1000)",
	grade: "recorded",
	requests: {
		status: page("/Cgminer/CgminerStatus"),
		system: { ...page("/Status/getsystemstatus"), optional: true },
		alarms: { ...page("/alarm/GetAlarmLoop"), optional: true, everySeconds: SLOW_FACTS_SECONDS },
	},
	recognises: ({ page: said, web }) =>
		/"fivesecfigure"/.test(said("/Cgminer/CgminerStatus")) ||
		/"bank1snmpversion"/.test(said("/Status/getsystemstatus")) ||
		/Ebang|EBIT\b/i.test(web),
	layOut,
	identity: {
		make: "Ebang",
		model: { at: [["system", "feedback", "productname"]] },
		firmware: { at: [["system", "feedback", "systemsoftwareversion"]] },
		algorithm: "sha256",
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...rateReads,
		sharesAccepted: { at: ["status", "feedback", "accepted"] },
		sharesRejected: { at: ["status", "feedback", "rejected"] },
		minerUptimeSeconds: { at: ["uptime"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			boardTemperatureCelsius: { at: ["temperatures", "*"], unit: celsius, of: "highest" },
			...sensorReads("boardSensor", "temperatures"),
		}),
		fanParts,
	],
	errorCodes: [["alarmWords", "*"]],
	caveats: [
		"No Ebit reports power.",
		"The rate is the five-second figure; the alarm page's calValue is another average.",
	],
});

function layOut(answers: Parsed): Parsed {
	const status = recordOf(at(answers, "status", "feedback"));
	const system = recordOf(at(answers, "system", "feedback")) ?? {};
	const alarms = recordOf(at(answers, "alarms", "feedback")) ?? {};
	const now = rateIn(at(status, "fivesecfigure"), 1e12) ?? rateIn(at(alarms, "calValue"), 1e9);
	return present({
		rates: ratesOf("sha256", {
			now,
			window: at(status, "fivesecfigure") === undefined ? undefined : 5,
			fiveMinutes: rateIn(at(status, "fiveavg"), 1e12),
			average: rateIn(at(status, "averfigure"), 1e12),
		}),
		boards: numbered(system, /^device(\d+)temp$/)
			.flatMap(({ value }) => (isPaired(value) ? value.slice(0, 256).split("|") : []))
			.map((pair) => pair.split(",").map(numberOf))
			.filter((pair) => pair.some((number) => number !== undefined && number !== 0))
			.map((temperatures, place) => ({ slot: String(place), temperatures })),
		fans: fansOf(
			numbered({ ...system, devicefan1: system["devicefan1"] ?? system["devicefan"] }, /^devicefan(\d+)$/),
		),
		uptime: clockSeconds(at(status, "worktime")),
		state: now === undefined ? undefined : now > 0 ? "mining" : "idle",
		alarmWords: Object.keys(alarms).filter((key) => key.endsWith("Alarm") && isRaised(alarms[key])),
	});
}

/** The control board has one temperature alone, and an empty place 0. */
function isPaired(value: unknown): value is string {
	return typeof value === "string" && /[,|]/.test(value);
}

function isRaised(value: unknown): boolean {
	return textOf(value) !== undefined && numberOf(value) !== 0;
}
