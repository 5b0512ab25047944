/** A decoded chunk as its readers have it in the end: a view for each column. */
import { decodeChunk } from "../../../collector/store/chunk.js";
import { viewsOf } from "../../../collector/store/packed-columns.js";

export function decodeViews(...given: Parameters<typeof decodeChunk>) {
	const decoded = decodeChunk(...given);
	return decoded.ok ? ({ ok: true, columns: viewsOf(decoded.packed) } as const) : decoded;
}
