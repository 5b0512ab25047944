/** The readings of many devices in one question: sealed in rows, in parts beside them, and not sealed yet. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DevicesQuery } from "../../../collector/store/device-state.js";
import type { Store } from "../../../collector/store/store.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { deviceAt } from "../../shared/wire/examples.js";
import { type Arrival, arrive, deviceNamed, HOUR, MINUTE, NOON, openStore, SECOND } from "./example-store.js";

/** Three rows an hour. */
const DEVICES = Array.from({ length: 40 }, (_, place) =>
	deviceAt(`10.0.0.${place + 1}:4028`, { serial: `S${place}` }),
);
const MINUTES = 200;
const LATE_AT = NOON + 90 * MINUTE + SECOND;
const LATE_PLACE = 20;
const WATTS = [{ measurement: "powerWatts" }];

let folder = "";
let store: Store;
let placeOf: ReadonlyMap<number, number>;

function wattsAt(place: number, at: number): number {
	return place * 1_000 + (at - NOON) / MINUTE;
}

const steps = (from: number, to: number): readonly Arrival[] =>
	Array.from({ length: to - from }, (_, index) => {
		const wall = NOON + (from + index) * MINUTE;
		const outcomes = DEVICES.map((device, place) => ({
			device,
			watts: wattsAt(place, wall),
			terahashesPerSecond: place % 2 === 0 ? place : Number.NaN,
		}));
		return { sequence: from + index + 1, wall, outcomes };
	});

beforeAll(async () => {
	folder = mkdtempSync(path.join(tmpdir(), "select-devices-"));
	store = await openStore(folder, { now: () => NOON + 3 * HOUR + 20 * MINUTE });
	await arrive(store, steps(0, 180));
	await store.seal({ all: true });
	const late = { device: DEVICES[LATE_PLACE] ?? deviceAt(""), terahashesPerSecond: 1, watts: 7 };
	await arrive(store, [{ sequence: 1_000, wall: LATE_AT, outcomes: [late] }]);
	await store.seal({ all: true });
	await arrive(store, steps(180, MINUTES));
	const places = DEVICES.map((_, place) => [deviceNamed(store, `S${place}`).number, place] as const);
	placeOf = new Map(places);
}, 60_000);
afterAll(async () => {
	await store.close();
	rmSync(folder, { recursive: true, force: true });
});

/** Watts by place, "minute watts" each. */
async function wattsOf(
	query: Partial<Pick<DevicesQuery, "deviceNumbers" | "columns">> & {
		readonly from: number;
		readonly to: number;
	},
) {
	const found = new Map<number, string[]>();
	const deviceNumbers = query.deviceNumbers ?? [...placeOf.keys()].sort((one, other) => one - other);
	const range = {
		from: quantity<UnixMilliseconds>(query.from),
		to: quantity<UnixMilliseconds>(query.to),
	};
	for await (const { deviceNumber, columns, times, values } of store.selectDevices({
		...query,
		deviceNumbers,
		...range,
	})) {
		const index = columns.findIndex(({ measurement }) => measurement === "powerWatts");
		const place = placeOf.get(deviceNumber) ?? -1;
		const own = found.get(place) ?? [];
		for (const [row, at] of times.entries()) own.push(`${at - NOON} ${values[index]?.[row]}`);
		found.set(place, own);
	}
	return found;
}

function expected(from: number, to: number, places = DEVICES.map((_, place) => place)) {
	return new Map(
		places.map((place) => {
			const times = Array.from({ length: MINUTES }, (_, minute) => NOON + minute * MINUTE);
			const all = times.map((at) => ({ at, watts: wattsAt(place, at) }));
			if (place === LATE_PLACE) all.push({ at: LATE_AT, watts: 7 });
			const own = all.filter(({ at }) => at >= from && at < to).sort((one, other) => one.at - other.at);
			return [place, own.map(({ at, watts }) => `${at - NOON} ${watts}`)];
		}),
	);
}

describe("readings of many devices", () => {
	it.each([
		["all there is", NOON - HOUR, NOON + 10 * HOUR],
		["whole hours", NOON, NOON + 2 * HOUR],
		["a cut of hours", NOON + 10 * MINUTE, NOON + 130 * MINUTE],
		["a moment that is not sealed", NOON + 181 * MINUTE, NOON + 182 * MINUTE],
	])("are each device's own, in order of time: %s", async (_, from, to) => {
		expect(await wattsOf({ from, to })).toEqual(expected(from, to));
	});

	it("are of those that were asked for, and of the columns that were", async () => {
		const places = [3, 17, LATE_PLACE, 39];
		const numbers = [...placeOf].filter(([, place]) => places.includes(place)).map(([number]) => number);
		const deviceNumbers = numbers.sort((one, other) => one - other);
		const range = { from: NOON, to: NOON + 4 * HOUR };
		expect(await wattsOf({ deviceNumbers, columns: WATTS, ...range })).toEqual(
			expected(range.from, range.to, places),
		);
		const [from, to] = [quantity<UnixMilliseconds>(range.from), quantity<UnixMilliseconds>(range.to)];
		for await (const piece of store.selectDevices({ deviceNumbers, columns: WATTS, from, to }))
			expect(piece.columns.map(({ measurement }) => measurement)).toEqual(["powerWatts"]);
	});
});
