/** As written-answers.ts: other firmwares on Antminer hardware, and the younger makers of SHA-256 machines. */
import type { Answers } from "../../../agent/drivers/driver.js";

const json = (value: unknown) => ({ text: JSON.stringify(value) });
const told = (name: string, list: readonly object[], description: string) =>
	json({ STATUS: [{ STATUS: "S", Code: 1, Msg: name, Description: description }], [name]: list, id: 1 });

const pools = told(
	"POOLS",
	[
		{
			POOL: 0,
			URL: "stratum+tcp://a.example:3333",
			Status: "Alive",
			Accepted: 100,
			Rejected: 2,
			Stale: 1,
			"Stratum Active": true,
		},
	],
	"cgminer 4.11.1",
);

const chains = {
	Elapsed: 3_600,
	"GHS 5s": "99000.50",
	"GHS av": 98_000.25,
	miner_count: 3,
	fan_num: 2,
	fan1: 5_000,
	fan2: 5_010,
	total_rateideal: 100_000,
	chain_acn1: 88,
	chain_acn2: 88,
	chain_acn3: 0,
	chain_rate1: "49500.25",
	chain_rate2: "49500.25",
	chain_rate3: "",
	freq_avg1: 545,
	freq_avg2: 545,
	temp_pcb1: "45-42-45-42",
	temp_pcb2: "46-42-46-42",
	temp_chip1: "59-58-59-58",
	temp_chip2: "61-58-60-58",
	voltage1: 880,
	voltage2: 880,
};

const hiveon: Answers = {
	stats: told(
		"STATS",
		[
			{ BMMiner: "2.0.0 rwglr", CompileTime: "Tue Nov 20 10:12:30 UTC 2019", Type: "Antminer S17 Hiveon" },
			{ ...chains, chain_power1: 1_100, chain_power2: 1_100, chain_power: "2200.00 (AB)" },
		],
		"bmminer 1.0.0",
	),
	pools,
};

const msk: Answers = {
	stats: told(
		"STATS",
		[
			{ BMMiner: "4.11.1 rwglr", CompileTime: "10 Dec 2024", Type: "S19-88 v.2.6.0.39 " },
			{ ...chains, chain_power1: 1_135, chain_power2: 1_103, total_power: 2_238 },
		],
		"bmminer 1.0.0",
	),
};

const antminerCustom: Answers = {
	stats: told(
		"STATS",
		[{ BMMiner: "2.4.0-asicseer-1.1.9-f7b7", CompileTime: "2019", Type: "Antminer S9" }, chains],
		"bmminer 2.4.0-asicseer-1.1.9-f7b7",
	),
};

const vnish: Answers = {
	stats: told(
		"STATS",
		[
			{ Type: "Antminer S21 (Vnish 1.2.7)", Cgminer: "1.2.7" },
			{ ...chains, state: "mining" },
		],
		"cgminer 4.11.1",
	),
	web: json({
		miner: {
			miner_status: { miner_state: "mining" },
			hr_realtime: 99_000.5,
			hr_average: 98_000.25,
			hr_nominal: 100_000,
			hr_stock: 200_000,
			instant_hashrate: 99,
			average_hashrate: 98,
			power_consumption: 1_980,
			chip_temp: { min: 55, max: 62 },
			pcb_temp: { min: 40, max: 47 },
			hw_errors: 7,
			cooling: {
				fan_duty: 90,
				fans: [
					{ id: 0, rpm: 5_880 },
					{ id: 1, rpm: 5_940 },
				],
			},
			chains: [
				{
					id: 1,
					frequency: 545,
					voltage: 13_000,
					power_consumption: 900,
					hashrate_rt: 49_500.25,
					hashrate_ideal: 50_000,
					chip_temp: { min: 55, max: 61 },
					pcb_temp: { min: 40, max: 46 },
					status: { state: "mining" },
				},
				{
					id: 2,
					hashrate_rt: 49_500.25,
					power_consumption: 900,
					inlet_water_temp: 29,
					outlet_water_temp: 39,
					status: { state: "failure", description: "no chips" },
				},
			],
			psu: { temps: { pfc_temp: 44, llc1_temp: 47 }, psu_power_metering: true },
		},
	}),
	info: json({
		miner: "Antminer S21",
		fw_version: "1.2.7",
		algorithm: "sha256d",
		hr_measure: "GH/s",
		serial: "N/A",
		system: { uptime: "1 day, 1:55", network_status: { mac: "02:95:23:00:00:01", hostname: "antminer-1" } },
	}),
	preset: json({ current_preset: { name: "2000" } }),
	status: json({ miner_state: "mining" }),
};

const luxos: Answers = {
	summary: told(
		"SUMMARY",
		[
			{
				Elapsed: 3_600,
				"GHS 5s": 99_000.5,
				"GHS 1m": 98_500,
				"GHS av": 98_000.25,
				Accepted: 10,
				Rejected: 1,
			},
		],
		"LUXminer 2025.4.8.220305-57b389c7",
	),
	power: told("POWER", [{ PSU: true, Watts: 2_050 }], "LUXminer"),
	devs: told(
		"DEVS",
		[
			{ ID: 1, "MHS 5s": 49_500_250, "Nominal MHS": 50_000_000, IsUserShutdown: false },
			{ ID: 0, "MHS 5s": 49_500_250, "Nominal MHS": 50_000_000, IsUserShutdown: false },
		],
		"LUXminer",
	),
	temps: json({
		STATUS: [{ STATUS: "S" }],
		METADATA: [{ TopLeft: { Label: "Board Exhaust" }, TopRight: { Label: "Board Intake" } }],
		TEMPS: [
			{ ID: 0, TopLeft: 47, TopRight: 34, BottomLeft: 46, BottomRight: 0 },
			{ ID: 1, TopLeft: 48, TopRight: 33, BottomLeft: 46, BottomRight: 0 },
		],
	}),
	fans: told(
		"FANS",
		[
			{ FAN: "FAN1", ID: 0, RPM: 1_920, Speed: 20 },
			{ ID: 1, RPM: 0, Speed: 20 },
		],
		"LUXminer",
	),
	config: told(
		"CONFIG",
		[
			{
				Model: "Antminer S19k Pro",
				MACAddr: "62:f7:5e:00:00:01",
				SerialNumber: "SN1",
				NameplateTHS: 121.8,
				Profile: "290MHz",
				SystemStatus: "Overheat",
				CurtailMode: "None",
			},
		],
		"LUXminer",
	),
	profiles: told("PROFILES", [{ "Profile Name": "290MHz", Watts: 1_188 }], "LUXminer"),
	events: told("EVENTS", [{ Code: "REBOOT_NOT_HASHING" }], "LUXminer"),
	version: told("VERSION", [{ LUXminer: "2025.4.8", Type: "Antminer S19k Pro" }], "LUXminer"),
	pools,
};

const mara: Answers = {
	brief: json({
		elapsed: 3_600,
		hashrate_realtime: 99_000.5,
		hashrate_average: 98_000.25,
		hashrate_ideal: 100_000,
		hashrate_unit: "GH/s",
		power_consumption_estimated: 1_946,
		power_source: "EST",
		status: "Mining",
		indicator: "Degraded",
		indicator_long: "Hash board error",
	}),
	boards: json({
		hashboard_num_ideal: 2,
		hashboards: [
			{
				index: 0,
				asic_num: 0,
				present: false,
				temperature_chip: [0],
				temperature_pcb: [0],
				power_consumption_estimated: 0,
			},
			{
				index: 1,
				asic_num: 92,
				present: true,
				hashrate_realtime_10m: 49_500,
				temperature_chip: [62.25, 73.25],
				temperature_pcb: [57.25, 68.25],
				power_consumption_estimated: 1_946,
			},
		],
	}),
	fans: json({ percent: 43, fans: [{ index: 0, current_speed: 3_240, power_consumption: 19.75 }] }),
	overview: json({ model: "Antminer S19", version_firmware: "MaraFW rel 3.14" }),
};

const epic: Answers = {
	summary: json({
		"Fans Rpm": { "Fans Speed 1": 5_971, "Fans Speed 2": 0, "Fans Speed 5": null },
		Fans: { "Fans Speed": 100 },
		HBs: [
			{
				Index: 1,
				Hashrate: [49_500_250, 103, 0.8],
				"Input Power": 1_000,
				"Input Voltage": 12.5,
				Temperature: 67,
				"Core Clock Avg": 487.5,
			},
			{
				Index: 2,
				Hashrate: [49_500_250, 103, 0.8],
				"Input Power": 1_000,
				"Input Voltage": 12.5,
				Temperature: 64.25,
				"Core Clock Avg": 487.5,
			},
		],
		Mining: { Algorithm: "SHA-256" },
		"Power Supply Stats": { "Input Power": 0, "Output Voltage": 12.5 },
		Session: { Accepted: 10, Rejected: 2, "Average MHs": 98_000_250, "Active HBs": 2, Uptime: 3_600 },
		Software: "PowerPlay-BMS v1.5.13",
		Status: { "Operating State": "Tuning", "Last Error": "Fan 2 failed" },
		Stratum: { IsPoolConnected: true },
	}),
	capabilities: json({ Model: "AntMiner S19 XP", "Max HBs": 3, "Default Hashrate": 143 }),
	network: json({ dhcp: { mac_address: "E6:D4:41:00:00:01" } }),
	temps: json([{ Index: 1, Data: [55, 67] }]),
};

const sealminer: Answers = {
	stats: told(
		"STATS",
		[
			{
				Elapsed: 3_600,
				Model: "A2",
				Firmware: "2025091001",
				"MHS(Sample)": 99_000_500,
				"MHS(Rated)": 100_000_000,
				"0 Chip Count": 153,
				"0 MHS(Sample)": 99_000_500,
				"0 Temp 0": 55,
				"0 Temp 1": 70,
				"0 Speed": 3_723,
				"1 Speed": 3_733,
				"PSU Input Power": 3_504,
				"PSU Output Power": 3_232,
				"PSU Error": "0x00000004",
				"Error Code": "E12, E13",
				"Tune Status": "Fine Tuning",
				"PM State": "Running",
			},
		],
		"bdminer 4.11.1",
	),
	summary: told(
		"SUMMARY",
		[{ "MHS av": 98_000_250, "MHS 5s": 368_479_432, Accepted: 10, Rejected: 1 }],
		"bdminer 4.11.1",
	),
};

const auradine: Answers = {
	summary: told("SUMMARY", [{ Elapsed: 3_600, "MHS 5s": 99_000_500, "MHS av": 98_000_250 }], "GCMiner-2023"),
	psu: told(
		"PSU",
		[{ PowerIn: "3458.25W", PowerOut: "3200.00W", Vin: "245.00V", Iin: "14.25A", FanSpeed1: "4052.00 RPM" }],
		"GCMiner-2023",
	),
	temperature: told(
		"Temperature",
		[
			{ ID: 0, Name: "Control Board", BoardTemp: [{ ID: 0, Temperature: 25 }], ChipTemp: null },
			{
				ID: 1,
				BoardTemp: [{ ID: 0, Temperature: 41.5 }],
				ChipTemp: [
					{ ID: 0, Temperature: 45.5 },
					{ ID: 1, Temperature: 48.25 },
				],
			},
		],
		"2.2.0",
	),
	fan: told("Fan", [{ ID: 1, Speed: 7_080 }], "GCMiner-2023"),
	mode: told("Mode", [{ Mode: "turbo", Power: 3_500, Ths: 160, Sleep: "off" }], "FluxOS-2023"),
	report: told(
		"IPReport",
		[{ model: "AT1500", SerialNo: "AU1", mac: "1c:00:00:00:00:01", version: "2023-12.27" }],
		"FluxOS-2023",
	),
};

const proto: Answers = {
	mining: json({
		"mining-status": {
			hashrate_ghs: 99_000.5,
			ideal_hashrate_ghs: 100_000,
			power_usage_watts: 2_400.5,
			power_target_watts: 2_500,
			hashboards_mining: 1,
			status: "DegradedMining",
		},
	}),
	telemetry: json({
		hashboards: [
			{
				index: 0,
				serial_number: "HB1",
				hashrate: { value: 99, unit: "TH/s" },
				power: { value: 2_300, unit: "W" },
				temperature: { inlet: 41, outlet: 55, average: 48 },
			},
		],
		psus: [{ index: 0, power: { input: 2_400, output: 2_300 }, voltage: { input: 230, output: 14 } }],
	}),
	cooling: json({ "cooling-status": { speed_percentage: 60, fans: [{ slot: 1, rpm: 4_346 }] } }),
	system: json({
		"system-info": { product_name: "Proto Rig", cb_sn: "CB1", os: { name: "ProtoOS", version: "1.8.0" } },
	}),
	hardware: json({ "hardware-info": { "hashboards-info": [{ hb_sn: "HB1", mining_asic_count: 120 }] } }),
	errors: json([{ error_code: "PSU_FAULT", message: "supply 2" }]),
};

const braiinsBmminer: Answers = {
	stats: told(
		"STATS",
		[{ BMMiner: "bOS_am1-s9-20190221-0_0a1b2c3d", Type: "braiins-am1-s9" }, chains],
		"bmminer",
	),
};

export const WRITTEN_FIRMWARES: Readonly<Record<string, Answers>> = {
	"braiins-bmminer": braiinsBmminer,
	hiveon,
	msk,
	"antminer-custom": antminerCustom,
	vnish,
	luxos,
	mara,
	epic,
	sealminer,
	auradine,
	"auradine-web": auradine,
	proto,
};
