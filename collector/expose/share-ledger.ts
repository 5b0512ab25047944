/**
 * How accepted shares and reported work of each device grew together: what poolCheck compares.
 *
 * Takes devices as they are looked at, seconds apart; keeps, for each, where its counters stood at the begin of the
 * day that runs. A device that was down, or whose counters fell, begins anew: shares found while nobody listened are
 * no proof of work that nobody counted.
 */
import { deviceValue } from "../derive/latest-values.js";
import { type PoolCheck, poolCheck } from "../derive/mining.js";
import type { DeviceFacts } from "./device-facts.js";

const WINDOW_MILLISECONDS = 86_400_000;
const DEVICES_MOST = 100_000;
/** Fewer say nothing, and counters that just began stand beside work that did not. */
export const FEWEST_SHARES = 30;

type Stand = {
	readonly at: number;
	readonly difficulty: number;
	readonly shares: number;
	readonly terahashes: number;
};
type Kept = { first: Stand; last: Stand };

export type DeviceCheck = PoolCheck & { readonly shares: number; readonly reportedTerahashes: number };

export class ShareLedger {
	private readonly kept = new Map<number, Kept>();

	/** Undefined where nothing can be said yet, or ever. */
	look(facts: DeviceFacts, now: number): DeviceCheck | undefined {
		const { state, gauges, health, isSha256Miner } = facts;
		const difficulty = gauges && deviceValue(gauges, "shareDifficultyAccepted");
		const shares = gauges && deviceValue(gauges, "sharesAccepted");
		if (!isSha256Miner || health !== "up" || difficulty === undefined || shares === undefined) {
			this.kept.delete(state.number);
			return undefined;
		}
		const stand = { at: now, difficulty, shares, terahashes: state.meter.terahashesTotal };
		const known = this.kept.get(state.number);
		const isContinued =
			known !== undefined &&
			state.answeringSince <= known.first.at &&
			shares >= known.last.shares &&
			difficulty >= known.last.difficulty &&
			now - known.first.at < WINDOW_MILLISECONDS;
		if (!isContinued) {
			if (this.kept.size < DEVICES_MOST || known !== undefined)
				this.kept.set(state.number, { first: stand, last: stand });
			return undefined;
		}
		known.last = stand;
		return checkOf(known);
	}
}

function checkOf({ first, last }: Kept): DeviceCheck | undefined {
	const shares = last.shares - first.shares;
	const reportedTerahashes = last.terahashes - first.terahashes;
	const seconds = (last.at - first.at) / 1_000;
	if (shares < FEWEST_SHARES || reportedTerahashes <= 0 || seconds <= 0) return undefined;
	const check = poolCheck({
		shareDifficultySum: last.difficulty - first.difficulty,
		shares,
		seconds,
		selfTerahashesPerSecond: reportedTerahashes / seconds,
	});
	return { ...check, shares, reportedTerahashes };
}

/** Of several devices together: work and shares add up, so the error bar shrinks. */
export class ShareSums {
	private devices = 0;
	private shares = 0;
	private reported = 0;
	private verified = 0;

	add({ shares, reportedTerahashes, deviationRatio }: DeviceCheck): void {
		this.devices += 1;
		this.shares += shares;
		this.reported += reportedTerahashes;
		this.verified += reportedTerahashes * (1 + deviationRatio);
	}

	all():
		| {
				readonly devices: number;
				readonly shares: number;
				readonly verifiedRatio: number;
				readonly standardDeviationRatio: number;
		  }
		| undefined {
		if (this.devices === 0) return undefined;
		return {
			devices: this.devices,
			shares: this.shares,
			verifiedRatio: this.verified / this.reported,
			standardDeviationRatio: 1 / Math.sqrt(this.shares),
		};
	}
}
