/**
 * What of the inbox is not sealed yet, hour by hour: which records, and which devices they tell of.
 *
 * Takes committed records in the order of the inbox; says which hours may be sealed. The readings stay in
 * the inbox: memory goes with the number of records, a few dozen bytes each. Lives in the storage worker.
 *
 * Invariants: a record stands in each hour that it has an outcome of, until all of that hour is sealed.
 */
import { MILLISECONDS_PER_HOUR } from "./day-files.js";
import { groupOf } from "./pack.js";

/** An hour is sealed so long after its end, by its agents' own time, so that what was under way is in. */
const GRACE_MILLISECONDS = 2 * 60 * 1_000;
/** Lists of devices that an agent's records take turns with. */
const LISTS_KEPT_MOST = 16;

/** What the thread that decodes says of a record. */
export type RecordExtent = {
	/** Devices by place of the record's table of definitions; 0 where a place is of none. */
	readonly numbers: Int32Array;
	/** Most outcomes of one device. */
	readonly rowsADevice: number;
	/** Of all its outcomes, the polls' results among them. */
	readonly values: number;
	/** Hours since 1970 that it has an outcome of. */
	readonly hours: readonly number[];
	/** Unix ms of its oldest and newest outcome. */
	readonly from: number;
	readonly to: number;
};

export type UnsealedRecord = {
	/** In the inbox. */
	readonly id: number;
	/** Whose it is, by site and name. */
	readonly agent: string;
	readonly numbers: Int32Array;
	readonly rowsADevice: number;
	readonly values: number;
	/** Of the devices. */
	readonly least: number;
	readonly most: number;
};

type DeviceList = { readonly numbers: Int32Array; readonly least: number; readonly most: number };
type Hour = {
	readonly records: UnsealedRecord[];
	readonly agents: Set<string>;
	readonly groups: Set<number>;
	/** Whose groups are in. */
	readonly lists: Set<Int32Array>;
};

export class Unsealed {
	private readonly byHour = new Map<number, Hour>();
	private readonly newestBy = new Map<string, number>();
	private readonly listsBy = new Map<string, DeviceList[]>();
	private hasCrossed = false;

	/** @param agent whose record it is, by site and name */
	add(id: number, agent: string, { numbers, rowsADevice, values, hours, to }: RecordExtent): void {
		const list = this.shared(agent, numbers);
		if (list.most === 0) return;
		const record: UnsealedRecord = { id, agent, rowsADevice, values, ...list };
		for (const hour of hours) this.put(hour, record);
		const before = this.newestBy.get(agent) ?? Number.NEGATIVE_INFINITY;
		if (to <= before) return;
		this.newestBy.set(agent, to);
		if (closedUntil(to) > closedUntil(before)) this.hasCrossed = true;
	}

	/** Whether an hour may have become due since the last look. */
	get mayBeDue(): boolean {
		return this.hasCrossed;
	}

	/** Hours that all their agents are past, by their readings; what came late for hours before is among them. */
	takeDue(): readonly number[] {
		this.hasCrossed = false;
		return this.hours().filter((hour) =>
			[...(this.byHour.get(hour)?.agents ?? [])].every(
				(agent) => closedUntil(this.newestBy.get(agent) ?? 0) > hour,
			),
		);
	}

	/** In order. */
	hours(): readonly number[] {
		return [...this.byHour.keys()].sort((one, other) => one - other);
	}

	recordsOf(hour: number): readonly UnsealedRecord[] {
		return this.byHour.get(hour)?.records ?? [];
	}

	groupsOf(hour: number): ReadonlySet<number> {
		return this.byHour.get(hour)?.groups ?? NO_GROUPS;
	}

	/** Groups of hours that begin before `end`. */
	groupsBefore(end: number): ReadonlySet<number> {
		const groups = new Set<number>();
		for (const [hour, own] of this.byHour)
			if (hour * MILLISECONDS_PER_HOUR < end) for (const group of own.groups) groups.add(group);
		return groups;
	}

	holdsBefore(group: number, end: number): boolean {
		for (const [hour, { groups }] of this.byHour)
			if (hour * MILLISECONDS_PER_HOUR < end && groups.has(group)) return true;
		return false;
	}

	/** Forgets the first `count` records of an hour: they are sealed. */
	forget(hour: number, count: number): void {
		const own = this.byHour.get(hour);
		if (own === undefined) return;
		const left = own.records.slice(count);
		this.byHour.delete(hour);
		for (const record of left) this.put(hour, record);
	}

	/** The oldest inbox row that is not sealed; undefined where all are. */
	firstId(): number | undefined {
		let first: number | undefined;
		for (const { records } of this.byHour.values()) {
			const id = records[0]?.id;
			if (id !== undefined && (first === undefined || id < first)) first = id;
		}
		return first;
	}

	private put(hour: number, record: UnsealedRecord): void {
		let own = this.byHour.get(hour);
		if (own === undefined) {
			own = { records: [], agents: new Set(), groups: new Set(), lists: new Set() };
			this.byHour.set(hour, own);
		}
		own.records.push(record);
		own.agents.add(record.agent);
		if (own.lists.has(record.numbers)) return;
		own.lists.add(record.numbers);
		for (const number of record.numbers) if (number > 0) own.groups.add(groupOf(number));
	}

	/** An agent's records name the same devices in turns: each list is kept once. */
	private shared(agent: string, numbers: Int32Array): DeviceList {
		const lists = this.listsBy.get(agent) ?? [];
		this.listsBy.set(agent, lists);
		for (const list of lists) if (areEqual(list.numbers, numbers)) return list;
		let least = Number.MAX_SAFE_INTEGER;
		let most = 0;
		for (const number of numbers) {
			if (number === 0) continue;
			if (number < least) least = number;
			if (number > most) most = number;
		}
		const list = { numbers, least, most };
		lists.unshift(list);
		if (lists.length > LISTS_KEPT_MOST) lists.pop();
		return list;
	}
}

const NO_GROUPS: ReadonlySet<number> = new Set();

/** Hours before this one are over for an agent whose newest reading is of `newest`. */
function closedUntil(newest: number): number {
	return Math.floor((newest - GRACE_MILLISECONDS) / MILLISECONDS_PER_HOUR);
}

function areEqual(one: Int32Array, other: Int32Array): boolean {
	if (one.length !== other.length) return false;
	for (let index = 0; index < one.length; index += 1) if (one[index] !== other[index]) return false;
	return true;
}
