/** SIGKILL at every place where the store is between two steps: the next start finds each acknowledged reading once. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FAIL_POINTS, type FailPoint } from "../../collector/store/fail-point.js";
import { deviceNamed, openStore, rowsOf } from "../collector/store/example-store.js";
import { EPOCH } from "../shared/wire/examples.js";
import { KEPT_BOARD_AT, KEPT_DEVICES, KEPT_RECORDS, keptAt, keptValues, SECOND_DAY } from "./kept-stream.js";

const PROGRAM = fileURLToPath(new URL("../../dist/tests/faults/store-process.js", import.meta.url));
const LOOKED_AT = [0, 7, 8, 259];

let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "fail-point-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(role: "fill" | "drop" | "join", point?: FailPoint, passes = 0) {
	const words = [PROGRAM, role, folder, point ?? "", String(passes)];
	const { signal, status, stdout } = spawnSync(execPath, words, {
		encoding: "utf8",
		stdio: ["ignore", "pipe", "inherit"],
	});
	return { signal, status, acknowledged: Number(/acknowledged (\d+)\n$/.exec(stdout)?.[1] ?? 0) };
}

/** Opens the store as it was left and compares what it has; gives up to which record. */
async function expectKept(acknowledged: number, firstNumber = 1): Promise<number> {
	const store = await openStore(folder);
	const { base, ranges } = store.settledOf("agent-1", EPOCH);
	expect(ranges).toEqual([]);
	const stored = base * KEPT_DEVICES.length;
	expect(store.tallyOf("agent-1", EPOCH)).toEqual({ stored, missing: 0, refused: 0 });
	// A record may be stored and not told: its agent sends it again and is told then.
	expect([acknowledged, acknowledged + 1]).toContain(base);
	for (const index of base === 0 ? [] : LOOKED_AT) {
		const device = deviceNamed(store, `S${index}`);
		const rows = await rowsOf(store, device.number, keptAt(1), keptAt(KEPT_RECORDS + 1));
		const expected = Array.from({ length: base - firstNumber + 1 }, (_, place) => {
			const number = firstNumber + place;
			const { terahashesPerSecond, watts } = keptValues(number, index);
			return {
				at: keptAt(number),
				hashrateTerahashesPerSecond: terahashesPerSecond,
				pollResult: 0,
				powerWatts: watts,
			};
		});
		expect(rows).toEqual(expected);
		expect(device.pollsByResult).toEqual({ ok: base });
		expect(device.latest?.at).toBe(keptAt(base));
	}
	expect(store.devices().size).toBe(base === 0 ? 0 : KEPT_DEVICES.length);
	await store.close();
	return base;
}

const OF_WRITING = FAIL_POINTS.filter((point) => /^(commit|seal|trim|merge)/.test(point));

describe("a collector's store that is killed", () => {
	it.each(OF_WRITING.flatMap((point) => [0, 2].map((passes) => [point, passes] as const)))(
		"at “%s” after %d passes has what it acknowledged, once, and goes on",
		async (point, passes) => {
			const killed = run("fill", point, passes);
			expect(killed.signal).toBe("SIGKILL");
			await expectKept(killed.acknowledged);
			expect(run("fill")).toMatchObject({ signal: null, status: 0 });
			expect(await expectKept(KEPT_RECORDS)).toBe(KEPT_RECORDS);
		},
		60_000,
	);

	it("while a board becomes its machine has readings and what was said of the board at the machine, once", async () => {
		run("fill");
		expect(run("join", "join: names stored").signal).toBe("SIGKILL");
		const store = await openStore(folder);
		const machine = deviceNamed(store, "S0");
		expect([machine.description.serial, store.devices().size]).toEqual(["B1", KEPT_DEVICES.length]);
		expect([...store.inventory()]).toEqual([
			["device S0", [expect.objectContaining({ key: "S0", name: "Bert", validFrom: KEPT_BOARD_AT })]],
		]);
		const rows = await rowsOf(store, machine.number, keptAt(1), KEPT_BOARD_AT + 1);
		expect(rows.map(({ at }) => at)).toEqual([
			...Array.from({ length: KEPT_RECORDS }, (_, index) => keptAt(index + 1)),
			KEPT_BOARD_AT,
		]);
		await store.close();
	}, 60_000);

	it("while it drops a day has the day after it, and drops the rest of that day next time", async () => {
		run("fill");
		for (const passes of [0, 3]) expect(run("drop", "drop: between files", passes).signal).toBe("SIGKILL");
		expect(run("drop")).toMatchObject({ signal: null, status: 0 });
		expect(readdirSync(folder).filter((name) => name.startsWith("raw-2024-01-01"))).toEqual([]);
		const firstOfDay = 1 + (SECOND_DAY - keptAt(1)) / 60_000;
		expect(await expectKept(KEPT_RECORDS, firstOfDay)).toBe(KEPT_RECORDS);
	}, 60_000);
});
