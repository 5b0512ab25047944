/**
 * Money from readings that wait, from sealed hours, and from each tier of the real store is the same money, to 1e-9,
 * over random fleets, gaps, failures, hours that come late, prices that change and prices that are restated.
 *
 * Readings come at odd milliseconds, in tenths of a watt and thousandths of a terahash per second. What it is held
 * against is worked out here from the readings alone. Beside miners a host is paid by the token while tokens have a
 * price, and by GPU-hours else: its counter restarts, and its price comes and goes.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { usdPerGpuHour, usdPerTerahash } from "../../../../collector/derive/revenue.js";
import type { MoneyAnswer } from "../../../../collector/expose/money-answers.js";
import type { StoredInput } from "../../../../collector/store/device-state.js";
import { INPUT_VALUES, ms, storedInput } from "../fleet-fixture.js";
import { FIVE_MINUTES, HOUR, recordedSite, type Said, type SiteDevice } from "../recorded-site.js";

/** Chicago's midnight is six hours after that of UTC: the site's days are made of two days of the tiers. */
const START = Date.parse("2026-11-02T18:00:00-06:00");
const HOURS = 31;
const END = START + HOURS * HOUR;
const SLOTS = (HOURS * HOUR) / FIVE_MINUTES;
const HOLD = 3 * FIVE_MINUTES;
const OVERHEAD = 1.05;

const CHAIN: readonly StoredInput[] = Object.entries(INPUT_VALUES)
	.filter(([name]) => name !== "powerPriceUsdPerMegawattHour")
	.map(([name, value]) =>
		storedInput(name, value, { validFrom: ms(0), observedAt: ms(START), knownFrom: ms(0) }),
	);

type Price = {
	readonly value: number;
	readonly from: number;
	readonly to: number;
	readonly knownFrom: number;
};

const priceRow = ({ value, from, to, knownFrom }: Price): StoredInput =>
	storedInput("powerPriceUsdPerMegawattHour", value, {
		unit: "USD/MWh",
		validFrom: ms(from),
		validTo: ms(to),
		knownFrom: ms(knownFrom),
		quality: "final",
	});

/** A run of readings of one kind: so many polls, and what was said. */
const stretch = fc.record({
	polls: fc.integer({ min: 1, max: 150 }),
	said: fc.oneof(
		{
			weight: 4,
			arbitrary: fc.record({
				terahashes: fc.integer({ min: 0, max: 100_000 }).map((thousandths) => thousandths / 1_000),
				watts: fc.integer({ min: 6_000, max: 60_000 }).map((tenths) => tenths / 10),
			}),
		},
		{ weight: 1, arbitrary: fc.constant({ failed: "DEVICE_TIMEOUT" }) },
		{ weight: 1, arbitrary: fc.constant(undefined) },
	),
});
const deviceOf = fc.array(stretch, { minLength: 2, maxLength: 7 });
const change = fc.record({
	slot: fc.nat(SLOTS - 1),
	slots: fc.integer({ min: 1, max: 40 }),
	value: fc.integer({ min: -200, max: 3_000 }),
});

function saysOf(stretches: readonly { polls: number; said: Said | undefined }[]) {
	const slots: (Said | undefined)[] = stretches.flatMap(({ polls, said }) => new Array(polls).fill(said));
	return (at: number) => slots[Math.round((at - START) / FIVE_MINUTES)];
}

/** What a host's counter rose by at each poll; below zero it began anew. */
const rises = fc.array(fc.integer({ min: -3, max: 9_000_000 }), { minLength: 1, maxLength: 40 });
type Counted = { readonly tokens: number; readonly served: number };

function counterOf(given: readonly number[]): readonly Counted[] {
	let tokens = 1_000_000;
	return Array.from({ length: SLOTS }, (_, slot) => {
		const [before, rise] = [tokens, given[slot % given.length] ?? 0];
		tokens = rise < 0 ? -rise : tokens + rise;
		const since = tokens < before ? tokens : tokens - before;
		return { tokens, served: slot === 0 ? 0 : since };
	});
}
const HOST = { gpus: 8, watts: 8_123.4 };
const tokenRows = (
	price: { usd: number; from: number; slots: number } | undefined,
): readonly StoredInput[] =>
	price === undefined
		? []
		: [
				storedInput("usdPerMillionTokens", price.usd, {
					unit: "USD",
					validFrom: ms(START + price.from * FIVE_MINUTES),
					validTo: ms(START + (price.from + price.slots) * FIVE_MINUTES),
					knownFrom: ms(START),
					quality: "final",
				}),
			];
const tokenPrice = fc.record({
	usd: fc.integer({ min: 0, max: 900 }).map((cents) => cents / 100),
	from: fc.nat(SLOTS - 1),
	slots: fc.integer({ min: 1, max: SLOTS }),
});

/** Dollars of the host: by what was read in an interval, or by its GPU-hours where tokens have no price in it. */
function hostUsd(
	counter: readonly Counted[],
	late: (at: number) => number,
	priceIn: (slot: number) => number | undefined,
): { readonly byTokens: number; readonly byHours: number } {
	let [byTokens, byHours] = [0, 0];
	const times = counter.map((_, slot) => START + slot * FIVE_MINUTES + late(START + slot * FIVE_MINUTES));
	for (const [slot, { served }] of counter.entries()) {
		byTokens += ((priceIn(slot) ?? 0) * served) / 1e6;
		const until = Math.min((times[slot] ?? 0) + HOLD, times[slot + 1] ?? Number.POSITIVE_INFINITY);
		for (let from = times[slot] ?? 0; from < until; ) {
			const own = Math.floor((from - START) / FIVE_MINUTES);
			const to = Math.min(until, START + (own + 1) * FIVE_MINUTES);
			if (priceIn(own) === undefined)
				byHours += (HOST.gpus * (usdPerGpuHour(INPUT_VALUES) ?? 0) * (to - from)) / HOUR;
			from = to;
		}
	}
	return { byTokens, byHours };
}

/** When a device's answers came, in milliseconds after the beginning of each five minutes: odd ones. */
const lateness = fc.array(fc.integer({ min: 0, max: FIVE_MINUTES - 1 }), { minLength: 1, maxLength: 40 });
const lateOf = (given: readonly number[]) => (at: number) =>
	given[Math.round((at - START) / FIVE_MINUTES) % given.length] ?? 0;

/** Joules and terahashes of each five minutes, from readings that hold to the next, for fifteen minutes at most. */
function workOf({ says, late }: { says: (at: number) => Said | undefined; late: (at: number) => number }) {
	const slots = Array.from({ length: SLOTS + 4 }, () => ({ joules: 0, terahashes: 0 }));
	const readings = Array.from({ length: SLOTS }, (_, slot) => START + slot * FIVE_MINUTES).flatMap((at) => {
		const said = says(at);
		if (said === undefined || "failed" in said) return [];
		return [{ watts: said.watts, terahashes: "terahashes" in said ? said.terahashes : 0, at: at + late(at) }];
	});
	for (const [index, { at, watts, terahashes }] of readings.entries()) {
		const until = Math.min(at + HOLD, readings[index + 1]?.at ?? Number.POSITIVE_INFINITY);
		for (let from = at; from < until; ) {
			const slot = Math.floor((from - START) / FIVE_MINUTES);
			const to = Math.min(until, START + (slot + 1) * FIVE_MINUTES);
			const into = slots[slot];
			if (into !== undefined) {
				into.joules += (watts * (to - from)) / 1_000;
				into.terahashes += (terahashes * (to - from)) / 1_000;
			}
			from = to;
		}
	}
	return slots;
}

function expected(fleet: readonly ReturnType<typeof workOf>[], prices: readonly Price[], knownAt: number) {
	const usd = usdPerTerahash(INPUT_VALUES) ?? 0;
	let [gross, cost] = [0, 0];
	for (let slot = 0; slot < SLOTS + 4; slot += 1) {
		const at = START + slot * FIVE_MINUTES;
		const held = prices
			.filter(({ from, to, knownFrom }) => from <= at && at < to && knownFrom <= knownAt)
			.sort((one, other) => one.knownFrom - other.knownFrom)
			.at(-1);
		for (const slots of fleet) {
			gross += (slots[slot]?.terahashes ?? 0) * usd;
			cost += (((slots[slot]?.joules ?? 0) * OVERHEAD) / 3.6e9) * (held?.value ?? 0);
		}
	}
	return { gross, cost };
}

const near = (found: number | undefined, wanted: number) =>
	expect(Math.abs((found ?? 0) - wanted)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(wanted)));

it("is the same from what waits, from hours, five minutes and days, as known then and as restated since", async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(fc.tuple(deviceOf, lateness), { minLength: 1, maxLength: 4 }),
			fc.array(change, { maxLength: 8 }),
			fc.array(fc.nat(HOURS - 1), { maxLength: 6 }),
			fc.tuple(rises, lateness, fc.option(tokenPrice, { nil: undefined })),
			async (fleet, changes, lateHours, [counts, hostLate, ofTokens]) => {
				const said = fleet.map(([stretches, given]) => ({ says: saysOf(stretches), late: lateOf(given) }));
				const prices: readonly Price[] = [
					{ value: 45, from: START, to: END + HOUR, knownFrom: START },
					...changes.map(({ slot, slots, value }, index) => ({
						value,
						from: START + slot * FIVE_MINUTES,
						to: START + (slot + slots) * FIVE_MINUTES,
						// Every other one is known late only.
						knownFrom: index % 2 === 0 ? START + 1 + index : END + HOUR + index,
					})),
				];
				const devices = said.map(
					(own, index): SiteDevice => ({
						description: {
							endpoint: `10.0.1.${index}`,
							serial: `D${index}`,
							model: `M${index % 2}`,
							rack: "R1",
						},
						...own,
					}),
				);
				const counter = counterOf(counts);
				devices.push({
					description: { endpoint: "10.0.1.99", serial: "H1", model: "M0", rack: "R1", kind: "gpu-host" },
					says: (at) => {
						const tokens = counter[Math.round((at - START) / FIVE_MINUTES)]?.tokens;
						return tokens === undefined ? undefined : { ...HOST, tokens };
					},
					late: lateOf(hostLate),
				});
				const priceIn = (slot: number) =>
					ofTokens !== undefined && slot >= ofTokens.from && slot < ofTokens.from + ofTokens.slots
						? ofTokens.usd
						: undefined;
				const host = hostUsd(counter, lateOf(hostLate), priceIn);
				const late = new Set(lateHours.map((hour) => START + hour * HOUR));
				const site = await recordedSite({
					from: START,
					to: END,
					now: END + 2 * HOUR,
					devices,
					inputs: [...CHAIN, ...prices.map(priceRow), ...tokenRows(ofTokens)],
					isLate: (at) => late.has(at),
				});
				expect(
					(await site.inventory(`device,use,validFrom\nH1,tokens,${new Date(START).toISOString()}\n`))
						.refusedRows,
				).toBe(0);
				const work = [...said, { says: () => HOST, late: lateOf(hostLate) }].map(workOf);
				const [then, now] = [END, Number.POSITIVE_INFINITY];
				/** Whatever steps and tiers it is made of. */
				const lost = new Map<string, number>();
				const check = async () => {
					for (const [knownAt, at] of [
						[then, `&knownAt=${then}`],
						[now, ""],
					] as const) {
						const wanted = expected(work, prices, knownAt);
						for (const step of [300, 3_600, 86_400]) {
							const span = `from=${START}&to=${END + HOUR}&step=${step}`;
							const { total } = await site.get<MoneyAnswer>(`/money?${span}${at}`);
							near(total.grossUsd, wanted.gross + host.byTokens + host.byHours);
							near(total.tokenUsd, host.byTokens);
							near(
								total.generatedTokens,
								counter.reduce((sum, { served }) => sum + served, 0),
							);
							near(total.powerCostUsd, wanted.cost);
							const { lostOfflineUsd = 0 } = total;
							near(lostOfflineUsd, lost.get(at) ?? lostOfflineUsd);
							lost.set(at, lostOfflineUsd);
						}
					}
				};
				await site.store.seal();
				site.setNow(END + 30 * HOUR);
				await site.late();
				await check();
				await site.close();
				await check();
			},
		),
		{ numRuns: 6, endOnFailure: true },
	);
});
