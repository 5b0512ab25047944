/**
 * AMD GPUs of one host by rocm-smi, the tool before amd-smi: as JSON, as text (labelled lines, or the table that it
 * prints when asked for nothing) and as CSV. Data and pure layout.
 *
 * Names changed with nearly every release; all are read. A second die says "N/A (Secondary die)": its package's
 * power stands on the first die.
 *
 * @see https://rocm.docs.amd.com/projects/rocm_smi_lib/
 */
import { amdHost } from "./amd.js";
import { defineDriver, type Parsed, type Reads } from "./driver.js";
import {
	type AnyRecord,
	at,
	firstOf,
	numberOf,
	present,
	recordOf,
	recordsOf,
	textOf,
} from "./kit/reading.js";
import {
	bytes,
	celsius,
	megahertz,
	millivolts,
	percent,
	revolutionsPerMinute,
	watts,
} from "./kit/vendor-units.js";
import { gpus, modelOf } from "./nvidia.js";

/** By our own names of rocm-smi's keys, see `rocmRecord`. */
const ROCM_READS: Reads = {
	powerWatts: { at: ["power"], unit: watts },
	powerLimitWatts: { at: ["powerLimit"], unit: watts, absent: [0] },
	energyConsumedJoules: { at: ["energy"], unit: { factor: 1e-6, written: [] } },
	gpuTemperatureCelsius: { at: ["edge"], unit: celsius },
	junctionTemperatureCelsius: { at: ["junction"], unit: celsius },
	memoryTemperatureCelsius: { at: ["memory"], unit: celsius, absent: [0] },
	fanSpeedRevolutionsPerMinute: { at: ["fanSpeed"], unit: revolutionsPerMinute },
	fanDutyRatio: { at: ["fanDuty"], unit: percent },
	gpuUtilizationRatio: { at: ["graphicsUse"], unit: percent },
	memoryUtilizationRatio: { at: ["memoryUse"], unit: percent },
	memoryTotalBytes: { at: ["memoryTotal"], unit: bytes },
	memoryUsedBytes: { at: ["memoryUsed"], unit: bytes },
	graphicsClockMegahertz: { at: ["graphicsClock"], unit: megahertz },
	memoryClockMegahertz: { at: ["memoryClock"], unit: megahertz },
	coreVoltageVolts: { at: ["voltage"], unit: millivolts, absent: [0] },
	pcieReplays: { at: ["pcieReplays"] },
};

const ROCM_CAVEATS = [
	"The second die of an MI250 has no power of its own: its package's stands on the first die.",
	"The maximum package power is below a Radeon's board power.",
	"Without a unique id a GPU is known by its PCI bus, else by its card number, which changes with a restart.",
];

export const rocmSmi = defineDriver({
	...amdHost,
	name: "rocm-smi",
	title: "AMD GPUs, rocm-smi",
	models: ["Instinct MI50 to MI300", "Radeon RX 6000 and 7000", "APUs"],
	firmwares: ["ROCm 2.9 to 6.2"],
	source: "answers of MI50, MI100, RX 6700 XT by three releases, RX 7900 XT, Radeon 780M",
	grade: "recorded",
	requests: { all: { over: "command", argv: ["rocm-smi", "-a", "--json"], format: "json" } },
	layOut: layOutRocm,
	components: gpus(ROCM_READS),
	caveats: ROCM_CAVEATS,
});

export const rocmSmiText = defineDriver({
	...amdHost,
	name: "rocm-smi-text",
	title: "AMD GPUs, rocm-smi as text",
	models: ["as rocm-smi"],
	firmwares: ["ROCm 4.3 to 6.2"],
	source: "text of MI250 in a public report",
	grade: "recorded",
	requests: { all: { over: "command", argv: ["rocm-smi", "-a"], format: "labelledText" } },
	layOut: layOutRocm,
	components: gpus(ROCM_READS),
	caveats: ["For tools whose JSON is broken; else use rocm-smi.", ...ROCM_CAVEATS],
});

export const rocmSmiCsv = defineDriver({
	...amdHost,
	name: "rocm-smi-csv",
	title: "AMD GPUs, rocm-smi as CSV",
	models: ["as rocm-smi"],
	firmwares: ["ROCm 4.3 to 7.2"],
	source: "a table of RX 7900 XTX in a public report",
	grade: "documented",
	requests: { all: { over: "command", argv: ["rocm-smi", "-a", "--csv"], format: "csv" } },
	layOut: layOutRocm,
	components: gpus(ROCM_READS),
	caveats: ["For recordings made so; else use rocm-smi.", ...ROCM_CAVEATS],
});

function layOutRocm(answers: Parsed): Parsed {
	const all = recordOf(answers["all"]) ?? {};
	const cards = Object.keys(all)
		.filter((key) => /^card\d{1,3}$/.test(key))
		.flatMap((key) => {
			const card = recordOf(all[key]);
			return card === undefined ? [] : [{ name: key, card }];
		});
	const inText = recordsOf(at(all, "gpus")).map((card) => ({ name: `card${textOf(at(card, "gpu"))}`, card }));
	const inTable = recordsOf(at(all, "rows"))
		.filter((card) => /^card\d{1,3}$/.test(textOf(at(card, "device")) ?? ""))
		.map((card) => ({ name: textOf(at(card, "device")) ?? "", card }));
	const found = [...cards, ...inText, ...inTable].map(({ name, card }) => rocmRecord(name, card));
	return present({
		gpus: found,
		model: modelOf(found.map((one) => at(one, "series"))),
		driverVersion: at(all, "system", "Driver version"),
	});
}

/** Keys differ in case, in a colon at the end, and in whole words from release to release. */
function rocmRecord(name: string, card: AnyRecord): AnyRecord {
	const byKey = new Map(
		Object.keys(card).map((key) => [key.toLowerCase().replace(/:$/, ""), card[key]] as const),
	);
	const first = (...keys: readonly string[]) =>
		keys.map((key) => rocmValue(byKey.get(key))).find((value) => value !== undefined);
	const series = textOf(first("card series", "device name", "card model"));
	return present({
		key: firstOf([first("unique id"), first("pci bus"), name]),
		series: series === undefined || /^0x/i.test(series) ? undefined : series,
		power: first(
			"current socket graphics package power (w)",
			"average graphics package power (w)",
			"average socket graphics package power (w)",
			"socket graphics package power (w)",
		),
		powerLimit: first("max graphics package power (w)"),
		energy: first("accumulated energy (uj)"),
		edge: first("temperature (sensor edge) (c)"),
		junction: first("temperature (sensor junction) (c)"),
		memory: first("temperature (sensor memory) (c)", "temperature (sensor mem) (c)"),
		fanSpeed: first("fan rpm"),
		fanDuty: first("fan speed (%)"),
		graphicsUse: first("gpu use (%)"),
		memoryUse: first("gpu memory use (%)", "gpu memory allocated (vram%)"),
		memoryTotal: first("vram total memory (b)"),
		memoryUsed: first("vram total used memory (b)"),
		graphicsClock: clockOf(first("sclk clock speed")),
		memoryClock: clockOf(first("mclk clock speed")),
		voltage: first("voltage (mv)"),
		pcieReplays: first("pcie replay count"),
	});
}

function rocmValue(value: unknown): unknown {
	const text = textOf(value);
	return text === undefined || /^N\/A\b/i.test(text) ? undefined : value;
}

/** "(1402Mhz)" */
function clockOf(value: unknown): number | undefined {
	return numberOf(/^\(?(\d+(?:\.\d+)?)\s*MHz\)?$/i.exec(textOf(value) ?? "")?.[1]);
}
