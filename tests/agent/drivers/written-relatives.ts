/**
 * Answers of the rarer makes in other states and dialects than the usual: boards lost, machines asleep, keys under
 * another name, counters that wrapped. Written by hand from their protocols, with the request that gave each.
 */
import type { RecordedAnswer } from "../../../agent/drivers/recording.js";
import { framed, rpc, told, web } from "./record.js";

const mara = (path: string, answer: unknown) => web(`GET /kaonsu/v1/${path}`, answer);
const proto = (path: string, answer: unknown) => web(`GET /api/v1/${path}`, answer);
const flux = (path: string, answer: unknown) => web(`GET /${path}`, answer, 8080);
const status = (param: string, msg: unknown) =>
	framed(`{"cmd":"get.miner.status","param":"${param}"}`, {
		code: 0,
		when: 1,
		msg,
		desc: "get.miner.status",
	});

export const RELATIVES: Readonly<Record<string, readonly RecordedAnswer[]>> = {
	"an E3 whose nine chains have four sensors each and whose frequency has its unit": [
		rpc("version", told("VERSION", [{ CGMiner: "4.9.0", Type: "Antminer E3" }], "cgminer 4.9.0")),
		rpc(
			"stats",
			told(
				"STATS",
				[
					{ CGMiner: "4.9.0", Miner: "", CompileTime: "Wed Jul 4 2018", Type: "Antminer E3" },
					{
						STATS: 0,
						Elapsed: 600,
						"GHS 5s": "190.30",
						"GHS av": 191.5,
						miner_count: 1,
						frequency: "1600M",
						fan5: 3_600,
						temp1: 49,
						temp8: 45,
						temp2_1: 63,
						temp2_8: 64,
						temp3_1: 48,
						temp3_8: 44,
						temp4_1: 59,
						temp4_8: 66,
						chain_acn1: 2,
						chain_acn8: 2,
						chain_rate1: "95.10",
						chain_rate8: "95.20",
					},
				],
				"cgminer 4.9.0",
			),
		),
	],
	"a Z15 Pro that names its hottest chip apart from its lists": [
		rpc(
			"stats",
			told(
				"STATS",
				[
					{ BMMiner: "2.12", CompileTime: "Wed Dec 13 2023", Type: "Antminer Z15 Pro" },
					{
						Elapsed: 600,
						"GHS 5s": 880.5,
						"GHS av": 820.5,
						chain_acn1: 6,
						chain_acs1: "oooooo",
						chain_rate1: 0.00082,
						temp1: 55,
						temp2_1: 71,
						temp_in_chip_1: "60-62-0",
						temp_out_chip_1: "52-54-55",
						temp_in_pcb_1: "38-37-43",
						temp_out_pcb_1: "52-54-55",
					},
				],
				"jansson 2.12",
			),
		),
	],
	"an A9 of newer firmware, whose chains tell what they could do": [
		rpc(
			"summary",
			told(
				"SUMMARY",
				[
					{
						Elapsed: 600,
						"MHS av": 50_100.5,
						"MHS 5s": 51_200.5,
						"MHS 1m": 51_200.5,
						"Device Hardware%": 1_584,
					},
				],
				"sgminer 4.4.2",
			),
		),
		rpc(
			"stats",
			told(
				"STATS",
				[
					{
						ID: "HLT0",
						"Chain ID": 0,
						"Num active chips": 12,
						"Temp max": 71,
						Temp: 62,
						"Fan duty": 35,
						PLL: 358,
						"Voltage Avg": 863,
						VidOptimal: false,
						"MHS av": 995_328,
					},
					{ ID: "POOL0", "Work Diff": 573_494 },
				],
				"sgminer 4.4.2",
			),
		),
		rpc(
			"pools",
			told(
				"POOLS",
				[
					{
						POOL: 0,
						URL: "stratum+tcp://a:1",
						Status: "Alive",
						Accepted: 7,
						Rejected: 1,
						"Stratum Active": true,
					},
				],
				"sgminer 4.4.2",
			),
		),
		web("POST /api/getAll", { all: { power: 620, chain: [] } }),
	],
	"a Honor Knight, which says of itself only how its chains are called": [
		rpc(
			"summary",
			told("SUMMARY", [{ Elapsed: 60, "MHS av": 22_000_000.5, "MHS 5s": 23_000_000.5 }], "cgminer 4.10.0"),
		),
		rpc(
			"stats",
			told(
				"STATS",
				[
					{
						ID: "IT10",
						"Chain ID": 0,
						"Num active chips": 72,
						"Temp max": 85,
						Temp: 73,
						"Fan duty": 98,
						"Fan0 rpm": 6_270,
						"Fan1 rpm": 6_810,
						PLL: 1_320,
						"MHS av": 6_082_560,
					},
				],
				"cgminer 4.10.0",
			),
		),
	],
	"a Baikal Giant with a work counter that wrapped": [
		rpc(
			"devs",
			told(
				"DEVS",
				[
					{
						ASC: 0,
						Name: "BKLS",
						Temperature: 51,
						"MHS av": 683_458_897.12,
						"MHS 5s": 850.5,
						Accepted: 3,
						Rejected: 1,
					},
					{
						ASC: 1,
						Name: "BKLS",
						temperature: 48,
						"MHS av": 840.5,
						"MHS 5s": 851.5,
						Accepted: 4,
						Rejected: 0,
					},
				],
				"sgminer 5.6.6-l",
			),
		),
		rpc(
			"pools",
			told(
				"POOLS",
				[{ URL: "stratum+tcp://a:1", Algorithm: "x13", Status: "Alive", "Stratum Active": true }],
				"sgminer 5.6.6-l",
			),
		),
	],
	"a Blackminer F1 Ultra with all its chip sensors": [
		rpc(
			"stats",
			told(
				"STATS",
				[
					{ CGMiner: "2.3.3", CompileTime: "2020-05-19", Type: "Blackminer F1-ULTRA" },
					{
						"GHS 5s": "4.2088",
						"GHS av": "4.5009",
						Elapsed: 60,
						fan_num: 2,
						fan1: 2_820,
						fan2: 2_850,
						temp1: 52,
						chipTemp1: "[65.21, 64.10, 69.64]",
						chain_acn1: 6,
						chain_acn2: 0,
						chain_rate1: "4.2088",
						chain_rate2: "",
					},
				],
				"ccminer 2.3.3",
			),
		),
		web("GET /cgi-bin/get_miner_conf.cgi", { "coin-type": "hns" }),
	],
	"an Ebit that does not hash, with alarms and empty sensors": [
		web("GET /Cgminer/CgminerStatus", {
			status: 1,
			feedback: {
				accepted: "120",
				rejected: "2",
				averfigure: "0.00G",
				fiveavg: "44.1T",
				worktime: "0:6:37",
				fivesecfigure: "0",
			},
		}),
		web("GET /Status/getsystemstatus", {
			status: 1,
			feedback: {
				systemsoftwareversion: "soft_v10.0",
				productname: "DWM_E11",
				devicefan: "0",
				devicefan2: 5_640,
				device1temp: "0,0|61,0",
				device2temp: "-,-",
			},
		}),
		web("GET /alarm/GetAlarmLoop", { status: 1, feedback: { calAlarm: 1, poolAlarm: "1", tempAlarm: 0 } }),
	],
	"a SealMiner that lost a board and two chips, with a sensor that is not fitted": [
		rpc(
			"stats",
			told(
				"STATS",
				[
					{
						"0 Bad Chip Count": 2,
						"0 Chip Count": 153,
						"0 Freq": 349,
						"0 MHS(Sample)": 73_905_832.5,
						"0 Online": true,
						"0 Speed": 3_723,
						"0 Temp 0": 55,
						"0 Temp 1": 70,
						"0 Temp 2": 0,
						"1 Chip Count": 153,
						"1 MHS(Sample)": 0,
						"1 Online": false,
						"1 Speed": 0,
						"Board Count": 2,
						"Bad Chip Count": 2,
						"Chip Count": 153,
						Elapsed: 60,
						"Error Code": "E101 E204",
						Firmware: "2025091001",
						Model: "A2 Pro",
						"Mining Mode": "Low Power",
						"PM State": "Running",
						"MHS(Sample)": 73_377_998.5,
						"MHS(Avg)": 70_701_205.5,
						"PSU Error": "0x00000010",
						"PSU Input Power": 1_504,
					},
				],
				"bdminer 4.11.1",
			),
		),
	],
	"a SealMiner that sleeps": [
		rpc(
			"stats",
			told(
				"STATS",
				[
					{
						Elapsed: 60,
						Model: "A2",
						"PM State": "Suspend",
						"MHS(Sample)": 0,
						"MHS(Avg)": 9.5,
						"PSU Input Power": 38,
						"Chip Count": 0,
					},
				],
				"bdminer 4.11.1",
			),
		),
	],
	"a MARA of another build: ten minutes' rate, no unit, fans and boards under other names": [
		mara("brief", {
			hashrate_realtime_10m: 105.25,
			hashrate_stock: 110,
			power_consumption_estimated: 3_250,
			power_source: "PSU",
			status: "Mining",
		}),
		mara("overview", {
			model_extended: "S19J Pro (110.0TH)",
			version_firmware: "1.0.3",
			mac_address: "02:00:00:AA:BB:CC",
		}),
		mara("fans", { fans: [{ rpm: 5_200 }, { rpm: 5_100 }] }),
		mara("hashboards", {
			hashboards: [
				{
					id: 1,
					present: true,
					asic_num: 126,
					hashrate_average: 52_500.5,
					hashrate_average_unit: "GH/s",
					temperature_chip: [65, 68],
				},
			],
		}),
	],
	"a MARA that sleeps, on another algorithm and with its details alone": [
		mara("brief", {
			hashrate_realtime: 0,
			hashrate_ideal: 0,
			hashrate_unit: "GH/s",
			power_consumption_estimated: 25,
			power_source: "EST",
			status: "Sleep",
		}),
		mara("overview", { model: "Antminer KS5 Pro", version_firmware: "MaraFW rel 3.14" }),
		mara("details", {
			hashboard_infos: [
				{ index: 0, asic_num: 92, hashrate_avg: 0, hashrate_ideal: 579.5, frequency_avg: 50 },
			],
		}),
	],
	"a Proto Rig whose telemetry is silent": [
		proto("mining", {
			"mining-status": {
				status: "DegradedMining",
				hashrate_ghs: 141_000.5,
				power_usage_watts: 3_447,
				hashboards_installed: 4,
				hashboards_mining: 1,
			},
		}),
		proto("hardware", {
			"hardware-info": {
				"hashboards-info": [
					{ hb_sn: "A", slot: 1, mining_asic_count: 120 },
					{ hb_sn: "B", slot: 4, mining_asic_count: 0 },
				],
			},
		}),
		proto("network", { "network-info": { mac_address: "02:00:00:AD:66:39" } }),
		proto("pools", {
			pools: [
				{ status: "Active", accepted_shares: 12, rejected_shares: 1 },
				{ status: "Idle", accepted_shares: 1 },
			],
		}),
		proto("errors", [{ source: "psu", error_code: "PSU_FAULT", message: "out of range" }]),
	],
	"an Auradine over its pages, whose summary tells watts": [
		flux(
			"summary",
			told(
				"SUMMARY",
				[{ Elapsed: 60, "MHS av": 145_000_000.5, "MHS 5s": 146_000_000.5, Wattage: 2_160.5 }],
				"FluxOS-2024",
			),
		),
		flux(
			"psu",
			told(
				"PSU",
				[{ PowerIn: "2165.94W", PowerOut: "2080.00W", Vin: "245.00V", FanSpeed1: "4052.00 RPM" }],
				"FluxOS-2024",
			),
		),
		flux(
			"fan",
			told(
				"Fan",
				[
					{ ID: 1, Speed: 7_080 },
					{ ID: 2, Speed: 0 },
				],
				"FluxOS-2024",
			),
		),
		flux(
			"ipreport",
			told("IPReport", [{ SerialNo: "SN1", model: "AT2880", version: "2024.5" }], "FluxOS-2024"),
		),
	],
	"a FluMiner": [
		web("GET /api/summary", {
			code: 0,
			data: {
				summary: [
					{
						poolAlive: "1",
						hrt: "111455.50",
						acc: "10900",
						rej: "0",
						temp: "31|38",
						fan: "3524|3583",
						voltage: "26.38",
						power: "1723.41",
						uptime: "98063",
						status: "OK",
						model: "T3",
					},
				],
			},
		}),
		web("GET /api/overview", {
			code: 0,
			data: { minerInfo: { model: "T3", sn: "S1", minerVersion: "V1.12" } },
		}),
	],
	"a Goldshell whose fans stand in its stats and of whose boards one is gone": [
		rpc(
			"devs",
			told(
				"DEVS",
				[
					{ ID: 0, "MHS 20s": 25.5, "tstemp-2": 40 },
					{ ID: 1, "MHS 20s": 0, "tstemp-2": 0 },
				],
				"goldshell",
			),
		),
		rpc(
			"devdetails",
			told(
				"DEVDETAILS",
				[
					{ ID: 0, "chips-nr": 16 },
					{ ID: 1, "chips-nr": 0 },
				],
				"goldshell",
			),
		),
		rpc("stats", told("STATS", [{}, { fan1: 1_200, fan2: 0 }], "goldshell")),
		web("GET /mcb/status", { firmware: "2.2.0", model: "Goldshell-KA1" }),
	],
	"an IceRiver with a fan that is not available": [
		web("POST /user/userpanel?post=4", {
			data: {
				softver1: "ks5l_miner",
				unit: "T",
				rtpow: "15.0T",
				runtime: "1:02:03:04",
				fans: [6_000, "5900", 0, "unavailable"],
				boards: [{ no: "2", intmp: "61", outtmp: "81", rtpow: "5100G", chipnum: "156" }],
			},
		}),
	],
	"a Whatsminer of API 3 asleep, its supply in ten millivolts and its error a sentence": [
		framed('{"cmd":"get.device.info"}', {
			code: 0,
			msg: {
				miner: { working: "false", type: "M63S_VL20", "board-num": "4" },
				system: { fwversion: "20260312" },
				power: { vin: 409, vout: 4_084, pin: 22, mode: "1" },
				"error-code": ["btminer process is down err"],
			},
			desc: "get.device.info",
		}),
		status("summary", {
			summary: {
				"hash-realtime": 0,
				"hash-1min": 0,
				"power-realtime": 22,
				"board-temperature": [30, 31],
				"chip-temp-max": 0,
				"fan-speed-in": 0,
			},
		}),
	],
	"a Bitaxe with two chips that are told apart by their rates alone": [
		web("GET /api/system/info", {
			power: 45.5,
			hashRate: 2_100.5,
			temp: 58.5,
			temp2: 61.5,
			frequency: 525,
			ASICModel: "BM1370",
			boardVersion: "801",
			version: "v2.12.0",
			fanrpm: 4_320,
			hashrateMonitor: { asics: [{ total: 1_050, errorCount: 1 }, { total: 1_050 }] },
		}),
	],
};
