/**
 * A decoded record with the devices and the times of its outcomes: what the present takes, and what the
 * storage worker is told of it.
 *
 * Takes a record and the catalogue; gives rows with devices and wall times. Pure but for devices that the
 * catalogue comes to know by it.
 */
import type { Gap } from "../../shared/wire/gap.js";
import { type DecodedRecord, wallOf } from "../../shared/wire/record.js";
import type { Catalogue } from "./catalogue.js";
import { hourOf } from "./day-files.js";
import type { PlacedRows } from "./present.js";
import type { RecordExtent } from "./unsealed.js";

export type PlacedRecord = {
	readonly record: DecodedRecord;
	/** By group; empty where the record has no outcomes. */
	readonly groups: readonly PlacedRows[];
	/** Of a gap: numbers of devices, and how many outcomes were their own. */
	readonly missing: readonly (readonly [number: number, outcomes: number])[];
};

export function placedRecord(
	record: DecodedRecord,
	{ agent, site, offset }: { readonly agent: string; readonly site: string; readonly offset: number },
	catalogue: Catalogue,
): PlacedRecord {
	if (record.kind === "gap") return { record, groups: [], missing: missingOf(record.gap) };
	if (record.kind !== "outcomes") return { record, groups: [], missing: [] };
	const groups = record.groups.map(({ kind, table, places, measuredAt }) => {
		const times = new Float64Array(measuredAt.length);
		for (let row = 0; row < times.length; row += 1)
			times[row] = wallOf(record.time, measuredAt[row] as number) + offset;
		const isReading = kind === "readings";
		return { times, devices: catalogue.resolveRows({ site, agent, isReading, table, places, times }) };
	});
	return { record, groups, missing: [] };

	function missingOf({ devices, to }: Gap): PlacedRecord["missing"] {
		return [...(devices ?? [])].flatMap(([hash, outcomes]) => {
			const device = catalogue.resolve({ hash, site, agent, at: to + offset, isReading: false });
			return device === undefined ? [] : [[device.number, outcomes] as const];
		});
	}
}

/** Undefined where it tells of no device. */
export function extentOf({ record, groups }: PlacedRecord): RecordExtent | undefined {
	const table = record.kind === "outcomes" ? record.groups[0]?.table : undefined;
	if (record.kind !== "outcomes" || table === undefined) return undefined;
	const numbers = new Int32Array(table.length);
	const rows = new Int32Array(table.length);
	const hours = new Set<number>();
	let from = Number.POSITIVE_INFINITY;
	let to = Number.NEGATIVE_INFINITY;
	let rowsADevice = 0;
	let values = 0;
	for (const [index, { devices, times }] of groups.entries()) {
		const group = record.groups[index];
		if (group === undefined) continue;
		const { places, count } = group;
		values += count * (1 + (group.kind === "readings" ? group.columns.length : 0));
		let hour = Number.NaN;
		for (let row = 0; row < times.length; row += 1) {
			const known = devices[row];
			if (known === undefined) continue;
			const place = places[row] as number;
			numbers[place] = known.number;
			rows[place] = (rows[place] as number) + 1;
			if ((rows[place] as number) > rowsADevice) rowsADevice = rows[place] as number;
			const at = times[row] as number;
			if (at < from) from = at;
			if (at > to) to = at;
			const own = hourOf(at);
			if (own === hour) continue;
			hour = own;
			hours.add(hour);
		}
	}
	return rowsADevice === 0 ? undefined : { numbers, rowsADevice, values, hours: [...hours], from, to };
}
