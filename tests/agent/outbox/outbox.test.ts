import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { getuid } from "node:process";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Appended, Outbox, WAITING_BYTES_MOST } from "../../../agent/outbox/outbox.js";
import { decodeRecord } from "../../../shared/wire/record.js";
import { deviceAt, exampleRecord, timeAt } from "../../shared/wire/examples.js";

const AT = 1_800_000_000_000;
const LIMITS = { maxBytes: 64 * 1_024 * 1_024, maxDays: 14 };
const MEBIBYTE = 1_024 * 1_024;

let folder = "";
let isMounted = false;
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "outbox-"));
});
afterEach(() => {
	if (isMounted) execFileSync("umount", ["-l", folder]);
	isMounted = false;
	rmSync(folder, { recursive: true, force: true });
});

function mountedSmall(): boolean {
	if (getuid?.() !== 0) return false;
	try {
		execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "none", folder], { stdio: "ignore" });
		isMounted = true;
	} catch {
		return false;
	}
	return true;
}

function record(index: number, bytes?: Buffer) {
	const outcomes = [{ device: deviceAt("10.0.0.1:80"), terahashesPerSecond: index, watts: 1 }];
	return { bytes: bytes ?? exampleRecord(AT + index, outcomes), outcomes: 1, time: timeAt(AT + index) };
}

async function opened() {
	const appended: Appended[] = [];
	const failed: string[] = [];
	const outbox = await Outbox.open({
		folder,
		limits: LIMITS,
		events: { onAppended: (one) => appended.push(one), onWriteFailed: (what) => failed.push(what) },
	});
	return { outbox, appended, failed };
}

describe("the outbox", () => {
	it("tells of records once they are on disk, in order, without a hole", async () => {
		const { outbox, appended } = await opened();
		for (let index = 0; index < 100; index += 1) outbox.append(record(index), []);
		await vi.waitFor(() => expect(outbox.state.head).toBe(100));
		let next = 1;
		for (const { first, records } of appended) {
			expect(first).toBe(next);
			next += records.length;
		}
		expect(next).toBe(101);
		expect(outbox.bytesWaiting).toBe(0);
		const read = await outbox.read({ from: 1, to: 100, mostBytes: 1e9 });
		expect(read.map(({ bytes }) => bytes)).toEqual(appended.flatMap(({ records }) => records));
		await outbox.settle({ base: 100, ranges: [] });
		expect(outbox.state).toMatchObject({ tail: 1, head: 100, records: 0 });
		await outbox.close();
	});

	it("writes what was appended before it closes", async () => {
		const first = await opened();
		for (let index = 0; index < 10; index += 1) first.outbox.append(record(index), []);
		await first.outbox.close();
		const second = await opened();
		expect(second.outbox.state).toMatchObject({ head: 10, records: 10 });
		await second.outbox.close();
	});

	it("that another thread has open is refused with SQLITE_BUSY", async () => {
		const { outbox } = await opened();
		await expect(opened()).rejects.toMatchObject({ code: "SQLITE_BUSY" });
		await outbox.close();
	});

	it("keeps records in memory while the disk is full, counts what does not fit, and writes all when it accepts again", async ({
		skip,
	}) => {
		if (!mountedSmall()) skip("A full disk needs root and tmpfs: not tested here.");
		const { outbox, appended, failed } = await opened();
		expect(() => writeFileSync(path.join(folder, "ballast"), Buffer.alloc(4 * MEBIBYTE))).toThrow("ENOSPC");
		const large = record(0, Buffer.alloc(200 * 1_024, 7));
		const count = 100;
		for (let index = 0; index < count; index += 1) outbox.append(large, []);
		await vi.waitFor(() => expect(failed.length).toBeGreaterThan(0));
		const before = outbox.state;
		expect(outbox.bytesWaiting).toBeLessThanOrEqual(WAITING_BYTES_MOST);
		const kept = Math.floor(WAITING_BYTES_MOST / large.bytes.length);
		expect(before.records).toBe(0);
		execFileSync("mount", ["-o", "remount,size=64m", folder]);
		outbox.append(large, []);
		await vi.waitFor(() => expect(outbox.bytesWaiting).toBe(0), { timeout: 10_000 });
		const [gap] = appended[0]?.records ?? [];
		const told = gap === undefined ? undefined : decodeRecord(gap, () => undefined);
		const lost = count + 1 - kept;
		expect(told?.ok && told.record.kind === "gap" && told.record.gap).toMatchObject({
			reason: "disk_error",
			outcomes: lost,
		});
		expect(outbox.state).toMatchObject({ records: kept + 1, outcomesDropped: 0 });
		// The gap is told once.
		outbox.append(large, []);
		await vi.waitFor(() => expect(outbox.bytesWaiting).toBe(0), { timeout: 10_000 });
		expect(outbox.state.records).toBe(kept + 2);
		await outbox.close();
	});
});
