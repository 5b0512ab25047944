/**
 * Records of a full outbox → fewer: of each device one reading and one failure each five minutes, and how many
 * outcomes of which devices that leaves out. Pure.
 *
 * Times stay as they were: outcomes of one boot and one setting of its wall clock stand in records of that time.
 */
import type { RecordOutcome, RecordTime, ShapeLookup } from "../../shared/wire/outcome.js";
import {
	type DecodedRecord,
	encodeOutcomes,
	OUTCOMES_MOST,
	outcomesOf,
	RECORD_LONGEST_BYTES,
	RECORD_VALUES_MOST,
	wallOf,
} from "../../shared/wire/record.js";

const SLOT_MILLISECONDS = 5 * 60_000;
/** A wall clock that moved further against the monotonic one has been set. */
const SET_MILLISECONDS = 1_000;
/** Far enough below the longest record, since parts of several take somewhat more than their share. */
const PACK_AT_BYTES = RECORD_LONGEST_BYTES / 2;

export type OutcomesRecord = DecodedRecord & { readonly kind: "outcomes" };
export type ThinRecord = { readonly bytes: Buffer; readonly outcomes: number; readonly time: RecordTime };
export type Thinned = {
	/** In the order of their times. */
	readonly records: readonly ThinRecord[];
	readonly dropped: number;
	readonly devices: ReadonlyMap<string, number>;
	/** What stays of the newest five minutes, for the records that follow these. */
	readonly newest: KeptInSlot;
};
/** Of one stretch of five minutes: devices of which a reading, or a failure, stays. */
export type KeptInSlot = { readonly slot: number; readonly kept: ReadonlySet<string> };

/** @param before what the call for the records before these gave, since five minutes may be in both */
export function thinned(
	records: readonly OutcomesRecord[],
	shapes: ShapeLookup,
	before: KeptInSlot | undefined,
): Thinned {
	const slots = new Map<number, Set<string>>();
	if (before !== undefined) slots.set(before.slot, new Set(before.kept));
	let slot = 0;
	const devices = new Map<string, number>();
	const made: ThinRecord[] = [];
	let dropped = 0;
	let open: { readonly time: RecordTime; readonly kept: RecordOutcome[]; bytes: number } | undefined;
	const close = () => {
		if (open === undefined) return;
		const { time, kept } = open;
		made.push(...packed(time, kept, shapes));
		open = undefined;
	};
	const isFirst = (time: RecordTime, { device, kind, measuredAt }: RecordOutcome) => {
		slot = Math.floor(wallOf(time, measuredAt) / SLOT_MILLISECONDS);
		const seen = slots.get(slot) ?? new Set();
		slots.set(slot, seen);
		const key = `${device} ${kind}`;
		if (!seen.has(key)) {
			seen.add(key);
			return true;
		}
		dropped += 1;
		devices.set(device, (devices.get(device) ?? 0) + 1);
		return false;
	};
	for (const { time, bytes, groups } of records) {
		const all = outcomesOf(groups);
		const kept = all.filter((outcome) => isFirst(time, outcome));
		if (kept.length === 0) continue;
		// What a part of a record takes is about its part of the bytes.
		const share = (bytes * kept.length) / all.length;
		if (open !== undefined && (!goTogether(open.time, time) || open.bytes + share > PACK_AT_BYTES)) close();
		open = { time, kept: [...(open?.kept ?? []), ...kept], bytes: (open?.bytes ?? 0) + share };
	}
	close();
	return { records: made, dropped, devices, newest: { slot, kept: slots.get(slot) ?? new Set() } };
}

/** One record, or several where what stays takes more than its share and one would be longer than may be. */
function packed(
	time: RecordTime,
	kept: readonly RecordOutcome[],
	shapes: ShapeLookup,
): readonly ThinRecord[] {
	const bytes = encodeOutcomes(time, kept, shapes);
	const values = kept.reduce((sum, one) => sum + (one.kind === "reading" ? one.values.length : 0), 0);
	const isWithin =
		bytes.length <= RECORD_LONGEST_BYTES && kept.length <= OUTCOMES_MOST && values <= RECORD_VALUES_MOST;
	if (isWithin || kept.length === 1) return [{ bytes, outcomes: kept.length, time }];
	const half = kept.length >> 1;
	return [...packed(time, kept.slice(0, half), shapes), ...packed(time, kept.slice(half), shapes)];
}

function goTogether(before: RecordTime, now: RecordTime): boolean {
	const moved = now.wall - now.monotonic - (before.wall - before.monotonic);
	return before.boot === now.boot && Math.abs(moved) <= SET_MILLISECONDS;
}
