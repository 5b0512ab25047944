/**
 * The inputs of money that are in force at an instant, with their age.
 *
 * Takes the stored inputs and an instant; gives answers for the API and numbers for derive. It never
 * fills a missing input and never takes today's for yesterday's: the past is valued at the past's
 * prices.
 */
import { MARKET_INPUT_NAMES, MARKET_INPUTS, type MarketInputName } from "../../shared/config/collector.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR } from "../../shared/units.js";
import type { MoneyInputs } from "../derive/revenue.js";
import type { InputAnswer } from "../expose/answers.js";
import type { StoredInput } from "../store/device-state.js";

/** Seconds after which an input is marked; the table's own limit where the configuration states none. */
export type StaleLimits = Readonly<Partial<Record<MarketInputName, number>>>;

export function isPlausibleInput(name: MarketInputName, value: number): boolean {
	const { from, to } = MARKET_INPUTS[name];
	return value >= from && value <= to;
}

/** The stored input that holds at an instant as known today: the newest validity, and of that the newest knowledge. */
export function inputInForce(
	stored: readonly StoredInput[],
	name: MarketInputName,
	at: number,
): StoredInput | undefined {
	let best: StoredInput | undefined;
	for (const input of stored) {
		if (input.name !== name || input.validFrom > at || !isPlausibleInput(name, input.value)) continue;
		if (best === undefined || isNewer(input, best)) best = input;
	}
	return best;
}

/** The inputs in force now, each with its age; one that nobody stated is not in the list. */
export function currentInputs(
	stored: readonly StoredInput[],
	now: number,
	staleAfterSeconds: StaleLimits = {},
): readonly InputAnswer[] {
	return MARKET_INPUT_NAMES.flatMap((name) => {
		const input = inputInForce(stored, name, now);
		if (input === undefined) return [];
		const { value, unit, source, observedAt, isExample } = input;
		const ageSeconds = Math.max(0, (now - observedAt) / MILLISECONDS_PER_SECOND);
		const limit = staleAfterSeconds[name] ?? MARKET_INPUTS[name].staleAfterHours * SECONDS_PER_HOUR;
		return [{ name, value, unit, source, observedAt, ageSeconds, isStale: ageSeconds > limit, isExample }];
	});
}

/** What money is computed from at an instant. */
export function moneyInputsAt(stored: readonly StoredInput[], at: number): MoneyInputs {
	const inputs: Partial<Record<MarketInputName, number>> = {};
	for (const name of MARKET_INPUT_NAMES) {
		const value = inputInForce(stored, name, at)?.value;
		if (value !== undefined) inputs[name] = value;
	}
	return inputs;
}

function isNewer(one: StoredInput, other: StoredInput): boolean {
	return (
		one.validFrom > other.validFrom || (one.validFrom === other.validFrom && one.knownFrom >= other.knownFrom)
	);
}
