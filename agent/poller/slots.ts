/**
 * Which device is asked next, and how many at once. Pure bookkeeping over items of any kind; starts nothing.
 *
 * Invariants: at most POLLS_IN_FLIGHT_MAX slots are taken; at most half of them by devices in doubt, so that
 * these may all hang and the others go on; each lane is first come, first served.
 */
export const POLLS_IN_FLIGHT_MAX = 64;
/** Slots for devices that failed last time and for the search together: they may hang. */
export const DOUBTFUL_IN_FLIGHT_MAX = POLLS_IN_FLIGHT_MAX / 2;
/** Empty addresses of a wide range must not keep devices that are known to stand somewhere from being asked. */
export const SEARCHES_IN_FLIGHT_MAX = 24;
/** Devices in doubt that wait keep this many slots even when trusted devices could fill them all. */
const DOUBTFUL_IN_FLIGHT_MIN = 8;

/** Up; failed last time, or listed and never seen; an address of a range where nobody has answered yet. */
const LANES = ["trusted", "suspect", "search"] as const;
export type Lane = (typeof LANES)[number];

export class Slots<Item> {
	readonly #waiting: Readonly<Record<Lane, Set<Item>>> = {
		trusted: new Set(),
		suspect: new Set(),
		search: new Set(),
	};
	readonly #taken: Record<Lane, number> = { trusted: 0, suspect: 0, search: 0 };

	get waiting(): number {
		return LANES.reduce((sum, lane) => sum + this.#waiting[lane].size, 0);
	}

	get trustedWaiting(): number {
		return this.#waiting.trusted.size;
	}

	wait(item: Item, lane: Lane): void {
		this.#waiting[lane].add(item);
	}

	leave(item: Item): void {
		for (const lane of LANES) this.#waiting[lane].delete(item);
	}

	/** Takes a slot for the next item in turn; the caller gives it back with `release`. */
	take(): { readonly item: Item; readonly lane: Lane } | undefined {
		const lane = this.#nextLane();
		if (lane === undefined) return undefined;
		for (const item of this.#waiting[lane]) {
			this.#waiting[lane].delete(item);
			this.#taken[lane]++;
			return { item, lane };
		}
		return undefined;
	}

	release(lane: Lane): void {
		this.#taken[lane]--;
	}

	#nextLane(): Lane | undefined {
		const { trusted, suspect, search } = this.#waiting;
		const doubtfulTaken = this.#taken.suspect + this.#taken.search;
		const free = POLLS_IN_FLIGHT_MAX - this.#taken.trusted - doubtfulTaken;
		const isDoubtfulWaiting = suspect.size + search.size > 0;
		const kept = isDoubtfulWaiting ? Math.max(0, DOUBTFUL_IN_FLIGHT_MIN - doubtfulTaken) : 0;
		if (trusted.size > 0 && free > kept) return "trusted";
		if (free <= 0 || doubtfulTaken >= DOUBTFUL_IN_FLIGHT_MAX) return undefined;
		if (suspect.size > 0) return "suspect";
		return search.size > 0 && this.#taken.search < SEARCHES_IN_FLIGHT_MAX ? "search" : undefined;
	}
}
