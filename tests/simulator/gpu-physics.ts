/**
 * How the GPUs of a host behave over time. Pure, like the miners' physics: jobs come and go by seed
 * and time; utilisation follows the job, power follows utilisation within seconds, heat follows power
 * within half a minute, energy adds up.
 *
 * A host's time is cut into slots of 5 to 15 minutes; each holds nothing, one training job over all
 * GPUs, or inference that loads each GPU by itself.
 */
import { GPU_MODEL } from "./models.js";
import { clamp, settling, towards } from "./physics.js";
import { hexadecimal, normal, uniform } from "./random.js";

export type GpuCharacter = {
	readonly seed: number;
	readonly uuid: string;
	readonly serial: string;
	readonly powerFactor: number;
	readonly thermalFactor: number;
};

export type GpuState = {
	/** 0 to 1. */
	readonly utilization: number;
	readonly tensorActive: number;
	readonly dramActive: number;
	readonly watts: number;
	readonly celsius: number;
	readonly memoryCelsius: number;
	readonly memoryUsedMebibytes: number;
	/** 1 is none. */
	readonly throttle: number;
	/** Since the driver was loaded. */
	readonly joules: number;
};

export type GpuHostState = {
	readonly atSeconds: number;
	readonly isPowered: boolean;
	readonly uptimeSeconds: number;
	readonly gpus: readonly GpuState[];
	readonly isLastGpuLost: boolean;
};

export type GpuHostConditions = {
	readonly ambientCelsius: number;
	readonly isPowered: boolean;
	readonly isCoolingBlocked: boolean;
	readonly isBoardLost: boolean;
	readonly areCountersStuck: boolean;
};

const UTILIZATION_LAG_SECONDS = 1.5;
const POWER_LAG_SECONDS = 2;
const HEAT_LAG_SECONDS = 25;
const MEMORY_LAG_SECONDS = 8;
const CELSIUS_PER_WATT = 0.055;
const BLOCKED_COOLING_FACTOR = 2.4;
const SLOT_SECONDS_LEAST = 300;
const SLOT_SECONDS_MORE = 600;

const JOB_STREAM = 3;
const WAVE_STREAM = 5;

export function gpuCharacter(seed: number): GpuCharacter {
	const digits = hexadecimal(seed, 1, 32);
	const groups = [8, 12, 16, 20, 32].map((end, group, ends) => digits.slice(ends[group - 1] ?? 0, end));
	return {
		seed,
		uuid: `GPU-${groups.join("-")}`,
		serial: `16${Math.floor(uniform(seed, 2) * 1e11)
			.toString()
			.padStart(11, "0")}`,
		powerFactor: 1 + 0.03 * normal(seed, 3),
		thermalFactor: 1 + 0.08 * normal(seed, 4),
	};
}

export type Load = { readonly utilization: number; readonly power: number; readonly memory: number };
const IDLE: Load = { utilization: 0, power: 0, memory: 0 };

/** What one GPU of a host is asked to do at a second; each part 0 to 1. */
export function loadAt(hostSeed: number, gpuSeed: number, atSeconds: number): Load {
	const length = SLOT_SECONDS_LEAST + SLOT_SECONDS_MORE * uniform(hostSeed, JOB_STREAM);
	const slotAt = atSeconds / length + 1_000 * uniform(hostSeed, JOB_STREAM + 1);
	const slot = Math.floor(slotAt);
	const kind = uniform(hostSeed, JOB_STREAM + 2, slot);
	const wave = normal(gpuSeed, WAVE_STREAM, Math.floor(atSeconds / 5));
	if (kind < 0.12) return IDLE;
	if (kind < 0.6) return training(slotAt - slot, length, wave);
	return inference(hostSeed, gpuSeed, slot, wave);
}

/** All GPUs together; a dip every 90 s while a checkpoint is written. */
function training(shareOfSlot: number, length: number, wave: number): Load {
	const isSaving = (shareOfSlot * length) % 90 < 6;
	if (isSaving) return { utilization: 0.35, power: 0.2, memory: 0.92 };
	return {
		utilization: clamp(0.985 + 0.01 * wave, 0, 1),
		power: clamp(0.93 + 0.03 * wave, 0, 1),
		memory: 0.92,
	};
}

function inference(hostSeed: number, gpuSeed: number, slot: number, wave: number): Load {
	const demand = 0.2 + 0.7 * uniform(hostSeed, JOB_STREAM + 3, slot);
	const isServing = uniform(gpuSeed, JOB_STREAM + 4, slot) < 0.8;
	if (!isServing) return IDLE;
	const utilization = clamp(demand + 0.12 * wave, 0.02, 1);
	return {
		utilization,
		power: utilization * 0.62,
		memory: 0.55 + 0.3 * uniform(gpuSeed, JOB_STREAM + 5, slot),
	};
}

export function warmGpuHost(
	hostSeed: number,
	gpus: readonly GpuCharacter[],
	conditions: GpuHostConditions,
): GpuHostState {
	const uptimeSeconds = Math.floor(86_400 * (1 + 40 * uniform(hostSeed, 9)));
	let state: GpuHostState = {
		atSeconds: -90,
		isPowered: true,
		uptimeSeconds,
		isLastGpuLost: false,
		gpus: gpus.map(({ seed }) =>
			idleGpu(conditions.ambientCelsius, uptimeSeconds * (180 + 320 * uniform(seed, 6))),
		),
	};
	for (let step = 0; step < 90; step += 1) state = gpuHostStep(hostSeed, gpus, state, conditions, 1);
	return { ...state, atSeconds: 0, uptimeSeconds };
}

function idleGpu(ambientCelsius: number, joules: number): GpuState {
	return {
		utilization: 0,
		tensorActive: 0,
		dramActive: 0,
		watts: GPU_MODEL.idleWatts,
		celsius: ambientCelsius + 8,
		memoryCelsius: ambientCelsius + 10,
		memoryUsedMebibytes: 0,
		throttle: 1,
		joules,
	};
}

export function gpuHostStep(
	hostSeed: number,
	gpus: readonly GpuCharacter[],
	state: GpuHostState,
	conditions: GpuHostConditions,
	seconds: number,
): GpuHostState {
	const atSeconds = state.atSeconds + seconds;
	if (!conditions.isPowered) return { ...state, atSeconds, isPowered: false };
	const before = state.isPowered
		? state
		: { ...state, uptimeSeconds: 0, gpus: gpus.map(() => idleGpu(conditions.ambientCelsius, 0)) };
	return {
		atSeconds,
		isPowered: true,
		uptimeSeconds: before.uptimeSeconds + seconds,
		isLastGpuLost: conditions.isBoardLost,
		gpus: before.gpus.map((gpu, index) => {
			const character = gpus[index];
			if (character === undefined) return gpu;
			return gpuStep(
				character,
				gpu,
				loadAt(hostSeed, character.seed, Math.floor(atSeconds)),
				conditions,
				seconds,
			);
		}),
	};
}

function gpuStep(
	character: GpuCharacter,
	gpu: GpuState,
	load: Load,
	conditions: GpuHostConditions,
	seconds: number,
): GpuState {
	const { idleWatts, powerLimitWatts, slowdownCelsius, memoryMebibytes } = GPU_MODEL;
	const throttle = towards(
		gpu.throttle,
		clamp(1 - (gpu.celsius - (slowdownCelsius - 2)) / 10, 0.3, 1),
		settling(seconds, 5),
	);
	const wanted = idleWatts + (powerLimitWatts - idleWatts) * load.power * character.powerFactor * throttle;
	const watts = towards(gpu.watts, Math.min(powerLimitWatts, wanted), settling(seconds, POWER_LAG_SECONDS));
	const resistance =
		CELSIUS_PER_WATT * character.thermalFactor * (conditions.isCoolingBlocked ? BLOCKED_COOLING_FACTOR : 1);
	const heat = settling(seconds, HEAT_LAG_SECONDS);
	return {
		utilization: towards(gpu.utilization, load.utilization, settling(seconds, UTILIZATION_LAG_SECONDS)),
		tensorActive: towards(gpu.tensorActive, load.power * 0.55, settling(seconds, UTILIZATION_LAG_SECONDS)),
		dramActive: towards(gpu.dramActive, load.power * 0.42, settling(seconds, UTILIZATION_LAG_SECONDS)),
		watts,
		celsius: towards(gpu.celsius, conditions.ambientCelsius + 4 + watts * resistance, heat),
		memoryCelsius: towards(
			gpu.memoryCelsius,
			conditions.ambientCelsius + 8 + watts * resistance * 1.15,
			heat,
		),
		memoryUsedMebibytes: towards(
			gpu.memoryUsedMebibytes,
			load.memory * memoryMebibytes,
			settling(seconds, MEMORY_LAG_SECONDS),
		),
		throttle,
		joules: gpu.joules + (conditions.areCountersStuck ? 0 : watts * seconds),
	};
}

/** GPUs that the driver still sees. */
export function seenGpus(state: GpuHostState): readonly number[] {
	const count = state.isLastGpuLost ? state.gpus.length - 1 : state.gpus.length;
	return Array.from({ length: count }, (_, index) => index);
}
