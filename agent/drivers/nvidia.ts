/**
 * NVIDIA GPUs of one host: by nvidia-smi (a table or XML) and by dcgm-exporter. Data and pure layout.
 *
 * GPU watts stand on the GPUs, never on the host: what the host draws beside them is not in these
 * answers. A GPU is known by its UUID, never by its index, which changes with a restart.
 *
 * power.draw is the average of one second on Ampere and later, the instant on older cards.
 *
 * @see https://docs.nvidia.com/deploy/nvidia-smi/
 * @see https://github.com/NVIDIA/dcgm-exporter
 */
import type { MeasurementName } from "../../shared/measurements.js";
import { defineDriver, type Parsed, type Parts, type Reads } from "./driver.js";
import type { PrometheusSample } from "./formats/prometheus.js";
import { inferenceParts, inferenceReads, inferenceRequests, inferenceWork } from "./kit/inference-work.js";
import {
	type AnyRecord,
	at,
	firstOf,
	listOf,
	numberOf,
	present,
	recordOf,
	recordsOf,
	textOf,
} from "./kit/reading.js";
import { celsius, mebibytes, megahertz, millijoules, percent, ratio, watts } from "./kit/vendor-units.js";

export const power = { source: "reported", boundary: "gpu" } as const;
export const OFF_ON = { disabled: "off", enabled: "on", "0": "off", "1": "on" };

export const identity = {
	make: "NVIDIA",
	model: { at: [["model"]] },
	firmware: { at: [["driverVersion"]] },
	hostname: { at: [["hostname"]] },
} as const;

export const gpus = (reads: Reads): readonly Parts[] => [
	{ part: "gpu", each: ["gpus"], key: ["key"], reads },
];

/** Only what every driver since 2019 answers: one unknown field makes the tool refuse them all. */
const FIELDS = [
	"index",
	"uuid",
	"name",
	"serial",
	"pci.bus_id",
	"driver_version",
	"pstate",
	"temperature.gpu",
	"temperature.memory",
	"power.draw",
	"power.limit",
	"enforced.power.limit",
	"power.default_limit",
	"power.max_limit",
	"utilization.gpu",
	"utilization.memory",
	"memory.total",
	"memory.used",
	"memory.free",
	"fan.speed",
	"clocks.sm",
	"clocks.mem",
	"ecc.errors.uncorrected.volatile.total",
	"ecc.errors.corrected.volatile.total",
];

/** Fields that came later, each in a request of its own so that an old driver refuses only these. */
const LATER_FIELDS = [
	"uuid",
	"power.draw.instant",
	"power.draw.average",
	"mig.mode.current",
	"clocks_event_reasons.active",
];

/** Also what the driver for NVIDIA's library asks where the library cannot be used. */
export const TABLE = {
	over: "command",
	argv: ["nvidia-smi", `--query-gpu=${FIELDS.join(",")}`, "--format=csv"],
	format: "csv",
} as const;
export const LATER_TABLE = {
	...TABLE,
	argv: ["nvidia-smi", `--query-gpu=${LATER_FIELDS.join(",")}`, "--format=csv"],
	optional: true,
} as const;

/** The only table of a split GPU's instances; which they are changes with a person's hand. */
export const INSTANCE_LIST = {
	over: "command",
	argv: ["nvidia-smi", "-L"],
	format: "text",
	optional: true,
	rarely: true,
} as const;

/** Bits of the reasons for which a GPU's clocks are held down. */
const THROTTLE_BITS = {
	isClockedDownIdle: 0x1,
	throttledBySetClocks: 0x2,
	throttledByPowerCap: 0x4,
	throttledByHardware: 0x8,
	throttledBySyncBoost: 0x10,
	throttledByHeat: 0x20,
	throttledByHardwareHeat: 0x40,
	throttledByPowerBrake: 0x80,
	throttled: 0x4 | 0x8 | 0x20 | 0x40 | 0x80,
} as const satisfies Partial<Record<MeasurementName, number>>;

export const THROTTLE_READS: Reads = Object.fromEntries(
	Object.keys(THROTTLE_BITS).map((name) => [name, { at: ["throttle", name], words: OFF_ON }]),
);

/** By nvidia-smi's own names; NVML's answers are written with them too. */
export const TABLE_READS: Reads = {
	powerWatts: [
		{ at: ["power.draw"], unit: watts },
		{ at: ["power.draw.instant"], unit: watts },
		{ at: ["power.draw.average"], unit: watts },
	],
	powerInstantWatts: { at: ["power.draw.instant"], unit: watts },
	powerAverageWatts: { at: ["power.draw.average"], unit: watts },
	powerLimitWatts: { at: ["power.limit"], unit: watts },
	powerLimitEnforcedWatts: { at: ["enforced.power.limit"], unit: watts },
	powerLimitDefaultWatts: { at: ["power.default_limit"], unit: watts },
	powerLimitMaximumWatts: { at: ["power.max_limit"], unit: watts },
	gpuTemperatureCelsius: { at: ["temperature.gpu"], unit: celsius },
	memoryTemperatureCelsius: { at: ["temperature.memory"], unit: celsius, absent: [0] },
	fanDutyRatio: { at: ["fan.speed"], unit: percent },
	gpuUtilizationRatio: { at: ["utilization.gpu"], unit: percent },
	memoryUtilizationRatio: { at: ["utilization.memory"], unit: percent },
	memoryTotalBytes: { at: ["memory.total"], unit: mebibytes },
	memoryUsedBytes: { at: ["memory.used"], unit: mebibytes },
	memoryFreeBytes: { at: ["memory.free"], unit: mebibytes },
	memoryReservedBytes: { at: ["memory.reserved"], unit: mebibytes },
	encoderUtilizationRatio: { at: ["utilization.encoder"], unit: percent },
	decoderUtilizationRatio: { at: ["utilization.decoder"], unit: percent },
	pcieLinkGeneration: [{ at: ["pcie.link.gen.gpucurrent"] }, { at: ["pcie.link.gen.current"] }],
	pcieLinkWidth: { at: ["pcie.link.width.current"] },
	graphicsClockMegahertz: [
		{ at: ["clocks.current.graphics"], unit: megahertz },
		{ at: ["clocks.gr"], unit: megahertz },
	],
	streamingMultiprocessorClockMegahertz: [
		{ at: ["clocks.current.sm"], unit: megahertz },
		{ at: ["clocks.sm"], unit: megahertz },
	],
	memoryClockMegahertz: [
		{ at: ["clocks.current.memory"], unit: megahertz },
		{ at: ["clocks.mem"], unit: megahertz },
		{ at: ["clocks.current.mem"], unit: megahertz },
	],
	performanceState: { at: ["performanceState"] },
	multiInstanceGpu: { at: ["mig.mode.current"], words: OFF_ON },
	multiInstanceCount: { at: ["mig.count"] },
	uncorrectedEccErrors: { at: ["ecc.errors.uncorrected.volatile.total"] },
	correctedEccErrors: { at: ["ecc.errors.corrected.volatile.total"] },
	...THROTTLE_READS,
};

export const nvidiaSmi = defineDriver({
	name: "nvidia-smi",
	kind: "gpu-host",
	title: "NVIDIA GPUs, nvidia-smi",
	makes: ["NVIDIA"],
	models: ["GeForce, RTX, Quadro, Tesla and data-centre cards"],
	firmwares: ["drivers 418 to 610"],
	source: "nvidia-smi's document; tables of RTX 2080 SUPER, RTX 4080 SUPER, L40S, H100 with and without MIG",
	grade: "recorded",
	requests: { gpus: TABLE, later: LATER_TABLE, instances: INSTANCE_LIST },
	recognises: () => false,
	layOut: layOutTable,
	identity,
	power,
	reads: {},
	components: gpus(TABLE_READS),
	errorCodes: [["lost", "*"]],
	caveats: [
		"A GPU that is lost or waits for a reset is among the error codes.",
		"A split GPU (MIG) reports no utilisation; power and temperature are the whole GPU's.",
		"Passive cards have no fan, GDDR cards no memory temperature, some Quadro cards no power.",
		"XID errors stand in none of the tool's tables: NVML and dcgm-exporter tell them.",
	],
});

export function layOutTable(answers: Parsed): Parsed {
	const later = new Map(
		recordsOf(at(answers, "later", "rows")).map((row) => [textOf(at(row, "uuid")), row] as const),
	);
	const rows = recordsOf(at(answers, "gpus", "rows"));
	const instances = instancesIn(answers["instances"]);
	const whole = rows.map((row) => {
		const uuid = textOf(at(row, "uuid"));
		const all: AnyRecord = rows.length === later.size ? { ...later.get(uuid), ...row } : row;
		const isSplit = /^enabled$/i.test(textOf(at(all, "mig.mode.current")) ?? "");
		return isSplit ? { ...all, ...present({ "mig.count": instances?.get(uuid ?? "") }) } : all;
	});
	const table = layOutRows(whole, driverIn(rows[0]));
	return { ...table, lost: [...listOf(table["lost"]), ...unreached(at(answers, "gpus", "said"))] };
}

/** "Unable to determine the device handle for GPU 0000:0A:00.0: Unknown Error": a line of its own, ahead of the table. */
const UNREACHED = /^Unable to determine the device handle for (?:GPU\s*)?([\da-f:.]+):\s*(.+?)\.?$/i;

function unreached(said: unknown): readonly string[] {
	return listOf(said).flatMap((line) => {
		const [, bus, why] = UNREACHED.exec(textOf(line) ?? "") ?? [];
		return bus === undefined ? [] : [`${bus}: ${why}`];
	});
}

/** "GPU 0: NVIDIA A100 (UUID: GPU-…)", below it "  MIG 1g.5gb Device 0: (UUID: MIG-…)" for each of its instances. */
function instancesIn(list: unknown): ReadonlyMap<string, number> | undefined {
	if (typeof list !== "string") return undefined;
	const counts = new Map<string, number>();
	let gpu: string | undefined;
	for (const line of list.split("\n")) {
		gpu = /^GPU \d+: .*\(UUID: (GPU-[\w-]{1,64})\)/.exec(line)?.[1] ?? gpu;
		if (gpu === undefined) continue;
		counts.set(gpu, (counts.get(gpu) ?? 0) + (/^\s+MIG /.test(line) ? 1 : 0));
	}
	return counts;
}

/** What nvidia-smi writes in place of the values of a GPU that fell off the bus or cannot work on. */
const LOST = /^\[?(GPU is lost|GPU requires reset)\]?$/i;

const lostWord = (value: unknown) => LOST.exec(textOf(value) ?? "")?.[1];

/** A GPU whose very name is lost is no part of the reading: it stands among the error codes. */
const isKnown = (gpu: AnyRecord) => lostWord(at(gpu, "uuid")) === undefined;

function lostOf(gpu: AnyRecord, fields: readonly unknown[], names: readonly unknown[]): readonly string[] {
	const word = fields.map(lostWord).find((found) => found !== undefined);
	const name = [at(gpu, "uuid"), ...names].find((one) => one !== undefined && lostWord(one) === undefined);
	return word === undefined ? [] : [`${textOf(name) ?? "GPU"}: ${word}`];
}

/** GPUs with their fields under nvidia-smi's names. */
export function layOutRows(rows: readonly AnyRecord[], driverVersion: unknown): Parsed {
	const known = rows.filter(isKnown);
	return present({
		gpus: known.map((row) => ({
			...row,
			key: firstOf([at(row, "uuid"), at(row, "pci.bus_id"), at(row, "index")]),
			performanceState: performanceStateOf(at(row, "pstate")),
			throttle: throttleOf(
				firstOf([at(row, "clocks_event_reasons.active"), at(row, "clocks_throttle_reasons.active")]),
			),
		})),
		model: modelOf(known.map((row) => at(row, "name"))),
		driverVersion,
		lost: rows.flatMap((row) => [
			...lostOf(row, Object.values(row), [at(row, "pci.bus_id"), at(row, "index")]),
			...recoveryOf(row, at(row, "pci.bus_id")),
		]),
	});
}

/** Drivers from 610 on say beside the version, or in its place, that its name goes: "610.43.02 [Deprecated; …]". */
function driverIn(record: unknown): string | undefined {
	const said = ["driver_version", "kmd_version"].map((name) =>
		textOf(at(record, name))?.replace(/\s*\[.*$/, ""),
	);
	return said.find((version) => version !== undefined && /^\d/.test(version));
}

/** @param written "0x0000000000000005" or its number */
export function throttleOf(written: unknown): AnyRecord | undefined {
	const text = textOf(written) ?? "";
	const reasons = /^0x[0-9a-f]{1,16}$/i.test(text) ? Number(text) : numberOf(written);
	if (reasons === undefined) return undefined;
	return Object.fromEntries(
		Object.entries(THROTTLE_BITS).map(([name, bits]) => [name, (reasons & bits) === 0 ? "0" : "1"]),
	);
}

/** "P8" is state 8; other text is none. */
function performanceStateOf(value: unknown): string | undefined {
	return /^P(\d{1,2})$/.exec(textOf(value) ?? "")?.[1];
}

/** One model's name, or the names of a mixed host. */
export function modelOf(names: readonly unknown[]): string | undefined {
	const distinct = new Set(names.flatMap((name) => textOf(name) ?? []));
	return distinct.size === 0 ? undefined : [...distinct].slice(0, 4).join(" + ");
}

export const nvidiaSmiXml = defineDriver({
	name: "nvidia-smi-xml",
	kind: "gpu-host",
	title: "NVIDIA GPUs, nvidia-smi XML",
	makes: ["NVIDIA"],
	models: ["GeForce, RTX, Quadro, Tesla and data-centre cards"],
	firmwares: ["drivers 396 to 610"],
	source: "answers of GTX 1070 Ti, GTX 1660 Ti, Quadro P400, T4, A10G, A100 with MIG, RTX 3060, RTX 3080",
	grade: "recorded",
	requests: { query: { over: "command", argv: ["nvidia-smi", "-q", "-x"], format: "xml" } },
	recognises: () => false,
	layOut: layOutXml,
	identity,
	power,
	reads: {},
	components: gpus({
		powerWatts: [
			{ at: ["power", "power_draw"], unit: watts },
			{ at: ["power", "instant_power_draw"], unit: watts },
			{ at: ["power", "average_power_draw"], unit: watts },
		],
		powerInstantWatts: { at: ["power", "instant_power_draw"], unit: watts },
		powerAverageWatts: { at: ["power", "average_power_draw"], unit: watts },
		powerLimitWatts: [
			{ at: ["power", "power_limit"], unit: watts },
			{ at: ["power", "current_power_limit"], unit: watts },
		],
		powerLimitEnforcedWatts: { at: ["power", "enforced_power_limit"], unit: watts },
		powerLimitDefaultWatts: { at: ["power", "default_power_limit"], unit: watts },
		powerLimitMaximumWatts: { at: ["power", "max_power_limit"], unit: watts },
		gpuTemperatureCelsius: { at: ["temperature", "gpu_temp"], unit: celsius },
		memoryTemperatureCelsius: { at: ["temperature", "memory_temp"], unit: celsius, absent: [0] },
		gpuTemperatureLimitCelsius: { at: ["slowdownAt"], unit: celsius },
		fanDutyRatio: { at: ["fan_speed"], unit: percent },
		gpuUtilizationRatio: { at: ["utilization", "gpu_util"], unit: percent },
		memoryUtilizationRatio: { at: ["utilization", "memory_util"], unit: percent },
		memoryTotalBytes: { at: ["fb_memory_usage", "total"], unit: mebibytes },
		memoryUsedBytes: { at: ["fb_memory_usage", "used"], unit: mebibytes },
		memoryFreeBytes: { at: ["fb_memory_usage", "free"], unit: mebibytes },
		streamingMultiprocessorClockMegahertz: { at: ["clocks", "sm_clock"], unit: megahertz },
		memoryClockMegahertz: { at: ["clocks", "mem_clock"], unit: megahertz },
		performanceState: { at: ["performanceState"] },
		multiInstanceGpu: { at: ["mig_mode", "current_mig"], words: OFF_ON },
		multiInstanceCount: { at: ["instanceCount"] },
		pcieReplays: { at: ["pci", "replay_counter"] },
		pcieLinkGeneration: [
			{ at: ["pci", "pci_gpu_link_info", "pcie_gen", "current_link_gen"] },
			{ at: ["pci", "pci_gpu_link_info", "pcie_gen", "device_current_link_gen"] },
		],
		pcieLinkWidth: { at: ["linkWidth"] },
		graphicsClockMegahertz: { at: ["clocks", "graphics_clock"], unit: megahertz },
		encoderUtilizationRatio: { at: ["utilization", "encoder_util"], unit: percent },
		decoderUtilizationRatio: { at: ["utilization", "decoder_util"], unit: percent },
		memoryReservedBytes: { at: ["fb_memory_usage", "reserved"], unit: mebibytes },
		...THROTTLE_READS,
		retiredPages: { at: ["retired_pages", "double_bit_retirement", "retired_count"] },
		remappedRows: { at: ["remapped", "*"], of: "sum" },
		rowRemapFailed: { at: ["remapped_rows", "remapped_row_failure"], words: { no: "off", yes: "on" } },
		correctedEccErrors: [
			{ at: ["ecc", "correctable", "*"], of: "sum" },
			{ at: ["ecc_errors", "volatile", "single_bit", "total"] },
		],
		uncorrectedEccErrors: [
			{ at: ["ecc", "uncorrectable", "*"], of: "sum" },
			{ at: ["ecc_errors", "volatile", "double_bit", "total"] },
		],
	}),
	errorCodes: [["lost", "*"]],
	caveats: [
		"The document is read up to 1 MiB, some 20 GPUs; nvidia-smi's table is far cheaper.",
		"Where only averaged and instant power exist, the instant is taken as the power.",
	],
});

function layOutXml(answers: Parsed): Parsed {
	const log = at(answers, "query", "nvidia_smi_log");
	const listed = recordsOf(at(log, "gpu"));
	const found = listed.filter(isKnown);
	const powerOf = (gpu: AnyRecord) => firstOf([at(gpu, "gpu_power_readings"), at(gpu, "power_readings")]);
	return present({
		gpus: found.map((gpu) =>
			present({
				...gpu,
				key: firstOf([at(gpu, "uuid"), at(gpu, "@id")]),
				power: powerOf(gpu),
				slowdownAt: slowdownOf(at(gpu, "temperature", "gpu_temp_slow_threshold")),
				performanceState: performanceStateOf(at(gpu, "performance_state")),
				instanceCount: instancesOf(gpu),
				remapped: ["remapped_row_corr", "remapped_row_unc"].flatMap(
					(name) => at(gpu, "remapped_rows", name) ?? [],
				),
				ecc: eccOf(recordOf(at(gpu, "ecc_errors", "volatile")) ?? {}),
				linkWidth: textOf(at(gpu, "pci", "pci_gpu_link_info", "link_widths", "current_link_width"))?.replace(
					/x$/,
					"",
				),
				throttle: throttleInWords(
					firstOf([at(gpu, "clocks_event_reasons"), at(gpu, "clocks_throttle_reasons")]),
				),
			}),
		),
		model: modelOf(found.map((gpu) => at(gpu, "product_name"))),
		driverVersion: driverIn(log),
		lost: listed.flatMap((gpu) => [
			...lostOf(
				gpu,
				[gpu, at(gpu, "temperature"), powerOf(gpu)].flatMap((part) => Object.values(recordOf(part) ?? {})),
				[at(gpu, "@id")],
			),
			...recoveryOf(gpu, at(gpu, "@id")),
		]),
	});
}

/** Of SRAM and DRAM apart since Ampere, the uncorrectable ones of SRAM by kind since Hopper. */
function eccOf(errors: AnyRecord): AnyRecord {
	const counted = (kind: RegExp) =>
		Object.keys(errors)
			.filter((key) => kind.test(key))
			.map((key) => errors[key]);
	return { correctable: counted(/ram_correctable/), uncorrectable: counted(/ram_uncorrectable/) };
}

const REASON_WORDS = {
	gpu_idle: 0x1,
	applications_clocks_setting: 0x2,
	sw_power_cap: 0x4,
	hw_slowdown: 0x8,
	sync_boost: 0x10,
	sw_thermal_slowdown: 0x20,
	hw_thermal_slowdown: 0x40,
	hw_power_brake_slowdown: 0x80,
} as const;

/** One word a reason, "Active" or "Not Active", in place of the bits. */
function throttleInWords(reasons: unknown): AnyRecord | undefined {
	const record = recordOf(reasons);
	if (record === undefined) return undefined;
	const said = (reason: string) =>
		textOf(firstOf([record[`clocks_event_reason_${reason}`], record[`clocks_throttle_reason_${reason}`]]));
	const known = Object.entries(REASON_WORDS).filter(([reason]) =>
		/^(?:Not )?Active$/.test(said(reason) ?? ""),
	);
	if (known.length === 0) return undefined;
	return throttleOf(
		known.reduce((bits, [reason, bit]) => (said(reason) === "Active" ? bits | bit : bits), 0),
	);
}

/** Newer data-centre drivers write a margin to the limit here ("-2 C"), which is no temperature. */
function slowdownOf(value: unknown): unknown {
	const number = numberOf((textOf(value) ?? "").replace(/\s*C$/, ""));
	return number !== undefined && number > 40 ? number : undefined;
}

const RECOVERIES = /reset|reboot|drain|recover/i;

/** "None", or what the driver wants done before the GPU can be trusted again: "Reset", "Reboot", "Drain and Reset". */
function recoveryOf(gpu: AnyRecord, bus: unknown): readonly string[] {
	const said = textOf(at(gpu, "gpu_recovery_action"));
	const isReset = /^yes$/i.test(textOf(at(gpu, "gpu_reset_status", "reset_required")) ?? "");
	const wanted = said !== undefined && RECOVERIES.test(said) ? said : undefined;
	const action = wanted ?? (isReset ? "Reset" : undefined);
	const name = textOf(firstOf([at(gpu, "uuid"), bus])) ?? "GPU";
	return action === undefined ? [] : [`${name}: recovery ${action}`];
}

function instancesOf(gpu: AnyRecord): number | undefined {
	const count = listOf(at(gpu, "mig_devices", "mig_device")).length;
	return count > 0 || textOf(at(gpu, "mig_mode", "current_mig")) === "Enabled" ? count : undefined;
}

export const dcgmExporter = defineDriver({
	name: "dcgm-exporter",
	kind: "gpu-host",
	title: "NVIDIA GPUs, dcgm-exporter",
	makes: ["NVIDIA"],
	models: ["data-centre cards"],
	firmwares: ["dcgm-exporter 1 to 4"],
	source: "dcgm-exporter's document; metrics of A100, A100 and A30 with MIG, L4",
	grade: "recorded",
	requests: {
		metrics: { over: "http", port: 9400, path: "/metrics", format: "prometheus" },
		...inferenceRequests,
	},
	recognises: ({ page }) => /^(?:DCGM_FI_|dcgm_(?:power_usage|gpu_temp)\{)/m.test(page("/metrics")),
	layOut: (answers) => ({ ...layOutMetrics(answers), ...inferenceWork(answers) }),
	identity,
	power,
	reads: inferenceReads,
	components: [
		...gpus({
			powerWatts: { at: ["DCGM_FI_DEV_POWER_USAGE"], unit: watts },
			powerInstantWatts: { at: ["DCGM_FI_DEV_POWER_USAGE_INSTANT"], unit: watts },
			energyConsumedJoules: { at: ["DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"], unit: millijoules },
			powerLimitWatts: { at: ["DCGM_FI_DEV_POWER_MGMT_LIMIT"], unit: watts },
			powerLimitEnforcedWatts: { at: ["DCGM_FI_DEV_ENFORCED_POWER_LIMIT"], unit: watts },
			powerLimitDefaultWatts: { at: ["DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF"], unit: watts },
			powerLimitMaximumWatts: { at: ["DCGM_FI_DEV_POWER_MGMT_LIMIT_MAX"], unit: watts },
			gpuTemperatureCelsius: { at: ["DCGM_FI_DEV_GPU_TEMP"], unit: celsius },
			memoryTemperatureCelsius: { at: ["DCGM_FI_DEV_MEMORY_TEMP"], unit: celsius, absent: [0] },
			gpuTemperatureLimitCelsius: { at: ["DCGM_FI_DEV_SLOWDOWN_TEMP"], unit: celsius, absent: [0] },
			fanDutyRatio: { at: ["DCGM_FI_DEV_FAN_SPEED"], unit: percent },
			gpuUtilizationRatio: { at: ["DCGM_FI_DEV_GPU_UTIL"], unit: percent },
			memoryUtilizationRatio: { at: ["DCGM_FI_DEV_MEM_COPY_UTIL"], unit: percent },
			graphicsEngineActiveRatio: { at: ["DCGM_FI_PROF_GR_ENGINE_ACTIVE"], unit: ratio },
			tensorActiveRatio: { at: ["DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"], unit: ratio },
			dramActiveRatio: { at: ["DCGM_FI_PROF_DRAM_ACTIVE"], unit: ratio },
			memoryTotalBytes: { at: ["DCGM_FI_DEV_FB_TOTAL"], unit: mebibytes },
			memoryUsedBytes: { at: ["DCGM_FI_DEV_FB_USED"], unit: mebibytes },
			memoryFreeBytes: { at: ["DCGM_FI_DEV_FB_FREE"], unit: mebibytes },
			streamingMultiprocessorClockMegahertz: { at: ["DCGM_FI_DEV_SM_CLOCK"], unit: megahertz },
			memoryClockMegahertz: { at: ["DCGM_FI_DEV_MEM_CLOCK"], unit: megahertz },
			performanceState: { at: ["DCGM_FI_DEV_PSTATE"] },
			multiInstanceGpu: { at: ["isSplit"], words: OFF_ON },
			multiInstanceCount: { at: ["instanceCount"] },
			xidError: { at: ["DCGM_FI_DEV_XID_ERRORS"] },
			uncorrectedEccErrors: { at: ["DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"] },
			correctedEccErrors: { at: ["DCGM_FI_DEV_ECC_SBE_VOL_TOTAL"] },
			remappedRows: { at: ["remapped"] },
			rowRemapFailed: { at: ["remapFailure"], words: OFF_ON },
			retiredPages: { at: ["DCGM_FI_DEV_RETIRED_DBE"] },
			encoderUtilizationRatio: { at: ["DCGM_FI_DEV_ENC_UTIL"], unit: percent },
			decoderUtilizationRatio: { at: ["DCGM_FI_DEV_DEC_UTIL"], unit: percent },
			memoryReservedBytes: { at: ["DCGM_FI_DEV_FB_RESERVED"], unit: mebibytes },
			pcieLinkGeneration: { at: ["DCGM_FI_DEV_PCIE_LINK_GEN"] },
			pcieLinkWidth: { at: ["DCGM_FI_DEV_PCIE_LINK_WIDTH"] },
			...THROTTLE_READS,
			pcieReplays: { at: ["DCGM_FI_DEV_PCIE_REPLAY_COUNTER"] },
		}),
		inferenceParts,
	],
	caveats: [
		"A split GPU (MIG) repeats the whole GPU's power on every instance: one value is taken, never the sum.",
		"Shares of activity of a split GPU are the mean over its instances where no row covers the whole GPU.",
		"Memory of a split GPU is the sum over its instances where no row covers the whole GPU.",
		"A memory temperature of 0 means a card without the sensor.",
		"Power limit and fan are not in the exporter's default list.",
	],
});

type Gpu = {
	readonly key: string;
	readonly whole: Map<string, number>;
	readonly instances: Map<string, number[]>;
	readonly instanceIds: Set<string>;
};

function layOutMetrics(answers: Parsed): Parsed {
	const samples = listOf(at(answers, "metrics", "samples")) as readonly PrometheusSample[];
	const ours = samples
		.map(underNewName)
		.filter(({ name, value }) => name.startsWith("DCGM_FI_") && !isBlank(value));
	const byGpu = new Map<string, Gpu>();
	for (const sample of ours) note(byGpu, sample);
	const label = (...names: readonly string[]) =>
		ours
			.map(({ labels }) => firstOf(names.map((name) => at(labels, name))))
			.find((text) => text !== undefined);
	return present({
		gpus: [...byGpu.values()].map(gpuRecord),
		model: modelOf(ours.map(({ labels }) => at(labels, "modelName"))),
		driverVersion: label("DCGM_FI_DRIVER_VERSION", "driver_version"),
		hostname: label("Hostname", "hostname"),
	});
}

/** dcgm-exporter 1 called the same fields so. */
const NAMES_OF_1: ReadonlyMap<string, string> = new Map(
	Object.entries({
		power_usage: "POWER_USAGE",
		total_energy_consumption: "TOTAL_ENERGY_CONSUMPTION",
		gpu_temp: "GPU_TEMP",
		memory_temp: "MEMORY_TEMP",
		gpu_utilization: "GPU_UTIL",
		mem_copy_utilization: "MEM_COPY_UTIL",
		enc_utilization: "ENC_UTIL",
		dec_utilization: "DEC_UTIL",
		fb_free: "FB_FREE",
		fb_used: "FB_USED",
		fb_total: "FB_TOTAL",
		sm_clock: "SM_CLOCK",
		memory_clock: "MEM_CLOCK",
		xid_errors: "XID_ERRORS",
		pcie_replay_counter: "PCIE_REPLAY_COUNTER",
		ecc_sbe_volatile_total: "ECC_SBE_VOL_TOTAL",
		ecc_dbe_volatile_total: "ECC_DBE_VOL_TOTAL",
		retired_pages_dbe: "RETIRED_DBE",
	}).map(([before, now]) => [`dcgm_${before}`, `DCGM_FI_DEV_${now}`]),
);

function underNewName(sample: PrometheusSample): PrometheusSample {
	const name = NAMES_OF_1.get(sample.name);
	return name === undefined ? sample : { ...sample, name };
}

/** DCGM's four words for no value (blank, not found, not supported, not permitted), as each of its number types. */
const BLANKS = [2 ** 31 - 16, 2 ** 47, 2 ** 63 - 16];

function isBlank(value: number): boolean {
	return BLANKS.some((blank) => value >= blank && value <= blank + 3);
}

const GPUS_MOST = 64;

function note(byGpu: Map<string, Gpu>, { name, labels, value }: PrometheusSample): void {
	const key = textOf(firstOf([at(labels, "UUID"), at(labels, "uuid"), at(labels, "gpu")]));
	if (key === undefined || (byGpu.size >= GPUS_MOST && !byGpu.has(key))) return;
	const gpu = byGpu.get(key) ?? { key, whole: new Map(), instances: new Map(), instanceIds: new Set() };
	byGpu.set(key, gpu);
	const instance = textOf(at(labels, "GPU_I_ID"));
	if (instance === undefined) gpu.whole.set(name, Math.max(value, gpu.whole.get(name) ?? value));
	else {
		gpu.instanceIds.add(instance);
		gpu.instances.set(name, [...(gpu.instances.get(name) ?? []), value]);
	}
}

/** The rows of instances repeat the whole GPU's power, heat and clocks, but divide its memory and activity. */
function gpuRecord({ key, whole, instances, instanceIds }: Gpu): AnyRecord {
	const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
	const fromInstances = [...instances].map(([name, values]) => {
		if (name.startsWith("DCGM_FI_PROF_")) return [name, sum(values) / values.length] as const;
		if (name.startsWith("DCGM_FI_DEV_FB_")) return [name, sum(values)] as const;
		return [name, Math.max(...values)] as const;
	});
	const all: AnyRecord = Object.fromEntries([...fromInstances, ...whole]);
	const rows = [all["DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS"], all["DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"]]
		.map(numberOf)
		.filter((count) => count !== undefined);
	return present({
		...all,
		key,
		throttle: throttleOf(
			firstOf([all["DCGM_FI_DEV_CLOCKS_EVENT_REASONS"], all["DCGM_FI_DEV_CLOCK_THROTTLE_REASONS"]]),
		),
		remapped: rows.length === 0 ? undefined : sum(rows),
		remapFailure: textOf(all["DCGM_FI_DEV_ROW_REMAP_FAILURE"]),
		isSplit: instanceIds.size > 0 ? "1" : undefined,
		instanceCount: instanceIds.size > 0 ? instanceIds.size : undefined,
	});
}
