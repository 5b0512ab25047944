/**
 * Getting data out: an export as a body that is written while it is read, and how many at a time.
 *
 * Takes the store and a checked request; gives a body in one of four forms. Memory is bounded by an hour
 * of one device and a slice of text, however long the export is and however slow its reader.
 */
import type { SeriesStore } from "../../../store/device-state.js";
import type { Body } from "../reply.js";
import { csvExport } from "./csv.js";
import { ndjsonExport } from "./ndjson.js";
import { openMetricsExport } from "./open-metrics.js";
import { parquetExport } from "./parquet.js";
import type { ExportFormat, ExportRequest } from "./request.js";

export const EXPORTS_MOST = 2;

type Form = {
	readonly contentType: string;
	readonly ending: string;
	readonly open: (store: SeriesStore, request: ExportRequest) => AsyncIterable<Uint8Array>;
};

export const EXPORT_FORMS: Readonly<Record<ExportFormat, Form>> = {
	csv: { contentType: "text/csv; charset=utf-8; header=present", ending: "csv", open: csvExport },
	ndjson: { contentType: "application/x-ndjson", ending: "ndjson", open: ndjsonExport },
	parquet: { contentType: "application/vnd.apache.parquet", ending: "parquet", open: parquetExport },
	openmetrics: {
		contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
		ending: "om",
		open: openMetricsExport,
	},
};

export function exportBody(store: SeriesStore, request: ExportRequest): Body {
	const { contentType, ending, open } = EXPORT_FORMS[request.format];
	return {
		kind: "stream",
		contentType,
		fileName: `fleetwatt.${ending}`,
		open: () => open(store, request),
	};
}

/** Lets so many run; who comes then is told at once. */
export class Slots {
	private free: number;

	constructor(most: number) {
		this.free = most;
	}

	/** Gives how to hand the slot back, once; undefined: all are taken. */
	take(): (() => void) | undefined {
		if (this.free === 0) return undefined;
		this.free -= 1;
		let isTaken = true;
		return () => {
			if (isTaken) this.free += 1;
			isTaken = false;
		};
	}
}
