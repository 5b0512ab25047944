/**
 * Sums over the whole fleet, interval by interval: what charts of totals are made from.
 *
 * Takes the fleet sums of days that are closed, stored sums of devices for the others, and the readings of
 * hours that still run; gives one row an interval, use and label. Hours that were asked for stay in memory for a while, since a chart asks for them again
 * every minute.
 */
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../shared/units.js";
import { GPU_SECONDS, MINUTE_MILLISECONDS, SUMS } from "../derive/intervals.js";
import { type Edges, fixedEdges, zoneDayEdges } from "../derive/steps.js";
import type { Archive } from "./archive.js";
import { type DayFiles, hourOf, MILLISECONDS_PER_HOUR } from "./day-files.js";
import type { FleetSumsQuery, Labels, SumLabel } from "./device-state.js";
import { FleetRows, type FleetTrack } from "./fleet-rows.js";
import { devicesOf } from "./pack.js";
import { lowerBound } from "./runs.js";
import { MINUTES_PER_HOUR, sumsRows } from "./sums.js";
import { MILLISECONDS_PER_DAY, TIERS, type Tier } from "./tier-files.js";
import { daysWithin, type FleetLines, labelsIn, localDay, type Tiers } from "./tiers.js";
import type { Unsealed } from "./unsealed.js";

/** Hours kept in memory: about 3 KB a combination of site, rack and model. */
const HOURS_KEPT = 12;
/** Groups summed in one slice: about 10 ms. */
const GROUPS_AT_ONCE = 16;

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
	readonly unsealed: Unsealed;
	readonly tiers: Tiers;
	readonly timeZone: string;
	readonly labelsOf: (device: number, at: number) => Labels | undefined;
	/** Milliseconds of a clock that never steps: for slices. */
	readonly monotonic: () => number;
};

/** `next`: where the rest begins; absent where that was all. An interval may go on in the rest. */
export type FleetSumsSlice = { readonly tracks: readonly FleetTrack[]; readonly next?: number };

type FleetSpan = {
	readonly at: number;
	readonly end: number;
	readonly lines: FleetLines;
	readonly edges: Edges;
	readonly tierSeconds: number;
};

/** Tiers that have fleet sums of a UTC day, finest first. */
const FLEET_TIERS = TIERS.filter(({ tier }) => tier === "five-minute" || tier === "hour");

export class FleetSums {
	private readonly options: FleetSumsOptions;
	private readonly hours = new Map<number, Hour>();

	private readonly zoneDays: Edges;

	constructor(options: FleetSumsOptions) {
		this.options = options;
		this.zoneDays = zoneDayEdges(options.timeZone);
	}

	/** Sums for about so long, in order of time; only whole minutes up to `to`. */
	read(query: FleetSumsQuery, after: number | undefined, milliseconds: number): FleetSumsSlice {
		const stop = this.options.monotonic() + milliseconds;
		const rows = new FleetRows(query);
		const { to } = query;
		const at = after ?? query.from;
		let next: number = at;
		while (next < to && (next === at || this.options.monotonic() < stop)) {
			const end = this.addFrom(rows, query, next);
			// An hour that is not summed yet goes on in the next slice.
			if (end === next) break;
			next = end;
		}
		return { tracks: rows.tracks(), ...(next < to ? { next } : {}) };
	}

	/** Adds what one source has from `at` on; gives where it ends. */
	private addFrom(rows: FleetRows, query: FleetSumsQuery, at: number): number {
		const { to, tierSeconds, by, apart = [] } = query;
		const { tiers, timeZone } = this.options;
		const lines = linesFor(by === undefined ? apart : [by, ...apart]);
		if (tierSeconds === SECONDS_PER_DAY) {
			const end = this.wholeDays(at, to);
			const year = localDay(this.zoneDays(at), timeZone);
			if (end > at && this.addFleet(rows, "day", year, { at, end, lines, edges: this.zoneDays, tierSeconds }))
				return end;
		}
		const day = Math.floor(at / MILLISECONDS_PER_DAY);
		const edges = this.edgesOf(tierSeconds);
		const dayEnd = (day + 1) * MILLISECONDS_PER_DAY;
		const end = Math.min(to, dayEnd, tierSeconds === SECONDS_PER_DAY ? this.zoneDays(at).end : dayEnd);
		if (tiers.hasFleet(day)) {
			const finer = [...FLEET_TIERS]
				.reverse()
				.filter(({ seconds }) => tierSeconds % seconds === 0 && isOn(at, seconds) && isOn(end, seconds));
			for (const { tier } of finer)
				if (this.addFleet(rows, tier, day, { at, end, lines, edges, tierSeconds })) return end;
			if (!this.options.days.hasDay(new Date(at).toISOString().slice(0, 10))) {
				for (const { tier, seconds } of TIERS.slice(1)) {
					const own = this.edgesOf(seconds);
					const place = tier === "day" ? localDay(this.zoneDays(at), timeZone) : day;
					const from = at === query.from ? own(at).start : at;
					if (this.addFleet(rows, tier, place, { at: from, end, lines, edges: own, tierSeconds: seconds }))
						return end;
				}
			}
		}
		return this.addHour(rows, query, { at, edges });
	}

	private addFleet(
		rows: FleetRows,
		tier: Tier,
		day: number,
		{ at, end, lines, edges, tierSeconds }: FleetSpan,
	): boolean {
		const stored = this.options.tiers.fleet(tier, day, lines);
		if (stored === undefined) return false;
		// Rows of the step that is asked for stand where they are to stand.
		const isOwn = TIERS.some((one) => one.tier === tier && one.seconds === tierSeconds);
		for (const [line, run] of stored) {
			const { site = "", rack = "", model = "", owner = "", use = "", isGpu } = labelsIn(line);
			const labels = { site, rack, model, owner, use };
			const track = rows.track({ labels, isGpu, tierSeconds });
			if (isOwn) {
				track.addRun(run, at, end);
				continue;
			}
			const { times, sums } = sumsRows(run);
			const [low, high] = [lowerBound(times, at), lowerBound(times, end)];
			for (let row = low; row < high; row += 1)
				track.add(edges(times[row] as number).start, sums, row * SUMS);
		}
		return true;
	}

	private addHour(
		rows: FleetRows,
		{ from, to, tierSeconds }: FleetSumsQuery,
		{ at, edges }: { readonly at: number; readonly edges: Edges },
	): number {
		const hour = hourOf(at);
		const start = hour * MILLISECONDS_PER_HOUR;
		const end = Math.min(to, start + MILLISECONDS_PER_HOUR);
		const cells = this.hour(hour, end);
		if (cells === undefined) return at;
		for (const { labels, isGpu, sums } of cells.values()) {
			const track = rows.track({ labels, isGpu, tierSeconds });
			for (let minute = 0; minute < MINUTES_PER_HOUR; minute += 1) {
				const time = start + minute * MINUTE_MILLISECONDS;
				if (time < Math.max(at, from) || time >= end) continue;
				const own = sums.subarray(minute * SUMS, (minute + 1) * SUMS);
				// Of a minute in which nothing was known there is no row.
				if (own.every((sum) => sum === 0)) continue;
				track.add(edges(time).start, own);
			}
		}
		return end;
	}

	/** How far the site's days from `at` on are whole and closed, within one year. */
	private wholeDays(at: number, to: number): number {
		const { tiers, timeZone } = this.options;
		const year = yearOf(localDay(this.zoneDays(at), timeZone));
		let end = at;
		while (end < to) {
			const span = this.zoneDays(end);
			if (span.start !== end || span.end > to || yearOf(localDay(span, timeZone)) !== year) break;
			if (!daysWithin(span).every((day) => tiers.hasFleet(day))) break;
			end = span.end;
		}
		return end;
	}

	private edgesOf(seconds: number): Edges {
		return seconds === SECONDS_PER_DAY ? this.zoneDays : fixedEdges(seconds * MILLISECONDS_PER_SECOND);
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
		const { archive } = this.options;
		const unstored: number[] = [];
		for (const group of known.left.splice(-GROUPS_AT_ONCE)) {
			const stored = archive.storedSums({ hour, group });
			if (stored === undefined) unstored.push(group);
			else for (const { device, sums } of stored) this.add(known.cells, device, { hour, sums });
		}
		const devices = unstored.sort((one, other) => one - other).flatMap(devicesOf);
		for (const { device, sums } of archive.sumsOf(devices, hour, known.until))
			this.add(known.cells, device, { hour, sums });
		return known.left.length === 0 ? known.cells : undefined;
	}

	private begun(hour: number, until: number): Hour {
		const { days, unsealed } = this.options;
		const groups = new Set([
			// A reading holds into the hour after its own.
			...days.groupsOf(hour - 1),
			...days.groupsOf(hour),
			...unsealed.groupsBefore((hour + 1) * MILLISECONDS_PER_HOUR),
		]);
		const made: Hour = { until, left: [...groups], cells: new Map() };
		this.hours.delete(hour);
		this.hours.set(hour, made);
		const [oldest] = this.hours.keys();
		if (this.hours.size > HOURS_KEPT && oldest !== undefined) this.hours.delete(oldest);
		return made;
	}

	/** With the labels that the device had when the hour began. */
	private add(
		cells: Map<string, Cell>,
		device: number,
		{ hour, sums }: { readonly hour: number; readonly sums: Float64Array },
	): void {
		const labels = this.options.labelsOf(device, hour * MILLISECONDS_PER_HOUR);
		if (labels === undefined) return;
		let isGpu = false;
		for (let at = GPU_SECONDS; at < sums.length && !isGpu; at += SUMS) isGpu = (sums[at] ?? 0) > 0;
		const { site, rack, model, owner, use } = labels;
		const key = `${site}\n${rack}\n${model}\n${owner}\n${use}\n${isGpu}`;
		const cell = cells.get(key) ?? { labels, isGpu, sums: new Float64Array(MINUTES_PER_HOUR * SUMS) };
		cells.set(key, cell);
		for (const [index, sum] of sums.entries()) cell.sums[index] = (cell.sums[index] ?? 0) + sum;
	}
}

/** Sums by one label stand ready; by several, those of each combination are added up. */
function linesFor(labels: readonly SumLabel[]): FleetLines {
	const [only, ...others] = new Set(labels);
	return only === undefined ? "total" : others.length === 0 ? only : "each";
}

function isOn(at: number, seconds: number): boolean {
	return at % (seconds * MILLISECONDS_PER_SECOND) === 0;
}

function yearOf(day: number): number {
	return new Date(day * MILLISECONDS_PER_DAY).getUTCFullYear();
}
