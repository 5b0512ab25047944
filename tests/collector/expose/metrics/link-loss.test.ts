/**
 * Six hours without a link, then the backlog: what /metrics and the shipped rules say meanwhile and after. A real store
 * under an injected clock; the rules by our own evaluation, which is held against promtool's cases.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRules } from "../../../../collector/commands/backtest.js";
import { type AlertChange, namesAsked, RuleRun } from "../../../../collector/derive/rules/alert-rules.js";
import { keyOf, type Vector } from "../../../../collector/derive/rules/evaluate.js";
import { scrapedSamples } from "../../../../collector/derive/rules/scraped.js";
import { createExposition } from "../../../../collector/expose/metrics/exposition.js";
import { createView } from "../../../../collector/expose/view.js";
import type { IncomingRecord } from "../../../../collector/store/incoming.js";
import { Store } from "../../../../collector/store/store.js";
import { type Clock, realClock } from "../../../../shared/clock.js";
import { parseRuleFile } from "../../../../shared/config/alert-rules.js";
import { type MonotonicMilliseconds, quantity, type UnixMilliseconds } from "../../../../shared/units.js";
import { ROOT } from "../../../architecture/tree.js";
import { AGENT, INCIDENT_DEFINITIONS, recordOf, type Told } from "../../store/example-incident.js";
import { HOUR, NOON, SECOND } from "../../store/example-store.js";
import { VIEW_OPTIONS } from "../fleet-fixture.js";

const OPTIONS = { ...VIEW_OPTIONS, temperatureLimits: { chip: 90 } };
const LOST_AT = NOON + 120 * SECOND;
const BACK_AT = LOST_AT + 6 * HOUR;
const BLOCK = 64;
/** Of the six hours one reading a minute, so that the test is short; the poll interval does not matter to it. */
const BACKLOG_STEP = 60 * SECOND;

describe("a link that is lost for six hours", () => {
	const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-link-loss-"));
	let store: Store;
	let now = NOON;
	const clock: Clock = {
		...realClock,
		now: () => quantity<UnixMilliseconds>(now),
		monotonic: () => quantity<MonotonicMilliseconds>(now),
	};
	const changes: AlertChange[] = [];
	const falls: string[] = [];
	const gaugesOf: { readonly at: number; readonly watts: number | undefined }[] = [];

	beforeAll(async () => {
		store = await Store.open({
			folder,
			clock,
			maxDevices: 10,
			power: OPTIONS.power,
			temperatureLimits: OPTIONS.temperatureLimits,
		});
		for (const { hash, text, definition } of INCIDENT_DEFINITIONS) store.define(hash, text, definition);
		const parsed = parseRuleFile(
			"rules.yml",
			readFileSync(path.join(ROOT, "dashboards/prometheus/rules.yml"), "utf8"),
		);
		if (!parsed.ok) throw new Error(parsed.lines.join("\n"));
		const { rules } = readRules(parsed.file);
		const run = new RuleRun(rules);
		const view = createView({ store, options: OPTIONS, clock });
		const own = {
			text: async () => "",
			countRequest: () => undefined,
			observeScrape: () => undefined,
			setViewers: () => undefined,
		};
		const { temperatureLimits } = OPTIONS;
		const exposition = createExposition({ view, store, clock, own, perDevice: "all", temperatureLimits });
		const asked = new Set([...namesAsked(rules), ...COUNTERS]);
		let before: ReadonlyMap<string, Vector> = new Map();
		const scrape = async () => {
			const body = await exposition.render();
			const text = Buffer.concat([...body]).toString();
			exposition.release(body);
			const scraped = scrapedSamples(text, asked, new Map([["instance", "c:9480"]]));
			changes.push(...run.at(now, scraped));
			falls.push(...fallen(before, scraped));
			before = scraped;
			const shown = (scraped.get("fleetwatt_device_power_watts") ?? []).find(
				({ labels }) => labels.get("device") === "S-1",
			);
			gaugesOf.push({ at: now, watts: shown?.value });
		};
		let sequence = 0;
		const numbered = (told: readonly Told[]): readonly IncomingRecord[] =>
			told.map((one) => {
				sequence += 1;
				return recordOf(one, sequence, now);
			});
		const link = (isConnected: boolean) => {
			const since = quantity<UnixMilliseconds>(now);
			const known = store.agents().get("austin/agent-1");
			const rest = known ?? { agent: "agent-1", site: "austin", gapOutcomes: 0, gapsByReason: {} };
			store.setAgent({ ...rest, isConnected, since });
		};
		const live = async (until: number) => {
			for (; now < until; now += 5 * SECOND) {
				await store.commit(numbered([{ at: now }, { at: now, device: AGENT }]));
				await store.watchNow();
				await scrape();
			}
		};
		link(true);
		await live(LOST_AT);
		link(false);
		for (; now < BACK_AT; now += 60 * SECOND) {
			await store.watchNow();
			await scrape();
		}
		now = BACK_AT;
		link(true);
		await live(BACK_AT + 30 * SECOND);
		// While it was cut off the miner overheated and was down: of that no rule may say anything now.
		const past: Told[] = [];
		for (let at = LOST_AT; at < BACK_AT; at += BACKLOG_STEP) {
			const minute = (at - LOST_AT) / BACKLOG_STEP;
			if (minute >= 60 && minute < 90) past.push({ at, code: "DEVICE_TIMEOUT" });
			else past.push({ at, celsius: minute >= 120 && minute < 180 ? 99 : 60 });
			past.push({ at, device: AGENT });
		}
		const backlog = [...numbered(past)];
		while (backlog.length > 0) {
			await store.commit(backlog.splice(-BLOCK));
			await live(now + 5 * SECOND);
		}
		await live(now + 90 * SECOND);
	}, 120_000);
	afterAll(async () => {
		await store.close();
		rmSync(folder, { recursive: true, force: true });
	});

	it("makes the agent's alert fire once and clear, and no other", () => {
		expect(changes.map(({ alert, change }) => `${alert} ${change}`)).toEqual([
			"FleetwattAgentDown fires",
			"FleetwattAgentDown clears",
		]);
	});

	it("makes no counter fall and no gauge move for the past", () => {
		expect(falls).toEqual([]);
		const after = gaugesOf.filter(({ at }) => at >= BACK_AT).map(({ watts }) => watts);
		expect(after.length).toBeGreaterThan(20);
		expect(new Set(after)).toEqual(new Set([3_250]));
	});

	it("leaves the device without a value while nobody knows, rather than an old one", () => {
		const unknown = gaugesOf.filter(({ at }) => at > LOST_AT + 60 * SECOND && at < BACK_AT);
		expect(unknown.length).toBeGreaterThan(300);
		expect(new Set(unknown.map(({ watts }) => watts))).toEqual(new Set([undefined]));
	});

	it("tells by its events, at their own times, what happened meanwhile", async () => {
		const all = await store.events({
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
