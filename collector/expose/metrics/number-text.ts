/**
 * Numbers as digits in bytes, without a string for each: 120,000 of them a scrape.
 *
 * Takes a number; leaves its text at the end of `bytes`, good until the next number. It never allocates
 * for what fits a safe integer with its decimals.
 */
import { invariant } from "../../../shared/invariant.js";

/** The longest number that is printed. */
const NUMBER_MOST_BYTES = 32;
/** So many digits at once keep the inner division one of 32 bits. */
const DIGITS_AT_ONCE = 9;
const DIGITS_AT_ONCE_LIMIT = 1e9;
const SCALES = [1, 10, 100, 1e3, 1e4, 1e5, 1e6];
const ZERO = 48;
const MINUS = 45;
const POINT = 46;

export class NumberText {
	readonly bytes = Buffer.alloc(NUMBER_MOST_BYTES);

	/** The value with the decimals it was kept with. Gives where the text begins; it ends with `bytes`. */
	decimal(value: number, decimals: number): number {
		const scaled = Math.round(value * (SCALES[decimals] ?? 10 ** decimals));
		return Number.isSafeInteger(scaled) ? this.digits(scaled, decimals) : this.number(value);
	}

	/** Any finite number, as JavaScript writes it; gives where the text begins. */
	number(value: number): number {
		invariant(Number.isFinite(value), `a sample is a finite number, found ${value}`);
		if (Number.isSafeInteger(value)) return this.digits(value, 0);
		const text = String(value);
		const start = NUMBER_MOST_BYTES - text.length;
		this.bytes.write(text, start, "latin1");
		return start;
	}

	/** An integer with its last `decimals` digits behind a point; zeros at the end are left out. */
	private digits(integer: number, decimals: number): number {
		const { bytes } = this;
		let rest = Math.abs(integer);
		let places = decimals;
		while (places > 0 && rest % 10 === 0) {
			rest /= 10;
			places -= 1;
		}
		let at = this.digitsBefore(NUMBER_MOST_BYTES, rest, places);
		if (integer < 0) bytes[--at] = MINUS;
		return at;
	}

	/** From the right, with a point before the last `places` digits and one digit at least before the point; gives where they begin. */
	private digitsBefore(end: number, magnitude: number, places: number): number {
		const { bytes } = this;
		let rest = magnitude;
		let at = end;
		let written = 0;
		while (rest > 0 || written <= places) {
			const isLast = rest < DIGITS_AT_ONCE_LIMIT;
			let low = (isLast ? rest : rest % DIGITS_AT_ONCE_LIMIT) | 0;
			rest = isLast ? 0 : (rest - low) / DIGITS_AT_ONCE_LIMIT;
			const most = isLast ? places + 1 : written + DIGITS_AT_ONCE;
			while (low > 0 || written < most) {
				const quotient = (low / 10) | 0;
				bytes[--at] = ZERO + low - quotient * 10;
				low = quotient;
				written += 1;
				if (written === places) bytes[--at] = POINT;
			}
		}
		return at;
	}
}
