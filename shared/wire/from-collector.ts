/**
 * What a collector says: text → a checked message, or a failure. Never throws.
 *
 * Checked by hand, not by a schema library: an agent stays small, and these seven messages are few.
 */
import { notAsSaid, type Parsed, parseMessage, RANGES_MOST, type Range } from "./messages.js";

export type Challenge = { readonly kind: "challenge"; readonly nonce: string };
export type Credit = { readonly live: number; readonly backfill: number };
export type Welcome = {
	readonly kind: "welcome";
	readonly version: number;
	readonly session: string;
	readonly base: number;
	readonly ranges: readonly Range[];
	readonly credit: Credit;
	readonly wall: number;
	/** The highest number that came of this epoch, and its record's checksum. */
	readonly newest?: { readonly sequence: number; readonly crc: number };
};
export type Ack = {
	readonly kind: "ack";
	readonly base: number;
	readonly ranges: readonly Range[];
	readonly rejected?: readonly { readonly sequence: number; readonly code: string; readonly what: string }[];
};
export type FromCollector =
	| Challenge
	| Welcome
	| Ack
	| { readonly kind: "need"; readonly hashes: readonly string[] }
	| ({ readonly kind: "credit" } & Credit)
	| { readonly kind: "refuse"; readonly code: string; readonly what: string }
	| { readonly kind: "restart"; readonly spreadSeconds: number };

const HASHES_MOST = 1_000;
const REJECTED_MOST = 1_000;
const WORD_LONGEST = 64;
const SENTENCE_LONGEST = 512;
const SPREAD_SECONDS_MOST = 3_600;
const NONCE = /^[0-9a-f]{64}$/;
const HASH = /^[0-9a-f]{16}$/;

export function parseFromCollector(text: string): Parsed<FromCollector> {
	const parsed = parseMessage(text);
	if (!parsed.ok) return parsed;
	const fields = fieldsOf(parsed.message);
	const message = fields === undefined ? undefined : READERS[kindOf(fields)]?.(fields);
	return message === undefined ? notAsSaid("is not as PROTOCOL.md says") : { ok: true, message };
}

type Fields = Readonly<Record<string, unknown>>;

function kindOf({ kind }: Fields): string {
	return typeof kind === "string" && Object.hasOwn(READERS, kind) ? kind : "";
}

const READERS: Readonly<Record<string, (fields: Fields) => FromCollector | undefined>> = {
	challenge: ({ nonce }) =>
		typeof nonce === "string" && NONCE.test(nonce) ? { kind: "challenge", nonce } : undefined,
	welcome({ version, session, base, ranges, credit, wall, newest }) {
		const known = rangesOf(ranges);
		const given = creditOf(fieldsOf(credit));
		const isWhole = isCount(version) && isText(session, WORD_LONGEST) && isCount(base) && isNumber(wall);
		if (!isWhole || known === undefined || given === undefined) return undefined;
		const welcome: Welcome = { kind: "welcome", version, session, base, ranges: known, credit: given, wall };
		if (newest === undefined) return welcome;
		const { sequence, crc } = fieldsOf(newest) ?? {};
		return isCount(sequence) && isCount(crc) ? { ...welcome, newest: { sequence, crc } } : undefined;
	},
	ack({ base, ranges, rejected }) {
		const known = rangesOf(ranges);
		if (!isCount(base) || known === undefined) return undefined;
		if (rejected === undefined) return { kind: "ack", base, ranges: known };
		const refused = listOf(rejected, REJECTED_MOST, rejectionOf);
		return refused === undefined ? undefined : { kind: "ack", base, ranges: known, rejected: refused };
	},
	need({ hashes }) {
		const known = listOf(hashes, HASHES_MOST, (hash) =>
			typeof hash === "string" && HASH.test(hash) ? hash : undefined,
		);
		return known === undefined || known.length === 0 ? undefined : { kind: "need", hashes: known };
	},
	credit(fields) {
		const given = creditOf(fields);
		return given === undefined ? undefined : { kind: "credit", ...given };
	},
	refuse: ({ code, what }) =>
		isText(code, WORD_LONGEST) && isText(what, SENTENCE_LONGEST) ? { kind: "refuse", code, what } : undefined,
	restart: ({ spreadSeconds }) =>
		isNumber(spreadSeconds) && spreadSeconds >= 0 && spreadSeconds <= SPREAD_SECONDS_MOST
			? { kind: "restart", spreadSeconds }
			: undefined,
};

function fieldsOf(value: unknown): Fields | undefined {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function isCount(value: unknown): value is number {
	return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isNumber(value: unknown): value is number {
	return typeof value === "number" && Number.isFinite(value);
}

function isText(value: unknown, longest: number): value is string {
	return typeof value === "string" && value.length <= longest;
}

function creditOf(fields: Fields | undefined): Credit | undefined {
	const { live, backfill } = fields ?? {};
	return isCount(live) && isCount(backfill) ? { live, backfill } : undefined;
}

function rangesOf(value: unknown): readonly Range[] | undefined {
	return listOf(value, RANGES_MOST, (range): Range | undefined => {
		if (!Array.isArray(range) || range.length !== 2) return undefined;
		const [from, to]: readonly unknown[] = range;
		return isCount(from) && isCount(to) ? [from, to] : undefined;
	});
}

function rejectionOf(value: unknown): { sequence: number; code: string; what: string } | undefined {
	const { sequence, code, what } = fieldsOf(value) ?? {};
	const isWhole = isCount(sequence) && isText(code, WORD_LONGEST) && isText(what, SENTENCE_LONGEST);
	return isWhole ? { sequence, code, what } : undefined;
}

/** Undefined unless every entry is as it should be. */
function listOf<Entry>(
	value: unknown,
	most: number,
	read: (entry: unknown) => Entry | undefined,
): readonly Entry[] | undefined {
	if (!Array.isArray(value) || value.length > most) return undefined;
	const entries = value.map(read);
	return entries.every((entry) => entry !== undefined) ? entries : undefined;
}
