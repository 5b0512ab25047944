/**
 * A recorded stretch at other prices, fees and uses: what it would have earned.
 *
 * Takes a range and what is to be different; gives the money as it was, as it would have been, and the difference.
 * Work and energy stay as recorded, but for megawatts that are moved from a model to rented GPUs.
 */
import type { MarketInputName } from "../../../shared/config/collector.js";
import type { InputBook, MoneyMoment } from "../../market/book.js";
import type { SeriesStore } from "../../store/device-state.js";
import type { MoneyAnswer, WhatIfAnswer } from "../answers.js";
import { type MoneyRequest, moneyAnswer } from "./money.js";
import { answered, type Reply, refused } from "./reply.js";

export type WhatIfRequest = Omit<MoneyRequest, "instead" | "by" | "device"> & {
	readonly inputs: Readonly<Partial<Record<MarketInputName, number>>>;
	readonly moved?: {
		readonly megawatts: number;
		readonly fromModel: string;
		readonly kilowattsPerGpu: number;
		readonly usdPerGpuHour: number;
		readonly rentedRatio: number;
	};
};

export async function whatIfAnswer(
	store: SeriesStore,
	book: InputBook,
	{ inputs, moved, ...request }: WhatIfRequest,
): Promise<Reply<WhatIfAnswer>> {
	const kept = new WeakMap<MoneyMoment, MoneyMoment>();
	const instead = (moment: MoneyMoment): MoneyMoment => {
		const known = kept.get(moment) ?? { ...moment, inputs: { ...moment.inputs, ...inputs } };
		kept.set(moment, known);
		return known;
	};
	const by = moved === undefined ? {} : { by: "model" as const };
	const base = await moneyAnswer(store, book, request);
	if (!base.ok || !("answer" in base)) return base;
	const changed = await moneyAnswer(store, book, { ...request, ...by, instead });
	if (!changed.ok || !("answer" in changed)) return changed;
	const shift = moved === undefined ? undefined : shiftOf(changed.answer, moved);
	if (moved !== undefined && shift === undefined)
		return refused(
			"REQUEST_INVALID",
			`There is no model ${JSON.stringify(moved.fromModel)} with energy and earning in this range.`,
		);
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
				net === undefined || shift === undefined ? undefined : net + shift.netUsdDifference,
		}),
		...(shift === undefined ? {} : { moved: shift }),
	});
}

type Moved = NonNullable<WhatIfRequest["moved"]>;

/** Megawatts of a model for the whole range, at the meter: what they earned there, and what GPUs would have. */
function shiftOf(answer: MoneyAnswer, moved: Moved): WhatIfAnswer["moved"] {
	const group = answer.groups?.find(({ label }) => label === moved.fromModel)?.total;
	const earned = group?.grossUsdPerMegawattHour;
	if (group === undefined || earned === undefined) return undefined;
	const hours = (answer.to - answer.from) / 3_600_000;
	const megawattHours = Math.min(moved.megawatts * hours, group.energyMegawattHours);
	const gpuUsdPerMegawattHour = ((moved.usdPerGpuHour * moved.rentedRatio) / moved.kilowattsPerGpu) * 1_000;
	return {
		megawattHours,
		isWholeModel: megawattHours < moved.megawatts * hours,
		fromUsdPerMegawattHour: earned,
		toUsdPerMegawattHour: gpuUsdPerMegawattHour,
		// The energy costs the same wherever it goes, so power drops out; the capital in GPUs is not in it.
		netUsdDifference: megawattHours * (gpuUsdPerMegawattHour - earned),
	};
}

function known(values: Readonly<Record<string, number | undefined>>): Readonly<Record<string, number>> {
	return Object.fromEntries(
		Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined),
	);
}
