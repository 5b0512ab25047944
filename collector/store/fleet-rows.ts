/**
 * Rows of fleet sums, added up by what is asked for. Pure.
 *
 * Takes sums of intervals with the labels of the devices behind them; keeps a track of numbers for each label, since a
 * month by rack is more than a million rows; gives tracks, which go from the worker to the main thread without being
 * copied, and there rows, one at a time: in order of time, or track by track. An interval may stand in several pieces:
 * they are added.
 */
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import {
	GPU_SECONDS,
	JOULES,
	JOULES_WITH_WORK,
	SECONDS_DOWN,
	SECONDS_UP,
	SUMS,
	TERAHASHES,
	TERAHASHES_WITH_POWER,
	TOKENS,
} from "../derive/intervals.js";
import type { ChunkRun } from "./chunk.js";
import type { FleetSumsQuery, FleetSumsRow, Labels, SumLabel } from "./device-state.js";
import { lowerBound } from "./runs.js";
import { addSums } from "./sums.js";

type TrackKey = Pick<FleetSumsRow, "label" | "isGpu" | "tierSeconds" | "labels">;

/** SUMS numbers for each time; times rise. */
export type FleetTrack = TrackKey & { readonly times: Float64Array; readonly sums: Float64Array };

const ROOM_LEAST = 64;

/** Rows whose times rise. */
type Part = { readonly times: Float64Array; readonly sums: Float64Array };

class Track {
	readonly key: TrackKey;
	/** As they came, each after the one before: nothing is copied while pieces follow each other. */
	private parts: Part[] = [];
	/** Behind these, what is added row by row, with room for more. */
	private times: Float64Array = new Float64Array(0);
	private sums: Float64Array = new Float64Array(0);
	private count = 0;
	/** Of the row that was added to last. */
	private place = 0;

	constructor(key: TrackKey) {
		this.key = key;
	}

	add(at: number, row: Float64Array, from = 0): void {
		if (this.parts.length > 0) this.gather();
		const first = this.placeOf(at) * SUMS;
		for (let sum = 0; sum < SUMS; sum += 1)
			this.sums[first + sum] = (this.sums[first + sum] as number) + (row[from + sum] as number);
	}

	/** Adds the rows of a run in [from, to), which mostly go on where the last ended. */
	addRun(run: ChunkRun, from: number, to: number): void {
		const [low, high] = [lowerBound(run.times, from), lowerBound(run.times, to)];
		if (low >= high) return;
		const times = run.times.subarray(low, high);
		if ((times[0] as number) <= this.lastTime()) {
			const sums = new Float64Array(times.length * SUMS);
			addSums(run, { low, high }, sums);
			for (let row = 0; row < times.length; row += 1) this.add(times[row] as number, sums, row * SUMS);
			return;
		}
		const { count } = this;
		this.makeRoom(count + times.length);
		this.times.set(times, count);
		addSums(run, { low, high }, this.sums.subarray(count * SUMS));
		this.count += times.length;
	}

	/** Adds a piece, which mostly goes on where the last one ended. */
	addPart(part: Part): void {
		const { times, sums } = part;
		if (times.length === 0) return;
		if (this.count === 0 && (times[0] as number) > this.lastTime()) this.parts.push(part);
		else for (let row = 0; row < times.length; row += 1) this.add(times[row] as number, sums, row * SUMS);
	}

	all(): readonly Part[] {
		if (this.count === 0) return this.parts;
		const { times, sums, count } = this;
		return [...this.parts, { times: times.subarray(0, count), sums: sums.subarray(0, count * SUMS) }];
	}

	/** What came in parts in one piece, so that rows within it can be added to. */
	private gather(): void {
		const all = this.all();
		const count = all.reduce((sum, { times }) => sum + times.length, 0);
		const [times, sums] = [new Float64Array(count), new Float64Array(count * SUMS)];
		let place = 0;
		for (const part of all) {
			times.set(part.times, place);
			sums.set(part.sums, place * SUMS);
			place += part.times.length;
		}
		[this.parts, this.times, this.sums, this.count] = [[], times, sums, count];
	}

	/** Each line goes through the same times in order, so the next place is nearly always the one after. */
	private placeOf(at: number): number {
		const { times, place, count } = this;
		if (place < count && times[place] === at) return place;
		if (place + 1 < count && times[place + 1] === at) this.place = place + 1;
		else this.place = this.found(at);
		return this.place;
	}

	private found(at: number): number {
		const { count } = this;
		const place = at > this.lastTime() ? count : lowerBound(this.times.subarray(0, count), at);
		if (place < count && this.times[place] === at) return place;
		this.makeRoom(count + 1);
		if (place < count) {
			this.times.copyWithin(place + 1, place, count);
			this.sums.copyWithin((place + 1) * SUMS, place * SUMS, count * SUMS);
			this.sums.fill(0, place * SUMS, (place + 1) * SUMS);
		}
		this.times[place] = at;
		this.count += 1;
		return place;
	}

	private lastTime(): number {
		if (this.count > 0) return this.times[this.count - 1] as number;
		return this.parts.at(-1)?.times.at(-1) ?? Number.NEGATIVE_INFINITY;
	}

	private makeRoom(count: number): void {
		if (count <= this.times.length) return;
		const room = Math.max(count, this.times.length * 2, ROOM_LEAST);
		const [times, sums] = [new Float64Array(room), new Float64Array(room * SUMS)];
		times.set(this.times.subarray(0, this.count));
		sums.set(this.sums.subarray(0, this.count * SUMS));
		[this.times, this.sums] = [times, sums];
	}
}

const NO_PART: Part = { times: new Float64Array(0), sums: new Float64Array(0) };

/** A track that is read once through: one object is each of its rows in turn. */
class TrackReader {
	private readonly parts: readonly Part[];
	private readonly row: Writable<FleetSumsRow>;
	private part: Part;
	private next = 1;
	private place = 0;
	/** Of the next row; infinity behind the last. */
	at: number;

	constructor(track: Track) {
		this.parts = track.all();
		this.part = this.parts[0] ?? NO_PART;
		this.row = emptyRow(track.key);
		this.at = this.part.times[0] ?? Number.POSITIVE_INFINITY;
	}

	take(): FleetSumsRow {
		const { row, part } = this;
		copyRow(row, part, this.place);
		this.place += 1;
		if (this.place < part.times.length) this.at = part.times[this.place] as number;
		else this.turn();
		return row;
	}

	private turn(): void {
		this.part = this.parts[this.next] ?? NO_PART;
		this.next += 1;
		this.place = 0;
		this.at = this.part.times[0] ?? Number.POSITIVE_INFINITY;
	}
}

function copyRow(row: Writable<FleetSumsRow>, { times, sums }: Part, place: number): void {
	const first = place * SUMS;
	row.from = quantity<UnixMilliseconds>(times[place] as number);
	row.joules = sums[first + JOULES] as number;
	row.terahashes = sums[first + TERAHASHES] as number;
	row.joulesWithWork = sums[first + JOULES_WITH_WORK] as number;
	row.terahashesWithPower = sums[first + TERAHASHES_WITH_POWER] as number;
	row.secondsUp = sums[first + SECONDS_UP] as number;
	row.secondsDown = sums[first + SECONDS_DOWN] as number;
	row.gpuSeconds = sums[first + GPU_SECONDS] as number;
	row.tokens = sums[first + TOKENS] as number;
}

/** Written out, not spread: so its numbers are kept in place and not as objects of their own. */
function emptyRow({ label, isGpu, tierSeconds, labels }: TrackKey): Writable<FleetSumsRow> {
	const row: Writable<FleetSumsRow> = {
		from: quantity<UnixMilliseconds>(0),
		joules: 0,
		terahashes: 0,
		joulesWithWork: 0,
		terahashesWithPower: 0,
		secondsUp: 0,
		secondsDown: 0,
		gpuSeconds: 0,
		tokens: 0,
		label,
		isGpu,
		tierSeconds,
	};
	if (labels !== undefined) row.labels = labels;
	return row;
}

type Given = { done?: false; value: FleetSumsRow };

/** All tracks' rows of one instant, then those of the next. By hand: a generator costs as much as valuing a row. */
class RowsInTime implements Iterator<FleetSumsRow> {
	private readonly readers: readonly TrackReader[];
	private readonly result: Given;
	/** The instant that is read, whose tracks before `place` are done, and the earliest that they go on with. */
	private at: number;
	private later = Number.POSITIVE_INFINITY;
	private place = 0;

	constructor(tracks: readonly Track[]) {
		this.readers = tracks.map((track) => new TrackReader(track));
		this.result = { value: emptyRow({ label: "", isGpu: false, tierSeconds: 0 }) };
		this.at = Math.min(...this.readers.map(({ at }) => at));
	}

	next(): IteratorResult<FleetSumsRow, undefined> {
		const { readers, result } = this;
		while (this.at < Number.POSITIVE_INFINITY) {
			while (this.place < readers.length) {
				const reader = readers[this.place] as TrackReader;
				this.place += 1;
				const isDue = reader.at === this.at;
				if (isDue) result.value = reader.take();
				if (reader.at < this.later) this.later = reader.at;
				if (isDue) return result;
			}
			[this.at, this.later, this.place] = [this.later, Number.POSITIVE_INFINITY, 0];
		}
		return { done: true, value: undefined };
	}
}

/** One track's rows in order of time, then the next one's: what is added up of them stays at hand. */
class RowsByTrack implements Iterator<FleetSumsRow> {
	private readonly readers: readonly TrackReader[];
	private readonly result: Given;
	private place = 0;

	constructor(tracks: readonly Track[]) {
		this.readers = tracks.map((track) => new TrackReader(track));
		this.result = { value: emptyRow({ label: "", isGpu: false, tierSeconds: 0 }) };
	}

	next(): IteratorResult<FleetSumsRow, undefined> {
		for (; this.place < this.readers.length; this.place += 1) {
			const reader = this.readers[this.place] as TrackReader;
			if (reader.at === Number.POSITIVE_INFINITY) continue;
			this.result.value = reader.take();
			return this.result;
		}
		return { done: true, value: undefined };
	}
}

type Writable<Row> = { -readonly [Key in keyof Row]: Row[Key] };

export class FleetRows {
	private readonly by: SumLabel | undefined;
	private readonly apart: readonly SumLabel[];
	private readonly isByTrack: boolean;
	private readonly kept = new Map<string, Track>();

	constructor({ by, apart = [], isByTrack = false }: Pick<FleetSumsQuery, "by" | "apart" | "isByTrack">) {
		this.by = by;
		this.apart = apart;
		this.isByTrack = isByTrack;
	}

	/** Where sums of devices with these labels go. */
	track({ labels, isGpu, tierSeconds }: { labels: Labels; isGpu: boolean; tierSeconds: number }): Track {
		const label = this.by === undefined ? "" : labels[this.by];
		const { apart } = this;
		if (apart.length === 0) return this.trackOf({ label, isGpu, tierSeconds });
		const own = Object.fromEntries(apart.map((name) => [name, labels[name]]));
		return this.trackOf({ label, isGpu, tierSeconds, labels: own });
	}

	addTrack({ times, sums, ...key }: FleetTrack): void {
		this.trackOf(key).addPart({ times, sums });
	}

	/** All in one piece of memory, which then goes to another thread as one. */
	tracks(): readonly FleetTrack[] {
		const found = [...this.kept.values()].map((track) => ({ key: track.key, parts: track.all() }));
		const count = found.reduce((sum, { parts }) => sum + rowsIn(parts), 0);
		const memory = new Float64Array(count * (1 + SUMS));
		let taken = 0;
		const piece = (length: number) => {
			taken += length;
			return memory.subarray(taken - length, taken);
		};
		return found.map(({ key, parts }) => {
			const rows = rowsIn(parts);
			const [times, sums] = [piece(rows), piece(rows * SUMS)];
			let row = 0;
			for (const part of parts) {
				times.set(part.times, row);
				sums.set(part.sums, row * SUMS);
				row += part.times.length;
			}
			return { ...key, times, sums };
		});
	}

	/** A row is good until the next is asked for, since there may be a million. */
	rows(): Iterable<FleetSumsRow> {
		const { isByTrack } = this;
		return {
			[Symbol.iterator]: () => {
				const tracks = [...this.kept.values()];
				return isByTrack ? new RowsByTrack(tracks) : new RowsInTime(tracks);
			},
		};
	}

	private trackOf(key: TrackKey): Track {
		const { label, isGpu, tierSeconds, labels } = key;
		let text = `${isGpu} ${tierSeconds} ${label}`;
		for (const name of this.apart) text += `\n${labels?.[name]}`;
		const known = this.kept.get(text);
		if (known !== undefined) return known;
		const made = new Track(key);
		this.kept.set(text, made);
		return made;
	}
}

function rowsIn(parts: readonly Part[]): number {
	return parts.reduce((sum, { times }) => sum + times.length, 0);
}
