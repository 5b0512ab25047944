/**
 * What meters say of the devices that they feed. Takes the configuration's feeds, the meters' newest readings and the
 * devices' powers; gives metered watts of single devices, and for each feed what its devices account for. Pure.
 *
 * A meter at the wall or feeder is compared with watts at the wall: those of hosts and supplies' inputs (host, wall,
 * feeder). Watts of chips, boards and GPUs cover less and are not added to them; their devices are counted as
 * missing, so that the difference does not read as a loss.
 */
import type { PowerBoundary } from "../../shared/measurements.js";
import type { LatestReading } from "../store/device-state.js";
import { componentValues, deviceValue } from "./latest-values.js";
import type { Power } from "./power.js";

/** One meter, or one outlet of it, and what hangs on it. Endpoints as the agents name them. */
export type Feed = {
	readonly site: string;
	readonly meter: string;
	readonly outlet?: string;
} & (
	| { readonly to: "device"; readonly device: string }
	| { readonly to: "rack"; readonly rack: string }
	| { readonly to: "site" }
);

/** A feed and its watts now; metered and unaccounted are absent while the meter does not answer. */
export type FeedBalance = {
	readonly feed: Feed;
	readonly meteredWatts?: number;
	/** Sum over the devices whose watts are known at the wall. */
	readonly accountedWatts: number;
	readonly unaccountedWatts?: number;
	readonly devices: number;
	readonly devicesWithoutWatts: number;
};

/** The watts of a meter or of one of its outlets. */
export function meterWatts(latest: LatestReading, outlet: string | undefined): number | undefined {
	if (outlet === undefined) return deviceValue(latest, "powerWatts");
	return componentValues(latest, "powerWatts").find(
		({ component }) => component.part === "outlet" && component.key === outlet,
	)?.value;
}

export function endpointKey(site: string, endpoint: string): string {
	return `${site}/${endpoint}`;
}

/**
 * Metered watts of devices with feeds of their own, by endpointKey. A device on two outlets draws from both: where one
 * of its meters is silent, half of its watts would read as the whole, so it has none.
 */
export function meteredPowers(
	feeds: readonly Feed[],
	wattsOf: (feed: Feed) => number | undefined,
): ReadonlyMap<string, Power> {
	const sums = new Map<string, number | undefined>();
	for (const feed of feeds) {
		if (feed.to !== "device") continue;
		const key = endpointKey(feed.site, feed.device);
		const watts = wattsOf(feed);
		const before = sums.has(key) ? sums.get(key) : 0;
		sums.set(key, watts === undefined || before === undefined ? undefined : before + watts);
	}
	return new Map(
		[...sums].flatMap(([key, watts]) =>
			watts === undefined ? [] : [[key, { watts, source: "metered", boundary: "wall" } as const] as const],
		),
	);
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

	balances(wattsOf: (feed: Feed) => number | undefined): readonly FeedBalance[] {
		return this.#sums.map(({ feed, watts, devices, without }) => {
			const metered = wattsOf(feed);
			return {
				feed,
				accountedWatts: watts,
				devices,
				devicesWithoutWatts: without,
				...(metered === undefined ? {} : { meteredWatts: metered, unaccountedWatts: metered - watts }),
			};
		});
	}
}

function feedsIt(feed: Feed, { site, endpoint, rack }: FedDevice): boolean {
	if (feed.site !== site) return false;
	if (feed.to === "device") return feed.device === endpoint;
	return feed.to === "site" || feed.rack === rack;
}
