import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type IntervalDevice, intervalSums, type PolledRun } from "../../../../collector/derive/intervals.js";
import { usdPerTerahash } from "../../../../collector/derive/revenue.js";
import { type MoneyRequest, moneyAnswer } from "../../../../collector/expose/api/money.js";
import { InputBook } from "../../../../collector/market/book.js";
import type {
	FleetSumsRow,
	IntervalSums,
	SeriesStore,
	StoredInput,
} from "../../../../collector/store/device-state.js";
import { INPUT_VALUES, ms, storedInput } from "../fleet-fixture.js";

const START = Date.parse("2026-11-02T00:00:00Z");
const FIVE = 300_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const CHAIN: readonly StoredInput[] = Object.entries(INPUT_VALUES)
	.filter(([name]) => name !== "powerPriceUsdPerMegawattHour")
	.map(([name, value], index) =>
		storedInput(name, value, { id: index + 1, validFrom: ms(0), observedAt: ms(START) }),
	);

const price = (id: number, value: number, from: number, to: number, knownFrom = to): StoredInput =>
	storedInput("powerPriceUsdPerMegawattHour", value, {
		id,
		unit: "USD/MWh",
		validFrom: ms(from),
		validTo: ms(to),
		knownFrom: ms(knownFrom),
		quality: "final",
	});

/** A store of sums by device; hours and days are added up from five minutes where they are asked for. */
function storeOf(rows: readonly IntervalSums[], inputs: readonly StoredInput[], finest = 300): SeriesStore {
	return {
		devices: () => new Map(),
		inputs: () => inputs,
		terms: async () => [],
		intervalSums: async ({ from, to }: { from: number; to: number }) =>
			rows.filter((row) => row.from >= from && row.from < to),
		fleetSums: async ({ from, to, tierSeconds }: { from: number; to: number; tierSeconds: number }) => {
			const seconds = Math.max(tierSeconds, finest);
			const steps = new Map<number, FleetSumsRow>();
			for (const row of rows) {
				const at = Math.floor(row.from / (seconds * 1_000)) * seconds * 1_000;
				if (row.from < from || row.from >= to) continue;
				const before = steps.get(at);
				const sum = (name: Exclude<keyof IntervalSums, "deviceNumber">) =>
					((before?.[name] as number | undefined) ?? 0) + (row[name] as number);
				steps.set(at, {
					from: ms(at),
					label: "",
					isGpu: false,
					tierSeconds: seconds,
					joules: sum("joules"),
					terahashes: sum("terahashes"),
					joulesWithWork: sum("joulesWithWork"),
					terahashesWithPower: sum("terahashesWithPower"),
					secondsUp: sum("secondsUp"),
					secondsDown: sum("secondsDown"),
					gpuSeconds: sum("gpuSeconds"),
					tokens: sum("tokens"),
				});
			}
			return [...steps.values()].sort((a, b) => a.from - b.from);
		},
	} as unknown as SeriesStore;
}

async function answerOf(store: SeriesStore, more: Partial<MoneyRequest> = {}) {
	const request = {
		from: START,
		to: START + DAY,
		stepSeconds: 3_600,
		now: START + 30 * DAY,
		siteOverheadRatio: 1.05,
		timeZone: "UTC",
		...more,
	};
	const reply = await moneyAnswer(store, new InputBook(() => store.inputs()), request);
	if (!reply.ok || !("answer" in reply)) throw new Error("refused");
	return reply.answer;
}

const steady = (from: number, to: number): readonly IntervalSums[] =>
	Array.from({ length: (to - from) / FIVE }, (_, index) => ({
		deviceNumber: 1,
		from: ms(from + index * FIVE),
		joules: 1e6 * 300,
		terahashes: 50_000 * 300,
		joulesWithWork: 1e6 * 300,
		terahashesWithPower: 50_000 * 300,
		secondsUp: 300,
		secondsDown: 0,
		gpuSeconds: 0,
		tokens: 0,
	}));

describe("money of a past range", () => {
	it("replays a week whose price was restated: as known 25 then, as restated 90 now, both named", async () => {
		const rows = steady(START, START + 7 * DAY);
		const first = price(100, 25, START, START + 7 * DAY, START);
		const restated = price(101, 90, START + DAY, START + 2 * DAY, START + 9 * DAY);
		const store = storeOf(rows, [...CHAIN, first, restated]);
		const week = { to: START + 7 * DAY, stepSeconds: 86_400 };
		const then = await answerOf(store, { ...week, knownAt: START + 8 * DAY });
		const now = await answerOf(store, week);
		expect(then.total.powerCostUsd).toBeCloseTo(7 * 24 * 25 * 1.05, 8);
		expect(now.total.powerCostUsd).toBeCloseTo((6 * 24 * 25 + 24 * 90) * 1.05, 8);
		expect(then.inputs.find(({ name }) => name === "powerPriceUsdPerMegawattHour")?.rows).toBe("100");
		expect(now.inputs.find(({ name }) => name === "powerPriceUsdPerMegawattHour")?.rows).toBe("100-101");
		expect([then.isRestated, now.isRestated]).toEqual([false, true]);
	});

	it("gives the same bytes for the same inputs, however often it is asked", async () => {
		const store = storeOf(steady(START, START + DAY), [...CHAIN, price(9, 40, START, START + DAY)]);
		const texts = new Set<string>();
		for (let time = 0; time < 3; time += 1) texts.add(JSON.stringify(await answerOf(store)));
		expect(texts.size).toBe(1);
	});

	it("leaves an hour without a price without cost and net, and says that a 24th of the energy has none", async () => {
		const store = storeOf(steady(START, START + DAY), [...CHAIN, price(9, 40, START, START + 23 * HOUR)]);
		const answer = await answerOf(store);
		expect(answer.powerCostUsd[22]).toBeCloseTo(42, 10);
		expect([answer.powerCostUsd[23], answer.netUsd[23]]).toEqual([null, null]);
		expect(answer.grossUsd[23]).toBeGreaterThan(0);
		expect(answer.total.pricedRatio).toBeCloseTo(23 / 24, 10);
	});

	it("marks dollars as old from the minute on in which an input grew old: 35 of 60 minutes", async () => {
		const old = storedInput("powerPriceUsdPerMegawattHour", 40, {
			id: 9,
			unit: "USD/MWh",
			validFrom: ms(0),
			observedAt: ms(START),
		});
		const store = storeOf(steady(START, START + HOUR), [...CHAIN, old]);
		const staleAfterSeconds = { powerPriceUsdPerMegawattHour: 25 * 60 - 1 };
		const answer = await answerOf(store, { to: START + HOUR, stepSeconds: 300, staleAfterSeconds });
		expect(answer.total.staleRatio).toBeCloseTo(35 / 60, 9);
	});

	it("shares an hour out by time where nothing finer is left, and says of how many intervals it did", async () => {
		const store = storeOf(
			steady(START, START + HOUR),
			[...CHAIN, price(8, 20, START, START + HOUR / 2), price(9, 60, START + HOUR / 2, START + DAY)],
			3_600,
		);
		const answer = await answerOf(store, { to: START + HOUR });
		expect(answer.total.powerCostUsd).toBeCloseTo(40 * 1.05, 9);
		expect(answer.sharedOutIntervals).toBe(1);
	});

	it("of five minutes and of coarser tiers is the money of the readings, to 1e-9, over random fleets, gaps, prices and late corrections", async () => {
		const reading = fc.record({
			gap: fc.integer({ min: 1, max: 40 }),
			watts: fc.option(fc.integer({ min: 0, max: 6_000 })),
			rate: fc.option(fc.integer({ min: 0, max: 300 })),
		});
		const device = fc.array(reading, { minLength: 1, maxLength: 60 });
		const change = fc.record({
			slot: fc.nat(23),
			slots: fc.integer({ min: 1, max: 24 }),
			value: fc.integer({ min: -200, max: 3_000 }),
			late: fc.nat(9),
		});
		await fc.assert(
			fc.asyncProperty(
				fc.array(device, { minLength: 1, maxLength: 4 }),
				fc.uniqueArray(change, { maxLength: 8, selector: ({ late }) => late }),
				fc.constantFrom(300, 900, 3_600),
				async (fleet, changes, stepSeconds) => {
					const inputs = [
						...CHAIN,
						price(50, 45, START, START + DAY, START),
						...changes.map(({ slot, slots, value, late }, index) =>
							price(
								60 + index,
								value,
								START + slot * FIVE,
								START + (slot + slots) * FIVE,
								START + DAY + late,
							),
						),
					];
					const sums = fleet.flatMap((readings, index) => sumsOf(index + 1, readings));
					const answer = await answerOf(storeOf(sums, inputs), { to: START + 2 * HOUR, stepSeconds });
					const book = new InputBook(() => inputs);
					let [gross, cost] = [0, 0];
					for (const { from, joules, terahashes } of sums) {
						const at = book.money(from).inputs;
						gross += terahashes * (usdPerTerahash(at) ?? 0);
						cost += ((joules * 1.05) / 3.6e9) * (at.powerPriceUsdPerMegawattHour ?? 0);
					}
					expect(answer.total.grossUsd ?? 0).toBeCloseTo(gross, 9);
					expect(answer.total.powerCostUsd ?? 0).toBeCloseTo(cost, 9);
					const added = answer.netUsd.reduce<number>((sum, usd) => sum + (usd ?? 0), 0);
					expect(added).toBeCloseTo(answer.total.netUsd ?? 0, 9);
				},
			),
			{ numRuns: 60 },
		);
	});
});

/** Through the same function that makes the tier from readings. */
function sumsOf(
	number: number,
	readings: readonly { gap: number; watts: number | null; rate: number | null }[],
): readonly IntervalSums[] {
	const times = new Float64Array(readings.length);
	let at = START;
	for (const [index, { gap }] of readings.entries()) {
		at += gap * 5_000;
		times[index] = at;
	}
	const column = (read: (reading: (typeof readings)[number]) => number | null) =>
		Float64Array.from(readings, (one) => read(one) ?? Number.NaN);
	const device: IntervalDevice = {
		number,
		description: {
			kind: "miner",
			pollIntervalSeconds: 5,
			powerSource: "reported",
			powerBoundary: "wall",
		} as IntervalDevice["description"],
	};
	const run: PolledRun = {
		columns: [
			{ measurement: "hashrateTerahashesPerSecond", decimals: 3 },
			{ measurement: "powerWatts", decimals: 0 },
		],
		times,
		values: [column(({ rate }) => rate), column(({ watts }) => watts)] as unknown as PolledRun["values"],
	};
	return intervalSums(
		device,
		[run],
		{ from: START, to: START + 2 * HOUR },
		{ hostOverheadRatio: 1, hostOverheadWatts: 0 },
	);
}

describe("an answer by racks", () => {
	const racks = (count: number) =>
		Array.from({ length: count }, (_, rack) => ({
			...(steady(START, START + FIVE)[0] as IntervalSums),
			label: `R${rack}`,
			isGpu: false,
			tierSeconds: 300,
		}));
	const ask = (count: number) => {
		const store = { ...storeOf([], []), fleetSums: async () => racks(count) } as SeriesStore;
		return moneyAnswer(store, new InputBook(() => []), {
			from: START,
			to: START + 60 * DAY,
			stepSeconds: 300,
			now: START + 90 * DAY,
			siteOverheadRatio: 1,
			timeZone: "UTC",
			by: "rack",
		});
	};

	it("of 24 × 17,280 points is refused with what to ask for instead; one of 23 is given", async () => {
		expect(await ask(24)).toMatchObject({
			ok: false,
			failure: {
				code: "QUERY_REFUSED",
				what: "24 groups of 17280 points are more than 400000 points; ask for a longer step or a shorter range.",
			},
		});
		expect(await ask(23)).toMatchObject({ ok: true });
	});
});
