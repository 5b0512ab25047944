/**
 * From the boundary at which watts were measured to the wall, by stated ratios. Pure.
 *
 *   chip ── chipToBoardRatio ──▸ board ── boardToWallRatio ──▸ wall ── wallToFeederRatio ──▸ feeder
 *
 * A GPU host's own supply inputs ("host") are at the wall. From the GPUs of a host to the host leads the stated
 * overhead of power.ts. Watts of unlike boundaries are added only after this.
 */
import { POWER_BOUNDARIES, type PowerBoundary, type PowerSource } from "../../shared/measurements.js";

export type Power = {
	readonly watts: number;
	readonly source: PowerSource;
	/** Absent where the device does not say what its watts cover. */
	readonly boundary?: PowerBoundary;
	/** Where the device measured, of watts that were brought to the wall by the stated ratios. */
	readonly convertedFrom?: PowerBoundary;
	/** Of an estimate: the truth is thought to lie within ± this share of it. */
	readonly errorRatio?: number;
};

/** Watts at the outer boundary over watts at the inner one; 1 or more. */
export type PowerConversions = {
	/** Regulators on the hash board. */
	readonly chipToBoardRatio: number;
	/** The supply's losses; fans and control board of most machines hang on it too. */
	readonly boardToWallRatio: number;
	/** Cables, panels and transformers between the outlets and the meter that feeds them. */
	readonly wallToFeederRatio: number;
};

/** Assumptions: regulators of 95 %, a supply of 92 %, and no loss that nobody stated. */
export const TYPICAL_CONVERSIONS: PowerConversions = {
	chipToBoardRatio: 1.053,
	boardToWallRatio: 1.087,
	wallToFeederRatio: 1,
};

/** What a typical supply or regulator may be off by from the stated ratio. */
export const CONVERSION_ERROR_RATIO = 0.05;

/** Watts at the wall over watts at the boundary; undefined for GPUs, whose host has an overhead instead. */
export function wallRatio(
	boundary: PowerBoundary | undefined,
	{ chipToBoardRatio, boardToWallRatio, wallToFeederRatio }: PowerConversions = TYPICAL_CONVERSIONS,
): number | undefined {
	switch (boundary) {
		case "chip":
			return chipToBoardRatio * boardToWallRatio;
		case "board":
			return boardToWallRatio;
		case "gpu":
			return undefined;
		case "feeder":
			return 1 / wallToFeederRatio;
		default:
			return 1;
	}
}

/** The same by the boundary's number in a reading; NaN for GPUs. */
export function wallRatios(conversions: PowerConversions | undefined): readonly number[] {
	return POWER_BOUNDARIES.map((boundary) => wallRatio(boundary, conversions) ?? Number.NaN);
}
