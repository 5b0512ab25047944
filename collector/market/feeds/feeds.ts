/**
 * Runs the configured feeds: each when it is due, backing off on failure, its health known.
 *
 * Takes feeds and where to put rows; every run asks those that are due and appends what is new. A feed that fails
 * changes nothing: its last values stay and grow old. Two runs never overlap, and one client serves a source.
 */
import type { Clock } from "../../../shared/clock.js";
import type { Failure } from "../../../shared/failures.js";
import type { StoredInput } from "../../store/device-state.js";

const LONGEST_BACKOFF_SECONDS = 3_600;
/** Share of an interval by which asking times are spread. */
const JITTER_RATIO = 0.1;

/** What a feed gave: rows to append, and what it left out. */
export type FeedResult =
	| { readonly ok: true; readonly rows: readonly StoredInput[]; readonly remarks?: readonly Failure[] }
	| { readonly ok: false; readonly failure: Failure; readonly retryAfterSeconds?: number };

export type Feed = {
	readonly name: string;
	readonly intervalSeconds: number;
	readonly ask: (now: number) => Promise<FeedResult>;
};

export type FeedHealth = {
	readonly feed: string;
	readonly lastSuccessAt?: number;
	readonly lastFailedAt?: number;
	readonly lastFailure?: Failure;
	readonly failuresByCode: Readonly<Record<string, number>>;
	readonly rowsRecorded: number;
	readonly nextAt: number;
};

export type FeedEvents = {
	/** Once a change: a feed that fails, or fails otherwise than before. */
	readonly onFailed: (feed: string, failure: Failure) => void;
	readonly onRecovered: (feed: string) => void;
	readonly onRemark: (feed: string, failure: Failure) => void;
};

type State = { health: FeedHealth; inARow: number; remarked: string };

export class Feeds {
	private readonly feeds: readonly Feed[];
	private readonly clock: Pick<Clock, "now" | "random">;
	private readonly events: FeedEvents;
	private readonly states = new Map<string, State>();

	constructor(feeds: readonly Feed[], clock: Pick<Clock, "now" | "random">, events: FeedEvents) {
		this.feeds = feeds;
		this.clock = clock;
		this.events = events;
		for (const { name } of feeds)
			this.states.set(name, {
				health: { feed: name, failuresByCode: {}, rowsRecorded: 0, nextAt: 0 },
				inARow: 0,
				remarked: "",
			});
	}

	health(): readonly FeedHealth[] {
		return [...this.states.values()].map(({ health }) => health);
	}

	/** Asks every feed that is due, one after another. */
	async run(record: (rows: readonly StoredInput[]) => Promise<void>): Promise<void> {
		for (const feed of this.feeds) {
			const state = this.states.get(feed.name);
			if (state === undefined || this.clock.now() < state.health.nextAt) continue;
			const result = await feed.ask(this.clock.now());
			if (result.ok) await this.succeeded(feed, state, result, record);
			else this.failed(feed, state, result);
		}
	}

	private async succeeded(
		feed: Feed,
		state: State,
		{ rows, remarks = [] }: FeedResult & { readonly ok: true },
		record: (rows: readonly StoredInput[]) => Promise<void>,
	): Promise<void> {
		await record(rows);
		if (state.inARow > 0) this.events.onRecovered(feed.name);
		state.inARow = 0;
		const { lastFailure: _, ...health } = state.health;
		const failuresByCode = { ...health.failuresByCode };
		for (const { code } of remarks) failuresByCode[code] = (failuresByCode[code] ?? 0) + 1;
		const now = this.clock.now();
		state.health = {
			...health,
			failuresByCode,
			lastSuccessAt: now,
			rowsRecorded: health.rowsRecorded + rows.length,
			nextAt: now + this.spread(feed.intervalSeconds) * 1_000,
			...(remarks[0] === undefined ? {} : { lastFailure: remarks[0] }),
		};
		const words = remarks.map(({ what }) => what).join("\n");
		if (words !== "" && words !== state.remarked)
			for (const remark of remarks) this.events.onRemark(feed.name, remark);
		state.remarked = words;
	}

	private failed(feed: Feed, state: State, result: FeedResult & { readonly ok: false }): void {
		const { failure, retryAfterSeconds } = result;
		if (state.health.lastFailure?.code !== failure.code || state.inARow === 0)
			this.events.onFailed(feed.name, failure);
		state.inARow += 1;
		const doubled = feed.intervalSeconds * 2 ** Math.min(state.inARow - 1, 10);
		const wait = Math.min(LONGEST_BACKOFF_SECONDS, Math.max(retryAfterSeconds ?? 0, this.spread(doubled)));
		const { failuresByCode } = state.health;
		state.health = {
			...state.health,
			lastFailure: failure,
			lastFailedAt: this.clock.now(),
			failuresByCode: { ...failuresByCode, [failure.code]: (failuresByCode[failure.code] ?? 0) + 1 },
			nextAt: this.clock.now() + wait * 1_000,
		};
	}

	private spread(seconds: number): number {
		return seconds * (1 + JITTER_RATIO * this.clock.random());
	}
}
