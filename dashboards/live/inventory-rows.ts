/**
 * What an operator types → rows that the inventory's import takes, and statements → a table to edit. Pure.
 *
 * A statement is whole in itself: a row repeats what was said before of everything that is not to change.
 */
import type { InventoryEntryAnswer } from "../../collector/expose/answers.js";
import { quoted } from "./list-file.js";

/** What can be said of a device, in the order of a form. */
export const INVENTORY_FIELDS = [
	"name",
	"rack",
	"position",
	"owner",
	"use",
	"intent",
	"powerLimitWatts",
	"temperatureLimitCelsius",
] as const;
export type InventoryField = (typeof INVENTORY_FIELDS)[number];
export type Said = Partial<Readonly<Record<InventoryField, string>>>;

export const FIELD_WORDS: Readonly<Record<InventoryField, string>> = {
	name: "Name",
	rack: "Rack",
	position: "Position",
	owner: "Owner",
	use: "Use",
	intent: "Intent",
	powerLimitWatts: "Power limit, W",
	temperatureLimitCelsius: "Temperature limit, °C",
};

export const INTENT_CHOICES = ["in-service", "maintenance", "curtailed", "retired"] as const;

export type InventoryRow = Readonly<Record<string, string>>;

export function saidIn(entry: InventoryEntryAnswer | undefined): Said {
	if (entry === undefined) return {};
	const said: Partial<Record<InventoryField, string>> = {};
	for (const field of INVENTORY_FIELDS) {
		const value = entry[field];
		if (value !== undefined) said[field] = String(value);
	}
	return said;
}

export function entryNow(
	entries: readonly InventoryEntryAnswer[],
	at: number,
): InventoryEntryAnswer | undefined {
	return entries.findLast(
		({ validFrom, validTo }) => validFrom <= at && (validTo === undefined || at < validTo),
	);
}

/** As a row says it: ISO 8601; "" is until further notice. */
export function endOf(entry: InventoryEntryAnswer | undefined): string {
	return entry?.validTo === undefined ? "" : new Date(entry.validTo).toISOString();
}

/** What `set` says of each device; the rest, and how long it holds, as it was said before. */
export function rowsOf(
	devices: readonly string[],
	set: Said,
	entries: readonly InventoryEntryAnswer[],
): readonly InventoryRow[] {
	const before = new Map(entries.filter(({ kind }) => kind === "device").map((entry) => [entry.key, entry]));
	const words = Object.fromEntries(Object.entries(set).filter(([, word]) => word !== ""));
	return devices.map((device) => {
		const entry = before.get(device);
		return rowOf({ device, said: { ...saidIn(entry), ...words }, from: "", to: endOf(entry) });
	});
}

/** @param from ISO 8601; "" is now. @param to "" is until further notice */
export function rowOf(input: {
	readonly device: string;
	readonly said: Said;
	readonly from: string;
	readonly to: string;
}): InventoryRow {
	const { device, said, from, to } = input;
	const words = { device, ...said, validFrom: from, validTo: to };
	return Object.fromEntries(Object.entries(words).filter(([, word]) => word.trim() !== ""));
}

/** Of each field what differs, with "" where nothing is said. */
export function differences(
	before: InventoryEntryAnswer | undefined,
	after: InventoryEntryAnswer,
): readonly { readonly field: InventoryField; readonly before: string; readonly after: string }[] {
	const [was, becomes] = [saidIn(before), saidIn(after)];
	return INVENTORY_FIELDS.map((field) => ({
		field,
		before: was[field] ?? "",
		after: becomes[field] ?? "",
	})).filter((one) => one.before !== one.after);
}

const TABLE = ["device", "site", ...INVENTORY_FIELDS, "validTo"] as const;

/** The statements as a table that can be edited and read in again; each would hold from then on. */
export function tableText(entries: readonly InventoryEntryAnswer[]): string {
	const rows = entries.map((entry) => {
		const words = new Map<string, string>(Object.entries(saidIn(entry)));
		if (entry.kind === "device") words.set("device", entry.key);
		else {
			words.delete("intent");
			const [site = "", rack] = entry.kind === "rack" ? entry.key.split(/\/(.*)/s) : [entry.key];
			words.set("site", site);
			if (rack !== undefined) words.set("rack", rack);
		}
		words.set("validTo", endOf(entry));
		return TABLE.map((column) => quoted(words.get(column) ?? "")).join(",");
	});
	return `${[TABLE.join(","), ...rows].join("\r\n")}\r\n`;
}
