/** Questions about money: a query → what is asked of the book and the store → its answer, in the currency asked for. */
import { MARKET_INPUT_NAMES, MARKET_INPUTS, type MarketInputName } from "../../../shared/config/collector.js";
import { clockMinute, type TariffPeriod, tariffProblems } from "../../../shared/config/tariff.js";
import { type MoneyInputs, usdPerGpuHour } from "../../derive/revenue.js";
import type { Tariff } from "../../derive/tariff.js";
import { contractsOf } from "../../market/terms.js";
import type { DeviceState, SumLabel } from "../../store/device-state.js";
import type { TermsAnswer } from "../money-answers.js";
import { fleetSeriesAnswer, STEP_SECONDS_LEAST, TIER_SECONDS } from "./fleet-series.js";
import { type MoneyRequest, moneyAnswer } from "./money.js";
import type { Parameters } from "./parameters.js";
import { type ApiContext, type Found, invalid, noDevice, spanOf } from "./question.js";
import { answered, type Reply, refused } from "./reply.js";
import { STATEMENT_BY, statementAnswer } from "./statement.js";
import { SETTLEMENT_SECONDS } from "./valuation.js";
import { type WhatIfRequest, whatIfAnswer } from "./what-if.js";

export const SUM_LABELS: readonly SumLabel[] = ["site", "rack", "model", "owner", "use"];
const MONEY_STEP_SECONDS = 3_600;

export async function money(context: ApiContext, parameters: Parameters): Promise<Reply<unknown>> {
	const request = moneyRequest(context, parameters);
	if (!request.ok) return request.reply;
	const reply = await moneyAnswer(context.store, context.view.book, request.value);
	const { currency = "USD" } = request.value;
	return currency !== "USD" && reply.ok && "answer" in reply
		? answered(named(reply.answer, currency))
		: reply;
}

export async function statement(
	{ store, view, options, now }: ApiContext,
	parameters: Parameters,
): Promise<Reply<unknown>> {
	const words = parameters.list("by") ?? [];
	const wrong = words.find((word) => !STATEMENT_BY.some((one) => one === word));
	if (wrong !== undefined)
		return refused(
			"REQUEST_INVALID",
			`by has "${wrong}"; use ${STATEMENT_BY.join(", ")}, for example by=use,model.`,
		);
	const sources = { store, book: view.book, options: { ...options, terms: view.terms() }, now: now() };
	const by = STATEMENT_BY.filter((one) => words.includes(one));
	const reply = await statementAnswer(sources, {
		month: parameters.text("month") ?? "",
		by,
		...knownAtOf(parameters),
	});
	if (!reply.ok || !("answer" in reply) || reply.answer.currency === "USD") return reply;
	return answered(named(reply.answer, reply.answer.currency));
}

export async function fleetSeries(context: ApiContext, parameters: Parameters): Promise<Reply<unknown>> {
	const within = spanOf(parameters);
	if (!within.ok) return within.reply;
	const stepSeconds = parameters.integer("step") ?? TIER_SECONDS[1];
	if (stepSeconds % STEP_SECONDS_LEAST !== 0) {
		return refused(
			"REQUEST_INVALID",
			`step is ${stepSeconds}; it must be a multiple of ${STEP_SECONDS_LEAST}.`,
		);
	}
	const { view, options } = context;
	return await fleetSeriesAnswer(context.store, view.book, {
		...within.value,
		...options.money,
		stepSeconds,
		now: context.now(),
		timeZone: options.timeZone,
		contracts: view.terms().contracts,
		...labelOf(parameters),
		...knownAtOf(parameters),
	});
}

export async function terms({ store }: ApiContext): Promise<Reply<TermsAnswer>> {
	const rows = await store.terms();
	return answered({
		terms: rows.map((row) => {
			const contracts = contractsOf(row);
			const { knownFrom, sha256 } = row;
			return { knownFrom, sha256, ...(contracts === undefined ? {} : { contracts }) };
		}),
	});
}

export async function whatIf(context: ApiContext, parameters: Parameters): Promise<Reply<unknown>> {
	const request = moneyRequest(context, parameters);
	if (!request.ok) return request.reply;
	const inputs: Partial<Record<MarketInputName, number>> = {};
	for (const name of MARKET_INPUT_NAMES) {
		const written = parameters.text(name);
		if (written === undefined) continue;
		const { from, to } = MARKET_INPUTS[name];
		const value = Number(written);
		if (!(value >= from && value <= to))
			return refused(
				"REQUEST_INVALID",
				`${name} is ${JSON.stringify(written)}; it must be from ${from} to ${to}.`,
			);
		inputs[name] = value;
	}
	const moved = movedOf(parameters, { ...context.view.book.money(context.now()).inputs, ...inputs });
	if (typeof moved === "string") return refused("REQUEST_INVALID", moved);
	const replaced = replacedOf(parameters);
	if (typeof replaced === "string") return refused("REQUEST_INVALID", replaced);
	const written = parameters.text("tariff");
	const tariff = written === undefined ? undefined : tariffIn(written, context.options.timeZone);
	if (typeof tariff === "string") return refused("REQUEST_INVALID", tariff);
	if (tariff !== undefined && inputs.powerPriceUsdPerMegawattHour !== undefined)
		return refused("REQUEST_INVALID", "Give tariff or powerPriceUsdPerMegawattHour, not both.");
	const base = { ...request.value, stepSeconds: MONEY_STEP_SECONDS * 24 };
	return await whatIfAnswer(context.store, context.view.book, {
		...base,
		inputs,
		...(moved === undefined ? {} : { moved }),
		...(replaced === undefined ? {} : { replaced }),
		...(tariff === undefined ? {} : { tariff }),
	});
}

function replacedOf(parameters: Parameters): WhatIfRequest["replaced"] | string {
	const [model, written] = [parameters.text("replaceModel"), parameters.text("replaceEfficiency")];
	if (model === undefined && written === undefined) return undefined;
	const efficiencyJoulesPerTerahash = Number(written);
	if (model === undefined || !(efficiencyJoulesPerTerahash >= 1 && efficiencyJoulesPerTerahash <= 1_000))
		return "replaceModel and replaceEfficiency go together, the latter from 1 to 1000 J/TH, for example replaceModel=Antminer S19&replaceEfficiency=15.";
	return { model, efficiencyJoulesPerTerahash };
}

const TARIFF_EXAMPLE = "for example 00:00-06:00=25,06:00-24:00=60";

/** A tariff of one kind of day, as a query can say it; what is wrong with it as text. */
function tariffIn(written: string, timeZone: string): Tariff | string {
	const periods: TariffPeriod[] = [];
	for (const part of written.split(",")) {
		const found = /^(\d\d:\d\d)-(\d\d:\d\d)=(-?\d+(?:\.\d+)?)$/.exec(part.trim());
		const [from, to] = [clockMinute(found?.[1] ?? ""), clockMinute(found?.[2] ?? "")];
		if (found === null || from === undefined || to === undefined || to <= from)
			return `tariff has ${JSON.stringify(part)}. Use times of one day and a price, ${TARIFF_EXAMPLE}.`;
		periods.push({ name: part, fromMinute: from, toMinute: to, pricePerMegawattHour: Number(found[3]) });
	}
	const [problem] = tariffProblems(periods);
	if (problem !== undefined)
		return `tariff ${problem.what.replace(/ on .*$/, "")}. Every minute of the day needs exactly one price, ${TARIFF_EXAMPLE}.`;
	return { timeZone, holidays: [], periods };
}

function movedOf(parameters: Parameters, inputs: MoneyInputs): WhatIfRequest["moved"] | string {
	const written = parameters.text("moveMegawatts");
	if (written === undefined) return undefined;
	const [megawatts, kilowattsPerGpu] = [Number(written), Number(parameters.text("kilowattsPerGpu"))];
	const fromModel = parameters.text("fromModel");
	const perHour = usdPerGpuHour(inputs);
	if (!(megawatts > 0) || !(kilowattsPerGpu > 0) || fromModel === undefined)
		return "moveMegawatts needs fromModel and kilowattsPerGpu, and both numbers above 0, for example moveMegawatts=1&fromModel=Antminer S19&kilowattsPerGpu=1.66.";
	if (perHour === undefined) return "Nobody stated gpuHourPriceUsd and gpuRentedRatio; give them here.";
	return {
		megawatts,
		fromModel,
		kilowattsPerGpu,
		usdPerGpuHour: perHour,
	};
}

function moneyRequest(
	{ view, store, options, now }: ApiContext,
	parameters: Parameters,
): Found<MoneyRequest> {
	const within = spanOf(parameters);
	if (!within.ok) return within;
	const stepSeconds = parameters.integer("step") ?? MONEY_STEP_SECONDS;
	if (stepSeconds % SETTLEMENT_SECONDS !== 0)
		return invalid(`step is ${stepSeconds}; it must be a multiple of ${SETTLEMENT_SECONDS}.`);
	const by = SUM_LABELS.find((each) => each === parameters.text("by"));
	const key = parameters.text("device");
	const state = key === undefined ? undefined : store.devices().get(key);
	if (key !== undefined && state === undefined) return { ok: false, reply: noDevice(key) };
	if (key !== undefined && by !== undefined) return invalid("Give device or by, not both.");
	const currency = parameters.text("currency");
	if (currency !== undefined && !/^[A-Z]{3}$/.test(currency))
		return invalid(`currency is ${JSON.stringify(currency)}; use three capital letters, for example EUR.`);
	if (currency !== undefined && currency !== "USD" && view.book.exchangeAt(currency, now()) === undefined)
		return invalid(
			`There is no exchange rate of ${currency}. State it under market.usdPerCurrency, for example ${currency}: 1.09.`,
		);
	return {
		ok: true,
		value: {
			...within.value,
			stepSeconds,
			now: now(),
			...options.money,
			timeZone: options.timeZone,
			contracts: view.terms().contracts,
			...(options.contractedWatts === undefined ? {} : { contractedWatts: options.contractedWatts }),
			...(currency === undefined ? {} : { currency }),
			...(options.staleAfterSeconds === undefined ? {} : { staleAfterSeconds: options.staleAfterSeconds }),
			...(by === undefined ? {} : { by }),
			...(state === undefined ? {} : { device: moneyDevice(state) }),
			...knownAtOf(parameters),
		},
	};
}

function moneyDevice({ number, description, inventory: said }: DeviceState) {
	const { rack, kind } = description;
	const use = said?.use;
	const labels = { ...(rack === undefined ? {} : { rack }), ...(use === undefined ? {} : { use }) };
	return { number, isGpu: kind === "gpu-host", labels };
}

/** Keys say the currency: grossUsd in euros is grossEur. */
function named(value: unknown, currency: string): unknown {
	if (Array.isArray(value)) return value.map((one) => named(one, currency));
	if (typeof value !== "object" || value === null) return value;
	const word = `${currency[0]}${currency.slice(1).toLowerCase()}`;
	const entries = Object.entries(value).map(([name, own]) => [
		name.replace("Usd", word).replace(/^usd/, currency.toLowerCase()),
		named(own, currency),
	]);
	return Object.fromEntries(entries);
}

function labelOf(parameters: Parameters): { readonly by?: SumLabel } {
	const by = SUM_LABELS.find((label) => label === parameters.text("by"));
	return by === undefined ? {} : { by };
}

function knownAtOf(parameters: Parameters): { readonly knownAt?: number } {
	const knownAt = parameters.integer("knownAt");
	return knownAt === undefined ? {} : { knownAt };
}
