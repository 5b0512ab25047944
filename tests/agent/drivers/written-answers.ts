/**
 * Answers of one healthy device of every driver, written by hand from the protocols, with round numbers
 * that are easy to check. Shared by the tests of the drivers and by the hostile ones.
 */
import type { Answers } from "../../../agent/drivers/driver.js";
import { DIALECTS } from "./written-dialects.js";
import { WRITTEN_FIRMWARES } from "./written-firmwares.js";
import { WRITTEN_GPU_HOSTS } from "./written-gpu-hosts.js";

const json = (value: unknown) => ({ text: JSON.stringify(value) });
const status = (code: number, message: string) => [
	{ STATUS: "S", When: 1_700_000_000, Code: code, Msg: message, Description: "cgminer 1.0.0" },
];

const pools = json({
	STATUS: status(7, "2 Pool(s)"),
	POOLS: [
		{
			POOL: 0,
			URL: "stratum+tcp://a.example:3333",
			Status: "Alive",
			Accepted: 100,
			Rejected: 2,
			Stale: 1,
			"Stratum Active": true,
		},
		{
			POOL: 1,
			URL: "stratum+tcp://b.example:3333",
			Status: "Dead",
			Accepted: 20,
			Rejected: 1,
			Stale: 0,
			"Stratum Active": false,
		},
	],
});

const antminer: Answers = {
	stats: json({
		STATUS: status(70, "CGMiner stats"),
		STATS: [
			{
				BMMiner: "1.0.0",
				Miner: "49.0.1.3",
				CompileTime: "Tue Dec 6 16:12:30 CST 2022",
				Type: "Antminer S19",
			},
			{
				STATS: 0,
				ID: "BTM_SOC0",
				Elapsed: 3_600,
				"GHS 5s": 95_000.5,
				"GHS av": "94,000.0",
				rate_30m: 94_500,
				Mode: 2,
				miner_count: 3,
				frequency: 600,
				fan_num: 4,
				fan1: 5_000,
				fan2: 5_010,
				fan3: 0,
				fan4: 5_030,
				total_rateideal: 95_000,
				temp_pcb1: "45--1-60-61",
				temp_chip1: "50-51-70-71",
				temp_pcb2: "44-46-60-62",
				temp_chip2: "50-52-70-72",
				temp_pcb3: "0-0-0-0",
				temp_chip3: "0-0-0-0",
				chain_acn1: 76,
				chain_acn2: 76,
				chain_acn3: 0,
				chain_hw1: 5,
				chain_hw2: 6,
				chain_rate1: "47000.25",
				chain_rate2: "48000.25",
				chain_rate3: "",
				freq1: 600,
				freq2: 600,
				no_matching_work: 11,
			},
		],
		id: 1,
	}),
	pools,
	statsCgi: json({
		STATUS: { STATUS: "S", Msg: "stats", api_version: "1.0.0" },
		INFO: { type: "Antminer S19", CompileTime: "Tue Dec 6 16:12:30 CST 2022" },
		STATS: [
			{
				elapsed: 3_600,
				rate_5s: 95_000,
				rate_avg: 94_000,
				rate_ideal: 95_000,
				rate_unit: "GH/s",
				chain_num: 3,
				fan_num: 4,
				fan: [5_000, 5_010, 0, 5_030],
				watt: 3_250,
				chain: [
					{
						index: 0,
						asic_num: 76,
						rate_real: 47_000,
						rate_ideal: 47_500,
						freq_avg: 600,
						temp_pcb: [45, 46, 60, 61],
						temp_chip: [50, 51, 70, 73],
					},
					{
						index: 1,
						asic_num: 76,
						rate_real: 48_000,
						rate_ideal: 47_500,
						freq_avg: 600,
						temp_pcb: [44, 46, 60, 62],
						temp_chip: [50, 52, 70, 72],
					},
				],
			},
		],
	}),
	systemInfo: json({
		minertype: "Antminer S19",
		macaddr: "AA:BB:CC:00:00:01",
		hostname: "rack-7",
		system_filesystem_version: "Tue Dec 6 16:12:30 CST 2022",
		serinum: "SERIAL0001",
	}),
};

const whatsminer: Answers = {
	summary: json({
		STATUS: status(11, "Summary"),
		SUMMARY: [
			{
				Elapsed: 7_000,
				Uptime: 7_200,
				"MHS av": 110_000_000,
				"MHS 5s": 130_000_000,
				"MHS 1m": 112_000_000,
				"HS RT": 111_000_000,
				"Factory GHS": 112_500,
				Accepted: 900,
				Rejected: 9,
				Temperature: 78.5,
				"Chip Temp Min": 60,
				"Chip Temp Max": 95.5,
				"Chip Temp Avg": 80.25,
				"Env Temp": 25.5,
				"Fan Speed In": 4_000,
				"Fan Speed Out": 4_100,
				Power: 3_400,
				"Power Limit": 3_600,
				"Power Mode": "Normal",
				"Power Current": 249_500,
				"Power Fanspeed": 8_000,
				"Error Code 0": 206,
				"Error Code Count": 1,
				"Factory Error Code 0": 999,
				MAC: "AA:BB:CC:00:00:02",
				"Firmware Version": "'20210109.22.REL'",
			},
		],
		id: 1,
	}),
	boards: json({
		STATUS: status(9, "3 ASC(s)"),
		DEVS: [0, 1, 2].map((slot) => ({
			Slot: slot,
			Temperature: 76.5 + slot,
			"MHS av": 36_000_000,
			"HS RT": 37_000_000,
			"Effective Chips": 156,
			"Chip Frequency": 550,
			"Chip Temp Max": 93.5 + slot,
		})),
	}),
	pools,
	errors: json({
		STATUS: "S",
		Code: 131,
		Msg: { error_code: ["329", "2024-01-17 11:28:11"] },
		Description: "",
	}),
	psu: json({
		STATUS: "S",
		Code: 131,
		Msg: { vin: "22400", iin: "8718", fan_speed: "6976", model: "P221B" },
	}),
};

const whatsminerFramed: Answers = {
	deviceInfo: json({
		code: 0,
		when: 1_700_000_000,
		desc: "get.device.info",
		msg: {
			"error-code": [{ "264": "2026-05-23 09:19:10", reason: "Power transfer error" }],
			miner: { type: "M60S_VK40", "miner-sn": "SERIAL0003", working: "true", "board-num": "3" },
			network: { mac: "AA:BB:CC:00:00:03", hostname: "WhatsMiner" },
			power: { fanspeed: 6_300, vin: 230.5, iin: 14.5, pin: 3_300, mode: "1" },
			system: { fwversion: "20251209.16" },
		},
	}),
	summary: json({
		code: 0,
		desc: "get.miner.status",
		msg: {
			summary: {
				"hash-realtime": 171.5,
				"hash-average": 170.5,
				"hash-1min": 171,
				"factory-hash": 181,
				"power-realtime": 3_150,
				"power-limit": 3_600,
				"board-temperature": [41.5, 40.5],
				"chip-temp-max": 82,
				"fan-speed-in": 5_400,
				"fan-speed-out": 5_300,
				elapsed: 50_000,
			},
		},
	}),
	boards: json({
		code: 0,
		desc: "get.miner.status",
		msg: {
			edevs: [0, 1].map((id) => ({
				id,
				"hash-realtime": 85.5,
				"effective-chips": 120,
				"chip-temp-max": 81 + id,
			})),
		},
	}),
};

const modules =
	"Ver[1246-83-21072802_4ec6bb0_211fc46] DNA[02010000cbd2fd6d] SYSTEMSTATU[Work: In Work, Hash Board: 3 ] Elapsed[600] " +
	"Temp[30] TMax[77] TAvg[65] Fan1[5000] Fan2[0] FanR[72%] PS[0 1214 1316 242 3189 1320 3504] GHSspd[81000.00] GHSmm[84000.00] " +
	"GHSavg[79500.00] Freq[502.41] MGHS[26500.0 26500.0 26500.0] MTmax[77 76 75] MTavg[66 65 64] TA[360] ECHU[0 512 0] ECMM[4] MPO[3515] WORKMODE[1]";

const avalon: Answers = {
	stats: json({
		STATUS: status(70, "CGMiner stats"),
		STATS: [{ STATS: 0, ID: "AVA100", Elapsed: 600, "MM ID0": modules }],
	}),
	summary: json({
		STATUS: status(11, "Summary"),
		SUMMARY: [{ Elapsed: 601, "MHS av": 79_000_000, "MHS 5s": 82_000_000, Accepted: 50, Rejected: 1 }],
	}),
	version: json({
		STATUS: status(22, "versions"),
		VERSION: [{ PROD: "AvalonMiner 1246", MAC: "aabbcc000004", DNA: "02010000cbd2fd6d" }],
	}),
	minerInfo: {
		text: 'minerinfoCallback({"version":"20210728","mac":"aa:bb:cc:00:00:04","hwtype":"AvalonMiner 1246", });',
	},
};

const avalonText: Answers = {
	stats: {
		text: `STATUS=S,When=6397,Code=70,Msg=CGMiner stats,Description=cgminer 4.11.1|STATS=0,ID=AVA100,Elapsed=600,MM ID0=${modules.replace(" 3504]", "]")},MM Count=1|\0`,
	},
	version: {
		text: "STATUS=S,Code=22,Msg=versions|VERSION,CGMiner=4.11.1,PROD=AvalonMiner 1066,MAC=aabbcc000005|",
	},
};

const avalonHome: Answers = {
	stats: json({
		STATUS: status(70, "CGMiner stats"),
		STATS: [
			{
				"MM ID0:Summary": `'STATS':{${modules.replace("In Work", "In Idle").replace("81000.00", "0.00").replace("1316 242 3189 1320 3504", "4 0 0 2245 146")}}`,
			},
		],
	}),
};

const braiinsRpc: Answers = {
	summary: json({
		STATUS: status(11, "Summary"),
		SUMMARY: [{ Elapsed: 3_600, "MHS 5s": 14_500_000, "MHS av": 14_000_000, Accepted: 153, Rejected: 2 }],
	}),
	devs: json({
		STATUS: status(9, "2 ASC(s)"),
		DEVS: [6, 7].map((ID) => ({ ID, "MHS 5s": 7_250_000, "Nominal MHS": 7_300_000 })),
	}),
	temps: json({
		STATUS: status(201, "2 Temp(s)"),
		TEMPS: [
			{ ID: 6, Board: 75, Chip: 0 },
			{ ID: 7, Board: 63, Chip: 90.5 },
		],
	}),
	fans: json({
		STATUS: status(202, "4 Fan(s)"),
		FANS: [
			{ ID: 0, RPM: 2_820, Speed: 40 },
			{ ID: 1, RPM: 0, Speed: 40 },
		],
	}),
	tuner: json({
		STATUS: status(205, "Tuner"),
		TUNERSTATUS: [{ ApproximateMinerPowerConsumption: 1_419, PowerLimit: 1_420 }],
	}),
};

const braiinsGraphql: Answers = {
	system: json({
		data: {
			bos: { hostname: "rack-8", uptime: { durationS: 9_000 }, info: { version: { full: "24.09-plus" } } },
			bosminer: {
				info: {
					modelName: "Antminer S21",
					fans: [
						{ name: "0", rpm: 6_000, speed: 80 },
						{ name: "1", rpm: 0, speed: 80 },
					],
					summary: { power: { approxConsumptionW: 3_572, limitW: 3_500 } },
					workSolver: { nominalMhs: 239_000_000, realHashrate: { mhs5S: 230_500_000 } },
				},
			},
		},
	}),
	boards: json({
		data: {
			bosminer: {
				info: {
					workSolver: {
						childSolvers: [
							{
								name: "1",
								realHashrate: { mhs5S: 115_000_000 },
								hwDetails: { chips: 108, frequencyMhz: 580 },
								temperatures: [
									{ name: "Max Board", degreesC: 56.5 },
									{ name: "MAX_CHIP", degreesC: 71.5 },
									{ name: "Inlet", degreesC: 39 },
								],
							},
						],
					},
				},
			},
		},
	}),
	pools: json({
		data: {
			bosminer: {
				info: {
					poolGroups: [
						{ pools: [{ status: "ALIVE", shares: { acceptedSolutions: 7, rejectedSolutions: 1 } }] },
						{ pools: [{ status: "DEAD", shares: { acceptedSolutions: 3, rejectedSolutions: 0 } }] },
					],
				},
			},
		},
	}),
};

const gigahashes = (value: number) => ({ gigahash_per_second: value });

const braiinsRest: Answers = {
	stats: json({
		miner_stats: {
			nominal_hashrate: gigahashes(142_000),
			real_hashrate: {
				last_5s: gigahashes(141_500),
				last_1m: gigahashes(144_000),
				since_restart: gigahashes(138_000),
			},
		},
		pool_stats: { accepted_shares: 10_464, rejected_shares: 18, stale_shares: 0 },
		power_stats: { approximated_consumption: { watt: 3_137 } },
	}),
	boards: json({
		hashboards: [
			{
				id: "1",
				chips_count: 110,
				board_temp: { degree_c: 55.5 },
				highest_chip_temp: { temperature: { degree_c: 70.5 } },
				lowest_inlet_temp: { degree_c: 41 },
				stats: { real_hashrate: { last_5s: gigahashes(47_000) } },
				current_frequency: { hertz: 486_704_545 },
			},
		],
	}),
	cooling: json({ fans: [{ position: 0, rpm: 5_904, target_speed_ratio: 1 }] }),
	tuner: json({
		mode_state: {
			powertargetmodestate: { current_target: { watt: 2_431 }, profile: { target: { watt: 3_031 } } },
		},
	}),
	details: json({
		bosminer_uptime_s: 69_685,
		system_uptime_s: 69_725,
		mac_address: "aa:bb:cc:00:00:06",
		serial_number: null,
		status: 2,
		miner_identity: { miner_model: "Antminer S19 XP" },
		sticker_hashrate: gigahashes(141_000),
		bos_version: { current: "25.07-plus" },
	}),
};

const bitaxe: Answers = {
	info: json({
		ASICModel: "BM1370",
		boardVersion: "601",
		power: 18.75,
		voltage: 5_093.75,
		current: 12_015.625,
		temp: 60.125,
		temp2: -1,
		vrTemp: 62,
		hashRate: 1_072.25,
		hashRate_1m: 1_088.5,
		expectedHashrate: 1_071,
		coreVoltage: 1_150,
		coreVoltageActual: 1_144,
		frequency: 525,
		fanspeed: 48.5,
		fanrpm: 3_915,
		fan2rpm: 0,
		sharesAccepted: 4_768,
		sharesRejected: 13,
		uptimeSeconds: 18_574,
		asicCount: 1,
		macAddr: "AA:BB:CC:00:00:07",
		hostname: "bitaxe",
		version: "v2.12.2",
		bestDiff: "2.03 G",
		overheat_mode: 0,
	}),
};

const nvidiaSmi: Answers = {
	gpus: {
		text: [
			"index, uuid, name, driver_version, pstate, temperature.gpu, temperature.memory, power.draw [W], power.limit [W], utilization.gpu [%], memory.total [MiB], memory.used [MiB], fan.speed [%], clocks.current.sm [MHz]",
			'0, GPU-aaaaaaaa-0000-0000-0000-000000000000, "Card, first of two", 595.80, P0, 61, 70, 612.50 W, 700.00 W, 100 %, 81559 MiB, 19818 MiB, [N/A], 1980 MHz',
			"1, GPU-bbbbbbbb-0000-0000-0000-000000000000, Card, 595.80, P8, [GPU is lost], N/A, [Unknown Error], 700.00 W, [N/A], 81559 MiB, 0 MiB, [N/A], 345 MHz",
			"Unable to determine the device handle for GPU0000:42:00.0",
		].join("\r\n"),
	},
};

const nvidiaLibrary: Answers = {
	nvml: {
		text: JSON.stringify({
			driver_version: "580.1",
			count: 3,
			lost: ["GPU-bbbbbbbb GPU_IS_LOST"],
			gpus: [
				{
					index: 0,
					uuid: "GPU-aaaaaaaa",
					name: "Card",
					"power.draw": 612.5,
					"energy.consumed": 1_000,
					xid: 0,
				},
				{ index: 2, uuid: "GPU-cccccccc", name: "Card", "temperature.gpu": "[Unknown Error]" },
			],
		}),
	},
};

const nvidiaSmiXml: Answers = {
	query: {
		text: `<?xml version="1.0" ?><!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd"><nvidia_smi_log><driver_version>570.1</driver_version>
<gpu id="00000000:2D:00.0"><product_name>Card &amp; Co</product_name><uuid>GPU-cccccccc-0000-0000-0000-000000000000</uuid>
<mig_mode><current_mig>Enabled</current_mig></mig_mode><mig_devices><mig_device><index>0</index></mig_device><mig_device><index>1</index></mig_device></mig_devices>
<fan_speed>N/A</fan_speed><performance_state>P2</performance_state><fb_memory_usage><total>12288 MiB</total><used>116 MiB</used></fb_memory_usage>
<utilization><gpu_util>N/A</gpu_util></utilization><temperature><gpu_temp>42 C</gpu_temp><gpu_temp_slow_threshold>95 C</gpu_temp_slow_threshold></temperature>
<gpu_power_readings><instant_power_draw>111.50 W</instant_power_draw><average_power_draw>110.25 W</average_power_draw><current_power_limit>170.00 W</current_power_limit></gpu_power_readings>
<clocks><sm_clock>210 MHz</sm_clock></clocks></gpu></nvidia_smi_log>`,
	},
};

const mig = (instance: number) =>
	`gpu="0",UUID="GPU-dddddddd",modelName="Card",Hostname="host-1",GPU_I_PROFILE="1g.6gb",GPU_I_ID="${instance}"`;

const dcgmExporter: Answers = {
	metrics: {
		text: [
			"# HELP DCGM_FI_DEV_POWER_USAGE Power draw (in W).",
			"# TYPE DCGM_FI_DEV_POWER_USAGE gauge",
			`DCGM_FI_DEV_POWER_USAGE{${mig(3)}} 52.5`,
			`DCGM_FI_DEV_POWER_USAGE{${mig(4)}} 52.75`,
			`DCGM_FI_DEV_FB_USED{${mig(3)}} 1024`,
			`DCGM_FI_DEV_FB_USED{${mig(4)}} 2048`,
			`DCGM_FI_PROF_GR_ENGINE_ACTIVE{${mig(3)}} 0.5`,
			`DCGM_FI_PROF_GR_ENGINE_ACTIVE{${mig(4)}} 0.25`,
			'DCGM_FI_DEV_POWER_USAGE{gpu="1",UUID="GPU-eeeeeeee",modelName="Card"} 16.5',
			'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="1",UUID="GPU-eeeeeeee",modelName="Card"} 4742776',
			'DCGM_FI_DEV_MEMORY_TEMP{gpu="1",UUID="GPU-eeeeeeee",modelName="Card"} 0',
			"go_goroutines 12",
		].join("\n"),
	},
};

/** What a whole host says beside its GPUs. */
const BESIDE: Answers = {
	dcmi: {
		text: "    Instantaneous power reading:                   6150 Watts\n    Power reading state is:                   activated\n",
	},
	served: { text: 'vllm:generation_tokens_total{model_name="llama"} 250\n' },
};
const WHOLE_HOSTS = Object.fromEntries(
	Object.entries({ nvidia: nvidiaLibrary, "nvidia-smi": nvidiaSmi, ...WRITTEN_GPU_HOSTS }).map(
		([name, answers]) => [`${name}-host`, { ...answers, ...BESIDE }],
	),
);

const said = (value: unknown) => ({ text: JSON.stringify(value) });

/** Meters and controllers that are asked over HTTP. */
const WEB_METERS = {
	shelly: {
		status: said({
			"switch:0": { apower: 100, voltage: 230, current: 0.5, aenergy: { total: 12.5 } },
			"em:1": { total_act_power: 900.5, a_voltage: 231 },
			"emdata:1": { total_act: 5_000 },
		}),
		info: said({ model: "SPEM-003", mac: "020000000001", ver: "1.4.4", id: "meter-1" }),
	},
	"shelly-gen1": {
		status: said({ mac: "020000000002", meters: [{ power: 60.5, total: 1_200 }], emeters: [] }),
		settings: said({ device: { type: "SHPLG-S", hostname: "plug" }, fw: "1.14" }),
	},
	tasmota: {
		sensors: said({ StatusSNS: { ENERGY: { Power: 3_311, Total: 12.5, Voltage: 229, Factor: 0.98 } } }),
		status: said({ Status: { DeviceName: "plug" }, StatusFWR: { Version: "14.1" } }),
	},
	redfish: {
		power: said({
			PowerControl: [{ PowerConsumedWatts: 6_120, PowerCapacityWatts: 12_000 }],
			PowerSupplies: [{ MemberId: "0", PowerInputWatts: 6_150, LineInputVoltage: 231 }],
		}),
		system: said({ Manufacturer: "Maker", Model: "M1", SerialNumber: "S1" }),
	},
} as const satisfies Readonly<Record<string, Answers>>;

export const WRITTEN: Readonly<Record<string, Answers>> = {
	antminer,
	whatsminer,
	"whatsminer-v3": whatsminerFramed,
	avalon,
	"avalon-text": avalonText,
	"avalon-home": avalonHome,
	"braiins-rpc": braiinsRpc,
	"braiins-graphql": braiinsGraphql,
	"braiins-rest": braiinsRest,
	bitaxe,
	nvidia: nvidiaLibrary,
	"nvidia-smi": nvidiaSmi,
	"nvidia-smi-xml": nvidiaSmiXml,
	"dcgm-exporter": dcgmExporter,
	...WRITTEN_FIRMWARES,
	...DIALECTS,
	...WRITTEN_GPU_HOSTS,
	...WHOLE_HOSTS,
	...WEB_METERS,
};
