/**
 * JSON as firmwares write it, and JSONP: a call with one object, then perhaps more calls. Text in,
 * structure out; never throws. The repairs are listed in shared/json.ts.
 */
import { type JsonProblem, parseDeviceJson } from "../../../shared/json.js";
import { type ParsedAnswer, readable, unreadable } from "./parsed-answer.js";

const CODES = {
	TOO_LARGE: "DEVICE_ANSWER_TOO_LARGE",
	TOO_DEEP: "DEVICE_ANSWER_TOO_LARGE",
	TOO_MANY_KEYS: "DEVICE_ANSWER_TOO_LARGE",
	TRUNCATED: "DEVICE_ANSWER_TRUNCATED",
	MALFORMED: "DEVICE_ANSWER_MALFORMED",
} as const satisfies Record<JsonProblem, string>;

/** What the programs of AMD say ahead of their answer: a GPU asleep, a user of no render group. */
const WARNINGS = /^\s*(?:WARNING\b[^\n]{0,1000}\n\s*){1,64}/i;

export function parseJsonAnswer(text: string): ParsedAnswer {
	const result = parseDeviceJson(text.replace(WARNINGS, ""));
	if (result.ok) return readable(result.value, result.repairs);
	return { ok: false, code: CODES[result.code], what: result.what };
}

const CALL = /^\s*[A-Za-z_$][\w$.]{0,63}\s*\(/;

/**
 * `minerinfoCallback({"version":"…", });` and what may follow it: Avalon's own pages.
 *
 * @returns the argument of the first call
 */
export function parseJsonp(text: string): ParsedAnswer {
	const call = CALL.exec(text);
	if (call === null) return unreadable(`Expected callback({…}); found ${JSON.stringify(text.slice(0, 40))}.`);
	const end = text.indexOf("});", call[0].length);
	if (end < 0) return { ok: false, code: "DEVICE_ANSWER_TRUNCATED", what: "The call has no end." };
	return parseJsonAnswer(text.slice(call[0].length, end + 1));
}
