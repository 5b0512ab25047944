/**
 * A store as a process of its own that kills itself at a fail-point: `open FOLDER POINT PASSES` opens it;
 * `fill` commits the stream one record after another, seals and merges on the way and says each number once it is
 * acknowledged; `drop` removes the stream's first day; `join` reads a board after the stream, says something of it, and joins it
 * to the first machine.
 */
import process from "node:process";
import { inventoryDesk } from "../../collector/inventory/desk.js";
import { FAIL_POINTS, type FailPoint } from "../../collector/store/fail-point.js";
import { Store } from "../../collector/store/store.js";
import { realClock } from "../../shared/clock.js";
import { definitionsOf, EPOCH, exampleRecord } from "../shared/wire/examples.js";
import {
	KEPT_BOARD,
	KEPT_BOARD_AT,
	KEPT_DEVICES,
	KEPT_RECORDS,
	keptAt,
	keptOutcomes,
	SECOND_DAY,
} from "./kept-stream.js";

const POWER = { hostOverheadRatio: 1.2, hostOverheadWatts: 0 };
const SEAL_EVERY = 20;
const MERGE_EVERY = 50;

const [role, folder = "", at = "", passes = "0"] = process.argv.slice(2);
const point = (FAIL_POINTS as readonly string[]).includes(at) ? (at as FailPoint) : undefined;
const store = await Store.open({
	folder,
	clock: realClock,
	maxDevices: 1_000,
	power: POWER,
	...(point === undefined ? {} : { failPoint: { at: point, passes: Number(passes) } }),
});

if (role === "fill") {
	for (const { hash, text, definition } of definitionsOf(KEPT_DEVICES)) store.define(hash, text, definition);
	const { base } = store.settledOf("agent-1", EPOCH);
	for (let number = base + 1; number <= KEPT_RECORDS; number += 1) {
		const receivedAt = keptAt(number);
		const bytes = exampleRecord(receivedAt, keptOutcomes(number));
		const origin = { agent: "agent-1", site: "austin", epoch: EPOCH, offset: 0 };
		await store.commit([{ ...origin, sequence: number, receivedAt, bytes }]);
		process.stdout.write(`acknowledged ${number}\n`);
		if (number % SEAL_EVERY === 0) await store.seal({ all: true });
		if (number % MERGE_EVERY === 0) await store.merge();
	}
	await store.seal({ all: true });
	await store.merge();
}
if (role === "drop") await store.retention.dropBefore({ raw: SECOND_DAY });
if (role === "join") {
	for (const { hash, text, definition } of definitionsOf([KEPT_BOARD])) store.define(hash, text, definition);
	const bytes = exampleRecord(KEPT_BOARD_AT, [{ device: KEPT_BOARD, terahashesPerSecond: 7, watts: 7 }]);
	const origin = { agent: "agent-1", site: "austin", epoch: EPOCH, offset: 0 };
	await store.commit([{ ...origin, sequence: KEPT_RECORDS + 1, receivedAt: KEPT_BOARD_AT, bytes }]);
	const said = {
		kind: "device",
		key: "B1",
		validFrom: KEPT_BOARD_AT,
		name: "Bert",
		intent: "in-service",
	} as const;
	await store.putInventory(new Map([["device B1", [said]]]));
	const untold = { onImported: () => undefined, onReplaced: () => undefined };
	const desk = inventoryDesk({ store, clock: realClock, ...untold });
	process.stdout.write(`${JSON.stringify(await desk.replace('{"device":"S0","by":"B1"}', false))}\n`);
}
await store.close();
