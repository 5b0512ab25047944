/** The inventory through a real store and a real server: kept, in force, and right for the past. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { InventoryAnswer, InventoryImportAnswer } from "../../../collector/expose/answers.js";
import { SCHEMAS } from "../../../collector/expose/api/schemas.js";
import { inventoryDesk } from "../../../collector/inventory/desk.js";
import type { DeviceState } from "../../../collector/store/device-state.js";
import { MainDatabase } from "../../../collector/store/main-database.js";
import { miner, NOW, plainStore, standingClock } from "../expose/fleet-fixture.js";
import { complaints } from "../expose/json-schema.js";
import { notingKeeper, running } from "../expose/server-fixture.js";

const entry = (key: string, validFrom: number, rack: string) =>
	({ kind: "device", key, validFrom, rack, intent: "in-service" }) as const;

describe("fleetwatt.db", () => {
	it("keeps statements whole and replaces those of one thing alone", () => {
		const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-inventory-"));
		onTestFinished(() => rmSync(folder, { recursive: true }));
		const full = {
			...entry("m1", NOW, "A1"),
			validTo: NOW + 5,
			name: "Anna",
			position: "1",
			owner: "north",
			use: "mining",
			powerLimitWatts: 3_600.5,
			temperatureLimitCelsius: 90,
		};
		const first = new MainDatabase(folder);
		first.putInventory([[full], [entry("m2", 1, "B1"), entry("m2", 2, "B2")]], [full, entry("m2", 1, "")]);
		first.putInventory([[entry("m2", 3, "B3")]], [entry("m2", 1, "")]);
		first.close();
		const again = new MainDatabase(folder);
		expect(again.inventory()).toEqual([full, entry("m2", 3, "B3")]);
		again.close();
	});
});

async function served(others: readonly DeviceState[] = []) {
	const clock = standingClock();
	const devices = [...["m1", "m2", "m3"].map((key) => miner(key)), ...others];
	const store = plainStore({ devices });
	// Joining needs a real store: replace.test.ts.
	const joining = Object.assign(store, { joinDevices: () => Promise.resolve("Not here.") });
	const inventory = inventoryDesk({
		store: joining,
		clock,
		onImported: () => undefined,
		onReplaced: () => undefined,
	});
	const { keeper, noted } = notingKeeper();
	const up = await running({}, { store, inventory, access: { keeper, isOpen: true, loginHours: 1 } });
	const url = `${up.url}/api/v1/inventory`;
	const post = (query: string, type: string, body: string, headers: Record<string, string> = {}) =>
		fetch(`${url}${query}`, { method: "POST", body, headers: { "content-type": type, ...headers } });
	const get = async <Answer>(from: string) =>
		(await (await fetch(`${up.url}/api/v1${from}`)).json()) as Answer;
	return { up, url, post, get, noted, metrics: async () => (await fetch(`${up.url}/metrics`)).text() };
}

describe("POST /api/v1/inventory", () => {
	it("as a dry run says what would change and changes nothing; then it is in force", async () => {
		const { post, get, metrics, noted } = await served();
		const text = "device,rack,name,owner,intent\nm1,Z9,Anna,north,curtailed\nm7,Z9,,,\n";
		const expected = { rows: 2, added: 1, changed: 0, unchanged: 0, refusedRows: 1 };
		const dry = (await (await post("?dryRun=true", "text/csv", text)).json()) as InventoryImportAnswer;
		expect(dry).toMatchObject({ isDryRun: true, ...expected });
		expect(await get<InventoryAnswer>("/inventory")).toMatchObject({ entries: [] });
		const done = (await (await post("", "text/csv", text)).json()) as InventoryImportAnswer;
		expect(done).toMatchObject({ isDryRun: false, ...expected });
		expect(noted).toMatchObject([{ what: "inventory_changed", detail: "1 added, 0 changed: device m1" }]);
		expect(complaints(done, SCHEMAS.InventoryImportAnswer, SCHEMAS)).toEqual([]);
		expect(await get("/inventory?device=m1")).toMatchObject({
			entries: [{ key: "m1", rack: "Z9", name: "Anna" }],
		});
		const said = await metrics();
		expect(said).toMatch(/fleetwatt_device_intent\{site="west",rack="Z9",device="m1",[^}]*\} +2\n/);
		expect(said).toMatch(/fleetwatt_device_info\{[^}]*device="m1"[^}]*name="Anna",owner="north"/);
		expect(said).toMatch(/fleetwatt_rack_devices_up\{site="west",rack="Z9"\} 1\n/);
	});

	it("takes rows as JSON, as the page sends them, and limits of racks and sites", async () => {
		const { post, metrics } = await served();
		const rows = [
			{ device: "m1", powerLimitWatts: 3_600, temperatureLimitCelsius: 80 },
			{ site: "west", rack: "A1", powerLimitWatts: 50_000 },
			{ site: "west", powerLimitWatts: 1e6 },
			{ device: "m3", intent: "retired" },
		];
		const answer = await post("", "application/json", JSON.stringify({ rows }));
		expect(await answer.json()).toMatchObject({ added: 4, refusedRows: 0 });
		const said = await metrics();
		expect(said).toMatch(/fleetwatt_device_power_allowed_watts\{[^}]*device="m1"[^}]*\} +3600\n/);
		expect(said).toMatch(/fleetwatt_device_power_allowed_watts\{[^}]*device="m2"[^}]*\} +4025\n/);
		expect(said).toMatch(
			/fleetwatt_device_temperature_limit_celsius\{[^}]*device="m1"[^}]*sensor="chip"\} +80\n/,
		);
		expect(said).toMatch(/fleetwatt_rack_power_allowed_watts\{site="west",rack="A1"\} 50000\n/);
		expect(said).toMatch(/fleetwatt_site_power_allowed_watts\{site="west"\} 1000000\n/);
		expect(said).toMatch(/fleetwatt_site_devices_up\{site="west"\} 2\n/);
	});

	it.each([
		[undefined, undefined],
		[9_000, "9000"],
	])(
		"says of a rack of machines without a limit none, which would always be full; with %s W it says %s",
		async (limit, expected) => {
			const { post, metrics } = await served([miner("x1", { description: { model: "Unheard of 1" } })]);
			const rows = [{ device: "x1", rack: "G1", ...(limit === undefined ? {} : { powerLimitWatts: limit }) }];
			await post("", "application/json", JSON.stringify({ rows }));
			const said = await metrics();
			expect(said).toMatch(/fleetwatt_rack_power_watts\{site="west",rack="G1"\} /);
			expect(/fleetwatt_rack_power_allowed_watts\{site="west",rack="G1"\} (.+)/.exec(said)?.[1]).toBe(
				expected,
			);
		},
	);

	it.each([
		["a page of elsewhere", "text/csv", "device\nm1", { origin: "http://evil.example" }, 403],
		["a form", "application/x-www-form-urlencoded", "a=1", {}, 400],
		["JSON that is no rows", "application/json", '{"rows":[1]}', {}, 400],
		["more than 8 MiB", "text/csv", "x".repeat(9 * 1_024 * 1_024), {}, 400],
	])("refuses %s", async (_, type, body, headers, status) => {
		const { post } = await served();
		expect((await post("", type, body, headers)).status).toBe(status);
	});
});
