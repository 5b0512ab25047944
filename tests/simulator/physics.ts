/**
 * How a miner behaves over time. Pure: takes what a machine is like, its state and what holds around
 * it, gives the state one step later. All randomness is drawn from (seed, second), so the same seed
 * and time give the same machine, however often it was asked.
 *
 * Work: nominal rate × boards that live × throttle × ramp after a start, with noise that remembers
 * 20 s (AR(1), about 1.5 % in all). Heat: each board settles towards ambient + its watts × its
 * resistance to the air, with a time constant of 75 s; fans follow the hottest chip and the air
 * follows the fans. Power: what the boards' work costs at this chip's efficiency, age and heat, plus
 * fans and controller; never taken from the noisy rate.
 *
 * Invariants: boards sum to the total; counters only grow, except that a start sets them to zero.
 */
import type { MinerModel } from "./models.js";
import { normal, uniform } from "./random.js";

/** What one machine is like: no two are alike, and none changes but by age. */
export type MinerCharacter = {
	readonly seed: number;
	readonly model: MinerModel;
	readonly hashrateFactor: number;
	readonly efficiencyFactor: number;
	/** Resistance to the air: dust, and its place in the rack. */
	readonly thermalFactor: number;
	readonly ambientOffsetCelsius: number;
	readonly ageAtStartSeconds: number;
	readonly uptimeAtStartSeconds: number;
	readonly rejectedRatio: number;
	readonly boards: readonly { readonly rateFactor: number; readonly thermalFactor: number }[];
};

type BoardState = { readonly noise: number; readonly chipCelsius: number };

export type MinerState = {
	/** Since the site started. */
	readonly atSeconds: number;
	readonly noise: number;
	readonly boards: readonly BoardState[];
	/** 0 to 1. */
	readonly fanDuty: number;
	/** 1 is none. */
	readonly throttle: number;
	readonly isOverheated: boolean;
	readonly isPowered: boolean;
	readonly isLastBoardLost: boolean;
	readonly uptimeSeconds: number;
	readonly terahashes: number;
	readonly joules: number;
	readonly hardwareErrors: number;
	/** Terahashes that count towards shares: they stand still with the counters. */
	readonly countedTerahashes: number;
	readonly averages: Averages;
};

const AVERAGE_SECONDS = {
	oneMinute: 60,
	fiveMinutes: 300,
	fifteenMinutes: 900,
	thirtyMinutes: 1_800,
	oneHour: 3_600,
	oneDay: 86_400,
} as const;
type AverageName = keyof typeof AVERAGE_SECONDS;
export type Averages = Readonly<Record<AverageName, number>>;

/** What holds around the machine during one step. */
export type MinerConditions = {
	readonly ambientCelsius: number;
	readonly isPowered: boolean;
	readonly isCoolingBlocked: boolean;
	readonly isBoardLost: boolean;
	readonly areCountersStuck: boolean;
};

const YEAR_SECONDS = 365 * 86_400;
const DAY_SECONDS = 86_400;
const HOUR_SECONDS = 3_600;
const REFERENCE_AMBIENT_CELSIUS = 25;
const NOISE_MEMORY_SECONDS = 20;
const COMMON_NOISE = 0.012;
const BOARD_NOISE = 0.014;
const BOARD_HEAT_SECONDS = 75;
const FAN_LAG_SECONDS = 12;
const THROTTLE_LAG_SECONDS = 8;
const WARM_FAN_DUTY = 0.6;
/** A blocked inlet quadruples the resistance to the air. */
const BLOCKED_COOLING_FACTOR = 4;
const THROTTLE_BEGINS_BELOW_LIMIT_CELSIUS = 3;
const THROTTLE_SPAN_CELSIUS = 8;
const THROTTLE_LEAST = 0.25;
const OVERHEAT_CLEARS_BELOW_LIMIT_CELSIUS = 10;
const AGEING_PER_YEAR = 0.018;
/** Leakage: watts grow with heat. */
const WATTS_PER_CELSIUS_RATIO = 0.0009;
const CONTROLLER_RATIO = 0.008;
const FANS_RATIO = 0.022;
/** The controller boots, then the chips are brought up to speed. */
const BOOT_SECONDS = 25;
const RAMP_SECONDS = 80;
const TERAHASHES_PER_DIFFICULTY = 2 ** 32 / 1e12;
const HARDWARE_ERRORS_PER_TERAHASH = 6e-5;
const WARM_UP_STEP_SECONDS = 15;
const WARM_UP_STEPS = 60;

const COMMON_STREAM = 1;
const BOARD_STREAM = 20;

export function minerCharacter(
	seed: number,
	model: MinerModel,
	ambientOffsetCelsius: number,
): MinerCharacter {
	return {
		seed,
		model,
		hashrateFactor: 1 + 0.018 * normal(seed, 101),
		efficiencyFactor: 1 + 0.022 * normal(seed, 102),
		thermalFactor: 1 + 0.075 * normal(seed, 103),
		ambientOffsetCelsius,
		ageAtStartSeconds: uniform(seed, 104) * 3 * YEAR_SECONDS,
		uptimeAtStartSeconds: Math.floor(HOUR_SECONDS + uniform(seed, 105) ** 2 * 25 * DAY_SECONDS),
		rejectedRatio: 0.0008 + 0.004 * uniform(seed, 106) ** 2,
		boards: Array.from({ length: model.boards }, (_, board) => ({
			rateFactor: 1 + 0.012 * normal(seed, 110 + board),
			thermalFactor: 1 + 0.025 * normal(seed, 120 + board) + 0.012 * board,
		})),
	};
}

/** Air at the inlet: coolest before dawn, warmest in mid-afternoon, with weather that wanders by the hour. */
export function ambientCelsius(siteSeed: number, offsetCelsius: number, unixSeconds: number): number {
	const hours = unixSeconds / HOUR_SECONDS;
	const hour = Math.floor(hours);
	const share = hours - hour;
	const weather = normal(siteSeed, 7, hour) * (1 - share) + normal(siteSeed, 7, hour + 1) * share;
	return 23 + offsetCelsius + 5.5 * Math.sin(((hours - 9) / 24) * 2 * Math.PI) + 0.8 * weather;
}

/** A machine that has run for its `uptimeAtStartSeconds` under these conditions. */
export function warmMiner(character: MinerCharacter, conditions: MinerConditions): MinerState {
	const rate = nominalTerahashesPerSecond(character);
	const { model, uptimeAtStartSeconds } = character;
	let state: MinerState = {
		atSeconds: -WARM_UP_STEP_SECONDS * WARM_UP_STEPS,
		noise: 0,
		boards: character.boards.map(() => ({ noise: 0, chipCelsius: model.warmChipCelsius })),
		fanDuty: WARM_FAN_DUTY,
		throttle: 1,
		isOverheated: false,
		isPowered: true,
		isLastBoardLost: false,
		uptimeSeconds: uptimeAtStartSeconds,
		terahashes: rate * uptimeAtStartSeconds,
		joules: 0,
		hardwareErrors: rate * uptimeAtStartSeconds * HARDWARE_ERRORS_PER_TERAHASH,
		countedTerahashes: rate * uptimeAtStartSeconds,
		averages: sameAverages(rate),
	};
	for (let step = 0; step < WARM_UP_STEPS; step += 1) {
		state = minerStep(character, state, conditions, WARM_UP_STEP_SECONDS);
	}
	return {
		...state,
		atSeconds: 0,
		uptimeSeconds: uptimeAtStartSeconds,
		terahashes: rate * uptimeAtStartSeconds,
		countedTerahashes: rate * uptimeAtStartSeconds,
		joules: minerWatts(character, state) * uptimeAtStartSeconds,
	};
}

function sameAverages(rate: number): Averages {
	return {
		oneMinute: rate,
		fiveMinutes: rate,
		fifteenMinutes: rate,
		thirtyMinutes: rate,
		oneHour: rate,
		oneDay: rate,
	};
}

/** One step of up to a minute; longer ones stay stable, since each lag is solved exactly. */
export function minerStep(
	character: MinerCharacter,
	state: MinerState,
	conditions: MinerConditions,
	seconds: number,
): MinerState {
	const atSeconds = state.atSeconds + seconds;
	const second = Math.floor(atSeconds);
	const next = conditions.isPowered
		? poweredStep(character, started(state), conditions, seconds, second)
		: darkStep(state, conditions, seconds);
	return { ...next, atSeconds };
}

/** Power returned: everything the controller remembers begins again. */
function started(state: MinerState): MinerState {
	if (state.isPowered) return state;
	return {
		...state,
		isPowered: true,
		isOverheated: false,
		throttle: 1,
		uptimeSeconds: 0,
		terahashes: 0,
		countedTerahashes: 0,
		joules: 0,
		hardwareErrors: 0,
		averages: sameAverages(0),
	};
}

function darkStep(state: MinerState, { ambientCelsius }: MinerConditions, seconds: number): MinerState {
	const cooled = settling(seconds, BOARD_HEAT_SECONDS * 3);
	return {
		...state,
		isPowered: false,
		fanDuty: 0,
		averages: sameAverages(0),
		boards: state.boards.map((board) => ({
			...board,
			chipCelsius: board.chipCelsius + (ambientCelsius - board.chipCelsius) * cooled,
		})),
	};
}

function poweredStep(
	character: MinerCharacter,
	state: MinerState,
	conditions: MinerConditions,
	seconds: number,
	second: number,
): MinerState {
	const { seed, model } = character;
	const hottest = hottestChipCelsius(state);
	const limit = model.chipLimitCelsius;
	const fanDuty = towards(state.fanDuty, wantedFanDuty(model, hottest), settling(seconds, FAN_LAG_SECONDS));
	const before: MinerState = {
		...state,
		isLastBoardLost: conditions.isBoardLost,
		fanDuty,
		throttle: towards(
			state.throttle,
			wantedThrottle(limit, hottest),
			settling(seconds, THROTTLE_LAG_SECONDS),
		),
		isOverheated: hottest >= limit - (state.isOverheated ? OVERHEAT_CLEARS_BELOW_LIMIT_CELSIUS : 1),
		noise: remembered(state.noise, COMMON_NOISE, normal(seed, COMMON_STREAM, second), seconds),
		uptimeSeconds: state.uptimeSeconds + seconds,
	};
	const warmed: MinerState = {
		...before,
		boards: warmedBoards(character, before, conditions, seconds, second),
	};
	const rate = minerTerahashesPerSecond(character, warmed);
	const counts = conditions.areCountersStuck ? 0 : rate * seconds;
	return {
		...warmed,
		averages: movedAverages(state.averages, rate, seconds),
		terahashes: state.terahashes + counts,
		countedTerahashes: state.countedTerahashes + counts,
		joules: state.joules + (conditions.areCountersStuck ? 0 : minerWatts(character, warmed) * seconds),
		hardwareErrors: state.hardwareErrors + counts * HARDWARE_ERRORS_PER_TERAHASH,
	};
}

function warmedBoards(
	character: MinerCharacter,
	state: MinerState,
	conditions: MinerConditions,
	seconds: number,
	second: number,
): readonly BoardState[] {
	const { model, seed, thermalFactor } = character;
	const share = settling(seconds, BOARD_HEAT_SECONDS);
	const nameplateBoardWatts = model.nameplateWatts / model.boards;
	const resistance =
		(model.warmChipCelsius - REFERENCE_AMBIENT_CELSIUS) *
		thermalFactor *
		Math.sqrt(WARM_FAN_DUTY / Math.max(state.fanDuty, 0.1)) *
		(conditions.isCoolingBlocked ? BLOCKED_COOLING_FACTOR : 1);
	return state.boards.map((board, index) => {
		const load = boardWatts(character, state, index) / nameplateBoardWatts;
		const settled =
			conditions.ambientCelsius + resistance * (character.boards[index]?.thermalFactor ?? 1) * load;
		return {
			noise: remembered(board.noise, BOARD_NOISE, normal(seed, BOARD_STREAM + index, second), seconds),
			chipCelsius: towards(board.chipCelsius, settled, share),
		};
	});
}

function wantedFanDuty(model: MinerModel, hottest: number): number {
	return clamp(WARM_FAN_DUTY + 0.03 * (hottest - model.warmChipCelsius), 0.2, 1);
}

function wantedThrottle(limit: number, hottest: number): number {
	const over = hottest - (limit - THROTTLE_BEGINS_BELOW_LIMIT_CELSIUS);
	return clamp(1 - over / THROTTLE_SPAN_CELSIUS, THROTTLE_LEAST, 1);
}

/** Full rate of this machine, without noise, throttle or faults. */
export function nominalTerahashesPerSecond(character: MinerCharacter): number {
	return character.boards.reduce(
		(sum, _, index) => sum + nominalBoardTerahashesPerSecond(character, index),
		0,
	);
}

export function nominalBoardTerahashesPerSecond(
	{ model, hashrateFactor, boards }: MinerCharacter,
	board: number,
): number {
	const share = model.nameplateTerahashesPerSecond / model.boards;
	return share * hashrateFactor * (boards[board]?.rateFactor ?? 1);
}

/** The board a "lost-board" fault takes: the last. */
export function isBoardAlive(state: MinerState, board: number): boolean {
	return !(state.isLastBoardLost && board === state.boards.length - 1);
}

/** Seconds since the miner process started; 0 while the controller boots. */
export function minerUptimeSeconds(state: MinerState): number {
	return state.isPowered ? Math.max(0, state.uptimeSeconds - BOOT_SECONDS) : 0;
}

function steadyBoardTerahashesPerSecond(character: MinerCharacter, state: MinerState, board: number): number {
	if (!state.isPowered || !isBoardAlive(state, board)) return 0;
	const ramp = clamp(minerUptimeSeconds(state) / RAMP_SECONDS, 0, 1);
	return nominalBoardTerahashesPerSecond(character, board) * state.throttle * ramp;
}

/** Rate of one board now, with its noise. */
export function boardTerahashesPerSecond(
	character: MinerCharacter,
	state: MinerState,
	board: number,
): number {
	const noise = (1 + state.noise) * (1 + (state.boards[board]?.noise ?? 0));
	return steadyBoardTerahashesPerSecond(character, state, board) * noise;
}

export function minerTerahashesPerSecond(character: MinerCharacter, state: MinerState): number {
	return state.boards.reduce((sum, _, board) => sum + boardTerahashesPerSecond(character, state, board), 0);
}

export function boardWatts(character: MinerCharacter, state: MinerState, board: number): number {
	const { model, efficiencyFactor } = character;
	const joulesPerTerahash = model.nameplateWatts / model.nameplateTerahashesPerSecond;
	const heat = (state.boards[board]?.chipCelsius ?? model.warmChipCelsius) - model.warmChipCelsius;
	return (
		steadyBoardTerahashesPerSecond(character, state, board) *
		joulesPerTerahash *
		(1 - CONTROLLER_RATIO - FANS_RATIO * WARM_FAN_DUTY ** 3) *
		efficiencyFactor *
		ageingFactor(character, state.atSeconds) *
		(1 + WATTS_PER_CELSIUS_RATIO * heat)
	);
}

/** At the wall: boards, fans (cube of their speed) and controller. 0 without power. */
export function minerWatts(character: MinerCharacter, state: MinerState): number {
	if (!state.isPowered) return 0;
	const boards = state.boards.reduce((sum, _, board) => sum + boardWatts(character, state, board), 0);
	const fixed = CONTROLLER_RATIO + FANS_RATIO * state.fanDuty ** 3;
	return boards + fixed * character.model.nameplateWatts;
}

/** Chips cost more energy as they age: 1.8 % a year. */
export function ageingFactor({ ageAtStartSeconds }: MinerCharacter, atSeconds: number): number {
	return 1 + (AGEING_PER_YEAR * (ageAtStartSeconds + atSeconds)) / YEAR_SECONDS;
}

export function hottestChipCelsius(state: MinerState): number {
	return state.boards.reduce(
		(most, { chipCelsius }) => Math.max(most, chipCelsius),
		Number.NEGATIVE_INFINITY,
	);
}

export type Shares = { readonly accepted: number; readonly rejected: number; readonly stale: number };

export function minerShares({ model, rejectedRatio }: MinerCharacter, state: MinerState): Shares {
	const all = state.countedTerahashes / (model.poolDifficulty * TERAHASHES_PER_DIFFICULTY);
	return {
		accepted: Math.floor(all * (1 - rejectedRatio)),
		rejected: Math.floor(all * rejectedRatio * 0.7),
		stale: Math.floor(all * rejectedRatio * 0.3),
	};
}

function movedAverages(averages: Averages, rate: number, seconds: number): Averages {
	const moved = (name: AverageName) =>
		towards(averages[name], rate, settling(seconds, AVERAGE_SECONDS[name]));
	return {
		oneMinute: moved("oneMinute"),
		fiveMinutes: moved("fiveMinutes"),
		fifteenMinutes: moved("fifteenMinutes"),
		thirtyMinutes: moved("thirtyMinutes"),
		oneHour: moved("oneHour"),
		oneDay: moved("oneDay"),
	};
}

/** Share of the way to its target that a lag covers in this time. */
export function settling(seconds: number, constantSeconds: number): number {
	return seconds === 1 ? settlingOfOneSecond(constantSeconds) : 1 - Math.exp(-seconds / constantSeconds);
}

const oneSecond = new Map<number, number>();

/** Nearly every step is one second long, and there are a dozen constants. */
function settlingOfOneSecond(constantSeconds: number): number {
	const known = oneSecond.get(constantSeconds);
	if (known !== undefined) return known;
	const share = 1 - Math.exp(-1 / constantSeconds);
	oneSecond.set(constantSeconds, share);
	return share;
}

export function towards(value: number, target: number, share: number): number {
	return value + (target - value) * share;
}

/** Noise with a memory: its deviation is `deviation` for steps of any length. */
function remembered(value: number, deviation: number, fresh: number, seconds: number): number {
	const kept = 1 - settling(seconds, NOISE_MEMORY_SECONDS);
	return value * kept + deviation * Math.sqrt(1 - kept * kept) * fresh;
}

export function clamp(value: number, least: number, most: number): number {
	return Math.min(most, Math.max(least, value));
}
