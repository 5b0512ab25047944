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
	outcomesOf,
	RECORD_LONGEST_BYTES,
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
};

export function thinned(records: readonly OutcomesRecord[], shapes: ShapeLookup): Thinned {
	const seen = new Set<string>();
	const devices = new Map<string, number>();
	const made: ThinRecord[] = [];
	let dropped = 0;
	let open: { readonly time: RecordTime; readonly kept: RecordOutcome[]; bytes: number } | undefined;
	const close = () => {
		if (open === undefined) return;
		const { time, kept } = open;
		made.push({ bytes: encodeOutcomes(time, kept, shapes), outcomes: kept.length, time });
		open = undefined;
	};
	const isFirst = (time: RecordTime, { device, kind, measuredAt }: RecordOutcome) => {
		const slot = Math.floor(wallOf(time, measuredAt) / SLOT_MILLISECONDS);
		const key = `${device} ${slot} ${kind}`;
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
	return { records: made, dropped, devices };
}

function goTogether(before: RecordTime, now: RecordTime): boolean {
	const moved = now.wall - now.monotonic - (before.wall - before.monotonic);
	return before.boot === now.boot && Math.abs(moved) <= SET_MILLISECONDS;
}
