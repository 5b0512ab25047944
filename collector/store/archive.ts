/**
 * The past of all devices: what is sealed in day files, and what still stands in the inbox.
 *
 * Seals closed hours, merges parts, reads runs and the sums made from them. Lives in the storage worker.
 *
 * Invariants: an hour's sums are those of its readings as they are stored, or are not stored.
 */
import { asBuffer } from "../../shared/thread.js";
import {
	type Held,
	heldCopy,
	type IntervalDevice,
	longestHoldMilliseconds,
	MINUTE_MILLISECONDS,
	nothingHeld,
	sumsOfRuns,
} from "../derive/intervals.js";
import { type PowerOptions, RATE_MEASUREMENTS } from "../derive/power.js";
import { type ChunkRun, decodeChunk, decodeScaled, encodeChunk } from "./chunk.js";
import {
	type DayFiles,
	type GroupHour,
	type HourRow,
	hourOf,
	MILLISECONDS_PER_HOUR,
	type PartRow,
} from "./day-files.js";
import type { Column } from "./device-state.js";
import { reach } from "./fail-point.js";
import { type Fetched, gathered, readings, type TableMemory } from "./hour-readings.js";
import { MeteredPast, type NamedDevice } from "./metered-past.js";
import { devicesOf, groupOf } from "./pack.js";
import type { DeviceChunk } from "./pack-files.js";
import type { PackedColumns } from "./packed-columns.js";
import { cutRun, joinRuns, packedRun } from "./runs.js";
import { decodeSums, encodeSums, SUM_COLUMNS } from "./sums.js";
import type { Unsealed, UnsealedRecord } from "./unsealed.js";

/** A chunk that could not be read: the stretch that is lost. */
export type Damage = {
	/** Absent: all devices of a row. */
	readonly device?: number;
	readonly hour: number;
	readonly what: string;
};

export type ArchiveOptions = {
	readonly days: DayFiles;
	readonly unsealed: Unsealed;
	/** A record of the inbox; undefined where it can no longer be read. */
	readonly fetch: (id: number) => Fetched | undefined;
	readonly power: PowerOptions;
	/** Undefined for a device that was forgotten. */
	readonly describe: (device: number) => IntervalDevice["description"] | undefined;
	/** All devices that are known. */
	readonly devices: () => Iterable<NamedDevice>;
	readonly onDamaged: (damage: Damage) => void;
	/** Is told what a sealing is about to change. */
	readonly onChange: (places: readonly GroupHour[]) => void;
};

export class Archive {
	private readonly options: ArchiveOptions;
	/** What the last sealed hour of each device ended with. */
	private readonly heldAfter = new Map<number, { readonly hour: number; readonly held: Held }>();

	private readonly metered: MeteredPast;

	constructor(options: ArchiveOptions) {
		this.options = options;
		const { power, devices, unsealed } = options;
		this.metered = new MeteredPast({
			power,
			devices,
			runs: (numbers, range, wanted) => this.runs(numbers, range, wanted),
			versionOf: (hour) => versionOf(unsealed.recordsOf(hour - 1)) + versionOf(unsealed.recordsOf(hour)),
		});
	}

	/** What of an hour stands in records, by device, a few records at a time; views of `memory`. */
	gathered(
		records: readonly UnsealedRecord[],
		hour: number,
		devices: readonly number[],
		memory: TableMemory,
	): Generator<void, ReadonlyMap<number, readonly ChunkRun[]>> {
		const from = hour * MILLISECONDS_PER_HOUR;
		const wish = { devices, from, to: from + MILLISECONDS_PER_HOUR, memory };
		return gathered(records, wish, this.options.fetch);
	}

	/**
	 * Seals an hour of some groups. Where it is over it becomes rows; what comes for an hour that has a row
	 * already, or that still runs at `openFrom`, becomes a part.
	 *
	 * @returns chunks written
	 * @throws what SQLite throws; nothing is stored then
	 */
	seal(
		hour: number,
		groups: readonly number[],
		{
			runs,
			openFrom,
		}: { readonly runs: ReadonlyMap<number, readonly ChunkRun[]>; readonly openFrom: number },
	): number {
		const rows: HourRow[] = [];
		const parts: PartRow[] = [];
		const isClosed = (hour + 1) * MILLISECONDS_PER_HOUR <= openFrom;
		for (const group of groups) {
			const place = { hour, group };
			const own = devicesOf(group).flatMap((device) => {
				const pieces = runs.get(device);
				return pieces === undefined ? [] : [{ device, run: joinRuns(pieces) }];
			});
			if (own.length === 0) continue;
			const chunks = own.map(({ device, run }) => chunkOf(device, run));
			if (isClosed && !this.options.days.holds(place)) {
				rows.push({ ...place, chunks, sums: this.sumsToStore(place, own) });
				continue;
			}
			parts.push({ ...place, chunks });
			this.metered.forget();
			// What was remembered is no longer what this hour ends with.
			for (const { device } of own) this.heldAfter.delete(device);
		}
		if (rows.length + parts.length === 0) return 0;
		// The next hour begins with what this one ends with, and a meter that spoke late changes its devices' sums.
		const fed = this.groupsFedBy(parts, hour);
		const next = [
			...[...rows, ...parts].map(({ group }) => ({ hour: hour + 1, group })),
			...fed.flatMap((group) => [
				{ hour, group },
				{ hour: hour + 1, group },
			]),
		];
		const changed = next.filter((place) => this.options.days.holds(place));
		this.options.onChange([...rows, ...parts, ...next]);
		this.options.days.put(rows, parts);
		reach("seal: day files stored");
		for (const place of changed) this.options.days.dropSums(place);
		return [...rows, ...parts].reduce((sum, { chunks }) => sum + chunks.length, 0);
	}

	/** Devices of which readings were moved: nothing that was remembered of them holds. */
	joined(devices: readonly number[]): void {
		this.metered.forget();
		for (const device of devices) this.heldAfter.delete(device);
	}

	/** By meters of its own in an hour of the past, at the wall; undefined for a device without any. */
	meteredWatts(
		{ number, site, endpoint }: Pick<NamedDevice, "number" | "site" | "endpoint">,
		at: number,
	): IntervalDevice["meteredWatts"] {
		return this.metered.feeds(site, endpoint) ? this.metered.wattsOf(number, hourOf(at)) : undefined;
	}

	private groupsFedBy(parts: readonly PartRow[], hour: number): readonly number[] {
		const late = parts.flatMap(({ chunks }) => chunks.map(({ device }) => device));
		const fed = late.length === 0 ? [] : this.metered.fedBy(late, hour);
		for (const device of fed) this.heldAfter.delete(device);
		return [...new Set(fed.map(groupOf))];
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
		return this.runs([device], { from, to }, wanted).get(device) ?? NOTHING;
	}

	/** The same of devices of one group, rising, as values. */
	columns(
		devices: readonly number[],
		range: { readonly from: number; readonly to: number },
		wanted?: (column: Column) => boolean,
	): ReadonlyMap<number, PackedColumns> {
		const hour = hourOf(range.from);
		const isWhole = range.to - range.from === MILLISECONDS_PER_HOUR;
		if (isWhole && this.options.unsealed.recordsOf(hour).length === 0) {
			const stored = this.options.days.hour({ hour, group: groupOf(devices[0] ?? 0) });
			if (!stored.hasParts && stored.rowsDamaged === 0)
				return this.asStored(stored.chunks, devices, hour, wanted);
		}
		const runs = this.runs(devices, range, wanted);
		return new Map([...runs].map(([device, run]) => [device, packedRun(run)]));
	}

	/** Of an hour that stands in one row: there is nothing to join. */
	private asStored(
		chunks: readonly DeviceChunk[],
		devices: readonly number[],
		hour: number,
		wanted?: (column: Column) => boolean,
	): ReadonlyMap<number, PackedColumns> {
		const found = new Map<number, PackedColumns>();
		for (const { device, columns, bytes } of chunks) {
			if (!devices.includes(device)) continue;
			const decoded = decodeChunk(asBuffer(bytes), columns, wanted);
			if (decoded.ok) found.set(device, decoded.packed);
			else this.options.onDamaged({ device, hour, what: decoded.failure.what });
		}
		return found;
	}

	/** The same of several devices, rising. */
	private runs(
		devices: readonly number[],
		{ from, to }: { readonly from: number; readonly to: number },
		wanted?: (column: Column) => boolean,
	): ReadonlyMap<number, ChunkRun> {
		const hour = hourOf(from);
		const pieces = new Map<number, ChunkRun[]>(devices.map((device) => [device, []]));
		for (const group of new Set(devices.map(groupOf))) {
			const place = { hour, group };
			const { chunks, rowsDamaged } = this.options.days.hour(place);
			if (rowsDamaged > 0) this.rowDamaged(place);
			for (const chunk of chunks) {
				const own = pieces.get(chunk.device);
				const run = own === undefined ? undefined : this.readable(chunk, hour, wanted);
				if (run !== undefined) own?.push(cutRun(run, from, to));
			}
		}
		const records = this.options.unsealed.recordsOf(hour);
		if (records.length > 0)
			for (const [device, own] of readings(records, { devices, from, to, wanted }, this.options.fetch))
				pieces.get(device)?.push(...own);
		return new Map([...pieces].map(([device, own]) => [device, joinRuns(own)]));
	}

	/** Sums of a device's hour up to `until`, of each minute where nothing else is said, SUMS numbers each. */
	sums(device: number, hour: number, until?: number, intervalMilliseconds?: number): Float64Array {
		const [found] = this.sumsOf([device], hour, until, intervalMilliseconds);
		return found?.sums ?? new Float64Array(0);
	}

	/** The same of several devices, rising; those that nothing is known of are left out. */
	sumsOf(
		devices: readonly number[],
		hour: number,
		until = (hour + 1) * MILLISECONDS_PER_HOUR,
		intervalMilliseconds = MINUTE_MILLISECONDS,
	): readonly { readonly device: number; readonly sums: Float64Array }[] {
		const from = hour * MILLISECONDS_PER_HOUR;
		const known = devices.flatMap((device) => {
			const description = this.options.describe(device);
			return description === undefined ? [] : [{ number: device, description }];
		});
		const anew = known.filter(({ number }) => this.heldAfter.get(number)?.hour !== hour - 1);
		const hold = Math.max(
			0,
			...anew.map(({ description }) => longestHoldMilliseconds(description.pollIntervalSeconds)),
		);
		const numbersOf = (list: readonly IntervalDevice[]) => list.map(({ number }) => number);
		const before =
			anew.length === 0 ? undefined : this.runs(numbersOf(anew), { from: from - hold, to: from }, isRate);
		const own = this.runs(numbersOf(known), { from, to: until }, isRate);
		return known.map((device) => {
			const after = this.heldAfter.get(device.number);
			const held = after?.hour === hour - 1 ? heldCopy(after.held) : nothingHeld();
			const pieces = [before?.get(device.number), own.get(device.number)].filter((run) => run !== undefined);
			const range = { from, to: until, intervalMilliseconds };
			const meteredWatts = this.metered.wattsOf(device.number, hour);
			const sums = sumsOfRuns({ ...device, meteredWatts }, pieces, range, this.options.power, held);
			return { device: device.number, sums };
		});
	}

	/** Stored sums of a group's hour; where they are missing and the hour is only in its file, they are made and kept. */
	storedSums(
		place: GroupHour,
	): readonly { readonly device: number; readonly sums: Float64Array }[] | undefined {
		const { days, unsealed } = this.options;
		if (unsealed.holdsBefore(place.group, (place.hour + 1) * MILLISECONDS_PER_HOUR)) return undefined;
		const stored = days
			.sums(place)
			?.map(({ device, ...chunk }) => ({ device, sums: decodeSums(place.hour, chunk) }));
		if (stored?.every(({ sums }) => sums !== undefined) === true)
			return stored as { device: number; sums: Float64Array }[];
		const own = days.hour(place).chunks;
		// What was heard at the end of the hour before holds into this one, also where nothing more was heard.
		const before = days.hour({ hour: place.hour - 1, group: place.group }).chunks;
		const devices = [...new Set([...own, ...before].map(({ device }) => device))].sort((a, b) => a - b);
		const made = devices.flatMap((device) => {
			const sums = this.sums(device, place.hour);
			return sums.every((sum) => sum === 0) ? [] : [sumsChunk(device, place.hour, sums)];
		});
		if (own.length > 0) days.putSums(place, made);
		// As they are stored, whether they were a moment ago or not.
		return made.map(({ device, ...chunk }) => ({
			device,
			sums: decodeSums(place.hour, chunk) ?? new Float64Array(0),
		}));
	}

	private mergeHour(place: GroupHour): void {
		this.metered.forget();
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
		this.options.days.put([{ ...place, chunks: merged, sums: this.sumsToStore(place, runs), damaged }], []);
		reach("merge: row stored");
		// The next hour begins with what this one ends with.
		this.options.days.dropSums({ hour: place.hour + 1, group: place.group });
		for (const device of devicesOf(place.group)) this.heldAfter.delete(device);
	}

	/** Sums of all devices of a group: of those that were heard in the hour, and of what held into it from the hour before. */
	private sumsToStore(
		{ hour, group }: GroupHour,
		runs: readonly { readonly device: number; readonly run: ChunkRun }[],
	): readonly DeviceChunk[] {
		const byDevice = new Map(runs.map(({ device, run }) => [device, run]));
		return devicesOf(group).flatMap((device) => {
			const description = this.options.describe(device);
			if (description === undefined) return [];
			const held = this.heldBefore(device, hour, description.pollIntervalSeconds);
			const from = hour * MILLISECONDS_PER_HOUR;
			const range = { from, to: from + MILLISECONDS_PER_HOUR, intervalMilliseconds: MINUTE_MILLISECONDS };
			const pieces = [...held.runs, byDevice.get(device) ?? NOTHING];
			const meteredWatts = this.metered.wattsOf(device, hour);
			const known = { number: device, description, meteredWatts };
			const sums = sumsOfRuns(known, pieces, range, this.options.power, held.held);
			this.heldAfter.set(device, { hour, held: held.held });
			return sums.every((sum) => sum === 0) ? [] : [sumsChunk(device, hour, sums)];
		});
	}

	/** What the hour before ended with: remembered, or read again. */
	private heldBefore(
		device: number,
		hour: number,
		pollIntervalSeconds: number,
	): { readonly held: Held; readonly runs: readonly ChunkRun[] } {
		const after = this.heldAfter.get(device);
		if (after?.hour === hour - 1) return { held: heldCopy(after.held), runs: [] };
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

/** Records come at the end of an hour's list and go from its beginning. */
function versionOf(records: readonly UnsealedRecord[]): string {
	return `${records[0]?.id ?? ""}-${records.at(-1)?.id ?? ""} `;
}

const NOTHING: ChunkRun = { columns: [], times: new Float64Array(0), values: [] };

/** What energy, work and state are counted from; parts matter for the watts of GPUs. */
function isRate({ measurement, component }: Column): boolean {
	return LOOKED_AT.has(measurement) || component?.part === "gpu";
}
const LOOKED_AT: ReadonlySet<string> = new Set([
	...RATE_MEASUREMENTS,
	"generatedTokens",
	"gpuCount",
	"pollResult",
]);

function chunkOf(device: number, run: ChunkRun): DeviceChunk {
	return { device, columns: run.columns, bytes: encodeChunk(run) };
}

function sumsChunk(device: number, hour: number, sums: Float64Array): DeviceChunk {
	return { device, columns: SUM_COLUMNS, bytes: encodeSums(hour, sums) };
}
