/** A store in a temporary folder, fed with example records: takes outcomes, gives what it knows and what it sealed. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Columns, DeviceState } from "../../../collector/store/device-state.js";
import type { IncomingRecord } from "../../../collector/store/incoming.js";
import { type CommitResult, Store } from "../../../collector/store/store.js";
import { type Clock, realClock } from "../../../shared/clock.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import type { DeviceDefinition } from "../../../shared/wire/definition.js";
import { definitionsOf, EPOCH, type ExampleOutcome, exampleRecord } from "../../shared/wire/examples.js";

/** 2026-11-22, 12:00 UTC: the middle of a day and the start of an hour. */
export const NOON = Date.UTC(2026, 10, 22, 12);
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

const POWER = { hostOverheadRatio: 1.2, hostOverheadWatts: 0 };

export function openStore(
	folder: string,
	more: { now?: () => number; maxDevices?: number } = {},
): Promise<Store> {
	const { now } = more;
	const clock: Clock =
		now === undefined ? realClock : { ...realClock, now: () => quantity<UnixMilliseconds>(now()) };
	return Store.open({ folder, clock, maxDevices: more.maxDevices ?? 1_000, power: POWER });
}

export type Arrival = {
	readonly sequence: number;
	readonly wall: number;
	readonly outcomes: readonly ExampleOutcome[];
	readonly agent?: string;
	readonly site?: string;
	readonly epoch?: string;
	/** When it came; the moment of its making where absent. */
	readonly receivedAt?: number;
	readonly offset?: number;
	readonly bytes?: Buffer;
};

export function incoming(arrival: Arrival): IncomingRecord {
	const { sequence, wall, outcomes, agent = "agent-1", site = "austin", epoch = EPOCH, offset = 0 } = arrival;
	const bytes = arrival.bytes ?? exampleRecord(wall, outcomes);
	return { agent, site, epoch, sequence, receivedAt: arrival.receivedAt ?? wall, offset, bytes };
}

export function arrive(store: Store, arrivals: readonly Arrival[]): Promise<readonly CommitResult[]> {
	for (const { outcomes } of arrivals) {
		const devices: DeviceDefinition[] = outcomes.map(({ device }) => device);
		for (const { hash, text, definition } of definitionsOf(devices)) store.define(hash, text, definition);
	}
	return store.commit(arrivals.map(incoming));
}

export type Row = { readonly at: number } & Readonly<Record<string, number>>;

/** Everything that the store has of a device in [from, to), row by row, without absences. */
export async function rowsOf(
	store: Store,
	deviceNumber: number,
	from = NOON - 30 * HOUR,
	to = NOON + 30 * HOUR,
) {
	const rows: Row[] = [];
	const range = { from: quantity<UnixMilliseconds>(from), to: quantity<UnixMilliseconds>(to) };
	for await (const piece of store.select({ deviceNumber, ...range })) rows.push(...rowsIn(piece));
	return rows;
}

function rowsIn({ columns, times, values }: Columns): readonly Row[] {
	return Array.from(times, (at, row) => {
		const own = columns.flatMap(({ measurement }, index) => {
			const value = values[index]?.[row];
			return value === undefined || Number.isNaN(value) ? [] : [[measurement, value] as const];
		});
		return { at, ...Object.fromEntries(own) };
	});
}

export function deviceNamed(store: Store, key: string): DeviceState {
	const found = store.devices().get(key);
	if (found === undefined)
		throw new Error(`no device ${key} among ${[...store.devices().keys()].join(", ")}`);
	return found;
}

/** The present as plain data, to be compared. */
export function present(store: Store): unknown {
	return [...store.devices().values()]
		.map(({ latest, ...state }) => ({
			...structuredClone(state),
			latest:
				latest === undefined
					? undefined
					: { at: latest.at, shape: latest.shape.hash, values: [...latest.values] },
		}))
		.sort((a, b) => a.number - b.number);
}

/** Waits until something holds, or gives up with what it found last. */
export async function until<Value>(
	find: () => Value,
	holds: (value: Value) => boolean,
	mostSeconds = 10,
): Promise<Value> {
	const end = performance.now() + mostSeconds * 1_000;
	for (;;) {
		const value = find();
		if (holds(value)) return value;
		if (performance.now() > end)
			throw new Error(`not within ${mostSeconds} s; last: ${JSON.stringify(value)}`);
		await sleep(5);
	}
}
