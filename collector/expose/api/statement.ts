/**
 * A month's statement: energy, work, revenue, cost, margin, coverage and inputs, as a whole, by day and by group.
 *
 * Takes the store, the inputs and a month of the site's own days; gives figures in the site's currency. A month is
 * frozen once, five days after its end: what it said then is kept word for word, and what late readings, prices and
 * contracts made of it since stands beside it as a difference. Nothing here overwrites a frozen month.
 */
import { createHash } from "node:crypto";
import { type JsonLimits, parseJson } from "../../../shared/json.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { zoneMonthEdges } from "../../derive/steps.js";
import type { InputBook } from "../../market/book.js";
import type { SeriesStore } from "../../store/device-state.js";
import {
	MONEY_COLUMNS,
	type MoneyAnswer,
	type MoneyFigures,
	type StatementAnswer,
} from "../money-answers.js";
import type { MoneyTerms, ViewOptions } from "../view.js";
import { type MoneyRequest, moneyAnswer, pricesFor } from "./money.js";
import { answered, type Reply, refused } from "./reply.js";

export const STATEMENT_BY = ["use", "model", "owner", "rack", "site"] as const;
export type StatementBy = (typeof STATEMENT_BY)[number];

const DAY_SECONDS = 86_400;
const FROZEN_AFTER_MILLISECONDS = 5 * DAY_SECONDS * 1_000;
/** Months that a collector looks back for what it has not frozen yet. */
const FROZEN_BACK_MONTHS = 3;
const FROZEN_LIMITS: JsonLimits = { bytes: 64 * 1_024 * 1_024, depth: 12, keys: 5_000_000 };

export type StatementOptions = Pick<
	ViewOptions,
	"site" | "timeZone" | "money" | "currency" | "contractedWatts" | "staleAfterSeconds"
> & { readonly terms: MoneyTerms };

export type StatementSources = {
	readonly store: SeriesStore;
	readonly book: InputBook;
	readonly options: StatementOptions;
	readonly now: number;
};

/** The span of "2026-11" in the site's days; undefined where it is no month. */
function monthSpan(
	month: string,
	timeZone: string,
): { readonly start: number; readonly end: number } | undefined {
	const found = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month);
	if (found === null) return undefined;
	return zoneMonthEdges(timeZone)(Date.UTC(Number(found[1]), Number(found[2]) - 1, 15, 12));
}

export type StatementWish = {
	readonly month: string;
	readonly by: readonly StatementBy[];
	/** With the inputs known then, of the readings there are now; what is frozen does not matter. */
	readonly knownAt?: number;
};

export async function statementAnswer(
	sources: StatementSources,
	{ month, by, knownAt }: StatementWish,
): Promise<Reply<StatementAnswer>> {
	if (knownAt !== undefined) return await currentStatement({ ...sources, knownAt }, month, by);
	const stored = await sources.store.statement(month);
	const frozen = stored === undefined ? undefined : frozenOf(stored.body);
	const made = await currentStatement(sources, month, by, frozen?.currency);
	if (!made.ok || !("answer" in made) || frozen === undefined || stored === undefined) return made;
	const fresh = new Map(made.answer.rows.map((row) => [keyOf(row), row.figures]));
	const known = new Set(frozen.rows.map(keyOf));
	const wanted = (row: { readonly by: string }) => row.by === "all" || by.some((one) => one === row.by);
	const rows = frozen.rows.filter(wanted).map((row) => {
		const since = fresh.get(keyOf(row)) ?? NOTHING;
		return isAlike(since, row.figures) ? row : { ...row, restated: since };
	});
	const added = made.answer.rows
		.filter((row) => wanted(row) && !known.has(keyOf(row)))
		.map((row) => ({ ...row, figures: NOTHING, restated: row.figures }));
	return answered({
		...frozen,
		isFrozen: true,
		frozenAt: stored.frozenAt,
		frozenSha256: stored.sha256,
		rows: [...rows, ...added],
	});
}

/** Of a group that was not there when the month was frozen, or is not any more. */
const NOTHING: MoneyFigures = { energyMegawattHours: 0, workTerahashes: 0, gpuHours: 0 };

/** The same numbers added up in another order differ in their last digits: that restates nothing. */
const ALIKE_RATIO = 1e-9;

function isAlike(one: MoneyFigures, other: MoneyFigures): boolean {
	const names = new Set([...Object.keys(one), ...Object.keys(other)]) as ReadonlySet<keyof MoneyFigures>;
	return [...names].every((name) => {
		const [left, right] = [one[name], other[name]];
		if (left === undefined || right === undefined) return false;
		return Math.abs(left - right) <= ALIKE_RATIO * Math.max(Math.abs(left), Math.abs(right));
	});
}

function keyOf({ by, label, day }: StatementAnswer["rows"][number]): string {
	return JSON.stringify([by, label, day ?? ""]);
}

function frozenOf(body: string): StatementAnswer | undefined {
	const parsed = parseJson(body, FROZEN_LIMITS);
	return parsed.ok ? (parsed.value as unknown as StatementAnswer) : undefined;
}

/** From readings and inputs as they are now. */
async function currentStatement(
	{ store, book, options, now, knownAt }: StatementSources & { readonly knownAt?: number },
	month: string,
	by: readonly StatementBy[],
	currency = options.currency ?? "USD",
): Promise<Reply<StatementAnswer>> {
	const span = monthSpan(month, options.timeZone);
	if (span === undefined)
		return refused(
			"REQUEST_INVALID",
			`month is ${JSON.stringify(month)}; use year and month, for example 2026-11.`,
		);
	const { start: from, end: to } = span;
	const { terms, timeZone, contractedWatts, staleAfterSeconds } = options;
	const request: MoneyRequest = {
		...options.money,
		from,
		to,
		now,
		timeZone,
		stepSeconds: DAY_SECONDS,
		currency,
		contracts: terms.contracts,
		...(contractedWatts === undefined ? {} : { contractedWatts }),
		...(staleAfterSeconds === undefined ? {} : { staleAfterSeconds }),
		...(knownAt === undefined ? {} : { knownAt }),
	};
	const prices = pricesFor(book, request);
	const whole = await moneyAnswer(store, book, request, prices);
	if (!whole.ok || !("answer" in whole)) return whole;
	const rows: StatementAnswer["rows"][number][] = [
		{ by: "all", label: "", figures: whole.answer.total },
		...daysOf(whole.answer, timeZone),
	];
	for (const one of by) {
		const found = await moneyAnswer(store, book, { ...request, by: one }, prices);
		if (!found.ok || !("answer" in found)) return found;
		for (const { label, total } of found.answer.groups ?? []) rows.push({ by: one, label, figures: total });
	}
	const gaps = await store.gaps({
		from: quantity<UnixMilliseconds>(from),
		to: quantity<UnixMilliseconds>(to),
	});
	const { boundary, formulaVersion, inputs, contracts, capacity } = whole.answer;
	return answered({
		site: options.site,
		month,
		from,
		to,
		timeZone,
		currency,
		boundary,
		formulaVersion,
		asOf: knownAt ?? now,
		isFrozen: false,
		isComplete: now >= to,
		inputs,
		rows,
		gaps: gaps.map(({ agent, from: start, to: end, reason }) => ({ agent, from: start, to: end, reason })),
		...(contracts === undefined ? {} : { contracts }),
		...(capacity === undefined ? {} : { capacity }),
	});
}

function daysOf(answer: MoneyAnswer, timeZone: string): StatementAnswer["rows"] {
	const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" });
	return answer.times.flatMap((at, index) => {
		const figures = Object.fromEntries(
			MONEY_COLUMNS.flatMap((name) => {
				const value = answer[name][index];
				return value === null || value === undefined ? [] : [[name, value]];
			}),
		);
		if (figures["energyMegawattHours"] === undefined) return [];
		return [{ by: "all", label: "", day: format.format(at), figures: figures as unknown as MoneyFigures }];
	});
}

/** Freezes the months that are over for five days, have anything to say, and are not frozen; gives their names. */
export async function freezeMonths(
	sources: StatementSources,
	empty: Set<string>,
): Promise<readonly string[]> {
	const { store, options, now } = sources;
	const months = zoneMonthEdges(options.timeZone);
	const format = new Intl.DateTimeFormat("sv-SE", { timeZone: options.timeZone, dateStyle: "short" });
	const frozen: string[] = [];
	let { start } = months(now);
	for (let back = 0; back < FROZEN_BACK_MONTHS; back += 1) {
		const { start: before, end } = months(start - 1);
		start = before;
		const month = format.format(before).slice(0, 7);
		if (now < end + FROZEN_AFTER_MILLISECONDS || empty.has(month)) continue;
		if ((await store.statement(month)) !== undefined) continue;
		const made = await currentStatement(sources, month, STATEMENT_BY);
		const hasAnything = made.ok && "answer" in made && made.answer.rows.length > 1;
		if (!hasAnything) {
			empty.add(month);
			continue;
		}
		const body = JSON.stringify(made.answer);
		const sha256 = createHash("sha256").update(body).digest("hex");
		await store.putStatement({ month, frozenAt: now, sha256, body });
		frozen.push(month);
	}
	return frozen;
}
