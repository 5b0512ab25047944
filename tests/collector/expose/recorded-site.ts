/**
 * A site of some days, recorded through the real store and shown by the real server: what statements, what-ifs and
 * decisions are tried on. Takes days and what devices said; gives the store, a URL and a clock to move.
 *
 * Two S21 (200 TH/s, 3,500 W) and a T21 stand in racks, a host has eight GPUs at 8 kW; a meter and the agent are there
 * to be left out of sums. A poll every five minutes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { type ExposeOptions, startExpose } from "../../../collector/expose/start.js";
import type { ViewOptions } from "../../../collector/expose/view.js";
import { inventoryDesk } from "../../../collector/inventory/desk.js";
import type { StoredInput } from "../../../collector/store/device-state.js";
import { Store } from "../../../collector/store/store.js";
import { realClock } from "../../../shared/clock.js";
import type { DeviceDescription } from "../../../shared/device.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { definitionText, hashOf, type ShapeDefinition } from "../../../shared/wire/definition.js";
import type { RecordOutcome } from "../../../shared/wire/outcome.js";
import { encodeOutcomes } from "../../../shared/wire/record.js";
import { EPOCH, timeAt } from "../../shared/wire/examples.js";
import { VIEW_OPTIONS } from "./fleet-fixture.js";

export const FIVE_MINUTES = 300_000;
export const HOUR = 3_600_000;
export const ZONE = "America/Chicago";
/** A commit is an fsync, and months have hundreds of hours. */
const RECORDS_AT_ONCE = 24;

const MINER: ShapeDefinition = {
	kind: "shape",
	columns: [
		{ measurement: "hashrateTerahashesPerSecond", decimals: 6 },
		{ measurement: "powerWatts", decimals: 3 },
		{ measurement: "sharesAccepted", decimals: 0 },
		{ measurement: "shareDifficultyAccepted", decimals: 0 },
	],
};
const HOST: ShapeDefinition = {
	kind: "shape",
	columns: [
		{ measurement: "gpuCount", decimals: 0 },
		{ measurement: "powerWatts", decimals: 3 },
	],
};
/** Of a host whose inference server is read. */
const SERVING: ShapeDefinition = {
	kind: "shape",
	columns: [
		{ measurement: "generatedTokens", decimals: 0 },
		{ measurement: "gpuCount", decimals: 0 },
		{ measurement: "powerWatts", decimals: 3 },
	],
};
const SHAPES = [MINER, HOST, SERVING];

export type Said =
	| {
			readonly terahashes: number;
			readonly watts: number;
			readonly shares?: number;
			readonly difficulty?: number;
	  }
	| { readonly gpus: number; readonly watts: number; readonly tokens?: number }
	| { readonly failed: string };

export type SiteDevice = {
	readonly description: Partial<DeviceDescription> & { readonly endpoint: string };
	/** At an instant; undefined: nobody asked. */
	readonly says: (at: number) => Said | undefined;
	/** Milliseconds after that instant at which the answer came: below five minutes, none where absent. */
	readonly late?: (at: number) => number;
};

const described = ({ description }: SiteDevice): DeviceDescription => ({
	kind: "miner",
	driver: "example",
	pollIntervalSeconds: 300,
	algorithm: "sha256",
	...description,
});

export const SITE_DEVICES: readonly SiteDevice[] = [
	...["1", "2"].map((place) => ({
		description: { endpoint: `10.0.0.${place}`, serial: `S21-${place}`, model: "Antminer S21", rack: "A1" },
		says: () => ({ terahashes: 200, watts: 3_500 }),
	})),
	{
		description: { endpoint: "10.0.0.3", serial: "T21-3", model: "Antminer T21", rack: "B1" },
		says: () => ({ terahashes: 190, watts: 3_610 }),
	},
	{
		description: { endpoint: "10.0.0.4", serial: "GPU-4", model: "8x H100", rack: "G1", kind: "gpu-host" },
		says: () => ({ gpus: 8, watts: 8_000 }),
	},
	{
		description: { endpoint: "10.0.0.9", serial: "METER-9", model: "meter", kind: "meter" },
		says: () => ({ terahashes: Number.NaN, watts: 20_000 }),
	},
];

export type SiteWish = {
	readonly from: number;
	readonly to: number;
	/** The clock; `to` where absent. */
	readonly now?: number;
	readonly devices?: readonly SiteDevice[];
	readonly inputs: readonly StoredInput[];
	readonly view?: Partial<ViewOptions>;
	readonly more?: Partial<ExposeOptions>;
	/** Of hours: whether they come late; those are left out until `late` is called. */
	readonly isLate?: (at: number) => boolean;
};

export async function recordedSite(wish: SiteWish) {
	const folder = mkdtempSync(path.join(tmpdir(), "recorded-site-"));
	let now = wish.now ?? wish.to;
	const clock = { ...realClock, now: () => quantity<UnixMilliseconds>(now) };
	const store = await Store.open({
		folder,
		clock,
		maxDevices: 100,
		power: { hostOverheadRatio: 1, hostOverheadWatts: 0 },
		timeZone: ZONE,
	});
	const devices = wish.devices ?? SITE_DEVICES;
	for (const one of [
		...SHAPES,
		...devices.map((each) => ({ kind: "device", device: described(each) }) as const),
	])
		store.define(hashOf(one), definitionText(one), one);
	let sequence = 0;
	const record = async (from: number, to: number, isWanted: (at: number) => boolean) => {
		const records: Parameters<Store["commit"]>[0][number][] = [];
		for (let hour = from; hour < to; hour += HOUR) {
			if (!isWanted(hour)) continue;
			const wall = Math.min(hour + HOUR, to);
			const bytes = encodeOutcomes(timeAt(wall), outcomesOf(devices, { from: hour, to: wall }), (hash) =>
				SHAPES.find((shape) => hashOf(shape) === hash),
			);
			sequence += 1;
			const whose = { agent: "hall-1", site: "west", epoch: EPOCH, sequence, receivedAt: now, offset: 0 };
			records.push({ ...whose, bytes });
		}
		for (let first = 0; first < records.length; first += RECORDS_AT_ONCE)
			await store.commit(records.slice(first, first + RECORDS_AT_ONCE));
	};
	store.setAgent({ ...AGENT, lastRecordAt: clock.now() });
	await store.addInputs(wish.inputs);
	await record(wish.from, wish.to, (at) => wish.isLate?.(at) !== true);
	const expose = await startExpose({
		store,
		view: { ...VIEW_OPTIONS, timeZone: ZONE, money: { siteOverheadRatio: 1.05 }, ...wish.view },
		clock,
		listen: { address: "127.0.0.1", port: 0 },
		perDevice: "all",
		inventory: inventoryDesk({ store, clock, onImported: () => undefined, onReplaced: () => undefined }),
		log: () => undefined,
		...wish.more,
	});
	onTestFinished(async () => {
		await expose.close();
		await store.close();
		rmSync(folder, { recursive: true, force: true });
	});
	const url = `http://127.0.0.1:${expose.address.port}`;
	return {
		store,
		url,
		/** What came late comes now. */
		late: () => record(wish.from, wish.to, (at) => wish.isLate?.(at) === true),
		setNow: (at: number) => {
			now = at;
		},
		get: async <Answer>(from: string): Promise<Answer> => {
			const reply = await fetch(`${url}/api/v1${from}`);
			return (await reply.json()) as Answer;
		},
		/** Seals everything and closes the days that are over. */
		close: async () => {
			await store.seal({ all: true });
			await store.merge();
			await store.retention.closeTiers();
		},
		inventory: async (csv: string) => {
			const headers = { "content-type": "text/csv" };
			const reply = await fetch(`${url}/api/v1/inventory`, { method: "POST", body: csv, headers });
			return (await reply.json()) as { readonly refusedRows: number };
		},
	};
}

const AGENT = {
	agent: "hall-1",
	site: "west",
	isConnected: true,
	since: quantity<UnixMilliseconds>(0),
	gapOutcomes: 0,
	gapsByReason: {},
};

function outcomesOf(
	devices: readonly SiteDevice[],
	{ from, to }: { readonly from: number; readonly to: number },
): readonly RecordOutcome[] {
	const { monotonic } = timeAt(to);
	const outcomes: RecordOutcome[] = [];
	for (let at = from; at < to; at += FIVE_MINUTES)
		for (const device of devices) {
			const said = device.says(at);
			if (said === undefined) continue;
			const hash = hashOf({ kind: "device", device: described(device) });
			const common = {
				device: hash,
				measuredAt: monotonic - (to - at) + (device.late?.(at) ?? 0),
				tookMilliseconds: 10,
			};
			outcomes.push(
				"failed" in said
					? { kind: "failure", ...common, code: said.failed, what: "It failed." }
					: { kind: "reading", ...common, ...valuesOf(said), errorCodes: [], faults: [] },
			);
		}
	return outcomes;
}

function valuesOf(said: Exclude<Said, { readonly failed: string }>) {
	if ("gpus" in said && said.tokens !== undefined)
		return { shape: hashOf(SERVING), values: Float64Array.of(said.tokens, said.gpus, said.watts) };
	if ("gpus" in said) return { shape: hashOf(HOST), values: Float64Array.of(said.gpus, said.watts) };
	const { terahashes, watts, shares = Number.NaN, difficulty = Number.NaN } = said;
	return { shape: hashOf(MINER), values: Float64Array.of(terahashes, watts, shares, difficulty) };
}
