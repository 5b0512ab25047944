/**
 * What an import would change: each row's fate, what differs, what is refused and why. Pure.
 *
 * Takes a table, the devices that are known and the inventory as it stands; gives the inventory's new statements and
 * a diff. A refused row leaves all others as they are. Rows of one device may follow one another in time, not
 * overlap; no two devices stand in one position at once.
 *
 * The collector waits for it: STATEMENTS_MOST of a table, STATEMENTS_OF_ONE_MOST of them of one thing, and no step
 * looks at each pair of rows.
 */
import { grouped } from "../../shared/grouped.js";
import {
	endOf,
	entryAt,
	type InventoryEntries,
	type InventoryEntry,
	inventoryKey,
	saysTheSame,
	withEntries,
} from "../derive/placement.js";
import type { DeviceState } from "../store/device-state.js";
import { type CsvRow, csvTable } from "./csv.js";
import { type KnownDevices, knownDevices } from "./known-devices.js";
import { occupiedTwice } from "./places.js";
import { COLUMNS, type Refusal, type Stated, statementsOf } from "./statements.js";
import { Stretches } from "./stretches.js";

/** Twenty for each of 10,000 devices. */
const STATEMENTS_MOST = 200_000;
const STATEMENTS_OF_ONE_MOST = 1_000;

export type Inventory = ReadonlyMap<string, InventoryEntries>;

export type Change = {
	readonly line: number;
	readonly after: InventoryEntry;
	/** What held at the time at which the change begins. */
	readonly before?: InventoryEntry;
};

export type Plan = {
	readonly rows: number;
	readonly changes: readonly Change[];
	/** Rows that say what is said already. */
	readonly unchanged: number;
	readonly refused: readonly Refusal[];
	/** Whole histories of what changes, by inventoryKey. */
	readonly histories: Inventory;
};

export type PlanWish = {
	readonly devices: Iterable<DeviceState>;
	readonly inventory: Inventory;
	readonly now: number;
};

export function planOfText(text: string, wish: PlanWish): Plan {
	const table = csvTable(text);
	if (!table.ok) return refusedWhole(table.line, table.what);
	const unknown = table.columns.find((name) => !COLUMNS.some((column) => column === name));
	if (unknown !== undefined)
		return refusedWhole(
			1,
			`The column ${JSON.stringify(unknown)} is not known. Columns: ${COLUMNS.join(", ")}.`,
		);
	return planOf(table.rows, wish);
}

function refusedWhole(line: number, what: string): Plan {
	return { rows: 0, changes: [], unchanged: 0, refused: [{ line, what }], histories: new Map() };
}

export function planOf(rows: readonly CsvRow[], { devices, inventory, now }: PlanWish): Plan {
	const known = knownDevices(devices);
	const refused: Refusal[] = [];
	let stated = statedBy(rows, { known, now, refused });
	stated = without(stated, overlapping(stated), refused);
	stated = without(stated, occupiedTwice(stated, inventory, known), refused);
	refused.sort((one, other) => one.line - other.line);
	return { rows: rows.length, ...differences(stated, inventory), refused };
}

type Reading = { readonly known: KnownDevices; readonly now: number; readonly refused: Refusal[] };

function statedBy(rows: readonly CsvRow[], { known, now, refused }: Reading): readonly Stated[] {
	const all: Stated[] = [];
	const ofOne = new Map<string, number>();
	for (const row of rows) {
		const found = statementsOf(row, known, now);
		const what = "what" in found ? found.what : tooMany(found.stated, all.length, ofOne);
		if ("what" in found || what !== undefined) {
			refused.push({ line: row.line, what: what ?? "" });
			continue;
		}
		for (const one of found.stated) {
			const key = inventoryKey(one.entry);
			ofOne.set(key, (ofOne.get(key) ?? 0) + 1);
			all.push(one);
		}
	}
	return all;
}

function tooMany(
	stated: readonly Stated[],
	before: number,
	ofOne: ReadonlyMap<string, number>,
): string | undefined {
	if (before + stated.length > STATEMENTS_MOST)
		return `says more than ${STATEMENTS_MOST} things with the rows before it. Split the table.`;
	const full = stated.find(({ entry }) => (ofOne.get(inventoryKey(entry)) ?? 0) >= STATEMENTS_OF_ONE_MOST);
	return full === undefined
		? undefined
		: `is one of more than ${STATEMENTS_OF_ONE_MOST} about ${full.entry.key}. Split the table.`;
}

/** Takes out whole rows: half a range is not what was asked for. */
function without(
	stated: readonly Stated[],
	found: readonly Refusal[],
	refused: Refusal[],
): readonly Stated[] {
	const lines = new Map(found.map((one) => [one.line, one]));
	for (const one of lines.values()) refused.push(one);
	return stated.filter(({ line }) => !lines.has(line));
}

function overlapping(stated: readonly Stated[]): readonly Refusal[] {
	return [...grouped(stated, ({ entry }) => inventoryKey(entry)).values()].flatMap((group) => {
		const taken = new Stretches<Stated>();
		return group.flatMap((one) => {
			const { line, entry } = one;
			const other = taken.put(entry, one);
			return other === undefined
				? []
				: {
						line,
						what: `holds for ${entry.key} at the same time as line ${other.line}. Give both validFrom and validTo that do not overlap.`,
					};
		});
	});
}

function differences(
	stated: readonly Stated[],
	inventory: Inventory,
): Pick<Plan, "changes" | "unchanged" | "histories"> {
	const changes: Change[] = [];
	let unchanged = 0;
	const changed: Stated[] = [];
	for (const one of stated) {
		const { line, entry } = one;
		const stored = inventory.get(inventoryKey(entry));
		const before = entryAt(stored, entry.validFrom);
		if (before !== undefined && isSaid(before, entry)) {
			unchanged += 1;
			continue;
		}
		changed.push(one);
		changes.push(before === undefined ? { line, after: entry } : { line, after: entry, before });
	}
	const histories = new Map(
		[...grouped(changed, ({ entry }) => inventoryKey(entry))].map(([key, group]) => [
			key,
			withEntries(
				inventory.get(key) ?? [],
				group.map(({ entry }) => entry),
			),
		]),
	);
	return { changes, unchanged, histories };
}

/** Whether the statement in force says the same, and for at least as long. */
function isSaid(before: InventoryEntry, entry: InventoryEntry): boolean {
	return saysTheSame(before, entry) && endOf(before) >= endOf(entry);
}
