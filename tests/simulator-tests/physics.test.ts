/** The physics of a miner: what must hold for any seed, model and weather. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MINER_MODELS, type MinerModelName } from "../simulator/models.js";
import {
	ageingFactor,
	ambientCelsius,
	boardTerahashesPerSecond,
	hottestChipCelsius,
	type MinerConditions,
	type MinerState,
	minerCharacter,
	minerShares,
	minerStep,
	minerTerahashesPerSecond,
	minerWatts,
	warmMiner,
} from "../simulator/physics.js";

const CALM: MinerConditions = {
	ambientCelsius: 25,
	isPowered: true,
	isCoolingBlocked: false,
	isBoardLost: false,
	areCountersStuck: false,
};
const MODELS = Object.keys(MINER_MODELS) as readonly MinerModelName[];

function machine(model: MinerModelName, seed: number) {
	const character = minerCharacter(seed, MINER_MODELS[model], 0);
	const start = warmMiner(character, CALM);
	const lived = (seconds: number, conditions: Partial<MinerConditions> = {}, from: MinerState = start) => {
		let state = from;
		for (let second = 0; second < seconds; second += 1) {
			state = minerStep(character, state, { ...CALM, ...conditions }, 1);
		}
		return state;
	};
	return { character, start, lived };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("a miner's work", () => {
	it("is the sum of its boards, for any seed and second", () => {
		fc.assert(
			fc.property(fc.nat(), fc.nat(200), fc.constantFrom(...MODELS), (seed, seconds, model) => {
				const { character, lived } = machine(model, seed);
				const state = lived(seconds);
				const boards = state.boards.map((_, board) => boardTerahashesPerSecond(character, state, board));
				expect(boards.reduce((sum, rate) => sum + rate, 0)).toBe(minerTerahashesPerSecond(character, state));
			}),
			{ numRuns: 40 },
		);
	});

	it("wanders by about 1.5 % around its mean, and remembers the second before", () => {
		const { character, lived, start } = machine("antminerS21", 11);
		const rates: number[] = [];
		let state = start;
		for (let second = 0; second < 3_000; second += 1) {
			state = lived(1, {}, state);
			rates.push(minerTerahashesPerSecond(character, state));
		}
		const middle = mean(rates);
		const deviation = Math.sqrt(mean(rates.map((rate) => (rate - middle) ** 2))) / middle;
		expect(deviation).toBeGreaterThan(0.009);
		expect(deviation).toBeLessThan(0.021);
		const step =
			Math.sqrt(mean(rates.slice(1).map((rate, index) => (rate - (rates[index] ?? 0)) ** 2))) / middle;
		expect(step).toBeLessThan(deviation / 2);
	});

	it.each(MODELS)("of %s stays within 8 % of the nameplate, its power within 15 %", (model) => {
		const { character, lived } = machine(model, 5);
		const state = lived(60);
		const { nameplateTerahashesPerSecond, nameplateWatts } = MINER_MODELS[model];
		expect(
			Math.abs(minerTerahashesPerSecond(character, state) / nameplateTerahashesPerSecond - 1),
		).toBeLessThan(0.08);
		expect(Math.abs(minerWatts(character, state) / nameplateWatts - 1)).toBeLessThan(0.15);
	});

	it("makes shares as work over difficulty × 2³²: 200 TH/s at 262,144 is 0.178 a second", () => {
		const { character, start, lived } = machine("antminerS21", 3);
		const later = lived(3_600);
		const shares = minerShares(character, later).accepted - minerShares(character, start).accepted;
		const expected = (later.terahashes - start.terahashes) / (262_144 * (2 ** 32 / 1e12));
		expect(Math.abs(shares - expected * (1 - character.rejectedRatio))).toBeLessThan(2);
		expect(expected).toBeGreaterThan(600);
		expect(expected).toBeLessThan(680);
	});
});

describe("a miner's heat", () => {
	it("follows the air: 10 °C more outside is warmer chips and faster fans", () => {
		const { lived } = machine("antminerS19jPro", 8);
		const mild = lived(900);
		const hot = lived(900, { ambientCelsius: 35 });
		expect(hottestChipCelsius(hot)).toBeGreaterThan(hottestChipCelsius(mild) + 3);
		expect(hot.fanDuty).toBeGreaterThan(mild.fanDuty + 0.05);
	});

	it("takes time: after 75 s two thirds of the way to the air once power is gone is not yet reached", () => {
		const { start, lived } = machine("antminerS21", 8);
		const soon = hottestChipCelsius(lived(75, { isPowered: false }));
		const late = hottestChipCelsius(lived(3_600, { isPowered: false }));
		expect(soon).toBeGreaterThan(hottestChipCelsius(start) - 0.5 * (hottestChipCelsius(start) - 25));
		expect(late).toBeCloseTo(25, 1);
	});

	it.each(MODELS)(
		"of %s without cooling climbs to the limit within 5 minutes, throttles and stays below 125 °C",
		(model) => {
			const { character, start, lived } = machine(model, 21);
			const limit = MINER_MODELS[model].chipLimitCelsius;
			let hottest = 0;
			let state = start;
			for (let second = 0; second < 300; second += 1) {
				state = lived(1, { isCoolingBlocked: true }, state);
				hottest = Math.max(hottest, hottestChipCelsius(state));
			}
			expect(state.isOverheated).toBe(true);
			expect(hottest).toBeGreaterThan(limit - 2);
			expect(hottest).toBeLessThan(125);
			expect(minerTerahashesPerSecond(character, state)).toBeLessThan(
				0.8 * minerTerahashesPerSecond(character, start),
			);
			expect(lived(1_200, {}, state).isOverheated).toBe(false);
		},
	);

	it("has a daily cycle: the air at 15:00 is 8 to 14 °C above the air at 03:00", () => {
		const day = Date.UTC(2026, 5, 1) / 1_000;
		const difference = ambientCelsius(1, 0, day + 15 * 3_600) - ambientCelsius(1, 0, day + 3 * 3_600);
		expect(difference).toBeGreaterThan(8);
		expect(difference).toBeLessThan(14);
	});
});

describe("a miner's power", () => {
	it("does not swing with the noise of the rate: 0.3 % where the rate has 1.5 %", () => {
		const { character, start, lived } = machine("whatsminerM60S", 2);
		const watts: number[] = [];
		let state = start;
		for (let second = 0; second < 600; second += 1) {
			state = lived(1, {}, state);
			watts.push(minerWatts(character, state));
		}
		expect((Math.max(...watts) - Math.min(...watts)) / mean(watts)).toBeLessThan(0.003);
	});

	it("grows with age by 1.8 % a year", () => {
		const character = { ...minerCharacter(1, MINER_MODELS.antminerS21, 0), ageAtStartSeconds: 0 };
		expect(ageingFactor(character, 365 * 86_400)).toBeCloseTo(1.018, 6);
	});

	it("is 0 W without power, and a lost board takes about a third of watts and work", () => {
		const { character, start, lived } = machine("avalonA1566", 4);
		expect(minerWatts(character, lived(5, { isPowered: false }))).toBe(0);
		const two = lived(120, { isBoardLost: true });
		expect(minerWatts(character, two) / minerWatts(character, start)).toBeGreaterThan(0.6);
		expect(minerWatts(character, two) / minerWatts(character, start)).toBeLessThan(0.72);
		expect(boardTerahashesPerSecond(character, two, 2)).toBe(0);
	});
});

describe("a miner's counters", () => {
	it("only grow while it runs, and begin at 0 when power returns", () => {
		const { start, lived } = machine("bitaxeGamma", 6);
		const later = lived(60);
		expect(later.countedTerahashes).toBeGreaterThan(start.countedTerahashes);
		expect(later.joules).toBeGreaterThan(start.joules);
		expect(later.uptimeSeconds).toBe(start.uptimeSeconds + 60);
		const again = lived(10, {}, lived(30, { isPowered: false }, later));
		expect(again.uptimeSeconds).toBe(10);
		expect(again.countedTerahashes).toBe(0);
	});

	it("stand still when stuck, though it works on", () => {
		const { character, start, lived } = machine("antminerS21", 6);
		const stuck = lived(300, { areCountersStuck: true });
		expect(stuck.countedTerahashes).toBe(start.countedTerahashes);
		expect(stuck.uptimeSeconds).toBe(start.uptimeSeconds + 300);
		expect(minerTerahashesPerSecond(character, stuck)).toBeGreaterThan(180);
	});
});

describe("machines of one model", () => {
	it("differ: over 200 of them efficiency spreads by more than 5 % and heat by more than 8 °C", () => {
		const units = Array.from({ length: 200 }, (_, seed) => machine("antminerS21", seed + 1));
		const efficiencies = units.map(
			({ character, start }) => minerWatts(character, start) / minerTerahashesPerSecond(character, start),
		);
		const heats = units.map(({ start }) => hottestChipCelsius(start));
		expect(Math.max(...efficiencies) / Math.min(...efficiencies)).toBeGreaterThan(1.05);
		expect(Math.max(...heats) - Math.min(...heats)).toBeGreaterThan(8);
		expect(units.every(({ start }) => !start.isOverheated)).toBe(true);
	});
});
