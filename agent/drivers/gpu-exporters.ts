/**
 * GPU hosts by exporters that run on them already: nvidia_gpu_exporter, all-smi and AMD's device-metrics exporter, so
 * that no agent is needed there. Data and pure layout. GPU watts stand on the GPUs.
 *
 * @see https://github.com/utkuozdemir/nvidia_gpu_exporter
 * @see https://github.com/lablup/all-smi
 * @see https://github.com/ROCm/device-metrics-exporter
 */
import { defineDriver, type Parsed } from "./driver.js";
import type { PrometheusSample } from "./formats/prometheus.js";
import { inferenceParts, inferenceReads, inferenceRequests, inferenceWork } from "./kit/inference-work.js";
import { type AnyRecord, at, firstOf, listOf, numberOf, present, textOf } from "./kit/reading.js";
import {
	bytes,
	celsius,
	hertz,
	joules,
	mebibytes,
	megahertz,
	microjoules,
	percent,
	ratio,
	watts,
} from "./kit/vendor-units.js";
import { gpus, identity, modelOf, OFF_ON, power, THROTTLE_READS, throttleOf } from "./nvidia.js";

export const scrape = (port: number) =>
	({ over: "http", port, path: "/metrics", format: "prometheus" }) as const;

const GPUS_MOST = 64;

type Labels = PrometheusSample["labels"];

type Grouping = {
	/** The exporter's own metrics begin so; everything else is left alone. */
	readonly prefix: RegExp;
	/** What tells the GPUs apart; undefined where a sample is not of one GPU. */
	readonly keyOf: (labels: Labels) => string | undefined;
};

/** One record a GPU: metrics by their names without the prefix, in small letters. The largest of several counts. */
export function gpuRecords(answer: unknown, { prefix, keyOf }: Grouping): readonly AnyRecord[] {
	const byGpu = new Map<string, Record<string, unknown>>();
	for (const { name, labels, value } of listOf(at(answer, "samples")) as readonly PrometheusSample[]) {
		const key = prefix.test(name) ? keyOf(labels) : undefined;
		if (key === undefined || (byGpu.size >= GPUS_MOST && !byGpu.has(key))) continue;
		const record = byGpu.get(key) ?? { key, labels: {} };
		const metric = name.replace(prefix, "").toLowerCase();
		record[metric] = Math.max(value, numberOf(record[metric]) ?? value);
		record["labels"] = { ...(record["labels"] as AnyRecord), ...labels };
		byGpu.set(key, record);
	}
	return [...byGpu.values()];
}

export function labelOf(records: readonly AnyRecord[], ...names: readonly string[]): unknown {
	return records
		.map((record) => firstOf(names.map((name) => at(record, "labels", name))))
		.find((text) => text !== undefined);
}

export function text(labels: Labels, ...names: readonly string[]): string | undefined {
	return textOf(firstOf(names.map((name) => at(labels, name))));
}

export const nvidiaGpuExporter = defineDriver({
	name: "nvidia-gpu-exporter",
	kind: "gpu-host",
	title: "NVIDIA GPUs, nvidia_gpu_exporter",
	makes: ["NVIDIA"],
	models: ["GeForce, RTX, Quadro, Tesla and data-centre cards"],
	firmwares: ["nvidia_gpu_exporter 1.0 and later, with nvidia-smi or NVML"],
	source: "metrics recorded beside nvidia-smi on RTX 2080 SUPER, RTX 4080 SUPER, L40S and H100",
	grade: "recorded",
	requests: { metrics: scrape(9835), ...inferenceRequests },
	recognises: ({ page }) => /^nvidia_smi_(?:power_draw|gpu_info|temperature)/m.test(page("/metrics")),
	layOut: (answers) => ({ ...layOutNvidia(answers), ...inferenceWork(answers) }),
	identity,
	power,
	reads: inferenceReads,
	components: [
		...gpus({
			powerWatts: [
				{ at: ["power_draw_watts"], unit: watts },
				{ at: ["power_draw_instant_watts"], unit: watts },
			],
			powerInstantWatts: { at: ["power_draw_instant_watts"], unit: watts },
			powerAverageWatts: { at: ["power_draw_average_watts"], unit: watts },
			powerLimitWatts: { at: ["power_limit_watts"], unit: watts },
			powerLimitEnforcedWatts: { at: ["enforced_power_limit_watts"], unit: watts },
			powerLimitDefaultWatts: { at: ["power_default_limit_watts"], unit: watts },
			powerLimitMaximumWatts: { at: ["power_max_limit_watts"], unit: watts },
			energyConsumedJoules: { at: ["energy_joules_total"], unit: joules },
			gpuTemperatureCelsius: { at: ["temperature_gpu"], unit: celsius },
			memoryTemperatureCelsius: { at: ["temperature_memory"], unit: celsius, absent: [0] },
			fanDutyRatio: { at: ["fan_speed_ratio"], unit: ratio },
			gpuUtilizationRatio: { at: ["utilization_gpu_ratio"], unit: ratio },
			memoryUtilizationRatio: { at: ["utilization_memory_ratio"], unit: ratio },
			encoderUtilizationRatio: { at: ["utilization_encoder_ratio"], unit: ratio },
			decoderUtilizationRatio: { at: ["utilization_decoder_ratio"], unit: ratio },
			memoryTotalBytes: { at: ["memory_total_bytes"], unit: bytes },
			memoryUsedBytes: { at: ["memory_used_bytes"], unit: bytes },
			memoryFreeBytes: { at: ["memory_free_bytes"], unit: bytes },
			memoryReservedBytes: { at: ["memory_reserved_bytes"], unit: bytes },
			streamingMultiprocessorClockMegahertz: { at: ["clocks_current_sm_clock_hz"], unit: hertz },
			graphicsClockMegahertz: { at: ["clocks_current_graphics_clock_hz"], unit: hertz },
			memoryClockMegahertz: { at: ["clocks_current_memory_clock_hz"], unit: hertz },
			performanceState: { at: ["pstate"] },
			pcieLinkGeneration: { at: ["pcie_link_gen_current"] },
			pcieLinkWidth: { at: ["pcie_link_width_current"] },
			multiInstanceGpu: { at: ["mig_mode_current"], words: OFF_ON },
			multiInstanceCount: { at: ["instances"] },
			xidError: { at: ["xid"] },
			correctedEccErrors: { at: ["ecc_errors_corrected_volatile_total"] },
			uncorrectedEccErrors: { at: ["ecc_errors_uncorrected_volatile_total"] },
			retiredPages: { at: ["retired_pages_double_bit_count"] },
			remappedRows: { at: ["remapped"] },
			rowRemapFailed: { at: ["remapped_rows_failure"], words: OFF_ON },
			...THROTTLE_READS,
		}),
		inferenceParts,
	],
	caveats: [
		"It runs nvidia-smi at every scrape: do not scrape it faster than needed.",
		"A split GPU (MIG) reports no utilisation; power and temperature are the whole GPU's.",
	],
});

function layOutNvidia(answers: Parsed): Parsed {
	const found = gpuRecords(answers["metrics"], {
		prefix: /^nvidia_smi_/,
		keyOf: (labels) => text(labels, "uuid"),
	});
	const samples = listOf(at(answers["metrics"], "samples")) as readonly PrometheusSample[];
	const records = found.map((gpu) => ({
		...gpu,
		instances: instancesOf(samples, at(gpu, "key")),
		xid: lastXid(samples, at(gpu, "key")),
		// The exporter takes "GPU-" off; the same GPU is one GPU, whoever tells of it.
		key: `GPU-${String(at(gpu, "key")).replace(/^GPU-/i, "")}`,
		// On and off are written as state words.
		mig_mode_current: textOf(at(gpu, "mig_mode_current")),
		remapped_rows_failure: textOf(at(gpu, "remapped_rows_failure")),
		remapped: sum(at(gpu, "remapped_rows_correctable"), at(gpu, "remapped_rows_uncorrectable")),
		throttle: throttleOf(
			firstOf([at(gpu, "clocks_event_reasons_active"), at(gpu, "clocks_throttle_reasons_active")]),
		),
	}));
	return present({
		gpus: records,
		model: modelOf(records.map((gpu) => at(gpu, "labels", "name"))),
		driverVersion: labelOf(records, "driver_version"),
	});
}

function instancesOf(samples: readonly PrometheusSample[], uuid: unknown): number | undefined {
	const own = samples.filter(({ name, labels }) => name === "nvidia_smi_mig_info" && labels["uuid"] === uuid);
	return own.length === 0 ? undefined : own.length;
}

/** Its own watch of the driver's events tells when each kind of error came last. */
function lastXid(samples: readonly PrometheusSample[], uuid: unknown): unknown {
	let last: PrometheusSample | undefined;
	for (const sample of samples)
		if (sample.name === "nvidia_smi_xid_last_timestamp_seconds" && sample.labels["uuid"] === uuid)
			if (last === undefined || sample.value > last.value) last = sample;
	return last?.labels["xid"];
}

function sum(one: unknown, other: unknown): number | undefined {
	const [first, second] = [numberOf(one), numberOf(other)];
	return first === undefined && second === undefined ? undefined : (first ?? 0) + (second ?? 0);
}

export const allSmi = defineDriver({
	name: "all-smi",
	kind: "gpu-host",
	title: "GPUs of any make, all-smi",
	makes: ["NVIDIA", "AMD", "Apple", "others that all-smi reads"],
	models: ["what all-smi reads"],
	firmwares: ["all-smi 0.7 to 0.26"],
	source: "all-smi's source and API document",
	grade: "documented",
	requests: { metrics: scrape(9090), ...inferenceRequests },
	recognises: ({ page }) => /^all_smi_gpu_/m.test(page("/metrics")),
	layOut: (answers) => ({ ...layOutAllSmi(answers), ...inferenceWork(answers) }),
	identity: {
		model: { at: [["model"]] },
		firmware: { at: [["driverVersion"]] },
		hostname: { at: [["hostname"]] },
	},
	power,
	reads: inferenceReads,
	components: [
		...gpus({
			powerWatts: { at: ["power_consumption_watts"], unit: watts },
			powerLimitWatts: { at: ["power_limit_current_watts"], unit: watts },
			powerLimitMaximumWatts: { at: ["power_limit_max_watts"], unit: watts },
			energyConsumedJoules: { at: ["energy"], unit: joules },
			gpuTemperatureCelsius: { at: ["temperature_celsius"], unit: celsius, absent: [0] },
			fanDutyRatio: { at: ["fan_speed_percent"], unit: percent },
			gpuUtilizationRatio: { at: ["utilization"], unit: percent },
			memoryTotalBytes: { at: ["memory_total_bytes"], unit: bytes, absent: [0] },
			memoryUsedBytes: { at: ["memory_used_bytes"], unit: bytes },
			graphicsClockMegahertz: { at: ["frequency_mhz"], unit: megahertz },
			performanceState: { at: ["performance_state"] },
			pcieLinkGeneration: { at: ["pcie_gen_current"], absent: [0] },
			pcieLinkWidth: { at: ["pcie_width_current"], absent: [0] },
		}),
		inferenceParts,
	],
	caveats: [
		"Energy is all-smi's own sum over its samples.",
		"Its chassis and processor powers are not read: what they cover differs from host to host.",
	],
});

function layOutAllSmi(answers: Parsed): Parsed {
	const keyOf = (labels: Labels) => text(labels, "uuid", "gpu_uuid", "index", "gpu_index");
	const energies = new Map(
		gpuRecords(answers["metrics"], {
			prefix: /^all_smi_(?=energy_consumed_joules_total)/,
			keyOf: (labels) => (text(labels, "scope") === "gpu" ? keyOf(labels) : undefined),
		}).map((one) => [at(one, "key"), at(one, "energy_consumed_joules_total")] as const),
	);
	const records = gpuRecords(answers["metrics"], { prefix: /^all_smi_gpu_/, keyOf }).map((gpu) => ({
		...gpu,
		energy: energies.get(at(gpu, "key")),
	}));
	return present({
		gpus: records,
		model: modelOf(records.map((gpu) => at(gpu, "labels", "gpu"))),
		driverVersion: labelOf(records, "driver_version", "driver"),
		hostname: labelOf(records, "instance", "host", "hostname"),
	});
}

export const rocmExporter = defineDriver({
	name: "rocm-exporter",
	kind: "gpu-host",
	title: "AMD GPUs, device-metrics exporter",
	makes: ["AMD"],
	models: ["Instinct MI2xx and MI3xx, Radeon"],
	firmwares: ["device-metrics-exporter 1.0 to 1.3"],
	source: "the exporter's list of metrics",
	grade: "documented",
	requests: { metrics: scrape(5000), ...inferenceRequests },
	recognises: ({ page }) =>
		/^(?:amd_)?gpu_(?:package_power|average_package_power|gfx_activity)/im.test(page("/metrics")),
	layOut: (answers) => ({ ...layOutRocm(answers), ...inferenceWork(answers) }),
	identity: {
		make: "AMD",
		model: { at: [["model"]] },
		firmware: { at: [["driverVersion"]] },
		hostname: { at: [["hostname"]] },
	},
	power,
	reads: inferenceReads,
	components: [
		...gpus({
			powerWatts: [
				{ at: ["package_power"], unit: watts },
				{ at: ["average_package_power"], unit: watts },
				{ at: ["power_usage"], unit: watts },
			],
			powerAverageWatts: { at: ["average_package_power"], unit: watts },
			energyConsumedJoules: { at: ["energy_consumed"], unit: microjoules },
			gpuTemperatureCelsius: { at: ["edge_temperature"], unit: celsius },
			junctionTemperatureCelsius: { at: ["junction_temperature"], unit: celsius },
			memoryTemperatureCelsius: [
				{ at: ["memory_temperature"], unit: celsius, absent: [0] },
				{ at: ["hbm_temperature"], unit: celsius, absent: [0] },
			],
			gpuUtilizationRatio: { at: ["gfx_activity"], unit: percent },
			memoryUtilizationRatio: { at: ["umc_activity"], unit: percent },
			graphicsClockMegahertz: { at: ["clock"], unit: megahertz },
			memoryTotalBytes: { at: ["total_vram"], unit: mebibytes },
			memoryUsedBytes: { at: ["used_vram"], unit: mebibytes },
			memoryFreeBytes: { at: ["free_vram"], unit: mebibytes },
			correctedEccErrors: { at: ["ecc_correct_total"] },
			uncorrectedEccErrors: { at: ["ecc_uncorrect_total"] },
			pcieReplays: { at: ["pcie_replay_count"] },
		}),
		inferenceParts,
	],
	caveats: [
		"A partitioned GPU's rows are taken as one GPU: of each metric the largest, so its power is not added up.",
		"In a guest machine most metrics are missing.",
	],
});

function layOutRocm(answers: Parsed): Parsed {
	const records = gpuRecords(answers["metrics"], {
		prefix: /^(?:amd_)?gpu_/i,
		keyOf: (labels) => text(labels, "gpu_uuid", "serial_number", "gpu_id"),
	});
	return present({
		gpus: records,
		model: modelOf(
			records.map((gpu) => firstOf([at(gpu, "labels", "card_series"), at(gpu, "labels", "card_model")])),
		),
		driverVersion: labelOf(records, "driver_version"),
		hostname: labelOf(records, "hostname", "Hostname"),
	});
}
