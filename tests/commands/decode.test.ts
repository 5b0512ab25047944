/** `fleetwatt decode`, as an operator starts it: recorded answers to readings, or one line that says why not. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const COMMAND = path.join(import.meta.dirname, "../../dist/cli.js");
const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-decode-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Told = Readonly<
	Record<string, { readonly protocol: string; readonly port: number | null; readonly request: string }>
>;

function capture(name: string, commands: Told | string, files: Readonly<Record<string, string>>): string {
	const place = path.join(folder, name);
	mkdirSync(place);
	const meta = typeof commands === "string" ? commands : JSON.stringify({ family: "a lie", commands });
	writeFileSync(path.join(place, "meta.json"), meta);
	for (const [file, text] of Object.entries(files)) writeFileSync(path.join(place, file), text);
	return place;
}

function decoded(...words: readonly string[]) {
	const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, "decode", ...words], {
		encoding: "utf8",
	});
	return { status, stdout, stderr };
}

const stats = (type: string, rate: number) =>
	JSON.stringify({
		STATUS: [{ STATUS: "S", Code: 70, Msg: "CGMiner stats", Description: "cgminer 1.0.0" }],
		STATS: [
			{ Type: type },
			{ "GHS 5s": rate, "GHS av": rate, fan_num: 1, fan1: 5880, chain_acn1: 108, temp_chip1: "59-73" },
		],
	});
const asked = (request: string) => ({ protocol: "cgminer-tcp", port: 4028, request });

describe("fleetwatt decode", () => {
	it("gives a recorded S21 as JSON: 203 TH/s, one board of 108 chips at 73 °C, one fan at 5,880 rpm", () => {
		const place = capture(
			"s21",
			{ "stats.json": asked('{"command":"stats"}') },
			{ "stats.json": `${stats("Antminer S21", 203_000)}\0` },
		);
		const { status, stdout, stderr } = decoded(place, "--json");
		expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
		const { readings } = JSON.parse(stdout);
		expect(readings).toHaveLength(1);
		expect(readings[0]).toMatchObject({
			driver: "antminer",
			make: "Bitmain",
			model: "Antminer S21",
			algorithm: "sha256",
			values: { hashrateTerahashesPerSecond: 203, operatingState: "mining", boardCount: 1 },
			components: [
				{ part: "board", index: 0, values: { chipCount: 108, chipTemperatureCelsius: 73 } },
				{ part: "fan", index: 0, values: { fanSpeedRevolutionsPerMinute: 5_880 } },
			],
			faults: [],
		});
	});

	it("gives one reading a state, and scrypt in H/s: 9,000 MH/s when idle.json, 9,500 when load.json was recorded", () => {
		const request = asked('{"command":"stats"}');
		const place = capture(
			"l7",
			{ "idle_stats.json": request, "load_stats.json": request },
			{ "idle_stats.json": stats("Antminer L7", 9_000), "load_stats.json": stats("Antminer L7", 9_500) },
		);
		const { readings } = JSON.parse(decoded(place, "--json").stdout);
		expect(
			readings.map(({ state, values }: { state: string; values: object }) => [state, values]),
		).toMatchObject([
			["idle", { hashrate: { value: 9e9, unit: "H/s", algorithm: "scrypt" } }],
			["load", { hashrate: { value: 9.5e9, unit: "H/s", algorithm: "scrypt" } }],
		]);
		expect(readings[0].values).not.toHaveProperty("hashrateTerahashesPerSecond");
	});

	it("finds a Whatsminer in parts of its device information and joined status: M63S, 390.1 TH/s, 7,250 W", () => {
		const framed = (request: string) => ({ protocol: "whatsminer-v3", port: 4433, request });
		const place = capture(
			"m63s",
			{
				"miner.json": framed('{"cmd":"get.device.info","param":"miner"}'),
				"power.json": framed('{"cmd":"get.device.info","param":"power"}'),
				"status.json": framed('{"cmd":"get.miner.status","param":"summary+pools"}'),
			},
			{
				"miner.json":
					'{"code":0,"msg":{"miner":{"type":"M63S_VL30","working":"true"}},"desc":"get.device.info"}',
				"power.json": '{"code":0,"msg":{"power":{"pin":7300,"vin":230.5}},"desc":"get.device.info"}',
				"status.json":
					'{"code":0,"msg":{"summary":{"hash-realtime":390.1,"power-realtime":7250}},"desc":"get.miner.status"}',
			},
		);
		const { readings } = JSON.parse(decoded(place, "--json").stdout);
		expect(readings).toMatchObject([
			{
				driver: "whatsminer-v3",
				model: "M63S_VL30",
				values: { hashrateTerahashesPerSecond: 390.1, powerWatts: 7_250, powerSource: "reported" },
			},
		]);
	});

	it("reads Braiins OS by its RPC where GraphQL was not recorded: 100 TH/s, 3,200 W estimated", () => {
		const told = (name: string, record: object) =>
			JSON.stringify({ STATUS: [{ STATUS: "S", Description: "BOSer" }], [name]: [record] });
		const place = capture(
			"boser",
			{
				"version.json": asked('{"command":"version"}'),
				"summary.json": asked('{"command":"summary"}'),
				"tuner.json": asked('{"command":"tunerstatus"}'),
			},
			{
				"version.json": told("VERSION", { BOSer: "boser 0.1.0" }),
				"summary.json": told("SUMMARY", { "MHS 5s": 100e6 }),
				"tuner.json": told("TUNERSTATUS", { ApproximateMinerPowerConsumption: 3_200 }),
			},
		);
		const { readings } = JSON.parse(decoded(place, "--json").stdout);
		expect(readings).toMatchObject([
			{
				driver: "braiins-rpc",
				values: { hashrateTerahashesPerSecond: 100, powerWatts: 3_200, powerSource: "estimated" },
			},
		]);
	});

	it("gives the same for reading", () => {
		const place = capture(
			"text",
			{ "stats.json": asked("stats") },
			{ "stats.json": stats("Antminer S21", 203_000) },
		);
		expect(decoded(place).stdout).toContain("hashrateTerahashesPerSecond 203 TH/s");
	});

	it.each([
		["no folder", 74, /is no folder/, path.join(folder, "nowhere")],
		["a folder without meta.json", 74, /holds no meta\.json/, folder],
		["a damaged meta.json", 65, /cannot be read/, capture("damaged", '{"commands":', {})],
		["a meta.json without commands", 65, /has no "commands"/, capture("bare", "{}", {})],
		[
			"a file that is missing",
			65,
			/lacks the files/,
			capture("lost", { "stats.json": asked('{"command":"stats"}') }, {}),
		],
		[
			"a cgminer of no known maker",
			65,
			/DEVICE_NOT_RECOGNISED/,
			capture(
				"foominer",
				{ "summary.json": asked('{"command":"summary"}') },
				{
					"summary.json": '{"STATUS":[{"STATUS":"S","Description":"foominer 1.0"}],"SUMMARY":[{"MHS av":1}]}',
				},
			),
		],
		[
			"a device that nobody knows",
			65,
			/DEVICE_NOT_RECOGNISED/,
			capture("kettle", { "a.json": asked('{"command":"boil"}') }, { "a.json": '{"water":1}' }),
		],
	])("says in one line what is wrong with %s, and ends with %d", (_, code, line, place) => {
		const { status, stdout, stderr } = decoded(place, "--json");
		expect(status).toBe(code);
		expect(stdout).toBe("");
		expect(stderr.trim().split("\n")).toHaveLength(1);
		expect(stderr).toMatch(line);
	});
});
