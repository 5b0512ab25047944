/**
 * Writes the Prometheus text format into 64 KiB slices: 120,000 series a scrape at 10,000 devices.
 *
 * Takes families, label sets rendered before, and numbers; gives buffers in order. It writes no time
 * stamps, and a family's header only when its first sample comes. Numbers are written straight into
 * the slice, since a string for each would cost more than all the rest.
 */
import { invariant } from "../../../shared/invariant.js";

const SLICE_BYTES = 64 * 1_024;
/** The longest number this writer prints. */
const NUMBER_MOST_BYTES = 32;
const DIGITS_AT_ONCE = 1e9;
const DIGITS_AT_ONCE_COUNT = 9;
const SCALES = [1, 10, 100, 1e3, 1e4, 1e5, 1e6];
const ZERO = 48;
const MINUS = 45;
const POINT = 46;
const NEWLINE = 10;

export type FamilyKind = "gauge" | "counter";

export type Family = {
	readonly name: string;
	readonly kind: FamilyKind;
	readonly help: string;
};

/** A family ready to be written: its name in bytes, its header once. */
export type RenderedFamily = { readonly header: Buffer; readonly name: Buffer };

export function rendered({ name, kind, help }: Family): RenderedFamily {
	const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
	return {
		header: Buffer.from(`# HELP ${name} ${escaped}\n# TYPE ${name} ${kind}\n`),
		name: Buffer.from(name),
	};
}

export type Label = readonly [name: string, value: string];

/** `a="1",b="2"` with the format's escapes; label names are ours and need none. */
export function labelText(labels: readonly Label[]): string {
	return labels.map(([name, value]) => `${name}="${escapedLabel(value)}"`).join(",");
}

function escapedLabel(value: string): string {
	if (!/[\\"\n]/.test(value)) return value;
	return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

export class TextWriter {
	private readonly slices: Buffer[] = [];
	private slice = Buffer.allocUnsafeSlow(SLICE_BYTES);
	private used = 0;
	private samples = 0;
	private readonly scratch = Buffer.alloc(NUMBER_MOST_BYTES);

	get sampleCount(): number {
		return this.samples;
	}

	/** Bytes as they stand: headers, or text rendered elsewhere. */
	bytes(bytes: Uint8Array): void {
		this.reserve(bytes.length);
		this.slice.set(bytes, this.used);
		this.used += bytes.length;
	}

	/** One sample; `head` and `tail` are the two parts of the label set with its braces and a blank at the end. */
	sample(family: RenderedFamily, head: Uint8Array, tail: Uint8Array): void {
		this.reserve(family.name.length + head.length + tail.length + NUMBER_MOST_BYTES + 1);
		this.slice.set(family.name, this.used);
		this.used += family.name.length;
		this.slice.set(head, this.used);
		this.used += head.length;
		// Tails are short: byte by byte is quicker than a call.
		for (const byte of tail) this.slice[this.used++] = byte;
		this.samples += 1;
	}

	/** The sample's value, with the decimals it was kept with; the call before was `sample`. */
	decimal(value: number, decimals: number): void {
		const scaled = Math.round(value * (SCALES[decimals] ?? 10 ** decimals));
		if (!Number.isSafeInteger(scaled)) {
			this.number(value);
			return;
		}
		this.digits(scaled, decimals);
		this.slice[this.used++] = NEWLINE;
	}

	/** Any finite number, as JavaScript writes it. */
	number(value: number): void {
		invariant(Number.isFinite(value), `a sample is a finite number, found ${value}`);
		if (Number.isSafeInteger(value)) this.digits(value, 0);
		else this.used += this.slice.write(String(value), this.used, "latin1");
		this.slice[this.used++] = NEWLINE;
	}

	finish(): readonly Buffer[] {
		this.flush(0);
		return this.slices;
	}

	private reserve(bytes: number): void {
		if (this.used + bytes > this.slice.length) this.flush(bytes);
	}

	private flush(bytes: number): void {
		if (this.used > 0) this.slices.push(this.slice.subarray(0, this.used));
		this.slice = Buffer.allocUnsafeSlow(Math.max(SLICE_BYTES, bytes));
		this.used = 0;
	}

	/** An integer with its last `decimals` digits behind a point; zeros at the end are left out. */
	private digits(integer: number, decimals: number): void {
		let magnitude = Math.abs(integer);
		let places = decimals;
		while (places > 0 && magnitude % 10 === 0) {
			magnitude /= 10;
			places -= 1;
		}
		const start = this.digitsIntoScratch(magnitude, places + 1);
		const point = NUMBER_MOST_BYTES - places;
		if (integer < 0) this.slice[this.used++] = MINUS;
		for (let at = start; at < NUMBER_MOST_BYTES; at++) {
			if (at === point) this.slice[this.used++] = POINT;
			this.slice[this.used++] = this.scratch[at] ?? ZERO;
		}
	}

	/** From the right, nine digits at a time, so that the inner division is one of 32 bits; gives where they start. */
	private digitsIntoScratch(magnitude: number, leastDigits: number): number {
		let at = NUMBER_MOST_BYTES;
		let rest = magnitude;
		while (rest > 0) {
			let low = (rest % DIGITS_AT_ONCE) | 0;
			rest = (rest - low) / DIGITS_AT_ONCE;
			const end = rest > 0 ? at - DIGITS_AT_ONCE_COUNT : 0;
			while (low > 0 || at > end) {
				if (low === 0 && rest === 0) break;
				const quotient = (low / 10) | 0;
				this.scratch[--at] = ZERO + low - quotient * 10;
				low = quotient;
			}
		}
		while (NUMBER_MOST_BYTES - at < leastDigits) this.scratch[--at] = ZERO;
		return at;
	}
}
