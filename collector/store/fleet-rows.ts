/**
 * Rows of fleet sums, added up by what is asked for. Pure.
 *
 * Takes sums of intervals with the labels of the devices behind them; keeps a track of numbers for each label, since a
 * month by rack is more than a million rows; gives tracks, which go from the worker to the main thread without being
 * copied, and there rows in order of time, one at a time. An interval may stand in several pieces: they are added.
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
import type { FleetSumsQuery, FleetSumsRow, Labels, SumLabel } from "./device-state.js";
import { lowerBound } from "./runs.js";

type TrackKey = Pick<FleetSumsRow, "label" | "isGpu" | "tierSeconds" | "labels">;

/** SUMS numbers for each time; times rise. */
export type FleetTrack = TrackKey & { readonly times: Float64Array; readonly sums: Float64Array };

const ROOM_LEAST = 64;

class Track {
	readonly key: TrackKey;
	private times: Float64Array = new Float64Array(0);
	private sums: Float64Array = new Float64Array(0);
	private count = 0;
	/** Of the row that was added to last. */
	private place = 0;

	constructor(key: TrackKey) {
		this.key = key;
	}

	/** Infinity behind the last row. */
	timeAt(place: number): number {
		return place < this.count ? (this.times[place] as number) : Number.POSITIVE_INFINITY;
	}

	add(at: number, row: Float64Array, from = 0): void {
		const first = this.placeOf(at) * SUMS;
		for (let sum = 0; sum < SUMS; sum += 1)
			this.sums[first + sum] = (this.sums[first + sum] as number) + (row[from + sum] as number);
	}

	/** Adds a piece, which mostly goes on where the last one ended; the first one is kept as it is. */
	addAll(times: Float64Array, sums: Float64Array): void {
		if (this.count === 0) {
			[this.times, this.sums, this.count] = [times, sums, times.length];
			return;
		}
		const last = this.lastTime();
		let row = 0;
		for (; row < times.length && (times[row] as number) <= last; row += 1)
			this.add(times[row] as number, sums, row * SUMS);
		const { count } = this;
		this.makeRoom(count + times.length - row);
		this.times.set(times.subarray(row), count);
		this.sums.set(sums.subarray(row * SUMS), count * SUMS);
		this.count += times.length - row;
	}

	all(): FleetTrack {
		const { key, times, sums, count } = this;
		return { ...key, times: times.slice(0, count), sums: sums.slice(0, count * SUMS) };
	}

	copyTo(row: Writable<FleetSumsRow>, place: number): void {
		const { sums } = this;
		const first = place * SUMS;
		row.from = quantity<UnixMilliseconds>(this.timeAt(place));
		row.joules = sums[first + JOULES] as number;
		row.terahashes = sums[first + TERAHASHES] as number;
		row.joulesWithWork = sums[first + JOULES_WITH_WORK] as number;
		row.terahashesWithPower = sums[first + TERAHASHES_WITH_POWER] as number;
		row.secondsUp = sums[first + SECONDS_UP] as number;
		row.secondsDown = sums[first + SECONDS_DOWN] as number;
		row.gpuSeconds = sums[first + GPU_SECONDS] as number;
		row.tokens = sums[first + TOKENS] as number;
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
		if (this.timeAt(place) === at) return place;
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
		return this.count === 0 ? Number.NEGATIVE_INFINITY : (this.times[this.count - 1] as number);
	}

	private makeRoom(count: number): void {
		if (count <= this.times.length) return;
		const room = Math.max(count, this.times.length * 2, ROOM_LEAST);
		const [times, sums] = [new Float64Array(room), new Float64Array(room * SUMS)];
		times.set(this.times);
		sums.set(this.sums);
		[this.times, this.sums] = [times, sums];
	}
}

/** A track that is read once through: one object is each of its rows in turn. */
class TrackReader {
	private readonly track: Track;
	private readonly row: Writable<FleetSumsRow>;
	private place = 0;
	/** Of the next row. */
	at: number;

	constructor(track: Track) {
		this.track = track;
		this.row = emptyRow(track.key);
		this.at = track.timeAt(0);
	}

	take(): FleetSumsRow {
		this.track.copyTo(this.row, this.place);
		this.place += 1;
		this.at = this.track.timeAt(this.place);
		return this.row;
	}
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

/** All tracks' rows of one instant, then those of the next. By hand: a generator costs as much as valuing a row. */
class RowsInTime implements Iterator<FleetSumsRow> {
	private readonly readers: readonly TrackReader[];
	private readonly result: { done?: false; value: FleetSumsRow };
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

type Writable<Row> = { -readonly [Key in keyof Row]: Row[Key] };

export class FleetRows {
	private readonly by: SumLabel | undefined;
	private readonly apart: readonly SumLabel[];
	private readonly kept = new Map<string, Track>();

	constructor({ by, apart = [] }: Pick<FleetSumsQuery, "by" | "apart">) {
		this.by = by;
		this.apart = apart;
	}

	/** Where sums of devices with these labels go. */
	track({ labels, isGpu, tierSeconds }: { labels: Labels; isGpu: boolean; tierSeconds: number }): Track {
		const label = this.by === undefined ? "" : labels[this.by];
		const { apart } = this;
		if (apart.length === 0) return this.trackOf({ label, isGpu, tierSeconds });
		const own = Object.fromEntries(apart.map((name) => [name, labels[name]]));
		return this.trackOf({ label, isGpu, tierSeconds, labels: own });
	}

	addTrack(track: FleetTrack): void {
		const { times, sums, ...key } = track;
		this.trackOf(key).addAll(times, sums);
	}

	tracks(): readonly FleetTrack[] {
		return [...this.kept.values()].map((track) => track.all());
	}

	/** In order of time. A row is good until the next is asked for, since there may be a million. */
	rows(): Iterable<FleetSumsRow> {
		return { [Symbol.iterator]: () => new RowsInTime([...this.kept.values()]) };
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
