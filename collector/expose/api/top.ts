/**
 * The devices with the most or the least of something, now.
 *
 * Takes the present of the view; gives the first so many, and of how many devices nothing is known: a
 * device without a value is neither first nor last. Pure.
 */
import { isMeasurementName, type MeasurementName, measurement } from "../../../shared/measurements.js";
import { deviceValue } from "../../derive/latest-values.js";
import type { DeviceSummary, TopAnswer } from "../answers.js";
import type { DeviceFacts } from "../device-facts.js";
import type { Moment } from "../view.js";

/** What the view computes of a device, with its unit; every other name is a measurement as reported. */
const COMPUTED = {
	hashrateTerahashesPerSecond: "TH/s",
	powerWatts: "W",
	efficiencyJoulesPerTerahash: "J/TH",
	temperatureCelsius: "°C",
	gpuUtilizationRatio: "",
	grossUsdPerHour: "USD/h",
	netUsdPerHour: "USD/h",
	grossUsdPerMegawattHour: "USD/MWh",
} as const satisfies Partial<Record<keyof DeviceSummary, string>>;

type ComputedName = keyof typeof COMPUTED;
export type TopBy = ComputedName | MeasurementName;

export const COMPUTED_NAMES = Object.keys(COMPUTED) as readonly ComputedName[];

export type TopRequest = {
	readonly by: TopBy;
	readonly order: "most" | "least";
	readonly count: number;
	readonly site?: string;
	readonly rack?: string;
	readonly model?: string;
};

export function isTopBy(name: string): name is TopBy {
	return isComputed(name) || isMeasurementName(name);
}

function isComputed(name: string): name is ComputedName {
	return Object.hasOwn(COMPUTED, name);
}

/** Devices of equal values stand in the order of their keys. */
export function topAnswer({ at, facts, summaries }: Moment, request: TopRequest): TopAnswer {
	const { by, order, count, site, rack, model } = request;
	const found: { readonly summary: DeviceSummary; readonly value: number }[] = [];
	let deviceCount = 0;
	summaries.forEach((summary, index) => {
		if (summary.kind === "agent" || summary.kind === "meter" || summary.isClaim === true) return;
		if (site !== undefined && summary.site !== site) return;
		if (rack !== undefined && summary.rack !== rack) return;
		if (model !== undefined && summary.model !== model) return;
		deviceCount += 1;
		const value = rankedValue(by, summary, facts[index]);
		if (value !== undefined) found.push({ summary, value });
	});
	const sign = order === "most" ? -1 : 1;
	found.sort(
		(one, other) => sign * (one.value - other.value) || (one.summary.device < other.summary.device ? -1 : 1),
	);
	return {
		at,
		by,
		unit: isComputed(by) ? COMPUTED[by] : measurement(by).unit,
		order,
		devices: found.slice(0, count).map(({ summary, value }) => ({
			device: summary.device,
			site: summary.site,
			...(summary.rack === undefined ? {} : { rack: summary.rack }),
			...(summary.model === undefined ? {} : { model: summary.model }),
			value,
		})),
		coverage: { devices: deviceCount, withValue: found.length, withoutValue: deviceCount - found.length },
	};
}

function rankedValue(by: TopBy, summary: DeviceSummary, facts: DeviceFacts | undefined): number | undefined {
	if (isComputed(by)) return summary[by];
	return facts?.gauges === undefined ? undefined : deviceValue(facts.gauges, by);
}
