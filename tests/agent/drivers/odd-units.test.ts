/** What small miners and their pools, control boards and corners of boards, and GPUs that want a reset, say. */
import { describe, expect, it } from "vitest";
import { driverByName } from "../../../agent/drivers/catalog.js";
import { decode } from "../../../agent/drivers/decode.js";
import { loadFormats } from "../../../agent/drivers/formats/parse-answer.js";
import { recognisedBy } from "../../../agent/drivers/identify.js";
import { type RecordedAnswer, readRecording } from "../../../agent/drivers/recording.js";
import { POOL_STATES } from "../../../shared/measurements.js";
import { parts, read, state } from "./decoded.js";
import { WRITTEN_GPU_HOSTS } from "./written-gpu-hosts.js";

describe("a miner of AxeOS", () => {
	const info = {
		ASICModel: "BM1370",
		boardVersion: "601",
		version: "v2.13.0",
		hashRate: 1_200,
		frequency: 600,
	};

	it.each([
		["says so in words", { poolConnectionInfo: "Not Connected" }, "dead", undefined],
		["is connected by TLS", { poolConnectionInfo: "IPv4 (TLS)" }, "alive", undefined],
		[
			"has two, one connected",
			{ stratum: { pools: [{ connected: true }, { connected: false }] } },
			"alive",
			1,
		],
		[
			"has two, none connected",
			{ stratum: { pools: [{ connected: false }, { connected: false }] } },
			"dead",
			0,
		],
	])("has its pool's state where it %s", (_, more, expected, alive) => {
		const { values } = read("bitaxe", { info: { ...info, ...more } });
		expect([POOL_STATES[values.poolState ?? -1], values.activePoolCount]).toEqual([expected, alive]);
	});

	it("has the clock it runs at, where the firmware tells it beside the one that is set", () => {
		const { values } = read("bitaxe", { info: { ...info, actualFrequency: 575 } });
		expect(values.frequencyMegahertz).toBe(575);
	});
});

it("an Ebang has a board only where a place tells its temperatures in pairs, though the control board's is a text too", () => {
	const feedback = {
		device1temp: "60,55|55,51",
		device2temp: "0",
		device3temp: "41",
		productname: "EBIT E12",
	};
	const reading = read("ebang", {
		status: { feedback: { fivesecfigure: "44T" } },
		system: { status: 1, feedback },
	});
	expect(parts(reading, "board").map(({ key }) => key)).toEqual(["0", "1"]);
});

it("LuxOS tells a board's sensors by where they lie, in whatever order it writes them", () => {
	const temps = (...corners: readonly (readonly [string, number])[]) => ({
		summary: { SUMMARY: [{ "GHS 5s": 99_000 }] },
		devs: { DEVS: [{ ID: 0, "MHS 5s": 99_000_000 }] },
		temps: { TEMPS: [{ ID: 0, ...Object.fromEntries(corners) }] },
	});
	const rows = [
		["TopLeft", 41],
		["TopRight", 42],
		["BottomLeft", 43],
		["BottomRight", 44],
	] as const;
	const usual = parts(read("luxos", temps(...rows)), "board");
	expect(usual[0]?.values).toMatchObject({ boardSensor1TemperatureCelsius: 41 });
	expect(parts(read("luxos", temps(...rows.toReversed())), "board")).toEqual(usual);
});

it.each([
	["sleeps where its modules are switched off by command", 1, "sleeping"],
	["is idle where nobody switched it off", 0, "idle"],
])("an Avalon without hashrate %s", (_, off, expected) => {
	const module = `Ver[1246-A-83] Elapsed[60] Temp[25] GHSmm[0.00] SoftOFF[${off}]`;
	const answers = {
		summary: { SUMMARY: [{ "MHS 5s": 0 }] },
		stats: { STATS: [{ "MM ID0": module }] },
	};
	expect(state(read("avalon", answers))).toBe(expected);
});

describe("a GPU that nvidia-smi's XML tells of", () => {
	const gpu = (more: string) =>
		`<nvidia_smi_log><gpu id="00000000:01:00.0"><uuid>GPU-a</uuid><gpu_power_readings><instant_power_draw>60.1 W</instant_power_draw></gpu_power_readings>${more}</gpu></nvidia_smi_log>`;

	it.each([
		[
			"wants to be drained",
			"<gpu_recovery_action>Drain P2P</gpu_recovery_action>",
			["GPU-a: recovery Drain P2P"],
		],
		["wants nothing", "<gpu_recovery_action>None</gpu_recovery_action>", []],
		[
			"of an older driver wants a reset",
			"<gpu_reset_status><reset_required>Yes</reset_required></gpu_reset_status>",
			["GPU-a: recovery Reset"],
		],
		[
			"of an older driver wants none",
			"<gpu_reset_status><reset_required>No</reset_required></gpu_reset_status>",
			[],
		],
	])("%s", async (_, more, expected) => {
		await loadFormats(new Set(["xml"]));
		expect(read("nvidia-smi-xml", { query: gpu(more) }).errorCodes).toEqual(expected);
	});
});

describe("what nvidia-smi writes for people", () => {
	const written = (name: string) => {
		const driver = driverByName(name) ?? expect.fail(name);
		const decoded = decode(driver, WRITTEN_GPU_HOSTS[name] ?? {});
		return decoded.kind === "reading" ? decoded.reading : expect.fail(decoded.what);
	};

	it("with -q has each value in the block that it stands in, of a split GPU those of the whole", () => {
		const reading = written("nvidia-smi-text");
		expect(reading.identity).toMatchObject({ model: "NVIDIA H200", firmware: "610.43.02" });
		expect(reading.errorCodes).toEqual(["GPU-a: recovery Reset"]);
		const [gpu] = parts(reading, "gpu");
		expect(gpu).toMatchObject({
			key: "GPU-a",
			values: {
				powerWatts: 130.66,
				powerAverageWatts: 130.28,
				powerLimitWatts: 700,
				gpuTemperatureCelsius: 40,
				gpuUtilizationRatio: 0.12,
				memoryTotalBytes: 143_771 * 1_048_576,
				correctedEccErrors: 3,
				uncorrectedEccErrors: 0,
				multiInstanceGpu: 1,
				multiInstanceCount: 1,
				throttledByPowerCap: 1,
				performanceState: 0,
			},
		});
		expect(gpu?.values).not.toHaveProperty("memoryTemperatureCelsius");
		expect(gpu?.values).not.toHaveProperty("fanDutyRatio");
	});

	it("without options has what its table shows, and nothing for what it cannot", () => {
		const reading = written("nvidia-smi-shown");
		expect(reading.identity.model).toBe("NVIDIA H200 + Tesla T4");
		expect(
			parts(reading, "gpu").map(({ key, values }) => [key, values.powerWatts, values.gpuUtilizationRatio]),
		).toEqual([
			["00000000:83:00.0", 130, 0.12],
			["00000000:84:00.0", undefined, 0],
		]);
	});

	it.each([
		["nvidia-smi -q", "nvidia-smi-text", "query"],
		["nvidia-smi", "nvidia-smi-shown", "table"],
	])("is found by its command: %s", (request, name, answer) => {
		const text = WRITTEN_GPU_HOSTS[name]?.[answer]?.text ?? "";
		const recording = readRecording([{ file: "a.txt", over: "command", request, text }]);
		expect("driver" in recording ? recording.driver.name : recording.what).toBe(name);
	});

	it("comes after the table of fields, where a recording holds both", () => {
		const fields = "uuid, name, power.draw [W]\nGPU-a, NVIDIA H200, 130.44 W\n";
		const recording = readRecording([
			{
				file: "q.txt",
				over: "command",
				request: "nvidia-smi -q",
				text: WRITTEN_GPU_HOSTS["nvidia-smi-text"]?.["query"]?.text ?? "",
			},
			{
				file: "t.csv",
				over: "command",
				request: "nvidia-smi --query-gpu=uuid,name,power.draw --format=csv",
				text: fields,
			},
		]);
		expect("driver" in recording ? recording.driver.name : recording.what).toBe("nvidia-smi");
	});
});

describe("a table of hl-smi", () => {
	const asked = "hl-smi -Q uuid,name,power.draw,temperature.aip -f csv,noheader,nounits";
	const recorded = (request: string, text: string): RecordedAnswer => ({
		file: "aips.txt",
		over: "command",
		request,
		text,
	});

	it("is read without its header by the columns that its request names", () => {
		const recording = readRecording([recorded(asked, "01P0-1, HL-225, 98, 31\n01P0-2, HL-225, 401, 62\n")]);
		if (!("driver" in recording)) return expect.fail(recording.what);
		const decoded = decode(recording.driver, recording.states[0]?.answers ?? {});
		if (decoded.kind !== "reading") return expect.fail(decoded.what);
		expect(decoded.reading.identity).toMatchObject({ make: "Intel", model: "HL-225" });
		expect(decoded.reading.components.map(({ key, values }) => [key, values.powerWatts])).toEqual([
			["01P0-1", 98],
			["01P0-2", 401],
		]);
		return undefined;
	});
});

describe("water in the sensors of an S21", () => {
	const boards = (Type: string, chain: object, more: object = {}) =>
		parts(
			read("antminer", {
				stats: {
					STATS: [
						{ Type },
						{ rate_5s: 200_000, rate_unit: "GH/s", chain: [{ index: 0, asic_num: 120, ...chain }], ...more },
					],
				},
			}),
			"board",
		).map(({ values }) => values);

	it("of an S21+ Hyd stands at the first and third of the board's, the chip ahead of temp_pic", () => {
		const [board] = boards("Antminer S21+ Hyd.", { temp_pcb: [30, 51, 39, 52], temp_pic: [80, 53, 54, 55] });
		expect(board).toMatchObject({
			inletTemperatureCelsius: 30,
			outletTemperatureCelsius: 39,
			chipTemperatureCelsius: 80,
			boardTemperatureCelsius: 55,
			boardSensor1TemperatureCelsius: 51,
		});
	});

	it("of another S21 Hyd stands under the chip's name, ahead of two zeros", () => {
		const [board] = boards("Antminer S21 XP Hyd.", { temp_chip: [30, 41, 0, 0] });
		expect(board).toMatchObject({ inletTemperatureCelsius: 30, outletTemperatureCelsius: 41 });
		expect(board).not.toHaveProperty("chipTemperatureCelsius");
	});

	it.each([
		["a hydro unit whose chips have sensors", "Antminer S21 XP Hyd."],
		["another model", "Antminer S19 XP Hyd."],
	])("is none of %s", (_, model) => {
		const [board] = boards(model, { temp_chip: model.includes("S19") ? [30, 41, 0, 0] : [63, 59, 56, 61] });
		expect(board?.chipTemperatureCelsius).toBe(model.includes("S19") ? 41 : 63);
		expect(board).not.toHaveProperty("inletTemperatureCelsius");
	});
});

describe("VNish", () => {
	it("of a scrypt model without a stated unit counts in MH/s, and has no count of boards where it lists none", () => {
		const { identity, values } = read("vnish", {
			web: { miner: { miner_type: "Antminer L9 (Vnish 1.2.7)", hr_realtime: 16_200, hr_average: 16_000 } },
		});
		expect(identity).toMatchObject({ model: "Antminer L9", algorithm: "scrypt" });
		expect(values.otherAlgorithmHashrateHashesPerSecond).toBeCloseTo(1.62e10);
		expect(values).not.toHaveProperty("boardCount");
	});

	it("whose summary is locked tells its boards and chips by the list of chains", () => {
		const chips = [60, 62, 61].map((temp, id) => ({ id, hr: 400, temp, freq: 525 }));
		const reading = read("vnish", {
			chains: [{ id: 2, hr_realtime: 47_000, hr_nominal: 48_000, freq: 525, chips }],
			status: { miner_state: "mining" },
		});
		expect(state(reading)).toBe("mining");
		expect(parts(reading, "board")).toMatchObject([
			{
				key: "2",
				values: {
					hashrateTerahashesPerSecond: 47,
					chipCount: 3,
					chipTemperatureCelsius: 62,
					frequencyMegahertz: 525,
				},
			},
		]);
	});
});

it("MARA firmware stands where it is curtailed, and says which board has failed and why", () => {
	const reading = read("mara", {
		brief: { status: "Curtailed", hashrate_realtime: 0, hashrate_unit: "TH/s" },
		boards: {
			hashboards: [
				{ index: 0, asic_num: 120, status: "Mining" },
				{ index: 1, asic_num: 120, status: "Failure", description: "lost its chips" },
			],
		},
	});
	expect(state(reading)).toBe("stopped");
	expect(reading.errorCodes).toEqual(["board 1: Failure: lost its chips"]);
});

describe("an Obelisk", () => {
	const dashboard = (boards: readonly object[], systemInfo: readonly object[], status = "Alive") => ({
		hashboardStatus: boards,
		poolStatus: [{ url: "pool:3333", worker: "w", status, accepted: 1_234, rejected: 56 }],
		systemInfo,
	});

	it("of the first generation has the average of its boards, with its fans in turns", () => {
		const reading = read("obelisk", {
			info: { model: "SC1", vendor: "Obelisk", macAddress: "80:00:27:2e:bc:69" },
			dashboard: dashboard(
				[
					{ boardTemp: 71, chipTemp: 81, mhsAvg: 275_000 },
					{ boardTemp: 72, chipTemp: 82, mhsAvg: 276_000 },
				],
				[
					{ name: "Fan 1 Speed", value: 6_000 },
					{ name: "Uptime", value: "1 day" },
				],
			),
		});
		expect(reading.identity).toMatchObject({ make: "Obelisk", model: "SC1", algorithm: "blake2bsia" });
		expect(reading.values).toMatchObject({
			otherAlgorithmHashrateAverageHashesPerSecond: 5.51e11,
			sharesAccepted: 1_234,
			boardCount: 2,
			chipTemperatureCelsius: 82,
		});
		expect(parts(reading, "fan").map(({ values }) => values)).toEqual([
			{ fanSpeedRevolutionsPerMinute: 6_000 },
		]);
	});

	it("of the second has five minutes' rate, air in and out, a fan in percent, and a pool that is dead", () => {
		const reading = read("obelisk", {
			info: { model: "DCR1 Slim", vendor: "Obelisk" },
			dashboard: dashboard(
				[{ intakeTemp: 31, exhaustTemp: 48, hashrate5min: 0 }],
				[{ name: "Fan Speed", value: "99%" }],
				"Dead",
			),
		});
		expect(reading.identity.algorithm).toBe("blake256r14");
		expect([state(reading), POOL_STATES[reading.values.poolState ?? -1]]).toEqual(["idle", "dead"]);
		expect(reading.values).toMatchObject({ otherAlgorithmHashrateHashesPerSecond: 0, boardCount: 0 });
		expect(parts(reading, "fan").map(({ values }) => values)).toEqual([{ fanDutyRatio: 0.99 }]);
	});

	it("is known by its page of facts", () => {
		const request = { over: "http", port: 80, path: "/api/info", format: "text" } as const;
		const answer = { text: '{"macAddress":"80:00:27:2e:bc:69","model":"SC1","vendor":"Obelisk"}' };
		expect(recognisedBy([{ request, answer }]).map(({ name }) => name)).toEqual(["obelisk"]);
	});
});

describe("XPU Manager", () => {
	it("in text has one number of the card, or the last of each tile", () => {
		const table = [
			"| Device ID                   | 0                                            |",
			"| GPU Power (W)               | avg: 118, min: 117, max: 119, current: 118.5 |",
			"| GPU Frequency (MHz)         | Tile 0: avg: 1300, min: 1300, current: 1300  |",
			"|                             | Tile 1: avg: 1300, min: 1300, current: 1200  |",
			"| GPU Core Temperature (C)    | Tile 0: 41, Tile 1: 47                       |",
			"| GPU Memory Temperature (C)  |                                              |",
			"| GPU Memory Used (MiB)       | 24                                           |",
		].join("\n");
		const [gpu] = parts(read("intel-xpu-text", { table }), "gpu");
		expect(gpu?.values).toMatchObject({
			powerWatts: 118.5,
			graphicsClockMegahertz: 1_250,
			gpuTemperatureCelsius: 47,
			memoryUsedBytes: 25_165_824,
		});
		expect(gpu?.values).not.toHaveProperty("memoryTemperatureCelsius");
	});

	it("tells a card of several tiles by a row each, whose watts are not the card's", () => {
		const dump = [
			"Timestamp, DeviceId, TileId, GPU Utilization (%), GPU Power (W), GPU Memory Used (MiB)",
			"06:14:46.000,    0, 0, 100.00, 24.1, 100",
			"06:14:46.000,    0, 1, 0.00, 8.7, 50",
		].join("\n");
		const reading = read("intel-xpu", {
			dump,
			discovery: {
				device_list: [{ device_id: 0, device_name: "Max 1550", uuid: "u", driver_version: "23.1" }],
			},
		});
		expect(reading.identity).toMatchObject({ model: "Max 1550", firmware: "23.1" });
		const [gpu] = parts(reading, "gpu");
		expect(gpu?.values).toMatchObject({ gpuUtilizationRatio: 0.5, memoryUsedBytes: 157_286_400 });
		expect(gpu?.values).not.toHaveProperty("powerWatts");
	});
});

it("nvidia-smi's table tells which GPU wants a reset, and the driver by its new name", () => {
	const gpus = [
		"kmd_version, uuid, power.draw [W], gpu_recovery_action",
		"610.43.02, GPU-a, 130.44 W, Reset",
		"610.43.02, GPU-b, 131.20 W, None",
	].join("\n");
	const reading = read("nvidia-smi", { gpus });
	expect(reading.errorCodes).toEqual(["GPU-a: recovery Reset"]);
	expect(reading.identity.firmware).toBe("610.43.02");
});

describe("a small machine that names its algorithm nowhere", () => {
	const told = (Description: string, Name: string) => ({
		devs: {
			STATUS: [{ STATUS: "S", Description }],
			DEVS: [{ PGA: 0, Name, ID: 0, "MHS 5s": 4, "MHS av": 4 }],
		},
	});

	it.each([
		[
			"FutureBit's stick by its driver's name",
			"bfgminer 5.4.2",
			"MLD",
			["FutureBit", "Moonlander 2", "scrypt"],
		],
		["Hyperbit's by cpuminer on serial ports", "cpuminer 2.3.2", "ttyS1", ["Hyperbit", "BW-L21", "scrypt"]],
	])("is known: %s", (_, description, name, expected) => {
		const { identity, values } = read("cgminer-other", told(description, name));
		expect([identity.make, identity.model, identity.algorithm]).toEqual(expected);
		expect(values.otherAlgorithmHashrateHashesPerSecond).toBe(4e6);
	});

	it("is of no make where only the port is a serial one", () => {
		const { identity, values } = read("cgminer-other", told("cgminer 4.9.0", "ttyS1"));
		expect(identity).not.toHaveProperty("make");
		expect(values).not.toHaveProperty("otherAlgorithmHashrateHashesPerSecond");
	});
});

it("BiXBiT on a Whatsminer is read by its own version, and by the model and watts that its summary tells", () => {
	const reading = read("whatsminer", {
		summary: {
			SUMMARY: [
				{
					"MHS 1m": 110_500_000,
					"Power Realtime": 3_320,
					"Miner Type": "M30S+_VE40",
					"Factory GHS": 112_000,
				},
			],
		},
		customVersion: { STATUS: "S", Msg: { custom_version: "2.1.0", firmware_version: "20230101.12.REL" } },
	});
	expect(reading.identity).toMatchObject({ model: "Whatsminer M30S+_VE40", firmware: "BiXBiT 2.1.0" });
	expect(reading.values.powerWatts).toBe(3_320);
});

it("a Whatsminer of API 3 has its supply's input in volts where it writes 10 mV", () => {
	const [psu] = parts(
		read("whatsminer-v3", {
			deviceInfo: { msg: { miner: { type: "M63S" }, power: { vin: 39_600, iin: 10.5 } } },
		}),
		"psu",
	);
	expect(psu?.values).toMatchObject({ inputVoltageVolts: 396, inputCurrentAmperes: 10.5 });
});
