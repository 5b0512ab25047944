/**
 * The door for definitions: text that an agent sent → a definition, or a failure. Never throws.
 *
 * Apart from definition.ts, so that threads which only move bytes load no schema library.
 */
import { z } from "zod";
import { DEVICE_KINDS, PARTS } from "../device.js";
import { type Failure, failure } from "../failures.js";
import { parseJson } from "../json.js";
import {
	COLUMNS_MOST,
	DEFINITION_LONGEST_BYTES,
	type Definition,
	plainDefinition,
	WIRE_JSON_LIMITS,
} from "./definition.js";
import { firstFault } from "./messages.js";

const WORD_LONGEST = 256;

const word = z.string().max(WORD_LONGEST);
const COLUMN = z.strictObject({
	measurement: z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,99}$/),
	component: z.strictObject({ part: z.enum(PARTS), key: word }).optional(),
	decimals: z.int().min(0).max(9),
});
const SHAPE = z.object({ kind: z.literal("shape"), columns: z.array(COLUMN).max(COLUMNS_MOST) });
const DEVICE = z.object({
	kind: z.literal("device"),
	device: z.object({
		endpoint: word.regex(/[^\p{Cc}\p{Cf}\s]/u),
		kind: z.enum(DEVICE_KINDS),
		driver: word,
		rack: word.optional(),
		position: word.optional(),
		pollIntervalSeconds: z.number().positive().max(86_400),
		make: word.optional(),
		model: word.optional(),
		firmware: word.optional(),
		serial: word.optional(),
		mac: word.optional(),
		hostname: word.optional(),
		algorithm: word.optional(),
	}),
});
const DEFINITION = z.discriminatedUnion("kind", [SHAPE, DEVICE]);

/** Reads and checks a definition that somebody sent. Never throws. */
export function parseDefinition(
	text: string,
): { ok: true; definition: Definition } | { ok: false; failure: Failure } {
	if (text.length > DEFINITION_LONGEST_BYTES) {
		return {
			ok: false,
			failure: failure(
				"RECORD_MALFORMED",
				`A definition of ${text.length} characters, ${DEFINITION_LONGEST_BYTES} are allowed.`,
			),
		};
	}
	const parsed = parseJson(text, WIRE_JSON_LIMITS);
	if (!parsed.ok)
		return { ok: false, failure: failure("RECORD_MALFORMED", `A definition is no JSON: ${parsed.what}`) };
	const checked = DEFINITION.safeParse(parsed.value);
	if (!checked.success) {
		return {
			ok: false,
			failure: failure(
				"RECORD_MALFORMED",
				`A definition is not as PROTOCOL.md says: ${firstFault(checked.error)}`,
			),
		};
	}
	return { ok: true, definition: plainDefinition(checked.data as Definition) };
}
