/**
 * The values of a device or of a part by its driver's tables: from laid-out answers to numbers in our units. Pure;
 * never throws. A fault of one value never costs another.
 *
 * Load: 200 readings a second of 150 places each. So the tables are prepared once, and a place without "*" is
 * looked up without a list being made.
 */
import {
	type MeasurementName,
	measurement,
	POWER_BOUNDARIES,
	POWER_SOURCES,
} from "../../shared/measurements.js";
import type { Fault } from "../../shared/reading.js";
import type { Driver, Path, Reads, Source, Unit } from "./driver.js";
import { numberOf, recordOf, textOf } from "./kit/reading.js";

export type Values = Partial<Record<MeasurementName, number>>;

/** A row of a table, with what the measurement table says of it. */
type PreparedRead = {
	readonly name: MeasurementName;
	readonly least: number;
	readonly most: number;
	readonly sources: readonly PreparedSource[];
};
type PreparedSource = Omit<Source, "words"> & {
	readonly hasSeveral: boolean;
	/** No step is also the name of something that every object or list has: it can be looked up bare. */
	readonly isBare: boolean;
	/** Every number there is a value: neither words nor numbers that mean absence. */
	readonly isPlain: boolean;
	readonly factor: number;
	/** Vendor's word → place among the measurement's words. */
	readonly words: ReadonlyMap<string, number> | undefined;
};

const preparedReads = new WeakMap<Reads, readonly PreparedRead[]>();

function prepared(reads: Reads): readonly PreparedRead[] {
	const known = preparedReads.get(reads);
	if (known !== undefined) return known;
	const made = Object.entries(reads).map(([key, source]) => {
		const name = key as MeasurementName;
		const { least, most } = measurement(name);
		const sources = (isSource(source) ? [source] : source).map((one) => preparedSource(name, one));
		return { name, least, most, sources };
	});
	preparedReads.set(reads, made);
	return made;
}

function isSource(source: Source | readonly Source[]): source is Source {
	return "at" in source && !Array.isArray(source);
}

function preparedSource(name: MeasurementName, { words, ...source }: Source): PreparedSource {
	const ours = measurement(name).words ?? [];
	const known =
		words === undefined
			? undefined
			: new Map(
					Object.entries(words)
						.map(([vendors, word]) => [vendors, ours.indexOf(word)] as const)
						.filter(([, place]) => place >= 0),
				);
	const hasSeveral = source.at.includes("*");
	const isBare = !source.at.some((step) => step in Object.prototype || step in Array.prototype);
	const isPlain = known === undefined && source.absent === undefined;
	return { ...source, hasSeveral, isBare, isPlain, factor: source.unit?.factor ?? 1, words: known };
}

export type Reading = {
	/** What watts are where a place does not say otherwise. */
	readonly power: Driver["power"];
	/** A meter may measure a site, a device draws less. */
	readonly powerWattsMost: number;
	/** Stands before a place's name in a fault. */
	readonly where: string;
	readonly faults: Fault[];
};

export function readValues(reads: Reads, from: unknown, reading: Reading): Values {
	const values: Values = {};
	for (const read of prepared(reads))
		for (const source of read.sources) {
			const value = source.hasSeveral
				? readSeveral(read, source, from, reading)
				: readOne(read, source, from, reading);
			if (value === undefined) continue;
			if (read.name === "powerWatts" && value > reading.powerWattsMost) {
				reading.faults.push({ code: "DEVICE_ANSWER_IMPLAUSIBLE", at: placeOf(read, source, reading.where) });
				continue;
			}
			values[read.name] = value;
			if (read.name === "powerWatts") namePower(values, source.power ?? reading.power);
			break;
		}
	return values;
}

function namePower(values: Values, { source, boundary }: Driver["power"]): void {
	values.powerSource = POWER_SOURCES.indexOf(source);
	values.powerBoundary = POWER_BOUNDARIES.indexOf(boundary);
}

/** Nothing hashes on 0 W: a device that says so has no meter, and the operator should know that it says so. */
export function refuseNoWatts({ reads }: Driver, values: Values, roots: unknown, faults: Fault[]): void {
	const isHashing =
		(values.hashrateTerahashesPerSecond ?? values.otherAlgorithmHashrateHashesPerSecond ?? 0) > 0;
	const powerWatts = prepared(reads).find(({ name }) => name === "powerWatts");
	if (!isHashing || powerWatts === undefined || (values.powerWatts ?? 0) > 0) return;
	delete values.powerWatts;
	delete values.powerSource;
	delete values.powerBoundary;
	const zero = powerWatts.sources.find((source) =>
		lookUp(roots, source.at).some((found) => numberIn(found, source.unit) === 0),
	);
	if (zero === undefined) return;
	faults.push({ code: "DEVICE_ANSWER_IMPLAUSIBLE", at: placeOf(powerWatts, zero, "") });
}

function readOne(
	read: PreparedRead,
	source: PreparedSource,
	from: unknown,
	{ where, faults }: Reading,
): number | undefined {
	const found = source.isBare ? alongPath(from, source.at) : lookUp(from, source.at)[0];
	if (found === undefined || found === null) return undefined;
	if (typeof found === "number" && source.isPlain) {
		const plain = found * source.factor;
		if (plain >= read.least && plain <= read.most) return plain;
	}
	const value = toOurs(read, source, found);
	if (typeof value !== "object") return value;
	faults.push({ code: value.code, at: placeOf(read, source, where) });
	return undefined;
}

function alongPath(from: unknown, path: Path): unknown {
	let here = from;
	for (let step = 0; step < path.length; step++) {
		if (typeof here !== "object" || here === null) return undefined;
		here = (here as Readonly<Record<string | number, unknown>>)[path[step] ?? ""];
	}
	return here;
}

function readSeveral(
	read: PreparedRead,
	source: PreparedSource,
	from: unknown,
	{ where, faults }: Reading,
): number | undefined {
	const usable: number[] = [];
	for (const one of lookUp(from, source.at)) {
		const value = toOurs(read, source, one);
		if (typeof value === "object") faults.push({ code: value.code, at: placeOf(read, source, where) });
		if (typeof value !== "number") continue;
		if (source.of === undefined) return value;
		usable.push(value);
	}
	if (usable.length === 0 || source.of === undefined) return undefined;
	const value = GATHER[source.of](usable);
	if (value >= read.least && value <= read.most) return value;
	faults.push({ code: "DEVICE_ANSWER_IMPLAUSIBLE", at: placeOf(read, source, where) });
	return undefined;
}

function placeOf({ name }: PreparedRead, source: PreparedSource, where: string): string {
	return `${where}${source.at.join(".")} (${name})`;
}

const GATHER: Readonly<Record<NonNullable<Source["of"]>, (values: readonly number[]) => number>> = {
	first: (values) => values[0] ?? Number.NaN,
	highest: (values) => values.reduce((most, value) => Math.max(most, value)),
	lowest: (values) => values.reduce((least, value) => Math.min(least, value)),
	sum: (values) => values.reduce((sum, value) => sum + value),
	mean: (values) => values.reduce((sum, value) => sum + value) / values.length,
};

/** A number in our unit, a fault, or undefined where the device says that it has none. */
function toOurs(
	{ least, most }: PreparedRead,
	{ words, unit, absent, factor }: PreparedSource,
	found: unknown,
): number | { readonly code: Fault["code"] } | undefined {
	if (found === null || found === undefined) return undefined;
	const vendorValue = words === undefined ? numberIn(found, unit) : undefined;
	if (vendorValue === undefined) {
		if (typeof found === "string" && isWordForAbsent(found)) return undefined;
		return words === undefined ? MALFORMED : words.get(textOf(found)?.toLowerCase() ?? "");
	}
	if (absent?.includes(vendorValue)) return undefined;
	const value = vendorValue * factor;
	return value >= least && value <= most ? value : IMPLAUSIBLE;
}

const MALFORMED = { code: "DEVICE_ANSWER_MALFORMED" } as const;
const IMPLAUSIBLE = { code: "DEVICE_ANSWER_IMPLAUSIBLE" } as const;

const WORDS_FOR_ABSENT: ReadonlySet<string> = new Set([
	"",
	"-",
	"n/a",
	"na",
	"none",
	"null",
	"nan",
	"not supported",
	"not available",
	"unavailable",
	"unknown",
	"unknown error",
	"err!",
	"no data",
	"no permission",
	"not found",
	"unsupported",
	"gpu requires reset",
	"gpu is lost",
	"insufficient permissions",
	"requested functionality has been deprecated",
]);

/** "[N/A]" and "N/A" alike. */
export function isWordForAbsent(text: string): boolean {
	if (text.length >= 64) return false;
	if (text.includes("[") || text.includes("]"))
		return WORDS_FOR_ABSENT.has(text.replaceAll(/[[\]]/g, "").trim().toLowerCase());
	return WORDS_FOR_ABSENT.has(text.trim().toLowerCase());
}

function numberIn(found: unknown, unit: Unit | undefined): number | undefined {
	const number = numberOf(found);
	if (number !== undefined || typeof found !== "string" || unit === undefined) return number;
	const text = found.trim();
	const written = unit.written.find((suffix) => text.endsWith(suffix));
	return written === undefined ? undefined : numberOf(text.slice(0, -written.length));
}

const NOTHING: readonly unknown[] = [];

/** All that stands at a path; "*" is every entry of a list or object. */
export function lookUp(from: unknown, path: Path, step = 0): readonly unknown[] {
	let here = from;
	for (let index = step; index < path.length; index++) {
		const key = path[index] ?? "";
		if (key === "*") {
			const entries = entriesOf(here);
			const isLast = index === path.length - 1;
			return isLast ? entries : entries.flatMap((entry) => lookUp(entry, path, index + 1));
		}
		if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return NOTHING;
		here = (here as Readonly<Record<string | number, unknown>>)[key];
	}
	return [here];
}

function entriesOf(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : Object.values(recordOf(value) ?? {});
}
