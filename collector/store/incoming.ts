/**
 * A record as it comes in: whether it is taken, and what the worker is to write of it. Takes records with who
 * sent them and when, gives a batch for one transaction. Pure but for devices that the catalogue comes to know.
 */
import { type Failure, failure } from "../../shared/failures.js";
import { type DecodedRecord, decodeRecord, outcomeCount, wallOf } from "../../shared/wire/record.js";
import type { Catalogue } from "./catalogue.js";
import type { Batch, NewGap, NewInboxRow } from "./main-database.js";
import { extentOf, type PlacedRecord, placedRecord } from "./placed-record.js";

/** Of what is later than this nobody knows when it was: it must not become the present. */
const AHEAD_MOST_MILLISECONDS = 5 * 60 * 1_000;

export type IncomingRecord = {
	readonly agent: string;
	readonly site: string;
	readonly epoch: string;
	readonly sequence: number;
	readonly receivedAt: number;
	readonly offset: number;
	readonly bytes: Buffer;
	/** Refused at the door; goes to the dead letters and counts as settled. */
	readonly rejected?: Failure;
};

export type Examined = {
	readonly incoming: IncomingRecord;
	readonly placed?: PlacedRecord;
	readonly rejected?: Failure;
	/** In a record that could be read. */
	readonly outcomes?: number;
};

/** Every device has its number before the record is stored, so that both are stored together. */
export function examined(incoming: IncomingRecord, catalogue: Catalogue): Examined {
	if (incoming.rejected !== undefined) return { incoming, rejected: incoming.rejected };
	const decoded = decodeRecord(incoming.bytes, (hash) => catalogue.shape(hash));
	if (!decoded.ok) return { incoming, rejected: decoded.failure };
	const outcomes = outcomeCount(decoded.record);
	const wrong = unbelievable(decoded.record, incoming);
	if (wrong !== undefined) return { incoming, rejected: failure("RECORD_MALFORMED", wrong), outcomes };
	return { incoming, placed: placedRecord(decoded.record, incoming, catalogue), outcomes };
}

/** What is written of them in one transaction, beside what the catalogue came to know. */
export function batchOf(
	records: readonly Examined[],
	accepted: readonly Examined[],
): Pick<Batch, "rows" | "deadLetters" | "gaps"> {
	return {
		rows: inOneMemory(accepted),
		deadLetters: records.flatMap(({ incoming, rejected, outcomes = 0 }) => {
			if (rejected === undefined) return [];
			const { code, what } = rejected;
			return [{ ...incoming, at: incoming.receivedAt, code, what, outcomes }];
		}),
		gaps: accepted.flatMap((one, row) => gapOf(one, row)),
	};
}

/** What is given away with a batch. */
export function memoryOf({ rows }: Batch): readonly ArrayBuffer[] {
	const memory = rows[0]?.bytes.buffer;
	return memory instanceof ArrayBuffer ? [memory] : [];
}

/** The rows that are to be stored, their bytes in one piece of memory. */
function inOneMemory(accepted: readonly Examined[]): readonly NewInboxRow[] {
	const memory = Buffer.allocUnsafeSlow(
		accepted.reduce((sum, { incoming: { bytes } }) => sum + bytes.length, 0),
	);
	let at = 0;
	return accepted.map(({ incoming, placed, outcomes = 0 }) => {
		const { agent, site, epoch, sequence, receivedAt, offset, bytes: own } = incoming;
		own.copy(memory, at);
		const bytes = memory.subarray(at, at + own.length);
		at += own.length;
		const extent = placed === undefined ? undefined : extentOf(placed);
		const row = { agent, site, epoch, sequence, receivedAt, offset, bytes, outcomes };
		return extent === undefined ? row : { ...row, extent };
	});
}

function gapOf({ incoming, placed }: Examined, row: number): readonly NewGap[] {
	if (placed?.record.kind !== "gap") return [];
	const { agent, epoch, site, sequence, offset } = incoming;
	const { from, to, reason, outcomes, sequences } = placed.record.gap;
	const gap = {
		row,
		agent,
		epoch,
		site,
		sequence,
		from: from + offset,
		to: to + offset,
		reason,
		outcomes,
		devices: placed.missing,
	};
	return [sequences === undefined ? gap : { ...gap, sequences }] as NewGap[];
}

/** The definitions that a record names. */
export function tableOf(record: DecodedRecord): readonly string[] {
	return record.kind === "outcomes" ? (record.groups[0]?.table ?? []) : [];
}

/** What no honest agent says: a time that nobody can place, a gap that reaches beyond its own record. */
export function unbelievable(
	record: DecodedRecord,
	{ sequence, receivedAt, offset }: IncomingRecord,
): string | undefined {
	if (record.kind === "gap") {
		const { sequences } = record.gap;
		return sequences !== undefined && sequences.to >= sequence
			? `A gap up to record ${sequences.to} came as record ${sequence}.`
			: undefined;
	}
	if (record.kind !== "outcomes") return undefined;
	const latest = receivedAt + AHEAD_MOST_MILLISECONDS;
	for (const { measuredAt } of record.groups) {
		for (let row = 0; row < measuredAt.length; row += 1) {
			const at = wallOf(record.time, measuredAt[row] as number) + offset;
			if (!(at >= 0 && at <= latest)) return `A reading of ${at} ms came at ${receivedAt} ms.`;
		}
	}
	return undefined;
}
