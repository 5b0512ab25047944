/**
 * A device's answers, by its driver's tables, to a reading in our units. Pure; never throws, whatever a
 * device sends; a fault of one value never costs another.
 *
 * About 200 calls a second from 2,000 devices: a driver's tables are prepared once.
 *
 *  - no usable answer, or a required one unusable: a failure, no values;
 *  - a value outside its row's range: left out, DEVICE_ANSWER_IMPLAUSIBLE;
 *  - a place that holds something other than a value: left out, DEVICE_ANSWER_MALFORMED;
 *  - a vendor defect that was mended: REPAIRED;
 *  - absent in the answer, or the vendor's word for it: absent, without a fault.
 */
import type { Identity } from "../../shared/device.js";
import { type FailureCode, failure } from "../../shared/failures.js";
import {
	DEVICE_POWER_WATTS_MOST,
	type MeasurementName,
	measurement,
	POWER_BOUNDARIES,
	POWER_SOURCES,
} from "../../shared/measurements.js";
import type { ComponentReading, Fault, Reading } from "../../shared/reading.js";
import type {
	Answers,
	Driver,
	Parsed,
	Parts,
	Path,
	Reads,
	Request,
	Source,
	TextSource,
	Unit,
} from "./driver.js";
import { parseAnswer } from "./formats/parse-answer.js";
import { at, listOf, numberOf, recordOf, textOf } from "./kit/reading.js";
import { commandOf, refusalOf, unjoined } from "./kit/replies.js";

export type Decoded =
	| { readonly kind: "reading"; readonly reading: Reading }
	| { readonly kind: "failure"; readonly code: FailureCode; readonly what: string };

const COMPONENTS_MOST = 512;
const FAULTS_MOST = 64;
const ERROR_CODES_MOST = 32;
const IDENTITY_CHARACTERS_MOST = 128;
const ERROR_CODE_CHARACTERS_MOST = 64;

export function decode(driver: Driver, answers: Answers): Decoded {
	const faults: Fault[] = [];
	const parsed = parseAll(driver, answers, faults);
	if (!("answers" in parsed)) return { kind: "failure", ...parsed };
	const roots = laidOut(driver, parsed.answers, faults);
	const components = driver.components.flatMap((parts) => readParts(driver, parts, roots, faults));
	const kept = withDistinctKeys(components.slice(0, COMPONENTS_MOST));
	const values = readValues(driver, driver.reads, roots, "", faults);
	const identity = readIdentity(driver, roots);
	const errorCodes = readErrorCodes(driver, roots);
	const says = Object.keys(values).length + kept.length + errorCodes.length;
	if (says === 0 && (parsed.isRequiredThere || !saysWho(driver, identity)))
		return {
			kind: "failure",
			code: "DEVICE_ANSWER_MALFORMED",
			what: "The answers hold nothing that the driver's tables name.",
		};
	summarise(values, kept);
	refuseNoWatts(driver, values, roots, faults);
	return {
		kind: "reading",
		reading: {
			identity,
			values,
			components: kept,
			errorCodes,
			faults: faults.slice(0, FAULTS_MOST),
		},
	};
}

/** More of the identity than the table's own constants. */
function saysWho(driver: Driver, identity: Identity): boolean {
	return Object.keys(identity).some((field) => typeof driver.identity[field as keyof Identity] !== "string");
}

type Unusable = { readonly code: FailureCode; readonly what: string };

type Usable = { readonly answers: Parsed; readonly isRequiredThere: boolean };

function parseAll(driver: Driver, answers: Answers, faults: Fault[]): Usable | Unusable {
	const usable: Record<string, unknown> = Object.create(null);
	const refused: Unusable[] = [];
	let isRequiredThere = false;
	for (const [name, request] of Object.entries(driver.requests)) {
		const answer = Object.hasOwn(answers, name) ? answers[name] : undefined;
		if (answer === undefined) continue;
		const isRequired = request.optional !== true && request.rarely !== true;
		isRequiredThere ||= isRequired;
		const result = parseOne(name, request, answer.text);
		if ("code" in result) {
			if (isRequired) return result;
			refused.push(result);
			faults.push(...faultOf(name, result.code));
			continue;
		}
		usable[name] = result.value;
		faults.push(...result.repairs.map((repair) => ({ code: "REPAIRED", at: `${name}: ${repair}` }) as const));
	}
	const needed = driver.atLeastOne ?? Object.keys(driver.requests);
	if (needed.some((name) => Object.hasOwn(usable, name))) return { answers: usable, isRequiredThere };
	return refused[0] ?? failure("DEVICE_ANSWER_MALFORMED", `None of the answers ${needed.join(", ")} came.`);
}

/** A command that this firmware lacks is no fault of the reading. */
function faultOf(at: string, code: FailureCode): readonly Fault[] {
	return code === "DEVICE_REQUEST_REFUSED" ? [] : [{ code, at }];
}

function parseOne(
	name: string,
	request: Request,
	text: string,
): { readonly value: unknown; readonly repairs: readonly string[] } | Unusable {
	const parsed = parseAnswer(request.format, text);
	if (!parsed.ok) return failure(parsed.code, `${name}: ${parsed.what}`);
	const value = unjoined(parsed.value, commandOf(request));
	const refusal = refusalOf(value);
	if (refusal !== undefined) return failure("DEVICE_REQUEST_REFUSED", `${name}: the device says ${refusal}.`);
	return { value, repairs: parsed.repairs };
}

/** A layout is ours and careful; that a device could make it throw must still not stop the agent. */
function laidOut(driver: Driver, answers: Parsed, faults: Fault[]): Parsed {
	if (driver.layOut === undefined) return answers;
	try {
		return { ...answers, ...driver.layOut(answers) };
	} catch {
		faults.push({ code: "DEVICE_ANSWER_MALFORMED", at: "layout" });
		return answers;
	}
}

type Values = Partial<Record<MeasurementName, number>>;

/** The tables as lists, made once: `Object.entries` of every table at every poll would cost more than the reading. */
type PreparedReads = readonly { readonly name: MeasurementName; readonly sources: readonly Source[] }[];
const preparedReads = new WeakMap<Reads, PreparedReads>();

function prepared(reads: Reads): PreparedReads {
	const known = preparedReads.get(reads);
	if (known !== undefined) return known;
	const made = Object.entries(reads).map(([name, source]) => ({
		name: name as MeasurementName,
		sources: isSource(source) ? [source] : source,
	}));
	preparedReads.set(reads, made);
	return made;
}

function isSource(source: Source | readonly Source[]): source is Source {
	return "at" in source && !Array.isArray(source);
}

function readValues(driver: Driver, reads: Reads, from: unknown, where: string, faults: Fault[]): Values {
	const values: Values = {};
	for (const { name, sources } of prepared(reads))
		for (const source of sources) {
			const value = readOne(name, source, from, where, faults);
			if (value === undefined) continue;
			if (name === "powerWatts" && value > DEVICE_POWER_WATTS_MOST && driver.kind !== "meter") {
				faults.push({ code: "DEVICE_ANSWER_IMPLAUSIBLE", at: placeOf(name, source, where) });
				continue;
			}
			values[name] = value;
			if (name === "powerWatts") namePower(values, source.power ?? driver.power);
			break;
		}
	return values;
}

function namePower(values: Values, { source, boundary }: Driver["power"]): void {
	values.powerSource = POWER_SOURCES.indexOf(source);
	values.powerBoundary = POWER_BOUNDARIES.indexOf(boundary);
}

/** Nothing hashes on 0 W: a device that says so has no meter, and the operator should know that it says so. */
function refuseNoWatts(driver: Driver, values: Values, roots: Parsed, faults: Fault[]): void {
	const isHashing =
		(values.hashrateTerahashesPerSecond ?? values.otherAlgorithmHashrateHashesPerSecond ?? 0) > 0;
	const { powerWatts } = driver.reads;
	if (!isHashing || powerWatts === undefined || (values.powerWatts ?? 0) > 0) return;
	delete values.powerWatts;
	delete values.powerSource;
	delete values.powerBoundary;
	const sources = isSource(powerWatts) ? [powerWatts] : powerWatts;
	const zero = sources.find((source) =>
		lookUp(roots, source.at).some((found) => numberIn(found, source.unit) === 0),
	);
	if (zero === undefined) return;
	faults.push({ code: "DEVICE_ANSWER_IMPLAUSIBLE", at: placeOf("powerWatts", zero, "") });
}

function readOne(
	name: MeasurementName,
	source: Source,
	from: unknown,
	where: string,
	faults: Fault[],
): number | undefined {
	const found = lookUp(from, source.at);
	if (found.length === 0) return undefined;
	const usable: number[] = [];
	for (const one of found) {
		const value = toOurs(name, source, one);
		if (typeof value === "object") faults.push({ code: value.code, at: placeOf(name, source, where) });
		if (typeof value !== "number") continue;
		if (source.of === undefined) return value;
		usable.push(value);
	}
	if (usable.length === 0 || source.of === undefined) return undefined;
	const value = GATHER[source.of](usable);
	if (isPlausible(name, value)) return value;
	faults.push({ code: "DEVICE_ANSWER_IMPLAUSIBLE", at: placeOf(name, source, where) });
	return undefined;
}

function placeOf(name: MeasurementName, source: Source, where: string): string {
	return `${where}${source.at.join(".")} (${name})`;
}

const GATHER: Readonly<Record<NonNullable<Source["of"]>, (values: readonly number[]) => number>> = {
	first: (values) => values[0] ?? Number.NaN,
	highest: (values) => values.reduce((most, value) => Math.max(most, value)),
	lowest: (values) => values.reduce((least, value) => Math.min(least, value)),
	sum: (values) => values.reduce((sum, value) => sum + value),
	mean: (values) => values.reduce((sum, value) => sum + value) / values.length,
};

function isPlausible(name: MeasurementName, value: number): boolean {
	const { least, most } = measurement(name);
	return value >= least && value <= most;
}

/** A number in our unit, a fault, or undefined where the device says that it has none. */
function toOurs(
	name: MeasurementName,
	source: Source,
	found: unknown,
): number | { readonly code: Fault["code"] } | undefined {
	if (found === null || found === undefined) return undefined;
	const vendorValue = source.words === undefined ? numberIn(found, source.unit) : undefined;
	if (vendorValue === undefined) {
		if (typeof found === "string" && isWordForAbsent(found)) return undefined;
		return source.words === undefined ? MALFORMED : wordOf(name, source.words, found);
	}
	if (source.absent?.includes(vendorValue)) return undefined;
	const value = vendorValue * (source.unit?.factor ?? 1);
	return isPlausible(name, value) ? value : IMPLAUSIBLE;
}

const MALFORMED = { code: "DEVICE_ANSWER_MALFORMED" } as const;
const IMPLAUSIBLE = { code: "DEVICE_ANSWER_IMPLAUSIBLE" } as const;

const WORDS_FOR_ABSENT: ReadonlySet<string> = new Set([
	"",
	"-",
	"n/a",
	"na",
	"none",
	"null",
	"nan",
	"not supported",
	"not available",
	"unknown error",
	"gpu is lost",
	"insufficient permissions",
	"requested functionality has been deprecated",
]);

/** "[N/A]" and "N/A" alike. */
function isWordForAbsent(text: string): boolean {
	return text.length < 64 && WORDS_FOR_ABSENT.has(text.replaceAll(/[[\]]/g, "").trim().toLowerCase());
}

function numberIn(found: unknown, unit: Unit | undefined): number | undefined {
	const number = numberOf(found);
	if (number !== undefined || typeof found !== "string" || unit === undefined) return number;
	const text = found.trim();
	const written = unit.written.find((suffix) => text.endsWith(suffix));
	return written === undefined ? undefined : numberOf(text.slice(0, -written.length));
}

/** A word that the table does not know is no fault: vendors add states. */
function wordOf(
	name: MeasurementName,
	words: Readonly<Record<string, string>>,
	found: unknown,
): number | undefined {
	const text = textOf(found)?.toLowerCase();
	const word = text !== undefined && Object.hasOwn(words, text) ? words[text] : undefined;
	const index = word === undefined ? -1 : (measurement(name).words ?? []).indexOf(word);
	return index < 0 ? undefined : index;
}

const NOTHING: readonly unknown[] = [];

function lookUp(from: unknown, path: Path, step = 0): readonly unknown[] {
	let here = from;
	for (let index = step; index < path.length; index++) {
		const key = path[index] ?? "";
		if (key === "*") return entriesOf(here).flatMap((entry) => lookUp(entry, path, index + 1));
		if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return NOTHING;
		here = (here as Readonly<Record<string | number, unknown>>)[key];
	}
	return [here];
}

function entriesOf(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : Object.values(recordOf(value) ?? {});
}

function readParts(driver: Driver, parts: Parts, roots: Parsed, faults: Fault[]): ComponentReading[] {
	const entries = listOf(at(roots, ...parts.each)).slice(0, COMPONENTS_MOST);
	const list = parts.each.join(".");
	return entries.flatMap((entry, index) => {
		const values = readValues(driver, parts.reads, entry, `${list}.${index}.`, faults);
		const said = parts.key === undefined ? undefined : textOf(at(entry, ...parts.key));
		const key = said === undefined || isWordForAbsent(said) ? String(index) : identifierOf(said);
		const isEmpty = Object.keys(values).length === 0 && said === undefined;
		return isEmpty ? [] : [{ part: parts.part, key, values }];
	});
}

/** Two parts under one key would be one series: the later one is told apart by its place. */
function withDistinctKeys(components: readonly ComponentReading[]): readonly ComponentReading[] {
	const seen = new Map<string, number>();
	return components.map((component) => {
		const key = `${component.part}/${component.key}`;
		const count = seen.get(key) ?? 0;
		seen.set(key, count + 1);
		return count === 0 ? component : { ...component, key: `${component.key}~${count + 1}` };
	});
}

/** What a device leaves to be seen from its parts: its hottest sensor, and how many work. */
function summarise(values: Values, components: readonly ComponentReading[]): void {
	const of = (part: ComponentReading["part"]) => components.filter((component) => component.part === part);
	const boards = of("board");
	const gpus = of("gpu");
	const modules = of("module");
	const hottest = (name: MeasurementName) => {
		const found = boards.flatMap(({ values: board }) => board[name] ?? []);
		if (found.length > 0) values[name] ??= Math.max(...found);
	};
	hottest("chipTemperatureCelsius");
	hottest("boardTemperatureCelsius");
	if (boards.length > 0) values.boardCount ??= boards.length;
	if (gpus.length > 0) values.gpuCount ??= gpus.length;
	if (modules.length > 0) values.moduleCount ??= modules.length;
	const chips = boards.flatMap(({ values: board }) => board.chipCount ?? []);
	if (chips.length > 0 && chips.length === boards.length)
		values.chipCount ??= chips.reduce((sum, count) => sum + count);
}

function readIdentity(driver: Driver, roots: Parsed): Identity {
	const identity: Partial<Record<keyof Identity, string>> = {};
	for (const [field, source] of Object.entries(driver.identity) as [keyof Identity, TextSource][]) {
		const text = typeof source === "string" ? source : firstText(roots, source.at);
		if (text !== undefined) identity[field] = field === "mac" ? macOf(text) : text;
	}
	return identity;
}

function firstText(roots: Parsed, paths: readonly Path[]): string | undefined {
	for (const path of paths)
		for (const found of lookUp(roots, path)) {
			const text = textOf(found);
			if (text !== undefined && !isWordForAbsent(text)) return identifierOf(text);
		}
	return undefined;
}

function identifierOf(text: string): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what is taken out
	const clean = text.slice(0, 4 * IDENTITY_CHARACTERS_MOST).replaceAll(/[\u0000-\u001f\u007f\s]+/g, " ");
	return clean.trim().slice(0, IDENTITY_CHARACTERS_MOST);
}

const MAC =
	/^([0-9a-f]{2})[:-]?([0-9a-f]{2})[:-]?([0-9a-f]{2})[:-]?([0-9a-f]{2})[:-]?([0-9a-f]{2})[:-]?([0-9a-f]{2})$/i;

/** Anonymised and mistyped addresses exist ("02:55:97:22:3M:72"): they stay as sent. */
function macOf(text: string): string {
	const match = MAC.exec(text);
	return match === null ? text : match.slice(1).join(":").toLowerCase();
}

function readErrorCodes(driver: Driver, roots: Parsed): readonly string[] {
	return (driver.errorCodes ?? [])
		.flatMap((path) => lookUp(roots, path))
		.flatMap((found) => textOf(found) ?? [])
		.map((text) => identifierOf(text).slice(0, ERROR_CODE_CHARACTERS_MOST))
		.slice(0, ERROR_CODES_MOST);
}
