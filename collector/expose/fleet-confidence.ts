/**
 * How sure the earning per MWh of the fleet and of each use is, and which input is the worst.
 *
 * Takes the fleet's sums and inputs; gives bands of one standard deviation. Pure.
 */
import { confidence, TYPICAL_ERRORS } from "../derive/confidence.js";
import type { FleetAnswer, GroupTotals } from "./answers.js";
import type { ConfidenceAnswer, InputAnswer } from "./money-answers.js";

type Sources = Pick<FleetAnswer, "total" | "mining" | "ai" | "inputs">;

/** Of the fleet's gross per MWh: watts by where they come from, prices by who brought them and how old they are. */
export function fleetConfidence({ total, mining, inputs }: Sources): ConfidenceAnswer | undefined {
	return confidenceOf(total, mining.hashrateTerahashesPerSecond === undefined ? {} : miningErrors(inputs));
}

/** The same of mining and of AI alone; a use that earns nothing has none. */
export function confidenceByUse({ mining, ai, inputs }: Sources): FleetAnswer["confidenceByUse"] {
	const bands = {
		mining: confidenceOf(mining, miningErrors(inputs)),
		ai: confidenceOf(ai, aiErrors(inputs)),
	};
	const known = Object.entries(bands).filter(([, band]) => band !== undefined);
	return known.length === 0 ? undefined : Object.fromEntries(known);
}

function confidenceOf(
	{ grossUsdPerMegawattHour: gross, coverage }: GroupTotals,
	ofUse: Readonly<Record<string, number>>,
): ConfidenceAnswer | undefined {
	if (gross === undefined) return undefined;
	const { powerBySource } = coverage;
	const watts =
		(powerBySource.metered ?? 0) * TYPICAL_ERRORS.meteredWatts +
		(powerBySource.reported ?? 0) * TYPICAL_ERRORS.reportedWatts +
		(powerBySource.estimated ?? 0) * TYPICAL_ERRORS.estimatedWatts +
		(powerBySource.nameplate ?? 0) * TYPICAL_ERRORS.nameplateWatts;
	return { ...confidence(gross, { watts, ...ofUse }), coveredPowerRatio: coverage.powerRatio };
}

function miningErrors(inputs: readonly InputAnswer[]): Readonly<Record<string, number>> {
	return {
		hashrate: TYPICAL_ERRORS.selfReportedHashrate,
		fees: TYPICAL_ERRORS.fees,
		bitcoinPrice: priceError(inputs, "bitcoinPriceUsd"),
	};
}

function aiErrors(inputs: readonly InputAnswer[]): Readonly<Record<string, number>> {
	return {
		gpuHourPrice: priceError(inputs, "gpuHourPriceUsd"),
		gpuRented: priceError(inputs, "gpuRentedRatio"),
	};
}

function priceError(inputs: readonly InputAnswer[], wanted: string): number {
	const input = inputs.find(({ name }) => name === wanted);
	const isFresh = input !== undefined && !input.isStale && input.quality === "final";
	return isFresh ? TYPICAL_ERRORS.medianPrice : TYPICAL_ERRORS.staleOrSinglePrice;
}
