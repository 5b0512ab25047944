/**
 * Answers of firmwares and models beside the usual ones of a family, written by hand from their protocols: other
 * spellings, numbers as text, parts that are missing, defects of the text itself. Each with the request that gave it,
 * so that the family has to be recognised too.
 */
import type { RecordedAnswer } from "../../../agent/drivers/recording.js";
import { framed, ran, rpc, told, web } from "./record.js";

const repeat = (text: string, times: number) => Array.from({ length: times }, () => text).join(" ");

/** Sixteen slots, of which 6 to 8 are fitted; board 7 has a chip that does not answer, board 8 none that does. */
const s9 = `{"STATUS":[{"STATUS":"S","When":1,"Code":70,"Msg":"CGMiner stats","Description":"cgminer 4.9.0"}],"STATS":[{"CGMiner":"4.9.0","Miner":"16.8.1.3","CompileTime":"Fri Nov 17 17:37:49 CST 2017","Type":"Antminer S9"}{"STATS":0,"ID":"BC50","Elapsed":3600,"GHS 5s":"13112.21","GHS av":13000.50,"miner_count":3,"frequency":"631","fan_num":2,"fan1":0,"fan3":5880,"fan6":4200,"temp6":62,"temp7":60,"temp8":0,"temp2_6":80,"temp2_7":78,"temp2_8":0,"chain_acn5":0,"chain_acn6":63,"chain_acn7":63,"chain_acn8":63,"chain_acs5":"","chain_acs6":" ${repeat("oooooooo", 7)} ooooooo","chain_acs7":" ${repeat("oooooooo", 7)} ooxoooo","chain_acs8":" ${repeat("xxxxxxxx", 7)} xxxxxxx","chain_rate6":"6500.10","chain_rate7":"6612.11","chain_rate8":"0.00"}],"id":1}\0`;

const hydro = {
	STATUS: { STATUS: "S", Msg: "stats", api_version: "1.0.0" },
	INFO: { CompileTime: "Fri Jun 26 09:24:23 CST 2026", type: "Antminer S23 Hyd." },
	STATS: [
		{
			elapsed: 600,
			fan: [],
			fan_num: 0,
			chain_num: 3,
			rate_unit: "GH/s",
			rate_5s: 570_000.5,
			rate_ideal: 580_000,
			watt: 5_525,
			chain: [0, 1, 2].map((index) => ({
				index,
				asic_num: 84,
				asic: ` ${repeat("ooooooooooo", 7)} ooooooo----`,
				freq_avg: 327,
				rate_real: 190_000.1,
				temp_chip: [44, 44, 56, 56],
				temp_pcb: [44, 44, 52, 52],
			})),
		},
	],
};

export const RECORDINGS: Readonly<Record<string, readonly RecordedAnswer[]>> = {
	"an S9 of 2017 with a comma missing, a NUL at its end and chips that do not work": [rpc("stats", s9)],
	"an S23 Hyd. over the RPC's new form, behind a byte order mark": [
		rpc("stats", `\uFEFF${JSON.stringify(hydro)}`, '{"command":"stats","new_api":true}'),
	],
	"a Z15 Pro of which only the summary was recorded": [
		rpc(
			"summary",
			told(
				"SUMMARY",
				[{ "RT HASHRATE": "852.21 Ksol/s", "GHS 5s": 852.2, "GHS av": 841.1, Elapsed: 60, "Total MH": 0 }],
				"jansson 2.12",
			),
		),
	],
	"a Hiveon whose board voltages are in volts and whose frequency is empty": [
		rpc("version", told("VERSION", [{ BMMiner: "4.11.1 rwglr", Type: "Antminer S19x88 Hiveon" }], "bmminer")),
		rpc(
			"stats",
			told(
				"STATS",
				[
					{ BMMiner: "4.11.1 rwglr", Type: "Antminer S19x88 Hiveon" },
					{
						Elapsed: 60,
						"GHS 5s": 66_751,
						frequency: "",
						psu_status: "PSU power lost",
						total_power: 2_345,
						fan_num: 2,
						fan1: 3_090,
						fan2: 3_000,
						fan3: 0,
						chain_acn1: 88,
						chain_acn2: 0,
						chain_acs1: `${repeat("oo", 42)} xx`,
						chain_acs2: "",
						chain_voltage1: 14.2,
						chain_power1: 454,
						freq1: 469,
						temp_chip1: "61-61-61-61",
						temp_chip2: "0-0-0-0",
					},
				],
				"bmminer 1.0.0",
			),
		),
	],
	"a Braiins OS of 2023 of which only the RPC was recorded": [
		rpc("version", told("VERSION", [{ API: "3.7", BOSer: "boser-openwrt 0.1.0-26ba61b9" }], "BOSer")),
		rpc("summary", told("SUMMARY", [{ "MHS 5s": 98_000_500.5, "MHS av": 97e6, Elapsed: 60 }], "BOSer")),
		rpc("tunerstatus", told("TUNERSTATUS", [{ ApproximateMinerPowerConsumption: 3_250 }], "BOSer")),
		rpc(
			"fans",
			told(
				"FANS",
				[
					{ FAN: 0, ID: 0, RPM: 4_200, Speed: 70 },
					{ FAN: 1, ID: 1, RPM: 0 },
				],
				"BOSer",
			),
		),
	],
	"a Braiins OS of 2019, which still was Bitmain's miner": [
		rpc(
			"version",
			told(
				"VERSION",
				[{ BMMiner: "bOS_am1-s9-20190221-0_0a1b2c3d", API: "3.1", CompileTime: "", Type: "braiins-am1-s9" }],
				"bmminer bOS_am1-s9-20190221-0_0a1b2c3d",
			),
		),
		rpc("stats", {
			STATUS: [
				{
					STATUS: "S",
					Code: 70,
					Msg: "BMMiner stats",
					Description: "bmminer bOS_am1-s9-20190221-0_0a1b2c3d",
				},
			],
			STATS: [
				{ BMMiner: "bOS_am1-s9-20190221-0_0a1b2c3d", CompileTime: "", Type: "braiins-am1-s9" },
				{
					STATS: 1,
					ID: "BC50",
					Elapsed: 600,
					"GHS 5s": "13800.50",
					"GHS av": 13_700.5,
					miner_count: 2,
					frequency: "681",
					fan_num: 2,
					fan1: 0,
					fan5: 3_360,
					fan6: 4_440,
					voltage6: 8.8,
					voltage7: 8.7,
					temp6: 55,
					temp7: 54,
					temp2_6: 74,
					temp2_7: 75,
					freq_avg6: 637,
					freq_avg7: 681,
					total_rateideal: 14_002.76,
					chain_acn5: 0,
					chain_acn6: 63,
					chain_acn7: 63,
					chain_rate6: "6900.25",
					chain_rate7: "6900.25",
				},
			],
			id: 1,
		}),
	],
	"a LuxOS of 2023 with board and chip sensors instead of corners, commands joined": [
		rpc(
			"version",
			told("VERSION", [{ LUXminer: "2023.4.4.1", Type: "Antminer S19j Pro" }], "LUXminer 2023.4.4.1"),
		),
		rpc("summary+power+temps+fans", {
			summary: [told("SUMMARY", [{ "GHS 5s": "101000.5", "GHS av": 100_500, Elapsed: "90" }], "LUXminer")],
			power: [told("POWER", [{ PSU: true, Watts: 3_050 }], "LUXminer")],
			temps: [
				told(
					"TEMPS",
					[
						{ ID: 0, Board: 52.5, Chip: 67 },
						{ ID: 1, Board: 0, Chip: 0 },
					],
					"LUXminer",
				),
			],
			fans: [told("FANS", [{ FAN: 0, ID: 0, RPM: 3_300, Speed: 55 }], "LUXminer")],
			id: 1,
		}),
	],
	"a LuxOS on a hydro model that is switched off, its sensors labelled as water's and the board's": [
		rpc(
			"version",
			told("VERSION", [{ LUXminer: "2024.10.3.1", Type: "Antminer S21 Hydro" }], "LUXminer 2024.10.3.1"),
		),
		rpc("summary", told("SUMMARY", [{ "GHS 5s": 0, "GHS av": 300_000.5, Elapsed: 90 }], "LUXminer")),
		rpc(
			"config",
			told(
				"CONFIG",
				[{ CurtailMode: "None", IsPowerSupplyOn: false, Model: "Antminer S21 Hydro" }],
				"LUXminer",
			),
		),
		rpc("temps", {
			...told(
				"TEMPS",
				[
					{
						ID: 0,
						TEMP: 0,
						TopLeft: 56,
						TopRight: 48,
						BottomLeft: 0,
						BottomRight: 42,
						ChipTopLeft: 71.5,
						ChipTopRight: 70,
					},
				],
				"LUXminer",
			),
			METADATA: [
				{
					TopLeft: { Label: "Board Inlet", Position: [0, 1] },
					TopRight: { Label: "Water Outlet", Position: [1, 0] },
					BottomLeft: { Label: "Board Outlet", Position: [0, 0] },
					BottomRight: { Label: "Water Inlet", Position: [1, 1] },
				},
			],
		}),
	],
	"a VNish of the first releases, without state and without a supply's meter": [
		web("GET /api/v1/info", {
			miner: "Antminer S19 Pro",
			fw_name: "Vnish",
			fw_version: "1.0.3",
			serial: "N/A",
			system: { uptime: "1 day, 2:03", network_status: { mac: "02:00:00:00:00:07" } },
		}),
		web("GET /api/v1/summary", {
			miner: {
				instant_hashrate: 110.5,
				average_hashrate: 110,
				power_usage: 3_300,
				power_efficiency: 30,
				hw_errors: 4,
				chains: [
					{ id: 1, frequency: 500, voltage: 14_200, hashrate_rt: 36_800.5, chip_temp: { min: 50, max: 71 } },
				],
				cooling: { fans: [{ id: 0, rpm: 5_160 }] },
			},
		}),
	],
	"an ePIC on hardware for Sia, with a supply that is null": [
		web(
			"GET /summary",
			{
				Software: "PowerPlay-SC 1.2.0",
				Model: "SC200",
				Mining: { Algorithm: "Blake2b" },
				Status: { "Operating State": "Mining", "Last Error": null },
				"Power Supply Stats": null,
				"Fans Rpm": { "Fans Speed 1": 3_000, "Fans Speed 2": null },
				Session: { "Average MHs": 640_000, Uptime: 30, Accepted: 5, Rejected: 0 },
				HBs: [{ Index: 0, Hashrate: [650_000.5, 99.5, 0.1], Temperature: 61, "Input Power": 400 }],
			},
			4_028,
		),
	],
	"a Goldshell for the home whose temperatures are not all fitted": [
		web("GET /mcb/status", { model: "Goldshell-E-KA1M", firmware: "2.3.1" }),
		web("GET /mcb/cgminer?cgminercmd=devs", {
			status: 0,
			data: [
				{
					id: 0,
					hashrate: 5_500_000.5,
					av_hashrate: "5400000",
					temp: "61.5 Â°C / 0.0 Â°C",
					fanspeed: "1500 rpm",
				},
			],
		}),
	],
	"an IceRiver that names no model, with its numbers as floats": [
		web("POST /user/userpanel?post=4", {
			error: 0,
			data: {
				model: "none",
				algo: "none",
				softver1: "ks3m_miner",
				unit: "G",
				rtpow: "6012.50G",
				avgpow: "5990.00G",
				runtime: "01:02:03:04",
				fans: [3_000, 3_060, 0, 0],
				boards: [{ no: 1, chipnum: 54.0, rtpow: "2004.20G", intmp: 41, outtmp: 0, freq: 825.0 }],
				pools: [],
			},
		}),
	],
	"a DG1+ whose chip maps name groups of chips": [
		web("GET /cgi-bin/get_system_info.cgi", {
			minertype: "DG1+",
			Algorithm: "Scrypt",
			macaddr: "02:00:00:00:00:08",
		}),
		web("GET /cgi-bin/stats.cgi", {
			STATUS: { STATUS: "S" },
			INFO: { type: "DG1+", miner_version: "DG1+_SW_V1.0.2" },
			STATS: [
				{
					rate_unit: "MH/s",
					elapsed: 357_352,
					rate_5s: 14_531.88,
					rate_ideal: 14_229,
					chain_num: 1,
					fan: ["5340", "5400"],
					fan_num: 2,
					chain: [
						{
							index: 0,
							asic_num: 204,
							asic: "ooooooooo oooooooo",
							freq_avg: 62_000,
							rate_real: 3_553.5,
							temp_chip: ["47125", "50500", "", ""],
							temp_pcb: [47, 46],
						},
					],
				},
			],
		}),
	],
	"a NerdQAxe whose sensors and averages are partly missing": [
		web("GET /api/system/info", {
			deviceModel: "NerdQAxe++",
			ASICModel: "BM1370",
			hashRate: 4_800.5,
			hashRate_1h: null,
			power: 76.5,
			voltage: 12_100,
			current: 6_300,
			temp: 61.25,
			vrTemp: 0,
			asicTemps: [0, 0, 0, 0],
			fans: [{ rpm: 4_100, speedPerc: 60 }],
			overheat_mode: 0,
			sharesAccepted: "12",
			bestDiff: "2.03 G",
			uptimeSeconds: 77,
		}),
	],
	"an Avalon Nano whose supply tells its input": [
		rpc(
			"version",
			told("VERSION", [{ PROD: "Avalon Nano3s", MODEL: "Nano3s", DNA: "0201000000000001" }], "cgminer"),
		),
		rpc("estats", {
			STATUS: [{ STATUS: "S", Code: 70, Msg: "CGMiner stats", Description: "cgminer 4.11.1" }],
			STATS: [
				{
					STATS: 0,
					ID: "AVA100",
					Elapsed: 55,
					"MM ID0":
						"Ver[Nano3s-25021401_56abae7] DNA[0201000000000001] SYSTEMSTATU[Work: In Work, Hash Board: 1 ] Elapsed[55] GHSspd[6105.50] GHSavg[6000.00] GHSmm[6200.00] MGHS[6000.00] PS[0 0 27452 4 0 3652 131] Temp[38] TMax[95] TAvg[86] Fan1[1380] FanR[37%] TA[12] Freq[492.21] ITemp[-273] HBITemp[-273] ECHU[0] ECMM[0]",
				},
			],
		}),
	],
	"an Avalon Nano 3, whose DNA is of zeros and whose supply is written in an order of its own": [
		rpc(
			"version",
			told("VERSION", [{ PROD: "Avalonnano", MODEL: "nano3", VERSION: "25103101_0a1b2c3" }], "cgminer"),
		),
		rpc(
			"stats",
			told(
				"STATS",
				[
					{
						ID: "AVANANO0",
						"MM ID0":
							"HashStatus[1] Ver[nano3-25103101_0a1b2c3] HVer[25103101_4d5e6f7] DNA[0000000000000000] HDNA[02010000aabbccdd] Elapsed[600] Temp[48] OTemp[38] TMax[93] TAvg[90] TarT[90] Fan1[3870] FanR[48%] Vo[0] PS[0 0 0 3 2790 88 322] GHSspd[2750.50] GHSmm[2800.00] GHSavg[2700.00] Freq[0.00] MGHS[2700.00] MTmax[93] MTavg[90] TA[10] SoftOFF[0] ECHU[0] ECMM[0] WORKLEVEL[1] MPO[90]",
					},
				],
				"cgminer 4.11.1",
			),
		),
	],
	"an Avalon Mini 3, asked and answered in text": [
		rpc(
			"version",
			"STATUS=S,When=1,Code=22,Msg=CGMiner versions,Description=cgminer 4.11.1|VERSION,CGMiner=4.11.1,API=3.7,PROD=Avalon Mini3,MODEL=Mini3,HWTYPE=M_MM1v1_X1,LVERSION=25011701_0a1b2c3,DNA=020100008644aabb,MAC=02000000000a|",
			"version",
		),
		rpc(
			"stats",
			"STATUS=S,When=1,Code=70,Msg=CGMiner stats,Description=cgminer 4.11.1|STATS=0,ID=AVALON0,Elapsed=600,MM ID0=HashStatus[0] Ver[Mini3-25011701_0a1b2c3] DNA[020100008644aabb] NETFAIL[0 0 0 0 0 0 0 0] SYSTEMSTATU[Work: In Work, Hash Board: 1] Elapsed[612] ITemp[39] OTemp[63] HBTemp[75] TMax[86] TAvg[82] TarT[75] Fan1[3000] FanR[100%] PS[0 1210 2083 37 760 2085 824] GHSspd[37500.50] GHSmm[38000.00] GHSavg[37000.00] Freq[300.00] MGHS[37000.00] MTmax[86] MTavg[82] TA[60] ECHU[0] ECMM[0] WORKMODE[1] WORKLEVEL[0] MPO[800],MM Count=1|",
			"stats",
		),
	],
	"a StrongU, asked and answered in text": [
		rpc(
			"summary",
			"STATUS=S,When=1,Code=11,Msg=Summary,Description=cgminer 4.11.1|SUMMARY,Elapsed=600,Miner type=DCR,Fan1 Speed=3000,MHS av=50000000.00,MHS 5s=51000000.50,Accepted=9,Rejected=1|",
			"summary",
		),
		rpc(
			"devs",
			"STATUS=S,When=1,Code=9,Msg=1 ASC(s),Description=cgminer 4.11.1|ASC=0,Name=STU-U1++,ID=0,Enabled=Y,Status=Alive,Temperature=61.50,MHS av=50000000.00,MHS 5s=51000000.50|",
			"devs",
		),
	],
	"an A10 whose rates in MH/s are H/s, and which calls its chains HLT": [
		web("POST /api/summary", {
			success: true,
			DEVS: [0, 1].map((place) => ({
				ASC: place,
				Name: "HLT",
				Temperature: 39 + place,
				"MHS 5s": 250_000_000.5,
				"MHS av": 240_000_000,
				"Hash Rate": 241.5,
				Unit: "MH/s",
				"Hash Rate H": 241_500_000,
			})),
			HARDWARE: { "Fan duty": 80 },
		}),
	],
	"a rocm-smi that was asked for nothing": [
		ran(
			"rocm-smi",
			"Device  Node  IDs              Temp        Power     Partitions          SCLK     MCLK    Fan  Perf  PwrCap  VRAM%  GPU%\n              (DID,     GUID)  (Junction)  (Socket)  (Mem, Compute, ID)\n=====\n0       1     0x744c,   123    45.0°C      211.5W    NPS1, SPX, 0        2100Mhz  900Mhz  12%  auto  750.0W  40%    97%\n1       2     0x744c,   124    44.0°C      N/A       NPS1, SPX, 0        None     900Mhz  0%   auto  750.0W  0%     0%\n",
		),
	],
	"a rocm-smi whose table was asked for as CSV": [
		ran(
			"rocm-smi -P -t --showproductname --csv",
			"device,Temperature (Sensor edge) (C),Average Graphics Package Power (W),Card Series,GFX Version  \ncard0,31.0,19.5,Radeon RX 7900 XTX,gfx1100\ncard1,N/A,N/A,Radeon RX 7900 XTX,gfx1100\n\n",
		),
	],
	"an amd-smi that warns before it answers": [
		ran(
			"amd-smi metric --json",
			'WARNING: User is missing the render group\n\n[{"gpu":0,"power":{"socket_power":{"value":142,"unit":"W"}}}]',
		),
	],
	"a Jasminer, whose rates are texts with their unit": [
		web("GET /cgi-bin/minerStatus_all.cgi", {
			summary: {
				miner: "JASMINER X4 1U",
				version: "20220101",
				machine_sn: "X4A1",
				uptime: 600,
				rt: "520.50 MH/s",
				avg: "519.10 MH/s",
				rejectRate: "0.10 %",
				temp_min: 51,
				temp_max: 66,
			},
			boards: {
				fan_num: 2,
				fan1: 2_400,
				fan2: 2_460,
				fan_percent1: "45",
				fan_percent2: "45",
				board: [
					{
						asics: 2,
						freq: 500,
						rate: "260.25 MH/s",
						temp: 48,
						asic_stat: "oo",
						asic0_temp: 60,
						asic1_temp: 66,
					},
					{
						asics: 2,
						freq: 500,
						rate: "260.25 MH/s",
						temp: 47,
						asic_stat: "oo",
						asic0_temp: 51,
						asic1_temp: 0,
					},
				],
			},
			pools: {
				pool: [
					{ status: "Alive", url: "stratum+tcp://pool.example:1", user: "u", works: 9, accept: 8, reject: 1 },
					{ status: "Dead" },
				],
			},
		}),
	],
	"a Whatsminer of API 3 that refuses its boards": [
		framed('{"cmd":"get.device.info"}', {
			code: 0,
			when: 1,
			msg: {
				miner: { type: "M60S+_VL50", working: "true", "board-num": "3", "miner-sn": "HTM1" },
				network: { mac: "02:00:00:00:00:09", hostname: "wm" },
				system: { fwversion: "20241212.17.Rel" },
				power: { mode: "normal", fanspeed: "25.7", vin: 233.5, iin: 15.2, pin: "n/a", temp0: 38 },
				"error-code": [{ "264": "2026-01-01 00:00:00", reason: "fan" }],
			},
			desc: "get.device.info",
		}),
		framed('{"cmd":"get.miner.status","param":"summary"}', {
			code: 0,
			when: 1,
			msg: {
				summary: {
					"hash-realtime": 191.55,
					"hash-average": 190.1,
					"factory-hash": 186,
					"power-realtime": 3_450,
					"board-temperature": [61.5, 62.5, 60],
					"chip-temp-max": 84.5,
					"fan-speed-in": 4_200,
					"fan-speed-out": 0,
					elapsed: 30,
				},
			},
			desc: "get.miner.status",
		}),
		framed('{"cmd":"get.miner.status","param":"edevs"}', {
			code: -2,
			when: 1,
			msg: "invalid command",
			desc: "",
		}),
	],
	"an Auradine whose supply idles and whose chip sensors are null": [
		rpc(
			"summary",
			told("SUMMARY", [{ "MHS 5s": "145000000.50", "MHS av": 144e6, Elapsed: 9 }], "GCMiner 1.0.1"),
		),
		rpc(
			"psu",
			told("PSU", [{ ID: 1, PowerIn: "2158.50W", Vin: "245.00V", FanSpeed1: "4052.00 RPM" }], "FluxOS"),
		),
		rpc(
			"temperature",
			told(
				"Temperature",
				[
					{ ID: 0, BoardTemp: [{ ID: 0, Temperature: 30 }], ChipTemp: null },
					{ ID: 1, BoardTemp: [{ ID: 0, Temperature: 51.5 }], ChipTemp: null },
				],
				"FluxOS",
			),
		),
	],
	"a Blackminer's brother with a value missing and an infinite one": [
		rpc(
			"stats",
			'{"STATUS":[{"STATUS":"S","Code":70,"Msg":"CGMiner stats","Description":"ccminer 2.3.3"}],"STATS":[{"CGMiner":"2.3.3","Type":"Hammer D10"},{"STATS":0,"Elapsed":60,"MHS 5s":"5,000.5","MHS av":-nan(ind),"temp1":,"fan1":4650,"fan_num":1,"chain_acn1":108,"chain_rate1":"5000.5"}],"id":1}',
		),
	],
	"a LuxOS of one board, whose details stand in for the stats": [
		rpc("summary", told("SUMMARY", [{ "GHS 5s": 9_000.5, Elapsed: 60 }], "LUXminer 2026.9.21.003141-c8f2")),
		rpc("power", told("POWER", [{ PSU: false, Watts: 398 }], "LUXminer")),
		rpc("devs", told("DEVS", [{ ID: 1, "MHS 5s": 9_000_500, IsUserShutdown: false }], "LUXminer")),
		rpc("devdetails", told("DEVDETAILS", [{ ID: 1, Chips: 126, Frequency: 145, Voltage: 12.1 }], "LUXminer")),
	],
	"an Antminer that names a firmware of a brand behind its model, with a board that stands": [
		rpc(
			"version",
			told("VERSION", [{ Type: "Antminer T21 (9Brands 1.2.6-rc1)", CGMiner: "4.11.1" }], "cgminer"),
		),
		rpc(
			"stats",
			told(
				"STATS",
				[
					{ CGMiner: "4.11.1", Type: "Antminer T21 (9Brands 1.2.6-rc1)" },
					{
						STATS: 0,
						"GHS 5s": 100_000.5,
						miner_count: 2,
						chain_acn1: 108,
						chain_acn2: 108,
						freq_avg1: 500,
						freq_avg2: 0,
						chain_rate1: "100000.50",
						chain_rate2: "0.00",
					},
				],
				"cgminer",
			),
		),
	],
};
