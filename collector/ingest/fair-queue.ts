/**
 * Records that wait for their commit: for each lane a line of every agent, in its own order. Pure.
 *
 * A batch is taken from all lines of the live lane in turn, a record each, then from those of the backfill: so the
 * present waits for no past, and an agent which sends all that it is allowed holds up itself and nobody else.
 */
import { grouped } from "../../shared/grouped.js";
import type { Lane } from "../../shared/wire/messages.js";
import type { IncomingRecord } from "../store/incoming.js";

const RECORDS_AT_ONCE = 1_000;
/** What is decoded and applied between two looks at the sockets: about 8 ms of work. */
const BYTES_AT_ONCE = 256 * 1_024;
/** One agent's part of it in a lane: who comes next waits no longer than for that. */
const BYTES_OF_AGENT_AT_ONCE = 64 * 1_024;
/** One batch in so many begins with the backfill: where the present takes all there is, the past comes slowly, not never. */
const BATCHES_TO_BACKFILL_FIRST = 8;

export type WaitingRecord = IncomingRecord & { readonly lane: Lane };

/** Two sites may each have an agent of one name. */
type Sender = Pick<IncomingRecord, "site" | "agent">;
const nameOf = ({ site, agent }: Sender) => `${site}/${agent}`;

type Line = { records: WaitingRecord[]; next: number };
/** Whose turn comes first stands first. */
type Lines = Map<string, Line>;
type Batch = { readonly records: WaitingRecord[]; bytes: number };

export class FairQueue {
	private readonly lanes: Readonly<Record<Lane, Lines>> = { live: new Map(), backfill: new Map() };
	private readonly bytes = new Map<string, number>();
	private count = 0;
	private batches = 0;

	get size(): number {
		return this.count;
	}

	bytesOf(sender: Sender): number {
		return this.bytes.get(nameOf(sender)) ?? 0;
	}

	add(record: WaitingRecord): void {
		this.weigh(record, 1);
		const lines = this.lanes[record.lane];
		const name = nameOf(record);
		const line = lines.get(name);
		if (line === undefined) lines.set(name, { records: [record], next: 0 });
		else line.records.push(record);
		this.count += 1;
	}

	/** When the oldest came of those that wait in a lane. */
	oldestAt(lane: Lane): number | undefined {
		let oldest: number | undefined;
		for (const { records, next } of this.lanes[lane].values()) {
			const at = records[next]?.receivedAt;
			if (at !== undefined && (oldest === undefined || at < oldest)) oldest = at;
		}
		return oldest;
	}

	/** At least one where there is one. */
	take(): readonly WaitingRecord[] {
		this.batches += 1;
		const { live, backfill } = this.lanes;
		const isPastFirst = this.batches % BATCHES_TO_BACKFILL_FIRST === 0;
		const batch: Batch = { records: [], bytes: 0 };
		for (const lines of isPastFirst ? [backfill, live] : [live, backfill]) takeInTurn(lines, batch);
		for (const record of batch.records) this.weigh(record, -1);
		this.count -= batch.records.length;
		return batch.records;
	}

	/** What could not be committed, as it was taken. */
	putBack(batch: readonly WaitingRecord[]): void {
		for (const record of batch) this.weigh(record, 1);
		for (const lane of ["live", "backfill"] as const) {
			const bySender = grouped(
				batch.filter((record) => record.lane === lane),
				nameOf,
			);
			for (const [name, records] of bySender) {
				const line = this.lanes[lane].get(name);
				this.lanes[lane].set(name, { records: [...records, ...leftOf(line)], next: 0 });
			}
		}
		this.count += batch.length;
	}

	forget(sender: Sender, epoch: string): void {
		const name = nameOf(sender);
		for (const lines of Object.values(this.lanes)) {
			const left = leftOf(lines.get(name));
			const kept = left.filter((record) => record.epoch !== epoch);
			for (const record of left) if (record.epoch === epoch) this.weigh(record, -1);
			this.count -= left.length - kept.length;
			if (kept.length === 0) lines.delete(name);
			else lines.set(name, { records: kept, next: 0 });
		}
	}

	private weigh(record: WaitingRecord, sign: 1 | -1): void {
		const now = this.bytesOf(record) + sign * record.bytes.length;
		if (now > 0) this.bytes.set(nameOf(record), now);
		else this.bytes.delete(nameOf(record));
	}
}

function takeInTurn(lines: Lines, batch: Batch): void {
	const taken = new Map<string, number>();
	let turns = [...lines];
	while (turns.length > 0 && batch.records.length < RECORDS_AT_ONCE) {
		const more: typeof turns = [];
		for (const [name, line] of turns) {
			const record = line.records[line.next];
			if (record === undefined) continue;
			const { length } = record.bytes;
			const own = (taken.get(name) ?? 0) + length;
			const isFull = batch.bytes + length > BYTES_AT_ONCE || batch.records.length >= RECORDS_AT_ONCE;
			if (isFull && batch.records.length > 0) {
				more.length = 0;
				break;
			}
			if (taken.has(name) && own > BYTES_OF_AGENT_AT_ONCE) continue;
			line.next += 1;
			taken.set(name, own);
			batch.bytes += length;
			batch.records.push(record);
			more.push([name, line]);
		}
		turns = more;
	}
	for (const name of taken.keys()) toTheEnd(lines, name);
}

function toTheEnd(lines: Lines, name: string): void {
	const left = leftOf(lines.get(name));
	lines.delete(name);
	if (left.length > 0) lines.set(name, { records: left, next: 0 });
}

function leftOf(line: Line | undefined): WaitingRecord[] {
	return line === undefined ? [] : line.records.slice(line.next);
}
