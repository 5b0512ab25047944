/**
 * What a power price says to curtail now: advice, with hysteresis and the cost of starting again. Pure.
 *
 * Takes the marginal revenue of some watts and the effective price of power; gives "run" or "curtail" with
 * its reason. It controls nothing. An unknown price gives no advice to change anything.
 */

export type PriceParts = {
	readonly lmpUsdPerMegawattHour: number;
	readonly lossFactor: number;
	readonly addersUsdPerMegawattHour: number;
	/** Probability that this interval is one of the coincident peaks × the charge it would avoid. */
	readonly coincidentPeakProbability: number;
	readonly avoidedChargeUsdPerMegawattHour: number;
	readonly ancillaryValueForgoneUsdPerMegawattHour: number;
};

/** L_eff = LMP × loss factor + adders + 4CP probability × avoided charge + ancillary value forgone. */
export function effectivePrice(parts: PriceParts): number {
	return (
		parts.lmpUsdPerMegawattHour * parts.lossFactor +
		parts.addersUsdPerMegawattHour +
		parts.coincidentPeakProbability * parts.avoidedChargeUsdPerMegawattHour +
		parts.ancillaryValueForgoneUsdPerMegawattHour
	);
}

export type CurtailmentRules = {
	/** The price must pass the revenue by this much, USD/MWh, either way. */
	readonly hysteresisUsdPerMegawattHour: number;
	readonly restartCostUsd: number;
	/** How long such a price is expected to last. */
	readonly expectedHours: number;
	readonly leastOffHours: number;
	readonly leastOnHours: number;
};

export type CurtailmentState = { readonly isCurtailed: boolean; readonly hoursInState: number };

export type Advice = {
	readonly advice: "run" | "curtail";
	readonly reason:
		| "REVENUE_ABOVE_PRICE"
		| "PRICE_ABOVE_REVENUE"
		| "WITHIN_HYSTERESIS"
		| "SPELL_TOO_SHORT"
		| "LEAST_TIME_NOT_OVER"
		| "PRICE_UNKNOWN";
	/** USD/h that curtailing saves, less what it forgoes. */
	readonly savesUsdPerHour?: number;
	/** Hours after which the saving has paid for starting again; absent where nothing is saved. */
	readonly restartBreakevenHours?: number;
};

export function curtailmentAdvice({
	marginalRevenueUsdPerMegawattHour: revenue,
	effectivePriceUsdPerMegawattHour: price,
	megawatts,
	rules,
	state,
}: {
	readonly marginalRevenueUsdPerMegawattHour: number;
	readonly effectivePriceUsdPerMegawattHour: number | undefined;
	readonly megawatts: number;
	readonly rules: CurtailmentRules;
	readonly state: CurtailmentState;
}): Advice {
	const stay = state.isCurtailed ? "curtail" : "run";
	if (price === undefined) return { advice: stay, reason: "PRICE_UNKNOWN" };
	const savesUsdPerHour = (price - revenue) * megawatts;
	const restartBreakevenHours = savesUsdPerHour > 0 ? rules.restartCostUsd / savesUsdPerHour : undefined;
	const money = {
		savesUsdPerHour,
		...(restartBreakevenHours === undefined ? {} : { restartBreakevenHours }),
	};
	const least = state.isCurtailed ? rules.leastOffHours : rules.leastOnHours;
	const wanted = wantedAdvice(price - revenue, rules.hysteresisUsdPerMegawattHour, stay);
	if (wanted.advice === stay) return { ...wanted, ...money };
	if (state.hoursInState < least) return { advice: stay, reason: "LEAST_TIME_NOT_OVER", ...money };
	const isTooShort =
		wanted.advice === "curtail" &&
		(restartBreakevenHours === undefined || rules.expectedHours < restartBreakevenHours);
	return isTooShort ? { advice: stay, reason: "SPELL_TOO_SHORT", ...money } : { ...wanted, ...money };
}

function wantedAdvice(
	above: number,
	hysteresis: number,
	stay: "run" | "curtail",
): Pick<Advice, "advice" | "reason"> {
	if (above > hysteresis) return { advice: "curtail", reason: "PRICE_ABOVE_REVENUE" };
	if (above < -hysteresis) return { advice: "run", reason: "REVENUE_ABOVE_PRICE" };
	return { advice: stay, reason: "WITHIN_HYSTERESIS" };
}

/** What the last watts of each power mode earn: never the average. Modes in order of watts. */
export function marginalRevenues(
	modes: readonly { readonly usdPerHour: number; readonly watts: number }[],
): readonly number[] {
	return modes.map(({ usdPerHour, watts }, index) => {
		const below = modes[index - 1] ?? { usdPerHour: 0, watts: 0 };
		return ((usdPerHour - below.usdPerHour) / (watts - below.watts)) * 1e6;
	});
}
