/**
 * What decisions rest on, what contracts pay, and the inputs of money, as families of /metrics.
 *
 * Takes answers; gives families with their samples. What nobody knows is absent.
 */
import { MILLISECONDS_PER_SECOND } from "../../../shared/units.js";
import type { FleetAnswer } from "../answers.js";
import type { DecisionSums } from "../decisions.js";
import type { ContractAnswer, TieredFigure } from "../money-answers.js";
import { family, type SampledFamily } from "./sampled-family.js";

const HOURS_PER_DAY = 24;

/** What is lost by cause, what the price of power says, and how sure the earning per MWh is. */
export function decisionFamilies(decisions: DecisionSums): readonly SampledFamily[] {
	const { lostRevenue, curtailment, breakevens, switchPoint, tokenSwitchPoint, confidence } = decisions;
	const { driftTotal, hashrateCheck: check } = decisions;
	const checked = (value: number | undefined) => [{ labels: [], value }];
	const byTier = (figure: TieredFigure = {}) =>
		Object.entries(figure).map(([tier, value]) => ({ labels: [["tier", tier]] as const, value }));
	return [
		family(
			{
				name: "fleet_lost_revenue_usd_per_hour",
				help: "Earning that is missing, less the energy not bought, by cause: the fleet.",
			},
			lostRevenue.map(({ cause, usdPerHour }) => ({ labels: [["cause", cause]], value: usdPerHour })),
		),
		family(
			{ name: "fleet_lost_revenue_devices", help: "Devices whose earning is missing, by cause: the fleet." },
			lostRevenue.map(({ cause, devices }) => ({ labels: [["cause", cause]], value: devices })),
		),
		family(
			{
				name: "model_curtailment_advised",
				help: "1 where the price of power is above what a model's watts earn: advice, with hysteresis.",
			},
			curtailment
				.filter(({ model }) => model !== "all")
				.map(({ model, advice }) => ({ labels: [["model", model]], value: advice === "curtail" ? 1 : 0 })),
		),
		family(
			{
				name: "model_breakeven_usd_per_kilowatt_hour",
				help: "Price of power at the site's meter at which a model earns nothing.",
			},
			breakevens.map(({ model, breakevenUsdPerKilowattHour }) => ({
				labels: [["model", model]],
				value: breakevenUsdPerKilowattHour,
			})),
		),
		family(
			{
				name: "crossover_hashprice_usd_per_petahash_per_second_day",
				help: "Hashprice at which mining earns what rented GPUs do, by tier.",
			},
			byTier(switchPoint?.crossoverHashpriceUsdPerPetahashPerSecondDay),
		),
		family(
			{
				name: "token_crossover_hashprice_usd_per_petahash_per_second_day",
				help: "Hashprice at which mining earns what hosts paid by the token do, by tier.",
			},
			byTier(tokenSwitchPoint?.crossoverHashpriceUsdPerPetahashPerSecondDay),
		),
		family(
			{
				name: "crossover_usd_per_million_tokens",
				help: "Price of a million tokens at which hosts paid by them earn what mining does, by tier.",
			},
			byTier(tokenSwitchPoint?.crossoverUsdPerMillionTokens),
		),
		family(
			{
				name: "fleet_drift_usd_per_hour",
				help: "What machines that hash less or draw more than their nameplate cost, by part.",
			},
			driftTotal.devices === 0
				? []
				: [
						{ labels: [["part", "work"]], value: driftTotal.workUsdPerDay / HOURS_PER_DAY },
						{ labels: [["part", "energy"]], value: driftTotal.energyUsdPerDay / HOURS_PER_DAY },
					],
		),
		family(
			{ name: "fleet_drift_devices", help: "Machines whose nameplate and work are known." },
			checked(driftTotal.devices),
		),
		family(
			{
				name: "fleet_hashrate_verified_ratio",
				help: "Hashes that pools accepted over hashes that machines reported, since they came up, at most a day.",
			},
			checked(check?.verifiedRatio),
		),
		family(
			{
				name: "fleet_hashrate_verified_relative_error",
				help: "One standard deviation of that ratio: 1/√shares.",
			},
			checked(check?.standardDeviationRatio),
		),
		family(
			{
				name: "fleet_hashrate_mismatched_devices",
				help: "Machines whose pools accepted another rate than they report, by more than three deviations and 1 %.",
			},
			checked(check?.mismatchedDevices),
		),
		family(
			{
				name: "fleet_gross_usd_per_megawatt_hour_relative_error",
				help: "One standard deviation of the earning per MWh, relative, by its worst input.",
			},
			confidence === undefined
				? []
				: [
						{
							labels: [["worst_input", confidence.worstInput ?? "none"]],
							value: confidence.relativeStandardDeviation,
						},
					],
		),
	];
}

const CONTRACT_ROWS = [
	{
		name: "usd_per_hour",
		help: "What a contract in force pays in an hour, whatever is drawn, before credits.",
		of: ({ usdPerHour }: ContractAnswer) => usdPerHour,
	},
	{
		name: "usd_per_gross_watt_year",
		help: "What a lease pays for a year of a watt of the interconnect that it takes.",
		of: ({ usdPerGrossWattYear }: ContractAnswer) => usdPerGrossWattYear,
	},
	{
		name: "devices",
		help: "Machines that a contract covers.",
		of: ({ devices }: ContractAnswer) => devices,
	},
	{
		name: "site_watts",
		help: "Watts at the site's meter of the machines that a contract covers.",
		of: ({ siteWatts }: ContractAnswer) => siteWatts,
	},
] as const;

export function contractFamilies({ contracts }: FleetAnswer): readonly SampledFamily[] {
	if (contracts === undefined) return [];
	return CONTRACT_ROWS.map(({ name, help, of }) =>
		family(
			{ name: `contract_${name}`, help },
			contracts.map((contract) => ({
				labels: [
					["contract", contract.name],
					["kind", contract.kind],
					["power_borne_by", contract.powerBorneBy],
				],
				value: of(contract),
			})),
		),
	);
}

export function moneyFamilies(fleet: FleetAnswer): readonly SampledFamily[] {
	return [
		family(
			{
				name: "use_gross_usd_per_megawatt_hour_relative_error",
				help: "One standard deviation of a use's earning per MWh, relative, by its worst input.",
			},
			Object.entries(fleet.confidenceByUse ?? {}).map(([use, band]) => ({
				labels: [
					["use", use],
					["worst_input", band.worstInput ?? "none"],
				],
				value: band.relativeStandardDeviation,
			})),
		),
		family(
			{
				name: "hashprice_usd_per_petahash_per_second_day",
				help: "Expected earning of 1 PH/s in a day before the pool's fee, at the inputs in force.",
			},
			[{ labels: [], value: fleet.hashpriceUsdPerPetahashPerSecondDay }],
		),
		family(
			{
				name: "hashvalue_satoshis_per_petahash_per_second_day",
				help: "Expected earning of 1 PH/s in a day before the pool's fee, in satoshi.",
			},
			[{ labels: [], value: fleet.hashvalueSatoshisPerPetahashPerSecondDay }],
		),
		family(
			{ name: "input_value", help: "An input of money in force." },
			fleet.inputs.map(({ name, unit, value }) => ({
				labels: [
					["input", name],
					["unit", unit],
				],
				value,
			})),
		),
		family(
			{ name: "input_timestamp_seconds", help: "When the input was true." },
			fleet.inputs.map(({ name, observedAt }) => ({
				labels: [["input", name]],
				value: observedAt / MILLISECONDS_PER_SECOND,
			})),
		),
		family(
			{ name: "input_stale", help: "1 where the input is older than its limit." },
			fleet.inputs.map(({ name, isStale }) => ({ labels: [["input", name]], value: isStale ? 1 : 0 })),
		),
	];
}
