/**
 * The power goes, without root: all that outbox and collector ask of the disk is noted (write-log.c), and played up to a
 * moment at random, with what was not synced lost, torn or out of order. What was acknowledged must be there. A disk that
 * obeys fewer syncs, as SQLite asks for fewer with NORMAL and OFF, must lose something, or this proves nothing. So must,
 * on a disk whose syncs fail now and then, a file that is only synced again.
 * Needs gcc; is skipped loudly without.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { env, execPath } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OutboxDatabase } from "../../agent/outbox/database.js";
import { deviceNamed, openStore, rowsOf } from "../collector/store/example-store.js";
import { EPOCH, randomOf } from "../shared/wire/examples.js";
import { STREAM_START, valuesOf } from "./stream.js";
import { CutDisk, logEntries, type Obeys } from "./write-log.js";

const PROGRAM = fileURLToPath(new URL("../../dist/tests/faults/power-process.js", import.meta.url));
const SOURCE = fileURLToPath(new URL("write-log.c", import.meta.url));
const CUTS = Number(env["FLEETWATT_LOG_CUTS"] ?? 60);
/** Each start of a collector takes a worker and a replay. */
const COLLECTOR_CUTS = Math.ceil(CUTS / 5);
const SEED = Number(env["FLEETWATT_SEED"] ?? 20_261_127);
const WRITING_MILLISECONDS = 1_500;
const SYNC_FAILS = 7;
/** What the control writes: power-process.ts. */
const CONTROL_ROW_BYTES = 500;
const CONTROL_ROW_FILL = 7;
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const hasCompiler = spawnSync("gcc", ["--version"]).status === 0;

const root = mkdtempSync(path.join(MEMORY, "write-log-"));
const shim = path.join(root, "write-log.so");
beforeAll(() => {
	if (!hasCompiler) return;
	const flags = ["-shared", "-fPIC", "-O1", "-o", shim, SOURCE, "-ldl", "-lpthread"];
	expect(spawnSync("gcc", flags, { encoding: "utf8" }).stderr).toBe("");
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Lets the writer write for a moment; gives its log and the folder it wrote in. */
async function written(role: string, more: NodeJS.ProcessEnv = {}) {
	const name = `${role}-${Object.keys(more).length}`;
	const [folder, log] = [path.join(root, name), path.join(root, `${name}.log`)];
	mkdirSync(folder);
	const child = spawn(execPath, [PROGRAM, role, folder], {
		env: { ...env, LD_PRELOAD: shim, FLEETWATT_LOG: log, FLEETWATT_FOLDER: folder, ...more },
		stdio: ["ignore", "pipe", "inherit"],
	});
	const closed = once(child, "close");
	await once(child.stdout, "data");
	child.stdout.resume();
	await sleep(WRITING_MILLISECONDS);
	child.kill("SIGKILL");
	await closed;
	return { folder, entries: logEntries(log) };
}

const OBEYS: Readonly<Record<string, Obeys>> = {
	FULL: () => true,
	NORMAL: (file) => !file.endsWith("-wal"),
	OFF: () => false,
};

type Lost = (folder: string, newest: number) => Promise<number> | number;

/** Cuts of one log, in how many of which something acknowledged was missing, or the program did not start by itself. */
async function failures(
	{ folder, entries }: Awaited<ReturnType<typeof written>>,
	wish: { readonly obeys: Obeys | undefined; readonly cuts: number; readonly lost: Lost },
): Promise<number> {
	const random = randomOf(SEED);
	const moments = Array.from({ length: wish.cuts }, () => Math.floor(random() * entries.length));
	moments.sort((one, other) => one - other);
	const disk = new CutDisk(folder, wish.obeys ?? (() => true));
	let at = 0;
	let failed = 0;
	for (const [number, moment] of moments.entries()) {
		for (; at < moment; at += 1) disk.play(entries[at] as (typeof entries)[number]);
		const left = path.join(root, `left-${number}`);
		disk.cut(random, left);
		if ((await lostIn(left, disk.newest, wish.lost)) > 0) failed += 1;
		rmSync(left, { recursive: true });
	}
	return failed;
}

/** What does not start by itself has lost all. */
async function lostIn(folder: string, newest: number, lost: Lost): Promise<number> {
	try {
		return await lost(folder, newest);
	} catch {
		return newest + 1;
	}
}

function lostOfOutbox(folder: string, newest: number): number {
	const outbox = new OutboxDatabase(folder, { maxBytes: 1e9, maxDays: 100_000 });
	try {
		const { head } = outbox.state();
		const whole = outbox.read({ from: 1, to: head, mostBytes: 1e12 }).length;
		return Math.max(0, newest - head, head - whole);
	} finally {
		outbox.close();
	}
}

async function lostOfCollector(folder: string, newest: number): Promise<number> {
	const store = await openStore(folder);
	try {
		const { base } = store.settledOf("agent-1", EPOCH);
		if (base === 0) return newest;
		const { number } = deviceNamed(store, "S1");
		const rows = await rowsOf(store, number, STREAM_START, STREAM_START + 86_400_000);
		const isLast = rows.at(-1)?.["powerWatts"] === valuesOf(EPOCH, base, 1).watts;
		return Math.max(0, newest - base, base - rows.length, isLast ? 0 : 1);
	} finally {
		await store.close();
	}
}

function lostOfFile(folder: string, newest: number): number {
	const file = path.join(folder, "control.bin");
	const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
	const rows = Array.from({ length: newest }, (_, index) => bytes[index * CONTROL_ROW_BYTES]);
	return rows.filter((first) => first !== CONTROL_ROW_FILL).length;
}

describe.skipIf(!hasCompiler)(
	`power cuts of a log of writes, seed ${SEED}${hasCompiler ? "" : ": NOT TESTED, since gcc is missing"}`,
	{ timeout: 600_000 },
	() => {
		it.each([
			["outbox", CUTS, lostOfOutbox],
			["collector", COLLECTOR_CUTS, lostOfCollector],
		] as const)(
			"lose nothing of the %s in %d cuts, and something where fewer syncs are obeyed",
			async (role, cuts, lost) => {
				const log = await written(role);
				const failed = async (name: string, most = cuts) =>
					await failures(log, { obeys: OBEYS[name], cuts: most, lost });
				expect(await failed("FULL")).toBe(0);
				expect(await failed("NORMAL", Math.min(cuts, 10))).toBeGreaterThan(0);
				expect(await failed("OFF", Math.min(cuts, 10))).toBeGreaterThan(0);
			},
		);

		it.each([
			["outbox", CUTS, lostOfOutbox],
			["collector", COLLECTOR_CUTS, lostOfCollector],
		] as const)(
			`lose nothing of the %s in %d cuts whose disk failed each ${SYNC_FAILS}th sync and forgot what it was to write`,
			async (role, cuts, lost) => {
				const log = await written(role, { FLEETWATT_SYNC_FAILS: String(SYNC_FAILS) });
				expect(log.entries.filter(({ kind }) => kind === "F").length).toBeGreaterThan(10);
				expect(await failures(log, { obeys: OBEYS["FULL"], cuts, lost })).toBe(0);
			},
		);

		it("lose something of a file that is only synced again where a sync failed: the harness can tell", async () => {
			const log = await written("again", { FLEETWATT_SYNC_FAILS: String(SYNC_FAILS) });
			const wish = { obeys: OBEYS["FULL"], cuts: 10, lost: lostOfFile };
			expect(await failures(log, wish)).toBeGreaterThan(0);
		});
	},
);
