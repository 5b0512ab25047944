/**
 * Where mining and an AI use earn the same, of this fleet at the inputs in force, in three tiers, and how far that
 * moves with each input: GPUs rented by the hour, and hosts that are paid by the token.
 *
 * Takes devices as they come and inputs; gives both uses on the capacity basis, who is ahead, the crossover hashprice
 * and the other use's price, and what one per cent of each input does to them. Pure. A tier whose input nobody stated
 * is absent.
 */
import { JOULES_PER_MEGAWATT_HOUR } from "../../shared/units.js";
import { TIERS, type Tier } from "../derive/basis.js";
import {
	type CapacityMoney,
	crossoverGpuPrice,
	crossoverHashprice,
	crossoverTokenPrice,
	type GpuUse,
	gpuMoney,
	type MiningUse,
	miningMoney,
	sensitivities,
	type TokenUse,
	tierValue,
	tokenMoney,
} from "../derive/crossover.js";
import { hashprice, type MoneyInputs, type MoneyOptions, overheadRatioOf } from "../derive/revenue.js";
import type { FleetAnswer } from "./answers.js";
import type { DeviceFacts } from "./device-facts.js";
import type { DecisionsAnswer, TieredFigure } from "./money-answers.js";

type SwitchPoints = Pick<DecisionsAnswer, "switchPoint" | "tokenSwitchPoint">;

/** What GPUs draw, and what tokens are made with: each only of hosts of which both are known. */
export class SwitchSums {
	private gpus = 0;
	private gpuWatts = 0;
	private tokenUsdPerHour = 0;
	private tokenMegawatts = 0;

	add({ kind, health, state, gpuCount, power, revenue }: DeviceFacts): void {
		if (kind !== "gpu-host" || health !== "up" || state.inventory?.intent === "retired" || state.isClaim)
			return;
		if (gpuCount !== undefined && power !== undefined) {
			this.gpus += gpuCount;
			this.gpuWatts += power.watts;
		}
		if (revenue?.tokenUsdPerHour === undefined || revenue.siteMegawatts === undefined) return;
		this.tokenUsdPerHour += revenue.tokenUsdPerHour;
		this.tokenMegawatts += revenue.siteMegawatts;
	}

	/** At the site's meter. */
	kilowattsPerGpu(overheadRatio: number): number | undefined {
		return this.gpus > 0 ? (this.gpuWatts * overheadRatio) / this.gpus / 1_000 : undefined;
	}

	/** Sold, over the energy at the site's meter. */
	tokensPerJoule(usdPerMillionTokens: number): number | undefined {
		if (!(this.tokenMegawatts > 0 && this.tokenUsdPerHour > 0)) return undefined;
		const tokensPerMegawattHour = (this.tokenUsdPerHour / usdPerMillionTokens / this.tokenMegawatts) * 1e6;
		return tokensPerMegawattHour / JOULES_PER_MEGAWATT_HOUR;
	}
}

type MiningInputs = {
	readonly efficiencyJoulesPerTerahash: number;
	readonly miningOverheadRatio: number;
	readonly poolFeeRatio: number;
	readonly powerPriceUsdPerMegawattHour: number;
	readonly hashpriceUsdPerPetahashPerSecondDay: number;
	readonly miningCapitalCostUsdPerWattYear: number;
	readonly aiCapitalCostUsdPerWattYear: number;
};
type GpuInputs = MiningInputs & {
	readonly gpuHourPriceUsd: number;
	readonly gpuRentedRatio: number;
	readonly gpuMarketplaceCutRatio: number;
	readonly kilowattsPerGpu: number;
};
type TokenInputs = MiningInputs & {
	readonly usdPerMillionTokens: number;
	readonly tokensPerJoule: number;
};

export function switchPoints(
	sums: SwitchSums,
	{ mining }: FleetAnswer,
	inputs: MoneyInputs,
	money: MoneyOptions,
): SwitchPoints {
	const own = miningInputs(mining, inputs, money);
	if (own === undefined) return {};
	return { ...gpuPoint(own, sums, inputs, money), ...tokenPoint(own, sums, inputs) };
}

function miningInputs(
	{ efficiencyJoulesPerTerahash }: FleetAnswer["mining"],
	inputs: MoneyInputs,
	money: MoneyOptions,
): MiningInputs | undefined {
	const price = hashprice(inputs)?.hashpriceUsdPerPetahashPerSecondDay;
	const { poolFeeRatio, powerPriceUsdPerMegawattHour } = inputs;
	if (price === undefined || poolFeeRatio === undefined) return undefined;
	if (efficiencyJoulesPerTerahash === undefined || powerPriceUsdPerMegawattHour === undefined)
		return undefined;
	return {
		efficiencyJoulesPerTerahash,
		miningOverheadRatio: overheadRatioOf(money, "mining"),
		poolFeeRatio,
		powerPriceUsdPerMegawattHour,
		hashpriceUsdPerPetahashPerSecondDay: price,
		miningCapitalCostUsdPerWattYear: inputs.miningCapitalCostUsdPerWattYear ?? Number.NaN,
		aiCapitalCostUsdPerWattYear: inputs.aiCapitalCostUsdPerWattYear ?? Number.NaN,
	};
}

function gpuPoint(
	own: MiningInputs,
	sums: SwitchSums,
	{ gpuHourPriceUsd, gpuRentedRatio, gpuMarketplaceCutRatio = 0 }: MoneyInputs,
	money: MoneyOptions,
): Pick<SwitchPoints, "switchPoint"> {
	const kilowattsPerGpu = sums.kilowattsPerGpu(overheadRatioOf(money, "ai"));
	if (gpuHourPriceUsd === undefined || gpuRentedRatio === undefined || gpuRentedRatio === 0) return {};
	if (kilowattsPerGpu === undefined) return {};
	const inputs = { ...own, gpuHourPriceUsd, gpuRentedRatio, gpuMarketplaceCutRatio, kilowattsPerGpu };
	const point = pointOf<GpuInputs>(inputs, {
		money: (one) => gpuMoney(gpuOf(one)),
		priceWhere: (one, mining, tier) => crossoverGpuPrice(gpuOf(one), mining, tier),
	});
	return {
		switchPoint: {
			hashpriceUsdPerPetahashPerSecondDay: own.hashpriceUsdPerPetahashPerSecondDay,
			gpuHourPriceUsd,
			kilowattsPerGpu,
			miningUsdPerWattYear: point.mining,
			aiUsdPerWattYear: point.other,
			aiAheadByUsdPerWattYear: point.otherAheadBy,
			crossoverHashpriceUsdPerPetahashPerSecondDay: point.hashprice,
			crossoverUsdPerGpuHour: point.price,
			sensitivities: point.moves.map(({ input, hashprice: moved, price }) => ({
				input,
				hashpriceUsdPerPercent: moved,
				gpuHourUsdPerPercent: price,
			})),
		},
	};
}

function tokenPoint(
	own: MiningInputs,
	sums: SwitchSums,
	{ usdPerMillionTokens }: MoneyInputs,
): Pick<SwitchPoints, "tokenSwitchPoint"> {
	if (usdPerMillionTokens === undefined || usdPerMillionTokens === 0) return {};
	const tokensPerJoule = sums.tokensPerJoule(usdPerMillionTokens);
	if (tokensPerJoule === undefined) return {};
	const point = pointOf<TokenInputs>(
		{ ...own, usdPerMillionTokens, tokensPerJoule },
		{
			money: (one) => tokenMoney(tokensOf(one)),
			priceWhere: (one, mining, tier) => crossoverTokenPrice(tokensOf(one), mining, tier),
		},
	);
	return {
		tokenSwitchPoint: {
			hashpriceUsdPerPetahashPerSecondDay: own.hashpriceUsdPerPetahashPerSecondDay,
			usdPerMillionTokens,
			tokensPerJoule,
			miningUsdPerWattYear: point.mining,
			tokensUsdPerWattYear: point.other,
			tokensAheadByUsdPerWattYear: point.otherAheadBy,
			crossoverHashpriceUsdPerPetahashPerSecondDay: point.hashprice,
			crossoverUsdPerMillionTokens: point.price,
			sensitivities: point.moves.map(({ input, hashprice: moved, price }) => ({
				input,
				hashpriceUsdPerPercent: moved,
				millionTokensUsdPerPercent: price,
			})),
		},
	};
}

/** The other use of a watt, and its price at which it earns what mining does. */
type Other<Inputs> = {
	readonly money: (inputs: Inputs) => CapacityMoney;
	readonly priceWhere: (inputs: Inputs, mining: CapacityMoney, tier: Tier) => number;
};

function pointOf<Inputs extends MiningInputs>(inputs: Inputs, { money, priceWhere }: Other<Inputs>) {
	const miningNow = (one: Inputs) => miningMoney(minerOf(one), one.hashpriceUsdPerPetahashPerSecondDay);
	const hashpriceAt = (one: Inputs, tier: Tier) => crossoverHashprice(minerOf(one), money(one), tier);
	const priceAt = (one: Inputs, tier: Tier) => priceWhere(one, miningNow(one), tier);
	const names = (Object.keys(inputs) as (keyof Inputs & string)[]).filter(
		(name) => Number.isFinite(inputs[name]) && inputs[name] !== 0,
	);
	const moved = (of: (one: Inputs, tier: Tier) => number) => {
		const byTier = TIERS.map((tier) => [tier, sensitivities(inputs, (one) => of(one, tier))] as const);
		return (name: string) => tiered((tier) => byTier.find(([one]) => one === tier)?.[1][name] ?? Number.NaN);
	};
	const [hashpriceMoves, priceMoves] = [moved(hashpriceAt), moved(priceAt)];
	const [mining, other] = [miningNow(inputs), money(inputs)];
	return {
		mining: tiered((tier) => tierValue(mining, tier)),
		other: tiered((tier) => tierValue(other, tier)),
		otherAheadBy: tiered((tier) => tierValue(other, tier) - tierValue(mining, tier)),
		hashprice: tiered((tier) => hashpriceAt(inputs, tier)),
		price: tiered((tier) => priceAt(inputs, tier)),
		moves: names.map((input) => ({ input, hashprice: hashpriceMoves(input), price: priceMoves(input) })),
	};
}

function minerOf(inputs: MiningInputs): MiningUse {
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

function gpuOf(inputs: GpuInputs): GpuUse {
	return {
		usdPerGpuHour: inputs.gpuHourPriceUsd,
		utilizationRatio: inputs.gpuRentedRatio,
		marketplaceCutRatio: inputs.gpuMarketplaceCutRatio,
		kilowattsPerGpu: inputs.kilowattsPerGpu,
		powerUsdPerKilowattHour: inputs.powerPriceUsdPerMegawattHour / 1_000,
		capitalUsdPerWattYear: inputs.aiCapitalCostUsdPerWattYear,
	};
}

function tokensOf(inputs: TokenInputs): TokenUse {
	return {
		usdPerMillionTokens: inputs.usdPerMillionTokens,
		tokensPerJoule: inputs.tokensPerJoule,
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
