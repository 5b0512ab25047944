/**
 * A machine of either kind behind one shape: brought to a second on demand, then asked what it would
 * answer and what is true. Steps of one second, so that the same second gives the same machine however
 * often it was asked; a machine that nobody asked for long is brought up in longer steps.
 */
import type { ComponentReading, Values } from "../../shared/reading.js";
import { cgminerReply } from "./cgminer-protocol.js";
import { antminerCgi, antminerCgminer } from "./families/antminer.js";
import { avalon } from "./families/avalon.js";
import { bitaxe } from "./families/bitaxe.js";
import { braiins } from "./families/braiins.js";
import { DCGM_SERVER, dcgmRespond, type GpuHostView } from "./families/dcgm-exporter.js";
import type { MinerFamily, WebSession } from "./families/family.js";
import { SHELLY_SERVER, shellyRespond } from "./families/shelly.js";
import { whatsminerV2, whatsminerV3 } from "./families/whatsminer.js";
import { faultHolds, isDark, type Timeline } from "./faults.js";
import {
	type GpuCharacter,
	type GpuHostState,
	gpuCharacter,
	gpuHostStep,
	seenGpus,
	warmGpuHost,
} from "./gpu-physics.js";
import type { HttpRequest, HttpResponse } from "./http-protocol.js";
import {
	type MinerIdentity,
	type MinerView,
	minerIdentity,
	minerParts,
	minerTruth,
	minerView,
} from "./miner-view.js";
import { GPU_MODEL, METER_MODEL, type MinerModel, type PortName } from "./models.js";
import {
	ambientCelsius,
	type MinerCharacter,
	type MinerState,
	minerCharacter,
	minerStep,
	warmMiner,
} from "./physics.js";
import { seedOf } from "./random.js";

/** One-second steps in one go; beyond it steps grow longer. */
const STEPS_LIMIT = 3_600;

export type Machine = {
	readonly family: string;
	readonly model: string;
	readonly driver: string;
	readonly kind: "miner" | "gpu-host" | "meter";
	readonly ports: readonly PortName[];
	readonly httpServer: string;
	/** Brings it to `seconds` since the site's start; never back. */
	advance(seconds: number, timeline: Timeline): void;
	cgminer(text: string): string | undefined;
	http(request: HttpRequest, session: WebSession): HttpResponse;
	framed(text: string): string;
	/** A machine whose power is gone at this very moment is dark before its next step. */
	truth(isDark: boolean): Values;
	parts(): readonly ComponentReading[];
};

export type MachinePlace = {
	readonly index: number;
	readonly host: string;
	readonly siteSeed: number;
	/** Rows differ by how much warm air comes back to them. */
	readonly ambientOffsetCelsius: number;
	readonly startUnixSeconds: number;
};

const FAMILIES: Readonly<Record<MinerModel["family"], MinerFamily>> = {
	"antminer-cgminer": antminerCgminer,
	"antminer-cgi": antminerCgi,
	"whatsminer-v2": whatsminerV2,
	"whatsminer-v3": whatsminerV3,
	braiins,
	avalon,
	bitaxe,
};

function conditions(place: MachinePlace, timeline: Timeline, seconds: number) {
	const holds = (fault: "overheating" | "lost-board" | "stuck-counter") =>
		faultHolds(timeline, fault, seconds);
	return {
		ambientCelsius: ambientCelsius(
			place.siteSeed,
			place.ambientOffsetCelsius,
			place.startUnixSeconds + seconds,
		),
		isPowered: !isDark(timeline, seconds),
		isCoolingBlocked: holds("overheating"),
		isBoardLost: holds("lost-board"),
		areCountersStuck: holds("stuck-counter"),
	};
}

type StepConditions = ReturnType<typeof conditions>;

/** Steps a state from where it stands to a whole second. */
function advanced<State extends { readonly atSeconds: number }>(
	state: State,
	seconds: number,
	conditionsAt: (seconds: number) => StepConditions,
	step: (state: State, conditions: StepConditions, seconds: number) => State,
): State {
	const until = Math.floor(seconds);
	const due = until - state.atSeconds;
	if (due <= 0) return state;
	const length = Math.max(1, due / STEPS_LIMIT);
	const steps = Math.round(due / length);
	let next = state;
	for (let done = 0; done < steps; done += 1) {
		const wide = done === steps - 1 ? until - next.atSeconds : length;
		next = step(next, conditionsAt(next.atSeconds + wide), wide);
	}
	return { ...next, atSeconds: until };
}

export function minerMachine(model: MinerModel, place: MachinePlace): Machine {
	const family = FAMILIES[model.family];
	const character: MinerCharacter = minerCharacter(
		seedOf(place.siteSeed, place.index),
		model,
		place.ambientOffsetCelsius,
	);
	const identity: MinerIdentity = minerIdentity(character, place.index, place.host);
	const at = (timeline: Timeline) => (seconds: number) => conditions(place, timeline, seconds);
	let state: MinerState = warmMiner(character, at([])(0));
	const view = (isDark = false): MinerView =>
		minerView({
			character,
			state: isDark ? { ...state, isPowered: false } : state,
			identity,
			ambientCelsius: at([])(state.atSeconds).ambientCelsius,
			unixSeconds: place.startUnixSeconds + state.atSeconds,
		});
	return {
		family: model.family,
		model: model.model,
		driver: model.driver,
		kind: "miner",
		ports: model.ports,
		httpServer: family.http?.server ?? "",
		advance(seconds, timeline) {
			state = advanced(state, seconds, at(timeline), (before, around, step) =>
				minerStep(character, before, around, step),
			);
		},
		cgminer: (text) => (family.cgminer === undefined ? "" : cgminerReply(text, family.cgminer, view())),
		http: (request, session) => family.http?.respond(request, view(), session) ?? { status: 404, body: "" },
		framed: (text) => JSON.stringify(family.framed?.(text, view()) ?? {}),
		truth: (isDark) => minerTruth(view(isDark)),
		parts: () => minerParts(view()),
	};
}

export function gpuHostMachine(gpuCount: number, place: MachinePlace): Machine {
	const hostSeed = seedOf(place.siteSeed, place.index);
	const gpus: readonly GpuCharacter[] = Array.from({ length: gpuCount }, (_, gpu) =>
		gpuCharacter(seedOf(hostSeed, gpu + 1)),
	);
	const at = (timeline: Timeline) => (seconds: number) => conditions(place, timeline, seconds);
	let state: GpuHostState = warmGpuHost(hostSeed, gpus, at([])(0));
	const view = (): GpuHostView => ({ hostname: `gpu-host-${place.index}`, gpus, state });
	return {
		family: GPU_MODEL.family,
		model: GPU_MODEL.model,
		driver: GPU_MODEL.driver,
		kind: "gpu-host",
		ports: ["metrics"],
		httpServer: DCGM_SERVER,
		advance(seconds, timeline) {
			state = advanced(state, seconds, at(timeline), (before, around, step) =>
				gpuHostStep(hostSeed, gpus, before, around, step),
			);
		},
		cgminer: () => "",
		http: (request) => dcgmRespond(request, view()),
		framed: () => "{}",
		truth: (isDark) => gpuHostTruth(isDark ? { ...state, isPowered: false } : state),
		parts: () => gpuHostParts(gpus, state),
	};
}

/** Switches, pumps and light, and the loss of cables and transformers. */
const FEEDER_WATTS = 900;
const FEEDER_LOSS_RATIO = 0.03;

/** @param fedWatts what the machines behind it draw now */
export function meterMachine(place: MachinePlace, fedWatts: () => number): Machine {
	let [watts, joules, atSeconds] = [0, 0, 0];
	return {
		family: METER_MODEL.family,
		model: METER_MODEL.model,
		driver: METER_MODEL.driver,
		kind: "meter",
		ports: ["http"],
		httpServer: SHELLY_SERVER,
		advance(seconds) {
			if (seconds <= atSeconds && watts > 0) return;
			joules += watts * (seconds - atSeconds);
			watts = fedWatts() * (1 + FEEDER_LOSS_RATIO) + FEEDER_WATTS;
			atSeconds = seconds;
		},
		cgminer: () => "",
		http: (request) =>
			shellyRespond(request, { mac: meterMac(place.index), watts, joules, uptimeSeconds: atSeconds }),
		framed: () => "{}",
		truth: () => ({ powerWatts: watts, energyConsumedJoules: joules }),
		parts: () => [],
	};
}

function meterMac(index: number): string {
	const tail = index.toString(16).padStart(6, "0");
	return `${METER_MODEL.macPrefix}:${tail.slice(0, 2)}:${tail.slice(2, 4)}:${tail.slice(4)}`;
}

function gpuHostTruth(state: GpuHostState): Values {
	const seen = state.isPowered ? seenGpus(state).flatMap((index) => state.gpus[index] ?? []) : [];
	const mean = (values: readonly number[]) =>
		values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
	return {
		gpuCount: seen.length,
		powerWatts: seen.reduce((sum, { watts }) => sum + watts, 0),
		gpuTemperatureCelsius: Math.max(0, ...seen.map(({ celsius }) => celsius)),
		gpuUtilizationRatio: mean(seen.map(({ utilization }) => utilization)),
		energyConsumedJoules: seen.reduce((sum, { joules }) => sum + joules, 0),
		uptimeSeconds: state.isPowered ? Math.floor(state.uptimeSeconds) : 0,
	};
}

const BYTES_PER_MEBIBYTE = 2 ** 20;

function gpuHostParts(gpus: readonly GpuCharacter[], state: GpuHostState): readonly ComponentReading[] {
	return seenGpus(state).flatMap((index) => {
		const [character, gpu] = [gpus[index], state.gpus[index]];
		if (character === undefined || gpu === undefined) return [];
		return {
			part: "gpu" as const,
			key: character.uuid,
			values: {
				powerWatts: gpu.watts,
				gpuTemperatureCelsius: gpu.celsius,
				memoryTemperatureCelsius: gpu.memoryCelsius,
				gpuUtilizationRatio: gpu.utilization,
				memoryUsedBytes: Math.round(gpu.memoryUsedMebibytes) * BYTES_PER_MEBIBYTE,
				energyConsumedJoules: gpu.joules,
			},
		};
	});
}
