/**
 * An export as lines of JSON: a reading a line, with names and units. Form: EXPORT_FORMAT.md.
 *
 * Takes the store and a request; gives bytes in slices. An absent value is left out, and so is a reading
 * that has none of the wanted values.
 */
import type { Columns, DeviceState, SeriesStore } from "../../../store/device-state.js";
import { ByteText } from "../byte-text.js";
import { isoTime, namesOf } from "./names.js";
import { NOTHING, piecesOf } from "./pieces.js";
import { type ExportRequest, isWanted } from "./request.js";

const SLICE_BYTES = 64 * 1_024;
const COMMA = Buffer.from(",");
const CLOSE = Buffer.from("}");
const LINE_END = Buffer.from("]}\n");

export async function* ndjsonExport(store: SeriesStore, request: ExportRequest): AsyncGenerator<Uint8Array> {
	const text = new ByteText();
	for (const device of request.devices) {
		for await (const piece of piecesOf(store, device, request)) {
			if (piece === undefined) yield NOTHING;
			else yield* lines(text, device, piece, request);
		}
	}
	yield* text.take();
}

function* lines(
	text: ByteText,
	device: DeviceState,
	piece: Columns,
	request: ExportRequest,
): Generator<Uint8Array> {
	const { site, key } = device;
	const columns = piece.columns.flatMap((column, index) => {
		const values = piece.values[index];
		return values === undefined || !isWanted(column, request)
			? []
			: [{ values, head: Buffer.from(valueHead(namesOf(device, column))) }];
	});
	const whose = `${JSON.stringify({ site, device: key }).slice(1, -1)},"values":[`;
	for (let row = 0; row < piece.times.length; row++) {
		const present = columns.filter(({ values }) => !Number.isNaN(values[row] ?? Number.NaN));
		if (present.length === 0) continue;
		const at = piece.times[row] ?? 0;
		text.text(`{"time":"${isoTime(at)}","unixMilliseconds":${at},${whose}`);
		present.forEach(({ values, head }, index) => {
			if (index > 0) text.bytes(COMMA);
			text.bytes(head);
			text.number(values[row] ?? 0);
			text.bytes(CLOSE);
		});
		text.bytes(LINE_END);
		if (text.length >= SLICE_BYTES) yield* text.take();
	}
}

function valueHead({ part, component, measurement, unit }: ReturnType<typeof namesOf>): string {
	const place = part === "" ? {} : { part, component };
	return `${JSON.stringify({ ...place, measurement, unit }).slice(0, -1)},"value":`;
}
