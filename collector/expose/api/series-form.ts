/**
 * Columns of the past as an answer: JSON for everyone, binary columns for who draws or computes.
 *
 * Takes columns; gives bytes. 24 hours of one device at 5 s are 17,280 points: numbers go straight into
 * bytes, without an array of JavaScript values or a string for each.
 */
import { ByteText } from "./byte-text.js";
import { ColumnPlaces, columnsBytes } from "./columns-format.js";
import type { OneSeries, SeriesColumns } from "./series.js";

const COMMA = Buffer.from(",");
const NULL = Buffer.from("null");

export function seriesJson(columns: SeriesColumns): readonly Uint8Array[] {
	const text = new ByteText();
	writeSeries(text, columns, ({ times, values }) => {
		text.text('"times":');
		writeColumn(text, times);
		text.text(',"values":');
		writeColumn(text, values);
	});
	return text.take();
}

export function seriesBytes(columns: SeriesColumns): readonly Uint8Array[] {
	const head = new ByteText();
	const places = new ColumnPlaces();
	writeSeries(head, columns, ({ times, values }) => {
		head.text(`"times":${places.place(times)},"values":${places.place(values)}`);
	});
	return columnsBytes(head, places.columns());
}

function writeSeries(
	text: ByteText,
	{ from, to, stepSeconds, series }: SeriesColumns,
	writeColumnsOf: (one: OneSeries) => void,
): void {
	const step = stepSeconds === undefined ? "" : `"stepSeconds":${stepSeconds},`;
	text.text(`{"from":${from},"to":${to},${step}"series":[`);
	series.forEach((one, index) => {
		const { device, measurement, component, unit, stretches } = one;
		const place = component === undefined ? {} : { part: component.part, component: component.key };
		const named = JSON.stringify({ device, measurement, ...place, unit, stretches });
		text.text(`${index === 0 ? "" : ","}${named.slice(0, -1)},`);
		writeColumnsOf(one);
		text.text("}");
	});
	text.text("]}");
}

/** In an array, where a place must be kept, absent is null. */
function writeColumn(text: ByteText, column: Float64Array): void {
	text.text("[");
	for (let row = 0; row < column.length; row++) {
		if (row > 0) text.bytes(COMMA);
		const value = column[row] ?? Number.NaN;
		if (Number.isNaN(value)) text.bytes(NULL);
		else text.number(value);
	}
	text.text("]");
}
