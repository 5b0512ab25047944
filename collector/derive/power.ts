/**
 * The watts to count with, and where they come from.
 *
 * Takes what a device said and the configuration's ratios; gives watts with source and boundary, or
 * nothing. Pure. Estimates are made here and never sent or stored as readings, so that they can be
 * restated. It never turns an absent watt into zero.
 */
import type { DeviceDescription } from "../../shared/device.js";
import {
	type MeasurementName,
	POWER_BOUNDARIES,
	POWER_SOURCES,
	type PowerBoundary,
	type PowerSource,
} from "../../shared/measurements.js";
import type { LatestReading } from "../store/device-state.js";
import { IDLE_BELOW } from "./efficiency.js";
import { componentValues, deviceValue, gpusListed } from "./latest-values.js";
import { nameplateOf } from "./nameplates.js";

export type Power = {
	readonly watts: number;
	readonly source: PowerSource;
	/** Absent where the device does not say what its watts cover. */
	readonly boundary?: PowerBoundary;
};

export type PowerOptions = {
	/** A GPU host without a meter draws its GPUs' watts × hostOverheadRatio + hostOverheadWatts. */
	readonly hostOverheadRatio: number;
	readonly hostOverheadWatts: number;
};

/** What of a device the power depends on. */
export type PoweredDevice = {
	readonly description: Pick<DeviceDescription, "kind" | "model">;
	readonly latest?: LatestReading;
};

/**
 * The device's own watts where they can be true; else a miner's nameplate at its present hashrate, and
 * for a GPU host the sum of its GPUs with the stated overhead. 0 W from a machine that hashes is a
 * fault of its sensor, not a reading.
 */
export function effectivePower(
	{ description, latest }: PoweredDevice,
	options: PowerOptions,
): Power | undefined {
	if (latest === undefined || description.kind === "agent") return undefined;
	const own = ownPower(latest);
	if (own !== undefined && (own.watts > 0 || !works(latest))) return own;
	return description.kind === "gpu-host"
		? hostEstimate(latest, options)
		: nameplateEstimate(description.model, latest);
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
] as const satisfies readonly MeasurementName[];

export type Rates = {
	readonly watts?: number | undefined;
	readonly terahashesPerSecond?: number | undefined;
};

/** What energy and work are counted from: the effective power and the SHA-256 hashrate of one reading. */
export function effectiveRates(device: PoweredDevice, options: PowerOptions): Rates {
	const { latest, description } = device;
	if (latest === undefined) return { watts: undefined, terahashesPerSecond: undefined };
	const terahashesPerSecond = deviceValue(latest, "hashrateTerahashesPerSecond");
	// Nearly every device says its watts, 10,000 times in ten seconds: then no rule is needed.
	const own = deviceValue(latest, "powerWatts");
	const isPlain = own !== undefined && own > 0 && description.kind !== "agent";
	return { watts: isPlain ? own : effectivePower(device, options)?.watts, terahashesPerSecond };
}

function ownPower(latest: LatestReading): Power | undefined {
	const watts = deviceValue(latest, "powerWatts");
	if (watts === undefined) return undefined;
	const source = POWER_SOURCES[deviceValue(latest, "powerSource") ?? -1] ?? "reported";
	const boundary = POWER_BOUNDARIES[deviceValue(latest, "powerBoundary") ?? -1];
	return boundary === undefined ? { watts, source } : { watts, source, boundary };
}

/** Hashes of any algorithm, or GPUs that answer: what cannot run on no power. */
function works(latest: LatestReading): boolean {
	const terahashesPerSecond = deviceValue(latest, "hashrateTerahashesPerSecond") ?? 0;
	const otherHashesPerSecond = deviceValue(latest, "otherAlgorithmHashrateHashesPerSecond") ?? 0;
	return terahashesPerSecond >= IDLE_BELOW || otherHashesPerSecond > 0 || gpusListed(latest) > 0;
}

function nameplateEstimate(model: string | undefined, latest: LatestReading): Power | undefined {
	const hashrate = deviceValue(latest, "hashrateTerahashesPerSecond");
	if (model === undefined || hashrate === undefined || hashrate < IDLE_BELOW) return undefined;
	const stated =
		deviceValue(latest, "hashrateNameplateTerahashesPerSecond") ??
		deviceValue(latest, "hashrateNominalTerahashesPerSecond");
	const nameplate = nameplateOf(model, stated);
	if (nameplate === undefined) return undefined;
	const watts = (nameplate.watts * hashrate) / nameplate.terahashesPerSecond;
	return { watts, source: "nameplate", boundary: "wall" };
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
	const watts = sum * options.hostOverheadRatio + options.hostOverheadWatts;
	return { watts, source: "estimated", boundary: "host" };
}
