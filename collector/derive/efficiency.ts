/**
 * Joules per terahash. Takes power and hashrate, or energy and work; gives J/TH or nothing.
 *
 * Pure. It never averages ratios: a group's J/TH is made from the group's sums.
 */
import {
	type Joules,
	type JoulesPerTerahash,
	quantity,
	type Terahashes,
	type TerahashesPerSecond,
	type Watts,
} from "../../shared/units.js";

/** Below 1 GH/s a machine is idle: a watt over next to nothing says nothing of its efficiency. */
export const IDLE_BELOW = quantity<TerahashesPerSecond>(0.001);

export function joulesPerTerahash(
	power: Watts,
	hashrate: TerahashesPerSecond,
): JoulesPerTerahash | undefined {
	if (!(hashrate >= IDLE_BELOW)) return undefined;
	return quantity<JoulesPerTerahash>(power / hashrate);
}

/** The same from sums of one span of time; absent where no energy or no work was measured. */
export function joulesPerTerahashFromSums(energy: Joules, work: Terahashes): JoulesPerTerahash | undefined {
	if (!(energy > 0) || !(work > 0)) return undefined;
	return quantity<JoulesPerTerahash>(energy / work);
}
