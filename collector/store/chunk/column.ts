/**
 * The values of one column that are there ⇄ bits: two bits say how, then
 *
 *   0 constant    bit 0 and the number (signed), or bit 1 and a double
 *   1 predicted   bit 1 where all numbers are below 2^31, first number (signed), unit (number), then the
 *                 numbers less the first over the unit, as predictions.ts writes them
 *   2 packed      bit as above, least number (signed), unit (number), width (6 bits); per value the
 *                 number less the least over the unit, in so many bits
 *   3 doubles     64 bits a value
 *
 * A number is the value times 10 to the column's decimals. It is a whole number, below 2^52 either
 * way, that gives back the value when divided, and no −0; a column with any other value is doubles.
 * Pure; the same values give the same bits, whether they came as numbers or as values.
 */
import { invariant } from "../../../shared/invariant.js";
import { type BitReader, type BitWriter, widthOf } from "./bits.js";
import { DISTANCE_BELOW, readPredicted, writePredicted } from "./predictions.js";
import type { Rows } from "./presence.js";
import { scratch } from "./scratch.js";

/** Int32Array: whole numbers of 10^-decimals, ABSENT_SCALED marks absence; Float64Array: values, NaN marks absence. */
export type ColumnValues = Float64Array | Int32Array;
export const ABSENT_SCALED = -2_147_483_648;

/** So that the zigzag of a number has at most 53 bits. */
const NUMBER_MOST = 2 ** 52 - 1;
const NARROW_MOST = 2 ** 31 - 1;
const DECIMALS_MOST = 15;
const POWERS_OF_TEN = Array.from({ length: DECIMALS_MOST + 1 }, (_, decimals) => 10 ** decimals);

const KIND_BITS = 2;
const CONSTANT = 0;
const PREDICTED = 1;
const PACKED = 2;
const DOUBLES = 3;
const WIDTH_BITS = 6;
/** Rows from which the unit is guessed before all are counted in it. */
const UNIT_GUESS_ROWS = 16;
const DOUBLE_BITS = 64;

function powerOfTen(decimals: number): number {
	const power = POWERS_OF_TEN[decimals];
	invariant(power !== undefined, `a column has 0 to ${DECIMALS_MOST} decimals, found ${decimals}`);
	return power;
}

/** Rows that have a value; absent: all of them. */
export function rowsOf(values: ColumnValues): Rows | undefined {
	const isThere = values instanceof Int32Array ? countNumbers(values) : countValues(values);
	if (isThere === values.length) return undefined;
	const rows = new Int32Array(isThere);
	let found = 0;
	for (let row = 0; row < values.length && found < isThere; row += 1) {
		const value = values[row] ?? Number.NaN;
		if (value === ABSENT_SCALED ? values instanceof Int32Array : Number.isNaN(value)) continue;
		rows[found] = row;
		found += 1;
	}
	return rows;
}

function countNumbers(numbers: Int32Array): number {
	let found = 0;
	for (let row = 0; row < numbers.length; row += 1) found += numbers[row] === ABSENT_SCALED ? 0 : 1;
	return found;
}

function countValues(values: Float64Array): number {
	let found = 0;
	for (let row = 0; row < values.length; row += 1) found += Number.isNaN(values[row]) ? 0 : 1;
	return found;
}

/** Writes the values of `rows`, one at least. */
export function writeColumn(
	writer: BitWriter,
	values: ColumnValues,
	rows: Rows | undefined,
	decimals: number,
): void {
	const count = rows?.length ?? values.length;
	if (values instanceof Int32Array) {
		writeNumbers(writer, rows === undefined ? values : pickNumbers(values, rows), count);
		return;
	}
	const picked = rows === undefined ? values : pickValues(values, rows);
	if (!scaled(picked, count, powerOfTen(decimals))) writeDoubles(writer, picked, count);
	else if (areNarrow(scratch.wide, count)) writeNumbers(writer, narrowed(scratch.picked, count), count);
	else writeWide(writer, count, false);
}

/** Numbers below 2^31 either way. */
function writeNumbers(writer: BitWriter, numbers: Int32Array, count: number): void {
	const first = numbers[0] ?? 0;
	const { least, most } = distances(numbers, count);
	if (least === most) {
		writeConstant(writer, first);
		return;
	}
	const unit = most - least > NARROW_MOST ? 1 : countInUnits(numbers, count);
	if (most / unit >= DISTANCE_BELOW || -least / unit >= DISTANCE_BELOW) {
		for (let index = 0; index < count; index += 1) scratch.wide[index] = numbers[index] ?? 0;
		writeWide(writer, count, true);
		return;
	}
	writePredictedHead(writer, { isNarrow: true, first, unit });
	writePredicted(writer, count);
}

/** The farthest from the first number, either way. */
function distances(numbers: Int32Array, count: number): { readonly least: number; readonly most: number } {
	const first = numbers[0] ?? 0;
	let least = 0;
	let most = 0;
	for (let index = 1; index < count; index += 1) {
		const distance = (numbers[index] ?? 0) - first;
		if (distance < least) least = distance;
		if (distance > most) most = distance;
	}
	return { least, most };
}

/**
 * Fills `scratch.numbers` with the distances from the first, not all 0, over their greatest common
 * divisor, which it gives.
 */
function countInUnits(numbers: Int32Array, count: number): number {
	const first = numbers[0] ?? 0;
	let unit = 0;
	for (let index = 1; index < count && (unit === 0 || index < UNIT_GUESS_ROWS); index += 1) {
		unit = commonDivisor(unit, Math.abs((numbers[index] ?? 0) - first));
	}
	for (;;) {
		const odd = countWith(numbers, count, unit);
		if (odd === count) return unit;
		unit = commonDivisor(unit, Math.abs((numbers[odd] ?? 0) - first));
	}
}

/** Gives the first row whose distance is no multiple of the unit; `count` where there is none. */
function countWith(numbers: Int32Array, count: number, unit: number): number {
	const target = scratch.numbers;
	const first = numbers[0] ?? 0;
	if (unit === 1) {
		for (let index = 0; index < count; index += 1) target[index] = (numbers[index] ?? 0) - first;
		return count;
	}
	// Dividing whole numbers takes several times as long.
	const inverse = 1 / unit;
	for (let index = 0; index < count; index += 1) {
		const distance = (numbers[index] ?? 0) - first;
		const units = Math.round(distance * inverse);
		if (units * unit !== distance) return index;
		target[index] = units;
	}
	return count;
}

/** The first `count` of `scratch.wide`, whole numbers. */
function writeWide(writer: BitWriter, count: number, isNarrow: boolean): void {
	const { wide, numbers } = scratch;
	const first = wide[0] ?? 0;
	let least = first;
	let most = first;
	let unit = 0;
	for (let index = 1; index < count; index += 1) {
		const number = wide[index] ?? 0;
		if (number < least) least = number;
		if (number > most) most = number;
		if (unit !== 1) unit = commonDivisor(unit, Math.abs(number - first));
	}
	if (unit === 0) writeConstant(writer, first);
	else if ((most - first) / unit < DISTANCE_BELOW && (first - least) / unit < DISTANCE_BELOW) {
		for (let index = 0; index < count; index += 1) numbers[index] = ((wide[index] ?? 0) - first) / unit;
		writePredictedHead(writer, { isNarrow, first, unit });
		writePredicted(writer, count);
	} else {
		const width = widthOf((most - least) / unit);
		writer.put(PACKED, KIND_BITS);
		writer.put(isNarrow ? 1 : 0, 1);
		writer.putSigned(least);
		writer.putNumber(unit);
		writer.put(width, WIDTH_BITS);
		for (let index = 0; index < count; index += 1) writer.putLong(((wide[index] ?? 0) - least) / unit, width);
	}
}

function writePredictedHead(
	writer: BitWriter,
	{ isNarrow, first, unit }: { readonly isNarrow: boolean; readonly first: number; readonly unit: number },
): void {
	writer.put(PREDICTED, KIND_BITS);
	writer.put(isNarrow ? 1 : 0, 1);
	writer.putSigned(first);
	writer.putNumber(unit);
}

function writeConstant(writer: BitWriter, number: number): void {
	writer.put(CONSTANT, KIND_BITS);
	writer.put(0, 1);
	writer.putSigned(number);
}

function writeDoubles(writer: BitWriter, values: Float64Array, count: number): void {
	const first = values[0] ?? 0;
	let isConstant = true;
	for (let index = 1; index < count && isConstant; index += 1) isConstant = Object.is(values[index], first);
	writer.put(isConstant ? CONSTANT : DOUBLES, KIND_BITS);
	if (isConstant) writer.put(1, 1);
	for (let index = 0; index < (isConstant ? 1 : count); index += 1) writer.putDouble(values[index] ?? 0);
}

function pickNumbers(values: Int32Array, rows: Rows): Int32Array {
	const { picked } = scratch;
	for (let index = 0; index < rows.length; index += 1) picked[index] = values[rows[index] ?? 0] ?? 0;
	return picked;
}

function pickValues(values: Float64Array, rows: Rows): Float64Array {
	const { wide } = scratch;
	for (let index = 0; index < rows.length; index += 1) wide[index] = values[rows[index] ?? 0] ?? 0;
	return wide;
}

/** Fills `scratch.wide` with whole numbers; false, and `values` as they were, where one is none. */
function scaled(values: Float64Array, count: number, power: number): boolean {
	for (let index = 0; index < count; index += 1) {
		const value = values[index] ?? 0;
		if (!isWholeOf(value, power)) return false;
	}
	const { wide } = scratch;
	for (let index = 0; index < count; index += 1) wide[index] = Math.round((values[index] ?? 0) * power);
	return true;
}

/** Whether a value is a whole number of its decimals: times the power, and back, without a loss. */
function isWholeOf(value: number, power: number): boolean {
	const number = Math.round(value * power);
	return (
		number / power === value &&
		number <= NUMBER_MOST &&
		number >= -NUMBER_MOST &&
		(value !== 0 || 1 / value > 0)
	);
}

function areNarrow(wide: Float64Array, count: number): boolean {
	let narrow = 0;
	for (let index = 0; index < count; index += 1) {
		const number = wide[index] ?? 0;
		narrow += number <= NARROW_MOST && number >= -NARROW_MOST ? 1 : 0;
	}
	return narrow === count;
}

function narrowed(target: Int32Array, count: number): Int32Array {
	const { wide } = scratch;
	for (let index = 0; index < count; index += 1) target[index] = wide[index] ?? 0;
	return target;
}

function commonDivisor(left: number, right: number): number {
	let [one, other] = [left, right];
	while (other !== 0) {
		const rest = one % other;
		one = other;
		other = rest;
	}
	return one;
}

/** What was read of a column, and where it lies. */
type Found =
	| {
			readonly kind: "predicted";
			readonly isNarrow: boolean;
			readonly first: number;
			readonly unit: number;
	  }
	| { readonly kind: "wide"; readonly isNarrow: boolean; readonly isScaled: boolean }
	| { readonly kind: "constant"; readonly isScaled: boolean; readonly value: number };

export type Place = {
	/** Samples of the chunk. */
	readonly count: number;
	/** Those that have a value; absent: all. */
	readonly rows: Rows | undefined;
	readonly decimals: number;
};

/** Puts the values into `target` from `at` on, NaN where one is absent. @throws OutOfBytes where the bits run out */
export function readValues(reader: BitReader, place: Place, target: Float64Array, at: number): void {
	putFound(readFound(reader, place.rows?.length ?? place.count), place, target, at);
}

/** Int32Array where all numbers fit it. */
export function readScaled(reader: BitReader, { count, rows, decimals }: Place): ColumnValues {
	const found = readFound(reader, rows?.length ?? count);
	if (found.kind === "constant") {
		const isNarrow = found.isScaled && Math.abs(found.value) <= NARROW_MOST;
		if (!isNarrow) return asValues(found, { count, rows, decimals });
		scratch.numbers.fill(found.value, 0, rows?.length ?? count);
	} else if (!found.isNarrow) return asValues(found, { count, rows, decimals });
	else if (found.kind === "predicted") unscaleNarrow(rows?.length ?? count, found.first, found.unit);
	else narrowed(scratch.numbers, rows?.length ?? count);
	return spreadNumbers(count, rows);
}

function unscaleNarrow(count: number, first: number, unit: number): void {
	const { numbers } = scratch;
	const start = first | 0;
	const factor = unit | 0;
	for (let index = 0; index < count; index += 1) {
		numbers[index] = (start + Math.imul(numbers[index] ?? 0, factor)) | 0;
	}
}

function spreadNumbers(count: number, rows: Rows | undefined): Int32Array {
	const { numbers } = scratch;
	if (rows === undefined) return numbers.slice(0, count);
	const spread = new Int32Array(count).fill(ABSENT_SCALED);
	for (let index = 0; index < rows.length; index += 1) spread[rows[index] ?? 0] = numbers[index] ?? 0;
	return spread;
}

function asValues(found: Found, place: Place): Float64Array {
	const values = new Float64Array(place.count);
	putFound(found, place, values, 0);
	return values;
}

function putFound(found: Found, { count, rows, decimals }: Place, target: Float64Array, at: number): void {
	const power = powerOfTen(decimals);
	if (rows === undefined) {
		putPresent(found, power, { target, from: at, to: at + count });
		return;
	}
	const { wide } = scratch;
	putPresent(found, power, { target: wide, from: 0, to: rows.length });
	target.fill(Number.NaN, at, at + count);
	for (let index = 0; index < rows.length; index += 1)
		target[at + (rows[index] as number)] = wide[index] as number;
}

type Stretch = { readonly target: Float64Array; readonly from: number; readonly to: number };

function putPresent(found: Found, power: number, stretch: Stretch): void {
	if (found.kind === "predicted") fromNumbers(found, power, stretch);
	else if (found.kind === "wide") fromWide(found.isScaled ? power : 1, stretch);
	else stretch.target.fill(found.isScaled ? found.value / power : found.value, stretch.from, stretch.to);
}

function fromNumbers(
	{ first, unit }: { readonly first: number; readonly unit: number },
	power: number,
	{ target, from, to }: Stretch,
): void {
	const { numbers } = scratch;
	for (let at = from, index = 0; at < to; at += 1, index += 1)
		target[at] = (first + (numbers[index] as number) * unit) / power;
}

function fromWide(power: number, { target, from, to }: Stretch): void {
	const { wide } = scratch;
	for (let at = from, index = 0; at < to; at += 1, index += 1) target[at] = (wide[index] as number) / power;
}

function readFound(reader: BitReader, count: number): Found {
	const kind = reader.take(KIND_BITS);
	if (kind === DOUBLES) {
		reader.need(count * DOUBLE_BITS);
		for (let index = 0; index < count; index += 1) scratch.wide[index] = reader.takeDouble();
		return { kind: "wide", isNarrow: false, isScaled: false };
	}
	const bit = reader.take(1) === 1;
	if (kind === CONSTANT) {
		return { kind: "constant", isScaled: !bit, value: bit ? reader.takeDouble() : reader.takeSigned() };
	}
	const first = reader.takeSigned();
	const unit = reader.takeNumber();
	if (kind === PREDICTED) {
		readPredicted(reader, count);
		return { kind: "predicted", isNarrow: bit, first, unit };
	}
	const width = reader.take(WIDTH_BITS);
	reader.need(count * width);
	for (let index = 0; index < count; index += 1) scratch.wide[index] = first + reader.takeLong(width) * unit;
	return { kind: "wide", isNarrow: bit, isScaled: true };
}
