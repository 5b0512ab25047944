/**
 * Answers of one healthy device of the smaller makers, written by hand from their protocols, with round numbers
 * that are easy to check. Shared by the tests of the drivers and by the hostile ones.
 */
import type { Answers } from "../../../agent/drivers/driver.js";

const json = (value: unknown) => ({ text: JSON.stringify(value) });
const status = (code: number, message: string) => [
	{ STATUS: "S", When: 1_700_000_000, Code: code, Msg: message, Description: "cgminer 4.10.0" },
];

const pools = json({
	STATUS: status(7, "2 Pool(s)"),
	POOLS: [
		{ POOL: 0, URL: "stratum+tcp://a.example:1", Status: "Alive", Accepted: 100, Rejected: 2, Stale: 1 },
		{ POOL: 1, URL: "stratum+tcp://b.example:1", Status: "Dead", Accepted: 20, Rejected: 1, Stale: 0 },
	],
});

/** Without the comma between the two entries, as all of this firmware write it; board 3 has no chips. */
const ccminerStats = (type: string, rate: string) => ({
	text: `{"STATUS":[{"STATUS":"S","Code":70,"Msg":"CGMiner stats","Description":"ccminer 2.3.3"}],"STATS":[{"CGMiner":"2.3.3","CompileTime":"2023-05-28 17-20-35 CST","Type":"${type}"}{"STATS":0,"ID":"A30","Elapsed":3600,"${rate} 5s":"  4,000.5","${rate} av":"3900.0","miner_count":3,"frequency":"810","fan_num":2,"fan1":4650,"fan2":4500,"temp1":21,"temp1":42,"chipTemp1":"[67.50, 66.00, 0.00, 6300255232.00, 0.13]","temp2":0,"chipTemp2":"[0.00]","temp3":0,"temp_max":52,"no_matching_work":12,"chain_acn1":108,"chain_acn2":107,"chain_acn3":0,"chain_hw1":5,"chain_hw2":7,"chain_rate1":"2000.25","chain_rate2":"2000.25","chain_rate3":""}],"id":1}`,
});

const hammer: Answers = {
	stats: ccminerStats("Hammer D10", "MHS"),
	summary: json({ STATUS: status(11, "Summary"), SUMMARY: [{ Accepted: " 3.0000", Rejected: " 3.0000" }] }),
	pools,
	systemInfo: json({ macaddr: "02-00-00-00-00-01", hostname: "hammer-7", minertype: "Hammer D10" }),
};

const blackminer: Answers = {
	stats: ccminerStats("Blackminer F1-MINI", "GHS"),
	pools,
	minerConf: json({ "coin-type": "ckb" }),
};

const volcminer: Answers = {
	status: json({
		summary: { elapsed: "42", ghs5s: "18,500.5", ghsav: "18,400.0" },
		pools: [{ index: "0", url: "stratum+tcp://a.example:1", status: "Alive", accepted: "12", rejected: "1" }],
		fan1: "1,200",
		fan2: "1300",
		fan3: "0",
		devs: [{ index: "1", chain_acn: "120", freq: "2000", temp: [55, 57], chain_acs: "oooo" }],
	}),
	systemInfo: json({ hostname: "VolcMiner D1", system_filesystem_version: "2025-10-08 04-26-50 CST" }),
};

const elphapexInfo = { type: "DG1+", dev_sn: "SN1", miner_version: "DG1_V1.0.5" };

const elphapex: Answers = {
	stats: json({
		INFO: elphapexInfo,
		STATS: [
			{
				chain_num: 2,
				elapsed: 3_600,
				fan: ["420", "0"],
				fan_num: 1,
				rate_unit: "MH/s",
				rate_5s: 14_000,
				rate_15m: 14_100,
				rate_avg: 13_900.5,
				rate_ideal: 14_200,
				chain: [
					{ index: 0, asic_num: 0, temp_chip: ["", ""], temp_pcb: [47, 46] },
					{
						index: 1,
						asic_num: 120,
						rate_real: 14_000,
						rate_ideal: 14_200,
						freq_avg: 1_600,
						hw: 9,
						temp_chip: ["65687", "64500"],
						temp_pcb: [47, 46],
					},
				],
			},
		],
		STATUS: { STATUS: "S" },
	}),
	summary: json({
		SUMMARY: [{ hw_all: 9, status: [{ type: "fans", status: "e", code: 3, msg: "fan lost" }] }],
		STATUS: { STATUS: "S" },
	}),
	power: json({ power_output: "3250", power_temp: "270", power_sn: "P1" }),
	pools: json({
		POOLS: [{ url: "stratum+tcp://a.example:1", status: "Alive", accepted: 9, rejected: 1, stale: 0 }],
	}),
	systemInfo: json({ Algorithm: "Scrypt", minertype: "DG1+", macaddr: "b8:4c:87:00:00:01", hostname: "dg" }),
};

const summaryOf = (record: object, description = "cgminer 4.10.0") =>
	json({ STATUS: [{ STATUS: "S", Code: 11, Description: description }], SUMMARY: [record] });
const devsOf = (...records: readonly object[]) => json({ STATUS: status(9, "devs"), DEVS: records });
const statsOf = (...records: readonly object[]) => json({ STATUS: status(70, "stats"), STATS: records });

const goldshellRpc: Answers = {
	devs: devsOf({
		ID: 0,
		"MHS 20s": 2_500_000.5,
		Status: "Alive",
		clock: 840,
		fan0: 2_100,
		fan1: 2_040,
		"tstemp-0": 88,
		"tstemp-1": 0,
		"tstemp-2": 78.75,
		voltage: 12_090,
	}),
	summary: summaryOf({ Elapsed: 7_200, "MHS 20s": 2_400_000 }),
	devdetails: json({ DEVDETAILS: [{ ID: 0, "chips-nr": 84 }] }),
	status: json({ firmware: "2.2.0", model: "Goldshell-SC5Pro" }),
	pools,
};

const goldshell: Answers = {
	devs: json({
		status: 2,
		data: [
			{
				id: 0,
				time: 1_293,
				hashrate: 3_000_000.5,
				av_hashrate: 3_050_000,
				accepted: 222,
				rejected: 4,
				hwerrors: 7,
				fanspeed: "2940 rpm / 2880 rpm",
				temp: "83.0 \u00c2\u00b0C / 73.5 \u00c2\u00b0C",
			},
			{ id: 1, time: 1_290, hashrate: 3_000_000.5, r_temp: "73.8 \u00b0C", l_temp: "0.0 \u00b0C" },
		],
	}),
	status: json({ firmware: "2.1.3", model: "Goldshell-CK5" }),
	setting: json({ name: "28:e2:97:00:00:01" }),
	pools: json([{ url: "stratum+tcp://a.example:1", active: true }]),
};

const iceriver: Answers = {
	panel: json({
		error: 0,
		data: {
			algo: "none",
			model: "none",
			softver1: "ks3l_miner",
			mac: "02-00-00-00-00-01",
			rtpow: "5000G",
			avgpow: "4.9T",
			unit: "G",
			powstate: true,
			runtime: "02:20:07:21",
			fans: [3_531, 0],
			boards: [{ no: 1, chipnum: 18, freq: 875, intmp: 56, outtmp: 65, rtpow: "5000.00G" }],
			pools: [{ no: 1, addr: "stratum+tcp://a.example:1", accepted: 10, rejected: 2, state: 1 }],
		},
	}),
};

const innosilicon: Answers = {
	summary: json({
		success: true,
		DEVS: [
			{
				ASC: 0,
				Name: "T2Th+",
				Temperature: 72,
				"MHS 5s": 8_000_000,
				"MHS av": 8_100_000,
				"Hardware Errors": 3,
			},
			{
				ASC: 1,
				Name: "T2Th+",
				Temperature: 67,
				"MHS 5s": 8_500_000,
				"MHS av": 8_400_000,
				"Hardware Errors": 4,
			},
		],
		POOLS: [
			{
				POOL: 0,
				URL: "stratum+tcp://a.example:1",
				Status: "Alive",
				"Stratum Active": true,
				Accepted: 30,
				Rejected: 1,
			},
		],
		HARDWARE: { "Fan duty": 59 },
		hashrates: [],
	}),
	all: json({ all: { power: 1_950, mac: "a0:b0:45:00:00:01" } }),
	errors: json({ code: 32 }),
};

const honorKnight: Answers = {
	summary: json({ STATUS: status(11, "Summary"), SUMMARY: [{ Elapsed: 3_600, "MHS 5s": 24_000_000 }] }),
	stats: json({
		STATUS: status(70, "CGMiner stats"),
		STATS: [
			{ ID: "IT10", "Chain ID": 0, "Num active chips": 72, Temp: 70, "Fan0 rpm": 6_000, "Fan duty": 90 },
		],
	}),
};

const fluminer: Answers = {
	summary: json({
		code: 0,
		data: {
			summary: [{ hrt: "110000", power: "1700", temp: "31|40", fan: "3500|3600", uptime: "60", model: "T3" }],
		},
	}),
	overview: json({ code: 0, data: { minerInfo: { model: "T3", sn: "S1", minerVersion: "V1.12" } } }),
};

const jasminer: Answers = {
	status: json({
		summary: { miner: "JASMINER X16-Q", version: "1", uptime: 60, rt: "1.95 GH/s", temp_max: 66 },
		boards: {
			fan_num: 1,
			fan1: 2_400,
			fan_percent1: "40",
			board: [{ asics: 1, rate: "1.95 GH/s", asic0_temp: 66 }],
		},
		pools: { pool: [{ status: "Alive", accept: 8, reject: 1 }] },
	}),
};

const futurebit: Answers = {
	stats: json({
		data: {
			Miner: {
				stats: {
					result: {
						stats: [
							{
								version: "v2",
								versions: { miner: "2.0.5" },
								master: { upTime: 3_600, boardsW: 178.5, intervals: { int_30: { bySol: 6_100 } } },
								slots: { int_0: { chips: 44, pwrOn: 1, temperature: 68, temperature1: 0, ghs: 6_200.5 } },
								fans: { int_0: { rpm: [2_460] } },
								slaves: [{ uid: "59005500" }],
								pool: { intervals: { int_0: { sharesAccepted: 12, sharesRejected: 1 } } },
							},
						],
					},
					error: null,
				},
				online: { result: { online: { status: true } } },
			},
		},
	}),
	host: json({
		data: {
			Mcu: {
				stats: {
					result: {
						stats: {
							hostname: "apollo",
							network: [
								{ name: "lo", mac: "00:00:00:00:00:00" },
								{ name: "eth0", mac: "02:a1:04:59:2d:7d" },
							],
						},
					},
				},
			},
		},
	}),
};

const innosiliconRpc: Answers = {
	stats: json({
		STATUS: status(70, "stats"),
		STATS0: [
			{ STATS: 0, "Num chips": 12, "Num active chips": 11, "Fan duty": 90, "MHS av": 16_500, Temp: 47 },
		],
		STATS1: [
			{ STATS: 1, "Num chips": 12, "Num active chips": 12, "Fan duty": 90, "MHS av": 16_400, Temp: 48 },
		],
		STATS2: [{ STATS: 2 }],
	}),
	pools: json({
		STATUS: status(7, "1 Pool(s)"),
		POOL0: [
			{ POOL: 0, URL: "stratum+tcp://a.example:1", Status: "Alive", Accepted: 21, Rejected: 2, Stale: 1 },
		],
	}),
};

const ebang: Answers = {
	status: json({
		status: 1,
		feedback: {
			accepted: 2_033,
			rejected: 265,
			fivesecfigure: "12.44T",
			fiveavg: "12.51T",
			averfigure: "12.28T",
			worktime: "123:6:37",
		},
	}),
	system: json({
		status: 1,
		feedback: {
			productname: "DWM_BTC1000",
			devicefan: 5_520,
			devicefan2: 5_640,
			device1temp: "60,55|55,51",
			device2temp: 0,
		},
	}),
	alarms: json({ status: 1, feedback: { calValue: 12_526.7, tempAlarm: 1, poolAlarm: 0 } }),
};

const obelisk: Answers = {
	info: json({ macAddress: "80:00:27:2e:bc:69", ipAddress: "10.0.0.9", model: "SC1", vendor: "Obelisk" }),
	dashboard: json({
		hashboardStatus: [{ boardTemp: 71, chipTemp: 81, mhsAvg: 275_000, accepted: 12, rejected: 1 }],
		poolStatus: [{ url: "pool:3333", worker: "w", status: "Alive", accepted: 12, rejected: 1 }],
		systemInfo: [{ name: "Fan 1 Speed", value: 6_000 }],
	}),
};

const bitfury: Answers = {
	agg: json({
		mac: "16:bf:01:00:00:01",
		fansRpm: [6_143, 6_067],
		pwr: { state: "FULL_PWER" },
		master: { upTime: 817 },
		versions: { softwareVersion: "1.3.7" },
		pool: { intervals: { "0": { sharesAccepted: 40, sharesRejected: 2, staleJobShares: 1 } } },
		psu: [{ id: 0, vIn: "230.0", vOut: "12.1", pOut: "2400", iOut: "198.0", tIn: 41, fs: 5_000 }],
		slots: {
			"0": { ghs: "8000.0", wattPerGHs: "0.055", temperature: 60, temperature1: 62, chips: 120 },
			"3": { ghs: "8042.8", voltage: "51000", current: "8600", temperature: 61, temperature1: 0, chips: 119 },
		},
	}),
};

const multminer: Answers = {
	status: json({
		err: 0,
		bd: [
			{ ol: 0, cn: 0, cs: [[0, 0, 0, 0, "0/0", "0/0", "0/0", ""]] },
			{
				ol: 1,
				cn: 2,
				tphr: [315, 54.5, 56.75, 42.125],
				cs: [
					[1, 74.5, 0, 0, "1316/1365", "3/0", "743/782", "5.5GH/s | 743"],
					[1, 69.75, 0, 0, "1316/1365", "4/0", "760/760", "5.25GH/s | 759"],
				],
			},
			0,
		],
		mt: "trb 2020/06/17 01:04:04 Hr:10.75 Pw:845",
		ms: [["working", "00:29:35", "user", "100", "1", "1", "-o a.example:1"]],
	}),
};

const board = (slot: number, name: string, more: object = {}) => ({
	ASC: slot,
	Name: name,
	Status: "Alive",
	Temperature: 54.5,
	"MHS av": 190_000,
	"MHS 5s": 200_000,
	Accepted: 77,
	Rejected: 2,
	"Hardware Errors": 5,
	...more,
});

const strongu: Answers = {
	summary: summaryOf({
		Elapsed: 2_416,
		"MHS av": 380_000,
		"MHS 5s": 400_000,
		"Miner type": "dash",
		"Fan Num": 2,
		Fan1: 7_800,
		Fan2: 7_740,
		"Hardware Errors": 10,
	}),
	devs: devsOf(board(0, "u6", { ChipNum: 70, volt: 10.5 }), board(2, "u6", { ChipNum: 69, volt: 12.7 })),
	pools,
};

const ibelink: Answers = {
	summary: summaryOf({
		Elapsed: 20_576,
		"MHS av": 10_600_000,
		"MHS 5s": 10_500_000.5,
		Temp1: 57.75,
		Temp2: 0,
		PLL: 455,
		PWM: 2_520,
		PWM1: 2_520,
		PWM2: 2_490,
		macaddress: "100129000001",
	}),
	devs: devsOf({ PGA: 0, Name: "BM-N1Max", Asics: 144, Temperature: 0, "MHS 5s": 3_700_000, PLL: 455 }),
	pools,
};

const baikal: Answers = {
	devs: devsOf(board(0, "BKLU"), board(1, "BKLU")),
	pools: json({
		STATUS: status(7, "2 Pool(s)"),
		POOLS: [
			{
				POOL: 0,
				URL: "a:1",
				Status: "Alive",
				Algorithm: "skein",
				Accepted: 1,
				Rejected: 0,
				"Stratum Active": false,
			},
			{
				POOL: 1,
				URL: "b:1",
				Status: "Alive",
				Algorithm: "qubit",
				Accepted: 2,
				Rejected: 0,
				"Stratum Active": true,
			},
		],
	}),
};

const minerva: Answers = {
	stats: statsOf(
		{
			STATS: 0,
			ID: "C120",
			"Chain ID": "1",
			"MHS 5s": 22_000_000,
			"Chip Count": 102,
			"Device Freq": 600,
			"Temp Avg": 85.875,
			Voltage: 12_170,
			"Fan Duty": 32.25,
			"Fan0 Speed": 3_090,
			"Fan1 Speed": 3_330,
		},
		{ STATS: 1, ID: "POOL0", "Pool Calls": 0 },
	),
	summary: summaryOf({ Elapsed: 10_336, "MHS av": 22_500_000, "MHS 5s": 21_000_000, Netid: "1CC0E1000001" }),
	pools,
};

const dayun: Answers = {
	stats: statsOf({
		STATS: 0,
		ID: "lyra2rev20",
		Elapsed: 3_600,
		"MHS 30S": 3_350.5,
		"Fan Nunber": 2,
		"Fan In": 3_570,
		"Fan Out": 3_540,
		Frequency: 900,
		"Temperature Core": 24,
		CH1: {
			Temperature: 26,
			"MHS 30S": 2_236,
			status: [
				{ x: 0, y: 0, accept: 38, failed: 1 },
				{ x: 0, y: 1, failed: 2 },
			],
		},
		CH2: { Temperature: 22, "MHS 30S": 1_114.5, status: [] },
	}),
	pools,
};

const innerDocument = {
	"top-board": {
		power: 2_176,
		"psu-temp": 47,
		"reported-hashrate": 270_005,
		"max-temp": 97,
		"rear-temp": 66,
		"front-temp": 44,
		"working-asics": 75,
	},
	"bottom-board": {
		power: 2_144,
		"psu-temp": 47,
		"reported-hashrate": 269_410,
		"max-temp": 93,
		"rear-temp": 65,
		"front-temp": 43,
		"working-asics": 75,
	},
	"fan-speeds": [12_028, 11_094],
	"fan-percent": 100,
};

const spondoolies: Answers = {
	stats: statsOf({ STATS: 0, ID: "SP360", "json-stats": JSON.stringify(innerDocument) }),
	summary: summaryOf({ Elapsed: 147_407, "MHS av": 512_000, "MHS 5s": 377_763.5 }, "cgminer 4.10.0-spx"),
	pools,
};

/** A make that no table knows, which says what it mines. */
const cgminerOther: Answers = {
	summary: summaryOf({ Elapsed: 60, "GHS 5s": 13_500.5, "GHS av": 13_400, "Hardware Errors": 2 }),
	devs: devsOf(board(0, "HK1"), board(1, "HK1")),
	stats: statsOf({ STATS: 0, ID: "HK0", "Fan Speed 1": 4_000, "Fan Speed 2": 0 }),
	coin: json({ COIN: [{ "Hash Method": "sha256", "Network Difficulty": 146_472_570_619_930 }] }),
	pools,
};

export const DIALECTS: Readonly<Record<string, Answers>> = {
	hammer,
	blackminer,
	volcminer,
	elphapex,
	goldshell,
	"goldshell-rpc": goldshellRpc,
	iceriver,
	innosilicon,
	"innosilicon-rpc": innosiliconRpc,
	honorknight: honorKnight,
	fluminer,
	jasminer,
	futurebit,
	ebang,
	obelisk,
	bitfury,
	multminer,
	strongu,
	ibelink,
	baikal,
	minerva,
	dayun,
	spondoolies,
	"cgminer-other": cgminerOther,
};
