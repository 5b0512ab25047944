/**
 * What every format gives: the answer's structure, or the failure that says why there is none. Types
 * and limits only.
 */
import type { FailureCode } from "../../../shared/failures.js";

/** `repairs` names the vendor defects that were mended, for the counter. */
export type ParsedAnswer =
	| { readonly ok: true; readonly value: unknown; readonly repairs: readonly string[] }
	| { readonly ok: false; readonly code: FailureCode; readonly what: string };

/** No known device sends more; transports cut there too. */
export const ANSWER_BYTES_MOST = 256 * 1024;
/** nvidia-smi's document lists every clock of every GPU: 46 KB each. Only a local program writes XML. */
export const XML_BYTES_MOST = 1024 * 1024;
export const ANSWER_DEPTH_MOST = 16;

export function unreadable(what: string): ParsedAnswer {
	return { ok: false, code: "DEVICE_ANSWER_MALFORMED", what };
}

export function tooLarge(what: string): ParsedAnswer {
	return { ok: false, code: "DEVICE_ANSWER_TOO_LARGE", what };
}

export function readable(value: unknown, repairs: readonly string[] = []): ParsedAnswer {
	return { ok: true, value, repairs };
}

/** An object that a key named "__proto__" cannot poison. */
export function bareRecord<Value>(): Record<string, Value> {
	return Object.create(null);
}
