/**
 * Text to JSON values, for everything that comes from outside: the only place with JSON.parse.
 *
 * Takes text; gives a value with what was repaired, or a code with what was found. Never throws.
 * Limits are checked by a scan before anything is parsed, so a hostile text costs one pass over it.
 *
 * What differs from plain JSON.parse:
 *  - objects have no prototype, so "__proto__" is a key like any other;
 *  - an integer beyond ±(2^53 − 1) is its text, since a rounded identifier is another identifier;
 *  - a number too large for a double (1e999) is absent: left out of objects, null in lists;
 *  - a key that stands twice in one object has its last value, and is counted.
 */

export type JsonValue =
	| null
	| boolean
	| number
	| string
	| readonly JsonValue[]
	| { readonly [key: string]: JsonValue };

export type JsonLimits = { readonly bytes: number; readonly depth: number; readonly keys: number };

/** What a device may send: far above what any known one does. */
export const DEVICE_JSON_LIMITS: JsonLimits = { bytes: 256 * 1024, depth: 16, keys: 4_096 };

export type JsonProblem = "TOO_LARGE" | "TOO_DEEP" | "TOO_MANY_KEYS" | "TRUNCATED" | "MALFORMED";

/** `repairs` names each vendor defect that was mended, once each, in the order applied. */
export type JsonResult =
	| { readonly ok: true; readonly value: JsonValue; readonly repairs: readonly string[] }
	| { readonly ok: false; readonly code: JsonProblem; readonly what: string };

/** Strict: what RFC 8259 allows, within the limits. */
export function parseJson(text: string, limits: JsonLimits): JsonResult {
	if (text.length > limits.bytes || Buffer.byteLength(text) > limits.bytes)
		return problem("TOO_LARGE", `The text is larger than ${limits.bytes} bytes.`);
	return parseWithin(text, limits);
}

/**
 * Tolerant, for what firmwares write: strict first; where that fails, the known defects are mended one
 * after another, until the text can be read.
 */
export function parseDeviceJson(text: string): JsonResult {
	const strict = parseJson(text, DEVICE_JSON_LIMITS);
	if (strict.ok || strict.code.startsWith("TOO_")) return strict;
	const repairs: string[] = [];
	let mended = text;
	for (const [name, repair] of REPAIRS) {
		const next = repair(mended);
		if (next === mended) continue;
		mended = next;
		repairs.push(name);
		const result = parseJson(mended, DEVICE_JSON_LIMITS);
		if (result.ok) return { ...result, repairs: [...repairs, ...result.repairs] };
		if (result.code.startsWith("TOO_")) return result;
	}
	return strict;
}

function problem(code: JsonProblem, what: string): JsonResult {
	return { ok: false, code, what };
}

/** A text so small costs little whatever it holds: it is parsed first and looked at then. */
const SMALL_CHARACTERS = 32 * 1_024;

function parseWithin(text: string, limits: JsonLimits): JsonResult {
	const plain = text.length <= SMALL_CHARACTERS ? parsedAsItIs(text, limits) : undefined;
	return plain ?? parsedAfterScan(text, limits);
}

/** Undefined where anything is unusual: the scan then says what. */
function parsedAsItIs(text: string, limits: JsonLimits): JsonResult | undefined {
	let parsed: unknown;
	try {
		parsed = JSON.parse(text);
	} catch {
		return undefined;
	}
	if (!isStructure(parsed)) return undefined;
	const seen: Seen = { keys: 0, hasUnsafeInteger: false };
	const isWithin = bareWithin(parsed, limits.depth, seen) && seen.keys <= limits.keys;
	if (!isWithin || seen.hasUnsafeInteger || countOf('":', text) !== seen.keys) return undefined;
	return { ok: true, value: parsed as JsonValue, repairs: [] };
}

type Seen = { keys: number; hasUnsafeInteger: boolean };

/** Takes the prototypes off, in place; false where the levels do not suffice. */
function bareWithin(value: Structure, levels: number, seen: Seen): boolean {
	if (levels === 0) return false;
	if (Array.isArray(value)) {
		for (const [place, entry] of value.entries()) {
			if (isStructure(entry)) {
				if (!bareWithin(entry, levels - 1, seen)) return false;
			} else if (isInfinite(entry)) value[place] = null;
			else noteInteger(entry, seen);
		}
		return true;
	}
	Object.setPrototypeOf(value, null);
	for (const key in value) {
		seen.keys++;
		const entry = value[key];
		if (isStructure(entry)) {
			if (!bareWithin(entry, levels - 1, seen)) return false;
		} else if (isInfinite(entry)) delete value[key];
		else noteInteger(entry, seen);
	}
	return true;
}

/** Such a number may have been rounded when it was read. */
function noteInteger(entry: unknown, seen: Seen): void {
	if (typeof entry === "number" && Math.abs(entry) > Number.MAX_SAFE_INTEGER) seen.hasUnsafeInteger = true;
}

/** A key's end, in every usual way to write it. More of them than keys: one stood twice, or in a text. */
function countOf(sign: string, text: string): number {
	let count = 0;
	for (let at = text.indexOf(sign); at >= 0; at = text.indexOf(sign, at + sign.length)) count++;
	return count;
}

function parsedAfterScan(text: string, limits: JsonLimits): JsonResult {
	const found = scan(text);
	if (found.depth > limits.depth)
		return problem("TOO_DEEP", `The text has more than ${limits.depth} levels.`);
	if (found.keys > limits.keys)
		return problem("TOO_MANY_KEYS", `The text has ${found.keys} keys, more than ${limits.keys}.`);
	try {
		const parsed: unknown = JSON.parse(quoted(text, found.longIntegers));
		const keptKeys = isStructure(parsed) ? bareKeys(parsed) : 0;
		const value = isInfinite(parsed) ? null : (parsed as JsonValue);
		return { ok: true, value, repairs: keptKeys < found.keys ? ["duplicate-key"] : [] };
	} catch (error) {
		if (found.isOpen)
			return problem("TRUNCATED", `The text ends too early, after ${text.length} characters.`);
		return problem("MALFORMED", `The text is no JSON: ${String(error).slice(0, 120)}.`);
	}
}

type Scan = {
	readonly depth: number;
	readonly keys: number;
	readonly longIntegers: readonly { readonly from: number; readonly to: number }[];
	/** The text ends within a string, list or object. */
	readonly isOpen: boolean;
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/** Integers shorter than this are exact in a double. */
const LONG_INTEGER_DIGITS = 16;
const PLUS = 0x2b;
const POINT = 0x2e;
const CAPITAL_E = 0x45;
const SMALL_E = 0x65;

/** One pass, without recursion: whatever the text, it costs its length and a stack of open objects. */
function scan(text: string): Scan {
	const found: Found = { depth: 0, keys: 0, longIntegers: [], open: 0 };
	let at = 0;
	while (at < text.length && found.open <= MOST_OPEN) {
		const code = text.charCodeAt(at);
		if (code === QUOTE) at = passString(text, at, found);
		else if (code === MINUS || (code >= ZERO && code <= NINE)) at = passNumber(text, at, found);
		else {
			noteLevel(code, found);
			at++;
		}
		if (at < 0) return { ...found, isOpen: true };
	}
	return { ...found, isOpen: found.open > 0 };
}

type Found = {
	depth: number;
	keys: number;
	readonly longIntegers: { from: number; to: number }[];
	/** Lists and objects that are open here. */
	open: number;
};

/** Gives the place behind the string, or −1 where the text ends within it. */
function passString(text: string, from: number, found: Found): number {
	const end = endOfString(text, from);
	if (end >= 0 && nextIsColon(text, end + 1)) found.keys++;
	return end < 0 ? -1 : end + 1;
}

function passNumber(text: string, from: number, found: Found): number {
	const end = endOfNumber(text, from);
	if (isUnsafeInteger(text, from, end)) found.longIntegers.push({ from, to: end });
	return end;
}

function noteLevel(code: number, found: Found): void {
	if (code === CLOSE_BRACE || code === CLOSE_BRACKET) found.open = Math.max(0, found.open - 1);
	if (code !== OPEN_BRACE && code !== OPEN_BRACKET) return;
	found.open++;
	found.depth = Math.max(found.depth, found.open);
}

/** Deeper than any limit in use: the scan need not look further. */
const MOST_OPEN = 256;

function endOfString(text: string, from: number): number {
	for (let at = from + 1; at < text.length; at++) {
		const code = text.charCodeAt(at);
		if (code === BACKSLASH) at++;
		else if (code === QUOTE) return at;
	}
	return -1;
}

function nextIsColon(text: string, from: number): boolean {
	let at = from;
	while (at < text.length && isSpace(text.charCodeAt(at))) at++;
	return text.charCodeAt(at) === COLON;
}

function isSpace(code: number): boolean {
	return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function endOfNumber(text: string, from: number): number {
	let at = from;
	while (at < text.length && isOfNumber(text.charCodeAt(at))) at++;
	return at;
}

function isOfNumber(code: number): boolean {
	const isDigit = code >= ZERO && code <= NINE;
	return (
		isDigit || code === POINT || code === MINUS || code === PLUS || code === SMALL_E || code === CAPITAL_E
	);
}

function isUnsafeInteger(text: string, from: number, to: number): boolean {
	if (to - from < LONG_INTEGER_DIGITS) return false;
	const literal = text.slice(from, to);
	return /^-?[1-9][0-9]*$/.test(literal) && !Number.isSafeInteger(Number(literal));
}

function quoted(text: string, integers: Scan["longIntegers"]): string {
	if (integers.length === 0) return text;
	const pieces: string[] = [];
	let done = 0;
	for (const { from, to } of integers) {
		pieces.push(text.slice(done, from), '"', text.slice(from, to), '"');
		done = to;
	}
	pieces.push(text.slice(done));
	return pieces.join("");
}

/**
 * Takes the prototypes off in place: a copy would cost several times the memory of what was parsed. Gives
 * how many keys there were. The depth was checked before, so the recursion is bounded by the limit.
 */
function bareKeys(value: Structure): number {
	if (Array.isArray(value)) {
		let keys = 0;
		for (const [place, entry] of value.entries()) {
			if (isStructure(entry)) keys += bareKeys(entry);
			else if (isInfinite(entry)) value[place] = null;
		}
		return keys;
	}
	let keys = 0;
	for (const key of Object.keys(value)) {
		keys++;
		const entry = value[key];
		if (isStructure(entry)) keys += bareKeys(entry);
		else if (isInfinite(entry)) delete value[key];
	}
	Object.setPrototypeOf(value, null);
	return keys;
}

type Structure = unknown[] | Record<string, unknown>;

function isStructure(value: unknown): value is Structure {
	return typeof value === "object" && value !== null;
}

function isInfinite(value: unknown): boolean {
	return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
}

/** Repairs by name, in the order in which they are tried; each leaves good text as it is. */
const REPAIRS: readonly (readonly [name: string, repair: (text: string) => string])[] = [
	["byte-order-mark", (text) => text.replace(/^\uFEFF/, "")],
	["cut-at-nul", cutAtNul],
	["missing-comma", (text) => outsideStrings(text, (plain) => plain.replaceAll(/\}(\s*)\{/g, "},$1{"))],
	["control-character", dropControlCharacters],
	[
		"not-a-number",
		(text) =>
			outsideStrings(text, (plain) =>
				plain.replaceAll(/[-+]?\b(?:nan|inf(?:inity)?)\b(?:\([a-z0-9]{0,16}\))?/gi, "null"),
			),
	],
	[
		"leading-zero",
		(text) =>
			outsideStrings(text, (plain) =>
				plain.replaceAll(/([:[,]\s*)(-?0\d+(?:\.\d+)?)(?=\s*[,}\]])/g, '$1"$2"'),
			),
	],
	["invalid-escape", (text) => insideStrings(text, (inner) => inner.replaceAll("\\'", "'"))],
	["trailing-garbage", firstValue],
	[
		"missing-value",
		(text) => outsideStrings(text, (plain) => plain.replaceAll(/:(\s*)(?=[,}])/g, ":null$1")),
	],
	["stray-comma", strayCommas],
	["adjacent-strings", (text) => text.replaceAll(/(":\s*"(?:[^"\\]|\\.)*")(\s*)(?="[^"]*"\s*:)/g, "$1,$2")],
];

function cutAtNul(text: string): string {
	const at = text.indexOf("\0");
	return at < 0 ? text : text.slice(0, at);
}

/** Alternates: text outside strings, then a string with its quotes, and so on. */
function pieces(text: string): string[] {
	const found: string[] = [];
	let done = 0;
	for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', done)) {
		const end = endOfString(text, at);
		const stop = end < 0 ? text.length : end + 1;
		found.push(text.slice(done, at), text.slice(at, stop));
		done = stop;
	}
	found.push(text.slice(done));
	return found;
}

function outsideStrings(text: string, repair: (plain: string) => string): string {
	return pieces(text)
		.map((piece, index) => (index % 2 === 0 ? repair(piece) : piece))
		.join("");
}

function insideStrings(text: string, repair: (inner: string) => string): string {
	return pieces(text)
		.map((piece, index) => (index % 2 === 1 ? repair(piece) : piece))
		.join("");
}

function dropControlCharacters(text: string): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what is looked for
	return insideStrings(text, (inner) => inner.replaceAll(/[\u0000-\u001f]/g, ""));
}

/** Cuts what stands behind the first complete list or object. */
function firstValue(text: string): string {
	let depth = 0;
	for (let at = 0; at >= 0 && at < text.length; at++) {
		const code = text.charCodeAt(at);
		if (code === QUOTE) at = endOfString(text, at);
		depth += levelOf(code);
		if (at < 0) return text;
		if (depth === 0 && levelOf(code) < 0)
			return text.slice(at + 1).trim() === "" ? text : text.slice(0, at + 1);
	}
	return text;
}

function levelOf(code: number): number {
	if (code === OPEN_BRACE || code === OPEN_BRACKET) return 1;
	return code === CLOSE_BRACE || code === CLOSE_BRACKET ? -1 : 0;
}

function strayCommas(text: string): string {
	return outsideStrings(text, (plain) =>
		plain
			.replaceAll(/,(\s*[}\]])/g, "$1")
			.replaceAll(/([{[]\s*),/g, "$1")
			.replaceAll(/,(\s*,)+/g, ","),
	);
}
