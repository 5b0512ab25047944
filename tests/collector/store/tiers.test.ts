/** Rollups of real stores against a naive model: whatever came when, however it was sealed, closed and dropped. */

import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, describe, expect, it } from "vitest";
import { zoneDayEdges } from "../../../collector/derive/steps.js";
import { encodeChunk } from "../../../collector/store/chunk.js";
import type { StepColumns } from "../../../collector/store/device-state.js";
import { Store } from "../../../collector/store/store.js";
import { FORMER_SUM_COLUMNS, SUM_COLUMNS } from "../../../collector/store/sums.js";
import { realClock } from "../../../shared/clock.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { definitionText, hashOf, type ShapeDefinition } from "../../../shared/wire/definition.js";
import type { RecordOutcome } from "../../../shared/wire/outcome.js";
import { encodeOutcomes } from "../../../shared/wire/record.js";
import { deviceAt, EPOCH, randomOf, timeAt } from "../../shared/wire/examples.js";
import { decodeViews } from "./decode-views.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NARROW: ShapeDefinition = {
	kind: "shape",
	columns: [
		{ measurement: "hashrateTerahashesPerSecond", decimals: 6 },
		{ measurement: "powerWatts", decimals: 3 },
	],
};
/** A sensor appears. */
const WIDE: ShapeDefinition = {
	kind: "shape",
	columns: [
		{ measurement: "boardTemperatureCelsius", component: { part: "board", key: "0" }, decimals: 4 },
		...NARROW.columns,
	],
};
const DEVICES = [1, 2, 9].map((number) =>
	deviceAt(`10.0.0.${number}:80`, { serial: `S${number}`, rack: `r${number % 2}`, pollIntervalSeconds: 60 }),
);

type Reading = {
	readonly at: number;
	readonly device: number;
	readonly values?: Readonly<Record<string, number>>;
};

/** About two days of three devices, every one to four minutes, with failures, gaps and a sensor that appears. */
function fleet(from: number, seed: number, days = 2): readonly Reading[] {
	const random = randomOf(seed);
	const readings: Reading[] = [];
	for (const device of DEVICES.keys()) {
		for (let at = from + Math.floor(random() * MINUTE); at < from + days * DAY; ) {
			const isFailure = random() < 0.1;
			const sensor =
				at > from + 0.7 * DAY ? { boardTemperatureCelsius: Math.round(random() * 800) / 16 } : {};
			const values = {
				hashrateTerahashesPerSecond: Math.round(random() * 2e8) / 1e6,
				powerWatts: Math.round(random() * 3e6) / 1e3,
				...sensor,
			};
			readings.push(isFailure ? { at, device } : { at, device, values });
			at += Math.round(MINUTE * (1 + 3 * random())) + (random() < 0.01 ? 3 * HOUR : 0);
		}
	}
	return readings.sort((one, other) => one.at - other.at);
}

let folders: string[] = [];
let stores: Store[] = [];
afterEach(async () => {
	for (const store of stores) await store.close();
	for (const folder of folders) rmSync(folder, { recursive: true, force: true });
	folders = [];
	stores = [];
});

function newFolder(): string {
	const folder = mkdtempSync(path.join(tmpdir(), "tiers-"));
	folders.push(folder);
	return folder;
}

type World = {
	store: Store;
	readonly folder: string;
	now: number;
	sequence: number;
	readonly timeZone: string;
};

async function world(now: number, timeZone = "UTC"): Promise<World> {
	const made = { folder: newFolder(), now, sequence: 0, timeZone } as World;
	made.store = await opened(made);
	return made;
}

async function opened(own: World): Promise<Store> {
	const clock = { ...realClock, now: () => quantity<UnixMilliseconds>(own.now) };
	const power = { hostOverheadRatio: 1.2, hostOverheadWatts: 0 };
	const { folder, timeZone } = own;
	const store = await Store.open({ folder, clock, maxDevices: 100, power, timeZone });
	stores.push(store);
	return store;
}

async function restart(own: World): Promise<void> {
	await own.store.close();
	stores = stores.filter((store) => store !== own.store);
	own.store = await opened(own);
}

async function arrive(own: World, readings: readonly Reading[]): Promise<void> {
	for (const definition of [NARROW, WIDE, ...DEVICES])
		own.store.define(hashOf(definition), definitionText(definition), definition);
	for (let first = 0; first < readings.length; first += 50) {
		const some = readings.slice(first, first + 50);
		const wall = Math.max(...some.map(({ at }) => at));
		const time = timeAt(wall);
		const outcomes = some.map(({ at, device, values }): RecordOutcome => {
			const shape = values !== undefined && "boardTemperatureCelsius" in values ? WIDE : NARROW;
			const common = {
				device: hashOf(DEVICES[device] ?? deviceAt("")),
				measuredAt: time.monotonic - (wall - at),
				tookMilliseconds: 1,
			};
			if (values === undefined) return { kind: "failure", ...common, code: "DEVICE_TIMEOUT", what: "None." };
			const row = Float64Array.from(shape.columns, ({ measurement }) => values[measurement] ?? Number.NaN);
			return { kind: "reading", ...common, shape: hashOf(shape), values: row, errorCodes: [], faults: [] };
		});
		own.sequence += 1;
		const shapes = new Map([NARROW, WIDE].map((shape) => [hashOf(shape), shape]));
		const bytes = encodeOutcomes(time, outcomes, (hash) => shapes.get(hash));
		const record = { agent: "a", site: "austin", epoch: EPOCH, offset: 0, receivedAt: own.now, bytes };
		const [told] = await own.store.commit([{ ...record, sequence: own.sequence }]);
		expect(told?.rejected).toBeUndefined();
	}
}

type Step = { sum: number; count: number; min: number; max: number; last: number };

function naive(readings: readonly Reading[], device: number, name: string, startOf: (at: number) => number) {
	const steps = new Map<number, Step>();
	for (const { at, device: own, values } of readings) {
		const value = values?.[name];
		if (own !== device || value === undefined) continue;
		const before = steps.get(startOf(at));
		const { sum = 0, count = 0, min = value, max = value } = before ?? {};
		const step = { sum: sum + value, count: count + 1, min: Math.min(min, value), max: Math.max(max, value) };
		steps.set(startOf(at), { ...step, last: value });
	}
	return [...steps].sort(([one], [other]) => one - other);
}

async function stepsOf(
	{ store }: World,
	{ from, to, stepSeconds, device = 0 }: { from: number; to: number; stepSeconds: number; device?: number },
): Promise<readonly StepColumns[]> {
	const pieces: StepColumns[] = [];
	const found = store.devices().get(`S${[1, 2, 9][device]}`);
	const range = { from: quantity<UnixMilliseconds>(from), to: quantity<UnixMilliseconds>(to) };
	for await (const piece of store.selectSteps({ deviceNumber: found?.number ?? 0, ...range, stepSeconds }))
		pieces.push(piece);
	return pieces;
}

function found(pieces: readonly StepColumns[], name: string) {
	return pieces.flatMap(({ columns, times, values }) => {
		const column = (aggregate: string) =>
			values[columns.findIndex(({ measurement }) => measurement === `${name}:${aggregate}`)];
		const [sum, count, min, max, last] = ["sum", "count", "min", "max", "last"].map(column);
		return Array.from(times, (at, row) => {
			const of = (values_: Float64Array | undefined) => values_?.[row] ?? Number.NaN;
			return [at, { sum: of(sum), count: of(count), min: of(min), max: of(max), last: of(last) }] as const;
		}).filter(([, { count: counted }]) => !Number.isNaN(counted));
	});
}

function expectSteps(actual: ReturnType<typeof found>, expected: ReturnType<typeof naive>): void {
	expect(actual.map(([at, { sum: _, ...rest }]) => [at, rest])).toEqual(
		expected.map(([at, { sum: _, ...rest }]) => [at, rest]),
	);
	const off = expected.filter(
		([, { sum }], index) => !(Math.abs((actual[index]?.[1].sum ?? 0) - sum) < 5e-6),
	);
	expect(off).toEqual([]);
}

/** Everything in the files of tiers, byte for byte. */
async function tierBytes(own: World): Promise<readonly string[]> {
	const { folder } = own;
	await own.store.close();
	const names = readdirSync(folder).filter((name) => /^(minute|five-minute|hour|day)-.*\.db$/.test(name));
	return names.sort().flatMap((name) => {
		const database = new Database(path.join(folder, name), { readonly: true });
		const rows = ["rows", "sums"].flatMap((table) =>
			(database.prepare(`SELECT key, hex(bytes) AS bytes FROM ${table} ORDER BY key`).all() as object[]).map(
				(row) => `${name} ${table} ${JSON.stringify(row)}`,
			),
		);
		const fleetRows = database
			.prepare("SELECT key, labels, hex(bytes) AS bytes FROM fleet ORDER BY 1, 2")
			.all();
		database.close();
		return [...rows, ...fleetRows.map((row) => `${name} fleet ${JSON.stringify(row)}`)];
	});
}

const START = Date.UTC(2026, 10, 20);

describe("steps", () => {
	it.each([
		["UTC", START, [20, 60, 90, 300, 900, 3_600, 86_400]],
		// Clocks go back by an hour: a day of 25 hours.
		["Europe/Berlin", Date.UTC(2026, 9, 24), [86_400]],
		["America/Chicago", Date.UTC(2026, 9, 31), [86_400]],
		// And forward: a day of 23 hours.
		["Europe/Berlin", Date.UTC(2026, 2, 28), [86_400]],
		["America/Chicago", Date.UTC(2026, 2, 7), [86_400]],
		["Asia/Kathmandu", START, [86_400]],
	])(
		"in %s from %d on, of %j s, are those of a naive model before closing, after it and after a restart",
		async (zone, from, steps) => {
			const readings = fleet(from, from, 3);
			const own = await world(from + 3 * DAY + HOUR, zone);
			await arrive(own, readings);
			await own.store.seal();
			const edges = zoneDayEdges(zone);
			const checkSteps = async (stepSeconds: number) => {
				const startOf = (at: number) =>
					stepSeconds === 86_400
						? edges(at).start
						: Math.floor(at / (stepSeconds * 1_000)) * stepSeconds * 1_000;
				for (const device of DEVICES.keys()) {
					const pieces = await stepsOf(own, { from: from - DAY, to: from + 4 * DAY, stepSeconds, device });
					expect(pieces.map(({ tierSeconds }) => tierSeconds)).toEqual([stepSeconds]);
					for (const name of ["powerWatts", "boardTemperatureCelsius"])
						expectSteps(found(pieces, name), naive(readings, device, name, startOf));
				}
			};
			const check = async () => {
				for (const stepSeconds of steps) await checkSteps(stepSeconds);
			};
			await check();
			await own.store.retention.closeTiers();
			expect(readdirSync(own.folder).filter((name) => /^minute-.*db$/.test(name)).length).toBe(3);
			await check();
			await restart(own);
			await check();
		},
		60_000,
	);
});

describe("the bytes of all tiers", () => {
	const readings = fleet(START, 77);
	const now = START + 2 * DAY + HOUR;
	// Devices get their numbers as they come.
	const first = DEVICES.flatMap((_, device) => readings.find((reading) => reading.device === device) ?? []);
	let expected: readonly string[] = [];

	it("hold three devices where everything came in order", async () => {
		const straight = await world(now, "America/Chicago");
		await arrive(straight, [...first, ...readings.filter((reading) => !first.includes(reading))]);
		await straight.store.seal();
		await straight.store.retention.closeTiers();
		expect(straight.store.devices().size).toBe(3);
		expected = await tierBytes(straight);
		expect(expected.length).toBeGreaterThan(20);
	});

	it.each([1, 2, 3, 4])("are the same in whatever other order it came, run %d", async (seed) => {
		const random = randomOf(seed);
		const own = await world(now, "America/Chicago");
		const late = readings.filter((reading) => !first.includes(reading) && random() < 0.3);
		const rest = readings.filter((reading) => !late.includes(reading) && !first.includes(reading));
		await arrive(own, first);
		for (let place = 0; place < rest.length; place += 400) {
			await arrive(own, rest.slice(place, place + 400));
			if (random() < 0.5) await own.store.seal({ all: random() < 0.5 });
			if (random() < 0.3) await own.store.retention.closeTiers();
		}
		await own.store.seal();
		await own.store.retention.closeTiers();
		expect(await tierBytes(own)).not.toEqual(expected);
		await restart(own);
		const shuffled = late.map((reading) => ({ reading, place: random() })).sort((a, b) => a.place - b.place);
		for (let first = 0; first < shuffled.length; first += 300) {
			await arrive(
				own,
				shuffled.slice(first, first + 300).map(({ reading }) => reading),
			);
			if (random() < 0.5) await own.store.seal({ all: true });
			if (random() < 0.3) await own.store.retention.closeTiers();
			if (random() < 0.2) await restart(own);
		}
		await own.store.seal();
		await own.store.retention.closeTiers();
		expect(await tierBytes(own)).toEqual(expected);
	});
});

describe("retention", () => {
	it("makes the tiers before it drops the readings, and answers go on, coarser as finer tiers go", async () => {
		const readings = fleet(START, 5);
		const own = await world(START + 2 * DAY + HOUR);
		await arrive(own, readings);
		await own.store.seal();
		const hours = (at: number) => Math.floor(at / HOUR) * HOUR;
		const span = { from: START, to: START + 2 * DAY };
		expect(await own.store.retention.dropBefore({ raw: START + 2 * DAY })).toEqual([
			"2026-11-20",
			"2026-11-21",
		]);
		expect(readdirSync(own.folder).filter((name) => name.startsWith("raw-"))).toEqual([]);
		const asked = async (stepSeconds: number) => await stepsOf(own, { ...span, stepSeconds });
		expectSteps(found(await asked(3_600), "powerWatts"), naive(readings, 0, "powerWatts", hours));
		expect((await asked(10)).map(({ tierSeconds }) => tierSeconds)).toEqual([60]);
		await own.store.retention.dropBefore({ raw: 0, minute: START + DAY });
		expect((await asked(60)).map(({ tierSeconds }) => tierSeconds)).toEqual([300, 60]);
		await own.store.retention.dropBefore({ raw: 0, minute: START + 2 * DAY, fiveMinute: START + 40 * DAY });
		expect((await asked(300)).map(({ tierSeconds }) => tierSeconds)).toEqual([3_600]);
		expectSteps(found(await asked(300), "powerWatts"), naive(readings, 0, "powerWatts", hours));
		await own.store.retention.dropBefore({ raw: 0, hour: START + 400 * DAY });
		const days = await asked(300);
		expect(days.map(({ tierSeconds }) => tierSeconds)).toEqual([86_400]);
		expectSteps(
			found(days, "powerWatts"),
			naive(readings, 0, "powerWatts", (at) => Math.floor(at / DAY) * DAY),
		);
	});

	it("keeps a day of which something is not sealed yet", async () => {
		const own = await world(START + HOUR);
		await arrive(
			own,
			fleet(START, 5, 1).filter(({ at }) => at < START + HOUR),
		);
		expect(await own.store.retention.dropBefore({ raw: START + DAY })).toEqual([]);
		await own.store.seal({ all: true });
		expect(existsSync(path.join(own.folder, "raw-2026-11-20.db"))).toBe(true);
	});

	it("adds what comes for a day that was dropped to its tiers", async () => {
		const readings = fleet(START, 5, 1);
		const late = readings.filter(({ at }) => at > START + 6 * HOUR && at < START + 8 * HOUR);
		const own = await world(START + 2 * DAY);
		await arrive(
			own,
			readings.filter((reading) => !late.includes(reading)),
		);
		await own.store.seal();
		await own.store.retention.dropBefore({ raw: START + DAY });
		await arrive(own, late);
		await own.store.seal();
		await own.store.retention.closeTiers();
		const steps = await stepsOf(own, { from: START, to: START + DAY, stepSeconds: 3_600 });
		const hours = (at: number) => Math.floor(at / HOUR) * HOUR;
		expectSteps(found(steps, "powerWatts"), naive(readings, 0, "powerWatts", hours));
		expect(await own.store.retention.dropBefore({ raw: START + DAY })).toEqual(["2026-11-20"]);
		const days = await stepsOf(own, { from: START, to: START + DAY, stepSeconds: 86_400 });
		expectSteps(
			found(days, "powerWatts"),
			naive(readings, 0, "powerWatts", () => START),
		);
	});

	it("lists its files, oldest first, and drops one by its name, readings only with their tiers made", async () => {
		const own = await world(START + 2 * DAY + HOUR);
		await arrive(own, fleet(START, 5));
		await own.store.seal();
		expect(await own.store.retention.dropFile("raw-2026-11-20.db")).toBe(true);
		const files = await own.store.retention.tierFiles();
		expect(files.map(({ name, tier }) => [name, tier])).toEqual([
			["minute-2026-11-20.db", "minute"],
			["raw-2026-11-21.db", "raw"],
			["five-minute-2026-11.db", "five-minute"],
			["day-2026.db", "day"],
			["hour-2026.db", "hour"],
		]);
		expect(files.every(({ bytes, from, to }) => bytes > 0 && from < to)).toBe(true);
		expect(await own.store.retention.dropFile("fleetwatt.db")).toBe(false);
	});
});

/** Of a device of a few watts: a day's sums of it fit 32 bits where they are coarse. */
function tiny({ values, ...reading }: Reading): Reading {
	if (values === undefined) return reading;
	const small = Object.entries(values).map(([name, value]) => [name, Math.round(value) / 1_000]);
	return { ...reading, values: Object.fromEntries(small) };
}

const [, COARSE] = FORMER_SUM_COLUMNS;

/** Sums over the fleet as they were kept before: to a tenth of a joule and a thousandth of a terahash. */
function coarsen(name: string): void {
	const file = new Database(name);
	const rows = file.prepare<[], { key: number; labels: string; bytes: Buffer }>("SELECT * FROM fleet").all();
	for (const { key, labels, bytes } of rows) {
		const decoded = decodeViews(bytes, SUM_COLUMNS);
		if (!decoded.ok) throw new Error(decoded.failure.what);
		const { columns, times, values } = decoded.columns;
		const kept = COARSE.map(({ measurement, decimals }) => {
			const place = columns.findIndex((column) => column.measurement === measurement);
			return Float64Array.from(times, (_, row) => Number((values[place]?.[row] ?? 0).toFixed(decimals)));
		});
		const body = encodeChunk({ columns: COARSE, times, values: kept });
		file.prepare("UPDATE fleet SET bytes = ? WHERE key = ? AND labels = ?").run(body, key, labels);
	}
	expect(rows.length).toBeGreaterThan(0);
	file.close();
}

describe("sums over the fleet", () => {
	const LABELS = ["rack", "model", "use", "owner", "site"] as const;

	it("of files that keep tenths of a joule are read as they are, and those of a year go on beside finer ones", async () => {
		const own = await world(START + 2 * DAY + HOUR);
		const isStill = ({ device, at }: Reading) =>
			DEVICES[device]?.device.rack === "r0" && at > START + 2 * DAY - HOUR;
		const first = fleet(START, 9, 2).filter((reading) => !isStill(reading));
		await arrive(own, first.map(tiny));
		await own.store.seal({ all: true });
		await own.store.retention.closeTiers();
		const [from, to] = [quantity<UnixMilliseconds>(START), quantity<UnixMilliseconds>(START + 2 * DAY)];
		const asked = async () => {
			const found: number[] = [];
			for (const tierSeconds of [300, 3_600, 86_400] as const)
				for (const row of await own.store.fleetSums({ from, to, tierSeconds, by: "rack" }))
					found.push(row.joules, row.terahashes, row.joulesWithWork, row.secondsUp);
			return found;
		};
		const fine = await asked();
		await own.store.close();
		stores = stores.filter((store) => store !== own.store);
		for (const name of readdirSync(own.folder).filter((file) => /^(five-minute|hour|day)-.*\.db$/.test(file)))
			coarsen(path.join(own.folder, name));
		own.store = await opened(own);
		const coarse = await asked();
		expect(coarse).not.toEqual(fine);
		const isNear = (found: readonly number[]) =>
			found.length === fine.length &&
			found.every((one, index) => Math.abs(one - (fine[index] ?? 0)) <= 0.051);
		expect(isNear(coarse)).toBe(true);
		// The third day, of one rack alone, is written into the same year, beside the two that are there.
		own.now += DAY;
		const third = fleet(START + 2 * DAY, 10, 1).filter((reading) => !isStill(reading));
		await arrive(own, third.map(tiny));
		await own.store.seal({ all: true });
		await own.store.retention.closeTiers();
		expect(isNear(await asked())).toBe(true);
	});

	it.each([
		["UTC", [300, 3_600, 86_400]],
		["Europe/Berlin", [86_400]],
	] as const)(
		"in %s, of %j s, are the same from readings, from tiers and after the readings are gone",
		async (zone, tiers) => {
			const own = await world(START + 3 * DAY + HOUR, zone);
			await arrive(own, fleet(START, 9, 3));
			await own.store.seal();
			const [from, to] = [quantity<UnixMilliseconds>(START), quantity<UnixMilliseconds>(START + 3 * DAY)];
			const asked = async (tierSeconds: (typeof tiers)[number], by?: (typeof LABELS)[number]) =>
				Array.from(
					await own.store.fleetSums({ from, to, tierSeconds, ...(by === undefined ? {} : { by }) }),
					({ from: at, label, joules, terahashes, tierSeconds: own_ }) => ({
						at,
						label,
						joules: Math.round(joules * 1e5),
						terahashes: Math.round(terahashes * 1e6),
						own_,
					}),
				).sort((one, other) => one.at - other.at || (one.label < other.label ? -1 : 1));
			const askedAll = async () => {
				const answers = [];
				for (const tier of tiers) {
					const byLabel = [];
					for (const label of LABELS) byLabel.push(await asked(tier, label));
					answers.push({ tier, all: await asked(tier), racks: byLabel[0] ?? [], byLabel });
				}
				return answers;
			};
			const before = await askedAll();
			for (const { racks } of before)
				expect(new Set(racks.map(({ label }) => label))).toEqual(new Set(["r0", "r1"]));
			await own.store.retention.closeTiers();
			expect(await askedAll()).toEqual(before);
			await own.store.retention.dropBefore({ raw: START + 3 * DAY });
			expect(await askedAll()).toEqual(before);
			// As files were before sums by one label stood ready in them.
			await own.store.close();
			stores = stores.filter((store) => store !== own.store);
			for (const name of readdirSync(own.folder).filter((file) =>
				/^(five-minute|hour|day)-.*\.db$/.test(file),
			)) {
				const file = new Database(path.join(own.folder, name));
				const { changes } = file.prepare("DELETE FROM fleet WHERE labels LIKE '{\"by\"%'").run();
				expect(changes).toBeGreaterThan(0);
				file.close();
			}
			own.store = await opened(own);
			expect(await askedAll()).toEqual(before);
			await own.store.retention.dropBefore({ raw: 0, minute: START + 3 * DAY, fiveMinute: START + 60 * DAY });
			for (const { tier, all } of before) {
				const left = await asked(tier);
				expect(left.map(({ own_ }) => own_)).toEqual(left.map(() => Math.max(3_600, tier)));
				const joules = (rows: typeof all) => rows.reduce((sum, row) => sum + row.joules, 0);
				expect(Math.abs(joules(left) - joules(all))).toBeLessThan(all.length * 1e4);
			}
		},
	);
});
