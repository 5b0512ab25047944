/**
 * What Bitmain's stats say of one chain, by its slot: sensors, frequency, voltage, the map of its chips. Pure; never
 * throws. Load: 200 machines a second of three chains each, so nothing is looked for that the answer does not have.
 */
import { type AnyRecord, columns, numberOf, remembered } from "./reading.js";

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

/** One sensor or a dash list of them. No number has two of its own. */
function sensors(value: unknown): readonly unknown[] {
	const list = dashList(value);
	if (list.length > 1) return list;
	const number = numberOf(value);
	return number === undefined ? list : [number];
}

const FREQUENCIES = ["freq_avg", "freq"];
const VOLTAGES = ["chain_vol", "voltage", "chain_voltage"];
const CHAIN_CHIPS = "chain_acn";

/** Under which keys an answer says what of one chain; undefined where it does not. */
export type ChainKeys = {
	readonly slot: number;
	readonly chips: string;
	readonly ideal: string | undefined;
	readonly errors: string | undefined;
	readonly map: string | undefined;
	readonly frequencies: readonly string[];
	readonly voltages: readonly string[];
	readonly chipLists: readonly string[];
	readonly boardLists: readonly string[];
	/** The lists of chips are halves: the hottest chip stands alone. */
	readonly hasHalves: boolean;
	/** Of format 1: a chip and a board sensor each, and the pair behind them. */
	readonly chip: string | undefined;
	readonly board: string | undefined;
	readonly second: string | undefined;
	readonly third: string | undefined;
};

const chainsByShape = new WeakMap<ReturnType<typeof columns>, readonly ChainKeys[]>();

/** Answers of one shape have their chains under the same keys: they are looked for once. */
export function chainsOf(values: AnyRecord): readonly ChainKeys[] {
	const byName = columns(values);
	const known = chainsByShape.get(byName);
	if (known !== undefined) return known;
	const has = (name: string) => byName.has(name);
	const chains = [...(byName.get(CHAIN_CHIPS) ?? [])].map(([slot, chips]): ChainKeys => {
		const key = (name: string) => byName.get(name)?.get(slot);
		const there = (names: readonly string[]) => names.flatMap((name) => key(name) ?? []);
		return {
			slot,
			chips,
			ideal: key("chain_rateideal"),
			errors: key("chain_hw"),
			map: key("chain_acs"),
			frequencies: there(FREQUENCIES),
			voltages: there(VOLTAGES),
			chipLists: there(CHIP_LISTS),
			boardLists: there(BOARD_LISTS),
			hasHalves: has("temp_out_chip") || has("temp_out_chip_"),
			chip: key("temp2_"),
			board: key("temp"),
			second: key(has("temp4_") ? "temp4_" : "temp3_"),
			third: has("temp4_") ? key("temp3_") : undefined,
		};
	});
	chainsByShape.set(byName, chains);
	return chains;
}

function said(values: AnyRecord, key: string | undefined): unknown {
	return key === undefined ? undefined : values[key];
}

export function frequencyOf(values: AnyRecord, { frequencies }: ChainKeys): number | undefined {
	return firstNumberIn(values, frequencies);
}

/** The first that has a number other than 0. */
function firstNumberIn(values: AnyRecord, keys: readonly string[]): number | undefined {
	for (const key of keys) {
		const number = numberOf(values[key]);
		if (number) return number;
	}
	return undefined;
}

/** What firmware of format 2 lists, else the single sensors. */
export function chipTemperaturesOf(values: AnyRecord, chain: ChainKeys): readonly unknown[] {
	const listed = sensorsAt(values, chain.chipLists);
	if (listed.length > 0 && !chain.hasHalves) return listed;
	// 0 in the second pair is not fitted. With three sensors the third is of a chip.
	return [...listed, ...sensors(said(values, chain.chip)), ...fitted(said(values, chain.second))];
}

/** As chips; of four sensors the third is of the board. */
export function boardTemperaturesOf(values: AnyRecord, chain: ChainKeys): readonly unknown[] {
	const listed = sensorsAt(values, chain.boardLists);
	if (listed.length > 0) return listed;
	return [...sensors(said(values, chain.board)), ...fitted(said(values, chain.third))];
}

function sensorsAt(values: AnyRecord, keys: readonly string[]): readonly unknown[] {
	let found: readonly unknown[] = [];
	for (const key of keys) {
		const list = sensors(values[key]);
		found = found.length === 0 ? list : [...found, ...list];
	}
	return found;
}

function fitted(value: unknown): readonly unknown[] {
	return (numberOf(value) ?? 0) > 0 ? sensors(value) : [];
}

/** No board takes under 3,000 mV or over 60 V: between them, the number is in 10 mV. */
const MILLIVOLTS_FROM = 3_000;
const VOLTS_MOST = 60;

export function voltageOf(values: AnyRecord, { voltages }: ChainKeys): number | undefined {
	const voltage = firstNumberIn(values, voltages);
	if (voltage === undefined || voltage <= VOLTS_MOST) return voltage;
	return voltage < MILLIVOLTS_FROM ? voltage / 100 : voltage / 1_000;
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
	const { marks, failed } = chipsIn(map);
	return (most - marks) * UNMARKED_ONE_OF > most ? undefined : Math.min(failed, most);
}

/** Most maps are those of machines whose chips all work. */
const chipsIn = remembered((map) => {
	let marks = 0;
	let failed = 0;
	for (const mark of map.slice(0, CHIP_MARKS_MOST)) {
		if (mark === "x") failed++;
		if (mark === "o" || mark === "x" || mark === "-") marks++;
	}
	return { marks, failed };
});
