/**
 * What an operator decides by: which watts earn least, what is lost and why, who drifts from its nameplate. Pure.
 *
 * Takes devices with what they do and should do, and what work and energy are worth; gives rankings and sums in
 * USD an hour. It controls nothing. What is not known is a cause of its own and counts as neither up nor down.
 */
import { SECONDS_PER_DAY, SECONDS_PER_HOUR, WATTS_PER_MEGAWATT } from "../../shared/units.js";
import type { Prices } from "./money.js";

export const LOSS_CAUSES = [
	"offline",
	"throttled",
	"degraded",
	"rejected",
	"idleGpu",
	"curtailed",
	"planned",
	"unknown",
] as const;
export type LossCause = (typeof LOSS_CAUSES)[number];

/** Running below this share of what it should is degraded. */
export const DEGRADED_BELOW_RATIO = 0.95;

export type Intent = "in-service" | "maintenance" | "curtailed" | "retired";

export type DecisionDevice = {
	readonly device: string;
	readonly site: string;
	readonly rack?: string;
	readonly model?: string;
	readonly use: "mining" | "ai";
	readonly health: "up" | "down" | "unknown";
	readonly intent: Intent;
	/** It holds itself back: for heat, by a mode, asleep. */
	readonly isThrottled: boolean;
	readonly hashrateTerahashesPerSecond?: number;
	/** What it should do: as stated by itself, else by its nameplate. */
	readonly targetTerahashesPerSecond?: number;
	readonly rejectedRatio?: number;
	readonly gpuCount?: number;
	readonly rentedRatio?: number;
	readonly powerWatts?: number;
	/** What it should draw: by its nameplate. */
	readonly targetWatts?: number;
	readonly grossUsdPerHour?: number;
};

export type LostRevenue = {
	readonly cause: LossCause;
	readonly devices: number;
	/** Earning that is missing, less the energy that is not bought meanwhile. */
	readonly usdPerHour: number;
};

type Loss = { readonly cause: LossCause; readonly grossUsdPerHour: number; readonly wattsNotDrawn: number };

/** Each device has at most one cause, beside rejected shares, which cost whatever else is wrong. */
export function lostRevenue(
	devices: Iterable<DecisionDevice>,
	prices: Prices,
	siteOverheadRatio: number,
): readonly LostRevenue[] {
	const sums = new Map<LossCause, { devices: number; usdPerHour: number }>();
	for (const device of devices) {
		for (const { cause, grossUsdPerHour, wattsNotDrawn } of lossesOf(device, prices)) {
			const sum = sums.get(cause) ?? { devices: 0, usdPerHour: 0 };
			sums.set(cause, sum);
			sum.devices += 1;
			const saved =
				((wattsNotDrawn * siteOverheadRatio) / WATTS_PER_MEGAWATT) * (prices.usdPerMegawattHour ?? 0);
			sum.usdPerHour += grossUsdPerHour - saved;
		}
	}
	return LOSS_CAUSES.flatMap((cause) => {
		const sum = sums.get(cause);
		return sum === undefined ? [] : [{ cause, ...sum }];
	});
}

function lossesOf(device: DecisionDevice, prices: Prices): readonly Loss[] {
	if (device.intent === "retired") return [];
	return device.use === "mining" ? minerLosses(device, prices) : gpuLosses(device, prices);
}

function minerLosses(device: DecisionDevice, { usdPerTerahash }: Prices): readonly Loss[] {
	const target = device.targetTerahashesPerSecond;
	if (usdPerTerahash === undefined || target === undefined) return [];
	const actual = device.health === "up" ? (device.hashrateTerahashesPerSecond ?? 0) : 0;
	const perHour = (rate: number) => rate * SECONDS_PER_HOUR * usdPerTerahash;
	const losses: Loss[] = [];
	const cause = causeOf(device, actual / target);
	if (cause !== undefined)
		losses.push({
			cause,
			grossUsdPerHour: perHour(Math.max(0, target - actual)),
			wattsNotDrawn: Math.max(
				0,
				(device.targetWatts ?? 0) - (device.health === "up" ? (device.powerWatts ?? 0) : 0),
			),
		});
	if (device.rejectedRatio !== undefined && device.rejectedRatio > 0 && actual > 0)
		losses.push({
			cause: "rejected",
			grossUsdPerHour: perHour(actual * device.rejectedRatio),
			wattsNotDrawn: 0,
		});
	return losses;
}

function causeOf(device: DecisionDevice, shareOfTarget: number): LossCause | undefined {
	if (device.health === "unknown") return "unknown";
	const isMissing = device.health === "down" || shareOfTarget < DEGRADED_BELOW_RATIO;
	if (!isMissing) return undefined;
	if (device.intent === "maintenance") return "planned";
	if (device.intent === "curtailed") return "curtailed";
	if (device.health === "down") return "offline";
	return device.isThrottled ? "throttled" : "degraded";
}

function gpuLosses(device: DecisionDevice, { usdPerGpuHour }: Prices): readonly Loss[] {
	const gpus = device.gpuCount;
	if (usdPerGpuHour === undefined || gpus === undefined) return [];
	const cause = device.health === "up" ? undefined : causeOf(device, 0);
	if (cause !== undefined)
		return [{ cause, grossUsdPerHour: gpus * usdPerGpuHour, wattsNotDrawn: device.targetWatts ?? 0 }];
	const rented = device.rentedRatio;
	if (rented === undefined || rented <= 0 || rented >= 1) return [];
	// The price of an hour has the rented share inside; what is not rented is the rest.
	return [
		{ cause: "idleGpu", grossUsdPerHour: gpus * (usdPerGpuHour / rented) * (1 - rented), wattsNotDrawn: 0 },
	];
}

export type RankedWatts = {
	readonly device: string;
	readonly site: string;
	readonly rack?: string;
	readonly model?: string;
	readonly use: "mining" | "ai";
	readonly watts: number;
	/** What stops when the device stops, by its energy at the site's meter. */
	readonly marginalUsdPerMegawattHour: number;
	readonly breakevenUsdPerKilowattHour: number;
	readonly netUsdPerHour?: number;
};

/** The devices whose watts earn least, miners and GPU hosts on one scale; what does not run stands in no ranking. */
export function leastEarning(
	devices: Iterable<DecisionDevice>,
	{ usdPerMegawattHour }: Prices,
	{ siteOverheadRatio, most }: { readonly siteOverheadRatio: number; readonly most: number },
): readonly RankedWatts[] {
	const ranked: RankedWatts[] = [];
	for (const device of devices) {
		const { powerWatts: watts, grossUsdPerHour: gross, health } = device;
		if (health !== "up" || watts === undefined || watts <= 0 || gross === undefined) continue;
		const megawatts = (watts * siteOverheadRatio) / WATTS_PER_MEGAWATT;
		const { rack, model } = device;
		ranked.push({
			device: device.device,
			site: device.site,
			...(rack === undefined ? {} : { rack }),
			...(model === undefined ? {} : { model }),
			use: device.use,
			watts,
			marginalUsdPerMegawattHour: gross / megawatts,
			breakevenUsdPerKilowattHour: gross / megawatts / 1_000,
			...(usdPerMegawattHour === undefined ? {} : { netUsdPerHour: gross - megawatts * usdPerMegawattHour }),
		});
	}
	return ranked
		.sort((one, other) => one.marginalUsdPerMegawattHour - other.marginalUsdPerMegawattHour)
		.slice(0, most);
}

export type Drift = {
	readonly device: string;
	readonly model?: string;
	readonly efficiencyJoulesPerTerahash: number;
	readonly nameplateJoulesPerTerahash: number;
	/** Above nameplate: what the energy beyond it costs, and the work below it would have earned. */
	readonly energyUsdPerDay: number;
	readonly workUsdPerDay: number;
	readonly usdPerDay: number;
};

/** Devices that cost most by being worse than their nameplate: more J/TH, or less work. */
export function driftFromNameplate(
	devices: Iterable<DecisionDevice>,
	{ usdPerTerahash, usdPerMegawattHour }: Prices,
	{ siteOverheadRatio, most }: { readonly siteOverheadRatio: number; readonly most: number },
): readonly Drift[] {
	const drifts: Drift[] = [];
	for (const device of devices) {
		const { hashrateTerahashesPerSecond: rate, targetTerahashesPerSecond: target } = device;
		const { powerWatts: watts, targetWatts } = device;
		if (device.health !== "up" || rate === undefined || rate <= 0 || watts === undefined) continue;
		if (target === undefined || targetWatts === undefined || usdPerTerahash === undefined) continue;
		const nameplate = targetWatts / target;
		const excessWatts = watts - rate * nameplate;
		const energy =
			usdPerMegawattHour === undefined
				? 0
				: ((excessWatts * siteOverheadRatio) / WATTS_PER_MEGAWATT) * 24 * usdPerMegawattHour;
		const work = Math.max(0, target - rate) * SECONDS_PER_DAY * usdPerTerahash;
		const { model } = device;
		drifts.push({
			device: device.device,
			...(model === undefined ? {} : { model }),
			efficiencyJoulesPerTerahash: watts / rate,
			nameplateJoulesPerTerahash: nameplate,
			energyUsdPerDay: energy,
			workUsdPerDay: work,
			usdPerDay: energy + work,
		});
	}
	return drifts.sort((one, other) => other.usdPerDay - one.usdPerDay).slice(0, most);
}
