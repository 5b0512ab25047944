/**
 * A piece of an answer in one piece of memory, so that it crosses a thread as a whole: the times, then the values of
 * each column. Pure.
 */
import type { Column, Columns } from "./device-state.js";

export type PackedColumns = { readonly columns: readonly Column[]; readonly all: Float64Array };

export function rowsIn({ columns, all }: PackedColumns): number {
	return all.length / (columns.length + 1);
}

/** Views of the same memory. */
export function viewsOf(packed: PackedColumns): Columns {
	const { columns, all } = packed;
	const count = rowsIn(packed);
	return {
		columns,
		times: all.subarray(0, count),
		values: columns.map((_, index) => all.subarray((index + 1) * count, (index + 2) * count)),
	};
}
