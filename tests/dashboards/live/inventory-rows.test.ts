/** What an operator types becomes rows of the inventory's import, and statements a table that can be read in again. */
import { describe, expect, it } from "vitest";
import type { InventoryEntryAnswer } from "../../../collector/expose/answers.js";
import {
	differences,
	entryNow,
	rowOf,
	rowsOf,
	saidIn,
	tableText,
} from "../../../dashboards/live/inventory-rows.js";

const LAKE: InventoryEntryAnswer = {
	kind: "device",
	key: "SIM1",
	validFrom: 1_000,
	validTo: 2_000,
	owner: "Lake, Co",
	powerLimitWatts: 3_500,
	intent: "in-service",
};
const HILL: InventoryEntryAnswer = { ...LAKE, validFrom: 2_000, owner: "Hill", intent: "maintenance" };
const { validTo: _, ...HILL_ON } = HILL;

describe("a row", () => {
	it("leaves out what is empty: an empty field is not said, an empty time is now", () => {
		const said = { ...saidIn(LAKE), owner: "", name: "Corner" };
		expect(rowOf({ device: "SIM1", said, from: "", to: "" })).toEqual({
			device: "SIM1",
			name: "Corner",
			powerLimitWatts: "3500",
			intent: "in-service",
		});
	});

	it("of many machines repeats what each said before and until when: a maintenance that ends still ends", () => {
		const until = { ...LAKE, intent: "maintenance" } as const;
		expect(rowsOf(["SIM1", "SIM2"], { owner: "Hill", use: "" }, [until])).toEqual([
			{
				device: "SIM1",
				owner: "Hill",
				powerLimitWatts: "3500",
				intent: "maintenance",
				validTo: "1970-01-01T00:00:02.000Z",
			},
			{ device: "SIM2", owner: "Hill" },
		]);
	});

	it("is compared field by field, with nothing where nothing is said", () => {
		expect(differences(LAKE, HILL)).toEqual([
			{ field: "owner", before: "Lake, Co", after: "Hill" },
			{ field: "intent", before: "in-service", after: "maintenance" },
		]);
		expect(differences(undefined, LAKE).map(({ before }) => before)).toEqual(["", "", ""]);
	});
});

describe("the statement in force", () => {
	it.each([
		[999, undefined],
		[1_999, "Lake, Co"],
		[2_000, "Hill"],
	])("at %d is of %s", (at, owner) => {
		expect(entryNow([LAKE, HILL_ON], at)?.owner).toBe(owner);
	});
});

describe("the table", () => {
	it("names devices, racks and sites as the import reads them, and quotes commas", () => {
		const rack: InventoryEntryAnswer = {
			kind: "rack",
			key: "ridge/A/1",
			validFrom: 0,
			powerLimitWatts: 90_000,
			intent: "in-service",
		};
		const [head, first, second] = tableText([LAKE, rack]).split("\r\n");
		expect(head).toBe(
			"device,site,name,rack,position,owner,use,intent,powerLimitWatts,temperatureLimitCelsius,validTo",
		);
		expect(first).toBe('SIM1,,,,,"Lake, Co",,in-service,3500,,1970-01-01T00:00:02.000Z');
		expect(second).toBe(",ridge,,A/1,,,,,90000,,");
	});
});
