/**
 * The past of all devices: what is sealed in day files, and what still stands in the heads.
 *
 * Seals closed hours, merges parts, reads runs and the sums made from them. Lives in the storage worker.
 *
 * Invariants: heads forget only what a day file has committed; an hour's sums are those of its readings
 * as they are stored, or are not stored.
 */
import { asBuffer } from "../../shared/thread.js";
import {
	type Held,
	type IntervalDevice,
	longestHoldMilliseconds,
	MINUTE_MILLISECONDS,
	nothingHeld,
	sumsOfRuns,
} from "../derive/intervals.js";
import { type PowerOptions, RATE_MEASUREMENTS } from "../derive/power.js";
import { type ChunkRun, decodeScaled, encodeChunk } from "./chunk.js";
import {
	type DayFiles,
	type GroupHour,
	groupHour,
	type HourRow,
	hourOf,
	MILLISECONDS_PER_HOUR,
	type PartRow,
} from "./day-files.js";
import type { Column } from "./device-state.js";
import { reach } from "./fail-point.js";
import type { Heads } from "./heads.js";
import { devicesOf } from "./pack.js";
import type { DeviceChunk } from "./pack-files.js";
import { cutRun, joinRuns, onlyColumns } from "./runs.js";
import { decodeSums, encodeSums, SUM_COLUMNS } from "./sums.js";

/** A chunk that could not be read: the stretch that is lost. */
export type Damage = {
	/** Absent: all devices of a row. */
	readonly device?: number;
	readonly hour: number;
	readonly what: string;
};

export type ArchiveOptions = {
	readonly days: DayFiles;
	readonly heads: Heads;
	readonly power: PowerOptions;
	/** Undefined for a device that was forgotten. */
	readonly describe: (device: number) => IntervalDevice["description"] | undefined;
	readonly onDamaged: (damage: Damage) => void;
	/** Is told what a sealing is about to change. */
	readonly onChange: (places: readonly GroupHour[]) => void;
};

export class Archive {
	private readonly options: ArchiveOptions;
	/** What the last sealed hour of each device ended with. */
	private readonly heldAfter = new Map<number, { readonly hour: number; readonly held: Held }>();

	constructor(options: ArchiveOptions) {
		this.options = options;
	}

	/**
	 * Seals what groups hold of before `until`. Hours that are over become rows; what comes for an hour that
	 * has a row already, or that still runs at `openFrom`, becomes a part.
	 *
	 * @returns chunks written
	 * @throws what SQLite throws; the heads keep everything then
	 */
	seal(groups: readonly { readonly group: number; readonly until: number }[], openFrom: number): number {
		const rows: HourRow[] = [];
		const parts: PartRow[] = [];
		for (const { group, until } of groups) {
			const byHour = this.unsealed(group, until);
			for (const [hour, runs] of [...byHour].sort(([a], [b]) => a - b)) {
				const place = { hour, group };
				const chunks = runs.map(({ device, run }) => chunkOf(device, run));
				const isClosed = (hour + 1) * MILLISECONDS_PER_HOUR <= openFrom;
				if (isClosed && !this.options.days.holds(place)) {
					rows.push({ ...place, chunks, sums: this.sumsToStore(hour, runs) });
					continue;
				}
				parts.push({ ...place, chunks });
				// What was remembered is no longer what this hour ends with.
				for (const { device } of runs) this.heldAfter.delete(device);
			}
		}
		if (rows.length + parts.length === 0) return 0;
		// The next hour begins with what this one ends with.
		const next = [...rows, ...parts].map(({ hour, group }) => ({ hour: hour + 1, group }));
		const changed = next.filter((place) => this.options.days.holds(place));
		this.options.onChange([...rows, ...parts, ...next]);
		this.options.days.put(rows, parts);
		reach("seal: day files stored");
		for (const place of changed) this.options.days.dropSums(place);
		for (const { group, until } of groups)
			for (const device of devicesOf(group)) this.options.heads.drop(device, until);
		return [...rows, ...parts].reduce((sum, { chunks }) => sum + chunks.length, 0);
	}

	/** Joins the parts of hours before `before`, at most `most` rows; gives how many it joined. */
	merge(before: number, most: number): number {
		const waiting = this.options.days.unmerged(before, most);
		for (const place of waiting) this.mergeHour(place);
		return waiting.length;
	}

	/** Joins what came late for one hour, where anything did. */
	mergePlace(place: GroupHour): void {
		if (this.options.days.hour(place).hasParts) this.mergeHour(place);
	}

	/**
	 * The readings of one device in [from, to), all of one hour.
	 *
	 * @param wanted which columns; all where absent
	 */
	run(
		device: number,
		{ from, to }: { readonly from: number; readonly to: number },
		wanted?: (column: Column) => boolean,
	): ChunkRun {
		const place = groupHour(device, hourOf(from));
		const { chunks, rowsDamaged } = this.options.days.hour(place);
		if (rowsDamaged > 0) this.rowDamaged(place);
		const sealed = chunks
			.filter((chunk) => chunk.device === device)
			.flatMap((chunk) => this.readable(chunk, hourOf(from), wanted) ?? [])
			.map((run) => cutRun(run, from, to));
		const unsealed = this.options.heads.head(device)?.rows(from, to) ?? [];
		return joinRuns([
			...sealed,
			...(wanted === undefined ? unsealed : unsealed.map((run) => onlyColumns(run, wanted))),
		]);
	}

	/** Sums of a device's hour up to `until`, of each minute where nothing else is said, SUMS numbers each. */
	sums(
		device: number,
		hour: number,
		until = (hour + 1) * MILLISECONDS_PER_HOUR,
		intervalMilliseconds = MINUTE_MILLISECONDS,
	): Float64Array {
		const description = this.options.describe(device);
		const from = hour * MILLISECONDS_PER_HOUR;
		if (description === undefined) return new Float64Array(0);
		const before = this.heldBefore(device, hour, description.pollIntervalSeconds);
		return sumsOfRuns(
			{ number: device, description },
			[...before.runs, this.run(device, { from, to: until }, isRate)],
			{ from, to: until, intervalMilliseconds },
			this.options.power,
			before.held,
		);
	}

	/** Stored sums of a group's hour; where they are missing and the hour is only in its file, they are made and kept. */
	storedSums(
		place: GroupHour,
	): readonly { readonly device: number; readonly sums: Float64Array }[] | undefined {
		const { days, heads } = this.options;
		const end = (place.hour + 1) * MILLISECONDS_PER_HOUR;
		if (devicesOf(place.group).some((device) => (heads.head(device)?.oldestAt ?? end) < end))
			return undefined;
		const stored = days
			.sums(place)
			?.map(({ device, bytes }) => ({ device, sums: decodeSums(place.hour, bytes) }));
		if (stored?.every(({ sums }) => sums !== undefined) === true)
			return stored as { device: number; sums: Float64Array }[];
		const devices = new Set(days.hour(place).chunks.map(({ device }) => device));
		if (devices.size === 0) return [];
		const made = [...devices].map((device) => sumsChunk(device, place.hour, this.sums(device, place.hour)));
		days.putSums(place, made);
		// As they are stored, whether they were a moment ago or not.
		return made.map(({ device, bytes }) => ({
			device,
			sums: decodeSums(place.hour, bytes) ?? new Float64Array(0),
		}));
	}

	private unsealed(
		group: number,
		until: number,
	): Map<number, { readonly device: number; readonly run: ChunkRun }[]> {
		const byHour = new Map<number, { device: number; run: ChunkRun }[]>();
		for (const device of devicesOf(group)) {
			const pieces = this.options.heads.head(device)?.rows(Number.NEGATIVE_INFINITY, until) ?? [];
			if (pieces.length === 0) continue;
			for (const [hour, run] of byHours(joinRuns(pieces))) {
				const own = byHour.get(hour) ?? [];
				own.push({ device, run });
				byHour.set(hour, own);
			}
		}
		return byHour;
	}

	private mergeHour(place: GroupHour): void {
		const { chunks, rowsDamaged } = this.options.days.hour(place);
		if (rowsDamaged > 0) {
			this.rowDamaged(place);
			return;
		}
		const damaged: DeviceChunk[] = [];
		const byDevice = new Map<number, ChunkRun[]>();
		for (const chunk of chunks) {
			const run = this.readable(chunk, place.hour);
			if (run === undefined) damaged.push(chunk);
			else byDevice.set(chunk.device, [...(byDevice.get(chunk.device) ?? []), run]);
		}
		const runs = [...byDevice].map(([device, pieces]) => ({ device, run: joinRuns(pieces) }));
		const merged = runs.map(({ device, run }) => chunkOf(device, run));
		reach("merge: before the row");
		this.options.days.put(
			[{ ...place, chunks: merged, sums: this.sumsToStore(place.hour, runs), damaged }],
			[],
		);
		reach("merge: row stored");
		// The next hour begins with what this one ends with.
		this.options.days.dropSums({ hour: place.hour + 1, group: place.group });
		for (const device of devicesOf(place.group)) this.heldAfter.delete(device);
	}

	private sumsToStore(
		hour: number,
		runs: readonly { readonly device: number; readonly run: ChunkRun }[],
	): readonly DeviceChunk[] {
		return runs.flatMap(({ device, run }) => {
			const description = this.options.describe(device);
			if (description === undefined) return [];
			const held = this.heldBefore(device, hour, description.pollIntervalSeconds);
			const from = hour * MILLISECONDS_PER_HOUR;
			const range = { from, to: from + MILLISECONDS_PER_HOUR, intervalMilliseconds: MINUTE_MILLISECONDS };
			const pieces = [...held.runs, run];
			const sums = sumsOfRuns({ number: device, description }, pieces, range, this.options.power, held.held);
			this.heldAfter.set(device, { hour, held: held.held });
			return [sumsChunk(device, hour, sums)];
		});
	}

	/** What the hour before ended with: remembered, or read again. */
	private heldBefore(
		device: number,
		hour: number,
		pollIntervalSeconds: number,
	): { readonly held: Held; readonly runs: readonly ChunkRun[] } {
		const after = this.heldAfter.get(device);
		if (after?.hour === hour - 1) return { held: { ...after.held }, runs: [] };
		const from = hour * MILLISECONDS_PER_HOUR;
		const hold = longestHoldMilliseconds(pollIntervalSeconds);
		return { held: nothingHeld(), runs: [this.run(device, { from: from - hold, to: from }, isRate)] };
	}

	private rowDamaged({ hour, group }: GroupHour): void {
		const [first, last] = [devicesOf(group)[0], devicesOf(group).at(-1)];
		this.options.onDamaged({ hour, what: `The head of a row of devices ${first} to ${last} is damaged.` });
	}

	private readable(
		{ device, columns, bytes }: DeviceChunk,
		hour: number,
		wanted?: (column: Column) => boolean,
	): ChunkRun | undefined {
		const decoded = decodeScaled(asBuffer(bytes), columns, wanted);
		if (decoded.ok) return decoded.run;
		this.options.onDamaged({ device, hour, what: decoded.failure.what });
		return undefined;
	}
}

/** What energy, work and state are counted from; parts matter for the watts of GPUs. */
function isRate({ measurement, component }: Column): boolean {
	return LOOKED_AT.has(measurement) || component?.part === "gpu";
}
const LOOKED_AT: ReadonlySet<string> = new Set([...RATE_MEASUREMENTS, "gpuCount", "pollResult"]);

function chunkOf(device: number, run: ChunkRun): DeviceChunk {
	return { device, columns: run.columns, bytes: encodeChunk(run) };
}

function sumsChunk(device: number, hour: number, sums: Float64Array): DeviceChunk {
	return { device, columns: SUM_COLUMNS, bytes: encodeSums(hour, sums) };
}

function byHours(run: ChunkRun): readonly (readonly [number, ChunkRun])[] {
	const hours: (readonly [number, ChunkRun])[] = [];
	for (let row = 0; row < run.times.length; ) {
		const hour = hourOf(run.times[row] ?? 0);
		const own = cutRun(run, hour * MILLISECONDS_PER_HOUR, (hour + 1) * MILLISECONDS_PER_HOUR);
		// A column may have its values in another hour only.
		hours.push([hour, own === run ? run : joinRuns([own])]);
		row += own.times.length;
	}
	return hours;
}
