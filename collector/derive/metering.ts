/**
 * What meters say of the devices that they feed. Takes the configuration's feeds, the meters' newest readings and the
 * devices' powers; gives metered watts of single devices, and for each feed what its devices account for. Pure.
 *
 * A meter is compared with watts at its own boundary: those of supplies' inputs (host, wall), and for a feeder times
 * the stated loss of the cables between. Watts of chips, boards and GPUs cover less: where they were not brought to the
 * wall by a stated ratio their devices are counted as missing, so that the difference does not read as a loss.
 */
import {
	type MeasurementName,
	POWER_BOUNDARIES,
	POWER_SOURCES,
	type PowerBoundary,
} from "../../shared/measurements.js";
import type { Column, Columns, LatestReading } from "../store/device-state.js";
import { type Power, TYPICAL_CONVERSIONS } from "./boundaries.js";
import { endpointKey, type Feed } from "./feeds.js";
import { componentValues, deviceValue } from "./latest-values.js";
import { atTheWall, namedPower, type PowerOptions } from "./power.js";

/** A feed and its watts now; metered and unaccounted are absent while the meter does not answer. */
export type FeedBalance = {
	readonly feed: Feed;
	readonly meteredWatts?: number;
	/** Sum over the devices whose watts are known at the wall, at the meter's boundary. */
	readonly accountedWatts: number;
	readonly unaccountedWatts?: number;
	readonly devices: number;
	readonly devicesWithoutWatts: number;
	/** Of the meter. */
	readonly boundary?: PowerBoundary;
};

/** The watts of a meter or of one of its outlets, as it says them. */
export function meterPower(latest: LatestReading, outlet: string | undefined): Power | undefined {
	if (outlet === undefined) return namedPower((name) => deviceValue(latest, name));
	return namedPower((name) => outletValue(latest, outlet, name));
}

function outletValue(latest: LatestReading, outlet: string, name: MeasurementName): number | undefined {
	return componentValues(latest, name).find(
		({ component }) => component.part === "outlet" && component.key === outlet,
	)?.value;
}

/**
 * Watts of devices with feeds of their own, at the wall, by endpointKey. A device on two outlets draws from both:
 * where one of its meters is silent, half of its watts would read as the whole, so it has none. What a separate
 * meter measures goes before what a host's own controller (Redfish, IPMI) says of its supplies.
 */
export function meteredPowers(
	feeds: readonly Feed[],
	wordOf: (feed: Feed) => FeedWord,
	options: PowerOptions,
): ReadonlyMap<string, Power> {
	const byDevice = new Map<string, FeedWord[]>();
	for (const feed of feeds) {
		if (feed.to !== "device") continue;
		const key = endpointKey(feed.site, feed.device);
		const words = byDevice.get(key) ?? [];
		byDevice.set(key, words);
		words.push(wordOf(feed));
	}
	const found = new Map<string, Power>();
	for (const [key, words] of byDevice) {
		const power = suppliedPower(words, options);
		if (power !== undefined) found.set(key, power);
	}
	return found;
}

/** What a feed said last, and how long that holds. */
export type HeldWord = {
	/** Unix ms. */
	readonly at: number;
	readonly power: Power;
	readonly holdMilliseconds: number;
};

/**
 * Watts at the wall of a device that was read at a time, from what its feeds said last. A meter that speaks a little
 * after the device counts as well as one that spoke before: the two are read by turns.
 */
export function suppliedWatts(
	held: readonly (HeldWord | undefined)[],
	at: number,
	options: PowerOptions,
): number | undefined {
	const words = held.map((word) => {
		if (word === undefined) return NEVER_HEARD;
		const isController = word.power.source !== "metered";
		const isFresh = Math.abs(at - word.at) <= word.holdMilliseconds;
		return isFresh ? { power: word.power, isController } : { isController };
	});
	return suppliedPower(words, options)?.watts;
}

/** What of a meter's columns is looked at. */
export function isSpoken({ measurement, component }: Pick<Column, "measurement" | "component">): boolean {
	return SPOKEN.has(measurement) && (component === undefined || component.part === "outlet");
}
const SPOKEN: ReadonlySet<string> = new Set(["powerWatts", "powerSource", "powerBoundary"]);

/** What a meter said last at or before a time, from pieces of its past in order of time. */
export function lastWords(
	pieces: readonly Columns[],
	{ outlet, holdMilliseconds }: { readonly outlet: string | undefined; readonly holdMilliseconds: number },
): (at: number) => HeldWord | undefined {
	const words = pieces.flatMap((piece) => [...spoken(piece, outlet, holdMilliseconds)]);
	const times = words.map(({ at }) => at);
	return (at) => {
		let [low, high] = [0, times.length];
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((times[middle] as number) <= at) low = middle + 1;
			else high = middle;
		}
		return words[low - 1];
	};
}

function* spoken(
	{ columns, times, values }: Columns,
	outlet: string | undefined,
	holdMilliseconds: number,
): Generator<HeldWord> {
	const column = (name: string) =>
		values[
			columns.findIndex(
				({ measurement, component }) =>
					measurement === name &&
					(outlet === undefined ? component === undefined : component?.key === outlet),
			)
		];
	const [watts, sources, boundaries] = [column("powerWatts"), column("powerSource"), column("powerBoundary")];
	for (const [row, at] of times.entries()) {
		const said = watts?.[row] ?? Number.NaN;
		if (Number.isNaN(said)) continue;
		const boundary = POWER_BOUNDARIES[boundaries?.[row] ?? -1];
		const source = POWER_SOURCES[sources?.[row] ?? -1] ?? "reported";
		yield {
			at,
			holdMilliseconds,
			power: { watts: said, source, ...(boundary === undefined ? {} : { boundary }) },
		};
	}
}

/** What a feed's meter says now; without power while it is silent. */
export type FeedWord = {
	readonly power?: Power;
	/** Not a meter of its own but a host's controller, as it said when it last spoke. */
	readonly isController: boolean;
};

export const NEVER_HEARD: FeedWord = { isController: false };

export function feedWord(latest: LatestReading, outlet: string | undefined, isFresh: boolean): FeedWord {
	const power = meterPower(latest, outlet);
	const isController = power !== undefined && power.source !== "metered";
	return isFresh && power !== undefined ? { power, isController } : { isController };
}

/** Of one device, from all its feeds. */
function suppliedPower(words: readonly FeedWord[], options: PowerOptions): Power | undefined {
	return (
		summed(
			words.filter(({ isController }) => !isController),
			options,
		) ??
		summed(
			words.filter(({ isController }) => isController),
			options,
		)
	);
}

/** At the wall; absent where one is silent. The least certain source names the sum. */
function summed(words: readonly FeedWord[], options: PowerOptions): Power | undefined {
	const powers = words.flatMap(({ power }) => power ?? []);
	if (powers.length === 0 || powers.length < words.length) return undefined;
	let watts = 0;
	let source: Power["source"] = "metered";
	let boundary: Power["boundary"] = "wall";
	let convertedFrom: Power["convertedFrom"];
	let errorWatts = 0;
	for (const power of powers) {
		const one = atTheWall(power, options);
		watts += one.watts;
		if (POWER_SOURCES.indexOf(one.source) > POWER_SOURCES.indexOf(source)) source = one.source;
		if (one.boundary === "host") boundary = "host";
		if (one.convertedFrom !== undefined) convertedFrom = one.convertedFrom;
		errorWatts += (one.errorRatio ?? 0) * one.watts;
	}
	return {
		watts,
		source,
		boundary,
		...(convertedFrom === undefined ? {} : { convertedFrom }),
		...(errorWatts > 0 && watts > 0 ? { errorRatio: errorWatts / watts } : {}),
	};
}

const AT_THE_WALL: ReadonlySet<PowerBoundary | undefined> = new Set(["host", "wall", "feeder"]);

export type FedDevice = {
	readonly site: string;
	readonly endpoint: string;
	readonly rack?: string | undefined;
	/** What it would be counted with if it had no meter of its own. */
	readonly own?: Power | undefined;
	/** Its best. */
	readonly power?: Power | undefined;
};

/** Adds up device by device; devices that do not answer count as without watts. */
export class FeedBalances {
	readonly #sums: readonly { readonly feed: Feed; watts: number; devices: number; without: number }[];

	constructor(feeds: readonly Feed[]) {
		this.#sums = feeds.map((feed) => ({ feed, watts: 0, devices: 0, without: 0 }));
	}

	add(device: FedDevice): void {
		for (const sum of this.#sums) {
			if (!feedsIt(sum.feed, device)) continue;
			// Against the meter of the device itself its own word stands.
			const power = sum.feed.to === "device" ? device.own : device.power;
			sum.devices += 1;
			if (power !== undefined && AT_THE_WALL.has(power.boundary)) sum.watts += power.watts;
			else sum.without += 1;
		}
	}

	balances(
		wordOf: (feed: Feed) => FeedWord,
		{ conversions = TYPICAL_CONVERSIONS }: Pick<PowerOptions, "conversions"> = {},
	): readonly FeedBalance[] {
		return this.#sums.map(({ feed, watts, devices, without }) => {
			const metered = wordOf(feed).power;
			const isFeeder = metered?.boundary === "feeder";
			const accountedWatts = isFeeder ? watts * conversions.wallToFeederRatio : watts;
			return {
				feed,
				accountedWatts,
				devices,
				devicesWithoutWatts: without,
				...(metered?.boundary === undefined ? {} : { boundary: metered.boundary }),
				...(metered === undefined
					? {}
					: { meteredWatts: metered.watts, unaccountedWatts: metered.watts - accountedWatts }),
			};
		});
	}
}

function feedsIt(feed: Feed, { site, endpoint, rack }: FedDevice): boolean {
	if (feed.site !== site) return false;
	if (feed.to === "device") return feed.device === endpoint;
	return feed.to === "site" || feed.rack === rack;
}
