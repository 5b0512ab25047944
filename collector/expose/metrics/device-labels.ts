/**
 * The label sets of one device: what stands on each of its lines, and what its identity says beside.
 *
 * Takes facts; gives bytes, and whether they would still be the same. Pure.
 */
import type { DeviceState } from "../../store/device-state.js";
import type { DeviceFacts } from "../device-facts.js";
import { labelText } from "./text-writer.js";

/** What labels are made of: kept in place of the bytes, which stand in the lines. */
export type LabelSources = {
	readonly description: DeviceState["description"];
	readonly inventory: DeviceState["inventory"];
	readonly site: string;
	readonly agent: string;
	readonly source: string | undefined;
	readonly boundary: string | undefined;
};

export type DeviceLabels = {
	/** From the brace to before the device's own tail. */
	readonly head: Buffer;
	readonly info: Buffer;
	readonly algorithm: Buffer;
};

export function labelSources({ state, latestPower }: DeviceFacts): LabelSources {
	const { description, inventory, site, agent } = state;
	return {
		description,
		inventory,
		site,
		agent,
		source: latestPower?.source,
		boundary: latestPower?.boundary,
	};
}

export function hasLabelsOf(known: LabelSources, { state, latestPower }: DeviceFacts): boolean {
	return (
		known.description === state.description &&
		known.inventory === state.inventory &&
		known.site === state.site &&
		known.agent === state.agent &&
		known.source === latestPower?.source &&
		known.boundary === latestPower?.boundary
	);
}

export function deviceLabels(key: string, sources: LabelSources): DeviceLabels {
	const { rack = "", model = "", algorithm = "" } = sources.description;
	const text = labelText([
		["site", sources.site],
		["rack", rack],
		["device", key],
		["model", model],
	]);
	return {
		head: Buffer.from(`{${text}`),
		info: Buffer.from(`${infoLabels(sources)}} `),
		algorithm: Buffer.from(`,${labelText([["algorithm", algorithm]])}} `),
	};
}

function infoLabels({ description, inventory, agent, source, boundary }: LabelSources): string {
	const { kind, driver, make, firmware, serial, mac, hostname, algorithm, endpoint, position } = description;
	const stated: readonly (readonly [string, string | undefined])[] = [
		["kind", kind],
		["driver", driver],
		["make", make],
		["firmware", firmware],
		["serial", serial],
		["mac", mac],
		["hostname", hostname],
		["algorithm", algorithm],
		["endpoint", endpoint],
		["position", position],
		["name", inventory?.name],
		["owner", inventory?.owner],
		["use", inventory?.use],
		["agent", agent],
		["power_source", source],
		["power_boundary", boundary],
	];
	const labels = stated.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
	return `,${labelText(labels)}`;
}
