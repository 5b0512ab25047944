/** The physics of a GPU host: jobs, power, heat and energy. */
import { describe, expect, it } from "vitest";
import {
	type GpuHostConditions,
	type GpuHostState,
	gpuCharacter,
	gpuHostStep,
	warmGpuHost,
} from "../simulator/gpu-physics.js";

const CALM: GpuHostConditions = {
	ambientCelsius: 24,
	isPowered: true,
	isCoolingBlocked: false,
	isBoardLost: false,
	areCountersStuck: false,
};
const GPUS = Array.from({ length: 8 }, (_, index) => gpuCharacter(1_000 + index));
const HOST_SEED = 77;

function run(seconds: number, conditions: Partial<GpuHostConditions> = {}) {
	let state: GpuHostState = warmGpuHost(HOST_SEED, GPUS, CALM);
	const seen: GpuHostState[] = [state];
	for (let second = 0; second < seconds; second += 1) {
		state = gpuHostStep(HOST_SEED, GPUS, state, { ...CALM, ...conditions }, 1);
		seen.push(state);
	}
	return { state, seen };
}

describe("GPUs of a host", () => {
	it("see jobs come and go: within 4 hours one GPU stands idle and is over 90 % busy", () => {
		const { seen } = run(4 * 3_600);
		const first = seen.map(({ gpus }) => gpus[0]?.utilization ?? 0);
		expect(Math.min(...first)).toBeLessThan(0.02);
		expect(Math.max(...first)).toBeGreaterThan(0.9);
	});

	it("draw 60 to 700 W and stay below 87 °C", () => {
		const { seen } = run(2 * 3_600);
		const all = seen.flatMap(({ gpus }) => gpus);
		expect(Math.min(...all.map(({ watts }) => watts))).toBeGreaterThan(60);
		expect(Math.max(...all.map(({ watts }) => watts))).toBeLessThanOrEqual(700);
		expect(Math.max(...all.map(({ celsius }) => celsius))).toBeLessThan(87);
	});

	it("count energy as the sum of watts over seconds", () => {
		const { seen } = run(600);
		const watts = seen.slice(1).map(({ gpus }) => gpus[3]?.watts ?? 0);
		const joules = (seen.at(-1)?.gpus[3]?.joules ?? 0) - (seen[0]?.gpus[3]?.joules ?? 0);
		expect(joules).toBeCloseTo(
			watts.reduce((sum, value) => sum + value, 0),
			3,
		);
	});

	it("throttle without cooling instead of going beyond 100 °C", () => {
		const { seen } = run(2 * 3_600, { isCoolingBlocked: true });
		const all = seen.flatMap(({ gpus }) => gpus);
		expect(Math.max(...all.map(({ celsius }) => celsius))).toBeLessThan(100);
		expect(Math.min(...all.map(({ throttle }) => throttle))).toBeLessThan(0.9);
	});

	it("have UUIDs of the vendor's shape, all different", () => {
		expect(new Set(GPUS.map(({ uuid }) => uuid)).size).toBe(8);
		for (const { uuid } of GPUS) expect(uuid).toMatch(/^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
	});
});
