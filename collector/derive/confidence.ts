/**
 * How sure a result is: a band from the relative errors of independent inputs, and the worst of them.
 *
 * Takes one standard deviation of each input, relative; gives the result's. Pure. A product or quotient of
 * independent inputs has the sum of their relative variances.
 */

/** Typical standard deviations, relative, where an input says none of its own. */
export const TYPICAL_ERRORS = {
	/** Consensus data of a node of one's own. */
	difficulty: 0,
	/** Fees are a small part of the reward; their mean over a day moves by tenths of a per cent of it. */
	fees: 0.005,
	medianPrice: 0.001,
	staleOrSinglePrice: 0.02,
	meteredWatts: 0.01,
	reportedWatts: 0.05,
	estimatedWatts: 0.1,
	nameplateWatts: 0.15,
	/** A pool's shares of ten minutes are worse; a day's are better. */
	selfReportedHashrate: 0.03,
} as const;

export type Confidence = {
	readonly value: number;
	readonly relativeStandardDeviation: number;
	readonly low: number;
	readonly high: number;
	/** Absent where every error is zero. */
	readonly worstInput?: string;
	readonly worstInputShareOfVariance?: number;
};

export function confidence(value: number, errors: Readonly<Record<string, number>>): Confidence {
	let variance = 0;
	let worst: { readonly name: string; readonly variance: number } | undefined;
	for (const [name, error] of Object.entries(errors)) {
		variance += error * error;
		if (error > 0 && (worst === undefined || error * error > worst.variance))
			worst = { name, variance: error * error };
	}
	const deviation = Math.sqrt(variance);
	const half = Math.abs(value) * deviation;
	return {
		value,
		relativeStandardDeviation: deviation,
		low: value - half,
		high: value + half,
		...(worst === undefined
			? {}
			: { worstInput: worst.name, worstInputShareOfVariance: worst.variance / variance }),
	};
}
