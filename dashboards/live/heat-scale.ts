/**
 * What a device's cell is coloured by: its value, the breaks between colours, its level. Pure.
 *
 * Level 0 is calm, level 6 is where to look first, for every metric alike: hot, wasteful or losing
 * money. Few levels with printed breaks can be read off; a smooth gradient cannot.
 */
import type { DeviceSummary } from "../../collector/expose/answers.js";
import { tick } from "./format.js";

export const HEAT_METRICS = ["temperature", "efficiency", "earning"] as const;
export type HeatMetric = (typeof HEAT_METRICS)[number];

export const HEAT_LEVELS = 7;

/** Stands in for a limit where neither device nor inventory gives one; the legend says so. */
export const ASSUMED_LIMIT_CELSIUS = 90;

const WATTS_PER_MEGAWATT = 1e6;
const LIMIT_SHARES = [0.7, 0.8, 0.85, 0.9, 0.95, 1] as const;
/** One machine's own scatter: steps finer than this would colour noise. */
const EFFICIENCY_STEP_LEAST = 0.5;

export type HeatScale = {
	readonly metric: HeatMetric;
	/** Ascending; one fewer than `levels`. */
	readonly breaks: readonly number[];
	/** The level of each class, from the lowest values up. */
	readonly levels: readonly number[];
	/** Of each break. */
	readonly ticks: readonly string[];
	readonly unit: string;
};

/** Share of its limit that the hottest sensor has reached. */
export function limitShare(device: DeviceSummary): number | undefined {
	if (device.temperatureCelsius === undefined) return undefined;
	return device.temperatureCelsius / (device.temperatureLimitCelsius ?? ASSUMED_LIMIT_CELSIUS);
}

/** Net of power, energy basis: from the same trailing sums as gross, so the two can be compared. */
export function netUsdPerMegawattHour(device: DeviceSummary): number | undefined {
	const { grossUsdPerHour: gross, netUsdPerHour: net, grossUsdPerMegawattHour: perEnergy } = device;
	if (net === undefined) return undefined;
	if (gross !== undefined && gross !== 0 && perEnergy !== undefined) return (perEnergy * net) / gross;
	if (device.powerWatts === undefined || device.powerWatts === 0) return undefined;
	return net / (device.powerWatts / WATTS_PER_MEGAWATT);
}

export function heatValue(metric: HeatMetric, device: DeviceSummary): number | undefined {
	if (device.health !== "up") return undefined;
	switch (metric) {
		case "temperature":
			return limitShare(device);
		case "efficiency":
			return device.efficiencyJoulesPerTerahash;
		case "earning":
			return netUsdPerMegawattHour(device);
	}
}

/** The class a value falls in; a value on a break belongs to the class above it. */
export function heatLevel(scale: HeatScale, value: number | undefined): number | undefined {
	if (value === undefined) return undefined;
	let index = 0;
	while (index < scale.breaks.length && value >= (scale.breaks[index] ?? Infinity)) index += 1;
	return scale.levels[index];
}

export function heatScale(metric: HeatMetric, devices: Iterable<DeviceSummary>): HeatScale {
	switch (metric) {
		case "temperature":
			return temperatureScale();
		case "efficiency":
			return efficiencyScale(sortedValues(metric, devices));
		case "earning":
			return earningScale(sortedValues(metric, devices));
	}
}

/** Two scales that colour every value alike. */
export function isSameScale(one: HeatScale, other: HeatScale): boolean {
	return one.metric === other.metric && one.breaks.join() === other.breaks.join();
}

function temperatureScale(): HeatScale {
	return {
		metric: "temperature",
		breaks: LIMIT_SHARES,
		levels: ascendingLevels(),
		ticks: LIMIT_SHARES.map((share) => `${Math.round(share * 100)}`),
		unit: "% of its limit",
	};
}

function efficiencyScale(sorted: readonly number[]): HeatScale {
	const low = quantile(sorted, 0.05);
	const high = quantile(sorted, 0.95);
	const step = Math.max(EFFICIENCY_STEP_LEAST, niceStep((high - low) / (HEAT_LEVELS - 2)));
	const start = Math.floor(low / step) * step + step;
	const breaks = Array.from({ length: HEAT_LEVELS - 1 }, (_, index) => tidy(start + index * step));
	return { metric: "efficiency", breaks, levels: ascendingLevels(), ticks: breaks.map(tick), unit: "J/TH" };
}

/**
 * The first break is 0: below it a device loses money and has the last level for itself. The others
 * part the earning devices into fifths, since a GPU host may earn twenty times what a miner does.
 */
function earningScale(sorted: readonly number[]): HeatScale {
	const earning = sorted.filter((value) => value > 0);
	const fifths = [0.2, 0.4, 0.6, 0.8].map((share) => twoDigits(quantile(earning, share)));
	const breaks = [0, ...new Set(fifths.filter((value) => value > 0))];
	const classes = breaks.length;
	const earningLevels = Array.from({ length: classes }, (_, index) =>
		classes === 1 ? 1 : Math.round(((classes - 1 - index) * (HEAT_LEVELS - 3)) / (classes - 1)),
	);
	return {
		metric: "earning",
		breaks,
		levels: [HEAT_LEVELS - 1, ...earningLevels],
		ticks: breaks.map(tick),
		unit: "USD/MWh, net of power",
	};
}

function ascendingLevels(): readonly number[] {
	return Array.from({ length: HEAT_LEVELS }, (_, index) => index);
}

function sortedValues(metric: HeatMetric, devices: Iterable<DeviceSummary>): readonly number[] {
	const values: number[] = [];
	for (const device of devices) {
		const value = heatValue(metric, device);
		if (value !== undefined) values.push(value);
	}
	return values.sort((one, other) => one - other);
}

function quantile(sorted: readonly number[], at: number): number {
	return sorted[Math.min(sorted.length - 1, Math.floor(at * sorted.length))] ?? 0;
}

/** The next of 1, 2, 2.5, 5 times a power of ten. */
function niceStep(least: number): number {
	if (least <= 0) return 0;
	const magnitude = 10 ** Math.floor(Math.log10(least));
	const factor = [1, 2, 2.5, 5, 10].find((candidate) => candidate * magnitude >= least) ?? 10;
	return factor * magnitude;
}

function twoDigits(value: number): number {
	return Number(value.toPrecision(2));
}

function tidy(value: number): number {
	return Number(value.toPrecision(12));
}
