/** Reads columns as COLUMNS_FORMAT.md describes them, independently of what writes them. */

export type ReadColumns = {
	readonly head: Readonly<Record<string, unknown>>;
	readonly columns: readonly Float64Array[];
};

/** @throws Error where the bytes are not format 1 or do not sum up */
export function readColumns(bytes: ArrayBuffer): ReadColumns {
	const view = new DataView(bytes);
	const magic = Buffer.from(bytes, 0, 8).toString("latin1");
	if (magic !== "FWCOLS\0\x01") throw new Error(`The magic is ${JSON.stringify(magic)}.`);
	const [headLength, count] = [view.getUint32(8, true), view.getUint32(12, true)];
	if (headLength % 8 !== 0) throw new Error(`The head is ${headLength} bytes long.`);
	const head = JSON.parse(Buffer.from(bytes, 16, headLength).toString()) as Record<string, unknown>;
	const lengths = [...new Float64Array(bytes, 16 + headLength, count)];
	let at = 16 + headLength + 8 * count;
	const columns = lengths.map((length) => {
		const column = new Float64Array(bytes, at, length);
		at += 8 * length;
		return column;
	});
	if (at !== bytes.byteLength) throw new Error(`${at} bytes are described, ${bytes.byteLength} came.`);
	return { head, columns };
}
