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
import type { LatestReading, ReadingsTogether, Shape } from "./device-state.js";

const NOTHING: ColumnValues = new Float64Array(0);
const NO_CODES: readonly string[] = [];

export class GroupReadings implements ReadingsTogether {
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

	/** All values of a row; NaN where one is absent. */
	copyRow(row: number, into: Float64Array): void {
		for (let index = 0; index < into.length; index += 1) into[index] = this.valueAt(index, row);
	}

	errorCodesOf(row: number): readonly string[] {
		return this.group.errorCodes.get(row) ?? NO_CODES;
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

/**
 * One object a device, which becomes its next reading: a million of them a minute would be garbage. It has the numbers
 * themselves, so that the record they came in is let go at once.
 */
export class NewestReading implements LatestReading {
	at: UnixMilliseconds;
	shape: Shape;
	values: Float64Array;
	errorCodes: readonly string[];

	constructor(at: number, came: GroupReadings, row: number) {
		this.at = quantity<UnixMilliseconds>(at);
		this.shape = came.shape;
		this.values = new Float64Array(came.shape.columns.length);
		this.errorCodes = NO_CODES;
		this.become(at, came, row);
	}

	become(at: number, came: GroupReadings, row: number): void {
		this.at = quantity<UnixMilliseconds>(at);
		if (this.values.length !== came.shape.columns.length)
			this.values = new Float64Array(came.shape.columns.length);
		this.shape = came.shape;
		this.errorCodes = came.errorCodesOf(row);
		came.copyRow(row, this.values);
	}
}
