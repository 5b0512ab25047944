/**
 * What one device said at one instant, in our units; and what became of asking it.
 *
 * A measurement the device did not report is absent, never zero: zero is a statement ("the fan stands
 * still"), absence is another ("this model has no fan sensor"). Data and health stay apart: a failed
 * poll carries no values, so old ones cannot look alive.
 */
import type { Component, Identity } from "./device.js";
import type { FailureCode } from "./failures.js";
import type { MeasurementName } from "./measurements.js";
import type { MonotonicMilliseconds, Seconds } from "./units.js";

export type Values = Readonly<Partial<Record<MeasurementName, number>>>;

export type ComponentReading = Component & { readonly values: Values };

export type Reading = {
	readonly identity: Identity;
	readonly values: Values;
	readonly components: readonly ComponentReading[];
	/** Error words the device shows, as it writes them ("205", "ECHU:512"); at most 32. */
	readonly errorCodes: readonly string[];
	/** Values that were there and could not be used, and vendor defects that were repaired. */
	readonly faults: readonly Fault[];
};

/** `at` names where in the answers; counted by code on the way to /metrics. */
export type Fault = { readonly code: FailureCode | "REPAIRED"; readonly at: string };

/** One poll's result. `measuredAt` is when the last byte of the last answer arrived. */
export type Outcome = {
	readonly endpoint: string;
	readonly measuredAt: MonotonicMilliseconds;
	readonly took: Seconds;
} & (
	| { readonly kind: "reading"; readonly reading: Reading }
	| { readonly kind: "failure"; readonly code: FailureCode; readonly what: string }
);
