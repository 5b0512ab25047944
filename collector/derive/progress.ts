/**
 * One outcome → what is known of its device: the steps that present and past have in common.
 *
 * Takes a state and an outcome that is not older than those before; changes the state in place. Pure otherwise.
 */
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import type { DeviceState, LatestReading } from "../store/device-state.js";
import { advance } from "./energy.js";
import type { Rates } from "./power.js";

export type MutableState = { -readonly [Name in keyof DeviceState]: DeviceState[Name] };

/** @param reason of a failure */
export function attempted(state: MutableState, at: number, reason?: DeviceState["reason"]): void {
	const time = quantity<UnixMilliseconds>(at);
	state.lastAttemptAt = time;
	const isAnswering = reason === undefined;
	if (state.isAnswering !== isAnswering) {
		state.isAnswering = isAnswering;
		state.answeringSince = time;
	}
	state.reason = reason;
}

/** @param rates of the reading */
export function heard(state: MutableState, latest: LatestReading, rates: Rates): void {
	if (state.latest !== latest) state.latest = latest;
	advance(state.meter, latest.at, rates, state.description.pollIntervalSeconds);
}
