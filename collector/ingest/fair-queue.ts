/**
 * Records that wait for their commit: a line for each agent, in its own order. Pure.
 *
 * A batch is taken from all lines in turn, a record each, so that an agent which sends all that it is allowed holds up
 * itself and nobody else.
 */
import type { IncomingRecord } from "../store/incoming.js";

const RECORDS_AT_ONCE = 1_000;
/** What is decoded and applied between two looks at the sockets: about 8 ms of work. */
const BYTES_AT_ONCE = 256 * 1_024;
/** One agent's part of it: who comes next waits no longer than for that. */
const BYTES_OF_AGENT_AT_ONCE = 64 * 1_024;

/** Two sites may each have an agent of one name. */
type Sender = Pick<IncomingRecord, "site" | "agent">;
const nameOf = ({ site, agent }: Sender) => `${site}/${agent}`;

type Line = { records: IncomingRecord[]; next: number };

export class FairQueue {
	/** Whose turn comes first stands first. */
	private readonly lines = new Map<string, Line>();
	private readonly bytes = new Map<string, number>();
	private count = 0;

	get size(): number {
		return this.count;
	}

	bytesOf(sender: Sender): number {
		return this.bytes.get(nameOf(sender)) ?? 0;
	}

	add(record: IncomingRecord): void {
		this.weigh(record, 1);
		const name = nameOf(record);
		const line = this.lines.get(name);
		if (line === undefined) this.lines.set(name, { records: [record], next: 0 });
		else line.records.push(record);
		this.count += 1;
	}

	/** At least one where there is one. */
	take(): readonly IncomingRecord[] {
		const batch: IncomingRecord[] = [];
		const taken = new Map<string, number>();
		let bytes = 0;
		let turns = [...this.lines];
		while (turns.length > 0 && batch.length < RECORDS_AT_ONCE) {
			const more: typeof turns = [];
			for (const [agent, line] of turns) {
				const record = line.records[line.next];
				if (record === undefined) continue;
				const own = (taken.get(agent) ?? 0) + record.bytes.length;
				const isFirst = batch.length === 0;
				if (!isFirst && (bytes + record.bytes.length > BYTES_AT_ONCE || batch.length >= RECORDS_AT_ONCE)) {
					more.length = 0;
					break;
				}
				if (taken.has(agent) && own > BYTES_OF_AGENT_AT_ONCE) continue;
				line.next += 1;
				bytes += record.bytes.length;
				taken.set(agent, own);
				batch.push(record);
				more.push([agent, line]);
			}
			turns = more;
		}
		for (const record of batch) this.weigh(record, -1);
		for (const agent of taken.keys()) this.toTheEnd(agent);
		this.count -= batch.length;
		return batch;
	}

	/** What could not be committed, as it was taken. */
	putBack(batch: readonly IncomingRecord[]): void {
		const bySender = new Map<string, IncomingRecord[]>();
		for (const record of batch) {
			this.weigh(record, 1);
			const name = nameOf(record);
			bySender.set(name, [...(bySender.get(name) ?? []), record]);
		}
		for (const [name, records] of bySender) {
			const line = this.lines.get(name);
			const left = line === undefined ? [] : line.records.slice(line.next);
			this.lines.set(name, { records: [...records, ...left], next: 0 });
		}
		this.count += batch.length;
	}

	forget(sender: Sender, epoch: string): void {
		const name = nameOf(sender);
		const line = this.lines.get(name);
		if (line === undefined) return;
		const left = line.records.slice(line.next);
		const kept = left.filter((record) => record.epoch !== epoch);
		for (const record of left) if (record.epoch === epoch) this.weigh(record, -1);
		this.count -= left.length - kept.length;
		if (kept.length === 0) this.lines.delete(name);
		else this.lines.set(name, { records: kept, next: 0 });
	}

	private weigh(record: IncomingRecord, sign: 1 | -1): void {
		const now = this.bytesOf(record) + sign * record.bytes.length;
		if (now > 0) this.bytes.set(nameOf(record), now);
		else this.bytes.delete(nameOf(record));
	}

	private toTheEnd(agent: string): void {
		const line = this.lines.get(agent);
		this.lines.delete(agent);
		if (line === undefined || line.next >= line.records.length) return;
		this.lines.set(agent, { records: line.records.slice(line.next), next: 0 });
	}
}
