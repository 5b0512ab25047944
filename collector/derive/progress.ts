/**
 * One outcome → what is known of its device: the step that present and past have in common.
 *
 * Takes a state and an outcome that is not older than those before; changes the state in place. Pure otherwise.
 */
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import type { DeviceState, LatestReading } from "../store/device-state.js";
import { advance } from "./energy.js";
import type { PoweredDevice, Rates } from "./power.js";

export type MutableState = { -readonly [Name in keyof DeviceState]: DeviceState[Name] };

export type TakenOutcome = {
	readonly at: number;
	/** Of a failure. */
	readonly reason?: NonNullable<DeviceState["reason"]>;
	readonly latest?: LatestReading;
};

/** @returns watts and rate of a reading */
export function progress(
	state: MutableState,
	{ at, reason, latest }: TakenOutcome,
	rates: (device: PoweredDevice) => Rates,
): Rates | undefined {
	const time = quantity<UnixMilliseconds>(at);
	state.lastAttemptAt = time;
	const isAnswering = reason === undefined;
	if (state.isAnswering !== isAnswering) {
		state.isAnswering = isAnswering;
		state.answeringSince = time;
	}
	if (reason !== undefined) {
		state.reason = reason;
		return undefined;
	}
	if (state.reason !== undefined) delete state.reason;
	if (latest === undefined) return undefined;
	state.latest = latest;
	const found = rates(state);
	advance(state.meter, at, found, state.description.pollIntervalSeconds);
	return found;
}
