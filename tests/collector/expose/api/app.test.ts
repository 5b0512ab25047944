import { describe, expect, it } from "vitest";
import { ROUTES } from "../../../../collector/expose/api/routes.js";
import { SCHEMAS, type SchemaName } from "../../../../collector/expose/api/schemas.js";
import type { Columns, DeviceState, IntervalSums } from "../../../../collector/store/device-state.js";
import { AGENT, gpuHost, INPUT_VALUES, miner, ms, NOW, REPORTED, WALL } from "../fleet-fixture.js";
import { complaints } from "../json-schema.js";
import { type Running, running } from "../server-fixture.js";
import { readColumns } from "./columns.js";

async function get<Answer = Record<string, unknown>>({ url }: Running, path: string) {
	const response = await fetch(`${url}/api/v1${path}`);
	return { status: response.status, headers: response.headers, answer: (await response.json()) as Answer };
}

type ErrorBody = { readonly error: { readonly code: string; readonly what: string; readonly hint: string } };

const FROM = NOW - 3_600_000;

/** One reading every ten seconds of the last hour: 3,500 W and 200 TH/s, then 1,400 W and 14 TH/s. */
function hour(): Columns {
	const rows = 360;
	const isSecondHalf = (row: number) => row >= rows / 2;
	return {
		columns: [
			{ measurement: "powerWatts", decimals: 3 },
			{ measurement: "hashrateTerahashesPerSecond", decimals: 6 },
			{ measurement: "sharesAccepted", decimals: 0 },
			{ measurement: "chipTemperatureCelsius", decimals: 3, component: { part: "board", key: "0" } },
		],
		times: Float64Array.from({ length: rows }, (_, row) => FROM + row * 10_000),
		values: [
			Float64Array.from({ length: rows }, (_, row) => (isSecondHalf(row) ? 1_400 : 3_500)),
			Float64Array.from({ length: rows }, (_, row) => (isSecondHalf(row) ? 14 : 200)),
			Float64Array.from({ length: rows }, (_, row) => row),
			Float64Array.from({ length: rows }, (_, row) => (row === 3 ? Number.NaN : 70)),
		],
	};
}

function sums(device: DeviceState, from: number, more: Partial<IntervalSums> = {}): IntervalSums {
	return {
		deviceNumber: device.number,
		from: ms(from),
		joules: 1_050_000,
		terahashes: 60_000,
		joulesWithWork: 1_050_000,
		terahashesWithPower: 60_000,
		secondsUp: 300,
		secondsDown: 0,
		gpuSeconds: 0,
		tokens: 0,
		...more,
	};
}

function site() {
	const [m1, m2, g1] = [
		miner("m1"),
		miner("m2", { description: { rack: "B2", model: "Antminer T21" } }),
		gpuHost("g1"),
	];
	const down = miner("m3", {
		state: { isAnswering: false, reason: { code: "DEVICE_TIMEOUT", what: "No answer in 5 s." } },
	});
	return running({
		devices: [m1, m2, down, g1],
		pieces: (number) => (number === m1.number ? [hour()] : []),
		sums: [
			sums(m1, FROM),
			sums(m2, FROM, {
				joules: 420_000,
				terahashes: 4_200,
				joulesWithWork: 420_000,
				terahashesWithPower: 4_200,
			}),
		],
		minuteSums: [
			sums(m1, FROM, {
				joules: 210_000,
				terahashes: 12_000,
				joulesWithWork: 210_000,
				terahashesWithPower: 12_000,
				secondsUp: 60,
			}),
			// Worked for a minute while its power was unknown.
			sums(m2, FROM + 60_000, {
				joules: 105_000,
				terahashes: 12_000,
				joulesWithWork: 105_000,
				terahashesWithPower: 6_000,
				secondsUp: 60,
			}),
		],
		gaps: [
			{
				site: "west",
				agent: "hall-1",
				from: ms(NOW - 60_000),
				to: ms(NOW - 30_000),
				reason: "outbox_full",
				outcomes: 12,
				devices: [{ device: "m1", outcomes: 7 }],
			},
			{
				site: "west",
				agent: "hall-1",
				from: ms(NOW - 20_000),
				to: ms(NOW - 10_000),
				reason: "agent_down",
				outcomes: 0,
				devices: [],
			},
		],
	});
}

const SPAN = `from=${FROM}&to=${NOW}`;
const EXAMPLES: Readonly<Record<string, string>> = {
	"/site": "/site",
	"/fleet": "/fleet",
	"/devices": "/devices?limit=10",
	"/devices/{device}": "/devices/m1",
	"/latest": "/latest?measurement=chipTemperatureCelsius",
	"/top": "/top?by=powerWatts",
	"/series": `/series?device=m1&measurement=powerWatts&measurement=efficiencyJoulesPerTerahash&${SPAN}&step=60`,
	"/series/fleet": `/series/fleet?${SPAN}&step=300`,
	"/money": `/money?${SPAN}&step=300&by=use`,
	"/what-if": `/what-if?${SPAN}&powerPriceUsdPerMegawattHour=-20`,
	"/decisions": "/decisions",
	"/statement": "/statement?month=2026-11&by=use",
	"/gaps": `/gaps?${SPAN}`,
	"/events": `/events?${SPAN}&kind=down,limit-crossed&limit=1`,
	"/inputs": "/inputs",
	"/terms": "/terms",
	"/inventory": "/inventory",
	"/openapi.json": "/openapi.json",
};

describe("the description", () => {
	// The audit log wants an administrator: door.test.ts asks for it.
	const answering = ROUTES.flatMap(({ path, method, answers, isAdmin }) =>
		answers[0] === undefined || isAdmin || method !== undefined ? [] : [{ path, answer: answers[0] }],
	);

	it.each(answering)("holds for $path: $answer", async ({ path, answer }) => {
		const example = EXAMPLES[path];
		expect(example).toBeDefined();
		const reply = await get(await site(), example ?? "");
		expect(reply.status).toBe(200);
		expect(reply.headers.get("content-type")).toBe("application/json; charset=utf-8");
		expect(reply.headers.get("cache-control")).toBe("no-store");
		expect(complaints(reply.answer, SCHEMAS[answer], SCHEMAS)).toEqual([]);
	});

	it("names every route with its parameters, and no other", async () => {
		type Document = {
			readonly openapi: string;
			readonly paths: Record<string, Record<string, { parameters: { name: string }[] }>>;
		};
		const { answer } = await get<Document>(await running(), "/openapi.json");
		expect(answer.openapi).toBe("3.1.0");
		expect(
			Object.entries(answer.paths).flatMap(([path, methods]) =>
				Object.entries(methods).map(([method, { parameters }]) => [
					`${method} ${path}`,
					parameters.map(({ name }) => name),
				]),
			),
		).toEqual(
			ROUTES.map(({ path, method = "get", parameters }) => [
				`${method} /api/v1${path}`,
				parameters.map(({ name }) => name),
			]),
		);
	});

	it("would catch an answer that is wrong: a number as text, a missing key, a key too many", () => {
		const wrong: SchemaName = "InputsAnswer";
		expect(complaints({ at: "1", more: 2 }, SCHEMAS[wrong], SCHEMAS)).toEqual([
			"$.inputs: missing",
			"$.at: string, not number",
			"$.more: not described",
		]);
	});
});

describe("GET /fleet", () => {
	it("sums what is up: 2 miners and 1 host, 8,500 W, 17.5 J/TH; one down contributes nothing", async () => {
		const { answer } = await get(await site(), "/fleet");
		expect(answer).toMatchObject({
			total: {
				devices: { up: 3, down: 1, unknown: 0 },
				powerWatts: 8_500,
				hashrateTerahashesPerSecond: 400,
				efficiencyJoulesPerTerahash: 17.5,
			},
			ai: { powerWatts: 1_500, gpuCount: 2, coverage: { powerBySource: { estimated: 1 } } },
			racks: { "west/A1": { devices: { up: 1, down: 1, unknown: 0 } }, "west/B2": { devices: { up: 1 } } },
			agents: [{ agent: "hall-1", isConnected: true }],
		});
	});

	it("has no money without inputs, rather than 0", async () => {
		const { answer } = await get(await running({ devices: [miner("m1")], inputs: [] }), "/fleet");
		expect(JSON.stringify(answer)).not.toContain("Usd");
	});
});

describe("GET /devices", () => {
	it.each([
		["?health=down", ["m3"]],
		["?rack=B2", ["m2"]],
		["?model=Antminer%20S21", ["m1", "m3"]],
		["?rack=A1&health=up", ["m1"]],
		["?limit=2", ["m1", "m2"]],
		["?limit=2&offset=3", ["g1"]],
		["?rack=nowhere", []],
	])("%s gives %j", async (query, keys) => {
		type Answer = { readonly devices: readonly { readonly device: string }[] };
		const { answer } = await get<Answer>(await site(), `/devices${query}`);
		expect(answer.devices.map(({ device }) => device)).toEqual(keys);
	});

	it("says of a device that is down why and what to do, and shows none of its old numbers", async () => {
		type Answer = { readonly devices: readonly Record<string, unknown>[] };
		const { answer } = await get<Answer>(await site(), "/devices?health=down");
		expect(answer.devices[0]).toMatchObject({
			reason: {
				code: "DEVICE_TIMEOUT",
				what: "No answer in 5 s.",
				hint: expect.stringContaining("firmware may hang"),
			},
		});
		expect(answer.devices[0]).not.toHaveProperty("powerWatts");
	});

	it("says unknown, since when and why, while the agent is silent", async () => {
		const agents = [{ ...AGENT, isConnected: false, since: ms(NOW - 5_000) }];
		const { answer } = await get(await running({ devices: [miner("m1")], agents }), "/devices");
		expect(answer).toMatchObject({
			devices: [{ health: "unknown", healthSince: NOW - 5_000, reason: { code: "AGENT_SILENT" } }],
		});
	});
});

describe("GET /devices/:device", () => {
	it("gives every value with its unit, words for states, and parts", async () => {
		const { answer } = await get(await site(), "/devices/m1");
		expect(answer).toMatchObject({
			summary: {
				device: "m1",
				powerWatts: 3_500,
				powerSource: "reported",
				powerBoundary: "wall",
				operatingState: "mining",
				temperatureCelsius: 71.5,
				temperatureSensor: "chip",
				temperatureLimitCelsius: 95,
			},
			values: expect.arrayContaining([
				expect.objectContaining({ measurement: "powerWatts", value: 3_500, unit: "W" }),
				expect.objectContaining({ measurement: "operatingState", value: 0, word: "mining" }),
			]),
			components: [
				{ part: "board", component: "0" },
				{ part: "board", component: "1" },
				{ part: "fan", component: "0" },
			],
			energyJoulesTotal: 1_050_000,
			workTerahashesTotal: 60_000,
		});
	});

	it("earns by the trailing five minutes: 200 TH/s at 40.97 USD/PH/day less 2 % are 0.3346 USD/h", async () => {
		const { answer } = await get<{ summary: { grossUsdPerHour: number; netUsdPerHour: number } }>(
			await site(),
			"/devices/m1",
		);
		expect(answer.summary.grossUsdPerHour).toBeCloseTo((0.2 * 40.967 * 0.98) / 24, 4);
		expect(answer.summary.netUsdPerHour).toBeCloseTo((0.2 * 40.967 * 0.98) / 24 - 0.175, 4);
		expect(INPUT_VALUES.powerPriceUsdPerMegawattHour).toBe(50);
	});
});

describe("GET /series", () => {
	type Answer = {
		readonly series: readonly {
			readonly times: number[];
			readonly values: (number | null)[];
			readonly unit: string;
		}[];
	};

	it("gives native samples without a step: 360 of an hour", async () => {
		const { answer } = await get<Answer>(await site(), `/series?device=m1&measurement=powerWatts&${SPAN}`);
		expect(answer.series[0]?.times).toHaveLength(360);
		expect(answer.series[0]).toMatchObject({ device: "m1", measurement: "powerWatts", unit: "W" });
	});

	it("keeps the place of an absent value with null, of a part", async () => {
		const path = `/series?device=m1&measurement=chipTemperatureCelsius&part=board&component=0&from=${FROM}&to=${FROM + 50_000}`;
		const { answer } = await get<Answer>(await site(), path);
		expect(answer.series[0]?.values).toEqual([70, 70, 70, null, 70]);
	});

	it("with a step gives means, the last of a counter, and null where nothing is", async () => {
		const path = `/series?device=m1&measurement=powerWatts&measurement=sharesAccepted&from=${FROM - 3_600_000}&to=${NOW}&step=3600`;
		const { answer } = await get<Answer>(await site(), path);
		expect(answer.series.map(({ values }) => values)).toEqual([
			[null, 2_450],
			[null, 359],
		]);
		expect(answer.series[0]?.times).toEqual([FROM - 3_600_000, FROM]);
	});

	it.each([
		["mean", 2_450],
		["min", 1_400],
		["max", 3_500],
		["last", 1_400],
		["sum", 882_000],
	])("with aggregate=%s a step of the hour is %d W", async (aggregate, watts) => {
		const path = `/series?device=m1&measurement=powerWatts&${SPAN}&step=3600&aggregate=${aggregate}`;
		const { answer } = await get<Answer>(await site(), path);
		expect(answer.series[0]?.values).toEqual([watts]);
	});

	it.each([
		["measurement=powerWatts&aggregate=max", "aggregate needs step."],
		["measurement=efficiencyJoulesPerTerahash&step=60&aggregate=max", "has no max"],
	])("refuses %s", async (query, what) => {
		const { status, answer } = await get<ErrorBody>(await site(), `/series?device=m1&${query}&${SPAN}`);
		expect([status, answer.error.code]).toEqual([400, "REQUEST_INVALID"]);
		expect(answer.error.what).toContain(what);
	});

	it("says where only hours are left, and goes on in minutes after them", async () => {
		const m1 = miner("m1");
		const column = (aggregate: string) => ({ measurement: `powerWatts:${aggregate}`, decimals: 3 });
		const columns = [column("sum"), column("count")];
		const piece = (tierSeconds: number, times: readonly number[], sum: number) => ({
			tierSeconds,
			columns,
			times: Float64Array.from(times),
			values: [Float64Array.from(times, () => sum), Float64Array.from(times, () => 10)],
		});
		const minutes = Array.from({ length: 3 }, (_, minute) => FROM + minute * 60_000);
		const up = await running({
			devices: [m1],
			steps: () => [piece(3_600, [FROM - 7_200_000, FROM - 3_600_000], 20), piece(60, minutes, 30)],
		});
		const from = FROM - 7_200_000 + 600_000;
		const path = `/series?device=m1&measurement=powerWatts&from=${from}&to=${FROM + 240_000}&step=60`;
		const { answer } = await get<Answer>(up, path);
		expect(answer.series[0]).toMatchObject({
			times: [FROM - 7_200_000, FROM - 3_600_000, ...minutes, FROM + 180_000],
			values: [2, 2, 3, 3, 3, null],
			stretches: [{ from: FROM - 7_200_000, to: FROM, stepSeconds: 3_600 }],
		});
	});

	it("makes J/TH of a step from sums: half an hour of 3,500 W at 200 TH/s and half of 1,400 W at 14 TH/s are 22.9", async () => {
		const path = `/series?device=m1&measurement=efficiencyJoulesPerTerahash&${SPAN}&step=3600`;
		const { answer } = await get<Answer>(await site(), path);
		expect(answer.series[0]?.values[0]).toBeCloseTo(22.9, 2);
		expect(answer.series[0]?.unit).toBe("J/TH");
	});

	it("gives 24 hours natively at 5 s, 17,280 points, as columns and as JSON the same", async () => {
		const m1 = miner("m1", { description: { pollIntervalSeconds: 5 } });
		const rows = 17_280;
		const values = Float64Array.from({ length: rows }, (_, row) =>
			row % 7 === 0 ? Number.NaN : 3_500 + row / 8,
		);
		const times = Float64Array.from({ length: rows }, (_, row) => NOW - 86_400_000 + row * 5_000);
		const columns = [{ measurement: "powerWatts", decimals: 3 }];
		const up = await running({ devices: [m1], pieces: () => [{ columns, times, values: [values] }] });
		const path = `/series?device=m1&measurement=powerWatts&from=${NOW - 86_400_000}&to=${NOW}`;
		const { answer } = await get<Answer>(up, path);
		expect(answer.series[0]?.times).toEqual([...times]);
		expect(answer.series[0]?.values).toEqual(
			Array.from(values, (value) => (Number.isNaN(value) ? null : value)),
		);
		const read = readColumns(await (await fetch(`${up.url}/api/v1${path}&format=columns`)).arrayBuffer());
		expect(read.columns).toEqual([times, values]);
		expect(read.head["series"]).toEqual([
			{ device: "m1", measurement: "powerWatts", unit: "W", times: 0, values: 1 },
		]);
	});

	it("shares the times of two measurements, and has columns of the steps too", async () => {
		const { url } = await site();
		const path = `/series?device=m1&measurement=powerWatts&measurement=efficiencyJoulesPerTerahash&${SPAN}`;
		const native = readColumns(await (await fetch(`${url}/api/v1${path}&format=columns`)).arrayBuffer());
		expect(native.columns.map(({ length }) => length)).toEqual([360, 360, 360]);
		const steps = await fetch(`${url}/api/v1${path}&step=1800`, {
			headers: { accept: "application/vnd.fleetwatt.columns" },
		});
		const { columns, head } = readColumns(await steps.arrayBuffer());
		expect(head["stepSeconds"]).toBe(1_800);
		expect(columns.map((column) => [...column])).toEqual([
			[FROM, FROM + 1_800_000],
			[3_500, 1_400],
			[17.5, 100],
		]);
	});

	it.each([
		[
			"two days at 10 s",
			`device=m1&measurement=powerWatts&from=${NOW - 3 * 86_400_000}&to=${NOW}`,
			"the nearest allowed step is 15 s",
		],
		[
			"ten years at 1 s",
			`device=m1&measurement=powerWatts&from=${NOW - 3_650 * 86_400_000}&to=${NOW}&step=1`,
			"the nearest allowed step is 21600 s",
		],
		[
			"24 series",
			`device=m1&device=m2&device=m3&${["powerWatts", "uptimeSeconds", "chipCount", "boardCount", "workMode", "workLevel", "poolState", "powerMode"].map((name) => `measurement=${name}`).join("&")}&${SPAN}`,
			"24 series are asked for; 20 are allowed.",
		],
		[
			"two years of steps that no tier has",
			`device=m1&measurement=powerWatts&from=${NOW - 730 * 86_400_000}&to=${NOW}&step=3601`,
			"2000000 are allowed",
		],
	])("refuses %s with 422 and says what would do", async (_, query, what) => {
		const { status, answer } = await get<ErrorBody>(await site(), `/series?${query}`);
		expect(status).toBe(422);
		expect(answer.error.code).toBe("QUERY_REFUSED");
		expect(answer.error.what).toContain(what);
	});
});

describe("GET /latest?measurements=", () => {
	const NAMES = "measurements=powerWatts,chipTemperatureCelsius";

	it("gives the newest values of every device that has any, with labels and parts", async () => {
		const { status, answer } = await get(await site(), `/latest?${NAMES}`);
		expect(status).toBe(200);
		expect(complaints(answer, SCHEMAS.FleetLatestAnswer, SCHEMAS)).toEqual([]);
		const measuredAt = NOW - 2_000;
		const boards = [
			{ part: "board", component: "0", values: { chipTemperatureCelsius: 71.5 } },
			{ part: "board", component: "1", values: { chipTemperatureCelsius: 68 } },
		];
		const m1 = {
			device: "m1",
			site: "west",
			rack: "A1",
			model: "Antminer S21",
			measuredAt,
			values: { powerWatts: 3_500, chipTemperatureCelsius: 71.5 },
			parts: boards,
		};
		expect(answer).toEqual({
			at: NOW,
			deviceCount: 4,
			measurements: [
				{ measurement: "powerWatts", unit: "W" },
				{ measurement: "chipTemperatureCelsius", unit: "°C" },
			],
			devices: [
				m1,
				{ ...m1, device: "m2", rack: "B2", model: "Antminer T21" },
				{ ...m1, device: "m3" },
				{
					device: "g1",
					site: "west",
					rack: "G1",
					model: "8x H100",
					measuredAt,
					values: {},
					parts: ["GPU-a", "GPU-b"].map((component) => ({
						part: "gpu",
						component,
						values: { powerWatts: 600 },
					})),
				},
			],
		});
	});

	it("says the same in columns: a row a device or part, NaN where it has no such value", async () => {
		const { url } = await site();
		const bytes = await (await fetch(`${url}/api/v1/latest?${NAMES}&format=columns`)).arrayBuffer();
		const { head, columns } = readColumns(bytes);
		const places = head["places"] as Record<string, unknown>[];
		expect(head).toMatchObject({
			at: NOW,
			deviceCount: 4,
			measuredAt: 0,
			measurements: [
				{ measurement: "powerWatts", unit: "W", values: 1 },
				{ measurement: "chipTemperatureCelsius", unit: "°C", values: 2 },
			],
		});
		expect(places.slice(0, 2)).toEqual([
			{ device: "m1", site: "west", rack: "A1", model: "Antminer S21" },
			{ device: "m1", site: "west", rack: "A1", model: "Antminer S21", part: "board", component: "0" },
		]);
		expect(places).toHaveLength(3 * 3 + 2);
		expect(columns.map((column) => [...column.slice(0, 3)])).toEqual([
			[NOW - 2_000, NOW - 2_000, NOW - 2_000],
			[3_500, Number.NaN, Number.NaN],
			[71.5, 71.5, 68],
		]);
		expect([...(columns[1] ?? [])].slice(-2)).toEqual([600, 600]);
	});

	it("leaves out a device whose reading is old, and one whose agent is silent", async () => {
		const east = { ...AGENT, site: "east", isConnected: false };
		const up = await running({
			devices: [
				miner("old", { age: 31 }),
				miner("fresh", { age: 29 }),
				miner("mute", { state: { site: "east" } }),
			],
			agents: [AGENT, east],
		});
		type Answer = { readonly deviceCount: number; readonly devices: readonly { readonly device: string }[] };
		const { answer } = await get<Answer>(up, "/latest?measurements=powerWatts");
		expect([answer.deviceCount, answer.devices.map(({ device }) => device)]).toEqual([3, ["fresh"]]);
		const { answer: ofEast } = await get<Answer>(up, "/latest?measurements=powerWatts&site=east");
		expect([ofEast.deviceCount, ofEast.devices]).toEqual([1, []]);
	});
});

describe("GET /top", () => {
	type Answer = {
		readonly unit: string;
		readonly devices: readonly { readonly device: string; readonly value: number }[];
		readonly coverage: Readonly<Record<string, number>>;
	};

	function ranked() {
		const watts = (key: string, powerWatts: number) =>
			miner(key, {
				values: { hashrateTerahashesPerSecond: 100, powerWatts, powerSource: REPORTED, powerBoundary: WALL },
			});
		return running({
			devices: [
				watts("a", 3_000),
				watts("b", 3_500),
				watts("c", 2_500),
				watts("d", 3_000),
				miner("none", { values: {} }),
				miner("down", {
					state: { isAnswering: false, reason: { code: "DEVICE_TIMEOUT", what: "No answer." } },
				}),
				miner("agent", { description: { kind: "agent" } }),
			],
		});
	}

	it.each([
		["by=powerWatts", ["b 3500", "a 3000", "d 3000", "c 2500"]],
		["by=powerWatts&order=least", ["c 2500", "a 3000", "d 3000", "b 3500"]],
		["by=powerWatts&count=2", ["b 3500", "a 3000"]],
		["by=efficiencyJoulesPerTerahash&order=least&count=1", ["c 25"]],
		["by=hashrateTerahashesPerSecond&count=1", ["a 100"]],
		["by=chipTemperatureCelsius", ["down 71.5"]],
		["by=powerWatts&site=east", []],
	])("%s gives %j; a device without a value is neither first nor last", async (query, expected) => {
		const { answer } = await get<Answer>(await ranked(), `/top?${query}`);
		expect(answer.devices.map(({ device, value }) => `${device} ${value}`)).toEqual(expected);
	});

	it("says how many devices had a value: 4 of 6, the agent itself is none", async () => {
		const { answer } = await get<Answer>(await ranked(), "/top?by=powerWatts&count=1");
		expect(answer.coverage).toEqual({ devices: 6, withValue: 4, withoutValue: 2 });
		expect(answer.unit).toBe("W");
	});

	it("by USD per MWh puts the efficient one first", async () => {
		const { answer } = await get<Answer>(await ranked(), "/top?by=grossUsdPerMegawattHour&count=1");
		expect(answer.devices[0]?.device).toBe("c");
	});
});

describe("GET /series/fleet", () => {
	it("makes each step from sums: an S21 and an S9 for five minutes are 4,900 W, 214 TH/s and 22.9 J/TH", async () => {
		type Answer = Record<string, (number | null)[]>;
		const { answer } = await get<Answer>(
			await site(),
			`/series/fleet?from=${FROM}&to=${FROM + 600_000}&step=300`,
		);
		expect(answer).toMatchObject({
			times: [FROM, FROM + 300_000],
			powerWatts: [4_900, null],
			hashrateTerahashesPerSecond: [214, null],
			devicesUp: [2, null],
			devicesKnown: [2, null],
		});
		expect(answer["efficiencyJoulesPerTerahash"]?.[0]).toBeCloseTo(22.9, 2);
		expect(answer["grossUsdPerMegawattHour"]?.[0]).toBeCloseTo((40.967 * 0.98) / (0.024 * (4_900 / 214)), 1);
	});

	it("gives each model by itself too, and the models add up to the whole", async () => {
		type Group = { label: string; powerWatts: (number | null)[]; devicesUp: (number | null)[] };
		type Answer = { powerWatts: (number | null)[]; groups: Group[] };
		const path = `/series/fleet?from=${FROM}&to=${FROM + 600_000}&step=300`;
		const { answer } = await get<Answer>(await site(), `${path}&by=model`);
		expect(answer.groups.length).toBe(2);
		expect(answer.groups.map(({ powerWatts }) => powerWatts[0]).sort()).toEqual([1_400, 3_500]);
		expect(answer.groups.map(({ devicesUp }) => devicesUp)).toEqual([
			[1, null],
			[1, null],
		]);
		expect(answer.powerWatts).toEqual([4_900, null]);
		expect((await get<Answer>(await site(), path)).answer.groups).toBeUndefined();
	});

	it("reads minutes for a step of 60: 3,500 W at 200 TH/s, then 1,750 W at 200 TH/s of which half is in 17.5 J/TH", async () => {
		type Answer = Record<string, (number | null)[]>;
		const path = `/series/fleet?from=${FROM}&to=${FROM + 180_000}&step=60`;
		const { answer } = await get<Answer>(await site(), path);
		expect(answer).toMatchObject({
			times: [FROM, FROM + 60_000, FROM + 120_000],
			stepSeconds: 60,
			powerWatts: [3_500, 1_750, null],
			hashrateTerahashesPerSecond: [200, 200, null],
			efficiencyJoulesPerTerahash: [17.5, 17.5, null],
			devicesUp: [1, 1, null],
		});
	});

	it("draws no minute of which half was heard as if it were whole: power is absent, J/TH and USD/MWh stay", async () => {
		const m1 = miner("m1");
		const minute = (at: number, share: number) =>
			sums(m1, FROM + at * 60_000, {
				joules: 210_000 * share,
				terahashes: 12_000 * share,
				joulesWithWork: 210_000 * share,
				terahashesWithPower: 12_000 * share,
				secondsUp: 60 * share,
			});
		const shares = [0.5, 1, 1, 0.8, 1, 0.5, 0.25];
		const minuteSums = shares.map((share, at) => minute(at, share));
		const up = await running({ devices: [m1], minuteSums });
		const path = `/series/fleet?from=${FROM}&to=${FROM + 480_000}&step=60`;
		const { answer } = await get<Record<string, (number | null)[]>>(up, path);
		expect(answer).toMatchObject({
			devicesKnown: [...shares, null],
			// The last two are no dip: less is known from then on, of the last minute only a part.
			powerWatts: [null, 3_500, 3_500, null, 3_500, 1_750, null, null],
			devicesUp: [null, 1, 1, null, 1, 0.5, null, null],
			efficiencyJoulesPerTerahash: [...shares.map(() => 17.5), null],
		});
	});

	it.each([
		["a minute whose first device was seen at its 40th second", 60, 40, [null]],
		["a minute of devices that were seen before", 60, -40, [1_166]],
		["a day whose first device was seen an hour before it", 86_400, -3_600, [3_500]],
		["a day whose first device was seen at noon", 86_400, 43_200, [null]],
	])("draws %s, alone in its answer, as what it was", async (_, step, seenAfter, powerWatts) => {
		const midnight = Date.UTC(2026, 10, 21, 6);
		const m1 = miner("m1", { state: { firstSeenAt: ms(midnight + seenAfter * 1_000) } });
		const day = Array.from({ length: 288 }, (_, at) =>
			sums(m1, midnight + at * 300_000, { joules: 1_050_000, secondsUp: 300 }),
		);
		const minuteSums = [sums(m1, midnight, { joules: 69_960, secondsUp: 20 })];
		const up = await running({ devices: [m1], sums: day, minuteSums });
		const path = `/series/fleet?from=${midnight}&to=${midnight + step * 1_000}&step=${step}`;
		expect((await get(up, path)).answer).toMatchObject({ powerWatts });
	});

	it.each(["", "&step=300"])(
		"reads five minutes with %j, since 300 is the step where none is said",
		async (step) => {
			const { status, answer } = await get(
				await site(),
				`/series/fleet?from=${FROM}&to=${FROM + 300_000}${step}`,
			);
			expect(status).toBe(200);
			expect(answer).toMatchObject({ stepSeconds: 300, times: [FROM], powerWatts: [4_900] });
		},
	);

	it("shows no step that is not over: the newest point never looks like an outage", async () => {
		type Answer = { readonly times: number[] };
		const { answer } = await get<Answer>(
			await site(),
			`/series/fleet?from=${NOW - 600_000}&to=${NOW + 600_000}&step=300`,
		);
		expect(answer.times).toEqual([NOW - 600_000, NOW - 300_000]);
	});
});

describe("what is refused", () => {
	it.each([
		[
			"/devices?helth=up",
			400,
			"REQUEST_INVALID",
			'The parameter "helth" is not known here. It takes health, site, rack, model, limit, offset.',
		],
		[
			"/events?cursor=1",
			400,
			"REQUEST_INVALID",
			"cursor is none; give next of the answer before, or leave it out.",
		],
		["/devices?health=sick", 400, "REQUEST_INVALID", 'health is "sick"; it may be up, down, unknown.'],
		["/devices?limit=0", 400, "REQUEST_INVALID", 'limit is "0"; it must be a whole number from 1 to 10000.'],
		["/devices?limit=1e3", 400, "REQUEST_INVALID", 'limit is "1e3"'],
		["/devices?rack=A1&rack=B2", 400, "REQUEST_INVALID", "rack stands 2 times; 1 is the most."],
		["/fleet?x=1", 400, "REQUEST_INVALID", "It takes none."],
		["/devices/none", 404, "NOT_FOUND", 'There is no device "none".'],
		["/none", 404, "NOT_FOUND", 'There is nothing at "/api/v1/none".'],
		["/latest", 400, "REQUEST_INVALID", "measurement is missing."],
		["/latest?measurement=__proto__", 400, "REQUEST_INVALID", 'There is no measurement "__proto__".'],
		[`/series?device=none&measurement=powerWatts&${SPAN}`, 404, "NOT_FOUND", 'There is no device "none".'],
		[
			`/series?device=m1&measurement=powerWatts&from=${NOW}&to=${FROM}`,
			400,
			"REQUEST_INVALID",
			"from must come before to",
		],
		[
			`/series?device=m1&measurement=powerWatts&part=board&${SPAN}`,
			400,
			"REQUEST_INVALID",
			"part and component go together.",
		],
		["/latest?measurements=powerWatts,watts", 400, "REQUEST_INVALID", 'There is no measurement "watts".'],
		["/latest?measurements=,", 400, "REQUEST_INVALID", "measurements names 0; 1 to 64 are allowed."],
		[
			"/latest?measurement=powerWatts&measurements=powerWatts",
			400,
			"REQUEST_INVALID",
			"Give measurement or measurements, not both.",
		],
		["/top", 400, "REQUEST_INVALID", "by is missing."],
		[
			"/top?by=watts",
			400,
			"REQUEST_INVALID",
			'by is "watts"; it may be hashrateTerahashesPerSecond, powerWatts,',
		],
		["/top?by=powerWatts&count=1001", 400, "REQUEST_INVALID", "it must be a whole number from 1 to 1000."],
		["/top?by=powerWatts&order=best", 400, "REQUEST_INVALID", 'order is "best"; it may be most, least.'],
		[`/series/fleet?${SPAN}&step=90`, 400, "REQUEST_INVALID", "step is 90; it must be a multiple of 60."],
		[`/series/fleet?${SPAN}&step=59`, 400, "REQUEST_INVALID", "it must be a whole number from 60 to"],
	])("%s is %d %s", async (path, status, code, what) => {
		const reply = await get<ErrorBody>(await site(), path);
		expect(reply.status).toBe(status);
		expect(reply.answer.error.code).toBe(code);
		expect(reply.answer.error.what).toContain(what);
		expect(reply.answer.error.hint).not.toBe("");
		expect(complaints(reply.answer, SCHEMAS.ErrorAnswer, SCHEMAS)).toEqual([]);
	});

	it("a read that fails in the store is 500, told to the log, and the next one works", async () => {
		const m1 = miner("m1");
		let fails = true;
		const up = await running({
			devices: [m1],
			pieces: () => {
				if (fails) throw new Error("disk I/O error");
				return [];
			},
		});
		const path = `/series?device=m1&measurement=powerWatts&${SPAN}`;
		expect((await get(up, path)).status).toBe(500);
		expect(up.events).toContainEqual({
			kind: "exposeAnswerFailed",
			route: "/api/v1/series",
			error: "disk I/O error",
		});
		fails = false;
		expect((await get(up, path)).status).toBe(200);
	});

	it("of 25 queries of history at once, 20 are answered and 5 are told to come again", async () => {
		const m1 = miner("m1");
		let open: (() => void) | undefined;
		const opened = new Promise<void>((resolve) => {
			open = resolve;
		});
		const up = await running({ devices: [m1] });
		const gaps = up.store.gaps;
		up.store.gaps = async (query) => {
			await opened;
			return await gaps(query);
		};
		const replies = Array.from({ length: 25 }, () => get<ErrorBody>(up, `/gaps?${SPAN}`));
		const refused = await Promise.all(await firstFive(replies));
		expect(refused.map(({ status, answer }) => [status, answer.error.code])).toEqual(
			Array(5).fill([429, "TOO_BUSY"]),
		);
		open?.();
		const statuses = (await Promise.all(replies)).map(({ status }) => status);
		expect(statuses.filter((status) => status === 200)).toHaveLength(20);
	});
});

/** The five replies that come while the others wait. */
async function firstFive<Reply>(replies: readonly Promise<Reply>[]): Promise<readonly Reply[]> {
	const come: Reply[] = [];
	return await new Promise((resolve) => {
		for (const reply of replies) {
			void reply.then((arrived) => {
				come.push(arrived);
				if (come.length === 5) resolve([...come]);
			});
		}
	});
}
