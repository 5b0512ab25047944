/**
 * What Bitmain's stats say of one chain, by its slot: sensors, frequency, voltage, the map of its chips. Pure; never
 * throws. Load: 200 machines a second of three chains each, so nothing is looked for that the answer does not have.
 */
import { type AnyRecord, type Column, columns, inSlot, numberOf } from "./reading.js";

const HYPHEN = 0x2d;
const POINT = 0x2e;

/** "45-47-60-61", with negatives "2--1-20-22"; "-" is an empty slot. By hand, since a poll has a dozen of them. */
export function dashList(value: unknown): readonly number[] {
	if (typeof value !== "string") return [];
	const text = value.slice(0, 256);
	const numbers: number[] = [];
	let from = 0;
	while (from >= 0 && from < text.length) {
		const end = endOfNumber(text, from);
		if (end > from && (end === text.length || text.charCodeAt(end) === HYPHEN)) {
			numbers.push(Number(text.slice(from, end)));
			from = end + 1;
		} else from = text.indexOf("-", from) + 1 || -1;
	}
	return numbers;
}

/** Gives `from` where no number stands there. */
function endOfNumber(text: string, from: number): number {
	const digits = text.charCodeAt(from) === HYPHEN ? from + 1 : from;
	const whole = endOfDigits(text, digits);
	if (whole === digits) return from;
	const fraction = text.charCodeAt(whole) === POINT ? endOfDigits(text, whole + 1) : whole;
	return fraction > whole + 1 ? fraction : whole;
}

function endOfDigits(text: string, from: number): number {
	let at = from;
	while (text.charCodeAt(at) >= 0x30 && text.charCodeAt(at) <= 0x39) at++;
	return at;
}

/**
 * With and without the underscore: firmwares differ. A Z15 writes the board's sensors under temp_out_chip; its hottest
 * chip stands under temp2_N alone.
 */
const CHIP_LISTS = ["temp_chip", "temp_in_chip", "temp_in_chip_", "temp_out_chip", "temp_out_chip_"];
const BOARD_LISTS = ["temp_pcb", "temp_in_pcb", "temp_in_pcb_", "temp_out_pcb", "temp_out_pcb_"];

/** One sensor or a dash list of them. */
function sensors(value: unknown): readonly unknown[] {
	const number = numberOf(value);
	return number === undefined ? dashList(value) : [number];
}

const FREQUENCIES = ["freq_avg", "freq"];
const VOLTAGES = ["chain_vol", "voltage", "chain_voltage"];

export function frequencyOf(values: AnyRecord, slot: number): number | undefined {
	return firstNumberIn(values, FREQUENCIES, slot);
}

/** Of the columns that are there, the first that has a number other than 0 at the slot. */
function firstNumberIn(values: AnyRecord, names: readonly string[], slot: number): number | undefined {
	const byName = columns(values);
	for (const name of names) {
		const number = numberOf(inSlot(values, byName.get(name), slot));
		if (number) return number;
	}
	return undefined;
}

type SensorsOf = (slot: number) => {
	readonly chipTemperatures: readonly unknown[];
	readonly boardTemperatures: readonly unknown[];
};

/** What firmware of format 2 lists, else the single sensors; where the lists are halves, the hottest chip stands alone. */
export function listedSensors(values: AnyRecord): SensorsOf {
	const byName = columns(values);
	const there = (names: readonly string[]) => names.flatMap((name) => byName.get(name) ?? []);
	const chipLists = there(CHIP_LISTS);
	const boardLists = there(BOARD_LISTS);
	const hasHalves = byName.has("temp_out_chip") || byName.has("temp_out_chip_");
	const listed = (lists: readonly Column[], slot: number) =>
		lists.flatMap((list) => sensors(inSlot(values, list, slot)));
	return (slot) => {
		const chips = listed(chipLists, slot);
		const boards = listed(boardLists, slot);
		return {
			chipTemperatures: chips.length > 0 && !hasHalves ? chips : [...chips, ...singleChips(values, slot)],
			boardTemperatures: boards.length > 0 ? boards : singleBoards(values, slot),
		};
	};
}

/**
 * Format 1 has a board and a chip sensor each, tempN and temp2_N. With four sensors the second pair is temp3_N and
 * temp4_N; with three, temp3_N is of a chip. 0 there is not fitted.
 */
function singleChips(values: AnyRecord, slot: number): readonly unknown[] {
	const byName = columns(values);
	const second = byName.get("temp4_") ?? byName.get("temp3_");
	return [...sensors(inSlot(values, byName.get("temp2_"), slot)), ...fitted(inSlot(values, second, slot))];
}

function singleBoards(values: AnyRecord, slot: number): readonly unknown[] {
	const byName = columns(values);
	const second = byName.has("temp4_") ? fitted(inSlot(values, byName.get("temp3_"), slot)) : [];
	return [...sensors(inSlot(values, byName.get("temp"), slot)), ...second];
}

function fitted(value: unknown): readonly unknown[] {
	return (numberOf(value) ?? 0) > 0 ? sensors(value) : [];
}

/** No board takes under 3,000 mV or over 60 V: between them, the number is in 10 mV. */
const MILLIVOLTS_FROM = 3_000;
const VOLTS_MOST = 60;

export function voltageOf(values: AnyRecord, slot: number): number | undefined {
	const said = firstNumberIn(values, VOLTAGES, slot);
	if (said === undefined) return undefined;
	if (said <= VOLTS_MOST) return said;
	return said < MILLIVOLTS_FROM ? said / 100 : said / 1_000;
}

const CHIP_MARKS_MOST = 4_096;
/** A map that leaves out at most one chip of so many marks chips; with fewer marks it names groups. */
const UNMARKED_ONE_OF = 20;

/**
 * A chain's map marks each chip that the count beside it found: "o" works, "x" does not, "-" is an empty place. A map
 * of far fewer marks names groups of chips and tells nothing here; one of a machine that does not hash marks every
 * chip "x", whether it could or not.
 */
export function failedChips(map: unknown, found: unknown): number | undefined {
	const most = numberOf(found);
	if (typeof map !== "string" || most === undefined || most <= 0) return undefined;
	let marks = 0;
	let failed = 0;
	for (const mark of map.slice(0, CHIP_MARKS_MOST)) {
		if (mark === "x") failed++;
		if (mark === "o" || mark === "x" || mark === "-") marks++;
	}
	return (most - marks) * UNMARKED_ONE_OF > most ? undefined : Math.min(failed, most);
}
