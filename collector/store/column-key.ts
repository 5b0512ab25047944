/** Columns of readings: their names, which runs are joined and ordered by, and lists of some of them. */
import type { Column } from "./device-state.js";

export function columnKey({ measurement, component }: Pick<Column, "measurement" | "component">): string {
	return component === undefined ? measurement : `${component.part}\n${component.key}\n${measurement}`;
}

/** The same places of the same list give the same list, so that what is kept by list is found again. */
const PICKED = new WeakMap<readonly Column[], Map<string, readonly Column[]>>();

/** @param places rising */
export function pickedColumns(columns: readonly Column[], places: readonly number[]): readonly Column[] {
	if (places.length === columns.length) return columns;
	const known = PICKED.get(columns) ?? new Map<string, readonly Column[]>();
	PICKED.set(columns, known);
	const key = places.join();
	const found = known.get(key) ?? places.map((place) => columns[place]).filter((one) => one !== undefined);
	known.set(key, found);
	return found;
}
