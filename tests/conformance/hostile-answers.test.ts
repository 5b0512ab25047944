/** Whatever a device sends, a driver gives values in range and coded faults, and never throws. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DRIVERS } from "../../agent/drivers/catalog.js";
import { type Decoded, decode } from "../../agent/drivers/decode.js";
import type { Answers, Driver } from "../../agent/drivers/driver.js";
import { loadFormats } from "../../agent/drivers/formats/parse-answer.js";
import { identify, PROBES } from "../../agent/drivers/identify.js";
import { isFailureCode } from "../../shared/failures.js";
import { isMeasurementName, measurement } from "../../shared/measurements.js";
import { WRITTEN } from "../agent/drivers/written-answers.js";
import { CAPTURES, captureNames, readCapture } from "./recorded.js";

await loadFormats(new Set(["xml"]));

/** Each way in which a decoded answer breaks its promises. */
function broken(decoded: Decoded): readonly string[] {
	if (decoded.kind === "failure") return isFailureCode(decoded.code) ? [] : [`code ${decoded.code}`];
	const { values, components, errorCodes, faults, identity } = decoded.reading;
	const all = [values, ...components.map((component) => component.values)].flatMap((one) =>
		Object.entries(one),
	);
	const keys = components.map(({ part, key }) => `${part}/${key}`);
	return [
		...all.filter(([name, value]) => !isInRange(name, value)).map(([name, value]) => `${name} = ${value}`),
		...(new Set(keys).size === keys.length ? [] : ["two parts of one key"]),
		...(components.length <= 512 ? [] : ["more than 512 parts"]),
		...(errorCodes.length <= 32 ? [] : ["more than 32 error codes"]),
		...faults.filter(({ code }) => code !== "REPAIRED" && !isFailureCode(code)).map(({ code }) => code),
		...Object.values(identity).filter((text) => text.length === 0 || text.length > 128),
	];
}

function isInRange(name: string, value: number): boolean {
	if (!isMeasurementName(name)) return false;
	const { least, most } = measurement(name);
	return value >= least && value <= most;
}

const DEVICE_WORDS = fc.constantFrom(
	...[
		"STATUS",
		"STATS",
		"SUMMARY",
		"Msg",
		"msg",
		"data",
		"GHS 5s",
		"chain",
		"chain_acn1",
		"temp_chip1",
		"rate_unit",
	],
	...[
		"MM ID0",
		"DEVS",
		"POOLS",
		"edevs",
		"error-code",
		"__proto__",
		"constructor",
		"hashRate",
		"fans",
		"power",
	],
);
const ODD_NUMBERS = fc.constantFrom(
	-83,
	6_300_255_232,
	1e308,
	-1e308,
	18_446_744_073_709_552_000,
	-273,
	0,
	-0,
);
const SHAPED = fc.letrec((tie) => ({
	value: fc.oneof(
		{ maxDepth: 5 },
		fc.oneof(ODD_NUMBERS, fc.jsonValue(), fc.constantFrom("2--1-20", "39 W", "[N/A]", "nan", "PS[1 2] TA[x")),
		fc.array(tie("value"), { maxLength: 4 }),
		fc.dictionary(DEVICE_WORDS, tie("value"), { maxKeys: 6 }),
	),
})).value;

const TEXT = fc.oneof(
	fc.string(),
	SHAPED.map((value) => JSON.stringify(value)),
	fc.constantFrom("", "\0", "STATUS=S,|STATS=0,MM ID0=PS[", "<a><gpu>", "a{b=", "name, uuid\n,,,", "cb({});"),
);

const table = DRIVERS.map((driver) => [driver.name, driver] as const);

describe.each(table)("driver %s", (name, driver) => {
	const requests = Object.keys(driver.requests);
	const written = WRITTEN[name] ?? {};

	it("survives any text in place of any answer", () => {
		fc.assert(
			fc.property(
				fc.dictionary(
					fc.constantFrom(...requests),
					TEXT.map((text) => ({ text })),
				),
				(answers) => {
					expect(broken(decode(driver, answers))).toEqual([]);
				},
			),
			{ numRuns: 300 },
		);
	});

	it("survives any text beside good answers", () => {
		fc.assert(
			fc.property(fc.constantFrom(...requests), TEXT, (request, text) => {
				expect(broken(decode(driver, { ...written, [request]: { text } }))).toEqual([]);
			}),
		);
	});

	it.skipIf(Object.keys(written).length === 0)("survives any value in the place of a number it reads", () => {
		fc.assert(
			fc.property(
				fc.constantFrom(...Object.keys(written)),
				fc.nat(500),
				fc.oneof(fc.constantFrom("-83", "1e999", '"nan"', '""', "[]", "{}", "null", "-1", "1e17", '"7 W"')),
				(request, place, value) => {
					expect(broken(decode(driver, withNumber(written, request, place, value)))).toEqual([]);
				},
			),
			{ numRuns: 300 },
		);
	});

	it("gives a failure or values in range wherever an answer is cut off", () => {
		expect(cutEverywhere(driver, written, 1)).toEqual([]);
	});
});

/** The number at one place of an answer, counted from its start, replaced. */
function withNumber(answers: Answers, request: string, place: number, value: string): Answers {
	const text = answers[request]?.text ?? "";
	const numbers = [...text.matchAll(/(?<=[:[,{ ])-?\d+(?:\.\d+)?/g)];
	const found = numbers[place % Math.max(1, numbers.length)];
	if (found === undefined) return answers;
	const mended = text.slice(0, found.index) + value + text.slice(found.index + found[0].length);
	return { ...answers, [request]: { text: mended } };
}

function cutEverywhere(driver: Driver, answers: Answers, step: number): readonly string[] {
	return Object.entries(answers).flatMap(([request, { text }]) =>
		Array.from({ length: Math.ceil(text.length / step) }, (_, index) => index * step).flatMap((length) =>
			broken(decode(driver, { ...answers, [request]: { text: text.slice(0, length) } })).map(
				(complaint) => `${request} cut after ${length}: ${complaint}`,
			),
		),
	);
}

describe("identification", () => {
	it("survives any text from any probe", () => {
		const answer = fc.record({ text: TEXT, status: fc.nat(999) });
		fc.assert(
			fc.property(fc.dictionary(fc.constantFrom(...Object.keys(PROBES)), answer), (answers) => {
				const driver = identify(answers);
				return driver === undefined || DRIVERS.includes(driver);
			}),
		);
	});
});

const names = captureNames();

// Stands in the list only where there is nothing to cut.
if (names.length === 0)
	it.skip(`NOTHING WAS CUT OFF: there are no recorded answers at ${CAPTURES}`, () => {});

/** Cuts of one answer: enough to meet every kind of place, few enough for every device. */
const CUTS = 40;

describe.runIf(names.length > 0)("a recorded answer that is cut off", () => {
	it.each(names)("%s gives a failure or values in range", (name) => {
		const { driver, answers } = readCapture(name);
		const longest = Math.max(...Object.values(answers).map(({ text }) => text.length));
		expect(cutEverywhere(driver, answers, Math.ceil(longest / CUTS))).toEqual([]);
	});
});
