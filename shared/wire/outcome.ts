/**
 * What a record is made of, as whoever writes or reads one sees it: outcomes one by one, and the moment of
 * the record's making. Types only.
 */

/** Wall and monotonic time of the record's making, and the boot they belong to. */
export type RecordTime = {
	readonly wall: number;
	readonly monotonic: number;
	/** Thirty-two hex digits. */
	readonly boot: string;
};

export type RecordOutcome = {
	readonly device: string;
	/** Monotonic ms of the agent. */
	readonly measuredAt: number;
	readonly tookMilliseconds: number;
} & (
	| {
			readonly kind: "reading";
			readonly shape: string;
			/** By column of the shape; NaN marks an absent value inside the array only. */
			readonly values: Float64Array;
			readonly errorCodes: readonly string[];
			/** Fault code → count. */
			readonly faults: readonly (readonly [string, number])[];
	  }
	| { readonly kind: "failure"; readonly code: string; readonly what: string }
);

/** How many columns a shape has and their decimals, so that a reading can be read. */
export type ShapeLookup = (
	hash: string,
) => { readonly columns: readonly { readonly decimals: number }[] } | undefined;

export type RecordTables = { readonly texts: readonly string[]; readonly hashes: readonly string[] };
