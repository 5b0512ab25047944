/** Rows of fleet sums, added up by what is asked for. Pure. */
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import { SUMS, sumsRow } from "../derive/intervals.js";
import type { FleetSumsQuery, FleetSumsRow, Labels, SumLabel } from "./device-state.js";

type RowKey = {
	readonly labels: Labels;
	readonly isGpu: boolean;
	readonly from: number;
	readonly tierSeconds: number;
};

/** Rows of an answer, added up by the label that is asked for. */
export class FleetRows {
	private readonly by: SumLabel | undefined;
	private readonly apart: readonly SumLabel[];
	private readonly rows = new Map<string, RowKey & { label: string; sums: Float64Array }>();

	constructor({ by, apart = [] }: Pick<FleetSumsQuery, "by" | "apart">) {
		this.by = by;
		this.apart = apart;
	}

	add({ labels, isGpu, from, tierSeconds }: RowKey, sums: Float64Array): void {
		const label = this.by === undefined ? "" : labels[this.by];
		let key = `${from} ${isGpu} ${tierSeconds} ${label}`;
		for (const name of this.apart) key += `\n${labels[name]}`;
		let row = this.rows.get(key);
		if (row === undefined) {
			row = { label, labels, isGpu, from, tierSeconds, sums: new Float64Array(SUMS) };
			this.rows.set(key, row);
		}
		for (let sum = 0; sum < SUMS; sum += 1) row.sums[sum] = (row.sums[sum] as number) + (sums[sum] as number);
	}

	all(): readonly FleetSumsRow[] {
		return [...this.rows.values()]
			.sort((one, other) => one.from - other.from)
			.map(({ label, labels, isGpu, from, tierSeconds, sums }) => {
				const { deviceNumber: _, ...row } = sumsRow(0, from, sums);
				const found = { ...row, from: quantity<UnixMilliseconds>(from), label, isGpu, tierSeconds };
				if (this.apart.length === 0) return found;
				return { ...found, labels: Object.fromEntries(this.apart.map((name) => [name, labels[name]])) };
			});
	}
}

/** Joins rows of slices, where an interval may stand in two of them. */
export function joinedRows(rows: readonly FleetSumsRow[]): readonly FleetSumsRow[] {
	const joined = new Map<string, FleetSumsRow>();
	for (const row of rows) {
		let key = `${row.from} ${row.isGpu} ${row.tierSeconds} ${row.label}`;
		if (row.labels !== undefined) key += `\n${Object.values(row.labels).join("\n")}`;
		const before = joined.get(key);
		joined.set(key, before === undefined ? row : added(before, row));
	}
	return [...joined.values()];
}

function added(one: FleetSumsRow, other: FleetSumsRow): FleetSumsRow {
	return {
		...one,
		joules: one.joules + other.joules,
		terahashes: one.terahashes + other.terahashes,
		joulesWithWork: one.joulesWithWork + other.joulesWithWork,
		terahashesWithPower: one.terahashesWithPower + other.terahashesWithPower,
		secondsUp: one.secondsUp + other.secondsUp,
		secondsDown: one.secondsDown + other.secondsDown,
		gpuSeconds: one.gpuSeconds + other.gpuSeconds,
	};
}
