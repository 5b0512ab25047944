/** What /metrics and the shipped rules say while a link is lost and after; the rules by our own evaluation. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRules } from "../../../../collector/commands/backtest.js";
import { type AlertChange, namesAsked, RuleRun } from "../../../../collector/derive/rules/alert-rules.js";
import { keyOf, type Vector } from "../../../../collector/derive/rules/evaluate.js";
import { scrapedSamples } from "../../../../collector/derive/rules/scraped.js";
import { parseRuleFile } from "../../../../shared/config/alert-rules.js";
import { quantity, type UnixMilliseconds } from "../../../../shared/units.js";
import { ROOT } from "../../../architecture/tree.js";
import { SECOND } from "../../store/example-store.js";
import { BACK_AT, BACKLOG_STEP, LOST_AT, type LostLink, lostLink } from "./lost-link.js";

describe("a link that is lost for six hours", () => {
	let lost: LostLink;
	const changes: AlertChange[] = [];
	const falls: string[] = [];
	const gaugesOf: { readonly at: number; readonly watts: number | undefined }[] = [];

	beforeAll(async () => {
		const parsed = parseRuleFile(
			"rules.yml",
			readFileSync(path.join(ROOT, "dashboards/prometheus/rules.yml"), "utf8"),
		);
		if (!parsed.ok) throw new Error(parsed.lines.join("\n"));
		const { rules } = readRules(parsed.file);
		const run = new RuleRun(rules);
		const asked = new Set([...namesAsked(rules), ...COUNTERS]);
		let before: ReadonlyMap<string, Vector> = new Map();
		lost = await lostLink((at, text) => {
			const scraped = scrapedSamples(text, asked, new Map([["instance", "c:9480"]]));
			changes.push(...run.at(at, scraped));
			falls.push(...fallen(before, scraped));
			before = scraped;
			const shown = (scraped.get("fleetwatt_device_power_watts") ?? []).find(
				({ labels }) => labels.get("device") === "S-1",
			);
			gaugesOf.push({ at, watts: shown?.value });
		});
	}, 120_000);
	afterAll(() => lost?.close());

	it("makes the agent's alert fire once and clear, and no other", () => {
		expect(changes.map(({ alert, change }) => `${alert} ${change}`)).toEqual([
			"FleetwattAgentDown fires",
			"FleetwattAgentDown clears",
		]);
	});

	it("makes no counter fall and no gauge move for the past", () => {
		expect(falls).toEqual([]);
		const after = gaugesOf.filter(({ at }) => at >= BACK_AT).map(({ watts }) => watts);
		expect(after.length).toBeGreaterThan(10);
		expect(new Set(after)).toEqual(new Set([3_250]));
	});

	it("leaves the device without a value while nobody knows, rather than an old one", () => {
		const unknown = gaugesOf.filter(({ at }) => at > LOST_AT + 60 * SECOND && at < BACK_AT);
		expect(unknown.length).toBeGreaterThan(300);
		expect(new Set(unknown.map(({ watts }) => watts))).toEqual(new Set([undefined]));
	});

	it("tells by its events, at their own times, what happened meanwhile", async () => {
		const all = await lost.store.events({
			from: quantity<UnixMilliseconds>(LOST_AT),
			to: quantity<UnixMilliseconds>(BACK_AT),
			device: "S-1",
			order: "oldest",
			limit: 100,
		});
		expect(all.map(({ at, kind }) => [(at - LOST_AT) / BACKLOG_STEP, kind])).toEqual(
			expect.arrayContaining([
				[60, "down"],
				[90, "up"],
				[120, "limit-crossed"],
				[180, "limit-cleared"],
			]),
		);
	});
});

const COUNTERS = [
	"fleetwatt_device_energy_joules_total",
	"fleetwatt_device_work_hashes_total",
	"fleetwatt_device_power_watts",
	"fleetwatt_events_total",
];

function fallen(before: ReadonlyMap<string, Vector>, now: ReadonlyMap<string, Vector>): readonly string[] {
	return COUNTERS.filter((name) => name.endsWith("_total")).flatMap((name) => {
		const known = new Map((before.get(name) ?? []).map(({ labels, value }) => [keyOf(labels), value]));
		return (now.get(name) ?? []).flatMap(({ labels, value }) => {
			const was = known.get(keyOf(labels));
			return was !== undefined && value < was ? [`${name}{${keyOf(labels)}} ${was} → ${value}`] : [];
		});
	});
}
