/**
 * A remote-write body → its samples, by the formats' own rules, so that what bodies.ts writes by hand is
 * read by other code. Pure; for tests: it takes what is well formed and fails on anything else.
 */
import { invariant } from "../../shared/invariant.js";
import { ByteReader } from "../../shared/wire/bytes.js";

export type BodySample = {
	readonly labels: Readonly<Record<string, string>>;
	readonly at: number;
	readonly value: number;
};

/** Snappy's tag of a literal whose length takes so many bytes: 60 is one, 63 four. */
const LITERAL_LONG = 60;

function unsnapped(body: Buffer): Buffer {
	const reader = new ByteReader(body);
	const length = reader.varint();
	const parts: Buffer[] = [];
	while (reader.left > 0) {
		const tag = reader.u8();
		invariant((tag & 3) === 0, "only literals are written");
		const short = tag >> 2;
		const bytes =
			short < LITERAL_LONG
				? short + 1
				: reader.raw(short - LITERAL_LONG + 1).readUIntLE(0, short - LITERAL_LONG + 1) + 1;
		parts.push(reader.raw(bytes));
	}
	const whole = Buffer.concat(parts);
	invariant(whole.length === length, `${length} bytes were promised, ${whole.length} came`);
	return whole;
}

/** Fields of a message: numbers of varints and doubles, bytes of the rest. */
function fieldsOf(bytes: Buffer): readonly (readonly [field: number, value: number | Buffer])[] {
	const reader = new ByteReader(bytes);
	const fields: [number, number | Buffer][] = [];
	while (reader.left > 0) {
		const tag = reader.varint();
		const [field, wire] = [tag >> 3, tag & 7];
		if (wire === 0) fields.push([field, reader.varint()]);
		else if (wire === 1) fields.push([field, reader.raw(8).readDoubleLE()]);
		else fields.push([field, reader.raw(reader.varint())]);
	}
	return fields;
}

function inner(bytes: Buffer, field: number): readonly Buffer[] {
	return fieldsOf(bytes).flatMap(([found, value]) =>
		found === field && Buffer.isBuffer(value) ? [value] : [],
	);
}

export function samplesIn(body: Buffer): readonly BodySample[] {
	return inner(unsnapped(body), 1).flatMap((series) => {
		const labels = Object.fromEntries(
			inner(series, 1).map((label) => [inner(label, 1).join(""), inner(label, 2).join("")]),
		);
		return inner(series, 2).map((sample) => {
			const [[, value = Number.NaN] = [], [, at = Number.NaN] = []] = fieldsOf(sample);
			return { labels, value: Number(value), at: Number(at) };
		});
	});
}
