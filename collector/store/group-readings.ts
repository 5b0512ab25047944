/**
 * The readings of one shape in one record, and the newest reading of a device, which is one of them.
 *
 * Takes a decoded group; gives values by column and row. A column is decoded when somebody asks for it, and what
 * every reading is asked for is looked up once for all. It changes nothing of the group.
 */
import type { MeasurementName } from "../../shared/measurements.js";
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import { type ColumnValues, valueIn } from "../../shared/wire/number-column.js";
import type { ReadingGroup } from "../../shared/wire/record.js";
import { deviceColumnOf } from "../derive/latest-values.js";
import { type PowerOptions, plainWatts } from "../derive/power.js";
import type { LatestReading, Shape } from "./device-state.js";

const NOTHING: ColumnValues = new Float64Array(0);
const NO_CODES: readonly string[] = [];

export class GroupReadings {
	readonly group: ReadingGroup;
	readonly shape: Shape;
	/** By row, as power.ts has them; NaN where absent or where its rules are needed. */
	readonly plainWatts: Float64Array;
	/** By row; NaN where absent. */
	readonly terahashesPerSecond: Float64Array;

	constructor(group: ReadingGroup, shape: Shape, power: PowerOptions) {
		this.group = group;
		this.shape = shape;
		this.terahashesPerSecond = this.ofDevices("hashrateTerahashesPerSecond");
		this.plainWatts = this.ofDevices("powerWatts");
		const { plainWatts: watts, terahashesPerSecond } = this;
		const boundaries = deviceColumnOf(shape, "powerBoundary");
		for (let row = 0; row < group.count; row += 1) {
			const boundary = boundaries === undefined ? undefined : this.valueAt(boundaries, row);
			watts[row] = plainWatts(watts[row] as number, boundary, terahashesPerSecond[row] as number, power);
		}
	}

	/** NaN where it is absent. */
	valueAt(index: number, row: number): number {
		const column = this.group.values.at(index) ?? NOTHING;
		return valueIn(column, row, this.group.columns[index]?.decimals ?? 0);
	}

	isWholeAt(index: number): boolean {
		for (let row = 0; row < this.group.count; row += 1)
			if (Number.isNaN(this.valueAt(index, row))) return false;
		return true;
	}

	mostAt(index: number): number {
		let most = Number.NEGATIVE_INFINITY;
		for (let row = 0; row < this.group.count; row += 1) {
			const value = this.valueAt(index, row);
			if (value > most) most = value;
		}
		return most;
	}

	private ofDevices(name: MeasurementName): Float64Array {
		const values = new Float64Array(this.group.count).fill(Number.NaN);
		const index = deviceColumnOf(this.shape, name);
		if (index === undefined) return values;
		for (let row = 0; row < values.length; row += 1) values[row] = this.valueAt(index, row);
		return values;
	}
}

/** One object a device, which becomes its next reading: a million of them a minute would be garbage. */
export class NewestReading implements LatestReading {
	at: UnixMilliseconds;
	cameWith: GroupReadings;
	private row: number;
	private made: Float64Array | undefined;

	constructor(at: number, cameWith: GroupReadings, row: number) {
		this.at = quantity<UnixMilliseconds>(at);
		this.cameWith = cameWith;
		this.row = row;
	}

	become(at: number, cameWith: GroupReadings, row: number): void {
		this.at = quantity<UnixMilliseconds>(at);
		this.cameWith = cameWith;
		this.row = row;
		this.made = undefined;
	}

	get shape(): Shape {
		return this.cameWith.shape;
	}

	/** Put together when somebody wants them all. */
	get values(): Float64Array {
		this.made ??= Float64Array.from(this.shape.columns, (_, index) => this.numberAt(index));
		return this.made;
	}

	get errorCodes(): readonly string[] {
		return this.cameWith.group.errorCodes.get(this.row) ?? NO_CODES;
	}

	numberAt(index: number): number {
		return this.cameWith.valueAt(index, this.row);
	}
}
