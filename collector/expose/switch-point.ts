/**
 * Where mining and rented GPUs earn the same, of this fleet at the inputs in force, in three tiers, and how far that
 * moves with each input.
 *
 * Takes the fleet's sums and inputs; gives both uses on the capacity basis, who is ahead, the crossover hashprice and
 * GPU price, and what one per cent of each input does to them. Pure. A tier whose input nobody stated is absent.
 */
import { TIERS, type Tier } from "../derive/basis.js";
import {
	crossoverGpuPrice,
	crossoverHashprice,
	type GpuUse,
	gpuMoney,
	type MiningUse,
	miningMoney,
	sensitivities,
	tierValue,
} from "../derive/crossover.js";
import { hashprice, type MoneyInputs, type MoneyOptions, overheadRatioOf } from "../derive/revenue.js";
import type { FleetAnswer } from "./answers.js";
import type { DecisionsAnswer, TieredFigure } from "./money-answers.js";

type SwitchPoint = NonNullable<DecisionsAnswer["switchPoint"]>;

export type SwitchInputs = {
	readonly efficiencyJoulesPerTerahash: number;
	readonly miningOverheadRatio: number;
	readonly poolFeeRatio: number;
	readonly powerPriceUsdPerMegawattHour: number;
	readonly hashpriceUsdPerPetahashPerSecondDay: number;
	readonly gpuHourPriceUsd: number;
	readonly gpuRentedRatio: number;
	readonly gpuMarketplaceCutRatio: number;
	readonly kilowattsPerGpu: number;
	readonly miningCapitalCostUsdPerWattYear: number;
	readonly aiCapitalCostUsdPerWattYear: number;
};

export function switchPoint(
	{ mining, ai }: FleetAnswer,
	inputs: MoneyInputs,
	money: MoneyOptions,
): SwitchPoint | undefined {
	const price = hashprice(inputs)?.hashpriceUsdPerPetahashPerSecondDay;
	const { poolFeeRatio, powerPriceUsdPerMegawattHour, gpuHourPriceUsd, gpuRentedRatio } = inputs;
	const { efficiencyJoulesPerTerahash } = mining;
	const { powerWatts, gpuCount } = ai;
	if (price === undefined || poolFeeRatio === undefined || efficiencyJoulesPerTerahash === undefined)
		return undefined;
	if (powerPriceUsdPerMegawattHour === undefined || gpuHourPriceUsd === undefined) return undefined;
	if (gpuRentedRatio === undefined || gpuRentedRatio === 0) return undefined;
	if (powerWatts === undefined || gpuCount === undefined || gpuCount <= 0) return undefined;
	return switchPointOf({
		efficiencyJoulesPerTerahash,
		miningOverheadRatio: overheadRatioOf(money, "mining"),
		poolFeeRatio,
		powerPriceUsdPerMegawattHour,
		hashpriceUsdPerPetahashPerSecondDay: price,
		gpuHourPriceUsd,
		gpuRentedRatio,
		gpuMarketplaceCutRatio: inputs.gpuMarketplaceCutRatio ?? 0,
		kilowattsPerGpu: (powerWatts * overheadRatioOf(money, "ai")) / gpuCount / 1_000,
		miningCapitalCostUsdPerWattYear: inputs.miningCapitalCostUsdPerWattYear ?? Number.NaN,
		aiCapitalCostUsdPerWattYear: inputs.aiCapitalCostUsdPerWattYear ?? Number.NaN,
	});
}

function switchPointOf(inputs: SwitchInputs): SwitchPoint {
	const names = (Object.keys(inputs) as (keyof SwitchInputs)[]).filter(
		(name) => Number.isFinite(inputs[name]) && inputs[name] !== 0,
	);
	const moved = (of: (inputs: SwitchInputs, tier: Tier) => number) => {
		const byTier = TIERS.map((tier) => [tier, sensitivities(inputs, (one) => of(one, tier))] as const);
		return (name: keyof SwitchInputs) =>
			tiered((tier) => byTier.find(([one]) => one === tier)?.[1][name] ?? Number.NaN);
	};
	const [hashpriceMoves, gpuPriceMoves] = [moved(hashpriceWhere), moved(gpuPriceWhere)];
	return {
		hashpriceUsdPerPetahashPerSecondDay: inputs.hashpriceUsdPerPetahashPerSecondDay,
		gpuHourPriceUsd: inputs.gpuHourPriceUsd,
		kilowattsPerGpu: inputs.kilowattsPerGpu,
		miningUsdPerWattYear: tiered((tier) => miningNow(inputs, tier)),
		aiUsdPerWattYear: tiered((tier) => aiNow(inputs, tier)),
		aiAheadByUsdPerWattYear: tiered((tier) => aiNow(inputs, tier) - miningNow(inputs, tier)),
		crossoverHashpriceUsdPerPetahashPerSecondDay: tiered((tier) => hashpriceWhere(inputs, tier)),
		crossoverUsdPerGpuHour: tiered((tier) => gpuPriceWhere(inputs, tier)),
		sensitivities: names.map((input) => ({
			input,
			hashpriceUsdPerPercent: hashpriceMoves(input),
			gpuHourUsdPerPercent: gpuPriceMoves(input),
		})),
	};
}

function miningNow(inputs: SwitchInputs, tier: Tier): number {
	return tierValue(miningMoney(minerOf(inputs), inputs.hashpriceUsdPerPetahashPerSecondDay), tier);
}

function aiNow(inputs: SwitchInputs, tier: Tier): number {
	return tierValue(gpuMoney(gpuOf(inputs)), tier);
}

function hashpriceWhere(inputs: SwitchInputs, tier: Tier): number {
	return crossoverHashprice(minerOf(inputs), gpuMoney(gpuOf(inputs)), tier);
}

function gpuPriceWhere(inputs: SwitchInputs, tier: Tier): number {
	const mining = miningMoney(minerOf(inputs), inputs.hashpriceUsdPerPetahashPerSecondDay);
	return crossoverGpuPrice(gpuOf(inputs), mining, tier);
}

function minerOf(inputs: SwitchInputs): MiningUse {
	return {
		efficiencyJoulesPerTerahash: inputs.efficiencyJoulesPerTerahash,
		overheadRatio: inputs.miningOverheadRatio,
		poolFeeRatio: inputs.poolFeeRatio,
		acceptedRatio: 1,
		availabilityRatio: 1,
		powerUsdPerKilowattHour: inputs.powerPriceUsdPerMegawattHour / 1_000,
		capitalUsdPerWattYear: inputs.miningCapitalCostUsdPerWattYear,
	};
}

function gpuOf(inputs: SwitchInputs): GpuUse {
	return {
		usdPerGpuHour: inputs.gpuHourPriceUsd,
		utilizationRatio: inputs.gpuRentedRatio,
		marketplaceCutRatio: inputs.gpuMarketplaceCutRatio,
		kilowattsPerGpu: inputs.kilowattsPerGpu,
		powerUsdPerKilowattHour: inputs.powerPriceUsdPerMegawattHour / 1_000,
		capitalUsdPerWattYear: inputs.aiCapitalCostUsdPerWattYear,
	};
}

/** What cannot be told, as the third tier without stated capital, is no key. */
function tiered(value: (tier: Tier) => number): TieredFigure {
	return Object.fromEntries(
		TIERS.flatMap((tier) => {
			const found = value(tier);
			return Number.isFinite(found) ? [[tier, found]] : [];
		}),
	);
}
