/**
 * Text put together as bytes: JSON, CSV and the like, for answers of megabytes.
 *
 * Takes strings, bytes rendered before, and numbers; gives slices in order. Numbers are written as
 * JavaScript writes them, so that reading them back gives every bit; those with few decimals, which is
 * nearly all, are written straight into the slice, since a string for each would cost more than the rest.
 */
import { invariant } from "../../../shared/invariant.js";

const SLICE_BYTES = 64 * 1_024;
/** The longest number that is written: sign, 17 digits, point, zeros or exponent. */
const NUMBER_MOST_BYTES = 32;
const BYTES_A_CHARACTER_MOST = 3;
/** Two texts of at most 15 digits never mean one number, so the first that fits is the shortest. */
const DIGITS_CERTAIN_BELOW = 1e15;
const DIGITS_AT_ONCE = 1e9;
const DIGITS_AT_ONCE_COUNT = 9;
const SCALES: readonly (readonly [scale: number, places: number])[] = [
	[1e3, 3],
	[1e6, 6],
];
const ZERO = 48;
const MINUS = 45;
const POINT = 46;
/** Below this, copying byte by byte is quicker than a call. */
const SHORT_BYTES = 24;

export class ByteText {
	private full: Uint8Array[] = [];
	private fullBytes = 0;
	private slice = Buffer.allocUnsafeSlow(SLICE_BYTES);
	private used = 0;
	private readonly scratch = new Uint8Array(NUMBER_MOST_BYTES);

	/** Bytes since the last `take`. */
	get length(): number {
		return this.fullBytes + this.used;
	}

	text(text: string): void {
		this.reserve(text.length * BYTES_A_CHARACTER_MOST);
		this.used += this.slice.write(text, this.used);
	}

	/** Bytes as they stand, rendered elsewhere. */
	bytes(bytes: Uint8Array): void {
		this.reserve(bytes.length);
		if (bytes.length > SHORT_BYTES) this.slice.set(bytes, this.used);
		else for (let at = 0; at < bytes.length; at++) this.slice[this.used + at] = bytes[at] ?? 0;
		this.used += bytes.length;
	}

	/** Any finite number. */
	number(value: number): void {
		this.reserve(NUMBER_MOST_BYTES);
		if (Math.abs(value) < DIGITS_CERTAIN_BELOW) {
			if (Math.trunc(value) === value) {
				this.digits(value, 0);
				return;
			}
			for (const [scale, places] of SCALES) {
				const scaled = Math.round(value * scale);
				if (scaled / scale !== value || Math.abs(scaled) >= DIGITS_CERTAIN_BELOW) continue;
				this.digits(scaled, places);
				return;
			}
		}
		invariant(Number.isFinite(value), `a number is finite, found ${value}`);
		this.used += this.slice.write(String(value), this.used, "latin1");
	}

	/** What was written since the last `take`, in order. */
	take(): readonly Uint8Array[] {
		const taken = this.full;
		if (this.used > 0) taken.push(this.slice.subarray(0, this.used));
		this.full = [];
		this.fullBytes = 0;
		this.slice = this.slice.subarray(this.used);
		this.used = 0;
		return taken;
	}

	private reserve(bytes: number): void {
		if (this.used + bytes <= this.slice.length) return;
		if (this.used > 0) this.full.push(this.slice.subarray(0, this.used));
		this.fullBytes += this.used;
		this.slice = Buffer.allocUnsafeSlow(Math.max(SLICE_BYTES, bytes));
		this.used = 0;
	}

	/** A whole number with its last `decimals` digits behind a point; zeros at the end are left out. */
	private digits(whole: number, decimals: number): void {
		let magnitude = Math.abs(whole);
		let places = decimals;
		while (places > 0 && magnitude % 10 === 0) {
			magnitude /= 10;
			places -= 1;
		}
		const start = this.digitsIntoScratch(magnitude, places + 1);
		const point = NUMBER_MOST_BYTES - places;
		let { used } = this;
		if (whole < 0) this.slice[used++] = MINUS;
		for (let at = start; at < NUMBER_MOST_BYTES; at++) {
			if (at === point) this.slice[used++] = POINT;
			this.slice[used++] = this.scratch[at] ?? ZERO;
		}
		this.used = used;
	}

	/** From the right, nine digits at a time, so that the inner division is one of 32 bits; gives where they start. */
	private digitsIntoScratch(magnitude: number, leastDigits: number): number {
		let at = NUMBER_MOST_BYTES;
		let rest = magnitude;
		do {
			let low = (rest % DIGITS_AT_ONCE) | 0;
			rest = (rest - low) / DIGITS_AT_ONCE;
			const end = rest > 0 ? at - DIGITS_AT_ONCE_COUNT : 0;
			while (low > 0 || (rest > 0 && at > end)) {
				const quotient = (low / 10) | 0;
				this.scratch[--at] = ZERO + low - quotient * 10;
				low = quotient;
			}
		} while (rest > 0);
		while (NUMBER_MOST_BYTES - at < leastDigits) this.scratch[--at] = ZERO;
		return at;
	}
}
