/**
 * An answer of a calculation as text: JSON in full precision, or lines rounded for people.
 *
 * Takes an answer; gives text. Rounding is half to even, only here, by the unit that ends a name. What is
 * absent is left out; nothing is ever NaN.
 */
import { exactly, toDecimalText } from "../../derive/rational.js";
import type { Answer, AnswerValue } from "./options.js";

/** Ends of names with the decimals that people read; the first that fits counts. */
const PLACES: readonly (readonly [RegExp, number])[] = [
	[/sats/i, 0],
	[/^(?!.*Usd).*bitcoin/i, 8],
	[/UsdPerKilowattHour/, 4],
	[/UsdPer\w*WattYear/, 3],
	[/JoulesPerTerahash/, 1],
	[/Usd/, 2],
	[/(Ratio|Factor)$/, 4],
];
const DEFAULT_PLACES = 6;

export function jsonText(answer: Answer): string {
	return `${JSON.stringify(withoutAbsent(answer), (_, value) => jsonValue(value), "\t")}\n`;
}

function jsonValue(value: unknown): unknown {
	if (typeof value === "number") return withoutResidue(value);
	return typeof value === "bigint" ? jsonNumber(value) : value;
}

/** What every double holds of a decimal, and digits of a decimal whose next three places are then zeros. */
const DIGITS_OF_A_DOUBLE = 15;
const DIGITS_OF_A_DECIMAL = 12;

/**
 * 134.4 for 134.39999999999998: watts times hours in binary miss the decimal they stand for by their last
 * bits. What needs more than 12 digits stays as computed, with all of its digits.
 */
function withoutResidue(value: number): number {
	if (Number.isInteger(value)) return value;
	const decimal = Number(value.toPrecision(DIGITS_OF_A_DECIMAL));
	return decimal === Number(value.toPrecision(DIGITS_OF_A_DOUBLE)) ? decimal : value;
}

/** A whole number that a double holds is a number; a larger one is text, since a rounded one is another. */
function jsonNumber(value: bigint): number | string {
	const number = Number(value);
	return Number.isSafeInteger(number) ? number : String(value);
}

export function wordsText(answer: Answer): string {
	return `${linesOf(answer, "").join("\n")}\n`;
}

/** @param of the name of the group that the answer is, which may say its unit */
function linesOf(answer: Answer, indent: string, of = ""): readonly string[] {
	return Object.entries(withoutAbsent(answer)).flatMap(([name, value]) => {
		if (typeof value === "object" && !Array.isArray(value))
			return [`${indent}${name}`, ...linesOf(value as Answer, `${indent}  `, name)];
		if (Array.isArray(value) && value.some((one) => typeof one === "object"))
			return [
				`${indent}${name}`,
				...value.flatMap((one) => [...linesOf(one as Answer, `${indent}  `), `${indent}  -`]).slice(0, -1),
			];
		return [`${indent}${name.padEnd(Math.max(1, 52 - indent.length))} ${shown(`${of}.${name}`, value)}`];
	});
}

function shown(name: string, value: AnswerValue): string {
	if (Array.isArray(value)) return value.map((one) => shown(name, one)).join(", ");
	if (typeof value !== "number") return String(value);
	const places = PLACES.find(([pattern]) => pattern.test(name))?.[1] ?? DEFAULT_PLACES;
	if (value !== 0 && Math.abs(value) < 10 ** -places) return value.toPrecision(4);
	if (Math.abs(value) >= 1e15) return String(value);
	const text = toDecimalText(exactly(value), places);
	return places === DEFAULT_PLACES ? text.replace(/\.?0+$/, "") : text;
}

function withoutAbsent(answer: Answer): Answer {
	return Object.fromEntries(
		Object.entries(answer).filter(
			([, value]) => value !== undefined && !(typeof value === "number" && !Number.isFinite(value)),
		),
	);
}
