/**
 * The watts from which a device draws too much, where nobody set a limit for it.
 *
 * Takes a device and its newest reading; gives watts, or nothing. Pure. A miner may draw its nameplate and a
 * margin, a GPU host what its GPUs are capped at with the stated overhead. It is an alarm's limit, not a
 * fuse's: wiring has its own, which an operator sets in the inventory.
 */
import type { DeviceDescription } from "../../shared/device.js";
import type { LatestReading } from "../store/device-state.js";
import { componentValues, deviceValue, gpusListed } from "./latest-values.js";
import { nameplateOf } from "./nameplates.js";
import type { PoweredDevice, PowerOptions } from "./power.js";

/** Makers print ±5 % and the watts at 25 °C; chips leak more with heat and age. */
const NAMEPLATE_MARGIN_RATIO = 1.15;
const HOST_MARGIN_RATIO = 1.05;

/** By description, which is made anew when a device says something else of itself. */
const OF_MINERS = new WeakMap<PoweredDevice["description"], { readonly watts: number | undefined }>();

export function catalogueAllowedWatts(
	{ description, latest }: PoweredDevice,
	options: PowerOptions,
): number | undefined {
	if (latest === undefined) return undefined;
	if (description.kind === "gpu-host") return hostAllowedWatts(latest, options);
	if (description.kind !== "miner") return undefined;
	const known = OF_MINERS.get(description);
	if (known !== undefined) return known.watts;
	const watts = minerAllowedWatts(description, latest);
	OF_MINERS.set(description, { watts });
	return watts;
}

function minerAllowedWatts(
	{ model }: Pick<DeviceDescription, "model">,
	latest: LatestReading,
): number | undefined {
	if (model === undefined) return undefined;
	const stated =
		deviceValue(latest, "hashrateNameplateTerahashesPerSecond") ??
		deviceValue(latest, "hashrateNominalTerahashesPerSecond");
	const nameplate = nameplateOf(model, stated);
	return nameplate === undefined ? undefined : nameplate.watts * NAMEPLATE_MARGIN_RATIO;
}

/** Absent unless every GPU says its cap. */
function hostAllowedWatts(latest: LatestReading, options: PowerOptions): number | undefined {
	const enforced = componentValues(latest, "powerLimitEnforcedWatts");
	const caps = (enforced.length > 0 ? enforced : componentValues(latest, "powerLimitWatts")).filter(
		({ component }) => component.part === "gpu",
	);
	if (caps.length === 0 || caps.length < gpusListed(latest)) return undefined;
	let sum = 0;
	for (const { value } of caps) {
		if (value === undefined) return undefined;
		sum += value;
	}
	return (sum * options.hostOverheadRatio + options.hostOverheadWatts) * HOST_MARGIN_RATIO;
}
