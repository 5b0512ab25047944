/**
 * A miner of an agent whose link is lost for six hours and then brings its backlog: a real store under an injected
 * clock, scraped every 15 s all the while.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type InventoryEntry, inventoryKey } from "../../../../collector/derive/placement.js";
import { createExposition } from "../../../../collector/expose/metrics/exposition.js";
import { createView } from "../../../../collector/expose/view.js";
import type { IncomingRecord } from "../../../../collector/store/incoming.js";
import { Store } from "../../../../collector/store/store.js";
import { type Clock, realClock } from "../../../../shared/clock.js";
import { type MonotonicMilliseconds, quantity, type UnixMilliseconds } from "../../../../shared/units.js";
import { AGENT, INCIDENT_DEFINITIONS, recordOf, type Told } from "../../store/example-incident.js";
import { HOUR, NOON, SECOND } from "../../store/example-store.js";
import { INPUT_VALUES, storedInput, VIEW_OPTIONS } from "../fleet-fixture.js";

const OPTIONS = { ...VIEW_OPTIONS, temperatureLimits: { chip: 90 } };
export const LOST_AT = NOON + 150 * SECOND;
export const BACK_AT = LOST_AT + 6 * HOUR;
export const SCRAPE_MILLISECONDS = 15 * SECOND;
const POLL_MILLISECONDS = 5 * SECOND;
/** The recordings look at three minutes at most, so that what came of the past would still be seen. */
const AFTERWARDS_MILLISECONDS = 180 * SECOND;
const BLOCK = 64;
/** Of the six hours one reading a minute, so that the test is short; the poll interval does not matter to it. */
export const BACKLOG_STEP = 60 * SECOND;

const sinceNoon = { validFrom: NOON, intent: "in-service" } as const;
const PLACES: readonly InventoryEntry[] = [
	{ kind: "device", key: "S-1", rack: "r1", use: "mining", powerLimitWatts: 3_500, ...sinceNoon },
	{ kind: "rack", key: "austin/r1", powerLimitWatts: 4_000, ...sinceNoon },
	{ kind: "site", key: "austin", powerLimitWatts: 4_000, ...sinceNoon },
];

export type LostLink = { readonly store: Store; close(): Promise<void> };

/** @param onScrape is given each scrape's text */
export async function lostLink(onScrape: (at: number, text: string) => void): Promise<LostLink> {
	const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-link-loss-"));
	let now = NOON;
	const clock: Clock = {
		...realClock,
		now: () => quantity<UnixMilliseconds>(now),
		monotonic: () => quantity<MonotonicMilliseconds>(now),
	};
	const { power, temperatureLimits } = OPTIONS;
	const store = await Store.open({ folder, clock, maxDevices: 10, power, temperatureLimits });
	for (const { hash, text, definition } of INCIDENT_DEFINITIONS) store.define(hash, text, definition);
	await store.putInventory(new Map(PLACES.map((place) => [inventoryKey(place), [place]])));
	const priced = () => {
		const at = quantity<UnixMilliseconds>(now);
		const times = { observedAt: at, validFrom: at, knownFrom: at };
		return store.addInputs(
			Object.entries(INPUT_VALUES).map(([name, value]) => storedInput(name, value, times)),
		);
	};
	await priced();
	const view = createView({ store, options: OPTIONS, clock });
	const own = { text: async () => "", observeScrape: () => undefined };
	const exposition = createExposition({ view, store, clock, own, perDevice: "all", temperatureLimits });
	const scrape = async () => {
		const body = await exposition.render();
		const text = Buffer.concat([...body]).toString();
		exposition.release(body);
		onScrape(now, text);
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
	const passed = async () => {
		await store.watchNow();
		if ((now - NOON) % SCRAPE_MILLISECONDS === 0) await scrape();
	};
	const live = async (until: number) => {
		for (; now < until; now += POLL_MILLISECONDS) {
			await store.commit(numbered([{ at: now }, { at: now, device: AGENT }]));
			await passed();
		}
	};
	link(true);
	await live(LOST_AT);
	link(false);
	for (; now < BACK_AT; now += SCRAPE_MILLISECONDS) await passed();
	await priced();
	link(true);
	await live(BACK_AT + 30 * SECOND);
	const backlog = [...numbered(pastOfIncident())];
	while (backlog.length > 0) {
		await store.commit(backlog.splice(-BLOCK));
		await live(now + POLL_MILLISECONDS);
	}
	await live(now + AFTERWARDS_MILLISECONDS);
	return {
		store,
		close: async () => {
			await store.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

/** While it was cut off the miner overheated and was down: of that nobody may hear as of now. */
function pastOfIncident(): readonly Told[] {
	const past: Told[] = [];
	for (let at = LOST_AT; at < BACK_AT; at += BACKLOG_STEP) {
		const minute = (at - LOST_AT) / BACKLOG_STEP;
		if (minute >= 60 && minute < 90) past.push({ at, code: "DEVICE_TIMEOUT" });
		else past.push({ at, celsius: minute >= 120 && minute < 180 ? 99 : 60 });
		past.push({ at, device: AGENT });
	}
	return past;
}
