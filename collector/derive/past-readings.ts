/**
 * Columns of a device's past → its outcomes, one by one in order of time, as the present once saw them.
 *
 * Takes a piece of an answer of `select`; gives readings whose columns are shared. Pure. What a failure said and a
 * reading's error words are not kept by the store, so they are not given.
 */
import { FAILURE_CODES } from "../../shared/failures.js";
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import type { Column, Columns, LatestReading, Shape } from "../store/device-state.js";

export type PastOutcome = {
	readonly at: number;
	/** Of a failure. */
	readonly code?: string;
	readonly latest?: LatestReading;
};

/** Shapes by their columns: what is derived once a shape is found again. */
const SHAPES_MOST = 4_096;
const shapes = new Map<string, Shape>();

export function* pastReadings({ columns, times, values }: Columns): Generator<PastOutcome, undefined> {
	const resultPlace = columns.findIndex(isResult);
	const kept = columns.flatMap((column, index) => (index === resultPlace ? [] : [{ column, index }]));
	const shape = shapeOf(kept.map(({ column }) => column));
	const own = kept.map(({ index }) => values[index] ?? new Float64Array(times.length).fill(Number.NaN));
	const results = resultPlace < 0 ? undefined : values[resultPlace];
	for (let row = 0; row < times.length; row += 1) {
		const at = times[row] as number;
		const result = results?.[row] ?? 0;
		if (result > 0) yield { at, code: FAILURE_CODES[result - 1] ?? "" };
		else yield { at, latest: new PastReading(at, shape, own, row) };
	}
	return undefined;
}

function isResult({ measurement, component }: Column): boolean {
	return measurement === "pollResult" && component === undefined;
}

function shapeOf(columns: readonly Column[]): Shape {
	const hash = columns
		.map(({ measurement, component, decimals }) =>
			component === undefined
				? `${measurement} ${decimals}`
				: `${component.part} ${component.key} ${measurement} ${decimals}`,
		)
		.join("\n");
	const known = shapes.get(hash);
	if (known !== undefined) return known;
	if (shapes.size >= SHAPES_MOST) shapes.clear();
	const made = { hash, columns };
	shapes.set(hash, made);
	return made;
}

class PastReading implements LatestReading {
	readonly at: UnixMilliseconds;
	readonly shape: Shape;
	readonly errorCodes: readonly string[] = [];
	private readonly columns: readonly Float64Array[];
	private readonly row: number;

	constructor(at: number, shape: Shape, columns: readonly Float64Array[], row: number) {
		this.at = quantity<UnixMilliseconds>(at);
		this.shape = shape;
		this.columns = columns;
		this.row = row;
	}

	get values(): Float64Array {
		return Float64Array.from(this.columns, (column) => column[this.row] ?? Number.NaN);
	}

	numberAt(index: number): number {
		return this.columns[index]?.[this.row] ?? Number.NaN;
	}
}
