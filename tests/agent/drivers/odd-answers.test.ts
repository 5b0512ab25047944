/** What devices say of errors, of tuning, of fans that they do not have, and under names of other years. */
import { describe, expect, it } from "vitest";
import { loadFormats } from "../../../agent/drivers/formats/parse-answer.js";
import { recognisedBy } from "../../../agent/drivers/identify.js";
import { parts, read, state } from "./decoded.js";

describe("a Whatsminer", () => {
	const summary = { "HS RT": 84_000_500, "Fan Speed In": 4_500, "Fan Speed Out": 4_530, Power: 3_300 };
	const unit = (more: object, ...boards: readonly object[]) => ({
		summary: { SUMMARY: [{ ...summary, ...more }] },
		boards: { DEVS: boards.map((board, Slot) => ({ Slot, "MHS av": 28_000_000, ...board })) },
	});

	it("has no error where the code is 0 or empty, in the summary and in the list of errors", () => {
		const answers = unit({ "Error Code Count": 1, "Error Code 0": 0, "Error Code 1": "" });
		const errors = { Msg: { error_code: [{ "0": "" }, 0, "", "0", { "329": "2026-01-01 10:00:00" }] } };
		expect(read("whatsminer", answers).errorCodes).toEqual([]);
		expect(read("whatsminer", { ...answers, errors }).errorCodes).toEqual(["329"]);
	});

	it.each([
		["all boards still raise their clocks", {}, [0, 0], "tuning"],
		["one board has its clock", {}, [0, 1], "mining"],
		["it hashes steadily, whatever its boards say", { "Hash Stable": true }, [0, 0], "mining"],
		["it does not hash steadily yet", { "Hash Stable": false }, [1, 1], "tuning"],
		["it stands", { "HS RT": 0 }, [0, 0], "idle"],
	])("where %s, is %s", (_, more, completed, expected) => {
		const boards = completed.map((done) => ({ "Upfreq Complete": done }));
		expect(state(read("whatsminer", unit(more, ...boards)))).toBe(expected);
	});

	it.each([
		["an M63S of which only the model says so", "M63S_VL30", { "HS RT": 0 }, []],
		["one that says so itself", "", { "HS RT": 0, "Liquid Cooling": true }, []],
		["one that hashes with both fans at 0", "", {}, []],
		["an air-cooled M60S that stands", "M60S_VK30", { "HS RT": 0 }, [0, 0]],
	])("has fans only where it is cooled by air: %s", (_, Model, more, speeds) => {
		const still = unit({ ...more, "Fan Speed In": 0, "Fan Speed Out": 0 });
		const reading = read("whatsminer", { ...still, details: { DEVDETAILS: [{ Model }] } });
		expect(parts(reading, "fan").map(({ values }) => values.fanSpeedRevolutionsPerMinute)).toEqual(speeds);
	});

	it("of API 3 tunes until its clocks are up, and has no fans under water", () => {
		const now = { "hash-realtime": 200.5, "fan-speed-in": 0, "fan-speed-out": 0 };
		const answers = (more: object) => ({
			deviceInfo: { msg: { miner: { type: "M66S" }, "error-code": [{ "0": "" }] } },
			summary: { msg: { summary: { ...now, ...more } } },
		});
		const reading = read("whatsminer-v3", answers({ "up-freq-finish": 0 }));
		expect([state(reading), reading.errorCodes, parts(reading, "fan")]).toEqual(["tuning", [], []]);
		expect(state(read("whatsminer-v3", answers({ "up-freq-finish": 1 })))).toBe("mining");
	});
});

it.each([
	["hashes has none", 2e8, 0],
	["stands has two", 0, 2],
])("a SealMiner whose fans are at 0 rpm and that %s", (_, rate, count) => {
	const values = { Elapsed: 60, "MHS(Sample)": rate, "MHS(Avg)": rate, "0 Speed": 0, "1 Speed": 0 };
	expect(parts(read("sealminer", { stats: { STATS: [values] } }), "fan")).toHaveLength(count);
});

describe("Braiins OS", () => {
	const chain = (HashchainIndex: number, Status: string) => ({
		HashchainIndex,
		Status,
		ApproximatePowerConsumptionWatt: 400 + HashchainIndex,
	});
	const answers = (...chains: readonly object[]) => ({
		summary: { SUMMARY: [{ "MHS 5s": 13_500_000 }] },
		devs: { DEVS: [{ ID: 6 }, { ID: 7 }] },
		tuner: { TUNERSTATUS: [{ ApproximateMinerPowerConsumption: 1_200, TunerChainStatus: chains }] },
	});

	it("of the RPC tunes while one of its boards does, and knows the watts of each", () => {
		const tuning = read("braiins-rpc", answers(chain(6, "Stable"), chain(7, "Tuning individual chips")));
		expect(state(tuning)).toBe("tuning");
		expect(parts(tuning, "board").map(({ values }) => values.powerWatts)).toEqual([406, 407]);
		expect(state(read("braiins-rpc", answers(chain(6, "Stable"))))).toBe("mining");
	});

	it.each([
		[2, 12_000, 3, "tuning"],
		["MINER_STATUS_NORMAL", 12_000, "TUNER_STATE_TUNING", "tuning"],
		[2, 12_000, 2, "mining"],
		[3, 0, 3, "sleeping"],
		["MINER_STATUS_PAUSED", 0, 2, "sleeping"],
		[4, 0, 4, "failed"],
		[1, 0, 1, "stopped"],
		[2, 0, 2, "idle"],
	])("of REST, with status %s at %d GH/s and the tuner at %s, is %s", (status, rate, tuner, expected) => {
		const stats = { miner_stats: { real_hashrate: { last_5s: { gigahash_per_second: rate } } } };
		const reading = read("braiins-rest", {
			stats,
			details: { status },
			tuner: { overall_tuner_state: tuner },
		});
		expect(state(reading)).toBe(expected);
	});
});

it("gives an Avalon 741 of stats alone its average by its work, 100,000 shares a minute, and no rate of now", () => {
	const { values } = read("avalon", {
		stats: { STATS: [{ "MM ID1": "Ver[7411706-3162860] GHSmm[7200.5] WU[100000.00] Temp[38]" }] },
	});
	expect(values.hashrateTerahashesPerSecond).toBeUndefined();
	expect(values.hashrateAverageTerahashesPerSecond).toBeCloseTo(7.158278827, 6);
});

it("joins what an A9's web interface says of its chains, 25 MSol/s and 60 °C, to those of its RPC", () => {
	const chains = [
		{ ASC: 1, "Hash Rate H": 0, "Temp min": 0, "Temp max": 0 },
		{ ASC: 0, "Hash Rate H": 25_000_000, "Temp min": 40, "Temp max": 60 },
	];
	const reading = read("innosilicon-rpc", {
		version: { VERSION: [{ CGMiner: "a9-1.2.0" }] },
		stats: {
			STATS: [
				{ "Chain ID": 0, "Num active chips": 16 },
				{ "Chain ID": 1, "Num active chips": 0 },
			],
		},
		all: { all: { total_hash: { "Hash Rate H": 25_000_000 }, power: 1_100, chain: chains } },
	});
	expect(reading.values).toMatchObject({ otherAlgorithmHashrateHashesPerSecond: 25e6, powerWatts: 1_100 });
	expect(parts(reading, "board").map(({ values }) => values)).toMatchObject([
		{ otherAlgorithmHashrateHashesPerSecond: 25e6, chipTemperatureCelsius: 60, chipCount: 16 },
		{ otherAlgorithmHashrateHashesPerSecond: 0, chipCount: 0 },
	]);
});

it("knows an IceRiver AL3 by the number in its software's name, and so what it mines", () => {
	const data = {
		model: "none",
		algo: "none",
		softver1: "ICM168_04_02_1810_10306_miner",
		rtpow: "14762G",
		unit: "G",
	};
	const { identity } = read("iceriver", { panel: { data } });
	expect([identity.model, identity.algorithm]).toEqual(["AL3", "blake3"]);
});

it.each([
	["Antminer S21+ Hyd (HashMaster)", "Antminer S21+ Hyd"],
	["Antminer S21 PitBit", "Antminer S21"],
	["ANTMINER S19K PRO EX", "Antminer S19K PRO"],
])("takes the firmware's name off an Antminer's model: %s is an %s", (Type, model) => {
	const { identity } = read("antminer", { stats: { STATS: [{ Type }, { "GHS 5s": 1, Elapsed: 1 }] } });
	expect(identity.model).toBe(model);
});

it("names the modules behind an Avalon controller by their numbers, in whatever order the answer holds them", () => {
	const STATS = [{ "MM ID2": "Ver[8211803-14b0f10] WU[1]", "MM ID1": "Ver[8411803-14b0f10] WU[1]" }];
	const reading = read("avalon", { stats: { STATS } });
	expect(reading.identity.model).toBe("AvalonMiner 841 + AvalonMiner 821");
	expect(parts(reading, "module").map(({ key }) => key)).toEqual(["0-1", "0-2"]);
});

it("lists every fan of a board that writes its speeds as a list, and its hardware's fault", () => {
	const info = {
		ASICModel: "BM1368",
		hashRate: 4_800,
		fanRpm: [2_456, 0],
		fanspeed: 20,
		hardware_fault: "fan",
	};
	const reading = read("bitaxe", { info });
	expect(parts(reading, "fan").map(({ values }) => values)).toEqual([
		{ fanSpeedRevolutionsPerMinute: 2_456, fanDutyRatio: 0.2 },
		{ fanSpeedRevolutionsPerMinute: 0, fanDutyRatio: 0.2 },
	]);
	expect(reading.errorCodes).toEqual(["hardware_fault:fan"]);
});

describe("an ePIC", () => {
	const summary = (more: object) => ({
		HBs: [{ Index: 0, Hashrate: [50_000_500, 100, 0.5], "Core Clock Avg": 500 }],
		"Power Supply Stats": { "Input Power": 2_000, Temperature: [41, 48] },
		...more,
	});

	it.each([
		["NoHashboardsConnected", "idle", "NoHashboardsConnected"],
		[{ HbChipDetectError: [0, 2] }, "idle", "HbChipDetectError 0 2"],
		[{ ShutdownTempReached: [{ Index: 0, Data: 86 }, {}] }, "overheated", "ShutdownTempReached"],
	])("that idles for %j is that, and says why", (error, expected, code) => {
		const Status = { "Operating State": "Idling", "Last Error": error };
		const reading = read("epic", { summary: { Status, HBs: [] } });
		expect([state(reading), reading.errorCodes]).toEqual([expected, [code]]);
		expect(reading.values.hashrateTerahashesPerSecond).toBe(0);
	});

	it.each([
		["Loading", "starting"],
		["PreInitCooldown", "starting"],
		["UpdatingFirmware", "starting"],
		["Testing", "tuning"],
		["Stopping", "stopped"],
	])("of 2026 that is %s is %s", (said, expected) => {
		expect(state(read("epic", { summary: summary({ Status: { "Operating State": said } }) }))).toBe(expected);
	});

	it("has its supply's 48 °C, and calculated watts where the supply has no meter", () => {
		const metered = read("epic", { summary: summary({}) });
		expect(parts(metered, "psu").map(({ values }) => values)).toEqual([{ psuTemperatureCelsius: 48 }]);
		expect(metered.values).toMatchObject({ powerWatts: 2_000, powerSource: 1 });
		const calculated = read("epic", {
			summary: summary({}),
			capabilities: { "Psu Info": { "True Power": false } },
		});
		expect(calculated.values).toMatchObject({ powerWatts: 2_000, powerSource: 2 });
	});

	it("that hashes with all its fans at 0 rpm has none", () => {
		const still = { "Fans Rpm": { "Fans Speed 1": 0, "Fans Speed 2": 0, "Fans Speed 3": null } };
		expect(parts(read("epic", { summary: summary(still) }), "fan")).toEqual([]);
	});
});

describe("an Elphapex", () => {
	const stats = (rate: number) => ({
		STATS: [
			{ rate_5s: rate, rate_unit: "MH/s", chain: [{ index: 0, asic_num: 204, hw: 204, rate_real: rate }] },
		],
	});

	it("counts no errors where its counters repeat the chips and the rate", () => {
		const summary = { SUMMARY: [{ hw_all: 14_199.04, rate_avg: 14_199.04 }] };
		const reading = read("elphapex", { stats: stats(14_200.5), summary });
		expect(reading.values.hardwareErrors).toBeUndefined();
		expect(parts(reading, "board")[0]?.values.hardwareErrors).toBeUndefined();
	});

	it.each([
		[0, 0, "idle"],
		[0, 1, "sleeping"],
		[14_200.5, 1, "mining"],
	])("at %d MH/s in mode %d is %s", (rate, mode, expected) => {
		const answers = { stats: stats(rate), minerConf: { "fc-work-mode": mode } };
		expect(state(read("elphapex", answers))).toBe(expected);
	});
});

it("takes what an Auradine throttles to as its target, and lights that show where it stands as no error", () => {
	const reading = read("auradine", {
		summary: { SUMMARY: [{ "MHS 5s": 140_000_500, ThsThrottle: 140, Wattage: 2_700 }] },
		mode: { Mode: [{ Mode: "turbo", Ths: 160, Sleep: "off" }] },
		led: {
			LED: [
				{ Code: 3, Msg: "Identify" },
				{ Code: 7, Msg: "Hash board 2 failed" },
			],
		},
	});
	expect(reading.values).toMatchObject({ hashrateNominalTerahashesPerSecond: 140, powerWatts: 2_700 });
	expect(reading.errorCodes).toEqual(["LED:7 Hash board 2 failed"]);
});

describe("a GPU host", () => {
	it("counts the 5 rows of memory that nvidia-smi's XML says were replaced, of which none failed", async () => {
		await loadFormats(new Set(["xml"]));
		const rows = "<remapped_row_corr>2</remapped_row_corr><remapped_row_unc>3</remapped_row_unc>";
		const query = `<nvidia_smi_log><gpu id="0"><uuid>GPU-a</uuid><remapped_rows>${rows}<remapped_row_failure>No</remapped_row_failure></remapped_rows></gpu></nvidia_smi_log>`;
		const [gpu] = parts(read("nvidia-smi-xml", { query }), "gpu");
		expect(gpu?.values).toEqual({ remappedRows: 5, rowRemapFailed: 0 });
	});

	it("of dcgm-exporter 1 is known and read by the names of that time", () => {
		const text = [
			'dcgm_gpu_temp{gpu="0",uuid="GPU-a"} 34',
			'dcgm_power_usage{gpu="0",uuid="GPU-a"} 31.737',
			'dcgm_total_energy_consumption{gpu="0",uuid="GPU-a"} 7.824e+06',
			'dcgm_gpu_utilization{gpu="0",uuid="GPU-a"} 50',
			'dcgm_fb_used{gpu="0",uuid="GPU-a"} 4',
		].join("\n");
		const [gpu] = parts(read("dcgm-exporter", { metrics: text }), "gpu");
		expect(gpu).toMatchObject({
			key: "GPU-a",
			values: {
				gpuTemperatureCelsius: 34,
				powerWatts: 31.737,
				energyConsumedJoules: 7_824,
				gpuUtilizationRatio: 0.5,
				memoryUsedBytes: 4_194_304,
			},
		});
		const request = { over: "http", port: 9400, path: "/metrics", format: "prometheus" } as const;
		expect(recognisedBy([{ request, answer: { text } }]).map(({ name }) => name)).toContain("dcgm-exporter");
	});

	it("keeps its table where nvidia-smi complains of a GPU ahead of it, and names that GPU among the errors", () => {
		const gpus = [
			"Unable to determine the device handle for GPU 0000:0A:00.0: GPU is lost.  Reboot the system to recover this GPU",
			"uuid, power.draw [W]",
			"GPU-a, 212.50 W",
		].join("\n");
		const reading = read("nvidia-smi", { gpus });
		expect(parts(reading, "gpu").map(({ key, values }) => [key, values.powerWatts])).toEqual([
			["GPU-a", 212.5],
		]);
		expect(reading.errorCodes).toEqual(["0000:0A:00.0: GPU is lost. Reboot the system to recover this GPU"]);
	});

	it("of an AMD APU has the package's own averages, not what stands beside them", () => {
		const gpu = {
			gpu: 0,
			power: { socket_power: { value: 8, unit: "W" }, apu_average_socket_power: { value: 11.5, unit: "W" } },
			usage: { gfx_activity: { value: 1, unit: "%" }, apu_average_gfx_activity: { value: 7, unit: "%" } },
			temperature: { edge: "N/A", apu_temperature_gfx: { value: 32.5, unit: "C" } },
			clock: { apu_average_gfxclk_frequency: { value: 618, unit: "MHz" } },
		};
		const [found] = parts(read("amd-smi", { metric: { gpu_data: [gpu] } }), "gpu");
		expect(found?.values).toMatchObject({
			powerWatts: 11.5,
			gpuUtilizationRatio: 0.07,
			gpuTemperatureCelsius: 32.5,
			graphicsClockMegahertz: 618,
		});
	});
});
