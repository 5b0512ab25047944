/**
 * Which devices are shown: by site, rack, model, owner, state and words to find. Pure.
 *
 * Takes the words of the address; gives a test for a device, the choices each filter has with how many
 * devices they would show, and the sums of those that are shown. What nobody stated is a choice of its own.
 */
import type { DeviceSummary } from "../../collector/expose/answers.js";
import { modelName, problemKind } from "./problems.js";
import type { Words } from "./route.js";

export const FACETS = ["site", "rack", "model", "owner"] as const;
export type Facet = (typeof FACETS)[number];
export const STATES = [
	"up",
	"down",
	"unknown",
	"overheated",
	"failed",
	"maintenance",
	"curtailed",
	"retired",
] as const;
export type DeviceState = (typeof STATES)[number];

export const STATE_WORDS: Readonly<Record<DeviceState, string>> = {
	up: "up",
	down: "down",
	unknown: "unknown",
	overheated: "too hot",
	failed: "failed",
	maintenance: "in maintenance",
	curtailed: "curtailed",
	retired: "retired",
};

/** Stands for "nobody said" in the address; no name begins with a dash. */
export const UNSTATED = "-";

/** Of each the values any of which is let through. */
export type Filters = Partial<Readonly<Record<Facet, readonly string[]>>> & {
	readonly state?: readonly DeviceState[];
	readonly find?: string;
};

export function filtersOf(words: Words): Filters {
	const filters: { -readonly [Name in keyof Filters]: Filters[Name] } = {};
	for (const facet of FACETS) if (words[facet]) filters[facet] = valuesOf(words[facet]);
	const wanted = valuesOf(words["state"] ?? "");
	const states = STATES.filter((one) => wanted.includes(one));
	if (states.length > 0) filters.state = states;
	if (words["find"]) filters.find = words["find"];
	return filters;
}

/** Several values as one word of the address: "A1,A2"; what has a comma of its own is escaped. */
export function wordOf(values: readonly string[]): string {
	return values.map((value) => value.replaceAll(/[%,]/g, encodeURIComponent)).join(",");
}

function valuesOf(word: string): readonly string[] {
	const values = word.split(",").map((part) => part.replaceAll("%2C", ",").replaceAll("%25", "%"));
	return [...new Set(values.filter((value) => value !== ""))];
}

export function isFiltered(filters: Filters): boolean {
	return Object.keys(filters).length > 0;
}

/** Miners and GPU hosts: agents and meters stand elsewhere. */
function isMachine({ kind }: DeviceSummary): boolean {
	return kind === "miner" || kind === "gpu-host";
}

function facetOf(device: DeviceSummary, facet: Facet): string {
	if (facet === "model") return modelName(device);
	return device[facet] ?? UNSTATED;
}

function isInState(device: DeviceSummary, state: DeviceState): boolean {
	switch (state) {
		case "up":
		case "down":
		case "unknown":
			return device.health === state;
		case "overheated":
		case "failed":
			return problemKind(device) === state;
		case "maintenance":
		case "curtailed":
		case "retired":
			return device.intent === state;
	}
}

/** What is retired is no part of the fleet: it is shown when it is asked for. */
export function matcher(filters: Filters): (device: DeviceSummary) => boolean {
	const facets = FACETS.flatMap((facet) => {
		const wanted = filters[facet];
		return wanted === undefined ? [] : [{ facet, wanted: new Set(wanted) }];
	});
	const sought =
		filters.find
			?.toLowerCase()
			.split(/\s+/)
			.filter((word) => word !== "") ?? [];
	const { state } = filters;
	return (device) =>
		isMachine(device) &&
		(device.intent !== "retired" || state?.includes("retired") === true) &&
		facets.every(({ facet, wanted }) => wanted.has(facetOf(device, facet))) &&
		(state === undefined || state.some((one) => isInState(device, one))) &&
		(sought.length === 0 || hasWords(device, sought));
}

function hasWords(device: DeviceSummary, sought: readonly string[]): boolean {
	const { name, endpoint, serial, rack, position, firmware, owner, use } = device;
	const said = [
		device.device,
		name,
		endpoint,
		serial,
		rack,
		position,
		firmware,
		owner,
		use,
		modelName(device),
	];
	const text = said.join("\n").toLowerCase();
	return sought.every((word) => text.includes(word));
}

/** What a list says of a device: its operator's intent before what is wrong, since it explains it. */
export function problemWord(device: DeviceSummary): { readonly word: string; readonly kind: DeviceState } {
	const { intent } = device;
	if (device.isClaim === true) return { word: "identity clash", kind: "unknown" };
	const kind =
		intent !== undefined && intent !== "in-service" ? intent : (problemKind(device) ?? device.health);
	return { word: STATE_WORDS[kind], kind };
}

export type FacetChoice = { readonly value: string; readonly count: number };

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Of each facet its values in reading order, the unstated last. */
export function facetChoices(
	devices: Iterable<DeviceSummary>,
): Readonly<Record<Facet, readonly FacetChoice[]>> {
	const counts = { site: new Map(), rack: new Map(), model: new Map(), owner: new Map() } satisfies Record<
		Facet,
		Map<string, number>
	>;
	for (const device of devices) {
		if (!isMachine(device)) continue;
		for (const facet of FACETS) {
			const value = facetOf(device, facet);
			const counted: Map<string, number> = counts[facet];
			// What is retired is not shown unless asked for: its place stays a choice, with one fewer.
			counted.set(value, (counted.get(value) ?? 0) + (device.intent === "retired" ? 0 : 1));
		}
	}
	const inOrder = (counted: ReadonlyMap<string, number>) =>
		[...counted]
			.map(([value, count]) => ({ value, count }))
			.sort(
				(one, other) =>
					Number(one.value === UNSTATED) - Number(other.value === UNSTATED) ||
					natural.compare(one.value, other.value),
			);
	return {
		site: inOrder(counts.site),
		rack: inOrder(counts.rack),
		model: inOrder(counts.model),
		owner: inOrder(counts.owner),
	};
}

export function stateCounts(devices: Iterable<DeviceSummary>): Readonly<Record<DeviceState, number>> {
	const counts: Record<DeviceState, number> = {
		up: 0,
		down: 0,
		unknown: 0,
		overheated: 0,
		failed: 0,
		maintenance: 0,
		curtailed: 0,
		retired: 0,
	};
	for (const device of devices) {
		if (!isMachine(device)) continue;
		if (device.intent === "retired") {
			counts.retired += 1;
			continue;
		}
		// Another agent reads the same machine: it is counted there.
		if (device.isClaim === true) continue;
		counts[device.health] += 1;
		const kind = problemKind(device);
		if (kind === "overheated" || kind === "failed") counts[kind] += 1;
		if (device.intent === "maintenance" || device.intent === "curtailed") counts[device.intent] += 1;
	}
	return counts;
}

export type ShownSums = {
	readonly devices: number;
	readonly powerWatts?: number;
	readonly hashrateTerahashesPerSecond?: number;
	readonly efficiencyJoulesPerTerahash?: number;
	readonly netUsdPerHour?: number;
	readonly grossUsdPerMegawattHour?: number;
};

const WATTS_PER_MEGAWATT = 1e6;

/**
 * Ratios are made from sums. J/TH counts devices that have both watts and hashrate; USD per MWh those whose
 * earning is known, by the megawatts their own ratio implies.
 */
export function shownSums(devices: readonly DeviceSummary[]): ShownSums {
	const up = devices.filter(({ health, isClaim }) => health === "up" && isClaim !== true);
	const watts = summed(up, ({ powerWatts }) => powerWatts);
	const rate = summed(up, ({ hashrateTerahashesPerSecond }) => hashrateTerahashesPerSecond);
	const net = summed(up, ({ netUsdPerHour }) => netUsdPerHour);
	const working = up.filter(
		(one) => one.powerWatts !== undefined && (one.hashrateTerahashesPerSecond ?? 0) > 0,
	);
	const earning = up.filter(({ grossUsdPerHour }) => grossUsdPerHour !== undefined);
	const gross = summed(earning, ({ grossUsdPerHour }) => grossUsdPerHour) ?? 0;
	const megawatts = summed(earning, megawattsOf) ?? 0;
	const workWatts = summed(working, ({ powerWatts }) => powerWatts) ?? 0;
	const workRate = summed(working, ({ hashrateTerahashesPerSecond }) => hashrateTerahashesPerSecond) ?? 0;
	return {
		devices: devices.length,
		...(watts === undefined ? {} : { powerWatts: watts }),
		...(rate === undefined ? {} : { hashrateTerahashesPerSecond: rate }),
		...(workRate > 0 ? { efficiencyJoulesPerTerahash: workWatts / workRate } : {}),
		...(net === undefined ? {} : { netUsdPerHour: net }),
		...(megawatts > 0 ? { grossUsdPerMegawattHour: gross / megawatts } : {}),
	};
}

/** Absent where no device has it. */
function summed(
	devices: readonly DeviceSummary[],
	of: (device: DeviceSummary) => number | undefined,
): number | undefined {
	let sum: number | undefined;
	for (const device of devices) {
		const value = of(device);
		if (value !== undefined) sum = (sum ?? 0) + value;
	}
	return sum;
}

function megawattsOf({
	grossUsdPerHour: gross = 0,
	grossUsdPerMegawattHour: perEnergy,
	powerWatts,
}: DeviceSummary) {
	return perEnergy ? gross / perEnergy : (powerWatts ?? 0) / WATTS_PER_MEGAWATT;
}
