/**
 * Sums over a group of devices, and the ratios made from these sums.
 *
 * Takes what each device contributes; gives one group's totals. Pure. It never averages ratios, and a
 * device that lacks one side of a ratio stays out of both.
 */
import type { DeviceKind } from "../../shared/device.js";
import { POWER_SOURCES, type PowerSource } from "../../shared/measurements.js";
import { type Joules, quantity, type Terahashes, WATTS_PER_MEGAWATT } from "../../shared/units.js";
import type { Power } from "./boundaries.js";
import { joulesPerTerahashFromSums } from "./efficiency.js";
import type { TrailingSums } from "./energy.js";
import { type Revenue, usdPerMegawattHour, usdPerWattYear } from "./revenue.js";
import { TokenGroup, type TokenSums, type TokenWork } from "./tokens.js";

export type Contribution = {
	readonly kind: DeviceKind;
	readonly health: "up" | "down" | "unknown";
	/** In maintenance or curtailed: not down, where it is not up. */
	readonly isOutOfService?: boolean;
	/** Whether SHA-256 hashrate is to be expected of it. */
	readonly isSha256Miner: boolean;
	readonly hashrateTerahashesPerSecond?: number;
	readonly power?: Power;
	/** Of the trailing five minutes. */
	readonly sums?: TrailingSums;
	readonly revenue?: Revenue;
	/** Of the trailing five minutes. */
	readonly tokens?: TokenSums;
	readonly gpuCount?: number;
	readonly gpuUtilization?: { readonly ratioSum: number; readonly gpus: number };
};

export type Totals = {
	readonly devices: {
		readonly up: number;
		readonly down: number;
		readonly unknown: number;
		readonly outOfService?: number;
	};
	readonly hashrateTerahashesPerSecond?: number;
	readonly powerWatts?: number;
	readonly efficiencyJoulesPerTerahash?: number;
	readonly grossUsdPerHour?: number;
	readonly tokenUsdPerHour?: number;
	readonly contractUsdPerHour?: number;
	readonly powerCostUsdPerHour?: number;
	/** Over the devices of which both gross and cost are known. */
	readonly netUsdPerHour?: number;
	/** Net of power and capital, over the devices of which all three are known. */
	readonly netAfterCapitalUsdPerHour?: number;
	readonly grossUsdPerMegawattHour?: number;
	/** What a megawatt-hour at the site's meter costs. */
	readonly powerCostUsdPerMegawattHour?: number;
	readonly netUsdPerMegawattHour?: number;
	readonly netAfterCapitalUsdPerMegawattHour?: number;
	readonly grossUsdPerWattYear?: number;
	readonly netUsdPerWattYear?: number;
	readonly netAfterCapitalUsdPerWattYear?: number;
	readonly gpuCount?: number;
	readonly gpuUtilizationRatio?: number;
	readonly tokens?: TokenWork;
	readonly coverage: {
		readonly powerRatio: number;
		readonly hashrateRatio: number;
		readonly powerBySource: Readonly<Partial<Record<PowerSource, number>>>;
		/** What the estimates among the watts may be off by, all in one direction. */
		readonly powerErrorWatts?: number;
	};
};

/** A sum that knows whether anything was added: nothing added is absent, not zero. */
class Sum {
	private value = 0;
	private count = 0;

	add(value: number | undefined): void {
		if (value === undefined) return;
		this.value += value;
		this.count += 1;
	}

	get total(): number | undefined {
		return this.count > 0 ? this.value : undefined;
	}

	get contributors(): number {
		return this.count;
	}
}

/** Gathers one group; devices that are down or unknown are counted and add nothing else. */
export class Group {
	private readonly devices = { up: 0, down: 0, unknown: 0 };
	private outOfService = 0;
	private sha256Miners = 0;
	private readonly hashrate = new Sum();
	private readonly power = new Sum();
	private readonly errorWatts = new Sum();
	private readonly wattsBySource: Partial<Record<PowerSource, number>> = {};
	private readonly joules = new Sum();
	private readonly terahashes = new Sum();
	private readonly gross = new Sum();
	private readonly byTokens = new Sum();
	private readonly byContracts = new Sum();
	private readonly cost = new Sum();
	private readonly net = new Sum();
	private readonly grossWithEnergy = new Sum();
	private readonly netWithEnergy = new Sum();
	private readonly megawattsWithGross = new Sum();
	private readonly megawattsWithNet = new Sum();
	private readonly megawattsWithCost = new Sum();
	private readonly afterCapital = new Sum();
	private readonly megawattsWithCapital = new Sum();
	private readonly tokens = new TokenGroup();
	private readonly gpus = new Sum();
	private readonly gpuRatioSum = new Sum();
	private readonly gpusWithRatio = new Sum();

	add(device: Contribution): void {
		if (device.health !== "up" && device.isOutOfService === true) {
			this.outOfService += 1;
			return;
		}
		this.devices[device.health] += 1;
		if (device.isSha256Miner) this.sha256Miners += 1;
		if (device.health !== "up") return;
		this.addWork(device);
		this.addPower(device.power);
		if (device.revenue !== undefined) this.addMoney(device.revenue);
		this.tokens.add(device.tokens);
		this.gpus.add(device.gpuCount);
		this.gpuRatioSum.add(device.gpuUtilization?.ratioSum);
		this.gpusWithRatio.add(device.gpuUtilization?.gpus);
	}

	totals(contractedWatts?: number): Totals {
		const { up, down, unknown } = this.devices;
		const [gross, net] = [this.gross.total, this.net.total];
		return withoutAbsent({
			devices: {
				up,
				down,
				unknown,
				...(this.outOfService > 0 ? { outOfService: this.outOfService } : {}),
			},
			hashrateTerahashesPerSecond: this.hashrate.total,
			powerWatts: this.power.total,
			efficiencyJoulesPerTerahash: joulesPerTerahashFromSums(
				quantity<Joules>(this.joules.total ?? 0),
				quantity<Terahashes>(this.terahashes.total ?? 0),
			),
			grossUsdPerHour: gross,
			tokenUsdPerHour: this.byTokens.total,
			contractUsdPerHour: this.byContracts.total,
			powerCostUsdPerHour: this.cost.total,
			netUsdPerHour: net,
			netAfterCapitalUsdPerHour: this.afterCapital.total,
			grossUsdPerMegawattHour: ratioOf(this.grossWithEnergy.total, this.megawattsWithGross.total),
			powerCostUsdPerMegawattHour: ratioOf(this.cost.total, this.megawattsWithCost.total),
			netUsdPerMegawattHour: ratioOf(this.netWithEnergy.total, this.megawattsWithNet.total),
			netAfterCapitalUsdPerMegawattHour: ratioOf(this.afterCapital.total, this.megawattsWithCapital.total),
			grossUsdPerWattYear: perWattYear(gross, contractedWatts),
			netUsdPerWattYear: perWattYear(net, contractedWatts),
			netAfterCapitalUsdPerWattYear: perWattYear(this.afterCapital.total, contractedWatts),
			gpuCount: this.gpus.total,
			gpuUtilizationRatio: shareOf(this.gpuRatioSum.total, this.gpusWithRatio.total),
			tokens: this.tokens.work(),
			coverage: {
				powerRatio: shareOf(this.power.contributors, up + down + unknown) ?? 0,
				hashrateRatio: shareOf(this.hashrate.contributors, this.sha256Miners) ?? 0,
				powerBySource: this.shareBySource(),
				...withoutAbsent({ powerErrorWatts: this.errorWatts.total }),
			},
		});
	}

	private addWork({ hashrateTerahashesPerSecond, sums }: Contribution): void {
		this.hashrate.add(hashrateTerahashesPerSecond);
		if (sums === undefined) return;
		this.joules.add(sums.joulesWithWork);
		this.terahashes.add(sums.terahashesWithPower);
	}

	private addPower(power: Power | undefined): void {
		if (power === undefined) return;
		this.power.add(power.watts);
		// Estimates by one rule are wrong alike: their errors add up and do not cancel.
		if (power.errorRatio !== undefined) this.errorWatts.add(power.watts * power.errorRatio);
		this.wattsBySource[power.source] = (this.wattsBySource[power.source] ?? 0) + power.watts;
	}

	/** Of a device, or of a contract over several. */
	addMoney(revenue: Revenue): void {
		this.gross.add(revenue.grossUsdPerHour);
		this.byTokens.add(revenue.tokenUsdPerHour);
		this.byContracts.add(revenue.contractUsdPerHour);
		this.cost.add(revenue.powerCostUsdPerHour);
		this.net.add(revenue.netUsdPerHour);
		if (revenue.siteMegawatts === undefined) return;
		if (revenue.grossUsdPerHour !== undefined) {
			this.grossWithEnergy.add(revenue.grossUsdPerHour);
			this.megawattsWithGross.add(revenue.siteMegawatts);
		}
		if (revenue.powerCostUsdPerHour !== undefined) this.megawattsWithCost.add(revenue.siteMegawatts);
		if (revenue.netUsdPerHour === undefined) return;
		this.netWithEnergy.add(revenue.netUsdPerHour);
		this.megawattsWithNet.add(revenue.siteMegawatts);
		if (revenue.capitalUsdPerHour === undefined) return;
		this.afterCapital.add(revenue.netUsdPerHour - revenue.capitalUsdPerHour);
		this.megawattsWithCapital.add(revenue.siteMegawatts);
	}

	private shareBySource(): Partial<Record<PowerSource, number>> {
		const total = this.power.total ?? 0;
		if (total <= 0) return {};
		const shares: Partial<Record<PowerSource, number>> = {};
		for (const source of POWER_SOURCES) {
			const watts = this.wattsBySource[source];
			if (watts !== undefined) shares[source] = watts / total;
		}
		return shares;
	}
}

export function groupTotals(devices: Iterable<Contribution>, contractedWatts?: number): Totals {
	const group = new Group();
	for (const device of devices) group.add(device);
	return group.totals(contractedWatts);
}

function ratioOf(usdPerHour: number | undefined, megawatts: number | undefined): number | undefined {
	if (usdPerHour === undefined || megawatts === undefined) return undefined;
	return usdPerMegawattHour(usdPerHour, megawatts * WATTS_PER_MEGAWATT);
}

function perWattYear(
	usdPerHour: number | undefined,
	contractedWatts: number | undefined,
): number | undefined {
	if (usdPerHour === undefined || contractedWatts === undefined) return undefined;
	return usdPerWattYear(usdPerHour, contractedWatts);
}

function shareOf(part: number | undefined, whole: number | undefined): number | undefined {
	if (part === undefined || whole === undefined || whole <= 0) return undefined;
	return part / whole;
}

type WithoutAbsent<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
	[K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Leaves out what is undefined, so that absence is a missing key. */
function withoutAbsent<T extends Record<string, unknown>>(values: T): WithoutAbsent<T> {
	return Object.fromEntries(
		Object.entries(values).filter(([, value]) => value !== undefined),
	) as WithoutAbsent<T>;
}
