/**
 * Readings of one invented miner, for tests of size and speed: takes how many samples, gives a run.
 *
 * Sixteen series every 10 s. Hashrate with 2 decimals swings about 110 TH/s, 1.4 % of it either way,
 * from sample to sample 0.82 of the distance to the mean; its mean of five minutes; power in whole watts
 * about 3,250 that follows it; the hottest chip in whole degrees; three boards and the inlet in
 * sixteenths of a degree, which follow slowly; two fans in steps of 60; supply volts in hundredths; three
 * counters; uptime in seconds; a power limit that stays. Each poll is late or early by a normal of
 * `jitterMilliseconds`. The same seed gives the same readings.
 */

import { columnKey } from "../../../collector/store/column-key.js";
import type { Column } from "../../../collector/store/device-state.js";
import { randomOf } from "../../shared/wire/examples.js";

export type ExampleRun = {
	readonly columns: readonly Column[];
	readonly times: Float64Array;
	readonly values: readonly Int32Array[];
};

const STEP_MILLISECONDS = 10_000;
const FIRST_AT = 1_800_000_000_000;
const MEAN_SAMPLES = 30;

/** Scaled by 10 to the decimals that our table keeps for each. */
const COLUMNS: readonly Column[] = [
	{ measurement: "hashrateTerahashesPerSecond", decimals: 6 },
	{ measurement: "hashrateAverageTerahashesPerSecond", decimals: 6 },
	{ measurement: "powerWatts", decimals: 3 },
	{ measurement: "chipTemperatureCelsiusMax", decimals: 3 },
	...["0", "1", "2"].map((key) => ({
		measurement: "boardTemperatureCelsius",
		component: { part: "board" as const, key },
		decimals: 4,
	})),
	{ measurement: "inletTemperatureCelsius", decimals: 4 },
	...["0", "1"].map((key) => ({
		measurement: "fanRevolutionsPerMinute",
		component: { part: "fan" as const, key },
		decimals: 0,
	})),
	{ measurement: "supplyVolts", decimals: 3 },
	{ measurement: "sharesAccepted", decimals: 0 },
	{ measurement: "sharesRejected", decimals: 0 },
	{ measurement: "hardwareErrors", decimals: 0 },
	{ measurement: "uptimeSeconds", decimals: 0 },
	{ measurement: "powerLimitWatts", decimals: 3 },
];

export function exampleReadings({
	samples,
	jitterMilliseconds,
	seed = 1,
}: {
	readonly samples: number;
	readonly jitterMilliseconds: number;
	readonly seed?: number;
}): ExampleRun {
	const random = randomOf(seed);
	const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
	const times = new Float64Array(samples);
	const values = COLUMNS.map(() => new Int32Array(samples));
	const swings = new Array<number>(MEAN_SAMPLES).fill(0);
	let swing = 0;
	let [hardware, accepted, rejected, inlet, hottest, speed] = [40, 10_000, 12, 24, 72, 5_400];
	const boards = [58, 60, 61];
	for (let row = 0; row < samples; row += 1) {
		const at = Math.round(FIRST_AT + row * STEP_MILLISECONDS + jitterMilliseconds * normal());
		times[row] = at;
		swing = 0.82 * swing + 0.014 * Math.sqrt(1 - 0.82 ** 2) * normal();
		swings[row % MEAN_SAMPLES] = swing;
		const mean = swings.reduce((sum, one) => sum + one, 0) / MEAN_SAMPLES;
		const watts = 3_250 * (1 + 0.3 * swing + 0.001 * normal());
		inlet += 0.02 * (24 - inlet) + 0.05 * normal();
		hottest += 0.05 * (72 - hottest) + 0.25 * normal();
		if (random() < 0.03) speed = 5_400 + 60 * Math.round(2 * normal());
		accepted += random() < 0.5 ? 1 : 0;
		rejected += random() < 0.003 ? 1 : 0;
		hardware += random() < 0.05 ? 1 : 0;
		const reading = [
			Math.round(11_000 * (1 + swing)) * 10_000,
			Math.round(11_000 * (1 + mean)) * 10_000,
			Math.round(watts) * 1_000,
			Math.round(hottest) * 1_000,
			...boards.map((board, place) => {
				boards[place] = board + 0.03 * (58 + place + inlet - 24 - board) + 0.06 * normal();
				return Math.round((boards[place] ?? 0) * 16) * 625;
			}),
			Math.round(inlet * 16) * 625,
			speed,
			speed + 60 * (random() < 0.02 ? 1 : 0),
			Math.round(1_210 + 1.2 * normal()) * 10,
			accepted,
			rejected,
			hardware,
			Math.floor((at - FIRST_AT) / 1_000) + 86_400,
			3_400_000,
		];
		for (const [place, number] of reading.entries()) {
			const own = values[place];
			if (own !== undefined) own[row] = number;
		}
	}
	return inOrder({ columns: COLUMNS, times, values });
}

function inOrder({ columns, times, values }: ExampleRun): ExampleRun {
	const order = [...columns.keys()].sort((a, b) => (key(columns[a]) < key(columns[b]) ? -1 : 1));
	return {
		columns: order.map((place) => columns[place]).filter((one) => one !== undefined),
		times,
		values: order.map((place) => values[place]).filter((one) => one !== undefined),
	};
}

function key(column: Column | undefined): string {
	return column === undefined ? "" : columnKey(column);
}
