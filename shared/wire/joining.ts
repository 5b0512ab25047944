/**
 * What is asked by POST at the agents' port, beside the WebSocket: to join, and to change a key. Text → a
 * checked request, or a failure. Never throws.
 */
import { z } from "zod";
import { NAME, PUBLIC_KEY, SIGNATURE } from "./keys.js";
import { notAsSaid, type Parsed, parseMessage } from "./messages.js";

export const JOINING_LONGEST_BYTES = 4_096;

const KEY_OF_AGENT = {
	agent: z.string().regex(NAME),
	publicKey: z.string().regex(PUBLIC_KEY),
	signature: z.string().regex(SIGNATURE),
};
const JOIN = z.object({ ...KEY_OF_AGENT, code: z.string().max(200) });
const ROTATE = z.object({ ...KEY_OF_AGENT, site: z.string().regex(NAME), rotation: z.int().min(1) });

export function parseJoin(text: string): Parsed<z.infer<typeof JOIN>> {
	return read(JOIN, text);
}

export function parseRotation(text: string): Parsed<z.infer<typeof ROTATE>> {
	return read(ROTATE, text);
}

function read<Schema extends z.ZodType>(schema: Schema, text: string): Parsed<z.output<Schema>> {
	const parsed = parseMessage(text);
	if (!parsed.ok) return parsed;
	const checked = schema.safeParse(parsed.message);
	// A wrong value is not quoted: it may be a code.
	return checked.success
		? { ok: true, message: checked.data }
		: notAsSaid("is not as PROTOCOL.md says under Joining");
}
