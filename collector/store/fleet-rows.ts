/**
 * Rows of fleet sums, added up by what is asked for. Pure.
 *
 * Takes sums of intervals with the labels of the devices behind them; keeps a track of numbers for each label, since a
 * month by rack is more than a million rows; gives tracks, which go from the worker to the main thread without being
 * copied, and there rows in order of time. An interval may stand in several pieces: they are added.
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
} from "../derive/intervals.js";
import type { FleetSumsQuery, FleetSumsRow, Labels, SumLabel } from "./device-state.js";

type TrackKey = Pick<FleetSumsRow, "label" | "isGpu" | "tierSeconds" | "labels">;

/** SUMS numbers for each time; times rise where they were added so. */
export type FleetTrack = TrackKey & { readonly times: Float64Array; readonly sums: Float64Array };

const ROOM_AT_FIRST = 16;

class Track {
	readonly key: TrackKey;
	private readonly times: number[] = [];
	private readonly places = new Map<number, number>();
	private sums = new Float64Array(ROOM_AT_FIRST * SUMS);
	private place = 0;

	constructor(key: TrackKey) {
		this.key = key;
	}

	add(at: number, row: Float64Array, from = 0): void {
		const first = this.placeOf(at) * SUMS;
		for (let sum = 0; sum < SUMS; sum += 1)
			this.sums[first + sum] = (this.sums[first + sum] as number) + (row[from + sum] as number);
	}

	all(): FleetTrack {
		const { key, times } = this;
		return { ...key, times: Float64Array.from(times), sums: this.sums.slice(0, times.length * SUMS) };
	}

	/** Each line goes through the same times in order, so the next place is nearly always the one after. */
	private placeOf(at: number): number {
		const { times, place } = this;
		if (times[place] === at) return place;
		if (times[place + 1] === at) this.place = place + 1;
		else this.place = this.places.get(at) ?? this.appended(at);
		return this.place;
	}

	private appended(at: number): number {
		const place = this.times.push(at) - 1;
		this.places.set(at, place);
		if (this.sums.length <= place * SUMS) {
			const wider = new Float64Array(this.sums.length * 2);
			wider.set(this.sums);
			this.sums = wider;
		}
		return place;
	}
}

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

	addTrack({ times, sums, ...key }: FleetTrack): void {
		const track = this.trackOf(key);
		for (let row = 0; row < times.length; row += 1) track.add(times[row] as number, sums, row * SUMS);
	}

	tracks(): readonly FleetTrack[] {
		return [...this.kept.values()].map((track) => track.all());
	}

	/** In order of time. Written out, since there may be a million. */
	rows(): readonly FleetSumsRow[] {
		const rows: FleetSumsRow[] = [];
		for (const { times, sums, label, isGpu, tierSeconds, labels } of this.tracks())
			for (let row = 0; row < times.length; row += 1) {
				const first = row * SUMS;
				const own = {
					from: quantity<UnixMilliseconds>(times[row] as number),
					joules: sums[first + JOULES] as number,
					terahashes: sums[first + TERAHASHES] as number,
					joulesWithWork: sums[first + JOULES_WITH_WORK] as number,
					terahashesWithPower: sums[first + TERAHASHES_WITH_POWER] as number,
					secondsUp: sums[first + SECONDS_UP] as number,
					secondsDown: sums[first + SECONDS_DOWN] as number,
					gpuSeconds: sums[first + GPU_SECONDS] as number,
					label,
					isGpu,
					tierSeconds,
				};
				rows.push(labels === undefined ? own : Object.assign(own, { labels }));
			}
		return rows.sort((one, other) => one.from - other.from);
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
