/**
 * The decisions of the moment: which watts earn least, what is lost and why, where mining and AI switch, what the
 * price of power says, whether pools saw the hashes, and how sure all that is.
 *
 * Takes the facts of devices one by one, as whoever walks over them comes by, and the inputs in force; gives sums for
 * metrics, and with rankings one answer for API and page. Keeps, for the hysteresis of its advice, since when each
 * model is advised to run or to curtail, and where share counters stood; controls nothing.
 */
import { SECONDS_PER_HOUR } from "../../shared/units.js";
import { curtailmentAdvice, effectivePrice } from "../derive/curtailment.js";
import { driftOf, LostRevenueSums, type RankedWatts, rankedWatts } from "../derive/decisions.js";
import { type Prices, pricesOf } from "../derive/money.js";
import type { MoneyInputs, MoneyOptions } from "../derive/revenue.js";
import type { FleetAnswer } from "./answers.js";
import { decisionDevice } from "./decision-device.js";
import type { DeviceFacts } from "./device-facts.js";
import type { DecisionsAnswer } from "./money-answers.js";
import { ShareLedger, ShareSums } from "./share-ledger.js";
import { SwitchSums, switchPoints } from "./switch-point.js";

export const RANKED_USUALLY = 50;
const HOUR_MILLISECONDS = SECONDS_PER_HOUR * 1_000;
const MODELS_MOST = 1_000;
/** Metrics and the page see sums at most so old, however many walk over the fleet. */
const KEPT_MILLISECONDS = 5_000;
const CHECKED_MOST = 20;
/** Prices are looked at so far ahead for the end of a spell. */
const SPELL_MOST_HOURS = 48;

/** When the price of power says to curtail, and what of a megawatt-hour not drawn is saved beside its price. */
export type CurtailmentTerms = {
	readonly hysteresisUsdPerMegawattHour: number;
	readonly restartCostUsdPerMegawatt: number;
	readonly expectedHours: number;
	readonly leastOffHours: number;
	readonly leastOnHours: number;
	readonly lossFactor: number;
	readonly addersUsdPerMegawattHour: number;
	readonly coincidentPeakProbability: number;
	readonly avoidedChargeUsdPerMegawattHour: number;
	readonly ancillaryValueForgoneUsdPerMegawattHour: number;
};

export const USUAL_CURTAILMENT: CurtailmentTerms = {
	hysteresisUsdPerMegawattHour: 5,
	restartCostUsdPerMegawatt: 0,
	expectedHours: 1,
	leastOffHours: 0.5,
	leastOnHours: 0.25,
	lossFactor: 1,
	addersUsdPerMegawattHour: 0,
	coincidentPeakProbability: 0,
	avoidedChargeUsdPerMegawattHour: 0,
	ancillaryValueForgoneUsdPerMegawattHour: 0,
};

/** What holds at the instant of the answer. */
export type DecisionMoment = {
	readonly at: number;
	readonly inputs: MoneyInputs;
	readonly money: MoneyOptions;
	readonly curtailment: CurtailmentTerms;
	readonly isPowerPriceStale: boolean;
	/** The price of power at an instant and until when it holds, USD/MWh; undefined where nobody knows it. */
	readonly powerPriceAt: (at: number) => { readonly value: number | undefined; readonly until: number };
};

export type DecisionSums = Omit<DecisionsAnswer, "leastEarning" | "drift">;
type Advised = { readonly isCurtailed: boolean; readonly since: number };
type Check = DecisionSums["hashrateCheck"];

export class Decisions {
	private readonly advised = new Map<string, Advised>();
	private readonly ledger = new ShareLedger();
	private made: DecisionSums | undefined;

	/** Sums that are recent enough; undefined: walk over the fleet with a gathering. */
	recent(now: number): DecisionSums | undefined {
		const age = this.made === undefined ? Number.POSITIVE_INFINITY : now - this.made.at;
		return age >= 0 && age < KEPT_MILLISECONDS ? this.made : undefined;
	}

	/** Takes devices as they come; `finish` makes the sums. */
	gather(moment: DecisionMoment): {
		add(facts: DeviceFacts): void;
		finish(fleet: FleetAnswer): DecisionSums;
	} {
		const prices = pricesOf(moment.inputs, false);
		const lost = new LostRevenueSums(prices, moment.money);
		const shares = new ShareSums();
		const uses = new SwitchSums();
		const mismatches: NonNullable<Check>["mismatches"][number][] = [];
		const earning: Earning = new Map();
		const drift = { devices: 0, energyUsdPerDay: 0, workUsdPerDay: 0, usdPerDay: 0 };
		return {
			add: (facts) => {
				if (facts.kind !== "miner" && facts.kind !== "gpu-host") return;
				const device = decisionDevice(facts, moment.inputs);
				lost.add(device);
				uses.add(facts);
				if (device.intent !== "retired") addEarning(earning, facts);
				const drifts = driftOf(device, prices, moment.money);
				if (drifts !== undefined) {
					drift.devices += 1;
					drift.energyUsdPerDay += drifts.energyUsdPerDay ?? 0;
					drift.workUsdPerDay += drifts.workUsdPerDay;
					drift.usdPerDay += drifts.usdPerDay;
				}
				const check = this.ledger.look(facts, moment.at);
				if (check === undefined) return;
				shares.add(check);
				if (!check.isSuspicious) return;
				const { deviationRatio, standardDeviationRatio, allowedRatio } = check;
				mismatches.push({
					device: device.device,
					...(device.model === undefined ? {} : { model: device.model }),
					shares: check.shares,
					verifiedRatio: 1 + deviationRatio,
					standardDeviationRatio,
					allowedRatio,
				});
			},
			finish: (fleet) => {
				const checked = shares.all();
				this.made = {
					at: moment.at,
					lostRevenue: lost.all(),
					driftTotal: drift,
					breakevens: breakevens(fleet),
					curtailment: this.curtailment(moment, earning, prices),
					...switchPoints(uses, fleet, moment.inputs, moment.money),
					...(checked === undefined
						? {}
						: {
								hashrateCheck: {
									...checked,
									mismatchedDevices: mismatches.length,
									mismatches: worst(mismatches),
								},
							}),
					...(fleet.confidence === undefined ? {} : { confidence: fleet.confidence }),
				};
				return this.made;
			},
		};
	}

	private curtailment(
		moment: DecisionMoment,
		earning: Earning,
		prices: Prices,
	): DecisionsAnswer["curtailment"] {
		const { at, curtailment: terms } = moment;
		if (this.advised.size > MODELS_MOST) this.advised.clear();
		const price = prices.usdPerMegawattHour;
		const effective = price === undefined || moment.isPowerPriceStale ? undefined : effectiveOf(price, terms);
		const models = [...earning].filter(([model]) => model !== undefined);
		return [...models, [undefined, earning.get(undefined)] as const].flatMap(([name, sums]) => {
			if (sums === undefined || sums.megawatts <= 0) return [];
			const { megawatts } = sums;
			const [model, revenue] = [name ?? "all", sums.usdPerHour / megawatts];
			const before = this.advised.get(model) ?? { isCurtailed: false, since: at - HOUR_MILLISECONDS };
			const spell = spellHours(moment, (value) => effectiveOf(value, terms) > revenue);
			const advice = curtailmentAdvice({
				marginalRevenueUsdPerMegawattHour: revenue,
				effectivePriceUsdPerMegawattHour: effective,
				megawatts,
				rules: {
					...terms,
					restartCostUsd: terms.restartCostUsdPerMegawatt * megawatts,
					expectedHours: spell?.isEndKnown ? spell.hours : Math.max(spell?.hours ?? 0, terms.expectedHours),
				},
				state: { isCurtailed: before.isCurtailed, hoursInState: (at - before.since) / HOUR_MILLISECONDS },
			});
			const isCurtailed = advice.advice === "curtail";
			if (isCurtailed !== before.isCurtailed || !this.advised.has(model))
				this.advised.set(model, {
					isCurtailed,
					since: isCurtailed === before.isCurtailed ? before.since : at,
				});
			const reason = moment.isPowerPriceStale && price !== undefined ? "PRICE_STALE" : advice.reason;
			return [
				{
					model,
					megawatts,
					marginalUsdPerMegawattHour: revenue,
					...(effective === undefined ? {} : { effectivePriceUsdPerMegawattHour: effective }),
					...(spell === undefined ? {} : { spellHours: spell.hours }),
					...advice,
					reason,
				},
			];
		});
	}
}

/** By model; undefined: all together. */
type Earning = Map<string | undefined, { usdPerHour: number; megawatts: number }>;

/** What stops when the device stops: pay of contracts does not, so what they cover is not among these watts. */
function addEarning(earning: Earning, { state, revenue }: DeviceFacts): void {
	const { grossUsdPerHour: usd, siteMegawatts } = revenue ?? {};
	if (usd === undefined || siteMegawatts === undefined) return;
	for (const model of new Set([state.description.model, undefined])) {
		const sums = earning.get(model) ?? { usdPerHour: 0, megawatts: 0 };
		earning.set(model, sums);
		sums.usdPerHour += usd;
		sums.megawatts += siteMegawatts;
	}
}

function effectiveOf(price: number, terms: CurtailmentTerms): number {
	return effectivePrice({ ...terms, lmpUsdPerMegawattHour: price });
}

/** How long the known prices stay above; undefined where they are not above now, or hold without an end. */
function spellHours(
	{ at: now, powerPriceAt }: DecisionMoment,
	isAbove: (price: number) => boolean,
): { readonly hours: number; readonly isEndKnown: boolean } | undefined {
	const most = now + SPELL_MOST_HOURS * HOUR_MILLISECONDS;
	let at = now;
	let isEndKnown = false;
	while (at < most) {
		const { value, until } = powerPriceAt(at);
		isEndKnown = value !== undefined && !isAbove(value);
		if (value === undefined || isEndKnown) break;
		if (until === Number.POSITIVE_INFINITY) return undefined;
		at = until;
	}
	return at === now ? undefined : { hours: (Math.min(at, most) - now) / HOUR_MILLISECONDS, isEndKnown };
}

function worst<One extends { readonly verifiedRatio: number }>(found: One[]): readonly One[] {
	return found
		.sort((one, other) => Math.abs(other.verifiedRatio - 1) - Math.abs(one.verifiedRatio - 1))
		.slice(0, CHECKED_MOST);
}

function breakevens({ models }: FleetAnswer): DecisionsAnswer["breakevens"] {
	return Object.entries(models).flatMap(([model, group]) => {
		const gross = group.grossUsdPerMegawattHour;
		if (gross === undefined) return [];
		const { efficiencyJoulesPerTerahash, netUsdPerMegawattHour, powerWatts } = group;
		return [
			{
				model,
				breakevenUsdPerKilowattHour: gross / 1_000,
				...(efficiencyJoulesPerTerahash === undefined ? {} : { efficiencyJoulesPerTerahash }),
				...(netUsdPerMegawattHour === undefined ? {} : { netUsdPerMegawattHour }),
				...(powerWatts === undefined ? {} : { powerWatts }),
			},
		];
	});
}

export type RankingWish = {
	readonly most: number;
	readonly use?: "mining" | "ai";
	readonly site?: string;
	readonly rack?: string;
	readonly model?: string;
};

/** The devices whose watts earn least and those that drift most, of those that are wished for. */
export function rankings(
	facts: readonly DeviceFacts[],
	{ inputs, money }: Pick<DecisionMoment, "inputs" | "money">,
	{ most, use, site, rack, model }: RankingWish,
): Pick<DecisionsAnswer, "leastEarning" | "drift"> {
	const prices = pricesOf(inputs, false);
	const devices = facts
		.filter(({ kind }) => kind === "miner" || kind === "gpu-host")
		.map((one) => decisionDevice(one, inputs))
		.filter(
			(one) =>
				(use === undefined || one.use === use) &&
				(site === undefined || one.site === site) &&
				(rack === undefined || one.rack === rack) &&
				(model === undefined || one.model === model),
		);
	return {
		leastEarning: devices
			.flatMap((device): RankedWatts[] => {
				if (device.isPaidAnyway === true) return [];
				const ranked = rankedWatts(device, prices, money);
				return ranked === undefined ? [] : [ranked];
			})
			.sort((one, other) => one.marginalUsdPerMegawattHour - other.marginalUsdPerMegawattHour)
			.slice(0, most),
		drift: devices
			.flatMap((device) => driftOf(device, prices, money) ?? [])
			.sort((one, other) => other.usdPerDay - one.usdPerDay)
			.slice(0, most),
	};
}
