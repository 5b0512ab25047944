/**
 * Finds measurements in a reading by name. Takes a reading with its shape; gives numbers, never NaN.
 *
 * Shapes are shared by thousands of devices, so the places of their columns are looked up once a shape.
 */
import type { Component } from "../../shared/device.js";
import type { MeasurementName } from "../../shared/measurements.js";
import type { LatestReading, Shape } from "../store/device-state.js";

type ComponentColumn = { readonly component: Component; readonly index: number };

type ShapeIndex = {
	/** Column by measurement, of the device as a whole. */
	readonly ofDevice: ReadonlyMap<string, number>;
	readonly ofComponents: ReadonlyMap<string, readonly ComponentColumn[]>;
	readonly gpuCount: number;
};

/** Where a measurement of the device as a whole stands in a reading. */
export function deviceColumnOf(shape: Shape, name: MeasurementName): number | undefined {
	return indexOf(shape).ofDevice.get(name);
}

export function deviceValue(latest: LatestReading, name: MeasurementName): number | undefined {
	const index = deviceColumnOf(latest.shape, name);
	return index === undefined ? undefined : present(valueAt(latest, index));
}

/** The components that have a column of this name, with their values; one that is absent stays in the list. */
export function componentValues(
	latest: LatestReading,
	name: MeasurementName,
): readonly { readonly component: Component; readonly value: number | undefined }[] {
	const columns = indexOf(latest.shape).ofComponents.get(name) ?? [];
	return columns.map(({ component, index }) => ({ component, value: present(valueAt(latest, index)) }));
}

/** NaN where it is absent. */
export function valueAt(latest: LatestReading, index: number): number | undefined {
	return latest.numberAt === undefined ? latest.values[index] : latest.numberAt(index);
}

/** NaN marks an absent value inside arrays only; here it becomes absent again. */
export function present(value: number | undefined): number | undefined {
	return value === undefined || Number.isNaN(value) ? undefined : value;
}

/** GPUs that have readings of their own. */
export function gpusListed(latest: LatestReading): number {
	return indexOf(latest.shape).gpuCount;
}

const indexOf = ofShape(madeIndex);

/**
 * Makes something of a shape when it is asked for first. Readings of one shape come together, so the one asked for
 * last is at hand.
 */
export function ofShape<Made>(make: (shape: Shape) => Made): (shape: Shape) => Made {
	const known = new WeakMap<Shape, Made>();
	let last: { readonly shape: Shape; readonly made: Made } | undefined;
	return (shape) => {
		if (last?.shape === shape) return last.made;
		const made = known.get(shape) ?? make(shape);
		known.set(shape, made);
		last = { shape, made };
		return made;
	};
}

function madeIndex(shape: Shape): ShapeIndex {
	const ofDevice = new Map<string, number>();
	const ofComponents = new Map<string, ComponentColumn[]>();
	const gpus = new Set<string>();
	shape.columns.forEach(({ measurement, component }, index) => {
		if (component === undefined) {
			ofDevice.set(measurement, index);
			return;
		}
		if (component.part === "gpu") gpus.add(component.key);
		const columns = ofComponents.get(measurement) ?? [];
		columns.push({ component, index });
		ofComponents.set(measurement, columns);
	});
	return { ofDevice, ofComponents, gpuCount: gpus.size };
}
