/** What a watt of tokens earns. */
import { ECONOMICS_FORMULAS, usdPerWattYearOf } from "../../derive/basis.js";
import { tokensUsdPerKilowattHour } from "../../derive/rental.js";
import { POWER_PRICE_OPTIONS, powerPriceOf } from "./mining.js";
import type { Calculation } from "./options.js";

export const tokens: Calculation = {
	name: "tokens",
	about: "what a watt of tokens earns: USD per million tokens × tokens per joule",
	options: [
		{
			flag: "usd-per-million-tokens",
			is: "Price of a million tokens, USD.",
			from: 0,
			example: "0.60",
			required: true,
		},
		{ flag: "tokens-per-joule", is: "Tokens per joule at the boundary meant.", above: 0, example: "0.5" },
		{ flag: "tokens-per-second", is: "Tokens a second, beside watts.", above: 0, example: "2500" },
		{ flag: "watts", is: "Watts that make these tokens.", above: 0, example: "5600" },
		{
			flag: "pue",
			is: "Watts at the utility's meter over these, 1 or more.",
			from: 1,
			to: 10,
			otherwise: "1",
			example: "1.3",
		},
		...POWER_PRICE_OPTIONS,
	],
	run: (given) => {
		const stated = given.number("tokens-per-joule");
		const perSecond = given.number("tokens-per-second");
		if (stated === undefined && perSecond === undefined)
			throw given.missing(["tokens-per-joule", "tokens-per-second"]);
		const pue = given.need("pue");
		const atDevice = stated ?? (perSecond ?? 0) / given.need("watts", "beside --tokens-per-second");
		const perJoule = atDevice / pue;
		const perKilowattHour = tokensUsdPerKilowattHour(given.need("usd-per-million-tokens"), perJoule);
		const power = powerPriceOf(given);
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			boundary: "utility",
			tokensPerJoule: perJoule,
			joulesPerToken: 1 / perJoule,
			tokensPerJouleBeforeOverhead: atDevice,
			joulesPerTokenBeforeOverhead: 1 / atDevice,
			tokensPerKilowattHour: perJoule * 3.6e6,
			revenueUsdPerKilowattHour: perKilowattHour,
			revenueUsdPerMegawattHour: perKilowattHour * 1_000,
			revenueUsdPerHour:
				perSecond === undefined
					? undefined
					: (perSecond * 3_600 * given.need("usd-per-million-tokens")) / 1e6,
			breakevenUsdPerKilowattHour: perKilowattHour,
			breakevenUsdPerMillionTokens: power === undefined ? undefined : power / (3.6 * perJoule),
			netUsdPerMegawattHour: power === undefined ? undefined : (perKilowattHour - power) * 1_000,
			revenueUsdPerWattYear: usdPerWattYearOf(perKilowattHour),
		};
	},
};
