/**
 * What we measure: one row a quantity, read by drivers, wire, store, /metrics, API, page and documents.
 *
 * `decimals` are kept on the wire and in the store; `least` and `most` bound what a real device can
 * say (outside: left out and counted). On /metrics a device's series is `fleetwatt_device_` +
 * `exposeAs`, a part's is `fleetwatt_component_` + `exposeAs`, the value times `factor` in the base
 * unit; `sensor` is a label that tells the sensors of one family apart. A state's value is the index
 * of its word. Names are frozen once released: add, deprecate, never rename.
 */
import { FAILURE_CODES } from "./failures.js";

type Row = {
	readonly kind: "gauge" | "counter" | "state";
	/** As an operator reads it: "TH/s", "W", "°C"; "" for pure numbers. */
	readonly unit: string;
	readonly decimals: number;
	readonly least: number;
	readonly most: number;
	readonly exposeAs: string;
	readonly factor: number;
	readonly sensor?: string;
	/** The words of a state, by index. Words are added at the end only. */
	readonly words?: readonly string[];
	readonly help: string;
};

export const POWER_SOURCES = ["metered", "reported", "estimated", "nameplate"] as const;
export type PowerSource = (typeof POWER_SOURCES)[number];

export const POWER_BOUNDARIES = ["chip", "board", "gpu", "host", "wall", "feeder"] as const;
export type PowerBoundary = (typeof POWER_BOUNDARIES)[number];

/** No single machine draws more; a meter of a rack or site may. */
export const DEVICE_POWER_WATTS_MOST = 50_000;

/**
 * Nothing hashes SHA-256 on less: the best machine announced takes 9.5. A device that says less has another
 * quantity in the field or a broken sensor.
 */
export const JOULES_PER_TERAHASH_LEAST = 5;

export const OPERATING_STATES = [
	"mining",
	"idle",
	"sleeping",
	"starting",
	"stopped",
	"failed",
	"tuning",
	"overheated",
] as const;
export const POWER_MODES = ["low", "normal", "high", "eco", "super", "custom"] as const;
export const POOL_STATES = ["alive", "dead", "disabled", "none"] as const;
const OFF_ON = ["off", "on"] as const;

const hashrate = (over: string, help: string) =>
	({
		kind: "gauge",
		unit: "TH/s",
		decimals: 6,
		least: 0,
		most: 5_000,
		exposeAs: `hashrate${over}_hashes_per_second`,
		factor: 1e12,
		help,
	}) as const satisfies Row;

const otherHashrate = (over: string, help: string) =>
	({
		kind: "gauge",
		unit: "H/s",
		decimals: 2,
		least: 0,
		most: 1e16,
		exposeAs: `other_algorithm_hashrate${over}_hashes_per_second`,
		factor: 1,
		help,
	}) as const satisfies Row;

const watts = (exposeAs: string, help: string) =>
	({
		kind: "gauge",
		unit: "W",
		decimals: 3,
		least: 0,
		most: 50_000,
		exposeAs: `${exposeAs}_watts`,
		factor: 1,
		help,
	}) as const satisfies Row;

const celsius = (sensor: string, help: string, exposeAs = "temperature_celsius") =>
	({
		kind: "gauge",
		unit: "°C",
		decimals: 4,
		least: -40,
		most: 150,
		exposeAs,
		factor: 1,
		sensor,
		help,
	}) as const satisfies Row;

const counter = (exposeAs: string, help: string) =>
	({
		kind: "counter",
		unit: "",
		decimals: 0,
		least: 0,
		most: 2 ** 52,
		exposeAs: `${exposeAs}_total`,
		factor: 1,
		help,
	}) as const satisfies Row;

const count = (exposeAs: string, most: number, help: string) =>
	({
		kind: "gauge",
		unit: "",
		decimals: 0,
		least: 0,
		most,
		exposeAs,
		factor: 1,
		help,
	}) as const satisfies Row;

const ratio = (exposeAs: string, help: string, most = 1.5) =>
	({
		kind: "gauge",
		unit: "",
		decimals: 4,
		least: 0,
		most,
		exposeAs: `${exposeAs}_ratio`,
		factor: 1,
		help,
	}) as const satisfies Row;

const seconds = (exposeAs: string, help: string) =>
	({
		kind: "gauge",
		unit: "s",
		decimals: 0,
		least: 0,
		most: 20 * 366 * 86_400,
		exposeAs: `${exposeAs}_seconds`,
		factor: 1,
		help,
	}) as const satisfies Row;

const megahertz = (exposeAs: string, help: string) =>
	({
		kind: "gauge",
		unit: "MHz",
		decimals: 3,
		least: 0,
		most: 20_000,
		exposeAs: `${exposeAs}_hertz`,
		factor: 1e6,
		help,
	}) as const satisfies Row;

const bytes = (exposeAs: string, help: string) =>
	({
		kind: "gauge",
		unit: "B",
		decimals: 0,
		least: 0,
		most: 2 ** 50,
		exposeAs: `${exposeAs}_bytes`,
		factor: 1,
		help,
	}) as const satisfies Row;

const volts = (exposeAs: string, help: string) =>
	({
		kind: "gauge",
		unit: "V",
		decimals: 4,
		least: 0,
		most: 1_000,
		exposeAs: `${exposeAs}_volts`,
		factor: 1,
		help,
	}) as const satisfies Row;

const amperes = (exposeAs: string, help: string) =>
	({
		kind: "gauge",
		unit: "A",
		decimals: 3,
		least: 0,
		most: 2_000,
		exposeAs: `${exposeAs}_amperes`,
		factor: 1,
		help,
	}) as const satisfies Row;

const state = <const Words extends readonly string[]>(exposeAs: string, words: Words, help: string) =>
	({
		kind: "state",
		unit: "",
		decimals: 0,
		least: 0,
		most: words.length - 1,
		exposeAs,
		factor: 1,
		words,
		help,
	}) as const satisfies Row;

const throttle = (exposeAs: string, who: string) =>
	state(`throttled_by_${exposeAs}`, OFF_ON, `${who} holds the clocks down: 0 no, 1 yes.`);

export const MEASUREMENTS = {
	// Work. SHA-256 only in hashrate…; other algorithms never enter these rows.
	hashrateTerahashesPerSecond: hashrate("", "SHA-256 hashrate over the shortest window the device gives."),
	hashrateWindowSeconds: seconds("hashrate_window", "Length of the window of the hashrate, where known."),
	hashrateOneMinuteTerahashesPerSecond: hashrate(
		"_1m",
		"SHA-256 hashrate, the device's average of one minute.",
	),
	hashrateFiveMinutesTerahashesPerSecond: hashrate(
		"_5m",
		"SHA-256 hashrate, the device's average of five minutes.",
	),
	hashrateFifteenMinutesTerahashesPerSecond: hashrate(
		"_15m",
		"SHA-256 hashrate, the device's average of fifteen minutes.",
	),
	hashrateThirtyMinutesTerahashesPerSecond: hashrate(
		"_30m",
		"SHA-256 hashrate, the device's average of thirty minutes.",
	),
	hashrateOneHourTerahashesPerSecond: hashrate("_1h", "SHA-256 hashrate, the device's average of one hour."),
	hashrateOneDayTerahashesPerSecond: hashrate("_1d", "SHA-256 hashrate, the device's average of one day."),
	hashrateAverageTerahashesPerSecond: hashrate(
		"_average",
		"SHA-256 hashrate, the device's average since its miner process started; stays stale after a stop.",
	),
	hashrateNominalTerahashesPerSecond: hashrate(
		"_nominal",
		"SHA-256 hashrate that the present frequency and chips should give, as the device states it.",
	),
	hashrateNameplateTerahashesPerSecond: hashrate(
		"_nameplate",
		"SHA-256 hashrate the unit was sold with, as the device states it.",
	),
	otherAlgorithmHashrateHashesPerSecond: otherHashrate(
		"",
		"Hashrate of an algorithm other than SHA-256, in that algorithm's own unit (H/s or Sol/s).",
	),
	otherAlgorithmHashrateAverageHashesPerSecond: otherHashrate(
		"_average",
		"The device's average since its start, of an algorithm other than SHA-256.",
	),
	otherAlgorithmHashrateNominalHashesPerSecond: otherHashrate(
		"_nominal",
		"Stated hashrate of an algorithm other than SHA-256.",
	),
	sharesAccepted: counter(
		"shares_accepted",
		"Shares the pools accepted, as the device counts; falls when the device restarts.",
	),
	sharesRejected: counter("shares_rejected", "Shares the pools rejected, as the device counts."),
	sharesStale: counter("shares_stale", "Shares found stale, as the device counts."),
	shareDifficultyAccepted: counter(
		"share_difficulty_accepted",
		"Difficulty of the shares that the pools accepted, summed, as the device counts: times 2^32 the hashes that pools have seen.",
	),
	hardwareErrors: counter("hardware_errors", "Wrong nonces, as the device counts."),
	poolState: state(
		"pool_state",
		POOL_STATES,
		"State of the pool in use: 0 alive, 1 dead, 2 disabled, 3 none.",
	),
	activePoolCount: count("active_pools", 64, "Pools the device says are alive."),

	// Power. Every watt has a source and a boundary beside it.
	powerWatts: {
		...watts("power", "Electrical power at the boundary that device_info names."),
		// A site's meter; what one machine can draw is DEVICE_POWER_WATTS_MOST.
		most: 1e9,
	},
	powerSource: state(
		"power_source",
		POWER_SOURCES,
		"Where the watts come from: 0 metered, 1 reported, 2 estimated, 3 nameplate.",
	),
	powerBoundary: state(
		"power_boundary",
		POWER_BOUNDARIES,
		"What the watts cover: 0 chip, 1 board, 2 gpu, 3 host, 4 wall, 5 feeder.",
	),
	apparentPowerVoltAmperes: {
		kind: "gauge",
		unit: "VA",
		decimals: 1,
		least: 0,
		most: 1e9,
		exposeAs: "apparent_power_voltamperes",
		factor: 1,
		help: "Apparent power, as a meter states it.",
	},
	powerFactorRatio: ratio("power_factor", "Active over apparent power, as a meter states it.", 1),
	outletCount: count("outlets", 512, "Outlets that a meter tells apart."),
	hashboardOutputPowerWatts: watts(
		"hashboard_output_power",
		"Power the supply gives to the hash boards; below the wall.",
	),
	powerInstantWatts: watts("power_instant", "Power without averaging, where the device tells it apart."),
	powerAverageWatts: watts("power_average", "Power over the device's own average window."),
	powerLimitWatts: watts("power_limit", "Cap the device enforces on its power."),
	powerLimitEnforcedWatts: watts("power_limit_enforced", "Cap in force after all limits met."),
	powerLimitDefaultWatts: watts("power_limit_default", "Cap the device has from its maker."),
	powerLimitMaximumWatts: watts("power_limit_maximum", "Highest cap that can be set."),
	powerTargetWatts: watts("power_target", "Power the tuner is asked to hold."),
	powerTargetCurrentWatts: watts(
		"power_target_current",
		"Power the tuner holds now; below the target while scaling down.",
	),
	energyConsumedJoules: {
		kind: "counter",
		unit: "J",
		decimals: 3,
		least: 0,
		most: 2 ** 50,
		exposeAs: "energy_consumed_joules_total",
		factor: 1,
		help: "Energy since the device's driver was loaded, from the device's own counter.",
	},
	inputVoltageVolts: volts("input_voltage", "Voltage at the supply's input."),
	inputCurrentAmperes: amperes("input_current", "Current at the supply's input."),
	outputVoltageVolts: volts("output_voltage", "Voltage at the supply's output."),
	outputCurrentAmperes: amperes("output_current", "Current at the supply's output."),
	coreVoltageVolts: volts("core_voltage", "Voltage of the chips, measured where the device does, else set."),

	// Heat.
	chipTemperatureCelsius: celsius("chip", "Hottest chip."),
	chipTemperatureAverageCelsius: celsius("chip_average", "Mean of the chips, as the device states it."),
	chipTemperatureMinimumCelsius: celsius("chip_minimum", "Coolest chip, as the device states it."),
	chipSensor1TemperatureCelsius: celsius("chip_1", "Chip sensor 1 of a board."),
	chipSensor2TemperatureCelsius: celsius("chip_2", "Chip sensor 2 of a board."),
	chipSensor3TemperatureCelsius: celsius("chip_3", "Chip sensor 3 of a board."),
	chipSensor4TemperatureCelsius: celsius("chip_4", "Chip sensor 4 of a board."),
	chipSensor5TemperatureCelsius: celsius("chip_5", "Chip sensor 5 of a board."),
	chipSensor6TemperatureCelsius: celsius("chip_6", "Chip sensor 6 of a board."),
	chipSensor7TemperatureCelsius: celsius("chip_7", "Chip sensor 7 of a board."),
	chipSensor8TemperatureCelsius: celsius("chip_8", "Chip sensor 8 of a board."),
	boardTemperatureCelsius: celsius("board", "Hottest board sensor."),
	boardSensor1TemperatureCelsius: celsius("board_1", "Board sensor 1."),
	boardSensor2TemperatureCelsius: celsius("board_2", "Board sensor 2."),
	boardSensor3TemperatureCelsius: celsius("board_3", "Board sensor 3."),
	boardSensor4TemperatureCelsius: celsius("board_4", "Board sensor 4."),
	boardSensor5TemperatureCelsius: celsius("board_5", "Board sensor 5."),
	boardSensor6TemperatureCelsius: celsius("board_6", "Board sensor 6."),
	boardSensor7TemperatureCelsius: celsius("board_7", "Board sensor 7."),
	boardSensor8TemperatureCelsius: celsius("board_8", "Board sensor 8."),
	inletTemperatureCelsius: celsius("inlet", "Air or coolant that enters."),
	outletTemperatureCelsius: celsius("outlet", "Air or coolant that leaves."),
	ambientTemperatureCelsius: celsius("ambient", "Air around the device, or the coolant of an immersed one."),
	voltageRegulatorTemperatureCelsius: celsius("voltage_regulator", "Voltage regulator."),
	gpuTemperatureCelsius: celsius("gpu", "GPU core."),
	memoryTemperatureCelsius: celsius("memory", "GPU memory."),
	psuTemperatureCelsius: celsius("psu", "Power supply."),
	junctionTemperatureCelsius: celsius("junction", "Hottest spot of a GPU's die."),
	controlBoardTemperatureCelsius: celsius("control_board", "Control board of a miner."),
	chipTemperatureLimitCelsius: celsius(
		"chip",
		"Chip temperature at which the device throttles or stops, as it states it.",
		"temperature_limit_celsius",
	),
	gpuTemperatureLimitCelsius: celsius(
		"gpu",
		"GPU temperature at which it slows down, as it states it.",
		"temperature_limit_celsius",
	),

	// Cooling.
	fanSpeedRevolutionsPerMinute: {
		kind: "gauge",
		unit: "rpm",
		decimals: 0,
		least: 0,
		most: 30_000,
		exposeAs: "fan_speed_revolutions_per_minute",
		factor: 1,
		help: "Fan speed.",
	},
	fanDutyRatio: ratio("fan_duty", "Fan drive, 1 is full; cards may report more than 1.", 2),

	// What works.
	pollResult: state(
		"poll_result",
		["ok", ...FAILURE_CODES],
		"What asking the device gave: 0 an answer, else a failure by its place in the failure table.",
	),
	uptimeSeconds: seconds("uptime", "Time since the device's system started."),
	recalledSeconds: seconds(
		"recalled",
		"For how long a value stands that came from the device's own memory, since the agent was down. What was polled has none.",
	),
	minerUptimeSeconds: seconds("miner_uptime", "Time since the miner process started."),
	operatingState: state(
		"operating_state",
		OPERATING_STATES,
		`State: ${OPERATING_STATES.map((word, index) => `${index} ${word}`).join(", ")}.`,
	),
	powerMode: state(
		"power_mode",
		POWER_MODES,
		`Mode: ${POWER_MODES.map((word, index) => `${index} ${word}`).join(", ")}.`,
	),
	workMode: count("work_mode", 255, "The vendor's work mode number."),
	workLevel: { ...count("work_level", 255, "The vendor's work level number; may be negative."), least: -255 },
	boardCount: count("boards", 64, "Boards that work."),
	boardSlotCount: count("board_slots", 64, "Boards the device should have."),
	moduleCount: count("modules", 512, "Machines behind one controller."),
	chipCount: count("chips", 10_000, "Chips that answered the last count."),
	failedChipCount: count("failed_chips", 10_000, "Chips marked as not working since."),
	frequencyMegahertz: megahertz("frequency", "Mean clock of the chips."),

	// GPUs.
	gpuUtilizationRatio: ratio("gpu_utilization", "Share of time in which a kernel ran."),
	memoryUtilizationRatio: ratio("memory_utilization", "Share of time in which memory was read or written."),
	graphicsEngineActiveRatio: ratio(
		"graphics_engine_active",
		"Share of time in which the graphics or compute engine was active.",
	),
	tensorActiveRatio: ratio("tensor_active", "Share of cycles in which the tensor pipe was active."),
	dramActiveRatio: ratio("dram_active", "Share of cycles in which device memory sent or received."),
	memoryTotalBytes: bytes("memory_total", "GPU memory fitted."),
	memoryUsedBytes: bytes("memory_used", "GPU memory in use."),
	memoryFreeBytes: bytes("memory_free", "GPU memory free."),
	streamingMultiprocessorClockMegahertz: megahertz(
		"streaming_multiprocessor_clock",
		"Clock of the streaming multiprocessors.",
	),
	memoryClockMegahertz: megahertz("memory_clock", "Clock of the GPU memory."),
	graphicsClockMegahertz: megahertz("graphics_clock", "Clock of the graphics or compute engine."),
	encoderUtilizationRatio: ratio("encoder_utilization", "Share of time in which the video encoder ran."),
	decoderUtilizationRatio: ratio("decoder_utilization", "Share of time in which the video decoder ran."),
	memoryReservedBytes: bytes("memory_reserved", "GPU memory that driver and firmware keep."),
	pcieLinkGeneration: count("pcie_link_generation", 16, "Generation of the PCIe link now."),
	pcieLinkWidth: count("pcie_link_width", 64, "Lanes of the PCIe link now."),
	throttled: state(
		"throttled",
		OFF_ON,
		"Whether power or heat holds the clocks down, as the device says: 0 no, 1 yes.",
	),
	throttledByPowerCap: throttle("power_cap", "Its power cap"),
	throttledByHeat: throttle("heat", "The driver, for its temperature,"),
	throttledByHardware: throttle("hardware", "The hardware, for heat or power,"),
	throttledByHardwareHeat: throttle("hardware_heat", "The hardware, for its temperature,"),
	throttledByPowerBrake: throttle("power_brake", "The power brake line from outside, such as the supply's,"),
	throttledBySyncBoost: throttle("sync_boost", "A slower GPU of its group"),
	throttledBySetClocks: throttle("set_clocks", "A clock that was set by hand"),
	isClockedDownIdle: state("clocked_down_idle", OFF_ON, "Clocks are low for want of work: 0 no, 1 yes."),
	performanceState: count("performance_state", 15, "P-state: 0 is fastest."),
	multiInstanceGpu: state(
		"multi_instance_gpu",
		OFF_ON,
		"Whether the GPU is split into instances: 0 off, 1 on.",
	),
	multiInstanceCount: count("multi_instances", 16, "Instances of a split GPU."),
	gpuCount: count("gpus", 64, "GPUs that answer."),
	gpuSlotCount: count("gpu_slots", 64, "GPUs the host's driver counts, lost ones too."),
	xidError: count("xid_error", 1_000, "Last XID error code; 0 is none."),
	uncorrectedEccErrors: counter(
		"uncorrected_ecc_errors",
		"Uncorrected memory errors since the driver was loaded.",
	),
	pcieReplays: counter("pcie_replays", "PCIe replays since the driver was loaded."),
	correctedEccErrors: counter("corrected_ecc_errors", "Corrected memory errors since the driver was loaded."),
	remappedRows: counter("remapped_rows", "Memory rows replaced by spare ones, over the GPU's life."),
	rowRemapFailed: state("row_remap_failed", OFF_ON, "Whether a bad row found no spare: 0 no, 1 yes."),
	retiredPages: counter("retired_pages", "Memory pages taken out of use, over the GPU's life."),

	// AI work: what inference servers serve. Tokens are neither hashes nor added to them.
	promptTokens: counter("prompt_tokens", "Tokens of prompts that were read, since the server started."),
	generatedTokens: counter("generated_tokens", "Tokens that were generated, since the server started."),
	requestsCompleted: counter("requests_completed", "Requests that were served, since the server started."),
	requestsFailed: counter("requests_failed", "Requests that failed, since the server started."),
	requestsRunning: count("requests_running", 1e6, "Requests being served."),
	requestsWaiting: count("requests_waiting", 1e6, "Requests that wait for their turn."),
	cacheUsageRatio: ratio("cache_usage", "Share of the key-value cache in use."),
	inferenceServerCount: count("inference_servers", 64, "Inference servers that answer."),
	loadedModelCount: count("loaded_models", 1_024, "Models in memory."),

	// The agent itself, a device of kind "agent".
	residentMemoryBytes: bytes("resident_memory", "Resident memory of the agent."),
	outboxRecordCount: count("outbox_records", 1e9, "Records in the outbox, not yet acknowledged."),
	outboxBytes: bytes("outbox", "Size of the records in the outbox."),
} as const satisfies Record<string, Row>;

export type MeasurementName = keyof typeof MEASUREMENTS;
export type Measurement = Row;

export const MEASUREMENT_NAMES = Object.keys(MEASUREMENTS) as readonly MeasurementName[];

export function isMeasurementName(text: string): text is MeasurementName {
	return Object.hasOwn(MEASUREMENTS, text);
}

/** The row under its general type, for code that treats all rows alike. */
export function measurement(name: MeasurementName): Measurement {
	return MEASUREMENTS[name];
}
