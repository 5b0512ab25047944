/**
 * Hours that are over, from the inbox into day files, a slice at a time, so that commits and questions come
 * between.
 *
 * Takes what is not sealed; puts the readings of a few hundred devices together, then writes a few groups of
 * them at once. Lives in the storage worker.
 *
 * Invariants: an hour's records are forgotten only when all its groups are in their day file. What falls
 * in the middle is sealed again: equal readings become a part, which the merge joins with its row.
 */
import type { Archive } from "./archive.js";
import type { ChunkRun } from "./chunk.js";
import { MILLISECONDS_PER_HOUR } from "./day-files.js";
import { TableMemory } from "./hour-readings.js";
import { devicesOf } from "./pack.js";
import type { Unsealed, UnsealedRecord } from "./unsealed.js";

/** Values that are put together at once, about: 12 MB. */
const VALUES_LOADED = 3_000_000;
const GROUPS_LOADED_MOST = 32;
/** Rows that one transaction writes: sixteen devices each. */
const GROUPS_WRITTEN = 8;

export type Sealed = {
	/** Chunks written. */
	readonly chunks: number;
	/** Hours that are left, the one in work included. */
	readonly left: number;
};

type Pass = {
	/** Whether it is one of `due`. */
	readonly isDue: boolean;
	readonly hours: number[];
	readonly openFrom: number;
	steps: Generator<number, void> | undefined;
};

export type SealingOptions = {
	readonly archive: Archive;
	readonly unsealed: Unsealed;
	/** Milliseconds of a clock that never steps. */
	readonly monotonic: () => number;
};

export class Sealing {
	private readonly options: SealingOptions;
	private readonly memory = new TableMemory();
	private pass: Pass | undefined;

	constructor(options: SealingOptions) {
		this.options = options;
	}

	/** For about so long, what all its agents are past by their own readings. */
	due(milliseconds: number): Sealed {
		this.pass ??= passOf(this.options.unsealed.takeDue(), Number.POSITIVE_INFINITY, true);
		return this.go(milliseconds);
	}

	/** For about so long, what is of hours before `until`; hours that end after `openFrom` become parts. */
	before(
		{ until, openFrom }: { readonly until: number; readonly openFrom: number },
		milliseconds: number,
	): Sealed {
		const hours = () => this.options.unsealed.hours().filter((hour) => hour * MILLISECONDS_PER_HOUR < until);
		// Another's pass is brought to its end first.
		const isOther = this.pass?.isDue === true;
		this.pass ??= passOf(hours(), openFrom, false);
		const { chunks, left } = this.go(milliseconds);
		return { chunks, left: isOther ? left + 1 : left };
	}

	/** A failure leaves the pass where it was: it goes on from there. */
	private go(milliseconds: number): Sealed {
		const { pass } = this;
		if (pass === undefined) return { chunks: 0, left: 0 };
		const stop = this.options.monotonic() + milliseconds;
		let chunks = 0;
		while (pass.hours.length > 0 && this.options.monotonic() < stop) {
			const [hour] = pass.hours;
			if (hour === undefined) break;
			pass.steps ??= this.hour(hour, pass.openFrom);
			const step = this.next(pass);
			if (step.done !== true) {
				chunks += step.value;
				continue;
			}
			pass.steps = undefined;
			pass.hours.shift();
		}
		if (pass.hours.length === 0) this.pass = undefined;
		return { chunks, left: pass.hours.length };
	}

	private next(pass: Pass): IteratorResult<number, void> {
		try {
			return pass.steps?.next() ?? { done: true, value: undefined };
		} catch (error) {
			// A generator that threw is over: the hour begins anew, and what of it is stored becomes a part.
			pass.steps = undefined;
			throw error;
		}
	}

	private *hour(hour: number, openFrom: number): Generator<number, void> {
		const { archive, unsealed } = this.options;
		const records = [...unsealed.recordsOf(hour)];
		const groups = [...unsealed.groupsOf(hour)].sort((one, other) => one - other);
		const atOnce = groupsLoaded(records, groups.length);
		for (let from = 0; from < groups.length; from += atOnce) {
			const loaded = groups.slice(from, from + atOnce);
			const gathering = archive.gathered(records, hour, loaded.flatMap(devicesOf), this.memory);
			let runs: ReadonlyMap<number, readonly ChunkRun[]> | undefined;
			while (runs === undefined) {
				const step = gathering.next();
				if (step.done === true) runs = step.value;
				else yield 0;
			}
			for (let at = 0; at < loaded.length; at += GROUPS_WRITTEN)
				yield archive.seal(hour, loaded.slice(at, at + GROUPS_WRITTEN), { runs, openFrom });
		}
		unsealed.forget(hour, records.length);
	}
}

function groupsLoaded(records: readonly UnsealedRecord[], groups: number): number {
	const values = records.reduce((sum, record) => sum + record.values, 0);
	const fitting = Math.floor((VALUES_LOADED * groups) / Math.max(1, values));
	return Math.max(1, Math.min(GROUPS_LOADED_MOST, fitting));
}

function passOf(hours: readonly number[], openFrom: number, isDue: boolean): Pass | undefined {
	return hours.length === 0 ? undefined : { isDue, hours: [...hours], openFrom, steps: undefined };
}
