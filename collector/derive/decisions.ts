/**
 * What an operator decides by: which watts earn least, what is lost and why, who drifts from its nameplate. Pure.
 *
 * Takes devices with what they do and should do, and what work and energy are worth; gives rankings and sums in
 * USD an hour. It controls nothing. What is not known is a cause of its own and counts as neither up nor down.
 */
import { SECONDS_PER_DAY, SECONDS_PER_HOUR, WATTS_PER_MEGAWATT } from "../../shared/units.js";
import { HOURS_PER_DAY } from "./basis.js";
import type { Prices } from "./money.js";
import { type MoneyOptions, overheadRatioOf } from "./revenue.js";

const LOSS_CAUSES = [
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
const DEGRADED_BELOW_RATIO = 0.95;

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
	/** Under a contract that is paid whatever it does: its watts are neither ranked nor missed. */
	readonly isPaidAnyway?: boolean;
};

export type LostRevenue = {
	readonly cause: LossCause;
	readonly devices: number;
	/** Earning that is missing, less the energy that is not bought meanwhile: of the devices that have a target. */
	readonly usdPerHour: number;
	/** Of the devices, those of which nobody knows what they would earn: above 0, the dollars are a lower bound. */
	readonly devicesWithoutTarget: number;
};

type Loss = { readonly cause: LossCause; readonly grossUsdPerHour?: number; readonly wattsNotDrawn: number };

/** Each device has at most one cause, beside rejected shares, which cost whatever else is wrong. */
export class LostRevenueSums {
	private readonly prices: Prices;
	private readonly money: MoneyOptions;
	private readonly sums = new Map<
		LossCause,
		{ devices: number; usdPerHour: number; devicesWithoutTarget: number }
	>();

	constructor(prices: Prices, money: MoneyOptions) {
		this.prices = prices;
		this.money = money;
	}

	add(device: DecisionDevice): void {
		for (const { cause, grossUsdPerHour, wattsNotDrawn } of lossesOf(device, this.prices)) {
			const sum = this.sums.get(cause) ?? { devices: 0, usdPerHour: 0, devicesWithoutTarget: 0 };
			this.sums.set(cause, sum);
			sum.devices += 1;
			if (grossUsdPerHour === undefined) {
				sum.devicesWithoutTarget += 1;
				continue;
			}
			const megawatts = (wattsNotDrawn * overheadRatioOf(this.money, device.use)) / WATTS_PER_MEGAWATT;
			sum.usdPerHour += grossUsdPerHour - megawatts * (this.prices.usdPerMegawattHour ?? 0);
		}
	}

	all(): readonly LostRevenue[] {
		return LOSS_CAUSES.flatMap((cause) => {
			const sum = this.sums.get(cause);
			return sum === undefined ? [] : [{ cause, ...sum }];
		});
	}
}

function lossesOf(device: DecisionDevice, prices: Prices): readonly Loss[] {
	if (device.intent === "retired" || device.isPaidAnyway === true) return NOTHING_LOST;
	return device.use === "mining" ? minerLosses(device, prices) : gpuLosses(device, prices);
}

const NOTHING_LOST: readonly Loss[] = [];

function minerLosses(device: DecisionDevice, { usdPerTerahash }: Prices): readonly Loss[] {
	const { health, hashrateTerahashesPerSecond: rate, targetTerahashesPerSecond: target } = device;
	const shareOfTarget = rate === undefined || target === undefined ? undefined : rate / target;
	const cause = causeOf(device, shareOfTarget);
	const rejected = device.rejectedRatio ?? 0;
	if (cause === undefined && rejected <= 0) return NOTHING_LOST;
	const losses: Loss[] = [];
	const perHour = (terahashes: number, usd: number) => terahashes * SECONDS_PER_HOUR * usd;
	if (cause !== undefined) {
		const isUp = health === "up";
		const missing = target === undefined ? undefined : Math.max(0, target - (isUp ? (rate ?? 0) : 0));
		losses.push({
			cause,
			...(missing === undefined || usdPerTerahash === undefined
				? {}
				: { grossUsdPerHour: perHour(missing, usdPerTerahash) }),
			wattsNotDrawn: Math.max(0, (device.targetWatts ?? 0) - (isUp ? (device.powerWatts ?? 0) : 0)),
		});
	}
	if (rejected > 0 && health === "up" && rate !== undefined && usdPerTerahash !== undefined)
		losses.push({
			cause: "rejected",
			grossUsdPerHour: perHour(rate * rejected, usdPerTerahash),
			wattsNotDrawn: 0,
		});
	return losses;
}

/** @param shareOfTarget absent where it is not known what the device does, or should do */
function causeOf(device: DecisionDevice, shareOfTarget: number | undefined): LossCause | undefined {
	if (device.health === "unknown") return "unknown";
	const isDown = device.health === "down";
	if (!isDown && (shareOfTarget === undefined || shareOfTarget >= DEGRADED_BELOW_RATIO)) return undefined;
	if (device.intent === "maintenance") return "planned";
	if (device.intent === "curtailed") return "curtailed";
	if (isDown) return "offline";
	return device.isThrottled ? "throttled" : "degraded";
}

function gpuLosses(device: DecisionDevice, { usdPerGpuHour }: Prices): readonly Loss[] {
	const { gpuCount: gpus, rentedRatio: rented } = device;
	const cause = device.health === "up" ? undefined : causeOf(device, undefined);
	if (cause !== undefined)
		return [
			{
				cause,
				...(usdPerGpuHour === undefined || gpus === undefined
					? {}
					: { grossUsdPerHour: gpus * usdPerGpuHour }),
				wattsNotDrawn: device.targetWatts ?? 0,
			},
		];
	if (usdPerGpuHour === undefined || gpus === undefined) return NOTHING_LOST;
	if (rented === undefined || rented <= 0 || rented >= 1) return NOTHING_LOST;
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

/** What a device's watts earn, miners and GPU hosts on one scale; what does not run stands in no ranking. */
export function rankedWatts(
	device: DecisionDevice,
	{ usdPerMegawattHour }: Prices,
	money: MoneyOptions,
): RankedWatts | undefined {
	const { powerWatts: watts, grossUsdPerHour: gross, health, rack, model } = device;
	if (health !== "up" || watts === undefined || watts <= 0 || gross === undefined) return undefined;
	const megawatts = (watts * overheadRatioOf(money, device.use)) / WATTS_PER_MEGAWATT;
	return {
		device: device.device,
		site: device.site,
		...(rack === undefined ? {} : { rack }),
		...(model === undefined ? {} : { model }),
		use: device.use,
		watts,
		marginalUsdPerMegawattHour: gross / megawatts,
		breakevenUsdPerKilowattHour: gross / megawatts / 1_000,
		...(usdPerMegawattHour === undefined ? {} : { netUsdPerHour: gross - megawatts * usdPerMegawattHour }),
	};
}

export type Drift = {
	readonly device: string;
	readonly site: string;
	readonly rack?: string;
	readonly model?: string;
	readonly efficiencyJoulesPerTerahash: number;
	readonly nameplateJoulesPerTerahash: number;
	/** What the energy beyond the nameplate's costs; absent without a price of power. */
	readonly energyUsdPerDay?: number;
	/** What the work below the nameplate's would have earned. */
	readonly workUsdPerDay: number;
	readonly usdPerDay: number;
};

/**
 * What a miner costs by being worse than its nameplate: more J/TH, or less work. One that holds itself back, or that
 * its operator took out of service, does not drift.
 */
export function driftOf(
	device: DecisionDevice,
	{ usdPerTerahash, usdPerMegawattHour }: Prices,
	money: MoneyOptions,
): Drift | undefined {
	const { hashrateTerahashesPerSecond: rate, targetTerahashesPerSecond: target } = device;
	const { powerWatts: watts, targetWatts, rack, model } = device;
	if (device.health !== "up" || device.isThrottled || device.intent !== "in-service") return undefined;
	if (rate === undefined || rate <= 0 || watts === undefined) return undefined;
	if (target === undefined || targetWatts === undefined || usdPerTerahash === undefined) return undefined;
	const nameplate = targetWatts / target;
	const excessMegawatts =
		((watts - rate * nameplate) * overheadRatioOf(money, device.use)) / WATTS_PER_MEGAWATT;
	const energy =
		usdPerMegawattHour === undefined ? undefined : excessMegawatts * HOURS_PER_DAY * usdPerMegawattHour;
	const work = Math.max(0, target - rate) * SECONDS_PER_DAY * usdPerTerahash;
	return {
		device: device.device,
		site: device.site,
		...(rack === undefined ? {} : { rack }),
		...(model === undefined ? {} : { model }),
		efficiencyJoulesPerTerahash: watts / rate,
		nameplateJoulesPerTerahash: nameplate,
		...(energy === undefined ? {} : { energyUsdPerDay: energy }),
		workUsdPerDay: work,
		usdPerDay: (energy ?? 0) + work,
	};
}
