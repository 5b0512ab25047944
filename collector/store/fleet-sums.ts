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

type Labels = Readonly<Record<SumLabel, string>>;
type Cell = { readonly labels: Labels; readonly isGpu: boolean; readonly sums: Float64Array };
type Hour = { readonly until: number; readonly cells: ReadonlyMap<string, Cell> };

export type FleetSumsOptions = {
	readonly archive: Archive;
	readonly days: DayFiles;
	readonly heads: Heads;
	readonly labelsOf: (device: number) => Labels | undefined;
};

export class FleetSums {
	private readonly options: FleetSumsOptions;
	private readonly hours = new Map<number, Hour>();

	constructor(options: FleetSumsOptions) {
		this.options = options;
	}

	/** Rows in order of time; only whole minutes up to `to`. */
	read({ from, to, tierSeconds, by }: FleetSumsQuery): readonly FleetSumsRow[] {
		const tier = tierSeconds * MILLISECONDS_PER_SECOND;
		const rows = new Map<string, { label: string; isGpu: boolean; from: number; sums: Float64Array }>();
		for (let hour = hourOf(from); hour * MILLISECONDS_PER_HOUR < to; hour += 1) {
			const start = hour * MILLISECONDS_PER_HOUR;
			const { cells } = this.hour(hour, Math.min(to, start + MILLISECONDS_PER_HOUR));
			for (const { labels, isGpu, sums } of cells.values()) {
				const label = by === undefined ? "" : labels[by];
				for (let minute = 0; minute < MINUTES_PER_HOUR; minute += 1) {
					const at = start + minute * MINUTE_MILLISECONDS;
					if (at < from || at >= to) continue;
					const first = Math.floor(at / tier) * tier;
					const key = `${first} ${isGpu} ${label}`;
					let row = rows.get(key);
					if (row === undefined) {
						row = { label, isGpu, from: first, sums: new Float64Array(SUMS) };
						rows.set(key, row);
					}
					for (let sum = 0; sum < SUMS; sum += 1)
						row.sums[sum] = (row.sums[sum] as number) + (sums[minute * SUMS + sum] ?? 0);
				}
			}
		}
		return [...rows.values()]
			.sort((one, other) => one.from - other.from)
			.map(({ label, isGpu, from: at, sums }) => {
				const { deviceNumber: _, ...row } = sumsRow(0, at, sums);
				return { ...row, from: quantity<UnixMilliseconds>(at), label, isGpu };
			});
	}

	/** Forgets what readings of [from, to] change, as far as it was summed. */
	touched(from: number, to: number): void {
		for (const [hour, { until }] of this.hours) {
			const start = hour * MILLISECONDS_PER_HOUR;
			// A reading holds into the hour after its own.
			if (from < until && to >= start - MILLISECONDS_PER_HOUR) this.hours.delete(hour);
		}
	}

	private hour(hour: number, until: number): Hour {
		const known = this.hours.get(hour);
		if (known !== undefined && known.until >= until) return known;
		const made = { until, cells: this.made(hour, until) };
		this.hours.delete(hour);
		this.hours.set(hour, made);
		const [oldest] = this.hours.keys();
		if (this.hours.size > HOURS_KEPT && oldest !== undefined) this.hours.delete(oldest);
		return made;
	}

	private made(hour: number, until: number): ReadonlyMap<string, Cell> {
		const { archive, days, heads } = this.options;
		const cells = new Map<string, Cell>();
		const groups = new Set([
			...days.groupsOf(hour),
			...heads.groupsBefore((hour + 1) * MILLISECONDS_PER_HOUR),
		]);
		for (const group of groups) {
			const place = { hour, group };
			const stored = archive.storedSums(place) ?? this.summed(place, until);
			for (const { device, sums } of stored) this.add(cells, device, sums);
		}
		return cells;
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
