/**
 * A device's answers, by its driver's tables, to a reading in our units. Pure; never throws, whatever a
 * device sends; a fault of one value never costs another.
 *
 * About 200 calls a second from 2,000 devices: what a driver's tables say is prepared once (read-values.ts).
 *
 *  - no usable answer, or a required one unusable: a failure, no values;
 *  - a value outside its row's range: left out, DEVICE_ANSWER_IMPLAUSIBLE;
 *  - a place that holds something other than a value: left out, DEVICE_ANSWER_MALFORMED;
 *  - a vendor defect that was mended: REPAIRED;
 *  - absent in the answer, or the vendor's word for it: absent, without a fault.
 */
import type { Identity } from "../../shared/device.js";
import { type FailureCode, failure } from "../../shared/failures.js";
import { plainName } from "../../shared/foreign-text.js";
import { DEVICE_POWER_WATTS_MOST } from "../../shared/measurements.js";
import type { ComponentReading, Fault, Reading } from "../../shared/reading.js";
import type { Answer, Answers, Driver, Parsed, Parts, Path, Reply, Request, TextSource } from "./driver.js";
import { parseAnswer } from "./formats/parse-answer.js";
import { at, listOf, remembered, textOf } from "./kit/reading.js";
import { commandOf, refusalOf, unjoined } from "./kit/replies.js";
import { isWordForAbsent, lookUp, readValues, refuseNoWatts, type Values } from "./read-values.js";

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
	const components: ComponentReading[] = [];
	for (const parts of driver.components) readParts(driver, parts, { roots, faults, components });
	const kept = withDistinctKeys(components.slice(0, COMPONENTS_MOST));
	const values = readValues(driver.reads, roots, { ...powerOf(driver), where: "", faults });
	const identity = readIdentity(driver, roots);
	const errorCodes = readErrorCodes(driver, roots);
	const saysNothing = isEmpty(values) && kept.length + errorCodes.length === 0;
	if (saysNothing && (parsed.isRequiredThere || !saysWho(driver, identity)))
		return { kind: "failure", ...nothingUsable(faults) };
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

function nothingUsable(faults: readonly Fault[]): Unusable {
	const implausible = faults.find(({ code }) => code === "DEVICE_ANSWER_IMPLAUSIBLE");
	return implausible === undefined
		? failure("DEVICE_ANSWER_MALFORMED", "The answers hold nothing that the driver's tables name.")
		: failure("DEVICE_ANSWER_IMPLAUSIBLE", `No value of the answers is possible, such as ${implausible.at}.`);
}

/** More of the identity than the table's own constants. */
function saysWho(driver: Driver, identity: Identity): boolean {
	return Object.keys(identity).some((field) => typeof driver.identity[field as keyof Identity] !== "string");
}

type Unusable = { readonly code: FailureCode; readonly what: string };

const requestLists = new WeakMap<Driver, readonly (readonly [string, Request])[]>();

function requestsOf(driver: Driver): readonly (readonly [string, Request])[] {
	const known = requestLists.get(driver) ?? Object.entries(driver.requests);
	requestLists.set(driver, known);
	return known;
}

type Usable = { readonly answers: Parsed; readonly isRequiredThere: boolean };

function parseAll(driver: Driver, answers: Answers, faults: Fault[]): Usable | Unusable {
	const usable: Record<string, unknown> = {};
	const refused: Unusable[] = [];
	let isRequiredThere = false;
	for (const [name, request] of requestsOf(driver)) {
		const answer = Object.hasOwn(answers, name) ? answers[name] : undefined;
		if (answer === undefined) continue;
		const isRequired = request.optional !== true && request.rarely !== true;
		isRequiredThere ||= isRequired;
		const result = answer.reply ?? replyIn(name, request, answer);
		if ("code" in result) {
			if (isRequired) return result;
			refused.push(result);
			faults.push(...faultOf(name, result.code));
			continue;
		}
		usable[name] = result.value;
		for (const repair of result.repairs) faults.push({ code: "REPAIRED", at: `${name}: ${repair}` });
	}
	const needed = driver.atLeastOne ?? requestsOf(driver).map(([name]) => name);
	if (needed.some((name) => Object.hasOwn(usable, name))) return { answers: usable, isRequiredThere };
	return refused[0] ?? failure("DEVICE_ANSWER_MALFORMED", `None of the answers ${needed.join(", ")} came.`);
}

/** A command that this firmware lacks is no fault of the reading. */
function faultOf(at: string, code: FailureCode): readonly Fault[] {
	return code === "DEVICE_REQUEST_REFUSED" ? [] : [{ code, at }];
}

/** What stands for several polls is parsed once; its structure takes no more memory than its text. */
export function digest(name: string, request: Request, answer: Answer): Answer {
	return { text: "", reply: replyIn(name, request, answer) };
}

function replyIn(name: string, request: Request, { text }: Answer): Reply {
	const parsed = parseAnswer(request.format, text);
	if (!parsed.ok) return failure(parsed.code, `${name}: ${parsed.what}`);
	const value = unjoined(parsed.value, commandOf(request));
	const refusal = refusalOf(value);
	if (refusal !== undefined) return failure("DEVICE_REQUEST_REFUSED", `${name}: the device says ${refusal}.`);
	return { value, repairs: parsed.repairs };
}

/**
 * A layout is ours and careful; that a device could make it throw must still not stop the agent. The answers are added
 * to what it made: a copy of both is an object of a shape of its own, and each look-up in it cost a quarter more.
 */
function laidOut(driver: Driver, answers: Parsed, faults: Fault[]): Parsed {
	if (driver.layOut === undefined) return answers;
	try {
		const laid: Record<string, unknown> = driver.layOut(answers);
		for (const name of Object.keys(answers)) laid[name] ??= answers[name];
		return laid;
	} catch {
		faults.push({ code: "DEVICE_ANSWER_MALFORMED", at: "layout" });
		return answers;
	}
}

function powerOf({ kind, power }: Driver) {
	const powerWattsMost = kind === "meter" ? Number.POSITIVE_INFINITY : DEVICE_POWER_WATTS_MOST;
	return { power, powerWattsMost };
}

type Gathering = {
	readonly roots: Parsed;
	readonly faults: Fault[];
	readonly components: ComponentReading[];
};

function readParts(driver: Driver, parts: Parts, { roots, faults, components }: Gathering): void {
	const { part, each, key: keyAt, reads } = parts;
	const entries = listOf(at(roots, ...each)).slice(0, COMPONENTS_MOST);
	const list = each.join(".");
	const { power, powerWattsMost } = powerOf(driver);
	for (let index = 0; index < entries.length; index++) {
		const entry = entries[index];
		const values = readValues(reads, entry, { power, powerWattsMost, where: `${list}.${index}.`, faults });
		const said = keyAt === undefined ? undefined : textOf(at(entry, ...keyAt));
		if (said === undefined && isEmpty(values)) continue;
		const key = said === undefined || isWordForAbsent(said) ? String(index) : identifierOf(said);
		components.push({ part, key, values });
	}
}

function isEmpty(values: Values): boolean {
	for (const _ in values) return false;
	return true;
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
	let boards = 0;
	let gpus = 0;
	let modules = 0;
	let chips = 0;
	let boardsWithChips = 0;
	let hottestChip = Number.NEGATIVE_INFINITY;
	let hottestBoard = Number.NEGATIVE_INFINITY;
	for (const { part, values: own } of components) {
		if (part === "gpu") gpus++;
		else if (part === "module") modules++;
		if (part !== "board") continue;
		boards++;
		hottestChip = Math.max(hottestChip, own.chipTemperatureCelsius ?? hottestChip);
		hottestBoard = Math.max(hottestBoard, own.boardTemperatureCelsius ?? hottestBoard);
		if (own.chipCount === undefined) continue;
		boardsWithChips++;
		chips += own.chipCount;
	}
	if (hottestChip > Number.NEGATIVE_INFINITY) values.chipTemperatureCelsius ??= hottestChip;
	if (hottestBoard > Number.NEGATIVE_INFINITY) values.boardTemperatureCelsius ??= hottestBoard;
	if (boards > 0) values.boardCount ??= boards;
	if (gpus > 0) values.gpuCount ??= gpus;
	if (modules > 0) values.moduleCount ??= modules;
	if (boards > 0 && boardsWithChips === boards) values.chipCount ??= chips;
}

function readIdentity(driver: Driver, roots: Parsed): Identity {
	const identity: Partial<Record<keyof Identity, string>> = {};
	for (const [field, source] of identityOf(driver)) {
		const text = typeof source === "string" ? source : firstText(roots, source.at, NAMES_NOBODY[field]);
		if (text !== undefined) identity[field] = field === "mac" ? macOf(text) : text;
	}
	return identity;
}

/** What stands where nobody wrote a number yet: one such identity would be that of every device that has it. */
const BLANK = /^(?:[0\s:.-]+|(?:ff[:-]?){4,})$/i;
const NAMES_NOBODY: Readonly<Partial<Record<keyof Identity, RegExp>>> = { serial: BLANK, mac: BLANK };

type IdentitySources = readonly (readonly [keyof Identity, TextSource])[];
const identitySources = new WeakMap<Driver, IdentitySources>();

function identityOf(driver: Driver): IdentitySources {
	const known =
		identitySources.get(driver) ?? (Object.entries(driver.identity) as [keyof Identity, TextSource][]);
	identitySources.set(driver, known);
	return known;
}

function firstText(roots: Parsed, paths: readonly Path[], besides?: RegExp): string | undefined {
	for (const path of paths)
		for (const found of lookUp(roots, path)) {
			const text = textOf(found);
			if (text === undefined || isWordForAbsent(text) || besides?.test(text) === true) continue;
			return identifierOf(text);
		}
	return undefined;
}

const PLAIN = /^[\x21-\x7e]{1,64}$/;

const identifierOf = remembered((text) => {
	if (PLAIN.test(text)) return text;
	return plainName(text.slice(0, 4 * IDENTITY_CHARACTERS_MOST)).slice(0, IDENTITY_CHARACTERS_MOST);
});

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
