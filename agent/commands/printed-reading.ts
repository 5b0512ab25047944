/**
 * A reading as `fleetwatt decode` prints it: the measurement table's names, states as words, an hashrate of
 * another algorithm than SHA-256 with its unit. Pure.
 */
import { visible } from "../../shared/foreign-text.js";
import { MEASUREMENTS, type MeasurementName, measurement } from "../../shared/measurements.js";
import type { Reading, Values } from "../../shared/reading.js";
import type { Driver } from "../drivers/driver.js";

type Rate = { readonly value: number; readonly unit: string; readonly algorithm: string };

type PrintedValues = Readonly<Record<string, number | string | Rate>>;

type PrintedFault = { readonly code: string; readonly at: string };

export type PrintedReading = {
	/** The recorded state, by the file that tells it from the others. */
	readonly state: string;
	readonly driver: string;
	readonly make?: string;
	readonly model?: string;
	readonly firmware?: string;
	readonly serial?: string;
	readonly mac?: string;
	readonly hostname?: string;
	readonly algorithm?: string;
	readonly values: PrintedValues;
	readonly components: readonly {
		readonly part: string;
		/** The place among the parts of its kind, from 0. */
		readonly index: number;
		/** What the device calls it: a slot, a chain, a GPU's UUID. */
		readonly key: string;
		readonly values: PrintedValues;
	}[];
	/** What the device itself reports as wrong. */
	readonly errorCodes: readonly string[];
	/** Those, and values that could not be used. */
	readonly faults: readonly PrintedFault[];
};

export function printedReading(driver: Driver, state: string, reading: Reading): PrintedReading {
	const { identity, values, components, errorCodes, faults } = reading;
	const algorithm = identity.algorithm ?? "unknown";
	const counts = new Map<string, number>();
	return {
		state,
		driver: driver.name,
		...identity,
		values: printedValues(values, algorithm),
		components: components.map(({ part, key, values: own }) => {
			const index = counts.get(part) ?? 0;
			counts.set(part, index + 1);
			return { part, index, key, values: printedValues(own, algorithm) };
		}),
		errorCodes,
		faults: [
			...errorCodes.map((code) => ({ code: "DEVICE_REPORTS_ERROR", at: code })),
			...faults.filter(({ code }) => code !== "REPAIRED"),
		],
	};
}

function printedValues(values: Values, algorithm: string): PrintedValues {
	const printed: Record<string, number | string | Rate> = {};
	for (const [name, value] of Object.entries(values) as [MeasurementName, number][])
		printed[name] = measurement(name).words?.[value] ?? withoutNoise(value);
	const other = values.otherAlgorithmHashrateHashesPerSecond;
	if (other !== undefined)
		printed["hashrate"] = { value: withoutNoise(other), unit: unitOf(algorithm), algorithm };
	return printed;
}

/** 11.8503, not 11.850299999999999: no device sends more digits. */
function withoutNoise(value: number): number {
	return Number(value.toPrecision(DIGITS_MOST));
}

const DIGITS_MOST = 12;

/** Equihash counts solutions. */
function unitOf(algorithm: string): string {
	return algorithm.startsWith("equihash") ? "Sol/s" : "H/s";
}

export function readingText(reading: PrintedReading): string {
	const { make, model, firmware, serial, algorithm } = reading;
	const who = [make, model, firmware, serial, algorithm].filter((word) => word !== undefined);
	return [
		`${visible(reading.state)}  ${reading.driver}  ${who.join(" · ")}`,
		...valueLines(reading.values),
		...reading.components.map(
			({ part, key, values }) =>
				`  ${part} ${key}: ${valueLines(values)
					.map((line) => line.trim())
					.join(", ")}`,
		),
		...reading.faults.map(({ code, at }) => `  fault ${code}: ${at}`),
	].join("\n");
}

function valueLines(values: PrintedValues): readonly string[] {
	return Object.entries(values).flatMap(([name, value]) => {
		if (typeof value === "object") return [`  hashrate ${value.value} ${value.unit} (${value.algorithm})`];
		const unit = name in MEASUREMENTS ? measurement(name as MeasurementName).unit : "";
		return [`  ${name} ${value}${unit === "" ? "" : ` ${unit}`}`];
	});
}
