/** What an agent says: text → a checked message, or a failure. Never throws. */
import { z } from "zod";
import { NAME, SIGNATURE } from "./keys.js";
import { firstFault, notAsSaid, type Parsed, parseMessage } from "./messages.js";

const AGENT_OR_SITE = z.string().regex(NAME);
const EPOCH = z.string().regex(/^[0-9a-f]{32}$/);
const SEQUENCE = z.int().min(0);
const HASH = z.string().regex(/^[0-9a-f]{16}$/);

const HELLO = z.object({
	kind: z.literal("hello"),
	versions: z.array(z.int()).min(1).max(8),
	agent: AGENT_OR_SITE,
	site: AGENT_OR_SITE,
	epoch: EPOCH,
	/** Oldest record kept, and newest made; 0 and 0 where none was. */
	tail: SEQUENCE,
	head: SEQUENCE,
	wall: z.number(),
	monotonic: z.number(),
	boot: EPOCH,
	software: z.string().max(64),
});
const PROOF = z.discriminatedUnion("method", [
	z.object({
		kind: z.literal("proof"),
		method: z.literal("token-hmac"),
		mac: z.string().regex(/^[0-9a-f]{64}$/),
	}),
	z.object({
		kind: z.literal("proof"),
		method: z.literal("ed25519"),
		signature: z.string().regex(SIGNATURE),
	}),
]);
const MISSING = z.object({ kind: z.literal("missing"), hashes: z.array(HASH).max(1_000) });
const STATUS = z.object({
	kind: z.literal("status"),
	backlogRecords: SEQUENCE,
	backlogBytes: SEQUENCE,
	wall: z.number(),
	monotonic: z.number(),
	/** Of the epoch: all outcomes, and those in records not yet settled; both or none. */
	outcomesMade: SEQUENCE.exactOptional(),
	outcomesHeld: SEQUENCE.exactOptional(),
});
const FROM_AGENT = z.discriminatedUnion("kind", [HELLO, PROOF, MISSING, STATUS]);

export type Hello = z.infer<typeof HELLO>;
export type Proof = z.infer<typeof PROOF>;
export type FromAgent = z.infer<typeof FROM_AGENT>;

export function parseFromAgent(text: string): Parsed<FromAgent> {
	const parsed = parseMessage(text);
	if (!parsed.ok) return parsed;
	const checked = FROM_AGENT.safeParse(parsed.message);
	if (checked.success) return { ok: true, message: checked.data };
	return notAsSaid(`is not as PROTOCOL.md says: ${firstFault(checked.error)}`);
}
