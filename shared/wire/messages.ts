/**
 * What agent and collector say to each other, as PROTOCOL.md lays it out. Pure.
 *
 * Control messages are JSON text; records and definitions are binary frames. Unknown fields are
 * ignored, so that both sides can be one version apart.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { type Failure, failure } from "../failures.js";
import { parseJson } from "../json.js";
import { ByteReader, ByteWriter, OutOfBytes } from "./bytes.js";
import { DEFINITION_LONGEST_BYTES, HASH_BYTES, WIRE_JSON_LIMITS } from "./definition.js";

export const PROTOCOL_VERSION = 1;
export const SUBPROTOCOL = "fleetwatt.v1";
export const MESSAGE_LONGEST_BYTES = 64 * 1_024;
export const PAYLOAD_LONGEST_BYTES = 1_024 * 1_024;
export const NONCE_BYTES = 32;
/** Acked ranges beyond the base that one message carries. */
export const RANGES_MOST = 32;

export const CLOSE = {
	goingAway: 1001,
	protocolViolation: 4001,
	unauthorized: 4003,
	slowReader: 4008,
	sessionReplaced: 4009,
	versionUnsupported: 4010,
	tooManySessions: 4013,
} as const;

export type Lane = "live" | "backfill";
export type Range = readonly [from: number, to: number];

const NAME = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
const EPOCH = z.string().regex(/^[0-9a-f]{32}$/);
const SEQUENCE = z.int().min(0);
const HASH = z.string().regex(/^[0-9a-f]{16}$/);
const RANGES = z.array(z.tuple([SEQUENCE, SEQUENCE])).max(RANGES_MOST);

const HELLO = z.object({
	kind: z.literal("hello"),
	versions: z.array(z.int()).min(1).max(8),
	agent: NAME,
	site: NAME,
	epoch: EPOCH,
	/** Oldest record kept, and newest made; 0 and 0 where none was. */
	tail: SEQUENCE,
	head: SEQUENCE,
	wall: z.number(),
	monotonic: z.number(),
	boot: EPOCH,
	software: z.string().max(64),
});
const PROOF = z.object({
	kind: z.literal("proof"),
	method: z.literal("token-hmac"),
	mac: z.string().regex(/^[0-9a-f]{64}$/),
});
const MISSING = z.object({ kind: z.literal("missing"), hashes: z.array(HASH).max(1_000) });
const STATUS = z.object({
	kind: z.literal("status"),
	backlogRecords: SEQUENCE,
	backlogBytes: SEQUENCE,
	wall: z.number(),
	monotonic: z.number(),
});
const FROM_AGENT = z.discriminatedUnion("kind", [HELLO, PROOF, MISSING, STATUS]);

const CHALLENGE = z.object({ kind: z.literal("challenge"), nonce: z.string().regex(/^[0-9a-f]{64}$/) });
const WELCOME = z.object({
	kind: z.literal("welcome"),
	version: z.int(),
	session: z.string().max(64),
	base: SEQUENCE,
	ranges: RANGES,
	credit: z.object({ live: z.int().positive(), backfill: z.int().positive() }),
	wall: z.number(),
});
const ACK = z.object({
	kind: z.literal("ack"),
	base: SEQUENCE,
	ranges: RANGES,
	rejected: z
		.array(z.object({ sequence: SEQUENCE, code: z.string().max(64), what: z.string().max(512) }))
		.max(1_000)
		.optional(),
});
const NEED = z.object({ kind: z.literal("need"), hashes: z.array(HASH).min(1).max(1_000) });
const CREDIT = z.object({ kind: z.literal("credit"), live: z.int().min(0), backfill: z.int().min(0) });
const REFUSE = z.object({ kind: z.literal("refuse"), code: z.string().max(64), what: z.string().max(512) });
const RESTART = z.object({ kind: z.literal("restart"), spreadSeconds: z.number().min(0).max(3_600) });
const FROM_COLLECTOR = z.discriminatedUnion("kind", [CHALLENGE, WELCOME, ACK, NEED, CREDIT, REFUSE, RESTART]);

export type Hello = z.infer<typeof HELLO>;
export type Welcome = z.infer<typeof WELCOME>;
export type Ack = z.infer<typeof ACK>;
export type FromAgent = z.infer<typeof FROM_AGENT>;
export type FromCollector = z.infer<typeof FROM_COLLECTOR>;

export type Parsed<Message> =
	| { readonly ok: true; readonly message: Message }
	| { readonly ok: false; readonly failure: Failure };

export function parseFromAgent(text: string): Parsed<FromAgent> {
	return parse(FROM_AGENT, text);
}

export function parseFromCollector(text: string): Parsed<FromCollector> {
	return parse(FROM_COLLECTOR, text);
}

function parse<Message>(schema: z.ZodType<Message>, text: string): Parsed<Message> {
	if (text.length > MESSAGE_LONGEST_BYTES) {
		return {
			ok: false,
			failure: failure(
				"PROTOCOL_VIOLATION",
				`A message of ${text.length} characters, ${MESSAGE_LONGEST_BYTES} are allowed.`,
			),
		};
	}
	const parsed = parseJson(text, WIRE_JSON_LIMITS);
	if (!parsed.ok)
		return { ok: false, failure: failure("PROTOCOL_VIOLATION", `A message is no JSON: ${parsed.what}`) };
	const checked = schema.safeParse(parsed.value);
	if (checked.success) return { ok: true, message: checked.data };
	return {
		ok: false,
		failure: failure(
			"PROTOCOL_VIOLATION",
			`A message is not as PROTOCOL.md says: ${z.prettifyError(checked.error).slice(0, 300)}`,
		),
	};
}

const FRAME_RECORD = 1;
const FRAME_DEFINITION = 2;

export type Frame =
	| { readonly kind: "record"; readonly lane: Lane; readonly sequence: number; readonly record: Buffer }
	| { readonly kind: "definition"; readonly hash: string; readonly text: string };

/** u8 1, u8 lane (0 live, 1 backfill), varint sequence, the record. */
export function encodeRecordFrame(lane: Lane, sequence: number, record: Uint8Array): Buffer {
	const writer = new ByteWriter();
	writer.u8(FRAME_RECORD);
	writer.u8(lane === "live" ? 0 : 1);
	writer.varint(sequence);
	writer.raw(record);
	return writer.finish();
}

/** u8 2, eight bytes hash, UTF-8 text. */
export function encodeDefinitionFrame(hash: string, text: string): Buffer {
	return Buffer.concat([
		Buffer.from([FRAME_DEFINITION]),
		Buffer.from(hash, "hex"),
		Buffer.from(text, "utf8"),
	]);
}

export function parseFrame(bytes: Buffer): Parsed<Frame> {
	try {
		const reader = new ByteReader(bytes);
		const type = reader.u8();
		if (type === FRAME_RECORD) {
			const lane = reader.u8() === 0 ? "live" : "backfill";
			const sequence = reader.varint();
			return { ok: true, message: { kind: "record", lane, sequence, record: reader.raw(reader.left) } };
		}
		if (type === FRAME_DEFINITION && reader.left <= DEFINITION_LONGEST_BYTES) {
			const hash = reader.raw(HASH_BYTES).toString("hex");
			return {
				ok: true,
				message: { kind: "definition", hash, text: reader.raw(reader.left).toString("utf8") },
			};
		}
		return {
			ok: false,
			failure: failure("PROTOCOL_VIOLATION", `A binary frame of type ${type} and ${bytes.length} bytes.`),
		};
	} catch (error) {
		if (error instanceof OutOfBytes)
			return {
				ok: false,
				failure: failure("PROTOCOL_VIOLATION", `A binary frame is cut short: ${error.message}.`),
			};
		throw error;
	}
}

/** What the agent proves it can make: a MAC over everything that the session is about. */
export function proofOf(
	token: string,
	said: { readonly nonce: string; readonly agent: string; readonly site: string; readonly epoch: string },
): string {
	return createHmac("sha256", token)
		.update([SUBPROTOCOL, said.nonce, said.site, said.agent, said.epoch].join("|"))
		.digest("hex");
}

/** Compares in constant time. */
export function proofHolds(expected: string, found: string): boolean {
	const a = Buffer.from(expected, "hex");
	const b = Buffer.from(found, "hex");
	return a.length === b.length && timingSafeEqual(a, b);
}
