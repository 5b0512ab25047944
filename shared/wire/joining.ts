/**
 * What is asked by POST at the agents' port, beside the WebSocket: to join, and to change a key. Text → a
 * checked request, or a failure. Never throws.
 */
import { z } from "zod";
import { notAsSaid, type Parsed, parseMessage } from "./messages.js";

export const JOINING_LONGEST_BYTES = 4_096;

const NAME = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
const KEY = z.string().regex(/^[0-9a-f]{64}$/);
const SIGNATURE = z.string().regex(/^[0-9a-f]{128}$/);

const JOIN = z.object({ code: z.string().max(200), agent: NAME, publicKey: KEY, signature: SIGNATURE });
const ROTATE = z.object({
	site: NAME,
	agent: NAME,
	publicKey: KEY,
	rotation: z.int().min(1),
	signature: SIGNATURE,
});

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
