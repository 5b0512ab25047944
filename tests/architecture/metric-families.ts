/**
 * Every family of /metrics, gathered from what writes them: a fleet in which each device and part
 * reports everything that a driver reads, and the agent's own server.
 */
import { DRIVERS } from "../../agent/drivers/catalog.js";
import { serveAgentMetrics } from "../../agent/expose/metrics.js";
import { PollCounters } from "../../agent/poller/statistics.js";
import {
	ingestFamilies,
	jobFamilies,
	marketFeedFamilies,
	roomFamilies,
} from "../../collector/commands/own-families.js";
import { advance } from "../../collector/derive/energy.js";
import { advanceTokens, createTokenMeter } from "../../collector/derive/tokens.js";
import { USUAL_CURTAILMENT } from "../../collector/expose/decisions.js";
import { createExposition } from "../../collector/expose/metrics/exposition.js";
import { fleetFamilies } from "../../collector/expose/metrics/fleet-families.js";
import { decisionFamilies } from "../../collector/expose/metrics/money-families.js";
import { createOwnMetrics } from "../../collector/expose/metrics/own-metrics.js";
import { createView } from "../../collector/expose/view.js";
import { agentKey, type DeviceState } from "../../collector/store/device-state.js";
import { PARTS } from "../../shared/device.js";
import type { MeasurementName } from "../../shared/measurements.js";
import { measurement } from "../../shared/measurements.js";
import type { DocumentedFamilies, DocumentedFamily } from "../../shared/metrics-document.js";
import {
	AGENT,
	device,
	gpuHost,
	miner,
	NOW,
	type Part,
	plainStore,
	reading,
	STORED_INPUTS,
	standingClock,
	storedInput,
	type Values,
	VIEW_OPTIONS,
} from "../collector/expose/fleet-fixture.js";

/** What the agent says of itself, as a device. */
const OF_AGENTS: readonly MeasurementName[] = ["residentMemoryBytes", "outboxRecordCount", "outboxBytes"];
/** What decoding counts where the device does not say. */
const COUNTED: readonly MeasurementName[] = ["boardCount", "gpuCount"];
const CODE = "DEVICE_TIMEOUT";
const TERMS = {
	contracts: [
		{
			kind: "lease",
			name: "hall",
			covers: "u",
			from: 0,
			to: NOW + 9e9,
			powerBorneBy: "operator",
			usdPerMonth: 1,
			grossWatts: 1,
			sla: [],
		},
	],
	curtailment: USUAL_CURTAILMENT,
} as const;
const FEED = { site: "west", meter: "meter", to: "site" } as const;

export async function documentedFamilies(): Promise<DocumentedFamilies> {
	const clock = standingClock();
	const store = fullStore();
	const view = createView({
		store,
		clock,
		options: { ...VIEW_OPTIONS, contractedWatts: 1e6, feeds: [FEED], terms: () => TERMS },
	});
	// Shares are compared by how they grew, so the fleet is looked at twice.
	view.decisionSums();
	store.put(grown(store.devices().get("sharing")));
	clock.advance(6_000);
	const additional = () => [
		...ingestFamilies({
			sessions: 1,
			recordsReceived: 1,
			bytesReceived: 1,
			refusedByCode: { [CODE]: 1 },
			isOverloaded: true,
		}),
		...marketFeedFamilies([
			{ feed: "chain", lastSuccessAt: 1, nextAt: 1, rowsRecorded: 1, failuresByCode: { FEED_THROTTLED: 1 } },
		]),
		...jobFamilies({ rollup: { runs: 1, failures: 0, skipped: 0, lastSeconds: 0 } }),
		...roomFamilies({
			tierBytes: { main: 1, raw: 1 },
			otherBytes: 1,
			growthBytesPerDay: 1,
			diskFreeBytes: 1,
			budgetBytes: 9,
			bytesOverBudget: 0,
			filesSacrificed: 0,
			damaged: 0,
		}),
	];
	const exposition = createExposition({
		view,
		store,
		clock,
		own: countedOwnMetrics(),
		perDevice: "all",
		temperatureLimits: VIEW_OPTIONS.temperatureLimits,
		additional,
	});
	const text = Buffer.concat([...(await exposition.render())]).toString("utf8");
	const found = familiesIn(text);
	const named = [...fleetFamilies(view.moment().fleet, store), ...decisionFamilies(view.decisionSums())].map(
		({ name }) => name,
	);
	// Power under contract is the fleet's alone, so the capacity basis is written for the fleet only.
	const unseen = named.filter(
		(name) => !/_usd_per_watt_year$/.test(name) && !found.some((family) => family.name === name),
	);
	if (unseen.length > 0) throw new Error(`The full fleet lacks ${unseen.join(", ")}.`);
	const isDevice = ({ name }: DocumentedFamily) => name.startsWith("fleetwatt_device_");
	const isPart = ({ name }: DocumentedFamily) => name.startsWith("fleetwatt_component_");
	const isFleet = ({ name }: DocumentedFamily) => named.includes(name) && !isOwn(name);
	return {
		device: found.filter(isDevice),
		component: found.filter(isPart),
		fleet: found.filter(isFleet),
		collector: found.filter((family) => !isDevice(family) && !isPart(family) && !isFleet(family)),
		agent: await agentFamilies(),
	};
}

function isOwn(name: string): boolean {
	return /^fleetwatt_(store|agent)_/.test(name);
}

/** Measurements of devices and of parts that a driver reads, with what decoding adds. */
function readByDrivers(): { readonly device: Values; readonly parts: readonly Part[] } {
	const names = (reads: object) => Object.keys(reads) as MeasurementName[];
	const one = (reads: readonly MeasurementName[]) =>
		Object.fromEntries(reads.map((name) => [name, Math.max(1, measurement(name).least)])) as Values;
	const ofPart = (part: Part["part"]) =>
		DRIVERS.flatMap(({ components }) => components.filter((own) => own.part === part)).flatMap(({ reads }) =>
			names(reads),
		);
	const withPower = (reads: readonly MeasurementName[]): readonly MeasurementName[] =>
		reads.includes("powerWatts") ? [...reads, "powerSource", "powerBoundary"] : reads;
	return {
		device: one(withPower([...DRIVERS.flatMap(({ reads }) => names(reads)), ...COUNTED, ...OF_AGENTS])),
		parts: PARTS.map((part) => ({ part, key: "0", values: one(withPower(ofPart(part))) })).filter(
			({ values }) => Object.keys(values).length > 0,
		),
	};
}

const CAPITAL = [
	storedInput("miningCapitalCostUsdPerWattYear", 0.4),
	storedInput("aiCapitalCostUsdPerWattYear", 7.65),
	storedInput("usdPerMillionTokens", 0.6),
];

function serving() {
	const tokens = createTokenMeter();
	for (const second of [-20, -10, 0])
		advanceTokens(
			tokens,
			{ at: NOW + second * 1_000, prompt: second + 20, generated: second + 20, watts: 1 },
			10,
		);
	const parts: readonly Part[] = [{ part: "service", key: "vllm:llama", values: { generatedTokens: 1 } }];
	const inventory = {
		kind: "device",
		key: "serving",
		validFrom: 0,
		intent: "in-service",
		use: "tokens",
	} as const;
	return gpuHost("serving", {
		values: { gpuCount: 1, generatedTokens: 1, powerWatts: 700 },
		parts,
		state: { tokens, inventory },
	});
}

const SHARING = { hashrateTerahashesPerSecond: 200, powerWatts: 3_500 };

/** Four seconds and a hundred shares later. */
function grown(state: DeviceState | undefined): DeviceState {
	if (state === undefined) throw new Error("The full fleet lacks a machine with shares.");
	const later = { ...SHARING, sharesAccepted: 200, shareDifficultyAccepted: 1e6 };
	advance(state.meter, NOW + 4_000, { watts: 3_500, terahashesPerSecond: 200 }, 10);
	return { ...state, latest: reading(NOW + 4_000, later) };
}

function fullStore() {
	const { device: values, parts } = readByDrivers();
	const description = {
		algorithm: "scrypt",
		firmware: "1",
		serial: "1",
		mac: "02:00:00:00:00:01",
		hostname: "one",
		position: "1-01",
	};
	const stated = {
		kind: "device",
		key: "everything",
		validFrom: 0,
		intent: "in-service",
		...{ name: "n", owner: "o", use: "u" },
	} as const;
	const devices = [
		miner("a-miner"),
		gpuHost("a-host"),
		miner("sharing", { values: { ...SHARING, sharesAccepted: 100, shareDifficultyAccepted: 5e5 } }),
		serving(),
		device({
			key: "meter",
			description: { kind: "meter", endpoint: "meter" },
			values: { powerWatts: 9_000 },
		}),
		device({ key: "everything", values, parts, description, state: { inventory: stated } }),
		device({
			key: "curtailed",
			description: { rack: "A1" },
			state: {
				isAnswering: false,
				reason: { code: CODE, what: "" },
				inventory: { ...stated, intent: "curtailed" },
			},
		}),
	].map((state) => ({
		...state,
		pollsByResult: { ok: 1, [CODE]: 1 },
		backfilledByResult: { ok: 1 },
		faultsByCode: { REPAIRED: 1 },
	}));
	const agent = { ...AGENT };
	const entry = {
		kind: "rack",
		key: "west/A1",
		validFrom: 0,
		intent: "in-service",
		powerLimitWatts: 1,
	} as const;
	const inventory = new Map([
		["rack west/A1", [entry]],
		["site west", [entry]],
	]);
	return {
		...plainStore({ devices, inventory, inputs: [...STORED_INPUTS, ...CAPITAL] }),
		agents: () => new Map([[agentKey(agent), agent]]),
	};
}

function countedOwnMetrics() {
	const own = createOwnMetrics("0.0.0");
	own.countRequest("/metrics", 200);
	own.observeScrape(0.01, 1);
	return own;
}

async function agentFamilies(): Promise<readonly DocumentedFamily[]> {
	const counters = new PollCounters();
	const polls = {
		...counters.snapshot({ waiting: 0, inFlight: 0, targets: 1, seen: 1 }),
		failed: { [CODE]: 1 },
	};
	const served = await serveAgentMetrics({
		listen: { address: "127.0.0.1", port: 0 },
		version: "0.0.0",
		startedAtSeconds: 1,
		residentBytes: () => 1,
		cpuSeconds: () => 1,
		statistics: () => ({
			polls,
			outbox: {
				epoch: "0".repeat(32),
				tail: 0,
				head: 0,
				records: 0,
				bytes: 0,
				keptBytes: 0,
				outcomes: 0,
				outcomesTaken: 0,
				outcomesSettled: 0,
				outcomesDropped: 0,
				outcomesThinned: 0,
				outcomesUnaccounted: 0,
				newestWall: 0,
			},
			outboxBytesWaiting: 0,
			outboxOutcomesWaiting: 0,
			pollsMissed: 0,
			readingsRecalled: 0,
			recallsFailed: { [CODE]: 1 },
			uplink: {
				isConnected: true,
				recordsSent: 0,
				bytesSent: 0,
				recordsRejected: 0,
				connections: 0,
				backlogRecords: 0,
				backfillWindowBytes: 0,
				roundTripMilliseconds: 20,
			},
			outcomesRecorded: 0,
			isConfigurationCurrent: true,
		}),
	});
	const answer = await fetch(`http://127.0.0.1:${served.port}/metrics`);
	const families = familiesIn(await answer.text());
	await served.close();
	return families;
}

/** Families with the names of their labels, in the order of the text; of ours alone. */
function familiesIn(text: string): readonly DocumentedFamily[] {
	const lines = text.split("\n");
	const heads = lines.flatMap((line) => {
		const [, word, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
		return word === undefined ? [] : [{ word, name, rest }];
	});
	const kinds = new Map(heads.filter(({ word }) => word === "TYPE").map(({ name, rest }) => [name, rest]));
	return heads
		.filter(({ word, name }) => word === "HELP" && name.startsWith("fleetwatt_"))
		.map(({ name, rest: help }) => ({
			name,
			kind: kinds.get(name) ?? "",
			help,
			labels: labelsOf(lines, name, kinds.get(name) === "histogram"),
		}));
}

function labelsOf(lines: readonly string[], family: string, isHistogram: boolean): readonly string[] {
	const names = isHistogram ? [`${family}_bucket`, `${family}_sum`, `${family}_count`] : [family];
	const sets = lines.filter((line) => names.some((name) => line.startsWith(`${name}{`)));
	const labels = sets.flatMap((line) =>
		[...line.matchAll(/([a-z_]+)="(?:[^"\\]|\\.)*"/g)].map(([, label = ""]) => label),
	);
	return [...new Set(labels)].filter((label) => label !== "le");
}
