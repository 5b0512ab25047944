import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unpack } from "../../../collector/store/pack.js";
import type { Store } from "../../../collector/store/store.js";
import { failure } from "../../../shared/failures.js";
import { encodeGap } from "../../../shared/wire/record.js";
import { deviceAt, EPOCH, randomOf, timeAt } from "../../shared/wire/examples.js";
import {
	type Arrival,
	arrive,
	deviceNamed,
	HOUR,
	incoming,
	MINUTE,
	NOON,
	openStore,
	present,
	rowsOf,
	SECOND,
} from "./example-store.js";

let folder = "";
let store: Store | undefined;
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "store-"));
});
afterEach(async () => {
	await store?.close();
	store = undefined;
	rmSync(folder, { recursive: true, force: true });
});

async function opened(more: Parameters<typeof openStore>[1] = {}): Promise<Store> {
	await store?.close();
	store = await openStore(folder, { now: () => NOON, ...more });
	return store;
}

const A = deviceAt("10.0.0.1:80", { serial: "A1" });
const B = deviceAt("10.0.0.2:80", { serial: "B1" });

/** Five-second readings of two devices, where each seventh poll of A fails. */
function stream(count: number, from = NOON - HOUR): Arrival[] {
	return Array.from({ length: count }, (_, index) => ({
		sequence: index + 1,
		wall: from + index * 5 * SECOND,
		outcomes: [
			index % 7 === 6
				? { device: A, code: "DEVICE_TIMEOUT" }
				: { device: A, terahashesPerSecond: 100 + index / 8, watts: 3_000 + index },
			{ device: B, terahashesPerSecond: 50, watts: 1_500, before: 250 },
		],
	}));
}

function expectedRows(arrivals: readonly Arrival[], place: 0 | 1) {
	return arrivals.map(({ wall, outcomes }) => {
		const one = outcomes[place];
		const at = wall - (one?.before ?? 0);
		if (one === undefined || "code" in one) return { at, pollResult: 4 };
		return { at, hashrateTerahashesPerSecond: one.terahashesPerSecond, powerWatts: one.watts, pollResult: 0 };
	});
}

describe("what was sent", () => {
	it("comes back from sealed and unsealed time, failed polls too, each once", async () => {
		const arrivals = stream(200);
		const open = await opened();
		for (let index = 0; index < 200; index += 20) {
			await arrive(open, arrivals.slice(index, index + 20));
			if (index % 60 === 40) await open.seal({ all: true });
		}
		const [a, b] = [deviceNamed(open, "A1"), deviceNamed(open, "B1")];
		expect(await rowsOf(open, a.number)).toEqual(expectedRows(arrivals, 0));
		expect(await rowsOf(open, b.number)).toEqual(expectedRows(arrivals, 1));
		expect(a.pollsByResult).toEqual({ ok: 172, DEVICE_TIMEOUT: 28 });
	});

	it("is the same whether sealed and merged, or not, and so is one column alone", async () => {
		const open = await opened({ now: () => NOON + 3 * HOUR });
		const arrivals = stream(300, NOON - 10 * MINUTE);
		await arrive(open, arrivals);
		const { number } = deviceNamed(open, "A1");
		const before = await rowsOf(open, number);
		for (const part of [1, 2, 3]) {
			await open.seal({ all: true });
			await arrive(open, [
				{
					sequence: 1_000 + part,
					wall: NOON + part * SECOND + 1,
					outcomes: [{ device: A, terahashesPerSecond: part, watts: 1 }],
				},
			]);
		}
		await open.seal({ all: true });
		const parts = (await open.measureDisk().then(() => open.statistics())).chunks;
		await open.merge();
		const merged = (await open.measureDisk().then(() => open.statistics())).chunks;
		expect([parts, merged]).toEqual([5, 2]);
		const after = await rowsOf(open, number);
		expect(after.filter(({ at }) => !(at > NOON && at < NOON + 4 * SECOND))).toEqual(before);
		expect(after.length).toBe(before.length + 3);
	});

	it("is never doubled by a crash between the chunks and the trim of the inbox", async () => {
		const arrivals = stream(120);
		await arrive(await opened(), arrivals);
		await store?.close();
		const kept = path.join(folder, "kept.db");
		cpSync(path.join(folder, "fleetwatt.db"), kept);
		await (await opened()).seal({ all: true });
		await store?.close();
		// The chunks are there, and the inbox is as it was.
		cpSync(kept, path.join(folder, "fleetwatt.db"));
		const again = await opened();
		const { number } = deviceNamed(again, "A1");
		expect(await rowsOf(again, number)).toEqual(expectedRows(arrivals, 0));
		const late = {
			sequence: 121,
			wall: NOON - HOUR + 121 * 5 * SECOND,
			outcomes: [{ device: A, terahashesPerSecond: 1, watts: 2 }],
		};
		await arrive(again, [late]);
		await again.seal({ all: true });
		expect(await rowsOf(again, number)).toEqual([...expectedRows(arrivals, 0), ...expectedRows([late], 0)]);
	});

	it("is sealed whole, seven hours of it, and leaves an empty inbox", async () => {
		const open = await opened();
		const arrivals = stream(4_500, NOON - 8 * HOUR);
		await arrive(open, arrivals);
		await open.seal({ all: true });
		await open.measureDisk();
		expect(open.statistics().inboxRecords).toBe(0);
		expect(await rowsOf(open, deviceNamed(open, "A1").number)).toEqual(expectedRows(arrivals, 0));
	});

	it("is ignored the second time, and an agent is told the same either way", async () => {
		const open = await opened();
		const arrivals = stream(5);
		const first = await arrive(open, arrivals);
		expect(await arrive(open, arrivals)).toEqual(first);
		expect(open.statistics()).toMatchObject({ recordsCommitted: 5, duplicatesIgnored: 5 });
		expect(open.settledOf("agent-1", EPOCH)).toEqual({ base: 5, ranges: [] });
	});
});

describe("a restart", () => {
	it("arrives at the present of a run that never stopped, wherever it was sealed and closed", async () => {
		const arrivals = stream(150);
		const random = randomOf(7);
		const straight = await openStore(mkdtempSync(path.join(folder, "straight-")), { now: () => NOON });
		await arrive(straight, arrivals);
		for (let index = 0; index < arrivals.length; ) {
			const next = index + 1 + Math.floor(random() * 25);
			const open = store ?? (await opened());
			await arrive(open, arrivals.slice(index, next));
			if (random() < 0.5) await open.seal({ all: true });
			if (random() < 0.5) await opened();
			index = next;
		}
		const again = await opened();
		expect(present(again)).toEqual(present(straight));
		expect(again.settledOf("agent-1", EPOCH)).toEqual({ base: 150, ranges: [] });
		await straight.close();
	});

	it("keeps the lost outcomes of each agent, by site", async () => {
		const gap = {
			reason: "outbox_full",
			from: NOON - HOUR,
			to: NOON - MINUTE,
			outcomes: 12,
			sequences: { from: 1, to: 3 },
		};
		const open = await opened();
		open.setAgent({
			agent: "agent-1",
			site: "austin",
			isConnected: true,
			since: 0 as never,
			gapOutcomes: 0,
			gapsByReason: {},
		});
		const record = { sequence: 4, wall: NOON, outcomes: [], bytes: encodeGap(timeAt(NOON), gap) };
		await arrive(open, [record]);
		await arrive(open, [record]);
		expect(open.agents().get("austin/agent-1")?.gapOutcomes).toBe(12);
		expect(open.settledOf("agent-1", EPOCH)).toEqual({ base: 4, ranges: [] });
		const again = await opened();
		expect(again.agents().get("austin/agent-1")?.gapOutcomes).toBe(12);
		const told = await again.gaps({ from: NOON - 2 * HOUR, to: NOON + HOUR });
		expect(told).toMatchObject([{ agent: "agent-1", outcomes: 12, reason: "outbox_full" }]);
	});

	it("needs no hand where a day's file is no database any more: it is set aside and the rest is read", async () => {
		await arrive(await opened(), [
			...stream(10, NOON - 26 * HOUR),
			...stream(10).map((one) => ({ ...one, sequence: one.sequence + 10 })),
		]);
		await store?.seal({ all: true });
		await store?.close();
		const file = path.join(folder, "raw-2026-11-21.db");
		expect(existsSync(file)).toBe(true);
		writeFileSync(file, "this is no database ".repeat(1_000));
		const again = await opened();
		expect((await rowsOf(again, deviceNamed(again, "A1").number)).length).toBe(10);
		expect(existsSync(`${file}.damaged`)).toBe(true);
	});

	it("leaves out a chunk with a flipped bit, counts it, and reads its neighbours", async () => {
		await arrive(await opened(), stream(900, NOON - 2 * HOUR));
		await store?.seal({ all: true });
		await store?.close();
		const database = new Database(path.join(folder, "raw-2026-11-22.db"));
		const row = database.prepare("SELECT key, bytes FROM hours ORDER BY key DESC").get() as {
			key: number;
			bytes: Buffer;
		};
		const chunk = unpack(row.bytes)?.find(({ device }) => device === 1)?.bytes;
		if (chunk === undefined) throw new Error("no chunk of the first device");
		chunk[20] = (chunk[20] ?? 0) ^ 4;
		database.prepare("UPDATE hours SET bytes = ? WHERE key = ?").run(row.bytes, row.key);
		database.close();
		const again = await opened();
		expect((await rowsOf(again, 1)).length).toBe(900 - 720);
		expect((await rowsOf(again, 2)).length).toBe(900);
		await again.measureDisk();
		expect(again.statistics().damagedChunks).toBe(1);
	});

	it("is refused to a second program with SQLITE_BUSY", async () => {
		await opened();
		await expect(openStore(folder)).rejects.toMatchObject({ code: "SQLITE_BUSY" });
	});
});

describe("who is who", () => {
	const reading = { terahashesPerSecond: 1, watts: 2 };

	it("a device that changes its address and keeps its serial keeps its key and its history", async () => {
		const open = await opened();
		const moved = deviceAt("10.0.0.99:80", { serial: "A1" });
		await arrive(open, [{ sequence: 1, wall: NOON - HOUR, outcomes: [{ device: A, ...reading }] }]);
		await arrive(open, [
			{ sequence: 2, wall: NOON - HOUR + MINUTE, outcomes: [{ device: moved, ...reading }] },
		]);
		expect([...open.devices().keys()]).toEqual(["A1"]);
		const device = deviceNamed(open, "A1");
		expect(device.description.endpoint).toBe("10.0.0.99:80");
		expect((await rowsOf(open, device.number)).length).toBe(2);
		await open.seal({ all: true });
		expect((await rowsOf(open, device.number)).length).toBe(2);
	});

	it.each([
		["at once", false],
		["after a restart", true],
	])("two devices that show one serial at two addresses in use are two, %s", async (_, isRestarted) => {
		let open = await opened();
		const clone = deviceAt("10.0.0.99:80", { serial: "A1" });
		await arrive(open, [{ sequence: 1, wall: NOON - 2_000, outcomes: [{ device: A, ...reading }] }]);
		if (isRestarted) {
			await open.seal({ all: true });
			open = await opened();
		}
		await arrive(open, [
			{
				sequence: 2,
				wall: NOON - 1_000,
				outcomes: [
					{ device: clone, ...reading },
					{ device: A, ...reading },
				],
			},
		]);
		expect([...open.devices().keys()]).toEqual(["A1", "austin-10.0.0.99:80"]);
		expect((await rowsOf(open, 1)).length).toBe(2);
		expect((await rowsOf(open, 2)).length).toBe(1);
	});

	it("two sites that describe two devices in the same words have two devices, and neither's readings mix", async () => {
		const open = await opened();
		const nameless = deviceAt("192.168.1.10:80");
		const at = (site: string, sequence: number, watts: number): Arrival => ({
			sequence,
			site,
			epoch: site === "austin" ? EPOCH : "b".repeat(32),
			wall: NOON - MINUTE + sequence * SECOND,
			outcomes: [{ device: nameless, terahashesPerSecond: 1, watts }],
		});
		await arrive(open, [
			at("austin", 1, 100),
			at("boden", 1, 900),
			at("austin", 2, 101),
			at("boden", 2, 901),
		]);
		const watts = async () => [
			(await rowsOf(open, 1)).map(({ powerWatts }) => powerWatts),
			(await rowsOf(open, 2)).map(({ powerWatts }) => powerWatts),
		];
		expect(await watts()).toEqual([
			[100, 101],
			[900, 901],
		]);
		await open.seal({ all: true });
		expect(await watts()).toEqual([
			[100, 101],
			[900, 901],
		]);
	});

	it("readings of a definition that is older than the newest are sealed after a restart, too", async () => {
		const open = await opened();
		const renamed = deviceAt("10.0.0.1:80", { serial: "A1", firmware: "2" });
		await arrive(open, [{ sequence: 1, wall: NOON - MINUTE, outcomes: [{ device: A, ...reading }] }]);
		await arrive(open, [{ sequence: 2, wall: NOON - SECOND, outcomes: [{ device: renamed, ...reading }] }]);
		const again = await opened();
		await again.seal({ all: true });
		expect((await rowsOf(again, deviceNamed(again, "A1").number)).length).toBe(2);
	});

	it("readings behind a sealed slice, in the stored present already, keep their device through a restart", async () => {
		const open = await opened();
		const renamed = deviceAt("10.0.0.1:80", { serial: "A1", firmware: "2" });
		await arrive(open, [{ sequence: 1, wall: NOON - MINUTE, outcomes: [{ device: A, ...reading }] }]);
		await arrive(open, [{ sequence: 2, wall: NOON - SECOND, outcomes: [{ device: renamed, ...reading }] }]);
		await store?.close();
		const [file, kept] = [path.join(folder, "fleetwatt.db"), path.join(folder, "kept.db")];
		cpSync(file, kept);
		await (await opened()).seal({ all: true });
		await store?.close();
		store = undefined;
		// The present of the whole, and an inbox of which nothing was sealed.
		const unsealed = new Database(kept);
		unsealed.exec(`ATTACH '${file}' AS whole; INSERT INTO present SELECT * FROM whole.present; DETACH whole`);
		unsealed.close();
		for (const name of readdirSync(folder))
			if (/^(raw|fleetwatt)/.test(name)) rmSync(path.join(folder, name));
		cpSync(kept, file);
		const again = await opened();
		await again.seal({ all: true });
		expect((await rowsOf(again, deviceNamed(again, "A1").number)).length).toBe(2);
		expect(deviceNamed(again, "A1").pollsByResult).toEqual({ ok: 2 });
	});

	it("beyond the limit of devices the ones that are known go on", async () => {
		const open = await opened({ maxDevices: 1 });
		await arrive(open, [
			{
				sequence: 1,
				wall: NOON - SECOND,
				outcomes: [
					{ device: A, ...reading },
					{ device: B, ...reading },
				],
			},
		]);
		await arrive(open, [{ sequence: 2, wall: NOON, outcomes: [{ device: A, ...reading }] }]);
		expect([...open.devices().keys()]).toEqual(["A1"]);
		expect((await rowsOf(open, 1)).length).toBe(2);
	});
});

describe("late records", () => {
	it("move neither the newest reading nor energy, and are in the past that is asked for", async () => {
		const arrivals = stream(40);
		const open = await opened();
		const held = arrivals.slice(10, 20);
		await arrive(open, [...arrivals.slice(0, 10), ...arrivals.slice(20)]);
		const before = structuredClone(present(open)) as {
			meter: unknown;
			latest: unknown;
			lastAttemptAt: unknown;
		}[];
		await arrive(open, held);
		const after = present(open) as typeof before;
		for (const name of ["meter", "latest", "lastAttemptAt"] as const)
			expect(after.map((one) => one[name])).toEqual(before.map((one) => one[name]));
		expect(await rowsOf(open, deviceNamed(open, "A1").number)).toEqual(expectedRows(arrivals, 0));
	});
});

describe("late records of hours that are sealed", () => {
	it("wait for the job that seals: twenty commits make one part, not twenty", async () => {
		const open = await opened({ now: () => NOON + 30 * MINUTE });
		const arrivals = stream(1_100, NOON - 70 * MINUTE);
		const late = arrivals.slice(100, 120);
		await arrive(open, [...arrivals.slice(0, 100), ...arrivals.slice(120)]);
		await open.seal();
		const rows = async () => {
			await open.measureDisk();
			return open.statistics().chunks;
		};
		const sealed = await rows();
		for (const one of late) await arrive(open, [one]);
		expect(await rows()).toBe(sealed);
		await open.seal();
		expect(await rows()).toBe(sealed + 1);
		expect(await rowsOf(open, deviceNamed(open, "A1").number)).toEqual(expectedRows(arrivals, 0));
	});
});

describe("what no honest agent sends", () => {
	const good = {
		sequence: 1,
		wall: NOON - MINUTE,
		outcomes: [{ device: A, terahashesPerSecond: 1, watts: 2 }],
	};

	it.each([
		["a wall clock of 1e300", { ...good, wall: 1e300, receivedAt: NOON }],
		["a year before 1970", { ...good, wall: -5, receivedAt: NOON }],
		["a reading of ten years ahead", { ...good, wall: NOON + 3_650 * 24 * HOUR, receivedAt: NOON }],
		[
			"a reading measured an hour after its record",
			{ ...good, outcomes: [{ device: A, terahashesPerSecond: 1, watts: 2, before: -HOUR }] },
		],
		[
			"a gap that reaches beyond its own record",
			{
				...good,
				bytes: encodeGap(timeAt(NOON), {
					reason: "x",
					from: 0,
					to: 1,
					outcomes: 1,
					sequences: { from: 1, to: 1e15 },
				}),
			},
		],
		[
			"bytes that do not decode",
			{ ...good, bytes: Buffer.concat([Buffer.from([1, 1]), Buffer.alloc(60, 0xff)]) },
		],
	])("%s goes to the dead letters, is settled, and the next record is stored and sealed", async (_, bad) => {
		const open = await opened();
		const [told] = await arrive(open, [bad]);
		expect(told?.rejected?.code).toBe("RECORD_MALFORMED");
		await arrive(open, [{ ...good, sequence: 2 }]);
		expect(open.settledOf("agent-1", EPOCH)).toEqual({ base: 2, ranges: [] });
		await open.seal({ all: true });
		expect((await rowsOf(open, deviceNamed(open, "A1").number)).length).toBe(1);
		await store?.close();
		store = undefined;
		const database = new Database(path.join(folder, "fleetwatt.db"));
		expect(database.prepare("SELECT sequence, code FROM dead_letters").all()).toEqual([
			{ sequence: 1, code: "RECORD_MALFORMED" },
		]);
		database.close();
	});

	it("40 MiB of dead letters leave at most 16 MiB, the newest", async () => {
		const open = await opened();
		for (let batch = 0; batch < 20; batch += 1) {
			await open.commit(
				Array.from({ length: 10 }, (_, index) => ({
					...incoming({ ...good, sequence: batch * 10 + index + 1, bytes: Buffer.alloc(200 * 1_024) }),
					rejected: failure("RECORD_MALFORMED", "poison"),
				})),
			);
		}
		await store?.close();
		store = undefined;
		const database = new Database(path.join(folder, "fleetwatt.db"));
		const left = database
			.prepare("SELECT sum(length(bytes)) AS bytes, max(sequence) AS newest FROM dead_letters")
			.get();
		expect(left).toMatchObject({ newest: 200 });
		expect((left as { bytes: number }).bytes).toBeLessThanOrEqual(16 * 1_024 * 1_024);
		database.close();
	});
});

describe("retention", () => {
	it("removes the files of whole days and keeps the rest", async () => {
		const open = await opened();
		const old = stream(10, NOON - 50 * HOUR);
		await arrive(open, [...old, ...stream(10).map((one) => ({ ...one, sequence: one.sequence + 10 }))]);
		await open.seal({ all: true });
		expect(readdirSync(folder).filter((name) => /^raw.*db$/.test(name)).length).toBe(2);
		expect(await open.retention.dropBefore({ raw: NOON - 24 * HOUR })).toEqual(["2026-11-20"]);
		expect(readdirSync(folder).filter((name) => name.startsWith("raw-2026-11-20"))).toEqual([]);
		expect((await rowsOf(open, deviceNamed(open, "A1").number, NOON - 60 * HOUR)).length).toBe(10);
	});
});

describe("a clock that went back", () => {
	const device = deviceAt("10.0.0.1:80", { serial: "A1", pollIntervalSeconds: 10 });
	const outcomes = [{ device, terahashesPerSecond: 100, watts: 3_600 }];
	const said = (open: Store) => {
		const { meter, pollsByResult } = deviceNamed(open, "A1");
		return { joules: meter.joulesTotal, terahashes: meter.terahashesTotal, pollsByResult };
	};

	it.each(["while it ran", "while it was down"])(
		"%s takes no energy from a collector that is killed afterwards, and adds none",
		async (when) => {
			let now = NOON + 2 * HOUR;
			const tick = { now: () => now };
			let sequence = 0;
			const readings = async (open: Store, count: number) => {
				for (let index = 0; index < count; index += 1) {
					now += 10 * SECOND;
					sequence += 1;
					await arrive(open, [{ sequence, wall: now, outcomes }]);
				}
			};
			let open = await opened(tick);
			await open.watchNow();
			await readings(open, 20);
			now -= HOUR;
			if (when === "while it was down") open = await opened(tick);
			else await open.watchNow();
			await readings(open, 20);
			const before = said(open);
			// The first reading holds nothing before it, nor does the first after the step, which is of an hour ago.
			expect(before.joules).toBeGreaterThan(3_600 * 10 * 36);
			const killed = mkdtempSync(path.join(tmpdir(), "store-"));
			cpSync(folder, killed, { recursive: true });
			const again = await openStore(killed, tick);
			expect(said(again)).toEqual(before);
			await again.close();
			rmSync(killed, { recursive: true });
		},
	);
});
