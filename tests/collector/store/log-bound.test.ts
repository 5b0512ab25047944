/** SQLite's write-ahead log grows for as long as somebody reads the state before: here nobody can hold it. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { deviceAt, exampleRecord, randomOf } from "../../shared/wire/examples.js";
import { arrive, HOUR, MINUTE, NOON, openStore } from "./example-store.js";

const MEBIBYTE = 1_024 * 1_024;
const DEVICE = deviceAt("10.0.0.1:80", { serial: "S1", pollIntervalSeconds: 60 });
const WRITTEN = 120 * MEBIBYTE;
const RECORD = 255 * 1_024;

let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "log-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Of a kind that nobody knows: stored as it is. */
function opaque(random: () => number): Buffer {
	const good = exampleRecord(NOON, [{ device: DEVICE, terahashesPerSecond: 1, watts: 1 }]);
	const bytes = Buffer.concat([good, Buffer.alloc(RECORD - good.length, Math.floor(random() * 256))]);
	bytes.writeUInt8(9, 1);
	bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
	return bytes;
}

describe("the log of fleetwatt.db", () => {
	it("is never longer than 64 MiB, though two readers stand in the middle of the past while 120 MiB are stored", async () => {
		const random = randomOf(7);
		const store = await openStore(folder, { now: () => NOON + 2 * HOUR });
		let sequence = 0;
		for (; sequence < 30; sequence += 1) {
			const outcomes = [{ device: DEVICE, terahashesPerSecond: 1, watts: 3_000 }];
			await arrive(store, [{ sequence: sequence + 1, wall: NOON + sequence * MINUTE, outcomes }]);
			if (sequence === 15) await store.seal({ all: true });
		}
		const range = { from: quantity<UnixMilliseconds>(NOON), to: quantity<UnixMilliseconds>(NOON + HOUR) };
		const reading = [1, 2].map(() => store.select({ deviceNumber: 1, ...range })[Symbol.asyncIterator]());
		for (const one of reading) expect((await one.next()).done).toBe(false);
		let longest = 0;
		for (let written = 0; written < WRITTEN; written += RECORD) {
			sequence += 1;
			const [result] = await arrive(store, [
				{ sequence, wall: NOON + HOUR, outcomes: [], bytes: opaque(random) },
			]);
			expect(result?.rejected).toBeUndefined();
			longest = Math.max(longest, statSync(path.join(folder, "fleetwatt.db-wal")).size);
		}
		expect(longest).toBeGreaterThan(32 * MEBIBYTE);
		expect(longest).toBeLessThanOrEqual(64 * MEBIBYTE);
		for (const one of reading) await one.return?.();
		await store.close();
	}, 60_000);
});
