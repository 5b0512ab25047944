/**
 * Intel Gaudi accelerators of one host: by hl-smi's table, and by the metrics of Intel's exporter. Data and pure layout.
 * Watts are those of the accelerators, as on the GPUs of other makes.
 *
 * @see https://docs.habana.ai/en/latest/Management_and_Monitoring/Embedded_System_Tools_Guide/System_Management_Interface_Tool.html
 * @see https://docs.habana.ai/en/latest/Orchestration/Prometheus_Metric_Exporter.html
 */
import { defineDriver, type Parsed } from "./driver.js";
import { gpuRecords, labelOf, scrape, text } from "./gpu-exporters.js";
import { inferenceParts, inferenceReads, inferenceRequests, inferenceWork } from "./kit/inference-work.js";
import { at, firstOf, present, recordsOf } from "./kit/reading.js";
import { bytes, celsius, mebibytes, megahertz, milliwatts, percent, watts } from "./kit/vendor-units.js";
import { gpus, modelOf, power } from "./nvidia.js";

const FIELDS = [
	"index",
	"uuid",
	"name",
	"serial",
	"bus_id",
	"driver_version",
	"temperature.aip",
	"utilization.aip",
	"memory.total",
	"memory.used",
	"memory.free",
	"power.draw",
];

/** Asked apart, so that a release that lacks one of them refuses only these. */
const LATER_FIELDS = [
	"uuid",
	"power.max",
	"clocks.current.soc",
	"ecc.errors.uncorrected.volatile.total",
	"ecc.errors.corrected.volatile.total",
];

const table = (fields: readonly string[]) =>
	({ over: "command", argv: ["hl-smi", "-Q", fields.join(","), "-f", "csv"], format: "csv" }) as const;

const about = {
	kind: "gpu-host",
	makes: ["Intel"],
	models: ["Gaudi, Gaudi 2, Gaudi 3 (HL-205 to HL-388)"],
	grade: "documented",
	power,
} as const;

export const gaudi = defineDriver({
	...about,
	name: "intel-gaudi",
	title: "Intel Gaudi, hl-smi",
	firmwares: ["hl-smi 1.10 to 1.23"],
	source: "Intel's document of hl-smi and its table's fields",
	requests: { aips: table(FIELDS), later: { ...table(LATER_FIELDS), optional: true } },
	recognises: () => false,
	layOut: layOutTable,
	identity: { make: "Intel", model: { at: [["model"]] }, firmware: { at: [["driverVersion"]] } },
	reads: {},
	components: gpus({
		powerWatts: { at: ["power.draw"], unit: watts },
		powerLimitMaximumWatts: { at: ["power.max"], unit: watts, absent: [0] },
		gpuTemperatureCelsius: { at: ["temperature.aip"], unit: celsius, absent: [0] },
		gpuUtilizationRatio: { at: ["utilization.aip"], unit: percent },
		memoryTotalBytes: { at: ["memory.total"], unit: mebibytes },
		memoryUsedBytes: { at: ["memory.used"], unit: mebibytes },
		memoryFreeBytes: { at: ["memory.free"], unit: mebibytes },
		graphicsClockMegahertz: { at: ["clocks.current.soc"], unit: megahertz },
		correctedEccErrors: { at: ["ecc.errors.corrected.volatile.total"] },
		uncorrectedEccErrors: { at: ["ecc.errors.uncorrected.volatile.total"] },
	}),
	caveats: ["Read from the tool's document; not yet compared with a host."],
});

export const gaudiExporter = defineDriver({
	...about,
	name: "intel-gaudi-exporter",
	title: "Intel Gaudi, metric exporter",
	firmwares: ["exporter 1.10 to 1.23"],
	source: "Intel's document of the exporter and its list of metrics",
	requests: { metrics: scrape(41_611), ...inferenceRequests },
	recognises: ({ page }) => /^habanalabs_(?:power_mW|utilization|device_config)\{/m.test(page("/metrics")),
	layOut: (answers) => ({ ...layOutMetrics(answers), ...inferenceWork(answers) }),
	identity: { make: "Intel", firmware: { at: [["driverVersion"]] } },
	reads: inferenceReads,
	components: [
		...gpus({
			powerWatts: { at: ["power_mw"], unit: milliwatts },
			powerLimitDefaultWatts: { at: ["power_default_limit_mw"], unit: milliwatts, absent: [0] },
			gpuTemperatureCelsius: { at: ["temperature_onchip"], unit: celsius, absent: [0] },
			gpuTemperatureLimitCelsius: { at: ["temperature_threshold_slowdown"], unit: celsius, absent: [0] },
			gpuUtilizationRatio: { at: ["utilization"], unit: percent },
			memoryTotalBytes: { at: ["memory_total_bytes"], unit: bytes },
			memoryUsedBytes: { at: ["memory_used_bytes"], unit: bytes },
			memoryFreeBytes: { at: ["memory_free_bytes"], unit: bytes },
			graphicsClockMegahertz: { at: ["clock_soc_mhz"], unit: megahertz },
			pcieReplays: { at: ["pcie_replay_count"] },
			pcieLinkWidth: { at: ["pci_link_width"], absent: [0] },
		}),
		inferenceParts,
	],
	caveats: [
		"Its energy counter states no unit and is not read; the model is in none of its metrics.",
		"Read from the exporter's document; not yet compared with a host.",
	],
});

function layOutTable(answers: Parsed): Parsed {
	const rows = recordsOf(at(answers, "aips", "rows"));
	const later = new Map(recordsOf(at(answers, "later", "rows")).map((row) => [at(row, "uuid"), row]));
	return present({
		gpus: rows.map((row) => ({
			...(later.get(at(row, "uuid")) ?? {}),
			...row,
			key: firstOf([at(row, "uuid"), at(row, "serial"), at(row, "bus_id"), at(row, "index")]),
		})),
		model: modelOf(rows.map((row) => at(row, "name"))),
		driverVersion: at(rows[0], "driver_version"),
	});
}

function layOutMetrics(answers: Parsed): Parsed {
	const records = gpuRecords(answers["metrics"], {
		prefix: /^habanalabs_/,
		keyOf: (labels) => text(labels, "UUID", "Serial", "device", "id"),
	});
	return present({ gpus: records, driverVersion: labelOf(records, "driver") });
}
