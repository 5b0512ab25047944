/**
 * Contracts that are paid whatever is drawn: leases of critical-IT power and commitments of GPUs. Pure.
 *
 * Takes a contract and a span; gives dollars that add up over spans, which devices it covers, and what is credited
 * for missed availability. A month's rent is spread over that calendar month of the site, so a whole month is the
 * rent exactly, whatever its length. Covered devices earn by the contract alone.
 */
import { SECONDS_PER_HOUR } from "../../shared/units.js";
import { type SlaStep, slaCreditRatio } from "./rental.js";
import { type Edges, zoneMonthEdges } from "./steps.js";

const MILLISECONDS_PER_HOUR = SECONDS_PER_HOUR * 1_000;

export type Contract = {
	readonly kind: "lease" | "commitment";
	readonly name: string;
	/** A rack, or the inventory's word for a use. */
	readonly covers: string;
	/** Unix ms, the site's midnights; the end not included. */
	readonly from: number;
	readonly to: number;
	readonly powerBorneBy: "operator" | "tenant";
	/** Of a lease: USD a calendar month, and the interconnect it takes. */
	readonly usdPerMonth?: number;
	readonly grossWatts?: number;
	/** Of a commitment. */
	readonly usdPerHour?: number;
	readonly sla: readonly SlaStep[];
};

export type Covered = { readonly rack?: string | undefined; readonly use?: string | undefined };

/** The contract in force over a device at a time; the configuration lets there be one at most. */
export function contractOf(
	contracts: readonly Contract[],
	{ rack, use }: Covered,
	at: number,
): Contract | undefined {
	return contracts.find(
		({ covers, from, to }) => (covers === use || covers === rack) && from <= at && at < to,
	);
}

/** What a contract pays from one instant to another, before credits. */
export class ContractPay {
	private readonly months: Edges;

	constructor(timeZone: string) {
		this.months = zoneMonthEdges(timeZone);
	}

	usd({ from, to, usdPerMonth, usdPerHour = 0 }: Contract, start: number, end: number): number {
		const last = Math.min(end, to);
		let usd = 0;
		for (let at = Math.max(start, from); at < last; ) {
			const month = this.months(at);
			const until = Math.min(last, month.end);
			usd +=
				usdPerMonth === undefined
					? (usdPerHour * (until - at)) / MILLISECONDS_PER_HOUR
					: (usdPerMonth * (until - at)) / (month.end - month.start);
			at = until;
		}
		return usd;
	}

	month(at: number): { readonly start: number; readonly end: number } {
		return this.months(at);
	}
}

/** Share of a month's pay that is credited for how long its devices answered; none where nobody knows. */
export function creditOf(
	{ sla }: Contract,
	{ secondsUp, secondsDown }: { readonly secondsUp: number; readonly secondsDown: number },
): { readonly availabilityRatio?: number; readonly creditRatio: number } {
	const known = secondsUp + secondsDown;
	if (known <= 0) return { creditRatio: 0 };
	const availabilityRatio = secondsUp / known;
	return { availabilityRatio, creditRatio: slaCreditRatio(sla, availabilityRatio) };
}

/** Capacity basis, for a year of 8,760 hours: what leases are compared by, since idle tenants do not earn less. */
export function usdPerGrossWattYear({ usdPerMonth, grossWatts }: Contract): number | undefined {
	if (usdPerMonth === undefined || grossWatts === undefined) return undefined;
	return (usdPerMonth * 12) / grossWatts;
}
