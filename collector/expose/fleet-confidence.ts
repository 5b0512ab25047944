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
export function fleetConfidence({ total, mining, ai, inputs }: Sources): ConfidenceAnswer | undefined {
	return confidenceOf(total, { ...miningParts(mining), ...aiParts(ai) }, inputs);
}

/** The same of mining and of AI alone; a use that earns nothing has none. */
export function confidenceByUse({ mining, ai, inputs }: Sources): FleetAnswer["confidenceByUse"] {
	const bands = {
		mining: confidenceOf(mining, miningParts(mining), inputs),
		ai: confidenceOf(ai, aiParts(ai), inputs),
	};
	const known = Object.entries(bands).filter(([, band]) => band !== undefined);
	return known.length === 0 ? undefined : Object.fromEntries(known);
}

/** USD per hour by what it is earned with; what contracts pay besides is as sure as their text. */
type Parts = { readonly hashes?: number; readonly gpuHours?: number; readonly tokens?: number };

function miningParts({ grossUsdPerHour = 0, contractUsdPerHour = 0 }: GroupTotals): Parts {
	return { hashes: grossUsdPerHour - contractUsdPerHour };
}

function aiParts({ grossUsdPerHour = 0, tokenUsdPerHour = 0, contractUsdPerHour = 0 }: GroupTotals): Parts {
	return { gpuHours: grossUsdPerHour - tokenUsdPerHour - contractUsdPerHour, tokens: tokenUsdPerHour };
}

/** An error of what a part is earned with moves the whole by that part's share of it. */
function confidenceOf(
	{ grossUsdPerHour = 0, grossUsdPerMegawattHour: gross, coverage }: GroupTotals,
	{ hashes = 0, gpuHours = 0, tokens = 0 }: Parts,
	inputs: readonly InputAnswer[],
): ConfidenceAnswer | undefined {
	if (gross === undefined) return undefined;
	const { powerBySource } = coverage;
	const watts =
		(powerBySource.metered ?? 0) * TYPICAL_ERRORS.meteredWatts +
		(powerBySource.reported ?? 0) * TYPICAL_ERRORS.reportedWatts +
		(powerBySource.estimated ?? 0) * TYPICAL_ERRORS.estimatedWatts +
		(powerBySource.nameplate ?? 0) * TYPICAL_ERRORS.nameplateWatts;
	const shareOf = (usdPerHour: number) => (grossUsdPerHour > 0 ? usdPerHour / grossUsdPerHour : 0);
	const errors = {
		watts,
		hashrate: shareOf(hashes) * TYPICAL_ERRORS.selfReportedHashrate,
		fees: shareOf(hashes) * TYPICAL_ERRORS.fees,
		bitcoinPrice: shareOf(hashes) * priceError(inputs, "bitcoinPriceUsd"),
		gpuHourPrice: shareOf(gpuHours) * priceError(inputs, "gpuHourPriceUsd"),
		gpuRented: shareOf(gpuHours) * priceError(inputs, "gpuRentedRatio"),
		tokenPrice: shareOf(tokens) * priceError(inputs, "usdPerMillionTokens"),
	};
	return { ...confidence(gross, errors), coveredPowerRatio: coverage.powerRatio };
}

function priceError(inputs: readonly InputAnswer[], wanted: string): number {
	const input = inputs.find(({ name }) => name === wanted);
	const isFresh = input !== undefined && !input.isStale && input.quality === "final";
	return isFresh ? TYPICAL_ERRORS.medianPrice : TYPICAL_ERRORS.staleOrSinglePrice;
}
