/** Whatever a device sends, a driver gives values in range and coded faults, and never throws. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DRIVERS } from "../../agent/drivers/catalog.js";
import { type Decoded, decode } from "../../agent/drivers/decode.js";
import type { Answers, Driver, Request } from "../../agent/drivers/driver.js";
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

/** Any value at the very objects and registers that a meter is asked for. */
const OBJECT = fc.oneof(
	fc.integer(),
	fc.double(),
	ODD_NUMBERS,
	fc.constantFrom("", "abc", "-1", "1e400", "NaN", null, true),
	fc.string(),
);
const WORD = fc.oneof(
	fc.integer({ min: 0, max: 0xffff }),
	fc.constantFrom(-1, 0x10000, 0.5, null, "x", 0x7fc0, 0xffff),
);

function meterAnswer(request: Request): fc.Arbitrary<string> | undefined {
	if (request.over === "modbus") {
		const addresses = request.reads.flatMap(({ address, count }) =>
			Array.from({ length: count }, (_, place) => String(address + place)),
		);
		return fc
			.tuple(...addresses.map(() => WORD))
			.map((words) =>
				JSON.stringify(Object.fromEntries(addresses.map((address, at) => [address, words[at]]))),
			);
	}
	if (request.over !== "snmp") return undefined;
	const { get = [], walk = [] } = request;
	const oids = [...get, ...walk.flatMap((oid) => [`${oid}.1`, `${oid}.2`, `${oid}.1.1`, `${oid}.__proto__`])];
	return fc.dictionary(fc.constantFrom(...oids), OBJECT).map((values) => JSON.stringify(values));
}

const METERED = DRIVERS.filter(({ requests }) =>
	Object.values(requests).some(({ over }) => over === "snmp" || over === "modbus"),
);

describe.each(METERED.map((driver) => [driver.name, driver] as const))("meter %s", (_, driver) => {
	it("survives any value at any object or register that it asks for, and gives watts from some of them", () => {
		const answers = Object.fromEntries(
			Object.entries(driver.requests).flatMap(([name, request]) => {
				const text = meterAnswer(request);
				return text === undefined ? [] : [[name, text.map((one) => ({ text: one }))] as const];
			}),
		);
		let readings = 0;
		fc.assert(
			fc.property(fc.record(answers), (given) => {
				const decoded = decode(driver, given);
				expect(broken(decoded)).toEqual([]);
				if (decoded.kind === "reading") readings += 1;
			}),
			{ numRuns: 300 },
		);
		expect(readings).toBeGreaterThan(0);
	});
});

it("stands on good answers of every driver that is no meter", () => {
	const metered = new Set(METERED);
	const without = DRIVERS.filter((driver) => !metered.has(driver) && WRITTEN[driver.name] === undefined);
	expect(without.map(({ name }) => name)).toEqual([]);
});

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
