/**
 * The watts to count with, and where they come from.
 *
 * Takes what a device said and the configuration's ratios; gives watts at the wall with source and boundary, or
 * nothing. Pure. Estimates are made here and never sent or stored as readings, so that they can be
 * restated. It never turns an absent watt into zero.
 */
import type { DeviceDescription } from "../../shared/device.js";
import {
	JOULES_PER_TERAHASH_LEAST,
	type MeasurementName,
	POWER_BOUNDARIES,
	POWER_SOURCES,
} from "../../shared/measurements.js";
import type { LatestReading } from "../store/device-state.js";
import {
	CONVERSION_ERROR_RATIO,
	type Power,
	type PowerConversions,
	wallRatio,
	wallRatios,
} from "./boundaries.js";
import { TYPICAL_ERRORS } from "./confidence.js";
import { IDLE_BELOW } from "./efficiency.js";
import type { Feed } from "./feeds.js";
import { componentValues, deviceValue, gpusListed } from "./latest-values.js";
import { minerEstimate } from "./power-estimate.js";

export type PowerOptions = {
	/** A GPU host without a meter draws its GPUs' watts × hostOverheadRatio + hostOverheadWatts. */
	readonly hostOverheadRatio: number;
	readonly hostOverheadWatts: number;
	/** From a hash board's watts to those at the wall, and so on; typical ones where nobody stated any. */
	readonly conversions?: PowerConversions;
	/** What meters feed: a device with a meter of its own counts with that. */
	readonly feeds?: readonly Feed[];
};

/** What of a device the power depends on. */
export type PoweredDevice = {
	readonly description: Pick<DeviceDescription, "kind" | "model">;
	readonly latest?: LatestReading | undefined;
	/** By meters of its own, at the wall. */
	readonly meteredWatts?: number | undefined;
};

/**
 * The device's own watts where they can be true, brought to the wall; else a miner's boards' output, else an
 * estimate; for a GPU host the sum of its GPUs with the stated overhead. 0 W from a machine that hashes is a
 * fault of its sensor, not a reading.
 */
export function effectivePower(
	{ description, latest }: PoweredDevice,
	options: PowerOptions,
): Power | undefined {
	if (latest === undefined || description.kind === "agent") return undefined;
	const own = ownPower(latest);
	// A meter says what it measures; what that is for others depends on what hangs on it.
	if (description.kind === "meter") return own;
	if (own !== undefined && canBeTrue(own.watts, latest)) return atTheWall(own, options);
	return description.kind === "gpu-host"
		? hostEstimate(latest, options)
		: (outputEstimate(latest, options) ?? minerEstimate(description.model, latest));
}

/** What effectiveRates looks at, of the device as a whole; the watts of parts come beside. */
export const RATE_MEASUREMENTS = [
	"powerWatts",
	"powerSource",
	"powerBoundary",
	"hashrateTerahashesPerSecond",
	"hashrateNominalTerahashesPerSecond",
	"hashrateNameplateTerahashesPerSecond",
	"otherAlgorithmHashrateHashesPerSecond",
	"otherAlgorithmHashrateNominalHashesPerSecond",
	"hashboardOutputPowerWatts",
	"boardCount",
	"boardSlotCount",
	"powerMode",
] as const satisfies readonly MeasurementName[];

export type Rates = {
	readonly watts?: number | undefined;
	readonly terahashesPerSecond?: number | undefined;
};

/** What energy and work are counted from: the effective power and the SHA-256 hashrate of one reading. */
export function effectiveRates(device: PoweredDevice, options: PowerOptions): Rates {
	const { latest, description, meteredWatts } = device;
	if (latest === undefined) return { watts: undefined, terahashesPerSecond: undefined };
	const terahashesPerSecond = deviceValue(latest, "hashrateTerahashesPerSecond");
	if (meteredWatts !== undefined) return { watts: meteredWatts, terahashesPerSecond };
	// Nearly every device says its watts, 10,000 times in ten seconds: then no rule is needed.
	const own = deviceValue(latest, "powerWatts");
	if (own !== undefined && description.kind !== "agent") {
		const boundary = description.kind === "meter" ? undefined : deviceValue(latest, "powerBoundary");
		const watts = plainWatts(own, boundary, terahashesPerSecond, options);
		if (!Number.isNaN(watts)) return { watts, terahashesPerSecond };
	}
	return { watts: effectivePower(device, options)?.watts, terahashesPerSecond };
}

/** The watts at the wall of a device that says its own, NaN where a rule is needed. What is absent may be NaN. */
export function plainWatts(
	watts: number,
	boundary: number | undefined,
	terahashesPerSecond: number | undefined,
	options: PowerOptions,
): number {
	if (!isPlainPower(watts, terahashesPerSecond)) return Number.NaN;
	if (boundary === undefined || Number.isNaN(boundary)) return watts;
	return watts * (ratiosOf(options)[boundary] ?? Number.NaN);
}

/** Watts that no rule has anything to say of. */
function isPlainPower(watts: number, terahashesPerSecond: number | undefined): boolean {
	return watts > 0 && !(watts < (terahashesPerSecond ?? 0) * JOULES_PER_TERAHASH_LEAST);
}

let last: { readonly options: PowerOptions; readonly ratios: readonly number[] } | undefined;

/** Watts at the wall over watts at a boundary, by its number in a reading; NaN where a ratio is not enough. */
function ratiosOf(options: PowerOptions): readonly number[] {
	if (last?.options !== options) last = { options, ratios: wallRatios(options.conversions) };
	return last.ratios;
}

/** Watts of which nobody says otherwise are at the wall already. */
export function atTheWall(power: Power, options: PowerOptions): Power {
	const { watts, source, boundary } = power;
	const ratio = wallRatio(boundary, options.conversions);
	if (boundary === "gpu" || ratio === undefined) {
		const host = watts * options.hostOverheadRatio + options.hostOverheadWatts;
		return { ...estimated(host, TYPICAL_ERRORS.nameplateWatts), boundary: "host", convertedFrom: "gpu" };
	}
	if (boundary === "feeder")
		return { watts: watts * ratio, source, boundary: "wall", convertedFrom: "feeder" };
	if (boundary === "board" || boundary === "chip") {
		const own = source === "estimated" ? TYPICAL_ERRORS.estimatedWatts : 0;
		const error = own + CONVERSION_ERROR_RATIO * (boundary === "chip" ? 2 : 1);
		return { ...estimated(watts * ratio, error), convertedFrom: boundary };
	}
	return source === "estimated" ? { errorRatio: TYPICAL_ERRORS.estimatedWatts, ...power } : power;
}

function estimated(watts: number, errorRatio: number): Power {
	return { watts, source: "estimated", boundary: "wall", errorRatio };
}

function ownPower(latest: LatestReading): Power | undefined {
	return namedPower((name) => deviceValue(latest, name));
}

/** The watts of a device or a part, as it says them. */
export function namedPower(
	said: (name: "powerWatts" | "powerSource" | "powerBoundary") => number | undefined,
): Power | undefined {
	const watts = said("powerWatts");
	if (watts === undefined) return undefined;
	const source = POWER_SOURCES[said("powerSource") ?? -1] ?? "reported";
	const boundary = POWER_BOUNDARIES[said("powerBoundary") ?? -1];
	return boundary === undefined ? { watts, source } : { watts, source, boundary };
}

/** 0 W and a few watts are possible only of a machine that does not work. */
function canBeTrue(watts: number, latest: LatestReading): boolean {
	if (!works(latest)) return true;
	return isPlainPower(watts, deviceValue(latest, "hashrateTerahashesPerSecond"));
}

/** Hashes of any algorithm, or GPUs that answer: what cannot run on no power. */
function works(latest: LatestReading): boolean {
	const terahashesPerSecond = deviceValue(latest, "hashrateTerahashesPerSecond") ?? 0;
	const otherHashesPerSecond = deviceValue(latest, "otherAlgorithmHashrateHashesPerSecond") ?? 0;
	return terahashesPerSecond >= IDLE_BELOW || otherHashesPerSecond > 0 || gpusListed(latest) > 0;
}

/** Of a machine that says only what its supply gives to the hash boards. */
function outputEstimate(latest: LatestReading, options: PowerOptions): Power | undefined {
	const watts = deviceValue(latest, "hashboardOutputPowerWatts");
	if (watts === undefined || !(watts > 0) || !canBeTrue(watts, latest)) return undefined;
	return atTheWall({ watts, source: "reported", boundary: "board" }, options);
}

/** Absent unless every GPU of the host says its watts: a part of the sum would read as the whole. */
function hostEstimate(latest: LatestReading, options: PowerOptions): Power | undefined {
	const gpus = componentValues(latest, "powerWatts").filter(({ component }) => component.part === "gpu");
	if (gpus.length === 0 || gpus.length < gpusListed(latest)) return undefined;
	let sum = 0;
	for (const { value } of gpus) {
		if (value === undefined) return undefined;
		sum += value;
	}
	if (sum <= 0) return undefined;
	return atTheWall({ watts: sum, source: "reported", boundary: "gpu" }, options);
}
