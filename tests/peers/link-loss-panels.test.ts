/**
 * Every query of every panel asked of a real Prometheus of a link that was lost for six hours and then brought its
 * backlog: no panel shows afterwards what it did not show before, so no rate, sum or limit takes the past for now.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answersOf, type Moment } from "../../collector/commands/real-prometheus.js";
import { scrapedSamples } from "../../collector/derive/rules/scraped.js";
import { LIMIT_RECORDINGS, TREND_RECORDINGS } from "../../dashboards/alerts/table.js";
import { DASHBOARDS } from "../../dashboards/grafana/source/panels.js";
import {
	BACK_AT,
	LOST_AT,
	type LostLink,
	lostLink,
	SCRAPE_MILLISECONDS,
} from "../collector/expose/metrics/lost-link.js";
import { isMissing } from "./missing-programs.js";
import { program } from "./programs.js";

const QUERIES = DASHBOARDS.flatMap(({ name, panels }) =>
	panels.flatMap(({ title, queries }) => queries.map(({ expr }) => ({ name, title, query: filled(expr) }))),
);

const BACKFILLED = "sum(rate(fleetwatt_agent_backfilled_polls_total[1m]))";
/** What a lone miner that earns all it can has none of, and a backlog that no agent tells of. */
const SILENT = new Set([
	"fleetwatt_use_gpu_utilization_ratio",
	'fleetwatt_agent_backlog_records{site=~".*"}',
	"fleetwatt_fleet_lost_revenue_usd_per_hour",
]);
/** Prices have nothing to do with the link. */
const INPUT_AGE = "time() - fleetwatt_input_timestamp_seconds";

/** As Grafana fills them in, with everything chosen. */
function filled(expr: string): string {
	return expr.replaceAll(/\$(site|rack|model|device)/g, ".*").replaceAll("$__rate_interval", "1m");
}

async function* each(moments: readonly Moment[]): AsyncGenerator<Moment> {
	yield* moments;
}

/** The answers stand under each query's words, as samples under their names. */
async function asked(moments: readonly Moment[], queries: readonly string[]): Promise<readonly Moment[]> {
	const answers: Moment[] = [];
	const options = {
		program: program("prometheus") ?? "",
		queries,
		intervalMilliseconds: SCRAPE_MILLISECONDS,
		onRefused: (query: string, what: string) => {
			throw new Error(`${query}: ${what}`);
		},
	};
	for await (const answer of answersOf(each(moments), options)) answers.push(answer);
	return answers;
}

async function recorded(moments: readonly Moment[]): Promise<readonly Moment[]> {
	let all = moments;
	for (const { record, expression } of [...LIMIT_RECORDINGS, ...TREND_RECORDINGS]) {
		const answers = await asked(all, [expression]);
		all = all.map(({ at, samples }, index) => {
			const own = answers[index]?.samples.get(expression);
			return own === undefined ? { at, samples } : { at, samples: new Map(samples).set(record, own) };
		});
	}
	return all;
}

describe.skipIf(isMissing("prometheus"))("a link that is lost for six hours, on the dashboards", () => {
	let lost: LostLink;
	let answers: readonly Moment[] = [];

	beforeAll(async () => {
		const texts: { readonly at: number; readonly text: string }[] = [];
		lost = await lostLink((at, text) => texts.push({ at, text }));
		const names = new Set(texts.flatMap(({ text }) => text.match(/^[a-zA-Z_:][a-zA-Z0-9_:]*/gm) ?? []));
		const target = new Map([["instance", "c:9480"]]);
		const scraped = texts.map(({ at, text }) => ({ at, samples: scrapedSamples(text, names, target) }));
		answers = await asked(await recorded(scraped), [BACKFILLED, ...QUERIES.map(({ query }) => query)]);
	}, 300_000);
	afterAll(() => lost?.close());

	const numbersOf = (query: string, from: number, to: number) =>
		answers
			.filter(({ at }) => at >= from && at < to)
			.flatMap(({ samples }) => (samples.get(query) ?? []).map(({ value }) => value));

	it.each(QUERIES)("$name: $title shows no burst", ({ query }) => {
		const [before, after] = [
			numbersOf(query, 0, LOST_AT),
			numbersOf(query, BACK_AT, Number.POSITIVE_INFINITY),
		];
		if (SILENT.has(query)) return expect([before, after]).toEqual([[], []]);
		expect(before).not.toEqual([]);
		expect(after).not.toEqual([]);
		if (query === INPUT_AGE) return;
		const tolerance = 1e-9 * Math.max(...before.map(Math.abs));
		expect(Math.max(...after)).toBeLessThanOrEqual(Math.max(...before) + tolerance);
		expect(Math.min(...after)).toBeGreaterThanOrEqual(Math.min(0, ...before) - tolerance);
	});

	it("would be seen if there were one: what was backfilled is counted apart, and bursts", () => {
		expect(Math.max(0, ...numbersOf(BACKFILLED, 0, LOST_AT))).toBe(0);
		expect(Math.max(...numbersOf(BACKFILLED, BACK_AT, Number.POSITIVE_INFINITY))).toBeGreaterThan(5);
	});
});
