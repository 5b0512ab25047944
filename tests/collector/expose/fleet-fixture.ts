/**
 * A store that holds plain data: devices, agents, samples, sums, gaps and inputs as a test writes them.
 *
 * It implements the interface that the rest of the collector asks; it decides nothing of its own.
 */

import { advance, createMeter } from "../../../collector/derive/energy.js";
import { eventOf } from "../../../collector/derive/events.js";
import { sumsOfRuns } from "../../../collector/derive/intervals.js";
import {
	entryAt,
	type InventoryEntries,
	type InventoryEntry,
	placedDescription,
} from "../../../collector/derive/placement.js";
import { effectiveRates } from "../../../collector/derive/power.js";
import { stepEdges } from "../../../collector/derive/steps.js";
import type { ViewOptions } from "../../../collector/expose/view.js";
import {
	type AgentState,
	agentKey,
	type Columns,
	type DeviceState,
	type GapEntry,
	type IntervalSums,
	type LatestReading,
	type SeriesStore,
	type Shape,
	type StepColumns,
	type StepsQuery,
	type StoredInput,
	type StoredStatement,
	type StoreStatistics,
	type SumLabel,
} from "../../../collector/store/device-state.js";
import { rollUp, rollUpAgain } from "../../../collector/store/rollup.js";
import { asColumns } from "../../../collector/store/runs.js";
import { sumsRun } from "../../../collector/store/sums.js";
import type { Clock } from "../../../shared/clock.js";
import type { Component, DeviceDescription } from "../../../shared/device.js";
import {
	MEASUREMENTS,
	type MeasurementName,
	POWER_BOUNDARIES,
	POWER_SOURCES,
} from "../../../shared/measurements.js";
import { type MonotonicMilliseconds, quantity, type UnixMilliseconds } from "../../../shared/units.js";

export const NOW = Date.UTC(2026, 10, 22, 12, 0, 0);

export const ms = (value: number) => quantity<UnixMilliseconds>(value);

export const VIEW_OPTIONS: ViewOptions = {
	version: "0.1.0",
	site: "west",
	timeZone: "America/Chicago",
	isDemo: false,
	power: { hostOverheadRatio: 1.25, hostOverheadWatts: 0 },
	money: { siteOverheadRatio: 1 },
	temperatureLimits: { chip: 95, board: 85, gpu: 87, memory: 100, psu: 85, voltageRegulator: 105 },
};

export const INPUT_VALUES = {
	bitcoinDifficulty: 132_716_002_350_731.3,
	blockHeight: 925_000,
	feesBitcoinPerBlock: 0.01937788,
	bitcoinPriceUsd: 85_956.45,
	poolFeeRatio: 0.02,
	powerPriceUsdPerMegawattHour: 50,
	gpuHourPriceUsd: 2,
	gpuRentedRatio: 0.8,
} as const;

export function storedInput(name: string, value: number, more: Partial<StoredInput> = {}): StoredInput {
	return {
		name,
		value,
		unit: "",
		source: "test",
		observedAt: ms(NOW - 3_600_000),
		validFrom: ms(NOW - 365 * 86_400_000),
		knownFrom: ms(NOW - 3_600_000),
		isExample: false,
		...more,
	};
}

export const STORED_INPUTS: readonly StoredInput[] = Object.entries(INPUT_VALUES).map(([name, value]) =>
	storedInput(name, value),
);

export const AGENT: AgentState = {
	agent: "hall-1",
	site: "west",
	isConnected: true,
	since: ms(NOW - 86_400_000),
	lastRecordAt: ms(NOW - 1_000),
	backlogRecords: 0,
	clockOffsetMilliseconds: 12,
	gapOutcomes: 3,
	gapsByReason: { outbox_full: { gaps: 1, outcomes: 3 } },
	conservation: { made: 1_003, held: 10, stored: 990, missing: 3, refused: 0, unaccounted: 0 },
};

export type Values = Readonly<Partial<Record<MeasurementName, number>>>;
export type Part = Component & { readonly values: Values };

const SHAPES = new Map<string, Shape>();

/** Devices with the same columns share one shape, as in the store. */
export function reading(at: number, values: Values, parts: readonly Part[] = []): LatestReading {
	const cells = [
		...Object.entries(values).map(([name, value]) => ({ name, value, component: undefined })),
		...parts.flatMap(({ part, key, values: own }) =>
			Object.entries(own).map(([name, value]) => ({ name, value, component: { part, key } })),
		),
	];
	const hash = cells
		.map(({ name, component }) => `${name} ${component?.part ?? ""} ${component?.key ?? ""}`)
		.join("\n");
	const shape = SHAPES.get(hash) ?? {
		hash,
		columns: cells.map(({ name, component }) => ({
			measurement: name,
			decimals: name in MEASUREMENTS ? MEASUREMENTS[name as MeasurementName].decimals : 0,
			...(component === undefined ? {} : { component }),
		})),
	};
	SHAPES.set(hash, shape);
	return { at: ms(at), shape, values: Float64Array.from(cells, ({ value }) => value), errorCodes: [] };
}

export type DeviceWish = {
	readonly key: string;
	readonly description?: Partial<DeviceDescription>;
	readonly values?: Values;
	readonly parts?: readonly Part[];
	readonly state?: Partial<DeviceState>;
	/** Seconds before now. */
	readonly age?: number;
};

let numbers = 0;

/** A device that answered every ten seconds for five minutes with the same values. */
export function device({
	key,
	description,
	values = {},
	parts = [],
	state,
	age = 2,
}: DeviceWish): DeviceState {
	numbers += 1;
	const full: DeviceDescription = {
		endpoint: `127.0.0.1:${10_000 + numbers}`,
		kind: "miner",
		driver: "antminer-stock-cgi",
		make: "Bitmain",
		model: "Antminer S21",
		algorithm: "sha256",
		rack: "A1",
		pollIntervalSeconds: 10,
		...description,
	};
	const latest = reading(NOW - age * 1_000, values, parts);
	const meter = createMeter();
	for (let seconds = 300; seconds >= 0; seconds -= 10) {
		const at = latest.at - seconds * 1_000;
		const rates = effectiveRates({ description: full, latest }, VIEW_OPTIONS.power);
		advance(meter, at, rates, full.pollIntervalSeconds);
	}
	return {
		number: numbers,
		key,
		site: "west",
		agent: "hall-1",
		isClaim: false,
		description: full,
		firstSeenAt: ms(NOW - 86_400_000),
		latest,
		isAnswering: true,
		answeringSince: ms(NOW - 7_200_000),
		lastAttemptAt: latest.at,
		meter,
		pollsByResult: { ok: 30 },
		backfilledByResult: {},
		faultsByCode: {},
		...state,
	};
}

export const REPORTED = POWER_SOURCES.indexOf("reported");
export const WALL = POWER_BOUNDARIES.indexOf("wall");

export function miner(key: string, more: Partial<DeviceWish> = {}): DeviceState {
	return device({
		key,
		values: {
			hashrateTerahashesPerSecond: 200,
			powerWatts: 3_500,
			powerSource: REPORTED,
			powerBoundary: WALL,
			chipTemperatureCelsius: 71.5,
			operatingState: 0,
			sharesAccepted: 1_234,
			frequencyMegahertz: 490.125,
		},
		parts: [
			{ part: "board", key: "0", values: { chipTemperatureCelsius: 71.5, boardTemperatureCelsius: 60 } },
			{ part: "board", key: "1", values: { chipTemperatureCelsius: 68, boardTemperatureCelsius: 58 } },
			{ part: "fan", key: "0", values: { fanSpeedRevolutionsPerMinute: 5_880 } },
		],
		...more,
	});
}

export function gpuHost(key: string, more: Partial<DeviceWish> = {}): DeviceState {
	return device({
		key,
		description: {
			kind: "gpu-host",
			driver: "nvidia-smi",
			make: "NVIDIA",
			model: "8x H100",
			rack: "G1",
			algorithm: undefined as never,
		},
		values: { gpuCount: 2 },
		parts: ["GPU-a", "GPU-b"].map((uuid) => ({
			part: "gpu" as const,
			key: uuid,
			values: {
				powerWatts: 600,
				powerSource: REPORTED,
				powerBoundary: POWER_BOUNDARIES.indexOf("gpu"),
				gpuTemperatureCelsius: 60,
				gpuUtilizationRatio: uuid === "GPU-a" ? 1 : 0.5,
			},
		})),
		...more,
	});
}

export type StoreWish = {
	readonly devices?: readonly DeviceState[];
	readonly agents?: readonly AgentState[];
	readonly inputs?: readonly StoredInput[];
	readonly pieces?: (deviceNumber: number) => readonly Columns[];
	/** Pieces of an answer by steps; made from `pieces` where absent. */
	readonly steps?: (query: StepsQuery) => readonly StepColumns[];
	/** Rows of the five-minute tier. */
	readonly sums?: readonly IntervalSums[];
	/** Rows of the one-minute tier. */
	readonly minuteSums?: readonly IntervalSums[];
	readonly gaps?: readonly GapEntry[];
	/** Of racks and sites; a device's own stands in its state. */
	readonly inventory?: ReadonlyMap<string, InventoryEntries>;
	readonly statistics?: Partial<StoreStatistics>;
};

export type PlainStore = SeriesStore & {
	put(state: DeviceState): void;
	remove(key: string): void;
	putAgent(agent: AgentState): void;
	set(statistics: Partial<StoreStatistics>): void;
};

export function plainStore(wish: StoreWish = {}): PlainStore {
	const devices = new Map((wish.devices ?? []).map((state) => [state.key, state]));
	const agents = new Map((wish.agents ?? [AGENT]).map((agent) => [agentKey(agent), agent]));
	let inventory: ReadonlyMap<string, InventoryEntries> = wish.inventory ?? new Map();
	const statements = new Map<string, StoredStatement>();
	let statistics: StoreStatistics = {
		inboxRecords: 1,
		recordsCommitted: 1_000,
		outcomesCommitted: 30_000,
		samplesCommitted: 900_000,
		duplicatesIgnored: 2,
		recordsRejected: 0,
		eventsDropped: 0,
		commits: 500,
		commitSeconds: 1.25,
		fileBytes: 4_096,
		chunks: 7,
		damagedChunks: 0,
		isWriteBlocked: false,
		...wish.statistics,
	};
	return {
		devices: () => devices,
		agents: () => agents,
		inputs: () => wish.inputs ?? STORED_INPUTS,
		inventory: () => inventory,
		putInventory: async (histories) => {
			inventory = new Map([...inventory, ...histories]);
			for (const [key, state] of devices)
				devices.set(key, placedState(state, entryAt(inventory.get(`device ${key}`), NOW)));
		},
		statistics: () => statistics,
		async *select({ deviceNumber, from, to, columns }) {
			for (const piece of wish.pieces?.(deviceNumber) ?? []) yield within(piece, from, to, columns);
		},
		async *selectDevices({ deviceNumbers, from, to, columns }) {
			for (const deviceNumber of deviceNumbers)
				for (const piece of wish.pieces?.(deviceNumber) ?? [])
					yield { deviceNumber, ...within(piece, from, to, columns) };
		},
		async *selectSteps(query) {
			if (wish.steps !== undefined) yield* wish.steps(query);
			else yield stepsOf(query, wish, devices);
		},
		intervalSums: async ({ from, to, tierSeconds = 300 }) =>
			((tierSeconds === 60 ? wish.minuteSums : wish.sums) ?? []).filter(
				(row) => row.from >= from && row.from < to,
			),
		// A row a device is a sum of one: whoever adds rows up gets the same.
		fleetSums: async ({ from, to, tierSeconds, by }) =>
			((tierSeconds === 60 ? wish.minuteSums : wish.sums) ?? [])
				.filter((row) => row.from >= from && row.from < to)
				.map((row) => ({
					...row,
					label: by === undefined ? "" : labelOf([...devices.values()], row.deviceNumber, by),
					isGpu: row.gpuSeconds > 0,
					tierSeconds,
				})),
		statement: async (month) => statements.get(month),
		terms: async () => [],
		putStatement: async (one) => void statements.set(one.month, one),
		losses: async () => [],
		gaps: async ({ from, to }) => (wish.gaps ?? []).filter((gap) => gap.from < to && gap.to > from),
		put: (state) => void devices.set(state.key, state),
		remove: (key) => void devices.delete(key),
		putAgent: (agent) => void agents.set(agentKey(agent), agent),
		events: async ({ from, limit }) =>
			["m1", "m2"]
				.map((device) =>
					eventOf({
						at: from + 1,
						kind: "limit-crossed",
						site: "austin",
						device,
						value: 91,
						limit: 90,
						unit: "°C",
					}),
				)
				.slice(0, limit),
		newEvents: (mark = 0) => ({ mark, events: [] }),
		eventCounts: () => [{ site: "austin", kind: "down", count: 3 }],
		set(changed) {
			statistics = { ...statistics, ...changed };
		},
	};
}

function placedState(state: DeviceState, entry: InventoryEntry | undefined): DeviceState {
	const { inventory: _, ...rest } = state;
	return {
		...rest,
		description: placedDescription(state.description, entry),
		...(entry === undefined ? {} : { inventory: entry }),
	};
}

function stepsOf(
	{ deviceNumber, from, to, stepSeconds, columns }: StepsQuery,
	wish: StoreWish,
	devices: ReadonlyMap<string, DeviceState>,
): StepColumns {
	const edges = stepEdges(stepSeconds, VIEW_OPTIONS.timeZone);
	const [start, end] = [edges(from).start, edges(to - 1).end];
	const all = wish.pieces?.(deviceNumber) ?? [];
	const rolled = all.map((piece) => rollUp(within(piece, start, end, columns), edges));
	const found = [...devices.values()].find(({ number }) => number === deviceNumber);
	const step = stepSeconds * 1_000;
	const range = { from: start, to: end, intervalMilliseconds: step };
	const sums =
		found === undefined
			? new Float64Array(0)
			: sumsOfRuns({ number: deviceNumber, description: found.description }, all, range, VIEW_OPTIONS.power);
	const run = rollUpAgain([...rolled, sumsRun({ from: start, step }, sums)], edges);
	return { ...asColumns(run), tierSeconds: stepSeconds };
}

function labelOf(states: readonly DeviceState[], number: number, by: SumLabel): string {
	const state = states.find((one) => one.number === number);
	const { site, inventory } = state ?? {};
	const { rack, model } = state?.description ?? {};
	return { site, rack, model, owner: inventory?.owner, use: inventory?.use }[by] ?? "";
}

type WantedColumns = Parameters<SeriesStore["select"]>[0]["columns"];

function within(piece: Columns, from: number, to: number, wanted: WantedColumns): Columns {
	const rows = [...piece.times.keys()].filter((row) => {
		const at = piece.times[row] ?? 0;
		return at >= from && at < to;
	});
	const pick = (column: Float64Array) => Float64Array.from(rows, (row) => column[row] ?? Number.NaN);
	const places = [...piece.columns.keys()].filter((index) => {
		const column = piece.columns[index];
		return (
			wanted === undefined ||
			wanted.some(
				({ measurement, component }) =>
					measurement === column?.measurement &&
					component?.part === column?.component?.part &&
					component?.key === column?.component?.key,
			)
		);
	});
	return {
		columns: places.flatMap((index) => piece.columns[index] ?? []),
		times: pick(piece.times),
		values: places.map((index) => pick(piece.values[index] ?? new Float64Array())),
	};
}

/** A clock that stands until it is moved; timers run when their time has come. */
export function standingClock(start = NOW): Clock & { advance(milliseconds: number): void } {
	let elapsed = 0;
	let timers: { at: number; run: () => void; every?: number }[] = [];
	const add = (milliseconds: number, run: () => void, every?: number) => {
		const timer = { at: elapsed + milliseconds, run, ...(every === undefined ? {} : { every }) };
		timers.push(timer);
		return () => {
			timers = timers.filter((each) => each !== timer);
		};
	};
	return {
		now: () => ms(start + elapsed),
		monotonic: () => quantity<MonotonicMilliseconds>(elapsed),
		after: (milliseconds, run) => add(milliseconds, run),
		soon: (run) => void add(0, run),
		every: (milliseconds, run) => add(milliseconds, run, milliseconds),
		random: () => 0.5,
		randomBytes: (count) => Buffer.alloc(count, 7),
		advance(milliseconds) {
			const until = elapsed + milliseconds;
			for (;;) {
				const next = timers.filter(({ at }) => at <= until).sort((one, other) => one.at - other.at)[0];
				if (next === undefined) break;
				elapsed = next.at;
				if (next.every === undefined) timers = timers.filter((each) => each !== next);
				else next.at += next.every;
				next.run();
			}
			elapsed = until;
		},
	};
}
