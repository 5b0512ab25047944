/**
 * The unsealed readings of all devices, in the storage worker's memory.
 *
 * Takes committed records in the order of the inbox; says which groups of devices have an hour to seal.
 * What stands here stands in the inbox too, so that a crash loses none of it.
 */
import { type DecodedRecord, wallOf } from "../../shared/wire/record.js";
import { MILLISECONDS_PER_HOUR } from "./day-files.js";
import type { Column } from "./device-state.js";
import { GRACE_MILLISECONDS, Head, type HeadSchema, headSchema, PACK_ROWS_LEAST } from "./head.js";
import { devicesOf, groupOf } from "./pack.js";

/** Beyond this, heads are packed: 160,000 series of ten seconds fill it in a quarter of an hour. */
const HEADS_UNPACKED_MOST_BYTES = 48 * 1_024 * 1_024;

export type HeadsRow = {
	readonly id: number;
	readonly site: string;
	/** What its agent's wall clock lacks, ms. */
	readonly offset: number;
};

export class Heads {
	private readonly byDevice = new Map<number, Head>();
	private readonly schemas = new Map<string, HeadSchema>();
	private readonly due = new Set<number>();
	private bytes = 0;
	private packAtBytes = HEADS_UNPACKED_MOST_BYTES;

	/**
	 * Adds a record's outcomes.
	 *
	 * @param numbersOf devices of a site by definition; an outcome of one that is not known has no place
	 * @param onTime is told the span of what came
	 */
	append(
		record: DecodedRecord,
		{ id, site, offset }: HeadsRow,
		names: {
			readonly numbersOf: (site: string) => ReadonlyMap<string, number> | undefined;
			readonly onTime: (from: number, to: number) => void;
		},
	): void {
		const numbers = names.numbersOf(site);
		if (record.kind !== "outcomes" || numbers === undefined) return;
		for (const group of record.groups) {
			let from = Number.POSITIVE_INFINITY;
			let to = Number.NEGATIVE_INFINITY;
			const schema = group.kind === "readings" ? this.schemaOf(group.shape, group.columns) : undefined;
			for (let row = 0; row < group.count; row += 1) {
				const device = numbers.get(group.devices[row] as string);
				if (device === undefined) continue;
				const at = wallOf(record.time, group.measuredAt[row] as number) + offset;
				if (at < from) from = at;
				if (at > to) to = at;
				const head = this.headOf(device);
				const before = head.bytes;
				// Once an hour a device: what comes late for hours before waits for the job that seals.
				const isClosing = head.newestAt < head.closesAt && at >= head.closesAt;
				if (group.kind === "failures") head.addFailure(group.codes[row] ?? "", at, id);
				else if (schema !== undefined) head.addReading(schema, at, id, group.values, row);
				this.bytes += head.bytes - before;
				if (isClosing) this.due.add(groupOf(device));
			}
			if (to >= from) names.onTime(from, to);
		}
		if (this.bytes > this.packAtBytes) this.pack();
	}

	head(device: number): Head | undefined {
		return this.byDevice.get(device);
	}

	devices(): IterableIterator<number> {
		return this.byDevice.keys();
	}

	get bytesHeld(): number {
		return this.bytes;
	}

	/** Groups that have a closed hour by their own newest reading; at most `most`, which are no longer due. */
	takeDue(most: number): readonly { readonly group: number; readonly until: number }[] {
		const taken = [...this.due].slice(0, most);
		for (const group of taken) this.due.delete(group);
		return taken.map((group) => ({ group, until: this.closedUntil(group) }));
	}

	get groupsDue(): number {
		return this.due.size;
	}

	/** Puts back a group whose sealing failed. */
	putBack(group: number): void {
		this.due.add(group);
	}

	/** Groups that hold readings of before `until`. */
	groupsBefore(until: number): readonly number[] {
		const groups = new Set<number>();
		for (const [device, head] of this.byDevice) if (head.oldestAt < until) groups.add(groupOf(device));
		return [...groups];
	}

	/** Forgets what is sealed. */
	drop(device: number, until: number): void {
		const head = this.byDevice.get(device);
		if (head === undefined) return;
		this.bytes -= head.bytes;
		head.drop(until);
		this.bytes += head.bytes;
	}

	/** The oldest inbox row that is not sealed; undefined where all are. */
	firstId(): number | undefined {
		let first: number | undefined;
		for (const head of this.byDevice.values()) {
			const id = head.firstId();
			if (id !== undefined) first = Math.min(first ?? id, id);
		}
		return first;
	}

	private closedUntil(group: number): number {
		let newest = 0;
		for (const device of devicesOf(group))
			newest = Math.max(newest, this.byDevice.get(device)?.newestAt ?? 0);
		return Math.floor((newest - GRACE_MILLISECONDS) / MILLISECONDS_PER_HOUR) * MILLISECONDS_PER_HOUR;
	}

	private headOf(device: number): Head {
		const known = this.byDevice.get(device);
		if (known !== undefined) return known;
		const head = new Head();
		this.byDevice.set(device, head);
		return head;
	}

	private schemaOf(shape: string, columns: readonly unknown[]): HeadSchema {
		const known = this.schemas.get(shape);
		if (known !== undefined) return known;
		const made = headSchema(columns as readonly Column[]);
		this.schemas.set(shape, made);
		return made;
	}

	private pack(): void {
		this.bytes = 0;
		for (const head of this.byDevice.values()) {
			if (head.rowsUnpacked >= PACK_ROWS_LEAST) head.pack();
			this.bytes += head.bytes;
		}
		// What cannot be packed yet must not be tried again with every record.
		this.packAtBytes = Math.max(HEADS_UNPACKED_MOST_BYTES, this.bytes + HEADS_UNPACKED_MOST_BYTES / 4);
	}
}
