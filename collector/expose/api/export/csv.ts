/**
 * An export as CSV (RFC 4180): a line a value. Form: EXPORT_FORMAT.md.
 *
 * Takes the store and a request; gives bytes in slices. A text that a spreadsheet would take for a
 * formula gets an apostrophe in front.
 */
import type { Columns, DeviceState, SeriesStore } from "../../../store/device-state.js";
import { ByteText } from "../byte-text.js";
import { isoTime, namesOf } from "./names.js";
import { NOTHING, piecesOf } from "./pieces.js";
import { type ExportRequest, isWanted } from "./request.js";

const HEADER = "time,unixMilliseconds,site,device,part,component,measurement,unit,value\r\n";
const LINE_END = Buffer.from("\r\n");
const SLICE_BYTES = 64 * 1_024;

export async function* csvExport(store: SeriesStore, request: ExportRequest): AsyncGenerator<Uint8Array> {
	const text = new ByteText();
	text.text(HEADER);
	for (const device of request.devices) {
		const middles = new Map<string, Buffer>();
		for await (const piece of piecesOf(store, device, request)) {
			if (piece === undefined) yield NOTHING;
			else yield* lines(text, middles, device, piece, request);
		}
	}
	yield* text.take();
}

function* lines(
	text: ByteText,
	middles: Map<string, Buffer>,
	device: DeviceState,
	piece: Columns,
	request: ExportRequest,
): Generator<Uint8Array> {
	const columns = piece.columns.flatMap((column, index) => {
		const values = piece.values[index];
		if (values === undefined || !isWanted(column, request)) return [];
		const place = `${column.measurement} ${column.component?.part ?? ""} ${column.component?.key ?? ""}`;
		const middle = middles.get(place) ?? Buffer.from(middleOf(namesOf(device, column)));
		middles.set(place, middle);
		return [{ values, middle }];
	});
	for (let row = 0; row < piece.times.length; row++) {
		const at = piece.times[row] ?? 0;
		const head = Buffer.from(`${isoTime(at)},${at}`, "latin1");
		for (const { values, middle } of columns) {
			const value = values[row] ?? Number.NaN;
			if (Number.isNaN(value)) continue;
			text.bytes(head);
			text.bytes(middle);
			text.number(value);
			text.bytes(LINE_END);
		}
		if (text.length >= SLICE_BYTES) yield* text.take();
	}
}

function middleOf(names: ReturnType<typeof namesOf>): string {
	const { site, device, part, component, measurement, unit } = names;
	return `,${[site, device, part, component, measurement, unit].map(cell).join(",")},`;
}

/** What begins with one of these is a formula to a spreadsheet. */
const FORMULA = /^[=+\-@\t\r]/;

export function cell(text: string): string {
	const safe = FORMULA.test(text) ? `'${text}` : text;
	return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
