/**
 * A recorded stretch at other prices, fees and uses: what it would have earned.
 *
 * Takes a range and what is to be different; gives the money as it was, as it would have been, and the difference.
 * Work and energy stay as recorded, but for megawatts that are moved from a model to rented GPUs.
 */
import type { MarketInputName } from "../../../shared/config/collector.js";
import { HOURS_PER_YEAR, WATTS_PER_MEGAWATT } from "../../../shared/units.js";
import { type Tariff, tariffIntervals } from "../../derive/tariff.js";
import type { InputBook } from "../../market/book.js";
import type { SeriesStore } from "../../store/device-state.js";
import type { MoneyAnswer, WhatIfAnswer } from "../money-answers.js";
import { type MoneyRequest, moneyAnswer } from "./money.js";
import { PRICED_BEFORE_MILLISECONDS } from "./price-line.js";
import { answered, type Reply, refused } from "./reply.js";
import { SETTLEMENT_SECONDS } from "./valuation.js";

export type WhatIfRequest = Omit<MoneyRequest, "instead" | "by" | "device"> & {
	readonly inputs: Readonly<Partial<Record<MarketInputName, number>>>;
	readonly moved?: {
		readonly megawatts: number;
		readonly fromModel: string;
		readonly kilowattsPerGpu: number;
		/** Of a GPU that is there, rented or not, after the marketplace's cut. */
		readonly usdPerGpuHour: number;
	};
	/** Energy of a model in machines of another efficiency. */
	readonly replaced?: { readonly model: string; readonly efficiencyJoulesPerTerahash: number };
	/** Instead of the price of power. */
	readonly tariff?: Tariff;
};

export async function whatIfAnswer(
	store: SeriesStore,
	book: InputBook,
	{ inputs, moved, replaced, tariff, ...request }: WhatIfRequest,
): Promise<Reply<WhatIfAnswer>> {
	// Both alike, so that what does not change differs by nothing.
	const alike = {
		...request,
		...(moved === undefined && replaced === undefined ? {} : { by: "model" as const }),
		...(tariff === undefined ? {} : { rowSeconds: SETTLEMENT_SECONDS }),
	};
	const base = await moneyAnswer(store, book, alike);
	if (!base.ok || !("answer" in base)) return base;
	const changed = await moneyAnswer(store, book, {
		...alike,
		instead: insteadOf(inputs, tariff, base.answer),
	});
	if (!changed.ok || !("answer" in changed)) return changed;
	const shift = moved === undefined ? undefined : shiftOf(changed.answer, moved, inputs);
	if (moved !== undefined && shift === undefined) return noModel(moved.fromModel);
	const mix = replaced === undefined ? undefined : mixOf(changed.answer, replaced);
	if (replaced !== undefined && mix === undefined) return noModel(replaced.model);
	const [before, after] = [base.answer.total, changed.answer.total];
	const difference = (one: number | undefined, other: number | undefined) =>
		one === undefined || other === undefined ? undefined : other - one;
	const net = difference(before.netUsd, after.netUsd);
	return answered({
		from: base.answer.from,
		to: base.answer.to,
		formulaVersion: base.answer.formulaVersion,
		instead: inputs,
		base: before,
		changed: after,
		...known({
			grossUsdDifference: difference(before.grossUsd, after.grossUsd),
			powerCostUsdDifference: difference(before.powerCostUsd, after.powerCostUsd),
			netUsdDifference: net,
			netUsdDifferenceWithMove:
				net === undefined || (shift === undefined && mix === undefined)
					? undefined
					: net + (shift?.netUsdDifference ?? 0) + (mix?.netUsdDifference ?? 0),
		}),
		...(shift === undefined ? {} : { moved: shift }),
		...(mix === undefined ? {} : { replaced: mix }),
	});
}

function noModel(model: string): Reply<never> {
	const what = `There is no model ${JSON.stringify(model)} with energy and earning in this range.`;
	return refused("REQUEST_INVALID", what);
}

/** The inputs of a moment with others in their place; the price of power by the time of day where a tariff is given. */
function insteadOf(
	inputs: WhatIfRequest["inputs"],
	tariff: Tariff | undefined,
	{ from, to }: Pick<MoneyAnswer, "from" | "to">,
): NonNullable<MoneyRequest["instead"]> {
	const intervals =
		tariff === undefined ? [] : tariffIntervals(tariff, from - PRICED_BEFORE_MILLISECONDS, to);
	let place = 0;
	return (moment, at) => {
		if ((intervals[place]?.from ?? 0) > at) place = 0;
		while ((intervals[place]?.to ?? Number.POSITIVE_INFINITY) <= at) place += 1;
		const interval = intervals[place];
		if (interval === undefined || interval.from > at)
			return {
				...moment,
				inputs: { ...moment.inputs, ...inputs },
				to: Math.min(moment.to, interval?.from ?? moment.to),
			};
		const powerPriceUsdPerMegawattHour = interval.pricePerMegawattHour;
		return {
			...moment,
			inputs: { ...moment.inputs, ...inputs, powerPriceUsdPerMegawattHour },
			to: Math.min(moment.to, interval.to),
		};
	};
}

/** The model's energy as work of another efficiency: power costs the same, work and earning grow. */
function mixOf(
	answer: MoneyAnswer,
	{ model, efficiencyJoulesPerTerahash }: NonNullable<WhatIfRequest["replaced"]>,
): WhatIfAnswer["replaced"] {
	const group = answer.groups?.find(({ label }) => label === model)?.total;
	const before = group?.efficiencyJoulesPerTerahash;
	if (group?.grossUsd === undefined || before === undefined) return undefined;
	const grossUsd = group.grossUsd * (before / efficiencyJoulesPerTerahash);
	return {
		model,
		fromJoulesPerTerahash: before,
		toJoulesPerTerahash: efficiencyJoulesPerTerahash,
		grossUsd,
		// Capital of the machines is not in it; it is to be held against this.
		netUsdDifference: grossUsd - group.grossUsd,
	};
}

type Moved = NonNullable<WhatIfRequest["moved"]>;

/** Megawatts of a model for the whole range, at the meter: what they earned there, and what GPUs would have. */
function shiftOf(
	answer: MoneyAnswer,
	moved: Moved,
	{ aiCapitalCostUsdPerWattYear: capital }: WhatIfRequest["inputs"],
): WhatIfAnswer["moved"] {
	const group = answer.groups?.find(({ label }) => label === moved.fromModel)?.total;
	const earned = group?.grossUsdPerMegawattHour;
	if (group === undefined || earned === undefined) return undefined;
	const hours = (answer.to - answer.from) / 3_600_000;
	const megawattHours = Math.min(moved.megawatts * hours, group.energyMegawattHours);
	const gpuUsdPerMegawattHour = (moved.usdPerGpuHour / moved.kilowattsPerGpu) * 1_000;
	return {
		megawattHours,
		isWholeModel: megawattHours < moved.megawatts * hours,
		fromUsdPerMegawattHour: earned,
		toUsdPerMegawattHour: gpuUsdPerMegawattHour,
		// The energy costs the same wherever it goes, so power drops out; the capital in GPUs is not in it.
		netUsdDifference: megawattHours * (gpuUsdPerMegawattHour - earned),
		// What miners cost is spent, whatever becomes of them.
		...(capital === undefined
			? {}
			: {
					netAfterCapitalUsdDifference:
						megawattHours * (gpuUsdPerMegawattHour - earned) -
						(capital * megawattHours * WATTS_PER_MEGAWATT) / HOURS_PER_YEAR,
				}),
	};
}

function known(values: Readonly<Record<string, number | undefined>>): Readonly<Record<string, number>> {
	return Object.fromEntries(
		Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined),
	);
}
