/**
 * What an export takes along, and how much that may be at most.
 *
 * Takes checked parameters; gives the request or the one complaint that says what is allowed. Decides
 * before anything is read; an export under way is never cut short.
 */
import { MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR } from "../../../../shared/units.js";
import type { Column, DeviceState } from "../../../store/device-state.js";

export const EXPORT_FORMATS = ["csv", "ndjson", "parquet", "openmetrics"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export type ExportRequest = {
	readonly format: ExportFormat;
	readonly from: number;
	readonly to: number;
	/** In the order in which they are written. */
	readonly devices: readonly DeviceState[];
	/** Absent: all of them. */
	readonly measurements?: ReadonlySet<string>;
};

/**
 * About how many values one export may hold. The end of a Parquet file lists its row groups, which stay in
 * memory until then; OpenMetrics is read by programs that keep all of it.
 */
const VALUES_MOST: Readonly<Record<ExportFormat, number>> = {
	csv: 2_000_000_000,
	ndjson: 2_000_000_000,
	parquet: 100_000_000,
	openmetrics: 100_000_000,
};
/** Hours of devices, with readings or without: each is looked for. */
const DEVICE_HOURS_MOST = 2_000_000;
/** The same of single series, which OpenMetrics wants one after another. */
const SERIES_HOURS_MOST = 2_000_000;
const MILLISECONDS_PER_HOUR = SECONDS_PER_HOUR * MILLISECONDS_PER_SECOND;

export function complaintOfSize(request: ExportRequest): string | undefined {
	const { format, from, to, devices } = request;
	const hours = Math.ceil((to - from) / MILLISECONDS_PER_HOUR);
	const deviceHours = hours * devices.length;
	if (deviceHours > DEVICE_HOURS_MOST) {
		return `${hours} hours of ${devices.length} devices are asked for; ${DEVICE_HOURS_MOST} hours of devices are allowed. Ask for a shorter range or fewer devices.`;
	}
	let values = 0;
	let series = 0;
	for (const device of devices) {
		const readings = (to - from) / MILLISECONDS_PER_SECOND / device.description.pollIntervalSeconds;
		const columns = wantedCount(device, request);
		series += columns;
		values += readings * columns;
	}
	if (values > VALUES_MOST[format]) {
		return `About ${Math.round(values)} values are asked for; ${VALUES_MOST[format]} are allowed as ${format}. Ask for a shorter range, fewer devices or fewer measurements.`;
	}
	if (format === "openmetrics" && series * hours > SERIES_HOURS_MOST) {
		return `${hours} hours of about ${series} series are asked for; ${SERIES_HOURS_MOST} hours of series are allowed as openmetrics. Ask for a shorter range, fewer devices or fewer measurements.`;
	}
	return undefined;
}

/** As the newest reading has them; what the past had may differ a little. */
function wantedCount({ latest }: DeviceState, request: ExportRequest): number {
	const columns = latest?.shape.columns ?? [];
	return Math.max(1, columns.filter((column) => isWanted(column, request)).length);
}

export function isWanted(
	{ measurement }: Pick<Column, "measurement">,
	{ measurements }: Pick<ExportRequest, "measurements">,
): boolean {
	return measurements === undefined || measurements.has(measurement);
}
