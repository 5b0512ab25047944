/** GPU hosts by the tools and exporters of every make, each written by hand; and what they serve. */
import { describe, expect, it } from "vitest";
import { driverByName } from "../../../agent/drivers/catalog.js";
import { decode } from "../../../agent/drivers/decode.js";
import type { Answers } from "../../../agent/drivers/driver.js";
import { loadFormats, parseAnswer } from "../../../agent/drivers/formats/parse-answer.js";
import { recognisedBy } from "../../../agent/drivers/identify.js";
import { readRecording } from "../../../agent/drivers/recording.js";
import type { Reading } from "../../../shared/reading.js";
import { WRITTEN_GPU_HOSTS } from "./written-gpu-hosts.js";

await loadFormats(new Set(["xml"]));

function read(driver: string, answers: Answers | undefined = WRITTEN_GPU_HOSTS[driver]): Reading {
	const known = driverByName(driver);
	if (known === undefined || answers === undefined) throw new Error(`no driver or answers: ${driver}`);
	const decoded = decode(known, answers);
	if (decoded.kind === "failure") throw new Error(`${decoded.what} [${decoded.code}]`);
	return decoded.reading;
}

const gpus = (driver: string) =>
	read(driver).components.flatMap(({ part, key, values }) => (part === "gpu" ? [{ key, ...values }] : []));

const MEBI = 1_048_576;

it("takes dcgm-exporter's words for no value as absent, as 32 and 64 bits and as a fraction, without a fault", () => {
	const text = [
		'DCGM_FI_DEV_POWER_USAGE{gpu="0"} 7.5',
		'DCGM_FI_DEV_MEMORY_TEMP{gpu="0"} 9223372036854775794',
		'DCGM_FI_DEV_ECC_SBE_VOL_TOTAL{gpu="0"} 2147483634',
		'DCGM_FI_DEV_POWER_MGMT_LIMIT{gpu="0"} 140737488355328.000000',
	].join("\n");
	const { components, faults } = read("dcgm-exporter", { metrics: { text } });
	expect(components.map(({ values }) => Object.keys(values))).toEqual([
		["powerWatts", "powerSource", "powerBoundary"],
	]);
	expect(faults).toEqual([]);
});

describe("NVIDIA GPUs by nvidia-smi", () => {
	const TABLE = {
		text: [
			"uuid, name, power.draw [W], utilization.gpu [%], ecc.errors.uncorrected.volatile.total, ecc.errors.corrected.volatile.total",
			"GPU-a, A100, 212.50 W, [N/A], 1, 12",
			"GPU-b, A100, 60.00 W, 3 %, [N/A], [N/A]",
		].join("\n"),
	};
	const later = { text: "uuid, mig.mode.current\nGPU-a, Enabled\nGPU-b, Disabled" };
	const instances = {
		text: "GPU 0: NVIDIA A100 (UUID: GPU-a)\n  MIG 1g.5gb      Device  0: (UUID: MIG-1)\n  MIG 3g.20gb     Device  1: (UUID: MIG-2)\nGPU 1: NVIDIA A100 (UUID: GPU-b)\n",
	};

	it("have the watts of the whole card beside two instances of the split one, and 12 errors repaired of 13", () => {
		const split = read("nvidia-smi", { gpus: TABLE, later, instances }).components.map(
			({ values }) => values,
		);
		expect(split[0]).toMatchObject({
			powerWatts: 212.5,
			multiInstanceGpu: 1,
			multiInstanceCount: 2,
			uncorrectedEccErrors: 1,
			correctedEccErrors: 12,
		});
		expect(split[0]).not.toHaveProperty("gpuUtilizationRatio");
		expect(split[1]).toMatchObject({ powerWatts: 60, multiInstanceGpu: 0 });
		expect(split[1]).not.toHaveProperty("multiInstanceCount");
		expect(split[1]).not.toHaveProperty("correctedEccErrors");
	});

	it("are read from a table without header and units by the columns that its request names", () => {
		const recorded = {
			file: "smi.txt",
			over: "command",
			request:
				"nvidia-smi --query-gpu=gpu_uuid,gpu_name,power.draw,memory.used --format=csv,noheader,nounits",
			text: "GPU-a, NVIDIA L4, 16.50, 1024\nGPU-b, NVIDIA L4, [N/A], 0\n",
		} as const;
		const recording = readRecording([recorded]);
		if (!("driver" in recording)) return expect.fail(recording.what);
		const answers = recording.states[0]?.answers ?? {};
		expect(read(recording.driver.name, answers).components).toEqual([
			{
				part: "gpu",
				key: "GPU-a",
				values: expect.objectContaining({ powerWatts: 16.5, memoryUsedBytes: 1024 * MEBI }),
			},
			{ part: "gpu", key: "GPU-b", values: { memoryUsedBytes: 0 } },
		]);
		return undefined;
	});

	it("have no watts where the tool writes an error in their place, and no fault of the reading", () => {
		const text =
			"uuid, power.draw [W], fan.speed [%], temperature.gpu\nGPU-a, [Unknown Error], ERR!, [GPU requires reset]\nGPU-b, 60.5 W, 30 %, 41";
		const { components, faults } = read("nvidia-smi", { gpus: { text } });
		expect(components.map(({ values }) => values.powerWatts)).toEqual([undefined, 60.5]);
		expect(faults).toEqual([]);
	});

	it.each([
		[
			"nvidia-smi",
			"gpus",
			"index, uuid, name, power.draw [W]\n0, GPU-a, H100, 60.5 W\n1, GPU-b, H100, [GPU requires reset]\n2, [GPU is lost], [GPU is lost], [GPU is lost]",
			"2",
		],
		[
			"nvidia-smi-xml",
			"query",
			`<nvidia_smi_log>
				<gpu id="0:01"><uuid>GPU-a</uuid><product_name>H100</product_name><power_readings><power_draw>60.5 W</power_draw></power_readings></gpu>
				<gpu id="0:02"><uuid>GPU-b</uuid><product_name>H100</product_name><power_readings><power_draw>GPU requires reset</power_draw></power_readings></gpu>
				<gpu id="0:03"><uuid>GPU is lost</uuid><product_name>GPU is lost</product_name></gpu>
			</nvidia_smi_log>`,
			"0:03",
		],
	])(
		"by %s tell one that waits for a reset and one that is lost among the error codes",
		(driver, request, text, name) => {
			const { components, errorCodes, identity } = read(driver, { [request]: { text } });
			expect(components.map(({ key, values }) => [key, values.powerWatts])).toEqual([
				["GPU-a", 60.5],
				["GPU-b", undefined],
			]);
			expect(errorCodes).toEqual(["GPU-b: GPU requires reset", `${name}: GPU is lost`]);
			expect(identity.model).toBe("H100");
		},
	);

	it("have no number of instances where the list of them did not come", () => {
		const [first] = read("nvidia-smi", { gpus: TABLE, later }).components;
		expect(first?.values).toMatchObject({ multiInstanceGpu: 1 });
		expect(first?.values).not.toHaveProperty("multiInstanceCount");
	});
});

describe("AMD GPUs", () => {
	it("are read from amd-smi's wrapped list, 542 W at a hotspot of 71 °C and no edge sensor", () => {
		const [first, second] = gpus("amd-smi");
		expect(first).toMatchObject({
			key: "uuid-0",
			powerWatts: 542,
			powerLimitWatts: 750,
			junctionTemperatureCelsius: 71,
			memoryTemperatureCelsius: 52,
			gpuUtilizationRatio: 1,
			memoryUsedBytes: 14_569 * MEBI,
			energyConsumedJoules: 1_234.5,
			throttled: 0,
		});
		expect(first).not.toHaveProperty("gpuTemperatureCelsius");
		expect(second).not.toHaveProperty("powerWatts");
	});

	it("have the limits of either release: 750 W under ppt0 of 1,000 W", () => {
		const metric = { text: '[{"gpu":0,"power":{"socket_power":{"value":140,"unit":"W"}}}]' };
		const fixed = {
			text: '[{"gpu":0,"limit":{"ppt0":{"socket_power_limit":{"value":750,"unit":"W"},"max_power_limit":{"value":1000,"unit":"W"}}}}]',
		};
		expect(read("amd-smi", { metric, static: fixed }).components[0]?.values).toMatchObject({
			powerLimitWatts: 750,
			powerLimitMaximumWatts: 1_000,
		});
	});

	it("are read from a bare list alike", () => {
		const metric = { text: '[{"gpu":3,"power":{"average_socket_power":{"value":20,"unit":"W"}}}]' };
		expect(read("amd-smi", { metric }).components).toEqual([
			expect.objectContaining({ key: "3", values: expect.objectContaining({ powerWatts: 20 }) }),
		]);
	});

	it("are read from amd-smi's indented text, units taken off", () => {
		expect(gpus("amd-smi-text")).toEqual([
			expect.objectContaining({ key: "0", powerWatts: 20, coreVoltageVolts: 0.78, throttled: 0 }),
			expect.objectContaining({ key: "1", powerWatts: 35, gpuTemperatureCelsius: 41 }),
		]);
	});

	it("are read from rocm-smi by either name of a key, and known by the unique id or the PCI bus", () => {
		expect(gpus("rocm-smi")).toEqual([
			expect.objectContaining({
				key: "0x79cc",
				powerWatts: 36,
				powerLimitWatts: 290,
				gpuTemperatureCelsius: 53,
				junctionTemperatureCelsius: 55,
				memoryTotalBytes: 34_342_961_152,
				graphicsClockMegahertz: 300,
			}),
			expect.objectContaining({ key: "0000:83:00.0", powerWatts: 7.222, memoryUtilizationRatio: 0.12 }),
		]);
		expect(read("rocm-smi").identity).toMatchObject({ model: "Instinct MI100", firmware: "6.3.6" });
	});

	it("have no watts on a second die", () => {
		expect(gpus("rocm-smi-text").map(({ powerWatts }) => powerWatts)).toEqual([237, undefined]);
	});
});

describe("Intel GPUs", () => {
	it("have the card's 63.26 W, not the tiles' sum, and the mean of the tiles' utilisation", () => {
		expect(gpus("intel-xpu")).toEqual([
			expect.objectContaining({
				key: "uuid-0",
				powerWatts: 63.26,
				energyConsumedJoules: 16_169.744,
				gpuUtilizationRatio: 0.5,
				memoryUsedBytes: 9_000_000_000,
			}),
		]);
	});

	it("are read all at once from the table", () => {
		const header =
			"Timestamp, DeviceId, GPU Utilization (%), GPU Power (W), GPU Core Temperature (Celsius Degree)";
		const dump = { text: `${header}\n12:00:00.000, 0, 10.00, 60.5, 40\n12:00:00.000, 1, N/A, 61.5, N/A\n` };
		for (const answers of [{ dump }, { longDump: dump }])
			expect(read("intel-xpu", answers).components.map(({ values }) => values.powerWatts)).toEqual([
				60.5, 61.5,
			]);
	});
});

describe("exporters that run on a host already", () => {
	it("give one GPU its UUID again, its throttling by power and its clocks", () => {
		expect(gpus("nvidia-gpu-exporter")).toEqual([
			expect.objectContaining({
				key: "GPU-aaaa",
				powerWatts: 631.95,
				throttled: 1,
				throttledByPowerCap: 1,
				isClockedDownIdle: 0,
				streamingMultiprocessorClockMegahertz: 1_980,
				remappedRows: 3,
				rowRemapFailed: 0,
				energyConsumedJoules: 5_500_000,
				multiInstanceCount: 2,
				xidError: 79,
			}),
		]);
	});

	it("give all-smi's watts and energy, of the GPU's scope alone", () => {
		expect(gpus("all-smi")).toEqual([
			expect.objectContaining({
				key: "GPU-1",
				powerWatts: 400.5,
				energyConsumedJoules: 8_430_000,
				gpuUtilizationRatio: 0.255,
			}),
		]);
	});

	it("give AMD's exporter's partitions as one GPU whose power is not added up", () => {
		expect(gpus("rocm-exporter")).toEqual([
			expect.objectContaining({
				key: "PCB1",
				powerWatts: 542,
				energyConsumedJoules: 5,
				memoryTotalBytes: 196_608 * MEBI,
			}),
		]);
	});

	it.each([
		["nvidia_smi_power_draw_watts 3", "nvidia-gpu-exporter"],
		['all_smi_gpu_utilization{gpu="x"} 3', "all-smi"],
		['gpu_package_power{gpu_id="0"} 3', "rocm-exporter"],
		["vllm:num_requests_running 3", "inference"],
	])("are known by their metrics: %s", (text, driver) => {
		const request = { over: "http", path: "/metrics", format: "text" } as const;
		expect(recognisedBy([{ request, answer: { text } }])[0]?.name).toBe(driver);
	});
});

describe("AI work", () => {
	it("adds up the models of a server: 1,500 tokens generated, 7 requests waiting", () => {
		const reading = read("inference");
		expect(reading.values).toMatchObject({
			promptTokens: 9_000,
			generatedTokens: 1_500,
			requestsRunning: 5,
			requestsWaiting: 7,
			inferenceServerCount: 1,
			loadedModelCount: 1,
		});
		expect(reading.components.map(({ part, key }) => `${part} ${key}`)).toEqual([
			"service vllm:a/model-8b",
			"service vllm:b",
		]);
	});

	it.each([
		["sglang", "sglang:generation_tokens_total 7\nsglang:num_queue_reqs 2\nsglang:token_usage 0.25"],
		["tgi", "tgi_request_generated_tokens_sum 7\ntgi_queue_size 2"],
		["llama.cpp", "llamacpp:tokens_predicted_total 7\nllamacpp:requests_deferred 2"],
		["nim", "generation_tokens_total 7\nnum_requests_waiting 2"],
		["ollama", "ollama_generated_tokens_total 7\nollama_queued_requests 2"],
	])("is read from %s by its own names", (server, text) => {
		const { values, identity } = read("inference", { served: { text } });
		expect(values).toMatchObject({ generatedTokens: 7, requestsWaiting: 2 });
		expect(identity.make).toBe(server);
	});

	it("stands beside the watts of the host's GPUs in one reading", () => {
		const metrics = { text: 'DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-1"} 409.5' };
		const served = { text: "vllm:generation_tokens_total 1200" };
		const { values, components } = read("dcgm-exporter", { metrics, served });
		expect(values.generatedTokens).toBe(1_200);
		expect(components.map(({ part }) => part)).toEqual(["gpu", "service"]);
	});
});

describe("programs that mine", () => {
	it("have T-Rex's two GPUs with 230 W and, of the card without a meter, none", () => {
		expect(read("t-rex").values).toMatchObject({
			otherAlgorithmHashrateHashesPerSecond: 60.5e6,
			sharesAccepted: 12,
			gpuCount: 2,
			operatingState: 0,
		});
		expect(read("t-rex").identity).toMatchObject({ algorithm: "kawpow", firmware: "T-Rex 0.26.8" });
		const [first, second] = gpus("t-rex");
		expect(first).toMatchObject({
			key: "aa11",
			powerWatts: 230,
			powerBoundary: 2,
			memoryTemperatureCelsius: 92,
			otherAlgorithmHashrateHashesPerSecond: 45.25e6,
		});
		expect(second).not.toHaveProperty("powerWatts");
	});

	it("have lolMiner's rates by worker, though a name stands there as a number that is none", () => {
		const reading = read("lolminer");
		expect(reading.values).toMatchObject({ otherAlgorithmHashrateHashesPerSecond: 120.5e6, sharesStale: 2 });
		expect(reading.identity.algorithm).toBe("ethash");
		expect(gpus("lolminer").map(({ key, powerWatts }) => [key, powerWatts])).toEqual([
			["3:0", 120.5],
			["6:0", 121],
		]);
	});

	it("have lolMiner's older form, by session: 31.5 MH/s, one share of five rejected", () => {
		const summary = {
			text: JSON.stringify({
				Software: "lolMiner 1.31",
				Mining: { Algorithm: "Ethash" },
				Session: { Performance_Summary: 31.5, Performance_Unit: "mh/s", Accepted: 4, Submitted: 5 },
				GPUs: [{ Index: 0, Name: "RX 580", Performance: 31.5, "Consumption (W)": 95.5, "Temp (deg C)": 60 }],
			}),
		};
		const { values, components } = read("lolminer", { summary });
		expect(values).toMatchObject({ otherAlgorithmHashrateHashesPerSecond: 31.5e6, sharesRejected: 1 });
		expect(components[0]?.values).toMatchObject({ powerWatts: 95.5, gpuTemperatureCelsius: 60 });
	});

	it("have TeamRedMiner's 28.25 MH/s, and its algorithm from the pool", () => {
		expect(read("teamredminer").identity).toMatchObject({
			algorithm: "ethash",
			firmware: "TeamRedMiner 0.10.21",
		});
		expect(read("teamredminer").values).toMatchObject({ activePoolCount: 1, minerUptimeSeconds: 103 });
		expect(gpus("teamredminer")).toEqual([
			expect.objectContaining({
				key: "0",
				otherAlgorithmHashrateHashesPerSecond: 28.25e6,
				fanSpeedRevolutionsPerMinute: 2_106,
				coreVoltageVolts: 0.85,
			}),
		]);
	});

	it("have XMRig's 12.5 kH/s of RandomX, one share of 41 rejected, a pool that lives", () => {
		const reading = read("xmrig");
		expect(reading.identity).toMatchObject({ algorithm: "randomx", hostname: "host-7" });
		expect(reading.values).toMatchObject({
			otherAlgorithmHashrateHashesPerSecond: 12_500.5,
			sharesRejected: 1,
			poolState: 0,
		});
		expect(reading.values).not.toHaveProperty("powerWatts");
	});

	it.each([
		["t-rex", "/summary"],
		["lolminer", "/summary"],
		["xmrig", "/2/summary"],
	])("are known by what they answer: %s", (driver, path) => {
		const answer = WRITTEN_GPU_HOSTS[driver]?.["summary"] ?? expect.fail("no answer");
		const request = { over: "http", path, format: "text" } as const;
		expect(recognisedBy([{ request, answer }])[0]?.name).toBe(driver);
	});
});

describe("nvidia-smi's XML", () => {
	it("is read with 16 GPUs in 700 KB, most of which lists clocks that a GPU could have", () => {
		const clocks = `<supported_clocks>${"<value>1980 MHz</value>".repeat(1_900)}</supported_clocks>`;
		const gpu = (index: number) =>
			`<gpu id="${index}"><uuid>GPU-${index}</uuid><power_readings><power_draw>${index} W</power_draw></power_readings><clocks_event_reasons><clocks_event_reason_sw_power_cap>Active</clocks_event_reason_sw_power_cap><clocks_event_reason_gpu_idle>Not Active</clocks_event_reason_gpu_idle></clocks_event_reasons>${clocks}</gpu>`;
		const text = `<nvidia_smi_log>${Array.from({ length: 16 }, (_, index) => gpu(index)).join("")}</nvidia_smi_log>`;
		expect(text.length).toBeGreaterThan(600_000);
		const { components } = read("nvidia-smi-xml", { query: { text } });
		expect(components.length).toBe(16);
		expect(components[15]?.values).toMatchObject({
			powerWatts: 15,
			throttledByPowerCap: 1,
			throttled: 1,
			isClockedDownIdle: 0,
		});
	});

	it("counts the memory's errors of SRAM and DRAM together, the uncorrectable ones of SRAM by kind too", () => {
		const volatile =
			"<sram_correctable>1</sram_correctable><sram_uncorrectable_parity>2</sram_uncorrectable_parity><sram_uncorrectable_secded>3</sram_uncorrectable_secded><dram_correctable>40</dram_correctable><dram_uncorrectable>N/A</dram_uncorrectable>";
		const text = `<nvidia_smi_log><gpu id="0"><uuid>GPU-0</uuid><ecc_errors><volatile>${volatile}</volatile><aggregate><dram_correctable>999</dram_correctable></aggregate></ecc_errors></gpu></nvidia_smi_log>`;
		expect(read("nvidia-smi-xml", { query: { text } }).components[0]?.values).toEqual({
			correctedEccErrors: 41,
			uncorrectedEccErrors: 5,
		});
	});

	it("is refused beyond 1 MiB", () => {
		expect(parseAnswer("xml", `<a>${" ".repeat(1 << 20)}</a>`)).toMatchObject({
			ok: false,
			code: "DEVICE_ANSWER_TOO_LARGE",
		});
	});
});
