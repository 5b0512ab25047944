/**
 * What stands beside every value of an export: whose it is, and in which unit.
 *
 * Takes a device and a column; gives texts. A measurement that this program does not know yet (a newer
 * agent's) has no unit here.
 */
import { isMeasurementName, measurement } from "../../../../shared/measurements.js";
import type { Column, DeviceState } from "../../../store/device-state.js";

export type ValueNames = {
	readonly site: string;
	readonly device: string;
	/** Empty: the device as a whole. */
	readonly part: string;
	readonly component: string;
	readonly measurement: string;
	readonly unit: string;
};

export function namesOf({ site, key }: DeviceState, { measurement: name, component }: Column): ValueNames {
	return {
		site,
		device: key,
		part: component?.part ?? "",
		component: component?.key ?? "",
		measurement: name,
		unit: isMeasurementName(name) ? measurement(name).unit : "",
	};
}

/** ISO 8601 in UTC with milliseconds. */
export function isoTime(at: number): string {
	return new Date(at).toISOString();
}
