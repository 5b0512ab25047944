/**
 * Randomness without state: a number for each (seed, stream, step), so that a device's past and future
 * do not depend on when it was asked, nor on its neighbours. Takes integers, gives numbers; never
 * keeps anything.
 */

/** Mixes three integers into 32 bits (the finaliser of MurmurHash3). */
export function hash(seed: number, stream: number, step: number): number {
	let bits = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(stream + 0x7f4a_7c15, 0xc2b2_ae35);
	bits = Math.imul(bits ^ (bits >>> 15) ^ (step | 0), 0x2c1b_3c6d);
	bits = Math.imul(bits ^ (bits >>> 13) ^ stream, 0x297a_2d39);
	bits ^= bits >>> 16;
	bits = Math.imul(bits, 0x85eb_ca6b);
	return (bits ^ (bits >>> 13)) >>> 0;
}

/** 0 ≤ value < 1. */
export function uniform(seed: number, stream: number, step = 0): number {
	return hash(seed, stream, step) / 0x1_0000_0000;
}

/** Mean 0, deviation 1, never beyond 3.5: four uniforms summed, which is near enough to normal here. */
export function normal(seed: number, stream: number, step = 0): number {
	const first = stream * 4;
	const sum =
		uniform(seed, first, step) +
		uniform(seed, first + 1, step) +
		uniform(seed, first + 2, step) +
		uniform(seed, first + 3, step);
	return (sum - 2) * Math.sqrt(3);
}

/** A seed of one device's own. */
export function seedOf(siteSeed: number, index: number): number {
	return hash(siteSeed, 0x5eed, index);
}

/** Lower-case hexadecimal, as long as asked, for serials and identifiers. */
export function hexadecimal(seed: number, stream: number, digits: number): string {
	let text = "";
	for (let step = 0; text.length < digits; step += 1) {
		text += hash(seed, stream, step).toString(16).padStart(8, "0");
	}
	return text.slice(0, digits);
}
