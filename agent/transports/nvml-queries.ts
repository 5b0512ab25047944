/**
 * What NVML is asked for of a GPU, as data, and what its return codes mean. Numbers are those of NVIDIA's nvml.h.
 *
 * @see https://docs.nvidia.com/deploy/nvml-api/
 */
export const SUCCESS = 0;
export const CODES = {
	UNINITIALIZED: 1,
	NO_PERMISSION: 4,
	DRIVER_NOT_LOADED: 9,
	TIMEOUT: 10,
	FUNCTION_NOT_FOUND: 13,
	GPU_IS_LOST: 15,
	RESET_REQUIRED: 16,
	LIB_RM_VERSION_MISMATCH: 18,
	UNKNOWN: 999,
} as const;
/** After these nothing more is asked of a GPU in this poll. */
export const GONE: ReadonlySet<number> = new Set([
	CODES.UNINITIALIZED,
	CODES.GPU_IS_LOST,
	CODES.RESET_REQUIRED,
]);
export const REFUSED: ReadonlyMap<number, string> = new Map([
	[CODES.NO_PERMISSION, "[Insufficient Permissions]"],
	[CODES.UNKNOWN, "[Unknown Error]"],
]);

export const MILLI = 1e-3;
const SLOWDOWN_THRESHOLD = 1;
const CLOCKS = { graphics: 0, sm: 1, mem: 2 } as const;

/** Asked in one call: nvidia-smi's name, NVML's number, the factor to its unit. */
export const FIELD_VALUES = [
	{ name: "temperature.memory", id: 82, factor: 1 },
	{ name: "power.draw.average", id: 185, factor: MILLI },
	{ name: "power.draw.instant", id: 186, factor: MILLI },
] as const;

type Kind = "u32" | "u64";
export type Query = {
	readonly name: string;
	/** The first that this driver has. */
	readonly symbols: readonly string[];
	readonly argument?: number;
	readonly kind: Kind;
	readonly factor?: number;
};

/**
 * What takes an H100 or H200 under driver 580 0.1 to 0.4 ms each, the energy counter 3 ms, where the rest takes
 * microseconds. They take turns, so that a poll of eight GPUs stays below 5 ms.
 */
export const ENERGY = "energy.consumed";
export const SLOW: ReadonlySet<string> = new Set([
	"power.limit",
	"pcie.link.width.current",
	"pcie.replay_counter",
	"mig.mode.current",
]);

/** One number each, asked at every poll. */
export const NOW: readonly Query[] = [
	{ name: "power.draw", symbols: ["nvmlDeviceGetPowerUsage"], kind: "u32", factor: MILLI },
	{ name: "energy.consumed", symbols: ["nvmlDeviceGetTotalEnergyConsumption"], kind: "u64" },
	{ name: "temperature.gpu", symbols: ["nvmlDeviceGetTemperature"], argument: 0, kind: "u32" },
	{ name: "power.limit", symbols: ["nvmlDeviceGetPowerManagementLimit"], kind: "u32", factor: MILLI },
	{
		name: "enforced.power.limit",
		symbols: ["nvmlDeviceGetEnforcedPowerLimit"],
		kind: "u32",
		factor: MILLI,
	},
	{ name: "clocks.gr", symbols: ["nvmlDeviceGetClockInfo"], argument: CLOCKS.graphics, kind: "u32" },
	{ name: "clocks.sm", symbols: ["nvmlDeviceGetClockInfo"], argument: CLOCKS.sm, kind: "u32" },
	{ name: "clocks.mem", symbols: ["nvmlDeviceGetClockInfo"], argument: CLOCKS.mem, kind: "u32" },
	{ name: "fan.speed", symbols: ["nvmlDeviceGetFanSpeed"], kind: "u32" },
	{
		name: "clocks_event_reasons.active",
		symbols: ["nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"],
		kind: "u64",
	},
	{ name: "pcie.link.gen.current", symbols: ["nvmlDeviceGetCurrPcieLinkGeneration"], kind: "u32" },
	{ name: "pcie.link.width.current", symbols: ["nvmlDeviceGetCurrPcieLinkWidth"], kind: "u32" },
	{ name: "pcie.replay_counter", symbols: ["nvmlDeviceGetPcieReplayCounter"], kind: "u32" },
];

/** Asked once a start of the library. */
export const ONCE: readonly Query[] = [
	{
		name: "power.default_limit",
		symbols: ["nvmlDeviceGetPowerManagementDefaultLimit"],
		kind: "u32",
		factor: MILLI,
	},
	{
		name: "temperature.slowdown",
		symbols: ["nvmlDeviceGetTemperatureThreshold"],
		argument: SLOWDOWN_THRESHOLD,
		kind: "u32",
	},
];

export function nameOf(code: number): string {
	return Object.entries(CODES).find(([, known]) => known === code)?.[0] ?? `error ${code}`;
}
