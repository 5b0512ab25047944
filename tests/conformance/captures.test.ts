/** Every recorded device, through its driver, gives what was worked out from its answers by hand. */
import { describe, expect, it } from "vitest";
import { decode } from "../../agent/drivers/decode.js";
import type { Answers, Driver } from "../../agent/drivers/driver.js";
import { loadFormats } from "../../agent/drivers/formats/parse-answer.js";
import type { Reading } from "../../shared/reading.js";
import { type Context, EXPECTATIONS } from "./expectations.js";
import { CAPTURES, type Capture, captureNames, readCapture } from "./recorded.js";

await loadFormats(new Set(["xml"]));

/** Where a capture's expectation and our laws differ, our laws lead. By capture and key, with the reason. */
const EXCEPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
	"antminer/chipless-3.0/z11": {
		board_rates_native: "the boards are written in kSol/s beside a total in Sol/s; we give both in Sol/s",
	},
	"antminer/stock-1.3.58/s9-bad-temps": {
		chip_temps: "-83 °C is outside what a chip can have: left out and counted",
	},
	"antminer/stock-cgminer-4.9.0/z15": {
		hashrate_native:
			"the one answer names no model, so the unit of its rate is unknown: left out and counted",
		hashrate_avg_native: "as the rate",
	},
	"avalon/10xx/a10xx-nan": {
		hashrate_ths: "the expectation reads nan as 0; nan is absent, and the average comes from the module",
	},
	"goldshell/2.x/lt5": {
		board_temps: "0.0 °C is a sensor that is not fitted: absent, not 0",
	},
	"bitaxe/axeos-2.4.5/supra-401": {
		model: "the expectation names chip and board; board 401 is a Supra, so the model is Bitaxe Supra 401",
	},
	"braiins/bosplus-0.2.0-docs/s9": {
		board_watts: "the answers do not hold them; they hold the sum over the boards",
	},
	"mara/rel3.14/ks5pro-mining": {
		board_watts: "the place of a board that is not there counts as 0 W; a part that is not there is absent",
	},
	"proto/rig-1.8.0/proto-rig-sim": {
		efficiency_jth: "is the mean over the boards, not the machine's watts over its rate",
	},
	"whatsminer/api-2.0.5-handmade/m50s": {
		temperature: "the summary states none; the hottest of the boards, which the answers hold, is given",
		rejected: "the summary states none; the sum over the pools, which the answers hold, is given",
	},
};

const names = captureNames();
if (names.length === 0)
	process.stderr.write(
		`\nNO RECORDED ANSWERS at ${CAPTURES}: the drivers were compared with no real device.\n`,
	);

// Stands in the list only where there is nothing to compare with.
if (names.length === 0)
	it.skip(`NOTHING WAS COMPARED: there are no recorded answers at ${CAPTURES}`, () => {});

describe.runIf(names.length > 0)("a recorded device reads as worked out by hand", () => {
	it.each(names)("%s", (name) => {
		const capture = readCapture(name);
		const context = contextOf(capture);
		const complaints = Object.entries(capture.meta.expected).flatMap(([key, expected]) => {
			const check = EXPECTATIONS[key];
			const complaint = check === undefined ? "is a key without a mapping" : check(expected, context);
			const isException = EXCEPTIONS[name]?.[key] !== undefined;
			if (isException && complaint === undefined) return [`${key} agrees: take it off the exceptions`];
			return complaint === undefined || isException ? [] : [`${key} ${complaint}`];
		});
		expect(complaints).toEqual([]);
	});

	it("has no exception for a capture or key that does not exist", () => {
		const stray = Object.entries(EXCEPTIONS).flatMap(([name, keys]) =>
			names.includes(name)
				? Object.keys(keys).filter((key) => !(key in readCapture(name).meta.expected))
				: [name],
		);
		expect(stray).toEqual([]);
	});
});

function contextOf(capture: Capture): Context {
	const { driver, answers, variants, meta } = capture;
	return {
		reading: readingOf(driver, answers),
		family: meta.family,
		expected: meta.expected,
		readingOf: ({ only, file }) => {
			const variant = Object.entries(variants).find(([name]) => file?.test(name) === true)?.[1] ?? answers;
			const kept = Object.entries(variant).filter(([name]) => only === undefined || only.includes(name));
			return readingOf(driver, Object.fromEntries(kept));
		},
	};
}

function readingOf(driver: Driver, answers: Answers): Reading {
	const decoded = decode(driver, answers);
	if (decoded.kind === "reading") return decoded.reading;
	throw new Error(`${driver.name}: ${decoded.what} [${decoded.code}]`);
}

/** The drivers that may read a capture, by its folder or its family. */
const DRIVERS_OF: Readonly<Record<string, RegExp>> = {
	"antminer-stock": /^antminer$/,
	"antminer-custom": /^antminer-custom$/,
	auradine: /^auradine$/,
	epic: /^epic$/,
	hiveon: /^hiveon$/,
	luxos: /^luxos$/,
	mara: /^mara$/,
	msk: /^msk$/,
	proto: /^proto$/,
	sealminer: /^sealminer$/,
	vnish: /^vnish$/,
	whatsminer: /^whatsminer/,
	braiins: /^braiins/,
	avalon: /^avalon/,
	bitaxe: /^bitaxe$/,
	"nvidia-smi": /^nvidia-smi/,
	"dcgm-exporter": /^dcgm-exporter$/,
	amd: /^(?:amd|rocm)-smi/,
	baikal: /^baikal$/,
	bitfury: /^bitfury$/,
	blackminer: /^blackminer$/,
	dayun: /^dayun$/,
	dragonmint: /^innosilicon$/,
	ebang: /^ebang$/,
	goldshell: /^goldshell/,
	ibelink: /^ibelink$/,
	iceriver: /^iceriver$/,
	innosilicon: /^innosilicon/,
	intel: /^intel-xpu$/,
	minerva: /^minerva$/,
	multminer: /^multminer$/,
	spondoolies: /^spondoolies$/,
	strongu: /^strongu$/,
	elphapex: /^elphapex$/,
	hammer: /^hammer$/,
	volcminer: /^volcminer$/,
};

describe.runIf(names.length > 0)("a recorded device is recognised", () => {
	it.each(names)("%s", (name) => {
		const { driver, meta } = readCapture(name);
		const allowed = DRIVERS_OF[name.split("/")[0] ?? ""] ?? DRIVERS_OF[meta.family];
		expect(driver.name).toMatch(allowed ?? /^no driver may read this family$/);
	});
});
