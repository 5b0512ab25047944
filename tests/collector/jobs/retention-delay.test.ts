import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { retentionInForce } from "../../../collector/commands/retention-file.js";

const HOUR = 3_600_000;
const LONG = { rawDays: 30, oneMinuteDays: 90, fiveMinuteDays: 400, hourDays: 3_650, dayDays: 3_650 };

let folder = "";
let now = 1_800_000_000_000;
const told: number[] = [];
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "retention-"));
	told.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As a collector that was started with it. */
const started = (wished: typeof LONG) =>
	retentionInForce({ folder, wished, now: () => now, told: (until) => told.push(until) });

describe("a retention that the configuration shortens from 30 days to 3", () => {
	it("is in force after a day, over restarts, and is told of once a start", () => {
		expect(started(LONG)()).toEqual(LONG);
		const at = now;
		const short = started({ ...LONG, rawDays: 3 });
		expect([short(), short()]).toEqual([LONG, LONG]);
		expect(told).toEqual([at + 24 * HOUR]);
		now += 23 * HOUR;
		expect(started({ ...LONG, rawDays: 3 })().rawDays).toBe(30);
		now += HOUR;
		expect(started({ ...LONG, rawDays: 3 })().rawDays).toBe(3);
	});

	it("is never in force where it is put right within the day; another mistake later has a day of its own", () => {
		started(LONG)();
		started({ ...LONG, rawDays: 3 })();
		now += 20 * HOUR;
		expect(started(LONG)()).toEqual(LONG);
		started({ ...LONG, rawDays: 3 })();
		now += 10 * HOUR;
		expect(started({ ...LONG, rawDays: 3 })().rawDays).toBe(30);
	});

	it("holds at once at the first start, and where longer is kept", () => {
		expect(started({ ...LONG, rawDays: 3 })().rawDays).toBe(3);
		expect(started(LONG)()).toEqual(LONG);
		expect(told).toEqual([]);
	});

	it("is in force where nobody can read what was kept before", () => {
		writeFileSync(path.join(folder, "retention.json"), "{");
		expect(started(LONG)()).toEqual(LONG);
	});
});
