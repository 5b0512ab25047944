/**
 * How to look into an answer of unknown shape: each function gives what is asked for or undefined, and
 * never throws. For the functions that lay answers out; the tables themselves name places by path.
 */

export type AnyRecord = Readonly<Record<string, unknown>>;

export function recordOf(value: unknown): AnyRecord | undefined {
	return typeof value === "object" && value !== null && !Array.isArray(value)
		? (value as AnyRecord)
		: undefined;
}

/** A list as it is; one object where a list of one was meant; nothing else. */
export function listOf(value: unknown): readonly unknown[] {
	if (Array.isArray(value)) return value as readonly unknown[];
	return recordOf(value) === undefined ? [] : [value];
}

export function recordsOf(value: unknown): readonly AnyRecord[] {
	const records: AnyRecord[] = [];
	for (const entry of listOf(value)) {
		const record = recordOf(entry);
		if (record !== undefined) records.push(record);
	}
	return records;
}

export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
	let here = value;
	for (const step of path) {
		if (typeof here !== "object" || here === null || !Object.hasOwn(here, step)) return undefined;
		here = (here as Readonly<Record<string | number, unknown>>)[step];
	}
	return here;
}

export function textOf(value: unknown): string | undefined {
	if (typeof value === "string") return value.trim() === "" ? undefined : value.trim();
	return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

/** Thousands separators are taken off; "12abc" is no number. */
const NUMBER = /^[-+]?(?:\d+(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?$/;
const NUMBER_CHARACTERS_MOST = 64;

export function numberOf(value: unknown): number | undefined {
	if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
	if (typeof value !== "string" || value.length > NUMBER_CHARACTERS_MOST) return undefined;
	const text = value.trim();
	if (!NUMBER.test(text)) return undefined;
	const number = Number(text.includes(",") ? text.replaceAll(",", "") : text);
	return Number.isFinite(number) ? number : undefined;
}

/** The entries whose key matches, by the number that the pattern's first group holds, in rising order. */
export function numbered(
	record: AnyRecord,
	pattern: RegExp,
): readonly { readonly slot: number; readonly value: unknown }[] {
	const found: { slot: number; value: unknown }[] = [];
	const name = columnOf(pattern);
	if (name !== undefined) {
		for (const [slot, key] of columns(record).get(name) ?? []) found.push({ slot, value: record[key] });
	} else
		for (const key of Object.keys(record)) {
			const match = pattern.exec(key);
			if (match !== null) found.push({ slot: Number(match[1]), value: record[key] });
		}
	return found.length < 2 ? found : found.sort((one, other) => one.slot - other.slot);
}

const columnNames = new WeakMap<RegExp, string | undefined>();

/** A pattern such as /^fan(\d+)$/ asks for a column; one whose name ends in a digit does not. */
function columnOf(pattern: RegExp): string | undefined {
	if (columnNames.has(pattern)) return columnNames.get(pattern);
	const name =
		pattern.flags === "" ? /^\^([\w ]*[A-Za-z_ ])\(\\d\+\)\$$/.exec(pattern.source)?.[1] : undefined;
	columnNames.set(pattern, name);
	return name;
}

/** By slot, the key under which its value stands. */
export type Column = ReadonlyMap<number, string>;
type Columns = ReadonlyMap<string, Column>;

/** Devices of one model write the same keys in the same order at every poll: their columns are worked out once. */
type Shape = { readonly keys: readonly string[]; readonly columns: Columns };
const SHAPES_MOST = 64;
const shapes: Shape[] = [];
let latest: { readonly record: AnyRecord; readonly columns: Columns } | undefined;

/**
 * Every entry whose key ends in a number, by what stands before: `chain_acn1` is entry 1 of `chain_acn`. Of its value
 * only the key is given, which records of one shape share.
 */
export function columns(record: AnyRecord): Columns {
	if (latest?.record === record) return latest.columns;
	const keys = Object.keys(record);
	const found = shapes.find((shape) => areSame(shape.keys, keys))?.columns ?? noted(keys);
	latest = { record, columns: found };
	return found;
}

function areSame(some: readonly string[], others: readonly string[]): boolean {
	if (some.length !== others.length) return false;
	for (let place = 0; place < some.length; place++) if (some[place] !== others[place]) return false;
	return true;
}

function noted(keys: readonly string[]): Columns {
	const found = columnsIn(keys);
	if (keys.length > SHAPE_KEYS_MOST) return found;
	if (shapes.length >= SHAPES_MOST) shapes.pop();
	shapes.unshift({ keys, columns: found });
	return found;
}

/** What has more is no answer of a known device, and is not kept. */
const SHAPE_KEYS_MOST = 512;

function columnsIn(keys: readonly string[]): Columns {
	const found = new Map<string, Map<number, string>>();
	for (const key of keys) {
		const digits = digitsAtEnd(key);
		if (digits === 0) continue;
		const name = key.slice(0, -digits);
		const slot = Number(key.slice(-digits));
		const column = found.get(name);
		if (column === undefined) found.set(name, new Map([[slot, key]]));
		else column.set(slot, key);
	}
	return found;
}

/** What stands at a slot of a column. */
export function inSlot(record: AnyRecord, column: Column | undefined, slot: number): unknown {
	const key = column?.get(slot);
	return key === undefined ? undefined : record[key];
}

function digitsAtEnd(text: string): number {
	let count = 0;
	while (count < text.length && isDigit(text.charCodeAt(text.length - 1 - count))) count++;
	return count;
}

function isDigit(code: number): boolean {
	return code >= 0x30 && code <= 0x39;
}

/** The first that says something: missing, null and empty text do not. */
export function firstOf(value: readonly unknown[]): unknown {
	return value.find((entry) => entry !== undefined && entry !== null && entry !== "");
}

/** Only what is there: keys with undefined are left out, so that the tables see them as missing. */
export function present(record: AnyRecord): AnyRecord {
	const found: Record<string, unknown> = {};
	for (const key of Object.keys(record)) if (record[key] !== undefined) found[key] = record[key];
	return found;
}

const REMEMBERED_MOST = 256;
const REMEMBERED_CHARACTERS_MOST = 256;

/** A pure function of a text that many devices write alike, with its last results kept; long texts are not. */
export function remembered<Value>(compute: (text: string) => Value): (text: string) => Value {
	const known = new Map<string, { readonly value: Value }>();
	return (text) => {
		const before = known.get(text);
		if (before !== undefined) return before.value;
		const value = compute(text);
		if (text.length > REMEMBERED_CHARACTERS_MOST) return value;
		if (known.size >= REMEMBERED_MOST) known.clear();
		known.set(text, { value });
		return value;
	};
}
