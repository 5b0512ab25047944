/**
 * What a miner's firmware knows at one instant, in our units: the one source of every answer and of
 * the truth that tests compare with. Pure: takes character and state, gives the view; what a family
 * leaves out or rounds is that family's own affair.
 */
import { OPERATING_STATES } from "../../shared/measurements.js";
import type { ComponentReading, Values } from "../../shared/reading.js";
import type { MinerModel } from "./models.js";
import {
	type Averages,
	boardTerahashesPerSecond,
	boardWatts,
	isBoardAlive,
	type MinerCharacter,
	type MinerState,
	minerShares,
	minerTerahashesPerSecond,
	minerUptimeSeconds,
	minerWatts,
	nominalBoardTerahashesPerSecond,
	nominalTerahashesPerSecond,
	type Shares,
} from "./physics.js";
import { hexadecimal, uniform } from "./random.js";

export type MinerIdentity = {
	readonly serial: string;
	/** Lower case, colons. */
	readonly mac: string;
	readonly hostname: string;
	readonly host: string;
	readonly boardSerials: readonly string[];
	readonly poolUser: string;
};

export type BoardView = {
	readonly index: number;
	readonly isAlive: boolean;
	readonly terahashesPerSecond: number;
	readonly nominalTerahashesPerSecond: number;
	/** Share of the machine's work, for the fields a firmware keeps per board. */
	readonly share: number;
	readonly watts: number;
	readonly chips: number;
	readonly chipMaximumCelsius: number;
	readonly chipAverageCelsius: number;
	readonly chipMinimumCelsius: number;
	readonly boardCelsius: number;
	readonly inletCelsius: number;
	readonly outletCelsius: number;
};

export type MinerView = {
	readonly model: MinerModel;
	readonly identity: MinerIdentity;
	readonly unixSeconds: number;
	readonly isOverheated: boolean;
	readonly terahashesPerSecond: number;
	/** At the present throttle; the tuner's idea of the machine. */
	readonly presentNominalTerahashesPerSecond: number;
	readonly nominalTerahashesPerSecond: number;
	readonly sinceStartTerahashesPerSecond: number;
	readonly averages: Averages;
	readonly watts: number;
	readonly boards: readonly BoardView[];
	readonly fanDuty: number;
	readonly fanRevolutionsPerMinute: readonly number[];
	readonly ambientCelsius: number;
	readonly frequencyMegahertz: number;
	readonly uptimeSeconds: number;
	readonly minerUptimeSeconds: number;
	readonly terahashes: number;
	readonly shares: Shares;
	readonly hardwareErrors: number;
};

const INLET_BELOW_CHIP_CELSIUS = 15;
const BOARD_BELOW_CHIP_CELSIUS = 5;

export function minerIdentity(character: MinerCharacter, index: number, host: string): MinerIdentity {
	const { seed, model } = character;
	const tail = hexadecimal(seed, 200, 6);
	const serial = `SIM${hexadecimal(seed, 201, 14).toUpperCase()}`;
	return {
		serial,
		mac: `${model.macPrefix}:${tail.slice(0, 2)}:${tail.slice(2, 4)}:${tail.slice(4, 6)}`,
		hostname: `${model.family}-${index}`,
		host,
		boardSerials: Array.from({ length: model.boards }, (_, board) => `${serial.slice(0, 14)}B${board}`),
		poolUser: `site.worker${index}`,
	};
}

export function minerView({
	character,
	state,
	identity,
	ambientCelsius,
	unixSeconds,
}: MinerInstant): MinerView {
	const { model } = character;
	const nominal = nominalTerahashesPerSecond(character);
	const alive = state.boards.filter((_, board) => isBoardAlive(state, board)).length;
	const uptime = minerUptimeSeconds(state);
	return {
		model,
		identity,
		unixSeconds: Math.floor(unixSeconds),
		isOverheated: state.isOverheated && state.isPowered,
		terahashesPerSecond: minerTerahashesPerSecond(character, state),
		presentNominalTerahashesPerSecond: (nominal * state.throttle * alive) / Math.max(state.boards.length, 1),
		nominalTerahashesPerSecond: nominal,
		sinceStartTerahashesPerSecond: uptime > 0 ? state.terahashes / uptime : 0,
		averages: state.averages,
		watts: minerWatts(character, state),
		boards: state.boards.map((_, board) => boardView(character, state, board, ambientCelsius)),
		fanDuty: state.fanDuty,
		fanRevolutionsPerMinute: Array.from({ length: model.fans }, (_, fan) => fanSpeed(character, state, fan)),
		ambientCelsius,
		frequencyMegahertz: model.frequencyMegahertz * character.hashrateFactor * state.throttle,
		uptimeSeconds: state.isPowered ? Math.floor(state.uptimeSeconds) : 0,
		minerUptimeSeconds: Math.floor(uptime),
		terahashes: state.terahashes,
		shares: minerShares(character, state),
		hardwareErrors: Math.floor(state.hardwareErrors),
	};
}

type MinerInstant = {
	readonly character: MinerCharacter;
	readonly state: MinerState;
	readonly identity: MinerIdentity;
	readonly ambientCelsius: number;
	readonly unixSeconds: number;
};

/** Real tachometers count in thirties. */
function fanSpeed({ seed, model }: MinerCharacter, state: MinerState, fan: number): number {
	const wobble = 1 + 0.02 * (uniform(seed, 300 + fan, Math.floor(state.atSeconds / 3)) - 0.5);
	return Math.round((state.fanDuty * model.fanMaximumRevolutionsPerMinute * wobble) / 30) * 30;
}

function boardView(character: MinerCharacter, state: MinerState, index: number, ambient: number): BoardView {
	const hottest = state.boards[index]?.chipCelsius ?? ambient;
	const nominal = nominalBoardTerahashesPerSecond(character, index);
	const isAlive = isBoardAlive(state, index);
	return {
		index,
		isAlive,
		terahashesPerSecond: boardTerahashesPerSecond(character, state, index),
		nominalTerahashesPerSecond: nominal * state.throttle,
		share: nominal / nominalTerahashesPerSecond(character),
		watts: boardWatts(character, state, index),
		chips: isAlive ? character.model.chipsPerBoard : 0,
		chipMaximumCelsius: hottest,
		chipAverageCelsius: hottest - 7,
		chipMinimumCelsius: hottest - INLET_BELOW_CHIP_CELSIUS,
		boardCelsius: hottest - BOARD_BELOW_CHIP_CELSIUS,
		inletCelsius: Math.max(ambient, hottest - 2 * INLET_BELOW_CHIP_CELSIUS),
		outletCelsius: hottest - 2 * BOARD_BELOW_CHIP_CELSIUS,
	};
}

/** The true values of a machine, under the names of the measurement table. */
export function minerTruth(view: MinerView): Values {
	const living = view.boards.filter(({ isAlive }) => isAlive);
	const hottest = (values: readonly number[]) => Math.max(view.ambientCelsius, ...values);
	return {
		hashrateTerahashesPerSecond: view.terahashesPerSecond,
		hashrateOneMinuteTerahashesPerSecond: view.averages.oneMinute,
		hashrateFiveMinutesTerahashesPerSecond: view.averages.fiveMinutes,
		hashrateFifteenMinutesTerahashesPerSecond: view.averages.fifteenMinutes,
		hashrateThirtyMinutesTerahashesPerSecond: view.averages.thirtyMinutes,
		hashrateOneHourTerahashesPerSecond: view.averages.oneHour,
		hashrateOneDayTerahashesPerSecond: view.averages.oneDay,
		hashrateAverageTerahashesPerSecond: view.sinceStartTerahashesPerSecond,
		hashrateNameplateTerahashesPerSecond: view.model.nameplateTerahashesPerSecond,
		sharesAccepted: view.shares.accepted,
		sharesRejected: view.shares.rejected,
		sharesStale: view.shares.stale,
		hardwareErrors: view.hardwareErrors,
		powerWatts: view.watts,
		chipTemperatureCelsius: hottest(living.map(({ chipMaximumCelsius }) => chipMaximumCelsius)),
		boardTemperatureCelsius: hottest(living.map(({ boardCelsius }) => boardCelsius)),
		ambientTemperatureCelsius: view.ambientCelsius,
		fanDutyRatio: view.fanDuty,
		uptimeSeconds: view.uptimeSeconds,
		minerUptimeSeconds: view.minerUptimeSeconds,
		operatingState: OPERATING_STATES.indexOf(operatingState(view)),
		boardCount: view.watts > 0 ? living.length : 0,
		boardSlotCount: view.boards.length,
		chipCount: living.reduce((sum, { chips }) => sum + chips, 0),
		frequencyMegahertz: view.frequencyMegahertz,
	};
}

function operatingState(view: MinerView): (typeof OPERATING_STATES)[number] {
	if (view.watts === 0) return "stopped";
	if (view.minerUptimeSeconds === 0) return "starting";
	return view.isOverheated ? "overheated" : "mining";
}

export function minerParts(view: MinerView): readonly ComponentReading[] {
	const boards = view.boards
		.filter(({ isAlive }) => isAlive)
		.map((board) => ({
			part: "board" as const,
			key: String(board.index),
			values: {
				hashrateTerahashesPerSecond: board.terahashesPerSecond,
				chipTemperatureCelsius: board.chipMaximumCelsius,
				boardTemperatureCelsius: board.boardCelsius,
				chipCount: board.chips,
			},
		}));
	const fans = view.fanRevolutionsPerMinute.map((speed, fan) => ({
		part: "fan" as const,
		key: String(fan),
		values: { fanSpeedRevolutionsPerMinute: speed },
	}));
	return [...boards, ...fans];
}
