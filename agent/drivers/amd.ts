/**
 * AMD GPUs of one host by amd-smi, as JSON and as text. Data and pure layout.
 *
 * Names changed with nearly every release; all are read. In a partition mode only partition 0 has power.
 *
 * @see https://rocm.docs.amd.com/projects/amdsmi/
 */
import { defineDriver, type Parsed, type Reads } from "./driver.js";
import { type AnyRecord, at, firstOf, present, recordOf, recordsOf, textOf } from "./kit/reading.js";
import {
	celsius,
	joules,
	mebibytes,
	megahertz,
	millivolts,
	percent,
	revolutionsPerMinute,
	watts,
} from "./kit/vendor-units.js";
import { gpus, modelOf, OFF_ON, power } from "./nvidia.js";

const identity = {
	make: "AMD",
	model: { at: [["model"]] },
	firmware: { at: [["driverVersion"]] },
} as const;

/** What every tool of AMD's shares. */
export const amdHost = {
	kind: "gpu-host",
	makes: ["AMD"],
	recognises: () => false,
	identity,
	power,
	reads: {},
} as const;

/** By our own names of amd-smi's places, see `flattened`. */
const AMD_READS: Reads = {
	powerWatts: { at: ["power"], unit: watts },
	powerLimitWatts: { at: ["powerLimit"], unit: watts, absent: [0] },
	powerLimitMaximumWatts: { at: ["powerLimitMost"], unit: watts, absent: [0] },
	energyConsumedJoules: { at: ["energy"], unit: joules },
	gpuTemperatureCelsius: { at: ["edge"], unit: celsius },
	junctionTemperatureCelsius: { at: ["hotspot"], unit: celsius },
	memoryTemperatureCelsius: { at: ["memory"], unit: celsius, absent: [0] },
	fanSpeedRevolutionsPerMinute: { at: ["fanSpeed"], unit: revolutionsPerMinute },
	fanDutyRatio: { at: ["fanDuty"], unit: percent },
	gpuUtilizationRatio: { at: ["graphicsActivity"], unit: percent },
	memoryUtilizationRatio: { at: ["memoryActivity"], unit: percent },
	memoryTotalBytes: { at: ["memoryTotal"], unit: mebibytes },
	memoryUsedBytes: { at: ["memoryUsed"], unit: mebibytes },
	memoryFreeBytes: { at: ["memoryFree"], unit: mebibytes },
	graphicsClockMegahertz: { at: ["graphicsClock"], unit: megahertz },
	memoryClockMegahertz: { at: ["memoryClock"], unit: megahertz },
	coreVoltageVolts: { at: ["voltage"], unit: millivolts, absent: [0] },
	throttled: { at: ["throttled"], words: OFF_ON },
	pcieLinkWidth: { at: ["pcieWidth"], absent: [0] },
	pcieReplays: { at: ["pcieReplays"] },
	correctedEccErrors: { at: ["corrected"] },
	uncorrectedEccErrors: { at: ["uncorrected"] },
};

const AMD_CAVEATS = [
	"`throttle_status` is read as the tool writes it; a Radeon AI PRO R9700 always says THROTTLED.",
	"Instinct cards from MI300 on have a hotspot and no edge sensor.",
	"The tool's MB are 1,048,576 bytes.",
];

export const amdSmi = defineDriver({
	...amdHost,
	name: "amd-smi",
	title: "AMD GPUs, amd-smi",
	models: ["Instinct MI200 and later, Radeon RX 6000 and later"],
	firmwares: ["ROCm 6.0 to 7.0"],
	source: "amd-smi's document; answers of RX 7800 XT and a shape of MI300X",
	grade: "recorded",
	requests: {
		metric: { over: "command", argv: ["amd-smi", "metric", "--json"], format: "json" },
		list: {
			over: "command",
			argv: ["amd-smi", "list", "--json"],
			format: "json",
			optional: true,
			rarely: true,
		},
		static: {
			over: "command",
			argv: ["amd-smi", "static", "--asic", "--limit", "--driver", "--json"],
			format: "json",
			optional: true,
			rarely: true,
		},
	},
	layOut: layOutAmd,
	components: gpus(AMD_READS),
	caveats: AMD_CAVEATS,
});

export const amdSmiText = defineDriver({
	...amdHost,
	name: "amd-smi-text",
	title: "AMD GPUs, amd-smi as text",
	models: ["as amd-smi"],
	firmwares: ["ROCm 6.0 to 7.0"],
	source: "text of amd-smi in a public report",
	grade: "recorded",
	requests: { metric: { over: "command", argv: ["amd-smi", "metric"], format: "labelledText" } },
	layOut: layOutAmd,
	components: gpus(AMD_READS),
	caveats: ["For tools whose JSON is broken; else use amd-smi.", ...AMD_CAVEATS],
});

/** A bare list in older releases, a list under gpu_data in newer ones, gpus in text. */
function gpuList(answer: unknown): readonly AnyRecord[] {
	if (Array.isArray(answer)) return recordsOf(answer);
	return recordsOf(firstOf([at(answer, "gpu_data"), at(answer, "gpus"), at(answer, "gpu")]));
}

/** `{"value": 542, "unit": "W"}`, or the value alone. */
function unwrapped(found: unknown): unknown {
	const record = recordOf(found);
	return record !== undefined && Object.hasOwn(record, "value") ? record["value"] : found;
}

function layOutAmd(answers: Parsed): Parsed {
	const lists = gpuList(answers["list"]);
	const statics = gpuList(answers["static"]);
	const of = (list: readonly AnyRecord[], number: string | undefined) =>
		list.find((one) => textOf(at(one, "gpu")) === number);
	const found = gpuList(answers["metric"]).map((gpu, place) => {
		const number = textOf(at(gpu, "gpu")) ?? String(place);
		return flattened(gpu, of(lists, number), of(statics, number), number);
	});
	return present({
		gpus: found,
		model: modelOf(statics.map((one) => at(one, "asic", "market_name"))),
		driverVersion: at(statics[0], "driver", "version"),
	});
}

function flattened(
	gpu: AnyRecord,
	listed: AnyRecord | undefined,
	fixed: AnyRecord | undefined,
	number: string,
): AnyRecord {
	const first = (...paths: readonly (readonly string[])[]) =>
		firstOf(paths.map((path) => unwrapped(at(gpu, ...path))).filter((value) => value !== "N/A"));
	const throttle = textOf(first(["power", "throttle_status"]))?.toUpperCase();
	return present({
		key: firstOf([at(listed, "uuid"), at(listed, "bdf"), at(fixed, "bus", "bdf"), number]),
		power: first(
			["power", "apu_average_socket_power"],
			["power", "current_socket_power"],
			["power", "socket_power"],
			["power", "average_socket_power"],
			["power", "current_power"],
		),
		powerLimit: firstOf([
			unwrapped(at(fixed, "limit", "socket_power")),
			unwrapped(at(fixed, "limit", "ppt0", "socket_power_limit")),
		]),
		powerLimitMost: firstOf([
			unwrapped(at(fixed, "limit", "max_power")),
			unwrapped(at(fixed, "limit", "ppt0", "max_power_limit")),
		]),
		energy: first(["energy", "total_energy_consumption"]),
		edge: first(["temperature", "edge"], ["temperature", "apu_temperature_gfx"]),
		hotspot: first(["temperature", "hotspot"], ["temperature", "junction"]),
		memory: first(["temperature", "mem"], ["temperature", "vram"]),
		fanSpeed: first(["fan", "rpm"]),
		fanDuty: first(["fan", "usage"]),
		graphicsActivity: first(
			["usage", "apu_average_gfx_activity"],
			["usage", "gfx_activity"],
			["usage", "gfx_usage"],
		),
		memoryActivity: first(["usage", "umc_activity"], ["usage", "mem_usage"]),
		memoryTotal: first(["mem_usage", "total_vram"], ["mem-usage", "total_vram"]),
		memoryUsed: first(["mem_usage", "used_vram"], ["mem-usage", "used_vram"]),
		memoryFree: first(["mem_usage", "free_vram"], ["mem-usage", "free_vram"]),
		graphicsClock: first(
			["clock", "apu_average_gfxclk_frequency"],
			["clock", "gfx_0", "clk"],
			["clock", "gfx", "cur_clk"],
			["clock", "gfx", "clk"],
		),
		memoryClock: first(
			["clock", "apu_average_uclk_frequency"],
			["clock", "mem_0", "clk"],
			["clock", "mem", "cur_clk"],
			["clock", "mem", "clk"],
		),
		voltage: first(["power", "gfx_voltage"], ["voltage_curve", "gfx_voltage"]),
		throttled: throttle === undefined ? undefined : throttle === "THROTTLED" ? "1" : "0",
		pcieWidth: first(["pcie", "width"], ["pcie", "current_lanes"]),
		pcieReplays: first(["pcie", "replay_count"]),
		corrected: first(["ecc", "total_correctable_count"], ["ecc", "total_correctable"]),
		uncorrected: first(["ecc", "total_uncorrectable_count"], ["ecc", "total_uncorrectable"]),
	});
}
