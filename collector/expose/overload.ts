/**
 * While the collector cannot keep up with what agents send, viewers' work on the past stands back.
 *
 * Takes since when it cannot, as ingest knows it; says what is refused, in one way for all who ask, and counts it. What
 * shows the present stays, the live stream with fewer updates.
 */
import { type Failure, failure } from "../../shared/failures.js";

/** It lasts at least so long: coming again earlier is in vain. */
export const OVERLOAD_RETRY_SECONDS = 3;

/** The page takes figures for old after five seconds. */
const UPDATE_EVERY_SECONDS = 3;

export const STANDING_BACK = ["query", "export", "replay", "update"] as const;
export type StandingBack = (typeof STANDING_BACK)[number];

export type OverloadOptions = {
	/** Unix milliseconds; undefined while it keeps up. */
	readonly since: () => number | undefined;
	readonly onStoodBack: (work: StandingBack, times: number) => void;
};

export class Overload {
	private readonly options: OverloadOptions;

	constructor(options: OverloadOptions) {
		this.options = options;
	}

	get since(): number | undefined {
		return this.options.since();
	}

	/** Why such work may not be done now; undefined where it may. */
	refusal(work: Exclude<StandingBack, "update">): Failure | undefined {
		if (this.since === undefined) return undefined;
		this.options.onStoodBack(work, 1);
		return failure("OVERLOADED", this.words());
	}

	/** Whether an update of the live stream, to so many viewers, is left out of this second. */
	isLeftOut(second: number, viewers: number): boolean {
		if (this.since === undefined || second % UPDATE_EVERY_SECONDS === 0) return false;
		this.options.onStoodBack("update", viewers);
		return true;
	}

	words(): string {
		const since = this.since;
		const time = since === undefined ? "" : ` since ${new Date(since).toISOString()}`;
		return `Agents send more than is stored in time${time}: the past is not shown meanwhile.`;
	}
}
