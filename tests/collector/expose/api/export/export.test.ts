import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get as httpGet, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { describe, expect, it, onTestFinished } from "vitest";
import { cell } from "../../../../../collector/expose/api/export/csv.js";
import { SCHEMAS } from "../../../../../collector/expose/api/schemas.js";
import type { Columns } from "../../../../../collector/store/device-state.js";
import { isMissing } from "../../../../peers/missing-programs.js";
import { program } from "../../../../peers/programs.js";
import { until } from "../../../../peers/running-program.js";
import { gpuHost, miner, NOW } from "../../fleet-fixture.js";
import { complaints } from "../../json-schema.js";
import { type Running, raw, running } from "../../server-fixture.js";

const FROM = NOW - 3_600_000;
const SPAN = `from=${FROM}&to=${NOW}`;

/** Three readings: board 0 is absent in the second, powerWatts in the third. */
function threeReadings(first: number): Columns {
	return {
		columns: [
			{ measurement: "powerWatts", decimals: 3 },
			{ measurement: "hashrateTerahashesPerSecond", decimals: 6 },
			{ measurement: "sharesAccepted", decimals: 0 },
			{ measurement: "chipTemperatureCelsius", decimals: 3, component: { part: "board", key: "0" } },
		],
		times: Float64Array.of(first, first + 10_000, first + 20_007),
		values: [
			Float64Array.of(3_250.5, 3_251, Number.NaN),
			Float64Array.of(110.123456, 0, 109.5),
			Float64Array.of(1, 2, 3),
			Float64Array.of(71.0625, Number.NaN, -3.5),
		],
	};
}

/** m1 and "=m2,x" have readings, g1 has none. */
async function site(): Promise<Running> {
	const m1 = miner("m1", { description: { rack: 'A"1' } });
	const m2 = miner("=m2,x", { state: { site: "east" } });
	return await running({
		devices: [m1, m2, gpuHost("g1")],
		pieces: (number) =>
			number === m1.number
				? [threeReadings(FROM)]
				: number === m2.number
					? [threeReadings(FROM + 1_000)]
					: [],
	});
}

const ask = async ({ url }: Running, query: string) => await fetch(`${url}/api/v1/export?${query}`);
const textOf = async (up: Running, query: string) => await (await ask(up, query)).text();

describe("GET /export as CSV", () => {
	it("is a line a value in the order of device and time; what is absent has no line", async () => {
		const answer = await ask(await site(), `format=csv&${SPAN}&devices=m1`);
		expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
		expect(answer.headers.get("content-disposition")).toBe('attachment; filename="fleetwatt.csv"');
		expect((await answer.text()).split("\r\n")).toEqual([
			"time,unixMilliseconds,site,device,part,component,measurement,unit,value",
			`2026-11-22T11:00:00.000Z,${FROM},west,m1,,,powerWatts,W,3250.5`,
			`2026-11-22T11:00:00.000Z,${FROM},west,m1,,,hashrateTerahashesPerSecond,TH/s,110.123456`,
			`2026-11-22T11:00:00.000Z,${FROM},west,m1,,,sharesAccepted,,1`,
			`2026-11-22T11:00:00.000Z,${FROM},west,m1,board,0,chipTemperatureCelsius,°C,71.0625`,
			`2026-11-22T11:00:10.000Z,${FROM + 10_000},west,m1,,,powerWatts,W,3251`,
			`2026-11-22T11:00:10.000Z,${FROM + 10_000},west,m1,,,hashrateTerahashesPerSecond,TH/s,0`,
			`2026-11-22T11:00:10.000Z,${FROM + 10_000},west,m1,,,sharesAccepted,,2`,
			`2026-11-22T11:00:20.007Z,${FROM + 20_007},west,m1,,,hashrateTerahashesPerSecond,TH/s,109.5`,
			`2026-11-22T11:00:20.007Z,${FROM + 20_007},west,m1,,,sharesAccepted,,3`,
			`2026-11-22T11:00:20.007Z,${FROM + 20_007},west,m1,board,0,chipTemperatureCelsius,°C,-3.5`,
			"",
		]);
	});

	it.each([
		["plain", "plain"],
		["a,b", '"a,b"'],
		['say "hi"', '"say ""hi"""'],
		["two\nlines", '"two\nlines"'],
		["=1+1", "'=1+1"],
		["+1", "'+1"],
		["-1", "'-1"],
		["@SUM(A1)", "'@SUM(A1)"],
		['=HYPERLINK("x","y")', '"\'=HYPERLINK(""x"",""y"")"'],
		["", ""],
	])("writes the text %j as %j", (text, written) => {
		expect(cell(text)).toBe(written);
	});

	it.each([
		["measurements=powerWatts", 4],
		["measurements=powerWatts,sharesAccepted&devices=m1", 5],
		["site=east", 10],
		["devices=g1", 0],
		["", 20],
	])("with %j has %d values", async (query, values) => {
		const lines = (await textOf(await site(), `format=csv&${SPAN}&${query}`)).split("\r\n");
		expect(lines).toHaveLength(values + 2);
	});

	it("takes times of ISO 8601 with a zone: half past eleven of one zone is half past ten of the next", async () => {
		const query = "format=csv&from=2026-11-22T11:00:10Z&to=2026-11-22T12:00:20%2B01:00&devices=m1";
		expect((await textOf(await site(), query)).split("\r\n")).toHaveLength(3 + 2);
	});
});

describe("GET /export as NDJSON", () => {
	it("is a reading a line with names and units; a reading without a wanted value has none", async () => {
		const text = await textOf(
			await site(),
			`format=ndjson&${SPAN}&devices=m1&measurements=chipTemperatureCelsius,powerWatts`,
		);
		const board = { part: "board", component: "0", measurement: "chipTemperatureCelsius", unit: "°C" };
		const watts = { measurement: "powerWatts", unit: "W" };
		const whose = { site: "west", device: "m1" };
		const at = (milliseconds: number) => ({
			time: new Date(FROM + milliseconds).toISOString(),
			unixMilliseconds: FROM + milliseconds,
		});
		expect(text.split("\n").map((line) => (line === "" ? "" : JSON.parse(line)))).toEqual([
			{
				...at(0),
				...whose,
				values: [
					{ ...watts, value: 3_250.5 },
					{ ...board, value: 71.0625 },
				],
			},
			{ ...at(10_000), ...whose, values: [{ ...watts, value: 3_251 }] },
			{ ...at(20_007), ...whose, values: [{ ...board, value: -3.5 }] },
			"",
		]);
	});
});

describe("GET /export as Parquet", () => {
	it("gives every value back with typed columns, null for the device as a whole", async () => {
		const file = await (await ask(await site(), `format=parquet&${SPAN}&devices=m1`)).arrayBuffer();
		const { schema } = parquetMetadata(file);
		expect(schema.map(({ name, type, repetition_type: form }) => [name, type, form])).toEqual([
			["root", undefined, undefined],
			["time", "INT64", "REQUIRED"],
			["site", "BYTE_ARRAY", "REQUIRED"],
			["device", "BYTE_ARRAY", "REQUIRED"],
			["part", "BYTE_ARRAY", "OPTIONAL"],
			["component", "BYTE_ARRAY", "OPTIONAL"],
			["measurement", "BYTE_ARRAY", "REQUIRED"],
			["unit", "BYTE_ARRAY", "REQUIRED"],
			["value", "DOUBLE", "REQUIRED"],
		]);
		expect(schema[1]?.logical_type).toEqual({ type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" });
		const rows = await parquetReadObjects({ file });
		const whose = { site: "west", device: "m1" };
		expect(rows).toHaveLength(10);
		expect(rows[0]).toEqual({
			...whose,
			time: new Date(FROM),
			part: null,
			component: null,
			measurement: "powerWatts",
			unit: "W",
			value: 3_250.5,
		});
		expect(rows[9]).toEqual({
			...whose,
			time: new Date(FROM + 20_007),
			part: "board",
			component: "0",
			measurement: "chipTemperatureCelsius",
			unit: "°C",
			value: -3.5,
		});
	});

	it("of no value at all is a whole file of no rows", async () => {
		const file = await (await ask(await site(), `format=parquet&${SPAN}&devices=g1`)).arrayBuffer();
		expect(parquetMetadata(file).num_rows).toBe(0n);
	});

	it("splits 100,000 values into row groups of at most 32,768", async () => {
		const up = await running({ devices: [miner("m1")] });
		up.store.select = async function* ({ from, to }) {
			if (from === FROM || to === NOW) yield long(FROM, 100_000);
		};
		const file = await (
			await ask(up, `format=parquet&from=${FROM}&to=${FROM + 1_000}&measurements=powerWatts`)
		).arrayBuffer();
		const { row_groups: groups } = parquetMetadata(file);
		expect(groups.map(({ num_rows: rows }) => Number(rows))).toEqual([32_768, 32_768, 32_768, 1_696]);
		const rows = await parquetReadObjects({ file });
		expect(rows.reduce((sum, { value }) => sum + (value as number), 0)).toBe((99_999 * 100_000) / 2);
	});
});

/** One column of values 0, 1, 2, …, a millisecond apart. */
function long(first: number, rows: number): Columns {
	return {
		columns: [{ measurement: "powerWatts", decimals: 3 }],
		times: Float64Array.from({ length: rows }, (_, row) => first + row),
		values: [Float64Array.from({ length: rows }, (_, row) => row)],
	};
}

describe("GET /export as OpenMetrics", () => {
	it("groups by family and series, in the names and units of /metrics, seconds with milliseconds, # EOF", async () => {
		const text = await textOf(
			await site(),
			`format=openmetrics&${SPAN}&measurements=powerWatts,sharesAccepted`,
		);
		const m1 = 'site="west",rack="A\\"1",device="m1",model="Antminer S21"';
		const m2 = 'site="east",rack="A1",device="=m2,x",model="Antminer S21"';
		const at = (milliseconds: number) => ((FROM + milliseconds) / 1_000).toFixed(3);
		const [shares, watts] = ["fleetwatt_device_shares_accepted_total", "fleetwatt_device_power_watts"];
		expect(text.split("\n").filter((line) => !line.startsWith("# HELP"))).toEqual([
			"# TYPE fleetwatt_device_shares_accepted counter",
			`${shares}{${m2}} 1 ${at(1_000)}`,
			`${shares}{${m2}} 2 ${at(11_000)}`,
			`${shares}{${m2}} 3 ${at(21_007)}`,
			`${shares}{${m1}} 1 ${at(0)}`,
			`${shares}{${m1}} 2 ${at(10_000)}`,
			`${shares}{${m1}} 3 ${at(20_007)}`,
			"# TYPE fleetwatt_device_power_watts gauge",
			`${watts}{${m2}} 3250.5 ${at(1_000)}`,
			`${watts}{${m2}} 3251 ${at(11_000)}`,
			`${watts}{${m1}} 3250.5 ${at(0)}`,
			`${watts}{${m1}} 3251 ${at(10_000)}`,
			"# EOF",
			"",
		]);
	});

	describe.skipIf(isMissing("promtool"))("given to promtool", () => {
		it("becomes blocks that give every value back: 20 samples of 8 series", async () => {
			const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-blocks-"));
			onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
			const [file, blocks] = [path.join(folder, "export.om"), path.join(folder, "data")];
			writeFileSync(file, await textOf(await site(), `format=openmetrics&${SPAN}`));
			const promtool = program("promtool") ?? "";
			execFileSync(promtool, ["tsdb", "create-blocks-from", "openmetrics", file, blocks], { stdio: "pipe" });
			// A database that has never run has no log yet, which the dump looks for.
			mkdirSync(path.join(blocks, "wal"));
			const dump = execFileSync(promtool, ["tsdb", "dump", blocks], { encoding: "utf8" });
			const lines = dump.split("\n").filter((line) => line !== "");
			expect(lines).toHaveLength(20);
			const labels = (line: string) => line.slice(0, line.indexOf("}") + 1);
			expect(new Set(lines.map(labels)).size).toBe(8);
			const ofM1 = (name: string) =>
				lines
					.filter((line) => line.includes('device="m1"') && line.includes(`__name__="${name}"`))
					.map((line) =>
						line
							.slice(line.lastIndexOf("}") + 2)
							.split(" ")
							.map(Number),
					);
			expect(ofM1("fleetwatt_device_hashrate_hashes_per_second")).toEqual([
				[110_123_456_000_000, FROM],
				[0, FROM + 10_000],
				[109_500_000_000_000, FROM + 20_007],
			]);
			expect(ofM1("fleetwatt_component_temperature_celsius")).toEqual([
				[71.0625, FROM],
				[-3.5, FROM + 20_007],
			]);
		});
	});
});

const DAYS = 60;
const DAY = 86_400_000;
const ROWS = 10_000;
const LONG_FROM = Math.floor(NOW / DAY) * DAY - DAYS * DAY;
const LONG = `format=csv&from=${LONG_FROM}&to=${LONG_FROM + DAYS * DAY}&measurements=powerWatts`;

/** 60 days of 10,000 readings of one device, about 48 MB of CSV; counts how many days were read. */
async function longSite() {
	const up = await running({ devices: [miner("m1")] });
	const read = { days: 0 };
	up.store.select = async function* ({ from }) {
		read.days += 1;
		yield long(from, ROWS);
	};
	return { up, read };
}

/** An answer that nobody reads yet. */
function unread({ port }: Running, query: string): Promise<IncomingMessage> {
	return new Promise((resolve, reject) => {
		const request = httpGet(
			{ host: "127.0.0.1", port, path: `/api/v1/export?${query}`, agent: false },
			resolve,
		);
		request.on("error", reject);
		onTestFinished(() => void request.destroy());
	});
}

/** Waits until a number stands still. */
async function still(of: () => number): Promise<number> {
	let before = -1;
	return await until("it stands still", { seconds: 15, everyMilliseconds: 400 }, () => {
		const now = of();
		const isStill = now === before && now > 0;
		before = now;
		return isStill ? now : undefined;
	});
}

describe("an export", () => {
	it("waits for its reader: of 48 MB less than 16 MB are made while nobody reads; then all comes", async () => {
		const { up, read } = await longSite();
		const answer = await unread(up, LONG);
		const bytesPerDay = ROWS * "2026-11-22T11:00:00.000Z,1795345200000,west,m1,,,powerWatts,W,3250".length;
		expect((await still(() => read.days)) * bytesPerDay).toBeLessThan(16_000_000);
		let lines = 0;
		for await (const chunk of answer) for (const byte of chunk as Buffer) lines += byte === 10 ? 1 : 0;
		expect(lines).toBe(1 + DAYS * ROWS);
		expect(read.days).toBe(DAYS);
	});

	it("is one of two at a time: the third gets 503, and a place is free once a reader has left", async () => {
		const { up } = await longSite();
		const [first] = [await unread(up, LONG), await unread(up, LONG)];
		const third = await ask(up, LONG);
		const answer = (await third.json()) as {
			readonly error: { readonly what: string; readonly code: string };
		};
		expect(third.status).toBe(503);
		expect(answer.error).toMatchObject({
			code: "TOO_BUSY",
			what: "2 exports are under way, which is the most.",
		});
		expect(complaints(answer, SCHEMAS.ErrorAnswer, SCHEMAS)).toEqual([]);
		expect((await raw(up.port, { path: `/api/v1/export?${LONG}`, method: "HEAD" })).status).toBe(200);
		first?.destroy();
		const fourth = await until("a place is free", { seconds: 15 }, async () => {
			const answered = await unread(up, LONG);
			if (answered.statusCode === 200) return answered;
			answered.destroy();
			return undefined;
		});
		expect(fourth.headers["content-type"]).toContain("text/csv");
	});

	it("that fails under way is broken off, not ended, told to the log, and its place is free", async () => {
		const { up } = await longSite();
		let days = 0;
		up.store.select = async function* ({ from }) {
			days += 1;
			if (days % 3 === 0) throw new Error("disk I/O error");
			yield long(from, ROWS);
		};
		for (const _ of [1, 2, 3]) {
			const answer = await ask(up, LONG);
			expect(answer.status).toBe(200);
			await expect(answer.text()).rejects.toThrow("terminated");
		}
		expect(up.events.filter(({ kind }) => kind === "exposeAnswerFailed")).toEqual(
			Array(3).fill({ kind: "exposeAnswerFailed", route: "/api/v1/export", error: "disk I/O error" }),
		);
	});

	it.each([
		["format=xml&from=0&to=1", 400, 'format is "xml"; it may be csv, ndjson, parquet, openmetrics.'],
		["from=0&to=1", 400, "format is missing."],
		["format=csv&from=0", 400, "to is missing."],
		["format=csv&from=yesterday&to=1", 400, 'from is "yesterday"; it must be a time from 1970 to 2099'],
		["format=csv&from=2026-11-22T12:00:00&to=2026-11-23", 400, 'from is "2026-11-22T12:00:00"'],
		["format=csv&from=2026-13-01&to=2026-11-23", 400, 'from is "2026-13-01"'],
		["format=csv&from=2026-11-23&to=2026-11-22", 400, "from must come before to."],
		[`format=csv&${SPAN}&measurements=powerWatts,watts`, 400, 'There is no measurement "watts".'],
		[`format=csv&${SPAN}&devices=m1,none`, 404, 'There is no device "none".'],
		[`format=csv&${SPAN}&site=north`, 404, 'There is no device of site "north" among those asked for.'],
		[`format=csv&${SPAN}&devices=${"m1,".repeat(2_100)}`, 400, "devices has 6300 characters"],
		[
			"format=csv&from=0&to=2099-01-01",
			422,
			"1130808 hours of 3 devices are asked for; 2000000 hours of devices are allowed.",
		],
		[
			"format=parquet&from=2021-01-01&to=2026-01-01&devices=m1",
			422,
			"values are asked for; 100000000 are allowed as parquet.",
		],
	])("of %s is %d: %s", async (query, status, what) => {
		const answer = await ask(await site(), query);
		const { error } = (await answer.json()) as { readonly error: { readonly what: string } };
		expect({ status: answer.status, what: error.what }).toEqual({
			status,
			what: expect.stringContaining(what),
		});
	});

	it("is no more open than the rest: another host's name gets 421", async () => {
		const { port } = await site();
		const path = `/api/v1/export?format=csv&${SPAN}`;
		expect((await raw(port, { path, headers: { host: "example.org" } })).status).toBe(421);
	});
});
