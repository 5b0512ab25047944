/**
 * JSON bodies of feeds, looked into step by step.
 *
 * Takes text and paths; gives values of the type that is wanted, or undefined. A whole number beyond 2^53 is text
 * here and stays text: it is no double. Nothing is coerced: "0" is no number, and absent is not zero.
 */
import { type JsonLimits, type JsonValue, parseJson } from "../../../shared/json.js";

const FEED_JSON_LIMITS: JsonLimits = { bytes: 32 * 1_024 * 1_024, depth: 16, keys: 1_000_000 };

/** Undefined where it is no JSON: a page of HTML with status 200, for one. */
export function jsonOf(text: string): JsonValue | undefined {
	const parsed = parseJson(text, FEED_JSON_LIMITS);
	return parsed.ok ? parsed.value : undefined;
}

export function at(
	value: JsonValue | undefined,
	...path: readonly (string | number)[]
): JsonValue | undefined {
	let found: JsonValue | undefined = value;
	for (const step of path) {
		if (typeof found !== "object" || found === null) return undefined;
		found = Array.isArray(found)
			? (found as readonly JsonValue[])[Number(step)]
			: (found as { readonly [key: string]: JsonValue })[step];
	}
	return found;
}

export function numberAt(
	value: JsonValue | undefined,
	...path: readonly (string | number)[]
): number | undefined {
	const found = at(value, ...path);
	return typeof found === "number" && Number.isFinite(found) ? found : undefined;
}

/** A number, or the decimal text of one, as venues write prices. */
export function decimalAt(
	value: JsonValue | undefined,
	...path: readonly (string | number)[]
): number | undefined {
	const found = at(value, ...path);
	if (typeof found === "string" && /^-?\d+(\.\d+)?$/.test(found)) return Number(found);
	return typeof found === "number" && Number.isFinite(found) ? found : undefined;
}

/** Satoshi: a whole number, or the text of one. */
export function satoshisAt(
	value: JsonValue | undefined,
	...path: readonly (string | number)[]
): bigint | undefined {
	const found = at(value, ...path);
	if (typeof found === "number" && Number.isSafeInteger(found)) return BigInt(found);
	return typeof found === "string" && /^\d{1,20}$/.test(found) ? BigInt(found) : undefined;
}

export function listAt(
	value: JsonValue | undefined,
	...path: readonly (string | number)[]
): readonly JsonValue[] | undefined {
	const found = at(value, ...path);
	return Array.isArray(found) ? (found as readonly JsonValue[]) : undefined;
}
