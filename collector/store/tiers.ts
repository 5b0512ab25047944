/**
 * Rollups of the past: made once a UTC day is over, read where they are the cheapest that is right.
 *
 * Takes sealed days from the archive; writes minutes, five minutes, hours and days of the site's zone of
 * each group of devices in one pass over its readings. Lives in the storage worker and works in slices, so
 * that commits and questions come between.
 *
 * Invariants: a group's day is marked as done when all its tiers are written; whatever changes the day
 * takes the mark away before it is stored, so that the tiers are made anew from the whole. Readings of a
 * day without a mark are answered from the readings. A day file goes only when all of it is marked.
 */
import { parseJson } from "../../shared/json.js";
import { GPU_SECONDS, MINUTE_MILLISECONDS, SUMS } from "../derive/intervals.js";
import { type Edges, fixedEdges, measurementOf, stepEdges, zoneDayEdges } from "../derive/steps.js";
import type { Archive } from "./archive.js";
import { type ChunkRun, decodeScaled, encodeChunk } from "./chunk.js";
import { columnKey } from "./column-key.js";
import { type DayFiles, type GroupHour, MILLISECONDS_PER_HOUR } from "./day-files.js";
import type { Column, Labels, SumLabel } from "./device-state.js";
import type { MainDatabase, TierMark } from "./main-database.js";
import { devicesOf, groupOf } from "./pack.js";
import type { DeviceChunk } from "./pack-files.js";
import { rollUp, rollUpAgain } from "./rollup.js";
import { asValues, cutRun, joinRuns, onlyColumns } from "./runs.js";
import { FORMER_SUM_COLUMNS, SUM_COLUMNS, type SumsRows, sumsRows, sumsRun } from "./sums.js";
import {
	dateText,
	dayNumber,
	MILLISECONDS_PER_DAY,
	TIERS,
	type Tier,
	type TierFile,
	type TierFiles,
	tierPlace,
} from "./tier-files.js";
import type { Unsealed } from "./unsealed.js";

/** In place of a group: the day's sums over the fleet are made, and every group is marked. */
const WHOLE_DAY = -1;
/** In place of a group: the day file was dropped; what comes still is added to the tiers. */
const DROPPED = -2;
const HOURS_PER_DAY = 24;
const SECONDS_PER_MINUTE = 60;
const SECONDS_PER_DAY = 86_400;
const MILLISECONDS_PER_SECOND = 1_000;
/** Groups whose sums are added up in one slice. */
const FLEET_GROUPS_AT_ONCE = 2;
const EMPTY: ChunkRun = { columns: [], times: new Float64Array(0), values: [] };

const MINUTES = fixedEdges(MINUTE_MILLISECONDS);
const FIVE_MINUTES = fixedEdges(5 * MINUTE_MILLISECONDS);
const HOURS = fixedEdges(MILLISECONDS_PER_HOUR);
const SUM_NAMES = new Set(SUM_COLUMNS.map(({ measurement }) => measurement));

/** Labels of fleet sums; without site, rack and model the whole fleet, or with `by` all that have one label alike. */
export type FleetLabels = Partial<Labels> & { readonly by?: SumLabel; readonly isGpu: boolean };

/** Sums by one of these stand ready. Not by rack: nearly each rack is a line of its own already. */
const READY_LABELS: readonly SumLabel[] = ["site", "model", "owner", "use"];

/** Which lines of fleet sums are asked for: of the whole fleet, by one label, or of each combination. */
export type FleetLines = "total" | "each" | SumLabel;

export type TiersOptions = {
	readonly files: TierFiles;
	readonly days: DayFiles;
	readonly unsealed: Unsealed;
	readonly archive: Archive;
	readonly main: MainDatabase;
	/** IANA name: where days begin. */
	readonly timeZone: string;
	readonly labelsOf: (device: number, at: number) => Labels | undefined;
	/** Milliseconds of a clock that never steps: for slices. */
	readonly monotonic: () => number;
};

export type StepQuery = {
	readonly deviceNumber: number;
	readonly from: number;
	readonly to: number;
	readonly stepSeconds: number;
	readonly columns?: readonly Pick<Column, "measurement" | "component">[];
};

/** Rows of intervals; `tierSeconds` is how long each is: the step, or more where nothing finer is left. */
export type StepRun = { readonly tierSeconds: number; readonly run: ChunkRun };

/** `next`: where the rest begins; absent where that was all. */
export type Steps = { readonly runs: readonly StepRun[]; readonly next?: number };

type Span = { readonly start: number; readonly end: number };
/** What one device has of a day: measurements and sums, by tier. */
type DeviceDay = { readonly device: number } & Readonly<Record<Tier, { rows: ChunkRun; sums: ChunkRun }>>;

export class Tiers {
	private readonly options: TiersOptions;
	private readonly marks = new Map<number, Set<number>>();
	private readonly zoneDays: Edges;
	private closing: Generator<void, void> | undefined;
	/** The group that is being closed, and whether it changed meanwhile. */
	private current: { readonly day: number; readonly group: number; isStale: boolean } | undefined;

	constructor(options: TiersOptions) {
		this.options = options;
		this.zoneDays = zoneDayEdges(options.timeZone);
		for (const { day, deviceGroup } of options.main.tiersDone()) this.marksOf(day).add(deviceGroup);
	}

	/** Takes away the marks of days that are about to change. */
	touched(places: readonly GroupHour[]): void {
		const remove: TierMark[] = [];
		for (const { hour, group } of places) {
			const day = Math.floor(hour / HOURS_PER_DAY);
			if (this.current?.day === day && this.current.group === group) this.current.isStale = true;
			const marks = this.marks.get(day);
			for (const deviceGroup of [group, WHOLE_DAY])
				if (marks?.has(deviceGroup) === true) remove.push({ day, deviceGroup });
		}
		if (remove.length === 0) return;
		this.options.main.markTiers({ add: [], remove });
		for (const { day, deviceGroup } of remove) this.marks.get(day)?.delete(deviceGroup);
	}

	/** What devices are called in [from, to) changed: sums of these days are made anew while their readings are there. */
	relabelled({ from, to }: { readonly from: number; readonly to: number }): void {
		const remove: TierMark[] = [];
		for (const date of this.options.days.days()) {
			const day = dayNumber(date);
			if (day * MILLISECONDS_PER_DAY >= to || (day + 1) * MILLISECONDS_PER_DAY <= from) continue;
			if (this.marks.get(day)?.delete(WHOLE_DAY) === true) remove.push({ day, deviceGroup: WHOLE_DAY });
		}
		if (remove.length > 0) this.options.main.markTiers({ add: [], remove });
	}

	/** Closes days that ended before `before` for about so long; says whether it has more to do. */
	close(before: number, milliseconds: number): boolean {
		const end = this.options.monotonic() + milliseconds;
		this.closing ??= this.closeDays(before);
		try {
			do {
				if (this.closing.next().done === true) {
					this.closing = undefined;
					return false;
				}
			} while (this.options.monotonic() < end);
			return true;
		} catch (error) {
			this.closing = undefined;
			this.current = undefined;
			throw error;
		}
	}

	/** Removes day files before `before` whose tiers are all there; gives their days. */
	dropDaysBefore(before: number): readonly string[] {
		const first = Math.floor(before / MILLISECONDS_PER_DAY);
		const dropped = this.options.days.days().filter((day) => dayNumber(day) < first);
		return dropped.filter((day) => this.dropDay(day));
	}

	/** Removes files of a tier that ended before `before`. */
	dropTierBefore(tier: Tier, before: number): readonly string[] {
		const old = this.options.files.list().filter((file) => file.tier === tier && file.to <= before);
		for (const { name } of old) this.options.files.drop(name);
		return old.map(({ name }) => name);
	}

	/** Removes one file; a day file only where its tiers are all there. Says whether it did. */
	dropFile(name: string): boolean {
		const file = this.options.files.list().find((one) => one.name === name);
		if (file === undefined) return false;
		if (file.tier === "raw") return this.dropDay(dateText(file.from / MILLISECONDS_PER_DAY));
		this.options.files.drop(name);
		return true;
	}

	list(): readonly TierFile[] {
		return this.options.files.list();
	}

	/**
	 * Steps of one device from `after` on, for about so long: what the tiers have, else the readings.
	 *
	 * @returns runs in the order of time, whose first and last steps may go on in the calls before and after
	 */
	steps(query: StepQuery, after: number | undefined, milliseconds: number): Steps {
		const { stepSeconds, from, to } = query;
		const edges = stepEdges(stepSeconds, this.options.timeZone);
		const at = after ?? edges(from).start;
		const stop = this.options.monotonic() + milliseconds;
		const end = edges(to - 1).end;
		const runs: StepRun[] = [];
		let next = at;
		while (next < end && (next === at || this.options.monotonic() < stop)) {
			const part = this.part(query, { start: next, end }, edges);
			if (part.run.times.length > 0) runs.push(part);
			next = part.end;
		}
		return { runs, ...(next < end ? { next } : {}) };
	}

	/** Whether a day's sums over the fleet are in its tiers. */
	hasFleet(day: number): boolean {
		if (this.marks.get(day)?.has(WHOLE_DAY) === true || this.isDropped(day)) return true;
		return !this.options.days.hasDay(dateText(day)) && this.options.files.exists(tierPlace("hour", day, 0));
	}

	/**
	 * Sums over the fleet, of a day or, in the day tier, of its year; undefined where the tier has no such file any
	 * more. Where no sums by a label stand ready (files of before), those of each combination.
	 */
	fleet(tier: Tier, day: number, wanted: FleetLines): ReadonlyMap<string, ChunkRun> | undefined {
		const { files } = this.options;
		const place = tierPlace(tier, day, 0);
		if (!files.exists(place)) return undefined;
		if (wanted === "total") return decodedFleet(files.fleet(place, TOTAL_LINES));
		const ready = wanted === "each" ? undefined : files.fleet(place, readyLines(wanted));
		if (ready !== undefined && ready.size > 0) return decodedFleet(ready);
		return decodedFleet(files.fleet(place, EACH_LINES));
	}

	private marksOf(day: number): Set<number> {
		const known = this.marks.get(day);
		if (known !== undefined) return known;
		const made = new Set<number>();
		this.marks.set(day, made);
		return made;
	}

	private mark(day: number, deviceGroup: number): void {
		this.options.main.markTiers({ add: [{ day, deviceGroup }], remove: [] });
		this.marksOf(day).add(deviceGroup);
	}

	private dropDay(date: string): boolean {
		const day = dayNumber(date);
		const marks = this.marksOf(day);
		if (!marks.has(WHOLE_DAY)) return false;
		const remove = [...marks].map((deviceGroup) => ({ day, deviceGroup }));
		this.options.main.markTiers({ add: [{ day, deviceGroup: DROPPED }], remove });
		this.marks.set(day, new Set([DROPPED]));
		this.options.days.dropDay(date);
		return true;
	}

	private *closeDays(before: number): Generator<void, void> {
		const { days, unsealed } = this.options;
		const known = days.days().map(dayNumber);
		// Of a day in which nobody was heard there may be what the last hour before it ended with.
		for (const day of [...new Set(known.flatMap((one) => [one, one + 1]))].sort((a, b) => a - b)) {
			const end = (day + 1) * MILLISECONDS_PER_DAY;
			if (end > before) break;
			if (this.marks.get(day)?.has(WHOLE_DAY) === true) continue;
			for (const group of this.groupsOf(day)) {
				if (this.marks.get(day)?.has(group) === true) continue;
				if (!unsealed.holdsBefore(group, end)) yield* this.closeGroup(day, group);
				yield;
			}
			if (this.areDone(day)) yield* this.closeFleet(day);
		}
	}

	/** Whether all groups of a day have their tiers. */
	private areDone(day: number): boolean {
		return this.groupsOf(day).every((group) => this.marks.get(day)?.has(group) === true);
	}

	/** Groups that have anything of a day: what the last hour of the day before was heard of holds into it. */
	private groupsOf(day: number): readonly number[] {
		const { days } = this.options;
		return [...new Set([...days.groupsOf(day * HOURS_PER_DAY - 1), ...days.groupsOfDay(dateText(day))])];
	}

	private isDropped(day: number): boolean {
		return this.marks.get(day)?.has(DROPPED) === true;
	}

	private *closeGroup(day: number, group: number): Generator<void, void> {
		const { archive, days } = this.options;
		const current = { day, group, isStale: false };
		this.current = current;
		const hours = Array.from({ length: HOURS_PER_DAY }, (_, hour) => day * HOURS_PER_DAY + hour);
		for (const hour of hours) archive.mergePlace({ hour, group });
		yield;
		const sums = new Map<number, ChunkRun[]>();
		for (const hour of hours) {
			const stored = archive.storedSums({ hour, group });
			// Something came for the day meanwhile; it is closed when that is sealed.
			if (stored === undefined) return;
			for (const { device, sums: own } of stored) {
				const run = sumsRun({ from: hour * MILLISECONDS_PER_HOUR, step: MINUTE_MILLISECONDS }, own);
				sums.set(device, [...(sums.get(device) ?? []), run]);
			}
		}
		yield;
		const found: DeviceDay[] = [];
		for (const device of devicesOf(group)) {
			const pieces: ChunkRun[] = [];
			for (const hour of hours) {
				const from = hour * MILLISECONDS_PER_HOUR;
				const run = archive.run(device, { from, to: from + MILLISECONDS_PER_HOUR });
				if (run.times.length > 0) pieces.push(rollUp(run, MINUTES));
			}
			const own = sums.get(device) ?? [];
			if (pieces.length + own.length > 0) found.push(this.deviceDay(day, device, pieces, own));
			yield;
		}
		const isStale = current.isStale;
		this.current = undefined;
		if (isStale) return;
		this.write(day, group, found);
		// What was added to tiers that stand for more must not be added again.
		if (this.isDropped(day)) days.dropGroup(dateText(day), group);
		else this.mark(day, group);
	}

	private deviceDay(
		day: number,
		device: number,
		pieces: readonly ChunkRun[],
		minuteSums: readonly ChunkRun[],
	): DeviceDay {
		const isAdded = this.isDropped(day);
		// Of a day whose readings are gone, what comes late is added to what is there, which keeps its last.
		const added = (table: "rows" | "sums", tier: Tier, run: ChunkRun, edges: Edges) =>
			isAdded ? rollUpAgain([run, this.stored(table, tier, day, device)], edges) : run;
		const tiers = (table: "rows" | "sums", given: readonly ChunkRun[]) => {
			const minute = joinRuns(given);
			const five = rollUpAgain([minute], FIVE_MINUTES);
			const hour = rollUpAgain([five], HOURS);
			const days = this.daysOf(table, day, device, { five, hour, isAdded });
			return {
				minute: added(table, "minute", minute, MINUTES),
				"five-minute": added(table, "five-minute", five, FIVE_MINUTES),
				hour: added(table, "hour", hour, HOURS),
				day: days,
			};
		};
		const [rows, sums] = [tiers("rows", pieces), tiers("sums", minuteSums)];
		const both = (tier: Tier) => ({ rows: rows[tier], sums: sums[tier] });
		return {
			device,
			minute: both("minute"),
			"five-minute": both("five-minute"),
			hour: both("hour"),
			day: both("day"),
		};
	}

	/** Rows of the site's days that the UTC day has a part of, whole as far as the tiers of its neighbours are there. */
	private daysOf(
		table: "rows" | "sums",
		day: number,
		device: number,
		{ five, hour, isAdded }: { readonly five: ChunkRun; readonly hour: ChunkRun; readonly isAdded: boolean },
	): ChunkRun {
		if (isAdded) return rollUpAgain([five], this.zoneDays);
		const rows = this.zoneDaysOf(day).map(({ start, end }) => {
			const isWholeHours = start % MILLISECONDS_PER_HOUR === 0 && end % MILLISECONDS_PER_HOUR === 0;
			const pieces = daysWithin({ start, end }).map((one) => {
				const run = isWholeHours ? hour : five;
				const own =
					one === day ? run : this.stored(table, isWholeHours ? "hour" : "five-minute", one, device);
				return cutRun(own, start, end);
			});
			return rollUpAgain(filled(pieces), this.zoneDays);
		});
		return joinRuns(rows);
	}

	private zoneDaysOf(day: number): readonly Span[] {
		const spans: Span[] = [];
		const end = (day + 1) * MILLISECONDS_PER_DAY;
		for (let at = day * MILLISECONDS_PER_DAY; at < end; at = spans.at(-1)?.end ?? end)
			spans.push(this.zoneDays(at));
		return spans;
	}

	private write(day: number, group: number, found: readonly DeviceDay[]): void {
		const isAdded = this.isDropped(day);
		for (const { tier } of TIERS) {
			if (tier === "day") continue;
			const chunks = (table: "rows" | "sums") =>
				found.flatMap((one) => chunkOf(one.device, one[tier][table]) ?? []);
			const place = tierPlace(tier, day, group);
			// A file that retention took must not come back with the late readings alone.
			if (isAdded && !this.options.files.exists(place)) continue;
			this.options.files.write(place, { rows: chunks("rows"), sums: chunks("sums") });
		}
		const spans = this.zoneDaysOf(day);
		for (const [year, own] of byYear(spans, this.options.timeZone)) {
			const place = tierPlace("day", year, group);
			if (isAdded && !this.options.files.exists(place)) continue;
			const chunks = (table: "rows" | "sums") => {
				const before = new Map(
					this.options.files.read(table, place).map((chunk) => [chunk.device, decodedRun(chunk)]),
				);
				const fresh = new Map(found.map((one) => [one.device, one.day[table]]));
				return [...new Set([...before.keys(), ...fresh.keys()])].flatMap((device) => {
					const known = before.get(device) ?? EMPTY;
					const within = own.map(({ start, end }) => cutRun(fresh.get(device) ?? EMPTY, start, end));
					const run = isAdded
						? rollUpAgain(filled([...within, known]), this.zoneDays)
						: joinRuns([...(fresh.has(device) ? without(known, own) : [known]), ...within]);
					return chunkOf(device, run) ?? [];
				});
			};
			this.options.files.write(place, { rows: chunks("rows"), sums: chunks("sums") });
		}
	}

	/** What a tier has of a device's day; of the day tier of its year. */
	private stored(table: "rows" | "sums", tier: Tier, day: number, device: number): ChunkRun {
		const chunk = this.options.files
			.read(table, tierPlace(tier, day, groupOf(device)))
			.find((one) => one.device === device);
		return chunk === undefined ? EMPTY : decodedRun(chunk);
	}

	/** Adds up the sums of all groups of a day whose groups are all done. */
	private *closeFleet(day: number): Generator<void, void> {
		const { files } = this.options;
		const cells = new FleetCells(day * MILLISECONDS_PER_DAY, this.options.labelsOf);
		const place = tierPlace("five-minute", day, 0);
		if (this.isDropped(day) && !files.exists(place)) {
			this.mark(day, WHOLE_DAY);
			return;
		}
		const groups = files.groups(place);
		for (const [index, group] of groups.entries()) {
			for (const chunk of files.read("sums", { ...place, group })) {
				const decoded = decodeScaled(chunk.bytes, chunk.columns);
				if (decoded.ok) cells.add(chunk.device, sumsRows(decoded.run));
			}
			if (index % FLEET_GROUPS_AT_ONCE === FLEET_GROUPS_AT_ONCE - 1) yield;
		}
		yield;
		// A group that changed meanwhile has no mark any more; it is closed again at the next time.
		if (!this.areDone(day)) return;
		const five = withReadyLines(cells.runs(), FIVE_MINUTES);
		const hour = new Map([...five].map(([labels, run]) => [labels, rollUpAgain([run], HOURS)]));
		files.writeFleet(place, encoded(five));
		files.writeFleet(tierPlace("hour", day, 0), encoded(hour));
		this.writeFleetDays(day, five);
		this.mark(day, WHOLE_DAY);
	}

	private writeFleetDays(day: number, five: ReadonlyMap<string, ChunkRun>): void {
		const { files, timeZone } = this.options;
		const spans = this.zoneDaysOf(day);
		const around = new Map(
			[...new Set(spans.flatMap(daysWithin))].map((one) => [
				one,
				one === day
					? five
					: withReadyLines(decodedFleet(files.fleet(tierPlace("five-minute", one, 0))), FIVE_MINUTES),
			]),
		);
		for (const [year, own] of byYear(spans, timeZone)) {
			const place = tierPlace("day", year, 0);
			const before = withReadyLines(decodedFleet(files.fleet(place)), this.zoneDays);
			const labels = new Set([...before.keys(), ...[...around.values()].flatMap((one) => [...one.keys()])]);
			const rows = new Map<string, ChunkRun>();
			for (const line of [...labels].sort()) {
				const fresh = own.map(({ start, end }) =>
					rollUpAgain(
						filled([...around.values()].map((one) => cutRun(one.get(line) ?? EMPTY, start, end))),
						this.zoneDays,
					),
				);
				const run = joinRuns([...without(before.get(line) ?? EMPTY, own), ...fresh]);
				if (run.times.length > 0) rows.set(line, run);
			}
			files.writeFleet(place, encoded(rows));
		}
	}

	/** The next part of an answer: as much as one source has, at most a year. */
	private part(query: StepQuery, { start, end }: Span, edges: Edges): StepRun & { readonly end: number } {
		const { stepSeconds } = query;
		if (stepSeconds % SECONDS_PER_DAY === 0) {
			const days = this.wholeDays(query.deviceNumber, { start, end });
			if (days > start) {
				const run = this.wanted(query, "day", { start, end: days });
				return { tierSeconds: stepSeconds, run: rollUpAgain([run], edges), end: days };
			}
		}
		const day = Math.floor(start / MILLISECONDS_PER_DAY);
		const next = Math.min(
			end,
			(day + 1) * MILLISECONDS_PER_DAY,
			edgeWithin(this.zoneDays, start, stepSeconds),
		);
		const isClosed = this.isClosed(query.deviceNumber, day);
		const aligned = (seconds: number) =>
			stepSeconds % seconds === 0 &&
			start % (seconds * MILLISECONDS_PER_SECOND) === 0 &&
			(next === end || next % (seconds * MILLISECONDS_PER_SECOND) === 0);
		const there = TIERS.filter(
			({ tier }) => isClosed && this.options.files.exists(this.placeOf(tier, day, query)),
		);
		const best = there.filter(({ tier, seconds }) => tier !== "day" && aligned(seconds)).at(-1);
		if (best !== undefined) {
			const run = this.wanted(query, best.tier, { start, end: next });
			return { tierSeconds: stepSeconds, run: rollUpAgain([run], edges), end: next };
		}
		const [coarser] = there;
		if (coarser === undefined || (this.options.days.hasDay(dateText(day)) && !this.isDropped(day))) {
			const hourEnd = Math.min(next, (Math.floor(start / MILLISECONDS_PER_HOUR) + 1) * MILLISECONDS_PER_HOUR);
			return {
				tierSeconds: stepSeconds,
				run: this.fromReadings(query, { start, end: hourEnd }, edges),
				end: hourEnd,
			};
		}
		const tierSeconds = Math.ceil(stepSeconds / coarser.seconds) * coarser.seconds;
		const own = stepEdges(tierSeconds, this.options.timeZone);
		// The interval that the question begins in, whole.
		const from = start === query.from || start === edges(query.from).start ? own(start).start : start;
		const run = this.wanted(query, coarser.tier, { start: from, end: next });
		return { tierSeconds, run: rollUpAgain([run], own), end: next };
	}

	/** How far from `start` on the site's days are whole in the day tier, within one file. */
	private wholeDays(device: number, { start, end }: Span): number {
		let at = start;
		let name: string | undefined;
		while (at < end) {
			const span = this.zoneDays(at);
			if (span.start !== at || !daysWithin(span).every((day) => this.isClosed(device, day))) break;
			const place = tierPlace("day", localDay(span, this.options.timeZone), groupOf(device));
			if (place.name !== (name ?? place.name) || !this.options.files.exists(place)) break;
			name = place.name;
			at = span.end;
		}
		return at;
	}

	private placeOf(tier: Tier, day: number, { deviceNumber }: StepQuery) {
		const own =
			tier === "day" ? localDay(this.zoneDays(day * MILLISECONDS_PER_DAY), this.options.timeZone) : day;
		return tierPlace(tier, own, groupOf(deviceNumber));
	}

	/** Whether the tiers have all there is of a device's day. */
	private isClosed(device: number, day: number): boolean {
		const marks = this.marks.get(day);
		if (marks?.has(DROPPED) === true) return true;
		const end = (day + 1) * MILLISECONDS_PER_DAY;
		if (this.options.unsealed.holdsBefore(groupOf(device), end)) return false;
		return marks?.has(groupOf(device)) === true || !this.options.days.hasDay(dateText(day));
	}

	/** Measurements and sums that are asked for, of [start, end). */
	private wanted(query: StepQuery, tier: Tier, { start, end }: Span): ChunkRun {
		const wants = wantedColumns(query);
		const day = Math.floor(start / MILLISECONDS_PER_DAY);
		const year = localDay(this.zoneDays(start), this.options.timeZone);
		const runs = (["rows", "sums"] as const).map((table) => {
			if (table === "sums" && !wants.hasSums) return EMPTY;
			if (table === "rows" && !wants.hasMeasurements) return EMPTY;
			const place = tierPlace(tier, tier === "day" ? year : day, groupOf(query.deviceNumber));
			const chunk = this.options.files.read(table, place).find(({ device }) => device === query.deviceNumber);
			return chunk === undefined ? EMPTY : cutRun(decodedRun(chunk, wants.isWanted), start, end);
		});
		return joinRuns(runs);
	}

	private fromReadings(query: StepQuery, { start, end }: Span, edges: Edges): ChunkRun {
		const wants = wantedColumns(query);
		const { archive } = this.options;
		const hour = Math.floor(start / MILLISECONDS_PER_HOUR);
		const pieces: ChunkRun[] = [];
		if (wants.hasMeasurements) {
			const isWanted = (column: Column) => wants.isWanted(column);
			pieces.push(rollUp(archive.run(query.deviceNumber, { from: start, to: end }, isWanted), edges));
		}
		if (wants.hasSums) {
			const step = greatestCommonDivisor(query.stepSeconds, SECONDS_PER_MINUTE) * MILLISECONDS_PER_SECOND;
			const until = Math.min(end, (hour + 1) * MILLISECONDS_PER_HOUR);
			const sums = archive.sums(query.deviceNumber, hour, until, step);
			const run = sumsRun({ from: hour * MILLISECONDS_PER_HOUR, step }, sums);
			pieces.push(rollUpAgain([onlyColumns(cutRun(run, start, end), wants.isWanted)], edges));
		}
		return rollUpAgain(filled(pieces), edges);
	}
}

/** Sums of a UTC day's five minutes by site, rack, model and use, and by use alone. */
class FleetCells {
	private readonly from: number;
	private readonly labelsOf: TiersOptions["labelsOf"];
	private readonly cells = new Map<string, Float64Array>();

	constructor(from: number, labelsOf: TiersOptions["labelsOf"]) {
		this.from = from;
		this.labelsOf = labelsOf;
	}

	add(device: number, { times, sums }: SumsRows): void {
		const isGpu = times.some((_, index) => (sums[index * SUMS + GPU_SECONDS] as number) > 0);
		let [hour, cells]: [number, readonly Float64Array[]] = [Number.NaN, []];
		for (const [index, at] of times.entries()) {
			// A device that moves counts where it stood when the hour began, as in the sums of hours.
			const began = Math.floor(at / MILLISECONDS_PER_HOUR) * MILLISECONDS_PER_HOUR;
			if (began !== hour) [hour, cells] = [began, this.cellsOf(device, { at: began, isGpu })];
			const first = Math.floor((at - this.from) / FIVE_MINUTES_LENGTH) * SUMS;
			for (const cell of cells)
				for (let place = 0; place < SUMS; place += 1)
					cell[first + place] = (cell[first + place] as number) + (sums[index * SUMS + place] as number);
		}
	}

	private cellsOf(
		device: number,
		{ at, isGpu }: { readonly at: number; readonly isGpu: boolean },
	): readonly Float64Array[] {
		const labels = this.labelsOf(device, at);
		if (labels === undefined) return [];
		return [fleetLine({ isGpu }), fleetLine({ ...labels, isGpu })].map((line) => {
			const cell =
				this.cells.get(line) ?? new Float64Array((MILLISECONDS_PER_DAY / FIVE_MINUTES_LENGTH) * SUMS);
			this.cells.set(line, cell);
			return cell;
		});
	}

	runs(): ReadonlyMap<string, ChunkRun> {
		const sorted = [...this.cells].sort(([one], [other]) => (one < other ? -1 : 1));
		return new Map(
			sorted.map(([line, sums]) => [line, sumsRun({ from: this.from, step: FIVE_MINUTES_LENGTH }, sums)]),
		);
	}
}
const FIVE_MINUTES_LENGTH = 5 * MINUTE_MILLISECONDS;

/** Labels as they stand in the files: always in this order. */
function fleetLine({ by, site, rack, model, owner, use, isGpu }: FleetLabels): string {
	// Owner and use stand only where somebody said them: files of before stay as they are.
	return JSON.stringify({ by, site, rack, model, owner: owner || undefined, use: use || undefined, isGpu });
}

/** How lines begin: those of one kind are read without the others. */
const TOTAL_LINES = '{"isGpu"';
const EACH_LINES = '{"site"';

function readyLines(by: SumLabel): string {
	return `{"by":"${by}"`;
}

/** The lines of each combination, added up by each label that sums stand ready for; what there is of these is made anew. */
function withReadyLines(runs: ReadonlyMap<string, ChunkRun>, edges: Edges): ReadonlyMap<string, ChunkRun> {
	const parts = new Map<string, ChunkRun[]>();
	const found = new Map([...runs].filter(([line]) => !line.startsWith('{"by"')));
	for (const [line, run] of found) {
		if (!line.startsWith(EACH_LINES)) continue;
		const labels = labelsIn(line);
		for (const by of READY_LABELS) {
			const ready = fleetLine({ by, [by]: labels[by], isGpu: labels.isGpu });
			const known = parts.get(ready);
			if (known === undefined) parts.set(ready, [run]);
			else known.push(run);
		}
	}
	for (const [line, own] of parts) found.set(line, rollUpAgain(own, edges));
	return new Map([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
}

export function labelsIn(line: string): FleetLabels {
	const parsed = parseJson(line, LABELS_LIMITS);
	return parsed.ok ? (parsed.value as unknown as FleetLabels) : { isGpu: false };
}
const LABELS_LIMITS = { bytes: 4_096, depth: 2, keys: 8 };

type Wants = {
	readonly isWanted: (column: Pick<Column, "measurement" | "component">) => boolean;
	readonly hasSums: boolean;
	readonly hasMeasurements: boolean;
};

function wantedColumns({ columns }: StepQuery): Wants {
	if (columns === undefined) return { isWanted: () => true, hasSums: true, hasMeasurements: true };
	const keys = new Set(columns.map(columnKey));
	return {
		isWanted: (column) => keys.has(columnKey({ ...column, measurement: measurementOf(column.measurement) })),
		hasSums: columns.some(({ measurement }) => SUM_NAMES.has(measurement)),
		hasMeasurements: columns.some(({ measurement }) => !SUM_NAMES.has(measurement)),
	};
}

/** Days since 1970, UTC, that a span has a part of. */
export function daysWithin({ start, end }: Span): readonly number[] {
	const first = Math.floor(start / MILLISECONDS_PER_DAY);
	const last = Math.floor((end - 1) / MILLISECONDS_PER_DAY);
	return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** The site's day as its calendar says it: which year's file it stands in. */
export function localDay({ start, end }: Span, timeZone: string): number {
	let format = formats.get(timeZone);
	if (format === undefined) {
		format = new Intl.DateTimeFormat("sv-SE", { timeZone });
		formats.set(timeZone, format);
	}
	return dayNumber(format.format((start + end) / 2));
}
/** Making one costs as much as a thousand uses. */
const formats = new Map<string, Intl.DateTimeFormat>();

function byYear(spans: readonly Span[], timeZone: string): ReadonlyMap<number, readonly Span[]> {
	const years = new Map<number, Span[]>();
	for (const span of spans) {
		const first = dayNumber(`${dateText(localDay(span, timeZone)).slice(0, 4)}-01-01`);
		years.set(first, [...(years.get(first) ?? []), span]);
	}
	return years;
}

function edgeWithin(zoneDays: Edges, start: number, stepSeconds: number): number {
	return stepSeconds % SECONDS_PER_DAY === 0 ? zoneDays(start).end : Number.POSITIVE_INFINITY;
}

function without(run: ChunkRun, spans: readonly Span[]): readonly ChunkRun[] {
	const start = Math.min(...spans.map((span) => span.start));
	const end = Math.max(...spans.map((span) => span.end));
	return filled([
		cutRun(run, Number.NEGATIVE_INFINITY, start),
		cutRun(run, end, Number.POSITIVE_INFINITY),
	]).map((one) => joinRuns([one]));
}

function filled(runs: readonly ChunkRun[]): readonly ChunkRun[] {
	return runs.filter(({ times }) => times.length > 0);
}

function chunkOf(device: number, run: ChunkRun): DeviceChunk | undefined {
	return run.times.length === 0 ? undefined : { device, columns: run.columns, bytes: encodeChunk(run) };
}

/** A chunk that cannot be read is as none: its neighbours are read. */
function decodedRun({ columns, bytes }: DeviceChunk, wanted?: (column: Column) => boolean): ChunkRun {
	const decoded = decodeScaled(bytes, columns, wanted);
	return decoded.ok ? decoded.run : EMPTY;
}

function encoded(runs: ReadonlyMap<string, ChunkRun>): ReadonlyMap<string, Buffer> {
	const filledRuns = [...runs].filter(([, run]) => run.times.length > 0);
	return new Map(filledRuns.map(([labels, run]) => [labels, encodeChunk(withSums(run))]));
}

/** All sums in their order: fleet rows have no schema of their own. */
function withSums(run: ChunkRun): ChunkRun {
	const places = new Map(run.columns.map(({ measurement }, index) => [measurement, index]));
	return {
		columns: SUM_COLUMNS,
		times: run.times,
		values: SUM_COLUMNS.map(({ measurement, decimals }) => {
			const place = places.get(measurement) ?? -1;
			const [values, own] = [run.values[place], run.columns[place]?.decimals ?? 0];
			if (values === undefined) return new Float64Array(run.times.length).fill(Number.NaN);
			return own === decimals ? values : asValues(values, own);
		}),
	};
}

/** Their columns are not said beside them; a chunk's checksum tells whether they are those of before. */
function decodedFleet(rows: ReadonlyMap<string, Buffer>): ReadonlyMap<string, ChunkRun> {
	return new Map(
		[...rows].map(([labels, bytes]) => {
			for (const columns of [SUM_COLUMNS, ...FORMER_SUM_COLUMNS]) {
				const decoded = decodeScaled(bytes, columns);
				if (decoded.ok) return [labels, decoded.run];
			}
			return [labels, EMPTY];
		}),
	);
}

function greatestCommonDivisor(one: number, other: number): number {
	return other === 0 ? one : greatestCommonDivisor(other, one % other);
}
