/** A column's name within a reading: what runs are joined and ordered by. Pure. */
import type { Column } from "./device-state.js";

export function columnKey({ measurement, component }: Pick<Column, "measurement" | "component">): string {
	return component === undefined ? measurement : `${component.part}\n${component.key}\n${measurement}`;
}
