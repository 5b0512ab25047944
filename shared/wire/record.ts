/**
 * Records ⇄ bytes, as RECORD_FORMAT.md lays them out. Pure.
 *
 * A record is the unit of delivery: a batch of outcomes, or a gap, or an event. It decodes alone;
 * devices and shapes stand in it by the hash of their definition. A value is kept as a whole number
 * of its column's decimals, or as a raw double where it does not fit.
 *
 * Invariants: what decodes has a right checksum; encoding what was decoded gives the same values;
 * a kind that this version does not know is kept as bytes.
 */
import { crc32 } from "node:zlib";
import { type Failure, failure } from "../failures.js";
import { parseJson } from "../json.js";
import { ByteReader, ByteWriter, OutOfBytes } from "./bytes.js";
import { HASH_BYTES, WIRE_JSON_LIMITS } from "./definition.js";

export const RECORD_FORMAT = 1;
export const RECORD_LONGEST_BYTES = 256 * 1_024;
export const OUTCOMES_MOST = 10_000;
const BOOT_ID_BYTES = 16;
const TEXT_LONGEST = 1_024;
/** Characters of a text that a record keeps. */
export const RECORD_TEXT_LONGEST = TEXT_LONGEST / 4;
const CRC_BYTES = 4;
const HEAD_BYTES = 2 + 8 + 8 + BOOT_ID_BYTES;

const KIND_OUTCOMES = 1;
const KIND_GAP = 2;
const OUTCOME_READING = 1;
const OUTCOME_FAILURE = 2;
const TOKEN_ABSENT = 0;
const TOKEN_DOUBLE = 1;
const TOKEN_FIRST_NUMBER = 2;
/** Beyond it a scaled number leaves the exact range of a zigzag varint. */
const SCALED_MOST = 2 ** 50;

/** Wall and monotonic time of the record's making, and the boot they belong to. */
export type RecordTime = {
	readonly wall: number;
	readonly monotonic: number;
	/** Thirty-two hex digits. */
	readonly boot: string;
};

export type RecordOutcome = {
	readonly device: string;
	/** Monotonic ms of the agent. */
	readonly measuredAt: number;
	readonly tookMilliseconds: number;
} & (
	| {
			readonly kind: "reading";
			readonly shape: string;
			/** By column of the shape; NaN marks an absent value inside the array only. */
			readonly values: Float64Array;
			readonly errorCodes: readonly string[];
			/** Fault code → count. */
			readonly faults: readonly (readonly [string, number])[];
	  }
	| { readonly kind: "failure"; readonly code: string; readonly what: string }
);

export type Gap = {
	readonly reason: string;
	/** Wall ms. */
	readonly from: number;
	readonly to: number;
	readonly outcomes: number;
	/** Record numbers that will never come, where the gap swallowed numbered records. */
	readonly sequences?: { readonly from: number; readonly to: number };
};

export type DecodedRecord = { readonly time: RecordTime; readonly bytes: number } & (
	| { readonly kind: "outcomes"; readonly outcomes: readonly RecordOutcome[] }
	| { readonly kind: "gap"; readonly gap: Gap }
	| { readonly kind: "unknown"; readonly number: number }
);

/** How many columns a shape has and their decimals, so that a reading can be read. */
export type ShapeLookup = (
	hash: string,
) => { readonly columns: readonly { readonly decimals: number }[] } | undefined;

const POWERS_OF_TEN = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

export function roundToDecimals(value: number, decimals: number): number {
	const power = POWERS_OF_TEN[decimals] ?? 1;
	const scaled = Math.round(value * power);
	return Math.abs(scaled) <= SCALED_MOST ? scaled / power : value;
}

export function encodeOutcomes(
	time: RecordTime,
	outcomes: readonly RecordOutcome[],
	shapes: ShapeLookup,
): Buffer {
	const body = new ByteWriter();
	const texts = new Numbered();
	const hashes = new Numbered();
	const one = new ByteWriter();
	for (const outcome of outcomes) {
		one.reset();
		writeOutcome(one, { outcome, time, texts, hashes, shapes });
		body.varint(one.size);
		body.raw(one.view());
	}
	const writer = startRecord(KIND_OUTCOMES, time);
	writer.varint(texts.list.length);
	for (const text of texts.list) writer.text(text.slice(0, RECORD_TEXT_LONGEST));
	writer.varint(hashes.list.length);
	for (const hash of hashes.list) writer.raw(Buffer.from(hash, "hex"));
	writer.varint(outcomes.length);
	writer.raw(body.view());
	return finishRecord(writer);
}

export function encodeGap(time: RecordTime, gap: Gap): Buffer {
	const writer = startRecord(KIND_GAP, time);
	writer.text(JSON.stringify(gap));
	return finishRecord(writer);
}

/** The checksum that stands at a record's end: its fingerprint under a used number. */
export function recordCrc(bytes: Buffer): number {
	return bytes.length >= CRC_BYTES ? bytes.readUInt32BE(bytes.length - CRC_BYTES) : 0;
}

/** Whether the bytes are whole: format known, checksum right. */
export function checkRecord(bytes: Buffer): Failure | undefined {
	if (bytes.length < HEAD_BYTES + CRC_BYTES)
		return failure("RECORD_MALFORMED", `A record of ${bytes.length} bytes is too short.`);
	if (bytes.length > RECORD_LONGEST_BYTES) {
		return failure(
			"RECORD_MALFORMED",
			`A record of ${bytes.length} bytes, ${RECORD_LONGEST_BYTES} are allowed.`,
		);
	}
	const found = crc32(bytes.subarray(0, bytes.length - CRC_BYTES));
	if (found !== recordCrc(bytes))
		return failure("RECORD_MALFORMED", "The record's checksum does not fit its bytes.");
	if (bytes[0] !== RECORD_FORMAT)
		return failure("RECORD_MALFORMED", `Record format ${bytes[0]}; this version reads ${RECORD_FORMAT}.`);
	return undefined;
}

/** When a checked record was made, by its agent's clocks; undefined where it does not say. */
export function timeOf(bytes: Buffer): RecordTime | undefined {
	const read = atEdge(() => ({
		ok: true as const,
		time: readHead(new ByteReader(bytes, 0, bytes.length - CRC_BYTES)).time,
	}));
	return read.ok ? read.time : undefined;
}

/** Hashes of all definitions that a record names, without decoding its readings. */
export function hashesIn(
	bytes: Buffer,
): { ok: true; hashes: readonly string[] } | { ok: false; failure: Failure } {
	return atEdge(() => {
		const reader = new ByteReader(bytes, 0, bytes.length - CRC_BYTES);
		const { kind } = readHead(reader);
		if (kind !== KIND_OUTCOMES) return { ok: true, hashes: [] };
		readTexts(reader);
		return { ok: true, hashes: readHashes(reader) };
	});
}

/**
 * Decodes a checked record.
 *
 * @param onlyDevices where given, readings of other devices are skipped unread
 */
export function decodeRecord(
	bytes: Buffer,
	shapes: ShapeLookup,
	onlyDevices?: ReadonlySet<string>,
): { ok: true; record: DecodedRecord } | { ok: false; failure: Failure } {
	return atEdge(() => {
		const reader = new ByteReader(bytes, 0, bytes.length - CRC_BYTES);
		const { kind, time } = readHead(reader);
		if (kind === KIND_GAP) return readGap(reader, time, bytes.length);
		if (kind !== KIND_OUTCOMES)
			return { ok: true, record: { kind: "unknown", number: kind, time, bytes: bytes.length } };
		const texts = readTexts(reader);
		const hashes = readHashes(reader);
		const count = reader.varint();
		if (count > OUTCOMES_MOST) throw new OutOfBytes(`${count} outcomes in one record`);
		const outcomes: RecordOutcome[] = [];
		for (let index = 0; index < count; index += 1) {
			const length = reader.varint();
			const from = reader.at;
			reader.skip(length);
			const outcome = readOutcome(new ByteReader(bytes, from, from + length), {
				time,
				texts,
				hashes,
				shapes,
				onlyDevices,
			});
			if (outcome !== undefined) outcomes.push(outcome);
		}
		return { ok: true, record: { kind: "outcomes", outcomes, time, bytes: bytes.length } };
	});
}

/** Wall time of something measured on the record's monotonic clock. */
export function wallOf(time: RecordTime, measuredAt: number): number {
	return Math.round(time.wall - (time.monotonic - measuredAt));
}

type Writing = {
	readonly outcome: RecordOutcome;
	readonly time: RecordTime;
	readonly texts: Numbered;
	readonly hashes: Numbered;
	readonly shapes: ShapeLookup;
};

function writeOutcome(writer: ByteWriter, { outcome, time, texts, hashes, shapes }: Writing): void {
	writer.varint(hashes.number(outcome.device));
	writer.zigzag(Math.round(time.monotonic - outcome.measuredAt));
	writer.varint(Math.max(0, Math.round(outcome.tookMilliseconds)));
	if (outcome.kind === "failure") {
		writer.u8(OUTCOME_FAILURE);
		writer.varint(texts.number(outcome.code));
		writer.varint(texts.number(outcome.what));
		return;
	}
	writer.u8(OUTCOME_READING);
	writer.varint(hashes.number(outcome.shape));
	const columns = shapes(outcome.shape)?.columns ?? [];
	for (let index = 0; index < columns.length; index += 1) {
		writeValue(writer, outcome.values[index] ?? Number.NaN, columns[index]?.decimals ?? 0);
	}
	writer.varint(outcome.errorCodes.length);
	for (const code of outcome.errorCodes) writer.varint(texts.number(code));
	writer.varint(outcome.faults.length);
	for (const [code, count] of outcome.faults) {
		writer.varint(texts.number(code));
		writer.varint(count);
	}
}

function writeValue(writer: ByteWriter, value: number, decimals: number): void {
	if (!Number.isFinite(value)) {
		writer.varint(TOKEN_ABSENT);
		return;
	}
	const scaled = Math.round(value * (POWERS_OF_TEN[decimals] ?? 1));
	if (Math.abs(scaled) > SCALED_MOST) {
		writer.varint(TOKEN_DOUBLE);
		writer.f64(value);
		return;
	}
	writer.varint((scaled >= 0 ? scaled * 2 : -scaled * 2 - 1) + TOKEN_FIRST_NUMBER);
}

type Reading = {
	readonly time: RecordTime;
	readonly texts: readonly string[];
	readonly hashes: readonly string[];
	readonly shapes: ShapeLookup;
	readonly onlyDevices: ReadonlySet<string> | undefined;
};

function readOutcome(
	reader: ByteReader,
	{ time, texts, hashes, shapes, onlyDevices }: Reading,
): RecordOutcome | undefined {
	const device = pick(hashes, reader.varint());
	if (onlyDevices !== undefined && !onlyDevices.has(device)) return undefined;
	const measuredAt = time.monotonic - reader.zigzag();
	const tookMilliseconds = reader.varint();
	const type = reader.u8();
	if (type === OUTCOME_FAILURE) {
		const code = pick(texts, reader.varint());
		return {
			kind: "failure",
			device,
			measuredAt,
			tookMilliseconds,
			code,
			what: pick(texts, reader.varint()),
		};
	}
	if (type !== OUTCOME_READING) throw new OutOfBytes(`an outcome of type ${type}`);
	const shape = pick(hashes, reader.varint());
	const columns = shapes(shape)?.columns;
	if (columns === undefined) throw new OutOfBytes(`the shape ${shape} is not known`);
	const values = new Float64Array(columns.length);
	for (let index = 0; index < columns.length; index += 1)
		values[index] = readValue(reader, columns[index]?.decimals ?? 0);
	const errorCodes: string[] = [];
	for (let left = bounded(reader.varint(), 64); left > 0; left -= 1)
		errorCodes.push(pick(texts, reader.varint()));
	const faults: [string, number][] = [];
	for (let left = bounded(reader.varint(), 64); left > 0; left -= 1)
		faults.push([pick(texts, reader.varint()), reader.varint()]);
	return { kind: "reading", device, measuredAt, tookMilliseconds, shape, values, errorCodes, faults };
}

function readValue(reader: ByteReader, decimals: number): number {
	const token = reader.varint();
	if (token === TOKEN_ABSENT) return Number.NaN;
	if (token === TOKEN_DOUBLE) {
		const value = reader.f64();
		if (!Number.isFinite(value)) throw new OutOfBytes("a value that is no number");
		return value;
	}
	const number = token - TOKEN_FIRST_NUMBER;
	const scaled = number % 2 === 0 ? number / 2 : -(number + 1) / 2;
	return scaled / (POWERS_OF_TEN[decimals] ?? 1);
}

function readGap(reader: ByteReader, time: RecordTime, bytes: number): { ok: true; record: DecodedRecord } {
	const parsed = parseJson(reader.text(TEXT_LONGEST), WIRE_JSON_LIMITS);
	const gap = parsed.ok ? (parsed.value as Partial<Gap>) : undefined;
	if (
		typeof gap?.reason !== "string" ||
		!Number.isFinite(gap.from) ||
		!Number.isFinite(gap.to) ||
		!isCount(gap.outcomes) ||
		!areSequences(gap.sequences)
	) {
		throw new OutOfBytes("a gap without reason, from, to and outcomes");
	}
	return { ok: true, record: { kind: "gap", gap: gap as Gap, time, bytes } };
}

function isCount(value: unknown): value is number {
	return Number.isSafeInteger(value) && Number(value) >= 0;
}

function areSequences(sequences: Partial<NonNullable<Gap["sequences"]>> | null | undefined): boolean {
	if (sequences === undefined) return true;
	const { from, to } = sequences ?? {};
	return isCount(from) && isCount(to) && from >= 1 && to >= from;
}

function startRecord(kind: number, time: RecordTime): ByteWriter {
	const writer = new ByteWriter();
	writer.u8(RECORD_FORMAT);
	writer.u8(kind);
	writer.f64(time.wall);
	writer.f64(time.monotonic);
	writer.raw(Buffer.from(time.boot.padEnd(BOOT_ID_BYTES * 2, "0").slice(0, BOOT_ID_BYTES * 2), "hex"));
	return writer;
}

function finishRecord(writer: ByteWriter): Buffer {
	writer.u32(crc32(writer.view()));
	return writer.finish();
}

function readHead(reader: ByteReader): { kind: number; time: RecordTime } {
	reader.u8();
	const kind = reader.u8();
	const wall = reader.f64();
	const monotonic = reader.f64();
	if (!Number.isFinite(wall) || !Number.isFinite(monotonic)) throw new OutOfBytes("a time that is no number");
	return { kind, time: { wall, monotonic, boot: reader.raw(BOOT_ID_BYTES).toString("hex") } };
}

function readTexts(reader: ByteReader): readonly string[] {
	const texts: string[] = [];
	for (let left = bounded(reader.varint(), OUTCOMES_MOST * 2); left > 0; left -= 1)
		texts.push(reader.text(TEXT_LONGEST));
	return texts;
}

function readHashes(reader: ByteReader): readonly string[] {
	const hashes: string[] = [];
	for (let left = bounded(reader.varint(), OUTCOMES_MOST * 2); left > 0; left -= 1)
		hashes.push(reader.raw(HASH_BYTES).toString("hex"));
	return hashes;
}

function bounded(count: number, most: number): number {
	if (count > most) throw new OutOfBytes(`a count of ${count} where ${most} are allowed`);
	return count;
}

function pick(list: readonly string[], index: number): string {
	const found = list[index];
	if (found === undefined) throw new OutOfBytes(`entry ${index} of a table of ${list.length}`);
	return found;
}

/** Turns what a reader throws on foreign bytes into a failure; anything else is a BUG and passes. */
function atEdge<Result>(run: () => Result): Result | { ok: false; failure: Failure } {
	try {
		return run();
	} catch (error) {
		if (error instanceof OutOfBytes)
			return {
				ok: false,
				failure: failure("RECORD_MALFORMED", `The record does not decode: ${error.message}.`),
			};
		throw error;
	}
}

class Numbered {
	readonly list: string[] = [];
	private readonly numbers = new Map<string, number>();

	number(text: string): number {
		const known = this.numbers.get(text);
		if (known !== undefined) return known;
		this.numbers.set(text, this.list.length);
		this.list.push(text);
		return this.list.length - 1;
	}
}
