/**
 * Sums over the whole fleet, minute by minute: what charts of totals are made from.
 *
 * Takes stored sums of devices, and the readings of hours that still run; gives one row an interval, use
 * and label. Hours that were asked for stay in memory for a while, since a chart asks for them again
 * every minute.
 */
import { MILLISECONDS_PER_SECOND, quantity, type UnixMilliseconds } from "../../shared/units.js";
import { GPU_SECONDS, MINUTE_MILLISECONDS, SUMS, sumsRow } from "../derive/intervals.js";
import type { Archive } from "./archive.js";
import { type DayFiles, hourOf, MILLISECONDS_PER_HOUR } from "./day-files.js";
import type { FleetSumsQuery, FleetSumsRow, SumLabel } from "./device-state.js";
import type { Heads } from "./heads.js";
import { devicesOf } from "./pack.js";
import { MINUTES_PER_HOUR } from "./sums.js";

/** Hours kept in memory: about 3 KB a combination of site, rack and model. */
const HOURS_KEPT = 12;
/** Groups summed in one slice: about 10 ms. */
const GROUPS_AT_ONCE = 32;

type Labels = Readonly<Record<SumLabel, string>>;
type Cell = { readonly labels: Labels; readonly isGpu: boolean; readonly sums: Float64Array };
type Hour = {
	readonly until: number;
	/** Groups that are not added yet. */
	readonly left: number[];
	readonly cells: Map<string, Cell>;
};

export type FleetSumsOptions = {
	readonly archive: Archive;
	readonly days: DayFiles;
	readonly heads: Heads;
	readonly labelsOf: (device: number) => Labels | undefined;
};

type Span = { readonly from: number; readonly to: number; readonly tier: number };
type Rows = { readonly label: string; readonly isGpu: boolean; readonly sums: Float64Array };

export class FleetSums {
	private readonly options: FleetSumsOptions;
	private readonly hours = new Map<number, Hour>();

	constructor(options: FleetSumsOptions) {
		this.options = options;
	}

	/**
	 * Rows in order of time; undefined where more has to be summed first: then ask again, so that other work
	 * comes between.
	 *
	 * @param query a span of whole intervals
	 */
	read({ from, to, tierSeconds, by }: FleetSumsQuery): readonly FleetSumsRow[] | undefined {
		const span: Span = { from, to, tier: tierSeconds * MILLISECONDS_PER_SECOND };
		const rows = new Map<string, Rows>();
		for (let hour = hourOf(from); hour * MILLISECONDS_PER_HOUR < to; hour += 1) {
			const start = hour * MILLISECONDS_PER_HOUR;
			const cells = this.hour(hour, Math.min(to, start + MILLISECONDS_PER_HOUR));
			if (cells === undefined) return undefined;
			for (const { labels, isGpu, sums } of cells.values()) {
				const label = by === undefined ? "" : labels[by];
				const key = `${isGpu} ${label}`;
				const own = rows.get(key) ?? { label, isGpu, sums: emptySums(span) };
				rows.set(key, own);
				addMinutes(own.sums, span, sums, start);
			}
		}
		return [...rows.values()].flatMap((own) => rowsOf(own, span)).sort((one, other) => one.from - other.from);
	}

	/** Forgets what readings of [from, to] change, as far as it was summed. */
	touched(from: number, to: number): void {
		for (const [hour, { until }] of this.hours) {
			const start = hour * MILLISECONDS_PER_HOUR;
			// A reading holds into the hour after its own.
			if (from < until && to >= start - MILLISECONDS_PER_HOUR) this.hours.delete(hour);
		}
	}

	/** An hour's cells; undefined after a slice of work where they are not complete yet. */
	private hour(hour: number, until: number): ReadonlyMap<string, Cell> | undefined {
		let known = this.hours.get(hour);
		if (known === undefined || known.until < until) known = this.begun(hour, until);
		for (let groups = 0; groups < GROUPS_AT_ONCE; groups += 1) {
			const group = known.left.pop();
			if (group === undefined) return known.cells;
			const place = { hour, group };
			const stored = this.options.archive.storedSums(place) ?? this.summed(place, known.until);
			for (const { device, sums } of stored) this.add(known.cells, device, sums);
		}
		return known.left.length === 0 ? known.cells : undefined;
	}

	private begun(hour: number, until: number): Hour {
		const { days, heads } = this.options;
		const groups = new Set([
			...days.groupsOf(hour),
			...heads.groupsBefore((hour + 1) * MILLISECONDS_PER_HOUR),
		]);
		const made: Hour = { until, left: [...groups], cells: new Map() };
		this.hours.delete(hour);
		this.hours.set(hour, made);
		const [oldest] = this.hours.keys();
		if (this.hours.size > HOURS_KEPT && oldest !== undefined) this.hours.delete(oldest);
		return made;
	}

	private summed(place: { readonly hour: number; readonly group: number }, until: number) {
		const { archive, days, heads } = this.options;
		const devices = new Set(days.hour(place).chunks.map(({ device }) => device));
		for (const device of devicesOf(place.group)) if (heads.head(device) !== undefined) devices.add(device);
		return [...devices].map((device) => ({ device, sums: archive.sums(device, place.hour, until) }));
	}

	private add(cells: Map<string, Cell>, device: number, sums: Float64Array): void {
		const labels = this.options.labelsOf(device);
		if (labels === undefined) return;
		let isGpu = false;
		for (let at = GPU_SECONDS; at < sums.length && !isGpu; at += SUMS) isGpu = (sums[at] ?? 0) > 0;
		const key = `${labels.site}\n${labels.rack}\n${labels.model}\n${isGpu}`;
		const cell = cells.get(key) ?? { labels, isGpu, sums: new Float64Array(MINUTES_PER_HOUR * SUMS) };
		cells.set(key, cell);
		for (const [index, sum] of sums.entries()) cell.sums[index] = (cell.sums[index] ?? 0) + sum;
	}
}

function emptySums({ from, to, tier }: Span): Float64Array {
	return new Float64Array(Math.max(0, Math.ceil((to - from) / tier)) * SUMS);
}

/** Adds an hour's minutes to the intervals that they lie in. */
function addMinutes(into: Float64Array, { from, to, tier }: Span, sums: Float64Array, start: number): void {
	for (let minute = 0; minute < MINUTES_PER_HOUR; minute += 1) {
		const at = start + minute * MINUTE_MILLISECONDS;
		if (at < from || at >= to) continue;
		const first = Math.floor((at - from) / tier) * SUMS;
		for (let sum = 0; sum < SUMS; sum += 1)
			into[first + sum] = (into[first + sum] as number) + (sums[minute * SUMS + sum] ?? 0);
	}
}

function rowsOf({ label, isGpu, sums }: Rows, { from, tier }: Span): readonly FleetSumsRow[] {
	const rows: FleetSumsRow[] = [];
	for (let at = 0; at < sums.length; at += SUMS) {
		const own = sums.subarray(at, at + SUMS);
		if (own.every((sum) => sum === 0)) continue;
		const start = quantity<UnixMilliseconds>(from + (at / SUMS) * tier);
		const { deviceNumber: _, ...row } = sumsRow(0, start, own);
		rows.push({ ...row, label, isGpu });
	}
	return rows;
}
