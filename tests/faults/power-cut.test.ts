/**
 * The power goes: a real ext4 or XFS on a loop device is shut down under the writer without its journal being written
 * (FS_IOC_SHUTDOWN), mounted again, and read. What was acknowledged must be there; less than FULL must lose
 * something, or this proves nothing. Needs root, loop devices, mkfs.ext4, mkfs.xfs and python3; is skipped loudly without.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execPath, getuid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { afterAll, describe, expect, it } from "vitest";
import { OutboxDatabase } from "../../agent/outbox/database.js";
import type { Store } from "../../collector/store/store.js";
import {
	type Arrival,
	arrive,
	deviceNamed,
	HOUR,
	MINUTE,
	NOON,
	openStore,
	rowsOf,
} from "../collector/store/example-store.js";
import { deviceAt, EPOCH, randomOf } from "../shared/wire/examples.js";
import { STREAM_START, valuesOf } from "./stream.js";

const PROGRAM = fileURLToPath(new URL("../../dist/tests/faults/power-process.js", import.meta.url));
const CUTS = Number(process.env["FLEETWATT_POWER_CUTS"] ?? 6);
/** NORMAL loses something in about two cuts of five. */
const CONTROL_CUTS_MOST = 20;
const KINDS = ["ext4", "xfs"] as const;
type Kind = (typeof KINDS)[number];
/** The least that mkfs.xfs makes. */
const IMAGE_BYTES = 320 * 1_024 * 1_024;
const SEED = 20_261_126;
const SHUTDOWN = `import fcntl,os,struct,sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))`;

const root = mkdtempSync(path.join(tmpdir(), "power-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function sh(command: string, ...more: readonly string[]): { readonly ok: boolean; readonly said: string } {
	const { status, stderr } = spawnSync(command, [...more], { encoding: "utf8" });
	return { ok: status === 0, said: stderr };
}

class Disk {
	readonly folder: string;
	private readonly image: string;

	constructor(name: string, kind: Kind = "ext4") {
		this.folder = path.join(root, name);
		this.image = path.join(root, `${name}.img`);
		mkdirSync(this.folder);
		for (const [command = "", ...more] of [
			["truncate", "-s", String(IMAGE_BYTES), this.image],
			kind === "ext4" ? ["mkfs.ext4", "-qF", this.image] : ["mkfs.xfs", "-qf", this.image],
		])
			if (!sh(command, ...more).ok) throw new Error(`${command} failed`);
		this.mount();
	}

	mount(): void {
		const { ok, said } = sh("mount", "-o", "loop", this.image, this.folder);
		if (!ok) throw new Error(`mount: ${said}`);
	}

	/** What the journal had not yet written is gone, as is what the disk was not told to keep. */
	cutPower(): void {
		const { ok, said } = sh("python3", "-c", SHUTDOWN, this.folder);
		if (!ok) throw new Error(`shutdown: ${said}`);
		sh("umount", this.folder);
		this.mount();
	}

	/** As the system does with one of which it has lost trust: read-only until it is looked through and mounted anew. */
	abort(): void {
		const { ok, said } = sh("mount", "-o", "remount,abort", this.folder);
		if (!ok) throw new Error(`remount: ${said}`);
	}

	mountAnew(): void {
		sh("umount", this.folder);
		sh("e2fsck", "-fy", this.image);
		this.mount();
	}

	remove(): void {
		sh("umount", "-l", this.folder);
	}
}

function whyNot(kind: Kind): string | undefined {
	if (getuid?.() !== 0) return "this user is not root";
	if (!existsSync("/dev/loop-control")) return "there are no loop devices";
	for (const program of [`mkfs.${kind}`, "python3", "mount"])
		if (!sh("sh", "-c", `command -v ${program}`).ok) return `${program} is missing`;
	try {
		const disk = new Disk(`probe-${kind}`, kind);
		disk.remove();
		return undefined;
	} catch (error) {
		return String(error);
	}
}

const random = randomOf(SEED);

/** Lets the writer write for a moment, kills it, cuts the power; gives the newest number that it had said. */
async function writtenUntilCut(role: string, disk: Disk): Promise<number> {
	const child = spawn(execPath, [PROGRAM, role, disk.folder], { stdio: ["ignore", "pipe", "inherit"] });
	let newest = 0;
	let rest = "";
	child.stdout.on("data", (data: Buffer) => {
		const lines = (rest + data.toString()).split("\n");
		rest = lines.pop() ?? "";
		for (const line of lines) if (line.startsWith("durable ")) newest = Number(line.slice(8));
	});
	for (let waited = 0; newest === 0 && waited < 15_000; waited += 20) await sleep(20);
	await sleep(100 + random() * 500);
	child.kill("SIGKILL");
	// First the process, then the disk: else a running fsync may be answered by a journal that is gone.
	await once(child, "close");
	disk.cutPower();
	return newest;
}

function controlRows(disk: Disk): number {
	try {
		const database = new Database(path.join(disk.folder, "control.db"), { readonly: true });
		const row = database.prepare("SELECT coalesce(max(number), 0) AS newest FROM records").get() as {
			newest: number;
		};
		database.close();
		return row.newest;
	} catch {
		return 0;
	}
}

describe.each(KINDS.map((kind) => [kind, whyNot(kind)] as const))("on %s", (kind, reason) => {
	describe.skipIf(reason !== undefined)(
		`${CUTS} power cuts, seed ${SEED}${reason === undefined ? "" : `: NOT TESTED, since ${reason}`}`,
		{ timeout: 600_000 },
		() => {
			it("lose no record that the outbox had acknowledged, and need no hand", async () => {
				const disk = new Disk(`outbox-${kind}`, kind);
				try {
					for (let cut = 0; cut < CUTS; cut += 1) {
						const newest = await writtenUntilCut("outbox", disk);
						const outbox = new OutboxDatabase(disk.folder, { maxBytes: 1e9, maxDays: 100_000 });
						const { head, tail, records } = outbox.state();
						const whole = outbox.read({ from: 1, to: head, mostBytes: 1e12 }).length;
						outbox.close();
						expect(newest).toBeGreaterThan(0);
						expect(head).toBeGreaterThanOrEqual(newest);
						expect({ tail, records, whole }).toEqual({ tail: 1, records: head, whole: head });
					}
				} finally {
					disk.remove();
				}
			});

			it("lose no record that the collector had acknowledged, sealed or not", async () => {
				const disk = new Disk(`collector-${kind}`, kind);
				try {
					for (let cut = 0; cut < CUTS; cut += 1) {
						const newest = await writtenUntilCut("collector", disk);
						const store = await openStore(disk.folder);
						const { base } = store.settledOf("agent-1", EPOCH);
						expect(base).toBeGreaterThanOrEqual(newest);
						const rows = await rowsOf(
							store,
							deviceNamed(store, "S1").number,
							STREAM_START,
							STREAM_START + 86_400_000,
						);
						expect(rows.length).toBe(base);
						expect(rows.at(-1)).toMatchObject({ powerWatts: valuesOf(EPOCH, base, 1).watts });
						await store.close();
					}
				} finally {
					disk.remove();
				}
			});

			if (kind === "ext4")
				it("leave a store readable whose disk the system turned read-only, and lose nothing that it acknowledged", async () => {
					const disk = new Disk("aborted");
					try {
						const store = await openStore(disk.folder);
						const device = deviceAt("10.0.0.1:80", { serial: "S1", pollIntervalSeconds: 60 });
						const arrival = (sequence: number): Arrival => ({
							sequence,
							wall: NOON + sequence * MINUTE,
							outcomes: [{ device, terahashesPerSecond: 100, watts: 3_000 + sequence }],
						});
						for (let sequence = 1; sequence <= 40; sequence += 1) await arrive(store, [arrival(sequence)]);
						await store.seal({ all: true });
						for (let sequence = 41; sequence <= 60; sequence += 1) await arrive(store, [arrival(sequence)]);
						const read = (from: Store) => rowsOf(from, deviceNamed(from, "S1").number, NOON, NOON + 2 * HOUR);
						const before = await read(store);
						expect(before).toHaveLength(60);
						disk.abort();
						await expect(arrive(store, [arrival(61)])).rejects.toThrow();
						expect(store.statistics().isWriteBlocked).toBe(true);
						expect(await read(store)).toEqual(before);
						await store.close();
						disk.mountAnew();
						const again = await openStore(disk.folder);
						expect(again.settledOf("agent-1", EPOCH).base).toBe(60);
						expect(await read(again)).toEqual(before);
						await arrive(again, [arrival(61)]);
						expect(await read(again)).toHaveLength(61);
						await again.close();
					} finally {
						disk.remove();
					}
				});

			it.each(["normal", "off"])(
				"lose something under synchronous=%s: the harness can tell",
				async (role) => {
					let lost = 0;
					for (let cut = 0; cut < CONTROL_CUTS_MOST && lost === 0; cut += 1) {
						const disk = new Disk(`${role}-${kind}-${cut}`, kind);
						try {
							const newest = await writtenUntilCut(role, disk);
							expect(newest).toBeGreaterThan(0);
							lost = Math.max(0, newest - controlRows(disk));
						} finally {
							disk.remove();
						}
					}
					expect(lost).toBeGreaterThan(0);
				},
			);
		},
	);
});
