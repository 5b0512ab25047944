/**
 * An export as OpenMetrics text, for a Prometheus that takes blocks. Form: EXPORT_FORMAT.md.
 *
 * Takes the store and a request; gives bytes in slices: a family after another, in it a series after
 * another, in it samples by time. So the store is asked twice: which series there are, then each of them.
 * Names and labels are those of /metrics; what it shows from estimates is no reading and not here.
 */
import {
	isMeasurementName,
	MEASUREMENT_NAMES,
	type MeasurementName,
	measurement,
} from "../../../../shared/measurements.js";
import { MILLISECONDS_PER_SECOND } from "../../../../shared/units.js";
import type { Column, Columns, DeviceState, SeriesStore } from "../../../store/device-state.js";
import { type Label, labelText } from "../../metrics/text-writer.js";
import { ByteText } from "../byte-text.js";
import { NOTHING, piecesOf } from "./pieces.js";
import { type ExportRequest, isWanted } from "./request.js";

const SLICE_BYTES = 64 * 1_024;
const END = "# EOF\n";
const TOTAL = /_total$/;

type Family = {
	readonly name: string;
	readonly isCounter: boolean;
	readonly help: string;
	readonly isComponent: boolean;
	readonly members: ReadonlySet<string>;
};

type DeviceColumns = { readonly device: DeviceState; readonly columns: readonly Column[] };

export async function* openMetricsExport(
	store: SeriesStore,
	request: ExportRequest,
): AsyncGenerator<Uint8Array> {
	const found: DeviceColumns[] = [];
	const shared = new Map<string, readonly Column[]>();
	for (const device of request.devices) {
		const columns = new Map<string, Column>();
		for await (const piece of piecesOf(store, device, request)) {
			for (const column of piece?.columns ?? []) columns.set(placeOf(column), column);
			if (piece === undefined) yield NOTHING;
		}
		found.push({ device, columns: sharedColumns(columns, request, shared) });
	}
	const text = new ByteText();
	for (const family of FAMILIES) yield* familyText(text, family, found, { store, request });
	text.text(END);
	yield* text.take();
}

/** A thousand devices of one model have one list. */
function sharedColumns(
	columns: ReadonlyMap<string, Column>,
	request: ExportRequest,
	shared: Map<string, readonly Column[]>,
): readonly Column[] {
	const key = [...columns.keys()].sort().join("\n");
	const made =
		shared.get(key) ??
		[...columns.entries()]
			.sort(([one], [other]) => (one < other ? -1 : 1))
			.map(([, column]) => column)
			.filter((column) => isMeasurementName(column.measurement) && isWanted(column, request));
	shared.set(key, made);
	return made;
}

type Source = { readonly store: SeriesStore; readonly request: ExportRequest };

async function* familyText(
	text: ByteText,
	family: Family,
	found: readonly DeviceColumns[],
	source: Source,
): AsyncGenerator<Uint8Array> {
	let isOpen = false;
	for (const { device, columns } of found) {
		for (const column of columns) {
			if (!isOf(family, column)) continue;
			const before = isOpen ? "" : headerOf(family);
			isOpen = true;
			yield* seriesText(text, { family, device, column, before }, source);
		}
	}
}

function isOf({ isComponent, members }: Family, { measurement: name, component }: Column): boolean {
	return members.has(name) && (component !== undefined) === isComponent;
}

type Series = {
	readonly family: Family;
	readonly device: DeviceState;
	readonly column: Column;
	/** Stands before the first sample. */
	readonly before: string;
};

async function* seriesText(
	text: ByteText,
	{ family, device, column, before }: Series,
	{ store, request: { from, to } }: Source,
): AsyncGenerator<Uint8Array> {
	text.text(before);
	const factor = isMeasurementName(column.measurement) ? measurement(column.measurement).factor : 1;
	const head = Buffer.from(`${family.name}{${labelText(labelsOf(device, column))}} `);
	for await (const piece of piecesOf(store, device, { from, to, columns: [column] })) {
		if (piece !== undefined) writeSamples(text, head, factor, piece);
		if (piece === undefined) yield NOTHING;
		else if (text.length >= SLICE_BYTES) yield* text.take();
	}
}

function writeSamples(
	text: ByteText,
	head: Buffer,
	factor: number,
	{ times, values: [values] }: Columns,
): void {
	for (let row = 0; row < times.length; row++) {
		const value = values?.[row] ?? Number.NaN;
		if (Number.isNaN(value)) continue;
		text.bytes(head);
		text.number(factor === 1 ? value : Math.round(value * factor));
		text.text(` ${secondsText(times[row] ?? 0)}\n`);
	}
}

const DIGITS_OF_MILLISECONDS = 3;

function secondsText(at: number): string {
	const whole = Math.floor(at / MILLISECONDS_PER_SECOND);
	const rest = String(at - whole * MILLISECONDS_PER_SECOND).padStart(DIGITS_OF_MILLISECONDS, "0");
	return `${whole}.${rest}`;
}

function placeOf({ measurement: name, component }: Column): string {
	return `${name}\t${component?.part ?? ""}\t${component?.key ?? ""}`;
}

function headerOf({ name, isCounter, help }: Family): string {
	const family = isCounter ? name.replace(TOTAL, "") : name;
	const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
	return `# HELP ${family} ${escaped}\n# TYPE ${family} ${isCounter ? "counter" : "gauge"}\n`;
}

function labelsOf(
	{ site, key, description }: DeviceState,
	{ measurement: name, component }: Column,
): Label[] {
	const { rack = "", model = "", algorithm = "" } = description;
	const labels: Label[] = [
		["site", site],
		["rack", rack],
		["device", key],
		["model", model],
	];
	if (component !== undefined) labels.push(["part", component.part], ["component", component.key]);
	if (!isMeasurementName(name)) return labels;
	const { sensor, exposeAs } = measurement(name);
	if (component === undefined && exposeAs.startsWith("other_algorithm_"))
		labels.push(["algorithm", algorithm]);
	else if (sensor !== undefined) labels.push(["sensor", sensor]);
	return labels;
}

const FAMILIES: readonly Family[] = [false, true].flatMap((isComponent) => {
	const families = new Map<string, MeasurementName[]>();
	for (const name of MEASUREMENT_NAMES) {
		const exposed = `fleetwatt_${isComponent ? "component" : "device"}_${measurement(name).exposeAs}`;
		families.set(exposed, [...(families.get(exposed) ?? []), name]);
	}
	return [...families].map(([name, members]) => {
		const [first] = members.map((member) => measurement(member));
		return {
			name,
			isCounter: first?.kind === "counter" && TOTAL.test(name),
			help: first?.help ?? "",
			isComponent,
			members: new Set<string>(members),
		};
	});
});
