/** A copy that is made while records come, are sealed and merged has all that was acknowledged before it began. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copyStore } from "../../../collector/store/backup.js";
import { examineStore } from "../../../collector/store/examine.js";
import { deviceAt, EPOCH } from "../../shared/wire/examples.js";
import { arrive, deviceNamed, MINUTE, NOON, openStore, rowsOf } from "./example-store.js";

const DEVICES = Array.from({ length: 20 }, (_, index) =>
	deviceAt(`10.0.0.${index}:80`, { serial: `S${index}` }),
);
const BEFORE = 100;

let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "copy-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a copy of a store that is written meanwhile", () => {
	it("has every record acknowledged before it, each once, and no half of one", async () => {
		const [from, to] = [path.join(folder, "from"), path.join(folder, "to")];
		const store = await openStore(from);
		let sequence = 0;
		const write = async () => {
			sequence += 1;
			const number = sequence;
			const outcomes = DEVICES.map((device) => ({ device, terahashesPerSecond: 100, watts: number }));
			await arrive(store, [{ sequence: number, wall: NOON + number * MINUTE, outcomes }]);
		};
		while (sequence < BEFORE) await write();
		await store.seal({ all: true });
		const copying = store.copyTo(to);
		let isCopied = false;
		void copying.finally(() => {
			isCopied = true;
		});
		while (!isCopied) {
			for (let count = 0; count < 10; count += 1) await write();
			if (sequence % 40 === 0) await store.seal({ all: true });
			if (sequence % 80 === 0) await store.merge();
		}
		expect(await copying).toEqual(["fleetwatt.db", "raw-2026-11-22.db"]);
		expect(sequence).toBeGreaterThan(BEFORE);
		await store.close();

		expect(examineStore(to).damage).toEqual([]);
		const copy = await openStore(to);
		const { base } = copy.settledOf("agent-1", EPOCH);
		expect(base).toBeGreaterThanOrEqual(BEFORE);
		for (const key of ["S0", "S8", "S19"]) {
			const rows = await rowsOf(copy, deviceNamed(copy, key).number, NOON, NOON + 1_000_000 * MINUTE);
			// A file that was copied later may have more than the cursor says: its agent sends that again.
			expect(rows.length).toBeGreaterThanOrEqual(base);
			expect(rows.map(({ at, powerWatts }) => [at, powerWatts])).toEqual(
				rows.map((_, place) => [NOON + (place + 1) * MINUTE, place + 1]),
			);
		}
		await copy.close();
	});

	it("begins a file again that was written meanwhile, and gives up after 20 times", async () => {
		const tries: string[] = [];
		const parts = (changes: number) => ({
			main: async () => undefined,
			names: async () => ["raw-2026-11-22.db"],
			slice: async ({ offset }: { offset: number }) => {
				tries.push(String(offset));
				if (offset === 0) return { kind: "more" as const, next: 7, stamp: "one" };
				return tries.length <= changes * 2 ? { kind: "changed" as const } : { kind: "done" as const };
			},
			pause: async () => undefined,
		});
		const own = (name: string) => ({ from: path.join(folder, "from"), to: path.join(folder, name) });
		expect(await copyStore(own("one"), parts(3))).toEqual(["fleetwatt.db", "raw-2026-11-22.db"]);
		expect(tries).toEqual(["0", "7", "0", "7", "0", "7", "0", "7"]);
		await expect(copyStore(own("two"), parts(1_000))).rejects.toMatchObject({ code: "COPY_REFUSED" });
	});
});
