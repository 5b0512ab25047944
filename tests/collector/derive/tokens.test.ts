import { describe, expect, it } from "vitest";
import {
	advanceTokens,
	createTokenMeter,
	TokenGroup,
	type TokenReading,
	type TokenSums,
	tokenWork,
	trailingTokens,
} from "../../../collector/derive/tokens.js";

const START = Date.UTC(2026, 10, 22, 12);
const SECOND = 1_000;

function metered(readings: readonly (Omit<TokenReading, "at"> & { readonly second: number })[]) {
	const meter = createTokenMeter();
	for (const { second, ...reading } of readings)
		advanceTokens(meter, { at: START + second * SECOND, ...reading }, 10);
	return trailingTokens(meter, START + (readings.at(-1)?.second ?? 0) * SECOND);
}

describe("tokens of a host", () => {
	it("10,000 prompt and 2,000 generated tokens in 10 s at 5,000 W are 0.04 generated and 0.24 tokens per joule", () => {
		const sums = metered([
			{ second: 0, prompt: 1_000_000, generated: 400_000, watts: 5_000 },
			{ second: 10, prompt: 1_010_000, generated: 402_000, watts: 5_000 },
		]);
		expect(sums).toMatchObject({ seconds: 10, promptTokens: 10_000, generatedTokens: 2_000, joules: 50_000 });
		expect(sums && tokenWork(sums)).toEqual({
			promptTokensPerSecond: 1_000,
			generatedTokensPerSecond: 200,
			generatedTokensPerJoule: 0.04,
			tokensPerJoule: 0.24,
		});
	});

	it("count from a restart on when the server's counter falls: 500 since, not minus 399,500", () => {
		const sums = metered([
			{ second: 0, generated: 400_000, watts: 1_000 },
			{ second: 10, generated: 500, watts: 1_000 },
		]);
		expect(sums).toMatchObject({ generatedTokens: 500, joules: 10_000 });
	});

	it("have no rate and no joules across a gap of more than three intervals", () => {
		expect(
			metered([
				{ second: 0, generated: 0, watts: 1_000 },
				{ second: 31, generated: 90_000, watts: 1_000 },
			]),
		).toBeUndefined();
	});

	it("without known watts have a rate and no ratio; those seconds stay out of both sides of a ratio that comes later", () => {
		const rate = metered([
			{ second: 0, generated: 0 },
			{ second: 10, generated: 1_000 },
		]);
		expect(rate && tokenWork(rate)).toEqual({ promptTokensPerSecond: 0, generatedTokensPerSecond: 100 });
		const later = metered([
			{ second: 0, generated: 0 },
			{ second: 10, generated: 1_000, watts: 100 },
			{ second: 20, generated: 1_500, watts: 100 },
		]);
		expect(later && tokenWork(later)).toMatchObject({
			generatedTokensPerSecond: 75,
			generatedTokensPerJoule: 0.5,
		});
	});

	it("forget what is older than five minutes, and a reading that comes late changes nothing", () => {
		const meter = createTokenMeter();
		for (let second = 0; second <= 600; second += 10)
			advanceTokens(meter, { at: START + second * SECOND, generated: second * 7, watts: 100 }, 10);
		const now = START + 600 * SECOND;
		const before = trailingTokens(meter, now);
		expect(before?.generatedTokens).toBeGreaterThanOrEqual(270 * 7);
		expect(before?.generatedTokens).toBeLessThanOrEqual(300 * 7);
		advanceTokens(meter, { at: START + 300 * SECOND, generated: 1e9, watts: 1 }, 10);
		expect(trailingTokens(meter, now)).toEqual(before);
	});
});

describe("tokens of several hosts", () => {
	it("are a ratio of sums: 100 of 1,000 J and 900 of 3,000 J are 0.25 per joule, not the mean of 0.1 and 0.3", () => {
		const host = (generated: number, joules: number): TokenSums => ({
			seconds: 10,
			promptTokens: 0,
			generatedTokens: generated,
			joules,
			promptTokensWithPower: 0,
			generatedTokensWithPower: generated,
		});
		const group = new TokenGroup();
		group.add(host(100, 1_000));
		group.add(host(900, 3_000));
		group.add(undefined);
		expect(group.hosts).toBe(2);
		expect(group.work()).toMatchObject({ generatedTokensPerSecond: 100, generatedTokensPerJoule: 0.25 });
		expect(new TokenGroup().work()).toBeUndefined();
	});
});
