/**
 * `fleetwatt what-if --from … --to …`: a recorded stretch at other prices, fees and uses.
 *
 * Takes the options; asks the running collector and writes its answer as lines or JSON. Never opens the store.
 */
import process from "node:process";
import type { WhatIfAnswer } from "../expose/money-answers.js";
import { askCollector, instantOf } from "./ask-collector.js";
import type { Answer } from "./calc/options.js";
import { jsonText, wordsText } from "./calc/print.js";
import type { Reach } from "./reach.js";

export type WhatIfOptions = Reach & {
	readonly from: string;
	readonly to: string;
	readonly json?: true;
	readonly powerUsdPerMwh?: string;
	readonly btcUsd?: string;
	readonly poolFee?: string;
	readonly usdPerGpuHour?: string;
	readonly usdPerMillionTokens?: string;
	readonly gpuRented?: string;
	readonly moveMegawatts?: string;
	readonly fromModel?: string;
	readonly kwPerGpu?: string;
	readonly tariff?: string;
	readonly replaceModel?: string;
	readonly replaceEfficiency?: string;
	readonly aiCapitalUsdPerWattYear?: string;
};

export async function runWhatIf({ from, to, json, ...options }: WhatIfOptions): Promise<void> {
	const answer = await askCollector<WhatIfAnswer>(options, "/what-if", {
		from: instantOf("--from", from),
		to: instantOf("--to", to),
		powerPriceUsdPerMegawattHour: options.powerUsdPerMwh,
		bitcoinPriceUsd: options.btcUsd,
		poolFeeRatio: options.poolFee,
		gpuHourPriceUsd: options.usdPerGpuHour,
		gpuRentedRatio: options.gpuRented,
		usdPerMillionTokens: options.usdPerMillionTokens,
		moveMegawatts: options.moveMegawatts,
		fromModel: options.fromModel,
		kilowattsPerGpu: options.kwPerGpu,
		tariff: options.tariff,
		replaceModel: options.replaceModel,
		replaceEfficiency: options.replaceEfficiency,
		aiCapitalCostUsdPerWattYear: options.aiCapitalUsdPerWattYear,
	});
	process.stdout.write(
		json === true ? jsonText(answer as unknown as Answer) : wordsText(answer as unknown as Answer),
	);
}
