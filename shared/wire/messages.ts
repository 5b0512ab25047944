/**
 * What agent and collector say to each other, as PROTOCOL.md lays it out. Pure.
 *
 * Control messages are JSON text (from-agent.ts, from-collector.ts); records and definitions are binary
 * frames. Unknown fields are ignored, so that both sides can be one version apart.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
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

const WHAT_LONGEST = 300;

export const CLOSE = {
	goingAway: 1001,
	brokenHere: 1011,
	protocolViolation: 4001,
	unauthorized: 4003,
	slowReader: 4008,
	sessionReplaced: 4009,
	versionUnsupported: 4010,
	tooManyEpochs: 4012,
	tooManySessions: 4013,
	recordConflict: 4014,
} as const;

export type Lane = "live" | "backfill";
export type Range = readonly [from: number, to: number];

export type Parsed<Message> =
	| { readonly ok: true; readonly message: Message }
	| { readonly ok: false; readonly failure: Failure };

/** The JSON of a message within its size; what it must hold is checked by who reads it. */
export function parseMessage(text: string): Parsed<unknown> {
	if (text.length > MESSAGE_LONGEST_BYTES) {
		return notAsSaid(`has ${text.length} characters, ${MESSAGE_LONGEST_BYTES} are allowed`);
	}
	const parsed = parseJson(text, WIRE_JSON_LIMITS);
	return parsed.ok ? { ok: true, message: parsed.value } : notAsSaid(`is no JSON: ${parsed.what}`);
}

export function notAsSaid(what: string): { readonly ok: false; readonly failure: Failure } {
	return { ok: false, failure: failure("PROTOCOL_VIOLATION", `A message ${what.slice(0, WHAT_LONGEST)}.`) };
}

/** The first fault that a schema found, in one line: where, and what. */
export function firstFault(error: {
	readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}): string {
	const [first] = error.issues;
	return [...(first?.path ?? []), first?.message].map(String).join(": ");
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
