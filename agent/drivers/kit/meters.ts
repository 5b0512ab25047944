/**
 * Meters as drivers: from a table of SNMP objects or of Modbus registers, the maker's or the configuration's, to
 * requests, layout and reads. Pure. What a meter measures is metered, at the wall or at the feeder of what it feeds.
 */
import type { MeasurementName, PowerBoundary } from "../../../shared/measurements.js";
import type { RegisterType } from "../../../shared/registers.js";
import { type Driver, type DriverDefinition, defineDriver, type Parsed, type Unit } from "../driver.js";
import { type AnyRecord, at, numberOf, recordOf } from "./reading.js";

type About = Pick<
	DriverDefinition,
	"name" | "title" | "makes" | "models" | "firmwares" | "source" | "grade" | "caveats"
> & { readonly boundary: PowerBoundary };

/** Measurement by measurement: where it stands, and the meter's unit. */
export type SnmpTable = Readonly<
	Partial<
		Record<
			MeasurementName,
			{ readonly oid: string; readonly unit: Unit; readonly absent?: readonly number[] }
		>
	>
>;

export type SnmpMeter = About & {
	/** Of the whole meter. A single object, or a column whose rows (inlets, phases) are added up or averaged. */
	readonly meter: SnmpTable;
	/** Columns with a row for each outlet. */
	readonly outlets?: SnmpTable;
	readonly identity?: DriverDefinition["identity"];
	/** Objects for the identity. */
	readonly identityOids?: readonly string[];
};

/** Instances end in a row's number; single objects in .0. */
const isSingle = (oid: string) => oid.endsWith(".0");
/** Rows of a meter stand side by side: their watts add up, their volts do not. */
const ADDED: ReadonlySet<MeasurementName> = new Set([
	"powerWatts",
	"apparentPowerVoltAmperes",
	"energyConsumedJoules",
	"inputCurrentAmperes",
]);

export function snmpMeter(given: SnmpMeter): Driver {
	const { meter, outlets = {}, identity = {}, identityOids = [], boundary, ...about } = given;
	const ofMeter = Object.entries(meter);
	const columns = [...ofMeter, ...Object.entries(outlets)]
		.map(([, { oid }]) => oid)
		.filter((oid) => !isSingle(oid));
	const singles = ofMeter.map(([, { oid }]) => oid).filter(isSingle);
	const names = new Set(columns);
	return defineDriver({
		...about,
		kind: "meter",
		requests: {
			values: { over: "snmp", format: "json", get: singles, walk: [...names] },
			...(identityOids.length > 0 && {
				identity: {
					over: "snmp",
					format: "json",
					get: identityOids.filter(isSingle),
					walk: identityOids.filter((oid) => !isSingle(oid)),
					optional: true,
					rarely: true,
				} as const,
			}),
		},
		atLeastOne: ["values"],
		recognises: () => false,
		layOut: ({ values, identity: said }) => ({
			...tables(values, names, singles),
			outlets: outletRows(
				values,
				Object.values(outlets).map(({ oid }) => oid),
			),
			identity: firstByColumn(said, identityOids),
		}),
		identity,
		power: { source: "metered", boundary },
		reads: Object.fromEntries(
			ofMeter.map(([name, { oid, unit, absent }]) => [
				name,
				{
					at: ["columns", oid, "*"],
					unit,
					of: ADDED.has(name as MeasurementName) ? "sum" : "mean",
					...(absent && { absent }),
				},
			]),
		),
		components: [
			{
				part: "outlet",
				each: ["outlets"],
				key: ["key"],
				reads: Object.fromEntries(
					Object.entries(outlets).map(([name, { oid, unit, absent }]) => [
						name,
						{ at: [oid], unit, ...(absent && { absent }) },
					]),
				),
			},
		],
	});
}

function tables(values: unknown, columns: ReadonlySet<string>, singles: readonly string[]): Parsed {
	const found: Record<string, Record<string, unknown>> = {};
	for (const oid of singles) {
		const value = at(values, oid);
		if (value !== undefined) found[oid] = { "0": value };
	}
	for (const column of columns) {
		const rows = rowsOf(values, column);
		if (rows.length > 0) found[column] = Object.fromEntries(rows);
	}
	return { columns: found };
}

function rowsOf(values: unknown, column: string): readonly (readonly [index: string, value: unknown])[] {
	const prefix = `${column}.`;
	return Object.entries(recordOf(values) ?? {}).flatMap(([oid, value]) =>
		oid.startsWith(prefix) ? [[oid.slice(prefix.length), value] as const] : [],
	);
}

function outletRows(values: unknown, columns: readonly string[]): readonly AnyRecord[] {
	const rows = new Map<string, Record<string, unknown>>();
	for (const column of columns)
		for (const [index, value] of rowsOf(values, column))
			rows.set(index, { ...rows.get(index), key: index, [column]: value });
	return [...rows.values()];
}

function firstByColumn(said: unknown, oids: readonly string[]): AnyRecord {
	return Object.fromEntries(
		oids.flatMap((oid) => {
			const value = isSingle(oid) ? at(said, oid) : rowsOf(said, oid)[0]?.[1];
			return value === undefined ? [] : [[oid, value]];
		}),
	);
}

export type Register = {
	/** As it stands in the frame, counted from 0. */
	readonly address: number;
	readonly type: RegisterType;
	/** Which 16-bit word comes first; "high" where the maker does not say. */
	readonly firstWord?: "high" | "low";
	readonly unit: Unit;
	readonly absent?: readonly number[];
};

export type ModbusMeter = About & {
	readonly registers: "holding" | "input";
	readonly meter: Readonly<Partial<Record<MeasurementName, Register | readonly Register[]>>>;
	readonly make?: string;
	readonly model?: string;
};

const WORDS: Readonly<Record<RegisterType, number>> = {
	uint16: 1,
	int16: 1,
	uint32: 2,
	int32: 2,
	float32: 2,
	uint64: 4,
	int64: 4,
	float64: 4,
};

export function modbusMeter({ meter, registers, make, model, boundary, ...about }: ModbusMeter): Driver {
	const all = Object.values(meter).flatMap((one) => one);
	return defineDriver({
		...about,
		kind: "meter",
		requests: { registers: { over: "modbus", format: "json", registers, reads: spans(all) } },
		recognises: () => false,
		layOut: ({ registers: words }) => ({
			values: Object.fromEntries(
				all.flatMap((register) => {
					const value = valueAt(words, register);
					return value === undefined ? [] : [[String(register.address), value]];
				}),
			),
		}),
		identity: { ...(make !== undefined && { make }), ...(model !== undefined && { model }) },
		power: { source: "metered", boundary },
		reads: Object.fromEntries(
			Object.entries(meter).map(([name, one]) => [
				name,
				[one].flat().map(({ address, unit, absent }) => ({
					at: ["values", String(address)],
					unit,
					...(absent && { absent }),
				})),
			]),
		),
		components: [],
	});
}

/** Registers that stand close are asked together: a question costs a round trip, a register two bytes. */
const GAP_MOST = 16;
const SPAN_MOST = 120;

function spans(
	registers: readonly Register[],
): readonly { readonly address: number; readonly count: number }[] {
	const sorted = [...registers].sort((one, other) => one.address - other.address);
	const found: { address: number; count: number }[] = [];
	for (const { address, type } of sorted) {
		const last = found.at(-1);
		const end = address + WORDS[type];
		const isNear = last !== undefined && address <= last.address + last.count + GAP_MOST;
		if (isNear && end - last.address <= SPAN_MOST) last.count = Math.max(last.count, end - last.address);
		else found.push({ address, count: WORDS[type] });
	}
	return found;
}

function valueAt(words: unknown, { address, type, firstWord = "high" }: Register): number | undefined {
	const bytes = Buffer.alloc(WORDS[type] * 2);
	for (let place = 0; place < WORDS[type]; place++) {
		const word = numberOf(at(words, String(address + place)));
		if (word === undefined || !Number.isInteger(word) || word < 0 || word > 0xffff) return undefined;
		bytes.writeUInt16BE(word, (firstWord === "high" ? place : WORDS[type] - 1 - place) * 2);
	}
	const value = READ[type](bytes);
	return Number.isFinite(value) ? value : undefined;
}

const READ: Readonly<Record<RegisterType, (bytes: Buffer) => number>> = {
	uint16: (bytes) => bytes.readUInt16BE(),
	int16: (bytes) => bytes.readInt16BE(),
	uint32: (bytes) => bytes.readUInt32BE(),
	int32: (bytes) => bytes.readInt32BE(),
	uint64: (bytes) => Number(bytes.readBigUInt64BE()),
	int64: (bytes) => Number(bytes.readBigInt64BE()),
	float32: (bytes) => bytes.readFloatBE(),
	float64: (bytes) => bytes.readDoubleBE(),
};
