/**
 * What other databases are sent for the same readings: Influx lines, and Prometheus remote write with
 * protobuf and snappy written by hand. Pure.
 *
 * A remote-write body is made once for a batch of devices and then patched: a sample is always a double
 * and a time of six bytes, so all places stay where they are. Snappy frames it as one literal: valid, and
 * a little cheaper for the receiver than real compression.
 *
 *   WriteRequest { 1: TimeSeries { 1: Label { 1: name, 2: value } …, 2: Sample { 1: f64, 2: ms } } … }
 */
import { invariant } from "../../shared/invariant.js";
import { COLUMNS, type Labels, labelsOf, SERIES_A_DEVICE, type Workload } from "./workload.js";

/** A line a device: four tags, sixteen fields, the time in ms. */
export function influxLines(workload: Workload, devices: readonly number[]): Buffer {
	const lines: string[] = [];
	for (const device of devices) {
		workload.poll(device);
		let fields = "";
		for (let column = 0; column < SERIES_A_DEVICE; column += 1) {
			fields += `${column === 0 ? "" : ","}${FIELDS[column]}=${workload.values[column]}`;
		}
		lines.push(`${MEASUREMENT}${tagsOf(device)} ${fields} ${workload.at}`);
	}
	return Buffer.from(lines.join("\n"));
}

/** VictoriaMetrics joins both by "_": the names of COLUMNS. */
const MEASUREMENT = "miner";
const FIELDS = COLUMNS.map(({ series }) => series.slice(MEASUREMENT.length + 1));

function tagsOf(device: number): string {
	const labels = labelsOf(device);
	return `,device=${labels.device},model=${labels.model.replaceAll(" ", "\\ ")},rack=${labels.rack},site=${labels.site}`;
}

const TAG_BYTES = { field1: 0x0a, field2: 0x12, double1: 0x09, varint2: 0x10 } as const;
const SAMPLE_BYTES = 16;
const TIME_BYTES = 6;
/** What six groups of seven bits hold: until the year 2109. */
const TIME_MOST = 2 ** 42;
const SNAPPY_LITERAL_OF_32_BITS = 0xfc;

export type RemoteWriteBody = {
	/** Polls every device once and writes values and times into the body. */
	next(workload: Workload): Buffer;
};

export function remoteWriteBody(devices: readonly number[]): RemoteWriteBody {
	const places: number[] = [];
	const parts: Buffer[] = [];
	let length = 0;
	for (const device of devices) {
		for (const { series } of COLUMNS) {
			const bytes = timeSeries(series, labelsOf(device));
			parts.push(bytes);
			length += bytes.length;
			places.push(length - SAMPLE_BYTES);
		}
	}
	const head = snappyHead(length);
	const body = Buffer.concat([head, ...parts]);
	return {
		next(workload) {
			let series = 0;
			for (const device of devices) {
				workload.poll(device);
				for (let column = 0; column < SERIES_A_DEVICE; column += 1) {
					patch(body, head.length + (places[series] ?? 0), workload.values[column] ?? 0, workload.at);
					series += 1;
				}
			}
			return body;
		},
	};
}

/** With a sample of zeros at its end. Labels stand in the order of their names, as the receiver wants. */
function timeSeries(name: string, labels: Labels): Buffer {
	const pairs = [["__name__", name], ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))];
	const inner = pairs.flatMap(([key = "", value = ""]) => {
		const label = Buffer.concat([text(TAG_BYTES.field1, key), text(TAG_BYTES.field2, value)]);
		return [Buffer.from([TAG_BYTES.field1]), varint(label.length), label];
	});
	const sample = Buffer.alloc(2 + SAMPLE_BYTES);
	sample[0] = TAG_BYTES.field2;
	sample[1] = SAMPLE_BYTES;
	const body = Buffer.concat([...inner, sample]);
	return Buffer.concat([Buffer.from([TAG_BYTES.field1]), varint(body.length), body]);
}

function patch(body: Buffer, place: number, value: number, at: number): void {
	invariant(at > 0 && at < TIME_MOST, `a time of ${at} ms takes ${TIME_BYTES} bytes`);
	body[place] = TAG_BYTES.double1;
	body.writeDoubleLE(value, place + 1);
	body[place + 9] = TAG_BYTES.varint2;
	let rest = at;
	for (let index = 0; index < TIME_BYTES; index += 1) {
		body[place + 10 + index] = (rest % 0x80) | (index < TIME_BYTES - 1 ? 0x80 : 0);
		rest = Math.floor(rest / 0x80);
	}
}

/** The length of what follows unpacked, then the tag of one literal that is all of it. */
function snappyHead(length: number): Buffer {
	const literal = Buffer.alloc(5);
	literal[0] = SNAPPY_LITERAL_OF_32_BITS;
	literal.writeUInt32LE(length - 1, 1);
	return Buffer.concat([varint(length), literal]);
}

function text(tag: number, value: string): Buffer {
	const bytes = Buffer.from(value, "utf8");
	return Buffer.concat([Buffer.from([tag]), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
	const bytes: number[] = [];
	let rest = value;
	while (rest >= 0x80) {
		bytes.push((rest % 0x80) | 0x80);
		rest = Math.floor(rest / 0x80);
	}
	return Buffer.from([...bytes, rest]);
}
