/** Answers of GPU hosts and inference servers, written by hand from the tools' documents. Shared by several tests. */
import type { Answers } from "../../../agent/drivers/driver.js";

const json = (value: unknown) => ({ text: JSON.stringify(value) });
const of = (value: number, unit: string) => ({ value, unit });

const amdSmi: Answers = {
	metric: json({
		gpu_data: [
			{
				gpu: 0,
				usage: { gfx_activity: of(100, "%"), umc_activity: of(35, "%"), mm_activity: "N/A" },
				power: { socket_power: of(542, "W"), gfx_voltage: "N/A", throttle_status: "UNTHROTTLED" },
				temperature: { edge: "N/A", hotspot: of(71, "C"), mem: of(52, "C") },
				mem_usage: { total_vram: of(16_368, "MB"), used_vram: of(14_569, "MB") },
				energy: { total_energy_consumption: of(1_234.5, "J") },
				clock: { gfx_0: { clk: of(2_100, "MHz") } },
				fan: { speed: "N/A", rpm: "N/A", usage: "N/A" },
			},
			{ gpu: 1, power: { socket_power: "N/A" }, temperature: { hotspot: of(38, "C") } },
		],
	}),
	list: json([{ gpu: 0, bdf: "0000:05:00.0", uuid: "uuid-0" }]),
	static: json({
		gpu_data: [{ gpu: 0, asic: { market_name: "Instinct MI300X" }, limit: { socket_power: of(750, "W") } }],
	}),
};

const amdSmiText: Answers = {
	metric: {
		text: "GPU: 0\n    POWER:\n        SOCKET_POWER: 20 W\n        GFX_VOLTAGE: 780 mV\n        THROTTLE_STATUS: UNTHROTTLED\n\nGPU: 1\n    POWER:\n        SOCKET_POWER: 35 W\n    TEMPERATURE:\n        EDGE: 41 °C\n        HOTSPOT: N/A\n",
	},
};

const rocmSmi: Answers = {
	all: json({
		card0: {
			"Unique ID": "0x79cc",
			"Temperature (Sensor edge) (C)": "53.0",
			"Temperature (Sensor junction) (C)": "55.0",
			"sclk clock speed:": "(300Mhz)",
			"Max Graphics Package Power (W)": "290.0",
			"Average Graphics Package Power (W)": "36.0",
			"GPU use (%)": "0",
			"VRAM Total Memory (B)": "34342961152",
			"Card series": "Instinct MI100",
		},
		card1: {
			"Unique ID": "N/A",
			"PCI Bus": "0000:83:00.0",
			"Current Socket Graphics Package Power (W)": "7.222",
			"GPU Memory Allocated (VRAM%)": "12",
			"Card Series": "0x1002",
		},
		system: { "Driver version": "6.3.6" },
	}),
};

const rocmSmiText: Answers = {
	all: {
		text: "GPU[0]\t\t: Average Graphics Package Power (W): 237.0\nGPU[1]\t\t: Average Graphics Package Power (W): N/A (Secondary die)\nGPU[1]\t\t: GPU use (%): 3\n",
	},
};

const rocmSmiTable: Answers = {
	all: { text: "device,Average Graphics Package Power (W),Card Series\ncard0,19.5,Radeon RX 7900 XTX\n" },
};

const metric = (name: string, value: number) => ({ metrics_type: `XPUM_STATS_${name}`, value });

const intelXpu: Answers = {
	stats: json({
		device_id: 0,
		device_level: [metric("POWER", 63.26), metric("ENERGY", 16_169_744)],
		tile_level: [
			{
				tile_id: 0,
				data_list: [
					metric("POWER", 24.12),
					metric("GPU_UTILIZATION", 100),
					metric("MEMORY_USED", 8_000_000_000),
				],
			},
			{
				tile_id: 1,
				data_list: [
					metric("POWER", 8.78),
					metric("GPU_UTILIZATION", 0),
					metric("MEMORY_USED", 1_000_000_000),
				],
			},
		],
	}),
	discovery: json({ device_list: [{ device_id: 0, device_name: "Data Center GPU Max", uuid: "uuid-0" }] }),
};

const SHOWN = [
	"| NVIDIA-SMI 610.43.02              KMD Version: 610.43.02     CUDA UMD Version: 13.3     |",
	"|   0  NVIDIA H200                    On  |   00000000:83:00.0 Off |                    0 |",
	"| N/A   40C    P0            130W /  700W |      44MiB / 143771MiB |     12%      Default |",
	"|                                         |                        |             Disabled |",
	"|   1  Tesla T4                     WDDM  |   00000000:84:00.0  On |                  N/A |",
	"| ERR!  N/A    P8            N/A  /  N/A  |       4MiB /  15360MiB |      0%      Default |",
];

const QUERIED = [
	"==============NVSMI LOG==============",
	"Driver Version                                         : 610.43.02 [Deprecated; use KMD Version instead]",
	"GPU 00000000:83:00.0",
	"    Product Name                                       : NVIDIA H200",
	"    MIG Mode",
	"        Current                                        : Enabled",
	"    MIG Device",
	"        Index                                          : 0",
	"        Shared FB Memory Usage",
	"            Total                                      : 71424 MiB",
	"    GPU UUID                                           : GPU-a",
	"    GPU Recovery Action                                : Reset",
	"    Fan Speed                                          : N/A",
	"    Performance State                                  : P0",
	"    Clocks Event Reasons",
	"        SW Power Cap                                   : Active",
	"        HW Slowdown                                    : Not Active",
	"            HW Thermal Slowdown                        : Not Active",
	"    FB Memory Usage",
	"        Total                                          : 143771 MiB",
	"        Used                                           : 44 MiB",
	"    Utilization",
	"        GPU                                            : 12 %",
	"        Memory                                         : N/A",
	"    ECC Errors",
	"        Volatile",
	"            SRAM Correctable                           : 1",
	"            SRAM Uncorrectable Parity                  : 0",
	"            DRAM Correctable                           : 2",
	"        Aggregate",
	"            DRAM Correctable                           : 9",
	"    Temperature",
	"        GPU Current Temp                               : 40 C",
	"        Memory Max Operating T.Limit Temp Specification: 0 C",
	"    GPU Power Readings",
	"        Average Power Draw                             : 130.28 W",
	"        Instantaneous Power Draw                       : 130.66 W",
	"        GPU Ceiling Power Limit",
	"            Current Power Limit                        : 700.00 W",
	"        Max Power Limit                                : 700.00 W",
	"    Module Power Readings",
	"        Average Power Draw                             : 9999 W",
];

const intelXpuText: Answers = {
	table: {
		text: "| Device ID                   | 0   |\n| GPU Utilization (%)         | 0   |\n| GPU Power (W)               | 15  |\n| GPU Frequency (MHz)         | 2050 |\n| GPU Memory Temperature (C)  |     |\n",
	},
};

const gaudi: Answers = {
	aips: {
		text: [
			"index, uuid, name, serial, bus_id, driver_version, temperature.aip, utilization.aip, memory.total [MiB], memory.used [MiB], memory.free [MiB], power.draw",
			"0, 01P0-1, HL-325L, AM01, 0000:33:00.0, 1.22.1-97ec1a4, 36 C, 0 %, 131072 MiB, 672 MiB, 130400 MiB, 226 W",
			"1, 01P0-2, HL-325L, AM02, 0000:9a:00.0, 1.22.1-97ec1a4, 51 C, 97 %, 131072 MiB, 98304 MiB, 32768 MiB, 612 W",
			"",
		].join("\n"),
	},
	later: {
		text: "uuid, power.max, clocks.current.soc [MHz]\n01P0-2, 850 W, 1600 MHz\n01P0-1, 850 W, 200 MHz\n",
	},
};

const gaudiExporter: Answers = {
	metrics: {
		text: [
			'habanalabs_power_mW{Serial="AM01",UUID="01P0-1",device="acc0",driver="1.22.1"} 226000',
			'habanalabs_power_default_limit_mW{Serial="AM01",UUID="01P0-1",device="acc0",driver="1.22.1"} 850000',
			'habanalabs_temperature_onchip{Serial="AM01",UUID="01P0-1",device="acc0",driver="1.22.1"} 36',
			'habanalabs_utilization{Serial="AM01",UUID="01P0-1",device="acc0",driver="1.22.1"} 12',
			'habanalabs_memory_total_bytes{Serial="AM01",UUID="01P0-1",device="acc0",driver="1.22.1"} 1.37438953472e+11',
			"",
		].join("\n"),
	},
};

const gpuExporter: Answers = {
	metrics: {
		text: [
			'nvidia_smi_gpu_info{driver_version="590.48.01",name="NVIDIA H100",uuid="aaaa"} 1',
			'nvidia_smi_power_draw_watts{uuid="aaaa"} 631.95',
			'nvidia_smi_clocks_current_sm_clock_hz{uuid="aaaa"} 1.98e+09',
			'nvidia_smi_clocks_event_reasons_active{uuid="aaaa"} 4',
			'nvidia_smi_remapped_rows_correctable{uuid="aaaa"} 2',
			'nvidia_smi_remapped_rows_uncorrectable{uuid="aaaa"} 1',
			'nvidia_smi_remapped_rows_failure{uuid="aaaa"} 0',
			'nvidia_smi_energy_joules_total{uuid="aaaa"} 5.5e+06',
			'nvidia_smi_mig_info{uuid="aaaa",mig_uuid="MIG-1",gpu_instance_id="1"} 1',
			'nvidia_smi_mig_info{uuid="aaaa",mig_uuid="MIG-2",gpu_instance_id="2"} 1',
			'nvidia_smi_xid_errors_total{uuid="aaaa",xid="79"} 1',
			'nvidia_smi_xid_last_timestamp_seconds{uuid="aaaa",xid="31"} 1.7e+09',
			'nvidia_smi_xid_last_timestamp_seconds{uuid="aaaa",xid="79"} 1.8e+09',
			"nvidia_smi_command_exit_code 0",
		].join("\n"),
	},
};

const allSmi: Answers = {
	metrics: {
		text: [
			'all_smi_gpu_power_consumption_watts{gpu="NVIDIA H200",instance="node-1",uuid="GPU-1",index="0"} 400.5',
			'all_smi_gpu_utilization{gpu="NVIDIA H200",instance="node-1",uuid="GPU-1",index="0"} 25.5',
			'all_smi_energy_consumed_joules_total{host="node-1",scope="gpu",gpu_index="0",gpu_uuid="GPU-1"} 8.43e6',
			'all_smi_energy_consumed_joules_total{host="node-1",scope="chassis"} 6.13e7',
		].join("\n"),
	},
};

const rocmExporter: Answers = {
	metrics: {
		text: [
			'gpu_package_power{gpu_id="0",gpu_partition_id="0",serial_number="PCB1",card_series="MI300X",hostname="h1"} 542',
			'gpu_package_power{gpu_id="1",gpu_partition_id="1",serial_number="PCB1",card_series="MI300X",hostname="h1"} 0',
			'gpu_energy_consumed{gpu_id="0",serial_number="PCB1"} 5000000',
			'gpu_total_vram{gpu_id="0",serial_number="PCB1"} 196608',
		].join("\n"),
	},
};

const inference: Answers = {
	served: {
		text: [
			'vllm:prompt_tokens_total{model_name="a/model-8b",engine="0"} 4000',
			'vllm:prompt_tokens_total{model_name="b",engine="0"} 5000',
			'vllm:generation_tokens_total{model_name="a/model-8b",engine="0"} 600',
			'vllm:generation_tokens_total{model_name="a/model-8b",engine="1"} 400',
			'vllm:generation_tokens_total{model_name="b",engine="0"} 500',
			'vllm:num_requests_running{model_name="a/model-8b"} 5',
			'vllm:num_requests_waiting{model_name="a/model-8b"} 7',
			'vllm:kv_cache_usage_perc{model_name="a/model-8b"} 0.5',
		].join("\n"),
	},
	loaded: json({ models: [{ name: "b", size_vram: 5 }] }),
};

const trex: Answers = {
	summary: json({
		name: "t-rex",
		version: "0.26.8",
		algorithm: "kawpow",
		uptime: 600,
		hashrate: 60_500_000,
		hashrate_minute: 60_000_000,
		accepted_count: 12,
		rejected_count: 1,
		paused: false,
		gpus: [
			{
				device_id: 0,
				name: "RTX 3080",
				uuid: "aa11",
				hashrate: 45_250_000,
				power: 230,
				power_avr: 228,
				temperature: 58,
				memory_temperature: 92,
				fan_speed: 70,
				cclock: 1_500,
				mclock: 10_000,
			},
			{
				device_id: 1,
				name: "GTX 1070",
				uuid: "bb22",
				hashrate: 15_250_000,
				power: 0,
				temperature: 60,
				fan_speed: 0,
			},
		],
	}),
};

/** A worker's name that is a number stands without quotes in one release. */
const lolMiner: Answers = {
	summary: {
		text: JSON.stringify({
			Software: "lolMiner 1.46",
			Session: { Uptime: 600 },
			Workers: [
				{
					Index: 0,
					Name: "RX 6800",
					Power: 120.5,
					CCLK: 1_200,
					MCLK: 1_060,
					Core_Temp: 50,
					Juc_Temp: 55,
					Mem_Temp: 70,
					Fan_Speed: 60,
					PCIE_Address: "3:0",
				},
				{
					Index: 1,
					Name: "RX 6800",
					Power: 121,
					Core_Temp: 51,
					Juc_Temp: 0,
					Fan_Speed: 61,
					PCIE_Address: "6:0",
				},
			],
			Algorithms: [
				{
					Algorithm: "Etchash",
					Worker: "WORKER",
					Performance_Unit: "Mh/s",
					Performance_Factor: 1_000_000,
					Total_Performance: 120.5,
					Total_Accepted: 6,
					Total_Rejected: 1,
					Total_Stales: 2,
					Worker_Performance: [60.25, 60.25],
				},
			],
		}).replace('"WORKER"', "004"),
	},
};

const teamRedMiner: Answers = {
	devs: json({
		STATUS: [{ STATUS: "S", Msg: "1 GPU(s)", Description: "TeamRedMiner 0.10.21" }],
		DEVS: [
			{
				GPU: 0,
				Status: "Alive",
				Temperature: 61,
				"Fan Speed": 2_106,
				"Fan Percent": 47,
				"GPU Clock": 1_187,
				"Memory Clock": 1_500,
				"GPU Voltage": 0.85,
				"MHS av": 28.1,
				"MHS 30s": 28.25,
				Accepted: 9,
				"Device Elapsed": 103,
			},
		],
	}),
	pools: json({
		STATUS: [{ STATUS: "S" }],
		POOLS: [
			{ URL: "x", Algorithm: "ethash", Status: "Alive", Accepted: 9, Rejected: 0, "Stratum Active": true },
		],
	}),
};

const xmrig: Answers = {
	summary: json({
		worker_id: "host-7",
		uptime: 600,
		version: "6.21.0",
		ua: "XMRig/6.21.0",
		algo: "rx/0",
		cpu: { brand: "AMD EPYC 7443" },
		hashrate: { total: [12_500.5, 12_400, null] },
		results: { shares_good: 40, shares_total: 41, hashes_total: 5_000 },
		connection: { uptime: 590 },
	}),
};

export const WRITTEN_GPU_HOSTS: Readonly<Record<string, Answers>> = {
	"amd-smi": amdSmi,
	"amd-smi-text": amdSmiText,
	"rocm-smi": rocmSmi,
	"rocm-smi-text": rocmSmiText,
	"rocm-smi-csv": rocmSmiTable,
	"intel-xpu": intelXpu,
	"nvidia-smi-text": { query: { text: QUERIED.join("\n") } },
	"nvidia-smi-shown": { table: { text: SHOWN.join("\n") } },
	"intel-xpu-text": intelXpuText,
	"intel-gaudi": gaudi,
	"intel-gaudi-exporter": gaudiExporter,
	"nvidia-gpu-exporter": gpuExporter,
	"all-smi": allSmi,
	"rocm-exporter": rocmExporter,
	inference,
	"t-rex": trex,
	lolminer: lolMiner,
	teamredminer: teamRedMiner,
	xmrig,
};
