/**
 * NVIDIA GPUs of the agent's own host by the driver's library, NVML; by nvidia-smi where that cannot be loaded.
 * Data and pure layout: NVML's answer is written with nvidia-smi's names (agent/transports/nvml-library.ts).
 *
 * A GPU that is lost is no part of the reading: it stands among the error codes, and there are fewer GPUs than
 * the driver counts.
 */
import { defineDriver, type Parsed } from "./driver.js";
import { at, listOf, recordsOf } from "./kit/reading.js";
import { celsius, mebibytes, megahertz, millijoules } from "./kit/vendor-units.js";
import {
	gpus,
	INSTANCE_LIST,
	identity,
	LATER_TABLE,
	layOutRows,
	layOutTable,
	power,
	TABLE,
	TABLE_READS,
} from "./nvidia.js";

const UNLESS_NVML = { unless: "nvml", optional: true } as const;

export const nvidia = defineDriver({
	name: "nvidia",
	kind: "gpu-host",
	title: "NVIDIA GPUs, NVML",
	makes: ["NVIDIA"],
	models: ["GeForce, RTX, Quadro, Tesla and data-centre cards"],
	firmwares: ["drivers 418 to 595"],
	source: "NVML's API reference; answers of an H100 80GB HBM3 and an H200 under driver 580",
	grade: "proven",
	requests: {
		nvml: { over: "nvml", format: "json", optional: true },
		gpus: { ...TABLE, ...UNLESS_NVML },
		later: { ...LATER_TABLE, ...UNLESS_NVML },
		instances: { ...INSTANCE_LIST, ...UNLESS_NVML },
	},
	atLeastOne: ["nvml", "gpus"],
	recognises: () => false,
	layOut,
	identity,
	power,
	reads: { gpuSlotCount: { at: ["gpuSlotCount"] } },
	components: gpus({
		...TABLE_READS,
		energyConsumedJoules: { at: ["energy.consumed"], unit: millijoules },
		gpuTemperatureLimitCelsius: { at: ["temperature.slowdown"], unit: celsius, absent: [0] },
		graphicsClockMegahertz: { at: ["clocks.gr"], unit: megahertz },
		memoryReservedBytes: { at: ["memory.reserved"], unit: mebibytes },
		pcieLinkGeneration: { at: ["pcie.link.gen.current"] },
		pcieLinkWidth: { at: ["pcie.link.width.current"] },
		remappedRows: { at: ["remapped_rows"] },
		rowRemapFailed: { at: ["remapped_rows.failure"], words: { no: "off", yes: "on" } },
		xidError: { at: ["xid"] },
		pcieReplays: { at: ["pcie.replay_counter"] },
	}),
	errorCodes: [["lost", "*"]],
	caveats: [
		"Configured under local: the library is loaded by a helper program, since a call into a hung driver may not return.",
		"The energy counter takes a driver milliseconds to read: of several GPUs one is asked a poll, in turn; the others' is absent then.",
		"XID errors are those since the agent started; 0 is none.",
		"A split GPU (MIG) reports no utilisation; power and temperature are the whole GPU's. vGPU guests report neither.",
		"A GPU that is lost is among the error codes; the driver is started anew every 30 s until it is back.",
	],
});

function layOut(answers: Parsed): Parsed {
	const nvml = answers["nvml"];
	if (nvml === undefined) return layOutTable(answers);
	return {
		...layOutRows(recordsOf(at(nvml, "gpus")), at(nvml, "driver_version")),
		gpuSlotCount: at(nvml, "count"),
		lost: listOf(at(nvml, "lost")),
	};
}
