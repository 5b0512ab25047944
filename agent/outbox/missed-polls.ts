/**
 * Polls that were never made → gaps: the time in which the agent was down, and polls left out because the one
 * before was still under way.
 *
 * Takes counts and clocks; gives gap records. Never looks at a device.
 */
import type { Gap } from "../../shared/wire/gap.js";
import type { RecordTime } from "../../shared/wire/outcome.js";

/** A restart takes less, and then nothing is missing that a poll interval would not hide. */
const DOWN_MILLISECONDS_LEAST = 60_000;

export class MissedPolls {
	private readonly timeNow: () => RecordTime;
	private readonly tell: (time: RecordTime, gap: Gap) => void;
	private overruns = 0;
	private countedAt: number;

	constructor(options: { timeNow: () => RecordTime; tell: (time: RecordTime, gap: Gap) => void }) {
		this.timeNow = options.timeNow;
		this.tell = options.tell;
		this.countedAt = options.timeNow().wall;
	}

	/** Polls that gap records told of since this one began. */
	get told(): number {
		return this.overruns;
	}

	/**
	 * @param newestWall when the newest record was made; 0 where there is none
	 * @returns the time in which the agent was down
	 */
	started(newestWall: number): { readonly from: number; readonly to: number } | undefined {
		const time = this.timeNow();
		if (newestWall === 0 || time.wall - newestWall < DOWN_MILLISECONDS_LEAST) return undefined;
		const hole = { from: newestWall, to: Math.round(time.wall) };
		// How many polls would have been due nobody counted: none of them was made.
		this.tell(time, { reason: "agent_down", ...hole, outcomes: 0 });
		return hole;
	}

	/** @param overruns polls left out so far */
	counted(overruns: number): void {
		const time = this.timeNow();
		// A wall clock may have been set back meanwhile.
		const from = Math.round(Math.min(this.countedAt, time.wall));
		this.countedAt = time.wall;
		const outcomes = overruns - this.overruns;
		if (outcomes <= 0) return;
		this.overruns = overruns;
		this.tell(time, { reason: "poll_overrun", from, to: Math.round(time.wall), outcomes });
	}
}
