/** A swapped control board joined to its machine, over the API and the command, in a real store behind a real server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { InventoryReplaceAnswer } from "../../../collector/expose/answers.js";
import { SCHEMAS } from "../../../collector/expose/api/schemas.js";
import { inventoryDesk } from "../../../collector/inventory/desk.js";
import { fleetwatt } from "../../peers/running-program.js";
import { deviceAt } from "../../shared/wire/examples.js";
import { standingClock } from "../expose/fleet-fixture.js";
import { complaints } from "../expose/json-schema.js";
import { notingKeeper, running } from "../expose/server-fixture.js";
import { arrive, MINUTE, NOON, openStore } from "../store/example-store.js";

const board = (serial: string, endpoint = "10.0.0.1", more = {}) => deviceAt(endpoint, { serial, ...more });

it("joins a board by serial or endpoint, keeps what is said of the machine, and refuses what cannot be", async () => {
	const folder = mkdtempSync(path.join(tmpdir(), "replace-"));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	const store = await openStore(folder, { now: () => NOON + 10 * MINUTE });
	onTestFinished(() => store.close());
	const reading = { terahashesPerSecond: 100, watts: 3_000 };
	const at = (
		minute: number,
		...devices: readonly (typeof board extends (...a: never) => infer D ? D : never)[]
	) => ({
		sequence: minute + 1,
		wall: NOON + minute * MINUTE,
		outcomes: devices.map((device) => ({ device, ...reading })),
	});
	const gpu = board("G", "10.0.0.7", { kind: "gpu-host" });
	await arrive(store, [
		at(0, board("A"), board("C", "10.0.0.3"), gpu),
		at(5, board("B", "10.0.0.2"), board("C", "10.0.0.3")),
	]);
	const entry = { kind: "device", validFrom: NOON, intent: "in-service" } as const;
	await store.putInventory(
		new Map([
			["device A", [{ ...entry, key: "A", name: "Anna", rack: "r7" }]],
			["device B", [{ ...entry, key: "B", name: "Bert" }]],
		]),
	);
	const clock = standingClock();
	const inventory = inventoryDesk({ store, clock, onImported: () => undefined, onReplaced: () => undefined });
	const { keeper, noted } = notingKeeper();
	const { url } = await running({}, { store, inventory, access: { keeper, isOpen: true, loginHours: 1 } });
	const post = async (body: unknown, query = "") => {
		const response = await fetch(`${url}/api/v1/inventory/replace${query}`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify(body),
		});
		return { status: response.status, said: (await response.json()) as unknown };
	};
	for (const [body, what] of [
		[{ device: "A", by: "Z" }, 'names the device \\"Z\\", which is not known.'],
		[{ device: "A", by: "A" }, "one device already"],
		[{ device: "A", by: "G" }, "of the kind gpu-host"],
		[{ device: "C", by: "B" }, "they are two devices"],
		[{ device: "A" }, "The body must be"],
	] as const) {
		const { status, said } = await post(body);
		expect([status, JSON.stringify(said)]).toEqual([400, expect.stringContaining(what)]);
	}
	const answer = {
		device: "A",
		replacedBy: "B",
		since: NOON + 5 * MINUTE,
		statementsDropped: 1,
	} satisfies Partial<InventoryReplaceAnswer>;
	const dry = await post({ device: "A", by: "10.0.0.2" }, "?dryRun=true");
	expect(dry).toEqual({ status: 200, said: { isDryRun: true, ...answer } });
	expect(complaints(dry.said, SCHEMAS.InventoryReplaceAnswer, SCHEMAS)).toEqual([]);
	expect(store.devices().has("B")).toBe(true);

	const command = fleetwatt(["inventory", "replace", "A", "B", "--url", url]);
	expect(await command.ended).toBe(0);
	expect(command.out).toContain(
		"All that was read of B since 2026-11-22T12:05:00.000Z is A's. 1 statements about B",
	);
	expect([...store.devices().keys()].sort()).toEqual(["A", "C", "G"]);
	expect(store.devices().get("A")).toMatchObject({
		description: { serial: "B", endpoint: "10.0.0.2", rack: "r7" },
		inventory: { name: "Anna" },
	});
	expect(store.inventory().has("device B")).toBe(false);
	expect(noted).toEqual([{ what: "device_replaced", detail: "A by B", who: "", address: "127.0.0.1" }]);
});
