/**
 * What a capture's `expected` says, key by key, to the measurements of a reading: the one table between
 * the two. A key that is not here fails; null means that the measurement must be absent; a number agrees
 * within half of its last printed digit; lists are compared element by element, in order.
 */
import type { Component } from "../../shared/device.js";
import {
	type MeasurementName,
	OPERATING_STATES,
	POWER_MODES,
	POWER_SOURCES,
} from "../../shared/measurements.js";
import type { ComponentReading, Reading, Values } from "../../shared/reading.js";

export type Context = {
	readonly reading: Reading;
	readonly family: string;
	readonly expected: Readonly<Record<string, unknown>>;
	/** The reading from some of the capture's requests only, or with another of its files. */
	readonly readingOf: (selection: { readonly only?: readonly string[]; readonly file?: RegExp }) => Reading;
};

/** What is wrong, or undefined. */
type Check = (expected: unknown, context: Context) => string | undefined;

/** Tells of the capture itself, or of what a reading has no place for: nothing to compare. */
const notMeasured: Check = () => undefined;

function agrees(found: number | undefined, expected: unknown): string | undefined {
	if (expected === null) return found === undefined ? undefined : `is ${found}, should be absent`;
	if (found === undefined) return `is absent, should be ${JSON.stringify(expected)}`;
	if (typeof expected !== "number") return `is ${found}, but ${JSON.stringify(expected)} is no number`;
	const decimals = /\.(\d+)$/.exec(String(expected))?.[1]?.length ?? 0;
	const tolerance = 0.5 * 10 ** -decimals + Math.abs(expected) * 1e-12;
	return Math.abs(found - expected) <= tolerance ? undefined : `is ${found}, should be ${expected}`;
}

function allAgree(found: readonly (number | undefined)[], expected: unknown): string | undefined {
	if (!Array.isArray(expected)) return `should be a list and is ${JSON.stringify(expected)}`;
	if (found.length !== expected.length) return `is [${found.join(", ")}], should be [${expected.join(", ")}]`;
	const wrong = expected.flatMap((value: unknown, index) => agrees(found[index], value) ?? []);
	return wrong.length === 0 ? undefined : wrong.join("; ");
}

const device =
	(name: MeasurementName, factor = 1): Check =>
	(expected, { reading }) =>
		agrees(times(reading.values[name], factor), expected);

function times(value: number | undefined, factor: number): number | undefined {
	return value === undefined ? undefined : value * factor;
}

function parts(reading: Reading, part: Component["part"]): readonly ComponentReading[] {
	return reading.components.filter((component) => component.part === part);
}

const each =
	(part: Component["part"], name: MeasurementName, factor = 1): Check =>
	(expected, { reading }) =>
		allAgree(
			parts(reading, part).map(({ values }) => times(values[name], factor)),
			expected,
		);

const first =
	(part: Component["part"], name: MeasurementName): Check =>
	(expected, { reading }) =>
		agrees(parts(reading, part)[0]?.values[name], expected);

const TERA = 1e12;
const UNITS: Readonly<Record<string, number>> = {
	"H/s": 1,
	"MH/s": 1e6,
	"GH/s": 1e9,
	"TH/s": TERA,
	"Sol/s": 1,
	"kSol/s": 1e3,
	"KSol/s": 1e3,
	"Ksol/s": 1e3,
};

type RateNames = { readonly sha256: MeasurementName; readonly other: MeasurementName };
const NOW: RateNames = {
	sha256: "hashrateTerahashesPerSecond",
	other: "otherAlgorithmHashrateHashesPerSecond",
};
const AVERAGE: RateNames = {
	sha256: "hashrateAverageTerahashesPerSecond",
	other: "otherAlgorithmHashrateAverageHashesPerSecond",
};

/** In H/s (or Sol/s), whichever row the algorithm goes to. */
function rateOf(values: Values, names: RateNames, reading: Reading): number | undefined {
	const { algorithm } = reading.identity;
	const isSha256 = algorithm === "sha256" || (algorithm === undefined && values[names.other] === undefined);
	return isSha256 ? times(values[names.sha256], TERA) : values[names.other];
}

const terahashes =
	(names: RateNames): Check =>
	(expected, { reading }) =>
		agrees(times(rateOf(reading.values, names, reading), 1 / TERA), expected);

/** "value" with its "unit", or a bare number in the unit of "hashrate_native". */
const native =
	(names: RateNames): Check =>
	(expected, context) => {
		const unit = unitOf(expected) ?? unitOf(context.expected["hashrate_native"]);
		if (unit === undefined) return `has no known unit: ${JSON.stringify(expected)}`;
		const value = typeof expected === "number" ? expected : field(expected, "value");
		return agrees(times(rateOf(context.reading.values, names, context.reading), 1 / unit), value);
	};

function field(value: unknown, name: string): unknown {
	return typeof value === "object" && value !== null
		? (value as Readonly<Record<string, unknown>>)[name]
		: undefined;
}

function unitOf(value: unknown): number | undefined {
	return UNITS[String(field(value, "unit")).split(" ")[0] ?? ""];
}

/** Where a capture says that its rate is the average, it is compared with the average. */
const hashrate: Check = (expected, context) => {
	const isAverage = /^hashrate = SUMMARY\."MHS av"/.test(String(context.expected["how"]));
	return terahashes(isAverage ? AVERAGE : NOW)(expected, context);
};

/** These families' boards were recorded by their averages. */
const boardRates: Check = (expected, { reading, family }) =>
	allAgree(
		parts(reading, "board").map(({ values }) =>
			/^(?:whatsminer|avalon)/.test(family)
				? values.hashrateAverageTerahashesPerSecond
				: values.hashrateTerahashesPerSecond,
		),
		expected,
	);

const boardRatesNative: Check = (expected, { reading, expected: all }) => {
	const unit = unitOf(all["hashrate_native"]) ?? UNITS["GH/s"] ?? 1;
	return allAgree(
		parts(reading, "board").map(({ values }) => times(rateOf(values, NOW, reading), 1 / unit)),
		expected,
	);
};

const SENSORS = [1, 2, 3, 4, 5, 6, 7, 8] as const;

function sensorsOf(values: Values, kind: "chip" | "board"): readonly number[] {
	return SENSORS.flatMap(
		(sensor) => values[`${kind}Sensor${sensor}TemperatureCelsius` as MeasurementName] ?? [],
	);
}

/** One list of sensors a board; one number a board; or, on a machine of one part, its sensors. */
const temperatures =
	(kind: "chip" | "board"): Check =>
	(expected, { reading }) => {
		const boards = parts(reading, "board");
		const hottest = boards.map(({ values }) => values[`${kind}TemperatureCelsius`]);
		if (expected === null)
			return agrees(
				hottest.find((value) => value !== undefined),
				null,
			);
		if (!Array.isArray(expected)) return extremes(expected, reading.values);
		if (expected.length === 0) return agrees(boards.length, 0);
		if (Array.isArray(expected[0])) return sensorBySensor(kind, boards, expected);
		if (boards.length === 0) return allAgree([reading.values[`${kind}TemperatureCelsius`]], expected);
		return allAgree(boards.length === 1 ? sensorsOf(boards[0]?.values ?? {}, kind) : hottest, expected);
	};

function sensorBySensor(
	kind: "chip" | "board",
	boards: readonly ComponentReading[],
	expected: readonly unknown[],
): string | undefined {
	if (boards.length !== expected.length) return `is of ${boards.length} boards, not ${expected.length}`;
	const wrong = boards.flatMap(
		({ values }, index) => allAgree(sensorsOf(values, kind), expected[index]) ?? [],
	);
	return wrong.length === 0 ? undefined : wrong.join("; ");
}

const sensorLists =
	(kind: "chip" | "board"): Check =>
	(expected, { reading }) =>
		sensorBySensor(kind, parts(reading, "board"), Array.isArray(expected) ? expected : []);

function sumOf(components: readonly ComponentReading[], name: MeasurementName): number | undefined {
	const found = components.flatMap(({ values }) => values[name] ?? []);
	return found.length === 0 ? undefined : found.reduce((sum, value) => sum + value);
}

function extremes(expected: unknown, values: Values): string | undefined {
	const wrong = [
		agrees(values.chipTemperatureMinimumCelsius, field(expected, "min") ?? null),
		agrees(values.chipTemperatureCelsius, field(expected, "max") ?? null),
		agrees(values.chipTemperatureAverageCelsius, field(expected, "avg") ?? null),
	].filter((one) => one !== undefined);
	return wrong.length === 0 ? undefined : wrong.join("; ");
}

/** A slot at 0 rpm is an empty one unless the capture lists it. */
const fans: Check = (expected, { reading }) => {
	const listsZeros = Array.isArray(expected) && expected.includes(0);
	const speeds = parts(reading, "fan").flatMap(({ values }) => values.fanSpeedRevolutionsPerMinute ?? []);
	return allAgree(listsZeros ? speeds : speeds.filter((speed) => speed > 0), expected);
};

const fanPercent: Check = (expected, { reading }) =>
	agrees(times(reading.values.fanDutyRatio ?? parts(reading, "fan")[0]?.values.fanDutyRatio, 100), expected);

/** Where a capture tells the process's time apart, "uptime_s" is the system's. */
const uptime: Check = (expected, { reading: { values }, expected: all }) =>
	agrees(
		Object.hasOwn(all, "elapsed_s")
			? values.uptimeSeconds
			: (values.minerUptimeSeconds ?? values.uptimeSeconds),
		expected,
	);

function isNear(found: number | undefined, expected: unknown, tolerance: number): boolean {
	return found !== undefined && Math.abs(found - Number(expected)) <= tolerance;
}

/**
 * No measurement of its own: the watts over one of the device's rates must give it, within half a watt,
 * since firmwares divide before they round.
 */
const efficiency: Check = (expected, { reading: { values } }) => {
	const rates = [
		values.hashrateTerahashesPerSecond,
		values.hashrateOneMinuteTerahashesPerSecond,
		values.hashrateAverageTerahashesPerSecond,
	];
	const found = rates.map((rate) => (rate ? times(values.powerWatts, 1 / rate) : undefined));
	const complaints = found.map((ratio, index) =>
		isNear(ratio, expected, 0.5 / (rates[index] ?? 1)) ? undefined : agrees(ratio, expected),
	);
	return complaints.includes(undefined) ? undefined : complaints[0];
};

/** Firmwares' words for states, in ours. */
const STATE_WORDS: Readonly<Record<string, string>> = {
	"stopped-overheat": "overheated",
	"mining-degraded": "mining",
	"auto-tuning": "tuning",
	failure: "failed",
};

const word =
	(name: MeasurementName, words: readonly string[]): Check =>
	(expected, { reading }) => {
		const value = reading.values[name];
		const found = value === undefined ? undefined : words[value];
		const said = String(expected).toLowerCase();
		const wanted = STATE_WORDS[said] ?? said;
		return found === wanted ? undefined : `is ${found}, should be ${wanted}`;
	};

const text =
	(name: keyof Reading["identity"]): Check =>
	(expected, { reading }) => {
		const found = reading.identity[name];
		if (expected === null) return found === undefined ? undefined : `is ${found}, should be absent`;
		const firstLine = String(expected).split("\n")[0] ?? "";
		const wanted = firstLine.replace(/\s*(?:\(vnish|hiveon|blissz).*$|\.$/i, "").trim();
		return found?.toLowerCase() === wanted.toLowerCase() ? undefined : `is ${found}, should be ${wanted}`;
	};

const codes =
	(pattern: RegExp): Check =>
	(expected, { reading }) => {
		const found = reading.errorCodes
			.filter((code) => pattern.test(code))
			.map((code) => Number(code.split(":").at(-1)));
		return allAgree(found, Array.isArray(expected) ? expected.filter((code) => code !== 0) : expected);
	};

/** The set voltage; ours is the measured one where there is one, which lies within 50 mV. */
const coreVoltage: Check = (expected, { reading }) => {
	const found = times(reading.values.coreVoltageVolts, 1_000);
	return isNear(found, expected, 50) ? undefined : `is ${found}, should be near ${expected}`;
};

const isEstimate: Check = (expected, { reading }) => {
	const source = POWER_SOURCES[reading.values.powerSource ?? -1];
	return (source === "estimated") === expected ? undefined : `is ${source}`;
};

/** Every key of a nested `expected`, with the table of its level. */
function inner(
	table: Readonly<Record<string, Check>>,
	expected: unknown,
	context: Context,
): string | undefined {
	if (typeof expected !== "object" || expected === null) return `is ${JSON.stringify(expected)}`;
	const wrong = Object.entries(expected).flatMap(([key, value]: [string, unknown]) => {
		const complaint = Object.hasOwn(table, key) ? table[key]?.(value, context) : "is a key without a mapping";
		return complaint === undefined ? [] : [`${key} ${complaint}`];
	});
	return wrong.length === 0 ? undefined : wrong.join("; ");
}

/** One entry a part: the context of each is a reading of this part alone. */
const partByPart =
	(part: Component["part"], table: Readonly<Record<string, Check>>): Check =>
	(expected, context) => {
		const found = parts(context.reading, part);
		if (!Array.isArray(expected) || found.length !== expected.length)
			return `is ${found.length} ${part}s, should be ${JSON.stringify(expected).slice(0, 200)}`;
		const wrong = found.flatMap((component, index) => {
			const owned = context.reading.components.filter(
				({ part: kind, key }) =>
					kind === "fan" && (found.length === 1 || key.startsWith(`${component.key}/`)),
			);
			const reading = {
				...context.reading,
				identity: { ...context.reading.identity, serial: component.key },
				values: component.values,
				components: owned,
			};
			return inner(table, expected[index], { ...context, reading }) ?? [];
		});
		return wrong.length === 0 ? undefined : wrong.join("; ");
	};

const MODULE: Readonly<Record<string, Check>> = {
	unit: notMeasured,
	ver: notMeasured,
	dna: text("serial"),
	ghs: device("hashrateNominalTerahashesPerSecond", 1_000),
	ghs_avg: device("hashrateAverageTerahashesPerSecond", 1_000),
	inlet_temp: device("inletTemperatureCelsius"),
	chip_max: device("chipTemperatureCelsius"),
	chip_avg: device("chipTemperatureAverageCelsius"),
	fan_pct: device("fanDutyRatio", 100),
	fans,
	/** A supply of zeros reports nothing. */
	ps: (expected, { reading }) => {
		const supply = Array.isArray(expected) ? expected : [];
		const output: unknown = supply.some((value) => value !== 0) ? supply[4] : null;
		return (
			agrees(reading.values.hashboardOutputPowerWatts, output) ??
			agrees(reading.values.powerWatts, supply[6] ?? null)
		);
	},
	elapsed: device("minerUptimeSeconds"),
};

const MEBI = 1_048_576;

const GPU: Readonly<Record<string, Check>> = {
	/** Where they stand in the list or the file; GPUs are told apart by UUID. */
	gpu: notMeasured,
	pci: notMeasured,
	columns: notMeasured,
	na_columns: notMeasured,
	watts_field: notMeasured,
	instance: notMeasured,
	profile: notMeasured,
	/** No measurement of reserved memory. */
	mem_reserved_mib: notMeasured,
	card: notMeasured,
	/** Names of the vendor's identifiers, and the first releases' number in a name's place. */
	series: (expected, context) =>
		/^0x/.test(String(expected)) ? undefined : text("model")(expected, context),
	uid: (expected, context) => (expected === "N/A" ? undefined : text("serial")(expected, context)),
	power_cap_w: device("powerLimitWatts"),
	temp_edge: device("gpuTemperatureCelsius"),
	temp_hotspot: device("junctionTemperatureCelsius"),
	temp_junction: device("junctionTemperatureCelsius"),
	fan_rpm: device("fanSpeedRevolutionsPerMinute"),
	vram_total_b: device("memoryTotalBytes"),
	vram_used_b: device("memoryUsedBytes"),
	/** The tool's MB are 1,048,576 bytes. */
	mem_total_mb: device("memoryTotalBytes", 1 / MEBI),
	mem_used_mb: device("memoryUsedBytes", 1 / MEBI),
	/** Of a card's tiles the reading has the mean, and of their memory the sum. */
	util_gpu_tiles: (expected, { reading }) => agrees(reading.values.gpuUtilizationRatio, mean(expected) / 100),
	mem_used_b_tiles: (expected, { reading }) => agrees(reading.values.memoryUsedBytes, sum(expected)),
	name: text("model"),
	uuid: text("serial"),
	watts: device("powerWatts"),
	watts_instant: device("powerInstantWatts"),
	watts_average: device("powerAverageWatts"),
	power_limit_w: device("powerLimitWatts"),
	enforced_power_limit_w: device("powerLimitEnforcedWatts"),
	default_power_limit_w: device("powerLimitDefaultWatts"),
	max_power_limit_w: device("powerLimitMaximumWatts"),
	energy_j: device("energyConsumedJoules"),
	temp_gpu: device("gpuTemperatureCelsius"),
	temp_memory: device("memoryTemperatureCelsius"),
	fan_percent: device("fanDutyRatio", 100),
	util_gpu: device("gpuUtilizationRatio", 100),
	util_mem: device("memoryUtilizationRatio", 100),
	gr_engine_active: device("graphicsEngineActiveRatio"),
	tensor_active: device("tensorActiveRatio"),
	dram_active: device("dramActiveRatio"),
	mem_total_mib: device("memoryTotalBytes", 1 / MEBI),
	mem_used_mib: device("memoryUsedBytes", 1 / MEBI),
	mem_free_mib: device("memoryFreeBytes", 1 / MEBI),
	clock_sm_mhz: device("streamingMultiprocessorClockMegahertz"),
	clock_mem_mhz: device("memoryClockMegahertz"),
	pstate: (expected, { reading }) =>
		agrees(reading.values.performanceState, Number(String(expected).slice(1))),
	mig: (expected, { reading }) => {
		const state = ({ Enabled: 1, Disabled: 0 } as Readonly<Record<string, number>>)[String(expected)];
		return agrees(reading.values.multiInstanceGpu, state ?? null);
	},
	mig_devices: (expected, { reading }) => agrees(reading.values.multiInstanceCount ?? 0, expected),
	instances: device("multiInstanceCount"),
};

function sum(list: unknown): number {
	return (Array.isArray(list) ? list : []).reduce((all: number, one) => all + Number(one), 0);
}

function mean(list: unknown): number {
	return sum(list) / (Array.isArray(list) ? list.length : 1);
}

const gpusOf =
	(file: RegExp | undefined): Check =>
	(expected, context) =>
		partByPart("gpu", GPU)(
			expected,
			file === undefined ? context : { ...context, reading: context.readingOf({ file }) },
		);

export const EXPECTATIONS: Readonly<Record<string, Check>> = {
	// Notes on the capture, and facts that no reading carries.
	how: notMeasured,
	model_note: notMeasured,
	power_limit_field: notMeasured,
	fan_note: notMeasured,
	/** Another average of the same rate. */
	hashrate_alarm_ghs: notMeasured,
	/** The sum of the boards' rates, which a reading holds board by board. */
	hashrate_board_sum_native: notMeasured,
	hashrate_hps: (expected, { reading }) => agrees(rateOf(reading.values, NOW, reading), expected),
	boards_online: (expected, { reading }) => agrees(reading.values.boardCount, expected),
	ip: notMeasured,

	power_fields: notMeasured,
	/** Products of what is compared already. */
	watts_implied: device("powerWatts"),
	psu_efficiency: notMeasured,
	board_temps_rpc: sensorLists("board"),
	chip_temps_rpc: sensorLists("chip"),
	/** The set profile by its watts; its rate is no measurement. */
	profile: (expected, { reading }) => agrees(reading.values.powerTargetWatts, field(expected, "watts")),
	power_preset_w: device("powerTargetWatts"),
	error_messages: (expected, { reading }) =>
		(Array.isArray(expected) ? expected : []).every((message: unknown) =>
			reading.errorCodes.includes(String(message)),
		)
			? undefined
			: `are ${reading.errorCodes.join(", ")}`,

	hashrate_ths: hashrate,
	hashrate_target_ths: device("hashrateNominalTerahashesPerSecond"),
	hashrate_rated_ths: device("hashrateNameplateTerahashesPerSecond"),
	hashrate_stock_ths: device("hashrateNameplateTerahashesPerSecond"),
	hashrate_nameplate_ths: device("hashrateNameplateTerahashesPerSecond"),
	/** The sampled rate stands on the boards, which the device samples one after another. */
	hashrate_sample_ths: (expected, { reading }) => {
		const found = sumOf(parts(reading, "board"), "hashrateTerahashesPerSecond");
		return isNear(found, expected, 0.01) ? undefined : agrees(found, expected);
	},
	hashrate_native: native(NOW),
	hashrate_avg_ths: terahashes(AVERAGE),
	hashrate_avg_native: native(AVERAGE),
	hashrate_1m_ths: device("hashrateOneMinuteTerahashesPerSecond"),
	hashrate_5m_ths: device("hashrateFiveMinutesTerahashesPerSecond"),
	hashrate_1h_ths: device("hashrateOneHourTerahashesPerSecond"),
	hashrate_1d_ths: device("hashrateOneDayTerahashesPerSecond"),
	hashrate_ideal_ths: device("hashrateNominalTerahashesPerSecond"),
	hashrate_mm_ths: device("hashrateNominalTerahashesPerSecond"),
	hashrate_nominal_ths: device("hashrateNominalTerahashesPerSecond"),
	hashrate_expected_ths: device("hashrateNominalTerahashesPerSecond"),
	hashrate_factory_ths: device("hashrateNameplateTerahashesPerSecond"),
	hashrate_sale_ths: device("hashrateNameplateTerahashesPerSecond"),
	hashrate_sticker_ths: device("hashrateNameplateTerahashesPerSecond"),
	web_stats_hashrate_ths: (expected, { readingOf }) =>
		agrees(readingOf({ only: ["statsCgi"] }).values.hashrateTerahashesPerSecond, expected),

	watts: device("powerWatts"),
	watts_hash_output: device("hashboardOutputPowerWatts"),
	watts_psu_output: device("hashboardOutputPowerWatts"),
	fan_watts: (expected, { reading }) => agrees(sumOf(parts(reading, "fan"), "powerWatts"), expected),
	psu_temp: first("psu", "psuTemperatureCelsius"),
	watts_is_estimate: isEstimate,
	board_watts: each("board", "powerWatts"),
	temp_max: device("boardTemperatureCelsius"),
	hashrate_rated_native: native({
		sha256: "hashrateNominalTerahashesPerSecond",
		other: "otherAlgorithmHashrateNominalHashesPerSecond",
	}),
	power_limit_w: device("powerLimitWatts"),
	power_target_w: device("powerTargetWatts"),
	power_current_target_w: device("powerTargetCurrentWatts"),
	power_mode: word("powerMode", POWER_MODES),
	efficiency_jth: efficiency,

	boards: (expected, { reading }) => agrees(reading.values.boardCount, expected),
	boards_declared: device("boardSlotCount"),
	boards_expected: device("boardSlotCount"),
	board_slots: device("boardSlotCount"),
	chips: device("chipCount"),
	asic_count: device("chipCount"),
	chips_per_board: each("board", "chipCount"),
	board_rates_native: boardRatesNative,
	board_ths: boardRates,
	edevs_board_ths: boardRates,

	fan_rpm: fans,
	fan_percent: fanPercent,
	/** Of a supply's two fans the first is kept. */
	psu_fan_rpm: (expected, context) =>
		first("psu", "fanSpeedRevolutionsPerMinute")(Array.isArray(expected) ? expected[0] : expected, context),
	psu_vin: first("psu", "inputVoltageVolts"),
	psu_iin: first("psu", "inputCurrentAmperes"),

	chip_temps: temperatures("chip"),
	board_temps: temperatures("board"),
	inlet_temps: each("board", "inletTemperatureCelsius"),
	board_chip_temp_max: each("board", "chipTemperatureCelsius"),
	board_chip_max: each("board", "chipTemperatureCelsius"),
	board_chip_avg: each("board", "chipTemperatureAverageCelsius"),
	chip_temp_max: device("chipTemperatureCelsius"),
	chip_temp_avg: device("chipTemperatureAverageCelsius"),
	temperature: device("boardTemperatureCelsius"),
	inlet_temp: device("inletTemperatureCelsius"),
	env_temp: device("ambientTemperatureCelsius"),
	ambient_temp: device("ambientTemperatureCelsius"),
	vr_temp: device("voltageRegulatorTemperatureCelsius"),

	uptime_s: uptime,
	elapsed_s: device("minerUptimeSeconds"),
	system_uptime_s: device("uptimeSeconds"),
	accepted: device("sharesAccepted"),
	rejected: device("sharesRejected"),
	hw_errors: device("hardwareErrors"),
	frequency_mhz: device("frequencyMegahertz"),
	core_voltage_mv: coreVoltage,
	state: word("operatingState", OPERATING_STATES),
	work_mode: device("workMode"),
	work_level: device("workLevel"),
	error_codes: codes(/^\d+$/),
	error_words_boards: codes(/^ECHU:/),
	error_codes_with_errors_file: (expected, context) =>
		codes(/^\d+$/)(expected, { ...context, reading: context.readingOf({ file: /with_errors/ }) }),
	nested_variant: (expected, context) =>
		inner(EXPECTATIONS, expected, { ...context, reading: context.readingOf({ file: /nested/ }) }),

	model: text("model"),
	hwtype: text("model"),
	serial: text("serial"),
	hostname: text("hostname"),
	mac: text("mac"),
	firmware: text("firmware"),
	driver: text("firmware"),

	modules: partByPart("module", MODULE),
	module_count: device("moduleCount"),
	gpus: gpusOf(undefined),
	idle: gpusOf(/^idle/),
	watts_per_gcd: each("gpu", "powerWatts"),
	watts_total: (expected, { reading }) =>
		agrees(
			parts(reading, "gpu").reduce((all, { values }) => all + (values.powerWatts ?? 0), 0),
			expected,
		),
	load: gpusOf(/^load/),
};
