/**
 * Which meter, or which outlet of one, feeds what: topology, as the configuration states it. Pure.
 */
import { grouped } from "../../shared/grouped.js";

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

/** Feeds of single devices, by what an end of them is named by. */
export class FeedIndex {
	readonly ofMeter: ReadonlyMap<string, readonly DeviceFeed[]>;
	readonly ofDevice: ReadonlyMap<string, readonly DeviceFeed[]>;

	constructor(feeds: readonly Feed[]) {
		const own = feeds.filter((feed) => feed.to === "device");
		this.ofMeter = grouped(own, ({ site, meter }) => endpointKey(site, meter));
		this.ofDevice = grouped(own, ({ site, device }) => endpointKey(site, device));
	}
}

export type DeviceFeed = Feed & { readonly to: "device" };

/** Tells the feeds of a device apart. */
export function feedKey({ meter, outlet }: Feed): string {
	return outlet === undefined ? meter : `${meter} ${outlet}`;
}

/** Names a device or meter within the fleet. */
export function endpointKey(site: string, endpoint: string): string {
	return `${site}/${endpoint}`;
}
