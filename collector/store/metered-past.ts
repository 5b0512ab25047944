/**
 * What meters said in an hour of the past, for the energy of the devices that they feed.
 *
 * Takes the feeds, the store's runs and who is who; gives a device's watts at the wall at a time. A device is
 * counted with what its meters said last before it was read. The hour asked for last is kept: its devices come
 * one after another. Lives in the storage worker.
 */
import { endpointKey, type Feed, FeedIndex } from "../derive/feeds.js";
import { type IntervalDevice, longestHoldMilliseconds } from "../derive/intervals.js";
import { type HeldWord, isSpoken, lastWords, suppliedWatts } from "../derive/metering.js";
import type { PowerOptions } from "../derive/power.js";
import type { ChunkRun } from "./chunk.js";
import { MILLISECONDS_PER_HOUR } from "./day-files.js";
import type { Column } from "./device-state.js";
import { asColumns } from "./runs.js";

export type NamedDevice = {
	readonly number: number;
	readonly site: string;
	readonly endpoint: string;
	readonly pollIntervalSeconds: number;
};

export type MeteredPastOptions = {
	readonly power: PowerOptions;
	readonly runs: (
		devices: readonly number[],
		range: { readonly from: number; readonly to: number },
		wanted: (column: Column) => boolean,
	) => ReadonlyMap<number, ChunkRun>;
	/** All devices that are known. */
	readonly devices: () => Iterable<NamedDevice>;
	/** Changes whenever something of the hour may have. */
	readonly versionOf: (hour: number) => string;
};

type Meter = { readonly holdMilliseconds: number; readonly runs: readonly ChunkRun[] };

type Hour = {
	readonly hour: number;
	readonly version: string;
	/** By endpointKey. */
	readonly meters: ReadonlyMap<string, Meter>;
	/** Of the meters, by their numbers. */
	readonly keys: ReadonlyMap<number, string>;
	/** Of the devices that have any, by their numbers. */
	readonly feeds: ReadonlyMap<number, readonly Feed[]>;
};

export class MeteredPast {
	private readonly options: MeteredPastOptions;
	private readonly index: FeedIndex;
	private kept: Hour | undefined;

	constructor(options: MeteredPastOptions) {
		this.options = options;
		this.index = new FeedIndex(options.power.feeds ?? []);
	}

	/** What was read is no longer what is stored. */
	forget(): void {
		this.kept = undefined;
	}

	/** Whether any meter feeds what answers there. */
	feeds(site: string, endpoint: string): boolean {
		return this.index.ofDevice.has(endpointKey(site, endpoint));
	}

	/** The devices whose watts are measured by these. */
	fedBy(meters: readonly number[], hour: number): readonly number[] {
		if (this.index.ofDevice.size === 0) return [];
		const { keys, feeds } = this.hour(hour);
		const meant = new Set(meters.flatMap((meter) => keys.get(meter) ?? []));
		if (meant.size === 0) return [];
		return [...feeds].flatMap(([device, own]) =>
			own.some(({ site, meter }) => meant.has(endpointKey(site, meter))) ? [device] : [],
		);
	}

	/** Undefined for a device without meters of its own. */
	wattsOf(device: number, hour: number): IntervalDevice["meteredWatts"] {
		if (this.index.ofDevice.size === 0) return undefined;
		const { meters, feeds } = this.hour(hour);
		const words = feeds
			.get(device)
			?.map((feed) => wordsOf(meters.get(endpointKey(feed.site, feed.meter)), feed.outlet));
		if (words === undefined) return undefined;
		return (at) =>
			suppliedWatts(
				words.map((lastBefore) => lastBefore(at)),
				at,
				this.options.power,
			);
	}

	private hour(hour: number): Hour {
		const version = this.options.versionOf(hour);
		if (this.kept?.hour !== hour || this.kept.version !== version)
			this.kept = { hour, version, ...this.read(hour) };
		return this.kept;
	}

	private read(hour: number): Omit<Hour, "hour" | "version"> {
		const named = new Map<string, NamedDevice>();
		const feeds = new Map<number, readonly Feed[]>();
		for (const device of this.options.devices()) {
			const key = endpointKey(device.site, device.endpoint);
			if (this.index.ofMeter.has(key)) named.set(key, device);
			const own = this.index.ofDevice.get(key);
			if (own !== undefined) feeds.set(device.number, own);
		}
		const numbers = [...new Set([...named.values()].map(({ number }) => number))];
		numbers.sort((one, other) => one - other);
		const from = hour * MILLISECONDS_PER_HOUR;
		const hold = Math.max(0, ...[...named.values()].map(holdOf));
		const before = this.options.runs(numbers, { from: from - hold, to: from }, isSpoken);
		const own = this.options.runs(numbers, { from, to: from + MILLISECONDS_PER_HOUR }, isSpoken);
		const meters = new Map<string, Meter>();
		for (const [key, device] of named) {
			const runs = [before.get(device.number), own.get(device.number)].filter((run) => run !== undefined);
			meters.set(key, { holdMilliseconds: holdOf(device), runs });
		}
		const keys = new Map([...named].map(([key, { number }]) => [number, key]));
		return { meters, keys, feeds };
	}
}

function holdOf({ pollIntervalSeconds }: NamedDevice): number {
	return longestHoldMilliseconds(pollIntervalSeconds);
}

function wordsOf(meter: Meter | undefined, outlet: string | undefined): (at: number) => HeldWord | undefined {
	if (meter === undefined) return () => undefined;
	return lastWords(meter.runs.map(asColumns), { outlet, holdMilliseconds: meter.holdMilliseconds });
}
