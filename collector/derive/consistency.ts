/**
 * Whether a published number follows from its own inputs: an alarm, never a correction.
 *
 * Takes what we computed and what was printed; gives the disagreement and whether it is too large. Pure.
 */

/** A hashvalue in bitcoin depends on chain data alone and agrees to 0.05 % where its source is right. */
export const HASHVALUE_TOLERANCE_RATIO = 0.01;
/** Dollar indexes are sampled at other instants than ours. */
export const HASHPRICE_TOLERANCE_RATIO = 0.02;

export type Agreement = {
	readonly computed: number;
	readonly published: number;
	readonly disagreementRatio: number;
	readonly toleranceRatio: number;
	readonly isMismatch: boolean;
};

export function agreement(computed: number, published: number, toleranceRatio: number): Agreement {
	const disagreementRatio = Math.abs(computed / published - 1);
	return {
		computed,
		published,
		disagreementRatio,
		toleranceRatio,
		isMismatch: !(disagreementRatio <= toleranceRatio),
	};
}
