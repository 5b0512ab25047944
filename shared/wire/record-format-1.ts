/**
 * The outcomes of a record of format 1, read one by one. Reading only: outboxes and stores of the version
 * before hold such records. Goes when no supported version writes them.
 *
 * Each outcome: length, device, age, took, then a reading (shape, one token a value: 0 absent, 1 a
 * double, else 2 + zigzag of the scaled number) or a failure (places of code and text).
 */
import { type ByteReader, bounded, OutOfBytes, pick, unzigzagged } from "./bytes.js";
import { POWERS_OF_TEN } from "./number-column.js";
import type { RecordOutcome, RecordTables, RecordTime, ShapeLookup } from "./outcome.js";

const OUTCOMES_MOST = 10_000;
const NOTES_MOST = 64;
const OUTCOME_READING = 1;
const OUTCOME_FAILURE = 2;
const TOKEN_ABSENT = 0;
const TOKEN_DOUBLE = 1;
const TOKEN_FIRST_NUMBER = 2;

type Reading = { readonly time: RecordTime; readonly tables: RecordTables; readonly shapes: ShapeLookup };

/** @throws OutOfBytes on bytes that are no outcomes */
export function readOutcomesFormat1(reader: ByteReader, context: Reading): readonly RecordOutcome[] {
	const outcomes: RecordOutcome[] = [];
	for (let left = bounded(reader.varint(), OUTCOMES_MOST); left > 0; left -= 1) {
		const length = reader.varint();
		const end = reader.at + length;
		outcomes.push(readOutcome(reader, context));
		if (reader.at !== end) throw new OutOfBytes("an outcome that is not as long as it says");
	}
	return outcomes;
}

function readOutcome(
	reader: ByteReader,
	{ time, tables: { texts, hashes }, shapes }: Reading,
): RecordOutcome {
	const text = () => pick(texts, reader.varint());
	const device = pick(hashes, reader.varint());
	const measuredAt = time.monotonic - reader.zigzag();
	const tookMilliseconds = reader.varint();
	const type = reader.u8();
	if (type === OUTCOME_FAILURE)
		return { kind: "failure", device, measuredAt, tookMilliseconds, code: text(), what: text() };
	if (type !== OUTCOME_READING) throw new OutOfBytes(`an outcome of type ${type}`);
	const shape = pick(hashes, reader.varint());
	const columns = shapes(shape)?.columns;
	if (columns === undefined) throw new OutOfBytes(`the shape ${shape} is not known`);
	const values = Float64Array.from(columns, ({ decimals }) => readValue(reader, decimals));
	const errorCodes: string[] = [];
	for (let left = bounded(reader.varint(), NOTES_MOST); left > 0; left -= 1) errorCodes.push(text());
	const faults: [string, number][] = [];
	for (let left = bounded(reader.varint(), NOTES_MOST); left > 0; left -= 1)
		faults.push([text(), reader.varint()]);
	return { kind: "reading", device, measuredAt, tookMilliseconds, shape, values, errorCodes, faults };
}

function readValue(reader: ByteReader, decimals: number): number {
	const token = reader.varint();
	if (token === TOKEN_ABSENT) return Number.NaN;
	if (token !== TOKEN_DOUBLE)
		return unzigzagged(token - TOKEN_FIRST_NUMBER) / (POWERS_OF_TEN[decimals] ?? 1) + 0;
	const value = reader.f64();
	if (!Number.isFinite(value)) throw new OutOfBytes("a value that is no number");
	return value;
}
