/**
 * How sure the fleet's earning per MWh is, and which input is the worst.
 *
 * Takes the fleet's sums and inputs; gives a band of one standard deviation. Pure.
 */
import { confidence, TYPICAL_ERRORS } from "../derive/confidence.js";
import type { ConfidenceAnswer, FleetAnswer, InputAnswer } from "./answers.js";

/** Of the fleet's gross per MWh: watts by where they come from, prices by who brought them and how old they are. */
export function fleetConfidence({
	total,
	mining,
	inputs,
}: Pick<FleetAnswer, "total" | "mining" | "inputs">): ConfidenceAnswer | undefined {
	const gross = total.grossUsdPerMegawattHour;
	if (gross === undefined) return undefined;
	const { powerBySource } = total.coverage;
	const watts =
		(powerBySource.metered ?? 0) * TYPICAL_ERRORS.meteredWatts +
		(powerBySource.reported ?? 0) * TYPICAL_ERRORS.reportedWatts +
		(powerBySource.estimated ?? 0) * TYPICAL_ERRORS.estimatedWatts +
		(powerBySource.nameplate ?? 0) * TYPICAL_ERRORS.nameplateWatts;
	const isMining = mining.hashrateTerahashesPerSecond !== undefined;
	const errors = {
		watts,
		...(isMining
			? {
					hashrate: TYPICAL_ERRORS.selfReportedHashrate,
					fees: TYPICAL_ERRORS.fees,
					bitcoinPrice: priceError(inputs.find(({ name }) => name === "bitcoinPriceUsd")),
				}
			: {}),
	};
	return { ...confidence(gross, errors), coveredPowerRatio: total.coverage.powerRatio };
}

function priceError(input: InputAnswer | undefined): number {
	const isFresh = input !== undefined && !input.isStale && input.quality === "final";
	return isFresh ? TYPICAL_ERRORS.medianPrice : TYPICAL_ERRORS.staleOrSinglePrice;
}
