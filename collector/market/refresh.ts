/**
 * What the market-refresh job runs: brings the inputs stated in the configuration into the store.
 *
 * Takes a function that reads the configuration again and one that records; hands over what changed.
 * Append-only: it never rewrites an input, and one that vanishes from the configuration grows old
 * where it is.
 */
import type { Clock } from "../../shared/clock.js";
import {
	type ConfiguredInput,
	MARKET_INPUT_NAMES,
	MARKET_INPUTS,
	type MarketInputName,
	OPTIONAL_INPUTS,
} from "../../shared/config/collector.js";
import { type Failure, failure } from "../../shared/failures.js";
import type { StoredInput } from "../store/device-state.js";
import { isPlausibleInput } from "./book.js";

export type StatedInput = Pick<
	ConfiguredInput,
	"name" | "value" | "unit" | "source" | "observedAt" | "isExample"
>;

export type MarketRefreshOptions = {
	/** Reads the configuration anew; a file that cannot be read is a failure and changes nothing. */
	readonly read: () => Promise<readonly StatedInput[] | Failure>;
	readonly stored: () => readonly StoredInput[];
	readonly record: (inputs: readonly StoredInput[]) => Promise<void> | void;
	readonly clock: Pick<Clock, "now">;
	/** Inputs that a tariff, a file or a feed brings: nobody need state them. */
	readonly broughtElsewhere?: readonly MarketInputName[];
};

export type MarketRefreshed = {
	readonly recorded: number;
	/** Inputs that nobody stated and inputs that cannot be true. */
	readonly failures: readonly Failure[];
};

export async function refreshMarket(options: MarketRefreshOptions): Promise<MarketRefreshed> {
	const stated = await options.read();
	if (isFailure(stated)) return { recorded: 0, failures: [stated] };
	const failures: Failure[] = missing(stated, options.broughtElsewhere ?? []);
	let recorded = 0;
	for (const { name, value, unit, source, observedAt, isExample } of stated) {
		if (!isPlausibleInput(name, value)) {
			failures.push(implausible(name, value));
			continue;
		}
		const input = { name, value, unit, source, observedAt, isExample };
		if (isRecorded(options.stored(), input)) continue;
		const knownFrom = options.clock.now();
		await options.record([{ ...input, validFrom: observedAt, knownFrom, quality: "assumed" }]);
		recorded += 1;
	}
	return { recorded, failures };
}

function missing(stated: readonly StatedInput[], elsewhere: readonly MarketInputName[]): Failure[] {
	const names = new Set<MarketInputName>([...stated.map(({ name }) => name), ...elsewhere]);
	return MARKET_INPUT_NAMES.filter((name) => !names.has(name) && !OPTIONAL_INPUTS.has(name)).map((name) =>
		failure("INPUT_MISSING", `market.${name} is not stated.`),
	);
}

function implausible(name: MarketInputName, value: number): Failure {
	const { from, to } = MARKET_INPUTS[name];
	return failure("INPUT_MISSING", `market.${name} is ${value}; ${from} to ${to} can be. It is left out.`);
}

/** Whether the newest knowledge of this validity says the same already. */
function isRecorded(stored: readonly StoredInput[], input: StatedInput): boolean {
	let newest: StoredInput | undefined;
	for (const known of stored) {
		if (known.name !== input.name || known.validFrom !== input.observedAt) continue;
		if (newest === undefined || known.knownFrom >= newest.knownFrom) newest = known;
	}
	return (
		newest !== undefined &&
		newest.value === input.value &&
		newest.source === input.source &&
		newest.isExample === input.isExample
	);
}

function isFailure(stated: readonly StatedInput[] | Failure): stated is Failure {
	return "code" in stated;
}
