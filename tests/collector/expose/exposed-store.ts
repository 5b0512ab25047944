/** What the collector shows of a store, on a free port: takes the store and what differs; gives where it listens. */
import { type ExposeOptions, startExpose } from "../../../collector/expose/start.js";
import { realClock } from "../../../shared/clock.js";

export function exposed(
	store: ExposeOptions["store"],
	more: Partial<Omit<ExposeOptions, "store">> = {},
): ReturnType<typeof startExpose> {
	return startExpose({
		store,
		clock: realClock,
		listen: { address: "127.0.0.1", port: 0 },
		perDevice: "all",
		view: {
			version: "test",
			site: "austin",
			timeZone: "UTC",
			isDemo: false,
			power: { hostOverheadRatio: 1.2, hostOverheadWatts: 0 },
			money: { siteOverheadRatio: 1 },
			temperatureLimits: {},
		},
		log: () => undefined,
		...more,
	});
}
