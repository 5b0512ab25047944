import { describe, expect, it } from "vitest";
import { intervalSums } from "../../../collector/derive/intervals.js";
import type { Columns } from "../../../collector/store/device-state.js";

const OPTIONS = { hostOverheadRatio: 1.25, hostOverheadWatts: 0 };
const FIVE_MINUTES = 300_000;
const FROM = 6_000_000 * FIVE_MINUTES;
const DEVICE = {
	number: 7,
	description: { kind: "miner" as const, model: "Antminer S21", pollIntervalSeconds: 10 },
};

/** [seconds after the start, watts, TH/s] */
function piece(rows: readonly (readonly [number, number, number])[]): Columns {
	return {
		columns: [
			{ measurement: "powerWatts", decimals: 3 },
			{ measurement: "hashrateTerahashesPerSecond", decimals: 6 },
		],
		times: Float64Array.from(rows, ([seconds]) => FROM + seconds * 1_000),
		values: [Float64Array.from(rows, ([, watts]) => watts), Float64Array.from(rows, ([, , rate]) => rate)],
	};
}

const steady = (from: number, to: number) =>
	Array.from({ length: (to - from) / 10 }, (_, index) => [from + index * 10, 3_500, 200] as const);

describe("five-minute sums", () => {
	it("of 3,500 W and 200 TH/s for 300 s are 1,050,000 J and 60,000 TH", () => {
		const rows = intervalSums(
			DEVICE,
			[piece(steady(0, 300))],
			{ from: FROM, to: FROM + FIVE_MINUTES },
			OPTIONS,
		);
		expect(rows).toEqual([
			{
				deviceNumber: 7,
				from: FROM,
				joules: 1_050_000,
				terahashes: 60_000,
				joulesWithWork: 1_050_000,
				terahashesWithPower: 60_000,
				secondsUp: 300,
				secondsDown: 0,
				gpuSeconds: 0,
				tokens: 0,
			},
		]);
	});

	it("split a reading at the boundary: taken at 295 s and held to 305 s, 5 s fall on either side", () => {
		const readings = piece([
			[295, 100, 0],
			[305, 0, 0],
		]);
		const rows = intervalSums(DEVICE, [readings], { from: FROM, to: FROM + 2 * FIVE_MINUTES }, OPTIONS);
		expect(rows.map(({ joules }) => joules)).toEqual([500, 500]);
	});

	it("take what an earlier reading holds into the first interval, and nothing of its own time", () => {
		const rows = intervalSums(
			DEVICE,
			[
				piece([
					[-5, 100, 0],
					[5, 0, 0],
				]),
			],
			{ from: FROM, to: FROM + FIVE_MINUTES },
			OPTIONS,
		);
		expect(rows[0]?.joules).toBe(500);
	});

	it("hold the last reading for three intervals at most: of a machine that fell silent after 10 s, 40 s are up", () => {
		const readings = piece(steady(0, 20));
		const rows = intervalSums(DEVICE, [readings], { from: FROM, to: FROM + FIVE_MINUTES }, OPTIONS);
		expect(rows[0]).toMatchObject({ secondsUp: 40, secondsDown: 0, joules: 140_000 });
	});

	it("count failed polls as down and silence as neither: 20 s up, 40 s down, the rest unknown", () => {
		const { columns, times, values } = piece([
			...steady(0, 20),
			[20, Number.NaN, Number.NaN],
			[30, Number.NaN, Number.NaN],
		]);
		const polled = {
			columns: [...columns, { measurement: "pollResult", decimals: 0 }],
			times,
			values: [...values, Int32Array.of(0, 0, 4, 4)],
		};
		const rows = intervalSums(DEVICE, [polled], { from: FROM, to: FROM + FIVE_MINUTES }, OPTIONS);
		expect(rows[0]).toMatchObject({ secondsUp: 20, secondsDown: 40 });
	});

	it("estimate watts that are absent by the nameplate: 100 TH/s of an S21 for 10 s are 17,500 J", () => {
		const readings = piece([
			[0, Number.NaN, 100],
			[10, Number.NaN, 0],
		]);
		const rows = intervalSums(DEVICE, [readings], { from: FROM, to: FROM + FIVE_MINUTES }, OPTIONS);
		expect(rows[0]).toMatchObject({ joules: 17_500, joulesWithWork: 17_500, terahashes: 1_000 });
	});

	it("keep work without known watts out of its partner: 50 TH/s of an unknown model for 10 s are 500 TH, 0 with power", () => {
		const unknown = { number: 9, description: { kind: "miner" as const, pollIntervalSeconds: 10 } };
		const readings = piece([
			[0, Number.NaN, 50],
			[10, 1_000, 100],
			[20, 0, 0],
		]);
		const rows = intervalSums(unknown, [readings], { from: FROM, to: FROM + FIVE_MINUTES }, OPTIONS);
		expect(rows[0]).toMatchObject({
			terahashes: 1_500,
			terahashesWithPower: 1_000,
			joulesWithWork: 10_000,
		});
	});

	it("count GPU-seconds by the GPUs that answer: 8 for 10 s are 80, and the 30 s the last one holds 240", () => {
		const host = { number: 8, description: { kind: "gpu-host" as const, pollIntervalSeconds: 10 } };
		const readings: Columns = {
			columns: [{ measurement: "gpuCount", decimals: 0 }],
			times: Float64Array.of(FROM, FROM + 10_000),
			values: [Float64Array.of(8, 8)],
		};
		const rows = intervalSums(host, [readings], { from: FROM, to: FROM + FIVE_MINUTES }, OPTIONS);
		expect(rows[0]?.gpuSeconds).toBe(320);
	});

	it("count tokens when they are read: 120 between two polls, 7 since a restart, none over a hole of more than three polls", () => {
		const host = { number: 8, description: { kind: "gpu-host" as const, pollIntervalSeconds: 100 } };
		const rows = [
			[250, 1_000],
			[350, 1_120],
			[450, 7],
			[550, Number.NaN],
			[650, 500],
			[750, 520],
			[1_100, 900],
			[1_150, 901],
		] as const;
		const readings: Columns = {
			columns: [{ measurement: "generatedTokens", decimals: 0 }],
			times: Float64Array.from(rows, ([seconds]) => FROM + seconds * 1_000),
			values: [Float64Array.from(rows, ([, tokens]) => tokens)],
		};
		const found = intervalSums(host, [readings], { from: FROM, to: FROM + 4 * FIVE_MINUTES }, OPTIONS);
		expect(found.map(({ tokens }) => tokens)).toEqual([0, 127, 20, 1]);
	});

	it("come one a minute where minutes are asked for", () => {
		const range = { from: FROM, to: FROM + FIVE_MINUTES, intervalMilliseconds: 60_000 };
		const rows = intervalSums(DEVICE, [piece(steady(0, 300))], range, OPTIONS);
		expect(rows.map(({ joules }) => joules)).toEqual([210_000, 210_000, 210_000, 210_000, 210_000]);
	});

	it("of no readings are no rows", () => {
		expect(intervalSums(DEVICE, [], { from: FROM, to: FROM + FIVE_MINUTES }, OPTIONS)).toEqual([]);
	});
});
