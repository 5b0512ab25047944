/**
 * dcgm-exporter on a host with H100s: Prometheus text on 9400. Takes the host's state, gives the page;
 * a lost GPU has no series, energy counts millijoules since the driver was loaded.
 */
import type { GpuCharacter, GpuHostState, GpuState } from "../gpu-physics.js";
import { seenGpus } from "../gpu-physics.js";
import {
	type HttpRequest,
	type HttpResponse,
	METHOD_NOT_ALLOWED,
	NOT_FOUND,
	pageResponse,
} from "../http-protocol.js";
import { GPU_MODEL } from "../models.js";

export type GpuHostView = {
	readonly hostname: string;
	readonly gpus: readonly GpuCharacter[];
	readonly state: GpuHostState;
};

export const DCGM_SERVER = "dcgm-exporter";
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function dcgmRespond(request: HttpRequest, view: GpuHostView): HttpResponse {
	if (request.method !== "GET") return METHOD_NOT_ALLOWED;
	if (request.path === "/metrics") {
		return { status: 200, headers: { "Content-Type": METRICS_TYPE }, body: dcgmText(view) };
	}
	if (request.path === "/health")
		return { status: 200, headers: { "Content-Type": "text/plain" }, body: "OK" };
	if (request.path === "/") return pageResponse("<html><head><title>GPU Exporter</title></head></html>");
	return NOT_FOUND;
}

type Series = {
	readonly name: string;
	readonly type: "gauge" | "counter";
	readonly help: string;
	readonly value: (gpu: GpuState) => string;
};

const whole = (value: number) => String(Math.round(value));
const sixDecimals = (value: number) => value.toFixed(6);
const gauge = (name: string, help: string, value: (gpu: GpuState) => string): Series => ({
	name,
	type: "gauge",
	help,
	value,
});
const counter = (name: string, help: string, value: (gpu: GpuState) => string): Series => ({
	name,
	type: "counter",
	help,
	value,
});

export function smClockMegahertz(gpu: GpuState): number {
	const { idleSmClockMegahertz, smClockMegahertz: full } = GPU_MODEL;
	return gpu.utilization < 0.01 ? idleSmClockMegahertz : Math.round((full * gpu.throttle) / 15) * 15;
}

const SERIES: readonly Series[] = [
	gauge("DCGM_FI_DEV_SM_CLOCK", "SM clock frequency (in MHz).", (gpu) => whole(smClockMegahertz(gpu))),
	gauge("DCGM_FI_DEV_MEM_CLOCK", "Memory clock frequency (in MHz).", () =>
		whole(GPU_MODEL.memoryClockMegahertz),
	),
	gauge("DCGM_FI_DEV_MEMORY_TEMP", "Memory temperature (in C).", (gpu) => whole(gpu.memoryCelsius)),
	gauge("DCGM_FI_DEV_GPU_TEMP", "GPU temperature (in C).", (gpu) => whole(gpu.celsius)),
	gauge("DCGM_FI_DEV_POWER_USAGE", "Power draw (in W).", (gpu) => sixDecimals(gpu.watts)),
	counter("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "Total energy consumption since boot (in mJ).", (gpu) =>
		whole(gpu.joules * 1_000),
	),
	counter("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "Total number of PCIe retries.", () => "0"),
	gauge("DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).", (gpu) => whole(gpu.utilization * 100)),
	gauge("DCGM_FI_DEV_MEM_COPY_UTIL", "Memory utilization (in %).", (gpu) => whole(gpu.dramActive * 100)),
	gauge("DCGM_FI_DEV_ENC_UTIL", "Encoder utilization (in %).", () => "0"),
	gauge("DCGM_FI_DEV_DEC_UTIL", "Decoder utilization (in %).", () => "0"),
	gauge("DCGM_FI_DEV_XID_ERRORS", "Value of the last XID error encountered.", () => "0"),
	gauge("DCGM_FI_DEV_FB_FREE", "Framebuffer memory free (in MiB).", (gpu) =>
		whole(
			Math.max(
				0,
				GPU_MODEL.memoryMebibytes - GPU_MODEL.memoryReservedMebibytes - Math.round(gpu.memoryUsedMebibytes),
			),
		),
	),
	gauge("DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB).", (gpu) => whole(gpu.memoryUsedMebibytes)),
	gauge("DCGM_FI_DEV_FB_RESERVED", "Framebuffer memory reserved (in MiB).", () =>
		whole(GPU_MODEL.memoryReservedMebibytes),
	),
	counter(
		"DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
		"Number of remapped rows for uncorrectable errors",
		() => "0",
	),
	counter(
		"DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS",
		"Number of remapped rows for correctable errors",
		() => "0",
	),
	gauge("DCGM_FI_DEV_ROW_REMAP_FAILURE", "Whether remapping of rows has failed", () => "0"),
	counter(
		"DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
		"Total number of NVLink bandwidth counters for all lanes.",
		() => "0",
	),
	gauge("DCGM_FI_DEV_VGPU_LICENSE_STATUS", "vGPU License status", () => "0"),
	gauge("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Ratio of time the graphics engine is active.", (gpu) =>
		sixDecimals(gpu.utilization),
	),
	gauge("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "Ratio of cycles the tensor (HMMA) pipe is active.", (gpu) =>
		sixDecimals(gpu.tensorActive),
	),
	gauge("DCGM_FI_PROF_DRAM_ACTIVE", "Ratio of cycles the device memory interface is active.", (gpu) =>
		sixDecimals(gpu.dramActive),
	),
	gauge("DCGM_FI_PROF_PCIE_TX_BYTES", "The rate of data transmitted over the PCIe bus.", (gpu) =>
		whole(110_000 + gpu.utilization * 9e9),
	),
	gauge("DCGM_FI_PROF_PCIE_RX_BYTES", "The rate of data received over the PCIe bus.", (gpu) =>
		whole(170_000 + gpu.utilization * 7e9),
	),
];

function dcgmText({ hostname, gpus, state }: GpuHostView): string {
	const seen = seenGpus(state).flatMap((index) => {
		const [character, gpu] = [gpus[index], state.gpus[index]];
		return character === undefined || gpu === undefined
			? []
			: [{ labels: labels(hostname, index, character), gpu }];
	});
	let text = "";
	for (const { name, type, help, value } of SERIES) {
		text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
		for (const { labels, gpu } of seen) text += `${name}${labels} ${value(gpu)}\n`;
	}
	return text;
}

function labels(hostname: string, index: number, { uuid }: GpuCharacter): string {
	const bus = `00000000:${(0x1b + index * 0x10).toString(16).toUpperCase()}:00.0`;
	const pairs = {
		gpu: String(index),
		UUID: uuid,
		pci_bus_id: bus,
		device: `nvidia${index}`,
		modelName: GPU_MODEL.model,
		Hostname: hostname,
		DCGM_FI_DRIVER_VERSION: GPU_MODEL.driverVersion,
	};
	return `{${Object.entries(pairs)
		.map(([name, value]) => `${name}="${value}"`)
		.join(",")}}`;
}
