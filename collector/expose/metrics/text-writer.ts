/**
 * Writes the Prometheus text format into 64 KiB slices: what is made anew for each scrape.
 *
 * Takes families, label sets and numbers; gives buffers in order. It writes no time stamps.
 */
import { NumberText } from "./number-text.js";

const SLICE_BYTES = 64 * 1_024;
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
	private readonly numbers = new NumberText();

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
		this.reserve(family.name.length + head.length + tail.length + this.numbers.bytes.length + 1);
		this.slice.set(family.name, this.used);
		this.used += family.name.length;
		this.slice.set(head, this.used);
		this.used += head.length;
		// Tails are short: byte by byte is quicker than a call.
		for (const byte of tail) this.slice[this.used++] = byte;
		this.samples += 1;
	}

	/** The sample's value, as JavaScript writes it; the call before was `sample`. */
	number(value: number): void {
		const { bytes } = this.numbers;
		for (let at = this.numbers.number(value); at < bytes.length; at++)
			this.slice[this.used++] = bytes[at] ?? 0;
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
}
