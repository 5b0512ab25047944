/**
 * Bit rot of fleetwatt.db: the collector starts by itself, what of it can be read is taken over, and what cannot its agents
 * send again, as they keep a day of it. No reading is lost, none is there twice, none was never made.
 */
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Store } from "../../../collector/store/store.js";
import { isSettled } from "../../../shared/wire/sequences.js";
import { deviceAt, EPOCH, randomOf } from "../../shared/wire/examples.js";
import { type Arrival, arrive, deviceNamed, HOUR, MINUTE, NOON, openStore, rowsOf } from "./example-store.js";

const FILES = Number(process.env["FLEETWATT_DAMAGED_FILES"] ?? 24);
const SEED = Number(process.env["FLEETWATT_SEED"] ?? 20_261_127);
const PAGE = 4_096;
const MAIN = "fleetwatt.db";
/** What is written here need not outlive anything. */
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const DEVICES = Array.from({ length: 6 }, (_, index) =>
	deviceAt(`10.0.0.${index}:80`, { serial: `S${index}`, model: "Antminer S21", pollIntervalSeconds: 60 }),
);
const EVER = { from: 0, to: Number.MAX_SAFE_INTEGER };
const SEALED = 60;
const ALL = 110;
/** What the agent has kept: all that it made. */
const MADE: readonly Arrival[] = Array.from({ length: ALL }, (_, index) => ({
	sequence: index + 1,
	wall: NOON + index * MINUTE,
	outcomes: DEVICES.map((device, number) => ({
		device,
		terahashesPerSecond: 100,
		watts: watts(index, number),
	})),
}));

function watts(step: number, number: number): number {
	return 3_000 + step + number / 8;
}

let root = "";
let whole = "";
/** As a killed collector leaves it: the newest of it in the log. */
let killed = "";

beforeAll(async () => {
	root = mkdtempSync(path.join(MEMORY, "damaged-"));
	[whole, killed] = [path.join(root, "whole"), path.join(root, "killed")];
	const store = await openStore(whole);
	for (const arrival of MADE.slice(0, SEALED)) await arrive(store, [arrival]);
	await store.seal();
	for (const arrival of MADE.slice(SEALED)) await arrive(store, [arrival]);
	mkdirSync(killed);
	for (const name of readdirSync(whole)) copyFileSync(path.join(whole, name), path.join(killed, name));
	await store.close();
}, 60_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Damage = (bytes: Buffer, random: () => number) => Buffer;
const DAMAGE: Readonly<Record<string, Damage>> = {
	"a bit of the header": (bytes, random) => turned(bytes, Math.floor(random() * 100 * 8)),
	"a bit": (bytes, random) => turned(bytes, Math.floor(random() * bytes.length * 8)),
	"a page of zeros": (bytes, random) => {
		const from = Math.floor((random() * bytes.length) / PAGE) * PAGE;
		return bytes.fill(0, from, from + PAGE);
	},
	"512 bytes of noise": (bytes, random) => {
		const from = Math.floor(random() * bytes.length);
		for (let at = from; at < Math.min(bytes.length, from + 512); at += 1)
			bytes.writeUInt8(Math.floor(random() * 256), at);
		return bytes;
	},
	"cut off": (bytes, random) => bytes.subarray(0, Math.floor(random() * bytes.length)),
	"nothing left": () => Buffer.alloc(0),
};

function turned(bytes: Buffer, bit: number): Buffer {
	bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
	return bytes;
}

/** All that the store does not say it has, as an agent that connects again does. */
async function sentAgain(store: Store): Promise<void> {
	const settled = store.settledOf("agent-1", EPOCH);
	const missing = MADE.filter(({ sequence }) => !isSettled(settled, sequence));
	for (let from = 0; from < missing.length; from += 20) await arrive(store, missing.slice(from, from + 20));
}

/** What is wrong with what it has of all that was made. */
async function wrongIn(store: Store): Promise<readonly string[]> {
	const wrong: string[] = [];
	// A record in which a bit turned while it waited is told as lost, one by one.
	const told = (await store.losses(EVER)).filter(({ file }) => file.includes("inbox row")).length;
	for (const [number, { device }] of DEVICES.entries()) {
		const { serial = "" } = device;
		const rows = await rowsOf(store, deviceNamed(store, serial).number, NOON, NOON + 3 * HOUR);
		const found = rows.map(({ at, powerWatts }) => `${(at - NOON) / MINUTE} ${powerWatts}`);
		const expected = new Set(MADE.map((_, step) => `${step} ${watts(step, number)}`));
		const strange = found.filter((one, at) => !expected.has(one) || found.indexOf(one) !== at);
		if (strange.length > 0 || found.length + told !== expected.size)
			wrong.push(`${serial} has ${found.length}, ${told} told as lost, not its own: ${strange.slice(0, 3)}`);
	}
	if (store.devices().size !== DEVICES.length) wrong.push(`devices: ${[...store.devices().keys()]}`);
	const { base } = store.settledOf("agent-1", EPOCH);
	return base === ALL ? wrong : [...wrong, `settled up to ${base}`];
}

async function tried(own: string, bytes: Buffer): Promise<readonly string[]> {
	// A log beside it is played into it by SQLite, as far as it is whole.
	const hasLog = existsSync(path.join(own, `${MAIN}-wal`));
	let store = await openStore(own);
	const wrong: string[] = [];
	const { mended } = store;
	if (mended !== undefined) {
		const kept = mended.aside;
		if (!existsSync(kept) || (!hasLog && !readFileSync(kept).equals(bytes)))
			wrong.push("what was set aside is not what was there");
	}
	await sentAgain(store);
	wrong.push(...(await wrongIn(store)));
	await store.seal({ all: true });
	await store.close();
	store = await openStore(own);
	if (store.mended !== undefined) wrong.push("it is damaged again at the next start");
	wrong.push(...(await wrongIn(store)).map((one) => `at the next start ${one}`));
	const lost = (await store.losses(EVER)).map(({ reason }) => reason);
	if (lost.includes("database_damaged") !== (mended !== undefined)) wrong.push(`told: ${lost}`);
	await store.close();
	return mended === undefined ? wrong : [...wrong, "mended"];
}

describe("the store's own copy", () => {
	it("outlives a start as it is, and is made anew for a device that it has not", async () => {
		const folder = path.join(root, "copied");
		const copy = path.join(folder, `${MAIN}.copy`);
		const first = await openStore(folder);
		for (const arrival of MADE.slice(0, 2)) await arrive(first, [arrival]);
		await first.seal();
		await first.close();
		const before = statSync(copy).ino;
		const second = await openStore(folder);
		for (const arrival of MADE.slice(2, 4)) await arrive(second, [arrival]);
		await second.seal();
		expect(statSync(copy).ino).toBe(before);
		const device = deviceAt("10.0.1.1:80", { serial: "NEW", model: "Antminer S21" });
		const outcomes = [{ device, terahashesPerSecond: 100, watts: 3_000 }];
		await arrive(second, [{ sequence: 5, wall: NOON + 5 * MINUTE, outcomes }]);
		await second.seal();
		expect(statSync(copy).ino).not.toBe(before);
		await second.close();
	});
});

describe(`a damaged ${MAIN}, seed ${SEED}`, { timeout: 600_000 }, () => {
	it(`starts unaided ${FILES} times of ${FILES}, and has all that was acknowledged once its agents are back`, async () => {
		const random = randomOf(SEED);
		const kinds = Object.keys(DAMAGE);
		const failed: string[] = [];
		let mended = 0;
		for (let file = 0; file < FILES; file += 1) {
			const kind = kinds[file % kinds.length] ?? "";
			const isLog = file % 4 === 3;
			const own = path.join(root, String(file));
			const from = isLog || file % 8 === 0 ? killed : whole;
			const name = isLog ? `${MAIN}-wal` : MAIN;
			mkdirSync(own);
			for (const one of readdirSync(from)) copyFileSync(path.join(from, one), path.join(own, one));
			const bytes = DAMAGE[kind]?.(readFileSync(path.join(own, name)), random) ?? Buffer.alloc(0);
			writeFileSync(path.join(own, name), bytes);
			const wrong = await tried(own, bytes).catch((error: unknown) => [String(error)]);
			if (wrong.includes("mended")) mended += 1;
			failed.push(
				...wrong.filter((one) => one !== "mended").map((one) => `${file}, ${name}, ${kind}: ${one}`),
			);
			rmSync(own, { recursive: true });
		}
		expect(failed).toEqual([]);
		expect(mended).toBeGreaterThan(FILES / 3);
	});
});
