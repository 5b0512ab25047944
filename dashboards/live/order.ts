/**
 * Devices → racks in reading order. Pure. Numbers within names count as numbers: R2 before R10.
 */
import type { DeviceSummary } from "../../collector/expose/answers.js";

export type Rack = { readonly name: string; readonly devices: readonly DeviceSummary[] };

/** The name of the devices that stand in no rack. */
export const NO_RACK = "no rack";

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

export function inRacks(devices: Iterable<DeviceSummary>): readonly Rack[] {
	const all = [...devices].filter(({ kind }) => kind !== "agent" && kind !== "meter");
	const hasManySites = new Set(all.map((device) => device.site)).size > 1;
	const racks = new Map<string, DeviceSummary[]>();
	for (const device of all) {
		const rack = device.rack ?? NO_RACK;
		const name = hasManySites ? `${device.site} · ${rack}` : rack;
		const members = racks.get(name) ?? [];
		members.push(device);
		racks.set(name, members);
	}
	return [...racks]
		.map(([name, members]) => ({ name, devices: members.sort(byPosition) }))
		.sort((one, other) => natural.compare(one.name, other.name));
}

function byPosition(one: DeviceSummary, other: DeviceSummary): number {
	return (
		natural.compare(one.position ?? "", other.position ?? "") || natural.compare(one.endpoint, other.endpoint)
	);
}
