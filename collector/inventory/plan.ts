/**
 * What an import would change: each row's fate, what differs, what is refused and why. Pure.
 *
 * Takes a table, the devices that are known and the inventory as it stands; gives the inventory's new statements and
 * a diff. A refused row leaves all others as they are. Rows of one device may follow one another in time, not
 * overlap; no two devices stand in one position at once.
 */
import {
	entryAt,
	type InventoryEntries,
	type InventoryEntry,
	inventoryKey,
	saysTheSame,
	withEntry,
} from "../derive/placement.js";
import type { DeviceState } from "../store/device-state.js";
import { type CsvRow, csvTable } from "./csv.js";
import { COLUMNS, knownDevices, type Refusal, type Stated, statementsOf } from "./statements.js";

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
	let stated: Stated[] = [];
	for (const row of rows) {
		const found = statementsOf(row, known, now);
		if ("what" in found) refused.push(found);
		else stated.push(...found.stated);
	}
	stated = without(stated, overlapping(stated), refused);
	for (;;) {
		const doubled = twoAtOnePlace(histories(stated, inventory), stated, known.find);
		if (doubled.length === 0) break;
		stated = without(stated, doubled, refused);
	}
	return { rows: rows.length, ...differences(stated, inventory), refused: inOrder(refused) };
}

function inOrder(refused: readonly Refusal[]): readonly Refusal[] {
	return [...refused].sort((one, other) => one.line - other.line);
}

/** Takes out whole rows: half a range is not what was asked for. */
function without(stated: readonly Stated[], found: readonly Refusal[], refused: Refusal[]): Stated[] {
	const lines = new Map(found.map((one) => [one.line, one]));
	refused.push(...lines.values());
	return stated.filter(({ line }) => !lines.has(line));
}

function overlapping(stated: readonly Stated[]): readonly Refusal[] {
	const byThing = grouped(stated);
	const refusals: Refusal[] = [];
	for (const group of byThing.values()) {
		const sorted = [...group].sort((one, other) => one.line - other.line);
		const taken: Stated[] = [];
		for (const one of sorted) {
			const other = taken.find((before) => overlap(before.entry, one.entry));
			if (other === undefined) taken.push(one);
			else
				refusals.push({
					line: one.line,
					what: `holds for ${one.entry.key} at the same time as line ${other.line}. Give both validFrom and validTo that do not overlap.`,
				});
		}
	}
	return refusals;
}

function grouped(stated: readonly Stated[]): ReadonlyMap<string, readonly Stated[]> {
	const groups = new Map<string, Stated[]>();
	for (const one of stated) {
		const key = inventoryKey(one.entry);
		const group = groups.get(key);
		if (group === undefined) groups.set(key, [one]);
		else group.push(one);
	}
	return groups;
}

function overlap(one: InventoryEntry, other: InventoryEntry): boolean {
	const [a, b] = [one.validTo ?? Number.POSITIVE_INFINITY, other.validTo ?? Number.POSITIVE_INFINITY];
	return one.validFrom < b && other.validFrom < a;
}

function histories(stated: readonly Stated[], inventory: Inventory): Map<string, InventoryEntries> {
	const changed = new Map<string, InventoryEntries>();
	for (const { entry } of stated) {
		const key = inventoryKey(entry);
		changed.set(key, withEntry(changed.get(key) ?? inventory.get(key) ?? [], entry));
	}
	return new Map([...inventory, ...changed]);
}

/** The rows that put a device where another stands at the same time; the later line gives way. */
function twoAtOnePlace(
	after: Inventory,
	stated: readonly Stated[],
	find: (key: string) => DeviceState | undefined,
): readonly Refusal[] {
	const lineOf = new Map(stated.map(({ line, entry }) => [statementKey(entry), line]));
	const byPlace = new Map<string, InventoryEntry[]>();
	for (const entries of after.values()) {
		for (const entry of entries) {
			if (entry.kind !== "device" || entry.position === undefined || entry.intent === "retired") continue;
			const device = find(entry.key);
			const place = `${device?.site ?? ""}\n${entry.rack ?? device?.description.rack ?? ""}\n${entry.position}`;
			const standing = byPlace.get(place);
			if (standing === undefined) byPlace.set(place, [entry]);
			else standing.push(entry);
		}
	}
	return [...byPlace.values()].flatMap((standing) => (standing.length < 2 ? [] : crowded(standing, lineOf)));
}

function crowded(
	standing: readonly InventoryEntry[],
	lineOf: ReadonlyMap<string, number>,
): readonly Refusal[] {
	const sorted = [...standing].sort((one, other) => lineAt(one, lineOf) - lineAt(other, lineOf));
	const refusals: Refusal[] = [];
	const taken: InventoryEntry[] = [];
	for (const one of sorted) {
		const other = taken.find((before) => before.key !== one.key && overlap(before, one));
		const line = lineOf.get(statementKey(one));
		if (other === undefined || line === undefined) taken.push(one);
		else {
			const at = [...(one.rack === undefined ? [] : [`rack ${one.rack}`]), `position ${one.position}`].join(
				", ",
			);
			refusals.push({ line, what: `puts ${one.key} in ${at}, where ${other.key} stands at that time.` });
		}
	}
	return refusals;
}

/** What is stored already stands before all lines. */
function lineAt(entry: InventoryEntry, lineOf: ReadonlyMap<string, number>): number {
	return lineOf.get(statementKey(entry)) ?? 0;
}

function statementKey(entry: InventoryEntry): string {
	return `${inventoryKey(entry)} ${entry.validFrom}`;
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
	const all = histories(changed, inventory);
	const keys = new Set(changed.map(({ entry }) => inventoryKey(entry)));
	return { changes, unchanged, histories: new Map([...all].filter(([key]) => keys.has(key))) };
}

/** Whether the statement in force says the same, and for at least as long. */
function isSaid(before: InventoryEntry, entry: InventoryEntry): boolean {
	const until = (one: InventoryEntry) => one.validTo ?? Number.POSITIVE_INFINITY;
	return saysTheSame(before, entry) && until(before) >= until(entry);
}
