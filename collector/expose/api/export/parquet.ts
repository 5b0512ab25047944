/**
 * An export as Parquet: a row a value, in row groups of bounded size. Form: EXPORT_FORMAT.md.
 *
 * Takes the store and a request; gives bytes in slices, a row group at a time. The library is loaded when
 * the first export wants it, so that a collector that never exports does not carry it.
 */
import { invariant } from "../../../../shared/invariant.js";
import type { Columns, DeviceState, SeriesStore } from "../../../store/device-state.js";
import { namesOf, type ValueNames } from "./names.js";
import { NOTHING, piecesOf } from "./pieces.js";
import { type ExportRequest, isWanted } from "./request.js";

type Library = typeof import("hyparquet-writer");

/** Encoding one takes some tens of milliseconds, in which nothing else runs. */
const ROW_GROUP_ROWS = 32_768;
/** Each leaves some kilobytes behind until the end is written; twice what complaintOfSize lets through. */
const ROW_GROUPS_MOST = 8_192;

const TEXT_COLUMNS = ["site", "device", "part", "component", "measurement", "unit"] as const;

export async function* parquetExport(store: SeriesStore, request: ExportRequest): AsyncGenerator<Uint8Array> {
	const file = new ParquetFile(await import("hyparquet-writer"));
	for (const device of request.devices) {
		for await (const piece of piecesOf(store, device, request)) {
			if (piece === undefined) yield NOTHING;
			else yield* rowGroups(file, device, piece, request);
		}
	}
	yield file.rowGroup();
	yield file.end();
}

function* rowGroups(
	file: ParquetFile,
	device: DeviceState,
	{ columns, times, values }: Columns,
	request: ExportRequest,
): Generator<Uint8Array> {
	for (const [index, column] of columns.entries()) {
		if (!isWanted(column, request)) continue;
		const names = namesOf(device, column);
		for (const [row, value] of (values[index] ?? NO_VALUES).entries()) {
			if (!Number.isNaN(value) && file.add(names, times[row] ?? 0, value)) yield file.rowGroup();
		}
	}
}

const NO_VALUES = new Float64Array();

class ParquetFile {
	private readonly bytes: InstanceType<Library["ByteWriter"]>;
	private readonly writer: InstanceType<Library["ParquetWriter"]>;
	private readonly names: ValueNames[] = [];
	private readonly times = new BigInt64Array(ROW_GROUP_ROWS);
	private readonly values = new Float64Array(ROW_GROUP_ROWS);
	private rowGroups = 0;

	constructor({ ByteWriter, ParquetWriter }: Library) {
		this.bytes = new ByteWriter();
		this.writer = new ParquetWriter({
			writer: this.bytes,
			createdBy: "fleetwatt",
			schema: [
				{ name: "root", num_children: TEXT_COLUMNS.length + 2 },
				{
					name: "time",
					type: "INT64",
					converted_type: "TIMESTAMP_MILLIS",
					logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
					repetition_type: "REQUIRED",
				},
				...TEXT_COLUMNS.map((name) => ({
					name,
					type: "BYTE_ARRAY" as const,
					converted_type: "UTF8" as const,
					logical_type: { type: "STRING" as const },
					repetition_type:
						name === "part" || name === "component" ? ("OPTIONAL" as const) : ("REQUIRED" as const),
				})),
				{ name: "value", type: "DOUBLE", repetition_type: "REQUIRED" },
			],
		});
	}

	/** Gives whether the row group is full. */
	add(names: ValueNames, at: number, value: number): boolean {
		const row = this.names.length;
		this.names.push(names);
		this.times[row] = BigInt(at);
		this.values[row] = value;
		return this.names.length === ROW_GROUP_ROWS;
	}

	rowGroup(): Uint8Array {
		const rows = this.names.length;
		if (rows > 0) {
			this.rowGroups += 1;
			invariant(this.rowGroups <= ROW_GROUPS_MOST, `at most ${ROW_GROUPS_MOST} row groups in a file`);
			const text = (name: (typeof TEXT_COLUMNS)[number]) =>
				this.names.map((names) => (names[name] === "" && name !== "unit" ? undefined : names[name]));
			void this.writer.write({
				rowGroupSize: ROW_GROUP_ROWS,
				columnData: [
					{
						name: "time",
						data: this.times.subarray(0, rows),
						encoding: "DELTA_BINARY_PACKED",
						offsetIndex: false,
					},
					...TEXT_COLUMNS.map((name) => ({ name, data: text(name), offsetIndex: false })),
					{ name: "value", data: this.values.subarray(0, rows), offsetIndex: false },
				],
			});
			this.names.length = 0;
		}
		return this.taken();
	}

	end(): Uint8Array {
		void this.writer.finish();
		return this.taken();
	}

	/** What was written since the last time; the library goes on counting bytes, the buffer starts anew. */
	private taken(): Uint8Array {
		const taken = Uint8Array.from(this.bytes.getBytes());
		this.bytes.index = 0;
		return taken;
	}
}
