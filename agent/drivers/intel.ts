/**
 * Intel GPUs of one host, by XPU Manager: one table of all devices (`xpu-smi dump`), or one device's statistics, as JSON
 * or as the table that people read. Data and pure layout. Power and energy are the card's; those of its tiles do not add
 * up to it.
 *
 * @see https://github.com/intel/xpumanager
 */
import { defineDriver, type Parsed } from "./driver.js";
import { type AnyRecord, at, firstOf, listOf, numberOf, present, recordsOf, textOf } from "./kit/reading.js";
import { bytes, celsius, mebibytes, megahertz, millijoules, percent, watts } from "./kit/vendor-units.js";
import { gpus, modelOf, power } from "./nvidia.js";

/** GPU utilisation, power, frequency, core and memory temperature, memory utilisation, energy, memory used. */
const METRICS = "0,1,2,3,4,5,8,18";

const about = {
	kind: "gpu-host",
	makes: ["Intel"],
	models: ["Data Center GPU Max and Flex, Arc"],
	firmwares: ["XPU Manager 1.2 to 2.0"],
	source: "XPU Manager's document",
	grade: "documented",
	recognises: () => false,
	layOut,
	identity: { make: "Intel", model: { at: [["model"]] }, firmware: { at: [["driverVersion"]] } },
	power,
	reads: {},
	components: gpus({
		powerWatts: { at: ["power"], unit: watts },
		energyConsumedJoules: { at: ["energy"], unit: millijoules },
		gpuTemperatureCelsius: { at: ["temperature", "*"], unit: celsius, of: "highest", absent: [0] },
		memoryTemperatureCelsius: { at: ["memoryTemperature", "*"], unit: celsius, of: "highest", absent: [0] },
		gpuUtilizationRatio: { at: ["utilization", "*"], unit: percent, of: "mean" },
		memoryUtilizationRatio: { at: ["memoryUtilization", "*"], unit: percent, of: "mean" },
		graphicsClockMegahertz: { at: ["frequency", "*"], unit: megahertz, of: "mean" },
		memoryUsedBytes: [
			{ at: ["memoryUsed", "*"], unit: bytes, of: "sum" },
			{ at: ["memoryUsedMebibytes", "*"], unit: mebibytes, of: "sum" },
		],
	}),
} as const;

const caveats = [
	"A card's utilisation and clock are the mean over its tiles, its temperature the hottest, its memory their sum.",
	"Arc cards often have no temperature.",
];

export const intelXpu = defineDriver({
	...about,
	name: "intel-xpu",
	title: "Intel GPUs, XPU Manager",
	requests: {
		dump: {
			over: "command",
			argv: ["xpu-smi", "dump", "-d", "-1", "-m", METRICS, "-n", "1"],
			format: "csv",
			optional: true,
		},
		/** Release 2.0 knows the long options alone. */
		longDump: {
			over: "command",
			argv: ["xpu-smi", "dump", "--device", "-1", "--metrics", METRICS, "--number", "1"],
			format: "csv",
			optional: true,
			unless: "dump",
		},
		stats: { over: "command", argv: ["xpu-smi", "stats", "-d", "0", "-j"], format: "json", optional: true },
		discovery: {
			over: "command",
			argv: ["xpu-smi", "discovery", "-j"],
			format: "json",
			optional: true,
			rarely: true,
		},
	},
	atLeastOne: ["dump", "longDump", "stats"],
	caveats: [...caveats, "Where `dump` is not supported, the first device alone is read."],
});

export const intelXpuText = defineDriver({
	...about,
	name: "intel-xpu-text",
	title: "Intel GPUs, XPU Manager in text",
	requests: { table: { over: "command", argv: ["xpu-smi", "stats", "-d", "0"], format: "text" } },
	caveats,
});

function layOut(answers: Parsed): Parsed {
	const known = recordsOf(at(answers, "discovery", "device_list"));
	const identify = (id: string) => known.find((one) => textOf(at(one, "device_id")) === id);
	const rows = recordsOf(firstOf([at(answers, "dump", "rows"), at(answers, "longDump", "rows")])).map(rowOf);
	const stats = at(answers, "stats");
	const detailed = at(stats, "device_level") === undefined ? [] : [statsOf(stats)];
	const byId = new Map<string, AnyRecord>();
	for (const one of [...rows, ...detailed, ...tableOf(answers["table"])]) {
		const id = textOf(at(one, "id")) ?? "0";
		const before = byId.get(id);
		byId.set(
			id,
			before === undefined ? one : at(one, "isTile") === true ? withTile(before, one) : { ...before, ...one },
		);
	}
	return present({
		gpus: [...byId].map(([id, one]) => ({
			...one,
			key: firstOf([at(identify(id), "uuid"), at(identify(id), "pci_bdf_address"), id]),
		})),
		model: modelOf(known.map((one) => at(one, "device_name"))),
		driverVersion: known.map((one) => at(one, "driver_version")).find((version) => version !== undefined),
	});
}

/** A row more of the same card: its lists have one value a tile. */
function withTile(card: AnyRecord, tile: AnyRecord): AnyRecord {
	const lists = Object.entries(tile).filter(([, value]) => Array.isArray(value));
	return {
		...card,
		...Object.fromEntries(lists.map(([key, list]) => [key, [...listOf(at(card, key)), ...listOf(list)]])),
	};
}

/** "GPU Power (W)", as the table's header writes it. */
function rowOf(row: AnyRecord): AnyRecord {
	const cell = (name: RegExp) => {
		const key = Object.keys(row).find((one) => name.test(one.trim()));
		return key === undefined ? undefined : numberOf(row[key]);
	};
	const one = (value: number | undefined) => (value === undefined ? [] : [value]);
	const isTile = cell(/^TileId$/i) !== undefined;
	return present({
		id: cell(/^DeviceId$/i),
		isTile,
		power: isTile ? undefined : cell(/^GPU Power/i),
		utilization: one(cell(/^GPU Utilization/i)),
		frequency: one(cell(/^GPU Frequency/i)),
		temperature: one(cell(/^GPU Core Temperature/i)),
		memoryTemperature: one(cell(/^GPU Memory Temperature/i)),
		memoryUtilization: one(cell(/^GPU Memory Utilization/i)),
		// In joules here, as the header says; the JSON's are thousandths.
		energy: isTile ? undefined : scaled(cell(/^GPU Energy Consumed/i), 1_000),
		memoryUsedMebibytes: one(cell(/^GPU Memory Used/i)),
	});
}

function scaled(value: number | undefined, factor: number): number | undefined {
	return value === undefined ? undefined : value * factor;
}

/** `{metrics_type: "XPUM_STATS_POWER", value}` at the card, and again in each tile. */
function statsOf(stats: unknown): AnyRecord {
	const card = recordsOf(at(stats, "device_level"));
	const tiles = recordsOf(at(stats, "tile_level")).map((tile) => recordsOf(at(tile, "data_list")));
	const metric = (list: readonly AnyRecord[], name: string) =>
		list.find((one) => at(one, "metrics_type") === `XPUM_STATS_${name}`)?.["value"];
	const each = (name: string) => {
		const whole = metric(card, name);
		const found = whole === undefined ? tiles.map((tile) => metric(tile, name)) : [whole];
		return found.filter((value) => value !== undefined);
	};
	return present({
		id: at(stats, "device_id"),
		power: metric(card, "POWER"),
		energy: metric(card, "ENERGY"),
		temperature: each("GPU_CORE_TEMPERATURE"),
		memoryTemperature: each("MEMORY_TEMPERATURE"),
		utilization: each("GPU_UTILIZATION"),
		memoryUtilization: each("MEMORY_UTILIZATION"),
		frequency: each("GPU_FREQUENCY"),
		memoryUsed: each("MEMORY_USED"),
	});
}

const LINES_MOST = 400;

/**
 * "| GPU Power (W) | 15 |", or with a line a tile: "| GPU Frequency (MHz) | Tile 0: 1300 |", the next line's name empty.
 * The daemon's own command tells more of each: "avg: 118, min: 117, max: 119, current: 118".
 */
function tableOf(table: unknown): readonly AnyRecord[] {
	if (typeof table !== "string") return [];
	const cards: Map<string, string>[] = [];
	let name = "";
	for (const line of table.split("\n").slice(0, LINES_MOST)) {
		const [, label = "", said = ""] = /^\|([^|]*)\|([^|]*)\|/.exec(line) ?? [];
		name = label.trim() || name;
		if (name === "Device ID" && label.trim() !== "") cards.push(new Map());
		const card = cards.at(-1);
		if (said.trim() !== "") card?.set(name, `${card.get(name) ?? ""} ${said.trim()}`);
	}
	return cards.map((card) => {
		const said = (pattern: RegExp) => [...card].find(([label]) => pattern.test(label))?.[1] ?? "";
		const whole = (pattern: RegExp) =>
			/Tile/i.test(said(pattern)) ? undefined : numbersIn(said(pattern))[0];
		return present({
			id: card.get("Device ID")?.trim(),
			power: whole(/^GPU Power/i),
			energy: scaled(whole(/^GPU Energy Consumed \(J\)/i), 1_000),
			utilization: numbersIn(said(/^GPU Utilization/i)),
			frequency: numbersIn(said(/^GPU Frequency/i)),
			temperature: numbersIn(said(/^GPU Core Temperature/i)),
			memoryTemperature: numbersIn(said(/^GPU Memory Temperature/i)),
			memoryUtilization: numbersIn(said(/^GPU Memory Util/i)),
			memoryUsedMebibytes: numbersIn(said(/^GPU Memory Used/i)),
		});
	});
}

/** One number of the card, or one of each tile. */
function numbersIn(said: string): readonly number[] {
	const parts = said.split(/Tile\s*\d+\s*:/i).filter((part) => part.trim() !== "");
	return parts.flatMap((part) => {
		const text = /current:\s*(-?[\d.]+)/i.exec(part)?.[1] ?? /^\s*(-?[\d.]+)/.exec(part)?.[1];
		return numberOf(text) ?? [];
	});
}
