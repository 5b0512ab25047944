/**
 * What a miner that says no watts draws: an estimate from model, boards, mode and hashrate, with its error band.
 *
 * Takes the model's name and a reading; gives watts at the wall, or nothing. Pure. An idle machine has none:
 * a stopped board and one that heats up look alike.
 *
 * A machine's watts are a small fixed part (fans, control board) and the boards' own. A board that is clocked to
 * the share r of its rate needs less voltage, so its J/TH falls about with r^0.3: a firmware's published profiles
 * of an S19k Pro lie between r^0.3 and r^0.44, another's of an S21 Pro between r^0 and r^0.35. One that runs at
 * full clock and loses hashes keeps its watts. Which of the two it is only the mode tells; without one the middle
 * is taken, and what the ends differ from it is in the band.
 */
import { POWER_MODES } from "../../shared/measurements.js";
import type { LatestReading } from "../store/device-state.js";
import type { Power } from "./boundaries.js";
import { TYPICAL_ERRORS } from "./confidence.js";
import { IDLE_BELOW } from "./efficiency.js";
import { deviceValue } from "./latest-values.js";
import { nameplatesOf, otherNameplatesOf } from "./nameplates.js";

const FIXED_SHARE = 0.04;
const CLOCKED_EXPONENT = 0.3;
const UNKNOWN_EXPONENT = 0.15;
/** Profiles beyond are nobody's: the exponent says nothing there. */
const LOAD_LEAST = 0.3;
const LOAD_MOST = 1.5;
const ERROR_RATIO_MOST = 0.5;

/** The printed rate and watts that a machine is held against, with the machine's rate in the same unit. */
type Rated = {
	readonly rate: number;
	readonly ratedPerSecond: number;
	readonly watts: number;
	/** How far apart the bins of one name are, where nothing tells which one it is. */
	readonly binError: number;
};

export function minerEstimate(model: string | undefined, latest: LatestReading): Power | undefined {
	const rated = model === undefined ? undefined : (sha256(model, latest) ?? other(model, latest));
	if (rated === undefined) return undefined;
	const { rate, ratedPerSecond, watts, binError } = rated;
	const working = workingShare(latest);
	const isModeKnown = isModeStated(latest);
	if (working === undefined && !isModeKnown) {
		const load = rate / ratedPerSecond;
		const error = TYPICAL_ERRORS.nameplateWatts + offBy(load, CLOCKED_EXPONENT) + binError;
		return estimate("nameplate", watts * load, error);
	}
	const boards = working ?? 1;
	const load = rate / (ratedPerSecond * boards);
	const exponent = isModeKnown ? CLOCKED_EXPONENT : UNKNOWN_EXPONENT;
	const ofBoards = boards * load * clockedRatio(load, exponent);
	const unknown = isModeKnown ? 0 : offBy(load, UNKNOWN_EXPONENT);
	const error = TYPICAL_ERRORS.estimatedWatts + unknown + binError;
	return estimate("estimated", watts * (FIXED_SHARE + (1 - FIXED_SHARE) * ofBoards), error);
}

function sha256(model: string, latest: LatestReading): Rated | undefined {
	const rate = deviceValue(latest, "hashrateTerahashesPerSecond");
	if (rate === undefined || rate < IDLE_BELOW) return undefined;
	const stated =
		deviceValue(latest, "hashrateNameplateTerahashesPerSecond") ??
		deviceValue(latest, "hashrateNominalTerahashesPerSecond");
	const bins = nameplatesOf(model, stated);
	return ratedBy(
		bins.map(({ terahashesPerSecond, watts }) => ({ perSecond: terahashesPerSecond, watts })),
		rate,
		stated,
	);
}

function other(model: string, latest: LatestReading): Rated | undefined {
	const rate = deviceValue(latest, "otherAlgorithmHashrateHashesPerSecond");
	if (rate === undefined || !(rate > 0)) return undefined;
	const stated = deviceValue(latest, "otherAlgorithmHashrateNominalHashesPerSecond");
	return ratedBy(otherNameplatesOf(model, stated), rate, stated);
}

function ratedBy(
	[meant, ...others]: readonly { readonly perSecond: number; readonly watts: number }[],
	rate: number,
	stated: number | undefined,
): Rated | undefined {
	// A rate far above what is printed is not in the unit that we think.
	if (meant === undefined || rate > meant.perSecond * RATE_MOST_RATIO) return undefined;
	const perHash = meant.watts / meant.perSecond;
	const apart = others.map((one) => Math.abs(one.watts / one.perSecond / perHash - 1));
	const binError = stated === undefined ? Math.max(0, ...apart) : 0;
	return { rate, ratedPerSecond: meant.perSecond, watts: meant.watts, binError };
}
const RATE_MOST_RATIO = 2;

function estimate(source: Power["source"], watts: number, errorRatio: number): Power {
	return { watts, source, boundary: "wall", errorRatio: Math.min(errorRatio, ERROR_RATIO_MOST) };
}

function clockedRatio(load: number, exponent: number): number {
	return Math.min(LOAD_MOST, Math.max(LOAD_LEAST, load)) ** exponent;
}

/** What the watts would differ by if the load had nothing to do with the clock. */
function offBy(load: number, exponent: number): number {
	return Math.abs(1 - clockedRatio(load, exponent));
}

/** Of the boards that it should have; undefined where it does not say. */
function workingShare(latest: LatestReading): number | undefined {
	const boards = deviceValue(latest, "boardCount");
	const slots = deviceValue(latest, "boardSlotCount");
	if (boards === undefined || slots === undefined || boards < 1 || boards > slots) return undefined;
	return boards / slots;
}

/** A mode by which the clock is set: then less than the printed rate is a lower clock. */
function isModeStated(latest: LatestReading): boolean {
	const mode = POWER_MODES[deviceValue(latest, "powerMode") ?? -1];
	return mode !== undefined && mode !== "custom";
}
