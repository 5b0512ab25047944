/** Hours that become due while others are sealed: no record may come afterwards that says so again. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { expect, it } from "vitest";
import { deviceAt } from "../../shared/wire/examples.js";
import { type Arrival, arrive, HOUR, MINUTE, NOON, openStore } from "./example-store.js";

/** So many that their hour takes the storage worker several slices. */
const DEVICES = Array.from({ length: 1_500 }, (_, index) =>
	deviceAt(`10.0.${index >> 8}.${index & 255}:80`, { serial: `S${index}`, pollIntervalSeconds: 60 }),
);
const STILL_MILLISECONDS = 3_000;
const KEYS_PER_HOUR = 2 ** 24;

function minutes(from: number, to: number): readonly Arrival[] {
	return Array.from({ length: to - from }, (_, index) => ({
		sequence: from + index + 1,
		wall: NOON + (from + index) * MINUTE,
		outcomes: DEVICES.map((device) => ({ device, terahashesPerSecond: 100, watts: 3_000 + index })),
	}));
}

/** Hours of the day of which rows are in the day files. */
function sealedHours(folder: string): readonly number[] {
	const hours = new Set<number>();
	for (const name of readdirSync(folder).filter((one) => /^raw-.*\.db$/.test(one))) {
		const file = new Database(path.join(folder, name), { readonly: true });
		for (const key of file.prepare("SELECT key FROM hours").pluck().all())
			hours.add(Math.floor(Number(key) / KEYS_PER_HOUR));
		file.close();
	}
	return [...hours].sort((one, other) => one - other);
}

function storedBytes(folder: string): number {
	const files = readdirSync(folder).filter((one) => /^raw-.*\.db$/.test(one));
	return files.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
}

/** The store holds its files locked: that it seals no more is seen by their sizes. */
async function untilStill(read: () => number): Promise<void> {
	for (let since = performance.now(), last = read(); performance.now() - since < STILL_MILLISECONDS; ) {
		await sleep(50);
		const now = read();
		if (now !== last) since = performance.now();
		last = now;
	}
}

it("seals by itself an hour that became due while the one before was sealed", async () => {
	const folder = mkdtempSync(path.join(tmpdir(), "due-"));
	const store = await openStore(folder, { now: () => NOON + 3 * HOUR });
	await arrive(store, minutes(0, 1));
	// With the copy made, the sealing begins at once.
	await store.seal();
	await arrive(store, minutes(1, 60));
	await arrive(store, minutes(60, 66));
	await arrive(store, minutes(66, 126));
	await untilStill(() => storedBytes(folder));
	await store.close();
	expect(sealedHours(folder)).toEqual([12, 13]);
	rmSync(folder, { recursive: true });
}, 120_000);
