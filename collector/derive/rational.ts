/**
 * Exact fractions of whole numbers: what chain arithmetic and money are computed in until they are printed.
 *
 * Takes decimal text, whole numbers or doubles; gives fractions, and from these the nearest double or a
 * decimal rounded half to even. Pure. Nothing is rounded on the way. A double stands for its shortest
 * decimal text, since that is what its source wrote.
 */

export type Rational = { readonly numerator: bigint; readonly denominator: bigint };

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
/** An exponent beyond this is no quantity of this trade; it would only cost memory. */
const MAX_EXPONENT = 400;
const MAX_CHARACTERS = 400;

/** "132716002350731.3", "92.67e12", "-15.8"; undefined where the text is no decimal number. */
export function parseRational(text: string): Rational | undefined {
	const found = text.length > MAX_CHARACTERS ? null : DECIMAL.exec(text);
	if (found === null) return undefined;
	const [, sign = "", whole = "", fraction = "", exponentText = "0"] = found;
	const exponent = Number(exponentText) - fraction.length;
	if (whole + fraction === "" || Math.abs(exponent) > MAX_EXPONENT) return undefined;
	const digits = BigInt(whole + fraction) * (sign === "-" ? -1n : 1n);
	return exponent >= 0
		? rational(digits * 10n ** BigInt(exponent))
		: rational(digits, 10n ** BigInt(-exponent));
}

/** @param value a finite number or a whole one of any size */
export function exactly(value: number | bigint): Rational {
	if (typeof value === "bigint") return rational(value);
	const parsed = parseRational(String(value));
	if (parsed === undefined) throw new RangeError(`${value} is no finite number.`);
	return parsed;
}

/** @param denominator not zero */
export function rational(numerator: bigint, denominator = 1n): Rational {
	if (denominator === 0n) throw new RangeError("A fraction has no denominator of zero.");
	return denominator < 0n ? { numerator: -numerator, denominator: -denominator } : { numerator, denominator };
}

export function plus(a: Rational, b: Rational): Rational {
	return rational(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

export function minus(a: Rational, b: Rational): Rational {
	return plus(a, { numerator: -b.numerator, denominator: b.denominator });
}

export function times(...factors: readonly Rational[]): Rational {
	let [numerator, denominator] = [1n, 1n];
	for (const factor of factors) {
		numerator *= factor.numerator;
		denominator *= factor.denominator;
	}
	return { numerator, denominator };
}

/** @param b not zero */
export function over(a: Rational, b: Rational): Rational {
	return rational(a.numerator * b.denominator, a.denominator * b.numerator);
}

/** More than the 53 a double holds, and enough for bitLength's rounding up to whole hexadecimal digits. */
const QUOTIENT_BITS = 64;
/** Two bits finer than the smallest double, 2 ** -1074: what is below the smallest normal one is rounded here. */
const FINEST_SHIFT = 1076;
const BELOW_NORMAL = 2n ** 54n;

/** The nearest double, ties to even: rounded once, whatever the size of numerator and denominator. */
export function toNumber({ numerator, denominator }: Rational): number {
	const negative = numerator < 0n;
	const size = negative ? -numerator : numerator;
	if (size === 0n) return 0;
	// The last bit says whether something was cut off: it decides ties.
	const shift = Math.min(QUOTIENT_BITS - (bitLength(size) - bitLength(denominator)), FINEST_SHIFT);
	const [top, bottom] =
		shift >= 0 ? [size << BigInt(shift), denominator] : [size, denominator << BigInt(-shift)];
	const quotient = top / bottom;
	const sticky = quotient * bottom === top ? quotient : quotient | 1n;
	const value =
		shift === FINEST_SHIFT && sticky < BELOW_NORMAL
			? Number(quarterOf(sticky)) * Number.MIN_VALUE
			: scaled(Number(sticky), -shift);
	return negative ? -value : value;
}

/** To the nearest, half to even. */
function quarterOf(value: bigint): bigint {
	const up = (value & 3n) === 3n || (value & 7n) === 6n;
	return (value >> 2n) + (up ? 1n : 0n);
}

function bitLength(value: bigint): number {
	return value.toString(16).length * 4;
}

/** Two steps, since 2 ** -1100 alone is no double. */
function scaled(value: number, exponent: number): number {
	const half = Math.trunc(exponent / 2);
	return value * 2 ** half * 2 ** (exponent - half);
}

/** A decimal with so many places, rounded half to even. */
export function toDecimalText({ numerator, denominator }: Rational, places: number): string {
	const negative = numerator < 0n;
	const top = (negative ? -numerator : numerator) * 10n ** BigInt(places);
	let quotient = top / denominator;
	const twice = (top % denominator) * 2n;
	if (twice > denominator || (twice === denominator && quotient % 2n === 1n)) quotient += 1n;
	const digits = quotient.toString().padStart(places + 1, "0");
	const text = places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
	return negative && quotient !== 0n ? `-${text}` : text;
}
